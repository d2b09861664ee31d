/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/latency.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reports/text_priv.h"

const double latency_quantiles[LATENCY_QUANTILES] = {
    0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999};
const char *const latency_names[LATENCY_QUANTILES] = {
    "p50", "p90", "p99", "p99.9", "p99.99", "p99.999", "p99.9999"};

void
latency_fini(struct latency *latency)
{
    free(latency->parts);
    *latency = (struct latency){0};
}

void
latency_add(struct latency *latency, uint64_t low_ps, uint64_t high_ps,
            uint64_t count)
{
    if (count == 0)
        return;
    if (latency->part_count == latency->part_room) {
        latency->part_room =
            latency->part_room == 0 ? 256 : latency->part_room * 2;
        latency->parts = realloc(latency->parts,
                                 latency->part_room * sizeof(*latency->parts));
        CHECK(latency->parts != NULL);
    }
    latency->parts[latency->part_count++] =
        (struct latency_part){low_ps, high_ps, count};
    latency->samples += count;
}

void
latency_add_hist(struct latency *latency, const struct hist *hist)
{
    size_t cursor = 0;
    uint64_t low;
    uint64_t high;
    uint64_t count;

    while ((count = hist_next(hist, &cursor, &low, &high)) > 0)
        latency_add(latency, low > hist_min(hist) ? low : hist_min(hist),
                    high < hist_max(hist) ? high : hist_max(hist), count);
    latency->sum_ps += (double)hist_sum(hist);
}

/* By what is known to bound the samples from above. */
static int
part_compare(const void *left, const void *right)
{
    const struct latency_part *a = left;
    const struct latency_part *b = right;

    if (a->high_ps != b->high_ps)
        return a->high_ps < b->high_ps ? -1 : 1;
    return (a->low_ps > b->low_ps) - (a->low_ps < b->low_ps);
}

void
latency_sort(struct latency *latency)
{
    struct latency_part *parts = latency->parts;
    size_t kept = 0;

    if (latency->part_count < 2)
        return;
    qsort(parts, latency->part_count, sizeof(*parts), part_compare);
    for (size_t i = 1; i < latency->part_count; i++) {
        if (part_compare(&parts[kept], &parts[i]) == 0)
            parts[kept].count += parts[i].count;
        else
            parts[++kept] = parts[i];
    }
    latency->part_count = kept + 1;
}

static size_t
part_of_rank(const struct latency *latency, uint64_t rank)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < latency->part_count; i++) {
        seen += latency->parts[i].count;
        if (seen >= rank)
            return i;
    }
    CHECK(latency->part_count > 0);
    return latency->part_count - 1;
}

static double
high_of(const struct latency *latency, uint64_t rank)
{
    return (double)latency->parts[part_of_rank(latency, rank)].high_ps;
}

/* Parts of several histograms may overlap at their ends. */
static double
low_of(const struct latency *latency, uint64_t rank)
{
    size_t at = part_of_rank(latency, rank);
    uint64_t low_ps = latency->parts[at].low_ps;

    for (size_t i = at + 1; i < latency->part_count; i++) {
        if (latency->parts[i].low_ps < low_ps)
            low_ps = latency->parts[i].low_ps;
    }
    return (double)low_ps;
}

static uint64_t
nearest_rank(uint64_t count, double p)
{
    uint64_t rank = (uint64_t)ceil(p * (double)count);

    return rank < 1 ? 1 : rank > count ? count : rank;
}

struct stats_quantile
latency_quantile_of(const struct latency *latency, double p, double confidence)
{
    struct stats_quantile result = {.support = STATS_NOTHING};
    struct stats_ranks ranks;

    result.support =
        stats_quantile_support(latency->samples, p, confidence, &ranks);
    switch (result.support) {
    case STATS_NUMBER:
        result.value = high_of(latency, nearest_rank(latency->samples, p));
        result.interval.low = low_of(latency, ranks.low);
        result.interval.high = high_of(latency, ranks.high);
        break;
    case STATS_UPPER_BOUND: result.value = high_of(latency, ranks.high); break;
    case STATS_LOWER_BOUND: result.value = low_of(latency, ranks.low); break;
    case STATS_NOTHING: break;
    }
    return result;
}

uint64_t
latency_max_ps(const struct latency *latency)
{
    size_t count = latency->part_count;

    return count == 0 ? 0 : latency->parts[count - 1].high_ps;
}

double
latency_share_above(const struct latency *latency, size_t part)
{
    uint64_t above = 0;

    for (size_t i = part + 1; i < latency->part_count; i++)
        above += latency->parts[i].count;
    return (double)above / (double)latency->samples;
}

struct stats_quantile
latency_quantile(const struct hist *hist, double p, double confidence)
{
    struct latency latency = {0};

    latency_add_hist(&latency, hist);
    struct stats_quantile result =
        latency_quantile_of(&latency, p, confidence);

    latency_fini(&latency);
    return result;
}

/* The unit that suits 'value_ps', and how many picoseconds it has. */
static const char *
unit_of(double value_ps, double *unit_ps)
{
    static const struct {
        double ps;
        const char *name;
    } units[] = {{1e12, "s"}, {1e9, "ms"}, {1e6, "us"}, {1e3, "ns"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (value_ps >= units[i].ps) {
            *unit_ps = units[i].ps;
            return units[i].name;
        }
    }
    *unit_ps = 1;
    return "ps";
}

void
latency_value_text(const struct stats_quantile *quantile,
                   char text[LATENCY_VALUE_BYTES])
{
    double unit_ps;
    const char *unit = unit_of(quantile->value, &unit_ps);
    double value = quantile->value / unit_ps;

    switch (quantile->support) {
    case STATS_NUMBER:
        (void)snprintf(text, LATENCY_VALUE_BYTES, "%.4g %s [%.4g, %.4g]",
                       value, unit, quantile->interval.low / unit_ps,
                       quantile->interval.high / unit_ps);
        break;
    case STATS_UPPER_BOUND:
        (void)snprintf(text, LATENCY_VALUE_BYTES, "at most %.4g %s", value,
                       unit);
        break;
    case STATS_LOWER_BOUND:
        (void)snprintf(text, LATENCY_VALUE_BYTES, "at least %.4g %s", value,
                       unit);
        break;
    case STATS_NOTHING:
        (void)snprintf(text, LATENCY_VALUE_BYTES, "unknown");
        break;
    }
}

void
latency_text(const struct stats_quantile *quantile, double p, uint64_t samples,
             char text[LATENCY_TEXT_BYTES])
{
    char value[LATENCY_VALUE_BYTES];
    struct text count = {0};

    latency_value_text(quantile, value);
    text_count(&count, samples);
    (void)snprintf(text, LATENCY_TEXT_BYTES, "p%.10g %s of %s", p * 100, value,
                   count.data);
    text_fini(&count);
}
