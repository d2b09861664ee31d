/* SPDX-License-Identifier: Apache-2.0
 *
 * Doubly linked list whose links live in the caller's objects.
 *
 * Memory   the list owns nothing; an object stays valid while it is linked.
 * Cost     every operation but list_count() is O(1).
 * Walking  LIST_FOR_EACH must not unlink; LIST_FOR_EACH_SAFE may unlink the
 *          node it stands on, and no other.
 */
#ifndef NOS_BASE_LIST_H
#define NOS_BASE_LIST_H

#include "reference-nos/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* Embedded in the caller's object.  All zero means "in no list". */
struct list_node {
    struct list_node *prev;
    struct list_node *next;
};

/* The head.  Its address must not change while nodes are linked. */
struct list {
    struct list_node root; /* Closes the ring. */
};

static inline void
list_init(struct list *list)
{
    list->root.prev = &list->root;
    list->root.next = &list->root;
}

static inline bool
list_empty(const struct list *list)
{
    return list->root.next == &list->root;
}

static inline bool
list_linked(const struct list_node *node)
{
    return node->next != NULL;
}

/* Links 'node' behind 'place', a node of a list (or its root). */
static inline void
list_insert_after(struct list_node *place, struct list_node *node)
{
    node->prev = place;
    node->next = place->next;
    place->next->prev = node;
    place->next = node;
}

static inline void
list_insert_before(struct list_node *place, struct list_node *node)
{
    list_insert_after(place->prev, node);
}

static inline void
list_push_back(struct list *list, struct list_node *node)
{
    list_insert_after(list->root.prev, node);
}

static inline void
list_push_front(struct list *list, struct list_node *node)
{
    list_insert_after(&list->root, node);
}

/* Unlinks 'node'; nothing happens when it is in no list. */
static inline void
list_remove(struct list_node *node)
{
    if (!list_linked(node))
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = NULL;
    node->next = NULL;
}

/* The first, last, following or preceding node, or NULL. */
static inline struct list_node *
list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->root.next;
}

static inline struct list_node *
list_last(const struct list *list)
{
    return list_empty(list) ? NULL : list->root.prev;
}

static inline struct list_node *
list_next(const struct list *list, const struct list_node *node)
{
    return node->next == &list->root ? NULL : node->next;
}

static inline struct list_node *
list_prev(const struct list *list, const struct list_node *node)
{
    return node->prev == &list->root ? NULL : node->prev;
}

/* Unlinks and returns the first node, or NULL. */
static inline struct list_node *
list_pop_front(struct list *list)
{
    struct list_node *node = list_first(list);

    if (node != NULL)
        list_remove(node);
    return node;
}

/* Moves all nodes of 'from' behind those of 'to'; 'from' is empty then. */
static inline void
list_append_all(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->root.next->prev = to->root.prev;
    to->root.prev->next = from->root.next;
    from->root.prev->next = &to->root;
    to->root.prev = from->root.prev;
    list_init(from);
}

/* O(n). */
static inline size_t
list_count(const struct list *list)
{
    size_t count = 0;

    for (const struct list_node *node = list->root.next; node != &list->root;
         node = node->next)
        count++;
    return count;
}

/* 'node' is a struct list_node * the caller declared. */
#define LIST_FOR_EACH(node, list)                                             \
    for ((node) = (list)->root.next; (node) != &(list)->root;                 \
         (node) = (node)->next)

/* As above; 'node' may be unlinked or freed, 'spare' holds the next one. */
#define LIST_FOR_EACH_SAFE(node, spare, list)                                 \
    for ((node) = (list)->root.next, (spare) = (node)->next;                  \
         (node) != &(list)->root; (node) = (spare), (spare) = (node)->next)

#endif
