/* SPDX-License-Identifier: Apache-2.0
 *
 * Recovery of the log, damaged at every byte and every bit.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/store/disk_priv.h"
#include "reference-nos/store/store_testworld.h"

/* One file in memory that answers at once. */
struct tape {
    struct plat plat; /* first */
    uint8_t bytes[STORAGE_FILE_COUNT][8192];
    size_t size[STORAGE_FILE_COUNT];
    unsigned completions;
    int error;
};

static int
tape_append(struct plat *plat, enum storage_file file, const void *bytes,
            size_t size)
{
    struct tape *tape = (struct tape *)plat;

    ck_assert_uint_le(tape->size[file] + size, sizeof(tape->bytes[file]));
    memcpy(tape->bytes[file] + tape->size[file], bytes, size);
    tape->size[file] += size;
    return tape->error;
}

static int
tape_truncate(struct plat *plat, enum storage_file file, uint64_t size)
{
    struct tape *tape = (struct tape *)plat;

    if (size < tape->size[file])
        tape->size[file] = size;
    return 0;
}

static int
tape_sync(struct plat *plat, enum storage_file file, unsigned service,
          uint64_t token)
{
    (void)file, (void)service, (void)token;
    ((struct tape *)plat)->completions++;
    return 0;
}

static int
tape_replace(struct plat *plat, enum storage_file file, const void *bytes,
             size_t size, unsigned service, uint64_t token)
{
    struct tape *tape = (struct tape *)plat;

    (void)service, (void)token;
    memcpy(tape->bytes[file], bytes, size);
    tape->size[file] = size;
    tape->completions++;
    return tape->error;
}

static int
tape_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    *size = ((struct tape *)plat)->size[file];
    return 0;
}

static int
tape_read(struct plat *plat, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    struct tape *tape = (struct tape *)plat;

    if (offset + size > tape->size[file])
        return ERR_IO;
    memcpy(bytes, tape->bytes[file] + offset, size);
    return 0;
}

static const struct plat_ops tape_ops = {
    .storage_append = tape_append,
    .storage_truncate = tape_truncate,
    .storage_sync = tape_sync,
    .storage_replace = tape_replace,
    .storage_size = tape_size,
    .storage_read = tape_read,
};

static void
write_vote(struct disk *disk, uint64_t term)
{
    struct raft_write write = {
        .id = 1, .kind = RAFT_WRITE_VOTE, .term = term, .voted_for = 4};

    ck_assert_int_eq(disk_write(disk, &write, NULL, NULL, NULL, 0), 0);
}

static void
write_entry(struct disk *disk, uint64_t index, uint64_t term)
{
    char data[32];
    struct raft_entry entry = {
        .index = index,
        .term = term,
        .kind = RAFT_ENTRY_DATA,
        .size =
            (size_t)snprintf(data, sizeof(data), "entry %u", (unsigned)index),
        .data = data,
    };
    struct raft_write write = {.id = index + 1,
                               .kind = RAFT_WRITE_ENTRIES,
                               .index = index,
                               .entry_count = 1,
                               .entries = &entry};

    ck_assert_int_eq(disk_write(disk, &write, NULL, NULL, NULL, 0), 0);
    ck_assert_int_eq(disk_flush(disk), 0);
}

static void
tape_init(struct tape *tape)
{
    memset(tape, 0, sizeof(*tape));
    tape->plat.ops = &tape_ops;
}

#define ENTRIES 6u

static void
fill(struct tape *tape, struct mem *mem)
{
    struct disk disk;

    tape_init(tape);
    disk_init(&disk, &tape->plat, mem, SVC_STORE, 1);
    write_vote(&disk, 3);
    for (uint64_t index = 1; index <= ENTRIES; index++)
        write_entry(&disk, index, 2);
}

/* How many entries are there; or minus the error. */
static int
recover(struct tape *tape, struct mem *mem)
{
    struct disk_found found;
    struct disk disk;
    struct raft_entry entry;
    int count = 0;
    int error;

    disk_init(&disk, &tape->plat, mem, SVC_STORE, 2);
    error = disk_open(&disk, &found);
    if (error != 0)
        return -error;
    ck_assert_uint_eq(found.term, 3);
    ck_assert_uint_eq(found.voted_for, 4);
    while (disk_found_entry(&disk, &found, (uint64_t)count + 1, &entry) == 0) {
        char data[32];

        count++;
        snprintf(data, sizeof(data), "entry %d", count);
        ck_assert_uint_eq(entry.size, strlen(data));
        ck_assert_mem_eq(entry.data, data, entry.size);
        ck_assert_uint_eq(entry.term, 2);
    }
    /* What is written next follows what was found. */
    disk_found_free(&disk, &found);
    write_entry(&disk, (uint64_t)count + 1, 2);
    return count;
}

START_TEST(test_empty_is_fresh)
{
    struct mem *mem = test_mem();
    struct tape tape;
    struct disk_found found;
    struct disk disk;

    tape_init(&tape);
    disk_init(&disk, &tape.plat, mem, SVC_STORE, 1);
    ck_assert_int_eq(disk_open(&disk, &found), 0);
    ck_assert(found.fresh);
    mem_destroy(mem);
}
END_TEST

START_TEST(test_torn_at_every_byte)
{
    struct mem *mem = test_mem();
    struct tape whole;
    static struct tape torn;
    size_t ends[ENTRIES + 1];

    fill(&whole, mem);
    ends[0] = DISK_HEAD_BYTES;
    for (unsigned i = 0; i < ENTRIES; i++)
        ends[i + 1] = ends[i] + DISK_RECORD_BYTES + strlen("entry n");
    ck_assert_uint_eq(ends[ENTRIES], whole.size[STORAGE_LOG]);
    for (size_t cut = 0; cut <= whole.size[STORAGE_LOG]; cut++) {
        int expected = 0;

        torn = whole;
        torn.plat.ops = &tape_ops;
        torn.size[STORAGE_LOG] = cut;
        for (unsigned i = 1; i <= ENTRIES; i++)
            expected += ends[i] <= cut;
        ck_assert_int_eq(recover(&torn, mem), expected);
        ck_assert_int_eq(recover(&torn, mem), expected + 1);
    }
    mem_destroy(mem);
}
END_TEST

/* A flip in the last record looks like a torn write, any other is seen. */
START_TEST(test_every_bit_flipped)
{
    struct mem *mem = test_mem();
    struct tape whole;
    static struct tape flipped;
    size_t last;

    fill(&whole, mem);
    last = whole.size[STORAGE_LOG] - DISK_RECORD_BYTES - strlen("entry n");
    for (size_t bit = 0; bit < whole.size[STORAGE_LOG] * 8; bit++) {
        flipped = whole;
        flipped.bytes[STORAGE_LOG][bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(recover(&flipped, mem),
                         bit / 8 < last ? -ERR_CORRUPT : (int)ENTRIES - 1);
    }
    for (size_t bit = 0; bit < whole.size[STORAGE_META] * 8; bit++) {
        int result;

        flipped = whole;
        flipped.bytes[STORAGE_META][bit / 8] ^= (uint8_t)(1u << bit % 8);
        result = recover(&flipped, mem);
        ck_assert(result == -ERR_CORRUPT || result == -ERR_VERSION);
    }
    mem_destroy(mem);
}
END_TEST

START_TEST(test_log_without_vote_is_corrupt)
{
    struct mem *mem = test_mem();
    struct tape tape;

    fill(&tape, mem);
    tape.size[STORAGE_META] = 0;
    ck_assert_int_eq(recover(&tape, mem), -ERR_CORRUPT);
    mem_destroy(mem);
}
END_TEST

START_TEST(test_truncate_and_write_again)
{
    struct mem *mem = test_mem();
    struct raft_write write = {
        .id = 9, .kind = RAFT_WRITE_TRUNCATE, .index = 3};
    struct disk_found found;
    struct raft_entry entry;
    struct tape tape;
    struct disk disk;

    fill(&tape, mem);
    disk_init(&disk, &tape.plat, mem, SVC_STORE, 2);
    ck_assert_int_eq(disk_open(&disk, &found), 0);
    disk_found_free(&disk, &found);
    ck_assert_int_eq(disk_write(&disk, &write, NULL, NULL, NULL, 0), 0);
    write_entry(&disk, 3, 3);
    disk_init(&disk, &tape.plat, mem, SVC_STORE, 3);
    ck_assert_int_eq(disk_open(&disk, &found), 0);
    ck_assert_uint_eq(disk.last_index, 3);
    ck_assert_int_eq(disk_found_entry(&disk, &found, 3, &entry), 0);
    ck_assert_uint_eq(entry.term, 3);
    mem_destroy(mem);
}
END_TEST

/* A crash after the snapshot's file was replaced and before the log's. */
START_TEST(test_log_behind_a_received_snapshot)
{
    struct mem *mem = test_mem();
    struct disk_found found;
    struct raft_entry entry;
    struct tape tape;
    struct disk disk;

    fill(&tape, mem);
    disk_init(&disk, &tape.plat, mem, SVC_STORE, 2);
    ck_assert_int_eq(disk_open(&disk, &found), 0);
    /* Its own snapshot at 4: the rest of the log follows. */
    ck_assert_int_eq(disk_follow_snapshot(&disk, &found, 4, 2), 0);
    ck_assert_int_eq(disk_found_entry(&disk, &found, 5, &entry), 0);
    /* One of another history at 4: nothing follows. */
    ck_assert_int_eq(disk_follow_snapshot(&disk, &found, 4, 3), 0);
    ck_assert_int_eq(disk_found_entry(&disk, &found, 5, &entry), ERR_NOENT);
    ck_assert_uint_eq(tape.size[STORAGE_LOG], 0);
    disk_found_free(&disk, &found);
    write_entry(&disk, 5, 3);
    disk_init(&disk, &tape.plat, mem, SVC_STORE, 3);
    ck_assert_int_eq(disk_open(&disk, &found), 0);
    ck_assert_uint_eq(disk.base_index, 4);
    ck_assert_uint_eq(disk.last_index, 5);
    /* A log that begins after its snapshot ends has lost entries. */
    ck_assert_int_eq(disk_follow_snapshot(&disk, &found, 2, 2), ERR_CORRUPT);
    mem_destroy(mem);
}
END_TEST

START_TEST(test_tokens_tell_lives)
{
    struct mem *mem = test_mem();
    enum disk_token_kind kind;
    struct tape tape;
    struct disk disk;
    uint64_t id;
    uint64_t token = (1ull << 42) | (1ull << 40) | 77;

    tape_init(&tape);
    disk_init(&disk, &tape.plat, mem, SVC_STORE, 1);
    ck_assert_int_eq(disk_token_read(&disk, token, &kind, &id), 0);
    ck_assert_uint_eq(id, 77);
    ck_assert_int_eq(kind, DISK_TOKEN_WRITE);
    disk.life = 2;
    ck_assert_int_eq(disk_token_read(&disk, token, &kind, &id), ERR_STALE);
    mem_destroy(mem);
}
END_TEST

Suite *
disk_suite(void)
{
    Suite *suite = suite_create("disk");
    TCase *tcase = tcase_create("disk");

    tcase_add_test(tcase, test_empty_is_fresh);
    tcase_add_test(tcase, test_torn_at_every_byte);
    tcase_add_test(tcase, test_every_bit_flipped);
    tcase_add_test(tcase, test_log_without_vote_is_corrupt);
    tcase_add_test(tcase, test_truncate_and_write_again);
    tcase_add_test(tcase, test_log_behind_a_received_snapshot);
    tcase_add_test(tcase, test_tokens_tell_lives);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
    return suite;
}
