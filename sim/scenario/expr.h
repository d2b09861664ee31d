/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions of `that`, and how they are judged.
 *
 *   ports.outage(unplanned) == 0s and modules.renumbered == 0
 *   cluster.converged
 *   p99(switchover.write-outage(pull)) < 1s          (over: seeds)
 *
 * A term is a comparison or a predicate; terms are joined by "and".
 */
#ifndef SIM_SCENARIO_EXPR_H
#define SIM_SCENARIO_EXPR_H

#include "sim/scenario/metrics.h"

#define EXPR_TERMS_MAX 8
#define EXPR_EVIDENCE_BYTES 512

enum expr_op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };

enum aggregate {
    AGGREGATE_NONE,
    AGGREGATE_P50,
    AGGREGATE_P90,
    AGGREGATE_P99,
    AGGREGATE_MEAN,
    AGGREGATE_MIN,
    AGGREGATE_MAX
};

struct expr_term {
    enum aggregate aggregate;
    struct metric_ref ref;
    bool is_predicate; /* No comparison: the metric must be 1. */
    enum expr_op op;
    uint64_t bound; /* In the metric's unit. */
    const char *text;
};

struct expr {
    const char *text;
    size_t count;
    struct expr_term terms[EXPR_TERMS_MAX];
};

/* Judgement of one expression. */
enum judged {
    JUDGED_TRUE,
    JUDGED_FALSE,
    JUDGED_UNKNOWN,       /* too little to tell */
    JUDGED_NOT_APPLICABLE /* this world, or this run, cannot measure it */
};

/* Parses scalar 'node'.  'over_seeds' demands aggregates, else they are
 * refused.  Reports what is wrong; ERR_INVALID. */
MUST_USE int expr_parse(struct schema_reader *reader,
                        const struct target_scope *scope,
                        const struct ynode *node, bool over_seeds,
                        struct expr *expr);

/* Parses scalar 'node' as one metric, "join.time(ncp-2)".  Reports what is
 * wrong; ERR_INVALID. */
MUST_USE int expr_parse_metric(struct schema_reader *reader,
                               const struct target_scope *scope,
                               const struct ynode *node,
                               struct metric_ref *ref);

/* A value, and when it is estimated from samples what it may truly be. */
struct expr_reading {
    uint64_t value;
    bool estimated;
    uint64_t low, high; /* its interval; high UINT64_MAX: not known */
    uint64_t samples;
    uint64_t needed; /* fewest samples that would bound it from above */
};

/* The value of a metric now, in its unit.  ERR_UNSUPPORTED: this world cannot
 * measure it.  ERR_NOENT: there is nothing to measure (the event never
 * fired, nothing was written). */
typedef int expr_value(void *arg, const struct metric_ref *ref,
                       struct expr_reading *reading);

/* Judges 'expr' now.  'evidence' gets the expression and what was measured:
 * "ports.outage(unplanned) == 0s: measured 0s".  What is estimated keeps a
 * bound when all of its interval does, and misses it when none does. */
enum judged expr_judge(const struct expr *expr, expr_value *value, void *arg,
                       char *evidence, size_t bytes);

/* One value per seed for a metric; the array is borrowed and may be sorted in
 * place.  Errors as expr_value. */
typedef int expr_samples(void *arg, const struct metric_ref *ref,
                         uint64_t **values, size_t *count);

/* Judges aggregates over seeds.  Quantiles are tested with 'confidence_ppm':
 * true when so few samples miss the bound that a worse quantile is refuted
 * (exact binomial test), false when so many miss it that a better one is,
 * unknown in between.  mean, min and max compare as they are. */
enum judged expr_judge_over(const struct expr *expr, uint64_t confidence_ppm,
                            expr_samples *samples, void *arg, char *evidence,
                            size_t bytes);

const char *expr_op_text(enum expr_op op);
const char *aggregate_text(enum aggregate aggregate);

/* Writes a measured value with its unit, rounded to four digits for times. */
void expr_value_format(enum metric_unit unit, uint64_t value, char *buffer,
                       size_t bytes);

#endif
