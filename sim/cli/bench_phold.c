/* SPDX-License-Identifier: Apache-2.0
 *
 * PHOLD (Fujimoto, "Performance of Time Warp under synthetic workloads",
 * 1990): L logical processes; each event goes on to a random process with
 * probability 0.1, else stays, after 0.1 + exp(0.9) units of time.
 */
#include <stdint.h>
#include <stdlib.h>

#include "reference-nos/base/check.h"
#include "sim/cli/bench.h"
#include "sim/kernel/fixed.h"
#include "sim/kernel/kernel.h"

#define UNIT_PS UINT64_C(1000000000) /* One unit of time: 1 ms. */
#define EVENTS UINT64_C(4000000)
/* 0.1 of 2^64. */
#define REMOTE_LIMIT UINT64_C(1844674407370955161)

struct row {
    const char *name;
    uint32_t processes;
    uint32_t events_each;
    double ross; /* ROSS 7.2.1, sequential, on a 2.5 GHz Xeon, M events/s */
};

static const struct row rows[] = {
    {"1k", 1024, 1, 2.46}, {"64k", 65536, 1, 0.52}, {"1M", 65536, 16, 0.31}};

struct phold;

struct process {
    uint64_t state; /* Of its own draws. */
    uint64_t handled_count;
};

struct message {
    struct event event;
    struct phold *phold;
};

struct phold {
    struct kernel *kernel;
    uint32_t process_count;
    struct process *processes;
    struct message *messages;
};

static uint64_t
draw(struct process *process)
{
    uint64_t z = (process->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void message_fire(struct event *event, struct simtime now);

static void
message_send(struct message *message, struct process *from, uint32_t to,
             struct simtime now)
{
    uint64_t spread = (fixed_minus_ln_u64(draw(from)) * 900000) >> 32;
    uint64_t span_ps = UNIT_PS / 10 + spread * (UNIT_PS / 1000000);

    event_init(&message->event, EVENT_CLASS_DELIVER, to, message_fire);
    int err = kernel_add(message->phold->kernel, &message->event,
                         simtime_from_ps(now.ps + span_ps));
    CHECK(err == 0);
}

static void
message_fire(struct event *event, struct simtime now)
{
    struct message *message = CONTAINER_OF(event, struct message, event);
    struct phold *phold = message->phold;
    uint32_t to = event_entity(event);
    struct process *process = &phold->processes[to];

    process->handled_count++;
    if (draw(process) < REMOTE_LIMIT)
        to = (uint32_t)(((draw(process) >> 32) * phold->process_count) >> 32);
    message_send(message, process, to, now);
}

static double
phold_rate(const struct row *row, double *memory_mb)
{
    size_t count = (size_t)row->processes * row->events_each;
    struct phold phold = {kernel_create(), row->processes,
                          calloc(row->processes, sizeof(struct process)),
                          calloc(count, sizeof(struct message))};

    CHECK(phold.processes != NULL && phold.messages != NULL);
    for (uint32_t i = 0; i < row->processes; i++)
        phold.processes[i].state = i;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)(i % row->processes);

        phold.messages[i].phold = &phold;
        message_send(&phold.messages[i], &phold.processes[at], at,
                     simtime_from_ps(0));
    }
    (void)kernel_run_count(phold.kernel, count * 2);
    double start = bench_cpu_s();
    (void)kernel_run_count(phold.kernel, EVENTS);
    double seconds = bench_cpu_s() - start;
    *memory_mb = (double)(kernel_memory_bytes(phold.kernel) +
                          count * sizeof(struct message) +
                          row->processes * sizeof(struct process)) /
                 1e6;
    kernel_destroy(phold.kernel);
    free(phold.processes);
    free(phold.messages);
    return (double)EVENTS / seconds / 1e6;
}

int
bench_phold(struct bench_results *results, FILE *out)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        double rates[3];
        double memory_mb = 0;

        for (int turn = 0; turn < 3; turn++)
            rates[turn] = phold_rate(row, &memory_mb);
        double rate = bench_median3(rates);
        bench_add(results, rate, "M/s", "phold.%s.kernel", row->name);
        bench_add(results, rate / row->ross, "x", "phold.%s.ratio-to-ross",
                  row->name);
        bench_add(results, memory_mb, "MB", "phold.%s.memory", row->name);
        if (out != NULL)
            fprintf(out,
                    "PHOLD  %8s events    kernel %6.2f M/s   ROSS sequential "
                    "%.2f M/s (reference)   ratio %.1f   %.1f MB\n",
                    row->name, rate, row->ross, rate / row->ross, memory_mb);
    }
    bench_add(results, bench_peak_mb(), "MB", "phold.peak-memory");
    if (out != NULL)
        fprintf(out, "PHOLD  peak memory %.1f MB\n", bench_peak_mb());
    return 0;
}
