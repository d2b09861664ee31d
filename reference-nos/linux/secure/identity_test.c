/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "reference-nos/base/err.h"
#include "reference-nos/linux/secure/identity_priv.h"
#include "reference-nos/linux/secure/secure_test.h"

static char root[64];
static char message[512];

static const char *
in(const char *name)
{
    return test_path(root, name);
}

static uint64_t
issue(const char *authority, const char *directory, const char *serial,
      int days)
{
    struct identity_request request = {in(authority), in(directory), serial,
                                       ROLE_NCP, days};
    uint64_t key = 0;

    ck_assert_msg(identity_issue(&request, &key, message, sizeof(message)) ==
                      0,
                  "%s", message);
    return key;
}

static void
setup(void)
{
    strcpy(root, "/tmp/secure-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(identity_authority_make(in("ca"), "test", 100, message,
                                             sizeof(message)),
                     0);
}

static void
teardown(void)
{
    test_remove(root);
}

static int
load(const char *directory)
{
    struct identity *identity = NULL;
    int error =
        identity_load(in(directory), &identity, message, sizeof(message));

    identity_destroy(identity);
    return error;
}

START_TEST(issued_identity_loads)
{
    uint64_t key = issue("ca", "b", "SN-1", 10);
    struct identity *identity;
    struct stat status;

    ck_assert_int_eq(
        identity_load(in("b"), &identity, message, sizeof(message)), 0);
    ck_assert_uint_eq(identity_key(identity), key);
    ck_assert_str_eq(identity_serial(identity), "SN-1");
    ck_assert_int_eq(identity_role(identity), ROLE_NCP);
    ck_assert_uint_ne(identity_cluster_id(identity), 0);
    ck_assert_int_eq(stat(in("b/box.key"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    identity_destroy(identity);
}
END_TEST

/* The formula of identity.h, spelled out a second time. */
START_TEST(key_is_hash_of_serial_and_public_key)
{
    uint64_t key = issue("ca", "b", "SN-1", 10), expected = 0;
    struct identity *identity;
    unsigned char bytes[512] = "SN-1", *at = bytes + 5, hash[32];
    int size;

    ck_assert_int_eq(
        identity_load(in("b"), &identity, message, sizeof(message)), 0);
    size = i2d_PUBKEY(identity->key, &at);
    ck_assert_int_eq(
        EVP_Digest(bytes, (size_t)size + 5, hash, NULL, EVP_sha256(), NULL),
        1);
    for (int i = 0; i < 8; i++)
        expected = expected << 8 | hash[i];
    ck_assert_uint_eq(key, expected);
    identity_destroy(identity);
}
END_TEST

START_TEST(missing_files_are_named)
{
    const char *files[] = {"box.key", "box.crt", "cluster.crt"};
    char path[64];

    ck_assert_int_eq(load("nowhere"), ERR_NOENT);
    ck_assert_ptr_nonnull(strstr(message, "nowhere/box.key"));
    for (int i = 0; i < 3; i++) {
        char directory[8] = {'m', (char)('0' + i), '\0'};

        issue("ca", directory, "S", 10);
        snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
        ck_assert_int_eq(unlink(in(path)), 0);
        ck_assert_int_eq(load(directory), ERR_NOENT);
        ck_assert_ptr_nonnull(strstr(message, path));
    }
}
END_TEST

START_TEST(garbage_is_refused)
{
    issue("ca", "b", "S", 10);
    test_write(in("b/box.crt"), "not a certificate\n");
    ck_assert_int_eq(load("b"), ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(message, "box.crt"));
    issue("ca", "c", "S", 10);
    test_write(in("c/cluster.crl"), "-----BEGIN X509 CRL-----\nAAAA\n");
    ck_assert_int_eq(load("c"), ERR_MALFORMED);
    issue("ca", "d", "S", 10);
    test_write(in("d/box.key"), "");
    ck_assert_int_eq(load("d"), ERR_MALFORMED);
}
END_TEST

START_TEST(open_key_is_refused)
{
    issue("ca", "b", "S", 10);
    ck_assert_int_eq(chmod(in("b/box.key"), 0640), 0);
    ck_assert_int_eq(load("b"), ERR_PERMISSION);
}
END_TEST

START_TEST(unreadable_directory_is_an_error)
{
    issue("ca", "b", "S", 10);
    ck_assert_int_eq(unlink(in("b/box.crt")), 0);
    ck_assert_int_eq(mkdir(in("b/box.crt"), 0700), 0);
    ck_assert_int_eq(load("b"), ERR_IO);
}
END_TEST

START_TEST(wrong_key_is_refused)
{
    issue("ca", "b", "S", 10);
    issue("ca", "c", "S", 10);
    ck_assert_int_eq(rename(in("c/box.key"), in("b/box.key")), 0);
    ck_assert_int_eq(load("b"), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "does not belong"));
}
END_TEST

START_TEST(other_authority_is_refused)
{
    ck_assert_int_eq(identity_authority_make(in("other"), "test", 100, message,
                                             sizeof(message)),
                     0);
    issue("ca", "b", "S", 10);
    issue("other", "c", "S", 10);
    ck_assert_int_eq(rename(in("c/cluster.crt"), in("b/cluster.crt")), 0);
    ck_assert_int_eq(load("b"), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "not signed by"));
}
END_TEST

START_TEST(expired_is_refused)
{
    issue("ca", "b", "S", -1);
    ck_assert_int_eq(load("b"), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "expired"));
}
END_TEST

static int
renew(const char *authority, const char *directory, int days)
{
    return identity_renew(in(authority), in(directory), days, message,
                          sizeof(message));
}

START_TEST(renewed_has_its_key_and_is_not_revoked)
{
    uint64_t key = issue("ca", "b", "SN-1", 10);
    struct identity *identity;

    ck_assert_int_eq(
        identity_revoke(in("ca"), in("b"), message, sizeof(message)), 0);
    test_copy(in("ca/cluster.crl"), in("b/cluster.crl"));
    ck_assert_int_eq(load("b"), ERR_REFUSED);
    ck_assert_int_eq(renew("ca", "b", 10), 0);
    ck_assert_int_eq(
        identity_load(in("b"), &identity, message, sizeof(message)), 0);
    ck_assert_uint_eq(identity_key(identity), key);
    ck_assert_str_eq(identity_serial(identity), "SN-1");
    ck_assert_int_eq(identity_role(identity), ROLE_NCP);
    identity_destroy(identity);
    ck_assert_int_eq(renew("ca", "b", -1), 0);
    ck_assert_int_eq(load("b"), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "expired"));
    ck_assert_int_eq(renew("ca", "b", 10), 0);
    ck_assert_int_eq(load("b"), 0);
}
END_TEST

START_TEST(renewal_needs_what_was_there)
{
    issue("ca", "b", "SN-1", 10);
    issue("ca", "c", "SN-2", 10);
    ck_assert_int_eq(identity_authority_make(in("other"), "test", 100, message,
                                             sizeof(message)),
                     0);
    ck_assert_int_eq(renew("other", "b", 10), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "not of the authority"));
    ck_assert_int_eq(renew("ca", "nowhere", 10), ERR_NOENT);
    ck_assert_int_eq(renew("ca", "b", 40000), ERR_RANGE);
    test_copy(in("c/box.key"), in("b/box.key"));
    ck_assert_int_eq(chmod(in("b/box.key"), 0600), 0);
    ck_assert_int_eq(renew("ca", "b", 10), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "not the key of"));
}
END_TEST

START_TEST(revoked_is_refused)
{
    issue("ca", "b", "S", 10);
    issue("ca", "c", "T", 10);
    ck_assert_int_eq(
        identity_revoke(in("ca"), in("b"), message, sizeof(message)), 0);
    ck_assert_int_eq(
        identity_revoke(in("ca"), in("b"), message, sizeof(message)), 0);
    test_copy(in("ca/cluster.crl"), in("b/cluster.crl"));
    test_copy(in("ca/cluster.crl"), in("c/cluster.crl"));
    ck_assert_int_eq(load("b"), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "revoked"));
    ck_assert_int_eq(load("c"), 0);
    /* A list of several, and identities issued after it. */
    ck_assert_int_eq(
        identity_revoke(in("ca"), in("c"), message, sizeof(message)), 0);
    issue("ca", "d", "U", 10);
    ck_assert_int_eq(access(in("d/cluster.crl"), F_OK), 0);
    ck_assert_int_eq(load("d"), 0);
    test_copy(in("ca/cluster.crl"), in("c/cluster.crl"));
    ck_assert_int_eq(load("c"), ERR_REFUSED);
}
END_TEST

START_TEST(nothing_is_overwritten)
{
    struct identity_request request = {in("ca"), in("b"), "S", ROLE_NCC, 10};

    issue("ca", "b", "S", 10);
    ck_assert_int_eq(identity_issue(&request, NULL, message, sizeof(message)),
                     ERR_EXISTS);
    ck_assert_int_eq(
        identity_authority_make(in("ca"), "x", 1, message, sizeof(message)),
        ERR_EXISTS);
    ck_assert_int_eq(load("b"), 0);
}
END_TEST

START_TEST(bad_requests_are_refused)
{
    const char *serials[] = {"", "has space", "0123456789012345678901234",
                             "\x7f"};

    for (unsigned i = 0; i < 4; i++) {
        struct identity_request request = {in("ca"), in("b"), serials[i],
                                           ROLE_NCP, 10};

        ck_assert_int_eq(
            identity_issue(&request, NULL, message, sizeof(message)),
            ERR_RANGE);
    }
    ck_assert_int_ne(access(in("b"), F_OK), 0);
}
END_TEST

Suite *
identity_suite(void)
{
    Suite *suite = suite_create("identity");
    TCase *tests = tcase_create("identity");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, issued_identity_loads);
    tcase_add_test(tests, key_is_hash_of_serial_and_public_key);
    tcase_add_test(tests, missing_files_are_named);
    tcase_add_test(tests, garbage_is_refused);
    tcase_add_test(tests, open_key_is_refused);
    tcase_add_test(tests, unreadable_directory_is_an_error);
    tcase_add_test(tests, wrong_key_is_refused);
    tcase_add_test(tests, other_authority_is_refused);
    tcase_add_test(tests, expired_is_refused);
    tcase_add_test(tests, revoked_is_refused);
    tcase_add_test(tests, renewed_has_its_key_and_is_not_revoked);
    tcase_add_test(tests, renewal_needs_what_was_there);
    tcase_add_test(tests, nothing_is_overwritten);
    tcase_add_test(tests, bad_requests_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
