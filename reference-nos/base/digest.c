/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/digest.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void
digest_init(struct digest *digest)
{
    digest->total_bytes = 0;
    digest->chain.high = 0;
    digest->chain.low = 0;
}

static struct digest128
hash_block(const uint8_t *block, size_t size, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(block, size, seed);

    return (struct digest128){hash.high64, hash.low64};
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
    return (a ^ b) * UINT64_C(0x9e3779b97f4a7c15) + (b >> 32 ^ b << 32);
}

/* The chain carried on over one block.  The low half of the chain seeds the
 * hash of the block; the high half is mixed in behind it. */
static struct digest128
link_block(struct digest128 chain, const uint8_t *block, size_t size)
{
    struct digest128 hash = hash_block(block, size, chain.low);

    hash.high = mix(hash.high, chain.high);
    return hash;
}

void
digest_bytes(struct digest *digest, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;

    while (size > 0) {
        size_t fill = digest->total_bytes % DIGEST_BLOCK_BYTES;
        size_t room = DIGEST_BLOCK_BYTES - fill;
        size_t part = size < room ? size : room;

        memcpy(digest->block + fill, from, part);
        digest->total_bytes += part;
        from += part;
        size -= part;
        if (part == room)
            digest->chain =
                link_block(digest->chain, digest->block, DIGEST_BLOCK_BYTES);
    }
}

void
digest_u8(struct digest *digest, uint8_t value)
{
    digest_bytes(digest, &value, sizeof(value));
}

void
digest_u32(struct digest *digest, uint32_t value)
{
    uint8_t bytes[4];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    digest_bytes(digest, bytes, sizeof(bytes));
}

void
digest_u64(struct digest *digest, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    digest_bytes(digest, bytes, sizeof(bytes));
}

void
digest_text(struct digest *digest, const char *text)
{
    size_t size = strlen(text);

    digest_u64(digest, size);
    digest_bytes(digest, text, size);
}

struct digest128
digest_value(const struct digest *digest)
{
    size_t fill = digest->total_bytes % DIGEST_BLOCK_BYTES;
    struct digest128 value = link_block(digest->chain, digest->block, fill);
    uint8_t length[8];

    for (unsigned i = 0; i < sizeof(length); i++)
        length[i] = (uint8_t)(digest->total_bytes >> 8 * i);
    return link_block(value, length, sizeof(length));
}

struct digest128
digest_of(const void *bytes, size_t size)
{
    return hash_block(bytes, size, 0);
}

uint32_t
checksum32(uint32_t seed, const void *bytes, size_t size)
{
    return (uint32_t)XXH3_64bits_withSeed(bytes, size, seed);
}

uint64_t
hash64(uint64_t seed, const void *bytes, size_t size)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}
