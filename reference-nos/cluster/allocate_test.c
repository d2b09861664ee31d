/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers: directed cases of each rule, then random lives of a cluster.
 */
#include "reference-nos/cluster/allocate.h"

#include "reference-nos/base/err.h"
#include "reference-nos/cluster/cluster_test.h"

#include <stdio.h>
#include <string.h>

#define POOL 8u

static struct slot slots[POOL];
static struct allocate_request request;
static struct allocate_result result;

static void
setup(void)
{
    memset(slots, 0, sizeof(slots));
    request = (struct allocate_request){
        .key = 100, .serial = "NEW", .position = MODULE_NONE};
    memset(&result, 0, sizeof(result));
}

static void
hold(unsigned number, uint64_t key, const char *serial, enum slot_live live)
{
    slots[number].state = SLOT_HELD;
    slots[number].key = key;
    slots[number].live = live;
    strcpy(slots[number].serial, serial);
}

static int
allocate(void)
{
    return allocate_number(slots, POOL, &request, &result);
}

START_TEST(a_known_key_keeps_its_number_against_the_plan)
{
    hold(5, 100, "NEW", LIVE_YES);
    strcpy(slots[2].planned, "NEW");
    request.position = 3;
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.number, 5);
    ck_assert_uint_eq(result.how, MODULE_KNOWN_KEY);
}
END_TEST

START_TEST(a_known_key_ends_its_own_tombstone)
{
    slots[4].state = SLOT_RESTING;
    slots[4].key = 100;
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.number, 4);
    ck_assert_uint_eq(result.how, MODULE_KNOWN_KEY);
}
END_TEST

START_TEST(a_planned_serial_comes_before_a_position)
{
    strcpy(slots[6].planned, "NEW");
    request.position = 3;
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.number, 6);
    ck_assert_uint_eq(result.how, MODULE_PLANNED_SERIAL);
}
END_TEST

START_TEST(a_replacement_inherits_from_an_absent_holder)
{
    hold(3, 55, "OLD", LIVE_AWAY);
    request.position = 3;
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.number, 3);
    ck_assert_uint_eq(result.how, MODULE_PLANNED_POSITION);
    ck_assert_uint_eq(result.former_key, 55);
}
END_TEST

START_TEST(nobody_inherits_from_the_living)
{
    hold(3, 55, "OLD", LIVE_YES);
    request.position = 3;
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.how, MODULE_LOWEST_FREE);
    ck_assert_uint_eq(result.number, 0);
    slots[3].live = LIVE_UNSURE;
    ck_assert_int_eq(allocate(), ERR_BUSY);
    strcpy(slots[3].planned, "NEW");
    slots[3].live = LIVE_YES;
    ck_assert_int_eq(allocate(), ERR_BUSY);
}
END_TEST

START_TEST(the_lowest_free_number_is_given)
{
    hold(0, 1, "A", LIVE_YES);
    strcpy(slots[1].planned, "B");
    slots[2].state = SLOT_RESTING;
    slots[2].key = 9;
    hold(3, 2, "C", LIVE_AWAY);
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.number, 4);
    ck_assert_uint_eq(result.examined, 6);
    slots[2].state = SLOT_RESTED;
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.number, 2);
}
END_TEST

START_TEST(a_full_pool_says_so)
{
    for (unsigned i = 0; i < POOL; i++)
        hold(i, i + 1, "", i % 2 ? LIVE_YES : LIVE_AWAY);
    ck_assert_int_eq(allocate(), ERR_FULL);
}
END_TEST

START_TEST(a_second_live_serial_is_refused)
{
    hold(1, 55, "NEW", LIVE_YES);
    ck_assert_int_eq(allocate(), ERR_EXISTS);
    slots[1].live = LIVE_UNSURE;
    ck_assert_int_eq(allocate(), ERR_BUSY);
    slots[1].live = LIVE_AWAY;
    ck_assert_int_eq(allocate(), 0);
}
END_TEST

START_TEST(the_planted_bug_gives_resting_numbers_away)
{
    slots[0].state = SLOT_RESTING;
    slots[0].key = 9;
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.number, 1);
    request.impatient = true;
    ck_assert_int_eq(allocate(), 0);
    ck_assert_uint_eq(result.number, 0);
}
END_TEST

/* --- Random lives ------------------------------------------------------- */

#define BOXES 12u

/* Which number box 'i' (key i + 1) holds, or POOL. */
static unsigned
number_of(unsigned box)
{
    unsigned found = POOL;

    for (unsigned i = 0; i < POOL; i++) {
        if (slots[i].state != SLOT_HELD || slots[i].key != box + 1)
            continue;
        ck_assert_uint_eq(found, POOL); /* unique */
        found = i;
    }
    return found;
}

static void
join_checked(unsigned box, uint64_t *random)
{
    unsigned before = number_of(box);
    struct slot old[POOL];
    char serial[8];
    int error;

    snprintf(serial, sizeof(serial), "B%u", box);
    request.key = box + 1;
    request.serial = serial;
    request.position = (uint16_t)(test_random(random) % (2 * POOL));
    memcpy(old, slots, sizeof(old));
    error = allocate();
    ck_assert_mem_eq(old, slots, sizeof(old));
    if (error != 0) {
        ck_assert_uint_eq(before, POOL);
        ck_assert(error == ERR_FULL || error == ERR_BUSY);
        return;
    }
    ck_assert_uint_lt(result.number, POOL);
    if (before != POOL) /* stable */
        ck_assert_uint_eq(result.number, before);
    if (old[result.number].state == SLOT_RESTING) /* rests */
        ck_assert_uint_eq(old[result.number].key, box + 1);
    if (old[result.number].state == SLOT_HELD &&
        old[result.number].key != box + 1) { /* inherits */
        ck_assert_uint_eq(old[result.number].live, LIVE_AWAY);
        ck_assert_uint_ne(result.how, MODULE_LOWEST_FREE);
    }
    if (result.how == MODULE_LOWEST_FREE)
        ck_assert(old[result.number].planned[0] == '\0' ||
                  strcmp(old[result.number].planned, serial) == 0);
    hold(result.number, box + 1, serial, LIVE_YES);
}

START_TEST(random_lives_keep_the_promises)
{
    uint64_t random = (uint64_t)_i + 1;

    for (unsigned i = 0; i < POOL; i += 3)
        snprintf(slots[i].planned, sizeof(slots[i].planned), "B%u", i);
    for (unsigned step = 0; step < 2000; step++) {
        unsigned number = (unsigned)(test_random(&random) % POOL);
        struct slot *slot = &slots[number];

        switch (test_random(&random) % 6) {
        case 0:
        case 1:
        case 2:
            join_checked((unsigned)(test_random(&random) % BOXES), &random);
            break;
        case 3:
            if (slot->state == SLOT_HELD)
                slot->live = (enum slot_live)(test_random(&random) % 3);
            break;
        case 4:
            if (slot->state == SLOT_HELD)
                slot->state = SLOT_RESTING;
            break;
        default:
            if (slot->state == SLOT_RESTING)
                slot->state = SLOT_RESTED;
            break;
        }
        for (unsigned box = 0; box < BOXES; box++)
            (void)number_of(box);
    }
}
END_TEST

Suite *
allocate_suite(void)
{
    Suite *suite = suite_create("allocate");
    TCase *tcase = tcase_create("rules");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_known_key_keeps_its_number_against_the_plan);
    tcase_add_test(tcase, a_known_key_ends_its_own_tombstone);
    tcase_add_test(tcase, a_planned_serial_comes_before_a_position);
    tcase_add_test(tcase, a_replacement_inherits_from_an_absent_holder);
    tcase_add_test(tcase, nobody_inherits_from_the_living);
    tcase_add_test(tcase, the_lowest_free_number_is_given);
    tcase_add_test(tcase, a_full_pool_says_so);
    tcase_add_test(tcase, a_second_live_serial_is_refused);
    tcase_add_test(tcase, the_planted_bug_gives_resting_numbers_away);
    tcase_add_loop_test(tcase, random_lives_keep_the_promises, 0, 50);
    suite_add_tcase(suite, tcase);
    return suite;
}
