/* SPDX-License-Identifier: Apache-2.0
 *
 * The same traffic and the same changes through packets and through rates:
 * the share of frames lost agrees within the error that README.md states.
 */
#include "models/flows/flows_test.h"

#include <stdio.h>
#include <stdlib.h>

#define PPM 1000000

/* Of frames sent. */
static uint64_t
loss_ppm_packets(const struct plane_flow_stats *stats)
{
    uint64_t lost = 0;

    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        lost += stats->dropped[i];
    ck_assert_uint_gt(stats->sent, 0);
    return lost * PPM / stats->sent;
}

static void
causes_print(const char *name, const struct plane_flow_stats *packets,
             const struct flows_stats *flows)
{
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++) {
        if (packets->dropped[i] > 0 || flows->dropped[i] > 0)
            printf("    %-14s %-11s packets %9llu  flows %9llu\n", name,
                   plane_drop_name((enum plane_drop)i),
                   (unsigned long long)packets->dropped[i],
                   (unsigned long long)flows->dropped[i]);
    }
}

/* Loss agrees within 'error_ppm' of what was offered, and is above
 * 'at_least_ppm', so that the case is one. */
static void
agree(struct rig *rig, const char *name, unsigned flow, uint64_t error_ppm,
      uint64_t at_least_ppm)
{
    const struct plane_flow_stats *packets = plane_flow(rig->plane, flow);
    const struct flows_stats *flows = flows_flow(rig->flows, flow);
    uint64_t a = loss_ppm_packets(packets), b = flows->lost_ppt / PPM;

    printf("  %-16s packets lose %6llu ppm of %llu, flows %6llu ppm of %llu\n",
           name, (unsigned long long)a, (unsigned long long)packets->sent,
           (unsigned long long)b, (unsigned long long)flows->sent);
    causes_print(name, packets, flows);
    ck_assert_msg(a <= b + error_ppm && b <= a + error_ppm,
                  "%s: packets lose %llu ppm, flows %llu ppm: more than %llu "
                  "ppm apart",
                  name, (unsigned long long)a, (unsigned long long)b,
                  (unsigned long long)error_ppm);
    ck_assert_uint_ge(a, at_least_ppm);
    ck_assert_uint_ge(b, at_least_ppm);
    /* What is offered agrees too: a packet counts when it has come through the
     * pipeline, 2 us later; 200 of a Poisson process may be early or late. */
    ck_assert_uint_le(packets->sent, flows->sent + flows->sent / 100 + 200);
    ck_assert_uint_le(flows->sent -
                          flows->sent * 2 * US / flows_now_ns(rig->flows),
                      packets->sent + packets->sent / 100 + 200);
}

static void
small(struct rig *rig)
{
    rig_plan(rig, "ddc-small");
    rig->asic.voq_limit_ps = 100000000; /* 100 us: queues fill in time */
    rig_start(rig, true);
}

static void
uniform(const char *name, uint32_t load_ppm, uint64_t until_ns)
{
    struct rig rig;
    uint32_t ends[160];
    struct traffic_spec spec;
    unsigned flow;

    small(&rig);
    ends_of(ends, 0, 160);
    spec = spec_of(TRAFFIC_UNIFORM, ends, 160, NULL, 0, 1518, load_ppm);
    flow = rig_add(&rig, &spec);
    rig_run(&rig, until_ns);
    agree(&rig, name, flow, 100, 0);
    rig_stop(&rig);
}

START_TEST(uniform_50)
{
    uniform("uniform-50", 500000, 100 * US);
}
END_TEST

START_TEST(uniform_90)
{
    uniform("uniform-90", 900000, 100 * US);
}
END_TEST

/* 30 ports, each with 20 % of 100 Gb/s for one port and no more. */
START_TEST(hot_spot)
{
    struct rig rig;
    uint32_t senders[30], receivers[40];
    struct traffic_spec spec;
    unsigned flow;

    small(&rig);
    ends_of(senders, 0, 30);
    ends_of(receivers, 40, 40);
    spec = spec_of(TRAFFIC_HOT_SPOT, senders, 30, receivers, 40, 1518, 500000);
    spec.hot_ppm = 400000;
    flow = rig_add(&rig, &spec);
    rig_run(&rig, 1500 * US);
    agree(&rig, "hot-spot", flow, 5000, 200000);
    rig_stop(&rig);
}
END_TEST

START_TEST(incast)
{
    struct rig rig;
    uint32_t senders[12] = {0, 1, 2, 3, 80, 81, 82, 83, 120, 121, 122, 123};
    uint32_t receivers[1] = {40};
    struct traffic_spec spec;
    unsigned flow;

    small(&rig);
    spec = spec_of(TRAFFIC_INCAST, senders, 12, receivers, 1, 1518, 250000);
    spec.arrivals = TRAFFIC_CONSTANT;
    spec.burst_frames = 4;
    flow = rig_add(&rig, &spec);
    rig_run(&rig, 2 * MS);
    agree(&rig, "incast", flow, 10000, 400000);
    rig_stop(&rig);
}
END_TEST

/* Some ways have less than others: max-min, not in proportion. */
START_TEST(unfair)
{
    struct rig rig;
    uint32_t one[1] = {0}, six[6] = {80, 81, 82, 83, 84, 85};
    uint32_t receivers[1] = {40};
    struct traffic_spec a, b;
    unsigned flows[2];

    small(&rig);
    a = spec_of(TRAFFIC_PAIRS, one, 1, receivers, 1, 1518, 300000);
    b = spec_of(TRAFFIC_PAIRS, six, 6, receivers, 1, 1518, 300000);
    b.id = 1;
    flows[0] = rig_add(&rig, &a);
    flows[1] = rig_add(&rig, &b);
    rig_run(&rig, 2 * MS);
    agree(&rig, "fair-share", flows[0], 1000, 0);
    agree(&rig, "fair-share-rest", flows[1], 10000, 400000);
    rig_stop(&rig);
}
END_TEST

/* 40 ports of one card at 90 %: 3.6 Tb/s, and of 13 links 6 or 7 are left. */
START_TEST(fabric_box_lost)
{
    struct rig rig;
    uint32_t senders[40], receivers[120];
    struct traffic_spec spec;
    unsigned flow;

    small(&rig);
    ends_of(senders, 0, 40);
    ends_of(receivers, 40, 120);
    spec = spec_of(TRAFFIC_UNIFORM, senders, 40, receivers, 120, 1518, 900000);
    flow = rig_add(&rig, &spec);
    rig_run(&rig, 100 * US);
    agree(&rig, "before", flow, 100, 0);
    plane_box_set(rig.plane, rig_box(&rig, "ncf-0"), false);
    flows_box_set(rig.flows, rig_box(&rig, "ncf-0"), false);
    rig_run(&rig, 1100 * US);
    agree(&rig, "fabric-box", flow, 20000, 150000);
    rig_stop(&rig);
}
END_TEST

START_TEST(card_lost)
{
    struct rig rig;
    uint32_t ends[160];
    struct traffic_spec spec;
    unsigned flow;

    small(&rig);
    ends_of(ends, 0, 160);
    spec = spec_of(TRAFFIC_UNIFORM, ends, 160, NULL, 0, 1518, 300000);
    flow = rig_add(&rig, &spec);
    rig_run(&rig, 100 * US);
    plane_box_set(rig.plane, rig_box(&rig, "ncp-1"), false);
    flows_box_set(rig.flows, rig_box(&rig, "ncp-1"), false);
    rig_run(&rig, 300 * US);
    agree(&rig, "card", flow, 5000, 200000);
    rig_stop(&rig);
}
END_TEST

/* Port 1 of card 1 is programmed to leave by port 2 on card 0. */
static void
route_break(struct rig *rig)
{
    struct fwd_prefix host;
    struct fwd_route route = {.group = 2 + 42};
    unsigned box = flows_end(rig->flows, 0).box;

    flows_address(rig->flows, 41, &host);
    route.prefix = host;
    route.prefix.length = 32;
    plane_routes_set(rig->plane, box, &route, 1);
    flows_routes_set(rig->flows, box, &route, 1);
    flows_address(rig->flows, 43, &host);
    route.prefix = host;
    route.prefix.length = 24;
    route.group = FWD_GROUP_NONE;
    plane_routes_set(rig->plane, box, &route, 1);
    flows_routes_set(rig->flows, box, &route, 1);
}

START_TEST(wrong_table)
{
    struct rig rig;
    uint32_t senders[20], receivers[40];
    struct traffic_spec spec;
    unsigned flow;

    small(&rig);
    ends_of(senders, 0, 20);
    ends_of(receivers, 40, 40);
    spec = spec_of(TRAFFIC_UNIFORM, senders, 20, receivers, 40, 1518, 500000);
    flow = rig_add(&rig, &spec);
    rig_run(&rig, 200 * US);
    route_break(&rig);
    rig_run(&rig, 1000 * US);
    agree(&rig, "wrong-table", flow, 5000, 35000);
    ck_assert_uint_gt(flows_flow(rig.flows, flow)->dropped[PLANE_DROP_STRAY],
                      0);
    ck_assert_uint_gt(
        flows_flow(rig.flows, flow)->dropped[PLANE_DROP_NO_ROUTE], 0);
    rig_stop(&rig);
}
END_TEST

/* A group of two hops, one of which is wrong: the hash decides. */
START_TEST(group_of_two)
{
    struct rig rig;
    uint32_t senders[20], receivers[40];
    struct fwd_group group = {.id = 1000, .count = 2};
    struct fwd_route route = {.group = 1000};
    struct traffic_spec spec;
    unsigned flow, box;

    small(&rig);
    ends_of(senders, 0, 20);
    ends_of(receivers, 40, 40);
    spec = spec_of(TRAFFIC_UNIFORM, senders, 20, receivers, 40, 1518, 300000);
    spec.flows = 4;
    flow = rig_add(&rig, &spec);
    box = flows_end(rig.flows, 0).box;
    for (unsigned i = 0; i < 2; i++)
        group.hops[i] = (struct fwd_hop){
            .module = (uint16_t)(flows_end(rig.flows, 41).box + 1),
            .port = (uint16_t)(1 + i)};
    flows_address(rig.flows, 41, &route.prefix);
    plane_groups_set(rig.plane, box, &group, 1);
    plane_routes_set(rig.plane, box, &route, 1);
    flows_groups_set(rig.flows, box, &group, 1);
    flows_routes_set(rig.flows, box, &route, 1);
    rig_run(&rig, 2 * MS);
    agree(&rig, "group-of-two", flow, 1000, 5000);
    rig_stop(&rig);
}
END_TEST

Suite *
agree_suite(void)
{
    Suite *suite = suite_create("agree");
    TCase *tcase = tcase_create("with packets");

    tcase_add_test(tcase, uniform_50);
    tcase_add_test(tcase, uniform_90);
    tcase_add_test(tcase, hot_spot);
    tcase_add_test(tcase, incast);
    tcase_add_test(tcase, unfair);
    tcase_add_test(tcase, fabric_box_lost);
    tcase_add_test(tcase, card_lost);
    tcase_add_test(tcase, wrong_table);
    tcase_add_test(tcase, group_of_two);
    suite_add_tcase(suite, tcase);
    return suite;
}
