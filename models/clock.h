/* SPDX-License-Identifier: Apache-2.0
 *
 * The clocks of a box: a monotonic one that starts at power on and drifts,
 * and a wall clock that can also be stepped.  Integers only.
 */
#ifndef MODELS_CLOCK_H
#define MODELS_CLOCK_H

#include <stdint.h>

#include "sim/kernel/simtime.h"

/* All in one piece, so that a box embeds it. */
struct clock_model {
    struct simtime base; /* where the present drift began */
    uint64_t base_mono_ns;
    int64_t drift_ppb;      /* of both clocks */
    uint64_t ns_per_ps;     /* that it shows, in 2^-72, rounded down */
    int64_t wall_offset_ns; /* wall = epoch + monotonic + offset */
};

/* 2026-01-01T00:00:00Z: where simulated wall clocks start. */
#define CLOCK_EPOCH_NS UINT64_C(1767225600000000000)

void clock_init(struct clock_model *clock, int64_t offset_ns,
                int64_t drift_ppb);
uint64_t clock_mono_ns(const struct clock_model *clock, struct simtime now);
uint64_t clock_wall_ns(const struct clock_model *clock, struct simtime now);
/* When the monotonic clock will show 'mono_ns': never earlier than that. */
struct simtime clock_when(const struct clock_model *clock, uint64_t mono_ns);
void clock_step(struct clock_model *clock, int64_t step_ns);
void clock_set_drift(struct clock_model *clock, struct simtime now,
                     int64_t drift_ppb);

#endif
