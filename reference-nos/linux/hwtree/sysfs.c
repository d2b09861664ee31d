/* SPDX-License-Identifier: Apache-2.0
 *
 * Items of a machine from sysfs: hwmon (Linux, Documentation/hwmon/
 * sysfs-interface.rst), the LED class, and what the watchdog remembers.
 *
 * The numbers of hwmon devices decide the order, then those of the inputs.
 */
#include "reference-nos/linux/hwtree/hwtree_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/linux/hwtree/parse.h"

#define HWMON "class/hwmon"
#define DEVICES_MAX 256u
#define INPUTS_MAX 32u
#define NAMES_MAX 256u
/* include/uapi/linux/watchdog.h */
#define WATCHDOG_OVERHEAT 0x01
#define WATCHDOG_CARD_RESET 0x20

/* The name of a file of an input, when it is there. */
static void
file_take(struct item *item, enum item_file file, const char *sort,
          unsigned input, const char *what)
{
    char name[FILE_NAME_MAX];

    snprintf(name, sizeof(name), "%s%u%s", sort, input, what);
    if (file_exists(item->tree, item->folder, name))
        snprintf(item->files[file], FILE_NAME_MAX, "%s", name);
}

static bool
input_exists(const struct hwtree *tree, const char *device, const char *sort,
             unsigned input)
{
    char name[FILE_NAME_MAX];

    snprintf(name, sizeof(name), "%s%u_input", sort, input);
    return file_exists(tree, device, name);
}

/* Does the text of a file of the device begin with, or hold, a word? */
static bool
text_has(const struct hwtree *tree, const char *device, const char *file,
         const char *word, bool begins)
{
    char bytes[FILE_BYTES_MAX];
    char text[FILE_BYTES_MAX];
    size_t size;

    if (file_read(tree, device, file, bytes, sizeof(bytes), &size) != 0 ||
        parse_name(bytes, size, text, sizeof(text)) != 0)
        return false;
    return begins ? strncmp(text, word, strlen(word)) == 0
                  : strstr(text, word) != NULL;
}

static bool
label_begins(const struct hwtree *tree, const char *device, const char *sort,
             unsigned input, const char *word)
{
    char name[FILE_NAME_MAX];

    snprintf(name, sizeof(name), "%s%u_label", sort, input);
    return text_has(tree, device, name, word, true);
}

/* The number of the input with the output power of a power supply; 0 when
 * the device is none. */
static unsigned
psu_output(const struct hwtree *tree, const char *device)
{
    bool named = text_has(tree, device, "name", "psu", false);
    unsigned last = 0;

    for (unsigned i = 1; i <= INPUTS_MAX; i++) {
        if (!input_exists(tree, device, "power", i))
            continue;
        if (label_begins(tree, device, "power", i, "pout"))
            return i;
        last = i;
    }
    return named ? last : 0;
}

static int
psu_add(struct hwtree *tree, const char *device, unsigned output)
{
    struct item *psu = item_add(tree, HW_PSU, device);

    if (psu == NULL)
        return ERR_RANGE;
    psu->divisor = 1000000; /* from microwatts */
    psu->ok_most = INT32_MAX;
    file_take(psu, FILE_VALUE, "power", output, "_input");
    file_take(psu, FILE_ALARM, "power", output, "_alarm");
    /* No input voltage, no supply. */
    if (label_begins(tree, device, "in", 1, "vin"))
        file_take(psu, FILE_OK, "in", 1, "_input");
    return 0;
}

static int
fan_add(struct hwtree *tree, const char *device, unsigned input)
{
    struct item *fan = item_add(tree, HW_FAN, device);

    if (fan == NULL)
        return ERR_RANGE;
    fan->full = 255;
    file_take(fan, FILE_VALUE, "fan", input, "_input");
    file_take(fan, FILE_FAULT, "fan", input, "_fault");
    file_take(fan, FILE_ALARM, "fan", input, "_alarm");
    file_take(fan, FILE_MAX, "fan", input, "_max");
    file_take(fan, FILE_SECONDARY, "pwm", input, "");
    file_take(fan, FILE_ENABLE, "pwm", input, "_enable");
    /* Two rotors of one fan share the first one's drive. */
    if (fan->files[FILE_SECONDARY][0] == '\0') {
        file_take(fan, FILE_SECONDARY, "pwm", 1, "");
        file_take(fan, FILE_ENABLE, "pwm", 1, "_enable");
    }
    return 0;
}

static int
sensor_add(struct hwtree *tree, const char *device, unsigned input)
{
    struct item *sensor = item_add(tree, HW_SENSOR, device);

    if (sensor == NULL)
        return ERR_RANGE;
    file_take(sensor, FILE_VALUE, "temp", input, "_input");
    file_take(sensor, FILE_FAULT, "temp", input, "_fault");
    file_take(sensor, FILE_HIGH, "temp", input, "_max");
    file_take(sensor, FILE_CRITICAL, "temp", input, "_crit");
    file_take(sensor, FILE_NAME, "temp", input, "_label");
    return 0;
}

static int
device_scan(struct hwtree *tree, const char *device)
{
    unsigned output = psu_output(tree, device);
    int error = output > 0 ? psu_add(tree, device, output) : 0;

    for (unsigned i = 1; i <= INPUTS_MAX && error == 0; i++) {
        /* A power supply cools itself. */
        if (output == 0 && input_exists(tree, device, "fan", i))
            error = fan_add(tree, device, i);
        if (error == 0 && input_exists(tree, device, "temp", i))
            error = sensor_add(tree, device, i);
    }
    return error;
}

static int
hwmon_scan(struct hwtree *tree)
{
    int error = 0;

    for (unsigned i = 0; i < DEVICES_MAX && error == 0; i++) {
        char device[FOLDER_BYTES_MAX];

        snprintf(device, sizeof(device), HWMON "/hwmon%u", i);
        if (file_exists(tree, device, "."))
            error = device_scan(tree, device);
    }
    return error;
}

/* ---- LEDs ---- */

static int
names_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool
led_known(const char *name, enum led *led)
{
    static const char *const words[LED_COUNT] = {
        [LED_STATUS] = "status",
        [LED_LOCATE] = "locate",
        [LED_PSU] = "psu",
        [LED_FAN] = "fan",
    };

    for (unsigned i = 0; i < LED_COUNT; i++) {
        if (strstr(name, words[i]) != NULL) {
            *led = (enum led)i;
            return true;
        }
    }
    return false;
}

static enum led_state
colour_of(const char *name)
{
    static const struct {
        const char *word;
        enum led_state colour;
    } colours[] = {{"green", LED_GREEN},     {"amber", LED_AMBER},
                   {"yellow", LED_AMBER},    {"orange", LED_AMBER},
                   {"blue", LED_BLUE_BLINK}, {"red", LED_RED}};

    for (unsigned i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
        if (strstr(name, colours[i].word) != NULL)
            return colours[i].colour;
    }
    return LED_OFF;
}

static void
lamp_add(struct hwtree *tree, const char *name)
{
    struct lamp *lamp = &tree->lamps[tree->lamp_count];

    if (tree->lamp_count == LAMPS_MAX || !led_known(name, &lamp->led))
        return;
    lamp->colour = colour_of(name);
    snprintf(lamp->folder, sizeof(lamp->folder), "class/leds/%s", name);
    if (file_number(tree, lamp->folder, "max_brightness", 1, INT32_MAX,
                    &lamp->brightness) != 0)
        lamp->brightness = 1;
    tree->lamp_count++;
}

/* In the order of their names, whatever order the folder has. */
static int
lamps_scan(struct hwtree *tree)
{
    char path[PATH_BYTES_MAX];
    char(*names)[FOLDER_BYTES_MAX];
    struct dirent *entry;
    unsigned count = 0;
    DIR *folder;

    snprintf(path, sizeof(path), "%s/class/leds", tree->root);
    folder = opendir(path);
    if (folder == NULL)
        return 0;
    names = calloc(NAMES_MAX, sizeof(*names));
    while (names != NULL && count < NAMES_MAX &&
           (entry = readdir(folder)) != NULL) {
        if (strlen(entry->d_name) < FOLDER_BYTES_MAX - sizeof("class/leds/"))
            memcpy(names[count++], entry->d_name, strlen(entry->d_name) + 1);
    }
    closedir(folder);
    if (names == NULL)
        return ERR_NOMEM;
    qsort(names, count, sizeof(*names), names_compare);
    for (unsigned i = 0; i < count; i++)
        lamp_add(tree, names[i]);
    free(names);
    return 0;
}

static int
lamp_set(struct hwtree *tree, const struct lamp *lamp, bool on, bool blink)
{
    char text[24];

    if (on && blink &&
        file_write(tree, lamp->folder, "trigger", "timer\n") == 0)
        return 0;
    if (file_exists(tree, lamp->folder, "trigger"))
        (void)!file_write(tree, lamp->folder, "trigger", "none\n");
    snprintf(text, sizeof(text), "%lld\n",
             on ? (long long)lamp->brightness : 0ll);
    return file_write(tree, lamp->folder, "brightness", text);
}

static bool
lamp_fits(const struct lamp *lamp, enum led_state state)
{
    return lamp->colour == LED_OFF || lamp->colour == state;
}

/* Without a lamp of the colour all of them are lit: green and red together
 * are amber. */
int
sysfs_led_set(struct hwtree *tree, enum led led, enum led_state state)
{
    unsigned fitting = 0;
    unsigned count = 0;
    int error = 0;

    for (unsigned i = 0; i < tree->lamp_count; i++) {
        if (tree->lamps[i].led == led) {
            count++;
            fitting += lamp_fits(&tree->lamps[i], state);
        }
    }
    if (count == 0)
        return ERR_UNSUPPORTED;
    for (unsigned i = 0; i < tree->lamp_count && error == 0; i++) {
        const struct lamp *lamp = &tree->lamps[i];
        bool on = state != LED_OFF && (fitting == 0 || lamp_fits(lamp, state));

        if (lamp->led == led)
            error = lamp_set(tree, lamp, on, state == LED_BLUE_BLINK);
    }
    if (error == 0)
        tree->leds[led] = state;
    return error;
}

/* ---- */

enum reboot_cause
sysfs_reboot_cause(const struct hwtree *tree)
{
    int64_t status = 0;

    if (file_number(tree, "class/watchdog/watchdog0", "bootstatus", 0,
                    UINT32_MAX, &status) != 0)
        return REBOOT_POWER_LOSS;
    if ((status & WATCHDOG_OVERHEAT) != 0)
        return REBOOT_THERMAL;
    return (status & WATCHDOG_CARD_RESET) != 0 ? REBOOT_WATCHDOG
                                               : REBOOT_POWER_LOSS;
}

int
sysfs_scan(struct hwtree *tree)
{
    int error = hwmon_scan(tree);

    return error == 0 ? lamps_scan(tree) : error;
}
