/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/record/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"

#define HASH_SEED 0x7461706575u
#define VARINT_BITS 7
#define VARINT_MAX_BYTES 10u

const char *
tape_tag_text(enum tape_tag tag)
{
    static const char *const texts[] = {
#define TAPE_TEXT(name, text) text,
        TAPE_TABLE(TAPE_TEXT)
#undef TAPE_TEXT
    };

    return tag < TAPE_TAG_COUNT ? texts[tag] : "unknown";
}

void
tape_init(struct tape *tape, bool reading)
{
    *tape = (struct tape){.reading = reading};
}

void
tape_fini(struct tape *tape)
{
    if (!tape->reading)
        free(tape->bytes);
    tape->bytes = NULL;
}

void
tape_rewind(struct tape *tape)
{
    CHECK(!tape->reading);
    tape->size = 0;
}

void
tape_load(struct tape *tape, uint8_t *bytes, size_t size)
{
    CHECK(tape->reading);
    tape->bytes = bytes;
    tape->size = size;
    tape->at = 0;
}

/* ---- writing ---- */

static void
put_bytes(struct tape *tape, const void *bytes, size_t size)
{
    if (tape->size + size > tape->room) {
        tape->room = 2 * (tape->size + size) + 256;
        tape->bytes = realloc(tape->bytes, tape->room);
        CHECK(tape->bytes != NULL);
    }
    if (size > 0)
        memcpy(tape->bytes + tape->size, bytes, size);
    tape->size += size;
}

static void
put_number(struct tape *tape, uint64_t number)
{
    uint8_t bytes[VARINT_MAX_BYTES];
    size_t size = 0;

    do {
        bytes[size] = (uint8_t)(number & 0x7f);
        number >>= VARINT_BITS;
        if (number != 0)
            bytes[size] |= 0x80;
        size++;
    } while (number != 0);
    put_bytes(tape, bytes, size);
}

/* ---- reading ---- */

static void
differ(struct tape *tape, const char *recorded, const char *done)
{
    if (tape->different)
        return;
    tape->different = true;
    snprintf(tape->recorded, sizeof(tape->recorded), "%s", recorded);
    snprintf(tape->done, sizeof(tape->done), "%s", done);
}

static void
differ_in(struct tape *tape, const char *field, uint64_t recorded,
          uint64_t done)
{
    char was[TAPE_TEXT_MAX];
    char is[TAPE_TEXT_MAX];

    snprintf(was, sizeof(was), "%s: %s %llu", tape_tag_text(tape->tag), field,
             (unsigned long long)recorded);
    snprintf(is, sizeof(is), "%s: %s %llu", tape_tag_text(tape->tag), field,
             (unsigned long long)done);
    differ(tape, was, is);
}

static bool
get_bytes(struct tape *tape, void *bytes, size_t size)
{
    if (tape->different || size > tape->size - tape->at) {
        differ(tape, "nothing more in this step", tape_tag_text(tape->tag));
        memset(bytes, 0, size);
        return false;
    }
    memcpy(bytes, tape->bytes + tape->at, size);
    tape->at += size;
    return true;
}

static uint64_t
get_number(struct tape *tape)
{
    uint64_t number = 0;
    uint8_t byte = 0x80;

    for (unsigned shift = 0; (byte & 0x80) && shift < 64;
         shift += VARINT_BITS) {
        if (!get_bytes(tape, &byte, 1))
            return 0;
        number |= (uint64_t)(byte & 0x7f) << shift;
    }
    return number;
}

/* ---- both ---- */

enum tape_tag
tape_peek(const struct tape *tape)
{
    if (tape->at >= tape->size || tape->bytes[tape->at] >= TAPE_TAG_COUNT)
        return TAPE_END;
    return (enum tape_tag)tape->bytes[tape->at];
}

void
tape_begin(struct tape *tape, enum tape_tag tag)
{
    uint8_t byte = (uint8_t)tag;

    tape->tag = tag;
    if (!tape->reading) {
        put_bytes(tape, &byte, 1);
        return;
    }
    if (tape->different)
        return;
    if (tape_peek(tape) != tag) {
        differ(tape, tape_tag_text(tape_peek(tape)), tape_tag_text(tag));
        return;
    }
    tape->at++;
}

uint64_t
tape_answer(struct tape *tape, uint64_t mine)
{
    if (tape->reading)
        return get_number(tape);
    put_number(tape, mine);
    return mine;
}

void
tape_same(struct tape *tape, const char *field, uint64_t mine)
{
    uint64_t recorded;

    if (!tape->reading) {
        put_number(tape, mine);
        return;
    }
    recorded = get_number(tape);
    if (recorded != mine)
        differ_in(tape, field, recorded, mine);
}

void
tape_answer_bytes(struct tape *tape, void *bytes, size_t size)
{
    if (tape->reading)
        (void)get_bytes(tape, bytes, size);
    else
        put_bytes(tape, bytes, size);
}

void
tape_note_bytes(struct tape *tape, const void *bytes, size_t size)
{
    CHECK(!tape->reading);
    put_bytes(tape, bytes, size);
}

void
tape_same_bytes(struct tape *tape, const char *field, const void *bytes,
                size_t size)
{
    tape_same(tape, "size", size);
    tape_same(tape, field, hash64(HASH_SEED, size > 0 ? bytes : "", size));
}

void
tape_finish(struct tape *tape)
{
    CHECK(tape->reading);
    if (tape->at < tape->size)
        differ(tape, tape_tag_text(tape_peek(tape)), "nothing");
}
