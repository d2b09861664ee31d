/* SPDX-License-Identifier: Apache-2.0
 *
 * An attacker on the management network, over a wire in memory.  Two boxes
 * are associated; whatever comes, their traffic passes and nothing grows past
 * its bound.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"
#include "reference-nos/linux/secure/peering_testwire.h"
#include "reference-nos/linux/secure/secure_test.h"

#define ATTACKERS 400u

static char root[64];
static struct wire wire;
static struct node *low, *high;
static struct dtls_context *stranger; /* of another authority */
static struct identity *stranger_identity;
static uint64_t draws;

static struct identity *
make(const char *authority, const char *name)
{
    char from[128], to[128], message[256];
    struct identity_request request = {from, to, name, ROLE_NCP, 10};
    struct identity *identity = NULL;

    snprintf(from, sizeof(from), "%s/%s", root, authority);
    snprintf(to, sizeof(to), "%s/%s", root, name);
    if (access(from, F_OK) != 0)
        ck_assert_int_eq(identity_authority_make(from, authority, 10, message,
                                                 sizeof(message)),
                         0);
    ck_assert_int_eq(identity_issue(&request, NULL, message, sizeof(message)),
                     0);
    ck_assert_int_eq(identity_load(to, &identity, message, sizeof(message)),
                     0);
    return identity;
}

static void
setup(void)
{
    char message[256];
    struct node *a, *b;

    strcpy(root, "/tmp/secure-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    draws = 0;
    wire_init(&wire);
    a = wire_add(&wire, make("ca", "a"));
    b = wire_add(&wire, make("ca", "b"));
    low = identity_key(a->identity) < identity_key(b->identity) ? a : b;
    high = low == a ? b : a;
    stranger_identity = make("other", "stranger");
    ck_assert_int_eq(dtls_context_create(stranger_identity, wire.now_ns,
                                         &stranger,
                                         (struct message){message, 256}),
                     0);
    node_start(a, 1);
    node_start(b, 1);
    wire_run(&wire, NS_PER_S);
    ck_assert_uint_eq(peering_count(a->peering), 1);
}

static void
teardown(void)
{
    wire_fini(&wire);
    dtls_context_destroy(stranger);
    identity_destroy(stranger_identity);
    test_remove(root);
}

static uint64_t
draw(void)
{
    draws++;
    return hash64(99, &draws, sizeof(draws));
}

static void
assert_passes(void)
{
    unsigned at_low = low->received[LANE_BULK];
    unsigned at_high = high->received[LANE_BULK];

    peering_send(low->peering, wire.now_ns, identity_key(high->identity),
                 LANE_BULK, "there", 5);
    peering_send(high->peering, wire.now_ns, identity_key(low->identity),
                 LANE_BULK, "back", 4);
    wire_run(&wire, NS_PER_MS);
    ck_assert_uint_eq(low->received[LANE_BULK], at_low + 1);
    ck_assert_uint_eq(high->received[LANE_BULK], at_high + 1);
}

/* Random bytes, half of them with a first byte that means something, from
 * strangers and with the peer's own address. */
START_TEST(random_bytes_change_nothing)
{
    static const uint8_t first[] = {20, 21, 22, 23, BEACON_FIRST_BYTE};
    uint8_t bytes[2048];

    for (unsigned i = 0; i < 20000; i++) {
        struct peer_address from =
            i % 3 == 0 ? low->address : wire_address(1000 + i);
        size_t size = draw() % 300;

        for (size_t k = 0; k < size; k++)
            bytes[k] = (uint8_t)draw();
        if (i % 2 == 0)
            bytes[0] = first[draw() % sizeof(first)];
        if (i % 4 == 0) {
            bytes[1] = 0xfe;
            bytes[2] = 0xfd;
            bytes[3] = 0;
            bytes[4] = (uint8_t)(i % 8 == 0);
            bytes[11] = 0;
            bytes[12] = (uint8_t)(size > 13 ? size - 13 : 0);
        }
        peering_input(high->peering, wire.now_ns, &from, bytes, size);
        if (i % 1000 == 0)
            assert_passes();
    }
    ck_assert_uint_gt(high->counters.malformed, 10000);
    ck_assert_uint_eq(peering_count(high->peering), 1);
    ck_assert_uint_eq(peering_half_open(high->peering), 0);
    ck_assert_uint_eq(high->counters.handshakes, 1);
    assert_passes();
}
END_TEST

static void
replay(struct wire *at, struct wire_datagram *datagram)
{
    struct wire_datagram *copies = at->arg;
    static unsigned count;

    copies[count++ % 256] = *datagram;
}

START_TEST(replayed_records_count_once)
{
    struct wire_datagram *copies = calloc(256, sizeof(*copies));
    uint64_t received;

    wire.arg = copies;
    wire.tap = replay;
    for (unsigned i = 0; i < 30; i++)
        assert_passes();
    wire.tap = NULL;
    received = high->counters.received + low->counters.received;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 256; i++)
            if (copies[i].size > 0 && !copies[i].group)
                wire_put(&wire, &copies[i].from, &copies[i].to,
                         copies[i].bytes, copies[i].size);
        wire_run(&wire, 10 * NS_PER_MS);
    }
    ck_assert_uint_eq(high->counters.received + low->counters.received,
                      received);
    assert_passes();
    free(copies);
}
END_TEST

static void
damage(struct wire *at, struct wire_datagram *datagram)
{
    struct wire_datagram copy = *datagram;

    if (copy.group)
        return;
    copy.bytes[draw() % copy.size] ^= (uint8_t)(1 + draw() % 255);
    wire_put(at, &copy.from, &copy.to, copy.bytes, copy.size);
}

/* A damaged copy comes before each datagram. */
START_TEST(damaged_records_are_dropped)
{
    wire.tap = damage;
    for (unsigned i = 0; i < 1000; i++)
        assert_passes();
    wire.tap = NULL;
    ck_assert_uint_eq(high->counters.handshakes, 1);
    ck_assert_uint_eq(low->counters.handshakes, 1);
}
END_TEST

START_TEST(long_datagrams_are_refused)
{
    static uint8_t bytes[4096] = {23, 0xfe, 0xfd, 0, 1};
    uint64_t malformed = high->counters.malformed;

    peering_input(high->peering, wire.now_ns, &low->address, bytes, 2049);
    peering_input(high->peering, wire.now_ns, &low->address, bytes, 4096);
    ck_assert_uint_eq(high->counters.malformed, malformed + 2);
    assert_passes();
}
END_TEST

/* ---- hellos ---- */

struct attacker {
    struct dtls_end end;
    unsigned replies;
};

static struct attacker attackers[ATTACKERS];

static void
on_attacker_out(struct dtls_end *end, const void *bytes, size_t size)
{
    wire_put(&wire, &end->address, &high->address, bytes, size);
}

/* The attacker answers the cookie and nothing after it. */
static void
on_stray(struct wire *at, const struct wire_datagram *datagram)
{
    (void)at;
    for (unsigned i = 0; i < ATTACKERS; i++) {
        struct attacker *attacker = &attackers[i];

        if (attacker->end.ssl == NULL ||
            peer_address_compare(&attacker->end.address, &datagram->to) != 0)
            continue;
        if (attacker->replies++ > 0)
            return;
        attacker->end.in = datagram->bytes;
        attacker->end.in_size = datagram->size;
        (void)dtls_handshake(&attacker->end);
    }
}

static void
attack(unsigned i)
{
    struct attacker *attacker = &attackers[i];

    memset(attacker, 0, sizeof(*attacker));
    attacker->end.address = wire_address(5000 + i);
    attacker->end.out = on_attacker_out;
    ck_assert_int_eq(dtls_end_init(&attacker->end, stranger, false), 0);
    (void)dtls_handshake(&attacker->end);
}

START_TEST(half_open_flood_is_bounded)
{
    struct node *late = wire_add(&wire, make("ca", "late"));

    wire.stray = on_stray;
    for (unsigned i = 0; i < ATTACKERS; i++) {
        attack(i);
        wire_run(&wire, NS_PER_MS / 4);
        ck_assert_uint_le(peering_half_open(high->peering),
                          SECURE_HALF_OPEN_MAX);
        if (i % 20 == 0)
            assert_passes();
        if (i == ATTACKERS / 2)
            node_start(late, 1);
    }
    ck_assert_uint_gt(high->counters.refused_bound, 0);
    wire_run(&wire, NS_PER_S);
    ck_assert_uint_eq(peering_count(late->peering), 2);
    wire_run(&wire, 5 * NS_PER_S);
    ck_assert_uint_eq(peering_half_open(high->peering), 0);
    ck_assert_uint_eq(peering_count(high->peering), 2);
    assert_passes();
    for (unsigned i = 0; i < ATTACKERS; i++)
        dtls_end_fini(&attackers[i].end);
}
END_TEST

static void
keep_first(struct wire *at, struct wire_datagram *datagram)
{
    struct wire_datagram *copy = at->arg;

    if (copy->size == 0)
        *copy = *datagram;
}

/* Hellos without a cookie cost no state, and their answers are limited. */
START_TEST(hellos_without_cookie_keep_no_state)
{
    struct wire_datagram copy = {.size = 0};

    wire.arg = &copy;
    wire.tap = keep_first;
    attack(0);
    wire.tap = NULL;
    ck_assert_uint_gt(copy.size, 60);
    for (unsigned i = 0; i < 3000; i++) {
        copy.from = wire_address(10000 + i);
        peering_input(high->peering, wire.now_ns, &copy.from, copy.bytes,
                      copy.size);
    }
    ck_assert_uint_eq(peering_half_open(high->peering), 0);
    ck_assert_uint_gt(high->counters.refused_bound, 2000);
    wire_run(&wire, NS_PER_S);
    assert_passes();
    dtls_end_fini(&attackers[0].end);
}
END_TEST

START_TEST(forged_beacons_are_bounded)
{
    struct beacon beacon = {identity_cluster_id(low->identity), 0, 5};
    uint8_t bytes[BEACON_BYTES];

    for (unsigned i = 0; i < 5000; i++) {
        struct peer_address from = wire_address(20000 + i);

        beacon.key = draw() | 1;
        plane_beacon_write(&beacon, bytes);
        peering_input(low->peering, wire.now_ns, &from, bytes, sizeof(bytes));
        ck_assert_uint_le(peering_hints(low->peering), PEERING_HINTS_MAX);
        ck_assert_uint_le(peering_half_open(low->peering),
                          SECURE_HALF_OPEN_MAX);
        if (i % 250 == 0) {
            wire_run(&wire, 20 * NS_PER_MS);
            assert_passes();
        }
    }
    wire_run(&wire, 15 * NS_PER_S);
    ck_assert_uint_eq(peering_half_open(low->peering), 0);
    ck_assert_uint_eq(peering_hints(low->peering), 1);
    assert_passes();
}
END_TEST

START_TEST(log_lines_are_bounded)
{
    struct beacon beacon = {12345, 0, 5};
    uint8_t bytes[BEACON_BYTES];

    for (unsigned i = 0; i < 2000; i++) {
        struct peer_address from = wire_address(20000 + i);

        beacon.key = draw() | 1;
        plane_beacon_write(&beacon, bytes);
        peering_input(low->peering, wire.now_ns, &from, bytes, sizeof(bytes));
    }
    ck_assert_uint_le(low->log_lines, LOG_BURST + 5);
}
END_TEST

Suite *
hostile_suite(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tests = tcase_create("hostile");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, random_bytes_change_nothing);
    tcase_add_test(tests, replayed_records_count_once);
    tcase_add_test(tests, damaged_records_are_dropped);
    tcase_add_test(tests, long_datagrams_are_refused);
    tcase_add_test(tests, half_open_flood_is_bounded);
    tcase_add_test(tests, hellos_without_cookie_keep_no_state);
    tcase_add_test(tests, forged_beacons_are_bounded);
    tcase_add_test(tests, log_lines_are_bounded);
    suite_add_tcase(suite, tests);
    return suite;
}
