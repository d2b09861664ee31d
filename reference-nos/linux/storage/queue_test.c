/* SPDX-License-Identifier: Apache-2.0
 *
 * Order, durability at completion, errors that stick, the lock.
 */
#include "reference-nos/linux/storage/storage_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

START_TEST(test_round_trip)
{
    struct lab lab;

    lab_init(&lab);
    lab_open(&lab);
    lab_expect(&lab, STORAGE_LOG, "");
    lab_append(&lab, STORAGE_LOG, "one ");
    lab_append(&lab, STORAGE_LOG, "two");
    lab_expect(&lab, STORAGE_LOG, "one two");
    ck_assert_int_eq(storage_truncate(lab.storage, STORAGE_LOG, 4), 0);
    lab_append(&lab, STORAGE_LOG, "more");
    ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 2, 77), 0);
    ck_assert_int_eq(
        storage_replace(lab.storage, STORAGE_META, "vote", 4, 3, 78), 0);
    lab_wait(&lab, 2);
    ck_assert_uint_eq(lab.done[0].token, 77);
    ck_assert_uint_eq(lab.done[0].service, 2);
    ck_assert_int_eq(lab.done[0].status, 0);
    ck_assert_uint_eq(lab.done[1].token, 78);
    ck_assert_int_eq(lab.done[1].status, 0);
    lab_close(&lab);
    lab_open(&lab);
    lab_expect(&lab, STORAGE_LOG, "one more");
    lab_expect(&lab, STORAGE_META, "vote");
    lab_expect(&lab, STORAGE_CARD, "");
    lab_close(&lab);
    lab_fini(&lab);
}
END_TEST

/* A log written anew is appended to like the one before. */
START_TEST(test_replace_then_append)
{
    struct lab lab;

    lab_init(&lab);
    lab_open(&lab);
    lab_append(&lab, STORAGE_LOG, "old old old");
    ck_assert_int_eq(storage_replace(lab.storage, STORAGE_LOG, "new", 3, 1, 1),
                     0);
    lab_append(&lab, STORAGE_LOG, "er");
    ck_assert_int_eq(storage_truncate(lab.storage, STORAGE_LOG, 6), ERR_RANGE);
    ck_assert_int_eq(storage_truncate(lab.storage, STORAGE_LOG, 4), 0);
    ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 1, 2), 0);
    lab_wait(&lab, 2);
    ck_assert_int_eq(lab.done[0].status, 0);
    ck_assert_int_eq(lab.done[1].status, 0);
    lab_close(&lab);
    lab_open(&lab);
    lab_expect(&lab, STORAGE_LOG, "newe");
    lab_close(&lab);
    lab_fini(&lab);
}
END_TEST

START_TEST(test_reads)
{
    struct lab lab;
    char bytes[8] = "";

    lab_init(&lab);
    lab_open(&lab);
    lab_append(&lab, STORAGE_CARD, "0123456789");
    ck_assert_int_eq(storage_read(lab.storage, STORAGE_CARD, 4, bytes, 3), 0);
    ck_assert_str_eq(bytes, "456");
    ck_assert_int_eq(storage_read(lab.storage, STORAGE_CARD, 8, bytes, 3),
                     ERR_TRUNCATED);
    ck_assert_int_eq(storage_read(lab.storage, STORAGE_CARD, 11, bytes, 0),
                     ERR_TRUNCATED);
    ck_assert_int_eq(
        storage_read(lab.storage, STORAGE_CARD, UINT64_MAX, bytes, 1),
        ERR_TRUNCATED);
    lab_close(&lab);
    lab_fini(&lab);
}
END_TEST

/* Many operations complete in the order in which they were asked for, also
 * when a read comes between and does the rest itself. */
START_TEST(test_order)
{
    struct lab lab;
    uint64_t size;
    unsigned count = 200;

    lab_init(&lab);
    lab_open(&lab);
    for (unsigned i = 0; i < count; i++) {
        enum storage_file file = (enum storage_file)(i % STORAGE_FILE_COUNT);

        lab_append(&lab, file, "x");
        if (i % 3 == 0)
            ck_assert_int_eq(storage_replace(lab.storage, file, "yy", 2, i, i),
                             0);
        else
            ck_assert_int_eq(storage_sync(lab.storage, file, i, i), 0);
        if (i == 50 || i == 120)
            ck_assert_int_eq(storage_size(lab.storage, file, &size), 0);
    }
    lab_wait(&lab, count);
    for (unsigned i = 0; i < count; i++) {
        ck_assert_uint_eq(lab.done[i].token, i);
        ck_assert_int_eq(lab.done[i].status, 0);
    }
    lab_close(&lab);
    lab_fini(&lab);
}
END_TEST

/* What is queued when storage closes is dropped, and nobody is told. */
START_TEST(test_close_drops)
{
    struct lab lab;
    unsigned told;

    lab_init(&lab);
    lab_open(&lab);
    for (unsigned i = 0; i < 100; i++) {
        lab_append(&lab, STORAGE_LOG, "entry");
        ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 1, i), 0);
    }
    lab_wait(&lab, 1);
    told = lab.done_count;
    lab_close(&lab);
    ck_assert_uint_eq(lab.done_count, told);
    ck_assert_uint_lt(told, 100);
    lab_fini(&lab);
}
END_TEST

/* The first error of a file is the answer from then on, and of no other file;
 * a new life starts from what is there. */
START_TEST(test_errors_stick)
{
    struct rlimit limit = {.rlim_cur = 65536, .rlim_max = RLIM_INFINITY};
    static char block[40000];
    struct lab lab;
    uint64_t size = 0;

    (void)signal(SIGXFSZ, SIG_IGN);
    lab_init(&lab);
    lab_open(&lab);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(
            storage_append(lab.storage, STORAGE_LOG, block, sizeof(block)), 0);
        ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 2, i), 0);
    }
    ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 2, 2), 0);
    ck_assert_int_eq(storage_replace(lab.storage, STORAGE_LOG, "x", 1, 2, 3),
                     0);
    ck_assert_int_eq(storage_replace(lab.storage, STORAGE_META, "x", 1, 2, 4),
                     0);
    lab_wait(&lab, 5);
    ck_assert_int_eq(lab.done[0].status, 0);
    ck_assert_int_eq(lab.done[1].status, ERR_FULL);
    ck_assert_int_eq(lab.done[2].status, ERR_FULL);
    ck_assert_int_eq(lab.done[3].status, ERR_FULL);
    ck_assert_int_eq(lab.done[4].status, 0);
    ck_assert_int_eq(storage_size(lab.storage, STORAGE_LOG, &size), 0);
    ck_assert_uint_ge(size, sizeof(block));
    ck_assert_int_eq(storage_truncate(lab.storage, STORAGE_LOG, sizeof(block)),
                     0);
    ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 2, 5), 0);
    lab_wait(&lab, 6);
    ck_assert_int_eq(lab.done[5].status, 0);
    lab_close(&lab);
    lab_fini(&lab);
}
END_TEST

/* A replace that fails leaves the old content. */
START_TEST(test_replace_fails)
{
    struct rlimit limit = {.rlim_cur = 65536, .rlim_max = RLIM_INFINITY};
    static char block[100000];
    struct lab lab;

    (void)signal(SIGXFSZ, SIG_IGN);
    lab_init(&lab);
    lab_open(&lab);
    ck_assert_int_eq(
        storage_replace(lab.storage, STORAGE_CARD, "old", 3, 1, 1), 0);
    lab_wait(&lab, 1);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(
        storage_replace(lab.storage, STORAGE_CARD, block, sizeof(block), 1, 2),
        0);
    lab_wait(&lab, 2);
    ck_assert_int_eq(lab.done[1].status, ERR_FULL);
    lab_expect(&lab, STORAGE_CARD, "old");
    lab_close(&lab);
    lab_fini(&lab);
}
END_TEST

START_TEST(test_bounds)
{
    struct lab lab;
    char byte = 0;

    lab_init(&lab);
    lab_open(&lab);
    ck_assert_int_eq(
        storage_append(lab.storage, STORAGE_LOG, &byte, STORAGE_FILE_MAX + 1),
        ERR_FULL);
    ck_assert_int_eq(storage_replace(lab.storage, STORAGE_LOG, &byte,
                                     STORAGE_FILE_MAX + 1, 1, 1),
                     ERR_FULL);
    lab_close(&lab);
    lab_fini(&lab);
}
END_TEST

static void
never(void *arg, unsigned service, uint64_t token, int status)
{
    (void)arg, (void)service, (void)token, (void)status;
    ck_abort();
}

START_TEST(test_one_holder)
{
    struct lab lab;
    struct storage *second = NULL;
    uint64_t incarnation = 4711;
    char message[256] = "";

    lab_init(&lab);
    lab_open(&lab);
    ck_assert_int_eq(storage_open(&lab.loop, lab.state, never, NULL, &second,
                                  message, sizeof(message)),
                     ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(message, lab.state));
    ck_assert_ptr_nonnull(strstr(message, "in use by another process"));
    ck_assert_int_eq(
        storage_incarnation(lab.state, &incarnation, message, sizeof(message)),
        ERR_BUSY);
    ck_assert_uint_eq(incarnation, 4711);
    lab_close(&lab);
    lab_open(&lab);
    lab_close(&lab);
    lab_fini(&lab);
}
END_TEST

static void
write_file(const struct lab *lab, const char *name, const char *text)
{
    char path[160];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", lab->state, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(test_incarnation)
{
    static const char *const bad[] = {"",
                                      "x\n",
                                      "12",
                                      "12x\n",
                                      "-1\n",
                                      "18446744073709551615\n",
                                      "99999999999999999999\n"};
    struct lab lab;
    uint64_t value = 0;
    char message[256] = "";

    lab_init(&lab);
    for (uint64_t i = 1; i <= 3; i++) {
        ck_assert_int_eq(
            storage_incarnation(lab.state, &value, message, sizeof(message)),
            0);
        ck_assert_uint_eq(value, i);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file(&lab, "incarnation", bad[i]);
        ck_assert_int_eq(
            storage_incarnation(lab.state, &value, message, sizeof(message)),
            ERR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(message, "/incarnation: "));
        ck_assert_uint_eq(value, 3);
    }
    /* A half-written new one is no harm. */
    write_file(&lab, "incarnation", "41\n");
    write_file(&lab, "incarnation.new", "4");
    ck_assert_int_eq(
        storage_incarnation(lab.state, &value, message, sizeof(message)), 0);
    ck_assert_uint_eq(value, 42);
    lab_fini(&lab);
}
END_TEST

START_TEST(test_notes_are_kept)
{
    struct lab lab;
    char text[8] = "", message[256] = "";

    lab_init(&lab);
    ck_assert_int_eq(storage_note_read(lab.state, "note", text, sizeof(text),
                                       message, sizeof(message)),
                     ERR_NOENT);
    ck_assert_str_eq(message, "");
    ck_assert_int_eq(storage_note_keep(lab.state, "note", "1234567", message,
                                       sizeof(message)),
                     0);
    ck_assert_int_eq(storage_note_keep(lab.state, "note", "123456\n", message,
                                       sizeof(message)),
                     0);
    ck_assert_int_eq(storage_note_read(lab.state, "note", text, sizeof(text),
                                       message, sizeof(message)),
                     0);
    ck_assert_str_eq(text, "123456\n");
    write_file(&lab, "note", "12345678");
    ck_assert_int_eq(storage_note_read(lab.state, "note", text, sizeof(text),
                                       message, sizeof(message)),
                     ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(message, "/note: "));
    lab_fini(&lab);
}
END_TEST

START_TEST(test_no_directory)
{
    struct lab lab;
    struct storage *storage = NULL;
    char message[256] = "";

    lab_init(&lab);
    ck_assert_int_eq(storage_open(&lab.loop, "/proc/nowhere/state", never,
                                  NULL, &storage, message, sizeof(message)),
                     ERR_NOENT);
    ck_assert_ptr_nonnull(strstr(message, "/proc/nowhere/state"));
    lab_fini(&lab);
}
END_TEST

Suite *
queue_suite(void)
{
    Suite *suite = suite_create("storage");
    TCase *tests = tcase_create("queue");

    tcase_add_test(tests, test_round_trip);
    tcase_add_test(tests, test_replace_then_append);
    tcase_add_test(tests, test_reads);
    tcase_add_test(tests, test_order);
    tcase_add_test(tests, test_close_drops);
    tcase_add_test(tests, test_errors_stick);
    tcase_add_test(tests, test_replace_fails);
    tcase_add_test(tests, test_bounds);
    tcase_add_test(tests, test_one_holder);
    tcase_add_test(tests, test_incarnation);
    tcase_add_test(tests, test_notes_are_kept);
    tcase_add_test(tests, test_no_directory);
    suite_add_tcase(suite, tests);
    return suite;
}
