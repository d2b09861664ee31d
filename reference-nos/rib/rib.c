/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/rib/rib.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/rib/rib_priv.h"

#define MEMORY_MAX_BYTES ((size_t)128 * 1024 * 1024)
#define WATCH_RETRY_NS (500 * NS_PER_MS)

static void
watch(struct rib_service *service)
{
    struct store_watch wanted = {
        .conf = 1ull << TABLE_MODULE | 1ull << TABLE_INTERFACE |
                1ull << TABLE_ROUTE,
        .roles = true,
    };
    struct actor_address store = {0, SVC_STORE};
    struct wire_writer writer;
    uint8_t bytes[32];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_watch_write(&writer, &wanted);
    if (actor_send(service->self, store, LANE_CONTROL, MSG_STORE_WATCH, 0,
                   bytes, wire_writer_size(&writer)) != 0)
        actor_timer_set(service->self, TIMER_WATCH,
                        actor_now_ns(service->self) + WATCH_RETRY_NS);
}

/* ---- CONF ---- */

static void
module_take(struct rib_service *service, const struct store_row *row)
{
    struct module_row value = {.key = 0};
    struct module_key key;

    if (module_key_decode(row->key, row->key_size, &key) != 0 ||
        key.role != ROLE_NCP)
        return;
    if (!row->deleted &&
        module_row_decode(row->value, row->value_size, &value) != 0)
        return;
    cards_set(service, module_id(key.role, key.number),
              value.removed ? 0 : value.key);
}

static int
interface_take(struct rib_service *service, const struct store_row *row)
{
    struct interface_key key;
    struct interface_row value;
    int error = interface_key_decode(row->key, row->key_size, &key);

    if (error == 0 && !row->deleted)
        error = interface_row_decode(row->value, row->value_size, &value);
    if (error != 0) {
        actor_log(service->self, SEVERITY_ERROR,
                  "rib: a row of interfaces is malformed: %s",
                  err_text(error));
        return 0;
    }
    return rib_interface_set(service->rib, &key, row->deleted ? NULL : &value);
}

static int
static_take(struct rib_service *service, const struct store_row *row)
{
    struct fwd_prefix prefix;
    struct static_row value;
    int error = prefix_key_decode(row->key, row->key_size, &prefix);

    if (error == 0 && !row->deleted)
        error = static_row_decode(row->value, row->value_size, &value);
    if (error != 0) {
        actor_log(service->self, SEVERITY_ERROR,
                  "rib: a static route is malformed: %s", err_text(error));
        return 0;
    }
    return rib_static_set(service->rib, &prefix, row->deleted ? NULL : &value);
}

static int
row_take(struct rib_service *service, const struct store_row *row)
{
    if (row->table == TABLE_MODULE) {
        module_take(service, row);
        return 0;
    }
    actor_charge(service->self, COST_ROUTE, 1);
    if (row->table == TABLE_INTERFACE)
        return interface_take(service, row);
    return row->table == TABLE_ROUTE ? static_take(service, row) : 0;
}

static int
delta_take(struct rib_service *service, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_delta delta;
    struct store_row row;
    int error = 0;

    wire_reader_init(&reader, message->body, message->size);
    if (store_delta_read(&reader, &delta) != 0)
        return 0;
    if (delta.flags & STORE_DELTA_FIRST) {
        service->generation++;
        rib_sync_begin(service->rib);
    }
    while (error == 0 && store_row_read(&reader, &row) == 0)
        error = row_take(service, &row);
    if (delta.flags & STORE_DELTA_LAST) {
        rib_sync_end(service->rib);
        cards_sweep(service);
        service->synced = true;
    }
    service->index = delta.index;
    return error;
}

static void
role_take(struct rib_service *service, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_role_change change;

    wire_reader_init(&reader, message->body, message->size);
    if (store_role_read(&reader, &change) != 0)
        return;
    if (change.role == STORE_RESTARTED)
        watch(service);
    service->term = change.role == STORE_LEADER_READY ? change.term : 0;
    cards_role(service);
}

static int
message_take(struct rib_service *service, const struct actor_message *message)
{
    switch (message->type) {
    case MSG_STORE_DELTA:
        return message->from.box == 0 ? delta_take(service, message) : 0;
    case MSG_STORE_ROLE:
        if (message->from.box == 0)
            role_take(service, message);
        return 0;
    case MSG_OPERATOR_REQ:
        if (message->from.box == 0)
            show_request(service, message);
        return 0;
    default: cards_message(service, message); return 0;
    }
}

/* ---- work ---- */

static void
leave_arm(struct rib_service *service)
{
    uint64_t deadline_ns = rib_deadline_ns(service->rib);

    if (deadline_ns == service->leave_ns)
        return;
    service->leave_ns = deadline_ns;
    if (deadline_ns != TIME_NEVER_NS)
        actor_timer_set(service->self, TIMER_LEAVE, deadline_ns);
}

/* ACTOR_DONE, ACTOR_MORE or an error. */
static int
work(struct rib_service *service)
{
    struct actor *self = service->self;
    unsigned units;
    int error;

    while (rib_busy(service->rib, actor_now_ns(self))) {
        if (actor_quantum_over(self))
            return ACTOR_MORE;
        error = rib_step(service->rib, actor_now_ns(self), &units);
        if (error != 0)
            return error;
        actor_charge(self, COST_ROUTE, units);
    }
    leave_arm(service);
    if (service->synced && !service->ready &&
        rib_deadline_ns(service->rib) == TIME_NEVER_NS) {
        service->ready = true;
        cards_role(service);
    }
    return cards_pump(service) ? ACTOR_DONE : ACTOR_MORE;
}

static int
event_take(struct rib_service *service, const struct actor_event *event)
{
    switch (event->kind) {
    case EV_START: watch(service); break;
    case EV_MESSAGE: return message_take(service, &event->u.message);
    case EV_SESSION:
        cards_session(service, event->u.session.box, event->u.session.up);
        break;
    case EV_TIMER:
        if (event->u.timer == TIMER_WATCH)
            watch(service);
        else if (event->u.timer == TIMER_STREAM)
            cards_timer(service);
        else if (event->u.timer == TIMER_AUDIT)
            show_timer(service);
        else
            service->leave_ns = TIME_NEVER_NS;
        break;
    case EV_CONTINUE:
    case EV_STORAGE:
    case EV_DATAGRAM:
    case EV_PACKET:
    case EV_HARDWARE:
    case EV_FORWARDING:
    case EV_OPERATOR:
    case EV_ALARM: break;
    }
    return 0;
}

static int
start(struct actor *self, void **state)
{
    struct rib_service *service =
        mem_zalloc(actor_mem(self), sizeof(*service));

    if (service == NULL)
        return ERR_NOMEM;
    service->self = self;
    /* Answers to a former life fit none of this one. */
    service->asked = (uint64_t)actor_life(self) << 32;
    service->leave_ns = TIME_NEVER_NS;
    service->stream_ns = TIME_NEVER_NS;
    *state = service;
    return rib_create(actor_mem(self), &service->rib);
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct rib_service *service = state;
    int error = event_take(service, event);

    CHECK(service->self == self);
    return error != 0 ? error : work(service);
}

const struct actor_kind rib_kind = {
    .id = SVC_RIB,
    .takes = TAKES_SESSIONS,
    .memory_max_bytes = MEMORY_MAX_BYTES,
    .start = start,
    .handle = handle,
};
