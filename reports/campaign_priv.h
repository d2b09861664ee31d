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
#include "reports/stats.h"
#include "reports/verdict.h"

/* In a query over comparison: can a side not tell where its median is? */
#define CAMPAIGN_TEXT_OF(value) #value
#define CAMPAIGN_TEXT(value) CAMPAIGN_TEXT_OF(value)
#define CAMPAIGN_FEW_RUNS                                                     \
    "(difference IS NOT NULL AND min(first_runs, second_runs) "               \
    "< " CAMPAIGN_TEXT(STATS_MEDIAN_SAMPLES) ")"

/* What a scenario states about two worlds, and how it came out. */
struct campaign_bounds {
    int64_t stated;
    int64_t outside;
    int64_t unknown; /* A side has no value. */
};

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
    int64_t violations;            /* Of oracles. */
    struct campaign_bounds bounds; /* Against the one compared with. */
};

MUST_USE int campaign_open(struct campaign *campaign, const char *db_path,
                           const struct report_options *options, char *error,
                           size_t error_size);
void campaign_close(struct campaign *campaign);

/* The campaign this one was compared with, the first of the two; 0: none, as
 * in files of version 1. */
int64_t campaign_partner(const struct campaign *campaign);
/* The first of two compared campaigns? */
bool campaign_is_first(const struct campaign *campaign);
/* Did it run in real time?  Then its runs are repeats, not seeds. */
bool campaign_real(const struct campaign *campaign);
/* Of the bounds that the scenario states; NOT-APPLICABLE when there is none.
 */
enum verdict campaign_bounds_verdict(const struct campaign_bounds *bounds);
/* The worst of this campaign, of 'first', the one it was compared with (NULL:
 * none), and of the stated bounds between them. */
enum verdict campaign_overall(const struct campaign *campaign,
                              const struct campaign *first);
/* What the program exits with for it; -1: a campaign has not ended. */
int campaign_overall_exit(const struct campaign *campaign,
                          const struct campaign *first);
/* Does the file hold comparisons at all? */
bool campaign_db_compares(sqlite3 *db);

#endif
