/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NOS_FABRIC_SERVICE_TEST_H
#define NOS_FABRIC_SERVICE_TEST_H

#include <check.h>

TCase *service_tests(void);

#endif
