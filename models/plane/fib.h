/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes and next-hop groups of one box, as platform/forwarding.h means them:
 * what models that forward have in common.
 *
 * Memory   a zeroed table is empty; ..._clear() frees and empties.
 * Errors   none: allocations abort, prefixes are checked.
 */
#ifndef MODELS_PLANE_FIB_H
#define MODELS_PLANE_FIB_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/platform/forwarding.h"

struct fib_slot {
    struct fwd_prefix prefix;
    bool used;
    uint32_t group;
};

/* Longest prefix match: one hash table over prefixes, tried from the longest
 * length in use downwards. */
struct fib {
    struct fib_slot *slots;
    size_t room, count;
    uint32_t lengths4[33], lengths6[129]; /* routes of each length */
};

struct group {
    struct fwd_group group; /* id 0: slot is free */
    uint32_t epoch;         /* 'alive' is of this epoch */
    uint8_t alive_count;
    uint16_t alive[FWD_HOPS_MAX]; /* exit ends; PLANE_NO_EXIT: no such port */
};

#define PLANE_NO_EXIT UINT16_MAX

struct group_table {
    struct group *slots;
    size_t room, count;
};

/* FWD_GROUP_NONE removes. */
void plane_fib_set(struct fib *fib, const struct fwd_prefix *prefix,
                   uint32_t group);
/* The group of the longest match, or FWD_GROUP_NONE. */
uint32_t plane_fib_find(const struct fib *fib,
                        const struct fwd_prefix *address);
void plane_fib_clear(struct fib *fib);

/* A count of 0 removes. */
void plane_group_set(struct group_table *table, const struct fwd_group *group);
/* Valid until the next change, or NULL. */
struct group *plane_group_find(const struct group_table *table, uint32_t id);
void plane_groups_clear(struct group_table *table);

/* Chooses among the living hops of a group, of what tells flows apart:
 * SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t
plane_flow_hash(uint32_t from, uint32_t to, uint16_t flow)
{
    uint64_t z = (uint64_t)from << 32 | (uint64_t)to << 16 | flow;

    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
