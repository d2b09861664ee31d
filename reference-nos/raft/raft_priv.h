/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of one server, shared by the files of this folder.
 *
 * Parts    raft_log.c      entries in memory, member sets found in them
 *          raft_out.c      effects: writes, messages and their release
 *          raft_election.c terms, votes, timers of a follower
 *          raft_follow.c   entries and snapshots from a leader
 *          raft_lead.c     replication, commit, reads, transfer
 *          raft_request.c  what the local user asks for
 *          raft.c          life cycle, the step, accessors
 */
#ifndef NOS_RAFT_RAFT_PRIV_H
#define NOS_RAFT_RAFT_PRIV_H

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/raft/raft.h"
#include "reference-nos/raft/raft_mutation.h"

enum {
    RAFT_PEERS_MAX = RAFT_MEMBERS_MAX,
    RAFT_INFLIGHT_MAX = 16,
    RAFT_READS_MAX = 64,
    RAFT_HELD_MAX = 32,
    RAFT_PENDING_MAX = 32,
    RAFT_OUT_MESSAGES_MAX = 160,
    RAFT_OUT_WRITES_MAX = 8,
    /* A follower takes a little more than a leader accepts: no-ops and
     * members must pass when the log is full. */
    RAFT_LOG_SLACK_BYTES = 4 * 65536,
};

/* Entries base_index + 1 ... base_index + count, in one array. */
struct raft_log {
    struct raft_entry *entries;
    size_t count;
    size_t capacity;
    size_t bytes;
    uint64_t base_index;
    uint64_t base_term;
    struct raft_members base_members; /* As of base_index. */
};

enum raft_peer_mode {
    RAFT_PEER_PROBE,     /* Agreement not known: one APPEND at a time. */
    RAFT_PEER_REPLICATE, /* A window of APPENDs. */
    RAFT_PEER_SNAPSHOT,  /* Waits for SNAPSHOT_SENT. */
};

/* Another member, as this server sees it. */
struct raft_peer {
    uint64_t id;
    uint64_t incarnation; /* Highest heard; 0: none. */
    bool voter;
    bool granted; /* Vote or pre-vote of this candidacy. */

    /* Leader only. */
    enum raft_peer_mode mode;
    uint64_t match;       /* Agrees and is durable there. */
    uint64_t next;        /* To send next. */
    uint64_t heard_ns;    /* Last answer in this term. */
    uint64_t sent_ns;     /* Last progress, or first APPEND since. */
    uint64_t round_acked; /* Highest round answered. */
    unsigned inflight_count;
    uint64_t inflight[RAFT_INFLIGHT_MAX]; /* Last index of each, oldest first;
                                             in PROBE at most one. */
};

/* A write handed out and not yet durable. */
struct raft_pending {
    uint64_t id;
    uint64_t log_index; /* The log is durable up to here after it; else 0. */
};

struct raft_held {
    uint64_t needs; /* Write id. */
    struct raft_message message;
};

struct raft_waiting_read {
    uint64_t context;
    uint64_t index;
    uint64_t round; /* Confirmed when a quorum answered this round. */
};

/* Buffers behind struct raft_effects; never part of the state. */
struct raft_out {
    size_t message_count;
    size_t write_count;
    size_t read_count;
    size_t send_snapshot_count;
    bool load_snapshot;
    bool leader_ready;
    bool stepped_down;
    bool members_changed;
    uint64_t proposed_index;
    uint64_t proposed_term;
    struct raft_write writes[RAFT_OUT_WRITES_MAX];
    struct raft_read reads[RAFT_READS_MAX];
    struct raft_send_snapshot send_snapshots[RAFT_PEERS_MAX];
    struct raft_message messages[RAFT_OUT_MESSAGES_MAX];
};

struct raft {
    struct raft_config config;
    struct raft_alloc alloc;
    uint64_t now_ns;
    bool started;
    bool dead; /* A write failed. */

    uint64_t term;
    uint64_t voted_for;
    struct raft_log log;
    struct raft_snapshot snapshot; /* The newest one. */
    struct raft_members members;   /* Latest in the log. */
    uint64_t members_index;
    bool self_voter;        /* In 'members'. */
    bool self_voter_before; /* In the set before. */
    uint64_t commit;
    uint64_t applied; /* Handed out in 'apply'. */
    uint64_t durable; /* Own log is durable up to here. */

    /* Writes. */
    uint64_t write_id;      /* Last one issued. */
    uint64_t persisted;     /* Last one durable. */
    uint64_t vote_write_id; /* Last one of term and vote. */
    size_t pending_count;
    struct raft_pending pending[RAFT_PENDING_MAX];
    size_t held_count;
    struct raft_held held[RAFT_HELD_MAX];

    enum raft_role role;
    uint64_t leader;
    bool leader_heard;        /* In this life. */
    uint64_t leader_heard_ns; /* Last APPEND of a leader of our term. */
    uint64_t deadline_ns;     /* Election or heartbeat. */
    bool by_transfer;         /* This candidacy was asked for by a leader. */

    /* Follower. */
    uint64_t verified; /* Log agrees with the leader's up to here. */
    uint64_t round;    /* Highest round heard of the leader. */
    bool ack_owed;     /* When more becomes durable. */

    /* Any role: the peers; most members are for the leader. */
    size_t peer_count;
    struct raft_peer peers[RAFT_PEERS_MAX];

    /* Leader. */
    uint64_t noop_index;
    uint64_t lead_since_ns;
    bool ready;
    uint64_t round_sent;
    uint64_t transfer_target; /* 0: none. */
    uint64_t transfer_end_ns;
    uint64_t transfer_retry_ns; /* For prefer_not_to_lead. */
    size_t read_count;
    struct raft_waiting_read reads[RAFT_READS_MAX];

    struct raft_out out; /* Last: not copied by raft_clone(). */
};

/* --- raft_log.c --------------------------------------------------------- */

uint64_t raft_log_last_index(const struct raft_log *log);
uint64_t raft_log_last_term(const struct raft_log *log);
/* NULL if not in the log. */
struct raft_entry *raft_log_at(const struct raft_log *log, uint64_t index);
/* False if 'index' is neither the base nor in the log. */
bool raft_log_term(const struct raft_log *log, uint64_t index, uint64_t *term);
/* The highest index up to 'index' whose term is at most 'term'; the base at
 * least. */
uint64_t raft_log_last_within(const struct raft_log *log, uint64_t index,
                              uint64_t term);
MUST_USE int raft_log_reserve(struct raft *raft, size_t more);
/* Copies the data; room must have been reserved.  ERR_NOMEM. */
MUST_USE int raft_log_append(struct raft *raft,
                             const struct raft_entry *entry);
/* Drops all entries from 'index' on. */
void raft_log_truncate(struct raft *raft, uint64_t index);
/* Drops all entries up to 'index', which becomes the base. */
void raft_log_compact(struct raft *raft, uint64_t index);
/* Drops all entries; the base is the end of 'snapshot'. */
void raft_log_reset(struct raft *raft, const struct raft_snapshot *snapshot);
size_t raft_log_cost(size_t data_bytes);
/* Gives up trailing entries if need be. */
bool raft_log_has_room(struct raft *raft, size_t bytes, size_t slack_bytes);
/* The members as of 'index', and where they were set. */
uint64_t raft_log_members(const struct raft_log *log, uint64_t index,
                          struct raft_members *members);
/* Finds the latest members and brings the peers into line. */
void raft_members_refresh(struct raft *raft);
bool raft_members_has(const struct raft_members *members, uint64_t id,
                      bool only_voter);

/* --- raft_out.c --------------------------------------------------------- */

void raft_out_begin(struct raft *raft);
void raft_out_finish(struct raft *raft, struct raft_effects *effects);
/* May leave at once. */
void raft_send(struct raft *raft, const struct raft_message *message);
/* Leaves when term and vote as of now are durable. */
void raft_send_after_vote(struct raft *raft,
                          const struct raft_message *message);
struct raft_message raft_message_to(const struct raft *raft, uint64_t to,
                                    enum raft_message_kind kind);
void raft_write_vote(struct raft *raft);
/* Of entries 'index' to the last. */
void raft_write_entries(struct raft *raft, uint64_t index);
void raft_write_truncate(struct raft *raft, uint64_t index);
void raft_write_snapshot(struct raft *raft, uint64_t index);
void raft_write_compact(struct raft *raft, uint64_t index);
/* The log beyond 'index' is no longer what was written. */
void raft_durable_clamp(struct raft *raft, uint64_t index);
/* Updates 'persisted' and 'durable', releases messages. */
void raft_out_persisted(struct raft *raft, uint64_t write_id);

/* --- raft_election.c ---------------------------------------------------- */

struct raft_peer *raft_peer_find(struct raft *raft, uint64_t id);
unsigned raft_voter_count(const struct raft *raft);
bool raft_is_quorum(const struct raft *raft, unsigned count);
/* Adopts 'term' if it is higher; no leader known then. */
void raft_become_follower(struct raft *raft, uint64_t term, uint64_t leader);
void raft_election_rearm(struct raft *raft);
void raft_election_timeout(struct raft *raft);
/* Candidate at once, without a pre-vote. */
void raft_campaign(struct raft *raft, bool by_transfer);
/* Leader if a quorum granted and the own vote is durable. */
void raft_election_count(struct raft *raft);
void raft_on_prevote(struct raft *raft, const struct raft_message *message);
void raft_on_prevote_reply(struct raft *raft,
                           const struct raft_message *message);
void raft_on_vote(struct raft *raft, const struct raft_message *message);
void raft_on_vote_reply(struct raft *raft, const struct raft_message *message);
void raft_on_timeout_now(struct raft *raft,
                         const struct raft_message *message);

/* --- raft_follow.c ------------------------------------------------------ */

MUST_USE int raft_on_append(struct raft *raft,
                            const struct raft_message *message);
void raft_follow_persisted(struct raft *raft);
void raft_on_snapshot_received(struct raft *raft,
                               const struct raft_snapshot *snapshot);

/* --- raft_lead.c -------------------------------------------------------- */

void raft_become_leader(struct raft *raft);
/* What a leader leaves behind; the role is set by the caller. */
void raft_lead_end(struct raft *raft);
void raft_lead_tick(struct raft *raft);
void raft_on_append_reply(struct raft *raft,
                          const struct raft_message *message);
void raft_lead_snapshot_sent(struct raft *raft, uint64_t peer, int status);
/* Sends what the windows allow. */
void raft_lead_pump(struct raft *raft);
void raft_lead_commit(struct raft *raft);
void raft_lead_reads(struct raft *raft);
void raft_lead_peer_init(struct raft *raft, struct raft_peer *peer);
void raft_lead_peer_restarted(struct raft *raft, struct raft_peer *peer);
void raft_lead_transfer(struct raft *raft, uint64_t target);
/* Active and with all that is committed; 0: none. */
uint64_t raft_lead_best_voter(const struct raft *raft);
bool raft_peer_is_active(const struct raft *raft,
                         const struct raft_peer *peer);

/* --- raft_request.c ----------------------------------------------------- */

MUST_USE int raft_on_propose(struct raft *raft,
                             const struct raft_event *event);
MUST_USE int raft_on_propose_members(struct raft *raft,
                                     const struct raft_event *event);
MUST_USE int raft_on_transfer(struct raft *raft,
                              const struct raft_event *event);
MUST_USE int raft_on_read(struct raft *raft, const struct raft_event *event);

#endif
