/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster service by hand: what operators ask and see.
 */
#include "reference-nos/cluster/manager_testbed.h"

#include "reference-nos/base/err.h"

static void
transfer_done(int status)
{
    HAND_SEND(&bed.hand, bed_from_store, MSG_STORE_TRANSFER_DONE,
              store_voter_done, {status});
}

START_TEST(operators_drain_and_light)
{
    struct operator_req req = {.verb = OPERATOR_DRAIN,
                               .module = module_id(ROLE_NCP, 0)};

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    ck_assert_int_eq(bed_operate(&req), 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_DRAIN)->b, 1);
    req.verb = OPERATOR_UNDRAIN;
    ck_assert_int_eq(bed_operate(&req), 0);
    ck_assert_uint_eq(hand_trace(&bed.hand, TRACE_DRAIN)->b, 0);
    req.verb = OPERATOR_LOCATE;
    req.value = 1;
    ck_assert_int_eq(bed_operate(&req), 0);
    req.module = module_id(ROLE_NCP, 2);
    ck_assert_int_eq(bed_operate(&req), ERR_NOENT);
    req.module = 4000;
    ck_assert_int_eq(bed_operate(&req), ERR_NOENT);
    req.verb = OPERATOR_SHOW_MODULES;
    ck_assert_int_eq(bed_operate(&req), 0);
    req.verb = OPERATOR_SWITCHOVER;
    ck_assert_int_eq(bed_operate(&req), ERR_UNREACHABLE);
}
END_TEST

START_TEST(a_switchover_goes_to_the_living_standby)
{
    struct operator_req req = {.verb = OPERATOR_SWITCHOVER};
    struct test_box standby = {0xB0, ROLE_NCC, "B", 1, 0, {{0}}};
    struct test_box self = {BED_SELF, ROLE_NCC, "A", 1, 0, {{0}}};

    bed_lead(1);
    hand_forget(&bed.hand);
    (void)self;
    ck_assert_uint_eq(bed_join(&standby), 0);
    bed_operate_begin(&req);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_STORE_TRANSFER), 1);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_OPERATOR_REP), 0);
    bed_operate_begin(&req);
    ck_assert_int_eq(bed_operated(), ERR_BUSY);
    transfer_done(0);
    ck_assert_int_eq(bed_operated(), 0);
    bed_operate_begin(&req);
    transfer_done(ERR_NOENT);
    ck_assert_int_eq(bed_operated(), ERR_NOENT);
    transfer_done(ERR_NOENT); /* nobody asked */
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_OPERATOR_REP), 0);
}
END_TEST

START_TEST(a_controller_stops_when_another_one_leads)
{
    struct operator_req req = {.verb = OPERATOR_STOP};
    struct test_box standby = {0xB0, ROLE_NCC, "B", 1, 0, {{0}}};

    ck_assert_int_eq(bed_operate(&req),
                     0); /* not active: nothing to wait for */
    bed_lead(1);
    ck_assert_int_eq(bed_operate(&req), ERR_UNREACHABLE);
    bed.hand.facts.alone = true; /* nobody will ever lead instead */
    ck_assert_int_eq(bed_operate(&req), 0);
    bed.hand.facts.alone = false;
    ck_assert_uint_eq(bed_join(&standby), 0);
    bed_operate_begin(&req);
    transfer_done(0);
    ck_assert_uint_eq(hand_count(&bed.hand, MSG_OPERATOR_REP), 0);
    HAND_SEND(&bed.hand, bed_from_store, MSG_STORE_ROLE, store_role_change,
              {STORE_LEADER_LOST, 1});
    ck_assert_int_eq(bed_operated(), 0);
}
END_TEST

/* The reply's rows; its head in '*rep'. */
static struct wire_reader
rows_of(enum operator_verb verb, struct operator_rep *rep)
{
    struct operator_req req = {.verb = verb};
    const struct hand_sent *sent;
    struct wire_reader reader;

    bed_operate_begin(&req);
    sent = hand_take(&bed.hand, MSG_OPERATOR_REP);
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

    bed_lead(1);
    (void)bed_join(&bed_box_1);
    (void)bed_join(&bed_box_2);
    reader = rows_of(OPERATOR_SHOW_MODULES, &rep);
    ck_assert_uint_eq(rep.leader, BED_SELF);
    ck_assert_int_eq(operator_module_read(&reader, &module), 0);
    ck_assert_uint_eq(module.module, module_id(ROLE_NCP, 0));
    ck_assert_str_eq(module.serial, "S1");
    ck_assert(module.up);
    ck_assert_int_eq(operator_module_read(&reader, &module), 0);
    ck_assert_int_eq(operator_module_read(&reader, &module), ERR_NOENT);
    bed_run(3 * NS_PER_S);
    bed_hello(&bed_box_2, 1);
    reader = rows_of(OPERATOR_SHOW_CLUSTER, &rep);
    ck_assert_int_eq(operator_cluster_read(&reader, &cluster), 0);
    ck_assert_uint_eq(cluster.cluster_id, 7);
    ck_assert_uint_eq(cluster.active, BED_SELF);
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

    bed.hand.facts.voter_count = 3;
    bed.hand.facts.voters[0] = BED_SELF;
    bed.hand.facts.voters[1] = 0xB0;
    bed.hand.facts.voters[2] = 0xC0;
    bed_lead(1);
    (void)bed_join(&standby);
    (void)bed_join(&switch_a);
    (void)bed_join(&switch_b);
    reader = rows_of(OPERATOR_SHOW_CONTROLLERS, &rep);
    ck_assert_int_eq(operator_controller_read(&reader, &controller), 0);
    ck_assert_uint_eq(controller.key, 0xB0);
    ck_assert_int_eq(controller.state, CONTROLLER_STANDBY);
    ck_assert_int_eq(operator_controller_read(&reader, &controller), 0);
    ck_assert_uint_eq(controller.key, 0xC0);
    ck_assert_int_eq(controller.state, CONTROLLER_ARBITER);
    ck_assert_int_eq(operator_controller_read(&reader, &controller),
                     ERR_NOENT);
    bed_run(3 * NS_PER_S);
    bed_hello(&switch_a, 0);
    bed_hello(&switch_b, 1);
    reader = rows_of(OPERATOR_SHOW_CONTROLLERS, &rep);
    ck_assert_int_eq(operator_controller_read(&reader, &controller), 0);
    ck_assert_int_eq(controller.state, CONTROLLER_AWAY);
    reader = rows_of(OPERATOR_SHOW_ALARMS, &rep);
    ck_assert_int_eq(operator_alarm_read(&reader, &alarm), ERR_NOENT);
}
END_TEST

Suite *
manager_operators_suite(void)
{
    Suite *suite = suite_create("manager, operators");
    TCase *tcase = tcase_create("by hand");

    tcase_add_checked_fixture(tcase, bed_open, bed_close);
    tcase_add_test(tcase, operators_drain_and_light);
    tcase_add_test(tcase, a_switchover_goes_to_the_living_standby);
    tcase_add_test(tcase, a_controller_stops_when_another_one_leads);
    tcase_add_test(tcase, operators_see_modules_and_cluster);
    tcase_add_test(tcase, operators_see_controllers);
    suite_add_tcase(suite, tcase);
    return suite;
}
