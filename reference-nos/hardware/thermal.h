/* SPDX-License-Identifier: Apache-2.0
 *
 * From temperatures to fan speed: integers in, integers out.
 *
 * Regulation  holds the sensor that is nearest to its warning limit
 *             THERMAL_MARGIN_MC below it: proportional and integral in the
 *             velocity form, so that saturation cannot wind it up.
 * Safety      full speed when a fan is lost, when any sensor is unreadable
 *             or implausible, and above a warning limit.
 * Trust       a sensor far from the median of three or more lies; it counts
 *             as unreadable and shuts nothing down.  The hardware's own
 *             thermal trip stays behind all of this.
 */
#ifndef NOS_HARDWARE_THERMAL_H
#define NOS_HARDWARE_THERMAL_H

#include <stdbool.h>
#include <stdint.h>

#define THERMAL_DUTY_MIN 30u
#define THERMAL_DUTY_MAX 100u
#define THERMAL_MARGIN_MC 15000
#define THERMAL_OUTLIER_MC 30000
#define THERMAL_PLAUSIBLE_MIN_MC (-40000)
#define THERMAL_PLAUSIBLE_MAX_MC 150000
#define THERMAL_CRITICAL_POLLS 3u
#define THERMAL_SENSORS_MAX 64u

struct thermal_sensor {
    bool readable;
    bool plausible; /* out: set by thermal_judge() */
    int32_t value_mc;
    int32_t high_mc;
    int32_t critical_mc;
};

struct thermal {
    int32_t duty_milli; /* of a percent */
    int32_t error_mc;   /* of the poll before */
    bool running;       /* error_mc is valid */
    unsigned critical_polls;
};

/* 'duty_percent' is what the fans run at now. */
void thermal_init(struct thermal *thermal, unsigned duty_percent);

/* Sets 'plausible' of each; at most THERMAL_SENSORS_MAX. */
void thermal_judge(struct thermal_sensor *sensors, unsigned count);

/* One poll, after thermal_judge().  Returns the fan duty in percent. */
unsigned thermal_step(struct thermal *thermal,
                      const struct thermal_sensor *sensors, unsigned count,
                      bool fan_lost);

/* Too hot for too long: the box must stop. */
bool thermal_must_stop(const struct thermal *thermal);

#endif
