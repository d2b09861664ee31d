/* SPDX-License-Identifier: Apache-2.0 */
#include "models/yaml/schema.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <stdarg.h>
#include <string.h>

#define ADVICE_BYTES 900
#define ANCHORED_NOTE " (in an anchored value that aliases use)"

static const char *
field_word(const void *arg, size_t index)
{
    const struct schema *schema = arg;

    return index < schema->field_count ? schema->fields[index].key : NULL;
}

void
schema_error(struct schema_reader *reader, const struct ynode *node,
             const char *format, ...)
{
    char text[DIAG_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_error(reader->diags, node->mark, "%s%s", text,
               node->anchored ? ANCHORED_NOTE : "");
}

void
schema_unknown(struct schema_reader *reader, const struct ynode *node,
               struct mark at, const char *what, const char *word,
               const char *where, struct words words)
{
    char advice[ADVICE_BYTES] = "";

    if (!diag_is_full(reader->diags))
        words_advice(words, word, advice, sizeof(advice));
    diag_error(reader->diags, at, "unknown %s \"%.*s\"%s%s%s%s", what,
               DIAG_WORD_MAX, word, where, advice[0] == '\0' ? "" : "; ",
               advice, node->anchored ? ANCHORED_NOTE : "");
}

int
schema_want(struct schema_reader *reader, const struct ynode *node,
            enum ynode_kind kind, const char *what)
{
    if (node->kind == kind)
        return 0;
    schema_error(reader, node, "%s must be %s, not %s", what,
                 ynode_kind_text(kind), ynode_kind_text(node->kind));
    return ERR_INVALID;
}

int
schema_quantity(struct schema_reader *reader, enum quantity_kind kind,
                const struct ynode *node, uint64_t *value)
{
    char why[QUANTITY_WHY_BYTES];

    if (schema_want(reader, node, YNODE_SCALAR, quantity_text(kind)) != 0)
        return ERR_INVALID;
    if (quantity_parse(kind, node->text, value, why, sizeof(why)) == 0)
        return 0;
    schema_error(reader, node, "%s", why);
    return ERR_INVALID;
}

int
schema_word(struct schema_reader *reader, const struct ynode *node,
            const char *what, const char *const *words, unsigned *index)
{
    if (schema_want(reader, node, YNODE_SCALAR, what) != 0)
        return ERR_INVALID;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], node->text) == 0) {
            *index = i;
            return 0;
        }
    }
    schema_unknown(reader, node, node->mark, what, node->text, "",
                   words_of(words));
    return ERR_INVALID;
}

static int
read_quantity(struct schema_reader *reader, const struct field *field,
              const struct ynode *node, void *member)
{
    char least[QUANTITY_TEXT_BYTES], most[QUANTITY_TEXT_BYTES];
    uint64_t value, min = field->min, max = field->max;
    uint32_t small;

    if (schema_quantity(reader, field->quantity, node, &value) != 0)
        return ERR_INVALID;
    if (!field->has_range) {
        min = 0;
        max = field->bytes == sizeof(small) ? UINT32_MAX : UINT64_MAX;
    }
    if (value < min || value > max) {
        quantity_format(field->quantity, min, least, sizeof(least));
        quantity_format(field->quantity, max, most, sizeof(most));
        schema_error(reader, node, "%s must lie between %s and %s, not \"%s\"",
                     field->key, least, most, node->text);
        return ERR_INVALID;
    }
    if (field->bytes == sizeof(small)) {
        small = (uint32_t)value;
        memcpy(member, &small, sizeof(small));
    } else {
        CHECK(field->bytes == sizeof(value));
        memcpy(member, &value, sizeof(value));
    }
    return 0;
}

static int
read_bool(struct schema_reader *reader, const struct field *field,
          const struct ynode *node, bool *member)
{
    static const char *const words[] = {"false", "true", NULL};
    unsigned index;

    if (schema_word(reader, node, "truth value", words, &index) != 0)
        return ERR_INVALID;
    CHECK(field->bytes == sizeof(*member));
    *member = index == 1;
    return 0;
}

static bool
is_name(const char *text)
{
    for (const char *byte = text; *byte != '\0'; byte++) {
        bool letter =
            (*byte >= 'a' && *byte <= 'z') || (*byte >= 'A' && *byte <= 'Z');
        bool digit = *byte >= '0' && *byte <= '9';

        if (!letter && !digit && (byte == text || !strchr("-_.", *byte)))
            return false;
    }
    return text[0] != '\0';
}

static int
read_text(struct schema_reader *reader, const struct field *field,
          const struct ynode *node, const char **member)
{
    if (schema_want(reader, node, YNODE_SCALAR, field->key) != 0)
        return ERR_INVALID;
    if (field->kind == FIELD_NAME && !is_name(node->text)) {
        schema_error(reader, node,
                     "\"%.*s\" is not a name; use letters, digits, \"-\", "
                     "\"_\" and \".\"",
                     DIAG_WORD_MAX, node->text);
        return ERR_INVALID;
    }
    *member = node->text;
    return 0;
}

static int
read_texts(struct schema_reader *reader, const struct field *field,
           const struct ynode *node, struct schema_list *list)
{
    const char **texts;
    int error = 0;

    if (schema_want(reader, node, YNODE_LIST, field->key) != 0)
        return ERR_INVALID;
    texts = arena_array(reader->arena, node->count, sizeof(*texts));
    for (size_t i = 0; i < node->count; i++) {
        if (schema_want(reader, node->items[i], YNODE_SCALAR, field->key) != 0)
            error = ERR_INVALID;
        else
            texts[i] = node->items[i]->text;
    }
    list->items = texts;
    list->count = node->count;
    return error;
}

static int
read_list(struct schema_reader *reader, const struct field *field,
          const struct ynode *node, struct schema_list *list)
{
    const struct schema *schema = field->schema;
    unsigned char *items;
    int error = 0;

    if (schema_want(reader, node, YNODE_LIST, field->key) != 0)
        return ERR_INVALID;
    items = arena_array(reader->arena, node->count, schema->bytes);
    for (size_t i = 0; i < node->count; i++) {
        if (schema_read(reader, schema, node->items[i],
                        items + i * schema->bytes) != 0)
            error = ERR_INVALID;
    }
    list->items = items;
    list->count = node->count;
    return error;
}

static int
read_keyed(struct schema_reader *reader, const struct field *field,
           const struct ynode *node, struct schema_list *list)
{
    const struct schema *schema = field->schema;
    unsigned char *items;
    int error = 0;

    if (schema_want(reader, node, YNODE_MAP, field->key) != 0)
        return ERR_INVALID;
    items = arena_array(reader->arena, node->count, schema->bytes);
    for (size_t i = 0; i < node->count; i++) {
        unsigned char *item = items + i * schema->bytes;

        if (schema->key_offset != SCHEMA_NO_OFFSET)
            memcpy(item + schema->key_offset, &node->pairs[i].key->text,
                   sizeof(const char *));
        if (schema_read(reader, schema, node->pairs[i].value, item) != 0)
            error = ERR_INVALID;
    }
    list->items = items;
    list->count = node->count;
    return error;
}

int
schema_field_read(struct schema_reader *reader, const struct field *field,
                  const struct ynode *node, void *out)
{
    void *member = (unsigned char *)out + field->offset;

    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_NAME: return read_text(reader, field, node, member);
    case FIELD_BOOL: return read_bool(reader, field, node, member);
    case FIELD_QUANTITY: return read_quantity(reader, field, node, member);
    case FIELD_ENUM:
        return schema_word(reader, node, field->key, field->words, member);
    case FIELD_MAP: return schema_read(reader, field->schema, node, member);
    case FIELD_LIST: return read_list(reader, field, node, member);
    case FIELD_KEYED: return read_keyed(reader, field, node, member);
    case FIELD_TEXTS: return read_texts(reader, field, node, member);
    case FIELD_NODE: memcpy(member, &node, sizeof(node)); return 0;
    case FIELD_CUSTOM: return field->parse(reader, node, member);
    }
    CHECK(false);
    return ERR_INTERNAL;
}

int
schema_field_default(struct schema_reader *reader, const struct field *field,
                     void *out)
{
    const struct mark here = {"default", 0, 0};

    if (field->kind == FIELD_MAP)
        return schema_defaults(reader, field->schema,
                               (unsigned char *)out + field->offset);
    if (field->fallback == NULL)
        return 0;
    return schema_field_read(
        reader, field, ynode_scalar(reader->arena, here, field->fallback),
        out);
}

int
schema_defaults(struct schema_reader *reader, const struct schema *schema,
                void *out)
{
    int error = 0;

    for (size_t i = 0; i < schema->field_count; i++) {
        if (schema_field_default(reader, &schema->fields[i], out) != 0)
            error = ERR_INVALID;
    }
    return error;
}

static const struct field *
field_find(const struct schema *schema, const char *key)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].key, key) == 0)
            return &schema->fields[i];
    }
    return NULL;
}

static void
report_unknown(struct schema_reader *reader, const struct schema *schema,
               const struct ynode *key)
{
    char where[80];

    snprintf(where, sizeof(where), " in %s", schema->name);
    schema_unknown(reader, key, key->mark, "key", key->text, where,
                   (struct words){field_word, schema});
}

int
schema_read(struct schema_reader *reader, const struct schema *schema,
            const struct ynode *node, void *out)
{
    const struct field *field;
    int error = 0;

    if (schema_want(reader, node, YNODE_MAP, schema->name) != 0)
        return ERR_INVALID;
    if (schema->node_offset != SCHEMA_NO_OFFSET)
        memcpy((unsigned char *)out + schema->node_offset, &node,
               sizeof(node));
    for (size_t i = 0; i < node->count; i++) {
        field = field_find(schema, node->pairs[i].key->text);
        if (field == NULL) {
            report_unknown(reader, schema, node->pairs[i].key);
            error = ERR_INVALID;
        } else if (schema_field_read(reader, field, node->pairs[i].value,
                                     out) != 0) {
            error = ERR_INVALID;
        }
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        field = &schema->fields[i];
        if (ynode_get(node, field->key) != NULL)
            continue;
        if (field->required) {
            schema_error(reader, node, "%s lacks \"%s\"", schema->name,
                         field->key);
            error = ERR_INVALID;
        } else if (schema_field_default(reader, field, out) != 0) {
            error = ERR_INVALID;
        }
    }
    return error;
}
