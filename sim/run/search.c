/* SPDX-License-Identifier: Apache-2.0
 *
 * The search of a scenario: trials in branches of one booted cluster, so that
 * each starts from the same state.
 */
#include "reference-nos/base/check.h"
#include "sim/kernel/branch.h"
#include "sim/run/quantile.h"
#include "sim/run/run_priv.h"
#include "sim/run/traffic.h"

#include <stdlib.h>
#include <string.h>

#define FULL_PPM 1000000u

/* One trial, as its branch is asked to do it, and what it hands back. */
struct trial {
    struct run *run;
    uint16_t bytes;
    uint32_t level; /* ppm of the port, or frames of a burst */
    bool single;    /* one frame of each sender */
};

struct trial_result {
    uint64_t sent, delivered;
    uint64_t latency_count, latency_min_ps, latency_mean_ps, latency_max_ps;
    uint64_t digest_high, digest_low;
};

static const struct scenario_search *
search_of(const struct run *run)
{
    return &run->scenario->search;
}

/* A gap that lets two frames of one sender never meet. */
static uint32_t
single_load_ppm(const struct traffic_block *block, uint64_t bps,
                struct simtime trial)
{
    uint64_t wire_ps =
        traffic_wire_ps(block->spec.sizes[0].bytes + TRAFFIC_L1_BYTES, bps);
    uint64_t ppm = wire_ps * FULL_PPM / trial.ps + 1;

    return ppm < FULL_PPM ? (uint32_t)ppm : FULL_PPM;
}

static void
trial_spec(const struct trial *trial, struct traffic_spec *spec)
{
    struct run *run = trial->run;
    const struct scenario_search *search = search_of(run);
    struct traffic_block *block = &run->traffic.blocks[search->traffic];
    struct simtime now = run->world->ops->now(run->world);

    block->spec.sizes[0] = (struct traffic_size){trial->bytes, 1};
    block->spec.size_count = 1;
    *spec = block->spec;
    spec->begin_ps = now.ps;
    spec->end_ps = now.ps + search->trial.ps;
    if (search->vary == SEARCH_BURST) {
        spec->burst_frames = trial->level;
    } else if (trial->single) {
        struct plane_end end =
            plane_end(run->traffic.plane, block->senders[0]);

        spec->load_ppm = single_load_ppm(block, end.bps, search->trial);
        spec->arrivals = TRAFFIC_CONSTANT;
        spec->packets_max = 1;
    } else {
        spec->load_ppm = trial->level;
    }
}

static void
result_fill(struct run *run, unsigned flow, struct trial_result *result)
{
    const struct plane_flow_stats *stats =
        plane_flow(run->traffic.plane, flow);
    struct digest_value digest = plane_digest(run->traffic.plane);

    result->sent = stats->sent;
    result->delivered = stats->delivered;
    result->latency_count = hist_count(stats->latency);
    result->digest_high = digest.high;
    result->digest_low = digest.low;
    if (result->latency_count == 0)
        return;
    result->latency_min_ps = hist_min(stats->latency);
    result->latency_max_ps = hist_max(stats->latency);
    result->latency_mean_ps = hist_sum(stats->latency) / result->latency_count;
}

static int
trial_run(void *argument, struct branch_writer *writer)
{
    struct trial *trial = argument;
    struct run *run = trial->run;
    const struct scenario_search *search = search_of(run);
    struct trial_result result = {0};
    struct traffic_spec spec;
    unsigned flow;
    int err;

    trial_spec(trial, &spec);
    err = plane_traffic_add(run->traffic.plane, &spec, &flow);
    if (err == 0)
        err = run->world->ops->run_until(
            run->world, simtime_from_ps(spec.end_ps + search->drain.ps));
    if (err != 0)
        return err;
    result_fill(run, flow, &result);
    branch_write(writer, &result, sizeof(result));
    return 0;
}

/* What happens in a branch is part of what happened. */
static void
digest_add(struct run *run, const struct trial_result *result)
{
    struct run_digest *digest = run_digest_create(0);

    run_digest_feed_u64(digest, run->search_digest.high);
    run_digest_feed_u64(digest, run->search_digest.low);
    run_digest_feed_u64(digest, result->digest_high);
    run_digest_feed_u64(digest, result->digest_low);
    run->search_digest = run_digest_value(digest);
    run_digest_destroy(digest);
}

static int
trial_do(struct run *run, uint16_t bytes, uint32_t level, bool single,
         struct trial_result *result)
{
    struct trial trial = {run, bytes, level, single};
    struct branch_result end;
    int err = branch_run(trial_run, &trial, result, sizeof(*result), &end);

    if (err != 0)
        return err;
    if (end.end != BRANCH_DONE || end.code != 0 || end.size != sizeof(*result))
        return ERR_IO;
    digest_add(run, result);
    return 0;
}

/* What is late is lost; a burst that did not fit into the trial is not
 * carried. */
static bool
carries(const struct run *run, uint32_t level,
        const struct trial_result *result)
{
    const struct scenario_search *search = search_of(run);
    uint64_t missing = result->sent - result->delivered;
    uint64_t senders = run->traffic.blocks[search->traffic].spec.sender_count;

    if (search->vary == SEARCH_BURST && result->sent < level * senders)
        return false;
    return result->sent > 0 &&
           missing * FULL_PPM <= (uint64_t)search->loss_ppm * result->sent;
}

static uint32_t
highest_level(const struct run *run)
{
    const struct scenario_search *search = search_of(run);

    return search->vary == SEARCH_BURST
               ? run->traffic.blocks[search->traffic].spec.burst_frames
               : FULL_PPM;
}

/* The highest level that a trial carries; 0 when none does. */
static int
bisect(struct run *run, uint16_t bytes, struct outcome_search *row)
{
    const struct scenario_search *search = search_of(run);
    uint32_t high = highest_level(run), low = 0, level = high;
    uint64_t step = (uint64_t)high * search->resolution_ppm / FULL_PPM;
    int err = 0;

    while (err == 0 && high - low > step && level > low) {
        struct trial_result result;

        err = trial_do(run, bytes, level, false, &result);
        row->trials++;
        if (err == 0 && carries(run, level, &result))
            low = level;
        else
            high = level;
        if (low == highest_level(run))
            break;
        level = low + (high - low) / 2;
    }
    row->level = low;
    return err;
}

static int
latencies(struct run *run, uint16_t bytes, struct outcome_search *row)
{
    const struct scenario_search *search = search_of(run);
    int err = 0;

    for (size_t i = 0; err == 0 && i < search->load_count; i++) {
        struct outcome_search_load *load = &row->loads[row->load_count];
        uint32_t level =
            (uint32_t)((uint64_t)row->level * search->loads_ppm[i] / FULL_PPM);
        bool single = search->loads_ppm[i] == 0;
        struct trial_result result = {0};

        if (level == 0 && !single)
            continue;
        err = trial_do(run, bytes, level, single, &result);
        row->trials++;
        *load = (struct outcome_search_load){
            .share_ppm = search->loads_ppm[i],
            .count = result.latency_count,
            .min_ps = result.latency_min_ps,
            .mean_ps = result.latency_mean_ps,
            .max_ps = result.latency_max_ps,
        };
        row->load_count++;
    }
    return err;
}

static int
size_search(struct run *run, uint16_t bytes)
{
    struct outcome_search *row = rows_add(&run->outcome->searches);
    int err;

    row->bytes = bytes;
    row->burst = search_of(run)->vary == SEARCH_BURST;
    row->resolution_ppm = search_of(run)->resolution_ppm;
    row->trial = search_of(run)->trial;
    row->port_bps =
        plane_end(run->traffic.plane,
                  run->traffic.blocks[search_of(run)->traffic].senders[0])
            .bps;
    err = bisect(run, bytes, row);
    if (err == 0)
        err = latencies(run, bytes, row);
    if (row->burst)
        run_note(run, "search", "burst", "", "%u bytes: %u frames", bytes,
                 row->level);
    else
        run_note(run, "search", "throughput", "", "%u bytes: %g %%", bytes,
                 row->level / 1e4);
    return err;
}

void
search_poll(struct run *run)
{
    const struct scenario_search *search = search_of(run);
    int err = 0;

    if (search->node == NULL || run->searched || run->traffic.plane == NULL ||
        simtime_before(run->world->ops->now(run->world),
                       simtime_add(run->origin, search->at)))
        return;
    run->searched = true;
    for (size_t i = 0; err == 0 && i < search->size_count; i++)
        err = size_search(run, search->sizes[i]);
    if (err == 0)
        return;
    /* Half a search tells nothing. */
    run->outcome->searches.count = 0;
    run_note(run, "note", "search", "", "a trial ended abnormally: %s",
             err_text(err));
}

struct simtime
search_next(const struct run *run)
{
    if (search_of(run)->node == NULL || run->searched)
        return (struct simtime){UINT64_MAX};
    return simtime_add(run->origin, search_of(run)->at);
}

static uint64_t
row_value(const struct outcome_search *row, enum metric_id id)
{
    if (id == METRIC_SEARCH_LATENCY)
        return row->load_count > 0 ? row->loads[row->load_count - 1].mean_ps
                                   : 0;
    return id == METRIC_SEARCH_THROUGHPUT ? row->level * UINT64_C(1000)
                                          : row->level;
}

int
search_value(struct run *run, const struct metric_ref *ref, uint64_t *value)
{
    enum metric_id id = ref->metric->id;
    bool longest = id == METRIC_SEARCH_LATENCY;
    int err = ERR_NOENT;

    for (size_t i = 0; i < run->outcome->searches.count; i++) {
        const struct outcome_search *row =
            ROWS_GET(&run->outcome->searches, struct outcome_search, i);
        uint64_t own = row_value(row, id);
        bool seen =
            row->load_count > 0 && row->loads[row->load_count - 1].count > 0;

        if ((ref->has_argument && ref->word != row->bytes) ||
            (row->burst != (id == METRIC_SEARCH_BURST)) || (longest && !seen))
            continue;
        if (err != 0 || (longest ? own > *value : own < *value))
            *value = own;
        err = 0;
    }
    return err;
}
