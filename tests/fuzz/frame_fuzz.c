/* SPDX-License-Identifier: Apache-2.0
 *
 * What passes between the processes of one box: events, facts and table
 * entries of any bytes.  What is read must come out again as the same bytes.
 */
#include "reference-nos/linux/procs/frame.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Compares what was written, without the frame's head, with 'bytes'. */
static void
same(struct wire_writer *writer, const uint8_t *bytes, size_t size)
{
    size_t whole = frame_end(writer);

    CHECK(whole == FRAME_HEAD + size);
    CHECK(memcmp(writer->start + FRAME_HEAD, bytes, size) == 0);
    free(writer->start);
}

static void
fuzz_event(const uint8_t *bytes, size_t size)
{
    struct wire_reader reader;
    struct wire_writer writer;
    struct actor_event event;

    wire_reader_init(&reader, bytes, size);
    if (frame_event_read(&reader, &event) != 0)
        return;
    CHECK(frame_event_payload(&event) <= size);
    frame_begin(&writer, FRAME_EVENT, frame_event_payload(&event));
    frame_event_write(&writer, &event);
    same(&writer, bytes, size);
}

static void
fuzz_facts(const uint8_t *bytes, size_t size)
{
    struct wire_reader reader;
    struct box_facts facts;
    struct wire_writer writer;

    wire_reader_init(&reader, bytes, size);
    if (frame_facts_read(&reader, &facts) != 0 ||
        wire_reader_finish(&reader) != 0)
        return;
    CHECK(facts.voter_count <= FACTS_VOTERS_MAX && facts.role < ROLE_COUNT);
    CHECK(memchr(facts.serial, '\0', sizeof(facts.serial)) != NULL);
    frame_begin(&writer, FRAME_BEGIN, 0);
    frame_facts_write(&writer, &facts);
    same(&writer, bytes, size);
}

static void
fuzz_entries(const uint8_t *bytes, size_t size)
{
    struct wire_reader reader;
    struct fwd_entry entry;

    wire_reader_init(&reader, bytes, size);
    while (wire_reader_left(&reader) > 0) {
        frame_entry_read(&reader, &entry);
        if (!wire_reader_ok(&reader))
            return;
        CHECK(entry.object <= FWD_FRONT);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0: fuzz_event(data + 1, size - 1); break;
    case 1: fuzz_facts(data + 1, size - 1); break;
    default: fuzz_entries(data + 1, size - 1); break;
    }
    return 0;
}
