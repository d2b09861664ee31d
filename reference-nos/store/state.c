/* SPDX-License-Identifier: Apache-2.0
 *
 * STATE rows that this box owns: kept here, streamed to both controllers.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

#define RETRY_NS (50 * NS_PER_MS)
#define URGENT_TABLES                                                         \
    ((1ull << (TABLE_SEEN - TABLE_CONF_END)) |                                \
     (1ull << (TABLE_HEALTH - TABLE_CONF_END)))

uint64_t state_tables(enum stream_class class)
{
    return class == STREAM_URGENT ? URGENT_TABLES : ~URGENT_TABLES;
}

enum lane state_lane(enum stream_class class)
{
    return class == STREAM_URGENT ? LANE_CONTROL : LANE_TELEMETRY;
}

/* --- Writing ------------------------------------------------------------ */

static bool
rows_are_good(struct wire_reader reader)
{
    struct store_row row;
    int error;

    while ((error = store_row_read(&reader, &row)) == 0)
        if (row.table < TABLE_CONF_END)
            return false;
    return error == ERR_NOENT;
}

static bool
is_unchanged(const struct row *old, const struct store_row *row)
{
    struct store_row view;

    if (old == NULL)
        return row->deleted;
    view = row_view(old);
    return !row->deleted && view.value_size == row->value_size &&
           (row->value_size == 0 ||
            memcmp(view.value, row->value, row->value_size) == 0);
}

static int
put(struct store *store, struct store_row *row)
{
    const struct row *old;
    int error;

    row->owner = store->facts->key;
    old = rows_find(&store->state, row->owner, row->table, row->key,
                    row->key_size);
    if (is_unchanged(old, row))
        return 0;
    row->version = store->state.last + 1;
    actor_charge(store->self, COST_ROW, 1);
    error = rows_put(&store->state, row, row->version, 0);
    if (error == ERR_FULL)
        actor_log(store->self, SEVERITY_ERROR,
                  "store: no room for a STATE row of table %u", row->table);
    return error == ERR_FULL ? 0 : error;
}

int
state_put(struct store *store, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_row row;
    int error = 0;

    wire_reader_init(&reader, message->body, message->size);
    if (!rows_are_good(reader)) {
        actor_log(store->self, SEVERITY_WARNING,
                  "store: service %u puts what is no STATE row",
                  message->from.service);
        return 0;
    }
    while (error == 0 && store_row_read(&reader, &row) == 0)
        error = put(store, &row);
    return error;
}

/* --- Streams ------------------------------------------------------------ */

static void
stream_begin(struct store *store, struct upstream *upstream)
{
    for (unsigned i = 0; i < STREAM_CLASS_COUNT; i++)
        stream_out_begin(&upstream->out[i], ++store->runs);
}

static struct upstream *
upstream_find(struct store *store, uint64_t box)
{
    for (unsigned i = 0; i < UPSTREAMS; i++)
        if (store->upstreams[i].box == box && box != 0)
            return &store->upstreams[i];
    return NULL;
}

static bool
is_wanted(const struct store *store, uint64_t box)
{
    return box != 0 && box != store->facts->key &&
           (box == store->known.active || box == store->known.standby);
}

static void
upstream_want(struct store *store, uint64_t box)
{
    struct upstream *upstream = upstream_find(store, box);

    if (!is_wanted(store, box))
        return;
    if (upstream == NULL) {
        for (unsigned i = 0; i < UPSTREAMS && upstream == NULL; i++)
            if (store->upstreams[i].box == 0)
                upstream = &store->upstreams[i];
        CHECK(upstream != NULL);
        memset(upstream, 0, sizeof(*upstream));
        upstream->box = box;
        stream_begin(store, upstream);
        return;
    }
    for (unsigned i = 0; i < STREAM_CLASS_COUNT; i++)
        if (!upstream->out[i].active)
            stream_out_begin(&upstream->out[i], ++store->runs);
}

/* A controller that stays one, active or standby, keeps its streams.  With
 * no controller known the streams wait for their return. */
void
state_upstream(struct store *store)
{
    if (store->known.active == 0 && store->known.standby == 0)
        return;
    store->state_dirty = true;
    for (unsigned i = 0; i < UPSTREAMS; i++)
        if (!is_wanted(store, store->upstreams[i].box))
            memset(&store->upstreams[i], 0, sizeof(store->upstreams[i]));
    upstream_want(store, store->known.active);
    upstream_want(store, store->known.standby);
}

void
state_sessions_lost(struct store *store)
{
    for (unsigned i = 0; i < UPSTREAMS; i++)
        store->upstreams[i].lost = store->upstreams[i].box != 0;
}

/* The first session of all comes up because of what is under way. */
void
state_session(struct store *store, uint64_t box, uint64_t incarnation, bool up)
{
    struct upstream *upstream = upstream_find(store, box);

    (void)incarnation; /* The answers tell the life of the other store. */
    if (upstream == NULL)
        return;
    if (!up) {
        upstream->lost = true;
        return;
    }
    if (!upstream->lost)
        return;
    upstream->lost = false;
    store->state_dirty = true;
    for (unsigned i = 0; i < STREAM_CLASS_COUNT; i++) {
        if (upstream->out[i].active)
            stream_out_back(&upstream->out[i]);
        else
            stream_out_begin(&upstream->out[i], ++store->runs);
    }
}

/* Begins anew if the other store is not the one that was talked to. */
static bool
peer_changed(struct store *store, struct upstream *upstream,
             uint64_t incarnation, uint32_t life)
{
    bool known = upstream->peer_incarnation != 0;

    if (upstream->peer_incarnation == incarnation &&
        upstream->peer_life == life)
        return false;
    upstream->peer_incarnation = incarnation;
    upstream->peer_life = life;
    if (known)
        stream_begin(store, upstream);
    return known;
}

void
state_ack(struct store *store, const struct actor_message *message)
{
    struct upstream *upstream = upstream_find(store, message->from.box);
    struct wire_reader reader;
    struct stream_ack ack;

    wire_reader_init(&reader, message->body, message->size);
    if (upstream == NULL || stream_ack_read(&reader, &ack) != 0)
        return;
    store->state_dirty = true;
    if (peer_changed(store, upstream, ack.incarnation, ack.life))
        return;
    stream_out_acked(&upstream->out[ack.class], &ack,
                     actor_now_ns(store->self));
}

/* Body: incarnation, life, "something is missing" (else: "I restarted"). */
void
state_resync(struct store *store, const struct actor_message *message)
{
    struct upstream *upstream = upstream_find(store, message->from.box);
    struct wire_reader reader;
    uint64_t incarnation;
    uint32_t life;
    bool missing;

    wire_reader_init(&reader, message->body, message->size);
    incarnation = wire_read_u64(&reader);
    life = wire_read_u32(&reader);
    missing = wire_read_bool(&reader);
    if (upstream == NULL || wire_reader_finish(&reader) != 0)
        return;
    store->state_dirty = true;
    if (!peer_changed(store, upstream, incarnation, life) && missing)
        stream_begin(store, upstream);
}

/* False when nothing went out. */
static bool
send_one(struct store *store, struct upstream *upstream,
         enum stream_class class)
{
    struct stream_header proto = {
        .incarnation = store->facts->incarnation,
        .life = actor_life(store->self),
        .class = class,
    };
    struct stream_filter filter = {store->facts->key, TABLE_CONF_END,
                                   state_tables(class)};
    struct stream_out *out = &upstream->out[class];
    struct wire_writer writer;
    int error;

    if (stream_out_lost(out, &store->state))
        stream_out_begin(out, ++store->runs);
    wire_writer_init(&writer, store->chunk, sizeof(store->chunk));
    if (!stream_out_build(out, &store->state, &filter, &proto, &writer))
        return false;
    error = store_send(store, upstream->box, state_lane(class), MSG_STATE_ROWS,
                       0, writer.start, wire_writer_size(&writer));
    if (error != 0) {
        out->deadline_ns = actor_now_ns(store->self) + RETRY_NS;
        return false;
    }
    actor_charge(store->self, COST_WATCH, out->built_rows);
    stream_out_sent(out, actor_now_ns(store->self));
    return true;
}

bool
state_pump(struct store *store)
{
    if (!store->state_dirty && store->streamed_state == store->state.last)
        return true;
    store->state_dirty = true; /* Until all is sent. */
    for (unsigned i = 0; i < UPSTREAMS * STREAM_CLASS_COUNT; i++) {
        struct upstream *upstream = &store->upstreams[i % UPSTREAMS];

        if (upstream->box == 0)
            continue;
        while (!actor_quantum_over(store->self))
            if (!send_one(store, upstream, (enum stream_class)(i / UPSTREAMS)))
                break;
        if (actor_quantum_over(store->self))
            return false;
    }
    store->state_dirty = false;
    store->streamed_state = store->state.last;
    return true;
}

static struct stream_out *
out_at(struct store *store, unsigned i)
{
    struct upstream *upstream = &store->upstreams[i / STREAM_CLASS_COUNT];
    struct stream_out *out = &upstream->out[i % STREAM_CLASS_COUNT];

    return upstream->box == 0 || !out->active ? NULL : out;
}

/* A stream given up waits for a word of the member service, a session or the
 * other store. */
void
state_timeouts(struct store *store, uint64_t now_ns)
{
    store->state_dirty = true;
    for (unsigned i = 0; i < UPSTREAMS * STREAM_CLASS_COUNT; i++) {
        struct stream_out *out = out_at(store, i);

        if (out != NULL && out->deadline_ns <= now_ns)
            (void)!stream_out_timeout(out);
    }
}

uint64_t
state_deadline_ns(struct store *store)
{
    uint64_t next_ns = TIME_NEVER_NS;

    for (unsigned i = 0; i < UPSTREAMS * STREAM_CLASS_COUNT; i++) {
        const struct stream_out *out = out_at(store, i);

        if (out != NULL && out->deadline_ns < next_ns)
            next_ns = out->deadline_ns;
    }
    return next_ns;
}
