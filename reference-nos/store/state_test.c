/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes without a vote: CONF that reaches them, and STATE that leaves them.
 */
#include "reference-nos/platform/mutation.h"
#include "reference-nos/store/store.h"
#include "reference-nos/store/store_testworld.h"
#include "reference-nos/store/stream.h"

#define CONF_ALL 0x7full
#define MEMBER 3u
#define OTHER_MEMBER 4u

static bool
has_leader(struct world *world)
{
    return world_leader(world) >= 0;
}

/* The member services would say so. */
static void
tell_upstreams(struct world *world)
{
    int leader = world_leader(world);
    uint64_t term = world->boxes[leader].probe.ready_term;

    for (unsigned i = 0; i < world->box_count; i++)
        if (world->boxes[i].runtime != NULL)
            world_upstream(world, i, leader, 1 - leader, term);
}

static struct world *
cluster(uint64_t seed)
{
    struct world *world = world_create(3, 2, seed);

    for (unsigned i = 0; i < world->box_count; i++) {
        world_boot(world, i);
        world_watch(world, i, CONF_ALL, UINT64_MAX);
    }
    ck_assert(world_run_until(world, has_leader, 2 * NS_PER_S));
    world_run(world, 100 * NS_PER_MS);
    return world;
}

static uint64_t sequence;

static void
put(struct world *world, enum table table, uint32_t key, uint32_t value)
{
    int leader = world_leader(world);

    ck_assert_int_ge(leader, 0);
    world_put(world, (unsigned)leader, 9, ++sequence, table, key, value);
    world_run(world, 5 * NS_PER_MS);
    ck_assert_int_eq(world->boxes[leader].probe.done.status, 0);
}

static void
lose_leader(struct world *world)
{
    unsigned leader = (unsigned)world_leader(world);

    world_crash(world, leader);
    world->boxes[leader].probe.ready_term = 0;
    ck_assert(world_run_until(world, has_leader, 3 * NS_PER_S));
}

/* --- CONF --------------------------------------------------------------- */

START_TEST(test_member_gets_snapshot_and_deltas)
{
    struct world *world = cluster(1);

    put(world, TABLE_MODULE, 1, 11);
    put(world, TABLE_PROBE, 1, 12);
    ck_assert_uint_eq(world->boxes[MEMBER].probe.lasts, 0);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_uint_eq(world->boxes[MEMBER].probe.lasts, 1);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 1), 11);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_PROBE, 1), -1);
    put(world, TABLE_MODULE, 2, 22);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 2), 22);
    ck_assert_uint_gt(world->boxes[MEMBER].accepted, 0);
    world_destroy(world);
}
END_TEST

START_TEST(test_member_goes_on_with_a_new_leader)
{
    struct world *world = cluster(2);
    unsigned lasts;

    for (uint32_t i = 0; i < 20; i++)
        put(world, TABLE_MODULE, i, i);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    lose_leader(world);
    put(world, TABLE_MODULE, 3, 333);
    lasts = world->boxes[MEMBER].probe.lasts;
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 3), 3);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 3), 333);
    ck_assert_uint_eq(world->boxes[MEMBER].probe.lasts, lasts);
    ck_assert_uint_eq(world->boxes[MEMBER].refused, 0);
    world_destroy(world);
}
END_TEST

START_TEST(test_member_cut_off_for_long_gets_what_it_missed)
{
    struct world *world = cluster(3);

    for (uint32_t i = 0; i < 20; i++)
        put(world, TABLE_MODULE, i, i);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    world_cut(world, MEMBER, true);
    for (uint32_t i = 0; i < 600; i++)
        put(world, TABLE_MODULE, i % 40, 1000 + i);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 3), 3);
    world_cut(world, MEMBER, false);
    world_session(world, MEMBER, (unsigned)world_leader(world), true);
    world_run(world, 2 * NS_PER_S);
    for (uint32_t i = 0; i < 40; i++)
        ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, i),
                         1560 + i);
    world_destroy(world);
}
END_TEST

/* A bus that restarted alone says so with one event for all sessions. */
START_TEST(test_restart_of_the_bus_counts_as_a_lost_session)
{
    struct world *world = cluster(16);
    unsigned leader;

    put(world, TABLE_MODULE, 3, 3);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    leader = (unsigned)world_leader(world);
    world_cut(world, MEMBER, true);
    put(world, TABLE_MODULE, 3, 4);
    world_state_put(world, MEMBER, TABLE_HEALTH, 1, 5, false);
    world_run(world, 9 * NS_PER_S);
    world_cut(world, MEMBER, false);
    ck_assert_int_eq(runtime_kill(world->boxes[MEMBER].runtime, SVC_BUS), 0);
    world_run(world, 200 * NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 3), 3);
    world_session(world, MEMBER, leader, true);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 3), 4);
    ck_assert_int_eq(
        world_mirror(world, leader, world_key(MEMBER), TABLE_HEALTH, 1), 5);
    world_destroy(world);
}
END_TEST

/* Rows of 'term' that claim to come from 'from'. */
static void
inject_rows(struct world *world, unsigned from, unsigned to, uint64_t term,
            uint32_t value)
{
    uint8_t bytes[256];
    uint8_t number[4] = {0, 0, 0, 1};
    uint8_t content[4] = {0, 0, (uint8_t)(value >> 8), (uint8_t)value};
    struct wire_writer writer;
    struct stream_header header = {
        .term = term,
        .from = 1,
        .upto = UINT64_MAX - 1,
        .index = 1u << 20,
    };
    struct store_row row = {
        .table = TABLE_MODULE,
        .version = 1u << 20,
        .key = number,
        .key_size = 4,
        .value = content,
        .value_size = 4,
    };

    wire_writer_init(&writer, bytes, sizeof(bytes));
    stream_header_write(&writer, &header);
    store_row_add(&writer, &row);
    world_inject(world, from, to, MSG_CONF_ROWS, term, bytes,
                 wire_writer_size(&writer));
}

START_TEST(test_card_refuses_a_deposed_controller)
{
    struct world *world = cluster(4);
    uint64_t term;
    unsigned old;

    put(world, TABLE_MODULE, 1, 11);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    old = (unsigned)world_leader(world);
    term = world->boxes[old].probe.ready_term;
    lose_leader(world);
    world_boot(world, old);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    inject_rows(world, old, MEMBER, term, 999);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_uint_eq(world->boxes[MEMBER].refused, 1);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 1), 11);
    ck_assert_uint_eq(world->boxes[MEMBER].accepted_terms_fell, 0);
    world_destroy(world);
}
END_TEST

START_TEST(test_term_of_upstream_fences_before_any_row)
{
    struct world *world = cluster(5);

    put(world, TABLE_MODULE, 1, 11);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    world_upstream(world, MEMBER, -1, -1, 1000);
    put(world, TABLE_MODULE, 1, 12);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_uint_gt(world->boxes[MEMBER].refused, 0);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 1), 11);
    /* The other one is not concerned. */
    ck_assert_int_eq(world_mirror(world, OTHER_MEMBER, 0, TABLE_MODULE, 1),
                     12);
    world_destroy(world);
}
END_TEST

START_TEST(test_headless_keeps_rows_and_restart_asks_again)
{
    struct world *world = cluster(6);

    put(world, TABLE_MODULE, 1, 11);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    world_upstream(world, MEMBER, -1, -1, 0);
    world_run(world, NS_PER_S);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 1), 11);
    ck_assert_int_eq(runtime_kill(world->boxes[MEMBER].runtime, SVC_STORE), 0);
    world_run(world, NS_PER_S);
    ck_assert_uint_eq(world->boxes[MEMBER].probe.restarted, 2);
    /* Nothing to show yet: the snapshot is not called complete. */
    world_watch(world, MEMBER, CONF_ALL, UINT64_MAX);
    world_run(world, NS_PER_S);
    ck_assert_uint_eq(world->boxes[MEMBER].probe.lasts, 1);
    tell_upstreams(world);
    world_run(world, NS_PER_S);
    ck_assert_uint_eq(world->boxes[MEMBER].probe.lasts, 2);
    ck_assert_int_eq(world_mirror(world, MEMBER, 0, TABLE_MODULE, 1), 11);
    world_destroy(world);
}
END_TEST

START_TEST(test_planted_no_fencing)
{
    struct world *world = world_create(3, 2, 7);
    struct box *member = &world->boxes[MEMBER];

    world->mutation = MUTATION_NO_FENCING;
    for (unsigned i = 0; i < world->box_count; i++) {
        world_boot(world, i);
        world_watch(world, i, CONF_ALL, UINT64_MAX);
    }
    ck_assert(world_run_until(world, has_leader, 2 * NS_PER_S));
    put(world, TABLE_MODULE, 1, 11);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    lose_leader(world);
    tell_upstreams(world);
    put(world, TABLE_MODULE, 1, 12);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(member->accepted_terms_fell > 0, MUTATIONS_BUILT);
    world_destroy(world);
}
END_TEST

/* --- STATE -------------------------------------------------------------- */

START_TEST(test_state_reaches_both_controllers)
{
    struct world *world = cluster(10);
    uint64_t owner = world_key(MEMBER);

    world_state_put(world, MEMBER, TABLE_HEALTH, 1, 5, false);
    world_state_put(world, MEMBER, TABLE_ALARM, 2, 6, false);
    world_run(world, 50 * NS_PER_MS);
    /* Local before it is a member. */
    ck_assert_int_eq(world_mirror(world, MEMBER, owner, TABLE_HEALTH, 1), 5);
    ck_assert_int_eq(world_mirror(world, 0, owner, TABLE_HEALTH, 1), -1);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(world_mirror(world, i, owner, TABLE_HEALTH, 1), 5);
        ck_assert_int_eq(world_mirror(world, i, owner, TABLE_ALARM, 2), 6);
    }
    world_state_put(world, MEMBER, TABLE_HEALTH, 1, 7, false);
    world_state_put(world, MEMBER, TABLE_ALARM, 2, 0, true);
    world_run(world, 50 * NS_PER_MS);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(world_mirror(world, i, owner, TABLE_HEALTH, 1), 7);
        ck_assert_int_eq(world_mirror(world, i, owner, TABLE_ALARM, 2), -1);
    }
    world_destroy(world);
}
END_TEST

START_TEST(test_state_of_a_controller_reaches_the_other)
{
    struct world *world = cluster(11);

    tell_upstreams(world);
    world_state_put(world, 0, TABLE_HEALTH, 1, 5, false);
    world_state_put(world, 1, TABLE_HEALTH, 1, 6, false);
    world_state_put(world, 2, TABLE_HEALTH, 1, 7, false);
    world_run(world, 50 * NS_PER_MS);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned of = 0; of < 3; of++)
            ck_assert_int_eq(
                world_mirror(world, i, world_key(of), TABLE_HEALTH, 1),
                5 + of);
    world_destroy(world);
}
END_TEST

START_TEST(test_state_expires_and_comes_back)
{
    struct world *world = cluster(12);
    uint64_t owner = world_key(MEMBER);

    tell_upstreams(world);
    world_state_put(world, MEMBER, TABLE_HEALTH, 1, 5, false);
    world_state_put(world, MEMBER, TABLE_REACH, 1, 8, false);
    world_run(world, 50 * NS_PER_MS);
    world_peer(world, 0, MEMBER, false);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, 0, owner, TABLE_HEALTH, 1), -1);
    ck_assert_int_eq(world_mirror(world, 0, owner, TABLE_REACH, 1), -1);
    world_peer(world, 0, MEMBER, true);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, 0, owner, TABLE_HEALTH, 1), 5);
    ck_assert_int_eq(world_mirror(world, 0, owner, TABLE_REACH, 1), 8);
    world_destroy(world);
}
END_TEST

START_TEST(test_boxes_that_are_gone_make_room)
{
    struct world *world = cluster(17);
    uint64_t owner = world_key(MEMBER);

    for (uint64_t i = 0; i < STORE_OWNERS_MAX; i++) {
        struct store_peer peer = {(1ull << 40) + i, false};
        uint8_t bytes[16];
        struct wire_writer writer;

        wire_writer_init(&writer, bytes, sizeof(bytes));
        store_peer_write(&writer, &peer);
        world_tell(world, 0, MSG_STORE_PEER, &writer);
        world_tell(world, 1, MSG_STORE_PEER, &writer);
    }
    tell_upstreams(world);
    world_state_put(world, MEMBER, TABLE_HEALTH, 1, 5, false);
    world_run(world, 200 * NS_PER_MS);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(world_mirror(world, i, owner, TABLE_HEALTH, 1), 5);
    world_destroy(world);
}
END_TEST

START_TEST(test_restarted_controller_asks_for_state)
{
    struct world *world = cluster(13);
    uint64_t owner = world_key(MEMBER);

    tell_upstreams(world);
    world_state_put(world, MEMBER, TABLE_HEALTH, 1, 5, false);
    world_state_put(world, MEMBER, TABLE_REACH, 1, 8, false);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(runtime_kill(world->boxes[1].runtime, SVC_STORE), 0);
    world_run(world, 500 * NS_PER_MS);
    world_watch(world, 1, CONF_ALL, UINT64_MAX);
    world_run(world, 500 * NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, 1, owner, TABLE_HEALTH, 1), 5);
    ck_assert_int_eq(world_mirror(world, 1, owner, TABLE_REACH, 1), 8);
    world_destroy(world);
}
END_TEST

START_TEST(test_restarted_owner_replaces_its_rows)
{
    struct world *world = cluster(14);
    uint64_t owner = world_key(MEMBER);

    tell_upstreams(world);
    world_state_put(world, MEMBER, TABLE_REACH, 1, 5, false);
    world_state_put(world, MEMBER, TABLE_REACH, 2, 6, false);
    world_run(world, 50 * NS_PER_MS);
    world_crash(world, MEMBER);
    world_boot(world, MEMBER);
    world_state_put(world, MEMBER, TABLE_REACH, 2, 7, false);
    tell_upstreams(world);
    world_run(world, 50 * NS_PER_MS);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(world_mirror(world, i, owner, TABLE_REACH, 1), -1);
        ck_assert_int_eq(world_mirror(world, i, owner, TABLE_REACH, 2), 7);
    }
    world_destroy(world);
}
END_TEST

START_TEST(test_state_survives_cuts)
{
    struct world *world = cluster(15 + (uint64_t)_i);
    uint32_t value = 0;

    tell_upstreams(world);
    for (unsigned round = 0; round < 30; round++) {
        unsigned box = (unsigned)(world_random(world) % 5);
        bool kill = world_random(world) % 4 == 0;

        if (kill)
            (void)runtime_kill(world->boxes[MEMBER].runtime, SVC_STORE);
        else
            world_cut(world, box, true);
        for (unsigned i = 0; i < 20; i++)
            world_state_put(world, MEMBER, i % 2 ? TABLE_REACH : TABLE_HEALTH,
                            (uint32_t)(world_random(world) % 50), ++value,
                            world_random(world) % 4 == 0);
        world_run(world, world_random(world) % (300 * NS_PER_MS));
        world_cut(world, box, false);
        world_run(world, world_random(world) % (300 * NS_PER_MS));
        if (kill)
            world_watch(world, MEMBER, CONF_ALL, UINT64_MAX);
        if (has_leader(world))
            tell_upstreams(world);
    }
    world_run(world, 20 * NS_PER_S);
    tell_upstreams(world);
    world_run(world, 20 * NS_PER_S);
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t key = 0; key < 50; key++) {
            uint64_t owner = world_key(MEMBER);

            ck_assert_int_eq(
                world_mirror(world, i, owner, TABLE_REACH, key),
                world_mirror(world, MEMBER, owner, TABLE_REACH, key));
            ck_assert_int_eq(
                world_mirror(world, i, owner, TABLE_HEALTH, key),
                world_mirror(world, MEMBER, owner, TABLE_HEALTH, key));
        }
    world_destroy(world);
}
END_TEST

START_TEST(test_idle_cluster_is_quiet)
{
    struct world *world = cluster(30);
    uint64_t messages;

    put(world, TABLE_MODULE, 1, 11);
    tell_upstreams(world);
    world_run(world, 15 * NS_PER_S);
    messages = world->messages;
    world_run(world, 10 * NS_PER_S);
    /* Heartbeats: two followers, 20 times a second, there and back. */
    ck_assert_uint_le(world->messages - messages, 810 + 2 * 2 * 2);
    world_destroy(world);
}
END_TEST

Suite *
state_suite(void)
{
    Suite *suite = suite_create("state");
    TCase *tcase = tcase_create("state");

    tcase_add_test(tcase, test_member_gets_snapshot_and_deltas);
    tcase_add_test(tcase, test_member_goes_on_with_a_new_leader);
    tcase_add_test(tcase, test_member_cut_off_for_long_gets_what_it_missed);
    tcase_add_test(tcase, test_restart_of_the_bus_counts_as_a_lost_session);
    tcase_add_test(tcase, test_card_refuses_a_deposed_controller);
    tcase_add_test(tcase, test_term_of_upstream_fences_before_any_row);
    tcase_add_test(tcase, test_headless_keeps_rows_and_restart_asks_again);
    tcase_add_test(tcase, test_planted_no_fencing);
    tcase_add_test(tcase, test_state_reaches_both_controllers);
    tcase_add_test(tcase, test_state_of_a_controller_reaches_the_other);
    tcase_add_test(tcase, test_state_expires_and_comes_back);
    tcase_add_test(tcase, test_boxes_that_are_gone_make_room);
    tcase_add_test(tcase, test_restarted_controller_asks_for_state);
    tcase_add_test(tcase, test_restarted_owner_replaces_its_rows);
    tcase_add_loop_test(tcase, test_state_survives_cuts, 0, 20);
    tcase_add_test(tcase, test_idle_cluster_is_quiet);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
    return suite;
}
