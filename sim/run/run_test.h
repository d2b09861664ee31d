/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this folder share: a scenario in a string, run on
 * ddc-small.
 */
#ifndef SIM_RUN_RUN_TEST_H
#define SIM_RUN_RUN_TEST_H

#include "sim/run/campaign.h"

#include <check.h>

/* "format" to "seed"; a test appends the rest. */
#define SMALL                                                                 \
    "format: 1\nscenario: test\nabout: A test.\nworlds: [des]\n"              \
    "cluster: { preset: ddc-small, nos: reference }\nseed: 3\n"

struct scenario *scenario_of(const char *text);
/* Runs it; the caller ends 'outcome'. */
void run_text(const char *text, struct outcome *outcome);
/* The same with more options; scenario, seed and data are filled in. */
void run_with(const char *text, const struct run_options *options,
              struct outcome *outcome);
/* The 'index'th line of the timeline that is a 'kind' called 'name'. */
const struct outcome_event *line_of(const struct outcome *outcome,
                                    const char *kind, const char *name,
                                    unsigned index);
unsigned lines_of(const struct outcome *outcome, const char *kind,
                  const char *name);
const struct outcome_expect *expect_of(const struct outcome *outcome,
                                       unsigned index);
uint64_t metric_of(const struct outcome *outcome, const char *name,
                   const char *args);

TCase *outcome_cases(void);
TCase *checkpoints_cases(void);
TCase *campaign_cases(void);
TCase *compare_cases(void);
TCase *worlds_cases(void);
TCase *network_cases(void);
TCase *traffic_cases(void);

#endif
