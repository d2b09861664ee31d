/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of this folder's test program.
 */
#ifndef MODELS_MODELS_TEST_H
#define MODELS_MODELS_TEST_H

#include <check.h>

/* The data files as shipped, unless the command line names others. */
extern const char *test_data_dir;

Suite *cluster_suite(void);
Suite *costs_suite(void);
Suite *disk_suite(void);
Suite *box_suite(void);
Suite *mgmt_net_suite(void);

#endif
