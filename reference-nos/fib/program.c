/* SPDX-License-Identifier: Apache-2.0
 *
 * Which writes lead from what the ASIC has to what is wanted.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/fib/table_priv.h"

#include <string.h>

static void
work_add(struct fib_table *table, enum work work, struct list_node *todo)
{
    list_push_back(&table->work[work], todo);
    table->work_count++;
}

/* Off whatever list it is on. */
static void
work_remove(struct fib_table *table, struct list_node *todo, bool *failed)
{
    if (!list_linked(todo))
        return;
    list_remove(todo);
    if (*failed)
        table->failed_count--;
    else
        table->work_count--;
    *failed = false;
}

static bool
same(struct target a, struct target b)
{
    return a.kind == b.kind && a.group == b.group;
}

void
table_route_check(struct fib_table *table, struct route *route)
{
    if (route->writing)
        return; /* Looked at again when it is written. */
    work_remove(table, &route->todo, &route->failed);
    if (!same(route->wanted, route->asic))
        work_add(table,
                 route->wanted.kind == TARGET_NONE ? WORK_LEAVING
                                                   : WORK_ROUTES,
                 &route->todo);
    else if (route->wanted.kind == TARGET_NONE)
        table_route_drop(table, route);
}

void
table_group_check(struct fib_table *table, struct group *group)
{
    if (group->state == GROUP_WRITING || group->state == GROUP_REMOVING)
        return;
    work_remove(table, &group->todo, &group->failed);
    if (group->state == GROUP_ABSENT && group->wanted > 0)
        work_add(table, WORK_GROUPS, &group->todo);
    else if (group->state == GROUP_PRESENT && group->wanted == 0 &&
             group->used == 0)
        work_add(table, WORK_UNUSED, &group->todo);
    else if (group->state == GROUP_ABSENT && !group->shown && group->used == 0)
        table_group_drop(table, group);
}

/* ---- the write under way ---- */

static struct target
target_next(const struct fib_table *table, const struct route *route)
{
    static const struct target none = {TARGET_NONE, NULL};

    if (table->careless && route->asic.kind != TARGET_NONE)
        return none; /* The planted bug; the rest follows when it is done. */
    return route->wanted;
}

static void
route_begin(const struct fib_table *table, struct route *route,
            struct fwd_route *out)
{
    route->writing = true;
    route->next = target_next(table, route);
    *out =
        (struct fwd_route){.prefix = route->prefix, .group = FWD_GROUP_NONE};
    if (route->next.kind == TARGET_DISCARD)
        out->group = FWD_GROUP_DISCARD;
    if (route->next.group != NULL) {
        route->next.group->used++;
        out->group = route->next.group->group.id;
    }
}

static void
group_begin(struct group *group, struct fwd_group *out)
{
    *out = group->group;
    if (group->state == GROUP_PRESENT) {
        out->count = 0;
        group->state = GROUP_REMOVING;
    } else {
        group->state = GROUP_WRITING;
    }
}

/* A route whose group could not be written rests with it. */
static bool
may_write(const struct route *route)
{
    return route->wanted.group == NULL ||
           route->wanted.group->state == GROUP_PRESENT;
}

static void
fail(struct fib_table *table, struct list *list, struct list_node *todo,
     bool *failed)
{
    list_push_back(list, todo);
    table->failed_count++;
    *failed = true;
}

static void
routes_begin(struct fib_table *table, struct table_write *write, unsigned room)
{
    struct list_node *node;

    while (write->count < room &&
           (node = list_pop_front(&table->work[table->writing])) != NULL) {
        struct route *route = CONTAINER_OF(node, struct route, todo);

        table->work_count--;
        if (!may_write(route)) {
            fail(table, &table->failed_routes, &route->todo, &route->failed);
            continue;
        }
        route_begin(table, route, &write->u.routes[write->count]);
        table->written[write->count++] = route;
    }
}

static void
groups_begin(struct fib_table *table, struct table_write *write, unsigned room)
{
    struct list_node *node;

    while (write->count < room &&
           (node = list_pop_front(&table->work[table->writing])) != NULL) {
        struct group *group = CONTAINER_OF(node, struct group, todo);

        table->work_count--;
        group_begin(group, &write->u.groups[write->count]);
        table->written[write->count++] = group;
    }
}

bool
table_next(struct fib_table *table, struct table_write *write)
{
    unsigned room = table->singles > 0 ? 1 : TABLE_BATCH;

    write->count = 0;
    if (table->writing_count > 0)
        return false;
    for (unsigned work = 0; work < WORK_COUNT && write->count == 0; work++) {
        table->writing = (enum work)work;
        write->groups = work == WORK_GROUPS || work == WORK_UNUSED;
        if (write->groups)
            groups_begin(table, write, room);
        else
            routes_begin(table, write, room);
    }
    if (table->singles > 0)
        table->singles--;
    table->writing_count = write->count;
    return write->count > 0;
}

/* ---- its end ---- */

static void
used_less(struct fib_table *table, struct group *group)
{
    if (group == NULL)
        return;
    group->used--;
    table_group_check(table, group);
}

static void
route_end(struct fib_table *table, struct route *route, int status, bool alone)
{
    struct target old = route->asic, next = route->next;

    route->writing = false;
    if (status == 0) {
        route->asic = next;
        table_route_check(table, route);
        used_less(table, old.group);
        return;
    }
    if (alone)
        fail(table, &table->failed_routes, &route->todo, &route->failed);
    else
        table_route_check(table, route);
    used_less(table, next.group);
}

static void
group_end(struct fib_table *table, struct group *group, int status, bool alone)
{
    bool removing = group->state == GROUP_REMOVING;

    group->state = removing == (status == 0) ? GROUP_ABSENT : GROUP_PRESENT;
    if (status != 0 && alone)
        fail(table, &table->failed_groups, &group->todo, &group->failed);
    else
        table_group_check(table, group);
}

void
table_written(struct fib_table *table, int status)
{
    unsigned count = table->writing_count;
    bool alone = count == 1;

    CHECK(count > 0);
    table->writing_count = 0;
    if (status != 0 && !alone)
        table->singles = count;
    for (unsigned i = 0; i < count; i++) {
        if (table->writing == WORK_GROUPS || table->writing == WORK_UNUSED)
            group_end(table, table->written[i], status, alone);
        else
            route_end(table, table->written[i], status, alone);
    }
}

void
table_retry(struct fib_table *table)
{
    struct list groups, routes;
    struct list_node *node;

    list_init(&groups);
    list_init(&routes);
    list_append_all(&groups, &table->failed_groups);
    list_append_all(&routes, &table->failed_routes);
    while ((node = list_first(&groups)) != NULL)
        table_group_check(table, CONTAINER_OF(node, struct group, todo));
    while ((node = list_first(&routes)) != NULL)
        table_route_check(table, CONTAINER_OF(node, struct route, todo));
}

bool
table_settled(const struct fib_table *table)
{
    return table->writing_count == 0 && table->work_count == 0 &&
           !table_sweeping(table);
}

size_t
table_pending(const struct fib_table *table)
{
    return table->writing_count + table->work_count;
}

size_t
table_failed(const struct fib_table *table)
{
    return table->failed_count;
}
