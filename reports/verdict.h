/* SPDX-License-Identifier: Apache-2.0
 *
 * What an expectation, a run or a campaign ends with.
 *
 * Values are stored in results.db by name, never by number.
 */
#ifndef REPORTS_VERDICT_H
#define REPORTS_VERDICT_H

#include "reference-nos/base/compiler.h"

enum verdict {
    VERDICT_NONE, /* Not judged yet, or the run never ended. */
    VERDICT_PASS,
    VERDICT_FAIL,
    VERDICT_INCONCLUSIVE,
    VERDICT_NOT_APPLICABLE,
    VERDICT_COUNT
};

/* Exit codes of the program that come from verdicts. */
enum {
    EXIT_VERDICT_PASS = 0,
    EXIT_VERDICT_FAIL = 1,
    EXIT_VERDICT_INCONCLUSIVE = 2,
    EXIT_VERDICT_INTERNAL = 70,
    EXIT_VERDICT_INTERRUPTED = 130
};

/* "PASS", "FAIL", "INCONCLUSIVE", "NOT-APPLICABLE"; "NONE" otherwise. */
const char *verdict_name(enum verdict verdict);

/* The verdict of that name; VERDICT_NONE when 'name' is NULL or unknown. */
enum verdict verdict_from_name(const char *name);

/* One verdict over many: any FAIL fails; else any INCONCLUSIVE, any NONE,
 * or no PASS at all, is INCONCLUSIVE; else PASS. */
enum verdict verdict_overall(const enum verdict *verdicts, int verdict_count);

/* 0, 1 or 2 of an overall verdict. */
int verdict_exit_code(enum verdict overall);

#endif
