/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kernel/kernel.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "sim/kernel/kernel_priv.h"
#include "sim/kernel/ladder_priv.h"

struct kernel {
    struct simtime now;
    uint32_t sequence; /* Of the latest add. */
    bool stopped;
    uint64_t fired_count;
    void (*observe)(void *context, const struct event *event);
    void *observe_context;
    struct ladder ladder;
};

void
event_init(struct event *event, uint8_t class, uint32_t entity,
           void (*fire)(struct event *event, struct simtime now))
{
    CHECK(entity <= EVENT_ENTITY_MAX && fire != NULL);
    memset(event, 0, sizeof(*event));
    event->key = (uint64_t) class << 56 | (uint64_t)entity << 32;
    event->fire = fire;
}

struct kernel *
kernel_create(void)
{
    struct kernel *kernel = calloc(1, sizeof(*kernel));

    CHECK(kernel != NULL);
    ladder_init(&kernel->ladder);
    return kernel;
}

void
kernel_destroy(struct kernel *kernel)
{
    if (kernel == NULL)
        return;
    ladder_fini(&kernel->ladder);
    free(kernel);
}

struct simtime
kernel_now(const struct kernel *kernel)
{
    return kernel->now;
}

/* The sequence wraps after 2^32 adds: then the pending events are numbered
 * anew in their order, which only relative order can see. */
static void
sequence_next(struct kernel *kernel)
{
    if (UNLIKELY(kernel->sequence == UINT32_MAX)) {
        ladder_renumber(&kernel->ladder);
        kernel->sequence = (uint32_t)kernel->ladder.count;
    }
    kernel->sequence++;
}

int
kernel_add(struct kernel *kernel, struct event *event, struct simtime at)
{
    if (UNLIKELY(at.ps < kernel->now.ps))
        return ERR_PAST;
    if (UNLIKELY(at.ps > SIMTIME_LIMIT_PS))
        return ERR_RANGE;
    if (event->place != EVENT_IDLE)
        ladder_remove(&kernel->ladder, event);
    sequence_next(kernel);
    event->at = at;
    event->key = (event->key & ~(uint64_t)UINT32_MAX) | kernel->sequence;
    ladder_add(&kernel->ladder,
               (struct ladder_entry){at.ps, event->key, event});
    return 0;
}

int
kernel_add_after(struct kernel *kernel, struct event *event,
                 struct simtime span)
{
    return kernel_add(kernel, event, simtime_add(kernel->now, span));
}

void
kernel_cancel(struct kernel *kernel, struct event *event)
{
    ladder_remove(&kernel->ladder, event);
}

static inline void
fire(struct kernel *kernel, const struct ladder_entry *next)
{
    struct event *event = next->event;
    struct simtime now = {next->ps};

    ladder_pop(&kernel->ladder, next);
    kernel->now = now;
    kernel->fired_count++;
    if (UNLIKELY(kernel->observe != NULL))
        kernel->observe(kernel->observe_context, event);
    event->fire(event, now);
}

bool
kernel_step(struct kernel *kernel)
{
    return kernel_run_count(kernel, 1) == 1;
}

bool
kernel_run_until(struct kernel *kernel, struct simtime until)
{
    kernel->stopped = false;
    for (;;) {
        const struct ladder_entry *next = ladder_peek(&kernel->ladder);

        if (next == NULL || next->ps > until.ps)
            break;
        fire(kernel, next);
        if (UNLIKELY(kernel->stopped))
            return false;
    }
    kernel->now = simtime_max(kernel->now, until);
    return true;
}

uint64_t
kernel_run_count(struct kernel *kernel, uint64_t count)
{
    uint64_t fired = 0;

    kernel->stopped = false;
    while (fired < count && !kernel->stopped) {
        const struct ladder_entry *next = ladder_peek(&kernel->ladder);

        if (next == NULL)
            break;
        fire(kernel, next);
        fired++;
    }
    return fired;
}

void
kernel_stop(struct kernel *kernel)
{
    kernel->stopped = true;
}

bool
kernel_next(struct kernel *kernel, struct simtime *at)
{
    const struct ladder_entry *next = ladder_peek(&kernel->ladder);

    if (next == NULL)
        return false;
    *at = (struct simtime){next->ps};
    return true;
}

uint64_t
kernel_fired_count(const struct kernel *kernel)
{
    return kernel->fired_count;
}

size_t
kernel_pending_count(const struct kernel *kernel)
{
    return kernel->ladder.count;
}

size_t
kernel_memory_bytes(const struct kernel *kernel)
{
    return sizeof(*kernel) - sizeof(kernel->ladder) +
           kernel->ladder.memory_bytes;
}

void
kernel_observe(struct kernel *kernel,
               void (*observe)(void *context, const struct event *event),
               void *context)
{
    kernel->observe = observe;
    kernel->observe_context = context;
}

void
kernel_sequence_set(struct kernel *kernel, uint32_t sequence)
{
    kernel->sequence = sequence;
}
