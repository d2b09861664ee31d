/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables that say what a YAML map may hold.
 *
 * One table drives four things: the checks (unknown key, missing key, wrong
 * kind, wrong unit), the copy into a C struct, the defaults, and the JSON
 * Schema that editors complete with.  Example:
 *
 *   struct fan { const struct ynode *node; uint64_t max_mw; const char *maker;
 * };
 *
 *   static const struct field fan_fields[] = {
 *       {.key = "power", .kind = FIELD_QUANTITY, .quantity = QUANTITY_POWER,
 *        FIELD_AT(struct fan, max_mw), .required = true,
 *        .doc = "At full speed."},
 *       {.key = "maker", .kind = FIELD_TEXT, FIELD_AT(struct fan, maker),
 *        .fallback = "unknown", .doc = "Who made it."},
 *   };
 *   static const struct schema fan_schema = SCHEMA(
 *       struct fan, "fan", "A fan of a box.", fan_fields, node);
 *
 * Memory   results live in the reader's arena; texts and nodes are borrowed
 *          from the tree.
 * Errors   every error of a map is reported; ERR_INVALID if there was any.
 */
#ifndef MODELS_YAML_SCHEMA_H
#define MODELS_YAML_SCHEMA_H

#include "models/yaml/json.h"
#include "models/yaml/quantity.h"
#include "models/yaml/words.h"
#include "models/yaml/ytree.h"

#include <stddef.h>

enum field_kind {
    FIELD_TEXT,     /* const char *; any scalar */
    FIELD_NAME,     /* const char *; letters, digits, "-", "_", "." */
    FIELD_BOOL,     /* bool; true or false */
    FIELD_QUANTITY, /* uint64_t or int64_t; also uint32_t for counts */
    FIELD_ENUM,     /* int or unsigned; index into .words */
    FIELD_MAP,      /* the struct of .schema, in place */
    FIELD_LIST,     /* struct schema_list of the structs of .schema */
    FIELD_KEYED,    /* struct schema_list; a map with free keys whose values
                       are read by .schema; see schema.key_offset */
    FIELD_TEXTS,    /* struct schema_list of const char * */
    FIELD_NODE,     /* const struct ynode *; anything, read later */
    FIELD_CUSTOM    /* whatever .parse writes */
};

struct schema;
struct schema_reader;

struct field {
    const char *key;
    const char *doc;
    const char *fallback; /* Default as YAML text; NULL leaves zero. */
    enum field_kind kind;
    enum quantity_kind quantity;
    bool required;
    bool has_range;    /* min and max hold, for unsigned quantities. */
    uint64_t min, max; /* In the base unit. */
    size_t offset;     /* Where in the struct, and how large; FIELD_AT(). */
    size_t bytes;
    const char *const *words;    /* FIELD_ENUM, ends with NULL. */
    const struct schema *schema; /* FIELD_MAP, _LIST, _KEYED. */
    int (*parse)(struct schema_reader *reader, const struct ynode *value,
                 void *member); /* FIELD_CUSTOM */
    /* Members of the JSON Schema of NODE and CUSTOM; NULL: anything. */
    void (*json)(struct json *json);
};

#define FIELD_AT(type, member)                                                \
    .offset = offsetof(type, member), .bytes = sizeof(((type *)0)->member)

#define SCHEMA_NO_OFFSET SIZE_MAX

struct schema {
    const char *name; /* Names the thing in messages: "cluster". */
    const char *doc;
    const struct field *fields;
    size_t field_count;
    size_t bytes;       /* Of the struct. */
    size_t node_offset; /* A const struct ynode * that gets the map. */
    size_t key_offset;  /* FIELD_KEYED: a const char * that gets the key. */
};

/* A schema whose struct keeps its node in member 'node'. */
#define SCHEMA(type, name_, doc_, fields_, node)                              \
    {                                                                         \
        .name = (name_), .doc = (doc_), .fields = (fields_),                  \
        .field_count = sizeof(fields_) / sizeof((fields_)[0]),                \
        .bytes = sizeof(type), .node_offset = offsetof(type, node),           \
        .key_offset = SCHEMA_NO_OFFSET                                        \
    }

/* The same for entries of a FIELD_KEYED map; their key goes to 'key'. */
#define SCHEMA_KEYED(type, name_, doc_, fields_, node, key)                   \
    {                                                                         \
        .name = (name_), .doc = (doc_), .fields = (fields_),                  \
        .field_count = sizeof(fields_) / sizeof((fields_)[0]),                \
        .bytes = sizeof(type), .node_offset = offsetof(type, node),           \
        .key_offset = offsetof(type, key)                                     \
    }

struct schema_list {
    void *items; /* count structs, one after the other. */
    size_t count;
};

struct schema_reader {
    struct arena *arena;
    struct diag_list *diags;
    void *user; /* For custom parsers. */
};

/* Reads 'node' into 'out' (zeroed by the caller) as 'schema' says. */
MUST_USE int schema_read(struct schema_reader *reader,
                         const struct schema *schema, const struct ynode *node,
                         void *out);

/* Fills 'out' with the defaults alone, for a map that is not given.  Required
 * keys are left zero. */
MUST_USE int schema_defaults(struct schema_reader *reader,
                             const struct schema *schema, void *out);

/* Reads one value into the struct 'out' of its field. */
MUST_USE int schema_field_read(struct schema_reader *reader,
                               const struct field *field,
                               const struct ynode *node, void *out);

/* Reads the field's default, if it has one. */
MUST_USE int schema_field_default(struct schema_reader *reader,
                                  const struct field *field, void *out);

/* Pieces for custom parsers.  Each reports and returns ERR_INVALID. */
MUST_USE int schema_want(struct schema_reader *reader,
                         const struct ynode *node, enum ynode_kind kind,
                         const char *what);
MUST_USE int schema_quantity(struct schema_reader *reader,
                             enum quantity_kind kind, const struct ynode *node,
                             uint64_t *value);
MUST_USE int schema_word(struct schema_reader *reader,
                         const struct ynode *node, const char *what,
                         const char *const *words, unsigned *index);

/* Errors of a node: adds a note when aliases use the value elsewhere too. */
void schema_error(struct schema_reader *reader, const struct ynode *node,
                  const char *format, ...) PRINTF_LIKE(3, 4);

/* Reports 'word' at 'at', a place in 'node': unknown key "powr" in fan;
 * expected one of power, maker; did you mean "power"?  'what' is "key",
 * 'where' " in fan" or "". */
void schema_unknown(struct schema_reader *reader, const struct ynode *node,
                    struct mark at, const char *what, const char *word,
                    const char *where, struct words words);

/* Writes the JSON Schema (draft 2020-12) of a map as one object.
 * 'root_id' is given for the outermost schema only, else NULL.  With
 * 'parameters', "$name" is allowed wherever a scalar is. */
void schema_json(struct json *json, const struct schema *schema,
                 const char *root_id, bool parameters);

/* The members of the object that describes one field (type, default, ...);
 * the caller opens and closes the object. */
void schema_json_field(struct json *json, const struct field *field,
                       bool parameters);

#endif
