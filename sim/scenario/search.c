/* SPDX-License-Identifier: Apache-2.0
 *
 * A search: the highest load, or the longest burst, that a trial carries
 * without loss (RFC 2544, sections 26.1 and 26.4), for each size of frame.
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/err.h"

#include <string.h>

static const char *const vary_words[] = {"load", "burst", NULL};

struct search_keys {
    const struct ynode *node;
    const struct ynode *traffic, *sizes, *latency_at;
    unsigned vary;
    uint64_t resolution_ppm, loss_ppm;
    struct simtime at, trial, drain;
};

static void
name_json(struct json *json)
{
    json_member(json, "type", "string");
}

static void
list_json(struct json *json, const char *type)
{
    json_member(json, "type", "array");
    json_key(json, "items");
    json_object(json);
    json_member(json, "type", type);
    json_end(json);
}

static void
sizes_json(struct json *json)
{
    list_json(json, "integer");
}

static void
shares_json(struct json *json)
{
    list_json(json, "string");
}

static const struct field search_fields[] = {
    {.key = "traffic",
     .kind = FIELD_NODE,
     FIELD_AT(struct search_keys, traffic),
     .required = true,
     .json = name_json,
     .doc = "The block of traffic that trials send; it does not run by "
            "itself."},
    {.key = "vary",
     .kind = FIELD_ENUM,
     FIELD_AT(struct search_keys, vary),
     .words = vary_words,
     .fallback = "load",
     .doc = "load, up to 100 % of the port; burst, up to the block's "
            "burst-frames."},
    {.key = "sizes",
     .kind = FIELD_NODE,
     FIELD_AT(struct search_keys, sizes),
     .required = true,
     .json = sizes_json,
     .doc = "Bytes of a frame; each is searched alone."},
    {.key = "at",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct search_keys, at),
     .fallback = "0s",
     .doc = "When: every trial starts from the cluster as it is then."},
    {.key = "trial",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct search_keys, trial),
     .fallback = "100us",
     .has_range = true,
     .min = PS_PER_US,
     .max = PS_PER_S,
     .doc = "How long a trial sends."},
    {.key = "drain",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct search_keys, drain),
     .fallback = "100us",
     .has_range = true,
     .min = 1,
     .max = PS_PER_S,
     .doc = "What has not left so long after it is lost."},
    {.key = "resolution",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_PERCENT,
     FIELD_AT(struct search_keys, resolution_ppm),
     .fallback = "1%",
     .has_range = true,
     .min = 100,
     .max = 500000,
     .doc = "When the search ends."},
    {.key = "loss",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_PERCENT,
     FIELD_AT(struct search_keys, loss_ppm),
     .fallback = "0%",
     .doc = "Most that a trial may lose."},
    {.key = "latency-at",
     .kind = FIELD_NODE,
     FIELD_AT(struct search_keys, latency_at),
     .json = shares_json,
     .doc = "Shares of the throughput at which latency is measured; at 0% "
            "each sender sends one frame."},
};
const struct schema search_schema =
    SCHEMA(struct search_keys, "search",
           "The highest load, or the longest burst, that is carried without "
           "loss.",
           search_fields, node);

static int
read_sizes(struct loader *loader, const struct ynode *list,
           struct scenario_search *search)
{
    int error = 0;

    if (schema_want(&loader->reader, list, YNODE_LIST, "sizes") != 0)
        return ERR_INVALID;
    if (list->count == 0 || list->count > SCENARIO_SEARCH_SIZES_MAX) {
        schema_error(&loader->reader, list, "1 to %u sizes",
                     SCENARIO_SEARCH_SIZES_MAX);
        return ERR_INVALID;
    }
    search->size_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        uint64_t bytes = 0;

        if (read_frame_bytes(loader, list->items[i], &bytes) != 0)
            error = ERR_INVALID;
        search->sizes[i] = (uint16_t)bytes;
    }
    return error;
}

static int
read_shares(struct loader *loader, const struct ynode *list,
            struct scenario_search *search)
{
    int error = 0;

    if (list == NULL)
        return 0;
    if (schema_want(&loader->reader, list, YNODE_LIST, "latency-at") != 0)
        return ERR_INVALID;
    if (search->vary != SEARCH_LOAD) {
        schema_error(&loader->reader, list, "\"latency-at\" needs vary: load");
        return ERR_INVALID;
    }
    if (list->count > SCENARIO_SEARCH_LOADS_MAX) {
        schema_error(&loader->reader, list, "at most %u loads",
                     SCENARIO_SEARCH_LOADS_MAX);
        return ERR_INVALID;
    }
    search->load_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        uint64_t ppm = 0;

        if (schema_quantity(&loader->reader, QUANTITY_PERCENT, list->items[i],
                            &ppm) != 0)
            error = ERR_INVALID;
        search->loads_ppm[i] = (uint32_t)ppm;
    }
    return error;
}

static int
read_block_name(struct loader *loader, const struct ynode *node,
                struct scenario_search *search)
{
    const struct scenario *scenario = loader->scenario;
    const struct scenario_traffic *traffic;
    int index;

    if (schema_want(&loader->reader, node, YNODE_SCALAR, "traffic") != 0)
        return ERR_INVALID;
    index = scenario_traffic_find(scenario, node->text);
    if (index < 0) {
        schema_unknown(&loader->reader, node, node->mark, "traffic",
                       node->text, "", loader->scope.traffic_names);
        return ERR_INVALID;
    }
    search->traffic = (uint32_t)index;
    traffic = &scenario->traffic[index];
    if (search->vary == SEARCH_BURST && traffic->spec.burst_frames == 0) {
        schema_error(&loader->reader, node,
                     "traffic \"%s\" has no \"burst-frames\" to vary",
                     node->text);
        return ERR_INVALID;
    }
    if (search->vary == SEARCH_LOAD &&
        (traffic->spec.load_ppm == 0 ||
         traffic->spec.arrivals == TRAFFIC_REPLAY)) {
        schema_error(&loader->reader, node,
                     "traffic \"%s\" has no \"load\" to vary", node->text);
        return ERR_INVALID;
    }
    return 0;
}

int
read_search(struct loader *loader)
{
    struct scenario *scenario = loader->scenario;
    struct scenario_search *search = &scenario->search;
    struct search_keys keys = {0};
    int error;

    if (loader->search == NULL)
        return 0;
    error =
        schema_read(&loader->reader, &search_schema, loader->search, &keys);
    if (error != 0)
        return error;
    *search = (struct scenario_search){
        .node = loader->search,
        .vary = keys.vary,
        .resolution_ppm = (uint32_t)keys.resolution_ppm,
        .loss_ppm = (uint32_t)keys.loss_ppm,
        .at = keys.at,
        .trial = keys.trial,
        .drain = keys.drain,
    };
    if (scenario->fidelity == FIDELITY_FLOWS) {
        schema_error(&loader->reader, loader->search,
                     "\"search\" needs fidelity: packets");
        error = ERR_INVALID;
    }
    error |= read_block_name(loader, keys.traffic, search);
    error |= read_sizes(loader, keys.sizes, search);
    error |= read_shares(loader, keys.latency_at, search);
    loader->scope.search_sizes = search->sizes;
    loader->scope.search_size_count = search->size_count;
    return error != 0 ? ERR_INVALID : 0;
}
