/* SPDX-License-Identifier: Apache-2.0
 *
 * Watches: what the services of this box are told.
 *
 * A watcher has a cursor into CONF and one into STATE.  A full mailbox stops
 * its cursors, nothing else; what changes twice meanwhile is told once.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

#define RETRY_NS (5 * NS_PER_MS)

static void
snapshot_begin(const struct store *store, struct watcher *watcher)
{
    watcher->snapshot = true;
    watcher->first_due = true;
    watcher->with_conf = watcher->conf != 0 && store_conf_ready(store);
    watcher->conf_at = 0;
    watcher->state_at = 0;
    watcher->conf_began = store->conf.last;
    watcher->state_began = store->state.last;
}

void
watch_set(struct store *store, const struct actor_message *message)
{
    struct watcher *watcher;
    struct wire_reader reader;
    struct store_watch watch;

    wire_reader_init(&reader, message->body, message->size);
    if (message->from.box != 0 || message->from.service >= SVC_COUNT ||
        store_watch_read(&reader, &watch) != 0)
        return;
    watcher = &store->watchers[message->from.service];
    store->watch_dirty = true;
    memset(watcher, 0, sizeof(*watcher));
    watcher->used = true;
    watcher->roles = watch.roles;
    watcher->conf = watch.conf;
    watcher->state = watch.state;
    if (watch.conf != 0 || watch.state != 0)
        snapshot_begin(store, watcher);
}

void
watch_conf_reset(struct store *store)
{
    store->watch_dirty = true;
    for (unsigned service = 0; service < SVC_COUNT; service++)
        store->watchers[service].with_conf = false;
}

/* A message under construction, and where the cursors stand after it. */
struct delta {
    struct wire_writer writer;
    unsigned flags;
    unsigned rows;
    uint64_t conf_at;
    uint64_t state_at;
    bool full;
};

static bool
wants(const struct watcher *watcher, const struct row *row)
{
    if (row->table < TABLE_CONF_END)
        return (watcher->conf >> row->table & 1) != 0;
    return (watcher->state >> (row->table - TABLE_CONF_END) & 1) != 0;
}

/* Adds what changed after '*at'; moves it. */
static void
add_changes(const struct store *store, const struct watcher *watcher,
            const struct rows *rows, struct delta *delta, uint64_t *at)
{
    uint64_t began =
        rows == &store->conf ? watcher->conf_began : watcher->state_began;
    const struct row *row;

    for (row = rows_changed(rows, *at); row != NULL && !delta->full;
         row = rows_changed(rows, *at)) {
        if (wants(watcher, row) &&
            !(watcher->snapshot && row->deleted && row->stamp <= began)) {
            struct store_row view = row_view(row);

            if (delta->rows == STORE_CHUNK_ROWS ||
                wire_writer_left(&delta->writer) < row_wire_bytes(row)) {
                delta->full = true;
                return;
            }
            store_row_add(&delta->writer, &view);
            actor_charge(store->self, COST_WATCH, 1);
            delta->rows++;
        }
        *at = row->stamp;
    }
}

static struct store_delta
delta_head(const struct store *store, const struct delta *delta)
{
    struct store_delta head = {.flags = delta->flags};

    if (store->voter) {
        head.index = store->consensus->machine.applied;
        head.term = store->consensus->machine.applied_term;
    } else {
        head.index = store->replica.index;
        head.term = store->replica.term;
    }
    return head;
}

/* Flags are the first byte of the message; they are known last. */
static void
set_flags(struct store *store, const struct watcher *watcher,
          struct delta *delta)
{
    if (watcher->snapshot && watcher->first_due)
        delta->flags |= STORE_DELTA_FIRST;
    if (watcher->snapshot && !delta->full &&
        watcher->with_conf == (watcher->conf != 0))
        delta->flags |= STORE_DELTA_LAST;
    store->chunk[0] = (uint8_t)delta->flags;
}

static void
delta_build(struct store *store, const struct watcher *watcher,
            struct delta *delta)
{
    struct store_delta head;

    memset(delta, 0, sizeof(*delta));
    delta->conf_at = watcher->conf_at;
    delta->state_at = watcher->state_at;
    wire_writer_init(&delta->writer, store->chunk, sizeof(store->chunk));
    head = delta_head(store, delta);
    store_delta_begin(&delta->writer, &head);
    if (watcher->with_conf)
        add_changes(store, watcher, &store->conf, delta, &delta->conf_at);
    if (watcher->state != 0 && !delta->full)
        add_changes(store, watcher, &store->state, delta, &delta->state_at);
    set_flags(store, watcher, delta);
}

static void
cursors_move(struct watcher *watcher, const struct delta *delta)
{
    watcher->conf_at = delta->conf_at;
    watcher->state_at = delta->state_at;
}

/* The mailbox is full: later.  The watcher is gone: it will watch again. */
static void
not_sent(struct store *store, struct watcher *watcher, int error)
{
    if (error == ERR_UNREACHABLE)
        watcher->used = false;
    else
        actor_timer_set(store->self, TIMER_WATCH,
                        actor_now_ns(store->self) + RETRY_NS);
}

static bool
must_begin_again(const struct store *store, const struct watcher *watcher)
{
    if (watcher->conf != 0 && !watcher->with_conf && store_conf_ready(store))
        return true;
    return (watcher->with_conf &&
            rows_missed(&store->conf, watcher->conf_at,
                        watcher->snapshot ? watcher->conf_began : 0)) ||
           (watcher->state != 0 &&
            rows_missed(&store->state, watcher->state_at,
                        watcher->snapshot ? watcher->state_began : 0));
}

enum told { TOLD_MORE, TOLD_ALL, TOLD_BLOCKED };

static enum told
tell_rows(struct store *store, unsigned service, struct watcher *watcher)
{
    struct delta delta;
    int error;

    if (must_begin_again(store, watcher))
        snapshot_begin(store, watcher);
    if (watcher->snapshot && !watcher->with_conf && watcher->state == 0)
        return TOLD_ALL; /* CONF is not there yet. */
    delta_build(store, watcher, &delta);
    if (delta.rows == 0 && delta.flags == 0) {
        cursors_move(watcher, &delta);
        return TOLD_ALL;
    }
    error = store_tell(store, service, MSG_STORE_DELTA, store_term(store),
                       &delta.writer);
    if (error != 0) {
        not_sent(store, watcher, error);
        return TOLD_BLOCKED;
    }
    cursors_move(watcher, &delta);
    watcher->first_due = false;
    if (delta.flags & STORE_DELTA_LAST)
        watcher->snapshot = false;
    return TOLD_MORE;
}

static int
tell_role(struct store *store, unsigned service, enum store_role role,
          uint64_t term)
{
    struct store_role_change change = {role, term};
    uint8_t bytes[16];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_role_write(&writer, &change);
    return store_tell(store, service, MSG_STORE_ROLE, term, &writer);
}

/* READY comes after the rows that the new leader starts from. */
static enum told
tell_roles(struct store *store, unsigned service, struct watcher *watcher,
           bool rows_told)
{
    uint64_t term = store_leads(store);
    int error = 0;

    if (!watcher->roles || watcher->told_term == term)
        return TOLD_ALL;
    if (watcher->told_term != 0) {
        error =
            tell_role(store, service, STORE_LEADER_LOST, watcher->told_term);
        if (error == 0)
            watcher->told_term = 0;
    }
    if (error == 0 && term != 0 && rows_told) {
        error = tell_role(store, service, STORE_LEADER_READY, term);
        if (error == 0)
            watcher->told_term = term;
    }
    if (error == 0)
        return TOLD_ALL;
    not_sent(store, watcher, error);
    return TOLD_BLOCKED;
}

/* False when the quantum ended. */
static bool
tell(struct store *store, unsigned service, struct watcher *watcher)
{
    enum told told = TOLD_ALL;

    if (watcher->conf != 0 || watcher->state != 0) {
        do {
            if (actor_quantum_over(store->self))
                return false;
            told = tell_rows(store, service, watcher);
        } while (told == TOLD_MORE);
    }
    if (watcher->used)
        (void)tell_roles(store, service, watcher, told == TOLD_ALL);
    return true;
}

/* A restart is told until it is heard. */
static void
announce(struct store *store)
{
    for (unsigned service = 1; service < SVC_COUNT; service++) {
        int error;

        if ((store->announce >> service & 1) == 0)
            continue;
        error = tell_role(store, service, STORE_RESTARTED, 0);
        if (error == 0 || error == ERR_UNREACHABLE) {
            store->announce &= ~(1u << service);
            continue;
        }
        actor_timer_set(store->self, TIMER_WATCH,
                        actor_now_ns(store->self) + RETRY_NS);
    }
}

static bool
nothing_new(const struct store *store, const struct pumped *now)
{
    const struct pumped *then = &store->watched;

    return !store->watch_dirty && store->announce == 0 &&
           then->conf == now->conf && then->state == now->state &&
           then->leads == now->leads && then->ready == now->ready;
}

bool
watch_pump(struct store *store)
{
    struct pumped now = {store->conf.last, store->state.last,
                         store_leads(store), store_conf_ready(store)};

    if (nothing_new(store, &now))
        return true;
    store->watch_dirty = true; /* Until all are told. */
    if (store->announce != 0)
        announce(store);
    for (unsigned service = 1; service < SVC_COUNT; service++) {
        struct watcher *watcher = &store->watchers[service];

        if (watcher->used && !tell(store, service, watcher))
            return false;
    }
    store->watch_dirty = false;
    store->watched = now;
    return true;
}
