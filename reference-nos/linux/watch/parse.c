/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads what watch_format() writes: the same keys in the same order, and
 * nothing behind them.
 */
#include "reference-nos/linux/watch/watch_priv.h"

#include <string.h>

#define KEY_DIGITS 16u

/* What is left of the line; the first thing that is wrong sticks. */
struct reader {
    char *at;
    bool bad;
};

/* The word after "KEY=", ended by a zero; "" when it is not there. */
static char *
take_word(struct reader *reader, const char *key)
{
    size_t size = strlen(key);
    char *word;

    if (reader->bad || strncmp(reader->at, key, size) != 0 ||
        reader->at[size] != '=') {
        reader->bad = true;
        return reader->at + strlen(reader->at);
    }
    word = reader->at + size + 1;
    reader->at = word + strcspn(word, " ");
    if (*reader->at == ' ') {
        *reader->at++ = '\0';
        reader->bad = reader->bad || *reader->at == '\0';
    }
    reader->bad = reader->bad || *word == '\0';
    return word;
}

static unsigned
digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (unsigned)(digit - 'a') + 10;
    return 16;
}

static uint64_t
take_number(struct reader *reader, const char *key, unsigned base,
            uint64_t max)
{
    const char *word = take_word(reader, key);
    uint64_t value = 0;

    for (; *word != '\0' && !reader->bad; word++) {
        unsigned digit = digit_value(*word);

        if (digit >= base || digit > max || value > (max - digit) / base)
            reader->bad = true;
        else
            value = value * base + digit;
    }
    return reader->bad ? 0 : value;
}

static uint64_t
take_u64(struct reader *reader, const char *key)
{
    return take_number(reader, key, 10, UINT64_MAX);
}

/* The place of a word in a list of names. */
static unsigned
take_name(struct reader *reader, const char *key, unsigned count,
          const char *(*name)(unsigned))
{
    const char *word = take_word(reader, key);

    for (unsigned i = 0; i < count && !reader->bad; i++)
        if (strcmp(word, name(i)) == 0)
            return i;
    reader->bad = true;
    return 0;
}

static const char *
role_at(unsigned role)
{
    return role_name((enum role)role);
}

static const char *
trace_at(unsigned kind)
{
    return trace_kind_name((enum trace_kind)kind);
}

static void
parse_ready(struct reader *reader, struct watch_line *line)
{
    const char *key;

    line->u.ready.incarnation = take_u64(reader, "incarnation");
    key = reader->at;
    line->u.ready.key = take_number(reader, "key", 16, UINT64_MAX);
    reader->bad = reader->bad || strlen(key) != strlen("key=") + KEY_DIGITS;
    line->u.ready.role =
        (enum role)take_name(reader, "role", ROLE_COUNT, role_at);
    line->u.ready.pid = take_u64(reader, "pid");
}

static void
parse_trace(struct reader *reader, struct watch_line *line)
{
    struct trace_record *trace = &line->u.trace;

    line->service = take_name(reader, "service", SVC_COUNT, service_name);
    trace->kind =
        (enum trace_kind)take_name(reader, "kind", TRACE_KIND_COUNT, trace_at);
    trace->service = (uint8_t)line->service;
    trace->a = take_u64(reader, "a");
    trace->b = take_u64(reader, "b");
    trace->c = take_u64(reader, "c");
    trace->d = take_u64(reader, "d");
}

static void
parse_log(struct reader *reader, struct watch_line *line)
{
    line->service = take_name(reader, "service", SVC_COUNT, service_name);
    line->u.log.severity =
        (enum severity)take_number(reader, "severity", 10, SEVERITY_DEBUG);
    if (strncmp(reader->at, "text=", 5) != 0) {
        reader->bad = true;
        return;
    }
    line->u.log.text = reader->at + 5;
    reader->at += strlen(reader->at);
}

static void
parse_fwd(struct reader *reader, struct watch_line *line)
{
    line->u.fwd.object =
        (enum fwd_object)take_number(reader, "object", 10, FWD_FRONT);
    line->u.fwd.id = (uint16_t)take_number(reader, "id", 10, UINT16_MAX);
    line->u.fwd.arg = (uint16_t)take_number(reader, "arg", 10, UINT16_MAX);
    line->u.fwd.value = take_u64(reader, "value");
}

static void
parse_load(struct reader *reader, struct watch_line *line)
{
    line->service = take_name(reader, "service", SVC_COUNT, service_name);
    line->u.load.cpu_ns = take_u64(reader, "cpu_ns");
    line->u.load.events = take_u64(reader, "events");
    line->u.load.memory_bytes = take_u64(reader, "memory");
    line->u.load.mailbox_peak = take_u64(reader, "mailbox");
}

static void
parse_body(struct reader *reader, struct watch_line *line)
{
    switch (line->kind) {
    case WATCH_READY: parse_ready(reader, line); break;
    case WATCH_TRACE: parse_trace(reader, line); break;
    case WATCH_LOG: parse_log(reader, line); break;
    case WATCH_FWD: parse_fwd(reader, line); break;
    case WATCH_LINK:
        line->u.link.port =
            (unsigned)take_number(reader, "port", 10, UINT16_MAX);
        line->u.link.up = take_number(reader, "up", 10, 1) == 1;
        break;
    case WATCH_LOAD: parse_load(reader, line); break;
    case WATCH_LANE:
        line->u.lane.lane =
            (enum lane)take_number(reader, "lane", 10, LANE_COUNT - 1);
        line->u.lane.messages = take_u64(reader, "messages");
        line->u.lane.bytes = take_u64(reader, "bytes");
        break;
    case WATCH_EXIT: line->u.cause = take_u64(reader, "cause"); break;
    case WATCH_LOST: line->u.lost = take_u64(reader, "count"); break;
    case WATCH_KIND_COUNT: reader->bad = true; break;
    }
}

int
watch_parse(char *text, struct watch_line *line)
{
    struct reader reader = {.at = text};
    struct watch_line found = {.kind = WATCH_KIND_COUNT};

    found.at_ns = take_u64(&reader, "t");
    found.kind = (enum watch_kind)take_name(&reader, "what", WATCH_KIND_COUNT,
                                            watch_kind_name);
    if (!reader.bad)
        parse_body(&reader, &found);
    if (reader.bad || *reader.at != '\0')
        return ERR_INVALID;
    *line = found;
    return 0;
}
