/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of this folder's test program.
 */
#ifndef MODELS_TRAFFIC_TRAFFIC_TEST_H
#define MODELS_TRAFFIC_TRAFFIC_TEST_H

#include <check.h>

Suite *spec_suite(void);

#endif
