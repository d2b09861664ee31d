/* SPDX-License-Identifier: Apache-2.0
 *
 * Directed schedules: each one breaks, or once broke, some consensus core.
 * Random faults do not find them.
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
started(unsigned voters)
{
    struct net *net = net_create(voters, voters, 7);

    for (uint64_t id = 1; id <= voters; id++)
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

static struct net_split
split_logs(void)
{
    return net_split_logs(started(3));
}

/* Raft paper, figure 8. */
START_TEST(old_term_is_not_committed_by_counting)
{
    struct net_split s = split_logs();
    uint64_t end;

    net_start(s.net, s.a);
    ck_assert_uint_ne(net_run_leader(s.net, s.a, 5000 * NET_MS), 0);
    end = s.net->history_count;
    ck_assert_uint_gt(end, 1);
    net_crash(s.net, s.a);
    net_start(s.net, s.b);
    ck_assert_uint_ne(settled(s.net), 0);
    net_start(s.net, s.a);
    net_run(s.net, 1000 * NET_MS);
    ck_assert_uint_ge(s.net->history_count, end);
    assert_clean(s.net);
}
END_TEST

/* The same, cut before the new no-op is with a majority. */
START_TEST(old_term_without_the_noop)
{
    for (uint64_t us = 0; us < 8000; us += 250) {
        struct net_split s = split_logs();

        s.net->server[s.a].config.append_entries_max = 1;
        s.net->server[s.a].config.inflight_max = 1;
        net_start(s.net, s.a);
        for (unsigned i = 0; i < 20000; i++) {
            if (raft_role(s.net->server[s.a].raft) == RAFT_LEADER)
                break;
            net_run(s.net, NET_MS / 4);
        }
        net_run(s.net, us * 1000);
        net_crash(s.net, s.a);
        net_drop_messages(s.net);
        net_start(s.net, s.b);
        ck_assert_uint_ne(settled(s.net), 0);
        net_start(s.net, s.a);
        net_run(s.net, 1000 * NET_MS);
        assert_clean(s.net);
    }
}
END_TEST

/* a: longer log, lower term.  c: shorter log, higher term. */
START_TEST(prevote_does_not_deadlock)
{
    struct net_split s = split_logs();

    ck_assert_uint_gt(raft_term(s.net->server[s.c].raft),
                      s.net->server[s.a].disk.term);
    net_start(s.net, s.a);
    ck_assert_uint_ne(net_run_leader(s.net, 0, 2000 * NET_MS), 0);
    assert_clean(s.net);
}
END_TEST

static void
inject(struct net *net, enum raft_message_kind kind, uint64_t from,
       uint64_t to, uint64_t term, uint64_t incarnation)
{
    const struct raft_message message = {
        .kind = kind,
        .from = from,
        .to = to,
        .incarnation = incarnation,
        .term = term,
        .asked_term = term,
        .index = 1000,
        .index_term = term - 1,
        .transfer = true,
    };

    net_inject(net, &message);
}

/* A vote is given once per term, whatever transfer is pending. */
START_TEST(transfer_does_not_vote_twice)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);
    uint64_t x = leader % 3 + 1, y = x % 3 + 1;
    uint64_t term = raft_term(net->server[leader].raft) + 1;

    net_isolate(net, x, true);
    net_isolate(net, y, true);
    net_drop_messages(net);
    net_cut(net, x, leader, false);
    ck_assert_int_eq(net_transfer(net, leader, y), 0);
    net_isolate(net, leader, true);
    net_drop_messages(net);
    net->cut[y][x] = false;
    net->cut[leader][x] = false;
    net->cut[x][y] = false;
    net->cut[x][leader] = false;
    inject(net, RAFT_VOTE, leader, x, term, 1);
    inject(net, RAFT_VOTE, y, x, term, 1);
    inject(net, RAFT_VOTE, y, x, term, 1);
    net->latency_ns = 10 * NET_MS;
    net_run(net, 5 * NET_MS);
    ck_assert_uint_eq(net_count(net, x, RAFT_VOTE_REPLY, false), 3);
    ck_assert_uint_eq(net_count(net, x, RAFT_VOTE_REPLY, true), 1);
    assert_clean(net);
}
END_TEST

/* One failed write: the server stops and starts again from its disk. */
START_TEST(disk_error_is_fatal)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);
    const struct raft_event tick = {.kind = RAFT_EVENT_TICK};

    net->server[leader].disk_fails = true;
    ck_assert_int_eq(net_propose(net, leader, 1), 0);
    net_run(net, 5 * NET_MS);
    ck_assert(net->server[leader].fatal);
    ck_assert_int_eq(net_step(net, leader, &tick), ERR_IO);
    ck_assert_int_eq(net_propose(net, leader, 2), ERR_IO);
    ck_assert_uint_eq(net->server[leader].deadline_ns, UINT64_MAX);
    net_restart(net, leader);
    leader = settled(net);
    ck_assert_int_eq(net_propose(net, leader, 3), 0);
    net_run(net, 200 * NET_MS);
    for (uint64_t id = 1; id <= 3; id++)
        ck_assert_uint_eq(net->server[id].applied, net->history_count);
    assert_clean(net);
}
END_TEST

START_TEST(partitioned_server_keeps_its_term)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);
    uint64_t away = leader % 3 + 1;
    uint64_t term = raft_term(net->server[leader].raft);

    net_isolate(net, away, true);
    net_run(net, 60000 * NET_MS);
    ck_assert_int_eq(net_propose(net, leader, 1), 0);
    net_isolate(net, away, false);
    net_run(net, 1000 * NET_MS);
    ck_assert_uint_eq(net_leader(net), leader);
    ck_assert_uint_eq(raft_term(net->server[away].raft), term);
    ck_assert_uint_eq(net->server[away].applied, net->history_count);
    ck_assert_uint_eq(net->server[leader].stepped_down, 0);
    assert_clean(net);
}
END_TEST

/* Its term really is higher, say from a candidacy nobody heard of: nobody but
 * the leader of before leads, and it does so again within 20 ms. */
START_TEST(high_term_does_not_depose)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);
    uint64_t away = leader % 3 + 1;

    net_crash(net, away);
    net_run(net, 1000 * NET_MS);
    net->server[away].disk.term = 50;
    net->server[away].disk.voted_for = away;
    net_start(net, away);
    net_run(net, 50 * NET_MS);
    net_run(net, 20 * NET_MS);
    ck_assert_uint_eq(net_leader(net), leader);
    ck_assert_uint_eq(raft_term(net->server[leader].raft), 51);
    ck_assert_int_eq(net_propose(net, leader, 9), 0);
    net_run(net, 10000 * NET_MS);
    ck_assert_uint_eq(net->server[away].applied, net->history_count);
    ck_assert_uint_eq(net_leader(net), leader);
    ck_assert_uint_eq(raft_term(net->server[leader].raft), 51);
    for (uint64_t id = 1; id <= 3; id++) {
        if (id != leader)
            ck_assert_uint_eq(net->server[id].became_ready, 0);
    }
    assert_clean(net);
}
END_TEST

/* An old leader that comes back does not disturb the new one. */
START_TEST(deposed_leader_comes_back_quietly)
{
    struct net *net = started(3);
    uint64_t old = settled(net), leader, term;

    net_isolate(net, old, true);
    net_run(net, 100 * NET_MS);
    leader = old;
    for (unsigned i = 0; i < 1000 && leader == old; i++) {
        net_run(net, NET_MS);
        leader = net_leader(net);
    }
    term = raft_term(net->server[leader].raft);
    ck_assert_uint_ne(leader, old);
    net_isolate(net, old, false);
    net_run(net, 2000 * NET_MS);
    ck_assert_uint_eq(net_leader(net), leader);
    ck_assert_uint_eq(raft_term(net->server[leader].raft), term);
    ck_assert_uint_eq(net->server[leader].stepped_down, 0);
    assert_clean(net);
}
END_TEST

START_TEST(deposed_leader_answers_no_read)
{
    struct net *net = started(3);
    uint64_t old = settled(net), leader;

    net_isolate(net, old, true);
    ck_assert_int_eq(net_read(net, old, 1), 0);
    net_run(net, 250 * NET_MS);
    leader = old % 3 + 1;
    if (net_leader(net) == leader % 3 + 1)
        leader = leader % 3 + 1;
    net_run_leader(net, leader, 100 * NET_MS);
    (void)!net_propose(net, leader, 7);
    net_run(net, 5 * NET_MS);
    if (raft_role(net->server[old].raft) == RAFT_LEADER)
        ck_assert_int_eq(net_read(net, old, 2), 0);
    net_run(net, 1000 * NET_MS);
    ck_assert_uint_eq(net->server[old].reads_ok, 0);
    ck_assert_uint_ge(net->server[old].reads_refused, 1);
    ck_assert_uint_eq(net->server[old].stepped_down, 1);
    ck_assert_int_eq(net_read(net, old, 3), ERR_NOT_LEADER);
    assert_clean(net);
}
END_TEST

/* Answers to heartbeats sent before the read came confirm nothing. */
START_TEST(old_round_confirms_no_read)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);

    while (!net_count(net, leader % 3 + 1, RAFT_APPEND_REPLY, false))
        net_run(net, NET_MS / 4);
    ck_assert_int_eq(net_read(net, leader, 1), 0);
    for (uint64_t id = 1; id <= 3; id++) {
        if (id != leader)
            net->cut[leader][id] = true;
    }
    net_run(net, 200 * NET_MS);
    ck_assert_uint_eq(net->server[leader].reads_ok, 0);
    assert_clean(net);
}
END_TEST

START_TEST(many_reads_share_rounds)
{
    struct net *net = started(3);
    uint64_t leader = settled(net), sent = net->sent;

    for (uint64_t i = 0; i < 60; i++)
        ck_assert_int_eq(net_read(net, leader, i), 0);
    net_run(net, 5 * NET_MS);
    ck_assert_uint_eq(net->server[leader].reads_ok, 60);
    ck_assert_uint_le(net->sent - sent, 12);
    for (uint64_t i = 0; i < 64; i++)
        ck_assert_int_eq(net_read(net, leader, i), 0);
    ck_assert_int_eq(net_read(net, leader, 1), ERR_FULL);
    assert_clean(net);
}
END_TEST

START_TEST(leader_with_stuck_disk_still_commits)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);

    net->server[leader].disk_ns = UINT64_MAX;
    for (uint64_t i = 1; i <= 100; i++) {
        ck_assert_int_eq(net_propose(net, leader, i), 0);
        net_run(net, 20 * NET_MS);
    }
    ck_assert_uint_eq(net->server[leader].applied_own, 100);
    ck_assert_uint_eq(net_leader(net), leader);
    net_crash(net, leader);
    net->server[leader].disk_ns = NET_MS;
    net_start(net, leader);
    net_run(net, 1000 * NET_MS);
    for (uint64_t id = 1; id <= 3; id++)
        ck_assert_uint_eq(net->server[id].applied, net->history_count);
    assert_clean(net);
}
END_TEST

START_TEST(nobody_leads_with_an_undurable_vote)
{
    struct net *net = net_create(3, 3, 7);

    for (uint64_t id = 1; id <= 3; id++) {
        net->server[id].disk_ns = UINT64_MAX;
        net_start(net, id);
    }
    for (unsigned i = 0; i < 1000; i++) {
        net_run(net, NET_MS);
        for (uint64_t id = 1; id <= 3; id++) {
            ck_assert_uint_eq(net_count(net, id, RAFT_VOTE, false), 0);
            ck_assert_uint_eq(net_count(net, id, RAFT_VOTE_REPLY, false), 0);
        }
    }
    ck_assert_uint_eq(net_leader(net), 0);
    for (uint64_t id = 1; id <= 3; id++)
        net_disk_unstick(net, id);
    ck_assert_uint_ne(settled(net), 0);
    assert_clean(net);
}
END_TEST

/* Both followers hold the entry in memory only, and crash. */
START_TEST(unsynced_log_is_not_counted)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);
    uint64_t x = leader % 3 + 1, y = x % 3 + 1;

    net->server[x].disk_ns = UINT64_MAX;
    net->server[y].disk_ns = UINT64_MAX;
    ck_assert_int_eq(net_propose(net, leader, 77), 0);
    net_run(net, 500 * NET_MS);
    /* Alive, but nothing is durable there. */
    ck_assert_uint_eq(net_leader(net), leader);
    ck_assert_uint_eq(net->server[leader].applied_own, 0);
    net_crash(net, leader);
    net->server[x].disk_ns = NET_MS;
    net->server[y].disk_ns = NET_MS;
    net_restart(net, x);
    net_restart(net, y);
    ck_assert_uint_ne(settled(net), 0);
    net_start(net, leader);
    net_run(net, 1000 * NET_MS);
    assert_clean(net);
}
END_TEST

START_TEST(every_message_twice)
{
    struct net *net = started(3);
    uint64_t leader;

    net->double_pct = 100;
    net->jitter_ns = 3 * NET_MS;
    leader = settled(net);
    for (uint64_t i = 1; i <= 100; i++) {
        ck_assert_int_eq(net_propose(net, leader, i), 0);
        net_run(net, NET_MS);
    }
    net_run(net, 500 * NET_MS);
    ck_assert_uint_eq(net->server[leader].applied_own, 100);
    assert_clean(net);
}
END_TEST

START_TEST(everything_ever_said_again)
{
    struct net *net = net_create(3, 3, 7);
    uint64_t leader;

    net->keep_trash = true;
    for (uint64_t id = 1; id <= 3; id++)
        net_start(net, id);
    for (unsigned round = 0; round < 4; round++) {
        leader = settled(net);
        for (uint64_t i = 1; i <= 5; i++)
            ck_assert_int_eq(net_propose(net, leader, i), 0);
        net_run(net, 50 * NET_MS);
        net_restart(net, leader);
    }
    settled(net);
    net->keep_trash = false;
    for (uint64_t id = 1; id <= 3; id++)
        net_replay(net, id);
    net_run(net, 1000 * NET_MS);
    leader = settled(net);
    ck_assert_int_eq(net_propose(net, leader, 6), 0);
    net_run(net, 200 * NET_MS);
    for (uint64_t id = 1; id <= 3; id++)
        ck_assert_uint_eq(net->server[id].applied, net->history_count);
    assert_clean(net);
}
END_TEST

START_TEST(former_life_is_not_heard)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);
    uint64_t x = leader % 3 + 1;
    uint64_t term = raft_term(net->server[leader].raft);

    net_restart(net, x);
    net_run(net, 200 * NET_MS); /* Its second life was heard. */
    inject(net, RAFT_VOTE, x, leader, term + 40, 1);
    inject(net, RAFT_APPEND, x, leader, term + 40, 1);
    net_run(net, 200 * NET_MS);
    ck_assert_uint_eq(raft_term(net->server[leader].raft), term);
    ck_assert_uint_eq(net_leader(net), leader);
    inject(net, RAFT_VOTE, x, leader, term + 40, 2);
    net_run(net, 5 * NET_MS);
    ck_assert_uint_ge(raft_term(net->server[leader].raft), term + 40);
    net_destroy(net); /* The last message was a lie: no verdict. */
}
END_TEST

START_TEST(snapshot_races_with_appends)
{
    struct net *net = net_create(3, 3, 7);
    uint64_t leader, away;

    net->keep_trash = true;
    for (uint64_t id = 1; id <= 3; id++) {
        net->server[id].config.trailing_entries = 0;
        net_start(net, id);
    }
    leader = settled(net);
    away = leader % 3 + 1;
    for (uint64_t i = 1; i <= 10; i++)
        ck_assert_int_eq(net_propose(net, leader, i), 0);
    net_run(net, 50 * NET_MS);
    net_isolate(net, away, true);
    for (uint64_t i = 11; i <= 30; i++)
        ck_assert_int_eq(net_propose(net, leader, i), 0);
    net_run(net, 50 * NET_MS);
    ck_assert_int_eq(net_take_snapshot(net, leader), 0);
    net->keep_trash = false;
    net_isolate(net, away, false);
    net->server[away].disk_ns = 20 * NET_MS;
    for (uint64_t i = 31; i <= 60; i++) {
        ck_assert_int_eq(net_propose(net, leader, i), 0);
        net_replay(net, leader); /* Old APPENDs among the new. */
        net_run(net, 5 * NET_MS);
    }
    net_run(net, 1000 * NET_MS);
    ck_assert_uint_eq(net->server[away].disk.snapshot.index, 31);
    ck_assert_uint_eq(net->server[away].applied, net->history_count);
    ck_assert_uint_eq(net->server[leader].applied_own, 60);
    assert_clean(net);
}
END_TEST

/* The snapshot is not durable yet when the box dies. */
START_TEST(crash_amid_snapshot)
{
    struct net *net = net_create(3, 3, 7);
    uint64_t leader, away;

    for (uint64_t id = 1; id <= 3; id++) {
        net->server[id].config.trailing_entries = 0;
        net_start(net, id);
    }
    leader = settled(net);
    away = leader % 3 + 1;
    net_isolate(net, away, true);
    for (uint64_t i = 1; i <= 30; i++)
        ck_assert_int_eq(net_propose(net, leader, i), 0);
    net_run(net, 50 * NET_MS);
    ck_assert_int_eq(net_take_snapshot(net, leader), 0);
    net->snapshot_fails = true;
    net_isolate(net, away, false);
    net_run(net, 500 * NET_MS);
    ck_assert_uint_lt(net->server[away].applied, 31);
    net->snapshot_fails = false;
    net->server[away].disk_ns = UINT64_MAX;
    net_run(net, 500 * NET_MS);
    ck_assert_uint_eq(net->server[away].applied, 31);
    net->server[away].disk_ns = NET_MS;
    net_restart(net, away);
    ck_assert_uint_eq(net->server[away].disk.snapshot.index, 0);
    net_run(net, 500 * NET_MS);
    ck_assert_uint_eq(net->server[away].disk.snapshot.index, 31);
    assert_clean(net);
}
END_TEST

/* The snapshot comes before any message of its term, and the box dies with
 * it. */
START_TEST(snapshot_raises_the_term)
{
    struct net *net = started(3);
    uint64_t away = settled(net) % 3 + 1;
    struct net_server *server = &net->server[away];
    struct raft_snapshot snapshot = server->disk.snapshot;
    const struct raft_event event = {.kind = RAFT_EVENT_SNAPSHOT_RECEIVED,
                                     .snapshot = &snapshot};

    net_isolate(net, away, true);
    snapshot.index = 30;
    snapshot.term = raft_term(server->raft) + 1;
    server->staged = snapshot;
    ck_assert_int_eq(net_step(net, away, &event), 0);
    ck_assert_uint_eq(raft_term(server->raft), snapshot.term);
    net_run(net, 5 * NET_MS);
    ck_assert_uint_eq(server->disk.snapshot.index, 30);
    net_restart(net, away);
    net_destroy(net); /* An invented snapshot: no verdict. */
}
END_TEST

/* Heard by nobody, a leader stops leading; what it was asked is unknown. */
START_TEST(lonely_leader_steps_down)
{
    struct net *net = started(3);
    uint64_t leader = settled(net);

    net_isolate(net, leader, true);
    ck_assert_int_eq(net_propose(net, leader, 5), 0);
    net_run(net, 400 * NET_MS);
    ck_assert_uint_eq(net->server[leader].stepped_down, 1);
    ck_assert_int_ne(raft_role(net->server[leader].raft), RAFT_LEADER);
    ck_assert_uint_eq(net->server[leader].applied_own, 0);
    net_isolate(net, leader, false);
    net_run(net, 2000 * NET_MS);
    ck_assert_uint_eq(net->server[leader].applied_own, 0);
    assert_clean(net);
}
END_TEST

/* A follower that hears nobody but is heard: the leader stays. */
START_TEST(deaf_follower_does_not_disturb)
{
    struct net *net = started(3);
    uint64_t leader = settled(net), deaf = leader % 3 + 1;
    uint64_t term = raft_term(net->server[leader].raft);

    for (uint64_t id = 1; id <= 3; id++)
        net->cut[id][deaf] = id != deaf;
    net_run(net, 20000 * NET_MS);
    ck_assert_uint_eq(net_leader(net), leader);
    ck_assert_uint_eq(raft_term(net->server[leader].raft), term);
    assert_clean(net);
}
END_TEST

Suite *
raft_schedule_suite(void)
{
    Suite *suite = suite_create("raft-schedule");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, old_term_is_not_committed_by_counting);
    tcase_add_test(tcase, old_term_without_the_noop);
    tcase_add_test(tcase, prevote_does_not_deadlock);
    tcase_add_test(tcase, transfer_does_not_vote_twice);
    tcase_add_test(tcase, disk_error_is_fatal);
    tcase_add_test(tcase, partitioned_server_keeps_its_term);
    tcase_add_test(tcase, high_term_does_not_depose);
    tcase_add_test(tcase, deposed_leader_comes_back_quietly);
    tcase_add_test(tcase, deposed_leader_answers_no_read);
    tcase_add_test(tcase, old_round_confirms_no_read);
    tcase_add_test(tcase, many_reads_share_rounds);
    tcase_add_test(tcase, leader_with_stuck_disk_still_commits);
    tcase_add_test(tcase, nobody_leads_with_an_undurable_vote);
    tcase_add_test(tcase, unsynced_log_is_not_counted);
    tcase_add_test(tcase, every_message_twice);
    tcase_add_test(tcase, everything_ever_said_again);
    tcase_add_test(tcase, former_life_is_not_heard);
    tcase_add_test(tcase, snapshot_races_with_appends);
    tcase_add_test(tcase, crash_amid_snapshot);
    tcase_add_test(tcase, snapshot_raises_the_term);
    tcase_add_test(tcase, lonely_leader_steps_down);
    tcase_add_test(tcase, deaf_follower_does_not_disturb);
    suite_add_tcase(suite, tcase);
    return suite;
}
