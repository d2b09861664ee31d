/* SPDX-License-Identifier: Apache-2.0
 *
 * Held against published tables: chi-square upper limits of a Poisson mean,
 * Clopper-Pearson limits, Student t, and sample sizes for quantiles.
 */
#include "reports/stats.h"

#include <check.h>
#include <math.h>

#include "reports/suites.h"

static void
near(double found, double expected, double relative)
{
    ck_assert_msg(fabs(found - expected) <= fabs(expected) * relative,
                  "found %.12g, expected %.12g", found, expected);
}

START_TEST(poisson_upper_table)
{
    static const struct {
        uint64_t events;
        double mean;
    } rows[] = {{0, 2.9957},  {1, 4.7439},  {2, 6.2958},  {5, 10.513},
                {10, 16.962}, {20, 29.062}, {100, 118.08}};
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        near(stats_poisson_upper(rows[i].events, 0.95), rows[i].mean, 5e-5);
    near(stats_poisson_upper(0, 0.99), 4.6052, 2e-5);
}
END_TEST

START_TEST(poisson_closed_forms)
{
    near(stats_poisson_upper(0, 0.95), -log(0.05), 1e-12);
    ck_assert(stats_poisson_lower(0, 0.95) == 0);
    near(stats_poisson_lower(1, 0.95), -log(0.95), 1e-10);
    near(stats_poisson_upper(1000000, 0.975), 1001962.0, 1e-5);
}
END_TEST

START_TEST(demonstration_years_table)
{
    const double second_years = 1.0 / (365 * 86400.0);
    static const struct {
        double outage_s, years_0, years_5;
    } rows[] = {{2, 0.19, 0.67},
                {30, 2.85, 10.0},
                {300, 28.5, 100},
                {1800, 171, 600},
                {14400, 1368, 4800}};
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double unit = rows[i].outage_s / 1e-6 * second_years;

        near(stats_poisson_upper(0, 0.95) * unit, rows[i].years_0, 5e-3);
        near(stats_poisson_upper(5, 0.95) * unit, rows[i].years_5, 5e-3);
    }
}
END_TEST

START_TEST(clopper_pearson_table)
{
    static const struct {
        uint64_t trials;
        double upper[3]; /* After 0, 1, 3 hits. */
    } rows[] = {{300, {9.94e-3, 1.57e-2, 2.56e-2}},
                {3000, {9.98e-4, 1.58e-3, 2.58e-3}},
                {30000, {9.99e-5, 1.58e-4, 2.58e-4}},
                {300000, {9.99e-6, 1.58e-5, 2.58e-5}}};
    static const uint64_t hits[] = {0, 1, 3};
    size_t i;
    int k;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (k = 0; k < 3; k++)
            near(stats_binomial_upper(hits[k], rows[i].trials, 0.95),
                 rows[i].upper[k], 4e-3);
}
END_TEST

/* A limit solves the binomial tail it is defined by. */
START_TEST(clopper_pearson_defines_itself)
{
    struct stats_interval interval = stats_binomial_interval(8, 20, 0.95);
    double below = 0;
    double above = 0;
    int k;

    for (k = 0; k <= 20; k++) {
        double log_ways = lgamma(21) - lgamma(k + 1.0) - lgamma(21.0 - k);

        if (k <= 8)
            below += exp(log_ways + k * log(interval.high) +
                         (20 - k) * log1p(-interval.high));
        if (k >= 8)
            above += exp(log_ways + k * log(interval.low) +
                         (20 - k) * log1p(-interval.low));
    }
    near(below, 0.025, 1e-9);
    near(above, 0.025, 1e-9);
    near(stats_binomial_upper(0, 300, 0.95), 1 - pow(0.05, 1 / 300.0), 1e-10);
    ck_assert(stats_binomial_upper(7, 7, 0.95) == 1);
    ck_assert(stats_binomial_lower(0, 7, 0.95) == 0);
}
END_TEST

/* "Zero-uncovered injections needed" of the 1+1 controller model. */
START_TEST(injections_needed)
{
    ck_assert(stats_binomial_upper(0, 34, 0.95) <= 8.65e-2);
    ck_assert(stats_binomial_upper(0, 33, 0.95) > 8.65e-2);
    ck_assert(stats_binomial_upper(0, 1671, 0.95) <= 1.7915e-3);
    ck_assert(stats_binomial_upper(0, 1671, 0.95) > 1.7900e-3);
}
END_TEST

START_TEST(quantile_sample_sizes)
{
    uint64_t low;
    uint64_t high;

    near((double)stats_quantile_samples_needed(0.999999, 0.95), 3.0e6, 2e-3);
    ck_assert(!stats_quantile_ranks(3680000, 0.999999, 0.95, &low, &high));
    ck_assert(stats_quantile_ranks(3690000, 0.999999, 0.95, &low, &high));
    ck_assert(high == 3690000);
    ck_assert(stats_quantile_ranks(100000000, 0.999999, 0.95, &low, &high));
    ck_assert_int_eq(100000000 - high + 1, 81);
    ck_assert_int_eq(100000000 - low + 1, 121);
}
END_TEST

/* The textbook row: ten samples, median, 2nd and 9th enclose it at 97.9 %. */
START_TEST(median_of_ten)
{
    uint64_t low;
    uint64_t high;

    ck_assert(stats_quantile_ranks(10, 0.5, 0.95, &low, &high));
    ck_assert_int_eq(low, 2);
    ck_assert_int_eq(high, 9);
    ck_assert(!stats_quantile_ranks(5, 0.5, 0.95, &low, &high));
    ck_assert(stats_quantile_ranks(6, 0.5, 0.95, &low, &high));
    ck_assert(low == 1 && high == 6);
}
END_TEST

START_TEST(quantile_is_a_bound_when_unsupported)
{
    double samples[400];
    struct stats_quantile q;
    int i;

    for (i = 0; i < 400; i++)
        samples[i] = i + 1;
    q = stats_quantile(samples, 400, 0.99, 0.95);
    ck_assert_int_eq(q.support, STATS_NUMBER);
    ck_assert(q.value == 396);
    ck_assert(q.interval.low < 396 && q.interval.high <= 400);
    q = stats_quantile(samples, 320, 0.99, 0.95); /* 299 <= n < 369. */
    ck_assert_int_eq(q.support, STATS_UPPER_BOUND);
    ck_assert(q.value == 320);
    q = stats_quantile(samples, 298, 0.99, 0.95);
    ck_assert_int_eq(q.support, STATS_LOWER_BOUND);
    ck_assert(q.value < 298);
    q = stats_quantile(samples, 299, 0.99, 0.95);
    ck_assert_int_eq(q.support, STATS_UPPER_BOUND);
    q = stats_quantile(samples, 0, 0.99, 0.95);
    ck_assert_int_eq(q.support, STATS_NOTHING);
    q = stats_quantile(samples, 1, 0.5, 0.95);
    ck_assert_int_eq(q.support, STATS_NOTHING);
    q = stats_quantile(samples, STATS_MEDIAN_SAMPLES, 0.5, 0.95);
    ck_assert_int_eq(q.support, STATS_NUMBER);
    q = stats_quantile(samples, STATS_MEDIAN_SAMPLES - 1, 0.5, 0.95);
    ck_assert_int_ne(q.support, STATS_NUMBER);
}
END_TEST

START_TEST(mean_and_student)
{
    static const double samples[] = {4, 6};
    struct stats_mean two = stats_mean(samples, 2, 0.95);
    struct stats_mean one = stats_mean(samples, 1, 0.95);

    near(two.mean, 5, 1e-12);
    near(two.deviation, sqrt(2), 1e-12);
    ck_assert(two.has_interval);
    near(two.interval.high - two.mean, 12.7062047, 1e-7); /* t(1) = 12.706 */
    ck_assert(!one.has_interval);
    ck_assert(one.mean == 4);
}
END_TEST

START_TEST(nines)
{
    near(stats_nines(1e-6), 6, 1e-12);
    near(stats_nines(1.925133045792e-07), 6.716, 1e-4);
    ck_assert(isinf(stats_nines(0)));
}
END_TEST

Suite *
stats_suite(void)
{
    Suite *suite = suite_create("stats");
    TCase *tables = tcase_create("tables");

    tcase_add_test(tables, poisson_upper_table);
    tcase_add_test(tables, poisson_closed_forms);
    tcase_add_test(tables, demonstration_years_table);
    tcase_add_test(tables, clopper_pearson_table);
    tcase_add_test(tables, clopper_pearson_defines_itself);
    tcase_add_test(tables, injections_needed);
    tcase_add_test(tables, quantile_sample_sizes);
    tcase_add_test(tables, median_of_ten);
    tcase_add_test(tables, quantile_is_a_bound_when_unsupported);
    tcase_add_test(tables, mean_and_student);
    tcase_add_test(tables, nines);
    suite_add_tcase(suite, tables);
    return suite;
}
