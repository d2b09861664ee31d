/* SPDX-License-Identifier: Apache-2.0
 *
 * Consensus: one server of a Raft group as one pure step.
 *
 *     state + event + time in, effects out
 *
 * The core has no clock, no disk, no network and no thread.  The caller feeds
 * events and carries out the effects.  The rules between the two:
 *
 * Time     'now_ns' is local, monotonic, never falls.  The caller owes a TICK
 *          at 'deadline_ns' of the latest effects; an early TICK is harmless,
 *          so a timer need not be moved each time the deadline grows.
 * Disk     one ordered queue.  Writes carry rising ids; the caller performs
 *          them in order and reports PERSISTED(id), which says that every
 *          write up to and including 'id' is durable (one report may cover
 *          many).  A crash loses a suffix of the queue, nothing else.
 * Sending  every message in the effects may leave at once: the core itself
 *          holds back what depends on a write that is not durable yet.
 *          Messages may be lost, doubled and reordered.
 * Failure  PERSISTED with an error is fatal: this and every later step returns
 *          ERR_IO.  Destroy the object and start again from what is durable.
 *          A failed write is never repeated.
 * Memory   from the caller's allocator only, bounded by 'log_bytes_max' plus
 *          a fixed part.  ERR_NOMEM from a step: a request was not made, a
 *          message counts as lost; the object stays good.  No other event
 *          fails for want of memory.
 * Effects  arrays and data belong to the core, valid until its next call.
 * Outcome  a proposal is answered when its entry appears in 'apply' with its
 *          context.  After 'stepped_down' the outcome of every unanswered one
 *          is UNKNOWN: it may still be committed, without its context.
 * Restart  raft_create() with what is durable, raft_restore() for each durable
 *          entry after the snapshot, raft_start().  'apply' then begins after
 *          the snapshot again.
 */
#ifndef NOS_RAFT_RAFT_H
#define NOS_RAFT_RAFT_H

#include "reference-nos/raft/raft_msg.h"

struct raft; /* Opaque. */

struct raft_alloc {
    void *(*alloc)(void *arg, size_t size); /* NULL: limit reached. */
    void (*free)(void *arg, void *ptr);     /* Accepts NULL. */
    void *arg;
};

/* Planted bugs; only a build with SIXNINES_MUTANTS obeys. */
enum raft_mutation {
    RAFT_MUTATION_NONE = 0,
    RAFT_MUTATION_ACK_BEFORE_DURABLE,
    RAFT_MUTATION_COMMIT_OLD_TERM,
    RAFT_MUTATION_PREVOTE_NO_TERM,
    RAFT_MUTATION_IGNORE_STORAGE_ERROR,
};

struct raft_config {
    uint64_t self;
    uint64_t incarnation; /* Higher than in any former life. */

    /* Any 32 random bits; the only source of chance. */
    uint32_t (*random)(void *arg);
    void *random_arg;

    uint64_t heartbeat_ns;       /* 50 ms. */
    uint64_t election_min_ns;    /* 150 ms: also how long a vote is refused
                                    after a leader was heard. */
    uint64_t election_max_ns;    /* 300 ms: also how long a leader leads
                                    without hearing a quorum. */
    unsigned election_scale_pct; /* Own patience, 100 and up; the arbiter
                                    has more. */
    bool prefer_not_to_lead;     /* Hands leadership on when it can. */

    size_t log_bytes_max;        /* Data and overhead of the log. */
    unsigned inflight_max;       /* Unanswered APPENDs per peer, 1 to 16. */
    unsigned append_entries_max; /* 1 to RAFT_APPEND_ENTRIES_MAX. */
    unsigned trailing_entries;   /* Kept after a snapshot for slow peers. */
    bool eager_commit;           /* Tell peers of a commit at once, not with
                                    the next heartbeat; the default. */
    enum raft_mutation mutation;
};

/* The defaults of the comments above; 'self', 'incarnation' and 'random' are
 * left to the caller. */
void raft_config_default(struct raft_config *config);

/* What a snapshot covers. */
struct raft_snapshot {
    uint64_t index; /* Last entry in it. */
    uint64_t term;  /* Of that entry. */
    struct raft_members members;
};

/* Everything durable but the entries.  A server of a new group has term 0,
 * vote 0 and a snapshot at index 0, term 0 with the first members (the same on
 * all of them); a server that will be added to a group later has no members.
 */
struct raft_durable {
    uint64_t term;
    uint64_t voted_for; /* 0: nobody. */
    struct raft_snapshot snapshot;
};

enum raft_write_kind {
    RAFT_WRITE_VOTE = 1, /* 'term' and 'voted_for' replace the old ones. */
    RAFT_WRITE_ENTRIES,  /* Append 'entries' after the present last one. */
    RAFT_WRITE_TRUNCATE, /* Drop all entries from 'index' on. */
    RAFT_WRITE_SNAPSHOT, /* The snapshot received becomes the durable one, in
                            one step with: drop the whole log. */
    RAFT_WRITE_COMPACT,  /* Own snapshot at 'index' is durable: entries up to
                            'index' may go.  Advice; may be done late. */
};

struct raft_write {
    uint64_t id;
    enum raft_write_kind kind;
    uint64_t term;      /* VOTE. */
    uint64_t voted_for; /* VOTE. */
    uint64_t index;     /* TRUNCATE, SNAPSHOT, COMPACT; first of ENTRIES. */
    unsigned entry_count;
    const struct raft_entry *entries;
};

enum raft_event_kind {
    RAFT_EVENT_TICK = 1,
    RAFT_EVENT_MESSAGE,
    /* Append 'data'.  ERR_NOT_LEADER, ERR_BUSY (transfer under way),
     * ERR_FULL (log at its bound: take a snapshot), ERR_RANGE, ERR_NOMEM. */
    RAFT_EVENT_PROPOSE,
    /* One change of the members.  ERR_NOT_LEADER; ERR_BUSY: an earlier change
     * or this term's first entry is not committed yet, or a learner to be
     * promoted is behind; ERR_EXISTS, ERR_NOENT; ERR_FULL; ERR_REFUSED: the
     * last voter; ERR_CONFLICT: the leader itself (transfer first). */
    RAFT_EVENT_PROPOSE_MEMBERS,
    /* Hand leadership to 'peer', or to the best voter if 0.  ERR_NOT_LEADER,
     * ERR_BUSY, ERR_NOENT.  Given up after election_max_ns. */
    RAFT_EVENT_TRANSFER,
    /* A linearizable read.  Answered in 'reads'.  ERR_NOT_LEADER; ERR_BUSY:
     * leader not ready; ERR_FULL. */
    RAFT_EVENT_READ,
    RAFT_EVENT_PERSISTED,
    /* The state machine's snapshot at 'index' (applied) is durable. */
    RAFT_EVENT_SNAPSHOT_TAKEN,
    /* A whole snapshot came from a leader and lies ready.  Either the effects
     * hold a RAFT_WRITE_SNAPSHOT, or it is old: throw it away. */
    RAFT_EVENT_SNAPSHOT_RECEIVED,
    /* How a 'send_snapshot' to 'peer' ended: 'status'. */
    RAFT_EVENT_SNAPSHOT_SENT,
};

enum raft_members_op {
    RAFT_ADD_LEARNER = 1,
    RAFT_PROMOTE, /* Learner to voter. */
    RAFT_REMOVE,
};

struct raft_event {
    enum raft_event_kind kind;
    const struct raft_message *message; /* MESSAGE; copied. */
    const void *data;                   /* PROPOSE; copied. */
    size_t size;
    uint64_t context;        /* PROPOSE*, READ; not 0. */
    enum raft_members_op op; /* PROPOSE_MEMBERS. */
    uint64_t peer;           /* PROPOSE_MEMBERS, TRANSFER, SENT. */
    uint64_t write_id;       /* PERSISTED. */
    uint64_t index;          /* SNAPSHOT_TAKEN. */
    int status;              /* PERSISTED, SENT: 0 or an error. */
    const struct raft_snapshot *snapshot; /* SNAPSHOT_RECEIVED. */
};

/* 'status' 0: answer from a state machine that has applied everything in the
 * effects up to now (so at least 'index').  ERR_NOT_LEADER: no answer. */
struct raft_read {
    uint64_t context;
    uint64_t index;
    int status;
};

/* Send own snapshot (the newest taken or received) to 'peer' over the bulk
 * lane and report SNAPSHOT_SENT with how it ended.  One at a time per peer. */
struct raft_send_snapshot {
    uint64_t peer;
    uint64_t index; /* The newest one known to the core. */
};

enum raft_role {
    RAFT_FOLLOWER = 1,
    RAFT_PRECANDIDATE,
    RAFT_CANDIDATE,
    RAFT_LEADER,
};

/* In the order in which they are to be carried out. */
struct raft_effects {
    size_t write_count;
    const struct raft_write *writes;

    size_t message_count;
    const struct raft_message *messages;

    /* The state machine is to be replaced by the snapshot received, before
     * 'apply'. */
    bool load_snapshot;

    /* Newly committed, each index once per life, in order, all kinds. */
    size_t apply_count;
    const struct raft_entry *apply;

    size_t read_count;
    const struct raft_read *reads;

    size_t send_snapshot_count;
    const struct raft_send_snapshot *send_snapshots;

    bool role_changed;    /* Role, term or known leader differ. */
    bool leader_ready;    /* Own no-op is committed: reads work, changes of
                             members are allowed; once per leadership. */
    bool stepped_down;    /* Was leader before this step, in that term. */
    bool members_changed; /* Latest in the log, committed or not. */

    uint64_t proposed_index; /* PROPOSE*: where the entry lies. */
    uint64_t proposed_term;

    uint64_t deadline_ns; /* UINT64_MAX: none. */
};

/* Copies 'config' and 'durable'.  ERR_INVALID, ERR_NOMEM. */
MUST_USE int raft_create(const struct raft_config *config,
                         const struct raft_alloc *alloc,
                         const struct raft_durable *durable,
                         struct raft **raft);
void raft_destroy(struct raft *raft);

/* The next durable entry, before raft_start().  ERR_CORRUPT if it does not
 * follow; ERR_NOMEM. */
MUST_USE int raft_restore(struct raft *raft, const struct raft_entry *entry);

/* Once, before the first step.  A group of one voter leads at its first
 * deadline, which is at once. */
void raft_start(struct raft *raft, uint64_t now_ns,
                struct raft_effects *effects);

/* One step.  0, or why a request (PROPOSE*, TRANSFER, READ) is refused;
 * ERR_NOMEM, or ERR_FULL for a message beyond the log's bound: the event is
 * lost; ERR_IO: fatal (above).  'effects' is always filled. */
MUST_USE int raft_step(struct raft *raft, uint64_t now_ns,
                       const struct raft_event *event,
                       struct raft_effects *effects);

enum raft_role raft_role(const struct raft *raft);
uint64_t raft_term(const struct raft *raft);
uint64_t raft_leader(const struct raft *raft); /* 0: unknown. */
bool raft_is_ready(const struct raft *raft);   /* Leader, no-op committed. */
uint64_t raft_first_index(const struct raft *raft); /* Of the log kept. */
uint64_t raft_last_index(const struct raft *raft);
uint64_t raft_commit_index(const struct raft *raft);
uint64_t raft_durable_index(const struct raft *raft);
size_t raft_log_bytes(const struct raft *raft); /* Against log_bytes_max. */
const struct raft_members *raft_members(const struct raft *raft);

/* The entry at 'index', or NULL if it is not in the log. */
const struct raft_entry *raft_entry(const struct raft *raft, uint64_t index);

/* What a snapshot taken at 'index' (applied, not older than the newest
 * snapshot) has to carry.  ERR_RANGE. */
MUST_USE int raft_snapshot_at(const struct raft *raft, uint64_t index,
                              struct raft_snapshot *snapshot);

/* How a leader sees one member. */
struct raft_peer_status {
    uint64_t match_index;
    bool active;    /* Heard within election_max_ns. */
    bool caught_up; /* Has all that is committed. */
};

/* ERR_NOT_LEADER, ERR_NOENT. */
MUST_USE int raft_peer_status(const struct raft *raft, uint64_t now_ns,
                              uint64_t peer, struct raft_peer_status *status);

/* For exploration.  A deep copy with another allocator, or the same. */
MUST_USE int raft_clone(const struct raft *raft,
                        const struct raft_alloc *alloc, struct raft **copy);

/* Feeds every field that decides the future into 'mix', times relative to
 * 'now_ns' and cut at what can still matter, write ids relative. */
void raft_visit(const struct raft *raft, uint64_t now_ns,
                void (*mix)(void *arg, uint64_t word), void *arg);

#endif
