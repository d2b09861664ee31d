/* SPDX-License-Identifier: Apache-2.0
 *
 * What the process of a service asks of its box.
 */
#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "reference-nos/linux/procs/procs_priv.h"

/* Entries of one table write or dump. */
#define ENTRIES_MAX 8192u

static struct plat *
door_of(struct proc *proc)
{
    return proc->proxy->procs->options.door;
}

static unsigned
service_of(struct proc *proc)
{
    return proc->proxy->kind.id;
}

static void
answer_begin(struct wire_writer *writer, int status, size_t payload)
{
    frame_begin(writer, FRAME_ANSWER, payload);
    wire_write_u32(writer, (uint32_t)status);
}

static void
answer(struct proc *proc, int status)
{
    struct wire_writer writer;

    answer_begin(&writer, status, 0);
    proc_tell(proc, &writer);
}

/* ---- the other services ---- */

static int
message(struct proc *proc, struct wire_reader *reader)
{
    struct actor *self = proc->proxy->self;
    struct actor_event event;
    const struct actor_message *said = &event.u.message;
    int err = frame_event_read(reader, &event);

    if (err != 0 || event.kind != EV_MESSAGE)
        return ERR_MALFORMED;
    if (said->from.box != 0)
        err = actor_deliver(self, said);
    else
        err = actor_send(self, said->to, said->lane, said->type, said->epoch,
                         said->body, said->size);
    answer(proc, err);
    return 0;
}

static int
session(struct proc *proc, struct wire_reader *reader)
{
    struct actor_event event;
    int err = frame_event_read(reader, &event);

    if (err != 0 || event.kind != EV_SESSION)
        return ERR_MALFORMED;
    actor_session(proc->proxy->self, event.u.session.box,
                  event.u.session.incarnation, event.u.session.up);
    return 0;
}

static int
alarm_said(struct proc *proc, struct wire_reader *reader)
{
    struct actor_event event;
    int err = frame_event_read(reader, &event);

    if (err != 0 || event.kind != EV_ALARM)
        return ERR_MALFORMED;
    actor_alarm(proc->proxy->self, event.u.alarm.code, event.u.alarm.item,
                event.u.alarm.raised, event.u.alarm.value);
    return 0;
}

/* ---- the world ---- */

static int
datagram(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint8_t plane = wire_read_u8(reader);
    uint64_t to = wire_read_u64(reader);
    uint8_t lane = wire_read_u8(reader);
    size_t size;
    const uint8_t *bytes = wire_read_blob(reader, &size);

    if (wire_reader_finish(reader) != 0 || plane >= PLANE_COUNT ||
        lane >= LANE_COUNT || size > PLAT_DATAGRAM_MAX)
        return ERR_MALFORMED;
    door->ops->datagram_send(door, (enum plane)plane, to, (enum lane)lane,
                             bytes, size);
    return 0;
}

static int
packet(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint32_t port = wire_read_u32(reader);
    size_t size;
    const uint8_t *bytes = wire_read_blob(reader, &size);

    if (wire_reader_finish(reader) != 0 || size > PLAT_PACKET_MAX)
        return ERR_MALFORMED;
    door->ops->packet_send(door, port, bytes, size);
    return 0;
}

static int
reply(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint64_t token = wire_read_u64(reader);
    size_t size;
    const uint8_t *bytes = wire_read_blob(reader, &size);

    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    door->ops->operator_reply(door, token, bytes, size);
    return 0;
}

static int
log_said(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint8_t severity = wire_read_u8(reader);
    char text[512];

    wire_read_string(reader, text, sizeof(text));
    if (wire_reader_finish(reader) != 0 || severity > SEVERITY_DEBUG)
        return ERR_MALFORMED;
    door->ops->log(door, service_of(proc), (enum severity)severity, text);
    return 0;
}

static int
trace_said(struct proc *proc, struct wire_reader *reader)
{
    uint8_t kind = wire_read_u8(reader);
    uint64_t a = wire_read_u64(reader);
    uint64_t b = wire_read_u64(reader);
    uint64_t c = wire_read_u64(reader);
    uint64_t d = wire_read_u64(reader);

    if (wire_reader_finish(reader) != 0 || kind >= TRACE_KIND_COUNT)
        return ERR_MALFORMED;
    actor_trace(proc->proxy->self, (enum trace_kind)kind, a, b, c, d);
    return 0;
}

static int
restart(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint8_t cause = wire_read_u8(reader);

    if (wire_reader_finish(reader) != 0 || cause >= REBOOT_CAUSE_COUNT)
        return ERR_MALFORMED;
    door->ops->restart(door, (enum reboot_cause)cause);
    return 0;
}

/* ---- storage ---- */

static bool
file_read(struct wire_reader *reader, enum storage_file *file)
{
    uint8_t number = wire_read_u8(reader);

    *file = (enum storage_file)number;
    return number < STORAGE_FILE_COUNT;
}

static int
append(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    enum storage_file file;
    bool known = file_read(reader, &file);
    size_t size;
    const uint8_t *bytes = wire_read_blob(reader, &size);

    if (!known || wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    answer(proc, door->ops->storage_append(door, file, bytes, size));
    return 0;
}

static int
truncate_to(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    enum storage_file file;
    bool known = file_read(reader, &file);
    uint64_t size = wire_read_u64(reader);

    if (!known || wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    answer(proc, door->ops->storage_truncate(door, file, size));
    return 0;
}

static int
sync_file(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    enum storage_file file;
    bool known = file_read(reader, &file);
    uint64_t token = wire_read_u64(reader);

    if (!known || wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    answer(proc, door->ops->storage_sync(door, file, service_of(proc), token));
    return 0;
}

static int
replace(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    enum storage_file file;
    bool known = file_read(reader, &file);
    size_t size;
    const uint8_t *bytes = wire_read_blob(reader, &size);
    uint64_t token = wire_read_u64(reader);

    if (!known || wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    answer(proc, door->ops->storage_replace(door, file, bytes, size,
                                            service_of(proc), token));
    return 0;
}

static int
file_size(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    enum storage_file file;
    bool known = file_read(reader, &file);
    struct wire_writer writer;
    uint64_t size = 0;
    int err;

    if (!known || wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    err = door->ops->storage_size(door, file, &size);
    answer_begin(&writer, err, 0);
    wire_write_u64(&writer, size);
    proc_tell(proc, &writer);
    return 0;
}

static int
file_bytes(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    enum storage_file file;
    bool known = file_read(reader, &file);
    uint64_t offset = wire_read_u64(reader);
    uint64_t size = wire_read_u64(reader);
    struct wire_writer writer;
    uint8_t *bytes;
    int err;

    if (!known || wire_reader_finish(reader) != 0 || size > FRAME_MAX / 2)
        return ERR_MALFORMED;
    bytes = malloc(size + 1);
    if (bytes == NULL) {
        answer(proc, ERR_NOMEM);
        return 0;
    }
    err = door->ops->storage_read(door, file, offset, bytes, size);
    answer_begin(&writer, err, size);
    if (err == 0)
        wire_write_bytes(&writer, bytes, size);
    free(bytes);
    proc_tell(proc, &writer);
    return 0;
}

static int
blob(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    struct wire_writer writer;
    const void *bytes = NULL;
    size_t size = 0;
    char name[64];
    int err;

    wire_read_string(reader, name, sizeof(name));
    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    err = door->ops->blob_get(door, name, &bytes, &size);
    answer_begin(&writer, err, size);
    if (err == 0)
        wire_write_blob(&writer, bytes, size);
    proc_tell(proc, &writer);
    return 0;
}

/* ---- hardware ---- */

static bool
item_read(struct wire_reader *reader, enum hw_kind *kind, unsigned *index)
{
    uint8_t number = wire_read_u8(reader);

    *kind = (enum hw_kind)number;
    *index = wire_read_u32(reader);
    return number < HW_KIND_COUNT && wire_reader_finish(reader) == 0;
}

static int
hw_count(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    struct wire_writer writer;
    enum hw_kind kind;
    unsigned index;

    if (!item_read(reader, &kind, &index))
        return ERR_MALFORMED;
    answer_begin(&writer, 0, 0);
    wire_write_u32(&writer, door->hw->count(door, kind));
    proc_tell(proc, &writer);
    return 0;
}

static int
hw_describe(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    struct hw_description description = {.name = ""};
    struct wire_writer writer;
    enum hw_kind kind;
    unsigned index;

    if (!item_read(reader, &kind, &index))
        return ERR_MALFORMED;
    answer_begin(&writer, door->hw->describe(door, kind, index, &description),
                 0);
    wire_write_string(&writer, description.name);
    wire_write_u32(&writer, (uint32_t)description.high_mc);
    wire_write_u32(&writer, (uint32_t)description.critical_mc);
    wire_write_u32(&writer, description.max_rpm);
    proc_tell(proc, &writer);
    return 0;
}

static int
hw_read(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    struct hw_reading reading = {.present = false};
    struct wire_writer writer;
    enum hw_kind kind;
    unsigned index;

    if (!item_read(reader, &kind, &index))
        return ERR_MALFORMED;
    answer_begin(&writer, door->hw->read(door, kind, index, &reading), 0);
    wire_write_bool(&writer, reading.present);
    wire_write_bool(&writer, reading.ok);
    wire_write_u32(&writer, (uint32_t)reading.value);
    wire_write_u32(&writer, (uint32_t)reading.secondary);
    proc_tell(proc, &writer);
    return 0;
}

static int
fan_set(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint8_t index = wire_read_u8(reader);
    uint64_t duty = wire_read_u64(reader);

    if (wire_reader_finish(reader) != 0 || duty > 100)
        return ERR_MALFORMED;
    answer(proc, door->hw->fan_set(door, index, (unsigned)duty));
    return 0;
}

static int
led_set(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint8_t index = wire_read_u8(reader);
    uint64_t state = wire_read_u64(reader);

    if (wire_reader_finish(reader) != 0 || state > LED_BLUE_BLINK)
        return ERR_MALFORMED;
    answer(proc, door->hw->led_set(door, index, (enum led_state)state));
    return 0;
}

static int
reboot_cause(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);

    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    answer(proc, (int)door->hw->reboot_cause(door));
    return 0;
}

/* ---- forwarding ---- */

static int
bulk_set(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint64_t token = wire_read_u64(reader);
    uint32_t count = wire_read_u32(reader);
    struct fwd_entry *entries;

    if (!wire_reader_ok(reader) || count > ENTRIES_MAX)
        return ERR_MALFORMED;
    entries = calloc(count + 1, sizeof(*entries));
    if (entries == NULL) {
        answer(proc, ERR_NOMEM);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        frame_entry_read(reader, &entries[i]);
    if (wire_reader_finish(reader) != 0) {
        free(entries);
        return ERR_MALFORMED;
    }
    answer(proc, door->fwd->bulk_set(door, entries, count, token));
    free(entries);
    return 0;
}

static int
dump(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint32_t room = wire_read_u32(reader);
    struct wire_writer writer;
    struct fwd_entry *entries;
    size_t count = 0;
    int err;

    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    if (room > ENTRIES_MAX)
        room = ENTRIES_MAX;
    entries = calloc(room + 1, sizeof(*entries));
    if (entries == NULL) {
        answer(proc, ERR_NOMEM);
        return 0;
    }
    err = door->fwd->dump(door, entries, room, &count);
    answer_begin(&writer, err, count * sizeof(*entries));
    wire_write_u32(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        frame_entry_write(&writer, &entries[i]);
    free(entries);
    proc_tell(proc, &writer);
    return 0;
}

static int
link_up(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint32_t port = wire_read_u32(reader);
    struct wire_writer writer;
    bool up = false;

    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    answer_begin(&writer, door->fwd->link_up(door, port, &up), 0);
    wire_write_bool(&writer, up);
    proc_tell(proc, &writer);
    return 0;
}

static int
groups_set(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint64_t token = wire_read_u64(reader);
    uint32_t count = wire_read_u32(reader);
    struct fwd_group groups[FWD_WRITE_MAX];

    if (!wire_reader_ok(reader) || count > FWD_WRITE_MAX)
        return ERR_MALFORMED;
    for (uint32_t i = 0; i < count; i++)
        frame_group_read(reader, &groups[i]);
    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    answer(proc, door->fwd->groups_set(door, groups, count, token));
    return 0;
}

static int
routes_set(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint64_t token = wire_read_u64(reader);
    uint32_t count = wire_read_u32(reader);
    struct fwd_route routes[FWD_WRITE_MAX];

    if (!wire_reader_ok(reader) || count > FWD_WRITE_MAX)
        return ERR_MALFORMED;
    for (uint32_t i = 0; i < count; i++)
        frame_route_read(reader, &routes[i]);
    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    answer(proc, door->fwd->routes_set(door, routes, count, token));
    return 0;
}

static int
groups_dump(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    uint32_t after = wire_read_u32(reader);
    uint32_t room = wire_read_u32(reader);
    struct fwd_group groups[FWD_WRITE_MAX];
    struct wire_writer writer;
    size_t count = 0;
    int err;

    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    if (room > FWD_WRITE_MAX)
        room = FWD_WRITE_MAX;
    err = door->fwd->groups_dump(door, after, groups, room, &count);
    answer_begin(&writer, err, count * FRAME_ROUTE_BYTES);
    wire_write_u32(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        frame_group_write(&writer, &groups[i]);
    proc_tell(proc, &writer);
    return 0;
}

static int
routes_dump(struct proc *proc, struct wire_reader *reader)
{
    struct plat *door = door_of(proc);
    bool given = wire_read_bool(reader);
    struct fwd_route routes[FWD_WRITE_MAX];
    struct fwd_prefix after;
    struct wire_writer writer;
    size_t count = 0;
    uint32_t room;
    int err;

    frame_prefix_read(reader, &after);
    room = wire_read_u32(reader);
    if (wire_reader_finish(reader) != 0)
        return ERR_MALFORMED;
    if (room > FWD_WRITE_MAX)
        room = FWD_WRITE_MAX;
    err = door->fwd->routes_dump(door, given ? &after : NULL, routes, room,
                                 &count);
    answer_begin(&writer, err, count * FRAME_ROUTE_BYTES);
    wire_write_u32(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        frame_route_write(&writer, &routes[i]);
    proc_tell(proc, &writer);
    return 0;
}

int
proc_serve(struct proc *proc, enum frame_kind kind, struct wire_reader *reader)
{
    switch (kind) {
    case FRAME_MESSAGE: return message(proc, reader);
    case FRAME_SESSION: return session(proc, reader);
    case FRAME_ALARM: return alarm_said(proc, reader);
    case FRAME_DATAGRAM: return datagram(proc, reader);
    case FRAME_PACKET: return packet(proc, reader);
    case FRAME_APPEND: return append(proc, reader);
    case FRAME_TRUNCATE: return truncate_to(proc, reader);
    case FRAME_SYNC: return sync_file(proc, reader);
    case FRAME_REPLACE: return replace(proc, reader);
    case FRAME_SIZE: return file_size(proc, reader);
    case FRAME_READ: return file_bytes(proc, reader);
    case FRAME_BLOB: return blob(proc, reader);
    case FRAME_REPLY: return reply(proc, reader);
    case FRAME_LOG: return log_said(proc, reader);
    case FRAME_TRACE: return trace_said(proc, reader);
    case FRAME_RESTART: return restart(proc, reader);
    case FRAME_HW_COUNT: return hw_count(proc, reader);
    case FRAME_HW_DESCRIBE: return hw_describe(proc, reader);
    case FRAME_HW_READ: return hw_read(proc, reader);
    case FRAME_FAN_SET: return fan_set(proc, reader);
    case FRAME_LED_SET: return led_set(proc, reader);
    case FRAME_REBOOT_CAUSE: return reboot_cause(proc, reader);
    case FRAME_BULK_SET: return bulk_set(proc, reader);
    case FRAME_DUMP: return dump(proc, reader);
    case FRAME_LINK_UP: return link_up(proc, reader);
    case FRAME_GROUPS_SET: return groups_set(proc, reader);
    case FRAME_ROUTES_SET: return routes_set(proc, reader);
    case FRAME_GROUPS_DUMP: return groups_dump(proc, reader);
    case FRAME_ROUTES_DUMP: return routes_dump(proc, reader);
    case FRAME_NONE:
    case FRAME_BEGIN:
    case FRAME_EVENT:
    case FRAME_ANSWER:
    case FRAME_DONE:
    case FRAME_KIND_COUNT: break;
    }
    return ERR_MALFORMED;
}
