/* SPDX-License-Identifier: Apache-2.0
 *
 * The streams to the cards.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/rib/rib_priv.h"

#include <string.h>

#define OFFER_PATIENCE_NS (500 * NS_PER_MS)
#define OFFER_DOUBLINGS 4u
/* A question right after an offer has crossed it. */
#define OFFER_FRESH_NS (50 * NS_PER_MS)
#define SEND_RETRY_NS (50 * NS_PER_MS)
/* Runs of a term and of a life of this service begin here, so they grow. */
#define RUN_OF_TERM_SHIFT 40
#define RUN_OF_LIFE_SHIFT 20

static const struct stream_filter shown = {.tables = 1ull << TABLE_FIB_GROUP |
                                                     1ull << TABLE_FIB_ROUTE};

static bool
streams(const struct rib_service *service)
{
    return service->ready && service->term != 0;
}

static void
offer_begin(struct rib_service *service, struct card *card)
{
    stream_out_begin(&card->out, ++service->runs);
    card->offering = true;
    card->offer_due = true;
    card->lost = false;
    service->cards_dirty = true;
}

static void
card_stop(struct card *card)
{
    memset(&card->out, 0, sizeof(card->out));
    card->out.deadline_ns = TIME_NEVER_NS;
    card->offering = false;
    card->offer_due = false;
}

void
cards_set(struct rib_service *service, unsigned place, uint64_t box)
{
    struct card *card = &service->cards[place];

    card->generation = service->generation;
    if (card->box == box)
        return;
    card_stop(card);
    card->box = box;
    card->lost = false;
    if (box != 0 && streams(service))
        offer_begin(service, card);
}

void
cards_sweep(struct rib_service *service)
{
    for (unsigned i = 0; i < FWD_MODULES_MAX; i++)
        if (service->cards[i].box != 0 &&
            service->cards[i].generation != service->generation)
            cards_set(service, i, 0);
}

void
cards_role(struct rib_service *service)
{
    const struct box_facts *facts = actor_facts(service->self);
    uint64_t runs = (service->term << RUN_OF_TERM_SHIFT) +
                    ((uint64_t)actor_life(service->self) << RUN_OF_LIFE_SHIFT);

    if (service->runs < runs)
        service->runs = runs;
    service->cards[CARD_SELF].box = facts->alone ? facts->key : 0;
    for (unsigned i = 0; i < CARDS_MAX; i++) {
        struct card *card = &service->cards[i];

        if (card->box == 0)
            continue;
        if (streams(service))
            offer_begin(service, card);
        else
            card_stop(card);
    }
}

static struct card *
card_of(struct rib_service *service, uint64_t box)
{
    for (unsigned i = 0; i < CARDS_MAX; i++)
        if (service->cards[i].box == box)
            return &service->cards[i];
    return NULL;
}

/* A new session after a break: what was under way is lost. */
void
cards_session(struct rib_service *service, uint64_t box, bool up)
{
    if (up) {
        struct card *card = card_of(service, box);

        if (card != NULL && card->lost && streams(service))
            offer_begin(service, card);
        return;
    }
    for (unsigned i = 0; i < CARDS_MAX; i++)
        if (service->cards[i].box != 0 &&
            (box == 0 || service->cards[i].box == box))
            service->cards[i].lost = true;
}

/* ---- what cards say ---- */

/* The card has seen a run that this service did not give. */
static void
run_learn(struct rib_service *service, struct card *card, uint64_t run)
{
    if (run <= service->runs)
        return;
    service->runs = run;
    offer_begin(service, card);
}

static void
ack_take(struct rib_service *service, struct card *card,
         const struct actor_message *message)
{
    struct wire_reader reader;
    struct stream_ack ack;

    wire_reader_init(&reader, message->body, message->size);
    if (stream_ack_read(&reader, &ack) != 0)
        return;
    if (ack.term > service->term) {
        card_stop(card); /* It obeys a later leader. */
        return;
    }
    run_learn(service, card, ack.run);
    if (ack.run != card->out.run)
        return;
    if (card->offering && !ack.complete)
        return;
    card->offering = false;
    card->offer_due = false;
    stream_out_acked(&card->out, &ack, actor_now_ns(service->self));
    service->cards_dirty = true;
}

static void
resync_take(struct rib_service *service, struct card *card,
            const struct actor_message *message)
{
    uint64_t now_ns = actor_now_ns(service->self);
    struct wire_reader reader;
    struct fib_resync resync;

    wire_reader_init(&reader, message->body, message->size);
    if (fib_resync_read(&reader, &resync) != 0 || resync.term > service->term)
        return;
    service->cards_dirty = true;
    if (resync.run == 0) {
        if (!card->offering || now_ns - card->sent_ns > OFFER_FRESH_NS)
            offer_begin(service, card);
        return;
    }
    if (resync.run != card->out.run)
        return;
    if (!card->offering)
        stream_out_begin(&card->out, ++service->runs);
    card->offering = false;
    card->offer_due = false;
    card->out.deadline_ns = TIME_NEVER_NS;
}

void
cards_message(struct rib_service *service, const struct actor_message *message)
{
    uint64_t box = message->from.box != 0 ? message->from.box
                                          : actor_facts(service->self)->key;
    struct card *card = card_of(service, box);

    if (card == NULL || message->from.service != SVC_FIB)
        return;
    if (message->type == MSG_FIB_TELL)
        show_told(service, (unsigned)(card - service->cards), message);
    if (!streams(service))
        return;
    if (message->type == MSG_FIB_ACK)
        ack_take(service, card, message);
    else if (message->type == MSG_FIB_RESYNC)
        resync_take(service, card, message);
}

/* ---- sending ---- */

static int
card_send(struct rib_service *service, struct card *card, uint16_t type,
          const struct wire_writer *writer)
{
    struct actor_address to = {card->box, SVC_FIB};
    int error = actor_send(service->self, to, LANE_BULK, type, service->term,
                           writer->start, wire_writer_size(writer));

    actor_charge(service->self, COST_BYTES,
                 1 + wire_writer_size(writer) / 1024);
    if (error != 0)
        card->out.deadline_ns = actor_now_ns(service->self) + SEND_RETRY_NS;
    return error;
}

static void
offer_send(struct rib_service *service, struct card *card)
{
    unsigned doublings =
        card->out.tries < OFFER_DOUBLINGS ? card->out.tries : OFFER_DOUBLINGS;
    uint64_t now_ns = actor_now_ns(service->self);
    struct fib_offer offer = {
        .term = service->term,
        .run = card->out.run,
        .upto = rib_rows(service->rib)->last,
        .sum = rib_sum(service->rib),
    };
    struct wire_writer writer;

    wire_writer_init(&writer, service->chunk, sizeof(service->chunk));
    fib_offer_write(&writer, &offer);
    card->offer_due = false;
    card->sent_ns = now_ns;
    card->out.deadline_ns = now_ns + (OFFER_PATIENCE_NS << doublings);
    (void)card_send(service, card, MSG_FIB_OFFER, &writer);
}

/* False when nothing went out. */
static bool
rows_send(struct rib_service *service, struct card *card)
{
    const struct rows *rows = rib_rows(service->rib);
    struct stream_header proto = {
        .term = service->term, .class = STREAM_REST, .index = service->index};
    struct wire_writer writer;

    if (stream_out_lost(&card->out, rows)) {
        offer_begin(service, card);
        return true;
    }
    wire_writer_init(&writer, service->chunk, sizeof(service->chunk));
    if (!stream_out_build(&card->out, rows, &shown, &proto, &writer))
        return false;
    if (card_send(service, card, MSG_FIB_BATCH, &writer) != 0)
        return false;
    actor_charge(service->self, COST_WATCH, card->out.built_rows);
    stream_out_sent(&card->out, actor_now_ns(service->self));
    return true;
}

/* False when the quantum ended. */
static bool
card_pump(struct rib_service *service, struct card *card)
{
    while (card->out.active) {
        if (actor_quantum_over(service->self))
            return false;
        if (card->offering && !card->offer_due)
            return true;
        if (card->offering)
            offer_send(service, card);
        else if (!rows_send(service, card))
            return true;
    }
    return true;
}

static void
timer_arm(struct rib_service *service)
{
    uint64_t next_ns = TIME_NEVER_NS;

    for (unsigned i = 0; i < CARDS_MAX; i++)
        if (service->cards[i].out.active &&
            service->cards[i].out.deadline_ns < next_ns)
            next_ns = service->cards[i].out.deadline_ns;
    /* One that fires too early costs less than moving it each time. */
    if (next_ns >= service->stream_ns)
        return;
    service->stream_ns = next_ns;
    actor_timer_set(service->self, TIMER_STREAM, next_ns);
}

bool
cards_pump(struct rib_service *service)
{
    uint64_t last = rib_rows(service->rib)->last;

    if (!streams(service) ||
        (!service->cards_dirty && service->cards_rows == last))
        return true;
    service->cards_dirty = true; /* Until all are served. */
    for (unsigned i = 0; i < CARDS_MAX; i++) {
        unsigned place = (service->turn + i) % CARDS_MAX;

        if (card_pump(service, &service->cards[place]))
            continue;
        service->turn = place;
        return false;
    }
    service->cards_dirty = false;
    service->cards_rows = last;
    timer_arm(service);
    return true;
}

void
cards_timer(struct rib_service *service)
{
    uint64_t now_ns = actor_now_ns(service->self);

    service->stream_ns = TIME_NEVER_NS;
    service->cards_dirty = true;
    for (unsigned i = 0; i < CARDS_MAX; i++) {
        struct card *card = &service->cards[i];

        if (!card->out.active || card->out.deadline_ns > now_ns)
            continue;
        if (stream_out_timeout(&card->out) != 0) {
            card_stop(card); /* Until it has a session again, or asks. */
            card->lost = true;
        } else if (card->offering) {
            card->offer_due = true;
        }
    }
}
