/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What the harness and the helper process sixnines-ns3 say to each other:
 * the one thing they share.
 *
 * Stream    messages, each u32 length of what follows, u8 enum ns3_message,
 *           then its fields in order; little-endian.
 * Time      u64 picoseconds since the world was created, never running back.
 * Answers   to HELLO, ADVANCE, STATS and RUN only, one each; any other
 *           message may be answered by ERROR, after which the helper ends.
 */
#ifndef SIM_WORLD_NS3_WIRE_H
#define SIM_WORLD_NS3_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NS3_WIRE_VERSION 1u
#define NS3_MESSAGE_MAX (1u << 20)
#define NS3_NEVER UINT64_MAX
#define NS3_LANES 4u
#define NS3_PLANES 2u
#define NS3_BOXES_MAX 1024u
#define NS3_TO_ALL UINT64_MAX /* as PLAT_ADDRESS_ALL */

enum ns3_message {
    NS3_HELLO = 1, /* u32 version; answer: the same, then text */
    NS3_ERROR,     /* answer: text */

    /* The management network.  All but SEND happen at u64 now. */
    NS3_MGMT,        /* u32 boxes, u64 bps, u64 delay, u64 switch latency,
                      * u32 bytes of a queue, u64 seed */
    NS3_ADDRESS,     /* now, u32 box, u64 address */
    NS3_BOX_POWER,   /* now, u32 box, u8 on */
    NS3_PLANE_POWER, /* now, u8 plane, u8 on */
    NS3_LINK,        /* now, u32 box, u8 plane, u8 NS3_LINK_ bits, u32 loss in
                      * ppm, u64 added delay */
    NS3_BLOCK,       /* now, u32 from, u32 to, u8 planes (a bit each), u8 on */
    NS3_UNBLOCK_ALL, /* now */
    NS3_SEND,        /* u64 departs, u32 frame, u32 box, u8 plane, u8 lane,
                      * u64 to, u32 bytes on the wire */
    NS3_ADVANCE,     /* u64 to; answer: u64 no delivery before, u32 count of
                      * (u64 at, u32 frame, u32 box), u32 count of (u32 frame):
                      * those that are no more on their way */
    NS3_STATS,       /* answer: for each lane u64 frames, u64 dropped, u32 peak
                      * bytes of a queue */

    /* A leaf-spine of plain queues. */
    NS3_LEAF_SPINE, /* u32 leaves, u32 spines, u32 hosts of a leaf, then for
                     * host links and spine links u64 bps, u64 delay, u32
                     * packets of a queue (0: 2^31) */
    NS3_PACKET,     /* u64 due, u32 packet (counting from 0), u32 from, u32 to
                     * (hosts), u32 bytes on the wire; before RUN has passed
                     * its time */
    NS3_RUN, /* u64 to; answer: u64 sent, u64 dropped so far, u64 events,
              * u32 count of (u32 packet, u64 latency) delivered since
              * the last */
    NS3_MESSAGE_COUNT
};

/* So that an answer fits a message: packets between two RUN. */
#define NS3_PACKETS_PER_RUN 65536u

#define NS3_LINK_DOWN 1u
#define NS3_LINK_MUTE 2u
#define NS3_LINK_DEAF 4u

/* A cursor over one message. */
struct ns3_wire {
    uint8_t *bytes;
    size_t size;
    size_t at;
    bool bad; /* ran over the end */
};

static inline void
ns3_put(struct ns3_wire *wire, uint64_t value, unsigned bytes)
{
    if (wire->size - wire->at < bytes) {
        wire->bad = true;
        return;
    }
    for (unsigned i = 0; i < bytes; i++)
        wire->bytes[wire->at++] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t
ns3_get(struct ns3_wire *wire, unsigned bytes)
{
    uint64_t value = 0;

    if (wire->size - wire->at < bytes) {
        wire->bad = true;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)wire->bytes[wire->at++] << (8 * i);
    return value;
}

static inline void
ns3_put_u8(struct ns3_wire *wire, uint8_t value)
{
    ns3_put(wire, value, 1);
}

static inline void
ns3_put_u32(struct ns3_wire *wire, uint32_t value)
{
    ns3_put(wire, value, 4);
}

static inline void
ns3_put_u64(struct ns3_wire *wire, uint64_t value)
{
    ns3_put(wire, value, 8);
}

static inline uint8_t
ns3_get_u8(struct ns3_wire *wire)
{
    return (uint8_t)ns3_get(wire, 1);
}

static inline uint32_t
ns3_get_u32(struct ns3_wire *wire)
{
    return (uint32_t)ns3_get(wire, 4);
}

static inline uint64_t
ns3_get_u64(struct ns3_wire *wire)
{
    return ns3_get(wire, 8);
}

/* Begins a message; its length is filled in by ns3_put_end(). */
static inline size_t
ns3_put_begin(struct ns3_wire *wire, enum ns3_message message)
{
    size_t from = wire->at;

    ns3_put_u32(wire, 0);
    ns3_put_u8(wire, (uint8_t)message);
    return from;
}

static inline void
ns3_put_end(struct ns3_wire *wire, size_t from)
{
    size_t length = wire->at - from - 4;

    if (wire->bad)
        return;
    for (unsigned i = 0; i < 4; i++)
        wire->bytes[from + i] = (uint8_t)(length >> (8 * i));
}

#endif
