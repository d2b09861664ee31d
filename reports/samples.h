/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up results for tests: what a campaign could have written.
 *
 * Each adds one campaign to the file at 'path', making it when missing.
 * Failures are CHECKed.
 */
#ifndef REPORTS_SAMPLES_H
#define REPORTS_SAMPLES_H

#include <stdbool.h>

#include "reports/verdict.h"

/* 65 boxes, a controller pulled, nothing lost: PASS. */
void samples_quiet(const char *path);

/* A line card and fabric lost: outages of all kinds, FAIL, an oracle broken,
 * an oracle idle, alarms. */
void samples_failing(const char *path);

/* 200 seeds with two metrics that vary; one seed fails. */
void samples_seeds(const char *path);

/* A run with no event, no outage, no load: INCONCLUSIVE. */
void samples_nothing(const char *path);

/* Every text is hostile: markup, quotes, controls, broken UTF-8. */
void samples_hostile(const char *path);

/* Ended by Ctrl-C in the second of three seeds. */
void samples_interrupted(const char *path);

/* Two campaigns compared: 20 seeds in world des and 2 repeats in world netns,
 * with these verdicts; one bound is stated, and kept when 'inside'. */
void samples_compared_as(const char *path, enum verdict des,
                         enum verdict netns, bool inside);
/* The first fails, the second passes, inside. */
void samples_compared(const char *path);

/* Six seeds with packets: latency of four flows (one of few packets, one of
 * none), stages, losses by cause, a fabric box lost; PASS. */
void samples_packets(const char *path);

/* A long run with thousands of outages on many boxes, over 24 hours. */
void samples_soak(const char *path);

#endif
