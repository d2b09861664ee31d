/* SPDX-License-Identifier: Apache-2.0
 *
 * The shell: start, dispatch, and the pump that follows every event.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

int
store_tell(struct store *store, unsigned service, uint16_t type,
           uint64_t epoch, const struct wire_writer *writer)
{
    struct actor_address to = {0, (uint8_t)service};

    CHECK(wire_writer_finish(writer) == 0);
    return actor_send(store->self, to, LANE_CONTROL, type, epoch,
                      writer->start, wire_writer_size(writer));
}

int
store_send(struct store *store, uint64_t box, enum lane lane, uint16_t type,
           uint64_t epoch, const void *body, size_t size)
{
    struct actor_address to = {box, SVC_STORE};

    store_charge_bytes(store, size);
    return actor_send(store->self, to, lane, type, epoch, body, size);
}

uint64_t
store_incarnation(const struct store *store)
{
    /* A box may restart its store 65535 times in one boot. */
    return (store->facts->incarnation << 16) | actor_life(store->self);
}

void
store_charge_bytes(struct store *store, size_t size)
{
    actor_charge(store->self, COST_BYTES, (size + KIB - 1) / KIB);
}

bool
store_conf_ready(const struct store *store)
{
    return store->voter ? store->consensus->caught_up
                        : store->replica.complete;
}

uint64_t
store_term(const struct store *store)
{
    return store->voter ? raft_term(store->consensus->raft)
                        : store->replica.term;
}

uint64_t
store_leads(const struct store *store)
{
    const struct consensus *c = store->consensus;

    if (!store->voter || c->ready_index == 0 ||
        c->machine.applied < c->ready_index)
        return 0;
    return c->leading_term;
}

/* --- Start -------------------------------------------------------------- */

static int
start(struct actor *self, void **state)
{
    struct store *store = mem_zalloc(actor_mem(self), sizeof(*store));

    if (store == NULL)
        return ERR_NOMEM;
    store->self = self;
    store->plat = actor_plat(self);
    store->mem = actor_mem(self);
    store->facts = actor_facts(self);
    store->voter = consensus_has_part(store);
    store->announce = ((1u << SVC_COUNT) - 2u) & ~(1u << SVC_STORE);
    rows_init(&store->conf, store->mem, MACHINE_ROWS_MAX, MACHINE_BYTES_MAX);
    rows_init(&store->state, store->mem, STORE_STATE_ROWS_MAX,
              STORE_STATE_BYTES_MAX);
    /* An answer to a stream of a former life fits none of this one. */
    store->runs = store_incarnation(store) << 24;
    subscriber_init(store);
    owner_init(store);
    *state = store;
    return 0;
}

static int
begin(struct store *store)
{
    int error = store->voter ? consensus_start(store) : 0;

    if (error == 0)
        owner_start(store);
    return error;
}

/* --- Events ------------------------------------------------------------- */

static int
on_upstream(struct store *store, const struct actor_message *message)
{
    struct store_upstream upstream;
    struct wire_reader reader;

    wire_reader_init(&reader, message->body, message->size);
    if (message->from.box != 0 || store_upstream_read(&reader, &upstream) != 0)
        return 0;
    store->known = upstream;
    if (!store->voter)
        replica_upstream(store);
    state_upstream(store);
    return 0;
}

static int
on_peer(struct store *store, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_peer peer;

    wire_reader_init(&reader, message->body, message->size);
    if (message->from.box != 0 || store_peer_read(&reader, &peer) != 0)
        return 0;
    return owner_peer(store, &peer);
}

static int
on_local(struct store *store, const struct actor_message *message)
{
    switch (message->type) {
    case MSG_STORE_TXN: return client_txn(store, message);
    case MSG_STORE_READ: return client_read(store, message);
    case MSG_STORE_WATCH: watch_set(store, message); return 0;
    case MSG_STORE_STATE_PUT: return state_put(store, message);
    case MSG_STORE_UPSTREAM: return on_upstream(store, message);
    case MSG_STORE_PEER: return on_peer(store, message);
    case MSG_STORE_TRANSFER: return client_transfer(store, message);
    case MSG_STORE_VOTER: return voter_change(store, message);
    default: return 0;
    }
}

static int
on_consensus(struct store *store, const struct actor_message *message)
{
    switch (message->type) {
    case MSG_RAFT: return consensus_message(store, message);
    case MSG_RAFT_SNAPSHOT: return snapshot_chunk(store, message);
    case MSG_RAFT_SNAPSHOT_ACK: return snapshot_ack(store, message);
    default: return 0;
    }
}

static int
on_stream(struct store *store, const struct actor_message *message)
{
    switch (message->type) {
    case MSG_CONF_SUBSCRIBE: return subscriber_ask(store, message);
    case MSG_CONF_ROWS: return replica_rows(store, message);
    case MSG_CONF_ACK: return subscriber_ack(store, message);
    case MSG_STATE_ROWS: return owner_rows(store, message);
    case MSG_STATE_ACK: state_ack(store, message); return 0;
    case MSG_STATE_RESYNC: state_resync(store, message); return 0;
    default: return 0;
    }
}

static int
on_message(struct store *store, const struct actor_message *message)
{
    if (message->from.box == 0)
        return on_local(store, message);
    if (message->from.service != SVC_STORE)
        return 0;
    if (message->type >= MSG_CONF_SUBSCRIBE)
        return on_stream(store, message);
    if (store->voter)
        return on_consensus(store, message);
    return message->type == MSG_RAFT ? consensus_join(store, message) : 0;
}

static void
on_stream_timer(struct store *store)
{
    uint64_t now_ns = actor_now_ns(store->self);

    store->stream_deadline_ns = 0;
    subscriber_timeouts(store, now_ns);
    state_timeouts(store, now_ns);
}

static int
on_timer(struct store *store, unsigned timer)
{
    switch ((enum store_timer)timer) {
    case TIMER_RAFT: return store->voter ? consensus_timer(store) : 0;
    case TIMER_WATCH: store->watch_dirty = true; return 0;
    case TIMER_STREAM: on_stream_timer(store); return 0;
    case TIMER_SUBSCRIBE: replica_timer(store); return 0;
    case TIMER_SNAPSHOT: return store->voter ? snapshot_timer(store) : 0;
    case TIMER_VOTER: return store->voter ? voter_step(store) : 0;
    case TIMER_RESYNC: owner_timer(store); return 0;
    }
    return 0;
}

/* Box 0, down: the bus of this box restarted, every session is gone. */
static void
on_session(struct store *store, uint64_t box, uint64_t incarnation, bool up)
{
    if (box == 0 && !up) {
        store->replica.lost = true;
        state_sessions_lost(store);
        return;
    }
    if (!store->voter)
        replica_session(store, box, up);
    state_session(store, box, incarnation, up);
}

static int
on_event(struct store *store, const struct actor_event *event)
{
    switch (event->kind) {
    case EV_START: return begin(store);
    case EV_CONTINUE: return 0;
    case EV_MESSAGE: return on_message(store, &event->u.message);
    case EV_TIMER: return on_timer(store, event->u.timer);
    case EV_STORAGE:
        return store->voter ? consensus_storage(store, event->u.storage.token,
                                                event->u.storage.status)
                            : 0;
    case EV_SESSION:
        on_session(store, event->u.session.box, event->u.session.incarnation,
                   event->u.session.up);
        return 0;
    case EV_DATAGRAM:
    case EV_PACKET:
    case EV_HARDWARE:
    case EV_FORWARDING:
    case EV_OPERATOR:
    case EV_ALARM: return 0;
    }
    return 0;
}

/* --- Pump --------------------------------------------------------------- */

/* O12 watches the rows against their bound; a record for each new 1/64. */
static void
trace_rows_bound(struct store *store)
{
    size_t rows = store->state.count + store->conf.count;
    size_t bound = STORE_STATE_ROWS_MAX + MACHINE_ROWS_MAX;

    if (rows < store->rows_high + bound / 64)
        return;
    store->rows_high = rows;
    actor_trace(store->self, TRACE_BOUND, BOUND_STORE_ROWS, rows, bound, 0);
}

static void
arm_streams(struct store *store)
{
    uint64_t own = state_deadline_ns(store);
    uint64_t conf = subscriber_deadline_ns(store);
    uint64_t deadline_ns = own < conf ? own : conf;

    if (deadline_ns == store->stream_deadline_ns)
        return;
    store->stream_deadline_ns = deadline_ns;
    if (deadline_ns == TIME_NEVER_NS)
        actor_timer_cancel(store->self, TIMER_STREAM);
    else
        actor_timer_set(store->self, TIMER_STREAM, deadline_ns);
}

/* False when the quantum ended. */
static bool
pump_streams(struct store *store)
{
    bool done;

    if (!store->subscribers_dirty && !store->state_dirty &&
        store->subscribers_conf == store->conf.last &&
        store->streamed_state == store->state.last)
        return true;
    done = subscriber_pump(store) && state_pump(store);
    arm_streams(store);
    return done;
}

static int
pump(struct store *store)
{
    bool done;
    int error = store->voter ? consensus_pump(store) : 0;

    if (error != 0)
        return error;
    done =
        !consensus_behind(store) && watch_pump(store) && pump_streams(store);
    trace_rows_bound(store);
    return done ? ACTOR_DONE : ACTOR_MORE;
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct store *store = state;
    int error;

    CHECK(store->self == self);
    error = on_event(store, event);
    return error != 0 ? error : pump(store);
}

const struct actor_kind store_kind = {
    .id = SVC_STORE,
    .takes = TAKES_SESSIONS,
    .memory_max_bytes = STORE_MEMORY_BYTES_MAX,
    .start = start,
    .handle = handle,
};
