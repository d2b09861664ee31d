/* SPDX-License-Identifier: Apache-2.0
 *
 * The rolling digest of a run: 128 bits over everything that happened.
 *
 * Feed fields, one by one, as integers; never a struct (padding differs
 * between compilers) and never a pointer.  The value is XXH3-128 of the byte
 * stream, the same for any compiler, flags and x86-64 CPU.
 *
 * Checkpoints: with an interval, the digest is noted every so many events
 * together with the event's number and time, so that a replay can say where
 * it first differs.  Their number is bounded: when the list is full every
 * second one is dropped and the interval doubles.
 */
#ifndef SIM_KERNEL_DIGEST_H
#define SIM_KERNEL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "sim/kernel/simtime.h"

#define DIGEST_HEX_BYTES 33
#define DIGEST_CHECKPOINT_MAX 4096

struct run_digest; /* Opaque. */
struct event;

struct digest_value {
    uint64_t low;
    uint64_t high;
};

struct digest_checkpoint {
    uint64_t event_index; /* Events fed so far. */
    struct simtime at;    /* Time of the last of them. */
    struct digest_value value;
};

/* 'interval_events' between checkpoints, 0 for none. */
struct run_digest *run_digest_create(uint64_t interval_events);
void run_digest_destroy(struct run_digest *digest);

void run_digest_feed_u64(struct run_digest *digest, uint64_t value);

/* Length first, then the bytes. */
void run_digest_feed_bytes(struct run_digest *digest, const void *bytes,
                           size_t size);

/* The fields of one event that fires: time and key.  Counts it, and takes the
 * checkpoint when due.  Fits kernel_observe(). */
void run_digest_event(void *digest, const struct event *event);

/* The value so far; feeding may go on. */
struct digest_value run_digest_value(struct run_digest *digest);

/* The checkpoints so far, borrowed until the next feed. */
const struct digest_checkpoint *
run_digest_checkpoints(const struct run_digest *digest, size_t *count);

/* Where two lists of checkpoints part.  They may have different intervals.
 * True if they differ at a common event index: '*good' is the last common
 * index that agrees (0: none) and '*bad' the first that does not. */
bool run_digest_first_difference(const struct digest_checkpoint *a,
                                 size_t a_count,
                                 const struct digest_checkpoint *b,
                                 size_t b_count,
                                 struct digest_checkpoint *good,
                                 struct digest_checkpoint *bad);

bool run_digest_equal(struct digest_value a, struct digest_value b);

/* 32 hex digits, high half first.  Returns 'text'. */
char *run_digest_hex(struct digest_value value, char text[DIGEST_HEX_BYTES]);

/* The reverse.  ERR_MALFORMED for anything but 32 hex digits. */
MUST_USE int run_digest_parse(const char *text, struct digest_value *value);

#endif
