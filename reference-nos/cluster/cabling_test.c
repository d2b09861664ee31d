/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of cables: positions and verdicts.
 */
#include "reference-nos/cluster/cabling.h"

#include "reference-nos/base/err.h"
#include "reference-nos/cluster/card.h"
#include "reference-nos/cluster/cluster_test.h"

#define NCPS 6u
#define NCFS 3u
#define LINKS 6u

static struct cabling_plan plan;

/* NCP n's port p goes to NCF p % NCFS, port n * 2 + p / NCFS. */
static void
setup(void)
{
    cabling_plan_init(&plan);
    for (uint16_t ncp = 0; ncp < NCPS; ncp++) {
        for (uint16_t port = 0; port < LINKS; port++) {
            struct cable_key key = {ncp, port};
            struct cable_row row = {port % NCFS,
                                    (uint16_t)(ncp * 2 + port / NCFS)};

            cabling_plan_set(&plan, &key, &row);
        }
    }
}

/* What NCP 'ncp' sees on 'port' when all is as planned. */
static struct cabling_seen
seen_as_planned(uint16_t ncp, uint16_t port)
{
    return (struct cabling_seen){true, port, module_id(ROLE_NCF, port % NCFS),
                                 (uint16_t)(ncp * 2 + port / NCFS)};
}

START_TEST(a_position_follows_from_the_cables)
{
    struct cabling_seen cables[LINKS];

    for (uint16_t ncp = 0; ncp < NCPS; ncp++) {
        for (uint16_t port = 0; port < LINKS; port++) {
            cables[port] = seen_as_planned(ncp, port);
            cables[port].port = LINKS - port; /* own ports do not matter */
        }
        ck_assert_uint_eq(cabling_position(&plan, ROLE_NCP, cables, LINKS),
                          ncp);
        ck_assert_uint_eq(cabling_position(&plan, ROLE_NCP, cables, 1), ncp);
    }
}
END_TEST

START_TEST(the_far_side_has_positions_too)
{
    struct cabling_seen cables[NCPS];

    for (uint16_t ncp = 0; ncp < NCPS; ncp++)
        cables[ncp] =
            (struct cabling_seen){true, ncp, module_id(ROLE_NCP, ncp), 2};
    ck_assert_uint_eq(cabling_position(&plan, ROLE_NCF, cables, NCPS), 2);
}
END_TEST

START_TEST(most_cables_must_agree)
{
    struct cabling_seen cables[4] = {
        seen_as_planned(1, 0), seen_as_planned(1, 1), seen_as_planned(2, 2),
        seen_as_planned(2, 3)};

    ck_assert_uint_eq(cabling_position(&plan, ROLE_NCP, cables, 4),
                      MODULE_NONE);
    ck_assert_uint_eq(cabling_position(&plan, ROLE_NCP, cables, 3), 1);
    ck_assert_uint_eq(cabling_position(&plan, ROLE_NCP, &cables[1], 2),
                      MODULE_NONE);
    cables[2].module = MODULE_NONE; /* strangers have no vote */
    cables[3].module = MODULE_NONE;
    ck_assert_uint_eq(cabling_position(&plan, ROLE_NCP, cables, 4), 1);
    ck_assert_uint_eq(cabling_position(&plan, ROLE_NCP, cables, 0),
                      MODULE_NONE);
    ck_assert_uint_eq(cabling_position(&plan, ROLE_NCC, cables, 4),
                      MODULE_NONE);
}
END_TEST

START_TEST(verdicts)
{
    struct cabling_seen seen = seen_as_planned(3, 4);
    enum cable_verdict verdict;

    ck_assert(cabling_judge(&plan, ROLE_NCP, 3, &seen, &verdict));
    ck_assert_uint_eq(verdict, CABLE_OK);
    ck_assert(cabling_judge(&plan, ROLE_NCP, 2, &seen, &verdict));
    ck_assert_uint_eq(verdict, CABLE_WRONG);
    seen.far_port++;
    ck_assert(cabling_judge(&plan, ROLE_NCP, 3, &seen, &verdict));
    ck_assert_uint_eq(verdict, CABLE_WRONG);
    seen.seen = false;
    ck_assert(cabling_judge(&plan, ROLE_NCP, 3, &seen, &verdict));
    ck_assert_uint_eq(verdict, CABLE_MISSING);
    seen.port = LINKS;
    ck_assert(!cabling_judge(&plan, ROLE_NCP, 3, &seen, &verdict));
    seen.seen = true;
    ck_assert(cabling_judge(&plan, ROLE_NCP, 3, &seen, &verdict));
    ck_assert_uint_eq(verdict, CABLE_EXTRA);
}
END_TEST

START_TEST(both_ends_of_a_plan_agree)
{
    struct cable_key key = {0, 0};
    struct cable_row row = {1, 3}; /* was the end of another cable */
    uint64_t random = 1;

    cabling_plan_set(&plan, &key, &row);
    for (unsigned step = 0; step < 5000; step++) {
        key = (struct cable_key){(uint16_t)(test_random(&random) % NCPS),
                                 (uint16_t)(test_random(&random) % LINKS)};
        row = (struct cable_row){(uint16_t)(test_random(&random) % NCFS),
                                 (uint16_t)(test_random(&random) % 16)};
        if (test_random(&random) % 4 == 0)
            cabling_plan_unset(&plan, &key);
        else
            cabling_plan_set(&plan, &key, &row);
    }
    for (uint16_t ncp = 0; ncp < NCPS; ncp++) {
        for (uint16_t port = 0; port < LINKS; port++) {
            const struct cabling_far *far =
                cabling_plan_at(&plan, ROLE_NCP, ncp, port);
            const struct cabling_far *near;

            if (far == NULL)
                continue;
            near = cabling_plan_at(&plan, ROLE_NCF, far->number, far->port);
            ck_assert_ptr_nonnull(near);
            ck_assert_uint_eq(near->number, ncp);
            ck_assert_uint_eq(near->port, port);
        }
    }
}
END_TEST

START_TEST(a_card_is_whole_or_nothing)
{
    struct card card = {1, 2, 3, 4, 5, 6, true}, out = {0};
    uint8_t bytes[CARD_BYTES];

    card_encode(&card, bytes);
    ck_assert_int_eq(card_decode(bytes, sizeof(bytes), &out), 0);
    ck_assert_uint_eq(out.number, 6);
    ck_assert_uint_eq(out.left_boot, 5);
    ck_assert(out.drained);
    ck_assert_int_eq(card_decode(bytes, sizeof(bytes) - 1, &out), ERR_CORRUPT);
    for (unsigned i = 0; i < CARD_BYTES * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        ck_assert_int_eq(card_decode(bytes, sizeof(bytes), &out), ERR_CORRUPT);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}
END_TEST

Suite *
cabling_suite(void)
{
    Suite *suite = suite_create("cabling");
    TCase *tcase = tcase_create("plan");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_position_follows_from_the_cables);
    tcase_add_test(tcase, the_far_side_has_positions_too);
    tcase_add_test(tcase, most_cables_must_agree);
    tcase_add_test(tcase, verdicts);
    tcase_add_test(tcase, both_ends_of_a_plan_agree);
    tcase_add_test(tcase, a_card_is_whole_or_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
