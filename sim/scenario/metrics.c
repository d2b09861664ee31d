/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario/metrics.h"

#include "reference-nos/base/check.h"
#include "reference-nos/platform/trace.h"
#include "reference-nos/runtime/service_ids.h"

#include <string.h>

static const struct metric metrics[METRIC_COUNT] = {
#define METRIC_ROW(id, name, unit, argument, optional, worlds, doc)           \
    {METRIC_##id, name,   UNIT_##unit, ARGUMENT_##argument,                   \
     optional,    worlds, doc},
    METRIC_TABLE(METRIC_ROW)
#undef METRIC_ROW
};

const struct metric *
metric_get(enum metric_id id)
{
    CHECK(id < METRIC_COUNT);
    return &metrics[id];
}

const struct metric *
metric_find(const char *name)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (strcmp(metrics[i].name, name) == 0)
            return &metrics[i];
    }
    return NULL;
}

static const char *
name_get(const void *arg, size_t index)
{
    (void)arg;
    return index < METRIC_COUNT ? metrics[index].name : NULL;
}

struct words
metric_names(void)
{
    return (struct words){name_get, NULL};
}

bool
metric_is_quantile(const struct metric *metric)
{
    return metric->id >= METRIC_LATENCY_P50 &&
           metric->id <= METRIC_LATENCY_P99_9999;
}

const char *
metric_unit_text(enum metric_unit unit)
{
    switch (unit) {
    case UNIT_DURATION: return "duration";
    case UNIT_COUNT: return "count";
    case UNIT_RATIO: return "percent";
    case UNIT_BYTES: return "bytes";
    case UNIT_RATE: return "rate";
    case UNIT_PREDICATE: return "predicate";
    }
    CHECK(false);
    return "";
}

const char *
metric_argument_text(enum metric_argument argument)
{
    switch (argument) {
    case ARGUMENT_NONE: return "";
    case ARGUMENT_CAUSE: return "cause";
    case ARGUMENT_EVENT: return "event";
    case ARGUMENT_TARGET: return "target";
    case ARGUMENT_ALARM: return "alarm";
    case ARGUMENT_REASON: return "reason";
    case ARGUMENT_ORACLE: return "oracle";
    case ARGUMENT_SERVICE: return "service";
    case ARGUMENT_TRAFFIC: return "traffic";
    case ARGUMENT_DROP: return "cause of loss";
    case ARGUMENT_SIZE: return "size";
    }
    CHECK(false);
    return "";
}

/* In the order of the enums whose values the words stand for.  The tests
 * hold them against the NOS's own names. */
static const char *const causes[] = {"all", "planned", "unplanned", NULL};
static const char *const reasons[] = {
    "all", "duplicate", "pool-exhausted", "no-quorum", "other", NULL,
};
static const char *const alarms[] = {
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
    NULL,
};
static const char *const oracles[] = {
    "none", "O1", "O2",  "O3",  "O4",  "O5",  "O6",  "O7",
    "O8",   "O9", "O10", "O11", "O12", "O13", "O14", NULL,
};
static const char *const services[] = {
    "none",   "bus",      "store", "member", "cluster", "hardware",
    "fabric", "operator", "rib",   "fib",    NULL,
};

static const char *const drops[] = {
    "port-down",  "box-down", "no-route", "discard", "next-hop", "ttl",
    "tail",       "wred",     "buffer",   "aged",    "link",     "fabric",
    "reassembly", "egress",   "stray",    NULL,
};

const char *const *
metric_argument_words(enum metric_argument argument)
{
    switch (argument) {
    case ARGUMENT_CAUSE: return causes;
    case ARGUMENT_ALARM: return alarms;
    case ARGUMENT_REASON: return reasons;
    case ARGUMENT_ORACLE: return oracles;
    case ARGUMENT_SERVICE: return services;
    case ARGUMENT_DROP: return drops;
    case ARGUMENT_NONE:
    case ARGUMENT_EVENT:
    case ARGUMENT_TRAFFIC:
    case ARGUMENT_SIZE:
    case ARGUMENT_TARGET: return NULL;
    }
    CHECK(false);
    return NULL;
}

enum quantity_kind
metric_quantity(enum metric_unit unit)
{
    switch (unit) {
    case UNIT_DURATION: return QUANTITY_DURATION;
    case UNIT_RATIO: return QUANTITY_RATIO;
    case UNIT_BYTES: return QUANTITY_BYTES;
    case UNIT_RATE: return QUANTITY_RATE;
    case UNIT_COUNT:
    case UNIT_PREDICATE: return QUANTITY_COUNT;
    }
    CHECK(false);
    return QUANTITY_COUNT;
}

const char *
world_kind_name(enum world_kind kind)
{
    static const char *const names[] = {"des", "ns3", "netns", "mininet",
                                        "hardware"};

    CHECK(kind < WORLD_KIND_COUNT);
    return names[kind];
}
