/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors in files, with their place.
 *
 * A reader reports everything it finds in one go, as
 *
 *   controller-loss.yaml:12:5: error: unknown key "tiemline"; expected ...
 *
 * The list keeps the first DIAG_KEPT_MAX messages and counts the rest.
 * Control bytes of the input never reach a message.
 */
#ifndef MODELS_YAML_DIAG_H
#define MODELS_YAML_DIAG_H

#include "reference-nos/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DIAG_KEPT_MAX 32
#define DIAG_TEXT_BYTES 1024

/* How much of a user's word a message repeats: "%.*s" arguments. */
#define DIAG_WORD_MAX 60

/* A place in a file; line and column count from 1, 0 means unknown. */
struct mark {
    const char *file; /* Borrowed; outlives the mark. */
    uint32_t line;
    uint32_t column; /* In characters. */
};

struct diag_list;

struct diag_list *diag_create(void);
void diag_destroy(struct diag_list *list);

/* Adds one error. */
void diag_error(struct diag_list *list, struct mark at, const char *format,
                ...) PRINTF_LIKE(3, 4);

/* Whether further errors are only counted, so that advice is wasted. */
bool diag_is_full(const struct diag_list *list);

/* Errors reported, and how many of them are kept for reading. */
size_t diag_count(const struct diag_list *list);
size_t diag_kept(const struct diag_list *list);

/* The kept error 'index': its place and text; both borrowed. */
struct mark diag_mark(const struct diag_list *list, size_t index);
const char *diag_text(const struct diag_list *list, size_t index);

/* Writes "file:line:column: error: text" of one error. */
void diag_format(const struct diag_list *list, size_t index, char *buffer,
                 size_t bytes);

/* Prints every kept error on a line, and how many more there were. */
void diag_print(const struct diag_list *list, FILE *out);

#endif
