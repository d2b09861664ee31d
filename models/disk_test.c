/* SPDX-License-Identifier: Apache-2.0 */
#include "models/disk.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/models_test.h"

struct rig {
    struct kernel *kernel;
    struct disk *disk;
    unsigned done_count;
    uint64_t last_token;
    int last_status;
    struct simtime last_at;
};

static void
on_done(void *context, unsigned service, uint64_t token, int status)
{
    struct rig *rig = context;

    ck_assert_uint_eq(service, 4);
    ck_assert_uint_gt(token, rig->last_token); /* In the order asked. */
    rig->done_count++;
    rig->last_token = token;
    rig->last_status = status;
    rig->last_at = kernel_now(rig->kernel);
}

static struct rig *
rig_create(uint64_t seed)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct disk_options options = {
        .sync_min = simtime_from_us(100),
        .sync_max = simtime_from_us(200),
        .replace_min = simtime_from_us(100),
        .replace_max = simtime_from_us(200),
        .bytes_per_s = 1000000,
        .capacity_bytes = 1000000,
        .seed = seed,
        .entity = 3,
        .done = on_done,
        .context = rig,
    };

    rig->kernel = kernel_create();
    rig->disk = disk_create(rig->kernel, &options);
    return rig;
}

static void
rig_destroy(struct rig *rig)
{
    disk_destroy(rig->disk);
    kernel_destroy(rig->kernel);
    free(rig);
}

static void
append(struct rig *rig, const char *text)
{
    ck_assert_int_eq(disk_append(rig->disk, STORAGE_LOG, text, strlen(text)),
                     0);
}

static void
sync_log(struct rig *rig, uint64_t token)
{
    ck_assert_int_eq(
        disk_sync(rig->disk, STORAGE_LOG, kernel_now(rig->kernel), 4, token),
        0);
}

static void
replace(struct rig *rig, const char *text, uint64_t token)
{
    ck_assert_int_eq(disk_replace(rig->disk, STORAGE_META, text, strlen(text),
                                  kernel_now(rig->kernel), 4, token),
                     0);
}

static void
run(struct rig *rig)
{
    (void)kernel_run_count(rig->kernel, 1000);
}

/* The content of a file as text. */
static const char *
content(struct rig *rig, enum storage_file file)
{
    static char text[4096];
    uint64_t size = 0;

    ck_assert_int_eq(disk_size(rig->disk, file, &size), 0);
    ck_assert_uint_lt(size, sizeof(text));
    ck_assert_int_eq(disk_read(rig->disk, file, 0, text, size), 0);
    text[size] = '\0';
    return text;
}

START_TEST(synced_survives)
{
    struct rig *rig = rig_create((uint64_t)_i);

    append(rig, "durable");
    sync_log(rig, 1);
    replace(rig, "old", 2);
    run(rig);
    ck_assert_uint_eq(rig->done_count, 2);
    disk_crash(rig->disk);
    ck_assert_str_eq(content(rig, STORAGE_LOG), "durable");
    ck_assert_str_eq(content(rig, STORAGE_META), "old");
    rig_destroy(rig);
}
END_TEST

START_TEST(latency_and_rate)
{
    struct rig *rig = rig_create(1);
    static char block[10000];

    /* 10,000 bytes at 1 MB/s take 10 ms. */
    ck_assert_int_eq(disk_append(rig->disk, STORAGE_LOG, block, sizeof(block)),
                     0);
    sync_log(rig, 1);
    run(rig);
    ck_assert_uint_ge(rig->last_at.ps, simtime_from_us(10100).ps);
    ck_assert_uint_le(rig->last_at.ps, simtime_from_us(10200).ps);
    struct simtime first = rig->last_at;
    sync_log(rig, 2); /* Nothing new to carry. */
    run(rig);
    ck_assert_uint_le(rig->last_at.ps,
                      simtime_add(first, simtime_from_us(200)).ps);
    rig_destroy(rig);
}
END_TEST

/* Over many seeds every length of the tail is seen, and nothing else. */
START_TEST(unsynced_leaves_a_torn_tail)
{
    bool seen[11] = {false};
    int all = 0;

    for (uint64_t seed = 0; seed < 400; seed++) {
        struct rig *rig = rig_create(seed);

        append(rig, "abcd");
        sync_log(rig, 1);
        run(rig);
        append(rig, "efg");
        append(rig, "hijklmn");
        disk_crash(rig->disk);
        const char *kept = content(rig, STORAGE_LOG);
        ck_assert_int_eq(strncmp("abcdefghijklmn", kept, strlen(kept)), 0);
        ck_assert_uint_ge(strlen(kept), 4);
        seen[strlen(kept) - 4] = true;
        run(rig);
        ck_assert_uint_eq(rig->done_count, 1);
        rig_destroy(rig);
    }
    for (int i = 0; i < 11; i++)
        all += seen[i];
    ck_assert_int_eq(all, 11);
}
END_TEST

START_TEST(all_unsynced_can_be_lost)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct rig *rig = rig_create(seed);

        append(rig, "abcd");
        sync_log(rig, 1);
        run(rig);
        disk_set_lose_unsynced(rig->disk, true);
        append(rig, "efg");
        ck_assert_int_eq(disk_truncate(rig->disk, STORAGE_LOG, 2), 0);
        replace(rig, "meta", 2);
        ck_assert_str_eq(content(rig, STORAGE_LOG), "ab");
        disk_crash(rig->disk);
        ck_assert_str_eq(content(rig, STORAGE_LOG), "abcd");
        ck_assert_str_eq(content(rig, STORAGE_META), "");
        rig_destroy(rig);
    }
}
END_TEST

/* A crash while a replace is under way leaves old or new, never a mixture;
 * one that waits behind it has not begun. */
START_TEST(replace_is_atomic)
{
    int old = 0;
    int new = 0;

    for (uint64_t seed = 0; seed < 100; seed++) {
        struct rig *rig = rig_create(seed);

        replace(rig, "old", 1);
        run(rig);
        replace(rig, "brandnew", 2);
        replace(rig, "later", 3);
        ck_assert_str_eq(content(rig, STORAGE_META), "later");
        (void)kernel_run_until(
            rig->kernel,
            simtime_add(kernel_now(rig->kernel), simtime_from_us(50)));
        disk_crash(rig->disk);
        const char *kept = content(rig, STORAGE_META);
        if (strcmp(kept, "old") == 0)
            old++;
        else if (strcmp(kept, "brandnew") == 0)
            new ++;
        rig_destroy(rig);
    }
    ck_assert_int_eq(old + new, 100);
    ck_assert_int_gt(old, 25);
    ck_assert_int_gt(new, 25);
}
END_TEST

START_TEST(stall_delays_all)
{
    struct rig *rig = rig_create(1);

    append(rig, "x");
    sync_log(rig, 1);
    disk_stall(rig->disk, simtime_from_s(5));
    sync_log(rig, 2);
    (void)kernel_run_until(rig->kernel, simtime_from_s(5));
    ck_assert_uint_eq(rig->done_count, 0);
    run(rig);
    ck_assert_uint_eq(rig->done_count, 2);
    ck_assert_uint_le(rig->last_at.ps, simtime_from_us(5000500).ps);
    disk_stall(rig->disk, simtime_from_s(1));
    struct simtime before = kernel_now(rig->kernel);
    sync_log(rig, 3);
    run(rig);
    ck_assert_uint_ge(simtime_sub(rig->last_at, before).ps,
                      simtime_from_s(1).ps);
    rig_destroy(rig);
}
END_TEST

START_TEST(errors_are_reported)
{
    struct rig *rig = rig_create(1);
    char byte;
    uint64_t size;

    append(rig, "kept");
    sync_log(rig, 1);
    replace(rig, "old", 2);
    run(rig);
    disk_set_error(rig->disk, true);
    ck_assert_int_eq(disk_read(rig->disk, STORAGE_LOG, 0, &byte, 1), ERR_IO);
    ck_assert_int_eq(disk_size(rig->disk, STORAGE_LOG, &size), ERR_IO);
    append(rig, "more");
    sync_log(rig, 3);
    run(rig);
    ck_assert_int_eq(rig->last_status, ERR_IO);
    replace(rig, "new", 4);
    run(rig);
    ck_assert_int_eq(rig->last_status, ERR_IO);
    disk_set_error(rig->disk, false);
    ck_assert_str_eq(content(rig, STORAGE_META), "old");
    ck_assert_str_eq(content(rig, STORAGE_LOG), "keptmore");
    sync_log(rig, 5); /* What failed to be synced is carried now. */
    run(rig);
    ck_assert_int_eq(rig->last_status, 0);
    disk_set_lose_unsynced(rig->disk, true);
    disk_crash(rig->disk);
    ck_assert_str_eq(content(rig, STORAGE_LOG), "keptmore");
    rig_destroy(rig);
}
END_TEST

START_TEST(full_and_out_of_range)
{
    struct rig *rig = rig_create(1);
    static char big[1000001];
    char byte;

    ck_assert_int_eq(disk_append(rig->disk, STORAGE_LOG, big, sizeof(big)),
                     ERR_NOSPACE);
    append(rig, "abc");
    disk_set_full(rig->disk, true);
    ck_assert_int_eq(disk_append(rig->disk, STORAGE_LOG, "d", 1), ERR_NOSPACE);
    ck_assert_int_eq(disk_replace(rig->disk, STORAGE_META, "d", 1,
                                  simtime_from_ps(0), 4, 9),
                     ERR_NOSPACE);
    disk_set_full(rig->disk, false);
    append(rig, "d");
    ck_assert_int_eq(disk_read(rig->disk, STORAGE_LOG, 4, &byte, 1),
                     ERR_TRUNCATED);
    ck_assert_int_eq(disk_read(rig->disk, STORAGE_LOG, 5, &byte, 0),
                     ERR_TRUNCATED);
    ck_assert_int_eq(disk_truncate(rig->disk, STORAGE_LOG, 5), ERR_RANGE);
    ck_assert_str_eq(content(rig, STORAGE_LOG), "abcd");
    disk_wipe(rig->disk);
    ck_assert_str_eq(content(rig, STORAGE_LOG), "");
    rig_destroy(rig);
}
END_TEST

/* A sync covers what was written before it was asked for, no more. */
START_TEST(sync_covers_what_came_before)
{
    struct rig *rig = rig_create(1);

    append(rig, "one");
    sync_log(rig, 1);
    append(rig, "two");
    run(rig);
    disk_set_lose_unsynced(rig->disk, true);
    disk_crash(rig->disk);
    ck_assert_str_eq(content(rig, STORAGE_LOG), "one");
    rig_destroy(rig);
}
END_TEST

Suite *
disk_suite(void)
{
    Suite *suite = suite_create("disk");
    TCase *tcase = tcase_create("disk");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, synced_survives, 0, 8);
    tcase_add_test(tcase, latency_and_rate);
    tcase_add_test(tcase, unsynced_leaves_a_torn_tail);
    tcase_add_test(tcase, all_unsynced_can_be_lost);
    tcase_add_test(tcase, replace_is_atomic);
    tcase_add_test(tcase, stall_delays_all);
    tcase_add_test(tcase, errors_are_reported);
    tcase_add_test(tcase, full_and_out_of_range);
    tcase_add_test(tcase, sync_covers_what_came_before);
    suite_add_tcase(suite, tcase);
    return suite;
}
