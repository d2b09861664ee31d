/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows: all parts run up to the same time, then what they sent each other
 * changes hands.
 *
 * A window begins with the first event pending anywhere, so nothing sent
 * within it arrives within it.  While it runs, a part reads and empties what
 * others sent it in the window before and writes what it sends into the other
 * side of its outboxes; so one barrier a window is enough.  Every thread works
 * out the same windows from what the parts said at the end of the last one.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "models/engine/engine_priv.h"
#include "reference-nos/base/check.h"

#define SPINS 2000       /* Looks at the barrier before yielding. */
#define SHORT_WINDOWS 64 /* A run of fewer is not worth a thread. */

/* All threads of one run. */
struct crew {
    struct engine *engine;
    uint64_t until_ps;
    atomic_uint count; /* Threads at work; 0: not known yet. */
    _Alignas(64) atomic_uint arrived;
    _Alignas(64) atomic_uint generation;
};

struct hand {
    struct crew *crew;
    pthread_t thread;
    unsigned index;
};

static void
spin(unsigned *spins)
{
    if (++*spins < SPINS)
        CPU_RELAX();
    else
        sched_yield();
}

static void
barrier(struct crew *crew, unsigned count)
{
    unsigned generation =
        atomic_load_explicit(&crew->generation, memory_order_relaxed);
    unsigned spins = 0;

    if (atomic_fetch_add_explicit(&crew->arrived, 1, memory_order_acq_rel) +
            1 ==
        count) {
        atomic_store_explicit(&crew->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&crew->generation, generation + 1,
                              memory_order_release);
        return;
    }
    while (atomic_load_explicit(&crew->generation, memory_order_acquire) ==
           generation)
        spin(&spins);
}

/* When the first event is due, of those pending and those sent. */
static uint64_t
first_event(const struct engine *engine, unsigned side)
{
    uint64_t first_ps = ENGINE_NEVER;

    for (unsigned i = 0; i < engine->options.parts; i++) {
        const struct engine_tidings *tidings =
            &engine->parts[i]->tidings[side];

        if (tidings->next_ps < first_ps)
            first_ps = tidings->next_ps;
        if (tidings->sent_ps < first_ps)
            first_ps = tidings->sent_ps;
    }
    return first_ps;
}

static uint64_t
window_end(const struct engine *engine, uint64_t first_ps, uint64_t until_ps)
{
    uint64_t window_ps = engine->options.window_ps;

    return until_ps - first_ps < window_ps ? until_ps
                                           : first_ps + window_ps - 1;
}

static void
part_window(struct engine_part *part, unsigned side, uint64_t end_ps)
{
    part->side = side;
    part->tidings[side].sent_ps = ENGINE_NEVER;
    engine_part_collect(part, !side);
    engine_part_run(part, end_ps);
    part->tidings[side].next_ps = engine_part_next(part);
}

/* One thread's part of a run: the parts [low, high). */
static void
work(struct crew *crew, unsigned index, unsigned count)
{
    struct engine *engine = crew->engine;
    unsigned low = index * engine->options.parts / count;
    unsigned high = (index + 1) * engine->options.parts / count;
    unsigned side = 0;

    for (;;) {
        uint64_t first_ps = first_event(engine, !side);

        if (first_ps > crew->until_ps)
            break;
        uint64_t end_ps = window_end(engine, first_ps, crew->until_ps);

        for (unsigned i = low; i < high; i++)
            part_window(engine->parts[i], side, end_ps);
        barrier(crew, count);
        side = !side;
    }
    for (unsigned i = low; i < high; i++)
        engine_part_collect(engine->parts[i], !side);
}

static void *
hand_run(void *argument)
{
    const struct hand *hand = argument;
    unsigned count;
    unsigned spins = 0;

    while ((count = atomic_load_explicit(&hand->crew->count,
                                         memory_order_acquire)) == 0)
        spin(&spins);
    work(hand->crew, hand->index, count);
    return NULL;
}

/* Starts up to 'count' - 1 threads, which leave signals to the caller's.
 * Fewer may come to be; the outcome is the same. */
static unsigned
hands_start(struct crew *crew, struct hand *hands, unsigned count)
{
    sigset_t all;
    sigset_t before;
    unsigned started = 1;

    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    while (started < count) {
        struct hand *hand = &hands[started];

        hand->crew = crew;
        hand->index = started;
        if (pthread_create(&hand->thread, NULL, hand_run, hand) != 0)
            break;
        started++;
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return started;
}

static unsigned
threads_for(const struct engine *engine, uint64_t until_ps)
{
    unsigned threads = engine->options.threads;
    uint64_t span_ps = until_ps - engine->now_ps;

    if (span_ps / SHORT_WINDOWS < engine->options.window_ps)
        return 1;
    return threads < engine->options.parts ? threads : engine->options.parts;
}

static void
windows_run(struct engine *engine, uint64_t until_ps)
{
    struct crew crew = {.engine = engine, .until_ps = until_ps};
    struct hand hands[ENGINE_THREADS_MAX];
    unsigned count = threads_for(engine, until_ps);

    for (unsigned i = 0; i < engine->options.parts; i++)
        engine->parts[i]->tidings[1] = (struct engine_tidings){
            .next_ps = engine_part_next(engine->parts[i]),
            .sent_ps = ENGINE_NEVER};
    engine->running = true;
    count = hands_start(&crew, hands, count);
    atomic_store_explicit(&crew.count, count, memory_order_release);
    work(&crew, 0, count);
    for (unsigned i = 1; i < count; i++)
        CHECK(pthread_join(hands[i].thread, NULL) == 0);
    engine->running = false;
}

int
engine_run_until(struct engine *engine, uint64_t until_ps)
{
    CHECK(!engine->running);
    if (until_ps < engine->now_ps)
        return ERR_PAST;
    if (engine->options.parts == 1)
        engine_part_run(engine->parts[0], until_ps);
    else
        windows_run(engine, until_ps);
    engine->now_ps = until_ps;
    for (unsigned i = 0; i < engine->options.parts; i++) {
        engine->parts[i]->now_ps = until_ps;
        wheel_catch_up(&engine->parts[i]->wheel, until_ps);
    }
    return 0;
}
