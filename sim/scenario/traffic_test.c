/* SPDX-License-Identifier: Apache-2.0
 *
 * Traffic and captures: what is read, and what is refused where.
 */
#define _POSIX_C_SOURCE 200809L

#include "models/plane/plane.h"
#include "sim/scenario/scenario_test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lines 1-6; a block starts at line 7. */
#define HEAD                                                                  \
    "format: 1\nscenario: t\nabout: x\nends: 60s\n"                           \
    "cluster: { preset: ddc-small }\n"                                        \
    "traffic:\n"
#define BLOCK(block) HEAD "  - { name: a, " block " }\n"
#define GOOD "from: ncp-0/0..9, to: ncp-1/0..9, load: 50%"
#define CAPTURE(capture) BLOCK(GOOD) "capture:\n  - { " capture " }\n"

static struct reading reading;

static const struct scenario_traffic *
block_of(const char *text)
{
    reading_start(&reading, text, NULL);
    ck_assert_str_eq(reading.errors, "");
    ck_assert_uint_ge(reading.scenario->traffic_count, 1);
    return &reading.scenario->traffic[0];
}

START_TEST(defaults)
{
    const struct scenario_traffic *traffic =
        block_of(BLOCK("from: ncp-0..1/0..9, load: 50%"));

    ck_assert_str_eq(traffic->name, "a");
    ck_assert_int_eq(traffic->spec.pattern, TRAFFIC_UNIFORM);
    ck_assert_int_eq(traffic->spec.arrivals, TRAFFIC_POISSON);
    ck_assert_uint_eq(traffic->spec.load_ppm, 500000);
    ck_assert_uint_eq(traffic->spec.size_count, 3);
    ck_assert_uint_eq(traffic->spec.sizes[1].bytes, 594);
    ck_assert_uint_eq(traffic->spec.sizes[1].weight, 4);
    ck_assert_uint_eq(traffic->spec.flows, 1);
    ck_assert_uint_eq(traffic->after, SCENARIO_NO_EVENT);
    ck_assert_uint_eq(traffic->from.count, 1);
    ck_assert_uint_eq(traffic->from.items[0].last_box, 1);
    ck_assert_uint_eq(traffic->from.items[0].last_port, 9);
    /* The senders are the receivers. */
    ck_assert_uint_eq(traffic->to.items[0].last_box, 1);
    ck_assert_int_eq(reading.scenario->fidelity, FIDELITY_PACKETS);
    reading_end(&reading);
}
END_TEST

START_TEST(everything)
{
    const struct scenario_traffic *traffic = block_of(
        HEAD "  - name: b\n"
             "    pattern: hot-spot\n"
             "    hot-share: 30%\n"
             "    from: [ncp-0/*, \"ncp-1/3\"]\n"
             "    to: ncp-*/0..1\n"
             "    sizes: { 64: 1, 9216: 3 }\n"
             "    load: 12.5%\n"
             "    arrivals: on-off\n"
             "    burst: 20us\n"
             "    class: 7\n"
             "    flows: 8\n"
             "    at: 2us\n"
             "    after: pull\n"
             "    for: 10ms\n"
             "    packets: 1000\n"
             "fidelity: flows\n"
             "timeline:\n"
             "  - { at: 1s, fault: box.restart, target: ncf-0, name: pull }\n"
             "expect:\n"
             "  - { that: \"latency.p99.9999(b) < 20us and "
             "traffic.delivered(b) >= 99.9999%\" }\n"
             "  - { that: \"traffic.lost(no-route) == 0 and "
             "traffic.throughput > 1Tbps\" }\n");
    const struct scenario_expect *expects = reading.scenario->expects;

    ck_assert_int_eq(traffic->spec.pattern, TRAFFIC_HOT_SPOT);
    ck_assert_uint_eq(traffic->spec.hot_ppm, 300000);
    ck_assert_uint_eq(traffic->spec.load_ppm, 125000);
    ck_assert_int_eq(traffic->spec.arrivals, TRAFFIC_ON_OFF);
    ck_assert_uint_eq(traffic->spec.burst_ps, 20 * PS_PER_US);
    ck_assert_uint_eq(traffic->spec.traffic_class, 7);
    ck_assert_uint_eq(traffic->spec.flows, 8);
    ck_assert_uint_eq(traffic->spec.packets_max, 1000);
    ck_assert_uint_eq(traffic->spec.sizes[1].bytes, 9216);
    ck_assert_uint_eq(traffic->after, 0);
    ck_assert_uint_eq(traffic->at.ps, 2 * PS_PER_US);
    ck_assert_uint_eq(traffic->lasts.ps, 10 * PS_PER_MS);
    ck_assert_uint_eq(traffic->from.count, 2);
    ck_assert_uint_eq(traffic->from.items[0].last_port, UINT32_MAX);
    ck_assert_uint_eq(traffic->from.items[1].first_port, 3);
    ck_assert_uint_eq(traffic->to.items[0].last_box, 3);
    ck_assert_int_eq(reading.scenario->fidelity, FIDELITY_FLOWS);
    ck_assert_uint_eq(expects[0].expr.terms[0].ref.traffic, 0);
    ck_assert_uint_eq(expects[0].expr.terms[1].bound, 999999000);
    ck_assert_uint_eq(expects[1].expr.terms[0].ref.word, PLANE_DROP_NO_ROUTE);
    ck_assert_uint_eq(expects[1].expr.terms[1].bound, UINT64_C(1000000000000));
    reading_end(&reading);
}
END_TEST

START_TEST(captures)
{
    const struct scenario_capture *capture;

    reading_start(&reading,
                  CAPTURE("port: ncp-1/3, file: a.pcapng, filter: \"udp and "
                          "dst host 10.0.43.2\", direction: out"),
                  NULL);
    ck_assert_str_eq(reading.errors, "");
    capture = &reading.scenario->captures[0];
    ck_assert_uint_eq(capture->port.first_box, 1);
    ck_assert_uint_eq(capture->port.first_port, 3);
    ck_assert_str_eq(capture->file, "a.pcapng");
    ck_assert_int_eq(capture->direction, DIRECTION_OUT);
    reading_end(&reading);
}
END_TEST

/* Names of causes are those of the plane. */
START_TEST(drops_follow_the_plane)
{
    const char *const *words = metric_argument_words(ARGUMENT_DROP);
    unsigned i;

    for (i = 0; i < PLANE_DROP_COUNT; i++)
        ck_assert_str_eq(words[i], plane_drop_name((enum plane_drop)i));
    ck_assert_ptr_null(words[i]);
}
END_TEST

static const struct {
    const char *text;
    const char *expected;
} cases[] = {
    /* Load. */
    {BLOCK("from: ncp-0/0, to: ncp-1/0, load: 120%"),
     "s.yaml:7:50: error: \"120%\" is more than 100%"},
    {BLOCK("from: ncp-0/0, to: ncp-1/0, load: 0%"),
     "s.yaml:7:50: error: load must lie between 0.0001% and 100%"},
    {BLOCK("from: ncp-0/0, to: ncp-1/0"),
     "s.yaml:7:5: error: traffic lacks \"load\""},
    {BLOCK("from: ncp-0/0, to: ncp-1/0, load: 1%, arrivals: back-to-back, "
           "burst-frames: 3"),
     "s.yaml:7:50: error: \"load\" needs other arrivals than back-to-back or "
     "a file"},
    {BLOCK("from: ncp-0/0, to: ncp-1/0, arrivals: back-to-back"),
     "s.yaml:7:5: error: traffic lacks \"burst-frames\""},
    /* Ports. */
    {BLOCK("from: ncp-4/0, load: 1%"),
     "s.yaml:7:22: error: impossible ports: there is no ncp-4; they run from "
     "ncp-0 to ncp-3"},
    {BLOCK("from: ncf-0/0, load: 1%"),
     "s.yaml:7:22: error: \"ncf-0/0\" are no front ports; write them as "
     "ncp-0/3, ncp-0/0..9, ncp-0..3/0..9 or ncp-*/*"},
    {BLOCK("from: ncp-0, load: 1%"),
     "s.yaml:7:22: error: \"ncp-0\" are no front ports"},
    {BLOCK("from: ncp-0/9..0, load: 1%"),
     "s.yaml:7:22: error: ports 9..0 run backwards"},
    {BLOCK("from: ncp-0/1x, load: 1%"),
     "s.yaml:7:22: error: \"ncp-0/1x\" are no front ports"},
    {BLOCK("from: ncp-0/99999999999, load: 1%"),
     "s.yaml:7:22: error: \"ncp-0/99999999999\" are no front ports"},
    {BLOCK("from: [], load: 1%"),
     "s.yaml:7:22: error: 1 to 64 front ports or ranges"},
    {BLOCK("to: ncp-0/0, load: 1%"),
     "s.yaml:7:5: error: traffic lacks \"from\""},
    /* Sizes. */
    {BLOCK(GOOD ", sizes: 63"),
     "s.yaml:7:68: error: a frame must lie between 64 and 9216, not \"63\""},
    {BLOCK(GOOD ", sizes: jumbo"),
     "s.yaml:7:68: error: \"jumbo\" is not a count"},
    {BLOCK(GOOD ", sizes: { 64: 0 }"),
     "s.yaml:7:74: error: a weight must lie between 1 and 1000000"},
    {BLOCK(GOOD ", sizes: {}"), "s.yaml:7:68: error: 1 to 16 sizes"},
    /* Keys that belong to others. */
    {BLOCK(GOOD ", hot-share: 3%"),
     "s.yaml:7:72: error: \"hot-share\" needs pattern: hot-spot"},
    {BLOCK(GOOD ", pattern: hot-spot"),
     "s.yaml:7:5: error: traffic lacks \"hot-share\""},
    {BLOCK(GOOD ", burst: 3us"),
     "s.yaml:7:68: error: \"burst\" needs arrivals: on-off or heavy-tailed"},
    {BLOCK(GOOD ", burst-frames: 3"),
     "s.yaml:7:75: error: \"burst-frames\" needs arrivals: back-to-back or "
     "pattern: incast"},
    {BLOCK(GOOD ", pattern: incast, arrivals: poisson, burst-frames: 3"),
     "s.yaml:7:88: error: arrivals of pattern: incast are constant"},
    {BLOCK(GOOD ", loops: true"),
     "s.yaml:7:68: error: \"loops\" needs \"from-file\""},
    {BLOCK(GOOD ", class: 8"),
     "s.yaml:7:68: error: class must lie between 0 and 7, not \"8\""},
    {BLOCK(GOOD ", colour: red"),
     "s.yaml:7:61: error: unknown key \"colour\""},
    {BLOCK(GOOD ", pattern: ring"),
     "s.yaml:7:70: error: unknown pattern \"ring\"; expected one of uniform"},
    /* Times. */
    {BLOCK(GOOD ", at: 60s"),
     "s.yaml:7:65: error: this begins at 1m, not before the end of the "
     "scenario (ends: 1m)"},
    {BLOCK(GOOD ", after: pul"), "s.yaml:7:68: error: unknown event \"pul\""},
    {HEAD "  - { name: a, " GOOD ", after: pull, at: 31s }\n"
          "timeline:\n"
          "  - { at: 30s, fault: box.restart, target: ncf-0, name: pull }\n",
     "s.yaml:7:78: error: this begins at 61s, not before the end"},
    /* The list. */
    {HEAD "  - { name: a, " GOOD " }\n  - { name: a, " GOOD " }\n",
     "s.yaml:8:13: error: traffic \"a\" exists already, at line 7"},
    {"format: 1\nscenario: t\nabout: x\nends: 60s\n"
     "cluster: { preset: ddc-small }\ntraffic: { a: 1 }\n",
     "s.yaml:6:10: error: traffic must be a list, not a map"},
    {"format: 1\nscenario: t\nabout: x\nends: 60s\nbegins: power-on\n"
     "cluster: { preset: ddc-small }\n"
     "traffic: [{ name: a, from: ncp-0/0..1, load: 1% }]\n",
     "s.yaml:7:10: error: traffic needs begins: converged"},
    {"format: 1\nscenario: t\nabout: x\nends: 60s\n"
     "cluster: { preset: router }\n"
     "traffic: [{ name: a, from: ncp-0/0..1, load: 1% }]\n",
     "s.yaml:6:10: error: traffic needs a cluster with packet forwarders"},
    {BLOCK(GOOD) "timeline: [{ at: 1s, action: cable.swap, target: "
                 "[link=ncp-0/fab-0, link=ncp-1/fab-0] }]\n",
     "s.yaml:8:"},
    {BLOCK(GOOD) "timeline: [{ at: 1s, action: route.change, hops: 2 }]\n",
     "s.yaml:8:12: error: route.change needs traffic that is routed: true"},
    {BLOCK(GOOD ", routed: true") "timeline: [{ at: 1s, action: route.change, "
                                  "hops: 17 }]\n",
     "s.yaml:8:50: error: hops must lie between 1 and 16, not \"17\""},
    /* Searches. */
    {BLOCK(GOOD) "search: { traffic: b, sizes: [64] }\n",
     "s.yaml:8:20: error: unknown traffic \"b\"; expected a"},
    {BLOCK(GOOD) "search: { traffic: a, sizes: [63] }\n",
     "s.yaml:8:31: error: a frame must lie between 64 and 9216, not \"63\""},
    {BLOCK(GOOD) "search: { traffic: a, sizes: [] }\n",
     "s.yaml:8:30: error: 1 to 32 sizes"},
    {BLOCK(GOOD) "search: { traffic: a, sizes: [64], vary: burst }\n",
     "s.yaml:8:20: error: traffic \"a\" has no \"burst-frames\" to vary"},
    {BLOCK(GOOD) "search: { traffic: a, sizes: [64] }\n"
                 "expect: [{ that: \"search.throughput(65) > 1%\" }]\n",
     "s.yaml:9:37: error: no search tries frames of 65 bytes"},
    /* Metrics. */
    {BLOCK(GOOD) "expect: [{ that: \"latency.p50(b) < 1us\" }]\n",
     "s.yaml:8:31: error: unknown traffic \"b\"; expected a"},
    {BLOCK(GOOD) "expect: [{ that: \"latency.p99.99(a) == 1us\" }]\n",
     "s.yaml:8:37: error: a quantile compares by <, <=, > or >="},
    {BLOCK(GOOD) "expect: [{ that: \"traffic.lost(rain) == 0\" }]\n",
     "s.yaml:8:32: error: unknown cause of loss \"rain\"; expected one of "
     "port-down"},
    /* Captures. */
    {CAPTURE("port: ncp-0/0, file: a.pcapng, filter: \"udp and\""),
     "s.yaml:9:46: error: the filter does not compile: "},
    {CAPTURE("port: ncp-0/0..1, file: a.pcapng"),
     "s.yaml:9:13: error: a capture listens at one port"},
    {CAPTURE("port: ncp-9/0, file: a.pcapng"),
     "s.yaml:9:13: error: impossible ports: there is no ncp-9"},
    {CAPTURE("port: ncp-0/0, file: ../a.pcapng"),
     "s.yaml:9:28: error: \"../a.pcapng\" is not a name"},
    {CAPTURE("port: ncp-0/0"), "s.yaml:9:5: error: a capture lacks \"file\""},
    {BLOCK(GOOD) "capture:\n  - { port: ncp-0/0, file: a }\n"
                 "  - { port: ncp-0/1, file: a }\n",
     "s.yaml:10:28: error: file \"a\" is written already, at line 9"},
    {BLOCK(GOOD) "fidelity: flows\ncapture:\n  - { port: ncp-0/0, file: a }\n",
     "s.yaml:10:3: error: \"capture\" needs fidelity: packets"},
    {"format: 1\nscenario: t\nabout: x\nends: 60s\n"
     "cluster: { preset: ddc-small }\n"
     "capture:\n  - { port: ncp-0/0, file: a }\n",
     "s.yaml:7:3: error: \"capture\" needs \"traffic\""},
};

START_TEST(bad_traffic)
{
    size_t length = strlen(cases[_i].expected);

    reading_start(&reading, cases[_i].text, NULL);
    ck_assert_ptr_null(reading.scenario);
    if (strncmp(reading.errors, cases[_i].expected, length) != 0)
        ck_assert_str_eq(reading.errors, cases[_i].expected);
    ck_assert_ptr_null(strchr(reading.errors + length, '\n'));
    reading_end(&reading);
}
END_TEST

/* ---- files ---- */

static char path[] = "/tmp/sixnines-traffic-XXXXXX";

static void
setup(void)
{
    strcpy(path + sizeof(path) - 7, "XXXXXX");
    close(mkstemp(path));
}

static void
teardown(void)
{
    unlink(path);
}

/* A file of microseconds, Ethernet unless 'link' says otherwise, with frames
 * of 64 and 128 bytes 3 us apart; cut after 'bytes'. */
static void
pcap_write(uint32_t link, size_t frames, size_t bytes)
{
    uint8_t text[512] = {0};
    uint32_t head[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, link};
    size_t size = sizeof(head);
    FILE *out = fopen(path, "wb");

    memcpy(text, head, sizeof(head));
    for (uint32_t i = 0; i < frames; i++) {
        uint32_t length = 60 + 64 * i;
        uint32_t record[4] = {1, 3 * i, length, length};

        memcpy(text + size, record, sizeof(record));
        size += sizeof(record) + length;
    }
    fwrite(text, 1, bytes < size ? bytes : size, out);
    fclose(out);
}

static void
read_file(const char *more)
{
    char text[512];

    snprintf(text, sizeof(text),
             HEAD "  - { name: a, from: ncp-0/0, to: ncp-1/0, from-file: "
                  "\"%s\"%s }\n",
             path, more);
    reading_start(&reading, text, NULL);
}

START_TEST(file_is_read)
{
    const struct traffic_spec *spec;

    pcap_write(1, 2, SIZE_MAX);
    read_file(", loops: true");
    ck_assert_str_eq(reading.errors, "");
    spec = &reading.scenario->traffic[0].spec;
    ck_assert_int_eq(spec->arrivals, TRAFFIC_REPLAY);
    ck_assert_uint_eq(spec->replay.count, 2);
    ck_assert_uint_eq(spec->replay.bytes[0], 64);
    ck_assert_uint_eq(spec->replay.bytes[1], 128);
    ck_assert_uint_eq(spec->replay.gap_ps[1], 3 * PS_PER_US);
    ck_assert(spec->replay_loops);
    reading_end(&reading);
}
END_TEST

static void
refused(const char *what)
{
    read_file("");
    ck_assert_ptr_null(reading.scenario);
    ck_assert_msg(strncmp(reading.errors, "s.yaml:7:55: error: ", 20) == 0,
                  "%s", reading.errors);
    ck_assert_msg(strstr(reading.errors, path) != NULL &&
                      strstr(reading.errors, what) != NULL,
                  "%s", reading.errors);
    reading_end(&reading);
}

START_TEST(file_is_refused)
{
    pcap_write(1, 2, 150);
    refused("truncated");
    pcap_write(147, 2, SIZE_MAX);
    refused("link type");
    pcap_write(1, 0, SIZE_MAX);
    refused("no packet");
    pcap_write(1, 0, 0);
    refused("empty");
    unlink(path);
    refused("No such file");
}
END_TEST

START_TEST(file_goes_alone)
{
    pcap_write(1, 2, SIZE_MAX);
    read_file(", load: 1%");
    ck_assert_ptr_nonnull(strstr(reading.errors, "\"load\" needs"));
    reading_end(&reading);
    read_file(", sizes: 64");
    ck_assert_ptr_nonnull(strstr(reading.errors, "\"sizes\" needs"));
    reading_end(&reading);
}
END_TEST

TCase *
traffic_tests(void)
{
    TCase *tcase = tcase_create("traffic");

    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, everything);
    tcase_add_test(tcase, captures);
    tcase_add_test(tcase, drops_follow_the_plane);
    tcase_add_loop_test(tcase, bad_traffic, 0, ARRAY_COUNT(cases));
    tcase_set_timeout(tcase, 60);
    return tcase;
}

TCase *
traffic_file_tests(void)
{
    TCase *tcase = tcase_create("traffic from files");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, file_is_read);
    tcase_add_test(tcase, file_is_refused);
    tcase_add_test(tcase, file_goes_alone);
    return tcase;
}
