/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/hardware/alarms.h"

static struct alarm_verdict
verdict_make(bool bad, bool between, enum severity severity, int32_t value)
{
    struct alarm_verdict verdict = {
        .state = ALARM_WELL, .severity = severity, .value = value};

    if (bad)
        verdict.state = ALARM_BAD;
    else if (between)
        verdict.state = ALARM_BETWEEN;
    return verdict;
}

/* A fan that turns at less than half of what it was told has failed. */
struct alarm_verdict
alarm_judge_fan(const struct hw_reading *reading, uint32_t max_rpm)
{
    int64_t told = (int64_t)max_rpm * reading->secondary / 100;
    bool slow = (int64_t)reading->value * 2 < told;

    return verdict_make(!reading->present || !reading->ok || slow, false,
                        SEVERITY_WARNING, reading->value);
}

struct alarm_verdict
alarm_judge_psu(const struct hw_reading *reading)
{
    return verdict_make(!reading->present || !reading->ok, false,
                        SEVERITY_WARNING, reading->value);
}

static bool
optic_outside(const struct hw_reading *reading, int32_t margin)
{
    return reading->value < ALARM_RECEIVE_LOW_CDBM + margin ||
           reading->value > ALARM_RECEIVE_HIGH_CDBM - margin ||
           reading->secondary < ALARM_TRANSMIT_LOW_CDBM + margin;
}

struct alarm_verdict
alarm_judge_optic(const struct hw_reading *reading, bool was)
{
    if (!reading->present)
        return verdict_make(was, false, SEVERITY_WARNING, reading->value);
    return verdict_make(!reading->ok || optic_outside(reading, 0),
                        optic_outside(reading, ALARM_OPTIC_MARGIN_CDBM),
                        SEVERITY_WARNING, reading->value);
}

struct alarm_verdict
alarm_judge_sensor(const struct thermal_sensor *sensor)
{
    return verdict_make(!sensor->plausible, false, SEVERITY_WARNING,
                        sensor->readable ? sensor->value_mc : INT32_MIN);
}

/* A sensor that cannot be trusted neither raises nor clears. */
struct alarm_verdict
alarm_judge_temperature(const struct thermal_sensor *sensor,
                        const struct alarm *alarm)
{
    int32_t value = sensor->value_mc;
    bool was_critical = alarm->raised && alarm->severity == SEVERITY_ERROR;
    int32_t critical =
        sensor->critical_mc - (was_critical ? ALARM_TEMPERATURE_MARGIN_MC : 0);

    if (!sensor->plausible)
        return verdict_make(false, true, SEVERITY_WARNING, value);
    if (value >= critical)
        return verdict_make(true, false, SEVERITY_ERROR, value);
    return verdict_make(value >= sensor->high_mc,
                        value >= sensor->high_mc - ALARM_TEMPERATURE_MARGIN_MC,
                        SEVERITY_WARNING, value);
}

static bool
change_due(struct alarm *alarm, uint64_t wait_ns, uint64_t now_ns)
{
    if (!alarm->pending) {
        alarm->pending = true;
        alarm->since_ns = now_ns;
    }
    if (now_ns - alarm->since_ns < wait_ns)
        return false;
    alarm->pending = false;
    return true;
}

static bool
raised_update(struct alarm *alarm, const struct alarm_verdict *verdict,
              uint64_t now_ns)
{
    if (verdict->state == ALARM_WELL) {
        if (!change_due(alarm, ALARM_CLEAR_NS, now_ns))
            return false;
        alarm->raised = false;
        alarm->value = verdict->value;
        return true;
    }
    alarm->pending = false;
    if (verdict->state == ALARM_BETWEEN ||
        verdict->severity == alarm->severity)
        return false;
    alarm->severity = verdict->severity;
    alarm->value = verdict->value;
    return true;
}

bool
alarm_update(struct alarm *alarm, const struct alarm_verdict *verdict,
             uint64_t raise_after_ns, uint64_t now_ns)
{
    if (alarm->raised)
        return raised_update(alarm, verdict, now_ns);
    if (verdict->state != ALARM_BAD) {
        alarm->pending = false;
        return false;
    }
    if (!change_due(alarm, raise_after_ns, now_ns))
        return false;
    alarm->raised = true;
    alarm->severity = verdict->severity;
    alarm->value = verdict->value;
    return true;
}
