/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/run/compare.h"

#include "reference-nos/base/check.h"
#include "reports/results.h"
#include "reports/stats.h"
#include "sim/kernel/fixed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Looked at whatever the scenario says. */
static const enum metric_id always[] = {
    METRIC_CLUSTER_REJOIN_TIME, METRIC_JOIN_TIME, METRIC_JOIN_SERVICE_TIME};

static const enum metric_id stages[] = {
    METRIC_SWITCHOVER_DETECT, METRIC_SWITCHOVER_ELECT,
    METRIC_SWITCHOVER_COMMIT, METRIC_SWITCHOVER_APPLY};

const char *
compare_state_name(enum compare_state state)
{
    switch (state) {
    case COMPARE_INSIDE: return "inside";
    case COMPARE_OUTSIDE: return "outside";
    case COMPARE_UNKNOWN: return "no value";
    case COMPARE_STAGE: return "stage";
    }
    return "?";
}

bool
compare_few_runs(const struct compare_row *row)
{
    unsigned a = row->sides[0].count, b = row->sides[1].count;
    unsigned least = a < b ? a : b;

    return least > 0 && least < STATS_MEDIAN_SAMPLES;
}

/* ---- one side ---- */

static int
value_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Nearest rank. */
static uint64_t
quantile(const uint64_t *sorted, unsigned count, unsigned percent)
{
    unsigned rank = (count * percent + 99) / 100;

    return sorted[rank > 0 ? rank - 1 : 0];
}

static void
median_interval(const uint64_t *sorted, unsigned count,
                struct compare_side *side)
{
    uint64_t low, high;

    if (!stats_quantile_ranks(count, 0.5, 0.95, &low, &high))
        return;
    side->median_low = sorted[low - 1];
    side->median_high = sorted[high - 1];
}

static bool
value_find(const struct outcome *outcome, const struct metric *metric,
           const char *args, uint64_t *value)
{
    for (size_t i = 0; i < outcome->metrics.count; i++) {
        const struct outcome_metric *row =
            ROWS_GET(&outcome->metrics, struct outcome_metric, i);

        if (row->id == metric->id && strcmp(row->args, args) == 0) {
            *value = row->value;
            return true;
        }
    }
    return false;
}

static void
side_fill(const struct campaign *campaign, const struct metric *metric,
          const char *args, struct compare_side *side)
{
    uint64_t *values = calloc(campaign->count + 1, sizeof(*values));
    unsigned count = 0;

    CHECK(values != NULL);
    for (unsigned i = 0; i < campaign->count; i++)
        count +=
            value_find(&campaign->outcomes[i], metric, args, &values[count]);
    *side = (struct compare_side){.count = count};
    if (count > 0) {
        qsort(values, count, sizeof(*values), value_compare);
        side->quantiles = count >= COMPARE_QUANTILES_FROM;
        side->median = quantile(values, count, 50);
        side->low = quantile(values, count, side->quantiles ? 5 : 0);
        side->high = quantile(values, count, side->quantiles ? 95 : 100);
        median_interval(values, count, side);
    }
    free(values);
}

/* ---- rows ---- */

/* 0 beside anything else is as far apart as can be. */
static int64_t
difference_ppm(uint64_t first, uint64_t second)
{
    uint64_t apart = first > second ? first - second : second - first;
    uint64_t ppm;

    if (apart == 0)
        return 0;
    if (first == 0 || apart / first > INT64_MAX / 2000000)
        ppm = INT64_MAX;
    else
        ppm = fixed_mul_div(apart, 1000000u, first);
    return second > first ? (int64_t)ppm : -(int64_t)ppm;
}

static bool
within(int64_t difference, uint64_t bound_ppm)
{
    return (difference < 0 ? -(uint64_t)difference : (uint64_t)difference) <=
           bound_ppm;
}

bool
compare_unsure(const struct compare_row *row)
{
    const struct compare_side *a = &row->sides[0], *b = &row->sides[1];
    int64_t least, most;

    if (row->bound_ppm == 0 || a->count < STATS_MEDIAN_SAMPLES ||
        b->count < STATS_MEDIAN_SAMPLES)
        return false;
    least = difference_ppm(a->median_high, b->median_low);
    most = difference_ppm(a->median_low, b->median_high);
    if (row->state == COMPARE_INSIDE)
        return !within(least, row->bound_ppm) || !within(most, row->bound_ppm);
    return within(least, row->bound_ppm) || within(most, row->bound_ppm) ||
           (least < 0 && most > 0);
}

static struct compare_row *
row_find(const struct comparison *comparison, const struct metric *metric,
         const char *args)
{
    for (size_t i = 0; i < comparison->rows.count; i++) {
        struct compare_row *row =
            ROWS_GET(&comparison->rows, struct compare_row, i);

        if (row->metric == metric && strcmp(row->args, args) == 0)
            return row;
    }
    return NULL;
}

/* Adds what neither side has no value of. */
static struct compare_row *
row_add(struct comparison *comparison, const struct campaign *const both[2],
        const struct metric *metric, const char *args, bool always_shown)
{
    struct compare_row *row = row_find(comparison, metric, args);
    struct compare_side sides[2];

    if (row != NULL)
        return row;
    for (unsigned i = 0; i < 2; i++)
        side_fill(both[i], metric, args, &sides[i]);
    if (!always_shown && sides[0].count + sides[1].count == 0)
        return NULL;
    row = rows_add(&comparison->rows);
    row->metric = metric;
    outcome_text(row->args, sizeof(row->args), "%s", args);
    memcpy(row->sides, sides, sizeof(sides));
    row->state = COMPARE_UNKNOWN;
    if (sides[0].count > 0 && sides[1].count > 0)
        row->difference_ppm = difference_ppm(sides[0].median, sides[1].median);
    return row;
}

static void
row_judge(struct compare_row *row, uint64_t bound_ppm, bool stated)
{
    row->bound_ppm = bound_ppm;
    row->stated = stated;
    if (row->sides[0].count > 0 && row->sides[1].count > 0)
        row->state = within(row->difference_ppm, bound_ppm) ? COMPARE_INSIDE
                                                            : COMPARE_OUTSIDE;
}

/* Of "switchover.write-outage(pull)" the "pull". */
static void
args_of(const struct metric_ref *ref, char *text, size_t size)
{
    const char *open = ref->has_argument ? strchr(ref->text, '(') : NULL;

    outcome_text(text, size, "%s", open != NULL ? open + 1 : "");
    if (strchr(text, ')') != NULL)
        *strchr(text, ')') = '\0';
}

static void
rows_make(const struct scenario *scenario,
          const struct campaign *const both[2], struct comparison *comparison)
{
    struct compare_row *row;

    for (size_t i = 0; i < scenario->compare_count; i++) {
        const struct scenario_compare *stated = &scenario->compares[i];
        char args[OUTCOME_NAME_BYTES];

        args_of(&stated->ref, args, sizeof(args));
        row = row_add(comparison, both, stated->ref.metric, args, true);
        row_judge(row, stated->within_ppm, true);
    }
    for (size_t i = 0; i < scenario->event_count; i++) {
        if (scenario->events[i].name == NULL)
            continue;
        row = row_add(comparison, both,
                      metric_get(METRIC_SWITCHOVER_WRITE_OUTAGE),
                      scenario->events[i].name, false);
        if (row != NULL && !row->stated)
            row_judge(row, COMPARE_DEFAULT_PPM, false);
    }
    for (size_t i = 0; i < ARRAY_COUNT(always); i++) {
        row = row_add(comparison, both, metric_get(always[i]), "", false);
        if (row != NULL && !row->stated)
            row_judge(row, COMPARE_DEFAULT_PPM, false);
    }
    /* Two campaigns are told to belong together by their rows. */
    if (comparison->rows.count == 0)
        row_judge(row_add(comparison, both, metric_get(always[0]), "", true),
                  COMPARE_DEFAULT_PPM, false);
}

/* ---- where they part ---- */

static void
stages_make(const struct scenario *scenario,
            const struct campaign *const both[2],
            struct comparison *comparison)
{
    for (size_t i = 0; i < scenario->event_count; i++) {
        for (size_t j = 0;
             scenario->events[i].name != NULL && j < ARRAY_COUNT(stages);
             j++) {
            const struct metric *metric = metric_get(stages[j]);
            const char *name = scenario->events[i].name;
            struct compare_row *row;

            if (row_find(comparison, metric, name) != NULL)
                continue; /* bounded by the scenario */
            row = row_add(comparison, both, metric, name, false);
            if (row != NULL)
                row->state = COMPARE_STAGE;
        }
    }
}

/* Of "switchover.elect" the "elect". */
static const char *
stage_name(const struct metric *metric)
{
    return strrchr(metric->name, '.') + 1;
}

static void
stage_blame(const struct comparison *comparison, struct compare_row *outside)
{
    const struct compare_row *worst = NULL;
    uint64_t most = 0;
    char text[2][QUANTITY_TEXT_BYTES];

    for (size_t i = 0; i < ARRAY_COUNT(stages) - 1; i++) {
        const struct compare_row *row =
            row_find(comparison, metric_get(stages[i]), outside->args);
        uint64_t a, b, apart;

        if (row == NULL || row->sides[0].count == 0 ||
            row->sides[1].count == 0)
            continue;
        a = row->sides[0].median;
        b = row->sides[1].median;
        apart = a > b ? a - b : b - a;
        if (apart > most) {
            most = apart;
            worst = row;
        }
    }
    if (worst == NULL) {
        outcome_text(outside->stage, sizeof(outside->stage),
                     "no stage tells: no election in one of them");
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        expr_value_format(UNIT_DURATION, worst->sides[i].median, text[i],
                          sizeof(text[i]));
    outcome_text(outside->stage, sizeof(outside->stage), "%s: %s, %s",
                 stage_name(worst->metric), text[0], text[1]);
}

static void
blame(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->rows.count; i++) {
        struct compare_row *row =
            ROWS_GET(&comparison->rows, struct compare_row, i);

        if (row->state == COMPARE_OUTSIDE &&
            row->metric->id == METRIC_SWITCHOVER_WRITE_OUTAGE)
            stage_blame(comparison, row);
    }
}

static enum verdict
verdict_of(const struct comparison *comparison)
{
    bool stated = false, unknown = false;

    for (size_t i = 0; i < comparison->rows.count; i++) {
        const struct compare_row *row =
            ROWS_GET(&comparison->rows, struct compare_row, i);

        if (!row->stated)
            continue;
        stated = true;
        if (row->state == COMPARE_OUTSIDE)
            return VERDICT_FAIL;
        unknown |= row->state == COMPARE_UNKNOWN;
    }
    if (!stated)
        return VERDICT_NOT_APPLICABLE;
    return unknown ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

void
comparison_make(const struct scenario *scenario, const struct campaign *first,
                const struct campaign *second, struct comparison *comparison)
{
    const struct campaign *const both[2] = {first, second};

    memset(comparison, 0, sizeof(*comparison));
    comparison->rows.row_bytes = sizeof(struct compare_row);
    rows_make(scenario, both, comparison);
    stages_make(scenario, both, comparison);
    blame(comparison);
    comparison->verdict = verdict_of(comparison);
}

void
comparison_fini(struct comparison *comparison)
{
    free(comparison->rows.items);
    memset(comparison, 0, sizeof(*comparison));
}

/* ---- for people ---- */

/* Numbers side by side share the unit of the largest. */
static uint64_t
unit_of(uint64_t largest, const char **suffix)
{
    static const struct {
        uint64_t ps;
        const char *suffix;
    } units[] = {{SIMTIME_PS_PER_S, "s"},
                 {SIMTIME_PS_PER_MS, "ms"},
                 {SIMTIME_PS_PER_US, "us"},
                 {SIMTIME_PS_PER_NS, "ns"}};
    size_t i = 0;

    while (i + 1 < ARRAY_COUNT(units) && largest < units[i].ps)
        i++;
    *suffix = largest == 0 ? "s" : units[i].suffix;
    return units[i].ps;
}

/* Values of a unit, as people count them. */
static double
scale_of(enum metric_unit unit)
{
    return unit == UNIT_DURATION ? 1e12 : unit == UNIT_RATIO ? 1e9 : 1;
}

/* "245.59 ms (170.35..285.40; 25)". */
static void
side_text(const struct compare_row *row, unsigned index, char *text,
          size_t size)
{
    const struct compare_side *side = &row->sides[index];
    const char *suffix;
    double unit;

    if (side->count == 0) {
        outcome_text(text, size, "no value");
        return;
    }
    if (row->metric->unit != UNIT_DURATION) {
        unit = scale_of(row->metric->unit);
        outcome_text(text, size, "%.7g (%.7g..%.7g; %u)",
                     (double)side->median / unit, (double)side->low / unit,
                     (double)side->high / unit, side->count);
        return;
    }
    unit = (double)unit_of(side->high, &suffix);
    outcome_text(text, size, "%.2f %s (%.2f..%.2f; %u)",
                 (double)side->median / unit, suffix, (double)side->low / unit,
                 (double)side->high / unit, side->count);
}

static void
difference_text(const struct compare_row *row, char *text, size_t size)
{
    if (row->sides[0].count == 0 || row->sides[1].count == 0)
        outcome_text(text, size, "-");
    else if (row->difference_ppm == INT64_MAX)
        outcome_text(text, size, "from 0");
    else
        /* As reports/ rounds what is recorded. */
        outcome_text(text, size, "%+.1f%%",
                     100 * ((double)row->difference_ppm / 1e6));
}

static void
row_print(const struct compare_row *row, FILE *out)
{
    char name[2 * OUTCOME_NAME_BYTES], sides[2][128], difference[32];

    outcome_text(name, sizeof(name), "%s%s%s%s", row->metric->name,
                 row->args[0] != '\0' ? "(" : "", row->args,
                 row->args[0] != '\0' ? ")" : "");
    for (unsigned i = 0; i < 2; i++)
        side_text(row, i, sides[i], sizeof(sides[i]));
    difference_text(row, difference, sizeof(difference));
    (void)fprintf(out, "  %-36s %-34s %-34s %8s", name, sides[0], sides[1],
                  difference);
    if (row->bound_ppm > 0)
        (void)fprintf(out, "  %s%s (%s%g%%)", compare_state_name(row->state),
                      compare_few_runs(row) ? ", few runs"
                      : compare_unsure(row) ? ", not sure"
                                            : "",
                      row->stated ? "stated " : "",
                      (double)row->bound_ppm / 1e4);
    if (row->stage[0] != '\0')
        (void)fprintf(out, "; %s", row->stage);
    (void)fputc('\n', out);
}

static void
rows_print(const struct comparison *comparison, bool staged, const char *title,
           const char *first, const char *second, FILE *out)
{
    bool begun = false;

    for (size_t i = 0; i < comparison->rows.count; i++) {
        const struct compare_row *row =
            ROWS_GET(&comparison->rows, struct compare_row, i);

        if ((row->state == COMPARE_STAGE) != staged)
            continue;
        if (!begun)
            (void)fprintf(out, "%s\n  %-36s %-34s %-34s %8s\n", title,
                          "metric", first, second, "diff");
        begun = true;
        row_print(row, out);
    }
}

void
comparison_print(const struct comparison *comparison, const char *first,
                 const char *second, FILE *out)
{
    bool few = false, unsure = false;

    rows_print(comparison, false,
               "two worlds: median (range, p5..p95 from 20 runs on; runs):",
               first, second, out);
    rows_print(comparison, true, "where they part:", first, second, out);
    for (size_t i = 0; i < comparison->rows.count; i++) {
        const struct compare_row *row =
            ROWS_GET(&comparison->rows, struct compare_row, i);

        few = few || compare_few_runs(row);
        unsure = unsure || compare_unsure(row);
    }
    if (few)
        (void)fprintf(out,
                      "few runs: fewer than %d do not tell where a median is "
                      "(95 %%); said of these runs only\n",
                      STATS_MEDIAN_SAMPLES);
    if (unsure)
        (void)fprintf(out, "not sure: the intervals of the medians (95 %%) "
                           "allow the other answer too\n");
}

/* ---- to the results ---- */

static struct results_side
side_out(const struct compare_row *row, unsigned index)
{
    const struct compare_side *side = &row->sides[index];
    double scale = scale_of(row->metric->unit);

    return (struct results_side){
        .count = side->count,
        .median = (double)side->median / scale,
        .low = (double)side->low / scale,
        .high = (double)side->high / scale,
        .quantiles = side->quantiles,
    };
}

static int
row_write(struct results *results, const struct compare_row *row,
          int64_t first_id, int64_t second_id)
{
    struct results_comparison out = {
        .metric = row->metric->name,
        .args = row->args,
        .unit = row->metric->unit == UNIT_DURATION ? "s"
                : row->metric->unit == UNIT_RATE   ? "bps"
                : row->metric->unit == UNIT_COUNT  ? "count"
                                                   : "",
        .sides = {side_out(row, 0), side_out(row, 1)},
        .has_difference = row->sides[0].count > 0 && row->sides[1].count > 0 &&
                          row->difference_ppm != INT64_MAX,
        .difference = (double)row->difference_ppm / 1e6,
        .bound = (double)row->bound_ppm / 1e6,
        .stated = row->stated,
        .state = compare_state_name(row->state),
        .stage = row->stage,
    };

    return results_add_comparison(results, first_id, second_id, &out);
}

int
comparison_record(const struct comparison *comparison, const char *db_path,
                  int64_t first_id, int64_t second_id, char *message,
                  size_t message_size)
{
    struct results *results;
    int err = results_open(db_path, &results, message, message_size);
    int finished;

    if (err != 0)
        return err;
    for (size_t i = 0; err == 0 && i < comparison->rows.count; i++)
        err = row_write(results,
                        ROWS_GET(&comparison->rows, struct compare_row, i),
                        first_id, second_id);
    if (err != 0)
        outcome_text(message, message_size, "%s", results_error(results));
    finished =
        results_finish(results, RESULTS_COMPLETE, err == 0 ? message : NULL,
                       err == 0 ? message_size : 0);
    return err != 0 ? err : finished;
}
