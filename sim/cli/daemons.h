/* SPDX-License-Identifier: Apache-2.0
 *
 * A cluster of real daemons (world netns) to be measured: booted, written to
 * and failed, in real time.
 */
#ifndef SIM_CLI_DAEMONS_H
#define SIM_CLI_DAEMONS_H

#include "models/cluster.h"
#include "sim/world/netns/netns.h"

#define DAEMONS_WRITES_MAX 16u /* under way at once */

/* Moments of one life of a box; {0}: not yet. */
struct daemons_box {
    struct simtime on, ready, joined, forwarding;
};

struct daemons {
    struct cluster_plan *plan;
    struct world *world;
    struct daemons_box boxes[WORLD_BOXES_MAX];
    unsigned ports_in_service, ports;
    unsigned box_ports[WORLD_BOXES_MAX];
    struct simtime in_service;      /* the first moment all ports were */
    unsigned active;                /* slot of the controller; or box_count */
    bool degraded[WORLD_BOXES_MAX]; /* less fabric capacity than nominal */
    unsigned degraded_count;
    struct simtime degraded_at; /* the first became so */
    /* Writes. */
    uint64_t sequence;
    uint64_t under_way[DAEMONS_WRITES_MAX]; /* tokens; 0: free */
    uint64_t acknowledged;
    struct simtime acknowledged_at;
};

struct daemons_options {
    const char *preset;
    const char *refnosd; /* NULL: beside this program */
    bool meter;
};

/* Nothing is powered yet.  ERR_PERMISSION and ERR_UNSUPPORTED: this machine
 * cannot; 'message' says why. */
MUST_USE int daemons_create(const struct daemons_options *options,
                            struct daemons **out, char *message,
                            size_t message_size);
void daemons_destroy(struct daemons *daemons);

void daemons_power(struct daemons *daemons, unsigned box, bool on);
/* Powers all on, and waits until every port is in service and a controller
 * acknowledges a write; false when it takes over a minute. */
bool daemons_boot(struct daemons *daemons);
void daemons_pass(struct daemons *daemons, uint64_t span_ms);
/* Keeps 'at_once' writes under way until 'count' more are acknowledged, or
 * for 'limit_ms'; false: the limit came first. */
bool daemons_write(struct daemons *daemons, unsigned at_once, uint64_t count,
                   uint64_t limit_ms);

#endif
