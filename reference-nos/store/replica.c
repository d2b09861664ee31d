/* SPDX-License-Identifier: Apache-2.0
 *
 * CONF on a box without a vote: what the active controller streams.
 *
 * Fencing  a message of a lower term than any seen is refused, whoever sent
 *          it; the sender learns the higher term from the answer.
 * Headless the rows simply stay.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

#define ASK_NS (500 * NS_PER_MS)
#define ASK_DOUBLINGS 3u
/* A controller whose store lost the subscription hears of it by then. */
#define KEEPALIVE_NS (10 * NS_PER_S)
/* At most one question per this time because of gaps. */
#define GAP_NS (50 * NS_PER_MS)

static void
ask(struct store *store)
{
    struct replica *replica = &store->replica;
    struct stream_ask question = {
        .term = replica->term,
        .watermark = replica->in.complete ? replica->in.watermark : 0,
        .run = replica->in.run,
        .tables = TABLES_FOR_MEMBERS,
    };
    uint8_t bytes[32];
    struct wire_writer writer;
    uint64_t wait_ns = KEEPALIVE_NS;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    stream_ask_write(&writer, &question);
    (void)store_send(store, store->known.active, LANE_CONTROL,
                     MSG_CONF_SUBSCRIBE, replica->term, bytes,
                     wire_writer_size(&writer));
    replica->asked_ns = actor_now_ns(store->self);
    replica->lost = false;
    if (!replica->confirmed)
        wait_ns = ASK_NS << replica->tries;
    if (replica->tries < ASK_DOUBLINGS)
        replica->tries++;
    actor_timer_set(store->self, TIMER_SUBSCRIBE, replica->asked_ns + wait_ns);
}

static bool
has_source(const struct store *store)
{
    return store->known.active != 0 &&
           store->known.active != store->facts->key;
}

void
replica_upstream(struct store *store)
{
    struct replica *replica = &store->replica;

    if (store->known.term > replica->term)
        replica->term = store->known.term;
    if (!has_source(store)) {
        replica->confirmed = false;
        replica->asked_box = 0;
        actor_timer_cancel(store->self, TIMER_SUBSCRIBE);
        return;
    }
    if (replica->asked_box == store->known.active &&
        replica->asked_term == store->known.term)
        return;
    replica->asked_box = store->known.active;
    replica->asked_term = store->known.term;
    replica->confirmed = false;
    replica->tries = 0;
    ask(store);
}

void
replica_session(struct store *store, uint64_t box, bool up)
{
    struct replica *replica = &store->replica;

    if (!has_source(store) || box != store->known.active)
        return;
    if (!up) {
        replica->lost = true;
        return;
    }
    /* The first session comes up because of the question itself. */
    if (!replica->lost)
        return;
    replica->confirmed = false;
    replica->tries = 0;
    ask(store);
}

void
replica_timer(struct store *store)
{
    if (!has_source(store))
        return;
    ask(store);
}

static void
acknowledge(struct store *store, uint64_t to)
{
    const struct replica *replica = &store->replica;
    struct stream_ack ack = {
        .term = replica->term,
        .incarnation = store->facts->incarnation,
        .life = actor_life(store->self),
        .class = STREAM_URGENT,
        .run = replica->in.run,
        .watermark = replica->in.watermark,
        .credit = STREAM_CREDIT_ROWS,
        .complete = replica->in.complete,
    };
    uint8_t bytes[64];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    stream_ack_write(&writer, &ack);
    (void)store_send(store, to, LANE_CONTROL, MSG_CONF_ACK, replica->term,
                     bytes, wire_writer_size(&writer));
}

/* Are the rest of the bytes rows of CONF? */
static bool
rows_are_good(struct wire_reader reader)
{
    struct store_row row;
    int error;

    while ((error = store_row_read(&reader, &row)) == 0)
        if (row.table >= TABLE_CONF_END || row.owner != 0)
            return false;
    return error == ERR_NOENT;
}

static int
apply_rows(struct store *store, struct wire_reader reader, unsigned *count)
{
    struct store_row row;

    while (store_row_read(&reader, &row) == 0) {
        const struct row *old =
            rows_find(&store->conf, 0, row.table, row.key, row.key_size);
        int error;

        (*count)++;
        actor_charge(store->self, COST_ROW, 1);
        if (rows_same(&store->conf, &row, store->replica.in.generation) ||
            (old != NULL && old->version > row.version))
            continue;
        error = rows_put(&store->conf, &row, store->conf.last + 1,
                         store->replica.in.generation);
        if (error == ERR_FULL)
            actor_log(store->self, SEVERITY_ERROR,
                      "store: replica is full, a row is left out");
        else if (error != 0)
            return error;
    }
    return 0;
}

static void
sweep(struct store *store)
{
    struct row *next;

    for (struct row *row = rows_first(&store->conf); row != NULL; row = next) {
        next = rows_next(row);
        if (row->generation != store->replica.in.generation)
            rows_bury(&store->conf, row, row->version, store->conf.last + 1);
    }
}

static int
take(struct store *store, const struct stream_header *header,
     struct wire_reader reader, uint64_t from)
{
    struct replica *replica = &store->replica;
    unsigned count = 0;
    int error = apply_rows(store, reader, &count);

    if (error != 0)
        return error;
    if (stream_in_taken(&replica->in, header)) {
        sweep(store);
        replica->complete = true;
    }
    if (replica->in.complete)
        replica->index = header->index;
    if (count > 0)
        actor_trace(store->self, TRACE_WRITE_ACCEPTED, header->term, from,
                    header->index, MSG_CONF_ROWS);
    return 0;
}

/* The door of the card: false if the sender was deposed. */
static bool
fence(struct store *store, const struct stream_header *header, uint64_t from)
{
    struct replica *replica = &store->replica;

    if (header->term >= replica->term) {
        replica->term = header->term;
        return true;
    }
    if (mutation_awake(store->plat, MUTATION_NO_FENCING))
        return true;
    actor_trace(store->self, TRACE_WRITE_REFUSED, header->term, from,
                replica->term, MSG_CONF_ROWS);
    acknowledge(store, from);
    return false;
}

static void
gap(struct store *store)
{
    if (has_source(store) &&
        actor_now_ns(store->self) >= store->replica.asked_ns + GAP_NS)
        ask(store);
}

int
replica_rows(struct store *store, const struct actor_message *message)
{
    struct replica *replica = &store->replica;
    uint64_t from = message->from.box;
    struct stream_header header;
    struct wire_reader reader;
    enum stream_verdict verdict;
    int error = 0;

    if (store->voter)
        return 0; /* Has the real thing. */
    wire_reader_init(&reader, message->body, message->size);
    if (stream_header_read(&reader, &header) != 0 || !rows_are_good(reader))
        return 0;
    if (!fence(store, &header, from))
        return 0;
    store_charge_bytes(store, message->size);
    if (from == store->known.active && !replica->confirmed) {
        replica->confirmed = true;
        replica->tries = 0;
        actor_timer_set(store->self, TIMER_SUBSCRIBE,
                        actor_now_ns(store->self) + KEEPALIVE_NS);
    }
    verdict = stream_in_judge(&replica->in, &header, ++store->generations);
    if (verdict == STREAM_GAP) {
        gap(store);
        return 0;
    }
    if (verdict == STREAM_TAKE)
        error = take(store, &header, reader, from);
    acknowledge(store, from);
    return error;
}
