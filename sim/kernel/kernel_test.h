/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of this folder's test program.
 */
#ifndef SIM_KERNEL_KERNEL_TEST_H
#define SIM_KERNEL_KERNEL_TEST_H

#include <check.h>

Suite *kernel_suite(void);
Suite *numbers_suite(void);
Suite *digest_suite(void);
Suite *branch_suite(void);

#endif
