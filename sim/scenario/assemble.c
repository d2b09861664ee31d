/* SPDX-License-Identifier: Apache-2.0
 *
 * A file and what it imports, as one tree.
 *
 * An imported file holds any sections.  Later files win, the importing file
 * last; maps merge key by key, `timeline`, `expect`, `traffic` and `capture`
 * are appended.  Nodes keep the marks of the file they came from.
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 16
#define PATH_BYTES 1024

/* The files met so far; open ones are those being read. */
struct files {
    const char *paths[FILES_MAX];
    bool open[FILES_MAX];
    size_t count;
};

static int load_imports(struct loader *loader, struct files *files,
                        const struct ynode *own, const char *path,
                        struct ynode *into);

static bool
is_appended(const char *key)
{
    static const char *const keys[] = {"timeline", "expect", "traffic",
                                       "capture"};

    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

static struct ynode *
append_lists(struct arena *arena, const struct ynode *first,
             const struct ynode *second)
{
    struct ynode *list = arena_alloc(arena, sizeof(*list));

    *list = *second;
    list->count = first->count + second->count;
    list->items = arena_array(arena, list->count, sizeof(struct ynode *));
    if (first->count > 0)
        memcpy(list->items, first->items,
               first->count * sizeof(struct ynode *));
    if (second->count > 0)
        memcpy(list->items + first->count, second->items,
               second->count * sizeof(struct ynode *));
    return list;
}

/* A map whose pairs can be changed without touching the original's. */
static struct ynode *
copy_map(struct arena *arena, const struct ynode *map)
{
    struct ynode *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *map;
    copy->pairs = arena_array(arena, map->count, sizeof(*copy->pairs));
    if (map->count > 0)
        memcpy(copy->pairs, map->pairs, map->count * sizeof(*copy->pairs));
    return copy;
}

static struct ynode *
merge_values(struct arena *arena, const char *key, struct ynode *old,
             struct ynode *value)
{
    struct ynode *merged;

    if (old->kind == YNODE_LIST && value->kind == YNODE_LIST &&
        is_appended(key))
        return append_lists(arena, old, value);
    if (old->kind != YNODE_MAP || value->kind != YNODE_MAP)
        return value;
    merged = copy_map(arena, old);
    merged->mark = value->mark;
    for (size_t i = 0; i < value->count; i++)
        ynode_set(arena, merged, value->pairs[i].key, value->pairs[i].value);
    return merged;
}

/* Lays the sections of 'file' over those of 'into'. */
static void
merge_file(struct arena *arena, struct ynode *into, const struct ynode *file)
{
    into->mark = file->mark;
    for (size_t i = 0; i < file->count; i++) {
        struct ynode *key = file->pairs[i].key;
        struct ynode *value = file->pairs[i].value;
        struct ynode *old = ynode_get(into, key->text);

        if (strcmp(key->text, "uses") == 0)
            continue;
        if (old != NULL)
            value = merge_values(arena, key->text, old, value);
        ynode_set(arena, into, key, value);
    }
}

/* "a/b/c.yaml" and "../d.yaml" make "a/d.yaml". */
int
join_path(const char *file, const char *relative, char *path, size_t bytes)
{
    const char *slash = relative[0] == '/' ? NULL : strrchr(file, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - file) + 1;

    for (;;) {
        if (strncmp(relative, "./", 2) == 0) {
            relative += 2;
        } else if (strncmp(relative, "../", 3) == 0 && folder > 1 &&
                   !(folder >= 3 &&
                     strncmp(file + folder - 3, "../", 3) == 0)) {
            relative += 3;
            do
                folder--;
            while (folder > 0 && file[folder - 1] != '/');
        } else {
            break;
        }
    }
    if (folder + strlen(relative) >= bytes)
        return ERR_RANGE;
    memcpy(path, file, folder);
    strcpy(path + folder, relative);
    return 0;
}

static int
check_import(struct loader *loader, const struct ynode *import,
             const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        schema_error(&loader->reader, import,
                     "import \"%.*s\" cannot be read: %s", DIAG_WORD_MAX,
                     import->text, strerror(errno));
        return ERR_INVALID;
    }
    if (!S_ISREG(status.st_mode)) {
        schema_error(&loader->reader, import, "import \"%.*s\" is no file",
                     DIAG_WORD_MAX, import->text);
        return ERR_INVALID;
    }
    return 0;
}

/* Names the chain of open files, for "import cycle: a -> b -> a". */
static int
report_cycle(struct loader *loader, const struct files *files, size_t first,
             const struct ynode *import)
{
    char chain[512] = "";

    for (size_t i = first; i < files->count; i++) {
        if (!files->open[i] ||
            strlen(chain) + strlen(files->paths[i]) + 8 > sizeof(chain))
            continue;
        strcat(chain, files->paths[i]);
        strcat(chain, " -> ");
    }
    schema_error(&loader->reader, import, "import cycle: %s%s", chain,
                 files->paths[first]);
    return ERR_INVALID;
}

/* Enters 'path'; 'known' when it has been read already. */
static int
enter_file(struct loader *loader, struct files *files, const char *path,
           const struct ynode *import, bool *known)
{
    *known = false;
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->paths[i], path) != 0)
            continue;
        if (files->open[i])
            return report_cycle(loader, files, i, import);
        *known = true;
        return 0;
    }
    if (files->count == FILES_MAX) {
        schema_error(&loader->reader, import, "more than %d files", FILES_MAX);
        return ERR_INVALID;
    }
    files->paths[files->count] =
        arena_copy(loader->reader.arena, path, strlen(path));
    files->open[files->count++] = true;
    return 0;
}

static int
load_import(struct loader *loader, struct files *files,
            const struct ynode *import, const char *path, struct ynode *into)
{
    char target[PATH_BYTES];
    struct ynode *root;
    size_t index;
    bool known;

    if (schema_want(&loader->reader, import, YNODE_SCALAR, "an import") != 0)
        return ERR_INVALID;
    if (import->text[0] == '/' || import->text[0] == '\0' ||
        join_path(path, import->text, target, sizeof(target)) != 0) {
        schema_error(&loader->reader, import,
                     "an import is a path relative to this file");
        return ERR_INVALID;
    }
    if (check_import(loader, import, target) != 0 ||
        enter_file(loader, files, target, import, &known) != 0)
        return ERR_INVALID;
    if (known)
        return 0;
    index = files->count - 1;
    if (ytree_load(loader->reader.arena, loader->reader.diags, target, NULL,
                   &root) != 0 ||
        schema_want(&loader->reader, root, YNODE_MAP, "a scenario") != 0 ||
        load_imports(loader, files, root, target, into) != 0)
        return ERR_INVALID;
    merge_file(loader->reader.arena, into, root);
    files->open[index] = false;
    return 0;
}

static int
load_imports(struct loader *loader, struct files *files,
             const struct ynode *own, const char *path, struct ynode *into)
{
    const struct ynode *uses = ynode_get(own, "uses");
    int error = 0;

    if (uses == NULL)
        return 0;
    if (schema_want(&loader->reader, uses, YNODE_LIST, "uses") != 0)
        return ERR_INVALID;
    for (size_t i = 0; i < uses->count; i++) {
        if (load_import(loader, files, uses->items[i], path, into) != 0)
            error = ERR_INVALID;
    }
    return error;
}

int
assemble(struct loader *loader, const char *path, const char *text,
         size_t bytes, struct ynode **root)
{
    struct arena *arena = loader->reader.arena;
    struct diag_list *diags = loader->reader.diags;
    struct files files = {.paths = {path}, .open = {true}, .count = 1};
    struct ynode *own, *whole;
    int error = text == NULL
                    ? ytree_load(arena, diags, path, NULL, &own)
                    : ytree_parse(arena, diags, path, text, bytes, NULL, &own);

    if (error != 0)
        return error;
    if (schema_want(&loader->reader, own, YNODE_MAP, "a scenario") != 0)
        return ERR_INVALID;
    whole = ynode_map(arena, own->mark);
    error = load_imports(loader, &files, own, path, whole);
    if (error != 0)
        return error;
    merge_file(arena, whole, own);
    for (size_t i = 0; loader->options && i < loader->options->set_count;
         i++) {
        if (apply_set(loader, &whole, loader->options->sets[i]) != 0)
            error = ERR_INVALID;
    }
    if (error == 0)
        error = apply_params(loader, whole);
    if (error == 0)
        *root = whole;
    return error;
}
