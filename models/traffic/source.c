/* SPDX-License-Identifier: Apache-2.0
 *
 * A packet costs one Philox block (gap, destination, size), two where a hot
 * spot or several flows are drawn, and one more for each burst.
 */
#include "models/traffic/traffic.h"

#include "models/traffic/traffic_priv.h"
#include "reference-nos/base/check.h"
#include "sim/kernel/fixed.h"
#include "sim/kernel/random.h"

/* Words of a packet's block. */
enum { WORD_GAP = 0, WORD_TO = 2, WORD_SIZE = 3 };

static void
draw(const struct traffic_source *source, uint32_t purpose, uint64_t n,
     uint32_t words[4])
{
    const uint32_t key[2] = {(uint32_t)source->seed,
                             (uint32_t)(source->seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)n, (uint32_t)(n >> 32),
                                 source->stream, purpose};

    random_philox4x32(counter, key, words);
}

static uint64_t
pair(const uint32_t words[2])
{
    return words[0] | (uint64_t)words[1] << 32;
}

/* Uniform below 'bound' from 32 bits. */
static uint32_t
below(uint32_t word, uint32_t bound)
{
    return (uint32_t)(((uint64_t)word * bound) >> 32);
}

static uint64_t
later(uint64_t a_ps, uint64_t b_ps)
{
    return a_ps > NEVER - b_ps ? NEVER : a_ps + b_ps;
}

static bool
in_bursts(const struct traffic_spec *spec)
{
    return spec->arrivals == TRAFFIC_ON_OFF ||
           spec->arrivals == TRAFFIC_HEAVY_TAILED;
}

static uint16_t
pick_size(const struct traffic_source *source, uint32_t word)
{
    const struct traffic_spec *spec = source->spec;

    if (spec->arrivals == TRAFFIC_REPLAY)
        return spec->replay.bytes[source->next_replay];
    if (spec->size_count == 1)
        return spec->sizes[0].bytes;
    uint32_t at = below(word, source->weights);
    unsigned i = 0;

    while (at >= spec->sizes[i].weight)
        at -= spec->sizes[i++].weight;
    return spec->sizes[i].bytes;
}

static uint32_t
pick_uniform(const struct traffic_source *source, uint32_t word)
{
    if (source->self == NOBODY)
        return source->receivers[below(word, source->receiver_count)];
    uint32_t at = below(word, source->receiver_count - 1);

    return source->receivers[at + (at >= source->self)];
}

static uint32_t
pick_in_turn(struct traffic_source *source)
{
    if (source->next == source->self)
        source->next = (source->next + 1) % source->receiver_count;
    uint32_t end = source->receivers[source->next];

    source->next++;
    if (source->next == source->receiver_count)
        source->next = 0;
    return end;
}

static uint32_t
pick_end(struct traffic_source *source, uint32_t word, uint32_t hot_word)
{
    switch (source->spec->pattern) {
    case TRAFFIC_UNIFORM: return pick_uniform(source, word);
    case TRAFFIC_HOT_SPOT:
        if (source->self != 0 && below(hot_word, PPM) < source->spec->hot_ppm)
            return source->receivers[0];
        return pick_uniform(source, word);
    case TRAFFIC_PERMUTATION:
    case TRAFFIC_PAIRS:
    case TRAFFIC_INCAST: break;
    case TRAFFIC_ALL_TO_ALL: return pick_in_turn(source);
    }
    return source->peer;
}

/* The next burst, after a pause. */
static void
next_burst(struct traffic_source *source, bool pause)
{
    bool heavy = source->spec->arrivals == TRAFFIC_HEAVY_TAILED;
    uint32_t words[4];

    draw(source, PURPOSE_BURST, source->bursts++, words);
    uint64_t factor = heavy ? traffic_pareto_factor(pair(words))
                            : traffic_exponential_factor(pair(words));
    uint64_t burst_ps =
        (uint64_t)(((u128)source->burst_ps * factor + FIXED_ONE / 2) >> 32);
    uint64_t pause_ps = 0;

    if (pause)
        pause_ps = traffic_mean_ps(&source->mean,
                                   traffic_exponential_factor(pair(words + 2)),
                                   &source->mean_rest);
    uint64_t start_ps = later(source->burst_end_ps, pause_ps);

    source->burst_end_ps = later(start_ps, burst_ps);
    source->budget_ps = later(source->budget_ps, burst_ps);
    /* Without a pause two bursts are one. */
    if (source->due_ps < start_ps && pause_ps > 0)
        source->due_ps = start_ps;
}

/* Moves on to the burst in which a frame of 'wire_ps' has its time. */
static void
find_burst(struct traffic_source *source, uint64_t wire_ps)
{
    while (source->budget_ps < wire_ps &&
           source->due_ps < source->spec->end_ps)
        next_burst(source, true);
    source->budget_ps -= source->budget_ps < wire_ps ? 0 : wire_ps;
}

/* Frames of a round follow each other; the next round begins at its own time,
 * or when this one has ended if that is later. */
static void
advance_round(struct traffic_source *source)
{
    const struct traffic_spec *spec = source->spec;

    if (++source->in_round < spec->burst_frames)
        return;
    source->in_round = 0;
    source->round_ps =
        spec->arrivals == TRAFFIC_BACK_TO_BACK
            ? NEVER
            : later(source->round_ps, traffic_mean_ps(&source->mean, FIXED_ONE,
                                                      &source->mean_rest));
    if (source->due_ps < source->round_ps)
        source->due_ps = source->round_ps;
}

static void
advance_replay(struct traffic_source *source)
{
    const struct traffic_replay *replay = &source->spec->replay;

    source->next_replay++;
    if (source->next_replay == replay->count) {
        source->next_replay = 0;
        if (!source->spec->replay_loops) {
            source->due_ps = NEVER;
            return;
        }
    }
    source->due_ps =
        later(source->due_ps, replay->gap_ps[source->next_replay]);
}

/* From the packet just made to the next one. */
static void
advance(struct traffic_source *source, uint64_t wire_ps,
        const uint32_t words[4])
{
    const struct traffic_spec *spec = source->spec;

    switch (spec->arrivals) {
    case TRAFFIC_POISSON:
        source->due_ps = later(
            source->due_ps,
            traffic_mean_ps(&source->mean,
                            traffic_exponential_factor(pair(words + WORD_GAP)),
                            &source->mean_rest));
        return;
    case TRAFFIC_REPLAY: advance_replay(source); return;
    case TRAFFIC_CONSTANT:
    case TRAFFIC_BACK_TO_BACK:
    case TRAFFIC_ON_OFF:
    case TRAFFIC_HEAVY_TAILED: break;
    }
    source->due_ps = later(source->due_ps, wire_ps);
    if (spec->arrivals == TRAFFIC_BACK_TO_BACK ||
        spec->pattern == TRAFFIC_INCAST)
        advance_round(source);
}

bool
traffic_next(struct traffic_source *source, struct traffic_packet *packet)
{
    const struct traffic_spec *spec = source->spec;
    uint32_t words[4];
    uint32_t choice[4] = {0};

    if (source->due_ps >= spec->end_ps ||
        (spec->packets_max != 0 && source->n == spec->packets_max))
        return false;
    draw(source, PURPOSE_PACKET, source->n, words);
    if (spec->pattern == TRAFFIC_HOT_SPOT || spec->flows > 1)
        draw(source, PURPOSE_CHOICE, source->n, choice);

    uint16_t bytes = pick_size(source, words[WORD_SIZE]);
    uint64_t wire_ps = traffic_pace_ps(&source->pace, bytes + TRAFFIC_L1_BYTES,
                                       &source->pace_rest);

    if (in_bursts(spec)) {
        find_burst(source, wire_ps);
        if (source->due_ps >= spec->end_ps)
            return false;
    }
    packet->due_ps = source->due_ps;
    packet->bytes = bytes;
    packet->to = pick_end(source, words[WORD_TO], choice[0]);
    packet->flow = (uint16_t)below(choice[1], spec->flows);
    source->n++;
    advance(source, wire_ps, words);
    return true;
}

static void
init_pattern(struct traffic_source *source)
{
    const struct traffic_spec *spec = source->spec;
    uint32_t me = spec->senders[source->index];
    uint32_t count;

    source->receivers = traffic_receivers(spec, &count);
    source->receiver_count = count;
    source->self = NOBODY;
    for (uint32_t i = 0; i < count && source->self == NOBODY; i++)
        source->self = source->receivers[i] == me ? i : NOBODY;
    switch (spec->pattern) {
    case TRAFFIC_UNIFORM:
    case TRAFFIC_HOT_SPOT: break;
    case TRAFFIC_PERMUTATION:
        source->peer = source->receivers[traffic_permute(spec, source->seed,
                                                         source->index)];
        break;
    case TRAFFIC_PAIRS:
        source->peer = source->receivers[source->index % count];
        break;
    case TRAFFIC_INCAST: source->peer = source->receivers[0]; break;
    case TRAFFIC_ALL_TO_ALL:
        source->next =
            source->self != NOBODY ? source->self + 1 : source->index;
        source->next %= count;
        break;
    }
}

/* On with the probability that the load is, as if it had run for ever (exact
 * for exponential bursts, which have no memory). */
static void
init_bursts(struct traffic_source *source, uint64_t phase)
{
    const struct traffic_spec *spec = source->spec;
    uint64_t largest_ps = 0;

    for (unsigned i = 0; i < spec->size_count; i++) {
        uint64_t rest = 0;
        uint64_t ps = traffic_pace_ps(
            &source->pace, spec->sizes[i].bytes + TRAFFIC_L1_BYTES, &rest);

        largest_ps = ps > largest_ps ? ps : largest_ps;
    }
    source->burst_ps =
        spec->burst_ps > largest_ps ? spec->burst_ps : largest_ps;
    source->mean = traffic_mean_make(
        (u128)source->burst_ps * (PPM - spec->load_ppm), spec->load_ppm);
    source->burst_end_ps = spec->begin_ps;
    next_burst(source, below((uint32_t)phase, PPM) >= spec->load_ppm);
}

/* Somewhere in the gap that the first packet will have. */
static void
init_constant(struct traffic_source *source, uint64_t phase)
{
    uint32_t words[4];
    uint64_t rest = 0;

    draw(source, PURPOSE_PACKET, 0, words);
    uint64_t gap_ps = traffic_pace_ps(
        &source->pace, pick_size(source, words[WORD_SIZE]) + TRAFFIC_L1_BYTES,
        &rest);

    source->due_ps =
        later(source->due_ps, (uint64_t)(((u128)phase * gap_ps) >> 64));
}

static void
init_arrivals(struct traffic_source *source)
{
    const struct traffic_spec *spec = source->spec;
    bool rounds = spec->pattern == TRAFFIC_INCAST;
    bool at_load = spec->arrivals == TRAFFIC_CONSTANT && !rounds;
    uint32_t words[4];

    draw(source, PURPOSE_PHASE, 0, words);
    source->due_ps = spec->begin_ps;
    source->round_ps = spec->begin_ps;
    source->pace =
        traffic_pace_make(source->port_bps, at_load ? spec->load_ppm : PPM);
    switch (spec->arrivals) {
    case TRAFFIC_CONSTANT:
        if (rounds)
            source->mean =
                traffic_mean_gap(spec, source->port_bps, spec->burst_frames);
        else
            init_constant(source, pair(words));
        break;
    case TRAFFIC_POISSON:
        source->mean = traffic_mean_gap(spec, source->port_bps, 1);
        source->due_ps =
            later(source->due_ps,
                  traffic_mean_ps(&source->mean,
                                  traffic_exponential_factor(pair(words)),
                                  &source->mean_rest));
        break;
    case TRAFFIC_ON_OFF:
    case TRAFFIC_HEAVY_TAILED: init_bursts(source, pair(words)); break;
    case TRAFFIC_BACK_TO_BACK: break;
    case TRAFFIC_REPLAY:
        source->due_ps = later(source->due_ps, spec->replay.gap_ps[0]);
        break;
    }
}

void
traffic_source_init(struct traffic_source *source,
                    const struct traffic_spec *spec, uint32_t index,
                    uint32_t stream, uint64_t port_bps, uint64_t seed)
{
    CHECK(index < spec->sender_count);
    CHECK(port_bps >= TRAFFIC_PORT_BPS_MIN &&
          port_bps <= TRAFFIC_PORT_BPS_MAX);
    *source = (struct traffic_source){.spec = spec,
                                      .seed = seed,
                                      .port_bps = port_bps,
                                      .index = index,
                                      .stream = stream};
    for (unsigned i = 0; i < spec->size_count; i++)
        source->weights += spec->sizes[i].weight;
    init_pattern(source);
    init_arrivals(source);
}
