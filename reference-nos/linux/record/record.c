/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/record/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/units.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/record/record_priv.h"
#include "reference-nos/linux/record/tape_plat.h"

#define FLUSH_NS NS_PER_S

struct recorder {
    struct tape_plat door;
    FILE *file;
    int error; /* errno of the first failure; nothing is written after it */
    uint64_t flushed_ns;
    char path[512];
};

static void
put(struct recorder *recorder, const void *bytes, size_t size)
{
    if (recorder->error == 0 && fwrite(bytes, 1, size, recorder->file) != size)
        recorder->error = errno != 0 ? errno : EIO;
}

static void
put_u32(struct recorder *recorder, uint32_t value)
{
    uint8_t bytes[4];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u32(&writer, value);
    put(recorder, bytes, sizeof(bytes));
}

/* Writes the step that is over. */
static void
step_end(struct recorder *recorder)
{
    struct tape *tape = &recorder->door.tape;

    if (tape->size == 0)
        return;
    put_u32(recorder, (uint32_t)tape->size);
    put(recorder, tape->bytes, tape->size);
    put_u32(recorder, checksum32(RECORD_CHECK_SEED, tape->bytes, tape->size));
    tape_rewind(tape);
    if (recorder->door.now_ns - recorder->flushed_ns < FLUSH_NS)
        return;
    recorder->flushed_ns = recorder->door.now_ns;
    if (recorder->error == 0 && fflush(recorder->file) != 0)
        recorder->error = errno;
}

static struct tape *
step(struct recorder *recorder, enum tape_tag tag)
{
    step_end(recorder);
    tape_begin(&recorder->door.tape, tag);
    return &recorder->door.tape;
}

int
record_open(const char *path, struct plat *door, struct recorder **out,
            char *message, size_t message_size)
{
    struct recorder *recorder = calloc(1, sizeof(*recorder));

    CHECK(recorder != NULL);
    snprintf(recorder->path, sizeof(recorder->path), "%s", path);
    recorder->file = fopen(path, "wbxe");
    if (recorder->file == NULL) {
        snprintf(message, message_size, "cannot make the recording %s: %s",
                 path, strerror(errno));
        free(recorder);
        return errno == EEXIST ? ERR_EXISTS : ERR_IO;
    }
    tape_plat_init(&recorder->door, door);
    put(recorder, RECORD_MAGIC, RECORD_MAGIC_BYTES);
    put_u32(recorder, RECORD_FORMAT);
    step(recorder, TAPE_CREATE);
    tape_plat_facts(&recorder->door);
    *out = recorder;
    return 0;
}

int
record_close(struct recorder *recorder, char *message, size_t message_size)
{
    int error;

    if (recorder == NULL)
        return 0;
    step(recorder, TAPE_CLOSE);
    step_end(recorder);
    error = recorder->error;
    if (fclose(recorder->file) != 0 && error == 0)
        error = errno;
    if (error != 0)
        snprintf(message, message_size, "the recording %s is cut: %s",
                 recorder->path, strerror(error));
    tape_plat_fini(&recorder->door);
    free(recorder);
    if (error == 0)
        return 0;
    return error == ENOSPC ? ERR_NOSPACE : ERR_IO;
}

struct plat *
record_plat(struct recorder *recorder)
{
    return &recorder->door.plat;
}

void
record_alarm(struct recorder *recorder)
{
    step(recorder, TAPE_ALARM);
}

/* Bytes that came in: their number and themselves. */
static void
note(struct tape *tape, const void *bytes, size_t size)
{
    tape_answer(tape, size);
    tape_note_bytes(tape, bytes, size);
}

void
record_datagram(struct recorder *recorder, enum plane plane, uint64_t from,
                enum lane lane, const void *bytes, size_t size)
{
    struct tape *tape = step(recorder, TAPE_DATAGRAM);

    tape_answer(tape, plane);
    tape_answer(tape, from);
    tape_answer(tape, lane);
    note(tape, bytes, size);
}

void
record_packet(struct recorder *recorder, unsigned port, const void *bytes,
              size_t size)
{
    struct tape *tape = step(recorder, TAPE_PACKET);

    tape_answer(tape, port);
    note(tape, bytes, size);
}

void
record_storage_done(struct recorder *recorder, unsigned service,
                    uint64_t token, int status)
{
    struct tape *tape = step(recorder, TAPE_STORAGE_DONE);

    tape_answer(tape, service);
    tape_answer(tape, token);
    tape_answer(tape, (uint64_t)status);
}

void
record_hardware_changed(struct recorder *recorder,
                        const struct hw_change *change)
{
    struct tape *tape = step(recorder, TAPE_HARDWARE);

    tape_answer(tape, change->kind);
    tape_answer(tape, change->index);
}

void
record_forwarding_changed(struct recorder *recorder,
                          const struct fwd_change *change)
{
    struct tape *tape = step(recorder, TAPE_FORWARDING);

    tape_answer(tape, change->kind);
    tape_answer(tape, change->token);
    tape_answer(tape, (uint64_t)change->status);
    tape_answer(tape, change->port);
    tape_answer(tape, change->up);
}

void
record_operator(struct recorder *recorder, uint64_t token, const void *bytes,
                size_t size)
{
    struct tape *tape = step(recorder, TAPE_OPERATOR);

    tape_answer(tape, token);
    note(tape, bytes, size);
}

void
record_dispatch(struct recorder *recorder, unsigned service)
{
    tape_answer(step(recorder, TAPE_DISPATCH), service);
}

void
record_kill(struct recorder *recorder, unsigned service)
{
    tape_answer(step(recorder, TAPE_KILL), service);
}
