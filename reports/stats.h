/* SPDX-License-Identifier: Apache-2.0
 *
 * Honest statistics: exact intervals, and bounds where a number would lie.
 *
 * Confidence is a fraction, 0.95.  Samples are taken as independent and from
 * one distribution (seeds are; ports of one box are not).  Nothing here
 * allocates; mistakes in arguments are CHECKed.  Host floating point and libm
 * are used, so nothing here may feed a simulation.
 *
 * Order-statistic intervals: David and Nagaraja, Order Statistics, 3rd ed.,
 * section 7.1.  Binomial: Clopper and Pearson, Biometrika 26 (1934).
 * Poisson: Garwood, Biometrika 28 (1936).
 */
#ifndef REPORTS_STATS_H
#define REPORTS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stats_interval {
    double low;
    double high;
};

enum stats_support {
    STATS_NUMBER,      /* 'value' with 'interval' from both sides. */
    STATS_UPPER_BOUND, /* Only "at most 'value'", one-sided. */
    STATS_LOWER_BOUND, /* Only "at least 'value'", one-sided. */
    STATS_NOTHING      /* Too few samples even for that. */
};

struct stats_quantile {
    enum stats_support support;
    double value;
    struct stats_interval interval; /* Only with STATS_NUMBER. */
};

/* Ranks, from 1 in ascending order, whose samples enclose the quantile 'p'
 * with at least 'confidence'; false when 'count' samples cannot. */
bool stats_quantile_ranks(uint64_t count, double p, double confidence,
                          uint64_t *low_rank, uint64_t *high_rank);

struct stats_ranks {
    uint64_t low;  /* STATS_NUMBER, STATS_LOWER_BOUND. */
    uint64_t high; /* STATS_NUMBER, STATS_UPPER_BOUND. */
};

/* What 'count' samples can say about the quantile 'p', and the ranks, from 1
 * in ascending order, whose samples say it. */
enum stats_support stats_quantile_support(uint64_t count, double p,
                                          double confidence,
                                          struct stats_ranks *ranks);

/* The quantile 'p' of sorted samples by nearest rank; a bound when the
 * samples cannot support it at 'confidence'. */
struct stats_quantile stats_quantile(const double *sorted, uint64_t count,
                                     double p, double confidence);

/* Fewest samples that enclose a median at 95 %: the smallest and the largest
 * of n miss it with 2^(1-n). */
#define STATS_MEDIAN_SAMPLES 6

/* Smallest number of samples whose largest is an upper bound of the quantile
 * 'p' at 'confidence'; one-sided.  For telling users what would suffice. */
uint64_t stats_quantile_samples_needed(double p, double confidence);

/* Two-sided interval of a probability after 'hits' in 'trials'. */
struct stats_interval stats_binomial_interval(uint64_t hits, uint64_t trials,
                                              double confidence);

/* One-sided bounds of that probability. */
double stats_binomial_upper(uint64_t hits, uint64_t trials, double confidence);
double stats_binomial_lower(uint64_t hits, uint64_t trials, double confidence);

/* One-sided bounds of the expected number of events after 'events'. */
double stats_poisson_upper(uint64_t events, double confidence);
double stats_poisson_lower(uint64_t events, double confidence);

struct stats_mean {
    double mean;
    double deviation; /* Of the sample; 0 with fewer than 2. */
    bool has_interval;
    struct stats_interval interval; /* Student t. */
};

struct stats_mean stats_mean(const double *samples, uint64_t count,
                             double confidence);

/* Ascending; for stats_quantile(). */
void stats_sort(double *samples, size_t count);

/* -log10: an unavailability of 1e-6 has 6 nines.  Infinite for 0. */
double stats_nines(double unavailability);

/* Regularised incomplete functions, exposed for tests and other tools. */
double stats_beta_cdf(double a, double b, double x);
double stats_gamma_cdf(double shape, double x);

#endif
