/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates: a token bucket, and log lines that repeat themselves.
 */
#ifndef NOS_LINUX_SECURE_LIMIT_PRIV_H
#define NOS_LINUX_SECURE_LIMIT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/units.h"
#include "reference-nos/platform/plat.h"

/* At most 'burst' at once and one more each 'period_ns'. */
struct bucket {
    uint64_t period_ns;
    uint64_t full_at_ns; /* when it will be full again */
    uint32_t burst;
};

void bucket_init(struct bucket *bucket, uint64_t period_ns, uint32_t burst);
/* Takes one; false when there is none. */
bool bucket_take(struct bucket *bucket, uint64_t now_ns);

/* The same line about the same peer comes once in LOG_SAME_NS; all lines
 * together come at LOG_PERIOD_NS, LOG_BURST at once; warnings and worse have
 * such a rate of their own. */
#define LOG_SAME_NS (10 * NS_PER_S)
#define LOG_PERIOD_NS (100 * NS_PER_MS)
#define LOG_BURST 50u
#define LOG_SLOTS 128u

struct log_slot {
    uint64_t what; /* 0: free */
    uint64_t until_ns;
    uint64_t suppressed;
};

struct log_limit {
    struct bucket bucket[2]; /* warnings; the rest */
    struct log_slot slot[LOG_SLOTS];
    void (*log)(void *arg, enum severity severity, const char *text);
    void *arg;
};

void log_limit_init(struct log_limit *limit,
                    void (*log)(void *arg, enum severity severity,
                                const char *text),
                    void *arg);
/* 'what' tells lines apart that are limited one by one.  True: it was not
 * held back. */
bool log_limited(struct log_limit *limit, uint64_t now_ns, uint64_t what,
                 enum severity severity, const char *format, ...)
    PRINTF_LIKE(5, 6);

#endif
