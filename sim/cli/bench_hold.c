/* SPDX-License-Identifier: Apache-2.0
 *
 * HOLD: N pending events; each fires and reschedules itself at
 * now + exp(1e6 ns) + 1 ns.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "reference-nos/base/check.h"
#include "sim/cli/bench.h"
#include "sim/kernel/fixed.h"
#include "sim/kernel/kernel.h"

#define MEAN_NS 1000000
#define EVENTS UINT64_C(4000000)

/* ---- shared by the benches ---------------------------------------------- */

void
bench_add(struct bench_results *results, double value, const char *unit,
          const char *format, ...)
{
    CHECK(results->count < BENCH_RESULTS_MAX);
    struct bench_result *row = &results->rows[results->count++];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(row->name, sizeof(row->name), format, arguments);
    va_end(arguments);
    row->value = value;
    row->unit = unit;
}

void
bench_print_json(const struct bench_results *results, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_result *row = &results->rows[i];

        fprintf(out,
                "%s\n  {\"name\": \"%s\", \"value\": %.4g, "
                "\"unit\": \"%s\"}",
                i > 0 ? "," : "", row->name, row->value, row->unit);
    }
    fputs("\n]\n", out);
}

double
bench_cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double
bench_peak_mb(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

double
bench_median3(const double values[3])
{
    double low = values[0] < values[1] ? values[0] : values[1];
    double high = values[0] < values[1] ? values[1] : values[0];

    if (values[2] < low)
        return low;
    return values[2] > high ? high : values[2];
}

/* ---- draws: the same for both engines ----------------------------------- */

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): cheap, so that the queue is
 * what is measured. */
static uint64_t
draw(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t
next_span_ps(uint64_t *state)
{
    uint64_t ns = (fixed_minus_ln_u64(draw(state)) * MEAN_NS) >> 32;

    return (ns + 1) * SIMTIME_PS_PER_NS;
}

/* ---- the kernel --------------------------------------------------------- */

struct hold {
    struct kernel *kernel;
    uint64_t state;
};

struct item {
    struct event event;
    struct hold *hold;
};

static void
item_fire(struct event *event, struct simtime now)
{
    struct item *item = CONTAINER_OF(event, struct item, event);
    struct hold *hold = item->hold;
    int err = kernel_add(hold->kernel, event,
                         simtime_from_ps(now.ps + next_span_ps(&hold->state)));

    CHECK(err == 0);
}

static double
kernel_rate(size_t count, double *memory_mb)
{
    struct hold hold = {kernel_create(), 1};
    struct item *items = calloc(count, sizeof(*items));

    CHECK(items != NULL);
    for (size_t i = 0; i < count; i++) {
        items[i].hold = &hold;
        event_init(&items[i].event, EVENT_CLASS_TIMER,
                   (uint32_t)i & EVENT_ENTITY_MAX, item_fire);
        item_fire(&items[i].event, simtime_from_ps(0));
    }
    (void)kernel_run_count(hold.kernel, count * 2);
    double start = bench_cpu_s();
    (void)kernel_run_count(hold.kernel, EVENTS);
    double seconds = bench_cpu_s() - start;
    *memory_mb = (double)(kernel_memory_bytes(hold.kernel) +
                          count * sizeof(struct event)) /
                 1e6;
    kernel_destroy(hold.kernel);
    free(items);
    return (double)EVENTS / seconds / 1e6;
}

/* ---- a minimal 4-ary heap beside it ------------------------------------- */

struct node {
    uint64_t ps;
    uint64_t sequence; /* Breaks ties, as a total order needs. */
};

static int
node_less(const struct node *a, const struct node *b)
{
    return a->ps < b->ps || (a->ps == b->ps && a->sequence < b->sequence);
}

static void
sift_down(struct node *heap, size_t count, size_t index, struct node node)
{
    for (;;) {
        size_t child = index * 4 + 1;
        size_t end = child + 4 < count ? child + 4 : count;

        if (child >= end)
            break;
        size_t best = child;
        for (size_t i = child + 1; i < end; i++) {
            if (node_less(&heap[i], &heap[best]))
                best = i;
        }
        if (!node_less(&heap[best], &node))
            break;
        heap[index] = heap[best];
        index = best;
    }
    heap[index] = node;
}

static void
heap_run(struct node *heap, size_t count, uint64_t *state, uint64_t *sequence,
         uint64_t events)
{
    for (uint64_t i = 0; i < events; i++) {
        struct node node = {heap[0].ps + next_span_ps(state), ++*sequence};

        sift_down(heap, count, 0, node);
    }
}

static double
heap_rate(size_t count)
{
    struct node *heap = calloc(count, sizeof(*heap));
    uint64_t state = 1;
    uint64_t sequence = 0;

    CHECK(heap != NULL);
    for (size_t i = 0; i < count; i++)
        heap[i] = (struct node){next_span_ps(&state), ++sequence};
    for (size_t i = count; i-- > 0;)
        sift_down(heap, count, i, heap[i]);
    heap_run(heap, count, &state, &sequence, count * 2);
    double start = bench_cpu_s();
    heap_run(heap, count, &state, &sequence, EVENTS);
    double seconds = bench_cpu_s() - start;
    free(heap);
    return (double)EVENTS / seconds / 1e6;
}

/* ---- rows --------------------------------------------------------------- */

static void
hold_row(struct bench_results *results, FILE *out, size_t count)
{
    double kernel[3];
    double heap[3];
    double memory_mb = 0;

    for (int i = 0; i < 3; i++) {
        heap[i] = heap_rate(count);
        kernel[i] = kernel_rate(count, &memory_mb);
    }
    double kernel_median = bench_median3(kernel);
    double heap_median = bench_median3(heap);
    bench_add(results, kernel_median, "M/s", "hold.%zu.kernel", count);
    bench_add(results, heap_median, "M/s", "hold.%zu.heap", count);
    bench_add(results, kernel_median / heap_median, "x", "hold.%zu.ratio",
              count);
    bench_add(results, memory_mb, "MB", "hold.%zu.memory", count);
    if (out != NULL)
        fprintf(out,
                "HOLD   %8zu pending   kernel %6.2f M/s   4-ary heap %6.2f "
                "M/s   ratio %.2f   %.1f MB\n",
                count, kernel_median, heap_median, kernel_median / heap_median,
                memory_mb);
}

int
bench_hold(struct bench_results *results, FILE *out)
{
    static const size_t counts[] = {1000, 100000, 1000000};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        hold_row(results, out, counts[i]);
    bench_add(results, bench_peak_mb(), "MB", "hold.peak-memory");
    if (out != NULL)
        fprintf(out, "HOLD   peak memory %.1f MB\n", bench_peak_mb());
    return 0;
}
