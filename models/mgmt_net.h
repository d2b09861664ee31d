/* SPDX-License-Identifier: Apache-2.0
 *
 * The management network: two switches (planes A and B), one link from every
 * box to each, full duplex.
 *
 * Queues    every sending end, NIC or switch port, has one queue per lane,
 *           served in strict priority, store and forward; a frame under way
 *           is finished.  Each queue is bounded in bytes (tail drop).
 * Lanes     what a frame waits for frames of lower lanes is measured beside
 *           the queues (lane_meter.h).
 * Addresses are learned as a switch learns them: the box that used one last
 *           has it; broadcast goes to every other box.
 * Faults    per link: down, loss, added delay, mute (nothing from the box),
 *           deaf (nothing to the box); per plane: power; between sets of
 *           boxes: partitions, per direction.
 * Senders   that died before a frame's departure never sent it.
 * Frames    cost their payload and 86 bytes on the wire: UDP, IPv6 and
 *           Ethernet headers, FCS, preamble and gap.
 * Memory    create/destroy; frames are pooled.
 */
#ifndef MODELS_MGMT_NET_H
#define MODELS_MGMT_NET_H

#include "models/lane_meter.h"
#include "reference-nos/platform/plat.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/random.h"

struct mgmt_net; /* Opaque. */

struct mgmt_net_options {
    unsigned box_count;
    uint64_t link_bps;
    struct simtime link_delay;     /* propagation, one way */
    struct simtime switch_latency; /* lookup, per frame */
    uint32_t queue_bytes;          /* bound of each queue */
    uint64_t seed;
    /* A frame reached 'box'. */
    void (*deliver)(void *context, unsigned box, enum plane plane,
                    uint64_t from, enum lane lane, const void *bytes,
                    size_t size);
    /* A frame waited for lower lanes longer than any before it at this hop
     * of this box, or for more than one of their frames.  NULL: nobody asks.
     */
    void (*waited)(void *context, unsigned box, enum lane_hop hop,
                   const struct lane_wait *wait);
    void *context;
    bool one_queue; /* of all lanes, by arrival: a fault to test oracles on */
};

/* State of the link between one box and one plane; all zero: perfect. */
struct mgmt_link {
    bool down;
    bool mute;
    bool deaf;
    uint32_t loss_ppm;
    struct simtime added_delay;
};

struct mgmt_net_stats {
    uint64_t frames[LANE_COUNT];
    uint64_t dropped_full[LANE_COUNT];
    uint32_t queue_peak_bytes[LANE_COUNT];
};

struct mgmt_net *mgmt_net_create(struct kernel *kernel,
                                 const struct mgmt_net_options *options);
void mgmt_net_destroy(struct mgmt_net *net);

void mgmt_net_box_address(struct mgmt_net *net, unsigned box,
                          uint64_t address);
void mgmt_net_box_power(struct mgmt_net *net, unsigned box, bool on);
void mgmt_net_plane_power(struct mgmt_net *net, enum plane plane, bool on);
/* Borrowed; may be changed at any time. */
struct mgmt_link *mgmt_net_link(struct mgmt_net *net, unsigned box,
                                enum plane plane);
/* Nothing passes from 'from' to 'to' any more on 'planes' (a bit each). */
void mgmt_net_block(struct mgmt_net *net, unsigned from, unsigned to,
                    unsigned planes);
/* Undoes one such block; what is blocked twice stays blocked. */
void mgmt_net_unblock(struct mgmt_net *net, unsigned from, unsigned to,
                      unsigned planes);
void mgmt_net_unblock_all(struct mgmt_net *net);

/* 'departs' is not before now; frames of one box depart in order. */
void mgmt_net_send(struct mgmt_net *net, unsigned box, enum plane plane,
                   uint64_t to, enum lane lane, const void *bytes, size_t size,
                   struct simtime departs);

void mgmt_net_stats(const struct mgmt_net *net, struct mgmt_net_stats *stats);
/* Time on the wire of the longest frame. */
struct simtime mgmt_net_frame_longest(const struct mgmt_net *net);
/* Of the NIC of 'box', or of the switch ports that lead to it. */
const struct lane_account *mgmt_net_lanes(const struct mgmt_net *net,
                                          unsigned box, enum lane_hop hop);

#endif
