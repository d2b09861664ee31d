/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes and links that fail: what is lost, why, for how long; and the same
 * outcome with any number of threads.
 */
#include <string.h>

#include "models/plane/plane_test.h"
#include "sim/kernel/random.h"

static const struct cluster_options small = {.preset = "ddc-small"};
/* 13 fabric boxes, one link each. */
static const struct cluster_options wide = {
    .preset = "custom", .ncp_count = 2, .ncf_count = 13};
static const struct cluster_options three = {.preset = "custom",
                                             .ncp_count = 3,
                                             .ncf_count = 2,
                                             .fabric_links_per_ncp = 5};

static unsigned
box_of(const struct rig *rig, const char *name, unsigned number)
{
    return cluster_plan_find(rig->plan, name) + number;
}

/* ---- one fault ---------------------------------------------------------- */

/* Cells on the cable are lost, packets of them counted once; everything else
 * passes over the other links, and nothing more is lost. */
START_TEST(link_dark)
{
    static const uint32_t from[] = {0}, to[] = {40};
    struct traffic_spec spec = rig_traffic(from, 1, to, 1, 1518, 900000);
    const struct plane_flow_stats *stats;
    struct rig rig;
    uint64_t lost;

    rig_plan(&rig, &wide);
    rig_start(&rig, 1, 1);
    (void)rig_add(&rig, &spec);
    for (unsigned i = 0; i < 40; i++) {
        rig_run(&rig, (20 + 40 * i) * US);
        plane_link_set(rig.plane, box_of(&rig, "ncp-0", 0), i % 13, false);
        rig_conserved(&rig, 1);
        rig_run(&rig, (40 + 40 * i) * US);
        plane_link_set(rig.plane, box_of(&rig, "ncp-0", 0), i % 13, true);
    }
    rig_run(&rig, 1800 * US);
    stats = plane_flow(rig.plane, 0);
    lost = rig_dropped(stats);
    ck_assert_uint_ge(lost, 10); /* seven of 13 links carry each packet */
    ck_assert_uint_le(lost, 200);
    ck_assert_uint_eq(lost, stats->dropped[PLANE_DROP_LINK]);
    ck_assert_uint_eq(stats->reordered, 0);
    rig_conserved(&rig, 1);
    rig_stop(&rig);
}
END_TEST

/* A link behind the fabric box: its cells are lost until reachability cells
 * have told the sender. */
START_TEST(far_link_dark)
{
    static const uint32_t from[] = {0}, to[] = {40};
    struct traffic_spec spec = rig_traffic(from, 1, to, 1, 64, 900000);
    uint64_t lost, expected;
    struct rig rig;

    rig_plan(&rig, &wide);
    rig_start(&rig, 1, 1);
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 50 * US);
    plane_link_set(rig.plane, box_of(&rig, "ncp-1", 0), 3, false);
    rig_run(&rig, 150 * US);
    lost = rig_dropped(plane_flow(rig.plane, 0));
    /* One in 13 of those sent in 20 us. */
    expected = UINT64_C(20) * 900000 / 6720 / 13;
    ck_assert_uint_ge(lost, expected - 2);
    ck_assert_uint_le(lost, expected + 20); /* and those on the way */
    ck_assert_uint_eq(plane_flow(rig.plane, 0)->dropped[PLANE_DROP_LINK],
                      lost);
    rig_run(&rig, 1000 * US);
    ck_assert_uint_eq(rig_dropped(plane_flow(rig.plane, 0)), lost);
    rig_conserved(&rig, 1);
    /* It shines again: used, without loss. */
    plane_link_set(rig.plane, box_of(&rig, "ncp-1", 0), 3, true);
    rig_run(&rig, 1200 * US);
    ck_assert_uint_eq(rig_dropped(plane_flow(rig.plane, 0)), lost);
    rig_stop(&rig);
}
END_TEST

/* A fabric box dies: what it held is lost, at once nothing else; full rate
 * with those that are left, and with it again when it is back. */
START_TEST(fabric_box_dies)
{
    uint32_t from[40], to[40];
    struct traffic_spec spec;
    const struct plane_flow_stats *stats;
    uint64_t lost;
    struct rig rig;

    for (unsigned i = 0; i < 40; i++) {
        from[i] = i;
        to[i] = 40 + i;
    }
    rig_plan(&rig, &wide);
    rig_start(&rig, 2, 1);
    spec = rig_traffic(from, 40, to, 40, 1500, 800000);
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 50 * US);
    plane_box_set(rig.plane, box_of(&rig, "ncf-0", 4), false);
    rig_conserved(&rig, 1);
    rig_run(&rig, 250 * US);
    stats = plane_flow(rig.plane, 0);
    lost = rig_dropped(stats);
    ck_assert_uint_gt(lost, 10);
    ck_assert_uint_lt(lost, 2000);
    ck_assert_uint_eq(stats->dropped[PLANE_DROP_FABRIC], lost);
    rig_clear(&rig);
    rig_run(&rig, 450 * US);
    stats = plane_flow(rig.plane, 0);
    ck_assert_uint_eq(rig_dropped(stats), 0);
    ck_assert_uint_ge(stats->delivered * 1000, stats->sent * 998);
    plane_box_set(rig.plane, box_of(&rig, "ncf-0", 4), true);
    plane_program_box(rig.plane, box_of(&rig, "ncf-0", 4));
    rig_run(&rig, 650 * US);
    ck_assert_uint_eq(rig_dropped(plane_flow(rig.plane, 0)), 0);
    rig_conserved(&rig, 1);
    rig_stop(&rig);
}
END_TEST

/* After the loss of six fabric boxes two thirds pass; when they are back, all
 * does, and queues drain.  (Without the deep buffer, which is slower than the
 * ports: a card whose queues all live there stays at its rate.) */
START_TEST(back_to_full_rate)
{
    uint32_t from[40], to[40];
    struct traffic_spec spec;
    const struct plane_flow_stats *stats;
    struct rig rig;

    for (unsigned i = 0; i < 40; i++) {
        from[i] = i;
        to[i] = 40 + i;
    }
    rig_plan(&rig, &wide);
    rig.asic.evict_bytes = UINT64_C(1) << 40;
    rig.asic.evict_packets = UINT64_C(1) << 40;
    rig.asic.onchip_bytes = UINT64_C(1) << 40;
    rig_start(&rig, 2, 1);
    spec = rig_traffic(from, 40, to, 40, 1500, 800000);
    spec.end_ps = 1000 * US;
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 50 * US);
    for (unsigned i = 0; i < 6; i++)
        plane_box_set(rig.plane, box_of(&rig, "ncf-0", i), false);
    rig_run(&rig, 200 * US);
    rig_clear(&rig);
    rig_run(&rig, 300 * US);
    stats = plane_flow(rig.plane, 0);
    ck_assert_uint_lt(stats->delivered * 100, stats->sent * 85);
    for (unsigned i = 0; i < 6; i++) {
        plane_box_set(rig.plane, box_of(&rig, "ncf-0", i), true);
        plane_program_box(rig.plane, box_of(&rig, "ncf-0", i));
    }
    rig_run(&rig, 600 * US);
    rig_clear(&rig);
    rig_run(&rig, 700 * US);
    stats = plane_flow(rig.plane, 0);
    ck_assert_uint_eq(rig_dropped(stats), 0);
    ck_assert_uint_ge(stats->delivered * 1000, stats->sent * 999);
    rig_run(&rig, 5000 * US);
    stats = plane_flow(rig.plane, 0);
    ck_assert_uint_eq(stats->sent + rig.held, stats->delivered);
    rig_conserved(&rig, 1);
    rig_stop(&rig);
}
END_TEST

/* A line card dies: it loses what it holds; others find it gone; back and
 * programmed it forwards again. */
START_TEST(line_card_dies)
{
    static const uint32_t from[] = {0, 1, 41}, to[] = {40, 80, 81};
    struct traffic_spec spec = rig_traffic(from, 3, to, 3, 800, 900000);
    const struct plane_flow_stats *stats;
    struct rig rig;
    unsigned box;

    rig_plan(&rig, &small);
    rig_start(&rig, 3, 1);
    box = box_of(&rig, "ncp-1", 0);
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 100 * US);
    plane_box_set(rig.plane, box, false);
    rig_conserved(&rig, 1);
    rig_run(&rig, 300 * US);
    stats = plane_flow(rig.plane, 0);
    ck_assert_uint_gt(stats->dropped[PLANE_DROP_BOX_DOWN], 2000);
    ck_assert_uint_gt(stats->dropped[PLANE_DROP_NEXT_HOP], 2000);
    ck_assert_uint_eq(rig_dropped(stats),
                      stats->dropped[PLANE_DROP_BOX_DOWN] +
                          stats->dropped[PLANE_DROP_NEXT_HOP]);
    rig_conserved(&rig, 1);
    plane_box_set(rig.plane, box, true);
    plane_program_box(rig.plane, box);
    rig_run(&rig, 500 * US);
    rig_clear(&rig);
    rig_run(&rig, 700 * US);
    stats = plane_flow(rig.plane, 0);
    ck_assert_uint_eq(rig_dropped(stats), 0);
    ck_assert_uint_ge(stats->delivered * 1000, stats->sent * 995);
    rig_conserved(&rig, 1);
    rig_stop(&rig);
}
END_TEST

/* A packet whose cells do not all come in time is given up, its late cells
 * are no harm; one of a single cell is never late. */
START_TEST(reassembly_timeout)
{
    static const uint32_t from[] = {0, 1}, to[] = {40, 41};
    struct traffic_spec large = rig_traffic(from, 1, to, 1, 1518, 100000);
    struct traffic_spec little =
        rig_traffic(from + 1, 1, to + 1, 1, 64, 100000);
    const struct plane_flow_stats *stats;
    struct rig rig;

    large.packets_max = 100;
    little.packets_max = 100;
    rig_plan(&rig, &small);
    rig.asic.reassembly_ps = 1;
    rig_start(&rig, 4, 1);
    (void)rig_add(&rig, &large);
    (void)rig_add(&rig, &little);
    rig_run(&rig, 1000 * US);
    stats = plane_flow(rig.plane, 0);
    ck_assert_uint_eq(stats->dropped[PLANE_DROP_REASSEMBLY], 100);
    ck_assert_uint_eq(stats->delivered, 0);
    ck_assert_uint_eq(plane_flow(rig.plane, 1)->delivered, 100);
    rig_conserved(&rig, 2);
    rig_stop(&rig);
}
END_TEST

/* ---- any faults --------------------------------------------------------- */

struct chaos {
    struct rig rig;
    struct random_stream draws;
    bool alive[64];
    uint32_t ends[160];
};

static void
chaos_traffic(struct chaos *chaos, unsigned count)
{
    struct traffic_spec spec;

    for (unsigned i = 0; i < count; i++)
        chaos->ends[i] = i;
    spec = rig_traffic(chaos->ends, count, chaos->ends, count, 64, 300000);
    spec.pattern = TRAFFIC_UNIFORM;
    spec.arrivals = TRAFFIC_POISSON;
    spec.size_count = 3;
    memcpy(spec.sizes, traffic_imix, sizeof(traffic_imix));
    spec.flows = 4;
    spec.end_ps = 300 * US;
    (void)rig_add(&chaos->rig, &spec);
    spec.pattern = TRAFFIC_HOT_SPOT;
    spec.arrivals = TRAFFIC_ON_OFF;
    spec.hot_ppm = 100000;
    spec.burst_ps = 5 * US;
    spec.traffic_class = 6;
    (void)rig_add(&chaos->rig, &spec);
}

static void
chaos_box(struct chaos *chaos, unsigned box)
{
    chaos->alive[box] = !chaos->alive[box];
    plane_box_set(chaos->rig.plane, box, chaos->alive[box]);
    if (chaos->alive[box])
        plane_program_box(chaos->rig.plane, box);
}

static void
chaos_table(struct chaos *chaos, unsigned box)
{
    struct fwd_entry entry = {.object = FWD_REACH};
    struct fwd_route route = {
        .prefix = {.family = 4, .length = 24, .bytes = {10}}};

    switch (random_below(&chaos->draws, 4)) {
    case 0:
        entry.id = (uint16_t)random_below(&chaos->draws, 16);
        entry.value = random_bits(&chaos->draws) & 0x1fff;
        plane_entries_set(chaos->rig.plane, box, &entry, 1);
        break;
    case 1:
        entry.object = FWD_FRONT;
        entry.id = (uint16_t)random_below(&chaos->draws, 40);
        entry.value = random_below(&chaos->draws, 2);
        plane_entries_set(chaos->rig.plane, box, &entry, 1);
        break;
    case 2:
        route.prefix.bytes[2] = (uint8_t)random_below(&chaos->draws, 120);
        route.group = (uint32_t)random_below(&chaos->draws, 120);
        plane_routes_set(chaos->rig.plane, box, &route, 1);
        break;
    default: plane_program_box(chaos->rig.plane, box); break;
    }
}

static void
chaos_step(struct chaos *chaos)
{
    unsigned boxes = chaos->rig.plan->box_count;
    unsigned box = (unsigned)random_below(&chaos->draws, boxes);

    switch (random_below(&chaos->draws, 3)) {
    case 0: chaos_box(chaos, box); break;
    case 1:
        plane_link_set(chaos->rig.plane, box,
                       (unsigned)random_below(&chaos->draws, 13),
                       random_below(&chaos->draws, 2) == 0);
        break;
    default:
        if (chaos->alive[box])
            chaos_table(chaos, box);
        break;
    }
}

/* The digest after all of it. */
static struct digest_value
chaos_play(uint64_t seed, unsigned threads)
{
    struct chaos chaos = {.draws = random_stream_make(seed, 1, 2)};
    struct plane_totals totals;
    struct digest_value digest;
    uint64_t at_ps = 0;

    memset(chaos.alive, true, sizeof(chaos.alive));
    rig_plan(&chaos.rig, &three);
    if (seed % 3 == 0)
        chaos.rig.asic.reassembly_ps = 2 * US;
    if (seed % 4 == 0)
        chaos.rig.asic.ncf_queue_bytes = 8192;
    if (seed % 5 == 0)
        chaos.rig.asic.evict_bytes = 5000;
    chaos.rig.asic.credit_watchdog_ps = 400 * US;
    rig_start(&chaos.rig, seed, threads);
    chaos_traffic(&chaos, 120);
    for (unsigned i = 0; i < 60; i++) {
        at_ps += random_below(&chaos.draws, 8 * US);
        rig_run(&chaos.rig, at_ps);
        chaos_step(&chaos);
        if (threads == 1)
            rig_conserved(&chaos.rig, 2);
    }
    rig_run(&chaos.rig, at_ps + 2000 * US);
    rig_conserved(&chaos.rig, 2);
    /* In the end nothing is left anywhere. */
    plane_totals(chaos.rig.plane, &totals);
    ck_assert_uint_eq(totals.held, 0);
    digest = plane_digest(chaos.rig.plane);
    rig_stop(&chaos.rig);
    return digest;
}

START_TEST(conserved_whatever_happens)
{
    (void)chaos_play((uint64_t)_i, 1);
}
END_TEST

START_TEST(same_with_threads)
{
    uint64_t seed = 100 + (uint64_t)_i;
    struct digest_value one = chaos_play(seed, 1);

    ck_assert(run_digest_equal(one, chaos_play(seed, 1)));
    ck_assert(run_digest_equal(one, chaos_play(seed, 2)));
    ck_assert(run_digest_equal(one, chaos_play(seed, 3)));
    ck_assert(!run_digest_equal(one, chaos_play(seed + 1000, 1)));
}
END_TEST

Suite *
fault_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *tcase = tcase_create("one");

    tcase_add_test(tcase, link_dark);
    tcase_add_test(tcase, far_link_dark);
    tcase_add_test(tcase, fabric_box_dies);
    tcase_add_test(tcase, back_to_full_rate);
    tcase_add_test(tcase, line_card_dies);
    tcase_add_test(tcase, reassembly_timeout);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("any");
    tcase_add_loop_test(tcase, conserved_whatever_happens, 0, 12);
    tcase_add_loop_test(tcase, same_with_threads, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
