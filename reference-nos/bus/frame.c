/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/bus/frame.h"

#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/wire.h"

#define LANE_MASK 3u
#define FLAGS_SHIFT 2
#define FLAGS_KNOWN                                                           \
    ((unsigned)(FRAME_FIRST | FRAME_LAST | FRAME_ACK | FRAME_RESET))
#define CHECKSUM_OFFSET 60
#define CHECKSUM_SEED UINT32_C(0x62757331)

static uint32_t
checksum_of(const uint8_t *bytes, size_t payload_size)
{
    uint32_t header = checksum32(CHECKSUM_SEED, bytes, CHECKSUM_OFFSET);

    return checksum32(header, bytes + FRAME_HEADER_BYTES, payload_size);
}

static void
write_u40(struct wire_writer *writer, uint64_t value)
{
    wire_write_u8(writer, (uint8_t)(value >> 32));
    wire_write_u32(writer, (uint32_t)value);
}

static uint64_t
read_u40(struct wire_reader *reader)
{
    uint64_t high = wire_read_u8(reader);

    return high << 32 | wire_read_u32(reader);
}

size_t
bus_frame_encode(const struct frame *frame, uint8_t *bytes)
{
    struct wire_writer writer;
    uint8_t *payload = bytes + FRAME_HEADER_BYTES;

    CHECK(frame->size <= FRAME_PAYLOAD_MAX);
    if (frame->size > 0 && frame->payload != payload)
        memcpy(payload, frame->payload, frame->size);
    wire_writer_init(&writer, bytes, FRAME_HEADER_BYTES);
    wire_write_u8(&writer, FRAME_MAGIC);
    wire_write_u8(&writer, FRAME_VERSION);
    wire_write_u8(&writer, (uint8_t)((unsigned)frame->lane |
                                     frame->flags << FLAGS_SHIFT));
    wire_write_u8(&writer, frame->credit);
    wire_write_u8(&writer, frame->from_service);
    wire_write_u8(&writer, frame->to_service);
    wire_write_u16(&writer, frame->type);
    wire_write_u16(&writer, (uint16_t)frame->size);
    wire_write_u16(&writer, frame->session);
    wire_write_u16(&writer, frame->to_tag);
    write_u40(&writer, frame->incarnation);
    write_u40(&writer, frame->epoch);
    wire_write_u64(&writer, frame->from);
    wire_write_u64(&writer, frame->to);
    wire_write_u64(&writer, frame->hlc);
    wire_write_u32(&writer, frame->sequence);
    wire_write_u32(&writer, frame->ack);
    wire_write_u32(&writer, frame->trace_id);
    wire_write_u32(&writer, checksum_of(bytes, frame->size));
    CHECK(wire_writer_finish(&writer) == 0);
    return FRAME_HEADER_BYTES + frame->size;
}

static void
read_header(struct wire_reader *reader, struct frame *frame)
{
    uint8_t lane_and_flags = wire_read_u8(reader);

    frame->lane = (enum lane)(lane_and_flags & LANE_MASK);
    frame->flags = lane_and_flags >> FLAGS_SHIFT;
    frame->credit = wire_read_u8(reader);
    frame->from_service = wire_read_u8(reader);
    frame->to_service = wire_read_u8(reader);
    frame->type = wire_read_u16(reader);
    frame->size = wire_read_u16(reader);
    frame->session = wire_read_u16(reader);
    frame->to_tag = wire_read_u16(reader);
    frame->incarnation = read_u40(reader);
    frame->epoch = read_u40(reader);
    frame->from = wire_read_u64(reader);
    frame->to = wire_read_u64(reader);
    frame->hlc = wire_read_u64(reader);
    frame->sequence = wire_read_u32(reader);
    frame->ack = wire_read_u32(reader);
    frame->trace_id = wire_read_u32(reader);
}

/* A frame acknowledges, resets, or carries a part of a message. */
static int
check_flags(const struct frame *frame)
{
    unsigned parts = frame->flags & (FRAME_FIRST | FRAME_LAST);

    if ((frame->flags & ~FLAGS_KNOWN) != 0)
        return ERR_MALFORMED;
    if (frame->lane == LANE_LIVENESS)
        return frame->flags == (FRAME_FIRST | FRAME_LAST) ? 0 : ERR_MALFORMED;
    if ((frame->flags & FRAME_ACK) != 0)
        return frame->flags == FRAME_ACK && frame->size == 8 ? 0
                                                             : ERR_MALFORMED;
    if ((frame->flags & FRAME_RESET) != 0)
        return frame->flags == FRAME_RESET && frame->size == 0 ? 0
                                                               : ERR_MALFORMED;
    if (parts != (FRAME_FIRST | FRAME_LAST) && frame->size == 0)
        return ERR_MALFORMED;
    return 0;
}

int
bus_frame_decode(const void *bytes, size_t size, struct frame *frame)
{
    struct wire_reader reader;
    uint8_t magic;
    uint8_t version;

    if (size < FRAME_HEADER_BYTES)
        return ERR_TRUNCATED;
    wire_reader_init(&reader, bytes, size);
    magic = wire_read_u8(&reader);
    version = wire_read_u8(&reader);
    if (magic != FRAME_MAGIC || size > PLAT_DATAGRAM_MAX)
        return ERR_MALFORMED;
    if (version != FRAME_VERSION)
        return ERR_VERSION;
    read_header(&reader, frame);
    if (frame->size != size - FRAME_HEADER_BYTES)
        return ERR_MALFORMED;
    if (wire_read_u32(&reader) != checksum_of(bytes, frame->size))
        return ERR_CORRUPT;
    frame->payload = wire_read_bytes(&reader, frame->size);
    return check_flags(frame);
}
