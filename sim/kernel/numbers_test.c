/* SPDX-License-Identifier: Apache-2.0
 *
 * Time, fixed point and random draws.  The C library's mathematics is the
 * judge here and nowhere else.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "sim/kernel/fixed.h"
#include "sim/kernel/fixed_priv.h"
#include "sim/kernel/kernel_test.h"
#include "sim/kernel/random.h"
#include "sim/kernel/simtime.h"

/* Known answers of Random123 (Salmon et al. 2011), philox4x32-10. */
START_TEST(philox_known_answers)
{
    static const uint32_t cases[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
         0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822,
         0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    uint32_t out[4];

    random_philox4x32(cases[_i], cases[_i] + 4, out);
    ck_assert_mem_eq(out, cases[_i] + 6, sizeof(out));
}
END_TEST

START_TEST(draws_depend_on_names_alone)
{
    struct random_stream a = random_stream_make(42, 7, 3);
    struct random_stream b = random_stream_make(42, 7, 3);

    (void)random_bits(&a);
    (void)random_below(&a, 1000);
    (void)random_exponential(&a, 1000);
    ck_assert_uint_eq(a.n, 3);
    b.n = 3;
    ck_assert_uint_eq(random_bits(&a), random_bits(&b));
    ck_assert_uint_ne(random_draw(42, 7, 3, 0), random_draw(42, 7, 3, 1));
    ck_assert_uint_ne(random_draw(42, 7, 3, 0), random_draw(42, 7, 4, 0));
    ck_assert_uint_ne(random_draw(42, 7, 3, 0), random_draw(42, 8, 3, 0));
    ck_assert_uint_ne(random_draw(42, 7, 3, 0), random_draw(43, 7, 3, 0));
    /* The value itself is part of every replay token. */
    uint32_t counter[4] = {5, 0, 7, 3};
    uint32_t key[2] = {42, 1};
    uint32_t out[4];
    random_philox4x32(counter, key, out);
    ck_assert_uint_eq(random_draw(42 | UINT64_C(1) << 32, 7, 3, 5),
                      out[0] | (uint64_t)out[1] << 32);
    ck_assert_uint_eq(random_purpose("a"), 0xe40c292c); /* FNV-1a */
}
END_TEST

START_TEST(below_is_uniform)
{
    /* Chi-square over 'bound' cells; 99.99 % point of 9 degrees: 33.7. */
    struct random_stream stream = random_stream_make(1, 2, 3);
    double chi = 0;
    int cells[10] = {0};

    for (int i = 0; i < 100000; i++)
        cells[random_below(&stream, 10)]++;
    for (int i = 0; i < 10; i++)
        chi += (cells[i] - 10000.0) * (cells[i] - 10000.0) / 10000.0;
    ck_assert_double_lt(chi, 33.7);
    /* A bound just above 2^63 rejects half of all first tries. */
    uint64_t bound = (UINT64_C(1) << 63) + 1;
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_lt(random_below(&stream, bound), bound);
    ck_assert_uint_eq(random_between(&stream, 5, 5), 5);
    ck_assert_uint_eq(random_below(&stream, 1), 0);
}
END_TEST

START_TEST(chances)
{
    struct random_stream stream = random_stream_make(4, 5, 6);
    int hits = 0;

    for (int i = 0; i < 100000; i++)
        hits += random_chance_ppm(&stream, 30000);
    ck_assert_int_gt(hits, 2750); /* 3000 +- 4.6 sigma */
    ck_assert_int_lt(hits, 3250);
    for (int i = 0; i < 1000; i++) {
        ck_assert(!random_chance_ppm(&stream, 0));
        ck_assert(random_chance_ppm(&stream, 1000000));
        ck_assert(!random_chance_ppb(&stream, 0));
        ck_assert(random_chance_ppb(&stream, 1000000000));
    }
}
END_TEST

START_TEST(exponential_moments)
{
    struct random_stream stream = random_stream_make(9, 9, 9);
    const double mean = 1e9;
    double sum = 0;
    double squares = 0;
    int beyond = 0;

    for (int i = 0; i < 200000; i++) {
        double x = (double)random_exponential(&stream, 1000000000) / mean;

        sum += x;
        squares += x * x;
        beyond += x > 1;
    }
    ck_assert_double_eq_tol(sum / 200000, 1, 0.012);
    ck_assert_double_eq_tol(squares / 200000, 2, 0.06);
    ck_assert_double_eq_tol(beyond / 200000.0, exp(-1), 0.006);
}
END_TEST

START_TEST(tables_are_right)
{
    for (int i = 0; i < 256; i++) {
        double inverse = 65536.0 / (1 + (i + 0.5) / 256);
        double log = -log2(fixed_inverse_table[i] / 65536.0);

        ck_assert_double_eq_tol(fixed_inverse_table[i], inverse, 0.501);
        ck_assert_double_eq_tol((double)fixed_log_table[i],
                                log * 1099511627776.0, 0.51);
        ck_assert_double_eq_tol((double)fixed_exp_table[i],
                                exp2(-i / 256.0) * 1099511627776.0, 0.51);
    }
}
END_TEST

static uint64_t
some_integer(uint64_t n)
{
    return random_draw(1, 0, 0, n) >> (n % 64);
}

START_TEST(logarithms_agree_with_libm)
{
    const double one = 4294967296.0;

    for (uint64_t n = 0; n < 200000; n++) {
        uint64_t x = some_integer(n);
        if (x == 0)
            x = 1;
        double two = (double)fixed_log2(x) / one;
        double natural = (double)fixed_ln(x) / one;

        ck_assert_double_eq_tol(two, log2((double)x), 4 / one);
        ck_assert_double_eq_tol(natural, log((double)x), 4 / one);
    }
    ck_assert_uint_eq(fixed_log2(1), 0);
    ck_assert_uint_eq(fixed_ln(1), 0);
    for (unsigned i = 0; i < 64; i++)
        ck_assert_double_eq_tol((double)fixed_log2(UINT64_C(1) << i), i * one,
                                1);
    ck_assert_uint_eq(fixed_minus_ln_u64(UINT64_MAX), 0);
    ck_assert_double_eq_tol((double)fixed_minus_ln_u64(0) / one, 64 * log(2),
                            4 / one);
    ck_assert_double_eq_tol((double)fixed_minus_ln_u64(UINT64_MAX / 2) / one,
                            log(2), 4 / one);
}
END_TEST

START_TEST(logarithm_never_falls)
{
    uint64_t before = 0;

    for (uint64_t x = 1; x < 300000; x++) {
        uint64_t now = fixed_log2(x);

        ck_assert_uint_ge(now, before);
        before = now;
    }
}
END_TEST

START_TEST(exponentials_agree_with_libm)
{
    const double one = 4294967296.0;

    for (uint64_t n = 0; n < 200000; n++) {
        uint64_t x = random_draw(2, 0, 0, n) >> (26 + n % 38);
        double power = exp2(-(double)x / one);
        double natural = exp(-(double)x / one);

        ck_assert_double_eq_tol((double)fixed_exp2_minus(x) / one, power,
                                power / 1073741824.0 + 1 / one);
        ck_assert_double_eq_tol((double)fixed_exp_minus(x) / one, natural,
                                natural / 1073741824.0 + 1 / one);
        uint64_t y = x % (32 * FIXED_ONE);
        double up = exp2((double)y / one);
        ck_assert_double_eq_tol((double)fixed_exp2(y) / one, up,
                                up / 1073741824.0 + 1 / one);
    }
    ck_assert_uint_eq(fixed_exp2_minus(0), FIXED_ONE);
    ck_assert_uint_eq(fixed_exp_minus(0), FIXED_ONE);
    ck_assert_uint_eq(fixed_exp_minus(UINT64_MAX), 0);
    ck_assert_uint_eq(fixed_exp2(5 * FIXED_ONE), 32 * FIXED_ONE);
    ck_assert_uint_eq(fixed_exp2(32 * FIXED_ONE), UINT64_MAX);
}
END_TEST

START_TEST(roots_and_products)
{
    for (uint64_t n = 0; n < 10000; n++) {
        uint64_t x = some_integer(n);
        uint64_t root = fixed_sqrt_u64(x);

        ck_assert(root * root <= x);
        ck_assert(root == UINT32_MAX || (root + 1) * (root + 1) > x);
    }
    ck_assert_uint_eq(fixed_mul_div(UINT64_MAX, 10, 20), UINT64_MAX / 2);
    ck_assert_uint_eq(fixed_mul_div(UINT64_MAX, 2, 1), UINT64_MAX);
    ck_assert_uint_eq(fixed_mul_div(7, 10, 4), 17);
}
END_TEST

START_TEST(times_read_well)
{
    char text[SIMTIME_TEXT_BYTES];

    ck_assert_str_eq(simtime_format(simtime_from_ps(0), text), "0s");
    ck_assert_str_eq(simtime_format(simtime_from_ps(640), text), "640ps");
    ck_assert_str_eq(simtime_format(simtime_from_ps(1500), text), "1.5ns");
    ck_assert_str_eq(simtime_format(simtime_from_us(250), text), "250us");
    ck_assert_str_eq(simtime_format(simtime_from_ms(1500), text), "1.5s");
    ck_assert_str_eq(
        simtime_format(simtime_from_ps(SIMTIME_PS_PER_S + 1), text),
        "1.000000000001s");
    ck_assert_str_eq(simtime_format(simtime_from_ps(SIMTIME_LIMIT_PS), text),
                     "8640000s");
    ck_assert_str_eq(simtime_format_s(simtime_from_ms(12350), 3, text),
                     "12.350");
    ck_assert_str_eq(simtime_format_s(simtime_from_ms(12999), 0, text), "12");
    ck_assert_uint_eq(simtime_sub(simtime_from_ns(1), simtime_from_ns(2)).ps,
                      0);
    ck_assert_uint_eq(
        simtime_add(simtime_from_ps(UINT64_MAX), simtime_from_ps(1)).ps,
        UINT64_MAX);
    ck_assert_int_eq(
        simtime_compare(simtime_from_ns(1), simtime_from_ps(1000)), 0);
}
END_TEST

Suite *
numbers_suite(void)
{
    Suite *suite = suite_create("numbers");
    TCase *random = tcase_create("random");
    TCase *fixed = tcase_create("fixed");

    tcase_set_timeout(random, 300);
    tcase_set_timeout(fixed, 300);
    tcase_add_loop_test(random, philox_known_answers, 0, 3);
    tcase_add_test(random, draws_depend_on_names_alone);
    tcase_add_test(random, below_is_uniform);
    tcase_add_test(random, chances);
    tcase_add_test(random, exponential_moments);
    tcase_add_test(fixed, tables_are_right);
    tcase_add_test(fixed, logarithms_agree_with_libm);
    tcase_add_test(fixed, logarithm_never_falls);
    tcase_add_test(fixed, exponentials_agree_with_libm);
    tcase_add_test(fixed, roots_and_products);
    tcase_add_test(fixed, times_read_well);
    suite_add_tcase(suite, random);
    suite_add_tcase(suite, fixed);
    return suite;
}
