/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators ask: this table, a card's, or whether they agree.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/rib/rib_priv.h"
#include "reference-nos/schema/operator_msg.h"

#define ROWS_BYTES                                                            \
    (64u + OPERATOR_ROUTES_MAX * OPERATOR_ROUTE_BYTES_MAX +                   \
     CARDS_MAX * OPERATOR_FIB_BYTES_MAX)
#define AUDIT_NS (1 * NS_PER_S)

struct answer {
    struct wire_writer writer;
    uint8_t bytes[ROWS_BYTES];
};

static void
answer_begin(struct answer *answer, uint64_t token,
             const struct operator_rep *rep)
{
    wire_writer_init(&answer->writer, answer->bytes, sizeof(answer->bytes));
    wire_write_u64(&answer->writer, token);
    operator_rep_write(&answer->writer, rep);
}

static void
answer_send(struct rib_service *service, const struct answer *answer)
{
    struct actor_address to = {0, SVC_OPERATOR};

    CHECK(wire_writer_finish(&answer->writer) == 0);
    (void)!actor_send(service->self, to, LANE_CONTROL, MSG_OPERATOR_REP, 0,
                      answer->bytes, wire_writer_size(&answer->writer));
}

static void
refuse(struct rib_service *service, uint64_t token, enum operator_verb verb,
       int status)
{
    struct operator_rep rep = {.status = status, .verb = verb};
    struct answer answer;

    answer_begin(&answer, token, &rep);
    answer_send(service, &answer);
}

/* ---- this table ---- */

static void
route_add(struct answer *answer, const struct rib_route *route)
{
    struct operator_route out = {.prefix = route->prefix,
                                 .connected = route->source == RIB_CONNECTED,
                                 .group = route->group};

    operator_route_write(&answer->writer, &out);
}

static void
show_routes(struct rib_service *service, uint64_t token,
            const struct fwd_prefix *after)
{
    struct operator_rep rep = {.verb = OPERATOR_SHOW_ROUTES,
                               .term = service->term};
    struct rib_route routes[OPERATOR_ROUTES_MAX];
    struct answer answer;
    unsigned count = 0;

    while (count < OPERATOR_ROUTES_MAX &&
           rib_next(service->rib, after, &routes[count]) == 0)
        after = &routes[count++].prefix;
    if (count == OPERATOR_ROUTES_MAX) {
        struct rib_route more;

        rep.cut = rib_next(service->rib, after, &more) == 0;
    }
    actor_charge(service->self, COST_ROUTE, count);
    answer_begin(&answer, token, &rep);
    for (unsigned i = 0; i < count; i++)
        route_add(&answer, &routes[i]);
    answer_send(service, &answer);
}

/* ---- cards ---- */

static int
card_ask(struct rib_service *service, unsigned place,
         const struct fib_ask *ask)
{
    struct actor_address to = {service->cards[place].box, SVC_FIB};
    struct wire_writer writer;
    uint8_t bytes[64];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    fib_ask_write(&writer, ask);
    return actor_send(service->self, to, LANE_CONTROL, MSG_FIB_ASK, 0, bytes,
                      wire_writer_size(&writer));
}

/* The place of a module's card; CARDS_MAX: it has none. */
static unsigned
place_of(const struct rib_service *service, uint16_t module)
{
    unsigned place =
        actor_facts(service->self)->alone ? CARD_SELF : (unsigned)module;

    if (place >= CARDS_MAX || service->cards[place].box == 0)
        return CARDS_MAX;
    return place;
}

static void
show_card(struct rib_service *service, uint64_t token,
          const struct operator_req *req, const struct fib_ask *ask)
{
    unsigned place = place_of(service, req->module);
    struct question *question;
    int error;

    if (place == CARDS_MAX) {
        refuse(service, token, req->verb, ERR_NOENT);
        return;
    }
    /* The oldest gives way: who asked has stopped waiting for it. */
    question = &service->questions[service->question_turn];
    service->question_turn = (service->question_turn + 1) % QUESTIONS_MAX;
    *question = (struct question){.id = ask->id, .token = token};
    error = card_ask(service, place, ask);
    if (error != 0)
        refuse(service, token, req->verb, error);
}

static enum operator_fib_state
judge(const struct rib_service *service, const struct audited *seen)
{
    const struct fib_tell *said = &seen->said;
    struct fib_sum want = rib_sum(service->rib);

    if (!seen->heard)
        return FIB_SILENT;
    if (said->complete && said->pending == 0 && said->failed == 0 &&
        fib_sum_equal(&said->fib, &want) && fib_sum_equal(&said->asic, &want))
        return FIB_CONSISTENT;
    if (!said->complete || said->pending > 0 ||
        rib_deadline_ns(service->rib) != TIME_NEVER_NS)
        return FIB_BEHIND;
    return FIB_DIFFERENT;
}

static void
audit_end(struct rib_service *service)
{
    struct operator_rep rep = {.verb = OPERATOR_SHOW_FIB,
                               .term = service->term};
    struct operator_fib row = {.module = MODULE_NONE,
                               .fib = rib_sum(service->rib),
                               .asic = rib_sum(service->rib)};
    struct answer answer;

    answer_begin(&answer, service->audit_token, &rep);
    operator_fib_write(&answer.writer, &row);
    for (unsigned i = 0; i < CARDS_MAX; i++) {
        const struct audited *seen = &service->audited[i];

        if (!seen->asked)
            continue;
        row = (struct operator_fib){
            .module = (uint16_t)(i == CARD_SELF ? 0 : i),
            .state = judge(service, seen),
            .fib = seen->said.fib,
            .asic = seen->said.asic,
            .pending = seen->said.pending,
            .failed = seen->said.failed,
        };
        operator_fib_write(&answer.writer, &row);
    }
    answer_send(service, &answer);
    service->audit_id = 0;
    actor_timer_cancel(service->self, TIMER_AUDIT);
}

static void
audit_begin(struct rib_service *service, uint64_t token, uint64_t id)
{
    struct fib_ask ask = {.id = id, .question = FIB_AUDIT};

    if (service->audit_id != 0) {
        refuse(service, token, OPERATOR_SHOW_FIB, ERR_BUSY);
        return;
    }
    service->audit_id = id;
    service->audit_token = token;
    service->audit_left = 0;
    for (unsigned i = 0; i < CARDS_MAX; i++) {
        struct audited *seen = &service->audited[i];

        *seen = (struct audited){.asked = service->cards[i].box != 0};
        if (seen->asked && card_ask(service, i, &ask) == 0)
            service->audit_left++;
    }
    actor_timer_set(service->self, TIMER_AUDIT,
                    actor_now_ns(service->self) + AUDIT_NS);
    if (service->audit_left == 0)
        audit_end(service);
}

void
show_timer(struct rib_service *service)
{
    if (service->audit_id != 0)
        audit_end(service);
}

/* ---- messages ---- */

void
show_request(struct rib_service *service, const struct actor_message *message)
{
    struct fib_ask ask = {.id = ++service->asked, .question = FIB_LIST};
    struct wire_reader reader;
    struct operator_req req;
    uint64_t token;

    wire_reader_init(&reader, message->body, message->size);
    token = wire_read_u64(&reader);
    if (message->from.service != SVC_OPERATOR ||
        operator_req_read(&reader, &req) != 0)
        return;
    if (req.rows_size > 0) {
        wire_reader_init(&reader, req.rows, req.rows_size);
        prefix_read(&reader, &ask.after);
        ask.behind = true;
        if (wire_reader_finish(&reader) != 0) {
            refuse(service, token, req.verb, ERR_MALFORMED);
            return;
        }
    }
    if (req.verb == OPERATOR_SHOW_ROUTES)
        show_routes(service, token, ask.behind ? &ask.after : NULL);
    else if (req.verb == OPERATOR_SHOW_FIB && req.module == MODULE_NONE)
        audit_begin(service, token, ask.id);
    else if (req.verb == OPERATOR_SHOW_FIB)
        show_card(service, token, &req, &ask);
    else
        refuse(service, token, req.verb, ERR_UNSUPPORTED);
}

static void
listed(struct rib_service *service, const struct fib_tell *said,
       const struct wire_reader *rows)
{
    struct operator_rep rep = {
        .verb = OPERATOR_SHOW_FIB, .term = said->term, .cut = said->cut};
    struct answer answer;

    for (unsigned i = 0; i < QUESTIONS_MAX; i++) {
        struct question *question = &service->questions[i];

        if (question->id != said->id)
            continue;
        answer_begin(&answer, question->token, &rep);
        question->id = 0;
        if (wire_reader_left(rows) > wire_writer_left(&answer.writer))
            return;
        wire_write_bytes(&answer.writer, rows->at, wire_reader_left(rows));
        answer_send(service, &answer);
    }
}

void
show_told(struct rib_service *service, unsigned place,
          const struct actor_message *message)
{
    struct wire_reader reader;
    struct fib_tell said;

    wire_reader_init(&reader, message->body, message->size);
    if (fib_tell_read(&reader, &said) != 0 || said.id == 0)
        return;
    if (said.id != service->audit_id) {
        listed(service, &said, &reader);
        return;
    }
    if (service->audited[place].heard || !service->audited[place].asked)
        return;
    service->audited[place].heard = true;
    service->audited[place].said = said;
    if (--service->audit_left == 0)
        audit_end(service);
}
