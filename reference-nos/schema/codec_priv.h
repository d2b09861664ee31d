/* SPDX-License-Identifier: Apache-2.0
 *
 * Small helpers that the codecs of this folder share.
 */
#ifndef NOS_SCHEMA_CODEC_PRIV_H
#define NOS_SCHEMA_CODEC_PRIV_H

#include "reference-nos/base/err.h"
#include "reference-nos/base/wire.h"

/* One byte in [low, high]; ERR_RANGE, and 'low', for others. */
static inline uint8_t
codec_read_between(struct wire_reader *reader, unsigned low, unsigned high)
{
    uint8_t value = wire_read_u8(reader);

    if (wire_reader_ok(reader) && value >= low && value <= high)
        return value;
    wire_reader_fail(reader, ERR_RANGE);
    return (uint8_t)low;
}

/* One byte below 'count'. */
static inline uint8_t
codec_read_enum(struct wire_reader *reader, unsigned count)
{
    return codec_read_between(reader, 0, count - 1);
}

#endif
