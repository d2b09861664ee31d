/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose datagrams a box takes, and when it starts at all.
 */
#include "sim/world/des/des_test.h"

static struct small small;

static void
teardown(void)
{
    small_destroy(&small);
}

static unsigned
refused_count(void)
{
    return (unsigned)small.traced[TRACE_IDENTITY_REFUSED];
}

static bool
admits(const char *name, const char *from)
{
    return identity_admits(small_box(&small, name),
                           small_box(&small, from)->facts.key, PLANE_A, 1);
}

static void
restart(const char *name)
{
    INJECT(&small, name, .kind = WORLD_BOX_RESTART, .value = REBOOT_OPERATOR);
}

static void
change(const char *name, enum world_identity what)
{
    INJECT(&small, name, .kind = WORLD_IDENTITY, .value = what);
}

START_TEST(nobody_is_refused_without_a_reason)
{
    small_boot(&small, 1);
    ck_assert_uint_eq(small.des->wrong_count, 0);
    change("ncp-1", WORLD_IDENTITY_RENEW);
    restart("ncp-1");
    small_run_ms(&small, 120000);
    ck_assert_uint_eq(small.des->wrong_count, 0);
    ck_assert_uint_eq(refused_count(), 0);
    ck_assert(small_in_service(&small));
}
END_TEST

/* Each peer reads the list once a second, counted from its own start. */
START_TEST(revocation_counts_when_a_peer_reads_the_list)
{
    struct des_box *peer;
    uint64_t phase_ms;

    small_boot(&small, 1);
    peer = small_box(&small, "ncc-0");
    phase_ms = (kernel_now(small.des->kernel).ps - peer->identity.started.ps) /
               (SIMTIME_PS_PER_S / 1000) % 1000;
    small_run_ms(&small, 1000 - phase_ms + 100);
    change("ncp-1", WORLD_IDENTITY_REVOKE);
    ck_assert_uint_eq(small.des->wrong_count, 1);
    ck_assert(admits("ncc-0", "ncp-1"));
    small_run_ms(&small, 890);
    ck_assert(admits("ncc-0", "ncp-1"));
    small_run_ms(&small, 20);
    ck_assert(!admits("ncc-0", "ncp-1"));
    /* The peer has ended the association: nothing comes from it. */
    ck_assert(!admits("ncp-1", "ncc-0"));
    ck_assert(admits("ncc-0", "ncp-2"));
}
END_TEST

START_TEST(revoked_is_told_by_its_peers_and_seldom)
{
    unsigned first;

    small_boot(&small, 1);
    change("ncp-1", WORLD_IDENTITY_REVOKE);
    small_run_ms(&small, 5000);
    first = refused_count();
    ck_assert_uint_ge(first, 2); /* at least by one peer on each plane */
    ck_assert_uint_le(first, 9 * PLANE_COUNT);
    ck_assert_uint_eq(small.trace[TRACE_IDENTITY_REFUSED].a,
                      small_box(&small, "ncp-1")->facts.key);
    ck_assert_uint_eq(small.trace[TRACE_IDENTITY_REFUSED].b, IDENTITY_REVOKED);
    ck_assert_uint_ne(small.traced_box[TRACE_IDENTITY_REFUSED],
                      small_box(&small, "ncp-1")->index);
    small_run_ms(&small, 30000);
    ck_assert_uint_le(refused_count(), 9 * PLANE_COUNT * 4);
    ck_assert_uint_gt(refused_count(), first);
}
END_TEST

/* It starts, as nobody told it, and nobody takes it. */
START_TEST(revoked_stays_outside_until_renewed_and_restarted)
{
    uint64_t joined;

    small_boot(&small, 1);
    change("ncp-1", WORLD_IDENTITY_REVOKE);
    small_run_ms(&small, 3000);
    restart("ncp-1");
    joined = small.traced[TRACE_JOINED];
    small_run_ms(&small, 120000);
    ck_assert_ptr_nonnull(small_box(&small, "ncp-1")->runtime);
    ck_assert_uint_eq(small.traced[TRACE_JOINED], joined);
    change("ncp-1", WORLD_IDENTITY_RENEW);
    small_run_ms(&small, 20000);
    ck_assert_uint_eq(small.traced[TRACE_JOINED], joined);
    restart("ncp-1");
    small_run_ms(&small, 120000);
    ck_assert_uint_gt(small.traced[TRACE_JOINED], joined);
    ck_assert(small_in_service(&small));
    ck_assert_uint_eq(small.des->wrong_count, 0);
}
END_TEST

START_TEST(expired_stays_up_and_does_not_start)
{
    struct des_box *box;

    small_boot(&small, 1);
    box = small_box(&small, "ncp-1");
    change("ncp-1", WORLD_IDENTITY_EXPIRE);
    small_run_ms(&small, 120000);
    ck_assert_uint_eq(refused_count(), 0);
    ck_assert(small_in_service(&small));
    restart("ncp-1");
    small_run_ms(&small, 120000);
    ck_assert(box->powered);
    ck_assert_ptr_null(box->runtime);
    ck_assert_uint_gt(refused_count(), 10);
    ck_assert_uint_eq(small.trace[TRACE_IDENTITY_REFUSED].b, IDENTITY_OWN);
    ck_assert_uint_eq(small.traced_box[TRACE_IDENTITY_REFUSED], box->index);
    /* Its next try finds the new one. */
    change("ncp-1", WORLD_IDENTITY_RENEW);
    small_run_ms(&small, 120000);
    ck_assert_ptr_nonnull(box->runtime);
    ck_assert(small_in_service(&small));
}
END_TEST

START_TEST(stranger_is_refused_from_its_next_start)
{
    struct des_box *box;
    uint64_t joined, key, cluster_id;

    small_boot(&small, 1);
    box = small_box(&small, "ncp-1");
    key = box->facts.key;
    cluster_id = box->facts.cluster_id;
    change("ncp-1", WORLD_IDENTITY_STRANGER);
    REFUSED(&small, "ncp-1", .kind = WORLD_IDENTITY,
            .value = WORLD_IDENTITY_REVOKE);
    REFUSED(&small, "ncp-1", .kind = WORLD_IDENTITY,
            .value = WORLD_IDENTITY_EXPIRE);
    small_run_ms(&small, 10000);
    ck_assert_uint_eq(box->facts.key, key);
    ck_assert_uint_eq(refused_count(), 0);
    restart("ncp-1");
    joined = small.traced[TRACE_JOINED];
    small_run_ms(&small, 120000);
    ck_assert_uint_ne(box->facts.key, key);
    ck_assert_uint_ne(box->facts.cluster_id, cluster_id);
    ck_assert_uint_eq(small.traced[TRACE_JOINED], joined);
    ck_assert(!admits("ncc-0", "ncp-1") && !admits("ncp-1", "ncc-0"));
    ck_assert_uint_eq(small.trace[TRACE_IDENTITY_REFUSED].b,
                      IDENTITY_STRANGER);
    change("ncp-1", WORLD_IDENTITY_RENEW);
    restart("ncp-1");
    small_run_ms(&small, 120000);
    ck_assert_uint_eq(box->facts.key, key);
    ck_assert_uint_eq(box->facts.cluster_id, cluster_id);
    ck_assert(small_in_service(&small));
}
END_TEST

START_TEST(two_strangers_are_of_one_authority)
{
    small_boot(&small, 1);
    change("ncp-1", WORLD_IDENTITY_STRANGER);
    change("ncp-2", WORLD_IDENTITY_STRANGER);
    restart("ncp-1");
    restart("ncp-2");
    small_run_ms(&small, 120000);
    ck_assert(admits("ncp-1", "ncp-2"));
    ck_assert(!admits("ncp-3", "ncp-2"));
}
END_TEST

/* What was revoked is the certificate, not the place in the rack. */
START_TEST(another_box_in_the_slot_is_welcome)
{
    small_boot(&small, 1);
    change("ncp-1", WORLD_IDENTITY_REVOKE);
    small_run_ms(&small, 3000);
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_REPLACE, .serial = "SN-NEW");
    ck_assert_uint_eq(small.des->wrong_count, 0);
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_POWER_ON);
    small_run_ms(&small, 200000);
    ck_assert(small_in_service(&small));
}
END_TEST

/* It runs on the one before, until it starts. */
START_TEST(revocation_strikes_the_certificate_in_the_folder)
{
    small_boot(&small, 1);
    change("ncp-1", WORLD_IDENTITY_RENEW);
    change("ncp-1", WORLD_IDENTITY_REVOKE);
    small_run_ms(&small, 5000);
    ck_assert(admits("ncc-0", "ncp-1"));
    restart("ncp-1");
    small_run_ms(&small, 120000);
    ck_assert(!admits("ncc-0", "ncp-1"));
}
END_TEST

START_TEST(identities_move_with_their_boxes)
{
    small_boot(&small, 1);
    change("ncp-1", WORLD_IDENTITY_REVOKE);
    small_run_ms(&small, 3000);
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_SWAP,
           .box2 = small_box(&small, "ncp-2")->index);
    ck_assert(admits("ncc-0", "ncp-1"));
    ck_assert(!admits("ncc-0", "ncp-2"));
}
END_TEST

START_TEST(nonsense_is_refused)
{
    small_make(&small, 1);
    REFUSED(&small, "ncp-1", .kind = WORLD_IDENTITY,
            .value = WORLD_IDENTITY_CHANGE_COUNT);
    small_box(&small, "ncp-1")->present = false;
    REFUSED(&small, "ncp-1", .kind = WORLD_IDENTITY);
}
END_TEST

Suite *
identities_suite(void)
{
    Suite *suite = suite_create("identity");
    TCase *tests = tcase_create("identity");

    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, nobody_is_refused_without_a_reason);
    tcase_add_test(tests, revocation_counts_when_a_peer_reads_the_list);
    tcase_add_test(tests, revoked_is_told_by_its_peers_and_seldom);
    tcase_add_test(tests, revoked_stays_outside_until_renewed_and_restarted);
    tcase_add_test(tests, expired_stays_up_and_does_not_start);
    tcase_add_test(tests, stranger_is_refused_from_its_next_start);
    tcase_add_test(tests, two_strangers_are_of_one_authority);
    tcase_add_test(tests, another_box_in_the_slot_is_welcome);
    tcase_add_test(tests, revocation_strikes_the_certificate_in_the_folder);
    tcase_add_test(tests, identities_move_with_their_boxes);
    tcase_add_test(tests, nonsense_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
