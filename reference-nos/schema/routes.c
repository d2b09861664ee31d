/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/routes.h"

#include "reference-nos/base/check.h"
#include "reference-nos/schema/codec_priv.h"

#include <string.h>

static void
key_end(const struct wire_writer *writer, struct key_bytes *out)
{
    CHECK(wire_writer_finish(writer) == 0);
    out->size = (uint8_t)wire_writer_size(writer);
}

static void
row_end(const struct wire_writer *writer, struct row_bytes *out)
{
    CHECK(wire_writer_finish(writer) == 0);
    out->size = (uint16_t)wire_writer_size(writer);
}

/* Family, length, then the bytes of a whole address. */
void
prefix_write(struct wire_writer *writer, const struct fwd_prefix *prefix)
{
    wire_write_u8(writer, prefix->family);
    wire_write_u8(writer, prefix->length);
    wire_write_bytes(writer, prefix->bytes, prefix_bytes(prefix->family));
}

void
prefix_read(struct wire_reader *reader, struct fwd_prefix *prefix)
{
    *prefix = (struct fwd_prefix){.family = wire_read_u8(reader),
                                  .length = wire_read_u8(reader)};
    wire_read_copy(reader, prefix->bytes, prefix_bytes(prefix->family));
    if (wire_reader_ok(reader) && !prefix_valid(prefix))
        wire_reader_fail(reader, ERR_RANGE);
}

struct fwd_prefix
interface_subnet(const struct interface_address *address)
{
    return prefix_cut(&address->ip, address->length);
}

void
interface_key_encode(const struct interface_key *key, struct key_bytes *out)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out->bytes, sizeof(out->bytes));
    wire_write_u16(&writer, key->module);
    wire_write_u16(&writer, key->port);
    key_end(&writer, out);
}

int
interface_key_decode(const uint8_t *bytes, size_t size,
                     struct interface_key *key)
{
    struct wire_reader reader;
    struct interface_key read;
    int error;

    wire_reader_init(&reader, bytes, size);
    read.module = wire_read_u16(&reader);
    read.port = wire_read_u16(&reader);
    error = wire_reader_finish(&reader);
    if (error != 0)
        return error;
    if (read.module >= FWD_MODULES_MAX || read.port >= INTERFACE_PORTS_MAX)
        return ERR_RANGE;
    *key = read;
    return 0;
}

void
interface_row_encode(const struct interface_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out->bytes, sizeof(out->bytes));
    wire_write_u8(&writer, (uint8_t)row->count);
    for (unsigned i = 0; i < row->count; i++) {
        prefix_write(&writer, &row->addresses[i].ip);
        wire_write_u8(&writer, row->addresses[i].length);
    }
    row_end(&writer, out);
}

static void
address_read(struct wire_reader *reader, struct interface_address *address)
{
    prefix_read(reader, &address->ip);
    address->length = wire_read_u8(reader);
    if (wire_reader_ok(reader) &&
        (address->ip.length != prefix_bits(address->ip.family) ||
         address->length == 0 || address->length > address->ip.length))
        wire_reader_fail(reader, ERR_RANGE);
}

int
interface_row_decode(const uint8_t *bytes, size_t size,
                     struct interface_row *row)
{
    struct wire_reader reader;
    struct interface_row read = {0};
    int error;

    wire_reader_init(&reader, bytes, size);
    read.count = codec_read_between(&reader, 1, INTERFACE_ADDRESSES_MAX);
    for (unsigned i = 0; i < read.count; i++)
        address_read(&reader, &read.addresses[i]);
    error = wire_reader_finish(&reader);
    if (error == 0)
        *row = read;
    return error;
}

void
prefix_key_encode(const struct fwd_prefix *prefix, struct key_bytes *out)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out->bytes, sizeof(out->bytes));
    prefix_write(&writer, prefix);
    key_end(&writer, out);
}

int
prefix_key_decode(const uint8_t *bytes, size_t size, struct fwd_prefix *prefix)
{
    struct wire_reader reader;
    struct fwd_prefix read;
    int error;

    wire_reader_init(&reader, bytes, size);
    prefix_read(&reader, &read);
    error = wire_reader_finish(&reader);
    if (error == 0)
        *prefix = read;
    return error;
}

void
static_row_encode(const struct static_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out->bytes, sizeof(out->bytes));
    wire_write_bool(&writer, row->discard);
    wire_write_u8(&writer, (uint8_t)row->count);
    for (unsigned i = 0; i < row->count; i++)
        prefix_write(&writer, &row->hops[i]);
    row_end(&writer, out);
}

static void
hop_read(struct wire_reader *reader, struct static_row *row, unsigned i)
{
    struct fwd_prefix *hop = &row->hops[i];

    prefix_read(reader, hop);
    if (wire_reader_ok(reader) &&
        (hop->length != prefix_bits(hop->family) ||
         hop->family != row->hops[0].family ||
         (i > 0 && prefix_compare(&row->hops[i - 1], hop) >= 0)))
        wire_reader_fail(reader, ERR_RANGE);
}

int
static_row_decode(const uint8_t *bytes, size_t size, struct static_row *row)
{
    struct wire_reader reader;
    struct static_row read = {0};
    int error;

    wire_reader_init(&reader, bytes, size);
    read.discard = wire_read_bool(&reader);
    read.count = codec_read_between(&reader, read.discard ? 0 : 1,
                                    read.discard ? 0 : FWD_HOPS_MAX);
    for (unsigned i = 0; i < read.count && wire_reader_ok(&reader); i++)
        hop_read(&reader, &read, i);
    error = wire_reader_finish(&reader);
    if (error == 0)
        *row = read;
    return error;
}

void
name_key_encode(uint64_t name, struct key_bytes *out)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out->bytes, sizeof(out->bytes));
    wire_write_u64(&writer, name);
    key_end(&writer, out);
}

static int
name_decode(const uint8_t *bytes, size_t size, uint64_t *name)
{
    struct wire_reader reader;
    uint64_t read;
    int error;

    wire_reader_init(&reader, bytes, size);
    read = wire_read_u64(&reader);
    error = wire_reader_finish(&reader);
    if (error == 0)
        *name = read;
    return error;
}

int
name_key_decode(const uint8_t *bytes, size_t size, uint64_t *name)
{
    return name_decode(bytes, size, name);
}

void
group_row_encode(const struct fwd_group *group, struct row_bytes *out)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out->bytes, sizeof(out->bytes));
    wire_write_u8(&writer, group->count);
    for (unsigned i = 0; i < group->count; i++) {
        wire_write_u16(&writer, group->hops[i].module);
        wire_write_u16(&writer, group->hops[i].port);
    }
    row_end(&writer, out);
}

static void
group_hop_read(struct wire_reader *reader, struct fwd_group *group, unsigned i)
{
    struct fwd_hop *hop = &group->hops[i];
    const struct fwd_hop *last = i > 0 ? &group->hops[i - 1] : NULL;

    hop->module = wire_read_u16(reader);
    hop->port = wire_read_u16(reader);
    if (hop->module >= FWD_MODULES_MAX || hop->port >= INTERFACE_PORTS_MAX ||
        (last != NULL &&
         (last->module > hop->module ||
          (last->module == hop->module && last->port >= hop->port))))
        wire_reader_fail(reader, ERR_RANGE);
}

int
group_row_decode(const uint8_t *bytes, size_t size, struct fwd_group *group)
{
    struct wire_reader reader;
    struct fwd_group read = {0};
    int error;

    wire_reader_init(&reader, bytes, size);
    read.count = codec_read_between(&reader, 1, FWD_HOPS_MAX);
    for (unsigned i = 0; i < read.count && wire_reader_ok(&reader); i++)
        group_hop_read(&reader, &read, i);
    error = wire_reader_finish(&reader);
    if (error == 0)
        *group = read;
    return error;
}

void
fib_route_encode(uint64_t name, struct row_bytes *out)
{
    struct wire_writer writer;

    wire_writer_init(&writer, out->bytes, sizeof(out->bytes));
    wire_write_u64(&writer, name);
    row_end(&writer, out);
}

int
fib_route_decode(const uint8_t *bytes, size_t size, uint64_t *name)
{
    return name_decode(bytes, size, name);
}

static int
interface_check(const uint8_t *key, size_t key_size, const uint8_t *value,
                size_t value_size, bool deleted)
{
    struct interface_key at;
    struct interface_row row;
    int error = interface_key_decode(key, key_size, &at);

    if (error != 0 || deleted)
        return error;
    return interface_row_decode(value, value_size, &row);
}

static int
static_check(const uint8_t *key, size_t key_size, const uint8_t *value,
             size_t value_size, bool deleted)
{
    struct fwd_prefix prefix;
    struct static_row row;
    int error = prefix_key_decode(key, key_size, &prefix);

    if (error != 0 || deleted)
        return error;
    error = static_row_decode(value, value_size, &row);
    if (error == 0 && row.count > 0 && row.hops[0].family != prefix.family)
        return ERR_INVALID;
    return error;
}

int
route_conf_check(enum table table, const uint8_t *key, size_t key_size,
                 const uint8_t *value, size_t value_size, bool deleted)
{
    if (table == TABLE_INTERFACE)
        return interface_check(key, key_size, value, value_size, deleted);
    if (table == TABLE_ROUTE)
        return static_check(key, key_size, value, value_size, deleted);
    return ERR_PERMISSION;
}
