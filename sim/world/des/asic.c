/* SPDX-License-Identifier: Apache-2.0
 *
 * Group and route tables of each box's ASIC: they outlast services, and are
 * lost when the box restarts or loses power.  Writes are done one after
 * another, at the rate of parts.yaml ("packet-asic").
 */
#include "sim/world/des/des_priv.h"

#include <stdlib.h>
#include <string.h>

/* Groups or routes on their way into the ASIC. */
struct asic_write {
    struct event event;
    struct list_node node;
    struct des_box *box;
    uint64_t incarnation;
    uint64_t token;
    size_t group_count, route_count;
    union {
        struct fwd_group groups[FWD_WRITE_MAX];
        struct fwd_route routes[FWD_WRITE_MAX];
    } u;
};

static void *
chunk_take(void *arg, size_t size)
{
    void *chunk = malloc(size);

    (void)arg;
    CHECK(chunk != NULL);
    return chunk;
}

static void
chunk_give(void *arg, void *chunk, size_t size)
{
    (void)arg, (void)size;
    free(chunk);
}

/* Made when something is written first: most boxes have no such tables. */
static struct fwd_table *
table_of(struct des_box *box)
{
    static const struct mem_source source = {chunk_take, chunk_give, NULL};
    const struct parts *parts = &box->des->plan->parts;

    if (box->asic != NULL)
        return box->asic;
    box->asic_mem = mem_create(&source, MEM_NO_LIMIT);
    CHECK(box->asic_mem != NULL);
    CHECK(fwd_table_create(box->asic_mem, parts->asic_groups,
                           parts->asic_routes, &box->asic) == 0);
    return box->asic;
}

static void
tell(struct des_box *box, const struct des_programmed *programmed)
{
    packets_programmed(box, programmed);
    if (box->des->programmed != NULL)
        box->des->programmed(box->des->programmed_context, programmed);
}

static int
group_write(struct des_box *box, const struct fwd_group *group)
{
    struct des_programmed programmed = {.box = box->index, .group = group};
    int error = fwd_table_group(table_of(box), group);

    if (error == 0)
        tell(box, &programmed);
    return error;
}

static int
route_write(struct des_box *box, const struct fwd_route *route)
{
    struct des_programmed programmed = {.box = box->index, .route = route};
    int error = fwd_table_route(table_of(box), route);

    if (error == 0)
        tell(box, &programmed);
    return error;
}

/* The first error; the rest is done. */
static int
write_do(const struct asic_write *write)
{
    int first = 0;

    for (size_t i = 0; i < write->group_count; i++) {
        int error = group_write(write->box, &write->u.groups[i]);

        first = first != 0 ? first : error;
    }
    for (size_t i = 0; i < write->route_count; i++) {
        int error = route_write(write->box, &write->u.routes[i]);

        first = first != 0 ? first : error;
    }
    return first;
}

static void
write_fire(struct event *event, struct simtime now)
{
    struct asic_write *write = CONTAINER_OF(event, struct asic_write, event);
    struct des_box *box = write->box;
    struct fwd_change done = {.kind = FWD_ROUTES_DONE, .token = write->token};

    (void)now;
    if (box->runtime != NULL && box->facts.incarnation == write->incarnation) {
        done.status = write_do(write);
        runtime_forwarding_changed(box->runtime, &done);
    }
    list_remove(&write->node);
    free(write);
}

static struct asic_write *
write_begin(struct plat *plat, uint64_t token)
{
    struct des_box *box = CONTAINER_OF(plat, struct des_box, plat);
    struct asic_write *write = calloc(1, sizeof(*write));

    CHECK(write != NULL);
    list_push_back(&box->des->asic_writes, &write->node);
    write->box = box;
    write->incarnation = box->facts.incarnation;
    write->token = token;
    return write;
}

static void
write_schedule(struct asic_write *write, size_t count)
{
    struct des_box *box = write->box;
    struct simtime at = simtime_add(des_box_time(box), simtime_from_us(1));

    if (simtime_before(at, box->asic_busy_until))
        at = box->asic_busy_until;
    at = simtime_add(
        at, simtime_from_ps(count * box->des->plan->parts.asic_write.ps));
    box->asic_busy_until = at;
    event_init(&write->event, EVENT_CLASS_DEVICE, box->index, write_fire);
    des_schedule(box->des, &write->event, at);
}

int
asic_groups_set(struct plat *plat, const struct fwd_group *groups,
                size_t count, uint64_t token)
{
    int error = fwd_groups_check(groups, count);
    struct asic_write *write;

    if (error != 0)
        return error;
    write = write_begin(plat, token);
    write->group_count = count;
    memcpy(write->u.groups, groups, count * sizeof(*groups));
    write_schedule(write, count);
    return 0;
}

int
asic_routes_set(struct plat *plat, const struct fwd_route *routes,
                size_t count, uint64_t token)
{
    int error = fwd_routes_check(routes, count);
    struct asic_write *write;

    if (error != 0)
        return error;
    write = write_begin(plat, token);
    write->route_count = count;
    memcpy(write->u.routes, routes, count * sizeof(*routes));
    write_schedule(write, count);
    return 0;
}

int
asic_groups_dump(struct plat *plat, uint32_t after, struct fwd_group *groups,
                 size_t room, size_t *count)
{
    struct des_box *box = CONTAINER_OF(plat, struct des_box, plat);

    *count = box->asic == NULL
                 ? 0
                 : fwd_table_groups_dump(box->asic, after, groups, room);
    return 0;
}

int
asic_routes_dump(struct plat *plat, const struct fwd_prefix *after,
                 struct fwd_route *routes, size_t room, size_t *count)
{
    struct des_box *box = CONTAINER_OF(plat, struct des_box, plat);

    *count = box->asic == NULL
                 ? 0
                 : fwd_table_routes_dump(box->asic, after, routes, room);
    return 0;
}

const struct fwd_table *
des_routes(struct world *world, unsigned box)
{
    return des_box(world, box)->asic;
}

void
des_on_programmed(struct world *world, des_programmed_fn *programmed,
                  void *context)
{
    struct des *des = CONTAINER_OF(world, struct des, world);

    des->programmed = programmed;
    des->programmed_context = context;
}

void
asic_box_down(struct des_box *box)
{
    struct des_programmed programmed = {.box = box->index};

    if (box->asic != NULL)
        tell(box, &programmed);
    mem_destroy(box->asic_mem);
    box->asic_mem = NULL;
    box->asic = NULL;
    box->asic_busy_until = (struct simtime){0};
}

void
asic_init(struct des *des)
{
    list_init(&des->asic_writes);
}

void
asic_fini(struct des *des)
{
    struct list_node *node;

    while ((node = list_pop_front(&des->asic_writes)) != NULL)
        free(CONTAINER_OF(node, struct asic_write, node));
    for (unsigned i = 0; i < des->box_count; i++)
        mem_destroy(des->boxes[i].asic_mem);
}
