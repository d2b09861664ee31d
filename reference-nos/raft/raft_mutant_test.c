/* SPDX-License-Identifier: Apache-2.0
 *
 * Each planted bug is caught by the schedule made for it, and the same
 * schedule is clean without the bug.  Linked with the core built with
 * SIXNINES_MUTANTS.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/raft/raft_testnet.h"

static struct net *
started(enum raft_mutation mutation)
{
    struct net *net = net_create(3, 3, 7);

    net->mutation = mutation;
    for (uint64_t id = 1; id <= 3; id++)
        net_start(net, id);
    return net;
}

/* Copies the verdict out and destroys the world. */
static const char *
verdict(struct net *net)
{
    const char *violation = net->violation;

    net_destroy(net);
    return violation;
}

static const char *
figure_8(enum raft_mutation mutation)
{
    struct net_split s = net_split_logs(started(mutation));
    uint64_t common = s.net->history_count;

    s.net->server[s.a].config.append_entries_max = 1;
    net_start(s.net, s.a);
    for (unsigned i = 0; i < 20000 && s.net->history_count == common; i++)
        net_run(s.net, NET_MS / 4);
    net_crash(s.net, s.a);
    net_drop_messages(s.net);
    net_start(s.net, s.b);
    net_run(s.net, 2000 * NET_MS);
    return verdict(s.net);
}

START_TEST(commit_of_an_old_term_is_caught)
{
    const char *violation = figure_8(RAFT_MUTATION_COMMIT_OLD_TERM);

    ck_assert_ptr_nonnull(violation);
    ck_assert_str_eq(violation, "two state machines differ at one index");
    ck_assert_ptr_null(figure_8(RAFT_MUTATION_NONE));
}
END_TEST

static bool
elects_after_split(enum raft_mutation mutation)
{
    struct net_split s = net_split_logs(started(mutation));
    bool elected;

    net_start(s.net, s.a);
    elected = net_run_leader(s.net, 0, 600000 * NET_MS) != 0;
    ck_assert_ptr_null(verdict(s.net));
    return elected;
}

START_TEST(prevote_deadlock_is_caught)
{
    ck_assert(!elects_after_split(RAFT_MUTATION_PREVOTE_NO_TERM));
    ck_assert(elects_after_split(RAFT_MUTATION_NONE));
}
END_TEST

static const char *
unsynced(enum raft_mutation mutation)
{
    struct net *net = started(mutation);
    uint64_t leader = net_run_leader(net, 0, 2000 * NET_MS);
    uint64_t x = leader % 3 + 1, y = x % 3 + 1;

    net_run(net, 100 * NET_MS);
    net->server[x].disk_ns = UINT64_MAX;
    net->server[y].disk_ns = UINT64_MAX;
    ck_assert_int_eq(net_propose(net, leader, 77), 0);
    net_run(net, 20 * NET_MS);
    net_crash(net, leader);
    net->server[x].disk_ns = NET_MS;
    net->server[y].disk_ns = NET_MS;
    net_restart(net, x);
    net_restart(net, y);
    net_run(net, 2000 * NET_MS);
    net_start(net, leader);
    net_run(net, 1000 * NET_MS);
    return verdict(net);
}

START_TEST(early_acknowledgement_is_caught)
{
    const char *violation = unsynced(RAFT_MUTATION_ACK_BEFORE_DURABLE);

    ck_assert_ptr_nonnull(violation);
    ck_assert_str_eq(violation, "two state machines differ at one index");
    ck_assert_ptr_null(unsynced(RAFT_MUTATION_NONE));
}
END_TEST

static const char *
failed_writes(enum raft_mutation mutation)
{
    struct net *net = started(mutation);
    uint64_t leader = net_run_leader(net, 0, 2000 * NET_MS);

    net_run(net, 100 * NET_MS);
    for (uint64_t id = 1; id <= 3; id++)
        net->server[id].disk_fails = id != leader;
    ck_assert_int_eq(net_propose(net, leader, 77), 0);
    net_run(net, 20 * NET_MS);
    net_crash(net, leader);
    for (uint64_t id = 1; id <= 3; id++) {
        if (id != leader)
            net_restart(net, id);
    }
    net_run(net, 2000 * NET_MS);
    net_start(net, leader);
    net_run(net, 1000 * NET_MS);
    return verdict(net);
}

START_TEST(ignored_storage_error_is_caught)
{
    ck_assert_ptr_nonnull(failed_writes(RAFT_MUTATION_IGNORE_STORAGE_ERROR));
    ck_assert_ptr_null(failed_writes(RAFT_MUTATION_NONE));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("raft-mutants");
    TCase *tcase = tcase_create("all");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, commit_of_an_old_term_is_caught);
    tcase_add_test(tcase, prevote_deadlock_is_caught);
    tcase_add_test(tcase, early_acknowledgement_is_caught);
    tcase_add_test(tcase, ignored_storage_error_is_caught);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
