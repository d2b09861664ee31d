/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/hostile/tap.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference-nos/base/digest.h"
#include "reference-nos/base/wire.h"
#include "tests/hostile/lab.h"

#define ETHERTYPE_IPV6 0x86dd
#define PROTOCOL_UDP 17
#define HOP_LIMIT 255
#define HEADERS 62u /* Ethernet, IPv6, UDP */
#define FRAME_MAX (HEADERS + TAP_PAYLOAD_MAX)
#define KEY_AT 12u /* in a beacon */

uint64_t
tap_draw(struct tap *tap)
{
    tap->draws++;
    return hash64(0x686f7374u, &tap->draws, sizeof(tap->draws));
}

struct tap_host
tap_nobody(unsigned number)
{
    struct tap_host host = {.mac = {2, 0x66}, .port = TAP_PORT};

    host.ip[0] = 0xfe;
    host.ip[1] = 0x80;
    host.ip[8] = 0x66;
    for (unsigned i = 0; i < 4; i++) {
        host.mac[2 + i] = (uint8_t)(number >> (24 - 8 * i));
        host.ip[12 + i] = host.mac[2 + i];
    }
    return host;
}

bool
tap_open(struct tap *tap, const char *interface, uint64_t seed)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(0x0003)};

    memset(tap, 0, sizeof(*tap));
    tap->draws = seed << 32;
    tap->index = (int)if_nametoindex(interface);
    address.sll_ifindex = tap->index;
    tap->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(0x0003));
    return tap->fd >= 0 && tap->index > 0 &&
           bind(tap->fd, (const struct sockaddr *)&address, sizeof(address)) ==
               0;
}

void
tap_close(struct tap *tap)
{
    (void)close(tap->fd);
}

/* ---- hearing ---- */

static unsigned
place_of(const struct tap *tap, uint64_t key)
{
    unsigned place = 0;

    while (place < tap->victim_count && tap->victims[place].key != key)
        place++;
    return place;
}

const struct tap_victim *
tap_find(const struct tap *tap, uint64_t key)
{
    unsigned place = place_of(tap, key);

    return place < tap->victim_count ? &tap->victims[place] : NULL;
}

static void
note_victim(struct tap *tap, const struct tap_captured *captured)
{
    struct wire_reader reader;
    uint64_t key;
    unsigned place;

    if (captured->size < KEY_AT + 8 || captured->bytes[0] != TAP_BEACON_BYTE ||
        captured->size > 64)
        return;
    memcpy(tap->beacon, captured->bytes, captured->size);
    tap->beacon_size = captured->size;
    wire_reader_init(&reader, captured->bytes + KEY_AT, 8);
    key = wire_read_u64(&reader);
    place = place_of(tap, key);
    if (place == TAP_VICTIMS_MAX)
        return;
    if (place == tap->victim_count)
        tap->victim_count++;
    tap->victims[place].host = captured->from;
    tap->victims[place].key = key;
}

static void
note(struct tap *tap, const uint8_t *frame, size_t size)
{
    struct tap_captured *captured =
        &tap->captured[tap->captured_count % TAP_CAPTURED_MAX];
    bool to_port, from_port;

    if (size <= HEADERS || size > FRAME_MAX || frame[12] != 0x86 ||
        frame[13] != 0xdd || frame[20] != PROTOCOL_UDP)
        return;
    from_port = frame[54] == TAP_PORT >> 8 && frame[55] == (TAP_PORT & 255);
    to_port = frame[56] == TAP_PORT >> 8 && frame[57] == (TAP_PORT & 255);
    if (!from_port || !to_port)
        return;
    memcpy(captured->to.mac, frame, 6);
    memcpy(captured->from.mac, frame + 6, 6);
    memcpy(captured->from.ip, frame + 22, 16);
    memcpy(captured->to.ip, frame + 38, 16);
    captured->from.port = captured->to.port = TAP_PORT;
    captured->size = size - HEADERS;
    memcpy(captured->bytes, frame + HEADERS, captured->size);
    tap->captured_count++;
    note_victim(tap, captured);
}

bool
tap_listen(struct tap *tap, bool (*heard)(void *arg), void *arg,
           unsigned limit_ms)
{
    uint64_t end_ns = lab_now_ns() + (uint64_t)limit_ms * 1000000u;
    uint8_t frame[2048];

    while (!heard(arg)) {
        struct pollfd item = {.fd = tap->fd, .events = POLLIN};
        uint64_t now_ns = lab_now_ns();
        struct sockaddr_ll from = {0};
        socklen_t from_size = sizeof(from);
        ssize_t size;

        if (now_ns >= end_ns ||
            poll(&item, 1, (int)((end_ns - now_ns) / 1000000u) + 1) < 0)
            return false;
        size = recvfrom(tap->fd, frame, sizeof(frame), MSG_DONTWAIT,
                        (struct sockaddr *)&from, &from_size);
        if (size > 0 && from.sll_pkttype != PACKET_OUTGOING)
            note(tap, frame, (size_t)size);
    }
    return true;
}

/* ---- speaking ---- */

static uint32_t
sum(uint32_t so_far, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2)
        so_far += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    if (size & 1)
        so_far += (uint32_t)(bytes[size - 1] << 8);
    return so_far;
}

/* RFC 8200 section 8.1. */
static uint16_t
udp_checksum(const uint8_t *frame, size_t udp_size)
{
    uint32_t value = sum(0, frame + 22, 32);

    value += (uint32_t)udp_size + PROTOCOL_UDP;
    value = sum(value, frame + 54, udp_size);
    while (value >> 16 != 0)
        value = (value & 0xffff) + (value >> 16);
    value = ~value & 0xffff;
    return value == 0 ? 0xffff : (uint16_t)value;
}

static void
put_frame(struct tap *tap, const uint8_t *frame, size_t size)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = tap->index, .sll_halen = 6};

    memcpy(to.sll_addr, frame, 6);
    tap->sent += sendto(tap->fd, frame, size, MSG_DONTWAIT,
                        (const struct sockaddr *)&to, sizeof(to)) > 0;
}

void
tap_send(struct tap *tap, const struct tap_host *from,
         const struct tap_host *to, const void *bytes, size_t size)
{
    uint8_t frame[FRAME_MAX];
    struct wire_writer writer;
    uint16_t checksum;

    if (size > TAP_PAYLOAD_MAX)
        size = TAP_PAYLOAD_MAX;
    wire_writer_init(&writer, frame, sizeof(frame));
    wire_write_bytes(&writer, to->mac, 6);
    wire_write_bytes(&writer, from->mac, 6);
    wire_write_u16(&writer, ETHERTYPE_IPV6);
    wire_write_u32(&writer, 0x60000000u);
    wire_write_u16(&writer, (uint16_t)(size + 8));
    wire_write_u8(&writer, PROTOCOL_UDP);
    wire_write_u8(&writer, HOP_LIMIT);
    wire_write_bytes(&writer, from->ip, 16);
    wire_write_bytes(&writer, to->ip, 16);
    wire_write_u16(&writer, from->port);
    wire_write_u16(&writer, to->port);
    wire_write_u16(&writer, (uint16_t)(size + 8));
    wire_write_u16(&writer, 0);
    wire_write_bytes(&writer, bytes, size);
    checksum = udp_checksum(frame, size + 8);
    frame[60] = (uint8_t)(checksum >> 8);
    frame[61] = (uint8_t)checksum;
    put_frame(tap, frame, HEADERS + size);
}

void
tap_send_frame(struct tap *tap, uint16_t ethertype, const void *bytes,
               size_t size)
{
    uint8_t frame[FRAME_MAX] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};

    if (size > FRAME_MAX - 14)
        size = FRAME_MAX - 14;
    frame[12] = (uint8_t)(ethertype >> 8);
    frame[13] = (uint8_t)ethertype;
    memcpy(frame + 14, bytes, size);
    put_frame(tap, frame, 14 + size);
}
