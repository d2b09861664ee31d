/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster service by hand: module numbers: who gets which, and when none.
 */
#include "reference-nos/cluster/manager_testbed.h"

#include "reference-nos/base/err.h"

START_TEST(boxes_get_the_lowest_free_numbers)
{
    bed_lead(1);
    ck_assert_uint_eq(bed_join(&bed_box_1), 0);
    ck_assert_uint_eq(bed_join(&bed_box_2), 1);
    ck_assert_uint_eq(bed_join(&bed_box_1), 0); /* stable */
    ck_assert_uint_eq(bed_join(&bed_box_3), MODULE_NONE);
    ck_assert_int_eq(bed_rejected(), ERR_FULL); /* number 2 is planned */
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MODULE_REFUSED)->a, 3);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ALARM)->a,
                      ALARM_POOL_EXHAUSTED);
    ck_assert_uint_eq(bed_join(&bed_box_p), 2);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MODULE)->c,
                      MODULE_PLANNED_SERIAL);
}
END_TEST

START_TEST(no_number_without_quorum)
{
    bed_lead(1);
    bed.quorum = false;
    ck_assert_uint_eq(bed_join(&bed_box_1), MODULE_NONE);
    bed_run(5 * NS_PER_S);
    ck_assert_uint_eq(hand_traces(&bed.hand, TRACE_MODULE), 0);
    HAND_SEND(&bed.hand, bed_from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_LOST, 1});
    bed.quorum = true;
    hand_forget(&bed.hand);
    bed_run(5 * NS_PER_S);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_JOIN_OFFER), 0);
}
END_TEST

START_TEST(a_false_proof_is_refused)
{
    struct actor_address from = {1, SVC_MEMBER};
    struct join_req req = {.cluster_id = 7, .key = 1, .role = ROLE_NCP};
    const struct hand_sent *sent;
    struct wire_reader reader;

    bed_lead(1);
    HAND_SEND(&bed.hand, from, MSG_JOIN_REQ, join_req, req);
    sent = hand_take(&bed.hand, MSG_JOIN_CHALLENGE);
    wire_reader_init(&reader, sent->body, sent->size);
    HAND_SEND(&bed.hand, from, MSG_JOIN_PROOF, join_proof,
              {wire_read_u64(&reader), 12345});
    bed_settle();
    ck_assert_int_eq(bed_rejected(), ERR_REFUSED);
    ck_assert_uint_eq(hand_traces(&bed.hand, TRACE_MODULE), 0);
}
END_TEST

START_TEST(one_box_cannot_ask_for_another)
{
    struct actor_address from = {9, SVC_MEMBER};
    struct join_req req = {.cluster_id = 7, .key = 1, .role = ROLE_NCP};

    bed_lead(1);
    HAND_SEND(&bed.hand, from, MSG_JOIN_REQ, join_req, req);
    ck_assert_int_eq(bed_rejected(), ERR_REFUSED);
}
END_TEST

START_TEST(a_live_serial_is_not_given_twice)
{
    struct test_box clone = bed_box_1;

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    clone.key = 77;
    ck_assert_uint_eq(bed_join(&clone), MODULE_NONE);
    ck_assert_int_eq(bed_rejected(), ERR_EXISTS);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ALARM)->a,
                      ALARM_DUPLICATE_SERIAL);
    bed_hello(&bed_box_1, 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MEMBER)->b, 1);
}
END_TEST

START_TEST(a_replacement_in_its_place_inherits)
{
    struct test_box newcomer = {50, ROLE_NCP, "NEW",
                                1,  2,        {{0, 1, 100}, {1, 1, 101}}};

    bed_lead(1);
    bed_ncfs_join();
    (void)bed_join(&bed_box_1);
    ck_assert_uint_eq(bed_join(&bed_box_2), 1);
    bed_run(NS_PER_S);
    bed_hello(&bed_box_1, 0);
    /* Box 2 is not known to be away yet: it lives. */
    bed_ask(&newcomer);
    bed_settle();
    ck_assert_int_eq(bed_rejected(), ERR_FULL);
    bed_run(2 * NS_PER_S);
    ck_assert_uint_eq(bed_join(&newcomer), 1);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MODULE)->c,
                      MODULE_PLANNED_POSITION);
    hand_forget(&bed.hand);
    bed_hello(&bed_box_2, 1); /* the old one comes back */
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_HELLO_ACK), 1);
    ck_assert_uint_eq(bed_join(&bed_box_2), MODULE_NONE);
    ck_assert_int_eq(bed_rejected(), ERR_FULL);
}
END_TEST

START_TEST(a_new_controller_waits_before_it_gives_numbers_on)
{
    struct test_box newcomer = {50, ROLE_NCP, "NEW",
                                1,  2,        {{0, 1, 100}, {1, 1, 101}}};

    bed_lead(1);
    bed_ncfs_join();
    (void)bed_join(&bed_box_1);
    ck_assert_uint_eq(bed_join(&bed_box_2), 1);
    bed_lead(2);
    ck_assert_uint_eq(bed_join(&newcomer), MODULE_NONE);
    ck_assert_int_eq(bed_rejected(), ERR_BUSY);
}
END_TEST

START_TEST(a_removed_number_rests)
{
    struct operator_req req = {.verb = OPERATOR_REMOVE,
                               .module = module_id(ROLE_NCP, 0)};

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    (void)bed_join(&bed_box_2);
    ck_assert_int_eq(bed_operate(&req), 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MODULE)->c, MODULE_REMOVED);
    ck_assert_int_eq(bed_operate(&req), ERR_NOENT);
    ck_assert_uint_eq(bed_join(&bed_box_3), MODULE_NONE);
    ck_assert_int_eq(bed_rejected(), ERR_FULL);
    bed_run((BED_TOMBSTONE_S - 1) * NS_PER_S);
    ck_assert_uint_eq(bed_join(&bed_box_3), MODULE_NONE);
    (void)bed_rejected();
    bed_run(2 * NS_PER_S);
    ck_assert_uint_eq(bed_join(&bed_box_3), 0);
    /* The removed box comes later: its number is another's. */
    ck_assert_uint_eq(bed_join(&bed_box_1), MODULE_NONE);
}
END_TEST

START_TEST(a_tombstone_starts_again_with_a_new_controller)
{
    struct operator_req req = {.verb = OPERATOR_REMOVE,
                               .module = module_id(ROLE_NCP, 0)};

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    (void)bed_join(&bed_box_2);
    ck_assert_int_eq(bed_operate(&req), 0);
    bed_run((BED_TOMBSTONE_S - 5) * NS_PER_S);
    bed_lead(2);
    bed_run(10 * NS_PER_S);
    ck_assert_uint_eq(bed_join(&bed_box_3), MODULE_NONE); /* never early */
    bed_run(BED_TOMBSTONE_S * NS_PER_S);
    ck_assert_uint_eq(bed_join(&bed_box_3), 0);
}
END_TEST

START_TEST(a_removed_box_gets_its_number_back)
{
    struct operator_req req = {.verb = OPERATOR_REMOVE,
                               .module = module_id(ROLE_NCP, 0)};
    struct test_box back = bed_box_1;

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    ck_assert_int_eq(bed_operate(&req), 0);
    hand_forget(&bed.hand);
    bed_hello(&bed_box_1, 0); /* still there: it shall go */
    ck_assert_int_eq(bed_rejected(), ERR_PERMISSION);
    back.incarnation = 2;
    ck_assert_uint_eq(bed_join(&back), 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MODULE)->c,
                      MODULE_KNOWN_KEY);
}
END_TEST

START_TEST(the_planted_bug_reuses_a_resting_number)
{
    struct operator_req req = {.verb = OPERATOR_REMOVE,
                               .module = module_id(ROLE_NCP, 0)};

#ifndef SIXNINES_MUTANTS
    return;
#endif
    bed.hand.plat.mutation = 8;
    bed_lead(1);
    (void)bed_join(&bed_box_1);
    (void)bed_join(&bed_box_2);
    ck_assert_int_eq(bed_operate(&req), 0);
    ck_assert_uint_eq(bed_join(&bed_box_3), 0);
}
END_TEST

START_TEST(a_planned_replacement_waits_for_the_old_box)
{
    struct operator_req req = {.verb = OPERATOR_REPLACE,
                               .module = module_id(ROLE_NCP, 0),
                               .serial = "S3"};

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    ck_assert_int_eq(bed_operate(&req), 0);
    ck_assert_uint_eq(bed_join(&bed_box_3), MODULE_NONE);
    ck_assert_int_eq(bed_rejected(), ERR_BUSY);
    bed_run(3 * NS_PER_S);
    ck_assert_uint_eq(bed_join(&bed_box_3), 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MODULE)->c,
                      MODULE_PLANNED_SERIAL);
}
END_TEST

START_TEST(what_is_not_there_is_neither_replaced_nor_removed)
{
    struct operator_req req = {.verb = OPERATOR_REPLACE,
                               .module = module_id(ROLE_NCP, 1),
                               .serial = "S3"};
    struct test_box standby = {0xB0, ROLE_NCC, "B", 1, 0, {{0}}};
    struct test_box self = {BED_SELF, ROLE_NCC, "A", 1, 0, {{0}}};
    uint16_t own;

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    ck_assert_int_eq(bed_operate(&req), ERR_NOENT);
    req.module = module_id(ROLE_NCP, 2); /* planned, and nobody has it yet */
    ck_assert_int_eq(bed_operate(&req), 0);
    ck_assert_uint_eq(bed_join(&bed_box_3), 2);
    own = bed_join(&self);
    ck_assert_uint_ne(own, MODULE_NONE);
    req = (struct operator_req){.verb = OPERATOR_REMOVE,
                                .module = module_id(ROLE_NCC, own)};
    ck_assert_int_eq(bed_operate(&req), ERR_REFUSED);
    req.module = module_id(ROLE_NCC, bed_join(&standby));
    ck_assert_int_eq(bed_operate(&req), 0);
}
END_TEST

Suite *
manager_numbers_suite(void)
{
    Suite *suite = suite_create("manager, numbers");
    TCase *tcase = tcase_create("by hand");

    tcase_add_checked_fixture(tcase, bed_open, bed_close);
    tcase_add_test(tcase, boxes_get_the_lowest_free_numbers);
    tcase_add_test(tcase, no_number_without_quorum);
    tcase_add_test(tcase, a_false_proof_is_refused);
    tcase_add_test(tcase, one_box_cannot_ask_for_another);
    tcase_add_test(tcase, a_live_serial_is_not_given_twice);
    tcase_add_test(tcase, a_replacement_in_its_place_inherits);
    tcase_add_test(tcase, a_new_controller_waits_before_it_gives_numbers_on);
    tcase_add_test(tcase, what_is_not_there_is_neither_replaced_nor_removed);
    tcase_add_test(tcase, a_removed_number_rests);
    tcase_add_test(tcase, a_tombstone_starts_again_with_a_new_controller);
    tcase_add_test(tcase, a_removed_box_gets_its_number_back);
    tcase_add_test(tcase, the_planted_bug_reuses_a_resting_number);
    tcase_add_test(tcase, a_planned_replacement_waits_for_the_old_box);
    suite_add_tcase(suite, tcase);
    return suite;
}
