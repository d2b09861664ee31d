/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/tree.h"

#include "reference-nos/base/base_test.h"
#include "reference-nos/base/err.h"

#define KEYS 512

struct item {
    int key;
    struct tree_node node;
};

static int
compare(const void *key, const struct tree_node *node)
{
    const int *wanted = key;
    int have = CONTAINER_OF(node, struct item, node)->key;

    return *wanted < have ? -1 : *wanted > have;
}

static int
key_of(const struct tree_node *node)
{
    return node == NULL ? -1 : CONTAINER_OF(node, struct item, node)->key;
}

/* Checks links, heights and balance; returns the height. */
static int
check_node(const struct tree_node *node, const struct tree_node *parent)
{
    int left;
    int right;

    if (node == NULL)
        return 0;
    ck_assert_ptr_eq(node->parent, parent);
    left = check_node(node->child[0], node);
    right = check_node(node->child[1], node);
    ck_assert_int_le(left - right, 1);
    ck_assert_int_le(right - left, 1);
    ck_assert_int_eq(node->height, (left > right ? left : right) + 1);
    return node->height;
}

/* Compares every question with the plain table 'present'. */
static void
check_against(const struct tree *tree, const bool *present)
{
    int before = -1;
    const struct tree_node *at = tree_first(tree);

    check_node(tree->root, NULL);
    for (int key = 0; key < KEYS; key++) {
        int next;

        if (!present[key])
            continue;
        ck_assert_int_eq(key_of(at), key);
        ck_assert_int_eq(key_of(tree_prev(at)), before);
        next = key + 1;
        ck_assert_ptr_eq(tree_next(at), tree_upper_bound(tree, &key));
        ck_assert_ptr_eq(tree_next(at), tree_lower_bound(tree, &next));
        ck_assert_ptr_eq(tree_lower_bound(tree, &key), at);
        before = key;
        at = tree_next(at);
    }
    ck_assert_ptr_null(at);
    ck_assert_int_eq(key_of(tree_last(tree)), before);
}

START_TEST(a_tree_agrees_with_a_table)
{
    static struct item items[KEYS];
    bool present[KEYS] = {false};
    struct tree tree;
    uint64_t state = (uint64_t)_i;
    size_t count = 0;

    tree_init(&tree, compare);
    for (int i = 0; i < KEYS; i++)
        items[i] = (struct item){.key = i};
    for (int step = 0; step < 4000; step++) {
        int key = (int)(test_draw(&state) % KEYS);

        if (present[key]) {
            ck_assert(tree_find(&tree, &key) == &items[key].node);
            tree_remove(&tree, &items[key].node);
            ck_assert(!tree_linked(&items[key].node));
            count--;
        } else {
            ck_assert_ptr_null(tree_find(&tree, &key));
            ck_assert_int_eq(tree_insert(&tree, &key, &items[key].node), 0);
            count++;
        }
        present[key] = !present[key];
        ck_assert_uint_eq(tree.count, count);
        if (step % 400 == 0)
            check_against(&tree, present);
    }
    check_against(&tree, present);
}
END_TEST

START_TEST(a_key_is_unique)
{
    struct item one = {.key = 7};
    struct item two = {.key = 7};
    struct tree tree;

    tree_init(&tree, compare);
    ck_assert_int_eq(tree_insert(&tree, &one.key, &one.node), 0);
    ck_assert_int_eq(tree_insert(&tree, &two.key, &two.node), ERR_EXISTS);
    ck_assert(!tree_linked(&two.node));
    ck_assert_uint_eq(tree.count, 1);
}
END_TEST

START_TEST(sorted_input_stays_shallow)
{
    static struct item items[KEYS];
    struct tree tree;

    tree_init(&tree, compare);
    for (int i = 0; i < KEYS; i++) {
        items[i] = (struct item){.key = i};
        ck_assert_int_eq(tree_insert(&tree, &i, &items[i].node), 0);
    }
    ck_assert_int_le(tree.root->height, 11); /* 1.44 log2(513) - 0.3 = 12.6 */
    for (int i = 0; i < KEYS; i++) {
        ck_assert_int_eq(key_of(tree_first(&tree)), i);
        tree_remove(&tree, tree_first(&tree));
        check_node(tree.root, NULL);
    }
    ck_assert_ptr_null(tree.root);
}
END_TEST

Suite *
tree_suite(void)
{
    Suite *suite = suite_create("tree");
    TCase *tcase = tcase_create("tree");

    tcase_add_loop_test(tcase, a_tree_agrees_with_a_table, 0, 4);
    tcase_add_test(tcase, a_key_is_unique);
    tcase_add_test(tcase, sorted_input_stays_shallow);
    suite_add_tcase(suite, tcase);
    return suite;
}
