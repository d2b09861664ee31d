/* SPDX-License-Identifier: Apache-2.0
 *
 * Thermal model (assumption, chosen to be simple): with exactly the fans that
 * are needed at full speed, the hottest sensor settles SETTLE_SHARE of the way
 * from 25 C to its warning limit; the rise above ambient goes with power and
 * with one over total fan speed; each further sensor sits in cooler air.
 */
#include "models/chassis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "sim/kernel/fixed.h"
#include "sim/kernel/random.h"

#define ROOM_MC 25000
#define SETTLE_SHARE_PERCENT 55
#define COOLER_PERCENT_PER_SENSOR 3
/* Natural convection: a box without fans has this share of the airflow. */
#define AIRFLOW_LEAST_PERMILLE 100
#define TIME_CONSTANT_S 120
/* Typical hold-up time of a server power supply. */
#define HOLD_UP_MS 10
#define OPTIC_DARK_CDBM (-4000)

struct sensor {
    int32_t base_mc; /* At 'since'. */
    unsigned fault_mode;
    int32_t fault_mc;
};

struct chassis {
    struct kernel *kernel;
    struct chassis_options options;
    bool powered;
    struct event hold_up;
    struct simtime since; /* Of the present power, speeds and failures. */
    struct sensor sensors[BOX_ITEMS_MAX];
    unsigned fan_duty[BOX_ITEMS_MAX];
    bool fan_failed[BOX_ITEMS_MAX];
    bool psu_failed[BOX_ITEMS_MAX];
    enum led_state leds[LED_COUNT];
    unsigned optic_count;
    bool *optic_failed;
};

/* ---- temperatures ---- */

static int64_t
airflow_permille(const struct chassis *chassis)
{
    const struct box_model *model = chassis->options.model;
    uint64_t duty = 0;

    if (model->fan_count == 0 || model->fans_needed == 0)
        return 1000; /* Cooled by itself. */
    for (unsigned i = 0; i < model->fan_count; i++) {
        if (!chassis->fan_failed[i] && chassis->powered)
            duty += chassis->fan_duty[i];
    }
    int64_t flow = (int64_t)(duty * 10 / model->fans_needed);
    return flow > AIRFLOW_LEAST_PERMILLE ? flow : AIRFLOW_LEAST_PERMILLE;
}

/* Where the temperature of sensor 'index' ends if nothing changes. */
static int32_t
equilibrium_mc(const struct chassis *chassis, unsigned index)
{
    const struct box_model *model = chassis->options.model;
    int64_t rise = (int64_t)(model->sensor_high_mc - ROOM_MC) *
                   SETTLE_SHARE_PERCENT / 100;

    if (!chassis->powered)
        return chassis->options.ambient_mc;
    rise = rise * (100 - COOLER_PERCENT_PER_SENSOR * (int64_t)index) / 100;
    rise = rise * 1000 / airflow_permille(chassis);
    return (int32_t)(chassis->options.ambient_mc + rise);
}

static int32_t
temperature_mc(const struct chassis *chassis, unsigned index,
               struct simtime now)
{
    int64_t end = equilibrium_mc(chassis, index);
    int64_t gap = chassis->sensors[index].base_mc - end;
    uint64_t constants =
        fixed_mul_div(simtime_sub(now, chassis->since).ps, FIXED_ONE,
                      TIME_CONSTANT_S * SIMTIME_PS_PER_S);
    int64_t left = (int64_t)fixed_exp_minus(constants);

    return (int32_t)(end + gap * left / (int64_t)FIXED_ONE);
}

/* Fixes the temperatures reached so far, before something changes. */
static void
settle(struct chassis *chassis)
{
    struct simtime now = kernel_now(chassis->kernel);
    int32_t reached[BOX_ITEMS_MAX];

    for (unsigned i = 0; i < chassis->options.model->sensor_count; i++)
        reached[i] = temperature_mc(chassis, i, now);
    for (unsigned i = 0; i < chassis->options.model->sensor_count; i++)
        chassis->sensors[i].base_mc = reached[i];
    chassis->since = now;
}

/* ---- power ---- */

static unsigned
psus_working(const struct chassis *chassis)
{
    unsigned working = 0;

    for (unsigned i = 0; i < chassis->options.model->psu_count; i++)
        working += chassis->psu_failed[i] ? 0 : 1;
    return working;
}

static void
hold_up_over(struct event *event, struct simtime now)
{
    struct chassis *chassis = CONTAINER_OF(event, struct chassis, hold_up);

    (void)now;
    chassis->options.brown_out(chassis->options.context);
}

/* Starts or ends the race of the hold-up time. */
static void
power_judge(struct chassis *chassis)
{
    bool enough = psus_working(chassis) >= chassis->options.model->psus_needed;

    if (!chassis->powered || enough) {
        kernel_cancel(chassis->kernel, &chassis->hold_up);
    } else if (!event_pending(&chassis->hold_up)) {
        int err = kernel_add_after(chassis->kernel, &chassis->hold_up,
                                   simtime_from_ms(HOLD_UP_MS));
        CHECK(err == 0 || err == ERR_RANGE);
    }
}

/* ---- the outside ---- */

struct chassis *
chassis_create(struct kernel *kernel, const struct chassis_options *options)
{
    struct chassis *chassis = calloc(1, sizeof(*chassis));
    const struct box_model *model = options->model;

    CHECK(chassis != NULL && options->brown_out != NULL);
    CHECK(model->fan_count <= BOX_ITEMS_MAX &&
          model->psu_count <= BOX_ITEMS_MAX &&
          model->sensor_count <= BOX_ITEMS_MAX);
    chassis->kernel = kernel;
    chassis->options = *options;
    chassis->since = kernel_now(kernel);
    chassis->optic_count = (unsigned)model->front_ports + model->fabric_ports;
    chassis->optic_failed = calloc(chassis->optic_count + 1u, sizeof(bool));
    CHECK(chassis->optic_failed != NULL);
    event_init(&chassis->hold_up, EVENT_CLASS_POWER, options->entity,
               hold_up_over);
    for (unsigned i = 0; i < BOX_ITEMS_MAX; i++) {
        chassis->sensors[i].base_mc = options->ambient_mc;
        chassis->fan_duty[i] = 100; /* Until somebody regulates. */
    }
    return chassis;
}

void
chassis_destroy(struct chassis *chassis)
{
    if (chassis == NULL)
        return;
    kernel_cancel(chassis->kernel, &chassis->hold_up);
    free(chassis->optic_failed);
    free(chassis);
}

void
chassis_power(struct chassis *chassis, bool on)
{
    settle(chassis);
    chassis->powered = on;
    for (unsigned i = 0; i < BOX_ITEMS_MAX; i++)
        chassis->fan_duty[i] = 100;
    memset(chassis->leds, 0, sizeof(chassis->leds));
    power_judge(chassis);
}

void
chassis_renew(struct chassis *chassis)
{
    chassis->since = kernel_now(chassis->kernel);
    for (unsigned i = 0; i < BOX_ITEMS_MAX; i++)
        chassis->sensors[i] =
            (struct sensor){.base_mc = chassis->options.ambient_mc};
    memset(chassis->fan_failed, 0, sizeof(chassis->fan_failed));
    memset(chassis->psu_failed, 0, sizeof(chassis->psu_failed));
    memset(chassis->optic_failed, 0, chassis->optic_count * sizeof(bool));
    power_judge(chassis);
}

unsigned
chassis_count(const struct chassis *chassis, enum hw_kind kind)
{
    const struct box_model *model = chassis->options.model;

    switch (kind) {
    case HW_FAN: return model->fan_count;
    case HW_PSU: return model->psu_count;
    case HW_SENSOR: return model->sensor_count;
    case HW_LED: return LED_COUNT;
    case HW_OPTIC: return chassis->optic_count;
    case HW_KIND_COUNT: break;
    }
    return 0;
}

static const char *
led_name(unsigned index)
{
    static const char *const names[LED_COUNT] = {"STATUS", "LOCATE", "PSU",
                                                 "FAN"};

    return names[index];
}

int
chassis_describe(const struct chassis *chassis, enum hw_kind kind,
                 unsigned index, struct hw_description *description)
{
    const struct box_model *model = chassis->options.model;
    const char *word = "";

    if (index >= chassis_count(chassis, kind))
        return ERR_NOENT;
    *description = (struct hw_description){.max_rpm = 0};
    switch (kind) {
    case HW_FAN:
        word = "FAN";
        description->max_rpm = model->fan_max_rpm;
        break;
    case HW_PSU: word = "PSU"; break;
    case HW_SENSOR:
        word = "TEMP";
        description->high_mc = model->sensor_high_mc;
        description->critical_mc = model->sensor_critical_mc;
        break;
    case HW_LED:
        snprintf(description->name, sizeof(description->name), "%s",
                 led_name(index));
        return 0;
    case HW_OPTIC:
        word = index < model->front_ports ? "OPTIC" : "FABRIC OPTIC";
        index -= index < model->front_ports ? 0 : model->front_ports;
        break;
    case HW_KIND_COUNT: break;
    }
    snprintf(description->name, sizeof(description->name), "%s %u", word,
             index);
    return 0;
}

static void
fan_read(const struct chassis *chassis, unsigned index,
         struct hw_reading *reading)
{
    reading->ok = !chassis->fan_failed[index];
    reading->secondary = (int32_t)chassis->fan_duty[index];
    if (reading->ok && chassis->powered)
        reading->value = (int32_t)(chassis->options.model->fan_max_rpm / 100 *
                                   chassis->fan_duty[index]);
}

static void
psu_read(const struct chassis *chassis, unsigned index,
         struct hw_reading *reading)
{
    unsigned working = psus_working(chassis);

    reading->ok = !chassis->psu_failed[index];
    if (reading->ok && chassis->powered)
        reading->value = (int32_t)(chassis->options.model->power_w / working);
}

static int
sensor_read(const struct chassis *chassis, unsigned index,
            struct hw_reading *reading)
{
    const struct sensor *sensor = &chassis->sensors[index];

    if (sensor->fault_mode == 1)
        return ERR_IO;
    reading->ok = true;
    reading->value =
        sensor->fault_mode == 2
            ? sensor->fault_mc
            : temperature_mc(chassis, index, kernel_now(chassis->kernel));
    return 0;
}

/* Levels of a healthy module: receive -2 to -4 dBm, transmit 0 to -1 dBm. */
static void
optic_read(const struct chassis *chassis, unsigned index,
           struct hw_reading *reading)
{
    uint64_t bits = random_draw(chassis->options.seed, chassis->options.entity,
                                random_purpose("optic"), index);

    reading->ok = !chassis->optic_failed[index];
    reading->value =
        reading->ok ? -200 - (int32_t)(bits % 200) : OPTIC_DARK_CDBM;
    reading->secondary = -(int32_t)((bits >> 32) % 100);
}

int
chassis_read(struct chassis *chassis, enum hw_kind kind, unsigned index,
             struct hw_reading *reading)
{
    struct hw_reading fresh = {.present = true, .ok = true};
    int err = 0;

    if (index >= chassis_count(chassis, kind))
        return ERR_NOENT;
    switch (kind) {
    case HW_FAN: fan_read(chassis, index, &fresh); break;
    case HW_PSU: psu_read(chassis, index, &fresh); break;
    case HW_SENSOR: err = sensor_read(chassis, index, &fresh); break;
    case HW_LED: fresh.value = (int32_t)chassis->leds[index]; break;
    case HW_OPTIC: optic_read(chassis, index, &fresh); break;
    case HW_KIND_COUNT: break;
    }
    if (err == 0)
        *reading = fresh;
    return err;
}

int
chassis_fan_set(struct chassis *chassis, unsigned index, unsigned duty_percent)
{
    if (index >= chassis->options.model->fan_count)
        return ERR_NOENT;
    if (duty_percent > 100)
        return ERR_RANGE;
    settle(chassis);
    chassis->fan_duty[index] = duty_percent;
    return 0;
}

int
chassis_led_set(struct chassis *chassis, unsigned index, enum led_state state)
{
    if (index >= LED_COUNT)
        return ERR_NOENT;
    chassis->leds[index] = state;
    return 0;
}

/* ---- faults ---- */

static void
changed(struct chassis *chassis, enum hw_kind kind, unsigned index)
{
    struct hw_change change = {kind, (uint16_t)index};

    if (chassis->powered && chassis->options.changed != NULL)
        chassis->options.changed(chassis->options.context, &change);
}

int
chassis_fault_fan(struct chassis *chassis, unsigned index, bool failed)
{
    if (index >= chassis->options.model->fan_count)
        return ERR_NOENT;
    settle(chassis);
    chassis->fan_failed[index] = failed;
    changed(chassis, HW_FAN, index);
    return 0;
}

int
chassis_fault_psu(struct chassis *chassis, unsigned index, bool failed)
{
    if (index >= chassis->options.model->psu_count)
        return ERR_NOENT;
    chassis->psu_failed[index] = failed;
    power_judge(chassis);
    changed(chassis, HW_PSU, index);
    return 0;
}

int
chassis_fault_optic(struct chassis *chassis, unsigned index, bool failed)
{
    if (index >= chassis->optic_count)
        return ERR_NOENT;
    chassis->optic_failed[index] = failed;
    changed(chassis, HW_OPTIC, index);
    return 0;
}

int
chassis_fault_sensor(struct chassis *chassis, unsigned index, unsigned mode,
                     int32_t value_mc)
{
    if (index >= chassis->options.model->sensor_count)
        return ERR_NOENT;
    if (mode > 2)
        return ERR_INVALID;
    chassis->sensors[index].fault_mode = mode;
    chassis->sensors[index].fault_mc = value_mc;
    return 0;
}
