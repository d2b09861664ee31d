/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams of a peer, good and bad, into a bus: the input is a list of
 * (size, delay, bytes); headers may be repaired so that deep code is reached.
 */
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/wire.h"
#include "reference-nos/bus/bus_priv.h"

#define OWN_ADDRESS 1000u
#define PEER_ADDRESS 1001u
#define STEPS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
give(void *arg, void *chunk, size_t size)
{
    (void)arg;
    (void)size;
    free(chunk);
}

/* The last frame we sent: a peer can read our session from it. */
struct ear {
    struct frame last;
};

static void
transmit(void *arg, enum plane plane, uint64_t to, enum lane lane,
         const void *bytes, size_t size)
{
    struct ear *ear = arg;

    (void)plane;
    (void)to;
    (void)lane;
    CHECK(bus_frame_decode(bytes, size, &ear->last) == 0);
}

static int
deliver(void *arg, const struct bus_message *message)
{
    uint8_t sum = 0;

    (void)arg;
    CHECK(message->size <= bus_body_max_bytes(message->lane));
    for (size_t i = 0; i < message->size; i++)
        sum ^= message->body[i];
    return sum % 16 == 15 ? ERR_FULL : 0;
}

static void
session(void *arg, uint64_t peer, uint64_t incarnation, bool up)
{
    (void)arg;
    (void)incarnation;
    (void)up;
    CHECK(peer == PEER_ADDRESS);
}

static uint64_t
wall_ns(void *arg)
{
    (void)arg;
    return NS_PER_S;
}

/* Gives the frame what it needs to be looked at. */
static size_t
repair(uint8_t *bytes, size_t size, uint16_t to_tag)
{
    struct frame frame = {
        .lane = (enum lane)(bytes[0] & 3u),
        .flags = bytes[0] >> 2 & 15u,
        .credit = bytes[1],
        .session = bytes[2] & 3u,
        .to_tag = bytes[2] & 4 ? 0 : to_tag,
        .incarnation = bytes[2] >> 6,
        .from = PEER_ADDRESS,
        .to = OWN_ADDRESS,
        .sequence = bytes[3],
        .ack = bytes[4],
        .payload = bytes + 5,
        .size = size - 5,
    };
    uint8_t whole[PLAT_DATAGRAM_MAX];

    if (frame.size > FRAME_PAYLOAD_MAX)
        frame.size = FRAME_PAYLOAD_MAX;
    size = bus_frame_encode(&frame, whole);
    memcpy(bytes, whole, size);
    return size;
}

static void
step(struct bus *bus, const struct ear *ear, struct wire_reader *reader,
     uint64_t *now_ns)
{
    uint8_t kind = wire_read_u8(reader);
    size_t size = wire_read_u16(reader) % (PLAT_DATAGRAM_MAX + 1);
    uint8_t bytes[PLAT_DATAGRAM_MAX];
    struct bus_message message = {.peer = PEER_ADDRESS,
                                  .lane = (enum lane)(kind >> 2 & 3),
                                  .size = size};

    if (size > wire_reader_left(reader))
        size = wire_reader_left(reader);
    wire_read_copy(reader, bytes, size);
    *now_ns += (uint64_t)(kind >> 4) * NS_PER_MS;
    message.body = bytes;
    message.size = size < BUS_LIVENESS_MAX ? size : BUS_LIVENESS_MAX;
    if ((kind & 3) == 0) {
        (void)bus_send(bus, *now_ns, &message);
        return;
    }
    if ((kind & 3) == 1 && size > 5)
        size = repair(bytes, size,
                      bus_peer_tag(ear->last.incarnation, ear->last.session));
    bus_datagram(bus, *now_ns, (enum plane)(kind >> 7), PEER_ADDRESS, bytes,
                 size);
    if (bus_deadline_ns(bus) <= *now_ns)
        bus_tick(bus, *now_ns);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bus_ops ops = {transmit, deliver, session, wall_ns};
    struct mem_source source = {take, give, NULL};
    struct mem *mem = mem_create(&source, 8 * MIB);
    struct wire_reader reader;
    struct ear ear = {0};
    uint64_t now_ns = NS_PER_S;
    struct bus *bus;

    CHECK(mem != NULL);
    CHECK(bus_create(mem, &ops, &ear, OWN_ADDRESS, 1, &bus) == 0);
    wire_reader_init(&reader, data, size);
    for (int i = 0; i < STEPS_MAX && wire_reader_left(&reader) > 0; i++)
        step(bus, &ear, &reader, &now_ns);
    bus_destroy(bus);
    CHECK(mem_used_bytes(mem) == 0);
    mem_destroy(mem);
    return 0;
}
