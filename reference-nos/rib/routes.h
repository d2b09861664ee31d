/* SPDX-License-Identifier: Apache-2.0
 *
 * The routing table: from interface addresses and static routes to the routes
 * and next-hop groups that cards are to have.  A state machine without clock,
 * door or actor.
 *
 * Best path  connected (administrative distance 0) before static (1); the
 *            longest prefix that matches (RFC 1812, section 5.2.4.3).
 * Next hops  are looked up in the table itself until they are found on an
 *            interface, RIB_DEPTH_MAX times at most; a route does not resolve
 *            through itself.  What a next hop leads to depends on CONF alone,
 *            not on the order in which it came.
 * Groups     of equal hops are one group, named by its hops
 *            (prefix_group_hash()): the same on every controller.
 * Output     rows of TABLE_FIB_GROUP and TABLE_FIB_ROUTE, stamped in an order
 *            in which a reader may follow at any pace: a group before its
 *            routes, new routes before those they replace are withdrawn,
 *            groups nobody uses last.
 * Work       rib_*_set() only note; rib_step() does one piece.
 * Memory     lives in 'mem' and goes with it; bounded by the rows of CONF.
 * Errors     ERR_NOMEM: unusable from then on.
 */
#ifndef NOS_RIB_ROUTES_H
#define NOS_RIB_ROUTES_H

#include "reference-nos/schema/fib_msg.h"
#include "reference-nos/store/rows.h"

#define RIB_DEPTH_MAX 3u /* static routes on the way to an interface */
#define RIB_STEPS_MAX                                                         \
    512u /* lookups for one next hop; then it is unresolved */
/* Withdrawals wait for the rest of their transaction. */
#define RIB_HOLD_NS UINT64_C(2000000)
#define RIB_ROWS_MAX 262144u
#define RIB_BYTES_MAX (32u * 1024u * 1024u)

struct rib; /* Opaque. */

MUST_USE int rib_create(struct mem *mem, struct rib **out);

/* CONF; NULL deletes. */
MUST_USE int rib_interface_set(struct rib *rib,
                               const struct interface_key *key,
                               const struct interface_row *row);
MUST_USE int rib_static_set(struct rib *rib, const struct fwd_prefix *prefix,
                            const struct static_row *row);
/* A snapshot of CONF begins; it has been told: forget what it did not
 * show. */
void rib_sync_begin(struct rib *rib);
void rib_sync_end(struct rib *rib);

/* Is there work now? */
bool rib_busy(const struct rib *rib, uint64_t now_ns);
/* Withdrawals are due then; TIME_NEVER_NS: none waits. */
uint64_t rib_deadline_ns(const struct rib *rib);
/* Does one piece of it; 'units' are routes looked at. */
MUST_USE int rib_step(struct rib *rib, uint64_t now_ns, unsigned *units);

const struct rows *rib_rows(const struct rib *rib);
struct fib_sum rib_sum(const struct rib *rib);

enum rib_source { RIB_CONNECTED, RIB_STATIC };

/* One route as it is installed, for operators. */
struct rib_route {
    struct fwd_prefix prefix;
    enum rib_source source;
    bool discard;
    struct fwd_group group; /* count 0 when discard */
};
/* The first installed route behind 'after' (NULL: of all).  ERR_NOENT. */
MUST_USE int rib_next(const struct rib *rib, const struct fwd_prefix *after,
                      struct rib_route *route);

#endif
