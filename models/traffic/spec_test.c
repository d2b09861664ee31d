/* SPDX-License-Identifier: Apache-2.0
 *
 * Each sentence for a spec that cannot be, and that nothing else is refused.
 */
#include "models/traffic/traffic.h"

#include <string.h>

#include "models/traffic/traffic_test.h"

static const uint32_t four[] = {0, 1, 2, 3};
static const uint32_t others[] = {4, 5, 6, 7};
static const uint32_t twice[] = {4, 5, 4};
static const uint32_t high[] = {TRAFFIC_ENDS_MAX};
static const uint64_t gaps[] = {0, 10};
static const uint64_t no_gaps[] = {0, 0};
static const uint16_t frames[] = {64, 1518};
static const uint16_t runt[] = {64, 60};

static struct traffic_spec
good(void)
{
    return (struct traffic_spec){.pattern = TRAFFIC_UNIFORM,
                                 .arrivals = TRAFFIC_POISSON,
                                 .senders = four,
                                 .sender_count = 4,
                                 .sizes = {{64, 1}},
                                 .size_count = 1,
                                 .load_ppm = 500000,
                                 .flows = 1,
                                 .end_ps = 1000};
}

static void
refused(const struct traffic_spec *spec, const char *why)
{
    char message[160] = "";

    ck_assert_int_eq(traffic_check(spec, message, sizeof(message)),
                     ERR_INVALID);
    ck_assert_str_eq(message, why);
    /* A small buffer is not overrun. */
    message[4] = '#';
    ck_assert_int_eq(traffic_check(spec, message, 4), ERR_INVALID);
    ck_assert_int_eq(message[3], '\0');
    ck_assert_int_eq(message[4], '#');
    ck_assert_int_eq(traffic_check(spec, NULL, 0), ERR_INVALID);
}

static void
accepted(const struct traffic_spec *spec)
{
    char message[160] = "";

    ck_assert_msg(traffic_check(spec, message, sizeof(message)) == 0, "%s",
                  message);
}

START_TEST(good_specs)
{
    struct traffic_spec spec = good();

    accepted(&spec);
    spec.load_ppm = 1000000;
    spec.end_ps = 1;
    spec.traffic_class = 7;
    accepted(&spec);
    spec.pattern = TRAFFIC_PERMUTATION;
    accepted(&spec);
    spec.pattern = TRAFFIC_ALL_TO_ALL;
    accepted(&spec);
    spec.pattern = TRAFFIC_PAIRS;
    spec.receivers = others;
    spec.receiver_count = 1; /* all to one */
    accepted(&spec);
    spec.pattern = TRAFFIC_HOT_SPOT;
    spec.hot_ppm = 1000000;
    accepted(&spec);
    spec.pattern = TRAFFIC_INCAST;
    spec.arrivals = TRAFFIC_BACK_TO_BACK;
    spec.burst_frames = 1;
    spec.load_ppm = 0; /* not asked for */
    accepted(&spec);
}
END_TEST

START_TEST(ends)
{
    struct traffic_spec spec = good();

    spec.sender_count = 0;
    refused(&spec, "traffic has no senders");
    spec = good();
    spec.senders = NULL;
    refused(&spec, "traffic has no senders");
    spec = good();
    spec.sender_count = TRAFFIC_ENDS_MAX + 1;
    refused(&spec, "65537 senders are more than 65536");
    spec = good();
    spec.receivers = twice;
    spec.receiver_count = 3;
    refused(&spec, "end 4 is twice among the receivers");
    spec.receivers = high;
    spec.receiver_count = 1;
    refused(&spec, "receiver 0 is end 65536, which is not below 65536");
}
END_TEST

START_TEST(sizes)
{
    struct traffic_spec spec = good();

    spec.size_count = 0;
    refused(&spec, "traffic has no frame size");
    spec.size_count = TRAFFIC_SIZES_MAX + 1;
    refused(&spec, "17 frame sizes are more than 16");
    spec = good();
    spec.sizes[0].bytes = 63;
    refused(&spec, "a frame of 63 bytes is not within 64 to 9216");
    spec.sizes[0].bytes = 9217;
    refused(&spec, "a frame of 9217 bytes is not within 64 to 9216");
    spec = good();
    spec.sizes[0].weight = 0;
    refused(&spec, "the weight of 64-byte frames is 0");
    spec.sizes[0].weight = 1000001;
    refused(&spec, "weights of frame sizes sum to more than 1000000");
}
END_TEST

START_TEST(arrivals)
{
    struct traffic_spec spec = good();

    spec.load_ppm = 0;
    refused(&spec, "load is 0");
    spec.load_ppm = 1200001;
    refused(&spec, "load of 120.0001 % is above 100 %");
    spec = good();
    spec.arrivals = TRAFFIC_ON_OFF;
    refused(&spec, "traffic in bursts has a mean burst of 0");
    spec.arrivals = TRAFFIC_HEAVY_TAILED;
    refused(&spec, "traffic in bursts has a mean burst of 0");
    spec.arrivals = TRAFFIC_BACK_TO_BACK;
    refused(&spec, "a burst has 0 frames");
    spec.arrivals = (enum traffic_arrivals)6;
    refused(&spec, "unknown arrivals 6");
}
END_TEST

START_TEST(patterns)
{
    struct traffic_spec spec = good();

    spec.pattern = (enum traffic_pattern)6;
    refused(&spec, "unknown pattern 6");
    spec.pattern = TRAFFIC_HOT_SPOT;
    spec.hot_ppm = 1;
    refused(&spec, "a hot spot has no receivers");
    spec.receivers = others;
    spec.receiver_count = 4;
    spec.hot_ppm = 0;
    refused(&spec, "the hot share of 0.0000 % is not above 0 and up to 100 %");
    spec.hot_ppm = 1000001;
    refused(&spec,
            "the hot share of 100.0001 % is not above 0 and up to 100 %");
    spec.receiver_count = 3;
    spec.pattern = TRAFFIC_PERMUTATION;
    refused(&spec, "a permutation of 4 senders has 3 receivers");
    spec.pattern = TRAFFIC_PAIRS;
    spec.receivers = (const uint32_t[]){3, 2, 1, 0};
    spec.receiver_count = 4;
    accepted(&spec);
    spec.receivers = (const uint32_t[]){3, 2, 1};
    spec.receiver_count = 3; /* the fourth begins again */
    refused(&spec, "sender 3 and its receiver are both end 3");
    spec = good();
    spec.sender_count = 1;
    refused(&spec, "end 0 has no receiver but itself");
    spec.pattern = TRAFFIC_PERMUTATION;
    refused(&spec, "end 0 has no receiver but itself");
    spec.pattern = TRAFFIC_ALL_TO_ALL;
    refused(&spec, "end 0 has no receiver but itself");
}
END_TEST

START_TEST(incast)
{
    struct traffic_spec spec = good();

    spec.pattern = TRAFFIC_INCAST;
    refused(&spec, "incast has no receivers");
    spec.receivers = others;
    spec.receiver_count = 1;
    refused(&spec, "incast makes its own rounds: arrivals must be constant or "
                   "back-to-back");
    spec.arrivals = TRAFFIC_CONSTANT;
    refused(&spec, "a burst has 0 frames");
    spec.burst_frames = 3;
    accepted(&spec);
    spec.receivers = &four[2];
    refused(&spec, "the receiver of the incast, end 2, is among the senders");
}
END_TEST

START_TEST(replay)
{
    struct traffic_spec spec = good();

    spec.arrivals = TRAFFIC_REPLAY;
    spec.size_count = 0; /* of the capture */
    refused(&spec, "there is no packet to replay");
    spec.replay = (struct traffic_replay){2, gaps, runt};
    refused(&spec, "packet 2 to replay has 60 bytes, not 64 to 9216");
    spec.replay.bytes = frames;
    spec.replay_loops = true;
    accepted(&spec);
    spec.replay.gap_ps = no_gaps;
    refused(&spec, "a replay that loops takes no time: all gaps are 0");
    spec.replay_loops = false;
    accepted(&spec);
}
END_TEST

START_TEST(the_rest)
{
    struct traffic_spec spec = good();

    spec.begin_ps = 1000;
    refused(&spec, "traffic ends at 1000 ps and begins no earlier");
    spec = good();
    spec.flows = 0;
    refused(&spec, "traffic has 0 flows");
    spec = good();
    spec.traffic_class = 8;
    refused(&spec, "traffic class 8 is not below 8");
}
END_TEST

Suite *
spec_suite(void)
{
    Suite *suite = suite_create("traffic specs");
    TCase *tcase = tcase_create("spec");

    tcase_add_test(tcase, good_specs);
    tcase_add_test(tcase, ends);
    tcase_add_test(tcase, sizes);
    tcase_add_test(tcase, arrivals);
    tcase_add_test(tcase, patterns);
    tcase_add_test(tcase, incast);
    tcase_add_test(tcase, replay);
    tcase_add_test(tcase, the_rest);
    suite_add_tcase(suite, tcase);
    return suite;
}
