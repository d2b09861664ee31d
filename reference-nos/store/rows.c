/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/rows.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <string.h>

struct row_key {
    uint64_t owner;
    uint8_t table;
    const void *key;
    size_t size;
};

static struct row *
row_of_key(const struct tree_node *node)
{
    return CONTAINER_OF(node, struct row, by_key);
}

static struct row *
row_of_stamp(const struct tree_node *node)
{
    return CONTAINER_OF(node, struct row, by_stamp);
}

static int
key_compare(const void *left, const struct tree_node *node)
{
    const struct row_key *key = left;
    const struct row *row = row_of_key(node);
    size_t common = key->size < row->key_size ? key->size : row->key_size;
    int order;

    if (key->owner != row->owner)
        return key->owner < row->owner ? -1 : 1;
    if (key->table != row->table)
        return key->table < row->table ? -1 : 1;
    order = common == 0 ? 0 : memcmp(key->key, row->bytes, common);
    if (order != 0)
        return order;
    return (key->size > row->key_size) - (key->size < row->key_size);
}

static int
stamp_compare(const void *left, const struct tree_node *node)
{
    uint64_t stamp = *(const uint64_t *)left;
    const struct row *row = row_of_stamp(node);

    return (stamp > row->stamp) - (stamp < row->stamp);
}

void
rows_init(struct rows *rows, struct mem *mem, size_t count_max,
          size_t bytes_max)
{
    memset(rows, 0, sizeof(*rows));
    rows->mem = mem;
    tree_init(&rows->by_key, key_compare);
    tree_init(&rows->by_stamp, stamp_compare);
    list_init(&rows->graves);
    rows->count_max = count_max;
    rows->bytes_max = bytes_max;
}

static struct row *
find_any(const struct rows *rows, const struct row_key *key)
{
    struct tree_node *node = tree_find(&rows->by_key, key);

    return node == NULL ? NULL : row_of_key(node);
}

const struct row *
rows_find(const struct rows *rows, uint64_t owner, enum table table,
          const void *key, size_t key_size)
{
    struct row_key wanted = {owner, (uint8_t)table, key, key_size};
    const struct row *row = find_any(rows, &wanted);

    return row == NULL || row->deleted ? NULL : row;
}

static struct row_key
key_of(const struct store_row *put)
{
    struct row_key key = {put->owner, (uint8_t)put->table, put->key,
                          put->key_size};

    return key;
}

/* Moves 'row' to the end of the order of changes. */
static void
stamp_row(struct rows *rows, struct row *row, uint64_t stamp)
{
    int error;

    CHECK(stamp > rows->last);
    if (tree_linked(&row->by_stamp))
        tree_remove(&rows->by_stamp, &row->by_stamp);
    row->stamp = stamp;
    rows->last = stamp;
    error = tree_insert(&rows->by_stamp, &row->stamp, &row->by_stamp);
    CHECK(error == 0);
}

static void
drop(struct rows *rows, struct row *row)
{
    if (row->deleted) {
        list_remove(&row->grave);
        rows->grave_count--;
    } else {
        rows->count--;
        rows->bytes -= (size_t)row->key_size + row->value_size;
    }
    tree_remove(&rows->by_key, &row->by_key);
    tree_remove(&rows->by_stamp, &row->by_stamp);
    mem_free(rows->mem, row, sizeof(*row) + row->capacity);
}

void
rows_clear(struct rows *rows)
{
    struct tree_node *node;

    while ((node = tree_first(&rows->by_key)) != NULL)
        drop(rows, row_of_key(node));
    rows_init(rows, rows->mem, rows->count_max, rows->bytes_max);
}

static void
forget_oldest_grave(struct rows *rows)
{
    struct row *row =
        CONTAINER_OF(list_first(&rows->graves), struct row, grave);

    if (row->stamp > rows->floor)
        rows->floor = row->stamp;
    drop(rows, row);
}

void
rows_bury(struct rows *rows, struct row *row, uint64_t version, uint64_t stamp)
{
    CHECK(!row->deleted);
    rows->count--;
    rows->bytes -= (size_t)row->key_size + row->value_size;
    row->deleted = true;
    row->value_size = 0;
    row->version = version;
    stamp_row(rows, row, stamp);
    list_push_back(&rows->graves, &row->grave);
    if (++rows->grave_count > ROWS_GRAVES)
        forget_oldest_grave(rows);
}

static int
check_room(const struct rows *rows, const struct row *old, size_t size)
{
    bool lives = old != NULL && !old->deleted;
    size_t count = rows->count + (lives ? 0 : 1);
    size_t bytes = rows->bytes + size -
                   (lives ? (size_t)old->key_size + old->value_size : 0);

    return count > rows->count_max || bytes > rows->bytes_max ? ERR_FULL : 0;
}

static void
fill(struct row *row, const struct store_row *put, uint32_t generation)
{
    row->owner = put->owner;
    row->version = put->version;
    row->generation = generation;
    row->table = (uint8_t)put->table;
    row->key_size = (uint8_t)put->key_size;
    row->value_size = (uint16_t)put->value_size;
    if (put->key_size != 0)
        memcpy(row->bytes, put->key, put->key_size);
    if (put->value_size != 0)
        memcpy(row->bytes + put->key_size, put->value, put->value_size);
}

int
rows_put(struct rows *rows, const struct store_row *put, uint64_t stamp,
         uint32_t generation)
{
    struct row_key key = key_of(put);
    struct row *old = find_any(rows, &key);
    size_t size = put->key_size + put->value_size;
    struct row *row;
    int error;

    if (put->deleted) {
        if (old != NULL && !old->deleted)
            rows_bury(rows, old, put->version, stamp);
        return 0;
    }
    error = check_room(rows, old, size);
    if (error != 0)
        return error;
    row = mem_zalloc(rows->mem, sizeof(*row) + size);
    if (row == NULL)
        return ERR_NOMEM;
    row->capacity = (uint16_t)size;
    fill(row, put, generation);
    if (old != NULL)
        drop(rows, old);
    error = tree_insert(&rows->by_key, &key, &row->by_key);
    CHECK(error == 0);
    stamp_row(rows, row, stamp);
    rows->count++;
    rows->bytes += size;
    return 0;
}

bool
rows_same(struct rows *rows, const struct store_row *put, uint32_t generation)
{
    struct row_key key = key_of(put);
    struct row *row = find_any(rows, &key);

    if (row == NULL || row->deleted)
        return put->deleted;
    if (put->deleted || row->version != put->version ||
        row->value_size != put->value_size)
        return false;
    if (put->value_size != 0 &&
        memcmp(row->bytes + row->key_size, put->value, put->value_size) != 0)
        return false;
    row->generation = generation;
    return true;
}

static struct row *
skip_graves(struct tree_node *node)
{
    while (node != NULL && row_of_key(node)->deleted)
        node = tree_next(node);
    return node == NULL ? NULL : row_of_key(node);
}

struct row *
rows_first(const struct rows *rows)
{
    return skip_graves(tree_first(&rows->by_key));
}

struct row *
rows_next(const struct row *row)
{
    return skip_graves(tree_next(&row->by_key));
}

struct row *
rows_first_of(const struct rows *rows, uint64_t owner)
{
    struct row_key key = {owner, 0, NULL, 0};

    return skip_graves(tree_lower_bound(&rows->by_key, &key));
}

struct row *
rows_after(const struct rows *rows, const struct store_row *view)
{
    struct row_key key = key_of(view);

    return skip_graves(tree_upper_bound(&rows->by_key, &key));
}

const struct row *
rows_changed(const struct rows *rows, uint64_t stamp)
{
    struct tree_node *node;

    if (stamp >= rows->last)
        return NULL;
    node = tree_upper_bound(&rows->by_stamp, &stamp);
    return node == NULL ? NULL : row_of_stamp(node);
}

bool
rows_missed(const struct rows *rows, uint64_t stamp, uint64_t began)
{
    return stamp < rows->floor && began < rows->floor;
}

struct store_row
row_view(const struct row *row)
{
    struct store_row view = {
        .table = (enum table)row->table,
        .deleted = row->deleted,
        .owner = row->owner,
        .version = row->version,
        .key = row->bytes,
        .key_size = row->key_size,
        .value = row->bytes + row->key_size,
        .value_size = row->value_size,
    };

    return view;
}

size_t
row_wire_bytes(const struct row *row)
{
    return 21u + row->key_size + row->value_size;
}
