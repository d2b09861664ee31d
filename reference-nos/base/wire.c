/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/wire.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <string.h>

const uint8_t wire_nothing[] = {0};

bool
wire_read_bool(struct wire_reader *reader)
{
    uint8_t value = wire_read_u8(reader);

    if (value > 1)
        wire_reader_fail(reader, ERR_MALFORMED);
    return value == 1;
}

void
wire_read_copy(struct wire_reader *reader, void *to, size_t size)
{
    const uint8_t *bytes = wire_read_bytes(reader, size);

    if (size == 0)
        return;
    if (bytes == NULL)
        memset(to, 0, size);
    else
        memcpy(to, bytes, size);
}

void
wire_read_string(struct wire_reader *reader, char *to, size_t capacity)
{
    size_t size = wire_read_u16(reader);
    const uint8_t *bytes = wire_read_bytes(reader, size);

    CHECK(capacity > 0);
    to[0] = '\0';
    if (bytes == NULL)
        return;
    if (size >= capacity) {
        wire_reader_fail(reader, ERR_RANGE);
    } else if (memchr(bytes, 0, size) != NULL) {
        wire_reader_fail(reader, ERR_MALFORMED);
    } else {
        memcpy(to, bytes, size);
        to[size] = '\0';
    }
}

const uint8_t *
wire_read_blob(struct wire_reader *reader, size_t *size)
{
    size_t wanted = wire_read_u32(reader);
    const uint8_t *bytes = wire_read_bytes(reader, wanted);

    *size = bytes == NULL ? 0 : wanted;
    return bytes;
}

int
wire_reader_finish(const struct wire_reader *reader)
{
    if (reader->error != 0)
        return reader->error;
    return reader->at == reader->end ? 0 : ERR_MALFORMED;
}

void
wire_writer_init(struct wire_writer *writer, void *bytes, size_t size)
{
    CHECK(bytes != NULL || size == 0);
    writer->start = bytes;
    writer->at = writer->start;
    writer->end = size == 0 ? writer->start : writer->start + size;
    writer->error = 0;
}

static void
writer_fail(struct wire_writer *writer, int error)
{
    if (writer->error == 0)
        writer->error = error;
}

uint8_t *
wire_write_space(struct wire_writer *writer, size_t size)
{
    uint8_t *bytes = writer->at;

    if (UNLIKELY(writer->error != 0 || wire_writer_left(writer) < size)) {
        writer_fail(writer, ERR_FULL);
        return NULL;
    }
    if (size > 0)
        writer->at += size;
    return bytes;
}

static inline void
put_number(uint8_t *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static inline void
write_number(struct wire_writer *writer, uint64_t value, size_t size)
{
    uint8_t *bytes = wire_write_space(writer, size);

    if (bytes != NULL)
        put_number(bytes, value, size);
}

void
wire_write_u8(struct wire_writer *writer, uint8_t value)
{
    write_number(writer, value, 1);
}

void
wire_write_u16(struct wire_writer *writer, uint16_t value)
{
    write_number(writer, value, 2);
}

void
wire_write_u32(struct wire_writer *writer, uint32_t value)
{
    write_number(writer, value, 4);
}

void
wire_write_u64(struct wire_writer *writer, uint64_t value)
{
    write_number(writer, value, 8);
}

void
wire_write_bool(struct wire_writer *writer, bool value)
{
    write_number(writer, value, 1);
}

void
wire_write_bytes(struct wire_writer *writer, const void *bytes, size_t size)
{
    uint8_t *space = wire_write_space(writer, size);

    if (space != NULL && size > 0)
        memcpy(space, bytes, size);
}

void
wire_write_string(struct wire_writer *writer, const char *text)
{
    size_t size = strlen(text);

    if (size > UINT16_MAX) {
        writer_fail(writer, ERR_RANGE);
        return;
    }
    wire_write_u16(writer, (uint16_t)size);
    wire_write_bytes(writer, text, size);
}

void
wire_write_blob(struct wire_writer *writer, const void *bytes, size_t size)
{
    if (size > UINT32_MAX) {
        writer_fail(writer, ERR_RANGE);
        return;
    }
    wire_write_u32(writer, (uint32_t)size);
    wire_write_bytes(writer, bytes, size);
}

void
wire_write_u32_at(struct wire_writer *writer, size_t offset, uint32_t value)
{
    if (writer->error != 0)
        return;
    CHECK(offset + 4 <= wire_writer_size(writer));
    put_number(writer->start + offset, value, 4);
}

int
wire_writer_finish(const struct wire_writer *writer)
{
    return writer->error;
}
