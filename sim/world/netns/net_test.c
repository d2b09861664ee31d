/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world/netns/net_priv.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/netns/netns_test.h"

#define SECOND_NS 1000000000u

/* Two controllers, two management switches, a fabric box, two forwarders. */
struct bench {
    struct cluster_plan *plan;
    struct rack rack;
    struct net *net;
};

static void
bench_open(struct bench *bench)
{
    struct cluster_options options = {.ncp_count = 2,
                                      .ncf_count = 1,
                                      .ncp_model = "NCP-10CD",
                                      .ncf_model = "NCF-48D",
                                      .fabric_links_per_ncp = 2};
    char message[512] = "";
    int err = cluster_plan_create(TEST_DATA_DIR, &options, 1, &bench->plan,
                                  message, sizeof(message));

    ck_assert_msg(err == 0, "%s", message);
    err = rack_open(&bench->rack, message, sizeof(message));
    ck_assert_msg(err == 0, "%s", message);
    err = net_open(&bench->rack, bench->plan, &bench->net, message,
                   sizeof(message));
    ck_assert_msg(err == 0, "%s", message);
    for (unsigned i = 0; i < bench->plan->box_count; i++)
        net_box_cable(bench->net, i, true);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
            ck_assert(net_reaches(bench->net, plane, i, (i + 1) % 3));
    }
}

static void
bench_close(struct bench *bench)
{
    net_close(bench->net);
    rack_close(&bench->rack);
    cluster_plan_destroy(bench->plan);
}

/* Of 'count' frames, how many arrive? */
static unsigned
pass(struct bench *bench, enum plane plane, unsigned from, unsigned to,
     unsigned count)
{
    struct net_measure measure;

    net_measure(bench->net, plane, from, to, count, SECOND_NS / 20, &measure);
    return measure.received;
}

/* The kernel tells a carrier a little late. */
static bool
becomes(int control, const char *name, bool running)
{
    for (unsigned i = 0; i < 1000000; i++) {
        if (interface_running(control, name) == running)
            return true;
        (void)sched_yield();
    }
    return false;
}

START_TEST(planes_are_apart)
{
    struct bench bench;

    bench_open(&bench);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 1, 5), 5);
    ck_assert_uint_eq(pass(&bench, PLANE_B, 1, 0, 5), 5);
    net_plane_power(bench.net, PLANE_A, false);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 1, 5), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_B, 0, 1, 5), 5);
    ck_assert_int_eq(net_plane_verify(bench.net, PLANE_A), 0);
    bench.net->powered[PLANE_B] = false; /* it is not */
    ck_assert_int_eq(net_plane_verify(bench.net, PLANE_B), ERR_UNSUPPORTED);
    bench.net->powered[PLANE_B] = true;
    net_plane_power(bench.net, PLANE_A, true);
    ck_assert(net_reaches(bench.net, PLANE_A, 0, 1));
    bench_close(&bench);
}
END_TEST

START_TEST(dark_box_hears_nothing)
{
    struct bench bench;

    bench_open(&bench);
    net_box_cable(bench.net, 1, false);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 1, 5), 0);
    ck_assert(becomes(bench.net->boxes[1].control, "mgmt0", false));
    net_box_cable(bench.net, 1, true);
    ck_assert(net_reaches(bench.net, PLANE_A, 0, 1));
    bench_close(&bench);
}
END_TEST

START_TEST(one_way_is_one_way)
{
    struct bench bench;
    struct net_leg *leg;

    bench_open(&bench);
    leg = &bench.net->boxes[0].legs[PLANE_A];
    leg->mute = true;
    ck_assert_int_eq(net_leg_apply(bench.net, 0, PLANE_A), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 1, 5), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 1, 0, 5), 5);
    leg->mute = false;
    leg->deaf = true;
    ck_assert_int_eq(net_leg_apply(bench.net, 0, PLANE_A), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 1, 5), 5);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 1, 0, 5), 0);
    leg->deaf = false;
    leg->down = true;
    ck_assert_int_eq(net_leg_apply(bench.net, 0, PLANE_A), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 1, 5), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_B, 0, 1, 5), 5);
    bench_close(&bench);
}
END_TEST

START_TEST(loss_is_as_asked)
{
    struct bench bench;
    struct net_leg *leg;
    unsigned received;

    bench_open(&bench);
    leg = &bench.net->boxes[0].legs[PLANE_A];
    leg->loss_ppm = 250000;
    ck_assert_int_eq(net_leg_apply(bench.net, 0, PLANE_A), 0);
    received = pass(&bench, PLANE_A, 0, 1, 2000);
    /* 1500 with a standard deviation of 19. */
    ck_assert_uint_gt(received, 1350);
    ck_assert_uint_lt(received, 1650);
    leg->loss_ppm = 0;
    ck_assert_int_eq(net_leg_apply(bench.net, 0, PLANE_A), 0);
    bench_close(&bench);
}
END_TEST

/* The verification must be able to say no. */
START_TEST(rules_that_do_nothing_are_seen)
{
    struct bench bench;
    struct net_leg *leg;

    bench_open(&bench);
    leg = &bench.net->boxes[0].legs[PLANE_A];
    leg->loss_ppm = 250000; /* wanted, but no rule was made */
    ck_assert_int_eq(net_leg_verify(bench.net, 0, PLANE_A), ERR_UNSUPPORTED);
    ck_assert_str_ne(bench.net->why, "");
    leg->loss_ppm = 0;
    leg->delay_ns = 200000000;
    ck_assert_int_eq(net_leg_verify(bench.net, 0, PLANE_A), ERR_UNSUPPORTED);
    leg->delay_ns = 0;
    leg->mute = true;
    ck_assert_int_eq(net_leg_verify(bench.net, 0, PLANE_A), ERR_UNSUPPORTED);
    bench_close(&bench);
}
END_TEST

START_TEST(delay_is_as_asked)
{
    struct bench bench;
    struct net_measure measure;

    bench_open(&bench);
    ck_assert_int_eq(net_leg_delay(bench.net, 0, PLANE_B, 20000000), 0);
    net_measure(bench.net, PLANE_B, 0, 1, 4, SECOND_NS, &measure);
    ck_assert_uint_eq(measure.received, 4);
    ck_assert_uint_ge(measure.delay_min_ns, 19000000);
    net_measure(bench.net, PLANE_B, 1, 2, 4, SECOND_NS, &measure);
    ck_assert_uint_eq(measure.received, 4);
    ck_assert_uint_lt(measure.delay_min_ns, 19000000);
    ck_assert_int_eq(net_leg_delay(bench.net, 0, PLANE_B, 0), 0);
    net_measure(bench.net, PLANE_B, 0, 1, 4, SECOND_NS, &measure);
    ck_assert_uint_eq(measure.received, 4);
    ck_assert_uint_lt(measure.delay_min_ns, 19000000);
    bench_close(&bench);
}
END_TEST

/* Loss, partitions and delay of one leg together. */
START_TEST(delayed_leg_keeps_its_rules)
{
    struct bench bench;
    struct net_measure measure;

    bench_open(&bench);
    ck_assert_int_eq(net_leg_delay(bench.net, 0, PLANE_A, 2000000), 0);
    net_block(bench.net, PLANE_A, 0, 1, true);
    ck_assert_int_eq(net_rules_apply(bench.net), 0);
    net_measure(bench.net, PLANE_A, 0, 1, 4, SECOND_NS / 10, &measure);
    ck_assert_uint_eq(measure.received, 0);
    net_measure(bench.net, PLANE_A, 1, 0, 4, SECOND_NS, &measure);
    ck_assert_uint_eq(measure.received, 4);
    bench_close(&bench);
}
END_TEST

START_TEST(partition_cuts_what_it_names)
{
    struct bench bench;
    struct box_set from = {{0}}, to = {{0}};

    bench_open(&bench);
    box_set_add(&from, 0);
    box_set_add(&from, 1);
    box_set_add(&to, 2);
    net_block(bench.net, PLANE_A, 0, 2, true);
    net_block(bench.net, PLANE_A, 1, 2, true);
    net_block(bench.net, PLANE_A, 1, 2, true);
    ck_assert_int_eq(net_rules_apply(bench.net), 0);
    ck_assert_int_eq(net_blocks_verify(bench.net, &from, &to, PLANE_A), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 2, 3), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 2, 0, 3), 3);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 1, 3), 3);
    ck_assert_uint_eq(pass(&bench, PLANE_B, 0, 2, 3), 3);
    /* What was forbidden twice stays forbidden. */
    net_block(bench.net, PLANE_A, 0, 2, false);
    net_block(bench.net, PLANE_A, 1, 2, false);
    ck_assert_int_eq(net_rules_apply(bench.net), 0);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 0, 2, 3), 3);
    ck_assert_uint_eq(pass(&bench, PLANE_A, 1, 2, 3), 0);
    bench_close(&bench);
}
END_TEST

START_TEST(fabric_link_goes_dark_at_both_ends)
{
    struct bench bench;
    const struct plan_cable *cable;
    char near[16], far[16];
    int near_control, far_control;

    bench_open(&bench);
    cable = &bench.plan->cables[0];
    near_control = bench.net->boxes[cable->ncp_box].control;
    far_control = bench.net->boxes[cable->ncf_box].control;
    (void)snprintf(near, sizeof(near), "fab%u", cable->ncp_port);
    (void)snprintf(far, sizeof(far), "fab%u", cable->ncf_port);
    ck_assert(becomes(near_control, near, true));
    ck_assert(becomes(far_control, far, true));
    net_fabric_link(bench.net, cable, false);
    ck_assert(becomes(near_control, near, false));
    ck_assert(becomes(far_control, far, false));
    net_fabric_link(bench.net, cable, true);
    ck_assert(becomes(near_control, near, true));
    ck_assert(becomes(far_control, far, true));
    ck_assert_int_eq(
        net_fabric_loss(bench.net, cable->ncf_box, cable->ncf_port, 500000),
        0);
    ck_assert_int_eq(net_fabric_verify(bench.net, cable->ncp_box,
                                       cable->ncp_port, cable->ncf_box,
                                       cable->ncf_port),
                     0);
    /* Wanted, but no rule was made. */
    bench.net->boxes[cable->ncp_box].fabric_loss[cable->ncp_port] = 500000;
    ck_assert_int_eq(net_fabric_verify(bench.net, cable->ncf_box,
                                       cable->ncf_port, cable->ncp_box,
                                       cable->ncp_port),
                     ERR_UNSUPPORTED);
    bench_close(&bench);
}
END_TEST

TCase *
net_tcase(void)
{
    TCase *tcase = tcase_create("net");

    tcase_add_test(tcase, planes_are_apart);
    tcase_add_test(tcase, dark_box_hears_nothing);
    tcase_add_test(tcase, one_way_is_one_way);
    tcase_add_test(tcase, loss_is_as_asked);
    tcase_add_test(tcase, rules_that_do_nothing_are_seen);
    tcase_add_test(tcase, delay_is_as_asked);
    tcase_add_test(tcase, delayed_leg_keeps_its_rules);
    tcase_add_test(tcase, partition_cuts_what_it_names);
    tcase_add_test(tcase, fabric_link_goes_dark_at_both_ends);
    return tcase;
}
