/* SPDX-License-Identifier: Apache-2.0 */
#include "models/flows/flows_test.h"

#include <stdlib.h>

/* ---- shared ------------------------------------------------------------- */

void
rig_plan(struct rig *rig, const char *preset)
{
    struct cluster_options options = {.preset = preset};
    char message[512] = "";

    *rig = (struct rig){.plan = NULL};
    ck_assert_msg(cluster_plan_create(TEST_DATA_DIR, &options, 1, &rig->plan,
                                      message, sizeof(message)) == 0,
                  "%s", message);
    ck_assert_msg(
        asic_load(TEST_DATA_DIR, &rig->asic, message, sizeof(message)) == 0,
        "%s", message);
}

void
rig_start(struct rig *rig, bool both)
{
    struct flows_options flows = {rig->plan, &rig->asic, 1};
    struct plane_options plane = {rig->plan, &rig->asic, 1, 1};
    char message[512] = "";

    ck_assert_msg(
        flows_create(&flows, &rig->flows, message, sizeof(message)) == 0, "%s",
        message);
    flows_program(rig->flows);
    if (!both)
        return;
    ck_assert_msg(
        plane_create(&plane, &rig->plane, message, sizeof(message)) == 0, "%s",
        message);
    plane_program(rig->plane);
}

void
rig_stop(struct rig *rig)
{
    flows_destroy(rig->flows);
    plane_destroy(rig->plane);
    cluster_plan_destroy(rig->plan);
}

unsigned
rig_add(struct rig *rig, const struct traffic_spec *spec)
{
    char message[256] = "";
    unsigned flow = 0, other = 0;

    ck_assert_msg(traffic_check(spec, message, sizeof(message)) == 0, "%s",
                  message);
    ck_assert_int_eq(flows_traffic_add(rig->flows, spec, &flow), 0);
    if (rig->plane != NULL) {
        ck_assert_int_eq(plane_traffic_add(rig->plane, spec, &other), 0);
        ck_assert_uint_eq(flow, other);
    }
    return flow;
}

void
rig_run(struct rig *rig, uint64_t until_ns)
{
    ck_assert_int_eq(flows_run_until(rig->flows, until_ns), 0);
    if (rig->plane != NULL)
        ck_assert_int_eq(plane_run_until(rig->plane, until_ns * 1000), 0);
}

unsigned
rig_box(const struct rig *rig, const char *name)
{
    unsigned box = cluster_plan_find(rig->plan, name);

    ck_assert_uint_lt(box, rig->plan->box_count);
    return box;
}

void
ends_of(uint32_t *ends, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        ends[i] = first + i;
}

struct traffic_spec
spec_of(enum traffic_pattern pattern, const uint32_t *senders,
        uint32_t sender_count, const uint32_t *receivers,
        uint32_t receiver_count, uint16_t bytes, uint32_t load_ppm)
{
    return (struct traffic_spec){
        .pattern = pattern,
        .arrivals = TRAFFIC_POISSON,
        .senders = senders,
        .sender_count = sender_count,
        .receivers = receivers,
        .receiver_count = receiver_count,
        .sizes = {{bytes, 1}},
        .size_count = 1,
        .load_ppm = load_ppm,
        .flows = 1,
        .end_ps = UINT64_MAX,
    };
}

uint64_t
dropped_of(const struct flows_stats *stats)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        sum += stats->dropped[i];
    return sum;
}

/* ---- tests -------------------------------------------------------------- */

/* One port to another at half load: 50 Gb/s of frames of 1480 + 20 bytes. */
START_TEST(one_flow)
{
    static const uint32_t from[] = {0}, to[] = {40};
    const struct flows_stats *stats;
    struct traffic_spec spec;
    struct rig rig;
    unsigned flow;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_PAIRS, from, 1, to, 1, 1480, 500000);
    flow = rig_add(&rig, &spec);
    rig_run(&rig, 12 * SECOND);
    stats = flows_flow(rig.flows, flow);
    ck_assert_uint_eq(stats->sent, UINT64_C(50000000));
    ck_assert_uint_eq(stats->delivered, stats->sent);
    ck_assert_uint_eq(stats->sent_bytes, UINT64_C(74000000000));
    ck_assert_uint_eq(stats->offered_bps, UINT64_C(50000000000));
    ck_assert_uint_eq(dropped_of(stats), 0);
    ck_assert(!stats->lost);
    rig_stop(&rig);
}
END_TEST

/* Two ports of one class each, to one port; what each gets of 100 Gb/s. */
static void
classes(unsigned a, unsigned b, uint32_t load_ppm, uint64_t rates_bps[2])
{
    static const uint32_t from[2][1] = {{0}, {80}}, to[] = {40};
    const unsigned class_of[2] = {a, b};
    struct rig rig;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_spec spec =
            spec_of(TRAFFIC_PAIRS, from[i], 1, to, 1, 1480, load_ppm);

        spec.traffic_class = (uint8_t)class_of[i];
        (void)rig_add(&rig, &spec);
    }
    rig_run(&rig, SECOND);
    for (unsigned i = 0; i < 2; i++)
        rates_bps[i] = flows_flow(rig.flows, i)->delivered_bps;
    rig_stop(&rig);
}

#define GBPS UINT64_C(1000000000)

START_TEST(strict_before_weighted)
{
    uint64_t rates_bps[2];

    classes(7, 0, 600000, rates_bps);
    ck_assert_uint_eq(rates_bps[0], 60 * GBPS);
    ck_assert_uint_eq(rates_bps[1], 40 * GBPS);
    classes(6, 7, 1000000, rates_bps);
    ck_assert_uint_eq(rates_bps[0], 0);
    ck_assert_uint_eq(rates_bps[1], 100 * GBPS);
    /* Weights 4 and 2; 8 and 1, of which the first wants less. */
    classes(4, 2, 1000000, rates_bps);
    ck_assert_uint_eq(rates_bps[0], UINT64_C(66666666666));
    ck_assert_uint_eq(rates_bps[1], UINT64_C(33333333333));
    classes(5, 0, 600000, rates_bps);
    ck_assert_uint_eq(rates_bps[0], 60 * GBPS);
    ck_assert_uint_eq(rates_bps[1], 40 * GBPS);
}
END_TEST

/* A queue fills for 5 ms of its drain time, drops, and empties when the load
 * ends: 200 Gb/s for 100 until 20 ms. */
START_TEST(fills_drops_empties)
{
    static const uint32_t from[] = {0, 1}, to[] = {40};
    const struct flows_stats *stats;
    struct traffic_spec spec;
    struct rig rig;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_PAIRS, from, 2, to, 1, 1480, 1000000);
    spec.end_ps = 20 * MS * 1000;
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 5 * MS);
    stats = flows_flow(rig.flows, 0);
    ck_assert_uint_eq(dropped_of(stats), 0);
    /* 100 Gb/s of frames of 1500 bytes, 8.33 million of them a second. */
    ck_assert_uint_eq(stats->held_bytes / 100000, 616);
    rig_run(&rig, 19 * MS);
    stats = flows_flow(rig.flows, 0);
    ck_assert(stats->lost);
    /* 62.5 MB of frames are 5.07 ms of the surplus; 20 us early at most. */
    ck_assert_uint_le(stats->first_lost_ns, UINT64_C(5067600));
    ck_assert_uint_ge(stats->first_lost_ns, UINT64_C(5047000));
    ck_assert_uint_eq(stats->dropped_bps, 100 * GBPS);
    rig_run(&rig, 26 * MS);
    stats = flows_flow(rig.flows, 0);
    ck_assert_uint_eq(stats->held, 0);
    ck_assert_uint_eq(stats->delivered_bps, 0);
    ck_assert_uint_eq(stats->dropped[PLANE_DROP_TAIL], dropped_of(stats));
    ck_assert_uint_eq(stats->last_lost_ns, 20 * MS);
    ck_assert_uint_ge(stats->last_ns, 25 * MS);
    rig_stop(&rig);
}
END_TEST

/* What waits for a card that died is dropped by the watchdog. */
START_TEST(watchdog)
{
    static const uint32_t from[] = {0, 1}, to[] = {40};
    const struct flows_stats *stats;
    struct traffic_spec spec;
    struct rig rig;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_PAIRS, from, 2, to, 1, 1480, 1000000);
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 10 * MS);
    flows_box_set(rig.flows, rig_box(&rig, "ncp-1"), false);
    rig_run(&rig, 509 * MS);
    stats = flows_flow(rig.flows, 0);
    ck_assert_uint_eq(stats->dropped[PLANE_DROP_AGED], 0);
    ck_assert_uint_gt(stats->dropped[PLANE_DROP_NEXT_HOP], 0);
    ck_assert_uint_gt(stats->held, 0);
    rig_run(&rig, 511 * MS);
    stats = flows_flow(rig.flows, 0);
    ck_assert_uint_gt(stats->dropped[PLANE_DROP_AGED], 42000);
    ck_assert_uint_eq(stats->held, 0);
    rig_stop(&rig);
}
END_TEST

/* ddc-large has one link from each card to each fabric box: far cards hear of
 * a dead one 20 us later, and lose till then what needs it. */
START_TEST(far_link)
{
    static const uint32_t from[] = {0}, to[] = {1900};
    const struct flows_stats *stats;
    struct traffic_spec spec;
    struct rig rig;
    uint64_t lost;

    rig_plan(&rig, "ddc-large");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_PAIRS, from, 1, to, 1, 1480, 1000000);
    (void)rig_add(&rig, &spec);
    rig_run(&rig, MS);
    flows_link_set(rig.flows, flows_end(rig.flows, 1900).box, 3, false);
    rig_run(&rig, SECOND);
    stats = flows_flow(rig.flows, 0);
    lost = stats->dropped[PLANE_DROP_LINK];
    /* 7 cells on 13 links: 7 of 13 packets in 20 us, and in 150 ns before. */
    ck_assert_uint_eq(lost, UINT64_C(20150) * 100 * 7 / (8 * 1500 * 13));
    ck_assert_uint_eq(dropped_of(stats), lost);
    ck_assert_uint_eq(stats->last_lost_ns, MS + 20 * US);
    rig_stop(&rig);
}
END_TEST

static void
front_set(struct rig *rig, unsigned end, bool up)
{
    struct plane_end port = flows_end(rig->flows, end);
    struct fwd_entry entry = {
        .object = FWD_FRONT, .id = port.port, .value = up};

    flows_entries_set(rig->flows, port.box, &entry, 1);
}

/* 10 Gb/s from each of 4 ports to 4 others, one of which goes, then one that
 * sends. */
START_TEST(ports_go)
{
    static const uint32_t from[] = {0, 1, 2, 3}, to[] = {40, 41, 42, 43};
    const struct flows_stats *stats;
    struct traffic_spec spec;
    struct rig rig;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_UNIFORM, from, 4, to, 4, 1480, 100000);
    (void)rig_add(&rig, &spec);
    rig_run(&rig, SECOND);
    ck_assert_uint_eq(flows_flow(rig.flows, 0)->dropped_bps, 0);
    front_set(&rig, 41, false);
    rig_run(&rig, SECOND);
    ck_assert_uint_eq(flows_flow(rig.flows, 0)->dropped_bps, 10 * GBPS);
    front_set(&rig, 0, false);
    rig_run(&rig, 2 * SECOND);
    stats = flows_flow(rig.flows, 0);
    ck_assert_uint_eq(stats->offered_bps, 40 * GBPS);
    ck_assert_uint_eq(stats->delivered_bps, UINT64_C(22500000000));
    ck_assert_uint_eq(stats->dropped[PLANE_DROP_PORT_DOWN], dropped_of(stats));
    front_set(&rig, 41, true);
    front_set(&rig, 0, true);
    rig_run(&rig, 2 * SECOND);
    ck_assert_uint_eq(flows_flow(rig.flows, 0)->delivered_bps, 40 * GBPS);
    rig_stop(&rig);
}
END_TEST

/* Two specs of one port that want more than it has. */
START_TEST(port_rate_is_shared)
{
    static const uint32_t from[] = {0}, to[] = {40, 41};
    struct traffic_spec spec;
    struct rig rig;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_PAIRS, from, 1, to, 1, 1480, 900000);
    (void)rig_add(&rig, &spec);
    spec.receivers = to + 1;
    spec.load_ppm = 600000;
    spec.end_ps = SECOND * 1000;
    (void)rig_add(&rig, &spec);
    rig_run(&rig, SECOND / 2);
    ck_assert_uint_eq(flows_flow(rig.flows, 0)->delivered_bps, 60 * GBPS);
    ck_assert_uint_eq(flows_flow(rig.flows, 1)->delivered_bps, 40 * GBPS);
    rig_run(&rig, 2 * SECOND);
    ck_assert_uint_eq(flows_flow(rig.flows, 0)->delivered_bps, 90 * GBPS);
    ck_assert_uint_eq(flows_flow(rig.flows, 1)->offered_bps, 0);
    rig_stop(&rig);
}
END_TEST

/* Bursts, a number of packets, and a replay end when they have been sent. */
START_TEST(ends_by_itself)
{
    static const uint32_t from[] = {0}, to[] = {40};
    static const uint64_t gaps_ps[] = {1000000, 1000000};
    static const uint16_t bytes[] = {480, 980};
    struct traffic_spec spec;
    struct rig rig;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_PAIRS, from, 1, to, 1, 1480, 100000);
    spec.packets_max = 1000;
    (void)rig_add(&rig, &spec);
    spec.begin_ps = SECOND * 1000;
    spec.packets_max = 0;
    spec.arrivals = TRAFFIC_BACK_TO_BACK;
    spec.burst_frames = 500;
    (void)rig_add(&rig, &spec);
    spec.arrivals = TRAFFIC_REPLAY;
    spec.begin_ps = 2 * SECOND * 1000;
    spec.replay = (struct traffic_replay){2, gaps_ps, bytes};
    spec.replay_loops = true;
    spec.end_ps = 3 * SECOND * 1000;
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 4 * SECOND);
    ck_assert_uint_eq(flows_flow(rig.flows, 0)->delivered, 1000);
    ck_assert_uint_eq(flows_flow(rig.flows, 1)->delivered, 500);
    ck_assert_uint_ge(flows_flow(rig.flows, 2)->delivered, 990000);
    ck_assert_uint_le(flows_flow(rig.flows, 2)->delivered, 1010000);
    rig_stop(&rig);
}
END_TEST

START_TEST(idle_costs_nothing)
{
    static const uint32_t from[] = {0}, to[] = {40};
    struct flows_totals before, after;
    struct traffic_spec spec;
    struct rig rig;
    uint64_t next_ns;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_PAIRS, from, 1, to, 1, 1480, 500000);
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 1);
    flows_totals(rig.flows, &before);
    ck_assert(!flows_next(rig.flows, &next_ns));
    rig_run(&rig, 86400 * 365 * SECOND);
    flows_totals(rig.flows, &after);
    ck_assert_uint_eq(before.events, after.events);
    ck_assert_uint_eq(flows_flow(rig.flows, 0)->delivered,
                      UINT64_C(131400000000000));
    flows_stats_clear(rig.flows);
    ck_assert_uint_eq(flows_flow(rig.flows, 0)->sent, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(refuses)
{
    static const uint32_t from[] = {0}, to[] = {160};
    struct traffic_spec spec;
    struct rig rig;
    unsigned flow;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    spec = spec_of(TRAFFIC_PAIRS, from, 1, to, 1, 1480, 500000);
    ck_assert_int_eq(flows_traffic_add(rig.flows, &spec, &flow), ERR_RANGE);
    spec.receiver_count = 0;
    spec.traffic_class = 8;
    ck_assert_int_eq(flows_traffic_add(rig.flows, &spec, &flow), ERR_INVALID);
    spec.traffic_class = 0;
    rig_run(&rig, SECOND);
    ck_assert_int_eq(flows_traffic_add(rig.flows, &spec, &flow), ERR_INVALID);
    ck_assert_int_eq(flows_run_until(rig.flows, 0), ERR_PAST);
    ck_assert_uint_eq(flows_end_find(rig.flows, 0, 0), flows_ends(rig.flows));
    ck_assert_uint_eq(
        flows_end_find(rig.flows, flows_end(rig.flows, 41).box, 1), 41);
    rig_stop(&rig);
}
END_TEST

Suite *
flows_suite(void)
{
    Suite *suite = suite_create("flows");
    TCase *tcase = tcase_create("by hand");

    tcase_add_test(tcase, one_flow);
    tcase_add_test(tcase, strict_before_weighted);
    tcase_add_test(tcase, fills_drops_empties);
    tcase_add_test(tcase, watchdog);
    tcase_add_test(tcase, far_link);
    tcase_add_test(tcase, ports_go);
    tcase_add_test(tcase, port_rate_is_shared);
    tcase_add_test(tcase, ends_by_itself);
    tcase_add_test(tcase, idle_costs_nothing);
    tcase_add_test(tcase, refuses);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(flows_suite());
    int failed;

    srunner_add_suite(runner, agree_suite());
    srunner_add_suite(runner, random_suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
