/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/store_msg.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

/* A row: table, deleted, owner, version, key, value. */
static void
row_write(struct wire_writer *writer, const struct store_row *row)
{
    CHECK(row->key_size <= ROW_KEY_MAX && row->value_size <= ROW_VALUE_MAX);
    wire_write_u8(writer, (uint8_t)row->table);
    wire_write_bool(writer, row->deleted);
    wire_write_u64(writer, row->owner);
    wire_write_u64(writer, row->version);
    wire_write_u8(writer, (uint8_t)row->key_size);
    wire_write_bytes(writer, row->key, row->key_size);
    wire_write_u16(writer, (uint16_t)row->value_size);
    wire_write_bytes(writer, row->value, row->value_size);
}

static void
row_read(struct wire_reader *reader, struct store_row *row)
{
    uint8_t table = wire_read_u8(reader);

    row->table = (enum table)table;
    row->deleted = wire_read_bool(reader);
    row->owner = wire_read_u64(reader);
    row->version = wire_read_u64(reader);
    row->key_size = wire_read_u8(reader);
    if (table == 0 || table >= TABLE_END || row->key_size > ROW_KEY_MAX)
        wire_reader_fail(reader, ERR_RANGE);
    row->key = wire_read_bytes(reader, row->key_size);
    row->value_size = wire_read_u16(reader);
    if (row->value_size > ROW_VALUE_MAX)
        wire_reader_fail(reader, ERR_RANGE);
    row->value = wire_read_bytes(reader, row->value_size);
    if (row->deleted && row->value_size != 0)
        wire_reader_fail(reader, ERR_MALFORMED);
}

void
store_txn_begin(struct wire_writer *writer, const struct store_txn *txn)
{
    wire_write_u64(writer, txn->client);
    wire_write_u64(writer, txn->sequence);
    wire_write_u64(writer, txn->term);
}

void
store_txn_add(struct wire_writer *writer, enum store_op_kind kind,
              enum table table, const struct key_bytes *key,
              const struct row_bytes *value, uint64_t version)
{
    struct store_row row = {
        .table = table,
        .deleted = kind != STORE_OP_PUT,
        .version = version,
        .key = key->bytes,
        .key_size = key->size,
    };

    if (kind == STORE_OP_PUT && value != NULL) {
        row.value = value->bytes;
        row.value_size = value->size;
    }
    wire_write_u8(writer, (uint8_t)kind);
    row_write(writer, &row);
}

int
store_txn_read(struct wire_reader *reader, struct store_txn *txn)
{
    txn->client = wire_read_u64(reader);
    txn->sequence = wire_read_u64(reader);
    txn->term = wire_read_u64(reader);
    return reader->error;
}

int
store_op_read(struct wire_reader *reader, struct store_op *op)
{
    uint8_t kind;

    if (reader->error == 0 && wire_reader_left(reader) == 0)
        return ERR_NOENT;
    kind = wire_read_u8(reader);
    if (kind > STORE_OP_EXPECT)
        wire_reader_fail(reader, ERR_RANGE);
    op->kind = (enum store_op_kind)kind;
    row_read(reader, &op->row);
    if (wire_reader_ok(reader) &&
        op->row.deleted != (op->kind != STORE_OP_PUT))
        wire_reader_fail(reader, ERR_MALFORMED);
    return reader->error;
}

void
store_txn_done_write(struct wire_writer *writer,
                     const struct store_txn_done *done)
{
    wire_write_u64(writer, done->client);
    wire_write_u64(writer, done->sequence);
    wire_write_u16(writer, (uint16_t)done->status);
    wire_write_u64(writer, done->index);
    wire_write_u64(writer, done->term);
    wire_write_u64(writer, done->leader);
}

/* A status on the wire is an enum err. */
static int
status_read(struct wire_reader *reader)
{
    uint16_t status = wire_read_u16(reader);

    if (status >= ERR_COUNT)
        wire_reader_fail(reader, ERR_RANGE);
    return status;
}

int
store_txn_done_read(struct wire_reader *reader, struct store_txn_done *done)
{
    done->client = wire_read_u64(reader);
    done->sequence = wire_read_u64(reader);
    done->status = status_read(reader);
    done->index = wire_read_u64(reader);
    done->term = wire_read_u64(reader);
    done->leader = wire_read_u64(reader);
    return wire_reader_finish(reader);
}

void
store_read_write(struct wire_writer *writer, const struct store_read *read)
{
    wire_write_u64(writer, read->sequence);
    wire_write_u8(writer, (uint8_t)read->table);
    wire_write_u8(writer, read->key.size);
    wire_write_bytes(writer, read->key.bytes, read->key.size);
}

int
store_read_read(struct wire_reader *reader, struct store_read *read)
{
    uint8_t table;

    read->sequence = wire_read_u64(reader);
    table = wire_read_u8(reader);
    read->table = (enum table)table;
    read->key.size = wire_read_u8(reader);
    if (table == 0 || table >= TABLE_CONF_END ||
        read->key.size > ROW_KEY_MAX) {
        wire_reader_fail(reader, ERR_RANGE);
        return reader->error;
    }
    wire_read_copy(reader, read->key.bytes, read->key.size);
    return wire_reader_finish(reader);
}

void
store_read_done_write(struct wire_writer *writer,
                      const struct store_read_done *done)
{
    CHECK(done->value_size <= ROW_VALUE_MAX);
    wire_write_u64(writer, done->sequence);
    wire_write_u16(writer, (uint16_t)done->status);
    wire_write_u64(writer, done->version);
    wire_write_u64(writer, done->leader);
    wire_write_u16(writer, (uint16_t)done->value_size);
    wire_write_bytes(writer, done->value, done->value_size);
}

int
store_read_done_read(struct wire_reader *reader, struct store_read_done *done)
{
    done->sequence = wire_read_u64(reader);
    done->status = status_read(reader);
    done->version = wire_read_u64(reader);
    done->leader = wire_read_u64(reader);
    done->value_size = wire_read_u16(reader);
    if (done->value_size > ROW_VALUE_MAX)
        wire_reader_fail(reader, ERR_RANGE);
    done->value = wire_read_bytes(reader, done->value_size);
    return wire_reader_finish(reader);
}

void
store_watch_write(struct wire_writer *writer, const struct store_watch *watch)
{
    wire_write_u64(writer, watch->conf);
    wire_write_u64(writer, watch->state);
    wire_write_bool(writer, watch->roles);
}

int
store_watch_read(struct wire_reader *reader, struct store_watch *watch)
{
    watch->conf = wire_read_u64(reader);
    watch->state = wire_read_u64(reader);
    watch->roles = wire_read_bool(reader);
    return wire_reader_finish(reader);
}

void
store_delta_begin(struct wire_writer *writer, const struct store_delta *delta)
{
    wire_write_u8(writer, (uint8_t)delta->flags);
    wire_write_u64(writer, delta->index);
    wire_write_u64(writer, delta->term);
}

void
store_row_add(struct wire_writer *writer, const struct store_row *row)
{
    row_write(writer, row);
}

int
store_delta_read(struct wire_reader *reader, struct store_delta *delta)
{
    delta->flags = wire_read_u8(reader);
    if ((delta->flags & ~(unsigned)(STORE_DELTA_FIRST | STORE_DELTA_LAST)) !=
        0)
        wire_reader_fail(reader, ERR_RANGE);
    delta->index = wire_read_u64(reader);
    delta->term = wire_read_u64(reader);
    return reader->error;
}

int
store_row_read(struct wire_reader *reader, struct store_row *row)
{
    if (reader->error == 0 && wire_reader_left(reader) == 0)
        return ERR_NOENT;
    row_read(reader, row);
    return reader->error;
}

void
store_role_write(struct wire_writer *writer,
                 const struct store_role_change *change)
{
    wire_write_u8(writer, (uint8_t)change->role);
    wire_write_u64(writer, change->term);
}

int
store_role_read(struct wire_reader *reader, struct store_role_change *change)
{
    uint8_t role = wire_read_u8(reader);

    if (role > STORE_RESTARTED)
        wire_reader_fail(reader, ERR_RANGE);
    change->role = (enum store_role)role;
    change->term = wire_read_u64(reader);
    return wire_reader_finish(reader);
}

void
store_upstream_write(struct wire_writer *writer,
                     const struct store_upstream *upstream)
{
    wire_write_u64(writer, upstream->active);
    wire_write_u64(writer, upstream->standby);
    wire_write_u64(writer, upstream->term);
}

int
store_upstream_read(struct wire_reader *reader,
                    struct store_upstream *upstream)
{
    upstream->active = wire_read_u64(reader);
    upstream->standby = wire_read_u64(reader);
    upstream->term = wire_read_u64(reader);
    return wire_reader_finish(reader);
}

void
store_peer_write(struct wire_writer *writer, const struct store_peer *peer)
{
    wire_write_u64(writer, peer->box);
    wire_write_bool(writer, peer->up);
}

int
store_peer_read(struct wire_reader *reader, struct store_peer *peer)
{
    peer->box = wire_read_u64(reader);
    peer->up = wire_read_bool(reader);
    return wire_reader_finish(reader);
}

void
store_voter_write(struct wire_writer *writer, const struct store_voter *voter)
{
    wire_write_u64(writer, voter->remove);
    wire_write_u64(writer, voter->add);
}

int
store_voter_read(struct wire_reader *reader, struct store_voter *voter)
{
    voter->remove = wire_read_u64(reader);
    voter->add = wire_read_u64(reader);
    return wire_reader_finish(reader);
}

void
store_voter_done_write(struct wire_writer *writer,
                       const struct store_voter_done *done)
{
    wire_write_u16(writer, (uint16_t)done->status);
}

int
store_voter_done_read(struct wire_reader *reader,
                      struct store_voter_done *done)
{
    done->status = status_read(reader);
    return wire_reader_finish(reader);
}
