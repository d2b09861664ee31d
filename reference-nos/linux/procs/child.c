/* SPDX-License-Identifier: Apache-2.0
 *
 * The process of one service: its own runtime, and a door that asks the box's
 * process.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/linux/procs/frame.h"
#include "reference-nos/linux/procs/procs.h"

/* Named things the box lends for life ("plan"). */
#define BLOBS_MAX 8u

enum { EXIT_OK = 0, EXIT_DIED = 1, EXIT_NONSENSE = 65 };

struct child {
    struct plat plat;
    struct box_facts facts;
    struct runtime_elsewhere elsewhere;
    struct runtime *runtime;
    const struct actor_kind *kind;
    int fd;
    uint64_t alarm_ns;
    uint8_t *frame; /* the latest answer */
    uint8_t *event; /* one that came while an answer was awaited */
    size_t event_size;
    unsigned blob_count;
    uint8_t *blobs[BLOBS_MAX];
};

static struct child *
child_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct child, plat);
}

/* ---- the socket ---- */

/* The box's process is gone: so is this one. */
static NO_RETURN void
leave(int code)
{
    _exit(code);
}

static void
send_all(struct child *child, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = write(child->fd, bytes, size);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            leave(EXIT_OK);
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void
receive_all(struct child *child, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t got = read(child->fd, bytes, size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            leave(EXIT_OK);
        bytes += got;
        size -= (size_t)got;
    }
}

/* The next frame, malloc'd: kind and fields. */
static uint8_t *
frame_receive(struct child *child, size_t *size)
{
    uint8_t head[4];
    struct wire_reader reader;
    uint8_t *bytes;

    receive_all(child, head, sizeof(head));
    wire_reader_init(&reader, head, sizeof(head));
    *size = wire_read_u32(&reader);
    if (*size == 0 || *size > FRAME_MAX)
        leave(EXIT_NONSENSE);
    bytes = malloc(*size);
    CHECK(bytes != NULL);
    receive_all(child, bytes, *size);
    return bytes;
}

static void
tell(struct child *child, struct wire_writer *writer)
{
    size_t size = frame_end(writer);

    send_all(child, writer->start, size);
    free(writer->start);
}

/* Sends a question and waits for its answer; what is left of 'reader' is
 * what was asked for.  The status. */
static int
ask(struct child *child, struct wire_writer *writer,
    struct wire_reader *reader)
{
    tell(child, writer);
    for (;;) {
        size_t size;
        uint8_t *bytes = frame_receive(child, &size);

        if (bytes[0] == FRAME_EVENT && child->event == NULL) {
            child->event = bytes;
            child->event_size = size;
            continue;
        }
        if (bytes[0] != FRAME_ANSWER)
            leave(EXIT_NONSENSE);
        free(child->frame);
        child->frame = bytes;
        wire_reader_init(reader, bytes + 1, size - 1);
        return (int)wire_read_u32(reader);
    }
}

/* ---- the other services ---- */

static int
event_ask(struct child *child, enum frame_kind kind,
          const struct actor_event *event)
{
    struct wire_writer writer;
    struct wire_reader reader;

    frame_begin(&writer, kind, frame_event_payload(event));
    frame_event_write(&writer, event);
    if (kind == FRAME_MESSAGE)
        return ask(child, &writer, &reader);
    tell(child, &writer);
    return 0;
}

static int
other_message(void *arg, const struct actor_message *message)
{
    struct actor_event event = {.kind = EV_MESSAGE, .u.message = *message};

    return event_ask(arg, FRAME_MESSAGE, &event);
}

static void
other_session(void *arg, uint64_t box, uint64_t incarnation, bool up)
{
    struct actor_event event = {
        .kind = EV_SESSION,
        .u.session = {.box = box, .incarnation = incarnation, .up = up},
    };

    (void)event_ask(arg, FRAME_SESSION, &event);
}

static void
other_alarm(void *arg, enum alarm_code code, unsigned item, bool raise,
            uint64_t value)
{
    struct actor_event event = {
        .kind = EV_ALARM,
        .u.alarm = {.code = code,
                    .item = item,
                    .raised = raise,
                    .value = value},
    };

    (void)event_ask(arg, FRAME_ALARM, &event);
}

/* ---- plat_ops ---- */

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t
now_ns(struct plat *plat)
{
    (void)plat;
    return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t
wall_ns(struct plat *plat)
{
    (void)plat;
    return clock_ns(CLOCK_REALTIME);
}

static uint64_t
random_u64(struct plat *plat)
{
    uint64_t drawn = 0;

    (void)plat;
    CHECK(getrandom(&drawn, sizeof(drawn), 0) == sizeof(drawn));
    return drawn;
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    child_of(plat)->alarm_ns = deadline_ns;
}

static void
ready(struct plat *plat, unsigned service)
{
    (void)plat, (void)service; /* the loop looks after every event */
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    (void)plat, (void)cost, (void)units; /* real time passes by itself */
}

static void
datagram_send(struct plat *plat, enum plane plane, uint64_t to, enum lane lane,
              const void *bytes, size_t size)
{
    struct wire_writer writer;

    frame_begin(&writer, FRAME_DATAGRAM, size);
    wire_write_u8(&writer, (uint8_t)plane);
    wire_write_u64(&writer, to);
    wire_write_u8(&writer, (uint8_t)lane);
    wire_write_blob(&writer, bytes, size);
    tell(child_of(plat), &writer);
}

static void
packet_send(struct plat *plat, unsigned fabric_port, const void *bytes,
            size_t size)
{
    struct wire_writer writer;

    frame_begin(&writer, FRAME_PACKET, size);
    wire_write_u32(&writer, fabric_port);
    wire_write_blob(&writer, bytes, size);
    tell(child_of(plat), &writer);
}

/* A question with up to two numbers, answered by a status alone. */
static int
ask_numbers(struct plat *plat, enum frame_kind kind, uint8_t which,
            uint64_t number)
{
    struct wire_writer writer;
    struct wire_reader reader;

    frame_begin(&writer, kind, 0);
    wire_write_u8(&writer, which);
    wire_write_u64(&writer, number);
    return ask(child_of(plat), &writer, &reader);
}

static int
storage_append(struct plat *plat, enum storage_file file, const void *bytes,
               size_t size)
{
    struct wire_writer writer;
    struct wire_reader reader;

    frame_begin(&writer, FRAME_APPEND, size);
    wire_write_u8(&writer, (uint8_t)file);
    wire_write_blob(&writer, bytes, size);
    return ask(child_of(plat), &writer, &reader);
}

static int
storage_truncate(struct plat *plat, enum storage_file file, uint64_t size)
{
    return ask_numbers(plat, FRAME_TRUNCATE, (uint8_t)file, size);
}

static int
storage_sync(struct plat *plat, enum storage_file file, unsigned service,
             uint64_t token)
{
    (void)service; /* this one: the box's process knows */
    return ask_numbers(plat, FRAME_SYNC, (uint8_t)file, token);
}

static int
storage_replace(struct plat *plat, enum storage_file file, const void *bytes,
                size_t size, unsigned service, uint64_t token)
{
    struct wire_writer writer;
    struct wire_reader reader;

    (void)service;
    frame_begin(&writer, FRAME_REPLACE, size);
    wire_write_u8(&writer, (uint8_t)file);
    wire_write_blob(&writer, bytes, size);
    wire_write_u64(&writer, token);
    return ask(child_of(plat), &writer, &reader);
}

static int
storage_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    struct wire_writer writer;
    struct wire_reader reader;
    int err;

    frame_begin(&writer, FRAME_SIZE, 0);
    wire_write_u8(&writer, (uint8_t)file);
    err = ask(child_of(plat), &writer, &reader);
    if (err == 0)
        *size = wire_read_u64(&reader);
    return err;
}

static int
storage_read(struct plat *plat, enum storage_file file, uint64_t offset,
             void *bytes, size_t size)
{
    struct wire_writer writer;
    struct wire_reader reader;
    int err;

    frame_begin(&writer, FRAME_READ, 0);
    wire_write_u8(&writer, (uint8_t)file);
    wire_write_u64(&writer, offset);
    wire_write_u64(&writer, size);
    err = ask(child_of(plat), &writer, &reader);
    if (err == 0)
        wire_read_copy(&reader, bytes, size);
    return err != 0 ? err : reader.error;
}

static int
blob_get(struct plat *plat, const char *name, const void **bytes, size_t *size)
{
    struct child *child = child_of(plat);
    struct wire_writer writer;
    struct wire_reader reader;
    const uint8_t *lent;
    int err;

    if (child->blob_count == BLOBS_MAX)
        return ERR_FULL;
    frame_begin(&writer, FRAME_BLOB, 0);
    wire_write_string(&writer, name);
    err = ask(child, &writer, &reader);
    if (err != 0)
        return err;
    lent = wire_read_blob(&reader, size);
    if (lent == NULL)
        return ERR_MALFORMED;
    /* The blob stays valid for life: the answer it lies in is kept. */
    child->blobs[child->blob_count++] = child->frame;
    child->frame = NULL;
    *bytes = lent;
    return 0;
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    (void)plat;
    return malloc(size);
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    (void)plat, (void)size;
    free(chunk);
}

static void
operator_reply(struct plat *plat, uint64_t token, const void *bytes,
               size_t size)
{
    struct wire_writer writer;

    frame_begin(&writer, FRAME_REPLY, size);
    wire_write_u64(&writer, token);
    wire_write_blob(&writer, bytes, size);
    tell(child_of(plat), &writer);
}

static void
log_line(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    struct wire_writer writer;

    (void)service;
    frame_begin(&writer, FRAME_LOG, strlen(text));
    wire_write_u8(&writer, (uint8_t)severity);
    wire_write_string(&writer, text);
    tell(child_of(plat), &writer);
}

/* Births and deaths are the supervisor's to tell; a death ends the process,
 * which is how the supervisor hears of it. */
static void
trace(struct plat *plat, const struct trace_record *record)
{
    struct wire_writer writer;

    if (record->kind == TRACE_SERVICE_STARTED)
        return;
    if (record->kind == TRACE_SERVICE_DIED)
        leave(EXIT_DIED);
    frame_begin(&writer, FRAME_TRACE, 0);
    wire_write_u8(&writer, (uint8_t)record->kind);
    wire_write_u64(&writer, record->a);
    wire_write_u64(&writer, record->b);
    wire_write_u64(&writer, record->c);
    wire_write_u64(&writer, record->d);
    tell(child_of(plat), &writer);
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    struct wire_writer writer;

    frame_begin(&writer, FRAME_RESTART, 0);
    wire_write_u8(&writer, (uint8_t)cause);
    tell(child_of(plat), &writer);
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

static int
ask_item(struct plat *plat, enum frame_kind what, enum hw_kind kind,
         unsigned index, struct wire_reader *reader)
{
    struct wire_writer writer;

    frame_begin(&writer, what, 0);
    wire_write_u8(&writer, (uint8_t)kind);
    wire_write_u32(&writer, index);
    return ask(child_of(plat), &writer, reader);
}

static unsigned
hw_count(struct plat *plat, enum hw_kind kind)
{
    struct wire_reader reader;

    if (ask_item(plat, FRAME_HW_COUNT, kind, 0, &reader) != 0)
        return 0;
    return wire_read_u32(&reader);
}

static int
hw_describe(struct plat *plat, enum hw_kind kind, unsigned index,
            struct hw_description *description)
{
    struct wire_reader reader;
    int err = ask_item(plat, FRAME_HW_DESCRIBE, kind, index, &reader);

    if (err != 0)
        return err;
    wire_read_string(&reader, description->name, sizeof(description->name));
    description->high_mc = (int32_t)wire_read_u32(&reader);
    description->critical_mc = (int32_t)wire_read_u32(&reader);
    description->max_rpm = wire_read_u32(&reader);
    return reader.error;
}

static int
hw_read(struct plat *plat, enum hw_kind kind, unsigned index,
        struct hw_reading *reading)
{
    struct wire_reader reader;
    int err = ask_item(plat, FRAME_HW_READ, kind, index, &reader);

    if (err != 0)
        return err;
    reading->present = wire_read_bool(&reader);
    reading->ok = wire_read_bool(&reader);
    reading->value = (int32_t)wire_read_u32(&reader);
    reading->secondary = (int32_t)wire_read_u32(&reader);
    return reader.error;
}

static int
hw_fan_set(struct plat *plat, unsigned index, unsigned duty_percent)
{
    return ask_numbers(plat, FRAME_FAN_SET, (uint8_t)index, duty_percent);
}

static int
hw_led_set(struct plat *plat, unsigned index, enum led_state state)
{
    return ask_numbers(plat, FRAME_LED_SET, (uint8_t)index, state);
}

static enum reboot_cause
hw_reboot_cause(struct plat *plat)
{
    struct wire_writer writer;
    struct wire_reader reader;
    int cause;

    frame_begin(&writer, FRAME_REBOOT_CAUSE, 0);
    cause = ask(child_of(plat), &writer, &reader);
    return cause >= 0 && cause < REBOOT_CAUSE_COUNT ? (enum reboot_cause)cause
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
    struct wire_writer writer;
    struct wire_reader reader;

    frame_begin(&writer, FRAME_BULK_SET, count * sizeof(*entries));
    wire_write_u64(&writer, token);
    wire_write_u32(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        frame_entry_write(&writer, &entries[i]);
    return ask(child_of(plat), &writer, &reader);
}

static int
fwd_dump(struct plat *plat, struct fwd_entry *entries, size_t room,
         size_t *count)
{
    struct wire_writer writer;
    struct wire_reader reader;
    uint32_t copied;
    int err;

    frame_begin(&writer, FRAME_DUMP, 0);
    wire_write_u32(&writer, (uint32_t)room);
    err = ask(child_of(plat), &writer, &reader);
    if (err != 0)
        return err;
    copied = wire_read_u32(&reader);
    if (copied > room)
        return ERR_MALFORMED;
    for (uint32_t i = 0; i < copied; i++)
        frame_entry_read(&reader, &entries[i]);
    *count = copied;
    return reader.error;
}

static int
fwd_link_up(struct plat *plat, unsigned fabric_port, bool *up)
{
    struct wire_writer writer;
    struct wire_reader reader;
    int err;

    frame_begin(&writer, FRAME_LINK_UP, 0);
    wire_write_u32(&writer, fabric_port);
    err = ask(child_of(plat), &writer, &reader);
    if (err == 0)
        *up = wire_read_bool(&reader);
    return err;
}

static int
fwd_groups_set(struct plat *plat, const struct fwd_group *groups, size_t count,
               uint64_t token)
{
    struct wire_writer writer;
    struct wire_reader reader;

    if (count > FWD_WRITE_MAX)
        return ERR_RANGE;
    frame_begin(&writer, FRAME_GROUPS_SET, count * FRAME_ROUTE_BYTES);
    wire_write_u64(&writer, token);
    wire_write_u32(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        frame_group_write(&writer, &groups[i]);
    return ask(child_of(plat), &writer, &reader);
}

static int
fwd_routes_set(struct plat *plat, const struct fwd_route *routes, size_t count,
               uint64_t token)
{
    struct wire_writer writer;
    struct wire_reader reader;

    if (count > FWD_WRITE_MAX)
        return ERR_RANGE;
    frame_begin(&writer, FRAME_ROUTES_SET, count * FRAME_ROUTE_BYTES);
    wire_write_u64(&writer, token);
    wire_write_u32(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        frame_route_write(&writer, &routes[i]);
    return ask(child_of(plat), &writer, &reader);
}

static int
fwd_groups_dump(struct plat *plat, uint32_t after, struct fwd_group *groups,
                size_t room, size_t *count)
{
    struct wire_writer writer;
    struct wire_reader reader;
    size_t copied;
    int err;

    frame_begin(&writer, FRAME_GROUPS_DUMP, 0);
    wire_write_u32(&writer, after);
    wire_write_u32(&writer, (uint32_t)room);
    err = ask(child_of(plat), &writer, &reader);
    copied = wire_read_u32(&reader);
    if (err != 0)
        return err;
    for (size_t i = 0; i < copied && i < room; i++)
        frame_group_read(&reader, &groups[i]);
    *count = copied < room ? copied : room;
    return reader.error;
}

static int
fwd_routes_dump(struct plat *plat, const struct fwd_prefix *after,
                struct fwd_route *routes, size_t room, size_t *count)
{
    static const struct fwd_prefix none = {0};
    struct wire_writer writer;
    struct wire_reader reader;
    size_t copied;
    int err;

    frame_begin(&writer, FRAME_ROUTES_DUMP, 0);
    wire_write_bool(&writer, after != NULL);
    frame_prefix_write(&writer, after != NULL ? after : &none);
    wire_write_u32(&writer, (uint32_t)room);
    err = ask(child_of(plat), &writer, &reader);
    copied = wire_read_u32(&reader);
    if (err != 0)
        return err;
    for (size_t i = 0; i < copied && i < room; i++)
        frame_route_read(&reader, &routes[i]);
    *count = copied < room ? copied : room;
    return reader.error;
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

/* ---- life ---- */

static void
work(struct child *child)
{
    while (runtime_pending(child->runtime, child->kind->id) != LANE_COUNT)
        runtime_dispatch(child->runtime, child->kind->id);
}

static void
done(struct child *child)
{
    struct wire_writer writer;

    frame_begin(&writer, FRAME_DONE, 0);
    tell(child, &writer);
}

/* The event that waits. */
static void
event_handle(struct child *child)
{
    struct wire_reader reader;
    struct actor_event event;
    uint8_t *bytes = child->event;
    enum lane lane = LANE_CONTROL;

    child->event = NULL;
    wire_reader_init(&reader, bytes + 1, child->event_size - 1);
    if (frame_event_read(&reader, &event) != 0)
        leave(EXIT_NONSENSE);
    if (event.kind == EV_MESSAGE)
        lane = event.u.message.lane;
    if (runtime_offer(child->runtime, child->kind->id, lane, &event) != 0)
        leave(EXIT_DIED);
    free(bytes);
    work(child);
    done(child);
}

/* Waits for bytes or for the alarm; true: bytes. */
static bool
wait_any(struct child *child)
{
    struct pollfd watched = {.fd = child->fd, .events = POLLIN};
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    uint64_t wait = child->alarm_ns > now ? child->alarm_ns - now : 0;
    struct timespec span = {
        .tv_sec = (time_t)(wait / NS_PER_S),
        .tv_nsec = (long)(wait % NS_PER_S),
    };

    return ppoll(&watched, 1, child->alarm_ns == UINT64_MAX ? NULL : &span,
                 NULL) > 0;
}

static NO_RETURN void
serve(struct child *child)
{
    for (;;) {
        if (child->event != NULL) {
            event_handle(child);
        } else if (wait_any(child)) {
            child->event = frame_receive(child, &child->event_size);
            if (child->event[0] != FRAME_EVENT)
                leave(EXIT_NONSENSE);
        } else if (clock_ns(CLOCK_MONOTONIC) >= child->alarm_ns) {
            child->alarm_ns = UINT64_MAX;
            runtime_alarm(child->runtime);
            work(child);
        }
    }
}

static int
begin(struct child *child, const struct actor_kind *const *kinds,
      size_t kind_count)
{
    size_t size;
    uint8_t *bytes = frame_receive(child, &size);
    struct wire_reader reader;
    uint8_t service;
    uint32_t lives;
    int err;

    wire_reader_init(&reader, bytes + 1, size - 1);
    err = bytes[0] == FRAME_BEGIN ? frame_facts_read(&reader, &child->facts)
                                  : ERR_MALFORMED;
    child->plat.mutation = wire_read_u32(&reader);
    service = wire_read_u8(&reader);
    lives = wire_read_u32(&reader);
    if (err == 0)
        err = wire_reader_finish(&reader);
    free(bytes);
    for (size_t i = 0; i < kind_count; i++) {
        if (kinds[i]->id == service)
            child->kind = kinds[i];
    }
    if (err != 0 || child->kind == NULL)
        return EXIT_NONSENSE;
    err = runtime_create_part(&child->plat, &child->kind, 1, lives,
                              &child->elsewhere, &child->runtime);
    return err == 0 ? EXIT_OK : EXIT_DIED;
}

int
procs_child(int fd, const struct actor_kind *const *kinds, size_t kind_count)
{
    struct child child = {.fd = fd, .alarm_ns = UINT64_MAX};
    int code;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, SIG_IGN); /* the box's process decides */
    signal(SIGINT, SIG_IGN);
    child.elsewhere = (struct runtime_elsewhere){
        .arg = &child,
        .message = other_message,
        .session = other_session,
        .alarm = other_alarm,
    };
    child.plat.ops = &ops;
    child.plat.hw = &hw;
    child.plat.fwd = &fwd;
    child.plat.facts = &child.facts;
    code = begin(&child, kinds, kind_count);
    if (code != EXIT_OK)
        return code;
    work(&child);
    done(&child);
    serve(&child);
}
