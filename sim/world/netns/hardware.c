/* SPDX-License-Identifier: Apache-2.0
 *
 * The fans, supplies, sensors and lights of a slot: a described tree of files
 * (reference-nos/linux/hwtree) that the daemon reads and we break.
 */
#include <stdio.h>

#include "reference-nos/linux/hwtree/tree_make.h"
#include "sim/world/netns/netns_priv.h"

#define SENSOR_MC 45000
#define DUTY_FIRST 50u
#define ENTRY_MAX 40u

void
hardware_path(const struct netns_box *box, char path[NETNS_PATH_MAX])
{
    (void)snprintf(path, NETNS_PATH_MAX, "%s/hw%u", box->netns->rack.dir,
                   box->index);
}

static const struct box_model *
model_of(const struct netns_box *box)
{
    return box->netns->plan->boxes[box->index].model;
}

static uint32_t
psu_output_mw(const struct box_model *model)
{
    return model->psu_count > 0 ? model->power_w * 1000 / model->psu_count : 0;
}

int
hardware_make(struct netns_box *box)
{
    const struct box_model *model = model_of(box);
    struct tree_options options = {
        .fans = model->fan_count,
        .psus = model->psu_count,
        .sensors = model->sensor_count,
        .leds = LED_COUNT,
        .fan_max_rpm = model->fan_max_rpm,
        .fan_duty_percent = DUTY_FIRST,
        .psu_output_mw = psu_output_mw(model),
        .idle_mc = SENSOR_MC,
        .high_mc = model->sensor_high_mc,
        .critical_mc = model->sensor_critical_mc,
    };
    char folder[NETNS_PATH_MAX];

    hardware_path(box, folder);
    box->psu_failed = 0;
    return tree_make(folder, &options);
}

void
hardware_cause(struct netns_box *box)
{
    static const char *const words[] = {"power-loss",     "operator",
                                        "service-budget", "thermal",
                                        "watchdog",       "replaced"};
    char folder[NETNS_PATH_MAX];

    CHECK(box->cause < ARRAY_COUNT(words));
    hardware_path(box, folder);
    (void)!tree_text_put(folder, "reboot-cause", words[box->cause]);
}

static int
number_put(const struct netns_box *box, const char *kind, unsigned index,
           const char *name, int64_t value)
{
    char folder[NETNS_PATH_MAX];
    char file[ENTRY_MAX];

    hardware_path(box, folder);
    (void)snprintf(file, sizeof(file), "%s%u/%s", kind, index, name);
    return tree_number_put(folder, file, value);
}

static int
fan_fault(const struct netns_box *box, unsigned index, bool works)
{
    const struct box_model *model = model_of(box);
    int err;

    if (index >= model->fan_count)
        return ERR_NOENT;
    err = number_put(box, "fan", index, "rpm", works ? model->fan_max_rpm : 0);
    return err == 0 ? number_put(box, "fan", index, "ok", works) : err;
}

/* With too few supplies left the box goes dark. */
static int
psu_fault(struct netns_box *box, unsigned index, bool works)
{
    const struct box_model *model = model_of(box);
    unsigned working = model->psu_count;
    int err;

    if (index >= model->psu_count || index >= 32)
        return ERR_NOENT;
    err = number_put(box, "psu", index, "output_mw",
                     works ? psu_output_mw(model) : 0);
    if (err == 0)
        err = number_put(box, "psu", index, "ok", works);
    if (works)
        box->psu_failed &= ~(1u << index);
    else
        box->psu_failed |= 1u << index;
    working -= (unsigned)__builtin_popcount(box->psu_failed);
    if (working < model->psus_needed)
        slot_power_off(box, REBOOT_POWER_LOSS);
    return err;
}

static int
sensor_fault(struct netns_box *box, const struct world_fault *fault)
{
    char folder[NETNS_PATH_MAX];
    char file[ENTRY_MAX];

    if (fault->item >= model_of(box)->sensor_count)
        return ERR_NOENT;
    if (fault->value != 1)
        return number_put(box, "temp", fault->item, "input_mc",
                          fault->value == 2 ? fault->value2 : SENSOR_MC);
    /* What is no number is no answer. */
    hardware_path(box, folder);
    (void)snprintf(file, sizeof(file), "temp%u/input_mc", fault->item);
    return tree_text_put(folder, file, "no answer");
}

int
hardware_fault(struct netns_box *box, const struct world_fault *fault)
{
    if (fault->kind == WORLD_PSU)
        return psu_fault(box, fault->item, fault->value != 0);
    if (fault->kind == WORLD_FAN)
        return fan_fault(box, fault->item, fault->value != 0);
    return sensor_fault(box, fault);
}

int
hardware_duty(struct netns_box *box, uint32_t *percent)
{
    int64_t lowest = INT64_MAX;
    char folder[NETNS_PATH_MAX];

    hardware_path(box, folder);
    for (unsigned i = 0; i < model_of(box)->fan_count; i++) {
        char file[ENTRY_MAX];
        int64_t ok, duty;

        (void)snprintf(file, sizeof(file), "fan%u/ok", i);
        if (tree_number_get(folder, file, &ok) != 0 || ok == 0)
            continue;
        (void)snprintf(file, sizeof(file), "fan%u/duty", i);
        if (tree_number_get(folder, file, &duty) == 0 && duty >= 0 &&
            duty < lowest)
            lowest = duty;
    }
    if (lowest == INT64_MAX)
        return ERR_NOENT;
    *percent = (uint32_t)lowest;
    return 0;
}
