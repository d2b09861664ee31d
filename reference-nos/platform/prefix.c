/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/platform/prefix.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"

#include <string.h>

unsigned
prefix_bits(unsigned family)
{
    if (family == 4)
        return 32;
    return family == 6 ? 128 : 0;
}

struct fwd_prefix
prefix_cut(const struct fwd_prefix *prefix, unsigned length)
{
    struct fwd_prefix cut = {.family = prefix->family,
                             .length = (uint8_t)length};

    CHECK(length <= prefix->length);
    memcpy(cut.bytes, prefix->bytes, length / 8);
    if (length % 8 != 0)
        cut.bytes[length / 8] =
            (uint8_t)(prefix->bytes[length / 8] & (0xff00u >> (length % 8)));
    return cut;
}

bool
prefix_valid(const struct fwd_prefix *prefix)
{
    struct fwd_prefix cut;

    if (prefix_bits(prefix->family) == 0 ||
        prefix->length > prefix_bits(prefix->family))
        return false;
    cut = prefix_cut(prefix, prefix->length);
    return memcmp(cut.bytes, prefix->bytes, sizeof(cut.bytes)) == 0;
}

int
prefix_compare(const struct fwd_prefix *a, const struct fwd_prefix *b)
{
    int order;

    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
    if (order != 0)
        return order;
    return (a->length > b->length) - (a->length < b->length);
}

bool
prefix_covers(const struct fwd_prefix *outer, const struct fwd_prefix *inner)
{
    unsigned whole = outer->length / 8, rest = outer->length % 8;

    if (outer->family != inner->family || outer->length > inner->length ||
        memcmp(outer->bytes, inner->bytes, whole) != 0)
        return false;
    return rest == 0 || ((outer->bytes[whole] ^ inner->bytes[whole]) &
                         (0xff00u >> rest) & 0xffu) == 0;
}

uint64_t
prefix_group_hash(const struct fwd_group *group)
{
    uint8_t bytes[4 * FWD_HOPS_MAX];
    unsigned size = 0;

    for (unsigned i = 0; i < group->count; i++) {
        bytes[size++] = (uint8_t)(group->hops[i].module >> 8);
        bytes[size++] = (uint8_t)group->hops[i].module;
        bytes[size++] = (uint8_t)(group->hops[i].port >> 8);
        bytes[size++] = (uint8_t)group->hops[i].port;
    }
    return hash64(group->count, bytes, size);
}

uint64_t
prefix_route_hash(const struct fwd_prefix *prefix,
                  const struct fwd_group *group)
{
    uint8_t bytes[2 + sizeof(prefix->bytes)];

    bytes[0] = prefix->family;
    bytes[1] = prefix->length;
    memcpy(bytes + 2, prefix->bytes, sizeof(prefix->bytes));
    return hash64(group == NULL ? 0 : prefix_group_hash(group), bytes,
                  sizeof(bytes));
}
