/* SPDX-License-Identifier: Apache-2.0
 *
 * What the NOS programmed is what happens to packets.
 */
#include <string.h>

#include "models/plane/plane_priv.h"
#include "models/plane/plane_test.h"
#include "sim/kernel/random.h"

static const struct cluster_options small = {.preset = "ddc-small"};

/* ---- longest prefix match ----------------------------------------------- */

static struct fwd_prefix
prefix_make(struct random_stream *draws)
{
    struct fwd_prefix prefix = {.family = 4};
    unsigned bits = 32;

    if (random_below(draws, 3) == 0) {
        prefix.family = 6;
        bits = 128;
    }
    prefix.length = (uint8_t)random_below(draws, bits + 1);
    /* Few different bits, so that prefixes nest. */
    for (unsigned i = 0; i < prefix.length; i++) {
        if (random_below(draws, 5) == 0)
            prefix.bytes[i / 8] |= (uint8_t)(0x80u >> (i % 8));
    }
    return prefix;
}

static bool
prefix_holds(const struct fwd_prefix *prefix, const struct fwd_prefix *address)
{
    if (prefix->family != address->family)
        return false;
    for (unsigned i = 0; i < prefix->length; i++) {
        if (((prefix->bytes[i / 8] ^ address->bytes[i / 8]) &
             (0x80u >> (i % 8))) != 0)
            return false;
    }
    return true;
}

#define ROUTES 400

/* Beside a list that is searched from end to end. */
START_TEST(longest_prefix)
{
    struct random_stream draws = random_stream_make(7, 0, (uint32_t)_i);
    struct fwd_route list[ROUTES];
    struct fib fib = {.room = 0};
    unsigned count = 0;

    for (unsigned step = 0; step < 4000; step++) {
        struct fwd_prefix prefix = prefix_make(&draws);
        uint32_t group = (uint32_t)random_below(&draws, 5);
        uint32_t expected = FWD_GROUP_NONE;
        int longest = -1;
        unsigned at = 0;

        if (random_below(&draws, 2) == 0 && count > 0)
            prefix = list[random_below(&draws, count)].prefix;
        while (at < count &&
               memcmp(&list[at].prefix, &prefix, sizeof(prefix)) != 0)
            at++;
        if (at == ROUTES)
            continue;
        plane_fib_set(&fib, &prefix, group);
        list[at] = (struct fwd_route){prefix, group};
        if (at == count)
            count++;
        if (group == FWD_GROUP_NONE)
            list[at] = list[--count];
        ck_assert_uint_eq(fib.count, count);
        prefix = prefix_make(&draws);
        prefix.length = prefix.family == 4 ? 32 : 128;
        for (unsigned i = 0; i < count; i++) {
            if (list[i].prefix.length > longest &&
                prefix_holds(&list[i].prefix, &prefix)) {
                longest = list[i].prefix.length;
                expected = list[i].group;
            }
        }
        ck_assert_uint_eq(plane_fib_find(&fib, &prefix), expected);
    }
    plane_fib_clear(&fib);
}
END_TEST

START_TEST(groups)
{
    struct group_table table = {.room = 0};

    for (uint32_t id = 2; id < 1000; id++) {
        struct fwd_group group = {.id = id * 7, .count = 1};

        group.hops[0].port = (uint16_t)id;
        plane_group_set(&table, &group);
    }
    for (uint32_t id = 2; id < 1000; id += 3) {
        struct fwd_group group = {.id = id * 7};

        plane_group_set(&table, &group);
    }
    for (uint32_t id = 2; id < 1000; id++) {
        const struct group *group = plane_group_find(&table, id * 7);

        if (id % 3 == 2)
            ck_assert_ptr_null(group);
        else
            ck_assert_uint_eq(group->group.hops[0].port, id);
    }
    plane_groups_clear(&table);
}
END_TEST

/* ---- wrong tables ------------------------------------------------------- */

struct scene {
    struct rig rig;
    unsigned ncp;
};

/* From end 0 to end 40, on the second card. */
static void
scene_start(struct scene *scene, uint16_t flows)
{
    static const uint32_t from[] = {0}, to[] = {40};
    struct traffic_spec spec = rig_traffic(from, 1, to, 1, 500, 500000);

    rig_plan(&scene->rig, &small);
    rig_start(&scene->rig, 1, 1);
    scene->ncp = cluster_plan_find(scene->rig.plan, "ncp-0");
    spec.flows = (uint8_t)flows;
    spec.end_ps = 100 * US;
    (void)rig_add(&scene->rig, &spec);
}

static const struct plane_flow_stats *
scene_end(struct scene *scene)
{
    struct plane_totals totals;

    rig_run(&scene->rig, 8000 * US);
    rig_conserved(&scene->rig, 1);
    plane_totals(scene->rig.plane, &totals);
    ck_assert_uint_eq(totals.held, 0);
    return plane_flow(scene->rig.plane, 0);
}

/* Everything ends by this cause. */
static void
all_dropped(struct scene *scene, enum plane_drop cause)
{
    const struct plane_flow_stats *stats = scene_end(scene);

    ck_assert_uint_gt(stats->sent, 1000);
    ck_assert_msg(
        stats->dropped[cause] == stats->sent,
        "%s: %llu of %llu sent, %llu delivered", plane_drop_name(cause),
        (unsigned long long)stats->dropped[cause],
        (unsigned long long)stats->sent, (unsigned long long)stats->delivered);
    rig_stop(&scene->rig);
}

static void
route_set(struct scene *scene, unsigned length, uint32_t group)
{
    struct fwd_route route = {.prefix = {.family = 4,
                                         .length = (uint8_t)length,
                                         .bytes = {10, 0, 40, 2}},
                              .group = group};

    plane_routes_set(scene->rig.plane, scene->ncp, &route, 1);
}

static void
group_set(struct scene *scene, uint32_t id, unsigned card, unsigned port)
{
    struct fwd_group group = {.id = id, .count = 1};

    group.hops[0].module = (uint16_t)(scene->ncp + card + 1);
    group.hops[0].port = (uint16_t)port;
    plane_groups_set(scene->rig.plane, scene->ncp, &group, 1);
}

static void
entry_set(struct scene *scene, unsigned box, enum fwd_object object,
          unsigned id, uint64_t value)
{
    struct fwd_entry entry = {
        .object = object, .id = (uint16_t)id, .value = value};

    plane_entries_set(scene->rig.plane, box, &entry, 1);
}

START_TEST(right_tables)
{
    struct scene scene;
    const struct plane_flow_stats *stats;

    scene_start(&scene, 1);
    stats = scene_end(&scene);
    ck_assert_uint_eq(stats->sent, stats->delivered);
    rig_stop(&scene.rig);
}
END_TEST

START_TEST(no_route)
{
    struct scene scene;

    scene_start(&scene, 1);
    route_set(&scene, 24, FWD_GROUP_NONE);
    all_dropped(&scene, PLANE_DROP_NO_ROUTE);
}
END_TEST

START_TEST(discard_route)
{
    struct scene scene;

    scene_start(&scene, 1);
    route_set(&scene, 32, FWD_GROUP_DISCARD);
    all_dropped(&scene, PLANE_DROP_DISCARD);
}
END_TEST

START_TEST(group_not_there)
{
    struct scene scene;

    scene_start(&scene, 1);
    route_set(&scene, 30, 99999);
    all_dropped(&scene, PLANE_DROP_NEXT_HOP);
}
END_TEST

START_TEST(no_such_module)
{
    struct scene scene;

    scene_start(&scene, 1);
    group_set(&scene, 99999, 100, 0);
    route_set(&scene, 30, 99999);
    all_dropped(&scene, PLANE_DROP_NEXT_HOP);
}
END_TEST

START_TEST(module_not_reached)
{
    struct scene scene;

    scene_start(&scene, 1);
    entry_set(&scene, scene.ncp, FWD_REACH, scene.ncp + 2, 0);
    all_dropped(&scene, PLANE_DROP_NEXT_HOP);
}
END_TEST

START_TEST(no_such_port)
{
    struct scene scene;

    scene_start(&scene, 1);
    group_set(&scene, 99999, 1, 200);
    route_set(&scene, 30, 99999);
    all_dropped(&scene, PLANE_DROP_PORT_DOWN);
}
END_TEST

START_TEST(exit_down)
{
    struct scene scene;

    scene_start(&scene, 1);
    entry_set(&scene, scene.ncp + 1, FWD_FRONT, 0, 0);
    all_dropped(&scene, PLANE_DROP_PORT_DOWN);
}
END_TEST

START_TEST(entry_down)
{
    struct scene scene;

    scene_start(&scene, 1);
    entry_set(&scene, scene.ncp, FWD_FRONT, 0, 0);
    all_dropped(&scene, PLANE_DROP_PORT_DOWN);
}
END_TEST

START_TEST(not_forwarding)
{
    struct scene scene;

    scene_start(&scene, 1);
    entry_set(&scene, scene.ncp, FWD_BOX, 0, 0);
    all_dropped(&scene, PLANE_DROP_BOX_DOWN);
}
END_TEST

START_TEST(wrong_port)
{
    struct scene scene;

    scene_start(&scene, 1);
    group_set(&scene, 99999, 2, 7);
    route_set(&scene, 30, 99999);
    all_dropped(&scene, PLANE_DROP_STRAY);
}
END_TEST

/* Fabric boxes send what is for the second card to the third. */
START_TEST(wrong_fabric_table)
{
    struct scene scene;
    unsigned ncf, module;

    scene_start(&scene, 1);
    ncf = cluster_plan_find(scene.rig.plan, "ncf-0");
    module = scene.ncp + 2;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t links = 0;

        for (unsigned j = 0; j < scene.rig.plan->cable_count; j++) {
            const struct plan_cable *cable = &scene.rig.plan->cables[j];

            if (cable->ncf_box == ncf + i && cable->ncp_box == scene.ncp + 2)
                links |= UINT64_C(1) << cable->ncf_port;
        }
        entry_set(&scene, ncf + i, FWD_REACH, module, links);
    }
    all_dropped(&scene, PLANE_DROP_NEXT_HOP);
}
END_TEST

START_TEST(fabric_box_without_table)
{
    struct scene scene;
    unsigned ncf;

    scene_start(&scene, 1);
    ncf = cluster_plan_find(scene.rig.plan, "ncf-0");
    entry_set(&scene, ncf, FWD_BOX, 0, 0);
    entry_set(&scene, ncf + 1, FWD_BOX, 0, 0);
    all_dropped(&scene, PLANE_DROP_FABRIC);
}
END_TEST

/* A router outside sends back what it gets: each lap a look-up, until the
 * time to live is over. */
START_TEST(loop)
{
    struct plane_totals totals;
    struct scene scene;

    scene_start(&scene, 1);
    for (unsigned card = 0; card < 3; card++) {
        struct fwd_route route = {
            .prefix = {.family = 4, .length = 30, .bytes = {10, 0, 40, 0}},
            .group = 99999};
        struct fwd_group group = {.id = 99999, .count = 1};

        group.hops[0].module = (uint16_t)(scene.ncp + 3);
        group.hops[0].port = 7;
        plane_groups_set(scene.rig.plane, scene.ncp + card, &group, 1);
        plane_routes_set(scene.rig.plane, scene.ncp + card, &route, 1);
    }
    plane_return_set(scene.rig.plane, 87, true);
    rig_run(&scene.rig, 7000 * US);
    plane_totals(scene.rig.plane, &totals);
    /* One way over the fabric (three cells), then round the third card. */
    ck_assert_uint_eq(totals.cells, 3 * plane_flow(scene.rig.plane, 0)->sent);
    all_dropped(&scene, PLANE_DROP_TTL);
}
END_TEST

/* ---- next-hop groups ---------------------------------------------------- */

/* The end lies behind routers at three ports. */
static void
spread_start(struct scene *scene)
{
    struct fwd_prefix host = {
        .family = 4, .length = 32, .bytes = {10, 0, 40, 2}};
    struct fwd_group group = {.id = 99999, .count = 3};

    scene_start(scene, 240);
    plane_address_set(scene->rig.plane, 40, &host, true);
    for (unsigned i = 0; i < 3; i++) {
        group.hops[i].module = (uint16_t)(scene->ncp + i + 1);
        group.hops[i].port = 9;
    }
    plane_groups_set(scene->rig.plane, scene->ncp, &group, 1);
    route_set(scene, 30, 99999);
}

static void
tap_count(void *context, unsigned end, bool out,
          const struct plane_tap_packet *packet)
{
    uint64_t *counts = context;

    ck_assert(out);
    ck_assert_uint_eq(packet->from, 0);
    ck_assert_uint_eq(packet->ttl, 63);
    counts[end / 40]++;
}

START_TEST(equal_cost)
{
    uint64_t counts[4] = {0};
    const struct plane_flow_stats *stats;
    struct scene scene;

    spread_start(&scene);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(
            plane_tap_add(scene.rig.plane, 40 * i + 9, tap_count, counts), 0);
    stats = scene_end(&scene);
    ck_assert_uint_eq(stats->delivered, stats->sent);
    ck_assert_uint_eq(counts[0] + counts[1] + counts[2], stats->sent);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_ge(counts[i] * 100, stats->sent * 22);
        ck_assert_uint_le(counts[i] * 100, stats->sent * 45);
    }
    rig_stop(&scene.rig);
}
END_TEST

/* One write for a module that is gone moves its flows to the others. */
START_TEST(local_repair)
{
    uint64_t counts[4] = {0};
    const struct plane_flow_stats *stats;
    struct scene scene;

    spread_start(&scene);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(
            plane_tap_add(scene.rig.plane, 40 * i + 9, tap_count, counts), 0);
    entry_set(&scene, scene.ncp, FWD_REACH, scene.ncp + 3, 0);
    entry_set(&scene, scene.ncp, FWD_FRONT, 9, 0);
    stats = scene_end(&scene);
    ck_assert_uint_eq(stats->delivered, stats->sent);
    ck_assert_uint_eq(counts[1], stats->sent);
    rig_stop(&scene.rig);
}
END_TEST

/* ---- observers ---------------------------------------------------------- */

struct witness {
    uint64_t in, out, drops, last_ps;
};

static void
tap_witness(void *context, unsigned end, bool out,
            const struct plane_tap_packet *packet)
{
    struct witness *witness = context;

    ck_assert_uint_eq(end, out ? 40 : 0);
    ck_assert_uint_ge(packet->at_ps, witness->last_ps);
    witness->last_ps = packet->at_ps;
    if (out)
        witness->out++;
    else
        witness->in++;
}

static void
drop_witness(void *context, uint64_t at_ps, unsigned box,
             enum plane_drop cause, const struct plane_tap_packet *packet)
{
    struct witness *witness = context;

    ck_assert_uint_eq(cause, PLANE_DROP_PORT_DOWN);
    ck_assert_uint_eq(packet->to, 40);
    ck_assert_uint_ge(at_ps, packet->due_ps);
    (void)box;
    witness->drops++;
}

START_TEST(observers)
{
    const struct plane_flow_stats *stats;
    struct witness witness = {.in = 0};
    struct scene scene;

    scene_start(&scene, 1);
    ck_assert_int_eq(plane_tap_add(scene.rig.plane, 0, tap_witness, &witness),
                     0);
    ck_assert_int_eq(plane_tap_add(scene.rig.plane, 40, tap_witness, &witness),
                     0);
    ck_assert_int_eq(
        plane_tap_add(scene.rig.plane, 160, tap_witness, &witness), ERR_RANGE);
    plane_drops_observe(scene.rig.plane, drop_witness, &witness);
    rig_run(&scene.rig, 50 * US);
    entry_set(&scene, scene.ncp + 1, FWD_FRONT, 0, 0);
    witness.last_ps = 0; /* what was in the pipeline then is told later */
    stats = scene_end(&scene);
    ck_assert_uint_eq(witness.in, stats->sent);
    ck_assert_uint_eq(witness.out, stats->delivered);
    ck_assert_uint_eq(witness.drops, stats->dropped[PLANE_DROP_PORT_DOWN]);
    ck_assert_uint_gt(witness.drops, 100);
    rig_stop(&scene.rig);
}
END_TEST

START_TEST(bad_calls)
{
    static const uint32_t from[] = {0}, to[] = {160};
    struct traffic_spec spec = rig_traffic(from, 1, to, 1, 64, 1000);
    struct scene scene;
    unsigned flow;

    scene_start(&scene, 1);
    ck_assert_int_eq(plane_traffic_add(scene.rig.plane, &spec, &flow),
                     ERR_RANGE);
    rig_run(&scene.rig, 10 * US);
    ck_assert_int_eq(plane_run_until(scene.rig.plane, 9 * US), ERR_PAST);
    spec.receivers = from;
    spec.senders = to;
    ck_assert_int_eq(plane_traffic_add(scene.rig.plane, &spec, &flow),
                     ERR_RANGE);
    ck_assert_uint_eq(plane_end_find(scene.rig.plane, scene.ncp + 1, 3), 43);
    ck_assert_uint_eq(plane_end_find(scene.rig.plane, scene.ncp, 40), 160);
    ck_assert_uint_eq(plane_end_find(scene.rig.plane, 0, 0), 160);
    ck_assert_uint_eq(plane_end(scene.rig.plane, 43).port, 3);
    rig_stop(&scene.rig);
}
END_TEST

/* A stand-alone router: no fabric, its ports beside each other. */
START_TEST(router)
{
    static const struct cluster_options alone = {.preset = "router"};
    static const uint32_t from[] = {0, 1, 2}, to[] = {3, 4, 5};
    struct traffic_spec spec = rig_traffic(from, 3, to, 3, 1518, 1000000);
    const struct plane_flow_stats *stats;
    struct rig rig;

    rig_plan(&rig, &alone);
    rig_start(&rig, 1, 2);
    ck_assert_uint_eq(plane_ends(rig.plane), 10);
    spec.end_ps = 200 * US;
    (void)rig_add(&rig, &spec);
    rig_run(&rig, 1000 * US);
    stats = plane_flow(rig.plane, 0);
    ck_assert_uint_gt(stats->sent, 19000);
    ck_assert_uint_eq(stats->delivered, stats->sent);
    rig_stop(&rig);
}
END_TEST

/* A wire whose times the plane could not keep. */
START_TEST(slow_ports)
{
    struct plane_options options = {.seed = 1, .threads = 1};
    struct data_plane *plane = NULL;
    struct box_model slow;
    char message[256] = "";
    struct rig rig;

    rig_plan(&rig, &small);
    options.plan = rig.plan;
    options.asic = &rig.asic;
    slow = *rig.plan->boxes[rig.plan->box_count - 1].model;
    slow.front_port_bps = 1000000;
    for (unsigned i = 0; i < rig.plan->box_count; i++) {
        if (rig.plan->boxes[i].role == ROLE_NCP)
            rig.plan->boxes[i].model = &slow;
    }
    ck_assert_int_eq(plane_create(&options, &plane, message, sizeof(message)),
                     ERR_INVALID);
    ck_assert_ptr_null(plane);
    ck_assert_ptr_nonnull(strstr(message, "front ports of 1000000 bit/s"));
    slow.front_port_bps = UINT64_C(100000000000);
    slow.fabric_port_bps = 0;
    ck_assert_int_eq(plane_create(&options, &plane, message, sizeof(message)),
                     ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(message, "fabric ports of 0 bit/s"));
    cluster_plan_destroy(rig.plan);
}
END_TEST

Suite *
table_suite(void)
{
    const TTest *const wrong[] = {no_route,
                                  discard_route,
                                  group_not_there,
                                  no_such_module,
                                  module_not_reached,
                                  no_such_port,
                                  exit_down,
                                  entry_down,
                                  not_forwarding,
                                  wrong_port,
                                  wrong_fabric_table,
                                  fabric_box_without_table,
                                  loop};
    Suite *suite = suite_create("tables");
    TCase *tcase = tcase_create("look-up");

    tcase_add_loop_test(tcase, longest_prefix, 0, 5);
    tcase_add_test(tcase, groups);
    tcase_add_test(tcase, equal_cost);
    tcase_add_test(tcase, local_repair);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("wrong");
    tcase_add_test(tcase, right_tables);
    for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++)
        tcase_add_test(tcase, wrong[i]);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("rest");
    tcase_add_test(tcase, observers);
    tcase_add_test(tcase, bad_calls);
    tcase_add_test(tcase, router);
    tcase_add_test(tcase, slow_ports);
    suite_add_tcase(suite, tcase);
    return suite;
}
