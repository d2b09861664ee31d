/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/fib_msg.h"

#include "reference-nos/schema/codec_priv.h"

void
fib_sum_write(struct wire_writer *writer, const struct fib_sum *sum)
{
    wire_write_u64(writer, sum->routes);
    wire_write_u64(writer, sum->groups);
    wire_write_u64(writer, sum->hash);
}

void
fib_sum_read(struct wire_reader *reader, struct fib_sum *sum)
{
    sum->routes = wire_read_u64(reader);
    sum->groups = wire_read_u64(reader);
    sum->hash = wire_read_u64(reader);
}

void
fib_offer_write(struct wire_writer *writer, const struct fib_offer *in)
{
    wire_write_u64(writer, in->term);
    wire_write_u64(writer, in->run);
    wire_write_u64(writer, in->upto);
    fib_sum_write(writer, &in->sum);
}

int
fib_offer_read(struct wire_reader *reader, struct fib_offer *out)
{
    struct fib_offer read;
    int error;

    read.term = wire_read_u64(reader);
    read.run = wire_read_u64(reader);
    read.upto = wire_read_u64(reader);
    fib_sum_read(reader, &read.sum);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
fib_resync_write(struct wire_writer *writer, const struct fib_resync *in)
{
    wire_write_u64(writer, in->term);
    wire_write_u64(writer, in->run);
}

int
fib_resync_read(struct wire_reader *reader, struct fib_resync *out)
{
    struct fib_resync read;
    int error;

    read.term = wire_read_u64(reader);
    read.run = wire_read_u64(reader);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
fib_ask_write(struct wire_writer *writer, const struct fib_ask *in)
{
    wire_write_u64(writer, in->id);
    wire_write_u8(writer, (uint8_t)in->question);
    wire_write_bool(writer, in->behind);
    if (in->behind)
        prefix_write(writer, &in->after);
}

int
fib_ask_read(struct wire_reader *reader, struct fib_ask *out)
{
    struct fib_ask read = {.behind = false};
    int error;

    read.id = wire_read_u64(reader);
    read.question =
        (enum fib_question)codec_read_enum(reader, FIB_QUESTION_COUNT);
    read.behind = wire_read_bool(reader);
    if (read.behind)
        prefix_read(reader, &read.after);
    error = wire_reader_finish(reader);
    if (error == 0)
        *out = read;
    return error;
}

void
fib_tell_write(struct wire_writer *writer, const struct fib_tell *in)
{
    wire_write_u64(writer, in->id);
    wire_write_u64(writer, in->term);
    fib_sum_write(writer, &in->fib);
    fib_sum_write(writer, &in->asic);
    wire_write_u64(writer, in->pending);
    wire_write_u64(writer, in->failed);
    wire_write_bool(writer, in->complete);
    wire_write_bool(writer, in->cut);
}

int
fib_tell_read(struct wire_reader *reader, struct fib_tell *out)
{
    struct fib_tell read;

    read.id = wire_read_u64(reader);
    read.term = wire_read_u64(reader);
    fib_sum_read(reader, &read.fib);
    fib_sum_read(reader, &read.asic);
    read.pending = wire_read_u64(reader);
    read.failed = wire_read_u64(reader);
    read.complete = wire_read_bool(reader);
    read.cut = wire_read_bool(reader);
    if (!wire_reader_ok(reader))
        return reader->error;
    *out = read;
    return 0;
}
