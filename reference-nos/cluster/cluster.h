/* SPDX-License-Identifier: Apache-2.0
 *
 * Membership: who belongs to the cluster, under which number.
 *
 * Member    on every box: joins, keeps its lease, goes headless and comes
 *           back; refuses controllers of a lower term.
 * Cluster   on controllers: gives numbers, keeps the roster, checks cables
 *           and does what operators ask; it acts only while it is active,
 *           that is while its box leads and TABLE_ROLE names it.
 */
#ifndef NOS_CLUSTER_CLUSTER_H
#define NOS_CLUSTER_CLUSTER_H

#include "reference-nos/base/units.h"
#include "reference-nos/runtime/actor.h"

#define CLUSTER_BEACON_NS (250 * NS_PER_MS)
#define CLUSTER_HELLO_NS (500 * NS_PER_MS)
#define CLUSTER_LEASE_NS (2 * NS_PER_S)

extern const struct actor_kind member_kind; /* SVC_MEMBER */
/* The same on boxes without operator service: it takes their requests. */
extern const struct actor_kind member_alone_kind;
extern const struct actor_kind cluster_kind; /* SVC_CLUSTER */

#endif
