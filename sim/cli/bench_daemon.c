/* SPDX-License-Identifier: Apache-2.0
 *
 * bench daemon: ten real boxes (ddc-small) on this machine, in namespaces.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/bench.h"
#include "sim/cli/daemons.h"

#define MESSAGE_BYTES 512
#define SETTLE_MS 5000u
#define IDLE_MS 10000u
#define WRITES 2000u
#define WRITE_LIMIT_MS 30000u
#define FAILOVERS 3u
#define REJOIN_MS 10000u

struct sample {
    size_t count;
    double values[WORLD_BOXES_MAX];
};

static int
by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
sample_add(struct sample *sample, double value)
{
    sample->values[sample->count++] = value;
}

static void
row(struct bench_results *results, FILE *out, struct sample *sample,
    const char *what, const char *unit, const char *aim)
{
    double median;
    double most;

    if (sample->count == 0)
        return;
    qsort(sample->values, sample->count, sizeof(double), by_value);
    median = sample->values[sample->count / 2];
    most = sample->values[sample->count - 1];
    bench_add(results, median, unit, "daemon.%s.median", what);
    bench_add(results, most, unit, "daemon.%s.most", what);
    if (out != NULL)
        fprintf(out, "  %-22s median %10.3f  most %10.3f %-8s %s\n", what,
                median, most, unit, aim);
}

static double
ms_between(struct simtime from, struct simtime to)
{
    return to.ps > from.ps ? (double)(to.ps - from.ps) / 1e9 : 0;
}

static void
boot_rows(const struct daemons *daemons, struct bench_results *results,
          FILE *out)
{
    struct sample ready = {0};
    struct sample joined = {0};
    struct sample service = {0};

    for (unsigned i = 0; i < daemons->plan->box_count; i++) {
        const struct daemons_box *box = &daemons->boxes[i];

        sample_add(&ready, ms_between(box->on, box->ready));
        if (box->joined.ps != 0)
            sample_add(&joined, ms_between(box->ready, box->joined));
        if (box->forwarding.ps != 0)
            sample_add(&service, ms_between(box->joined, box->forwarding));
    }
    row(results, out, &ready, "start to ready", "ms", "(aim: under 1000)");
    row(results, out, &joined, "ready to joined", "ms", "");
    row(results, out, &service, "joined to forwarding", "ms", "");
}

/* ---- idle ---- */

/* Ticks of CPU time that the process has used; 0: it is gone. */
static unsigned long long
ticks_of(int pid)
{
    unsigned long long user = 0;
    unsigned long long system = 0;
    char path[64];
    char text[512];
    const char *after;
    FILE *file;
    size_t size;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    after = strrchr(text, ')'); /* the name may hold anything */
    if (after == NULL || sscanf(after + 1,
                                " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
                                "%*u %llu %llu",
                                &user, &system) != 2)
        return 0;
    return user + system;
}

static double
resident_mb(int pid)
{
    unsigned long long pages = 0;
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void
idle_rows(struct daemons *daemons, struct bench_results *results, FILE *out)
{
    unsigned long long before[WORLD_BOXES_MAX];
    double per_s = (double)sysconf(_SC_CLK_TCK);
    struct sample cpu = {0};
    struct sample memory = {0};

    daemons_pass(daemons, SETTLE_MS);
    for (unsigned i = 0; i < daemons->plan->box_count; i++)
        before[i] = ticks_of(netns_pid(daemons->world, i));
    daemons_pass(daemons, IDLE_MS);
    for (unsigned i = 0; i < daemons->plan->box_count; i++) {
        int pid = netns_pid(daemons->world, i);
        double used = (double)(ticks_of(pid) - before[i]) / per_s;

        sample_add(&cpu, 100 * used / (IDLE_MS / 1000.0));
        sample_add(&memory, resident_mb(pid));
    }
    row(results, out, &cpu, "idle CPU", "%", "(aim: under 1)");
    row(results, out, &memory, "resident", "MB", "(aim: under 20)");
}

/* ---- writes and failover ---- */

static int
write_rows(struct daemons *daemons, struct bench_results *results, FILE *out)
{
    static const unsigned at_once[] = {1, 4, 16};

    for (size_t i = 0; i < ARRAY_COUNT(at_once); i++) {
        const struct world_ops *ops = daemons->world->ops;
        struct simtime began = ops->now(daemons->world);
        double rate;

        if (!daemons_write(daemons, at_once[i], WRITES, WRITE_LIMIT_MS))
            return ERR_TIMEOUT;
        rate = WRITES / (ms_between(began, daemons->acknowledged_at) / 1000);
        bench_add(results, rate, "writes/s", "daemon.writes.%u", at_once[i]);
        if (out != NULL)
            fprintf(out,
                    "  writes, %2u at once     %10.0f /s, each synced "
                    "at two voters\n",
                    at_once[i], rate);
    }
    return 0;
}

static int
failover_rows(struct daemons *daemons, struct bench_results *results,
              FILE *out)
{
    struct sample outage = {0};

    for (unsigned i = 0; i < FAILOVERS; i++) {
        unsigned killed = daemons->active;
        struct simtime at = daemons->world->ops->now(daemons->world);

        daemons_power(daemons, killed, false);
        if (!daemons_write(daemons, 1, 1, WRITE_LIMIT_MS))
            return ERR_TIMEOUT;
        sample_add(&outage, ms_between(at, daemons->acknowledged_at));
        daemons_power(daemons, killed, true);
        daemons_pass(daemons, REJOIN_MS);
    }
    row(results, out, &outage, "failover", "ms",
        "kill -9 to the next acknowledged write");
    return 0;
}

int
bench_daemon(struct bench_results *results, FILE *out)
{
    struct daemons_options options = {.preset = "ddc-small"};
    struct daemons *daemons;
    char message[MESSAGE_BYTES] = "";
    int err = daemons_create(&options, &daemons, message, sizeof(message));

    if (err != 0) {
        fprintf(stderr, "sixnines bench: daemon: %s\n", message);
        return err;
    }
    if (out != NULL)
        fprintf(out, "daemon: %u refnosd (ddc-small) in namespaces\n",
                daemons->plan->box_count);
    if (!daemons_boot(daemons)) {
        fprintf(stderr, "sixnines bench: daemon: %u of %u ports came up\n",
                daemons->ports_in_service, daemons->ports);
        err = ERR_TIMEOUT;
        goto out;
    }
    boot_rows(daemons, results, out);
    idle_rows(daemons, results, out);
    err = write_rows(daemons, results, out);
    if (err == 0)
        err = failover_rows(daemons, results, out);
out:
    daemons_destroy(daemons);
    return err;
}
