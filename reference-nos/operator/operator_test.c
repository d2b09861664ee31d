/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator service, driven by hand: the functions of actor.h that it
 * uses, over one object of the test.
 */
#include "reference-nos/operator/operator.h"

#include "reference-nos/base/err.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/store_msg.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct actor {
    struct mem *mem;
    void *state;
    uint64_t now_ns;
    uint64_t timer_ns;
    int send_error;
    struct actor_address sent_to;
    uint16_t sent_type;
    unsigned sent_count;
    size_t sent_size;
    uint8_t sent[256];
    unsigned reply_count;
    uint64_t reply_token;
    struct operator_rep reply;
    uint8_t rows[OPERATOR_REPLY_MAX];
    size_t rows_size;
};

static struct actor hand;

struct mem *
actor_mem(struct actor *self)
{
    return self->mem;
}

uint32_t
actor_life(struct actor *self)
{
    (void)self;
    return 1;
}

uint64_t
actor_now_ns(struct actor *self)
{
    return self->now_ns;
}

int
actor_send(struct actor *self, struct actor_address to, enum lane lane,
           uint16_t type, uint64_t epoch, const void *body, size_t size)
{
    (void)lane;
    (void)epoch;
    ck_assert_uint_le(size, sizeof(self->sent));
    if (self->send_error != 0)
        return self->send_error;
    self->sent_to = to;
    self->sent_type = type;
    self->sent_count++;
    self->sent_size = size;
    memcpy(self->sent, body, size);
    return 0;
}

void
actor_timer_set(struct actor *self, unsigned timer, uint64_t deadline_ns)
{
    ck_assert_uint_eq(timer, 0);
    self->timer_ns = deadline_ns;
}

void
actor_operator_reply(struct actor *self, uint64_t token, const void *bytes,
                     size_t size)
{
    struct wire_reader reader;

    wire_reader_init(&reader, bytes, size);
    ck_assert_int_eq(operator_rep_read(&reader, &self->reply), 0);
    self->rows_size = wire_reader_left(&reader);
    memcpy(self->rows, reader.at, self->rows_size);
    self->reply_token = token;
    self->reply_count++;
}

static void *
chunk_take(void *arg, size_t size)
{
    (void)arg;
    return aligned_alloc(16, (size + 15) / 16 * 16);
}

static void
chunk_give(void *arg, void *chunk, size_t size)
{
    (void)arg;
    (void)size;
    free(chunk);
}

static void
setup(void)
{
    struct mem_source source = {chunk_take, chunk_give, NULL};

    memset(&hand, 0, sizeof(hand));
    hand.now_ns = NS_PER_S;
    hand.timer_ns = TIME_NEVER_NS;
    hand.mem = mem_create(&source, operator_kind.memory_max_bytes);
    ck_assert_int_eq(operator_kind.start(&hand, &hand.state), 0);
}

static void
teardown(void)
{
    mem_destroy(hand.mem);
}

static void
request_bytes(uint64_t token, const void *bytes, size_t size)
{
    struct actor_event event = {
        .kind = EV_OPERATOR,
        .u.operation = {.token = token, .bytes = bytes, .size = size},
    };

    ck_assert_int_eq(operator_kind.handle(&hand, hand.state, &event), 0);
}

static void
request(uint64_t token, const struct operator_req *req)
{
    uint8_t bytes[128];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, req);
    request_bytes(token, bytes, wire_writer_size(&writer));
}

static void
message(uint8_t service, uint16_t type, const struct wire_writer *writer)
{
    struct actor_event event = {
        .kind = EV_MESSAGE,
        .u.message = {.from = {0, service},
                      .type = type,
                      .body = writer->start,
                      .size = wire_writer_size(writer)},
    };

    ck_assert_int_eq(operator_kind.handle(&hand, hand.state, &event), 0);
}

START_TEST(a_write_is_a_transaction)
{
    struct operator_req req = {OPERATOR_WRITE, 5, 6, 7, 0, "", NULL, 0};
    struct store_txn_done done = {5, 6, 0, 100, 3, 0};
    struct wire_reader reader;
    struct wire_writer writer;
    struct store_txn txn;
    uint8_t bytes[64];

    request(11, &req);
    ck_assert_uint_eq(hand.sent_type, MSG_STORE_TXN);
    wire_reader_init(&reader, hand.sent, hand.sent_size);
    ck_assert_int_eq(store_txn_read(&reader, &txn), 0);
    ck_assert_uint_eq(txn.client, 5);
    ck_assert_uint_eq(txn.sequence, 6);
    request(12, &req); /* repeated by its sender */
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_txn_done_write(&writer, &done);
    message(SVC_STORE, MSG_STORE_TXN_DONE, &writer);
    ck_assert_uint_eq(hand.reply_count, 2);
    ck_assert_int_eq(hand.reply.status, 0);
    ck_assert_uint_eq(hand.reply.term, 3);
    message(SVC_STORE, MSG_STORE_TXN_DONE, &writer); /* once each */
    ck_assert_uint_eq(hand.reply_count, 2);
}
END_TEST

START_TEST(a_refusal_names_the_leader)
{
    struct operator_req req = {OPERATOR_WRITE, 5, 6, 7, 0, "", NULL, 0};
    struct store_txn_done done = {5, 6, ERR_NOT_LEADER, 0, 0, 0xB0};
    struct wire_writer writer;
    uint8_t bytes[64];

    request(11, &req);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_txn_done_write(&writer, &done);
    message(SVC_STORE, MSG_STORE_TXN_DONE, &writer);
    ck_assert_int_eq(hand.reply.status, ERR_NOT_LEADER);
    ck_assert_uint_eq(hand.reply.leader, 0xB0);
}
END_TEST

START_TEST(a_read_gives_the_value)
{
    struct operator_req req = {OPERATOR_READ, 5, 0, 0, 0, "", NULL, 0};
    struct store_read_done done = {0};
    struct store_read read;
    struct wire_reader reader;
    struct wire_writer writer;
    uint8_t value[16] = {[15] = 77}, bytes[64];

    request(11, &req);
    ck_assert_uint_eq(hand.sent_type, MSG_STORE_READ);
    wire_reader_init(&reader, hand.sent, hand.sent_size);
    ck_assert_int_eq(store_read_read(&reader, &read), 0);
    ck_assert_uint_eq(read.table, TABLE_PROBE);
    done.sequence = read.sequence;
    done.value = value;
    done.value_size = sizeof(value);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_read_done_write(&writer, &done);
    message(SVC_STORE, MSG_STORE_READ_DONE, &writer);
    ck_assert_int_eq(hand.reply.status, 0);
    ck_assert_uint_eq(hand.reply.value, 77);
    ck_assert_uint_eq(hand.reply_token, 11);
}
END_TEST

START_TEST(the_rest_goes_to_the_cluster)
{
    struct operator_req req = {OPERATOR_DRAIN, 0, 0, 0, 64, "", NULL, 0};
    struct operator_rep rep = {.verb = OPERATOR_DRAIN, .term = 9};
    struct wire_reader reader;
    struct wire_writer writer;
    uint8_t bytes[64];

    request(11, &req);
    ck_assert_uint_eq(hand.sent_to.service, SVC_CLUSTER);
    wire_reader_init(&reader, hand.sent, hand.sent_size);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, wire_read_u64(&reader));
    operator_rep_write(&writer, &rep);
    message(SVC_CLUSTER, MSG_OPERATOR_REP, &writer);
    ck_assert_uint_eq(hand.reply_count, 1);
    ck_assert_uint_eq(hand.reply.term, 9);
}
END_TEST

static void
rows_put(unsigned flags, bool module, bool alarm, uint64_t owner)
{
    struct store_delta delta = {flags, 1, 1};
    struct store_row row = {.table = TABLE_MODULE, .version = 1};
    struct module_key number = {ROLE_NCP, 2};
    struct module_row holder = {.key = 0xB0};
    struct alarm_row raised = {SEVERITY_ERROR, -7, 99};
    struct key_bytes key;
    struct row_bytes value;
    uint8_t bytes[512];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_delta_begin(&writer, &delta);
    module_key_encode(&number, &key);
    module_row_encode(&holder, &value);
    row.key = key.bytes;
    row.key_size = key.size;
    row.value = value.bytes;
    row.value_size = value.size;
    if (module)
        store_row_add(&writer, &row);
    alarm_key_encode(ALARM_PSU, 1, &key);
    alarm_row_encode(&raised, &value);
    row.table = TABLE_ALARM;
    row.owner = owner;
    row.key_size = key.size;
    row.value_size = value.size;
    if (alarm)
        store_row_add(&writer, &row);
    message(SVC_STORE, MSG_STORE_DELTA, &writer);
}

/* The cluster answers the last request with one alarm of its own. */
static void
cluster_alarms(void)
{
    struct operator_rep rep = {.verb = OPERATOR_SHOW_ALARMS, .term = 3};
    struct operator_alarm away = {
        64, ALARM_MODULE_AWAY, 64, SEVERITY_WARNING, 0, 0};
    struct wire_reader reader;
    struct wire_writer writer;
    uint8_t bytes[128];

    ck_assert_uint_eq(hand.sent_type, MSG_OPERATOR_REQ);
    wire_reader_init(&reader, hand.sent, hand.sent_size);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, wire_read_u64(&reader));
    operator_rep_write(&writer, &rep);
    operator_alarm_write(&writer, &away);
    message(SVC_CLUSTER, MSG_OPERATOR_REP, &writer);
}

START_TEST(alarms_of_cluster_and_boxes_come_together)
{
    struct operator_req req = {.verb = OPERATOR_SHOW_ALARMS};
    struct operator_alarm alarm;
    struct wire_reader reader;
    struct store_watch watch;

    request(11, &req);
    cluster_alarms();
    ck_assert_uint_eq(hand.reply_count, 0);
    ck_assert_uint_eq(hand.sent_type, MSG_STORE_WATCH);
    request(12, &req);
    cluster_alarms(); /* goes with the first */
    rows_put(STORE_DELTA_FIRST, false, true, 0xBAD);
    rows_put(STORE_DELTA_FIRST, true, false, 0);
    rows_put(0, false, true, 0xB0);
    ck_assert_uint_eq(hand.reply_count, 0);
    rows_put(STORE_DELTA_LAST, false, true, 0xC0);
    ck_assert_uint_eq(hand.reply_count, 2);
    ck_assert_int_eq(hand.reply.status, 0);
    ck_assert_uint_eq(hand.reply.term, 3);
    ck_assert(!hand.reply.cut);
    wire_reader_init(&reader, hand.rows, hand.rows_size);
    ck_assert_int_eq(operator_alarm_read(&reader, &alarm), 0);
    ck_assert_int_eq(alarm.code, ALARM_MODULE_AWAY);
    ck_assert_int_eq(operator_alarm_read(&reader, &alarm), 0);
    ck_assert_int_eq(alarm.code, ALARM_PSU);
    ck_assert_uint_eq(alarm.module, module_id(ROLE_NCP, 2));
    ck_assert_int_eq(alarm.value, -7);
    ck_assert_uint_eq(alarm.since_wall_ns, 99);
    ck_assert_int_eq(operator_alarm_read(&reader, &alarm), 0);
    ck_assert_uint_eq(alarm.module, MODULE_NONE);
    ck_assert_int_eq(operator_alarm_read(&reader, &alarm), ERR_NOENT);
    /* And the watch ends. */
    ck_assert_uint_eq(hand.sent_type, MSG_STORE_WATCH);
    wire_reader_init(&reader, hand.sent, hand.sent_size);
    ck_assert_int_eq(store_watch_read(&reader, &watch), 0);
    ck_assert_uint_eq(watch.conf | watch.state, 0);
    rows_put(0, false, true, 0xC0);
    ck_assert_uint_eq(hand.reply_count, 2);
}
END_TEST

START_TEST(too_many_alarms_are_cut)
{
    struct operator_req req = {.verb = OPERATOR_SHOW_ALARMS};
    struct operator_alarm alarm;
    struct wire_reader reader;
    unsigned count = 0;

    request(11, &req);
    cluster_alarms();
    for (unsigned i = 0; i < 4000; i++)
        rows_put(0, false, true, 0xC0);
    rows_put(STORE_DELTA_LAST, false, false, 0);
    ck_assert_uint_eq(hand.reply_count, 1);
    ck_assert(hand.reply.cut);
    wire_reader_init(&reader, hand.rows, hand.rows_size);
    while (operator_alarm_read(&reader, &alarm) == 0)
        count++;
    ck_assert_uint_gt(count, 2000);
    ck_assert_uint_lt(hand.rows_size, OPERATOR_REPLY_MAX);
}
END_TEST

START_TEST(alarms_do_not_wait_for_ever)
{
    struct operator_req req = {.verb = OPERATOR_SHOW_ALARMS};
    struct actor_event timer = {.kind = EV_TIMER};

    request(11, &req);
    cluster_alarms();
    hand.now_ns = hand.timer_ns;
    ck_assert_int_eq(operator_kind.handle(&hand, hand.state, &timer), 0);
    ck_assert_int_eq(hand.reply.status, ERR_TIMEOUT);
    request(12, &req);
    cluster_alarms();
    rows_put(STORE_DELTA_FIRST | STORE_DELTA_LAST, false, false, 0);
    ck_assert_uint_eq(hand.reply_token, 12);
    ck_assert_int_eq(hand.reply.status, 0);
    ck_assert_uint_eq(hand.reply_count, 2);
}
END_TEST

START_TEST(garbage_gets_an_error)
{
    uint8_t bytes[64];

    memset(bytes, 0xff, sizeof(bytes));
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        request_bytes(size, bytes, size);
        ck_assert_uint_eq(hand.reply_count, size + 1);
        ck_assert_int_ne(hand.reply.status, 0);
    }
    ck_assert_uint_eq(hand.sent_count, 0);
}
END_TEST

START_TEST(nobody_waits_for_ever)
{
    struct operator_req req = {OPERATOR_DRAIN, 0, 0, 0, 64, "", NULL, 0};
    struct actor_event timer = {.kind = EV_TIMER};

    request(11, &req);
    ck_assert_uint_eq(hand.timer_ns, hand.now_ns + OPERATOR_PATIENCE_NS);
    hand.now_ns = hand.timer_ns;
    ck_assert_int_eq(operator_kind.handle(&hand, hand.state, &timer), 0);
    ck_assert_uint_eq(hand.reply_count, 1);
    ck_assert_int_eq(hand.reply.status, ERR_TIMEOUT);
}
END_TEST

START_TEST(a_restarted_store_ends_the_wait)
{
    struct operator_req req = {OPERATOR_READ, 5, 0, 0, 0, "", NULL, 0};
    struct store_role_change change = {STORE_RESTARTED, 0};
    struct wire_writer writer;
    uint8_t bytes[16];

    request(11, &req);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_role_write(&writer, &change);
    message(SVC_STORE, MSG_STORE_ROLE, &writer);
    ck_assert_int_eq(hand.reply.status, ERR_TIMEOUT);
}
END_TEST

START_TEST(the_table_is_bounded)
{
    struct operator_req req = {OPERATOR_DRAIN, 0, 0, 0, 64, "", NULL, 0};

    for (unsigned i = 0; i < OPERATOR_PENDING_MAX; i++)
        request(i, &req);
    ck_assert_uint_eq(hand.reply_count, 0);
    request(999, &req);
    ck_assert_int_eq(hand.reply.status, ERR_BUSY);
    ck_assert_uint_eq(hand.reply_token, 999);
}
END_TEST

START_TEST(a_service_that_is_down_is_told)
{
    struct operator_req req = {OPERATOR_DRAIN, 0, 0, 0, 64, "", NULL, 0};

    hand.send_error = ERR_UNREACHABLE;
    request(11, &req);
    ck_assert_int_eq(hand.reply.status, ERR_UNREACHABLE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("operator");
    TCase *tcase = tcase_create("by hand");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_write_is_a_transaction);
    tcase_add_test(tcase, a_refusal_names_the_leader);
    tcase_add_test(tcase, a_read_gives_the_value);
    tcase_add_test(tcase, the_rest_goes_to_the_cluster);
    tcase_add_test(tcase, alarms_of_cluster_and_boxes_come_together);
    tcase_add_test(tcase, too_many_alarms_are_cut);
    tcase_add_test(tcase, alarms_do_not_wait_for_ever);
    tcase_add_test(tcase, garbage_gets_an_error);
    tcase_add_test(tcase, nobody_waits_for_ever);
    tcase_add_test(tcase, a_restarted_store_ends_the_wait);
    tcase_add_test(tcase, the_table_is_bounded);
    tcase_add_test(tcase, a_service_that_is_down_is_told);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
