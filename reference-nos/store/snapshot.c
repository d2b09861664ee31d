/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots of the state machine: taking them, and handing them to a voter
 * that is too far behind for the log, in acknowledged chunks over the bulk
 * lane.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

#define CHUNK_PATIENCE_NS (1 * NS_PER_S)
#define CHUNK_TRIES 10u

struct snapshot *
snapshot_create(struct store *store, size_t size)
{
    struct snapshot *snapshot =
        mem_alloc(store->mem, sizeof(*snapshot) + size);

    if (snapshot == NULL)
        return NULL;
    memset(snapshot, 0, sizeof(*snapshot));
    snapshot->refs = 1;
    snapshot->size = size;
    return snapshot;
}

struct snapshot *
snapshot_ref(struct snapshot *snapshot)
{
    snapshot->refs++;
    return snapshot;
}

void
snapshot_unref(struct store *store, struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    CHECK(snapshot->refs > 0);
    if (--snapshot->refs == 0)
        mem_free(store->mem, snapshot, sizeof(*snapshot) + snapshot->size);
}

/* --- Taking ------------------------------------------------------------- */

static bool
is_due(const struct store *store)
{
    const struct consensus *c = store->consensus;
    uint64_t last = c->snapshot == NULL ? 0 : c->snapshot->meta.index;

    if (c->taking != NULL || c->machine.applied <= last)
        return false;
    return c->machine.applied - last >= STORE_SNAPSHOT_ENTRIES ||
           raft_log_bytes(c->raft) >= STORE_LOG_BYTES_MAX / 2;
}

int
snapshot_take_if_due(struct store *store)
{
    struct consensus *c = store->consensus;
    struct snapshot *made;
    size_t size = 0;
    int error;

    if (!is_due(store))
        return 0;
    made = snapshot_create(store, machine_save_bytes(&c->machine));
    if (made == NULL)
        return ERR_NOMEM;
    error = raft_snapshot_at(c->raft, c->machine.applied, &made->meta);
    CHECK(error == 0);
    error =
        machine_save(&c->machine, &made->meta, made->bytes, made->size, &size);
    CHECK(error == 0);
    store_charge_bytes(store, size);
    /* The block keeps its size for mem_free(); only 'size' bytes count. */
    c->taking = snapshot_create(store, size);
    if (c->taking == NULL)
        return ERR_NOMEM;
    memcpy(c->taking->bytes, made->bytes, size);
    c->taking->meta = made->meta;
    snapshot_unref(store, made);
    return disk_snapshot(&c->disk, c->taking->bytes, size,
                         c->taking->meta.index);
}

int
snapshot_taken(struct store *store, uint64_t index)
{
    struct consensus *c = store->consensus;
    struct raft_event event = {.kind = RAFT_EVENT_SNAPSHOT_TAKEN,
                               .index = index};
    struct snapshot *taken = c->taking;

    if (taken == NULL || taken->meta.index != index)
        return 0;
    c->taking = NULL;
    if (c->snapshot != NULL && c->snapshot->meta.index >= index) {
        snapshot_unref(store, taken); /* A received one overtook it. */
        return 0;
    }
    snapshot_unref(store, c->snapshot);
    c->snapshot = taken;
    return consensus_step(store, &event, NULL);
}

/* --- Sending ------------------------------------------------------------ */

static void
arm(struct store *store)
{
    struct consensus *c = store->consensus;
    uint64_t deadline_ns = TIME_NEVER_NS;

    for (unsigned i = 0; i < RAFT_MEMBERS_MAX; i++)
        if (c->sends[i].peer != 0 && c->sends[i].deadline_ns < deadline_ns)
            deadline_ns = c->sends[i].deadline_ns;
    if (deadline_ns != TIME_NEVER_NS)
        actor_timer_set(store->self, TIMER_SNAPSHOT, deadline_ns);
    else
        actor_timer_cancel(store->self, TIMER_SNAPSHOT);
}

/* Chunk: index, whole size, offset, bytes. */
static void
send_chunk(struct store *store, struct snapshot_send *send)
{
    struct consensus *c = store->consensus;
    const struct snapshot *snapshot = send->snapshot;
    size_t size = snapshot->size - send->offset;
    struct wire_writer writer;

    if (size > STORE_SNAPSHOT_CHUNK_BYTES)
        size = STORE_SNAPSHOT_CHUNK_BYTES;
    wire_writer_init(&writer, c->message, sizeof(c->message));
    wire_write_u64(&writer, snapshot->meta.index);
    wire_write_u32(&writer, (uint32_t)snapshot->size);
    wire_write_u32(&writer, (uint32_t)send->offset);
    wire_write_blob(&writer, snapshot->bytes + send->offset, size);
    (void)store_send(store, send->peer, LANE_BULK, MSG_RAFT_SNAPSHOT,
                     raft_term(c->raft), c->message,
                     wire_writer_size(&writer));
    send->deadline_ns = actor_now_ns(store->self) + CHUNK_PATIENCE_NS;
}

static struct snapshot_send *
send_find(struct consensus *c, uint64_t peer)
{
    for (unsigned i = 0; i < RAFT_MEMBERS_MAX; i++)
        if (c->sends[i].peer == peer)
            return &c->sends[i];
    return NULL;
}

void
snapshot_send_start(struct store *store, uint64_t peer)
{
    struct consensus *c = store->consensus;
    struct snapshot_send *send = send_find(c, peer);

    if (c->snapshot == NULL)
        return;
    if (send == NULL)
        send = send_find(c, 0);
    if (send == NULL)
        return;
    snapshot_unref(store, send->snapshot);
    *send = (struct snapshot_send){
        .peer = peer,
        .snapshot = snapshot_ref(c->snapshot),
    };
    send_chunk(store, send);
    arm(store);
}

static int
send_end(struct store *store, struct snapshot_send *send, int status)
{
    struct raft_event event = {.kind = RAFT_EVENT_SNAPSHOT_SENT,
                               .peer = send->peer,
                               .status = status};

    snapshot_unref(store, send->snapshot);
    memset(send, 0, sizeof(*send));
    arm(store);
    return consensus_step(store, &event, NULL);
}

int
snapshot_timer(struct store *store)
{
    struct consensus *c = store->consensus;
    uint64_t now_ns = actor_now_ns(store->self);

    for (unsigned i = 0; i < RAFT_MEMBERS_MAX; i++) {
        struct snapshot_send *send = &c->sends[i];
        int error;

        if (send->peer == 0 || send->deadline_ns > now_ns)
            continue;
        if (++send->tries < CHUNK_TRIES && raft_role(c->raft) == RAFT_LEADER) {
            send_chunk(store, send);
            continue;
        }
        error = send_end(store, send, ERR_TIMEOUT);
        if (error != 0)
            return error;
    }
    arm(store);
    return 0;
}

/* Ack: index, bytes received so far, status. */
int
snapshot_ack(struct store *store, const struct actor_message *message)
{
    struct consensus *c = store->consensus;
    struct snapshot_send *send = send_find(c, message->from.box);
    struct wire_reader reader;
    uint64_t index;
    uint32_t received;
    uint16_t status;

    wire_reader_init(&reader, message->body, message->size);
    index = wire_read_u64(&reader);
    received = wire_read_u32(&reader);
    status = wire_read_u16(&reader);
    if (wire_reader_finish(&reader) != 0 || message->from.box == 0 ||
        send == NULL || send->snapshot->meta.index != index)
        return 0;
    if (status != 0)
        return send_end(store, send, ERR_REFUSED);
    if (received > send->snapshot->size)
        return 0;
    if (received == send->snapshot->size)
        return send_end(store, send, 0);
    if (received == send->offset)
        return 0; /* An answer to a chunk sent twice. */
    send->offset = received;
    send->tries = 0;
    send_chunk(store, send);
    arm(store);
    return 0;
}

/* --- Receiving ---------------------------------------------------------- */

static void
acknowledge(struct store *store, uint64_t to, uint64_t index, size_t received,
            int status)
{
    uint8_t bytes[16];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, index);
    wire_write_u32(&writer, (uint32_t)received);
    wire_write_u16(&writer, (uint16_t)status);
    (void)store_send(store, to, LANE_BULK, MSG_RAFT_SNAPSHOT_ACK,
                     raft_term(store->consensus->raft), bytes,
                     wire_writer_size(&writer));
}

static void
receive_drop(struct store *store)
{
    struct snapshot_receive *receive = &store->consensus->receive;

    snapshot_unref(store, receive->snapshot);
    memset(receive, 0, sizeof(*receive));
}

static int
receive_whole(struct store *store)
{
    struct consensus *c = store->consensus;
    struct raft_event event = {.kind = RAFT_EVENT_SNAPSHOT_RECEIVED};
    uint64_t from = c->receive.from;
    uint64_t index = c->receive.index;
    size_t size = c->receive.received;
    int error;

    c->staged = snapshot_ref(c->receive.snapshot);
    receive_drop(store);
    error = machine_snapshot_check(c->staged->bytes, size, &c->staged->meta);
    if (error == 0 && c->staged->meta.index == index) {
        event.snapshot = &c->staged->meta;
        error = consensus_step(store, &event, NULL);
        if (error != 0)
            return error;
    }
    acknowledge(store, from, index, size, error);
    snapshot_unref(store, c->staged);
    c->staged = NULL;
    return 0;
}

static int
receive_begin(struct store *store, uint64_t from, uint64_t index, size_t size)
{
    struct snapshot_receive *receive = &store->consensus->receive;

    if (receive->from == from && receive->index == index &&
        receive->snapshot->size == size)
        return 0;
    receive_drop(store);
    receive->snapshot = snapshot_create(store, size);
    if (receive->snapshot == NULL)
        return ERR_NOMEM;
    receive->from = from;
    receive->index = index;
    return 0;
}

int
snapshot_chunk(struct store *store, const struct actor_message *message)
{
    struct consensus *c = store->consensus;
    struct snapshot_receive *receive = &c->receive;
    struct wire_reader reader;
    uint64_t index;
    uint32_t whole;
    uint32_t offset;
    const uint8_t *bytes;
    size_t size;
    int error;

    wire_reader_init(&reader, message->body, message->size);
    index = wire_read_u64(&reader);
    whole = wire_read_u32(&reader);
    offset = wire_read_u32(&reader);
    bytes = wire_read_blob(&reader, &size);
    if (wire_reader_finish(&reader) != 0 || message->from.box == 0 ||
        whole > DISK_SNAPSHOT_BYTES_MAX || offset > whole ||
        size > whole - offset || size == 0)
        return 0;
    if (message->epoch < raft_term(c->raft)) {
        acknowledge(store, message->from.box, index, 0, ERR_STALE);
        return 0;
    }
    if (index <= c->machine.applied) {
        acknowledge(store, message->from.box, index, whole, 0);
        return 0;
    }
    error = receive_begin(store, message->from.box, index, whole);
    if (error != 0)
        return error;
    store_charge_bytes(store, size);
    if (offset == receive->received) {
        memcpy(receive->snapshot->bytes + offset, bytes, size);
        receive->received += size;
    }
    if (receive->received == whole)
        return receive_whole(store);
    acknowledge(store, message->from.box, index, receive->received, 0);
    return 0;
}
