/* SPDX-License-Identifier: Apache-2.0 */
#include "models/yaml/diag.h"

#include "models/yaml/arena.h"
#include "reference-nos/base/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct diag {
    struct mark at;
    const char *text;
};

struct diag_list {
    struct arena *arena;
    size_t count;
    struct diag kept[DIAG_KEPT_MAX];
};

struct diag_list *
diag_create(void)
{
    struct diag_list *list = calloc(1, sizeof(*list));

    CHECK(list != NULL);
    list->arena = arena_create();
    return list;
}

void
diag_destroy(struct diag_list *list)
{
    if (list == NULL)
        return;
    arena_destroy(list->arena);
    free(list);
}

static void
hide_control_bytes(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

void
diag_error(struct diag_list *list, struct mark at, const char *format, ...)
{
    char text[DIAG_TEXT_BYTES];
    struct diag *diag;
    va_list args;

    list->count++;
    if (list->count > DIAG_KEPT_MAX)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    hide_control_bytes(text);
    diag = &list->kept[list->count - 1];
    diag->at = at;
    /* The list may outlive what owns the file's name. */
    if (at.file != NULL)
        diag->at.file = arena_copy(list->arena, at.file, strlen(at.file));
    diag->text = arena_copy(list->arena, text, strlen(text));
}

bool
diag_is_full(const struct diag_list *list)
{
    return list->count >= DIAG_KEPT_MAX;
}

size_t
diag_count(const struct diag_list *list)
{
    return list->count;
}

size_t
diag_kept(const struct diag_list *list)
{
    return list->count < DIAG_KEPT_MAX ? list->count : DIAG_KEPT_MAX;
}

struct mark
diag_mark(const struct diag_list *list, size_t index)
{
    CHECK(index < diag_kept(list));
    return list->kept[index].at;
}

const char *
diag_text(const struct diag_list *list, size_t index)
{
    CHECK(index < diag_kept(list));
    return list->kept[index].text;
}

void
diag_format(const struct diag_list *list, size_t index, char *buffer,
            size_t bytes)
{
    struct mark at = diag_mark(list, index);
    const char *text = diag_text(list, index);

    if (at.file == NULL)
        snprintf(buffer, bytes, "error: %s", text);
    else if (at.line == 0)
        snprintf(buffer, bytes, "%s: error: %s", at.file, text);
    else
        snprintf(buffer, bytes, "%s:%u:%u: error: %s", at.file, at.line,
                 at.column, text);
}

void
diag_print(const struct diag_list *list, FILE *out)
{
    char line[DIAG_TEXT_BYTES + 512];

    for (size_t i = 0; i < diag_kept(list); i++) {
        diag_format(list, i, line, sizeof(line));
        fprintf(out, "%s\n", line);
    }
    if (list->count > DIAG_KEPT_MAX)
        fprintf(out, "error: %zu more errors not shown\n",
                list->count - DIAG_KEPT_MAX);
}
