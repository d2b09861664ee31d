/* SPDX-License-Identifier: Apache-2.0
 *
 * What a test tells a box, and what it asks its probe.
 */
#include "reference-nos/store/store_testworld_priv.h"

void
world_session(struct world *world, unsigned box, unsigned peer, bool up)
{
    uint8_t bytes[2] = {SESSION_MARK, up};

    runtime_datagram(world->boxes[box].runtime, PLANE_A, world_key(peer),
                     LANE_CONTROL, bytes, sizeof(bytes));
}

void
world_tell(struct world *world, unsigned box, uint16_t type,
           const struct wire_writer *body)
{
    size_t size = body == NULL ? 0 : wire_writer_size(body);
    uint8_t *bytes = malloc(size + 2);

    bytes[0] = (uint8_t)(type >> 8);
    bytes[1] = (uint8_t)type;
    if (size > 0)
        memcpy(bytes + 2, body->start, size);
    if (world->boxes[box].runtime != NULL)
        runtime_operator(world->boxes[box].runtime, 0, bytes, size + 2);
    free(bytes);
    box_work(&world->boxes[box]);
}

int
world_leader(struct world *world)
{
    int leader = -1;

    for (unsigned i = 0; i < world->box_count; i++)
        if (world->boxes[i].runtime != NULL &&
            world->boxes[i].probe.ready_term != 0 &&
            (leader < 0 || world->boxes[i].probe.ready_term >
                               world->boxes[leader].probe.ready_term))
            leader = (int)i;
    return leader;
}

void
world_watch(struct world *world, unsigned box, uint64_t conf, uint64_t state)
{
    struct store_watch watch = {conf, state, true};
    uint8_t bytes[32];
    struct wire_writer writer;

    world->boxes[box].probe.ready_term = 0;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_watch_write(&writer, &watch);
    world->boxes[box].probe.watches = true;
    world->boxes[box].probe.watch_size = wire_writer_size(&writer);
    memcpy(world->boxes[box].probe.watch, bytes, wire_writer_size(&writer));
    world_tell(world, box, MSG_STORE_WATCH, &writer);
}

static void
key_of(uint32_t number, struct key_bytes *key)
{
    struct wire_writer writer;

    wire_writer_init(&writer, key->bytes, sizeof(key->bytes));
    wire_write_u32(&writer, number);
    key->size = 4;
}

void
world_put(struct world *world, unsigned box, uint64_t client,
          uint64_t sequence, enum table table, uint32_t key, uint32_t value)
{
    struct store_txn txn = {client, sequence, 0};
    struct key_bytes row_key;
    struct row_bytes row_value = {.size = 4};
    uint8_t bytes[128];
    struct wire_writer writer;

    key_of(key, &row_key);
    wire_writer_init(&writer, row_value.bytes, 4);
    wire_write_u32(&writer, value);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_txn_begin(&writer, &txn);
    store_txn_add(&writer, STORE_OP_PUT, table, &row_key, &row_value, 0);
    world_tell(world, box, MSG_STORE_TXN, &writer);
}

void
world_state_put(struct world *world, unsigned box, enum table table,
                uint32_t key, uint32_t value, bool deleted)
{
    struct key_bytes row_key;
    uint8_t value_bytes[4];
    uint8_t bytes[128];
    struct wire_writer writer;
    struct store_row row = {.table = table, .deleted = deleted};

    key_of(key, &row_key);
    wire_writer_init(&writer, value_bytes, 4);
    wire_write_u32(&writer, value);
    row.key = row_key.bytes;
    row.key_size = row_key.size;
    row.value = value_bytes;
    row.value_size = deleted ? 0 : 4;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_row_add(&writer, &row);
    world_tell(world, box, MSG_STORE_STATE_PUT, &writer);
}

void
world_upstream(struct world *world, unsigned box, int active, int standby,
               uint64_t term)
{
    struct store_upstream upstream = {
        .active = active < 0 ? 0 : world_key((unsigned)active),
        .standby = standby < 0 ? 0 : world_key((unsigned)standby),
        .term = term,
    };
    uint8_t bytes[32];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_upstream_write(&writer, &upstream);
    world_tell(world, box, MSG_STORE_UPSTREAM, &writer);
}

void
world_peer(struct world *world, unsigned box, unsigned peer, bool up)
{
    struct store_peer body = {world_key(peer), up};
    uint8_t bytes[16];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_peer_write(&writer, &body);
    world_tell(world, box, MSG_STORE_PEER, &writer);
}

void
world_cut(struct world *world, unsigned box, bool cut)
{
    for (unsigned i = 0; i < world->box_count; i++)
        if (i != box)
            world->cut[box][i] = world->cut[i][box] = cut;
}

void
world_inject(struct world *world, unsigned from, unsigned to, uint16_t type,
             uint64_t epoch, const void *body, size_t size)
{
    struct actor_message message = {
        .from = {0, SVC_STORE},
        .to = {world_key(to), SVC_STORE},
        .lane = LANE_CONTROL,
        .type = type,
        .epoch = epoch,
        .body = body,
        .size = size,
    };

    world_post(world, &world->boxes[from], to, &message);
}

int64_t
world_mirror(struct world *world, unsigned box, uint64_t owner,
             enum table table, uint32_t key)
{
    struct key_bytes row_key;
    struct store_row row = {.table = table, .owner = owner};
    const struct mirror_row *mirror;

    key_of(key, &row_key);
    row.key = row_key.bytes;
    row.key_size = row_key.size;
    mirror = mirror_find(&world->boxes[box].probe, &row);
    if (mirror == NULL)
        return -1;
    return (int64_t)((uint32_t)mirror->value[0] << 24 |
                     (uint32_t)mirror->value[1] << 16 |
                     (uint32_t)mirror->value[2] << 8 | mirror->value[3]);
}
