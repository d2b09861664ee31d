/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "models/yaml/schema.h"
#include "models/yaml/words.h"
#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct arena *arena;
    struct diag_list *diags;
    struct ynode *root;
};

static struct fixture fx;

static void
setup(void)
{
    fx.arena = arena_create();
    fx.diags = diag_create();
    fx.root = NULL;
}

static void
teardown(void)
{
    diag_destroy(fx.diags);
    arena_destroy(fx.arena);
}

static int
parse(const char *text)
{
    return ytree_parse(fx.arena, fx.diags, "f.yaml", text, strlen(text), NULL,
                       &fx.root);
}

/* Every kept error, one a line. */
static const char *
errors(void)
{
    static char all[DIAG_KEPT_MAX * 256];
    char line[DIAG_TEXT_BYTES];
    size_t used = 0;

    all[0] = '\0';
    for (size_t i = 0; i < diag_kept(fx.diags); i++) {
        diag_format(fx.diags, i, line, sizeof(line));
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
                                 i == 0 ? "" : "\n", line);
    }
    return all;
}

START_TEST(test_marks)
{
    struct ynode *list;

    ck_assert_int_eq(parse("a: 1\nb:\n  - x\n  - \"q\"\n"), 0);
    ck_assert_int_eq(fx.root->kind, YNODE_MAP);
    ck_assert_uint_eq(fx.root->count, 2);
    list = ynode_get(fx.root, "b");
    ck_assert_ptr_nonnull(list);
    ck_assert_uint_eq(list->count, 2);
    ck_assert_uint_eq(list->items[1]->mark.line, 4);
    ck_assert_uint_eq(list->items[1]->mark.column, 5);
    ck_assert_str_eq(list->items[1]->text, "q");
    ck_assert(!list->items[1]->plain);
    ck_assert_uint_eq(ynode_mark_at(list->items[1], 0).column, 6);
    ck_assert_uint_eq(ynode_mark_at(list->items[0], 1).column, 6);
    ck_assert_ptr_null(ynode_get(fx.root, "c"));
    ck_assert_uint_eq(ynode_key(fx.root, "b")->mark.line, 2);
}
END_TEST

START_TEST(test_merge)
{
    const struct ynode *c;

    ck_assert_int_eq(parse("a: &a { x: 1, y: 2 }\n"
                           "b: &b { y: 3, z: 4 }\n"
                           "c: { z: 5, <<: [*a, *b] }\n"),
                     0);
    c = ynode_get(fx.root, "c");
    ck_assert_uint_eq(c->count, 3);
    ck_assert_str_eq(ynode_get(c, "x")->text, "1");
    ck_assert_str_eq(ynode_get(c, "y")->text, "2");
    ck_assert_str_eq(ynode_get(c, "z")->text, "5");
    ck_assert(ynode_get(c, "x")->anchored);
}
END_TEST

START_TEST(test_alias_has_its_own_mark)
{
    ck_assert_int_eq(parse("a: &a 7\nb: *a\n"), 0);
    ck_assert_uint_eq(ynode_get(fx.root, "b")->mark.line, 2);
    ck_assert_str_eq(ynode_get(fx.root, "b")->text, "7");
}
END_TEST

static const struct {
    const char *text;
    const char *expected;
} bad_files[] = {
    {"", "f.yaml:1:1: error: the file is empty"},
    {"# only a comment\n", "f.yaml:1:1: error: the file is empty"},
    {"a: 1\n---\nb: 2\n",
     "f.yaml:2:1: error: a second document starts here; a file holds one"},
    {"a: 1\nb: 2\na: 3\nb: 4\n",
     "f.yaml:3:1: error: duplicate key \"a\"; first given at line 1\n"
     "f.yaml:4:1: error: duplicate key \"b\"; first given at line 2"},
    {"a: [1, 2\nb: 3\n",
     "f.yaml:2:2: error: did not find expected ',' or ']' while parsing a "
     "flow sequence that starts at line 1"},
    {"a: \tb: c\n",
     "f.yaml:1:6: error: mapping values are not allowed in this context"},
    {"a: *b\n", "f.yaml:1:4: error: no anchor \"b\" before this alias"},
    {"a: &a [*a]\n",
     "f.yaml:1:8: error: this alias stands inside the value it refers to"},
    {"a: &a 1\nb: &a 2\n", "f.yaml:2:4: error: this anchor exists already"},
    {"a: !!int 1\n", "f.yaml:1:4: error: tags are not supported"},
    {"[a]: 1\n", "f.yaml:1:1: error: a key must be a scalar, not a list"},
    {"a: \"x\\0y\"\n",
     "f.yaml:1:4: error: a value must not contain a zero byte"},
    {"a: { <<: 7 }\n",
     "f.yaml:1:10: error: << merges a map or a list of maps, not a scalar"},
    {"ok: 1\nbad: \xff\n", "f.yaml:2:6: error: invalid leading UTF-8 octet"},
};

START_TEST(test_bad_file)
{
    ck_assert_int_eq(parse(bad_files[_i].text), ERR_INVALID);
    ck_assert_str_eq(errors(), bad_files[_i].expected);
    ck_assert_ptr_null(fx.root);
}
END_TEST

START_TEST(test_missing_file)
{
    ck_assert_int_eq(
        ytree_load(fx.arena, fx.diags, "no/such.yaml", NULL, &fx.root),
        ERR_IO);
    ck_assert_str_eq(errors(), "no/such.yaml: error: cannot be read: No such "
                               "file or directory");
}
END_TEST

START_TEST(test_folder_is_no_file)
{
    ck_assert_int_eq(ytree_load(fx.arena, fx.diags, "/tmp", NULL, &fx.root),
                     ERR_IO);
    ck_assert_str_eq(errors(), "/tmp: error: cannot be read: Is a directory");
}
END_TEST

/* Nine levels of nine-fold aliases load at once and would be walked for
 * ever. */
START_TEST(test_alias_bomb)
{
    char text[4096] = "l0: &l0 [x,x,x,x,x,x,x,x,x]\n";
    size_t used = strlen(text);

    for (int i = 1; i < 10; i++)
        used += (size_t)snprintf(
            text + used, sizeof(text) - used,
            "l%d: &l%d [*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d]\n", i, i,
            i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    ck_assert_int_eq(parse(text), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(errors(), "the file is too large"));
}
END_TEST

START_TEST(test_merge_bomb)
{
    size_t size = 1 << 19, used = 0;
    char *text = malloc(size + 64);

    used = (size_t)sprintf(text, "a: &a {");
    for (int i = 0; i < 20000; i++)
        used += (size_t)sprintf(text + used, "k%d: ,", i);
    used += (size_t)sprintf(text + used, "}\nb: {<<: [");
    while (used < size - 16)
        used += (size_t)sprintf(text + used, "*a,");
    sprintf(text + used, "]}\n");
    ck_assert_int_eq(parse(text), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(errors(), "the file is too large"));
    free(text);
}
END_TEST

static const char *const nests[] = {"[", "{a: ", "- ", "? "};

/* libyaml is quadratic in open brackets; a megabyte of them must not hurt. */
START_TEST(test_deep_nesting)
{
    size_t size = 1 << 20, used = 0;
    size_t unit = strlen(nests[_i]);
    char *text = malloc(size + 1);

    for (; used + unit <= size; used += unit)
        memcpy(text + used, nests[_i], unit);
    text[used] = '\0';
    ck_assert_int_eq(parse(text), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(errors(), "error: "));
    free(text);
}
END_TEST

START_TEST(test_nesting_names_the_place)
{
    char text[128];

    memset(text, '[', 65);
    memset(text + 65, ']', 65 - 3);
    text[127] = '\0';
    ck_assert_int_eq(parse(text), ERR_INVALID);
    ck_assert_str_eq(errors(),
                     "f.yaml:1:65: error: nested deeper than 64 levels");
}
END_TEST

START_TEST(test_too_large)
{
    struct ytree_limits limits = {10, 64, 100};

    ck_assert_int_eq(ytree_parse(fx.arena, fx.diags, "f.yaml", "a: 23456789",
                                 11, &limits, &fx.root),
                     ERR_INVALID);
    ck_assert_str_eq(errors(), "f.yaml: error: larger than 10 bytes");
}
END_TEST

/* A hundred thousand entries are a long timeline, not an attack. */
START_TEST(test_long_list_loads)
{
    size_t used = 0;
    char *text = malloc(1 << 20);

    for (int i = 0; i < 100000; i++)
        used += (size_t)sprintf(text + used, "- a: %d\n", i % 10);
    ck_assert_int_eq(parse(text), 0);
    ck_assert_uint_eq(fx.root->count, 100000);
    free(text);
}
END_TEST

static const struct {
    enum quantity_kind kind;
    const char *text;
    uint64_t value;
    const char *why; /* NULL: fine. */
} quantities[] = {
    {QUANTITY_DURATION, "10s", 10 * PS_PER_S, NULL},
    {QUANTITY_DURATION, "0s", 0, NULL},
    {QUANTITY_DURATION, "1.5ms", 1500 * PS_PER_US, NULL},
    {QUANTITY_DURATION, "1ps", 1, NULL},
    {QUANTITY_DURATION, "100d", DURATION_MAX_PS, NULL},
    {QUANTITY_DURATION, "007m", 420 * PS_PER_S, NULL},
    {QUANTITY_DURATION, "101d", 0, "\"101d\" is more than 100 days"},
    {QUANTITY_DURATION, "99999999999999999999999d", 0,
     "\"99999999999999999999999d\" is more than 100 days"},
    {QUANTITY_DURATION, "0.5ps", 0,
     "\"0.5ps\" is not a duration: finer than 1 ps"},
    {QUANTITY_DURATION, "10", 0,
     "\"10\" is not a duration: no unit; expected one of ps, ns, us, ms, s, "
     "m, h, d"},
    {QUANTITY_DURATION, "10 s", 0,
     "\"10 s\" is not a duration: unknown unit \" s\"; expected one of ps, "
     "ns, us, ms, s, m, h, d"},
    {QUANTITY_DURATION, "-1s", 0,
     "\"-1s\" is not a duration: no sign is allowed"},
    {QUANTITY_DURATION, "soon", 0,
     "\"soon\" is not a duration: expected a number such as 50ms"},
    {QUANTITY_DURATION, "1.s", 0,
     "\"1.s\" is not a duration: expected a number such as 50ms"},
    {QUANTITY_DURATION, "", 0,
     "\"\" is not a duration: expected a number such as 50ms"},
    {QUANTITY_OFFSET, "-5ms", 0 - 5 * PS_PER_MS, NULL},
    {QUANTITY_RATE, "400Gbps", UINT64_C(400000000000), NULL},
    {QUANTITY_RATE, "400gbps", 0,
     "\"400gbps\" is not a rate: unknown unit \"gbps\"; expected one of bps, "
     "kbps, Mbps, Gbps, Tbps"},
    {QUANTITY_BYTES, "1.5KiB", 1536, NULL},
    {QUANTITY_PERCENT, "0.1%", 1000, NULL},
    {QUANTITY_PERCENT, "100%", 1000000, NULL},
    {QUANTITY_PERCENT, "101%", 0, "\"101%\" is more than 100%"},
    {QUANTITY_RATIO, "99.9999%", 999999000, NULL},
    {QUANTITY_PPB, "-4.6ppm", 0 - UINT64_C(4600), NULL},
    {QUANTITY_COUNT, "18446744073709551615", UINT64_MAX, NULL},
    {QUANTITY_COUNT, "18446744073709551616", 0,
     "\"18446744073709551616\" is too large"},
    {QUANTITY_COUNT, "3s", 0, "\"3s\" is not a count: expected a bare number"},
    {QUANTITY_FACTOR, "2.5", 2500, NULL},
    {QUANTITY_LENGTH, "1.2km", 1200000, NULL},
    {QUANTITY_TEMPERATURE, "-40C", 0 - UINT64_C(40000), NULL},
    {QUANTITY_HOURS, "200kh", 200000, NULL},
};

START_TEST(test_quantity)
{
    uint64_t value = 42;
    char why[QUANTITY_WHY_BYTES] = "";
    int error = quantity_parse(quantities[_i].kind, quantities[_i].text,
                               &value, why, sizeof(why));

    if (quantities[_i].why != NULL) {
        ck_assert_int_ne(error, 0);
        ck_assert_str_eq(why, quantities[_i].why);
        ck_assert_uint_eq(value, 42);
        return;
    }
    ck_assert_int_eq(error, 0);
    ck_assert_uint_eq(value, quantities[_i].value);
}
END_TEST

static const struct {
    enum quantity_kind kind;
    uint64_t value;
    const char *text;
} formats[] = {
    {QUANTITY_DURATION, 0, "0s"},
    {QUANTITY_DURATION, 1500 * PS_PER_MS, "1.5s"},
    {QUANTITY_DURATION, 211 * PS_PER_MS, "211ms"},
    {QUANTITY_DURATION, 86400 * PS_PER_S, "1d"},
    {QUANTITY_DURATION, 60 * PS_PER_S, "1m"},
    {QUANTITY_DURATION, 61 * PS_PER_S, "61s"},
    {QUANTITY_DURATION, 1234567890123, "1234567890.123ns"},
    {QUANTITY_OFFSET, 0 - 5 * PS_PER_MS, "-5ms"},
    {QUANTITY_RATIO, 999999000, "99.9999%"},
    {QUANTITY_BYTES, 65536, "64KiB"},
    {QUANTITY_COUNT, 7, "7"},
    {QUANTITY_FACTOR, 2500, "2.5"},
};

/* What is printed reads back as the same value. */
START_TEST(test_quantity_format)
{
    char text[QUANTITY_TEXT_BYTES], why[QUANTITY_WHY_BYTES];
    uint64_t value;

    quantity_format(formats[_i].kind, formats[_i].value, text, sizeof(text));
    ck_assert_str_eq(text, formats[_i].text);
    ck_assert_int_eq(
        quantity_parse(formats[_i].kind, text, &value, why, sizeof(why)), 0);
    ck_assert_uint_eq(value, formats[_i].value);
}
END_TEST

START_TEST(test_words)
{
    static const char *const words[] = {"timeline", "expect", "ends", NULL};

    ck_assert_str_eq(words_closest(words_of(words), "tiemline"), "timeline");
    ck_assert_str_eq(words_closest(words_of(words), "end"), "ends");
    ck_assert_ptr_null(words_closest(words_of(words), "traffic"));
    ck_assert_uint_eq(words_distance("ab", "ba", 3), 1);
    ck_assert_uint_eq(words_distance("kitten", "sitting", 3), 3);
}
END_TEST

struct fan {
    const struct ynode *node;
    const char *key;
    uint64_t max_mw;
    const char *maker;
    unsigned colour;
    bool spare;
    uint32_t blades;
};

static const char *const colours[] = {"red", "green", NULL};
static const struct field fan_fields[] = {
    {.key = "power",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_POWER,
     FIELD_AT(struct fan, max_mw),
     .required = true,
     .doc = "At full speed."},
    {.key = "maker",
     .kind = FIELD_NAME,
     FIELD_AT(struct fan, maker),
     .fallback = "unknown",
     .doc = "Who made it."},
    {.key = "colour",
     .kind = FIELD_ENUM,
     FIELD_AT(struct fan, colour),
     .words = colours,
     .fallback = "green",
     .doc = "Of the case."},
    {.key = "spare",
     .kind = FIELD_BOOL,
     FIELD_AT(struct fan, spare),
     .doc = "Kept in a drawer."},
    {.key = "blades",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct fan, blades),
     .fallback = "5",
     .has_range = true,
     .min = 2,
     .max = 12,
     .doc = "How many."},
};
static const struct schema fan_schema =
    SCHEMA_KEYED(struct fan, "fan", "A fan.", fan_fields, node, key);

struct tray {
    const struct ynode *node;
    struct schema_list fans;
    struct fan first;
    struct schema_list labels;
};

static const struct field tray_fields[] = {
    {.key = "fans",
     .kind = FIELD_KEYED,
     .schema = &fan_schema,
     FIELD_AT(struct tray, fans),
     .doc = "By name."},
    {.key = "first",
     .kind = FIELD_MAP,
     .schema = &fan_schema,
     FIELD_AT(struct tray, first),
     .doc = "The one in front."},
    {.key = "labels",
     .kind = FIELD_TEXTS,
     FIELD_AT(struct tray, labels),
     .doc = "Stuck to it."},
};
static const struct schema tray_schema =
    SCHEMA(struct tray, "tray", "A tray of fans.", tray_fields, node);

static int
read_tray(const char *text, struct tray *tray)
{
    struct schema_reader reader = {.arena = fx.arena, .diags = fx.diags};

    *tray = (struct tray){0};
    ck_assert_int_eq(parse(text), 0);
    return schema_read(&reader, &tray_schema, fx.root, tray);
}

START_TEST(test_schema_fills_struct)
{
    const struct fan *fans;
    struct tray tray;

    ck_assert_int_eq(read_tray("fans:\n"
                               "  left: { power: 20W, colour: red }\n"
                               "  right: { power: 1.5kW, spare: true,\n"
                               "           maker: acme, blades: 7 }\n"
                               "labels: [a, b]\n",
                               &tray),
                     0);
    ck_assert_uint_eq(tray.fans.count, 2);
    fans = tray.fans.items;
    ck_assert_str_eq(fans[0].key, "left");
    ck_assert_uint_eq(fans[0].max_mw, 20000);
    ck_assert_uint_eq(fans[0].colour, 0);
    ck_assert_str_eq(fans[0].maker, "unknown");
    ck_assert_uint_eq(fans[0].blades, 5);
    ck_assert_str_eq(fans[1].maker, "acme");
    ck_assert_uint_eq(fans[1].blades, 7);
    ck_assert_uint_eq(fans[1].colour, 1);
    ck_assert(fans[1].spare);
    ck_assert_uint_eq(fans[1].node->mark.line, 3);
    ck_assert_uint_eq(tray.first.colour, 1); /* Default of a map not given. */
    ck_assert_str_eq(((const char *const *)tray.labels.items)[1], "b");
}
END_TEST

START_TEST(test_schema_reports_all)
{
    struct tray tray;

    ck_assert_int_eq(
        read_tray("fans:\n"
                  "  left: { powr: 20W, colour: gren }\n"
                  "  right: { power: 20, blades: 13, spare: no }\n"
                  "  back: 3\n"
                  "labels: x\n",
                  &tray),
        ERR_INVALID);
    ck_assert_str_eq(
        errors(),
        "f.yaml:2:11: error: unknown key \"powr\" in fan; expected one of "
        "power, maker, colour, spare, blades; did you mean \"power\"?\n"
        "f.yaml:2:30: error: unknown colour \"gren\"; expected one of red, "
        "green; did you mean \"green\"?\n"
        "f.yaml:2:9: error: fan lacks \"power\"\n"
        "f.yaml:3:19: error: \"20\" is not a power: no unit; expected one of "
        "mW, W, kW\n"
        "f.yaml:3:31: error: blades must lie between 2 and 12, not \"13\"\n"
        "f.yaml:3:42: error: unknown truth value \"no\"; expected one of "
        "false, true\n"
        "f.yaml:4:9: error: fan must be a map, not a scalar\n"
        "f.yaml:5:9: error: labels must be a list, not a scalar");
}
END_TEST

START_TEST(test_errors_are_bounded)
{
    char text[4096];
    size_t used = 0;
    struct tray tray;

    for (int i = 0; i < 100; i++)
        used += (size_t)sprintf(text + used, "k%d: 1\n", i);
    ck_assert_int_eq(read_tray(text, &tray), ERR_INVALID);
    ck_assert_uint_eq(diag_count(fx.diags), 100);
    ck_assert_uint_eq(diag_kept(fx.diags), DIAG_KEPT_MAX);
}
END_TEST

START_TEST(test_anchored_value_says_so)
{
    struct tray tray;

    ck_assert_int_eq(read_tray("fans:\n"
                               "  a: &a { power: 1W, colour: blue }\n"
                               "  b: *a\n",
                               &tray),
                     ERR_INVALID);
    ck_assert_ptr_nonnull(
        strstr(errors(), "f.yaml:2:30: error: unknown colour \"blue\"; "
                         "expected one of red, green (in an anchored value "
                         "that aliases use)"));
}
END_TEST

START_TEST(test_json_schema)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    struct json json;
    struct ynode *properties, *power;

    json_init(&json, out);
    schema_json(&json, &tray_schema, "urn:tray", true);
    fclose(out);
    /* JSON is YAML: our own reader checks it. */
    ck_assert_int_eq(parse(text), 0);
    free(text);
    properties = ynode_get(fx.root, "properties");
    power = ynode_get(
        ynode_get(ynode_get(ynode_get(properties, "first"), "properties"),
                  "power"),
        "pattern");
    ck_assert_ptr_nonnull(power);
    ck_assert_str_eq(power->text, "^([0-9]+(\\.[0-9]+)?(mW|W|kW)|\\$.*)$");
    ck_assert_str_eq(
        ynode_get(ynode_get(properties, "first"), "required")->items[0]->text,
        "power");
}
END_TEST

START_TEST(test_json_escapes)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    struct json json;

    json_init(&json, out);
    json_object(&json);
    json_member(&json, "a\"b", "x\\\n\x01\xff\xc3\xa4\xed\xa0\x80");
    json_end(&json);
    fclose(out);
    ck_assert_str_eq(text, "{\n  \"a\\\"b\": "
                           "\"x\\\\\\n\\u0001\\ufffd\xc3\xa4\\ufffd\\ufffd"
                           "\\ufffd\"\n}\n");
    free(text);
}
END_TEST

static Suite *
yaml_suite(void)
{
    Suite *suite = suite_create("models/yaml");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_marks);
    tcase_add_test(tcase, test_merge);
    tcase_add_test(tcase, test_alias_has_its_own_mark);
    tcase_add_loop_test(tcase, test_bad_file, 0, ARRAY_COUNT(bad_files));
    tcase_add_test(tcase, test_missing_file);
    tcase_add_test(tcase, test_folder_is_no_file);
    tcase_add_test(tcase, test_alias_bomb);
    tcase_add_test(tcase, test_merge_bomb);
    tcase_add_loop_test(tcase, test_deep_nesting, 0, ARRAY_COUNT(nests));
    tcase_add_test(tcase, test_nesting_names_the_place);
    tcase_add_test(tcase, test_too_large);
    tcase_add_test(tcase, test_long_list_loads);
    tcase_add_loop_test(tcase, test_quantity, 0, ARRAY_COUNT(quantities));
    tcase_add_loop_test(tcase, test_quantity_format, 0, ARRAY_COUNT(formats));
    tcase_add_test(tcase, test_words);
    tcase_add_test(tcase, test_schema_fills_struct);
    tcase_add_test(tcase, test_schema_reports_all);
    tcase_add_test(tcase, test_errors_are_bounded);
    tcase_add_test(tcase, test_anchored_value_says_so);
    tcase_add_test(tcase, test_json_schema);
    tcase_add_test(tcase, test_json_escapes);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(yaml_suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
