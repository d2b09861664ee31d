/* SPDX-License-Identifier: Apache-2.0
 *
 * Any words as the command line of refnosd, one per line.
 */
#include "reference-nos/linux/options.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    char *words[WORDS_MAX + 1] = {NULL};
    char message[256] = "";
    struct options options;
    int count = 1;

    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    words[0] = text;
    for (size_t i = 0; i < size && count < WORDS_MAX; i++)
        if (text[i] == '\n') {
            text[i] = '\0';
            words[count++] = text + i + 1;
        }
    if (options_parse(count, words, &options, message, sizeof(message)) != 0) {
        CHECK(message[0] != '\0');
    } else if (!options.help && !options.version) {
        CHECK(options.identity != NULL && options.role <= ROLE_COUNT);
        CHECK(options.voter_count <= FACTS_VOTERS_MAX);
        CHECK(memchr(options.state, '\0', sizeof(options.state)) != NULL);
        CHECK(memchr(options.socket, '\0', sizeof(options.socket)) != NULL);
    }
    free(text);
    return 0;
}
