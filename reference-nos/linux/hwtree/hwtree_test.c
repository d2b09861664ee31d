/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/hwtree/hwtree.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "reference-nos/linux/hwtree/hwtree_priv.h"
#include "reference-nos/linux/hwtree/parse.h"
#include "reference-nos/linux/hwtree/tree_make.h"

#define PATIENCE_MS 20000 /* only a failing test waits so long */

struct rig {
    char folder[64];
    uv_loop_t loop;
    uv_timer_t patience;
    struct hwtree *tree;
    bool impatient;
    unsigned changes;
    struct hw_change last;
    bool close_inside;
};

static struct rig rig;

static void
on_changed(void *arg, const struct hw_change *change)
{
    ck_assert_ptr_eq(arg, &rig);
    rig.changes++;
    rig.last = *change;
    if (rig.close_inside)
        hwtree_close(rig.tree);
}

static void
on_patience(uv_timer_t *timer)
{
    (void)timer;
    rig.impatient = true;
}

static void
rig_start(void)
{
    memset(&rig, 0, sizeof(rig));
    strcpy(rig.folder, "/tmp/hwtree_test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig.folder));
    ck_assert_int_eq(uv_loop_init(&rig.loop), 0);
    uv_timer_init(&rig.loop, &rig.patience);
    uv_timer_start(&rig.patience, on_patience, PATIENCE_MS, 0);
}

static void
rig_stop(void)
{
    char line[100];

    hwtree_close(rig.tree);
    uv_close((uv_handle_t *)&rig.patience, NULL);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&rig.loop), 0);
    tree_unmake(rig.folder);
    snprintf(line, sizeof(line), "rm -rf '%s'", rig.folder);
    ck_assert_int_eq(system(line), 0);
}

#define RUN_UNTIL(condition)                                                  \
    do {                                                                      \
        while (!(condition)) {                                                \
            uv_run(&rig.loop, UV_RUN_ONCE);                                   \
            ck_assert_msg(!rig.impatient, "waited too long: " #condition);    \
        }                                                                     \
    } while (0)

static void
rig_open(bool described)
{
    struct hwtree_options options = {.loop = &rig.loop,
                                     .described =
                                         described ? rig.folder : NULL,
                                     .sysfs = rig.folder,
                                     .changed = on_changed,
                                     .arg = &rig};
    char message[200] = "";

    ck_assert_msg(hwtree_open(&options, &rig.tree, message, sizeof(message)) ==
                      0,
                  "%s", message);
}

static void
described_open(void)
{
    struct tree_options options = {.fans = 6,
                                   .psus = 2,
                                   .sensors = 4,
                                   .leds = LED_COUNT,
                                   .optics = 20,
                                   .fan_max_rpm = 16000,
                                   .fan_duty_percent = 40,
                                   .psu_output_mw = 350500,
                                   .idle_mc = 42000,
                                   .high_mc = 85000,
                                   .critical_mc = 95000,
                                   .reboot_cause = "watchdog\n"};

    ck_assert_int_eq(tree_make(rig.folder, &options), 0);
    rig_open(true);
}

static void
put(const char *file, const char *text)
{
    ck_assert_int_eq(tree_text_put(rig.folder, file, text), 0);
}

static void
erase(const char *file)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", rig.folder, file);
    ck_assert_int_eq(unlink(path), 0);
}

static struct hw_reading
reading(enum hw_kind kind, unsigned index)
{
    struct hw_reading now = {.present = false};

    ck_assert_int_eq(hwtree_read(rig.tree, kind, index, &now), 0);
    return now;
}

static int
read_error(enum hw_kind kind, unsigned index)
{
    struct hw_reading untouched = {.value = 77};
    int error = hwtree_read(rig.tree, kind, index, &untouched);

    ck_assert(error == 0 || untouched.value == 77);
    return error;
}

static int64_t
number(const char *file)
{
    int64_t value = INT64_MIN;

    ck_assert_int_eq(tree_number_get(rig.folder, file, &value), 0);
    return value;
}

/* ---- a described tree ---- */

START_TEST(a_described_tree_is_read)
{
    struct hw_description description;

    described_open();
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_FAN), 6);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_PSU), 2);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_SENSOR), 4);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_LED), LED_COUNT);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_OPTIC), 20);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_KIND_COUNT), 0);
    ck_assert(reading(HW_FAN, 5).present && reading(HW_FAN, 5).ok);
    ck_assert_int_eq(reading(HW_FAN, 5).value, 16000);
    ck_assert_int_eq(reading(HW_FAN, 5).secondary, 40);
    ck_assert_int_eq(reading(HW_PSU, 1).value, 350);
    ck_assert_int_eq(reading(HW_SENSOR, 3).value, 42000);
    ck_assert_int_eq(reading(HW_OPTIC, 19).value, -300);
    ck_assert_int_eq(reading(HW_OPTIC, 19).secondary, -50);
    ck_assert_int_eq(read_error(HW_FAN, 6), ERR_NOENT);
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_SENSOR, 2, &description), 0);
    ck_assert_str_eq(description.name, "TEMP 2");
    ck_assert_int_eq(description.high_mc, 85000);
    ck_assert_int_eq(description.critical_mc, 95000);
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_FAN, 1, &description), 0);
    ck_assert_str_eq(description.name, "FAN 1");
    ck_assert_uint_eq(description.max_rpm, 16000);
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_LED, LED_PSU, &description),
                     0);
    ck_assert_str_eq(description.name, "PSU");
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_LED, 4, &description),
                     ERR_NOENT);
    ck_assert_int_eq(hwtree_reboot_cause(rig.tree), REBOOT_WATCHDOG);
    put("reboot-cause", "boredom\n");
    ck_assert_int_eq(hwtree_reboot_cause(rig.tree), REBOOT_POWER_LOSS);
    erase("reboot-cause");
    ck_assert_int_eq(hwtree_reboot_cause(rig.tree), REBOOT_POWER_LOSS);
}
END_TEST

START_TEST(fans_and_leds_are_set)
{
    described_open();
    ck_assert_int_eq(hwtree_fan_set(rig.tree, 2, 100), 0);
    ck_assert_int_eq(number("fan2/duty"), 100);
    ck_assert_int_eq(hwtree_fan_set(rig.tree, 2, 7), 0);
    ck_assert_int_eq(number("fan2/duty"), 7);
    ck_assert_int_eq(reading(HW_FAN, 2).secondary, 7);
    ck_assert_int_eq(hwtree_fan_set(rig.tree, 2, 101), ERR_RANGE);
    ck_assert_int_eq(hwtree_fan_set(rig.tree, 6, 50), ERR_NOENT);
    for (unsigned state = LED_OFF; state <= LED_BLUE_BLINK; state++) {
        ck_assert_int_eq(hwtree_led_set(rig.tree, LED_LOCATE, state), 0);
        ck_assert_int_eq(reading(HW_LED, LED_LOCATE).value, (int)state);
    }
    ck_assert_int_eq(hwtree_led_set(rig.tree, LED_COUNT, LED_RED), ERR_NOENT);
    ck_assert_int_eq(hwtree_led_set(rig.tree, 0, (enum led_state)9),
                     ERR_RANGE);
    ck_assert_int_eq(reading(HW_LED, LED_STATUS).value, LED_OFF);
}
END_TEST

START_TEST(changes_are_told)
{
    described_open();
    put("fan3/ok", "0\n");
    RUN_UNTIL(rig.changes == 1);
    ck_assert_int_eq(rig.last.kind, HW_FAN);
    ck_assert_uint_eq(rig.last.index, 3);
    ck_assert(reading(HW_FAN, 3).present && !reading(HW_FAN, 3).ok);
    put("optic7/present", "0");
    RUN_UNTIL(rig.changes == 2);
    ck_assert_int_eq(rig.last.kind, HW_OPTIC);
    ck_assert_uint_eq(rig.last.index, 7);
    /* Nothing else is asked of what is absent. */
    erase("optic7/rx_cdbm");
    ck_assert(!reading(HW_OPTIC, 7).present && !reading(HW_OPTIC, 7).ok);
    put("fan3/ok", "1\n");
    RUN_UNTIL(rig.changes == 3);
    ck_assert(reading(HW_FAN, 3).ok);
    /* Unreadable: noticed by the poll. */
    put("psu1/ok", "maybe\n");
    RUN_UNTIL(rig.changes == 4);
    ck_assert_int_eq(rig.last.kind, HW_PSU);
    ck_assert_int_eq(read_error(HW_PSU, 1), ERR_IO);
    put("psu1/ok", "1\n");
    RUN_UNTIL(rig.changes == 5);
    ck_assert_int_eq(read_error(HW_PSU, 1), 0);
}
END_TEST

START_TEST(changes_are_told_by_inotify)
{
    described_open();
    ck_assert_int_eq(uv_timer_stop(&rig.tree->poll), 0);
    put("psu1/present", "0\n");
    RUN_UNTIL(rig.changes == 1);
    /* Half-written, then whole: told once. */
    put("fan4/ok", "");
    put("temp3/ok", "0\n");
    RUN_UNTIL(rig.changes == 2);
    ck_assert_int_eq(rig.last.kind, HW_SENSOR);
    put("fan4/ok", "0\n");
    RUN_UNTIL(rig.changes == 3);
    ck_assert_int_eq(rig.last.kind, HW_FAN);
    ck_assert_uint_eq(rig.last.index, 4);
}
END_TEST

START_TEST(what_is_written_or_measured_is_no_change)
{
    described_open();
    ck_assert_int_eq(hwtree_fan_set(rig.tree, 0, 55), 0);
    put("temp0/input_mc", "70000\n");
    put("fan1/ok", "1\n");
    put("fan2/present", "0\n");
    /* Told in order: the other news would have come before. */
    RUN_UNTIL(rig.changes > 0);
    ck_assert_uint_eq(rig.changes, 1);
    ck_assert_uint_eq(rig.last.index, 2);
    ck_assert_int_eq(reading(HW_SENSOR, 0).value, 70000);
}
END_TEST

START_TEST(broken_files_are_errors)
{
    const char *broken[] = {"",
                            "\n",
                            "x",
                            "12x",
                            "1 2",
                            "--1",
                            "-",
                            "+1",
                            "0x10",
                            "1e3",
                            " 1",
                            "1\r",
                            "99999999999",
                            "9999999999999999999999999999999999999"};
    char text[400];

    described_open();
    for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        put("temp1/input_mc", broken[i]);
        ck_assert_int_eq(read_error(HW_SENSOR, 1), ERR_IO);
    }
    memset(text, '1', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    put("temp1/input_mc", text);
    ck_assert_int_eq(read_error(HW_SENSOR, 1), ERR_IO);
    memset(text + 1, ' ', sizeof(text) - 2);
    put("temp1/input_mc", text);
    ck_assert_int_eq(read_error(HW_SENSOR, 1), ERR_IO);
    put("temp1/input_mc", "-5000  \n");
    ck_assert_int_eq(reading(HW_SENSOR, 1).value, -5000);
    put("fan0/present", "2");
    ck_assert_int_eq(read_error(HW_FAN, 0), ERR_IO);
    put("fan1/duty", "101");
    ck_assert_int_eq(read_error(HW_FAN, 1), ERR_IO);
    put("led0/state", "purple\n");
    ck_assert_int_eq(read_error(HW_LED, 0), ERR_IO);
    erase("fan2/rpm");
    ck_assert_int_eq(read_error(HW_FAN, 2), ERR_IO);
}
END_TEST

START_TEST(broken_descriptions_are_errors)
{
    struct hw_description description = {.max_rpm = 77};
    char path[200];

    described_open();
    erase("temp0/high_mc");
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_SENSOR, 0, &description),
                     ERR_IO);
    put("temp1/name", "\033[2J");
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_SENSOR, 1, &description),
                     ERR_IO);
    put("fan0/max_rpm", "-1");
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_FAN, 0, &description),
                     ERR_IO);
    ck_assert_uint_eq(description.max_rpm, 77);
    put("temp1/name", "a name that is longer than a description\n");
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_SENSOR, 1, &description), 0);
    ck_assert_str_eq(description.name, "a name that is longer t");
    /* Neither a pipe nor a folder is waited for. */
    erase("fan0/rpm");
    snprintf(path, sizeof(path), "%s/fan0/rpm", rig.folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(read_error(HW_FAN, 0), ERR_IO);
    erase("fan0/rpm");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(read_error(HW_FAN, 0), ERR_IO);
}
END_TEST

START_TEST(a_tree_that_vanishes_is_unreadable)
{
    described_open();
    tree_unmake(rig.folder);
    ck_assert_int_eq(read_error(HW_FAN, 0), ERR_IO);
    ck_assert_int_eq(hwtree_fan_set(rig.tree, 0, 50), ERR_IO);
    RUN_UNTIL(rig.changes == 6 + 2 + 4 + 20);
}
END_TEST

START_TEST(missing_trees_are_refused)
{
    struct hwtree_options options = {.loop = &rig.loop,
                                     .described = "/nonexistent/tree"};
    char message[200] = "";

    ck_assert_int_eq(
        hwtree_open(&options, &rig.tree, message, sizeof(message)), ERR_NOENT);
    ck_assert_ptr_nonnull(strstr(message, "/nonexistent/tree"));
    ck_assert_ptr_null(rig.tree);
}
END_TEST

START_TEST(closed_from_inside)
{
    described_open();
    rig.close_inside = true;
    put("fan3/ok", "0\n");
    put("fan4/ok", "0\n");
    RUN_UNTIL(rig.changes > 0);
    rig.tree = NULL;
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(rig.changes, 1);
}
END_TEST

START_TEST(item_numbers_are_bounded)
{
    struct hwtree_options options = {.loop = &rig.loop,
                                     .described = rig.folder};
    struct tree_options many = {.leds = HWTREE_ITEMS_MAX};
    char message[200] = "";
    char path[200];

    ck_assert_int_eq(tree_make(rig.folder, &many), 0);
    snprintf(path, sizeof(path), "%s/led%u", rig.folder, HWTREE_ITEMS_MAX);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(
        hwtree_open(&options, &rig.tree, message, sizeof(message)), ERR_RANGE);
    ck_assert_int_eq(rmdir(path), 0);
    rig_open(true);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_LED), HWTREE_ITEMS_MAX);
    many.leds++;
    ck_assert_int_eq(tree_make(rig.folder, &many), ERR_RANGE);
}
END_TEST

/* ---- sysfs ---- */

static void
folders_make(const char *path)
{
    char line[200];

    snprintf(line, sizeof(line), "mkdir -p '%s/%s'", rig.folder, path);
    ck_assert_int_eq(system(line), 0);
}

struct content {
    const char *file;
    const char *text;
};

#define CPU "class/hwmon/hwmon0/"
#define BOARD "class/hwmon/hwmon3/"
#define SUPPLY "class/hwmon/hwmon10/"
#define LEDS "class/leds/"

static void
sysfs_make(void)
{
    static const char *const folders[] = {
        CPU,
        BOARD,
        SUPPLY,
        LEDS "box:green:status",
        LEDS "box:red:status",
        LEDS "locate",
        LEDS "capslock",
        "class/watchdog/watchdog0",
    };
    static const struct content contents[] = {
        {CPU "name", "coretemp\n"},
        {CPU "temp1_input", "51000\n"},
        {CPU "temp1_label", "Package id 0\n"},
        {CPU "temp1_crit", "100000\n"},
        {CPU "temp9_input", "52000\n"},
        {BOARD "name", "nct6775\n"},
        {BOARD "fan1_input", "5000\n"},
        {BOARD "fan1_max", "12000\n"},
        {BOARD "fan1_fault", "0\n"},
        {BOARD "pwm1", "128\n"},
        {BOARD "pwm1_enable", "2\n"},
        {BOARD "fan2_input", "5100\n"},
        {BOARD "fan2_alarm", "0\n"},
        {BOARD "temp1_input", "33000\n"},
        {BOARD "temp1_max", "65261850\n"},
        {BOARD "temp1_fault", "0\n"},
        {SUPPLY "name", "pfe1100\n"},
        {SUPPLY "power1_input", "212000000\n"},
        {SUPPLY "power1_label", "pin\n"},
        {SUPPLY "power2_input", "199500000\n"},
        {SUPPLY "power2_label", "pout1\n"},
        {SUPPLY "power2_alarm", "0\n"},
        {SUPPLY "in1_input", "230000\n"},
        {SUPPLY "in1_label", "vin\n"},
        {SUPPLY "fan1_input", "9000\n"},
        {LEDS "box:green:status/brightness", "0\n"},
        {LEDS "box:green:status/max_brightness", "255\n"},
        {LEDS "box:red:status/brightness", "0\n"},
        {LEDS "locate/brightness", "0\n"},
        {LEDS "locate/trigger", "none\n"},
        {"class/watchdog/watchdog0/bootstatus", "32\n"},
    };

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        folders_make(folders[i]);
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++)
        put(contents[i].file, contents[i].text);
}

START_TEST(sysfs_is_read)
{
    struct hw_description description;

    sysfs_make();
    rig_open(false);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_FAN), 2);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_PSU), 1);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_SENSOR), 3);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_OPTIC), 0);
    ck_assert_int_eq(reading(HW_FAN, 0).value, 5000);
    ck_assert_int_eq(reading(HW_FAN, 0).secondary, 50);
    ck_assert_int_eq(reading(HW_FAN, 1).value, 5100);
    ck_assert_int_eq(reading(HW_PSU, 0).value, 199);
    ck_assert(reading(HW_PSU, 0).ok);
    ck_assert_int_eq(reading(HW_SENSOR, 1).value, 52000);
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_SENSOR, 0, &description), 0);
    ck_assert_str_eq(description.name, "Package id 0");
    ck_assert_int_eq(description.high_mc, 90000);
    ck_assert_int_eq(description.critical_mc, 100000);
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_SENSOR, 2, &description), 0);
    ck_assert_str_eq(description.name, "TEMP 2");
    ck_assert_int_eq(description.high_mc, 85000);
    ck_assert_int_eq(description.critical_mc, 95000);
    ck_assert_int_eq(hwtree_describe(rig.tree, HW_FAN, 0, &description), 0);
    ck_assert_uint_eq(description.max_rpm, 12000);
    ck_assert_int_eq(hwtree_reboot_cause(rig.tree), REBOOT_WATCHDOG);
    put("class/watchdog/watchdog0/bootstatus", "1\n");
    ck_assert_int_eq(hwtree_reboot_cause(rig.tree), REBOOT_THERMAL);
}
END_TEST

START_TEST(sysfs_is_written)
{
    sysfs_make();
    rig_open(false);
    ck_assert_int_eq(hwtree_fan_set(rig.tree, 0, 100), 0);
    ck_assert_int_eq(number(BOARD "pwm1"), 255);
    ck_assert_int_eq(number(BOARD "pwm1_enable"), 1);
    ck_assert_uint_eq(hwtree_count(rig.tree, HW_LED), LED_COUNT);
    ck_assert_int_eq(hwtree_led_set(rig.tree, LED_STATUS, LED_GREEN), 0);
    ck_assert_int_eq(number(LEDS "box:green:status/brightness"), 255);
    ck_assert_int_eq(number(LEDS "box:red:status/brightness"), 0);
    ck_assert_int_eq(reading(HW_LED, LED_STATUS).value, LED_GREEN);
    ck_assert_int_eq(hwtree_led_set(rig.tree, LED_STATUS, LED_AMBER), 0);
    ck_assert_int_eq(number(LEDS "box:red:status/brightness"), 1);
    ck_assert_int_eq(hwtree_led_set(rig.tree, LED_PSU, LED_GREEN),
                     ERR_UNSUPPORTED);
    ck_assert_int_eq(hwtree_led_set(rig.tree, LED_LOCATE, LED_RED), 0);
    ck_assert_int_eq(number(LEDS "locate/brightness"), 1);
    ck_assert_int_eq(hwtree_led_set(rig.tree, LED_LOCATE, LED_OFF), 0);
    ck_assert_int_eq(number(LEDS "locate/brightness"), 0);
}
END_TEST

START_TEST(sysfs_changes_are_told)
{
    sysfs_make();
    rig_open(false);
    put(BOARD "fan2_alarm", "1\n");
    RUN_UNTIL(rig.changes == 1);
    ck_assert_int_eq(rig.last.kind, HW_FAN);
    ck_assert_uint_eq(rig.last.index, 1);
    put(SUPPLY "in1_input", "0\n");
    RUN_UNTIL(rig.changes == 2);
    ck_assert_int_eq(rig.last.kind, HW_PSU);
    ck_assert(!reading(HW_PSU, 0).ok);
    erase(CPU "temp9_input");
    RUN_UNTIL(rig.changes == 3);
    ck_assert_int_eq(rig.last.kind, HW_SENSOR);
    ck_assert_int_eq(read_error(HW_SENSOR, 1), ERR_IO);
}
END_TEST

START_TEST(a_machine_without_hwmon_has_nothing)
{
    rig_open(false);
    for (unsigned kind = 0; kind < HW_KIND_COUNT; kind++)
        ck_assert_uint_eq(hwtree_count(rig.tree, kind), 0);
    ck_assert_int_eq(hwtree_fan_set(rig.tree, 0, 50), ERR_NOENT);
    ck_assert_int_eq(hwtree_led_set(rig.tree, 0, LED_RED), ERR_NOENT);
    ck_assert_int_eq(hwtree_reboot_cause(rig.tree), REBOOT_POWER_LOSS);
}
END_TEST

/* ---- words ---- */

START_TEST(words_print_and_parse_back)
{
    enum led_state led;
    enum reboot_cause cause;

    for (unsigned state = LED_OFF; state <= LED_BLUE_BLINK; state++) {
        const char *word = parse_led_word(state);

        ck_assert_int_eq(parse_led(word, strlen(word), &led), 0);
        ck_assert_int_eq(led, state);
        ck_assert_int_eq(parse_led(word, strlen(word) - 1, &led), ERR_IO);
    }
    ck_assert_int_eq(parse_reboot_cause("service-budget\n", 15, &cause), 0);
    ck_assert_int_eq(cause, REBOOT_SERVICE_BUDGET);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("hwtree");
    TCase *tests = tcase_create("hwtree");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, rig_start, rig_stop);
    tcase_add_test(tests, a_described_tree_is_read);
    tcase_add_test(tests, fans_and_leds_are_set);
    tcase_add_test(tests, changes_are_told);
    tcase_add_test(tests, changes_are_told_by_inotify);
    tcase_add_test(tests, what_is_written_or_measured_is_no_change);
    tcase_add_test(tests, broken_files_are_errors);
    tcase_add_test(tests, broken_descriptions_are_errors);
    tcase_add_test(tests, a_tree_that_vanishes_is_unreadable);
    tcase_add_test(tests, missing_trees_are_refused);
    tcase_add_test(tests, closed_from_inside);
    tcase_add_test(tests, item_numbers_are_bounded);
    tcase_add_test(tests, sysfs_is_read);
    tcase_add_test(tests, sysfs_is_written);
    tcase_add_test(tests, sysfs_changes_are_told);
    tcase_add_test(tests, a_machine_without_hwmon_has_nothing);
    tcase_add_test(tests, words_print_and_parse_back);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
