/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/record/tape_plat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/runtime/service_ids.h"

/* A replayed file or blob beyond this is a damaged recording. */
#define BYTES_MAX (1ull << 30)

static struct tape_plat *
self_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct tape_plat, plat);
}

static struct tape *
output(struct tape_plat *self, enum tape_tag tag)
{
    self->outputs++;
    tape_begin(&self->tape, tag);
    return &self->tape;
}

static struct tape *
question(struct tape_plat *self, enum tape_tag tag)
{
    tape_begin(&self->tape, tag);
    return &self->tape;
}

/* What an operation returned.  One of a step that has parted fails. */
static int
status(struct tape_plat *self, int mine)
{
    uint64_t value = tape_answer(&self->tape, (uint64_t)mine);

    if (self->tape.different || value > INT32_MAX)
        return ERR_IO;
    return (int)value;
}

/* Replaying, what was asked for with success will complete. */
static int
asked(struct tape_plat *self, unsigned service, uint64_t token, int error)
{
    if (self->door != NULL || error != 0)
        return error;
    if (self->asked_count == self->asked_room) {
        self->asked_room = 2 * self->asked_room + 16;
        self->asked =
            realloc(self->asked, self->asked_room * sizeof(*self->asked));
        CHECK(self->asked != NULL);
    }
    self->asked[self->asked_count++] = (struct tape_asked){service, token};
    return 0;
}

bool
tape_plat_completes(struct tape_plat *self, uint64_t service, uint64_t token)
{
    for (size_t i = 0; i < self->asked_count; i++) {
        if (self->asked[i].service != service || self->asked[i].token != token)
            continue;
        self->asked_count--;
        memmove(&self->asked[i], &self->asked[i + 1],
                (self->asked_count - i) * sizeof(*self->asked));
        return true;
    }
    return false;
}

/* ---- plat_ops ---- */

static uint64_t
now_ns(struct plat *plat)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_NOW);
    uint64_t mine = door != NULL ? door->ops->now_ns(door) : 0;
    uint64_t step = tape_answer(tape, mine - self->now_ns);

    if (!tape->different)
        self->now_ns += step;
    return self->now_ns;
}

static uint64_t
wall_ns(struct plat *plat)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_WALL);

    return tape_answer(tape, door != NULL ? door->ops->wall_ns(door) : 0);
}

static uint64_t
random_u64(struct plat *plat)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_RANDOM);
    uint64_t drawn =
        tape_answer(tape, door != NULL ? door->ops->random(door) : 0);

    return tape->different ? ++self->draws : drawn;
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    struct tape_plat *self = self_of(plat);

    tape_same(output(self, TAPE_WAKE_AT), "deadline", deadline_ns);
    if (self->door != NULL)
        self->door->ops->wake_at(self->door, deadline_ns);
}

static void
ready(struct plat *plat, unsigned service)
{
    struct tape_plat *self = self_of(plat);

    tape_same(output(self, TAPE_READY), "service", service);
    if (self->door != NULL)
        self->door->ops->ready(self->door, service);
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    struct plat *door = self_of(plat)->door;

    if (door != NULL)
        door->ops->charge(door, cost, units);
}

static void
datagram_send(struct plat *plat, enum plane plane, uint64_t to, enum lane lane,
              const void *bytes, size_t size)
{
    struct tape_plat *self = self_of(plat);
    struct tape *tape = output(self, TAPE_DATAGRAM_SEND);

    tape_same(tape, "plane", plane);
    tape_same(tape, "to", to);
    tape_same(tape, "lane", lane);
    tape_same_bytes(tape, "bytes", bytes, size);
    if (self->door != NULL)
        self->door->ops->datagram_send(self->door, plane, to, lane, bytes,
                                       size);
}

static void
packet_send(struct plat *plat, unsigned fabric_port, const void *bytes,
            size_t size)
{
    struct tape_plat *self = self_of(plat);
    struct tape *tape = output(self, TAPE_PACKET_SEND);

    tape_same(tape, "port", fabric_port);
    tape_same_bytes(tape, "bytes", bytes, size);
    if (self->door != NULL)
        self->door->ops->packet_send(self->door, fabric_port, bytes, size);
}

static int
storage_append(struct plat *plat, enum storage_file file, const void *bytes,
               size_t size)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_APPEND);

    tape_same(tape, "file", file);
    tape_same_bytes(tape, "bytes", bytes, size);
    return status(
        self,
        door != NULL ? door->ops->storage_append(door, file, bytes, size) : 0);
}

static int
storage_truncate(struct plat *plat, enum storage_file file, uint64_t size)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_TRUNCATE);

    tape_same(tape, "file", file);
    tape_same(tape, "size", size);
    return status(self, door != NULL
                            ? door->ops->storage_truncate(door, file, size)
                            : 0);
}

static int
storage_sync(struct plat *plat, enum storage_file file, unsigned service,
             uint64_t token)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_SYNC);

    tape_same(tape, "file", file);
    tape_same(tape, "service", service);
    tape_same(tape, "token", token);
    return asked(self, service, token,
                 status(self, door != NULL ? door->ops->storage_sync(
                                                 door, file, service, token)
                                           : 0));
}

static int
storage_replace(struct plat *plat, enum storage_file file, const void *bytes,
                size_t size, unsigned service, uint64_t token)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_REPLACE);

    tape_same(tape, "file", file);
    tape_same_bytes(tape, "bytes", bytes, size);
    tape_same(tape, "service", service);
    tape_same(tape, "token", token);
    return asked(self, service, token,
                 status(self, door != NULL ? door->ops->storage_replace(
                                                 door, file, bytes, size,
                                                 service, token)
                                           : 0));
}

static int
storage_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_SIZE);
    uint64_t mine = 0;
    int err = 0;

    tape_same(tape, "file", file);
    if (door != NULL)
        err = door->ops->storage_size(door, file, &mine);
    err = status(self, err);
    mine = tape_answer(tape, mine);
    if (err == 0)
        *size = mine;
    return err;
}

static int
storage_read(struct plat *plat, enum storage_file file, uint64_t offset,
             void *bytes, size_t size)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_READ);
    int err = 0;

    tape_same(tape, "file", file);
    tape_same(tape, "offset", offset);
    tape_same(tape, "size", size);
    if (door != NULL)
        err = door->ops->storage_read(door, file, offset, bytes, size);
    err = status(self, err);
    if (err == 0)
        tape_answer_bytes(tape, bytes, size);
    return err;
}

/* The replayed bytes of a blob. */
static int
blob_load(struct tape_plat *self, const void **bytes, size_t size)
{
    uint8_t *copy;

    if (size > BYTES_MAX || self->blob_count == TAPE_BLOBS_MAX)
        return ERR_RANGE;
    copy = malloc(size + 1);
    CHECK(copy != NULL);
    tape_answer_bytes(&self->tape, copy, size);
    self->blobs[self->blob_count++] = copy;
    *bytes = copy;
    return 0;
}

static int
blob_get(struct plat *plat, const char *name, const void **bytes, size_t *size)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_BLOB);
    int err = 0;

    tape_same_bytes(tape, "name", name, strlen(name));
    if (door != NULL)
        err = door->ops->blob_get(door, name, bytes, size);
    err = status(self, err);
    if (err != 0)
        return err;
    *size = (size_t)tape_answer(tape, *size);
    if (door == NULL)
        return blob_load(self, bytes, *size);
    tape_note_bytes(tape, *bytes, *size);
    return 0;
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_CHUNK);
    void *chunk = NULL;

    if (door != NULL)
        chunk = door->ops->chunk_take(door, size);
    if (tape_answer(tape, chunk != NULL) && door == NULL) {
        chunk = malloc(size);
        CHECK(chunk != NULL);
    }
    return chunk;
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    struct plat *door = self_of(plat)->door;

    if (door != NULL)
        door->ops->chunk_give(door, chunk, size);
    else
        free(chunk);
}

static void
operator_reply(struct plat *plat, uint64_t token, const void *bytes,
               size_t size)
{
    struct tape_plat *self = self_of(plat);
    struct tape *tape = output(self, TAPE_REPLY);

    tape_same(tape, "token", token);
    tape_same_bytes(tape, "bytes", bytes, size);
    if (self->door != NULL)
        self->door->ops->operator_reply(self->door, token, bytes, size);
}

static void
log_line(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    struct tape_plat *self = self_of(plat);
    struct tape *tape = output(self, TAPE_LOG);

    tape_same(tape, "service", service);
    tape_same(tape, "severity", severity);
    tape_same_bytes(tape, "text", text, strlen(text));
    if (self->door != NULL)
        self->door->ops->log(self->door, service, severity, text);
    else if (self->log != NULL)
        fprintf(self->log, "%.6f %s: %s\n",
                (double)(self->now_ns - self->boot_ns) / 1e9,
                service_name(service), text);
}

static void
trace(struct plat *plat, const struct trace_record *record)
{
    struct tape_plat *self = self_of(plat);
    struct tape *tape = output(self, TAPE_TRACE);

    tape_same(tape, trace_kind_name(record->kind), record->kind);
    tape_same(tape, "service", record->service);
    tape_same(tape, "a", record->a);
    tape_same(tape, "b", record->b);
    tape_same(tape, "c", record->c);
    tape_same(tape, "d", record->d);
    if (self->door != NULL)
        self->door->ops->trace(self->door, record);
    else if (self->log != NULL)
        fprintf(self->log, "%.6f %s: %s a=%llu b=%llu c=%llu d=%llu\n",
                (double)(self->now_ns - self->boot_ns) / 1e9,
                service_name(record->service), trace_kind_name(record->kind),
                (unsigned long long)record->a, (unsigned long long)record->b,
                (unsigned long long)record->c, (unsigned long long)record->d);
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    struct tape_plat *self = self_of(plat);

    tape_same(output(self, TAPE_RESTART), "cause", cause);
    if (self->door != NULL)
        self->door->ops->restart(self->door, cause);
}

static const struct plat_ops ops = {
    .now_ns = now_ns,
    .wall_ns = wall_ns,
    .random = random_u64,
    .wake_at = wake_at,
    .ready = ready,
    .charge = charge,
    .datagram_send = datagram_send,
    .packet_send = packet_send,
    .storage_append = storage_append,
    .storage_truncate = storage_truncate,
    .storage_sync = storage_sync,
    .storage_replace = storage_replace,
    .storage_size = storage_size,
    .storage_read = storage_read,
    .blob_get = blob_get,
    .chunk_take = chunk_take,
    .chunk_give = chunk_give,
    .operator_reply = operator_reply,
    .log = log_line,
    .trace = trace,
    .restart = restart,
};

/* ---- hw_ops ---- */

static unsigned
hw_count(struct plat *plat, enum hw_kind kind)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_HW_COUNT);

    tape_same(tape, "kind", kind);
    return (unsigned)tape_answer(
        tape, door != NULL ? door->hw->count(door, kind) : 0);
}

static struct tape *
item(struct tape *tape, enum hw_kind kind, unsigned index)
{
    tape_same(tape, "kind", kind);
    tape_same(tape, "index", index);
    return tape;
}

static int32_t
answer_i32(struct tape *tape, int32_t mine)
{
    return (int32_t)(uint32_t)tape_answer(tape, (uint32_t)mine);
}

static int
hw_describe(struct plat *plat, enum hw_kind kind, unsigned index,
            struct hw_description *description)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = item(question(self, TAPE_HW_DESCRIBE), kind, index);
    struct hw_description mine = {.name = ""};
    int err = 0;

    if (door != NULL)
        err = door->hw->describe(door, kind, index, &mine);
    err = status(self, err);
    if (err != 0)
        return err;
    tape_answer_bytes(tape, mine.name, sizeof(mine.name));
    mine.name[sizeof(mine.name) - 1] = '\0';
    mine.high_mc = answer_i32(tape, mine.high_mc);
    mine.critical_mc = answer_i32(tape, mine.critical_mc);
    mine.max_rpm = (uint32_t)tape_answer(tape, mine.max_rpm);
    *description = mine;
    return 0;
}

static int
hw_read(struct plat *plat, enum hw_kind kind, unsigned index,
        struct hw_reading *reading)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = item(question(self, TAPE_HW_READ), kind, index);
    struct hw_reading mine = {0};
    int err = 0;

    if (door != NULL)
        err = door->hw->read(door, kind, index, &mine);
    err = status(self, err);
    if (err != 0)
        return err;
    mine.present = tape_answer(tape, mine.present) != 0;
    mine.ok = tape_answer(tape, mine.ok) != 0;
    mine.value = answer_i32(tape, mine.value);
    mine.secondary = answer_i32(tape, mine.secondary);
    *reading = mine;
    return 0;
}

static int
hw_fan_set(struct plat *plat, unsigned index, unsigned duty_percent)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_FAN_SET);

    tape_same(tape, "index", index);
    tape_same(tape, "duty", duty_percent);
    return status(
        self, door != NULL ? door->hw->fan_set(door, index, duty_percent) : 0);
}

static int
hw_led_set(struct plat *plat, unsigned index, enum led_state state)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_LED_SET);

    tape_same(tape, "index", index);
    tape_same(tape, "state", state);
    return status(self,
                  door != NULL ? door->hw->led_set(door, index, state) : 0);
}

static enum reboot_cause
hw_reboot_cause(struct plat *plat)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_REBOOT_CAUSE);
    uint64_t cause =
        tape_answer(tape, door != NULL ? door->hw->reboot_cause(door) : 0);

    return cause < REBOOT_CAUSE_COUNT ? (enum reboot_cause)cause
                                      : REBOOT_POWER_LOSS;
}

static const struct hw_ops hw = {
    .count = hw_count,
    .describe = hw_describe,
    .read = hw_read,
    .fan_set = hw_fan_set,
    .led_set = hw_led_set,
    .reboot_cause = hw_reboot_cause,
};

/* ---- fwd_ops ---- */

static int
fwd_bulk_set(struct plat *plat, const struct fwd_entry *entries, size_t count,
             uint64_t token)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_BULK_SET);

    tape_same(tape, "token", token);
    tape_same(tape, "entries", count);
    for (size_t i = 0; i < count; i++) {
        tape_same(tape, "object", entries[i].object);
        tape_same(tape, "id", entries[i].id);
        tape_same(tape, "arg", entries[i].arg);
        tape_same(tape, "value", entries[i].value);
    }
    return status(self, door != NULL
                            ? door->fwd->bulk_set(door, entries, count, token)
                            : 0);
}

static void
answer_entry(struct tape *tape, struct fwd_entry *entry)
{
    entry->object = (enum fwd_object)tape_answer(tape, entry->object);
    entry->id = (uint16_t)tape_answer(tape, entry->id);
    entry->arg = (uint16_t)tape_answer(tape, entry->arg);
    entry->value = tape_answer(tape, entry->value);
}

static int
fwd_dump(struct plat *plat, struct fwd_entry *entries, size_t room,
         size_t *count)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_DUMP);
    uint64_t copied;
    int err = 0;

    tape_same(tape, "room", room);
    *count = 0;
    if (door != NULL)
        err = door->fwd->dump(door, entries, room, count);
    err = status(self, err);
    if (err != 0)
        return err;
    copied = tape_answer(tape, *count);
    for (uint64_t i = 0; i < copied && i < room; i++) {
        if (door == NULL)
            entries[i] = (struct fwd_entry){0};
        answer_entry(tape, &entries[i]);
    }
    *count = copied < room ? (size_t)copied : room;
    return 0;
}

static int
fwd_link_up(struct plat *plat, unsigned fabric_port, bool *up)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_LINK_UP);
    bool mine = false;
    int err = 0;

    tape_same(tape, "port", fabric_port);
    if (door != NULL)
        err = door->fwd->link_up(door, fabric_port, &mine);
    err = status(self, err);
    if (err == 0)
        *up = tape_answer(tape, mine) != 0;
    return err;
}

static void
same_group(struct tape *tape, const struct fwd_group *group)
{
    tape_same(tape, "id", group->id);
    tape_same(tape, "hops", group->count);
    for (unsigned i = 0; i < group->count; i++) {
        tape_same(tape, "module", group->hops[i].module);
        tape_same(tape, "port", group->hops[i].port);
    }
}

static void
same_prefix(struct tape *tape, const struct fwd_prefix *prefix)
{
    tape_same(tape, "family", prefix->family);
    tape_same(tape, "length", prefix->length);
    tape_same_bytes(tape, "address", prefix->bytes, sizeof(prefix->bytes));
}

static int
fwd_groups_set(struct plat *plat, const struct fwd_group *groups, size_t count,
               uint64_t token)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_GROUPS_SET);

    tape_same(tape, "token", token);
    tape_same(tape, "groups", count);
    for (size_t i = 0; i < count; i++)
        same_group(tape, &groups[i]);
    return status(self, door != NULL
                            ? door->fwd->groups_set(door, groups, count, token)
                            : 0);
}

static int
fwd_routes_set(struct plat *plat, const struct fwd_route *routes, size_t count,
               uint64_t token)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = output(self, TAPE_ROUTES_SET);

    tape_same(tape, "token", token);
    tape_same(tape, "routes", count);
    for (size_t i = 0; i < count; i++) {
        same_prefix(tape, &routes[i].prefix);
        tape_same(tape, "group", routes[i].group);
    }
    return status(self, door != NULL
                            ? door->fwd->routes_set(door, routes, count, token)
                            : 0);
}

static void
answer_group(struct tape *tape, struct fwd_group *group)
{
    uint64_t count;

    group->id = (uint32_t)tape_answer(tape, group->id);
    count = tape_answer(tape, group->count);
    group->count = (uint8_t)(count < FWD_HOPS_MAX ? count : FWD_HOPS_MAX);
    for (unsigned i = 0; i < group->count; i++) {
        struct fwd_hop *hop = &group->hops[i];

        hop->module = (uint16_t)tape_answer(tape, hop->module);
        hop->port = (uint16_t)tape_answer(tape, hop->port);
    }
}

static void
answer_route(struct tape *tape, struct fwd_route *route)
{
    struct fwd_prefix *prefix = &route->prefix;

    prefix->family = (uint8_t)tape_answer(tape, prefix->family);
    prefix->length = (uint8_t)tape_answer(tape, prefix->length);
    tape_answer_bytes(tape, prefix->bytes, sizeof(prefix->bytes));
    route->group = (uint32_t)tape_answer(tape, route->group);
}

static int
fwd_groups_dump(struct plat *plat, uint32_t after, struct fwd_group *groups,
                size_t room, size_t *count)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_GROUPS_DUMP);
    uint64_t copied;
    int err = 0;

    tape_same(tape, "after", after);
    tape_same(tape, "room", room);
    *count = 0;
    if (door != NULL)
        err = door->fwd->groups_dump(door, after, groups, room, count);
    err = status(self, err);
    if (err != 0)
        return err;
    copied = tape_answer(tape, *count);
    for (uint64_t i = 0; i < copied && i < room; i++) {
        if (door == NULL)
            groups[i] = (struct fwd_group){0};
        answer_group(tape, &groups[i]);
    }
    *count = copied < room ? (size_t)copied : room;
    return 0;
}

static int
fwd_routes_dump(struct plat *plat, const struct fwd_prefix *after,
                struct fwd_route *routes, size_t room, size_t *count)
{
    struct tape_plat *self = self_of(plat);
    struct plat *door = self->door;
    struct tape *tape = question(self, TAPE_ROUTES_DUMP);
    uint64_t copied;
    int err = 0;

    tape_same(tape, "after", after != NULL);
    if (after != NULL)
        same_prefix(tape, after);
    tape_same(tape, "room", room);
    *count = 0;
    if (door != NULL)
        err = door->fwd->routes_dump(door, after, routes, room, count);
    err = status(self, err);
    if (err != 0)
        return err;
    copied = tape_answer(tape, *count);
    for (uint64_t i = 0; i < copied && i < room; i++) {
        if (door == NULL)
            routes[i] = (struct fwd_route){0};
        answer_route(tape, &routes[i]);
    }
    *count = copied < room ? (size_t)copied : room;
    return 0;
}

static const struct fwd_ops fwd = {
    .bulk_set = fwd_bulk_set,
    .dump = fwd_dump,
    .link_up = fwd_link_up,
    .groups_set = fwd_groups_set,
    .routes_set = fwd_routes_set,
    .groups_dump = fwd_groups_dump,
    .routes_dump = fwd_routes_dump,
};

/* ---- the whole ---- */

void
tape_plat_facts(struct tape_plat *self)
{
    struct box_facts *facts = &self->facts;
    struct tape *tape = &self->tape;
    uint64_t flags;

    facts->key = tape_answer(tape, facts->key);
    tape_answer_bytes(tape, facts->serial, sizeof(facts->serial));
    facts->serial[FACTS_SERIAL_MAX - 1] = '\0';
    facts->role = (enum role)tape_answer(tape, facts->role);
    facts->cluster_id = tape_answer(tape, facts->cluster_id);
    facts->incarnation = tape_answer(tape, facts->incarnation);
    facts->front_ports = (uint16_t)tape_answer(tape, facts->front_ports);
    facts->fabric_ports = (uint16_t)tape_answer(tape, facts->fabric_ports);
    facts->voter_count = (unsigned)tape_answer(tape, facts->voter_count);
    for (unsigned i = 0; i < FACTS_VOTERS_MAX; i++)
        facts->voters[i] = tape_answer(tape, facts->voters[i]);
    /* Two flags in one answer: recordings older than the second one. */
    flags = tape_answer(tape, facts->arbiter | (facts->alone ? 2u : 0u));
    facts->arbiter = (flags & 1) != 0;
    facts->alone = (flags & 2) != 0;
    self->plat.mutation = (unsigned)tape_answer(tape, self->plat.mutation);
}

void
tape_plat_init(struct tape_plat *self, struct plat *door)
{
    *self = (struct tape_plat){.door = door};
    tape_init(&self->tape, door == NULL);
    self->plat.ops = &ops;
    self->plat.hw = &hw;
    self->plat.fwd = &fwd;
    self->plat.facts = &self->facts;
    if (door != NULL) {
        self->facts = *door->facts;
        self->plat.mutation = door->mutation;
    }
}

void
tape_plat_fini(struct tape_plat *self)
{
    for (unsigned i = 0; i < self->blob_count; i++)
        free(self->blobs[i]);
    free(self->asked);
    tape_fini(&self->tape);
}
