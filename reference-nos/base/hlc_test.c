/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/hlc.h"

#include "reference-nos/base/base_test.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"

START_TEST(stamps_grow_and_follow_time)
{
    struct hlc hlc;
    uint64_t before = 0;

    hlc_init(&hlc, NS_PER_S);
    for (uint64_t ns = NS_PER_S; ns < NS_PER_S + NS_PER_MS; ns += 777) {
        uint64_t stamp = hlc_now(&hlc, ns);

        ck_assert_uint_gt(stamp, before);
        ck_assert_uint_le(hlc_physical_ns(stamp), ns);
        ck_assert_uint_lt(ns - hlc_physical_ns(stamp), 65536);
        before = stamp;
    }
    ck_assert_uint_gt(hlc_now(&hlc, 5), before); /* The clock stepped back. */
}
END_TEST

START_TEST(effects_follow_causes_between_boxes)
{
    struct hlc slow;
    struct hlc fast;
    uint64_t sent;

    hlc_init(&slow, NS_PER_S);
    hlc_init(&fast, NS_PER_S);
    sent = hlc_now(&fast, NS_PER_S + 300 * NS_PER_MS);
    ck_assert_int_eq(hlc_see(&slow, sent, NS_PER_S), 0);
    ck_assert_uint_gt(hlc_now(&slow, NS_PER_S + 1), sent);
    ck_assert_int_eq(hlc_see(&fast, 17, NS_PER_S), 0);
    ck_assert_uint_gt(hlc_now(&fast, NS_PER_S), sent);
}
END_TEST

START_TEST(a_stamp_from_the_far_future_is_refused)
{
    struct hlc hlc;
    uint64_t before;

    hlc_init(&hlc, NS_PER_S);
    before = hlc_now(&hlc, NS_PER_HOUR);
    ck_assert_int_eq(hlc_see(&hlc, UINT64_MAX, NS_PER_HOUR), ERR_RANGE);
    ck_assert_int_eq(hlc_see(&hlc, NS_PER_HOUR + 2 * NS_PER_S, NS_PER_HOUR),
                     ERR_RANGE);
    ck_assert_uint_eq(hlc_now(&hlc, NS_PER_HOUR), before + 1);
}
END_TEST

START_TEST(a_full_counter_carries)
{
    struct hlc hlc;
    uint64_t first;
    uint64_t last = 0;

    hlc_init(&hlc, NS_PER_S);
    first = hlc_now(&hlc, NS_PER_S);
    for (int i = 0; i < 70000; i++)
        last = hlc_now(&hlc, NS_PER_S);
    ck_assert_uint_eq(last, first + 70000);
    ck_assert_uint_eq(hlc_physical_ns(last) - hlc_physical_ns(first), 65536);
}
END_TEST

Suite *
hlc_suite(void)
{
    Suite *suite = suite_create("hlc");
    TCase *tcase = tcase_create("hlc");

    tcase_add_test(tcase, stamps_grow_and_follow_time);
    tcase_add_test(tcase, effects_follow_causes_between_boxes);
    tcase_add_test(tcase, a_stamp_from_the_far_future_is_refused);
    tcase_add_test(tcase, a_full_counter_carries);
    suite_add_tcase(suite, tcase);
    return suite;
}
