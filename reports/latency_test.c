/* SPDX-License-Identifier: Apache-2.0
 *
 * Quantiles of histograms against those of the samples themselves.
 */
#include "reports/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/suites.h"

#define US UINT64_C(1000000)

static struct hist *
hist_make(unsigned precision_bits)
{
    void *storage = malloc(hist_size_bytes(precision_bits));

    ck_assert_ptr_nonnull(storage);
    return hist_init(storage, precision_bits);
}

static uint64_t
noise(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Exponential with a mean of 5 us. */
static uint64_t
draw_ps(uint64_t *state)
{
    double u = ((double)(noise(state) >> 11) + 1) / 9007199254740993.0;

    return (uint64_t)(-log(u) * 5e6);
}

/* The interval holds that of the samples and is wider by a part at most. */
START_TEST(as_the_samples)
{
    static const uint64_t counts[] = {1, 5, 6, 100, 3000, 60000};
    uint64_t state = 1;

    for (size_t c = 0; c < ARRAY_COUNT(counts); c++) {
        struct hist *hist = hist_make(7);
        double *samples = calloc(counts[c], sizeof(*samples));

        for (uint64_t i = 0; i < counts[c]; i++) {
            uint64_t ps = draw_ps(&state);

            hist_add(hist, ps, 1);
            samples[i] = (double)ps;
        }
        stats_sort(samples, counts[c]);
        for (unsigned q = 0; q < LATENCY_QUANTILES; q++) {
            double p = latency_quantiles[q];
            struct stats_quantile is = latency_quantile(hist, p, 0.95);
            struct stats_quantile real =
                stats_quantile(samples, counts[c], p, 0.95);

            ck_assert_int_eq(is.support, real.support);
            ck_assert_double_le(fabs(is.value - real.value),
                                real.value / 127 + 1);
            if (is.support == STATS_NUMBER) {
                ck_assert_double_ge(is.value, real.value);
                ck_assert_double_le(is.interval.low, real.interval.low);
                ck_assert_double_ge(is.interval.low,
                                    real.interval.low * 126 / 127 - 1);
                ck_assert_double_ge(is.interval.high, real.interval.high);
                ck_assert_double_le(is.interval.high,
                                    real.interval.high * 128 / 127 + 1);
            }
        }
        free(samples);
        free(hist);
    }
}
END_TEST

/* 95 % intervals hold the truth in at least 95 % of 2,000 tries, less three
 * standard deviations. */
START_TEST(intervals_cover)
{
    uint64_t state = 2;
    unsigned held = 0;
    struct hist *hist = hist_make(7);

    for (unsigned n = 0; n < 2000; n++) {
        hist_clear(hist);
        for (unsigned i = 0; i < 1000; i++)
            hist_add(hist, draw_ps(&state), 1);
        struct stats_quantile is = latency_quantile(hist, 0.99, 0.95);
        double truth = -log(0.01) * 5e6;

        ck_assert_int_eq(is.support, STATS_NUMBER);
        held += is.interval.low <= truth && truth <= is.interval.high;
    }
    ck_assert_uint_ge(held, 1900 - 29);
    ck_assert_uint_lt(held, 2000); /* and are not all of the line */
    free(hist);
}
END_TEST

/* Two-sided at 95 %, p99.9999 needs the 3.7 million packets of the issue. */
START_TEST(samples_that_support)
{
    struct hist *hist = hist_make(5);
    struct stats_quantile is;

    hist_add(hist, 10 * US, 3680000);
    is = latency_quantile(hist, 0.999999, 0.95);
    ck_assert_int_eq(is.support, STATS_UPPER_BOUND);
    hist_add(hist, 10 * US, 20000);
    is = latency_quantile(hist, 0.999999, 0.95);
    ck_assert_int_eq(is.support, STATS_NUMBER);
    hist_clear(hist);
    hist_add(hist, 10 * US, 100000);
    is = latency_quantile(hist, 0.999999, 0.95);
    ck_assert_int_eq(is.support, STATS_LOWER_BOUND);
    ck_assert_double_eq(is.value, 10e6);
    hist_clear(hist);
    is = latency_quantile(hist, 0.5, 0.95);
    ck_assert_int_eq(is.support, STATS_NOTHING);
    free(hist);
}
END_TEST

/* Halves merged are the whole, also of other precision and with ends that
 * overlap. */
START_TEST(merged)
{
    struct hist *whole = hist_make(7);
    struct hist *halves[2] = {hist_make(7), hist_make(7)};
    struct latency latency = {0};
    uint64_t state = 3;

    for (unsigned i = 0; i < 50000; i++) {
        uint64_t ps = draw_ps(&state);

        hist_add(whole, ps, 1);
        hist_add(halves[i % 2], ps, 1);
    }
    latency_add_hist(&latency, halves[0]);
    latency_add_hist(&latency, halves[1]);
    latency_sort(&latency);
    ck_assert_uint_eq(latency.samples, 50000);
    ck_assert_double_eq(latency.sum_ps, (double)hist_sum(whole));
    ck_assert_uint_eq(latency_max_ps(&latency), hist_max(whole));
    for (unsigned q = 0; q < 4; q++) {
        struct stats_quantile a =
            latency_quantile(whole, latency_quantiles[q], 0.95);
        struct stats_quantile b =
            latency_quantile_of(&latency, latency_quantiles[q], 0.95);

        ck_assert_double_eq(a.value, b.value);
        ck_assert_double_eq(a.interval.low, b.interval.low);
        ck_assert_double_eq(a.interval.high, b.interval.high);
    }
    latency_fini(&latency);
    for (unsigned i = 0; i < 2; i++)
        free(halves[i]);
    free(whole);
}
END_TEST

START_TEST(overlapping_parts)
{
    struct latency latency = {0};
    struct stats_quantile is;

    latency_add(&latency, 200, 299, 5);
    latency_add(&latency, 150, 320, 5); /* another run, coarser */
    latency_add(&latency, 10, 19, 10);
    latency_add(&latency, 10, 19, 3);
    latency_add(&latency, 1, 2, 0); /* nothing */
    latency_sort(&latency);
    ck_assert_uint_eq(latency.part_count, 3);
    ck_assert_uint_eq(latency.parts[0].count, 13);
    ck_assert_double_eq(latency_share_above(&latency, 0), 10.0 / 23);
    ck_assert_double_eq(latency_share_above(&latency, 2), 0);
    is = latency_quantile_of(&latency, 0.65, 0.5);
    ck_assert_int_eq(is.support, STATS_NUMBER);
    ck_assert_double_eq(is.value, 299);
    /* A sample of rank 14 may be as small as 150. */
    ck_assert_double_le(is.interval.low, 150);
    latency_fini(&latency);
}
END_TEST

static void
reads(struct stats_quantile quantile, double p, uint64_t samples,
      const char *expected)
{
    char text[LATENCY_TEXT_BYTES];

    latency_text(&quantile, p, samples, text);
    ck_assert_str_eq(text, expected);
}

START_TEST(texts)
{
    reads((struct stats_quantile){STATS_NUMBER, 11.2e6, {10.9e6, 11.8e6}},
          0.999999, 4012345, "p99.9999 11.2 us [10.9, 11.8] of 4,012,345");
    reads((struct stats_quantile){STATS_NUMBER, 999.5e3, {998e3, 1002e3}}, 0.5,
          12, "p50 999.5 ns [998, 1002] of 12");
    reads((struct stats_quantile){STATS_NUMBER, 1.5e12, {1e12, 2e12}}, 0.999,
          5000, "p99.9 1.5 s [1, 2] of 5,000");
    reads(
        (struct stats_quantile){.support = STATS_LOWER_BOUND, .value = 10.2e6},
        0.999999, 100000, "p99.9999 at least 10.2 us of 100,000");
    reads((struct stats_quantile){.support = STATS_UPPER_BOUND, .value = 3e9},
          0.99999, 300000, "p99.999 at most 3 ms of 300,000");
    reads((struct stats_quantile){.support = STATS_NOTHING}, 0.9, 3,
          "p90 unknown of 3");
    reads((struct stats_quantile){STATS_NUMBER, 0, {0, 0}}, 0.9, 99,
          "p90 0 ps [0, 0] of 99");
}
END_TEST

Suite *
latency_suite(void)
{
    Suite *suite = suite_create("latency");
    TCase *tcase = tcase_create("quantiles");

    tcase_add_test(tcase, as_the_samples);
    tcase_add_test(tcase, intervals_cover);
    tcase_add_test(tcase, samples_that_support);
    tcase_add_test(tcase, merged);
    tcase_add_test(tcase, overlapping_parts);
    tcase_add_test(tcase, texts);
    suite_add_tcase(suite, tcase);
    return suite;
}
