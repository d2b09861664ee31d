/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of this folder's test program.
 */
#ifndef MODELS_QUEUES_QUEUES_TEST_H
#define MODELS_QUEUES_QUEUES_TEST_H

#include <check.h>

Suite *queues_suite(void);
Suite *queues_theory_suite(void);

#endif
