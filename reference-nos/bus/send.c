/* SPDX-License-Identifier: Apache-2.0
 *
 * The sending half of a reliable lane: messages are cut into frames as the
 * window opens; frames lost are sent again on the other plane.
 */
#include <string.h>

#include "reference-nos/bus/bus_priv.h"

#define CONGESTION_FIRST_FRAMES 16u
#define CONGESTION_MIN_FRAMES 2u
#define LOST_AFTER_ARRIVALS 3u /* RFC 6675 DupThresh */
#define SIZE_PREFIX_BYTES 4u
#define BACKOFF_MAX 10u

static struct send_slot *
slot_of(struct bus_lane *lane, uint32_t sequence)
{
    return &lane->send.slots[sequence & (lane->window - 1)];
}

static uint32_t
grant_limit(const struct bus_lane *lane, uint32_t ack, unsigned credit)
{
    /* One frame may always be tried, or a grant that got lost would be the
     * end. */
    if (credit == 0)
        credit = 1;
    return ack + (credit < lane->window ? credit : lane->window);
}

void
bus_out_init(struct bus_lane *lane, struct send_slot *slots)
{
    struct lane_send *send = &lane->send;

    list_init(&send->messages);
    send->slots = slots;
    send->unacked = SEQUENCE_FIRST;
    send->next = SEQUENCE_FIRST;
    send->recover = SEQUENCE_FIRST;
    send->limit = grant_limit(lane, SEQUENCE_FIRST, lane->window);
    send->congestion_frames = CONGESTION_FIRST_FRAMES;
    send->threshold_frames = lane->window;
    send->repeat_at_ns = TIME_NEVER_NS;
}

static void
free_message(struct bus *bus, struct bus_lane *lane, struct outgoing *message)
{
    lane->send.queued_bytes -= message->size;
    lane->send.queued_count--;
    list_remove(&message->node);
    mem_free(bus->mem, message, sizeof(*message) + message->size);
}

void
bus_out_clear(struct bus *bus, struct bus_lane *lane)
{
    struct list_node *node;

    while ((node = list_first(&lane->send.messages)) != NULL) {
        lane_counters(bus, lane->lane)->dropped++;
        free_message(bus, lane, CONTAINER_OF(node, struct outgoing, node));
    }
}

int
bus_out_queue(struct bus *bus, struct peer *peer, struct bus_lane *lane,
              uint64_t now_ns, const struct bus_message *message)
{
    struct lane_send *send = &lane->send;
    struct bus_lane_counters *counters = lane_counters(bus, lane->lane);
    struct outgoing *copy;

    if (send->queued_count >= BUS_QUEUE_MESSAGES ||
        (send->queued_count > 0 && send->queued_bytes + message->size >
                                       bus_queue_max_bytes(lane->lane))) {
        counters->refused++;
        return ERR_FULL;
    }
    copy = mem_alloc(bus->mem, sizeof(*copy) + message->size);
    if (copy == NULL)
        return ERR_NOMEM;
    *copy = (struct outgoing){
        .epoch = message->epoch,
        .hlc = hlc_now(&bus->hlc, bus->ops->wall_ns(bus->arg)),
        .size = message->size,
        .trace_id = message->trace_id,
        .type = message->type,
        .from_service = message->from_service,
        .to_service = message->to_service,
    };
    if (message->size > 0)
        memcpy(copy->body, message->body, message->size);
    if (list_empty(&send->messages))
        send->alive_ns = now_ns;
    list_push_back(&send->messages, &copy->node);
    if (send->cursor == NULL) {
        send->cursor = copy;
        send->cursor_offset = 0;
    }
    send->queued_count++;
    send->queued_bytes += message->size;
    if (send->queued_bytes > counters->queued_peak_bytes)
        counters->queued_peak_bytes = send->queued_bytes;
    counters->sent_messages++;
    counters->sent_bytes += message->size;
    bus_peer_activate(bus, peer);
    return 0;
}

static bool
may_cut(const struct bus_lane *lane)
{
    const struct lane_send *send = &lane->send;

    return send->cursor != NULL && sequence_before(send->next, send->limit) &&
           send->next - send->unacked < lane->window;
}

bool
bus_out_ready(const struct bus_lane *lane)
{
    return lane->send.in_flight < lane->send.congestion_frames &&
           (lane->send.lost_count > 0 || may_cut(lane));
}

static uint64_t
repeat_ns(const struct lane_send *send)
{
    uint64_t ns = send->srtt_ns == 0 ? BUS_RTO_FIRST_NS
                                     : send->srtt_ns + 4 * send->rttvar_ns;

    if (ns < BUS_RTO_MIN_NS)
        ns = BUS_RTO_MIN_NS;
    ns <<= send->backoff;
    return ns < BUS_RTO_MAX_NS ? ns : BUS_RTO_MAX_NS;
}

/* The next part of the message at the cursor gets the next sequence. */
static struct send_slot *
cut(struct bus_lane *lane)
{
    struct lane_send *send = &lane->send;
    struct outgoing *message = send->cursor;
    struct send_slot *slot = slot_of(lane, send->next);
    size_t left = message->size - send->cursor_offset;
    size_t room = FRAME_PAYLOAD_MAX;

    if (send->cursor_offset == 0 && left > room)
        room -= SIZE_PREFIX_BYTES;
    if (left > room)
        left = room;
    *slot = (struct send_slot){
        .message = message,
        .offset = (uint32_t)send->cursor_offset,
        .size = (uint16_t)left,
    };
    send->cursor_offset += left;
    if (send->cursor_offset == message->size) {
        struct list_node *node = list_next(&send->messages, &message->node);

        send->cursor =
            node == NULL ? NULL : CONTAINER_OF(node, struct outgoing, node);
        send->cursor_offset = 0;
    }
    return slot;
}

/* Lays the payload of 'slot' into the bus's datagram, behind the header. */
static void
lay_payload(struct bus *bus, const struct send_slot *slot, struct frame *frame)
{
    const struct outgoing *message = slot->message;
    uint8_t *payload = bus->datagram + FRAME_HEADER_BYTES;
    uint32_t size = (uint32_t)message->size;

    frame->payload = payload;
    frame->size = slot->size;
    if (slot->offset == 0 && slot->size < message->size) {
        for (unsigned i = 0; i < SIZE_PREFIX_BYTES; i++)
            *payload++ = (uint8_t)(size >> 8 * (SIZE_PREFIX_BYTES - 1 - i));
        frame->size += SIZE_PREFIX_BYTES;
    }
    if (slot->size > 0)
        memcpy(payload, message->body + slot->offset, slot->size);
}

static void
transmit_slot(struct bus *bus, struct peer *peer, struct bus_lane *lane,
              uint64_t now_ns, uint32_t sequence)
{
    struct send_slot *slot = slot_of(lane, sequence);
    const struct outgoing *message = slot->message;
    struct frame frame = {
        .lane = lane->lane,
        .credit = bus_in_credit(bus, lane),
        .from_service = message->from_service,
        .to_service = message->to_service,
        .type = message->type,
        .session = peer->session,
        .to_tag = peer->peer_open
                      ? bus_peer_tag(peer->incarnation, peer->peer_session)
                      : 0,
        .epoch = message->epoch,
        .to = peer->address,
        .hlc = message->hlc,
        .sequence = sequence,
        .ack = lane->receive.next,
        .trace_id = message->trace_id,
    };

    if (slot->offset == 0)
        frame.flags |= FRAME_FIRST;
    if (slot->offset + slot->size == message->size)
        frame.flags |= FRAME_LAST;
    lay_payload(bus, slot, &frame);
    slot->sent_ns = now_ns;
    slot->plane = (uint8_t)peer->plane;
    slot->lost = false;
    if (slot->sends < UINT16_MAX)
        slot->sends++;
    if (slot->sends > 1)
        lane_counters(bus, lane->lane)->retransmits++;
    lane_counters(bus, lane->lane)->sent_frames++;
    bus_in_answered(lane);
    bus_transmit(bus, &frame, peer->plane);
}

static uint32_t
first_lost(struct bus_lane *lane)
{
    uint32_t sequence = lane->send.unacked;

    while (!slot_of(lane, sequence)->lost)
        sequence++;
    CHECK(sequence_before(sequence, lane->send.next));
    return sequence;
}

bool
bus_out_one(struct bus *bus, struct peer *peer, struct bus_lane *lane,
            uint64_t now_ns)
{
    struct lane_send *send = &lane->send;
    uint32_t sequence;

    if (!bus_out_ready(lane))
        return false;
    if (send->lost_count > 0) {
        sequence = first_lost(lane);
        send->lost_count--;
    } else {
        cut(lane);
        sequence = send->next++;
    }
    send->in_flight++;
    transmit_slot(bus, peer, lane, now_ns, sequence);
    if (send->repeat_at_ns == TIME_NEVER_NS)
        send->repeat_at_ns = now_ns + repeat_ns(send);
    return true;
}

/* A new round-trip time, RFC 6298 section 2. */
static void
take_sample(struct lane_send *send, uint64_t rtt_ns)
{
    uint64_t error_ns;

    if (send->srtt_ns == 0) {
        send->srtt_ns = rtt_ns + 1;
        send->rttvar_ns = rtt_ns / 2;
        return;
    }
    error_ns = rtt_ns > send->srtt_ns ? rtt_ns - send->srtt_ns
                                      : send->srtt_ns - rtt_ns;
    send->rttvar_ns += error_ns / 4;
    send->rttvar_ns -= send->rttvar_ns / 4;
    send->srtt_ns += rtt_ns / 8;
    send->srtt_ns -= send->srtt_ns / 8;
}

/* Slow start, then one frame per window (RFC 5681 section 3.1). */
static void
open_window(struct bus_lane *lane, unsigned acked)
{
    struct lane_send *send = &lane->send;

    if (send->congestion_frames < send->threshold_frames) {
        send->congestion_frames += acked;
    } else {
        send->grown_frames += acked;
        if (send->grown_frames >= send->congestion_frames) {
            send->grown_frames = 0;
            send->congestion_frames++;
        }
    }
    if (send->congestion_frames > lane->window)
        send->congestion_frames = lane->window;
}

static void
halve_window(struct lane_send *send)
{
    send->threshold_frames = send->congestion_frames / 2;
    if (send->threshold_frames < CONGESTION_MIN_FRAMES)
        send->threshold_frames = CONGESTION_MIN_FRAMES;
    send->congestion_frames = send->threshold_frames;
    send->grown_frames = 0;
    send->recover = send->next;
}

/* The frame at 'sequence' is out of the net, arrived or lost. */
static void
leave_flight(struct lane_send *send, struct send_slot *slot)
{
    if (slot->lost) {
        slot->lost = false;
        send->lost_count--;
    } else if (!slot->arrived) {
        send->in_flight--;
    }
}

static void
acknowledge_up_to(struct bus *bus, struct bus_lane *lane, uint64_t now_ns,
                  uint32_t ack)
{
    struct lane_send *send = &lane->send;
    unsigned acked = ack - send->unacked;

    while (send->unacked != ack) {
        struct send_slot *slot = slot_of(lane, send->unacked);
        struct outgoing *message = slot->message;

        if (slot->sends == 1 && !slot->arrived && send->unacked + 1 == ack)
            take_sample(send, now_ns - slot->sent_ns);
        leave_flight(send, slot);
        if (slot->offset + slot->size == message->size)
            free_message(bus, lane, message);
        slot->message = NULL;
        send->unacked++;
    }
    open_window(lane, acked);
    send->backoff = 0;
    send->repeat_at_ns =
        send->unacked == send->next ? TIME_NEVER_NS : now_ns + repeat_ns(send);
}

/* The bitmap of an ACK frame: what arrived beyond a gap. */
static void
acknowledge_selected(struct bus_lane *lane, const struct frame *frame)
{
    struct lane_send *send = &lane->send;
    unsigned arrived_above = 0;

    for (unsigned i = WINDOW_MAX_FRAMES; i-- > 0;) {
        uint32_t sequence = frame->ack + i;
        struct send_slot *slot = slot_of(lane, sequence);
        bool arrived = frame->payload[7 - i / 8] >> i % 8 & 1;

        if (i >= lane->window || sequence_before(sequence, send->unacked) ||
            !sequence_before(sequence, send->next))
            continue;
        if (arrived) {
            leave_flight(send, slot);
            slot->arrived = true;
            arrived_above++;
        } else if (!slot->arrived && !slot->lost && slot->sends == 1 &&
                   arrived_above >= LOST_AFTER_ARRIVALS) {
            leave_flight(send, slot);
            slot->lost = true;
            send->lost_count++;
            if (!sequence_before(sequence, send->recover))
                halve_window(send);
        }
    }
}

void
bus_out_acknowledged(struct bus *bus, struct peer *peer, struct bus_lane *lane,
                     uint64_t now_ns, const struct frame *frame)
{
    struct lane_send *send = &lane->send;
    uint32_t limit = grant_limit(lane, frame->ack, frame->credit);

    if (sequence_before(send->next, frame->ack)) {
        bus->counters.malformed++;
        return;
    }
    if (sequence_before(frame->ack, send->unacked))
        return; /* Overtaken by a later one. */
    if (frame->ack != send->unacked) {
        send->alive_ns = now_ns;
        acknowledge_up_to(bus, lane, now_ns, frame->ack);
    }
    if ((frame->flags & FRAME_ACK) != 0) {
        send->alive_ns = now_ns;
        acknowledge_selected(lane, frame);
    }
    if (sequence_before(send->limit, limit))
        send->limit = limit;
    bus_peer_activate(bus, peer);
}

int
bus_out_repeat(struct peer *peer, struct bus_lane *lane, uint64_t now_ns)
{
    struct lane_send *send = &lane->send;
    struct send_slot *head = slot_of(lane, send->unacked);
    bool any_lost = false;

    CHECK(send->unacked != send->next);
    if (now_ns - send->alive_ns >= BUS_UNREACHABLE_NS)
        return ERR_UNREACHABLE;
    if (head->plane == peer->plane)
        peer->plane = peer->plane == PLANE_A ? PLANE_B : PLANE_A;
    for (uint32_t i = send->unacked; i != send->next; i++) {
        struct send_slot *slot = slot_of(lane, i);

        any_lost |= !slot->arrived;
        if (slot->arrived || slot->lost)
            continue;
        send->in_flight--;
        slot->lost = true;
        send->lost_count++;
    }
    if (!any_lost) {
        /* All is there, but not taken: ask again with the first. */
        head->arrived = false;
        head->lost = true;
        send->lost_count++;
    } else {
        halve_window(send);
        send->congestion_frames = CONGESTION_MIN_FRAMES;
    }
    if (send->backoff < BACKOFF_MAX)
        send->backoff++;
    send->repeat_at_ns = now_ns + repeat_ns(send);
    return 0;
}
