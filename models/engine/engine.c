/* SPDX-License-Identifier: Apache-2.0 */
#include "models/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "models/engine/engine_priv.h"
#include "reference-nos/base/check.h"

#define RING_MIN 4u
#define RING_MAX (1u << 31)

#define CHUNK_BYTES ((size_t)1 << 16)

/* ---- memory of parts ---------------------------------------------------- */

static struct engine_slot *
slots_make(struct engine_part *part, size_t count)
{
    struct engine_chunk *chunk = part->chunks;
    size_t bytes = count * sizeof(struct engine_slot);

    if (chunk == NULL || chunk->bytes - chunk->used < bytes) {
        size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;

        size = (size + 63) / 64 * 64;
        chunk = aligned_alloc(64, sizeof(*chunk) + size);
        CHECK(chunk != NULL);
        chunk->next = part->chunks;
        chunk->bytes = size;
        chunk->used = 0;
        part->chunks = chunk;
    }
    unsigned char *memory = chunk->memory + chunk->used;

    chunk->used += bytes;
    return (struct engine_slot *)(void *)memory;
}

static void
chunks_free(struct engine_chunk *chunk)
{
    while (chunk != NULL) {
        struct engine_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
}

/* ---- building ----------------------------------------------------------- */

static struct engine_part *
part_create(struct engine *engine, unsigned index)
{
    size_t size = (sizeof(struct engine_part) + 127) / 128 * 128;
    struct engine_part *part = aligned_alloc(128, size);

    CHECK(part != NULL);
    memset(part, 0, sizeof(*part));
    part->engine = engine;
    part->index = index;
    part->digest = engine->options.digest;
    wheel_init(&part->wheel);
    for (int side = 0; side < 2; side++) {
        part->outboxes[side] =
            calloc(engine->options.parts, sizeof(struct engine_outbox));
        CHECK(part->outboxes[side] != NULL);
    }
    return part;
}

int
engine_create(const struct engine_options *options, struct engine **out)
{
    struct engine *engine;

    if (options->parts < 1 || options->parts > ENGINE_PARTS_MAX ||
        options->threads < 1 || options->threads > ENGINE_THREADS_MAX ||
        (options->parts > 1 && options->window_ps == 0))
        return ERR_INVALID;
    engine = calloc(1, sizeof(*engine));
    CHECK(engine != NULL);
    engine->options = *options;
    engine->parts = calloc(options->parts, sizeof(struct engine_part *));
    CHECK(engine->parts != NULL);
    for (unsigned i = 0; i < options->parts; i++)
        engine->parts[i] = part_create(engine, i);
    *out = engine;
    return 0;
}

static void
part_destroy(struct engine_part *part, unsigned parts)
{
    wheel_fini(&part->wheel);
    chunks_free(part->chunks);
    for (int side = 0; side < 2; side++) {
        for (unsigned i = 0; i < parts; i++)
            free(part->outboxes[side][i].parcels);
        free(part->outboxes[side]);
    }
    free(part);
}

void
engine_destroy(struct engine *engine)
{
    if (engine == NULL)
        return;
    for (unsigned i = 0; i < engine->options.parts; i++)
        part_destroy(engine->parts[i], engine->options.parts);
    free(engine->nodes);
    free(engine->routes);
    free(engine->parts);
    free(engine);
}

static void
nodes_grow(struct engine *engine)
{
    uint32_t capacity =
        engine->node_capacity == 0 ? 256 : engine->node_capacity * 2;
    struct engine_node *nodes = aligned_alloc(64, capacity * sizeof(*nodes));
    struct engine_route *routes =
        realloc(engine->routes, capacity * sizeof(*routes));

    CHECK(nodes != NULL && routes != NULL && capacity > engine->node_capacity);
    if (engine->node_count > 0)
        memcpy(nodes, engine->nodes, engine->node_count * sizeof(*nodes));
    free(engine->nodes);
    engine->nodes = nodes;
    engine->routes = routes;
    engine->node_capacity = capacity;
    for (unsigned i = 0; i < engine->options.parts; i++) {
        engine->parts[i]->nodes = nodes;
        engine->parts[i]->routes = routes;
        engine->parts[i]->wheel.entries = (char *)nodes;
    }
}

static struct engine_node *
node_add(struct engine *engine, unsigned from, unsigned to,
         engine_handler *handler, uint32_t owner)
{
    CHECK(from < engine->options.parts && to < engine->options.parts);
    CHECK(handler != NULL && !engine->running);
    if (engine->node_count == engine->node_capacity)
        nodes_grow(engine);
    uint32_t id = engine->node_count++;
    struct engine_node *node = &engine->nodes[id];

    memset(node, 0, sizeof(*node));
    node->handler = handler;
    node->owner = owner;
    engine->routes[id] = (struct engine_route){(uint8_t)from, (uint8_t)to};
    return node;
}

uint32_t
engine_line_add(struct engine *engine, unsigned from, unsigned to,
                engine_handler *handler, uint32_t owner, unsigned capacity)
{
    struct engine_node *node = node_add(engine, from, to, handler, owner);
    uint32_t slots = RING_MIN;

    while (slots < capacity && slots < RING_MAX)
        slots *= 2;
    node->ring = slots_make(engine->parts[to], slots);
    node->mask = slots - 1;
    return engine->node_count - 1;
}

uint32_t
engine_timer_add(struct engine *engine, unsigned part, engine_handler *handler,
                 uint32_t owner)
{
    struct engine_node *node = node_add(engine, part, part, handler, owner);

    node->due_ps = ENGINE_NEVER;
    return engine->node_count - 1;
}

void
engine_context_set(struct engine *engine, unsigned part, void *context)
{
    CHECK(part < engine->options.parts);
    engine->parts[part]->context = context;
}

struct engine_part *
engine_part(struct engine *engine, unsigned part)
{
    CHECK(part < engine->options.parts);
    return engine->parts[part];
}

/* ---- for handlers ------------------------------------------------------- */

uint64_t
engine_now_ps(const struct engine_part *part)
{
    return part->now_ps;
}

void *
engine_context(const struct engine_part *part)
{
    return part->context;
}

unsigned
engine_part_index(const struct engine_part *part)
{
    return part->index;
}

/* What it outgrows stays with the part: no more than it has now. */
static void
ring_grow(struct engine_part *part, struct engine_node *node)
{
    uint32_t slots = node->mask + 1;
    struct engine_slot *ring;

    CHECK(slots < RING_MAX);
    ring = slots_make(part, 2 * (size_t)slots);
    for (uint32_t i = 0; i < slots; i++)
        ring[i] = node->ring[(node->head + i) & node->mask];
    node->ring = ring;
    node->head = 0;
    node->mask = 2 * slots - 1;
}

static inline void
deliver(struct engine_part *part, uint32_t line, uint64_t at_ps,
        const struct engine_item *item)
{
    struct engine_node *node = &part->nodes[line];

    if (node->count == 0) {
        node->entry.at_ps = at_ps;
        wheel_insert(&part->wheel, line, &node->entry);
    } else {
        uint32_t last = (node->head + node->count - 1) & node->mask;

        CHECK(at_ps >= node->ring[last].at_ps);
        if (UNLIKELY(node->count > node->mask))
            ring_grow(part, node);
    }
    node->ring[(node->head + node->count++) & node->mask] =
        (struct engine_slot){at_ps, *item};
}

void
engine_deliver(struct engine_part *part, uint32_t line, uint64_t at_ps,
               const struct engine_item *item)
{
    deliver(part, line, at_ps, item);
}

/* Onto a line that leads to another part. */
static void
push_across(struct engine_part *part, uint32_t line, uint64_t at_ps,
            const struct engine_item *item)
{
    struct engine *engine = part->engine;
    struct engine_route route = part->routes[line];

    CHECK(route.from == part->index);
    if (!engine->running) {
        deliver(engine->parts[route.to], line, at_ps, item);
        return;
    }
    struct engine_outbox *box = &part->outboxes[part->side][route.to];

    CHECK(at_ps - part->now_ps >= engine->options.window_ps);
    if (UNLIKELY(box->count == box->capacity)) {
        box->capacity = box->capacity == 0 ? 256 : box->capacity * 2;
        box->parcels =
            realloc(box->parcels, box->capacity * sizeof(*box->parcels));
        CHECK(box->parcels != NULL);
    }
    box->parcels[box->count++] =
        (struct engine_parcel){at_ps, item->word, item->ref, line};
    if (at_ps < part->tidings[part->side].sent_ps)
        part->tidings[part->side].sent_ps = at_ps;
}

void
engine_push(struct engine_part *part, uint32_t line, uint64_t at_ps,
            struct engine_item item)
{
    struct engine_route route = part->routes[line];

    CHECK(at_ps >= part->now_ps);
    if (LIKELY(route.from == part->index && route.to == part->index))
        deliver(part, line, at_ps, &item);
    else
        push_across(part, line, at_ps, &item);
}

/* A timer that is set again for later keeps its place in the set: when that
 * comes up, it moves on. */
void
engine_timer_set(struct engine_part *part, uint32_t timer, uint64_t at_ps)
{
    struct engine_node *node = &part->nodes[timer];

    CHECK(part->routes[timer].to == part->index);
    CHECK(engine_node_is_timer(node));
    CHECK(at_ps >= part->now_ps && at_ps != ENGINE_NEVER);
    node->due_ps = at_ps;
    if (node->count > 0) {
        if (at_ps >= node->entry.at_ps)
            return;
        wheel_remove(&part->wheel, timer);
    }
    node->count = 1;
    node->entry.at_ps = at_ps;
    wheel_insert(&part->wheel, timer, &node->entry);
}

void
engine_timer_cancel(struct engine_part *part, uint32_t timer)
{
    struct engine_node *node = &part->nodes[timer];

    CHECK(part->routes[timer].to == part->index);
    CHECK(engine_node_is_timer(node));
    node->due_ps = ENGINE_NEVER;
}

void
engine_line_clear(struct engine *engine, uint32_t line,
                  void (*lost)(void *context, const struct engine_item *),
                  void *context)
{
    CHECK(line < engine->node_count && !engine->running);
    struct engine_node *node = &engine->nodes[line];
    uint32_t count = node->count;

    CHECK(!engine_node_is_timer(node));
    if (count == 0)
        return;
    wheel_remove(&engine->parts[engine->routes[line].to]->wheel, line);
    node->count = 0;
    for (uint32_t i = 0; lost != NULL && i < count; i++)
        lost(context, &node->ring[(node->head + i) & node->mask].item);
}

/* ---- firing ------------------------------------------------------------- */

/* Each step is a bijection of the value so far. */
static inline void
digest_feed(struct engine_node *node, uint64_t at_ps, uint64_t word)
{
    uint64_t value = node->digest + at_ps;

    value ^= word * UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 32) * UINT64_C(0xd6e8feb86659fd93);
    node->digest = value ^ value >> 29;
}

static inline void
line_fire(struct engine_part *part, uint32_t id, struct engine_node *node)
{
    struct engine_item item = node->ring[node->head].item;

    node->head = (node->head + 1) & node->mask;
    if (--node->count > 0) {
        node->entry.at_ps = node->ring[node->head].at_ps;
        wheel_insert(&part->wheel, id, &node->entry);
    }
    if (part->digest)
        digest_feed(node, part->now_ps, item.word);
    part->fired++;
    node->handler(part, node->owner, &item);
}

/* False: nothing was due, the timer had been moved or cancelled. */
static bool
timer_settle(struct engine_part *part, uint32_t id, struct engine_node *node)
{
    node->count = 0;
    if (node->due_ps == node->entry.at_ps)
        return true;
    if (node->due_ps != ENGINE_NEVER) {
        node->count = 1;
        node->entry.at_ps = node->due_ps;
        wheel_insert(&part->wheel, id, &node->entry);
    }
    return false;
}

static void
timer_fire(struct engine_part *part, uint32_t id, struct engine_node *node)
{
    static const struct engine_item none;

    if (!timer_settle(part, id, node))
        return;
    node->due_ps = ENGINE_NEVER;
    if (part->digest)
        digest_feed(node, part->now_ps, 0);
    part->fired++;
    node->handler(part, node->owner, &none);
}

static inline void
prefetch(const struct engine_node *node)
{
    if (!engine_node_is_timer(node))
        PREFETCH(&node->ring[node->head]);
}

void
engine_part_run(struct engine_part *part, uint64_t until_ps)
{
    struct wheel *wheel = &part->wheel;

    for (;;) {
        if (wheel->sorted_count == 0 && !wheel_turn(wheel, until_ps))
            break;
        uint64_t key = wheel->sorted[wheel->sorted_count - 1];
        uint64_t at_ps = (wheel->tick << wheel->shift) + (key >> 32);
        uint32_t id = (uint32_t)key;
        struct engine_node *node = &part->nodes[id];

        if (at_ps > until_ps)
            break;
        wheel->sorted_count--;
        part->now_ps = at_ps;
        if (wheel->sorted_count > 0) {
            key = wheel->sorted[wheel->sorted_count - 1];
            prefetch(&part->nodes[(uint32_t)key]);
        }
        if (LIKELY(!engine_node_is_timer(node)))
            line_fire(part, id, node);
        else
            timer_fire(part, id, node);
    }
}

uint64_t
engine_part_next(struct engine_part *part)
{
    uint32_t id;

    while (wheel_first(&part->wheel, &id)) {
        struct engine_node *node = &part->nodes[id];

        if (!engine_node_is_timer(node) || node->due_ps == node->entry.at_ps)
            return node->entry.at_ps;
        wheel_remove(&part->wheel, id);
        (void)timer_settle(part, id, node);
    }
    return ENGINE_NEVER;
}

void
engine_part_collect(struct engine_part *part, unsigned side)
{
    struct engine *engine = part->engine;

    for (unsigned i = 0; i < engine->options.parts; i++) {
        struct engine_outbox *box =
            &engine->parts[i]->outboxes[side][part->index];

        for (size_t k = 0; k < box->count; k++) {
            const struct engine_parcel *parcel = &box->parcels[k];
            struct engine_item item = {parcel->word, parcel->ref};

            deliver(part, parcel->line, parcel->at_ps, &item);
        }
        box->count = 0;
    }
}

/* ---- what came of it ---------------------------------------------------- */

bool
engine_next(const struct engine *engine, uint64_t *at_ps)
{
    uint64_t first = ENGINE_NEVER;

    for (unsigned i = 0; i < engine->options.parts; i++) {
        uint64_t next = engine_part_next(engine->parts[i]);

        first = next < first ? next : first;
    }
    if (first == ENGINE_NEVER)
        return false;
    *at_ps = first;
    return true;
}

uint64_t
engine_events(const struct engine *engine)
{
    uint64_t events = 0;

    for (unsigned i = 0; i < engine->options.parts; i++)
        events += engine->parts[i]->fired;
    return events;
}

struct digest_value
engine_digest(const struct engine *engine)
{
    struct run_digest *digest = run_digest_create(0);
    struct digest_value value;

    for (uint32_t id = 0; id < engine->node_count; id++)
        run_digest_feed_u64(digest, engine->nodes[id].digest);
    value = run_digest_value(digest);
    run_digest_destroy(digest);
    return value;
}

size_t
engine_memory_bytes(const struct engine *engine)
{
    size_t bytes = sizeof(*engine) +
                   engine->node_capacity * (sizeof(struct engine_node) +
                                            sizeof(struct engine_route));

    for (unsigned i = 0; i < engine->options.parts; i++) {
        const struct engine_part *part = engine->parts[i];

        for (const struct engine_chunk *chunk = part->chunks; chunk != NULL;
             chunk = chunk->next)
            bytes += sizeof(*chunk) + chunk->bytes;
        bytes += sizeof(*part) + wheel_memory_bytes(&part->wheel);
        for (unsigned k = 0; k < 2 * engine->options.parts; k++)
            bytes += part->outboxes[k % 2][k / 2].capacity *
                     sizeof(struct engine_parcel);
    }
    return bytes;
}
