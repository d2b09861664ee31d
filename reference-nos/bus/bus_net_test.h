/* SPDX-License-Identifier: Apache-2.0
 *
 * A small network for tests of the bus: virtual time, two planes, loss,
 * doubles, jitter, dead directions, links with a rate and a queue per lane.
 *
 * Every body starts with (sender, lane, serial) and goes on with a pattern;
 * a receiver checks that serials of one sender and lane grow by one, or, when
 * a session began anew, at least grow.
 */
#ifndef NOS_BUS_NET_TEST_H
#define NOS_BUS_NET_TEST_H

#include <check.h>

#include "reference-nos/bus/bus.h"

#define NET_NODES_MAX 24
#define NET_FLIGHT_MAX 20000
#define NET_BODY_MIN 16
#define NET_LOG_MAX 1000

struct net_packet {
    uint64_t at_ns;
    uint64_t order;
    unsigned from;
    unsigned to;
    enum plane plane;
    uint16_t size;
    uint8_t *bytes;
};

struct net_frame {
    struct net_frame *next;
    uint64_t to;
    uint16_t size;
    uint8_t bytes[];
};

/* The sending side of one node on one plane. */
struct net_port {
    uint64_t busy_until_ns;
    struct net_frame *head[LANE_COUNT];
    struct net_frame **tail[LANE_COUNT];
};

struct net;

struct net_node {
    struct net *net;
    unsigned index;
    uint64_t incarnation;
    struct mem *mem;
    struct bus *bus;
    struct net_port port[PLANE_COUNT];

    uint32_t sent[NET_NODES_MAX][LANE_COUNT];  /* last serial sent to */
    uint32_t heard[NET_NODES_MAX][LANE_COUNT]; /* last serial had from */
    bool gap_allowed[NET_NODES_MAX][LANE_COUNT];
    uint64_t received[NET_NODES_MAX][LANE_COUNT];
    unsigned ups[NET_NODES_MAX];
    unsigned downs[NET_NODES_MAX];
    bool up[NET_NODES_MAX];
    bool refuse; /* deliver() says ERR_FULL */
    uint64_t last_hlc;
    uint64_t last_delivery_ns;
    uint64_t worst_control_ns; /* longest way of a control message */
};

struct net {
    struct net_node node[NET_NODES_MAX];
    unsigned node_count;
    uint64_t now_ns;
    uint64_t order;
    uint64_t random;
    struct net_packet *flight[NET_FLIGHT_MAX]; /* a heap by (at, order) */
    unsigned flight_count;

    uint64_t delay_ns;
    uint64_t jitter_ns;
    unsigned loss_percent;
    unsigned double_percent;
    uint64_t ns_per_byte; /* 0: links of endless speed */
    bool dead[NET_NODES_MAX][NET_NODES_MAX][PLANE_COUNT]; /* from, to */
    uint64_t transmitted[LANE_COUNT];
    uint64_t drop_at[LANE_COUNT];  /* loses the n-th one transmitted; 0: off */
    uint8_t lane_log[NET_LOG_MAX]; /* lanes in the order of transmission */
    unsigned log_count;
};

/* Nodes have the addresses 1000, 1001, ... */
uint64_t net_address(unsigned index);
void net_open(struct net *net, unsigned node_count, uint64_t seed);
void net_close(struct net *net);
uint64_t net_draw(struct net *net);
/* Ends the bus of a node and starts it in its next life. */
void net_restart(struct net *net, unsigned index);
/* Kills one plane, or all of a node's traffic on it. */
void net_kill_plane(struct net *net, enum plane plane, bool dead);
/* Sends the next serial; counts it only when the bus took it. */
int net_send(struct net *net, unsigned from, unsigned to, enum lane lane,
             size_t size);
/* Runs until 'until_ns', or for ever until nothing is left to do. */
void net_run(struct net *net, uint64_t until_ns);
/* Random sizes both ways on all reliable lanes. */
void net_chatter(struct net *net, unsigned a, unsigned b, int messages);
/* All reliable messages of 'from' have come to 'to'. */
bool net_complete(const struct net *net, unsigned from, unsigned to);

Suite *bus_trust_suite(void);
Suite *bus_service_suite(void);
Suite *planes_suite(void);

#endif
