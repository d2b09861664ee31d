/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests and checksums (XXH3; not a defence against an attacker).
 *
 * Rolling  struct digest takes fields as they come and gives 128 bits at any
 *          time.  It depends on the bytes and their order, not on how they
 *          were cut into calls.  It is plain data: copying it is a snapshot.
 *          The value is chained over blocks, hence not the XXH3 of the whole.
 * Fields   feed numbers through digest_u64() and the like, never a struct:
 *          padding would enter.
 * Once     digest_of() is plain XXH3-128 of one buffer.
 */
#ifndef NOS_BASE_DIGEST_H
#define NOS_BASE_DIGEST_H

#include "reference-nos/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest128 {
    uint64_t high;
    uint64_t low;
};

#define DIGEST_BLOCK_BYTES 1024

struct digest {
    uint64_t total_bytes;
    struct digest128 chain; /* Of all full blocks so far. */
    uint8_t block[DIGEST_BLOCK_BYTES];
};

void digest_init(struct digest *digest);
void digest_bytes(struct digest *digest, const void *bytes, size_t size);
void digest_u8(struct digest *digest, uint8_t value);
void digest_u32(struct digest *digest, uint32_t value);
void digest_u64(struct digest *digest, uint64_t value);

/* The length and the bytes, so that neighbouring texts cannot melt. */
void digest_text(struct digest *digest, const char *text);

/* The value so far; more may follow. */
struct digest128 digest_value(const struct digest *digest);

struct digest128 digest_of(const void *bytes, size_t size);

static inline bool
digest_equal(struct digest128 a, struct digest128 b)
{
    return a.high == b.high && a.low == b.low;
}

/* A checksum for frames and records on disk; 'seed' tells kinds apart. */
uint32_t checksum32(uint32_t seed, const void *bytes, size_t size);

/* A 64-bit hash for tables and keys. */
uint64_t hash64(uint64_t seed, const void *bytes, size_t size);

#endif
