/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of metrics of traffic.  A quantile carries its interval, from
 * order statistics; one that the packets cannot support is a bound.
 */
#include "reference-nos/base/check.h"
#include "reports/latency.h"
#include "sim/run/quantile.h"
#include "sim/run/run_priv.h"
#include "sim/run/traffic.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* Sums over blocks, or one of them. */
struct sums {
    struct plane_flow_stats all; /* no histograms */
    void *storage;               /* of 'latency' when it is merged */
    const struct hist *latency;
    double offered_bps, throughput_bps, goodput_bps;
};

static bool
wants(const struct metric_ref *ref, size_t index)
{
    return ref->metric->argument != ARGUMENT_TRAFFIC || !ref->has_argument ||
           ref->traffic == index;
}

static double
rate_bps(uint64_t bytes, uint64_t frames, uint64_t span_ps)
{
    return span_ps > 0
               ? ((double)bytes + (double)TRAFFIC_L1_BYTES * (double)frames) *
                     8e12 / (double)span_ps
               : 0;
}

/* What was delivered has its own time, from the end of the first packet on: a
 * queue that empties late is slow.  A flow that ended no later than its
 * sender is measured over the sender's time. */
static void
sums_add(struct sums *sums, const struct plane_flow_stats *stats,
         struct simtime span)
{
    uint64_t out_ps = stats->last_ps - stats->first_ps;
    double rest = 1;

    sums->all.sent += stats->sent;
    sums->all.sent_bytes += stats->sent_bytes;
    sums->all.delivered += stats->delivered;
    sums->all.delivered_bytes += stats->delivered_bytes;
    sums->all.dropped_bytes += stats->dropped_bytes;
    sums->all.reordered += stats->reordered;
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        sums->all.dropped[i] += stats->dropped[i];
    sums->offered_bps += rate_bps(stats->sent_bytes, stats->sent, span.ps);
    if (stats->delivered < 2)
        return;
    if (out_ps <= span.ps)
        out_ps = span.ps;
    else
        rest = (double)(stats->delivered - 1) / (double)stats->delivered;
    sums->throughput_bps +=
        rest * rate_bps(stats->delivered_bytes, stats->delivered, out_ps);
    sums->goodput_bps += rest * rate_bps(stats->delivered_bytes, 0, out_ps);
}

static void
latency_merge(struct sums *sums, const struct hist *latency)
{
    int err;

    if (sums->latency == NULL) {
        sums->latency = latency;
        return;
    }
    if (sums->storage == NULL) {
        struct hist *merged;

        sums->storage = malloc(hist_size_bytes(QUANTILE_HIST_BITS));
        CHECK(sums->storage != NULL);
        merged = hist_init(sums->storage, QUANTILE_HIST_BITS);
        err = hist_merge(merged, sums->latency);
        CHECK(err == 0);
        sums->latency = merged;
    }
    err = hist_merge(sums->storage, latency);
    CHECK(err == 0);
}

/* ERR_NOENT when none of what is asked for ever began. */
static int
sums_take(struct run *run, const struct metric_ref *ref, struct sums *sums)
{
    int err = ERR_NOENT;

    memset(sums, 0, sizeof(*sums));
    for (size_t i = 0; i < run->traffic.block_count; i++) {
        const struct plane_flow_stats *stats =
            wants(ref, i) ? traffic_stats(run, i) : NULL;

        if (stats == NULL)
            continue;
        err = 0;
        sums_add(sums, stats, traffic_span(run, i));
        latency_merge(sums, stats->latency);
    }
    return err;
}

/* ---- values ---- */

static uint64_t
lost_of(const struct sums *sums, const struct metric_ref *ref)
{
    uint64_t lost = 0;

    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++) {
        if (ref->metric->argument != ARGUMENT_DROP || !ref->has_argument ||
            ref->word == i)
            lost += sums->all.dropped[i];
    }
    return lost;
}

/* In parts of 10^9; six nines do not come out of rounding. */
static int
share(uint64_t part, uint64_t of, bool up, uint64_t *ppb)
{
    if (of == 0)
        return ERR_NOENT;
    *ppb = (uint64_t)(((wide)part * 1000000000u + (up ? of - 1 : 0)) / of);
    return 0;
}

static int
counts_value(const struct sums *sums, const struct metric_ref *ref,
             uint64_t *value)
{
    switch ((int)ref->metric->id) {
    case METRIC_TRAFFIC_SENT: *value = sums->all.sent; return 0;
    case METRIC_TRAFFIC_DELIVERED:
        return share(sums->all.delivered, sums->all.sent, false, value);
    case METRIC_TRAFFIC_LOSS:
        return share(lost_of(sums, ref), sums->all.sent, true, value);
    case METRIC_TRAFFIC_LOST: *value = lost_of(sums, ref); return 0;
    case METRIC_TRAFFIC_REORDERED: *value = sums->all.reordered; return 0;
    case METRIC_TRAFFIC_OFFERED:
        *value = (uint64_t)(sums->offered_bps + 0.5);
        return 0;
    case METRIC_TRAFFIC_THROUGHPUT:
        *value = (uint64_t)(sums->throughput_bps + 0.5);
        return 0;
    case METRIC_TRAFFIC_GOODPUT:
        *value = (uint64_t)(sums->goodput_bps + 0.5);
        return 0;
    default: return ERR_UNSUPPORTED;
    }
}

static int
latency_reading(const struct hist *hist, const struct metric_ref *ref,
                struct expr_reading *reading)
{
    if (hist == NULL || hist_count(hist) == 0)
        return ERR_NOENT;
    if (metric_is_quantile(ref->metric))
        return quantile_reading(
            hist, latency_quantiles[ref->metric->id - METRIC_LATENCY_P50],
            reading);
    if (ref->metric->id == METRIC_LATENCY_MIN)
        reading->value = hist_min(hist);
    else if (ref->metric->id == METRIC_LATENCY_MAX)
        reading->value = hist_max(hist);
    else
        reading->value = hist_sum(hist) / hist_count(hist);
    return 0;
}

static int
totals_value(struct run *run, enum metric_id id, uint64_t *value)
{
    const struct run_traffic *traffic = &run->traffic;
    struct plane_totals totals;

    plane_totals(traffic->plane, &totals);
    switch ((int)id) {
    case METRIC_TRAFFIC_LOSS_SPAN:
        *value = traffic->last_lost_ps - traffic->first_lost_ps;
        return 0;
    case METRIC_TRAFFIC_HELD: *value = totals.held; return 0;
    case METRIC_FABRIC_CELLS: *value = totals.cells; return 0;
    case METRIC_FABRIC_PAUSED: *value = totals.paused_ps; return 0;
    case METRIC_BUFFER_PEAK: *value = totals.buffer_peak_bytes; return 0;
    case METRIC_BUFFER_DEEP: *value = totals.hbm_packets; return 0;
    default: return ERR_UNSUPPORTED;
    }
}

int
traffic_reading(struct run *run, const struct metric_ref *ref,
                struct expr_reading *reading)
{
    enum metric_id id = ref->metric->id;
    struct sums sums;
    int err;

    memset(reading, 0, sizeof(*reading));
    if (!traffic_runs(&run->traffic) && run->traffic.network == NULL)
        return run->scenario->traffic_count > 0 ? ERR_UNSUPPORTED : ERR_NOENT;
    if (run->traffic.plane != NULL &&
        totals_value(run, id, &reading->value) == 0)
        return 0;
    if (run->traffic.flows != NULL && !rates_have(id))
        return ERR_UNSUPPORTED;
    if (run->traffic.flows != NULL &&
        rates_value(&run->traffic, id, &reading->value) == 0)
        return 0;
    err = sums_take(run, ref, &sums);
    if (err == 0)
        err = id >= METRIC_LATENCY_MIN && id <= METRIC_LATENCY_MAX
                  ? latency_reading(sums.latency, ref, reading)
                  : counts_value(&sums, ref, &reading->value);
    free(sums.storage);
    return err;
}
