/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenarios of plain queues.
 */
#include "sim/run/run_test.h"

#include <string.h>

#define NETWORK                                                               \
    "format: 1\nscenario: test\nabout: A test.\nworlds: [des, ns3]\n"         \
    "network: { leaf-spine: { leaves: 3, spines: 2, hosts: 2, rate: "         \
    "10Gbps, delay: 500ns, buffer: 16 } }\nseed: 3\n"

#define TRAFFIC(load)                                                         \
    "traffic:\n  - { name: all, from: host-*, sizes: 1000, load: " load       \
    ", at: 10us, for: 1ms }\n"

static struct outcome outcome;

static void
teardown(void)
{
    outcome_fini(&outcome);
}

START_TEST(queues_carry)
{
    struct digest_value digest;

    run_text(NETWORK TRAFFIC("30%") "expect:\n"
                                    "  - { that: \"traffic.loss == 0%\" }\n"
                                    "  - { that: \"traffic.held == 0\" }\n"
                                    "  - { that: \"latency.min > 2us\" }\n"
                                    "ends: 2ms\n",
             &outcome);
    ck_assert_int_eq(outcome.verdict, VERDICT_PASS);
    ck_assert_uint_eq(outcome.boxes, 0);
    ck_assert_uint_eq(outcome.ports, 6);
    ck_assert_uint_eq(outcome.traffic.count, 1);
    /* 6 x 30 % of 1225 a millisecond. */
    ck_assert_uint_gt(metric_of(&outcome, "traffic.sent", "all"), 1900);
    ck_assert_uint_lt(metric_of(&outcome, "traffic.sent", "all"), 2500);
    ck_assert_uint_eq(metric_of(&outcome, "traffic.delivered", "all"),
                      1000000000);
    /* To the same leaf: two links of 816 and 500 ns. */
    ck_assert_uint_eq(metric_of(&outcome, "latency.min", "all"), 2632000);
    digest = outcome.digest;
    outcome_fini(&outcome);
    run_text(NETWORK TRAFFIC("30%") "ends: 2ms\n", &outcome);
    ck_assert(run_digest_equal(digest, outcome.digest));
}
END_TEST

/* Two spines for four hosts of two other leaves. */
START_TEST(queues_overflow)
{
    const struct outcome_traffic *row;

    run_text(NETWORK TRAFFIC("100%") "expect:\n"
                                     "  - { that: \"traffic.loss == 0%\" }\n"
                                     "ends: 2ms\n",
             &outcome);
    ck_assert_int_eq(outcome.verdict, VERDICT_FAIL);
    row = ROWS_GET(&outcome.traffic, struct outcome_traffic, 0);
    ck_assert_uint_gt(row->dropped[PLANE_DROP_TAIL], 0);
    ck_assert_uint_eq(row->sent,
                      row->delivered + row->dropped[PLANE_DROP_TAIL]);
    ck_assert_uint_eq(row->sent_bytes,
                      row->delivered_bytes +
                          row->dropped_bytes[PLANE_DROP_TAIL]);
}
END_TEST

START_TEST(no_boxes_there)
{
    run_text(NETWORK TRAFFIC("30%") "expect:\n"
                                    "  - { that: \"cluster.converged\" }\n"
                                    "  - { that: \"fabric.cells > 0\" }\n"
                                    "ends: 2ms\n",
             &outcome);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(expect_of(&outcome, i)->verdict,
                         VERDICT_NOT_APPLICABLE);
}
END_TEST

START_TEST(no_helper)
{
    struct run_options options = {.world = WORLD_NS3,
                                  .ns3_helper = "/nonexistent/helper"};

    run_with(NETWORK TRAFFIC("30%") "expect:\n"
                                    "  - { that: \"traffic.held == 0\" }\n"
                                    "ends: 2ms\n",
             &options, &outcome);
    ck_assert_int_eq(outcome.verdict, VERDICT_INCONCLUSIVE);
    ck_assert_ptr_nonnull(strstr(outcome.note, "no helper of world ns3"));
}
END_TEST

START_TEST(other_worlds)
{
    struct scenario *scenario =
        scenario_of(NETWORK TRAFFIC("30%") "ends: 2ms\n");
    char message[200];

    outcome_init(&outcome);
    ck_assert_int_eq(
        run_supported(scenario, WORLD_NETNS, message, sizeof(message)),
        ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(message, "no network of plain queues"));
    scenario_destroy(scenario);
}
END_TEST

TCase *
network_cases(void)
{
    TCase *cases = tcase_create("networks of queues");

    tcase_add_checked_fixture(cases, NULL, teardown);
    tcase_add_test(cases, queues_carry);
    tcase_add_test(cases, queues_overflow);
    tcase_add_test(cases, no_boxes_there);
    tcase_add_test(cases, no_helper);
    tcase_add_test(cases, other_worlds);
    return cases;
}
