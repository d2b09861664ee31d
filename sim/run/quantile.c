/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/run/quantile.h"

#include "reference-nos/base/err.h"
#include "reports/stats.h"

#define CONFIDENCE 0.95

const char *const quantile_names[QUANTILE_COUNT] = {
#define QUANTILE_NAME(name, share) name,
    QUANTILE_TABLE(QUANTILE_NAME)
#undef QUANTILE_NAME
};

const double quantile_shares[QUANTILE_COUNT] = {
#define QUANTILE_SHARE(name, share) share,
    QUANTILE_TABLE(QUANTILE_SHARE)
#undef QUANTILE_SHARE
};

/* Edges of the part that holds the sample of 'rank', from 1. */
static void
hist_rank(const struct hist *hist, uint64_t rank, uint64_t *low,
          uint64_t *high)
{
    size_t cursor = 0;
    uint64_t seen = 0, count;

    while ((count = hist_next(hist, &cursor, low, high)) > 0) {
        seen += count;
        if (seen >= rank)
            break;
    }
    if (*high > hist_max(hist))
        *high = hist_max(hist);
    if (*low < hist_min(hist))
        *low = hist_min(hist);
}

int
quantile_reading(const struct hist *hist, double share,
                 struct expr_reading *reading)
{
    uint64_t count = hist_count(hist);
    uint64_t low_rank, high_rank, other;

    if (count == 0)
        return ERR_NOENT;
    *reading = (struct expr_reading){
        .value = hist_quantile(hist, (uint64_t)(share * 1e9 + 0.5)),
        .estimated = true,
        .high = UINT64_MAX,
        .samples = count,
        .needed =
            stats_quantile_samples_needed(share, 1 - (1 - CONFIDENCE) / 2),
    };
    if (stats_quantile_ranks(count, share, CONFIDENCE, &low_rank,
                             &high_rank)) {
        hist_rank(hist, low_rank, &reading->low, &other);
        hist_rank(hist, high_rank, &other, &reading->high);
        return 0;
    }
    /* A smaller quantile that the samples do bound from below. */
    for (unsigned i = 0; i < QUANTILE_COUNT && quantile_shares[i] < share;
         i++) {
        if (stats_quantile_ranks(count, quantile_shares[i], CONFIDENCE,
                                 &low_rank, &high_rank))
            hist_rank(hist, low_rank, &reading->low, &other);
    }
    return 0;
}
