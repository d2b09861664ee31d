/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/watch/watch_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/fmt.h"

#define U64(value) ((unsigned long long)(value))

const char *
watch_kind_name(unsigned kind)
{
    static const char *const names[] = {"ready", "trace", "log",
                                        "fwd",   "link",  "load",
                                        "lane",  "exit",  "lost"};

    return kind < WATCH_KIND_COUNT ? names[kind] : "?";
}

/* What follows the kind; the length it would have. */
static size_t
format_body(const struct watch_line *line, char *text, size_t room)
{
    const char *service = service_name(line->service);

    switch (line->kind) {
    case WATCH_READY:
        return fmt_snprintf(
            text, room, " incarnation=%llu key=%016llx role=%s pid=%llu",
            U64(line->u.ready.incarnation), U64(line->u.ready.key),
            role_name(line->u.ready.role), U64(line->u.ready.pid));
    case WATCH_TRACE:
        return fmt_snprintf(
            text, room, " service=%s kind=%s a=%llu b=%llu c=%llu d=%llu",
            service, trace_kind_name(line->u.trace.kind), U64(line->u.trace.a),
            U64(line->u.trace.b), U64(line->u.trace.c), U64(line->u.trace.d));
    case WATCH_LOG:
        return fmt_snprintf(text, room, " service=%s severity=%u text=%s",
                            service, (unsigned)line->u.log.severity,
                            line->u.log.text);
    case WATCH_FWD:
        return fmt_snprintf(text, room, " object=%u id=%u arg=%u value=%llu",
                            (unsigned)line->u.fwd.object,
                            (unsigned)line->u.fwd.id,
                            (unsigned)line->u.fwd.arg, U64(line->u.fwd.value));
    case WATCH_LINK:
        return fmt_snprintf(text, room, " port=%u up=%u", line->u.link.port,
                            line->u.link.up ? 1u : 0u);
    case WATCH_LOAD:
        return fmt_snprintf(
            text, room,
            " service=%s cpu_ns=%llu events=%llu memory=%llu mailbox=%llu",
            service, U64(line->u.load.cpu_ns), U64(line->u.load.events),
            U64(line->u.load.memory_bytes), U64(line->u.load.mailbox_peak));
    case WATCH_LANE:
        return fmt_snprintf(text, room, " lane=%u messages=%llu bytes=%llu",
                            (unsigned)line->u.lane.lane,
                            U64(line->u.lane.messages),
                            U64(line->u.lane.bytes));
    case WATCH_EXIT:
        return fmt_snprintf(text, room, " cause=%llu", U64(line->u.cause));
    case WATCH_LOST:
        return fmt_snprintf(text, room, " count=%llu", U64(line->u.lost));
    case WATCH_KIND_COUNT: break;
    }
    return 0;
}

size_t
watch_format(const struct watch_line *line, char *text, size_t room)
{
    size_t size;

    CHECK(room >= WATCH_LINE_MAX && line->kind < WATCH_KIND_COUNT);
    room = WATCH_LINE_MAX;
    size = fmt_snprintf(text, room, "t=%llu what=%s", U64(line->at_ns),
                        watch_kind_name(line->kind));
    size += format_body(line, text + size, room - size);
    if (size > room - 1)
        size = room - 1; /* a long text is cut */
    for (size_t i = 0; i < size; i++)
        text[i] = (char)((unsigned char)text[i] < ' ' ? ' ' : text[i]);
    text[size] = '\n';
    return size + 1;
}
