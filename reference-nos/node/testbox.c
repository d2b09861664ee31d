/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/node/testbox.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/units.h"

/* More events at one moment than this is a loop without end. */
#define EVENTS_MAX 200000u

static struct testbox *
box_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct testbox, plat);
}

/* ---- the door ---- */

static uint64_t
now_ns(struct plat *plat)
{
    struct testbox *box = box_of(plat);

    return box->now_ns += box->look_ns;
}

static uint64_t
wall_ns(struct plat *plat)
{
    return 1000000u * NS_PER_S + box_of(plat)->now_ns;
}

static uint64_t
random_u64(struct plat *plat)
{
    return hash64(++box_of(plat)->draws, "fuzz", 4);
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    box_of(plat)->alarm_ns = deadline_ns;
}

static void
ready(struct plat *plat, unsigned service)
{
    CHECK(service < SVC_COUNT);
    box_of(plat)->ready |= 1u << service;
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    (void)plat, (void)units;
    CHECK((unsigned)cost < COST_COUNT);
}

static void
datagram_send(struct plat *plat, enum plane plane, uint64_t to, enum lane lane,
              const void *bytes, size_t size)
{
    struct testbox *box = box_of(plat);

    CHECK(size <= PLAT_DATAGRAM_MAX && (unsigned)lane < LANE_COUNT);
    if (box->datagram != NULL)
        box->datagram(box->arg, plane, to, lane, bytes, size);
}

static void
packet_send(struct plat *plat, unsigned port, const void *bytes, size_t size)
{
    (void)plat, (void)port, (void)bytes;
    CHECK(size <= PLAT_PACKET_MAX);
}

static int
append(struct plat *plat, enum storage_file file, const void *bytes,
       size_t size)
{
    struct testbox *box = box_of(plat);

    if (size > TESTBOX_FILE_MAX - box->sizes[file])
        return ERR_NOSPACE;
    memcpy(box->files[file] + box->sizes[file], bytes, size);
    box->sizes[file] += size;
    return 0;
}

static int
truncate_to(struct plat *plat, enum storage_file file, uint64_t size)
{
    struct testbox *box = box_of(plat);

    if (size > box->sizes[file])
        return ERR_RANGE;
    box->sizes[file] = (size_t)size;
    return 0;
}

/* In place of a service: a write into the ASIC. */
#define ROUTES_WRITTEN SVC_COUNT

static int
done_add(struct testbox *box, unsigned service, uint64_t token)
{
    unsigned at = (box->done_first + box->done_count) % TESTBOX_DONE_MAX;

    if (box->done_count == TESTBOX_DONE_MAX)
        return ERR_BUSY;
    box->done[at].service = service;
    box->done[at].token = token;
    box->done_count++;
    return 0;
}

static int
sync_file(struct plat *plat, enum storage_file file, unsigned service,
          uint64_t token)
{
    (void)file;
    return done_add(box_of(plat), service, token);
}

static int
replace(struct plat *plat, enum storage_file file, const void *bytes,
        size_t size, unsigned service, uint64_t token)
{
    int error;

    box_of(plat)->sizes[file] = 0;
    error = append(plat, file, bytes, size);
    return error != 0 ? error : sync_file(plat, file, service, token);
}

static int
size_of(struct plat *plat, enum storage_file file, uint64_t *size)
{
    *size = box_of(plat)->sizes[file];
    return 0;
}

static int
read_file(struct plat *plat, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    const struct testbox *box = box_of(plat);

    if (offset > box->sizes[file] || size > box->sizes[file] - offset)
        return ERR_TRUNCATED;
    memcpy(bytes, box->files[file] + offset, size);
    return 0;
}

static int
blob_get(struct plat *plat, const char *name, const void **bytes, size_t *size)
{
    (void)plat, (void)name, (void)bytes, (void)size;
    return ERR_NOENT;
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    box_of(plat)->lent_bytes += size;
    return malloc(size);
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    box_of(plat)->lent_bytes -= size;
    free(chunk);
}

static void
operator_reply(struct plat *plat, uint64_t token, const void *bytes,
               size_t size)
{
    struct testbox *box = box_of(plat);

    (void)token;
    if (box->reply != NULL)
        box->reply(box->arg, bytes, size);
}

static void
log_line(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    (void)plat, (void)service, (void)severity, (void)text;
}

static void
trace(struct plat *plat, const struct trace_record *record)
{
    struct testbox *box = box_of(plat);

    if (record->kind == TRACE_ACTIVE)
        box->active = true;
    if (record->kind == TRACE_PASSIVE)
        box->active = false;
    if (record->kind == TRACE_LEADER_READY)
        box->term = record->a;
    if (record->kind == TRACE_APPLIED)
        box->applied = record->a;
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    (void)cause;
    box_of(plat)->restarting = true;
}

static const struct plat_ops plat_ops = {
    now_ns,     wall_ns,       random_u64,     wake_at,   ready,
    charge,     datagram_send, packet_send,    append,    truncate_to,
    sync_file,  replace,       size_of,        read_file, blob_get,
    chunk_take, chunk_give,    operator_reply, log_line,  trace,
    restart,
};

static unsigned
hw_count(struct plat *plat, enum hw_kind kind)
{
    (void)plat, (void)kind;
    return 0;
}

static int
hw_describe(struct plat *plat, enum hw_kind kind, unsigned index,
            struct hw_description *description)
{
    (void)plat, (void)kind, (void)index, (void)description;
    return ERR_NOENT;
}

static int
hw_read(struct plat *plat, enum hw_kind kind, unsigned index,
        struct hw_reading *reading)
{
    (void)plat, (void)kind, (void)index, (void)reading;
    return ERR_NOENT;
}

static int
fan_set(struct plat *plat, unsigned index, unsigned duty_percent)
{
    (void)plat, (void)index, (void)duty_percent;
    return ERR_NOENT;
}

static int
led_set(struct plat *plat, unsigned index, enum led_state state)
{
    (void)plat, (void)index, (void)state;
    return ERR_NOENT;
}

static enum reboot_cause
reboot_cause(struct plat *plat)
{
    (void)plat;
    return REBOOT_POWER_LOSS;
}

static const struct hw_ops hw_ops = {hw_count, hw_describe, hw_read,
                                     fan_set,  led_set,     reboot_cause};

static int
bulk_set(struct plat *plat, const struct fwd_entry *entries, size_t count,
         uint64_t token)
{
    (void)plat, (void)entries, (void)count, (void)token;
    return 0;
}

static int
dump(struct plat *plat, struct fwd_entry *entries, size_t room, size_t *count)
{
    (void)plat, (void)entries, (void)room;
    *count = 0;
    return 0;
}

static int
link_up(struct plat *plat, unsigned port, bool *up)
{
    *up = true;
    return port < box_of(plat)->facts.fabric_ports ? 0 : ERR_NOENT;
}

static int
groups_set(struct plat *plat, const struct fwd_group *groups, size_t count,
           uint64_t token)
{
    (void)groups, (void)count;
    return done_add(box_of(plat), ROUTES_WRITTEN, token);
}

static int
routes_set(struct plat *plat, const struct fwd_route *routes, size_t count,
           uint64_t token)
{
    (void)routes, (void)count;
    return done_add(box_of(plat), ROUTES_WRITTEN, token);
}

static int
groups_dump(struct plat *plat, uint32_t after, struct fwd_group *groups,
            size_t room, size_t *count)
{
    (void)plat, (void)after, (void)groups, (void)room;
    *count = 0;
    return 0;
}

static int
routes_dump(struct plat *plat, const struct fwd_prefix *after,
            struct fwd_route *routes, size_t room, size_t *count)
{
    (void)plat, (void)after, (void)routes, (void)room;
    *count = 0;
    return 0;
}

static const struct fwd_ops fwd_ops = {.bulk_set = bulk_set,
                                       .dump = dump,
                                       .link_up = link_up,
                                       .groups_set = groups_set,
                                       .routes_set = routes_set,
                                       .groups_dump = groups_dump,
                                       .routes_dump = routes_dump};

/* ---- life ---- */

struct testbox *
testbox_make(enum role role, uint64_t key)
{
    struct testbox *box = calloc(1, sizeof(*box));

    CHECK(box != NULL);
    box->plat.ops = &plat_ops;
    box->plat.hw = &hw_ops;
    box->plat.fwd = &fwd_ops;
    box->plat.facts = &box->facts;
    box->door = &box->plat;
    box->now_ns = NS_PER_S;
    box->alarm_ns = UINT64_MAX;
    box->facts.key = key;
    box->facts.role = role;
    box->facts.incarnation = 3;
    box->facts.serial[0] = 'S';
    box->facts.cluster_id = 0xc1;
    box->facts.fabric_ports = role == ROLE_NCP || role == ROLE_NCF ? 4 : 0;
    box->facts.front_ports = role == ROLE_NCP ? 4 : 0;
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++) {
        box->files[i] = malloc(TESTBOX_FILE_MAX);
        CHECK(box->files[i] != NULL);
    }
    return box;
}

void
testbox_start(struct testbox *box)
{
    CHECK(node_create(box->door, &box->runtime) == 0);
    testbox_run(box, 0);
}

static void
before(struct testbox *box, enum testbox_input input, unsigned service,
       uint64_t token)
{
    if (box->before != NULL)
        box->before(box->arg, input, service, token);
}

static bool
dispatch_ready(struct testbox *box)
{
    bool some = false;

    for (unsigned service = 0; service < SVC_COUNT; service++) {
        if ((box->ready & 1u << service) == 0)
            continue;
        if (runtime_pending(box->runtime, service) == LANE_COUNT) {
            box->ready &= ~(1u << service);
            continue;
        }
        before(box, TESTBOX_DISPATCH, service, 0);
        runtime_dispatch(box->runtime, service);
        some = true;
    }
    return some;
}

static bool
complete_one(struct testbox *box)
{
    unsigned at = box->done_first;
    unsigned service = box->done[at].service;
    uint64_t token = box->done[at].token;

    if (box->done_count == 0)
        return false;
    box->done_first = (at + 1) % TESTBOX_DONE_MAX;
    box->done_count--;
    if (service == ROUTES_WRITTEN) {
        struct fwd_change change = {.kind = FWD_ROUTES_DONE, .token = token};

        before(box, TESTBOX_ROUTES_DONE, 0, token);
        runtime_forwarding_changed(box->runtime, &change);
        return true;
    }
    before(box, TESTBOX_STORAGE_DONE, service, token);
    runtime_storage_done(box->runtime, service, token, 0);
    return true;
}

void
testbox_run(struct testbox *box, uint64_t span_ns)
{
    uint64_t end_ns = box->now_ns + span_ns;
    unsigned events = 0;

    while (!box->restarting) {
        if (dispatch_ready(box) || complete_one(box)) {
            CHECK(++events < EVENTS_MAX);
            continue;
        }
        if (box->alarm_ns > end_ns)
            break;
        if (box->alarm_ns > box->now_ns) {
            box->now_ns = box->alarm_ns;
            events = 0;
        }
        box->alarm_ns = UINT64_MAX;
        before(box, TESTBOX_ALARM, 0, 0);
        runtime_alarm(box->runtime);
        CHECK(++events < EVENTS_MAX);
    }
    if (!box->restarting && box->now_ns < end_ns)
        box->now_ns = end_ns;
}

void
testbox_destroy(struct testbox *box)
{
    runtime_destroy(box->runtime);
    CHECK(box->lent_bytes == 0);
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++)
        free(box->files[i]);
    free(box);
}
