/* SPDX-License-Identifier: Apache-2.0
 *
 * The ladder: where pending events wait.  Private to sim/kernel.
 *
 * After Tang, Goh, Thng, "Ladder queue", ACM TOMACS 15(3), 2005, with these
 * differences: bucket widths are powers of two; the last bucket of a rung
 * holds everything up to the end of the bucket it was made from (for the
 * coarsest rung: for ever), so there is no separate top; ties and crowded
 * bottoms fall back on a heap, so nothing is ever quadratic.
 *
 *   rung 0   |  |  |##|  |  |  |  |  |  |  |  ->     coarse, unsorted
 *   rung 1         \|  |##|  |  |  |                 one bucket of rung 0
 *   bottom            \ sorted array + late heap     about to fire
 *
 * An event lies in the coarsest rung whose 'next_ps' it does not precede,
 * else in the bottom; so the place follows from the time alone, and leaving a
 * bucket is a swap with the bucket's last entry.
 */
#ifndef SIM_KERNEL_LADDER_PRIV_H
#define SIM_KERNEL_LADDER_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "sim/kernel/event.h"

/* 21 entries of 24 bytes and a link fill 512 bytes. */
#define LADDER_CHUNK_ENTRIES 21
#define LADDER_RUNG_MAX 8
#define LADDER_BUCKET_MAX 4096
/* Buckets up to this size are sorted, larger ones spread. */
#define LADDER_SORT_MAX 48
/* A newcomer moves at most so many sorted entries, else it joins the heap. */
#define LADDER_SHIFT_MAX 16
/* A late heap beyond this becomes a rung. */
#define LADDER_LATE_MAX 64

struct ladder_entry {
    uint64_t ps;
    uint64_t key;
    struct event *event; /* NULL: cancelled (sorted array only). */
};

struct ladder_chunk {
    struct ladder_chunk *next;
    struct ladder_entry entries[LADDER_CHUNK_ENTRIES];
};

/* A stack of chunks; all but the first are full. */
struct ladder_bucket {
    struct ladder_chunk *head;
    uint32_t fill; /* Entries of 'head'; CHUNK_ENTRIES if there is none. */
    uint32_t count;
};

struct ladder_rung {
    uint64_t start_ps; /* Where bucket 0 begins. */
    uint64_t next_ps;  /* Where the first bucket not yet taken begins. */
    size_t count;      /* Entries in all buckets. */
    unsigned shift;    /* Width of a bucket: 1 << shift ps. */
    unsigned bucket_count;
    unsigned current; /* First bucket not yet taken. */
    unsigned room;    /* Buckets allocated. */
    struct ladder_bucket *buckets;
    uint64_t used[LADDER_BUCKET_MAX / 64]; /* Perhaps not empty. */
};

struct ladder {
    struct ladder_entry *sorted; /* Descending: the next one is last. */
    size_t sorted_count;
    size_t sorted_room;
    size_t tombstone_count;    /* Cancelled entries of 'sorted'. */
    struct ladder_entry *late; /* 4-ary heap; events know their index. */
    size_t late_count;
    size_t late_room;
    unsigned rung_count;
    size_t count; /* Pending events. */
    struct ladder_chunk *free_chunks;
    void *slabs;        /* List of all chunk memory. */
    size_t slab_chunks; /* Size of the next slab. */
    size_t memory_bytes;
    struct ladder_rung rungs[LADDER_RUNG_MAX];
};

void ladder_init(struct ladder *ladder);
void ladder_fini(struct ladder *ladder);

/* Slow paths. */
struct ladder_chunk *ladder_chunk_take(struct ladder *ladder);
void ladder_bottom_add(struct ladder *ladder, struct ladder_entry entry);
bool ladder_refill(struct ladder *ladder);
void ladder_late_pop(struct ladder *ladder);
void ladder_remove(struct ladder *ladder, struct event *event);
/* Renumbers the sequences of all pending events as 1..count, in order. */
void ladder_renumber(struct ladder *ladder);

static inline bool
ladder_less(const struct ladder_entry *a, const struct ladder_entry *b)
{
    return a->ps < b->ps || (a->ps == b->ps && a->key < b->key);
}

static inline unsigned
ladder_bucket_index(const struct ladder_rung *rung, uint64_t ps)
{
    uint64_t index = (ps - rung->start_ps) >> rung->shift;
    uint64_t last = rung->bucket_count - 1;

    return (unsigned)(index < last ? index : last);
}

/* The rung that holds events of time 'ps'; rung_count means the bottom. */
static inline unsigned
ladder_locate(const struct ladder *ladder, uint64_t ps)
{
    unsigned level = 0;

    while (level < ladder->rung_count && ps < ladder->rungs[level].next_ps)
        level++;
    return level;
}

static inline void
ladder_rung_add(struct ladder *ladder, struct ladder_rung *rung,
                struct ladder_entry entry)
{
    unsigned index = ladder_bucket_index(rung, entry.ps);
    struct ladder_bucket *bucket = &rung->buckets[index];

    if (UNLIKELY(bucket->fill == LADDER_CHUNK_ENTRIES)) {
        struct ladder_chunk *chunk = ladder_chunk_take(ladder);

        chunk->next = bucket->head;
        bucket->head = chunk;
        bucket->fill = 0;
        rung->used[index / 64] |= UINT64_C(1) << (index % 64);
    }
    struct ladder_entry *place = &bucket->head->entries[bucket->fill++];
    *place = entry;
    bucket->count++;
    rung->count++;
    entry.event->entry = place;
    entry.event->place = EVENT_IN_BUCKET;
}

static inline void
ladder_add(struct ladder *ladder, struct ladder_entry entry)
{
    unsigned level = ladder_locate(ladder, entry.ps);

    ladder->count++;
    if (LIKELY(level < ladder->rung_count))
        ladder_rung_add(ladder, &ladder->rungs[level], entry);
    else
        ladder_bottom_add(ladder, entry);
}

/* The next entry, borrowed; NULL if none. */
static inline const struct ladder_entry *
ladder_peek(struct ladder *ladder)
{
    for (;;) {
        if (LIKELY(ladder->sorted_count > 0)) {
            const struct ladder_entry *next =
                &ladder->sorted[ladder->sorted_count - 1];

            if (UNLIKELY(next->event == NULL)) {
                ladder->sorted_count--;
                ladder->tombstone_count--;
                continue;
            }
            if (UNLIKELY(ladder->late_count > 0) &&
                ladder_less(&ladder->late[0], next))
                return &ladder->late[0];
            return next;
        }
        if (ladder->late_count > 0)
            return &ladder->late[0];
        if (!ladder_refill(ladder))
            return NULL;
    }
}

/* Takes out what ladder_peek() returned just now. */
static inline void
ladder_pop(struct ladder *ladder, const struct ladder_entry *next)
{
    ladder->count--;
    next->event->place = EVENT_IDLE;
    if (LIKELY(next != ladder->late))
        ladder->sorted_count--;
    else
        ladder_late_pop(ladder);
}

#endif
