/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/store_testworld.h"

#include "reference-nos/store/store.h"

#define SESSION_MARK 0xff

struct packet {
    uint64_t at_ns;
    uint64_t sequence;
    unsigned to;
    enum lane lane;
    size_t size;
    uint64_t from;
    struct packet *next;
    uint8_t bytes[];
};

uint64_t
world_key(unsigned box)
{
    return 0x1000u + box;
}

uint64_t
world_random(struct world *world)
{
    uint64_t z = (world->random += 0x9e3779b97f4a7c15ull);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static struct box *
box_of(struct plat *plat)
{
    return (struct box *)plat;
}

static uint64_t
box_now_ns(const struct box *box)
{
    uint64_t now_ns = box->world->now_ns;

    return (now_ns > box->clock_ns ? now_ns : box->clock_ns) + box->charged_ns;
}

/* --- Disk --------------------------------------------------------------- */

static void
file_apply(struct file *file, const struct file_op *op, size_t part)
{
    switch (op->kind) {
    case OP_APPEND:
        file->bytes = realloc(file->bytes, file->size + part + 1);
        memcpy(file->bytes + file->size, op->bytes, part);
        file->size += part;
        return;
    case OP_TRUNCATE:
        if (op->size < file->size)
            file->size = op->size;
        return;
    case OP_REPLACE:
        file->bytes = realloc(file->bytes, op->size + 1);
        memcpy(file->bytes, op->bytes, op->size);
        file->size = op->size;
        return;
    case OP_SYNC: return;
    }
}

static void
op_free(struct file_op *op)
{
    free(op->bytes);
    free(op);
}

static void
file_view(struct box *box, enum storage_file file, struct file *view)
{
    view->size = box->files[file].size;
    view->bytes = malloc(view->size + 1);
    if (view->size != 0)
        memcpy(view->bytes, box->files[file].bytes, view->size);
    for (struct file_op *op = box->ops; op != NULL; op = op->next)
        if (op->file == file)
            file_apply(view, op, op->size);
}

static void packet_add(struct world *world, struct packet *packet);

/* Completions come as packets with lane LANE_COUNT. */
static void
op_add(struct box *box, struct file_op *op)
{
    struct file_op **end = &box->ops;
    struct packet *packet;

    while (*end != NULL)
        end = &(*end)->next;
    *end = op;
    if (op->kind != OP_SYNC && op->kind != OP_REPLACE)
        return;
    packet = calloc(1, sizeof(*packet));
    packet->at_ns = box_now_ns(box) + box->disk_ns;
    packet->to = (unsigned)(box - box->world->boxes);
    packet->lane = LANE_COUNT;
    packet->from = box->lives;
    packet_add(box->world, packet);
}

static struct file_op *
op_make(int kind, enum storage_file file, const void *bytes, size_t size,
        unsigned service, uint64_t token)
{
    struct file_op *op = calloc(1, sizeof(*op));

    op->kind = kind;
    op->file = file;
    op->size = size;
    op->service = service;
    op->token = token;
    if (bytes != NULL) {
        op->bytes = malloc(size + 1);
        memcpy(op->bytes, bytes, size);
    }
    return op;
}

static int
plat_append(struct plat *plat, enum storage_file file, const void *bytes,
            size_t size)
{
    op_add(box_of(plat), op_make(OP_APPEND, file, bytes, size, 0, 0));
    return 0;
}

static int
plat_truncate(struct plat *plat, enum storage_file file, uint64_t size)
{
    op_add(box_of(plat), op_make(OP_TRUNCATE, file, NULL, size, 0, 0));
    return 0;
}

static int
plat_sync(struct plat *plat, enum storage_file file, unsigned service,
          uint64_t token)
{
    op_add(box_of(plat), op_make(OP_SYNC, file, NULL, 0, service, token));
    return 0;
}

static int
plat_replace(struct plat *plat, enum storage_file file, const void *bytes,
             size_t size, unsigned service, uint64_t token)
{
    op_add(box_of(plat),
           op_make(OP_REPLACE, file, bytes, size, service, token));
    return 0;
}

static int
plat_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    struct file view;

    file_view(box_of(plat), file, &view);
    *size = view.size;
    free(view.bytes);
    return 0;
}

static int
plat_read(struct plat *plat, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    struct file view;
    int error = ERR_IO;

    file_view(box_of(plat), file, &view);
    if (offset + size <= view.size) {
        memcpy(bytes, view.bytes + offset, size);
        error = 0;
    }
    free(view.bytes);
    return error;
}

/* The disk finished its queue up to the next op that answers. */
static void
disk_done(struct box *box)
{
    while (box->ops != NULL) {
        struct file_op *op = box->ops;
        bool answers = op->kind == OP_SYNC || op->kind == OP_REPLACE;
        int error = answers ? box->disk_error : 0;

        box->ops = op->next;
        if (error == 0)
            file_apply(&box->files[op->file], op, op->size);
        if (answers && box->runtime != NULL)
            runtime_storage_done(box->runtime, op->service, op->token, error);
        op_free(op);
        if (answers)
            return;
    }
}

/* --- The rest of the door ----------------------------------------------- */

static uint64_t
plat_now(struct plat *plat)
{
    return box_now_ns(box_of(plat));
}

static uint64_t
plat_random(struct plat *plat)
{
    return world_random(box_of(plat)->world);
}

static void
plat_wake(struct plat *plat, uint64_t deadline_ns)
{
    box_of(plat)->wake_ns = deadline_ns;
}

static void
plat_ready(struct plat *plat, unsigned service)
{
    box_of(plat)->pending |= 1u << service;
}

static void
plat_charge(struct plat *plat, enum cost cost, uint64_t units)
{
    box_of(plat)->charged_ns += units * cost_default_ns(cost);
}

static void
plat_datagram(struct plat *plat, enum plane plane, uint64_t to, enum lane lane,
              const void *bytes, size_t size)
{
    (void)plat, (void)plane, (void)to, (void)lane, (void)bytes, (void)size;
}

static void
plat_packet(struct plat *plat, unsigned port, const void *bytes, size_t size)
{
    (void)plat, (void)port, (void)bytes, (void)size;
}

static int
plat_blob(struct plat *plat, const char *name, const void **bytes,
          size_t *size)
{
    (void)plat, (void)name, (void)bytes, (void)size;
    return ERR_NOENT;
}

static void *
plat_take(struct plat *plat, size_t size)
{
    struct box *box = box_of(plat);

    if (box->chunks_left == 0)
        return NULL;
    if (box->chunks_left != UINT64_MAX)
        box->chunks_left--;
    box->held_bytes += size;
    return aligned_alloc(16, (size + 15) & ~(size_t)15);
}

static void
plat_give(struct plat *plat, void *chunk, size_t size)
{
    box_of(plat)->held_bytes -= size;
    free(chunk);
}

static void
plat_reply(struct plat *plat, uint64_t token, const void *bytes, size_t size)
{
    (void)plat, (void)token, (void)bytes, (void)size;
}

static void
plat_log(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    if (getenv("STORE_TEST_LOG") != NULL)
        fprintf(stderr, "%.6f box %u service %u <%d> %s\n",
                (double)box_of(plat)->world->now_ns / 1e9,
                (unsigned)(box_of(plat) - box_of(plat)->world->boxes), service,
                (int)severity, text);
}

static void
note_applied(struct world *world, const struct trace_record *record)
{
    struct applied *applied;

    if (record->a >= APPLIED_MAX)
        return;
    applied = &world->applied[record->a];
    if (applied->set &&
        (applied->term != record->b || applied->high != record->c ||
         applied->low != record->d))
        world->divergences++;
    applied->set = true;
    applied->term = record->b;
    applied->high = record->c;
    applied->low = record->d;
}

static void
plat_trace(struct plat *plat, const struct trace_record *record)
{
    struct box *box = box_of(plat);
    struct world *world = box->world;

    if (record->kind == TRACE_APPLIED)
        note_applied(world, record);
    if (record->kind == TRACE_ALARM)
        box->alarms++;
    if (record->kind == TRACE_SERVICE_DIED)
        box->deaths++;
    if (record->kind == TRACE_LEADER)
        world->elections++;
    if (record->kind == TRACE_WRITE_REFUSED)
        box->refused++;
    if (record->kind == TRACE_WRITE_ACCEPTED) {
        box->accepted++;
        if (record->a < box->last_accepted_term)
            box->accepted_terms_fell++;
        else
            box->last_accepted_term = record->a;
    }
    if (record->kind == TRACE_ACKNOWLEDGED && record->a < 256) {
        if (record->b > world->acknowledged[record->a])
            world->acknowledged[record->a] = record->b;
        world->acknowledged_index[record->a] = record->c;
    }
    if (getenv("STORE_TEST_TRACE") != NULL)
        fprintf(stderr, "%.6f box %u %s %llu %llu %llu %llu\n",
                (double)world->now_ns / 1e9, (unsigned)(box - world->boxes),
                trace_kind_name(record->kind), (unsigned long long)record->a,
                (unsigned long long)record->b, (unsigned long long)record->c,
                (unsigned long long)record->d);
}

static void
plat_restart(struct plat *plat, enum reboot_cause cause)
{
    (void)cause;
    box_of(plat)->restart_asked = true;
}

static const struct plat_ops ops = {
    .now_ns = plat_now,
    .wall_ns = plat_now,
    .random = plat_random,
    .wake_at = plat_wake,
    .ready = plat_ready,
    .charge = plat_charge,
    .datagram_send = plat_datagram,
    .packet_send = plat_packet,
    .storage_append = plat_append,
    .storage_truncate = plat_truncate,
    .storage_sync = plat_sync,
    .storage_replace = plat_replace,
    .storage_size = plat_size,
    .storage_read = plat_read,
    .blob_get = plat_blob,
    .chunk_take = plat_take,
    .chunk_give = plat_give,
    .operator_reply = plat_reply,
    .log = plat_log,
    .trace = plat_trace,
    .restart = plat_restart,
};

/* --- Network ------------------------------------------------------------ */

static void
packet_add(struct world *world, struct packet *packet)
{
    struct packet **place = &world->packets;

    packet->sequence = world->sequence++;
    while (*place != NULL && (*place)->at_ns <= packet->at_ns)
        place = &(*place)->next;
    packet->next = *place;
    *place = packet;
}

/* Envelope: type u16, service from u8, lane u8, epoch u64; then the body. */
static void
post(struct world *world, struct box *from, unsigned to,
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
            post(world, box, to, message);
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

static struct mirror_row *
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

static const struct actor_kind *const kinds[] = {
    &bus_kind, &wrapped_store_kind, &probe_kind};

/* --- World -------------------------------------------------------------- */

struct world *
world_create(unsigned voters, unsigned members, uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));

    world->random = seed;
    world->box_count = voters + members;
    world->delay_min_ns = 100 * NS_PER_US;
    world->delay_max_ns = 300 * NS_PER_US;
    world->applied = calloc(APPLIED_MAX, sizeof(*world->applied));
    for (unsigned i = 0; i < world->box_count; i++) {
        struct box *box = &world->boxes[i];

        box->world = world;
        box->plat.ops = &ops;
        box->plat.facts = &box->facts;
        box->chunks_left = UINT64_MAX;
        box->fail_after = UINT64_MAX;
        box->disk_ns = 200 * NS_PER_US;
        box->wake_ns = UINT64_MAX;
        box->facts.key = world_key(i);
        box->facts.role = i < voters ? ROLE_NCC : ROLE_NCP;
        box->facts.voter_count = i < voters ? voters : 0;
        for (unsigned v = 0; i < voters && v < voters; v++)
            box->facts.voters[v] = world_key(v);
        if (voters == 3 && i == 2) {
            box->facts.role = ROLE_NCM;
            box->facts.arbiter = true;
        }
    }
    return world;
}

static void
box_off(struct box *box)
{
    runtime_destroy(box->runtime);
    box->runtime = NULL;
    box->pending = 0;
    box->wake_ns = UINT64_MAX;
    ck_assert_uint_eq(box->held_bytes, 0);
}

void
world_destroy(struct world *world)
{
    while (world->packets != NULL) {
        struct packet *packet = world->packets;

        world->packets = packet->next;
        free(packet);
    }
    for (unsigned i = 0; i < world->box_count; i++) {
        struct box *box = &world->boxes[i];

        box_off(box);
        while (box->ops != NULL) {
            struct file_op *op = box->ops;

            box->ops = op->next;
            op_free(op);
        }
        for (unsigned f = 0; f < STORAGE_FILE_COUNT; f++)
            free(box->files[f].bytes);
    }
    ck_assert_uint_eq(world->over_quantum, 0);
    free(world->applied);
    free(world);
}

void
world_boot(struct world *world, unsigned index)
{
    struct box *box = &world->boxes[index];

    ck_assert_ptr_null(box->runtime);
    box->lives++;
    box->facts.incarnation++;
    box->restart_asked = false;
    box->plat.mutation = world->mutation;
    ck_assert_int_eq(runtime_create(&box->plat, kinds, 3, &box->runtime), 0);
}

void
world_crash(struct world *world, unsigned index)
{
    struct box *box = &world->boxes[index];
    unsigned count = 0;
    unsigned keep;

    box_off(box);
    for (struct file_op *op = box->ops; op != NULL; op = op->next)
        count++;
    keep = box->forget ? 0 : (unsigned)(world_random(world) % (count + 1));
    box->forget = false;
    while (box->ops != NULL) {
        struct file_op *op = box->ops;

        box->ops = op->next;
        if (keep > 0) {
            file_apply(&box->files[op->file], op, op->size);
            if (--keep == 0 && box->ops != NULL && box->ops->kind == OP_APPEND)
                file_apply(&box->files[box->ops->file], box->ops,
                           world_random(world) % (box->ops->size + 1));
        }
        op_free(op);
    }
}

static void
box_work(struct world *world, struct box *box)
{
    bool starting;

    while (box->runtime != NULL && box->pending != 0 && !box->restart_asked) {
        for (unsigned service = 0; service < SVC_COUNT; service++) {
            if ((box->pending >> service & 1) == 0)
                continue;
            box->pending &= ~(1u << service);
            if (runtime_pending(box->runtime, service) == LANE_COUNT)
                continue;
            starting = runtime_starting(box->runtime, service);
            runtime_dispatch(box->runtime, service);
            /* One quantum, and one unit of work begun at its end. */
            if (!starting && box->charged_ns > 2 * PLAT_QUANTUM_NS)
                world->over_quantum++;
            if (runtime_pending(box->runtime, service) != LANE_COUNT)
                box->pending |= 1u << service;
            box->clock_ns = box_now_ns(box);
            box->charged_ns = 0;
        }
    }
}

static void
deliver(struct world *world, struct packet *packet)
{
    struct box *box = &world->boxes[packet->to];

    if (packet->lane == LANE_COUNT) {
        if (box->disk_stalled && packet->from == box->lives) {
            packet->at_ns = world->now_ns + NS_PER_MS;
            packet_add(world, packet);
            return;
        }
        if (packet->from == box->lives && box->runtime != NULL)
            disk_done(box);
    } else if (box->runtime != NULL) {
        enum plane plane = packet->lane == LANE_LIVENESS ? PLANE_B : PLANE_A;

        runtime_datagram(box->runtime, plane, packet->from,
                         packet->lane == LANE_LIVENESS ? LANE_LIVENESS
                                                       : LANE_CONTROL,
                         packet->bytes, packet->size);
    }
    free(packet);
}

static uint64_t
next_event_ns(struct world *world)
{
    uint64_t next =
        world->packets == NULL ? UINT64_MAX : world->packets->at_ns;

    for (unsigned i = 0; i < world->box_count; i++)
        if (world->boxes[i].runtime != NULL && world->boxes[i].wake_ns < next)
            next = world->boxes[i].wake_ns;
    return next;
}

static void
step(struct world *world)
{
    uint64_t next = next_event_ns(world);

    if (next > world->now_ns)
        world->now_ns = next;
    for (unsigned i = 0; i < world->box_count; i++) {
        struct box *box = &world->boxes[i];

        if (box->runtime != NULL && box->wake_ns <= world->now_ns) {
            box->wake_ns = UINT64_MAX;
            runtime_alarm(box->runtime);
        }
    }
    while (world->packets != NULL && world->packets->at_ns <= world->now_ns) {
        struct packet *packet = world->packets;

        world->packets = packet->next;
        deliver(world, packet);
    }
    for (unsigned i = 0; i < world->box_count; i++) {
        struct box *box = &world->boxes[i];

        box_work(world, box);
        if (box->restart_asked && box->runtime != NULL) {
            world_crash(world, i);
            world_boot(world, i);
            box_work(world, box);
        }
    }
}

void
world_run(struct world *world, uint64_t duration_ns)
{
    uint64_t end = world->now_ns + duration_ns;

    for (unsigned i = 0; i < world->box_count; i++)
        box_work(world, &world->boxes[i]);
    while (next_event_ns(world) <= end)
        step(world);
    world->now_ns = end;
}

bool
world_run_until(struct world *world, bool (*done)(struct world *world),
                uint64_t limit_ns)
{
    uint64_t end = world->now_ns + limit_ns;

    for (unsigned i = 0; i < world->box_count; i++)
        box_work(world, &world->boxes[i]);
    while (!done(world)) {
        if (next_event_ns(world) > end)
            return false;
        step(world);
    }
    return true;
}

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
    box_work(world, &world->boxes[box]);
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

    post(world, &world->boxes[from], to, &message);
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
