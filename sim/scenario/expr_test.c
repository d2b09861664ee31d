/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions judged by values and by samples.
 */
#include "reference-nos/base/err.h"
#include "sim/scenario/scenario_test.h"

#include <stdlib.h>
#include <string.h>

/* A scenario with one expectation. */
static void
read_that(struct reading *reading, const char *that, bool over)
{
    char text[512];

    snprintf(text, sizeof(text),
             "format: 1\nscenario: t\nabout: x\nends: 60s\n"
             "cluster: { preset: ddc-small }\n"
             "timeline:\n"
             "  - { at: 1s, fault: box.restart, target: ncp-1, name: pull }\n"
             "expect: [{ %sthat: \"%s\" }]\n",
             over ? "over: seeds, " : "", that);
    reading_start(reading, text, NULL);
    ck_assert_str_eq(reading->errors, "");
}

static int
value_of(void *arg, const struct metric_ref *ref, struct expr_reading *reading)
{
    const uint64_t *values = arg;

    switch ((int)ref->metric->id) {
    case METRIC_PORTS_OUTAGE:
        ck_assert_uint_eq(ref->word, CAUSE_UNPLANNED);
        reading->value = values[0];
        return 0;
    case METRIC_MODULES_RENUMBERED: reading->value = values[1]; return 0;
    case METRIC_CLUSTER_CONVERGED: reading->value = values[2]; return 0;
    case METRIC_SWITCHOVER_DETECT:
        ck_assert_uint_eq(ref->event, 0);
        return ERR_NOENT;
    case METRIC_FAN_SPEED:
        ck_assert_uint_eq(ref->target.number, 2);
        return ERR_UNSUPPORTED;
    default: return ERR_INTERNAL;
    }
}

static const struct {
    const char *that;
    uint64_t values[3];
    enum judged judged;
    const char *evidence;
} judgements[] = {
    {"ports.outage(unplanned) == 0s",
     {0, 0, 0},
     JUDGED_TRUE,
     "ports.outage(unplanned) == 0s: measured 0s"},
    {"ports.outage(unplanned) == 0s",
     {211384729111, 0, 0},
     JUDGED_FALSE,
     "ports.outage(unplanned) == 0s: measured 211.384ms"},
    {"ports.outage(unplanned) < 1s",
     {PS_PER_S + 1, 0, 0},
     JUDGED_FALSE,
     "ports.outage(unplanned) < 1s: measured 1000000000.001ns"},
    {"ports.outage( unplanned ) <= 1s and modules.renumbered != 2",
     {PS_PER_S, 1, 0},
     JUDGED_TRUE,
     "ports.outage( unplanned ) <= 1s: measured 1s; modules.renumbered != 2: "
     "measured 1"},
    {"cluster.converged",
     {0, 0, 1},
     JUDGED_TRUE,
     "cluster.converged: measured true"},
    {"cluster.converged and modules.renumbered == 0",
     {0, 0, 0},
     JUDGED_FALSE,
     "cluster.converged: measured false; modules.renumbered == 0: measured "
     "0"},
    {"switchover.detect(pull) < 1s and modules.renumbered == 0",
     {0, 0, 0},
     JUDGED_UNKNOWN,
     "switchover.detect(pull) < 1s: there was nothing to measure; "
     "modules.renumbered == 0: measured 0"},
    {"switchover.detect(pull) < 1s and modules.renumbered == 0",
     {0, 3, 0},
     JUDGED_FALSE,
     "switchover.detect(pull) < 1s: there was nothing to measure; "
     "modules.renumbered == 0: measured 3"},
    {"fan.speed(role=ncp,number=2) > 50%",
     {0, 0, 0},
     JUDGED_NOT_APPLICABLE,
     "fan.speed(role=ncp,number=2) > 50%: cannot be measured here"},
};

START_TEST(test_judge)
{
    uint64_t values[3];
    char evidence[EXPR_EVIDENCE_BYTES];
    struct reading reading;

    memcpy(values, judgements[_i].values, sizeof(values));
    read_that(&reading, judgements[_i].that, false);
    ck_assert_int_eq(expr_judge(&reading.scenario->expects[0].expr, value_of,
                                values, evidence, sizeof(evidence)),
                     judgements[_i].judged);
    ck_assert_str_eq(evidence, judgements[_i].evidence);
    reading_end(&reading);
}
END_TEST

START_TEST(test_short_evidence_is_cut)
{
    uint64_t values[3] = {0};
    char evidence[8];
    struct reading reading;

    read_that(&reading, "modules.renumbered == 0 and cluster.converged",
              false);
    ck_assert_int_eq(expr_judge(&reading.scenario->expects[0].expr, value_of,
                                values, evidence, sizeof(evidence)),
                     JUDGED_FALSE);
    ck_assert_str_eq(evidence, "modules");
    reading_end(&reading);
}
END_TEST

struct samples {
    uint64_t *values;
    size_t count;
};

static int
samples_of(void *arg, const struct metric_ref *ref, uint64_t **values,
           size_t *count)
{
    const struct samples *samples = arg;

    ck_assert_int_eq(ref->metric->id, METRIC_SWITCHOVER_WRITE_OUTAGE);
    *values = samples->values;
    *count = samples->count;
    return 0;
}

/* 'slow' of 'count' runs take 2 s, the others 1 ms each, 2 ms, ... */
static enum judged
judge_runs(const char *that, size_t count, size_t slow, char *evidence)
{
    struct samples samples = {calloc(count + 1, sizeof(uint64_t)), count};
    struct reading reading;
    enum judged judged;

    for (size_t i = 0; i < count; i++)
        samples.values[i] = i < slow ? 2 * PS_PER_S : (i + 1) * PS_PER_US;
    read_that(&reading, that, true);
    judged =
        expr_judge_over(&reading.scenario->expects[0].expr, 950000, samples_of,
                        &samples, evidence, EXPR_EVIDENCE_BYTES);
    reading_end(&reading);
    free(samples.values);
    return judged;
}

#define P99 "p99(switchover.write-outage(pull)) < 1s"
#define P50 "p50(switchover.write-outage(pull)) < 1s"
#define P90_UP "p90(switchover.write-outage(pull)) > 1s"

/* The counts follow from the binomial distribution: 0.99^298 > 5% > 0.99^299;
 * one miss needs 473 runs (Hahn and Meeker's tables of tolerance limits). */
static const struct {
    const char *that;
    size_t count, slow;
    enum judged judged;
} runs[] = {
    {P99, 298, 0, JUDGED_UNKNOWN},
    {P99, 299, 0, JUDGED_TRUE},
    {P99, 472, 1, JUDGED_UNKNOWN},
    {P99, 473, 1, JUDGED_TRUE},
    {P99, 1, 0, JUDGED_UNKNOWN},
    {P99, 0, 0, JUDGED_UNKNOWN},
    {P99, 300, 9, JUDGED_FALSE},
    {P99, 3, 2, JUDGED_FALSE},
    {P50, 5, 0, JUDGED_TRUE},
    {P50, 4, 0, JUDGED_UNKNOWN},
    {P50, 5, 5, JUDGED_FALSE},
    {P50, 40000, 19000, JUDGED_TRUE},
    {P50, 40000, 20000, JUDGED_UNKNOWN},
    {P50, 40000, 21000, JUDGED_FALSE},
    {P99, 1000000, 9000, JUDGED_TRUE},
    {P99, 1000000, 10000, JUDGED_UNKNOWN},
    {P99, 1000000, 11000, JUDGED_FALSE},
    {P90_UP, 100, 30, JUDGED_TRUE},
    {P90_UP, 100, 10, JUDGED_UNKNOWN},
    {P90_UP, 100, 0, JUDGED_FALSE},
    {"max(switchover.write-outage(pull)) < 1s", 10, 0, JUDGED_TRUE},
    {"max(switchover.write-outage(pull)) < 1s", 10, 1, JUDGED_FALSE},
    {"min(switchover.write-outage(pull)) == 2us", 10, 1, JUDGED_TRUE},
    {"mean(switchover.write-outage(pull)) < 1s", 10, 4, JUDGED_TRUE},
    {"mean(switchover.write-outage(pull)) < 1s", 10, 6, JUDGED_FALSE},
};

START_TEST(test_judge_over)
{
    char evidence[EXPR_EVIDENCE_BYTES];

    ck_assert_int_eq(
        judge_runs(runs[_i].that, runs[_i].count, runs[_i].slow, evidence),
        runs[_i].judged);
}
END_TEST

START_TEST(test_evidence_over)
{
    char evidence[EXPR_EVIDENCE_BYTES];

    judge_runs(P99, 10, 1, evidence);
    ck_assert_str_eq(evidence, P99 ": measured 2s; 9 of 10 runs keep the "
                                   "bound, too few to tell (299 runs without "
                                   "a miss would)");
    judge_runs("max(switchover.write-outage(pull)) < 1s", 10, 1, evidence);
    ck_assert_str_eq(evidence, "max(switchover.write-outage(pull)) < 1s: "
                               "measured 2s over 10 runs");
}
END_TEST

/* An estimate is judged by its interval, not by its middle. */
static int
estimate_of(void *arg, const struct metric_ref *ref,
            struct expr_reading *reading)
{
    (void)ref;
    *reading = *(const struct expr_reading *)arg;
    return 0;
}

#define NINES "latency.p99.9999 "
#define US PS_PER_US

static const struct {
    const char *that;
    struct expr_reading reading;
    enum judged judged;
    const char *evidence;
} estimates[] = {
    {NINES "< 20us",
     {12 * US, true, 11 * US, 14 * US, 4000000, 0},
     JUDGED_TRUE,
     NINES "< 20us: measured 12us (11us to 14us, 4000000 samples)"},
    {NINES "< 13us",
     {12 * US, true, 11 * US, 14 * US, 4000000, 0},
     JUDGED_UNKNOWN,
     NINES "< 13us: measured 12us (11us to 14us, 4000000 samples), too wide "
           "to tell"},
    {NINES "< 11us",
     {12 * US, true, 11 * US, 14 * US, 4000000, 0},
     JUDGED_FALSE,
     NINES "< 11us: measured 12us (11us to 14us, 4000000 samples)"},
    {NINES "<= 14us",
     {12 * US, true, 11 * US, 14 * US, 4000000, 0},
     JUDGED_TRUE,
     NINES "<= 14us: measured 12us (11us to 14us, 4000000 samples)"},
    {NINES "> 10us",
     {12 * US, true, 11 * US, 14 * US, 4000000, 0},
     JUDGED_TRUE,
     NINES "> 10us: measured 12us (11us to 14us, 4000000 samples)"},
    {NINES "< 20us",
     {12 * US, true, 3 * US, UINT64_MAX, 1000, 3688878},
     JUDGED_UNKNOWN,
     NINES "< 20us: measured at least 3us, from 1000 samples, too few to "
           "tell (3688878 would)"},
    {NINES "< 2us",
     {12 * US, true, 3 * US, UINT64_MAX, 1000, 3688878},
     JUDGED_FALSE,
     NINES "< 2us: measured at least 3us, from 1000 samples"},
    {NINES "> 2us",
     {12 * US, true, 3 * US, UINT64_MAX, 1000, 3688878},
     JUDGED_TRUE,
     NINES "> 2us: measured at least 3us, from 1000 samples"},
};

START_TEST(test_judge_estimate)
{
    struct expr_reading value = estimates[_i].reading;
    char evidence[EXPR_EVIDENCE_BYTES];
    struct reading reading;

    read_that(&reading, estimates[_i].that, false);
    ck_assert_int_eq(expr_judge(&reading.scenario->expects[0].expr,
                                estimate_of, &value, evidence,
                                sizeof(evidence)),
                     estimates[_i].judged);
    ck_assert_str_eq(evidence, estimates[_i].evidence);
    reading_end(&reading);
}
END_TEST

TCase *
expr_tests(void)
{
    TCase *tcase = tcase_create("expressions");

    tcase_add_loop_test(tcase, test_judge, 0, ARRAY_COUNT(judgements));
    tcase_add_test(tcase, test_short_evidence_is_cut);
    tcase_add_loop_test(tcase, test_judge_over, 0, ARRAY_COUNT(runs));
    tcase_add_test(tcase, test_evidence_over);
    tcase_add_loop_test(tcase, test_judge_estimate, 0, ARRAY_COUNT(estimates));
    tcase_set_timeout(tcase, 60);
    return tcase;
}
