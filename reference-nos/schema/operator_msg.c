/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/operator_msg.h"

#include "reference-nos/schema/codec_priv.h"

void
operator_req_write(struct wire_writer *writer, const struct operator_req *req)
{
    wire_write_u8(writer, (uint8_t)req->verb);
    wire_write_u64(writer, req->client);
    wire_write_u64(writer, req->sequence);
    wire_write_u64(writer, req->value);
    wire_write_u16(writer, req->module);
    wire_write_string(writer, req->serial);
}

int
operator_req_read(struct wire_reader *reader, struct operator_req *req)
{
    struct operator_req read = {.client = 0};
    int error;

    read.verb = (enum operator_verb)codec_read_between(reader, OPERATOR_WRITE,
                                                       OPERATOR_SHOW_MODULES);
    read.client = wire_read_u64(reader);
    read.sequence = wire_read_u64(reader);
    read.value = wire_read_u64(reader);
    read.module = wire_read_u16(reader);
    wire_read_string(reader, read.serial, sizeof(read.serial));
    error = wire_reader_finish(reader);
    if (error == 0)
        *req = read;
    return error;
}

void
operator_rep_write(struct wire_writer *writer, const struct operator_rep *rep)
{
    wire_write_u8(writer, (uint8_t)rep->status);
    wire_write_u8(writer, (uint8_t)rep->verb);
    wire_write_u64(writer, rep->leader);
    wire_write_u64(writer, rep->value);
    wire_write_u64(writer, rep->term);
}

/* Rows may follow, so the end of the input is not asked for here.  A request
 * that could not be read is answered with verb 0. */
int
operator_rep_read(struct wire_reader *reader, struct operator_rep *rep)
{
    struct operator_rep read;

    read.status = codec_read_enum(reader, ERR_COUNT);
    read.verb = (enum operator_verb)codec_read_between(reader, 0,
                                                       OPERATOR_SHOW_MODULES);
    read.leader = wire_read_u64(reader);
    read.value = wire_read_u64(reader);
    read.term = wire_read_u64(reader);
    if (!wire_reader_ok(reader))
        return reader->error;
    *rep = read;
    return 0;
}

void
operator_module_write(struct wire_writer *writer,
                      const struct operator_module *module)
{
    wire_write_u16(writer, module->module);
    wire_write_u64(writer, module->key);
    wire_write_string(writer, module->serial);
    wire_write_bool(writer, module->up);
    wire_write_bool(writer, module->forwarding);
    wire_write_bool(writer, module->drained);
    wire_write_bool(writer, module->removed);
}

int
operator_module_read(struct wire_reader *reader,
                     struct operator_module *module)
{
    struct operator_module read = {.module = 0};

    if (wire_reader_ok(reader) && wire_reader_left(reader) == 0)
        return ERR_NOENT;
    read.module = wire_read_u16(reader);
    read.key = wire_read_u64(reader);
    wire_read_string(reader, read.serial, sizeof(read.serial));
    read.up = wire_read_bool(reader);
    read.forwarding = wire_read_bool(reader);
    read.drained = wire_read_bool(reader);
    read.removed = wire_read_bool(reader);
    if (!wire_reader_ok(reader))
        return reader->error;
    *module = read;
    return 0;
}
