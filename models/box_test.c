/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks and chassis.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/chassis.h"
#include "models/clock.h"
#include "models/models_test.h"

START_TEST(clock_drifts_and_steps)
{
    struct clock_model clock;

    clock_init(&clock, -500, 1000); /* 1 ppm fast */
    ck_assert_uint_eq(clock_mono_ns(&clock, simtime_from_s(1)), 1000001000);
    ck_assert_uint_eq(clock_wall_ns(&clock, simtime_from_s(1)),
                      CLOCK_EPOCH_NS + 1000001000 - 500);
    clock_step(&clock, 2500);
    ck_assert_uint_eq(clock_wall_ns(&clock, simtime_from_s(1)),
                      CLOCK_EPOCH_NS + 1000001000 + 2000);
    ck_assert_uint_eq(clock_mono_ns(&clock, simtime_from_s(1)), 1000001000);
    clock_set_drift(&clock, simtime_from_s(1), -1000);
    ck_assert_uint_eq(clock_mono_ns(&clock, simtime_from_s(3)),
                      UINT64_C(3000001000) - 2000);
    clock_step(&clock, INT64_MIN);
    ck_assert_uint_eq(clock_wall_ns(&clock, simtime_from_s(3)), 0);
}
END_TEST

/* clock_when() is the first moment that shows the time asked for. */
START_TEST(clock_when_inverts)
{
    static const int64_t drifts[] = {0,     1,       -1,         4600,
                                     -4600, 1000000, -900000000, 999999999};
    struct clock_model clock;

    clock_init(&clock, 0, drifts[_i]);
    clock_set_drift(&clock, simtime_from_ps(12345678), drifts[_i]);
    for (uint64_t mono_ns = 1; mono_ns < UINT64_C(1000000000000000);
         mono_ns = mono_ns * 3 + 1) {
        struct simtime when = clock_when(&clock, mono_ns);

        ck_assert_uint_ge(clock_mono_ns(&clock, when), mono_ns);
        if (when.ps > clock.base.ps)
            ck_assert_uint_lt(
                clock_mono_ns(&clock, simtime_from_ps(when.ps - 1)), mono_ns);
    }
    ck_assert_uint_eq(clock_when(&clock, UINT64_MAX).ps, UINT64_MAX);
}
END_TEST

struct rig {
    struct kernel *kernel;
    struct chassis *chassis;
    struct box_model model;
    int changes;
    struct hw_change last;
    int brown_outs;
};

static void
on_change(void *context, const struct hw_change *change)
{
    struct rig *rig = context;

    rig->changes++;
    rig->last = *change;
}

static void
on_brown_out(void *context)
{
    struct rig *rig = context;

    rig->brown_outs++;
    chassis_power(rig->chassis, false);
}

static struct rig *
rig_create(void)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct chassis_options options = {.model = &rig->model,
                                      .seed = 1,
                                      .entity = 9,
                                      .ambient_mc = 25000,
                                      .changed = on_change,
                                      .brown_out = on_brown_out,
                                      .context = rig};

    rig->model = (struct box_model){.role = ROLE_NCP,
                                    .front_ports = 4,
                                    .fabric_ports = 2,
                                    .fan_count = 4,
                                    .fans_needed = 3,
                                    .fan_max_rpm = 16000,
                                    .psu_count = 2,
                                    .psus_needed = 1,
                                    .sensor_count = 3,
                                    .power_w = 800,
                                    .sensor_high_mc = 85000,
                                    .sensor_critical_mc = 100000};
    rig->kernel = kernel_create();
    rig->chassis = chassis_create(rig->kernel, &options);
    chassis_power(rig->chassis, true);
    return rig;
}

static void
rig_destroy(struct rig *rig)
{
    chassis_destroy(rig->chassis);
    kernel_destroy(rig->kernel);
    free(rig);
}

static struct hw_reading
reading(struct rig *rig, enum hw_kind kind, unsigned index)
{
    struct hw_reading value;

    ck_assert_int_eq(chassis_read(rig->chassis, kind, index, &value), 0);
    return value;
}

static void
wait_s(struct rig *rig, uint64_t seconds)
{
    (void)kernel_run_until(rig->kernel, simtime_add(kernel_now(rig->kernel),
                                                    simtime_from_s(seconds)));
}

static void
fans_set(struct rig *rig, unsigned duty)
{
    for (unsigned i = 0; i < rig->model.fan_count; i++)
        ck_assert_int_eq(chassis_fan_set(rig->chassis, i, duty), 0);
}

START_TEST(warms_up_to_its_equilibrium)
{
    struct rig *rig = rig_create();

    /* Four fans where three suffice: 33,000 x 3/4 above ambient. */
    ck_assert_int_eq(reading(rig, HW_SENSOR, 0).value, 25000);
    wait_s(rig, 120);
    int32_t after_one = reading(rig, HW_SENSOR, 0).value;
    ck_assert_int_gt(after_one, 25000 + 24750 * 62 / 100);
    ck_assert_int_lt(after_one, 25000 + 24750 * 64 / 100);
    wait_s(rig, 3600);
    ck_assert_int_ge(reading(rig, HW_SENSOR, 0).value, 49700);
    ck_assert_int_le(reading(rig, HW_SENSOR, 0).value, 49800);
    ck_assert_int_lt(reading(rig, HW_SENSOR, 2).value,
                     reading(rig, HW_SENSOR, 0).value);
    ck_assert_uint_eq(kernel_fired_count(rig->kernel), 0);
    chassis_power(rig->chassis, false);
    wait_s(rig, 3600);
    ck_assert_int_eq(reading(rig, HW_SENSOR, 0).value, 25000);
    rig_destroy(rig);
}
END_TEST

/* What the thermal loop of the NOS must find: slow fans and a lost fan heat
 * the box past its warning limit, full speed brings it back. */
START_TEST(fans_decide_the_temperature)
{
    struct rig *rig = rig_create();

    fans_set(rig, 50);
    wait_s(rig, 3600);
    ck_assert_int_lt(reading(rig, HW_SENSOR, 0).value, 85000);
    ck_assert_int_eq(chassis_fault_fan(rig->chassis, 1, true), 0);
    ck_assert_int_eq(rig->last.kind, HW_FAN);
    ck_assert_uint_eq(rig->last.index, 1);
    ck_assert(!reading(rig, HW_FAN, 1).ok);
    ck_assert_int_eq(reading(rig, HW_FAN, 1).value, 0);
    wait_s(rig, 3600);
    ck_assert_int_gt(reading(rig, HW_SENSOR, 0).value, 85000);
    fans_set(rig, 100);
    ck_assert_int_eq(reading(rig, HW_FAN, 0).value, 16000);
    wait_s(rig, 3600);
    ck_assert_int_lt(reading(rig, HW_SENSOR, 0).value, 60000);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(chassis_fault_fan(rig->chassis, i, true), 0);
    wait_s(rig, 600);
    ck_assert_int_gt(reading(rig, HW_SENSOR, 0).value, 100000);
    rig_destroy(rig);
}
END_TEST

START_TEST(power_supplies)
{
    struct rig *rig = rig_create();

    ck_assert_int_eq(reading(rig, HW_PSU, 0).value, 400);
    ck_assert_int_eq(chassis_fault_psu(rig->chassis, 0, true), 0);
    ck_assert_int_eq(rig->changes, 1);
    ck_assert(!reading(rig, HW_PSU, 0).ok);
    ck_assert_int_eq(reading(rig, HW_PSU, 1).value, 800);
    wait_s(rig, 1);
    ck_assert_int_eq(rig->brown_outs, 0);
    /* Both gone for less than the hold-up time: the box lives. */
    ck_assert_int_eq(chassis_fault_psu(rig->chassis, 1, true), 0);
    ck_assert_int_eq(chassis_fault_psu(rig->chassis, 0, false), 0);
    wait_s(rig, 1);
    ck_assert_int_eq(rig->brown_outs, 0);
    ck_assert_int_eq(chassis_fault_psu(rig->chassis, 0, true), 0);
    wait_s(rig, 1);
    ck_assert_int_eq(rig->brown_outs, 1);
    /* Power on without supplies: dark again. */
    chassis_power(rig->chassis, true);
    wait_s(rig, 1);
    ck_assert_int_eq(rig->brown_outs, 2);
    rig_destroy(rig);
}
END_TEST

START_TEST(a_new_box_is_whole)
{
    struct rig *rig = rig_create();

    wait_s(rig, 1000);
    ck_assert_int_eq(chassis_fault_fan(rig->chassis, 0, true), 0);
    ck_assert_int_eq(chassis_fault_psu(rig->chassis, 0, true), 0);
    ck_assert_int_eq(chassis_fault_psu(rig->chassis, 1, true), 0);
    ck_assert_int_eq(chassis_fault_optic(rig->chassis, 0, true), 0);
    ck_assert_int_eq(chassis_fault_sensor(rig->chassis, 0, 1, 0), 0);
    chassis_power(rig->chassis, false);
    chassis_renew(rig->chassis);
    chassis_power(rig->chassis, true);
    ck_assert(reading(rig, HW_FAN, 0).ok);
    ck_assert(reading(rig, HW_PSU, 0).ok);
    ck_assert(reading(rig, HW_OPTIC, 0).ok);
    ck_assert_int_eq(reading(rig, HW_SENSOR, 0).value, 25000);
    wait_s(rig, 1);
    ck_assert_int_eq(rig->brown_outs, 0);
    rig_destroy(rig);
}
END_TEST

START_TEST(sensors_lie_and_fall_silent)
{
    struct rig *rig = rig_create();
    struct hw_reading value;

    ck_assert_int_eq(chassis_fault_sensor(rig->chassis, 1, 1, 0), 0);
    ck_assert_int_eq(chassis_read(rig->chassis, HW_SENSOR, 1, &value), ERR_IO);
    ck_assert_int_eq(chassis_fault_sensor(rig->chassis, 1, 2, 99000), 0);
    ck_assert_int_eq(reading(rig, HW_SENSOR, 1).value, 99000);
    ck_assert_int_eq(chassis_fault_sensor(rig->chassis, 1, 0, 0), 0);
    ck_assert_int_eq(reading(rig, HW_SENSOR, 1).value, 25000);
    ck_assert_int_eq(chassis_fault_sensor(rig->chassis, 1, 3, 0), ERR_INVALID);
    rig_destroy(rig);
}
END_TEST

START_TEST(lights_and_optics)
{
    struct rig *rig = rig_create();

    ck_assert_int_eq(chassis_led_set(rig->chassis, LED_LOCATE, LED_BLUE_BLINK),
                     0);
    ck_assert_int_eq(reading(rig, HW_LED, LED_LOCATE).value, LED_BLUE_BLINK);
    ck_assert_uint_eq(chassis_count(rig->chassis, HW_OPTIC), 6);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_int_le(reading(rig, HW_OPTIC, i).value, -200);
        ck_assert_int_gt(reading(rig, HW_OPTIC, i).value, -400);
        ck_assert_int_le(reading(rig, HW_OPTIC, i).secondary, 0);
        ck_assert_int_gt(reading(rig, HW_OPTIC, i).secondary, -100);
    }
    ck_assert_int_eq(chassis_fault_optic(rig->chassis, 5, true), 0);
    ck_assert(reading(rig, HW_OPTIC, 5).present);
    ck_assert(!reading(rig, HW_OPTIC, 5).ok);
    rig_destroy(rig);
}
END_TEST

START_TEST(unknown_items_are_refused)
{
    struct rig *rig = rig_create();
    struct hw_reading value;
    struct hw_description text;

    for (int kind = 0; kind < HW_KIND_COUNT; kind++) {
        unsigned count = chassis_count(rig->chassis, (enum hw_kind)kind);

        ck_assert_int_eq(
            chassis_read(rig->chassis, (enum hw_kind)kind, count, &value),
            ERR_NOENT);
        ck_assert_int_eq(
            chassis_describe(rig->chassis, (enum hw_kind)kind, count, &text),
            ERR_NOENT);
        ck_assert_int_eq(chassis_describe(rig->chassis, (enum hw_kind)kind,
                                          count - 1, &text),
                         0);
        ck_assert_uint_gt(strlen(text.name), 0);
    }
    ck_assert_int_eq(chassis_fan_set(rig->chassis, 4, 50), ERR_NOENT);
    ck_assert_int_eq(chassis_fan_set(rig->chassis, 0, 101), ERR_RANGE);
    ck_assert_int_eq(chassis_led_set(rig->chassis, LED_COUNT, LED_RED),
                     ERR_NOENT);
    ck_assert_int_eq(chassis_fault_psu(rig->chassis, 2, true), ERR_NOENT);
    ck_assert_int_eq(chassis_fault_fan(rig->chassis, 4, true), ERR_NOENT);
    ck_assert_int_eq(chassis_fault_optic(rig->chassis, 6, true), ERR_NOENT);
    ck_assert_int_eq(chassis_fault_sensor(rig->chassis, 3, 1, 0), ERR_NOENT);
    rig_destroy(rig);
}
END_TEST

Suite *
box_suite(void)
{
    Suite *suite = suite_create("box");
    TCase *tcase = tcase_create("box");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, clock_drifts_and_steps);
    tcase_add_loop_test(tcase, clock_when_inverts, 0, 8);
    tcase_add_test(tcase, warms_up_to_its_equilibrium);
    tcase_add_test(tcase, fans_decide_the_temperature);
    tcase_add_test(tcase, power_supplies);
    tcase_add_test(tcase, a_new_box_is_whole);
    tcase_add_test(tcase, sensors_lie_and_fall_silent);
    tcase_add_test(tcase, lights_and_optics);
    tcase_add_test(tcase, unknown_items_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
