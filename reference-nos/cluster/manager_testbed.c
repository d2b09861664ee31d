/* SPDX-License-Identifier: Apache-2.0
 *
 * The store and the boxes around a cluster service driven by hand.
 */
#include "reference-nos/cluster/manager_testbed.h"

#include "reference-nos/base/err.h"
#include "reference-nos/cluster/card.h"
#include "reference-nos/schema/plan.h"

#include <string.h>

struct bed bed;
const struct actor_address bed_from_store = {0, SVC_STORE};
const struct test_box bed_box_1 = {1, ROLE_NCP, "S1", 1, 0, {{0}}};
const struct test_box bed_box_2 = {2, ROLE_NCP, "S2", 1, 0, {{0}}};
const struct test_box bed_box_3 = {3, ROLE_NCP, "S3", 1, 0, {{0}}};
const struct test_box bed_box_p = {4, ROLE_NCP, "PLANNED", 1, 0, {{0}}};

/* --- The store ---------------------------------------------------------- */

static struct test_row *
row_find(const struct store_row *row, bool add)
{
    for (unsigned i = 0; i < bed.row_count; i++)
        if (bed.rows[i].table == row->table &&
            bed.rows[i].key.size == row->key_size &&
            memcmp(bed.rows[i].key.bytes, row->key, row->key_size) == 0)
            return &bed.rows[i];
    if (!add)
        return NULL;
    ck_assert_uint_lt(bed.row_count, BED_ROWS_MAX);
    memset(&bed.rows[bed.row_count], 0, sizeof(bed.rows[0]));
    bed.rows[bed.row_count].table = row->table;
    bed.rows[bed.row_count].key.size = (uint8_t)row->key_size;
    if (row->key_size > 0)
        memcpy(bed.rows[bed.row_count].key.bytes, row->key, row->key_size);
    return &bed.rows[bed.row_count++];
}

void
bed_delta_send(unsigned flags, const struct test_row *list, unsigned count)
{
    static uint8_t bytes[65536];
    struct store_delta delta = {flags, bed.commit_index, bed.term};
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
    hand_message(&bed.hand, bed_from_store, MSG_STORE_DELTA, bytes,
                 wire_writer_size(&writer));
}

static int
txn_apply(struct wire_reader reader, const struct store_txn *txn)
{
    struct wire_reader again = reader;
    struct store_op op;

    if (txn->term != bed.term)
        return ERR_STALE;
    while (store_op_read(&again, &op) == 0) {
        const struct test_row *row = row_find(&op.row, false);

        if (op.kind == STORE_OP_EXPECT &&
            (row == NULL ? 0 : row->version) != op.row.version)
            return ERR_CONFLICT;
    }
    bed.commit_index++;
    while (store_op_read(&reader, &op) == 0) {
        struct test_row *row;

        if (op.kind != STORE_OP_PUT)
            continue;
        row = row_find(&op.row, true);
        row->version = bed.commit_index;
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

    if (!bed.quorum)
        return false;
    sent = hand_take(&bed.hand, MSG_STORE_TXN);
    if (sent == NULL)
        return false;
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(store_txn_read(&reader, &txn), 0);
    done.client = txn.client;
    done.sequence = txn.sequence;
    done.status = txn_apply(reader, &txn);
    done.index = bed.commit_index;
    done.term = bed.term;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_txn_done_write(&writer, &done);
    hand_message(&bed.hand, bed_from_store, MSG_STORE_TXN_DONE, bytes,
                 wire_writer_size(&writer));
    if (done.status == 0)
        bed_delta_send(0, bed.rows, bed.row_count);
    return true;
}

void
bed_settle(void)
{
    while (store_step())
        ;
}

/* Time passes; the store answers in between. */
void
bed_run(uint64_t span_ns)
{
    for (uint64_t at_ns = 0; at_ns < span_ns; at_ns += 50 * NS_PER_MS) {
        hand_run(&bed.hand, 50 * NS_PER_MS);
        bed_settle();
        while (hand_take(&bed.hand, MSG_BEACON) != NULL)
            ;
    }
}

void
bed_lead(uint64_t new_term)
{
    bed.term = new_term;
    HAND_SEND(&bed.hand, bed_from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_READY, bed.term});
    bed_settle();
}

static void
plan_make(unsigned ncps, const char *first_serial)
{
    struct cluster_row cluster = {.cluster_id = 7,
                                  .tombstone_s = BED_TOMBSTONE_S,
                                  .pool_size = {2, 3, 2, 2}};
    struct wire_writer writer;

    cluster.pool_size[ROLE_NCP] = (uint16_t)ncps;
    wire_writer_init(&writer, bed.plan_bytes, sizeof(bed.plan_bytes));
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
    bed.hand.plan = bed.plan_bytes;
    bed.hand.plan_size = wire_writer_size(&writer);
}

void
bed_open(void)
{
    bed.row_count = 0;
    bed.commit_index = 0;
    bed.term = 0;
    bed.quorum = true;
    hand_open(&bed.hand, &cluster_kind, ROLE_NCC, BED_SELF);
    plan_make(3, "PLANNED");
}

void
bed_close(void)
{
    hand_close(&bed.hand);
}

/* --- Boxes and operators ----------------------------------------------- */

void
bed_ask(const struct test_box *box)
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
    HAND_SEND(&bed.hand, from, MSG_JOIN_REQ, join_req, req);
    sent = hand_take(&bed.hand, MSG_JOIN_CHALLENGE);
    if (sent == NULL)
        return;
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(join_challenge_read(&reader, &challenge), 0);
    HAND_SEND(&bed.hand, from, MSG_JOIN_PROOF, join_proof,
              {challenge.nonce, card_proof(box->key, challenge.nonce)});
}

/* Why it was rejected, or 0. */
int
bed_rejected(void)
{
    const struct hand_sent *sent = hand_take(&bed.hand, MSG_JOIN_REJECT);
    struct join_reject reject;
    struct wire_reader reader;

    if (sent == NULL)
        return 0;
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(join_reject_read(&reader, &reject), 0);
    return reject.reason;
}

void
bed_hello(const struct test_box *box, uint16_t number)
{
    struct actor_address from = {box->key, SVC_MEMBER};

    HAND_SEND(&bed.hand, from, MSG_HELLO, hello,
              {box->incarnation, module_id(box->role, number), false, 0});
}

/* The number it is offered, or MODULE_NONE. */
uint16_t
bed_join(const struct test_box *box)
{
    struct join_offer offer = {.number = MODULE_NONE};
    const struct hand_sent *sent;
    struct wire_reader reader;

    bed_ask(box);
    bed_settle();
    sent = hand_take(&bed.hand, MSG_JOIN_OFFER);
    if (sent == NULL)
        return MODULE_NONE;
    ck_assert_uint_eq(sent->to.box, box->key == BED_SELF ? 0 : box->key);
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(join_offer_read(&reader, &offer), 0);
    ck_assert_uint_eq(offer.term, bed.term);
    bed_hello(box, offer.number);
    return offer.number;
}

void
bed_operate_begin(const struct operator_req *req)
{
    struct actor_address from = {0, SVC_OPERATOR};
    struct wire_writer writer;
    uint8_t bytes[128];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, 42);
    operator_req_write(&writer, req);
    hand_message(&bed.hand, from, MSG_OPERATOR_REQ, bytes,
                 wire_writer_size(&writer));
    bed_settle();
}

int
bed_operated(void)
{
    const struct hand_sent *sent = hand_take(&bed.hand, MSG_OPERATOR_REP);
    struct operator_rep rep;
    struct wire_reader reader;

    ck_assert_ptr_nonnull(sent);
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_uint_eq(wire_read_u64(&reader), 42);
    ck_assert_int_eq(operator_rep_read(&reader, &rep), 0);
    return rep.status;
}

int
bed_operate(const struct operator_req *req)
{
    bed_operate_begin(req);
    return bed_operated();
}

void
bed_ncfs_join(void)
{
    struct test_box ncf = {100, ROLE_NCF, "F0", 1, 0, {{0}}};

    ck_assert_uint_eq(bed_join(&ncf), 0);
    ncf.key = 101;
    ncf.serial = "F1";
    ck_assert_uint_eq(bed_join(&ncf), 1);
}
