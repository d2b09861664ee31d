/* SPDX-License-Identifier: Apache-2.0
 *
 * A small world for the tests of the store: boxes with the real runtime, a
 * network that delays, drops and cuts, disks with a queue that crashes tear,
 * and a probe service in place of a box's other services.
 */
#ifndef NOS_STORE_STORE_TESTWORLD_H
#define NOS_STORE_STORE_TESTWORLD_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/runtime/runtime.h"
#include "reference-nos/schema/store_msg.h"

#define WORLD_BOXES_MAX 8
#define MIRROR_ROWS_MAX 4096

struct world;

struct file_op {
    enum { OP_APPEND, OP_TRUNCATE, OP_SYNC, OP_REPLACE } kind;
    enum storage_file file;
    uint8_t *bytes;
    size_t size;
    unsigned service;
    uint64_t token;
    struct file_op *next;
};

struct file {
    uint8_t *bytes;
    size_t size;
};

struct mirror_row {
    struct store_row row; /* key and value point into the arrays */
    uint8_t key[ROW_KEY_MAX];
    uint8_t value[64];
};

/* What the probe of a box saw; outlives crashes of the box. */
struct probe {
    struct mirror_row rows[MIRROR_ROWS_MAX];
    unsigned row_count;
    bool watches; /* and watches again when the store restarted */
    uint8_t watch[32];
    size_t watch_size;
    unsigned restarted;
    unsigned firsts;
    unsigned lasts;
    unsigned deltas;
    uint64_t index;
    uint64_t ready_term; /* 0: lost or never */
    struct store_txn_done done;
    unsigned dones;
    struct store_read_done read;
    uint8_t read_value[64];
    unsigned reads;
    struct store_voter_done voter;
    unsigned voters;
};

struct box {
    struct plat plat; /* first */
    struct world *world;
    struct box_facts facts;
    struct runtime *runtime; /* NULL: off */
    unsigned pending;        /* services */
    uint64_t wake_ns;
    uint64_t charged_ns; /* by the handler that runs */
    uint64_t clock_ns;   /* its CPU is busy until then */
    struct file files[STORAGE_FILE_COUNT];
    struct file_op *ops;
    uint64_t disk_ns; /* latency */
    int disk_error;   /* of syncs and replaces */
    bool disk_stalled;
    bool forget;          /* the next crash keeps nothing of the queue */
    uint64_t chunks_left; /* that may be taken; UINT64_MAX */
    size_t held_bytes;
    uint64_t fail_after; /* of the next life of the store */
    struct mem *store_mem;
    struct probe probe;
    unsigned lives;
    unsigned deaths;
    unsigned alarms;
    unsigned refused;  /* TRACE_WRITE_REFUSED */
    unsigned accepted; /* TRACE_WRITE_ACCEPTED */
    uint64_t last_accepted_term;
    uint64_t accepted_terms_fell;
    bool restart_asked;
};

struct packet;

struct applied {
    uint64_t term, high, low;
    bool set;
};

#define APPLIED_MAX 65536

struct world {
    uint64_t now_ns;
    uint64_t random;
    unsigned box_count;
    struct box boxes[WORLD_BOXES_MAX];
    struct packet *packets; /* by time */
    uint64_t sequence;
    uint64_t last_ns[WORLD_BOXES_MAX][WORLD_BOXES_MAX][LANE_COUNT];
    bool cut[WORLD_BOXES_MAX][WORLD_BOXES_MAX]; /* from, to */
    unsigned drop_percent; /* liveness only: the bus repeats the rest */
    uint64_t delay_min_ns;
    uint64_t delay_max_ns;
    unsigned mutation;
    /* O14: digests at equal index. */
    struct applied *applied;
    unsigned divergences;
    unsigned elections; /* won */
    uint64_t messages;
    unsigned over_quantum;      /* handlers */
    uint64_t acknowledged[256]; /* sequence per client */
    uint64_t acknowledged_index[256];
};

struct world *world_create(unsigned voters, unsigned members, uint64_t seed);
void world_destroy(struct world *world);
void world_boot(struct world *world, unsigned box);
/* Power loss: what is in the disk's queue is lost but for a random prefix. */
void world_crash(struct world *world, unsigned box);
void world_run(struct world *world, uint64_t duration_ns);
bool world_run_until(struct world *world, bool (*done)(struct world *world),
                     uint64_t limit_ns);
uint64_t world_random(struct world *world);
void world_session(struct world *world, unsigned box, unsigned peer, bool up);
/* A message from the probe of a box to its store. */
void world_tell(struct world *world, unsigned box, uint16_t type,
                const struct wire_writer *body);
int world_leader(struct world *world); /* its store said READY; -1: none */
void world_watch(struct world *world, unsigned box, uint64_t conf,
                 uint64_t state);
/* PUT of u32 'value' at u32 'key' in 'table'. */
void world_put(struct world *world, unsigned box, uint64_t client,
               uint64_t sequence, enum table table, uint32_t key,
               uint32_t value);
void world_state_put(struct world *world, unsigned box, enum table table,
                     uint32_t key, uint32_t value, bool deleted);
void world_upstream(struct world *world, unsigned box, int active, int standby,
                    uint64_t term);
void world_peer(struct world *world, unsigned box, unsigned peer, bool up);
/* Cuts 'box' off from all others, or joins it again. */
void world_cut(struct world *world, unsigned box, bool cut);
/* A message of the store of 'from' to the store of 'to'. */
void world_inject(struct world *world, unsigned from, unsigned to,
                  uint16_t type, uint64_t epoch, const void *body,
                  size_t size);
/* The value, or -1. */
int64_t world_mirror(struct world *world, unsigned box, uint64_t owner,
                     enum table table, uint32_t key);
uint64_t world_key(unsigned box);

/* A context over malloc(). */
struct mem *test_mem(void);

Suite *rows_suite(void);
Suite *machine_suite(void);
Suite *disk_suite(void);
Suite *stream_suite(void);
Suite *cluster_suite(void);
Suite *state_suite(void);

#endif
