/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this folder share.
 */
#ifndef MODELS_TRAFFIC_TRAFFIC_PRIV_H
#define MODELS_TRAFFIC_TRAFFIC_PRIV_H

#include "models/traffic/traffic.h"

/* random_purpose() of the names, as constants for the fast path. */
#define PURPOSE_PACKET UINT32_C(0x40665480)      /* "traffic.packet" */
#define PURPOSE_CHOICE UINT32_C(0x35d6d7c3)      /* "traffic.choice" */
#define PURPOSE_BURST UINT32_C(0xaa862fce)       /* "traffic.burst" */
#define PURPOSE_PERMUTATION UINT32_C(0x4589e3cc) /* "traffic.permutation" */
#define PURPOSE_PHASE UINT32_C(0x7a71c6cf)       /* "traffic.phase" */

#define PPM 1000000u
#define NOBODY UINT32_MAX
#define NEVER UINT64_MAX

__extension__ typedef unsigned __int128 u128;

/* The receivers, which are the senders when none are named. */
const uint32_t *traffic_receivers(const struct traffic_spec *spec,
                                  uint32_t *count);

/* Where sender 'index' sends in a permutation, among the receivers.  All
 * senders get different ones, none itself. */
uint32_t traffic_permute(const struct traffic_spec *spec, uint64_t seed,
                         uint32_t index);

/* Factors of a mean, Q32.32, from 64 random bits: exponential with mean 1,
 * and Pareto with mean 1 (shape 1.5, bounded at 1000). */
uint64_t traffic_exponential_factor(uint64_t bits);
uint64_t traffic_pareto_factor(uint64_t bits);

/* A byte at 'load_ppm' of 'bps'. */
struct traffic_pace traffic_pace_make(uint64_t bps, uint32_t load_ppm);

/* numerator / denominator with as many bits behind the point as fit; 2^62 ps
 * (53 days) at most. */
struct traffic_mean traffic_mean_make(u128 numerator, u128 denominator);

/* Mean time of 'frames' frames at the spec's load. */
struct traffic_mean traffic_mean_gap(const struct traffic_spec *spec,
                                     uint64_t port_bps, uint32_t frames);

/* 'factor' (Q32.32) times the mean; what is below a picosecond is carried. */
uint64_t traffic_mean_ps(const struct traffic_mean *mean, uint64_t factor,
                         uint64_t *rest);

/* What 'l1_bytes' take, with the remainder carried. */
static inline uint64_t
traffic_pace_ps(const struct traffic_pace *pace, uint64_t l1_bytes,
                uint64_t *carried)
{
    uint64_t ps = l1_bytes * pace->whole;

    if (pace->rest == 0)
        return ps;
    if (LIKELY(pace->denominator < (UINT64_C(1) << 48))) {
        uint64_t sum = l1_bytes * pace->rest + *carried;

        *carried = sum % pace->denominator;
        return ps + sum / pace->denominator;
    }
    u128 sum = (u128)l1_bytes * pace->rest + *carried;

    *carried = (uint64_t)(sum % pace->denominator);
    return ps + (uint64_t)(sum / pace->denominator);
}

#endif
