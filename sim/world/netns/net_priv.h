/* SPDX-License-Identifier: Apache-2.0
 *
 * The cables of a run: a bridge per management plane, a leg of every box on
 * each, fabric links from box to box; and what is done to them.
 *
 * Names     in the rack: bridges "br0" and "br1", legs "l0-N" and "l1-N" of
 *           box N.  In a box: "mgmt0", "mgmt1", "fab0" ...
 * Carrier   of a box's legs and links is there while its daemon runs.
 * Rules     loss, one-way faults and partitions are one nftables table of the
 *           bridges, made anew at each change.
 * Measured  an impairment counts as done once frames of our own, sent through
 *           it, were treated as asked.
 * Errors    ERR_UNSUPPORTED: 'why' of the net says what did not work.
 */
#ifndef SIM_WORLD_NETNS_NET_PRIV_H
#define SIM_WORLD_NETNS_NET_PRIV_H

#include "sim/world/netns/rack_priv.h"
#include "sim/world/world.h"

struct net_leg {
    bool cabled; /* the box runs */
    bool down, mute, deaf;
    uint32_t loss_ppm;
    uint64_t delay_ns;
    pid_t relay; /* delays frames; 0: none */
    bool shaped; /* netem delays frames */
    int probe;   /* a socket for frames of our own */
};

struct net_box {
    int ns;
    int control; /* a socket in there, for requests to its interfaces */
    struct net_leg legs[PLANE_COUNT];
    bool cabled;
    bool *fabric_down;     /* by fault, a port each */
    uint32_t *fabric_loss; /* ppm of what arrives here */
};

struct net {
    const struct rack *rack;
    const struct cluster_plan *plan;
    int control;
    unsigned count;
    struct net_box *boxes;
    uint16_t *blocks[PLANE_COUNT]; /* [from * count + to]: how many forbid */
    bool powered[PLANE_COUNT];
    char why[160];
};

/* Everything is there, no carrier yet. */
MUST_USE int net_open(const struct rack *rack, const struct cluster_plan *plan,
                      struct net **out, char *message, size_t message_size);
void net_close(struct net *net);

/* The box's daemon starts or is gone. */
void net_box_cable(struct net *net, unsigned box, bool on);
/* Makes a leg what its members say. */
MUST_USE int net_leg_apply(struct net *net, unsigned box, enum plane plane);
MUST_USE int net_leg_delay(struct net *net, unsigned box, enum plane plane,
                           uint64_t delay_ns);
void net_plane_power(struct net *net, enum plane plane, bool on);
/* Changes the count of what forbids the way; net_rules_apply() does it. */
void net_block(struct net *net, enum plane plane, unsigned from, unsigned to,
               bool on);
void net_unblock_all(struct net *net);
MUST_USE int net_rules_apply(struct net *net);
/* Both ends of the cable. */
void net_fabric_link(struct net *net, const struct plan_cable *cable, bool up);
MUST_USE int net_fabric_loss(struct net *net, unsigned box, unsigned port,
                             uint32_t loss_ppm);

/* relay.c: copies frames between two interfaces of its namespace, later. */
NO_RETURN void relay_main(const char *first, const char *second,
                          uint64_t delay_ns);

/* measure.c */

struct net_measure {
    unsigned sent, received;
    uint64_t delay_min_ns, delay_max_ns;
};
void net_measure(struct net *net, enum plane plane, unsigned from, unsigned to,
                 unsigned count, uint64_t wait_ns, struct net_measure *out);
/* Does a frame arrive, if need be after a while?  A bridge sees a carrier a
 * little late. */
bool net_reaches(struct net *net, enum plane plane, unsigned from,
                 unsigned to);
/* Can frames be sent between them at all, but for loss and partitions? */
bool net_measurable(const struct net *net, enum plane plane, unsigned from,
                    unsigned to);
/* Does the net treat frames to and from the box as asked? */
MUST_USE int net_leg_verify(struct net *net, unsigned box, enum plane plane);
MUST_USE int net_plane_verify(struct net *net, enum plane plane);
MUST_USE int net_fabric_verify(struct net *net, unsigned from,
                               unsigned from_port, unsigned to,
                               unsigned to_port);
MUST_USE int net_blocks_verify(struct net *net, const struct box_set *from,
                               const struct box_set *to, enum plane plane);

/* ifc.c: one interface at a time, through a socket of its namespace */

void interface_set(int control, const char *name, bool up);
bool interface_running(int control, const char *name);
/* In or out of a bridge. */
MUST_USE int interface_enslave(int control, const char *bridge,
                               const char *name, bool in);
/* Frames leave with their checksums computed. */
void interface_checksums(int control, const char *name);
unsigned interface_index(int control, const char *name);
void interface_mac(int control, const char *name, uint8_t mac[6]);

#endif
