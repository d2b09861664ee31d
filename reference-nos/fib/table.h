/* SPDX-License-Identifier: Apache-2.0
 *
 * What a card is to forward by, what its ASIC has, and the writes that lead
 * from one to the other.  A state machine without clock, door or actor.
 *
 * Order    make before break: groups are written before the routes that use
 *          them, a route is overwritten in one step, routes go before the
 *          groups they used, and what is new goes in before what is old goes
 *          out.
 * Writes   one batch is under way at a time; table_written() ends it.  After
 *          a failure its entries go one by one, and what fails then rests
 *          until table_retry().
 * Groups   are known by their hops; their ids in the ASIC are this card's
 *          own affair, and stay while the hops do.
 * Memory   lives in 'mem' and goes with it.
 * Errors   ERR_NOMEM: unusable from then on.
 */
#ifndef NOS_FIB_TABLE_H
#define NOS_FIB_TABLE_H

#include "reference-nos/base/mem.h"
#include "reference-nos/schema/fib_msg.h"
#include "reference-nos/schema/store_msg.h"

#define TABLE_BATCH 32u /* entries of a write: a quantum has room for them */
#define TABLE_SWEEP 64u /* routes or groups looked at in one piece */

struct fib_table; /* Opaque. */

/* 'careless' plants the bug that deletes a route before it writes the one
 * that replaces it. */
MUST_USE int table_create(struct mem *mem, bool careless,
                          struct fib_table **out);

/* At start, all groups before all routes: what the ASIC has is what is
 * wanted until somebody says otherwise. */
MUST_USE int table_adopt_group(struct fib_table *table,
                               const struct fwd_group *group);
MUST_USE int table_adopt_route(struct fib_table *table,
                               const struct fwd_route *route);

/* A row of the stream, shown in 'generation'.  ERR_MALFORMED and the like;
 * ERR_NOENT: a route whose group was never shown. */
MUST_USE int table_row(struct fib_table *table, const struct store_row *row,
                       uint32_t generation);
/* Drops what 'generation' did not show, in pieces by table_sweep_step(). */
void table_sweep(struct fib_table *table, uint32_t generation);
void table_sweep_cancel(struct fib_table *table);
bool table_sweeping(const struct fib_table *table);
void table_sweep_step(struct fib_table *table);

struct table_write {
    bool groups; /* else routes */
    unsigned count;
    union {
        struct fwd_group groups[TABLE_BATCH];
        struct fwd_route routes[TABLE_BATCH];
    } u;
};
/* The next write.  False: one is under way, or there is nothing to write. */
bool table_next(struct fib_table *table, struct table_write *write);
/* The one under way took effect, or failed. */
void table_written(struct fib_table *table, int status);
/* What failed is to be tried again. */
void table_retry(struct fib_table *table);

/* Is all written that can be? */
bool table_settled(const struct fib_table *table);
size_t table_pending(const struct fib_table *table);
size_t table_failed(const struct fib_table *table);
/* The group with this id in the ASIC, as far as is known, or NULL. */
const struct fwd_group *table_group(const struct fib_table *table,
                                    uint32_t id);
/* Of what is wanted. */
struct fib_sum table_sum(const struct fib_table *table);

#endif
