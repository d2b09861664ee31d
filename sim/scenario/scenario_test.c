/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* fmemopen */

#include "sim/scenario/scenario_test.h"

#include "reference-nos/platform/trace.h"
#include "reference-nos/runtime/service_ids.h"

#include <stdlib.h>
#include <string.h>

static void
collect(struct reading *reading)
{
    char line[DIAG_TEXT_BYTES];
    size_t used = 0;

    reading->errors[0] = '\0';
    for (size_t i = 0; i < diag_kept(reading->diags); i++) {
        diag_format(reading->diags, i, line, sizeof(line));
        used += (size_t)snprintf(reading->errors + used,
                                 sizeof(reading->errors) - used, "%s%s",
                                 i == 0 ? "" : "\n", line);
        ck_assert(used < sizeof(reading->errors));
    }
}

void
reading_start(struct reading *reading, const char *text,
              const struct scenario_options *options)
{
    *reading = (struct reading){.diags = diag_create()};
    if (scenario_parse(reading->diags, "s.yaml", text, strlen(text), options,
                       &reading->scenario) == 0)
        ck_assert_uint_eq(diag_count(reading->diags), 0);
    else
        ck_assert_uint_ne(diag_count(reading->diags), 0);
    collect(reading);
}

void
reading_load(struct reading *reading, const char *path,
             const struct scenario_options *options)
{
    *reading = (struct reading){.diags = diag_create()};
    if (scenario_load(reading->diags, path, options, &reading->scenario) != 0)
        ck_assert_uint_ne(diag_count(reading->diags), 0);
    collect(reading);
}

void
reading_end(struct reading *reading)
{
    scenario_destroy(reading->scenario);
    diag_destroy(reading->diags);
}

/* The example that the documentation shows. */
static const char example[] =
    "format: 1\n"
    "scenario: controller-loss\n"
    "about: Pull the active controller; forwarding must not notice.\n"
    "params: { boxes: ddc-large }\n"
    "worlds: [des, ns3]\n"
    "cluster: { preset: $boxes, nos: reference }\n"
    "begins: converged\n"
    "seed: 7\n"
    "timeline:\n"
    "  - { at: 10s, fault: box.power-loss, target: \"role=ncc,active\", "
    "name: pull, for: 1m }\n"
    "  - { at: 40s, action: box.power-on, target: pull.target }\n"
    "  - { at: 1s, every: 10s, count: 3, fault: link.flap, duty: 25%, "
    "target: [\"link=ncp-3/fab-2\", \"link=mgmt-a/ncp-3\"] }\n"
    "expect:\n"
    "  - { that: \"ports.outage(unplanned) == 0s\" }\n"
    "  - { within: 5s, after: pull, that: \"cluster.controllers.active == 1\" "
    "}\n"
    "  - { over: seeds, that: \"p99(switchover.write-outage(pull)) < 1s\", "
    "confidence: 99% }\n"
    "ends: 60s\n";

START_TEST(test_example)
{
    const struct scenario_event *events;
    const struct scenario *scenario;
    struct reading reading;

    reading_start(&reading, example, NULL);
    ck_assert_str_eq(reading.errors, "");
    scenario = reading.scenario;
    ck_assert_str_eq(scenario->name, "controller-loss");
    ck_assert_uint_eq(scenario->worlds,
                      WORLD_BIT(WORLD_DES) | WORLD_BIT(WORLD_NS3));
    ck_assert_str_eq(scenario->cluster.preset, "ddc-large");
    ck_assert_uint_eq(scenario->cluster.boxes[ROLE_NCP], 48);
    ck_assert_uint_eq(scenario->cluster.boxes[ROLE_NCF], 13);
    ck_assert_uint_eq(scenario->cluster.boxes[ROLE_NCC], 2);
    ck_assert_uint_eq(scenario->cluster.fabric_links, 13);
    ck_assert_uint_eq(scenario->cluster.tombstone.ps, 1800 * PS_PER_S);
    ck_assert_uint_eq(scenario->seed, 7);
    ck_assert_uint_eq(scenario->probe.write_every.ps, 20 * PS_PER_MS);
    ck_assert_uint_eq(scenario->ends.ps, 60 * PS_PER_S);
    ck_assert_uint_eq(scenario->event_count, 3);
    events = scenario->events;
    ck_assert_int_eq(events[0].what->id, FAULT_BOX_POWER_LOSS);
    ck_assert_uint_eq(events[0].lasts.ps, 60 * PS_PER_S);
    ck_assert_uint_eq(events[0].targets.items[0].states,
                      1u << TARGET_STATE_ACTIVE);
    ck_assert_int_eq(events[1].targets.items[0].kind, TARGET_EVENT);
    ck_assert_uint_eq(events[1].targets.items[0].event, 0);
    ck_assert_uint_eq(events[2].count, 3);
    ck_assert_uint_eq(scenario_event_time(&events[2], 2).ps, 21 * PS_PER_S);
    ck_assert_uint_eq(scenario_event_value(&events[2], "duty")->number,
                      250000);
    ck_assert_uint_eq(scenario_event_value(&events[2], "period")->number,
                      PS_PER_S);
    ck_assert_int_eq(events[2].targets.items[0].kind, TARGET_FABRIC_LINK);
    ck_assert_int_eq(events[2].targets.items[1].kind, TARGET_MANAGEMENT_LINK);
    ck_assert_uint_eq(scenario->expect_count, 3);
    ck_assert_int_eq(scenario->expects[1].when, EXPECT_WITHIN);
    ck_assert_uint_eq(scenario->expects[1].after, 0);
    ck_assert_int_eq(scenario->expects[2].when, EXPECT_OVER_SEEDS);
    ck_assert_uint_eq(scenario->expects[2].confidence_ppm, 990000);
    reading_end(&reading);
}
END_TEST

START_TEST(test_set)
{
    static const char *const sets[] = {
        "params.boxes=ddc-small", "timeline.pull.at=11s", "timeline.1.at=41s",
        "ends=2m", "probe.write-every=5ms"};
    struct scenario_options options = {.sets = sets, .set_count = 5};
    struct reading reading;

    reading_start(&reading, example, &options);
    ck_assert_str_eq(reading.errors, "");
    ck_assert_str_eq(reading.scenario->cluster.preset, "ddc-small");
    ck_assert_uint_eq(reading.scenario->events[0].at.ps, 11 * PS_PER_S);
    ck_assert_uint_eq(reading.scenario->events[1].at.ps, 41 * PS_PER_S);
    ck_assert_uint_eq(reading.scenario->ends.ps, 120 * PS_PER_S);
    ck_assert_uint_eq(reading.scenario->probe.write_every.ps, 5 * PS_PER_MS);
    reading_end(&reading);
}
END_TEST

static const struct {
    const char *set;
    const char *expected;
} bad_sets[] = {
    {"params.bxes=x", "--set params.bxes=x: error: no parameter \"bxes\"; "
                      "expected boxes; did you mean \"boxes\"?"},
    {"params.boxes=ddc-smal",
     "s.yaml:6:20: error: unknown preset \"ddc-smal\"; expected one of "
     "ddc-small, ddc-medium, ddc-large, router; did you mean \"ddc-small\"?"},
    {"ends=soon", "--set ends=soon: error: \"soon\" is not a duration: "
                  "expected a number such as 50ms"},
    {"ends", "--set ends: error: expected path=value"},
    {"cluster=x", "--set cluster=x: error: it sets a single value, not a map"},
    {"timeline.9.at=1s",
     "--set timeline.9.at=1s: error: there is no \"9\" on the way"},
    {"end=1s",
     "--set end=1s: error: unknown key \"end\" in the scenario; expected one "
     "of format, scenario, about, params, uses, worlds, cluster, topology, "
     "network, begins, seed, probe, traffic, fidelity, capture, search, "
     "timeline, "
     "expect, compare, ends; did you mean "
     "\"ends\"?"},
};

START_TEST(test_bad_set)
{
    struct scenario_options options = {.sets = &bad_sets[_i].set,
                                       .set_count = 1};
    struct reading reading;

    reading_start(&reading, example, &options);
    ck_assert_str_eq(reading.errors, bad_sets[_i].expected);
    ck_assert_ptr_null(reading.scenario);
    reading_end(&reading);
}
END_TEST

/* Another folder's section: parsed by its own function. */
struct weather {
    bool rains;
};

START_TEST(test_rest_triggers_comparisons)
{
    const struct scenario *scenario;
    struct reading reading;
    char text[4096] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");

    reading_start(&reading,
                  "format: 1\nscenario: t\nabout: x\n"
                  "cluster: { preset: ddc-small }\n"
                  "timeline:\n"
                  "  - { at: 5s, fault: box.power-loss, target: ncp-0, name: "
                  "off }\n"
                  "  - { after: off, at: 2s, once: \"cluster.converged and "
                  "writes.acked > 3\", action: box.power-on, target: "
                  "off.target, name: on }\n"
                  "  - { after: on, every: 1s, count: 2, fault: box.restart, "
                  "target: on.target }\n"
                  "expect:\n  - { within: 20s, after: on, that: "
                  "\"join.time(ncp-0) < 1s\" }\n"
                  "compare:\n"
                  "  - { metric: switchover.write-outage(off), within: 20% }\n"
                  "  - { metric: boot.time, within: 100% }\n"
                  "ends: { settled: 10s, at-most: 90s }\n",
                  NULL);
    ck_assert_str_eq(reading.errors, "");
    scenario = reading.scenario;
    ck_assert_uint_eq(scenario->settled.ps, 10 * PS_PER_S);
    ck_assert_uint_eq(scenario->ends.ps, 90 * PS_PER_S);
    ck_assert_uint_eq(scenario->events[0].after, SCENARIO_NO_EVENT);
    ck_assert(!scenario_event_triggered(&scenario->events[0]));
    ck_assert_uint_eq(scenario->events[1].after, 0);
    ck_assert_uint_eq(scenario->events[1].once->count, 2);
    ck_assert_uint_eq(scenario->events[1].earliest.ps, 7 * PS_PER_S);
    ck_assert_uint_eq(scenario->events[2].earliest.ps, 8 * PS_PER_S);
    ck_assert_uint_eq(scenario_event_time(&scenario->events[2], 1).ps,
                      2 * PS_PER_S);
    ck_assert_uint_eq(scenario->compare_count, 2);
    ck_assert_uint_eq(scenario->compares[0].within_ppm, 200000);
    ck_assert_uint_eq(scenario->compares[0].ref.event, 0);
    ck_assert_uint_eq(scenario->compares[1].within_ppm, 1000000);
    scenario_describe(scenario, false, out);
    (void)fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "settled for 10s, at most 1.5m"));
    ck_assert_ptr_nonnull(strstr(text, "after off  once cluster.converged"));
    ck_assert_ptr_nonnull(strstr(text, "compare:\n  switchover.write-outage"));
    reading_end(&reading);
}
END_TEST

static int
parse_weather(struct schema_reader *reader, const struct scenario *scenario,
              const struct ynode *node, void **data)
{
    struct weather *weather = arena_alloc(reader->arena, sizeof(*weather));
    unsigned index;
    static const char *const words[] = {"sun", "rain", NULL};

    ck_assert_uint_eq(scenario->ends.ps, 60 * PS_PER_S);
    if (schema_word(reader, node, "weather", words, &index) != 0)
        return 1;
    weather->rains = index == 1;
    *data = weather;
    return 0;
}

static const struct scenario_section weather_section = {
    .key = "weather",
    .doc = "What it is like outside.",
    .parse = parse_weather,
};

static const char weather_file[] = "format: 1\n"
                                   "scenario: w\n"
                                   "about: x\n"
                                   "cluster: { preset: ddc-small }\n"
                                   "ends: 60s\n"
                                   "weather: %s\n";

static void
read_weather(struct reading *reading, const char *word,
             const struct scenario_options *options)
{
    char text[256];

    snprintf(text, sizeof(text), weather_file, word);
    reading_start(reading, text, options);
}

START_TEST(test_section)
{
    struct scenario_options options = {.sections = &weather_section,
                                       .section_count = 1};
    struct reading reading;

    read_weather(&reading, "rain", &options);
    ck_assert_str_eq(reading.errors, "");
    ck_assert(((const struct weather *)reading.scenario->sections[0])->rains);
    reading_end(&reading);
    read_weather(&reading, "snow", &options);
    ck_assert_str_eq(
        reading.errors,
        "s.yaml:6:10: error: unknown weather \"snow\"; expected one of sun, "
        "rain");
    reading_end(&reading);
    read_weather(&reading, "rain", NULL);
    ck_assert_ptr_nonnull(
        strstr(reading.errors,
               "s.yaml:6:1: error: unknown key \"weather\" in the scenario"));
    reading_end(&reading);
}
END_TEST

START_TEST(test_topology)
{
    struct reading reading;
    const struct scenario_node *nodes;

    reading_start(&reading,
                  "format: 1\n"
                  "scenario: t\n"
                  "about: x\n"
                  "topology:\n"
                  "  nodes:\n"
                  "    r1: { nos: reference, role: router }\n"
                  "    r2: { nos: frr }\n"
                  "  links:\n"
                  "    - { endpoints: [\"r1:eth1\", \"r2:eth1\"] }\n"
                  "ends: 1s\n",
                  NULL);
    ck_assert_str_eq(reading.errors, "");
    nodes = reading.scenario->topology.nodes.items;
    ck_assert_str_eq(nodes[1].name, "r2");
    ck_assert_str_eq(nodes[1].nos, "frr");
    ck_assert_uint_eq(reading.scenario->topology.links.count, 1);
    ck_assert_ptr_null(reading.scenario->cluster.node);
    reading_end(&reading);
}
END_TEST

START_TEST(test_parameters)
{
    struct reading reading;

    reading_start(&reading,
                  "format: 1\n"
                  "scenario: t\n"
                  "about: costs $$5, $5 or $n${n}s\n"
                  "params: { n: 4, m: $n }\n"
                  "cluster: { ncp: $m, ncf: 2 }\n"
                  "ends: ${n}s\n",
                  NULL);
    ck_assert_str_eq(reading.errors, "");
    ck_assert_str_eq(reading.scenario->about, "costs $5, $5 or 44s");
    ck_assert_uint_eq(reading.scenario->cluster.boxes[ROLE_NCP], 4);
    ck_assert_uint_eq(reading.scenario->ends.ps, 4 * PS_PER_S);
    reading_end(&reading);
}
END_TEST

/* A recorded schedule may be long. */
START_TEST(test_long_timeline)
{
    const size_t count = 100000;
    char *text = malloc(count * 8 + 512);
    size_t used;
    struct reading reading;

    used = (size_t)sprintf(
        text, "format: 1\nscenario: t\nabout: x\n"
              "cluster: { preset: ddc-small }\nends: 1h\n"
              "timeline:\n"
              "- &e { at: 1s, fault: box.restart, target: ncp-1 }\n");
    for (size_t i = 1; i < count; i++)
        used += (size_t)sprintf(text + used, "- *e\n");
    reading_start(&reading, text, NULL);
    free(text);
    ck_assert_str_eq(reading.errors, "");
    ck_assert_uint_eq(reading.scenario->event_count, count);
    reading_end(&reading);
}
END_TEST

/* Words of arguments stand for the NOS's own numbers. */
START_TEST(test_words_follow_the_nos)
{
    const char *const *alarms = metric_argument_words(ARGUMENT_ALARM);
    size_t i;

    for (i = 0; i < ALARM_COUNT; i++)
        ck_assert_str_eq(alarms[i], alarm_name((enum alarm_code)i));
    ck_assert_ptr_null(alarms[i]);
    for (i = 0; metric_argument_words(ARGUMENT_SERVICE)[i] != NULL; i++)
        continue;
    ck_assert_uint_eq(i, SVC_COUNT);
    ck_assert_str_eq(metric_argument_words(ARGUMENT_SERVICE)[SVC_STORE],
                     "store");
    ck_assert_str_eq(metric_argument_words(ARGUMENT_SERVICE)[SVC_OPERATOR],
                     "operator");
}
END_TEST

START_TEST(test_catalogue_is_whole)
{
    for (int i = 0; i < CATALOGUE_COUNT; i++) {
        const struct catalogue_entry *entry =
            catalogue_get((enum catalogue_id)i);

        ck_assert_int_eq(entry->id, i);
        ck_assert_ptr_nonnull(entry->doc);
        ck_assert_uint_ne(entry->worlds, 0);
        ck_assert_ptr_eq(
            catalogue_find(entry->name, catalogue_is_action(entry->id)),
            entry);
    }
    ck_assert_ptr_null(catalogue_find("box.power-on", false));
}
END_TEST

static TCase *
good_tests(void)
{
    TCase *tcase = tcase_create("good");

    tcase_add_test(tcase, test_example);
    tcase_add_test(tcase, test_rest_triggers_comparisons);
    tcase_add_test(tcase, test_set);
    tcase_add_loop_test(tcase, test_bad_set, 0, ARRAY_COUNT(bad_sets));
    tcase_add_test(tcase, test_section);
    tcase_add_test(tcase, test_topology);
    tcase_add_test(tcase, test_parameters);
    tcase_add_test(tcase, test_long_timeline);
    tcase_add_test(tcase, test_words_follow_the_nos);
    tcase_add_test(tcase, test_catalogue_is_whole);
    tcase_set_timeout(tcase, 60);
    return tcase;
}

int
main(void)
{
    Suite *suite = suite_create("sim/scenario");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, good_tests());
    suite_add_tcase(suite, bad_input_tests());
    suite_add_tcase(suite, files_tests());
    suite_add_tcase(suite, expr_tests());
    suite_add_tcase(suite, traffic_tests());
    suite_add_tcase(suite, traffic_file_tests());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
