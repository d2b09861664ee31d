/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends at rest, events that wait, and what a world in real time changes: the
 * simulator stands in for one, with less to be seen and done.
 */
#include "sim/run/run_test.h"

#include <string.h>

static struct outcome outcome;

static void
teardown(void)
{
    outcome_fini(&outcome);
}

static uint64_t
ms(struct simtime time)
{
    return time.ps / SIMTIME_PS_PER_MS;
}

static void
verdict_is(unsigned index, enum verdict verdict, const char *evidence)
{
    const struct outcome_expect *row = expect_of(&outcome, index);

    ck_assert_msg(row->verdict == verdict, "expectation %u: verdict %d, %s",
                  index, row->verdict, row->evidence);
    ck_assert_msg(strstr(row->evidence, evidence) != NULL, "%s",
                  row->evidence);
}

/* ---- the end ---- */

#define KILL                                                                  \
    "timeline:\n  - { at: 1s, fault: service.kill, target: "                  \
    "\"service=fabric,role=ncp\", name: kill }\n"

START_TEST(ends_at_rest)
{
    struct digest_value digest;

    run_text(SMALL KILL "expect:\n  - { that: \"service.restarts > 0\" }\n"
                        "ends: { settled: 5s, at-most: 200s }\n",
             &outcome);
    verdict_is(0, VERDICT_PASS, "");
    ck_assert_uint_ge(ms(outcome.duration), 6000);
    ck_assert_uint_lt(ms(outcome.duration), 12000);
    for (size_t i = 0; i < outcome.oracles.count; i++) {
        const struct outcome_oracle *row =
            ROWS_GET(&outcome.oracles, struct outcome_oracle, i);

        /* Rest is what convergence and memory are judged at. */
        if (strcmp(row->id, "O13") == 0 || strcmp(row->id, "O11") == 0)
            ck_assert_uint_gt(row->exercised, 0);
    }
    digest = outcome.digest;
    outcome_fini(&outcome);
    run_text(SMALL KILL "expect:\n  - { that: \"service.restarts > 0\" }\n"
                        "ends: { settled: 5s, at-most: 200s }\n",
             &outcome);
    ck_assert(run_digest_equal(digest, outcome.digest));
}
END_TEST

START_TEST(rest_waits_for_deadlines)
{
    run_text(SMALL KILL "expect:\n"
                        "  - { within: 40s, after: kill, that: "
                        "\"switchover.count == 1\" }\n"
                        "ends: { settled: 5s, at-most: 200s }\n",
             &outcome);
    verdict_is(0, VERDICT_FAIL, "measured 0");
    ck_assert_uint_ge(ms(outcome.duration), 41000);
    ck_assert_uint_lt(ms(outcome.duration), 50000);
}
END_TEST

/* The box comes back, boots and joins before the cluster is at rest. */
START_TEST(rest_waits_for_what_heals)
{
    run_text(SMALL "timeline:\n  - { at: 1s, fault: box.power-loss, target: "
                   "ncp-1, for: 10s }\n"
                   "expect:\n  - { that: \"cluster.boxes.forwarding == 4\" }\n"
                   "ends: { settled: 5s, at-most: 600s }\n",
             &outcome);
    verdict_is(0, VERDICT_PASS, "");
    ck_assert_ptr_nonnull(line_of(&outcome, "state", "box.joined", 0));
    ck_assert_uint_gt(ms(outcome.duration), 30000);
    ck_assert_uint_lt(ms(outcome.duration), 590000);
}
END_TEST

START_TEST(unrest_ends_at_most)
{
    run_text(SMALL "timeline:\n  - { at: 1s, fault: partition, target: "
                   "\"role=ncp\" }\n"
                   "expect:\n  - { that: \"cluster.converged\" }\n"
                   "ends: { settled: 2s, at-most: 30s }\n",
             &outcome);
    verdict_is(0, VERDICT_FAIL, "false");
    ck_assert_uint_ge(ms(outcome.duration), 30000);
}
END_TEST

/* ---- events that wait ---- */

#define STEP(keys)                                                            \
    "  - { " keys ", fault: clock.step, step: 1ns, target: ncp-0"

START_TEST(events_wait)
{
    static const uint64_t at_ms[] = {1000, 3000, 7000, 7500, 8000};
    const struct outcome_event *row;

    run_text(
        SMALL "timeline:\n" STEP("at: 1s") ", name: a }\n" /* 1 s */
        STEP("after: a, at: 2s") ", name: b }\n"           /* 3 s */
        STEP(
            "after: b, once: \"writes.acked > 0 and "
            "events.fired == 2\", at: 4s, every: 500ms, count: 3") ", name: c "
                                                                   "}\n" STEP(
                                                                       "once: "
                                                                       "\"raft"
                                                                       ".elect"
                                                                       "ions "
                                                                       "== "
                                                                       "7\"") ", name: never }\n"
                                                                              "expect:\n"
                                                                              "  - { that: \"events.fired(c) == 3\" }\n"
                                                                              "  - { within: 1s, after: never, that: \"writes.lost == 0\" }\n"
                                                                              "  - { within: 10ms, after: c, that: \"writes.silence < 1s\" }\n"
                                                                              "ends: 12s\n",
        &outcome);
    verdict_is(0, VERDICT_PASS, "");
    verdict_is(1, VERDICT_INCONCLUSIVE, "never happened");
    verdict_is(2, VERDICT_PASS, "measured");
    for (unsigned i = 0; i < 5; i++) {
        row = line_of(&outcome, "fault", "clock.step", i);
        ck_assert_ptr_nonnull(row);
        /* "once" is looked at every 10 ms. */
        ck_assert_uint_ge(ms(row->at), at_ms[i]);
        ck_assert_uint_le(ms(row->at), at_ms[i] + 20);
    }
    ck_assert_ptr_null(line_of(&outcome, "fault", "clock.step", 5));
}
END_TEST

/* ---- another world ---- */

static struct world_ops ops;
static const struct world_ops *des_ops;
static bool struck;

static int
inject_less(struct world *world, const struct world_fault *fault)
{
    if (fault->kind == WORLD_DISK_STALL)
        return ERR_UNSUPPORTED;
    struck |= fault->kind == WORLD_BOX_POWER_OFF;
    return des_ops->inject(world, fault);
}

static const char *
why_not(struct world *world)
{
    (void)world;
    return "no device of ours below";
}

/* Sleeps past what it was asked for, once, after the strike. */
static int
oversleep(struct world *world, struct simtime until)
{
    bool sleeps = struck;

    struck = false;
    return des_ops->run_until(
        world, sleeps ? simtime_add(until, simtime_from_ms(900)) : until);
}

static int
oversleep_long(struct world *world, struct simtime until)
{
    bool sleeps = struck;

    struck = false;
    return des_ops->run_until(
        world, sleeps ? simtime_add(until, simtime_from_s(3)) : until);
}

static void
dress(struct world *world)
{
    des_ops = world->ops;
    ops = *des_ops;
    ops.name = "netns";
    ops.inject = inject_less;
    ops.why_not = why_not;
    ops.memory_bytes = ops.live_bytes = NULL;
    ops.box_memory = NULL;
    world->ops = &ops;
    struck = false;
}

static void
dress_sleeper(struct world *world)
{
    dress(world);
    ops.run_until = oversleep;
}

static void
dress_long_sleeper(struct world *world)
{
    dress(world);
    ops.run_until = oversleep_long;
}

static void
run_real(const char *text, void (*dresser)(struct world *world))
{
    struct run_options options = {
        .world = WORLD_NETNS, .stand_in = true, .dress = dresser};

    run_with(text, &options, &outcome);
}

START_TEST(what_cannot_be_done_is_not_applicable)
{
    run_real(SMALL
             "timeline:\n"
             "  - { at: 1s, fault: disk.stall, target: ncp-1, name: stall }\n"
             "  - { at: 2s, fault: clock.step, step: 1ns, target: ncp-1, "
             "name: step }\n"
             "expect:\n"
             "  - { within: 2s, after: stall, that: \"alarms.active == 0\" }\n"
             "  - { that: \"switchover.write-outage(stall) < 2s\" }\n"
             "  - { that: \"box.restarts(stall.target) == 0\" }\n"
             "  - { that: \"switchover.write-outage(step) < 2s\" }\n"
             "  - { that: \"alarms.raised > 0\" }\n"
             "ends: 5s\n",
             dress);
    for (unsigned i = 0; i < 3; i++)
        verdict_is(i, VERDICT_NOT_APPLICABLE, "cannot do the step");
    verdict_is(3, VERDICT_PASS, "measured 0s");
    /* It may have failed for want of the step. */
    verdict_is(4, VERDICT_INCONCLUSIVE, "left out 1 of");
    ck_assert_uint_ge(outcome.skips.count, 1);
    ck_assert_str_eq(ROWS_GET(&outcome.skips, struct outcome_skip, 0)->reason,
                     "no device of ours below");
    ck_assert_int_eq(outcome.verdict, VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(what_cannot_be_seen_never_passes)
{
    run_real(SMALL "expect:\n"
                   "  - { that: \"memory.peak < 1GiB\" }\n"
                   "  - { that: \"oracles.violations(O11) == 0\" }\n"
                   "  - { that: \"oracles.violations == 0\" }\n"
                   "ends: 5s\n",
             dress);
    verdict_is(0, VERDICT_NOT_APPLICABLE, "cannot be measured here");
    verdict_is(1, VERDICT_NOT_APPLICABLE, "cannot be measured here");
    verdict_is(2, VERDICT_PASS, "measured 0");
    ck_assert_uint_eq(outcome.digest.low | outcome.digest.high, 0);
    ck_assert_uint_eq(outcome.checkpoints.count, 0);
}
END_TEST

#define PULL                                                                  \
    "timeline:\n  - { at: 1s, fault: box.power-loss, target: "                \
    "\"role=ncc,active\", name: pull }\n"                                     \
    "expect:\n"                                                               \
    "  - { within: 100ms, after: pull, that: \"switchover.count == 1\" }\n"   \
    "  - { within: 5s, after: pull, that: \"switchover.count == 1\" }\n"      \
    "ends: 10s\n"

/* The other controller acts after some 250 ms; who looks after 900 ms sees
 * that it did, and must not take it for 100 ms. */
START_TEST(deadlines_are_those_of_observations)
{
    run_real(SMALL PULL, dress_sleeper);
    verdict_is(0, VERDICT_FAIL, "measured 0");
    verdict_is(1, VERDICT_PASS, "measured 1");
    ck_assert_str_eq(outcome.note, "");
}
END_TEST

/* Tells of the strike when it runs on, as a queue in order of time does. */
static struct world_fault told_later;

static int
inject_told_later(struct world *world, const struct world_fault *fault)
{
    if (fault->kind != WORLD_BOX_POWER_OFF)
        return des_ops->inject(world, fault);
    told_later = *fault;
    struck = true;
    return 0;
}

static int
tell_and_run(struct world *world, struct simtime until)
{
    if (struck)
        ck_assert_int_eq(des_ops->inject(world, &told_later), 0);
    struck = false;
    return des_ops->run_until(world, until);
}

static void
dress_late_teller(struct world *world)
{
    dress(world);
    ops.inject = inject_told_later;
    ops.run_until = tell_and_run;
}

/* Nobody acts for some 250 ms; the one who did is not to be counted. */
START_TEST(what_was_before_is_not_what_comes_true)
{
    run_real(SMALL "timeline:\n  - { at: 1s, fault: box.power-loss, target: "
                   "\"role=ncc,active\", name: pull }\n"
                   "expect:\n"
                   "  - { within: 100ms, after: pull, that: "
                   "\"cluster.controllers.active == 1\" }\n"
                   "  - { within: 5s, after: pull, that: "
                   "\"cluster.controllers.active == 1\" }\n"
                   "  - { that: \"switchover.count == 1\" }\n"
                   "ends: 10s\n",
             dress_late_teller);
    verdict_is(0, VERDICT_FAIL, "measured 0");
    verdict_is(1, VERDICT_PASS, "measured 1");
    verdict_is(2, VERDICT_PASS, "measured 1");
}
END_TEST

START_TEST(a_late_harness_is_inconclusive)
{
    run_real(SMALL PULL, dress_long_sleeper);
    verdict_is(0, VERDICT_INCONCLUSIVE, "kept from looking");
    verdict_is(1, VERDICT_PASS, "measured 1");
    ck_assert_ptr_nonnull(strstr(outcome.note, "kept from looking for 3000"));
    ck_assert_int_eq(outcome.verdict, VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(repeats_have_no_token)
{
    struct scenario *scenario = scenario_of(
        SMALL "expect:\n"
              "  - { that: \"cluster.converged\" }\n"
              "  - { over: seeds, that: \"max(boot.time) < 1h\" }\n"
              "ends: 2s\n");
    struct campaign_options options = {
        .run = {.scenario = scenario,
                .seed = 3,
                .data_dir = TEST_DATA_DIR,
                .world = WORLD_NETNS,
                .stand_in = true,
                .dress = dress},
        .seed_count = 2,
        .jobs = 1,
    };
    const volatile int interrupted = 0;
    struct campaign campaign;
    char token[CAMPAIGN_TOKEN_BYTES] = "x";
    char message[256] = "";

    ck_assert_int_eq(campaign_run(&options, &interrupted, &campaign, message,
                                  sizeof(message)),
                     0);
    ck_assert_uint_eq(campaign.count, 2);
    ck_assert_uint_eq(campaign.outcomes[1].seed, 4);
    /* A few repeats say nothing over seeds. */
    ck_assert_ptr_null(campaign.over_seeds);
    ck_assert_int_eq(expect_of(&campaign.outcomes[0], 1)->verdict,
                     VERDICT_NOT_APPLICABLE);
    ck_assert_int_eq(campaign.verdict, VERDICT_PASS);
    campaign_token(&options, &campaign.outcomes[0], token);
    ck_assert_str_eq(token, "");
    campaign_fini(&campaign);
    scenario_destroy(scenario);
}
END_TEST

/* No world, no run: what is missing is said, and nothing is decided. */
START_TEST(missing_things_leave_it_open)
{
    struct scenario *scenario =
        scenario_of("format: 1\nscenario: t\nabout: x\nworlds: [mininet]\n"
                    "cluster: { preset: ddc-small }\n"
                    "expect:\n  - { that: \"cluster.converged\" }\n"
                    "ends: 2s\n");
    char message[256] = "";

    ck_assert_int_eq(
        run_supported(scenario, WORLD_DES, message, sizeof(message)),
        ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(message, "does not name world des"));
    ck_assert_int_eq(
        run_supported(scenario, WORLD_MININET, message, sizeof(message)),
        ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(message, "this build has no world mininet"));
    scenario_destroy(scenario);
}
END_TEST

/* ---- stages ---- */

START_TEST(stages_add_up)
{
    uint64_t sum;

    run_text(SMALL PULL, &outcome);
    sum = metric_of(&outcome, "switchover.detect", "pull") +
          metric_of(&outcome, "switchover.elect", "pull") +
          metric_of(&outcome, "switchover.commit", "pull");
    ck_assert_uint_eq(sum,
                      metric_of(&outcome, "switchover.write-outage", "pull"));
    ck_assert_uint_gt(metric_of(&outcome, "switchover.apply", "pull"), 0);
    ck_assert_uint_lt(metric_of(&outcome, "switchover.apply", "pull"),
                      SIMTIME_PS_PER_S);
    ck_assert_uint_gt(metric_of(&outcome, "join.time", ""), 0);
    ck_assert_uint_gt(metric_of(&outcome, "join.service-time", ""), 0);
    ck_assert_uint_lt(metric_of(&outcome, "join.time", ""),
                      10 * SIMTIME_PS_PER_S);
    ck_assert_uint_lt(metric_of(&outcome, "cluster.rejoin-time", ""),
                      10 * SIMTIME_PS_PER_S);
    ck_assert_uint_eq(metric_of(&outcome, "cluster.boxes.running", ""), 9);
}
END_TEST

TCase *
worlds_cases(void)
{
    TCase *tc = tcase_create("worlds");

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, ends_at_rest);
    tcase_add_test(tc, rest_waits_for_deadlines);
    tcase_add_test(tc, rest_waits_for_what_heals);
    tcase_add_test(tc, unrest_ends_at_most);
    tcase_add_test(tc, events_wait);
    tcase_add_test(tc, what_cannot_be_done_is_not_applicable);
    tcase_add_test(tc, what_cannot_be_seen_never_passes);
    tcase_add_test(tc, deadlines_are_those_of_observations);
    tcase_add_test(tc, what_was_before_is_not_what_comes_true);
    tcase_add_test(tc, a_late_harness_is_inconclusive);
    tcase_add_test(tc, repeats_have_no_token);
    tcase_add_test(tc, missing_things_leave_it_open);
    tcase_add_test(tc, stages_add_up);
    return tc;
}
