/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario/scenario.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "sim/scenario/scenario_priv.h"

#include <stdlib.h>
#include <string.h>

struct ends {
    const struct ynode *node;
    struct simtime settled, at_most;
};

/* The sections of a file as they stand in it. */
struct top {
    uint64_t format;
    const char *scenario;
    const char *about;
    const struct ynode *params, *uses, *worlds, *cluster, *topology;
    struct scenario_network network;
    unsigned begins;
    uint64_t seed;
    struct scenario_probe probe;
    const struct ynode *timeline, *expect, *compare, *traffic, *capture,
        *search;
    unsigned fidelity;
    struct ends ends;
    const struct ynode *sections[];
};

static const char *const begin_words[] = {"converged", "power-on", NULL};
static const char *const fidelity_words[] = {"packets", "flows", NULL};

static const struct field probe_fields[] = {
    {.key = "write-every",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct scenario_probe, write_every),
     .fallback = "20ms",
     .doc = "Time between two writes; 0s for none."},
};
const struct schema probe_schema =
    SCHEMA(struct scenario_probe, "probe",
           "An operator who writes a configuration row all the time.",
           probe_fields, node);

static const struct field ends_fields[] = {
    {.key = "settled",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct ends, settled),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = DURATION_MAX_PS,
     .doc = "The run ends when the timeline is over, every `within` is "
            "decided and the cluster has been converged for this long."},
    {.key = "at-most",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct ends, at_most),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = DURATION_MAX_PS,
     .doc = "It ends then in any case; at most 100d."},
};
static const struct schema ends_schema =
    SCHEMA(struct ends, "ends", "An end as soon as the cluster is at rest.",
           ends_fields, node);

static const struct field ends_length = {
    .key = "ends",
    .kind = FIELD_QUANTITY,
    .quantity = QUANTITY_DURATION,
    FIELD_AT(struct ends, at_most),
    .has_range = true,
    .min = 1,
    .max = DURATION_MAX_PS,
    .doc = "Length of the run, at most 100d.",
};

static int
ends_parse(struct schema_reader *reader, const struct ynode *value,
           void *member)
{
    if (value->kind == YNODE_MAP)
        return schema_read(reader, &ends_schema, value, member);
    return schema_field_read(reader, &ends_length, value, member);
}

static void
ends_json(struct json *json)
{
    json_key(json, "oneOf");
    json_list(json);
    json_object(json);
    schema_json_field(json, &ends_length, true);
    json_end(json);
    schema_json(json, &ends_schema, NULL, true);
    json_end(json);
}

static void
uses_json(struct json *json)
{
    json_member(json, "type", "array");
    json_key(json, "items");
    json_object(json);
    json_member(json, "type", "string");
    json_end(json);
}

static void
cluster_json(struct json *json)
{
    json_member(json, "$ref", "#/$defs/cluster");
}

static void
topology_json(struct json *json)
{
    json_member(json, "$ref", "#/$defs/topology");
}

static const struct field base_fields[] = {
    {.key = "format",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct top, format),
     .required = true,
     .doc = "Version of this file format: 1."},
    {.key = "scenario",
     .kind = FIELD_NAME,
     FIELD_AT(struct top, scenario),
     .required = true,
     .doc = "Its name; results are kept under it."},
    {.key = "about",
     .kind = FIELD_TEXT,
     FIELD_AT(struct top, about),
     .required = true,
     .doc = "What is tried, and why, for someone who is new."},
    {.key = "params",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, params),
     .json = params_json,
     .doc = "Values used below as $name; --set params.name=value changes "
            "them."},
    {.key = "uses",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, uses),
     .json = uses_json,
     .doc = "Files to import, relative to this one."},
    {.key = "worlds",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, worlds),
     .json = worlds_json,
     .doc = "Where it can run; des when not given."},
    {.key = "cluster",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, cluster),
     .json = cluster_json,
     .doc = "The boxes and what runs on them."},
    {.key = "topology",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, topology),
     .json = topology_json,
     .doc = "Nodes and links one by one, instead of a cluster."},
    {.key = "network",
     .kind = FIELD_MAP,
     .schema = &network_schema,
     FIELD_AT(struct top, network),
     .doc = "Plain queues without boxes and NOS, instead of a cluster."},
    {.key = "begins",
     .kind = FIELD_ENUM,
     FIELD_AT(struct top, begins),
     .words = begin_words,
     .fallback = "converged",
     .doc = "When t = 0 is: converged, the cluster is up; power-on, every box "
            "gets power."},
    {.key = "seed",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct top, seed),
     .fallback = "1",
     .doc = "Of all random draws."},
    {.key = "probe",
     .kind = FIELD_MAP,
     .schema = &probe_schema,
     FIELD_AT(struct top, probe),
     .doc = "An operator who writes a configuration row all the time."},
    {.key = "traffic",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, traffic),
     .json = traffic_json,
     .doc = "Who sends what to whom."},
    {.key = "fidelity",
     .kind = FIELD_ENUM,
     FIELD_AT(struct top, fidelity),
     .words = fidelity_words,
     .fallback = "packets",
     .doc = "How traffic runs: packets, every packet and cell; flows, rates "
            "alone."},
    {.key = "capture",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, capture),
     .json = captures_json,
     .doc = "Front ports whose packets are written to pcapng files."},
    {.key = "search",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, search),
     .json = search_json,
     .doc = "The highest load, or the longest burst, that is carried without "
            "loss."},
    {.key = "timeline",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, timeline),
     .json = timeline_json,
     .doc = "Faults and actions, in any order."},
    {.key = "expect",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, expect),
     .json = expects_json,
     .doc = "What must hold."},
    {.key = "compare",
     .kind = FIELD_NODE,
     FIELD_AT(struct top, compare),
     .json = compares_json,
     .doc = "How far two worlds may be apart; a run in both fails beyond "
            "it."},
    {.key = "ends",
     .kind = FIELD_CUSTOM,
     FIELD_AT(struct top, ends),
     .required = true,
     .parse = ends_parse,
     .json = ends_json,
     .doc = "Length of the run, at most 100d; or { settled, at-most }: as "
            "soon as the cluster is at rest."},
};

const struct field *
top_fields(struct arena *arena, const struct scenario_section *sections,
           size_t section_count, size_t *count)
{
    size_t base = ARRAY_COUNT(base_fields);
    struct field *fields =
        arena_array(arena, base + section_count, sizeof(*fields));

    memcpy(fields, base_fields, sizeof(base_fields));
    for (size_t i = 0; i < section_count; i++) {
        fields[base + i] = (struct field){
            .key = sections[i].key,
            .doc = sections[i].doc,
            .kind = FIELD_NODE,
            .offset = offsetof(struct top, sections) +
                      i * sizeof(const struct ynode *),
            .bytes = sizeof(const struct ynode *),
            .json = sections[i].json,
        };
    }
    *count = base + section_count;
    return fields;
}

static int
read_worlds(struct loader *loader, const struct ynode *worlds)
{
    static const char *const names[] = {"des",     "ns3",      "netns",
                                        "mininet", "hardware", NULL};
    unsigned index;
    int error = 0;

    loader->scenario->worlds = WORLD_BIT(WORLD_DES);
    if (worlds == NULL)
        return 0;
    if (schema_want(&loader->reader, worlds, YNODE_LIST, "worlds") != 0)
        return ERR_INVALID;
    if (worlds->count == 0) {
        schema_error(&loader->reader, worlds, "at least one world is needed");
        return ERR_INVALID;
    }
    loader->scenario->worlds = 0;
    for (size_t i = 0; i < worlds->count; i++) {
        if (schema_word(&loader->reader, worlds->items[i], "world", names,
                        &index) != 0)
            error = ERR_INVALID;
        else
            loader->scenario->worlds |= WORLD_BIT(index);
    }
    return error;
}

static int
read_sections(struct loader *loader, const struct top *top)
{
    const struct scenario_options *options = loader->options;
    size_t count = options == NULL ? 0 : options->section_count;
    int error = 0;

    loader->scenario->sections =
        arena_array(loader->reader.arena, count, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        if (top->sections[i] != NULL &&
            options->sections[i].parse(&loader->reader, loader->scenario,
                                       top->sections[i],
                                       &loader->scenario->sections[i]) != 0)
            error = ERR_INVALID;
    }
    return error;
}

static int
check_format(struct loader *loader, const struct ynode *root, uint64_t format)
{
    const struct ynode *node = ynode_get(root, "format");

    if (format == SCENARIO_FORMAT || node == NULL)
        return 0;
    schema_error(&loader->reader, node,
                 "format %llu is unknown; this build reads format %d",
                 (unsigned long long)format, SCENARIO_FORMAT);
    return ERR_INVALID;
}

static int
check_name(struct loader *loader, const struct ynode *root)
{
    struct scenario *scenario = loader->scenario;
    const struct ynode *node = ynode_get(root, "scenario");

    if (scenario->name == NULL || strlen(scenario->name) <= 100)
        return 0;
    schema_error(&loader->reader, node,
                 "a scenario's name has at most 100 characters");
    return ERR_INVALID;
}

static int
read_parts(struct loader *loader, const struct ynode *root,
           const struct top *top)
{
    int error = check_format(loader, root, top->format);

    if (check_name(loader, root) != 0)
        error = ERR_INVALID;
    if (read_worlds(loader, top->worlds) != 0)
        error = ERR_INVALID;
    if (top->network.node != NULL) {
        loader->scenario->network = top->network;
    } else if (top->cluster == NULL && top->topology == NULL) {
        schema_error(&loader->reader, root,
                     "a scenario needs a cluster or a topology");
        error = ERR_INVALID;
    } else if (read_cluster(loader, top->cluster, top->topology) != 0) {
        error = ERR_INVALID;
    }
    loader->timeline = top->timeline;
    loader->expect = top->expect;
    loader->compare = top->compare;
    loader->traffic = top->traffic;
    loader->capture = top->capture;
    loader->search = top->search;
    if (index_traffic(loader) != 0)
        error = ERR_INVALID;
    if (top->network.node != NULL &&
        read_network(loader, top->cluster, top->topology) != 0)
        error = ERR_INVALID;
    if (read_timeline(loader) != 0)
        error = ERR_INVALID;
    if (read_traffic(loader) != 0)
        error = ERR_INVALID;
    if (read_captures(loader) != 0)
        error = ERR_INVALID;
    if (read_search(loader) != 0)
        error = ERR_INVALID;
    if (read_expects(loader) != 0)
        error = ERR_INVALID;
    if (read_compares(loader) != 0)
        error = ERR_INVALID;
    if (read_sections(loader, top) != 0)
        error = ERR_INVALID;
    return error;
}

static int
read_top(struct loader *loader, const struct ynode *root)
{
    struct arena *arena = loader->reader.arena;
    const struct scenario_options *options = loader->options;
    struct scenario *scenario = loader->scenario;
    size_t section_count = options == NULL ? 0 : options->section_count;
    struct schema schema = {
        .name = "the scenario",
        .node_offset = SCHEMA_NO_OFFSET,
        .key_offset = SCHEMA_NO_OFFSET,
    };
    struct top *top = arena_alloc(
        arena, sizeof(*top) + section_count * sizeof(const struct ynode *));
    int error;

    schema.fields =
        top_fields(arena, options == NULL ? NULL : options->sections,
                   section_count, &schema.field_count);
    error = schema_read(&loader->reader, &schema, root, top);
    scenario->root = root;
    scenario->format = top->format;
    scenario->name = top->scenario;
    scenario->about = top->about;
    scenario->begins = top->begins;
    scenario->seed = top->seed;
    scenario->probe = top->probe;
    scenario->fidelity = top->fidelity;
    scenario->ends = top->ends.at_most;
    scenario->settled = top->ends.settled;
    loader->ends = ynode_get(root, "ends");
    if (read_parts(loader, root, top) != 0)
        error = ERR_INVALID;
    return error;
}

int
scenario_parse(struct diag_list *diags, const char *path, const char *text,
               size_t bytes, const struct scenario_options *options,
               struct scenario **out)
{
    struct arena *arena = arena_create();
    struct scenario *scenario = arena_alloc(arena, sizeof(*scenario));
    struct loader loader = {
        .reader = {.arena = arena, .diags = diags},
        .scenario = scenario,
        .options = options,
    };
    struct ynode *root;
    int error;

    scenario->arena = arena;
    scenario->path = arena_copy(arena, path, strlen(path));
    loader.reader.user = &loader;
    error = assemble(&loader, scenario->path, text, bytes, &root);
    if (error == 0)
        error = read_top(&loader, root);
    free(loader.event_names);
    if (error != 0) {
        arena_destroy(arena);
        return error;
    }
    *out = scenario;
    return 0;
}

int
scenario_load(struct diag_list *diags, const char *path,
              const struct scenario_options *options,
              struct scenario **scenario)
{
    return scenario_parse(diags, path, NULL, 0, options, scenario);
}

void
scenario_destroy(struct scenario *scenario)
{
    if (scenario != NULL)
        arena_destroy(scenario->arena);
}

int
scenario_event_find(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->event_count; i++) {
        if (scenario->events[i].name != NULL &&
            strcmp(scenario->events[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int
scenario_traffic_find(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->traffic_count; i++) {
        if (scenario->traffic[i].name != NULL &&
            strcmp(scenario->traffic[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

struct simtime
scenario_event_time(const struct scenario_event *event, uint64_t index)
{
    CHECK(index < event->count);
    return simtime_from_ps(event->at.ps + event->every.ps * index);
}

const struct scenario_value *
scenario_event_value(const struct scenario_event *event, const char *name)
{
    int index = catalogue_param_index(event->what, name);

    CHECK(index >= 0);
    return &event->values[index];
}
