/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster service, driven by hand over a small store.
 */
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/card.h"
#include "reference-nos/cluster/cluster_test.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/plan.h"
#include "reference-nos/schema/store_msg.h"

#include <stdio.h>
#include <string.h>

#define SELF 0xA0u
#define TOMBSTONE_S 60u
#define ROWS_MAX 256u

struct test_row {
    enum table table;
    struct key_bytes key;
    struct row_bytes value;
    uint64_t version;
};

static struct actor hand;
static struct test_row rows[ROWS_MAX];
static unsigned row_count;
static uint64_t commit_index;
static uint64_t term;
static bool quorum;
static uint8_t plan_bytes[4096];

static const struct actor_address from_store = {0, SVC_STORE};

/* --- The store ---------------------------------------------------------- */

static struct test_row *
row_find(const struct store_row *row, bool add)
{
    for (unsigned i = 0; i < row_count; i++)
        if (rows[i].table == row->table && rows[i].key.size == row->key_size &&
            memcmp(rows[i].key.bytes, row->key, row->key_size) == 0)
            return &rows[i];
    if (!add)
        return NULL;
    ck_assert_uint_lt(row_count, ROWS_MAX);
    memset(&rows[row_count], 0, sizeof(rows[0]));
    rows[row_count].table = row->table;
    rows[row_count].key.size = (uint8_t)row->key_size;
    if (row->key_size > 0)
        memcpy(rows[row_count].key.bytes, row->key, row->key_size);
    return &rows[row_count++];
}

static void
delta_send(unsigned flags, const struct test_row *list, unsigned count)
{
    static uint8_t bytes[65536];
    struct store_delta delta = {flags, commit_index, term};
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_delta_begin(&writer, &delta);
    for (unsigned i = 0; i < count; i++) {
        struct store_row row = {.table = list[i].table,
                                .version = list[i].version,
                                .key = list[i].key.bytes,
                                .key_size = list[i].key.size,
                                .value = list[i].value.bytes,
                                .value_size = list[i].value.size};

        store_row_add(&writer, &row);
    }
    ck_assert_int_eq(wire_writer_finish(&writer), 0);
    hand_message(&hand, from_store, MSG_STORE_DELTA, bytes,
                 wire_writer_size(&writer));
}

static int
txn_apply(struct wire_reader reader, const struct store_txn *txn)
{
    struct wire_reader again = reader;
    struct store_op op;

    if (txn->term != term)
        return ERR_STALE;
    while (store_op_read(&again, &op) == 0) {
        const struct test_row *row = row_find(&op.row, false);

        if (op.kind == STORE_OP_EXPECT &&
            (row == NULL ? 0 : row->version) != op.row.version)
            return ERR_CONFLICT;
    }
    commit_index++;
    while (store_op_read(&reader, &op) == 0) {
        struct test_row *row;

        if (op.kind != STORE_OP_PUT)
            continue;
        row = row_find(&op.row, true);
        row->version = commit_index;
        row->value.size = (uint16_t)op.row.value_size;
        memcpy(row->value.bytes, op.row.value, op.row.value_size);
    }
    return 0;
}

/* Answers every transaction that waits; false if there was none. */
static bool
store_step(void)
{
    const struct hand_sent *sent;
    struct wire_reader reader;
    struct store_txn txn;
    struct store_txn_done done = {0};
    uint8_t bytes[64];
    struct wire_writer writer;

    if (!quorum)
        return false;
    sent = hand_take(&hand, MSG_STORE_TXN);
    if (sent == NULL)
        return false;
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(store_txn_read(&reader, &txn), 0);
    done.client = txn.client;
    done.sequence = txn.sequence;
    done.status = txn_apply(reader, &txn);
    done.index = commit_index;
    done.term = term;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_txn_done_write(&writer, &done);
    hand_message(&hand, from_store, MSG_STORE_TXN_DONE, bytes,
                 wire_writer_size(&writer));
    if (done.status == 0)
        delta_send(0, rows, row_count);
    return true;
}

static void
settle(void)
{
    while (store_step())
        ;
}

/* Time passes; the store answers in between. */
static void
run(uint64_t span_ns)
{
    for (uint64_t at_ns = 0; at_ns < span_ns; at_ns += 50 * NS_PER_MS) {
        hand_run(&hand, 50 * NS_PER_MS);
        settle();
        while (hand_take(&hand, MSG_BEACON) != NULL)
            ;
    }
}

/* The codec of this one is named after the message. */
#define store_role_change_write store_role_write

static void
lead(uint64_t new_term)
{
    term = new_term;
    HAND_SEND(&hand, from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_READY, term});
    settle();
}

static void
plan_make(unsigned ncps, const char *first_serial)
{
    struct cluster_row cluster = {.cluster_id = 7,
                                  .tombstone_s = TOMBSTONE_S,
                                  .pool_size = {2, 3, 2, 2}};
    struct wire_writer writer;

    cluster.pool_size[ROLE_NCP] = (uint16_t)ncps;
    wire_writer_init(&writer, plan_bytes, sizeof(plan_bytes));
    plan_begin(&writer, &cluster, 1, 8);
    {
        struct module_key key = {ROLE_NCP, 2};
        struct plan_row row = {{0}};

        strcpy(row.serial, first_serial);
        plan_module_write(&writer, &key, &row);
    }
    /* NCP n, port p: NCF p, port n. */
    for (uint16_t i = 0; i < 8; i++) {
        struct cable_key key = {i / 2, i % 2};
        struct cable_row row = {i % 2, i / 2};

        plan_cable_write(&writer, &key, &row);
    }
    ck_assert_int_eq(wire_writer_finish(&writer), 0);
    hand.plan = plan_bytes;
    hand.plan_size = wire_writer_size(&writer);
}

static void
setup(void)
{
    row_count = 0;
    commit_index = 0;
    term = 0;
    quorum = true;
    hand_open(&hand, &cluster_kind, ROLE_NCC, SELF);
    plan_make(3, "PLANNED");
}

static void
teardown(void)
{
    hand_close(&hand);
}

/* --- Boxes -------------------------------------------------------------- */

struct test_box {
    uint64_t key;
    enum role role;
    const char *serial;
    uint64_t incarnation;
    unsigned cable_count;
    struct cable_seen cables[4];
};

static void
ask(const struct test_box *box)
{
    struct actor_address from = {box->key, SVC_MEMBER};
    struct join_req req = {.cluster_id = 7,
                           .key = box->key,
                           .incarnation = box->incarnation,
                           .role = box->role,
                           .number = MODULE_NONE,
                           .cable_count = box->cable_count};
    const struct hand_sent *sent;
    struct join_challenge challenge;
    struct wire_reader reader;

    strcpy(req.serial, box->serial);
    memcpy(req.cables, box->cables, sizeof(box->cables));
    HAND_SEND(&hand, from, MSG_JOIN_REQ, join_req, req);
    sent = hand_take(&hand, MSG_JOIN_CHALLENGE);
    if (sent == NULL)
        return;
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(join_challenge_read(&reader, &challenge), 0);
    HAND_SEND(&hand, from, MSG_JOIN_PROOF, join_proof,
              {challenge.nonce, card_proof(box->key, challenge.nonce)});
}

/* Why it was rejected, or 0. */
static int
rejected(void)
{
    const struct hand_sent *sent = hand_take(&hand, MSG_JOIN_REJECT);
    struct join_reject reject;
    struct wire_reader reader;

    if (sent == NULL)
        return 0;
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(join_reject_read(&reader, &reject), 0);
    return reject.reason;
}

static void
hello(const struct test_box *box, uint16_t number)
{
    struct actor_address from = {box->key, SVC_MEMBER};

    HAND_SEND(&hand, from, MSG_HELLO, hello,
              {box->incarnation, module_id(box->role, number), false, 0});
}

/* The number it is offered, or MODULE_NONE. */
static uint16_t
join(const struct test_box *box)
{
    struct join_offer offer = {.number = MODULE_NONE};
    const struct hand_sent *sent;
    struct wire_reader reader;

    ask(box);
    settle();
    sent = hand_take(&hand, MSG_JOIN_OFFER);
    if (sent == NULL)
        return MODULE_NONE;
    ck_assert_uint_eq(sent->to.box, box->key == SELF ? 0 : box->key);
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(join_offer_read(&reader, &offer), 0);
    ck_assert_uint_eq(offer.term, term);
    hello(box, offer.number);
    return offer.number;
}

static void
operate_begin(const struct operator_req *req)
{
    struct actor_address from = {0, SVC_OPERATOR};
    struct wire_writer writer;
    uint8_t bytes[128];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, 42);
    operator_req_write(&writer, req);
    hand_message(&hand, from, MSG_OPERATOR_REQ, bytes,
                 wire_writer_size(&writer));
    settle();
}

static int
operated(void)
{
    const struct hand_sent *sent = hand_take(&hand, MSG_OPERATOR_REP);
    struct operator_rep rep;
    struct wire_reader reader;

    ck_assert_ptr_nonnull(sent);
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_uint_eq(wire_read_u64(&reader), 42);
    ck_assert_int_eq(operator_rep_read(&reader, &rep), 0);
    return rep.status;
}

static int
operate(const struct operator_req *req)
{
    operate_begin(req);
    return operated();
}

static void
transfer_done(int status)
{
    HAND_SEND(&hand, from_store, MSG_STORE_TRANSFER_DONE, store_voter_done,
              {status});
}

static const struct test_box box_1 = {1, ROLE_NCP, "S1", 1, 0, {{0}}};
static const struct test_box box_2 = {2, ROLE_NCP, "S2", 1, 0, {{0}}};
static const struct test_box box_3 = {3, ROLE_NCP, "S3", 1, 0, {{0}}};
static const struct test_box box_p = {4, ROLE_NCP, "PLANNED", 1, 0, {{0}}};

START_TEST(the_first_leader_loads_the_plan_and_is_active)
{
    ck_assert_uint_eq(hand_count(&hand, MSG_BEACON), 0);
    lead(3);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ACTIVE)->a, 3);
    ck_assert_uint_eq(row_count, 1 + 8 + 1 + 1);
    ck_assert_uint_eq(hand_count(&hand, MSG_BEACON), 2);
    hand_forget(&hand);
    hand_run(&hand, NS_PER_S);
    ck_assert_uint_eq(hand_count(&hand, MSG_BEACON), 8);
    lead(4); /* the plan is there already */
    ck_assert_uint_eq(hand_trace(&hand, TRACE_PASSIVE)->a, 3);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ACTIVE)->a, 4);
    ck_assert_uint_eq(row_count, 11);
}
END_TEST

START_TEST(a_deposed_controller_stops_at_once)
{
    lead(3);
    HAND_SEND(&hand, from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_LOST, 3});
    ck_assert_uint_eq(hand_trace(&hand, TRACE_PASSIVE)->a, 3);
    hand_forget(&hand);
    hand_run(&hand, 5 * NS_PER_S);
    ask(&box_1);
    hello(&box_1, 0);
    ck_assert_uint_eq(hand.sent_count, 0);
}
END_TEST

START_TEST(boxes_get_the_lowest_free_numbers)
{
    lead(1);
    ck_assert_uint_eq(join(&box_1), 0);
    ck_assert_uint_eq(join(&box_2), 1);
    ck_assert_uint_eq(join(&box_1), 0); /* stable */
    ck_assert_uint_eq(join(&box_3), MODULE_NONE);
    ck_assert_int_eq(rejected(), ERR_FULL); /* number 2 is planned */
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MODULE_REFUSED)->a, 3);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ALARM)->a, ALARM_POOL_EXHAUSTED);
    ck_assert_uint_eq(join(&box_p), 2);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MODULE)->c,
                      MODULE_PLANNED_SERIAL);
}
END_TEST

START_TEST(no_number_without_quorum)
{
    lead(1);
    quorum = false;
    ck_assert_uint_eq(join(&box_1), MODULE_NONE);
    run(5 * NS_PER_S);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_MODULE), 0);
    HAND_SEND(&hand, from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_LOST, 1});
    quorum = true;
    hand_forget(&hand);
    run(5 * NS_PER_S);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_OFFER), 0);
}
END_TEST

START_TEST(a_false_proof_is_refused)
{
    struct actor_address from = {1, SVC_MEMBER};
    struct join_req req = {.cluster_id = 7, .key = 1, .role = ROLE_NCP};
    const struct hand_sent *sent;
    struct wire_reader reader;

    lead(1);
    HAND_SEND(&hand, from, MSG_JOIN_REQ, join_req, req);
    sent = hand_take(&hand, MSG_JOIN_CHALLENGE);
    wire_reader_init(&reader, sent->body, sent->size);
    HAND_SEND(&hand, from, MSG_JOIN_PROOF, join_proof,
              {wire_read_u64(&reader), 12345});
    settle();
    ck_assert_int_eq(rejected(), ERR_REFUSED);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_MODULE), 0);
}
END_TEST

START_TEST(one_box_cannot_ask_for_another)
{
    struct actor_address from = {9, SVC_MEMBER};
    struct join_req req = {.cluster_id = 7, .key = 1, .role = ROLE_NCP};

    lead(1);
    HAND_SEND(&hand, from, MSG_JOIN_REQ, join_req, req);
    ck_assert_int_eq(rejected(), ERR_REFUSED);
}
END_TEST

START_TEST(a_live_serial_is_not_given_twice)
{
    struct test_box clone = box_1;

    lead(1);
    (void)join(&box_1);
    clone.key = 77;
    ck_assert_uint_eq(join(&clone), MODULE_NONE);
    ck_assert_int_eq(rejected(), ERR_EXISTS);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ALARM)->a,
                      ALARM_DUPLICATE_SERIAL);
    hello(&box_1, 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MEMBER)->b, 1);
}
END_TEST

START_TEST(a_silent_member_is_away_and_comes_back)
{
    lead(1);
    (void)join(&box_1);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_CONVERGED)->a, 1);
    hand_forget(&hand);
    run(3 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MEMBER)->b, 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ALARM)->a, ALARM_MODULE_AWAY);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_CONVERGED)->a, 0);
    ck_assert_uint_eq(hand_count(&hand, MSG_STORE_PEER), 1);
    hello(&box_1, 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MEMBER)->b, 1);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ALARM)->b, 0);
}
END_TEST

static void
ncfs_join(void)
{
    struct test_box ncf = {100, ROLE_NCF, "F0", 1, 0, {{0}}};

    ck_assert_uint_eq(join(&ncf), 0);
    ncf.key = 101;
    ncf.serial = "F1";
    ck_assert_uint_eq(join(&ncf), 1);
}

START_TEST(a_replacement_in_its_place_inherits)
{
    struct test_box newcomer = {50, ROLE_NCP, "NEW",
                                1,  2,        {{0, 1, 100}, {1, 1, 101}}};

    lead(1);
    ncfs_join();
    (void)join(&box_1);
    ck_assert_uint_eq(join(&box_2), 1);
    run(NS_PER_S);
    hello(&box_1, 0);
    /* Box 2 is not known to be away yet: it lives. */
    ask(&newcomer);
    settle();
    ck_assert_int_eq(rejected(), ERR_FULL);
    run(2 * NS_PER_S);
    ck_assert_uint_eq(join(&newcomer), 1);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MODULE)->c,
                      MODULE_PLANNED_POSITION);
    hand_forget(&hand);
    hello(&box_2, 1); /* the old one comes back */
    ck_assert_uint_eq(hand_count(&hand, MSG_HELLO_ACK), 1);
    ck_assert_uint_eq(join(&box_2), MODULE_NONE);
    ck_assert_int_eq(rejected(), ERR_FULL);
}
END_TEST

START_TEST(a_new_controller_waits_before_it_gives_numbers_on)
{
    struct test_box newcomer = {50, ROLE_NCP, "NEW",
                                1,  2,        {{0, 1, 100}, {1, 1, 101}}};

    lead(1);
    ncfs_join();
    (void)join(&box_1);
    ck_assert_uint_eq(join(&box_2), 1);
    lead(2);
    ck_assert_uint_eq(join(&newcomer), MODULE_NONE);
    ck_assert_int_eq(rejected(), ERR_BUSY);
}
END_TEST

START_TEST(a_removed_number_rests)
{
    struct operator_req req = {.verb = OPERATOR_REMOVE,
                               .module = module_id(ROLE_NCP, 0)};

    lead(1);
    (void)join(&box_1);
    (void)join(&box_2);
    ck_assert_int_eq(operate(&req), 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MODULE)->c, MODULE_REMOVED);
    ck_assert_int_eq(operate(&req), ERR_NOENT);
    ck_assert_uint_eq(join(&box_3), MODULE_NONE);
    ck_assert_int_eq(rejected(), ERR_FULL);
    run((TOMBSTONE_S - 1) * NS_PER_S);
    ck_assert_uint_eq(join(&box_3), MODULE_NONE);
    (void)rejected();
    run(2 * NS_PER_S);
    ck_assert_uint_eq(join(&box_3), 0);
    /* The removed box comes later: its number is another's. */
    ck_assert_uint_eq(join(&box_1), MODULE_NONE);
}
END_TEST

START_TEST(a_tombstone_starts_again_with_a_new_controller)
{
    struct operator_req req = {.verb = OPERATOR_REMOVE,
                               .module = module_id(ROLE_NCP, 0)};

    lead(1);
    (void)join(&box_1);
    (void)join(&box_2);
    ck_assert_int_eq(operate(&req), 0);
    run((TOMBSTONE_S - 5) * NS_PER_S);
    lead(2);
    run(10 * NS_PER_S);
    ck_assert_uint_eq(join(&box_3), MODULE_NONE); /* never early */
    run(TOMBSTONE_S * NS_PER_S);
    ck_assert_uint_eq(join(&box_3), 0);
}
END_TEST

START_TEST(a_removed_box_gets_its_number_back)
{
    struct operator_req req = {.verb = OPERATOR_REMOVE,
                               .module = module_id(ROLE_NCP, 0)};
    struct test_box back = box_1;

    lead(1);
    (void)join(&box_1);
    ck_assert_int_eq(operate(&req), 0);
    hand_forget(&hand);
    hello(&box_1, 0); /* still there: it shall go */
    ck_assert_int_eq(rejected(), ERR_PERMISSION);
    back.incarnation = 2;
    ck_assert_uint_eq(join(&back), 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MODULE)->c, MODULE_KNOWN_KEY);
}
END_TEST

START_TEST(the_planted_bug_reuses_a_resting_number)
{
    struct operator_req req = {.verb = OPERATOR_REMOVE,
                               .module = module_id(ROLE_NCP, 0)};

#ifndef SIXNINES_MUTANTS
    return;
#endif
    hand.plat.mutation = 8;
    lead(1);
    (void)join(&box_1);
    (void)join(&box_2);
    ck_assert_int_eq(operate(&req), 0);
    ck_assert_uint_eq(join(&box_3), 0);
}
END_TEST

START_TEST(operators_drain_and_light)
{
    struct operator_req req = {.verb = OPERATOR_DRAIN,
                               .module = module_id(ROLE_NCP, 0)};

    lead(1);
    (void)join(&box_1);
    ck_assert_int_eq(operate(&req), 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_DRAIN)->b, 1);
    req.verb = OPERATOR_UNDRAIN;
    ck_assert_int_eq(operate(&req), 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_DRAIN)->b, 0);
    req.verb = OPERATOR_LOCATE;
    req.value = 1;
    ck_assert_int_eq(operate(&req), 0);
    req.module = module_id(ROLE_NCP, 2);
    ck_assert_int_eq(operate(&req), ERR_NOENT);
    req.module = 4000;
    ck_assert_int_eq(operate(&req), ERR_NOENT);
    req.verb = OPERATOR_SHOW_MODULES;
    ck_assert_int_eq(operate(&req), 0);
    req.verb = OPERATOR_SWITCHOVER;
    ck_assert_int_eq(operate(&req), ERR_UNREACHABLE);
}
END_TEST

START_TEST(a_switchover_goes_to_the_living_standby)
{
    struct operator_req req = {.verb = OPERATOR_SWITCHOVER};
    struct test_box standby = {0xB0, ROLE_NCC, "B", 1, 0, {{0}}};
    struct test_box self = {SELF, ROLE_NCC, "A", 1, 0, {{0}}};

    lead(1);
    hand_forget(&hand);
    (void)self;
    ck_assert_uint_eq(join(&standby), 0);
    operate_begin(&req);
    ck_assert_uint_eq(hand_count(&hand, MSG_STORE_TRANSFER), 1);
    ck_assert_uint_eq(hand_count(&hand, MSG_OPERATOR_REP), 0);
    operate_begin(&req);
    ck_assert_int_eq(operated(), ERR_BUSY);
    transfer_done(0);
    ck_assert_int_eq(operated(), 0);
    operate_begin(&req);
    transfer_done(ERR_NOENT);
    ck_assert_int_eq(operated(), ERR_NOENT);
    transfer_done(ERR_NOENT); /* nobody asked */
    ck_assert_uint_eq(hand_count(&hand, MSG_OPERATOR_REP), 0);
}
END_TEST

START_TEST(a_controller_stops_when_another_one_leads)
{
    struct operator_req req = {.verb = OPERATOR_STOP};
    struct test_box standby = {0xB0, ROLE_NCC, "B", 1, 0, {{0}}};

    ck_assert_int_eq(operate(&req), 0); /* not active: nothing to wait for */
    lead(1);
    ck_assert_int_eq(operate(&req), ERR_UNREACHABLE);
    hand.facts.alone = true; /* nobody will ever lead instead */
    ck_assert_int_eq(operate(&req), 0);
    hand.facts.alone = false;
    ck_assert_uint_eq(join(&standby), 0);
    operate_begin(&req);
    transfer_done(0);
    ck_assert_uint_eq(hand_count(&hand, MSG_OPERATOR_REP), 0);
    HAND_SEND(&hand, from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_LOST, 1});
    ck_assert_int_eq(operated(), 0);
}
END_TEST

/* The reply's rows; its head in '*rep'. */
static struct wire_reader
rows_of(enum operator_verb verb, struct operator_rep *rep)
{
    struct operator_req req = {.verb = verb};
    const struct hand_sent *sent;
    struct wire_reader reader;

    operate_begin(&req);
    sent = hand_take(&hand, MSG_OPERATOR_REP);
    ck_assert_ptr_nonnull(sent);
    wire_reader_init(&reader, sent->body, sent->size);
    (void)wire_read_u64(&reader);
    ck_assert_int_eq(operator_rep_read(&reader, rep), 0);
    ck_assert_int_eq(rep->status, 0);
    ck_assert(!rep->cut);
    return reader;
}

START_TEST(operators_see_modules_and_cluster)
{
    struct operator_module module;
    struct operator_cluster cluster;
    struct operator_rep rep;
    struct wire_reader reader;

    lead(1);
    (void)join(&box_1);
    (void)join(&box_2);
    reader = rows_of(OPERATOR_SHOW_MODULES, &rep);
    ck_assert_uint_eq(rep.leader, SELF);
    ck_assert_int_eq(operator_module_read(&reader, &module), 0);
    ck_assert_uint_eq(module.module, module_id(ROLE_NCP, 0));
    ck_assert_str_eq(module.serial, "S1");
    ck_assert(module.up);
    ck_assert_int_eq(operator_module_read(&reader, &module), 0);
    ck_assert_int_eq(operator_module_read(&reader, &module), ERR_NOENT);
    run(3 * NS_PER_S);
    hello(&box_2, 1);
    reader = rows_of(OPERATOR_SHOW_CLUSTER, &rep);
    ck_assert_int_eq(operator_cluster_read(&reader, &cluster), 0);
    ck_assert_uint_eq(cluster.cluster_id, 7);
    ck_assert_uint_eq(cluster.active, SELF);
    ck_assert_uint_eq(cluster.modules[ROLE_NCP], 2);
    ck_assert_uint_eq(cluster.up[ROLE_NCP], 1);
}
END_TEST

START_TEST(operators_see_controllers)
{
    struct test_box standby = {0xB0, ROLE_NCC, "B", 1, 0, {{0}}};
    struct test_box switch_a = {0xC0, ROLE_NCM, "C", 1, 0, {{0}}};
    struct test_box switch_b = {0xC1, ROLE_NCM, "D", 1, 0, {{0}}};
    struct operator_controller controller;
    struct operator_alarm alarm;
    struct operator_rep rep;
    struct wire_reader reader;

    hand.facts.voter_count = 3;
    hand.facts.voters[0] = SELF;
    hand.facts.voters[1] = 0xB0;
    hand.facts.voters[2] = 0xC0;
    lead(1);
    (void)join(&standby);
    (void)join(&switch_a);
    (void)join(&switch_b);
    reader = rows_of(OPERATOR_SHOW_CONTROLLERS, &rep);
    ck_assert_int_eq(operator_controller_read(&reader, &controller), 0);
    ck_assert_uint_eq(controller.key, 0xB0);
    ck_assert_int_eq(controller.state, CONTROLLER_STANDBY);
    ck_assert_int_eq(operator_controller_read(&reader, &controller), 0);
    ck_assert_uint_eq(controller.key, 0xC0);
    ck_assert_int_eq(controller.state, CONTROLLER_ARBITER);
    ck_assert_int_eq(operator_controller_read(&reader, &controller),
                     ERR_NOENT);
    run(3 * NS_PER_S);
    hello(&switch_a, 0);
    hello(&switch_b, 1);
    reader = rows_of(OPERATOR_SHOW_CONTROLLERS, &rep);
    ck_assert_int_eq(operator_controller_read(&reader, &controller), 0);
    ck_assert_int_eq(controller.state, CONTROLLER_AWAY);
    reader = rows_of(OPERATOR_SHOW_ALARMS, &rep);
    ck_assert_int_eq(operator_alarm_read(&reader, &alarm), ERR_NOENT);
}
END_TEST

START_TEST(a_planned_replacement_waits_for_the_old_box)
{
    struct operator_req req = {.verb = OPERATOR_REPLACE,
                               .module = module_id(ROLE_NCP, 0),
                               .serial = "S3"};

    lead(1);
    (void)join(&box_1);
    ck_assert_int_eq(operate(&req), 0);
    ck_assert_uint_eq(join(&box_3), MODULE_NONE);
    ck_assert_int_eq(rejected(), ERR_BUSY);
    run(3 * NS_PER_S);
    ck_assert_uint_eq(join(&box_3), 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MODULE)->c,
                      MODULE_PLANNED_SERIAL);
}
END_TEST

START_TEST(a_new_voter_takes_the_seat_of_the_old)
{
    struct test_box old = {0xB0, ROLE_NCC, "B", 1, 0, {{0}}};
    struct test_box new = {0xB1, ROLE_NCC, "B2", 1, 0, {{0}}};
    struct operator_req req = {.verb = OPERATOR_REPLACE,
                               .module = module_id(ROLE_NCC, 0),
                               .serial = "B2"};
    const struct hand_sent *sent;
    struct store_voter voter;
    struct wire_reader reader;

    hand.facts.voter_count = 3;
    hand.facts.voters[0] = SELF;
    hand.facts.voters[1] = 0xB0;
    hand.facts.voters[2] = 0xC0;
    lead(1);
    ck_assert_uint_eq(join(&old), 0);
    ck_assert_uint_eq(hand_count(&hand, MSG_STORE_VOTER), 0);
    run(3 * NS_PER_S);
    ck_assert_int_eq(operate(&req), 0);
    ck_assert_uint_eq(join(&new), 0);
    sent = hand_take(&hand, MSG_STORE_VOTER);
    ck_assert_ptr_nonnull(sent);
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(store_voter_read(&reader, &voter), 0);
    ck_assert_uint_eq(voter.remove, 0xB0);
    ck_assert_uint_eq(voter.add, 0xB1);
    HAND_SEND(&hand, from_store, MSG_STORE_VOTER_DONE, store_voter_done,
              {ERR_BUSY});
    hello(&new, 0);
    run(6 * NS_PER_S);
    hello(&new, 0);
    ck_assert_uint_eq(hand_count(&hand, MSG_STORE_VOTER), 1);
    /* An answer that got lost is not waited for without end. */
    hand_forget(&hand);
    for (unsigned i = 0; i < 130; i++) {
        run(NS_PER_S);
        hello(&new, 0);
    }
    ck_assert_uint_eq(hand_count(&hand, MSG_STORE_VOTER), 1);
}
END_TEST

static void
seen_put(uint64_t owner, uint16_t port, uint64_t peer, uint16_t peer_port)
{
    struct seen_row value = {peer, peer_port, ROLE_NCF};
    struct store_delta delta = {0, commit_index, term};
    struct store_row row = {.table = TABLE_SEEN, .owner = owner, .version = 1};
    struct key_bytes key;
    struct row_bytes bytes;
    uint8_t message[128];
    struct wire_writer writer;

    port_key_encode(port, &key);
    seen_row_encode(&value, &bytes);
    row.deleted = peer == 0;
    row.key = key.bytes;
    row.key_size = key.size;
    row.value = bytes.bytes;
    row.value_size = row.deleted ? 0 : bytes.size;
    wire_writer_init(&writer, message, sizeof(message));
    store_delta_begin(&writer, &delta);
    store_row_add(&writer, &row);
    hand_message(&hand, from_store, MSG_STORE_DELTA, message,
                 wire_writer_size(&writer));
}

/* Time passes while all keep saying hello. */
static void
run_alive(uint64_t span_ns)
{
    struct test_box ncf = {100, ROLE_NCF, "F0", 1, 0, {{0}}};

    for (uint64_t at_ns = 0; at_ns < span_ns; at_ns += NS_PER_S) {
        ncf.key = 100;
        hello(&ncf, 0);
        ncf.key = 101;
        hello(&ncf, 1);
        hello(&box_1, 0);
        run(NS_PER_S);
        while (hand_take(&hand, MSG_HELLO_ACK) != NULL)
            ;
    }
}

START_TEST(cables_are_held_against_the_plan)
{
    lead(1);
    ncfs_join();
    (void)join(&box_1);
    seen_put(1, 0, 100, 0);
    seen_put(1, 1, 101, 0);
    seen_put(100, 0, 1, 0);
    seen_put(101, 0, 1, 1);
    run_alive(12 * NS_PER_S);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_CABLE), 4);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_CABLE)->c, CABLE_OK);
    seen_put(1, 0, 101, 0); /* exchanged */
    seen_put(1, 1, 100, 0);
    run_alive(12 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_CABLE)->c, CABLE_WRONG);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ALARM)->a, ALARM_CABLING);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ALARM)->b, 1);
    seen_put(1, 0, 100, 0);
    seen_put(1, 1, 101, 0);
    run_alive(12 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_CABLE)->c, CABLE_OK);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ALARM)->b, 0);
    seen_put(1, 1, 0, 0);
    run_alive(12 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_CABLE)->c, CABLE_MISSING);
}
END_TEST

START_TEST(a_killed_service_finds_its_members_again)
{
    lead(1);
    (void)join(&box_1);
    (void)join(&box_2);
    hand_restart(&hand, false);
    hand_forget(&hand);
    delta_send(STORE_DELTA_FIRST | STORE_DELTA_LAST, rows, row_count);
    lead(1);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ACTIVE)->a, 1);
    hello(&box_1, 0);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_MEMBER)->b, 1);
    ck_assert_uint_eq(join(&box_2), 1);
}
END_TEST

/* What the store was asked last about the row of an alarm: 1 put, 0 delete,
 * -1 nothing. */
static int
alarm_row_last(enum alarm_code code, uint16_t item)
{
    const struct hand_sent *sent;
    int last = -1;

    while ((sent = hand_take(&hand, MSG_STORE_STATE_PUT)) != NULL) {
        struct wire_reader reader;
        struct store_row row;
        struct alarm_row alarm;
        enum alarm_code row_code;
        uint16_t row_item;

        wire_reader_init(&reader, sent->body, sent->size);
        ck_assert_int_eq(store_row_read(&reader, &row), 0);
        ck_assert_int_eq(row.table, TABLE_ALARM);
        ck_assert_int_eq(
            alarm_key_decode(row.key, row.key_size, &row_code, &row_item), 0);
        if (!row.deleted)
            ck_assert_int_eq(
                alarm_row_decode(row.value, row.value_size, &alarm), 0);
        if (row_code == code && row_item == item)
            last = !row.deleted;
    }
    return last;
}

START_TEST(an_alarm_has_a_row)
{
    uint16_t id = module_id(ROLE_NCP, 0);

    lead(1);
    (void)join(&box_1);
    run(3 * NS_PER_S);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 1);
    run(NS_PER_MIN);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), -1);
    hello(&box_1, 0);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 0);
    run(3 * NS_PER_S);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 1);
    HAND_SEND(&hand, from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_LOST, 1});
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 0);
}
END_TEST

/* The store shows an alarm of the box 'owner'. */
static void
alarm_found(uint64_t owner, enum alarm_code code, uint16_t item)
{
    struct alarm_row alarm = {.severity = SEVERITY_ERROR};
    struct store_delta delta = {0, commit_index, term};
    struct store_row row = {.table = TABLE_ALARM, .owner = owner};
    struct key_bytes key;
    struct row_bytes value;
    uint8_t bytes[128];
    struct wire_writer writer;

    alarm_key_encode(code, item, &key);
    alarm_row_encode(&alarm, &value);
    row.key = key.bytes;
    row.key_size = key.size;
    row.value = value.bytes;
    row.value_size = value.size;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_delta_begin(&writer, &delta);
    store_row_add(&writer, &row);
    hand_message(&hand, from_store, MSG_STORE_DELTA, bytes,
                 wire_writer_size(&writer));
}

static void
restart_with_alarms(void)
{
    hand_restart(&hand, false);
    hand_forget(&hand);
    delta_send(STORE_DELTA_FIRST, rows, row_count);
    alarm_found(SELF, ALARM_MODULE_AWAY, module_id(ROLE_NCP, 0));
    alarm_found(SELF, ALARM_MODULE_AWAY, UINT16_MAX);
    alarm_found(SELF, ALARM_FAN, 0);                /* not of this service */
    alarm_found(9, ALARM_POOL_EXHAUSTED, ROLE_NCP); /* nor of this box */
}

START_TEST(alarms_of_the_life_before_clear)
{
    uint16_t id = module_id(ROLE_NCP, 0);

    lead(1);
    (void)join(&box_1);
    run(3 * NS_PER_S);
    restart_with_alarms();
    delta_send(STORE_DELTA_LAST, NULL, 0);
    lead(1);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), -1);
    hello(&box_1, 0);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_ALARM), 1);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_ALARM)->b, 0);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 0);
    alarm_found(SELF, ALARM_MODULE_AWAY, id); /* its own echo, late */
    hello(&box_1, 0);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), -1);
}
END_TEST

START_TEST(alarms_of_the_life_before_are_another_ones_now)
{
    struct active_row other = {.key = 9, .term = 2};
    uint16_t id = module_id(ROLE_NCP, 0);
    unsigned i = 0;

    lead(1);
    (void)join(&box_1);
    run(3 * NS_PER_S);
    while (i < row_count && rows[i].table != TABLE_ROLE)
        i++;
    ck_assert_uint_lt(i, row_count);
    active_row_encode(&other, &rows[i].value);
    restart_with_alarms();
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), -1);
    delta_send(STORE_DELTA_LAST, NULL, 0);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 0);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_ALARM), 1);
}
END_TEST

START_TEST(garbage_is_ignored)
{
    uint64_t random = (uint64_t)_i + 3;

    lead(1);
    for (unsigned i = 0; i < 300; i++) {
        uint8_t bytes[64];
        size_t size = test_random(&random) % sizeof(bytes);

        for (size_t at = 0; at < size; at++)
            bytes[at] = (uint8_t)test_random(&random);
        hand_message(&hand,
                     (struct actor_address){test_random(&random) % 3,
                                            test_random(&random) % SVC_COUNT},
                     (uint16_t)(test_random(&random) % 62), bytes, size);
        settle();
        hand_forget(&hand);
    }
}
END_TEST

Suite *
manager_suite(void)
{
    Suite *suite = suite_create("cluster");
    TCase *tcase = tcase_create("by hand");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_first_leader_loads_the_plan_and_is_active);
    tcase_add_test(tcase, a_deposed_controller_stops_at_once);
    tcase_add_test(tcase, boxes_get_the_lowest_free_numbers);
    tcase_add_test(tcase, no_number_without_quorum);
    tcase_add_test(tcase, a_false_proof_is_refused);
    tcase_add_test(tcase, one_box_cannot_ask_for_another);
    tcase_add_test(tcase, a_live_serial_is_not_given_twice);
    tcase_add_test(tcase, a_silent_member_is_away_and_comes_back);
    tcase_add_test(tcase, a_replacement_in_its_place_inherits);
    tcase_add_test(tcase, a_new_controller_waits_before_it_gives_numbers_on);
    tcase_add_test(tcase, a_removed_number_rests);
    tcase_add_test(tcase, a_tombstone_starts_again_with_a_new_controller);
    tcase_add_test(tcase, a_removed_box_gets_its_number_back);
    tcase_add_test(tcase, the_planted_bug_reuses_a_resting_number);
    tcase_add_test(tcase, operators_drain_and_light);
    tcase_add_test(tcase, a_switchover_goes_to_the_living_standby);
    tcase_add_test(tcase, a_controller_stops_when_another_one_leads);
    tcase_add_test(tcase, operators_see_modules_and_cluster);
    tcase_add_test(tcase, operators_see_controllers);
    tcase_add_test(tcase, a_planned_replacement_waits_for_the_old_box);
    tcase_add_test(tcase, a_new_voter_takes_the_seat_of_the_old);
    tcase_add_test(tcase, cables_are_held_against_the_plan);
    tcase_add_test(tcase, a_killed_service_finds_its_members_again);
    tcase_add_test(tcase, an_alarm_has_a_row);
    tcase_add_test(tcase, alarms_of_the_life_before_clear);
    tcase_add_test(tcase, alarms_of_the_life_before_are_another_ones_now);
    tcase_add_loop_test(tcase, garbage_is_ignored, 0, 20);
    suite_add_tcase(suite, tcase);
    return suite;
}
