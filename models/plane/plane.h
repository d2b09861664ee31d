/* SPDX-License-Identifier: Apache-2.0
 *
 * The forwarding plane of a cluster: line cards, cells, fabric boxes.
 *
 * Path      front port -> lookup (what the NOS programmed) -> virtual output
 *           queue per egress port and class on the ingress card -> credit ->
 *           cells, sprayed over live fabric links that reach the egress card
 *           -> fabric box -> reassembly -> egress queues (strict and weighted)
 *           -> front port.
 * Truth     tables are those of platform/forwarding.h as written by the NOS;
 *           links and boxes as they are.  A wrong table shows as a drop or a
 *           loop.  A local change takes effect on a card when it is made; a
 *           far one when reachability cells tell it.
 * Time      picoseconds of the run; the caller alternates plane_run_until()
 *           and changes.
 * Losses    each lost packet has one cause; bytes are conserved:
 *           sent = delivered + dropped + held, at any moment.
 * Statistics latency from intended time to last bit out, and per stage, in
 *           histograms of base/hist.h at 7 bits, in ps.
 */
#ifndef MODELS_PLANE_PLANE_H
#define MODELS_PLANE_PLANE_H

#include "models/cluster.h"
#include "models/plane/asic.h"
#include "models/traffic/traffic.h"
#include "reference-nos/base/hist.h"
#include "reference-nos/platform/forwarding.h"
#include "sim/kernel/digest.h"

struct data_plane;

/* X(name, text) */
#define PLANE_DROP_TABLE(X)                                                   \
    X(PLANE_DROP_PORT_DOWN, "front port not in service")                      \
    X(PLANE_DROP_BOX_DOWN, "box dead or not forwarding")                      \
    X(PLANE_DROP_NO_ROUTE, "no route")                                        \
    X(PLANE_DROP_DISCARD, "discard route")                                    \
    X(PLANE_DROP_NEXT_HOP, "next hop not reachable")                          \
    X(PLANE_DROP_TTL, "time to live exceeded")                                \
    X(PLANE_DROP_TAIL, "queue full")                                          \
    X(PLANE_DROP_WRED, "early detection")                                     \
    X(PLANE_DROP_BUFFER, "buffer full")                                       \
    X(PLANE_DROP_AGED, "older than its queue allows")                         \
    X(PLANE_DROP_LINK, "lost on a fabric link that failed")                   \
    X(PLANE_DROP_FABRIC, "fabric box full or dead")                           \
    X(PLANE_DROP_REASSEMBLY, "a cell missing when time ran out")              \
    X(PLANE_DROP_EGRESS, "egress queue full")                                 \
    X(PLANE_DROP_STRAY, "left by a port that does not lead there")

enum plane_drop {
#define PLANE_DROP_NAME(name, text) name,
    PLANE_DROP_TABLE(PLANE_DROP_NAME)
#undef PLANE_DROP_NAME
        PLANE_DROP_COUNT
};

/* Where time goes; their sum is the latency. */
enum plane_stage {
    PLANE_STAGE_INGRESS,    /* wire and pipeline until queued */
    PLANE_STAGE_QUEUE,      /* in the queue until its credit was asked for */
    PLANE_STAGE_CREDIT,     /* from then until the credit */
    PLANE_STAGE_FABRIC,     /* first cell out until last cell in */
    PLANE_STAGE_REASSEMBLY, /* until whole and in order */
    PLANE_STAGE_EGRESS,     /* egress queue and wire */
    PLANE_STAGE_COUNT
};

/* A front port: end of traffic.  Ends are numbered over all NCPs of the plan
 * in slot order, then port order: plane_end(). */
struct plane_end {
    unsigned box;
    uint16_t port;
    uint64_t bps;
};

/* What one traffic spec met. */
struct plane_flow_stats {
    uint64_t sent, sent_bytes;
    uint64_t delivered, delivered_bytes;
    uint64_t first_ps, last_ps; /* of deliveries: when their last bit left */
    uint64_t dropped[PLANE_DROP_COUNT];
    uint64_t dropped_bytes;
    uint64_t dropped_bytes_of[PLANE_DROP_COUNT];
    uint64_t reordered; /* delivered after a later one of its flow */
    struct hist *latency;
    struct hist *stages[PLANE_STAGE_COUNT];
};

struct plane_totals {
    uint64_t cells, credits, events;
    uint64_t held, held_bytes;  /* in queues and on wires now */
    uint64_t buffer_peak_bytes; /* of one card */
    uint64_t hbm_packets;       /* that went through the deep buffer */
    uint64_t paused_ps; /* back-pressure, over fabric boxes and egress cards */
    size_t memory_bytes;
};

struct plane_options {
    const struct cluster_plan *plan; /* outlives the plane */
    const struct asic *asic;         /* outlives the plane */
    uint64_t seed;
    unsigned threads;
};

MUST_USE int plane_create(const struct plane_options *options,
                          struct data_plane **out, char *message,
                          size_t message_size);
void plane_destroy(struct data_plane *plane);

unsigned plane_ends(const struct data_plane *plane);
struct plane_end plane_end(const struct data_plane *plane, unsigned end);
/* The end of a front port, or plane_ends(). */
unsigned plane_end_find(const struct data_plane *plane, unsigned box,
                        unsigned port);

/* The world tells; each takes effect now.  At first all boxes live, all links
 * are lit, and no table holds anything.  The tables of a box die with it. */
void plane_box_set(struct data_plane *plane, unsigned box, bool alive);
void plane_link_set(struct data_plane *plane, unsigned box,
                    unsigned fabric_port, bool light);
/* FWD_BOX, FWD_REACH and FWD_FRONT entries; groups; routes.  'box' wrote
 * them into its own ASIC. */
void plane_entries_set(struct data_plane *plane, unsigned box,
                       const struct fwd_entry *entries, size_t count);
void plane_groups_set(struct data_plane *plane, unsigned box,
                      const struct fwd_group *groups, size_t count);
void plane_routes_set(struct data_plane *plane, unsigned box,
                      const struct fwd_route *routes, size_t count);

/* Adds offered traffic (checked by traffic_check()); copied, but what it
 * points to is borrowed.  The number of the flow for plane_flow(). */
MUST_USE int plane_traffic_add(struct data_plane *plane,
                               const struct traffic_spec *spec,
                               unsigned *flow);
/* The address a packet to 'end' carries: the first host of the end's
 * connected prefix, 10.<end / 256>.<end % 256>.2 of /24 unless changed. */
void plane_address(const struct data_plane *plane, unsigned end,
                   struct fwd_prefix *host);

/* Another address; 'routed': it lies behind routers outside, so that a packet
 * to it may leave by any port.  A packet that leaves by another port than its
 * end's is else dropped (PLANE_DROP_STRAY), unless a router stands there that
 * sends it back (plane_return_set()): then it is looked up again, until its
 * time to live is over. */
void plane_address_set(struct data_plane *plane, unsigned end,
                       const struct fwd_prefix *host, bool routed);
void plane_return_set(struct data_plane *plane, unsigned end, bool returns);

/* Programs all boxes, or one, as a NOS without faults would: for tests and
 * benches without one.  The module number is the slot + 1; each end has a
 * route of 24 (IPv6: 64) bits. */
void plane_program(struct data_plane *plane);
void plane_program_box(struct data_plane *plane, unsigned box);

/* Calls 'tap' for every packet that enters ('out' false) or leaves an end. */
struct plane_tap_packet {
    uint64_t at_ps, due_ps, number;
    unsigned from, to; /* ends */
    uint16_t bytes, flow;
    uint8_t ttl, traffic_class;
};
typedef void plane_tap(void *context, unsigned end, bool out,
                       const struct plane_tap_packet *packet);
MUST_USE int plane_tap_add(struct data_plane *plane, unsigned end,
                           plane_tap *tap, void *context);

/* Hears of every drop: oracles judge it.  NULL removes. */
typedef void plane_drop_listener(void *context, uint64_t at_ps, unsigned box,
                                 enum plane_drop cause,
                                 const struct plane_tap_packet *packet);
void plane_drops_observe(struct data_plane *plane,
                         plane_drop_listener *listener, void *context);

MUST_USE int plane_run_until(struct data_plane *plane, uint64_t until_ps);
bool plane_next(const struct data_plane *plane, uint64_t *at_ps);

const struct plane_flow_stats *plane_flow(struct data_plane *plane,
                                          unsigned flow);
/* What a flow has in queues and on wires now, counted packet by packet. */
void plane_flow_held(const struct data_plane *plane, unsigned flow,
                     uint64_t *packets, uint64_t *bytes);
void plane_totals(const struct data_plane *plane, struct plane_totals *totals);
/* Forgets what was counted so far (settling); packets under way count when
 * they end. */
void plane_stats_clear(struct data_plane *plane);
struct digest_value plane_digest(const struct data_plane *plane);

const char *plane_drop_name(enum plane_drop cause); /* "no-route" */
const char *plane_drop_text(enum plane_drop cause);
const char *plane_stage_name(enum plane_stage stage); /* "credit" */

#endif
