/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory contexts: every service has one, and dies with it.
 *
 * Shape    size-class slabs over chunks of 4 KiB growing to 64 KiB; blocks
 *          above MEM_LARGE_BYTES stand apart.  Chunks come from the source
 *          the creator passes and go back when the context is dropped; large
 *          blocks go back when freed.
 * Limit    counts the bytes of live blocks, rounded up to their class; an
 *          allocation beyond it gives NULL.  The count is the same in every
 *          build, so a limit is hit at the same event everywhere.
 * Blocks   aligned to 16 bytes; contents undefined (mem_zalloc: zero).  The
 *          caller remembers the size and gives it back when freeing.
 * Debug    unoptimised and sanitized builds fill fresh, freed and dropped
 *          memory with patterns; the address sanitizer sees freed blocks and
 *          the slack behind each block as poisoned.
 * Threads  one context, one thread.
 */
#ifndef NOS_BASE_MEM_H
#define NOS_BASE_MEM_H

#include "reference-nos/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEM_LARGE_BYTES ((size_t)8192)
#define MEM_FIRST_CHUNK_BYTES ((size_t)4096)
#define MEM_CHUNK_BYTES ((size_t)65536)
#define MEM_NO_LIMIT SIZE_MAX

/* Where chunks come from. */
struct mem_source {
    /* 'size' bytes aligned to 16, or NULL. */
    void *(*take)(void *arg, size_t size);
    /* Gives back what take() gave, with the same size. */
    void (*give)(void *arg, void *chunk, size_t size);
    void *arg;
};

struct mem;

/* NULL if the source has nothing.  'source' is copied. */
MUST_USE struct mem *mem_create(const struct mem_source *source,
                                size_t limit_bytes);

/* Drops the context with all its blocks.  NULL is accepted. */
void mem_destroy(struct mem *mem);

/* NULL at the limit or when the source is dry.  A size of 0 counts as 1. */
MUST_USE void *mem_alloc(struct mem *mem, size_t size);
MUST_USE void *mem_zalloc(struct mem *mem, size_t size);

/* 'count' objects of 'size' bytes, zeroed; NULL also if that overflows. */
MUST_USE void *mem_zalloc_array(struct mem *mem, size_t count, size_t size);

/* Moves a block to 'new_size', keeping the common part.  NULL leaves the old
 * block as it was.  A NULL block is allocated. */
MUST_USE void *mem_realloc(struct mem *mem, void *block, size_t old_size,
                           size_t new_size);

/* 'size' is the one the block was asked with.  NULL is accepted. */
void mem_free(struct mem *mem, void *block, size_t size);

/* A copy of 'size' bytes, or of a text with its end (free with strlen+1). */
MUST_USE void *mem_copy(struct mem *mem, const void *bytes, size_t size);
MUST_USE char *mem_copy_text(struct mem *mem, const char *text);

size_t mem_used_bytes(const struct mem *mem); /* What the limit counts. */
size_t mem_peak_bytes(const struct mem *mem);
size_t mem_held_bytes(const struct mem *mem); /* Taken from the source. */
size_t mem_limit_bytes(const struct mem *mem);
uint64_t mem_block_count(const struct mem *mem); /* Live blocks. */

/* The bytes a block of 'size' counts against the limit. */
size_t mem_block_bytes(size_t size);

/* For tests: 'successes' allocations from now succeed, the next one fails
 * (only that one).  UINT64_MAX switches it off. */
void mem_fail_after(struct mem *mem, uint64_t successes);

/* For tests: whether the failure asked for has happened. */
bool mem_has_failed(const struct mem *mem);

#endif
