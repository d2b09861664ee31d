/* SPDX-License-Identifier: Apache-2.0
 *
 * The member service: its card, what it tells others, dispatch.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/member_priv.h"

#include <string.h>

#define MEMORY_MAX_BYTES ((size_t)256 * 1024)
#define WATCH_RETRY_NS (20 * NS_PER_MS)
#define CARD_RETRY_NS (1 * NS_PER_S)

void
member_send(struct member *member, uint64_t box, enum lane lane, uint16_t type,
            const struct wire_writer *writer)
{
    struct actor_address to = {box, SVC_CLUSTER};

    CHECK(wire_writer_finish(writer) == 0);
    /* What is lost is sent again by deadline. */
    (void)!actor_send(member->self, to, lane, type, member->card.term,
                      writer->start, wire_writer_size(writer));
}

uint64_t
member_jitter_ns(const struct member *member, uint64_t salt, uint64_t span_ns)
{
    uint8_t bytes[8];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, salt);
    return hash64(member->facts->key, bytes, sizeof(bytes)) % span_ns;
}

bool
member_obey(struct member *member, uint64_t from, uint64_t term, uint16_t type)
{
    if (term >= member->card.term) {
        if (term > member->card.term) {
            member->card.term = term;
            member_card_save(member);
        }
        return true;
    }
    if (from != member->refused_box || term != member->refused_term ||
        type != MSG_BEACON)
        actor_trace(member->self, TRACE_WRITE_REFUSED, term, from,
                    member->card.term, type);
    member->refused_box = from;
    member->refused_term = term;
    return false;
}

/* --- The card ----------------------------------------------------------- */

static void
card_write(struct member *member)
{
    struct plat *plat = actor_plat(member->self);
    uint8_t bytes[CARD_BYTES];
    int error;

    /* A completion asked for by a former life fits no token of this one. */
    member->card_token =
        (uint64_t)actor_life(member->self) << 32 | ++member->card_writes;
    member->card_dirty = false;
    card_encode(&member->card, bytes);
    error = plat->ops->storage_replace(
        plat, STORAGE_CARD, bytes, sizeof(bytes), actor_service(member->self),
        member->card_token);
    if (error == 0)
        return;
    member->card_token = 0;
    member->card_dirty = true;
    actor_timer_set(member->self, MEMBER_TIMER_CARD,
                    actor_now_ns(member->self) + CARD_RETRY_NS);
}

void
member_card_save(struct member *member)
{
    if (member->card_token != 0)
        member->card_dirty = true;
    else
        card_write(member);
}

static void
card_done(struct member *member, uint64_t token, int status)
{
    if (token != member->card_token || token == 0)
        return;
    member->card_token = 0;
    if (status != 0) {
        actor_log(member->self, SEVERITY_ERROR, "member: card: %s",
                  err_text(status));
        member->card_dirty = true;
        actor_timer_set(member->self, MEMBER_TIMER_CARD,
                        actor_now_ns(member->self) + CARD_RETRY_NS);
        return;
    }
    if (member->card_dirty)
        card_write(member);
    else if (member->phase == MEMBER_SAVING)
        member_offer_saved(member);
}

/* ERR_IO: nobody knows yet what the card says. */
static int
card_read(struct member *member)
{
    struct plat *plat = actor_plat(member->self);
    uint8_t bytes[CARD_BYTES];
    uint64_t size = 0;
    int error;

    member->card = (struct card){.cluster_id = member->facts->cluster_id,
                                 .number = MODULE_NONE};
    error = plat->ops->storage_size(plat, STORAGE_CARD, &size);
    if (error == ERR_NOENT || (error == 0 && size == 0))
        return 0;
    if (error == 0 && size != sizeof(bytes))
        error = ERR_CORRUPT;
    if (error == 0)
        error = plat->ops->storage_read(plat, STORAGE_CARD, 0, bytes,
                                        sizeof(bytes));
    if (error == 0)
        error = card_decode(bytes, sizeof(bytes), &member->card);
    if (error != 0)
        actor_log(member->self, SEVERITY_WARNING, "member: card: %s",
                  err_text(error));
    else if (member->card.cluster_id != member->facts->cluster_id)
        member->card = (struct card){.cluster_id = member->facts->cluster_id,
                                     .number = MODULE_NONE};
    return error == ERR_IO ? ERR_IO : 0;
}

/* --- What others are told ----------------------------------------------- */

static bool
is_member(const struct member *member)
{
    return member->phase == MEMBER_INSIDE || member->phase == MEMBER_HEADLESS;
}

static struct member_role
role_now(const struct member *member)
{
    struct member_role role = {
        .module = MODULE_NONE,
        .number = MODULE_NONE,
        .term = member->card.term,
    };

    if (!is_member(member))
        return role;
    role.module = module_id(member->facts->role, member->card.number);
    role.number = member->card.number;
    role.drained = member->card.drained || member->stopping;
    if (member->phase == MEMBER_INSIDE)
        role.active = member->active.key;
    return role;
}

static void
role_send(struct member *member, unsigned service)
{
    struct actor_address to = {0, (uint8_t)service};
    uint8_t bytes[32];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    member_role_write(&writer, &member->role);
    CHECK(wire_writer_finish(&writer) == 0);
    /* A service that is down asks when it is back. */
    (void)!actor_send(member->self, to, LANE_CONTROL, MSG_MEMBER_ROLE,
                      member->card.term, bytes, wire_writer_size(&writer));
}

static void
role_publish(struct member *member)
{
    static const uint8_t services[] = {SVC_CLUSTER, SVC_HARDWARE, SVC_FABRIC,
                                       SVC_OPERATOR, SVC_FIB};
    struct member_role now = role_now(member);
    const struct member_role *old = &member->role;

    if (member->role_told && now.module == old->module &&
        now.term == old->term && now.active == old->active &&
        now.drained == old->drained)
        return;
    member->role = now;
    member->role_told = true;
    for (unsigned i = 0; i < ARRAY_COUNT(services); i++)
        role_send(member, services[i]);
}

static void
upstream_send(struct member *member)
{
    struct actor_address to = {0, SVC_STORE};
    uint8_t bytes[32];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_upstream_write(&writer, &member->upstream);
    CHECK(wire_writer_finish(&writer) == 0);
    (void)!actor_send(member->self, to, LANE_CONTROL, MSG_STORE_UPSTREAM,
                      member->card.term, bytes, wire_writer_size(&writer));
}

/* The store keeps what it was told while this service finds its way back. */
static void
upstream_publish(struct member *member)
{
    const struct store_upstream *old = &member->upstream;
    struct store_upstream now = {.term = member->card.term};

    if (member->phase == MEMBER_INSIDE) {
        if (member->active.key == 0)
            return;
        now.active = member->active.key;
        now.standby = member->active.standby;
        now.term = member->active.term;
    } else if (!member->upstream_told && member->phase != MEMBER_HEADLESS) {
        return;
    }
    if (member->upstream_told && now.active == old->active &&
        now.standby == old->standby && now.term == old->term)
        return;
    member->upstream = now;
    member->upstream_told = true;
    upstream_send(member);
}

void
member_publish(struct member *member)
{
    role_publish(member);
    upstream_publish(member);
}

void
member_phase_set(struct member *member, enum member_phase phase)
{
    bool was_headless = member->phase == MEMBER_HEADLESS;

    if (was_headless != (phase == MEMBER_HEADLESS))
        actor_trace(member->self, TRACE_HEADLESS, phase == MEMBER_HEADLESS,
                    member->card.term, 0, 0);
    member->phase = phase;
}

void
member_forget(struct member *member, bool left)
{
    member->card.number = MODULE_NONE;
    if (left)
        member->card.left_boot = member->facts->incarnation;
    member->card.drained = false;
    member->active = (struct controller){0};
    member_phase_set(member, left ? MEMBER_LEFT : MEMBER_OUTSIDE);
    actor_timer_cancel(member->self, MEMBER_TIMER_HELLO);
    actor_timer_cancel(member->self, MEMBER_TIMER_LEASE);
    member_card_save(member);
    member_publish(member);
    member->join_armed = false;
    if (!left)
        member_join_at(member, actor_now_ns(member->self));
}

/* --- Rows --------------------------------------------------------------- */

static void
watch(struct member *member)
{
    struct store_watch wanted = {.conf = 1ull << TABLE_MODULE};
    struct actor_address to = {0, SVC_STORE};
    uint8_t bytes[32];
    struct wire_writer writer;
    int error;

    if (member->facts->fabric_ports > 0)
        wanted.state = 1ull << (TABLE_SEEN - TABLE_CONF_END);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_watch_write(&writer, &wanted);
    CHECK(wire_writer_finish(&writer) == 0);
    error = actor_send(member->self, to, LANE_CONTROL, MSG_STORE_WATCH, 0,
                       bytes, wire_writer_size(&writer));
    if (error != 0)
        actor_timer_set(member->self, MEMBER_TIMER_WATCH,
                        actor_now_ns(member->self) + WATCH_RETRY_NS);
}

static void
own_row(struct member *member, const struct module_row *row)
{
    bool removed = row->removed && row->former_key == member->facts->key;

    if (row->key != member->facts->key) {
        if (removed && !is_member(member))
            return; /* An earlier removal; the cluster will judge. */
        actor_log(member->self, SEVERITY_NOTICE,
                  "member: number %u is no longer ours", member->card.number);
        member_forget(member, removed);
        return;
    }
    if (member->card.drained != row->drained) {
        member->card.drained = row->drained;
        member_card_save(member);
        member_publish(member);
    }
}

static void
module_row_take(struct member *member, const struct store_row *row)
{
    struct module_key key;
    struct module_row value;

    if (row->deleted ||
        module_key_decode(row->key, row->key_size, &key) != 0 ||
        module_row_decode(row->value, row->value_size, &value) != 0)
        return;
    if (key.role == ROLE_NCC && key.number < MODULE_POOL_NCC)
        member->controllers[key.number] = value.key;
    if (member->card.number == MODULE_NONE || member->phase == MEMBER_SAVING ||
        row->version < member->card.index || key.role != member->facts->role ||
        key.number != member->card.number)
        return;
    own_row(member, &value);
}

static void
seen_row_take(struct member *member, const struct store_row *row)
{
    struct cable_seen *cable;
    struct seen_row seen;
    uint16_t port;

    if ((row->owner != member->facts->key && row->owner != 0) ||
        port_key_decode(row->key, row->key_size, &port) != 0 ||
        port >= FWD_FABRIC_PORTS_MAX)
        return;
    cable = &member->cables[port];
    member->cable_count -= cable->peer_key != 0;
    *cable = (struct cable_seen){.port = port};
    if (!row->deleted &&
        seen_row_decode(row->value, row->value_size, &seen) == 0) {
        cable->peer_key = seen.peer_key;
        cable->peer_port = seen.peer_port;
    }
    member->cable_count += cable->peer_key != 0;
    member->cable_ns = actor_now_ns(member->self);
}

static void
delta_take(struct member *member, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_delta delta;
    struct store_row row;

    wire_reader_init(&reader, message->body, message->size);
    if (store_delta_read(&reader, &delta) != 0)
        return;
    if (delta.index > member->conf_index)
        member->conf_index = delta.index;
    while (store_row_read(&reader, &row) == 0) {
        if (row.table == TABLE_MODULE)
            module_row_take(member, &row);
        else if (row.table == TABLE_SEEN)
            seen_row_take(member, &row);
    }
}

static void
store_role_take(struct member *member, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_role_change change;

    wire_reader_init(&reader, message->body, message->size);
    if (store_role_read(&reader, &change) != 0 ||
        change.role != STORE_RESTARTED)
        return;
    watch(member);
    if (member->upstream_told)
        upstream_send(member);
}

/* --- Dispatch ----------------------------------------------------------- */

static void
local_take(struct member *member, const struct actor_message *message)
{
    switch (message->type) {
    case MSG_STORE_DELTA: delta_take(member, message); break;
    case MSG_STORE_ROLE: store_role_take(member, message); break;
    case MSG_MEMBER_ROLE:
        if (message->size == 0 && member->role_told)
            role_send(member, message->from.service);
        break;
    default: break;
    }
}

static void
message_take(struct member *member, const struct actor_message *message)
{
    if (member->phase == MEMBER_UNREAD)
        return;
    if (message->from.service != SVC_CLUSTER) {
        if (message->from.box == 0)
            local_take(member, message);
        return;
    }
    switch (message->type) {
    case MSG_BEACON: member_beacon(member, message); break;
    case MSG_HELLO_ACK: member_hello_ack(member, message); break;
    case MSG_JOIN_CHALLENGE: member_challenge(member, message); break;
    case MSG_JOIN_OFFER: member_offer(member, message); break;
    case MSG_JOIN_REJECT: member_reject(member, message); break;
    case MSG_MEMBER_ROLE:
        if (message->from.box == 0)
            local_take(member, message);
        break;
    default: break;
    }
}

/* A restarted service of a member goes on as if its lease had just begun;
 * a restarted box is asked for first.  One whose card cannot be read says
 * nothing: the other services go on with what they were told before. */
static void
begin(struct member *member)
{
    uint64_t boot = member->facts->incarnation;
    uint64_t now_ns = actor_now_ns(member->self);

    if (card_read(member) != 0) {
        member->phase = MEMBER_UNREAD;
        actor_timer_set(member->self, MEMBER_TIMER_CARD,
                        now_ns + CARD_RETRY_NS);
        return;
    }
    member->phase = MEMBER_OUTSIDE;
    if (member->card.number == MODULE_NONE) {
        if (member->card.left_boot == boot)
            member->phase = MEMBER_LEFT;
    } else if (member->card.confirmed_boot == boot) {
        member->phase = MEMBER_INSIDE;
        member->lease_ns = now_ns + CLUSTER_LEASE_NS;
        actor_timer_set(member->self, MEMBER_TIMER_LEASE, member->lease_ns);
    } else {
        member->phase = MEMBER_RETURNING;
    }
    watch(member);
    member_publish(member);
}

static void
timer_take(struct member *member, unsigned timer)
{
    switch ((enum member_timer)timer) {
    case MEMBER_TIMER_HELLO: member_hello_timer(member); break;
    case MEMBER_TIMER_LEASE: member_lease_timer(member); break;
    case MEMBER_TIMER_JOIN: member_join_timer(member); break;
    case MEMBER_TIMER_WATCH: watch(member); break;
    case MEMBER_TIMER_STOP: member_stop_timer(member); break;
    case MEMBER_TIMER_CARD:
        if (member->phase == MEMBER_UNREAD)
            begin(member);
        else if (member->card_dirty && member->card_token == 0)
            card_write(member);
        break;
    }
}

static int
start(struct actor *self, void **state)
{
    struct member *member = mem_zalloc(actor_mem(self), sizeof(*member));

    if (member == NULL)
        return ERR_NOMEM;
    member->self = self;
    member->facts = actor_facts(self);
    member->start_ns = actor_now_ns(self);
    member->cable_ns = member->start_ns;
    *state = member;
    return 0;
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct member *member = state;

    CHECK(member->self == self);
    switch (event->kind) {
    case EV_START: begin(member); break;
    case EV_MESSAGE: message_take(member, &event->u.message); break;
    case EV_TIMER: timer_take(member, event->u.timer); break;
    case EV_STORAGE:
        card_done(member, event->u.storage.token, event->u.storage.status);
        break;
    case EV_OPERATOR:
        member_operator(member, event->u.operation.token,
                        event->u.operation.bytes, event->u.operation.size);
        break;
    case EV_CONTINUE:
    case EV_SESSION:
    case EV_DATAGRAM:
    case EV_PACKET:
    case EV_HARDWARE:
    case EV_FORWARDING:
    case EV_ALARM: break;
    }
    return ACTOR_DONE;
}

const struct actor_kind member_kind = {
    .id = SVC_MEMBER,
    .memory_max_bytes = MEMORY_MAX_BYTES,
    .start = start,
    .handle = handle,
};

const struct actor_kind member_alone_kind = {
    .id = SVC_MEMBER,
    .takes = TAKES_OPERATOR,
    .memory_max_bytes = MEMORY_MAX_BYTES,
    .start = start,
    .handle = handle,
};
