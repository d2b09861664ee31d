/* SPDX-License-Identifier: Apache-2.0
 *
 * A full and a read-only file system: a tiny tmpfs in a mount namespace of
 * the test's own.  Without the privilege for one this test is skipped.
 */
#include "reference-nos/linux/storage/storage_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77
#define BLOCK_BYTES 16384u

static int
mount_private(const char *place)
{
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return errno;
    return mount("tmpfs", place, "tmpfs", 0, "size=256k") == 0 ? 0 : errno;
}

static void
lab_mount(struct lab *lab)
{
    lab_init(lab);
    ck_assert_int_eq(mount_private(lab->root), 0);
}

static void
lab_unmount(struct lab *lab)
{
    ck_assert_int_eq(umount(lab->root), 0);
    lab_fini(lab);
}

/* Takes all the room there is. */
static void
fill(const struct lab *lab, char path[160])
{
    static const char block[4096];
    int fd;

    (void)snprintf(path, 160, "%s/ballast", lab->root);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof(block)) > 0) {
    }
    ck_assert_int_eq(errno, ENOSPC);
    (void)close(fd);
}

START_TEST(test_full)
{
    static char block[BLOCK_BYTES];
    char ballast[160];
    struct lab lab;
    uint64_t size = 0;

    memset(block, 'x', sizeof(block));
    lab_mount(&lab);
    lab_open(&lab);
    ck_assert_int_eq(
        storage_append(lab.storage, STORAGE_LOG, block, sizeof(block)), 0);
    ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 2, 1), 0);
    ck_assert_int_eq(
        storage_replace(lab.storage, STORAGE_META, "old", 3, 2, 2), 0);
    lab_wait(&lab, 2);
    fill(&lab, ballast);
    ck_assert_int_eq(
        storage_append(lab.storage, STORAGE_LOG, block, sizeof(block)), 0);
    ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 2, 3), 0);
    ck_assert_int_eq(
        storage_replace(lab.storage, STORAGE_META, "new", 3, 2, 4), 0);
    ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 2, 5), 0);
    lab_wait(&lab, 5);
    ck_assert_int_eq(lab.done[2].status, ERR_NOSPACE);
    ck_assert_int_eq(lab.done[3].status, ERR_NOSPACE);
    ck_assert_int_eq(lab.done[4].status, ERR_NOSPACE);
    lab_expect(&lab, STORAGE_META, "old");
    /* Room again: the next life goes on from what is there. */
    ck_assert_int_eq(unlink(ballast), 0);
    ck_assert_int_eq(storage_size(lab.storage, STORAGE_LOG, &size), 0);
    ck_assert_uint_ge(size, sizeof(block));
    ck_assert_int_eq(storage_truncate(lab.storage, STORAGE_LOG, sizeof(block)),
                     0);
    ck_assert_int_eq(
        storage_append(lab.storage, STORAGE_LOG, block, sizeof(block)), 0);
    ck_assert_int_eq(storage_sync(lab.storage, STORAGE_LOG, 2, 6), 0);
    ck_assert_int_eq(
        storage_replace(lab.storage, STORAGE_META, "new", 3, 2, 7), 0);
    lab_wait(&lab, 7);
    ck_assert_int_eq(lab.done[5].status, 0);
    ck_assert_int_eq(lab.done[6].status, 0);
    lab_expect(&lab, STORAGE_META, "new");
    lab_close(&lab);
    lab_unmount(&lab);
}
END_TEST

/* A box that has booted once boots on a full disk too; a first boot says
 * what is wrong. */
START_TEST(test_full_at_boot)
{
    char ballast[160];
    char message[256] = "";
    char other[160];
    struct lab lab;
    uint64_t value = 0;

    lab_mount(&lab);
    ck_assert_int_eq(
        storage_incarnation(lab.state, &value, message, sizeof(message)), 0);
    fill(&lab, ballast);
    ck_assert_int_eq(
        storage_incarnation(lab.state, &value, message, sizeof(message)), 0);
    ck_assert_uint_eq(value, 2);
    (void)snprintf(other, sizeof(other), "%s/other", lab.root);
    ck_assert_int_eq(
        storage_incarnation(other, &value, message, sizeof(message)),
        ERR_NOSPACE);
    ck_assert_ptr_nonnull(strstr(message, "no space left"));
    ck_assert_int_eq(unlink(ballast), 0);
    ck_assert_int_eq(
        storage_incarnation(lab.state, &value, message, sizeof(message)), 0);
    ck_assert_uint_eq(value, 3);
    lab_unmount(&lab);
}
END_TEST

static void
never(void *arg, unsigned service, uint64_t token, int status)
{
    (void)arg, (void)service, (void)token, (void)status;
    ck_abort();
}

START_TEST(test_readonly)
{
    struct storage *storage = NULL;
    char message[256] = "";
    struct lab lab;
    uint64_t value;

    lab_mount(&lab);
    lab_open(&lab);
    lab_close(&lab);
    ck_assert_int_eq(
        mount(NULL, lab.root, NULL, MS_REMOUNT | MS_RDONLY, "size=256k"), 0);
    ck_assert_int_eq(storage_open(&lab.loop, lab.state, never, NULL, &storage,
                                  message, sizeof(message)),
                     ERR_READONLY);
    ck_assert_ptr_nonnull(strstr(message, lab.state));
    ck_assert_ptr_nonnull(strstr(message, "Read-only file system"));
    ck_assert_int_eq(
        storage_incarnation(lab.state, &value, message, sizeof(message)),
        ERR_READONLY);
    lab_unmount(&lab);
}
END_TEST

/* May this process have a mount namespace? */
static int
privileged(void)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        _exit(mount_private("/tmp") == 0 ? 0 : 1);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int
main(void)
{
    Suite *suite;
    TCase *tests;
    SRunner *runner;
    int failed;

    if (!privileged()) {
        (void)puts("SKIPPED: a mount namespace needs root");
        return SKIPPED;
    }
    suite = suite_create("storage mount");
    tests = tcase_create("mount");
    tcase_add_test(tests, test_full);
    tcase_add_test(tests, test_full_at_boot);
    tcase_add_test(tests, test_readonly);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
