/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of the members.
 */
#include "reference-nos/raft/raft_test.h"

#include "reference-nos/base/err.h"
#include "reference-nos/raft/raft_testnet.h"

static void
assert_clean(struct net *net)
{
    ck_assert_msg(!net->violation, "%s", net->violation);
    net_destroy(net);
}

static struct net *
started(unsigned count, unsigned voters)
{
    struct net *net = net_create(count, voters, 5);

    for (uint64_t id = 1; id <= count; id++)
        net_start(net, id);
    return net;
}

static uint64_t
settled(struct net *net)
{
    uint64_t leader = net_run_leader(net, 0, 2000 * NET_MS);

    ck_assert_uint_ne(leader, 0);
    net_run(net, 100 * NET_MS);
    return leader;
}

static unsigned
voters(struct net *net, uint64_t id)
{
    const struct raft_members *members = raft_members(net->server[id].raft);
    unsigned count = 0;

    for (unsigned i = 0; i < members->count; i++)
        count += members->member[i].role == RAFT_VOTER;
    return count;
}

/* A voter dies for good and a new box takes its place. */
START_TEST(voter_is_replaced)
{
    struct net *net = started(4, 3);
    uint64_t leader = settled(net), dead = leader % 3 + 1;

    for (uint64_t i = 1; i <= 20; i++)
        ck_assert_int_eq(net_propose(net, leader, i), 0);
    net_run(net, 100 * NET_MS);
    ck_assert_int_eq(net_take_snapshot(net, leader), 0);
    net_crash(net, dead);
    ck_assert_int_eq(net_members(net, leader, RAFT_ADD_LEARNER, 4), 0);
    ck_assert_int_eq(net_members(net, leader, RAFT_REMOVE, dead), ERR_BUSY);
    net_run(net, 300 * NET_MS);
    ck_assert_int_eq(net_members(net, leader, RAFT_ADD_LEARNER, 4),
                     ERR_EXISTS);
    ck_assert_int_eq(net_members(net, leader, RAFT_PROMOTE, 4), 0);
    net_run(net, 100 * NET_MS);
    ck_assert_int_eq(net_members(net, leader, RAFT_REMOVE, dead), 0);
    net_run(net, 100 * NET_MS);
    ck_assert_uint_eq(voters(net, leader), 3);
    ck_assert_uint_eq(net->server[4].applied, net->history_count);
    net_crash(net, leader);
    leader = settled(net);
    ck_assert_int_eq(net_propose(net, leader, 21), 0);
    net_run(net, 100 * NET_MS);
    ck_assert_uint_eq(net->server[leader].last_context, 21);
    assert_clean(net);
}
END_TEST

START_TEST(group_grows_from_one)
{
    struct net *net = started(5, 1);

    ck_assert_uint_eq(settled(net), 1);
    for (uint64_t id = 2; id <= 5; id++) {
        ck_assert_int_eq(net_members(net, 1, RAFT_ADD_LEARNER, id), 0);
        net_run(net, 200 * NET_MS);
        ck_assert_int_eq(net_members(net, 1, RAFT_PROMOTE, id), 0);
        net_run(net, 200 * NET_MS);
        ck_assert_uint_eq(voters(net, id), id);
    }
    net_crash(net, 1);
    net_crash(net, 2);
    ck_assert_uint_ne(settled(net), 0);
    assert_clean(net);
}
END_TEST

START_TEST(learner_has_no_vote)
{
    struct net *net = started(3, 2);
    uint64_t leader = settled(net);

    ck_assert_int_eq(net_members(net, leader, RAFT_ADD_LEARNER, 3), 0);
    net_run(net, 200 * NET_MS);
    ck_assert_uint_eq(net->server[3].applied, net->history_count);
    ck_assert_int_eq(net_transfer(net, leader, 3), ERR_NOENT);
    net_crash(net, 3 - leader);
    net_run(net, 5000 * NET_MS);
    ck_assert_uint_eq(net_leader(net), 0);
    ck_assert_int_eq(raft_role(net->server[3].raft), RAFT_FOLLOWER);
    ck_assert_uint_eq(net->server[3].deadline_ns, UINT64_MAX);
    assert_clean(net);
}
END_TEST

START_TEST(lagging_learner_is_not_promoted)
{
    struct net *net = started(4, 3);
    uint64_t leader = settled(net);

    net_isolate(net, 4, true);
    ck_assert_int_eq(net_members(net, leader, RAFT_ADD_LEARNER, 4), 0);
    net_run(net, 200 * NET_MS);
    ck_assert_int_eq(net_members(net, leader, RAFT_PROMOTE, 4), ERR_BUSY);
    ck_assert_int_eq(net_members(net, leader, RAFT_PROMOTE, 9), ERR_NOENT);
    net_isolate(net, 4, false);
    net_run(net, 500 * NET_MS);
    ck_assert_int_eq(net_members(net, leader, RAFT_PROMOTE, 4), 0);
    assert_clean(net);
}
END_TEST

/* Ongaro's correction of 2015: not before an entry of this term is
 * committed. */
START_TEST(no_change_before_the_noop)
{
    struct net *net = started(3, 3);
    uint64_t leader = settled(net), next = leader % 3 + 1;

    ck_assert_int_eq(net_transfer(net, leader, next), 0);
    while (raft_role(net->server[next].raft) != RAFT_LEADER)
        net_run(net, NET_MS / 10);
    ck_assert(!raft_is_ready(net->server[next].raft));
    ck_assert_int_eq(net_members(net, next, RAFT_REMOVE, leader), ERR_BUSY);
    ck_assert_int_eq(net_read(net, next, 1), ERR_BUSY);
    net_run(net, 10 * NET_MS);
    ck_assert_int_eq(net_members(net, next, RAFT_REMOVE, leader), 0);
    assert_clean(net);
}
END_TEST

START_TEST(removed_voter_does_not_disturb)
{
    struct net *net = started(3, 3);
    uint64_t leader = settled(net), out = leader % 3 + 1;
    uint64_t term = raft_term(net->server[leader].raft);

    net_isolate(net, out, true); /* It never learns. */
    ck_assert_int_eq(net_members(net, leader, RAFT_REMOVE, out), 0);
    net_run(net, 1000 * NET_MS);
    net_isolate(net, out, false);
    net_run(net, 60000 * NET_MS);
    ck_assert_uint_eq(net_leader(net), leader);
    ck_assert_uint_eq(raft_term(net->server[leader].raft), term);
    /* Not even with a higher term. */
    net_crash(net, out);
    net->server[out].disk.term = term + 100;
    net_start(net, out);
    net_run(net, 60000 * NET_MS);
    ck_assert_uint_eq(net_leader(net), leader);
    ck_assert_uint_eq(raft_term(net->server[leader].raft), term);
    assert_clean(net);
}
END_TEST

START_TEST(leader_and_last_voter_stay)
{
    struct net *net = started(2, 2);
    uint64_t leader = settled(net), other = 3 - leader;

    ck_assert_int_eq(net_members(net, leader, RAFT_REMOVE, leader),
                     ERR_CONFLICT);
    ck_assert_int_eq(net_members(net, leader, RAFT_REMOVE, 6), ERR_NOENT);
    ck_assert_int_eq(net_members(net, leader, RAFT_REMOVE, other), 0);
    net_run(net, 100 * NET_MS);
    ck_assert_int_eq(net_members(net, leader, RAFT_REMOVE, leader),
                     ERR_REFUSED);
    net_crash(net, other);
    ck_assert_int_eq(net_propose(net, leader, 1), 0);
    net_run(net, 100 * NET_MS);
    ck_assert_uint_eq(net->server[leader].last_context, 1);
    assert_clean(net);
}
END_TEST

/* The change is in the log of one follower only, and is then replaced. */
START_TEST(uncommitted_change_is_taken_back)
{
    struct net *net = started(4, 3);
    uint64_t leader = settled(net), x = leader % 3 + 1;

    net_isolate(net, leader, true);
    ck_assert_int_eq(net_members(net, leader, RAFT_ADD_LEARNER, 4), 0);
    ck_assert_uint_eq(raft_members(net->server[leader].raft)->count, 4);
    net_run(net, 1000 * NET_MS);
    ck_assert_int_eq(net_propose(net, net_leader(net), 1), 0);
    net_isolate(net, leader, false);
    net_run(net, 1000 * NET_MS);
    ck_assert_uint_eq(raft_members(net->server[leader].raft)->count, 3);
    ck_assert_uint_eq(raft_members(net->server[x].raft)->count, 3);
    assert_clean(net);
}
END_TEST

/* Four voters; the change that removes one is with it and the old leader
 * only.  The leader dies; the removed one must still be able to lead, or the
 * rest, whose logs are shorter, could not. */
START_TEST(removed_server_may_still_be_needed)
{
    struct net *net = started(4, 4);
    uint64_t leader = settled(net), out = leader % 4 + 1;

    for (uint64_t id = 1; id <= 4; id++) {
        if (id != leader && id != out)
            net_cut(net, leader, id, true);
    }
    ck_assert_int_eq(net_members(net, leader, RAFT_REMOVE, out), 0);
    net_run(net, 5 * NET_MS);
    ck_assert_uint_eq(voters(net, out), 3);
    net_crash(net, leader);
    ck_assert_uint_ne(net_run_leader(net, 0, 5000 * NET_MS), 0);
    net_run(net, 2000 * NET_MS);
    ck_assert_uint_ne(net_leader(net), out);
    ck_assert_uint_ne(net_leader(net), 0);
    ck_assert_uint_eq(voters(net, net_leader(net)), 3);
    assert_clean(net);
}
END_TEST

START_TEST(members_survive_compaction)
{
    struct net *net = started(4, 3);
    uint64_t leader;

    for (uint64_t id = 1; id <= 4; id++) {
        net->server[id].config.trailing_entries = 0;
        net_restart(net, id);
    }
    leader = settled(net);
    ck_assert_int_eq(net_members(net, leader, RAFT_ADD_LEARNER, 4), 0);
    net_run(net, 100 * NET_MS);
    for (uint64_t i = 1; i <= 5; i++)
        ck_assert_int_eq(net_propose(net, leader, i), 0);
    net_run(net, 100 * NET_MS);
    for (uint64_t id = 1; id <= 4; id++) {
        ck_assert_int_eq(net_take_snapshot(net, id), 0);
        ck_assert_uint_eq(raft_members(net->server[id].raft)->count, 4);
    }
    net_run(net, 100 * NET_MS);
    for (uint64_t id = 1; id <= 4; id++) {
        net_restart(net, id);
        ck_assert_uint_eq(raft_members(net->server[id].raft)->count, 4);
    }
    ck_assert_uint_ne(settled(net), 0);
    assert_clean(net);
}
END_TEST

Suite *
raft_members_suite(void)
{
    Suite *suite = suite_create("raft-members");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, voter_is_replaced);
    tcase_add_test(tcase, group_grows_from_one);
    tcase_add_test(tcase, learner_has_no_vote);
    tcase_add_test(tcase, lagging_learner_is_not_promoted);
    tcase_add_test(tcase, no_change_before_the_noop);
    tcase_add_test(tcase, removed_voter_does_not_disturb);
    tcase_add_test(tcase, leader_and_last_voter_stay);
    tcase_add_test(tcase, uncommitted_change_is_taken_back);
    tcase_add_test(tcase, removed_server_may_still_be_needed);
    tcase_add_test(tcase, members_survive_compaction);
    suite_add_tcase(suite, tcase);
    return suite;
}
