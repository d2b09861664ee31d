/* SPDX-License-Identifier: Apache-2.0
 *
 * The group and route tables of an ASIC kept in memory: what stands behind
 * the door where there is no hardware (simulator, daemon without DPDK,
 * tests).  It judges as hardware does (forwarding.h, "Routes").
 *
 * Memory   in the context given; goes with it.
 * Cost     O(log n) for each entry.
 */
#ifndef NOS_PLATFORM_FWD_TABLE_H
#define NOS_PLATFORM_FWD_TABLE_H

#include "reference-nos/base/mem.h"
#include "reference-nos/platform/forwarding.h"

struct fwd_table; /* Opaque. */

/* Room for so many; ERR_NOMEM. */
MUST_USE int fwd_table_create(struct mem *mem, size_t groups_max,
                              size_t routes_max, struct fwd_table **out);

/* ERR_RANGE: more than FWD_WRITE_MAX, or one that is malformed: an id below
 * FWD_GROUP_FIRST, a module that cannot be, bits behind a prefix. */
MUST_USE int fwd_groups_check(const struct fwd_group *groups, size_t count);
MUST_USE int fwd_routes_check(const struct fwd_route *routes, size_t count);

/* One checked entry takes effect.  ERR_NOENT, ERR_BUSY, ERR_FULL,
 * ERR_NOMEM: nothing has changed. */
MUST_USE int fwd_table_group(struct fwd_table *table,
                             const struct fwd_group *group);
MUST_USE int fwd_table_route(struct fwd_table *table,
                             const struct fwd_route *route);

/* As in struct fwd_ops. */
size_t fwd_table_groups_dump(const struct fwd_table *table, uint32_t after,
                             struct fwd_group *groups, size_t room);
size_t fwd_table_routes_dump(const struct fwd_table *table,
                             const struct fwd_prefix *after,
                             struct fwd_route *routes, size_t room);

/* What a packet to 'address' (a prefix of full length) would meet; NULL, and
 * FWD_GROUP_NONE or FWD_GROUP_DISCARD in '*id', when there are no hops. */
const struct fwd_group *fwd_table_lookup(const struct fwd_table *table,
                                         const struct fwd_prefix *address,
                                         uint32_t *id);
size_t fwd_table_group_count(const struct fwd_table *table);
size_t fwd_table_route_count(const struct fwd_table *table);

#endif
