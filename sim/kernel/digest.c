/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kernel/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "sim/kernel/event.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BUFFER_BYTES 32768

struct run_digest {
    XXH3_state_t state; /* First: it wants an alignment of 64. */
    size_t fill;        /* Bytes in 'buffer'. */
    uint64_t event_count;
    uint64_t interval; /* Events between checkpoints, 0: none. */
    uint64_t next;     /* Event count of the next checkpoint. */
    size_t checkpoint_count;
    struct digest_checkpoint *checkpoints;
    unsigned char buffer[BUFFER_BYTES];
};

struct run_digest *
run_digest_create(uint64_t interval_events)
{
    size_t size = (sizeof(struct run_digest) + 63) / 64 * 64;
    struct run_digest *digest = aligned_alloc(64, size);

    CHECK(digest != NULL);
    memset(digest, 0, sizeof(*digest));
    CHECK(XXH3_128bits_reset(&digest->state) == XXH_OK);
    digest->interval = interval_events;
    digest->next = interval_events > 0 ? interval_events : UINT64_MAX;
    if (interval_events > 0) {
        digest->checkpoints =
            calloc(DIGEST_CHECKPOINT_MAX, sizeof(*digest->checkpoints));
        CHECK(digest->checkpoints != NULL);
    }
    return digest;
}

void
run_digest_destroy(struct run_digest *digest)
{
    if (digest == NULL)
        return;
    free(digest->checkpoints);
    free(digest);
}

static void
flush(struct run_digest *digest)
{
    CHECK(XXH3_128bits_update(&digest->state, digest->buffer, digest->fill) ==
          XXH_OK);
    digest->fill = 0;
}

void
run_digest_feed_u64(struct run_digest *digest, uint64_t value)
{
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    if (digest->fill + sizeof(bytes) > BUFFER_BYTES)
        flush(digest);
    memcpy(&digest->buffer[digest->fill], bytes, sizeof(bytes));
    digest->fill += sizeof(bytes);
}

void
run_digest_feed_bytes(struct run_digest *digest, const void *bytes,
                      size_t size)
{
    run_digest_feed_u64(digest, size);
    if (digest->fill + size > BUFFER_BYTES)
        flush(digest);
    if (size > BUFFER_BYTES) {
        CHECK(XXH3_128bits_update(&digest->state, bytes, size) == XXH_OK);
        return;
    }
    if (size > 0)
        memcpy(&digest->buffer[digest->fill], bytes, size);
    digest->fill += size;
}

struct digest_value
run_digest_value(struct run_digest *digest)
{
    flush(digest);
    XXH128_hash_t hash = XXH3_128bits_digest(&digest->state);
    return (struct digest_value){hash.low64, hash.high64};
}

/* Keeps every second checkpoint, those at multiples of the new interval. */
static void
thin_out(struct run_digest *digest)
{
    size_t kept = 0;

    for (size_t i = 1; i < digest->checkpoint_count; i += 2)
        digest->checkpoints[kept++] = digest->checkpoints[i];
    digest->checkpoint_count = kept;
    digest->interval *= 2;
}

static void
checkpoint_take(struct run_digest *digest, struct simtime at)
{
    if (digest->checkpoint_count == DIGEST_CHECKPOINT_MAX)
        thin_out(digest);
    if (digest->event_count % digest->interval == 0)
        digest->checkpoints[digest->checkpoint_count++] =
            (struct digest_checkpoint){digest->event_count, at,
                                       run_digest_value(digest)};
    digest->next =
        (digest->event_count / digest->interval + 1) * digest->interval;
}

void
run_digest_event(void *context, const struct event *event)
{
    struct run_digest *digest = context;

    run_digest_feed_u64(digest, event->at.ps);
    run_digest_feed_u64(digest, event->key);
    if (UNLIKELY(++digest->event_count == digest->next))
        checkpoint_take(digest, event->at);
}

const struct digest_checkpoint *
run_digest_checkpoints(const struct run_digest *digest, size_t *count)
{
    *count = digest->checkpoint_count;
    return digest->checkpoints;
}

bool
run_digest_first_difference(const struct digest_checkpoint *a, size_t a_count,
                            const struct digest_checkpoint *b, size_t b_count,
                            struct digest_checkpoint *good,
                            struct digest_checkpoint *bad)
{
    struct digest_checkpoint last = {0};
    size_t i = 0;
    size_t j = 0;

    while (i < a_count && j < b_count) {
        if (a[i].event_index < b[j].event_index) {
            i++;
        } else if (a[i].event_index > b[j].event_index) {
            j++;
        } else if (run_digest_equal(a[i].value, b[j].value)) {
            last = a[i];
            i++;
            j++;
        } else {
            *good = last;
            *bad = a[i];
            return true;
        }
    }
    return false;
}

bool
run_digest_equal(struct digest_value a, struct digest_value b)
{
    return a.low == b.low && a.high == b.high;
}

char *
run_digest_hex(struct digest_value value, char text[DIGEST_HEX_BYTES])
{
    snprintf(text, DIGEST_HEX_BYTES, "%016" PRIx64 "%016" PRIx64, value.high,
             value.low);
    return text;
}

static int
hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

int
run_digest_parse(const char *text, struct digest_value *value)
{
    struct digest_value parsed = {0, 0};

    for (int i = 0; i < 32; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return ERR_MALFORMED;
        uint64_t *half = i < 16 ? &parsed.high : &parsed.low;
        *half = *half << 4 | (uint64_t)digit;
    }
    if (text[32] != '\0')
        return ERR_MALFORMED;
    *value = parsed;
    return 0;
}
