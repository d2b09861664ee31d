/* SPDX-License-Identifier: Apache-2.0
 *
 * The forwarding plane of a cluster by rates instead of packets: offered
 * traffic is a matrix of rates, queues are fluid, and nothing happens between
 * changes.  Beside models/plane: the same plan, figures, tables, changes and
 * causes of loss; the same loss within the error that README.md states.
 *
 * Path      front port -> lookup (what the NOS programmed) -> virtual output
 *           queue per ingress card, egress port and class -> the share that
 *           credits, fabric links and the deep buffer leave -> front port.
 * Rates     constant between changes, queues that fill or empty, and far
 *           cards hearing of dead links.  Strict classes first, then weighted;
 *           max-min fair among ingress cards (Bertsekas and Gallager 1992,
 *           section 6.5.2).
 * Mean      of traffic only: bursts shorter than a queue's limit are not
 *           seen.  No latency, no order.
 * Time      nanoseconds (years fit); an idle second costs nothing, a change
 *           costs what the flows it affects cost.
 * Numbers   integers; rates in bits per second at layer 1, volumes exact to
 *           10^-9 bit: sent = delivered + dropped + held, always.
 * Threads   none; one plane, one thread.
 */
#ifndef MODELS_FLOWS_FLOWS_H
#define MODELS_FLOWS_FLOWS_H

#include "models/plane/plane.h"

struct flows;

/* What one traffic spec met.  Expected values: packets and bytes of frames,
 * each rounded down, 'sent' their sum; UINT64_MAX when more (of ddc-large in a
 * year the bytes are). */
struct flows_stats {
    uint64_t sent, sent_bytes;
    uint64_t delivered, delivered_bytes;
    uint64_t first_ns, last_ns; /* of deliveries */
    uint64_t dropped[PLANE_DROP_COUNT];
    uint64_t dropped_bytes_of[PLANE_DROP_COUNT];
    uint64_t dropped_bytes;
    uint64_t held, held_bytes;
    uint64_t lost_ppt; /* dropped of sent, parts in 10^12 */
    /* Now, at layer 1. */
    uint64_t offered_bps, delivered_bps, dropped_bps;
    bool lost; /* anything; then: */
    uint64_t first_lost_ns, last_lost_ns;
};

struct flows_totals {
    uint64_t events;     /* changes, and queues that filled or emptied */
    uint64_t solutions;  /* of shares */
    uint64_t queues;     /* that ever carried traffic */
    uint64_t backlogged; /* queues that hold something now */
    uint64_t buffer_peak_bytes; /* of one card, at events */
    size_t memory_bytes;
};

struct flows_options {
    const struct cluster_plan *plan; /* outlives the plane */
    const struct asic *asic;         /* outlives the plane */
    uint64_t seed;                   /* as the plane's: permutations */
};

/* ERR_INVALID with a sentence when the plan has no front ports, or card
 * models whose ports differ in rate. */
MUST_USE int flows_create(const struct flows_options *options,
                          struct flows **out, char *message,
                          size_t message_size);
void flows_destroy(struct flows *flows);

/* As those of the plane, ends numbered alike. */
unsigned flows_ends(const struct flows *flows);
struct plane_end flows_end(const struct flows *flows, unsigned end);
unsigned flows_end_find(const struct flows *flows, unsigned box,
                        unsigned port);
void flows_address(const struct flows *flows, unsigned end,
                   struct fwd_prefix *host);
void flows_address_set(struct flows *flows, unsigned end,
                       const struct fwd_prefix *host, bool routed);
void flows_return_set(struct flows *flows, unsigned end, bool returns);

/* The world tells; each takes effect now, which flows_run_until() sets. */
void flows_box_set(struct flows *flows, unsigned box, bool alive);
void flows_link_set(struct flows *flows, unsigned box, unsigned fabric_port,
                    bool light);
void flows_entries_set(struct flows *flows, unsigned box,
                       const struct fwd_entry *entries, size_t count);
void flows_groups_set(struct flows *flows, unsigned box,
                      const struct fwd_group *groups, size_t count);
void flows_routes_set(struct flows *flows, unsigned box,
                      const struct fwd_route *routes, size_t count);

/* Programs all boxes, or one, as plane_program() does. */
void flows_program(struct flows *flows);
void flows_program_box(struct flows *flows, unsigned box);

/* Adds offered traffic (checked by traffic_check()); copied, but senders,
 * receivers and replay are borrowed.  Times are rounded to nanoseconds; an
 * end of UINT64_MAX is never.  ERR_RANGE: no such end; ERR_INVALID: begins in
 * the past; ERR_FULL. */
MUST_USE int flows_traffic_add(struct flows *flows,
                               const struct traffic_spec *spec,
                               unsigned *flow);

/* ERR_PAST. */
MUST_USE int flows_run_until(struct flows *flows, uint64_t until_ns);
uint64_t flows_now_ns(const struct flows *flows);
/* When rates change next without being told; false: never. */
bool flows_next(const struct flows *flows, uint64_t *at_ns);

/* Valid until the next call for the same flow; an interval is the difference
 * of two copies, or what was counted since flows_stats_clear(). */
const struct flows_stats *flows_flow(struct flows *flows, unsigned flow);
void flows_totals(const struct flows *flows, struct flows_totals *totals);
/* Forgets what was counted so far; what is held counts when it ends, and as
 * sent. */
void flows_stats_clear(struct flows *flows);
struct digest_value flows_digest(struct flows *flows);

#endif
