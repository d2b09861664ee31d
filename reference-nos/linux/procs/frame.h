/* SPDX-License-Identifier: Apache-2.0
 *
 * What travels between the box's process and those of its services: u32
 * length of the rest, u8 what it is, then its fields in network byte order.
 */
#ifndef NOS_LINUX_PROCS_FRAME_H
#define NOS_LINUX_PROCS_FRAME_H

#include "reference-nos/base/wire.h"
#include "reference-nos/runtime/actor.h"

/* Above the largest body (ACTOR_BODY_BULK_MAX) and a storage write. */
#define FRAME_MAX (17u * 1024u * 1024u)
#define FRAME_HEAD 5u

/* X(name, fields; "?": FRAME_ANSWER follows) */
#define FRAME_TABLE(X)                                                        \
    X(FRAME_BEGIN, "to the service: facts, mutation, service, lives")         \
    X(FRAME_EVENT, "to the service: event")                                   \
    X(FRAME_ANSWER, "to the service: status, then what was asked for")        \
    X(FRAME_DONE, "begun, or the event is handled")                           \
    X(FRAME_MESSAGE, "event ?")                                               \
    X(FRAME_SESSION, "event")                                                 \
    X(FRAME_ALARM, "event")                                                   \
    X(FRAME_DATAGRAM, "plane, to, lane, bytes")                               \
    X(FRAME_PACKET, "port, bytes")                                            \
    X(FRAME_APPEND, "file, bytes ?")                                          \
    X(FRAME_TRUNCATE, "file, size ?")                                         \
    X(FRAME_SYNC, "file, token ?")                                            \
    X(FRAME_REPLACE, "file, bytes, token ?")                                  \
    X(FRAME_SIZE, "file ?")                                                   \
    X(FRAME_READ, "file, offset, size ?")                                     \
    X(FRAME_BLOB, "name ?")                                                   \
    X(FRAME_REPLY, "token, bytes")                                            \
    X(FRAME_LOG, "severity, text")                                            \
    X(FRAME_TRACE, "kind, a, b, c, d")                                        \
    X(FRAME_RESTART, "cause")                                                 \
    X(FRAME_HW_COUNT, "kind ?")                                               \
    X(FRAME_HW_DESCRIBE, "kind, index ?")                                     \
    X(FRAME_HW_READ, "kind, index ?")                                         \
    X(FRAME_FAN_SET, "index, duty ?")                                         \
    X(FRAME_LED_SET, "index, state ?")                                        \
    X(FRAME_REBOOT_CAUSE, "?")                                                \
    X(FRAME_BULK_SET, "token, entries ?")                                     \
    X(FRAME_DUMP, "room ?")                                                   \
    X(FRAME_LINK_UP, "port ?")                                                \
    X(FRAME_GROUPS_SET, "token, groups ?")                                    \
    X(FRAME_ROUTES_SET, "token, routes ?")                                    \
    X(FRAME_GROUPS_DUMP, "after, room ?")                                     \
    X(FRAME_ROUTES_DUMP, "whether after, after, room ?")

enum frame_kind {
    FRAME_NONE,
#define FRAME_NAME(name, text) name,
    FRAME_TABLE(FRAME_NAME)
#undef FRAME_NAME
        FRAME_KIND_COUNT
};

/* Begins a frame with room for 'payload' bytes beyond its fields; malloc'd
 * in 'writer->start', which frame_end() completes. */
void frame_begin(struct wire_writer *writer, enum frame_kind kind,
                 size_t payload);
/* Its size in all. */
size_t frame_end(struct wire_writer *writer);

void frame_event_write(struct wire_writer *writer,
                       const struct actor_event *event);
/* Bytes are lent from the reader's. */
MUST_USE int frame_event_read(struct wire_reader *reader,
                              struct actor_event *event);
/* The bytes an event carries. */
size_t frame_event_payload(const struct actor_event *event);

void frame_facts_write(struct wire_writer *writer,
                       const struct box_facts *facts);
MUST_USE int frame_facts_read(struct wire_reader *reader,
                              struct box_facts *facts);

void frame_entry_write(struct wire_writer *writer,
                       const struct fwd_entry *entry);
void frame_entry_read(struct wire_reader *reader, struct fwd_entry *entry);
/* Of at most FRAME_ROUTE_BYTES each. */
#define FRAME_ROUTE_BYTES 80u
void frame_group_write(struct wire_writer *writer,
                       const struct fwd_group *group);
void frame_group_read(struct wire_reader *reader, struct fwd_group *group);
void frame_prefix_write(struct wire_writer *writer,
                        const struct fwd_prefix *prefix);
void frame_prefix_read(struct wire_reader *reader, struct fwd_prefix *prefix);
void frame_route_write(struct wire_writer *writer,
                       const struct fwd_route *route);
void frame_route_read(struct wire_reader *reader, struct fwd_route *route);

#endif
