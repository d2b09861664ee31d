/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions judged by values of one run, or by samples of many.
 */
#include "sim/scenario/expr.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows to its end and stops there. */
struct text {
    char *buffer;
    size_t bytes;
    size_t used;
};

static void add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

static void
add(struct text *text, const char *format, ...)
{
    va_list args;
    int more;

    if (text->used >= text->bytes)
        return;
    va_start(args, format);
    more = vsnprintf(text->buffer + text->used, text->bytes - text->used,
                     format, args);
    va_end(args);
    text->used += more > 0 ? (size_t)more : 0;
}

static bool
compare(enum expr_op op, uint64_t a, uint64_t b)
{
    switch (op) {
    case OP_EQ: return a == b;
    case OP_NE: return a != b;
    case OP_LT: return a < b;
    case OP_LE: return a <= b;
    case OP_GT: return a > b;
    case OP_GE: return a >= b;
    }
    CHECK(false);
    return false;
}

/* Units, the largest first. */
struct scale {
    uint64_t unit;
    const char *suffix;
};

static const struct scale times[] = {
    {PS_PER_S, "s"},   {PS_PER_MS, "ms"}, {PS_PER_US, "us"},
    {PS_PER_NS, "ns"}, {0, NULL},
};
static const struct scale rates[] = {
    {UINT64_C(1000000000000), "Tbps"},
    {UINT64_C(1000000000), "Gbps"},
    {UINT64_C(1000000), "Mbps"},
    {0, NULL},
};

/* Three decimals of the unit that suits the size. */
static void
format_scaled(enum quantity_kind kind, const struct scale *scales,
              uint64_t value, char *buffer, size_t bytes)
{
    for (size_t i = 0; scales[i].suffix != NULL; i++) {
        uint64_t rest;

        if (value < scales[i].unit)
            continue;
        rest = value % scales[i].unit / (scales[i].unit / 1000);
        if (rest == 0)
            snprintf(buffer, bytes, "%llu%s",
                     (unsigned long long)(value / scales[i].unit),
                     scales[i].suffix);
        else
            snprintf(buffer, bytes, "%llu.%03llu%s",
                     (unsigned long long)(value / scales[i].unit),
                     (unsigned long long)rest, scales[i].suffix);
        return;
    }
    quantity_format(kind, value, buffer, bytes);
}

void
expr_value_format(enum metric_unit unit, uint64_t value, char *buffer,
                  size_t bytes)
{
    if (unit == UNIT_DURATION)
        format_scaled(QUANTITY_DURATION, times, value, buffer, bytes);
    else if (unit == UNIT_RATE)
        format_scaled(QUANTITY_RATE, rates, value, buffer, bytes);
    else if (unit == UNIT_PREDICATE)
        snprintf(buffer, bytes, "%s", value != 0 ? "true" : "false");
    else
        quantity_format(metric_quantity(unit), value, buffer, bytes);
}

/* Rounding must not make a value look like the bound it misses. */
static void
format_beside(enum metric_unit unit, uint64_t value, uint64_t bound,
              char *buffer, size_t bytes)
{
    char other[QUANTITY_TEXT_BYTES];

    expr_value_format(unit, value, buffer, bytes);
    expr_value_format(unit, bound, other, sizeof(other));
    if (value != bound && strcmp(buffer, other) == 0)
        quantity_format(metric_quantity(unit), value, buffer, bytes);
}

/* What an error of a callback means. */
static enum judged
judged_of_error(int error)
{
    return error == ERR_UNSUPPORTED ? JUDGED_NOT_APPLICABLE : JUDGED_UNKNOWN;
}

static const char *
error_text(int error)
{
    if (error == ERR_UNSUPPORTED)
        return "cannot be measured here";
    if (error == ERR_NOENT)
        return "there was nothing to measure";
    return err_text(error);
}

/* FALSE wins, then UNKNOWN, then NOT_APPLICABLE, then TRUE. */
static enum judged
judged_and(enum judged a, enum judged b)
{
    static const int weight[] = {
        [JUDGED_TRUE] = 0,
        [JUDGED_NOT_APPLICABLE] = 1,
        [JUDGED_UNKNOWN] = 2,
        [JUDGED_FALSE] = 3,
    };

    return weight[a] >= weight[b] ? a : b;
}

/* Too few samples to bound it from above: it is at least what they show. */
static enum judged
judge_bound(const struct expr_term *term, const struct expr_reading *reading,
            struct text *evidence)
{
    char low[QUANTITY_TEXT_BYTES];
    bool upper = term->op == OP_LT || term->op == OP_LE;

    format_beside(term->ref.metric->unit, reading->low, term->bound, low,
                  sizeof(low));
    add(evidence, "%s: measured at least %s, from %llu samples", term->text,
        low, (unsigned long long)reading->samples);
    if (upper != compare(term->op, reading->low, term->bound))
        return upper ? JUDGED_FALSE : JUDGED_TRUE;
    add(evidence, ", too few to tell (%llu would)",
        (unsigned long long)reading->needed);
    return JUDGED_UNKNOWN;
}

/* By the end of the interval that is nearer to missing the bound. */
static enum judged
judge_estimate(const struct expr_term *term,
               const struct expr_reading *reading, struct text *evidence)
{
    enum metric_unit unit = term->ref.metric->unit;
    char value[QUANTITY_TEXT_BYTES];
    char low[QUANTITY_TEXT_BYTES], high[QUANTITY_TEXT_BYTES];

    if (reading->high == UINT64_MAX)
        return judge_bound(term, reading, evidence);
    format_beside(unit, reading->value, term->bound, value, sizeof(value));
    format_beside(unit, reading->low, term->bound, low, sizeof(low));
    format_beside(unit, reading->high, term->bound, high, sizeof(high));
    add(evidence, "%s: measured %s (%s to %s, %llu samples)", term->text,
        value, low, high, (unsigned long long)reading->samples);
    if (compare(term->op, reading->low, term->bound) !=
        compare(term->op, reading->high, term->bound)) {
        add(evidence, ", too wide to tell");
        return JUDGED_UNKNOWN;
    }
    return compare(term->op, reading->high, term->bound) ? JUDGED_TRUE
                                                         : JUDGED_FALSE;
}

static enum judged
judge_term(const struct expr_term *term, expr_value *value, void *arg,
           struct text *evidence)
{
    struct expr_reading reading = {0};
    char measured[QUANTITY_TEXT_BYTES];
    int error = value(arg, &term->ref, &reading);

    if (error != 0) {
        add(evidence, "%s: %s", term->text, error_text(error));
        return judged_of_error(error);
    }
    if (term->is_predicate) {
        add(evidence, "%s: measured %s", term->text,
            reading.value != 0 ? "true" : "false");
        return reading.value != 0 ? JUDGED_TRUE : JUDGED_FALSE;
    }
    if (reading.estimated)
        return judge_estimate(term, &reading, evidence);
    format_beside(term->ref.metric->unit, reading.value, term->bound, measured,
                  sizeof(measured));
    add(evidence, "%s: measured %s", term->text, measured);
    return compare(term->op, reading.value, term->bound) ? JUDGED_TRUE
                                                         : JUDGED_FALSE;
}

enum judged
expr_judge(const struct expr *expr, expr_value *value, void *arg,
           char *evidence, size_t bytes)
{
    struct text text = {evidence, bytes, 0};
    enum judged judged = JUDGED_TRUE;

    CHECK(expr->count > 0 && bytes > 0);
    for (size_t i = 0; i < expr->count; i++) {
        if (i > 0)
            add(&text, "; ");
        judged =
            judged_and(judged, judge_term(&expr->terms[i], value, arg, &text));
    }
    return judged;
}

/* P(K <= k) for K ~ Binomial(n, p), 0 < p < 1, without libm: the running
 * term is kept within range by a count of factors 2^-1024. */
static double
binomial_at_most(size_t k, size_t n, double p)
{
    const double tiny = 0x1p-512, huge = 0x1p512;
    double term = 1, sum = 0;
    long scale = 0; /* The true term is term * 2^(-512 * scale). */

    if (k >= n)
        return 1;
    for (size_t i = 0; i < n; i++) {
        term *= 1 - p;
        if (term < tiny) {
            term *= huge;
            scale++;
        }
    }
    for (size_t i = 0;; i++) {
        while (scale > 0 && term >= 1) {
            term *= tiny;
            scale--;
        }
        if (scale == 0)
            sum += term;
        if (i == k)
            break;
        term *= (double)(n - i) / (double)(i + 1) * (p / (1 - p));
        if (scale > 0 && term < tiny * tiny)
            break;
    }
    return sum < 1 ? sum : 1;
}

static double
binomial_at_least(size_t k, size_t n, double p)
{
    return k == 0 ? 1 : 1 - binomial_at_most(k - 1, n, p);
}

static int
value_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static unsigned
percent_of(enum aggregate aggregate)
{
    return aggregate == AGGREGATE_P50   ? 50
           : aggregate == AGGREGATE_P90 ? 90
                                        : 99;
}

/* The value itself, from sorted samples; quantiles by nearest rank. */
static uint64_t
aggregate_value(enum aggregate aggregate, const uint64_t *values, size_t count)
{
    double sum = 0;

    switch (aggregate) {
    case AGGREGATE_MIN: return values[0];
    case AGGREGATE_MAX: return values[count - 1];
    case AGGREGATE_MEAN:
        for (size_t i = 0; i < count; i++)
            sum += (double)values[i] / (double)count;
        return (uint64_t)sum;
    case AGGREGATE_P50:
    case AGGREGATE_P90:
    case AGGREGATE_P99:
        return values[(count * percent_of(aggregate) + 99) / 100 - 1];
    case AGGREGATE_NONE: break;
    }
    CHECK(false);
    return 0;
}

/* Fewest samples that can confirm a quantile: all of them keep the bound. */
static size_t
samples_needed(double miss_share, double alpha)
{
    double all_keep = 1;
    size_t count = 0;

    while (all_keep > alpha && count < 1000000) {
        all_keep *= 1 - miss_share;
        count++;
    }
    return count;
}

static enum judged
judge_quantile(const struct expr_term *term, uint64_t confidence_ppm,
               const uint64_t *values, size_t count, struct text *evidence)
{
    double alpha = 1 - (double)confidence_ppm / 1e6;
    double share = 1 - (double)percent_of(term->aggregate) / 100;
    bool upper = term->op == OP_LT || term->op == OP_LE;
    size_t keep = 0, above;
    double few, many;

    for (size_t i = 0; i < count; i++)
        keep += compare(term->op, values[i], term->bound);
    /* How many lie on the far side of an upper bound, or keep a lower one:
     * both must be compared with the share above the quantile. */
    above = upper ? count - keep : keep;
    few = binomial_at_most(above, count, share);
    many = binomial_at_least(above, count, share);
    add(evidence, "; %zu of %zu runs keep the bound", keep, count);
    if ((upper ? few : many) <= alpha)
        return JUDGED_TRUE;
    if ((upper ? many : few) <= alpha)
        return JUDGED_FALSE;
    add(evidence, ", too few to tell (%zu runs without a miss would)",
        samples_needed(upper ? share : 1 - share, alpha));
    return JUDGED_UNKNOWN;
}

static enum judged
judge_samples(const struct expr_term *term, uint64_t confidence_ppm,
              uint64_t *values, size_t count, struct text *evidence)
{
    char measured[QUANTITY_TEXT_BYTES];
    uint64_t value;

    qsort(values, count, sizeof(*values), value_compare);
    value = aggregate_value(term->aggregate, values, count);
    format_beside(term->ref.metric->unit, value, term->bound, measured,
                  sizeof(measured));
    add(evidence, "%s: measured %s", term->text, measured);
    if (term->aggregate >= AGGREGATE_P50 && term->aggregate <= AGGREGATE_P99)
        return judge_quantile(term, confidence_ppm, values, count, evidence);
    add(evidence, " over %zu runs", count);
    return compare(term->op, value, term->bound) ? JUDGED_TRUE : JUDGED_FALSE;
}

enum judged
expr_judge_over(const struct expr *expr, uint64_t confidence_ppm,
                expr_samples *samples, void *arg, char *evidence, size_t bytes)
{
    struct text text = {evidence, bytes, 0};
    enum judged judged = JUDGED_TRUE, one;

    CHECK(expr->count > 0 && bytes > 0);
    for (size_t i = 0; i < expr->count; i++) {
        const struct expr_term *term = &expr->terms[i];
        uint64_t *values = NULL;
        size_t count = 0;
        int error = samples(arg, &term->ref, &values, &count);

        if (i > 0)
            add(&text, "; ");
        if (error == 0 && count == 0)
            error = ERR_NOENT;
        if (error != 0) {
            add(&text, "%s: %s", term->text, error_text(error));
            one = judged_of_error(error);
        } else {
            one = judge_samples(term, confidence_ppm, values, count, &text);
        }
        judged = judged_and(judged, one);
    }
    return judged;
}
