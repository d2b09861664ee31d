/* SPDX-License-Identifier: Apache-2.0
 *
 * Captures: which front ports are written to which files.
 */
#include "models/capture/capture.h"
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/err.h"

#include <string.h>

#define FILTER_WHY_BYTES 256

static const char *const direction_words[] = {"both", "in", "out", NULL};

struct capture_keys {
    const struct ynode *node;
    const struct ynode *port;
    const char *filter;
    const char *file;
    unsigned direction;
};

static void
port_json(struct json *json)
{
    json_member(json, "type", "string");
}

static const struct field capture_fields[] = {
    {.key = "port",
     .kind = FIELD_NODE,
     FIELD_AT(struct capture_keys, port),
     .required = true,
     .json = port_json,
     .doc = "One front port, such as ncp-0/3."},
    {.key = "filter",
     .kind = FIELD_TEXT,
     FIELD_AT(struct capture_keys, filter),
     .fallback = "",
     .doc = "A BPF expression as tcpdump takes it; all packets when not "
            "given."},
    {.key = "file",
     .kind = FIELD_NAME,
     FIELD_AT(struct capture_keys, file),
     .required = true,
     .doc = "A pcapng file with stamps in nanoseconds, beside the results."},
    {.key = "direction",
     .kind = FIELD_ENUM,
     FIELD_AT(struct capture_keys, direction),
     .words = direction_words,
     .fallback = "both",
     .doc = "in: what enters the cluster at the port; out: what leaves."},
};
const struct schema capture_schema = SCHEMA(
    struct capture_keys, "a capture",
    "A front port whose packets are written to a file.", capture_fields, node);

static int
check_filter(struct loader *loader, const struct capture_keys *keys)
{
    const struct ynode *node = ynode_get(keys->node, "filter");
    struct capture_filter *filter = NULL;
    char why[FILTER_WHY_BYTES] = "";

    if (capture_filter_create(keys->filter, &filter, why, sizeof(why)) == 0) {
        capture_filter_destroy(filter);
        return 0;
    }
    schema_error(&loader->reader, node != NULL ? node : keys->node,
                 "the filter does not compile: %s", why);
    return ERR_INVALID;
}

static int
check_file(struct loader *loader, size_t index, const struct ynode *node)
{
    const struct scenario_capture *captures = loader->scenario->captures;

    for (size_t i = 0; i < index; i++) {
        if (captures[i].file == NULL ||
            strcmp(captures[i].file, captures[index].file) != 0)
            continue;
        schema_error(&loader->reader, node,
                     "file \"%.*s\" is written already, at line %u",
                     DIAG_WORD_MAX, captures[i].file,
                     captures[i].node->mark.line);
        return ERR_INVALID;
    }
    return 0;
}

static int
check_one_port(struct loader *loader, const struct ynode *node,
               const struct scenario_ports *port)
{
    if (port->first_box == port->last_box &&
        port->first_port == port->last_port)
        return 0;
    schema_error(&loader->reader, node, "a capture listens at one port");
    return ERR_INVALID;
}

static int
read_capture(struct loader *loader, const struct ynode *node, size_t index)
{
    struct scenario_capture *capture = &loader->scenario->captures[index];
    struct capture_keys keys = {0};
    int error = schema_read(&loader->reader, &capture_schema, node, &keys);

    if (error != 0)
        return error;
    *capture = (struct scenario_capture){
        .node = node,
        .filter = keys.filter,
        .file = keys.file,
        .direction = keys.direction,
    };
    if (read_ports(loader, keys.port, &capture->port) != 0 ||
        check_one_port(loader, keys.port, &capture->port) != 0)
        error = ERR_INVALID;
    if (check_filter(loader, &keys) != 0)
        error = ERR_INVALID;
    if (check_file(loader, index, ynode_get(node, "file")) != 0)
        error = ERR_INVALID;
    return error;
}

int
read_captures(struct loader *loader)
{
    const struct ynode *list = loader->capture;
    struct scenario *scenario = loader->scenario;
    int error = 0;

    if (list == NULL)
        return 0;
    if (schema_want(&loader->reader, list, YNODE_LIST, "capture") != 0)
        return ERR_INVALID;
    if (list->count > SCENARIO_CAPTURES_MAX) {
        schema_error(&loader->reader, list, "more than %u captures",
                     SCENARIO_CAPTURES_MAX);
        return ERR_INVALID;
    }
    if (loader->traffic == NULL) {
        schema_error(&loader->reader, list,
                     "\"capture\" needs \"traffic\": nothing else is on "
                     "front ports");
        return ERR_INVALID;
    }
    if (scenario->fidelity == FIDELITY_FLOWS) {
        schema_error(&loader->reader, list,
                     "\"capture\" needs fidelity: packets");
        return ERR_INVALID;
    }
    if (loader->search != NULL) {
        schema_error(&loader->reader, list,
                     "\"capture\" does not go with \"search\": its trials "
                     "are tried, not run");
        return ERR_INVALID;
    }
    scenario->captures = arena_array(loader->reader.arena, list->count,
                                     sizeof(*scenario->captures));
    scenario->capture_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (read_capture(loader, list->items[i], i) != 0)
            error = ERR_INVALID;
    }
    return error;
}
