/* SPDX-License-Identifier: Apache-2.0
 *
 * One server against words put into its peers' mouths.
 */
#include "reference-nos/raft/raft_test.h"

#include "reference-nos/base/err.h"
#include "reference-nos/raft/raft_testnet.h"

/* Server 1 of three, alone, with a disk that does nothing by itself. */
static struct net *
alone(void)
{
    struct net *net = net_create(3, 3, 7);

    net->server[1].disk_ns = UINT64_MAX;
    net_start(net, 1);
    return net;
}

/* An APPEND of one entry at index 1. */
static void
append_one(struct net *net, uint64_t from, uint64_t term)
{
    const struct raft_entry entry = {
        .index = 1, .term = term, .kind = RAFT_ENTRY_NOOP};
    const struct raft_message message = {
        .kind = RAFT_APPEND,
        .from = from,
        .to = 1,
        .incarnation = 1,
        .term = term,
        .entry_count = 1,
        .entries = &entry,
    };

    net_inject(net, &message);
    net_run(net, NET_MS);
}

static void
persist_one(struct net *net)
{
    net->server[1].writes->due_ns = net->now_ns;
    net_run(net, 0);
}

static void
ask(struct net *net, enum raft_message_kind kind, bool transfer)
{
    const struct raft_message message = {
        .kind = kind,
        .from = 3,
        .to = 1,
        .incarnation = 1,
        .term = kind == RAFT_VOTE ? 2 : 1,
        .asked_term = 2,
        .index = 100,
        .index_term = 1,
        .transfer = transfer,
    };

    net_inject(net, &message);
    net_run(net, NET_MS);
}

/* The write of what was truncated since says nothing about the log. */
START_TEST(truncated_write_is_not_durable_log)
{
    struct net *net = alone();

    append_one(net, 2, 1);
    append_one(net, 3, 2);
    persist_one(net); /* Term 1. */
    persist_one(net); /* The entry of term 1. */
    ck_assert_uint_eq(net->server[1].disk.entry_count, 1);
    ck_assert_uint_eq(raft_durable_index(net->server[1].raft), 0);
    persist_one(net); /* Term 2. */
    persist_one(net); /* The truncation. */
    ck_assert_uint_eq(raft_durable_index(net->server[1].raft), 0);
    persist_one(net);
    ck_assert_uint_eq(raft_durable_index(net->server[1].raft), 1);
    ck_assert_uint_eq(net->server[1].disk.entries[0].term, 2);
    net_destroy(net);
}
END_TEST

/* Until the snapshot is durable, what lies under it counts for nothing. */
START_TEST(snapshot_counts_when_durable)
{
    struct net *net = alone();
    struct raft_snapshot snapshot = net->server[1].disk.snapshot;
    const struct raft_event event = {.kind = RAFT_EVENT_SNAPSHOT_RECEIVED,
                                     .snapshot = &snapshot};

    append_one(net, 2, 1);
    persist_one(net);
    persist_one(net);
    ck_assert_uint_eq(raft_durable_index(net->server[1].raft), 1);
    snapshot.index = 5;
    snapshot.term = 1;
    net->server[1].staged = snapshot;
    ck_assert_int_eq(net_step(net, 1, &event), 0);
    ck_assert_uint_eq(raft_commit_index(net->server[1].raft), 5);
    ck_assert_uint_eq(raft_durable_index(net->server[1].raft), 0);
    persist_one(net);
    ck_assert_uint_eq(raft_durable_index(net->server[1].raft), 5);
    ck_assert_int_eq(net_step(net, 1, &event), 0); /* Old now. */
    ck_assert_ptr_null(net->server[1].writes);
    net_destroy(net);
}
END_TEST

/* Who hears a leader listens to no candidate, unless a leader sent it. */
START_TEST(lease_refuses_candidates)
{
    struct net *net = alone();

    net->latency_ns = 0;
    append_one(net, 2, 1);
    persist_one(net);
    persist_one(net);
    net_drop_messages(net);
    net->latency_ns = NET_MS * 2 / 3; /* Answers stay on the wire. */
    net->server[1].disk_ns = 1;
    ask(net, RAFT_VOTE, false);
    ck_assert_uint_eq(raft_term(net->server[1].raft), 1);
    ck_assert_uint_eq(net_count(net, 1, RAFT_VOTE_REPLY, false), 0);
    ask(net, RAFT_PREVOTE, false);
    ck_assert_uint_eq(net_count(net, 1, RAFT_PREVOTE_REPLY, false), 1);
    ck_assert_uint_eq(net_count(net, 1, RAFT_PREVOTE_REPLY, true), 0);
    ask(net, RAFT_VOTE, true);
    ck_assert_uint_eq(raft_term(net->server[1].raft), 2);
    net_destroy(net);
}
END_TEST

START_TEST(prevote_is_granted_without_a_leader)
{
    struct net *net = alone();

    net->latency_ns = NET_MS * 2 / 3;
    ask(net, RAFT_PREVOTE, false);
    ck_assert_uint_eq(net_count(net, 1, RAFT_PREVOTE_REPLY, true), 1);
    ck_assert_uint_eq(raft_term(net->server[1].raft), 0);
    net_destroy(net);
}
END_TEST

/* It is committed later, by others: the proposer was told "unknown". */
START_TEST(context_ends_with_leadership)
{
    struct net *net = net_create(3, 3, 7);
    uint64_t leader;

    for (uint64_t id = 1; id <= 3; id++)
        net_start(net, id);
    leader = net_run_leader(net, 0, 2000 * NET_MS);
    net_run(net, 100 * NET_MS);
    for (uint64_t id = 1; id <= 3; id++)
        net->cut[id][leader] = id != leader;
    ck_assert_int_eq(net_propose(net, leader, 5), 0);
    net_run(net, 1000 * NET_MS);
    ck_assert_uint_eq(net->server[leader].stepped_down, 1);
    net_isolate(net, leader, false);
    net_run(net, 2000 * NET_MS);
    ck_assert_uint_eq(net->server[leader].applied, net->history_count);
    ck_assert_uint_ge(net->history_count, 3);
    ck_assert_uint_eq(net->server[leader].applied_own, 0);
    ck_assert_msg(!net->violation, "%s", net->violation);
    net_destroy(net);
}
END_TEST

Suite *
raft_follow_suite(void)
{
    Suite *suite = suite_create("raft-follow");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, truncated_write_is_not_durable_log);
    tcase_add_test(tcase, snapshot_counts_when_durable);
    tcase_add_test(tcase, lease_refuses_candidates);
    tcase_add_test(tcase, prevote_is_granted_without_a_leader);
    tcase_add_test(tcase, context_ends_with_leadership);
    suite_add_tcase(suite, tcase);
    return suite;
}
