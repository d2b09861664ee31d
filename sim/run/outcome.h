/* SPDX-License-Identifier: Apache-2.0
 *
 * What one run of one seed leaves behind, in flat rows, so that a child
 * process can hand it to its parent as bytes.
 */
#ifndef SIM_RUN_OUTCOME_H
#define SIM_RUN_OUTCOME_H

#include "models/plane/plane.h"
#include "reference-nos/base/err.h"
#include "reports/verdict.h"
#include "sim/kernel/digest.h"
#include "sim/kernel/simtime.h"
#include "sim/scenario/expr.h"
#include "sim/scenario/scenario.h"

#include <stdio.h>

enum {
    OUTCOME_NAME_BYTES = 48,
    OUTCOME_TEXT_BYTES = 192,
    OUTCOME_NOTE_BYTES = 256
};

/* A growing array of flat rows. */
struct rows {
    void *items;
    size_t count, room, row_bytes;
};

/* One expectation; for those over seeds, the samples of this seed. */
struct outcome_expect {
    uint32_t index;
    enum verdict verdict;
    struct simtime at; /* when it was decided */
    char evidence[EXPR_EVIDENCE_BYTES];
    int sample_err[EXPR_TERMS_MAX]; /* over seeds: as expr_value */
    uint64_t sample[EXPR_TERMS_MAX];
};

struct outcome_event {
    struct simtime at; /* since the scenario's t = 0 */
    char kind[16];
    char name[OUTCOME_NAME_BYTES];
    char target[OUTCOME_NAME_BYTES];
    char text[OUTCOME_TEXT_BYTES];
};

struct outcome_outage {
    uint32_t box; /* slot */
    uint32_t first, ports;
    struct simtime from, to;
    bool ongoing, planned;
    char cause[64];
};

struct outcome_metric {
    uint32_t id; /* enum metric_id */
    char args[OUTCOME_NAME_BYTES];
    uint64_t value;
    bool at_least;    /* the value is a bound from below */
    uint64_t samples; /* behind it; 0: it is exact */
};

struct outcome_load {
    uint32_t box;
    bool service; /* else a lane */
    uint32_t item;
    uint64_t messages, bytes, cpu_ns;
};

struct outcome_alarm {
    uint32_t box;
    uint32_t code; /* enum alarm_code */
    uint32_t item;
    struct simtime raised, cleared;
    bool is_cleared;
};

struct outcome_oracle {
    char id[8];
    char title[64];
    uint64_t exercised, violations;
    char first[OUTCOME_TEXT_BYTES];
};

/* What a block of traffic met. */
struct outcome_traffic {
    char name[OUTCOME_NAME_BYTES];
    struct simtime lasted;        /* sending */
    struct simtime delivered_for; /* first delivery until the last */
    uint64_t sent, sent_bytes;
    uint64_t delivered, delivered_bytes;
    uint64_t held, held_bytes; /* counted by the plane; else what is left */
    uint64_t dropped[PLANE_DROP_COUNT];
    uint64_t dropped_bytes[PLANE_DROP_COUNT];
    uint64_t reordered;
    double sum_ps[PLANE_STAGE_COUNT + 1]; /* by stage, then of all of it */
};

/* A part of a histogram of latencies, in ps; both edges are included.  The
 * first begins at the smallest sample, the last ends at the largest. */
struct outcome_part {
    uint32_t traffic; /* index of the row */
    uint32_t stage;   /* enum plane_stage; PLANE_STAGE_COUNT: all of it */
    uint64_t low, high, count;
};

/* What a search found for one size of frame. */
struct outcome_search_load {
    uint32_t share_ppm; /* of the throughput; 0: single frames */
    uint64_t count;     /* frames that left */
    uint64_t min_ps, mean_ps, max_ps;
};

struct outcome_search {
    uint16_t bytes;
    bool burst;     /* .level counts frames; else ppm of the port */
    uint32_t level; /* the highest one without loss; 0: none */
    uint32_t resolution_ppm;
    uint32_t trials;
    struct simtime trial; /* how long each sent */
    uint64_t port_bps;
    uint32_t load_count;
    struct outcome_search_load loads[SCENARIO_SEARCH_LOADS_MAX];
};

struct outcome_skip {
    char text[OUTCOME_NAME_BYTES];
    char reason[OUTCOME_TEXT_BYTES];
};

struct outcome {
    uint64_t seed;
    enum verdict verdict;
    bool interrupted;
    struct simtime boot;     /* power-on to t = 0 */
    struct simtime duration; /* from t = 0 */
    uint64_t events;
    uint64_t wall_ns;
    uint64_t cpu_ns;         /* of the host */
    size_t nos_memory_bytes; /* all boxes, at the end */
    uint32_t boxes, ports;
    struct digest_value digest;
    char note[OUTCOME_NOTE_BYTES];
    struct rows expects, timeline, outages, metrics, loads, alarms, oracles,
        skips, checkpoints, traffic, parts, searches;
};

void outcome_init(struct outcome *outcome);
void outcome_fini(struct outcome *outcome);

/* A new zeroed row at the end. */
void *rows_add(struct rows *rows);
#define ROWS_GET(rows, type, index) (&((type *)(rows)->items)[index])

/* Calls 'write' with the pieces of the outcome; outcome_read() puts them
 * together again.  ERR_TRUNCATED, ERR_MALFORMED. */
void outcome_write(const struct outcome *outcome,
                   void (*write)(void *context, const void *bytes,
                                 size_t size),
                   void *context);
MUST_USE int outcome_read(struct outcome *outcome, const void *bytes,
                          size_t size);

/* Copies text, cut to fit. */
void outcome_text(char *to, size_t size, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
