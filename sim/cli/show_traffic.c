/* SPDX-License-Identifier: Apache-2.0
 *
 * What traffic met, for the user of `sixnines run`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/latency.h"
#include "sim/cli/show_traffic.h"
#include "sim/run/quantile.h"

#define VALUE_BYTES 64

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
    printf(
        "    layer 1: %.4g Gb/s due, %.4g Gb/s delivered; layer 2: %.4g "
        "Gb/s delivered; sent in %.6g us, out in %.6g us\n",
        per_second(row->sent_bytes, row->sent, row->lasted) / 1e9,
        per_second(row->delivered_bytes, row->delivered, row->delivered_for) /
            1e9,
        per_second(row->delivered_bytes, 0, row->delivered_for) / 1e9,
        (double)row->lasted.ps / 1e6, (double)row->delivered_for.ps / 1e6);
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++) {
        if (row->dropped[i] > 0)
            printf("    lost, %s: %" PRIu64 "\n",
                   plane_drop_text((enum plane_drop)i), row->dropped[i]);
    }
}

static void
latency_print(const struct hist *hist)
{
    for (unsigned i = 0; i < LATENCY_QUANTILES; i++) {
        struct stats_quantile quantile =
            latency_quantile(hist, latency_quantiles[i], LATENCY_CONFIDENCE);
        char text[LATENCY_TEXT_BYTES];

        latency_text(&quantile, latency_quantiles[i], hist_count(hist), text);
        printf("    latency %s\n", text);
    }
}

/* A line per stage: half of the packets, and the slowest of them. */
static void
stages_print(const struct outcome *outcome, size_t traffic)
{
    for (unsigned i = 0; i < PLANE_STAGE_COUNT; i++) {
        struct hist *hist = outcome_latency(outcome, traffic, i);
        char half[VALUE_BYTES], most[VALUE_BYTES];

        if (hist_count(hist) == 0) { /* a network of queues has none */
            free(hist);
            continue;
        }
        expr_value_format(UNIT_DURATION, hist_quantile(hist, HIST_PPB / 2),
                          half, sizeof(half));
        expr_value_format(UNIT_DURATION, hist_max(hist), most, sizeof(most));
        printf("    stage %-12s p50 %-10s max %s\n",
               plane_stage_name((enum plane_stage)i), half, most);
        free(hist);
    }
}

static void
block_print(const struct outcome *outcome, size_t traffic)
{
    struct hist *hist = outcome_latency(outcome, traffic, PLANE_STAGE_COUNT);

    counts_print(ROWS_GET(&outcome->traffic, struct outcome_traffic, traffic));
    if (hist_count(hist) > 0) {
        latency_print(hist);
        stages_print(outcome, traffic);
    }
    free(hist);
}

static void
search_load_print(const struct outcome_search_load *load)
{
    char mean[VALUE_BYTES], most[VALUE_BYTES];

    expr_value_format(UNIT_DURATION, load->mean_ps, mean, sizeof(mean));
    expr_value_format(UNIT_DURATION, load->max_ps, most, sizeof(most));
    if (load->count == 0)
        printf("; at %g%%: nothing left", load->share_ppm / 1e4);
    else
        printf("; at %g%%: mean %s, max %s", load->share_ppm / 1e4, mean,
               most);
}

static void
search_print(const struct outcome_search *row)
{
    double wire_bits = (row->bytes + (double)TRAFFIC_L1_BYTES) * 8;

    if (row->burst)
        printf("  search %5u B: bursts of %u frames", row->bytes, row->level);
    else
        printf("  search %5u B: %g%% of the port, %.5g M frames/s", row->bytes,
               row->level / 1e4,
               (double)row->port_bps / wire_bits * row->level / 1e12);
    for (uint32_t i = 0; i < row->load_count; i++)
        search_load_print(&row->loads[i]);
    printf(" (%u trials)\n", row->trials);
}

void
traffic_show(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->traffic.count; i++)
        block_print(outcome, i);
    for (size_t i = 0; i < outcome->searches.count; i++)
        search_print(ROWS_GET(&outcome->searches, struct outcome_search, i));
}
