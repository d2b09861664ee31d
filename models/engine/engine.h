/* SPDX-License-Identifier: Apache-2.0
 *
 * The packet engine: events per packet and per cell, at tens of millions a
 * second.  The kernel (sim/kernel) runs boxes; this runs what flows between
 * them.
 *
 * Lines    one-way FIFO delay lines (a link and the queue before it): what is
 *          pushed arrives at a time that never precedes the one pushed
 *          before.  Only the head of a line is in the set of pending events,
 *          so their number follows lines, not packets.
 * Timers   one pending expiry each.
 * Order    total: (time, id), ids given in the order lines and timers were
 *          added.  Nothing else decides: no pointer, no thread.
 * Parts    a part owns lines' arrivals and timers, and the state their
 *          handlers touch.  A line may lead from one part to another; then
 *          what is pushed arrives 'engine_options.window_ps' later at the
 *          earliest.  Parts run on 'threads' threads in windows of that
 *          length (conservative synchronisation; Chandy and Misra 1979,
 *          Nicol's YAWNS 1993); outcomes and digest do not depend on the
 *          number of threads.
 * Threads  run only inside engine_run_until(): none exists when it returns,
 *          so that the process may branch by fork().
 * Digest   over (time, id, word) of every arrival and expiry, per id, then
 *          over ids: the same for any number of threads and parts.  'word' is
 *          the caller's digest word, not an index that depends on threads.
 * Set      a bitmap wheel of sorted buckets; what is due later than the wheel
 *          spans waits in an overflow heap (Varghese and Lauck 1987; Brown
 *          1988 for why not a self-tuning calendar).
 * Errors   0 or a positive enum err; running out of memory ends the program.
 */
#ifndef MODELS_ENGINE_ENGINE_H
#define MODELS_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "sim/kernel/digest.h"

#define ENGINE_PARTS_MAX 64u
#define ENGINE_THREADS_MAX 16u

struct engine;
struct engine_part;

struct engine_options {
    unsigned parts;     /* 1 .. ENGINE_PARTS_MAX; fixed by the model */
    unsigned threads;   /* 1 .. ENGINE_THREADS_MAX; at most 'parts' are used */
    uint64_t window_ps; /* shortest time across parts; 0 with one part */
    bool digest;        /* false: for measurements of what it costs */
};

/* What travels: 'word' is part of the digest, 'ref' (an index into the
 * caller's tables) is not. */
struct engine_item {
    uint64_t word;
    uint32_t ref;
};

/* Something arrived on a line, or a timer expired (item is zero then).
 * 'owner' is what the caller gave when it added the line or timer. */
typedef void engine_handler(struct engine_part *part, uint32_t owner,
                            const struct engine_item *item);

MUST_USE int engine_create(const struct engine_options *options,
                           struct engine **out);
void engine_destroy(struct engine *engine);

/* Building, before the first run.  'from' and 'to' are parts; 'to' runs the
 * handler.  'capacity' is a hint, the line grows.  Returns the id. */
uint32_t engine_line_add(struct engine *engine, unsigned from, unsigned to,
                         engine_handler *handler, uint32_t owner,
                         unsigned capacity);
uint32_t engine_timer_add(struct engine *engine, unsigned part,
                          engine_handler *handler, uint32_t owner);

/* What a part's handlers find with engine_context(). */
void engine_context_set(struct engine *engine, unsigned part, void *context);
struct engine_part *engine_part(struct engine *engine, unsigned part);

/* For handlers, and for the caller between runs. */
uint64_t engine_now_ps(const struct engine_part *part);
void *engine_context(const struct engine_part *part);
unsigned engine_part_index(const struct engine_part *part);

/* 'at_ps' precedes neither the present nor what was pushed before: CHECKed.
 * Only the part the line leads from may push. */
void engine_push(struct engine_part *part, uint32_t line, uint64_t at_ps,
                 struct engine_item item);

/* Sets, or moves, the part's own timer; cancels it. */
void engine_timer_set(struct engine_part *part, uint32_t timer,
                      uint64_t at_ps);
void engine_timer_cancel(struct engine_part *part, uint32_t timer);

/* Between runs: forgets what is on a line, telling 'lost' (or NULL) of each
 * item, in order. */
void engine_line_clear(struct engine *engine, uint32_t line,
                       void (*lost)(void *context, const struct engine_item *),
                       void *context);

/* Fires everything up to and including 'until_ps', then sets every part's
 * clock to it. */
MUST_USE int engine_run_until(struct engine *engine, uint64_t until_ps);

/* The time of the next event; false when none is pending. */
bool engine_next(const struct engine *engine, uint64_t *at_ps);

uint64_t engine_events(const struct engine *engine); /* fired so far */
struct digest_value engine_digest(const struct engine *engine);
size_t engine_memory_bytes(const struct engine *engine);

#endif
