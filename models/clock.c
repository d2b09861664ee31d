/* SPDX-License-Identifier: Apache-2.0 */
#include "models/clock.h"

#include "reference-nos/base/check.h"

__extension__ typedef unsigned __int128 u128;

#define PPB INT64_C(1000000000)

/* Nanoseconds shown per 10^9 true nanoseconds. */
static uint64_t
rate(const struct clock_model *clock)
{
    return (uint64_t)(PPB + clock->drift_ppb);
}

/* A product is cheaper than a quotient, and clocks are read all the time. */
static void
set_drift(struct clock_model *clock, int64_t drift_ppb)
{
    CHECK(drift_ppb > -PPB && drift_ppb < PPB);
    clock->drift_ppb = drift_ppb;
    clock->ns_per_ps =
        (uint64_t)(((u128)rate(clock) << 72) / SIMTIME_PS_PER_S);
}

void
clock_init(struct clock_model *clock, int64_t offset_ns, int64_t drift_ppb)
{
    *clock = (struct clock_model){.wall_offset_ns = offset_ns};
    set_drift(clock, drift_ppb);
}

uint64_t
clock_mono_ns(const struct clock_model *clock, struct simtime now)
{
    uint64_t elapsed_ps = simtime_sub(now, clock->base).ps;
    uint64_t ns = (uint64_t)((u128)elapsed_ps * clock->ns_per_ps >> 72);
    /* What rounding took: less than 2^-8 ns, so at most one is missing. */
    uint64_t rest = elapsed_ps * rate(clock) - ns * SIMTIME_PS_PER_S;

    return clock->base_mono_ns + ns + (rest >= SIMTIME_PS_PER_S);
}

uint64_t
clock_wall_ns(const struct clock_model *clock, struct simtime now)
{
    uint64_t wall_ns = CLOCK_EPOCH_NS + clock_mono_ns(clock, now);
    uint64_t offset_ns = (uint64_t)clock->wall_offset_ns;

    if (clock->wall_offset_ns >= 0)
        return wall_ns + offset_ns;
    return wall_ns > -offset_ns ? wall_ns - -offset_ns : 0;
}

struct simtime
clock_when(const struct clock_model *clock, uint64_t mono_ns)
{
    if (mono_ns <= clock->base_mono_ns)
        return clock->base;
    u128 scaled = (u128)(mono_ns - clock->base_mono_ns) * SIMTIME_PS_PER_S;
    u128 elapsed_ps = (scaled + rate(clock) - 1) / rate(clock);
    if (elapsed_ps > UINT64_MAX)
        return simtime_from_ps(UINT64_MAX);
    return simtime_add(clock->base, simtime_from_ps((uint64_t)elapsed_ps));
}

void
clock_step(struct clock_model *clock, int64_t step_ns)
{
    clock->wall_offset_ns =
        (int64_t)((uint64_t)clock->wall_offset_ns + (uint64_t)step_ns);
}

/* The part of a nanosecond under way is forgotten: never a step back. */
void
clock_set_drift(struct clock_model *clock, struct simtime now,
                int64_t drift_ppb)
{
    clock->base_mono_ns = clock_mono_ns(clock, now);
    clock->base = now;
    set_drift(clock, drift_ppb);
}
