/* SPDX-License-Identifier: Apache-2.0 */
#include "models/yaml/ytree.h"

#include "models/yaml/ytree_priv.h"
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ANCHORS_MAX 256

const struct ytree_limits ytree_limits_default = {
    .file_bytes = (size_t)1 << 20,
    .nesting = 64,
    .visits = 2000000,
};

struct anchor {
    const char *name;
    struct ynode *node;
    bool open; /* Its value is still being read. */
};

/* One file on its way from events to nodes. */
struct composer {
    struct arena *arena;
    struct diag_list *diags;
    const char *file; /* In the arena. */
    const char *text;
    size_t bytes;
    const struct ytree_limits *limits;
    yaml_parser_t parser;
    struct anchor anchors[ANCHORS_MAX];
    size_t anchor_count;
    size_t open_anchors;
};

static struct mark
mark_of(const struct composer *composer, yaml_mark_t mark)
{
    return (struct mark){composer->file, (uint32_t)mark.line + 1,
                         (uint32_t)mark.column + 1};
}

/* libyaml counts no lines for bytes it cannot decode. */
static struct mark
mark_of_offset(const struct composer *composer, size_t offset)
{
    struct mark mark = {composer->file, 1, 1};

    for (size_t i = 0; i < offset && i < composer->bytes; i++) {
        if (composer->text[i] == '\n') {
            mark.line++;
            mark.column = 1;
        } else if (((unsigned char)composer->text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static int
report_syntax(struct composer *composer)
{
    const yaml_parser_t *parser = &composer->parser;
    const char *problem = parser->problem;
    struct mark mark = mark_of(composer, parser->problem_mark);

    if (parser->error == YAML_READER_ERROR)
        mark = mark_of_offset(composer, parser->problem_offset);
    if (problem == NULL)
        problem = "cannot be read";
    if (parser->context != NULL)
        diag_error(composer->diags, mark, "%s %s that starts at line %zu",
                   problem, parser->context, parser->context_mark.line + 1);
    else
        diag_error(composer->diags, mark, "%s", problem);
    return ERR_INVALID;
}

static int
event_next(struct composer *composer, yaml_event_t *event)
{
    if (!yaml_parser_parse(&composer->parser, event))
        return report_syntax(composer);
    return 0;
}

static int
refuse(struct composer *composer, yaml_mark_t mark, const char *text)
{
    diag_error(composer->diags, mark_of(composer, mark), "%s", text);
    return ERR_INVALID;
}

static struct anchor *
anchor_find(struct composer *composer, const char *name)
{
    for (size_t i = composer->anchor_count; i-- > 0;) {
        if (strcmp(composer->anchors[i].name, name) == 0)
            return &composer->anchors[i];
    }
    return NULL;
}

/* Enters the anchor of 'event', if any, into the table. */
static int
anchor_open(struct composer *composer, const yaml_event_t *event,
            const char *name, struct ynode *node, struct anchor **anchor)
{
    *anchor = NULL;
    if (name == NULL)
        return 0;
    if (anchor_find(composer, name) != NULL)
        return refuse(composer, event->start_mark,
                      "this anchor exists already");
    if (composer->anchor_count == ANCHORS_MAX)
        return refuse(composer, event->start_mark, "more than 256 anchors");
    *anchor = &composer->anchors[composer->anchor_count++];
    (*anchor)->name = arena_copy(composer->arena, name, strlen(name));
    (*anchor)->node = node;
    (*anchor)->open = true;
    composer->open_anchors++;
    return 0;
}

static void
anchor_close(struct composer *composer, struct anchor *anchor)
{
    if (anchor == NULL)
        return;
    anchor->open = false;
    composer->open_anchors--;
}

static struct ynode *
node_new(struct composer *composer, const yaml_event_t *event,
         enum ynode_kind kind)
{
    struct ynode *node = arena_alloc(composer->arena, sizeof(*node));

    node->kind = kind;
    node->mark = mark_of(composer, event->start_mark);
    node->end_line = (uint32_t)event->end_mark.line + 1;
    node->visits = 1;
    return node;
}

static int
compose_alias(struct composer *composer, const yaml_event_t *event,
              struct ynode **out)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct anchor *anchor = anchor_find(composer, name);
    struct ynode *node;

    if (anchor == NULL) {
        diag_error(composer->diags, mark_of(composer, event->start_mark),
                   "no anchor \"%.*s\" before this alias", DIAG_WORD_MAX,
                   name);
        return ERR_INVALID;
    }
    if (anchor->open)
        return refuse(composer, event->start_mark,
                      "this alias stands inside the value it refers to");
    node = arena_alloc(composer->arena, sizeof(*node));
    *node = *anchor->node;
    node->mark = mark_of(composer, event->start_mark);
    node->plain = node->kind == YNODE_SCALAR ? node->plain : false;
    *out = node;
    return 0;
}

static int
compose_scalar(struct composer *composer, const yaml_event_t *event,
               struct ynode **out)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t bytes = event->data.scalar.length;
    struct ynode *node = node_new(composer, event, YNODE_SCALAR);
    struct anchor *anchor;
    int error;

    if (event->data.scalar.tag != NULL)
        return refuse(composer, event->start_mark, "tags are not supported");
    if (memchr(text, '\0', bytes) != NULL)
        return refuse(composer, event->start_mark,
                      "a value must not contain a zero byte");
    node->text = arena_copy(composer->arena, text, bytes);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->anchored = composer->open_anchors > 0;
    error =
        anchor_open(composer, event, (const char *)event->data.scalar.anchor,
                    node, &anchor);
    if (error != 0)
        return error;
    anchor_close(composer, anchor);
    *out = node;
    return 0;
}

static int compose(struct composer *composer, const yaml_event_t *event,
                   size_t depth, struct ynode **out);

/* Counts a child; the limit holds for what a walk would visit. */
static int
visits_add(struct composer *composer, struct ynode *parent,
           const struct ynode *child)
{
    parent->visits += child->visits;
    if (parent->visits <= composer->limits->visits)
        return 0;
    diag_error(composer->diags, child->mark,
               "the file is too large: more than %zu values, counting each "
               "use of an alias",
               composer->limits->visits);
    return ERR_INVALID;
}

/* The next node, or '*out' NULL at an event of kind 'end'. */
static int
compose_next(struct composer *composer, size_t depth, yaml_event_type_t end,
             struct ynode **out)
{
    yaml_event_t event;
    int error = event_next(composer, &event);

    *out = NULL;
    if (error != 0)
        return error;
    if (event.type != end)
        error = compose(composer, &event, depth, out);
    yaml_event_delete(&event);
    return error;
}

/* The next node, which must be there. */
static int
compose_value(struct composer *composer, size_t depth, struct ynode **out)
{
    int error = compose_next(composer, depth, YAML_NO_EVENT, out);

    if (error == 0 && *out == NULL)
        return refuse(composer, composer->parser.mark, "a value is missing");
    return error;
}

static int
compose_items(struct composer *composer, size_t depth, struct ynode *list)
{
    size_t capacity = 0;
    struct ynode *item;
    int error;

    for (;;) {
        error = compose_next(composer, depth, YAML_SEQUENCE_END_EVENT, &item);
        if (error != 0 || item == NULL)
            return error;
        error = visits_add(composer, list, item);
        if (error != 0)
            return error;
        list->items = arena_grow(composer->arena, list->items, list->count,
                                 &capacity, sizeof(struct ynode *));
        list->items[list->count++] = item;
    }
}

static int
compose_pairs(struct composer *composer, size_t depth, struct ynode *map)
{
    size_t capacity = 0;
    struct ynode *key, *value;
    int error;

    for (;;) {
        error = compose_next(composer, depth, YAML_MAPPING_END_EVENT, &key);
        if (error != 0 || key == NULL)
            break;
        if (key->kind != YNODE_SCALAR) {
            diag_error(composer->diags, key->mark,
                       "a key must be a scalar, not %s",
                       ynode_kind_text(key->kind));
            return ERR_INVALID;
        }
        error = compose_value(composer, depth, &value);
        if (error == 0)
            error = visits_add(composer, map, value);
        if (error != 0)
            return error;
        map->pairs = arena_grow(composer->arena, map->pairs, map->count,
                                &capacity, sizeof(struct ypair));
        map->pairs[map->count++] = (struct ypair){key, value};
    }
    if (error != 0)
        return error;
    return ytree_finish_map(composer->arena, composer->diags, composer->limits,
                            map);
}

static int
compose_collection(struct composer *composer, const yaml_event_t *event,
                   size_t depth, struct ynode **out)
{
    bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *name = is_list ? event->data.sequence_start.anchor
                                      : event->data.mapping_start.anchor;
    const yaml_char_t *tag = is_list ? event->data.sequence_start.tag
                                     : event->data.mapping_start.tag;
    struct ynode *node =
        node_new(composer, event, is_list ? YNODE_LIST : YNODE_MAP);
    struct anchor *anchor;
    int error;

    if (tag != NULL)
        return refuse(composer, event->start_mark, "tags are not supported");
    if (depth >= composer->limits->nesting) {
        diag_error(composer->diags, node->mark,
                   "nested deeper than %zu levels", composer->limits->nesting);
        return ERR_INVALID;
    }
    node->anchored = composer->open_anchors > 0;
    error = anchor_open(composer, event, (const char *)name, node, &anchor);
    if (error == 0)
        error = is_list ? compose_items(composer, depth + 1, node)
                        : compose_pairs(composer, depth + 1, node);
    anchor_close(composer, anchor);
    *out = node;
    return error;
}

static int
compose(struct composer *composer, const yaml_event_t *event, size_t depth,
        struct ynode **out)
{
    switch ((int)event->type) {
    case YAML_ALIAS_EVENT: return compose_alias(composer, event, out);
    case YAML_SCALAR_EVENT: return compose_scalar(composer, event, out);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return compose_collection(composer, event, depth, out);
    default: return refuse(composer, event->start_mark, "a value is missing");
    }
}

/* Skips to the document: 'found' is false at the end of the stream. */
static int
document_next(struct composer *composer, bool *found, struct mark *at)
{
    yaml_event_t event;
    yaml_event_type_t type;
    int error;

    do {
        error = event_next(composer, &event);
        if (error != 0)
            return error;
        type = event.type;
        *at = mark_of(composer, event.start_mark);
        yaml_event_delete(&event);
    } while (type != YAML_DOCUMENT_START_EVENT &&
             type != YAML_STREAM_END_EVENT);
    *found = type == YAML_DOCUMENT_START_EVENT;
    return 0;
}

static int
compose_file(struct composer *composer, struct ynode **root)
{
    struct mark at;
    bool found;
    int error = document_next(composer, &found, &at);

    if (error != 0)
        return error;
    if (!found) {
        diag_error(composer->diags, (struct mark){composer->file, 1, 1},
                   "the file is empty");
        return ERR_INVALID;
    }
    error = compose_value(composer, 0, root);
    if (error != 0)
        return error;
    error = document_next(composer, &found, &at);
    if (error != 0)
        return error;
    if (found) {
        diag_error(composer->diags, at,
                   "a second document starts here; a file holds one");
        return ERR_INVALID;
    }
    return 0;
}

int
ytree_parse(struct arena *arena, struct diag_list *diags, const char *name,
            const char *text, size_t bytes, const struct ytree_limits *limits,
            struct ynode **root)
{
    struct composer composer = {.arena = arena, .diags = diags};
    size_t errors = diag_count(diags);
    struct ynode *node = NULL;
    int error;

    composer.file = arena_copy(arena, name, strlen(name));
    composer.text = text;
    composer.bytes = bytes;
    composer.limits = limits != NULL ? limits : &ytree_limits_default;
    if (bytes > composer.limits->file_bytes) {
        diag_error(diags, (struct mark){composer.file, 0, 0},
                   "larger than %zu bytes", composer.limits->file_bytes);
        return ERR_INVALID;
    }
    CHECK(yaml_parser_initialize(&composer.parser));
    yaml_parser_set_encoding(&composer.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&composer.parser, (const unsigned char *)text,
                                 bytes);
    error = compose_file(&composer, &node);
    yaml_parser_delete(&composer.parser);
    if (error == 0 && diag_count(diags) != errors)
        error = ERR_INVALID;
    if (error == 0)
        *root = node;
    return error;
}

static int
file_error(struct arena *arena, struct diag_list *diags, const char *path,
           int code)
{
    struct mark at = {arena_copy(arena, path, strlen(path)), 0, 0};

    diag_error(diags, at, "cannot be read: %s", strerror(code));
    return ERR_IO;
}

int
ytree_load(struct arena *arena, struct diag_list *diags, const char *path,
           const struct ytree_limits *limits, struct ynode **root)
{
    size_t most =
        (limits != NULL ? limits : &ytree_limits_default)->file_bytes + 1;
    FILE *file = fopen(path, "rb");
    char *text;
    size_t bytes;
    int error;

    if (file == NULL)
        return file_error(arena, diags, path, errno);
    text = malloc(most);
    CHECK(text != NULL);
    errno = 0;
    bytes = fread(text, 1, most, file);
    if (ferror(file))
        error = file_error(arena, diags, path, errno);
    else
        error = ytree_parse(arena, diags, path, text, bytes, limits, root);
    free(text);
    fclose(file);
    return error;
}
