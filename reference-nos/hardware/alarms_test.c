/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/units.h"
#include "reference-nos/hardware/alarms.h"
#include "reference-nos/hardware/hardware_test.h"

static struct alarm_verdict
bad(void)
{
    return (struct alarm_verdict){.state = ALARM_BAD,
                                  .severity = SEVERITY_WARNING};
}

static struct alarm_verdict
well(void)
{
    return (struct alarm_verdict){.state = ALARM_WELL,
                                  .severity = SEVERITY_WARNING};
}

START_TEST(raises_at_once_and_clears_late)
{
    struct alarm alarm = {.raised = false};
    struct alarm_verdict b = bad(), w = well();

    ck_assert(alarm_update(&alarm, &b, 0, 1));
    ck_assert(alarm.raised);
    ck_assert(!alarm_update(&alarm, &b, 0, 2));
    ck_assert(!alarm_update(&alarm, &w, 0, 3));
    ck_assert(!alarm_update(&alarm, &w, 0, 2 + ALARM_CLEAR_NS));
    /* Bad again: the wait starts over. */
    ck_assert(!alarm_update(&alarm, &b, 0, 2 + ALARM_CLEAR_NS));
    ck_assert(!alarm_update(&alarm, &w, 0, 3 + ALARM_CLEAR_NS));
    ck_assert(alarm_update(&alarm, &w, 0, 3 + 2 * ALARM_CLEAR_NS));
    ck_assert(!alarm.raised);
    ck_assert(!alarm_update(&alarm, &w, 0, 4 + 2 * ALARM_CLEAR_NS));
}
END_TEST

START_TEST(one_glitch_is_no_alarm)
{
    struct alarm alarm = {.raised = false};
    struct alarm_verdict b = bad(), w = well();

    ck_assert(!alarm_update(&alarm, &b, ALARM_SENSOR_RAISE_NS, 0));
    ck_assert(!alarm_update(&alarm, &w, ALARM_SENSOR_RAISE_NS, 5 * NS_PER_S));
    ck_assert(!alarm_update(&alarm, &b, ALARM_SENSOR_RAISE_NS, 10 * NS_PER_S));
    ck_assert(alarm_update(&alarm, &b, ALARM_SENSOR_RAISE_NS, 15 * NS_PER_S));
}
END_TEST

START_TEST(temperature_has_two_steps_and_a_margin)
{
    struct thermal_sensor sensor = {.readable = true,
                                    .plausible = true,
                                    .high_mc = 85000,
                                    .critical_mc = 100000};
    struct alarm alarm = {.raised = false};
    static const struct {
        int32_t value_mc;
        bool told, raised;
        enum severity severity;
    } steps[] = {
        {84999, false, false, SEVERITY_WARNING},
        {85000, true, true, SEVERITY_WARNING},
        {99999, false, true, SEVERITY_WARNING},
        {100000, true, true, SEVERITY_ERROR},
        {96000, false, true, SEVERITY_ERROR},
        {94999, true, true, SEVERITY_WARNING},
        {80500, false, true, SEVERITY_WARNING},
        {80500, false, true, SEVERITY_WARNING},
        {79999, false, true, SEVERITY_WARNING},
        {79999, true, false, SEVERITY_WARNING},
    };
    uint64_t now_ns = 0;
    unsigned i;

    for (i = 0; i < ARRAY_COUNT(steps); i++) {
        struct alarm_verdict verdict;

        sensor.value_mc = steps[i].value_mc;
        verdict = alarm_judge_temperature(&sensor, &alarm);
        ck_assert_int_eq(alarm_update(&alarm, &verdict, 0, now_ns),
                         steps[i].told);
        ck_assert_int_eq(alarm.raised, steps[i].raised);
        if (alarm.raised)
            ck_assert_int_eq(alarm.severity, steps[i].severity);
        now_ns += ALARM_CLEAR_NS;
    }
}
END_TEST

START_TEST(sensor_without_trust_neither_raises_nor_clears)
{
    struct thermal_sensor sensor = {
        .value_mc = 20000, .high_mc = 85000, .critical_mc = 100000};
    struct alarm alarm = {.raised = true, .severity = SEVERITY_WARNING};
    struct alarm_verdict verdict = alarm_judge_temperature(&sensor, &alarm);

    ck_assert(!alarm_update(&alarm, &verdict, 0, 0));
    ck_assert(!alarm_update(&alarm, &verdict, 0, NS_PER_HOUR));
    ck_assert(alarm.raised);
    verdict = alarm_judge_sensor(&sensor);
    ck_assert_int_eq(verdict.state, ALARM_BAD);
}
END_TEST

START_TEST(devices_are_judged)
{
    struct hw_reading fan = {true, true, 7900, 50};
    struct hw_reading optic = {true, true, -300, -50};
    struct hw_reading gone = {false, true, 0, 0};

    ck_assert_int_eq(alarm_judge_fan(&fan, 16000).state, ALARM_WELL);
    fan.value = 3000; /* turns, but much too slowly */
    ck_assert_int_eq(alarm_judge_fan(&fan, 16000).state, ALARM_BAD);
    ck_assert_int_eq(alarm_judge_fan(&gone, 16000).state, ALARM_BAD);
    ck_assert_int_eq(alarm_judge_psu(&gone).state, ALARM_BAD);
    ck_assert_int_eq(alarm_judge_optic(&optic, true).state, ALARM_WELL);
    optic.value = -1450;
    ck_assert_int_eq(alarm_judge_optic(&optic, true).state, ALARM_BAD);
    optic.value = -1350;
    ck_assert_int_eq(alarm_judge_optic(&optic, true).state, ALARM_BETWEEN);
    ck_assert_int_eq(alarm_judge_optic(&gone, true).state, ALARM_BAD);
    ck_assert_int_eq(alarm_judge_optic(&gone, false).state, ALARM_WELL);
}
END_TEST

TCase *
alarm_tests(void)
{
    TCase *tests = tcase_create("alarms");

    tcase_add_test(tests, raises_at_once_and_clears_late);
    tcase_add_test(tests, one_glitch_is_no_alarm);
    tcase_add_test(tests, temperature_has_two_steps_and_a_margin);
    tcase_add_test(tests, sensor_without_trust_neither_raises_nor_clears);
    tcase_add_test(tests, devices_are_judged);
    return tests;
}
