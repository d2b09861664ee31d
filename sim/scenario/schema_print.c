/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON Schema of scenario files, from the tables that check them.
 */
#include "sim/scenario/scenario_priv.h"

#include <string.h>

#define SCHEMA_ID "https://sixnines.example/scenarios/schema.json"

static void
ref_member(struct json *json, const char *path, const char *name)
{
    char ref[128];

    snprintf(ref, sizeof(ref), "%s%s", path, name);
    json_member(json, "$ref", ref);
}

static void
names_json(struct json *json, bool action)
{
    struct words words = catalogue_names(action);
    const char *name;

    json_key(json, "enum");
    json_list(json);
    for (size_t i = 0; (name = words.get(words.arg, i)) != NULL; i++)
        json_string(json, name);
    json_end(json);
}

void
event_fault_json(struct json *json)
{
    names_json(json, false);
}

void
event_action_json(struct json *json)
{
    names_json(json, true);
}

void
event_target_json(struct json *json)
{
    json_key(json, "type");
    json_list(json);
    json_string(json, "string");
    json_string(json, "array");
    json_end(json);
    json_key(json, "items");
    json_object(json);
    json_member(json, "type", "string");
    json_end(json);
}

static void
kinds_json(struct json *json)
{
    struct words words = catalogue_random_names();
    const char *name;

    json_member(json, "type", "array");
    json_key(json, "items");
    json_object(json);
    json_key(json, "enum");
    json_list(json);
    for (size_t i = 0; (name = words.get(words.arg, i)) != NULL; i++)
        json_string(json, name);
    json_end(json);
    json_end(json);
}

static void
param_json(struct json *json, const struct catalogue_param *param)
{
    const struct field field = {
        .key = param->name,
        .doc = param->doc,
        .kind = param->kind == PARAM_QUANTITY ? FIELD_QUANTITY
                : param->kind == PARAM_WORD   ? FIELD_ENUM
                : param->kind == PARAM_TEXT   ? FIELD_TEXT
                                              : FIELD_NODE,
        .quantity = param->quantity,
        .fallback = param->fallback,
        .words = param->words,
        .has_range = param->has_range,
        .min = param->min,
        .max = param->max,
        .json = param->kind == PARAM_TARGET  ? event_target_json
                : param->kind == PARAM_KINDS ? kinds_json
                                             : NULL,
    };

    json_key(json, param->name);
    json_object(json);
    schema_json_field(json, &field, true);
    json_end(json);
}

/* One alternative: an event of this kind, with the keys it may have. */
static void
entry_json(struct json *json, const struct catalogue_entry *entry)
{
    const char *kind = catalogue_is_action(entry->id) ? "action" : "fault";

    json_object(json);
    json_member(json, "description", entry->doc);
    json_key(json, "required");
    json_list(json);
    json_string(json, kind);
    if (entry->least_targets > 0)
        json_string(json, "target");
    for (size_t i = 0; entry->params[i].name != NULL; i++) {
        if (entry->params[i].required)
            json_string(json, entry->params[i].name);
    }
    json_end(json);
    json_member_bool(json, "additionalProperties", false);
    json_key(json, "properties");
    json_object(json);
    for (size_t i = 0; i < event_field_count; i++) {
        const char *key = event_fields[i].key;

        if (strcmp(key, "fault") == 0 || strcmp(key, "action") == 0 ||
            (strcmp(key, "target") == 0 && entry->targets == 0) ||
            (strcmp(key, "for") == 0 && !entry->lasts))
            continue;
        json_key(json, key);
        json_object(json);
        ref_member(json, "#/$defs/event/properties/", key);
        json_end(json);
    }
    json_key(json, kind);
    json_object(json);
    json_member(json, "const", entry->name);
    json_end(json);
    for (size_t i = 0; entry->params[i].name != NULL; i++)
        param_json(json, &entry->params[i]);
    json_end(json);
    json_end(json);
}

void
timeline_json(struct json *json)
{
    json_member(json, "type", "array");
    json_key(json, "items");
    json_object(json);
    json_key(json, "anyOf");
    json_list(json);
    for (int i = 0; i < CATALOGUE_COUNT; i++)
        entry_json(json, catalogue_get((enum catalogue_id)i));
    json_end(json);
    json_end(json);
}

static void
string_list_json(struct json *json, const char *const *words, size_t count)
{
    json_member(json, "type", "array");
    json_key(json, "items");
    json_object(json);
    json_key(json, "enum");
    json_list(json);
    for (size_t i = 0; i < count; i++)
        json_string(json, words[i]);
    json_end(json);
    json_end(json);
}

void
worlds_json(struct json *json)
{
    const char *names[WORLD_KIND_COUNT];

    for (int i = 0; i < WORLD_KIND_COUNT; i++)
        names[i] = world_kind_name((enum world_kind)i);
    string_list_json(json, names, WORLD_KIND_COUNT);
}

void
params_json(struct json *json)
{
    json_member(json, "type", "object");
    json_key(json, "additionalProperties");
    json_object(json);
    json_key(json, "type");
    json_list(json);
    json_string(json, "string");
    json_string(json, "number");
    json_string(json, "boolean");
    json_end(json);
    json_end(json);
}

static void
list_of_json(struct json *json, const char *definition)
{
    json_member(json, "type", "array");
    json_key(json, "items");
    json_object(json);
    ref_member(json, "#/$defs/", definition);
    json_end(json);
}

void
expects_json(struct json *json)
{
    list_of_json(json, "expectation");
}

void
compares_json(struct json *json)
{
    list_of_json(json, "comparison");
}

void
traffic_json(struct json *json)
{
    list_of_json(json, "traffic");
}

void
search_json(struct json *json)
{
    json_member(json, "$ref", "#/$defs/search");
}

void
captures_json(struct json *json)
{
    list_of_json(json, "capture");
}

/* Keys that every event may have, for reference. */
static void
event_json(struct json *json)
{
    json_object(json);
    json_key(json, "properties");
    json_object(json);
    for (size_t i = 0; i < event_field_count; i++) {
        json_key(json, event_fields[i].key);
        json_object(json);
        schema_json_field(json, &event_fields[i], true);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

static void
definitions(struct json *json)
{
    json_key(json, "$defs");
    json_object(json);
    json_key(json, "cluster");
    schema_json(json, &cluster_schema, NULL, true);
    json_key(json, "topology");
    schema_json(json, &topology_schema, NULL, true);
    json_key(json, "expectation");
    schema_json(json, &expect_schema, NULL, true);
    json_key(json, "comparison");
    schema_json(json, &compare_schema, NULL, true);
    json_key(json, "traffic");
    schema_json(json, &traffic_schema, NULL, true);
    json_key(json, "capture");
    schema_json(json, &capture_schema, NULL, true);
    json_key(json, "search");
    schema_json(json, &search_schema, NULL, true);
    json_key(json, "event");
    event_json(json);
    json_end(json);
}

void
scenario_schema_print(FILE *out, const struct scenario_section *sections,
                      size_t section_count)
{
    struct arena *arena = arena_create();
    size_t count;
    const struct field *fields =
        top_fields(arena, sections, section_count, &count);
    struct json json;

    json_init(&json, out);
    json_object(&json);
    json_member(&json, "$schema",
                "https://json-schema.org/draft/2020-12/schema");
    json_member(&json, "$id", SCHEMA_ID);
    json_member(&json, "title", "Sixnines scenario");
    json_member(&json, "type", "object");
    json_key(&json, "required");
    json_list(&json);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].required)
            json_string(&json, fields[i].key);
    }
    json_end(&json);
    json_member_bool(&json, "additionalProperties", false);
    json_key(&json, "properties");
    json_object(&json);
    for (size_t i = 0; i < count; i++) {
        json_key(&json, fields[i].key);
        json_object(&json);
        schema_json_field(&json, &fields[i], true);
        json_end(&json);
    }
    json_end(&json);
    definitions(&json);
    json_end(&json);
    arena_destroy(arena);
}
