/* SPDX-License-Identifier: Apache-2.0
 *
 * A YAML file as a tree of nodes that remember where they stood.
 *
 * libyaml's events become nodes; what libyaml lets pass is refused here:
 * duplicate keys, a second document, an empty file, tags, keys that are not
 * scalars, aliases to a value that contains them, zero bytes.  Merge keys
 * (<<) are resolved: own keys win, then earlier maps.
 *
 * Alias    an alias is a node of its own (its mark is where the alias
 *          stands) that shares the children of the anchored value.
 * Limits   see 'struct ytree_limits'; a value used by many aliases counts
 *          each time, so walking the tree is bounded as well.
 * Memory   everything lives in the caller's arena, marks included.
 * Errors   reported to the list; ERR_INVALID (ERR_IO for unreadable files).
 */
#ifndef MODELS_YAML_YTREE_H
#define MODELS_YAML_YTREE_H

#include "models/yaml/arena.h"
#include "models/yaml/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP };

struct ynode;

struct ypair {
    struct ynode *key; /* A scalar. */
    struct ynode *value;
};

struct ynode {
    enum ynode_kind kind;
    struct mark mark; /* First character. */
    uint32_t end_line;
    bool plain;       /* Scalar without quotes. */
    bool anchored;    /* Aliases may use it in other places as well. */
    bool substituted; /* Scalar whose text is no longer the file's. */
    size_t visits;    /* Nodes below and including this one. */
    size_t count;     /* Items of a list, pairs of a map. */
    const char *text; /* Scalar, zero-terminated. */
    struct ynode **items;
    struct ypair *pairs; /* In file order; merged ones last. */
};

struct ytree_limits {
    size_t file_bytes;
    size_t nesting;
    size_t visits;
};

/* 1 MiB, 64 levels, 2 million nodes. */
extern const struct ytree_limits ytree_limits_default;

/* Reads 'path'.  Marks name it as given. */
MUST_USE int ytree_load(struct arena *arena, struct diag_list *diags,
                        const char *path, const struct ytree_limits *limits,
                        struct ynode **root);

/* Reads 'bytes' of 'text' as if they were file 'name'. */
MUST_USE int ytree_parse(struct arena *arena, struct diag_list *diags,
                         const char *name, const char *text, size_t bytes,
                         const struct ytree_limits *limits,
                         struct ynode **root);

/* The value of 'key', or NULL; 'map' may be NULL or no map. */
struct ynode *ynode_get(const struct ynode *map, const char *key);

/* The key node itself, or NULL. */
struct ynode *ynode_key(const struct ynode *map, const char *key);

/* The place of character 'offset' of a scalar, as well as it is known. */
struct mark ynode_mark_at(const struct ynode *scalar, size_t offset);

/* "a scalar", "a list", "a map". */
const char *ynode_kind_text(enum ynode_kind kind);

/* New nodes, for values that come from elsewhere (the command line). */
struct ynode *ynode_scalar(struct arena *arena, struct mark mark,
                           const char *text);
struct ynode *ynode_map(struct arena *arena, struct mark mark);

/* Sets 'key' of 'map', in place or at the end. */
void ynode_set(struct arena *arena, struct ynode *map, struct ynode *key,
               struct ynode *value);

#endif
