/* SPDX-License-Identifier: Apache-2.0 */
#include "models/plane/plane_test.h"

#include <stdlib.h>

void
rig_plan(struct rig *rig, const struct cluster_options *options)
{
    char message[512] = "";

    *rig = (struct rig){.plan = NULL};
    ck_assert_msg(cluster_plan_create(TEST_DATA_DIR, options, 1, &rig->plan,
                                      message, sizeof(message)) == 0,
                  "%s", message);
    ck_assert_msg(
        asic_load(TEST_DATA_DIR, &rig->asic, message, sizeof(message)) == 0,
        "%s", message);
}

void
rig_start(struct rig *rig, uint64_t seed, unsigned threads)
{
    struct plane_options options = {.plan = rig->plan,
                                    .asic = &rig->asic,
                                    .seed = seed,
                                    .threads = threads};
    char message[512] = "";

    ck_assert_msg(
        plane_create(&options, &rig->plane, message, sizeof(message)) == 0,
        "%s", message);
    plane_program(rig->plane);
}

void
rig_stop(struct rig *rig)
{
    plane_destroy(rig->plane);
    cluster_plan_destroy(rig->plan);
}

struct traffic_spec
rig_traffic(const uint32_t *senders, uint32_t sender_count,
            const uint32_t *receivers, uint32_t receiver_count, uint16_t bytes,
            uint32_t load_ppm)
{
    return (struct traffic_spec){
        .pattern = TRAFFIC_PAIRS,
        .arrivals = TRAFFIC_CONSTANT,
        .senders = senders,
        .sender_count = sender_count,
        .receivers = receivers,
        .receiver_count = receiver_count,
        .sizes = {{bytes, 1}},
        .size_count = 1,
        .load_ppm = load_ppm,
        .flows = 1,
        .end_ps = UINT64_MAX / 4,
    };
}

unsigned
rig_add(struct rig *rig, const struct traffic_spec *spec)
{
    char message[256] = "";
    unsigned flow = 0;

    ck_assert_msg(traffic_check(spec, message, sizeof(message)) == 0, "%s",
                  message);
    ck_assert_int_eq(plane_traffic_add(rig->plane, spec, &flow), 0);
    return flow;
}

void
rig_run(struct rig *rig, uint64_t until_ps)
{
    ck_assert_int_eq(plane_run_until(rig->plane, until_ps), 0);
}

void
rig_clear(struct rig *rig)
{
    struct plane_totals totals;

    plane_totals(rig->plane, &totals);
    rig->held = totals.held;
    rig->held_bytes = totals.held_bytes;
    plane_stats_clear(rig->plane);
}

uint64_t
rig_dropped(const struct plane_flow_stats *stats)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        sum += stats->dropped[i];
    return sum;
}

void
rig_conserved(struct rig *rig, unsigned flows)
{
    uint64_t in = rig->held, in_bytes = rig->held_bytes;
    uint64_t out = 0, out_bytes = 0;
    struct plane_totals totals;

    plane_totals(rig->plane, &totals);
    for (unsigned i = 0; i < flows; i++) {
        const struct plane_flow_stats *stats = plane_flow(rig->plane, i);

        in += stats->sent;
        in_bytes += stats->sent_bytes;
        out += stats->delivered + rig_dropped(stats);
        out_bytes += stats->delivered_bytes + stats->dropped_bytes;
    }
    ck_assert_uint_eq(in, out + totals.held);
    ck_assert_uint_eq(in_bytes, out_bytes + totals.held_bytes);
}

int
main(void)
{
    SRunner *runner = srunner_create(asic_suite());
    int failed;

    srunner_add_suite(runner, path_suite());
    srunner_add_suite(runner, fabric_suite());
    srunner_add_suite(runner, fault_suite());
    srunner_add_suite(runner, table_suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
