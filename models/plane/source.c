/* SPDX-License-Identifier: Apache-2.0
 *
 * Senders: packets enter a front port one after the other.  Open loop: while
 * the wire is busy a packet waits at its sender, and its latency counts from
 * the time it was due.
 */
#include "models/plane/plane_priv.h"

/* The source whose packet is due first; -1: none. */
static int
source_pick(const struct end *end)
{
    int best = -1;

    for (unsigned i = 0; i < end->source_count; i++) {
        const struct end_source *source = &end->sources[i];

        if (source->more &&
            (best < 0 || source->next.due_ps < end->sources[best].next.due_ps))
            best = (int)i;
    }
    return best;
}

void
plane_end_arm(struct data_plane *plane, struct end *end)
{
    struct plane_part *part = &plane->parts[plane->cards[end->card].part];
    const struct traffic_packet *next;
    uint64_t start_ps;

    end->picked = source_pick(end);
    if (end->picked < 0)
        return;
    next = &end->sources[end->picked].next;
    CHECK(next->bytes <= TRAFFIC_FRAME_MAX && next->to < plane->end_count);
    start_ps = next->due_ps > end->in_free_ps ? next->due_ps : end->in_free_ps;
    end->in_at_ps = start_ps + end->wire_ps[next->bytes];
    end->in_before_ps = end->in_free_ps;
    end->in_free_ps = end->in_at_ps;
    engine_timer_set(part->engine, end->timer,
                     end->in_at_ps + plane->asic->ingress_ps);
}

static uint32_t
packet_make(struct plane_part *part, struct end *end, unsigned from)
{
    const struct end_source *source = &end->sources[end->picked];
    uint32_t ref = plane_packet_take(part);

    *plane_packet(part->plane, ref) = (struct packet){
        .due_ps = source->next.due_ps,
        .number = (uint64_t)from << 40 | end->numbers++,
        .next = PLANE_NONE,
        .from = (uint16_t)from,
        .to = (uint16_t)source->next.to,
        .bytes = source->next.bytes,
        .flow = source->next.flow,
        .spec = source->spec,
        .ttl = PLANE_TTL,
        .traffic_class = part->plane->specs[source->spec]->traffic_class,
        .source = end->card,
        .state = PACKET_LIVE,
    };
    return ref;
}

/* Looks up, and queues. */
static void
packet_forward(struct plane_part *part, struct card *card, unsigned entry,
               uint32_t ref)
{
    struct packet *packet = plane_packet(part->plane, ref);
    uint32_t exit;

    if (!card->alive || !card->forwarding) {
        plane_drop_packet(part, card->box, ref, PLANE_DROP_BOX_DOWN);
        return;
    }
    if (!plane_exit_port(card, entry)->up) {
        plane_drop_packet(part, card->box, ref, PLANE_DROP_PORT_DOWN);
        return;
    }
    if (packet->ttl <= 1) {
        plane_drop_packet(part, card->box, ref, PLANE_DROP_TTL);
        return;
    }
    packet->ttl--;
    exit = plane_resolve(part->plane, card, packet);
    if (exit >= ANSWER_DROP) {
        plane_drop_packet(part, card->box, ref,
                          (enum plane_drop)(exit & ~ANSWER_DROP));
        return;
    }
    packet->exit = (uint16_t)exit;
    packet->source = (uint8_t)card->index;
    plane_voq_enter(part, card, ref);
}

/* A packet has come through the ingress pipeline of its port. */
void
plane_end_due(struct engine_part *engine, uint32_t owner,
              const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct end *end = &part->plane->ends[owner];
    struct end_source *source = &end->sources[end->picked];
    uint32_t ref = packet_make(part, end, owner);
    const struct packet *packet = plane_packet(part->plane, ref);

    (void)item;
    plane_count_sent(part, packet);
    if (end->taps != NULL)
        plane_record_tap(part, owner, false, end->in_at_ps, packet);
    source->more = traffic_next(&source->source, &source->next);
    plane_end_arm(part->plane, end);
    packet_forward(part, &part->plane->cards[end->card], owner, ref);
}

/* One that a router sent back has come through the pipeline again. */
void
plane_return_arrive(struct engine_part *engine, uint32_t owner,
                    const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct packet *packet = plane_packet(part->plane, item->ref);
    unsigned entry = packet->exit;

    (void)owner;
    packet_forward(part, &part->plane->cards[part->plane->ends[entry].card],
                   entry, item->ref);
}
