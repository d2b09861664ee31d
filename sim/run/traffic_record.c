/* SPDX-License-Identifier: Apache-2.0
 *
 * What traffic met, in rows of the outcome.
 */
#include "sim/run/run_priv.h"
#include "sim/run/traffic.h"

#include <string.h>

static void
hist_record(struct run *run, const struct hist *hist, uint32_t traffic,
            uint32_t stage)
{
    struct outcome_part part = {.traffic = traffic, .stage = stage};
    size_t cursor = 0;

    while ((part.count = hist_next(hist, &cursor, &part.low, &part.high)) >
           0) {
        struct outcome_part *row = rows_add(&run->outcome->parts);

        *row = part;
        if (row->low < hist_min(hist))
            row->low = hist_min(hist);
        if (row->high > hist_max(hist))
            row->high = hist_max(hist);
    }
}

/* The plane counts what it holds, so that a packet that was lost without a
 * cause shows. */
static void
held_record(const struct run_traffic *traffic, size_t index,
            struct outcome_traffic *row)
{
    if (traffic->network == NULL && traffic->plane != NULL) {
        plane_flow_held(traffic->plane, traffic->blocks[index].flow,
                        &row->held, &row->held_bytes);
        return;
    }
    row->held = row->sent - row->delivered;
    row->held_bytes = row->sent_bytes - row->delivered_bytes;
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++) {
        row->held -= row->dropped[i];
        row->held_bytes -= row->dropped_bytes[i];
    }
}

static void
block_record(struct run *run, size_t index,
             const struct plane_flow_stats *stats)
{
    struct outcome *outcome = run->outcome;
    uint32_t number = (uint32_t)outcome->traffic.count;
    struct outcome_traffic *row = rows_add(&outcome->traffic);

    outcome_text(row->name, sizeof(row->name), "%s",
                 run->scenario->traffic[index].name);
    row->lasted = traffic_span(run, index);
    row->delivered_for = simtime_from_ps(stats->last_ps - stats->first_ps);
    row->sent = stats->sent;
    row->sent_bytes = stats->sent_bytes;
    row->delivered = stats->delivered;
    row->delivered_bytes = stats->delivered_bytes;
    memcpy(row->dropped_bytes, stats->dropped_bytes_of,
           sizeof(row->dropped_bytes));
    row->reordered = stats->reordered;
    memcpy(row->dropped, stats->dropped, sizeof(row->dropped));
    held_record(&run->traffic, index, row);
    for (unsigned i = 0; i < PLANE_STAGE_COUNT; i++) {
        if (stats->stages[i] == NULL)
            continue; /* a network of queues has no stages */
        row->sum_ps[i] = (double)hist_sum(stats->stages[i]);
        hist_record(run, stats->stages[i], number, i);
    }
    row->sum_ps[PLANE_STAGE_COUNT] = (double)hist_sum(stats->latency);
    hist_record(run, stats->latency, number, PLANE_STAGE_COUNT);
}

void
traffic_record(struct run *run)
{
    for (size_t i = 0; i < run->traffic.block_count; i++) {
        const struct plane_flow_stats *stats = traffic_stats(run, i);

        if (stats != NULL)
            block_record(run, i, stats);
    }
}
