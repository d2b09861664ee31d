/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/stream.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"

#include <string.h>

#define PATIENCE_NS (500 * NS_PER_MS)
#define PATIENCE_DOUBLINGS 4u
#define TRIES_MAX 12u

/* --- Bytes -------------------------------------------------------------- */

void
stream_header_write(struct wire_writer *writer,
                    const struct stream_header *header)
{
    wire_write_u64(writer, header->term);
    wire_write_u64(writer, header->incarnation);
    wire_write_u32(writer, header->life);
    wire_write_u8(writer, (uint8_t)header->class);
    wire_write_u8(writer, (uint8_t)header->flags);
    wire_write_u64(writer, header->run);
    wire_write_u64(writer, header->from);
    wire_write_u64(writer, header->upto);
    wire_write_u64(writer, header->index);
}

static enum stream_class
read_class(struct wire_reader *reader)
{
    uint8_t class = wire_read_u8(reader);

    if (class >= STREAM_CLASS_COUNT)
        wire_reader_fail(reader, ERR_RANGE);
    return class < STREAM_CLASS_COUNT ? (enum stream_class) class
                                      : STREAM_URGENT;
}

int
stream_header_read(struct wire_reader *reader, struct stream_header *header)
{
    unsigned all = STREAM_SNAPSHOT | STREAM_FIRST | STREAM_LAST;

    header->term = wire_read_u64(reader);
    header->incarnation = wire_read_u64(reader);
    header->life = wire_read_u32(reader);
    header->class = read_class(reader);
    header->flags = wire_read_u8(reader);
    header->run = wire_read_u64(reader);
    header->from = wire_read_u64(reader);
    header->upto = wire_read_u64(reader);
    header->index = wire_read_u64(reader);
    if ((header->flags & ~all) != 0 || header->from > header->upto)
        wire_reader_fail(reader, ERR_RANGE);
    return reader->error;
}

void
stream_ack_write(struct wire_writer *writer, const struct stream_ack *ack)
{
    wire_write_u64(writer, ack->term);
    wire_write_u64(writer, ack->incarnation);
    wire_write_u32(writer, ack->life);
    wire_write_u8(writer, (uint8_t)ack->class);
    wire_write_u64(writer, ack->run);
    wire_write_u64(writer, ack->watermark);
    wire_write_u32(writer, ack->credit);
    wire_write_bool(writer, ack->complete);
}

int
stream_ack_read(struct wire_reader *reader, struct stream_ack *ack)
{
    ack->term = wire_read_u64(reader);
    ack->incarnation = wire_read_u64(reader);
    ack->life = wire_read_u32(reader);
    ack->class = read_class(reader);
    ack->run = wire_read_u64(reader);
    ack->watermark = wire_read_u64(reader);
    ack->credit = wire_read_u32(reader);
    ack->complete = wire_read_bool(reader);
    return wire_reader_finish(reader);
}

void
stream_ask_write(struct wire_writer *writer, const struct stream_ask *ask)
{
    wire_write_u64(writer, ask->term);
    wire_write_u64(writer, ask->watermark);
    wire_write_u64(writer, ask->run);
    wire_write_u64(writer, ask->tables);
}

int
stream_ask_read(struct wire_reader *reader, struct stream_ask *ask)
{
    ask->term = wire_read_u64(reader);
    ask->watermark = wire_read_u64(reader);
    ask->run = wire_read_u64(reader);
    ask->tables = wire_read_u64(reader);
    return wire_reader_finish(reader);
}

bool
stream_filter_shows(const struct stream_filter *filter, const struct row *row)
{
    return row->owner == filter->owner && row->table >= filter->first_table &&
           row->table - filter->first_table < 64 &&
           (filter->tables >> (row->table - filter->first_table) & 1) != 0;
}

/* --- Sender ------------------------------------------------------------- */

static void
out_reset(struct stream_out *out, uint64_t run, uint64_t at)
{
    memset(out, 0, sizeof(*out));
    out->active = true;
    out->run = run;
    out->sent = at;
    out->scan = at;
    out->acked = at;
    out->credit = STREAM_CREDIT_ROWS;
    out->deadline_ns = TIME_NEVER_NS;
}

void
stream_out_begin(struct stream_out *out, uint64_t run)
{
    out_reset(out, run, 0);
    out->snapshot = true;
}

void
stream_out_resume(struct stream_out *out, uint64_t run, uint64_t watermark)
{
    out_reset(out, run, watermark);
    out->answer_due = true;
}

bool
stream_out_lost(const struct stream_out *out, const struct rows *rows)
{
    if (out->snapshot && !out->first_sent)
        return false;
    return out->active &&
           rows_missed(rows, out->scan, out->snapshot ? out->began : 0);
}

static bool
may_send(const struct stream_out *out)
{
    return out->active && out->window_count < STREAM_WINDOW &&
           out->unacked_rows < out->credit &&
           !(out->snapshot && out->last_sent);
}

/* Adds rows from 'scan' on while they fit. */
static void
add_rows(struct stream_out *out, const struct rows *rows,
         const struct stream_filter *filter, struct wire_writer *writer)
{
    unsigned room = out->credit - out->unacked_rows;
    const struct row *row;

    if (room > STREAM_ROWS_MAX)
        room = STREAM_ROWS_MAX;
    out->built_rows = 0;
    out->built_scan = out->scan;
    for (row = rows_changed(rows, out->scan); row != NULL;
         row = rows_changed(rows, out->built_scan)) {
        if (stream_filter_shows(filter, row) &&
            !(out->snapshot && row->deleted && row->stamp <= out->began)) {
            struct store_row view = row_view(row);

            if (out->built_rows == room ||
                wire_writer_left(writer) < row_wire_bytes(row))
                return;
            store_row_add(writer, &view);
            out->built_rows++;
        }
        out->built_scan = row->stamp;
    }
    out->built_scan = rows->last > out->scan ? rows->last : out->scan;
}

static unsigned
built_flags(const struct stream_out *out, const struct rows *rows)
{
    unsigned flags = 0;

    if (!out->snapshot)
        return 0;
    flags = STREAM_SNAPSHOT;
    if (out->sent == 0)
        flags |= STREAM_FIRST;
    if (out->built_scan >= rows->last)
        flags |= STREAM_LAST;
    return flags;
}

bool
stream_out_build(struct stream_out *out, const struct rows *rows,
                 const struct stream_filter *filter,
                 const struct stream_header *proto, struct wire_writer *writer)
{
    struct wire_writer head;
    uint8_t *start = wire_write_space(writer, STREAM_HEADER_BYTES);

    if (start == NULL || !may_send(out))
        return false;
    CHECK(!stream_out_lost(out, rows));
    if (out->snapshot && !out->first_sent)
        out->began = rows->last;
    add_rows(out, rows, filter, writer);
    if (out->built_rows == 0 && !out->snapshot && !out->answer_due) {
        out->scan = out->built_scan;
        return false;
    }
    out->built = *proto;
    out->built.run = out->run;
    out->built.flags = built_flags(out, rows);
    out->built.from = out->sent;
    out->built.upto = out->built_scan;
    wire_writer_init(&head, start, STREAM_HEADER_BYTES);
    stream_header_write(&head, &out->built);
    CHECK(wire_writer_finish(&head) == 0 &&
          wire_writer_size(&head) == STREAM_HEADER_BYTES);
    return true;
}

static uint64_t
patience_ns(const struct stream_out *out)
{
    unsigned doublings =
        out->tries < PATIENCE_DOUBLINGS ? out->tries : PATIENCE_DOUBLINGS;

    return PATIENCE_NS << doublings;
}

void
stream_out_sent(struct stream_out *out, uint64_t now_ns)
{
    CHECK(out->window_count < STREAM_WINDOW);
    out->sent = out->built.upto;
    out->scan = out->built_scan;
    out->first_sent = true;
    out->last_sent = (out->built.flags & STREAM_LAST) != 0;
    out->answer_due = false;
    out->window[out->window_count].upto = out->built.upto;
    out->window[out->window_count].rows = out->built_rows;
    out->window_count++;
    out->unacked_rows += out->built_rows;
    if (out->deadline_ns == TIME_NEVER_NS)
        out->deadline_ns = now_ns + patience_ns(out);
}

/* Takes what lies at or below the watermark out of the window. */
static bool
window_pop(struct stream_out *out, uint64_t watermark)
{
    unsigned gone = 0;

    while (gone < out->window_count && out->window[gone].upto <= watermark)
        out->unacked_rows -= out->window[gone++].rows;
    out->window_count -= gone;
    memmove(out->window, out->window + gone,
            out->window_count * sizeof(out->window[0]));
    return gone > 0;
}

/* The receiver has all up to 'watermark', whatever is on its way. */
static void
jump(struct stream_out *out, uint64_t watermark)
{
    out->sent = watermark;
    out->scan = watermark;
    out->acked = watermark;
    out->window_count = 0;
    out->unacked_rows = 0;
    out->deadline_ns = TIME_NEVER_NS;
    out->tries = 0;
}

void
stream_out_acked(struct stream_out *out, const struct stream_ack *ack,
                 uint64_t now_ns)
{
    bool moved;

    if (!out->active || ack->run != out->run)
        return;
    out->credit = ack->credit == 0 ? 1 : ack->credit;
    if (out->snapshot && ack->complete) {
        /* It may have ended before the last change of mind here. */
        out->snapshot = false;
        out->last_sent = false;
        jump(out, ack->watermark);
        return;
    }
    if (ack->watermark > out->sent) {
        jump(out, ack->watermark);
        return;
    }
    moved = window_pop(out, ack->watermark) || ack->watermark > out->acked;
    if (ack->watermark > out->acked)
        out->acked = ack->watermark;
    if (!moved)
        return;
    out->tries = 0;
    out->deadline_ns =
        out->window_count == 0 ? TIME_NEVER_NS : now_ns + patience_ns(out);
}

void
stream_out_back(struct stream_out *out)
{
    out->sent = out->acked;
    out->scan = out->acked;
    out->last_sent = false;
    out->window_count = 0;
    out->unacked_rows = 0;
    out->answer_due = true;
    out->deadline_ns = TIME_NEVER_NS;
}

int
stream_out_timeout(struct stream_out *out)
{
    stream_out_back(out);
    if (++out->tries < TRIES_MAX)
        return 0;
    out->active = false;
    return ERR_TIMEOUT;
}

/* --- Receiver ----------------------------------------------------------- */

static void
in_begin(struct stream_in *in, uint64_t run, uint32_t generation)
{
    in->run = run;
    in->watermark = 0;
    in->generation = generation;
    in->snapshot = true;
    in->complete = false;
}

enum stream_verdict
stream_in_judge(struct stream_in *in, const struct stream_header *header,
                uint32_t generation)
{
    bool snapshot = (header->flags & STREAM_SNAPSHOT) != 0;

    if (header->run < in->run)
        return STREAM_OLD;
    if (header->run > in->run) {
        if ((header->flags & STREAM_FIRST) == 0)
            return STREAM_GAP;
        in_begin(in, header->run, generation);
    }
    if (!in->snapshot && !in->complete)
        return STREAM_GAP;
    if (snapshot != in->snapshot)
        return snapshot ? STREAM_OLD : STREAM_EARLY;
    if (header->from > in->watermark)
        return STREAM_EARLY;
    /* An empty last message moves nothing but ends the snapshot. */
    if (header->upto < in->watermark ||
        (!snapshot && header->upto == in->watermark))
        return STREAM_OLD;
    return STREAM_TAKE;
}

bool
stream_in_taken(struct stream_in *in, const struct stream_header *header)
{
    in->watermark = header->upto;
    if (!in->snapshot || (header->flags & STREAM_LAST) == 0)
        return false;
    in->snapshot = false;
    in->complete = true;
    return true;
}
