/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells: cut on the ingress card, sprayed over its links, switched by fabric
 * boxes.
 *
 * Links     departures are computed when a cell is put on a link: a link's
 *           queue is the time until it is free.
 * Spray     the next link in turn that leads to the egress card, is not
 *           paused and has room; a queue whose links have none waits.
 * Box       a cell that has come in is switched 'ncf_ps' later to the
 *           shortest queue of the links to its card.
 * Pressure  when that queue is long the box tells all cards to send nothing
 *           for this egress card through it, until it is short again.
 */
#include "models/plane/plane_priv.h"

/* word of a cell: card it goes to, card it comes from, its bytes, the number
 * of its packet. */
static uint64_t
cell_word(unsigned to, unsigned from, unsigned bytes, uint64_t number)
{
    return (uint64_t)to | (uint64_t)from << 8 | (uint64_t)bytes << 16 |
           number << 32;
}

/* word of news from a fabric box. */
enum news { NEWS_PAUSE, NEWS_RESUME, NEWS_LOST };

static uint64_t
news_word(enum news news, unsigned to, unsigned ncf, enum plane_drop cause)
{
    return (uint64_t)to | (uint64_t)ncf << 8 | (uint64_t)news << 16 |
           (uint64_t)cause << 20;
}

/* ---- card: spraying ----------------------------------------------------- */

/* The next link in turn that has room, or PLANE_NONE. */
static unsigned
link_with_room(const struct card *card, uint64_t links, uint64_t until_ps)
{
    uint64_t later = links & (UINT64_MAX << card->spray);

    for (uint64_t left = later; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (card->link[i].free_ps <= until_ps)
            return i;
    }
    for (uint64_t left = links ^ later; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (card->link[i].free_ps <= until_ps)
            return i;
    }
    return PLANE_NONE;
}

/* The next link in turn. */
static unsigned
link_next(const struct card *card, uint64_t links)
{
    uint64_t later = links & (UINT64_MAX << card->spray);

    return (unsigned)__builtin_ctzll(later != 0 ? later : links);
}

static void
cell_send(struct plane_part *part, struct card *card, unsigned index,
          uint64_t word, unsigned bytes, uint32_t ref)
{
    struct card_link *link = &card->link[index];
    uint64_t now_ps = engine_now_ps(part->engine);
    struct engine_item item = {.word = word, .ref = ref};

    if (link->free_ps < now_ps)
        link->free_ps = now_ps;
    link->free_ps += part->plane->cell_ps[bytes];
    card->spray = index + 1 < card->links ? index + 1 : 0;
    engine_push(part->engine, link->line, link->free_ps + part->plane->link_ps,
                item);
}

static void
packet_send(struct plane_part *part, struct card *card, uint64_t links,
            struct voq *voq)
{
    struct data_plane *plane = part->plane;
    uint64_t now_ps = engine_now_ps(part->engine);
    uint32_t ref = plane_voq_take(part, card, voq);
    struct packet *packet = plane_packet(plane, ref);
    unsigned to = plane->ends[packet->exit].card;
    unsigned cells = plane->cell_count[packet->bytes];
    unsigned full = plane->asic->cell_max_bytes;
    unsigned last = plane->cell_last[packet->bytes];

    packet->sent_ps = now_ps;
    packet->sequence = voq->sequence++;
    packet->cells = (uint8_t)cells;
    part->cells += cells;
    for (unsigned i = 0; i < cells; i++) {
        unsigned bytes = i + 1 < cells ? full : last;
        unsigned link = link_with_room(card, links, now_ps + plane->fifo_ps);

        if (link == PLANE_NONE)
            link = link_next(card, links);
        cell_send(part, card, link,
                  cell_word(to, card->index, bytes, packet->number), bytes,
                  ref);
    }
}

/* ---- card: waiting for room --------------------------------------------- */

static void
ready_add(struct card *card, struct card_way *way, struct voq *voq)
{
    uint32_t index = (uint32_t)(voq - card->voqs);

    voq->ready = true;
    voq->next = PLANE_NONE;
    if (way->ready_head == PLANE_NONE) {
        way->ready_head = index;
        card->ready_count++;
    } else {
        card->voqs[way->ready_tail].next = index;
    }
    way->ready_tail = index;
}

static struct voq *
ready_take(struct card *card, struct card_way *way)
{
    struct voq *voq = &card->voqs[way->ready_head];

    way->ready_head = voq->next;
    if (way->ready_head == PLANE_NONE)
        card->ready_count--;
    voq->ready = false;
    return voq;
}

/* Wakes when half of a link's room is free again. */
static void
tx_arm(struct plane_part *part, struct card *card, uint64_t links)
{
    uint64_t at_ps = UINT64_MAX;

    for (; links != 0; links &= links - 1) {
        uint64_t free_ps =
            card->link[(unsigned)__builtin_ctzll(links)].free_ps;

        if (free_ps < at_ps)
            at_ps = free_ps;
    }
    if (at_ps == UINT64_MAX)
        return; /* somebody will tell */
    at_ps -= part->plane->fifo_ps / 2 < at_ps ? part->plane->fifo_ps / 2 : 0;
    if (at_ps < engine_now_ps(part->engine))
        at_ps = engine_now_ps(part->engine);
    if (at_ps >= card->tx_at_ps)
        return;
    card->tx_at_ps = at_ps;
    engine_timer_set(part->engine, card->tx_timer, at_ps);
}

/* Sends while the balance lasts; false when there is no room. */
static bool
voq_drain(struct plane_part *part, struct card *card, struct card_way *way,
          struct voq *voq)
{
    uint64_t links = way->reach & ~way->paused;
    uint64_t until_ps = engine_now_ps(part->engine) + part->plane->fifo_ps;

    while (voq->head != PLANE_NONE && voq->balance > 0) {
        const struct packet *packet = plane_packet(part->plane, voq->head);

        if (link_with_room(card, links, until_ps) == PLANE_NONE)
            return false;
        voq->balance -= packet->bytes + PLANE_L1_BYTES;
        packet_send(part, card, links, voq);
    }
    return true;
}

/* To a port of the same card: no cells. */
static void
local_drain(struct plane_part *part, struct card *card, struct voq *voq)
{
    uint64_t now_ps = engine_now_ps(part->engine);

    while (voq->head != PLANE_NONE && voq->balance > 0) {
        uint32_t ref = plane_voq_take(part, card, voq);
        struct packet *packet = plane_packet(part->plane, ref);

        voq->balance -= packet->bytes + PLANE_L1_BYTES;
        packet->sent_ps = now_ps;
        packet->whole_ps = now_ps;
        packet->ready_ps = now_ps;
        plane_egress_release(part, ref);
    }
}

void
plane_voq_send(struct plane_part *part, struct card *card, struct voq *voq)
{
    unsigned to = part->plane->ends[voq->exit].card;
    struct card_way *way = &card->ways[to];

    if (to == card->index) {
        local_drain(part, card, voq);
        return;
    }
    if (way->ready_head == PLANE_NONE && voq_drain(part, card, way, voq))
        return;
    if (voq->head == PLANE_NONE || voq->balance <= 0)
        return;
    ready_add(card, way, voq);
    tx_arm(part, card, way->reach & ~way->paused);
}

/* Serves the queues that wait for room, the cards they go to in turn. */
void
plane_tx_run(struct plane_part *part, struct card *card)
{
    struct data_plane *plane = part->plane;
    uint64_t blocked = 0;
    unsigned idle = 0;

    while (card->ready_count > 0 && idle < plane->card_count) {
        struct card_way *way;
        struct voq *voq;

        card->served =
            card->served + 1 < plane->card_count ? card->served + 1 : 0;
        way = &card->ways[card->served];
        idle++;
        if (way->ready_head == PLANE_NONE)
            continue;
        voq = ready_take(card, way);
        if (voq_drain(part, card, way, voq)) {
            idle = 0;
            continue;
        }
        ready_add(card, way, voq);
        blocked |= way->reach & ~way->paused;
    }
    if (card->ready_count > 0)
        tx_arm(part, card, blocked);
}

void
plane_tx_due(struct engine_part *engine, uint32_t owner,
             const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct card *card = &part->plane->cards[owner];

    (void)item;
    card->tx_at_ps = UINT64_MAX;
    plane_tx_run(part, card);
}

/* ---- fabric box --------------------------------------------------------- */

static void
news_send(struct plane_part *part, unsigned to_part, uint64_t word,
          uint32_t ref)
{
    struct engine_item item = {.word = word, .ref = ref};

    engine_push(part->engine, part->news_lines[to_part],
                engine_now_ps(part->engine) + part->plane->link_ps, item);
}

static void
news_tell_all(struct plane_part *part, uint64_t word)
{
    for (unsigned i = 0; i < part->plane->part_count; i++)
        news_send(part, i, word, 0);
}

void
plane_cell_lose(struct plane_part *part, unsigned to,
                const struct engine_item *item, enum plane_drop cause)
{
    news_send(part, part->plane->cards[to].part,
              news_word(NEWS_LOST, to, 0, cause), item->ref);
}

/* Of the links to the card, the one that is free first. */
static struct ncf_link *
link_shortest(struct ncf *ncf, uint64_t out)
{
    struct ncf_link *best = &ncf->link[__builtin_ctzll(out)];

    for (out &= out - 1; out != 0; out &= out - 1) {
        struct ncf_link *link = &ncf->link[__builtin_ctzll(out)];

        if (link->free_ps < best->free_ps)
            best = link;
    }
    return best;
}

static void
pause_begin(struct plane_part *part, struct ncf *ncf, unsigned to,
            uint64_t until_ps)
{
    struct ncf_way *way = &ncf->ways[to];

    way->paused = true;
    way->paused_ps = engine_now_ps(part->engine);
    news_tell_all(part, news_word(NEWS_PAUSE, to, ncf->index, 0));
    engine_timer_set(part->engine, way->timer, until_ps);
}

static enum plane_drop
way_gone(const struct data_plane *plane, const struct ncf *ncf, unsigned to)
{
    if (!ncf->forwarding)
        return PLANE_DROP_FABRIC;
    return plane->cards[to].alive ? PLANE_DROP_LINK : PLANE_DROP_BOX_DOWN;
}

void
plane_ncf_cell(struct engine_part *engine, uint32_t owner,
               const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct data_plane *plane = part->plane;
    struct ncf *ncf = &plane->ncfs[owner];
    unsigned to = word_bits(item->word, 0, 8);
    struct ncf_way *way = &ncf->ways[to];
    uint64_t now_ps = engine_now_ps(engine);
    uint64_t ready_ps = now_ps + plane->asic->ncf_ps;
    struct ncf_link *link;
    uint64_t queue_ps;

    if (way->out == 0) {
        plane_cell_lose(part, to, item, way_gone(plane, ncf, to));
        return;
    }
    link = link_shortest(ncf, way->out);
    if (link->free_ps < ready_ps)
        link->free_ps = ready_ps;
    queue_ps = link->free_ps - ready_ps;
    if (queue_ps > plane->ncf_queue_ps) {
        plane_cell_lose(part, to, item, PLANE_DROP_FABRIC);
        return;
    }
    link->free_ps += plane->cell_ps[word_bits(item->word, 16, 10)];
    engine_push(engine, link->line, link->free_ps + plane->link_ps, *item);
    if (queue_ps > plane->ncf_pause_ps && !way->paused)
        pause_begin(part, ncf, to,
                    link->free_ps - plane->asic->ncf_ps -
                        plane->ncf_resume_ps);
}

/* The queue was to be short by now. */
void
plane_ncf_resume(struct engine_part *engine, uint32_t owner,
                 const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct data_plane *plane = part->plane;
    struct ncf *ncf = &plane->ncfs[owner / plane->card_count];
    unsigned to = owner % plane->card_count;
    struct ncf_way *way = &ncf->ways[to];
    uint64_t now_ps = engine_now_ps(engine);
    uint64_t at_ps = now_ps;

    (void)item;
    if (way->out != 0) {
        uint64_t free_ps = link_shortest(ncf, way->out)->free_ps;

        if (free_ps > now_ps + plane->asic->ncf_ps + plane->ncf_resume_ps)
            at_ps = free_ps - plane->asic->ncf_ps - plane->ncf_resume_ps;
    }
    if (at_ps > now_ps) {
        engine_timer_set(engine, way->timer, at_ps);
        return;
    }
    way->paused = false;
    part->paused_ps += now_ps - way->paused_ps;
    news_tell_all(part, news_word(NEWS_RESUME, to, ncf->index, 0));
}

/* ---- cards hear of it --------------------------------------------------- */

static void
pressure_set(struct plane_part *part, unsigned ncf, unsigned to, bool paused)
{
    struct data_plane *plane = part->plane;

    for (unsigned i = 0; i < plane->card_count; i++) {
        struct card *card = &plane->cards[i];
        struct card_way *way = &card->ways[to];

        if (card->part != part->index)
            continue;
        for (unsigned j = 0; j < card->links; j++) {
            uint64_t bit = UINT64_C(1) << j;

            if (card->link[j].ncf == ncf)
                way->paused = paused ? way->paused | bit : way->paused & ~bit;
        }
        if (!paused && way->ready_head != PLANE_NONE)
            plane_tx_run(part, card);
    }
}

void
plane_news_arrive(struct engine_part *engine, uint32_t owner,
                  const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    unsigned to = word_bits(item->word, 0, 8);

    (void)owner;
    switch ((enum news)word_bits(item->word, 16, 4)) {
    case NEWS_PAUSE:
        pressure_set(part, word_bits(item->word, 8, 8), to, true);
        break;
    case NEWS_RESUME:
        pressure_set(part, word_bits(item->word, 8, 8), to, false);
        break;
    case NEWS_LOST:
        plane_cell_lost(part, &part->plane->cards[to], item->ref,
                        (enum plane_drop)word_bits(item->word, 20, 8));
        break;
    }
}
