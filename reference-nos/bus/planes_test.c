/* SPDX-License-Identifier: Apache-2.0
 *
 * When a management plane counts as silent.
 */
#include "reference-nos/bus/planes.h"

#include <string.h>

#include "reference-nos/bus/bus_net_test.h"

#define STEP_NS (250 * NS_PER_MS) /* of beacons */

static struct planes planes;
static uint64_t now_ns;

/* 'count' beacons come, on the planes of the bits of 'mask'. */
static void
hear(unsigned mask, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        now_ns += STEP_NS;
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
            if ((mask >> plane & 1) != 0)
                planes_heard(&planes, (enum plane)plane, now_ns);
        }
    }
}

static void
begin(void)
{
    memset(&planes, 0, sizeof(planes));
    now_ns = NS_PER_HOUR;
}

static void
states_are(enum plane_state a, enum plane_state b)
{
    ck_assert_int_eq(planes.watch[PLANE_A].state, a);
    ck_assert_int_eq(planes.watch[PLANE_B].state, b);
}

START_TEST(both_are_well_in_time)
{
    begin();
    hear(3, 12);
    states_are(PLANE_UNSURE, PLANE_UNSURE);
    hear(3, 1);
    states_are(PLANE_WELL, PLANE_WELL);
}
END_TEST

START_TEST(silent_after_two_seconds)
{
    begin();
    hear(3, 13);
    hear(2, 7); /* the copy on B of the last that A had counts too */
    states_are(PLANE_WELL, PLANE_WELL);
    hear(2, 1);
    states_are(PLANE_SILENT, PLANE_WELL);
    hear(2, 1000);
    states_are(PLANE_SILENT, PLANE_WELL);
}
END_TEST

/* One life begins with a dead plane. */
START_TEST(never_heard_is_silent_too)
{
    begin();
    hear(1, 9);
    states_are(PLANE_UNSURE, PLANE_SILENT);
    hear(1, 10);
    states_are(PLANE_WELL, PLANE_SILENT);
}
END_TEST

/* Who is hardly spoken to needs longer to be sure. */
START_TEST(few_copies_prove_nothing)
{
    begin();
    hear(3, 13);
    for (unsigned i = 1; i < BUS_PLANE_MISSED; i++) {
        now_ns += 10 * NS_PER_S;
        hear(1, 1);
        states_are(PLANE_WELL, PLANE_WELL);
    }
    hear(1, 1);
    states_are(PLANE_WELL, PLANE_SILENT);
}
END_TEST

START_TEST(many_copies_at_once_prove_nothing)
{
    begin();
    hear(3, 13);
    for (unsigned i = 0; i < 1000; i++) {
        now_ns += NS_PER_MS;
        planes_heard(&planes, PLANE_B, now_ns);
    }
    states_are(PLANE_WELL, PLANE_WELL);
}
END_TEST

START_TEST(no_news_blames_no_plane)
{
    begin();
    hear(3, 13);
    now_ns += NS_PER_HOUR;
    hear(1, 1);
    hear(3, 1);
    states_are(PLANE_WELL, PLANE_WELL);
}
END_TEST

/* A lossy plane is not a silent one: seven of eight copies are lost. */
START_TEST(losses_do_not_flap)
{
    begin();
    hear(3, 13);
    for (unsigned i = 0; i < 1000; i++) {
        hear(1, 7);
        hear(3, 1);
        states_are(PLANE_WELL, PLANE_WELL);
    }
}
END_TEST

START_TEST(clears_when_heard_for_three_seconds)
{
    begin();
    hear(3, 13);
    hear(2, 9);
    hear(3, 12);
    states_are(PLANE_SILENT, PLANE_WELL);
    hear(3, 1);
    states_are(PLANE_WELL, PLANE_WELL);
}
END_TEST

/* Heard now and then is not healed. */
START_TEST(a_single_copy_does_not_clear)
{
    begin();
    hear(3, 13);
    hear(2, 9);
    for (unsigned i = 0; i < 100; i++) {
        hear(3, 1);
        hear(2, 9);
        states_are(PLANE_SILENT, PLANE_WELL);
    }
}
END_TEST

START_TEST(planes_change_places)
{
    begin();
    hear(3, 13);
    hear(1, 9);
    states_are(PLANE_WELL, PLANE_SILENT);
    hear(2, 9);
    states_are(PLANE_SILENT, PLANE_SILENT);
    hear(2, 4);
    states_are(PLANE_SILENT, PLANE_WELL);
}
END_TEST

Suite *
planes_suite(void)
{
    Suite *suite = suite_create("planes");
    TCase *tcase = tcase_create("planes");

    tcase_add_test(tcase, both_are_well_in_time);
    tcase_add_test(tcase, silent_after_two_seconds);
    tcase_add_test(tcase, never_heard_is_silent_too);
    tcase_add_test(tcase, few_copies_prove_nothing);
    tcase_add_test(tcase, many_copies_at_once_prove_nothing);
    tcase_add_test(tcase, no_news_blames_no_plane);
    tcase_add_test(tcase, losses_do_not_flap);
    tcase_add_test(tcase, clears_when_heard_for_three_seconds);
    tcase_add_test(tcase, a_single_copy_does_not_clear);
    tcase_add_test(tcase, planes_change_places);
    suite_add_tcase(suite, tcase);
    return suite;
}
