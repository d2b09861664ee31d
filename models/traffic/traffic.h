/* SPDX-License-Identifier: Apache-2.0
 *
 * Offered traffic: who sends what to whom, and when.  Open loop: a packet is
 * due at its intended time whether or not the sender was able to send it, so
 * a stalled sender hides nothing (coordinated omission).
 *
 * Sizes     bytes of the Ethernet frame, FCS included (RFC 2544: 64..1518).
 * Load      share of the port's rate at layer 1: a frame takes its bytes plus
 *           TRAFFIC_L1_BYTES (preamble, delimiter, inter-frame gap; IEEE
 *           802.3).  Parts per million.
 * IMIX      7 x 64, 4 x 594, 1 x 1518 bytes (RFC 6985 writes it 7:4:1).
 * Constant  each frame is followed by its own time on the wire divided by
 *           the load, so frames of one source never overlap.
 * Poisson   exponential gaps with the mean that gives the load, whatever the
 *           sizes (M/G/1).
 * On-off    bursts at port rate: exponential burst and pause.  Heavy-tailed:
 *           the same with Pareto bursts (shape 1.5, bounded at 1000 means;
 *           Taqqu, Willinger, Sherman 1997).  Time of a burst that is too
 *           short for a frame is kept for the next one, so the load is exact;
 *           a mean burst is at least the largest frame.
 * Incast    each round is 'burst_frames' of every sender at its port's rate;
 *           rounds start at 'begin_ps' and then at the interval that gives
 *           the load, at the same picosecond for senders of equal ports.
 *           Arrivals are constant, or back-to-back for one round.
 * Exactness remainders of divisions are carried: the rate of a source is off
 *           by less than 2^-31 of itself, for ever.
 * Draws     counter-based (sim/kernel/random.h) by (seed, source, purpose):
 *           a source's packets do not depend on any other source.  A choice
 *           among n has a bias below n / 2^32.
 * Ends      sources are numbered by the caller (0 .. ends-1); a destination
 *           is such a number.  Without receivers the senders are the
 *           receivers.  No end sends to itself.
 */
#ifndef MODELS_TRAFFIC_TRAFFIC_H
#define MODELS_TRAFFIC_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

#define TRAFFIC_L1_BYTES 20u
#define TRAFFIC_FRAME_MIN 64u
#define TRAFFIC_FRAME_MAX 9216u
#define TRAFFIC_SIZES_MAX 16u

enum traffic_pattern {
    TRAFFIC_UNIFORM,     /* each packet to a uniform other receiver */
    TRAFFIC_PERMUTATION, /* to one other receiver, all different, by seed */
    TRAFFIC_PAIRS,       /* sender i to receiver i modulo their number */
    TRAFFIC_HOT_SPOT,    /* share 'hot_ppm' to receivers[0], the rest uniform
                          * over all (Pfister and Norton 1985) */
    TRAFFIC_INCAST,      /* all to receivers[0], bursts at the same instant */
    TRAFFIC_ALL_TO_ALL   /* in turn to each other one, starting after itself */
};

enum traffic_arrivals {
    TRAFFIC_CONSTANT, /* first one at a drawn phase within its gap */
    TRAFFIC_POISSON,
    TRAFFIC_ON_OFF,
    TRAFFIC_HEAVY_TAILED,
    TRAFFIC_BACK_TO_BACK, /* bursts of 'burst_frames' at port rate, once */
    TRAFFIC_REPLAY        /* sizes and gaps of a capture */
};

struct traffic_size {
    uint16_t bytes;
    uint32_t weight;
};

struct traffic_replay { /* of models/capture, or made by hand; borrowed */
    size_t count;
    const uint64_t *gap_ps; /* before packet i; gap_ps[0] counts too */
    const uint16_t *bytes;
};

struct traffic_spec {
    uint32_t id; /* of the spec in the run: draws that its sources share */
    enum traffic_pattern pattern;
    enum traffic_arrivals arrivals;
    const uint32_t *senders, *receivers; /* ends; borrowed */
    uint32_t sender_count, receiver_count;
    struct traffic_size sizes[TRAFFIC_SIZES_MAX];
    unsigned size_count;
    uint32_t load_ppm;     /* of the sender's port */
    uint32_t hot_ppm;      /* HOT_SPOT */
    uint64_t burst_ps;     /* ON_OFF, HEAVY_TAILED: mean burst */
    uint32_t burst_frames; /* BACK_TO_BACK, INCAST (per sender and round) */
    uint8_t traffic_class; /* 0 lowest .. 7 */
    uint8_t flows;         /* per sender and receiver, for ECMP; at least 1 */
    uint64_t begin_ps, end_ps; /* intended times lie in [begin, end) */
    uint64_t packets_max;      /* of each sender; 0: no limit */
    struct traffic_replay replay;
    bool replay_loops;
};

/* One packet to come. */
struct traffic_packet {
    uint64_t due_ps; /* intended time: its first bit on the sender's wire */
    uint32_t to;     /* end */
    uint16_t bytes;
    uint16_t flow;
};

/* Picoseconds per byte: whole + rest / denominator. */
struct traffic_pace {
    uint64_t whole, rest, denominator;
};

/* Picoseconds as fixed / 2^shift. */
struct traffic_mean {
    uint64_t fixed;
    unsigned shift;
};

/* One sender of a spec; a plain struct that may be copied.  Fields are the
 * folder's own. */
struct traffic_source {
    const struct traffic_spec *spec;
    uint64_t seed;
    uint64_t port_bps;
    uint32_t index;  /* among the spec's senders */
    uint32_t stream; /* draws: entity */
    uint64_t n;      /* packets made */
    uint64_t due_ps; /* of the next packet, if it comes */
    struct traffic_pace pace;
    struct traffic_mean mean;      /* gap, pause or round, by arrivals */
    uint64_t pace_rest, mean_rest; /* carried */
    uint64_t burst_ps;             /* mean burst */
    uint64_t burst_end_ps;
    uint64_t budget_ps; /* on-time not yet used */
    uint64_t bursts;    /* drawn */
    uint64_t round_ps;  /* when this round began */
    size_t next_replay;
    const uint32_t *receivers;
    uint32_t receiver_count;
    uint32_t weights; /* sum */
    uint32_t self;    /* among receivers, or UINT32_MAX */
    uint32_t peer;    /* PERMUTATION, PAIRS, INCAST: the end */
    uint32_t next;    /* ALL_TO_ALL: among receivers */
    uint32_t in_round;
};

/* Limits. */
#define TRAFFIC_PORT_BPS_MIN UINT64_C(1000000)
#define TRAFFIC_PORT_BPS_MAX UINT64_C(10000000000000)
#define TRAFFIC_WEIGHTS_MAX 1000000u /* their sum */
#define TRAFFIC_ENDS_MAX 65536u

/* ERR_INVALID with a sentence when the spec cannot be (load 0 or above 100 %,
 * no receiver but the sender, empty sizes, ...). */
MUST_USE int traffic_check(const struct traffic_spec *spec, char *message,
                           size_t message_size);

/* 'stream' numbers the source over all specs of a run.  The spec has passed
 * traffic_check() and outlives the source. */
void traffic_source_init(struct traffic_source *source,
                         const struct traffic_spec *spec, uint32_t index,
                         uint32_t stream, uint64_t port_bps, uint64_t seed);

/* The next packet; false when the source has ended. */
bool traffic_next(struct traffic_source *source,
                  struct traffic_packet *packet);

/* Mean frame in bytes x 1000. */
uint64_t traffic_mean_millibytes(const struct traffic_spec *spec);

/* Picoseconds that 'bytes' take at 'bps', rounded to nearest. */
static inline uint64_t
traffic_wire_ps(uint64_t bytes, uint64_t bps)
{
    __extension__ unsigned __int128 bits = bytes;

    return (uint64_t)((bits * 8 * 1000000000000u + bps / 2) / bps);
}

extern const struct traffic_size traffic_imix[3];

#endif
