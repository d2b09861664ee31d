/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/list.h"

#include "reference-nos/base/base_test.h"

struct item {
    int value;
    struct list_node node;
};

static void
assert_values(const struct list *list, const int *values, size_t count)
{
    const struct list_node *node;
    size_t i = 0;

    LIST_FOR_EACH(node, list)
    {
        ck_assert_uint_lt(i, count);
        ck_assert_int_eq(CONTAINER_OF(node, struct item, node)->value,
                         values[i]);
        i++;
    }
    ck_assert_uint_eq(i, count);
    ck_assert_uint_eq(list_count(list), count);
    for (node = list_last(list); node != NULL; node = list_prev(list, node))
        ck_assert_int_eq(CONTAINER_OF(node, struct item, node)->value,
                         values[--i]);
    ck_assert_uint_eq(i, 0);
}

START_TEST(nodes_keep_their_order)
{
    struct item items[4] = {
        {.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
    struct list list;

    list_init(&list);
    ck_assert(list_empty(&list) && list_first(&list) == NULL);
    list_push_back(&list, &items[1].node);
    list_push_back(&list, &items[3].node);
    list_push_front(&list, &items[0].node);
    list_insert_before(&items[3].node, &items[2].node);
    assert_values(&list, (int[]){0, 1, 2, 3}, 4);
    list_remove(&items[1].node);
    ck_assert(!list_linked(&items[1].node));
    list_remove(&items[1].node);
    assert_values(&list, (int[]){0, 2, 3}, 3);
    ck_assert_ptr_eq(list_pop_front(&list), &items[0].node);
    list_insert_after(&items[2].node, &items[0].node);
    assert_values(&list, (int[]){2, 0, 3}, 3);
}
END_TEST

START_TEST(a_walk_may_unlink_where_it_stands)
{
    struct item items[6];
    struct list list;
    struct list_node *node;
    struct list_node *spare;

    list_init(&list);
    for (int i = 0; i < 6; i++) {
        items[i].value = i;
        list_push_back(&list, &items[i].node);
    }
    LIST_FOR_EACH_SAFE(node, spare, &list)
    {
        if (CONTAINER_OF(node, struct item, node)->value % 2 == 0)
            list_remove(node);
    }
    assert_values(&list, (int[]){1, 3, 5}, 3);
}
END_TEST

START_TEST(lists_join)
{
    struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
    struct list a;
    struct list b;

    list_init(&a);
    list_init(&b);
    list_append_all(&a, &b);
    ck_assert(list_empty(&a));
    list_push_back(&b, &items[1].node);
    list_push_back(&b, &items[2].node);
    list_push_back(&a, &items[0].node);
    list_append_all(&a, &b);
    assert_values(&a, (int[]){0, 1, 2}, 3);
    ck_assert(list_empty(&b));
}
END_TEST

Suite *
list_suite(void)
{
    Suite *suite = suite_create("list");
    TCase *tcase = tcase_create("list");

    tcase_add_test(tcase, nodes_keep_their_order);
    tcase_add_test(tcase, a_walk_may_unlink_where_it_stands);
    tcase_add_test(tcase, lists_join);
    suite_add_tcase(suite, tcase);
    return suite;
}
