/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes for every decoder of the store: messages between services and
 * the store, between stores, and the files on disk.  The first byte chooses.
 */
#include "reference-nos/base/err.h"
#include "reference-nos/store/disk_priv.h"
#include "reference-nos/store/machine.h"
#include "reference-nos/store/stream.h"

#include <stdlib.h>
#include <string.h>

struct file {
    struct plat plat; /* first */
    const uint8_t *bytes;
    size_t size;
};

static void *
take(void *arg, size_t size)
{
    (void)arg;
    return aligned_alloc(16, (size + 15) & ~(size_t)15);
}

static void
give(void *arg, void *chunk, size_t size)
{
    (void)arg, (void)size;
    free(chunk);
}

static void
walk_rows(struct wire_reader *reader)
{
    struct store_row row;
    volatile uint8_t sum = 0;

    while (store_row_read(reader, &row) == 0) {
        for (size_t i = 0; i < row.key_size; i++)
            sum = (uint8_t)(sum + row.key[i]);
        for (size_t i = 0; i < row.value_size; i++)
            sum = (uint8_t)(sum + row.value[i]);
    }
}

static void
fuzz_service_messages(const uint8_t *bytes, size_t size)
{
    struct wire_reader reader;
    struct store_txn_done txn_done;
    struct store_read read;
    struct store_read_done read_done;
    struct store_watch watch;
    struct store_delta delta;
    struct store_role_change role;
    struct store_upstream upstream;
    struct store_peer peer;
    struct store_voter voter;
    struct store_voter_done voter_done;

#define READ(function, into)                                                  \
    wire_reader_init(&reader, bytes, size);                                   \
    (void)!function(&reader, &into)
    READ(store_txn_done_read, txn_done);
    READ(store_read_read, read);
    READ(store_read_done_read, read_done);
    READ(store_watch_read, watch);
    READ(store_role_read, role);
    READ(store_upstream_read, upstream);
    READ(store_peer_read, peer);
    READ(store_voter_read, voter);
    READ(store_voter_done_read, voter_done);
    READ(store_delta_read, delta);
#undef READ
    walk_rows(&reader);
}

static void
fuzz_streams(const uint8_t *bytes, size_t size)
{
    struct stream_header header;
    struct stream_ack ack;
    struct stream_ask ask;
    struct wire_reader reader;
    struct stream_in in = {0};
    struct stream_out out;

    wire_reader_init(&reader, bytes, size);
    while (stream_header_read(&reader, &header) == 0) {
        if (stream_in_judge(&in, &header, 1) == STREAM_TAKE)
            (void)stream_in_taken(&in, &header);
        if (in.snapshot && in.complete)
            abort();
    }
    stream_out_begin(&out, 0);
    wire_reader_init(&reader, bytes, size);
    if (stream_ack_read(&reader, &ack) == 0)
        stream_out_acked(&out, &ack, 0);
    wire_reader_init(&reader, bytes, size);
    (void)!stream_ask_read(&reader, &ask);
}

static void
fuzz_machine(const uint8_t *bytes, size_t size, bool snapshot)
{
    static struct machine machine;
    struct mem_source source = {take, give, NULL};
    struct mem *mem = mem_create(&source, MEM_NO_LIMIT);
    struct raft_entry entry = {.index = 1,
                               .term = 1,
                               .kind = RAFT_ENTRY_DATA,
                               .data = bytes,
                               .size = size};
    struct rows rows;
    unsigned done;

    rows_init(&rows, mem, MACHINE_ROWS_MAX, MACHINE_BYTES_MAX);
    machine_init(&machine, &rows);
    if (snapshot)
        (void)!machine_load(&machine, bytes, size);
    else
        (void)!machine_apply(&machine, &entry, &done);
    mem_destroy(mem);
}

/* As if the checksum were right, so that what lies behind it is reached. */
static void
fuzz_snapshot(const uint8_t *bytes, size_t size)
{
    static uint8_t mended[1 << 16];
    uint32_t sum;

    fuzz_machine(bytes, size, true);
    if (size < 16 || size > sizeof(mended))
        return;
    memcpy(mended, bytes, size);
    memcpy(mended, "NOSS\0\0\0\1", 8);
    mended[8] = (uint8_t)(size >> 24);
    mended[9] = (uint8_t)(size >> 16);
    mended[10] = (uint8_t)(size >> 8);
    mended[11] = (uint8_t)size;
    sum = checksum32(0x534e4150u, mended + 16, size - 16);
    mended[12] = (uint8_t)(sum >> 24);
    mended[13] = (uint8_t)(sum >> 16);
    mended[14] = (uint8_t)(sum >> 8);
    mended[15] = (uint8_t)sum;
    fuzz_machine(mended, size, true);
}

static int
file_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    *size = file == STORAGE_LOG ? ((struct file *)plat)->size : 0;
    return 0;
}

static int
file_read(struct plat *plat, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    (void)file;
    memcpy(bytes, ((struct file *)plat)->bytes + offset, size);
    return 0;
}

static int
file_truncate(struct plat *plat, enum storage_file file, uint64_t size)
{
    (void)file;
    return size > ((struct file *)plat)->size ? ERR_INTERNAL : 0;
}

static void
fuzz_log(const uint8_t *bytes, size_t size)
{
    static const struct plat_ops ops = {.storage_size = file_size,
                                        .storage_read = file_read,
                                        .storage_truncate = file_truncate};
    struct mem_source source = {take, give, NULL};
    struct mem *mem = mem_create(&source, MEM_NO_LIMIT);
    struct file file = {.plat = {.ops = &ops}, .bytes = bytes, .size = size};
    struct disk_found found;
    struct raft_entry entry;
    struct disk disk;
    uint64_t term;
    uint64_t vote;

    (void)!disk_meta_decode(bytes, size, &term, &vote);
    disk_init(&disk, &file.plat, mem, 0, 1);
    if (disk_open(&disk, &found) == 0)
        for (uint64_t i = disk.base_index + 1; i <= disk.last_index; i++)
            if (disk_found_entry(&disk, &found, i, &entry) != 0)
                abort();
    mem_destroy(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    switch (bytes[0] % 5) {
    case 0: fuzz_service_messages(bytes + 1, size - 1); break;
    case 1: fuzz_streams(bytes + 1, size - 1); break;
    case 2: fuzz_machine(bytes + 1, size - 1, false); break;
    case 3: fuzz_snapshot(bytes + 1, size - 1); break;
    default: fuzz_log(bytes + 1, size - 1); break;
    }
    return 0;
}
