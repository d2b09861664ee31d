/* SPDX-License-Identifier: Apache-2.0
 *
 * Verbs on boxes that wait to join.
 */
#include "reference-nos/linux/refnos/refnos_priv.h"
#include "reference-nos/platform/facts.h"

#include <string.h>

#define KEY_DIGITS 16u

static bool
is_serial(const char *word)
{
    size_t size = strlen(word);

    if (size == 0 || size >= FACTS_SERIAL_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if (word[i] <= ' ' || word[i] > '~')
            return false;
    return true;
}

static bool
is_key(const char *word)
{
    return strlen(word) == KEY_DIGITS &&
           strspn(word, "0123456789abcdefABCDEF") == KEY_DIGITS;
}

int
approve_run(struct refnos *refnos, const struct verb *verb, int count,
            char *const *words)
{
    char query[64];

    if (count < 1 || count > 2)
        return refnos_misuse(refnos, verb,
                             "takes a serial, and a key if need "
                             "be");
    if (!is_serial(words[0]))
        return refnos_misuse(refnos, verb,
                             "a serial has 1 to %d printable characters",
                             FACTS_SERIAL_MAX - 1);
    if (count > 1 && !is_key(words[1]))
        return refnos_misuse(
            refnos, verb, "\"%s\" is no key: 16 hexadecimal digits", words[1]);
    (void)snprintf(query, sizeof(query), "%s %s%s%s", verb->name, words[0],
                   count > 1 ? " " : "", count > 1 ? words[1] : "");
    return ask_and_print(refnos, query);
}
