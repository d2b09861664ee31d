/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole runs with traffic on ddc-small: what arrives, what is judged, what is
 * captured, what is searched.
 */
#include "sim/run/run_test.h"

#include "models/capture/capture.h"
#include "models/plane/plane.h"
#include "sim/run/quantile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET SMALL "probe: { write-every: 0s }\n"
#define PAIR                                                                  \
    "traffic:\n  - { name: a, pattern: pairs, from: ncp-0/0..3, to: "         \
    "ncp-1/0..3, load: 50%, at: 1us, for: 50us }\n"

static struct outcome outcome;

static void
teardown(void)
{
    outcome_fini(&outcome);
}

static const struct outcome_traffic *
row_of(unsigned index)
{
    ck_assert_uint_lt(index, outcome.traffic.count);
    return ROWS_GET(&outcome.traffic, struct outcome_traffic, index);
}

static void
expect_is(unsigned index, enum verdict verdict)
{
    const struct outcome_expect *row = expect_of(&outcome, index);

    ck_assert_msg(row->verdict == verdict, "expectation %u: verdict %d, %s",
                  index, row->verdict, row->evidence);
}

static bool
has_metric(const char *name)
{
    for (size_t i = 0; i < outcome.metrics.count; i++) {
        if (strcmp(
                metric_get(
                    ROWS_GET(&outcome.metrics, struct outcome_metric, i)->id)
                    ->name,
                name) == 0)
            return true;
    }
    return false;
}

START_TEST(packets_arrive)
{
    const struct outcome_traffic *row;
    struct hist *whole;

    run_text(QUIET PAIR
             "expect:\n"
             "  - { that: \"traffic.delivered(a) == 100% and traffic.lost == "
             "0 and traffic.held == 0\" }\n"
             "  - { that: \"latency.p50(a) < 10us and latency.min > 1us\" }\n"
             "  - { that: \"latency.p99.9999(a) < 10us\" }\n"
             "  - { that: \"latency.p99.9999(a) < 1ns\" }\n"
             "  - { that: \"traffic.throughput(a) > 180Gbps and "
             "traffic.throughput(a) < 220Gbps\" }\n"
             "ends: 200us\n",
             &outcome);
    expect_is(0, VERDICT_PASS);
    expect_is(1, VERDICT_PASS);
    expect_is(2, VERDICT_INCONCLUSIVE);
    expect_is(3, VERDICT_FAIL);
    expect_is(4, VERDICT_PASS);
    row = row_of(0);
    ck_assert_str_eq(row->name, "a");
    ck_assert_uint_gt(row->sent, 2500);
    ck_assert_uint_eq(row->sent, row->delivered);
    ck_assert_uint_eq(row->lasted.ps, 50 * PS_PER_US);
    whole = outcome_latency(&outcome, 0, PLANE_STAGE_COUNT);
    ck_assert_uint_eq(hist_count(whole), row->delivered);
    ck_assert_uint_eq(hist_max(whole),
                      metric_of(&outcome, "latency.max", "a"));
    ck_assert_uint_eq(hist_min(whole),
                      metric_of(&outcome, "latency.min", "a"));
    free(whole);
}
END_TEST

/* Latency is the sum of its stages. */
START_TEST(stages_make_latency)
{
    uint64_t sum = 0;
    struct hist *hist;

    run_text(QUIET PAIR "ends: 200us\n", &outcome);
    for (unsigned i = 0; i < PLANE_STAGE_COUNT; i++) {
        hist = outcome_latency(&outcome, 0, i);
        sum += hist_sum(hist);
        ck_assert_uint_eq(hist_count(hist), row_of(0)->delivered);
        free(hist);
    }
    hist = outcome_latency(&outcome, 0, PLANE_STAGE_COUNT);
    ck_assert_uint_gt(sum, hist_sum(hist) / 100 * 98);
    ck_assert_uint_lt(sum, hist_sum(hist) / 100 * 102);
    free(hist);
}
END_TEST

START_TEST(same_seed_same_packets)
{
    struct digest_value first;
    uint64_t sent;

    run_text(QUIET PAIR "ends: 200us\n", &outcome);
    first = outcome.digest;
    sent = row_of(0)->sent;
    outcome_fini(&outcome);
    run_text(QUIET PAIR "ends: 200us\n", &outcome);
    ck_assert(run_digest_equal(first, outcome.digest));
    outcome_fini(&outcome);
    run_text(QUIET "traffic:\n  - { name: a, pattern: pairs, from: "
                   "ncp-0/0..3, to: ncp-1/0..3, load: 49%, at: 1us, for: "
                   "50us }\nends: 200us\n",
             &outcome);
    ck_assert(!run_digest_equal(first, outcome.digest));
    ck_assert_uint_ne(sent, row_of(0)->sent);
}
END_TEST

START_TEST(begins_after_its_event)
{
    run_text(QUIET
             "traffic:\n"
             "  - { name: a, from: ncp-0..1/0, load: 10%, after: cut, at: "
             "30us, for: 20us }\n"
             "  - { name: never, from: ncp-0..1/0, load: 10%, after: nope }\n"
             "timeline:\n"
             "  - { at: 100us, fault: link.down, target: link=ncp-0/fab-0, "
             "name: cut }\n"
             "  - { after: cut, once: \"switchover.count == 7\", fault: "
             "box.restart, target: ncp-3, name: nope }\n"
             "expect:\n"
             "  - { that: \"traffic.sent(a) > 10\" }\n"
             "  - { that: \"traffic.sent(never) > 10\" }\n"
             "ends: 400us\n",
             &outcome);
    expect_is(0, VERDICT_PASS);
    expect_is(1, VERDICT_INCONCLUSIVE);
    ck_assert_uint_eq(outcome.traffic.count, 1);
    ck_assert_uint_eq(row_of(0)->lasted.ps, 20 * PS_PER_US);
}
END_TEST

/* A dead card takes its packets with it, and nobody is to blame. */
START_TEST(loss_has_a_cause)
{
    run_text(
        QUIET
        "traffic:\n  - { name: a, pattern: pairs, from: ncp-0/0, to: "
        "ncp-1/0, load: 50%, at: 1us, for: 100us }\n"
        "timeline:\n"
        "  - { at: 50us, fault: box.power-loss, target: ncp-1 }\n"
        "expect:\n"
        "  - { that: \"traffic.delivered(a) > 40% and traffic.delivered(a) < "
        "60%\" }\n"
        "  - { that: \"oracles.violations(O5) == 0 and "
        "oracles.violations(O4) == 0\" }\n"
        "  - { that: \"traffic.lost(ttl) == 0\" }\n"
        "  - { that: \"traffic.loss-span > 20us\" }\n"
        "ends: 300us\n",
        &outcome);
    for (unsigned i = 0; i < 4; i++)
        expect_is(i, VERDICT_PASS);
}
END_TEST

START_TEST(no_traffic_no_metrics)
{
    run_text(QUIET "expect:\n  - { that: \"traffic.loss == 0%\" }\nends: 1s\n",
             &outcome);
    expect_is(0, VERDICT_INCONCLUSIVE);
    ck_assert(!has_metric("traffic.sent"));
    ck_assert(!has_metric("fabric.cells"));
    ck_assert_uint_eq(outcome.traffic.count, 0);
}
END_TEST

/* ---- oracles ---- */

static struct data_plane *broken;

static void
take_plane(struct world *world)
{
    broken = world->ops->plane(world);
}

/* Takes a route away in the middle. */
static bool
break_route(void *context, const struct run_progress *progress)
{
    struct fwd_route none = {
        .prefix = {.family = 4, .length = 24, .bytes = {10, 0, 40}},
        .group = FWD_GROUP_NONE,
    };
    bool *done = context;

    if (progress->booting || *done || progress->now.ps < 50 * PS_PER_US)
        return false;
    *done = true;
    for (unsigned i = 0; i < 10; i++)
        plane_routes_set(broken, i, &none, 1);
    return false;
}

START_TEST(o5_sees_a_black_hole)
{
    bool done = false;
    struct run_options options = {
        .progress = break_route, .context = &done, .dress = take_plane};

    run_with(QUIET
             "traffic:\n  - { name: a, pattern: pairs, from: ncp-0/0, to: "
             "ncp-1/0, load: 50%, at: 1us, for: 100us }\n"
             "timeline:\n"
             "  - { at: 50us, fault: link.down, target: link=ncp-3/fab-0 }\n"
             "ends: 300us\n",
             &options, &outcome);
    ck_assert(done);
    ck_assert_int_eq(outcome.verdict, VERDICT_FAIL);
    for (size_t i = 0; i < outcome.oracles.count; i++) {
        const struct outcome_oracle *row =
            ROWS_GET(&outcome.oracles, struct outcome_oracle, i);

        if (strcmp(row->id, "O5") == 0) {
            ck_assert_uint_gt(row->violations, 0);
            ck_assert_ptr_nonnull(strstr(row->first, "no route"));
        } else {
            ck_assert_uint_eq(row->violations, 0);
        }
    }
}
END_TEST

/* Routes are changed under traffic, and no packet notices. */
START_TEST(routes_change_without_loss)
{
    run_text(QUIET
             "traffic:\n  - { name: a, pattern: pairs, from: ncp-0/0..1, to: "
             "ncp-1/0..1, sizes: 512, load: 1%, routed: true, at: 1ms, for: "
             "40ms }\n"
             "capture: []\n"
             "timeline:\n"
             "  - { at: 5ms, action: route.change, hops: 2 }\n"
             "expect:\n"
             "  - { that: \"traffic.loss(a) == 0%\" }\n"
             "  - { that: \"oracles.violations == 0\" }\n"
             "ends: 60ms\n",
             &outcome);
    expect_is(0, VERDICT_PASS);
    expect_is(1, VERDICT_PASS);
}
END_TEST

/* ---- searches ---- */

START_TEST(search_finds_the_port)
{
    run_text(QUIET
             "traffic:\n  - { name: a, pattern: incast, from: ncp-0..1/0, to: "
             "ncp-2/0, load: 100%, burst-frames: 1, sizes: 64 }\n"
             "search: { traffic: a, sizes: [512, 1518], trial: 50us, drain: "
             "9us, resolution: 1%, latency-at: [0%, 50%] }\n"
             "expect:\n"
             "  - { that: \"search.throughput > 45% and search.throughput < "
             "55%\" }\n"
             "  - { that: \"search.latency(512) < 10us\" }\n"
             "  - { that: \"search.burst > 1\" }\n"
             "ends: 1ms\n",
             &outcome);
    expect_is(0, VERDICT_PASS);
    expect_is(1, VERDICT_PASS);
    expect_is(2, VERDICT_INCONCLUSIVE);
    ck_assert_uint_eq(outcome.searches.count, 2);
    ck_assert_uint_eq(
        ROWS_GET(&outcome.searches, struct outcome_search, 0)->load_count, 2);
    /* The block itself does not run. */
    ck_assert_uint_eq(outcome.traffic.count, 0);
}
END_TEST

/* ---- captures ---- */

static char folder[] = "/tmp/sixnines-run-XXXXXX";

static size_t
packets_in(const char *name)
{
    struct traffic_replay replay = {0};
    char path[128], message[256] = "";
    size_t count;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_assert_msg(
        capture_replay_load(path, &replay, message, sizeof(message)) == 0,
        "%s", message);
    count = replay.count;
    capture_replay_free(&replay);
    unlink(path);
    return count;
}

START_TEST(captures_hold_what_matches)
{
    struct run_options options = {.capture_dir = folder};

    strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    run_with(
        QUIET
        "traffic:\n"
        "  - { name: a, pattern: pairs, from: ncp-0/0..1, to: "
        "ncp-1/0..1, sizes: 512, load: 10%, at: 1us, for: 50us }\n"
        "  - { name: b, pattern: pairs, from: ncp-2/0, to: ncp-1/0, "
        "sizes: 64, load: 10%, at: 1us, for: 50us }\n"
        "capture:\n"
        "  - { port: ncp-0/0, file: in.pcapng }\n"
        "  - { port: ncp-1/0, file: all.pcapng, direction: out }\n"
        "  - { port: ncp-1/0, file: small.pcapng, filter: \"less 100\" }\n"
        "  - { port: ncp-1/0, file: from.pcapng, filter: \"src net "
        "10.0.0.0/24\" }\n"
        "ends: 300us\n",
        &options, &outcome);
    ck_assert_uint_eq(packets_in("all.pcapng"),
                      packets_in("small.pcapng") + packets_in("from.pcapng"));
    ck_assert_uint_gt(packets_in("in.pcapng"), 10);
    rmdir(folder);
}
END_TEST

START_TEST(captures_need_a_place)
{
    run_text(QUIET PAIR "capture: [{ port: ncp-0/0, file: a.pcapng }]\n"
                        "ends: 100us\n",
             &outcome);
    ck_assert_uint_eq(outcome.skips.count, 1);
    ck_assert_str_eq(ROWS_GET(&outcome.skips, struct outcome_skip, 0)->text,
                     "capture a.pcapng");
}
END_TEST

/* ---- what only the models know ---- */

static const struct {
    const char *text;
    const char *message;
} refusals[] = {
    {SMALL "traffic: [{ name: a, from: ncp-0/0..40, load: 1% }]\nends: 1s\n",
     "test.yaml:7:28: error: impossible ports: ncp-0 has no port 40; they run "
     "from 0 to 39"},
    {SMALL "traffic: [{ name: a, from: [ncp-0/0..3, ncp-0/3], load: 1% }]\n"
           "ends: 1s\n",
     "test.yaml:7:11: error: traffic \"a\": a port sends twice"},
    {SMALL "traffic: [{ name: a, from: ncp-0/0, load: 1% }]\nends: 1s\n",
     "test.yaml:7:11: error: traffic \"a\": "},
    {SMALL PAIR "capture: [{ port: ncp-0/40, file: a }]\nends: 1s\n",
     "test.yaml:9:19: error: impossible ports: ncp-0 has no port 40"},
};

START_TEST(plan_refuses)
{
    struct scenario *scenario = scenario_of(refusals[_i].text);
    struct run_options options = {
        .scenario = scenario, .seed = 1, .data_dir = TEST_DATA_DIR};
    struct cluster_plan *plan;
    char message[256] = "";

    ck_assert_int_ne(
        run_plan_create(&options, &plan, message, sizeof(message)), 0);
    ck_assert_msg(strncmp(message, refusals[_i].message,
                          strlen(refusals[_i].message)) == 0,
                  "%s", message);
    scenario_destroy(scenario);
    outcome_init(&outcome);
}
END_TEST

#define OVERLOADED                                                            \
    QUIET                                                                     \
    "traffic:\n"                                                              \
    "  - { name: a, pattern: incast, from: ncp-0..1/0..9, to: ncp-2/0, "      \
    "sizes: 1518, load: 20%, burst-frames: 1, at: 1ms, for: 20ms }\n"

/* The same scenario in both fidelities: 400 Gb/s for a port of 100. */
START_TEST(fidelities_agree)
{
    const struct outcome_traffic *row;
    uint64_t sent, lost;

    run_text(OVERLOADED "ends: 40ms\n", &outcome);
    row = row_of(0);
    sent = row->sent;
    lost = sent - row->delivered;
    ck_assert_uint_gt(lost, sent / 5);
    outcome_fini(&outcome);
    run_text(OVERLOADED
             "fidelity: flows\n"
             "expect:\n"
             "  - { that: \"traffic.lost(tail) > 0 and traffic.held == 0\" }\n"
             "  - { that: \"latency.p50(a) < 10us\" }\n"
             "  - { that: \"traffic.throughput(a) > 99Gbps and "
             "traffic.throughput(a) < 101Gbps\" }\n"
             "  - { that: \"traffic.loss-span > 5ms and traffic.loss-span < "
             "20ms\" }\n"
             "ends: 40ms\n",
             &outcome);
    expect_is(0, VERDICT_PASS);
    expect_is(1, VERDICT_NOT_APPLICABLE);
    expect_is(2, VERDICT_PASS);
    expect_is(3, VERDICT_PASS);
    row = row_of(0);
    /* Of what was sent, one in a hundred. */
    ck_assert_uint_le(row->sent, sent + sent / 1000);
    ck_assert_uint_ge(row->sent, sent - sent / 1000);
    ck_assert_uint_le(row->sent - row->delivered, lost + sent / 100);
    ck_assert_uint_ge(row->sent - row->delivered, lost - sent / 100);
}
END_TEST

TCase *
traffic_cases(void)
{
    TCase *tc = tcase_create("traffic");

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, packets_arrive);
    tcase_add_test(tc, fidelities_agree);
    tcase_add_test(tc, stages_make_latency);
    tcase_add_test(tc, same_seed_same_packets);
    tcase_add_test(tc, begins_after_its_event);
    tcase_add_test(tc, loss_has_a_cause);
    tcase_add_test(tc, no_traffic_no_metrics);
    tcase_add_test(tc, o5_sees_a_black_hole);
    tcase_add_test(tc, routes_change_without_loss);
    tcase_add_test(tc, search_finds_the_port);
    tcase_add_test(tc, captures_hold_what_matches);
    tcase_add_test(tc, captures_need_a_place);
    tcase_add_loop_test(tc, plan_refuses, 0, ARRAY_COUNT(refusals));
    tcase_set_timeout(tc, 120);
    return tc;
}
