/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults and actions that a timeline may name.
 *
 * One table drives the checks, the JSON Schema and `sixnines describe`.
 * A fault breaks something and, where that makes sense, heals after `for`;
 * an action is what a person would do.
 */
#ifndef SIM_SCENARIO_CATALOGUE_H
#define SIM_SCENARIO_CATALOGUE_H

#include "models/yaml/quantity.h"
#include "models/yaml/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(id, name) */
#define CATALOGUE_FAULTS(X)                                                   \
    X(BOX_POWER_LOSS, "box.power-loss")                                       \
    X(BOX_RESTART, "box.restart")                                             \
    X(BOX_REMOVE, "box.remove")                                               \
    X(BOX_REPLACE, "box.replace")                                             \
    X(BOX_CLONE, "box.clone")                                                 \
    X(SERVICE_KILL, "service.kill")                                           \
    X(SERVICE_HANG, "service.hang")                                           \
    X(SERVICE_SLOW, "service.slow")                                           \
    X(LINK_DOWN, "link.down")                                                 \
    X(LINK_UP, "link.up")                                                     \
    X(LINK_FLAP, "link.flap")                                                 \
    X(LINK_LOSS, "link.loss")                                                 \
    X(LINK_DELAY, "link.delay")                                               \
    X(LINK_ONE_WAY, "link.one-way")                                           \
    X(PLANE_DOWN, "plane.down")                                               \
    X(PARTITION, "partition")                                                 \
    X(PARTITION_HEAL, "partition.heal")                                       \
    X(DISK_STALL, "disk.stall")                                               \
    X(DISK_FULL, "disk.full")                                                 \
    X(DISK_ERROR, "disk.error")                                               \
    X(DISK_UNSYNCED_LOSS, "disk.unsynced-loss")                               \
    X(CLOCK_STEP, "clock.step")                                               \
    X(CLOCK_DRIFT, "clock.drift")                                             \
    X(PSU_FAIL, "psu.fail")                                                   \
    X(FAN_FAIL, "fan.fail")                                                   \
    X(SENSOR_FAIL, "sensor.fail")                                             \
    X(IDENTITY_REVOKE, "identity.revoke")                                     \
    X(IDENTITY_EXPIRE, "identity.expire")                                     \
    X(IDENTITY_STRANGER, "identity.stranger")

#define CATALOGUE_ACTIONS(X)                                                  \
    X(BOX_POWER_ON, "box.power-on")                                           \
    X(CONTROLLER_SWITCHOVER, "controller.switchover")                         \
    X(MODULE_DRAIN, "module.drain")                                           \
    X(MODULE_UNDRAIN, "module.undrain")                                       \
    X(MODULE_REPLACE, "module.replace")                                       \
    X(MODULE_REMOVE, "module.remove")                                         \
    X(BOX_SWAP, "box.swap")                                                   \
    X(BOX_ADD, "box.add")                                                     \
    X(IDENTITY_RENEW, "identity.renew")                                       \
    X(CABLE_SWAP, "cable.swap")                                               \
    X(ROUTE_CHANGE, "route.change")                                           \
    X(RANDOM_FAULTS, "random-faults")

enum catalogue_id {
#define CATALOGUE_FAULT_ID(id, name) FAULT_##id,
    CATALOGUE_FAULTS(CATALOGUE_FAULT_ID)
#undef CATALOGUE_FAULT_ID
#define CATALOGUE_ACTION_ID(id, name) ACTION_##id,
        CATALOGUE_ACTIONS(CATALOGUE_ACTION_ID)
#undef CATALOGUE_ACTION_ID
            CATALOGUE_COUNT
};

#define CATALOGUE_PARAMS_MAX 4

enum param_kind {
    PARAM_QUANTITY, /* a number with unit */
    PARAM_WORD,     /* one of .words: its index */
    PARAM_TEXT,     /* free text */
    PARAM_TARGET,   /* a target, or a list of them */
    PARAM_KINDS,    /* a list of faults that strike at random:
                       bits 1 << enum catalogue_id */
    PARAM_SENSOR    /* a temperature, or "dead" */
};

/* Number of a PARAM_SENSOR that gives no answer at all. */
#define PARAM_SENSOR_DEAD INT64_MIN

struct catalogue_param {
    const char *name; /* NULL: no more. */
    const char *doc;
    const char *fallback; /* NULL: none. */
    const char *const *words;
    enum param_kind kind;
    enum quantity_kind quantity;
    bool required;
    bool has_range;
    uint64_t min, max;
    unsigned targets; /* PARAM_TARGET: bits of enum target_kind. */
};

struct catalogue_entry {
    enum catalogue_id id;
    const char *name;
    const char *doc;
    unsigned targets;       /* Bits of enum target_kind. */
    unsigned least_targets; /* 0: may do without. */
    unsigned most_targets;  /* 0: any number. */
    unsigned worlds;        /* Bits 1 << enum world_kind. */
    bool lasts;             /* `for` is allowed. */
    bool random;            /* random-faults knows a field rate for it. */
    struct catalogue_param params[CATALOGUE_PARAMS_MAX + 1];
};

/* Entry 'id'. */
const struct catalogue_entry *catalogue_get(enum catalogue_id id);

/* The fault or action 'name', or NULL. */
const struct catalogue_entry *catalogue_find(const char *name, bool action);

bool catalogue_is_action(enum catalogue_id id);

/* Names of all faults, or of all actions. */
struct words catalogue_names(bool action);

/* Names of the faults that random-faults can draw. */
struct words catalogue_random_names(void);

/* Index of parameter 'name' of 'entry', or -1. */
int catalogue_param_index(const struct catalogue_entry *entry,
                          const char *name);

#endif
