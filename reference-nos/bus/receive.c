/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiving half of a reliable lane: frames wait for their turn, parts
 * become messages, messages go to the user in order.
 */
#include <string.h>

#include "reference-nos/base/wire.h"
#include "reference-nos/bus/bus_priv.h"

/* Beyond this share of BUS_ASSEMBLY_BYTES credit shrinks. */
#define ASSEMBLY_TIGHT_BYTES (BUS_ASSEMBLY_BYTES / 4 * 3)
#define CREDIT_TIGHT_FRAMES 4u

static struct receive_slot **
slot_of(struct bus_lane *lane, uint32_t sequence)
{
    return &lane->receive.slots[sequence & (lane->window - 1)];
}

void
bus_in_init(struct bus_lane *lane, struct receive_slot **slots)
{
    lane->receive.slots = slots;
    lane->receive.next = SEQUENCE_FIRST;
    lane->receive.answer_at_ns = TIME_NEVER_NS;
    lane->receive.retry_at_ns = TIME_NEVER_NS;
}

static void
free_body(struct bus *bus, struct lane_receive *receive)
{
    if (receive->body == NULL)
        return;
    mem_free(bus->mem, receive->body, receive->body_size);
    bus->assembly_bytes -= receive->body_size;
    receive->body = NULL;
}

static void
free_slot(struct bus *bus, struct lane_receive *receive,
          struct receive_slot **slot)
{
    mem_free(bus->mem, *slot, sizeof(**slot) + (*slot)->frame.size);
    *slot = NULL;
    receive->slots_used--;
}

void
bus_in_clear(struct bus *bus, struct bus_lane *lane)
{
    free_body(bus, &lane->receive);
    for (unsigned i = 0; i < lane->window; i++) {
        if (lane->receive.slots[i] != NULL)
            free_slot(bus, &lane->receive, &lane->receive.slots[i]);
    }
}

uint8_t
bus_in_credit(const struct bus *bus, const struct bus_lane *lane)
{
    if (bus->assembly_bytes > ASSEMBLY_TIGHT_BYTES)
        return CREDIT_TIGHT_FRAMES;
    return (uint8_t)lane->window;
}

/* Offers a whole message.  ERR_FULL: not now. */
static int
offer(struct bus *bus, const struct peer *peer, enum lane lane,
      const struct frame *head, const uint8_t *body, size_t size)
{
    struct bus_message message = {
        .peer = peer->address,
        .lane = lane,
        .from_service = head->from_service,
        .to_service = head->to_service,
        .type = head->type,
        .epoch = head->epoch,
        .trace_id = head->trace_id,
        .hlc = head->hlc,
        .incarnation = peer->incarnation,
        .body = body,
        .size = size,
    };
    struct bus_lane_counters *counters = lane_counters(bus, lane);
    int error = bus->ops->deliver(bus->arg, &message);

    if (error == ERR_FULL || error == ERR_NOMEM)
        return ERR_FULL;
    if (error != 0) {
        counters->undelivered++;
        return 0;
    }
    counters->received_messages++;
    counters->received_bytes += size;
    return 0;
}

/* Offers the assembled message. */
static int
offer_assembled(struct bus *bus, const struct peer *peer,
                struct bus_lane *lane)
{
    struct lane_receive *receive = &lane->receive;

    if (offer(bus, peer, lane->lane, &receive->head, receive->body,
              receive->body_size) != 0)
        return ERR_FULL;
    free_body(bus, receive);
    return 0;
}

/* Opens an assembly.  ERR_FULL: no room now. */
static int
begin(struct bus *bus, struct bus_lane *lane, const struct frame *frame,
      struct wire_reader *reader)
{
    struct lane_receive *receive = &lane->receive;
    size_t size = wire_read_u32(reader);

    if (!wire_reader_ok(reader) || size <= wire_reader_left(reader) ||
        size > bus_body_max_bytes(lane->lane))
        return ERR_MALFORMED;
    if (bus->assembly_bytes + size > BUS_ASSEMBLY_BYTES)
        return ERR_FULL;
    receive->body = mem_alloc(bus->mem, size);
    if (receive->body == NULL)
        return ERR_FULL;
    bus->assembly_bytes += size;
    if (bus->assembly_bytes > bus->counters.assembly_peak_bytes)
        bus->counters.assembly_peak_bytes = bus->assembly_bytes;
    receive->body_size = size;
    receive->body_filled = 0;
    receive->head = *frame;
    return 0;
}

/* Consumes the frame whose turn it is.  ERR_FULL: not now. */
static int
consume(struct bus *bus, const struct peer *peer, struct bus_lane *lane,
        const struct frame *frame)
{
    struct lane_receive *receive = &lane->receive;
    bool is_first = (frame->flags & FRAME_FIRST) != 0;
    bool is_last = (frame->flags & FRAME_LAST) != 0;
    struct wire_reader reader;
    size_t size;
    int error;

    if (is_first == (receive->body != NULL))
        return ERR_MALFORMED;
    if (is_first && is_last)
        return offer(bus, peer, lane->lane, frame, frame->payload,
                     frame->size);
    wire_reader_init(&reader, frame->payload, frame->size);
    if (is_first) {
        error = begin(bus, lane, frame, &reader);
        if (error != 0)
            return error;
    }
    size = wire_reader_left(&reader);
    if (size > receive->body_size - receive->body_filled)
        return ERR_MALFORMED;
    wire_read_copy(&reader, receive->body + receive->body_filled, size);
    receive->body_filled += size;
    return is_last == (receive->body_filled == receive->body_size)
               ? 0
               : ERR_MALFORMED;
}

/* Offers the assembled message if it is whole. */
static int
finish_message(struct bus *bus, const struct peer *peer, struct bus_lane *lane,
               uint64_t now_ns)
{
    struct lane_receive *receive = &lane->receive;

    receive->retry_at_ns = TIME_NEVER_NS;
    if (receive->body == NULL || receive->body_filled < receive->body_size)
        return 0;
    if (offer_assembled(bus, peer, lane) == 0)
        return 0;
    receive->retry_at_ns = now_ns + BUS_DELIVER_RETRY_NS;
    return ERR_FULL;
}

/* Consumes 'frame' if it is its turn and nothing is in the way. */
static int
take_turn(struct bus *bus, const struct peer *peer, struct bus_lane *lane,
          uint64_t now_ns, const struct frame *frame)
{
    struct lane_receive *receive = &lane->receive;
    int error = finish_message(bus, peer, lane, now_ns);

    if (error != 0)
        return error;
    error = consume(bus, peer, lane, frame);
    if (error == ERR_FULL)
        receive->retry_at_ns = now_ns + BUS_DELIVER_RETRY_NS;
    if (error != 0)
        return error;
    receive->next++;
    return 0;
}

/* Consumes what waits; 0 also when something must wait on. */
static int
drain(struct bus *bus, const struct peer *peer, struct bus_lane *lane,
      uint64_t now_ns)
{
    struct lane_receive *receive = &lane->receive;
    struct receive_slot **slot;
    int error;

    while (*(slot = slot_of(lane, receive->next)) != NULL) {
        (*slot)->frame.payload = (*slot)->payload;
        error = take_turn(bus, peer, lane, now_ns, &(*slot)->frame);
        if (error != 0)
            return error == ERR_FULL ? 0 : error;
        free_slot(bus, receive, slot);
    }
    (void)finish_message(bus, peer, lane, now_ns);
    return 0;
}

static void
keep(struct bus *bus, struct bus_lane *lane, const struct frame *frame)
{
    struct lane_receive *receive = &lane->receive;
    struct receive_slot **place = slot_of(lane, frame->sequence);
    struct receive_slot *slot =
        mem_alloc(bus->mem, sizeof(*slot) + frame->size);

    if (slot == NULL) {
        lane_counters(bus, lane->lane)->no_memory++;
        return;
    }
    slot->frame = *frame;
    slot->frame.payload = NULL;
    if (frame->size > 0)
        memcpy(slot->payload, frame->payload, frame->size);
    *place = slot;
    receive->slots_used++;
}

static enum plane
other_plane(enum plane plane)
{
    return plane == PLANE_A ? PLANE_B : PLANE_A;
}

/* A peer that repeats what we have does not hear our answers: they go the
 * other way from now on. */
static void
note_duplicate(struct bus *bus, struct bus_lane *lane, uint64_t now_ns)
{
    struct lane_receive *receive = &lane->receive;

    lane_counters(bus, lane->lane)->duplicates++;
    receive->answer_now = true;
    if (now_ns - receive->crossed_ns < BUS_RTO_MIN_NS)
        return;
    receive->answer_cross = !receive->answer_cross;
    receive->crossed_ns = now_ns;
}

static void
schedule_answer(struct lane_receive *receive, uint64_t now_ns,
                enum plane plane)
{
    receive->answer_plane = receive->answer_cross ? other_plane(plane) : plane;
    receive->unanswered++;
    if (receive->unanswered >= ACK_EVERY_FRAMES || receive->slots_used > 0)
        receive->answer_now = true;
    if (receive->answer_now)
        receive->answer_at_ns = now_ns;
    else if (receive->answer_at_ns == TIME_NEVER_NS)
        receive->answer_at_ns = now_ns + BUS_ACK_DELAY_NS;
}

int
bus_in_frame(struct bus *bus, struct peer *peer, struct bus_lane *lane,
             uint64_t now_ns, const struct frame *frame, enum plane plane)
{
    struct lane_receive *receive = &lane->receive;
    uint32_t ahead = frame->sequence - receive->next;
    int error = 0;

    bus_peer_activate(bus, peer);
    receive->heard_ns = now_ns;
    lane_counters(bus, lane->lane)->received_frames++;
    if (ahead >= lane->window) {
        receive->answer_now = true;
        if (sequence_before(frame->sequence, receive->next))
            note_duplicate(bus, lane, now_ns);
        else
            lane_counters(bus, lane->lane)->out_of_window++;
    } else if (*slot_of(lane, frame->sequence) != NULL) {
        note_duplicate(bus, lane, now_ns);
    } else if (ahead > 0) {
        keep(bus, lane, frame);
    } else {
        error = take_turn(bus, peer, lane, now_ns, frame);
        if (error == ERR_FULL) {
            keep(bus, lane, frame);
            error = 0;
        } else if (error == 0) {
            error = drain(bus, peer, lane, now_ns);
        }
    }
    schedule_answer(receive, now_ns, plane);
    return error;
}

int
bus_in_retry(struct bus *bus, struct peer *peer, struct bus_lane *lane,
             uint64_t now_ns)
{
    struct lane_receive *receive = &lane->receive;
    uint32_t before = receive->next;
    int error;

    if (receive->retry_at_ns == TIME_NEVER_NS)
        return 0;
    receive->retry_at_ns = TIME_NEVER_NS;
    receive->heard_ns = now_ns; /* It is we who are slow. */
    (void)finish_message(bus, peer, lane, now_ns);
    if (receive->retry_at_ns != TIME_NEVER_NS)
        return 0;
    error = drain(bus, peer, lane, now_ns);
    if (receive->next != before) {
        receive->answer_now = true;
        receive->answer_at_ns = now_ns;
    }
    return error;
}

void
bus_in_answered(struct bus_lane *lane)
{
    /* A gap needs the bitmap of an ACK frame. */
    if (lane->receive.answer_now)
        return;
    lane->receive.unanswered = 0;
    lane->receive.answer_at_ns = TIME_NEVER_NS;
}

void
bus_in_answer(struct bus *bus, struct peer *peer, struct bus_lane *lane,
              uint64_t now_ns)
{
    struct lane_receive *receive = &lane->receive;
    uint8_t bitmap[8] = {0};
    struct frame frame = {
        .lane = lane->lane,
        .flags = FRAME_ACK,
        .credit = bus_in_credit(bus, lane),
        .session = peer->session,
        .to_tag = bus_peer_tag(peer->incarnation, peer->peer_session),
        .to = peer->address,
        .ack = receive->next,
        .payload = bitmap,
        .size = sizeof(bitmap),
    };

    if (receive->answer_at_ns > now_ns)
        return;
    for (unsigned i = 0; i < lane->window; i++) {
        if (*slot_of(lane, receive->next + i) != NULL)
            bitmap[7 - i / 8] |= (uint8_t)(1u << i % 8);
    }
    receive->answer_now = false;
    receive->unanswered = 0;
    receive->answer_at_ns = TIME_NEVER_NS;
    lane_counters(bus, lane->lane)->acks_sent++;
    bus_transmit(bus, &frame, receive->answer_plane);
}
