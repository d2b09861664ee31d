/* SPDX-License-Identifier: Apache-2.0
 *
 * The test suites of this folder.
 */
#ifndef REPORTS_SUITES_H
#define REPORTS_SUITES_H

#include <check.h>

Suite *stats_suite(void);
Suite *results_suite(void);
Suite *report_suite(void);
Suite *latency_suite(void);

#endif
