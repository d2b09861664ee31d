/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON for programs as it is, for people as lines and tables: plain members
 * first, then a table for each list of objects.
 */
#define _POSIX_C_SOURCE 200809L
#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS_MAX 24u
#define CELL_MAX 320u
#define NS_IN_S 1000000000u

struct columns {
    unsigned count;
    const char *names[COLUMNS_MAX];
    int widths[COLUMNS_MAX];
};

static bool
is_plain(const struct json_tree *tree)
{
    return tree->kind != TREE_ARRAY && tree->kind != TREE_OBJECT;
}

/* Times and spans of time are numbers of nanoseconds. */
static bool
time_text(const struct json_tree *tree, char text[CELL_MAX])
{
    size_t size = tree->name == NULL ? 0 : strlen(tree->name);
    uint64_t ns = strtoull(tree->text, NULL, 10);
    time_t seconds = (time_t)(ns / NS_IN_S);
    struct tm broken;

    if (size < 3 || strcmp(tree->name + size - 3, "_ns") != 0)
        return false;
    if (strcmp(tree->name, "wall_ns") != 0)
        (void)snprintf(text, CELL_MAX, "%" PRIu64 ".%03" PRIu64 " s",
                       ns / NS_IN_S, ns % NS_IN_S / 1000000);
    else if (gmtime_r(&seconds, &broken) == NULL ||
             strftime(text, CELL_MAX, "%Y-%m-%dT%H:%M:%SZ", &broken) == 0)
        return false;
    return true;
}

static void
cell_text(const struct json_tree *tree, char text[CELL_MAX])
{
    const char *plain = "...";

    if (tree->kind == TREE_NUMBER && time_text(tree, text))
        return;
    switch (tree->kind) {
    case TREE_NULL: plain = "-"; break;
    case TREE_FALSE: plain = "no"; break;
    case TREE_TRUE: plain = "yes"; break;
    case TREE_NUMBER:
    case TREE_STRING: plain = tree->text; break;
    case TREE_ARRAY:
    case TREE_OBJECT: break;
    }
    (void)snprintf(text, CELL_MAX, "%s", plain);
}

/* A name for people: no unit of nanoseconds, no underscores. */
static void
title_text(const char *name, char text[CELL_MAX])
{
    size_t size;

    (void)snprintf(text, CELL_MAX, "%s",
                   strcmp(name, "wall_ns") == 0 ? "time" : name);
    size = strlen(text);
    if (size > 3 && strcmp(text + size - 3, "_ns") == 0)
        text[size - 3] = '\0';
    for (char *c = text; *c != '\0'; c++)
        if (*c == '_')
            *c = ' ';
}

/* --- Tables ------------------------------------------------------------- */

static int
column_find(struct columns *columns, const char *name)
{
    char title[CELL_MAX];

    for (unsigned i = 0; i < columns->count; i++)
        if (strcmp(columns->names[i], name) == 0)
            return (int)i;
    if (columns->count == COLUMNS_MAX)
        return -1;
    title_text(name, title);
    columns->names[columns->count] = name;
    columns->widths[columns->count] = (int)strlen(title);
    return (int)columns->count++;
}

static void
columns_measure(const struct json_tree *rows, struct columns *columns)
{
    char text[CELL_MAX];

    for (const struct json_tree *row = rows; row != NULL; row = row->next)
        for (const struct json_tree *cell = row->first; cell != NULL;
             cell = cell->next) {
            int i = cell->name == NULL ? -1 : column_find(columns, cell->name);

            if (i < 0)
                continue;
            cell_text(cell, text);
            if ((int)strlen(text) > columns->widths[i])
                columns->widths[i] = (int)strlen(text);
        }
}

/* The last column is not padded. */
static void
cell_print(FILE *out, const struct columns *columns, unsigned i,
           const char *text)
{
    if (i + 1 == columns->count)
        fprintf(out, "%s\n", text);
    else
        fprintf(out, "%-*s  ", columns->widths[i], text);
}

static void
row_print(FILE *out, const struct columns *columns,
          const struct json_tree *row)
{
    for (unsigned i = 0; i < columns->count; i++) {
        const struct json_tree *cell = row->first;
        char text[CELL_MAX] = "-";

        while (cell != NULL && (cell->name == NULL ||
                                strcmp(cell->name, columns->names[i]) != 0))
            cell = cell->next;
        if (cell != NULL)
            cell_text(cell, text);
        cell_print(out, columns, i, text);
    }
}

static void
table_print(FILE *out, const struct json_tree *list)
{
    struct columns columns = {.count = 0};
    char text[CELL_MAX];

    if (list->first == NULL) {
        fputs("none\n", out);
        return;
    }
    columns_measure(list->first, &columns);
    if (columns.count == 0) {
        for (const struct json_tree *row = list->first; row != NULL;
             row = row->next) {
            cell_text(row, text);
            fprintf(out, "%s\n", text);
        }
        return;
    }
    for (unsigned i = 0; i < columns.count; i++) {
        title_text(columns.names[i], text);
        cell_print(out, &columns, i, text);
    }
    for (const struct json_tree *row = list->first; row != NULL;
         row = row->next)
        row_print(out, &columns, row);
}

/* --- Objects ------------------------------------------------------------ */

static void
members_print(FILE *out, const char *prefix, const struct json_tree *object)
{
    char text[CELL_MAX], title[CELL_MAX], name[CELL_MAX];

    for (const struct json_tree *member = object->first; member != NULL;
         member = member->next) {
        if (!is_plain(member))
            continue;
        cell_text(member, text);
        title_text(member->name, title);
        (void)snprintf(name, sizeof(name), "%.100s%.200s:", prefix, title);
        fprintf(out, "%-20s %s\n", name, text);
    }
}

static void
parts_print(FILE *out, const struct json_tree *object)
{
    char title[CELL_MAX], prefix[CELL_MAX];
    bool first = true;

    for (const struct json_tree *member = object->first; member != NULL;
         member = member->next) {
        if (is_plain(member))
            first = false;
        title_text(member->name, title);
        (void)snprintf(prefix, sizeof(prefix), "%.100s ", title);
        if (member->kind == TREE_OBJECT)
            members_print(out, prefix, member);
        if (member->kind != TREE_ARRAY)
            continue;
        if (!first)
            fputc('\n', out);
        first = false;
        if (member->first == NULL)
            fprintf(out, "no %s\n", title);
        else
            table_print(out, member);
    }
}

static void
tree_print(FILE *out, const struct json_tree *tree)
{
    char text[CELL_MAX];

    if (tree->kind == TREE_OBJECT) {
        members_print(out, "", tree);
        parts_print(out, tree);
    } else if (tree->kind == TREE_ARRAY) {
        table_print(out, tree);
    } else {
        cell_text(tree, text);
        fprintf(out, "%s\n", text);
    }
}

int
print_json(struct refnos *refnos, const char *json, size_t size)
{
    struct json_tree *tree;
    int error = 0;

    if (refnos->json) {
        fprintf(refnos->out, "%.*s\n", (int)size, json);
    } else {
        error = json_tree_parse(json, size, &tree);
        if (error != 0)
            return error;
        tree_print(refnos->out, tree);
        json_tree_free(tree);
    }
    return fflush(refnos->out) != 0 || ferror(refnos->out) ? ERR_IO : 0;
}

int
print_done(struct refnos *refnos, struct json *json)
{
    int error =
        json->failed ? ERR_NOMEM : print_json(refnos, json->bytes, json->size);

    free(json->bytes);
    json->bytes = NULL;
    if (error == 0)
        return 0;
    refnos_say(refnos, "%s", err_text(error));
    return error == ERR_IO ? REFNOS_IO : REFNOS_INTERNAL;
}
