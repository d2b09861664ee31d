/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows in two orders: by key, and by the stamp of their last change.
 *
 * Stamp    a number that grows with every change; the caller gives it.  A
 *          reader that has seen all changes up to a stamp walks on from
 *          there, so nobody keeps a queue of changes for anybody.
 * Graves   a deleted row stays as a grave, without value, until ROWS_GRAVES
 *          younger ones exist; 'floor' is the stamp of the youngest grave
 *          forgotten.  A reader below the floor needs everything again.
 * Memory   from the context given; bounded by the limits given.
 */
#ifndef NOS_STORE_ROWS_H
#define NOS_STORE_ROWS_H

#include "reference-nos/base/list.h"
#include "reference-nos/base/mem.h"
#include "reference-nos/base/tree.h"
#include "reference-nos/schema/store_msg.h"

#define ROWS_GRAVES 1024u

struct row {
    struct tree_node by_key;
    struct tree_node by_stamp;
    struct list_node grave;
    uint64_t stamp;
    uint64_t owner;
    uint64_t version;
    uint32_t generation; /* of the snapshot that last showed it */
    uint16_t capacity;   /* bytes behind the struct */
    uint16_t value_size;
    uint8_t table;
    uint8_t key_size;
    bool deleted;
    uint8_t bytes[]; /* key, then value */
};

struct rows {
    struct mem *mem;
    struct tree by_key;   /* (owner, table, key) */
    struct tree by_stamp; /* stamp */
    struct list graves;   /* oldest first */
    size_t grave_count;
    size_t count; /* live ones */
    size_t bytes; /* of keys and values of live ones */
    size_t count_max;
    size_t bytes_max;
    uint64_t last;  /* stamp */
    uint64_t floor; /* stamp */
};

void rows_init(struct rows *rows, struct mem *mem, size_t count_max,
               size_t bytes_max);

/* Forgets everything, graves and stamps included. */
void rows_clear(struct rows *rows);

/* The live row, or NULL. */
const struct row *rows_find(const struct rows *rows, uint64_t owner,
                            enum table table, const void *key,
                            size_t key_size);

/* Puts 'put' in place, or deletes the row if put->deleted; a row that does
 * not exist is deleted without a trace.  'stamp' is above all before.
 * ERR_NOMEM; ERR_FULL at the limits. */
MUST_USE int rows_put(struct rows *rows, const struct store_row *put,
                      uint64_t stamp, uint32_t generation);

/* The row of 'put' has the same value and version; if so it now belongs to
 * 'generation'. */
bool rows_same(struct rows *rows, const struct store_row *put,
               uint32_t generation);

/* Makes 'row', a live one, a grave. */
void rows_bury(struct rows *rows, struct row *row, uint64_t version,
               uint64_t stamp);

/* Live rows in key order; NULL at the end. */
struct row *rows_first(const struct rows *rows);
struct row *rows_next(const struct row *row);
/* The first live row of 'owner' or of one after it. */
struct row *rows_first_of(const struct rows *rows, uint64_t owner);

/* The first live row behind the key of 'view'. */
struct row *rows_after(const struct rows *rows, const struct store_row *view);

/* The first row or grave changed after 'stamp', or NULL. */
const struct row *rows_changed(const struct rows *rows, uint64_t stamp);

/* Has a reader who is at 'stamp' missed graves?  One in a snapshot that began
 * at 'began' need not see those up to there; else 'began' is 0. */
bool rows_missed(const struct rows *rows, uint64_t stamp, uint64_t began);

/* How the row looks in a message; borrowed. */
struct store_row row_view(const struct row *row);

/* The bytes of the row in a message. */
size_t row_wire_bytes(const struct row *row);
#define ROW_WIRE_BYTES_MAX (21u + ROW_KEY_MAX + ROW_VALUE_MAX)

#endif
