/* SPDX-License-Identifier: Apache-2.0
 *
 * What handlers charge, against what they take: the sums of a least squares
 * fit of the time per unit of work, over relative errors, so that a short
 * handler counts as much as a long one.
 *
 * Sums of several boxes add up; solving them is the harness's.  Method: normal
 * equations (C. F. Gauss), bounded below by zero when solved.
 */
#ifndef NOS_LINUX_METER_METER_H
#define NOS_LINUX_METER_METER_H

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"

/* A handler that took longer was preempted, and says nothing. */
#define METER_OUTLIER_NS 2000000u

struct meter {
    double products[COST_COUNT][COST_COUNT];
    double right[COST_COUNT];
    uint64_t handlers;
    uint64_t taken_ns; /* by them */
};

/* One handler: the units it charged, and its time. */
void meter_add(struct meter *meter, const uint64_t units[COST_COUNT],
               uint64_t taken_ns);
void meter_merge(struct meter *meter, const struct meter *other);

/* As one line of words; the bytes written, or ERR_FULL. */
MUST_USE int meter_print(const struct meter *meter, char *text, size_t room);
MUST_USE int meter_parse(const char *text, struct meter *meter);
#define METER_TEXT_MAX (32u * (COST_COUNT + 1) * (COST_COUNT + 1))

#endif
