/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as news of links: names end, indices are possible.
 */
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/ports/ports_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
told(void *arg, const struct link_news *news)
{
    unsigned *left = arg;

    CHECK(news->kind < LINK_NEWS_KIND_COUNT);
    if (news->kind == LINK_NEWS_PRESENT)
        CHECK(news->ifindex > 0 &&
              memchr(news->name, '\0', sizeof(news->name)) != NULL);
    return --*left > 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned left = 100;

    link_news_parse(data, size, 1, told, &left);
    return 0;
}
