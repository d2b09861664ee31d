/* SPDX-License-Identifier: Apache-2.0
 *
 * Models held against what queueing theory says.
 *
 * Interval   independent replications: each run of a check has its own seed
 *            and gives one figure; those figures are independent (what waits
 *            within one run are not), so Student's t gives the interval of
 *            their mean, two-sided, at 99.9 %.
 * Verdict    THEORY_EQUAL: the answer of theory lies in the interval, widened
 *            by the 'allowance' that the check states and explains, and the
 *            interval is narrow enough to mean something ('precision').
 *            THEORY_AT_LEAST: the whole interval lies above it.
 *            THEORY_EXACT: every run gives it.
 */
#ifndef TESTS_THEORY_THEORY_H
#define TESTS_THEORY_THEORY_H

#include <stdbool.h>
#include <stdint.h>

#define THEORY_RUNS_MAX 30u

enum theory_kind { THEORY_EQUAL, THEORY_AT_LEAST, THEORY_EXACT };

struct theory_check {
    const char *name;
    const char *what;   /* measured, with its unit */
    const char *source; /* of the answer */
    enum theory_kind kind;
    double answer;
    double allowance; /* relative to the answer */
    double precision; /* widest half of an interval, relative to it */
    /* One run; 'size' says how long, 1 in the short form. */
    double (*run)(const struct theory_check *check, uint64_t seed,
                  unsigned size);
    double load;    /* of some checks */
    unsigned count; /* of some checks: ports, boxes */
};

struct theory_result {
    unsigned runs;
    double mean, half; /* of the interval */
    bool holds;
};

/* What to check, and how many there are. */
extern const struct theory_check theory_queues[];
extern const unsigned theory_queues_count;
extern const struct theory_check theory_plane[];
extern const unsigned theory_plane_count;

/* 'runs' is 10 or 30. */
void theory_measure(const struct theory_check *check, unsigned runs,
                    unsigned size, struct theory_result *result);

/* Says what is wrong with the tests themselves, and ends the program. */
void theory_need(bool holds, const char *what);

#endif
