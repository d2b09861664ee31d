/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "reference-nos/base/check.h"
#include "sim/world/netns/rack_priv.h"

#define LINE_MAX_BYTES 512u

void
script_add(struct script *script, const char *format, ...)
{
    va_list args;
    int size;

    if (script->room - script->size < LINE_MAX_BYTES) {
        script->room = 2 * script->room + 4 * LINE_MAX_BYTES;
        script->text = realloc(script->text, script->room);
        CHECK(script->text != NULL);
    }
    va_start(args, format);
    size =
        vsnprintf(script->text + script->size, LINE_MAX_BYTES, format, args);
    va_end(args);
    CHECK(size >= 0 && (size_t)size < LINE_MAX_BYTES);
    script->size += (size_t)size;
}

void
script_fini(struct script *script)
{
    free(script->text);
    *script = (struct script){0};
}
