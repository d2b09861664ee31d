/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that goes as a whole.
 *
 * What a file reader builds (nodes, strings, structs) lives and dies
 * together, so single objects are never freed.  Memory comes zeroed and
 * aligned for any type.  Out of memory ends the program: this is harness
 * code, and inputs are bounded before they get here.
 */
#ifndef MODELS_YAML_ARENA_H
#define MODELS_YAML_ARENA_H

#include "reference-nos/base/compiler.h"

#include <stddef.h>

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *arena);

/* Zeroed memory; never NULL. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* 'count' objects of 'bytes' each; never NULL. */
void *arena_array(struct arena *arena, size_t count, size_t bytes);

/* A zero-terminated copy of the first 'bytes' of 'text'. */
char *arena_copy(struct arena *arena, const char *text, size_t bytes);

/* printf into the arena. */
char *arena_printf(struct arena *arena, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* Room for one more of 'count' objects: returns the (perhaps moved) array.
 * '*capacity' starts at 0 and is kept by the caller. */
void *arena_grow(struct arena *arena, void *array, size_t count,
                 size_t *capacity, size_t bytes);

#endif
