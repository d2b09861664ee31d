/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/tree.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

static int
height_of(const struct tree_node *node)
{
    return node == NULL ? 0 : node->height;
}

static void
update_height(struct tree_node *node)
{
    int left = height_of(node->child[0]);
    int right = height_of(node->child[1]);

    node->height = (left > right ? left : right) + 1;
}

/* Positive when the right side is higher. */
static int
balance_of(const struct tree_node *node)
{
    return height_of(node->child[1]) - height_of(node->child[0]);
}

/* Puts 'fresh' where 'old' hangs below 'parent'. */
static void
replace_child(struct tree *tree, struct tree_node *parent,
              const struct tree_node *old, struct tree_node *fresh)
{
    if (parent == NULL)
        tree->root = fresh;
    else
        parent->child[parent->child[1] == old] = fresh;
    if (fresh != NULL)
        fresh->parent = parent;
}

/* Turns 'node' down towards 'side'; its other child takes its place. */
static struct tree_node *
rotate(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *riser = node->child[!side];
    struct tree_node *middle = riser->child[side];

    replace_child(tree, node->parent, node, riser);
    riser->child[side] = node;
    node->parent = riser;
    node->child[!side] = middle;
    if (middle != NULL)
        middle->parent = node;
    update_height(node);
    update_height(riser);
    return riser;
}

/* Restores the balance of 'node'; returns the top of its subtree. */
static struct tree_node *
restore(struct tree *tree, struct tree_node *node)
{
    int balance = balance_of(node);
    int high = balance > 0;

    if (balance >= -1 && balance <= 1) {
        update_height(node);
        return node;
    }
    if (balance_of(node->child[high]) * balance < 0)
        rotate(tree, node->child[high], high);
    return rotate(tree, node, !high);
}

static void
restore_upwards(struct tree *tree, struct tree_node *node)
{
    while (node != NULL) {
        int before = node->height;

        node = restore(tree, node);
        if (node->height == before)
            return;
        node = node->parent;
    }
}

static struct tree_node *
outermost(struct tree_node *node, int side)
{
    while (node != NULL && node->child[side] != NULL)
        node = node->child[side];
    return node;
}

static struct tree_node *
neighbour(const struct tree_node *node, int side)
{
    struct tree_node *parent = node->parent;

    if (node->child[side] != NULL)
        return outermost(node->child[side], !side);
    while (parent != NULL && parent->child[side] == node) {
        node = parent;
        parent = parent->parent;
    }
    return parent;
}

void
tree_init(struct tree *tree, tree_compare_fn *compare)
{
    CHECK(compare != NULL);
    tree->root = NULL;
    tree->compare = compare;
    tree->count = 0;
}

int
tree_insert(struct tree *tree, const void *key, struct tree_node *node)
{
    struct tree_node *parent = NULL;
    int side = 0;

    CHECK(!tree_linked(node));
    for (struct tree_node *at = tree->root; at != NULL; at = at->child[side]) {
        int order = tree->compare(key, at);

        if (order == 0)
            return ERR_EXISTS;
        parent = at;
        side = order > 0;
    }
    node->parent = parent;
    node->child[0] = NULL;
    node->child[1] = NULL;
    node->height = 1;
    if (parent == NULL)
        tree->root = node;
    else
        parent->child[side] = node;
    tree->count++;
    restore_upwards(tree, parent);
    return 0;
}

/* Lets 'heir', the leftmost of the right side, take the place of 'node'.
 * Returns the lowest node whose height may have changed. */
static struct tree_node *
inherit(struct tree *tree, struct tree_node *node, struct tree_node *heir)
{
    struct tree_node *lowest = heir->parent;

    if (lowest == node) {
        lowest = heir;
    } else {
        replace_child(tree, lowest, heir, heir->child[1]);
        heir->child[1] = node->child[1];
        heir->child[1]->parent = heir;
    }
    heir->child[0] = node->child[0];
    heir->child[0]->parent = heir;
    heir->height = node->height;
    replace_child(tree, node->parent, node, heir);
    return lowest;
}

void
tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *lowest;

    CHECK(tree_linked(node) && tree->count > 0);
    if (node->child[0] != NULL && node->child[1] != NULL) {
        lowest = inherit(tree, node, outermost(node->child[1], 0));
    } else {
        lowest = node->parent;
        replace_child(tree, lowest, node, node->child[node->child[0] == NULL]);
    }
    node->parent = NULL;
    node->child[0] = NULL;
    node->child[1] = NULL;
    node->height = 0;
    tree->count--;
    restore_upwards(tree, lowest);
}

struct tree_node *
tree_find(const struct tree *tree, const void *key)
{
    struct tree_node *at = tree->root;

    while (at != NULL) {
        int order = tree->compare(key, at);

        if (order == 0)
            return at;
        at = at->child[order > 0];
    }
    return NULL;
}

/* The first node whose order against 'key' is below 'limit'. */
static struct tree_node *
bound(const struct tree *tree, const void *key, int limit)
{
    struct tree_node *best = NULL;
    struct tree_node *at = tree->root;

    while (at != NULL) {
        bool right = tree->compare(key, at) >= limit;

        if (!right)
            best = at;
        at = at->child[right];
    }
    return best;
}

struct tree_node *
tree_lower_bound(const struct tree *tree, const void *key)
{
    return bound(tree, key, 1);
}

struct tree_node *
tree_upper_bound(const struct tree *tree, const void *key)
{
    return bound(tree, key, 0);
}

struct tree_node *
tree_first(const struct tree *tree)
{
    return outermost(tree->root, 0);
}

struct tree_node *
tree_last(const struct tree *tree)
{
    return outermost(tree->root, 1);
}

struct tree_node *
tree_next(const struct tree_node *node)
{
    return neighbour(node, 1);
}

struct tree_node *
tree_prev(const struct tree_node *node)
{
    return neighbour(node, 0);
}
