/* SPDX-License-Identifier: Apache-2.0
 *
 * Enrolment over a wire in memory: one controller, several boxes that join.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reference-nos/base/err.h"
#include "reference-nos/linux/secure/enroll_priv.h"
#include "reference-nos/linux/secure/secure_test.h"

#define GUESTS 40u
#define QUEUE 256u
#define DESK 1u /* its address; guests follow */

struct guest {
    struct enroll_guest *guest;
    char directory[128];
    char serial[FACTS_SERIAL_MAX];
    unsigned done;
    int error;
    uint8_t number;
};

struct datagram {
    uint8_t from, to; /* 0: the group */
    size_t size;
    uint8_t bytes[2048];
};

static char root[64], message[512];
static struct message where = {message, sizeof(message)};
static struct identity *controller;
static struct enroll_desk *desk;
static struct guest guests[GUESTS];
static unsigned guest_count;
static struct datagram queue[QUEUE];
static unsigned first, waiting;
static uint64_t now_ns;
static char log_text[8192];

static const char *
in(const char *name)
{
    return test_path(root, name);
}

static struct peer_address
address(uint8_t number)
{
    struct peer_address made = {{0xfe, 0x80, [15] = number}, 6998};

    return made;
}

static void
put(uint8_t from, uint8_t to, const void *bytes, size_t size)
{
    struct datagram *slot = &queue[(first + waiting) % QUEUE];

    if (waiting == QUEUE)
        return;
    slot->from = from;
    slot->to = to;
    slot->size = size;
    memcpy(slot->bytes, bytes, size);
    waiting++;
}

static void
from_desk(void *arg, const struct peer_address *to, const void *bytes,
          size_t size)
{
    (void)arg;
    put(DESK, to == NULL ? 0 : to->ip[15], bytes, size);
}

static void
from_guest(void *arg, const struct peer_address *to, const void *bytes,
           size_t size)
{
    const struct guest *guest = arg;

    put(guest->number, to == NULL ? 0 : to->ip[15], bytes, size);
}

static void
on_done(void *arg, int error)
{
    struct guest *guest = arg;

    guest->done++;
    guest->error = error;
}

static void
on_log(void *arg, enum severity severity, const char *text)
{
    (void)arg;
    (void)severity;
    strncat(log_text, text, sizeof(log_text) - strlen(log_text) - 1);
    strncat(log_text, "\n", sizeof(log_text) - strlen(log_text) - 1);
}

static struct identity *
make_identity(const char *authority, const char *name, enum role role)
{
    struct identity_request request = {in(authority), in(name), name, role,
                                       10};
    struct identity *identity = NULL;

    if (access(in(authority), F_OK) != 0)
        ck_assert_int_eq(identity_authority_make(in(authority), authority, 10,
                                                 message, sizeof(message)),
                         0);
    ck_assert_int_eq(identity_issue(&request, NULL, message, sizeof(message)),
                     0);
    ck_assert_int_eq(
        identity_load(in(name), &identity, message, sizeof(message)), 0);
    return identity;
}

static void
open_desk(const char *authority, struct identity *identity)
{
    static char folder[CERT_PATH_MAX];
    struct enroll_server_options options = {
        .identity = identity, .authority = folder, .days = 10, .log = on_log};

    strcpy(folder, in(authority));
    controller = identity;
    ck_assert_msg(enroll_desk_create(&options, from_desk, NULL, now_ns, &desk,
                                     where) == 0,
                  "%s", message);
}

static void
setup(void)
{
    strcpy(root, "/tmp/secure-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    now_ns = NS_PER_S;
    first = waiting = guest_count = 0;
    memset(guests, 0, sizeof(guests));
    log_text[0] = '\0';
    open_desk("ca", make_identity("ca", "ctl", ROLE_NCC));
}

static void
teardown(void)
{
    enroll_desk_destroy(desk);
    identity_destroy(controller);
    for (unsigned i = 0; i < guest_count; i++)
        enroll_guest_destroy(guests[i].guest);
    test_remove(root);
}

/* 'voucher' NULL: the authority's certificate is put into the folder. */
static struct guest *
join(const char *directory, const char *serial, const char *voucher)
{
    struct guest *guest = &guests[guest_count];
    struct enroll_client_options options = {.directory = guest->directory,
                                            .serial = guest->serial,
                                            .role = ROLE_NCP,
                                            .voucher = voucher,
                                            .done = on_done,
                                            .log = on_log,
                                            .arg = guest};

    ck_assert_uint_lt(guest_count, GUESTS);
    snprintf(guest->directory, sizeof(guest->directory), "%s", in(directory));
    snprintf(guest->serial, sizeof(guest->serial), "%s", serial);
    guest->number = (uint8_t)(DESK + 1 + guest_count++);
    if (voucher == NULL) {
        char command[256];

        snprintf(command, sizeof(command), "mkdir -p %s", guest->directory);
        ck_assert_int_eq(system(command), 0);
        snprintf(command, sizeof(command), "%s/cluster.crt", guest->directory);
        test_copy(in("ca/cluster.crt"), command);
    }
    ck_assert_msg(enroll_guest_create(&options, from_guest, guest,
                                      &guest->guest, where) == 0,
                  "%s", message);
    return guest;
}

static void
deliver(const struct datagram *datagram)
{
    struct peer_address from = address(datagram->from);

    if (datagram->to == DESK || datagram->to == 0)
        enroll_desk_input(desk, now_ns, &from, datagram->bytes,
                          datagram->size);
    for (unsigned i = 0; i < guest_count; i++)
        if (guests[i].number == datagram->to)
            enroll_guest_input(guests[i].guest, now_ns, &from, datagram->bytes,
                               datagram->size);
}

static void
run(uint64_t period_ns)
{
    uint64_t end_ns = now_ns + period_ns;

    for (; now_ns < end_ns; now_ns += 25 * NS_PER_MS) {
        enroll_desk_tick(desk, now_ns);
        for (unsigned i = 0; i < guest_count; i++)
            enroll_guest_tick(guests[i].guest, now_ns);
        while (waiting > 0) {
            struct datagram datagram = queue[first];

            first = (first + 1) % QUEUE;
            waiting--;
            deliver(&datagram);
        }
    }
}

static const char *
voucher_for(const char *serial, enum role role)
{
    static char voucher[4][ENROLL_VOUCHER_MAX];
    static unsigned at;

    at = (at + 1) % 4;
    ck_assert_int_eq(enroll_voucher_make(in("ca"), serial, role, 1,
                                         voucher[at], message,
                                         sizeof(message)),
                     0);
    return voucher[at];
}

static void
assert_whole(const struct guest *guest)
{
    struct identity *identity;

    ck_assert_msg(identity_load(guest->directory, &identity, message,
                                sizeof(message)) == 0,
                  "%s", message);
    ck_assert_str_eq(identity_serial(identity), guest->serial);
    ck_assert_int_eq(identity_role(identity), ROLE_NCP);
    ck_assert_uint_eq(identity_cluster_id(identity),
                      identity_cluster_id(controller));
    identity_destroy(identity);
}

START_TEST(voucher_joins_at_once)
{
    struct guest *guest = join("b", "SN:1", voucher_for("SN:1", ROLE_NCP));

    run(NS_PER_S);
    ck_assert_uint_eq(guest->done, 1);
    ck_assert_int_eq(guest->error, 0);
    assert_whole(guest);
}
END_TEST

START_TEST(approval_joins)
{
    static const uint64_t zero;
    struct guest *guest = join("b", "SN1", NULL);
    struct enroll_pending pending[4];

    run(3 * NS_PER_S);
    ck_assert_uint_eq(guest->done, 0);
    ck_assert_int_eq(enroll_desk_approve(desk, "SN1", &zero, where),
                     ERR_NOENT);
    ck_assert_int_eq(enroll_desk_refuse(desk, "SN1", &zero, where), ERR_NOENT);
    ck_assert_uint_eq(enroll_desk_pending(desk, now_ns, pending, 4), 1);
    ck_assert_str_eq(pending[0].serial, "SN1");
    ck_assert_int_eq(pending[0].role, ROLE_NCP);
    ck_assert_int_eq(enroll_desk_approve(desk, "SN2", NULL, where), ERR_NOENT);
    ck_assert_int_eq(enroll_desk_approve(desk, "SN1", &pending[0].key, where),
                     0);
    run(NS_PER_S);
    ck_assert_uint_eq(guest->done, 1);
    ck_assert_int_eq(guest->error, 0);
    assert_whole(guest);
    ck_assert_uint_eq(enroll_desk_pending(desk, now_ns, pending, 4), 0);
}
END_TEST

START_TEST(refusal_is_told)
{
    struct guest *guest = join("b", "SN1", NULL);

    run(NS_PER_S);
    ck_assert_int_eq(enroll_desk_refuse(desk, "SN1", NULL, where), 0);
    run(NS_PER_S);
    ck_assert_uint_eq(guest->done, 1);
    ck_assert_int_eq(guest->error, ERR_REFUSED);
}
END_TEST

/* The cluster's answer is not its last word: a good voucher mends it. */
START_TEST(good_voucher_helps_afterwards)
{
    struct guest *guest = join("b", "SN1", NULL);
    struct enroll_pending pending[4];

    run(NS_PER_S);
    if (_i == 1) {
        ck_assert_int_eq(enroll_desk_refuse(desk, "SN1", NULL, where), 0);
        run(NS_PER_S);
        ck_assert_int_eq(guest->error, ERR_REFUSED);
    }
    enroll_guest_destroy(guest->guest);
    guest->guest = NULL;
    guest_count = 0;
    memset(guest, 0, sizeof(*guest));
    guest = join("b", "SN1", voucher_for("SN1", ROLE_NCP));
    run(NS_PER_S);
    ck_assert_uint_eq(guest->done, 1);
    ck_assert_int_eq(guest->error, 0);
    assert_whole(guest);
    ck_assert_uint_eq(enroll_desk_pending(desk, now_ns, pending, 4), 0);
}
END_TEST

/* Nor does asking again without one undo an operator's refusal. */
START_TEST(refusal_stands)
{
    struct enroll_pending pending[4];

    for (unsigned i = 0; i < 2; i++) {
        struct guest *guest = join("b", "SN1", NULL);

        run(NS_PER_S);
        if (i == 0)
            ck_assert_int_eq(enroll_desk_refuse(desk, "SN1", NULL, where), 0);
        run(NS_PER_S);
        ck_assert_int_eq(guest->error, ERR_REFUSED);
        ck_assert_uint_eq(enroll_desk_pending(desk, now_ns, pending, 4), 0);
    }
}
END_TEST

static int
load(const char *text, const char *serial, enum role role)
{
    char path[CERT_PATH_MAX], voucher[ENROLL_VOUCHER_MAX];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, ENROLL_VOUCHER_FILE);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return enroll_voucher_load(root, serial, role, voucher, message,
                               sizeof(message));
}

START_TEST(voucher_files_are_read_with_care)
{
    char text[ENROLL_VOUCHER_MAX + 64], voucher[ENROLL_VOUCHER_MAX];
    char *expiry;

    ck_assert_int_eq(enroll_voucher_load(root, "SN1", ROLE_NCP, voucher,
                                         message, sizeof(message)),
                     ERR_NOENT);
    snprintf(text, sizeof(text), "%s\n", voucher_for("SN1", ROLE_NCP));
    ck_assert_int_eq(load(text, "SN1", ROLE_NCP), 0);
    ck_assert_int_eq(load(text, "SN2", ROLE_NCP), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "for ncp SN1, not for ncp SN2"));
    ck_assert_int_eq(load(text, "SN1", ROLE_NCF), ERR_REFUSED);
    expiry = strstr(text, ":ncp:") + strlen(":ncp:");
    *expiry = '0';
    ck_assert_int_eq(load(text, "SN1", ROLE_NCP), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "expired"));
    ck_assert_int_eq(load("", "SN1", ROLE_NCP), ERR_MALFORMED);
    ck_assert_int_eq(load("nonsense", "SN1", ROLE_NCP), ERR_MALFORMED);
    memset(text, 'v', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(load(text, "SN1", ROLE_NCP), ERR_MALFORMED);
}
END_TEST

START_TEST(two_keys_under_one_serial_need_a_choice)
{
    struct guest *one = join("b", "SN1", NULL);
    struct guest *two = join("c", "SN1", NULL);
    struct enroll_pending pending[4];

    run(NS_PER_S);
    ck_assert_uint_eq(enroll_desk_pending(desk, now_ns, pending, 4), 2);
    ck_assert_int_eq(enroll_desk_approve(desk, "SN1", NULL, where),
                     ERR_CONFLICT);
    ck_assert_int_eq(enroll_desk_approve(desk, "SN1", &pending[0].key, where),
                     0);
    run(NS_PER_S);
    ck_assert_uint_eq(one->done + two->done, 1);
}
END_TEST

START_TEST(voucher_of_another_box_is_refused)
{
    struct guest *one = join("b", "SN1", voucher_for("SN2", ROLE_NCP));
    struct guest *two = join("c", "SN2", voucher_for("SN2", ROLE_NCC));

    run(NS_PER_S);
    ck_assert_int_eq(one->error, ERR_REFUSED);
    ck_assert_int_eq(two->error, ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(log_text, "refused ncp SN1"));
}
END_TEST

START_TEST(voucher_counts_once)
{
    const char *voucher = voucher_for("SN1", ROLE_NCP);
    struct guest *one = join("b", "SN1", voucher), *thief;

    run(NS_PER_S);
    ck_assert_uint_eq(one->done, 1);
    thief = join("c", "SN1", voucher);
    run(2 * NS_PER_S);
    ck_assert_uint_eq(thief->done, 0);
    ck_assert_ptr_nonnull(strstr(log_text, "used its voucher before"));
}
END_TEST

START_TEST(vouchers_are_checked_to_the_last_digit)
{
    const char *voucher = voucher_for("SN1", ROLE_NCP);
    struct enroll_voucher read;
    char changed[ENROLL_VOUCHER_MAX];
    uint64_t now_s = (uint64_t)time(NULL);

    ck_assert_int_eq(enroll_voucher_check(in("ca"), voucher, now_s, &read), 0);
    ck_assert_int_eq(
        enroll_voucher_check(in("ca"), voucher, now_s + 3700, &read),
        ERR_REFUSED);
    for (size_t i = 0; i < strlen(voucher); i++) {
        strcpy(changed, voucher);
        changed[i] = changed[i] == '1' ? '2' : '1';
        ck_assert_int_ne(enroll_voucher_check(in("ca"), changed, now_s, &read),
                         0);
        strcpy(changed, voucher);
        changed[i] = '\0';
        ck_assert_int_ne(enroll_voucher_check(in("ca"), changed, now_s, &read),
                         0);
    }
}
END_TEST

/* Somebody who answers the question without the authority's word. */
START_TEST(false_controller_is_refused)
{
    const char *voucher = voucher_for("SN1", ROLE_NCP);
    struct guest *guest;

    enroll_desk_destroy(desk);
    identity_destroy(controller);
    if (_i == 0)
        open_desk("other", make_identity("other", "false", ROLE_NCC));
    else
        open_desk("ca", make_identity("ca", "card", ROLE_NCP));
    guest = join("b", "SN1", voucher);
    run(3 * NS_PER_S);
    ck_assert_uint_eq(guest->done, 0);
    ck_assert_ptr_nonnull(strstr(log_text, _i == 0 ? "not of the authority"
                                                   : "not a controller"));
    ck_assert_int_ne(access(in("b/box.crt"), F_OK), 0);
}
END_TEST

START_TEST(list_and_sessions_are_bounded)
{
    struct enroll_pending pending[GUESTS];
    struct guest *late;
    char name[16];

    for (unsigned i = 0; i < GUESTS - 1; i++) {
        snprintf(name, sizeof(name), "g%u", i);
        join(name, name, NULL);
    }
    for (unsigned i = 0; i < 60; i++) {
        run(500 * NS_PER_MS);
        ck_assert_uint_le(enroll_desk_sessions(desk), ENROLL_SESSIONS_MAX);
    }
    ck_assert_uint_eq(enroll_desk_pending(desk, now_ns, pending, GUESTS),
                      ENROLL_PENDING_MAX);
    ck_assert_ptr_nonnull(strstr(log_text, "boxes wait already"));
    /* A voucher finds room all the same. */
    late = join("late", "LATE", voucher_for("LATE", ROLE_NCP));
    run(30 * NS_PER_S);
    ck_assert_uint_eq(late->done, 1);
    ck_assert_int_eq(late->error, 0);
}
END_TEST

START_TEST(desk_of_another_authority_is_none)
{
    struct identity *other = make_identity("other", "false", ROLE_NCC);
    struct enroll_server_options options = {
        .identity = other, .authority = in("ca"), .days = 10, .log = on_log};
    struct enroll_desk *false_desk;

    ck_assert_int_eq(enroll_desk_create(&options, from_desk, NULL, now_ns,
                                        &false_desk, where),
                     ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(message, "not the authority of this box"));
    identity_destroy(other);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    struct enroll_guest *guest;
    struct enroll_client_options options = {.directory = in("b"),
                                            .serial = "S",
                                            .role = ROLE_NCP,
                                            .voucher = "nonsense"};
    char voucher[ENROLL_VOUCHER_MAX];

    ck_assert_int_eq(
        enroll_guest_create(&options, from_guest, NULL, &guest, where),
        ERR_MALFORMED);
    options.voucher = NULL;
    ck_assert_int_eq(
        enroll_guest_create(&options, from_guest, NULL, &guest, where),
        ERR_NOENT);
    ck_assert_ptr_nonnull(strstr(message, "cluster.crt"));
    ck_assert_int_eq(enroll_voucher_make(in("ca"), "a b", ROLE_NCP, 1, voucher,
                                         message, sizeof(message)),
                     ERR_RANGE);
    ck_assert_int_eq(enroll_voucher_make(in("no"), "ab", ROLE_NCP, 1, voucher,
                                         message, sizeof(message)),
                     ERR_NOENT);
}
END_TEST

Suite *
enroll_suite(void)
{
    Suite *suite = suite_create("enroll");
    TCase *tests = tcase_create("enroll");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, voucher_joins_at_once);
    tcase_add_test(tests, approval_joins);
    tcase_add_test(tests, refusal_is_told);
    tcase_add_loop_test(tests, good_voucher_helps_afterwards, 0, 2);
    tcase_add_test(tests, refusal_stands);
    tcase_add_test(tests, voucher_files_are_read_with_care);
    tcase_add_test(tests, two_keys_under_one_serial_need_a_choice);
    tcase_add_test(tests, voucher_of_another_box_is_refused);
    tcase_add_test(tests, voucher_counts_once);
    tcase_add_test(tests, vouchers_are_checked_to_the_last_digit);
    tcase_add_loop_test(tests, false_controller_is_refused, 0, 2);
    tcase_add_test(tests, list_and_sessions_are_bounded);
    tcase_add_test(tests, desk_of_another_authority_is_none);
    tcase_add_test(tests, bad_arguments_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
