/* SPDX-License-Identifier: Apache-2.0
 *
 * LS: a leaf-spine of 48 leaves, 13 spines and 4 hosts a leaf, 100 Gb/s, 1 us
 * links, 1460-byte packets at half load (models/queues).  A hop is one packet
 * delivered over one link; statistics, drops and digest are on.
 *
 * On one thread: CPU time, median of five.  On two: wall time of short runs,
 * in turn with one thread, the best of each, since a machine that does
 * something else holds up two threads more than one.  Beside it, where it is
 * installed, ns-3 with the same workload, in a process of its own.
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "models/queues/queues.h"
#include "reference-nos/base/check.h"
#include "reference-nos/base/compiler.h"
#include "sim/cli/bench.h"
#include "sim/cli/cli.h"

#define WARM_PS UINT64_C(20000000)
#define SPAN_PS UINT64_C(500000000) /* About 1.6 million hops. */
#define TIMES 5
#define SHORT_PS UINT64_C(70000000)
#define SHORT_TIMES 150
#define NS3_BARE_PS UINT64_C(100000500) /* At no packet's instant. */
#define NS3_IP_PS UINT64_C(20000500)

static double
wall_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- the workload ------------------------------------------------------- */

struct ls {
    struct queues *queues;
    uint64_t now_ps;
    struct queues_totals totals;
};

static void
ls_run(struct ls *ls, uint64_t span_ps)
{
    ls->now_ps += span_ps;
    int err = queues_run_until(ls->queues, ls->now_ps);

    CHECK(err == 0);
    queues_totals(ls->queues, &ls->totals);
}

static void
ls_make(struct ls *ls, unsigned parts, unsigned threads, bool no_digest)
{
    struct queues_options options = {
        .seed = 1, .parts = parts, .threads = threads, .no_digest = no_digest};
    int err = queues_create(&options, &ls->queues);

    CHECK(err == 0);
    err = queues_ls(ls->queues);
    CHECK(err == 0);
    ls->now_ps = 0;
}

/* Hops in a span, per second of a clock, in millions. */
static double
ls_rate(struct ls *ls, uint64_t span_ps, double (*clock_s)(void))
{
    uint64_t hops = ls->totals.hops;
    double begun_s = clock_s();

    ls_run(ls, span_ps);
    return (double)(ls->totals.hops - hops) / (clock_s() - begun_s) / 1e6;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
ls_median(bool no_digest, struct queues_totals *totals)
{
    double rates[TIMES];
    struct ls ls = {0};

    ls_make(&ls, 1, 1, no_digest);
    ls_run(&ls, WARM_PS);
    for (int i = 0; i < TIMES; i++)
        rates[i] = ls_rate(&ls, SPAN_PS, bench_cpu_s);
    qsort(rates, TIMES, sizeof(rates[0]), compare);
    *totals = ls.totals;
    queues_destroy(ls.queues);
    return rates[TIMES / 2];
}

static void
row(struct bench_results *results, FILE *out, const char *name, double value,
    const char *unit, const char *text)
{
    bench_add(results, value, unit, "ls.%s", name);
    if (out != NULL)
        fprintf(out, "LS     %-46s %10.4g %s\n", text, value, unit);
}

static double
one_rows(struct bench_results *results, FILE *out)
{
    struct queues_totals totals;
    double bare = ls_median(true, &totals);
    double rate = ls_median(false, &totals);

    row(results, out, "one", rate, "M hops/s",
        "one thread, statistics, drops, digest");
    row(results, out, "no-digest", bare, "M hops/s", "the same, no digest");
    row(results, out, "hops", (double)totals.hops / 1e6, "M", "hops");
    row(results, out, "events", (double)totals.events / 1e6, "M", "events");
    row(results, out, "delivered", (double)totals.delivered / 1e6, "M",
        "packets delivered");
    row(results, out, "dropped", (double)totals.dropped, "packets", "dropped");
    row(results, out, "state", (double)totals.memory_bytes / 1024, "KiB",
        "state of engine and network");
    row(results, out, "peak-memory", bench_peak_mb(), "MB", "peak memory");
    return rate;
}

/* What else runs here, on average over a minute: with more than a few tenths
 * of a core, two threads say little. */
static double
machine_load(void)
{
    FILE *file = fopen("/proc/loadavg", "r");
    double load = 0;

    if (file != NULL && fscanf(file, "%lf", &load) != 1)
        load = 0;
    if (file != NULL)
        fclose(file);
    return load;
}

/* ---- two threads -------------------------------------------------------- */

static void
two_rows(struct bench_results *results, FILE *out)
{
    struct ls ls[2] = {{0}, {0}};
    double best[2] = {0, 0};
    char text[DIGEST_HEX_BYTES];

    double load = machine_load();

    ls_make(&ls[0], 1, 1, false);
    ls_make(&ls[1], 4, 2, false);
    for (int i = 0; i < 2; i++)
        ls_run(&ls[i], WARM_PS);
    for (int i = 0; i < 2 * SHORT_TIMES; i++) {
        double rate = ls_rate(&ls[i % 2], SHORT_PS, wall_s);

        best[i % 2] = rate > best[i % 2] ? rate : best[i % 2];
    }
    struct digest_value one = queues_digest(ls[0].queues);
    struct digest_value two = queues_digest(ls[1].queues);
    bool equal = run_digest_equal(one, two);

    row(results, out, "load", load, "", "load of the machine before this");
    row(results, out, "two", best[1], "M hops/s",
        "two threads, best of short runs");
    row(results, out, "two-ratio", best[1] / best[0], "x",
        "over one thread, best of short runs");
    row(results, out, "digests-equal", equal, "",
        "digest of two threads equals that of one");
    if (out != NULL)
        fprintf(out, "LS     digest, one thread   %s\n",
                run_digest_hex(one, text));
    if (out != NULL)
        fprintf(out, "LS     digest, two threads  %s\n",
                run_digest_hex(two, text));
    for (int i = 0; i < 2; i++)
        queues_destroy(ls[i].queues);
}

/* ---- ns-3 --------------------------------------------------------------- */

struct peer {
    uint64_t hops, delivered, latency_ps;
    double cpu_s;
    long peak_kb;
};

/* What a program prints, up to 'size' - 1 bytes; false: it failed. */
static bool
output_of(char *const argv[], char *text, size_t size)
{
    int ends[2];
    size_t fill = 0;
    ssize_t got = 0;
    int status = 0;

    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();

    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(argv[0], argv);
        _exit(127);
    }
    close(ends[1]);
    while (child > 0 && fill + 1 < size &&
           (got = read(ends[0], text + fill, size - 1 - fill)) > 0)
        fill += (size_t)got;
    text[fill] = '\0';
    close(ends[0]);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool
peer_run(const char *path, const char *mode, const char *scheduler,
         uint64_t until_ps, struct peer *peer)
{
    char program[CLI_PATH_BYTES];
    char words[3][32];
    char text[256];
    char *argv[] = {program, words[0], words[1], words[2], NULL};

    snprintf(program, sizeof(program), "%s", path);
    snprintf(words[0], sizeof(words[0]), "%s", mode);
    snprintf(words[1], sizeof(words[1]), "%s", scheduler);
    snprintf(words[2], sizeof(words[2]), "%" PRIu64, until_ps);
    return output_of(argv, text, sizeof(text)) &&
           sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %lf %ld",
                  &peer->hops, &peer->delivered, &peer->latency_ps,
                  &peer->cpu_s, &peer->peak_kb) == 5;
}

/* The best of its schedulers; false: one did not run. */
static bool
peer_best(const char *path, const char *mode, uint64_t until_ps,
          struct peer *best)
{
    static const char *const schedulers[] = {
        "MapScheduler", "PriorityQueueScheduler", "CalendarScheduler"};
    struct peer peer = {0};

    for (size_t i = 0; i < ARRAY_COUNT(schedulers); i++) {
        if (!peer_run(path, mode, schedulers[i], until_ps, &peer))
            return false;
        if (i == 0 || peer.cpu_s < best->cpu_s)
            *best = peer;
    }
    return true;
}

/* The same packets with the same latencies, hop for hop. */
static bool
peer_agrees(const struct peer *peer, uint64_t until_ps)
{
    struct ls ls = {0};

    ls_make(&ls, 1, 1, false);
    ls_run(&ls, until_ps);
    bool same = ls.totals.hops == peer->hops &&
                ls.totals.delivered == peer->delivered &&
                hist_sum(queues_latency(ls.queues)) == peer->latency_ps;

    queues_destroy(ls.queues);
    return same;
}

static void
peer_rows(struct bench_results *results, FILE *out, const char *path,
          const char *mode, uint64_t until_ps, double rate)
{
    struct peer peer = {0};
    char name[BENCH_NAME_MAX];
    char text[64];

    if (!peer_best(path, mode, until_ps, &peer)) {
        fprintf(stderr, "sixnines bench: ls: %s %s failed\n", path, mode);
        return;
    }
    double peer_rate = (double)peer.hops / peer.cpu_s / 1e6;

    snprintf(name, sizeof(name), "ns3-%s", mode);
    snprintf(text, sizeof(text), "ns-3, %s, its best scheduler",
             strcmp(mode, "ip") == 0 ? "with IP" : "bare devices");
    row(results, out, name, peer_rate, "M hops/s", text);
    snprintf(name, sizeof(name), "ns3-%s-ratio", mode);
    row(results, out, name, rate / peer_rate, "x", "this over that");
    snprintf(name, sizeof(name), "ns3-%s-same", mode);
    row(results, out, name, peer_agrees(&peer, until_ps), "",
        "same packets, hops and latencies");
    snprintf(name, sizeof(name), "ns3-%s-memory", mode);
    row(results, out, name, (double)peer.peak_kb / 1024, "MB",
        "its peak memory");
}

int
bench_ls(struct bench_results *results, FILE *out)
{
    char path[CLI_PATH_BYTES];
    double rate = one_rows(results, out);

    two_rows(results, out);
    cli_beside("sixnines-ns3-ls", path);
    if (access(path, X_OK) != 0) {
        fprintf(out != NULL ? out : stderr,
                "LS     ns-3 is not beside it: built without libns3-dev\n");
        return 0;
    }
    peer_rows(results, out, path, "bare", NS3_BARE_PS, rate);
    peer_rows(results, out, path, "ip", NS3_IP_PS, rate);
    return 0;
}
