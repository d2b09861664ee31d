/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of the ends that traffic uses: rows that an operator sets, and
 * the wait until every card has what follows from them.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/routes.h"
#include "reference-nos/schema/store_msg.h"
#include "sim/run/run_priv.h"
#include "sim/world/des/des.h"

#include <stdlib.h>
#include <string.h>

#define CLIENT 0x61646472u
#define FIRST_TOKEN (UINT64_C(1) << 40) /* the probe's are below */
#define ANSWER_MS 500u
#define STEP_MS 1u
#define LIMIT_S 120u
#define SUBNET_BITS 24u
#define ENDS_MAX 65536u

#define CONNECTED                                                             \
    10u            /* 10.<end / 256>.<end % 256>.0/24, as plane.h has it      \
                    */
#define BEHIND 20u /* the network behind the router there */
#define OWN_HOST 1u
#define ROUTER_HOST 2u

static struct fwd_prefix
address_of(uint8_t net, unsigned end, uint8_t host)
{
    return (struct fwd_prefix){
        .family = 4,
        .length = 32,
        .bytes = {net, (uint8_t)(end / 256), (uint8_t)(end % 256), host},
    };
}

static struct fwd_prefix
subnet_of(uint8_t net, unsigned end)
{
    struct fwd_prefix subnet = address_of(net, end, 0);

    subnet.length = SUBNET_BITS;
    return subnet;
}

/* ---- asking ---- */

void
addresses_observe(struct run *run, const struct observation *seen)
{
    struct run_question *question = run->question;

    if (question == NULL || seen->kind != OBSERVE_REPLY ||
        question->token == 0 || seen->a != question->token)
        return;
    question->token = 0;
    question->size = seen->size < sizeof(question->bytes)
                         ? seen->size
                         : sizeof(question->bytes);
    memcpy(question->bytes, seen->bytes, question->size);
}

static struct simtime
now_of(const struct run *run)
{
    return run->world->ops->now(run->world);
}

static bool
step(struct run *run)
{
    return run->world->ops->run_until(
               run->world,
               simtime_add(now_of(run), simtime_from_ms(STEP_MS))) == 0;
}

/* One request to the controller in 'slot', and its answer; false without. */
static bool
ask_one(struct run *run, unsigned slot, const struct wire_writer *request,
        struct operator_rep *rep, struct wire_reader *reader)
{
    struct run_question *question = run->question;
    struct simtime limit =
        simtime_add(now_of(run), simtime_from_ms(ANSWER_MS));

    question->token = FIRST_TOKEN + question->asked++;
    if (run->world->ops->request(run->world, slot, question->token,
                                 request->start,
                                 wire_writer_size(request)) != 0) {
        question->token = 0;
        return false;
    }
    while (question->token != 0 && simtime_before(now_of(run), limit)) {
        if (!step(run))
            return false;
    }
    if (question->token != 0) {
        question->token = 0;
        return false;
    }
    wire_reader_init(reader, question->bytes, question->size);
    return operator_rep_read(reader, rep) == 0 && rep->status == 0;
}

/* Asks one controller after the other until one answers. */
static bool
ask(struct run *run, const struct wire_writer *request, struct simtime limit,
    struct wire_reader *reader)
{
    struct operator_rep rep;

    for (unsigned turn = 0; simtime_before(now_of(run), limit); turn++) {
        unsigned slot = select_slot(run, ROLE_NCC, turn % 2);

        if (slot < run->plan->box_count &&
            ask_one(run, slot, request, &rep, reader))
            return true;
        if (!step(run))
            return false;
    }
    return false;
}

/* ---- rows ---- */

/* Is it used, and does its box have a number? */
static bool
is_addressed(const struct run *run, unsigned end)
{
    unsigned box = traffic_end(&run->traffic, end).box;

    return run->traffic.used[end] &&
           run->watch.boxes[box].module != MODULE_NONE;
}

static void
row_add(struct wire_writer *rows, enum table table,
        const struct key_bytes *key, const struct row_bytes *value)
{
    struct store_row row = {
        .table = table,
        .key = key->bytes,
        .key_size = key->size,
        .value = value->bytes,
        .value_size = value->size,
    };

    store_row_add(rows, &row);
}

static void
interface_add(struct run *run, unsigned number, struct wire_writer *rows)
{
    struct plane_end end = traffic_end(&run->traffic, number);
    struct interface_key key = {
        .module = (uint16_t)run->watch.boxes[end.box].module,
        .port = end.port,
    };
    struct interface_row row = {
        .count = 1,
        .addresses = {{address_of(CONNECTED, number, OWN_HOST), SUBNET_BITS}},
    };
    struct key_bytes key_bytes;
    struct row_bytes value;

    interface_key_encode(&key, &key_bytes);
    interface_row_encode(&row, &value);
    row_add(rows, TABLE_INTERFACE, &key_bytes, &value);
}

/* A route to the network behind 'end', by its router and the next ones. */
static void
route_add(struct run *run, unsigned end, unsigned hops,
          struct wire_writer *rows)
{
    const struct run_traffic *traffic = &run->traffic;
    struct fwd_prefix prefix = subnet_of(BEHIND, end);
    bool chosen[ENDS_MAX] = {false};
    struct static_row row = {.count = 0};
    struct key_bytes key;
    struct row_bytes value;
    unsigned left = hops;

    CHECK(traffic->end_count <= ENDS_MAX);
    for (unsigned i = 0; i < traffic->end_count && left > 0; i++) {
        unsigned at = (end + i) % traffic->end_count;

        if (traffic->routed[at] && is_addressed(run, at)) {
            chosen[at] = true;
            left--;
        }
    }
    for (unsigned i = 0; i < traffic->end_count; i++) {
        if (chosen[i])
            row.hops[row.count++] = address_of(CONNECTED, i, ROUTER_HOST);
    }
    prefix_key_encode(&prefix, &key);
    static_row_encode(&row, &value);
    row_add(rows, TABLE_ROUTE, &key, &value);
}

/* ---- transactions ---- */

/* Rows on their way to controllers. */
struct batch {
    struct run *run;
    bool waits;           /* each transaction for its answer, ... */
    struct simtime limit; /* ... so long */
    uint8_t *bytes;
    struct wire_writer rows;
    unsigned count;
    bool good;
};

static void
batch_begin(struct batch *batch)
{
    batch->bytes = malloc(OPERATOR_ROWS_MAX);
    CHECK(batch->bytes != NULL);
    wire_writer_init(&batch->rows, batch->bytes, OPERATOR_ROWS_MAX);
    batch->count = 0;
    batch->good = true;
}

static bool
request_send(struct batch *batch, const struct wire_writer *request)
{
    struct run *run = batch->run;
    struct wire_reader reader;
    unsigned active = watch_active(&run->watch);

    if (batch->waits)
        return ask(run, request, batch->limit, &reader);
    return active != WORLD_BOXES_MAX &&
           run->world->ops->request(run->world, active, 0, request->start,
                                    wire_writer_size(request)) == 0;
}

static void
batch_flush(struct batch *batch)
{
    static const size_t room = OPERATOR_REQ_MAX + OPERATOR_ROWS_MAX;
    struct operator_req req = {
        .verb = OPERATOR_EDIT,
        .client = CLIENT,
        .sequence = ++batch->run->traffic.edits,
        .module = MODULE_NONE,
        .rows = batch->rows.start,
        .rows_size = wire_writer_size(&batch->rows),
    };
    uint8_t *bytes = malloc(room);
    struct wire_writer writer;

    CHECK(bytes != NULL);
    wire_writer_init(&writer, bytes, room);
    operator_req_write(&writer, &req);
    CHECK(wire_writer_finish(&writer) == 0);
    batch->good = batch->good && request_send(batch, &writer);
    free(bytes);
    wire_writer_init(&batch->rows, batch->bytes, OPERATOR_ROWS_MAX);
    batch->count = 0;
}

static void
batch_added(struct batch *batch)
{
    if (++batch->count == STORE_TXN_OPS_MAX)
        batch_flush(batch);
}

static bool
batch_end(struct batch *batch)
{
    if (batch->count > 0)
        batch_flush(batch);
    free(batch->bytes);
    return batch->good;
}

static void
routes_add(struct batch *batch, unsigned hops)
{
    struct run *run = batch->run;

    for (unsigned i = 0; i < run->traffic.end_count; i++) {
        if (!run->traffic.routed[i] || !is_addressed(run, i))
            continue;
        route_add(run, i, hops, &batch->rows);
        batch_added(batch);
    }
}

/* All rows, in as few transactions as they fit. */
static bool
edit_all(struct run *run, struct simtime limit)
{
    struct batch batch = {.run = run, .waits = true, .limit = limit};

    batch_begin(&batch);
    for (unsigned i = 0; i < run->traffic.end_count; i++) {
        if (!is_addressed(run, i))
            continue;
        interface_add(run, i, &batch.rows);
        batch_added(&batch);
    }
    routes_add(&batch, 1);
    return batch_end(&batch);
}

bool
addresses_change(struct run *run, unsigned hops)
{
    struct batch batch = {.run = run};

    if (!traffic_runs(&run->traffic))
        return true;
    batch_begin(&batch);
    routes_add(&batch, hops);
    return batch_end(&batch);
}

/* ---- cards ---- */

/* Does the card in 'box' send what is for 'end' there? */
static bool
card_has(const struct run *run, const struct fwd_table *table, unsigned end)
{
    struct plane_end to = traffic_end(&run->traffic, end);
    struct fwd_prefix host;
    const struct fwd_group *group;
    uint32_t id;

    traffic_address(&run->traffic, end, &host);
    group = fwd_table_lookup(table, &host, &id);
    return group != NULL && group->count == 1 &&
           group->hops[0].module == run->watch.boxes[to.box].module &&
           group->hops[0].port == to.port;
}

static bool
cards_have(struct run *run)
{
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        const struct fwd_table *table = des_routes(run->world, i);
        struct world_box box;

        run->world->ops->box(run->world, i, &box);
        if (run->plan->boxes[i].role != ROLE_NCP || !box.running)
            continue;
        if (table == NULL)
            return false;
        for (unsigned j = 0; j < run->traffic.end_count; j++) {
            if (is_addressed(run, j) && !card_has(run, table, j))
                return false;
        }
    }
    return true;
}

static bool
cards_wait(struct run *run, struct simtime limit)
{
    while (!cards_have(run)) {
        if (!simtime_before(now_of(run), limit) || !step(run))
            return false;
    }
    return true;
}

static void
oracles_tell(struct run *run)
{
    for (unsigned i = 0; i < run->traffic.end_count; i++) {
        struct fwd_prefix connected = subnet_of(CONNECTED, i);
        struct fwd_prefix behind = subnet_of(BEHIND, i);

        if (!is_addressed(run, i))
            continue;
        oracles_connected(run->oracles, i, &connected);
        if (run->traffic.routed[i])
            oracles_routed(run->oracles, i, &behind);
    }
    for (unsigned i = 0; i < run->traffic.end_count; i++) {
        struct fwd_prefix host;

        traffic_address(&run->traffic, i, &host);
        if (is_addressed(run, i))
            oracles_addressed(run->oracles, i, &host);
    }
}

/* Packets to these go to a host behind the router. */
static void
networks_set(struct run *run)
{
    for (unsigned i = 0; i < run->traffic.end_count; i++) {
        struct fwd_prefix host = address_of(BEHIND, i, ROUTER_HOST);

        if (run->traffic.routed[i])
            traffic_address_set(&run->traffic, i, &host, true);
    }
}

bool
addresses_configure(struct run *run)
{
    struct simtime limit = simtime_add(now_of(run), simtime_from_s(LIMIT_S));
    bool good;

    run->question = calloc(1, sizeof(*run->question));
    CHECK(run->question != NULL);
    networks_set(run);
    good = edit_all(run, limit) && cards_wait(run, limit);
    free(run->question);
    run->question = NULL;
    if (good && run->traffic.plane != NULL)
        oracles_tell(run);
    else if (!good)
        outcome_text(run->outcome->note, sizeof(run->outcome->note),
                     "not every card had the routes to the ends of traffic "
                     "%u s after an operator set their addresses",
                     LIMIT_S);
    return good;
}
