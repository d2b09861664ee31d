/* SPDX-License-Identifier: Apache-2.0
 *
 * Counter-based random draws: draw = f(seed, entity, purpose, n).
 *
 * Each draw is one block of Philox4x32-10 (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011): key = seed, counter = (n, entity,
 * purpose).  So a draw depends on nothing drawn before it: removing one fault
 * or one box changes no draw of another.
 *
 * A stream is only its names and the number of the next draw; it may be
 * copied, stored and rebuilt.  Helpers consume exactly one n each, however
 * many blocks they need inside.
 *
 * Integers only: the same draws on every compiler and CPU.
 */
#ifndef SIM_KERNEL_RANDOM_H
#define SIM_KERNEL_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/simtime.h"

/* Draws of one stream; the bits above carry retries of a helper. */
#define RANDOM_DRAW_LIMIT (UINT64_C(1) << 56)

struct random_stream {
    uint64_t seed;
    uint32_t entity;
    uint32_t purpose;
    uint64_t n; /* Number of the next draw. */
};

/* One block: out = philox(counter, key). */
void random_philox4x32(const uint32_t counter[4], const uint32_t key[2],
                       uint32_t out[4]);

/* The draw itself, without a stream. */
uint64_t random_draw(uint64_t seed, uint32_t entity, uint32_t purpose,
                     uint64_t n);

struct random_stream random_stream_make(uint64_t seed, uint32_t entity,
                                        uint32_t purpose);

/* A number for a name, for use as 'purpose' (FNV-1a, stable for ever). */
uint32_t random_purpose(const char *name);

/* 64 random bits. */
uint64_t random_bits(struct random_stream *stream);

/* Uniform in [0, bound), without bias; 'bound' is at least 1. */
uint64_t random_below(struct random_stream *stream, uint64_t bound);

/* Uniform in [low, high], both included; low <= high. */
uint64_t random_between(struct random_stream *stream, uint64_t low,
                        uint64_t high);

/* True with probability 'ppm' / 1e6 or 'ppb' / 1e9 (1 or more: always). */
bool random_chance_ppm(struct random_stream *stream, uint32_t ppm);
bool random_chance_ppb(struct random_stream *stream, uint32_t ppb);

/* Exponential with the given mean, rounded to the unit of the mean; at most
 * 45 times the mean (the tail beyond has probability 2^-64). */
uint64_t random_exponential(struct random_stream *stream, uint64_t mean);
struct simtime random_exponential_time(struct random_stream *stream,
                                       struct simtime mean);

/* Uniform in [low, high]. */
struct simtime random_time_between(struct random_stream *stream,
                                   struct simtime low, struct simtime high);

#endif
