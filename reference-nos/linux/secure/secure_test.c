/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/secure_test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reference-nos/linux/secure/cert_priv.h"

static int
remove_one(const char *path, const struct stat *status, int kind,
           struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

const char *
test_path(const char *directory, const char *name)
{
    static char path[4][CERT_PATH_MAX];
    static unsigned at;

    at = (at + 1) % 4;
    snprintf(path[at], sizeof(path[at]), "%s/%s", directory, name);
    return path[at];
}

void
test_remove(const char *directory)
{
    ck_assert_int_eq(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void
test_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, 0600), 0);
}

void
test_copy(const char *from, const char *to)
{
    static char bytes[65536];
    FILE *in = fopen(from, "r"), *out;
    size_t size;

    ck_assert_ptr_nonnull(in);
    size = fread(bytes, 1, sizeof(bytes), in);
    fclose(in);
    unlink(to);
    out = fopen(to, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, size, out), size);
    ck_assert_int_eq(fclose(out), 0);
}

int
main(void)
{
    SRunner *runner = srunner_create(identity_suite());
    int failed;

    srunner_add_suite(runner, peering_suite());
    srunner_add_suite(runner, hostile_suite());
    srunner_add_suite(runner, net_suite());
    srunner_add_suite(runner, enroll_suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
