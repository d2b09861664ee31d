/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this folder share.
 */
#ifndef SIM_SCENARIO_SCENARIO_TEST_H
#define SIM_SCENARIO_SCENARIO_TEST_H

#include "sim/scenario/scenario.h"

#include <check.h>

/* One reading: what came out, or every error, one a line. */
struct reading {
    struct diag_list *diags;
    struct scenario *scenario; /* NULL when refused. */
    char errors[8192];
};

void reading_start(struct reading *reading, const char *text,
                   const struct scenario_options *options);
void reading_load(struct reading *reading, const char *path,
                  const struct scenario_options *options);
void reading_end(struct reading *reading);

TCase *bad_input_tests(void);
TCase *files_tests(void);
TCase *expr_tests(void);
TCase *traffic_tests(void);
TCase *traffic_file_tests(void);

#endif
