/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes and groups of a card, in open hash tables with linear probing.
 * Lookups go through the lengths in use from the longest: answers are cached
 * per destination, so that they are few.
 */
#include "models/plane/fib.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/platform/prefix.h"

/* ---- routes ------------------------------------------------------------- */

static uint64_t
mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t
prefix_home(const struct fib *fib, const struct fwd_prefix *prefix)
{
    uint64_t high = 0, low = 0;

    for (unsigned i = 0; i < 8; i++) {
        high = high << 8 | prefix->bytes[i];
        low = low << 8 | prefix->bytes[i + 8];
    }
    high = mix(high ^ ((uint64_t)prefix->length << 8 | prefix->family));
    return mix(high ^ low) & (fib->room - 1);
}

static bool
prefix_equal(const struct fwd_prefix *a, const struct fwd_prefix *b)
{
    return a->family == b->family && a->length == b->length &&
           memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* The slot of 'prefix', or the free one where it would stand. */
static size_t
fib_slot(const struct fib *fib, const struct fwd_prefix *prefix)
{
    size_t at = prefix_home(fib, prefix);

    while (fib->slots[at].used &&
           !prefix_equal(&fib->slots[at].prefix, prefix))
        at = (at + 1) & (fib->room - 1);
    return at;
}

static void
fib_grow(struct fib *fib)
{
    struct fib old = *fib;

    fib->room = old.room > 0 ? old.room * 2 : 64;
    fib->slots = calloc(fib->room, sizeof(*fib->slots));
    CHECK(fib->slots != NULL);
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].used)
            fib->slots[fib_slot(fib, &old.slots[i].prefix)] = old.slots[i];
    }
    free(old.slots);
}

static uint32_t *
fib_lengths(struct fib *fib, const struct fwd_prefix *prefix)
{
    return prefix->family == 4 ? &fib->lengths4[prefix->length]
                               : &fib->lengths6[prefix->length];
}

/* Moves later ones up, so that no search ends at the hole (Knuth, volume 3,
 * algorithm 6.4R). */
static void
fib_remove(struct fib *fib, size_t hole)
{
    size_t at = hole;

    (*fib_lengths(fib, &fib->slots[hole].prefix))--;
    fib->count--;
    for (;;) {
        size_t home;

        fib->slots[hole].used = false;
        do {
            at = (at + 1) & (fib->room - 1);
            if (!fib->slots[at].used)
                return;
            home = prefix_home(fib, &fib->slots[at].prefix);
        } while (((at - home) & (fib->room - 1)) <
                 ((at - hole) & (fib->room - 1)));
        fib->slots[hole] = fib->slots[at];
        hole = at;
    }
}

void
plane_fib_set(struct fib *fib, const struct fwd_prefix *prefix, uint32_t group)
{
    struct fwd_prefix key;
    size_t at;

    CHECK((prefix->family == 4 || prefix->family == 6) &&
          prefix->length <= 8 * prefix_bytes(prefix->family));
    key = prefix_cut(prefix, prefix->length);
    if ((fib->count + 1) * 10 >= fib->room * 7)
        fib_grow(fib);
    at = fib_slot(fib, &key);
    if (group == FWD_GROUP_NONE) {
        if (fib->slots[at].used)
            fib_remove(fib, at);
        return;
    }
    if (!fib->slots[at].used) {
        fib->count++;
        (*fib_lengths(fib, &key))++;
    }
    fib->slots[at] =
        (struct fib_slot){.prefix = key, .used = true, .group = group};
}

uint32_t
plane_fib_find(const struct fib *fib, const struct fwd_prefix *address)
{
    const uint32_t *lengths =
        address->family == 4 ? fib->lengths4 : fib->lengths6;
    unsigned bits = (unsigned)(8 * prefix_bytes(address->family));

    for (unsigned length = bits + 1; length-- > 0;) {
        struct fwd_prefix key;
        size_t at;

        if (lengths[length] == 0)
            continue;
        key = prefix_cut(address, length);
        at = fib_slot(fib, &key);
        if (fib->slots[at].used)
            return fib->slots[at].group;
    }
    return FWD_GROUP_NONE;
}

void
plane_fib_clear(struct fib *fib)
{
    free(fib->slots);
    memset(fib, 0, sizeof(*fib));
}

/* ---- groups ------------------------------------------------------------- */

static size_t
group_home(const struct group_table *table, uint32_t id)
{
    return mix(id) & (table->room - 1);
}

static size_t
group_slot(const struct group_table *table, uint32_t id)
{
    size_t at = group_home(table, id);

    while (table->slots[at].group.id != 0 && table->slots[at].group.id != id)
        at = (at + 1) & (table->room - 1);
    return at;
}

static void
group_grow(struct group_table *table)
{
    struct group_table old = *table;

    table->room = old.room > 0 ? old.room * 2 : 32;
    table->slots = calloc(table->room, sizeof(*table->slots));
    CHECK(table->slots != NULL);
    for (size_t i = 0; i < old.room; i++) {
        uint32_t id = old.slots[i].group.id;

        if (id != 0)
            table->slots[group_slot(table, id)] = old.slots[i];
    }
    free(old.slots);
}

static void
group_remove(struct group_table *table, size_t hole)
{
    size_t at = hole;

    table->count--;
    for (;;) {
        size_t home;

        table->slots[hole].group.id = 0;
        do {
            at = (at + 1) & (table->room - 1);
            if (table->slots[at].group.id == 0)
                return;
            home = group_home(table, table->slots[at].group.id);
        } while (((at - home) & (table->room - 1)) <
                 ((at - hole) & (table->room - 1)));
        table->slots[hole] = table->slots[at];
        hole = at;
    }
}

void
plane_group_set(struct group_table *table, const struct fwd_group *group)
{
    size_t at;

    CHECK(group->id != 0 && group->count <= FWD_HOPS_MAX);
    if ((table->count + 1) * 10 >= table->room * 7)
        group_grow(table);
    at = group_slot(table, group->id);
    if (group->count == 0) {
        if (table->slots[at].group.id != 0)
            group_remove(table, at);
        return;
    }
    if (table->slots[at].group.id == 0)
        table->count++;
    table->slots[at] = (struct group){.group = *group};
}

struct group *
plane_group_find(const struct group_table *table, uint32_t id)
{
    struct group *group;

    if (table->room == 0)
        return NULL;
    group = &table->slots[group_slot(table, id)];
    return group->group.id != 0 ? group : NULL;
}

void
plane_groups_clear(struct group_table *table)
{
    free(table->slots);
    memset(table, 0, sizeof(*table));
}
