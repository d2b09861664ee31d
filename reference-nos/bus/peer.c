/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers and their sessions.  A session is named by both lives and a number
 * each side draws; a side that ends it draws a new number, so frames of the
 * old one are told apart whatever the network does with them.
 */
#include <string.h>

#include "reference-nos/bus/bus_priv.h"

static int
compare_address(const void *key, const struct tree_node *node)
{
    const uint64_t *address = key;
    uint64_t other = CONTAINER_OF(node, struct peer, by_address)->address;

    return *address < other ? -1 : *address > other;
}

void
bus_peer_table_init(struct bus *bus)
{
    tree_init(&bus->peers, compare_address);
    list_init(&bus->age);
    list_init(&bus->active);
}

unsigned
bus_lane_window(enum lane lane)
{
    static const unsigned windows[LANE_COUNT] = {0, 32, 64, 16};

    return windows[lane];
}

uint16_t
bus_peer_tag(uint64_t incarnation, uint16_t session)
{
    uint64_t mixed =
        (incarnation << 16 ^ session) * UINT64_C(0x9e3779b97f4a7c15);
    uint16_t tag;

    mixed = (mixed ^ mixed >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    tag = (uint16_t)(mixed >> 48);
    return tag == 0 ? 1 : tag;
}

struct peer *
bus_peer_find(const struct bus *bus, uint64_t address)
{
    struct tree_node *node = tree_find(&bus->peers, &address);

    return node == NULL ? NULL : CONTAINER_OF(node, struct peer, by_address);
}

/* Drops the peer that was silent longest and has no session. */
static bool
evict_one(struct bus *bus)
{
    struct list_node *node;

    LIST_FOR_EACH(node, &bus->age)
    {
        struct peer *peer = CONTAINER_OF(node, struct peer, by_age);

        if (!peer->open) {
            bus_peer_free(bus, peer);
            bus->counters.peers_evicted++;
            return true;
        }
    }
    return false;
}

int
bus_peer_get(struct bus *bus, uint64_t address, struct peer **out)
{
    struct peer *peer;

    peer = bus_peer_find(bus, address);
    if (peer == NULL) {
        if (bus->peers.count >= BUS_PEERS_MAX && !evict_one(bus)) {
            bus->counters.peers_refused++;
            return ERR_FULL;
        }
        peer = mem_zalloc(bus->mem, sizeof(*peer));
        if (peer == NULL)
            return ERR_NOMEM;
        peer->address = address;
        CHECK(tree_insert(&bus->peers, &peer->address, &peer->by_address) ==
              0);
        list_push_back(&bus->age, &peer->by_age);
    }
    *out = peer;
    return 0;
}

static void
free_lanes(struct bus *bus, struct peer *peer)
{
    for (unsigned i = 0; i < RELIABLE_LANES; i++) {
        struct bus_lane *lane = peer->lanes[i];

        if (lane == NULL)
            continue;
        bus_out_clear(bus, lane);
        bus_in_clear(bus, lane);
        mem_free(bus->mem, lane->send.slots,
                 lane->window * sizeof(lane->send.slots[0]));
        mem_free(bus->mem, lane->receive.slots,
                 lane->window * sizeof(lane->receive.slots[0]));
        mem_free(bus->mem, lane, sizeof(*lane));
        peer->lanes[i] = NULL;
    }
}

void
bus_peer_free(struct bus *bus, struct peer *peer)
{
    free_lanes(bus, peer);
    tree_remove(&bus->peers, &peer->by_address);
    list_remove(&peer->by_age);
    list_remove(&peer->active);
    mem_free(bus->mem, peer, sizeof(*peer));
}

void
bus_peer_touch(struct bus *bus, struct peer *peer, uint64_t now_ns)
{
    peer->heard_ns = now_ns;
    list_remove(&peer->by_age);
    list_push_back(&bus->age, &peer->by_age);
}

int
bus_peer_lane(struct bus *bus, struct peer *peer, enum lane id,
              struct bus_lane **out)
{
    struct bus_lane **place = &peer->lanes[id - LANE_CONTROL];
    unsigned window = bus_lane_window(id);
    struct bus_lane *lane = *place;
    struct send_slot *out_slots;
    struct receive_slot **in_slots;

    if (lane == NULL) {
        lane = mem_zalloc(bus->mem, sizeof(*lane));
        out_slots = mem_zalloc_array(bus->mem, window, sizeof(*out_slots));
        in_slots = mem_zalloc_array(bus->mem, window, sizeof(*in_slots));
        if (lane == NULL || out_slots == NULL || in_slots == NULL) {
            mem_free(bus->mem, lane, sizeof(*lane));
            mem_free(bus->mem, out_slots, window * sizeof(*out_slots));
            mem_free(bus->mem, in_slots, window * sizeof(*in_slots));
            return ERR_NOMEM;
        }
        lane->lane = id;
        lane->window = window;
        bus_out_init(lane, out_slots);
        bus_in_init(lane, in_slots);
        *place = lane;
    }
    *out = lane;
    return 0;
}

void
bus_peer_activate(struct bus *bus, struct peer *peer)
{
    if (!list_linked(&peer->active))
        list_push_back(&bus->active, &peer->active);
}

void
bus_peer_open(struct bus *bus, struct peer *peer)
{
    if (peer->open)
        return;
    peer->open = true;
    peer->session = ++bus->session_counter;
}

void
bus_peer_close(struct bus *bus, struct peer *peer, bool silent)
{
    bool tell = !silent && peer->open;
    bool was_up = peer->up;

    free_lanes(bus, peer);
    list_remove(&peer->active);
    peer->open = false;
    peer->up = false;
    if (peer->peer_open) {
        peer->peer_open = false;
        peer->peer_over = true;
    }
    if (was_up)
        bus->counters.sessions_down++;
    if (tell)
        bus->ops->session(bus->arg, peer->address,
                          peer->known ? peer->incarnation : 0, false);
}

void
bus_peer_up(struct bus *bus, struct peer *peer)
{
    if (peer->up)
        return;
    peer->up = true;
    bus->counters.sessions_up++;
    bus->ops->session(bus->arg, peer->address, peer->incarnation, true);
}

/* The signed distance between two lives on their circle of 2^40. */
static int64_t
life_distance(uint64_t to, uint64_t from)
{
    return (int64_t)((to - from) << 24);
}

int
bus_peer_hear(struct bus *bus, struct peer *peer, uint64_t now_ns,
              uint64_t incarnation)
{
    if (peer->known && incarnation != peer->incarnation) {
        if (life_distance(incarnation, peer->incarnation) < 0 &&
            now_ns - peer->heard_ns < BUS_STALE_NS)
            return ERR_STALE;
        bus_peer_close(bus, peer, false);
        peer->peer_over = false;
        peer->top_valid = false;
    }
    peer->known = true;
    peer->incarnation = incarnation;
    bus_peer_touch(bus, peer, now_ns);
    return 0;
}

static void
send_reset(struct bus *bus, const struct peer *peer, const struct frame *frame,
           enum plane plane)
{
    struct frame reset = {
        .lane = frame->lane,
        .flags = FRAME_RESET,
        .session = peer->open ? peer->session : 0,
        .to_tag = bus_peer_tag(frame->incarnation, frame->session),
        .to = peer->address,
    };

    bus->counters.resets_sent++;
    bus_transmit(bus, &reset, plane);
}

static bool
names_us(const struct bus *bus, const struct peer *peer,
         const struct frame *frame)
{
    return peer->open &&
           frame->to_tag == bus_peer_tag(bus->incarnation, peer->session);
}

/* A session number of the peer other than the known one. */
static int
change_session(struct bus *bus, struct peer *peer, uint64_t now_ns,
               const struct frame *frame)
{
    bool is_newer = (int16_t)(frame->session - peer->peer_session) > 0;
    bool is_fresh = now_ns - peer->session_ns < BUS_STALE_NS;

    if ((peer->peer_open || peer->peer_over) && !is_newer && is_fresh)
        return ERR_STALE;
    if (peer->peer_open)
        bus_peer_close(bus, peer, false);
    peer->peer_over = false;
    return 0;
}

int
bus_peer_admit(struct bus *bus, struct peer *peer, uint64_t now_ns,
               const struct frame *frame, enum plane plane)
{
    if ((frame->flags & FRAME_RESET) != 0) {
        if (!names_us(bus, peer, frame))
            return ERR_STALE;
        bus->counters.resets_received++;
        bus_peer_close(bus, peer, false);
        return ERR_STALE;
    }
    if (frame->to_tag != 0 && !names_us(bus, peer, frame)) {
        send_reset(bus, peer, frame, plane);
        return ERR_STALE;
    }
    if (peer->peer_over && frame->session == peer->peer_session) {
        send_reset(bus, peer, frame, plane);
        return ERR_STALE;
    }
    if ((!peer->peer_open || frame->session != peer->peer_session) &&
        change_session(bus, peer, now_ns, frame) != 0)
        return ERR_STALE;
    /* An acknowledgement of nothing we have begins no session. */
    if (!peer->open && (frame->flags & FRAME_ACK) != 0)
        return ERR_STALE;
    bus_peer_open(bus, peer);
    peer->peer_open = true;
    peer->peer_session = frame->session;
    peer->session_ns = now_ns;
    bus_peer_up(bus, peer);
    return 0;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t
lane_deadline_ns(const struct bus_lane *lane)
{
    const struct lane_receive *receive = &lane->receive;
    uint64_t deadline_ns =
        earlier(lane->send.repeat_at_ns, receive->answer_at_ns);

    if (receive->body != NULL || receive->slots_used > 0)
        deadline_ns = earlier(deadline_ns, receive->heard_ns + BUS_STALL_NS);
    return earlier(deadline_ns, receive->retry_at_ns);
}

uint64_t
bus_peer_deadline_ns(const struct peer *peer)
{
    uint64_t deadline_ns = TIME_NEVER_NS;

    for (unsigned i = 0; i < RELIABLE_LANES; i++) {
        if (peer->lanes[i] != NULL)
            deadline_ns =
                earlier(deadline_ns, lane_deadline_ns(peer->lanes[i]));
    }
    return deadline_ns;
}
