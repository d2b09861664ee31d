/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/disk_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <string.h>

#define TOKEN_ID_BITS 40
#define TOKEN_ID_MASK ((1ull << TOKEN_ID_BITS) - 1)
#define TOKEN_KIND_BITS 2

void
disk_init(struct disk *disk, struct plat *plat, struct mem *mem,
          unsigned service, uint32_t life)
{
    memset(disk, 0, sizeof(*disk));
    disk->plat = plat;
    disk->mem = mem;
    disk->service = service;
    disk->life = life;
}

static uint64_t
token_make(const struct disk *disk, enum disk_token_kind kind, uint64_t id)
{
    CHECK(id <= TOKEN_ID_MASK);
    return ((uint64_t)disk->life << (TOKEN_ID_BITS + TOKEN_KIND_BITS)) |
           ((uint64_t)kind << TOKEN_ID_BITS) | id;
}

int
disk_token_read(const struct disk *disk, uint64_t token,
                enum disk_token_kind *kind, uint64_t *id)
{
    uint64_t made = token_make(disk, 0, 0);

    if ((token ^ made) >> (TOKEN_ID_BITS + TOKEN_KIND_BITS) != 0)
        return ERR_STALE;
    *kind = (enum disk_token_kind)((token >> TOKEN_ID_BITS) &
                                   ((1u << TOKEN_KIND_BITS) - 1));
    *id = token & TOKEN_ID_MASK;
    return 0;
}

/* What the caller sees of a storage call. */
static int
outcome(const struct disk *disk, int error)
{
    return error == 0 || disk->careless ? 0 : ERR_IO;
}

int
disk_flush(struct disk *disk)
{
    struct plat *plat = disk->plat;
    uint64_t id = disk->unsynced;

    if (id == 0)
        return 0;
    disk->unsynced = 0;
    return outcome(
        disk, plat->ops->storage_sync(plat, STORAGE_LOG, disk->service,
                                      token_make(disk, DISK_TOKEN_WRITE, id)));
}

static int
replace(struct disk *disk, enum storage_file file, const void *bytes,
        size_t size, enum disk_token_kind kind, uint64_t id)
{
    struct plat *plat = disk->plat;

    return outcome(disk, plat->ops->storage_replace(
                             plat, file, bytes, size, disk->service,
                             token_make(disk, kind, id)));
}

static int
write_vote(struct disk *disk, const struct raft_write *write)
{
    uint8_t bytes[DISK_META_BYTES];

    disk_meta_encode(write->term, write->voted_for, bytes);
    return replace(disk, STORAGE_META, bytes, sizeof(bytes), DISK_TOKEN_WRITE,
                   write->id);
}

int
disk_offset_push(struct disk *disk, uint64_t index, uint64_t offset)
{
    size_t place = (size_t)(index - disk->base_index - 1);

    if ((place + 1) * sizeof(uint64_t) > disk->offsets_size) {
        size_t size = disk->offsets_size == 0 ? 64 * sizeof(uint64_t)
                                              : 2 * disk->offsets_size;
        uint64_t *more =
            mem_realloc(disk->mem, disk->offsets, disk->offsets_size, size);

        if (more == NULL)
            return ERR_NOMEM;
        disk->offsets = more;
        disk->offsets_size = size;
    }
    disk->offsets[place] = offset;
    disk->last_index = index;
    return 0;
}

static int
append_bytes(struct disk *disk, const uint8_t *bytes, size_t size)
{
    struct plat *plat = disk->plat;
    int error = plat->ops->storage_append(plat, STORAGE_LOG, bytes, size);

    if (error == 0)
        disk->end += size;
    return outcome(disk, error);
}

static size_t
entries_bytes(const struct raft_entry *entries, unsigned count)
{
    size_t size = 0;

    for (unsigned i = 0; i < count; i++)
        size += DISK_RECORD_BYTES + entries[i].size;
    return size;
}

/* Encodes entries that will lie at 'offset' and notes their places. */
static int
encode_entries(struct disk *disk, const struct raft_entry *entries,
               unsigned count, uint64_t offset, uint8_t *bytes)
{
    for (unsigned i = 0; i < count; i++) {
        int error = disk_offset_push(disk, entries[i].index, offset);

        if (error != 0)
            return error;
        disk_record_encode(&entries[i], bytes);
        bytes += DISK_RECORD_BYTES + entries[i].size;
        offset += DISK_RECORD_BYTES + entries[i].size;
    }
    return 0;
}

static int
write_entries(struct disk *disk, const struct raft_write *write)
{
    size_t head = disk->end == 0 ? DISK_HEAD_BYTES : 0;
    size_t size = head + entries_bytes(write->entries, write->entry_count);
    uint8_t *bytes = mem_alloc(disk->mem, size);
    int error;

    if (bytes == NULL)
        return ERR_NOMEM;
    CHECK(write->entries[0].index == disk->last_index + 1);
    if (head != 0)
        disk_head_encode(disk->base_index, disk->base_term, bytes);
    error = encode_entries(disk, write->entries, write->entry_count,
                           disk->end + head, bytes + head);
    if (error == 0)
        error = append_bytes(disk, bytes, size);
    mem_free(disk->mem, bytes, size);
    disk->unsynced = write->id;
    return error;
}

static int
write_truncate(struct disk *disk, const struct raft_write *write)
{
    struct plat *plat = disk->plat;
    uint64_t offset;

    disk->unsynced = write->id;
    if (write->index > disk->last_index || write->index <= disk->base_index)
        return 0;
    offset = disk->offsets[write->index - disk->base_index - 1];
    disk->last_index = write->index - 1;
    disk->end = offset;
    return outcome(disk,
                   plat->ops->storage_truncate(plat, STORAGE_LOG, offset));
}

/* Bytes of the entries of 'raft' in (base, last]. */
static size_t
range_bytes(const struct raft *raft, uint64_t base, uint64_t last)
{
    size_t size = 0;

    for (uint64_t index = base + 1; index <= last; index++)
        size += DISK_RECORD_BYTES + raft_entry(raft, index)->size;
    return size;
}

/* Writes LOG anew: what lies after (base, term) and up to 'last'. */
static int
rewrite_log(struct disk *disk, const struct raft *raft, uint64_t base,
            uint64_t base_term, uint64_t last, uint64_t id)
{
    size_t size = DISK_HEAD_BYTES + range_bytes(raft, base, last);
    uint8_t *bytes = mem_alloc(disk->mem, size);
    int error = 0;

    if (bytes == NULL)
        return ERR_NOMEM;
    disk->base_index = base;
    disk->base_term = base_term;
    disk->last_index = base;
    disk->end = DISK_HEAD_BYTES;
    disk_head_encode(base, base_term, bytes);
    for (uint64_t index = base + 1; index <= last && error == 0; index++) {
        const struct raft_entry *entry = raft_entry(raft, index);

        error = encode_entries(disk, entry, 1, disk->end, bytes + disk->end);
        disk->end += DISK_RECORD_BYTES + entry->size;
    }
    if (error == 0)
        error = replace(disk, STORAGE_LOG, bytes, size, DISK_TOKEN_WRITE, id);
    mem_free(disk->mem, bytes, size);
    return error;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int
write_compact(struct disk *disk, const struct raft_write *write,
              const struct raft *raft, const struct raft_snapshot *snapshot)
{
    /* Later writes of this step may be in the core's log already. */
    uint64_t last = smaller(disk->last_index, raft_last_index(raft));

    CHECK(snapshot->index == write->index);
    if (last < write->index)
        last = write->index;
    return rewrite_log(disk, raft, write->index, snapshot->term, last,
                       write->id);
}

/* The core drops its whole log with it. */
static int
write_snapshot(struct disk *disk, const struct raft_write *write,
               const struct raft *raft, const struct raft_snapshot *snapshot,
               const void *bytes, size_t size)
{
    int error;

    CHECK(snapshot->index == write->index);
    error = replace(disk, STORAGE_SNAPSHOT, bytes, size, DISK_TOKEN_WRITE, 0);
    if (error != 0)
        return error;
    return rewrite_log(disk, raft, write->index, snapshot->term, write->index,
                       write->id);
}

int
disk_write(struct disk *disk, const struct raft_write *write,
           const struct raft *raft, const struct raft_snapshot *snapshot,
           const void *bytes, size_t size)
{
    int error = 0;

    if (write->kind != RAFT_WRITE_ENTRIES &&
        write->kind != RAFT_WRITE_TRUNCATE)
        error = disk_flush(disk);
    if (error != 0)
        return error;
    switch (write->kind) {
    case RAFT_WRITE_VOTE: return write_vote(disk, write);
    case RAFT_WRITE_ENTRIES: return write_entries(disk, write);
    case RAFT_WRITE_TRUNCATE: return write_truncate(disk, write);
    case RAFT_WRITE_SNAPSHOT:
        return write_snapshot(disk, write, raft, snapshot, bytes, size);
    case RAFT_WRITE_COMPACT: return write_compact(disk, write, raft, snapshot);
    }
    return ERR_INTERNAL;
}

int
disk_snapshot(struct disk *disk, const void *bytes, size_t size,
              uint64_t index)
{
    int error = disk_flush(disk);

    if (error != 0)
        return error;
    return replace(disk, STORAGE_SNAPSHOT, bytes, size, DISK_TOKEN_SNAPSHOT,
                   index);
}
