/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE
#include "models/capture/capture.h"

#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "models/capture/capture_test.h"

#define EPOCH_NS (UINT64_C(1792580400) * 1000000000u)

struct capture_packet
test_packet(uint8_t family, uint16_t bytes)
{
    struct capture_packet packet = {.at_ps = 1234567,
                                    .family = family,
                                    .ttl = 62,
                                    .traffic_class = 5,
                                    .source_port = 49152,
                                    .destination_port = 9,
                                    .bytes = bytes,
                                    .number = 0x0102030405060708,
                                    .due_ps = 1000000};
    static const uint8_t here[4] = {10, 0, 0, 1};
    static const uint8_t there[4] = {10, 0, 1, 2};
    static const uint8_t here6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    static const uint8_t there6[16] = {0x20, 0x01, 0x0d, 0xb8, 1, [15] = 2};

    memcpy(packet.source, family == 4 ? here : here6, family == 4 ? 4 : 16);
    memcpy(packet.destination, family == 4 ? there : there6,
           family == 4 ? 4 : 16);
    return packet;
}

const char *
test_path(char path[64])
{
    snprintf(path, 64, "/tmp/sixnines-capture-XXXXXX");
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    return path;
}

void
test_remove(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
}

void
test_write_capture(const char *path, unsigned packets)
{
    struct capture *capture;
    char message[256] = "";
    unsigned port[2];

    ck_assert_msg(capture_create(path, EPOCH_NS, &capture, message,
                                 sizeof(message)) == 0,
                  "%s", message);
    ck_assert_int_eq(capture_interface(capture, "ncp-0/eth-0/0/0",
                                       UINT64_C(400000000000), &port[0]),
                     0);
    ck_assert_int_eq(capture_interface(capture, "ncp-1/eth-0/0/7",
                                       UINT64_C(100000000000), &port[1]),
                     0);
    for (unsigned n = 0; n < packets; n++) {
        struct capture_packet packet =
            test_packet(n % 3 == 2 ? 6 : 4, (uint16_t)(64 + n * 97));

        packet.number = n;
        packet.at_ps = n * UINT64_C(1500001);
        ck_assert_int_eq(capture_write(capture, port[n % 2], &packet,
                                       n % 2 == 0 ? "in" : "out"),
                         0);
    }
    ck_assert_int_eq(capture_close(capture), 0);
}

static uint32_t
get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* RFC 1071: a right checksum makes the sum of all words 0xffff. */
static uint32_t
sum(const uint8_t *at, size_t bytes, uint32_t from)
{
    for (size_t i = 0; i < bytes; i++)
        from += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
    while (from >> 16 != 0)
        from = (from & 0xffff) + (from >> 16);
    return from;
}

START_TEST(ipv4_frames)
{
    for (uint16_t bytes = 64; bytes <= 9216; bytes += 13) {
        struct capture_packet packet = test_packet(4, bytes);
        uint8_t frame[9216];
        size_t count;

        packet.number = bytes * UINT64_C(0x9e3779b97f4a7c15);
        count = capture_frame(&packet, frame, sizeof(frame));
        ck_assert_uint_eq(count, bytes - 4u);
        ck_assert_uint_eq(get16(frame + 12), 0x0800);
        ck_assert_uint_eq(frame[14], 0x45);
        ck_assert_uint_eq(frame[15], 5 << 5);
        ck_assert_uint_eq(get16(frame + 16), count - 14);
        ck_assert_uint_eq(frame[22], 62);
        ck_assert_uint_eq(sum(frame + 14, 20, 0), 0xffff);
        ck_assert_uint_eq(get16(frame + 34), 49152);
        ck_assert_uint_eq(get16(frame + 36), 9);
        ck_assert_uint_eq(get16(frame + 38), count - 34);
        /* Addresses and everything from the UDP header on. */
        ck_assert_uint_eq(
            sum(frame + 26, count - 26, 17 + (uint32_t)count - 34), 0xffff);
    }
}
END_TEST

START_TEST(ipv6_frames)
{
    for (uint16_t bytes = 66; bytes <= 9216; bytes += 11) {
        struct capture_packet packet = test_packet(6, bytes);
        uint8_t frame[9216];
        size_t count = capture_frame(&packet, frame, sizeof(frame));

        ck_assert_uint_eq(count, bytes - 4u);
        ck_assert_uint_eq(get16(frame + 12), 0x86dd);
        ck_assert_uint_eq(get16(frame + 14), 0x6a00);
        ck_assert_uint_eq(get16(frame + 18), count - 54);
        ck_assert_uint_eq(frame[20], 17);
        ck_assert_uint_eq(frame[21], 62);
        ck_assert_uint_eq(
            sum(frame + 22, count - 22, 17 + (uint32_t)count - 54), 0xffff);
    }
}
END_TEST

/* 46 bytes behind the Ethernet header: IPv6 fits, UDP does not. */
START_TEST(smallest_ipv6_frame)
{
    struct capture_packet packet = test_packet(6, 64);
    uint8_t frame[128];

    ck_assert_uint_eq(capture_frame(&packet, frame, sizeof(frame)), 60);
    ck_assert_uint_eq(get16(frame + 18), 6);
    ck_assert_uint_eq(frame[20], 59);
}
END_TEST

START_TEST(frames_are_cut_to_the_room)
{
    struct capture_packet packet = test_packet(4, 1518);
    uint8_t whole[1518];
    uint8_t part[1518];

    ck_assert_uint_eq(capture_frame(&packet, whole, sizeof(whole)), 1514);
    for (size_t room = 0; room < 128; room++) {
        memset(part, 0xaa, sizeof(part));
        ck_assert_uint_eq(capture_frame(&packet, part, room), room);
        ck_assert_int_eq(memcmp(whole, part, room), 0);
        ck_assert_uint_eq(part[room], 0xaa);
    }
}
END_TEST

START_TEST(payload_is_number_and_due)
{
    static const uint8_t expected[] = {1, 2, 3, 4, 5,    6,    7,    8,
                                       0, 0, 0, 0, 0x00, 0x0f, 0x42, 0x40};
    struct capture_packet packet = test_packet(4, 64);
    uint8_t frame[60];

    ck_assert_uint_eq(capture_frame(&packet, frame, sizeof(frame)), 60);
    ck_assert_int_eq(memcmp(frame + 42, expected, sizeof(expected)), 0);
}
END_TEST

/* What libpcap finds in the file is what was written. */
START_TEST(round_trip)
{
    char path[64];
    char why[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    unsigned n = 0;

    test_write_capture(test_path(path), 30);
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(
        path, PCAP_TSTAMP_PRECISION_NANO, why);

    ck_assert_msg(pcap != NULL, "%s", why);
    ck_assert_int_eq(pcap_datalink(pcap), DLT_EN10MB);
    ck_assert_int_eq(pcap_snapshot(pcap), CAPTURE_SNAP);
    while (pcap_next_ex(pcap, &header, &data) == 1) {
        struct capture_packet packet =
            test_packet(n % 3 == 2 ? 6 : 4, (uint16_t)(64 + n * 97));
        uint8_t frame[CAPTURE_SNAP];
        uint64_t at_ns = n * UINT64_C(1500001) / 1000;

        packet.number = n;
        ck_assert_uint_eq(header->caplen,
                          capture_frame(&packet, frame, sizeof(frame)));
        ck_assert_uint_eq(header->len, 60 + n * 97);
        ck_assert_int_eq(memcmp(data, frame, header->caplen), 0);
        ck_assert_uint_eq((uint64_t)header->ts.tv_sec, EPOCH_NS / 1000000000u);
        ck_assert_uint_eq((uint64_t)header->ts.tv_usec, at_ns);
        n++;
    }
    ck_assert_uint_eq(n, 30);
    pcap_close(pcap);
    test_remove(path);
}
END_TEST

START_TEST(same_bytes_again)
{
    char path[2][64];
    char bytes[2][16384];
    size_t count[2];

    for (unsigned i = 0; i < 2; i++) {
        test_write_capture(test_path(path[i]), 20);
        FILE *file = fopen(path[i], "rb");

        count[i] = fread(bytes[i], 1, sizeof(bytes[i]), file);
        fclose(file);
        test_remove(path[i]);
    }
    ck_assert_uint_eq(count[0], count[1]);
    ck_assert_uint_gt(count[0], 1000);
    ck_assert_int_eq(memcmp(bytes[0], bytes[1], count[0]), 0);
}
END_TEST

START_TEST(names_of_interfaces)
{
    char path[64];
    char name[257];
    char message[256];
    struct capture *capture;
    unsigned number = 77;

    memset(name, 'x', 256);
    name[256] = '\0';
    ck_assert_int_eq(
        capture_create(test_path(path), 0, &capture, message, sizeof(message)),
        0);
    ck_assert_int_eq(capture_interface(capture, name, 1, &number),
                     ERR_INVALID);
    ck_assert_int_eq(capture_interface(capture, "", 1, &number), ERR_INVALID);
    ck_assert_uint_eq(number, 77);
    ck_assert_int_eq(capture_interface(capture, name + 1, 1, &number), 0);
    ck_assert_uint_eq(number, 0);
    ck_assert_int_eq(capture_close(capture), 0);
    ck_assert_int_eq(capture_close(NULL), 0);
    test_remove(path);
}
END_TEST

START_TEST(where_nothing_can_be_written)
{
    char message[256] = "";
    struct capture *capture = NULL;

    ck_assert_int_eq(capture_create("/nonexistent/x.pcapng", 0, &capture,
                                    message, sizeof(message)),
                     ERR_IO);
    ck_assert_str_eq(message,
                     "/nonexistent/x.pcapng: No such file or directory");
    ck_assert_int_eq(
        capture_create("/dev/full", 0, &capture, message, sizeof(message)),
        ERR_NOSPACE);
    ck_assert_str_eq(message, "/dev/full: no space left on the device");
    ck_assert_ptr_null(capture);
}
END_TEST

/* The file may not grow on: the first error stays until it is closed. */
START_TEST(a_file_that_may_not_grow)
{
    const struct rlimit limit = {10000, 10000};
    char path[64];
    char message[256];
    struct capture *capture;
    struct capture_packet packet = test_packet(4, 1518);
    unsigned number;
    int err = 0;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(
        capture_create(test_path(path), 0, &capture, message, sizeof(message)),
        0);
    ck_assert_int_eq(capture_interface(capture, "p", 1, &number), 0);
    for (unsigned n = 0; n < 1000 && err == 0; n++)
        err = capture_write(capture, number, &packet, "in");
    ck_assert_int_eq(err, ERR_IO);
    ck_assert_int_eq(capture_interface(capture, "q", 1, &number), ERR_IO);
    ck_assert_int_eq(capture_close(capture), ERR_IO);
    test_remove(path);
}
END_TEST

static bool
matches(const char *expression, const struct capture_packet *packet)
{
    struct capture_filter *filter;
    char message[256] = "";
    uint8_t frame[CAPTURE_SNAP];
    size_t count = capture_frame(packet, frame, sizeof(frame));

    ck_assert_msg(capture_filter_create(expression, &filter, message,
                                        sizeof(message)) == 0,
                  "%s", message);
    bool match =
        capture_filter_match(filter, frame, count, packet->bytes - 4u);

    capture_filter_destroy(filter);
    return match;
}

START_TEST(filters)
{
    static const char *const yes[] = {
        NULL,           "",
        "ip",           "udp",
        "udp port 9",   "src host 10.0.0.1 and dst net 10.0.1.0/24",
        "greater 1514", "ip[8] == 62",
        "not tcp",      "ip[1] & 0xe0 == 0xa0",
    };
    static const char *const no[] = {
        "ip6",         "tcp",
        "udp port 10", "src host 10.0.1.2",
        "less 1513",   "vlan",
        "ip[8] == 63", "ether[1400] == 0" /* was not captured */,
    };
    struct capture_packet packet = test_packet(4, 1518);

    for (size_t i = 0; i < ARRAY_COUNT(yes); i++)
        ck_assert_msg(matches(yes[i], &packet), "%s", yes[i]);
    for (size_t i = 0; i < ARRAY_COUNT(no); i++)
        ck_assert_msg(!matches(no[i], &packet), "%s", no[i]);
    packet = test_packet(6, 200);
    ck_assert(matches("ip6 and udp dst port 9", &packet));
    ck_assert(matches("dst host 2001:db8:100::2", &packet));
    ck_assert(!matches("ip", &packet));
}
END_TEST

START_TEST(filters_that_do_not_compile)
{
    static const char *const bad[] = {
        "udp port", "nonsense and", "ip proto 300x", "port 70000",
        "ip[",      "\xff\xfe",     "((((("};
    struct capture_filter *filter = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        char message[256] = "";
        char begin[64];

        ck_assert_int_eq(
            capture_filter_create(bad[i], &filter, message, sizeof(message)),
            ERR_INVALID);
        snprintf(begin, sizeof(begin), "filter \"%s\": ", bad[i]);
        ck_assert_int_eq(strncmp(message, begin, strlen(begin)), 0);
        ck_assert_uint_gt(strlen(message), strlen(begin));
        ck_assert_ptr_null(filter);
    }
    capture_filter_destroy(NULL);
}
END_TEST

static Suite *
capture_suite(void)
{
    Suite *suite = suite_create("capture");
    TCase *tcase = tcase_create("frames");

    tcase_add_test(tcase, ipv4_frames);
    tcase_add_test(tcase, ipv6_frames);
    tcase_add_test(tcase, smallest_ipv6_frame);
    tcase_add_test(tcase, frames_are_cut_to_the_room);
    tcase_add_test(tcase, payload_is_number_and_due);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("files");
    tcase_add_test(tcase, round_trip);
    tcase_add_test(tcase, same_bytes_again);
    tcase_add_test(tcase, names_of_interfaces);
    tcase_add_test(tcase, where_nothing_can_be_written);
    tcase_add_test(tcase, a_file_that_may_not_grow);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("filters");
    tcase_add_test(tcase, filters);
    tcase_add_test(tcase, filters_that_do_not_compile);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(capture_suite());

    srunner_add_suite(runner, replay_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
