/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing big-endian bytes in the caller's buffer.
 *
 * Errors   stick: after the first one a reader gives zeros (NULL for bytes)
 *          and a writer writes nothing more, so a codec is a straight line of
 *          calls with one check at its end.
 * Bounds   nothing outside the buffer is ever touched.
 * Memory   wire_read_bytes() and wire_read_blob() lend from the buffer.
 */
#ifndef NOS_BASE_WIRE_H
#define NOS_BASE_WIRE_H

#include "reference-nos/base/check.h"
#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
    int error; /* The first one met. */
};

struct wire_writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    int error;
};

extern const uint8_t wire_nothing[]; /* where a reader of no bytes stands */

static inline void
wire_reader_init(struct wire_reader *reader, const void *bytes, size_t size)
{
    CHECK(bytes != NULL || size == 0);
    reader->at = bytes == NULL ? wire_nothing : bytes;
    reader->end = reader->at + size;
    reader->error = 0;
}

/* Reports an error found by the caller. */
static inline void
wire_reader_fail(struct wire_reader *reader, int error)
{
    CHECK(error != 0);
    if (reader->error == 0)
        reader->error = error;
    reader->at = reader->end;
}

static inline size_t
wire_reader_left(const struct wire_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline bool
wire_reader_ok(const struct wire_reader *reader)
{
    return reader->error == 0;
}

/* The next 'size' bytes, or NULL. */
static inline const uint8_t *
wire_read_bytes(struct wire_reader *reader, size_t size)
{
    const uint8_t *bytes = reader->at;

    if (UNLIKELY(reader->error != 0 || wire_reader_left(reader) < size)) {
        wire_reader_fail(reader, ERR_TRUNCATED);
        return NULL;
    }
    reader->at += size;
    return bytes;
}

/* Numbers are 0 on failure.  Without loops: so compilers see one load. */

static inline uint8_t
wire_read_u8(struct wire_reader *reader)
{
    const uint8_t *bytes = wire_read_bytes(reader, 1);

    return bytes == NULL ? 0 : bytes[0];
}

static inline uint16_t
wire_read_u16(struct wire_reader *reader)
{
    const uint8_t *bytes = wire_read_bytes(reader, 2);

    return bytes == NULL ? 0 : (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Four bytes as one number. */
static inline uint32_t
wire_get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline uint32_t
wire_read_u32(struct wire_reader *reader)
{
    const uint8_t *bytes = wire_read_bytes(reader, 4);

    return bytes == NULL ? 0 : wire_get_u32(bytes);
}

static inline uint64_t
wire_read_u64(struct wire_reader *reader)
{
    const uint8_t *bytes = wire_read_bytes(reader, 8);

    return bytes == NULL
               ? 0
               : (uint64_t)wire_get_u32(bytes) << 32 | wire_get_u32(bytes + 4);
}

/* One byte, 0 or 1; others are ERR_MALFORMED. */
bool wire_read_bool(struct wire_reader *reader);

/* Copies 'size' bytes; zeroes 'to' on failure. */
void wire_read_copy(struct wire_reader *reader, void *to, size_t size);

/* A u16 length and that many bytes, copied with an end added.  ERR_RANGE when
 * it does not fit 'capacity', ERR_MALFORMED when a zero byte is inside; 'to'
 * is the empty text then. */
void wire_read_string(struct wire_reader *reader, char *to, size_t capacity);

/* A u32 length and that many bytes, lent; '*size' is 0 on failure. */
const uint8_t *wire_read_blob(struct wire_reader *reader, size_t *size);

/* The verdict at the end of a message: the first error, or ERR_MALFORMED if
 * bytes are left. */
MUST_USE int wire_reader_finish(const struct wire_reader *reader);

void wire_writer_init(struct wire_writer *writer, void *bytes, size_t size);

void wire_write_u8(struct wire_writer *writer, uint8_t value);
void wire_write_u16(struct wire_writer *writer, uint16_t value);
void wire_write_u32(struct wire_writer *writer, uint32_t value);
void wire_write_u64(struct wire_writer *writer, uint64_t value);
void wire_write_bool(struct wire_writer *writer, bool value);
void wire_write_bytes(struct wire_writer *writer, const void *bytes,
                      size_t size);

/* As wire_read_string() reads it; ERR_RANGE above 65535 bytes. */
void wire_write_string(struct wire_writer *writer, const char *text);

/* As wire_read_blob() reads it. */
void wire_write_blob(struct wire_writer *writer, const void *bytes,
                     size_t size);

/* 'size' bytes to be filled by the caller, or NULL. */
uint8_t *wire_write_space(struct wire_writer *writer, size_t size);

/* Overwrites a u32 (a count, a length) written before at 'offset'. */
void wire_write_u32_at(struct wire_writer *writer, size_t offset,
                       uint32_t value);

static inline size_t
wire_writer_size(const struct wire_writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

static inline size_t
wire_writer_left(const struct wire_writer *writer)
{
    return (size_t)(writer->end - writer->at);
}

/* 0, ERR_FULL when the buffer was too small, or another first error. */
MUST_USE int wire_writer_finish(const struct wire_writer *writer);

#endif
