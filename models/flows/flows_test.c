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

Suite *
flows_suite(void)
{
    Suite *suite = suite_create("flows");
    TCase *tcase = tcase_create("by hand");

    tcase_add_test(tcase, one_flow);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(flows_suite());
    int failed;

    srunner_add_suite(runner, agree_suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
