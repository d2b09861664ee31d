/* SPDX-License-Identifier: Apache-2.0
 *
 * Associations over a wire in memory.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/err.h"
#include "reference-nos/linux/secure/peering_testwire.h"
#include "reference-nos/linux/secure/secure_test.h"

static char root[64];
static char message[512];
static struct wire wire;

static const char *
in(const char *name)
{
    return test_path(root, name);
}

static void
issue(const char *authority, const char *directory, int days)
{
    struct identity_request request = {in(authority), in(directory), directory,
                                       ROLE_NCP, days};

    ck_assert_msg(identity_issue(&request, NULL, message, sizeof(message)) ==
                      0,
                  "%s", message);
}

static struct identity *
load(const char *directory)
{
    struct identity *identity = NULL;

    ck_assert_msg(
        identity_load(in(directory), &identity, message, sizeof(message)) == 0,
        "%s", message);
    return identity;
}

static struct node *
add(const char *directory)
{
    issue("ca", directory, 10);
    return wire_add(&wire, load(directory));
}

/* Two boxes in the order of their keys. */
static void
add_two(struct node **low, struct node **high)
{
    struct node *a = add("a"), *b = add("b");
    bool swap = identity_key(a->identity) > identity_key(b->identity);

    *low = swap ? b : a;
    *high = swap ? a : b;
}

static void
start_all(void)
{
    for (unsigned i = 0; i < wire.count; i++)
        node_start(&wire.nodes[i], 1);
}

static void
setup(void)
{
    strcpy(root, "/tmp/secure-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(identity_authority_make(in("ca"), "test", 100, message,
                                             sizeof(message)),
                     0);
    wire_init(&wire);
}

static void
teardown(void)
{
    wire_fini(&wire);
    test_remove(root);
}

static void
say(struct node *from, const struct node *to, enum lane lane, size_t size)
{
    static uint8_t bytes[PLAT_DATAGRAM_MAX + 8];

    memset(bytes, (int)lane + 7, sizeof(bytes));
    peering_send(from->peering, wire.now_ns, identity_key(to->identity), lane,
                 bytes, size);
}

/* Traffic passes from one to the other and back. */
static void
assert_passes(struct node *a, struct node *b)
{
    unsigned at_a = a->received[LANE_BULK], at_b = b->received[LANE_BULK];

    say(a, b, LANE_BULK, 100);
    say(b, a, LANE_BULK, 100);
    wire_run(&wire, 10 * NS_PER_MS);
    ck_assert_uint_eq(a->received[LANE_BULK], at_a + 1);
    ck_assert_uint_eq(b->received[LANE_BULK], at_b + 1);
    ck_assert_uint_eq(a->last_from, identity_key(b->identity));
    ck_assert_uint_eq(b->last_from, identity_key(a->identity));
}

START_TEST(mesh_of_ten_is_up_soon)
{
    char name[8];

    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        add(name);
    }
    for (unsigned i = 0; i < 9; i++)
        node_start(&wire.nodes[i], 1);
    wire_run(&wire, 5 * NS_PER_S);
    node_start(&wire.nodes[9], 1);
    wire_run(&wire, 50 * NS_PER_MS);
    for (unsigned i = 0; i < 10; i++) {
        ck_assert_uint_eq(peering_count(wire.nodes[i].peering), 9);
        ck_assert_uint_eq(peering_half_open(wire.nodes[i].peering), 0);
        ck_assert_uint_eq(wire.nodes[i].counters.handshakes, 9);
    }
    /* ... and stays as it is. */
    wire_run(&wire, 60 * NS_PER_S);
    for (unsigned i = 0; i < 10; i++) {
        ck_assert_uint_eq(peering_count(wire.nodes[i].peering), 9);
        ck_assert_uint_eq(wire.nodes[i].counters.handshakes, 9);
    }
}
END_TEST

START_TEST(datagrams_of_all_lanes_and_sizes_pass)
{
    struct node *a, *b;
    size_t sizes[] = {0, 1, 1300, PLAT_DATAGRAM_MAX};

    add_two(&a, &b);
    start_all();
    wire_run(&wire, 100 * NS_PER_MS);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        for (unsigned i = 0; i < 4; i++) {
            say(a, b, (enum lane)lane, sizes[i]);
            wire_run(&wire, NS_PER_MS);
            ck_assert_uint_eq(b->received[lane], i + 1);
            ck_assert_uint_eq(b->last_size, sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++)
                ck_assert_uint_eq(b->last[k], lane + 7);
        }
    }
    say(a, b, LANE_BULK, PLAT_DATAGRAM_MAX + 1);
    peering_send(a->peering, wire.now_ns, 12345, LANE_BULK, "x", 1);
    wire_run(&wire, NS_PER_MS);
    ck_assert_uint_eq(b->counters.received, 16);
    ck_assert_uint_eq(a->counters.unsent, 2);
}
END_TEST

START_TEST(all_means_every_association)
{
    add("a");
    add("b");
    add("c");
    start_all();
    wire_run(&wire, 100 * NS_PER_MS);
    peering_send(wire.nodes[1].peering, wire.now_ns, PLAT_ADDRESS_ALL,
                 LANE_LIVENESS, "hello", 5);
    wire_run(&wire, NS_PER_MS);
    ck_assert_uint_eq(wire.nodes[0].received[LANE_LIVENESS], 1);
    ck_assert_uint_eq(wire.nodes[1].received[LANE_LIVENESS], 0);
    ck_assert_uint_eq(wire.nodes[2].received[LANE_LIVENESS], 1);
    ck_assert_uint_eq(wire.nodes[1].counters.sent, 2);
}
END_TEST

/* A box of another authority that claims our cluster in its beacon. */
static struct node *
add_stranger(void)
{
    struct identity *identity;

    ck_assert_int_eq(identity_authority_make(in("other"), "test", 100, message,
                                             sizeof(message)),
                     0);
    issue("other", "stranger", 10);
    identity = load("stranger");
    identity->cluster_id = identity_cluster_id(wire.nodes[0].identity);
    return wire_add(&wire, identity);
}

static unsigned
lines_with(const struct node *node, const char *text)
{
    unsigned count = 0;

    for (const char *at = node->log; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

START_TEST(stranger_is_refused_and_logged)
{
    struct node *a, *b, *stranger;

    add_two(&a, &b);
    stranger = add_stranger();
    start_all();
    wire_run(&wire, 9 * NS_PER_S);
    ck_assert_uint_eq(peering_count(a->peering), 1);
    ck_assert_uint_eq(peering_count(b->peering), 1);
    ck_assert_uint_eq(peering_count(stranger->peering), 0);
    ck_assert_uint_gt(a->counters.refused_certificate +
                          stranger->counters.refused_certificate,
                      1);
    /* One line about a peer in an interval, whoever opened. */
    ck_assert_uint_eq(lines_with(a, "[fe80::3]"), 1);
    ck_assert_uint_eq(lines_with(b, "[fe80::3]"), 1);
    /* By whoever was shown the other's certificate. */
    ck_assert_uint_ge(a->refused[IDENTITY_STRANGER] +
                          stranger->refused[IDENTITY_STRANGER],
                      1);
    assert_passes(a, b);
}
END_TEST

/* It does not even say that it is of our cluster. */
START_TEST(box_of_another_cluster_is_told_once)
{
    struct node *a, *b, *stranger;

    add_two(&a, &b);
    stranger = add_stranger();
    start_all();
    wire_run(&wire, 500 * NS_PER_MS);
    memset(a->refused, 0, sizeof(a->refused));
    stranger->peering->cluster_id++;
    wire_run(&wire, 15 * NS_PER_S);
    ck_assert_uint_ge(a->refused[IDENTITY_STRANGER], 1);
    ck_assert_uint_le(a->refused[IDENTITY_STRANGER], 2);
    ck_assert_uint_eq(a->refused_key, stranger->peering->own_key);
    ck_assert_uint_eq(a->refused[IDENTITY_EXPIRED], 0);
    ck_assert_uint_eq(a->refused[IDENTITY_REVOKED], 0);
}
END_TEST

START_TEST(expired_box_is_refused)
{
    struct identity *identity;
    struct node *a = add("a"), *expired;
    struct message where = {message, sizeof(message)};

    issue("ca", "live", 10);
    issue("ca", "old", -1);
    identity = load("live");
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    ck_assert_int_eq(
        cert_read(in("old/box.crt"), &identity->certificate, where), 0);
    ck_assert_int_eq(cert_read_key(in("old/box.key"), &identity->key, where),
                     0);
    ck_assert_int_eq(cert_subject(identity->certificate, &identity->subject),
                     0);
    expired = wire_add(&wire, identity);
    start_all();
    wire_run(&wire, 5 * NS_PER_S);
    ck_assert_uint_eq(peering_count(a->peering), 0);
    ck_assert_uint_eq(peering_count(expired->peering), 0);
    ck_assert_uint_gt(a->counters.refused_certificate, 0);
    ck_assert_uint_eq(lines_with(a, "expired"), 1);
    ck_assert_uint_eq(a->refused[IDENTITY_EXPIRED], 1);
    ck_assert_uint_eq(a->refused_key, expired->peering->own_key);
}
END_TEST

START_TEST(revoked_at_run_time_is_cut_off)
{
    struct node *a = add("a"), *b = add("b"), *c = add("c");
    bool changed;

    start_all();
    wire_run(&wire, 100 * NS_PER_MS);
    ck_assert_uint_eq(peering_count(a->peering), 2);
    ck_assert_int_eq(
        identity_revoke(in("ca"), in("b"), message, sizeof(message)), 0);
    test_copy(in("ca/cluster.crl"), in("a/cluster.crl"));
    ck_assert_int_eq(
        dtls_context_reload(a->dtls, &changed, (struct message){message, 512}),
        0);
    ck_assert(changed);
    peering_revoke(a->peering, wire.now_ns);
    ck_assert_uint_eq(peering_count(a->peering), 1);
    wire_run(&wire, 8 * NS_PER_S);
    ck_assert_uint_eq(peering_count(a->peering), 1);
    ck_assert_uint_eq(peering_count(b->peering), 1);
    ck_assert_uint_ge(a->counters.refused_certificate, 2);
    ck_assert_uint_ge(lines_with(a, "revoked"), 1);
    ck_assert_uint_ge(a->refused[IDENTITY_REVOKED], 1);
    ck_assert_uint_eq(a->refused_key, b->peering->own_key);
    ck_assert_uint_eq(c->refused[IDENTITY_REVOKED], 0);
    assert_passes(a, c);
    assert_passes(b, c);
    /* A broken list is refused, the one before stays. */
    test_write(in("a/cluster.crl"), "garbage");
    ck_assert_int_ne(
        dtls_context_reload(a->dtls, &changed, (struct message){message, 512}),
        0);
    ck_assert(!changed);
    wire_run(&wire, 5 * NS_PER_S);
    ck_assert_uint_eq(peering_count(a->peering), 1);
}
END_TEST

START_TEST(two_boxes_with_one_identity)
{
    struct node *a, *b, *twin;

    add_two(&a, &b);
    start_all();
    wire_run(&wire, 100 * NS_PER_MS);
    twin = wire_add(&wire, load(a->identity->subject.serial));
    node_start(twin, 2);
    for (unsigned i = 0; i < 40; i++) {
        wire_run(&wire, 100 * NS_PER_MS);
        assert_passes(a, b);
    }
    ck_assert_uint_eq(lines_with(a, "two boxes with one identity"), 1);
    ck_assert_uint_eq(lines_with(twin, "two boxes with one identity"), 1);
    ck_assert_uint_eq(peering_count(twin->peering), 0);
    /* As the opener the twin reaches the certificate check at b, too. */
    ck_assert_uint_eq(lines_with(b, "two boxes with one identity"), 1);
    ck_assert_ptr_nonnull(strstr(a->log, "[fe80::3]"));
}
END_TEST

START_TEST(twin_of_the_higher_key)
{
    struct node *a, *b, *twin;

    add_two(&a, &b);
    start_all();
    wire_run(&wire, 100 * NS_PER_MS);
    twin = wire_add(&wire, load(b->identity->subject.serial));
    node_start(twin, 2);
    for (unsigned i = 0; i < 40; i++) {
        wire_run(&wire, 100 * NS_PER_MS);
        assert_passes(a, b);
    }
    ck_assert_uint_eq(lines_with(b, "two boxes with one identity"), 1);
    ck_assert_uint_eq(lines_with(a, "two boxes with one identity"), 1);
    ck_assert_uint_eq(peering_count(twin->peering), 0);
    /* The first one goes, and its place is free. */
    node_kill(b);
    wire_run(&wire, 6 * NS_PER_S);
    assert_passes(a, twin);
}
END_TEST

static void
restart_one(bool restart_low, bool goodbye)
{
    struct node *low, *high, *one;

    add_two(&low, &high);
    start_all();
    wire_run(&wire, 10 * NS_PER_S);
    one = restart_low ? low : high;
    for (unsigned life = 2; life < 5; life++) {
        if (goodbye)
            node_stop(one);
        else
            node_kill(one);
        wire_run(&wire, 300 * NS_PER_MS);
        node_start(one, life);
        wire_run(&wire, 100 * NS_PER_MS);
        assert_passes(low, high);
        ck_assert_uint_eq(peering_count(low->peering), 1);
        ck_assert_uint_eq(peering_count(high->peering), 1);
        ck_assert_uint_eq(low->counters.handshakes, life);
    }
    wire_run(&wire, 30 * NS_PER_S);
    assert_passes(low, high);
    ck_assert_uint_eq(low->counters.handshakes, 4);
}

START_TEST(restart_associates_again)
{
    restart_one((_i & 1) != 0, (_i & 2) != 0);
}
END_TEST

/* The box that stayed keeps its association until the new one is verified. */
START_TEST(old_association_stays_until_the_new_one_is_verified)
{
    struct node *low, *high;
    struct beacon forged;
    uint8_t bytes[BEACON_BYTES];

    add_two(&low, &high);
    start_all();
    wire_run(&wire, 5 * NS_PER_S);
    forged.cluster_id = identity_cluster_id(low->identity);
    forged.key = identity_key(high->identity);
    for (unsigned i = 0; i < 200; i++) {
        forged.incarnation = 1000 + i;
        plane_beacon_write(&forged, bytes);
        wire_put(&wire, &high->address, &low->address, bytes, sizeof(bytes));
        wire_run(&wire, 20 * NS_PER_MS);
        assert_passes(low, high);
    }
    /* Six seconds of forged restarts: a burst, then one a second. */
    ck_assert_uint_le(low->counters.handshakes, 14);
}
END_TEST

START_TEST(handshake_survives_loss)
{
    struct node *a, *b;

    add_two(&a, &b);
    wire.loss_percent = (unsigned)_i * 10;
    start_all();
    wire_run(&wire, 15 * NS_PER_S);
    ck_assert_uint_eq(peering_count(a->peering), 1);
    ck_assert_uint_eq(peering_count(b->peering), 1);
    wire.loss_percent = 0;
    wire_run(&wire, 2 * NS_PER_S);
    assert_passes(a, b);
}
END_TEST

START_TEST(silent_box_is_forgotten)
{
    struct node *a, *b;

    add_two(&a, &b);
    start_all();
    wire_run(&wire, NS_PER_S);
    node_kill(b);
    wire_run(&wire, 9 * NS_PER_S);
    ck_assert_uint_eq(peering_count(a->peering), 1);
    wire_run(&wire, 3 * NS_PER_S);
    ck_assert_uint_eq(peering_count(a->peering), 0);
    wire_run(&wire, 5 * NS_PER_S);
    ck_assert_uint_eq(peering_half_open(a->peering), 0);
    ck_assert_uint_eq(peering_hints(a->peering), 0);
}
END_TEST

START_TEST(goodbye_ends_at_once)
{
    struct node *a, *b;

    add_two(&a, &b);
    start_all();
    wire_run(&wire, NS_PER_S);
    node_stop(b);
    wire_run(&wire, NS_PER_MS);
    ck_assert_uint_eq(peering_count(a->peering), 0);
    wire_run(&wire, 3 * NS_PER_S);
    ck_assert_uint_eq(peering_half_open(a->peering), 0);
}
END_TEST

START_TEST(partition_heals)
{
    struct node *a, *b;

    add_two(&a, &b);
    start_all();
    wire_run(&wire, NS_PER_S);
    b->deaf = true;
    wire_run(&wire, (_i == 0 ? 3 : 30) * NS_PER_S);
    b->deaf = false;
    wire_run(&wire, 3 * NS_PER_S);
    assert_passes(a, b);
}
END_TEST

Suite *
peering_suite(void)
{
    Suite *suite = suite_create("peering");
    TCase *tests = tcase_create("peering");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, mesh_of_ten_is_up_soon);
    tcase_add_test(tests, datagrams_of_all_lanes_and_sizes_pass);
    tcase_add_test(tests, all_means_every_association);
    tcase_add_test(tests, stranger_is_refused_and_logged);
    tcase_add_test(tests, box_of_another_cluster_is_told_once);
    tcase_add_test(tests, expired_box_is_refused);
    tcase_add_test(tests, revoked_at_run_time_is_cut_off);
    tcase_add_test(tests, two_boxes_with_one_identity);
    tcase_add_test(tests, twin_of_the_higher_key);
    tcase_add_loop_test(tests, restart_associates_again, 0, 4);
    tcase_add_test(tests, old_association_stays_until_the_new_one_is_verified);
    tcase_add_loop_test(tests, handshake_survives_loss, 1, 5);
    tcase_add_test(tests, silent_box_is_forgotten);
    tcase_add_test(tests, goodbye_ends_at_once);
    tcase_add_loop_test(tests, partition_heals, 0, 2);
    suite_add_tcase(suite, tests);
    return suite;
}
