/* SPDX-License-Identifier: Apache-2.0
 *
 * What a spec must be before packets are drawn from it.
 */
#include "models/traffic/traffic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/traffic/traffic_priv.h"

#define CLASSES 8u

struct report {
    char *message;
    size_t size;
};

PRINTF_LIKE(2, 3)
static int
refuse(const struct report *report, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (report->size > 0)
        vsnprintf(report->message, report->size, format, args);
    va_end(args);
    return ERR_INVALID;
}

static int
check_ends(const struct report *report, const uint32_t *ends, uint32_t count,
           const char *what)
{
    static const char none[] = "traffic has no %ss";
    uint8_t *seen;
    int err = 0;

    if (count == 0 || ends == NULL)
        return refuse(report, none, what);
    if (count > TRAFFIC_ENDS_MAX)
        return refuse(report, "%u %ss are more than %u", count, what,
                      TRAFFIC_ENDS_MAX);
    seen = calloc(TRAFFIC_ENDS_MAX / 8, 1);
    if (seen == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < count && err == 0; i++) {
        uint32_t end = ends[i];

        if (end >= TRAFFIC_ENDS_MAX)
            err = refuse(report, "%s %u is end %u, which is not below %u",
                         what, i, end, TRAFFIC_ENDS_MAX);
        else if (seen[end / 8] & 1u << end % 8)
            err = refuse(report, "end %u is twice among the %ss", end, what);
        else
            seen[end / 8] |= (uint8_t)(1u << end % 8);
    }
    free(seen);
    return err;
}

static int
check_sizes(const struct report *report, const struct traffic_spec *spec)
{
    uint64_t weights = 0;

    if (spec->size_count == 0)
        return refuse(report, "traffic has no frame size");
    if (spec->size_count > TRAFFIC_SIZES_MAX)
        return refuse(report, "%u frame sizes are more than %u",
                      spec->size_count, TRAFFIC_SIZES_MAX);
    for (unsigned i = 0; i < spec->size_count; i++) {
        const struct traffic_size *size = &spec->sizes[i];

        if (size->bytes < TRAFFIC_FRAME_MIN || size->bytes > TRAFFIC_FRAME_MAX)
            return refuse(report, "a frame of %u bytes is not within %u to %u",
                          size->bytes, TRAFFIC_FRAME_MIN, TRAFFIC_FRAME_MAX);
        if (size->weight == 0)
            return refuse(report, "the weight of %u-byte frames is 0",
                          size->bytes);
        weights += size->weight;
    }
    if (weights > TRAFFIC_WEIGHTS_MAX)
        return refuse(report, "weights of frame sizes sum to more than %u",
                      TRAFFIC_WEIGHTS_MAX);
    return 0;
}

static int
check_replay(const struct report *report, const struct traffic_spec *spec)
{
    const struct traffic_replay *replay = &spec->replay;
    uint64_t gaps_ps = 0;

    if (replay->count == 0)
        return refuse(report, "there is no packet to replay");
    for (size_t i = 0; i < replay->count; i++) {
        uint16_t bytes = replay->bytes[i];

        if (bytes < TRAFFIC_FRAME_MIN || bytes > TRAFFIC_FRAME_MAX)
            return refuse(report,
                          "packet %zu to replay has %u bytes, not %u to %u",
                          i + 1, bytes, TRAFFIC_FRAME_MIN, TRAFFIC_FRAME_MAX);
        gaps_ps |= replay->gap_ps[i];
    }
    if (spec->replay_loops && gaps_ps == 0)
        return refuse(report,
                      "a replay that loops takes no time: all gaps are 0");
    return 0;
}

static int
check_arrivals(const struct report *report, const struct traffic_spec *spec)
{
    bool bursts = spec->arrivals == TRAFFIC_ON_OFF ||
                  spec->arrivals == TRAFFIC_HEAVY_TAILED;
    bool rounds = spec->arrivals == TRAFFIC_BACK_TO_BACK ||
                  spec->pattern == TRAFFIC_INCAST;

    if ((unsigned)spec->arrivals > TRAFFIC_REPLAY)
        return refuse(report, "unknown arrivals %d", (int)spec->arrivals);
    if (spec->arrivals == TRAFFIC_REPLAY)
        return check_replay(report, spec);
    if (spec->arrivals != TRAFFIC_BACK_TO_BACK) {
        if (spec->load_ppm == 0)
            return refuse(report, "load is 0");
        if (spec->load_ppm > PPM)
            return refuse(report, "load of %u.%04u %% is above 100 %%",
                          spec->load_ppm / 10000, spec->load_ppm % 10000);
    }
    if (bursts && spec->burst_ps == 0)
        return refuse(report, "traffic in bursts has a mean burst of 0");
    if (rounds && spec->burst_frames == 0)
        return refuse(report, "a burst has 0 frames");
    return 0;
}

static int
check_pairs(const struct report *report, const struct traffic_spec *spec)
{
    uint32_t count;
    const uint32_t *receivers = traffic_receivers(spec, &count);

    for (uint32_t i = 0; i < spec->sender_count; i++) {
        if (receivers[i % count] == spec->senders[i])
            return refuse(report, "sender %u and its receiver are both end %u",
                          i, spec->senders[i]);
    }
    return 0;
}

static int
check_incast(const struct report *report, const struct traffic_spec *spec)
{
    if (spec->receiver_count == 0)
        return refuse(report, "incast has no receivers");
    if (spec->arrivals != TRAFFIC_CONSTANT &&
        spec->arrivals != TRAFFIC_BACK_TO_BACK)
        return refuse(report, "incast makes its own rounds: arrivals must be "
                              "constant or back-to-back");
    for (uint32_t i = 0; i < spec->sender_count; i++) {
        if (spec->senders[i] == spec->receivers[0])
            return refuse(report,
                          "the receiver of the incast, end %u, is "
                          "among the senders",
                          spec->receivers[0]);
    }
    return 0;
}

static int
check_others(const struct report *report, const struct traffic_spec *spec)
{
    uint32_t count;
    const uint32_t *receivers = traffic_receivers(spec, &count);

    if (count > 1)
        return 0;
    for (uint32_t i = 0; i < spec->sender_count; i++) {
        if (spec->senders[i] == receivers[0])
            return refuse(report, "end %u has no receiver but itself",
                          receivers[0]);
    }
    return 0;
}

static int
check_pattern(const struct report *report, const struct traffic_spec *spec)
{
    switch (spec->pattern) {
    case TRAFFIC_HOT_SPOT:
        if (spec->receiver_count == 0)
            return refuse(report, "a hot spot has no receivers");
        if (spec->hot_ppm == 0 || spec->hot_ppm > PPM)
            return refuse(report,
                          "the hot share of %u.%04u %% is not above 0 and up "
                          "to 100 %%",
                          spec->hot_ppm / 10000, spec->hot_ppm % 10000);
        return check_others(report, spec);
    case TRAFFIC_PERMUTATION:
        if (spec->receiver_count > 0 &&
            spec->receiver_count < spec->sender_count)
            return refuse(report,
                          "a permutation of %u senders has %u receivers",
                          spec->sender_count, spec->receiver_count);
        return check_others(report, spec);
    case TRAFFIC_UNIFORM:
    case TRAFFIC_ALL_TO_ALL: return check_others(report, spec);
    case TRAFFIC_PAIRS: return check_pairs(report, spec);
    case TRAFFIC_INCAST: return check_incast(report, spec);
    }
    return refuse(report, "unknown pattern %d", (int)spec->pattern);
}

static int
check_rest(const struct report *report, const struct traffic_spec *spec)
{
    if (spec->begin_ps >= spec->end_ps)
        return refuse(report, "traffic ends at %llu ps and begins no earlier",
                      (unsigned long long)spec->end_ps);
    if (spec->flows == 0)
        return refuse(report, "traffic has 0 flows");
    if (spec->traffic_class >= CLASSES)
        return refuse(report, "traffic class %u is not below %u",
                      spec->traffic_class, CLASSES);
    return 0;
}

int
traffic_check(const struct traffic_spec *spec, char *message,
              size_t message_size)
{
    const struct report report = {message, message_size};
    int err = check_ends(&report, spec->senders, spec->sender_count, "sender");

    if (err == 0 && spec->receiver_count > 0)
        err = check_ends(&report, spec->receivers, spec->receiver_count,
                         "receiver");
    if (err == 0 && spec->arrivals != TRAFFIC_REPLAY)
        err = check_sizes(&report, spec);
    if (err == 0)
        err = check_pattern(&report, spec);
    if (err == 0)
        err = check_arrivals(&report, spec);
    return err != 0 ? err : check_rest(&report, spec);
}
