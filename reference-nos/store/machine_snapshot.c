/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a snapshot: a fixed head (magic, version, size, checksum), what it
 * covers, the digest, clients, rows.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/store/machine.h"

#include <string.h>

#define SNAPSHOT_MAGIC 0x4e4f5353u /* "NOSS" */
#define SNAPSHOT_VERSION 1u
#define HEAD_BYTES 16u
#define CLIENT_BYTES 34u
#define CHECKSUM_SEED 0x534e4150u
/* Deletions found while loading are stamped in the upper half of the places
 * of the snapshot's index; no transaction has that many operations. */
#define GRAVE_PLACE 0x8000u

size_t
machine_save_bytes(const struct machine *machine)
{
    return HEAD_BYTES + 64u + RAFT_MEMBERS_BYTES_MAX +
           MACHINE_CLIENTS * CLIENT_BYTES + machine->rows->count * (8u + 21u) +
           machine->rows->bytes;
}

static void
save_meta(const struct machine *machine, const struct raft_snapshot *meta,
          struct wire_writer *writer)
{
    uint8_t members[RAFT_MEMBERS_BYTES_MAX];
    size_t size = raft_members_encode(&meta->members, members);

    wire_write_u64(writer, meta->index);
    wire_write_u64(writer, meta->term);
    wire_write_blob(writer, members, size);
    wire_write_u64(writer, machine->digest.high);
    wire_write_u64(writer, machine->digest.low);
}

static void
save_clients(const struct machine *machine, struct wire_writer *writer)
{
    wire_write_u32(writer, machine->client_count);
    for (unsigned i = 0; i < machine->client_count; i++) {
        const struct machine_client *client = &machine->clients[i];

        wire_write_u64(writer, client->client);
        wire_write_u64(writer, client->sequence);
        wire_write_u64(writer, client->index);
        wire_write_u64(writer, client->term);
        wire_write_u16(writer, (uint16_t)client->status);
    }
}

static void
save_rows(const struct machine *machine, struct wire_writer *writer)
{
    wire_write_u32(writer, (uint32_t)machine->rows->count);
    for (const struct row *row = rows_first(machine->rows); row != NULL;
         row = rows_next(row)) {
        struct store_row view = row_view(row);

        wire_write_u64(writer, row->stamp);
        store_row_add(writer, &view);
    }
}

int
machine_save(const struct machine *machine, const struct raft_snapshot *meta,
             void *bytes, size_t capacity, size_t *size)
{
    struct wire_writer writer;
    size_t end;

    CHECK(meta->index == machine->applied);
    wire_writer_init(&writer, bytes, capacity);
    wire_write_u32(&writer, SNAPSHOT_MAGIC);
    wire_write_u32(&writer, SNAPSHOT_VERSION);
    wire_write_u32(&writer, 0);
    wire_write_u32(&writer, 0);
    save_meta(machine, meta, &writer);
    save_clients(machine, &writer);
    save_rows(machine, &writer);
    if (wire_writer_finish(&writer) != 0)
        return wire_writer_finish(&writer);
    end = wire_writer_size(&writer);
    wire_write_u32_at(&writer, 8, (uint32_t)end);
    wire_write_u32_at(&writer, 12,
                      checksum32(CHECKSUM_SEED, writer.start + HEAD_BYTES,
                                 end - HEAD_BYTES));
    *size = end;
    return 0;
}

static int
read_head(struct wire_reader *reader, size_t size)
{
    uint32_t magic = wire_read_u32(reader);
    uint32_t version = wire_read_u32(reader);
    uint32_t whole = wire_read_u32(reader);
    uint32_t sum = wire_read_u32(reader);

    if (!wire_reader_ok(reader) || magic != SNAPSHOT_MAGIC)
        return ERR_CORRUPT;
    if (version != SNAPSHOT_VERSION)
        return ERR_VERSION;
    if (whole != size ||
        sum != checksum32(CHECKSUM_SEED, reader->at, size - HEAD_BYTES))
        return ERR_CORRUPT;
    return 0;
}

static int
read_meta(struct wire_reader *reader, struct raft_snapshot *meta,
          struct digest128 *digest)
{
    const uint8_t *members;
    size_t size;

    meta->index = wire_read_u64(reader);
    meta->term = wire_read_u64(reader);
    members = wire_read_blob(reader, &size);
    digest->high = wire_read_u64(reader);
    digest->low = wire_read_u64(reader);
    if (!wire_reader_ok(reader) ||
        raft_members_decode(members, size, &meta->members) != 0 ||
        meta->index == 0 || meta->index >> (64 - MACHINE_STAMP_SHIFT) != 0)
        return ERR_CORRUPT;
    return 0;
}

static void
read_client(struct wire_reader *reader, struct machine_client *client)
{
    client->client = wire_read_u64(reader);
    client->sequence = wire_read_u64(reader);
    client->index = wire_read_u64(reader);
    client->term = wire_read_u64(reader);
    client->status = wire_read_u16(reader);
    if (client->status >= ERR_COUNT)
        wire_reader_fail(reader, ERR_CORRUPT);
}

static int
check_clients(struct wire_reader *reader)
{
    struct machine_client client;
    uint64_t before = 0;
    uint32_t count = wire_read_u32(reader);

    if (count > MACHINE_CLIENTS)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < count; i++) {
        read_client(reader, &client);
        if (!wire_reader_ok(reader) || (i > 0 && client.client <= before))
            return ERR_CORRUPT;
        before = client.client;
    }
    return wire_reader_ok(reader) ? 0 : ERR_CORRUPT;
}

static bool
row_follows(const struct store_row *row, const struct store_row *before)
{
    size_t common =
        row->key_size < before->key_size ? row->key_size : before->key_size;
    int order;

    if (row->table != before->table)
        return row->table > before->table;
    order = common == 0 ? 0 : memcmp(row->key, before->key, common);
    return order > 0 || (order == 0 && row->key_size > before->key_size);
}

static int
check_rows(struct wire_reader *reader, uint64_t index)
{
    uint64_t end = (index + 1) << MACHINE_STAMP_SHIFT;
    struct store_row before = {0};
    uint32_t count = wire_read_u32(reader);
    size_t bytes = 0;

    if (!wire_reader_ok(reader) || count > MACHINE_ROWS_MAX)
        return ERR_CORRUPT;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t stamp = wire_read_u64(reader);
        struct store_row row;

        if (store_row_read(reader, &row) != 0 || row.deleted ||
            row.owner != 0 || row.table >= TABLE_CONF_END || stamp >= end ||
            stamp >> MACHINE_STAMP_SHIFT != row.version ||
            (i > 0 && !row_follows(&row, &before)))
            return ERR_CORRUPT;
        bytes += row.key_size + row.value_size;
        before = row;
    }
    return bytes > MACHINE_BYTES_MAX ? ERR_CORRUPT : 0;
}

int
machine_snapshot_check(const void *bytes, size_t size,
                       struct raft_snapshot *meta)
{
    struct wire_reader reader;
    struct digest128 digest;
    struct raft_snapshot read = {0};
    int error;

    wire_reader_init(&reader, bytes, size);
    error = read_head(&reader, size);
    if (error == 0)
        error = read_meta(&reader, &read, &digest);
    if (error == 0)
        error = check_clients(&reader);
    if (error == 0)
        error = check_rows(&reader, read.index);
    if (error == 0 && wire_reader_finish(&reader) != 0)
        error = ERR_CORRUPT;
    if (error == 0)
        *meta = read;
    return error;
}

/* --- Loading ------------------------------------------------------------ */

struct pending_row {
    uint64_t stamp;
    const uint8_t *at; /* the row's bytes */
};

/* Rows in the order of stamps, as rows_put() wants them; then a walk over
 * what is there, for rows that the snapshot did not show. */
struct machine_loading {
    struct raft_snapshot meta;
    struct digest128 digest;
    const uint8_t *clients; /* their bytes */
    const uint8_t *end;     /* of all bytes */
    uint32_t generation;
    uint32_t count;
    uint32_t next;         /* to be merged */
    uint64_t grave_stamp;  /* for the next row dropped */
    bool walking;          /* all are merged */
    struct store_row last; /* walked over; key in 'last_key' */
    uint8_t last_key[ROW_KEY_MAX];
    struct pending_row pending[];
};

static size_t
loading_bytes(uint32_t count)
{
    return sizeof(struct machine_loading) + count * sizeof(struct pending_row);
}

static void
sift_down(struct pending_row *heap, size_t count, size_t at)
{
    struct pending_row moved = heap[at];

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= count)
            break;
        if (child + 1 < count && heap[child + 1].stamp > heap[child].stamp)
            child++;
        if (heap[child].stamp <= moved.stamp)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static void
sort_by_stamp(struct pending_row *rows, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(rows, count, i);
    for (size_t end = count; end-- > 1;) {
        struct pending_row largest = rows[0];

        rows[0] = rows[end];
        rows[end] = largest;
        sift_down(rows, end, 0);
    }
}

static void
read_pending(struct wire_reader *reader, struct pending_row *pending,
             uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct store_row row;
        int error;

        pending[i].stamp = wire_read_u64(reader);
        pending[i].at = reader->at;
        error = store_row_read(reader, &row);
        CHECK(error == 0);
    }
}

static void
loading_end(struct machine *machine)
{
    struct machine_loading *loading = machine->loading;

    if (loading == NULL)
        return;
    machine->loading = NULL;
    /* Old rows go last, as their graves have the highest stamps: until then
     * both may be there. */
    machine->rows->count_max /= 2;
    machine->rows->bytes_max /= 2;
    mem_free(machine->rows->mem, loading, loading_bytes(loading->count));
}

static void
skip_clients(struct wire_reader *reader)
{
    struct machine_client client;
    uint32_t count = wire_read_u32(reader);

    for (uint32_t i = 0; i < count; i++)
        read_client(reader, &client);
}

int
machine_load_begin(struct machine *machine, const void *bytes, size_t size)
{
    struct machine_loading head = {0};
    struct machine_loading *loading;
    struct wire_reader reader;
    int error = machine_snapshot_check(bytes, size, &head.meta);

    if (error != 0)
        return error;
    CHECK(head.meta.index >= machine->applied);
    wire_reader_init(&reader, bytes, size);
    error = read_head(&reader, size);
    if (error == 0)
        error = read_meta(&reader, &head.meta, &head.digest);
    CHECK(error == 0);
    head.clients = reader.at;
    skip_clients(&reader);
    head.count = wire_read_u32(&reader);
    head.end = reader.end;
    head.generation = (uint32_t)head.meta.index | 1u << 31;
    head.grave_stamp = (head.meta.index << MACHINE_STAMP_SHIFT) | GRAVE_PLACE;
    loading_end(machine);
    loading = mem_alloc(machine->rows->mem, loading_bytes(head.count));
    if (loading == NULL)
        return ERR_NOMEM;
    *loading = head;
    read_pending(&reader, loading->pending, loading->count);
    sort_by_stamp(loading->pending, loading->count);
    machine->rows->count_max *= 2;
    machine->rows->bytes_max *= 2;
    machine->loading = loading;
    return 0;
}

/* Puts the row if it differs, and marks it as seen. */
static int
merge_row(struct machine *machine, const struct pending_row *pending)
{
    const struct machine_loading *loading = machine->loading;
    struct wire_reader reader;
    struct store_row row;
    int error;

    wire_reader_init(&reader, pending->at,
                     (size_t)(loading->end - pending->at));
    error = store_row_read(&reader, &row);
    CHECK(error == 0);
    if (rows_same(machine->rows, &row, loading->generation))
        return 0;
    /* A row changed before what is applied here is the same here. */
    if (pending->stamp <= machine->rows->last)
        return ERR_CORRUPT;
    return rows_put(machine->rows, &row, pending->stamp, loading->generation);
}

/* The live row after the one walked over last. */
static struct row *
walk_next(const struct machine *machine)
{
    const struct machine_loading *loading = machine->loading;

    return loading->walking ? rows_after(machine->rows, &loading->last)
                            : rows_first(machine->rows);
}

/* False at the end of the walk. */
static bool
drop_next(struct machine *machine)
{
    struct machine_loading *loading = machine->loading;
    struct row *row = walk_next(machine);

    if (row == NULL)
        return false;
    loading->walking = true;
    loading->last = row_view(row);
    memcpy(loading->last_key, row->bytes, row->key_size);
    loading->last.key = loading->last_key;
    if (row->generation != loading->generation)
        rows_bury(machine->rows, row, loading->meta.index,
                  loading->grave_stamp++);
    return true;
}

static void
load_finish(struct machine *machine)
{
    struct machine_loading *loading = machine->loading;
    struct wire_reader reader;

    wire_reader_init(&reader, loading->clients,
                     (size_t)(loading->end - loading->clients));
    machine->client_count = wire_read_u32(&reader);
    for (unsigned i = 0; i < machine->client_count; i++)
        read_client(&reader, &machine->clients[i]);
    machine->digest = loading->digest;
    machine->applied = loading->meta.index;
    machine->applied_term = loading->meta.term;
    machine->base = (loading->meta.index << MACHINE_STAMP_SHIFT) | 0xffffu;
    loading_end(machine);
}

int
machine_load_step(struct machine *machine, unsigned rows)
{
    struct machine_loading *loading = machine->loading;

    CHECK(loading != NULL);
    for (; rows > 0 && loading->next < loading->count; rows--) {
        int error = merge_row(machine, &loading->pending[loading->next]);

        if (error != 0)
            return error;
        loading->next++;
    }
    for (; rows > 0; rows--)
        if (!drop_next(machine)) {
            load_finish(machine);
            return 0;
        }
    return 0;
}

int
machine_load(struct machine *machine, const void *bytes, size_t size)
{
    int error = machine_load_begin(machine, bytes, size);

    while (error == 0 && machine->loading != NULL)
        error = machine_load_step(machine, 1024);
    return error;
}
