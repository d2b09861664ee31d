/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/hist.h"

#include "reference-nos/base/base_test.h"
#include "reference-nos/base/err.h"

#include <stdlib.h>

#define VALUES 5000

static struct hist *
open_hist(unsigned bits)
{
    return hist_init(malloc(hist_size_bytes(bits)), bits);
}

static int
ascending(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return *x < *y ? -1 : *x > *y;
}

START_TEST(quantiles_are_close_and_never_low)
{
    static const uint64_t ppbs[] = {0,         1,         250000000, 500000000,
                                    990000000, 999000000, 999999999, HIST_PPB};
    unsigned bits = 1 + (unsigned)_i;
    struct hist *hist = open_hist(bits);
    static uint64_t values[VALUES];
    uint64_t state = 5;

    for (int i = 0; i < VALUES; i++) {
        values[i] = test_draw(&state) >> test_draw(&state) % 64;
        hist_add(hist, values[i], 1);
    }
    qsort(values, VALUES, sizeof(values[0]), ascending);
    for (size_t i = 0; i < sizeof(ppbs) / sizeof(ppbs[0]); i++) {
        uint64_t rank = (VALUES * ppbs[i] + HIST_PPB - 1) / HIST_PPB;
        uint64_t exact = values[rank == 0 ? 0 : rank - 1];
        uint64_t got = hist_quantile(hist, ppbs[i]);

        ck_assert_uint_ge(got, exact);
        ck_assert_uint_le(got - exact, exact >> bits);
    }
    ck_assert_uint_eq(hist_min(hist), values[0]);
    ck_assert_uint_eq(hist_max(hist), values[VALUES - 1]);
    ck_assert_uint_eq(hist_quantile(hist, HIST_PPB), values[VALUES - 1]);
    free(hist);
}
END_TEST

START_TEST(parts_tile_all_numbers)
{
    struct hist *hist = open_hist(3);
    uint64_t state = 9;
    size_t cursor = 0;
    uint64_t low;
    uint64_t high;
    uint64_t next = 0;
    uint64_t total = 0;
    uint64_t count;

    for (int shift = 0; shift < 64; shift++) {
        for (uint64_t step = 0; step < 16; step++)
            hist_add(hist, (shift == 0 ? step : (8 + step % 8)) << shift, 1);
        (void)test_draw(&state);
    }
    while ((count = hist_next(hist, &cursor, &low, &high)) != 0) {
        ck_assert_uint_eq(low, next);
        ck_assert_uint_ge(high, low);
        next = high + 1;
        total += count;
    }
    ck_assert_uint_eq(next, 0); /* The last part ends at 2^64 - 1. */
    ck_assert_uint_eq(total, hist_count(hist));
    free(hist);
}
END_TEST

START_TEST(histograms_merge)
{
    struct hist *a = open_hist(5);
    struct hist *b = open_hist(5);
    struct hist *all = open_hist(5);
    struct hist *other = open_hist(6);
    uint64_t state = 2;

    for (int i = 0; i < 1000; i++) {
        uint64_t value = test_draw(&state) % 100000;

        hist_add(i % 3 == 0 ? a : b, value, 2);
        hist_add(all, value, 2);
    }
    ck_assert_int_eq(hist_merge(a, b), 0);
    ck_assert_mem_eq(a, all, hist_size_bytes(5));
    ck_assert_int_eq(hist_merge(a, other), ERR_INVALID);
    ck_assert_uint_eq(hist_count(all), 2000);
    free(a);
    free(b);
    free(all);
    free(other);
}
END_TEST

START_TEST(counts_saturate)
{
    struct hist *hist = open_hist(5);

    ck_assert_uint_eq(hist_quantile(hist, 500000000), 0);
    ck_assert_uint_eq(hist_min(hist), 0);
    hist_add(hist, 10, UINT64_MAX);
    hist_add(hist, 20, 5);
    ck_assert_uint_eq(hist_count(hist), UINT64_MAX);
    ck_assert_uint_eq(hist_sum(hist), UINT64_MAX);
    ck_assert_uint_eq(hist_quantile(hist, 500000000), 10);
    hist_clear(hist);
    ck_assert_uint_eq(hist_count(hist), 0);
    ck_assert_uint_eq(hist_max(hist), 0);
    free(hist);
}
END_TEST

Suite *
hist_suite(void)
{
    Suite *suite = suite_create("hist");
    TCase *tcase = tcase_create("hist");

    tcase_add_loop_test(tcase, quantiles_are_close_and_never_low, 0,
                        HIST_PRECISION_MAX);
    tcase_add_test(tcase, parts_tile_all_numbers);
    tcase_add_test(tcase, histograms_merge);
    tcase_add_test(tcase, counts_saturate);
    suite_add_tcase(suite, tcase);
    return suite;
}
