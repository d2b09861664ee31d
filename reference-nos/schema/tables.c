/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/tables.h"

#include "reference-nos/base/check.h"
#include "reference-nos/schema/codec_priv.h"

/* Module ids: NCC, NCM, NCF, NCP, each range behind the one before. */
#define BASE_NCC 0u
#define BASE_NCM (BASE_NCC + MODULE_POOL_NCC)
#define BASE_NCF (BASE_NCM + MODULE_POOL_NCM)
#define BASE_NCP (BASE_NCF + MODULE_POOL_NCF)

_Static_assert(BASE_NCP + MODULE_POOL_NCP <= FWD_MODULES_MAX,
               "every module id has a place in the forwarding tables");

struct module_range {
    uint16_t base;
    uint16_t size;
};

static struct module_range
range_of(enum role role)
{
    static const struct module_range ranges[ROLE_COUNT] = {
        [ROLE_NCC] = {BASE_NCC, MODULE_POOL_NCC},
        [ROLE_NCM] = {BASE_NCM, MODULE_POOL_NCM},
        [ROLE_NCF] = {BASE_NCF, MODULE_POOL_NCF},
        [ROLE_NCP] = {BASE_NCP, MODULE_POOL_NCP},
    };
    static const struct module_range none = {0, 0};

    return role < ROLE_COUNT ? ranges[role] : none;
}

uint16_t
module_id(enum role role, uint16_t number)
{
    struct module_range range = range_of(role);

    if (number >= range.size)
        return MODULE_NONE;
    return (uint16_t)(range.base + number);
}

int
module_of_id(uint16_t id, enum role *role, uint16_t *number)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        struct module_range range = range_of((enum role)i);

        if (id >= range.base && id < range.base + range.size) {
            *role = (enum role)i;
            *number = (uint16_t)(id - range.base);
            return 0;
        }
    }
    return ERR_RANGE;
}

static void
key_begin(struct wire_writer *writer, struct key_bytes *out)
{
    wire_writer_init(writer, out->bytes, sizeof(out->bytes));
}

static void
key_end(const struct wire_writer *writer, struct key_bytes *out)
{
    CHECK(wire_writer_finish(writer) == 0);
    out->size = (uint8_t)wire_writer_size(writer);
}

static void
row_begin(struct wire_writer *writer, struct row_bytes *out)
{
    wire_writer_init(writer, out->bytes, sizeof(out->bytes));
}

static void
row_end(const struct wire_writer *writer, struct row_bytes *out)
{
    CHECK(wire_writer_finish(writer) == 0);
    out->size = (uint16_t)wire_writer_size(writer);
}

/* A struct that was read is handed over only when it is whole. */
#define FINISH(reader, from, to)                                              \
    do {                                                                      \
        int finish_error = wire_reader_finish(reader);                        \
                                                                              \
        if (finish_error == 0)                                                \
            *(to) = (from);                                                   \
        return finish_error;                                                  \
    } while (0)

void
module_key_encode(const struct module_key *key, struct key_bytes *out)
{
    struct wire_writer writer;

    key_begin(&writer, out);
    wire_write_u8(&writer, (uint8_t)key->role);
    wire_write_u16(&writer, key->number);
    key_end(&writer, out);
}

int
module_key_decode(const uint8_t *bytes, size_t size, struct module_key *key)
{
    struct wire_reader reader;
    struct module_key read;

    wire_reader_init(&reader, bytes, size);
    read.role = (enum role)codec_read_enum(&reader, ROLE_COUNT);
    read.number = wire_read_u16(&reader);
    if (wire_reader_ok(&reader) &&
        module_id(read.role, read.number) == MODULE_NONE)
        wire_reader_fail(&reader, ERR_RANGE);
    FINISH(&reader, read, key);
}

void
cable_key_encode(const struct cable_key *key, struct key_bytes *out)
{
    struct wire_writer writer;

    key_begin(&writer, out);
    wire_write_u16(&writer, key->ncp_number);
    wire_write_u16(&writer, key->ncp_port);
    key_end(&writer, out);
}

int
cable_key_decode(const uint8_t *bytes, size_t size, struct cable_key *key)
{
    struct wire_reader reader;
    struct cable_key read;

    wire_reader_init(&reader, bytes, size);
    read.ncp_number = wire_read_u16(&reader);
    read.ncp_port = wire_read_u16(&reader);
    if (wire_reader_ok(&reader) && (read.ncp_number >= MODULE_POOL_NCP ||
                                    read.ncp_port >= FWD_FABRIC_PORTS_MAX))
        wire_reader_fail(&reader, ERR_RANGE);
    FINISH(&reader, read, key);
}

void
port_key_encode(uint16_t port, struct key_bytes *out)
{
    struct wire_writer writer;

    key_begin(&writer, out);
    wire_write_u16(&writer, port);
    key_end(&writer, out);
}

int
port_key_decode(const uint8_t *bytes, size_t size, uint16_t *port)
{
    struct wire_reader reader;
    uint16_t read;

    wire_reader_init(&reader, bytes, size);
    read = wire_read_u16(&reader);
    FINISH(&reader, read, port);
}

void
alarm_key_encode(enum alarm_code code, uint16_t item, struct key_bytes *out)
{
    struct wire_writer writer;

    key_begin(&writer, out);
    wire_write_u8(&writer, (uint8_t)code);
    wire_write_u16(&writer, item);
    key_end(&writer, out);
}

int
alarm_key_decode(const uint8_t *bytes, size_t size, enum alarm_code *code,
                 uint16_t *item)
{
    struct wire_reader reader;
    enum alarm_code read_code;
    uint16_t read_item;

    wire_reader_init(&reader, bytes, size);
    read_code = (enum alarm_code)codec_read_enum(&reader, ALARM_COUNT);
    read_item = wire_read_u16(&reader);
    if (wire_reader_finish(&reader) == 0)
        *item = read_item;
    FINISH(&reader, read_code, code);
}

void
cluster_row_encode(const struct cluster_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_u64(&writer, row->cluster_id);
    wire_write_u32(&writer, row->tombstone_s);
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        wire_write_u16(&writer, row->pool_size[i]);
    row_end(&writer, out);
}

int
cluster_row_decode(const uint8_t *bytes, size_t size, struct cluster_row *row)
{
    struct wire_reader reader;
    struct cluster_row read;

    wire_reader_init(&reader, bytes, size);
    read.cluster_id = wire_read_u64(&reader);
    read.tombstone_s = wire_read_u32(&reader);
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        read.pool_size[i] = wire_read_u16(&reader);
        if (wire_reader_ok(&reader) &&
            read.pool_size[i] > range_of((enum role)i).size)
            wire_reader_fail(&reader, ERR_RANGE);
    }
    FINISH(&reader, read, row);
}

void
plan_row_encode(const struct plan_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_string(&writer, row->serial);
    row_end(&writer, out);
}

int
plan_row_decode(const uint8_t *bytes, size_t size, struct plan_row *row)
{
    struct wire_reader reader;
    struct plan_row read = {{0}};

    wire_reader_init(&reader, bytes, size);
    wire_read_string(&reader, read.serial, sizeof(read.serial));
    FINISH(&reader, read, row);
}

void
cable_row_encode(const struct cable_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_u16(&writer, row->ncf_number);
    wire_write_u16(&writer, row->ncf_port);
    row_end(&writer, out);
}

int
cable_row_decode(const uint8_t *bytes, size_t size, struct cable_row *row)
{
    struct wire_reader reader;
    struct cable_row read;

    wire_reader_init(&reader, bytes, size);
    read.ncf_number = wire_read_u16(&reader);
    read.ncf_port = wire_read_u16(&reader);
    if (wire_reader_ok(&reader) && (read.ncf_number >= MODULE_POOL_NCF ||
                                    read.ncf_port >= FWD_FABRIC_PORTS_MAX))
        wire_reader_fail(&reader, ERR_RANGE);
    FINISH(&reader, read, row);
}

void
module_row_encode(const struct module_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_u64(&writer, row->key);
    wire_write_string(&writer, row->serial);
    wire_write_u8(&writer, (uint8_t)row->how);
    wire_write_bool(&writer, row->drained);
    wire_write_bool(&writer, row->removed);
    wire_write_bool(&writer, row->locate);
    wire_write_u64(&writer, row->former_key);
    row_end(&writer, out);
}

int
module_row_decode(const uint8_t *bytes, size_t size, struct module_row *row)
{
    struct wire_reader reader;
    struct module_row read = {0};

    wire_reader_init(&reader, bytes, size);
    read.key = wire_read_u64(&reader);
    wire_read_string(&reader, read.serial, sizeof(read.serial));
    read.how = (enum module_how)codec_read_enum(&reader, MODULE_REMOVED + 1);
    read.drained = wire_read_bool(&reader);
    read.removed = wire_read_bool(&reader);
    read.locate = wire_read_bool(&reader);
    read.former_key = wire_read_u64(&reader);
    FINISH(&reader, read, row);
}

void
active_row_encode(const struct active_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_u64(&writer, row->key);
    wire_write_u64(&writer, row->term);
    row_end(&writer, out);
}

int
active_row_decode(const uint8_t *bytes, size_t size, struct active_row *row)
{
    struct wire_reader reader;
    struct active_row read;

    wire_reader_init(&reader, bytes, size);
    read.key = wire_read_u64(&reader);
    read.term = wire_read_u64(&reader);
    FINISH(&reader, read, row);
}

void
seen_row_encode(const struct seen_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_u64(&writer, row->peer_key);
    wire_write_u16(&writer, row->peer_port);
    wire_write_u8(&writer, (uint8_t)row->peer_role);
    row_end(&writer, out);
}

int
seen_row_decode(const uint8_t *bytes, size_t size, struct seen_row *row)
{
    struct wire_reader reader;
    struct seen_row read;

    wire_reader_init(&reader, bytes, size);
    read.peer_key = wire_read_u64(&reader);
    read.peer_port = wire_read_u16(&reader);
    read.peer_role = (enum role)codec_read_enum(&reader, ROLE_COUNT);
    FINISH(&reader, read, row);
}

void
alarm_row_encode(const struct alarm_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_u8(&writer, (uint8_t)row->severity);
    wire_write_u64(&writer, (uint64_t)row->value);
    wire_write_u64(&writer, row->since_wall_ns);
    row_end(&writer, out);
}

int
alarm_row_decode(const uint8_t *bytes, size_t size, struct alarm_row *row)
{
    struct wire_reader reader;
    struct alarm_row read;

    wire_reader_init(&reader, bytes, size);
    read.severity = (enum severity)codec_read_between(&reader, SEVERITY_ERROR,
                                                      SEVERITY_DEBUG);
    read.value = (int64_t)wire_read_u64(&reader);
    read.since_wall_ns = wire_read_u64(&reader);
    FINISH(&reader, read, row);
}

void
health_row_encode(const struct health_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_bool(&writer, row->forwarding);
    wire_write_u16(&writer, row->fabric_links_up);
    wire_write_u16(&writer, row->fan_rpm_percent);
    wire_write_u32(&writer, (uint32_t)row->hottest_mc);
    wire_write_u8(&writer, (uint8_t)row->reboot_cause);
    wire_write_u32(&writer, row->service_restarts);
    row_end(&writer, out);
}

int
health_row_decode(const uint8_t *bytes, size_t size, struct health_row *row)
{
    struct wire_reader reader;
    struct health_row read = {0};

    wire_reader_init(&reader, bytes, size);
    read.forwarding = wire_read_bool(&reader);
    read.fabric_links_up = wire_read_u16(&reader);
    read.fan_rpm_percent = wire_read_u16(&reader);
    read.hottest_mc = (int32_t)wire_read_u32(&reader);
    read.reboot_cause =
        (enum reboot_cause)codec_read_enum(&reader, REBOOT_CAUSE_COUNT);
    read.service_restarts = wire_read_u32(&reader);
    FINISH(&reader, read, row);
}

void
reach_row_encode(const struct reach_row *row, struct row_bytes *out)
{
    struct wire_writer writer;

    row_begin(&writer, out);
    wire_write_u16(&writer, row->links);
    wire_write_u16(&writer, row->nominal);
    row_end(&writer, out);
}

int
reach_row_decode(const uint8_t *bytes, size_t size, struct reach_row *row)
{
    struct wire_reader reader;
    struct reach_row read;

    wire_reader_init(&reader, bytes, size);
    read.links = wire_read_u16(&reader);
    read.nominal = wire_read_u16(&reader);
    FINISH(&reader, read, row);
}
