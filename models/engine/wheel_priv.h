/* SPDX-License-Identifier: Apache-2.0
 *
 * The pending events of one part: a bitmap wheel of sorted buckets, and a
 * heap for what is due later than the wheel spans.  Private to models/engine.
 *
 * Ticks    time is cut into ticks of 2^shift ps; 'tick' is the present one.
 *          Pending in it: 'sorted', last first.  Within the wheel's span
 *          after it: one list per tick.  Later: the heap.  So the place of an
 *          event follows from its time alone.
 * Keys     in 'sorted', (time within the tick) << 32 | id.
 * Tuning   the length of a tick and the number of buckets follow what is
 *          met: a tick that is long to sort is halved, a heap in use makes
 *          the wheel longer.  The order is total, so this changes no outcome.
 */
#ifndef MODELS_ENGINE_WHEEL_PRIV_H
#define MODELS_ENGINE_WHEEL_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"

#define WHEEL_NONE UINT32_MAX
#define WHEEL_BUCKETS_MAX (UINT32_C(1) << 16)

/* What the wheel knows of an event; the engine's nodes begin with it. */
struct wheel_entry {
    uint64_t at_ps;
    uint32_t next; /* In a list: the next one.  In the heap: the place. */
};

struct wheel {
    uint64_t tick;
    unsigned shift;
    uint32_t mask;        /* Buckets less one. */
    uint32_t heap_count;  /* Events in the heap. */
    size_t sorted_count;  /* Events in 'sorted'. */
    uint64_t *sorted;     /* Descending keys of the present tick. */
    uint64_t heap_top_ps; /* Earliest in the heap; UINT64_MAX: empty. */
    char *entries;        /* Of the engine; one each 'stride' bytes. */
    uint32_t *heads;      /* Per bucket, WHEEL_NONE: empty. */
    uint64_t *bits;       /* Per bucket: not empty. */
    uint64_t sums[WHEEL_BUCKETS_MAX / 64 / 64]; /* Per word of 'bits'. */
    uint32_t *heap;                             /* Ids, 4-ary. */
    size_t sorted_capacity, heap_capacity;
    /* Since the last tuning; moves are what sorting cost. */
    uint64_t met_ticks, met_events, met_moves, met_late;
};

/* Entries are 64 bytes apart. */
#define WHEEL_STRIDE_BITS 6

static inline struct wheel_entry *
wheel_entry(const struct wheel *wheel, uint32_t id)
{
    return (struct wheel_entry *)(void *)(wheel->entries +
                                          ((size_t)id << WHEEL_STRIDE_BITS));
}

void wheel_init(struct wheel *wheel);
void wheel_fini(struct wheel *wheel);
size_t wheel_memory_bytes(const struct wheel *wheel);

void wheel_insert_sorted(struct wheel *wheel, uint32_t id, uint64_t at_ps);
void wheel_insert_late(struct wheel *wheel, uint32_t id);

/* Adds the event, its time being in its entry and not before the present
 * tick. */
static inline void
wheel_insert(struct wheel *wheel, uint32_t id, struct wheel_entry *entry)
{
    uint64_t ahead = (entry->at_ps >> wheel->shift) - wheel->tick;

    if (UNLIKELY(ahead - 1 >= wheel->mask)) {
        if (ahead == 0)
            wheel_insert_sorted(wheel, id, entry->at_ps);
        else
            wheel_insert_late(wheel, id);
        return;
    }
    uint32_t bucket = (uint32_t)(wheel->tick + ahead) & wheel->mask;

    entry->next = wheel->heads[bucket];
    wheel->heads[bucket] = id;
    wheel->bits[bucket >> 6] |= UINT64_C(1) << (bucket & 63);
    wheel->sums[bucket >> 12] |= UINT64_C(1) << (bucket >> 6 & 63);
}

/* Takes out a pending event. */
void wheel_remove(struct wheel *wheel, uint32_t id);

/* Makes the next tick that has events the present one, unless it begins after
 * 'until_ps'; only while 'sorted' is empty. */
bool wheel_turn(struct wheel *wheel, uint64_t until_ps);

/* The present moved to 'now_ps'; nothing is pending up to it. */
void wheel_catch_up(struct wheel *wheel, uint64_t now_ps);

/* The first event; false when none is pending. */
bool wheel_first(const struct wheel *wheel, uint32_t *id);

#endif
