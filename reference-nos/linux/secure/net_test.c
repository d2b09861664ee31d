/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole of it over real sockets: three boxes on two bridges in a network
 * namespace of the test's own.  Needs root and ip(8); else it says so.
 */
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "reference-nos/base/units.h"
#include "reference-nos/linux/secure/enroll.h"
#include "reference-nos/linux/secure/link_priv.h"
#include "reference-nos/linux/secure/secure.h"
#include "reference-nos/linux/secure/secure_test.h"

#define BOXES 3

struct box {
    struct identity *identity;
    struct secure *secure;
    unsigned received[PLANE_COUNT];
    uint64_t from;
};

static uv_loop_t loop;
static struct box boxes[BOXES];
static char root[64];

static bool
shell(const char *command)
{
    return system(command) == 0;
}

static void
put_line(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    if (fd >= 0) {
        ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
        close(fd);
    }
}

/* A namespace that goes away with this process. */
static bool
make_network(void)
{
    char command[256];

    if (geteuid() != 0 || !shell("ip -V >/dev/null 2>&1") ||
        unshare(CLONE_NEWNET) != 0) {
        fprintf(stderr, "net_test: skipped, it needs root, ip(8) and network "
                        "namespaces\n");
        return false;
    }
    put_line("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
    put_line("/proc/sys/net/ipv6/conf/all/accept_dad", "0");
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        snprintf(command, sizeof(command),
                 "ip link add br%u type bridge && ip link set br%u up", plane,
                 plane);
        ck_assert(shell(command));
        for (unsigned i = 0; i < BOXES; i++) {
            snprintf(command, sizeof(command),
                     "ip link add p%u%u type veth peer name q%u%u && "
                     "ip link set q%u%u master br%u up && "
                     "ip link set p%u%u up",
                     plane, i, plane, i, plane, i, plane, plane, i);
            ck_assert(shell(command));
        }
    }
    return true;
}

static void
on_datagram(void *arg, enum plane plane, uint64_t from, enum lane lane,
            const void *bytes, size_t size)
{
    struct box *box = arg;

    ck_assert_int_eq(lane, LANE_CONTROL);
    ck_assert_uint_eq(size, PLAT_DATAGRAM_MAX);
    ck_assert_int_eq(((const uint8_t *)bytes)[size - 1], 9);
    box->received[plane]++;
    box->from = from;
}

static void
on_log(void *arg, enum severity severity, const char *text)
{
    (void)arg;
    (void)severity;
    (void)text;
}

static void
open_box(unsigned i, uint64_t incarnation)
{
    char interface[PLANE_COUNT][8], message[256];
    struct secure_options options = {.loop = &loop,
                                     .identity = boxes[i].identity,
                                     .incarnation = incarnation,
                                     .datagram = on_datagram,
                                     .log = on_log,
                                     .arg = &boxes[i]};

    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        snprintf(interface[plane], sizeof(interface[plane]), "p%u%u", plane,
                 i);
        options.interfaces[plane] = interface[plane];
    }
    ck_assert_msg(
        secure_open(&options, &boxes[i].secure, message, sizeof(message)) == 0,
        "%s", message);
}

static void
setup(void)
{
    char directory[128], serial[16], message[256];

    strcpy(root, "/tmp/secure-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    memset(boxes, 0, sizeof(boxes));
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(
        identity_authority_make(root, "test", 10, message, sizeof(message)),
        0);
    for (unsigned i = 0; i < BOXES; i++) {
        struct identity_request request = {root, directory, serial, ROLE_NCF,
                                           10};

        snprintf(directory, sizeof(directory), "%s/%u", root, i);
        snprintf(serial, sizeof(serial), "SN%u", i);
        ck_assert_int_eq(
            identity_issue(&request, NULL, message, sizeof(message)), 0);
        ck_assert_int_eq(identity_load(directory, &boxes[i].identity, message,
                                       sizeof(message)),
                         0);
    }
}

static void
teardown(void)
{
    for (unsigned i = 0; i < BOXES; i++) {
        secure_close(boxes[i].secure);
        boxes[i].secure = NULL;
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    for (unsigned i = 0; i < BOXES; i++)
        identity_destroy(boxes[i].identity);
    test_remove(root);
}

static bool
mesh(void)
{
    for (unsigned i = 0; i < BOXES; i++)
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
            if (boxes[i].secure != NULL &&
                secure_peer_count(boxes[i].secure, (enum plane)plane) !=
                    BOXES - 1)
                return false;
    return true;
}

static bool
received(void)
{
    return boxes[1].received[PLANE_A] > 0 && boxes[1].received[PLANE_B] > 0;
}

/* Until it is so; the bound is for a machine under load. */
static void
run_until(bool (*so)(void))
{
    uint64_t end_ns = uv_hrtime() + 60 * NS_PER_S;

    while (!so()) {
        ck_assert_uint_lt(uv_hrtime(), end_ns);
        uv_run(&loop, UV_RUN_ONCE);
    }
}

static void
assert_passes(void)
{
    uint8_t bytes[PLAT_DATAGRAM_MAX];

    memset(bytes, 9, sizeof(bytes));
    memset(boxes[1].received, 0, sizeof(boxes[1].received));
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
        secure_send(boxes[0].secure, (enum plane)plane,
                    identity_key(boxes[1].identity), LANE_CONTROL, bytes,
                    sizeof(bytes));
    run_until(received);
    ck_assert_uint_eq(boxes[1].from, identity_key(boxes[0].identity));
}

START_TEST(three_boxes_on_two_planes)
{
    struct secure_counters counters;

    if (!make_network())
        return;
    for (unsigned i = 0; i < BOXES; i++)
        open_box(i, 1);
    run_until(mesh);
    assert_passes();
    secure_close(boxes[2].secure);
    boxes[2].secure = NULL;
    uv_run(&loop, UV_RUN_NOWAIT);
    open_box(2, 2);
    run_until(mesh);
    assert_passes();
    secure_counters(boxes[0].secure, &counters);
    ck_assert_uint_eq(counters.sent, 4);
    ck_assert_uint_eq(counters.handshakes, 6);
}
END_TEST

static bool
malformed(void)
{
    struct secure_counters counters;

    secure_counters(boxes[0].secure, &counters);
    return counters.malformed > 0;
}

/* A datagram that is not from the link: its hop limit says so. */
START_TEST(datagrams_from_afar_are_refused)
{
    struct link sender;
    char message[256];
    int hops = 64;

    if (!make_network())
        return;
    open_box(0, 1);
    ck_assert_int_eq(link_open("p01", SECURE_PORT_DEFAULT, &sender,
                               (struct message){message, sizeof(message)}),
                     0);
    ck_assert_int_eq(setsockopt(sender.unicast, IPPROTO_IPV6,
                                IPV6_MULTICAST_HOPS, &hops, sizeof(hops)),
                     0);
    ck_assert(link_send(&sender, SECURE_PORT_DEFAULT, NULL, LANE_CONTROL,
                        "\x53\x01", 2));
    run_until(malformed);
    close(sender.unicast);
    close(sender.group);
}
END_TEST

START_TEST(missing_interface_is_named)
{
    char message[256];
    struct secure *secure;
    struct secure_options options = {.loop = &loop,
                                     .identity = boxes[0].identity,
                                     .interfaces = {"nowhere0", NULL},
                                     .datagram = on_datagram,
                                     .log = on_log};

    ck_assert_int_eq(secure_open(&options, &secure, message, sizeof(message)),
                     ERR_NOENT);
    ck_assert_ptr_nonnull(strstr(message, "nowhere0"));
    options.interfaces[0] = NULL;
    ck_assert_int_eq(secure_open(&options, &secure, message, sizeof(message)),
                     ERR_INVALID);
}
END_TEST

static unsigned joined;

static void
on_joined(void *arg, int error)
{
    (void)arg;
    ck_assert_int_eq(error, 0);
    joined++;
}

static bool
has_joined(void)
{
    return joined > 0;
}

START_TEST(box_joins_by_voucher)
{
    char directory[128], voucher[ENROLL_VOUCHER_MAX], message[256];
    struct enroll_server_options server_options = {.loop = &loop,
                                                   .authority = root,
                                                   .interfaces = {"p00"},
                                                   .days = 1,
                                                   .log = on_log};
    struct enroll_client_options client_options = {.loop = &loop,
                                                   .directory = directory,
                                                   .serial = "NEW",
                                                   .role = ROLE_NCP,
                                                   .voucher = voucher,
                                                   .interfaces = {"p01"},
                                                   .done = on_joined,
                                                   .log = on_log};
    struct identity_request request = {root, directory, "CTL", ROLE_NCC, 10};
    struct identity *controller, *identity;
    struct enroll_server *server;
    struct enroll_client *client;

    if (!make_network())
        return;
    snprintf(directory, sizeof(directory), "%s/ctl", root);
    ck_assert_int_eq(identity_issue(&request, NULL, message, sizeof(message)),
                     0);
    ck_assert_int_eq(
        identity_load(directory, &controller, message, sizeof(message)), 0);
    server_options.identity = controller;
    ck_assert_int_eq(enroll_voucher_make(root, "NEW", ROLE_NCP, 1, voucher,
                                         message, sizeof(message)),
                     0);
    ck_assert_int_eq(
        enroll_server_open(&server_options, &server, message, sizeof(message)),
        0);
    snprintf(directory, sizeof(directory), "%s/new", root);
    ck_assert_int_eq(
        enroll_client_open(&client_options, &client, message, sizeof(message)),
        0);
    run_until(has_joined);
    enroll_client_close(client);
    enroll_server_close(server);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(
        identity_load(directory, &identity, message, sizeof(message)), 0);
    identity_destroy(identity);
    identity_destroy(controller);
}
END_TEST

Suite *
net_suite(void)
{
    Suite *suite = suite_create("net");
    TCase *tests = tcase_create("net");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, three_boxes_on_two_planes);
    tcase_add_test(tests, datagrams_from_afar_are_refused);
    tcase_add_test(tests, box_joins_by_voucher);
    tcase_add_test(tests, missing_interface_is_named);
    suite_add_tcase(suite, tests);
    return suite;
}
