/* SPDX-License-Identifier: Apache-2.0
 *
 * Three voters, with and without trouble.
 */
#include "reference-nos/store/store_testworld.h"

#define CONF_ALL 0x7full

static void
boot_all(struct world *world)
{
    for (unsigned i = 0; i < world->box_count; i++) {
        world_boot(world, i);
        world_watch(world, i, CONF_ALL, UINT64_MAX);
    }
}

static bool
has_leader(struct world *world)
{
    return world_leader(world) >= 0;
}

static bool
all_done(struct world *world)
{
    int leader = world_leader(world);

    return leader >= 0 && world->boxes[leader].probe.dones > 0;
}

START_TEST(test_one_voter_commits)
{
    struct world *world = world_create(1, 0, 1);

    boot_all(world);
    ck_assert(world_run_until(world, has_leader, NS_PER_S));
    world_put(world, 0, 7, 1, TABLE_PROBE, 1, 42);
    ck_assert(world_run_until(world, all_done, NS_PER_S));
    ck_assert_int_eq(world->boxes[0].probe.done.status, 0);
    world_run(world, NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, 0, 0, TABLE_PROBE, 1), 42);
    world_destroy(world);
}
END_TEST

START_TEST(test_three_voters_commit_and_watch)
{
    struct world *world = world_create(3, 0, 2);
    int leader;

    boot_all(world);
    ck_assert(world_run_until(world, has_leader, 2 * NS_PER_S));
    leader = world_leader(world);
    world_put(world, (unsigned)leader, 7, 1, TABLE_PROBE, 1, 42);
    ck_assert(world_run_until(world, all_done, NS_PER_S));
    ck_assert_int_eq(world->boxes[leader].probe.done.status, 0);
    world_run(world, 200 * NS_PER_MS);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(world_mirror(world, i, 0, TABLE_PROBE, 1), 42);
        ck_assert_uint_eq(world->boxes[i].probe.lasts, 1);
    }
    ck_assert_uint_eq(world->divergences, 0);
    world_destroy(world);
}
END_TEST

Suite *
cluster_suite(void)
{
    Suite *suite = suite_create("cluster");
    TCase *tcase = tcase_create("cluster");

    tcase_add_test(tcase, test_one_voter_commits);
    tcase_add_test(tcase, test_three_voters_commit_and_watch);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
    return suite;
}
