/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/hardware/thermal.h"

#include "reference-nos/base/check.h"

/* Gains, per poll of five seconds, for boxes with time constants of minutes:
 * 1 % of duty for each degree that the error grows, and 1/25 % for each
 * degree of error. */
#define INTEGRAL_DIVISOR 25
#define DEAD_BAND_MC 1000
#define STEP_DOWN_MAX_MILLI 5000

void
thermal_init(struct thermal *thermal, unsigned duty_percent)
{
    if (duty_percent < THERMAL_DUTY_MIN)
        duty_percent = THERMAL_DUTY_MIN;
    if (duty_percent > THERMAL_DUTY_MAX)
        duty_percent = THERMAL_DUTY_MAX;
    *thermal = (struct thermal){.duty_milli = (int32_t)duty_percent * 1000};
}

static bool
in_range(const struct thermal_sensor *sensor)
{
    return sensor->readable && sensor->value_mc >= THERMAL_PLAUSIBLE_MIN_MC &&
           sensor->value_mc <= THERMAL_PLAUSIBLE_MAX_MC;
}

/* The values in range, sorted; returns how many. */
static unsigned
sort_values(const struct thermal_sensor *sensors, unsigned count,
            int32_t *values)
{
    unsigned used = 0, i, at;

    for (i = 0; i < count; i++) {
        if (!in_range(&sensors[i]))
            continue;
        for (at = used++; at > 0 && values[at - 1] > sensors[i].value_mc; at--)
            values[at] = values[at - 1];
        values[at] = sensors[i].value_mc;
    }
    return used;
}

void
thermal_judge(struct thermal_sensor *sensors, unsigned count)
{
    int32_t values[THERMAL_SENSORS_MAX];
    unsigned used, i;

    CHECK(count <= THERMAL_SENSORS_MAX);
    used = sort_values(sensors, count, values);
    for (i = 0; i < count; i++) {
        struct thermal_sensor *sensor = &sensors[i];

        sensor->plausible = in_range(sensor);
        if (!sensor->plausible || used < 3)
            continue;
        if (sensor->value_mc - values[used / 2] > THERMAL_OUTLIER_MC ||
            values[used / 2] - sensor->value_mc > THERMAL_OUTLIER_MC)
            sensor->plausible = false;
    }
}

struct summary {
    bool blind;    /* a sensor cannot be trusted */
    bool warm;     /* one is above its warning limit */
    bool critical; /* one is above its critical limit */
    bool any;
    int32_t error_mc; /* the largest */
};

static struct summary
summarize(const struct thermal_sensor *sensors, unsigned count)
{
    struct summary summary = {.any = false};
    unsigned i;

    for (i = 0; i < count; i++) {
        const struct thermal_sensor *sensor = &sensors[i];
        int32_t error = sensor->value_mc - sensor->high_mc + THERMAL_MARGIN_MC;

        if (!sensor->plausible) {
            summary.blind = true;
            continue;
        }
        if (!summary.any || error > summary.error_mc)
            summary.error_mc = error;
        summary.any = true;
        summary.warm |= sensor->value_mc >= sensor->high_mc;
        summary.critical |= sensor->value_mc >= sensor->critical_mc;
    }
    return summary;
}

static int32_t
clamp(int32_t value, int32_t low, int32_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

static void
regulate(struct thermal *thermal, int32_t error_mc)
{
    int32_t change = 0;

    if (thermal->running)
        change = error_mc - thermal->error_mc;
    if (error_mc > DEAD_BAND_MC || error_mc < -DEAD_BAND_MC)
        change += error_mc / INTEGRAL_DIVISOR;
    if (change < -STEP_DOWN_MAX_MILLI)
        change = -STEP_DOWN_MAX_MILLI;
    thermal->duty_milli =
        clamp(thermal->duty_milli + change, (int32_t)THERMAL_DUTY_MIN * 1000,
              (int32_t)THERMAL_DUTY_MAX * 1000);
    thermal->error_mc = error_mc;
    thermal->running = true;
}

unsigned
thermal_step(struct thermal *thermal, const struct thermal_sensor *sensors,
             unsigned count, bool fan_lost)
{
    struct summary summary = summarize(sensors, count);

    thermal->critical_polls =
        summary.critical ? thermal->critical_polls + 1 : 0;
    if (summary.blind || summary.warm || !summary.any || fan_lost) {
        thermal->duty_milli = (int32_t)THERMAL_DUTY_MAX * 1000;
        thermal->running = false;
        return THERMAL_DUTY_MAX;
    }
    regulate(thermal, summary.error_mc);
    return (unsigned)(thermal->duty_milli + 999) / 1000;
}

bool
thermal_must_stop(const struct thermal *thermal)
{
    return thermal->critical_polls >= THERMAL_CRITICAL_POLLS;
}
