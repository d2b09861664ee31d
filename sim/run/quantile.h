/* SPDX-License-Identifier: Apache-2.0
 *
 * Quantiles of latency as expectations want them, and histograms of an
 * outcome.
 */
#ifndef SIM_RUN_QUANTILE_H
#define SIM_RUN_QUANTILE_H

#include "reference-nos/base/hist.h"
#include "sim/run/outcome.h"

#define QUANTILE_HIST_BITS 7u /* as the plane's */

/* With its interval of 95 %; where the packets cannot enclose it, a bound
 * (reports/latency.h).  ERR_NOENT when the histogram is empty. */
MUST_USE int quantile_reading(const struct hist *hist, double share,
                              struct expr_reading *reading);

/* Latencies of a row of outcome.traffic in 'stage' (PLANE_STAGE_COUNT: all of
 * it); the caller frees it. */
struct hist *outcome_latency(const struct outcome *outcome, size_t traffic,
                             unsigned stage);

#endif
