/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NOS_LINUX_LINUX_TEST_H
#define NOS_LINUX_LINUX_TEST_H

#include <check.h>

TCase *log_tests(void);
TCase *voters_tests(void);

#endif
