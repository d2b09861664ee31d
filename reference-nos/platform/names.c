/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the platform's enumerations.
 */
#include "reference-nos/platform/plat.h"

const char *
role_name(enum role role)
{
    static const char *const names[] = {"ncc", "ncp", "ncf", "ncm"};

    return role < ROLE_COUNT ? names[role] : "?";
}

const char *
reboot_cause_name(enum reboot_cause cause)
{
    static const char *const names[] = {"power-loss",     "operator",
                                        "service-budget", "thermal",
                                        "watchdog",       "replaced"};

    return cause < REBOOT_CAUSE_COUNT ? names[cause] : "?";
}

const char *
lane_name(enum lane lane)
{
    static const char *const names[] = {"liveness", "control", "bulk",
                                        "telemetry"};

    return lane < LANE_COUNT ? names[lane] : "?";
}

const char *
trace_kind_name(enum trace_kind kind)
{
    static const char *const names[] = {
#define NAME(name, text) #name,
        TRACE_TABLE(NAME)
#undef NAME
    };

    return kind < TRACE_KIND_COUNT ? names[kind] : "?";
}

const char *
alarm_name(enum alarm_code code)
{
    static const char *const names[] = {
        "fan",
        "psu",
        "temperature",
        "sensor",
        "optic",
        "cabling",
        "fabric-degraded",
        "module-away",
        "duplicate-serial",
        "pool-exhausted",
        "service",
        "storage",
        "management-plane",
    };

    return code < ALARM_COUNT ? names[code] : "?";
}

const char *
cost_name(enum cost cost)
{
    static const char *const names[] = {
#define NAME(name, unit, default_ns) #name,
        COST_TABLE(NAME)
#undef NAME
    };

    return cost < COST_COUNT ? names[cost] : "?";
}

const char *
cost_unit(enum cost cost)
{
    static const char *const units[] = {
#define NAME(name, unit, default_ns) unit,
        COST_TABLE(NAME)
#undef NAME
    };

    return cost < COST_COUNT ? units[cost] : "?";
}

uint32_t
cost_default_ns(enum cost cost)
{
    static const uint32_t defaults_ns[] = {
#define NAME(name, unit, default_ns) default_ns,
        COST_TABLE(NAME)
#undef NAME
    };

    return cost < COST_COUNT ? defaults_ns[cost] : 0;
}
