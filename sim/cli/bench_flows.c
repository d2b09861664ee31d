/* SPDX-License-Identifier: Apache-2.0
 *
 * bench flows: a year of ddc-large at half load by rates, with a fault a day.
 *
 * Load     every front port sends IMIX at 50 % to uniform others: 96 Tb/s.
 * Faults   in turn three fabric links, a fabric box and a line card, each
 *          repaired after four hours; who comes back is programmed at once.
 */
#include <stdlib.h>
#include <string.h>

#include "models/flows/flows.h"
#include "reference-nos/base/check.h"
#include "sim/cli/bench.h"
#include "sim/cli/cli.h"

#define SEED 1
#define LOAD_PPM 500000
#define DAYS 365u
#define HOUR_NS UINT64_C(3600000000000)
#define DAY_NS (24 * HOUR_NS)
#define REPAIR_NS (4 * HOUR_NS)

struct bench_flows {
    struct cluster_plan *plan;
    struct asic asic;
    struct flows *flows;
    uint32_t *ends;
    unsigned flow;
};

static void
year_destroy(struct bench_flows *bench)
{
    flows_destroy(bench->flows);
    cluster_plan_destroy(bench->plan);
    free(bench->ends);
}

static int
traffic_offer(struct bench_flows *bench)
{
    unsigned count = flows_ends(bench->flows);
    struct traffic_spec spec = {
        .pattern = TRAFFIC_UNIFORM,
        .arrivals = TRAFFIC_POISSON,
        .size_count = 3,
        .load_ppm = LOAD_PPM,
        .flows = 1,
        .end_ps = UINT64_MAX,
    };

    bench->ends = calloc(count, sizeof(*bench->ends));
    CHECK(bench->ends != NULL);
    for (unsigned i = 0; i < count; i++)
        bench->ends[i] = i;
    spec.senders = bench->ends;
    spec.sender_count = count;
    memcpy(spec.sizes, traffic_imix, sizeof(traffic_imix));
    return flows_traffic_add(bench->flows, &spec, &bench->flow);
}

static int
year_make(struct bench_flows *bench, char *message, size_t message_size)
{
    struct cluster_options options = {.preset = "ddc-large"};
    struct flows_options flows = {.seed = SEED};
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
        flows.plan = bench->plan;
        flows.asic = &bench->asic;
        err = flows_create(&flows, &bench->flows, message, message_size);
    }
    if (err == 0) {
        flows_program(bench->flows);
        err = traffic_offer(bench);
    }
    return err;
}

/* The n-th box of a role, counted around. */
static unsigned
box_of(const struct cluster_plan *plan, enum role role, unsigned n)
{
    unsigned count = 0, box = 0;

    for (unsigned i = 0; i < plan->box_count; i++)
        count += plan->boxes[i].role == role;
    n %= count;
    for (unsigned i = 0; i < plan->box_count; i++) {
        if (plan->boxes[i].role == role && n-- == 0)
            box = i;
    }
    return box;
}

static int
fault_day(struct bench_flows *bench, unsigned day)
{
    const struct plan_cable *cable =
        &bench->plan->cables[day * 37 % bench->plan->cable_count];
    bool is_link = day % 5 < 3;
    unsigned box =
        box_of(bench->plan, day % 5 == 3 ? ROLE_NCF : ROLE_NCP, day);
    int err = flows_run_until(bench->flows, day * DAY_NS + HOUR_NS);

    if (err != 0)
        return err;
    if (is_link)
        flows_link_set(bench->flows, cable->ncp_box, cable->ncp_port, false);
    else
        flows_box_set(bench->flows, box, false);
    err = flows_run_until(bench->flows, day * DAY_NS + HOUR_NS + REPAIR_NS);
    if (err != 0)
        return err;
    if (is_link) {
        flows_link_set(bench->flows, cable->ncp_box, cable->ncp_port, true);
    } else {
        flows_box_set(bench->flows, box, true);
        flows_program_box(bench->flows, box);
    }
    return flows_run_until(bench->flows, (day + 1) * DAY_NS);
}

static void
row(struct bench_results *results, FILE *out, const char *what, double value,
    const char *unit)
{
    bench_add(results, value, unit, "flows.%s", what);
    if (out != NULL)
        fprintf(out, "FLOWS   %-22s %10.4g %s\n", what, value, unit);
}

static int
year_measure(struct bench_flows *bench, struct bench_results *results,
             FILE *out)
{
    const struct flows_stats *stats;
    struct flows_totals totals;
    double cpu_s;
    int err = flows_run_until(bench->flows, 1);

    cpu_s = bench_cpu_s();
    for (unsigned day = 0; err == 0 && day < DAYS; day++)
        err = fault_day(bench, day);
    if (err != 0)
        return err;
    cpu_s = bench_cpu_s() - cpu_s;
    stats = flows_flow(bench->flows, bench->flow);
    flows_totals(bench->flows, &totals);
    row(results, out, "network-time", DAYS, "days");
    row(results, out, "faults", DAYS, "");
    row(results, out, "time", cpu_s, "s");
    row(results, out, "changes", (double)totals.events, "");
    row(results, out, "queues", (double)totals.queues, "");
    row(results, out, "time-per-change", cpu_s / (double)totals.events * 1e3,
        "ms");
    row(results, out, "packets", (double)stats->sent / 1e15, "10^15");
    row(results, out, "lost", (double)stats->lost_ppt / 1e6, "ppm");
    row(results, out, "state", (double)totals.memory_bytes / 1e6, "MB");
    row(results, out, "peak-memory", bench_peak_mb(), "MB");
    return 0;
}

int
bench_flows(struct bench_results *results, FILE *out)
{
    struct bench_flows bench = {.plan = NULL};
    char message[512] = "";
    int err = year_make(&bench, message, sizeof(message));

    if (err == 0)
        err = year_measure(&bench, results, out);
    else if (message[0] != '\0')
        fprintf(stderr, "sixnines bench: %s\n", message);
    year_destroy(&bench);
    return err;
}
