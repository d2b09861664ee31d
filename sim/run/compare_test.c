/* SPDX-License-Identifier: Apache-2.0
 *
 * Two worlds side by side: medians, differences, bounds, and where they part.
 */
#include "sim/run/compare.h"

#include "sim/run/run_test.h"

#include <stdlib.h>
#include <string.h>

#define BOUNDED                                                               \
    SMALL "timeline:\n"                                                       \
          "  - { at: 1s, fault: box.power-loss, target: "                     \
          "\"role=ncc,active\", name: pull }\n"                               \
          "expect:\n  - { that: \"cluster.converged\" }\n"                    \
          "compare:\n"                                                        \
          "  - { metric: \"switchover.write-outage(pull)\", within: 50% }\n"  \
          "ends: 20s\n"
#define UNBOUNDED                                                             \
    SMALL "timeline:\n"                                                       \
          "  - { at: 1s, fault: box.power-loss, target: "                     \
          "\"role=ncc,active\", name: pull }\n"                               \
          "expect:\n  - { that: \"cluster.converged\" }\n"                    \
          "ends: 20s\n"

static void
value_add(struct outcome *outcome, enum metric_id id, const char *args,
          uint64_t value_ms)
{
    struct outcome_metric *row = rows_add(&outcome->metrics);

    row->id = id;
    row->value = value_ms * SIMTIME_PS_PER_MS;
    outcome_text(row->args, sizeof(row->args), "%s", args);
}

/* A campaign whose write outages are 'outages'; each has the stages elect and
 * commit, of which 'elect_ms' is the first. */
static void
campaign_make(struct campaign *campaign, const uint64_t *outages_ms,
              unsigned count, uint64_t elect_ms)
{
    memset(campaign, 0, sizeof(*campaign));
    campaign->outcomes = calloc(count + 1, sizeof(*campaign->outcomes));
    campaign->count = count;
    for (unsigned i = 0; i < count; i++) {
        struct outcome *outcome = &campaign->outcomes[i];

        outcome_init(outcome);
        value_add(outcome, METRIC_SWITCHOVER_WRITE_OUTAGE, "pull",
                  outages_ms[i]);
        value_add(outcome, METRIC_SWITCHOVER_DETECT, "pull", 90);
        value_add(outcome, METRIC_SWITCHOVER_ELECT, "pull", elect_ms);
        value_add(outcome, METRIC_SWITCHOVER_COMMIT, "pull", 5);
    }
}

static const struct compare_row *
row_of(const struct comparison *comparison, const char *metric)
{
    for (size_t i = 0; i < comparison->rows.count; i++) {
        const struct compare_row *row =
            ROWS_GET(&comparison->rows, struct compare_row, i);

        if (strcmp(row->metric->name, metric) == 0)
            return row;
    }
    return NULL;
}

static struct scenario *scenario;
static struct campaign first, second;
static struct comparison comparison;

static void
compare(const char *text, const uint64_t *a, unsigned a_count,
        const uint64_t *b, unsigned b_count)
{
    scenario = scenario_of(text);
    campaign_make(&first, a, a_count, 10);
    campaign_make(&second, b, b_count, 70);
    comparison_make(scenario, &first, &second, &comparison);
}

static void
setup(void)
{
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    memset(&comparison, 0, sizeof(comparison));
    scenario = NULL;
}

static void
teardown(void)
{
    comparison_fini(&comparison);
    campaign_fini(&first);
    campaign_fini(&second);
    scenario_destroy(scenario);
}

START_TEST(medians_and_ranges)
{
    static const uint64_t a[] = {300, 100, 200, 250};
    static const uint64_t b[] = {400, 220, 180};
    const struct compare_row *row;

    compare(UNBOUNDED, a, 4, b, 3);
    row = row_of(&comparison, "switchover.write-outage");
    ck_assert_ptr_nonnull(row);
    ck_assert_uint_eq(row->sides[0].count, 4);
    ck_assert_uint_eq(row->sides[0].median, 200 * SIMTIME_PS_PER_MS);
    ck_assert_uint_eq(row->sides[0].low, 100 * SIMTIME_PS_PER_MS);
    ck_assert_uint_eq(row->sides[0].high, 300 * SIMTIME_PS_PER_MS);
    ck_assert(!row->sides[0].quantiles);
    ck_assert_uint_eq(row->sides[1].median, 220 * SIMTIME_PS_PER_MS);
    ck_assert_int_eq(row->difference_ppm, 100000);
    ck_assert_uint_eq(row->bound_ppm, COMPARE_DEFAULT_PPM);
    ck_assert(!row->stated);
    ck_assert_int_eq(row->state, COMPARE_INSIDE);
    ck_assert_int_eq(comparison.verdict, VERDICT_NOT_APPLICABLE);
}
END_TEST

START_TEST(quantiles_from_twenty_runs)
{
    uint64_t a[40];
    const struct compare_row *row;

    for (unsigned i = 0; i < 40; i++)
        a[i] = 40 - i;
    compare(UNBOUNDED, a, 40, a, 19);
    row = row_of(&comparison, "switchover.write-outage");
    ck_assert(row->sides[0].quantiles);
    ck_assert_uint_eq(row->sides[0].median, 20 * SIMTIME_PS_PER_MS);
    ck_assert_uint_eq(row->sides[0].low, 2 * SIMTIME_PS_PER_MS);
    ck_assert_uint_eq(row->sides[0].high, 38 * SIMTIME_PS_PER_MS);
    ck_assert(!row->sides[1].quantiles);
    ck_assert_uint_eq(row->sides[1].low, 22 * SIMTIME_PS_PER_MS);
    ck_assert_uint_eq(row->sides[1].high, 40 * SIMTIME_PS_PER_MS);
}
END_TEST

/* Beyond the default it is told; beyond what the scenario states it fails. */
START_TEST(bounds)
{
    static const struct {
        const char *text;
        uint64_t second_ms;
        enum compare_state state;
        enum verdict verdict;
    } cases[] = {
        {UNBOUNDED, 120, COMPARE_INSIDE, VERDICT_NOT_APPLICABLE},
        {UNBOUNDED, 121, COMPARE_OUTSIDE, VERDICT_NOT_APPLICABLE},
        {UNBOUNDED, 79, COMPARE_OUTSIDE, VERDICT_NOT_APPLICABLE},
        {BOUNDED, 150, COMPARE_INSIDE, VERDICT_PASS},
        {BOUNDED, 50, COMPARE_INSIDE, VERDICT_PASS},
        {BOUNDED, 151, COMPARE_OUTSIDE, VERDICT_FAIL},
        {BOUNDED, 49, COMPARE_OUTSIDE, VERDICT_FAIL},
    };
    static const uint64_t hundred = 100;
    const struct compare_row *row;

    compare(cases[_i].text, &hundred, 1, &cases[_i].second_ms, 1);
    row = row_of(&comparison, "switchover.write-outage");
    ck_assert_int_eq(row->state, cases[_i].state);
    ck_assert_int_eq(comparison.verdict, cases[_i].verdict);
}
END_TEST

/* To the nearest tenth, as the page does. */
START_TEST(differences_are_rounded)
{
    static const uint64_t base = 10000;
    static const struct {
        uint64_t second_ms;
        const char *text;
    } cases[] = {{8684, "  -13.2%"}, {8686, "  -13.1%"}, {11186, "  +11.9%"}};
    char text[4096] = "";
    FILE *file;

    compare(UNBOUNDED, &base, 1, &cases[_i].second_ms, 1);
    file = fmemopen(text, sizeof(text), "w");
    ck_assert_ptr_nonnull(file);
    comparison_print(&comparison, "a", "b", file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_ptr_nonnull(strstr(text, cases[_i].text));
}
END_TEST

START_TEST(nothing_beside_something)
{
    static const uint64_t zero, one = 1;
    const struct compare_row *row;

    compare(UNBOUNDED, &zero, 1, &one, 1);
    row = row_of(&comparison, "switchover.write-outage");
    ck_assert_int_eq(row->state, COMPARE_OUTSIDE);
    ck_assert(row->difference_ppm == INT64_MAX);
    teardown();
    compare(UNBOUNDED, &zero, 1, &zero, 1);
    row = row_of(&comparison, "switchover.write-outage");
    ck_assert_int_eq(row->state, COMPARE_INSIDE);
}
END_TEST

/* What one world could not measure is no agreement. */
START_TEST(a_side_without_value)
{
    static const uint64_t hundred = 100;
    const struct compare_row *row;

    compare(BOUNDED, &hundred, 1, NULL, 0);
    row = row_of(&comparison, "switchover.write-outage");
    ck_assert_int_eq(row->state, COMPARE_UNKNOWN);
    ck_assert_int_eq(comparison.verdict, VERDICT_INCONCLUSIVE);
    ck_assert_ptr_null(row_of(&comparison, "join.time"));
}
END_TEST

/* Five runs do not enclose their median at 95 %, six do. */
START_TEST(few_runs)
{
    static const uint64_t a[] = {100, 110, 120, 130, 140, 150};

    compare(UNBOUNDED, a, 6, a, 5);
    ck_assert(
        compare_few_runs(row_of(&comparison, "switchover.write-outage")));
    teardown();
    compare(UNBOUNDED, a, 6, a, 6);
    ck_assert(
        !compare_few_runs(row_of(&comparison, "switchover.write-outage")));
    teardown();
    compare(UNBOUNDED, a, 6, NULL, 0); /* Nothing is no difference. */
    ck_assert(
        !compare_few_runs(row_of(&comparison, "switchover.write-outage")));
}
END_TEST

/* Six runs each: their medians lie anywhere between the ends. */
START_TEST(unsure_where_intervals_meet_the_bound)
{
    static const uint64_t near[] = {100, 101, 102, 103, 104, 105};
    static const uint64_t wide[] = {50, 60, 140, 150, 160, 200};
    static const uint64_t far[] = {300, 301, 302, 303, 304, 305};
    const char *metric = "switchover.write-outage";

    compare(UNBOUNDED, near, 6, near, 6);
    ck_assert_int_eq(row_of(&comparison, metric)->state, COMPARE_INSIDE);
    ck_assert(!compare_unsure(row_of(&comparison, metric)));
    teardown();
    compare(UNBOUNDED, near, 6, wide, 6);
    ck_assert_int_eq(row_of(&comparison, metric)->state, COMPARE_OUTSIDE);
    ck_assert(compare_unsure(row_of(&comparison, metric)));
    teardown();
    compare(UNBOUNDED, near, 6, far, 6);
    ck_assert(!compare_unsure(row_of(&comparison, metric)));
    teardown();
    compare(UNBOUNDED, near, 6, wide, 5); /* Few says it already. */
    ck_assert(!compare_unsure(row_of(&comparison, metric)));
}
END_TEST

/* Else the report would not know that the two belong together. */
START_TEST(nothing_beside_nothing_is_a_row)
{
    compare(UNBOUNDED, NULL, 0, NULL, 0);
    ck_assert_uint_eq(comparison.rows.count, 1);
    ck_assert_int_eq(row_of(&comparison, "cluster.rejoin-time")->state,
                     COMPARE_UNKNOWN);
    ck_assert_int_eq(comparison.verdict, VERDICT_NOT_APPLICABLE);
}
END_TEST

START_TEST(the_stage_that_differs_is_named)
{
    static const uint64_t a = 105, b = 165;
    const struct compare_row *row;
    char text[4096] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");

    compare(UNBOUNDED, &a, 1, &b, 1);
    row = row_of(&comparison, "switchover.write-outage");
    ck_assert_int_eq(row->state, COMPARE_OUTSIDE);
    ck_assert_str_eq(row->stage, "elect: 10ms, 70ms");
    row = row_of(&comparison, "switchover.elect");
    ck_assert_int_eq(row->state, COMPARE_STAGE);
    ck_assert_uint_eq(row->bound_ppm, 0);
    ck_assert_int_eq(row->difference_ppm, 6000000);
    ck_assert_ptr_null(row_of(&comparison, "switchover.apply"));
    comparison_print(&comparison, "des", "netns", out);
    (void)fclose(out);
    ck_assert_ptr_nonnull(
        strstr(text, "+57.1%  outside, few runs (20%); elect: 10ms"));
    ck_assert_ptr_nonnull(strstr(text, "where they part"));
    ck_assert_ptr_nonnull(strstr(text, "70.00 ms (70.00..70.00; 1)"));
}
END_TEST

/* The whole way, with the simulator twice: slower boxes join later, and the
 * stages tell. */
START_TEST(two_calibrations_part)
{
    struct campaign_options options = {
        .run = {.seed = 1, .data_dir = TEST_DATA_DIR},
        .seed_count = 5,
        .jobs = 2,
    };
    const volatile int interrupted = 0;
    const struct compare_row *row;
    char message[256] = "";

    scenario = scenario_of(UNBOUNDED);
    options.run.scenario = scenario;
    ck_assert_int_eq(
        campaign_run(&options, &interrupted, &first, message, sizeof(message)),
        0);
    options.run.costs_file = TEST_SLOW_COSTS;
    ck_assert_int_eq(campaign_run(&options, &interrupted, &second, message,
                                  sizeof(message)),
                     0);
    comparison_make(scenario, &first, &second, &comparison);
    row = row_of(&comparison, "switchover.elect");
    ck_assert_ptr_nonnull(row);
    ck_assert_uint_lt(row->sides[0].median, row->sides[1].median);
    row = row_of(&comparison, "join.service-time");
    ck_assert_ptr_nonnull(row);
    ck_assert_uint_lt(row->sides[0].median, row->sides[1].median);
}
END_TEST

TCase *
compare_cases(void)
{
    TCase *tc = tcase_create("compare");

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, medians_and_ranges);
    tcase_add_test(tc, quantiles_from_twenty_runs);
    tcase_add_loop_test(tc, bounds, 0, 7);
    tcase_add_loop_test(tc, differences_are_rounded, 0, 3);
    tcase_add_test(tc, nothing_beside_something);
    tcase_add_test(tc, a_side_without_value);
    tcase_add_test(tc, few_runs);
    tcase_add_test(tc, unsure_where_intervals_meet_the_bound);
    tcase_add_test(tc, nothing_beside_nothing_is_a_row);
    tcase_add_test(tc, the_stage_that_differs_is_named);
    tcase_add_test(tc, two_calibrations_part);
    return tc;
}
