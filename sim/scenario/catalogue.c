/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario/catalogue.h"

#include "reference-nos/base/check.h"
#include "sim/scenario/metrics.h"
#include "sim/scenario/target.h"

#include <string.h>

#define LINKS                                                                 \
    (TARGET_BIT(TARGET_FABRIC_LINK) | TARGET_BIT(TARGET_MANAGEMENT_LINK) |    \
     TARGET_BIT(TARGET_EVENT))
/* Boxes have identities that we hold the authority of. */
#define WORLDS_IDENTITY (WORLD_BIT(WORLD_DES) | WORLD_BIT(WORLD_NETNS))
#define SERVICES (TARGET_BIT(TARGET_SERVICE) | TARGET_BIT(TARGET_EVENT))
#define SLOTS TARGET_ANY_BOX
#define SIDES (TARGET_ANY_BOX | TARGET_BIT(TARGET_PLANE))

static const char *const directions[] = {"both", "out", "in", NULL};
static const char *const planes[] = {"both", "a", "b", NULL};

#define UNIT_PARAM(doc_)                                                      \
    {                                                                         \
        .name = "unit", .kind = PARAM_QUANTITY, .quantity = QUANTITY_COUNT,   \
        .fallback = "0", .has_range = true, .max = 63, .doc = (doc_)          \
    }

static const struct catalogue_entry entries[CATALOGUE_COUNT] = {
    [FAULT_BOX_POWER_LOSS] =
        {.id = FAULT_BOX_POWER_LOSS,
         .random = true,
         .name = "box.power-loss",
         .doc = "The box loses power at once; unsynced writes are lost.  It "
                "boots again after `for`, or when powered on.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_ALL,
         .lasts = true},
    [FAULT_BOX_RESTART] =
        {.id = FAULT_BOX_RESTART,
         .random = true,
         .name = "box.restart",
         .doc = "The box restarts in an orderly way and boots again.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_ALL},
    [FAULT_BOX_REMOVE] =
        {.id = FAULT_BOX_REMOVE,
         .name = "box.remove",
         .doc = "The box is taken out of the rack: no power, no cables, until "
                "powered on again.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_HARDWARE,
         .lasts = true},
    [FAULT_BOX_REPLACE] =
        {.id = FAULT_BOX_REPLACE,
         .name = "box.replace",
         .doc = "Another box of the same model, with another serial, stands "
                "in this place and boots.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_HARDWARE,
         .params = {{.name = "serial",
                     .kind = PARAM_TEXT,
                     .doc = "Of the new box; made up when not given."}}},
    [FAULT_BOX_CLONE] =
        {.id = FAULT_BOX_CLONE,
         .name = "box.clone",
         .doc = "A box with the serial of another one, a badly programmed "
                "EEPROM, stands in this place and boots.  Its key, sealed in "
                "its TPM, is its own.",
         .targets = SLOTS,
         .least_targets = 1,
         .most_targets = 1,
         .worlds = WORLDS_MODELLED,
         .params = {{.name = "of",
                     .kind = PARAM_TARGET,
                     .required = true,
                     .targets = SLOTS,
                     .doc = "The box that is copied."}}},
    [FAULT_SERVICE_KILL] =
        {.id = FAULT_SERVICE_KILL,
         .random = true,
         .name = "service.kill",
         .doc = "The service dies at an event boundary; its supervisor "
                "restarts it.",
         .targets = SERVICES,
         .least_targets = 1,
         .worlds = WORLDS_ALL},
    [FAULT_SERVICE_HANG] = {.id = FAULT_SERVICE_HANG,
                            .random = true,
                            .name = "service.hang",
                            .doc = "The service handles no event.",
                            .targets = SERVICES,
                            .least_targets = 1,
                            .worlds = WORLDS_ALL,
                            .lasts = true},
    [FAULT_SERVICE_SLOW] =
        {.id = FAULT_SERVICE_SLOW,
         .name = "service.slow",
         .doc = "The service needs more CPU time for the same work.",
         .targets = SERVICES,
         .least_targets = 1,
         .worlds = WORLDS_MODELLED,
         .lasts = true,
         .params = {{.name = "factor",
                     .kind = PARAM_QUANTITY,
                     .quantity = QUANTITY_FACTOR,
                     .required = true,
                     .has_range = true,
                     .min = 1000,
                     .max = 1000000000,
                     .doc = "How many times as much."}}},
    [FAULT_LINK_DOWN] = {.id = FAULT_LINK_DOWN,
                         .random = true,
                         .name = "link.down",
                         .doc = "The link goes down; both ends notice.",
                         .targets = LINKS,
                         .least_targets = 1,
                         .worlds = WORLDS_LINKS,
                         .lasts = true},
    [FAULT_LINK_UP] = {.id = FAULT_LINK_UP,
                       .name = "link.up",
                       .doc = "The link comes up again.",
                       .targets = LINKS,
                       .least_targets = 1,
                       .worlds = WORLDS_LINKS},
    [FAULT_LINK_FLAP] =
        {.id = FAULT_LINK_FLAP,
         .name = "link.flap",
         .doc = "The link goes down and up, over and over.",
         .targets = LINKS,
         .least_targets = 1,
         .worlds = WORLDS_LINKS,
         .lasts = true,
         .params = {{.name = "period",
                     .kind = PARAM_QUANTITY,
                     .quantity = QUANTITY_DURATION,
                     .fallback = "1s",
                     .has_range = true,
                     .min = PS_PER_MS,
                     .max = DURATION_MAX_PS,
                     .doc = "One time down and up."},
                    {.name = "duty",
                     .kind = PARAM_QUANTITY,
                     .quantity = QUANTITY_PERCENT,
                     .fallback = "50%",
                     .doc = "Share of the period that it is up."}}},
    [FAULT_LINK_LOSS] = {.id = FAULT_LINK_LOSS,
                         .random = true,
                         .name = "link.loss",
                         .doc = "The link loses packets, each on its own.",
                         .targets = LINKS,
                         .least_targets = 1,
                         .worlds = WORLDS_LINKS,
                         .lasts = true,
                         .params = {{.name = "rate",
                                     .kind = PARAM_QUANTITY,
                                     .quantity = QUANTITY_PERCENT,
                                     .required = true,
                                     .doc = "Share of packets lost."}}},
    [FAULT_LINK_DELAY] = {.id = FAULT_LINK_DELAY,
                          .name = "link.delay",
                          .doc = "The link takes longer.",
                          .targets = TARGET_BIT(TARGET_MANAGEMENT_LINK) |
                                     TARGET_BIT(TARGET_EVENT),
                          .least_targets = 1,
                          .worlds = WORLDS_LINKS,
                          .lasts = true,
                          .params = {{.name = "delay",
                                      .kind = PARAM_QUANTITY,
                                      .quantity = QUANTITY_DURATION,
                                      .required = true,
                                      .doc = "Added to each packet."}}},
    [FAULT_LINK_ONE_WAY] =
        {.id = FAULT_LINK_ONE_WAY,
         .name = "link.one-way",
         .doc = "The link carries packets in one direction only.",
         .targets =
             TARGET_BIT(TARGET_MANAGEMENT_LINK) | TARGET_BIT(TARGET_EVENT),
         .least_targets = 1,
         .worlds = WORLDS_LINKS,
         .lasts = true,
         .params = {{.name = "lost",
                     .kind = PARAM_WORD,
                     .words = &directions[1],
                     .fallback = "out",
                     .doc = "What is lost, seen from the box: out or in."}}},
    [FAULT_PLANE_DOWN] = {.id = FAULT_PLANE_DOWN,
                          .name = "plane.down",
                          .doc = "A whole management plane carries nothing.",
                          .targets = TARGET_BIT(TARGET_PLANE) |
                                     TARGET_BIT(TARGET_EVENT),
                          .least_targets = 1,
                          .worlds = WORLDS_LINKS,
                          .lasts = true},
    [FAULT_PARTITION] =
        {.id = FAULT_PARTITION,
         .name = "partition",
         .doc = "The targets cannot reach the other side over the management "
                "network.",
         .targets = SIDES,
         .least_targets = 1,
         .worlds = WORLDS_LINKS,
         .lasts = true,
         .params = {{.name = "from",
                     .kind = PARAM_TARGET,
                     .targets = SIDES,
                     .doc = "The other side; everyone else when not given."},
                    {.name = "direction",
                     .kind = PARAM_WORD,
                     .words = directions,
                     .fallback = "both",
                     .doc = "What is lost, seen from the targets: both, out "
                            "or in."},
                    {.name = "plane",
                     .kind = PARAM_WORD,
                     .words = planes,
                     .fallback = "both",
                     .doc = "On which management plane."}}},
    [FAULT_PARTITION_HEAL] = {.id = FAULT_PARTITION_HEAL,
                              .name = "partition.heal",
                              .doc = "Every partition ends.",
                              .worlds = WORLDS_LINKS},
    [FAULT_DISK_STALL] = {.id = FAULT_DISK_STALL,
                          .random = true,
                          .name = "disk.stall",
                          .doc = "The disk answers nothing for a while.",
                          .targets = SLOTS,
                          .least_targets = 1,
                          .worlds = WORLDS_MODELLED,
                          .params = {{.name = "stall",
                                      .kind = PARAM_QUANTITY,
                                      .quantity = QUANTITY_DURATION,
                                      .fallback = "1s",
                                      .doc = "How long."}}},
    [FAULT_DISK_FULL] = {.id = FAULT_DISK_FULL,
                         .name = "disk.full",
                         .doc = "No space is left.",
                         .targets = SLOTS,
                         .least_targets = 1,
                         .worlds = WORLDS_MODELLED,
                         .lasts = true},
    [FAULT_DISK_ERROR] = {.id = FAULT_DISK_ERROR,
                          .name = "disk.error",
                          .doc = "Reads and writes fail.",
                          .targets = SLOTS,
                          .least_targets = 1,
                          .worlds = WORLDS_MODELLED,
                          .lasts = true},
    [FAULT_DISK_UNSYNCED_LOSS] =
        {.id = FAULT_DISK_UNSYNCED_LOSS,
         .name = "disk.unsynced-loss",
         .doc = "At the next crash, all that was not synced is lost.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_MODELLED,
         .lasts = true},
    [FAULT_CLOCK_STEP] = {.id = FAULT_CLOCK_STEP,
                          .name = "clock.step",
                          .doc = "The wall clock jumps.",
                          .targets = SLOTS,
                          .least_targets = 1,
                          .worlds = WORLDS_MODELLED,
                          .params = {{.name = "step",
                                      .kind = PARAM_QUANTITY,
                                      .quantity = QUANTITY_OFFSET,
                                      .required = true,
                                      .doc = "How far; negative is back."}}},
    [FAULT_CLOCK_DRIFT] = {.id = FAULT_CLOCK_DRIFT,
                           .name = "clock.drift",
                           .doc = "The box's oscillator runs fast or slow.",
                           .targets = SLOTS,
                           .least_targets = 1,
                           .worlds = WORLDS_MODELLED,
                           .lasts = true,
                           .params = {{.name = "drift",
                                       .kind = PARAM_QUANTITY,
                                       .quantity = QUANTITY_PPB,
                                       .required = true,
                                       .doc =
                                           "By how much; negative is slow."}}},
    [FAULT_PSU_FAIL] =
        {.id = FAULT_PSU_FAIL,
         .random = true,
         .name = "psu.fail",
         .doc = "A power supply fails; without any the box goes dark.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_MODELLED,
         .lasts = true,
         .params = {UNIT_PARAM("Which power supply, from 0.")}},
    [FAULT_FAN_FAIL] = {.id = FAULT_FAN_FAIL,
                        .random = true,
                        .name = "fan.fail",
                        .doc = "A fan stands still.",
                        .targets = SLOTS,
                        .least_targets = 1,
                        .worlds = WORLDS_MODELLED,
                        .lasts = true,
                        .params = {UNIT_PARAM("Which fan, from 0.")}},
    [FAULT_SENSOR_FAIL] =
        {.id = FAULT_SENSOR_FAIL,
         .name = "sensor.fail",
         .doc = "A temperature sensor lies, or gives no answer.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_MODELLED,
         .lasts = true,
         .params = {UNIT_PARAM("Which sensor, from 0."),
                    {.name = "value",
                     .kind = PARAM_SENSOR,
                     .fallback = "dead",
                     .doc = "What it reads, such as 95C; or dead."}}},
    [FAULT_IDENTITY_REVOKE] =
        {.id = FAULT_IDENTITY_REVOKE,
         .name = "identity.revoke",
         .doc = "The box's certificate is revoked: all others get the new "
                "list, and end their associations with it.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_IDENTITY},
    [FAULT_IDENTITY_EXPIRE] =
        {.id = FAULT_IDENTITY_EXPIRE,
         .name = "identity.expire",
         .doc = "The box's certificate has run out.  What is associated "
                "stays; from its next start its NOS refuses to run.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_IDENTITY},
    [FAULT_IDENTITY_STRANGER] =
        {.id = FAULT_IDENTITY_STRANGER,
         .name = "identity.stranger",
         .doc = "From its next start the box shows a certificate with its "
                "serial, but of another authority.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_IDENTITY},
    [ACTION_BOX_POWER_ON] = {.id = ACTION_BOX_POWER_ON,
                             .name = "box.power-on",
                             .doc = "The box gets power and boots.",
                             .targets = SLOTS,
                             .least_targets = 1,
                             .worlds = WORLDS_ALL},
    [ACTION_CONTROLLER_SWITCHOVER] =
        {.id = ACTION_CONTROLLER_SWITCHOVER,
         .name = "controller.switchover",
         .doc = "The operator asks the active controller to hand over to the "
                "standby.",
         .worlds = WORLDS_ALL},
    [ACTION_MODULE_DRAIN] = {.id = ACTION_MODULE_DRAIN,
                             .name = "module.drain",
                             .doc = "The operator takes traffic off the box.",
                             .targets = SLOTS,
                             .least_targets = 1,
                             .worlds = WORLDS_ALL},
    [ACTION_MODULE_UNDRAIN] = {.id = ACTION_MODULE_UNDRAIN,
                               .name = "module.undrain",
                               .doc = "The operator lets traffic back on.",
                               .targets = SLOTS,
                               .least_targets = 1,
                               .worlds = WORLDS_ALL},
    [ACTION_MODULE_REPLACE] =
        {.id = ACTION_MODULE_REPLACE,
         .name = "module.replace",
         .doc = "The operator plans another serial for the box's number.",
         .targets = SLOTS,
         .least_targets = 1,
         .most_targets = 1,
         .worlds = WORLDS_ALL,
         .params = {{.name = "serial",
                     .kind = PARAM_TEXT,
                     .required = true,
                     .doc = "Of the box that will come."}}},
    [ACTION_MODULE_REMOVE] =
        {.id = ACTION_MODULE_REMOVE,
         .name = "module.remove",
         .doc = "The operator gives the box's number up; it is used again "
                "only after the tombstone time.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_ALL},
    [ACTION_BOX_SWAP] =
        {.id = ACTION_BOX_SWAP,
         .name = "box.swap",
         .doc = "Two boxes exchange their places and cables, and boot there.",
         .targets = TARGET_BIT(TARGET_BOX),
         .least_targets = 2,
         .most_targets = 2,
         .worlds = WORLDS_MODELLED},
    [ACTION_BOX_ADD] =
        {.id = ACTION_BOX_ADD,
         .name = "box.add",
         .doc = "Spare boxes, cabled as planned, get power: the cluster "
                "grows.",
         .worlds = WORLDS_ALL,
         .params = {{.name = "boxes",
                     .kind = PARAM_QUANTITY,
                     .quantity = QUANTITY_COUNT,
                     .fallback = "1",
                     .has_range = true,
                     .min = 1,
                     .max = 256,
                     .doc = "How many."}}},
    [ACTION_IDENTITY_RENEW] =
        {.id = ACTION_IDENTITY_RENEW,
         .name = "identity.renew",
         .doc = "The box gets a new certificate for its key, from the "
                "cluster's authority; it shows it from its next start.",
         .targets = SLOTS,
         .least_targets = 1,
         .worlds = WORLDS_IDENTITY},
    [ACTION_CABLE_SWAP] =
        {.id = ACTION_CABLE_SWAP,
         .name = "cable.swap",
         .doc = "The near ends of two fabric cables are exchanged: "
                "miscabling.  Once more puts them right.",
         .targets = TARGET_BIT(TARGET_FABRIC_LINK),
         .least_targets = 2,
         .most_targets = 2,
         .worlds = WORLDS_MODELLED},
    [ACTION_ROUTE_CHANGE] =
        {.id = ACTION_ROUTE_CHANGE,
         .name = "route.change",
         .doc = "An operator gives every static route of traffic that is "
                "`routed` other next hops: its own router and the next ones.",
         .worlds = WORLDS_PACKETS,
         .params = {{.name = "hops",
                     .kind = PARAM_QUANTITY,
                     .quantity = QUANTITY_COUNT,
                     .required = true,
                     .has_range = true,
                     .min = 1,
                     .max = FWD_HOPS_MAX,
                     .doc = "Next hops of each route."}}},
    [ACTION_RANDOM_FAULTS] =
        {.id = ACTION_RANDOM_FAULTS,
         .name = "random-faults",
         .doc = "From now until `until`, faults strike at random, each kind "
                "at its field rate times a factor, and heal after a repair "
                "time.  Once in a scenario.",
         .worlds = WORLDS_MODELLED,
         .params = {{.name = "field-rate",
                     .kind = PARAM_QUANTITY,
                     .quantity = QUANTITY_FACTOR,
                     .fallback = "1",
                     .has_range = true,
                     .min = 1,
                     .max = 1000000000,
                     .doc = "Times the rates seen in the field."},
                    {.name = "kinds",
                     .kind = PARAM_KINDS,
                     .doc = "Which faults; all that the world can do when "
                            "not given."},
                    {.name = "repair",
                     .kind = PARAM_QUANTITY,
                     .quantity = QUANTITY_DURATION,
                     .fallback = "1m",
                     .doc = "Mean time until a fault heals."},
                    {.name = "at-once",
                     .kind = PARAM_QUANTITY,
                     .quantity = QUANTITY_COUNT,
                     .fallback = "1",
                     .has_range = true,
                     .min = 1,
                     .max = 64,
                     .doc = "Most faults that are open at a time."}}},
};

static const char *const names[CATALOGUE_COUNT] = {
#define CATALOGUE_FAULT_NAME(id, name) [FAULT_##id] = name,
    CATALOGUE_FAULTS(CATALOGUE_FAULT_NAME)
#undef CATALOGUE_FAULT_NAME
#define CATALOGUE_ACTION_NAME(id, name) [ACTION_##id] = name,
        CATALOGUE_ACTIONS(CATALOGUE_ACTION_NAME)
#undef CATALOGUE_ACTION_NAME
};

const struct catalogue_entry *
catalogue_get(enum catalogue_id id)
{
    CHECK(id < CATALOGUE_COUNT);
    CHECK(strcmp(entries[id].name, names[id]) == 0);
    return &entries[id];
}

bool
catalogue_is_action(enum catalogue_id id)
{
    return id >= ACTION_BOX_POWER_ON;
}

const struct catalogue_entry *
catalogue_find(const char *name, bool action)
{
    for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
        if (catalogue_is_action((enum catalogue_id)i) == action &&
            strcmp(names[i], name) == 0)
            return catalogue_get((enum catalogue_id)i);
    }
    return NULL;
}

static const char *
fault_name(const void *arg, size_t index)
{
    (void)arg;
    return index < ACTION_BOX_POWER_ON ? names[index] : NULL;
}

static const char *
action_name(const void *arg, size_t index)
{
    (void)arg;
    index += ACTION_BOX_POWER_ON;
    return index < CATALOGUE_COUNT ? names[index] : NULL;
}

struct words
catalogue_names(bool action)
{
    return (struct words){action ? action_name : fault_name, NULL};
}

static const char *
random_name(const void *arg, size_t index)
{
    (void)arg;
    for (size_t i = 0; i < CATALOGUE_COUNT; i++) {
        if (entries[i].random && index-- == 0)
            return names[i];
    }
    return NULL;
}

struct words
catalogue_random_names(void)
{
    return (struct words){random_name, NULL};
}

int
catalogue_param_index(const struct catalogue_entry *entry, const char *name)
{
    for (int i = 0; entry->params[i].name != NULL; i++) {
        if (strcmp(entry->params[i].name, name) == 0)
            return i;
    }
    return -1;
}
