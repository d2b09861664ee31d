/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/fabric/fabric.h"

#include <string.h>

#include "reference-nos/base/units.h"
#include "reference-nos/fabric/reach.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/messages.h"
#include "reference-nos/schema/store_msg.h"

#define FABRIC_MEMORY_BYTES (256u * 1024u)
#define FABRIC_ASK_NS (500 * NS_PER_MS)
#define FABRIC_ROWS_BYTES 2048u
#define FABRIC_ROW_BYTES_MAX 128u

enum fabric_timer { TIMER_REACH, TIMER_ASK, TIMER_ROWS };

struct fabric {
    struct reach *reach;
    uint64_t timer_ns; /* TIMER_REACH is set to this */
    bool watching;     /* for the snapshot of our own rows */
    uint64_t packets_ignored;
    struct reach_effect effect;
    struct wire_writer rows;
    uint8_t rows_bytes[FABRIC_ROWS_BYTES];
};

static struct actor_address
local(enum service_id service)
{
    return (struct actor_address){.box = 0, .service = (uint8_t)service};
}

/* Rows */

static void
rows_begin(struct fabric *fabric)
{
    wire_writer_init(&fabric->rows, fabric->rows_bytes, FABRIC_ROWS_BYTES);
}

static void
rows_flush(struct actor *self, struct fabric *fabric)
{
    size_t size = wire_writer_size(&fabric->rows);

    if (size == 0)
        return;
    if (actor_send(self, local(SVC_STORE), LANE_CONTROL, MSG_STORE_STATE_PUT,
                   0, fabric->rows_bytes, size) != 0)
        actor_timer_set(self, TIMER_ROWS, actor_now_ns(self) + NS_PER_S);
    rows_begin(fabric);
}

static void
alarm_encode(struct actor *self, const struct reach_row_effect *in,
             struct key_bytes *key, struct row_bytes *value)
{
    struct plat *plat = actor_plat(self);
    struct alarm_row row = {.severity = in->u.alarm.severity,
                            .value = in->u.alarm.value,
                            .since_wall_ns = plat->ops->wall_ns(plat)};

    alarm_key_encode(in->code, in->id, key);
    alarm_row_encode(&row, value);
}

static void
row_add(struct actor *self, struct fabric *fabric,
        const struct reach_row_effect *in)
{
    struct key_bytes key;
    struct row_bytes value;
    struct store_row row = {.table = in->table, .deleted = !in->present};

    value.size = 0;
    if (in->table == TABLE_ALARM) {
        alarm_encode(self, in, &key, &value);
    } else if (in->table == TABLE_SEEN) {
        port_key_encode(in->id, &key);
        seen_row_encode(&in->u.seen, &value);
    } else {
        port_key_encode(in->id, &key);
        reach_row_encode(&in->u.reach, &value);
    }
    row.key = key.bytes;
    row.key_size = key.size;
    row.value = value.bytes;
    row.value_size = in->present ? value.size : 0;
    if (wire_writer_left(&fabric->rows) < FABRIC_ROW_BYTES_MAX)
        rows_flush(self, fabric);
    store_row_add(&fabric->rows, &row);
}

static void
row_found(struct actor *self, struct fabric *fabric,
          const struct store_row *row)
{
    enum alarm_code code = ALARM_COUNT;
    struct reach_row reach = {0};
    uint16_t id = 0;
    int error;

    if (row->deleted || row->owner != actor_facts(self)->key)
        return;
    if (row->table == TABLE_ALARM)
        error = alarm_key_decode(row->key, row->key_size, &code, &id);
    else
        error = port_key_decode(row->key, row->key_size, &id);
    if (error == 0 && row->table == TABLE_REACH)
        error = reach_row_decode(row->value, row->value_size, &reach);
    if (error == 0)
        reach_row_found(fabric->reach, row->table, code, id, reach.nominal);
}

/* Only the first snapshot matters: later on we know what we wrote. */
static void
delta_take(struct actor *self, struct fabric *fabric, const uint8_t *body,
           size_t size)
{
    struct wire_reader reader;
    struct store_delta delta;
    struct store_row row;

    wire_reader_init(&reader, body, size);
    if (!fabric->watching || store_delta_read(&reader, &delta) != 0)
        return;
    while (store_row_read(&reader, &row) == 0)
        row_found(self, fabric, &row);
    if (delta.flags & STORE_DELTA_LAST)
        fabric->watching = false;
}

static void
watch(struct actor *self, struct fabric *fabric)
{
    struct store_watch wanted = {.state =
                                     (1ull << (TABLE_SEEN - TABLE_CONF_END)) |
                                     (1ull << (TABLE_REACH - TABLE_CONF_END)) |
                                     (1ull << (TABLE_ALARM - TABLE_CONF_END))};
    struct wire_writer writer;
    uint8_t body[64];

    wire_writer_init(&writer, body, sizeof(body));
    store_watch_write(&writer, &wanted);
    fabric->watching =
        actor_send(self, local(SVC_STORE), LANE_CONTROL, MSG_STORE_WATCH, 0,
                   body, wire_writer_size(&writer)) == 0;
}

/* Output */

static void
write_do(struct actor *self, struct fabric *fabric)
{
    struct plat *plat = actor_plat(self);
    const struct reach_effect *effect = &fabric->effect;
    int error;

    actor_charge(self, COST_TABLE_ENTRY, effect->u.write.count);
    error = plat->fwd->bulk_set(plat, effect->u.write.entries,
                                effect->u.write.count, effect->u.write.token);
    if (error != 0)
        reach_written(fabric->reach, effect->u.write.token, error,
                      actor_now_ns(self));
}

static void
effect_do(struct actor *self, struct fabric *fabric)
{
    struct plat *plat = actor_plat(self);
    const struct reach_effect *effect = &fabric->effect;

    switch (effect->kind) {
    case REACH_WORK:
        actor_charge(self, COST_REACH, effect->u.recomputed);
        break;
    case REACH_WRITE: write_do(self, fabric); break;
    case REACH_SEND:
        actor_charge(self, COST_PACKET, 1);
        plat->ops->packet_send(plat, effect->u.send.port, effect->u.send.bytes,
                               effect->u.send.size);
        break;
    case REACH_TRACE:
        actor_trace(self, effect->u.trace.kind, effect->u.trace.a,
                    effect->u.trace.b, effect->u.trace.c, effect->u.trace.d);
        break;
    case REACH_ROW: row_add(self, fabric, &effect->u.row); break;
    }
}

static void
timer_update(struct actor *self, struct fabric *fabric)
{
    uint64_t deadline_ns = reach_deadline_ns(fabric->reach);

    /* A timer that fires too early costs less than moving it each time. */
    if (deadline_ns >= fabric->timer_ns)
        return;
    fabric->timer_ns = deadline_ns;
    actor_timer_set(self, TIMER_REACH, deadline_ns);
}

static int
drain(struct actor *self, struct fabric *fabric)
{
    int result = ACTOR_DONE;

    while (reach_next(fabric->reach, actor_now_ns(self), &fabric->effect)) {
        effect_do(self, fabric);
        if (actor_quantum_over(self)) {
            result = ACTOR_MORE;
            break;
        }
    }
    rows_flush(self, fabric);
    if (result == ACTOR_DONE)
        timer_update(self, fabric);
    return result;
}

/* Input */

static void
lights_read(struct actor *self, struct fabric *fabric)
{
    struct plat *plat = actor_plat(self);
    unsigned port;

    for (port = 0; port < actor_facts(self)->fabric_ports; port++) {
        bool up = false;

        if (plat->fwd->link_up(plat, port, &up) != 0)
            up = false;
        reach_light(fabric->reach, port, up, actor_now_ns(self));
    }
}

static void
member_ask(struct actor *self, struct fabric *fabric)
{
    if (reach_member_known(fabric->reach))
        return;
    /* When the member service is down, the timer asks again. */
    (void)!actor_send(self, local(SVC_MEMBER), LANE_CONTROL, MSG_MEMBER_ROLE,
                      0, NULL, 0);
    actor_timer_set(self, TIMER_ASK, actor_now_ns(self) + FABRIC_ASK_NS);
}

static void
member_take(struct actor *self, struct fabric *fabric, const uint8_t *body,
            size_t size)
{
    struct wire_reader reader;
    struct member_role role;

    wire_reader_init(&reader, body, size);
    if (member_role_read(&reader, &role) != 0)
        return;
    reach_member(fabric->reach, role.module, role.drained, role.term,
                 actor_now_ns(self));
}

static void
store_role_take(struct actor *self, struct fabric *fabric, const uint8_t *body,
                size_t size)
{
    struct wire_reader reader;
    struct store_role_change change;

    wire_reader_init(&reader, body, size);
    if (store_role_read(&reader, &change) != 0)
        return;
    if (change.role == STORE_RESTARTED) {
        fabric->watching = false;
        reach_rows_lost(fabric->reach, actor_now_ns(self));
    }
}

static void
message_take(struct actor *self, struct fabric *fabric,
             const struct actor_message *message)
{
    if (message->from.box != 0)
        return; /* Nobody else tells this box what it is. */
    if (message->type == MSG_MEMBER_ROLE)
        member_take(self, fabric, message->body, message->size);
    else if (message->type == MSG_STORE_DELTA)
        delta_take(self, fabric, message->body, message->size);
    else if (message->type == MSG_STORE_ROLE)
        store_role_take(self, fabric, message->body, message->size);
}

static void
timer_take(struct actor *self, struct fabric *fabric, unsigned timer)
{
    switch ((enum fabric_timer)timer) {
    case TIMER_REACH:
        fabric->timer_ns = TIME_NEVER_NS;
        reach_time(fabric->reach, actor_now_ns(self));
        if (reach_poll_due(fabric->reach))
            lights_read(self, fabric);
        break;
    case TIMER_ASK: member_ask(self, fabric); break;
    case TIMER_ROWS: reach_rows_lost(fabric->reach, actor_now_ns(self)); break;
    }
}

static void
forwarding_take(struct actor *self, struct fabric *fabric,
                const struct fwd_change *change)
{
    if (change->kind == FWD_DONE)
        reach_written(fabric->reach, change->token, change->status,
                      actor_now_ns(self));
    else
        reach_light(fabric->reach, change->port, change->up,
                    actor_now_ns(self));
}

static void
packet_take(struct actor *self, struct fabric *fabric,
            const struct actor_event *event)
{
    actor_charge(self, COST_PACKET, 1);
    if (reach_packet(fabric->reach, event->u.packet.port,
                     event->u.packet.bytes, event->u.packet.size,
                     actor_now_ns(self)) != 0)
        fabric->packets_ignored++;
}

static void
event_take(struct actor *self, struct fabric *fabric,
           const struct actor_event *event)
{
    switch (event->kind) {
    case EV_START:
        member_ask(self, fabric);
        if (actor_life(self) > 1)
            watch(self, fabric);
        break;
    case EV_MESSAGE: message_take(self, fabric, &event->u.message); break;
    case EV_TIMER: timer_take(self, fabric, event->u.timer); break;
    case EV_PACKET: packet_take(self, fabric, event); break;
    case EV_FORWARDING:
        forwarding_take(self, fabric, &event->u.forwarding);
        break;
    case EV_CONTINUE:
    case EV_STORAGE:
    case EV_SESSION:
    case EV_DATAGRAM:
    case EV_HARDWARE:
    case EV_OPERATOR:
    case EV_ALARM: break;
    }
}

static int
fabric_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct fabric *fabric = state;

    event_take(self, fabric, event);
    return drain(self, fabric);
}

/* Start */

static int
tables_adopt(struct actor *self, struct fabric *fabric)
{
    struct plat *plat = actor_plat(self);
    size_t room = 1 + FWD_MODULES_MAX + actor_facts(self)->front_ports;
    struct fwd_entry *entries;
    size_t count = 0;
    int error;

    entries = mem_zalloc_array(actor_mem(self), room, sizeof(*entries));
    if (entries == NULL)
        return ERR_NOMEM;
    error = plat->fwd->dump(plat, entries, room, &count);
    if (error == 0)
        reach_adopt(fabric->reach, entries, count, actor_now_ns(self));
    mem_free(actor_mem(self), entries, room * sizeof(*entries));
    return error;
}

static unsigned
at_most(unsigned value, unsigned most)
{
    return value < most ? value : most;
}

static int
fabric_start(struct actor *self, void **state)
{
    const struct box_facts *facts = actor_facts(self);
    struct reach_config config = {
        .key = facts->key,
        .cluster_id = facts->cluster_id,
        .life = {.incarnation = facts->incarnation, .life = actor_life(self)},
        .role = facts->role == ROLE_NCF ? ROLE_NCF : ROLE_NCP,
        .front_ports =
            (uint16_t)at_most(facts->front_ports, REACH_FRONT_PORTS_MAX),
        .fabric_ports =
            (uint16_t)at_most(facts->fabric_ports, FWD_FABRIC_PORTS_MAX),
        .phase_ns = actor_random_range(self, 0, REACH_REFRESH_NS - 1)};
    struct fabric *fabric = mem_zalloc(actor_mem(self), sizeof(*fabric));
    int error;

    if (fabric == NULL)
        return ERR_NOMEM;
    fabric->timer_ns = TIME_NEVER_NS;
    rows_begin(fabric);
    error = reach_create(actor_mem(self), &config, actor_now_ns(self),
                         &fabric->reach);
    if (error == 0)
        error = tables_adopt(self, fabric);
    if (error != 0)
        return error;
    lights_read(self, fabric);
    *state = fabric;
    return 0;
}

const struct actor_kind fabric_kind = {.id = SVC_FABRIC,
                                       .takes =
                                           TAKES_PACKETS | TAKES_FORWARDING,
                                       .memory_max_bytes = FABRIC_MEMORY_BYTES,
                                       .start = fabric_start,
                                       .handle = fabric_handle};
