/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON text, written in order.
 *
 * Calls nest: json_object() ... json_end().  Inside an object every value is
 * preceded by json_key().  Bytes that are no UTF-8 become U+FFFD.
 */
#ifndef MODELS_YAML_JSON_H
#define MODELS_YAML_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_NESTING_MAX 64

struct json {
    FILE *out;
    unsigned depth;
    bool after_key;
    bool has_items[JSON_NESTING_MAX];
    bool is_list[JSON_NESTING_MAX];
};

void json_init(struct json *json, FILE *out);

void json_object(struct json *json);
void json_list(struct json *json);
void json_end(struct json *json); /* A newline ends the outermost one. */

void json_key(struct json *json, const char *key);
void json_string(struct json *json, const char *text);
void json_unsigned(struct json *json, uint64_t value);
void json_signed(struct json *json, int64_t value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/* A key and its value. */
void json_member(struct json *json, const char *key, const char *text);
void json_member_unsigned(struct json *json, const char *key, uint64_t value);
void json_member_bool(struct json *json, const char *key, bool value);

#endif
