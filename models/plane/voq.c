/* SPDX-License-Identifier: Apache-2.0
 *
 * Virtual output queues of a card, and the buffer they share.
 *
 * Credit    a queue asks for as many credits as its backlog needs, up to a
 *           limit, and sends whole packets while its balance is above zero;
 *           what it sent too much it owes, what is left (less than one credit)
 *           it keeps.  Credits count bytes on the wire of the port, so that
 *           small frames do not swamp it.
 * Deep      a queue that grows too long goes to the deep buffer until that
 *           part is sent: its packets are written and read at the buffer's
 *           rate, and a credit for them works when they have been read.
 */
#include <stdlib.h>
#include <string.h>

#include "models/plane/plane_priv.h"
#include "sim/kernel/random.h"

static unsigned
cost_of(const struct packet *packet)
{
    return packet->bytes + PLANE_L1_BYTES;
}

/* A queue is as long as a cache line, and lies in one. */
static struct voq *
voqs_grow(struct voq *old, uint32_t count, uint32_t room)
{
    struct voq *voqs = aligned_alloc(64, room * sizeof(*voqs));

    CHECK(voqs != NULL);
    if (count > 0)
        memcpy(voqs, old, count * sizeof(*voqs));
    free(old);
    return voqs;
}

/* What credits pay for: bytes on the wire of the port. */
static uint64_t
voq_cost(const struct voq *voq)
{
    return voq->bytes + (uint64_t)voq->packets * PLANE_L1_BYTES;
}

static struct voq *
voq_of(struct data_plane *plane, struct card *card,
       const struct packet *packet)
{
    uint32_t **table = &card->voq_of[packet->traffic_class];
    uint32_t index;

    if (*table == NULL) {
        *table = malloc(plane->end_count * sizeof(**table));
        CHECK(*table != NULL);
        memset(*table, 0xff, plane->end_count * sizeof(**table));
    }
    index = (*table)[packet->exit];
    if (index != PLANE_NONE)
        return &card->voqs[index];
    if (card->voq_count == card->voq_room) {
        card->voq_room = card->voq_room * 2 + 64;
        card->voqs = voqs_grow(card->voqs, card->voq_count, card->voq_room);
    }
    (*table)[packet->exit] = card->voq_count;
    card->voqs[card->voq_count] = (struct voq){
        .head = PLANE_NONE,
        .tail = PLANE_NONE,
        .unasked = PLANE_NONE,
        .next = PLANE_NONE,
        .exit = packet->exit,
        .traffic_class = packet->traffic_class,
    };
    return &card->voqs[card->voq_count++];
}

/* ---- asking for credits ------------------------------------------------- */

static void
request_send(struct plane_part *part, struct card *card, const struct voq *voq,
             unsigned count)
{
    struct data_plane *plane = part->plane;
    struct card *to = &plane->cards[plane->ends[voq->exit].card];
    unsigned port = voq->exit - to->first_end;
    struct engine_item item = {
        .word = (uint64_t)to->index | (uint64_t)card->index << 8 |
                (uint64_t)port << 16 | (uint64_t)voq->traffic_class << 28 |
                (uint64_t)count << 32};

    if (to == card)
        plane_credit_request(part, card, card->index, port, voq->traffic_class,
                             count);
    else
        engine_push(part->engine, part->request_lines[to->part],
                    engine_now_ps(part->engine) + plane->way_ps, item);
}

static void
voq_ask(struct plane_part *part, struct card *card, struct voq *voq)
{
    const struct asic *asic = part->plane->asic;
    int64_t credit = (int64_t)asic->credit_bytes;
    int64_t covered = voq->balance + (int64_t)voq->open * credit;
    uint64_t now_ps = engine_now_ps(part->engine);
    unsigned count = 0;

    if ((int64_t)voq_cost(voq) > covered &&
        voq->open < asic->credit_requests_max) {
        int64_t needed =
            ((int64_t)voq_cost(voq) - covered + credit - 1) / credit;
        int64_t room = asic->credit_requests_max - voq->open;

        count = (unsigned)(needed < room ? needed : room);
        voq->open = (uint16_t)(voq->open + count);
        covered += (int64_t)count * credit;
    }
    while (voq->unasked != PLANE_NONE && (int64_t)voq->asked_cost < covered) {
        struct packet *packet = plane_packet(part->plane, voq->unasked);

        packet->asked_ps = now_ps;
        voq->asked_cost += cost_of(packet);
        voq->unasked = packet->next;
    }
    if (count > 0)
        request_send(part, card, voq, count);
}

/* ---- the buffer --------------------------------------------------------- */

/* Bytes that wait for the deep buffer's memory. */
static uint64_t
unwritten_bytes(const struct asic *asic, const struct card *card,
                uint64_t now_ps)
{
    __extension__ unsigned __int128 bits;

    if (card->write_free_ps <= now_ps)
        return 0;
    bits = card->write_free_ps - now_ps;
    return (uint64_t)(bits * asic->hbm_bps / 8 / 1000000000000u);
}

/* Takes room for a packet: in the chip, or in the deep buffer. */
static bool
buffer_take(struct plane_part *part, struct card *card, struct voq *voq,
            struct packet *packet)
{
    const struct asic *asic = part->plane->asic;
    uint64_t now_ps = engine_now_ps(part->engine);
    uint64_t on_chip = card->onchip_bytes + packet->bytes;

    if (voq->deep == 0 && voq->packets < asic->evict_packets &&
        voq->bytes + packet->bytes <= asic->evict_bytes &&
        on_chip <= asic->onchip_bytes) {
        card->onchip_bytes = on_chip;
    } else {
        if (card->deep_bytes + packet->bytes > asic->hbm_bytes ||
            on_chip + unwritten_bytes(asic, card, now_ps) > asic->onchip_bytes)
            return false;
        if (card->write_free_ps < now_ps)
            card->write_free_ps = now_ps;
        card->write_free_ps += traffic_wire_ps(packet->bytes, asic->hbm_bps);
        card->deep_bytes += packet->bytes;
        packet->deep = true;
        voq->deep++;
        part->deep_packets++;
    }
    if (card->onchip_bytes + card->deep_bytes > card->buffer_peak_bytes)
        card->buffer_peak_bytes = card->onchip_bytes + card->deep_bytes;
    return true;
}

static void
buffer_give(struct card *card, struct voq *voq, struct packet *packet)
{
    if (packet->deep) {
        card->deep_bytes -= packet->bytes;
        voq->deep--;
    } else {
        card->onchip_bytes -= packet->bytes;
    }
}

/* Weighted random early detection (Floyd and Jacobson 1993) on the queue as
 * it is now. */
static bool
wred_drops(struct plane_part *part, const struct card *card,
           const struct voq *voq, const struct packet *packet)
{
    const struct asic *asic = part->plane->asic;
    uint64_t span = asic->wred_max_bytes - asic->wred_min_bytes;
    uint64_t over, ppm;

    if (asic->wred_max_bytes == 0 || voq->bytes <= asic->wred_min_bytes)
        return false;
    if (voq->bytes >= asic->wred_max_bytes)
        return true;
    over = voq->bytes - asic->wred_min_bytes;
    ppm = over * asic->wred_ppm / span;
    return random_draw(part->plane->seed, card->index, random_purpose("wred"),
                       packet->number) %
               1000000u <
           ppm;
}

static bool
voq_full(const struct data_plane *plane, const struct voq *voq,
         const struct packet *packet)
{
    __extension__ unsigned __int128 bits = plane->ends[voq->exit].bps;

    return voq->bytes + packet->bytes >
           (uint64_t)(bits * plane->asic->voq_limit_ps / 8 / 1000000000000u);
}

/* ---- in and out --------------------------------------------------------- */

static void
voq_append(struct plane_part *part, struct voq *voq, uint32_t ref)
{
    struct packet *packet = plane_packet(part->plane, ref);

    packet->next = PLANE_NONE;
    if (voq->head == PLANE_NONE) {
        voq->head = ref;
        voq->waits_ps = engine_now_ps(part->engine);
    } else {
        plane_packet(part->plane, voq->tail)->next = ref;
    }
    voq->tail = ref;
    if (voq->unasked == PLANE_NONE)
        voq->unasked = ref;
    voq->packets++;
    voq->bytes += packet->bytes;
}

uint32_t
plane_voq_take(struct plane_part *part, struct card *card, struct voq *voq)
{
    uint32_t ref = voq->head;
    struct packet *packet = plane_packet(part->plane, ref);

    voq->head = packet->next;
    if (voq->head == PLANE_NONE)
        voq->tail = PLANE_NONE;
    if (voq->unasked == ref) /* sent on what was left of a credit */
        voq->unasked = packet->next;
    else
        voq->asked_cost -= cost_of(packet);
    voq->packets--;
    voq->bytes -= packet->bytes;
    buffer_give(card, voq, packet);
    packet->next = PLANE_NONE;
    return ref;
}

static void
watch_begin(struct plane_part *part, struct card *card)
{
    if (card->watching)
        return;
    card->watching = true;
    engine_timer_set(part->engine, card->watch_timer,
                     engine_now_ps(part->engine) +
                         part->plane->asic->credit_watchdog_ps);
}

void
plane_voq_enter(struct plane_part *part, struct card *card, uint32_t ref)
{
    struct packet *packet = plane_packet(part->plane, ref);
    struct voq *voq = voq_of(part->plane, card, packet);

    packet->queued_ps = engine_now_ps(part->engine);
    packet->asked_ps = packet->queued_ps;
    if (voq_full(part->plane, voq, packet)) {
        plane_drop_packet(part, card->box, ref, PLANE_DROP_TAIL);
        return;
    }
    if (wred_drops(part, card, voq, packet)) {
        plane_drop_packet(part, card->box, ref, PLANE_DROP_WRED);
        return;
    }
    if (!buffer_take(part, card, voq, packet)) {
        plane_drop_packet(part, card->box, ref, PLANE_DROP_BUFFER);
        return;
    }
    voq_append(part, voq, ref);
    watch_begin(part, card);
    voq_ask(part, card, voq);
    if (voq->balance > 0 && !voq->ready)
        plane_voq_send(part, card, voq);
}

void
plane_voq_flush(struct plane_part *part, struct card *card, struct voq *voq,
                enum plane_drop cause)
{
    while (voq->head != PLANE_NONE)
        plane_drop_packet(part, card->box, plane_voq_take(part, card, voq),
                          cause);
    voq->balance = 0;
    voq->open = 0;
}

/* ---- credits come ------------------------------------------------------- */

static void
credit_use(struct plane_part *part, struct card *card, struct voq *voq)
{
    int32_t credit = (int32_t)part->plane->asic->credit_bytes;

    if (voq->open == 0)
        return; /* for packets that are gone */
    voq->open--;
    voq->balance += credit;
    voq->waits_ps = engine_now_ps(part->engine);
    if (voq->head == PLANE_NONE && voq->balance > credit)
        voq->balance = credit;
    voq_ask(part, card, voq);
    if (!voq->ready)
        plane_voq_send(part, card, voq);
}

static void
credit_take(struct plane_part *part, struct card *card, uint64_t word)
{
    struct data_plane *plane = part->plane;
    const struct asic *asic = plane->asic;
    unsigned from = word_bits(word, 8, 8);
    unsigned exit = plane->cards[from].first_end + word_bits(word, 16, 12);
    uint32_t index = card->voq_of[word_bits(word, 28, 4)][exit];
    struct voq *voq = &card->voqs[index];
    uint64_t now_ps = engine_now_ps(part->engine);
    struct engine_item item = {.word = word, .ref = index};

    if (!card->alive)
        return;
    if (voq->head == PLANE_NONE || !plane_packet(plane, voq->head)->deep) {
        credit_use(part, card, voq);
        return;
    }
    if (card->read_free_ps < now_ps)
        card->read_free_ps = now_ps;
    card->read_free_ps += traffic_wire_ps(asic->credit_bytes, asic->hbm_bps);
    engine_push(part->engine, card->deep_line,
                card->read_free_ps + asic->hbm_ps, item);
}

void
plane_grant_arrive(struct engine_part *engine, uint32_t owner,
                   const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);

    (void)owner;
    credit_take(part, &part->plane->cards[word_bits(item->word, 0, 8)],
                item->word);
}

void
plane_local_grant(struct engine_part *engine, uint32_t owner,
                  const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);

    credit_take(part, &part->plane->cards[owner], item->word);
}

/* Packets of the deep buffer have been read. */
void
plane_deep_read(struct engine_part *engine, uint32_t owner,
                const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct card *card = &part->plane->cards[owner];

    if (card->alive)
        credit_use(part, card, &card->voqs[item->ref]);
}

/* The other card can be reached again; what was asked of it may be lost. */
void
plane_voq_renew(struct plane_part *part, struct card *card, unsigned exit_card)
{
    for (uint32_t i = 0; i < card->voq_count; i++) {
        struct voq *voq = &card->voqs[i];

        if (part->plane->ends[voq->exit].card != exit_card)
            continue;
        voq->open = 0;
        voq_ask(part, card, voq);
    }
}

/* The credit watchdog. */
void
plane_watch_due(struct engine_part *engine, uint32_t owner,
                const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct card *card = &part->plane->cards[owner];
    uint64_t span_ps = part->plane->asic->credit_watchdog_ps;
    uint64_t now_ps = engine_now_ps(engine);
    uint64_t next_ps = UINT64_MAX;

    (void)item;
    for (uint32_t i = 0; i < card->voq_count; i++) {
        struct voq *voq = &card->voqs[i];

        if (voq->head == PLANE_NONE)
            continue;
        if (voq->waits_ps + span_ps <= now_ps)
            plane_voq_flush(part, card, voq, PLANE_DROP_AGED);
        else if (voq->waits_ps + span_ps < next_ps)
            next_ps = voq->waits_ps + span_ps;
    }
    card->watching = next_ps != UINT64_MAX;
    if (card->watching)
        engine_timer_set(engine, card->watch_timer, next_ps);
}
