/* SPDX-License-Identifier: Apache-2.0
 *
 * A fabric of reachability machines in virtual time, for tests: cables that
 * lose and reorder, tables that outlast their service, boxes that come and
 * go.
 */
#ifndef NOS_FABRIC_TESTNET_H
#define NOS_FABRIC_TESTNET_H

#include "reference-nos/base/units.h"
#include "reference-nos/fabric/reach.h"

#define TEST_NODES_MAX 16u
#define TEST_FRONT_PORTS 40u
#define TEST_CLUSTER UINT64_C(77)

struct test_asic {
    bool forwards;
    uint16_t module;
    uint64_t reach[FWD_MODULES_MAX];
    bool front[REACH_FRONT_PORTS_MAX];
};

struct test_port {
    int far_node; /* -1: no cable */
    unsigned far_port;
    bool cut;
    bool light; /* as the ASIC told it last */
    uint64_t changed_ns;
};

struct test_node {
    enum role role;
    uint64_t key;
    uint64_t cluster;
    uint16_t module;
    unsigned ports;
    bool power;
    bool drained;
    bool member; /* it knows its number */
    uint64_t incarnation;
    uint32_t life;
    struct mem *mem;
    struct reach *reach; /* NULL: the service is down */
    uint64_t up_ns;      /* when the service came up */
    uint64_t restart_ns;
    uint64_t tell_ns; /* when the member service tells its number */
    struct test_asic asic;
    struct test_port port[FWD_FABRIC_PORTS_MAX];
    bool seen[FWD_FABRIC_PORTS_MAX];
    struct seen_row seen_row[FWD_FABRIC_PORTS_MAX];
    bool reach_row[FWD_MODULES_MAX];
    struct reach_row reach_rows[FWD_MODULES_MAX];
    bool alarm_degraded;
    uint64_t alarm_cabling;
    unsigned packets_sent;
    unsigned packets_refused;
    unsigned writes;
    unsigned traces[TRACE_KIND_COUNT];
};

struct test_event;

struct test_net {
    uint64_t now_ns;
    uint64_t random;
    unsigned ncps, ncfs, nodes;
    struct test_node node[TEST_NODES_MAX];
    struct test_event *events;
    size_t event_count, event_room;
    uint64_t event_order;
    unsigned loss_percent;
    uint64_t jitter_ns;
    unsigned kill_per_million; /* a service dies after an event */
    unsigned write_fail_percent;
    uint64_t handled;
    void (*check)(struct test_net *net); /* after every event */
};

/* 'links' of every NCP, dealt over the NCFs; all powered at time 0. */
void test_net_init(struct test_net *net, unsigned ncps, unsigned ncfs,
                   unsigned links, uint64_t seed);
void test_net_fini(struct test_net *net);
void test_net_run(struct test_net *net, uint64_t for_ns);
uint64_t test_net_random(struct test_net *net, uint64_t below);

/* NCPs come first: node 0 .. ncps - 1; then the NCFs. */
void test_net_cut(struct test_net *net, unsigned node, unsigned port,
                  bool cut);
void test_net_power(struct test_net *net, unsigned node, bool on);
void test_net_kill(struct test_net *net, unsigned node);
void test_net_drain(struct test_net *net, unsigned node, bool drained);
/* The member service tells what the node is, again. */
void test_net_tell(struct test_net *net, unsigned node);
void test_net_deliver(struct test_net *net, unsigned node, unsigned port,
                      const void *bytes, size_t size);

/* Ports of NCP 'from' by which a cell really gets to NCP 'to'. */
uint64_t test_net_working(const struct test_net *net, unsigned from,
                          unsigned to);
/* The same, from cables, power and service alone. */
uint64_t test_net_possible(const struct test_net *net, unsigned from,
                           unsigned to);

#endif
