/* SPDX-License-Identifier: Apache-2.0
 *
 * The store as one object, and what its files do for each other.
 *
 * Flow     an event changes rows, cursors and flags; store_pump() then does
 *          what follows from them (applies entries, tells watchers, feeds
 *          streams) until nothing is left or the quantum is over.
 * Errors   an int result other than 0 is fatal: the service ends with it.
 */
#ifndef NOS_STORE_STORE_PRIV_H
#define NOS_STORE_STORE_PRIV_H

#include "reference-nos/platform/mutation.h"
#include "reference-nos/store/disk.h"
#include "reference-nos/store/machine.h"
#include "reference-nos/store/store.h"
#include "reference-nos/store/stream.h"

#define STORE_CHUNK_BYTES 16384u /* of a message with rows */
#define STORE_CHUNK_ROWS 64u     /* in it: a quantum has room for them */
#define STORE_SNAPSHOT_CHUNK_BYTES (32u * 1024u)

enum store_timer {
    TIMER_RAFT,
    TIMER_WATCH,     /* a mailbox was full */
    TIMER_STREAM,    /* nothing was acknowledged for long */
    TIMER_SUBSCRIBE, /* member: ask (again) for CONF */
    TIMER_SNAPSHOT,  /* a snapshot's chunk was not acknowledged */
    TIMER_VOTER,     /* next step of a change of voters */
    TIMER_RESYNC     /* controller: ask (again) for STATE */
};

/* A snapshot in memory; counted, as transfers outlive the newest one. */
struct snapshot {
    unsigned refs;
    size_t size;
    struct raft_snapshot meta;
    uint8_t bytes[];
};

struct pending_txn {
    bool used;
    uint8_t service;
    uint64_t client;
    uint64_t sequence;
    uint64_t index;
    uint64_t term;
};

struct pending_read {
    uint64_t context; /* 0: free */
    bool confirmed;   /* answer once 'index' is applied */
    uint8_t service;
    uint64_t index;
    struct store_read read;
};

struct snapshot_send {
    uint64_t peer; /* 0: free */
    struct snapshot *snapshot;
    size_t offset;
    unsigned tries;
    uint64_t deadline_ns;
};

/* The snapshot that a leader sends here. */
struct snapshot_receive {
    uint64_t from; /* 0: none */
    uint64_t index;
    struct snapshot *snapshot; /* refs 1, filled up to 'received' */
    size_t received;
};

struct voter_change {
    bool active;
    uint8_t service;
    struct store_voter voter;
    uint64_t wait_index; /* the last step is done once this is committed */
    uint64_t deadline_ns;
};

struct consensus {
    struct raft *raft; /* NULL: this box does not vote */
    struct disk disk;
    struct machine machine;
    uint64_t commit; /* apply up to here */
    uint64_t armed_ns;
    bool caught_up; /* rows are not older than the last leader's start */

    uint64_t election_term; /* last traced */
    uint64_t leading_term;  /* 0: follower */
    uint64_t ready_index;   /* 0: not ready */
    size_t log_high_bytes;  /* last traced */

    struct snapshot *snapshot; /* newest durable one, or NULL */
    struct snapshot *taking;   /* own, on its way to the disk, or NULL */
    struct snapshot *staged;   /* received, offered to the core, or NULL */
    struct snapshot *loading;  /* into the machine, or NULL */
    struct snapshot_send sends[RAFT_MEMBERS_MAX];
    struct snapshot_receive receive;

    unsigned txn_count;
    struct pending_txn txns[STORE_TXNS_MAX];
    unsigned read_count;
    struct pending_read reads[STORE_READS_MAX];
    uint64_t read_context;
    struct voter_change voter;
    uint8_t message[RAFT_MESSAGE_BYTES_MAX];
};

struct watcher {
    bool used;
    bool roles;
    bool snapshot;  /* one is being sent */
    bool first_due; /* its first message is still to come */
    bool with_conf; /* CONF is part of what it gets */
    uint64_t conf;  /* tables, bit 0 = table 0 */
    uint64_t state; /* tables, bit 0 = table 64 */
    uint64_t conf_at;
    uint64_t state_at;
    uint64_t conf_began;  /* stamps at the begin of the snapshot: what is */
    uint64_t state_began; /* deleted later may have been shown */
    uint64_t told_term;   /* READY of it was told; 0: none */
};

/* Other boxes: the CONF this box was given. */
struct replica {
    struct stream_in in;
    uint64_t term;  /* highest seen */
    uint64_t index; /* CONF is as of this log index */
    bool complete;  /* since then, it never is empty */
    bool confirmed; /* the active controller streams to us */
    bool lost;      /* its session went down since it was asked */
    uint64_t asked_box;
    uint64_t asked_term;
    uint64_t asked_ns;
    unsigned tries;
};

struct subscriber {
    struct tree_node node;
    uint64_t box;
    bool unfenced; /* planted bug: no term in what it is sent */
    struct stream_out out;
    struct stream_filter filter;
};

/* A box whose STATE rows are copied here. */
struct owner {
    struct tree_node node;
    uint64_t box;
    bool down;   /* its lease ended: nothing is taken from it */
    bool wanted; /* a snapshot was asked for */
    uint64_t incarnation;
    uint32_t life;
    uint64_t asked_ns;
    size_t row_count;
    struct stream_in in[STREAM_CLASS_COUNT];
};

#define UPSTREAMS 2u /* active and standby */

struct upstream {
    uint64_t box;              /* 0: none */
    uint64_t peer_incarnation; /* 0: not known yet */
    uint32_t peer_life;
    bool lost; /* the session went down: what was under way is gone */
    struct stream_out out[STREAM_CLASS_COUNT];
};

struct store {
    struct actor *self;
    struct plat *plat;
    struct mem *mem;
    const struct box_facts *facts;
    bool voter;        /* consensus.raft is used */
    bool outcast;      /* its disk is corrupt: it must not vote */
    uint32_t announce; /* services that have yet to hear of the restart */

    struct rows conf;
    struct rows state;
    uint32_t generations; /* of STATE and replica snapshots, last given */
    size_t rows_high;     /* last traced */
    struct consensus *consensus; /* NULL: not a voter */
    struct replica replica;
    struct tree subscribers;
    struct tree owners;
    struct store_upstream known; /* as the member service said */
    struct upstream upstreams[UPSTREAMS];
    uint64_t runs; /* of streams, last given */
    struct watcher watchers[SVC_COUNT];
    uint64_t stream_deadline_ns; /* of TIMER_STREAM; 0: not set */

    /* What the pump need not look at again: most events change nothing that
     * a watcher or a stream waits for. */
    bool watch_dirty;
    bool subscribers_dirty;
    bool state_dirty;
    struct pumped {
        uint64_t conf; /* stamps */
        uint64_t state;
        uint64_t leads;
        bool ready;
    } watched;
    uint64_t subscribers_conf; /* stamp */
    uint64_t streamed_state;   /* stamp */
    unsigned restart_calls;    /* to all boxes, still to be made */
    uint64_t restart_call_ns;
    uint8_t chunk[STORE_CHUNK_BYTES];
};

/* store.c */

/* To a service of this box, control lane. */
int store_tell(struct store *store, unsigned service, uint16_t type,
               uint64_t epoch, const struct wire_writer *writer);
/* To the store of another box. */
int store_send(struct store *store, uint64_t box, enum lane lane,
               uint16_t type, uint64_t epoch, const void *body, size_t size);
uint64_t store_incarnation(const struct store *store);
/* Charges for a message of 'size' bytes. */
void store_charge_bytes(struct store *store, size_t size);
/* Are the CONF rows worth showing? */
bool store_conf_ready(const struct store *store);
/* The highest term known. */
uint64_t store_term(const struct store *store);
/* The term that this box leads and streams in, or 0. */
uint64_t store_leads(const struct store *store);

/* consensus.c */
/* Has this box a vote, or was it ever given one? */
bool consensus_has_part(const struct store *store);
MUST_USE int consensus_start(struct store *store);
/* A leader talks to a box without a vote: it is to become a learner. */
MUST_USE int consensus_join(struct store *store,
                            const struct actor_message *message);
/* What the core said to a request. */
struct consensus_answer {
    int refused;
    uint64_t index; /* of the entry proposed */
    uint64_t term;
};
/* 'answer' may be NULL. */
MUST_USE int consensus_step(struct store *store,
                            const struct raft_event *event,
                            struct consensus_answer *answer);
MUST_USE int consensus_message(struct store *store,
                               const struct actor_message *message);
MUST_USE int consensus_storage(struct store *store, uint64_t token,
                               int status);
MUST_USE int consensus_timer(struct store *store);
/* Applies what is committed; false when the quantum ended before. */
MUST_USE int consensus_pump(struct store *store);
bool consensus_behind(const struct store *store);

/* client.c: transactions, reads, transfers, voters */
MUST_USE int client_txn(struct store *store,
                        const struct actor_message *message);
MUST_USE int client_read(struct store *store,
                         const struct actor_message *message);
MUST_USE int client_transfer(struct store *store,
                             const struct actor_message *message);
void client_applied(struct store *store, const struct raft_entry *entry);
void client_read_confirmed(struct store *store, const struct raft_read *read);
void client_reads_answer(struct store *store);
void client_fail_all(struct store *store);

/* voter.c */
MUST_USE int voter_change(struct store *store,
                          const struct actor_message *message);
MUST_USE int voter_step(struct store *store);
void voter_fail(struct store *store);

/* snapshot.c */
struct snapshot *snapshot_create(struct store *store, size_t size);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct store *store, struct snapshot *snapshot);
MUST_USE int snapshot_take_if_due(struct store *store);
MUST_USE int snapshot_taken(struct store *store, uint64_t index);
void snapshot_send_start(struct store *store, uint64_t peer);
MUST_USE int snapshot_chunk(struct store *store,
                            const struct actor_message *message);
MUST_USE int snapshot_ack(struct store *store,
                          const struct actor_message *message);
MUST_USE int snapshot_timer(struct store *store);

/* The tables of STATE that travel in 'class', bit 0 = table 64. */
uint64_t state_tables(enum stream_class class);
enum lane state_lane(enum stream_class class);

/* watch.c */
void watch_set(struct store *store, const struct actor_message *message);
/* CONF begins anew: watchers get it as a snapshot once it is there. */
void watch_conf_reset(struct store *store);
/* False when the quantum ended before all was said. */
bool watch_pump(struct store *store);

/* replica.c: CONF on boxes without a vote */
void replica_upstream(struct store *store);
MUST_USE int replica_rows(struct store *store,
                          const struct actor_message *message);
void replica_session(struct store *store, uint64_t box, bool up);
void replica_timer(struct store *store);

/* subscriber.c: CONF from the active controller */
void subscriber_init(struct store *store);
MUST_USE int subscriber_ask(struct store *store,
                            const struct actor_message *message);
MUST_USE int subscriber_ack(struct store *store,
                            const struct actor_message *message);
void subscriber_drop_all(struct store *store);
bool subscriber_pump(struct store *store);
void subscriber_timeouts(struct store *store, uint64_t now_ns);
uint64_t subscriber_deadline_ns(const struct store *store);

/* state.c: own STATE rows, outwards */
MUST_USE int state_put(struct store *store,
                       const struct actor_message *message);
void state_upstream(struct store *store);
void state_session(struct store *store, uint64_t box, uint64_t incarnation,
                   bool up);
/* The bus of this box restarted. */
void state_sessions_lost(struct store *store);
void state_ack(struct store *store, const struct actor_message *message);
void state_resync(struct store *store, const struct actor_message *message);
bool state_pump(struct store *store);
void state_timeouts(struct store *store, uint64_t now_ns);
uint64_t state_deadline_ns(struct store *store);

/* owner.c: STATE rows of other boxes, inwards */
MUST_USE int owner_rows(struct store *store,
                        const struct actor_message *message);
MUST_USE int owner_peer(struct store *store, const struct store_peer *peer);
void owner_init(struct store *store);
void owner_start(struct store *store);
void owner_timer(struct store *store);

#endif
