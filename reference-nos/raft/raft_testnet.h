/* SPDX-License-Identifier: Apache-2.0
 *
 * A small deterministic world for tests of the core: servers, one network,
 * one disk each, one clock.  It also judges: whatever breaks a safety property
 * is told in 'violation'.
 */
#ifndef NOS_RAFT_RAFT_TESTNET_H
#define NOS_RAFT_RAFT_TESTNET_H

#include "reference-nos/raft/raft.h"

#define NET_SERVERS_MAX 8u /* Ids 1 to 7. */
#define NET_MS 1000000ull

struct net_entry {
    uint64_t term;
    enum raft_entry_kind kind;
    size_t size;
    unsigned char *data;
};

struct net_disk {
    uint64_t term;
    uint64_t voted_for;
    struct raft_snapshot snapshot;
    uint64_t snapshot_digest;
    size_t entry_count; /* From snapshot.index + 1. */
    struct net_entry *entries;
};

struct net_write {
    struct net_write *next;
    uint64_t id;
    uint64_t due_ns;
    enum raft_write_kind kind;
    uint64_t term, voted_for, index;
    struct raft_snapshot snapshot; /* SNAPSHOT, COMPACT. */
    uint64_t snapshot_digest;
    size_t entry_count;
    struct net_entry *entries;
};

struct net_server {
    struct raft *raft; /* NULL: down. */
    uint64_t incarnation;
    struct raft_config config;
    struct net_disk disk;
    struct net_write *writes, **writes_tail;
    uint64_t disk_ns; /* Time of a write; UINT64_MAX: stuck. */
    bool disk_fails;  /* Next write fails. */
    bool fatal;       /* The core stopped itself. */
    uint64_t deadline_ns;
    uint64_t applied; /* State machine. */
    uint64_t digest;
    struct raft_snapshot staged;
    uint64_t staged_digest;
    unsigned stepped_down, became_ready, applied_own;
    uint64_t last_context; /* Applied with a context. */
    unsigned reads_ok, reads_refused;
    uint64_t read_floor[64]; /* By context: what a read must see. */
};

struct net_message {
    struct net_message *next;
    uint64_t due_ns;
    uint64_t from, to;
    enum raft_message_kind kind;
    size_t size;
    unsigned char *bytes;
};

struct net {
    uint64_t now_ns;
    uint64_t random;
    unsigned count;
    struct net_server server[NET_SERVERS_MAX];  /* By id. */
    bool cut[NET_SERVERS_MAX][NET_SERVERS_MAX]; /* From, to. */
    uint64_t latency_ns, jitter_ns;
    unsigned loss_pct, double_pct;
    struct net_message *messages; /* By time. */
    uint64_t sent;                /* Messages. */
    struct net_message *trash;    /* Kept copies of delivered ones. */
    bool keep_trash;
    bool snapshot_fails;
    enum raft_mutation mutation;

    /* Judge. */
    const char *violation;
    uint64_t leader_of_term[4096];
    struct {
        uint64_t term, digest; /* Digest after this entry. */
    } history[65536];
    uint64_t history_count; /* Highest index applied anywhere. */
    uint64_t acknowledged;  /* Highest index answered to a proposer. */

    long allocs_left; /* Negative: no limit. */
    long allocs;      /* Live ones. */
};

struct net *net_create(unsigned count, unsigned voters, uint64_t seed);
void net_destroy(struct net *net);
uint32_t net_random(struct net *net);

/* Runs all that is due within 'ns'. */
void net_run(struct net *net, uint64_t ns);
/* Until 'id' (0: anybody) leads and is ready; returns it, or 0. */
uint64_t net_run_leader(struct net *net, uint64_t id, uint64_t ns);

uint64_t net_leader(const struct net *net); /* Ready, highest term; or 0. */
int net_step(struct net *net, uint64_t id, const struct raft_event *event);
int net_propose(struct net *net, uint64_t id, uint64_t value);
int net_read(struct net *net, uint64_t id, uint64_t context);
int net_members(struct net *net, uint64_t id, enum raft_members_op op,
                uint64_t peer);
int net_transfer(struct net *net, uint64_t id, uint64_t target);
int net_take_snapshot(struct net *net, uint64_t id);

/* Brings three voters with a common log to where D1 and D2 of the notes
 * begin: 'a' stored an entry alone and stopped; 'b' led in a newer term,
 * stored other entries alone and stopped; 'c' has neither. */
struct net_split {
    struct net *net;
    uint64_t a, b, c;
};
struct net_split net_split_logs(struct net *net);

/* Loses every write that is not durable. */
void net_crash(struct net *net, uint64_t id);
void net_start(struct net *net, uint64_t id);
void net_restart(struct net *net, uint64_t id);
/* Both ways, from and to everybody. */
void net_isolate(struct net *net, uint64_t id, bool cut);
void net_cut(struct net *net, uint64_t a, uint64_t b, bool cut);
void net_drop_messages(struct net *net);
/* Releases what a stuck disk held up. */
void net_disk_unstick(struct net *net, uint64_t id);
/* Messages of 'kind' from 'from' on the wire; 'granted' ones only if asked. */
unsigned net_count(const struct net *net, uint64_t from,
                   enum raft_message_kind kind, bool granted);
/* Gives every kept message of 'from' to its receiver once more. */
void net_replay(struct net *net, uint64_t from);
/* Puts a message on the wire as if 'from' had sent it. */
void net_inject(struct net *net, const struct raft_message *message);

#endif
