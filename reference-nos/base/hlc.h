/* SPDX-License-Identifier: Apache-2.0
 *
 * Hybrid logical clock (Kulkarni, Demirbas et al., "Logical Physical Clocks",
 * OPODIS 2014): stamps that respect cause and effect between boxes and stay
 * close to real time.
 *
 * Stamp    64 bits: the upper 48 of a nanosecond count (65.5 us steps) and a
 *          16-bit logical counter.  Stamps compare as numbers.
 * Trust    a stamp too far ahead of the own clock is refused, so that one
 *          broken box cannot drag the others into the future.
 */
#ifndef NOS_BASE_HLC_H
#define NOS_BASE_HLC_H

#include "reference-nos/base/compiler.h"

#include <stdint.h>

struct hlc {
    uint64_t last;         /* The newest stamp given or seen. */
    uint64_t max_ahead_ns; /* What a remote stamp may be ahead. */
};

void hlc_init(struct hlc *hlc, uint64_t max_ahead_ns);

/* A stamp above all given or seen so far, for a local or send event. */
uint64_t hlc_now(struct hlc *hlc, uint64_t physical_ns);

/* Takes note of a received stamp.  ERR_RANGE, and nothing changes, when it is
 * too far ahead of 'physical_ns'. */
MUST_USE int hlc_see(struct hlc *hlc, uint64_t remote, uint64_t physical_ns);

/* The physical part of a stamp. */
uint64_t hlc_physical_ns(uint64_t stamp);

#endif
