/* SPDX-License-Identifier: Apache-2.0
 *
 * Who sends to whom in a permutation, without a table: a Feistel network over
 * the next power of four, walked until it falls inside (Black and Rogaway,
 * "Ciphers with arbitrary finite domains", 2002).
 */
#include "models/traffic/traffic.h"

#include <string.h>

#include "models/traffic/traffic_priv.h"
#include "reference-nos/base/check.h"
#include "sim/kernel/random.h"

#define FEISTEL_ROUNDS 6u
#define VARIANTS_MAX 128u

struct shuffle {
    uint64_t seed;
    uint32_t id;
    uint32_t count;
    unsigned variant;
    unsigned half_bits;
};

const uint32_t *
traffic_receivers(const struct traffic_spec *spec, uint32_t *count)
{
    bool named = spec->receiver_count > 0;

    *count = named ? spec->receiver_count : spec->sender_count;
    return named ? spec->receivers : spec->senders;
}

static struct shuffle
shuffle_make(uint64_t seed, uint32_t id, uint32_t count, unsigned variant)
{
    struct shuffle shuffle = {seed, id, count, variant, 1};

    while (UINT64_C(1) << (2 * shuffle.half_bits) < count)
        shuffle.half_bits++;
    return shuffle;
}

static uint32_t
round_bits(const struct shuffle *shuffle, unsigned round, uint32_t half)
{
    uint64_t n =
        (uint64_t)shuffle->variant << 40 | (uint64_t)round << 32 | half;

    return (uint32_t)(random_draw(shuffle->seed, shuffle->id,
                                  PURPOSE_PERMUTATION, n) >>
                      (64 - shuffle->half_bits));
}

static uint32_t
feistel(const struct shuffle *shuffle, uint32_t value, bool back)
{
    uint32_t left = value >> shuffle->half_bits;
    uint32_t right = value & ((UINT32_C(1) << shuffle->half_bits) - 1);

    for (unsigned i = 0; i < FEISTEL_ROUNDS; i++) {
        unsigned round = back ? FEISTEL_ROUNDS - 1 - i : i;

        if (back) {
            uint32_t before = right ^ round_bits(shuffle, round, left);

            right = left;
            left = before;
        } else {
            uint32_t after = left ^ round_bits(shuffle, round, right);

            left = right;
            right = after;
        }
    }
    return left << shuffle->half_bits | right;
}

/* Ends: the walk stays on a cycle that holds 'value', which is inside. */
static uint32_t
walk(const struct shuffle *shuffle, uint32_t value, bool back)
{
    do
        value = feistel(shuffle, value, back);
    while (value >= shuffle->count);
    return value;
}

/* One cycle through all in shuffled order: nobody meets itself. */
static uint32_t
permute_cycle(const struct shuffle *shuffle, uint32_t index)
{
    uint32_t place = walk(shuffle, index, true);

    return walk(shuffle, (place + 1) % shuffle->count, false);
}

static bool
meets_itself(const struct traffic_spec *spec, const struct shuffle *shuffle)
{
    for (uint32_t i = 0; i < spec->sender_count; i++) {
        if (spec->receivers[walk(shuffle, i, false)] == spec->senders[i])
            return true;
    }
    return false;
}

/* Where the lists overlap at other places, shuffles are tried; at least one
 * of three does (of two ends, one of two). */
uint32_t
traffic_permute(const struct traffic_spec *spec, uint64_t seed, uint32_t index)
{
    uint32_t count;
    const uint32_t *receivers = traffic_receivers(spec, &count);
    struct shuffle shuffle = shuffle_make(seed, spec->id, count, 0);

    if (count == spec->sender_count &&
        memcmp(receivers, spec->senders, count * sizeof(*receivers)) == 0)
        return permute_cycle(&shuffle, index);
    while (meets_itself(spec, &shuffle)) {
        shuffle.variant++;
        CHECK(shuffle.variant < VARIANTS_MAX);
    }
    return walk(&shuffle, index, false);
}
