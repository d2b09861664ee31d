/* SPDX-License-Identifier: Apache-2.0
 *
 * The services of a box: a bus without a protocol, the store, a probe.
 */
#include "reference-nos/store/store_testworld_priv.h"

/* --- Network ------------------------------------------------------------ */

/* Envelope: type u16, service from u8, lane u8, epoch u64; then the body. */
void
world_post(struct world *world, struct box *from, unsigned to,
           const struct actor_message *message)
{
    unsigned source = (unsigned)(from - world->boxes);
    size_t size = 12 + message->size;
    struct packet *packet;
    struct wire_writer writer;

    world->messages++;
    if (getenv("STORE_TEST_NET") != NULL && message->type != MSG_RAFT)
        fprintf(stderr, "%.6f net %u -> %u type %u size %zu%s\n",
                (double)world->now_ns / 1e9, source, to, message->type,
                message->size, world->cut[source][to] ? " cut" : "");
    if (world->cut[source][to] ||
        (message->lane == LANE_LIVENESS &&
         world_random(world) % 100 < world->drop_percent))
        return;
    packet = calloc(1, sizeof(*packet) + size);
    packet->size = size;
    packet->to = to;
    packet->lane = message->lane;
    packet->from = from->facts.key;
    packet->at_ns =
        box_now_ns(from) + world->delay_min_ns +
        world_random(world) % (world->delay_max_ns - world->delay_min_ns + 1);
    /* The bus keeps order in all lanes but liveness. */
    if (message->lane != LANE_LIVENESS) {
        uint64_t *last = &world->last_ns[source][to][message->lane];

        if (packet->at_ns < *last && *last < world->now_ns + NS_PER_S)
            packet->at_ns = *last;
        *last = packet->at_ns;
    }
    wire_writer_init(&writer, packet->bytes, size);
    wire_write_u16(&writer, message->type);
    wire_write_u8(&writer, message->from.service);
    wire_write_u8(&writer, message->to.service);
    wire_write_u64(&writer, message->epoch);
    wire_write_bytes(&writer, message->body, message->size);
    packet_add(world, packet);
}

static int
bus_start(struct actor *self, void **state)
{
    (void)self;
    *state = NULL;
    return 0;
}

static int
bus_message(struct actor *self, const struct actor_message *message)
{
    struct box *box = box_of(actor_plat(self));
    struct world *world = box->world;

    for (unsigned to = 0; to < world->box_count; to++)
        if (message->to.box == world_key(to) ||
            (message->to.box == PLAT_ADDRESS_ALL && &world->boxes[to] != box))
            world_post(world, box, to, message);
    return 0;
}

static int
bus_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct actor_message message = {0};
    struct wire_reader reader;

    (void)state;
    if (event->kind == EV_MESSAGE)
        return bus_message(self, &event->u.message);
    if (event->kind != EV_DATAGRAM)
        return 0;
    wire_reader_init(&reader, event->u.datagram.bytes, event->u.datagram.size);
    if (event->u.datagram.bytes[0] == SESSION_MARK) {
        actor_session(self, event->u.datagram.from, 1,
                      event->u.datagram.bytes[1] != 0);
        return 0;
    }
    message.type = wire_read_u16(&reader);
    message.from.box = event->u.datagram.from;
    message.from.service = wire_read_u8(&reader);
    message.to.service = wire_read_u8(&reader);
    message.lane =
        event->u.datagram.plane == PLANE_A ? LANE_CONTROL : LANE_LIVENESS;
    message.epoch = wire_read_u64(&reader);
    message.body = reader.at;
    message.size = wire_reader_left(&reader);
    (void)actor_deliver(self, &message);
    return 0;
}

static const struct actor_kind bus_kind = {
    .id = SVC_BUS,
    .takes = TAKES_DATAGRAMS | TAKES_REMOTE,
    .memory_max_bytes = 1u << 20,
    .start = bus_start,
    .handle = bus_handle,
};

/* --- Probe -------------------------------------------------------------- */

struct mirror_row *
mirror_find(struct probe *probe, const struct store_row *row)
{
    for (unsigned i = 0; i < probe->row_count; i++) {
        const struct store_row *have = &probe->rows[i].row;

        if (have->table == row->table && have->owner == row->owner &&
            have->key_size == row->key_size &&
            memcmp(probe->rows[i].key, row->key, row->key_size) == 0)
            return &probe->rows[i];
    }
    return NULL;
}

static void
mirror_apply(struct probe *probe, const struct store_row *row)
{
    struct mirror_row *mirror = mirror_find(probe, row);

    if (row->deleted) {
        if (mirror != NULL)
            *mirror = probe->rows[--probe->row_count];
        return;
    }
    if (mirror == NULL) {
        ck_assert_uint_lt(probe->row_count, MIRROR_ROWS_MAX);
        mirror = &probe->rows[probe->row_count++];
    }
    mirror->row = *row;
    memcpy(mirror->key, row->key, row->key_size);
    memcpy(mirror->value, row->value,
           row->value_size < sizeof(mirror->value) ? row->value_size
                                                   : sizeof(mirror->value));
}

static void
probe_delta(struct probe *probe, struct wire_reader *reader)
{
    struct store_delta delta;
    struct store_row row;

    ck_assert_int_eq(store_delta_read(reader, &delta), 0);
    probe->deltas++;
    probe->index = delta.index;
    if (delta.flags & STORE_DELTA_FIRST) {
        probe->row_count = 0;
        probe->firsts++;
    }
    while (store_row_read(reader, &row) == 0)
        mirror_apply(probe, &row);
    ck_assert_uint_eq(wire_reader_left(reader), 0);
    if (delta.flags & STORE_DELTA_LAST)
        probe->lasts++;
}

static void
probe_role(struct probe *probe, struct wire_reader *reader)
{
    struct store_role_change change;

    ck_assert_int_eq(store_role_read(reader, &change), 0);
    if (change.role == STORE_RESTARTED)
        probe->restarted++;
    probe->ready_term = change.role == STORE_LEADER_READY ? change.term : 0;
}

static int
probe_message(struct actor *self, struct probe *probe,
              const struct actor_message *message)
{
    struct actor_address store = {0, SVC_STORE};
    unsigned restarted = probe->restarted;
    struct wire_reader reader;

    wire_reader_init(&reader, message->body, message->size);
    switch (message->type) {
    case MSG_STORE_DELTA: probe_delta(probe, &reader); break;
    case MSG_STORE_ROLE: probe_role(probe, &reader); break;
    case MSG_STORE_TXN_DONE:
        ck_assert_int_eq(store_txn_done_read(&reader, &probe->done), 0);
        probe->dones++;
        break;
    case MSG_STORE_READ_DONE:
        ck_assert_int_eq(store_read_done_read(&reader, &probe->read), 0);
        memcpy(probe->read_value, probe->read.value, probe->read.value_size);
        probe->reads++;
        break;
    case MSG_STORE_VOTER_DONE:
        ck_assert_int_eq(store_voter_done_read(&reader, &probe->voter), 0);
        probe->voters++;
        break;
    default: break;
    }
    if (probe->restarted != restarted && probe->watches)
        (void)actor_send(self, store, LANE_CONTROL, MSG_STORE_WATCH, 0,
                         probe->watch, probe->watch_size);
    return 0;
}

static int
probe_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct box *box = box_of(actor_plat(self));
    struct actor_address store = {0, SVC_STORE};
    const uint8_t *bytes;

    (void)state;
    if (event->kind == EV_MESSAGE)
        return probe_message(self, &box->probe, &event->u.message);
    if (event->kind != EV_OPERATOR)
        return 0;
    bytes = event->u.operation.bytes;
    (void)actor_send(self, store, LANE_CONTROL,
                     (uint16_t)(bytes[0] << 8 | bytes[1]), 0, bytes + 2,
                     event->u.operation.size - 2);
    return 0;
}

static const struct actor_kind probe_kind = {
    .id = SVC_CLUSTER,
    .takes = TAKES_OPERATOR,
    .memory_max_bytes = 1u << 20,
    .start = bus_start,
    .handle = probe_handle,
};

/* The store, with an allocation that fails once. */
static int
store_start(struct actor *self, void **state)
{
    struct box *box = box_of(actor_plat(self));

    box->store_mem = actor_mem(self);
    if (box->fail_after != UINT64_MAX) {
        mem_fail_after(actor_mem(self), box->fail_after);
        box->fail_after = UINT64_MAX;
    }
    return store_kind.start(self, state);
}

static int
store_handle(struct actor *self, void *state, const struct actor_event *event)
{
    return store_kind.handle(self, state, event);
}

static const struct actor_kind wrapped_store_kind = {
    .id = SVC_STORE,
    .takes = TAKES_SESSIONS,
    .memory_max_bytes = STORE_MEMORY_BYTES_MAX,
    .start = store_start,
    .handle = store_handle,
};

const struct actor_kind *const world_kinds[3] = {
    &bus_kind, &wrapped_store_kind, &probe_kind};
