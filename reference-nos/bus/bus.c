/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/bus/bus.h"

#include <string.h>

#include "reference-nos/bus/bus_priv.h"

#define SEEN_BITS (HEARD_WORDS * 64u)

_Static_assert(BUS_LIVENESS_MAX <= FRAME_PAYLOAD_MAX, "one datagram");

size_t
bus_body_max_bytes(enum lane lane)
{
    static const size_t sizes[LANE_COUNT] = {BUS_LIVENESS_MAX, BUS_CONTROL_MAX,
                                             BUS_BULK_MAX, BUS_TELEMETRY_MAX};

    return sizes[lane];
}

size_t
bus_queue_max_bytes(enum lane lane)
{
    static const size_t sizes[LANE_COUNT] = {0, BUS_QUEUE_CONTROL_BYTES,
                                             BUS_QUEUE_BULK_BYTES,
                                             BUS_QUEUE_TELEMETRY_BYTES};

    return sizes[lane];
}

int
bus_create(struct mem *mem, const struct bus_ops *ops, void *arg,
           uint64_t address, uint64_t incarnation, struct bus **out)
{
    struct bus *bus = mem_zalloc(mem, sizeof(*bus));

    CHECK(address != PLAT_ADDRESS_ALL);
    if (bus == NULL)
        return ERR_NOMEM;
    bus->mem = mem;
    bus->ops = ops;
    bus->arg = arg;
    bus->address = address;
    bus->incarnation = incarnation & BUS_INCARNATION_MASK;
    hlc_init(&bus->hlc, HLC_AHEAD_MAX_NS);
    bus_peer_table_init(bus);
    *out = bus;
    return 0;
}

void
bus_destroy(struct bus *bus)
{
    struct list_node *node;

    if (bus == NULL)
        return;
    while ((node = list_first(&bus->age)) != NULL)
        bus_peer_free(bus, CONTAINER_OF(node, struct peer, by_age));
    mem_free(bus->mem, bus, sizeof(*bus));
}

void
bus_transmit(struct bus *bus, struct frame *frame, enum plane plane)
{
    size_t size;

    frame->from = bus->address;
    frame->incarnation = bus->incarnation;
    size = bus_frame_encode(frame, bus->datagram);
    bus->ops->transmit(bus->arg, plane, frame->to, frame->lane, bus->datagram,
                       size);
}

/* Sends on one lane of all peers in turn.  False: the burst is used up. */
static bool
pump_lane(struct bus *bus, uint64_t now_ns, unsigned index)
{
    bool sent = true;

    while (sent) {
        struct list_node *node;

        sent = false;
        LIST_FOR_EACH(node, &bus->active)
        {
            struct peer *peer = CONTAINER_OF(node, struct peer, active);
            struct bus_lane *lane = peer->lanes[index];

            if (lane == NULL || !bus_out_ready(lane))
                continue;
            if (bus->burst_left == 0)
                return false;
            bus->burst_left--;
            sent |= bus_out_one(bus, peer, lane, now_ns);
        }
    }
    return true;
}

/* The acknowledgements that are due; then frames, the most urgent lane of all
 * peers first; idle peers leave the active list. */
static void
pump(struct bus *bus, uint64_t now_ns)
{
    struct list_node *node;
    struct list_node *spare;

    bus->burst_left = BUS_BURST_FRAMES;
    bus->burst_cut = false;
    for (unsigned i = 0; i < RELIABLE_LANES && !bus->burst_cut; i++)
        bus->burst_cut = !pump_lane(bus, now_ns, i);
    LIST_FOR_EACH_SAFE(node, spare, &bus->active)
    {
        struct peer *peer = CONTAINER_OF(node, struct peer, active);

        for (unsigned i = 0; i < RELIABLE_LANES; i++) {
            if (peer->lanes[i] != NULL)
                bus_in_answer(bus, peer, peer->lanes[i], now_ns);
        }
        if (!bus->burst_cut && bus_peer_deadline_ns(peer) == TIME_NEVER_NS)
            list_remove(&peer->active);
    }
}

static int
check_message(const struct bus *bus, const struct bus_message *message)
{
    if ((unsigned)message->lane >= LANE_COUNT ||
        message->peer == bus->address ||
        (message->peer == PLAT_ADDRESS_ALL && message->lane != LANE_LIVENESS))
        return ERR_INVALID;
    if (message->size > bus_body_max_bytes(message->lane) ||
        message->epoch > BUS_EPOCH_MAX)
        return ERR_RANGE;
    return 0;
}

static void
send_liveness(struct bus *bus, const struct bus_message *message)
{
    struct bus_lane_counters *counters = lane_counters(bus, LANE_LIVENESS);
    struct frame frame = {
        .lane = LANE_LIVENESS,
        .flags = FRAME_FIRST | FRAME_LAST,
        .from_service = message->from_service,
        .to_service = message->to_service,
        .type = message->type,
        .epoch = message->epoch,
        .from = bus->address,
        .to = message->peer,
        .hlc = hlc_now(&bus->hlc, bus->ops->wall_ns(bus->arg)),
        .sequence = ++bus->liveness_sequence,
        .trace_id = message->trace_id,
        .incarnation = bus->incarnation,
        .payload = message->body,
        .size = message->size,
    };
    size_t size = bus_frame_encode(&frame, bus->datagram);

    for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
        bus->ops->transmit(bus->arg, (enum plane)plane, frame.to,
                           LANE_LIVENESS, bus->datagram, size);
    counters->sent_messages++;
    counters->sent_bytes += message->size;
    counters->sent_frames += PLANE_COUNT;
}

int
bus_send(struct bus *bus, uint64_t now_ns, const struct bus_message *message)
{
    struct peer *peer;
    struct bus_lane *lane;
    int error = check_message(bus, message);

    if (error != 0)
        return error;
    if (message->lane == LANE_LIVENESS) {
        send_liveness(bus, message);
        return 0;
    }
    error = bus_peer_get(bus, message->peer, &peer);
    if (error != 0)
        return error;
    error = bus_peer_lane(bus, peer, message->lane, &lane);
    if (error != 0)
        return error;
    error = bus_out_queue(bus, peer, lane, now_ns, message);
    if (error != 0)
        return error;
    bus_peer_open(bus, peer);
    pump(bus, now_ns);
    return 0;
}

/* Whether the liveness sequence is new (RFC 6479). */
static bool
is_first_copy(struct peer *peer, uint32_t sequence)
{
    uint64_t *word = &peer->seen[sequence / 64 % HEARD_WORDS];
    uint64_t bit = UINT64_C(1) << sequence % 64;

    if (!peer->top_valid) {
        memset(peer->seen, 0, sizeof(peer->seen));
        peer->top = sequence;
        peer->top_valid = true;
    } else if (sequence_before(peer->top, sequence)) {
        uint32_t steps = sequence / 64 - peer->top / 64;

        if (steps > HEARD_WORDS)
            steps = HEARD_WORDS;
        for (uint32_t i = 0; i < steps; i++)
            peer->seen[(sequence / 64 - i) % HEARD_WORDS] = 0;
        peer->top = sequence;
    } else if (peer->top / 64 - sequence / 64 >= HEARD_WORDS) {
        return false;
    }
    if ((*word & bit) != 0)
        return false;
    *word |= bit;
    return true;
}

static void
take_liveness(struct bus *bus, struct peer *peer, const struct frame *frame)
{
    struct bus_lane_counters *counters = lane_counters(bus, LANE_LIVENESS);
    struct bus_message message = {
        .peer = peer->address,
        .lane = LANE_LIVENESS,
        .from_service = frame->from_service,
        .to_service = frame->to_service,
        .type = frame->type,
        .epoch = frame->epoch,
        .trace_id = frame->trace_id,
        .hlc = frame->hlc,
        .incarnation = frame->incarnation,
        .body = frame->payload,
        .size = frame->size,
    };

    if (frame->size > BUS_LIVENESS_MAX) {
        bus->counters.malformed++;
        return;
    }
    counters->received_frames++;
    if (!is_first_copy(peer, frame->sequence)) {
        counters->duplicates++;
        return;
    }
    if (bus->ops->deliver(bus->arg, &message) != 0) {
        counters->undelivered++;
        return;
    }
    counters->received_messages++;
    counters->received_bytes += frame->size;
}

static void
take_reliable(struct bus *bus, struct peer *peer, uint64_t now_ns,
              const struct frame *frame, enum plane plane)
{
    bool is_named = frame->to_tag != 0; /* Else we are not known yet. */
    struct bus_lane *lane;

    if (bus_peer_admit(bus, peer, now_ns, frame, plane) != 0) {
        bus->counters.stale++;
        return;
    }
    if (bus_peer_lane(bus, peer, frame->lane, &lane) != 0) {
        lane_counters(bus, frame->lane)->no_memory++;
        return;
    }
    if (is_named)
        bus_out_acknowledged(bus, peer, lane, now_ns, frame);
    if ((frame->flags & FRAME_ACK) == 0 &&
        bus_in_frame(bus, peer, lane, now_ns, frame, plane) != 0) {
        bus->counters.malformed++;
        bus_peer_close(bus, peer, false);
    }
    pump(bus, now_ns);
}

static void
count_bad(struct bus *bus, int error)
{
    if (error == ERR_CORRUPT)
        bus->counters.corrupt++;
    else if (error == ERR_VERSION)
        bus->counters.version++;
    else
        bus->counters.malformed++;
}

void
bus_datagram(struct bus *bus, uint64_t now_ns, enum plane plane, uint64_t from,
             const void *bytes, size_t size)
{
    struct frame frame;
    struct peer *peer;
    int error = bus_frame_decode(bytes, size, &frame);
    bool for_all;

    if (error != 0) {
        count_bad(bus, error);
        return;
    }
    for_all = frame.lane == LANE_LIVENESS && frame.to == PLAT_ADDRESS_ALL;
    if (frame.from != from || from == bus->address ||
        from == PLAT_ADDRESS_ALL || (frame.to != bus->address && !for_all)) {
        bus->counters.misdirected++;
        return;
    }
    if (bus_peer_get(bus, from, &peer) != 0)
        return;
    if (bus_peer_hear(bus, peer, now_ns, frame.incarnation) != 0) {
        bus->counters.stale++;
        return;
    }
    if (frame.hlc != 0 &&
        hlc_see(&bus->hlc, frame.hlc, bus->ops->wall_ns(bus->arg)) != 0)
        bus->counters.clock_ahead++;
    if (frame.lane == LANE_LIVENESS) {
        planes_heard(&bus->planes, plane, now_ns);
        take_liveness(bus, peer, &frame);
    } else {
        take_reliable(bus, peer, now_ns, &frame, plane);
    }
}

/* The timers of one lane.  An error ends the session. */
static int
run_timers(struct bus *bus, struct peer *peer, struct bus_lane *lane,
           uint64_t now_ns)
{
    struct lane_receive *receive = &lane->receive;
    int error = 0;

    if (receive->retry_at_ns <= now_ns)
        error = bus_in_retry(bus, peer, lane, now_ns);
    if (error == 0 && (receive->body != NULL || receive->slots_used > 0) &&
        now_ns - receive->heard_ns >= BUS_STALL_NS)
        error = ERR_TIMEOUT;
    if (error == 0 && lane->send.repeat_at_ns <= now_ns)
        error = bus_out_repeat(peer, lane, now_ns);
    return error;
}

static void
tick_peer(struct bus *bus, struct peer *peer, uint64_t now_ns)
{
    int error = 0;

    for (unsigned i = 0; i < RELIABLE_LANES && error == 0; i++) {
        if (peer->lanes[i] != NULL)
            error = run_timers(bus, peer, peer->lanes[i], now_ns);
    }
    if (error == 0)
        return;
    if (error == ERR_MALFORMED)
        bus->counters.malformed++;
    else
        bus->counters.unreachable++;
    bus_peer_close(bus, peer, false);
}

void
bus_tick(struct bus *bus, uint64_t now_ns)
{
    struct list_node *node;
    struct list_node *spare;

    LIST_FOR_EACH_SAFE(node, spare, &bus->active)
    {
        struct peer *peer = CONTAINER_OF(node, struct peer, active);

        if (bus_peer_deadline_ns(peer) <= now_ns)
            tick_peer(bus, peer, now_ns);
    }
    pump(bus, now_ns);
}

uint64_t
bus_deadline_ns(const struct bus *bus)
{
    uint64_t deadline_ns = TIME_NEVER_NS;
    const struct list_node *node;

    if (bus->burst_cut)
        return 0;
    LIST_FOR_EACH(node, &bus->active)
    {
        const struct peer *peer = CONTAINER_OF(node, struct peer, active);
        uint64_t peer_ns = bus_peer_deadline_ns(peer);

        if (peer_ns < deadline_ns)
            deadline_ns = peer_ns;
    }
    return deadline_ns;
}

void
bus_credit(struct bus *bus, uint64_t now_ns)
{
    struct list_node *node;
    struct list_node *spare;

    LIST_FOR_EACH_SAFE(node, spare, &bus->active)
    {
        struct peer *peer = CONTAINER_OF(node, struct peer, active);
        int error = 0;

        for (unsigned i = 0; i < RELIABLE_LANES && error == 0; i++) {
            if (peer->lanes[i] != NULL)
                error = bus_in_retry(bus, peer, peer->lanes[i], now_ns);
        }
        if (error != 0) {
            bus->counters.malformed++;
            bus_peer_close(bus, peer, false);
        }
    }
    pump(bus, now_ns);
}

void
bus_forget(struct bus *bus, uint64_t address)
{
    struct peer *peer = bus_peer_find(bus, address);

    if (peer != NULL)
        bus_peer_close(bus, peer, true);
}

void
bus_abort(struct bus *bus, uint64_t address)
{
    struct peer *peer = bus_peer_find(bus, address);

    if (peer != NULL)
        bus_peer_close(bus, peer, false);
}

enum plane_state
bus_plane(const struct bus *bus, enum plane plane)
{
    CHECK(plane < PLANE_COUNT);
    return bus->planes.watch[plane].state;
}

const struct bus_counters *
bus_counters(const struct bus *bus)
{
    return &bus->counters;
}

size_t
bus_peer_count(const struct bus *bus)
{
    return bus->peers.count;
}

size_t
bus_queued_bytes(const struct bus *bus, uint64_t address, enum lane lane)
{
    const struct peer *peer = bus_peer_find(bus, address);

    CHECK(lane > LANE_LIVENESS && lane < LANE_COUNT);
    if (peer == NULL || peer->lanes[lane - LANE_CONTROL] == NULL)
        return 0;
    return peer->lanes[lane - LANE_CONTROL]->send.queued_bytes;
}
