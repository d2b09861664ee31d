/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that is derived from results.db.
 *
 * Each writer opens the file for reading, derives one artefact of one
 * campaign and replaces its target in one step (write aside, rename).  The
 * same database gives the same bytes.
 *
 * Errors   as in results.h, with a sentence in 'error'.
 */
#ifndef REPORTS_REPORT_H
#define REPORTS_REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reference-nos/base/compiler.h"

/* Version of run.json. */
enum { REPORT_JSON_VERSION = 1 };

struct report_options {
    int64_t campaign;    /* 0: the latest in the file. */
    const char *gnuplot; /* Program; NULL: "gnuplot" from the PATH. */
};

/* One self-contained page.  Without gnuplot the page says that its plots are
 * missing, and that is not a failure. */
MUST_USE int report_html(const char *db_path, const char *out_path,
                         const struct report_options *options, char *error,
                         size_t error_size);

/* JUnit XML: a suite per run, a case per expectation and violated oracle; the
 * last suite has one case, "overall", a failure after FAIL and an error after
 * INCONCLUSIVE (an expectation that is INCONCLUSIVE is a skipped case). */
MUST_USE int report_junit(const char *db_path, const char *out_path,
                          const struct report_options *options, char *error,
                          size_t error_size);

/* run.json: verdicts, expectations, metrics, totals. */
MUST_USE int report_json(const char *db_path, const char *out_path,
                         const struct report_options *options, char *error,
                         size_t error_size);

/* runs.csv, expectations.csv, outages.csv, metrics.csv, load.csv in 'dir';
 * comparison.csv after two worlds, latency.csv, loss.csv and throughput.csv
 * where packets were recorded. */
MUST_USE int report_csv(const char *db_path, const char *dir,
                        const struct report_options *options, char *error,
                        size_t error_size);

/* Workflow commands of GitHub, one line for each FAIL and INCONCLUSIVE. */
MUST_USE int report_annotations(const char *db_path, FILE *out,
                                const struct report_options *options,
                                char *error, size_t error_size);

/* Beside report.html, which shows the second, when two worlds were compared.
 */
#define REPORT_FIRST_PAGE "report-first.html"

/* report.html, junit.xml and run.json beside results.db in 'dir'. */
MUST_USE int report_all(const char *dir, const struct report_options *options,
                        char *error, size_t error_size);

#endif
