/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers to operators: the ASIC is read back, belief is not enough.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/fib/fib_priv.h"
#include "reference-nos/schema/operator_msg.h"

#include <string.h>

#define TELL_BYTES 128u

static void
tell(struct fib *fib, uint64_t box, const struct wire_writer *writer)
{
    struct actor_address to = {box, SVC_RIB};

    (void)!actor_send(fib->self, to, LANE_CONTROL, MSG_FIB_TELL, fib->term,
                      writer->start, wire_writer_size(writer));
}

/* ---- audit ---- */

static bool
group_agrees(const struct fib *fib, const struct fwd_group *group)
{
    const struct fwd_group *known = table_group(fib->table, group->id);

    return known != NULL && known->count == group->count &&
           memcmp(known->hops, group->hops,
                  group->count * sizeof(group->hops[0])) == 0;
}

/* True at the end. */
static int
groups_read(struct fib *fib, bool *end)
{
    struct plat *plat = actor_plat(fib->self);
    struct audit *audit = &fib->audit;
    struct fwd_group groups[TABLE_BATCH];
    size_t count = 0;
    int error = plat->fwd->groups_dump(plat, audit->group_at, groups,
                                       TABLE_BATCH, &count);

    for (size_t i = 0; i < count; i++) {
        audit->differs |= !group_agrees(fib, &groups[i]);
        audit->asic.groups++;
        audit->group_at = groups[i].id;
    }
    actor_charge(fib->self, COST_TABLE_READ, count);
    *end = count < TABLE_BATCH;
    return error;
}

static int
routes_read(struct fib *fib, bool *end)
{
    struct plat *plat = actor_plat(fib->self);
    struct audit *audit = &fib->audit;
    struct fwd_route routes[TABLE_BATCH];
    size_t count = 0;
    int error = plat->fwd->routes_dump(
        plat, audit->route_at.family == 0 ? NULL : &audit->route_at, routes,
        TABLE_BATCH, &count);

    for (size_t i = 0; i < count; i++) {
        const struct fwd_group *group =
            table_group(fib->table, routes[i].group);

        audit->differs |= routes[i].group >= FWD_GROUP_FIRST && group == NULL;
        audit->asic.routes++;
        audit->asic.hash += prefix_route_hash(&routes[i].prefix, group);
        audit->route_at = routes[i].prefix;
    }
    actor_charge(fib->self, COST_TABLE_READ, count);
    *end = count < TABLE_BATCH;
    return error;
}

static void
audit_tell(struct fib *fib)
{
    struct audit *audit = &fib->audit;
    struct fib_tell said = {
        .id = audit->id,
        .term = fib->term,
        .fib = table_sum(fib->table),
        .asic = audit->asic,
        .pending = table_pending(fib->table) + (audit->token != fib->token),
        .failed = table_failed(fib->table),
        .complete = fib->in.complete && !table_sweeping(fib->table),
    };
    uint8_t bytes[TELL_BYTES];
    struct wire_writer writer;

    /* A group that is not what it should be changes every sum. */
    if (audit->differs)
        said.asic.hash = ~said.asic.hash;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    fib_tell_write(&writer, &said);
    CHECK(wire_writer_finish(&writer) == 0);
    tell(fib, audit->box, &writer);
    audit->active = false;
}

int
answer_step(struct fib *fib)
{
    struct audit *audit = &fib->audit;
    bool end = false;
    int error;

    if (!audit->routes) {
        error = groups_read(fib, &end);
        audit->routes = end;
        return error;
    }
    error = routes_read(fib, &end);
    if (error == 0 && end)
        audit_tell(fib);
    return error;
}

/* ---- list ---- */

static void
route_tell(struct fib *fib, struct wire_writer *writer,
           const struct fwd_route *route)
{
    const struct fwd_group *group = table_group(fib->table, route->group);
    struct operator_route out = {.prefix = route->prefix};

    if (group != NULL)
        out.group = *group;
    out.group.id = route->group;
    operator_route_write(writer, &out);
}

static void
list_tell(struct fib *fib, const struct fib_ask *ask, uint64_t box)
{
    struct plat *plat = actor_plat(fib->self);
    struct fwd_route routes[OPERATOR_ROUTES_MAX + 1];
    struct fib_tell said = {.id = ask->id, .term = fib->term};
    uint8_t bytes[TELL_BYTES + OPERATOR_ROUTES_MAX * OPERATOR_ROUTE_BYTES_MAX];
    struct wire_writer writer;
    size_t count = 0;

    if (plat->fwd->routes_dump(plat, ask->behind ? &ask->after : NULL, routes,
                               OPERATOR_ROUTES_MAX + 1, &count) != 0)
        return;
    actor_charge(fib->self, COST_TABLE_READ, count);
    said.cut = count > OPERATOR_ROUTES_MAX;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    fib_tell_write(&writer, &said);
    for (size_t i = 0; i < count && i < OPERATOR_ROUTES_MAX; i++)
        route_tell(fib, &writer, &routes[i]);
    CHECK(wire_writer_finish(&writer) == 0);
    tell(fib, box, &writer);
}

void
answer_begin(struct fib *fib, const struct actor_message *message)
{
    struct wire_reader reader;
    struct fib_ask ask;

    wire_reader_init(&reader, message->body, message->size);
    if (fib_ask_read(&reader, &ask) != 0)
        return;
    if (ask.question == FIB_LIST) {
        list_tell(fib, &ask, message->from.box);
        return;
    }
    fib->audit = (struct audit){.active = true,
                                .box = message->from.box,
                                .id = ask.id,
                                .token = fib->token};
}
