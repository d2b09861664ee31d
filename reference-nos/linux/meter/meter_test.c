/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/meter/meter.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void
fill(struct meter *meter, unsigned cost, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        uint64_t units[COST_COUNT] = {[COST_DISPATCH] = 1};

        units[cost] += i;
        meter_add(meter, units, 400 + 1000ull * i);
    }
}

START_TEST(sums_travel_as_text)
{
    struct meter meter = {.handlers = 0};
    struct meter again;
    char text[METER_TEXT_MAX];

    fill(&meter, COST_RAFT, 9);
    ck_assert_uint_eq(meter.handlers, 9);
    ck_assert_int_eq(meter_print(&meter, text, sizeof(text)), 0);
    ck_assert_int_eq(meter_parse(text, &again), 0);
    ck_assert_mem_eq(&again, &meter, sizeof(meter));
    ck_assert_int_eq(meter_print(&meter, text, 40), ERR_FULL);
    ck_assert_int_eq(meter_parse("15 1 1 0.5", &again), ERR_MALFORMED);
    ck_assert_int_eq(meter_parse("14 1 1 0.5", &again), ERR_VERSION);
    ck_assert_int_eq(meter_parse("", &again), ERR_VERSION);
}
END_TEST

START_TEST(sums_of_boxes_add_up)
{
    struct meter one = {.handlers = 0};
    struct meter two = {.handlers = 0};
    struct meter both = {.handlers = 0};

    fill(&one, COST_RAFT, 9);
    fill(&two, COST_ROW, 5);
    fill(&both, COST_RAFT, 9);
    fill(&both, COST_ROW, 5);
    meter_merge(&one, &two);
    ck_assert_uint_eq(one.handlers, both.handlers);
    ck_assert_uint_eq(one.taken_ns, both.taken_ns);
    ck_assert_double_eq_tol(one.right[COST_ROW], both.right[COST_ROW], 1e-12);
    ck_assert_double_eq_tol(one.products[COST_DISPATCH][COST_DISPATCH],
                            both.products[COST_DISPATCH][COST_DISPATCH],
                            1e-12);
}
END_TEST

START_TEST(preempted_handlers_do_not_count)
{
    uint64_t units[COST_COUNT] = {[COST_DISPATCH] = 1};
    struct meter meter = {.handlers = 0};

    meter_add(&meter, units, METER_OUTLIER_NS + 1);
    meter_add(&meter, units, 0);
    ck_assert_uint_eq(meter.handlers, 0);
    meter_add(&meter, units, METER_OUTLIER_NS);
    ck_assert_uint_eq(meter.handlers, 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("meter");
    TCase *tests = tcase_create("meter");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, sums_travel_as_text);
    tcase_add_test(tests, sums_of_boxes_add_up);
    tcase_add_test(tests, preempted_handlers_do_not_count);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
