/* SPDX-License-Identifier: Apache-2.0
 *
 * What traffic met, for the user of `sixnines run`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reference-nos/base/check.h"
#include "sim/cli/show_traffic.h"
#include "sim/run/quantile.h"

#define HIST_BITS 7
#define VALUE_BYTES 64

/* Latencies of one stage, or of all, as a histogram again. */
static struct hist *
hist_of(const struct outcome *outcome, size_t traffic, unsigned stage,
        void *storage)
{
    struct hist *hist = hist_init(storage, HIST_BITS);

    for (size_t i = 0; i < outcome->parts.count; i++) {
        const struct outcome_part *part =
            ROWS_GET(&outcome->parts, struct outcome_part, i);

        if (part->traffic == traffic && part->stage == stage)
            hist_add(hist, part->high, part->count);
    }
    return hist;
}

static double
per_second(uint64_t bytes, uint64_t frames, struct simtime lasted)
{
    return lasted.ps > 0
               ? ((double)bytes + (double)TRAFFIC_L1_BYTES * (double)frames) *
                     8e12 / (double)lasted.ps
               : 0;
}

static void
counts_print(const struct outcome_traffic *row)
{
    uint64_t lost = 0;

    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        lost += row->dropped[i];
    printf("  traffic %s: %" PRIu64 " packets due, %" PRIu64
           " delivered, %" PRIu64 " lost, %" PRIu64 " under way, %" PRIu64
           " out of order\n",
           row->name, row->sent, row->delivered, lost,
           row->sent - row->delivered - lost, row->reordered);
    printf("    layer 1: %.4g Gb/s due, %.4g Gb/s delivered; layer 2: %.4g "
           "Gb/s delivered; over %.6g us\n",
           per_second(row->sent_bytes, row->sent, row->lasted) / 1e9,
           per_second(row->delivered_bytes, row->delivered, row->lasted) / 1e9,
           per_second(row->delivered_bytes, 0, row->lasted) / 1e9,
           (double)row->lasted.ps / 1e6);
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++) {
        if (row->dropped[i] > 0)
            printf("    lost, %s: %" PRIu64 "\n",
                   plane_drop_text((enum plane_drop)i), row->dropped[i]);
    }
}

static void
latency_print(const struct hist *hist)
{
    for (unsigned i = 0; i < QUANTILE_COUNT; i++) {
        struct expr_reading reading;
        char value[VALUE_BYTES], low[VALUE_BYTES], high[VALUE_BYTES];

        if (quantile_reading(hist, quantile_shares[i], &reading) != 0)
            return;
        expr_value_format(UNIT_DURATION, reading.value, value, sizeof(value));
        expr_value_format(UNIT_DURATION, reading.low, low, sizeof(low));
        expr_value_format(UNIT_DURATION, reading.high, high, sizeof(high));
        if (reading.high == UINT64_MAX)
            printf("    latency %-8s at least %s, from %" PRIu64
                   " packets (%" PRIu64 " would bound it)\n",
                   quantile_names[i], low, reading.samples, reading.needed);
        else
            printf("    latency %-8s %-10s (%s to %s)\n", quantile_names[i],
                   value, low, high);
    }
}

/* A line per stage: half of the packets, and the slowest of them. */
static void
stages_print(const struct outcome *outcome, size_t traffic, void *storage)
{
    for (unsigned i = 0; i < PLANE_STAGE_COUNT; i++) {
        const struct hist *hist = hist_of(outcome, traffic, i, storage);
        char half[VALUE_BYTES], most[VALUE_BYTES];

        if (hist_count(hist) == 0)
            continue;
        expr_value_format(UNIT_DURATION, hist_quantile(hist, HIST_PPB / 2),
                          half, sizeof(half));
        expr_value_format(UNIT_DURATION, hist_max(hist), most, sizeof(most));
        printf("    stage %-12s p50 %-10s max %s\n",
               plane_stage_name((enum plane_stage)i), half, most);
    }
}

void
traffic_show(const struct outcome *outcome)
{
    void *storage = malloc(hist_size_bytes(HIST_BITS));

    CHECK(storage != NULL);
    for (size_t i = 0; i < outcome->traffic.count; i++) {
        counts_print(ROWS_GET(&outcome->traffic, struct outcome_traffic, i));
        latency_print(hist_of(outcome, i, PLANE_STAGE_COUNT, storage));
        stages_print(outcome, i, storage);
    }
    free(storage);
}
