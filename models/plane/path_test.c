/* SPDX-License-Identifier: Apache-2.0
 *
 * One packet at a time, by hand.
 */
#include "models/plane/plane_test.h"

static const struct cluster_options small = {.preset = "ddc-small"};

/* First end of card 'card' in ddc-small. */
static uint32_t
end_of(unsigned card, unsigned port)
{
    return card * 40 + port;
}

static uint64_t
cell_ps(const struct rig *rig, unsigned bytes)
{
    return traffic_wire_ps(bytes,
                           asic_cell_bps(&rig->asic, UINT64_C(400000000000)));
}

/* Picoseconds of 'bytes' at 100 Gb/s. */
static uint64_t
port_ps(unsigned bytes)
{
    return (bytes + 20) * 80;
}

/* One packet of 'bytes' from end 0 to 'to'; its latency. */
static const struct plane_flow_stats *
one_packet(struct rig *rig, uint32_t to, uint16_t bytes)
{
    static const uint32_t from[] = {0};
    const uint32_t receivers[] = {to};
    struct traffic_spec spec = rig_traffic(from, 1, receivers, 1, bytes, 1000);
    const struct plane_flow_stats *stats;
    unsigned flow;

    rig_plan(rig, &small);
    rig_start(rig, 1, 1);
    spec.packets_max = 1;
    flow = rig_add(rig, &spec);
    rig_run(rig, 10000 * US);
    stats = plane_flow(rig->plane, flow);
    ck_assert_uint_eq(stats->sent, 1);
    ck_assert_uint_eq(stats->delivered, 1);
    ck_assert_uint_eq(stats->delivered_bytes, bytes);
    rig_conserved(rig, 1);
    return stats;
}

/* What is due later does not hold the wire, whichever was added first: a
 * packet at 10 us waits for none at 50 us. */
START_TEST(what_is_due_first_goes_first)
{
    static const uint32_t from[] = {0}, to[] = {50};
    const uint64_t begins_us[2][2] = {{50, 10}, {10, 50}};
    uint64_t latency[2];
    struct rig rig;

    rig_plan(&rig, &small);
    rig_start(&rig, 1, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_spec spec = rig_traffic(from, 1, to, 1, 1518, 1000000);
        unsigned flow;

        spec.packets_max = 1;
        spec.begin_ps = begins_us[_i][i] * US;
        flow = rig_add(&rig, &spec);
        ck_assert_uint_eq(flow, i);
    }
    rig_run(&rig, 10000 * US);
    for (unsigned i = 0; i < 2; i++) {
        const struct plane_flow_stats *stats = plane_flow(rig.plane, i);

        ck_assert_uint_eq(stats->delivered, 1);
        latency[i] = hist_max(stats->latency);
    }
    ck_assert_uint_lt(latency[0], 8 * US);
    ck_assert_uint_lt(latency[1], 8 * US);
    rig_stop(&rig);
}
END_TEST

START_TEST(unloaded)
{
    struct rig rig;
    /* 1518 + 19 bytes: six cells of 256, the last of 1537 - 6 * 248 + 8 = 57,
     * so 64, over seven links of the card, then over one fabric box's seven
     * and the other's six: each link carries one cell. */
    const struct plane_flow_stats *stats =
        one_packet(&rig, end_of(1, 3), 1518);
    uint64_t way = 2 * 150 * NS + 600 * NS;
    uint64_t fabric = 2 * cell_ps(&rig, 256) + way;
    uint64_t expected = port_ps(1518) + 1800 * NS + /* ingress */
                        way + 400 * NS + way +      /* credit */
                        fabric + 1600 * NS + port_ps(1518);

    ck_assert_uint_eq(hist_max(stats->latency), expected);
    ck_assert_uint_eq(hist_max(stats->stages[PLANE_STAGE_INGRESS]),
                      port_ps(1518) + 1800 * NS);
    ck_assert_uint_eq(hist_max(stats->stages[PLANE_STAGE_QUEUE]), 0);
    ck_assert_uint_eq(hist_max(stats->stages[PLANE_STAGE_CREDIT]),
                      2 * way + 400 * NS);
    ck_assert_uint_eq(hist_max(stats->stages[PLANE_STAGE_FABRIC]), fabric);
    ck_assert_uint_eq(hist_max(stats->stages[PLANE_STAGE_REASSEMBLY]), 0);
    ck_assert_uint_eq(hist_max(stats->stages[PLANE_STAGE_EGRESS]),
                      1600 * NS + port_ps(1518));
    /* What is commonly said of NCP to NCP. */
    ck_assert_uint_gt(expected, 4 * US);
    ck_assert_uint_lt(expected, 8 * US);
    rig_stop(&rig);
}
END_TEST

/* To a port of its own card: no fabric, and the credit comes from beside. */
START_TEST(unloaded_local)
{
    struct rig rig;
    const struct plane_flow_stats *stats = one_packet(&rig, end_of(0, 7), 64);

    ck_assert_uint_eq(hist_max(stats->latency), port_ps(64) + 1800 * NS +
                                                    400 * NS + 1600 * NS +
                                                    port_ps(64));
    rig_stop(&rig);
}
END_TEST

START_TEST(cell_boundary)
{
    struct plane_totals totals;
    struct rig rig;

    for (unsigned bytes = 64; bytes <= 1518; bytes++) {
        if (bytes > 66 && bytes < 228)
            bytes = 228;
        if (bytes > 232 && bytes < 476)
            bytes = 476;
        if (bytes > 478 && bytes < 1518)
            bytes = 1518;
        (void)one_packet(&rig, end_of(1, 0), (uint16_t)bytes);
        plane_totals(rig.plane, &totals);
        ck_assert_uint_eq(totals.cells, bytes <= 229   ? 1
                                        : bytes <= 477 ? 2
                                        : bytes <= 478 ? 3
                                                       : 7);
        rig_stop(&rig);
    }
}
END_TEST

/* The second packet finds what is left of the first one's credit. */
START_TEST(rest_of_credit)
{
    static const uint32_t from[] = {0}, to[] = {40};
    struct traffic_spec spec = rig_traffic(from, 1, to, 1, 64, 1000);
    const struct plane_flow_stats *stats;
    struct plane_totals totals;
    struct rig rig;
    uint64_t way;

    rig_plan(&rig, &small);
    rig_start(&rig, 1, 1);
    spec.packets_max = 50;
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 10000 * US);
    stats = plane_flow(rig.plane, 0);
    way = 2 * 150 * NS + 600 * NS;
    ck_assert_uint_eq(stats->delivered, 50);
    ck_assert_uint_eq(hist_min(stats->latency), 2 * port_ps(64) + 1800 * NS +
                                                    way + 1600 * NS +
                                                    2 * cell_ps(&rig, 91));
    ck_assert_uint_eq(hist_max(stats->latency),
                      hist_min(stats->latency) + 2 * way + 400 * NS);
    /* 48 packets of 84 bytes leave 64 of 4096: the 49th goes at once, and
     * asks for the next credit, which is there before the 50th. */
    plane_totals(rig.plane, &totals);
    ck_assert_uint_eq(totals.credits, 2);
    ck_assert_uint_eq(hist_sum(stats->latency),
                      50 * hist_min(stats->latency) + 2 * way + 400 * NS);
    rig_stop(&rig);
}
END_TEST

Suite *
path_suite(void)
{
    Suite *suite = suite_create("path");
    TCase *tcase = tcase_create("unloaded");

    tcase_add_test(tcase, unloaded);
    tcase_add_loop_test(tcase, what_is_due_first_goes_first, 0, 2);
    tcase_add_test(tcase, unloaded_local);
    tcase_add_test(tcase, cell_boundary);
    tcase_add_test(tcase, rest_of_credit);
    suite_add_tcase(suite, tcase);
    return suite;
}
