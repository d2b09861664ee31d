/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NOS_HARDWARE_HARDWARE_TEST_H
#define NOS_HARDWARE_HARDWARE_TEST_H

#include <check.h>

TCase *thermal_tests(void);
TCase *alarm_tests(void);
TCase *service_tests(void);

#endif
