/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole runs of small scenarios: timeline, targets, expectations, metrics.
 */
#include "sim/run/run_test.h"

#include <stdlib.h>
#include <string.h>

struct scenario *
scenario_of(const char *text)
{
    struct diag_list *diags = diag_create();
    struct scenario *scenario = NULL;
    char line[DIAG_TEXT_BYTES] = "";
    int err = scenario_parse(diags, "test.yaml", text, strlen(text), NULL,
                             &scenario);

    if (err != 0)
        diag_format(diags, 0, line, sizeof(line));
    ck_assert_msg(err == 0, "%s", line);
    diag_destroy(diags);
    return scenario;
}

void
run_with(const char *text, const struct run_options *options,
         struct outcome *outcome)
{
    struct scenario *scenario = scenario_of(text);
    struct run_options run = *options;
    char message[256] = "";
    int err;

    run.scenario = scenario;
    run.seed = scenario->seed;
    run.data_dir = TEST_DATA_DIR;
    outcome_init(outcome);
    err = run_scenario(&run, outcome, message, sizeof(message));
    ck_assert_msg(err == 0, "%s", message);
    scenario_destroy(scenario);
}

void
run_text(const char *text, struct outcome *outcome)
{
    struct run_options options = {.checkpoint_events = 1000};

    run_with(text, &options, outcome);
}

const struct outcome_event *
line_of(const struct outcome *outcome, const char *kind, const char *name,
        unsigned index)
{
    for (size_t i = 0; i < outcome->timeline.count; i++) {
        const struct outcome_event *row =
            ROWS_GET(&outcome->timeline, struct outcome_event, i);

        if (strcmp(row->kind, kind) == 0 && strcmp(row->name, name) == 0 &&
            index-- == 0)
            return row;
    }
    return NULL;
}

unsigned
lines_of(const struct outcome *outcome, const char *kind, const char *name)
{
    unsigned count = 0;

    while (line_of(outcome, kind, name, count) != NULL)
        count++;
    return count;
}

const struct outcome_expect *
expect_of(const struct outcome *outcome, unsigned index)
{
    ck_assert_uint_lt(index, outcome->expects.count);
    return ROWS_GET(&outcome->expects, struct outcome_expect, index);
}

uint64_t
metric_of(const struct outcome *outcome, const char *name, const char *args)
{
    for (size_t i = 0; i < outcome->metrics.count; i++) {
        const struct outcome_metric *row =
            ROWS_GET(&outcome->metrics, struct outcome_metric, i);

        if (strcmp(metric_get(row->id)->name, name) == 0 &&
            strcmp(row->args, args) == 0)
            return row->value;
    }
    ck_abort_msg("no metric %s(%s)", name, args);
    return 0;
}

static struct outcome outcome;

static void
teardown(void)
{
    outcome_fini(&outcome);
}

static void
line_is(const char *kind, const char *name, unsigned index, double at_s,
        const char *target)
{
    const struct outcome_event *row = line_of(&outcome, kind, name, index);

    ck_assert_msg(row != NULL, "no %s %s %u", kind, name, index);
    ck_assert_msg(row->at.ps == (uint64_t)(at_s * 1e12), "%s %u at %.6f s",
                  name, index, (double)row->at.ps / 1e12);
    if (target != NULL)
        ck_assert_str_eq(row->target, target);
}

static void
expect_is(unsigned index, enum verdict verdict)
{
    const struct outcome_expect *row = expect_of(&outcome, index);

    ck_assert_msg(row->verdict == verdict, "expectation %u: verdict %d, %s",
                  index, row->verdict, row->evidence);
}

/* A last read of what was written may come after the end. */
static void
duration_is(uint64_t s)
{
    ck_assert_uint_ge(outcome.duration.ps, s * SIMTIME_PS_PER_S);
    ck_assert_uint_le(outcome.duration.ps, (s + 5) * SIMTIME_PS_PER_S);
}

/* ---- timeline ---- */

START_TEST(events_repeat)
{
    run_text(SMALL "timeline:\n"
                   "  - { at: 1s, every: 2s, count: 3, fault: clock.step, "
                   "step: 1ms, target: ncp-0 }\n"
                   "  - { at: 1500ms, every: 1s, until: 4500ms, fault: "
                   "disk.stall, target: ncp-1 }\n"
                   "  - { at: 9s, fault: clock.drift, drift: 1ppm, target: "
                   "ncp-2, name: once }\n"
                   "expect:\n"
                   "  - { that: \"events.fired == 8\" }\n"
                   "  - { that: \"events.fired(once) == 1\" }\n"
                   "ends: 10s\n",
             &outcome);
    ck_assert_uint_eq(lines_of(&outcome, "fault", "clock.step"), 3);
    for (unsigned i = 0; i < 3; i++)
        line_is("fault", "clock.step", i, 1 + 2 * i, "ncp-0");
    ck_assert_uint_eq(lines_of(&outcome, "fault", "disk.stall"), 4);
    for (unsigned i = 0; i < 4; i++)
        line_is("fault", "disk.stall", i, 1.5 + i, "ncp-1");
    line_is("fault", "clock.drift", 0, 9, "ncp-2");
    expect_is(0, VERDICT_PASS);
    expect_is(1, VERDICT_PASS);
    ck_assert_int_eq(outcome.verdict, VERDICT_PASS);
    duration_is(10);
}
END_TEST

START_TEST(for_is_undone)
{
    run_text(SMALL "timeline:\n"
                   "  - { at: 1s, fault: link.down, target: "
                   "\"link=ncp-0/fab-0\", for: 3s }\n"
                   "expect:\n"
                   "  - { that: \"ports.degraded >= 3s\" }\n"
                   "  - { that: \"ports.degraded < 20s\" }\n"
                   "  - { that: \"ports.outage == 0s\" }\n"
                   "ends: 60s\n",
             &outcome);
    line_is("fault", "link.down", 0, 1, NULL);
    line_is("heal", "link.down", 0, 4, "ncp-0");
    for (unsigned i = 0; i < 3; i++)
        expect_is(i, VERDICT_PASS);
}
END_TEST

/* However long it lasts and whatever the duty: at the end the link is up. */
START_TEST(flap_ends_with_the_link_up)
{
    static const char *const lengths[] = {
        "for: 10s", "for: 9700ms", "for: 10200ms, duty: 25%", "for: 300ms"};
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   SMALL "timeline:\n"
                         "  - { at: 1s, fault: link.flap, target: "
                         "\"link=ncp-0/fab-0\", period: 1s, %s }\n"
                         "expect:\n"
                         "  - { that: \"ports.degraded > 0s\" }\n"
                         "  - { that: \"ports.degraded < 30s\" }\n"
                         "  - { that: \"oracles.violations == 0\" }\n"
                         "ends: 90s\n",
                   lengths[_i]);
    run_text(text, &outcome);
    for (unsigned i = 0; i < 3; i++)
        expect_is(i, VERDICT_PASS);
    /* Convergence is judged only when nothing goes on any more. */
    for (size_t i = 0; i < outcome.oracles.count; i++) {
        const struct outcome_oracle *row =
            ROWS_GET(&outcome.oracles, struct outcome_oracle, i);

        if (strcmp(row->id, "O13") == 0)
            ck_assert_uint_eq(row->exercised, 1);
    }
}
END_TEST

/* ---- targets ---- */

START_TEST(targets_select)
{
    run_text(SMALL
             "timeline:\n"
             "  - { at: 1s, fault: clock.step, step: 1ns, target: "
             "\"role=ncc,active\", name: a }\n"
             "  - { at: 2s, fault: clock.step, step: 1ns, target: "
             "\"role=ncc,standby\" }\n"
             "  - { at: 3s, fault: clock.step, step: 1ns, target: role=ncp }\n"
             "  - { at: 4s, fault: clock.step, step: 1ns, target: "
             "\"role=ncf,number=1\" }\n"
             "  - { at: 5s, fault: clock.step, step: 1ns, target: "
             "\"random 2 role=ncp\" }\n"
             "  - { at: 6s, fault: clock.step, step: 1ns, target: a.target }\n"
             "  - { at: 7s, fault: clock.step, step: 1ns, target: "
             "state=off }\n"
             "  - { at: 8s, fault: clock.step, step: 1ns, target: "
             "state=leader }\n"
             "  - { at: 9s, fault: clock.step, step: 1ns, target: "
             "state=forwarding }\n"
             "  - { at: 10s, fault: clock.step, step: 1ns, target: [ncp-3, "
             "ncm-a] }\n"
             "expect:\n  - { that: \"events.fired == 10\" }\n"
             "ends: 12s\n",
             &outcome);
    const struct outcome_event *active =
        line_of(&outcome, "fault", "clock.step", 0);
    const struct outcome_event *standby =
        line_of(&outcome, "fault", "clock.step", 1);

    ck_assert_int_eq(strncmp(active->target, "ncc-", 4), 0);
    ck_assert_uint_eq(strlen(active->target), 5);
    ck_assert_int_eq(strncmp(standby->target, "ncc-", 4), 0);
    ck_assert_str_ne(standby->target, active->target);
    line_is("fault", "clock.step", 2, 3, "ncp-0 and 3 more");
    line_is("fault", "clock.step", 3, 4, "ncf-1");
    ck_assert_ptr_nonnull(strstr(
        line_of(&outcome, "fault", "clock.step", 4)->target, " and 1 more"));
    line_is("fault", "clock.step", 5, 6, active->target);
    line_is("fault", "clock.step", 6, 7, "");
    line_is("fault", "clock.step", 7, 8, active->target);
    line_is("fault", "clock.step", 8, 9, "ncf-0 and 5 more");
    line_is("fault", "clock.step", 9, 10, "ncm-a and 1 more");
    expect_is(0, VERDICT_PASS);
}
END_TEST

/* ---- expectations and metrics ---- */

/* A card without power for 30 s: everything about it can be told in
 * advance but for its boot time. */
#define CARD_LOSS                                                             \
    "timeline:\n"                                                             \
    "  - { at: 10s, fault: box.power-loss, target: ncp-2, for: 30s, name: "   \
    "cut }\n"

START_TEST(metrics_of_a_card_loss)
{
    uint64_t outage = 0, total = 0, ports = 0;
    double available;

    run_text(SMALL CARD_LOSS
             "probe: { write-every: 100ms }\n"
             "expect:\n"
             "  - { that: \"ports.outage(unplanned) > 140s\" }\n"
             "  - { that: \"ports.outage(planned) == 0s\" }\n"
             "  - { that: \"cluster.converged\" }\n"
             "  - { that: \"box.restarts == 1\" }\n"
             "  - { that: \"ports.in-service == 160\" }\n"
             "ends: 300s\n",
             &outcome);
    /* All ports go together; they come back a few at a time. */
    for (size_t i = 0; i < outcome.outages.count; i++) {
        const struct outcome_outage *row =
            ROWS_GET(&outcome.outages, struct outcome_outage, i);
        uint64_t span = row->to.ps - row->from.ps;

        ck_assert_uint_eq(row->from.ps, 10 * SIMTIME_PS_PER_S);
        ck_assert(!row->ongoing && !row->planned);
        ck_assert_str_eq(row->cause, "box.power-loss");
        outage = span > outage ? span : outage;
        total += span * row->ports;
        ports += row->ports;
    }
    ck_assert_uint_eq(metric_of(&outcome, "ports.outage", ""), outage);
    ck_assert_uint_eq(metric_of(&outcome, "ports.outage", "unplanned"),
                      outage);
    ck_assert_uint_eq(metric_of(&outcome, "ports.outage-total", ""), total);
    ck_assert_uint_eq(metric_of(&outcome, "ports.in-service", ""),
                      metric_of(&outcome, "ports.total", ""));
    ck_assert_uint_eq(metric_of(&outcome, "ports.total", ""), ports * 4);
    ck_assert_uint_eq(metric_of(&outcome, "modules.allocated", ""), 10);
    ck_assert_uint_eq(metric_of(&outcome, "box.restarts", ""), 1);
    /* One of four cards, in 1e-9. */
    available = 1e9 - (double)total * 1e9 / ((double)ports * 4) /
                          (double)outcome.duration.ps;
    ck_assert_double_eq_tol(
        (double)metric_of(&outcome, "ports.availability", ""), available, 10);
    ck_assert_int_eq(line_of(&outcome, "state", "box.ready", 0) != NULL, 1);
    line_is("heal", "box.power-loss", 0, 40, "ncp-2");
    /* One write each 100 ms, and one read after 50 of them. */
    ck_assert_uint_gt(metric_of(&outcome, "writes.acked", ""), 2700);
    ck_assert_uint_le(metric_of(&outcome, "writes.acked", ""), 3001);
    ck_assert_uint_eq(metric_of(&outcome, "writes.lost", ""), 0);
}
END_TEST

START_TEST(no_probe_no_writes)
{
    run_text(SMALL "probe: { write-every: 0s }\n"
                   "expect:\n  - { that: \"writes.acked == 0\" }\n"
                   "ends: 5s\n",
             &outcome);
    expect_is(0, VERDICT_PASS);
}
END_TEST

START_TEST(within_is_decided_in_time)
{
    run_text(
        SMALL CARD_LOSS
        "expect:\n"
        "  - { within: 2s, after: cut, that: \"ports.in-service < 160\" }\n"
        "  - { within: 5s, after: cut, that: \"cluster.boxes.forwarding "
        "== 4\" }\n"
        "  - { within: 15s, after: cut, that: \"cluster.boxes.joined == "
        "99\" }\n"
        "  - { within: 1s, that: \"cluster.converged\" }\n"
        "ends: 30s\n",
        &outcome);
    expect_is(0, VERDICT_PASS);
    expect_is(3, VERDICT_PASS);
    ck_assert_uint_ge(expect_of(&outcome, 0)->at.ps, 10 * SIMTIME_PS_PER_S);
    ck_assert_uint_le(expect_of(&outcome, 0)->at.ps, 11 * SIMTIME_PS_PER_S);
    /* Looked at in the very moment of the cut, it still held. */
    ck_assert_uint_le(expect_of(&outcome, 1)->at.ps, 15 * SIMTIME_PS_PER_S);
    expect_is(2, VERDICT_FAIL);
    ck_assert_uint_ge(expect_of(&outcome, 2)->at.ps, 25 * SIMTIME_PS_PER_S);
    ck_assert_int_eq(outcome.verdict, VERDICT_FAIL);
}
END_TEST

START_TEST(begins_at_power_on)
{
    run_text(SMALL "begins: power-on\n"
                   "expect:\n"
                   "  - { that: \"cluster.converged\" }\n"
                   "  - { that: \"boot.time > 110s and boot.time < 300s\" }\n"
                   "  - { that: \"ports.outage == 0s\" }\n"
                   "ends: 400s\n",
             &outcome);
    for (unsigned i = 0; i < 3; i++)
        expect_is(i, VERDICT_PASS);
    /* Every boot is part of the story. */
    ck_assert_uint_eq(lines_of(&outcome, "state", "box.ready"), 10);
    duration_is(400);
}
END_TEST

START_TEST(planned_is_what_an_operator_did)
{
    run_text(SMALL "timeline:\n"
                   "  - { at: 5s, action: module.drain, target: ncp-1 }\n"
                   "expect:\n"
                   "  - { that: \"ports.outage(unplanned) == 0s\" }\n"
                   "  - { that: \"ports.outage(planned) > 10s\" }\n"
                   "ends: 60s\n",
             &outcome);
    expect_is(0, VERDICT_PASS);
    expect_is(1, VERDICT_PASS);
    line_is("action", "module.drain", 0, 5, "ncp-1");
}
END_TEST

/* ---- the end ---- */

struct patience {
    uint64_t boot, run;
};

static bool
impatient(void *context, const struct run_progress *progress)
{
    struct patience *left = context;
    uint64_t *which = progress->booting ? &left->boot : &left->run;

    return *which == 0 || (*which)-- == 1;
}

START_TEST(interrupted)
{
    static const char *const names[] = {
        "events.fired == 1", "ports.outage == 0s", "cluster.converged",
        "p99(ports.outage) < 1s"};
    struct patience patience = {.boot = _i == 0 ? 100 : 1000000, .run = 50};
    struct run_options options = {.progress = impatient, .context = &patience};

    run_with(SMALL CARD_LOSS
             "expect:\n"
             "  - { that: \"events.fired == 1\" }\n"
             "  - { that: \"ports.outage == 0s\" }\n"
             "  - { within: 1s, after: cut, that: \"cluster.converged\" }\n"
             "  - { over: seeds, that: \"p99(ports.outage) < 1s\" }\n"
             "ends: 100s\n",
             &options, &outcome);
    ck_assert(outcome.interrupted);
    ck_assert_int_eq(outcome.verdict, VERDICT_INCONCLUSIVE);
    ck_assert_uint_lt(outcome.duration.ps, 100 * SIMTIME_PS_PER_S);
    for (unsigned i = 0; i < 4; i++) {
        expect_is(i, VERDICT_INCONCLUSIVE);
        ck_assert_int_ne(expect_of(&outcome, i)->sample_err[0], 0);
        ck_assert_ptr_nonnull(
            strstr(expect_of(&outcome, i)->evidence, "interrupted"));
        ck_assert_ptr_nonnull(
            strstr(expect_of(&outcome, i)->evidence, names[i]));
    }
}
END_TEST

/* The last read of what was written is no part of the account. */
START_TEST(ends_when_it_says)
{
    run_text(SMALL CARD_LOSS "probe: { write-every: 100ms }\n"
                             "expect:\n"
                             "  - { that: \"writes.lost == 0\" }\n"
                             "ends: 20s\n",
             &outcome);
    ck_assert_uint_eq(outcome.duration.ps, 20 * SIMTIME_PS_PER_S);
    ck_assert_uint_eq(metric_of(&outcome, "ports.outage", ""),
                      10 * SIMTIME_PS_PER_S);
    expect_is(0, VERDICT_PASS);
}
END_TEST

static void
refused(const char *text, int wanted, const char *words)
{
    struct scenario *scenario = scenario_of(text);
    struct run_options options = {.scenario = scenario,
                                  .data_dir = TEST_DATA_DIR};
    char message[256] = "";

    outcome_init(&outcome);
    ck_assert_int_eq(
        run_scenario(&options, &outcome, message, sizeof(message)), wanted);
    ck_assert_msg(strstr(message, words) != NULL, "%s", message);
    scenario_destroy(scenario);
}

START_TEST(no_box_has_that_unit)
{
    refused(SMALL "timeline:\n"
                  "  - { at: 1s, fault: psu.fail, target: ncp-1, unit: 2 }\n"
                  "expect:\n  - { that: \"ports.outage == 0s\" }\n"
                  "ends: 2s\n",
            ERR_INVALID, "no box has a unit 2; they run from 0 to 1");
}
END_TEST

START_TEST(topology_is_for_other_worlds)
{
    refused("format: 1\nscenario: test\nabout: A.\n"
            "topology: { nodes: { a: { nos: reference } } }\n"
            "expect:\n  - { that: \"ports.outage == 0s\" }\nends: 1s\n",
            ERR_UNSUPPORTED, "test.yaml:4:11: world des runs a `cluster:`");
}
END_TEST

START_TEST(not_of_this_world)
{
    struct scenario *scenario = scenario_of(
        "format: 1\nscenario: test\nabout: A.\nworlds: [netns]\n"
        "cluster: { preset: ddc-small, nos: reference }\n"
        "expect:\n  - { that: \"ports.outage == 0s\" }\nends: 1s\n");
    struct run_options options = {.scenario = scenario,
                                  .data_dir = TEST_DATA_DIR};
    char message[256] = "";

    outcome_init(&outcome);
    ck_assert_int_eq(
        run_scenario(&options, &outcome, message, sizeof(message)),
        ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(message, "does not name"));
    scenario_destroy(scenario);
}
END_TEST

START_TEST(missing_data_is_said)
{
    struct scenario *scenario =
        scenario_of(SMALL "expect:\n  - { that: \"ports.outage == 0s\" }\n"
                          "ends: 1s\n");
    struct run_options options = {.scenario = scenario,
                                  .data_dir = "/nonexistent"};
    char message[256] = "";

    outcome_init(&outcome);
    ck_assert_int_ne(
        run_scenario(&options, &outcome, message, sizeof(message)), 0);
    ck_assert_ptr_nonnull(strstr(message, "/nonexistent"));
    options.data_dir = TEST_DATA_DIR;
    options.costs_file = "/nonexistent/costs.yaml";
    ck_assert_int_ne(
        run_scenario(&options, &outcome, message, sizeof(message)), 0);
    ck_assert_ptr_nonnull(strstr(message, "/nonexistent/costs.yaml"));
    scenario_destroy(scenario);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("run");
    TCase *tc = tcase_create("runs");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, events_repeat);
    tcase_add_test(tc, for_is_undone);
    tcase_add_loop_test(tc, flap_ends_with_the_link_up, 0, 4);
    tcase_add_test(tc, targets_select);
    tcase_add_test(tc, metrics_of_a_card_loss);
    tcase_add_test(tc, no_probe_no_writes);
    tcase_add_test(tc, within_is_decided_in_time);
    tcase_add_test(tc, begins_at_power_on);
    tcase_add_test(tc, planned_is_what_an_operator_did);
    tcase_add_loop_test(tc, interrupted, 0, 2);
    tcase_add_test(tc, ends_when_it_says);
    tcase_add_test(tc, no_box_has_that_unit);
    tcase_add_test(tc, topology_is_for_other_worlds);
    tcase_add_test(tc, not_of_this_world);
    tcase_add_test(tc, missing_data_is_said);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, outcome_cases());
    suite_add_tcase(suite, checkpoints_cases());
    suite_add_tcase(suite, campaign_cases());
    suite_add_tcase(suite, compare_cases());
    suite_add_tcase(suite, worlds_cases());
    suite_add_tcase(suite, network_cases());
    suite_add_tcase(suite, traffic_cases());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
