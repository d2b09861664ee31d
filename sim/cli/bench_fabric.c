/* SPDX-License-Identifier: Apache-2.0
 *
 * bench fabric: ddc-large at half load, packet by packet and cell by cell.
 *
 * Load     every front port sends IMIX at 50 %, Poisson, to uniform others:
 *          96 Tb/s.
 * Settled  the first microseconds, until packets leave as they enter, are not
 *          measured.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models/plane/plane.h"
#include "reference-nos/base/check.h"
#include "sim/cli/bench.h"
#include "sim/cli/cli.h"

#define SEED 1
#define SETTLE_PS UINT64_C(60000000)
#define MEASURE_PS UINT64_C(100000000)
#define LOAD_PPM 500000

struct bench_fabric {
    struct cluster_plan *plan;
    struct asic asic;
    struct data_plane *plane;
    uint32_t *ends;
    unsigned end_count, flow;
};

struct measured_run {
    struct plane_totals totals;
    uint64_t events, cells, delivered, dropped;
    uint64_t p50_ps, p999999_ps;
    double cpu_s, wall_s;
    struct digest_value digest;
};

static double
wall_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void
fabric_destroy(struct bench_fabric *bench)
{
    plane_destroy(bench->plane);
    cluster_plan_destroy(bench->plan);
    free(bench->ends);
}

static int
traffic_offer(struct bench_fabric *bench)
{
    struct traffic_spec spec = {
        .pattern = TRAFFIC_UNIFORM,
        .arrivals = TRAFFIC_POISSON,
        .size_count = 3,
        .load_ppm = LOAD_PPM,
        .flows = 1,
        .end_ps = SETTLE_PS + MEASURE_PS,
    };

    bench->end_count = plane_ends(bench->plane);
    bench->ends = calloc(bench->end_count, sizeof(*bench->ends));
    CHECK(bench->ends != NULL);
    for (unsigned i = 0; i < bench->end_count; i++)
        bench->ends[i] = i;
    spec.senders = bench->ends;
    spec.sender_count = bench->end_count;
    spec.receivers = bench->ends;
    spec.receiver_count = bench->end_count;
    memcpy(spec.sizes, traffic_imix, sizeof(traffic_imix));
    return plane_traffic_add(bench->plane, &spec, &bench->flow);
}

static int
fabric_make(struct bench_fabric *bench, unsigned threads, char *message,
            size_t message_size)
{
    struct cluster_options options = {.preset = "ddc-large"};
    struct plane_options plane = {.seed = SEED, .threads = threads};
    char data_dir[CLI_PATH_BYTES];
    int err;

    if (!cli_data_dir(data_dir)) {
        (void)snprintf(message, message_size, "no data folder was found");
        return ERR_NOENT;
    }
    err = cluster_plan_create(data_dir, &options, SEED, &bench->plan, message,
                              message_size);
    if (err == 0)
        err = asic_load(data_dir, &bench->asic, message, message_size);
    if (err == 0) {
        plane.plan = bench->plan;
        plane.asic = &bench->asic;
        err = plane_create(&plane, &bench->plane, message, message_size);
    }
    if (err == 0) {
        plane_program(bench->plane);
        err = traffic_offer(bench);
    }
    return err;
}

static int
measure(struct bench_fabric *bench, struct measured_run *run)
{
    const struct plane_flow_stats *stats;
    struct plane_totals before;
    int err = plane_run_until(bench->plane, SETTLE_PS);

    if (err != 0)
        return err;
    plane_totals(bench->plane, &before);
    plane_stats_clear(bench->plane);
    run->cpu_s = bench_cpu_s();
    run->wall_s = wall_s();
    err = plane_run_until(bench->plane, SETTLE_PS + MEASURE_PS);
    run->cpu_s = bench_cpu_s() - run->cpu_s;
    run->wall_s = wall_s() - run->wall_s;
    plane_totals(bench->plane, &run->totals);
    stats = plane_flow(bench->plane, bench->flow);
    run->events = run->totals.events - before.events;
    run->cells = run->totals.cells - before.cells;
    run->delivered = stats->delivered;
    run->p50_ps = hist_quantile(stats->latency, HIST_PPB / 2);
    run->p999999_ps = hist_quantile(stats->latency, HIST_PPB - 1000);
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        run->dropped += stats->dropped[i];
    run->digest = plane_digest(bench->plane);
    return err;
}

static int
run_threads(unsigned threads, struct measured_run *run)
{
    struct bench_fabric bench = {.plan = NULL};
    char message[512] = "";
    int err = fabric_make(&bench, threads, message, sizeof(message));

    memset(run, 0, sizeof(*run));
    if (err == 0)
        err = measure(&bench, run);
    else if (message[0] != '\0')
        fprintf(stderr, "sixnines bench: %s\n", message);
    fabric_destroy(&bench);
    return err;
}

static void
row(struct bench_results *results, FILE *out, const char *what, double value,
    const char *unit)
{
    bench_add(results, value, unit, "fabric.%s", what);
    if (out != NULL)
        fprintf(out, "FABRIC  %-22s %10.4g %s\n", what, value, unit);
}

int
bench_fabric(struct bench_results *results, FILE *out)
{
    struct measured_run one, two;
    int err = run_threads(1, &one);
    double peak_mb = bench_peak_mb();

    if (err == 0)
        err = run_threads(2, &two);
    if (err != 0)
        return err;
    row(results, out, "network-time", (double)MEASURE_PS / 1e6, "us");
    row(results, out, "time", one.cpu_s, "s");
    row(results, out, "events", (double)one.events / 1e6, "M");
    row(results, out, "cells", (double)one.cells / 1e6, "M");
    row(results, out, "packets", (double)one.delivered / 1e6, "M");
    row(results, out, "lost", (double)one.dropped, "");
    row(results, out, "rate", (double)one.events / one.cpu_s / 1e6, "M/s");
    row(results, out, "cell-rate", (double)one.cells / one.cpu_s / 1e6, "M/s");
    row(results, out, "state", (double)one.totals.memory_bytes / 1e6, "MB");
    row(results, out, "peak-memory", peak_mb, "MB");
    row(results, out, "latency-median", (double)one.p50_ps / 1e6, "us");
    row(results, out, "latency-p99.9999", (double)one.p999999_ps / 1e6, "us");
    row(results, out, "two-threads", one.wall_s / two.wall_s, "x");
    if (!run_digest_equal(one.digest, two.digest)) {
        fprintf(stderr, "sixnines bench: fabric: two threads came to another "
                        "digest than one\n");
        return ERR_INTERNAL;
    }
    return 0;
}
