/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kernel/random.h"

#include "reference-nos/base/check.h"
#include "sim/kernel/fixed.h"

__extension__ typedef unsigned __int128 u128;

#define PHILOX_ROUNDS 10
#define PHILOX_M0 UINT32_C(0xd2511f53)
#define PHILOX_M1 UINT32_C(0xcd9e8d57)
#define PHILOX_W0 UINT32_C(0x9e3779b9)
#define PHILOX_W1 UINT32_C(0xbb67ae85)

void
random_philox4x32(const uint32_t counter[4], const uint32_t key[2],
                  uint32_t out[4])
{
    uint32_t c0 = counter[0];
    uint32_t c1 = counter[1];
    uint32_t c2 = counter[2];
    uint32_t c3 = counter[3];
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];

    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t product0 = (uint64_t)PHILOX_M0 * c0;
        uint64_t product1 = (uint64_t)PHILOX_M1 * c2;

        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)product0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Counter words: n low, n high (24 bits) and attempt (8), entity, purpose. */
static uint64_t
draw(uint64_t seed, uint32_t entity, uint32_t purpose, uint64_t n,
     unsigned attempt)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {
        (uint32_t)n, (uint32_t)(n >> 32) | attempt << 24, entity, purpose};
    uint32_t out[4];

    random_philox4x32(counter, key, out);
    return out[0] | (uint64_t)out[1] << 32;
}

uint64_t
random_draw(uint64_t seed, uint32_t entity, uint32_t purpose, uint64_t n)
{
    CHECK(n < RANDOM_DRAW_LIMIT);
    return draw(seed, entity, purpose, n, 0);
}

struct random_stream
random_stream_make(uint64_t seed, uint32_t entity, uint32_t purpose)
{
    return (struct random_stream){seed, entity, purpose, 0};
}

uint32_t
random_purpose(const char *name)
{
    uint32_t hash = UINT32_C(0x811c9dc5);

    for (; *name != '\0'; name++) {
        hash ^= (unsigned char)*name;
        hash *= UINT32_C(0x01000193);
    }
    return hash;
}

uint64_t
random_bits(struct random_stream *stream)
{
    return random_draw(stream->seed, stream->entity, stream->purpose,
                       stream->n++);
}

/* Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1),
 * 2019: multiply, and draw again in the few cases that would be biased.  After
 * 255 tries (probability below 2^-255) the last one is taken. */
uint64_t
random_below(struct random_stream *stream, uint64_t bound)
{
    CHECK(bound > 0 && stream->n < RANDOM_DRAW_LIMIT);
    const uint64_t n = stream->n++;
    const uint64_t biased = -bound % bound;
    u128 product = 0;

    for (unsigned attempt = 0; attempt < 256; attempt++) {
        uint64_t bits =
            draw(stream->seed, stream->entity, stream->purpose, n, attempt);

        product = (u128)bits * bound;
        if ((uint64_t)product >= biased)
            break;
    }
    return (uint64_t)(product >> 64);
}

uint64_t
random_between(struct random_stream *stream, uint64_t low, uint64_t high)
{
    CHECK(low <= high);
    if (high - low == UINT64_MAX)
        return random_bits(stream);
    return low + random_below(stream, high - low + 1);
}

bool
random_chance_ppm(struct random_stream *stream, uint32_t ppm)
{
    return random_below(stream, 1000000) < ppm;
}

bool
random_chance_ppb(struct random_stream *stream, uint32_t ppb)
{
    return random_below(stream, 1000000000) < ppb;
}

uint64_t
random_exponential(struct random_stream *stream, uint64_t mean)
{
    uint64_t factor = fixed_minus_ln_u64(random_bits(stream));
    u128 scaled = ((u128)mean * factor + (FIXED_ONE >> 1)) >> 32;

    return scaled > UINT64_MAX ? UINT64_MAX : (uint64_t)scaled;
}

struct simtime
random_exponential_time(struct random_stream *stream, struct simtime mean)
{
    return (struct simtime){random_exponential(stream, mean.ps)};
}

struct simtime
random_time_between(struct random_stream *stream, struct simtime low,
                    struct simtime high)
{
    return (struct simtime){random_between(stream, low.ps, high.ps)};
}
