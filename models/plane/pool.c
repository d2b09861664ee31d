/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets in use.  A part keeps a few free ones at hand and trades blocks
 * with the pool, so that packets freed elsewhere than where they were taken
 * come back.  Which packet is taken never shows in an outcome.
 */
#include <stdlib.h>
#include <string.h>

#include "models/plane/plane_priv.h"

void *
plane_alloc(struct data_plane *plane, size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);

    CHECK(memory != NULL);
    plane->own_bytes += count * size;
    return memory;
}

void
plane_pool_init(struct packet_pool *pool)
{
    int err = pthread_mutex_init(&pool->lock, NULL);

    CHECK(err == 0);
    pool->chunks = calloc(POOL_CHUNKS_MAX, sizeof(struct packet *));
    CHECK(pool->chunks != NULL);
}

void
plane_pool_fini(struct packet_pool *pool)
{
    if (pool->chunks == NULL)
        return;
    for (unsigned i = 0; i < pool->chunk_count; i++)
        free(pool->chunks[i]);
    free(pool->chunks);
    free(pool->spare);
    (void)pthread_mutex_destroy(&pool->lock);
}

static void
pool_spare_add(struct packet_pool *pool, const uint32_t *refs, size_t count)
{
    if (pool->spare_count + count > pool->spare_room) {
        size_t room = pool->spare_room * 2 + POOL_CHUNK;
        uint32_t *spare = realloc(pool->spare, room * sizeof(*spare));

        CHECK(spare != NULL);
        pool->spare = spare;
        pool->spare_room = room;
    }
    memcpy(pool->spare + pool->spare_count, refs, count * sizeof(*refs));
    pool->spare_count += count;
}

static void
pool_grow(struct packet_pool *pool)
{
    uint32_t first = pool->chunk_count << POOL_CHUNK_BITS;
    uint32_t refs[POOL_BLOCK];
    struct packet *chunk;

    CHECK(pool->chunk_count < POOL_CHUNKS_MAX);
    chunk = aligned_alloc(128, POOL_CHUNK * sizeof(*chunk));
    CHECK(chunk != NULL);
    memset(chunk, 0, POOL_CHUNK * sizeof(*chunk));
    pool->chunks[pool->chunk_count] = chunk;
    pool->chunk_count++;
    for (uint32_t i = POOL_CHUNK; i > 0; i -= POOL_BLOCK) {
        for (uint32_t j = 0; j < POOL_BLOCK; j++)
            refs[j] = first + i - 1 - j;
        pool_spare_add(pool, refs, POOL_BLOCK);
    }
}

uint32_t
plane_packet_take(struct plane_part *part)
{
    struct packet_pool *pool = &part->plane->pool;

    if (part->free_count == 0) {
        (void)pthread_mutex_lock(&pool->lock);
        if (pool->spare_count == 0)
            pool_grow(pool);
        pool->spare_count -= POOL_BLOCK;
        memcpy(part->free, pool->spare + pool->spare_count,
               sizeof(uint32_t) * POOL_BLOCK);
        (void)pthread_mutex_unlock(&pool->lock);
        part->free_count = POOL_BLOCK;
    }
    return part->free[--part->free_count];
}

void
plane_packet_free(struct plane_part *part, uint32_t ref)
{
    struct packet_pool *pool = &part->plane->pool;

    plane_packet(part->plane, ref)->state = PACKET_FREE;
    if (part->free_count == 2 * POOL_BLOCK) {
        (void)pthread_mutex_lock(&pool->lock);
        pool_spare_add(pool, part->free, POOL_BLOCK);
        (void)pthread_mutex_unlock(&pool->lock);
        part->free_count = POOL_BLOCK;
        memcpy(part->free, part->free + POOL_BLOCK,
               sizeof(uint32_t) * POOL_BLOCK);
    }
    part->free[part->free_count++] = ref;
}
