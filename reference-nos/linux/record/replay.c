/* SPDX-License-Identifier: Apache-2.0
 *
 * A recorded box, run again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/record/record.h"
#include "reference-nos/linux/record/record_priv.h"
#include "reference-nos/linux/record/tape_plat.h"
#include "reference-nos/node/node.h"

struct replay {
    struct tape_plat door;
    struct runtime *runtime;
    FILE *file;
    const char *path;
    uint8_t *step;
    size_t room;
    uint64_t began_ns;
    struct replay_result *result;
    char *message;
    size_t message_size;
};

/* ---- the file ---- */

static int
damaged(struct replay *replay, const char *what)
{
    snprintf(replay->message, replay->message_size,
             "%s: input %llu, byte %ld: %s", replay->path,
             (unsigned long long)replay->result->inputs, ftell(replay->file),
             what);
    return ERR_INVALID;
}

static bool
get_u32(struct replay *replay, uint32_t *value)
{
    uint8_t bytes[4];
    struct wire_reader reader;

    if (fread(bytes, 1, sizeof(bytes), replay->file) != sizeof(bytes))
        return false;
    wire_reader_init(&reader, bytes, sizeof(bytes));
    *value = wire_read_u32(&reader);
    return true;
}

static int
head_read(struct replay *replay)
{
    char magic[RECORD_MAGIC_BYTES];
    uint32_t format;

    if (fread(magic, 1, sizeof(magic), replay->file) != sizeof(magic) ||
        memcmp(magic, RECORD_MAGIC, sizeof(magic)) != 0 ||
        !get_u32(replay, &format))
        return damaged(replay, "this is no recording of a box");
    if (format != RECORD_FORMAT)
        return damaged(replay, "a recording of another format; expected 1");
    return 0;
}

/* The next step into the tape; ERR_NOENT at the end, cut or not. */
static int
step_read(struct replay *replay)
{
    uint32_t size;
    uint32_t check;

    if (!get_u32(replay, &size))
        return ERR_NOENT;
    if (size == 0 || size > RECORD_STEP_MAX)
        return damaged(replay, "a step of an impossible size");
    if (size > replay->room) {
        replay->room = 2 * (size_t)size;
        replay->step = realloc(replay->step, replay->room);
        CHECK(replay->step != NULL);
    }
    if (fread(replay->step, 1, size, replay->file) != size ||
        !get_u32(replay, &check))
        return ERR_NOENT;
    if (check != checksum32(RECORD_CHECK_SEED, replay->step, size))
        return damaged(replay, "the checksum of this step is wrong");
    tape_load(&replay->door.tape, replay->step, size);
    return 0;
}

/* ---- inputs ---- */

static uint64_t
number(struct replay *replay)
{
    return tape_answer(&replay->door.tape, 0);
}

/* Bytes that came in, lent out of the step. */
static const uint8_t *
noted(struct replay *replay, size_t *size)
{
    struct tape *tape = &replay->door.tape;
    uint64_t count = number(replay);
    const uint8_t *bytes = tape->bytes + tape->at;

    *size = 0;
    if (tape->different || count > tape->size - tape->at)
        return bytes;
    *size = (size_t)count;
    tape->at += *size;
    return bytes;
}

static void
datagram(struct replay *replay)
{
    uint64_t plane = number(replay);
    uint64_t from = number(replay);
    uint64_t lane = number(replay);
    size_t size;
    const uint8_t *bytes = noted(replay, &size);

    if (plane < PLANE_COUNT && lane < LANE_COUNT)
        runtime_datagram(replay->runtime, (enum plane)plane, from,
                         (enum lane)lane, bytes, size);
}

static void
packet(struct replay *replay)
{
    uint64_t port = number(replay);
    size_t size;
    const uint8_t *bytes = noted(replay, &size);

    runtime_packet(replay->runtime, (unsigned)port, bytes, size);
}

static int
storage_done(struct replay *replay)
{
    uint64_t service = number(replay);
    uint64_t token = number(replay);
    uint64_t status = number(replay);

    if (!tape_plat_completes(&replay->door, service, token))
        return damaged(replay, "storage completes what nobody asked for");
    runtime_storage_done(replay->runtime, (unsigned)service, token,
                         (int)status);
    return 0;
}

static void
hardware(struct replay *replay)
{
    uint64_t kind = number(replay);
    struct hw_change change = {.index = (uint16_t)number(replay)};

    if (kind >= HW_KIND_COUNT)
        return;
    change.kind = (enum hw_kind)kind;
    runtime_hardware_changed(replay->runtime, &change);
}

static void
forwarding(struct replay *replay)
{
    struct fwd_change change;
    uint64_t kind = number(replay);

    change.kind =
        kind < FWD_CHANGE_KIND_COUNT ? (enum fwd_change_kind)kind : FWD_LINK;
    change.token = number(replay);
    change.status = (int)number(replay);
    change.port = (uint16_t)number(replay);
    change.up = number(replay) != 0;
    runtime_forwarding_changed(replay->runtime, &change);
}

static void
operation(struct replay *replay)
{
    uint64_t token = number(replay);
    size_t size;
    const uint8_t *bytes = noted(replay, &size);

    runtime_operator(replay->runtime, token, bytes, size);
}

static int
create(struct replay *replay)
{
    struct tape_plat *door = &replay->door;

    if (replay->runtime != NULL)
        return damaged(replay, "a second boot");
    tape_plat_facts(door);
    if (door->tape.different || door->facts.role >= ROLE_COUNT ||
        door->facts.voter_count > FACTS_VOTERS_MAX)
        return damaged(replay, "the facts of the box make no sense");
    door->boot_ns = door->now_ns;
    if (node_create(&door->plat, &replay->runtime) != 0 &&
        !door->tape.different)
        return damaged(replay, "the box does not boot");
    replay->began_ns = door->now_ns;
    return 0;
}

static int
input(struct replay *replay)
{
    enum tape_tag tag = tape_peek(&replay->door.tape);

    if (replay->runtime == NULL && tag != TAPE_CREATE)
        return damaged(replay, "an input before the boot");
    tape_begin(&replay->door.tape, tag);
    switch ((int)tag) {
    case TAPE_CREATE: return create(replay);
    case TAPE_ALARM: runtime_alarm(replay->runtime); return 0;
    case TAPE_DATAGRAM: datagram(replay); return 0;
    case TAPE_PACKET: packet(replay); return 0;
    case TAPE_STORAGE_DONE: return storage_done(replay);
    case TAPE_HARDWARE: hardware(replay); return 0;
    case TAPE_FORWARDING: forwarding(replay); return 0;
    case TAPE_OPERATOR: operation(replay); return 0;
    case TAPE_DISPATCH:
        runtime_dispatch(replay->runtime, (unsigned)number(replay));
        return 0;
    case TAPE_KILL:
        /* One that was down already stays so. */
        (void)runtime_kill(replay->runtime, (unsigned)number(replay));
        return 0;
    case TAPE_CLOSE: replay->result->cut = false; return 0;
    default: return damaged(replay, "a step that begins with no input");
    }
}

/* ---- the whole ---- */

static int
steps(struct replay *replay)
{
    struct replay_result *result = replay->result;
    struct tape *tape = &replay->door.tape;
    int err = 0;

    while (!tape->different && (err = step_read(replay)) == 0) {
        err = input(replay);
        if (err != 0)
            return err;
        tape_finish(tape);
        result->inputs++;
    }
    if (err != 0 && err != ERR_NOENT)
        return err;
    if (replay->runtime == NULL && !tape->different)
        return damaged(replay, "the recording ends before the boot");
    result->outputs = replay->door.outputs;
    result->span_ns = replay->door.now_ns - replay->began_ns;
    result->equal = !tape->different;
    if (tape->different) {
        result->at_input = result->inputs;
        result->at_ns = result->span_ns;
        memcpy(result->recorded, tape->recorded, sizeof(result->recorded));
        memcpy(result->done, tape->done, sizeof(result->done));
    }
    return 0;
}

int
record_replay(const char *path, FILE *log, struct replay_result *result,
              char *message, size_t message_size)
{
    struct replay replay = {
        .path = path,
        .result = result,
        .message = message,
        .message_size = message_size,
    };
    int err;

    *result = (struct replay_result){.cut = true};
    replay.file = fopen(path, "rbe");
    if (replay.file == NULL) {
        snprintf(message, message_size, "cannot read %s: %s", path,
                 strerror(errno));
        return ERR_NOENT;
    }
    tape_plat_init(&replay.door, NULL);
    replay.door.log = log;
    err = head_read(&replay);
    if (err == 0)
        err = steps(&replay);
    runtime_destroy(replay.runtime);
    tape_plat_fini(&replay.door);
    free(replay.step);
    fclose(replay.file);
    return err;
}
