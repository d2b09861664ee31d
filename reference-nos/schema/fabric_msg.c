/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/fabric_msg.h"

#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"

/* Magic, version and type in one word, then a checksum over the rest. */
#define FABRIC_MAGIC 0x5366u
#define FABRIC_VERSION 1u
#define FABRIC_HEAD_BYTES 8u
#define FABRIC_BITMAP_BYTES (FWD_MODULES_MAX / 8)

static void
life_write(struct wire_writer *writer, const struct fabric_life *life)
{
    wire_write_u64(writer, life->incarnation);
    wire_write_u32(writer, life->life);
}

static void
life_read(struct wire_reader *reader, struct fabric_life *life)
{
    life->incarnation = wire_read_u64(reader);
    life->life = wire_read_u32(reader);
}

static void
ident_write(struct wire_writer *writer, const struct fabric_ident *ident)
{
    wire_write_u64(writer, ident->sequence);
    wire_write_u8(writer, (uint8_t)ident->role);
    wire_write_u16(writer, ident->port);
    wire_write_u16(writer, ident->module);
    wire_write_bool(writer, ident->confirmed);
}

static void
ident_read(struct wire_reader *reader, struct fabric_ident *ident)
{
    uint8_t role;

    ident->sequence = wire_read_u64(reader);
    role = wire_read_u8(reader);
    if (role >= ROLE_COUNT)
        wire_reader_fail(reader, ERR_MALFORMED);
    else
        ident->role = (enum role)role;
    ident->port = wire_read_u16(reader);
    ident->module = wire_read_u16(reader);
    ident->confirmed = wire_read_bool(reader);
}

/* A bitmap of the modules reached, then one count for each bit. */
static void
announce_write(struct wire_writer *writer,
               const struct fabric_announce *announce)
{
    uint8_t bitmap[FABRIC_BITMAP_BYTES] = {0};
    unsigned module;

    wire_write_u64(writer, announce->sequence);
    wire_write_u64(writer, announce->term);
    wire_write_u16(writer, announce->module);
    wire_write_bool(writer, announce->forwarding);
    for (module = 0; module < FWD_MODULES_MAX; module++)
        if (announce->links[module] != 0)
            bitmap[module / 8] |= (uint8_t)(1u << (module % 8));
    wire_write_bytes(writer, bitmap, sizeof(bitmap));
    for (module = 0; module < FWD_MODULES_MAX; module++)
        if (announce->links[module] != 0)
            wire_write_u8(writer, announce->links[module]);
}

static void
announce_read(struct wire_reader *reader, struct fabric_announce *announce)
{
    uint8_t bitmap[FABRIC_BITMAP_BYTES];
    unsigned module;

    announce->sequence = wire_read_u64(reader);
    announce->term = wire_read_u64(reader);
    announce->module = wire_read_u16(reader);
    announce->forwarding = wire_read_bool(reader);
    wire_read_copy(reader, bitmap, sizeof(bitmap));
    for (module = 0; module < FWD_MODULES_MAX; module++) {
        if ((bitmap[module / 8] >> (module % 8) & 1) == 0)
            continue;
        announce->links[module] = wire_read_u8(reader);
        if (announce->links[module] == 0)
            wire_reader_fail(reader, ERR_MALFORMED);
    }
}

static void
body_write(struct wire_writer *writer, const struct fabric_packet *packet)
{
    switch (packet->type) {
    case FABRIC_IDENT: ident_write(writer, &packet->u.ident); break;
    case FABRIC_ANNOUNCE: announce_write(writer, &packet->u.announce); break;
    case FABRIC_ACK: wire_write_u64(writer, packet->u.acknowledged); break;
    }
}

static void
body_read(struct wire_reader *reader, struct fabric_packet *packet)
{
    switch (packet->type) {
    case FABRIC_IDENT: ident_read(reader, &packet->u.ident); break;
    case FABRIC_ANNOUNCE: announce_read(reader, &packet->u.announce); break;
    case FABRIC_ACK: packet->u.acknowledged = wire_read_u64(reader); break;
    }
}

size_t
fabric_packet_encode(const struct fabric_packet *packet,
                     uint8_t bytes[PLAT_PACKET_MAX])
{
    struct wire_writer writer;
    size_t size;

    wire_writer_init(&writer, bytes, PLAT_PACKET_MAX);
    wire_write_u16(&writer, FABRIC_MAGIC);
    wire_write_u8(&writer, FABRIC_VERSION);
    wire_write_u8(&writer, (uint8_t)packet->type);
    wire_write_u32(&writer, 0);
    wire_write_u64(&writer, packet->cluster_id);
    wire_write_u64(&writer, packet->key);
    life_write(&writer, &packet->from);
    wire_write_u64(&writer, packet->to_key);
    life_write(&writer, &packet->to);
    body_write(&writer, packet);
    CHECK(wire_writer_finish(&writer) == 0);
    size = wire_writer_size(&writer);
    wire_write_u32_at(&writer, 4,
                      checksum32((uint32_t)packet->type,
                                 bytes + FABRIC_HEAD_BYTES,
                                 size - FABRIC_HEAD_BYTES));
    return size;
}

static int
head_read(struct wire_reader *reader, struct fabric_packet *packet)
{
    uint16_t magic = wire_read_u16(reader);
    uint8_t version = wire_read_u8(reader);
    uint8_t type = wire_read_u8(reader);
    uint32_t checksum = wire_read_u32(reader);

    if (!wire_reader_ok(reader))
        return reader->error;
    if (magic != FABRIC_MAGIC)
        return ERR_MALFORMED;
    if (version != FABRIC_VERSION)
        return ERR_VERSION;
    if (type < FABRIC_IDENT || type > FABRIC_ACK)
        return ERR_MALFORMED;
    if (checksum != checksum32(type, reader->at, wire_reader_left(reader)))
        return ERR_CORRUPT;
    packet->type = (enum fabric_packet_type)type;
    return 0;
}

int
fabric_packet_decode(const void *bytes, size_t size,
                     struct fabric_packet *packet)
{
    struct wire_reader reader;
    struct fabric_packet in;
    int error;

    memset(&in, 0, sizeof(in));
    wire_reader_init(&reader, bytes, size);
    error = head_read(&reader, &in);
    if (error != 0)
        return error;
    in.cluster_id = wire_read_u64(&reader);
    in.key = wire_read_u64(&reader);
    life_read(&reader, &in.from);
    in.to_key = wire_read_u64(&reader);
    life_read(&reader, &in.to);
    body_read(&reader, &in);
    error = wire_reader_finish(&reader);
    if (error == 0)
        *packet = in;
    return error;
}
