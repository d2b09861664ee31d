/* SPDX-License-Identifier: Apache-2.0 */
#include "models/yaml/ytree.h"

#include "models/yaml/ytree_priv.h"
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <stdlib.h>
#include <string.h>

static struct ypair *
pair_find(const struct ynode *map, const char *key)
{
    if (map == NULL || map->kind != YNODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->pairs[i].key->text, key) == 0)
            return &map->pairs[i];
    }
    return NULL;
}

struct ynode *
ynode_get(const struct ynode *map, const char *key)
{
    struct ypair *pair = pair_find(map, key);

    return pair == NULL ? NULL : pair->value;
}

struct ynode *
ynode_key(const struct ynode *map, const char *key)
{
    struct ypair *pair = pair_find(map, key);

    return pair == NULL ? NULL : pair->key;
}

struct mark
ynode_mark_at(const struct ynode *scalar, size_t offset)
{
    struct mark mark = scalar->mark;
    size_t characters = 0;

    if (scalar->kind != YNODE_SCALAR || scalar->substituted ||
        scalar->end_line != mark.line || mark.line == 0)
        return mark;
    for (size_t i = 0; i < offset && scalar->text[i] != '\0'; i++)
        characters += ((unsigned char)scalar->text[i] & 0xc0) != 0x80;
    mark.column += (uint32_t)characters + (scalar->plain ? 0 : 1);
    return mark;
}

const char *
ynode_kind_text(enum ynode_kind kind)
{
    switch (kind) {
    case YNODE_SCALAR: return "a scalar";
    case YNODE_LIST: return "a list";
    case YNODE_MAP: return "a map";
    }
    CHECK(false);
    return "";
}

struct ynode *
ynode_scalar(struct arena *arena, struct mark mark, const char *text)
{
    struct ynode *node = arena_alloc(arena, sizeof(*node));

    node->kind = YNODE_SCALAR;
    node->mark = mark;
    node->end_line = mark.line;
    node->plain = true;
    node->visits = 1;
    node->text = arena_copy(arena, text, strlen(text));
    return node;
}

struct ynode *
ynode_map(struct arena *arena, struct mark mark)
{
    struct ynode *node = arena_alloc(arena, sizeof(*node));

    node->kind = YNODE_MAP;
    node->mark = mark;
    node->visits = 1;
    return node;
}

void
ynode_set(struct arena *arena, struct ynode *map, struct ynode *key,
          struct ynode *value)
{
    struct ypair *pair = pair_find(map, key->text);
    struct ypair *pairs;

    CHECK(map->kind == YNODE_MAP);
    if (pair != NULL) {
        pair->value = value;
        return;
    }
    pairs = arena_array(arena, map->count + 1, sizeof(*pairs));
    if (map->count > 0)
        memcpy(pairs, map->pairs, map->count * sizeof(*pairs));
    pairs[map->count] = (struct ypair){key, value};
    map->pairs = pairs;
    map->count++;
}

static bool
is_merge(const struct ynode *key)
{
    return key->plain && strcmp(key->text, "<<") == 0;
}

/* By text, then by place, so that of two equal keys the first comes first. */
static int
key_compare(const void *a, const void *b)
{
    const struct ynode *x = *(const struct ynode *const *)a;
    const struct ynode *y = *(const struct ynode *const *)b;
    int order = strcmp(x->text, y->text);

    if (order != 0)
        return order;
    if (x->mark.line != y->mark.line)
        return x->mark.line < y->mark.line ? -1 : 1;
    return (x->mark.column > y->mark.column) -
           (x->mark.column < y->mark.column);
}

/* The keys of 'map' in order of text. */
static struct ynode **
keys_sorted(const struct ynode *map)
{
    struct ynode **keys = malloc((map->count + 1) * sizeof(struct ynode *));

    CHECK(keys != NULL);
    for (size_t i = 0; i < map->count; i++)
        keys[i] = map->pairs[i].key;
    qsort(keys, map->count, sizeof(struct ynode *), key_compare);
    return keys;
}

static void
report_duplicates(struct diag_list *diags, const struct ynode *map)
{
    struct ynode **keys = keys_sorted(map);
    const struct ynode *first = NULL;

    for (size_t i = 0; i < map->count; i++) {
        if (first != NULL && strcmp(first->text, keys[i]->text) == 0) {
            diag_error(diags, keys[i]->mark,
                       "duplicate key \"%.*s\"; first given at line %u",
                       DIAG_WORD_MAX, keys[i]->text, first->mark.line);
            continue;
        }
        first = keys[i];
    }
    free(keys);
}

/* Keys that a merge fills: a sorted set, rebuilt per merged map. */
static bool
keys_have(struct ynode *const *keys, size_t count, const char *text)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(keys[middle]->text, text);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Appends the pairs of 'source' whose keys 'map' lacks. */
static int
merge_map(struct arena *arena, struct diag_list *diags,
          const struct ytree_limits *limits, struct ynode *map,
          const struct ynode *source)
{
    struct ynode **own = keys_sorted(map);
    size_t own_count = map->count;
    struct ypair *pairs;
    int error = 0;

    pairs = arena_array(arena, map->count + source->count, sizeof(*pairs));
    if (map->count > 0)
        memcpy(pairs, map->pairs, map->count * sizeof(*pairs));
    map->pairs = pairs;
    for (size_t i = 0; i < source->count && error == 0; i++) {
        if (keys_have(own, own_count, source->pairs[i].key->text))
            continue;
        map->pairs[map->count++] = source->pairs[i];
        map->visits += source->pairs[i].value->visits;
        if (map->visits > limits->visits) {
            diag_error(diags, map->mark,
                       "the file is too large: more than %zu values, "
                       "counting each use of an alias",
                       limits->visits);
            error = ERR_INVALID;
        }
    }
    free(own);
    return error;
}

static int
merge_value(struct arena *arena, struct diag_list *diags,
            const struct ytree_limits *limits, struct ynode *map,
            const struct ynode *value)
{
    int error = 0;

    if (value->kind == YNODE_MAP)
        return merge_map(arena, diags, limits, map, value);
    if (value->kind == YNODE_SCALAR) {
        diag_error(diags, value->mark,
                   "<< merges a map or a list of maps, not a scalar");
        return 0;
    }
    for (size_t i = 0; i < value->count && error == 0; i++) {
        if (value->items[i]->kind == YNODE_MAP)
            error = merge_map(arena, diags, limits, map, value->items[i]);
        else
            diag_error(diags, value->items[i]->mark, "<< merges maps, not %s",
                       ynode_kind_text(value->items[i]->kind));
    }
    return error;
}

int
ytree_finish_map(struct arena *arena, struct diag_list *diags,
                 const struct ytree_limits *limits, struct ynode *map)
{
    const struct ynode *value;

    report_duplicates(diags, map);
    for (size_t i = 0; i < map->count; i++) {
        if (!is_merge(map->pairs[i].key))
            continue;
        value = map->pairs[i].value;
        memmove(&map->pairs[i], &map->pairs[i + 1],
                (map->count - i - 1) * sizeof(*map->pairs));
        map->count--;
        return merge_value(arena, diags, limits, map, value);
    }
    return 0;
}
