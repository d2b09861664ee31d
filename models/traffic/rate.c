/* SPDX-License-Identifier: Apache-2.0
 *
 * How long bytes, gaps and bursts last.
 */
#include "models/traffic/traffic.h"

#include "models/traffic/traffic_priv.h"
#include "reference-nos/base/check.h"
#include "sim/kernel/fixed.h"

#define PS_PER_S UINT64_C(1000000000000)
#define MEAN_SHIFT_MAX 40

/* Shape 1.5, from LOW to 1000 means: LOW solves
 * 3 l (1 - sqrt(l / 1000)) = 1 - (l / 1000)^1.5 and TAIL is its
 * (l / 1000)^1.5. */
#define PARETO_LOW_Q32 UINT64_C(1458524415)       /* 0.33958917825 */
#define PARETO_TAIL_Q64 UINT64_C(115438449668672) /* 6.2579308960e-6 */
#define PARETO_MEANS_MAX 1000u

const struct traffic_size traffic_imix[3] = {{64, 7}, {594, 4}, {1518, 1}};

uint64_t
traffic_exponential_factor(uint64_t bits)
{
    return fixed_minus_ln_u64(bits);
}

/* Inverse of the distribution: LOW / v^(2/3) with v uniform in [TAIL, 1]. */
uint64_t
traffic_pareto_factor(uint64_t bits)
{
    const uint64_t most = PARETO_MEANS_MAX * FIXED_ONE;
    uint64_t v = PARETO_TAIL_Q64 +
                 (uint64_t)((u128)bits * (UINT64_MAX - PARETO_TAIL_Q64) >> 64);
    uint64_t minus_log = 64 * FIXED_ONE - fixed_log2(v);
    uint64_t power = fixed_exp2((minus_log * 2 + 1) / 3);
    uint64_t factor = (uint64_t)((u128)power * PARETO_LOW_Q32 >> 32);

    return factor < most ? factor : most;
}

static u128
gcd(u128 a, u128 b)
{
    while (b != 0) {
        u128 rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* A byte lasts 8 / (bps * load). */
struct traffic_pace
traffic_pace_make(uint64_t bps, uint32_t load_ppm)
{
    u128 top = (u128)8 * PS_PER_S * PPM;
    u128 bottom = (u128)bps * load_ppm;
    u128 common = gcd(top, bottom);

    top /= common;
    bottom /= common;
    CHECK(bottom <= UINT64_MAX);
    return (struct traffic_pace){(uint64_t)(top / bottom),
                                 (uint64_t)(top % bottom), (uint64_t)bottom};
}

struct traffic_mean
traffic_mean_make(u128 numerator, u128 denominator)
{
    u128 whole = numerator / denominator;
    u128 rest = numerator % denominator;
    struct traffic_mean mean = {.fixed = UINT64_C(1) << 62};

    if (whole >> 62 != 0)
        return mean;
    while (mean.shift < MEAN_SHIFT_MAX && whole >> 62 == 0) {
        rest *= 2;
        whole = whole * 2 + (rest >= denominator);
        rest -= rest >= denominator ? denominator : 0;
        mean.shift++;
    }
    mean.fixed = (uint64_t)whole;
    return mean;
}

uint64_t
traffic_mean_ps(const struct traffic_mean *mean, uint64_t factor,
                uint64_t *rest)
{
    u128 sum = (((u128)mean->fixed * factor) >> 32) + *rest;
    u128 whole = sum >> mean->shift;

    *rest = (uint64_t)sum & ((UINT64_C(1) << mean->shift) - 1);
    return whole > NEVER ? NEVER : (uint64_t)whole;
}

/* Sum of weight x bytes and of weights. */
static uint64_t
weighted_bytes(const struct traffic_spec *spec, uint64_t *weights)
{
    uint64_t bytes = 0;

    *weights = 0;
    if (spec->arrivals == TRAFFIC_REPLAY) {
        for (size_t i = 0; i < spec->replay.count; i++)
            bytes += spec->replay.bytes[i];
        *weights = spec->replay.count;
        return bytes;
    }
    for (unsigned i = 0; i < spec->size_count; i++) {
        bytes += (uint64_t)spec->sizes[i].bytes * spec->sizes[i].weight;
        *weights += spec->sizes[i].weight;
    }
    return bytes;
}

uint64_t
traffic_mean_millibytes(const struct traffic_spec *spec)
{
    uint64_t weights;
    u128 bytes = weighted_bytes(spec, &weights);

    return weights == 0 ? 0
                        : (uint64_t)((bytes * 1000 + weights / 2) / weights);
}

/* The numerator stays below 2^128: 10^6 weights of 9236 bytes, 2^32 frames. */
struct traffic_mean
traffic_mean_gap(const struct traffic_spec *spec, uint64_t port_bps,
                 uint32_t frames)
{
    uint64_t weights;
    uint64_t bytes = weighted_bytes(spec, &weights);
    u128 bits = (u128)(bytes + weights * TRAFFIC_L1_BYTES) * 8 * frames;

    return traffic_mean_make(bits * PS_PER_S * PPM,
                             (u128)weights * port_bps * spec->load_ppm);
}
