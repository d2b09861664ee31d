/* SPDX-License-Identifier: Apache-2.0 */
#include "models/mgmt_net.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/models_test.h"

#define BOXES 4
#define ARRIVALS_MAX 4096

struct arrival {
    unsigned box;
    enum plane plane;
    enum lane lane;
    uint64_t from;
    uint32_t number;
    struct simtime at;
};

struct rig {
    struct kernel *kernel;
    struct mgmt_net *net;
    unsigned count;
    struct arrival arrivals[ARRIVALS_MAX];
    unsigned waited;       /* calls */
    struct lane_wait wait; /* for most frames */
    unsigned wait_box;
    enum lane_hop wait_hop;
};

static void
on_deliver(void *context, unsigned box, enum plane plane, uint64_t from,
           enum lane lane, const void *bytes, size_t size)
{
    struct rig *rig = context;
    struct arrival *arrival = &rig->arrivals[rig->count++];

    ck_assert_uint_lt(rig->count, ARRIVALS_MAX);
    ck_assert_uint_ge(size, sizeof(arrival->number));
    *arrival =
        (struct arrival){box, plane, lane, from, 0, kernel_now(rig->kernel)};
    memcpy(&arrival->number, bytes, sizeof(arrival->number));
}

static void
on_waited(void *context, unsigned box, enum lane_hop hop,
          const struct lane_wait *wait)
{
    struct rig *rig = context;

    rig->waited++;
    if (wait->units <= rig->wait.units)
        return;
    rig->wait = *wait;
    rig->wait_box = box;
    rig->wait_hop = hop;
}

static struct rig *
rig_create_with(bool one_queue)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct mgmt_net_options options = {
        .box_count = BOXES,
        .link_bps = 1000000000,
        .link_delay = simtime_from_ns(150),
        .switch_latency = simtime_from_us(2),
        .queue_bytes = 100000,
        .seed = 1,
        .deliver = on_deliver,
        .waited = on_waited,
        .context = rig,
        .one_queue = one_queue,
    };

    rig->kernel = kernel_create();
    rig->net = mgmt_net_create(rig->kernel, &options);
    for (unsigned i = 0; i < BOXES; i++) {
        mgmt_net_box_address(rig->net, i, 100 + i);
        mgmt_net_box_power(rig->net, i, true);
    }
    return rig;
}

static struct rig *
rig_create(void)
{
    return rig_create_with(false);
}

static void
rig_destroy(struct rig *rig)
{
    mgmt_net_destroy(rig->net);
    kernel_destroy(rig->kernel);
    free(rig);
}

static void
send(struct rig *rig, unsigned box, uint64_t to, enum lane lane,
     uint32_t number, size_t size)
{
    uint8_t bytes[PLAT_DATAGRAM_MAX] = {0};

    memcpy(bytes, &number, sizeof(number));
    mgmt_net_send(rig->net, box, PLANE_A, to, lane, bytes, size,
                  kernel_now(rig->kernel));
}

static void
run(struct rig *rig)
{
    (void)kernel_run_count(rig->kernel, 100000);
}

/* Store and forward: twice the frame on the wire, twice the cable. */
START_TEST(one_frame_takes_its_time)
{
    struct rig *rig = rig_create();

    send(rig, 0, 101, LANE_CONTROL, 7, 414); /* 500 B on the wire: 4 us */
    run(rig);
    ck_assert_uint_eq(rig->count, 1);
    ck_assert_uint_eq(rig->arrivals[0].box, 1);
    ck_assert_uint_eq(rig->arrivals[0].from, 100);
    ck_assert_uint_eq(rig->arrivals[0].at.ps,
                      simtime_from_ns(4000 + 150 + 2000 + 4000 + 150).ps);
    rig_destroy(rig);
}
END_TEST

START_TEST(broadcast_reaches_all_others)
{
    struct rig *rig = rig_create();

    send(rig, 2, PLAT_ADDRESS_ALL, LANE_LIVENESS, 1, 100);
    send(rig, 2, 999, LANE_LIVENESS, 2, 100); /* Nobody. */
    run(rig);
    ck_assert_uint_eq(rig->count, BOXES - 1);
    for (unsigned i = 0; i < rig->count; i++)
        ck_assert_uint_ne(rig->arrivals[i].box, 2);
    rig_destroy(rig);
}
END_TEST

/* A full bulk lane delays a liveness frame by one frame per hop at most. */
START_TEST(lanes_are_strict)
{
    struct rig *rig = rig_create();
    struct simtime late = simtime_from_ps(0);

    for (uint32_t i = 0; i < 60; i++)
        send(rig, 0, 101, LANE_BULK, i, 1400);
    send(rig, 0, 101, LANE_LIVENESS, 1000, 64);
    run(rig);
    ck_assert_uint_eq(rig->count, 61);
    for (unsigned i = 0; i < rig->count; i++) {
        if (rig->arrivals[i].number == 1000)
            late = rig->arrivals[i].at;
    }
    /* 1486 B last 11.888 us, 150 B 1.2 us: one big frame on each hop. */
    ck_assert_uint_le(
        late.ps, simtime_from_ns(2 * 11888 + 2 * 1200 + 2 * 150 + 2000).ps);
    for (unsigned i = 1, last = 0; i < rig->count; i++) {
        if (rig->arrivals[i].lane == LANE_BULK) {
            ck_assert_uint_gt(rig->arrivals[i].number, last);
            last = rig->arrivals[i].number;
        }
    }
    rig_destroy(rig);
}
END_TEST

/* 1486 B on the wire last 11.888 us. */
static void
bulk_and_one_above(struct rig *rig, unsigned bulk)
{
    for (uint32_t i = 0; i < bulk; i++)
        send(rig, 0, 101, LANE_BULK, i, 1400);
    (void)kernel_run_until(rig->kernel, simtime_from_us(5));
    send(rig, 0, 101, LANE_LIVENESS, 1000, 64);
    run(rig);
}

/* It waits for what is left of one frame, at its own sending end; at the
 * switch the port has just been left by the last. */
START_TEST(what_lower_lanes_add)
{
    struct rig *rig = rig_create();
    const struct lane_account *nic;

    bulk_and_one_above(rig, 20);
    nic = mgmt_net_lanes(rig->net, 0, LANE_HOP_NIC);
    ck_assert_uint_eq(nic->waited, 1);
    ck_assert_uint_eq(nic->units, 1);
    ck_assert_uint_eq(nic->time.ps, simtime_from_ns(11888 - 5000).ps);
    ck_assert_uint_lt(nic->time.ps, mgmt_net_frame_longest(rig->net).ps);
    ck_assert_uint_le(mgmt_net_lanes(rig->net, 1, LANE_HOP_SWITCH)->units, 1);
    ck_assert_uint_ge(rig->waited, 1);
    ck_assert_uint_eq(rig->wait.lane, LANE_LIVENESS);
    ck_assert_uint_eq(rig->wait.units, 1);
    rig_destroy(rig);
}
END_TEST

/* A frame that meets its like waits, but not for a lower lane. */
START_TEST(equals_and_betters_add_nothing)
{
    struct rig *rig = rig_create();

    for (uint32_t i = 0; i < 20; i++)
        send(rig, 0, 101, LANE_LIVENESS, i, 1400);
    send(rig, 0, 101, LANE_BULK, 1000, 64);
    run(rig);
    ck_assert_uint_eq(rig->waited, 0);
    for (unsigned box = 0; box < BOXES; box++) {
        ck_assert_uint_eq(mgmt_net_lanes(rig->net, box, LANE_HOP_NIC)->waited,
                          0);
        ck_assert_uint_eq(
            mgmt_net_lanes(rig->net, box, LANE_HOP_SWITCH)->waited, 0);
    }
    rig_destroy(rig);
}
END_TEST

/* The meter does not share the queues' idea of what comes first. */
START_TEST(one_queue_for_all_lanes_is_seen)
{
    struct rig *rig = rig_create_with(true);
    const struct lane_account *nic;

    bulk_and_one_above(rig, 20);
    nic = mgmt_net_lanes(rig->net, 0, LANE_HOP_NIC);
    ck_assert_uint_eq(nic->waited, 1);
    ck_assert_uint_eq(nic->units, 20);
    ck_assert_uint_eq(nic->time.ps, simtime_from_ns(20 * 11888 - 5000).ps);
    ck_assert_uint_eq(rig->wait.units, 20);
    ck_assert_uint_eq(rig->wait_box, 0);
    ck_assert_uint_eq(rig->wait_hop, LANE_HOP_NIC);
    rig_destroy(rig);
}
END_TEST

static void
send_later(struct rig *rig, enum lane lane, uint32_t number, uint64_t at_us)
{
    uint8_t bytes[1400] = {0};

    memcpy(bytes, &number, sizeof(number));
    mgmt_net_send(rig->net, 0, PLANE_A, 101, lane, bytes, sizeof(bytes),
                  simtime_from_us(at_us));
}

/* What a handler sends at its end does not overtake what it sent first. */
START_TEST(nothing_leaves_before_its_time)
{
    struct rig *rig = rig_create();

    send_later(rig, LANE_BULK, 0, 0);
    send_later(rig, LANE_BULK, 1, 1);
    send_later(rig, LANE_LIVENESS, 2, 90);
    run(rig);
    ck_assert_uint_eq(rig->count, 3);
    ck_assert_uint_eq(rig->arrivals[1].number, 1);
    ck_assert_uint_eq(rig->arrivals[1].at.ps,
                      simtime_from_ns(3 * 11888 + 2 * 150 + 2000).ps);
    ck_assert_uint_eq(rig->arrivals[2].at.ps,
                      simtime_from_ns(90000 + 2 * 11888 + 2 * 150 + 2000).ps);
    ck_assert_uint_eq(rig->waited, 0);
    rig_destroy(rig);
}
END_TEST

START_TEST(full_queues_drop_their_tail)
{
    struct rig *rig = rig_create();
    struct mgmt_net_stats stats;

    for (uint32_t i = 0; i < 100; i++)
        send(rig, 0, 101, LANE_BULK, i, 1400);
    run(rig);
    mgmt_net_stats(rig->net, &stats);
    /* One under way and 71 of 1400 B in 100,000. */
    ck_assert_uint_eq(rig->count, 72);
    ck_assert_uint_eq(stats.dropped_full[LANE_BULK], 28);
    ck_assert_uint_le(stats.queue_peak_bytes[LANE_BULK], 100000);
    ck_assert_uint_eq(stats.frames[LANE_BULK], 72);
    rig_destroy(rig);
}
END_TEST

static unsigned
delivered(struct rig *rig, unsigned from, unsigned to)
{
    unsigned before = rig->count;

    send(rig, from, 100 + to, LANE_CONTROL, 1, 64);
    run(rig);
    return rig->count - before;
}

static void
link_is(struct rig *rig, struct mgmt_link link)
{
    struct mgmt_link was;

    mgmt_net_link_set(rig->net, 1, PLANE_A, &link);
    was = mgmt_net_link(rig->net, 1, PLANE_A);
    ck_assert(was.down == link.down && was.mute == link.mute &&
              was.deaf == link.deaf && was.loss_ppm == link.loss_ppm &&
              was.added_delay.ps == link.added_delay.ps);
}

START_TEST(faults_of_links)
{
    struct rig *rig = rig_create();

    link_is(rig, (struct mgmt_link){.down = true});
    ck_assert_uint_eq(delivered(rig, 0, 1), 0);
    ck_assert_uint_eq(delivered(rig, 1, 0), 0);
    link_is(rig, (struct mgmt_link){.mute = true});
    ck_assert_uint_eq(delivered(rig, 0, 1), 1);
    ck_assert_uint_eq(delivered(rig, 1, 0), 0);
    link_is(rig, (struct mgmt_link){.deaf = true});
    ck_assert_uint_eq(delivered(rig, 0, 1), 0);
    ck_assert_uint_eq(delivered(rig, 1, 0), 1);
    link_is(rig, (struct mgmt_link){.loss_ppm = 300000});
    unsigned passed = 0;
    for (int i = 0; i < 1000; i++)
        passed += delivered(rig, 0, 1);
    ck_assert_uint_gt(passed, 630);
    ck_assert_uint_lt(passed, 770);
    link_is(rig, (struct mgmt_link){.added_delay = simtime_from_ms(20)});
    struct simtime before = kernel_now(rig->kernel);
    ck_assert_uint_eq(delivered(rig, 0, 1), 1);
    ck_assert_uint_ge(simtime_sub(kernel_now(rig->kernel), before).ps,
                      simtime_from_ms(20).ps);
    rig_destroy(rig);
}
END_TEST

START_TEST(partitions_have_a_direction)
{
    struct rig *rig = rig_create();

    mgmt_net_block(rig->net, 0, 1, 3);
    ck_assert_uint_eq(delivered(rig, 0, 1), 0);
    ck_assert_uint_eq(delivered(rig, 1, 0), 1);
    ck_assert_uint_eq(delivered(rig, 0, 2), 1);
    mgmt_net_unblock_all(rig->net);
    ck_assert_uint_eq(delivered(rig, 0, 1), 1);
    /* The frames of this test travel on plane A. */
    mgmt_net_block(rig->net, 0, 1, 1u << PLANE_B);
    ck_assert_uint_eq(delivered(rig, 0, 1), 1);
    mgmt_net_block(rig->net, 0, 1, 1u << PLANE_A);
    ck_assert_uint_eq(delivered(rig, 0, 1), 0);
    mgmt_net_unblock_all(rig->net);
    /* Two blocks on one pair: undoing one leaves the other. */
    mgmt_net_block(rig->net, 0, 1, 3);
    mgmt_net_block(rig->net, 0, 1, 1u << PLANE_A);
    mgmt_net_unblock(rig->net, 0, 1, 3);
    ck_assert_uint_eq(delivered(rig, 0, 1), 0);
    mgmt_net_unblock(rig->net, 0, 1, 1u << PLANE_A);
    ck_assert_uint_eq(delivered(rig, 0, 1), 1);
    mgmt_net_plane_power(rig->net, PLANE_A, false);
    ck_assert_uint_eq(delivered(rig, 0, 1), 0);
    mgmt_net_plane_power(rig->net, PLANE_A, true);
    mgmt_net_box_power(rig->net, 1, false);
    ck_assert_uint_eq(delivered(rig, 0, 1), 0);
    rig_destroy(rig);
}
END_TEST

/* What a box would have sent after its death is never seen. */
START_TEST(the_dead_do_not_send)
{
    struct rig *rig = rig_create();
    uint32_t number = 1;

    mgmt_net_send(rig->net, 0, PLANE_A, 101, LANE_CONTROL, &number,
                  sizeof(number), simtime_from_us(50));
    (void)kernel_run_until(rig->kernel, simtime_from_us(10));
    mgmt_net_box_power(rig->net, 0, false);
    run(rig);
    ck_assert_uint_eq(rig->count, 0);
    rig_destroy(rig);
}
END_TEST

Suite *
mgmt_net_suite(void)
{
    Suite *suite = suite_create("management network");
    TCase *tcase = tcase_create("network");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, one_frame_takes_its_time);
    tcase_add_test(tcase, broadcast_reaches_all_others);
    tcase_add_test(tcase, lanes_are_strict);
    tcase_add_test(tcase, what_lower_lanes_add);
    tcase_add_test(tcase, equals_and_betters_add_nothing);
    tcase_add_test(tcase, one_queue_for_all_lanes_is_seen);
    tcase_add_test(tcase, nothing_leaves_before_its_time);
    tcase_add_test(tcase, full_queues_drop_their_tail);
    tcase_add_test(tcase, faults_of_links);
    tcase_add_test(tcase, partitions_have_a_direction);
    tcase_add_test(tcase, the_dead_do_not_send);
    suite_add_tcase(suite, tcase);
    return suite;
}
