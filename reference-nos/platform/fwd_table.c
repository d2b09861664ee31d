/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/platform/fwd_table.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/tree.h"
#include "reference-nos/platform/prefix.h"

struct group {
    struct tree_node node;
    size_t routes; /* that use it */
    struct fwd_group group;
};

struct route {
    struct tree_node node;
    struct fwd_route route;
};

struct fwd_table {
    struct mem *mem;
    struct tree groups; /* by id */
    struct tree routes; /* by prefix */
    size_t groups_max, routes_max;
    size_t lengths[2][129]; /* routes of IPv4 and of IPv6, by length */
};

static struct group *
group_of(struct tree_node *node)
{
    return node == NULL ? NULL : CONTAINER_OF(node, struct group, node);
}

static struct route *
route_of(struct tree_node *node)
{
    return node == NULL ? NULL : CONTAINER_OF(node, struct route, node);
}

static int
group_compare(const void *key, const struct tree_node *node)
{
    uint32_t id = *(const uint32_t *)key;
    uint32_t other = CONTAINER_OF(node, const struct group, node)->group.id;

    return (id > other) - (id < other);
}

static int
route_compare(const void *key, const struct tree_node *node)
{
    const struct route *route = CONTAINER_OF(node, const struct route, node);

    return prefix_compare(key, &route->route.prefix);
}

int
fwd_table_create(struct mem *mem, size_t groups_max, size_t routes_max,
                 struct fwd_table **out)
{
    struct fwd_table *table = mem_zalloc(mem, sizeof(*table));

    if (table == NULL)
        return ERR_NOMEM;
    table->mem = mem;
    table->groups_max = groups_max;
    table->routes_max = routes_max;
    tree_init(&table->groups, group_compare);
    tree_init(&table->routes, route_compare);
    *out = table;
    return 0;
}

int
fwd_groups_check(const struct fwd_group *groups, size_t count)
{
    if (count > FWD_WRITE_MAX)
        return ERR_RANGE;
    for (size_t i = 0; i < count; i++) {
        if (groups[i].id < FWD_GROUP_FIRST || groups[i].count > FWD_HOPS_MAX)
            return ERR_RANGE;
        for (unsigned j = 0; j < groups[i].count; j++)
            if (groups[i].hops[j].module >= FWD_MODULES_MAX)
                return ERR_RANGE;
    }
    return 0;
}

int
fwd_routes_check(const struct fwd_route *routes, size_t count)
{
    if (count > FWD_WRITE_MAX)
        return ERR_RANGE;
    for (size_t i = 0; i < count; i++)
        if (!prefix_valid(&routes[i].prefix))
            return ERR_RANGE;
    return 0;
}

static int
group_remove(struct fwd_table *table, struct group *group)
{
    if (group == NULL)
        return 0;
    if (group->routes != 0)
        return ERR_BUSY;
    tree_remove(&table->groups, &group->node);
    mem_free(table->mem, group, sizeof(*group));
    return 0;
}

int
fwd_table_group(struct fwd_table *table, const struct fwd_group *group)
{
    struct group *present = group_of(tree_find(&table->groups, &group->id));
    int error;

    if (group->count == 0)
        return group_remove(table, present);
    if (present != NULL) {
        present->group = *group;
        return 0;
    }
    if (table->groups.count >= table->groups_max)
        return ERR_FULL;
    present = mem_zalloc(table->mem, sizeof(*present));
    if (present == NULL)
        return ERR_NOMEM;
    present->group = *group;
    error = tree_insert(&table->groups, &group->id, &present->node);
    CHECK(error == 0);
    return 0;
}

static void
count_users(struct fwd_table *table, uint32_t id, size_t add)
{
    struct group *group = group_of(tree_find(&table->groups, &id));

    if (group != NULL)
        group->routes += add;
}

static size_t *
length_count(struct fwd_table *table, const struct fwd_prefix *prefix)
{
    return &table->lengths[prefix->family == 6][prefix->length];
}

static void
route_remove(struct fwd_table *table, struct route *route)
{
    if (route == NULL)
        return;
    count_users(table, route->route.group, (size_t)-1);
    --*length_count(table, &route->route.prefix);
    tree_remove(&table->routes, &route->node);
    mem_free(table->mem, route, sizeof(*route));
}

static int
route_add(struct fwd_table *table, const struct fwd_route *add)
{
    struct route *route;
    int error;

    if (table->routes.count >= table->routes_max)
        return ERR_FULL;
    route = mem_zalloc(table->mem, sizeof(*route));
    if (route == NULL)
        return ERR_NOMEM;
    route->route = *add;
    error = tree_insert(&table->routes, &add->prefix, &route->node);
    CHECK(error == 0);
    ++*length_count(table, &add->prefix);
    count_users(table, add->group, 1);
    return 0;
}

int
fwd_table_route(struct fwd_table *table, const struct fwd_route *route)
{
    struct route *present =
        route_of(tree_find(&table->routes, &route->prefix));

    if (route->group == FWD_GROUP_NONE) {
        route_remove(table, present);
        return 0;
    }
    if (route->group >= FWD_GROUP_FIRST &&
        tree_find(&table->groups, &route->group) == NULL)
        return ERR_NOENT;
    if (present == NULL)
        return route_add(table, route);
    count_users(table, route->group, 1);
    count_users(table, present->route.group, (size_t)-1);
    present->route.group = route->group;
    return 0;
}

size_t
fwd_table_groups_dump(const struct fwd_table *table, uint32_t after,
                      struct fwd_group *groups, size_t room)
{
    struct tree_node *node = tree_upper_bound(&table->groups, &after);
    size_t used = 0;

    for (; node != NULL && used < room; node = tree_next(node))
        groups[used++] = group_of(node)->group;
    return used;
}

size_t
fwd_table_routes_dump(const struct fwd_table *table,
                      const struct fwd_prefix *after, struct fwd_route *routes,
                      size_t room)
{
    struct tree_node *node = after == NULL
                                 ? tree_first(&table->routes)
                                 : tree_upper_bound(&table->routes, after);
    size_t used = 0;

    for (; node != NULL && used < room; node = tree_next(node))
        routes[used++] = route_of(node)->route;
    return used;
}

const struct fwd_group *
fwd_table_lookup(const struct fwd_table *table,
                 const struct fwd_prefix *address, uint32_t *id)
{
    unsigned length = address->length + 1u;

    *id = FWD_GROUP_NONE;
    while (length-- > 0) {
        struct fwd_prefix cut;
        struct tree_node *node;

        if (table->lengths[address->family == 6][length] == 0)
            continue;
        cut = prefix_cut(address, length);
        node = tree_find(&table->routes, &cut);
        if (node == NULL)
            continue;
        *id = route_of(node)->route.group;
        node = tree_find(&table->groups, id);
        return node == NULL ? NULL : &group_of(node)->group;
    }
    return NULL;
}

size_t
fwd_table_group_count(const struct fwd_table *table)
{
    return table->groups.count;
}

size_t
fwd_table_route_count(const struct fwd_table *table)
{
    return table->routes.count;
}
