/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/operator/operator_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <string.h>

#define TIMER_PATIENCE 0u
#define MEMORY_MAX_BYTES ((size_t)512 * 1024)
#define PROBE_VALUE_BYTES 16u

static void
answer(struct operator* service, uint64_t token,
       const struct operator_rep *rep)
{
    uint8_t bytes[64];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_rep_write(&writer, rep);
    CHECK(wire_writer_finish(&writer) == 0);
    actor_operator_reply(service->self, token, bytes,
                         wire_writer_size(&writer));
}

static void
refuse(struct operator* service, uint64_t token, enum operator_verb verb,
       int status)
{
    struct operator_rep rep = {.status = status, .verb = verb};

    answer(service, token, &rep);
}

/* --- Waiting requests --------------------------------------------------- */

static void arm(struct operator* service)
{
    uint64_t earliest_ns = TIME_NEVER_NS;

    for (unsigned i = 0; i < OPERATOR_PENDING_MAX; i++)
        if (service->pending[i].used &&
            service->pending[i].deadline_ns < earliest_ns)
            earliest_ns = service->pending[i].deadline_ns;
    service->armed = earliest_ns != TIME_NEVER_NS;
    if (service->armed)
        actor_timer_set(service->self, TIMER_PATIENCE, earliest_ns);
}

static struct pending *
pending_add(struct operator* service, uint64_t token,
            const struct operator_req *req)
{
    for (unsigned i = 0; i < OPERATOR_PENDING_MAX; i++) {
        struct pending *pending = &service->pending[i];

        if (pending->used)
            continue;
        pending->used = true;
        pending->collects = false;
        pending->id = ++service->last_id;
        pending->token = token;
        pending->deadline_ns =
            actor_now_ns(service->self) + OPERATOR_PATIENCE_NS;
        pending->req = *req;
        if (!service->armed)
            arm(service);
        return pending;
    }
    return NULL;
}

static struct pending *
pending_find(struct operator* service, uint64_t id)
{
    for (unsigned i = 0; i < OPERATOR_PENDING_MAX; i++)
        if (service->pending[i].used && service->pending[i].id == id)
            return &service->pending[i];
    return NULL;
}

static void
give_up(struct operator* service, uint64_t before_ns)
{
    for (unsigned i = 0; i < OPERATOR_PENDING_MAX; i++) {
        struct pending *pending = &service->pending[i];

        if (!pending->used || pending->deadline_ns > before_ns)
            continue;
        pending->used = false;
        if (pending->collects)
            operator_alarms_stop(
                service); /* The others will not get them either. */
        refuse(service, pending->token, pending->req.verb, ERR_TIMEOUT);
    }
    arm(service);
}

/* --- Passing on --------------------------------------------------------- */

static void
probe_key(uint64_t client, struct key_bytes *key)
{
    struct wire_writer writer;

    wire_writer_init(&writer, key->bytes, sizeof(key->bytes));
    wire_write_u64(&writer, client);
    key->size = (uint8_t)wire_writer_size(&writer);
}

static int
pass_write(struct operator* service, const struct pending *pending)
{
    const struct operator_req *req = &pending->req;
    struct store_txn txn = {req->client, req->sequence, 0};
    struct actor_address to = {0, SVC_STORE};
    struct key_bytes key;
    struct row_bytes value;
    uint8_t bytes[128];
    struct wire_writer writer;

    if (req->sequence == 0)
        return ERR_INVALID;
    probe_key(req->client, &key);
    wire_writer_init(&writer, value.bytes, PROBE_VALUE_BYTES);
    wire_write_u64(&writer, req->sequence);
    wire_write_u64(&writer, req->value);
    value.size = PROBE_VALUE_BYTES;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_txn_begin(&writer, &txn);
    store_txn_add(&writer, STORE_OP_PUT, TABLE_PROBE, &key, &value, 0);
    CHECK(wire_writer_finish(&writer) == 0);
    return actor_send(service->self, to, LANE_CONTROL, MSG_STORE_TXN, 0, bytes,
                      wire_writer_size(&writer));
}

/* Rows of an operator become operations of a transaction. */
static int
edit_write(const struct operator_req *req, struct wire_writer *writer)
{
    struct store_txn txn = {req->client, req->sequence, 0};
    struct wire_reader reader;
    struct store_row row;
    unsigned count = 0;
    int error;

    store_txn_begin(writer, &txn);
    wire_reader_init(&reader, req->rows, req->rows_size);
    while ((error = store_row_read(&reader, &row)) == 0) {
        struct key_bytes key = {.size = (uint8_t)row.key_size};
        struct row_bytes value;

        error = route_conf_check(row.table, row.key, row.key_size, row.value,
                                 row.value_size, row.deleted);
        if (error == 0 && ++count > STORE_TXN_OPS_MAX)
            error = ERR_RANGE;
        if (error != 0)
            return error;
        memcpy(key.bytes, row.key, row.key_size);
        value.size = (uint16_t)(row.deleted ? 0 : row.value_size);
        memcpy(value.bytes, row.value, value.size);
        store_txn_add(writer, row.deleted ? STORE_OP_DELETE : STORE_OP_PUT,
                      row.table, &key, &value, 0);
    }
    if (error != ERR_NOENT)
        return error;
    return count == 0 ? ERR_INVALID : wire_writer_finish(writer);
}

static int
pass_edit(struct operator* service, const struct pending *pending)
{
    struct actor_address to = {0, SVC_STORE};
    struct mem *mem = actor_mem(service->self);
    uint8_t *bytes = mem_alloc(mem, STORE_TXN_BYTES_MAX);
    struct wire_writer writer;
    int error;

    if (bytes == NULL)
        return ERR_NOMEM;
    wire_writer_init(&writer, bytes, STORE_TXN_BYTES_MAX);
    error = pending->req.sequence == 0 ? ERR_INVALID
                                       : edit_write(&pending->req, &writer);
    if (error == 0)
        error = actor_send(service->self, to, LANE_CONTROL, MSG_STORE_TXN, 0,
                           bytes, wire_writer_size(&writer));
    mem_free(mem, bytes, STORE_TXN_BYTES_MAX);
    return error;
}

static int
pass_read(struct operator* service, const struct pending *pending)
{
    struct store_read read = {.sequence = pending->id, .table = TABLE_PROBE};
    struct actor_address to = {0, SVC_STORE};
    uint8_t bytes[64];
    struct wire_writer writer;

    probe_key(pending->req.client, &read.key);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_read_write(&writer, &read);
    CHECK(wire_writer_finish(&writer) == 0);
    return actor_send(service->self, to, LANE_CONTROL, MSG_STORE_READ, 0,
                      bytes, wire_writer_size(&writer));
}

/* To a service of this box that answers it itself. */
static int
pass_to(struct operator* service, const struct pending *pending,
        enum service_id whom)
{
    struct actor_address to = {0, (uint8_t)whom};
    uint8_t bytes[OPERATOR_REQ_MAX];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, pending->id);
    operator_req_write(&writer, &pending->req);
    if (wire_writer_finish(&writer) != 0)
        return ERR_RANGE; /* More than the place to go on from. */
    return actor_send(service->self, to, LANE_CONTROL, MSG_OPERATOR_REQ, 0,
                      bytes, wire_writer_size(&writer));
}

static int
pass_on(struct operator* service, const struct pending *pending)
{
    switch (pending->req.verb) {
    case OPERATOR_WRITE: return pass_write(service, pending);
    case OPERATOR_READ: return pass_read(service, pending);
    case OPERATOR_SWITCHOVER:
    case OPERATOR_DRAIN:
    case OPERATOR_UNDRAIN:
    case OPERATOR_REPLACE:
    case OPERATOR_REMOVE:
    case OPERATOR_LOCATE:
    case OPERATOR_SHOW_MODULES:
    case OPERATOR_SHOW_CLUSTER:
    case OPERATOR_SHOW_CONTROLLERS:
    case OPERATOR_SHOW_ALARMS:
    case OPERATOR_STOP: return pass_to(service, pending, SVC_CLUSTER);
    case OPERATOR_EDIT: return pass_edit(service, pending);
    case OPERATOR_SHOW_ROUTES:
    case OPERATOR_SHOW_FIB: return pass_to(service, pending, SVC_RIB);
    case OPERATOR_VERB_END: break;
    }
    return ERR_UNSUPPORTED;
}

static void
request_take(struct operator* service, uint64_t token, const uint8_t *bytes,
             size_t size)
{
    struct wire_reader reader;
    struct operator_req req;
    struct pending *pending;
    int error;

    wire_reader_init(&reader, bytes, size);
    error = operator_req_read(&reader, &req);
    if (error != 0) {
        refuse(service, token, 0, error);
        return;
    }
    pending = pending_add(service, token, &req);
    if (pending == NULL) {
        refuse(service, token, req.verb, ERR_BUSY);
        return;
    }
    error = pass_on(service, pending);
    pending->req.rows = NULL; /* It was lent. */
    if (error != 0) {
        pending->used = false;
        refuse(service, token, req.verb, error);
    }
}

/* --- Answers ------------------------------------------------------------ */

static bool
writes(enum operator_verb verb)
{
    return verb == OPERATOR_WRITE || verb == OPERATOR_EDIT;
}

/* Two requests with one (client, sequence) are one write. */
static void
written(struct operator* service, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_txn_done done;
    struct operator_rep rep = {.status = 0};

    wire_reader_init(&reader, message->body, message->size);
    if (store_txn_done_read(&reader, &done) != 0)
        return;
    rep.status = done.status;
    rep.leader = done.leader;
    rep.term = done.term;
    for (unsigned i = 0; i < OPERATOR_PENDING_MAX; i++) {
        struct pending *pending = &service->pending[i];

        if (!pending->used || !writes(pending->req.verb) ||
            pending->req.client != done.client ||
            pending->req.sequence != done.sequence)
            continue;
        pending->used = false;
        rep.verb = pending->req.verb;
        rep.value = pending->req.value;
        answer(service, pending->token, &rep);
    }
}

static void
read_done(struct operator* service, const struct actor_message *message)
{
    struct operator_rep rep = {.verb = OPERATOR_READ};
    struct wire_reader reader;
    struct store_read_done done;
    struct pending *pending;

    wire_reader_init(&reader, message->body, message->size);
    if (store_read_done_read(&reader, &done) != 0)
        return;
    pending = pending_find(service, done.sequence);
    if (pending == NULL || pending->req.verb != OPERATOR_READ)
        return;
    rep.status = done.status;
    rep.leader = done.leader;
    if (done.status == 0) {
        wire_reader_init(&reader, done.value, done.value_size);
        (void)wire_read_u64(&reader); /* the writer's sequence */
        rep.value = wire_read_u64(&reader);
        if (wire_reader_finish(&reader) != 0)
            rep.status = ERR_CORRUPT;
    }
    pending->used = false;
    answer(service, pending->token, &rep);
}

static void
cluster_done(struct operator* service, const struct actor_message *message)
{
    struct wire_reader reader, body;
    struct operator_rep rep;
    struct pending *pending;
    uint64_t id;

    wire_reader_init(&reader, message->body, message->size);
    id = wire_read_u64(&reader);
    pending = wire_reader_ok(&reader) ? pending_find(service, id) : NULL;
    if (pending == NULL || writes(pending->req.verb) ||
        pending->req.verb == OPERATOR_READ || pending->collects)
        return;
    body = reader;
    if (pending->req.verb == OPERATOR_SHOW_ALARMS &&
        operator_rep_read(&body, &rep) == 0 && rep.status == 0) {
        operator_alarms_begin(service, pending, reader.at,
                              wire_reader_left(&reader));
        return;
    }
    pending->used = false;
    actor_operator_reply(service->self, pending->token, reader.at,
                         wire_reader_left(&reader));
}

static void
message_take(struct operator* service, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_role_change change;

    if (message->from.box != 0)
        return;
    switch (message->type) {
    case MSG_STORE_TXN_DONE: written(service, message); break;
    case MSG_STORE_READ_DONE: read_done(service, message); break;
    case MSG_OPERATOR_REP: cluster_done(service, message); break;
    case MSG_STORE_DELTA: operator_alarms_delta(service, message); break;
    case MSG_STORE_ROLE:
        wire_reader_init(&reader, message->body, message->size);
        if (store_role_read(&reader, &change) == 0 &&
            change.role == STORE_RESTARTED)
            give_up(service, TIME_NEVER_NS); /* Its answers are lost. */
        break;
    default: break;
    }
}

/* --- Actor -------------------------------------------------------------- */

static int
start(struct actor *self, void **state)
{
    struct operator* service = mem_zalloc(actor_mem(self), sizeof(*service));

    if (service == NULL)
        return ERR_NOMEM;
    service->self = self;
    /* Answers to a former life fit none of this one. */
    service->last_id = (uint64_t)actor_life(self) << 32;
    *state = service;
    return 0;
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct operator* service = state;

    CHECK(service->self == self);
    switch (event->kind) {
    case EV_MESSAGE: message_take(service, &event->u.message); break;
    case EV_OPERATOR:
        request_take(service, event->u.operation.token,
                     event->u.operation.bytes, event->u.operation.size);
        break;
    case EV_TIMER: give_up(service, actor_now_ns(self)); break;
    case EV_START:
    case EV_CONTINUE:
    case EV_STORAGE:
    case EV_SESSION:
    case EV_DATAGRAM:
    case EV_PACKET:
    case EV_HARDWARE:
    case EV_FORWARDING:
    case EV_ALARM: break;
    }
    return ACTOR_DONE;
}

const struct actor_kind operator_kind = {
    .id = SVC_OPERATOR,
    .takes = TAKES_OPERATOR,
    .memory_max_bytes = MEMORY_MAX_BYTES,
    .start = start,
    .handle = handle,
};
