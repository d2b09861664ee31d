/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/limit_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
bucket_init(struct bucket *bucket, uint64_t period_ns, uint32_t burst)
{
    bucket->period_ns = period_ns;
    bucket->burst = burst;
    bucket->full_at_ns = 0;
}

bool
bucket_take(struct bucket *bucket, uint64_t now_ns)
{
    uint64_t full_at_ns =
        bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;

    if (full_at_ns + bucket->period_ns - now_ns >
        bucket->period_ns * bucket->burst)
        return false;
    bucket->full_at_ns = full_at_ns + bucket->period_ns;
    return true;
}

void
log_limit_init(struct log_limit *limit,
               void (*log)(void *arg, enum severity severity,
                           const char *text),
               void *arg)
{
    memset(limit, 0, sizeof(*limit));
    bucket_init(&limit->bucket[0], LOG_PERIOD_NS, LOG_BURST);
    bucket_init(&limit->bucket[1], LOG_PERIOD_NS, LOG_BURST);
    limit->log = log;
    limit->arg = arg;
}

/* The slot of 'what': its own, else one that has run out, else the one that
 * runs out first. */
static struct log_slot *
slot_of(struct log_limit *limit, uint64_t what)
{
    struct log_slot *oldest = &limit->slot[0];

    for (unsigned i = 0; i < LOG_SLOTS; i++) {
        struct log_slot *slot = &limit->slot[i];

        if (slot->what == what)
            return slot;
        if (slot->until_ns < oldest->until_ns)
            oldest = slot;
    }
    oldest->what = what;
    oldest->until_ns = 0;
    oldest->suppressed = 0;
    return oldest;
}

bool
log_limited(struct log_limit *limit, uint64_t now_ns, uint64_t what,
            enum severity severity, const char *format, ...)
{
    struct log_slot *slot = slot_of(limit, what);
    char text[512];
    int length;
    va_list args;

    if (now_ns < slot->until_ns ||
        !bucket_take(&limit->bucket[severity > SEVERITY_WARNING], now_ns)) {
        slot->suppressed++;
        return false;
    }
    va_start(args, format);
    length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (slot->suppressed > 0 && length > 0 && (size_t)length < sizeof(text))
        snprintf(text + length, sizeof(text) - (size_t)length,
                 " (and %" PRIu64 " times before)", slot->suppressed);
    slot->suppressed = 0;
    slot->until_ns = now_ns + LOG_SAME_NS;
    if (limit->log != NULL)
        limit->log(limit->arg, severity, text);
    return true;
}
