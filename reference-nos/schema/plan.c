/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/plan.h"

#include "reference-nos/base/err.h"

#define PLAN_MAGIC 0x504c4e31u /* "PLN1" */

/* Every NCP port of the largest cluster. */
#define PLAN_CABLES_MAX (MODULE_POOL_NCP * FWD_FABRIC_PORTS_MAX)

static void
write_key(struct wire_writer *writer, const struct key_bytes *key)
{
    wire_write_u8(writer, key->size);
    wire_write_bytes(writer, key->bytes, key->size);
}

static void
write_row(struct wire_writer *writer, const struct row_bytes *row)
{
    wire_write_u16(writer, row->size);
    wire_write_bytes(writer, row->bytes, row->size);
}

/* Lends the bytes of the next key or row. */
static const uint8_t *
read_key(struct wire_reader *reader, size_t *size)
{
    *size = wire_read_u8(reader);
    return wire_read_bytes(reader, *size);
}

static const uint8_t *
read_row(struct wire_reader *reader, size_t *size)
{
    *size = wire_read_u16(reader);
    return wire_read_bytes(reader, *size);
}

void
plan_begin(struct wire_writer *writer, const struct cluster_row *cluster,
           unsigned module_count, unsigned cable_count)
{
    struct row_bytes row;

    cluster_row_encode(cluster, &row);
    wire_write_u32(writer, PLAN_MAGIC);
    write_row(writer, &row);
    wire_write_u32(writer, module_count);
    wire_write_u32(writer, cable_count);
}

int
plan_read(struct wire_reader *reader, struct cluster_row *cluster,
          unsigned *module_count, unsigned *cable_count)
{
    uint32_t magic = wire_read_u32(reader);
    size_t size;
    const uint8_t *bytes = read_row(reader, &size);
    uint32_t modules = wire_read_u32(reader);
    uint32_t cables = wire_read_u32(reader);
    int error;

    if (!wire_reader_ok(reader))
        return reader->error;
    if (magic != PLAN_MAGIC)
        return ERR_MALFORMED;
    if (modules > FWD_MODULES_MAX || cables > PLAN_CABLES_MAX)
        return ERR_RANGE;
    error = cluster_row_decode(bytes, size, cluster);
    if (error != 0)
        return error;
    *module_count = modules;
    *cable_count = cables;
    return 0;
}

void
plan_module_write(struct wire_writer *writer, const struct module_key *key,
                  const struct plan_row *row)
{
    struct key_bytes key_bytes;
    struct row_bytes row_bytes;

    module_key_encode(key, &key_bytes);
    plan_row_encode(row, &row_bytes);
    write_key(writer, &key_bytes);
    write_row(writer, &row_bytes);
}

int
plan_module_read(struct wire_reader *reader, struct module_key *key,
                 struct plan_row *row)
{
    size_t key_size, row_size;
    const uint8_t *key_bytes = read_key(reader, &key_size);
    const uint8_t *row_bytes = read_row(reader, &row_size);
    int error;

    if (!wire_reader_ok(reader))
        return reader->error;
    error = module_key_decode(key_bytes, key_size, key);
    if (error != 0)
        return error;
    return plan_row_decode(row_bytes, row_size, row);
}

void
plan_cable_write(struct wire_writer *writer, const struct cable_key *key,
                 const struct cable_row *row)
{
    struct key_bytes key_bytes;
    struct row_bytes row_bytes;

    cable_key_encode(key, &key_bytes);
    cable_row_encode(row, &row_bytes);
    write_key(writer, &key_bytes);
    write_row(writer, &row_bytes);
}

int
plan_cable_read(struct wire_reader *reader, struct cable_key *key,
                struct cable_row *row)
{
    size_t key_size, row_size;
    const uint8_t *key_bytes = read_key(reader, &key_size);
    const uint8_t *row_bytes = read_row(reader, &row_size);
    int error;

    if (!wire_reader_ok(reader))
        return reader->error;
    error = cable_key_decode(key_bytes, key_size, key);
    if (error != 0)
        return error;
    return cable_row_decode(row_bytes, row_size, row);
}
