/* SPDX-License-Identifier: Apache-2.0
 *
 * Captures made here byte by byte, good and bad, and cut everywhere.
 */
#include "models/capture/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/capture/capture_test.h"

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define ETHERNET 1u

struct bytes {
    uint8_t at[32768];
    size_t count;
    bool big;
};

static void
put(struct bytes *bytes, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes->at[bytes->count++] =
            (uint8_t)(value >> 8 * (bytes->big ? size - 1 - i : i));
}

static void
put_header(struct bytes *bytes, uint32_t magic, uint32_t link)
{
    put(bytes, magic, 4);
    put(bytes, 2, 2);
    put(bytes, 4, 2);
    put(bytes, 0, 4);
    put(bytes, 0, 4);
    put(bytes, 65535, 4);
    put(bytes, link, 4);
}

/* A packet of 'length' bytes, of which 20 were captured. */
static void
put_packet(struct bytes *bytes, uint32_t s, uint32_t fraction, uint32_t length)
{
    uint32_t captured = length < 20 ? length : 20;

    put(bytes, s, 4);
    put(bytes, fraction, 4);
    put(bytes, captured, 4);
    put(bytes, length, 4);
    memset(bytes->at + bytes->count, 0x55, captured);
    bytes->count += captured;
}

static void
save(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
    ck_assert_int_eq(fclose(file), 0);
}

static int
load(const struct bytes *bytes, struct traffic_replay *replay,
     char message[512])
{
    char path[64];
    char whole[512] = "";

    save(test_path(path), bytes->at, bytes->count);
    int err = capture_replay_load(path, replay, whole, sizeof(whole));
    test_remove(path);
    /* The name of the file stands before what is wrong. */
    if (err != 0) {
        ck_assert_int_eq(strncmp(whole, path, strlen(path)), 0);
        ck_assert_int_eq(strncmp(whole + strlen(path), ": ", 2), 0);
        strcpy(message, whole + strlen(path) + 2);
    }
    return err;
}

static void
refused(const struct bytes *bytes, int err, const char *why)
{
    struct traffic_replay replay = {0};
    char message[512] = "";

    ck_assert_int_eq(load(bytes, &replay, message), err);
    ck_assert_str_eq(message, why);
    ck_assert_uint_eq(replay.count, 0);
}

START_TEST(sizes_and_gaps)
{
    for (unsigned i = 0; i < 4; i++) {
        bool ns = i % 2 != 0;
        struct bytes bytes = {.big = i >= 2};
        struct traffic_replay replay;
        char message[512] = "";
        uint64_t unit_ps = ns ? 1000 : 1000000;

        put_header(&bytes, ns ? MAGIC_NS : MAGIC_US, ETHERNET);
        put_packet(&bytes, 1700000000, 999990, 60);
        put_packet(&bytes, 1700000000, 999999, 1514);
        put_packet(&bytes, 1700000001, 5, 9212);
        put_packet(&bytes, 1700000001, 5, 14); /* not yet padded */
        ck_assert_msg(load(&bytes, &replay, message) == 0, "%s", message);
        ck_assert_uint_eq(replay.count, 4);
        ck_assert_uint_eq(replay.gap_ps[0], 0);
        ck_assert_uint_eq(replay.gap_ps[1], 9 * unit_ps);
        ck_assert_uint_eq(replay.gap_ps[2],
                          UINT64_C(1000000000000) - 999994 * unit_ps);
        ck_assert_uint_eq(replay.gap_ps[3], 0);
        ck_assert_uint_eq(replay.bytes[0], 64);
        ck_assert_uint_eq(replay.bytes[1], 1518);
        ck_assert_uint_eq(replay.bytes[2], 9216);
        ck_assert_uint_eq(replay.bytes[3], 64);
        capture_replay_free(&replay);
        ck_assert_uint_eq(replay.count, 0);
        capture_replay_free(&replay);
    }
}
END_TEST

/* 10, 4, 7, 12: what came too early counts as the same instant. */
START_TEST(stamps_out_of_order)
{
    struct bytes bytes = {.count = 0};
    struct traffic_replay replay;
    char message[512] = "";

    put_header(&bytes, MAGIC_NS, ETHERNET);
    put_packet(&bytes, 1, 10, 60);
    put_packet(&bytes, 1, 4, 60);
    put_packet(&bytes, 1, 7, 60);
    put_packet(&bytes, 1, 12, 60);
    ck_assert_msg(load(&bytes, &replay, message) == 0, "%s", message);
    ck_assert_uint_eq(replay.gap_ps[1], 0);
    ck_assert_uint_eq(replay.gap_ps[2], 0);
    ck_assert_uint_eq(replay.gap_ps[3], 2000);
    capture_replay_free(&replay);
}
END_TEST

START_TEST(many_packets)
{
    char path[64];
    char message[256] = "";
    struct traffic_replay replay;

    test_write_capture(test_path(path), 90);
    ck_assert_int_eq(
        capture_replay_load(path, &replay, message, sizeof(message)), 0);
    test_remove(path);
    ck_assert_uint_eq(replay.count, 90);
    for (unsigned n = 0; n < 90; n++) {
        uint64_t gap_ns = n * UINT64_C(1500001) / 1000 -
                          (n > 0 ? (n - 1) * UINT64_C(1500001) / 1000 : 0);

        ck_assert_uint_eq(replay.bytes[n], 64 + n * 97);
        ck_assert_uint_eq(replay.gap_ps[n], gap_ns * 1000);
    }
    capture_replay_free(&replay);
}
END_TEST

START_TEST(more_than_the_first_room)
{
    char message[512] = "";
    struct traffic_replay replay;
    struct bytes *bytes = calloc(1, sizeof(*bytes));
    const unsigned packets = 1900;

    put_header(bytes, MAGIC_NS, ETHERNET);
    for (unsigned n = 0; n < packets; n++)
        put_packet(bytes, 1, n, 1);
    ck_assert_msg(load(bytes, &replay, message) == 0, "%s", message);
    ck_assert_uint_eq(replay.count, packets);
    for (unsigned n = 1; n < packets; n++)
        ck_assert_uint_eq(replay.gap_ps[n], 1000);
    capture_replay_free(&replay);
    free(bytes);
}
END_TEST

START_TEST(no_file)
{
    struct traffic_replay replay;
    char message[128];

    ck_assert_int_eq(capture_replay_load("/nonexistent/a.pcap", &replay,
                                         message, sizeof(message)),
                     ERR_NOENT);
    ck_assert_str_eq(message, "/nonexistent/a.pcap: No such file or "
                              "directory");
    ck_assert_int_eq(
        capture_replay_load("/tmp", &replay, message, sizeof(message)),
        ERR_IO);
    ck_assert_str_eq(message, "/tmp: Is a directory");
}
END_TEST

START_TEST(bad_files)
{
    struct bytes bytes = {.count = 0};

    refused(&bytes, ERR_INVALID, "the file is empty");
    put(&bytes, 0x74786574, 4);
    refused(&bytes, ERR_MALFORMED, "unknown file format");
    bytes.count = 0;
    put_header(&bytes, MAGIC_US, ETHERNET);
    refused(&bytes, ERR_INVALID, "no packets");
    bytes.count = 10;
    refused(&bytes, ERR_MALFORMED,
            "truncated dump file; tried to read 24 file header bytes, only "
            "got 6"); /* behind the magic number */
    bytes.count = 0;
    put_header(&bytes, MAGIC_US, 105);
    put_packet(&bytes, 1, 1, 60);
    refused(&bytes, ERR_UNSUPPORTED,
            "link type 105 (IEEE802_11) is not Ethernet");
    bytes.count = 0;
    put_header(&bytes, MAGIC_US, 5000);
    refused(&bytes, ERR_UNSUPPORTED,
            "link type 5000 (unknown) is not Ethernet");
}
END_TEST

START_TEST(bad_packets)
{
    struct bytes bytes = {.count = 0};
    size_t begin;

    put_header(&bytes, MAGIC_NS, ETHERNET);
    put_packet(&bytes, 1, 10, 60);
    begin = bytes.count;
    put_packet(&bytes, 1, 20, 60);
    bytes.count -= 5;
    refused(&bytes, ERR_TRUNCATED,
            "packet 2: truncated dump file; tried to read 20 captured bytes, "
            "only got 15");
    bytes.count = begin;
    put_packet(&bytes, 1, 20, 0);
    refused(&bytes, ERR_MALFORMED, "packet 2 has no bytes");
    bytes.count = begin;
    put_packet(&bytes, 1, 20, 9213);
    refused(&bytes, ERR_RANGE,
            "packet 2 has 9213 bytes, more than 9212 and its FCS");
    bytes.count = begin;
    put_packet(&bytes, 1, 1000000000, 60);
    refused(&bytes, ERR_RANGE,
            "packet 2: its stamp, 1 s and 1000000000 ns, is no time");
    bytes.count = begin;
    put_packet(&bytes, 100 * 86400 + 2, 0, 60);
    refused(&bytes, ERR_RANGE,
            "packet 2 is more than 100 days after the one before it");
}
END_TEST

/* An error with a sentence, or fewer packets; never anything else. */
static void
cut_everywhere(const uint8_t *bytes, size_t count, size_t packets)
{
    char path[64];
    size_t before = 0;

    test_path(path);
    for (size_t cut = 0; cut <= count; cut++) {
        struct traffic_replay replay = {0};
        char message[512] = "";

        save(path, bytes, cut);
        int err = capture_replay_load(path, &replay, message, sizeof(message));
        if (err == 0) {
            ck_assert_uint_ge(replay.count, before);
            before = replay.count;
            capture_replay_free(&replay);
        } else {
            ck_assert_ptr_null(replay.bytes);
            ck_assert_uint_gt(strlen(message), strlen(path) + 2);
        }
    }
    ck_assert_uint_eq(before, packets);
    test_remove(path);
}

START_TEST(cut_pcap)
{
    struct bytes bytes = {.count = 0};

    put_header(&bytes, MAGIC_NS, ETHERNET);
    for (unsigned n = 0; n < 10; n++)
        put_packet(&bytes, 1, n, 60 + n);
    cut_everywhere(bytes.at, bytes.count, 10);
}
END_TEST

START_TEST(cut_pcapng)
{
    char path[64];
    uint8_t bytes[8192];

    test_write_capture(test_path(path), 10);
    FILE *file = fopen(path, "rb");
    size_t count = fread(bytes, 1, sizeof(bytes), file);

    fclose(file);
    test_remove(path);
    cut_everywhere(bytes, count, 10);
}
END_TEST

/* Each bit of a short file turned over. */
START_TEST(turned_bits)
{
    char path[64];
    uint8_t bytes[4096];

    test_write_capture(test_path(path), 3);
    FILE *file = fopen(path, "rb");
    size_t count = fread(bytes, 1, sizeof(bytes), file);

    fclose(file);
    for (size_t bit = 0; bit < count * 8; bit++) {
        struct traffic_replay replay = {0};
        char message[512] = "";

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        save(path, bytes, count);
        if (capture_replay_load(path, &replay, message, sizeof(message)) == 0)
            capture_replay_free(&replay);
        else if (message[0] == '\0')
            ck_abort_msg("bit %zu gives no sentence", bit);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    test_remove(path);
}
END_TEST

Suite *
replay_suite(void)
{
    Suite *suite = suite_create("replay");
    TCase *tcase = tcase_create("replay");

    tcase_add_test(tcase, sizes_and_gaps);
    tcase_add_test(tcase, stamps_out_of_order);
    tcase_add_test(tcase, many_packets);
    tcase_add_test(tcase, more_than_the_first_room);
    tcase_add_test(tcase, no_file);
    tcase_add_test(tcase, bad_files);
    tcase_add_test(tcase, bad_packets);
    tcase_add_test(tcase, cut_pcap);
    tcase_add_test(tcase, cut_pcapng);
    tcase_add_test(tcase, turned_bits);
    suite_add_tcase(suite, tcase);
    return suite;
}
