/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster service by hand: who leads, what the store says, who comes and
 * goes.
 */
#include "reference-nos/cluster/manager_testbed.h"

#include "reference-nos/base/err.h"

START_TEST(the_first_leader_loads_the_plan_and_is_active)
{
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_BEACON), 0);
    bed_lead(3);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ACTIVE)->a, 3);
    ck_assert_uint_eq(bed.row_count, 1 + 8 + 1 + 1);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_BEACON), 2);
    hand_forget(&bed.hand);
    hand_run(&bed.hand, NS_PER_S);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_BEACON), 8);
    bed_lead(4); /* the plan is there already */
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_PASSIVE)->a, 3);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ACTIVE)->a, 4);
    ck_assert_uint_eq(bed.row_count, 11);
}
END_TEST

START_TEST(a_deposed_controller_stops_at_once)
{
    bed_lead(3);
    HAND_SEND(&bed.hand, bed_from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_LOST, 3});
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_PASSIVE)->a, 3);
    hand_forget(&bed.hand);
    hand_run(&bed.hand, 5 * NS_PER_S);
    bed_ask(&bed_box_1);
    bed_hello(&bed_box_1, 0);
    ck_assert_uint_eq(bed.hand.sent_count, 0);
}
END_TEST

START_TEST(a_silent_member_is_away_and_comes_back)
{
    bed_lead(1);
    (void)bed_join(&bed_box_1);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_CONVERGED)->a, 1);
    hand_forget(&bed.hand);
    bed_run(3 * NS_PER_S);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MEMBER)->b, 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ALARM)->a,
                      ALARM_MODULE_AWAY);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_CONVERGED)->a, 0);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_STORE_PEER), 1);
    bed_hello(&bed_box_1, 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MEMBER)->b, 1);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ALARM)->b, 0);
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

    bed.hand.facts.voter_count = 3;
    bed.hand.facts.voters[0] = BED_SELF;
    bed.hand.facts.voters[1] = 0xB0;
    bed.hand.facts.voters[2] = 0xC0;
    bed_lead(1);
    ck_assert_uint_eq(bed_join(&old), 0);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_STORE_VOTER), 0);
    bed_run(3 * NS_PER_S);
    ck_assert_int_eq(bed_operate(&req), 0);
    ck_assert_uint_eq(bed_join(&new), 0);
    sent = hand_take(&bed.hand, MSG_STORE_VOTER);
    ck_assert_ptr_nonnull(sent);
    wire_reader_init(&reader, sent->body, sent->size);
    ck_assert_int_eq(store_voter_read(&reader, &voter), 0);
    ck_assert_uint_eq(voter.remove, 0xB0);
    ck_assert_uint_eq(voter.add, 0xB1);
    HAND_SEND(&bed.hand, bed_from_store, MSG_STORE_VOTER_DONE,
              store_voter_done, {ERR_BUSY});
    bed_hello(&new, 0);
    bed_run(6 * NS_PER_S);
    bed_hello(&new, 0);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_STORE_VOTER), 1);
    /* An answer that got lost is not waited for without end. */
    hand_forget(&bed.hand);
    for (unsigned i = 0; i < 130; i++) {
        bed_run(NS_PER_S);
        bed_hello(&new, 0);
    }
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_STORE_VOTER), 1);
}
END_TEST

START_TEST(a_killed_service_finds_its_members_again)
{
    bed_lead(1);
    (void)bed_join(&bed_box_1);
    (void)bed_join(&bed_box_2);
    hand_restart(&bed.hand, false);
    hand_forget(&bed.hand);
    bed_delta_send(STORE_DELTA_FIRST | STORE_DELTA_LAST, bed.rows,
                   bed.row_count);
    bed_lead(1);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_ACTIVE)->a, 1);
    bed_hello(&bed_box_1, 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_MEMBER)->b, 1);
    ck_assert_uint_eq(bed_join(&bed_box_2), 1);
}
END_TEST

START_TEST(garbage_is_ignored)
{
    uint64_t random = (uint64_t)_i + 3;

    bed_lead(1);
    for (unsigned i = 0; i < 300; i++) {
        uint8_t bytes[64];
        size_t size = test_random(&random) % sizeof(bytes);

        for (size_t at = 0; at < size; at++)
            bytes[at] = (uint8_t)test_random(&random);
        hand_message(&bed.hand,
                     (struct actor_address){test_random(&random) % 3,
                                            test_random(&random) % SVC_COUNT},
                     (uint16_t)(test_random(&random) % 62), bytes, size);
        bed_settle();
        hand_forget(&bed.hand);
    }
}
END_TEST

Suite *
manager_store_suite(void)
{
    Suite *suite = suite_create("manager, store");
    TCase *tcase = tcase_create("by hand");

    tcase_add_checked_fixture(tcase, bed_open, bed_close);
    tcase_add_test(tcase, the_first_leader_loads_the_plan_and_is_active);
    tcase_add_test(tcase, a_deposed_controller_stops_at_once);
    tcase_add_test(tcase, a_silent_member_is_away_and_comes_back);
    tcase_add_test(tcase, a_killed_service_finds_its_members_again);
    tcase_add_test(tcase, a_new_voter_takes_the_seat_of_the_old);
    tcase_add_loop_test(tcase, garbage_is_ignored, 0, 20);
    suite_add_tcase(suite, tcase);
    return suite;
}
