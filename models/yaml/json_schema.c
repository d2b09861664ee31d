/* SPDX-License-Identifier: Apache-2.0
 *
 * Schema tables as JSON Schema, draft 2020-12.
 */
#include "models/yaml/schema.h"

#include "reference-nos/base/check.h"

#include <string.h>

#define PARAMETER_PATTERN "\\$.*"

/* A string that matches 'pattern', or a parameter. */
static void
pattern_members(struct json *json, const char *pattern, bool parameters)
{
    char anchored[320];

    snprintf(anchored, sizeof(anchored), "^(%s%s%s)$", pattern,
             parameters ? "|" : "", parameters ? PARAMETER_PATTERN : "");
    json_member(json, "pattern", anchored);
}

static void
quantity_members(struct json *json, const struct field *field, bool parameters)
{
    char pattern[256];

    if (field->quantity == QUANTITY_COUNT ||
        field->quantity == QUANTITY_FACTOR) {
        json_key(json, "type");
        json_list(json);
        json_string(json,
                    field->quantity == QUANTITY_COUNT ? "integer" : "number");
        json_string(json, "string");
        json_end(json);
        if (field->quantity == QUANTITY_COUNT && field->has_range) {
            json_member_unsigned(json, "minimum", field->min);
            json_member_unsigned(json, "maximum", field->max);
        } else {
            json_member_unsigned(json, "minimum", 0);
        }
    } else {
        json_member(json, "type", "string");
    }
    quantity_pattern(field->quantity, pattern, sizeof(pattern));
    pattern_members(json, pattern, parameters);
}

static void
enum_members(struct json *json, const struct field *field, bool parameters)
{
    if (!parameters) {
        json_key(json, "enum");
        json_list(json);
        for (size_t i = 0; field->words[i] != NULL; i++)
            json_string(json, field->words[i]);
        json_end(json);
        return;
    }
    json_key(json, "anyOf");
    json_list(json);
    json_object(json);
    enum_members(json, field, false);
    json_end(json);
    json_object(json);
    json_member(json, "type", "string");
    json_member(json, "pattern", "^" PARAMETER_PATTERN "$");
    json_end(json);
    json_end(json);
}

static void
scalar_types(struct json *json)
{
    json_key(json, "type");
    json_list(json);
    json_string(json, "string");
    json_string(json, "number");
    json_string(json, "boolean");
    json_end(json);
}

static void
bool_members(struct json *json, bool parameters)
{
    if (!parameters) {
        json_member(json, "type", "boolean");
        return;
    }
    json_key(json, "type");
    json_list(json);
    json_string(json, "boolean");
    json_string(json, "string");
    json_end(json);
    json_member(json, "pattern", "^" PARAMETER_PATTERN "$");
}

static void
default_member(struct json *json, const struct field *field)
{
    uint64_t value;
    char why[QUANTITY_WHY_BYTES];

    if (field->fallback == NULL)
        return;
    json_key(json, "default");
    if (field->kind == FIELD_BOOL)
        json_bool(json, strcmp(field->fallback, "true") == 0);
    else if (field->kind == FIELD_QUANTITY &&
             field->quantity == QUANTITY_COUNT &&
             quantity_parse(QUANTITY_COUNT, field->fallback, &value, why,
                            sizeof(why)) == 0)
        json_unsigned(json, value);
    else
        json_string(json, field->fallback);
}

static void map_members(struct json *json, const struct schema *schema,
                        bool parameters);

static void
schema_object(struct json *json, const char *key, const struct schema *schema,
              bool parameters)
{
    json_key(json, key);
    json_object(json);
    json_member(json, "description", schema->doc);
    map_members(json, schema, parameters);
    json_end(json);
}

void
schema_json_field(struct json *json, const struct field *field,
                  bool parameters)
{
    json_member(json, "description", field->doc);
    switch (field->kind) {
    case FIELD_TEXT: scalar_types(json); break;
    case FIELD_NAME:
        scalar_types(json);
        pattern_members(json, "[A-Za-z0-9][-A-Za-z0-9_.]*", parameters);
        break;
    case FIELD_BOOL: bool_members(json, parameters); break;
    case FIELD_QUANTITY: quantity_members(json, field, parameters); break;
    case FIELD_ENUM: enum_members(json, field, parameters); break;
    case FIELD_MAP: map_members(json, field->schema, parameters); break;
    case FIELD_LIST:
        json_member(json, "type", "array");
        schema_object(json, "items", field->schema, parameters);
        break;
    case FIELD_KEYED:
        json_member(json, "type", "object");
        schema_object(json, "additionalProperties", field->schema, parameters);
        break;
    case FIELD_TEXTS:
        json_member(json, "type", "array");
        json_key(json, "items");
        json_object(json);
        scalar_types(json);
        json_end(json);
        break;
    case FIELD_NODE:
    case FIELD_CUSTOM:
        if (field->json != NULL)
            field->json(json);
        break;
    }
    default_member(json, field);
}

static void
map_members(struct json *json, const struct schema *schema, bool parameters)
{
    bool any_required = false;

    json_member(json, "type", "object");
    json_member_bool(json, "additionalProperties", false);
    for (size_t i = 0; i < schema->field_count; i++)
        any_required = any_required || schema->fields[i].required;
    if (any_required) {
        json_key(json, "required");
        json_list(json);
        for (size_t i = 0; i < schema->field_count; i++) {
            if (schema->fields[i].required)
                json_string(json, schema->fields[i].key);
        }
        json_end(json);
    }
    json_key(json, "properties");
    json_object(json);
    for (size_t i = 0; i < schema->field_count; i++) {
        json_key(json, schema->fields[i].key);
        json_object(json);
        schema_json_field(json, &schema->fields[i], parameters);
        json_end(json);
    }
    json_end(json);
}

void
schema_json(struct json *json, const struct schema *schema,
            const char *root_id, bool parameters)
{
    json_object(json);
    if (root_id != NULL) {
        json_member(json, "$schema",
                    "https://json-schema.org/draft/2020-12/schema");
        json_member(json, "$id", root_id);
        json_member(json, "title", schema->name);
    }
    json_member(json, "description", schema->doc);
    map_members(json, schema, parameters);
    json_end(json);
}
