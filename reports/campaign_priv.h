/* SPDX-License-Identifier: Apache-2.0
 *
 * One campaign of a results.db, opened for reading, and its sums.
 */
#ifndef REPORTS_CAMPAIGN_PRIV_H
#define REPORTS_CAMPAIGN_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "reports/report.h"
#include "reports/verdict.h"

struct campaign {
    sqlite3 *db;
    sqlite3_stmt *row; /* Holds the strings below. */
    int64_t id;
    const char *scenario;
    const char *scenario_file;
    const char *about;
    const char *world;
    const char *preset;
    const char *build;
    const char *calibration;
    const char *fault_model;
    const char *fault_rates;
    const char *command;
    const char *begun;
    const char *state;
    enum verdict verdict;
    int exit_code; /* -1 while running. */
    int64_t seeds_planned;
    int64_t runs;
    int64_t worst_run; /* 0 when there is no run. */
    /* Each expectation once, by its worst verdict over the seeds. */
    int64_t expectations[VERDICT_COUNT];
    int64_t run_verdicts[VERDICT_COUNT];
    int64_t violations; /* Of oracles. */
};

MUST_USE int campaign_open(struct campaign *campaign, const char *db_path,
                           const struct report_options *options, char *error,
                           size_t error_size);
void campaign_close(struct campaign *campaign);

/* The campaign this one was compared with, the first of the two; 0: none, as
 * in files of version 1. */
int64_t campaign_partner(const struct campaign *campaign);
/* Does the file hold comparisons at all? */
bool campaign_db_compares(sqlite3 *db);

#endif
