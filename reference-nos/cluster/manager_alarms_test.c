/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster service by hand: alarms and their rows; cables against the plan.
 */
#include "reference-nos/cluster/manager_testbed.h"

static void
seen_put(uint64_t owner, uint16_t port, uint64_t peer, uint16_t peer_port)
{
    struct seen_row value = {peer, peer_port, ROLE_NCF};
    struct store_delta delta = {0, bed.commit_index, bed.term};
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
    hand_message(&bed.hand, bed_from_store, MSG_STORE_DELTA, message,
                 wire_writer_size(&writer));
}

/* Time passes while all keep saying hello. */
static void
run_alive(uint64_t span_ns)
{
    struct test_box ncf = {100, ROLE_NCF, "F0", 1, 0, {{0}}};

    for (uint64_t at_ns = 0; at_ns < span_ns; at_ns += NS_PER_S) {
        ncf.key = 100;
        bed_hello(&ncf, 0);
        ncf.key = 101;
        bed_hello(&ncf, 1);
        bed_hello(&bed_box_1, 0);
        bed_run(NS_PER_S);
        while (hand_take(&bed.hand, MSG_HELLO_ACK) != NULL)
            ;
    }
}

START_TEST(cables_are_held_against_the_plan)
{
    bed_lead(1);
    bed_ncfs_join();
    (void)bed_join(&bed_box_1);
    seen_put(1, 0, 100, 0);
    seen_put(1, 1, 101, 0);
    seen_put(100, 0, 1, 0);
    seen_put(101, 0, 1, 1);
    run_alive(12 * NS_PER_S);
    ck_assert_uint_eq(hand_traces(&bed.hand, TRACE_CABLE), 4);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_CABLE)->c, CABLE_OK);
    seen_put(1, 0, 101, 0); /* exchanged */
    seen_put(1, 1, 100, 0);
    run_alive(12 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_CABLE)->c, CABLE_WRONG);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ALARM)->a, ALARM_CABLING);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ALARM)->b, 1);
    seen_put(1, 0, 100, 0);
    seen_put(1, 1, 101, 0);
    run_alive(12 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_CABLE)->c, CABLE_OK);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ALARM)->b, 0);
    seen_put(1, 1, 0, 0);
    run_alive(12 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_CABLE)->c, CABLE_MISSING);
}
END_TEST

/* What the store was asked last about the row of an alarm: 1 put, 0 delete,
 * -1 nothing. */
static int
alarm_row_last(enum alarm_code code, uint16_t item)
{
    const struct hand_sent *sent;
    int last = -1;

    while ((sent = hand_take(&bed.hand, MSG_STORE_STATE_PUT)) != NULL) {
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

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    bed_run(3 * NS_PER_S);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 1);
    bed_run(NS_PER_MIN);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), -1);
    bed_hello(&bed_box_1, 0);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 0);
    bed_run(3 * NS_PER_S);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 1);
    HAND_SEND(&bed.hand, bed_from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_LOST, 1});
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 0);
}
END_TEST

/* The store shows an alarm of the box 'owner'. */
static void
alarm_found(uint64_t owner, enum alarm_code code, uint16_t item)
{
    struct alarm_row alarm = {.severity = SEVERITY_ERROR};
    struct store_delta delta = {0, bed.commit_index, bed.term};
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
    hand_message(&bed.hand, bed_from_store, MSG_STORE_DELTA, bytes,
                 wire_writer_size(&writer));
}

static void
restart_with_alarms(void)
{
    hand_restart(&bed.hand, false);
    hand_forget(&bed.hand);
    bed_delta_send(STORE_DELTA_FIRST, bed.rows, bed.row_count);
    alarm_found(BED_SELF, ALARM_MODULE_AWAY, module_id(ROLE_NCP, 0));
    alarm_found(BED_SELF, ALARM_MODULE_AWAY, UINT16_MAX);
    alarm_found(BED_SELF, ALARM_FAN, 0);            /* not of this service */
    alarm_found(9, ALARM_POOL_EXHAUSTED, ROLE_NCP); /* nor of this box */
}

START_TEST(alarms_of_the_life_before_clear)
{
    uint16_t id = module_id(ROLE_NCP, 0);

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    bed_run(3 * NS_PER_S);
    restart_with_alarms();
    bed_delta_send(STORE_DELTA_LAST, NULL, 0);
    bed_lead(1);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), -1);
    bed_hello(&bed_box_1, 0);
    ck_assert_uint_eq(hand_traces(&bed.hand, TRACE_ALARM), 1);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ALARM)->b, 0);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 0);
    alarm_found(BED_SELF, ALARM_MODULE_AWAY, id); /* its own echo, late */
    bed_hello(&bed_box_1, 0);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), -1);
}
END_TEST

START_TEST(alarms_of_the_life_before_are_another_ones_now)
{
    struct active_row other = {.key = 9, .term = 2};
    uint16_t id = module_id(ROLE_NCP, 0);
    unsigned i = 0;

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    bed_run(3 * NS_PER_S);
    while (i < bed.row_count && bed.rows[i].table != TABLE_ROLE)
        i++;
    ck_assert_uint_lt(i, bed.row_count);
    active_row_encode(&other, &bed.rows[i].value);
    restart_with_alarms();
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), -1);
    bed_delta_send(STORE_DELTA_LAST, NULL, 0);
    ck_assert_int_eq(alarm_row_last(ALARM_MODULE_AWAY, id), 0);
    ck_assert_uint_eq(hand_traces(&bed.hand, TRACE_ALARM), 1);
}
END_TEST

Suite *
manager_alarms_suite(void)
{
    Suite *suite = suite_create("manager, alarms");
    TCase *tcase = tcase_create("by hand");

    tcase_add_checked_fixture(tcase, bed_open, bed_close);
    tcase_add_test(tcase, cables_are_held_against_the_plan);
    tcase_add_test(tcase, an_alarm_has_a_row);
    tcase_add_test(tcase, alarms_of_the_life_before_clear);
    tcase_add_test(tcase, alarms_of_the_life_before_are_another_ones_now);
    suite_add_tcase(suite, tcase);
    return suite;
}
