/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/fib/fib.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/fib/fib_priv.h"
#include "reference-nos/platform/mutation.h"

#define MEMORY_MAX_BYTES ((size_t)128 * 1024 * 1024)
#define ASK_NS (500 * NS_PER_MS)
#define ASK_DOUBLINGS 4u
/* The controller offers by itself when it becomes active. */
#define ASK_FIRST_NS (100 * NS_PER_MS)
#define MEMBER_NS (500 * NS_PER_MS)
#define BUSY_NS (50 * NS_PER_MS)
#define RETRY_NS (1 * NS_PER_S)
/* The ASIC does not answer: the next life finds out what it did. */
#define OVERDUE_NS (2 * NS_PER_S)

/* ---- the ASIC ---- */

static int
routes_write(struct fib *fib, const struct table_write *write)
{
    struct plat *plat = actor_plat(fib->self);

    fib->token++;
    if (write->groups)
        return plat->fwd->groups_set(plat, write->u.groups, write->count,
                                     fib->token);
    return plat->fwd->routes_set(plat, write->u.routes, write->count,
                                 fib->token);
}

/* Hands the next batch to the ASIC. */
static void
program(struct fib *fib)
{
    uint64_t now_ns = actor_now_ns(fib->self);
    int error;

    if (fib->phase != PHASE_RUN || now_ns < fib->busy_until_ns ||
        !table_next(fib->table, &fib->write))
        return;
    actor_charge(fib->self, COST_TABLE_ENTRY, fib->write.count);
    error = routes_write(fib, &fib->write);
    if (error == 0) {
        actor_timer_set(fib->self, TIMER_OVERDUE, now_ns + OVERDUE_NS);
        return;
    }
    table_written(fib->table, error);
    fib->busy_until_ns = now_ns + BUSY_NS;
    actor_timer_set(fib->self, TIMER_BUSY, fib->busy_until_ns);
}

static void
failed_note(struct fib *fib, int status)
{
    if (table_failed(fib->table) == 0)
        return;
    actor_log(fib->self, SEVERITY_ERROR,
              "fib: the ASIC refuses %zu entries: %s",
              table_failed(fib->table), err_text(status));
    actor_timer_set(fib->self, TIMER_RETRY,
                    actor_now_ns(fib->self) + RETRY_NS);
}

static void
done_take(struct fib *fib, const struct fwd_change *change)
{
    if (change->kind != FWD_ROUTES_DONE || change->token != fib->token)
        return; /* Of a former life. */
    actor_timer_cancel(fib->self, TIMER_OVERDUE);
    if (fib->phase == PHASE_BARRIER) {
        fib->phase = PHASE_GROUPS;
        return;
    }
    table_written(fib->table, change->status);
    if (change->status != 0)
        failed_note(fib, change->status);
}

/* ---- start ---- */

/* An empty write: when it is done, so are those of the former life. */
static void
barrier(struct fib *fib)
{
    struct plat *plat = actor_plat(fib->self);
    uint64_t now_ns = actor_now_ns(fib->self);

    fib->phase = PHASE_BARRIER;
    if (plat->fwd->groups_set(plat, fib->write.u.groups, 0, ++fib->token) != 0)
        actor_timer_set(fib->self, TIMER_BUSY, now_ns + BUSY_NS);
    else
        actor_timer_set(fib->self, TIMER_OVERDUE, now_ns + OVERDUE_NS);
}

static int
groups_adopt(struct fib *fib)
{
    struct plat *plat = actor_plat(fib->self);
    struct fwd_group *groups = fib->write.u.groups;
    size_t count = 0;
    int error = plat->fwd->groups_dump(plat, fib->group_at, groups,
                                       TABLE_BATCH, &count);

    for (size_t i = 0; i < count && error == 0; i++) {
        error = table_adopt_group(fib->table, &groups[i]);
        fib->group_at = groups[i].id;
    }
    actor_charge(fib->self, COST_TABLE_READ, count);
    if (error == 0 && count < TABLE_BATCH)
        fib->phase = PHASE_ROUTES;
    return error;
}

static int
routes_adopt(struct fib *fib)
{
    struct plat *plat = actor_plat(fib->self);
    struct fwd_route *routes = fib->write.u.routes;
    size_t count = 0;
    int error = plat->fwd->routes_dump(
        plat, fib->route_at.family == 0 ? NULL : &fib->route_at, routes,
        TABLE_BATCH, &count);

    for (size_t i = 0; i < count && error == 0; i++) {
        error = table_adopt_route(fib->table, &routes[i]);
        fib->route_at = routes[i].prefix;
    }
    actor_charge(fib->self, COST_TABLE_READ, count);
    if (error == 0 && count < TABLE_BATCH)
        fib->phase = PHASE_READ;
    return error;
}

/* ---- who the controller is ---- */

static struct actor_address
rib_at(uint64_t box)
{
    return (struct actor_address){box, SVC_RIB};
}

static void
resync_send(struct fib *fib, uint64_t box, uint64_t run)
{
    struct fib_resync resync = {.term = fib->term, .run = run};
    struct wire_writer writer;
    uint8_t bytes[32];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    fib_resync_write(&writer, &resync);
    (void)!actor_send(fib->self, rib_at(box), LANE_BULK, MSG_FIB_RESYNC,
                      fib->term, bytes, wire_writer_size(&writer));
}

/* Until the controller of this term has said something. */
static void
ask(struct fib *fib)
{
    uint64_t now_ns = actor_now_ns(fib->self);

    if (fib->phase != PHASE_RUN || fib->active == 0 || !fib->member_known ||
        fib->heard_term == fib->term)
        return;
    if (now_ns < fib->ask_ns) {
        actor_timer_set(fib->self, TIMER_ASK, fib->ask_ns);
        return;
    }
    resync_send(fib, fib->active, 0);
    fib->ask_ns = now_ns + (ASK_NS << fib->asked);
    if (fib->asked < ASK_DOUBLINGS)
        fib->asked++;
    actor_timer_set(fib->self, TIMER_ASK, fib->ask_ns);
}

static void
heard(struct fib *fib)
{
    if (fib->heard_term == fib->term)
        return;
    fib->heard_term = fib->term;
    actor_timer_cancel(fib->self, TIMER_ASK);
}

static void
member_ask(struct fib *fib)
{
    struct actor_address member = {0, SVC_MEMBER};

    if (fib->member_known)
        return;
    /* When the member service is down, the timer asks again. */
    (void)!actor_send(fib->self, member, LANE_CONTROL, MSG_MEMBER_ROLE, 0,
                      NULL, 0);
    actor_timer_set(fib->self, TIMER_MEMBER,
                    actor_now_ns(fib->self) + MEMBER_NS);
}

static void
member_take(struct fib *fib, const struct actor_message *message)
{
    bool first = !fib->member_known;
    struct wire_reader reader;
    struct member_role role;

    wire_reader_init(&reader, message->body, message->size);
    if (member_role_read(&reader, &role) != 0)
        return;
    fib->member_known = true;
    actor_timer_cancel(fib->self, TIMER_MEMBER);
    if (role.term > fib->term)
        fib->term = role.term;
    if (role.active != 0 && role.active != fib->active) {
        fib->asked = 0;
        fib->ask_ns = actor_now_ns(fib->self) +
                      (first && actor_life(fib->self) > 1 ? 0 : ASK_FIRST_NS);
    }
    fib->active = role.active;
    ask(fib);
}

/* ---- the stream ---- */

static void
acknowledge(struct fib *fib, uint64_t box)
{
    struct stream_ack ack = {
        .term = fib->term,
        .incarnation = actor_facts(fib->self)->incarnation,
        .life = actor_life(fib->self),
        .class = STREAM_REST,
        .run = fib->in.run,
        .watermark = fib->in.watermark,
        .credit = STREAM_CREDIT_ROWS,
        .complete = fib->in.complete,
    };
    struct wire_writer writer;
    uint8_t bytes[64];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    stream_ack_write(&writer, &ack);
    (void)!actor_send(fib->self, rib_at(box), LANE_BULK, MSG_FIB_ACK,
                      fib->term, bytes, wire_writer_size(&writer));
}

/* The door of the card: false if the sender was deposed, or nobody has said
 * yet which term counts. */
static bool
fence(struct fib *fib, uint64_t term, const struct actor_message *message)
{
    if (!fib->member_known || fib->phase != PHASE_RUN)
        return false;
    if (term >= fib->term) {
        fib->term = term;
        return true;
    }
    actor_trace(fib->self, TRACE_WRITE_REFUSED, term, message->from.box,
                fib->term, message->type);
    acknowledge(fib, message->from.box);
    return false;
}

static void
offer_take(struct fib *fib, const struct actor_message *message)
{
    struct fib_sum sum = table_sum(fib->table);
    struct wire_reader reader;
    struct fib_offer offer;

    wire_reader_init(&reader, message->body, message->size);
    if (fib_offer_read(&reader, &offer) != 0 ||
        !fence(fib, offer.term, message))
        return;
    heard(fib);
    fib->source = message->from.box;
    if (offer.run <= fib->in.run) {
        fib->ack_due = true; /* Accepted before, or older than what is here. */
        return;
    }
    if (!fib_sum_equal(&sum, &offer.sum)) {
        resync_send(fib, message->from.box, offer.run);
        return;
    }
    table_sweep_cancel(fib->table);
    fib->in = (struct stream_in){.run = offer.run,
                                 .watermark = offer.upto,
                                 .generation = fib->in.generation,
                                 .complete = true};
    fib->ack_due = true;
}

static int
rows_take(struct fib *fib, struct wire_reader *reader, unsigned *count)
{
    struct store_row row;
    int error;

    while ((error = store_row_read(reader, &row)) == 0) {
        actor_charge(fib->self, COST_ROUTE, 1);
        ++*count;
        error = table_row(fib->table, &row, fib->in.generation);
        if (error != 0)
            return error;
    }
    return error == ERR_NOENT ? 0 : error;
}

/* ERR_NOMEM ends the service; a malformed message asks for everything. */
static int
batch_apply(struct fib *fib, const struct stream_header *header,
            struct wire_reader *reader, const struct actor_message *message)
{
    unsigned count = 0;
    int error = rows_take(fib, reader, &count);

    if (error == ERR_NOMEM)
        return error;
    if (error != 0) {
        actor_log(fib->self, SEVERITY_ERROR,
                  "fib: a batch of %u rows is malformed: %s", count,
                  err_text(error));
        resync_send(fib, message->from.box, header->run);
        return 0;
    }
    if (stream_in_taken(&fib->in, header))
        table_sweep(fib->table, fib->in.generation);
    if (count > 0)
        actor_trace(fib->self, TRACE_WRITE_ACCEPTED, header->term,
                    message->from.box, header->index, message->type);
    return 0;
}

static int
batch_take(struct fib *fib, const struct actor_message *message)
{
    struct stream_header header;
    enum stream_verdict verdict;
    struct wire_reader reader;

    wire_reader_init(&reader, message->body, message->size);
    if (stream_header_read(&reader, &header) != 0 ||
        !fence(fib, header.term, message))
        return 0;
    heard(fib);
    fib->source = message->from.box;
    if (header.run > fib->in.run)
        table_sweep_cancel(fib->table);
    verdict = stream_in_judge(&fib->in, &header, ++fib->generations);
    if (verdict == STREAM_GAP) {
        resync_send(fib, message->from.box, header.run);
        return 0;
    }
    fib->ack_due = true;
    return verdict == STREAM_TAKE ? batch_apply(fib, &header, &reader, message)
                                  : 0;
}

/* ---- events ---- */

static int
message_take(struct fib *fib, const struct actor_message *message)
{
    if (message->type == MSG_MEMBER_ROLE && message->from.box == 0)
        member_take(fib, message);
    if (message->from.service != SVC_RIB)
        return 0;
    if (message->type == MSG_FIB_OFFER)
        offer_take(fib, message);
    else if (message->type == MSG_FIB_BATCH)
        return batch_take(fib, message);
    else if (message->type == MSG_FIB_ASK && fib->phase == PHASE_RUN)
        answer_begin(fib, message);
    return 0;
}

static int
timer_take(struct fib *fib, unsigned timer)
{
    switch ((enum fib_timer)timer) {
    case TIMER_ASK: ask(fib); break;
    case TIMER_MEMBER: member_ask(fib); break;
    case TIMER_RETRY: table_retry(fib->table); break;
    case TIMER_OVERDUE: return ERR_TIMEOUT;
    case TIMER_BUSY:
        if (fib->phase == PHASE_BARRIER)
            barrier(fib);
        break;
    }
    return 0;
}

static int
event_take(struct fib *fib, const struct actor_event *event)
{
    switch (event->kind) {
    case EV_START:
        member_ask(fib);
        barrier(fib);
        break;
    case EV_MESSAGE: return message_take(fib, &event->u.message);
    case EV_TIMER: return timer_take(fib, event->u.timer);
    case EV_FORWARDING: done_take(fib, &event->u.forwarding); break;
    case EV_CONTINUE:
    case EV_STORAGE:
    case EV_SESSION:
    case EV_DATAGRAM:
    case EV_PACKET:
    case EV_HARDWARE:
    case EV_OPERATOR:
    case EV_ALARM: break;
    }
    return 0;
}

/* Reading back, sweeping, writing, and at last the answer. */
static int
work(struct fib *fib)
{
    while (!actor_quantum_over(fib->self)) {
        int error = 0;

        if (fib->phase == PHASE_GROUPS) {
            error = groups_adopt(fib);
        } else if (fib->phase == PHASE_ROUTES) {
            error = routes_adopt(fib);
        } else if (fib->phase == PHASE_READ) {
            fib->phase = PHASE_RUN;
            ask(fib);
        } else if (fib->phase == PHASE_RUN && table_sweeping(fib->table)) {
            table_sweep_step(fib->table);
            actor_charge(fib->self, COST_ROUTE, 1 + TABLE_SWEEP / 8);
        } else {
            program(fib);
            if (fib->ack_due && table_settled(fib->table)) {
                fib->ack_due = false;
                acknowledge(fib, fib->source);
            }
            if (!fib->audit.active)
                return ACTOR_DONE;
            error = answer_step(fib);
        }
        if (error != 0)
            return error;
    }
    return ACTOR_MORE;
}

static int
start(struct actor *self, void **state)
{
    struct fib *fib = mem_zalloc(actor_mem(self), sizeof(*fib));
    bool careless = mutation_awake(actor_plat(self), MUTATION_DELETE_THEN_ADD);

    if (fib == NULL)
        return ERR_NOMEM;
    fib->self = self;
    /* Completions for a former life fit none of this one. */
    fib->token = (uint64_t)actor_life(self) << 32;
    *state = fib;
    return table_create(actor_mem(self), careless, &fib->table);
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct fib *fib = state;
    int error = event_take(fib, event);

    CHECK(fib->self == self);
    return error != 0 ? error : work(fib);
}

const struct actor_kind fib_kind = {
    .id = SVC_FIB,
    .takes = TAKES_ROUTES,
    .memory_max_bytes = MEMORY_MAX_BYTES,
    .start = start,
    .handle = handle,
};
