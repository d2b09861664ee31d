/* SPDX-License-Identifier: Apache-2.0 */
#include "models/yaml/json.h"

#include "reference-nos/base/check.h"

#include <inttypes.h>
#include <stddef.h>

void
json_init(struct json *json, FILE *out)
{
    *json = (struct json){.out = out};
}

static void
indent(struct json *json)
{
    fputc('\n', json->out);
    for (unsigned i = 0; i < json->depth; i++)
        fputs("  ", json->out);
}

/* What stands before a value or key. */
static void
begin(struct json *json)
{
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->depth == 0)
        return;
    if (json->has_items[json->depth - 1])
        fputc(',', json->out);
    json->has_items[json->depth - 1] = true;
    indent(json);
}

static void
open(struct json *json, bool is_list)
{
    begin(json);
    CHECK(json->depth < JSON_NESTING_MAX);
    json->has_items[json->depth] = false;
    json->is_list[json->depth] = is_list;
    json->depth++;
    fputc(is_list ? '[' : '{', json->out);
}

void
json_object(struct json *json)
{
    open(json, false);
}

void
json_list(struct json *json)
{
    open(json, true);
}

void
json_end(struct json *json)
{
    bool had_items;

    CHECK(json->depth > 0);
    json->depth--;
    had_items = json->has_items[json->depth];
    if (had_items)
        indent(json);
    fputc(json->is_list[json->depth] ? ']' : '}', json->out);
    if (json->depth == 0)
        fputc('\n', json->out);
}

/* Bytes of the UTF-8 character at 'text', or 0 if it is none (RFC 3629). */
static size_t
character_bytes(const unsigned char *text)
{
    size_t count = text[0] < 0x80                      ? 1
                   : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                   : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                   : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                       : 0;

    for (size_t i = 1; i < count; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((text[0] == 0xe0 && text[1] < 0xa0) ||
        (text[0] == 0xed && text[1] >= 0xa0) ||
        (text[0] == 0xf0 && text[1] < 0x90) ||
        (text[0] == 0xf4 && text[1] >= 0x90))
        return 0;
    return count;
}

static void
quoted(FILE *out, const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;

    fputc('"', out);
    while (*byte != '\0') {
        size_t count = character_bytes(byte);

        if (count == 0) {
            fputs("\\ufffd", out);
            byte++;
            continue;
        }
        if (*byte == '"' || *byte == '\\')
            fprintf(out, "\\%c", *byte);
        else if (*byte == '\n')
            fputs("\\n", out);
        else if (*byte < 0x20 || *byte == 0x7f)
            fprintf(out, "\\u%04x", (unsigned)*byte);
        else
            fwrite(byte, 1, count, out);
        byte += count;
    }
    fputc('"', out);
}

void
json_key(struct json *json, const char *key)
{
    begin(json);
    quoted(json->out, key);
    fputs(": ", json->out);
    json->after_key = true;
}

void
json_string(struct json *json, const char *text)
{
    begin(json);
    quoted(json->out, text);
}

void
json_unsigned(struct json *json, uint64_t value)
{
    begin(json);
    fprintf(json->out, "%" PRIu64, value);
}

void
json_signed(struct json *json, int64_t value)
{
    begin(json);
    fprintf(json->out, "%" PRId64, value);
}

void
json_bool(struct json *json, bool value)
{
    begin(json);
    fputs(value ? "true" : "false", json->out);
}

void
json_null(struct json *json)
{
    begin(json);
    fputs("null", json->out);
}

void
json_member(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    json_string(json, text);
}

void
json_member_unsigned(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_unsigned(json, value);
}

void
json_member_bool(struct json *json, const char *key, bool value)
{
    json_key(json, key);
    json_bool(json, value);
}
