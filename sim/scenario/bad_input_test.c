/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong, where, and what the message says.
 */
#include "sim/scenario/scenario_test.h"

#include <stdlib.h>
#include <string.h>

/* Lines 1-5; what a case adds starts at line 6, or inside. */
/* Without a cluster. */
#define PLAIN "format: 1\nscenario: a\nabout: b\n"
#define QUEUES                                                                \
    "network: { leaf-spine: { leaves: 2, spines: 1, hosts: 2, rate: 1Gbps, "  \
    "buffer: 8 } }\n"
#define OFFERED(from)                                                         \
    "traffic: [{ name: all, from: " from ", load: 10% }]\nends: 1s\n"

#define HEAD                                                                  \
    "format: 1\n"                                                             \
    "scenario: t\n"                                                           \
    "about: x\n"                                                              \
    "cluster: { preset: ddc-small }\n"                                        \
    "ends: 60s\n"
#define LINE(event) HEAD "timeline:\n  - { " event " }\n"
#define TWO(first, second)                                                    \
    HEAD "timeline:\n  - { " first " }\n  - { " second " }\n"
#define THAT(that) HEAD "expect:\n  - { that: \"" that "\" }\n"
#define CLUSTER(cluster)                                                      \
    "format: 1\nscenario: t\nabout: x\nends: 60s\ncluster: { " cluster " }\n"
#define TARGET(target)                                                        \
    LINE("at: 1s, fault: box.restart, target: \"" target "\"")

#define EVENT_KEYS                                                            \
    "at, after, once, every, until, count, for, fault, action, target, name"

static const struct {
    const char *text;
    const char *expected;
} cases[] = {
    /* Ends at rest, triggers, comparisons. */
    {"format: 1\nscenario: t\nabout: x\ncluster: { preset: ddc-small }\n"
     "ends: { settled: 5s }\n",
     "s.yaml:5:7: error: ends lacks \"at-most\""},
    {"format: 1\nscenario: t\nabout: x\ncluster: { preset: ddc-small }\n"
     "ends: { settled: 0s, at-most: 1m }\n",
     "s.yaml:5:18: error: settled must lie between 1ps and 100d, not \"0s\""},
    {"format: 1\nscenario: t\nabout: x\ncluster: { preset: ddc-small }\n"
     "ends: { settled: 1s, at-most: 10s }\n"
     "timeline:\n  - { at: 11s, fault: box.restart, target: ncp-0 }\n",
     "s.yaml:7:11: error: at: 11s lies after the end of the scenario (ends: "
     "10s)"},
    {TWO("at: 1s, fault: box.restart, target: ncp-0, name: a",
         "after: b, fault: box.restart, target: ncp-0"),
     "s.yaml:8:14: error: unknown event \"b\"; expected a"},
    {TWO("after: b, fault: box.restart, target: ncp-0",
         "at: 1s, fault: box.restart, target: ncp-0, name: b"),
     "s.yaml:7:14: error: event \"b\" does not stand further up"},
    {TWO("at: 40s, fault: box.restart, target: ncp-0, name: a",
         "after: a, at: 21s, fault: box.restart, target: ncp-0"),
     "s.yaml:8:21: error: at: 61s lies after the end of the scenario (ends: "
     "1m)"},
    {LINE("once: \"cluster.convergd\", fault: box.restart, target: ncp-0"),
     "s.yaml:7:14: error: unknown metric \"cluster.convergd\""},
    {LINE("once: cluster.converged, every: 1s, until: 9s, fault: "
          "box.restart, target: ncp-0"),
     "s.yaml:7:5: error: \"until\" does not go with \"after\" or \"once\""},
    {HEAD "timeline:\n"
          "  - { at: 1s, fault: box.restart, target: ncp-0, name: a }\n"
          "  - { after: a, at: 1s, fault: box.restart, target: ncp-1, name: b "
          "}\n"
          "  - { at: 50s, fault: box.restart, target: b.target }\n",
     "s.yaml:9:44: error: event \"b\" does not come earlier"},
    {PLAIN QUEUES "ends: 1s\n",
     "s.yaml:4:10: error: a network of queues has one block of traffic"},
    {PLAIN QUEUES
     "cluster: { preset: ddc-small, nos: reference }\n" OFFERED("host-*"),
     "s.yaml:5:10: error: a network of queues has no cluster"},
    {PLAIN QUEUES OFFERED("host-0..4"),
     "s.yaml:5:30: error: impossible hosts: \"host-0..4\"; they run from "
     "host-0 to host-3"},
    {PLAIN QUEUES OFFERED("ncp-0/1"),
     "s.yaml:5:30: error: \"ncp-0/1\" are no hosts; write them as host-3, "
     "host-0..9 or host-*"},
    {PLAIN "network: {}\n" OFFERED("host-*"),
     "s.yaml:4:10: error: network lacks \"leaf-spine\""},
    {HEAD "compare:\n  - { metric: boot.time }\n",
     "s.yaml:7:5: error: a comparison lacks \"within\""},
    {HEAD "compare:\n  - { metric: switchover.count, within: 20% }\n",
     "s.yaml:7:15: error: \"switchover.count\" is no duration; only durations "
     "and traffic are compared"},
    {HEAD "compare:\n  - { metric: boot.time == 1s, within: 20% }\n",
     "s.yaml:7:25: error: expected the end of the metric"},

    /* The file as a whole. */
    {"", "s.yaml:1:1: error: the file is empty"},
    {"- a\n", "s.yaml:1:1: error: a scenario must be a map, not a list"},
    {HEAD "---\na: 1\n",
     "s.yaml:6:1: error: a second document starts here; a file holds one"},
    {HEAD "seed: 1\nseed: 2\n",
     "s.yaml:7:1: error: duplicate key \"seed\"; first given at line 6"},
    {HEAD "tiemline: []\n",
     "s.yaml:6:1: error: unknown key \"tiemline\" in the scenario; expected "
     "one of format, scenario, about, params, uses, worlds, cluster, "
     "topology, network, begins, seed, probe, traffic, fidelity, capture, "
     "search, "
     "timeline, expect, compare, ends; did you "
     "mean "
     "\"timeline\"?"},
    {"format: 2\nscenario: t\nabout: x\ncluster: { preset: ddc-small }\n"
     "ends: 1s\n",
     "s.yaml:1:9: error: format 2 is unknown; this build reads format 1"},
    {"format: 1\nscenario: t\n",
     "s.yaml:1:1: error: the scenario lacks \"about\"\n"
     "s.yaml:1:1: error: the scenario lacks \"ends\"\n"
     "s.yaml:1:1: error: a scenario needs a cluster or a topology"},
    {"format: 1\nscenario: \"a b\"\nabout: x\nends: 1s\n"
     "cluster: { preset: ddc-small }\n",
     "s.yaml:2:11: error: \"a b\" is not a name; use letters, digits, \"-\", "
     "\"_\" and \".\""},
    {HEAD "seed: -1\n",
     "s.yaml:6:7: error: \"-1\" is not a count: no sign is allowed"},
    {HEAD "begins: cold\n",
     "s.yaml:6:9: error: unknown begins \"cold\"; expected one of converged, "
     "power-on"},
    {HEAD "worlds: [des, mars]\n",
     "s.yaml:6:15: error: unknown world \"mars\"; expected one of des, ns3, "
     "netns, mininet, hardware"},
    {HEAD "probe: { write-every: 20 }\n",
     "s.yaml:6:23: error: \"20\" is not a duration: no unit; expected one of "
     "ps, ns, us, ms, s, m, h, d"},
    {"format: 1\nscenario: t\nabout: x\ncluster: { preset: ddc-small }\n"
     "ends: 101d\n",
     "s.yaml:5:7: error: \"101d\" is more than 100 days"},
    {"format: 1\nscenario: t\nabout: x\ncluster: { preset: ddc-small }\n"
     "ends: 0s\n",
     "s.yaml:5:7: error: ends must lie between 1ps and 100d, not \"0s\""},
    {HEAD "seed: $sed\nparams: { seed: 3 }\n",
     "s.yaml:6:7: error: no parameter \"sed\"; expected seed; did you mean "
     "\"seed\"?"},
    {HEAD "params: { a: [1] }\n",
     "s.yaml:6:14: error: a parameter must be a scalar, not a list"},

    {HEAD "params: { a.b: 1 }\n",
     "s.yaml:6:11: error: \"a.b\" cannot name a parameter; use letters, "
     "digits, \"-\" and \"_\""},

    /* The cluster. */
    {CLUSTER("preset: ddc-huge"),
     "s.yaml:5:20: error: unknown preset \"ddc-huge\"; expected one of "
     "ddc-small, ddc-medium, ddc-large, router; did you mean \"ddc-large\"?"},
    {CLUSTER("preset: router, spares: { ncp: 1 }"),
     "s.yaml:5:36: error: spares: preset router is one box that stands alone"},
    {CLUSTER("preset: router, ncp: 1"),
     "s.yaml:5:33: error: ncp: 1 contradicts preset router, which has 0; "
     "give the preset or the counts"},
    {CLUSTER("preset: ddc-small, ncp: 8"),
     "s.yaml:5:36: error: ncp: 8 contradicts preset ddc-small, which has 4; "
     "give the preset or the counts"},
    {CLUSTER("ncp: 8"),
     "s.yaml:5:10: error: a cluster needs a preset, or both ncp and ncf"},
    {CLUSTER("ncp: 0, ncf: 1"),
     "s.yaml:5:17: error: ncp must lie between 1 and 192, not \"0\""},
    {CLUSTER("preset: ddc-small, pools: { ncp: 3 }"),
     "s.yaml:5:45: error: a pool of 3 numbers is too small for the cluster's "
     "4 ncp boxes"},
    {CLUSTER("ncp: 192, ncf: 48, spares: { ncp: 128 }"),
     "s.yaml:5:10: error: 372 boxes, spares included, are more than 320"},
    {CLUSTER("preset: ddc-small, tombstone: 1500ms"),
     "s.yaml:5:42: error: a tombstone lasts whole seconds"},
    {CLUSTER("preset: ddc-small") "topology: { nodes: {} }\n",
     "s.yaml:6:11: error: a scenario has a cluster or a topology, not both"},

    /* Events. */
    {HEAD "timeline: soon\n",
     "s.yaml:6:11: error: timeline must be a list, not a scalar"},
    {LINE("at: 1s"), "s.yaml:7:5: error: an event needs a fault or an action"},
    {LINE("at: 1s, fault: box.restart, action: box.power-on"),
     "s.yaml:7:5: error: an event is a fault or an action, not both"},
    {LINE("at: 1s, fault: box.power-on, target: ncp-1"),
     "s.yaml:7:22: error: \"box.power-on\" is an action; write action: "
     "box.power-on"},
    {LINE("at: 1s, action: box.swop, target: [ncp-1, ncp-2]"),
     "s.yaml:7:23: error: unknown action \"box.swop\"; expected one of "
     "box.power-on, controller.switchover, module.drain, module.undrain, "
     "module.replace, module.remove, box.swap, box.add, identity.renew, "
     "cable.swap, route.change, random-faults; did you mean \"box.swap\"?"},
    {LINE("at: 1s, fault: service.slow, target: \"service=store,ncc-0\""),
     "s.yaml:7:5: error: service.slow lacks \"factor\""},
    {LINE("at: 1s, fault: service.slow, target: \"service=store,ncc-0\", "
          "fcator: 3, factor: 2"),
     "s.yaml:7:67: error: unknown key \"fcator\" for service.slow; expected "
     "one of factor, " EVENT_KEYS "; did you mean \"factor\"?"},
    {LINE("at: 1s, fault: service.slow, target: \"service=store,ncc-0\", "
          "factor: 0.5"),
     "s.yaml:7:75: error: factor must lie between 1 and 1000000, not "
     "\"0.5\""},
    {LINE("at: 10, fault: box.restart, target: ncp-1"),
     "s.yaml:7:11: error: \"10\" is not a duration: no unit; expected one of "
     "ps, ns, us, ms, s, m, h, d"},
    {LINE("at: 70s, fault: box.restart, target: ncp-1"),
     "s.yaml:7:11: error: at: 70s lies after the end of the scenario (ends: "
     "1m)"},
    {LINE("every: 1s, until: 2m, fault: box.restart, target: ncp-1"),
     "s.yaml:7:25: error: until: 2m lies after the end of the scenario "
     "(ends: 1m)"},
    {LINE("every: 0s, fault: box.restart, target: ncp-1"),
     "s.yaml:7:14: error: every: 0s would never end"},
    {LINE("every: 1us, fault: box.restart, target: ncp-1"),
     "s.yaml:7:14: error: this repeats more than 10000000 times"},
    {LINE("at: 1s, count: 3, fault: box.restart, target: ncp-1"),
     "s.yaml:7:22: error: \"count\" needs \"every\""},
    {LINE("fault: box.restart, target: ncp-1"),
     "s.yaml:7:5: error: an event needs \"at\" or \"every\""},
    {LINE("at: 1s, for: 3s, fault: box.restart, target: ncp-1"),
     "s.yaml:7:20: error: box.restart does not last, so it takes no \"for\""},
    {LINE("at: 1s, fault: box.restart"),
     "s.yaml:7:5: error: box.restart needs a target"},
    {LINE("at: 1s, fault: partition.heal, target: ncp-1"),
     "s.yaml:7:46: error: partition.heal takes no target"},
    {LINE("at: 1s, action: box.swap, target: [ncp-1]"),
     "s.yaml:7:41: error: box.swap needs a list of 2 targets"},
    {LINE("at: 1s, action: box.swap, target: [ncp-1, ncp-2, ncp-3]"),
     "s.yaml:7:41: error: box.swap takes at most 2 targets"},
    {LINE("at: 1s, action: box.add, boxes: 3"),
     "s.yaml:7:39: error: impossible target: box.add needs 3 spare ncp "
     "boxes, the cluster has 0; set cluster.spares.ncp"},
    {TWO("at: 1s, fault: box.restart, target: ncp-1, name: a",
         "at: 2s, fault: box.restart, target: ncp-1, name: a"),
     "s.yaml:8:56: error: event \"a\" exists already, at line 7"},
    {LINE("at: 1s, action: random-faults, kinds: [box.restart, box.burn]"),
     "s.yaml:7:59: error: unknown fault \"box.burn\"; expected one of "
     "box.power-loss, box.restart, service.kill, service.hang, link.down, "
     "link.loss, disk.stall, psu.fail, fan.fail"},
    {LINE("at: 1s, action: random-faults, kinds: []"),
     "s.yaml:7:45: error: at least one fault is needed"},
    {LINE("at: 1s, action: random-faults, target: ncp-1"),
     "s.yaml:7:46: error: random-faults takes no target"},
    {TWO("at: 1s, action: random-faults", "at: 2s, action: random-faults"),
     "s.yaml:8:5: error: random-faults is in the timeline already, at line "
     "7"},
    {LINE("at: 1s, action: random-faults, kinds: [partition]"),
     "s.yaml:7:46: error: unknown field rate of \"partition\"; expected "
     "one of box.power-loss, box.restart, service.kill, service.hang, "
     "link.down, link.loss, disk.stall, psu.fail, fan.fail"},
    {LINE("at: 1s, fault: link.loss, rate: 101%, target: "
          "\"link=mgmt-a/ncp-1\""),
     "s.yaml:7:39: error: \"101%\" is more than 100%"},
    {LINE("at: 1s, fault: sensor.fail, value: hot, target: ncp-1"),
     "s.yaml:7:42: error: \"hot\" is not a temperature: expected a number "
     "such as 45C"},
    {LINE("at: 1s, action: module.replace, target: ncp-1, serial: "
          "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
     "s.yaml:7:62: error: a serial has 1 to 23 characters"},

    /* Targets. */
    {TARGET("ncp-4"), "s.yaml:7:44: error: impossible target: there is no "
                      "ncp-4; they run from ncp-0 to ncp-3"},
    {TARGET("role=ncp,number=9"),
     "s.yaml:7:44: error: impossible target: there is no ncp-9; they run from "
     "ncp-0 to ncp-3"},
    {TARGET("role=nccp"),
     "s.yaml:7:49: error: unknown role \"nccp\"; expected one of ncc, ncp, "
     "ncf, ncm; did you mean \"ncc\"?"},
    {TARGET("role=ncc,actve"),
     "s.yaml:7:53: error: unknown target \"actve\"; expected one of active, "
     "standby, leader, joined, forwarding, headless, drained, on, off; did "
     "you mean \"active\"?"},
    {TARGET("role=ncp,active"),
     "s.yaml:7:44: error: impossible target: only ncc boxes are active or "
     "standby"},
    {TARGET("ncp"), "s.yaml:7:44: error: \"ncp\" is a role; write role=ncp, "
                    "or ncp-0 for one box"},
    {TARGET(""), "s.yaml:7:44: error: a target is missing"},
    {TARGET("random 5 role=ncp"),
     "s.yaml:7:44: error: impossible target: 5 of 4 ncp boxes cannot be "
     "drawn"},
    {TARGET("plane=a"), "s.yaml:7:44: error: impossible target: box.restart "
                        "hits boxes, not a management plane"},
    {TARGET("service=stoer,ncc-0"),
     "s.yaml:7:52: error: unknown service \"stoer\"; expected one of bus, "
     "store, member, cluster, hardware, fabric, operator, rib, fib; did you "
     "mean \"store\"?"},
    {TARGET("pul.target"), "s.yaml:7:44: error: unknown event \"pul\""},
    {LINE("at: 1s, fault: link.down, target: \"link=ncp-1/fab-13\""),
     "s.yaml:7:53: error: impossible target: ncp-1 has no fab-13; its fabric "
     "ports run from fab-0 to fab-12"},
    {LINE("at: 1s, fault: link.down, target: \"link=ncp-1\""),
     "s.yaml:7:47: error: a link is written as ncp-3/fab-2 or as "
     "mgmt-a/ncp-3"},
    {TWO("at: 9s, fault: box.restart, target: ncp-1, name: late",
         "at: 2s, fault: box.restart, target: late.target"),
     "s.yaml:8:43: error: event \"late\" does not come earlier"},
    {TWO("at: 1s, fault: plane.down, target: \"plane=a\", name: early",
         "at: 2s, fault: box.restart, target: early.target"),
     "s.yaml:8:43: error: impossible target: box.restart cannot hit what "
     "plane.down hits"},

    /* Expectations. */
    {THAT("ports.outge == 0s"), "s.yaml:7:14: error: unknown metric"},
    {THAT("ports.outage == 0"),
     "s.yaml:7:30: error: \"0\" is not a duration: no unit; expected one of "
     "ps, ns, us, ms, s, m, h, d"},
    {THAT("modules.renumbered == 0s"),
     "s.yaml:7:36: error: \"0s\" is not a count: expected a bare number"},
    {THAT("ports.outage(sometimes) == 0s"),
     "s.yaml:7:27: error: unknown cause \"sometimes\"; expected one of all, "
     "planned, unplanned"},
    {THAT("ports.outage"), "s.yaml:7:26: error: \"ports.outage\" needs a "
                           "comparison, such as == 0s"},
    {THAT("cluster.converged == 1"),
     "s.yaml:7:32: error: \"cluster.converged\" is a predicate and stands "
     "alone"},
    {THAT("ports.outage = 0s"),
     "s.yaml:7:27: error: expected one of ==, !=, <, <=, >, >= here"},
    {THAT("switchover.write-outage < 1s"),
     "s.yaml:7:37: error: \"switchover.write-outage\" needs its event in "
     "brackets"},
    {THAT("switchover.detect(pull) < 1s"),
     "s.yaml:7:32: error: unknown event \"pull\""},
    {THAT("writes.lost(x) == 0"),
     "s.yaml:7:26: error: \"writes.lost\" takes no argument"},
    {THAT("ports.outage(all == 0s"),
     "s.yaml:7:26: error: no \")\" closes this bracket"},
    {THAT("writes.lost == 0 or x"),
     "s.yaml:7:31: error: expected \"and\" or the end"},
    {THAT("p99(ports.outage) < 1s"),
     "s.yaml:7:14: error: \"p99\" looks at many runs; add over: seeds"},
    {THAT("fan.speed(ncp-77) > 1%"),
     "s.yaml:7:24: error: impossible target: there is no ncp-77; they run "
     "from ncp-0 to ncp-3"},
    {HEAD "expect: [{ over: seeds, that: \"ports.outage < 1s\" }]\n",
     "s.yaml:6:32: error: over: seeds needs one of p50, p90, p99, mean, min, "
     "max around \"ports.outage\""},
    {HEAD "expect: [{ over: seeds, that: \"p99(ports.outage) == 1s\" }]\n",
     "s.yaml:6:50: error: a quantile compares by <, <=, > or >="},
    {HEAD "expect: [{ confidence: 99%, that: \"writes.lost == 0\" }]\n",
     "s.yaml:6:24: error: \"confidence\" needs over: seeds"},
    {HEAD "expect: [{ within: 61s, that: \"cluster.converged\" }]\n",
     "s.yaml:6:20: error: this waits until 61s, after the end of the "
     "scenario"},
    {HEAD "expect: [{ after: pull, within: 1s, that: cluster.converged }]\n",
     "s.yaml:6:19: error: unknown event \"pull\""},
    {HEAD "expect: [{ within: 1s }]\n",
     "s.yaml:6:10: error: an expectation lacks \"that\""},
};

/* 'expected' is the whole text, or its beginning when the list of what was
 * expected is long or empty. */
START_TEST(test_bad_input)
{
    struct reading reading;
    size_t length = strlen(cases[_i].expected);

    reading_start(&reading, cases[_i].text, NULL);
    ck_assert_ptr_null(reading.scenario);
    if (strncmp(reading.errors, cases[_i].expected, length) != 0)
        ck_assert_str_eq(reading.errors, cases[_i].expected);
    /* Nothing else was reported. */
    ck_assert_ptr_null(strchr(reading.errors + length, '\n'));
    reading_end(&reading);
}
END_TEST

START_TEST(test_several_errors_at_once)
{
    struct reading reading;

    reading_start(&reading,
                  "format: 1\n"
                  "scenario: t\n"
                  "about: x\n"
                  "cluster: { preset: ddc-smal }\n"
                  "ends: 60\n"
                  "timeline:\n"
                  "  - { at: 1s, fault: box.restrt, target: ncp-1 }\n"
                  "expect:\n"
                  "  - { that: \"writes.lost == none\" }\n",
                  NULL);
    ck_assert_uint_eq(diag_count(reading.diags), 4);
    ck_assert_uint_eq(diag_mark(reading.diags, 0).line, 5);
    ck_assert_uint_eq(diag_mark(reading.diags, 1).line, 4);
    ck_assert_uint_eq(diag_mark(reading.diags, 2).line, 7);
    ck_assert_uint_eq(diag_mark(reading.diags, 3).line, 9);
    ck_assert_uint_eq(diag_mark(reading.diags, 3).column, 29);
    reading_end(&reading);
}
END_TEST

/* Few bytes must not become many through parameters. */
START_TEST(test_parameter_bomb)
{
    size_t size = 1000000, used;
    char *text = malloc(size + 200);
    struct reading reading;

    used = (size_t)sprintf(text, HEAD "params: { a: \"");
    memset(text + used, 'x', 500000);
    used += 500000;
    used += (size_t)sprintf(text + used, "\" }\nuses: [\"");
    while (used < size)
        used += (size_t)sprintf(text + used, "$a");
    sprintf(text + used, "\"]\n");
    memcpy(strstr(text, "uses:"), "seed:", 5);
    reading_start(&reading, text, NULL);
    free(text);
    ck_assert_ptr_nonnull(
        strstr(reading.errors, "parameters make the file too large"));
    reading_end(&reading);
}
END_TEST

static const char *const nests[] = {"[", "{a: ", "- ", "$", "*", "&a "};

START_TEST(test_deep_nesting)
{
    size_t size = 1 << 20, used = 0, unit = strlen(nests[_i]);
    char *text = malloc(size + 1);
    struct reading reading;

    for (; used + unit <= size; used += unit)
        memcpy(text + used, nests[_i], unit);
    text[used] = '\0';
    reading_start(&reading, text, NULL);
    ck_assert_ptr_null(reading.scenario);
    free(text);
    reading_end(&reading);
}
END_TEST

TCase *
bad_input_tests(void)
{
    TCase *tcase = tcase_create("bad input");

    tcase_add_loop_test(tcase, test_bad_input, 0, ARRAY_COUNT(cases));
    tcase_add_test(tcase, test_several_errors_at_once);
    tcase_add_test(tcase, test_parameter_bomb);
    tcase_add_loop_test(tcase, test_deep_nesting, 0, ARRAY_COUNT(nests));
    tcase_set_timeout(tcase, 60);
    return tcase;
}
