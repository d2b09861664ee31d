/* SPDX-License-Identifier: Apache-2.0
 *
 * bench cluster: whole clusters of the reference NOS, booted and steady.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/costs.h"
#include "reference-nos/base/err.h"
#include "sim/cli/bench.h"
#include "sim/cli/cli.h"
#include "sim/world/des/des.h"

#define BOOT_LIMIT_S 3600u
#define STEADY_S 600u
#define SEED 1u

/* Front ports in service, counted from observations. */
struct counter {
    unsigned box_count;
    unsigned ports[WORLD_BOXES_MAX];
    unsigned in_service;
};

struct bench_cluster {
    struct cluster_plan *plan;
    struct world *world;
    struct counter counter;
    unsigned ports;
};

static void
listen(void *context, const struct observation *seen)
{
    struct counter *counter = context;

    if (seen->kind != OBSERVE_PORTS)
        return;
    counter->in_service -= counter->ports[seen->box];
    counter->ports[seen->box] = (unsigned)seen->a;
    counter->in_service += (unsigned)seen->a;
}

static int
cluster_make(struct bench_cluster *bench, const char *preset, char *message,
             size_t message_size)
{
    struct cluster_options options = {.preset = preset};
    struct des_options des = {
        .seed = SEED,
        .tombstone_s = 1800,
        .listener = listen,
        .listener_context = &bench->counter,
    };
    struct costs costs;
    char data_dir[CLI_PATH_BYTES];
    int err;

    if (!cli_data_dir(data_dir)) {
        (void)snprintf(message, message_size, "the models' data is not there");
        return ERR_NOENT;
    }
    err = cluster_plan_create(data_dir, &options, SEED, &bench->plan, message,
                              message_size);
    if (err != 0)
        return err;
    err = costs_load(data_dir, NULL, &costs, message, message_size);
    if (err == 0) {
        memcpy(des.costs_ns, costs.ns, sizeof(des.costs_ns));
        des.plan = bench->plan;
        err = des_create(&des, &bench->world);
    }
    if (err != 0) {
        cluster_plan_destroy(bench->plan);
        return err;
    }
    for (unsigned i = 0; i < bench->plan->box_count; i++)
        bench->ports += bench->plan->boxes[i].model->front_ports;
    return 0;
}

/* Power-on until every port is in service; false when it never is. */
static bool
cluster_boot(struct bench_cluster *bench)
{
    const struct world_ops *ops = bench->world->ops;

    for (unsigned i = 0; i < bench->plan->box_count; i++) {
        struct world_fault on = {.kind = WORLD_BOX_POWER_ON, .box = i};

        if (ops->inject(bench->world, &on) != 0)
            return false;
    }
    while (bench->counter.in_service < bench->ports) {
        struct simtime now = ops->now(bench->world);

        if (now.ps > BOOT_LIMIT_S * SIMTIME_PS_PER_S ||
            ops->run_until(bench->world,
                           simtime_add(now, simtime_from_ms(10))) != 0)
            return false;
    }
    return true;
}

static void
row(struct bench_results *results, FILE *out, const char *preset,
    const char *what, double value, const char *unit, const char *aim)
{
    bench_add(results, value, unit, "cluster.%s.%s", preset, what);
    if (out != NULL)
        fprintf(out, "  %-12s %-28s %12.3f %-14s %s\n", preset, what, value,
                unit, aim);
}

static int
measure(struct bench_results *results, FILE *out, const char *preset,
        const char *steady_aim)
{
    struct bench_cluster bench;
    char message[256] = "";
    double begun_s;
    double boot_s;
    double steady_s;
    uint64_t events;
    int err;

    memset(&bench, 0, sizeof(bench));
    begun_s = bench_cpu_s();
    err = cluster_make(&bench, preset, message, sizeof(message));
    if (err != 0) {
        fprintf(stderr, "sixnines bench: %s\n", message);
        return err;
    }
    if (!cluster_boot(&bench)) {
        fprintf(stderr, "sixnines bench: %s did not come up: %u of %u ports\n",
                preset, bench.counter.in_service, bench.ports);
        err = ERR_TIMEOUT;
        goto out;
    }
    boot_s = bench_cpu_s() - begun_s;
    events = bench.world->ops->events(bench.world);
    begun_s = bench_cpu_s();
    err = bench.world->ops->run_until(
        bench.world, simtime_add(bench.world->ops->now(bench.world),
                                 simtime_from_s(STEADY_S)));
    steady_s = bench_cpu_s() - begun_s;
    events = bench.world->ops->events(bench.world) - events;
    row(results, out, preset, "boot.cpu", boot_s, "CPU s",
        strcmp(preset, "ddc-large") == 0 ? "(aim: under 1)" : "");
    row(results, out, preset, "steady", STEADY_S / steady_s, "sim s/CPU s",
        steady_aim);
    row(results, out, preset, "steady.events", (double)events / STEADY_S,
        "events/sim s", "");
    row(results, out, preset, "steady.event-rate",
        (double)events / steady_s / 1e6, "M/s", "");
    row(results, out, preset, "nos-memory",
        (double)bench.world->ops->memory_bytes(bench.world) / 1e6, "MB", "");
    row(results, out, preset, "resident", bench_peak_mb(), "MB",
        strcmp(preset, "ddc-large") == 0 ? "(aim: under 300)" : "");
out:
    bench.world->ops->destroy(bench.world);
    cluster_plan_destroy(bench.plan);
    return err;
}

int
bench_cluster(struct bench_results *results, FILE *out)
{
    int err;

    if (out != NULL)
        fprintf(out,
                "cluster: boot to all ports in service, then %u "
                "simulated seconds at rest\n",
                STEADY_S);
    err = measure(results, out, "ddc-small", "(at least 1000, aim 5000)");
    if (err == 0)
        err = measure(results, out, "ddc-large", "(at least 200, aim 1000)");
    return err;
}
