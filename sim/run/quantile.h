/* SPDX-License-Identifier: Apache-2.0
 *
 * Quantiles of a histogram with what they may truly be: an interval of 95 %
 * from order statistics (reports/stats.h), widened to the edges of the
 * histogram's parts; where the samples cannot bound one from above, what it
 * is at least.
 */
#ifndef SIM_RUN_QUANTILE_H
#define SIM_RUN_QUANTILE_H

#include "reference-nos/base/hist.h"
#include "sim/scenario/expr.h"

/* The latencies that are reported.  X(name, share) */
#define QUANTILE_TABLE(X)                                                     \
    X("p50", 0.5)                                                             \
    X("p90", 0.9)                                                             \
    X("p99", 0.99)                                                            \
    X("p99.9", 0.999)                                                         \
    X("p99.99", 0.9999)                                                       \
    X("p99.999", 0.99999)                                                     \
    X("p99.9999", 0.999999)

#define QUANTILE_COUNT 7u

extern const char *const quantile_names[QUANTILE_COUNT];
extern const double quantile_shares[QUANTILE_COUNT];

/* ERR_NOENT when the histogram is empty. */
MUST_USE int quantile_reading(const struct hist *hist, double share,
                              struct expr_reading *reading);

#endif
