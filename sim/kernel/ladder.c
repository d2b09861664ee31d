/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kernel/ladder_priv.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"

#define SLAB_CHUNKS_MIN 127  /* 64 KiB */
#define SLAB_CHUNKS_MAX 4095 /* 2 MiB */
#define BUCKET_MIN 16
/* Entries one bucket should hold after a spread. */
#define BUCKET_TARGET 8

struct slab {
    struct slab *next;
    struct ladder_chunk chunks[];
};

static void *
grow(struct ladder *ladder, void *array, size_t old_count, size_t new_count,
     size_t size)
{
    void *grown = realloc(array, new_count * size);

    CHECK(grown != NULL);
    ladder->memory_bytes += (new_count - old_count) * size;
    return grown;
}

void
ladder_init(struct ladder *ladder)
{
    memset(ladder, 0, sizeof(*ladder));
    ladder->slab_chunks = SLAB_CHUNKS_MIN;
    ladder->memory_bytes = sizeof(*ladder);
}

void
ladder_fini(struct ladder *ladder)
{
    struct slab *slab = ladder->slabs;

    while (slab != NULL) {
        struct slab *next = slab->next;

        free(slab);
        slab = next;
    }
    for (unsigned level = 0; level < LADDER_RUNG_MAX; level++)
        free(ladder->rungs[level].buckets);
    free(ladder->sorted);
    free(ladder->late);
}

static void
slab_add(struct ladder *ladder)
{
    size_t count = ladder->slab_chunks;
    size_t bytes = sizeof(struct slab) + count * sizeof(struct ladder_chunk);
    struct slab *slab = malloc(bytes);

    CHECK(slab != NULL);
    slab->next = ladder->slabs;
    ladder->slabs = slab;
    for (size_t i = count; i-- > 0;) {
        slab->chunks[i].next = ladder->free_chunks;
        ladder->free_chunks = &slab->chunks[i];
    }
    ladder->memory_bytes += bytes;
    if (count < SLAB_CHUNKS_MAX)
        ladder->slab_chunks = count * 2 + 1;
}

struct ladder_chunk *
ladder_chunk_take(struct ladder *ladder)
{
    if (UNLIKELY(ladder->free_chunks == NULL))
        slab_add(ladder);
    struct ladder_chunk *chunk = ladder->free_chunks;
    ladder->free_chunks = chunk->next;
    return chunk;
}

static void
chunk_give(struct ladder *ladder, struct ladder_chunk *chunk)
{
    chunk->next = ladder->free_chunks;
    ladder->free_chunks = chunk;
}

/* ---- late heap -------------------------------------------------------- */

static void
late_put(struct ladder *ladder, size_t index, struct ladder_entry entry)
{
    ladder->late[index] = entry;
    entry.event->index = (uint32_t)index;
}

static void
late_up(struct ladder *ladder, size_t index, struct ladder_entry entry)
{
    while (index > 0) {
        size_t parent = (index - 1) / 4;

        if (!ladder_less(&entry, &ladder->late[parent]))
            break;
        late_put(ladder, index, ladder->late[parent]);
        index = parent;
    }
    late_put(ladder, index, entry);
}

static void
late_down(struct ladder *ladder, size_t index, struct ladder_entry entry)
{
    for (;;) {
        size_t child = index * 4 + 1;
        size_t end =
            child + 4 < ladder->late_count ? child + 4 : ladder->late_count;
        if (child >= end)
            break;
        size_t best = child;
        for (size_t i = child + 1; i < end; i++) {
            if (ladder_less(&ladder->late[i], &ladder->late[best]))
                best = i;
        }
        if (!ladder_less(&ladder->late[best], &entry))
            break;
        late_put(ladder, index, ladder->late[best]);
        index = best;
    }
    late_put(ladder, index, entry);
}

static void
late_add(struct ladder *ladder, struct ladder_entry entry)
{
    if (ladder->late_count == ladder->late_room) {
        size_t room = ladder->late_room > 0 ? ladder->late_room * 2 : 64;

        ladder->late =
            grow(ladder, ladder->late, ladder->late_room, room, sizeof(entry));
        ladder->late_room = room;
    }
    entry.event->place = EVENT_IN_LATE;
    late_up(ladder, ladder->late_count++, entry);
}

static void
late_remove(struct ladder *ladder, size_t index)
{
    CHECK(index < ladder->late_count);
    struct ladder_entry last = ladder->late[--ladder->late_count];

    if (index == ladder->late_count)
        return;
    if (index > 0 && ladder_less(&last, &ladder->late[(index - 1) / 4]))
        late_up(ladder, index, last);
    else
        late_down(ladder, index, last);
}

void
ladder_late_pop(struct ladder *ladder)
{
    late_remove(ladder, 0);
}

/* ---- sorted bottom ---------------------------------------------------- */

static void
sorted_reserve(struct ladder *ladder, size_t count)
{
    if (count <= ladder->sorted_room)
        return;
    size_t room = ladder->sorted_room > 0 ? ladder->sorted_room : 64;
    while (room < count)
        room *= 2;
    ladder->sorted = grow(ladder, ladder->sorted, ladder->sorted_room, room,
                          sizeof(*ladder->sorted));
    ladder->sorted_room = room;
}

static void
sorted_drop_tombstones(struct ladder *ladder)
{
    size_t kept = 0;

    for (size_t i = 0; i < ladder->sorted_count; i++) {
        if (ladder->sorted[i].event != NULL)
            ladder->sorted[kept++] = ladder->sorted[i];
    }
    ladder->sorted_count = kept;
    ladder->tombstone_count = 0;
}

static int
compare_descending(const void *left, const void *right)
{
    const struct ladder_entry *a = left;
    const struct ladder_entry *b = right;

    return ladder_less(a, b) ? 1 : -1;
}

static void
insertion_sort(struct ladder_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct ladder_entry entry = entries[i];
        size_t at = i;

        while (at > 0 && ladder_less(&entries[at - 1], &entry)) {
            entries[at] = entries[at - 1];
            at--;
        }
        entries[at] = entry;
    }
}

/* Moves a whole bucket into the empty sorted array. */
static void
sorted_fill(struct ladder *ladder, struct ladder_bucket *bucket)
{
    size_t count = 0;
    uint32_t fill = bucket->fill;
    struct ladder_chunk *chunk = bucket->head;

    sorted_reserve(ladder, bucket->count);
    while (chunk != NULL) {
        struct ladder_chunk *next = chunk->next;

        for (uint32_t i = 0; i < fill; i++) {
            __builtin_prefetch(chunk->entries[i].event, 1);
            ladder->sorted[count++] = chunk->entries[i];
        }
        chunk_give(ladder, chunk);
        chunk = next;
        fill = LADDER_CHUNK_ENTRIES;
    }
    if (count <= LADDER_SORT_MAX)
        insertion_sort(ladder->sorted, count);
    else /* Keys are unique, so any sort gives the same order. */
        qsort(ladder->sorted, count, sizeof(*ladder->sorted),
              compare_descending);
    for (size_t i = 0; i < count; i++)
        ladder->sorted[i].event->place = EVENT_IN_SORTED;
    ladder->sorted_count = count;
}

/* Where 'event' is in the sorted array. */
static size_t
sorted_find(const struct ladder *ladder, const struct event *event)
{
    struct ladder_entry wanted = {event->at.ps, event->key, NULL};
    size_t low = 0;
    size_t high = ladder->sorted_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ladder_less(&wanted, &ladder->sorted[middle]))
            low = middle + 1;
        else
            high = middle;
    }
    CHECK(low < ladder->sorted_count && ladder->sorted[low].event == event);
    return low;
}

static void
sorted_remove(struct ladder *ladder, size_t index)
{
    size_t behind = ladder->sorted_count - index - 1;

    if (behind <= LADDER_SHIFT_MAX) {
        memmove(&ladder->sorted[index], &ladder->sorted[index + 1],
                behind * sizeof(*ladder->sorted));
        ladder->sorted_count--;
        return;
    }
    ladder->sorted[index].event = NULL;
    if (++ladder->tombstone_count > ladder->sorted_count / 2)
        sorted_drop_tombstones(ladder);
}

/* False if the place lies too deep in the array. */
static bool
sorted_insert(struct ladder *ladder, struct ladder_entry entry)
{
    size_t count = ladder->sorted_count;
    size_t lowest = count > LADDER_SHIFT_MAX ? count - LADDER_SHIFT_MAX : 0;
    size_t at = count;

    if (lowest > 0 && !ladder_less(&entry, &ladder->sorted[lowest - 1]))
        return false;
    sorted_reserve(ladder, count + 1);
    while (at > lowest && ladder_less(&ladder->sorted[at - 1], &entry)) {
        ladder->sorted[at] = ladder->sorted[at - 1];
        at--;
    }
    ladder->sorted[at] = entry;
    ladder->sorted_count++;
    entry.event->place = EVENT_IN_SORTED;
    return true;
}

/* ---- rungs ------------------------------------------------------------ */

static unsigned
bit_length(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* Opens the next finer rung, fit for 'count' entries in [low, high]. */
static struct ladder_rung *
rung_open(struct ladder *ladder, size_t count, uint64_t low, uint64_t high)
{
    struct ladder_rung *rung = &ladder->rungs[ladder->rung_count++];
    unsigned bits = bit_length(count / BUCKET_TARGET);
    unsigned bucket_count = BUCKET_MIN;

    while (bucket_count < LADDER_BUCKET_MAX && bit_length(bucket_count) < bits)
        bucket_count *= 2;
    if (rung->room < bucket_count) {
        rung->buckets = grow(ladder, rung->buckets, rung->room, bucket_count,
                             sizeof(*rung->buckets));
        rung->room = bucket_count;
    }
    for (unsigned i = 0; i < bucket_count; i++)
        rung->buckets[i] =
            (struct ladder_bucket){NULL, LADDER_CHUNK_ENTRIES, 0};
    memset(rung->used, 0, (bucket_count + 63) / 64 * sizeof(rung->used[0]));

    unsigned width_bits = bit_length(high - low);
    unsigned index_bits = bit_length(bucket_count) - 1;
    rung->shift = width_bits > index_bits ? width_bits - index_bits : 0;
    rung->bucket_count = bucket_count;
    rung->start_ps = low;
    rung->next_ps = low;
    rung->current = 0;
    rung->count = 0;
    return rung;
}

static void
widen(const struct ladder_entry *entry, uint64_t *low, uint64_t *high)
{
    if (entry->ps < *low)
        *low = entry->ps;
    if (entry->ps > *high)
        *high = entry->ps;
}

static void
bucket_range(const struct ladder_bucket *bucket, uint64_t *low, uint64_t *high)
{
    uint32_t fill = bucket->fill;

    *low = UINT64_MAX;
    *high = 0;
    for (const struct ladder_chunk *chunk = bucket->head; chunk != NULL;
         chunk = chunk->next) {
        for (uint32_t i = 0; i < fill; i++)
            widen(&chunk->entries[i], low, high);
        fill = LADDER_CHUNK_ENTRIES;
    }
}

/* Spreads one bucket over the rung below it. */
static void
bucket_spread(struct ladder *ladder, const struct ladder_bucket *bucket,
              uint64_t low, uint64_t high)
{
    struct ladder_rung *rung = rung_open(ladder, bucket->count, low, high);
    struct ladder_chunk *chunk = bucket->head;
    uint32_t fill = bucket->fill;

    while (chunk != NULL) {
        struct ladder_chunk *next = chunk->next;

        for (uint32_t i = 0; i < fill; i++)
            ladder_rung_add(ladder, rung, chunk->entries[i]);
        chunk_give(ladder, chunk);
        chunk = next;
        fill = LADDER_CHUNK_ENTRIES;
    }
}

/* The next bucket of the finest rung that may hold something; false when it
 * has none. */
static bool
rung_seek(struct ladder_rung *rung)
{
    unsigned word = rung->current / 64;
    unsigned words = (rung->bucket_count + 63) / 64;

    if (rung->count == 0 || rung->current >= rung->bucket_count)
        return false;
    uint64_t bits = rung->used[word] & (UINT64_MAX << (rung->current % 64));
    while (bits == 0) {
        if (++word == words)
            return false;
        bits = rung->used[word];
    }
    rung->current = word * 64 + (unsigned)__builtin_ctzll(bits);
    return true;
}

/* Takes the current bucket out of the finest rung; closes the rung when that
 * was the last one. */
static struct ladder_bucket
rung_take(struct ladder *ladder)
{
    unsigned level = ladder->rung_count - 1;
    struct ladder_rung *rung = &ladder->rungs[level];
    struct ladder_bucket bucket = rung->buckets[rung->current];

    rung->buckets[rung->current] =
        (struct ladder_bucket){NULL, LADDER_CHUNK_ENTRIES, 0};
    rung->count -= bucket.count;
    rung->current++;
    rung->next_ps = rung->start_ps + ((uint64_t)rung->current << rung->shift);
    if (rung->count == 0)
        ladder->rung_count--;
    return bucket;
}

/* Fills the empty bottom from the rungs.  False if nothing is pending. */
bool
ladder_refill(struct ladder *ladder)
{
    while (ladder->rung_count > 0) {
        struct ladder_rung *rung = &ladder->rungs[ladder->rung_count - 1];

        if (!rung_seek(rung)) {
            CHECK(rung->count == 0);
            ladder->rung_count--;
            continue;
        }
        struct ladder_bucket bucket = rung_take(ladder);
        if (bucket.count == 0)
            continue;
        uint64_t low = 0;
        uint64_t high = 0;
        if (bucket.count > LADDER_SORT_MAX)
            bucket_range(&bucket, &low, &high);
        if (low == high || ladder->rung_count == LADDER_RUNG_MAX) {
            sorted_fill(ladder, &bucket);
            return true;
        }
        bucket_spread(ladder, &bucket, low, high);
    }
    return false;
}

/* ---- bottom ----------------------------------------------------------- */

/* Turns a crowded bottom into a rung, so that the heap stays small. */
static void
bottom_spread(struct ladder *ladder)
{
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    size_t late_count = ladder->late_count;

    sorted_drop_tombstones(ladder);
    for (size_t i = 0; i < ladder->sorted_count; i++)
        widen(&ladder->sorted[i], &low, &high);
    for (size_t i = 0; i < late_count; i++)
        widen(&ladder->late[i], &low, &high);
    if (low == high)
        return;
    struct ladder_rung *rung =
        rung_open(ladder, ladder->sorted_count + late_count, low, high);
    for (size_t i = 0; i < ladder->sorted_count; i++)
        ladder_rung_add(ladder, rung, ladder->sorted[i]);
    for (size_t i = 0; i < late_count; i++)
        ladder_rung_add(ladder, rung, ladder->late[i]);
    ladder->sorted_count = 0;
    ladder->late_count = 0;
}

void
ladder_bottom_add(struct ladder *ladder, struct ladder_entry entry)
{
    if (sorted_insert(ladder, entry))
        return;
    late_add(ladder, entry);
    if (ladder->late_count > LADDER_LATE_MAX &&
        ladder->late_count >= ladder->sorted_count &&
        ladder->rung_count < LADDER_RUNG_MAX)
        bottom_spread(ladder);
}

/* ---- leaving ---------------------------------------------------------- */

static void
bucket_remove(struct ladder *ladder, struct event *event)
{
    unsigned level = ladder_locate(ladder, event->at.ps);
    CHECK(level < ladder->rung_count);
    struct ladder_rung *rung = &ladder->rungs[level];
    struct ladder_bucket *bucket =
        &rung->buckets[ladder_bucket_index(rung, event->at.ps)];
    CHECK(bucket->count > 0);
    struct ladder_chunk *head = bucket->head;
    struct ladder_entry *hole = event->entry;
    struct ladder_entry *last = &head->entries[--bucket->fill];

    if (hole != last) {
        *hole = *last;
        hole->event->entry = hole;
    }
    bucket->count--;
    rung->count--;
    if (bucket->fill == 0) {
        bucket->head = head->next;
        bucket->fill = LADDER_CHUNK_ENTRIES;
        chunk_give(ladder, head);
    }
}

void
ladder_remove(struct ladder *ladder, struct event *event)
{
    switch ((enum event_place)event->place) {
    case EVENT_IDLE: return;
    case EVENT_IN_BUCKET: bucket_remove(ladder, event); break;
    case EVENT_IN_SORTED:
        sorted_remove(ladder, sorted_find(ladder, event));
        break;
    case EVENT_IN_LATE: late_remove(ladder, event->index); break;
    }
    event->place = EVENT_IDLE;
    ladder->count--;
}

/* ---- renumbering ------------------------------------------------------ */

static size_t
collect_rung(struct ladder_rung *rung, struct ladder_entry **entries)
{
    size_t count = 0;

    for (unsigned i = rung->current; i < rung->bucket_count; i++) {
        uint32_t fill = rung->buckets[i].fill;

        for (struct ladder_chunk *chunk = rung->buckets[i].head; chunk != NULL;
             chunk = chunk->next) {
            for (uint32_t slot = 0; slot < fill; slot++)
                entries[count++] = &chunk->entries[slot];
            fill = LADDER_CHUNK_ENTRIES;
        }
    }
    return count;
}

static int
compare_sequence(const void *left, const void *right)
{
    const struct ladder_entry *const *a = left;
    const struct ladder_entry *const *b = right;

    return (uint32_t)(*a)->key < (uint32_t)(*b)->key ? -1 : 1;
}

void
ladder_renumber(struct ladder *ladder)
{
    if (ladder->count == 0)
        return;
    struct ladder_entry **entries = malloc(ladder->count * sizeof(*entries));
    size_t count = 0;

    CHECK(entries != NULL);
    sorted_drop_tombstones(ladder);
    for (size_t i = 0; i < ladder->sorted_count; i++)
        entries[count++] = &ladder->sorted[i];
    for (size_t i = 0; i < ladder->late_count; i++)
        entries[count++] = &ladder->late[i];
    for (unsigned level = 0; level < ladder->rung_count; level++)
        count += collect_rung(&ladder->rungs[level], &entries[count]);
    CHECK(count == ladder->count);
    qsort(entries, count, sizeof(struct ladder_entry *), compare_sequence);
    for (size_t i = 0; i < count; i++) {
        entries[i]->key = (entries[i]->key & ~(uint64_t)UINT32_MAX) | (i + 1);
        entries[i]->event->key = entries[i]->key;
    }
    free(entries);
}
