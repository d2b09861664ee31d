/* SPDX-License-Identifier: Apache-2.0
 *
 * One state of a small Raft group as the explorer sees it: the servers, their
 * disks, the messages on the wire, what may still go wrong (budgets) and what
 * has been promised so far (ghosts).
 *
 * Time   each server has a clock of its own which moves only when its timer
 *        fires or its lease runs out, so time adds no states.
 * Order  messages are a bag: any may be next; writes are a queue per server.
 */
#ifndef TESTS_RAFT_EXPLORE_WORLD_H
#define TESTS_RAFT_EXPLORE_WORLD_H

#include "reference-nos/raft/raft.h"

enum {
    SERVERS_MAX = 3,
    ENTRIES_MAX = 10, /* Highest log index. */
    QUEUE_MAX = 8,    /* Writes of one server under way. */
    WIRE_MAX = 8,     /* Messages under way. */
    TERMS_MAX = 16,
    READS_MAX = 4,
    PAYLOAD_MAX = 4, /* Entries of one message or write. */
    ACTIONS_MAX = 96,
};

struct explore_limits {
    unsigned servers;
    unsigned timeouts, crashes, proposals, reads, doubles;
    unsigned wire;      /* Messages; a further one is dropped. */
    unsigned max_term;  /* No timeout of a server in this term. */
    bool free_timeouts; /* Not counted: for the search for deadlocks. */
    bool no_restart;
    bool no_drops; /* But of messages beyond 'wire'. */
    enum raft_mutation mutation;
};

struct explore_entry {
    uint8_t term, kind, value; /* Value 0: none. */
};

struct explore_write {
    uint64_t id;
    enum raft_write_kind kind;
    uint8_t term, voted_for, index, count;
    struct explore_entry entries[PAYLOAD_MAX];
};

struct explore_message {
    struct raft_message message; /* 'entries' unused. */
    struct explore_entry entries[PAYLOAD_MAX];
};

/* A core shared by the worlds in which it is the same. */
struct explore_core {
    unsigned refs;
    struct raft *raft;
    bool hashed;
    uint64_t hash[2];
};

struct explore_server {
    struct explore_core *core; /* NULL: down. */
    uint64_t now_ns, deadline_ns, heard_ns;
    uint8_t incarnation;
    uint8_t applied;
    uint8_t term, voted_for, entry_count; /* Disk. */
    struct explore_entry entries[ENTRIES_MAX + 1];
    uint8_t write_count;
    struct explore_write writes[QUEUE_MAX];
};

struct explore_world {
    const struct explore_limits *limits;
    uint8_t timeouts, crashes, proposals, reads, doubles; /* Used. */
    struct explore_server server[SERVERS_MAX];            /* Ids 1 to n. */
    uint8_t wire_count;
    struct explore_message wire[WIRE_MAX];

    /* Ghosts. */
    uint8_t leader_of_term[TERMS_MAX];
    uint8_t history_count;
    struct explore_entry history[ENTRIES_MAX + 1];
    uint8_t commit_term[ENTRIES_MAX + 1];
    uint8_t promised; /* A read must see up to here. */
    uint8_t read_floor[READS_MAX];

    const char *violation;
    bool cut; /* A bound hid a successor. */
};

enum explore_act {
    ACT_DELIVER,
    ACT_DROP,
    ACT_DOUBLE, /* Deliver and keep. */
    ACT_PERSIST,
    ACT_TIMEOUT,
    ACT_AGE, /* The lease of a leader heard runs out. */
    ACT_CRASH,
    ACT_RESTART,
    ACT_PROPOSE,
    ACT_READ,
};

struct explore_action {
    uint8_t act;
    uint8_t at; /* Server index or message index. */
};

struct explore_world *explore_create(const struct explore_limits *limits);
struct explore_world *explore_copy(const struct explore_world *world);
void explore_destroy(struct explore_world *world);

/* All actions possible now; sets world->cut if a bound hides one. */
unsigned explore_actions(struct explore_world *world,
                         struct explore_action actions[ACTIONS_MAX]);
void explore_act(struct explore_world *world, struct explore_action action);
/* Log matching and leader completeness; the others are judged on the way. */
void explore_judge(struct explore_world *world);
void explore_hash(struct explore_world *world, uint64_t hash[2]);
bool explore_has_leader(const struct explore_world *world);
enum raft_role explore_role(const struct explore_world *world, unsigned s);

/* Server 0 leads, all is committed, durable and quiet. */
void explore_led(struct explore_world *world);

/* Brings three servers to where figure 8 and the pre-vote deadlock begin:
 * server 0 has an old entry, server 1 a newer one, server 2 neither; 1 is
 * down. */
void explore_split(struct explore_world *world);

/* Further: server 0 leads in a newer term and is about to send its entry of
 * the old one to server 2. */
void explore_figure_8(struct explore_world *world);

void explore_print(const struct explore_world *world);

#endif
