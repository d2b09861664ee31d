/* SPDX-License-Identifier: Apache-2.0
 *
 * The meters of lanes: quiet while the rule holds, loud when it is broken.
 */
#include "sim/world/des/des_test.h"

#include <string.h>

static struct small small;

/* A cluster that boots exercises every hop and keeps the rule on each. */
START_TEST(a_boot_keeps_the_rule)
{
    uint64_t waited[LANE_HOP_COUNT] = {0};
    uint64_t frame_ps;

    small_boot(&small, 1);
    frame_ps = mgmt_net_frame_longest(small.des->net).ps;
    for (unsigned i = 0; i < small.plan->box_count; i++) {
        struct world_load load;

        small.world->ops->load(small.world, i, &load);
        for (unsigned hop = 0; hop < LANE_HOP_COUNT; hop++) {
            waited[hop] += load.lanes[hop].waited;
            ck_assert_uint_le(load.lanes[hop].units, 1);
            ck_assert_uint_le(load.lanes[hop].time.ps,
                              hop == LANE_HOP_CPU
                                  ? (PLAT_QUANTUM_NS + DES_QUANTUM_SLACK_NS) *
                                        SIMTIME_PS_PER_NS
                                  : frame_ps);
        }
    }
    for (unsigned hop = 0; hop < LANE_HOP_COUNT; hop++)
        ck_assert_uint_gt(waited[hop], 0);
    ck_assert_uint_gt(small.seen[OBSERVE_LANES], 0);
    small_destroy(&small);
}
END_TEST

/* A service that handles bulk, whatever waits. */
static void
bulk_handler(struct des_box *box, uint64_t ns)
{
    struct des_thread *thread = &box->threads[SVC_BUS];

    lanes_begin(box, SVC_BUS, LANE_BULK,
                PLAT_QUANTUM_NS + DES_QUANTUM_SLACK_NS);
    thread->busy_until =
        simtime_add(kernel_now(box->des->kernel), simtime_from_ns(ns));
    lanes_end(box, SVC_BUS);
}

/* To a moment at which the bus of 'box' has nothing to do. */
static void
until_idle(struct des_box *box)
{
    for (unsigned i = 0; i < 1000; i++) {
        if (runtime_waiting(box->runtime, SVC_BUS) == 0 &&
            !simtime_before(small.world->ops->now(small.world),
                            box->threads[SVC_BUS].busy_until))
            return;
        ck_assert(des_step(small.world));
    }
    ck_abort_msg("the bus is never idle");
}

static struct des_box *
bus_at_rest(void)
{
    struct des_box *box;

    small_boot(&small, 1);
    box = small_box(&small, "ncp-0");
    until_idle(box);
    memset(&box->load.lanes, 0, sizeof(box->load.lanes));
    small.seen[OBSERVE_LANES] = 0;
    return box;
}

static void
liveness_arrives(struct des_box *box)
{
    uint8_t noise[32] = {0};

    runtime_datagram(box->runtime, PLANE_A, 1, LANE_LIVENESS, noise,
                     sizeof(noise));
}

static bool
handled(struct des_box *box)
{
    return (runtime_waiting(box->runtime, SVC_BUS) & (1u << LANE_LIVENESS)) ==
           0;
}

/* What arrives meanwhile waits for the rest of one handler. */
START_TEST(one_handler_is_within_the_rule)
{
    struct des_box *box = bus_at_rest();

    bulk_handler(box, 60000);
    liveness_arrives(box);
    while (!handled(box))
        ck_assert(des_step(small.world));
    ck_assert_uint_eq(box->load.lanes[LANE_HOP_CPU].waited, 1);
    ck_assert_uint_eq(box->load.lanes[LANE_HOP_CPU].units, 1);
    ck_assert_uint_eq(box->load.lanes[LANE_HOP_CPU].time.ps,
                      simtime_from_ns(60000).ps);
    ck_assert_uint_eq(small.lanes.box, box->index);
    ck_assert_uint_eq(small.lanes.service, SVC_BUS);
    ck_assert_uint_eq(small.lanes.a, LANE_HOP_CPU);
    ck_assert_uint_eq(small.lanes.b, 1);
    ck_assert_uint_eq(small.lanes.c, simtime_from_ns(60000).ps);
    ck_assert_uint_eq(
        small.lanes.d,
        simtime_from_ns(PLAT_QUANTUM_NS + DES_QUANTUM_SLACK_NS).ps);
    small_destroy(&small);
}
END_TEST

/* A dispatcher that overtakes is seen, though each handler keeps to its
 * quantum and the event found its service idle. */
START_TEST(a_handler_that_overtakes_is_seen)
{
    struct des_box *box = bus_at_rest();

    liveness_arrives(box);
    bulk_handler(box, 40000);
    bulk_handler(box, 50000);
    while (!handled(box))
        ck_assert(des_step(small.world));
    ck_assert_uint_eq(box->load.lanes[LANE_HOP_CPU].units, 2);
    ck_assert_uint_eq(small.lanes.a, LANE_HOP_CPU);
    ck_assert_uint_eq(small.lanes.b, 2);
    ck_assert_uint_eq(small.lanes.c, simtime_from_ns(90000).ps);
    small_destroy(&small);
}
END_TEST

/* What waited for a service dies with it; its next life starts afresh. */
START_TEST(the_dead_wait_for_nothing)
{
    struct des_box *box = bus_at_rest();

    liveness_arrives(box);
    bulk_handler(box, 40000);
    ck_assert_uint_ne(box->threads[SVC_BUS].marked, 0);
    ck_assert_int_eq(runtime_kill(box->runtime, SVC_BUS), 0);
    ck_assert_uint_eq(box->threads[SVC_BUS].marked, 0);
    small_run_ms(&small, 1000);
    ck_assert_uint_le(box->load.lanes[LANE_HOP_CPU].units, 1);
    small_destroy(&small);
}
END_TEST

Suite *
lanes_suite(void)
{
    Suite *suite = suite_create("lanes");
    TCase *tc = tcase_create("meters");

    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, a_boot_keeps_the_rule);
    tcase_add_test(tc, one_handler_is_within_the_rule);
    tcase_add_test(tc, a_handler_that_overtakes_is_seen);
    tcase_add_test(tc, the_dead_wait_for_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
