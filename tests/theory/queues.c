/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers for plain queues (models/queues).
 */
#include "models/queues/queues.h"
#include "sim/kernel/random.h"
#include "tests/theory/theory.h"

#include <stdlib.h>

#define GBPS UINT64_C(1000000000)
#define BYTES 1000u
#define WIRE_PS UINT64_C(8000000) /* of 1000 bytes at 1 Gb/s */

#define KLEINROCK                                                             \
    "Pollaczek and Khinchine; Kleinrock, Queueing Systems I, 1975"
#define KAROL "Karol, Hluchyj, Morgan, IEEE Trans. Comm. 35(12), 1987"

static void
ok(int err)
{
    theory_need(err == 0, "a network cannot be built, or does not run");
}

static struct queues *
network(uint64_t seed)
{
    struct queues_options options = {.seed = seed};
    struct queues *queues;

    ok(queues_create(&options, &queues));
    return queues;
}

static uint32_t
link_add(struct queues *queues, uint32_t a, uint32_t b,
         uint32_t buffer_packets)
{
    struct queues_link link = {.bps = GBPS, .buffer_packets = buffer_packets};
    uint32_t port;

    ok(queues_link_add(queues, a, b, &link, &port));
    return port;
}

/* ---- one queue ---- */

/* Mean wait before service, in mean service times. */
static double
one_queue(const struct theory_check *check, uint64_t seed, uint64_t packets,
          enum queues_sizes sizes)
{
    struct queues *queues = network(seed);
    struct queues_source source = {
        .host = 0,
        .to = 1,
        .arrivals = QUEUES_POISSON,
        .sizes = sizes,
        .gap_ps = (uint64_t)((double)WIRE_PS / check->load + 0.5),
        .bytes = BYTES,
    };
    uint32_t a = queues_host_add(queues, 0), b = queues_host_add(queues, 0);
    uint32_t port = link_add(queues, a, b, 0);
    uint64_t settled_ps = packets / 20 * source.gap_ps;
    struct queues_port_stats stats;

    ok(queues_source_add(queues, &source));
    ok(queues_run_until(queues, settled_ps));
    queues_stats_clear(queues);
    ok(queues_run_until(queues, settled_ps + packets * source.gap_ps));
    queues_port_stats(queues, port, &stats);
    queues_destroy(queues);
    return (double)stats.wait_sum_ps / (double)stats.packets / WIRE_PS;
}

static double
m_m_1(const struct theory_check *check, uint64_t seed, unsigned size)
{
    return one_queue(check, seed, 400000ull * size, QUEUES_SIZE_EXPONENTIAL);
}

static double
m_d_1(const struct theory_check *check, uint64_t seed, unsigned size)
{
    return one_queue(check, seed, 300000ull * size, QUEUES_SIZE_FIXED);
}

/* ---- switches with N ports ---- */

/* Arrivals of one input: in each slot one with the probability 'load'. */
static void
slots_draw(struct traffic_replay *replay, uint64_t *gaps_ps, uint16_t *bytes,
           double load, uint64_t slot_ps, struct random_stream *draw)
{
    uint32_t ppb = (uint32_t)(load * 1e9 + 0.5);

    for (size_t i = 0; i < replay->count; i++) {
        uint64_t slots = i > 0;

        while (!random_chance_ppb(draw, ppb))
            slots++;
        gaps_ps[i] = slots * slot_ps;
        bytes[i] = BYTES;
    }
    replay->gap_ps = gaps_ps;
    replay->bytes = bytes;
}

/* What packets wait at the outputs, in slots; Bernoulli arrivals to uniform
 * outputs. */
static double
output_queues(const struct theory_check *check, uint64_t seed, unsigned size)
{
    const unsigned ports = check->count;
    const size_t count = 20000ull * size * 16 / ports;
    const uint64_t slot_ps = traffic_wire_ps(BYTES, GBPS);
    struct queues *queues = network(seed);
    uint32_t hub = queues_switch_add(queues, 0, QUEUES_SWITCH_OUTPUT);
    uint64_t *gaps_ps = calloc(ports * count, sizeof(*gaps_ps));
    uint16_t *bytes = calloc(ports * count, sizeof(*bytes));
    uint32_t *hosts = calloc(2 * ports, sizeof(*hosts));
    double waits_ps = 0, packets = 0;
    uint32_t port = 0;
    char message[200];

    theory_need(gaps_ps != NULL && bytes != NULL && hosts != NULL, "memory");
    for (uint32_t i = 0; i < 2 * ports; i++) {
        hosts[i] = i;
        (void)link_add(queues, queues_host_add(queues, 0), hub, 0);
    }
    for (uint32_t i = 0; i < ports; i++) {
        struct random_stream draw = random_stream_make(seed, i, 0);
        struct traffic_spec spec = {
            .id = i,
            .pattern = TRAFFIC_UNIFORM,
            .arrivals = TRAFFIC_REPLAY,
            .senders = &hosts[i],
            .sender_count = 1,
            .receivers = &hosts[ports],
            .receiver_count = ports,
            .load_ppm = 1000000,
            .flows = 1,
            .end_ps = UINT64_MAX / 4,
            .replay = {.count = count},
        };

        slots_draw(&spec.replay, &gaps_ps[i * count], &bytes[i * count],
                   check->load, slot_ps, &draw);
        theory_need(
            queues_traffic_add(queues, &spec, message, sizeof(message)) == 0,
            message);
    }
    ok(queues_run_until(queues, count / 20 * slot_ps));
    queues_stats_clear(queues);
    ok(queues_run_until(queues, count * slot_ps));
    for (uint32_t i = 0; i < ports; i++) {
        struct queues_port_stats stats;

        port = queues_host_port(queues, ports + i) + 1; /* the way back */
        queues_port_stats(queues, port, &stats);
        waits_ps += (double)stats.wait_sum_ps;
        packets += (double)stats.packets;
    }
    queues_destroy(queues);
    free(gaps_ps);
    free(bytes);
    free(hosts);
    return waits_ps / packets / (double)slot_ps;
}

/* What an output carries when every input always has a packet. */
static double
fifo_inputs(const struct theory_check *check, uint64_t seed, unsigned size)
{
    const unsigned ports = check->count;
    const uint64_t slots = 20000ull * size;
    struct queues *queues = network(seed);
    uint32_t hub = queues_switch_add(queues, 0, QUEUES_SWITCH_INPUT_FIFO);
    struct queues_source source = {
        .to = QUEUES_TO_ANY,
        .any_first = ports,
        .any_count = ports,
        .arrivals = QUEUES_SATURATED,
        .bytes = BYTES,
    };
    struct queues_totals totals;

    for (uint32_t i = 0; i < 2 * ports; i++)
        (void)link_add(queues, queues_host_add(queues, 0), hub, 50);
    for (source.host = 0; source.host < ports; source.host++)
        ok(queues_source_add(queues, &source));
    ok(queues_run_until(queues, 1000 * WIRE_PS));
    queues_stats_clear(queues);
    ok(queues_run_until(queues, (1000 + slots) * WIRE_PS));
    queues_totals(queues, &totals);
    queues_destroy(queues);
    return (double)totals.delivered / ports / (double)slots;
}

/* ---- equal paths ---- */

#define FLOWS 64u
#define SPINES 13u
#define LEAF_HOSTS 2000u
#define ROUNDS 40u /* of a run: other flows each */

/* Busiest of 13 uplinks, of their mean, for 64 flows of equal rate. */
static double
equal_paths(const struct theory_check *check, uint64_t seed, unsigned size)
{
    const unsigned rounds = ROUNDS * size;
    const uint64_t round_ps = 1000 * WIRE_PS;
    struct queues *queues = network(seed);
    struct queues_link link = {.bps = GBPS * 100};
    struct queues_leaf_spine shape = {.leaves = 2,
                                      .spines = SPINES,
                                      .hosts_per_leaf = LEAF_HOSTS,
                                      .host_link = link,
                                      .spine_link = link};
    struct random_stream draw = random_stream_make(seed, 0, 0);
    double sum = 0;

    (void)check;
    ok(queues_leaf_spine(queues, &shape));
    for (unsigned i = 0; i < rounds * FLOWS; i++) {
        struct queues_source source = {
            .host = (uint32_t)random_below(&draw, LEAF_HOSTS),
            .to = LEAF_HOSTS + (uint32_t)random_below(&draw, LEAF_HOSTS),
            .arrivals = QUEUES_CONSTANT,
            .gap_ps = 20 * WIRE_PS,
            .begin_ps = i / FLOWS * round_ps,
            .end_ps = i / FLOWS * round_ps + 401 * WIRE_PS,
            .bytes = BYTES,
        };

        ok(queues_source_add(queues, &source));
    }
    for (unsigned i = 0; i < rounds; i++) {
        double most = 0, all = 0;

        ok(queues_run_until(queues, (i + 1) * round_ps - 1));
        for (unsigned s = 0; s < SPINES; s++) {
            struct queues_port_stats stats;

            /* The first leaf's uplinks follow the links of all hosts. */
            queues_port_stats(queues, 2 * (2 * LEAF_HOSTS + s), &stats);
            all += (double)stats.packets;
            most = (double)stats.packets > most ? (double)stats.packets : most;
        }
        theory_need(all == FLOWS * 21, "an uplink is missing");
        sum += most / (all / SPINES);
        queues_stats_clear(queues);
    }
    queues_destroy(queues);
    return sum / rounds;
}

/* ---- conservation ---- */

/* Packets that are neither delivered, dropped nor held, at ten moments. */
static double
unaccounted(const struct theory_check *check, uint64_t seed, unsigned size)
{
    struct queues *queues = network(seed);
    struct queues_link link = {
        .bps = GBPS, .delay_ps = 1000000, .buffer_packets = 20};
    struct queues_leaf_spine shape = {.leaves = 4,
                                      .spines = 3,
                                      .hosts_per_leaf = 4,
                                      .host_link = link,
                                      .spine_link = link};
    uint64_t missing = 0;

    ok(queues_leaf_spine(queues, &shape));
    for (uint32_t host = 0; host < 16; host++) {
        struct queues_source source = {
            .host = host,
            .to = QUEUES_TO_ANY,
            .arrivals = QUEUES_POISSON,
            .sizes = QUEUES_SIZE_EXPONENTIAL,
            .gap_ps = (uint64_t)((double)WIRE_PS / check->load),
            .bytes = BYTES,
            .end_ps = 4000 * WIRE_PS * size,
        };

        ok(queues_source_add(queues, &source));
    }
    for (unsigned i = 1; i <= 10; i++) {
        struct queues_totals totals;
        uint64_t held = 0;

        ok(queues_run_until(queues, 500ull * i * WIRE_PS * size));
        queues_totals(queues, &totals);
        if (i == 10) /* all have left */
            missing += totals.sent - totals.delivered - totals.dropped;
        for (uint32_t host = 0; host < 16; host++)
            held += queues_host_delivered(queues, host);
        missing += held != totals.delivered;
        missing += totals.dropped == 0; /* nothing was tried */
    }
    queues_destroy(queues);
    return (double)missing;
}

/* ---- what theory says ---- */

#define WAIT "wait, service times"
#define SLOTS "wait, slots"
#define CARRIED "carried by an output"

const struct theory_check theory_queues[] = {
    {"M/M/1, load 0.5", WAIT, KLEINROCK, THEORY_EQUAL, 1.0, 0.001, 0.03, m_m_1,
     0.5, 0},
    {"M/M/1, load 0.8", WAIT, KLEINROCK, THEORY_EQUAL, 4.0, 0.001, 0.03, m_m_1,
     0.8, 0},
    {"M/M/1, load 0.9", WAIT, KLEINROCK, THEORY_EQUAL, 9.0, 0.001, 0.06, m_m_1,
     0.9, 0},
    {"M/D/1, load 0.5", WAIT, KLEINROCK, THEORY_EQUAL, 0.5, 0, 0.02, m_d_1,
     0.5, 0},
    {"M/D/1, load 0.8", WAIT, KLEINROCK, THEORY_EQUAL, 2.0, 0, 0.03, m_d_1,
     0.8, 0},
    {"M/D/1, load 0.9", WAIT, KLEINROCK, THEORY_EQUAL, 4.5, 0, 0.05, m_d_1,
     0.9, 0},
    {"output queues, 2 ports, load 0.8", SLOTS, KAROL, THEORY_EQUAL, 1.0, 0,
     0.03, output_queues, 0.8, 2},
    {"output queues, 4 ports, load 0.8", SLOTS, KAROL, THEORY_EQUAL, 1.5, 0,
     0.03, output_queues, 0.8, 4},
    {"output queues, 16 ports, load 0.8", SLOTS, KAROL, THEORY_EQUAL, 1.875, 0,
     0.03, output_queues, 0.8, 16},
    {"FIFO inputs, 2 ports", CARRIED, KAROL, THEORY_EQUAL, 0.7500, 0.0001,
     0.005, fifo_inputs, 1, 2},
    {"FIFO inputs, 3 ports", CARRIED, KAROL, THEORY_EQUAL, 0.6825, 0.0001,
     0.005, fifo_inputs, 1, 3},
    {"FIFO inputs, 4 ports", CARRIED, KAROL, THEORY_EQUAL, 0.6553, 0.0001,
     0.005, fifo_inputs, 1, 4},
    {"FIFO inputs, 8 ports", CARRIED, KAROL, THEORY_EQUAL, 0.6184, 0.0001,
     0.005, fifo_inputs, 1, 8},
    {"equal paths, 64 flows, 13 links", "busiest link, of the mean",
     "64 balls in 13 bins, exact", THEORY_EQUAL, 1.8139, 0, 0.03, equal_paths,
     0, 0},
    {"conservation, queues at 120 %", "packets unaccounted for", "definition",
     THEORY_EXACT, 0, 0, 0, unaccounted, 1.2, 0},
};

const unsigned theory_queues_count =
    sizeof(theory_queues) / sizeof(theory_queues[0]);
