/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/bus/bus.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/bus/bus_net_test.h"

static struct net net;

static const struct bus_counters *
counters(unsigned node)
{
    return bus_counters(net.node[node].bus);
}

static void
send_ok(unsigned from, unsigned to, enum lane lane, size_t size)
{
    ck_assert_int_eq(net_send(&net, from, to, lane, size), 0);
}

static void
run_for(uint64_t ns)
{
    net_run(&net, net.now_ns + ns);
}

START_TEST(a_message_of_every_lane_arrives)
{
    net_open(&net, 2, 1);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        send_ok(0, 1, (enum lane)lane, 100 + lane);
    run_for(10 * NS_PER_MS);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        ck_assert_uint_eq(net.node[1].received[0][lane], 1);
    ck_assert_uint_eq(net.node[1].ups[0], 1);
    ck_assert_uint_eq(net.node[0].ups[1], 1);
    ck_assert_uint_eq(counters(0)->lane[LANE_CONTROL].retransmits, 0);
    ck_assert_uint_eq(counters(0)->lane[LANE_BULK].sent_bytes, 102);
    net_close(&net);
}
END_TEST

START_TEST(an_idle_session_is_silent)
{
    uint64_t before;

    net_open(&net, 2, 1);
    send_ok(0, 1, LANE_CONTROL, 64);
    send_ok(1, 0, LANE_CONTROL, 64);
    run_for(100 * NS_PER_MS);
    before = net.order;
    ck_assert_uint_eq(bus_deadline_ns(net.node[0].bus), TIME_NEVER_NS);
    ck_assert_uint_eq(bus_deadline_ns(net.node[1].bus), TIME_NEVER_NS);
    run_for(NS_PER_HOUR);
    ck_assert_uint_eq(net.order, before);
    send_ok(0, 1, LANE_CONTROL, 64);
    run_for(100 * NS_PER_MS);
    ck_assert(net_complete(&net, 0, 1));
    ck_assert_uint_eq(net.node[1].ups[0], 1);
    net_close(&net);
}
END_TEST

START_TEST(liveness_needs_no_session)
{
    net_open(&net, 4, 1);
    net.double_percent = 50;
    net.jitter_ns = NS_PER_MS;
    for (int i = 0; i < 300; i++) {
        send_ok(0, NET_NODES_MAX, LANE_LIVENESS, 40);
        run_for(20 * NS_PER_US);
    }
    send_ok(0, 2, LANE_LIVENESS, BUS_LIVENESS_MAX);
    run_for(10 * NS_PER_MS);
    for (unsigned i = 1; i < 4; i++) {
        ck_assert_uint_eq(net.node[i].received[0][0], 300 + (i == 2));
        ck_assert_uint_eq(net.node[i].ups[0], 0);
        ck_assert_uint_ge(counters(i)->lane[0].duplicates, 300);
    }
    ck_assert_uint_eq(bus_peer_count(net.node[0].bus), 0);
    ck_assert_uint_eq(bus_deadline_ns(net.node[1].bus), TIME_NEVER_NS);
    net_close(&net);
}
END_TEST

START_TEST(liveness_survives_one_plane)
{
    net_open(&net, 2, 1);
    net_kill_plane(&net, (enum plane)_i, true);
    for (int i = 0; i < 100; i++) {
        send_ok(0, 1, LANE_LIVENESS, 40);
        run_for(NS_PER_MS);
    }
    ck_assert_uint_eq(net.node[1].received[0][0], 100);
    ck_assert_uint_eq(counters(1)->lane[0].duplicates, 0);
    net_close(&net);
}
END_TEST

START_TEST(exactly_once_in_order_over_a_bad_network)
{
    net_open(&net, 2, (uint64_t)_i);
    net.loss_percent = 15;
    net.double_percent = 10;
    net.jitter_ns = 300 * NS_PER_US;
    net_chatter(&net, 0, 1, 300);
    run_for(20 * NS_PER_S);
    ck_assert(net_complete(&net, 0, 1) && net_complete(&net, 1, 0));
    ck_assert_uint_eq(net.node[0].downs[1] + net.node[1].downs[0], 0);
    ck_assert_uint_gt(counters(0)->lane[LANE_BULK].retransmits, 0);
    ck_assert_uint_eq(counters(0)->malformed + counters(1)->malformed, 0);
    ck_assert_uint_eq(bus_deadline_ns(net.node[0].bus), TIME_NEVER_NS);
    net_close(&net);
}
END_TEST

START_TEST(big_messages_arrive_and_too_big_ones_do_not_start)
{
    net_open(&net, 2, 3);
    net.loss_percent = 2;
    for (int i = 0; i < 2; i++)
        send_ok(0, 1, LANE_BULK, BUS_BULK_MAX);
    send_ok(0, 1, LANE_CONTROL, BUS_CONTROL_MAX);
    send_ok(0, 1, LANE_TELEMETRY, BUS_TELEMETRY_MAX);
    ck_assert_int_eq(net_send(&net, 0, 1, LANE_BULK, BUS_BULK_MAX + 1),
                     ERR_RANGE);
    ck_assert_int_eq(net_send(&net, 0, 1, LANE_CONTROL, BUS_CONTROL_MAX + 1),
                     ERR_RANGE);
    ck_assert_int_eq(net_send(&net, 0, 1, LANE_LIVENESS, BUS_LIVENESS_MAX + 1),
                     ERR_RANGE);
    ck_assert_int_eq(net_send(&net, 0, NET_NODES_MAX, LANE_CONTROL, 20),
                     ERR_INVALID);
    ck_assert_int_eq(net_send(&net, 0, 0, LANE_CONTROL, 20), ERR_INVALID);
    run_for(10 * NS_PER_S);
    ck_assert(net_complete(&net, 0, 1));
    ck_assert_uint_eq(net.node[1].received[0][LANE_BULK], 2);
    net_close(&net);
}
END_TEST

START_TEST(every_size_around_a_frame_arrives)
{
    net_open(&net, 2, 3);
    for (size_t size = 1320; size < 1350; size++)
        send_ok(0, 1, LANE_CONTROL, size);
    for (size_t size = 2655; size < 2685; size++)
        send_ok(0, 1, LANE_BULK, size);
    run_for(NS_PER_S);
    ck_assert(net_complete(&net, 0, 1));
    net_close(&net);
}
END_TEST

START_TEST(one_dead_plane_costs_one_timeout)
{
    net_open(&net, 2, 4);
    send_ok(0, 1, LANE_CONTROL, 100);
    send_ok(1, 0, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    net_kill_plane(&net, (enum plane)_i, true);
    for (int i = 0; i < 100; i++) {
        uint64_t start_ns = net.now_ns;

        send_ok(0, 1, LANE_CONTROL, 100);
        send_ok(1, 0, LANE_CONTROL, 100);
        run_for(20 * NS_PER_MS);
        ck_assert(net_complete(&net, 0, 1) && net_complete(&net, 1, 0));
        ck_assert_uint_le(net.node[1].last_delivery_ns - start_ns,
                          6 * NS_PER_MS);
    }
    ck_assert_uint_le(counters(0)->lane[LANE_CONTROL].retransmits, 3);
    ck_assert_uint_eq(net.node[0].downs[1], 0);
    net_close(&net);
}
END_TEST

START_TEST(planes_dead_in_one_direction_each_still_carry)
{
    net_open(&net, 2, 5);
    net.dead[0][1][PLANE_A] = true;
    net.dead[1][0][PLANE_B] = true;
    net_chatter(&net, 0, 1, 200);
    run_for(10 * NS_PER_S);
    ck_assert(net_complete(&net, 0, 1) && net_complete(&net, 1, 0));
    ck_assert_uint_eq(net.node[0].downs[1], 0);
    net_close(&net);
}
END_TEST

START_TEST(an_unreachable_peer_is_given_up_and_found_again)
{
    uint64_t start_ns;

    net_open(&net, 2, 6);
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    net_kill_plane(&net, PLANE_A, true);
    net_kill_plane(&net, PLANE_B, true);
    start_ns = net.now_ns;
    for (int i = 0; i < 20; i++)
        send_ok(0, 1, LANE_CONTROL, 100);
    while (net.node[0].downs[1] == 0 && net.now_ns < start_ns + 10 * NS_PER_S)
        run_for(10 * NS_PER_MS);
    ck_assert_uint_ge(net.now_ns - start_ns, BUS_UNREACHABLE_NS);
    ck_assert_uint_le(net.now_ns - start_ns,
                      BUS_UNREACHABLE_NS + 2 * BUS_RTO_MAX_NS);
    ck_assert_uint_eq(
        bus_queued_bytes(net.node[0].bus, net_address(1), LANE_CONTROL), 0);
    ck_assert_uint_eq(counters(0)->lane[LANE_CONTROL].dropped, 20);
    ck_assert_uint_eq(counters(0)->unreachable, 1);
    ck_assert_uint_eq(bus_deadline_ns(net.node[0].bus), TIME_NEVER_NS);
    net_kill_plane(&net, PLANE_B, false);
    send_ok(1, 0, LANE_CONTROL, 50); /* The other side noticed nothing. */
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    send_ok(1, 0, LANE_CONTROL, 60);
    run_for(NS_PER_S);
    ck_assert_uint_eq(net.node[1].received[0][LANE_CONTROL], 2);
    ck_assert_uint_eq(net.node[1].heard[0][LANE_CONTROL], 22);
    ck_assert_uint_eq(net.node[0].heard[1][LANE_CONTROL], 2);
    ck_assert(net.node[0].up[1] && net.node[1].up[0]);
    net_close(&net);
}
END_TEST

START_TEST(a_peer_never_heard_is_given_up)
{
    net_open(&net, 2, 6);
    net_kill_plane(&net, PLANE_A, true);
    net_kill_plane(&net, PLANE_B, true);
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(3 * NS_PER_S);
    ck_assert_uint_eq(net.node[0].ups[1], 0);
    ck_assert_uint_eq(net.node[0].downs[1], 1);
    ck_assert_uint_eq(bus_deadline_ns(net.node[0].bus), TIME_NEVER_NS);
    net_close(&net);
}
END_TEST

START_TEST(a_new_life_ends_the_session_and_its_queue)
{
    net_open(&net, 2, 7);
    send_ok(0, 1, LANE_CONTROL, 100);
    send_ok(1, 0, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    for (int i = 0; i < 3; i++)
        send_ok(0, 1, LANE_BULK, 500000); /* Half of it is in the air. */
    run_for(NS_PER_MS / 2);
    net_restart(&net, 1);
    run_for(NS_PER_S);
    ck_assert_uint_eq(net.node[0].downs[1], 1);
    ck_assert_uint_eq(net.node[1].received[0][LANE_BULK], 0);
    ck_assert_uint_eq(counters(0)->lane[LANE_BULK].dropped, 3);
    send_ok(0, 1, LANE_CONTROL, 100);
    send_ok(1, 0, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    ck_assert_uint_eq(net.node[0].ups[1], 2);
    ck_assert_uint_eq(net.node[1].received[0][LANE_CONTROL], 2);
    ck_assert_uint_eq(net.node[0].received[1][LANE_CONTROL], 2);
    net_close(&net);
}
END_TEST

START_TEST(a_hello_tells_of_a_new_life)
{
    net_open(&net, 2, 7);
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    net_restart(&net, 1);
    send_ok(1, 0, LANE_LIVENESS, 40);
    run_for(NS_PER_MS);
    ck_assert_uint_eq(net.node[0].downs[1], 1);
    ck_assert_uint_eq(net.node[0].received[1][LANE_LIVENESS], 1);
    net_close(&net);
}
END_TEST

START_TEST(frames_of_a_former_life_are_ignored)
{
    net_open(&net, 2, 8);
    send_ok(1, 0, LANE_LIVENESS, 40); /* These will come late. */
    send_ok(1, 0, LANE_CONTROL, 40);
    net_restart(&net, 1);
    net.node[1].sent[0][LANE_CONTROL] = 100;
    net.delay_ns = 10;
    send_ok(1, 0, LANE_CONTROL, 40);
    run_for(NS_PER_S);
    ck_assert_uint_ge(counters(0)->stale, 3);
    ck_assert_uint_eq(net.node[0].received[1][LANE_CONTROL], 1);
    ck_assert_uint_eq(net.node[0].heard[1][LANE_CONTROL], 101);
    ck_assert_uint_eq(net.node[0].received[1][LANE_LIVENESS], 0);
    net_close(&net);
}
END_TEST

START_TEST(a_session_forgotten_on_one_side_is_reset)
{
    net_open(&net, 2, 9);
    net_chatter(&net, 0, 1, 50);
    run_for(NS_PER_S);
    bus_forget(net.node[1].bus, net_address(0));
    net.node[1].up[0] = false;
    send_ok(0, 1, LANE_CONTROL, 40);
    run_for(NS_PER_S);
    ck_assert_uint_eq(net.node[0].downs[1], 1);
    ck_assert_uint_eq(counters(1)->resets_sent, 1);
    ck_assert_uint_eq(counters(0)->resets_received, 1);
    net.node[1].gap_allowed[0][LANE_CONTROL] = true;
    send_ok(0, 1, LANE_CONTROL, 40);
    run_for(NS_PER_S);
    ck_assert(net_complete(&net, 0, 1));
    net_close(&net);
}
END_TEST

START_TEST(refused_messages_wait_and_hold_the_sender)
{
    unsigned taken = 0;
    size_t used;

    net_open(&net, 2, 10);
    net.loss_percent = 5;
    net.node[1].refuse = true;
    for (int i = 0; i < 4000; i++) {
        int error = net_send(&net, 0, 1, LANE_BULK, 3000);

        ck_assert(error == 0 || error == ERR_FULL);
        taken += error == 0;
        run_for(NS_PER_MS);
    }
    ck_assert_uint_gt(counters(0)->lane[LANE_BULK].refused, 0);
    ck_assert_uint_le(
        bus_queued_bytes(net.node[0].bus, net_address(1), LANE_BULK),
        BUS_QUEUE_BULK_BYTES);
    used = mem_peak_bytes(net.node[1].mem);
    ck_assert_uint_le(used, 64 * 2048 + 3000 + 20000);
    ck_assert_uint_le(mem_peak_bytes(net.node[0].mem),
                      BUS_QUEUE_BULK_BYTES * 5 / 4);
    ck_assert_uint_eq(net.node[0].downs[1], 0);
    net.node[1].refuse = false;
    bus_credit(net.node[1].bus, net.now_ns);
    run_for(10 * NS_PER_S);
    ck_assert(net_complete(&net, 0, 1));
    ck_assert_uint_eq(net.node[1].received[0][LANE_BULK], taken);
    net_close(&net);
}
END_TEST

START_TEST(many_small_messages_are_bounded_too)
{
    unsigned taken = 0;

    net_open(&net, 2, 10);
    net.node[1].refuse = true;
    while (net_send(&net, 0, 1, LANE_CONTROL, 16) == 0)
        taken++;
    ck_assert_uint_eq(taken, BUS_QUEUE_MESSAGES);
    net.node[1].refuse = false;
    run_for(10 * NS_PER_S);
    ck_assert(net_complete(&net, 0, 1));
    net_close(&net);
}
END_TEST

/* 1 Gb/s links that serve their lanes in order: a control message waits for
 * the one frame on the wire, its own frames, and nothing else. */
START_TEST(a_bulk_flood_delays_control_by_one_frame)
{
    const uint64_t frame_ns = PLAT_DATAGRAM_MAX * 8;
    uint64_t alone_ns;

    net_open(&net, 3, 11);
    net.ns_per_byte = 8;
    send_ok(0, 1, LANE_CONTROL, 200);
    run_for(10 * NS_PER_MS);
    alone_ns = net.node[1].worst_control_ns;
    for (int i = 0; i < 400; i++) {
        (void)net_send(&net, 0, 1, LANE_BULK, 100000);
        (void)net_send(&net, 0, 2, LANE_BULK, 100000);
        (void)net_send(&net, 0, 2, LANE_TELEMETRY, 10000);
        run_for(net_draw(&net) % NS_PER_MS);
        send_ok(0, 1, LANE_CONTROL, 200);
    }
    run_for(100 * NS_PER_MS);
    ck_assert_uint_eq(net.node[1].received[0][LANE_CONTROL], 401);
    ck_assert_uint_gt(net.node[1].received[0][LANE_BULK], 50);
    /* One frame of data, and one acknowledgement of its own lane. */
    ck_assert_uint_le(net.node[1].worst_control_ns,
                      alone_ns + frame_ns + 72 * 8);
    net_close(&net);
}
END_TEST

START_TEST(bulk_fills_a_link)
{
    uint64_t start_ns;
    uint64_t floor_ns;

    net_open(&net, 2, 12);
    net.ns_per_byte = 8;
    start_ns = net.now_ns;
    send_ok(0, 1, LANE_BULK, BUS_BULK_MAX);
    send_ok(0, 1, LANE_BULK, BUS_BULK_MAX);
    run_for(NS_PER_S);
    ck_assert(net_complete(&net, 0, 1));
    floor_ns = 2 * BUS_BULK_MAX * 8;
    ck_assert_uint_le(net.node[1].last_delivery_ns - start_ns,
                      floor_ns * 12 / 10);
    net_close(&net);
}
END_TEST

START_TEST(many_boxes_talk_while_planes_flap)
{
    enum { BOXES = 16 };

    net_open(&net, BOXES, (uint64_t)_i);
    net.loss_percent = 3;
    net.double_percent = 3;
    net.jitter_ns = 100 * NS_PER_US;
    for (int i = 0; i < 3000; i++) {
        unsigned a = (unsigned)(net_draw(&net) % BOXES);
        unsigned b = (unsigned)(net_draw(&net) % BOXES);

        if (i % 100 == 0)
            net_kill_plane(&net, (enum plane)(net_draw(&net) % 2),
                           net_draw(&net) % 2);
        if (i % 100 == 50) {
            net_kill_plane(&net, PLANE_A, false);
            net_kill_plane(&net, PLANE_B, false);
        }
        if (a != b)
            net_chatter(&net, a, b, 1);
        run_for(200 * NS_PER_US);
    }
    net_kill_plane(&net, PLANE_A, false);
    net_kill_plane(&net, PLANE_B, false);
    run_for(30 * NS_PER_S);
    for (unsigned a = 0; a < BOXES; a++) {
        for (unsigned b = 0; b < BOXES; b++)
            ck_assert(net.node[a].downs[b] != 0 || net_complete(&net, b, a));
        ck_assert_uint_eq(bus_deadline_ns(net.node[a].bus), TIME_NEVER_NS);
        ck_assert_uint_eq(counters(a)->malformed, 0);
    }
    net_close(&net);
}
END_TEST

/* Everything at once: restarts, partitions, loss.  Serials never repeat and
 * never go back (the network checks); at the end everyone can talk again. */
START_TEST(after_any_chaos_everyone_talks)
{
    enum { BOXES = 5 };

    net_open(&net, BOXES, 1000 + (uint64_t)_i);
    net.loss_percent = 10;
    net.double_percent = 10;
    net.jitter_ns = 2 * NS_PER_MS;
    for (int i = 0; i < 1500; i++) {
        unsigned a = (unsigned)(net_draw(&net) % BOXES);
        unsigned b = (unsigned)(net_draw(&net) % BOXES);
        uint64_t what = net_draw(&net) % 200;

        if (what == 0)
            net_restart(&net, a);
        else if (what < 8)
            net.dead[a][b][what % 2] ^= true;
        else if (what == 8)
            run_for(3 * NS_PER_S);
        else if (what == 9) {
            net_kill_plane(&net, PLANE_A, false);
            net_kill_plane(&net, PLANE_B, false);
        } else if (a != b)
            net_chatter(&net, a, b, 1);
        run_for(net_draw(&net) % (2 * NS_PER_MS));
    }
    net_kill_plane(&net, PLANE_A, false);
    net_kill_plane(&net, PLANE_B, false);
    for (int round = 0; round < 3; round++) {
        for (unsigned a = 0; a < BOXES; a++) {
            for (unsigned b = 0; b < BOXES; b++) {
                if (a != b)
                    (void)net_send(&net, a, b, LANE_CONTROL, 50);
            }
        }
        run_for(10 * NS_PER_S);
    }
    for (unsigned a = 0; a < BOXES; a++) {
        for (unsigned b = 0; b < BOXES; b++) {
            ck_assert_uint_eq(net.node[a].heard[b][LANE_CONTROL],
                              net.node[b].sent[a][LANE_CONTROL]);
            ck_assert(a == b || net.node[a].up[b]);
        }
        ck_assert_uint_eq(bus_deadline_ns(net.node[a].bus), TIME_NEVER_NS);
        ck_assert_uint_eq(counters(a)->malformed, 0);
    }
    net_close(&net);
}
END_TEST

START_TEST(the_urgent_lane_goes_first)
{
    unsigned i = 0;

    net_open(&net, 2, 17);
    net_kill_plane(&net, PLANE_A, true);
    net_kill_plane(&net, PLANE_B, true);
    send_ok(0, 1, LANE_TELEMETRY, 20000);
    send_ok(0, 1, LANE_BULK, 20000);
    send_ok(0, 1, LANE_CONTROL, 20000);
    net.log_count = 0;
    run_for(BUS_RTO_FIRST_NS); /* Now all three repeat. */
    ck_assert_uint_ge(net.log_count, 6);
    for (unsigned lane = LANE_CONTROL; lane < LANE_COUNT; lane++) {
        unsigned first = i;

        while (i < net.log_count && net.lane_log[i] == lane)
            i++;
        ck_assert_uint_gt(i, first);
    }
    ck_assert_uint_eq(i, net.log_count);
    net_close(&net);
}
END_TEST

START_TEST(one_call_sends_one_burst)
{
    net_open(&net, 12, 17);
    net_kill_plane(&net, PLANE_A, true);
    net_kill_plane(&net, PLANE_B, true);
    for (unsigned i = 1; i < 12; i++) {
        for (unsigned lane = LANE_CONTROL; lane < LANE_COUNT; lane++)
            send_ok(0, i, (enum lane)lane, 20000);
    }
    net.now_ns += BUS_RTO_FIRST_NS; /* 66 frames are due. */
    net.log_count = 0;
    bus_tick(net.node[0].bus, net.now_ns);
    ck_assert_uint_eq(net.log_count, BUS_BURST_FRAMES);
    ck_assert_uint_eq(bus_deadline_ns(net.node[0].bus), 0);
    bus_tick(net.node[0].bus, net.now_ns);
    bus_tick(net.node[0].bus, net.now_ns);
    ck_assert_uint_eq(net.log_count, 66);
    ck_assert_uint_gt(bus_deadline_ns(net.node[0].bus), net.now_ns);
    net_close(&net);
}
END_TEST

START_TEST(a_dead_network_is_not_flooded)
{
    net_open(&net, 2, 17);
    net_kill_plane(&net, PLANE_A, true);
    net_kill_plane(&net, PLANE_B, true);
    send_ok(0, 1, LANE_BULK, BUS_BULK_MAX);
    run_for(3 * NS_PER_S);
    ck_assert_uint_le(net.transmitted[LANE_BULK], 16 + 2 * 15);
    net_close(&net);
}
END_TEST

START_TEST(one_lost_frame_is_repeated_before_the_timeout)
{
    uint64_t start_ns;

    net_open(&net, 2, 17);
    send_ok(0, 1, LANE_BULK, 100);
    run_for(NS_PER_S);
    net.drop_at[LANE_BULK] = net.transmitted[LANE_BULK] + 5;
    start_ns = net.now_ns;
    send_ok(0, 1, LANE_BULK, 20000);
    run_for(NS_PER_S);
    ck_assert(net_complete(&net, 0, 1));
    ck_assert_uint_eq(counters(0)->lane[LANE_BULK].retransmits, 1);
    ck_assert_uint_le(net.node[1].last_delivery_ns - start_ns, NS_PER_MS);
    net_close(&net);
}
END_TEST

static Suite *
bus_suite(void)
{
    Suite *suite = suite_create("bus");
    TCase *tcase = tcase_create("bus");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_message_of_every_lane_arrives);
    tcase_add_test(tcase, an_idle_session_is_silent);
    tcase_add_test(tcase, liveness_needs_no_session);
    tcase_add_loop_test(tcase, liveness_survives_one_plane, 0, PLANE_COUNT);
    tcase_add_loop_test(tcase, exactly_once_in_order_over_a_bad_network, 0,
                        20);
    tcase_add_test(tcase, big_messages_arrive_and_too_big_ones_do_not_start);
    tcase_add_test(tcase, every_size_around_a_frame_arrives);
    tcase_add_loop_test(tcase, one_dead_plane_costs_one_timeout, 0,
                        PLANE_COUNT);
    tcase_add_test(tcase, planes_dead_in_one_direction_each_still_carry);
    tcase_add_test(tcase, an_unreachable_peer_is_given_up_and_found_again);
    tcase_add_test(tcase, a_peer_never_heard_is_given_up);
    tcase_add_test(tcase, a_new_life_ends_the_session_and_its_queue);
    tcase_add_test(tcase, a_hello_tells_of_a_new_life);
    tcase_add_test(tcase, frames_of_a_former_life_are_ignored);
    tcase_add_test(tcase, a_session_forgotten_on_one_side_is_reset);
    tcase_add_test(tcase, refused_messages_wait_and_hold_the_sender);
    tcase_add_test(tcase, many_small_messages_are_bounded_too);
    tcase_add_test(tcase, a_bulk_flood_delays_control_by_one_frame);
    tcase_add_test(tcase, bulk_fills_a_link);
    tcase_add_test(tcase, the_urgent_lane_goes_first);
    tcase_add_test(tcase, one_call_sends_one_burst);
    tcase_add_test(tcase, a_dead_network_is_not_flooded);
    tcase_add_test(tcase, one_lost_frame_is_repeated_before_the_timeout);
    tcase_add_loop_test(tcase, many_boxes_talk_while_planes_flap, 0, 4);
    tcase_add_loop_test(tcase, after_any_chaos_everyone_talks, 0, 20);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(bus_suite());
    int failed;

    srunner_add_suite(runner, bus_trust_suite());
    srunner_add_suite(runner, bus_service_suite());
    srunner_add_suite(runner, planes_suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
