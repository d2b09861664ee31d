/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables and completions on any machine; ports over a veth pair in a network
 * namespace of the test's own, which ends with its process.
 */
#include "reference-nos/linux/ports/ports.h"

#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "reference-nos/linux/ports/ports_priv.h"

#define SKIPPED 77
#define PATIENCE_MS 20000 /* only a failing test waits so long */
#define PORTS 2u

struct rig {
    uv_loop_t loop;
    uv_timer_t patience;
    struct ports *ports;
    bool impatient;
    bool close_in_packet;
    unsigned downs[PORTS], ups[PORTS], packets[PORTS];
    uint8_t bytes[PLAT_PACKET_MAX];
    size_t size;
    uint64_t tokens[PORTS_WRITES_MAX];
    unsigned done, written;
    bool written_first;
};

static struct rig rig;

static void
on_packet(void *arg, unsigned port, const void *bytes, size_t size)
{
    ck_assert_ptr_eq(arg, &rig);
    ck_assert_uint_lt(port, PORTS);
    rig.packets[port]++;
    memcpy(rig.bytes, bytes, size);
    rig.size = size;
    if (rig.close_in_packet)
        ports_close(rig.ports);
}

static void
on_changed(void *arg, const struct fwd_change *change)
{
    ck_assert_ptr_eq(arg, &rig);
    if (change->kind == FWD_DONE) {
        ck_assert_int_eq(change->status, 0);
        rig.written_first = rig.written == rig.done + 1;
        rig.tokens[rig.done++] = change->token;
        return;
    }
    ck_assert_uint_lt(change->port, PORTS);
    if (change->up)
        rig.ups[change->port]++;
    else
        rig.downs[change->port]++;
}

static void
on_written(void *arg, const struct fwd_entry *entries, size_t count)
{
    (void)arg;
    (void)entries;
    (void)count;
    rig.written++;
}

static void
on_patience(uv_timer_t *timer)
{
    (void)timer;
    rig.impatient = true;
}

static struct ports_options
options_make(const char *prefix)
{
    return (struct ports_options){.loop = &rig.loop,
                                  .prefix = prefix,
                                  .count = PORTS,
                                  .front = 40,
                                  .packet = on_packet,
                                  .changed = on_changed,
                                  .written = on_written,
                                  .arg = &rig};
}

static void
rig_start(void)
{
    memset(&rig, 0, sizeof(rig));
    ck_assert_int_eq(uv_loop_init(&rig.loop), 0);
    uv_timer_init(&rig.loop, &rig.patience);
    uv_timer_start(&rig.patience, on_patience, PATIENCE_MS, 0);
}

static void
rig_open(const char *prefix)
{
    struct ports_options options = options_make(prefix);
    char message[200] = "";

    ck_assert_msg(ports_open(&options, &rig.ports, message, sizeof(message)) ==
                      0,
                  "%s", message);
}

static void
rig_stop(void)
{
    ports_close(rig.ports);
    uv_close((uv_handle_t *)&rig.patience, NULL);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&rig.loop), 0);
}

#define RUN_UNTIL(condition)                                                  \
    do {                                                                      \
        while (!(condition)) {                                                \
            uv_run(&rig.loop, UV_RUN_ONCE);                                   \
            ck_assert_msg(!rig.impatient, "waited too long: " #condition);    \
        }                                                                     \
    } while (0)

/* ---- tables ---- */

START_TEST(writes_complete_in_order_from_the_loop)
{
    struct fwd_entry entries[3] = {{.object = FWD_REACH, .id = 7, .value = 5},
                                   {.object = FWD_FRONT, .id = 39, .value = 1},
                                   {.object = FWD_BOX, .arg = 12, .value = 1}};
    struct fwd_entry seen[4];
    size_t count;

    rig_open(NULL);
    ck_assert_int_eq(ports_bulk_set(rig.ports, entries, 3, 100), 0);
    ck_assert_int_eq(ports_bulk_set(rig.ports, entries, 1, 101), 0);
    entries[0].value = 0;
    ck_assert_int_eq(ports_bulk_set(rig.ports, entries, 0, 102), 0);
    ck_assert_int_eq(ports_dump(rig.ports, seen, 4, &count), 0);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(rig.done, 0);
    RUN_UNTIL(rig.done == 3);
    ck_assert(rig.written_first);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(rig.tokens[i], 100 + i);
    ck_assert_int_eq(ports_dump(rig.ports, seen, 4, &count), 0);
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(seen[0].object, FWD_BOX);
    ck_assert_uint_eq(seen[0].arg, 12);
    ck_assert_int_eq(seen[1].object, FWD_REACH);
    ck_assert_uint_eq(seen[1].value, 5);
    ck_assert_int_eq(seen[2].object, FWD_FRONT);
    ck_assert_int_eq(ports_dump(rig.ports, seen, 1, &count), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(seen[0].object, FWD_BOX);
}
END_TEST

START_TEST(wrong_entries_are_refused_whole)
{
    struct fwd_entry entries[2] = {{.object = FWD_FRONT, .id = 1, .value = 1}};
    const struct fwd_entry wrong[] = {
        {.object = FWD_FRONT, .id = 40, .value = 1},
        {.object = FWD_REACH, .id = FWD_MODULES_MAX, .value = 1},
        {.object = FWD_BOX, .arg = FWD_MODULES_MAX, .value = 1},
        {.object = FWD_BOX, .id = 1, .value = 1},
        {.object = (enum fwd_object)17}};
    struct fwd_entry seen[4];
    size_t count;

    rig_open(NULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        entries[1] = wrong[i];
        ck_assert_int_eq(ports_bulk_set(rig.ports, entries, 2, 1), ERR_RANGE);
    }
    ck_assert_int_eq(ports_bulk_set(rig.ports, entries, SIZE_MAX / 32, 1),
                     ERR_RANGE);
    ck_assert_int_eq(ports_bulk_set(rig.ports, entries, 1, 2), 0);
    RUN_UNTIL(rig.done == 1);
    ck_assert_uint_eq(rig.tokens[0], 2);
    ck_assert_int_eq(ports_dump(rig.ports, seen, 4, &count), 0);
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(writes_that_wait_are_bounded)
{
    struct fwd_entry entry = {.object = FWD_BOX, .value = 1};

    rig_open(NULL);
    for (unsigned i = 0; i < PORTS_WRITES_MAX; i++)
        ck_assert_int_eq(ports_bulk_set(rig.ports, &entry, 1, i), 0);
    ck_assert_int_eq(ports_bulk_set(rig.ports, &entry, 1, 99), ERR_BUSY);
    RUN_UNTIL(rig.done == PORTS_WRITES_MAX);
    ck_assert_int_eq(ports_bulk_set(rig.ports, &entry, 1, 99), 0);
    /* Closed with a write under way: nothing is told any more. */
    ports_close(rig.ports);
    rig.ports = NULL;
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(rig.done, PORTS_WRITES_MAX);
}
END_TEST

START_TEST(a_box_without_fabric_has_no_ports)
{
    bool up = true;

    rig_open(NULL);
    ck_assert_int_eq(ports_link_up(rig.ports, 0, &up), ERR_NOENT);
    ports_packet_send(rig.ports, 0, "x", 1);
}
END_TEST

START_TEST(impossible_options_are_refused)
{
    struct ports_options options = options_make("an-endless-prefix");
    char message[200] = "";

    ck_assert_int_eq(
        ports_open(&options, &rig.ports, message, sizeof(message)), ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(message, "an-endless-prefix"));
    options = options_make("fab");
    options.count = FWD_FABRIC_PORTS_MAX + 1;
    ck_assert_int_eq(
        ports_open(&options, &rig.ports, message, sizeof(message)), ERR_RANGE);
    options = options_make(NULL);
    options.front = PORTS_FRONT_MAX + 1;
    ck_assert_int_eq(
        ports_open(&options, &rig.ports, message, sizeof(message)), ERR_RANGE);
    ck_assert_ptr_null(rig.ports);
}
END_TEST

/* ---- news of links, as bytes ---- */

struct heard {
    unsigned count;
    struct link_news last;
};

static bool
on_news(void *arg, const struct link_news *news)
{
    struct heard *heard = arg;

    heard->count++;
    heard->last = *news;
    return true;
}

struct new_link {
    struct nlmsghdr header;
    struct ifinfomsg info;
    struct rtattr state;
    uint8_t state_value, padding[3];
    struct rtattr name;
    char text[8];
};

static struct new_link
new_link_make(void)
{
    struct new_link link = {
        .header = {.nlmsg_len = sizeof(link), .nlmsg_type = RTM_NEWLINK},
        .info = {.ifi_index = 5,
                 .ifi_flags = IFF_UP | IFF_RUNNING | IFF_LOWER_UP},
        .state = {.rta_len = 5, .rta_type = IFLA_OPERSTATE},
        .state_value = IF_OPER_UP,
        .name = {.rta_len = 9, .rta_type = IFLA_IFNAME},
        .text = "fab1"};

    return link;
}

START_TEST(news_are_read)
{
    struct new_link link = new_link_make();
    struct heard heard = {0};

    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert_uint_eq(heard.count, 1);
    ck_assert_int_eq(heard.last.kind, LINK_NEWS_PRESENT);
    ck_assert_int_eq(heard.last.ifindex, 5);
    ck_assert_str_eq(heard.last.name, "fab1");
    ck_assert(heard.last.up);
    link.info.ifi_flags &= ~IFF_LOWER_UP;
    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert(!heard.last.up);
    link = new_link_make();
    link.state_value = IF_OPER_UNKNOWN;
    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert(!heard.last.up);
    link.header.nlmsg_type = RTM_DELLINK;
    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert_int_eq(heard.last.kind, LINK_NEWS_GONE);
    link.header.nlmsg_type = NLMSG_DONE;
    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert_uint_eq(heard.count, 4); /* another's answer */
    link.header.nlmsg_seq = 1;
    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert_int_eq(heard.last.kind, LINK_NEWS_DUMP_END);
    link.header.nlmsg_flags = NLM_F_DUMP_INTR;
    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert_uint_eq(heard.count, 7); /* torn, then ended */
    link.header.nlmsg_flags = 0;
    link.header.nlmsg_type = NLMSG_ERROR;
    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert_uint_eq(heard.count, 7); /* error 0 */
    link.info.ifi_type = 16;
    link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    ck_assert_int_eq(heard.last.kind, LINK_NEWS_DUMP_FAILED);
}
END_TEST

START_TEST(broken_news_are_no_news)
{
    struct heard heard = {0};

    for (size_t size = 0; size < sizeof(struct new_link); size++) {
        struct new_link link = new_link_make();

        link_news_parse(&link, size, 1, on_news, &heard);
    }
    for (unsigned length = 0; length < 64; length++) {
        struct new_link link = new_link_make();

        if (length != 9)
            link.name.rta_len = (unsigned short)length;
        else
            link.text[4] = 'x';
        /* The padding of the attribute ends strings of up to 7. */
        if (length >= 10 && length <= 12)
            continue;
        link_news_parse(&link, sizeof(link), 1, on_news, &heard);
    }
    ck_assert_uint_eq(heard.count, 0);
}
END_TEST

/* ---- ports ---- */

static void
ip(const char *words)
{
    char line[200];

    snprintf(line, sizeof(line), "ip %s", words);
    ck_assert_msg(system(line) == 0, "%s", line);
}

static void
flags_set(const char *name, bool up)
{
    struct ifreq request = {.ifr_flags = 0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    request.ifr_flags =
        (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
}

static bool
light(unsigned port)
{
    bool up = false;

    ck_assert_int_eq(ports_link_up(rig.ports, port, &up), 0);
    return up;
}

static struct ports_counts
counts(void)
{
    struct ports_counts now;

    ports_counts_get(rig.ports, &now);
    return now;
}

static void
namespace_start(void)
{
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    rig_start();
}

static void
pair_start(void)
{
    ip("link add fab0 type veth peer name fab1");
    flags_set("fab0", true);
    flags_set("fab1", true);
    rig_open("fab");
    RUN_UNTIL(light(0) && light(1));
}

START_TEST(packets_arrive_at_the_far_end)
{
    uint8_t packet[PLAT_PACKET_MAX];

    for (size_t i = 0; i < sizeof(packet); i++)
        packet[i] = (uint8_t)(i * 7);
    pair_start();
    ports_packet_send(rig.ports, 0, packet, sizeof(packet));
    RUN_UNTIL(rig.packets[1] == 1);
    ck_assert_uint_eq(rig.size, sizeof(packet));
    ck_assert_mem_eq(rig.bytes, packet, sizeof(packet));
    ports_packet_send(rig.ports, 1, packet + 3, 1);
    RUN_UNTIL(rig.packets[0] == 1);
    ck_assert_uint_eq(rig.size, 1);
    ck_assert_uint_eq(rig.bytes[0], packet[3]);
    ports_packet_send(rig.ports, PORTS, packet, 1);
    ck_assert_uint_eq(counts().sent, 2);
}
END_TEST

START_TEST(light_that_goes_and_comes_is_told)
{
    pair_start();
    rig.downs[0] = rig.downs[1] = rig.ups[0] = rig.ups[1] = 0;
    flags_set("fab0", false);
    RUN_UNTIL(rig.downs[0] == 1 && rig.downs[1] == 1);
    ck_assert(!light(0) && !light(1));
    ports_packet_send(rig.ports, 0, "x", 1);
    ck_assert_uint_eq(counts().send_dropped, 1);
    flags_set("fab0", true);
    RUN_UNTIL(rig.ups[0] == 1 && rig.ups[1] == 1);
    ports_packet_send(rig.ports, 0, "x", 1);
    RUN_UNTIL(rig.packets[1] == 1);
}
END_TEST

START_TEST(interfaces_vanish_and_come_back)
{
    rig_open("fab");
    ck_assert(!light(0) && !light(1));
    for (unsigned round = 1; round <= 3; round++) {
        ip("link add fab0 type veth peer name fab1");
        flags_set("fab0", true);
        flags_set("fab1", true);
        RUN_UNTIL(rig.ups[0] == round && rig.ups[1] == round);
        ports_packet_send(rig.ports, 1, "hello", 5);
        RUN_UNTIL(rig.packets[0] == round);
        ip("link del fab0");
        RUN_UNTIL(rig.downs[0] == round && rig.downs[1] == round);
    }
}
END_TEST

START_TEST(a_name_makes_a_port)
{
    pair_start();
    ip("link set fab0 down");
    ip("link set fab0 name other");
    ip("link set other up");
    RUN_UNTIL(rig.downs[0] >= 1 && light(1));
    ck_assert(!light(0));
    /* The socket still hears the interface, the port must not. */
    ports_packet_send(rig.ports, 1, "x", 1);
    RUN_UNTIL(counts().receive_dropped == 1);
    ck_assert_uint_eq(rig.packets[0], 0);
    ip("link set other down");
    ip("link set other name fab00");
    ip("link set fab00 name fab0");
    ip("link set fab0 up");
    RUN_UNTIL(light(0) && light(1));
    ports_packet_send(rig.ports, 1, "x", 1);
    RUN_UNTIL(rig.packets[0] == 1);
}
END_TEST

START_TEST(a_flood_is_dropped_not_kept)
{
    uint8_t packet[PLAT_PACKET_MAX] = {1};
    unsigned sent = 20000;

    pair_start();
    for (unsigned i = 0; i < sent; i++)
        ports_packet_send(rig.ports, 0, packet, sizeof(packet));
    /* What the socket kept is read; the rest is gone. */
    ports_packet_send(rig.ports, 1, packet, 2);
    RUN_UNTIL(rig.packets[0] == 1);
    for (unsigned i = 0; i < 1000; i++)
        uv_run(&rig.loop, UV_RUN_NOWAIT);
    ck_assert_uint_gt(rig.packets[1], 0);
    ck_assert_uint_lt(rig.packets[1], sent / 2);
    packet[0] = 9;
    rig.packets[1] = 0;
    ports_packet_send(rig.ports, 0, packet, 3);
    RUN_UNTIL(rig.packets[1] == 1);
    ck_assert_uint_eq(rig.size, 3);
}
END_TEST

START_TEST(lost_news_are_asked_anew)
{
    pair_start();
    for (unsigned i = 0; i < 2000; i++) {
        flags_set("fab1", false);
        flags_set("fab1", true);
    }
    flags_set("fab1", false);
    RUN_UNTIL(!light(0) && !light(1) && counts().resyncs > 0);
    flags_set("fab1", true);
    RUN_UNTIL(light(0) && light(1));
}
END_TEST

START_TEST(gone_while_news_were_lost)
{
    pair_start();
    for (unsigned i = 0; i < 2000; i++) {
        flags_set("fab1", false);
        flags_set("fab1", true);
    }
    ip("link del fab0");
    RUN_UNTIL(!light(0) && !light(1) && counts().resyncs > 0);
}
END_TEST

START_TEST(closed_from_inside)
{
    pair_start();
    rig.close_in_packet = true;
    ports_packet_send(rig.ports, 0, "x", 1);
    ports_packet_send(rig.ports, 0, "y", 1);
    RUN_UNTIL(rig.packets[1] == 1);
    rig.ports = NULL;
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(rig.packets[1], 1);
}
END_TEST

START_TEST(strange_frames_are_dropped)
{
    const char *frames[] = {"\1", "\2\1", "\0\5abc"};
    const size_t sizes[] = {1, 2, 5};
    struct rig *self = &rig;

    pair_start();
    for (unsigned i = 0; i < 3; i++) {
        struct port *port = &self->ports->ports[0];
        struct sockaddr_storage to = {0};
        /* As ports_packet_send() does, without the size. */
        struct {
            unsigned short family, protocol;
            int ifindex;
            unsigned short type;
            unsigned char kind, length, address[8];
        } link = {AF_PACKET,
                  (unsigned short)(PORTS_ETHERTYPE >> 8 |
                                   (PORTS_ETHERTYPE & 255) << 8),
                  port->ifindex,
                  0,
                  0,
                  6,
                  {255, 255, 255, 255, 255, 255}};

        memcpy(&to, &link, sizeof(link));
        ck_assert_int_eq(sendto(port->fd, frames[i], sizes[i], 0,
                                (struct sockaddr *)&to, sizeof(link)),
                         (int)sizes[i]);
    }
    RUN_UNTIL(counts().receive_dropped == 3);
    ck_assert_uint_eq(rig.packets[1], 0);
}
END_TEST

/* ---- */

static Suite *
tables_suite(void)
{
    Suite *suite = suite_create("ports: tables and news");
    TCase *tables = tcase_create("tables");

    tcase_add_checked_fixture(tables, rig_start, rig_stop);
    tcase_add_test(tables, writes_complete_in_order_from_the_loop);
    tcase_add_test(tables, wrong_entries_are_refused_whole);
    tcase_add_test(tables, writes_that_wait_are_bounded);
    tcase_add_test(tables, a_box_without_fabric_has_no_ports);
    tcase_add_test(tables, impossible_options_are_refused);
    tcase_add_test(tables, news_are_read);
    tcase_add_test(tables, broken_news_are_no_news);
    suite_add_tcase(suite, tables);
    return suite;
}

static Suite *
links_suite(void)
{
    Suite *suite = suite_create("ports: links");
    TCase *links = tcase_create("links");

    tcase_add_checked_fixture(links, namespace_start, rig_stop);
    tcase_add_test(links, packets_arrive_at_the_far_end);
    tcase_add_test(links, light_that_goes_and_comes_is_told);
    tcase_add_test(links, interfaces_vanish_and_come_back);
    tcase_add_test(links, a_name_makes_a_port);
    tcase_add_test(links, a_flood_is_dropped_not_kept);
    tcase_add_test(links, lost_news_are_asked_anew);
    tcase_add_test(links, gone_while_news_were_lost);
    tcase_add_test(links, closed_from_inside);
    tcase_add_test(links, strange_frames_are_dropped);
    suite_add_tcase(suite, links);
    return suite;
}

/* In a child, which takes its namespace along. */
static bool
namespaces_work(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(unshare(CLONE_NEWNET) == 0 &&
                      system("ip link add fab0 type veth peer name fab1") == 0
                  ? 0
                  : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int
main(void)
{
    SRunner *runner = srunner_create(tables_suite());
    bool links = namespaces_work();
    int failed;

    if (links)
        srunner_add_suite(runner, links_suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (failed == 0 && !links) {
        puts("INCONCLUSIVE: links not tested: no right to make a network "
             "namespace with a veth pair (root and iproute2 are needed)");
        return SKIPPED;
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
