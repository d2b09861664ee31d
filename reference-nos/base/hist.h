/* SPDX-License-Identifier: Apache-2.0
 *
 * Histogram of 64-bit values with a bounded relative error.
 *
 * Shape    log-linear, as HdrHistogram: each power of two is cut into
 *          2^precision equal parts, so a value is known to one part in
 *          2^precision; values below 2^(precision+1) are exact.
 * Memory   in the caller's storage of hist_size_bytes(): 15 KiB at 5 bits
 *          (3 %), 58 KiB at 7 (0.8 %).
 * Numbers  integers only; counts saturate.
 */
#ifndef NOS_BASE_HIST_H
#define NOS_BASE_HIST_H

#include "reference-nos/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

#define HIST_PRECISION_MAX 10
#define HIST_PPB UINT64_C(1000000000) /* Parts of hist_quantile(). */

struct hist;

/* The storage a histogram of 1..HIST_PRECISION_MAX bits needs. */
size_t hist_size_bytes(unsigned precision_bits);

/* An empty histogram in 'storage', aligned to 8 bytes. */
struct hist *hist_init(void *storage, unsigned precision_bits);

void hist_clear(struct hist *hist);
void hist_add(struct hist *hist, uint64_t value, uint64_t count);

/* Adds all of 'from'; ERR_INVALID when the precisions differ. */
MUST_USE int hist_merge(struct hist *to, const struct hist *from);

uint64_t hist_count(const struct hist *hist);
uint64_t hist_min(const struct hist *hist); /* 0 when empty. */
uint64_t hist_max(const struct hist *hist);
uint64_t hist_sum(const struct hist *hist); /* Saturates. */

/* The smallest recorded magnitude that at least ppb/1e9 of the values do not
 * exceed, rounded up within its part (never above hist_max()).  0 when
 * empty. */
uint64_t hist_quantile(const struct hist *hist, uint64_t ppb);

/* Walks the parts that hold something: starts at *cursor = 0, returns the
 * count of the next one and its edges (both included), or 0 at the end. */
uint64_t hist_next(const struct hist *hist, size_t *cursor, uint64_t *low,
                   uint64_t *high);

#endif
