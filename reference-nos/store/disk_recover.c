/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading back what a voter left on disk, after any crash.
 *
 * A damaged record with intact ones behind it is no torn write: entries that
 * were acknowledged are gone, and a voter that forgot them could help to elect
 * a leader without them.  See Alagappan et al., "Protocol-Aware Recovery for
 * Consensus-Based Storage", FAST 2018.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/store/disk_priv.h"

#include <string.h>

#define META_MAGIC 0x4e4f534du   /* "NOSM" */
#define HEAD_MAGIC 0x4e4f534cu   /* "NOSL" */
#define RECORD_MAGIC 0x4e4f5345u /* "NOSE" */
#define META_VERSION 1u

void
disk_meta_encode(uint64_t term, uint64_t voted_for,
                 uint8_t bytes[DISK_META_BYTES])
{
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, DISK_META_BYTES);
    wire_write_u32(&writer, META_MAGIC);
    wire_write_u32(&writer, META_VERSION);
    wire_write_u32(&writer, 0);
    wire_write_u64(&writer, term);
    wire_write_u64(&writer, voted_for);
    wire_write_u32_at(
        &writer, 8, checksum32(META_MAGIC, bytes + 12, DISK_META_BYTES - 12));
}

int
disk_meta_decode(const uint8_t *bytes, size_t size, uint64_t *term,
                 uint64_t *voted_for)
{
    struct wire_reader reader;
    uint32_t magic;
    uint32_t version;
    uint32_t sum;

    if (size != DISK_META_BYTES)
        return ERR_CORRUPT;
    wire_reader_init(&reader, bytes, size);
    magic = wire_read_u32(&reader);
    version = wire_read_u32(&reader);
    sum = wire_read_u32(&reader);
    if (magic != META_MAGIC ||
        sum != checksum32(META_MAGIC, bytes + 12, DISK_META_BYTES - 12))
        return ERR_CORRUPT;
    if (version != META_VERSION)
        return ERR_VERSION;
    *term = wire_read_u64(&reader);
    *voted_for = wire_read_u64(&reader);
    return 0;
}

void
disk_head_encode(uint64_t base_index, uint64_t base_term,
                 uint8_t bytes[DISK_HEAD_BYTES])
{
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, DISK_HEAD_BYTES);
    wire_write_u32(&writer, HEAD_MAGIC);
    wire_write_u32(&writer, 0);
    wire_write_u64(&writer, base_index);
    wire_write_u64(&writer, base_term);
    wire_write_u32_at(&writer, 4,
                      checksum32(HEAD_MAGIC, bytes + 8, DISK_HEAD_BYTES - 8));
}

int
disk_head_decode(const uint8_t *bytes, size_t size, uint64_t *base_index,
                 uint64_t *base_term)
{
    struct wire_reader reader;
    uint32_t magic;
    uint32_t sum;

    if (size < DISK_HEAD_BYTES)
        return ERR_CORRUPT;
    wire_reader_init(&reader, bytes, size);
    magic = wire_read_u32(&reader);
    sum = wire_read_u32(&reader);
    if (magic != HEAD_MAGIC ||
        sum != checksum32(HEAD_MAGIC, bytes + 8, DISK_HEAD_BYTES - 8))
        return ERR_CORRUPT;
    *base_index = wire_read_u64(&reader);
    *base_term = wire_read_u64(&reader);
    return 0;
}

void
disk_record_encode(const struct raft_entry *entry, uint8_t *bytes)
{
    struct wire_writer writer;
    size_t size = DISK_RECORD_BYTES + entry->size;

    wire_writer_init(&writer, bytes, size);
    wire_write_u32(&writer, RECORD_MAGIC);
    wire_write_u32(&writer, 0);
    wire_write_u32(&writer, (uint32_t)entry->size);
    wire_write_u64(&writer, entry->index);
    wire_write_u64(&writer, entry->term);
    wire_write_u8(&writer, (uint8_t)entry->kind);
    wire_write_bytes(&writer, entry->data, entry->size);
    wire_write_u32_at(&writer, 4,
                      checksum32(RECORD_MAGIC, bytes + 8, size - 8));
}

int
disk_record_decode(const uint8_t *bytes, size_t size, struct raft_entry *entry)
{
    struct wire_reader reader;
    uint32_t magic;
    uint32_t sum;
    uint32_t data;
    uint8_t kind;

    wire_reader_init(&reader, bytes, size);
    magic = wire_read_u32(&reader);
    sum = wire_read_u32(&reader);
    data = wire_read_u32(&reader);
    if (!wire_reader_ok(&reader) || magic != RECORD_MAGIC ||
        data > RAFT_ENTRY_BYTES_MAX || size < DISK_RECORD_BYTES + data ||
        sum !=
            checksum32(RECORD_MAGIC, bytes + 8, DISK_RECORD_BYTES - 8 + data))
        return ERR_CORRUPT;
    memset(entry, 0, sizeof(*entry));
    entry->index = wire_read_u64(&reader);
    entry->term = wire_read_u64(&reader);
    kind = wire_read_u8(&reader);
    if (kind < RAFT_ENTRY_DATA || kind > RAFT_ENTRY_MEMBERS)
        return ERR_CORRUPT;
    entry->kind = (enum raft_entry_kind)kind;
    entry->size = data;
    entry->data = wire_read_bytes(&reader, data);
    return 0;
}

/* A whole file; NULL when it is empty. */
static int
read_file(struct disk *disk, enum storage_file file, size_t size_max,
          uint8_t **bytes, size_t *size)
{
    struct plat *plat = disk->plat;
    uint64_t length = 0;
    uint8_t *read;
    int error = plat->ops->storage_size(plat, file, &length);

    *bytes = NULL;
    *size = 0;
    if (error == ERR_NOENT || (error == 0 && length == 0))
        return 0;
    if (error != 0)
        return ERR_IO;
    if (length > size_max)
        return ERR_CORRUPT;
    read = mem_alloc(disk->mem, (size_t)length);
    if (read == NULL)
        return ERR_NOMEM;
    error = plat->ops->storage_read(plat, file, 0, read, (size_t)length);
    if (error != 0) {
        mem_free(disk->mem, read, (size_t)length);
        return ERR_IO;
    }
    *bytes = read;
    *size = (size_t)length;
    return 0;
}

static bool
is_magic(const uint8_t *bytes, uint32_t magic)
{
    return bytes[0] == (uint8_t)(magic >> 24) &&
           bytes[1] == (uint8_t)(magic >> 16) &&
           bytes[2] == (uint8_t)(magic >> 8) && bytes[3] == (uint8_t)magic;
}

/* Is there an intact record anywhere behind 'from'? */
static bool
record_behind(const struct disk_found *found, size_t from)
{
    struct raft_entry entry;

    for (size_t at = from; at + DISK_RECORD_BYTES <= found->log_size; at++)
        if (is_magic(found->log + at, RECORD_MAGIC) &&
            disk_record_decode(found->log + at, found->log_size - at,
                               &entry) == 0)
            return true;
    return false;
}

/* Walks the records; '*end' is where the good ones end. */
static int
scan_records(struct disk *disk, const struct disk_found *found, size_t *end)
{
    struct raft_entry entry;
    size_t at = DISK_HEAD_BYTES;

    while (at < found->log_size &&
           disk_record_decode(found->log + at, found->log_size - at, &entry) ==
               0) {
        int error;

        if (entry.index != disk->last_index + 1)
            break;
        error = disk_offset_push(disk, entry.index, at);
        if (error != 0)
            return error;
        at += DISK_RECORD_BYTES + entry.size;
    }
    *end = at;
    if (at < found->log_size && !disk->careless && record_behind(found, at))
        return ERR_CORRUPT;
    return 0;
}

static int
cut_tail(struct disk *disk, size_t end, size_t size)
{
    struct plat *plat = disk->plat;

    disk->end = end;
    if (end == size)
        return 0;
    return plat->ops->storage_truncate(plat, STORAGE_LOG, end) == 0 ? 0
                                                                    : ERR_IO;
}

static int
open_log(struct disk *disk, struct disk_found *found)
{
    size_t end = 0;
    int error = read_file(disk, STORAGE_LOG, DISK_LOG_BYTES_MAX, &found->log,
                          &found->log_size);

    if (error != 0 || found->log_size == 0)
        return error;
    if (disk_head_decode(found->log, found->log_size, &disk->base_index,
                         &disk->base_term) != 0) {
        if (record_behind(found, 0))
            return ERR_CORRUPT;
        return cut_tail(disk, 0, found->log_size);
    }
    disk->last_index = disk->base_index;
    error = scan_records(disk, found, &end);
    return error != 0 ? error : cut_tail(disk, end, found->log_size);
}

static int
open_meta(struct disk *disk, struct disk_found *found)
{
    uint8_t *bytes;
    size_t size;
    int error = read_file(disk, STORAGE_META, DISK_META_BYTES, &bytes, &size);

    if (error != 0)
        return error;
    if (size == 0) {
        found->fresh = true;
        return 0;
    }
    error = disk_meta_decode(bytes, size, &found->term, &found->voted_for);
    mem_free(disk->mem, bytes, size);
    return error;
}

int
disk_open(struct disk *disk, struct disk_found *found)
{
    int error;

    memset(found, 0, sizeof(*found));
    error = open_meta(disk, found);
    if (error == 0)
        error = read_file(disk, STORAGE_SNAPSHOT, DISK_SNAPSHOT_BYTES_MAX,
                          &found->snapshot, &found->snapshot_size);
    if (error == 0)
        error = open_log(disk, found);
    /* A term is durable before the first entry is: no META, nothing else. */
    if (error == 0 && found->fresh &&
        (found->snapshot_size != 0 || disk->last_index != 0))
        error = ERR_CORRUPT;
    if (error != 0)
        disk_found_free(disk, found);
    return error;
}

void
disk_found_free(struct disk *disk, struct disk_found *found)
{
    mem_free(disk->mem, found->snapshot, found->snapshot_size);
    mem_free(disk->mem, found->log, found->log_size);
    found->snapshot = NULL;
    found->log = NULL;
}

int
disk_found_entry(const struct disk *disk, const struct disk_found *found,
                 uint64_t index, struct raft_entry *entry)
{
    uint64_t at;

    if (index <= disk->base_index || index > disk->last_index)
        return ERR_NOENT;
    at = disk->offsets[index - disk->base_index - 1];
    return disk_record_decode(found->log + at, found->log_size - at, entry);
}

static bool
log_meets(const struct disk *disk, const struct disk_found *found,
          uint64_t index, uint64_t term)
{
    struct raft_entry entry;

    if (disk->base_index == index)
        return disk->base_term == term;
    return disk_found_entry(disk, found, index, &entry) == 0 &&
           entry.term == term;
}

int
disk_follow_snapshot(struct disk *disk, const struct disk_found *found,
                     uint64_t index, uint64_t term)
{
    if (disk->base_index > index)
        return ERR_CORRUPT; /* The log begins after the snapshot ends. */
    if (log_meets(disk, found, index, term))
        return 0;
    /* LOG was to be written anew with nothing in it. */
    disk->base_index = index;
    disk->base_term = term;
    disk->last_index = index;
    disk->end = 0;
    return disk->plat->ops->storage_truncate(disk->plat, STORAGE_LOG, 0) == 0
               ? 0
               : ERR_IO;
}
