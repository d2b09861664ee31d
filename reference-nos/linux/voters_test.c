/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/voters.h"

#include "reference-nos/base/compiler.h"
#include "reference-nos/linux/linux_test.h"

#include <string.h>

START_TEST(test_round_trip)
{
    static const struct voters all[] = {
        {.count = 1, .keys = {1}},
        {.count = 3, .keys = {0xabc, 2, UINT64_MAX}, .arbiter = true},
        {.count = 5,
         .keys = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 2, 7, 8},
         .arbiter = true},
    };
    char text[VOTERS_TEXT_MAX];
    struct voters back;
    size_t size = voters_print(&all[_i], text);

    ck_assert_uint_eq(size, strlen(text));
    ck_assert_int_eq(voters_parse(text, &back), 0);
    ck_assert(voters_equal(&all[_i], &back));
    ck_assert(back.arbiter == all[_i].arbiter);
}
END_TEST

#define SIX                                                                   \
    "1111111111111111,1111111111111112,1111111111111113,"                     \
    "1111111111111114,1111111111111115,1111111111111116\n"

START_TEST(test_damage_is_refused)
{
    static const char *const bad[] = {
        "",
        "\n",
        "0123456789abcdef",
        "0123456789abcde\n",
        "0123456789abcdef0\n",
        "0123456789ABCDEF\n",
        "0000000000000000\n",
        "0123456789abcdef,\n",
        "0123456789abcdef,0123456789abcde\n",
        "0123456789abcdef\narbiter",
        "0123456789abcdef\n\n",
        SIX,
    };
    struct voters back = {.count = 4};

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        ck_assert_msg(voters_parse(bad[i], &back) == ERR_CORRUPT, "\"%s\"",
                      bad[i]);
    ck_assert_uint_eq(back.count, 4);
}
END_TEST

START_TEST(test_order_does_not_matter)
{
    static const struct voters a = {.count = 2, .keys = {1, 2}};
    static const struct voters b = {.count = 2, .keys = {2, 1}};
    static const struct voters c = {.count = 2, .keys = {2, 3}};
    static const struct voters d = {.count = 3, .keys = {1, 2, 3}};

    ck_assert(voters_equal(&a, &b));
    ck_assert(!voters_equal(&a, &c));
    ck_assert(!voters_equal(&a, &d));
    ck_assert(voters_have(&a, 2) && !voters_have(&a, 3));
}
END_TEST

TCase *
voters_tests(void)
{
    TCase *tests = tcase_create("voters");

    tcase_add_loop_test(tests, test_round_trip, 0, 3);
    tcase_add_test(tests, test_damage_is_refused);
    tcase_add_test(tests, test_order_does_not_matter);
    return tests;
}
