/* SPDX-License-Identifier: Apache-2.0
 *
 * Ordered tree whose links live in the caller's objects (AVL: Adelson-Velsky
 * and Landis, 1962).
 *
 * Order    by the caller's compare function over (key, node); keys are
 *          unique in one tree.
 * Memory   the tree owns nothing; an object and its key stay valid and
 *          unchanged while linked.
 * Cost     O(log n); the shape depends on the sequence of operations alone.
 */
#ifndef NOS_BASE_TREE_H
#define NOS_BASE_TREE_H

#include "reference-nos/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* Embedded in the caller's object.  All zero means "in no tree". */
struct tree_node {
    struct tree_node *parent; /* NULL at the root. */
    struct tree_node *child[2];
    int height; /* A leaf has 1; 0 means not linked. */
};

/* Negative, zero or positive as 'key' sorts before, at or after 'node'. */
typedef int tree_compare_fn(const void *key, const struct tree_node *node);

struct tree {
    struct tree_node *root;
    tree_compare_fn *compare;
    size_t count;
};

void tree_init(struct tree *tree, tree_compare_fn *compare);

/* Links 'node' under 'key'.  ERR_EXISTS if the key is there already. */
MUST_USE int tree_insert(struct tree *tree, const void *key,
                         struct tree_node *node);

/* Unlinks 'node', which is in 'tree'. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* The node at 'key'; the first at or after it; the first after it. */
struct tree_node *tree_find(const struct tree *tree, const void *key);
struct tree_node *tree_lower_bound(const struct tree *tree, const void *key);
struct tree_node *tree_upper_bound(const struct tree *tree, const void *key);

struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_prev(const struct tree_node *node);

static inline bool
tree_linked(const struct tree_node *node)
{
    return node->height != 0;
}

/* In order; the body must not unlink 'node' (take tree_next() before). */
#define TREE_FOR_EACH(node, tree)                                             \
    for ((node) = tree_first(tree); (node) != NULL; (node) = tree_next(node))

#endif
