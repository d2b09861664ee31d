/* SPDX-License-Identifier: Apache-2.0 */
#include "models/queues/queues.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/queues/queues_test.h"
#include "reference-nos/base/check.h"
#include "sim/kernel/random.h"

#define GBPS UINT64_C(1000000000)

static struct queues *
network(unsigned parts, unsigned threads)
{
    struct queues_options options = {
        .seed = 5, .parts = parts, .threads = threads};
    struct queues *queues;

    ck_assert_int_eq(queues_create(&options, &queues), 0);
    return queues;
}

static uint32_t
link(struct queues *queues, uint32_t a, uint32_t b,
     const struct queues_link *shape)
{
    uint32_t port;

    ck_assert_int_eq(queues_link_add(queues, a, b, shape, &port), 0);
    return port;
}

static void
run(struct queues *queues, uint64_t until_ps)
{
    ck_assert_int_eq(queues_run_until(queues, until_ps), 0);
}

static struct queues_totals
totals(const struct queues *queues)
{
    struct queues_totals sum;

    queues_totals(queues, &sum);
    ck_assert_uint_lt(sum.held, UINT64_C(1) << 40);
    return sum;
}

/* Senders, one switch, one receiver; the port to the receiver. */
static uint32_t
funnel(struct queues *queues, unsigned senders,
       const struct queues_link *sender, const struct queues_link *receiver)
{
    uint32_t hub = queues_switch_add(queues, 0, QUEUES_SWITCH_OUTPUT);

    for (unsigned i = 0; i < senders; i++)
        (void)link(queues, queues_host_add(queues, 0), hub, sender);
    return link(queues, hub, queues_host_add(queues, 0), receiver);
}

static void
constant(struct queues *queues, uint32_t host, uint32_t to, uint64_t begin_ps,
         uint64_t gap_ps, uint16_t bytes)
{
    struct queues_source source = {.host = host,
                                   .to = to,
                                   .arrivals = QUEUES_CONSTANT,
                                   .begin_ps = begin_ps,
                                   .gap_ps = gap_ps,
                                   .bytes = bytes};

    ck_assert_int_eq(queues_source_add(queues, &source), 0);
}

/* ---- times by hand ------------------------------------------------------ */

/* 980 + 20 bytes at 1 Gb/s are 8 us on the wire; at 10 Gb/s 0.8 us. */
START_TEST(times_are_exact)
{
    struct queues_link slow = {
        .bps = GBPS, .delay_ps = 5000000, .overhead_bytes = 20};
    struct queues_link fast = {
        .bps = 10 * GBPS, .delay_ps = 7000000, .overhead_bytes = 20};
    struct queues *queues = network(1, 1);
    struct queues_port_stats stats;
    uint32_t port = funnel(queues, 2, &fast, &slow);

    constant(queues, 0, 2, 1000000, 1000000000, 980);
    constant(queues, 1, 2, 1000000, 1000000000, 980);
    run(queues, 999999);
    ck_assert_uint_eq(totals(queues).sent, 0);
    run(queues, 1000000);
    ck_assert_uint_eq(totals(queues).sent, 2);
    ck_assert_uint_eq(totals(queues).held, 2);
    /* 0.8 + 7 to the switch, then 8 + 5; the second waits for the first. */
    run(queues, 1000000 + 20799999);
    ck_assert_uint_eq(totals(queues).delivered, 0);
    run(queues, 1000000 + 20800000);
    ck_assert_uint_eq(totals(queues).delivered, 1);
    run(queues, 1000000 + 28800000);
    ck_assert_uint_eq(totals(queues).delivered, 2);
    ck_assert_uint_eq(totals(queues).hops, 4);
    ck_assert_uint_eq(queues_host_delivered(queues, 2), 2);
    ck_assert_uint_eq(queues_host_delivered(queues, 1), 0);
    const struct hist *latency = queues_latency(queues);

    ck_assert_uint_eq(hist_min(latency), 20800000);
    ck_assert_uint_eq(hist_max(latency), 28800000);
    queues_port_stats(queues, port, &stats);
    ck_assert_uint_eq(stats.packets, 2);
    ck_assert_uint_eq(stats.bytes, 2 * 980);
    ck_assert_uint_eq(stats.wait_sum_ps, 8000000);
    ck_assert_uint_eq(stats.wire_sum_ps, 16000000);
    ck_assert_uint_eq(stats.backlog_peak_ps, 8000000);
    ck_assert_uint_eq(stats.backlog_peak_bytes, 1000);
    queues_destroy(queues);
}
END_TEST

/* A rate that is no whole number of picoseconds a byte. */
START_TEST(odd_rates_round_to_nearest)
{
    struct queues_link odd = {.bps = 3 * GBPS, .delay_ps = 0};
    struct queues *queues = network(1, 1);

    (void)funnel(queues, 1, &odd, &odd);
    constant(queues, 0, 1, 0, 1000000000, 1000);
    run(queues, 10000000);
    /* 8000 bits / 3 Gb/s = 2666666.67 ps, twice. */
    ck_assert_uint_eq(hist_max(queues_latency(queues)), 2 * 2666667);
    queues_destroy(queues);
}
END_TEST

/* ---- full queues -------------------------------------------------------- */

/* Explicitly: who is in the queue when the next one comes. */
struct explicit_queue {
    uint64_t start_ps[4096], end_ps[4096], bytes[4096];
    unsigned count; /* Accepted. */
    uint64_t dropped;
};

static void
explicit_arrive(struct explicit_queue *queue, uint64_t at_ps, uint64_t bytes,
                uint64_t ps_per_byte, const struct queues_link *link)
{
    uint64_t left_ps = 0;
    unsigned waiting = 0;
    uint64_t free_ps = at_ps;

    for (unsigned i = 0; i < queue->count; i++) {
        if (queue->end_ps[i] <= at_ps)
            continue;
        left_ps += queue->end_ps[i] -
                   (queue->start_ps[i] > at_ps ? queue->start_ps[i] : at_ps);
        waiting += queue->start_ps[i] > at_ps;
        free_ps = queue->end_ps[i];
    }
    if ((link->buffer_bytes > 0 &&
         left_ps + bytes * ps_per_byte > link->buffer_bytes * ps_per_byte) ||
        (link->buffer_packets > 0 && waiting >= link->buffer_packets)) {
        queue->dropped++;
        return;
    }
    CHECK(queue->count < 4096);
    queue->start_ps[queue->count] = free_ps;
    queue->end_ps[queue->count] = free_ps + bytes * ps_per_byte;
    queue->bytes[queue->count++] = bytes;
}

/* Constant sources of coprime gaps through a slower port, beside the list. */
static void
tail_drop(const struct queues_link *receiver, uint64_t ps_per_byte)
{
    static struct explicit_queue queue;
    static const uint64_t gaps_ps[3] = {3100007, 4700011, 5900021};
    struct queues_link fast = {.bps = 8000 * GBPS};
    struct queues *queues = network(1, 1);
    struct queues_port_stats stats;
    uint32_t port = funnel(queues, 3, &fast, receiver);
    uint64_t next_ps[3];
    uint64_t wait_ps = 0;

    memset(&queue, 0, sizeof(queue));
    for (unsigned i = 0; i < 3; i++) {
        next_ps[i] = 17 * i;
        constant(queues, i, 3, next_ps[i], gaps_ps[i],
                 (uint16_t)(200 + 300 * i));
    }
    for (;;) {
        unsigned first = 0;
        uint64_t came_ps[3];

        for (unsigned i = 0; i < 3; i++)
            came_ps[i] = next_ps[i] + 200 + 300 * i; /* 1 ps a byte. */
        for (unsigned i = 1; i < 3; i++)
            first = came_ps[i] < came_ps[first] ? i : first;
        if (came_ps[first] > UINT64_C(3000000000))
            break;
        explicit_arrive(&queue, came_ps[first], 200 + 300 * first, ps_per_byte,
                        receiver);
        next_ps[first] += gaps_ps[first];
    }
    run(queues, UINT64_C(3000000000));
    queues_port_stats(queues, port, &stats);
    ck_assert_uint_gt(queue.dropped, 100);
    ck_assert_uint_eq(stats.dropped, queue.dropped);
    ck_assert_uint_eq(stats.packets, queue.count);
    ck_assert_uint_eq(totals(queues).dropped, queue.dropped);
    for (unsigned i = 0; i < queue.count; i++)
        wait_ps += queue.end_ps[i] - queue.start_ps[i];
    ck_assert_uint_eq(stats.wire_sum_ps, wait_ps);
    queues_destroy(queues);
}

START_TEST(tail_drop_as_listed)
{
    struct queues_link bytes = {.bps = 2 * GBPS, .buffer_bytes = 3000};
    struct queues_link packets = {.bps = 2 * GBPS, .buffer_packets = 4};
    struct queues_link both = {
        .bps = 2 * GBPS, .buffer_bytes = 1300, .buffer_packets = 2};

    tail_drop(&bytes, 4000);
    tail_drop(&packets, 4000);
    tail_drop(&both, 4000);
}
END_TEST

/* Three that come at once where two fit exactly, by the byte. */
START_TEST(what_just_fits_is_taken)
{
    struct queues_link fast = {.bps = 100 * GBPS};
    struct queues_link receiver = {.bps = GBPS, .buffer_bytes = 2000};
    struct queues *queues = network(1, 1);
    struct queues_port_stats stats;
    uint32_t port = funnel(queues, 3, &fast, &receiver);

    for (uint32_t i = 0; i < 3; i++)
        constant(queues, i, 3, 0, 1000000000, 1000);
    run(queues, 100000000);
    queues_port_stats(queues, port, &stats);
    ck_assert_uint_eq(stats.packets, 2);
    ck_assert_uint_eq(stats.dropped, 1);
    ck_assert_uint_eq(stats.backlog_peak_bytes, 1000);
    queues_destroy(queues);
}
END_TEST

/* One is sent, one waits, the third finds no place; another input has one. */
START_TEST(inputs_are_bounded)
{
    struct queues_link fast = {.bps = 100 * GBPS, .buffer_packets = 1};
    struct queues_link slow = {.bps = GBPS};
    struct queues *queues = network(1, 1);
    uint32_t hub = queues_switch_add(queues, 0, QUEUES_SWITCH_INPUT_FIFO);

    (void)link(queues, queues_host_add(queues, 0), hub, &fast);
    (void)link(queues, queues_host_add(queues, 0), hub, &fast);
    (void)link(queues, hub, queues_host_add(queues, 0), &slow);
    for (uint32_t i = 0; i < 3; i++)
        constant(queues, 0, 2, i * 100000, 1000000000, 1000);
    constant(queues, 1, 2, 250000, 1000000000, 1000);
    run(queues, 8080000 - 1);
    ck_assert_uint_eq(totals(queues).dropped, 1);
    ck_assert_uint_eq(totals(queues).delivered, 0);
    run(queues, 8080000);
    ck_assert_uint_eq(totals(queues).delivered, 1);
    run(queues, 24080000);
    ck_assert_uint_eq(totals(queues).delivered, 3);
    ck_assert_uint_eq(totals(queues).held, 0);
    queues_destroy(queues);
}
END_TEST

/* To any other: all of them, never itself. */
START_TEST(any_is_any_other)
{
    struct queues_link link = {.bps = GBPS};
    struct queues *queues = network(1, 1);
    struct queues_source source = {.host = 1,
                                   .to = QUEUES_TO_ANY,
                                   .arrivals = QUEUES_POISSON,
                                   .gap_ps = 10000000,
                                   .bytes = 100};

    (void)funnel(queues, 4, &link, &link);
    ck_assert_int_eq(queues_source_add(queues, &source), 0);
    run(queues, UINT64_C(10000000000));
    for (uint32_t i = 0; i < 5; i++) {
        uint64_t delivered = queues_host_delivered(queues, i);

        if (i == 1)
            ck_assert_uint_eq(delivered, 0);
        else
            ck_assert(delivered > 180 && delivered < 320);
    }
    queues_destroy(queues);
}
END_TEST

/* The queue of a sender itself; the packets it loses are sent and dropped. */
START_TEST(senders_drop_too)
{
    struct queues_link narrow = {.bps = GBPS, .buffer_packets = 2};
    struct queues_link wide = {.bps = 100 * GBPS};
    struct queues *queues = network(1, 1);

    (void)funnel(queues, 1, &narrow, &wide);
    constant(queues, 0, 1, 0, 4000000, 1000); /* Twice what fits. */
    run(queues, UINT64_C(8000000000));
    struct queues_totals sum = totals(queues);

    ck_assert_uint_eq(sum.sent, 2001);
    ck_assert_uint_ge(sum.delivered, 998);
    ck_assert_uint_le(sum.delivered, 1000);
    ck_assert_uint_ge(sum.dropped, 995);
    ck_assert_uint_eq(sum.sent, sum.delivered + sum.dropped + sum.held);
    ck_assert_uint_le(sum.held, 8);
    queues_destroy(queues);
}
END_TEST

/* ---- paths -------------------------------------------------------------- */

static struct queues *
leaf_spine(unsigned parts, unsigned threads, bool fixed)
{
    struct queues_link link = {.bps = 10 * GBPS,
                               .delay_ps = 1000000,
                               .buffer_bytes = 20000,
                               .overhead_bytes = 20};
    struct queues_leaf_spine shape = {.leaves = 6,
                                      .spines = 3,
                                      .hosts_per_leaf = 5,
                                      .host_link = link,
                                      .spine_link = link,
                                      .fixed_spines = fixed};
    struct queues *queues = network(parts, threads);

    ck_assert_int_eq(queues_leaf_spine(queues, &shape), 0);
    for (uint32_t i = 0; i < 30; i++) {
        struct queues_source source = {
            .host = i,
            .to = i % 3 == 0 ? (i * 7 + 1) % 30 : QUEUES_TO_ANY,
            .arrivals = i % 4 == 0 ? QUEUES_CONSTANT : QUEUES_POISSON,
            .sizes = i % 5 == 0 ? QUEUES_SIZE_FIXED : QUEUES_SIZE_EXPONENTIAL,
            .gap_ps = 1200000,
            .begin_ps = i * 1000,
            .bytes = 900,
            .flows = 8};

        ck_assert_int_eq(queues_source_add(queues, &source), 0);
        if (i % 10 == 0) /* A second one on the same host. */
            ck_assert_int_eq(queues_source_add(queues, &source), 0);
    }
    return queues;
}

START_TEST(same_for_any_parts_and_threads)
{
    static const unsigned shapes[][2] = {{1, 1}, {2, 1}, {2, 2},
                                         {6, 2}, {5, 4}, {6, 1}};
    struct queues_totals first = {0};
    struct digest_value digest = {0, 0};

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct queues *queues =
            leaf_spine(shapes[i][0], shapes[i][1], _i == 1);

        run(queues, 100000);
        run(queues, UINT64_C(3000000000));
        struct queues_totals sum = totals(queues);

        if (i == 0) {
            first = sum;
            digest = queues_digest(queues);
            ck_assert_uint_gt(sum.dropped, 100);
            ck_assert_uint_gt(sum.delivered, 10000);
        }
        ck_assert(run_digest_equal(digest, queues_digest(queues)));
        ck_assert_uint_eq(sum.sent, first.sent);
        ck_assert_uint_eq(sum.dropped, first.dropped);
        ck_assert_uint_eq(sum.delivered, first.delivered);
        ck_assert_uint_eq(sum.delivered_bytes, first.delivered_bytes);
        ck_assert_uint_eq(sum.held, first.held);
        ck_assert_uint_eq(hist_count(queues_latency(queues)), sum.delivered);
        queues_destroy(queues);
    }
}
END_TEST

START_TEST(flows_spread_over_equal_paths)
{
    struct queues *queues = leaf_spine(1, 1, false);
    struct queues_port_stats stats;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;

    run(queues, UINT64_C(3000000000));
    /* Ports 60 ..: up and down, leaf by leaf, three spines each. */
    for (uint32_t port = 60; port < queues_ports(queues); port += 2) {
        queues_port_stats(queues, port, &stats);
        least = stats.packets < least ? stats.packets : least;
        most = stats.packets > most ? stats.packets : most;
    }
    ck_assert_uint_eq(queues_ports(queues), 60 + 36);
    ck_assert_uint_gt(least, 100);
    ck_assert_uint_lt(most, 5 * least);
    queues_destroy(queues);
}
END_TEST

START_TEST(one_flow_takes_one_path)
{
    struct queues_link link = {.bps = GBPS, .delay_ps = 1000000};
    struct queues_leaf_spine shape = {.leaves = 2,
                                      .spines = 4,
                                      .hosts_per_leaf = 1,
                                      .host_link = link,
                                      .spine_link = link};
    struct queues *queues = network(1, 1);
    struct queues_port_stats stats;
    unsigned used = 0;

    ck_assert_int_eq(queues_leaf_spine(queues, &shape), 0);
    constant(queues, 0, 1, 0, 10000000, 1000);
    run(queues, UINT64_C(1000000000));
    for (uint32_t port = 4; port < queues_ports(queues); port++) {
        queues_port_stats(queues, port, &stats);
        ck_assert(stats.packets == 0 || stats.packets >= 98);
        used += stats.packets > 0;
    }
    ck_assert_uint_eq(used, 2); /* Up and down. */
    queues_destroy(queues);
}
END_TEST

/* No two streams of LS share a link: each takes four bare hops. */
START_TEST(ls_is_what_it_says)
{
    struct queues *queues = network(2, 1);

    ck_assert_int_eq(queues_ls(queues), 0);
    run(queues, 100000000);
    struct queues_totals sum = totals(queues);
    uint64_t expected = 0;

    for (uint64_t i = 0; i < 192; i++)
        expected += (100000000 - 37 * i % 1000 * 1000) / 233920 + 1;
    ck_assert_uint_eq(sum.sent, expected);
    ck_assert_uint_eq(sum.dropped, 0);
    ck_assert_uint_eq(hist_min(queues_latency(queues)), 4 * 1116960);
    ck_assert_uint_eq(hist_max(queues_latency(queues)), 4 * 1116960);
    ck_assert_uint_eq(queues_ports(queues), 2 * (192 + 48 * 13));
    ck_assert_uint_gt(sum.memory_bytes, 0);
    queues_destroy(queues);
}
END_TEST

/* ---- counting ----------------------------------------------------------- */

START_TEST(clearing_keeps_what_is_under_way)
{
    struct queues *queues = leaf_spine(2, 1, false);
    struct queues *whole = leaf_spine(1, 1, false);

    run(queues, 500000000);
    run(whole, 500000000);
    struct queues_totals before = totals(whole);

    queues_stats_clear(queues);
    ck_assert_uint_eq(totals(queues).sent, 0);
    ck_assert_uint_eq(totals(queues).held, before.held);
    run(queues, 900000000);
    run(whole, 900000000);
    struct queues_totals after = totals(whole);

    ck_assert_uint_eq(totals(queues).sent, after.sent - before.sent);
    ck_assert_uint_eq(totals(queues).dropped, after.dropped - before.dropped);
    ck_assert_uint_eq(totals(queues).hops, after.hops - before.hops);
    ck_assert_uint_eq(totals(queues).held, after.held);
    queues_destroy(queues);
    queues_destroy(whole);
}
END_TEST

/* Offered traffic ends, and all of it arrives. */
START_TEST(traffic_goes_through)
{
    static const uint32_t ends[] = {0, 1, 2, 3};
    static const uint32_t strangers[] = {0, 1, 2, 4};
    struct queues_link link = {.bps = 10 * GBPS,
                               .delay_ps = 1000000,
                               .overhead_bytes = TRAFFIC_L1_BYTES};
    struct traffic_spec spec = {.pattern = TRAFFIC_UNIFORM,
                                .arrivals = TRAFFIC_POISSON,
                                .senders = ends,
                                .receivers = ends,
                                .sender_count = 4,
                                .receiver_count = 4,
                                .sizes = {{64, 1}, {1518, 1}},
                                .size_count = 2,
                                .load_ppm = 500000,
                                .flows = 1,
                                .end_ps = UINT64_C(1000000000)};
    struct queues *queues = network(1, 1);
    uint32_t hub = queues_switch_add(queues, 0, QUEUES_SWITCH_OUTPUT);
    char message[256];
    uint32_t port;

    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(queues_link_add(queues, queues_host_add(queues, 0),
                                         hub, &link, &port),
                         0);
    ck_assert_int_eq(
        queues_traffic_add(queues, &spec, message, sizeof(message)), 0);
    spec.load_ppm = 0;
    ck_assert_int_eq(
        queues_traffic_add(queues, &spec, message, sizeof(message)),
        ERR_INVALID);
    spec.load_ppm = 1;
    spec.receivers = strangers;
    ck_assert_int_eq(
        queues_traffic_add(queues, &spec, message, sizeof(message)),
        ERR_INVALID);
    ck_assert_str_eq(message, "receiver 4 is none of 4 hosts");
    run(queues, UINT64_C(5000000000));
    struct queues_totals sum = totals(queues);

    /* 5 Gb/s of 811 bytes at layer 1 for 1 ms on each of four. */
    ck_assert_uint_gt(sum.sent, 2700);
    ck_assert_uint_lt(sum.sent, 3500);
    ck_assert_uint_eq(sum.delivered, sum.sent);
    ck_assert_uint_eq(sum.delivered_bytes, sum.sent_bytes);
    ck_assert_uint_eq(sum.held, 0);
    queues_destroy(queues);
}
END_TEST

/* ---- bad input ---------------------------------------------------------- */

START_TEST(what_cannot_be_is_refused)
{
    struct queues_link link = {.bps = GBPS, .delay_ps = 1};
    struct queues_link none = {.bps = 0};
    struct queues_link tiny = {.bps = GBPS, .buffer_bytes = 100};
    struct queues *queues = network(1, 1);
    uint32_t hub = queues_switch_add(queues, 0, QUEUES_SWITCH_OUTPUT);
    uint32_t a = queues_host_add(queues, 0);
    uint32_t b = queues_host_add(queues, 0);
    struct queues_source source = {
        .host = 0, .to = 1, .gap_ps = 1000, .bytes = 1000};
    uint32_t port;

    ck_assert_int_eq(queues_link_add(queues, a, hub, &none, &port),
                     ERR_INVALID);
    ck_assert_int_eq(queues_link_add(queues, hub, hub, &link, &port),
                     ERR_INVALID);
    ck_assert_int_eq(queues_link_add(queues, a, hub, &tiny, &port), 0);
    ck_assert_int_eq(queues_link_add(queues, a, hub, &link, &port),
                     ERR_INVALID);
    source.to = 0;
    ck_assert_int_eq(queues_source_add(queues, &source), ERR_INVALID);
    source.to = 2;
    ck_assert_int_eq(queues_source_add(queues, &source), ERR_INVALID);
    source.to = 1;
    source.gap_ps = 0;
    ck_assert_int_eq(queues_source_add(queues, &source), ERR_INVALID);
    source.gap_ps = 1;
    ck_assert_int_eq(queues_source_add(queues, &source), 0);
    ck_assert_int_eq(queues_run_until(queues, 10), ERR_UNREACHABLE);
    ck_assert_int_eq(queues_link_add(queues, b, hub, &link, &port), 0);
    /* Its own queue never holds one. */
    ck_assert_int_eq(queues_run_until(queues, 10), ERR_INVALID);
    ck_assert_int_eq(queues_run_until(queues, 20), ERR_INVALID);
    ck_assert_uint_eq(totals(queues).sent, 0);
    queues_destroy(queues);
}
END_TEST

START_TEST(parts_need_time_between_them)
{
    struct queues_link link = {.bps = GBPS, .delay_ps = 0};
    struct queues *queues = network(2, 1);
    uint32_t port;

    ck_assert_int_eq(queues_link_add(queues, queues_host_add(queues, 0),
                                     queues_host_add(queues, 1), &link, &port),
                     0);
    ck_assert_int_eq(queues_run_until(queues, 10), ERR_INVALID);
    queues_destroy(queues);
}
END_TEST

Suite *
queues_suite(void)
{
    Suite *suite = suite_create("queues");
    TCase *queue = tcase_create("queues");
    TCase *paths = tcase_create("paths");

    tcase_add_test(queue, times_are_exact);
    tcase_add_test(queue, odd_rates_round_to_nearest);
    tcase_add_test(queue, tail_drop_as_listed);
    tcase_add_test(queue, what_just_fits_is_taken);
    tcase_add_test(queue, inputs_are_bounded);
    tcase_add_test(queue, any_is_any_other);
    tcase_add_test(queue, senders_drop_too);
    tcase_add_test(queue, clearing_keeps_what_is_under_way);
    tcase_add_test(queue, traffic_goes_through);
    tcase_add_test(queue, what_cannot_be_is_refused);
    tcase_add_test(queue, parts_need_time_between_them);
    tcase_add_loop_test(paths, same_for_any_parts_and_threads, 0, 2);
    tcase_add_test(paths, flows_spread_over_equal_paths);
    tcase_add_test(paths, one_flow_takes_one_path);
    tcase_add_test(paths, ls_is_what_it_says);
    suite_add_tcase(suite, queue);
    suite_add_tcase(suite, paths);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(queues_suite());

    srunner_add_suite(runner, queues_theory_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed != 0;
}
