/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as what a daemon tells: what parses is inside its bounds, can be
 * told again, and is the same then.
 */
#define _GNU_SOURCE
#include "reference-nos/linux/watch/watch.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
in_bounds(const struct watch_line *line)
{
    CHECK(line->kind < WATCH_KIND_COUNT);
    if (line->kind == WATCH_TRACE)
        CHECK(line->u.trace.kind < TRACE_KIND_COUNT);
    if (line->kind == WATCH_READY)
        CHECK(line->u.ready.role < ROLE_COUNT);
    if (line->kind == WATCH_LANE)
        CHECK((unsigned)line->u.lane.lane < LANE_COUNT);
}

static void
one_line(const char *bytes, size_t size)
{
    char *text = strndup(bytes, size);
    char told[WATCH_LINE_MAX + 1], again[WATCH_LINE_MAX + 1];
    struct watch_line line;
    size_t told_size;

    CHECK(text != NULL);
    if (watch_parse(text, &line) == 0) {
        in_bounds(&line);
        told_size = watch_format(&line, told, WATCH_LINE_MAX);
        CHECK(told_size > 0 && told_size <= WATCH_LINE_MAX);
        told[told_size - 1] = '\0';
        free(text);
        text = strdup(told);
        CHECK(text != NULL && watch_parse(text, &line) == 0);
        CHECK(watch_format(&line, again, WATCH_LINE_MAX) == told_size);
        again[told_size - 1] = '\0';
        CHECK(strcmp(told, again) == 0);
    }
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));

        if (line_end == NULL)
            line_end = end;
        one_line(at, (size_t)(line_end - at));
        at = line_end + 1;
    }
    return 0;
}
