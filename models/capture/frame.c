/* SPDX-License-Identifier: Apache-2.0
 *
 * Ethernet II, IPv4 (RFC 791) or IPv6 (RFC 8200), UDP (RFC 768).
 */
#include "models/capture/capture.h"

#include <string.h>

#include "reference-nos/base/check.h"

#define FCS_BYTES 4u
#define ETHERNET_BYTES 14u
#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define UDP_BYTES 8u
#define STAMP_BYTES 16u
#define HEADERS_MAX (ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES)
#define PROTOCOL_UDP 17u
#define PROTOCOL_NONE 59u /* IPv6: no next header */

static void
put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void
put64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* Sum of 16-bit words (RFC 1071); an odd last byte is padded. */
static uint32_t
sum_words(const uint8_t *bytes, size_t count, uint32_t sum)
{
    for (size_t i = 0; i + 1 < count; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    if (count % 2 != 0)
        sum += (uint32_t)bytes[count - 1] << 8;
    return sum;
}

static uint16_t
fold(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Locally administered; the end of the address tells stations apart. */
static void
put_station(uint8_t at[6], const uint8_t *address, unsigned address_bytes)
{
    at[0] = 0x02;
    at[1] = 0x59;
    at[2] = 0x00;
    memcpy(at + 3, address + address_bytes - 3, 3);
}

static void
put_ethernet(const struct capture_packet *packet, uint8_t *at)
{
    unsigned address_bytes = packet->family == 4 ? 4 : 16;

    put_station(at, packet->destination, address_bytes);
    put_station(at + 6, packet->source, address_bytes);
    put16(at + 12, packet->family == 4 ? 0x0800 : 0x86dd);
}

static void
put_ipv4(const struct capture_packet *packet, uint8_t *at, uint32_t bytes)
{
    at[0] = 0x45;
    at[1] = (uint8_t)(packet->traffic_class << 5); /* class selector */
    put16(at + 2, bytes);
    put16(at + 4, (uint32_t)packet->number & 0xffff);
    put16(at + 6, 0x4000); /* don't fragment */
    at[8] = packet->ttl;
    at[9] = PROTOCOL_UDP;
    memcpy(at + 12, packet->source, 4);
    memcpy(at + 16, packet->destination, 4);
    put16(at + 10, fold(sum_words(at, IPV4_BYTES, 0)));
}

static void
put_ipv6(const struct capture_packet *packet, uint8_t *at, uint32_t bytes,
         uint8_t next_header)
{
    uint32_t traffic_class = (uint32_t)packet->traffic_class << 5;

    put16(at, 0x6000 | traffic_class << 4);
    put16(at + 4, bytes);
    at[6] = next_header;
    at[7] = packet->ttl;
    memcpy(at + 8, packet->source, 16);
    memcpy(at + 24, packet->destination, 16);
}

/* The payload is zero beyond the stamps, so 'bytes' need not be there. */
static void
put_udp(const struct capture_packet *packet, uint8_t *at, uint32_t bytes)
{
    unsigned address_bytes = packet->family == 4 ? 4 : 16;
    uint32_t payload = bytes - UDP_BYTES;
    uint8_t stamps[STAMP_BYTES];

    put64(stamps, packet->number);
    put64(stamps + 8, packet->due_ps);
    put16(at, packet->source_port);
    put16(at + 2, packet->destination_port);
    put16(at + 4, bytes);
    put16(at + 6, 0);
    memcpy(at + UDP_BYTES, stamps,
           payload < STAMP_BYTES ? payload : STAMP_BYTES);

    uint32_t sum = PROTOCOL_UDP + bytes;

    sum = sum_words(packet->source, address_bytes, sum);
    sum = sum_words(packet->destination, address_bytes, sum);
    sum = sum_words(
        at, UDP_BYTES + (payload < STAMP_BYTES ? payload : STAMP_BYTES), sum);
    uint16_t checksum = fold(sum);

    put16(at + 6, checksum != 0 ? checksum : 0xffff);
}

size_t
capture_frame(const struct capture_packet *packet, uint8_t *frame, size_t room)
{
    uint8_t whole[HEADERS_MAX + STAMP_BYTES] = {0};
    uint32_t length = packet->bytes - FCS_BYTES;
    uint32_t rest = length - ETHERNET_BYTES;
    size_t count = length < room ? length : room;

    CHECK(packet->family == 4 || packet->family == 6);
    CHECK(packet->bytes >= TRAFFIC_FRAME_MIN);
    put_ethernet(packet, whole);
    if (packet->family == 4) {
        put_ipv4(packet, whole + ETHERNET_BYTES, rest);
        put_udp(packet, whole + ETHERNET_BYTES + IPV4_BYTES,
                rest - IPV4_BYTES);
    } else {
        bool udp = rest >= IPV6_BYTES + UDP_BYTES;

        put_ipv6(packet, whole + ETHERNET_BYTES, rest - IPV6_BYTES,
                 udp ? PROTOCOL_UDP : PROTOCOL_NONE);
        if (udp)
            put_udp(packet, whole + ETHERNET_BYTES + IPV6_BYTES,
                    rest - IPV6_BYTES);
    }
    memset(frame, 0, count);
    memcpy(frame, whole, count < sizeof(whole) ? count : sizeof(whole));
    return count;
}
