/* SPDX-License-Identifier: Apache-2.0
 *
 * When the alarm of one item raises and clears: pure rules with hysteresis.
 *
 * Raise   a condition must hold for a time that depends on its kind; losing
 *         a fan or a supply raises at once.
 * Clear   the item must be well, by a margin, for ALARM_CLEAR_NS.
 */
#ifndef NOS_HARDWARE_ALARMS_H
#define NOS_HARDWARE_ALARMS_H

#include "reference-nos/hardware/thermal.h"
#include "reference-nos/platform/hardware.h"
#include "reference-nos/platform/plat.h"

#define ALARM_CLEAR_NS UINT64_C(10000000000)
#define ALARM_SENSOR_RAISE_NS UINT64_C(4000000000) /* the next poll */
#define ALARM_TEMPERATURE_MARGIN_MC 5000
#define ALARM_RECEIVE_LOW_CDBM (-1400) /* 0.01 dBm */
#define ALARM_RECEIVE_HIGH_CDBM 500
#define ALARM_TRANSMIT_LOW_CDBM (-900)
#define ALARM_OPTIC_MARGIN_CDBM 100

struct alarm {
    bool raised;
    bool pending;           /* a change is being waited out */
    enum severity severity; /* of the raised alarm */
    int32_t value;
    uint64_t since_ns; /* of the pending change */
};

/* What an item looks like now. */
struct alarm_verdict {
    enum { ALARM_WELL, ALARM_BETWEEN, ALARM_BAD } state;
    enum severity severity;
    int32_t value;
};

/* 'was' tells whether the optic has been present before. */
struct alarm_verdict alarm_judge_fan(const struct hw_reading *reading,
                                     uint32_t max_rpm);
struct alarm_verdict alarm_judge_psu(const struct hw_reading *reading);
struct alarm_verdict alarm_judge_optic(const struct hw_reading *reading,
                                       bool was);
struct alarm_verdict alarm_judge_sensor(const struct thermal_sensor *sensor);
struct alarm_verdict
alarm_judge_temperature(const struct thermal_sensor *sensor,
                        const struct alarm *alarm);

/* True when the alarm was raised, cleared, or changed its severity. */
bool alarm_update(struct alarm *alarm, const struct alarm_verdict *verdict,
                  uint64_t raise_after_ns, uint64_t now_ns);

#endif
