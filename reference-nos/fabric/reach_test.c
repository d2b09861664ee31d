/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/fabric/service_test.h"
#include "reference-nos/fabric/testnet.h"

/* Every table says exactly what cables, power and drains allow. */
static void
assert_exact(const struct test_net *net)
{
    unsigned from, to, port;

    for (from = 0; from < net->ncps; from++) {
        const struct test_node *node = &net->node[from];

        ck_assert_int_eq(node->asic.forwards, node->power && !node->drained);
        for (to = 0; to < net->ncps; to++) {
            if (from == to || !node->power)
                continue;
            ck_assert_uint_eq(node->asic.reach[net->node[to].module],
                              test_net_possible(net, from, to));
            ck_assert_uint_eq(test_net_working(net, from, to),
                              test_net_possible(net, from, to));
        }
        for (port = 0; port < TEST_FRONT_PORTS; port++)
            ck_assert_int_eq(node->asic.front[port],
                             node->power && !node->drained);
    }
}

static void
assert_seen(const struct test_net *net)
{
    unsigned i, port;

    for (i = 0; i < net->nodes; i++)
        for (port = 0; port < net->node[i].ports; port++) {
            const struct test_node *node = &net->node[i];
            const struct test_port *end = &node->port[port];

            if (!node->power)
                continue;
            ck_assert_int_eq(node->seen[port], end->light);
            if (!end->light)
                continue;
            ck_assert_uint_eq(node->seen_row[port].peer_key,
                              net->node[end->far_node].key);
            ck_assert_uint_eq(node->seen_row[port].peer_port, end->far_port);
        }
}

START_TEST(boots_to_exact_tables)
{
    static struct test_net net;
    unsigned i, nominal;

    test_net_init(&net, 4, 2, 13, 1);
    test_net_run(&net, 3 * NS_PER_S);
    assert_exact(&net);
    assert_seen(&net);
    for (i = 1; i < 4; i++) {
        ck_assert_uint_eq(
            reach_links_to(net.node[0].reach, net.node[i].module, &nominal),
            13);
        ck_assert_uint_eq(nominal, 13);
    }
    test_net_fini(&net);
}
END_TEST

START_TEST(links_identify_before_membership)
{
    static struct test_net net;
    unsigned i;

    test_net_init(&net, 2, 2, 4, 1);
    for (i = 0; i < net.nodes; i++)
        net.node[i].member = false;
    test_net_run(&net, 10 * NS_PER_S);
    assert_seen(&net);
    for (i = 0; i < net.nodes; i++)
        ck_assert(!net.node[i].asic.forwards);
    for (i = 0; i < net.nodes; i++) {
        net.node[i].member = true;
        test_net_tell(&net, i);
    }
    test_net_run(&net, NS_PER_S);
    assert_exact(&net);
    test_net_fini(&net);
}
END_TEST

START_TEST(idle_costs_only_the_refresh)
{
    static struct test_net net;
    unsigned before;

    test_net_init(&net, 4, 2, 13, 1);
    test_net_run(&net, 61 * NS_PER_S);
    before = net.node[0].packets_sent;
    test_net_run(&net, 300 * NS_PER_S);
    /* One announcement and one acknowledgement per link and 30 s. */
    ck_assert_uint_le(net.node[0].packets_sent - before, 11 * 13 * 2);
    test_net_fini(&net);
}
END_TEST

START_TEST(dead_link_leaves_at_once)
{
    static struct test_net net;
    uint16_t module;

    test_net_init(&net, 4, 2, 13, 1);
    test_net_run(&net, 3 * NS_PER_S);
    module = net.node[1].module;
    test_net_cut(&net, 0, 3, true);
    test_net_run(&net, 30 * NS_PER_US);
    ck_assert_uint_eq(net.node[0].asic.reach[module] & 8, 0);
    ck_assert_uint_ne(net.node[0].asic.reach[module], 0);
    test_net_run(&net, 3 * NS_PER_S);
    assert_exact(&net);
    ck_assert(net.node[0].reach_row[module]);
    ck_assert_uint_eq(net.node[0].reach_rows[module].links, 12);
    ck_assert_uint_eq(net.node[0].reach_rows[module].nominal, 13);
    ck_assert(net.node[0].alarm_degraded);
    test_net_cut(&net, 0, 3, false);
    test_net_run(&net, 20 * NS_PER_S);
    assert_exact(&net);
    ck_assert(!net.node[0].reach_row[module]);
    ck_assert(!net.node[0].alarm_degraded);
    test_net_fini(&net);
}
END_TEST

START_TEST(last_link_behind_fabric_box_is_withdrawn)
{
    static struct test_net net;

    test_net_init(&net, 4, 2, 2, 1);
    test_net_run(&net, 3 * NS_PER_S);
    /* NCP 1 loses NCF 0: the others must leave port 0 to it. */
    test_net_cut(&net, 1, 0, true);
    test_net_run(&net, 100 * NS_PER_US);
    ck_assert_uint_eq(net.node[0].asic.reach[net.node[1].module], 2);
    assert_exact(&net);
    test_net_fini(&net);
}
END_TEST

START_TEST(fabric_box_lost_and_back)
{
    static struct test_net net;

    test_net_init(&net, 4, 2, 13, 1);
    test_net_run(&net, 3 * NS_PER_S);
    test_net_power(&net, 4, false);
    test_net_run(&net, 100 * NS_PER_US);
    assert_exact(&net);
    test_net_power(&net, 4, true);
    test_net_run(&net, 3 * NS_PER_S);
    assert_exact(&net);
    assert_seen(&net);
    test_net_fini(&net);
}
END_TEST

START_TEST(forwarder_lost_and_back)
{
    static struct test_net net;

    test_net_init(&net, 4, 2, 13, 1);
    test_net_run(&net, 3 * NS_PER_S);
    test_net_power(&net, 2, false);
    test_net_run(&net, 200 * NS_PER_US);
    assert_exact(&net);
    test_net_power(&net, 2, true);
    test_net_run(&net, 3 * NS_PER_S);
    assert_exact(&net);
    test_net_fini(&net);
}
END_TEST

/* From the moment a box forwards, everyone reaches it; until it no longer
 * does, everyone did. */
static void
check_everyone_reaches_who_forwards(struct test_net *net)
{
    unsigned from, to;

    for (from = 0; from < net->ncps; from++)
        for (to = 0; to < net->ncps; to++)
            if (from != to && net->node[from].asic.forwards &&
                net->node[to].asic.forwards)
                ck_assert_uint_ne(test_net_working(net, from, to), 0);
}

START_TEST(joining_and_draining_leave_no_gap)
{
    static struct test_net net;
    unsigned i;

    test_net_init(&net, 6, 3, 6, 1);
    net.check = check_everyone_reaches_who_forwards;
    test_net_run(&net, 3 * NS_PER_S);
    for (i = 0; i < 6; i++) {
        test_net_drain(&net, i, true);
        test_net_run(&net, NS_PER_S);
        assert_exact(&net);
        test_net_drain(&net, i, false);
        test_net_run(&net, NS_PER_S);
        assert_exact(&net);
    }
    test_net_fini(&net);
}
END_TEST

START_TEST(fabric_box_drains_without_loss)
{
    static struct test_net net;
    uint64_t until;
    unsigned from, to;

    test_net_init(&net, 4, 2, 4, 1);
    test_net_run(&net, 3 * NS_PER_S);
    test_net_drain(&net, 4, true);
    /* While it still forwards, nobody may be sent into it in vain; when it
     * stops, nobody uses it any more. */
    until = net.now_ns + NS_PER_S;
    while (net.node[4].asic.forwards && net.now_ns < until)
        test_net_run(&net, 100 * NS_PER_US);
    ck_assert(!net.node[4].asic.forwards);
    for (from = 0; from < 4; from++)
        for (to = 0; to < 4; to++)
            if (from != to)
                ck_assert_uint_eq(
                    net.node[from].asic.reach[net.node[to].module],
                    test_net_possible(&net, from, to));
    test_net_drain(&net, 4, false);
    test_net_run(&net, NS_PER_S);
    assert_exact(&net);
    test_net_fini(&net);
}
END_TEST

START_TEST(member_restart_changes_nothing)
{
    static struct test_net net;

    test_net_init(&net, 3, 2, 4, 1);
    net.check = check_everyone_reaches_who_forwards;
    test_net_run(&net, 3 * NS_PER_S);
    net.node[0].member = false;
    test_net_tell(&net, 0);
    test_net_run(&net, REACH_GRACE_NS / 2);
    ck_assert(net.node[0].asic.forwards);
    net.node[0].member = true;
    test_net_tell(&net, 0);
    test_net_run(&net, 2 * REACH_GRACE_NS);
    assert_exact(&net);
    /* Really removed: it leaves. */
    net.node[0].member = false;
    test_net_tell(&net, 0);
    test_net_run(&net, 2 * REACH_GRACE_NS);
    ck_assert(!net.node[0].asic.forwards);
    ck_assert_uint_eq(net.node[1].asic.reach[net.node[0].module], 0);
    test_net_fini(&net);
}
END_TEST

START_TEST(service_restart_leaves_no_hole)
{
    static struct test_net net;
    unsigned i, round;

    test_net_init(&net, 4, 2, 6, (uint64_t)_i + 1);
    test_net_run(&net, 5 * NS_PER_S);
    net.check = check_everyone_reaches_who_forwards;
    for (round = 0; round < 3; round++)
        for (i = 0; i < net.nodes; i++) {
            test_net_kill(&net, i);
            if (test_net_random(&net, 2) != 0)
                test_net_kill(&net,
                              (unsigned)test_net_random(&net, net.nodes));
            test_net_run(&net, test_net_random(&net, 400 * NS_PER_MS));
        }
    test_net_run(&net, 12 * NS_PER_S);
    assert_exact(&net);
    assert_seen(&net);
    test_net_fini(&net);
}
END_TEST

/* A link that died while its service was down does not survive it. */
START_TEST(link_lost_during_restart)
{
    static struct test_net net;

    test_net_init(&net, 4, 2, 6, 1);
    test_net_run(&net, 5 * NS_PER_S);
    test_net_kill(&net, 0);
    test_net_cut(&net, 0, 2, true);
    test_net_run(&net, 101 * NS_PER_MS);
    ck_assert_uint_eq(net.node[0].asic.reach[net.node[1].module], 0x3b);
    test_net_run(&net, 12 * NS_PER_S);
    assert_exact(&net);
    assert_seen(&net);
    /* What is known to be degraded stays so over a restart. */
    test_net_cut(&net, 0, 4, true);
    test_net_run(&net, 2 * NS_PER_S);
    test_net_kill(&net, 0);
    test_net_run(&net, 12 * NS_PER_S);
    ck_assert(net.node[0].reach_row[net.node[1].module]);
    ck_assert_uint_eq(net.node[0].reach_rows[net.node[1].module].nominal, 5);
    ck_assert_uint_eq(net.node[0].reach_rows[net.node[1].module].links, 4);
    ck_assert(net.node[0].alarm_degraded);
    test_net_fini(&net);
}
END_TEST

START_TEST(silent_link_is_found_and_heals)
{
    static struct test_net net;
    unsigned port;

    test_net_init(&net, 2, 2, 2, 1);
    test_net_run(&net, 5 * NS_PER_S);
    net.loss_percent = 100;
    test_net_run(&net, REACH_REFRESH_NS * 2 + 8 * NS_PER_S);
    for (port = 0; port < 2; port++)
        ck_assert(!reach_link_works(net.node[0].reach, port));
    ck_assert_uint_eq(net.node[0].asic.reach[net.node[1].module], 0);
    ck_assert(!net.node[0].seen[0]);
    net.loss_percent = 0;
    test_net_run(&net, 2 * REACH_IDENT_SLOW_NS);
    assert_exact(&net);
    assert_seen(&net);
    test_net_fini(&net);
}
END_TEST

START_TEST(foreign_cluster_is_an_alarm)
{
    static struct test_net net;

    test_net_init(&net, 3, 1, 2, 1);
    net.node[2].cluster = TEST_CLUSTER + 1;
    test_net_power(&net, 2, false);
    test_net_power(&net, 2, true);
    test_net_run(&net, 5 * NS_PER_S);
    ck_assert_uint_eq(net.node[3].alarm_cabling, 0x30);
    ck_assert_uint_eq(net.node[2].alarm_cabling, 0x3);
    ck_assert(!net.node[3].seen[4]);
    ck_assert_uint_eq(net.node[0].asic.reach[net.node[2].module], 0);
    ck_assert_uint_ne(net.node[0].asic.reach[net.node[1].module], 0);
    test_net_power(&net, 2, false);
    test_net_run(&net, NS_PER_S);
    ck_assert_uint_eq(net.node[3].alarm_cabling, 0);
    test_net_fini(&net);
}
END_TEST

START_TEST(replaced_box_wins_its_number)
{
    static struct test_net net;

    /* NCPs 1 and 2 both claim the number of NCP 1. */
    test_net_init(&net, 3, 2, 4, 1);
    net.node[2].member = false;
    test_net_run(&net, 3 * NS_PER_S);
    net.node[2].member = true;
    net.node[2].module = net.node[1].module;
    test_net_tell(&net, 2);
    test_net_run(&net, 3 * NS_PER_S);
    /* All ports of the fabric box lead to the later claimant. */
    ck_assert_uint_eq(net.node[3].asic.reach[net.node[1].module], 0x30);
    test_net_fini(&net);
}
END_TEST

START_TEST(failing_writes_are_repeated)
{
    static struct test_net net;

    test_net_init(&net, 4, 2, 6, (uint64_t)_i + 1);
    net.write_fail_percent = 30;
    test_net_run(&net, 10 * NS_PER_S);
    test_net_power(&net, 1, false);
    test_net_run(&net, 3 * NS_PER_S);
    test_net_power(&net, 1, true);
    test_net_run(&net, 10 * NS_PER_S);
    assert_exact(&net);
    test_net_fini(&net);
}
END_TEST

START_TEST(garbage_is_refused)
{
    static struct test_net net;
    uint8_t bytes[PLAT_PACKET_MAX];
    unsigned i, at;

    test_net_init(&net, 2, 1, 2, 1);
    test_net_run(&net, 3 * NS_PER_S);
    for (i = 0; i < 500; i++) {
        for (at = 0; at < sizeof(bytes); at++)
            bytes[at] = (uint8_t)test_net_random(&net, 256);
        test_net_deliver(&net, i % 3, 0, bytes,
                         test_net_random(&net, sizeof(bytes)));
    }
    test_net_run(&net, 3 * NS_PER_S);
    ck_assert_uint_ge(net.node[0].packets_refused, 166);
    assert_exact(&net);
    test_net_fini(&net);
}
END_TEST

/* NCPs 0 and 1 and NCF 0 keep power and cables; their services may die.
 * Between these two there must be a way at every moment. */
static void
check_protected(struct test_net *net)
{
    unsigned from, port, to;

    ck_assert_uint_ne(test_net_working(net, 0, 1), 0);
    ck_assert_uint_ne(test_net_working(net, 1, 0), 0);
    /* No port without light stays in a table of a service that is up. */
    for (from = 0; from < net->nodes; from++) {
        const struct test_node *node = &net->node[from];

        for (port = 0; port < node->ports; port++) {
            if (node->reach == NULL || node->port[port].light ||
                net->now_ns - node->port[port].changed_ns < NS_PER_MS ||
                net->now_ns - node->up_ns < NS_PER_MS)
                continue;
            for (to = 0; to < net->ncps; to++)
                ck_assert_uint_eq(
                    node->asic.reach[net->node[to].module] >> port & 1, 0);
        }
    }
}

static void
chaos_act(struct test_net *net)
{
    unsigned node = (unsigned)test_net_random(net, net->nodes);
    bool protected = node < 2 || node == net->ncps;
    unsigned port = (unsigned)test_net_random(net, net->node[node].ports);
    int far = net->node[node].port[port].far_node;

    switch (test_net_random(net, 6)) {
    case 0:
    case 1:
        if (!protected && far >= 2 && far != (int)net->ncps)
            test_net_cut(net, node, port, !net->node[node].port[port].cut);
        break;
    case 2:
        if (!protected)
            test_net_power(net, node, !net->node[node].power);
        break;
    case 3: test_net_kill(net, node); break;
    case 4:
        if (!protected)
            test_net_drain(net, node, !net->node[node].drained);
        break;
    case 5: test_net_tell(net, node); break;
    }
}

static void
heal(struct test_net *net)
{
    unsigned i, port;

    net->loss_percent = 0;
    net->kill_per_million = 0;
    for (i = 0; i < net->nodes; i++) {
        for (port = 0; port < net->node[i].ports; port++)
            test_net_cut(net, i, port, false);
        test_net_power(net, i, true);
        test_net_drain(net, i, false);
    }
}

START_TEST(chaos_keeps_a_way_and_ends_exact)
{
    static struct test_net net;
    unsigned step;

    test_net_init(&net, 5, 3, 6, (uint64_t)_i + 1);
    test_net_run(&net, 5 * NS_PER_S);
    net.loss_percent = (unsigned)test_net_random(&net, 11);
    net.jitter_ns = test_net_random(&net, 2) * NS_PER_MS;
    net.kill_per_million = 500;
    net.check = check_protected;
    for (step = 0; step < 150; step++) {
        chaos_act(&net);
        test_net_run(&net, test_net_random(&net, 300 * NS_PER_MS));
    }
    heal(&net);
    test_net_run(&net, 20 * NS_PER_S);
    assert_exact(&net);
    assert_seen(&net);
    test_net_fini(&net);
}
END_TEST

static void *
test_take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
test_give(void *arg, void *chunk, size_t size)
{
    (void)arg;
    (void)size;
    free(chunk);
}

START_TEST(no_memory_is_an_error)
{
    struct mem_source source = {test_take, test_give, NULL};
    struct mem *mem = mem_create(&source, 1024);
    struct reach_config config = {.role = ROLE_NCP, .fabric_ports = 13};
    struct reach *reach = NULL;

    ck_assert_int_eq(reach_create(mem, &config, 0, &reach), ERR_NOMEM);
    ck_assert_ptr_null(reach);
    mem_destroy(mem);
}
END_TEST

static bool
writes(const struct reach_effect *effect, enum fwd_object object,
       uint64_t value)
{
    const struct fwd_entry *entry = &effect->u.write.entries[0];

    return effect->kind == REACH_WRITE && entry->object == object &&
           entry->value == value;
}

/* Lets things be done as an ASIC would, without a fabric. */
static void
alone_run(struct reach *reach, bool *forwards, bool *fronts)
{
    struct reach_effect effect;

    while (reach_next(reach, NS_PER_S, &effect)) {
        ck_assert_int_ne(effect.kind, REACH_SEND);
        if (writes(&effect, FWD_BOX, 1))
            *forwards = true;
        if (writes(&effect, FWD_BOX, 0))
            *forwards = false;
        if (writes(&effect, FWD_FRONT, 1))
            *fronts = true;
        if (effect.kind == REACH_WRITE)
            reach_written(reach, effect.u.write.token, 0, NS_PER_S);
    }
}

START_TEST(without_a_fabric_a_box_serves_at_once)
{
    struct mem_source source = {test_take, test_give, NULL};
    struct mem *mem = mem_create(&source, 1024 * 1024);
    struct reach_config config = {.role = ROLE_NCP, .front_ports = 10};
    struct reach *reach = NULL;
    bool forwards = false, fronts = false;

    ck_assert_int_eq(reach_create(mem, &config, NS_PER_S, &reach), 0);
    alone_run(reach, &forwards, &fronts);
    ck_assert(!forwards && !fronts);
    reach_member(reach, module_id(ROLE_NCC, 0), false, 1, NS_PER_S);
    alone_run(reach, &forwards, &fronts);
    ck_assert(forwards && fronts);
    mem_destroy(mem);
}
END_TEST

static void
packet_fill(struct fabric_packet *packet, enum fabric_packet_type type)
{
    unsigned i;

    memset(packet, 0, sizeof(*packet));
    packet->type = type;
    packet->cluster_id = 5;
    packet->key = 6;
    packet->from = (struct fabric_life){7, 8};
    packet->to_key = 9;
    packet->to = (struct fabric_life){10, 11};
    if (type == FABRIC_IDENT) {
        packet->u.ident =
            (struct fabric_ident){12, ROLE_NCF, 13, MODULE_NONE, true};
    } else if (type == FABRIC_ACK) {
        packet->u.acknowledged = 14;
    } else {
        packet->u.announce.sequence = 15;
        packet->u.announce.term = 16;
        packet->u.announce.module = 17;
        packet->u.announce.forwarding = true;
        for (i = 0; i < FWD_MODULES_MAX; i++)
            packet->u.announce.links[i] = (uint8_t)(i % 5);
    }
}

/* Member by member: what lies between members is anybody's. */
static void
bodies_same(const struct fabric_packet *a, const struct fabric_packet *b)
{
    const struct fabric_ident *x = &a->u.ident, *y = &b->u.ident;
    const struct fabric_announce *m = &a->u.announce, *n = &b->u.announce;

    if (a->type == FABRIC_IDENT) {
        ck_assert_uint_eq(x->sequence, y->sequence);
        ck_assert_int_eq(x->role, y->role);
        ck_assert_uint_eq(x->port, y->port);
        ck_assert_uint_eq(x->module, y->module);
        ck_assert_int_eq(x->confirmed, y->confirmed);
    } else if (a->type == FABRIC_ACK) {
        ck_assert_uint_eq(a->u.acknowledged, b->u.acknowledged);
    } else {
        ck_assert_uint_eq(m->sequence, n->sequence);
        ck_assert_uint_eq(m->term, n->term);
        ck_assert_uint_eq(m->module, n->module);
        ck_assert_int_eq(m->forwarding, n->forwarding);
        ck_assert_mem_eq(m->links, n->links, sizeof(m->links));
    }
}

START_TEST(packets_round_trip_and_refuse_cuts)
{
    struct fabric_packet in, out, untouched;
    uint8_t bytes[PLAT_PACKET_MAX];
    size_t size, cut, bit;

    packet_fill(&in, (enum fabric_packet_type)_i);
    size = fabric_packet_encode(&in, bytes);
    memset(&out, 0, sizeof(out));
    ck_assert_int_eq(fabric_packet_decode(bytes, size, &out), 0);
    ck_assert_int_eq(out.type, in.type);
    ck_assert_uint_eq(out.from.life, 8);
    ck_assert_uint_eq(out.to.incarnation, 10);
    bodies_same(&in, &out);
    memset(&untouched, 0x55, sizeof(untouched));
    memcpy(&out, &untouched, sizeof(out));
    for (cut = 0; cut < size; cut++)
        ck_assert_int_ne(fabric_packet_decode(bytes, cut, &out), 0);
    for (bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        ck_assert_int_ne(fabric_packet_decode(bytes, size, &out), 0);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    ck_assert_int_eq(memcmp(&out, &untouched, sizeof(out)), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fabric");
    TCase *links = tcase_create("reach");
    TCase *chaos = tcase_create("chaos");
    SRunner *runner;
    int failed;

    tcase_set_timeout(links, 300);
    tcase_set_timeout(chaos, 300);
    tcase_add_test(links, boots_to_exact_tables);
    tcase_add_test(links, links_identify_before_membership);
    tcase_add_test(links, idle_costs_only_the_refresh);
    tcase_add_test(links, dead_link_leaves_at_once);
    tcase_add_test(links, last_link_behind_fabric_box_is_withdrawn);
    tcase_add_test(links, fabric_box_lost_and_back);
    tcase_add_test(links, forwarder_lost_and_back);
    tcase_add_test(links, joining_and_draining_leave_no_gap);
    tcase_add_test(links, fabric_box_drains_without_loss);
    tcase_add_test(links, member_restart_changes_nothing);
    tcase_add_loop_test(links, service_restart_leaves_no_hole, 0, 10);
    tcase_add_test(links, link_lost_during_restart);
    tcase_add_test(links, silent_link_is_found_and_heals);
    tcase_add_test(links, foreign_cluster_is_an_alarm);
    tcase_add_test(links, replaced_box_wins_its_number);
    tcase_add_loop_test(links, failing_writes_are_repeated, 0, 5);
    tcase_add_test(links, garbage_is_refused);
    tcase_add_test(links, no_memory_is_an_error);
    tcase_add_test(links, without_a_fabric_a_box_serves_at_once);
    tcase_add_loop_test(links, packets_round_trip_and_refuse_cuts,
                        FABRIC_IDENT, FABRIC_ACK + 1);
    tcase_add_loop_test(chaos, chaos_keeps_a_way_and_ends_exact, 0, 60);
    suite_add_tcase(suite, links);
    suite_add_tcase(suite, chaos);
    suite_add_tcase(suite, service_tests());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
