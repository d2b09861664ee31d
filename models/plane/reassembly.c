/* SPDX-License-Identifier: Apache-2.0
 *
 * Reassembly on the egress card: a packet is whole when its last cell has
 * come, and goes on when those sent before it from the same virtual output
 * queue have gone on or are lost.
 */
#include "models/plane/plane_priv.h"

/* ---- packets that miss cells, in the order of their first one ----------- */

static void
open_add(struct plane_part *part, struct card *card, uint32_t ref)
{
    struct data_plane *plane = part->plane;
    struct packet *packet = plane_packet(plane, ref);

    packet->open = true;
    packet->whole_ps = engine_now_ps(part->engine); /* until it is whole */
    packet->open_previous = card->open_tail;
    packet->open_next = PLANE_NONE;
    if (card->open_tail == PLANE_NONE)
        card->open_head = ref;
    else
        plane_packet(plane, card->open_tail)->open_next = ref;
    card->open_tail = ref;
    if (!card->open_armed) {
        card->open_armed = true;
        engine_timer_set(part->engine, card->open_timer,
                         packet->whole_ps + plane->asic->reassembly_ps);
    }
}

static void
open_remove(struct data_plane *plane, struct card *card, struct packet *packet)
{
    packet->open = false;
    if (packet->open_previous == PLANE_NONE)
        card->open_head = packet->open_next;
    else
        plane_packet(plane, packet->open_previous)->open_next =
            packet->open_next;
    if (packet->open_next == PLANE_NONE)
        card->open_tail = packet->open_previous;
    else
        plane_packet(plane, packet->open_next)->open_previous =
            packet->open_previous;
}

/* ---- order -------------------------------------------------------------- */

static void
waiting_insert(struct data_plane *plane, struct stream *stream, uint32_t ref)
{
    struct packet *packet = plane_packet(plane, ref);
    uint32_t *place = &stream->waiting;

    packet->next = PLANE_NONE;
    if (stream->waiting != PLANE_NONE) {
        struct packet *last = plane_packet(plane, stream->waiting_tail);

        if ((int32_t)(packet->sequence - last->sequence) > 0)
            place = &last->next;
    }
    while (*place != PLANE_NONE) {
        struct packet *other = plane_packet(plane, *place);

        if ((int32_t)(packet->sequence - other->sequence) < 0)
            break;
        place = &other->next;
    }
    packet->next = *place;
    *place = ref;
    if (packet->next == PLANE_NONE)
        stream->waiting_tail = ref;
}

static void
packet_pass(struct plane_part *part, struct stream *stream, uint32_t ref)
{
    struct packet *packet = plane_packet(part->plane, ref);

    stream->sequence++;
    packet->passed = true;
    if (packet->state == PACKET_LIVE) {
        packet->ready_ps = engine_now_ps(part->engine);
        plane_egress_release(part, ref);
    } else if (packet->got + packet->lost == packet->cells) {
        plane_packet_free(part, ref);
    }
}

/* The packet is whole, or given up. */
static void
packet_settle(struct plane_part *part, struct card *card, uint32_t ref)
{
    struct data_plane *plane = part->plane;
    struct packet *packet = plane_packet(plane, ref);
    struct stream *stream =
        plane_stream(plane, plane_exit_port(card, packet->exit),
                     packet->traffic_class, packet->source);

    if (packet->sequence != stream->sequence) {
        waiting_insert(plane, stream, ref);
        return;
    }
    packet_pass(part, stream, ref);
    while (stream->waiting != PLANE_NONE) {
        uint32_t next = stream->waiting;

        packet = plane_packet(plane, next);
        if (packet->sequence != stream->sequence)
            break;
        stream->waiting = packet->next;
        packet_pass(part, stream, next);
    }
}

static void
packet_give_up(struct plane_part *part, struct card *card, uint32_t ref,
               enum plane_drop cause)
{
    open_remove(part->plane, card, plane_packet(part->plane, ref));
    plane_drop_packet(part, card->box, ref, cause);
    packet_settle(part, card, ref);
}

/* ---- cells -------------------------------------------------------------- */

/* A packet that is counted already: is this the last that was to come? */
static void
late_cell(struct plane_part *part, uint32_t ref)
{
    const struct packet *packet = plane_packet(part->plane, ref);

    if (packet->passed && packet->got + packet->lost == packet->cells)
        plane_packet_free(part, ref);
}

void
plane_card_cell(struct engine_part *engine, uint32_t owner,
                const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct card *card = &part->plane->cards[owner];
    struct packet *packet = plane_packet(part->plane, item->ref);

    if (word_bits(item->word, 0, 8) != owner) {
        plane_cell_lose(part, word_bits(item->word, 0, 8), item,
                        PLANE_DROP_NEXT_HOP);
        return;
    }
    packet->got++;
    if (packet->state != PACKET_LIVE) {
        late_cell(part, item->ref);
    } else if (packet->got == packet->cells) {
        if (packet->open)
            open_remove(part->plane, card, packet);
        packet->whole_ps = engine_now_ps(engine);
        packet_settle(part, card, item->ref);
    } else if (!packet->open) {
        open_add(part, card, item->ref);
    }
}

void
plane_cell_lost(struct plane_part *part, struct card *card, uint32_t ref,
                enum plane_drop cause)
{
    struct packet *packet = plane_packet(part->plane, ref);

    if (packet->lost++ == 0)
        packet->cause = (uint8_t)cause;
    if (packet->state != PACKET_LIVE)
        late_cell(part, ref);
    else if (!packet->open)
        open_add(part, card, ref);
}

/* Time is out for the first ones. */
void
plane_open_due(struct engine_part *engine, uint32_t owner,
               const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct data_plane *plane = part->plane;
    struct card *card = &plane->cards[owner];
    uint64_t span_ps = plane->asic->reassembly_ps;
    uint64_t now_ps = engine_now_ps(engine);

    (void)item;
    while (card->open_head != PLANE_NONE) {
        const struct packet *packet = plane_packet(plane, card->open_head);

        if (packet->whole_ps + span_ps > now_ps)
            break;
        packet_give_up(part, card, card->open_head,
                       packet->lost > 0 ? (enum plane_drop)packet->cause
                                        : PLANE_DROP_REASSEMBLY);
    }
    card->open_armed = card->open_head != PLANE_NONE;
    if (card->open_armed)
        engine_timer_set(engine, card->open_timer,
                         plane_packet(plane, card->open_head)->whole_ps +
                             span_ps);
}

void
plane_reassembly_flush(struct plane_part *part, struct card *card)
{
    while (card->open_head != PLANE_NONE)
        packet_give_up(part, card, card->open_head, PLANE_DROP_BOX_DOWN);
}
