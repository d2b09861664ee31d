/* SPDX-License-Identifier: Apache-2.0
 *
 * For each oracle: what it must object to, and the like that it must not.
 */
#include "faults/oracles.h"

#include "faults/faults_test.h"
#include "reference-nos/schema/tables.h"

#include <stdlib.h>
#include <string.h>

#define TOMBSTONE_S 100u

static const struct box_model ncc_model = {.name = "NCC", .role = ROLE_NCC};
static const struct box_model ncf_model = {.name = "NCF", .role = ROLE_NCF};
static const struct box_model ncp_4_model = {
    .name = "NCP-4", .role = ROLE_NCP, .front_ports = 4};
static const struct box_model ncp_10_model = {
    .name = "NCP-10", .role = ROLE_NCP, .front_ports = 10};

static struct plan_box paper_boxes[] = {
    [BOX_NCC_0] = {"ncc-0", &ncc_model, ROLE_NCC, 0, 0x100, "S0"},
    [BOX_NCC_1] = {"ncc-1", &ncc_model, ROLE_NCC, 1, 0x101, "S1"},
    [BOX_NCF] = {"ncf-0", &ncf_model, ROLE_NCF, 0, 0x102, "S2"},
    [BOX_NCP_0] = {"ncp-0", &ncp_4_model, ROLE_NCP, 0, 0x103, "S3"},
    [BOX_NCP_1] = {"ncp-1", &ncp_4_model, ROLE_NCP, 1, 0x104, "S4"},
    [BOX_NCP_2] = {"ncp-2", &ncp_10_model, ROLE_NCP, 2, 0x105, "S5"},
    [SPARE] = {"ncp-3", &ncp_4_model, ROLE_NCP, 3, 0x106, "S6"},
};

const struct cluster_plan paper_plan = {
    .preset = "paper",
    .box_count = sizeof(paper_boxes) / sizeof(paper_boxes[0]),
    .boxes = paper_boxes,
    .spare_count = 1,
};

static struct oracles *oracles;

static void
setup(void)
{
    oracles = oracles_create(&paper_plan, at_s(TOMBSTONE_S));
}

static void
teardown(void)
{
    oracles_destroy(oracles);
}

static void
traced(uint64_t at, unsigned box, enum trace_kind kind, uint64_t a, uint64_t b,
       uint64_t c, uint64_t d)
{
    struct observation seen = {
        .kind = OBSERVE_TRACE,
        .at = at_s(at),
        .box = box,
        .trace = {.kind = kind, .a = a, .b = b, .c = c, .d = d},
    };

    oracles_observe(oracles, &seen);
}

static void
observed(uint64_t at, unsigned box, enum observation_kind kind, uint64_t a,
         uint64_t b, uint64_t d)
{
    struct observation seen = {
        .kind = kind, .at = at_s(at), .box = box, .a = a, .b = b, .d = d};

    oracles_observe(oracles, &seen);
}

static void
acknowledged(uint64_t index, uint64_t term)
{
    traced(1, BOX_NCC_0, TRACE_ACKNOWLEDGED, 7, 1, index, term);
}

static void
leads(unsigned box, uint64_t term, uint64_t index)
{
    traced(2, box, TRACE_LEADER_READY, term, index, 0, 0);
}

static void
accepts(unsigned box, uint64_t term, uint64_t controller)
{
    traced(3, box, TRACE_WRITE_ACCEPTED, term, controller, 0, 0);
}

static void
given(uint64_t at, unsigned module, uint64_t key, enum module_how how)
{
    traced(at, BOX_NCC_0, TRACE_MODULE, module, key, how, 1);
}

static void
joined(uint64_t at, unsigned box, unsigned module, uint64_t key)
{
    traced(at, box, TRACE_JOINED, module, key, 1, 0);
}

/* 'oracle', and no other, objected 'violations' times. */
static void
objected(enum oracle oracle, uint64_t violations)
{
    const struct oracle_result *result = oracles_result(oracles, oracle);

    ck_assert_msg(result->violations == violations, "%s: %u, \"%s\"",
                  result->id, (unsigned)result->violations, result->first);
    ck_assert_uint_eq(oracles_violations(oracles), violations);
    ck_assert_uint_gt(result->exercised, 0);
    ck_assert_int_eq(result->first[0] != '\0', violations > 0);
}

static uint64_t
exercised(enum oracle oracle)
{
    return oracles_result(oracles, oracle)->exercised;
}

START_TEST(untouched_oracles_prove_nothing)
{
    static const char *const ids[ORACLE_COUNT] = {
        "O2", "O3", "O4", "O5", "O8", "O11", "O12", "O13", "O14"};

    for (unsigned i = 0; i < ORACLE_COUNT; i++) {
        ck_assert_str_eq(oracles_result(oracles, i)->id, ids[i]);
        ck_assert_uint_eq(exercised(i), 0);
    }
    ck_assert_uint_eq(oracles_violations(oracles), 0);
}
END_TEST

START_TEST(first_violation_is_kept)
{
    oracles_converged(oracles, at_s(5), false);
    oracles_converged(oracles, at_s(6), false);
    objected(ORACLE_O13, 2);
    ck_assert_uint_eq(oracles_result(oracles, ORACLE_O13)->first_at.ps,
                      at_s(5).ps);
}
END_TEST

/* ---- O2 ---- */

START_TEST(o2_leader_has_what_was_acknowledged)
{
    acknowledged(10, 1);
    leads(BOX_NCC_1, 2, 11);
    acknowledged(12, 2);
    leads(BOX_NCC_0, 3, 13);
    objected(ORACLE_O2, 0);
}
END_TEST

START_TEST(o2_leader_lacks_what_was_acknowledged)
{
    acknowledged(10, 1);
    leads(BOX_NCC_1, 2, 10);
    objected(ORACLE_O2, 1);
    ck_assert_ptr_nonnull(strstr(
        oracles_result(oracles, ORACLE_O2)->first,
        "index 10 was acknowledged in term 1, term 2 starts at index 10"));
}
END_TEST

/* What an earlier leader is said to have begun with comes late. */
START_TEST(o2_news_of_an_older_leader)
{
    acknowledged(10, 5);
    leads(BOX_NCC_1, 5, 9);
    leads(BOX_NCC_1, 4, 3);
    objected(ORACLE_O2, 0);
}
END_TEST

START_TEST(o2_lower_index_later_changes_nothing)
{
    acknowledged(10, 1);
    acknowledged(4, 1);
    leads(BOX_NCC_1, 2, 8);
    objected(ORACLE_O2, 1);
}
END_TEST

START_TEST(o2_deposed_leader_acknowledges)
{
    leads(BOX_NCC_0, 1, 1);
    leads(BOX_NCC_1, 2, 11);
    /* Committed before it lost: it only tells late. */
    acknowledged(10, 1);
    objected(ORACLE_O2, 0);
    acknowledged(11, 1);
    objected(ORACLE_O2, 1);
}
END_TEST

START_TEST(o2_read_gives_what_was_acknowledged)
{
    oracles_acknowledged(oracles, 7, 5);
    oracles_read_back(oracles, at_s(3), 7, 5);
    oracles_read_back(oracles, at_s(4), 7, 6); /* written, answer lost */
    oracles_read_back(oracles, at_s(5), 8, 0); /* a stranger */
    objected(ORACLE_O2, 0);
    ck_assert_uint_eq(exercised(ORACLE_O2), 2);
}
END_TEST

START_TEST(o2_read_gives_less_than_was_acknowledged)
{
    oracles_acknowledged(oracles, 7, 5);
    oracles_acknowledged(oracles, 7, 4);
    oracles_acknowledged(oracles, 9, 1);
    oracles_read_back(oracles, at_s(3), 9, 1);
    oracles_read_back(oracles, at_s(4), 7, 4);
    objected(ORACLE_O2, 1);
}
END_TEST

START_TEST(o2_clients_have_a_bound)
{
    for (uint64_t client = 1; client <= 1000; client++)
        oracles_acknowledged(oracles, client, 2);
    oracles_read_back(oracles, at_s(3), 1, 1);
    objected(ORACLE_O2, 1);
}
END_TEST

/* ---- O3 ---- */

START_TEST(o3_terms_go_up)
{
    accepts(BOX_NCP_0, 1, 0x100);
    accepts(BOX_NCP_0, 1, 0x100);
    accepts(BOX_NCP_0, 2, 0x101);
    /* The other card has not heard of term 2. */
    accepts(BOX_NCP_1, 1, 0x100);
    objected(ORACLE_O3, 0);
    ck_assert_uint_eq(exercised(ORACLE_O3), 4);
}
END_TEST

START_TEST(o3_older_term_accepted)
{
    accepts(BOX_NCP_0, 2, 0x101);
    accepts(BOX_NCP_0, 1, 0x100);
    objected(ORACLE_O3, 1);
}
END_TEST

START_TEST(o3_two_controllers_in_one_term)
{
    accepts(BOX_NCP_0, 2, 0x100);
    accepts(BOX_NCP_1, 2, 0x101);
    objected(ORACLE_O3, 1);
}
END_TEST

/* A restart forgets no term. */
START_TEST(o3_restarted_box_obeys_no_older_term)
{
    observed(1, BOX_NCP_0, OBSERVE_BOX_READY, 1, 0x103, 0);
    accepts(BOX_NCP_0, 2, 0x101);
    observed(4, BOX_NCP_0, OBSERVE_BOX_OFF, REBOOT_POWER_LOSS, 0, 0x103);
    observed(5, BOX_NCP_0, OBSERVE_BOX_READY, 2, 0x103, 0);
    accepts(BOX_NCP_0, 1, 0x100);
    objected(ORACLE_O3, 1);
}
END_TEST

/* Another box in the place starts anew, even if nobody saw the first one
 * being replaced (it had lost power before). */
START_TEST(o3_replaced_box_starts_anew)
{
    observed(1, BOX_NCP_0, OBSERVE_BOX_READY, 1, 0x103, 0);
    accepts(BOX_NCP_0, 2, 0x101);
    observed(4, BOX_NCP_0, OBSERVE_BOX_OFF, REBOOT_POWER_LOSS, 0, 0x103);
    observed(5, BOX_NCP_0, OBSERVE_BOX_READY, 1, 0x999, 0);
    accepts(BOX_NCP_0, 1, 0x100);
    objected(ORACLE_O3, 0);
    accepts(BOX_NCP_0, 3, 0x100);
    accepts(BOX_NCP_0, 2, 0x101);
    objected(ORACLE_O3, 1);
}
END_TEST

START_TEST(o3_absurd_terms_are_survived)
{
    accepts(BOX_NCP_0, UINT64_MAX, 0x100);
    accepts(BOX_NCP_1, UINT64_MAX, 0x101);
    accepts(BOX_NCP_0, UINT64_MAX - 1, 0x101);
    objected(ORACLE_O3, 1);
}
END_TEST

/* ---- O8 ---- */

START_TEST(o8_numbers_unique_and_stable)
{
    given(1, 3, 0x103, MODULE_PLANNED_SERIAL);
    given(1, 4, 0x104, MODULE_LOWEST_FREE);
    joined(2, BOX_NCP_0, 3, 0x103);
    joined(2, BOX_NCP_1, 4, 0x104);
    given(9, 3, 0x103, MODULE_KNOWN_KEY);
    joined(9, BOX_NCP_0, 3, 0x103);
    objected(ORACLE_O8, 0);
    ck_assert_uint_eq(oracles_modules_renumbered(oracles), 0);
    ck_assert_uint_eq(oracles_modules_duplicate(oracles), 0);
}
END_TEST

START_TEST(o8_number_of_another_given)
{
    given(1, 3, 0x103, MODULE_PLANNED_SERIAL);
    given(2, 3, 0x104, MODULE_LOWEST_FREE);
    objected(ORACLE_O8, 1);
}
END_TEST

START_TEST(o8_key_renumbered)
{
    given(1, 3, 0x103, MODULE_PLANNED_SERIAL);
    given(2, 4, 0x103, MODULE_LOWEST_FREE);
    objected(ORACLE_O8, 1);
    ck_assert_uint_eq(oracles_modules_renumbered(oracles), 1);
    /* Told once. */
    given(3, 4, 0x103, MODULE_KNOWN_KEY);
    objected(ORACLE_O8, 1);
}
END_TEST

START_TEST(o8_reuse_before_the_tombstone)
{
    given(1, 3, 0x103, MODULE_LOWEST_FREE);
    given(10, 3, 0x103, MODULE_REMOVED);
    given(9 + TOMBSTONE_S, 3, 0x104, MODULE_LOWEST_FREE);
    objected(ORACLE_O8, 1);
    ck_assert_ptr_nonnull(strstr(oracles_result(oracles, ORACLE_O8)->first,
                                 "after 99000 ms of rest"));
}
END_TEST

START_TEST(o8_reuse_after_the_tombstone)
{
    given(1, 3, 0x103, MODULE_LOWEST_FREE);
    given(10, 3, 0x103, MODULE_REMOVED);
    given(10 + TOMBSTONE_S, 3, 0x104, MODULE_LOWEST_FREE);
    objected(ORACLE_O8, 0);
}
END_TEST

/* Said again, the rest does not begin again. */
START_TEST(o8_removed_twice_rests_once)
{
    given(1, 3, 0x103, MODULE_LOWEST_FREE);
    given(10, 3, 0x103, MODULE_REMOVED);
    given(60, 3, 0x103, MODULE_REMOVED);
    given(10 + TOMBSTONE_S, 3, 0x104, MODULE_LOWEST_FREE);
    objected(ORACLE_O8, 0);
}
END_TEST

START_TEST(o8_replacement_inherits_by_plan)
{
    given(1, 3, 0x103, MODULE_PLANNED_SERIAL);
    given(1, 4, 0x104, MODULE_PLANNED_POSITION);
    joined(2, BOX_NCP_0, 3, 0x103);
    observed(3, BOX_NCP_0, OBSERVE_BOX_OFF, REBOOT_REPLACED, 0, 0x103);
    given(4, 3, 0x903, MODULE_PLANNED_POSITION);
    joined(5, BOX_NCP_0, 3, 0x903);
    given(6, 4, 0x904, MODULE_PLANNED_SERIAL);
    objected(ORACLE_O8, 0);
    ck_assert_uint_eq(oracles_modules_renumbered(oracles), 0);
}
END_TEST

/* The tombstone is for numbers given anew: a planned box need not wait. */
START_TEST(o8_planned_box_after_removal)
{
    given(1, 3, 0x103, MODULE_LOWEST_FREE);
    given(10, 3, 0x103, MODULE_REMOVED);
    given(11, 3, 0x104, MODULE_PLANNED_POSITION);
    objected(ORACLE_O8, 0);
}
END_TEST

/* A removed box that comes back is a new one. */
START_TEST(o8_returned_box_gets_another_number)
{
    given(1, 3, 0x103, MODULE_LOWEST_FREE);
    given(10, 3, 0x103, MODULE_REMOVED);
    given(20, 4, 0x103, MODULE_LOWEST_FREE);
    objected(ORACLE_O8, 0);
    ck_assert_uint_eq(oracles_modules_renumbered(oracles), 0);
}
END_TEST

START_TEST(o8_returned_box_gets_its_own_number)
{
    given(1, 3, 0x103, MODULE_LOWEST_FREE);
    given(10, 3, 0x103, MODULE_REMOVED);
    given(20, 3, 0x103, MODULE_KNOWN_KEY);
    objected(ORACLE_O8, 0);
    /* It holds it again: nobody else gets it. */
    given(300, 3, 0x104, MODULE_LOWEST_FREE);
    objected(ORACLE_O8, 1);
}
END_TEST

START_TEST(o8_two_boxes_are_one_module)
{
    joined(1, BOX_NCP_0, 3, 0x103);
    joined(2, BOX_NCP_1, 3, 0x104);
    objected(ORACLE_O8, 1);
    ck_assert_uint_eq(oracles_modules_duplicate(oracles), 1);
}
END_TEST

START_TEST(o8_joined_after_the_first_lost_power)
{
    joined(1, BOX_NCP_0, 3, 0x103);
    observed(2, BOX_NCP_0, OBSERVE_BOX_OFF, REBOOT_POWER_LOSS, 0, 0x103);
    joined(3, BOX_NCP_1, 3, 0x104);
    objected(ORACLE_O8, 0);
    ck_assert_uint_eq(oracles_modules_duplicate(oracles), 0);
}
END_TEST

/* A box is one module at a time: under its new number it left the old one. */
START_TEST(o8_joined_under_another_number)
{
    joined(1, BOX_NCP_0, 3, 0x103);
    joined(2, BOX_NCP_0, 4, 0x103);
    joined(3, BOX_NCP_1, 3, 0x104);
    objected(ORACLE_O8, 0);
}
END_TEST

START_TEST(o8_absurd_numbers_are_not_judged)
{
    given(1, FWD_MODULES_MAX, 0x103, MODULE_LOWEST_FREE);
    traced(1, BOX_NCC_0, TRACE_MODULE, UINT64_MAX, 1, MODULE_REMOVED, 0);
    traced(1, BOX_NCC_0, TRACE_JOINED, UINT64_MAX, 1, 0, 0);
    ck_assert_uint_eq(exercised(ORACLE_O8), 0);
}
END_TEST

/* ---- O11 ---- */

START_TEST(o11_service_or_box_leaves_nothing)
{
    traced(1, BOX_NCP_0, TRACE_SERVICE_DIED, 3, 1, 0, 4096);
    observed(2, BOX_NCP_0, OBSERVE_BOX_OFF, REBOOT_POWER_LOSS, 0, 0x103);
    objected(ORACLE_O11, 0);
    ck_assert_uint_eq(exercised(ORACLE_O11), 2);
}
END_TEST

START_TEST(o11_leak)
{
    observed(2, BOX_NCP_0, OBSERVE_BOX_OFF, REBOOT_POWER_LOSS, 0, 0x103);
    observed(2, BOX_NCP_0, OBSERVE_LEAK, 1, 0, 0);
    objected(ORACLE_O11, 1);
    ck_assert_ptr_nonnull(strstr(oracles_result(oracles, ORACLE_O11)->first,
                                 "ncp-0 left 1 bytes behind"));
}
END_TEST

START_TEST(o11_growth)
{
    oracles_memory(oracles, at_s(9), 1000000, 1500000);
    objected(ORACLE_O11, 0);
    oracles_memory(oracles, at_s(9), 1000000, 900000);
    objected(ORACLE_O11, 0);
    oracles_memory(oracles, at_s(9), 1000000, 1500001);
    objected(ORACLE_O11, 1);
}
END_TEST

/* A world of which nothing is known but its memory. */
static size_t lent_bytes[SPARE + 1];
static size_t owned_bytes[SPARE + 1];

static struct simtime
paper_now(struct world *world)
{
    (void)world;
    return at_s(9);
}

static void
paper_memory(struct world *world, unsigned box, size_t *lent, size_t *owned)
{
    ck_assert_ptr_eq(world->plan, &paper_plan);
    *lent = lent_bytes[box];
    *owned = owned_bytes[box];
}

static const struct world_ops paper_ops = {.now = paper_now,
                                           .box_memory = paper_memory};

START_TEST(o11_every_chunk_has_an_owner)
{
    struct world world = {.ops = &paper_ops, .plan = &paper_plan};

    memset(lent_bytes, 0, sizeof(lent_bytes));
    memset(owned_bytes, 0, sizeof(owned_bytes));
    lent_bytes[BOX_NCP_0] = owned_bytes[BOX_NCP_0] = 69632;
    lent_bytes[BOX_NCP_1] = owned_bytes[BOX_NCP_1] = 4096;
    oracles_chunks(oracles, &world);
    objected(ORACLE_O11, 0);
    ck_assert_uint_eq(exercised(ORACLE_O11), 2);
    lent_bytes[BOX_NCP_1] += 4096; /* of a service that died */
    oracles_chunks(oracles, &world);
    objected(ORACLE_O11, 1);
    ck_assert_str_eq(oracles_result(oracles, ORACLE_O11)->first,
                     "ncp-1 was lent 8192 bytes, its runtime and living "
                     "services hold 4096");
    lent_bytes[BOX_NCP_1] = 0; /* more than there is */
    oracles_chunks(oracles, &world);
    objected(ORACLE_O11, 2);
    lent_bytes[BOX_NCP_1] = 4096; /* a box that is off */
    owned_bytes[BOX_NCP_1] = 0;
    oracles_chunks(oracles, &world);
    objected(ORACLE_O11, 3);
}
END_TEST

START_TEST(o11_world_that_cannot_tell)
{
    static const struct world_ops ops = {.now = paper_now};
    struct world world = {.ops = &ops, .plan = &paper_plan};

    oracles_chunks(oracles, &world);
    ck_assert_uint_eq(exercised(ORACLE_O11), 0);
}
END_TEST

/* ---- O12 ---- */

START_TEST(o12_at_the_bound)
{
    oracles_bound(oracles, at_s(1), BOX_NCP_0, "a mailbox", 256, 256);
    objected(ORACLE_O12, 0);
    oracles_bound(oracles, at_s(1), BOX_NCP_0, "a mailbox", 257, 256);
    objected(ORACLE_O12, 1);
    ck_assert_ptr_nonnull(strstr(oracles_result(oracles, ORACLE_O12)->first,
                                 "ncp-0: a mailbox at 257, bound 256"));
}
END_TEST

START_TEST(o12_queue_told_by_the_nos)
{
    traced(1, BOX_NCP_0, TRACE_BOUND, 0, 64, 64, 0);
    objected(ORACLE_O12, 0);
    traced(1, BOX_NCP_0, TRACE_BOUND, 0, 65, 64, 0);
    objected(ORACLE_O12, 1);
}
END_TEST

START_TEST(o12_step_over_the_quantum)
{
    observed(1, BOX_NCP_0, OBSERVE_BOX_READY, 1, 0x103, 0);
    objected(ORACLE_O12, 0);
    observed(2, BOX_NCP_0, OBSERVE_QUANTUM, SVC_STORE, 5000, 0);
    objected(ORACLE_O12, 1);
    ck_assert_ptr_nonnull(strstr(oracles_result(oracles, ORACLE_O12)->first,
                                 "service store ran 5000 ns"));
}
END_TEST

static void
waited(enum lane_hop hop, uint64_t units, uint64_t ps, uint64_t allowed_ps)
{
    struct observation seen = {
        .kind = OBSERVE_LANES,
        .at = at_s(1),
        .box = BOX_NCP_0,
        .service = SVC_BUS,
        .a = hop,
        .b = units,
        .c = ps,
        .d = allowed_ps,
    };

    oracles_observe(oracles, &seen);
}

START_TEST(o12_one_frame_of_a_lower_lane)
{
    enum lane_hop hop = _i == 0 ? LANE_HOP_NIC : LANE_HOP_SWITCH;

    waited(hop, 1, 1000, 1000);
    objected(ORACLE_O12, 0);
    waited(hop, 1, 1001, 1000);
    objected(ORACLE_O12, 1);
    waited(hop, 2, 10, 1000);
    objected(ORACLE_O12, 2);
    ck_assert_ptr_nonnull(
        strstr(oracles_result(oracles, ORACLE_O12)->first,
               _i == 0 ? "1001 ps, at its sending end" : "a switch port"));
}
END_TEST

START_TEST(o12_one_handler_of_a_lower_lane)
{
    waited(LANE_HOP_CPU, 1, 200000000, 200000000);
    objected(ORACLE_O12, 0);
    waited(LANE_HOP_CPU, 3, 30000000, 200000000);
    objected(ORACLE_O12, 1);
    ck_assert_ptr_nonnull(strstr(oracles_result(oracles, ORACLE_O12)->first,
                                 "ncp-0: an event of service bus waited for 3 "
                                 "handlers of lower lanes, 30000 ns"));
}
END_TEST

START_TEST(o12_counts_what_waited)
{
    const struct oracle_result *result = oracles_result(oracles, ORACLE_O12);

    ck_assert_uint_eq(result->exercised, 0);
    oracles_lanes(oracles, 0);
    ck_assert_uint_eq(result->exercised, 0);
    oracles_lanes(oracles, 7);
    ck_assert_uint_eq(result->exercised, 7);
}
END_TEST

/* ---- O13 ---- */

START_TEST(o13_converged)
{
    oracles_converged(oracles, at_s(9), true);
    objected(ORACLE_O13, 0);
    oracles_converged(oracles, at_s(9), false);
    objected(ORACLE_O13, 1);
}
END_TEST

/* ---- O14 ---- */

static void
applied(unsigned box, uint64_t index, uint64_t high, uint64_t low)
{
    traced(1, box, TRACE_APPLIED, index, 1, high, low);
}

START_TEST(o14_replicas_equal)
{
    for (uint64_t i = 1; i < 5000; i++) {
        applied(BOX_NCC_0, i, i * 3, i * 5);
        applied(BOX_NCC_1, i, i * 3, i * 5);
    }
    objected(ORACLE_O14, 0);
    ck_assert_uint_eq(exercised(ORACLE_O14), 4999);
}
END_TEST

START_TEST(o14_one_alone_proves_nothing)
{
    applied(BOX_NCC_0, 1, 1, 1);
    applied(BOX_NCC_1, 2, 2, 2);
    ck_assert_uint_eq(exercised(ORACLE_O14), 0);
}
END_TEST

START_TEST(o14_halves_of_the_digest)
{
    applied(BOX_NCC_0, 9, 1, 2);
    applied(BOX_NCC_1, 9, _i == 0 ? 3 : 1, _i == 0 ? 2 : 3);
    objected(ORACLE_O14, 1);
    ck_assert_ptr_nonnull(
        strstr(oracles_result(oracles, ORACLE_O14)->first,
               "ncc-1 differs from another voter at index 9"));
}
END_TEST

START_TEST(o14_absurd_index_is_not_kept)
{
    applied(BOX_NCC_0, UINT64_MAX, 1, 2);
    applied(BOX_NCC_1, UINT64_MAX, 3, 4);
    ck_assert_uint_eq(exercised(ORACLE_O14), 0);
}
END_TEST

static void
safety_cases(TCase *tc)
{
    tcase_add_test(tc, o2_leader_has_what_was_acknowledged);
    tcase_add_test(tc, o2_leader_lacks_what_was_acknowledged);
    tcase_add_test(tc, o2_news_of_an_older_leader);
    tcase_add_test(tc, o2_lower_index_later_changes_nothing);
    tcase_add_test(tc, o2_deposed_leader_acknowledges);
    tcase_add_test(tc, o2_read_gives_what_was_acknowledged);
    tcase_add_test(tc, o2_read_gives_less_than_was_acknowledged);
    tcase_add_test(tc, o2_clients_have_a_bound);
    tcase_add_test(tc, o3_terms_go_up);
    tcase_add_test(tc, o3_older_term_accepted);
    tcase_add_test(tc, o3_two_controllers_in_one_term);
    tcase_add_test(tc, o3_restarted_box_obeys_no_older_term);
    tcase_add_test(tc, o3_replaced_box_starts_anew);
    tcase_add_test(tc, o3_absurd_terms_are_survived);
    tcase_add_test(tc, o14_replicas_equal);
    tcase_add_test(tc, o14_one_alone_proves_nothing);
    tcase_add_loop_test(tc, o14_halves_of_the_digest, 0, 2);
    tcase_add_test(tc, o14_absurd_index_is_not_kept);
}

static void
module_cases(TCase *tc)
{
    tcase_add_test(tc, o8_numbers_unique_and_stable);
    tcase_add_test(tc, o8_number_of_another_given);
    tcase_add_test(tc, o8_key_renumbered);
    tcase_add_test(tc, o8_reuse_before_the_tombstone);
    tcase_add_test(tc, o8_reuse_after_the_tombstone);
    tcase_add_test(tc, o8_removed_twice_rests_once);
    tcase_add_test(tc, o8_replacement_inherits_by_plan);
    tcase_add_test(tc, o8_planned_box_after_removal);
    tcase_add_test(tc, o8_returned_box_gets_another_number);
    tcase_add_test(tc, o8_returned_box_gets_its_own_number);
    tcase_add_test(tc, o8_two_boxes_are_one_module);
    tcase_add_test(tc, o8_joined_after_the_first_lost_power);
    tcase_add_test(tc, o8_joined_under_another_number);
    tcase_add_test(tc, o8_absurd_numbers_are_not_judged);
}

TCase *
oracle_cases(void)
{
    TCase *tc = tcase_create("oracles");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, untouched_oracles_prove_nothing);
    tcase_add_test(tc, first_violation_is_kept);
    safety_cases(tc);
    module_cases(tc);
    tcase_add_test(tc, o11_service_or_box_leaves_nothing);
    tcase_add_test(tc, o11_leak);
    tcase_add_test(tc, o11_every_chunk_has_an_owner);
    tcase_add_test(tc, o11_world_that_cannot_tell);
    tcase_add_test(tc, o11_growth);
    tcase_add_test(tc, o12_at_the_bound);
    tcase_add_test(tc, o12_queue_told_by_the_nos);
    tcase_add_test(tc, o12_step_over_the_quantum);
    tcase_add_loop_test(tc, o12_one_frame_of_a_lower_lane, 0, 2);
    tcase_add_test(tc, o12_one_handler_of_a_lower_lane);
    tcase_add_test(tc, o12_counts_what_waited);
    tcase_add_test(tc, o13_converged);
    return tc;
}

int
main(void)
{
    Suite *suite = suite_create("faults");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, ledger_cases());
    suite_add_tcase(suite, oracle_cases());
    suite_add_tcase(suite, packet_cases());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
