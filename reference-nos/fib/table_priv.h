/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of a card's table: rows and sums (table.c), writes (program.c).
 */
#ifndef NOS_FIB_TABLE_PRIV_H
#define NOS_FIB_TABLE_PRIV_H

#include "reference-nos/base/list.h"
#include "reference-nos/base/tree.h"
#include "reference-nos/fib/table.h"

enum group_state {
    GROUP_ABSENT, /* from the ASIC */
    GROUP_WRITING,
    GROUP_PRESENT,
    GROUP_REMOVING
};

struct group {
    struct tree_node by_name; /* not of a second group with the same hops */
    struct tree_node by_id;
    struct list_node todo;
    enum group_state state;
    bool failed; /* todo is in the list of what failed */
    bool shown;  /* there is a row of it */
    uint32_t generation;
    uint64_t name;
    size_t wanted; /* routes that are to use it */
    size_t used;   /* routes of the ASIC that use it, or are about to */
    struct fwd_group group;
};

enum target_kind { TARGET_NONE, TARGET_DISCARD, TARGET_GROUP };

struct target {
    enum target_kind kind;
    struct group *group;
};

struct route {
    struct tree_node node;
    struct list_node todo;
    struct fwd_prefix prefix;
    uint32_t generation;
    bool failed; /* todo is in the list of what failed */
    bool writing;
    struct target wanted;
    struct target asic;
    struct target next; /* while writing: what it will be */
};

/* Lists of work, in the order in which they are served. */
enum work {
    WORK_GROUPS,  /* to be written */
    WORK_ROUTES,  /* to be written */
    WORK_LEAVING, /* routes to be removed */
    WORK_UNUSED,  /* groups to be removed */
    WORK_COUNT
};

struct fib_table {
    struct mem *mem;
    bool careless;
    struct tree names;  /* groups */
    struct tree ids;    /* groups */
    struct tree routes; /* by prefix */
    struct list work[WORK_COUNT];
    size_t work_count;
    struct list failed_groups;
    struct list failed_routes;
    size_t failed_count;
    unsigned singles; /* writes of one entry to come, after a failure */

    /* The write under way. */
    enum work writing;
    unsigned writing_count; /* 0: none */
    void *written[TABLE_BATCH];

    struct {
        bool groups, routes; /* still to be swept */
        bool group_begun, route_begun;
        uint32_t generation;
        uint64_t name;
        struct fwd_prefix prefix;
    } sweep;

    struct fib_sum sum; /* of what is wanted */
};

/* table.c */

/* Nobody knows the route, or the group, any more: frees it. */
void table_route_drop(struct fib_table *table, struct route *route);
void table_group_drop(struct fib_table *table, struct group *group);

/* program.c */

/* Puts it on the list it belongs to now, or on none. */
void table_route_check(struct fib_table *table, struct route *route);
void table_group_check(struct fib_table *table, struct group *group);

#endif
