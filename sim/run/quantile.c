/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/run/quantile.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reports/latency.h"

#include <stdlib.h>

int
quantile_reading(const struct hist *hist, double share,
                 struct expr_reading *reading)
{
    struct stats_quantile quantile;

    if (hist_count(hist) == 0)
        return ERR_NOENT;
    quantile = latency_quantile(hist, share, LATENCY_CONFIDENCE);
    *reading = (struct expr_reading){
        .value = (uint64_t)quantile.value,
        .estimated = true,
        .high = UINT64_MAX,
        .samples = hist_count(hist),
        .needed = stats_quantile_samples_needed(share, LATENCY_CONFIDENCE),
    };
    if (quantile.support == STATS_NUMBER) {
        reading->low = (uint64_t)quantile.interval.low;
        reading->high = (uint64_t)quantile.interval.high;
    } else if (quantile.support == STATS_UPPER_BOUND) {
        reading->high = reading->value;
    } else if (quantile.support == STATS_LOWER_BOUND) {
        reading->low = reading->value;
    }
    return 0;
}

struct hist *
outcome_latency(const struct outcome *outcome, size_t traffic, unsigned stage)
{
    void *storage = malloc(hist_size_bytes(QUANTILE_HIST_BITS));
    struct hist *hist;

    CHECK(storage != NULL);
    hist = hist_init(storage, QUANTILE_HIST_BITS);
    for (size_t i = 0; i < outcome->parts.count; i++) {
        const struct outcome_part *part =
            ROWS_GET(&outcome->parts, struct outcome_part, i);

        if (part->traffic != traffic || part->stage != stage)
            continue;
        /* The edges at both ends are samples. */
        hist_add(hist, hist_count(hist) == 0 ? part->low : part->high, 1);
        if (part->count > 1)
            hist_add(hist, part->high, 1);
        if (part->count > 2)
            hist_add(hist, part->low + (part->high - part->low) / 2,
                     part->count - 2);
    }
    return hist;
}
