/* SPDX-License-Identifier: Apache-2.0
 *
 * What the test files of this folder share.
 */
#ifndef NOS_BASE_TEST_H
#define NOS_BASE_TEST_H

#include "reference-nos/base/mem.h"

#include <check.h>

Suite *list_suite(void);
Suite *tree_suite(void);
Suite *mem_suite(void);
Suite *wire_suite(void);
Suite *fmt_suite(void);
Suite *hist_suite(void);
Suite *hlc_suite(void);
Suite *digest_suite(void);

/* A small generator for test data (splitmix64). */
uint64_t test_draw(uint64_t *state);

#endif
