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
 *
 * This is the native model; another one may stand in its place behind the
 * same calls (struct mgmt_net_ops), as sim/world/ns3 does.
 */
#ifndef MODELS_MGMT_NET_H
#define MODELS_MGMT_NET_H

#include "models/lane_meter.h"
#include "reference-nos/platform/plat.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/random.h"

struct mgmt_net;

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
    /* The network works no more (mgmt_net_ops.broken); NULL: nobody asks. */
    void (*failed)(void *context);
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

/* What a model of the network does; each is the call of that name below. */
struct mgmt_net_ops {
    void (*destroy)(struct mgmt_net *net);
    void (*box_address)(struct mgmt_net *net, unsigned box, uint64_t address);
    void (*box_power)(struct mgmt_net *net, unsigned box, bool on);
    void (*plane_power)(struct mgmt_net *net, enum plane plane, bool on);
    struct mgmt_link (*link)(struct mgmt_net *net, unsigned box,
                             enum plane plane);
    void (*link_set)(struct mgmt_net *net, unsigned box, enum plane plane,
                     const struct mgmt_link *link);
    void (*block)(struct mgmt_net *net, unsigned from, unsigned to,
                  unsigned planes);
    void (*unblock)(struct mgmt_net *net, unsigned from, unsigned to,
                    unsigned planes);
    void (*unblock_all)(struct mgmt_net *net);
    void (*send)(struct mgmt_net *net, unsigned box, enum plane plane,
                 uint64_t to, enum lane lane, const void *bytes, size_t size,
                 struct simtime departs);
    void (*stats)(struct mgmt_net *net, struct mgmt_net_stats *stats);
    struct simtime (*frame_longest)(struct mgmt_net *net);
    const struct lane_account *(*lanes)(struct mgmt_net *net, unsigned box,
                                        enum lane_hop hop);
    /* Why the model works no more, or NULL; borrowed.  NULL: it always
     * works. */
    const char *(*broken)(struct mgmt_net *net);
};

/* First member of every model. */
struct mgmt_net {
    const struct mgmt_net_ops *ops;
};

/* Of a frame of 'size' bytes of payload. */
static inline uint64_t
mgmt_net_wire_bytes(size_t size)
{
    return size + 86;
}

/* The native model. */
struct mgmt_net *mgmt_net_create(struct kernel *kernel,
                                 const struct mgmt_net_options *options);

/* Accepts NULL. */
static inline void
mgmt_net_destroy(struct mgmt_net *net)
{
    if (net != NULL)
        net->ops->destroy(net);
}

static inline void
mgmt_net_box_address(struct mgmt_net *net, unsigned box, uint64_t address)
{
    net->ops->box_address(net, box, address);
}

static inline void
mgmt_net_box_power(struct mgmt_net *net, unsigned box, bool on)
{
    net->ops->box_power(net, box, on);
}

static inline void
mgmt_net_plane_power(struct mgmt_net *net, enum plane plane, bool on)
{
    net->ops->plane_power(net, plane, on);
}

static inline struct mgmt_link
mgmt_net_link(struct mgmt_net *net, unsigned box, enum plane plane)
{
    return net->ops->link(net, box, plane);
}

static inline void
mgmt_net_link_set(struct mgmt_net *net, unsigned box, enum plane plane,
                  const struct mgmt_link *link)
{
    net->ops->link_set(net, box, plane, link);
}

/* Nothing passes from 'from' to 'to' any more on 'planes' (a bit each). */
static inline void
mgmt_net_block(struct mgmt_net *net, unsigned from, unsigned to,
               unsigned planes)
{
    net->ops->block(net, from, to, planes);
}

/* Undoes one such block; what is blocked twice stays blocked. */
static inline void
mgmt_net_unblock(struct mgmt_net *net, unsigned from, unsigned to,
                 unsigned planes)
{
    net->ops->unblock(net, from, to, planes);
}

static inline void
mgmt_net_unblock_all(struct mgmt_net *net)
{
    net->ops->unblock_all(net);
}

/* 'departs' is not before now; frames of one box depart in order. */
static inline void
mgmt_net_send(struct mgmt_net *net, unsigned box, enum plane plane,
              uint64_t to, enum lane lane, const void *bytes, size_t size,
              struct simtime departs)
{
    net->ops->send(net, box, plane, to, lane, bytes, size, departs);
}

static inline void
mgmt_net_stats(struct mgmt_net *net, struct mgmt_net_stats *stats)
{
    net->ops->stats(net, stats);
}

/* Time on the wire of the longest frame. */
static inline struct simtime
mgmt_net_frame_longest(struct mgmt_net *net)
{
    return net->ops->frame_longest(net);
}

/* Of the NIC of 'box', or of the switch ports that lead to it. */
static inline const struct lane_account *
mgmt_net_lanes(struct mgmt_net *net, unsigned box, enum lane_hop hop)
{
    return net->ops->lanes(net, box, hop);
}

static inline const char *
mgmt_net_broken(struct mgmt_net *net)
{
    return net->ops->broken != NULL ? net->ops->broken(net) : NULL;
}

#endif
