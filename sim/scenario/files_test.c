/* SPDX-License-Identifier: Apache-2.0
 *
 * Imports, and the files that the repository ships.
 */
#define _POSIX_C_SOURCE 200809L

#include "sim/scenario/scenario_priv.h"
#include "sim/scenario/scenario_test.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAIN                                                                  \
    "format: 1\nscenario: t\nabout: x\nends: 60s\n"                           \
    "cluster: { preset: ddc-small }\n"

static char folder[] = "/tmp/sixnines-test-XXXXXX";

static void
setup(void)
{
    strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(mkdir("lib", 0700), 0);
}

static void
teardown(void)
{
    static const char *const names[] = {"a.yaml", "lib/b.yaml", "lib/c.yaml"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        unlink(names[i]);
    rmdir("lib");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void
file(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");

    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
}

START_TEST(test_import)
{
    struct reading reading;

    file("lib/c.yaml", "expect: [{ that: \"writes.lost == 0\" }]\nseed: 3\n");
    file("lib/b.yaml", "uses: [c.yaml]\n"
                       "params: { n: 4, m: 2s }\n"
                       "timeline:\n"
                       "  - { at: $m, fault: box.restart, target: ncp-1 }\n");
    file("a.yaml", MAIN "uses: [lib/b.yaml, ./lib/c.yaml]\n"
                        "params: { m: 5s }\n"
                        "timeline:\n"
                        "  - { at: 1s, fault: box.restart, target: ncp-2 }\n"
                        "expect: [{ that: cluster.converged }]\n");
    reading_load(&reading, "a.yaml", NULL);
    ck_assert_str_eq(reading.errors, "");
    ck_assert_uint_eq(reading.scenario->seed, 3);
    ck_assert_uint_eq(reading.scenario->event_count, 2);
    ck_assert_uint_eq(reading.scenario->events[0].at.ps, 5 * PS_PER_S);
    ck_assert_uint_eq(reading.scenario->expect_count, 2);
    ck_assert_str_eq(reading.scenario->events[0].node->mark.file,
                     "lib/b.yaml");
    reading_end(&reading);
}
END_TEST

START_TEST(test_error_in_import_names_its_file)
{
    struct reading reading;

    file("lib/b.yaml", "timeline:\n"
                       "  - { at: 1s, fault: box.restart, target: ncp-9 }\n");
    file("a.yaml", MAIN "uses: [lib/b.yaml]\n");
    reading_load(&reading, "a.yaml", NULL);
    ck_assert_str_eq(reading.errors,
                     "lib/b.yaml:2:43: error: impossible target: there is no "
                     "ncp-9; they run from ncp-0 to ncp-3");
    reading_end(&reading);
}
END_TEST

START_TEST(test_import_cycle)
{
    struct reading reading;

    file("a.yaml", MAIN "uses: [lib/b.yaml]\n");
    file("lib/b.yaml", "uses: [c.yaml]\n");
    file("lib/c.yaml", "uses: [../a.yaml]\n");
    reading_load(&reading, "a.yaml", NULL);
    ck_assert_str_eq(reading.errors,
                     "lib/c.yaml:1:8: error: import cycle: a.yaml -> "
                     "lib/b.yaml -> lib/c.yaml -> a.yaml");
    reading_end(&reading);
}
END_TEST

static const struct {
    const char *uses;
    const char *expected;
} bad_imports[] = {
    {"[lib/no.yaml]", "a.yaml:6:8: error: import \"lib/no.yaml\" cannot be "
                      "read: No such file or directory"},
    {"[lib]", "a.yaml:6:8: error: import \"lib\" is no file"},
    {"[/etc/passwd]",
     "a.yaml:6:8: error: an import is a path relative to this file"},
    {"lib/b.yaml", "a.yaml:6:7: error: uses must be a list, not a scalar"},
    {"[a.yaml]", "a.yaml:6:8: error: import cycle: a.yaml -> a.yaml"},
};

START_TEST(test_bad_import)
{
    char text[256];
    struct reading reading;

    snprintf(text, sizeof(text), MAIN "uses: %s\n", bad_imports[_i].uses);
    file("a.yaml", text);
    reading_load(&reading, "a.yaml", NULL);
    ck_assert_str_eq(reading.errors, bad_imports[_i].expected);
    reading_end(&reading);
}
END_TEST

START_TEST(test_missing_file)
{
    struct reading reading;

    reading_load(&reading, "gone.yaml", NULL);
    ck_assert_str_eq(reading.errors, "gone.yaml: error: cannot be read: No "
                                     "such file or directory");
    reading_end(&reading);
}
END_TEST

/* `sixnines describe schema > scenarios/schema.json` mends this one. */
START_TEST(test_schema_is_up_to_date)
{
    FILE *kept = fopen(SIXNINES_SOURCE "/scenarios/schema.json", "r");
    FILE *made = tmpfile();
    int a, b;
    size_t line = 1;

    ck_assert_ptr_nonnull(kept);
    ck_assert_ptr_nonnull(made);
    scenario_schema_print(made, NULL, 0);
    rewind(made);
    do {
        a = fgetc(kept);
        b = fgetc(made);
        ck_assert_msg(a == b, "scenarios/schema.json differs at line %zu",
                      line);
        line += a == '\n';
    } while (a != EOF);
    fclose(kept);
    fclose(made);
}
END_TEST

static unsigned long
count_in(const struct ynode *preset, const char *key, unsigned long otherwise)
{
    const struct ynode *node = ynode_get(preset, key);

    return node == NULL ? otherwise : strtoul(node->text, NULL, 10);
}

/* The presets' sizes are checked before a run, so the reader knows them. */
START_TEST(test_presets_follow_the_models)
{
    struct arena *arena = arena_create();
    struct diag_list *diags = diag_create();
    struct ynode *root, *presets;

    ck_assert_int_eq(ytree_load(arena, diags,
                                SIXNINES_SOURCE "/models/data/clusters.yaml",
                                NULL, &root),
                     0);
    presets = ynode_get(root, "presets");
    for (size_t i = 0; preset_names[i] != NULL; i++) {
        const struct preset *preset = preset_find(preset_names[i]);
        const struct ynode *data = ynode_get(presets, preset->name);

        ck_assert_ptr_nonnull(data);
        ck_assert_uint_eq(preset->ncp, count_in(data, "ncp", 0));
        ck_assert_uint_eq(preset->ncf, count_in(data, "ncf", 0));
        ck_assert_uint_eq(preset->ncc, count_in(data, "ncc", 2));
        ck_assert_uint_eq(preset->ncm, count_in(data, "ncm", 2));
    }
    diag_destroy(diags);
    arena_destroy(arena);
}
END_TEST

static void
check_shipped(const char *path)
{
    char first[128] = "";
    FILE *in = fopen(path, "r");
    struct reading reading;

    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(fgets(first, sizeof(first), in));
    fclose(in);
    ck_assert_msg(
        strcmp(first, "# yaml-language-server: $schema=../schema.json\n") == 0,
        "%s does not begin with its schema", path);
    reading_load(&reading, path, NULL);
    ck_assert_str_eq(reading.errors, "");
    ck_assert_uint_gt(reading.scenario->expect_count, 3);
    ck_assert_uint_gt(strlen(reading.scenario->about), 100);
    reading_end(&reading);
}

START_TEST(test_shipped_scenarios)
{
    static const char *const folders[] = {"scale", "failover", "modules",
                                          "soak"};
    char pattern[512];
    size_t count = 0;
    glob_t found;

    for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
        snprintf(pattern, sizeof(pattern),
                 SIXNINES_SOURCE "/scenarios/%s/*.yaml", folders[i]);
        ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
        for (size_t j = 0; j < found.gl_pathc; j++)
            check_shipped(found.gl_pathv[j]);
        count += found.gl_pathc;
        globfree(&found);
    }
    ck_assert_uint_ge(count, 18);
}
END_TEST

START_TEST(test_descriptions_print)
{
    FILE *out = tmpfile();
    struct reading reading;

    scenario_describe_catalogue(false, true, out);
    scenario_describe_catalogue(true, false, out);
    scenario_describe_metrics(true, out);
    scenario_describe_metrics(false, out);
    reading_load(&reading,
                 SIXNINES_SOURCE "/scenarios/failover/controller-loss.yaml",
                 NULL);
    scenario_describe(reading.scenario, true, out);
    scenario_describe(reading.scenario, false, out);
    ck_assert_int_gt(ftell(out), 10000);
    reading_end(&reading);
    fclose(out);
}
END_TEST

TCase *
files_tests(void)
{
    TCase *tcase = tcase_create("files");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_import);
    tcase_add_test(tcase, test_error_in_import_names_its_file);
    tcase_add_test(tcase, test_import_cycle);
    tcase_add_loop_test(tcase, test_bad_import, 0, ARRAY_COUNT(bad_imports));
    tcase_add_test(tcase, test_missing_file);
    tcase_add_test(tcase, test_schema_is_up_to_date);
    tcase_add_test(tcase, test_presets_follow_the_models);
    tcase_add_test(tcase, test_shipped_scenarios);
    tcase_add_test(tcase, test_descriptions_print);
    tcase_set_timeout(tcase, 60);
    return tcase;
}
