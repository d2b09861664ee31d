/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/hardware/hardware_test.h"
#include "reference-nos/hardware/thermal.h"

#define SENSORS 6u
#define HIGH_MC 85000
#define CRITICAL_MC 100000

/* A box with a time constant of 'constant_s': sensor 0 ends at ambient plus
 * rise_mc / (duty / 100); the others sit in cooler air. */
struct plant {
    int64_t ambient_mc;
    int64_t rise_mc;
    int64_t constant_s;
    int64_t value_mc[SENSORS];
};

static void
plant_step(struct plant *plant, unsigned duty)
{
    unsigned i, second;

    for (second = 0; second < 5; second++)
        for (i = 0; i < SENSORS; i++) {
            int64_t rise = plant->rise_mc * 100 / duty * (100 - 3 * i) / 100;

            plant->value_mc[i] +=
                (plant->ambient_mc + rise - plant->value_mc[i]) /
                plant->constant_s;
        }
}

static void
sensors_read(const struct plant *plant, struct thermal_sensor *sensors)
{
    unsigned i;

    for (i = 0; i < SENSORS; i++)
        sensors[i] =
            (struct thermal_sensor){.readable = true,
                                    .value_mc = (int32_t)plant->value_mc[i],
                                    .high_mc = HIGH_MC,
                                    .critical_mc = CRITICAL_MC};
}

static struct plant
plant_make(int64_t ambient_mc, int64_t rise_mc, int64_t constant_s)
{
    struct plant plant = {ambient_mc, rise_mc, constant_s, {0}};
    unsigned i;

    for (i = 0; i < SENSORS; i++)
        plant.value_mc[i] = ambient_mc;
    return plant;
}

static unsigned
loop_step(struct plant *plant, struct thermal *thermal, bool fan_lost)
{
    struct thermal_sensor sensors[SENSORS];
    unsigned duty;

    sensors_read(plant, sensors);
    thermal_judge(sensors, SENSORS);
    duty = thermal_step(thermal, sensors, SENSORS, fan_lost);
    plant_step(plant, duty);
    return duty;
}

/* Ambient from 15 to 35 C, power from half to more than nominal, time
 * constants from one minute to four. */
START_TEST(loop_settles_below_warning)
{
    int64_t ambient = 15000 + _i % 3 * 10000;
    int64_t rise = 12000 + _i / 3 % 3 * 10000;
    int64_t constant = 60 + _i / 9 * 60;
    struct plant plant = plant_make(ambient, rise, constant);
    struct thermal thermal;
    unsigned i, duty = 0, lowest = 100, highest = 0;
    int64_t target = HIGH_MC - THERMAL_MARGIN_MC;

    thermal_init(&thermal, 100);
    for (i = 0; i < 1440; i++) {
        duty = loop_step(&plant, &thermal, false);
        ck_assert_int_lt(plant.value_mc[0], HIGH_MC);
        ck_assert(!thermal_must_stop(&thermal));
        if (i < 1080)
            continue;
        lowest = duty < lowest ? duty : lowest;
        highest = duty > highest ? duty : highest;
    }
    /* The last half hour is calm, and at the target unless the limits of
     * the fans forbid it. */
    ck_assert_uint_le(highest - lowest, 2);
    if (duty > THERMAL_DUTY_MIN && duty < THERMAL_DUTY_MAX) {
        ck_assert_int_le(plant.value_mc[0], target + 2500);
        ck_assert_int_ge(plant.value_mc[0], target - 2500);
    } else if (duty == THERMAL_DUTY_MIN) {
        ck_assert_int_le(plant.value_mc[0], target + 2500);
    }
}
END_TEST

START_TEST(loop_follows_a_step_of_the_room)
{
    struct plant plant = plant_make(22000, 25000, 120);
    struct thermal thermal;
    unsigned i;

    thermal_init(&thermal, 100);
    for (i = 0; i < 720; i++)
        loop_step(&plant, &thermal, false);
    plant.ambient_mc = 35000;
    for (i = 0; i < 720; i++) {
        loop_step(&plant, &thermal, false);
        ck_assert_int_lt(plant.value_mc[0], HIGH_MC);
    }
    ck_assert_int_le(plant.value_mc[0], HIGH_MC - THERMAL_MARGIN_MC + 2500);
}
END_TEST

START_TEST(fails_safe)
{
    struct plant plant = plant_make(25000, 20000, 120);
    struct thermal thermal;
    struct thermal_sensor sensors[SENSORS];
    unsigned i, calm;

    thermal_init(&thermal, 50);
    for (i = 0; i < 720; i++)
        loop_step(&plant, &thermal, false);
    calm = (unsigned)thermal.duty_milli / 1000;
    ck_assert_uint_lt(calm, 90);
    ck_assert_uint_eq(loop_step(&plant, &thermal, true), 100);
    /* Does not answer. */
    sensors_read(&plant, sensors);
    sensors[2].readable = false;
    thermal_judge(sensors, SENSORS);
    ck_assert_uint_eq(thermal_step(&thermal, sensors, SENSORS, false), 100);
    /* Lies cold; lies hot: neither slows the fans nor stops the box. */
    for (i = 0; i < 10; i++) {
        sensors_read(&plant, sensors);
        sensors[3].value_mc = i % 2 == 0 ? 5000 : 120000;
        thermal_judge(sensors, SENSORS);
        ck_assert(!sensors[3].plausible);
        ck_assert(sensors[0].plausible);
        ck_assert_uint_eq(thermal_step(&thermal, sensors, SENSORS, false),
                          100);
        ck_assert(!thermal_must_stop(&thermal));
    }
    ck_assert_uint_eq(thermal_step(&thermal, sensors, 0, false), 100);
    /* And comes down again, slowly. */
    ck_assert_uint_ge(loop_step(&plant, &thermal, false), 95);
    for (i = 0; i < 720; i++)
        loop_step(&plant, &thermal, false);
    ck_assert_uint_le((unsigned)thermal.duty_milli / 1000, calm + 5);
}
END_TEST

START_TEST(stops_after_three_critical_polls)
{
    struct thermal_sensor sensors[SENSORS];
    struct plant plant = plant_make(101000, 0, 120);
    struct thermal thermal;
    unsigned i;

    thermal_init(&thermal, 50);
    for (i = 0; i < 2; i++)
        loop_step(&plant, &thermal, false);
    ck_assert(!thermal_must_stop(&thermal));
    plant.value_mc[0] = plant.value_mc[1] = 90000;
    sensors_read(&plant, sensors);
    for (i = 0; i < SENSORS; i++)
        sensors[i].value_mc = 90000;
    thermal_judge(sensors, SENSORS);
    ck_assert_uint_eq(thermal_step(&thermal, sensors, SENSORS, false), 100);
    sensors[0].value_mc = 100000;
    for (i = 0; i < 3; i++) {
        ck_assert(!thermal_must_stop(&thermal));
        thermal_judge(sensors, SENSORS);
        ck_assert_uint_eq(thermal_step(&thermal, sensors, SENSORS, false),
                          100);
    }
    ck_assert(thermal_must_stop(&thermal));
}
END_TEST

START_TEST(nonsense_is_implausible)
{
    struct thermal_sensor sensors[2] = {
        {.readable = true, .value_mc = -60000, .high_mc = 85000},
        {.readable = true, .value_mc = 50000, .high_mc = 85000}};

    thermal_judge(sensors, 2);
    ck_assert(!sensors[0].plausible);
    ck_assert(sensors[1].plausible);
    sensors[0].value_mc = INT32_MAX;
    sensors[1].value_mc = INT32_MIN;
    thermal_judge(sensors, 2);
    ck_assert(!sensors[0].plausible);
    ck_assert(!sensors[1].plausible);
}
END_TEST

TCase *
thermal_tests(void)
{
    TCase *tests = tcase_create("thermal");

    tcase_add_loop_test(tests, loop_settles_below_warning, 0, 36);
    tcase_add_test(tests, loop_follows_a_step_of_the_room);
    tcase_add_test(tests, fails_safe);
    tcase_add_test(tests, stops_after_three_critical_polls);
    tcase_add_test(tests, nonsense_is_implausible);
    return tests;
}
