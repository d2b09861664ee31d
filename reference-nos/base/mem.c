/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/mem.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/list.h"
#include "reference-nos/base/mem_priv.h"

#include <stdbool.h>
#include <string.h>

/* Classes: every 16 bytes up to 128, then four per doubling up to
 * MEM_LARGE_BYTES = 128 << 6. */
enum { SMALL_CLASSES = 8, CLASS_COUNT = SMALL_CLASSES + 4 * 6 };
#define SMALL_BYTES ((size_t)128)
#define ALIGN_BYTES ((size_t)16)

/* Starts every chunk and every large block. */
struct chunk {
    struct list_node node;
    size_t size; /* As taken from the source. */
    size_t unused_pad;
};

struct free_block {
    struct free_block *next;
};

struct mem {
    struct mem_source source;
    struct list chunks;
    struct list large;
    struct free_block *free[CLASS_COUNT];
    uint8_t *bump; /* The untouched rest of the newest chunk. */
    uint8_t *bump_end;
    size_t next_chunk_bytes;
    size_t limit_bytes;
    size_t used_bytes;
    size_t peak_bytes;
    size_t held_bytes;
    uint64_t block_count;
    uint64_t successes_left; /* Test hook; UINT64_MAX: off. */
    bool has_failed;
};

_Static_assert(sizeof(struct chunk) % 16 == 0, "chunks keep alignment");

static size_t
align_up(size_t size)
{
    return (size + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1);
}

static unsigned
class_of(size_t size)
{
    unsigned octave;

    if (size <= SMALL_BYTES)
        return (unsigned)((size + ALIGN_BYTES - 1) / ALIGN_BYTES) - 1;
    octave = 63 - (unsigned)__builtin_clzll((unsigned long long)size - 1);
    return SMALL_CLASSES + 4 * (octave - 7) +
           (unsigned)((size - 1) >> (octave - 2) & 3);
}

static size_t
class_bytes(unsigned class)
{
    unsigned step;

    if (class < SMALL_CLASSES)
        return (class + 1) * ALIGN_BYTES;
    step = class - SMALL_CLASSES;
    return (size_t)(5 + step % 4) << (step / 4 + 5);
}

size_t
mem_block_bytes(size_t size)
{
    if (size == 0)
        size = 1;
    if (size > SIZE_MAX - MEM_CHUNK_BYTES)
        return SIZE_MAX;
    return size > MEM_LARGE_BYTES ? align_up(size)
                                  : class_bytes(class_of(size));
}

static struct chunk *
take_chunk(struct mem *mem, size_t size)
{
    struct chunk *chunk = mem->source.take(mem->source.arg, size);

    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    chunk->node = (struct list_node){NULL, NULL};
    mem->held_bytes += size;
    return chunk;
}

static void
give_chunk(struct mem *mem, struct chunk *chunk)
{
    size_t size = chunk->size;

    list_remove(&chunk->node);
    mem->held_bytes -= size;
    MEM_SHOW(chunk, size);
    if (MEM_PATTERNS)
        memset((void *)chunk, MEM_FREED_BYTE, size);
    mem->source.give(mem->source.arg, chunk, size);
}

struct mem *
mem_create(const struct mem_source *source, size_t limit_bytes)
{
    struct mem first = {.source = *source, .limit_bytes = limit_bytes};
    struct chunk *chunk = take_chunk(&first, MEM_FIRST_CHUNK_BYTES);
    struct mem *mem;

    if (chunk == NULL)
        return NULL;
    mem = (struct mem *)(void *)(chunk + 1);
    *mem = first;
    list_init(&mem->chunks);
    list_init(&mem->large);
    list_push_back(&mem->chunks, &chunk->node);
    mem->bump = (uint8_t *)mem + align_up(sizeof(*mem));
    mem->bump_end = (uint8_t *)chunk + chunk->size;
    mem->next_chunk_bytes = 2 * MEM_FIRST_CHUNK_BYTES;
    mem->successes_left = UINT64_MAX;
    MEM_HIDE(mem->bump, (size_t)(mem->bump_end - mem->bump));
    return mem;
}

void
mem_destroy(struct mem *mem)
{
    struct mem last;
    struct list_node *first_chunk;

    if (mem == NULL)
        return;
    while (!list_empty(&mem->large))
        give_chunk(mem, (struct chunk *)(void *)list_first(&mem->large));
    first_chunk = list_first(&mem->chunks);
    while (list_last(&mem->chunks) != first_chunk)
        give_chunk(mem, (struct chunk *)(void *)list_last(&mem->chunks));
    list_remove(first_chunk);
    last = *mem; /* The context itself lives in the first chunk. */
    give_chunk(&last, (struct chunk *)(void *)first_chunk);
    CHECK(last.held_bytes == 0);
}

/* Cuts what is left of the newest chunk into blocks for the free lists. */
static void
retire_bump(struct mem *mem)
{
    for (unsigned class = CLASS_COUNT; class -- > 0;) {
        size_t size = class_bytes(class);

        while ((size_t)(mem->bump_end - mem->bump) >= size) {
            struct free_block *block = (struct free_block *)(void *)mem->bump;

            MEM_SHOW(block, sizeof(*block));
            block->next = mem->free[class];
            mem->free[class] = block;
            MEM_HIDE(block, sizeof(*block));
            mem->bump += size;
        }
    }
}

static bool
grow(struct mem *mem, size_t block_bytes)
{
    size_t size = mem->next_chunk_bytes;
    struct chunk *chunk;

    while (size < block_bytes + sizeof(*chunk))
        size *= 2;
    chunk = take_chunk(mem, size);
    if (chunk == NULL)
        return false;
    retire_bump(mem);
    list_push_back(&mem->chunks, &chunk->node);
    mem->bump = (uint8_t *)(chunk + 1);
    mem->bump_end = (uint8_t *)chunk + size;
    if (size < MEM_CHUNK_BYTES)
        mem->next_chunk_bytes = 2 * size;
    MEM_HIDE(mem->bump, (size_t)(mem->bump_end - mem->bump));
    return true;
}

/* 'size' is that of a class. */
static void *
alloc_small(struct mem *mem, size_t size)
{
    unsigned class = class_of(size);
    struct free_block *block = mem->free[class];

    if (block != NULL) {
        MEM_SHOW(block, sizeof(*block));
        mem->free[class] = block->next;
        return block;
    }
    if ((size_t)(mem->bump_end - mem->bump) < size && !grow(mem, size))
        return NULL;
    mem->bump += size;
    return mem->bump - size;
}

static void *
alloc_large(struct mem *mem, size_t bytes)
{
    struct chunk *chunk = take_chunk(mem, sizeof(*chunk) + bytes);

    if (chunk == NULL)
        return NULL;
    list_push_back(&mem->large, &chunk->node);
    return chunk + 1;
}

/* Whether the test hook wants this allocation to fail. */
static bool
must_fail(struct mem *mem)
{
    if (LIKELY(mem->successes_left == UINT64_MAX))
        return false;
    if (mem->successes_left-- > 0)
        return false;
    mem->has_failed = true;
    return true;
}

void *
mem_alloc(struct mem *mem, size_t size)
{
    size_t bytes = mem_block_bytes(size);
    void *block;

    if (must_fail(mem) || bytes > mem->limit_bytes ||
        mem->used_bytes > mem->limit_bytes - bytes)
        return NULL;
    if (bytes > MEM_LARGE_BYTES)
        block = alloc_large(mem, bytes);
    else
        block = alloc_small(mem, bytes);
    if (block == NULL)
        return NULL;
    mem->used_bytes += bytes;
    mem->block_count++;
    if (mem->used_bytes > mem->peak_bytes)
        mem->peak_bytes = mem->used_bytes;
    MEM_SHOW(block, size == 0 ? 1 : size);
    if (MEM_PATTERNS)
        memset(block, MEM_FRESH_BYTE, size);
    return block;
}

void *
mem_zalloc(struct mem *mem, size_t size)
{
    void *block = mem_alloc(mem, size);

    if (block != NULL)
        memset(block, 0, size);
    return block;
}

void *
mem_zalloc_array(struct mem *mem, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return mem_zalloc(mem, total);
}

static void
free_small(struct mem *mem, void *space, size_t bytes)
{
    unsigned class = class_of(bytes);
    struct free_block *block = space;

    MEM_SHOW(space, bytes);
    if (MEM_PATTERNS)
        memset(space, MEM_FREED_BYTE, bytes);
    block->next = mem->free[class];
    mem->free[class] = block;
    MEM_HIDE(space, bytes);
}

void
mem_free(struct mem *mem, void *block, size_t size)
{
    size_t bytes = mem_block_bytes(size);

    if (block == NULL)
        return;
    CHECK(mem->block_count > 0 && mem->used_bytes >= bytes);
    mem->used_bytes -= bytes;
    mem->block_count--;
    if (bytes > MEM_LARGE_BYTES) {
        struct chunk *chunk = (struct chunk *)block - 1;

        CHECK(chunk->size == sizeof(*chunk) + bytes);
        give_chunk(mem, chunk);
    } else {
        free_small(mem, block, bytes);
    }
}

void *
mem_realloc(struct mem *mem, void *block, size_t old_size, size_t new_size)
{
    void *fresh = mem_alloc(mem, new_size);

    if (fresh == NULL || block == NULL)
        return fresh;
    memcpy(fresh, block, old_size < new_size ? old_size : new_size);
    mem_free(mem, block, old_size);
    return fresh;
}

void *
mem_copy(struct mem *mem, const void *bytes, size_t size)
{
    void *copy = mem_alloc(mem, size);

    if (copy != NULL && size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

char *
mem_copy_text(struct mem *mem, const char *text)
{
    return mem_copy(mem, text, strlen(text) + 1);
}

size_t
mem_used_bytes(const struct mem *mem)
{
    return mem->used_bytes;
}

size_t
mem_peak_bytes(const struct mem *mem)
{
    return mem->peak_bytes;
}

size_t
mem_held_bytes(const struct mem *mem)
{
    return mem->held_bytes;
}

size_t
mem_limit_bytes(const struct mem *mem)
{
    return mem->limit_bytes;
}

uint64_t
mem_block_count(const struct mem *mem)
{
    return mem->block_count;
}

void
mem_fail_after(struct mem *mem, uint64_t successes)
{
    mem->successes_left = successes;
    mem->has_failed = false;
}

bool
mem_has_failed(const struct mem *mem)
{
    return mem->has_failed;
}
