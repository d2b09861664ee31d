/* SPDX-License-Identifier: Apache-2.0
 *
 * What the bus does when peers, memory or the past are against it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/bus/bus.h"
#include "reference-nos/bus/bus_net_test.h"
#include "reference-nos/bus/frame.h"

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

START_TEST(the_table_of_peers_is_bounded)
{
    uint8_t bytes[PLAT_DATAGRAM_MAX];
    struct frame frame = {
        .lane = LANE_LIVENESS,
        .flags = FRAME_FIRST | FRAME_LAST,
        .incarnation = 1,
        .to = net_address(0),
        .sequence = 1,
        .payload = (const uint8_t *)"",
    };

    net_open(&net, 2, 13);
    net.node[0].refuse = true;
    send_ok(1, 0, LANE_CONTROL, 20);
    run_for(NS_PER_MS);
    frame.lane = LANE_CONTROL; /* Sessions, so that nothing is delivered. */
    for (uint64_t i = 0; i < 2 * BUS_PEERS_MAX; i++) {
        size_t size;

        frame.from = net_address(1);
        frame.to_tag = 77;
        size = bus_frame_encode(&frame, bytes);
        bus_datagram(net.node[0].bus, net.now_ns, PLANE_A, frame.from, bytes,
                     size);
        frame.from = 5000 + i;
        size = bus_frame_encode(&frame, bytes);
        bus_datagram(net.node[0].bus, net.now_ns, PLANE_A, frame.from, bytes,
                     size);
    }
    ck_assert_uint_eq(bus_peer_count(net.node[0].bus), BUS_PEERS_MAX);
    ck_assert_uint_ge(counters(0)->peers_evicted, BUS_PEERS_MAX);
    ck_assert_uint_ge(counters(0)->resets_sent, BUS_PEERS_MAX);
    ck_assert(net.node[0].up[1]);
    net_close(&net);
}
END_TEST

START_TEST(hostile_bytes_are_counted_and_nothing_else)
{
    uint8_t bytes[PLAT_DATAGRAM_MAX + 50];
    uint64_t bad;

    net_open(&net, 3, 100 + (uint64_t)_i);
    net.node[0].refuse = true; /* Forged messages are not for our tables. */
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(NS_PER_MS);
    for (int i = 0; i < 20000; i++) {
        size_t size = net_draw(&net) % sizeof(bytes);

        for (size_t k = 0; k < size && k < 80; k++)
            bytes[k] = (uint8_t)net_draw(&net);
        if (i % 2 == 0) {
            bytes[0] = FRAME_MAGIC;
            bytes[1] = FRAME_VERSION;
        }
        bus_datagram(net.node[0].bus, net.now_ns, PLANE_A, net_address(2),
                     bytes, size);
    }
    bad = counters(0)->malformed + counters(0)->corrupt + counters(0)->version;
    ck_assert_uint_eq(bad, 20000);
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(NS_PER_MS);
    ck_assert(net_complete(&net, 0, 1));
    net_close(&net);
}
END_TEST

/* A peer that knows the format and lies in every field. */
START_TEST(a_lying_peer_harms_only_itself)
{
    uint8_t bytes[PLAT_DATAGRAM_MAX];
    static uint8_t payload[FRAME_PAYLOAD_MAX];

    net_open(&net, 3, 200 + (uint64_t)_i);
    net.node[0].refuse = true;
    for (int i = 0; i < 50000; i++) {
        struct frame frame = {
            .lane = (enum lane)(1 + net_draw(&net) % 3),
            .flags = (unsigned)(net_draw(&net) % 16),
            .credit = (uint8_t)net_draw(&net),
            .session = (uint16_t)(net_draw(&net) % 3),
            .to_tag = 0,
            .incarnation = net_draw(&net) % 100 == 0,
            .from = net_address(2),
            .to = net_address(0),
            .hlc = net_draw(&net),
            .sequence = (uint32_t)(net_draw(&net) % 80),
            .ack = (uint32_t)(net_draw(&net) % 5),
            .payload = payload,
            .size = net_draw(&net) % 20,
        };
        size_t size;

        payload[1] = (uint8_t)(net_draw(&net) % 4);
        payload[3] = (uint8_t)net_draw(&net);
        size = bus_frame_encode(&frame, bytes);
        net.node[0].refuse = true;
        bus_datagram(net.node[0].bus, net.now_ns,
                     (enum plane)(net_draw(&net) % 2), net_address(2), bytes,
                     size);
        if (i % 100 == 0) {
            (void)net_send(&net, 0, 2, LANE_BULK, 5000);
            run_for(NS_PER_MS);
        }
    }
    ck_assert_uint_gt(counters(0)->malformed, 0);
    ck_assert_uint_le(mem_used_bytes(net.node[0].mem), 4 * MIB);
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(NS_PER_MS);
    ck_assert(net_complete(&net, 0, 1));
    net_close(&net);
}
END_TEST

START_TEST(frames_that_are_not_ours_are_refused)
{
    static const uint8_t long_body[BUS_LIVENESS_MAX + 1];
    uint8_t bytes[PLAT_DATAGRAM_MAX];
    struct frame frame = {
        .lane = LANE_CONTROL,
        .flags = FRAME_FIRST | FRAME_LAST,
        .incarnation = 1,
        .from = net_address(1),
        .to = net_address(0),
        .sequence = 1,
    };
    size_t size;

    net_open(&net, 2, 14);
    size = bus_frame_encode(&frame, bytes);
    bus_datagram(net.node[0].bus, 0, PLANE_A, 4711, bytes, size);
    frame.to = 4711;
    size = bus_frame_encode(&frame, bytes);
    bus_datagram(net.node[0].bus, 0, PLANE_A, net_address(1), bytes, size);
    frame.to = PLAT_ADDRESS_ALL;
    size = bus_frame_encode(&frame, bytes);
    bus_datagram(net.node[0].bus, 0, PLANE_A, net_address(1), bytes, size);
    ck_assert_uint_eq(counters(0)->misdirected, 3);
    ck_assert_uint_eq(bus_peer_count(net.node[0].bus), 0);
    frame.lane = LANE_LIVENESS;
    frame.payload = long_body;
    frame.size = sizeof(long_body);
    size = bus_frame_encode(&frame, bytes);
    bus_datagram(net.node[0].bus, 0, PLANE_A, net_address(1), bytes, size);
    ck_assert_uint_eq(counters(0)->malformed, 1);
    net_close(&net);
}
END_TEST

START_TEST(a_half_sent_message_does_not_stay_for_ever)
{
    size_t before;

    net_open(&net, 2, 15);
    send_ok(1, 0, LANE_CONTROL, 20);
    run_for(NS_PER_MS);
    send_ok(0, 1, LANE_BULK, BUS_BULK_MAX);
    before = mem_used_bytes(net.node[1].mem);
    run_for(NS_PER_MS);
    ck_assert_uint_gt(mem_used_bytes(net.node[1].mem), before + BUS_BULK_MAX);
    net_kill_plane(&net, PLANE_A, true);
    net_kill_plane(&net, PLANE_B, true);
    run_for(BUS_STALL_NS + NS_PER_S);
    ck_assert_uint_le(mem_used_bytes(net.node[1].mem), before);
    ck_assert_uint_eq(net.node[1].downs[0], 1);
    net_close(&net);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    for (unsigned node = 0; node < 2; node++) {
        for (uint64_t n = 0;; n++) {
            bool failed;

            net_open(&net, 2, 16);
            net.loss_percent = 10;
            mem_fail_after(net.node[node].mem, n);
            net_chatter(&net, 0, 1, 40);
            run_for(5 * NS_PER_S);
            ck_assert(net_complete(&net, 0, 1) && net_complete(&net, 1, 0));
            failed = mem_has_failed(net.node[node].mem);
            net_close(&net);
            if (!failed)
                break;
            ck_assert_uint_lt(n, 2000);
        }
    }
}
END_TEST

START_TEST(frames_keep_their_fields)
{
    uint8_t bytes[PLAT_DATAGRAM_MAX];
    uint8_t again[PLAT_DATAGRAM_MAX];
    struct frame frame = {
        .lane = LANE_BULK,
        .flags = FRAME_FIRST,
        .credit = 64,
        .from_service = 1,
        .to_service = 2,
        .type = 0x1234,
        .session = 0x5678,
        .to_tag = 0x9abc,
        .incarnation = UINT64_C(0xfedcba9876),
        .epoch = UINT64_C(0x0123456789),
        .from = UINT64_C(0x1122334455667788),
        .to = UINT64_C(0x99aabbccddeeff00),
        .hlc = UINT64_C(0xa1a2a3a4a5a6a7a8),
        .sequence = 0xdeadbeef,
        .ack = 0xcafebabe,
        .trace_id = 0x31415926,
        .payload = (const uint8_t *)"payload",
        .size = 7,
    };
    struct frame back;
    size_t size = bus_frame_encode(&frame, bytes);

    ck_assert_uint_eq(size, 71);
    memset(&back, 0, sizeof(back));
    ck_assert_int_eq(bus_frame_decode(bytes, size, &back), 0);
    ck_assert_mem_eq(back.payload, "payload", 7);
    ck_assert_uint_eq(bus_frame_encode(&back, again), size);
    ck_assert_mem_eq(again, bytes, size);
    ck_assert_uint_eq(back.incarnation, frame.incarnation);
    ck_assert_uint_eq(back.epoch, frame.epoch);
    ck_assert_uint_eq(back.sequence, frame.sequence);
    ck_assert_uint_eq(back.ack, frame.ack);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x10;
        ck_assert_int_ne(bus_frame_decode(bytes, size, &back), 0);
        bytes[i] ^= 0x10;
        ck_assert_int_ne(bus_frame_decode(bytes, i, &back), 0);
    }
    bytes[1]++;
    ck_assert_int_eq(bus_frame_decode(bytes, size, &back), ERR_VERSION);
}
END_TEST

/* Parts of messages that contradict each other.  The payload of a FIRST frame
 * starts with the size of the whole. */
static const struct {
    unsigned flags[2]; /* of frames 1 and 2; 0 is a middle part */
    uint32_t whole;
    bool one_only;
} contradictions[] = {
    {{0}, 0, true},
    {{FRAME_LAST}, 0, true},
    {{FRAME_FIRST}, 0, true},
    {{FRAME_FIRST}, 6, true},
    {{FRAME_FIRST}, BUS_CONTROL_MAX + 1, true},
    {{FRAME_FIRST}, UINT32_MAX, true},
    {{FRAME_FIRST, FRAME_FIRST}, 100, false},
    {{FRAME_FIRST, FRAME_FIRST | FRAME_LAST}, 100, false},
    {{FRAME_FIRST, FRAME_LAST}, 100, false},
    {{FRAME_FIRST, FRAME_LAST}, 15, false},
    {{FRAME_FIRST, 0}, 16, false},
};

START_TEST(contradicting_parts_end_the_session)
{
    uint8_t bytes[PLAT_DATAGRAM_MAX];
    uint8_t payload[10] = {0};
    uint32_t whole = contradictions[_i].whole;

    net_open(&net, 2, 21);
    for (unsigned i = 0; i < 4; i++)
        payload[i] = (uint8_t)(whole >> (24 - 8 * i));
    for (unsigned i = 0; i < (contradictions[_i].one_only ? 1u : 2u); i++) {
        struct frame frame = {
            .lane = LANE_CONTROL,
            .flags = contradictions[_i].flags[i],
            .session = 1,
            .incarnation = 1,
            .from = net_address(1),
            .to = net_address(0),
            .sequence = 1 + i,
            .ack = 1,
            .payload = payload,
            .size = sizeof(payload),
        };
        size_t size = bus_frame_encode(&frame, bytes);

        ck_assert_uint_eq(counters(0)->malformed, 0);
        bus_datagram(net.node[0].bus, net.now_ns, PLANE_A, net_address(1),
                     bytes, size);
    }
    ck_assert_uint_eq(counters(0)->malformed, 1);
    ck_assert_uint_eq(net.node[0].downs[1], 1);
    ck_assert_uint_eq(bus_deadline_ns(net.node[0].bus), TIME_NEVER_NS);
    net_close(&net);
}
END_TEST

/* All answers of node 1 are lost; it forgets the session; what it took
 * already must not come again when it is repeated. */
START_TEST(what_a_closed_session_took_is_not_taken_again)
{
    net_open(&net, 2, 18);
    net.dead[1][0][PLANE_A] = true;
    net.dead[1][0][PLANE_B] = true;
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(10 * NS_PER_MS);
    ck_assert_uint_eq(net.node[1].received[0][LANE_CONTROL], 1);
    bus_abort(net.node[1].bus, net_address(0));
    run_for(100 * NS_PER_MS);
    ck_assert_uint_eq(net.node[1].received[0][LANE_CONTROL], 1);
    net.dead[1][0][PLANE_B] = false;
    run_for(NS_PER_S);
    ck_assert_uint_eq(net.node[1].received[0][LANE_CONTROL], 1);
    ck_assert_uint_eq(net.node[0].downs[1], 1);
    ck_assert_uint_eq(counters(0)->resets_received, 1);
    net_close(&net);
}
END_TEST

START_TEST(frames_of_a_former_session_are_ignored)
{
    net_open(&net, 2, 19);
    net.delay_ns = 50 * NS_PER_MS;
    send_ok(0, 1, LANE_CONTROL, 100);
    bus_forget(net.node[0].bus, net_address(1));
    net.delay_ns = 50 * NS_PER_US;
    net.node[1].gap_allowed[0][LANE_CONTROL] = true;
    send_ok(0, 1, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    ck_assert_uint_eq(net.node[1].received[0][LANE_CONTROL], 1);
    ck_assert_uint_eq(net.node[1].heard[0][LANE_CONTROL], 2);
    ck_assert_uint_eq(net.node[1].downs[0], 0);
    ck_assert_uint_eq(counters(1)->stale, 1);
    net_close(&net);
}
END_TEST

START_TEST(assemblies_of_all_peers_are_bounded_together)
{
    net_open(&net, NET_NODES_MAX, 20);
    net.ns_per_byte = 8;
    for (unsigned i = 1; i < NET_NODES_MAX; i++)
        send_ok(i, 0, LANE_BULK, BUS_BULK_MAX);
    run_for(10 * NS_PER_S);
    for (unsigned i = 1; i < NET_NODES_MAX; i++)
        ck_assert(net_complete(&net, i, 0));
    ck_assert_uint_gt(counters(0)->assembly_peak_bytes,
                      BUS_ASSEMBLY_BYTES / 2);
    ck_assert_uint_le(counters(0)->assembly_peak_bytes, BUS_ASSEMBLY_BYTES);
    ck_assert_uint_le(mem_peak_bytes(net.node[0].mem),
                      BUS_ASSEMBLY_BYTES + 23 * 64 * 2048);
    net_close(&net);
}
END_TEST

Suite *
bus_trust_suite(void)
{
    Suite *suite = suite_create("bus_trust");
    TCase *tcase = tcase_create("bus_trust");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, the_table_of_peers_is_bounded);
    tcase_add_loop_test(tcase, hostile_bytes_are_counted_and_nothing_else, 0,
                        2);
    tcase_add_loop_test(tcase, a_lying_peer_harms_only_itself, 0, 4);
    tcase_add_test(tcase, frames_that_are_not_ours_are_refused);
    tcase_add_test(tcase, a_half_sent_message_does_not_stay_for_ever);
    tcase_add_test(tcase, every_allocation_may_fail);
    tcase_add_test(tcase, frames_keep_their_fields);
    tcase_add_loop_test(tcase, contradicting_parts_end_the_session, 0,
                        ARRAY_COUNT(contradictions));
    tcase_add_test(tcase, what_a_closed_session_took_is_not_taken_again);
    tcase_add_test(tcase, frames_of_a_former_session_are_ignored);
    tcase_add_test(tcase, assemblies_of_all_peers_are_bounded_together);
    suite_add_tcase(suite, tcase);
    return suite;
}
