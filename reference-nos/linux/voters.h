/* SPDX-License-Identifier: Apache-2.0
 *
 * The first voters of a box, as text.
 */
#ifndef NOS_LINUX_VOTERS_H
#define NOS_LINUX_VOTERS_H

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "reference-nos/platform/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOTERS_FILE "voters"
#define VOTERS_TEXT_MAX 128u

struct voters {
    unsigned count;
    uint64_t keys[FACTS_VOTERS_MAX];
    bool arbiter; /* this box votes, but never acts as a controller */
};

bool voters_have(const struct voters *voters, uint64_t key);
/* The same keys, in whatever order. */
bool voters_equal(const struct voters *a, const struct voters *b);
/* At least one; returns the size of the text. */
size_t voters_print(const struct voters *voters, char text[VOTERS_TEXT_MAX]);
/* ERR_CORRUPT: it is not what voters_print() writes. */
MUST_USE int voters_parse(const char *text, struct voters *out);

#endif
