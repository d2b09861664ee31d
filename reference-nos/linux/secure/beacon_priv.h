/* SPDX-License-Identifier: Apache-2.0
 *
 * "I am here": the datagram that a box multicasts on each plane.  Anyone can
 * forge one, so it is a hint and nothing more.
 *
 * Layout   u8 BEACON_FIRST_BYTE, u8 version, u16 zero, u64 cluster id,
 *          u64 key, u64 incarnation; big endian, BEACON_BYTES in all.
 * First    the first byte tells a beacon from a DTLS record (20 to 63), after
 *          RFC 7983; it is in a range which that document leaves free.
 */
#ifndef NOS_LINUX_SECURE_BEACON_PRIV_H
#define NOS_LINUX_SECURE_BEACON_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"

#define BEACON_FIRST_BYTE 0x53u
#define BEACON_VERSION 1u
#define BEACON_BYTES 28u

struct beacon {
    uint64_t cluster_id;
    uint64_t key;
    uint64_t incarnation;
};

void plane_beacon_write(const struct beacon *beacon,
                        uint8_t out[BEACON_BYTES]);
/* ERR_MALFORMED, ERR_TRUNCATED, ERR_VERSION. */
MUST_USE int plane_beacon_read(const void *bytes, size_t size,
                               struct beacon *out);

#endif
