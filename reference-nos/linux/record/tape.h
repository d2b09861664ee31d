/* SPDX-License-Identifier: Apache-2.0
 *
 * One description of an operation serves both ways: writing, a tape notes
 * what passes; reading, it gives back the answers of then and compares the
 * rest.
 *
 * A step is one input of a box with all that followed from it: operations,
 * each a tag and fields.  Numbers are LEB128 (as in DWARF), fields that are
 * only compared and long are kept as a hash.
 *
 * Memory  tape_init/tape_fini; grows by malloc, which must not fail.
 * Errors  reading, the first difference is kept, and from then on every
 *         answer is a harmless one, so that the step ends by itself.
 */
#ifndef NOS_LINUX_RECORD_TAPE_H
#define NOS_LINUX_RECORD_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"

/* X(name, text) */
#define TAPE_TABLE(X)                                                         \
    X(TAPE_END, "end of the step")                                            \
    X(TAPE_CREATE, "boot")                                                    \
    X(TAPE_ALARM, "alarm")                                                    \
    X(TAPE_DATAGRAM, "datagram")                                              \
    X(TAPE_PACKET, "packet")                                                  \
    X(TAPE_STORAGE_DONE, "storage done")                                      \
    X(TAPE_HARDWARE, "hardware changed")                                      \
    X(TAPE_FORWARDING, "forwarding changed")                                  \
    X(TAPE_OPERATOR, "operator's request")                                    \
    X(TAPE_DISPATCH, "dispatch")                                              \
    X(TAPE_KILL, "kill")                                                      \
    X(TAPE_CLOSE, "end of the recording")                                     \
    X(TAPE_NOW, "now")                                                        \
    X(TAPE_WALL, "wall clock")                                                \
    X(TAPE_RANDOM, "random")                                                  \
    X(TAPE_WAKE_AT, "wake at")                                                \
    X(TAPE_READY, "ready")                                                    \
    X(TAPE_DATAGRAM_SEND, "send datagram")                                    \
    X(TAPE_PACKET_SEND, "send packet")                                        \
    X(TAPE_APPEND, "append")                                                  \
    X(TAPE_TRUNCATE, "truncate")                                              \
    X(TAPE_SYNC, "sync")                                                      \
    X(TAPE_REPLACE, "replace")                                                \
    X(TAPE_SIZE, "file size")                                                 \
    X(TAPE_READ, "read file")                                                 \
    X(TAPE_BLOB, "blob")                                                      \
    X(TAPE_CHUNK, "memory")                                                   \
    X(TAPE_REPLY, "operator's answer")                                        \
    X(TAPE_LOG, "log")                                                        \
    X(TAPE_TRACE, "trace")                                                    \
    X(TAPE_RESTART, "restart")                                                \
    X(TAPE_HW_COUNT, "count items")                                           \
    X(TAPE_HW_DESCRIBE, "describe item")                                      \
    X(TAPE_HW_READ, "read item")                                              \
    X(TAPE_FAN_SET, "set fan")                                                \
    X(TAPE_LED_SET, "set LED")                                                \
    X(TAPE_REBOOT_CAUSE, "reboot cause")                                      \
    X(TAPE_BULK_SET, "write tables")                                          \
    X(TAPE_DUMP, "dump tables")                                               \
    X(TAPE_LINK_UP, "link state")                                             \
    X(TAPE_GROUPS_SET, "write groups")                                        \
    X(TAPE_ROUTES_SET, "write routes")                                        \
    X(TAPE_GROUPS_DUMP, "dump groups")                                        \
    X(TAPE_ROUTES_DUMP, "dump routes")

enum tape_tag {
#define TAPE_NAME(name, text) name,
    TAPE_TABLE(TAPE_NAME)
#undef TAPE_NAME
        TAPE_TAG_COUNT
};

#define TAPE_TEXT_MAX 160

struct tape {
    bool reading;
    uint8_t *bytes; /* of this step */
    size_t size, room;
    size_t at; /* reading */
    enum tape_tag tag;
    bool different;
    char recorded[TAPE_TEXT_MAX], done[TAPE_TEXT_MAX];
};

void tape_init(struct tape *tape, bool reading);
void tape_fini(struct tape *tape);
/* Empties the step (writing). */
void tape_rewind(struct tape *tape);
/* Lends a step to be read; it outlives the reading. */
void tape_load(struct tape *tape, uint8_t *bytes, size_t size);

/* Begins an operation. */
void tape_begin(struct tape *tape, enum tape_tag tag);
/* The tag that comes next (reading). */
enum tape_tag tape_peek(const struct tape *tape);
/* A number of the world: 'mine' is written, or ignored. */
uint64_t tape_answer(struct tape *tape, uint64_t mine);
/* A number of the core: both must agree. */
void tape_same(struct tape *tape, const char *field, uint64_t mine);
/* Bytes of the world, exactly 'size', filled in when reading. */
void tape_answer_bytes(struct tape *tape, void *bytes, size_t size);
/* As tape_answer_bytes(), writing only: bytes that may not be changed. */
void tape_note_bytes(struct tape *tape, const void *bytes, size_t size);
/* Bytes of the core; a hash is kept. */
void tape_same_bytes(struct tape *tape, const char *field, const void *bytes,
                     size_t size);
/* Reading: all of the step must have been used. */
void tape_finish(struct tape *tape);

const char *tape_tag_text(enum tape_tag tag);

#endif
