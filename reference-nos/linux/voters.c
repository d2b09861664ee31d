/* SPDX-License-Identifier: Apache-2.0
 *
 * The first voters, kept from the first boot on: STATE/voters, one line of
 * keys as --voters takes them, and a second, "arbiter", for a box that is one.
 *
 * They are the configuration that the consensus log begins with, until there
 * is a snapshot: told otherwise at a later boot, a voter would count other
 * majorities than it counted before.
 */
#include "reference-nos/linux/voters.h"

#include "reference-nos/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_DIGITS 16u

bool
voters_have(const struct voters *voters, uint64_t key)
{
    for (unsigned i = 0; i < voters->count; i++)
        if (voters->keys[i] == key)
            return true;
    return false;
}

bool
voters_equal(const struct voters *a, const struct voters *b)
{
    bool equal = a->count == b->count;

    for (unsigned i = 0; equal && i < a->count; i++)
        equal = voters_have(b, a->keys[i]) && voters_have(a, b->keys[i]);
    return equal;
}

size_t
voters_print(const struct voters *voters, char text[VOTERS_TEXT_MAX])
{
    size_t size = 0;

    CHECK(voters->count > 0 && voters->count <= FACTS_VOTERS_MAX);
    for (unsigned i = 0; i < voters->count; i++)
        size += (size_t)snprintf(text + size, VOTERS_TEXT_MAX - size,
                                 "%s%016" PRIx64, i > 0 ? "," : "",
                                 voters->keys[i]);
    return size + (size_t)snprintf(text + size, VOTERS_TEXT_MAX - size, "\n%s",
                                   voters->arbiter ? "arbiter\n" : "");
}

int
voters_parse(const char *text, struct voters *out)
{
    struct voters voters = {.count = 0};

    for (;; text++) {
        char word[KEY_DIGITS + 1] = "";

        if (strspn(text, "0123456789abcdef") != KEY_DIGITS ||
            voters.count == FACTS_VOTERS_MAX)
            return ERR_CORRUPT;
        memcpy(word, text, KEY_DIGITS);
        voters.keys[voters.count] = strtoull(word, NULL, 16);
        if (voters.keys[voters.count] == 0)
            return ERR_CORRUPT;
        voters.count++;
        text += KEY_DIGITS;
        if (*text != ',')
            break;
    }
    voters.arbiter = strcmp(text, "\narbiter\n") == 0;
    if (!voters.arbiter && strcmp(text, "\n") != 0)
        return ERR_CORRUPT;
    *out = voters;
    return 0;
}
