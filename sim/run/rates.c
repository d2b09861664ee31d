/* SPDX-License-Identifier: Apache-2.0
 *
 * Traffic by rates (fidelity: flows): the numbers of models/flows where those
 * of packets would stand.  What only packets have (latency, order, cells) is
 * not there.
 */
#include "sim/run/traffic.h"

#include "reference-nos/base/check.h"
#include "sim/run/quantile.h"
#include "sim/run/run_priv.h"

#include <stdlib.h>
#include <string.h>

struct traffic_rates {
    struct plane_flow_stats stats; /* of the last block asked for */
    struct hist *none;             /* empty */
};

/* ---- either plane ---- */

bool
traffic_runs(const struct run_traffic *traffic)
{
    return traffic->plane != NULL || traffic->flows != NULL;
}

unsigned
traffic_ends(const struct run_traffic *traffic)
{
    return traffic->plane != NULL ? plane_ends(traffic->plane)
                                  : flows_ends(traffic->flows);
}

struct plane_end
traffic_end(const struct run_traffic *traffic, unsigned end)
{
    return traffic->plane != NULL ? plane_end(traffic->plane, end)
                                  : flows_end(traffic->flows, end);
}

void
traffic_address(const struct run_traffic *traffic, unsigned end,
                struct fwd_prefix *host)
{
    if (traffic->plane != NULL)
        plane_address(traffic->plane, end, host);
    else
        flows_address(traffic->flows, end, host);
}

void
traffic_address_set(struct run_traffic *traffic, unsigned end,
                    const struct fwd_prefix *host, bool routed)
{
    if (traffic->plane != NULL)
        plane_address_set(traffic->plane, end, host, routed);
    else
        flows_address_set(traffic->flows, end, host, routed);
}

int
traffic_offer(struct run_traffic *traffic, struct traffic_block *block)
{
    return traffic->plane != NULL
               ? plane_traffic_add(traffic->plane, &block->spec, &block->flow)
               : flows_traffic_add(traffic->flows, &block->spec, &block->flow);
}

/* ---- rates ---- */

void
rates_init(struct run_traffic *traffic)
{
    void *storage = calloc(1, hist_size_bytes(QUANTILE_HIST_BITS));

    traffic->rates = calloc(1, sizeof(*traffic->rates));
    CHECK(traffic->rates != NULL && storage != NULL);
    traffic->rates->none = hist_init(storage, QUANTILE_HIST_BITS);
}

void
rates_fini(struct run_traffic *traffic)
{
    if (traffic->rates == NULL)
        return;
    free(traffic->rates->none);
    free(traffic->rates);
}

const struct plane_flow_stats *
rates_stats(struct run *run, size_t index)
{
    struct run_traffic *traffic = &run->traffic;
    const struct flows_stats *from =
        flows_flow(traffic->flows, traffic->blocks[index].flow);
    struct plane_flow_stats *stats = &traffic->rates->stats;

    *stats = (struct plane_flow_stats){
        .sent = from->sent,
        .sent_bytes = from->sent_bytes,
        .delivered = from->delivered,
        .delivered_bytes = from->delivered_bytes,
        .first_ps = from->first_ns * PS_PER_NS,
        .last_ps = from->last_ns * PS_PER_NS,
        .dropped_bytes = from->dropped_bytes,
        .latency = traffic->rates->none,
    };
    memcpy(stats->dropped, from->dropped, sizeof(stats->dropped));
    memcpy(stats->dropped_bytes_of, from->dropped_bytes_of,
           sizeof(stats->dropped_bytes_of));
    for (unsigned i = 0; i < PLANE_STAGE_COUNT; i++)
        stats->stages[i] = traffic->rates->none;
    return stats;
}

bool
rates_held(const struct run_traffic *traffic)
{
    struct flows_totals totals;

    flows_totals(traffic->flows, &totals);
    return totals.backlogged > 0;
}

/* From the first loss to the last one, of all blocks. */
static uint64_t
loss_span_ps(const struct run_traffic *traffic)
{
    uint64_t first_ns = UINT64_MAX, last_ns = 0;

    for (size_t i = 0; i < traffic->block_count; i++) {
        const struct flows_stats *stats;

        if (!traffic->blocks[i].offered)
            continue;
        stats = flows_flow(traffic->flows, traffic->blocks[i].flow);
        if (!stats->lost)
            continue;
        if (stats->first_lost_ns < first_ns)
            first_ns = stats->first_lost_ns;
        if (stats->last_lost_ns > last_ns)
            last_ns = stats->last_lost_ns;
    }
    return last_ns > first_ns ? (last_ns - first_ns) * PS_PER_NS : 0;
}

static uint64_t
held_packets(const struct run_traffic *traffic)
{
    uint64_t held = 0;

    for (size_t i = 0; i < traffic->block_count; i++) {
        if (traffic->blocks[i].offered)
            held += flows_flow(traffic->flows, traffic->blocks[i].flow)->held;
    }
    return held;
}

int
rates_value(const struct run_traffic *traffic, enum metric_id id,
            uint64_t *value)
{
    struct flows_totals totals;

    switch ((int)id) {
    case METRIC_TRAFFIC_LOSS_SPAN: *value = loss_span_ps(traffic); return 0;
    case METRIC_TRAFFIC_HELD: *value = held_packets(traffic); return 0;
    case METRIC_BUFFER_PEAK:
        flows_totals(traffic->flows, &totals);
        *value = totals.buffer_peak_bytes;
        return 0;
    default: return ERR_UNSUPPORTED;
    }
}

bool
rates_have(enum metric_id id)
{
    return id != METRIC_TRAFFIC_REORDERED && id != METRIC_FABRIC_CELLS &&
           id != METRIC_FABRIC_PAUSED && id != METRIC_BUFFER_DEEP &&
           (id < METRIC_LATENCY_MIN || id > METRIC_LATENCY_MAX);
}
