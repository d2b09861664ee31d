/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "models/yaml/words.h"

#include <stdio.h>
#include <string.h>

/* Longer words are compared by their beginnings. */
#define WORD_MAX 48

static const char *
array_get(const void *arg, size_t index)
{
    const char *const *array = arg;

    return array[index];
}

struct words
words_of(const char *const *array)
{
    return (struct words){array_get, array};
}

static size_t
min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

size_t
words_distance(const char *a, const char *b, size_t limit)
{
    size_t rows[3][WORD_MAX + 1];
    size_t a_count = strnlen(a, WORD_MAX);
    size_t b_count = strnlen(b, WORD_MAX);
    size_t *before = rows[0], *last = rows[1], *now = rows[2], *spare;

    if (a_count > b_count + limit || b_count > a_count + limit)
        return limit + 1;
    for (size_t j = 0; j <= b_count; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_count; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_count; j++) {
            now[j] = min3(last[j] + 1, now[j - 1] + 1,
                          last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_count];
}

const char *
words_closest(struct words words, const char *wrong)
{
    size_t length = strnlen(wrong, WORD_MAX);
    size_t limit = length <= 2 ? 1 : length <= 6 ? 2 : 3;
    size_t best = limit + 1;
    const char *closest = NULL, *word;

    for (size_t i = 0; (word = words.get(words.arg, i)) != NULL; i++) {
        size_t distance = words_distance(wrong, word, limit);

        if (distance < best && distance < length) {
            best = distance;
            closest = word;
        }
    }
    return closest;
}

static size_t
append(char *buffer, size_t bytes, size_t used, const char *format,
       const char *word)
{
    int more;

    if (used >= bytes)
        return used;
    more = snprintf(buffer + used, bytes - used, "%s%s", format, word);
    return more < 0 ? used : used + (size_t)more;
}

void
words_advice(struct words words, const char *wrong, char *buffer, size_t bytes)
{
    const char *closest = words_closest(words, wrong);
    const char *word;
    size_t used = 0, i;

    buffer[0] = '\0';
    for (i = 0; (word = words.get(words.arg, i)) != NULL; i++) {
        if (i == WORDS_LISTED_MAX) {
            used = append(buffer, bytes, used, ", ...", "");
            break;
        }
        used = append(buffer, bytes, used, i == 0 ? "" : ", ", word);
    }
    if (i > 0) {
        const char *intro = i == 1 ? "expected " : "expected one of ";
        size_t shift = strlen(intro);

        if (used + shift < bytes) {
            memmove(buffer + shift, buffer, used + 1);
            memcpy(buffer, intro, shift);
            used += shift;
        }
    }
    if (closest != NULL) {
        used = append(buffer, bytes, used, "; did you mean \"", closest);
        append(buffer, bytes, used, "\"?", "");
    }
}
