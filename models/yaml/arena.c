/* SPDX-License-Identifier: Apache-2.0 */
#include "models/yaml/arena.h"

#include "reference-nos/base/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)64 * 1024)
#define ALIGNMENT (_Alignof(max_align_t))

struct chunk {
    struct chunk *next;
    size_t used_bytes;
    size_t size_bytes;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct chunk *chunks; /* The one being filled comes first. */
};

struct arena *
arena_create(void)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    CHECK(arena != NULL);
    return arena;
}

void
arena_destroy(struct arena *arena)
{
    struct chunk *next;

    if (arena == NULL)
        return;
    for (struct chunk *chunk = arena->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

static struct chunk *
chunk_add(struct arena *arena, size_t bytes)
{
    size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    struct chunk *chunk = calloc(1, sizeof(*chunk) + size);

    CHECK(chunk != NULL);
    chunk->size_bytes = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *
arena_alloc(struct arena *arena, size_t bytes)
{
    struct chunk *chunk = arena->chunks;
    void *memory;

    CHECK(bytes < SIZE_MAX / 2);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (chunk == NULL || chunk->size_bytes - chunk->used_bytes < bytes)
        chunk = chunk_add(arena, bytes);
    memory = chunk->bytes + chunk->used_bytes;
    chunk->used_bytes += bytes;
    return memory;
}

void *
arena_array(struct arena *arena, size_t count, size_t bytes)
{
    CHECK(bytes == 0 || count < SIZE_MAX / 2 / bytes);
    return arena_alloc(arena, count * bytes);
}

char *
arena_copy(struct arena *arena, const char *text, size_t bytes)
{
    char *copy = arena_alloc(arena, bytes + 1);

    if (bytes > 0)
        memcpy(copy, text, bytes);
    return copy;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    char *text;
    int bytes;

    va_start(args, format);
    bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(bytes >= 0);
    text = arena_alloc(arena, (size_t)bytes + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)bytes + 1, format, args);
    va_end(args);
    return text;
}

void *
arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity,
           size_t bytes)
{
    size_t larger;
    void *moved;

    if (count < *capacity)
        return array;
    larger = *capacity == 0 ? 4 : *capacity * 2;
    moved = arena_array(arena, larger, bytes);
    if (count > 0)
        memcpy(moved, array, count * bytes);
    *capacity = larger;
    return moved;
}
