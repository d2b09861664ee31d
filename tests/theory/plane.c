/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers for line cards and cells (models/plane).
 */
#include "models/plane/plane.h"
#include "tests/theory/theory.h"

#include <stdlib.h>

#define US UINT64_C(1000000) /* ps */
#define CARD_PORTS 40u
#define CARD_BPS 4e12
#define PORT_BPS 1e11
#define BOXES 13u

#define LANES "45.8 Gb/s usable of a lane, 8 lanes a box; 4 Tb/s of ports"
#define MCKEOWN "McKeown and others, IEEE Trans. Comm. 47(8), 1999"

struct cluster {
    struct cluster_plan *plan;
    struct asic asic;
    struct data_plane *plane;
};

/* Cards with a link to each of 13 fabric boxes; no deep buffer, which would
 * carry less than the ports. */
static void
cluster_start(struct cluster *cluster, unsigned cards, uint64_t seed)
{
    struct cluster_options options = {
        .preset = "custom", .ncp_count = cards, .ncf_count = BOXES};
    struct plane_options plane = {
        .asic = &cluster->asic, .seed = seed, .threads = 1};
    char message[512] = "";

    theory_need(cluster_plan_create(THEORY_DATA_DIR, &options, 1,
                                    &cluster->plan, message,
                                    sizeof(message)) == 0,
                message);
    theory_need(asic_load(THEORY_DATA_DIR, &cluster->asic, message,
                          sizeof(message)) == 0,
                message);
    cluster->asic.evict_bytes = UINT64_C(1) << 40;
    cluster->asic.evict_packets = UINT64_C(1) << 40;
    cluster->asic.onchip_bytes = UINT64_C(1) << 40;
    plane.plan = cluster->plan;
    theory_need(
        plane_create(&plane, &cluster->plane, message, sizeof(message)) == 0,
        message);
    plane_program(cluster->plane);
}

static void
cluster_stop(struct cluster *cluster)
{
    plane_destroy(cluster->plane);
    cluster_plan_destroy(cluster->plan);
}

static void
run_to(const struct cluster *cluster, uint64_t to_ps)
{
    theory_need(plane_run_until(cluster->plane, to_ps) == 0,
                "the plane does not run");
}

static unsigned
traffic_add(const struct cluster *cluster, const struct traffic_spec *spec)
{
    char message[256] = "";
    unsigned flow = 0;

    theory_need(traffic_check(spec, message, sizeof(message)) == 0, message);
    theory_need(plane_traffic_add(cluster->plane, spec, &flow) == 0,
                "traffic cannot be added");
    return flow;
}

static void
boxes_lose(const struct cluster *cluster, unsigned count)
{
    unsigned first = cluster_plan_find(cluster->plan, "ncf-0");

    for (unsigned i = 0; i < count; i++)
        plane_box_set(cluster->plane, first + i, false);
}

/* ---- the fabric's speed-up ---- */

/* What all ports of a card get through to those of another at full rate with
 * so many boxes dead, of their rate. */
static double
carried(unsigned lost, uint64_t seed, unsigned size)
{
    uint32_t ends[2 * CARD_PORTS];
    struct traffic_spec spec = {
        .pattern = TRAFFIC_PAIRS,
        .arrivals = TRAFFIC_CONSTANT, /* at drawn phases */
        .senders = ends,
        .sender_count = CARD_PORTS,
        .receivers = ends + CARD_PORTS,
        .receiver_count = CARD_PORTS,
        .sizes = {{9000, 1}},
        .size_count = 1,
        .load_ppm = 1000000,
        .flows = 1,
        .end_ps = UINT64_MAX / 4,
    };
    struct cluster cluster;
    uint64_t packets;
    unsigned flow;

    for (uint32_t i = 0; i < 2 * CARD_PORTS; i++)
        ends[i] = i;
    cluster_start(&cluster, 2, seed);
    boxes_lose(&cluster, lost);
    flow = traffic_add(&cluster, &spec);
    run_to(&cluster, 150 * US);
    plane_stats_clear(cluster.plane);
    run_to(&cluster, (150 + 150 * size) * US);
    packets = plane_flow(cluster.plane, flow)->delivered;
    cluster_stop(&cluster);
    return (double)packets * (9000 + TRAFFIC_L1_BYTES) * 8 /
           (CARD_BPS * 150e-6 * size);
}

static double
boxes_lost(const struct theory_check *check, uint64_t seed, unsigned size)
{
    return carried(check->count, seed, size);
}

/* Above 1 a speed-up cannot be seen at the ports: from what 8 boxes carry. */
static double
speed_up(const struct theory_check *check, uint64_t seed, unsigned size)
{
    return carried(BOXES - 8, seed, size) * (BOXES - check->count) / 8;
}

/* ---- virtual output queues ---- */

/* 16 ports of 4 cards, each packet to a uniform other one: delivered, of what
 * was sent meanwhile. */
static double
uniform(const struct theory_check *check, uint64_t seed, unsigned size)
{
    uint32_t ends[16];
    struct traffic_spec spec = {
        .pattern = TRAFFIC_UNIFORM,
        .arrivals = TRAFFIC_POISSON,
        .senders = ends,
        .sender_count = 16,
        .sizes = {{1518, 1}},
        .size_count = 1,
        .load_ppm = (uint32_t)(check->load * 1e6 + 0.5),
        .flows = 1,
        .end_ps = UINT64_MAX / 4,
    };
    struct cluster cluster;
    const struct plane_flow_stats *stats;
    double share;
    unsigned flow;

    for (uint32_t i = 0; i < 16; i++)
        ends[i] = i / 4 * CARD_PORTS + i % 4;
    cluster_start(&cluster, 4, seed);
    flow = traffic_add(&cluster, &spec);
    run_to(&cluster, 300 * US);
    plane_stats_clear(cluster.plane);
    run_to(&cluster, (300 + 400 * size) * US);
    stats = plane_flow(cluster.plane, flow);
    share = (double)stats->delivered / (double)stats->sent;
    cluster_stop(&cluster);
    return share;
}

/* ---- conservation ---- */

static uint64_t
missing(struct data_plane *plane, unsigned flow)
{
    const struct plane_flow_stats *stats = plane_flow(plane, flow);
    uint64_t out = stats->delivered, out_bytes = stats->delivered_bytes;
    struct plane_totals totals;

    plane_totals(plane, &totals);
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        out += stats->dropped[i];
    out_bytes += stats->dropped_bytes;
    return (uint64_t)llabs((long long)(stats->sent - out - totals.held)) +
           (uint64_t)llabs(
               (long long)(stats->sent_bytes - out_bytes - totals.held_bytes));
}

/* Packets and bytes that are neither delivered, dropped nor held, at twenty
 * moments, while boxes die one after another and return. */
static double
unaccounted(const struct theory_check *check, uint64_t seed, unsigned size)
{
    uint32_t ends[20];
    struct traffic_spec spec = {
        .pattern = TRAFFIC_UNIFORM,
        .arrivals = TRAFFIC_POISSON,
        .senders = ends,
        .sender_count = 20,
        .load_ppm = (uint32_t)(check->load * 1e6 + 0.5),
        .flows = 4,
        .end_ps = 140 * US * size,
    };
    struct cluster cluster;
    uint64_t sum = 0, dropped = 0;
    unsigned flow, first;

    for (uint32_t i = 0; i < 20; i++)
        ends[i] = i / 10 * CARD_PORTS + i % 10;
    for (unsigned i = 0; i < 3; i++)
        spec.sizes[i] = traffic_imix[i];
    spec.size_count = 3;
    cluster_start(&cluster, 2, seed);
    first = cluster_plan_find(cluster.plan, "ncf-0");
    flow = traffic_add(&cluster, &spec);
    for (unsigned i = 1; i <= 20; i++) {
        run_to(&cluster, 8 * US * i * size);
        sum += missing(cluster.plane, flow);
        plane_box_set(cluster.plane, first + i % 12, i > 12);
    }
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        dropped += plane_flow(cluster.plane, flow)->dropped[i];
    sum += dropped == 0; /* nothing was tried */
    cluster_stop(&cluster);
    return (double)sum;
}

/* ---- what theory says ---- */

#define PASSED "of the ports' rate"
#define SHARE "delivered, of sent"

/* A speed-up leaves out a packet's header and what its last cell leaves
 * empty: 1 %. */
const struct theory_check theory_plane[] = {
    {"cells, 0 of 13 boxes lost", PASSED, LANES, THEORY_AT_LEAST, 0.998, 0, 0,
     boxes_lost, 1, 0},
    {"cells, 1 of 13 boxes lost", PASSED, LANES, THEORY_AT_LEAST, 0.998, 0, 0,
     boxes_lost, 1, 1},
    {"cells, 2 of 13 boxes lost", PASSED, LANES, THEORY_AT_LEAST, 0.998, 0, 0,
     boxes_lost, 1, 2},
    {"cells, 3 of 13 boxes lost", PASSED, LANES, THEORY_EQUAL, 0.9160, 0.01,
     0.01, boxes_lost, 1, 3},
    {"speed-up, 0 of 13 boxes lost", "13 / 8 of what 8 carry", LANES,
     THEORY_EQUAL, 1.1908, 0.01, 0.01, speed_up, 1, 0},
    {"speed-up, 1 of 13 boxes lost", "12 / 8 of what 8 carry", LANES,
     THEORY_EQUAL, 1.0992, 0.01, 0.01, speed_up, 1, 1},
    {"speed-up, 2 of 13 boxes lost", "11 / 8 of what 8 carry", LANES,
     THEORY_EQUAL, 1.0076, 0.01, 0.01, speed_up, 1, 2},
    {"VOQ, uniform, load 0.95", SHARE, MCKEOWN, THEORY_EQUAL, 1.0, 0, 0.01,
     uniform, 0.95, 0},
    {"VOQ, uniform, load 1", SHARE, MCKEOWN, THEORY_AT_LEAST, 0.98, 0, 0,
     uniform, 1, 0},
    {"conservation, cells, boxes dying", "packets and bytes unaccounted for",
     "definition", THEORY_EXACT, 0, 0, 0, unaccounted, 0.9, 0},
};

const unsigned theory_plane_count =
    sizeof(theory_plane) / sizeof(theory_plane[0]);
