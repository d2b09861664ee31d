/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/procs/frame.h"

#include <stdlib.h>

#include "reference-nos/base/check.h"

/* All fields of any frame but its payload. */
#define FIELDS_MAX 512u

void
frame_begin(struct wire_writer *writer, enum frame_kind kind, size_t payload)
{
    size_t room = FRAME_HEAD + FIELDS_MAX + payload;
    uint8_t *bytes = malloc(room);

    CHECK(bytes != NULL);
    wire_writer_init(writer, bytes, room);
    wire_write_u32(writer, 0);
    wire_write_u8(writer, (uint8_t)kind);
}

size_t
frame_end(struct wire_writer *writer)
{
    CHECK(wire_writer_finish(writer) == 0);
    wire_write_u32_at(writer, 0, (uint32_t)wire_writer_size(writer) - 4);
    return wire_writer_size(writer);
}

/* ---- events ---- */

static void
message_write(struct wire_writer *writer, const struct actor_message *message)
{
    wire_write_u64(writer, message->from.box);
    wire_write_u8(writer, message->from.service);
    wire_write_u64(writer, message->to.box);
    wire_write_u8(writer, message->to.service);
    wire_write_u8(writer, (uint8_t)message->lane);
    wire_write_u16(writer, message->type);
    wire_write_u64(writer, message->epoch);
    wire_write_blob(writer, message->body, message->size);
}

static int
message_read(struct wire_reader *reader, struct actor_message *message)
{
    uint8_t lane;

    message->from.box = wire_read_u64(reader);
    message->from.service = wire_read_u8(reader);
    message->to.box = wire_read_u64(reader);
    message->to.service = wire_read_u8(reader);
    lane = wire_read_u8(reader);
    message->type = wire_read_u16(reader);
    message->epoch = wire_read_u64(reader);
    message->body = wire_read_blob(reader, &message->size);
    if (lane >= LANE_COUNT)
        return ERR_MALFORMED;
    message->lane = (enum lane)lane;
    return 0;
}

static void
forwarding_write(struct wire_writer *writer, const struct fwd_change *change)
{
    wire_write_u8(writer, (uint8_t)change->kind);
    wire_write_u64(writer, change->token);
    wire_write_u32(writer, (uint32_t)change->status);
    wire_write_u16(writer, change->port);
    wire_write_bool(writer, change->up);
}

static void
forwarding_read(struct wire_reader *reader, struct fwd_change *change)
{
    uint8_t kind = wire_read_u8(reader);

    if (kind >= FWD_CHANGE_KIND_COUNT)
        wire_reader_fail(reader, ERR_RANGE);
    else
        change->kind = (enum fwd_change_kind)kind;
    change->token = wire_read_u64(reader);
    change->status = (int)wire_read_u32(reader);
    change->port = wire_read_u16(reader);
    change->up = wire_read_bool(reader);
}

size_t
frame_event_payload(const struct actor_event *event)
{
    switch (event->kind) {
    case EV_MESSAGE: return event->u.message.size;
    case EV_DATAGRAM: return event->u.datagram.size;
    case EV_PACKET: return event->u.packet.size;
    case EV_OPERATOR: return event->u.operation.size;
    case EV_START:
    case EV_CONTINUE:
    case EV_TIMER:
    case EV_STORAGE:
    case EV_SESSION:
    case EV_HARDWARE:
    case EV_FORWARDING:
    case EV_ALARM: break;
    }
    return 0;
}

void
frame_event_write(struct wire_writer *writer, const struct actor_event *event)
{
    wire_write_u8(writer, (uint8_t)event->kind);
    switch (event->kind) {
    case EV_MESSAGE: message_write(writer, &event->u.message); break;
    case EV_STORAGE:
        wire_write_u64(writer, event->u.storage.token);
        wire_write_u32(writer, (uint32_t)event->u.storage.status);
        break;
    case EV_SESSION:
        wire_write_u64(writer, event->u.session.box);
        wire_write_u64(writer, event->u.session.incarnation);
        wire_write_bool(writer, event->u.session.up);
        break;
    case EV_DATAGRAM:
        wire_write_u8(writer, (uint8_t)event->u.datagram.plane);
        wire_write_u64(writer, event->u.datagram.from);
        wire_write_blob(writer, event->u.datagram.bytes,
                        event->u.datagram.size);
        break;
    case EV_PACKET:
        wire_write_u32(writer, event->u.packet.port);
        wire_write_blob(writer, event->u.packet.bytes, event->u.packet.size);
        break;
    case EV_HARDWARE:
        wire_write_u8(writer, (uint8_t)event->u.hardware.kind);
        wire_write_u16(writer, event->u.hardware.index);
        break;
    case EV_FORWARDING: forwarding_write(writer, &event->u.forwarding); break;
    case EV_OPERATOR:
        wire_write_u64(writer, event->u.operation.token);
        wire_write_blob(writer, event->u.operation.bytes,
                        event->u.operation.size);
        break;
    case EV_ALARM:
        wire_write_u8(writer, (uint8_t)event->u.alarm.code);
        wire_write_u32(writer, event->u.alarm.item);
        wire_write_bool(writer, event->u.alarm.raised);
        wire_write_u64(writer, event->u.alarm.value);
        break;
    case EV_START:
    case EV_CONTINUE:
    case EV_TIMER: break; /* of the process's own runtime */
    }
}

static int
datagram_read(struct wire_reader *reader, struct actor_event *event)
{
    uint8_t plane = wire_read_u8(reader);

    event->u.datagram.from = wire_read_u64(reader);
    event->u.datagram.bytes = wire_read_blob(reader, &event->u.datagram.size);
    if (plane >= PLANE_COUNT)
        return ERR_MALFORMED;
    event->u.datagram.plane = (enum plane)plane;
    return 0;
}

static int
hardware_read(struct wire_reader *reader, struct hw_change *change)
{
    uint8_t kind = wire_read_u8(reader);

    change->index = wire_read_u16(reader);
    if (kind >= HW_KIND_COUNT)
        return ERR_MALFORMED;
    change->kind = (enum hw_kind)kind;
    return 0;
}

static int
alarm_read(struct wire_reader *reader, struct actor_event *event)
{
    uint8_t code = wire_read_u8(reader);

    event->u.alarm.item = wire_read_u32(reader);
    event->u.alarm.raised = wire_read_bool(reader);
    event->u.alarm.value = wire_read_u64(reader);
    if (code >= ALARM_COUNT || event->u.alarm.item >= ACTOR_ALARM_ITEMS_MAX)
        return ERR_MALFORMED;
    event->u.alarm.code = (enum alarm_code)code;
    return 0;
}

/* What follows the kind. */
static int
event_body_read(struct wire_reader *reader, struct actor_event *event)
{
    switch (event->kind) {
    case EV_MESSAGE: return message_read(reader, &event->u.message);
    case EV_STORAGE:
        event->u.storage.token = wire_read_u64(reader);
        event->u.storage.status = (int)wire_read_u32(reader);
        return 0;
    case EV_SESSION:
        event->u.session.box = wire_read_u64(reader);
        event->u.session.incarnation = wire_read_u64(reader);
        event->u.session.up = wire_read_bool(reader);
        return 0;
    case EV_DATAGRAM: return datagram_read(reader, event);
    case EV_PACKET:
        event->u.packet.port = wire_read_u32(reader);
        event->u.packet.bytes = wire_read_blob(reader, &event->u.packet.size);
        return 0;
    case EV_HARDWARE: return hardware_read(reader, &event->u.hardware);
    case EV_FORWARDING:
        forwarding_read(reader, &event->u.forwarding);
        return 0;
    case EV_OPERATOR:
        event->u.operation.token = wire_read_u64(reader);
        event->u.operation.bytes =
            wire_read_blob(reader, &event->u.operation.size);
        return 0;
    case EV_ALARM: return alarm_read(reader, event);
    case EV_START:
    case EV_CONTINUE:
    case EV_TIMER: break;
    }
    return ERR_MALFORMED;
}

int
frame_event_read(struct wire_reader *reader, struct actor_event *event)
{
    uint8_t kind = wire_read_u8(reader);
    int err;

    if (kind > EV_ALARM)
        return ERR_MALFORMED;
    *event = (struct actor_event){.kind = (enum actor_event_kind)kind};
    err = event_body_read(reader, event);
    return err != 0 ? err : wire_reader_finish(reader);
}

/* ---- facts and tables ---- */

void
frame_facts_write(struct wire_writer *writer, const struct box_facts *facts)
{
    wire_write_u64(writer, facts->key);
    wire_write_string(writer, facts->serial);
    wire_write_u8(writer, (uint8_t)facts->role);
    wire_write_u64(writer, facts->cluster_id);
    wire_write_u64(writer, facts->incarnation);
    wire_write_u16(writer, facts->front_ports);
    wire_write_u16(writer, facts->fabric_ports);
    wire_write_u8(writer, (uint8_t)facts->voter_count);
    for (unsigned i = 0; i < FACTS_VOTERS_MAX; i++)
        wire_write_u64(writer, facts->voters[i]);
    wire_write_bool(writer, facts->arbiter);
    wire_write_bool(writer, facts->alone);
}

int
frame_facts_read(struct wire_reader *reader, struct box_facts *facts)
{
    uint8_t role;

    facts->key = wire_read_u64(reader);
    wire_read_string(reader, facts->serial, sizeof(facts->serial));
    role = wire_read_u8(reader);
    facts->cluster_id = wire_read_u64(reader);
    facts->incarnation = wire_read_u64(reader);
    facts->front_ports = wire_read_u16(reader);
    facts->fabric_ports = wire_read_u16(reader);
    facts->voter_count = wire_read_u8(reader);
    for (unsigned i = 0; i < FACTS_VOTERS_MAX; i++)
        facts->voters[i] = wire_read_u64(reader);
    facts->arbiter = wire_read_bool(reader);
    facts->alone = wire_read_bool(reader);
    if (role >= ROLE_COUNT || facts->voter_count > FACTS_VOTERS_MAX)
        return ERR_MALFORMED;
    facts->role = (enum role)role;
    return 0;
}

void
frame_entry_write(struct wire_writer *writer, const struct fwd_entry *entry)
{
    wire_write_u8(writer, (uint8_t)entry->object);
    wire_write_u16(writer, entry->id);
    wire_write_u16(writer, entry->arg);
    wire_write_u64(writer, entry->value);
}

void
frame_entry_read(struct wire_reader *reader, struct fwd_entry *entry)
{
    uint8_t object = wire_read_u8(reader);

    entry->id = wire_read_u16(reader);
    entry->arg = wire_read_u16(reader);
    entry->value = wire_read_u64(reader);
    if (object > FWD_FRONT)
        wire_reader_fail(reader, ERR_MALFORMED);
    else
        entry->object = (enum fwd_object)object;
}

void
frame_group_write(struct wire_writer *writer, const struct fwd_group *group)
{
    wire_write_u32(writer, group->id);
    wire_write_u8(writer, group->count);
    for (unsigned i = 0; i < group->count && i < FWD_HOPS_MAX; i++) {
        wire_write_u16(writer, group->hops[i].module);
        wire_write_u16(writer, group->hops[i].port);
    }
}

void
frame_group_read(struct wire_reader *reader, struct fwd_group *group)
{
    *group = (struct fwd_group){.id = wire_read_u32(reader),
                                .count = wire_read_u8(reader)};
    if (group->count > FWD_HOPS_MAX) {
        wire_reader_fail(reader, ERR_RANGE);
        group->count = 0;
    }
    for (unsigned i = 0; i < group->count; i++) {
        group->hops[i].module = wire_read_u16(reader);
        group->hops[i].port = wire_read_u16(reader);
    }
}

void
frame_prefix_write(struct wire_writer *writer, const struct fwd_prefix *prefix)
{
    wire_write_u8(writer, prefix->family);
    wire_write_u8(writer, prefix->length);
    wire_write_bytes(writer, prefix->bytes, sizeof(prefix->bytes));
}

void
frame_prefix_read(struct wire_reader *reader, struct fwd_prefix *prefix)
{
    *prefix = (struct fwd_prefix){.family = wire_read_u8(reader),
                                  .length = wire_read_u8(reader)};
    wire_read_copy(reader, prefix->bytes, sizeof(prefix->bytes));
}

void
frame_route_write(struct wire_writer *writer, const struct fwd_route *route)
{
    frame_prefix_write(writer, &route->prefix);
    wire_write_u32(writer, route->group);
}

void
frame_route_read(struct wire_reader *reader, struct fwd_route *route)
{
    frame_prefix_read(reader, &route->prefix);
    route->group = wire_read_u32(reader);
}
