/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes JSON text (RFC 8259) into a growing buffer with a bound.
 */
#ifndef NOS_LINUX_JSON_JSON_H
#define NOS_LINUX_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_BYTES_MAX (1024u * 1024u)

struct json {
    char *bytes;
    size_t size, room;
    bool comma;  /* before the next value */
    bool failed; /* no memory, or over the bound */
};

/* 'key' is NULL inside an array and at the top. */
void json_begin(struct json *json, const char *key, char bracket);
void json_end(struct json *json, char bracket);
void json_number(struct json *json, const char *key, uint64_t value);
void json_signed(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);
void json_text(struct json *json, const char *key, const char *value);
/* 64 bits as 16 hexadecimal digits, as box keys are written. */
void json_key(struct json *json, const char *key, uint64_t value);

#endif
