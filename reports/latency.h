/* SPDX-License-Identifier: Apache-2.0
 *
 * Quantiles of latency from histograms, each with its interval.
 *
 * Interval  distribution-free, from order statistics (stats.h): the parts that
 *           hold the two ranks, from the low edge of one to the high edge of
 *           the other, so that rounding to parts never narrows it.
 * Value     rounded up within its part, never above the largest sample.
 * Support   a quantile that so few samples cannot enclose is a bound.
 * Caution   samples are taken as independent.  Packets that met in one queue
 *           are not, so the interval is what sampling alone leaves open; runs
 *           with other seeds show the rest.
 * Times     picoseconds.
 */
#ifndef REPORTS_LATENCY_H
#define REPORTS_LATENCY_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/hist.h"
#include "reports/stats.h"

#define LATENCY_CONFIDENCE 0.95
#define LATENCY_QUANTILES 7
#define LATENCY_TEXT_BYTES 160
#define LATENCY_VALUE_BYTES 80

/* 0.5, 0.9, 0.99 ... 0.999999, and "p50" ... "p99.9999". */
extern const double latency_quantiles[LATENCY_QUANTILES];
extern const char *const latency_names[LATENCY_QUANTILES];

struct latency_part {
    uint64_t low_ps;
    uint64_t high_ps; /* Included. */
    uint64_t count;
};

/* Parts of one or more histograms.  Zeroed: empty. */
struct latency {
    struct latency_part *parts; /* Ascending once sorted. */
    size_t part_count, part_room;
    uint64_t samples;
    double sum_ps;
};

void latency_fini(struct latency *latency);
void latency_add(struct latency *latency, uint64_t low_ps, uint64_t high_ps,
                 uint64_t count);
void latency_add_hist(struct latency *latency, const struct hist *hist);
/* Before the functions below; again after each addition. */
void latency_sort(struct latency *latency);

struct stats_quantile latency_quantile_of(const struct latency *latency,
                                          double p, double confidence);
uint64_t latency_max_ps(const struct latency *latency);
/* Share of samples above each part's high edge, for a plot. */
double latency_share_above(const struct latency *latency, size_t part);

/* The same of one histogram of picoseconds. */
struct stats_quantile latency_quantile(const struct hist *hist, double p,
                                       double confidence);

/* "p99.9999 11.2 us [10.9, 11.8] of 4,012,345",
 * "p99.9999 at least 10.2 us of 100,000", "p99.9999 unknown of 3". */
void latency_text(const struct stats_quantile *quantile, double p,
                  uint64_t samples, char text[LATENCY_TEXT_BYTES]);

/* "11.2 us [10.9, 11.8]" or "at least 10.2 us"; "unknown". */
void latency_value_text(const struct stats_quantile *quantile,
                        char text[LATENCY_VALUE_BYTES]);

#endif
