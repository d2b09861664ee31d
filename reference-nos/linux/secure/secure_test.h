/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this room share.
 */
#ifndef NOS_LINUX_SECURE_SECURE_TEST_H
#define NOS_LINUX_SECURE_SECURE_TEST_H

#include <check.h>

Suite *identity_suite(void);
Suite *peering_suite(void);
Suite *hostile_suite(void);
Suite *net_suite(void);
Suite *enroll_suite(void);

/* 'name' in 'directory'; good until the fourth call after it. */
const char *test_path(const char *directory, const char *name);
void test_remove(const char *directory); /* and what is in it */
void test_write(const char *path, const char *text);
void test_copy(const char *from, const char *to);

#endif
