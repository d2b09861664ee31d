/* SPDX-License-Identifier: Apache-2.0
 *
 * Egress: pipeline, a queue per port and class, the wire.
 *
 * Order     strict classes first, the highest before others; then weighted
 *           ones by self-clocked fair queueing (Golestani, INFOCOM 1994).
 * Shape     one packet at a time at the port's rate; it is delivered when its
 *           last bit has left.
 */
#include "models/plane/plane_priv.h"

void
plane_egress_release(struct plane_part *part, uint32_t ref)
{
    struct engine_item item = {.word = plane_packet(part->plane, ref)->number,
                               .ref = ref};

    engine_push(part->engine, part->egress_line,
                engine_now_ps(part->engine) + part->plane->asic->egress_ps,
                item);
}

static unsigned
wire_bytes(const struct packet *packet)
{
    return packet->bytes + PLANE_L1_BYTES;
}

static void
send_begin(struct plane_part *part, struct egress_port *port, uint32_t ref)
{
    const struct packet *packet = plane_packet(part->plane, ref);
    const struct end *end = &part->plane->ends[packet->exit];

    port->sending = ref;
    engine_timer_set(part->engine, port->send_timer,
                     engine_now_ps(part->engine) +
                         end->wire_ps[packet->bytes]);
}

static void
queue_add(struct plane_part *part, struct card *card, struct egress_port *port,
          uint32_t ref)
{
    struct packet *packet = plane_packet(part->plane, ref);
    struct egress_class *queue = &port->classes[packet->traffic_class];

    packet->next = PLANE_NONE;
    if (queue->head == PLANE_NONE) {
        queue->head = ref;
        port->queued |= (uint8_t)(1u << packet->traffic_class);
        if (queue->send_tag < port->send_clock)
            queue->send_tag = port->send_clock;
    } else {
        plane_packet(part->plane, queue->tail)->next = ref;
    }
    queue->tail = ref;
    port->queued_bytes += wire_bytes(packet);
    card->egress_bytes += packet->bytes;
}

static unsigned
class_choose(const struct asic *asic, const struct egress_port *port)
{
    unsigned best = ASIC_CLASSES;

    for (unsigned i = ASIC_CLASSES; i-- > 0;) {
        if (((port->queued >> i) & 1) == 0)
            continue;
        if (asic->weights[i] == 0)
            return i;
        if (best == ASIC_CLASSES ||
            port->classes[i].send_tag < port->classes[best].send_tag)
            best = i;
    }
    return best;
}

static uint32_t
queue_take(struct plane_part *part, struct card *card,
           struct egress_port *port, unsigned traffic_class)
{
    const struct asic *asic = part->plane->asic;
    struct egress_class *queue = &port->classes[traffic_class];
    uint32_t ref = queue->head;
    const struct packet *packet = plane_packet(part->plane, ref);

    queue->head = packet->next;
    if (queue->head == PLANE_NONE)
        port->queued &= (uint8_t) ~(1u << traffic_class);
    port->queued_bytes -= wire_bytes(packet);
    card->egress_bytes -= packet->bytes;
    if (asic->weights[traffic_class] > 0) {
        port->send_clock = queue->send_tag;
        queue->send_tag += ((uint64_t)wire_bytes(packet) << 10) /
                           asic->weights[traffic_class];
    }
    return ref;
}

void
plane_egress_arrive(struct engine_part *engine, uint32_t owner,
                    const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct data_plane *plane = part->plane;
    const struct packet *packet = plane_packet(plane, item->ref);
    struct card *card = &plane->cards[plane->ends[packet->exit].card];
    struct egress_port *port = plane_exit_port(card, packet->exit);

    (void)owner;
    if (!card->alive || !card->forwarding)
        plane_drop_packet(part, card->box, item->ref, PLANE_DROP_BOX_DOWN);
    else if (!port->up)
        plane_drop_packet(part, card->box, item->ref, PLANE_DROP_PORT_DOWN);
    else if (port->sending == PLANE_NONE)
        send_begin(part, port, item->ref);
    else if (card->egress_bytes + packet->bytes > plane->asic->egress_bytes)
        plane_drop_packet(part, card->box, item->ref, PLANE_DROP_EGRESS);
    else
        queue_add(part, card, port, item->ref);
}

/* ---- leaving ------------------------------------------------------------ */

/* A router outside has no better way than back through the cluster: it is at
 * the ingress pipeline of the same port again, its way on the cable and its
 * place on the wire not counted. */
static void
packet_return(struct plane_part *part, uint32_t ref)
{
    struct packet *packet = plane_packet(part->plane, ref);
    struct engine_item item = {.word = packet->number, .ref = ref};

    packet->cells = 0;
    packet->got = 0;
    packet->lost = 0;
    packet->deep = false;
    packet->passed = false;
    engine_push(part->engine, part->return_line,
                engine_now_ps(part->engine) + part->plane->asic->ingress_ps,
                item);
}

static void
packet_leave(struct plane_part *part, struct card *card, uint32_t ref)
{
    struct data_plane *plane = part->plane;
    const struct packet *packet = plane_packet(plane, ref);
    struct end *end = &plane->ends[packet->exit];

    if (end->taps != NULL)
        plane_record_tap(part, packet->exit, true, engine_now_ps(part->engine),
                         packet);
    if (packet->exit == packet->to || plane->routed[packet->to])
        plane_deliver(part, ref);
    else if (end->returns)
        packet_return(part, ref);
    else
        plane_drop_packet(part, card->box, ref, PLANE_DROP_STRAY);
}

void
plane_send_done(struct engine_part *engine, uint32_t owner,
                const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);
    struct card *card = &part->plane->cards[part->plane->ends[owner].card];
    unsigned index = owner - card->first_end;
    struct egress_port *port = &card->egress[index];

    (void)item;
    packet_leave(part, card, port->sending);
    port->sending = PLANE_NONE;
    if (port->queued == 0)
        return;
    send_begin(
        part, port,
        queue_take(part, card, port, class_choose(part->plane->asic, port)));
    if (port->wanted != 0)
        plane_credit_run(part, card, index);
}

void
plane_egress_flush(struct plane_part *part, struct card *card, unsigned index,
                   enum plane_drop cause)
{
    struct egress_port *port = &card->egress[index];

    if (port->sending != PLANE_NONE) {
        engine_timer_cancel(part->engine, port->send_timer);
        plane_drop_packet(part, card->box, port->sending, cause);
        port->sending = PLANE_NONE;
    }
    while (port->queued != 0)
        plane_drop_packet(part, card->box,
                          queue_take(part, card, port,
                                     (unsigned)__builtin_ctz(port->queued)),
                          cause);
    if (port->wanted != 0)
        plane_credit_run(part, card, index);
}
