/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated time: unsigned picoseconds since the start of the run.
 *
 * Unit     one picosecond, so that 64 bytes at 800 Gb/s (0.64 ns) are exact.
 * Limit    100 days; a run past SIMTIME_LIMIT is refused, so sums of two
 *          legal times never overflow.
 */
#ifndef SIM_KERNEL_SIMTIME_H
#define SIM_KERNEL_SIMTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"

#define SIMTIME_PS_PER_NS UINT64_C(1000)
#define SIMTIME_PS_PER_US UINT64_C(1000000)
#define SIMTIME_PS_PER_MS UINT64_C(1000000000)
#define SIMTIME_PS_PER_S UINT64_C(1000000000000)
#define SIMTIME_LIMIT_S (UINT64_C(100) * 86400)
#define SIMTIME_LIMIT_PS (SIMTIME_LIMIT_S * SIMTIME_PS_PER_S)

struct simtime {
    uint64_t ps;
};

static inline struct simtime
simtime_from_ps(uint64_t ps)
{
    return (struct simtime){ps};
}

static inline struct simtime
simtime_from_ns(uint64_t ns)
{
    return (struct simtime){ns * SIMTIME_PS_PER_NS};
}

static inline struct simtime
simtime_from_us(uint64_t us)
{
    return (struct simtime){us * SIMTIME_PS_PER_US};
}

static inline struct simtime
simtime_from_ms(uint64_t ms)
{
    return (struct simtime){ms * SIMTIME_PS_PER_MS};
}

static inline struct simtime
simtime_from_s(uint64_t s)
{
    return (struct simtime){s * SIMTIME_PS_PER_S};
}

/* Whole nanoseconds, rounded down. */
static inline uint64_t
simtime_to_ns(struct simtime time)
{
    return time.ps / SIMTIME_PS_PER_NS;
}

/* 'time' + 'span', held at the largest value instead of wrapping. */
static inline struct simtime
simtime_add(struct simtime time, struct simtime span)
{
    uint64_t sum = time.ps + span.ps;
    return (struct simtime){sum < time.ps ? UINT64_MAX : sum};
}

/* 'time' - 'earlier', 0 if 'earlier' is the later one. */
static inline struct simtime
simtime_sub(struct simtime time, struct simtime earlier)
{
    return (struct simtime){time.ps > earlier.ps ? time.ps - earlier.ps : 0};
}

/* -1, 0 or 1. */
static inline int
simtime_compare(struct simtime a, struct simtime b)
{
    return (a.ps > b.ps) - (a.ps < b.ps);
}

static inline bool
simtime_before(struct simtime a, struct simtime b)
{
    return a.ps < b.ps;
}

static inline struct simtime
simtime_max(struct simtime a, struct simtime b)
{
    return a.ps > b.ps ? a : b;
}

static inline struct simtime
simtime_min(struct simtime a, struct simtime b)
{
    return a.ps < b.ps ? a : b;
}

/* Whether 'time' lies within the longest run allowed. */
static inline bool
simtime_valid(struct simtime time)
{
    return time.ps <= SIMTIME_LIMIT_PS;
}

#define SIMTIME_TEXT_BYTES 32

/* Writes the exact value with the largest unit that keeps it short:
 * "0s", "640ps", "1.5us", "12.000000000001s".  Returns 'text'. */
char *simtime_format(struct simtime time, char text[SIMTIME_TEXT_BYTES]);

/* Writes seconds with 'decimals' (0-12) digits, rounded down: "12.350". */
char *simtime_format_s(struct simtime time, int decimals,
                       char text[SIMTIME_TEXT_BYTES]);

#endif
