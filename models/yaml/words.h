/* SPDX-License-Identifier: Apache-2.0
 *
 * What the user may have meant.
 */
#ifndef MODELS_YAML_WORDS_H
#define MODELS_YAML_WORDS_H

#include <stddef.h>

/* Longest list of candidates a message names. */
#define WORDS_LISTED_MAX 24

/* Words to choose from.  'get' gives number 'index', or NULL past the end. */
struct words {
    const char *(*get)(const void *arg, size_t index);
    const void *arg;
};

/* Words of an array that ends with NULL. */
struct words words_of(const char *const *array);

/* Insertions, deletions, replacements and swaps of neighbours that turn 'a'
 * into 'b' (optimal string alignment), or a number past 'limit'. */
size_t words_distance(const char *a, const char *b, size_t limit);

/* The closest word, or NULL if none is close. */
const char *words_closest(struct words words, const char *wrong);

/* Writes "expected one of a, b, c; did you mean "b"?" for 'wrong'. */
void words_advice(struct words words, const char *wrong, char *buffer,
                  size_t bytes);

#endif
