/* SPDX-License-Identifier: Apache-2.0
 *
 * What is best becomes rows for the cards.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/rib/routes_priv.h"

#include <string.h>

static int
group_compare(const void *key, const struct tree_node *node)
{
    uint64_t name = *(const uint64_t *)key;
    uint64_t other = CONTAINER_OF(node, const struct group, node)->name;

    return (name > other) - (name < other);
}

void
rib_groups_init(struct rib *rib)
{
    tree_init(&rib->groups, group_compare);
}

/* ---- rows ---- */

static int
row_put(struct rib *rib, enum table table, const struct key_bytes *key,
        const struct row_bytes *value)
{
    struct store_row row = {
        .table = table,
        .deleted = value == NULL,
        .key = key->bytes,
        .key_size = key->size,
        .value = value == NULL ? NULL : value->bytes,
        .value_size = value == NULL ? 0 : value->size,
    };

    return rows_put(&rib->rows, &row, rib->rows.last + 1, 0);
}

static int
group_row(struct rib *rib, const struct group *group, bool there)
{
    struct key_bytes key;
    struct row_bytes value;

    name_key_encode(group->name, &key);
    group_row_encode(&group->group, &value);
    return row_put(rib, TABLE_FIB_GROUP, &key, there ? &value : NULL);
}

static int
route_row(struct rib *rib, const struct prefix *prefix, bool there)
{
    struct key_bytes key;
    struct row_bytes value;

    prefix_key_encode(&prefix->prefix, &key);
    fib_route_encode(prefix->group == NULL ? FIB_DISCARD : prefix->group->name,
                     &value);
    return row_put(rib, TABLE_FIB_ROUTE, &key, there ? &value : NULL);
}

/* ---- groups ---- */

static bool
same_hops(const struct fwd_group *a, const struct fwd_group *b)
{
    return a->count == b->count &&
           memcmp(a->hops, b->hops, a->count * sizeof(a->hops[0])) == 0;
}

/* Finds or makes the group of these hops.  ERR_EXISTS: another one has its
 * name (2^-64). */
static int
group_get(struct rib *rib, const struct fwd_group *hops, struct group **out)
{
    uint64_t name = prefix_group_hash(hops);
    struct tree_node *node = tree_find(&rib->groups, &name);
    struct group *group;
    int error;

    if (node != NULL) {
        group = CONTAINER_OF(node, struct group, node);
        *out = group;
        return same_hops(&group->group, hops) ? 0 : ERR_EXISTS;
    }
    if (name == FIB_DISCARD)
        return ERR_EXISTS;
    group = mem_zalloc(rib->mem, sizeof(*group));
    if (group == NULL)
        return ERR_NOMEM;
    group->name = name;
    group->group = *hops;
    error = tree_insert(&rib->groups, &group->name, &group->node);
    CHECK(error == 0);
    *out = group;
    return group_row(rib, group, true);
}

/* An idle group is told again: a card that was content with the sum of the
 * table may not have it. */
static int
group_use(struct rib *rib, struct group *group)
{
    if (group == NULL)
        return 0;
    if (group->routes++ == 0)
        rib->sum.groups++;
    if (!list_linked(&group->idle))
        return 0;
    list_remove(&group->idle);
    return group_row(rib, group, true);
}

static void
group_release(struct rib *rib, struct group *group, uint64_t now_ns)
{
    if (group == NULL || --group->routes > 0)
        return;
    rib->sum.groups--;
    list_push_back(&rib->idle, &group->idle);
    if (rib->leave_ns == TIME_NEVER_NS)
        rib->leave_ns = now_ns + RIB_HOLD_NS;
}

int
rib_group_withdraw(struct rib *rib, struct group *group)
{
    int error = group_row(rib, group, false);

    CHECK(group->routes == 0);
    tree_remove(&rib->groups, &group->node);
    mem_free(rib->mem, group, sizeof(*group));
    return error;
}

/* ---- routes ---- */

static uint64_t
hash_of(const struct prefix *prefix)
{
    return prefix_route_hash(
        &prefix->prefix, prefix->group == NULL ? NULL : &prefix->group->group);
}

static void
sum_add(struct rib *rib, const struct prefix *prefix)
{
    rib->sum.routes++;
    rib->sum.hash += hash_of(prefix);
}

static void
sum_remove(struct rib *rib, const struct prefix *prefix)
{
    rib->sum.routes--;
    rib->sum.hash -= hash_of(prefix);
}

/* The hops that are best; false: there is no route. */
static bool
best(const struct rib *rib, const struct prefix *prefix,
     enum rib_source *source, struct fwd_group *hops)
{
    unsigned count = 0;

    memset(hops, 0, sizeof(*hops));
    *source = prefix->connected > 0 ? RIB_CONNECTED : RIB_STATIC;
    if (prefix->connected > 0) {
        rib_connected_hops(rib, &prefix->prefix, hops->hops, &count);
    } else if (prefix->fixed != NULL) {
        const struct fixed *fixed = prefix->fixed;

        for (unsigned i = 0; i < fixed->count; i++)
            for (unsigned j = 0; j < fixed->uses[i].hop->count; j++)
                rib_hop_add(hops->hops, &count, fixed->uses[i].hop->hops[j]);
        if (fixed->discard)
            return true;
    }
    hops->count = (uint8_t)count;
    return count > 0;
}

static void
leave(struct rib *rib, struct prefix *prefix, uint64_t now_ns)
{
    if (!prefix->installed) {
        rib_prefix_drop(rib, prefix);
        return;
    }
    list_push_back(&rib->leaving, &prefix->todo);
    if (rib->leave_ns == TIME_NEVER_NS)
        rib->leave_ns = now_ns + RIB_HOLD_NS;
}

int
rib_judge(struct rib *rib, struct prefix *prefix, uint64_t now_ns)
{
    struct group *group = NULL, *old = prefix->group;
    struct fwd_group hops;
    int error;

    if (!best(rib, prefix, &prefix->source, &hops)) {
        leave(rib, prefix, now_ns);
        return 0;
    }
    if (hops.count > 0) {
        error = group_get(rib, &hops, &group);
        if (error == ERR_EXISTS) {
            leave(rib, prefix, now_ns);
            return 0;
        }
        if (error != 0)
            return error;
    }
    if (prefix->installed && group == old)
        return 0;
    error = group_use(rib, group);
    if (error != 0)
        return error;
    if (prefix->installed)
        sum_remove(rib, prefix);
    prefix->group = group;
    sum_add(rib, prefix);
    if (prefix->installed)
        group_release(rib, old, now_ns);
    prefix->installed = true;
    return route_row(rib, prefix, true);
}

int
rib_withdraw(struct rib *rib, struct prefix *prefix)
{
    struct group *group = prefix->group;
    int error;

    CHECK(prefix->installed);
    sum_remove(rib, prefix);
    prefix->installed = false;
    prefix->group = NULL;
    error = route_row(rib, prefix, false);
    group_release(rib, group, 0);
    rib_prefix_drop(rib, prefix);
    return error;
}
