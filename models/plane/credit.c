/* SPDX-License-Identifier: Apache-2.0
 *
 * Credits: the scheduler of an egress port grants them one by one, at the
 * port's rate and a little more, to the virtual output queues that asked.
 *
 * Order     strict classes first, the highest before others; then weighted
 *           classes by self-clocked fair queueing (Golestani, INFOCOM 1994);
 *           within a class the cards in turn.
 * Stop      nothing is granted while the port has much to send already.
 */
#include <stdlib.h>

#include "models/plane/plane_priv.h"

/* word of a request or grant: card it goes to, card it comes from, port of
 * the egress card, class, count. */
static uint64_t
credit_word(unsigned to, unsigned from, unsigned port, unsigned traffic_class,
            unsigned count)
{
    return (uint64_t)to | (uint64_t)from << 8 | (uint64_t)port << 16 |
           (uint64_t)traffic_class << 28 | (uint64_t)count << 32;
}

struct stream *
plane_stream(struct data_plane *plane, struct egress_port *port,
             unsigned traffic_class, unsigned source)
{
    struct egress_class *queue = &port->classes[traffic_class];

    if (queue->streams == NULL) {
        queue->streams = calloc(plane->card_count, sizeof(struct stream));
        CHECK(queue->streams != NULL);
        for (unsigned i = 0; i < plane->card_count; i++)
            queue->streams[i].waiting = PLANE_NONE;
    }
    return &queue->streams[source];
}

static void
ring_push(struct egress_class *queue, unsigned source)
{
    queue->streams[source].next = UINT16_MAX;
    queue->streams[source].ringed = true;
    if (queue->ring_head == UINT16_MAX)
        queue->ring_head = (uint16_t)source;
    else
        queue->streams[queue->ring_tail].next = (uint16_t)source;
    queue->ring_tail = (uint16_t)source;
}

static unsigned
ring_pop(struct egress_class *queue)
{
    unsigned source = queue->ring_head;

    queue->ring_head = queue->streams[source].next;
    queue->streams[source].ringed = false;
    return source;
}

static unsigned
class_choose(const struct asic *asic, const struct egress_port *port)
{
    unsigned best = ASIC_CLASSES;

    for (unsigned i = ASIC_CLASSES; i-- > 0;) {
        if (((port->wanted >> i) & 1) == 0)
            continue;
        if (asic->weights[i] == 0)
            return i;
        if (best == ASIC_CLASSES ||
            port->classes[i].credit_tag < port->classes[best].credit_tag)
            best = i;
    }
    return best;
}

static void
grant_send(struct plane_part *part, struct card *card, unsigned port,
           unsigned traffic_class, unsigned source)
{
    struct data_plane *plane = part->plane;
    uint64_t at_ps = engine_now_ps(part->engine) + plane->asic->credit_ps;
    struct engine_item item = {
        .word = credit_word(source, card->index, port, traffic_class, 1)};

    part->credits++;
    if (source == card->index) {
        engine_push(part->engine, card->local_line, at_ps, item);
        return;
    }
    engine_push(part->engine, part->grant_lines[plane->cards[source].part],
                at_ps + plane->way_ps, item);
}

/* One credit to whoever is next. */
static void
grant_one(struct plane_part *part, struct card *card, unsigned index)
{
    const struct asic *asic = part->plane->asic;
    struct egress_port *port = &card->egress[index];
    unsigned traffic_class = class_choose(asic, port);
    struct egress_class *queue = &port->classes[traffic_class];
    unsigned source = ring_pop(queue);
    struct stream *stream = &queue->streams[source];

    if (stream->wanted > 0) {
        stream->wanted--;
        grant_send(part, card, index, traffic_class, source);
        port->credit_next_ps =
            engine_now_ps(part->engine) + port->credit_span_ps;
        if (asic->weights[traffic_class] > 0) {
            port->credit_clock = queue->credit_tag;
            queue->credit_tag +=
                (asic->credit_bytes << 10) / asic->weights[traffic_class];
        }
    }
    if (stream->wanted > 0)
        ring_push(queue, source);
    if (queue->ring_head == UINT16_MAX)
        port->wanted &= (uint8_t) ~(1u << traffic_class);
}

void
plane_credit_run(struct plane_part *part, struct card *card, unsigned index)
{
    struct egress_port *port = &card->egress[index];
    uint64_t now_ps = engine_now_ps(part->engine);

    while (port->wanted != 0 && port->queued_bytes < port->stop_bytes &&
           !port->credit_armed) {
        if (port->credit_next_ps > now_ps) {
            engine_timer_set(part->engine, port->credit_timer,
                             port->credit_next_ps);
            port->credit_armed = true;
            return;
        }
        grant_one(part, card, index);
    }
}

void
plane_credit_request(struct plane_part *part, struct card *card,
                     unsigned source, unsigned index, unsigned traffic_class,
                     unsigned count)
{
    struct egress_port *port = &card->egress[index];
    struct stream *stream =
        plane_stream(part->plane, port, traffic_class, source);
    struct egress_class *queue = &port->classes[traffic_class];

    stream->wanted += count;
    if (!stream->ringed)
        ring_push(queue, source);
    if (((port->wanted >> traffic_class) & 1) == 0) {
        port->wanted |= (uint8_t)(1u << traffic_class);
        if (queue->credit_tag < port->credit_clock)
            queue->credit_tag = port->credit_clock;
    }
    plane_credit_run(part, card, index);
}

void
plane_request_arrive(struct engine_part *engine, uint32_t owner,
                     const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct card *card = &part->plane->cards[word_bits(item->word, 0, 8)];

    (void)owner;
    if (card->alive)
        plane_credit_request(part, card, word_bits(item->word, 8, 8),
                             word_bits(item->word, 16, 12),
                             word_bits(item->word, 28, 4),
                             (unsigned)(item->word >> 32));
}

void
plane_credit_due(struct engine_part *engine, uint32_t owner,
                 const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct card *card = &part->plane->cards[part->plane->ends[owner].card];
    unsigned index = owner - card->first_end;

    (void)item;
    card->egress[index].credit_armed = false;
    plane_credit_run(part, card, index);
}
