/* SPDX-License-Identifier: Apache-2.0 */
#include "models/engine/wheel_priv.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"

#define SHIFT_FIRST 10 /* About a nanosecond. */
#define SHIFT_MIN 4
#define SHIFT_MAX 30 /* A key has 32 bits for the time within a tick. */
#define BUCKETS_FIRST 4096
#define INSERTION_MAX 48  /* Longer: qsort(). */
#define SORT_MOVES 16     /* What qsort() costs, an event. */
#define MOVES_MAX 4       /* More of them, an event: crowded. */
#define TUNE_EVENTS 16384 /* Events between two looks at the figures. */

static uint64_t
entry_key(const struct wheel *wheel, uint32_t id, uint64_t at_ps)
{
    return (at_ps - (wheel->tick << wheel->shift)) << 32 | id;
}

/* ---- memory ------------------------------------------------------------- */

static void
buckets_make(struct wheel *wheel, uint32_t count)
{
    free(wheel->heads);
    free(wheel->bits);
    wheel->mask = count - 1;
    wheel->heads = malloc(count * sizeof(*wheel->heads));
    wheel->bits = calloc(count / 64, sizeof(*wheel->bits));
    CHECK(wheel->heads != NULL && wheel->bits != NULL);
    memset(wheel->heads, 0xff, count * sizeof(*wheel->heads));
    memset(wheel->sums, 0, sizeof(wheel->sums));
}

void
wheel_init(struct wheel *wheel)
{
    memset(wheel, 0, sizeof(*wheel));
    wheel->shift = SHIFT_FIRST;
    wheel->heap_top_ps = UINT64_MAX;
    buckets_make(wheel, BUCKETS_FIRST);
    wheel->sorted_capacity = 256;
    wheel->sorted = malloc(wheel->sorted_capacity * sizeof(*wheel->sorted));
    CHECK(wheel->sorted != NULL);
}

void
wheel_fini(struct wheel *wheel)
{
    free(wheel->heads);
    free(wheel->bits);
    free(wheel->sorted);
    free(wheel->heap);
}

size_t
wheel_memory_bytes(const struct wheel *wheel)
{
    size_t buckets = (size_t)wheel->mask + 1;

    return buckets * sizeof(*wheel->heads) + buckets / 8 +
           wheel->sorted_capacity * sizeof(*wheel->sorted) +
           wheel->heap_capacity * sizeof(*wheel->heap);
}

static void
sorted_reserve(struct wheel *wheel)
{
    if (LIKELY(wheel->sorted_count < wheel->sorted_capacity))
        return;
    wheel->sorted_capacity *= 2;
    wheel->sorted = realloc(wheel->sorted,
                            wheel->sorted_capacity * sizeof(*wheel->sorted));
    CHECK(wheel->sorted != NULL);
}

/* ---- the heap ----------------------------------------------------------- */

static bool
due_before(const struct wheel *wheel, uint32_t a, uint32_t b)
{
    uint64_t a_ps = wheel_entry(wheel, a)->at_ps;
    uint64_t b_ps = wheel_entry(wheel, b)->at_ps;

    return a_ps < b_ps || (a_ps == b_ps && a < b);
}

static void
heap_put(struct wheel *wheel, uint32_t place, uint32_t id)
{
    wheel->heap[place] = id;
    wheel_entry(wheel, id)->next = place;
}

static void
heap_up(struct wheel *wheel, uint32_t place, uint32_t id)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / 4;

        if (!due_before(wheel, id, wheel->heap[parent]))
            break;
        heap_put(wheel, place, wheel->heap[parent]);
        place = parent;
    }
    heap_put(wheel, place, id);
}

static void
heap_down(struct wheel *wheel, uint32_t place, uint32_t id)
{
    for (;;) {
        uint32_t child = place * 4 + 1;
        uint32_t best = child;

        if (child >= wheel->heap_count)
            break;
        for (uint32_t i = child + 1; i < child + 4 && i < wheel->heap_count;
             i++) {
            if (due_before(wheel, wheel->heap[i], wheel->heap[best]))
                best = i;
        }
        if (!due_before(wheel, wheel->heap[best], id))
            break;
        heap_put(wheel, place, wheel->heap[best]);
        place = best;
    }
    heap_put(wheel, place, id);
}

static void
heap_top_note(struct wheel *wheel)
{
    wheel->heap_top_ps = wheel->heap_count == 0
                             ? UINT64_MAX
                             : wheel_entry(wheel, wheel->heap[0])->at_ps;
}

void
wheel_insert_late(struct wheel *wheel, uint32_t id)
{
    if (wheel->heap_count == wheel->heap_capacity) {
        wheel->heap_capacity =
            wheel->heap_capacity == 0 ? 256 : wheel->heap_capacity * 2;
        wheel->heap =
            realloc(wheel->heap, wheel->heap_capacity * sizeof(*wheel->heap));
        CHECK(wheel->heap != NULL);
    }
    heap_up(wheel, wheel->heap_count++, id);
    heap_top_note(wheel);
    wheel->met_late++;
}

static void
heap_remove(struct wheel *wheel, uint32_t place)
{
    uint32_t last = wheel->heap[--wheel->heap_count];

    if (place < wheel->heap_count) {
        if (place > 0 && due_before(wheel, last, wheel->heap[(place - 1) / 4]))
            heap_up(wheel, place, last);
        else
            heap_down(wheel, place, last);
    }
    heap_top_note(wheel);
}

/* What the wheel now spans leaves the heap. */
static void
heap_drain(struct wheel *wheel)
{
    while (wheel->heap_count > 0 &&
           (wheel->heap_top_ps >> wheel->shift) - wheel->tick <= wheel->mask) {
        uint32_t id = wheel->heap[0];

        heap_remove(wheel, 0);
        wheel_insert(wheel, id, wheel_entry(wheel, id));
    }
}

/* ---- the present tick --------------------------------------------------- */

void
wheel_insert_sorted(struct wheel *wheel, uint32_t id, uint64_t at_ps)
{
    uint64_t key = entry_key(wheel, id, at_ps);

    sorted_reserve(wheel);
    size_t place = wheel->sorted_count++;

    for (; place > 0 && wheel->sorted[place - 1] < key; place--)
        wheel->sorted[place] = wheel->sorted[place - 1];
    wheel->sorted[place] = key;
    wheel->met_events++;
    wheel->met_moves += wheel->sorted_count - 1 - place;
}

static int
key_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x < y) - (x > y);
}

/* Sorts what was taken from a list, largest first.  How many moves. */
static uint64_t
sort(uint64_t *keys, size_t count)
{
    uint64_t moves = 0;

    if (count > INSERTION_MAX) {
        qsort(keys, count, sizeof(*keys), key_compare);
        return count * SORT_MOVES;
    }
    for (size_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        size_t place = i;

        for (; place > 0 && keys[place - 1] < key; place--)
            keys[place] = keys[place - 1];
        keys[place] = key;
        moves += i - place;
    }
    return moves;
}

static void
bucket_clear(struct wheel *wheel, uint32_t bucket)
{
    wheel->heads[bucket] = WHEEL_NONE;
    wheel->bits[bucket >> 6] &= ~(UINT64_C(1) << (bucket & 63));
    if (wheel->bits[bucket >> 6] == 0)
        wheel->sums[bucket >> 12] &= ~(UINT64_C(1) << (bucket >> 6 & 63));
}

/* The list of the present tick becomes 'sorted', which is empty. */
static void
bucket_take(struct wheel *wheel)
{
    uint32_t bucket = (uint32_t)wheel->tick & wheel->mask;
    uint32_t id = wheel->heads[bucket];

    if (id != WHEEL_NONE)
        bucket_clear(wheel, bucket);
    while (id != WHEEL_NONE) {
        const struct wheel_entry *entry = wheel_entry(wheel, id);

        sorted_reserve(wheel);
        wheel->sorted[wheel->sorted_count++] =
            entry_key(wheel, id, entry->at_ps);
        id = entry->next;
    }
    id = wheel->heads[(bucket + 1) & wheel->mask];
    if (id != WHEEL_NONE)
        PREFETCH(wheel_entry(wheel, id));
    wheel->met_moves += sort(wheel->sorted, wheel->sorted_count);
    wheel->met_ticks++;
    wheel->met_events += wheel->sorted_count;
}

/* ---- tuning ------------------------------------------------------------- */

/* Puts everything into a wheel of another shape; 'sorted' is empty. */
static void
reshape(struct wheel *wheel, unsigned shift, uint32_t buckets)
{
    uint32_t list = WHEEL_NONE;

    for (uint32_t bucket = 0; bucket <= wheel->mask; bucket++) {
        uint32_t id = wheel->heads[bucket];

        while (id != WHEEL_NONE) {
            struct wheel_entry *entry = wheel_entry(wheel, id);
            uint32_t next = entry->next;

            entry->next = list;
            list = id;
            id = next;
        }
    }
    buckets_make(wheel, buckets);
    wheel->tick = wheel->tick << wheel->shift >> shift;
    wheel->shift = shift;
    while (list != WHEEL_NONE) {
        struct wheel_entry *entry = wheel_entry(wheel, list);
        uint32_t id = list;

        list = entry->next;
        wheel_insert(wheel, id, entry);
    }
    heap_drain(wheel);
}

static void
tune(struct wheel *wheel)
{
    bool crowded = wheel->met_moves > MOVES_MAX * wheel->met_events;
    bool thin = wheel->met_events < 2 * wheel->met_ticks;
    bool late = wheel->met_late * 16 > wheel->met_events;
    bool mostly = wheel->met_late * 2 > wheel->met_events;
    unsigned shift = wheel->shift;
    uint32_t buckets = wheel->mask + 1;

    if (crowded && shift > SHIFT_MIN) {
        shift--;
        buckets *= 2;
    } else if (late && !crowded) {
        if (!thin && buckets < WHEEL_BUCKETS_MAX)
            buckets *= 2;
        else if (shift < SHIFT_MAX)
            shift += 1 + mostly;
    }
    if (buckets > WHEEL_BUCKETS_MAX)
        buckets = WHEEL_BUCKETS_MAX;
    wheel->met_ticks = 0;
    wheel->met_events = 0;
    wheel->met_moves = 0;
    wheel->met_late = 0;
    if (shift != wheel->shift || buckets != wheel->mask + 1)
        reshape(wheel, shift, buckets);
}

/* ---- turning ------------------------------------------------------------ */

/* The first bit set in words[from ..] below 'words', or UINT32_MAX. */
static uint32_t
bits_next(const struct wheel *wheel, uint32_t bucket)
{
    uint32_t word = bucket >> 6;
    uint64_t bits = wheel->bits[word] & ~UINT64_C(0) << (bucket & 63);

    if (bits != 0)
        return word << 6 | (uint32_t)__builtin_ctzll(bits);
    if (++word > wheel->mask >> 6)
        return UINT32_MAX;
    uint32_t sum = word >> 6;
    uint64_t sums = wheel->sums[sum] & ~UINT64_C(0) << (word & 63);

    while (sums == 0) {
        if (++sum > wheel->mask >> 12)
            return UINT32_MAX;
        sums = wheel->sums[sum];
    }
    word = sum << 6 | (uint32_t)__builtin_ctzll(sums);
    return word << 6 | (uint32_t)__builtin_ctzll(wheel->bits[word]);
}

/* The next tick after the present one that has events; false: none has. */
static bool
tick_next(const struct wheel *wheel, uint64_t *tick)
{
    uint32_t here = (uint32_t)wheel->tick & wheel->mask;
    uint32_t bucket = UINT32_MAX;

    if (here < wheel->mask)
        bucket = bits_next(wheel, here + 1);
    if (bucket == UINT32_MAX)
        bucket = bits_next(wheel, 0);
    if (bucket != UINT32_MAX) {
        *tick = wheel->tick + ((bucket - here) & wheel->mask);
        return true;
    }
    *tick = wheel->heap_top_ps >> wheel->shift;
    return wheel->heap_count > 0;
}

bool
wheel_turn(struct wheel *wheel, uint64_t until_ps)
{
    uint64_t tick;

    if (UNLIKELY(wheel->met_events >= TUNE_EVENTS))
        tune(wheel);
    if (wheel->sorted_count > 0)
        return true;
    if (!tick_next(wheel, &tick) || tick << wheel->shift > until_ps)
        return false;
    wheel->tick = tick;
    if (UNLIKELY((wheel->heap_top_ps >> wheel->shift) - tick <= wheel->mask))
        heap_drain(wheel);
    bucket_take(wheel);
    return true;
}

void
wheel_catch_up(struct wheel *wheel, uint64_t now_ps)
{
    if (wheel->sorted_count > 0 || now_ps >> wheel->shift <= wheel->tick)
        return;
    wheel->tick = now_ps >> wheel->shift;
    heap_drain(wheel);
    bucket_take(wheel);
}

/* ---- the rest ----------------------------------------------------------- */

static void
sorted_remove(struct wheel *wheel, uint32_t id)
{
    size_t place = 0;

    while (place < wheel->sorted_count && (uint32_t)wheel->sorted[place] != id)
        place++;
    CHECK(place < wheel->sorted_count);
    memmove(&wheel->sorted[place], &wheel->sorted[place + 1],
            (wheel->sorted_count - place - 1) * sizeof(*wheel->sorted));
    wheel->sorted_count--;
}

static void
bucket_remove(struct wheel *wheel, uint32_t id, uint32_t bucket)
{
    uint32_t *link = &wheel->heads[bucket];

    while (*link != id) {
        CHECK(*link != WHEEL_NONE);
        link = &wheel_entry(wheel, *link)->next;
    }
    *link = wheel_entry(wheel, id)->next;
    if (wheel->heads[bucket] == WHEEL_NONE)
        bucket_clear(wheel, bucket);
}

void
wheel_remove(struct wheel *wheel, uint32_t id)
{
    const struct wheel_entry *entry = wheel_entry(wheel, id);
    uint64_t tick = entry->at_ps >> wheel->shift;

    if (tick == wheel->tick)
        sorted_remove(wheel, id);
    else if (tick - wheel->tick <= wheel->mask)
        bucket_remove(wheel, id, (uint32_t)tick & wheel->mask);
    else
        heap_remove(wheel, entry->next);
}

bool
wheel_first(const struct wheel *wheel, uint32_t *id)
{
    uint64_t tick;

    if (wheel->sorted_count > 0) {
        *id = (uint32_t)wheel->sorted[wheel->sorted_count - 1];
        return true;
    }
    if (!tick_next(wheel, &tick))
        return false;
    uint32_t next = wheel->heads[(uint32_t)tick & wheel->mask];

    if (tick - wheel->tick > wheel->mask) {
        *id = wheel->heap[0];
        return true;
    }
    for (*id = next; next != WHEEL_NONE;
         next = wheel_entry(wheel, next)->next) {
        if (due_before(wheel, next, *id))
            *id = next;
    }
    return true;
}
