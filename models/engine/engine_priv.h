/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine is made of.  Private to models/engine.
 */
#ifndef MODELS_ENGINE_ENGINE_PRIV_H
#define MODELS_ENGINE_ENGINE_PRIV_H

#include "models/engine/engine.h"
#include "models/engine/wheel_priv.h"

#define ENGINE_NEVER UINT64_MAX

/* What waits on a line. */
struct engine_slot {
    uint64_t at_ps;
    struct engine_item item;
};

/* A line or a timer: one cache line, touched by its part alone. */
struct engine_node {
    _Alignas(1 << WHEEL_STRIDE_BITS) struct wheel_entry
        entry; /* First: when it fires next. */
    engine_handler *handler;
    union {
        struct engine_slot *ring; /* A line's. */
        uint64_t due_ps;          /* A timer's; its entry may come earlier. */
    };
    uint64_t digest;
    uint32_t owner;
    uint32_t head;  /* Of the ring. */
    uint32_t mask;  /* Of the ring; 0: a timer. */
    uint32_t count; /* On the ring; of a timer, 1: it is in the set. */
};

_Static_assert(sizeof(struct engine_node) <= 1 << WHEEL_STRIDE_BITS,
               "a node is a cache line");

/* Which parts a line leads from and to; read by all, written by none. */
struct engine_route {
    uint8_t from, to;
};

/* What was pushed onto a line that leads elsewhere. */
struct engine_parcel {
    uint64_t at_ps, word;
    uint32_t ref, line;
};

/* From one part to another, in the order pushed.  Two of each: while the
 * consumer empties that of the window before, the producer fills the other. */
struct engine_outbox {
    struct engine_parcel *parcels;
    size_t count, capacity;
};

/* Memory of one part, so that no cache line has two. */
struct engine_chunk {
    struct engine_chunk *next;
    size_t bytes, used;
    _Alignas(64) unsigned char memory[];
};

/* What a part tells all others at the end of a window. */
struct engine_tidings {
    uint64_t next_ps; /* Its next event. */
    uint64_t sent_ps; /* Earliest of what it sent; ENGINE_NEVER. */
};

struct engine_part {
    uint64_t now_ps;
    struct engine_node *nodes;
    const struct engine_route *routes;
    void *context;
    struct engine *engine;
    unsigned index;
    bool digest;
    uint64_t fired;
    struct wheel wheel;
    unsigned side; /* Which of the outboxes is being filled. */
    struct engine_tidings tidings[2];
    struct engine_outbox *outboxes[2]; /* Per consumer. */
    struct engine_chunk *chunks;       /* Its rings, the newest first. */
};

struct engine {
    struct engine_options options;
    struct engine_part **parts;
    struct engine_node *nodes;
    struct engine_route *routes;
    uint32_t node_count, node_capacity;
    uint64_t now_ps;
    bool running; /* In windows: across parts means through an outbox. */
};

static inline bool
engine_node_is_timer(const struct engine_node *node)
{
    return node->mask == 0;
}

/* Fires what the part has up to and including 'until_ps'. */
void engine_part_run(struct engine_part *part, uint64_t until_ps);

/* The part's next event; ENGINE_NEVER. */
uint64_t engine_part_next(struct engine_part *part);

/* Puts an item on a line of this part, which it leads to. */
void engine_deliver(struct engine_part *part, uint32_t line, uint64_t at_ps,
                    const struct engine_item *item);

/* Takes what others sent during the window of that side. */
void engine_part_collect(struct engine_part *part, unsigned side);

#endif
