/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 4096u

static void
put(struct json *json, const char *bytes, size_t size)
{
    if (json->failed)
        return;
    if (json->size + size > json->room) {
        size_t room = json->room == 0 ? ROOM_FIRST : json->room;
        char *more;

        while (room < json->size + size)
            room *= 2;
        more = room > JSON_BYTES_MAX ? NULL : realloc(json->bytes, room);
        if (more == NULL) {
            json->failed = true;
            return;
        }
        json->bytes = more;
        json->room = room;
    }
    memcpy(json->bytes + json->size, bytes, size);
    json->size += size;
}

static void
put_string(struct json *json, const char *text)
{
    char escaped[8];

    put(json, "\"", 1);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\' || c < ' ' || c > '~') {
            int size = snprintf(escaped, sizeof(escaped), "\\u%04x", c);

            put(json, escaped, (size_t)size);
        } else {
            put(json, text, 1);
        }
    }
    put(json, "\"", 1);
}

static void
put_key(struct json *json, const char *key)
{
    if (json->comma)
        put(json, ",", 1);
    json->comma = true;
    if (key == NULL)
        return;
    put_string(json, key);
    put(json, ":", 1);
}

void
json_begin(struct json *json, const char *key, char bracket)
{
    put_key(json, key);
    put(json, &bracket, 1);
    json->comma = false;
}

void
json_end(struct json *json, char bracket)
{
    put(json, &bracket, 1);
    json->comma = true;
}

void
json_number(struct json *json, const char *key, uint64_t value)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "%" PRIu64, value);

    put_key(json, key);
    put(json, text, (size_t)size);
}

void
json_signed(struct json *json, const char *key, int64_t value)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "%" PRId64, value);

    put_key(json, key);
    put(json, text, (size_t)size);
}

void
json_bool(struct json *json, const char *key, bool value)
{
    put_key(json, key);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

void
json_text(struct json *json, const char *key, const char *value)
{
    put_key(json, key);
    put_string(json, value);
}

void
json_key(struct json *json, const char *key, uint64_t value)
{
    char text[20];

    (void)snprintf(text, sizeof(text), "%016" PRIx64, value);
    json_text(json, key, text);
}
