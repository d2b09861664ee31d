/* SPDX-License-Identifier: Apache-2.0
 *
 * The member service, driven by hand.
 */
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/card.h"
#include "reference-nos/cluster/cluster_test.h"
#include "reference-nos/schema/store_msg.h"

#include <string.h>

#define KEY 0x50u
#define NCC_A 0xA0u
#define NCC_B 0xB0u

static struct actor hand;
static const struct actor_address from_a = {NCC_A, SVC_CLUSTER};
static const struct actor_address from_b = {NCC_B, SVC_CLUSTER};
static const struct actor_address from_store = {0, SVC_STORE};

static void
setup(void)
{
    hand_open(&hand, &member_kind, ROLE_NCP, KEY);
}

static void
teardown(void)
{
    hand_close(&hand);
}

static void
beacon(struct actor_address from, uint64_t term)
{
    HAND_SEND(&hand, from, MSG_BEACON, beacon, {7, term, 0});
}

static void
hello_ack(struct actor_address from, uint64_t term, bool known)
{
    HAND_SEND(&hand, from, MSG_HELLO_ACK, hello_ack, {term, 2000, known});
}

static void
module_put(struct module_key module, uint64_t version,
           const struct module_row *row)
{
    struct store_delta delta = {0, version, 1};
    struct store_row store_row = {.table = TABLE_MODULE, .version = version};
    struct key_bytes key;
    struct row_bytes value;
    uint8_t bytes[256];
    struct wire_writer writer;

    module_key_encode(&module, &key);
    module_row_encode(row, &value);
    store_row.key = key.bytes;
    store_row.key_size = key.size;
    store_row.value = value.bytes;
    store_row.value_size = value.size;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_delta_begin(&writer, &delta);
    store_row_add(&writer, &store_row);
    hand_message(&hand, from_store, MSG_STORE_DELTA, bytes,
                 wire_writer_size(&writer));
}

static void
row_put(uint64_t version, const struct module_row *row)
{
    module_put((struct module_key){ROLE_NCP, 3}, version, row);
}

static void
controller_put(uint16_t number, uint64_t key)
{
    struct module_row row = {.key = key};

    module_put((struct module_key){ROLE_NCC, number}, 1, &row);
}

static void
offer(struct actor_address from, uint64_t term)
{
    HAND_SEND(&hand, from, MSG_JOIN_OFFER, join_offer,
              {term, 10, 3, MODULE_LOWEST_FREE});
}

/* Joins as NCP 3 under NCC A in 'term'. */
static void
join(uint64_t term)
{
    beacon(from_a, term);
    hand_run(&hand, 50 * NS_PER_MS);
    ck_assert_ptr_nonnull(hand_take(&hand, MSG_JOIN_REQ));
    offer(from_a, term);
    while (hand.card_token != 0)
        hand_card_done(&hand, 0);
}

static struct member_role
told_role(void)
{
    const struct hand_sent *sent, *last = NULL;
    struct member_role role = {.module = 1};
    struct wire_reader reader;

    while ((sent = hand_take(&hand, MSG_MEMBER_ROLE)) != NULL) {
        last = sent;
        wire_reader_init(&reader, last->body, last->size);
        ck_assert_int_eq(member_role_read(&reader, &role), 0);
    }
    ck_assert_ptr_nonnull(last);
    return role;
}

START_TEST(a_stranger_waits_for_a_beacon)
{
    hand_run(&hand, 20 * NS_PER_S);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 0);
    ck_assert_uint_eq(hand_count(&hand, MSG_HELLO), 0);
    HAND_SEND(&hand, from_a, MSG_BEACON, beacon, {8, 1, 0});
    hand_run(&hand, NS_PER_S);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 0); /* other cluster */
}
END_TEST

START_TEST(a_join_ends_when_the_card_is_durable)
{
    struct join_challenge challenge = {99};
    const struct hand_sent *sent;
    struct wire_reader reader;
    struct join_proof proof;

    beacon(from_a, 4);
    hand_run(&hand, 50 * NS_PER_MS);
    sent = hand_take(&hand, MSG_JOIN_REQ);
    ck_assert_ptr_nonnull(sent);
    ck_assert_uint_eq(sent->to.box, NCC_A);
    HAND_SEND(&hand, from_a, MSG_JOIN_CHALLENGE, join_challenge, challenge);
    sent = hand_take(&hand, MSG_JOIN_PROOF);
    ck_assert_ptr_nonnull(sent);
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(join_proof_read(&reader, &proof), 0);
    ck_assert_uint_eq(proof.proof, card_proof(KEY, 99));
    hand_card_done(&hand, 0); /* the term */
    offer(from_a, 4);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_ACK), 0);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_JOINED), 0);
    hand_card_done(&hand, 0);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_ACK), 1);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_JOINED)->a,
                      module_id(ROLE_NCP, 3));
    ck_assert_uint_eq(told_role().module, module_id(ROLE_NCP, 3));
    ck_assert_uint_eq(hand_count(&hand, MSG_HELLO), 1);
}
END_TEST

START_TEST(a_failed_card_write_is_repeated)
{
    beacon(from_a, 4);
    hand_run(&hand, 50 * NS_PER_MS);
    hand_card_done(&hand, 0);
    offer(from_a, 4);
    hand_card_done(&hand, ERR_IO);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_ACK), 0);
    hand_run(&hand, 2 * NS_PER_S);
    hand_card_done(&hand, 0);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_ACK), 1);
}
END_TEST

START_TEST(requests_are_repeated_slower_and_end_with_the_beacons)
{
    uint64_t end_ns = hand.now_ns + 10 * NS_PER_S;

    while (hand.now_ns < end_ns) {
        beacon(from_a, 1);
        hand_run(&hand, 250 * NS_PER_MS);
    }
    ck_assert_uint_ge(hand_count(&hand, MSG_JOIN_REQ), 3);
    ck_assert_uint_le(hand_count(&hand, MSG_JOIN_REQ), 6);
    hand_run(&hand, 5 * NS_PER_S);
    hand_forget(&hand);
    hand_run(&hand, 60 * NS_PER_S);
    ck_assert_uint_eq(hand.sent_count, 0);
}
END_TEST

START_TEST(a_refused_box_asks_again_later)
{
    beacon(from_a, 1);
    hand_run(&hand, 50 * NS_PER_MS);
    hand_forget(&hand);
    HAND_SEND(&hand, from_a, MSG_JOIN_REJECT, join_reject, {ERR_FULL, 5000});
    for (unsigned i = 0; i < 19; i++) {
        beacon(from_a, 1);
        hand_run(&hand, 250 * NS_PER_MS);
    }
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 0);
    for (unsigned i = 0; i < 3; i++) {
        beacon(from_a, 1);
        hand_run(&hand, 250 * NS_PER_MS);
    }
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 1);
}
END_TEST

START_TEST(lower_terms_are_refused)
{
    join(5);
    hand_forget(&hand);
    beacon(from_b, 4);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_WRITE_REFUSED), 1);
    ck_assert_uint_eq(hand_count(&hand, MSG_HELLO), 0);
    hello_ack(from_b, 4, false);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_WRITE_REFUSED), 2);
    offer(from_b, 4);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_WRITE_REFUSED), 3);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_WRITE_ACCEPTED), 0);
}
END_TEST

START_TEST(the_highest_term_outlives_a_reboot)
{
    join(5);
    hand_restart(&hand, true);
    hand_forget(&hand);
    beacon(from_b, 4);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_WRITE_REFUSED), 1);
}
END_TEST

START_TEST(hellos_keep_the_lease)
{
    join(5);
    for (unsigned i = 0; i < 40; i++) {
        hello_ack(from_a, 5, true);
        hand_run(&hand, 250 * NS_PER_MS);
    }
    ck_assert_uint_ge(hand_count(&hand, MSG_HELLO), 20);
    ck_assert_uint_le(hand_count(&hand, MSG_HELLO), 24);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_HEADLESS), 0);
}
END_TEST

START_TEST(headless_keeps_its_place_and_is_quiet)
{
    struct member_role role;

    join(5);
    hand_run(&hand, 3 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_HEADLESS)->a, 1);
    role = told_role();
    ck_assert_uint_eq(role.module, module_id(ROLE_NCP, 3));
    ck_assert_uint_eq(role.active, 0);
    hand_forget(&hand);
    hand_run(&hand, 60 * NS_PER_S);
    ck_assert_uint_le(hand.sent_count, 30);
    ck_assert_uint_ge(hand_count(&hand, MSG_HELLO), 20);
}
END_TEST

START_TEST(a_new_controller_ends_headless)
{
    join(5);
    hand_run(&hand, 3 * NS_PER_S);
    hand_forget(&hand);
    beacon(from_b, 6);
    ck_assert_uint_eq(hand_count(&hand, MSG_HELLO), 1);
    ck_assert_uint_eq(hand_take(&hand, MSG_HELLO)->to.box, NCC_B);
    hello_ack(from_b, 6, true);
    ck_assert_uint_eq(hand_trace(&hand, TRACE_HEADLESS)->a, 0);
    ck_assert_uint_eq(told_role().active, NCC_B);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_JOINED), 0);
}
END_TEST

START_TEST(a_new_term_is_greeted_at_once)
{
    join(5);
    hello_ack(from_a, 5, true);
    hand_forget(&hand);
    beacon(from_b, 6);
    ck_assert_uint_eq(hand_count(&hand, MSG_HELLO), 1);
    beacon(from_b, 6); /* the other plane */
    ck_assert_uint_eq(hand_count(&hand, MSG_HELLO), 1);
}
END_TEST

START_TEST(a_killed_service_goes_on)
{
    join(5);
    hand_restart(&hand, false);
    ck_assert_uint_eq(told_role().module, module_id(ROLE_NCP, 3));
    hand_forget(&hand);
    beacon(from_a, 5);
    ck_assert_uint_eq(hand_count(&hand, MSG_HELLO), 1);
    hello_ack(from_a, 5, true);
    ck_assert_uint_eq(hand_count(&hand, MSG_STORE_UPSTREAM), 1);
    ck_assert_uint_eq(hand_traces(&hand, TRACE_HEADLESS), 0);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 0);
}
END_TEST

START_TEST(a_rebooted_box_is_no_member_before_it_is_confirmed)
{
    join(5);
    hand_restart(&hand, true);
    hand_forget(&hand);
    ck_assert_uint_eq(hand_count(&hand, MSG_MEMBER_ROLE), 0);
    beacon(from_a, 5);
    hello_ack(from_a, 5, true);
    ck_assert_uint_eq(told_role().module, module_id(ROLE_NCP, 3));
    ck_assert_uint_eq(hand_traces(&hand, TRACE_JOINED), 1);
}
END_TEST

START_TEST(a_number_that_was_inherited_is_given_up)
{
    join(5);
    hand_forget(&hand);
    row_put(9, &(struct module_row){.key = 0x99}); /* older than the offer */
    ck_assert_uint_eq(hand.sent_count, 0);
    row_put(11, &(struct module_row){.key = 0x99, .former_key = KEY});
    ck_assert_uint_eq(told_role().module, MODULE_NONE);
    beacon(from_a, 5);
    hand_run(&hand, 100 * NS_PER_MS);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 1);
}
END_TEST

START_TEST(unknown_to_the_cluster_joins_again)
{
    join(5);
    beacon(from_a, 5);
    hand_forget(&hand);
    hello_ack(from_a, 5, false);
    ck_assert_uint_eq(told_role().module, MODULE_NONE);
    hand_run(&hand, 100 * NS_PER_MS);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 1);
}
END_TEST

START_TEST(a_removed_box_stays_away_until_it_boots)
{
    join(5);
    while (hand.card_token != 0)
        hand_card_done(&hand, 0);
    row_put(12, &(struct module_row){.removed = true, .former_key = KEY});
    while (hand.card_token != 0)
        hand_card_done(&hand, 0);
    hand_forget(&hand);
    beacon(from_a, 5);
    hand_run(&hand, 5 * NS_PER_S);
    ck_assert_uint_eq(hand.sent_count, 0);
    hand_restart(&hand, false);
    hand_forget(&hand);
    beacon(from_a, 5);
    hand_run(&hand, 5 * NS_PER_S);
    ck_assert_uint_eq(hand.sent_count, 0);
    hand_restart(&hand, true);
    hand_forget(&hand);
    beacon(from_a, 5);
    hand_run(&hand, 500 * NS_PER_MS);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 1);
}
END_TEST

START_TEST(a_drained_box_tells_its_services)
{
    join(5);
    hand_forget(&hand);
    row_put(12, &(struct module_row){.key = KEY, .drained = true});
    ck_assert(told_role().drained);
    while (hand.card_token != 0)
        hand_card_done(&hand, 0);
    /* A restarted service knows it before the store tells a row. */
    hand_restart(&hand, false);
    ck_assert(told_role().drained);
    row_put(13, &(struct module_row){.key = KEY});
    ck_assert(!told_role().drained);
}
END_TEST

START_TEST(a_card_that_cannot_be_read_is_waited_for)
{
    join(5);
    while (hand.card_token != 0)
        hand_card_done(&hand, 0);
    hand.card_error = ERR_IO;
    hand_restart(&hand, false);
    hand_forget(&hand);
    beacon(from_a, 6);
    hello_ack(from_a, 6, false);
    hand_run(&hand, 3 * NS_PER_S);
    ck_assert_uint_eq(hand.sent_count, 0); /* above all, no other role */
    ck_assert_uint_eq(hand.card_token, 0);
    hand.card_error = 0;
    hand_run(&hand, 2 * NS_PER_S);
    ck_assert_uint_eq(told_role().number, 3);
}
END_TEST

START_TEST(a_broken_card_is_no_card)
{
    join(5);
    hand.card[10] ^= 1;
    hand_restart(&hand, false);
    hand_forget(&hand);
    beacon(from_a, 5);
    hand_run(&hand, 500 * NS_PER_MS);
    ck_assert_uint_eq(hand_count(&hand, MSG_JOIN_REQ), 1);
}
END_TEST

static void
ask(uint64_t token, enum operator_verb verb)
{
    struct operator_req req = {.verb = verb};
    uint8_t bytes[64];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    hand_operator(&hand, token, bytes, wire_writer_size(&writer));
}

START_TEST(a_box_that_stops_leaves_service_first)
{
    join(5);
    hello_ack(from_a, 5, true);
    hand.facts.fabric_ports = 1;
    hand.forwards = true;
    hand_forget(&hand);
    ask(1, OPERATOR_STOP);
    ck_assert(told_role().drained);
    hand_run(&hand, NS_PER_S);
    ck_assert_uint_eq(hand.reply_count, 0);
    ask(2, OPERATOR_STOP);
    ck_assert_int_eq(hand.reply.status, ERR_BUSY);
    hand.forwards = false;
    hand_forget(&hand);
    hand_run(&hand, 20 * NS_PER_MS);
    ck_assert_ptr_nonnull(hand_take(&hand, MSG_HELLO)); /* it says so */
    ck_assert_uint_eq(hand.reply_count, 1);
    hand_run(&hand, 80 * NS_PER_MS);
    ck_assert_uint_eq(hand.reply_count, 2);
    ck_assert_uint_eq(hand.reply_token, 1);
    ck_assert_int_eq(hand.reply.status, 0);
    ask(3, OPERATOR_STOP); /* nothing left to do */
    ck_assert_uint_eq(hand.reply_token, 3);
    ck_assert_int_eq(hand.reply.status, 0);
    /* Not for ever: the card knows nothing of it. */
    hand_restart(&hand, true);
    hello_ack(from_a, 5, true);
    hand_forget(&hand);
    hand_message(&hand, (struct actor_address){0, SVC_FABRIC}, MSG_MEMBER_ROLE,
                 NULL, 0);
    ck_assert(!told_role().drained);
}
END_TEST

START_TEST(a_box_that_cannot_leave_stops_all_the_same)
{
    join(5);
    hand.facts.fabric_ports = 1;
    hand.facts.fabric_ports = 1;
    hand.forwards = true; /* for ever */
    ask(1, OPERATOR_STOP);
    hand_run(&hand, 4900 * NS_PER_MS);
    ck_assert_uint_eq(hand.reply_count, 0);
    hand_run(&hand, 200 * NS_PER_MS);
    ck_assert_uint_eq(hand.reply_count, 1);
    ck_assert_int_eq(hand.reply.status, ERR_TIMEOUT);
    hand_run(&hand, 20 * NS_PER_S);
    ck_assert_uint_eq(hand.reply_count, 1);
}
END_TEST

static bool
says_it_forwards(void)
{
    const struct hand_sent *sent;
    struct wire_reader reader;
    struct hello hello;

    hand_forget(&hand);
    hand_run(&hand, NS_PER_S);
    sent = hand_take(&hand, MSG_HELLO);
    ck_assert_ptr_nonnull(sent);
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(hello_read(&reader, &hello), 0);
    return hello.forwarding;
}

START_TEST(a_router_forwards_without_a_fabric)
{
    join(5);
    hello_ack(from_a, 5, true);
    hand.forwards = true;
    ck_assert(!says_it_forwards());
    hand.facts.alone = true;
    ck_assert(says_it_forwards());
}
END_TEST

START_TEST(a_stranger_stops_at_once)
{
    ask(1, OPERATOR_STOP);
    ck_assert_uint_eq(hand.reply_count, 1);
    ck_assert_int_eq(hand.reply.status, 0);
}
END_TEST

START_TEST(the_rest_is_for_the_controller)
{
    join(5);
    hello_ack(from_a, 5, true);
    ask(1, OPERATOR_SHOW_MODULES);
    ck_assert_int_eq(hand.reply.status, ERR_NOT_LEADER);
    ck_assert_int_eq(hand.reply.verb, OPERATOR_SHOW_MODULES);
    ck_assert_uint_eq(hand.reply.leader, NCC_A);
    ck_assert_uint_eq(hand.reply.value, 0); /* number unknown */
    controller_put(1, NCC_A);
    ask(1, OPERATOR_SHOW_MODULES);
    ck_assert_uint_eq(hand.reply.value, module_id(ROLE_NCC, 1) + 1u);
    hand_operator(&hand, 2, "garbage", 7);
    ck_assert_uint_eq(hand.reply_token, 2);
    ck_assert_int_ne(hand.reply.status, 0);
}
END_TEST

START_TEST(garbage_is_ignored)
{
    uint64_t random = (uint64_t)_i + 7;

    join(5);
    for (unsigned i = 0; i < 300; i++) {
        uint8_t bytes[64];
        size_t size = test_random(&random) % sizeof(bytes);
        uint8_t service =
            test_random(&random) % 2 ? SVC_CLUSTER : (uint8_t)SVC_STORE;

        for (size_t at = 0; at < size; at++)
            bytes[at] = (uint8_t)test_random(&random);
        hand_message(&hand,
                     (struct actor_address){test_random(&random) % 3, service},
                     (uint16_t)(test_random(&random) % 62), bytes, size);
        if (hand.card_token != 0)
            hand_card_done(&hand, 0);
        hand_forget(&hand);
    }
}
END_TEST

Suite *
member_suite(void)
{
    Suite *suite = suite_create("member");
    TCase *tcase = tcase_create("by hand");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_stranger_waits_for_a_beacon);
    tcase_add_test(tcase, a_join_ends_when_the_card_is_durable);
    tcase_add_test(tcase, a_failed_card_write_is_repeated);
    tcase_add_test(tcase,
                   requests_are_repeated_slower_and_end_with_the_beacons);
    tcase_add_test(tcase, a_refused_box_asks_again_later);
    tcase_add_test(tcase, lower_terms_are_refused);
    tcase_add_test(tcase, the_highest_term_outlives_a_reboot);
    tcase_add_test(tcase, hellos_keep_the_lease);
    tcase_add_test(tcase, headless_keeps_its_place_and_is_quiet);
    tcase_add_test(tcase, a_new_controller_ends_headless);
    tcase_add_test(tcase, a_new_term_is_greeted_at_once);
    tcase_add_test(tcase, a_killed_service_goes_on);
    tcase_add_test(tcase, a_rebooted_box_is_no_member_before_it_is_confirmed);
    tcase_add_test(tcase, a_number_that_was_inherited_is_given_up);
    tcase_add_test(tcase, unknown_to_the_cluster_joins_again);
    tcase_add_test(tcase, a_removed_box_stays_away_until_it_boots);
    tcase_add_test(tcase, a_drained_box_tells_its_services);
    tcase_add_test(tcase, a_card_that_cannot_be_read_is_waited_for);
    tcase_add_test(tcase, a_broken_card_is_no_card);
    tcase_add_test(tcase, a_box_that_stops_leaves_service_first);
    tcase_add_test(tcase, a_box_that_cannot_leave_stops_all_the_same);
    tcase_add_test(tcase, a_router_forwards_without_a_fabric);
    tcase_add_test(tcase, a_stranger_stops_at_once);
    tcase_add_test(tcase, the_rest_is_for_the_controller);
    tcase_add_loop_test(tcase, garbage_is_ignored, 0, 20);
    suite_add_tcase(suite, tcase);
    return suite;
}
