/* SPDX-License-Identifier: GPL-2.0-only
 *
 * sixnines-ns3: hears messages (wire.h) on standard input, a socket, and
 * answers on standard output.  It ends with its input.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/world/ns3/helper/core.h"

#define IN_BYTES (NS3_MESSAGE_MAX + 4)
#define OUT_BYTES NS3_MESSAGE_MAX
/* So that an answer fits a message. */
#define FRAMES_PER_ANSWER 16384u

static uint8_t in[IN_BYTES];
static size_t in_used;
static uint8_t out[OUT_BYTES];
static bool made, made_leaf_spine;
static uint32_t box_count;

/* ---- answers ---- */

static void
answer(struct ns3_wire *wire)
{
    ns3_put_end(wire, 0);
    for (size_t sent = 0; sent < wire->at;) {
        ssize_t size = write(1, out + sent, wire->at - sent);

        if (size < 0 && errno != EINTR)
            _exit(1);
        sent += size > 0 ? (size_t)size : 0;
    }
}

static struct ns3_wire
answer_begin(enum ns3_message message)
{
    struct ns3_wire wire = {out, sizeof(out), 0, false};

    (void)ns3_put_begin(&wire, message);
    return wire;
}

static void
refuse(const char *text)
{
    struct ns3_wire wire = answer_begin(NS3_ERROR);
    size_t size = strlen(text);

    memcpy(out + wire.at, text, size);
    wire.at += size;
    answer(&wire);
    _exit(1);
}

/* ---- what comes ---- */

static uint32_t
box_get(struct ns3_wire *wire)
{
    uint32_t box = ns3_get_u32(wire);

    if (box >= box_count)
        refuse("no such box");
    return box;
}

static unsigned
plane_get(struct ns3_wire *wire)
{
    unsigned plane = ns3_get_u8(wire);

    if (plane >= NS3_PLANES)
        refuse("no such plane");
    return plane;
}

static void
on_hello(struct ns3_wire *wire)
{
    struct ns3_wire reply = answer_begin(NS3_HELLO);
    const char *version = core_ns3_version();

    (void)ns3_get_u32(wire);
    ns3_put_u32(&reply, NS3_WIRE_VERSION);
    memcpy(out + reply.at, version, strlen(version));
    reply.at += strlen(version);
    answer(&reply);
}

static void
on_mgmt(struct ns3_wire *wire)
{
    struct core_mgmt_options options;
    const char *wrong;

    options.box_count = ns3_get_u32(wire);
    options.link_bps = ns3_get_u64(wire);
    options.link_delay_ps = ns3_get_u64(wire);
    options.switch_latency_ps = ns3_get_u64(wire);
    options.queue_bytes = ns3_get_u32(wire);
    options.seed = ns3_get_u64(wire);
    wrong = made_leaf_spine ? "there is a network already"
                            : core_mgmt_create(&options);
    if (wrong != NULL)
        refuse(wrong);
    box_count = options.box_count;
    made = true;
}

static void
on_link(struct ns3_wire *wire)
{
    uint32_t box = box_get(wire);
    unsigned plane = plane_get(wire);
    struct core_link link;

    link.bits = ns3_get_u8(wire);
    link.loss_ppm = ns3_get_u32(wire);
    link.added_delay_ps = ns3_get_u64(wire);
    core_link_set(box, plane, &link);
}

static void
on_send(struct ns3_wire *wire)
{
    struct core_frame frame;

    frame.departs_ps = ns3_get_u64(wire);
    frame.name = ns3_get_u32(wire);
    frame.box = box_get(wire);
    frame.plane = plane_get(wire);
    frame.lane = ns3_get_u8(wire);
    frame.to = ns3_get_u64(wire);
    frame.wire_bytes = ns3_get_u32(wire);
    if (frame.lane >= NS3_LANES || frame.wire_bytes < 64)
        refuse("no such frame");
    core_send(&frame);
}

static void
on_advance(struct ns3_wire *wire)
{
    struct ns3_wire reply = answer_begin(NS3_ADVANCE);
    const struct core_delivery *deliveries;
    const uint32_t *ended;
    size_t count;

    core_run(ns3_get_u64(wire));
    ns3_put_u64(&reply, core_quiet_until());
    deliveries = core_deliveries(&count);
    if (count > FRAMES_PER_ANSWER)
        refuse("too much arrives at once");
    ns3_put_u32(&reply, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ns3_put_u64(&reply, deliveries[i].at_ps);
        ns3_put_u32(&reply, deliveries[i].name);
        ns3_put_u32(&reply, deliveries[i].box);
    }
    ended = core_ended(&count);
    if (count > FRAMES_PER_ANSWER)
        refuse("too much ends at once");
    ns3_put_u32(&reply, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        ns3_put_u32(&reply, ended[i]);
    core_forget();
    answer(&reply);
}

static void
on_stats(void)
{
    struct ns3_wire reply = answer_begin(NS3_STATS);
    struct core_lane_stats stats[NS3_LANES];

    core_stats(stats);
    for (unsigned lane = 0; lane < NS3_LANES; lane++) {
        ns3_put_u64(&reply, stats[lane].frames);
        ns3_put_u64(&reply, stats[lane].dropped);
        ns3_put_u32(&reply, stats[lane].peak_bytes);
    }
    answer(&reply);
}

/* ---- a leaf-spine ---- */

static struct core_spine_link
spine_link_get(struct ns3_wire *wire)
{
    struct core_spine_link link;

    link.bps = ns3_get_u64(wire);
    link.delay_ps = ns3_get_u64(wire);
    link.queue_packets = ns3_get_u32(wire);
    return link;
}

static void
on_leaf_spine(struct ns3_wire *wire)
{
    struct core_leaf_spine shape;
    const char *wrong;

    shape.leaves = ns3_get_u32(wire);
    shape.spines = ns3_get_u32(wire);
    shape.hosts_per_leaf = ns3_get_u32(wire);
    shape.host_link = spine_link_get(wire);
    shape.spine_link = spine_link_get(wire);
    wrong =
        made ? "there is a network already" : core_leaf_spine_create(&shape);
    if (wrong != NULL)
        refuse(wrong);
    made_leaf_spine = true;
}

static void
on_packet(struct ns3_wire *wire)
{
    struct core_packet packet;
    const char *wrong;

    packet.due_ps = ns3_get_u64(wire);
    packet.number = ns3_get_u32(wire);
    packet.from = ns3_get_u32(wire);
    packet.to = ns3_get_u32(wire);
    packet.wire_bytes = ns3_get_u32(wire);
    wrong = core_packet(&packet);
    if (wrong != NULL)
        refuse(wrong);
}

static void
on_run(struct ns3_wire *wire)
{
    struct ns3_wire reply = answer_begin(NS3_RUN);
    struct core_spine_totals totals;
    const struct core_arrival *arrivals;
    size_t count;

    core_run(ns3_get_u64(wire));
    core_leaf_spine_totals(&totals);
    arrivals = core_arrivals(&count);
    if (count > NS3_PACKETS_PER_RUN)
        refuse("too much arrives at once");
    ns3_put_u64(&reply, totals.sent);
    ns3_put_u64(&reply, totals.dropped);
    ns3_put_u64(&reply, totals.events);
    ns3_put_u32(&reply, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        ns3_put_u32(&reply, arrivals[i].number);
        ns3_put_u64(&reply, arrivals[i].latency_ps);
    }
    core_arrivals_forget();
    answer(&reply);
}

static void
leaf_spine_dispatch(enum ns3_message message, struct ns3_wire *wire)
{
    if (message == NS3_PACKET)
        on_packet(wire);
    else if (message == NS3_RUN)
        on_run(wire);
    else
        refuse("no such message");
}

/* ---- all of it ---- */

/* What is done to the network at its time. */
static void
on_change(enum ns3_message message, struct ns3_wire *wire)
{
    uint32_t box, to;
    unsigned plane;

    core_run(ns3_get_u64(wire));
    switch ((int)message) {
    case NS3_ADDRESS:
        box = box_get(wire);
        core_address(box, ns3_get_u64(wire));
        break;
    case NS3_BOX_POWER:
        box = box_get(wire);
        core_box_power(box, ns3_get_u8(wire) != 0);
        break;
    case NS3_PLANE_POWER:
        plane = plane_get(wire);
        core_plane_power(plane, ns3_get_u8(wire) != 0);
        break;
    case NS3_LINK: on_link(wire); break;
    case NS3_BLOCK:
        box = box_get(wire);
        to = box_get(wire);
        plane = ns3_get_u8(wire);
        core_block(box, to, plane, ns3_get_u8(wire) != 0);
        break;
    case NS3_UNBLOCK_ALL: core_unblock_all(); break;
    default: refuse("no such message");
    }
}

static void
dispatch(struct ns3_wire *wire)
{
    enum ns3_message message = (enum ns3_message)ns3_get_u8(wire);

    if (message == NS3_HELLO)
        on_hello(wire);
    else if (message == NS3_MGMT)
        on_mgmt(wire);
    else if (message == NS3_LEAF_SPINE)
        on_leaf_spine(wire);
    else if (made_leaf_spine)
        leaf_spine_dispatch(message, wire);
    else if (!made)
        refuse("there is no network yet");
    else if (message == NS3_SEND)
        on_send(wire);
    else if (message == NS3_ADVANCE)
        on_advance(wire);
    else if (message == NS3_STATS)
        on_stats();
    else
        on_change(message, wire);
    if (wire->bad)
        refuse("a message is too short");
}

/* Handles what is complete; keeps the rest. */
static void
take(void)
{
    size_t at = 0;

    while (in_used - at >= 4) {
        struct ns3_wire head = {in + at, 4, 0, false};
        size_t length = ns3_get_u32(&head);
        struct ns3_wire wire = {in + at + 4, length, 0, false};

        if (length < 1 || length > NS3_MESSAGE_MAX)
            refuse("a message has no length");
        if (in_used - at - 4 < length)
            break;
        dispatch(&wire);
        at += 4 + length;
    }
    in_used -= at;
    memmove(in, in + at, in_used);
}

int
main(void)
{
    for (;;) {
        ssize_t size = read(0, in + in_used, sizeof(in) - in_used);

        if (size == 0)
            return 0;
        if (size < 0 && errno != EINTR)
            return 1;
        in_used += size > 0 ? (size_t)size : 0;
        take();
    }
}
