/* SPDX-License-Identifier: Apache-2.0
 *
 * Prefixes of IPv4 and IPv6 as struct fwd_prefix (forwarding.h).
 *
 * An address is a prefix of full length.
 */
#ifndef NOS_PLATFORM_PREFIX_H
#define NOS_PLATFORM_PREFIX_H

#include "reference-nos/platform/forwarding.h"

/* 32, 128, or 0 for no family. */
unsigned prefix_bits(unsigned family);
/* Bytes of an address: 4 or 16. */
static inline unsigned
prefix_bytes(unsigned family)
{
    return prefix_bits(family) / 8;
}

/* Known family, length within it, and nothing behind the length. */
bool prefix_valid(const struct fwd_prefix *prefix);
/* By family, then address, then length: a prefix comes before all that it
 * covers, and those follow it without a gap. */
int prefix_compare(const struct fwd_prefix *a, const struct fwd_prefix *b);
/* Is 'inner' equal to 'outer' or a part of it? */
bool prefix_covers(const struct fwd_prefix *outer,
                   const struct fwd_prefix *inner);
/* The leading 'length' bits of 'prefix' (at most its own). */
struct fwd_prefix prefix_cut(const struct fwd_prefix *prefix, unsigned length);
/* 64 bits of what a route says, for sums over tables: the same for the same
 * prefix and hops, whatever the group's id.  'group' NULL: discard. */
uint64_t prefix_route_hash(const struct fwd_prefix *prefix,
                           const struct fwd_group *group);
/* The hops alone, in their order. */
uint64_t prefix_group_hash(const struct fwd_group *group);

#endif
