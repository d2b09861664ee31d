/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame: what one datagram between boxes carries.
 *
 * Layout, big-endian; 64 bytes, then the payload:
 *
 *    0  u8   magic 0x69
 *    1  u8   version
 *    2  u8   lane in bits 0-1, flags above
 *    3  u8   credit: frames from 'ack' on that the sender of this frame takes
 *    4  u8   from service
 *    5  u8   to service
 *    6  u16  message type
 *    8  u16  payload bytes
 *   10  u16  session number of the sender
 *   12  u16  tag of the receiver's life and session; 0: not known yet
 *   14  u40  incarnation of the sender
 *   19  u40  epoch (term)
 *   24  u64  from box
 *   32  u64  to box, all ones for every box
 *   40  u64  hybrid clock
 *   48  u32  sequence
 *   52  u32  acknowledged: every sequence below
 *   56  u32  trace id
 *   60  u32  checksum over the other 60 bytes and the payload
 *
 * Service, type, epoch, clock and trace id are those of the message and count
 * in its FIRST frame.  The payload of a FIRST frame that is not LAST starts
 * with the u32 size of the whole body.  The payload of an ACK frame is a u64
 * bitmap: bit i set, sequence ack + i has arrived.
 */
#ifndef NOS_BUS_FRAME_H
#define NOS_BUS_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/platform/plat.h"

#define FRAME_MAGIC 0x69
#define FRAME_VERSION 1
#define FRAME_HEADER_BYTES ((size_t)64)
#define FRAME_PAYLOAD_MAX ((size_t)PLAT_DATAGRAM_MAX - FRAME_HEADER_BYTES)

enum frame_flag {
    FRAME_FIRST = 1 << 0, /* begins a message */
    FRAME_LAST = 1 << 1,  /* ends a message */
    FRAME_ACK = 1 << 2,   /* acknowledges only */
    FRAME_RESET = 1 << 3  /* there is no such session */
};

struct frame {
    enum lane lane;
    unsigned flags; /* enum frame_flag */
    uint8_t credit;
    uint8_t from_service;
    uint8_t to_service;
    uint16_t type;
    uint16_t session;
    uint16_t to_tag;
    uint64_t incarnation; /* 40 bits */
    uint64_t epoch;       /* 40 bits */
    uint64_t from;
    uint64_t to;
    uint64_t hlc;
    uint32_t sequence;
    uint32_t ack;
    uint32_t trace_id;
    const uint8_t *payload;
    size_t size;
};

/* Writes the frame into 'bytes' (PLAT_DATAGRAM_MAX of room); the payload may
 * stand at its place there already.  Returns the size of the datagram. */
size_t bus_frame_encode(const struct frame *frame, uint8_t *bytes);

/* ERR_TRUNCATED, ERR_MALFORMED, ERR_VERSION, ERR_CORRUPT.  The payload is
 * lent from 'bytes'. */
MUST_USE int bus_frame_decode(const void *bytes, size_t size,
                              struct frame *frame);

#endif
