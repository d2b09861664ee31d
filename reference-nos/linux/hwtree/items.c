/* SPDX-License-Identifier: Apache-2.0
 *
 * What an item says of itself.
 */
#include "reference-nos/linux/hwtree/hwtree_priv.h"

#include <stdio.h>
#include <string.h>

#include "reference-nos/linux/hwtree/parse.h"

/* For a sensor that does not state its limits, or not sensibly. */
#define HIGH_DEFAULT_MC 85000
#define LIMITS_APART_MC 10000
#define LIMIT_MOST_MC 200000

static bool
has(const struct item *item, enum item_file file)
{
    return item->files[file][0] != '\0';
}

static int
number(const struct item *item, enum item_file file, int64_t least,
       int64_t most, int64_t *value)
{
    return file_number(item->tree, item->folder, item->files[file], least,
                       most, value);
}

static int
present_read(const struct item *item, bool *present)
{
    int64_t value = 1;
    int error = 0;

    if (has(item, FILE_PRESENT))
        error = number(item, FILE_PRESENT, 0, 1, &value);
    *present = value == 1;
    return error;
}

/* The device's own verdict. */
static int
ok_read(const struct item *item, bool *ok)
{
    int64_t good = 1;
    int64_t fault = 0;
    int64_t alarm = 0;
    int error = 0;

    if (has(item, FILE_OK))
        error = number(item, FILE_OK, 0, item->ok_most, &good);
    if (error == 0 && has(item, FILE_FAULT))
        error = number(item, FILE_FAULT, 0, 1, &fault);
    if (error == 0 && has(item, FILE_ALARM))
        error = number(item, FILE_ALARM, 0, 1, &alarm);
    *ok = good != 0 && fault == 0 && alarm == 0;
    return error;
}

static int
led_read(const struct item *item, struct hw_reading *reading)
{
    char bytes[FILE_BYTES_MAX];
    enum led_state state;
    size_t size;
    int error = file_read(item->tree, item->folder, item->files[FILE_VALUE],
                          bytes, sizeof(bytes), &size);

    if (error == 0)
        error = parse_led(bytes, size, &state);
    if (error == 0)
        reading->value = (int32_t)state;
    return error;
}

static int
values_read(const struct item *item, struct hw_reading *reading)
{
    int64_t value = 0;
    int64_t secondary = 0;
    int32_t full = item->kind == HW_FAN ? item->full : INT32_MAX;
    int64_t most = (int64_t)INT32_MAX * item->divisor;
    int error = number(item, FILE_VALUE, -most, most, &value);

    if (error == 0 && has(item, FILE_SECONDARY))
        error = number(item, FILE_SECONDARY,
                       item->kind == HW_FAN ? 0 : INT32_MIN, full, &secondary);
    if (error != 0)
        return error;
    if (item->kind == HW_FAN)
        secondary = (secondary * 100 + full / 2) / full;
    reading->value = (int32_t)(value / item->divisor);
    reading->secondary = (int32_t)secondary;
    return 0;
}

int
item_read(const struct item *item, struct hw_reading *reading)
{
    struct hw_reading fresh = {.present = true};
    int error = present_read(item, &fresh.present);

    if (error == 0 && fresh.present) {
        error = ok_read(item, &fresh.ok);
        if (error == 0)
            error = item->kind == HW_LED ? led_read(item, &fresh)
                                         : values_read(item, &fresh);
    }
    if (error == 0)
        *reading = fresh;
    return error;
}

enum item_state
item_look(const struct item *item)
{
    int64_t value;
    bool present = false;
    bool ok = false;

    if (present_read(item, &present) != 0)
        return ITEM_UNREADABLE;
    if (!present)
        return ITEM_ABSENT;
    if (ok_read(item, &ok) != 0)
        return ITEM_UNREADABLE;
    /* A device without a verdict is well as long as it answers. */
    if (!has(item, FILE_OK) && !has(item, FILE_FAULT) &&
        number(item, FILE_VALUE, INT64_MIN, INT64_MAX, &value) != 0)
        return ITEM_UNREADABLE;
    return ok ? ITEM_WELL : ITEM_FAILED;
}

const char *
led_name(unsigned index)
{
    static const char *const names[LED_COUNT] = {"STATUS", "LOCATE", "PSU",
                                                 "FAN"};

    return index < LED_COUNT ? names[index] : "LED";
}

/* A limit that is not there or not sensible is 0. */
static int
limit_read(const struct item *item, enum item_file file, int32_t *limit_mc)
{
    int64_t value = 0;
    int error = 0;

    if (has(item, file))
        error = number(item, file, INT32_MIN, INT32_MAX, &value);
    if (item->tree->described && error != 0)
        return error;
    *limit_mc =
        error == 0 && value > 0 && value <= LIMIT_MOST_MC ? (int32_t)value : 0;
    return 0;
}

static int
limits_read(const struct item *item, struct hw_description *description)
{
    int32_t high_mc = 0;
    int32_t critical_mc = 0;
    int error = limit_read(item, FILE_HIGH, &high_mc);

    if (error == 0)
        error = limit_read(item, FILE_CRITICAL, &critical_mc);
    if (error != 0)
        return error;
    if (high_mc == 0)
        high_mc = critical_mc > LIMITS_APART_MC ? critical_mc - LIMITS_APART_MC
                                                : HIGH_DEFAULT_MC;
    if (critical_mc < high_mc)
        critical_mc = high_mc + LIMITS_APART_MC;
    description->high_mc = high_mc;
    description->critical_mc = critical_mc;
    return 0;
}

static int
name_read(const struct item *item, struct hw_description *description)
{
    static const char *const kinds[HW_KIND_COUNT] = {
        [HW_FAN] = "FAN",    [HW_PSU] = "PSU",     [HW_SENSOR] = "TEMP",
        [HW_LED] = "STATUS", [HW_OPTIC] = "OPTIC",
    };
    char bytes[FILE_BYTES_MAX];
    size_t size;
    int error;

    snprintf(description->name, sizeof(description->name), "%s %u",
             kinds[item->kind], item->index);
    if (item->kind == HW_LED)
        snprintf(description->name, sizeof(description->name), "%s",
                 led_name(item->index));
    if (!has(item, FILE_NAME))
        return 0;
    error = file_read(item->tree, item->folder, item->files[FILE_NAME], bytes,
                      sizeof(bytes), &size);
    if (error == 0)
        error = parse_name(bytes, size, description->name,
                           sizeof(description->name));
    return item->tree->described ? error : 0;
}

int
item_describe(const struct item *item, struct hw_description *description)
{
    struct hw_description fresh = {.max_rpm = 0};
    int64_t max_rpm = 0;
    int error = name_read(item, &fresh);

    if (error == 0 && item->kind == HW_SENSOR)
        error = limits_read(item, &fresh);
    if (error == 0 && has(item, FILE_MAX))
        error = number(item, FILE_MAX, 0, INT32_MAX, &max_rpm);
    if (error != 0)
        return error;
    fresh.max_rpm = (uint32_t)max_rpm;
    *description = fresh;
    return 0;
}
