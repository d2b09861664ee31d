/* SPDX-License-Identifier: Apache-2.0
 *
 * Random faults under load.  A clean run proves little (see the directed
 * schedules); it is here to catch crashes and hangs.
 */
#include "reference-nos/raft/raft_test.h"

#include "reference-nos/raft/raft_testnet.h"

enum { VOTERS = 3, ACTIONS = 400, SEEDS = 100 };

static uint64_t
any(struct net *net)
{
    return net_random(net) % VOTERS + 1;
}

static void
act(struct net *net, uint64_t value)
{
    uint64_t id = any(net), other = any(net), leader = net_leader(net);
    struct net_server *server = &net->server[id];

    switch (net_random(net) % 16) {
    case 0:
        if (server->raft)
            net_crash(net, id);
        break;
    case 1:
    case 2:
        if (!server->raft || server->fatal)
            net_restart(net, id);
        break;
    case 3:
        if (id != other)
            net->cut[id][other] = true;
        break;
    case 4:
    case 5: net->cut[id][other] = false; break;
    case 6: server->disk_ns = net_random(net) % 2 ? UINT64_MAX : 1; break;
    case 7:
    case 8: net_disk_unstick(net, id); break;
    case 9:
        if (leader)
            (void)!net_transfer(net, leader, 0);
        break;
    case 10:
        if (server->raft && !server->fatal && !server->writes)
            (void)!net_take_snapshot(net, id);
        break;
    case 11:
        server->disk_fails = server->raft && net_random(net) % 8 == 0;
        break;
    case 12:
        if (leader)
            (void)!net_read(net, leader, value);
        break;
    default:
        if (leader)
            (void)!net_propose(net, leader, value);
        break;
    }
    net_run(net, net_random(net) % (30 * NET_MS));
}

static void
heal(struct net *net)
{
    net->loss_pct = 0;
    for (uint64_t id = 1; id <= VOTERS; id++) {
        net->server[id].disk_fails = false;
        net_isolate(net, id, false);
        net_disk_unstick(net, id);
        if (!net->server[id].raft || net->server[id].fatal)
            net_restart(net, id);
    }
    net_run(net, 5000 * NET_MS);
}

START_TEST(random_faults)
{
    struct net *net = net_create(VOTERS, VOTERS, (uint64_t)_i + 1);
    uint64_t leader;

    net->loss_pct = net_random(net) % 20;
    net->double_pct = net_random(net) % 20;
    net->jitter_ns = 1 + net_random(net) % (20 * NET_MS);
    for (uint64_t id = 1; id <= VOTERS; id++) {
        net->server[id].config.trailing_entries = net_random(net) % 4;
        net_start(net, id);
    }
    for (uint64_t i = 1; i <= ACTIONS && !net->violation; i++)
        act(net, i);
    heal(net);
    leader = net_leader(net);
    ck_assert_uint_ne(leader, 0);
    ck_assert_int_eq(net_propose(net, leader, 1000000), 0);
    net_run(net, 1000 * NET_MS);
    ck_assert_uint_eq(net->server[leader].last_context, 1000000);
    for (uint64_t id = 1; id <= VOTERS; id++) {
        ck_assert_uint_eq(net->server[id].applied, net->history_count);
        ck_assert_uint_ge(net->server[id].applied, net->acknowledged);
    }
    ck_assert_msg(!net->violation, "%s", net->violation);
    net_destroy(net);
}
END_TEST

Suite *
raft_chaos_suite(void)
{
    Suite *suite = suite_create("raft-chaos");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, random_faults, 0, SEEDS);
    suite_add_tcase(suite, tcase);
    return suite;
}
