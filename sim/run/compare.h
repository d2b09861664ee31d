/* SPDX-License-Identifier: Apache-2.0
 *
 * Two worlds that ran the same scenario: how far apart they are, metric by
 * metric, and where they part.
 *
 * Value    of a side: the median over its runs (nearest rank, the lower of
 *          two).
 * Spread   the whole range; p5 to p95 from 20 runs on.
 * Bound    of the scenario (`compare:`), else COMPARE_DEFAULT_PPM for what
 *          every comparison looks at; a difference beyond a stated bound
 *          fails, one beyond the default is only reported.
 * Few      a side with fewer than STATS_MEDIAN_SAMPLES runs does not tell
 *          where its median is: inside or outside is said of these runs only.
 * Unsure   enough runs, but the intervals of the two medians (95 %, order
 *          statistics) allow the other answer too.
 * Stages   detect, elect, commit and apply of each named event: no bound,
 *          they say where two worlds part.
 */
#ifndef SIM_RUN_COMPARE_H
#define SIM_RUN_COMPARE_H

#include "sim/run/campaign.h"

#define COMPARE_DEFAULT_PPM 200000u
#define COMPARE_QUANTILES_FROM 20u
#define COMPARE_STAGE_BYTES 96

enum compare_state {
    COMPARE_INSIDE,
    COMPARE_OUTSIDE,
    COMPARE_UNKNOWN, /* one side has no value */
    COMPARE_STAGE    /* shown, not bounded */
};

struct compare_side {
    unsigned count; /* runs with a value */
    uint64_t median, low, high;
    bool quantiles;                   /* low and high are p5 and p95 */
    uint64_t median_low, median_high; /* 95 %; 0 and 0 with few runs */
};

struct compare_row {
    const struct metric *metric;
    char args[OUTCOME_NAME_BYTES];
    struct compare_side sides[2];
    int64_t difference_ppm; /* of the first side; saturates */
    uint64_t bound_ppm;     /* 0 for a stage */
    bool stated;            /* the bound is the scenario's */
    enum compare_state state;
    char stage[COMPARE_STAGE_BYTES]; /* where they part, when outside */
};

struct comparison {
    struct rows rows;     /* struct compare_row; stages last */
    enum verdict verdict; /* FAIL, INCONCLUSIVE, PASS, or NOT-APPLICABLE when
                             no bound is stated */
};

/* Both campaigns ran 'scenario'. */
void comparison_make(const struct scenario *scenario,
                     const struct campaign *first,
                     const struct campaign *second,
                     struct comparison *comparison);
void comparison_fini(struct comparison *comparison);

/* "inside", "outside", "no value", "stage". */
const char *compare_state_name(enum compare_state state);

/* Do both sides have a value, and one of them few? */
bool compare_few_runs(const struct compare_row *row);

/* Do the intervals of the medians allow the other answer?  Not asked of few
 * runs. */
bool compare_unsure(const struct compare_row *row);

/* The table, for people; the names head the columns. */
void comparison_print(const struct comparison *comparison, const char *first,
                      const char *second, FILE *out);

/* Writes it to the results.db that holds both campaigns. */
MUST_USE int comparison_record(const struct comparison *comparison,
                               const char *db_path, int64_t first_id,
                               int64_t second_id, char *message,
                               size_t message_size);

#endif
