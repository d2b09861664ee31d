/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/stats.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "reference-nos/base/check.h"

enum { SERIES_STEPS = 2000000, BISECTION_STEPS = 400 };

/* Continued fraction of the incomplete beta function, evaluated from the
 * front (Lentz's method; Abramowitz and Stegun 26.5.8). */
static double
beta_fraction(double a, double b, double x)
{
    const double tiny = DBL_MIN / DBL_EPSILON;
    double c = 1;
    double d = 1 - (a + b) * x / (a + 1);
    double result;
    int m;

    d = 1 / (fabs(d) < tiny ? tiny : d);
    result = d;
    for (m = 1; m < SERIES_STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd =
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double step;

        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        result *= d * c;
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        step = d * c;
        result *= step;
        if (fabs(step - 1) < 4 * DBL_EPSILON)
            break;
    }
    return result;
}

double
stats_beta_cdf(double a, double b, double x)
{
    double front;

    CHECK(a > 0 && b > 0);
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) +
                b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

static double
gamma_series(double shape, double x)
{
    double term = 1 / shape;
    double sum = term;
    int n;

    for (n = 1; n < SERIES_STEPS; n++) {
        term *= x / (shape + n);
        sum += term;
        if (term < sum * DBL_EPSILON)
            break;
    }
    return sum * exp(-x + shape * log(x) - lgamma(shape));
}

/* The upper tail by continued fraction (Abramowitz and Stegun 6.5.31). */
static double
gamma_tail(double shape, double x)
{
    const double tiny = DBL_MIN / DBL_EPSILON;
    double b = x + 1 - shape;
    double c = 1 / tiny;
    double d = 1 / b;
    double result = d;
    int n;

    for (n = 1; n < SERIES_STEPS; n++) {
        double a = -n * (n - shape);
        double step;

        b += 2;
        d = a * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + a / c;
        c = fabs(c) < tiny ? tiny : c;
        step = d * c;
        result *= step;
        if (fabs(step - 1) < 4 * DBL_EPSILON)
            break;
    }
    return result * exp(-x + shape * log(x) - lgamma(shape));
}

double
stats_gamma_cdf(double shape, double x)
{
    CHECK(shape > 0);
    if (x <= 0)
        return 0;
    return x < shape + 1 ? gamma_series(shape, x) : 1 - gamma_tail(shape, x);
}

/* The x in [low, high] at which the rising 'cdf' reaches 'target'. */
static double
quantile_bisect(double (*cdf)(double a, double b, double x), double a,
                double b, double low, double high, double target)
{
    int i;

    for (i = 0; i < BISECTION_STEPS; i++) {
        double middle = low + (high - low) / 2;

        if (middle <= low || middle >= high)
            break;
        if (cdf(a, b, middle) < target)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

static double
gamma_cdf_of(double shape, double unused, double x)
{
    (void)unused;
    return stats_gamma_cdf(shape, x);
}

double
stats_binomial_upper(uint64_t hits, uint64_t trials, double confidence)
{
    CHECK(hits <= trials && confidence > 0 && confidence < 1);
    if (hits == trials)
        return 1;
    return quantile_bisect(stats_beta_cdf, (double)hits + 1,
                           (double)(trials - hits), 0, 1, confidence);
}

double
stats_binomial_lower(uint64_t hits, uint64_t trials, double confidence)
{
    CHECK(hits <= trials && confidence > 0 && confidence < 1);
    if (hits == 0)
        return 0;
    return quantile_bisect(stats_beta_cdf, (double)hits,
                           (double)(trials - hits) + 1, 0, 1, 1 - confidence);
}

struct stats_interval
stats_binomial_interval(uint64_t hits, uint64_t trials, double confidence)
{
    double side = 1 - (1 - confidence) / 2;

    return (struct stats_interval){
        .low = stats_binomial_lower(hits, trials, side),
        .high = stats_binomial_upper(hits, trials, side),
    };
}

double
stats_poisson_upper(uint64_t events, double confidence)
{
    double shape = (double)events + 1;

    CHECK(confidence > 0 && confidence < 1);
    return quantile_bisect(gamma_cdf_of, shape, 0, 0,
                           shape + 40 * sqrt(shape) + 750, confidence);
}

double
stats_poisson_lower(uint64_t events, double confidence)
{
    double shape = (double)events;

    CHECK(confidence > 0 && confidence < 1);
    if (events == 0)
        return 0;
    return quantile_bisect(gamma_cdf_of, shape, 0, 0, shape + 750,
                           1 - confidence);
}

/* P[at most 'hits' of 'count' samples lie below the quantile 'p']. */
static double
binomial_cdf(uint64_t hits, uint64_t count, double p)
{
    if (hits >= count)
        return 1;
    return 1 - stats_beta_cdf((double)hits + 1, (double)(count - hits), p);
}

/* Smallest k with P[Bin(count, p) <= k] >= target; 'count' at most. */
static uint64_t
binomial_quantile(uint64_t count, double p, double target)
{
    uint64_t low = 0;
    uint64_t high = count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (binomial_cdf(middle, count, p) >= target)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Largest rank whose sample is below the quantile with probability
 * 'confidence'; 0 when none is. */
static uint64_t
lower_rank(uint64_t count, double p, double confidence)
{
    return binomial_quantile(count, p, nextafter(1 - confidence, 1));
}

/* Smallest rank whose sample is above it; count + 1 when none is. */
static uint64_t
upper_rank(uint64_t count, double p, double confidence)
{
    return binomial_quantile(count, p, confidence) + 1;
}

bool
stats_quantile_ranks(uint64_t count, double p, double confidence,
                     uint64_t *low_rank, uint64_t *high_rank)
{
    double side = 1 - (1 - confidence) / 2;
    uint64_t low;
    uint64_t high;

    CHECK(p > 0 && p < 1 && confidence > 0 && confidence < 1);
    low = lower_rank(count, p, side);
    high = upper_rank(count, p, side);
    if (low < 1 || high > count)
        return false;
    *low_rank = low;
    *high_rank = high;
    return true;
}

enum stats_support
stats_quantile_support(uint64_t count, double p, double confidence,
                       struct stats_ranks *ranks)
{
    if (stats_quantile_ranks(count, p, confidence, &ranks->low, &ranks->high))
        return STATS_NUMBER;
    ranks->high = upper_rank(count, p, confidence);
    ranks->low = lower_rank(count, p, confidence);
    if (ranks->high >= 1 && ranks->high <= count)
        return STATS_UPPER_BOUND;
    if (ranks->low >= 1 && ranks->low <= count)
        return STATS_LOWER_BOUND;
    return STATS_NOTHING;
}

struct stats_quantile
stats_quantile(const double *sorted, uint64_t count, double p,
               double confidence)
{
    struct stats_quantile result = {.support = STATS_NOTHING};
    struct stats_ranks ranks;
    uint64_t rank = (uint64_t)ceil(p * (double)count);

    result.support = stats_quantile_support(count, p, confidence, &ranks);
    switch (result.support) {
    case STATS_NUMBER:
        rank = rank < 1 ? 1 : rank > count ? count : rank;
        result.value = sorted[rank - 1];
        result.interval.low = sorted[ranks.low - 1];
        result.interval.high = sorted[ranks.high - 1];
        break;
    case STATS_UPPER_BOUND: result.value = sorted[ranks.high - 1]; break;
    case STATS_LOWER_BOUND: result.value = sorted[ranks.low - 1]; break;
    case STATS_NOTHING: break;
    }
    return result;
}

uint64_t
stats_quantile_samples_needed(double p, double confidence)
{
    CHECK(p > 0 && p < 1 && confidence > 0 && confidence < 1);
    return (uint64_t)ceil(log1p(-confidence) / log(p));
}

/* P[T <= t] of Student's t with 'freedom' degrees. */
static double
student_cdf(double freedom, double unused, double t)
{
    double tail;

    (void)unused;
    tail = stats_beta_cdf(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
    return t > 0 ? 1 - tail : tail;
}

struct stats_mean
stats_mean(const double *samples, uint64_t count, double confidence)
{
    struct stats_mean result = {0};
    double squares = 0;
    uint64_t i;

    for (i = 0; i < count; i++) { /* Welford's running mean. */
        double delta = samples[i] - result.mean;

        result.mean += delta / (double)(i + 1);
        squares += delta * (samples[i] - result.mean);
    }
    if (count >= 2) {
        double t = quantile_bisect(student_cdf, (double)count - 1, 0, 0, 1e9,
                                   1 - (1 - confidence) / 2);
        double half;

        result.deviation = sqrt(squares / (double)(count - 1));
        half = t * result.deviation / sqrt((double)count);
        result.has_interval = true;
        result.interval.low = result.mean - half;
        result.interval.high = result.mean + half;
    }
    return result;
}

static int
double_compare(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;

    return (*a > *b) - (*a < *b);
}

void
stats_sort(double *samples, size_t count)
{
    if (count > 1)
        qsort(samples, count, sizeof(*samples), double_compare);
}

double
stats_nines(double unavailability)
{
    return unavailability > 0 ? -log10(unavailability) : INFINITY;
}
