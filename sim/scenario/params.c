/* SPDX-License-Identifier: Apache-2.0
 *
 * --set and $parameters.
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64
#define PARAMS_MAX 256
/* What parameters may add to a file in all. */
#define EXPANSION_MAX ((size_t)16 << 20)

static const char *
pair_key(const void *arg, size_t index)
{
    const struct ynode *map = arg;

    return map != NULL && map->kind == YNODE_MAP && index < map->count
               ? map->pairs[index].key->text
               : NULL;
}

static struct words
keys_of(const struct ynode *map)
{
    return (struct words){pair_key, map};
}

/* Copies a container, so that aliases elsewhere keep their value. */
static struct ynode *
copy_container(struct arena *arena, const struct ynode *node)
{
    struct ynode *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *node;
    if (node->kind == YNODE_MAP) {
        copy->pairs = arena_array(arena, node->count, sizeof(*copy->pairs));
        if (node->count > 0)
            memcpy(copy->pairs, node->pairs,
                   node->count * sizeof(*copy->pairs));
    } else if (node->kind == YNODE_LIST) {
        copy->items = arena_array(arena, node->count, sizeof(struct ynode *));
        if (node->count > 0)
            memcpy(copy->items, node->items,
                   node->count * sizeof(struct ynode *));
    }
    return copy;
}

/* The item of 'list' called 'name' (its member "name") or numbered so. */
static struct ynode **
list_item(struct ynode *list, const char *name)
{
    char *end;
    unsigned long index = strtoul(name, &end, 10);

    if (name[0] >= '0' && name[0] <= '9' && *end == '\0')
        return index < list->count ? &list->items[index] : NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct ynode *own = ynode_get(list->items[i], "name");

        if (own != NULL && own->kind == YNODE_SCALAR &&
            strcmp(own->text, name) == 0)
            return &list->items[i];
    }
    return NULL;
}

/* A --set on its way down the tree. */
struct set {
    struct loader *loader;
    struct mark mark;
    const char *value;
};

static int
set_error(const struct set *set, const char *before, const char *word,
          const char *after)
{
    diag_error(set->loader->reader.diags, set->mark, "%s%.*s%s", before,
               DIAG_WORD_MAX, word, after);
    return ERR_INVALID;
}

static int set_below(const struct set *set, struct ynode **node,
                     const char *path, bool params);

static int
set_in_map(const struct set *set, struct ynode *map, const char *word,
           const char *rest, bool params)
{
    struct arena *arena = set->loader->reader.arena;
    struct ynode *value = ynode_get(map, word);
    char advice[ADVICE_BYTES];
    int error;

    if (value == NULL && params) {
        words_advice(keys_of(map), word, advice, sizeof(advice));
        diag_error(set->loader->reader.diags, set->mark,
                   "no parameter \"%.*s\"; %s", DIAG_WORD_MAX, word,
                   advice[0] != '\0' ? advice : "the scenario has none");
        return ERR_INVALID;
    }
    error =
        set_below(set, &value, rest, !params && strcmp(word, "params") == 0);
    if (error != 0)
        return error;
    ynode_set(arena, map, ynode_scalar(arena, set->mark, word), value);
    return 0;
}

/* Sets what 'path' names below '*node', which may be NULL: not there yet. */
static int
set_below(const struct set *set, struct ynode **node, const char *path,
          bool params)
{
    struct arena *arena = set->loader->reader.arena;
    const char *dot = path == NULL ? NULL : strchr(path, '.');
    const char *rest = dot == NULL ? NULL : dot + 1;
    const char *word;
    struct ynode **item;

    if (path == NULL) {
        if (*node != NULL && (*node)->kind != YNODE_SCALAR)
            return set_error(set, "it sets a single value, not ",
                             ynode_kind_text((*node)->kind), "");
        *node = ynode_scalar(arena, set->mark, set->value);
        return 0;
    }
    word = dot == NULL ? path : arena_copy(arena, path, (size_t)(dot - path));
    *node = *node == NULL ? ynode_map(arena, set->mark)
                          : copy_container(arena, *node);
    if ((*node)->kind == YNODE_MAP)
        return set_in_map(set, *node, word, rest, params);
    item = (*node)->kind == YNODE_LIST ? list_item(*node, word) : NULL;
    if (item == NULL)
        return set_error(set, "there is no \"", word, "\" on the way");
    return set_below(set, item, rest, false);
}

int
apply_set(struct loader *loader, struct ynode **root, const char *text)
{
    struct arena *arena = loader->reader.arena;
    const char *equals = strchr(text, '=');
    struct set set = {.loader = loader};
    size_t dots = 0;

    set.mark.file = arena_printf(arena, "--set %.*s", 200, text);
    if (equals == NULL || equals == text)
        return set_error(&set, "expected path=value", "", "");
    set.value = equals + 1;
    for (const char *byte = text; byte < equals; byte++)
        dots += *byte == '.';
    if (dots > 16)
        return set_error(&set, "this path is too deep", "", "");
    return set_below(&set, root,
                     arena_copy(arena, text, (size_t)(equals - text)), false);
}

/* The file's parameters, while they are put in place. */
struct substitution {
    struct loader *loader;
    struct ynode *params; /* Map or NULL. */
    size_t known;         /* Parameters that may be used by now. */
    size_t expanded;      /* Bytes written so far. */
    bool full;
};

static size_t
name_length(const char *text)
{
    size_t length = 0;

    if (!((text[0] >= 'a' && text[0] <= 'z') ||
          (text[0] >= 'A' && text[0] <= 'Z')))
        return 0;
    while ((text[length] >= 'a' && text[length] <= 'z') ||
           (text[length] >= 'A' && text[length] <= 'Z') ||
           (text[length] >= '0' && text[length] <= '9') ||
           text[length] == '-' || text[length] == '_')
        length++;
    return length;
}

/* What stands at '*text', just after a "$": a parameter's value, or NULL. */
static int
look_up(struct substitution *substitution, const struct ynode *scalar,
        const char **text, const char **value)
{
    bool braces = **text == '{';
    const char *start = *text + braces;
    size_t length = name_length(start);
    char name[NAME_BYTES];
    char advice[ADVICE_BYTES];

    *value = NULL;
    if (length == 0 || (braces && start[length] != '}'))
        return 0;
    length = length < sizeof(name) - 1 ? length : sizeof(name) - 1;
    memcpy(name, start, length);
    name[length] = '\0';
    for (size_t i = 0; i < substitution->known; i++) {
        const struct ypair *pair = &substitution->params->pairs[i];

        if (strcmp(pair->key->text, name) == 0)
            *value = pair->value->text;
    }
    if (*value == NULL) {
        words_advice(keys_of(substitution->params), name, advice,
                     sizeof(advice));
        diag_error(substitution->loader->reader.diags,
                   ynode_mark_at(scalar, (size_t)(*text - 1 - scalar->text)),
                   "no parameter \"%s\"%s%s", name,
                   advice[0] == '\0' ? "" : "; ", advice);
        return ERR_INVALID;
    }
    *text = start + length + braces;
    return 0;
}

static int
account(struct substitution *substitution, const struct ynode *scalar,
        size_t bytes)
{
    substitution->expanded += bytes;
    if (substitution->expanded <= EXPANSION_MAX)
        return 0;
    if (!substitution->full)
        schema_error(&substitution->loader->reader, scalar,
                     "parameters make the file too large");
    substitution->full = true;
    return ERR_INVALID;
}

/* One pass over 'scalar': counts the bytes, or writes them to 'out'. */
static int
expand(struct substitution *substitution, const struct ynode *scalar,
       char *out, size_t *bytes)
{
    const char *text = scalar->text;
    size_t used = 0, length;
    const char *piece;

    while (*text != '\0') {
        length = 1;
        piece = text++;
        if (*piece == '$' && *text == '$') {
            text++;
        } else if (*piece == '$') {
            const char *value;

            if (look_up(substitution, scalar, &text, &value) != 0)
                return ERR_INVALID;
            if (value != NULL) {
                piece = value;
                length = strlen(value);
            }
        }
        if (out != NULL)
            memcpy(out + used, piece, length);
        used += length;
        if (used > EXPANSION_MAX)
            return account(substitution, scalar, used);
    }
    *bytes = used;
    return 0;
}

static int
substitute_scalar(struct substitution *substitution, struct ynode *scalar)
{
    size_t bytes;
    char *text;

    if (scalar->substituted || strchr(scalar->text, '$') == NULL)
        return 0;
    if (expand(substitution, scalar, NULL, &bytes) != 0 ||
        account(substitution, scalar, bytes) != 0)
        return ERR_INVALID;
    text = arena_alloc(substitution->loader->reader.arena, bytes + 1);
    if (expand(substitution, scalar, text, &bytes) != 0)
        return ERR_INVALID;
    scalar->text = text;
    scalar->substituted = true;
    return 0;
}

static int
substitute(struct substitution *substitution, struct ynode *node)
{
    int error = 0;

    if (substitution->full)
        return ERR_INVALID;
    if (node->kind == YNODE_SCALAR)
        return substitute_scalar(substitution, node);
    for (size_t i = 0; i < node->count; i++) {
        if (substitute(substitution, node->kind == YNODE_LIST
                                         ? node->items[i]
                                         : node->pairs[i].value) != 0)
            error = ERR_INVALID;
    }
    return error;
}

static int
check_param_name(struct loader *loader, const struct ynode *key)
{
    size_t length = name_length(key->text);

    if (length > 0 && length < NAME_BYTES && key->text[length] == '\0')
        return 0;
    schema_error(&loader->reader, key,
                 "\"%.*s\" cannot name a parameter; use letters, digits, "
                 "\"-\" and \"_\"",
                 DIAG_WORD_MAX, key->text);
    return ERR_INVALID;
}

/* A parameter may use those before it. */
static int
collect(struct substitution *substitution, struct schema_list *list)
{
    struct loader *loader = substitution->loader;
    struct ynode *params = substitution->params;
    struct scenario_param *items =
        arena_array(loader->reader.arena, params->count, sizeof(*items));
    int error = 0;

    if (params->count > PARAMS_MAX) {
        schema_error(&loader->reader, params, "more than %d parameters",
                     PARAMS_MAX);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < params->count; i++) {
        struct ynode *value = params->pairs[i].value;

        if (schema_want(&loader->reader, value, YNODE_SCALAR, "a parameter") !=
                0 ||
            check_param_name(loader, params->pairs[i].key) != 0)
            return ERR_INVALID;
        if (substitute_scalar(substitution, value) != 0)
            error = ERR_INVALID;
        substitution->known++;
        items[i].name = params->pairs[i].key->text;
        items[i].value = value->text;
        items[i].mark = value->mark;
    }
    list->items = items;
    list->count = params->count;
    return error;
}

int
apply_params(struct loader *loader, struct ynode *root)
{
    struct substitution substitution = {
        .loader = loader,
        .params = ynode_get(root, "params"),
    };
    int error = 0;

    if (substitution.params != NULL) {
        if (schema_want(&loader->reader, substitution.params, YNODE_MAP,
                        "params") != 0 ||
            collect(&substitution, &loader->scenario->params) != 0)
            return ERR_INVALID;
    }
    for (size_t i = 0; i < root->count; i++) {
        if (root->pairs[i].value != substitution.params &&
            substitute(&substitution, root->pairs[i].value) != 0)
            error = ERR_INVALID;
    }
    return error;
}
