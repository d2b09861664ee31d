/* SPDX-License-Identifier: Apache-2.0
 *
 * What a group does when little goes wrong, and its bounds.
 */
#include "reference-nos/raft/raft_test.h"

#include <stdlib.h>

#include "reference-nos/base/err.h"
#include "reference-nos/raft/raft_testnet.h"

static void
assert_clean(struct net *net)
{
    ck_assert_msg(!net->violation, "%s", net->violation);
    net_destroy(net);
}

static struct net *
started(unsigned voters)
{
    struct net *net = net_create(voters, voters, 7);

    for (uint64_t id = 1; id <= voters; id++)
        net_start(net, id);
    return net;
}

START_TEST(one_voter_leads_at_once)
{
    struct net *net = started(1);

    ck_assert_uint_eq(net_run_leader(net, 0, 3 * NET_MS), 1);
    ck_assert_int_eq(net_propose(net, 1, 100), 0);
    ck_assert_uint_eq(net->server[1].applied_own, 0);
    net_run(net, 2 * NET_MS);
    ck_assert_uint_eq(net->server[1].applied_own, 1);
    ck_assert_int_eq(net_read(net, 1, 1), 0);
    ck_assert_uint_eq(net->server[1].reads_ok, 1);
    net_restart(net, 1);
    ck_assert_uint_eq(net_run_leader(net, 0, 5 * NET_MS), 1);
    ck_assert_uint_eq(net->server[1].applied, 3);
    assert_clean(net);
}
END_TEST

START_TEST(three_voters_replicate)
{
    struct net *net = started(3);
    uint64_t leader = net_run_leader(net, 0, 1000 * NET_MS);

    ck_assert_uint_ne(leader, 0);
    for (uint64_t i = 1; i <= 200; i++)
        ck_assert_int_eq(net_propose(net, leader, i), 0);
    net_run(net, 20 * NET_MS);
    ck_assert_uint_eq(net->server[leader].applied_own, 200);
    for (uint64_t id = 1; id <= 3; id++)
        ck_assert_uint_eq(net->server[id].applied, 201);
    assert_clean(net);
}
END_TEST

START_TEST(follower_refuses_requests)
{
    struct net *net = started(3);
    uint64_t other = net_run_leader(net, 0, 1000 * NET_MS) % 3 + 1;

    ck_assert_int_eq(net_propose(net, other, 1), ERR_NOT_LEADER);
    ck_assert_int_eq(net_read(net, other, 1), ERR_NOT_LEADER);
    ck_assert_int_eq(net_transfer(net, other, 1), ERR_NOT_LEADER);
    ck_assert_int_eq(net_members(net, other, RAFT_REMOVE, 1), ERR_NOT_LEADER);
    assert_clean(net);
}
END_TEST

START_TEST(idle_group_is_quiet)
{
    struct net *net = started(3);
    uint64_t sent;

    net_run(net, 2000 * NET_MS);
    sent = net->sent;
    net_run(net, 10000 * NET_MS);
    /* Two heartbeats and two answers each 50 ms. */
    ck_assert_uint_eq((net->sent - sent) / 10, 80);
    assert_clean(net);
}
END_TEST

START_TEST(early_tick_changes_nothing)
{
    struct net *net = started(3);
    const struct raft_event tick = {.kind = RAFT_EVENT_TICK};
    uint64_t deadline_ns, sent;

    net_run_leader(net, 0, 1000 * NET_MS);
    net_run(net, 10 * NET_MS);
    deadline_ns = net->server[1].deadline_ns;
    sent = net->sent;
    ck_assert_int_eq(net_step(net, 1, &tick), 0);
    ck_assert_uint_eq(net->server[1].deadline_ns, deadline_ns);
    ck_assert_uint_eq(net->sent, sent);
    assert_clean(net);
}
END_TEST

START_TEST(big_entries_are_batched)
{
    static unsigned char big[RAFT_ENTRY_BYTES_MAX + 1];
    struct net *net = started(3);
    uint64_t leader = net_run_leader(net, 0, 1000 * NET_MS);
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE,
                               .data = big,
                               .size = sizeof(big),
                               .context = 5};

    ck_assert_int_eq(net_step(net, leader, &event), ERR_RANGE);
    event.size--;
    for (unsigned i = 0; i < 20; i++)
        ck_assert_int_eq(net_step(net, leader, &event), 0);
    net_run(net, 100 * NET_MS);
    ck_assert_uint_eq(net->server[leader].applied_own, 20);
    assert_clean(net);
}
END_TEST

START_TEST(full_log_asks_for_a_snapshot)
{
    struct net *net = net_create(3, 3, 7);
    uint64_t leader, value = 0;

    for (uint64_t id = 1; id <= 3; id++) {
        net->server[id].config.log_bytes_max = 4096;
        net_start(net, id);
    }
    leader = net_run_leader(net, 0, 1000 * NET_MS);
    while (net_propose(net, leader, ++value) == 0)
        net_run(net, 10 * NET_MS);
    ck_assert_int_eq(net_propose(net, leader, value), ERR_FULL);
    ck_assert_uint_le(raft_log_bytes(net->server[leader].raft), 4096);
    net_run(net, 100 * NET_MS);
    ck_assert_int_eq(net_take_snapshot(net, leader), 0);
    ck_assert_int_eq(net_propose(net, leader, value), 0);
    net_run(net, 100 * NET_MS);
    ck_assert_uint_eq(net->server[leader].last_context, value);
    assert_clean(net);
}
END_TEST

START_TEST(restart_from_snapshot_and_log)
{
    struct net *net = started(3);
    uint64_t leader = net_run_leader(net, 0, 1000 * NET_MS);

    for (uint64_t i = 1; i <= 50; i++)
        ck_assert_int_eq(net_propose(net, leader, i), 0);
    net_run(net, 100 * NET_MS);
    for (uint64_t id = 1; id <= 3; id++)
        ck_assert_int_eq(net_take_snapshot(net, id), 0);
    for (uint64_t i = 51; i <= 60; i++)
        ck_assert_int_eq(net_propose(net, leader, i), 0);
    net_run(net, 100 * NET_MS);
    for (uint64_t id = 1; id <= 3; id++)
        net_restart(net, id);
    ck_assert_uint_eq(net->server[1].applied, 51);
    ck_assert_uint_eq(raft_first_index(net->server[1].raft), 52);
    ck_assert_uint_ne(net_run_leader(net, 0, 1000 * NET_MS), 0);
    net_run(net, 100 * NET_MS);
    for (uint64_t id = 1; id <= 3; id++)
        ck_assert_uint_eq(net->server[id].applied, 62);
    assert_clean(net);
}
END_TEST

START_TEST(transfer_is_quick)
{
    struct net *net = started(3);
    uint64_t leader = net_run_leader(net, 0, 1000 * NET_MS);
    uint64_t target = leader % 3 + 1;

    net_run(net, 100 * NET_MS);
    ck_assert_int_eq(net_transfer(net, leader, target), 0);
    ck_assert_uint_eq(net_run_leader(net, target, 20 * NET_MS), target);
    ck_assert_uint_eq(net->server[leader].stepped_down, 1);
    assert_clean(net);
}
END_TEST

START_TEST(transfer_to_the_dead_is_given_up)
{
    struct net *net = started(3);
    uint64_t leader = net_run_leader(net, 0, 1000 * NET_MS);
    uint64_t target = leader % 3 + 1;

    net_run(net, 100 * NET_MS);
    net_crash(net, target);
    ck_assert_int_eq(net_transfer(net, leader, target), 0);
    ck_assert_int_eq(net_propose(net, leader, 1), ERR_BUSY);
    net_run(net, 400 * NET_MS);
    ck_assert_int_eq(net_propose(net, leader, 1), 0);
    ck_assert_uint_eq(net_leader(net), leader);
    assert_clean(net);
}
END_TEST

START_TEST(unwilling_leader_hands_on)
{
    struct net *net = net_create(3, 3, 11);
    uint64_t leader;

    net->server[3].config.prefer_not_to_lead = true;
    net->server[3].config.election_scale_pct = 200;
    for (uint64_t id = 1; id <= 3; id++)
        net_start(net, id);
    leader = net_run_leader(net, 0, 1000 * NET_MS);
    ck_assert_uint_lt(leader, 3);
    /* The other controller lags and cannot win: only the arbiter can. */
    net_crash(net, 3 - leader);
    ck_assert_int_eq(net_propose(net, leader, 1), 0);
    net_run(net, 100 * NET_MS);
    net_crash(net, leader);
    net_start(net, 3 - leader);
    ck_assert_uint_eq(net_run_leader(net, 3, 5000 * NET_MS), 3);
    ck_assert_uint_eq(net_run_leader(net, 3 - leader, 100 * NET_MS),
                      3 - leader);
    net_run(net, 5000 * NET_MS);
    ck_assert_uint_eq(net_leader(net), 3 - leader);
    assert_clean(net);
}
END_TEST

/* Each allocation fails in turn; the group gets over it. */
START_TEST(no_memory_is_survived)
{
    for (long limit = 0; limit < 40; limit++) {
        struct net *net = started(3);
        uint64_t leader = net_run_leader(net, 0, 1000 * NET_MS);
        unsigned made = 0;

        net->allocs_left = limit;
        for (uint64_t i = 1; i <= 20; i++)
            made += net_propose(net, leader, i) == 0;
        ck_assert_uint_le(made, limit);
        net_run(net, 100 * NET_MS);
        net->allocs_left = -1;
        net_run(net, 1000 * NET_MS);
        leader = net_run_leader(net, 0, 1000 * NET_MS);
        ck_assert_uint_ne(leader, 0);
        ck_assert_int_eq(net_propose(net, leader, 99), 0);
        net_run(net, 500 * NET_MS);
        for (uint64_t id = 1; id <= 3; id++)
            ck_assert_uint_eq(net->server[id].applied,
                              raft_last_index(net->server[leader].raft));
        assert_clean(net);
    }
}
END_TEST

static void
mix_word(void *arg, uint64_t word)
{
    uint64_t *digest = arg;

    *digest = (*digest ^ word) * 0x100000001b3u;
}

static void *
plain_alloc(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
plain_free(void *arg, void *ptr)
{
    (void)arg;
    free(ptr);
}

START_TEST(clone_is_the_same)
{
    const struct raft_alloc alloc = {plain_alloc, plain_free, NULL};
    struct net *net = started(3);
    uint64_t leader = net_run_leader(net, 0, 1000 * NET_MS);
    uint64_t was = 0, is = 0;
    struct raft *copy;

    ck_assert_int_eq(net_propose(net, leader, 42), 0);
    ck_assert_int_eq(raft_clone(net->server[leader].raft, &alloc, &copy), 0);
    raft_visit(net->server[leader].raft, net->now_ns, mix_word, &was);
    raft_visit(copy, net->now_ns, mix_word, &is);
    ck_assert_uint_eq(was, is);
    net_run(net, 10 * NET_MS);
    was = 0;
    raft_visit(net->server[leader].raft, net->now_ns, mix_word, &was);
    ck_assert_uint_ne(was, is);
    raft_destroy(copy);
    assert_clean(net);
}
END_TEST

START_TEST(bad_input_is_refused)
{
    const struct raft_alloc alloc = {plain_alloc, plain_free, NULL};
    struct net *net = started(1);
    struct raft_config config = net->server[1].config;
    struct raft_durable durable = {.term = 1};
    struct raft_entry entry = {.index = 2, .term = 1, .kind = RAFT_ENTRY_NOOP};
    struct raft *raft;

    config.inflight_max = 0;
    ck_assert_int_eq(raft_create(&config, &alloc, &durable, &raft),
                     ERR_INVALID);
    config.inflight_max = 1;
    ck_assert_int_eq(raft_create(&config, &alloc, &durable, &raft), 0);
    ck_assert_int_eq(raft_restore(raft, &entry), ERR_CORRUPT);
    entry.index = 1;
    entry.term = 2;
    ck_assert_int_eq(raft_restore(raft, &entry), ERR_CORRUPT);
    entry.term = 1;
    entry.kind = RAFT_ENTRY_MEMBERS;
    entry.size = 3;
    entry.data = "xyz";
    ck_assert_int_eq(raft_restore(raft, &entry), ERR_CORRUPT);
    raft_destroy(raft);
    assert_clean(net);
}
END_TEST

Suite *
raft_basic_suite(void)
{
    Suite *suite = suite_create("raft-basic");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, one_voter_leads_at_once);
    tcase_add_test(tcase, three_voters_replicate);
    tcase_add_test(tcase, follower_refuses_requests);
    tcase_add_test(tcase, idle_group_is_quiet);
    tcase_add_test(tcase, early_tick_changes_nothing);
    tcase_add_test(tcase, big_entries_are_batched);
    tcase_add_test(tcase, full_log_asks_for_a_snapshot);
    tcase_add_test(tcase, restart_from_snapshot_and_log);
    tcase_add_test(tcase, transfer_is_quick);
    tcase_add_test(tcase, transfer_to_the_dead_is_given_up);
    tcase_add_test(tcase, unwilling_leader_hands_on);
    tcase_add_test(tcase, no_memory_is_survived);
    tcase_add_test(tcase, clone_is_the_same);
    tcase_add_test(tcase, bad_input_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
