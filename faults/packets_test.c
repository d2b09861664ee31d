/* SPDX-License-Identifier: Apache-2.0
 *
 * O4 and O5: packets that had a right to arrive, and those that had none.
 */
#include "faults/faults_test.h"
#include "faults/oracles.h"

#include <string.h>

#define US UINT64_C(1000000)

/* Two ports of ncp-0, then two of ncp-1. */
static const struct oracle_end ends[] = {
    {BOX_NCP_0, 0}, {BOX_NCP_0, 1}, {BOX_NCP_1, 0}, {BOX_NCP_1, 1}};

static struct oracles *oracles;

static struct fwd_prefix
prefix(uint8_t third, uint8_t last, uint8_t length)
{
    return (struct fwd_prefix){
        .family = 4, .length = length, .bytes = {10, 0, third, last}};
}

static void
serves(unsigned box, unsigned ports)
{
    struct observation seen = {
        .kind = OBSERVE_PORTS, .box = box, .a = ports, .b = 4};

    oracles_observe(oracles, &seen);
}

static void
setup(void)
{
    oracles = oracles_create(&paper_plan, at_s(100));
    serves(BOX_NCP_0, 4);
    serves(BOX_NCP_1, 4);
    oracles_packets_begin(oracles, ends, 4);
    for (unsigned i = 0; i < 4; i++) {
        struct fwd_prefix own = prefix((uint8_t)i, 0, 24);

        if (i != 3)
            oracles_connected(oracles, i, &own);
    }
    for (unsigned i = 0; i < 4; i++) {
        struct fwd_prefix host = prefix((uint8_t)i, 2, 32);

        oracles_addressed(oracles, i, &host);
    }
}

static void
teardown(void)
{
    oracles_destroy(oracles);
}

static void
judged(enum oracle oracle, uint64_t exercised, bool violated)
{
    const struct oracle_result *result = oracles_result(oracles, oracle);

    ck_assert_uint_eq(result->exercised, exercised);
    ck_assert_msg((result->violations > 0) == violated, "%s", result->first);
}

START_TEST(o5_nothing_is_lost)
{
    oracles_packet_out(oracles, 5 * US, 2, 0, 2);
    judged(ORACLE_O5, 1, false);
    judged(ORACLE_O4, 1, false);
}
END_TEST

START_TEST(o5_hole)
{
    oracles_packet_dropped(oracles, 5 * US, PLANE_DROP_NO_ROUTE, 0, 2);
    oracles_packet_dropped(oracles, 6 * US, PLANE_DROP_NO_ROUTE, 1, 2);
    judged(ORACLE_O5, 2, false);
    oracles_packet_dropped(oracles, 6 * US + 1, PLANE_DROP_NO_ROUTE, 0, 2);
    judged(ORACLE_O5, 3, true);
    ck_assert_str_eq(oracles_result(oracles, ORACLE_O5)->first,
                     "packets from ncp-0 to ncp-1/0, both in service, no "
                     "route for 1000 ns");
}
END_TEST

START_TEST(o5_delivery_ends_a_hole)
{
    oracles_packet_dropped(oracles, 5 * US, PLANE_DROP_NO_ROUTE, 0, 2);
    oracles_packet_out(oracles, 6 * US, 2, 0, 2);
    oracles_packet_dropped(oracles, 8 * US, PLANE_DROP_NEXT_HOP, 0, 2);
    judged(ORACLE_O5, 3, false);
    /* Another destination says nothing of this one. */
    oracles_packet_out(oracles, 9 * US, 1, 0, 1);
    oracles_packet_dropped(oracles, 10 * US, PLANE_DROP_NEXT_HOP, 0, 2);
    judged(ORACLE_O5, 5, true);
}
END_TEST

static void
two_drops(enum plane_drop cause, unsigned from, unsigned to)
{
    oracles_packet_dropped(oracles, 1 * US, cause, from, to);
    oracles_packet_dropped(oracles, 9 * US, cause, from, to);
}

START_TEST(o5_load_is_no_hole)
{
    static const enum plane_drop causes[] = {
        PLANE_DROP_TAIL,   PLANE_DROP_WRED,       PLANE_DROP_BUFFER,
        PLANE_DROP_AGED,   PLANE_DROP_LINK,       PLANE_DROP_FABRIC,
        PLANE_DROP_EGRESS, PLANE_DROP_REASSEMBLY,
    };

    two_drops(causes[_i], 0, 2);
    judged(ORACLE_O5, 0, false);
}
END_TEST

START_TEST(o5_wrong_tables)
{
    static const enum plane_drop causes[] = {
        PLANE_DROP_NO_ROUTE, PLANE_DROP_DISCARD,   PLANE_DROP_NEXT_HOP,
        PLANE_DROP_BOX_DOWN, PLANE_DROP_PORT_DOWN, PLANE_DROP_STRAY,
    };

    two_drops(causes[_i], 0, 2);
    judged(ORACLE_O5, 2, true);
}
END_TEST

START_TEST(o5_no_right_to_arrive)
{
    /* Nobody configured end 3. */
    two_drops(PLANE_DROP_NO_ROUTE, 0, 3);
    judged(ORACLE_O5, 0, false);
    serves(BOX_NCP_1, 0);
    two_drops(PLANE_DROP_NEXT_HOP, 0, 2);
    judged(ORACLE_O5, 0, false);
    serves(BOX_NCP_1, 4);
    serves(BOX_NCP_0, 0);
    two_drops(PLANE_DROP_BOX_DOWN, 0, 2);
    judged(ORACLE_O5, 0, false);
    serves(BOX_NCP_0, 4);
    two_drops(PLANE_DROP_BOX_DOWN, 0, 2);
    judged(ORACLE_O5, 2, true);
}
END_TEST

/* 10.0.2.0/24 is end 2's, 10.0.2.2/32 within it end 1's. */
START_TEST(o5_longest_prefix)
{
    struct fwd_prefix host = prefix(2, 2, 32);

    oracles_connected(oracles, 1, &host);
    oracles_addressed(oracles, 2, &host);
    oracles_packet_out(oracles, 5 * US, 1, 0, 2);
    judged(ORACLE_O5, 1, false);
    oracles_packet_out(oracles, 6 * US, 2, 0, 2);
    oracles_packet_out(oracles, 9 * US, 2, 0, 2);
    judged(ORACLE_O5, 3, true);
}
END_TEST

/* A network behind routers may be reached by any of them. */
START_TEST(o5_behind_routers)
{
    struct fwd_prefix network = prefix(9, 0, 24);
    struct fwd_prefix host = prefix(9, 2, 32);

    oracles_routed(oracles, 2, &network);
    oracles_addressed(oracles, 2, &host);
    oracles_packet_out(oracles, 5 * US, 3, 0, 2);
    oracles_packet_out(oracles, 9 * US, 3, 0, 2);
    judged(ORACLE_O5, 2, false);
    two_drops(PLANE_DROP_NO_ROUTE, 0, 2);
    judged(ORACLE_O5, 4, true);
}
END_TEST

START_TEST(o4_loop)
{
    oracles_packet_dropped(oracles, 5 * US, PLANE_DROP_TTL, 0, 2);
    judged(ORACLE_O4, 1, false);
    oracles_packet_dropped(oracles, 7 * US, PLANE_DROP_TTL, 0, 2);
    judged(ORACLE_O4, 2, true);
    judged(ORACLE_O5, 0, false);
}
END_TEST

START_TEST(o4_delivery_ends_a_loop)
{
    oracles_packet_dropped(oracles, 5 * US, PLANE_DROP_TTL, 0, 2);
    oracles_packet_out(oracles, 6 * US, 2, 0, 2);
    oracles_packet_dropped(oracles, 7 * US, PLANE_DROP_TTL, 0, 2);
    judged(ORACLE_O4, 3, false);
}
END_TEST

TCase *
packet_cases(void)
{
    TCase *tc = tcase_create("packets");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, o5_nothing_is_lost);
    tcase_add_test(tc, o5_hole);
    tcase_add_test(tc, o5_delivery_ends_a_hole);
    tcase_add_loop_test(tc, o5_load_is_no_hole, 0, 8);
    tcase_add_loop_test(tc, o5_wrong_tables, 0, 6);
    tcase_add_test(tc, o5_no_right_to_arrive);
    tcase_add_test(tc, o5_longest_prefix);
    tcase_add_test(tc, o5_behind_routers);
    tcase_add_test(tc, o4_loop);
    tcase_add_test(tc, o4_delivery_ends_a_loop);
    return tc;
}
