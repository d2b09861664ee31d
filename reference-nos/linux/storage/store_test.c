/* SPDX-License-Identifier: Apache-2.0
 *
 * The consensus store's own files on a real file system, cut and damaged: it
 * cuts a torn tail and refuses damage before it.
 */
#include "reference-nos/linux/storage/storage_test.h"
#include "reference-nos/runtime/service_ids.h"
#include "reference-nos/store/disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES 6u
#define BYTES_MAX 4096u

struct box {
    struct plat plat; /* first */
    struct lab lab;
    struct mem *mem;
};

static struct storage *
storage_of(struct plat *plat)
{
    return ((struct box *)plat)->lab.storage;
}

static int
box_append(struct plat *plat, enum storage_file file, const void *bytes,
           size_t size)
{
    return storage_append(storage_of(plat), file, bytes, size);
}

static int
box_truncate(struct plat *plat, enum storage_file file, uint64_t size)
{
    return storage_truncate(storage_of(plat), file, size);
}

static int
box_sync(struct plat *plat, enum storage_file file, unsigned service,
         uint64_t token)
{
    return storage_sync(storage_of(plat), file, service, token);
}

static int
box_replace(struct plat *plat, enum storage_file file, const void *bytes,
            size_t size, unsigned service, uint64_t token)
{
    return storage_replace(storage_of(plat), file, bytes, size, service,
                           token);
}

static int
box_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    return storage_size(storage_of(plat), file, size);
}

static int
box_read(struct plat *plat, enum storage_file file, uint64_t offset,
         void *bytes, size_t size)
{
    return storage_read(storage_of(plat), file, offset, bytes, size);
}

static const struct plat_ops box_ops = {
    .storage_append = box_append,
    .storage_truncate = box_truncate,
    .storage_sync = box_sync,
    .storage_replace = box_replace,
    .storage_size = box_size,
    .storage_read = box_read,
};

static void *
take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
give(void *arg, void *chunk, size_t size)
{
    (void)arg, (void)size;
    free(chunk);
}

static void
box_init(struct box *box)
{
    struct mem_source source = {take, give, NULL};

    memset(box, 0, sizeof(*box));
    box->plat.ops = &box_ops;
    box->mem = mem_create(&source, MEM_NO_LIMIT);
    /* In memory: it is opened hundreds of times. */
    lab_init_in(&box->lab, "/dev/shm");
}

static void
box_fini(struct box *box)
{
    mem_destroy(box->mem);
    lab_fini(&box->lab);
}

/* A voter that voted once and appended ENTRIES entries. */
static void
box_write(struct box *box)
{
    struct raft_write vote = {
        .id = 1, .kind = RAFT_WRITE_VOTE, .term = 3, .voted_for = 9};
    struct disk_found found;
    struct disk disk;

    lab_open(&box->lab);
    disk_init(&disk, &box->plat, box->mem, SVC_STORE, 1);
    ck_assert_int_eq(disk_open(&disk, &found), 0);
    ck_assert(found.fresh);
    disk_found_free(&disk, &found);
    ck_assert_int_eq(disk_write(&disk, &vote, NULL, NULL, NULL, 0), 0);
    for (unsigned i = 1; i <= ENTRIES; i++) {
        struct raft_entry entry = {.index = i,
                                   .term = 3,
                                   .kind = RAFT_ENTRY_DATA,
                                   .size = 10 * i,
                                   .data = "the bytes of an entry, which are "
                                           "longer than sixty, so that all "
                                           "sizes fit"};
        struct raft_write write = {.id = 1 + i,
                                   .kind = RAFT_WRITE_ENTRIES,
                                   .entry_count = 1,
                                   .entries = &entry};

        ck_assert_int_eq(disk_write(&disk, &write, NULL, NULL, NULL, 0), 0);
    }
    ck_assert_int_eq(disk_flush(&disk), 0);
    lab_wait(&box->lab, 2);
    ck_assert_int_eq(box->lab.done[0].status, 0);
    ck_assert_int_eq(box->lab.done[1].status, 0);
    lab_close(&box->lab);
}

/* Opens again: the verdict, and the last entry that is there. */
static int
box_recover(struct box *box, uint64_t *last)
{
    struct disk_found found;
    struct disk disk;
    int error;

    lab_open(&box->lab);
    disk_init(&disk, &box->plat, box->mem, SVC_STORE, 2);
    error = disk_open(&disk, &found);
    if (error == 0) {
        *last = disk.last_index;
        ck_assert_uint_eq(found.term, 3);
        disk_found_free(&disk, &found);
    }
    lab_close(&box->lab);
    return error;
}

static size_t
file_get(const struct box *box, const char *name, uint8_t bytes[BYTES_MAX])
{
    char path[160];
    ssize_t size;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", box->lab.state, name);
    fd = open(path, O_RDONLY);
    size = read(fd, bytes, BYTES_MAX);
    ck_assert_int_gt(size, 0);
    (void)close(fd);
    return (size_t)size;
}

static void
file_put(const struct box *box, const char *name, const uint8_t *bytes,
         size_t size)
{
    char path[160];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", box->lab.state, name);
    fd = open(path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    (void)close(fd);
}

/* Wherever a crash cut the log, what is whole is kept and the rest is gone
 * from the file too. */
START_TEST(test_torn_tail)
{
    struct box box;
    uint8_t bytes[BYTES_MAX];
    uint64_t last = 0;
    uint64_t before = 0;
    size_t size;

    box_init(&box);
    box_write(&box);
    size = file_get(&box, "log", bytes);
    for (size_t cut = 1; cut <= size; cut++) {
        uint8_t left[BYTES_MAX];

        file_put(&box, "log", bytes, cut);
        ck_assert_int_eq(box_recover(&box, &last), 0);
        ck_assert_uint_ge(last, before);
        ck_assert_uint_le(last, before + 1);
        before = last;
        if (last > 0)
            ck_assert_uint_le(file_get(&box, "log", left), cut);
        ck_assert_int_eq(box_recover(&box, &last), 0);
        ck_assert_uint_eq(last, before);
    }
    ck_assert_uint_eq(last, ENTRIES);
    box_fini(&box);
}
END_TEST

/* A flipped bit is refused, or, in the last record alone, taken for a torn
 * write; it is never read as another entry. */
START_TEST(test_flipped_log)
{
    struct box box;
    uint8_t bytes[BYTES_MAX];
    unsigned refused = 0;
    size_t size;
    size_t last_record;

    box_init(&box);
    box_write(&box);
    size = file_get(&box, "log", bytes);
    last_record = size - 29 - 10 * ENTRIES;
    for (size_t at = 0; at < size; at++) {
        uint64_t last = 0;
        int error;

        bytes[at] ^= (uint8_t)(1u << at % 8);
        file_put(&box, "log", bytes, size);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        error = box_recover(&box, &last);
        if (at < last_record) {
            ck_assert_int_eq(error, ERR_CORRUPT);
            refused++;
        } else {
            ck_assert_int_eq(error, 0);
            ck_assert_uint_eq(last, ENTRIES - 1);
        }
    }
    ck_assert_uint_eq(refused, last_record);
    box_fini(&box);
}
END_TEST

START_TEST(test_damaged_meta)
{
    struct box box;
    uint8_t bytes[BYTES_MAX];
    uint64_t last;
    size_t size;

    box_init(&box);
    box_write(&box);
    size = file_get(&box, "meta", bytes);
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= 1;
        file_put(&box, "meta", bytes, size);
        bytes[at] ^= 1;
        ck_assert_int_ne(box_recover(&box, &last), 0);
        file_put(&box, "meta", bytes, at == 0 ? 1 : at);
        ck_assert_int_eq(box_recover(&box, &last), ERR_CORRUPT);
    }
    box_fini(&box);
}
END_TEST

Suite *
store_suite(void)
{
    Suite *suite = suite_create("storage store");
    TCase *tests = tcase_create("store");

    tcase_add_test(tests, test_torn_tail);
    tcase_add_test(tests, test_flipped_log);
    tcase_add_test(tests, test_damaged_meta);
    suite_add_tcase(suite, tests);
    return suite;
}
