/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/fib/table.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/fib/table_priv.h"

static int
name_compare(const void *key, const struct tree_node *node)
{
    uint64_t name = *(const uint64_t *)key;
    uint64_t other = CONTAINER_OF(node, const struct group, by_name)->name;

    return (name > other) - (name < other);
}

static int
id_compare(const void *key, const struct tree_node *node)
{
    uint32_t id = *(const uint32_t *)key;
    uint32_t other = CONTAINER_OF(node, const struct group, by_id)->group.id;

    return (id > other) - (id < other);
}

static int
route_compare(const void *key, const struct tree_node *node)
{
    return prefix_compare(
        key, &CONTAINER_OF(node, const struct route, node)->prefix);
}

int
table_create(struct mem *mem, bool careless, struct fib_table **out)
{
    struct fib_table *table = mem_zalloc(mem, sizeof(*table));

    if (table == NULL)
        return ERR_NOMEM;
    table->mem = mem;
    table->careless = careless;
    tree_init(&table->names, name_compare);
    tree_init(&table->ids, id_compare);
    tree_init(&table->routes, route_compare);
    for (unsigned i = 0; i < WORK_COUNT; i++)
        list_init(&table->work[i]);
    list_init(&table->failed_groups);
    list_init(&table->failed_routes);
    *out = table;
    return 0;
}

/* ---- groups ---- */

static struct group *
group_named(const struct fib_table *table, uint64_t name)
{
    struct tree_node *node = tree_find(&table->names, &name);

    return node == NULL ? NULL : CONTAINER_OF(node, struct group, by_name);
}

static struct group *
group_of_id(const struct fib_table *table, uint32_t id)
{
    struct tree_node *node = tree_find(&table->ids, &id);

    return node == NULL ? NULL : CONTAINER_OF(node, struct group, by_id);
}

/* The same for the same hops, unless another group has it. */
static uint32_t
id_choose(const struct fib_table *table, uint64_t name)
{
    uint32_t id = (uint32_t)name;

    while (id < FWD_GROUP_FIRST || group_of_id(table, id) != NULL)
        id++;
    return id;
}

static int
group_add(struct fib_table *table, const struct fwd_group *hops, uint32_t id,
          struct group **out)
{
    struct group *group = mem_zalloc(table->mem, sizeof(*group));
    int error;

    if (group == NULL)
        return ERR_NOMEM;
    group->group = *hops;
    group->group.id = id;
    group->name = prefix_group_hash(hops);
    error = tree_insert(&table->ids, &id, &group->by_id);
    CHECK(error == 0);
    if (tree_find(&table->names, &group->name) == NULL) {
        error = tree_insert(&table->names, &group->name, &group->by_name);
        CHECK(error == 0);
    }
    *out = group;
    return 0;
}

void
table_group_drop(struct fib_table *table, struct group *group)
{
    if (tree_linked(&group->by_name))
        tree_remove(&table->names, &group->by_name);
    tree_remove(&table->ids, &group->by_id);
    mem_free(table->mem, group, sizeof(*group));
}

int
table_adopt_group(struct fib_table *table, const struct fwd_group *group)
{
    struct group *added;
    int error;

    if (group->id < FWD_GROUP_FIRST || group->count == 0 ||
        group->count > FWD_HOPS_MAX || group_of_id(table, group->id) != NULL)
        return ERR_CORRUPT;
    error = group_add(table, group, group->id, &added);
    if (error != 0)
        return error;
    added->state = GROUP_PRESENT;
    /* Until its routes are here. */
    table_group_check(table, added);
    return 0;
}

/* ---- routes ---- */

static struct route *
route_find(const struct fib_table *table, const struct fwd_prefix *prefix)
{
    struct tree_node *node = tree_find(&table->routes, prefix);

    return node == NULL ? NULL : CONTAINER_OF(node, struct route, node);
}

static int
route_add(struct fib_table *table, const struct fwd_prefix *prefix,
          struct route **out)
{
    struct route *route = mem_zalloc(table->mem, sizeof(*route));
    int error;

    if (route == NULL)
        return ERR_NOMEM;
    route->prefix = *prefix;
    error = tree_insert(&table->routes, prefix, &route->node);
    CHECK(error == 0);
    *out = route;
    return 0;
}

void
table_route_drop(struct fib_table *table, struct route *route)
{
    tree_remove(&table->routes, &route->node);
    mem_free(table->mem, route, sizeof(*route));
}

static uint64_t
hash_of(const struct route *route)
{
    return prefix_route_hash(&route->prefix, route->wanted.kind == TARGET_GROUP
                                                 ? &route->wanted.group->group
                                                 : NULL);
}

static void
sum_remove(struct fib_table *table, const struct route *route)
{
    if (route->wanted.kind == TARGET_NONE)
        return;
    table->sum.routes--;
    table->sum.hash -= hash_of(route);
    if (route->wanted.kind == TARGET_GROUP &&
        --route->wanted.group->wanted == 0)
        table->sum.groups--;
}

static void
sum_add(struct fib_table *table, const struct route *route)
{
    if (route->wanted.kind == TARGET_NONE)
        return;
    table->sum.routes++;
    table->sum.hash += hash_of(route);
    if (route->wanted.kind == TARGET_GROUP &&
        route->wanted.group->wanted++ == 0)
        table->sum.groups++;
}

static void
want(struct fib_table *table, struct route *route, struct target target)
{
    struct target old = route->wanted;

    if (old.kind == target.kind && old.group == target.group)
        return;
    sum_remove(table, route);
    route->wanted = target;
    sum_add(table, route);
    if (target.group != NULL)
        table_group_check(table, target.group);
    if (old.group != NULL)
        table_group_check(table, old.group);
    table_route_check(table, route);
}

int
table_adopt_route(struct fib_table *table, const struct fwd_route *adopt)
{
    struct target target = {TARGET_DISCARD, NULL};
    struct route *route;
    int error;

    if (route_find(table, &adopt->prefix) != NULL)
        return ERR_CORRUPT;
    if (adopt->group >= FWD_GROUP_FIRST) {
        target.kind = TARGET_GROUP;
        target.group = group_of_id(table, adopt->group);
        if (target.group == NULL)
            return ERR_CORRUPT;
    }
    error = route_add(table, &adopt->prefix, &route);
    if (error != 0)
        return error;
    route->asic = target;
    if (target.group != NULL)
        target.group->used++;
    want(table, route, target);
    return 0;
}

/* ---- rows ---- */

static int
group_row(struct fib_table *table, const struct store_row *row,
          uint32_t generation)
{
    struct fwd_group hops;
    struct group *group;
    uint64_t name;
    int error = name_key_decode(row->key, row->key_size, &name);

    if (error != 0)
        return error;
    group = group_named(table, name);
    if (row->deleted) {
        if (group != NULL) {
            group->shown = false;
            table_group_check(table, group);
        }
        return 0;
    }
    error = group_row_decode(row->value, row->value_size, &hops);
    if (error != 0)
        return error;
    if (prefix_group_hash(&hops) != name)
        return ERR_MALFORMED;
    if (group == NULL)
        error = group_add(table, &hops, id_choose(table, name), &group);
    if (error != 0)
        return error;
    group->shown = true;
    group->generation = generation;
    return 0;
}

static int
route_row(struct fib_table *table, const struct store_row *row,
          uint32_t generation)
{
    struct target target = {TARGET_DISCARD, NULL};
    struct fwd_prefix prefix;
    struct route *route;
    uint64_t name;
    int error = prefix_key_decode(row->key, row->key_size, &prefix);

    if (error != 0)
        return error;
    route = route_find(table, &prefix);
    if (row->deleted) {
        if (route != NULL)
            want(table, route, (struct target){TARGET_NONE, NULL});
        return 0;
    }
    error = fib_route_decode(row->value, row->value_size, &name);
    if (error != 0)
        return error;
    if (name != FIB_DISCARD) {
        target.kind = TARGET_GROUP;
        target.group = group_named(table, name);
        if (target.group == NULL)
            return ERR_NOENT;
    }
    if (route == NULL)
        error = route_add(table, &prefix, &route);
    if (error != 0)
        return error;
    route->generation = generation;
    want(table, route, target);
    return 0;
}

int
table_row(struct fib_table *table, const struct store_row *row,
          uint32_t generation)
{
    if (row->owner != 0)
        return ERR_MALFORMED;
    if (row->table == TABLE_FIB_GROUP)
        return group_row(table, row, generation);
    if (row->table == TABLE_FIB_ROUTE)
        return route_row(table, row, generation);
    return ERR_MALFORMED;
}

/* ---- sweeping ---- */

void
table_sweep(struct fib_table *table, uint32_t generation)
{
    table->sweep.groups = true;
    table->sweep.routes = true;
    table->sweep.group_begun = false;
    table->sweep.route_begun = false;
    table->sweep.generation = generation;
}

void
table_sweep_cancel(struct fib_table *table)
{
    table->sweep.groups = false;
    table->sweep.routes = false;
}

bool
table_sweeping(const struct fib_table *table)
{
    return table->sweep.groups || table->sweep.routes;
}

/* False at the end. */
static bool
sweep_route(struct fib_table *table)
{
    struct tree_node *node =
        table->sweep.route_begun
            ? tree_upper_bound(&table->routes, &table->sweep.prefix)
            : tree_first(&table->routes);
    struct route *route;

    if (node == NULL)
        return false;
    route = CONTAINER_OF(node, struct route, node);
    table->sweep.route_begun = true;
    table->sweep.prefix = route->prefix;
    if (route->generation != table->sweep.generation)
        want(table, route, (struct target){TARGET_NONE, NULL});
    return true;
}

static bool
sweep_group(struct fib_table *table)
{
    struct tree_node *node =
        table->sweep.group_begun
            ? tree_upper_bound(&table->names, &table->sweep.name)
            : tree_first(&table->names);
    struct group *group;

    if (node == NULL)
        return false;
    group = CONTAINER_OF(node, struct group, by_name);
    table->sweep.group_begun = true;
    table->sweep.name = group->name;
    if (group->generation != table->sweep.generation) {
        group->shown = false;
        table_group_check(table, group);
    }
    return true;
}

void
table_sweep_step(struct fib_table *table)
{
    for (unsigned i = 0; i < TABLE_SWEEP; i++) {
        if (table->sweep.routes)
            table->sweep.routes = sweep_route(table);
        else if (table->sweep.groups)
            table->sweep.groups = sweep_group(table);
    }
}

struct fib_sum
table_sum(const struct fib_table *table)
{
    return table->sum;
}

const struct fwd_group *
table_group(const struct fib_table *table, uint32_t id)
{
    const struct group *group = group_of_id(table, id);

    return group == NULL ? NULL : &group->group;
}
