/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/cluster_msg.h"

#include "reference-nos/schema/codec_priv.h"

#include <string.h>

void
beacon_write(struct wire_writer *writer, const struct beacon *in)
{
    wire_write_u64(writer, in->cluster_id);
    wire_write_u64(writer, in->term);
    wire_write_u64(writer, in->standby);
}

int
beacon_read(struct wire_reader *reader, struct beacon *out)
{
    struct beacon read;
    int error;

    read.cluster_id = wire_read_u64(reader);
    read.term = wire_read_u64(reader);
    read.standby = wire_read_u64(reader);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

static void
cable_write(struct wire_writer *writer, const struct cable_seen *cable)
{
    wire_write_u16(writer, cable->port);
    wire_write_u16(writer, cable->peer_port);
    wire_write_u64(writer, cable->peer_key);
}

static void
cable_read(struct wire_reader *reader, struct cable_seen *cable)
{
    cable->port = wire_read_u16(reader);
    cable->peer_port = wire_read_u16(reader);
    cable->peer_key = wire_read_u64(reader);
}

void
join_req_write(struct wire_writer *writer, const struct join_req *in)
{
    unsigned count =
        in->cable_count < CABLES_SEEN_MAX ? in->cable_count : CABLES_SEEN_MAX;

    wire_write_u64(writer, in->cluster_id);
    wire_write_u64(writer, in->key);
    wire_write_u64(writer, in->incarnation);
    wire_write_u8(writer, (uint8_t)in->role);
    wire_write_string(writer, in->serial);
    wire_write_u16(writer, in->front_ports);
    wire_write_u16(writer, in->fabric_ports);
    wire_write_u16(writer, in->number);
    wire_write_u8(writer, (uint8_t)count);
    for (unsigned i = 0; i < count; i++)
        cable_write(writer, &in->cables[i]);
}

/* 'out' is large: it is filled in place, and valid only on success. */
int
join_req_read(struct wire_reader *reader, struct join_req *out)
{
    memset(out, 0, sizeof(*out));
    out->cluster_id = wire_read_u64(reader);
    out->key = wire_read_u64(reader);
    out->incarnation = wire_read_u64(reader);
    out->role = (enum role)codec_read_enum(reader, ROLE_COUNT);
    wire_read_string(reader, out->serial, sizeof(out->serial));
    out->front_ports = wire_read_u16(reader);
    out->fabric_ports = wire_read_u16(reader);
    out->number = wire_read_u16(reader);
    out->cable_count = codec_read_between(reader, 0, CABLES_SEEN_MAX);
    for (unsigned i = 0; i < out->cable_count; i++)
        cable_read(reader, &out->cables[i]);
    /* Keys 0 and all ones address this box and every box. */
    if (wire_reader_ok(reader) &&
        (out->key == 0 || out->key == PLAT_ADDRESS_ALL))
        wire_reader_fail(reader, ERR_RANGE);
    return wire_reader_finish(reader);
}

void
join_challenge_write(struct wire_writer *writer,
                     const struct join_challenge *in)
{
    wire_write_u64(writer, in->nonce);
}

int
join_challenge_read(struct wire_reader *reader, struct join_challenge *out)
{
    uint64_t nonce = wire_read_u64(reader);
    int error = wire_reader_finish(reader);

    if (error == 0)
        out->nonce = nonce;
    return error;
}

void
join_proof_write(struct wire_writer *writer, const struct join_proof *in)
{
    wire_write_u64(writer, in->nonce);
    wire_write_u64(writer, in->proof);
}

int
join_proof_read(struct wire_reader *reader, struct join_proof *out)
{
    struct join_proof read;
    int error;

    read.nonce = wire_read_u64(reader);
    read.proof = wire_read_u64(reader);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
join_offer_write(struct wire_writer *writer, const struct join_offer *in)
{
    wire_write_u64(writer, in->term);
    wire_write_u64(writer, in->index);
    wire_write_u16(writer, in->number);
    wire_write_u8(writer, (uint8_t)in->how);
}

int
join_offer_read(struct wire_reader *reader, struct join_offer *out)
{
    struct join_offer read;
    int error;

    read.term = wire_read_u64(reader);
    read.index = wire_read_u64(reader);
    read.number = wire_read_u16(reader);
    read.how = (enum module_how)codec_read_enum(reader, MODULE_REMOVED);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
join_ack_write(struct wire_writer *writer, const struct join_ack *in)
{
    wire_write_u64(writer, in->term);
    wire_write_u16(writer, in->number);
}

int
join_ack_read(struct wire_reader *reader, struct join_ack *out)
{
    struct join_ack read;
    int error;

    read.term = wire_read_u64(reader);
    read.number = wire_read_u16(reader);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
join_reject_write(struct wire_writer *writer, const struct join_reject *in)
{
    wire_write_u8(writer, (uint8_t)in->reason);
    wire_write_u32(writer, in->retry_ms);
}

int
join_reject_read(struct wire_reader *reader, struct join_reject *out)
{
    struct join_reject read;
    int error;

    read.reason = codec_read_between(reader, 1, ERR_COUNT - 1);
    read.retry_ms = wire_read_u32(reader);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
hello_write(struct wire_writer *writer, const struct hello *in)
{
    wire_write_u64(writer, in->incarnation);
    wire_write_u16(writer, in->module);
    wire_write_bool(writer, in->forwarding);
    wire_write_u64(writer, in->conf_index);
}

int
hello_read(struct wire_reader *reader, struct hello *out)
{
    struct hello read;
    int error;

    read.incarnation = wire_read_u64(reader);
    read.module = wire_read_u16(reader);
    read.forwarding = wire_read_bool(reader);
    read.conf_index = wire_read_u64(reader);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
hello_ack_write(struct wire_writer *writer, const struct hello_ack *in)
{
    wire_write_u64(writer, in->term);
    wire_write_u32(writer, in->lease_ms);
    wire_write_bool(writer, in->known);
}

int
hello_ack_read(struct wire_reader *reader, struct hello_ack *out)
{
    struct hello_ack read;
    int error;

    read.term = wire_read_u64(reader);
    read.lease_ms = wire_read_u32(reader);
    read.known = wire_read_bool(reader);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
member_role_write(struct wire_writer *writer, const struct member_role *in)
{
    wire_write_u16(writer, in->module);
    wire_write_u16(writer, in->number);
    wire_write_u64(writer, in->term);
    wire_write_u64(writer, in->active);
    wire_write_bool(writer, in->drained);
}

int
member_role_read(struct wire_reader *reader, struct member_role *out)
{
    struct member_role read;
    int error;

    read.module = wire_read_u16(reader);
    read.number = wire_read_u16(reader);
    read.term = wire_read_u64(reader);
    read.active = wire_read_u64(reader);
    read.drained = wire_read_bool(reader);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}
