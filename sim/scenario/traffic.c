/* SPDX-License-Identifier: Apache-2.0
 *
 * Traffic: who sends what to whom, and when.
 */
#include "models/traffic/traffic.h"
#include "models/capture/capture.h"
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/err.h"

#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 1024
#define REPLAY_WHY_BYTES 256
#define TRAFFIC_PORTS_MAX 64u /* selectors of one block */

/* In the order of enum traffic_pattern and enum traffic_arrivals. */
static const char *const pattern_words[] = {
    "uniform", "permutation", "pairs", "hot-spot",
    "incast",  "all-to-all",  NULL,
};
static const char *const arrivals_words[] = {
    "constant", "poisson", "on-off", "heavy-tailed", "back-to-back", NULL,
};

struct traffic_keys {
    const struct ynode *node;
    const char *name;
    unsigned pattern, arrivals;
    const struct ynode *from, *to, *sizes;
    uint64_t load_ppm, hot_ppm;
    uint64_t traffic_class, flows, burst_frames, packets;
    struct simtime burst, at, lasts;
    const struct ynode *after;
    const char *file;
    bool loops, routed;
};

static void
sizes_json(struct json *json)
{
    json_key(json, "anyOf");
    json_list(json);
    json_object(json);
    json_member(json, "const", "imix");
    json_end(json);
    json_object(json);
    json_member(json, "type", "integer");
    json_member_unsigned(json, "minimum", TRAFFIC_FRAME_MIN);
    json_member_unsigned(json, "maximum", TRAFFIC_FRAME_MAX);
    json_end(json);
    json_object(json);
    json_member(json, "type", "object");
    json_key(json, "additionalProperties");
    json_object(json);
    json_member(json, "type", "integer");
    json_member_unsigned(json, "minimum", 1);
    json_end(json);
    json_end(json);
    json_object(json);
    json_member(json, "type", "string");
    json_member(json, "pattern", "^\\$.*$");
    json_end(json);
    json_end(json);
}

static void
name_json(struct json *json)
{
    json_member(json, "type", "string");
}

static const struct field traffic_fields[] = {
    {.key = "name",
     .kind = FIELD_NAME,
     FIELD_AT(struct traffic_keys, name),
     .required = true,
     .doc = "For expectations and the report."},
    {.key = "pattern",
     .kind = FIELD_ENUM,
     FIELD_AT(struct traffic_keys, pattern),
     .words = pattern_words,
     .fallback = "uniform",
     .doc = "uniform: each packet to any other end; permutation: each end to "
            "another one; pairs: first to first, second to second; hot-spot: "
            "`hot-share` to the first receiver; incast: all to the first "
            "receiver, in bursts at the same instant; all-to-all: to each "
            "other end in turn."},
    {.key = "from",
     .kind = FIELD_NODE,
     FIELD_AT(struct traffic_keys, from),
     .required = true,
     .json = ports_json,
     .doc = "Front ports that send: ncp-0/3, ncp-0/0..9, ncp-0..3/0..9, "
            "ncp-*/*; of a network, host-0..9 or host-*; or a list."},
    {.key = "to",
     .kind = FIELD_NODE,
     FIELD_AT(struct traffic_keys, to),
     .json = ports_json,
     .doc = "Front ports that receive; the senders when not given."},
    {.key = "routed",
     .kind = FIELD_BOOL,
     FIELD_AT(struct traffic_keys, routed),
     .fallback = "false",
     .doc = "To a network behind each receiver, by a static route to the "
            "router that stands there."},
    {.key = "sizes",
     .kind = FIELD_NODE,
     FIELD_AT(struct traffic_keys, sizes),
     .json = sizes_json,
     .doc = "Bytes of a frame, its check sequence included: a number, a map "
            "of sizes and weights, or imix (7 of 64, 4 of 594, 1 of 1518); "
            "imix when not given."},
    {.key = "load",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_PERCENT,
     FIELD_AT(struct traffic_keys, load_ppm),
     .has_range = true,
     .min = 1,
     .max = 1000000,
     .doc = "Share of each sender's port, gaps and preambles counted."},
    {.key = "arrivals",
     .kind = FIELD_ENUM,
     FIELD_AT(struct traffic_keys, arrivals),
     .words = arrivals_words,
     .fallback = "poisson",
     .doc = "Gaps between packets; on-off and heavy-tailed send bursts at "
            "the port's rate, back-to-back one burst of `burst-frames`."},
    {.key = "hot-share",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_PERCENT,
     FIELD_AT(struct traffic_keys, hot_ppm),
     .has_range = true,
     .min = 1,
     .max = 1000000,
     .doc = "Of pattern hot-spot."},
    {.key = "burst",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct traffic_keys, burst),
     .has_range = true,
     .min = 1,
     .max = PS_PER_S,
     .doc = "Mean length of a burst of on-off and heavy-tailed; 10us when "
            "not given."},
    {.key = "burst-frames",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct traffic_keys, burst_frames),
     .has_range = true,
     .min = 1,
     .max = 1000000,
     .doc = "Frames of each sender in a burst of back-to-back or of a round "
            "of incast."},
    {.key = "class",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct traffic_keys, traffic_class),
     .fallback = "0",
     .has_range = true,
     .min = 0,
     .max = 7,
     .doc = "Traffic class, 7 the highest."},
    {.key = "flows",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct traffic_keys, flows),
     .fallback = "1",
     .has_range = true,
     .min = 1,
     .max = 255,
     .doc = "Between each sender and receiver."},
    {.key = "at",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct traffic_keys, at),
     .doc = "When it begins, from the beginning of the run, or from when "
            "`after` has happened."},
    {.key = "after",
     .kind = FIELD_NODE,
     FIELD_AT(struct traffic_keys, after),
     .json = name_json,
     .doc = "Name of an event of the timeline that must have happened "
            "first."},
    {.key = "for",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct traffic_keys, lasts),
     .has_range = true,
     .min = 1,
     .max = DURATION_MAX_PS,
     .doc = "How long it lasts; until the end of the run when not given."},
    {.key = "packets",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct traffic_keys, packets),
     .has_range = true,
     .min = 1,
     .max = UINT64_C(1000000000000),
     .doc = "Most packets of each sender; no limit when not given."},
    {.key = "from-file",
     .kind = FIELD_TEXT,
     FIELD_AT(struct traffic_keys, file),
     .doc = "A pcap or pcapng file whose sizes and gaps are sent, relative "
            "to this one."},
    {.key = "loops",
     .kind = FIELD_BOOL,
     FIELD_AT(struct traffic_keys, loops),
     .fallback = "false",
     .doc = "Sends the file again and again."},
};
const struct schema traffic_schema =
    SCHEMA(struct traffic_keys, "traffic", "Who sends what to whom.",
           traffic_fields, node);

/* ---- names ---- */

static int
name_find(const void *arg, const char *name)
{
    const struct loader *loader = arg;

    return scenario_traffic_find(loader->scenario, name);
}

static const char *
name_get(const void *arg, size_t index)
{
    const struct loader *loader = arg;
    const struct scenario *scenario = loader->scenario;

    /* One without a name is reported elsewhere. */
    if (index >= scenario->traffic_count)
        return NULL;
    return scenario->traffic[index].name != NULL
               ? scenario->traffic[index].name
               : "";
}

static int
name_note(struct loader *loader, size_t index, const struct ynode *node)
{
    struct scenario *scenario = loader->scenario;
    const struct ynode *name = ynode_get(node, "name");
    int first;

    scenario->traffic[index].node = node;
    scenario->traffic[index].after = SCENARIO_NO_EVENT;
    if (name == NULL || name->kind != YNODE_SCALAR)
        return 0;
    first = scenario_traffic_find(scenario, name->text);
    scenario->traffic[index].name = name->text;
    if (first < 0)
        return 0;
    schema_error(&loader->reader, name,
                 "traffic \"%.*s\" exists already, at line %u", DIAG_WORD_MAX,
                 name->text, scenario->traffic[first].node->mark.line);
    return ERR_INVALID;
}

int
index_traffic(struct loader *loader)
{
    const struct ynode *list = loader->traffic;
    struct scenario *scenario = loader->scenario;
    int error = 0;

    loader->scope.traffic_find = name_find;
    loader->scope.traffic_names = (struct words){name_get, loader};
    loader->scope.arg = loader;
    if (list == NULL)
        return 0;
    if (schema_want(&loader->reader, list, YNODE_LIST, "traffic") != 0)
        return ERR_INVALID;
    if (list->count > SCENARIO_TRAFFIC_MAX) {
        schema_error(&loader->reader, list, "more than %u blocks of traffic",
                     SCENARIO_TRAFFIC_MAX);
        return ERR_INVALID;
    }
    scenario->traffic = arena_array(loader->reader.arena, list->count,
                                    sizeof(*scenario->traffic));
    scenario->traffic_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (name_note(loader, i, list->items[i]) != 0)
            error = ERR_INVALID;
    }
    return error;
}

/* ---- one block ---- */

static int
read_port_list(struct loader *loader, const struct ynode *node,
               struct scenario_port_list *list)
{
    size_t count = node->kind == YNODE_LIST ? node->count : 1;
    struct scenario_ports *items;
    int error = 0;

    if (count == 0 || count > TRAFFIC_PORTS_MAX) {
        schema_error(&loader->reader, node, "1 to %u front ports or ranges",
                     TRAFFIC_PORTS_MAX);
        return ERR_INVALID;
    }
    items = arena_array(loader->reader.arena, count, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        const struct ynode *item =
            node->kind == YNODE_LIST ? node->items[i] : node;

        if ((loader->scenario->network.node != NULL
                 ? read_hosts(loader, item, &items[i])
                 : read_ports(loader, item, &items[i])) != 0)
            error = ERR_INVALID;
    }
    *list = (struct scenario_port_list){items, count};
    return error;
}

static int
read_number(struct loader *loader, const struct ynode *node, const char *what,
            uint64_t least, uint64_t most, uint64_t *number)
{
    if (schema_quantity(&loader->reader, QUANTITY_COUNT, node, number) != 0)
        return ERR_INVALID;
    if (*number >= least && *number <= most)
        return 0;
    schema_error(&loader->reader, node,
                 "%s must lie between %llu and %llu, not \"%.*s\"", what,
                 (unsigned long long)least, (unsigned long long)most,
                 DIAG_WORD_MAX, node->text);
    return ERR_INVALID;
}

int
read_frame_bytes(struct loader *loader, const struct ynode *node,
                 uint64_t *bytes)
{
    return read_number(loader, node, "a frame", TRAFFIC_FRAME_MIN,
                       TRAFFIC_FRAME_MAX, bytes);
}

static int
read_size(struct loader *loader, const struct ynode *bytes,
          const struct ynode *weight, struct traffic_size *size)
{
    uint64_t number, times = 1;

    if (read_frame_bytes(loader, bytes, &number) != 0 ||
        (weight != NULL &&
         read_number(loader, weight, "a weight", 1, 1000000, &times) != 0))
        return ERR_INVALID;
    *size = (struct traffic_size){(uint16_t)number, (uint32_t)times};
    return 0;
}

static int
read_sizes(struct loader *loader, const struct ynode *node,
           struct traffic_spec *spec)
{
    int error = 0;

    if (node == NULL ||
        (node->kind == YNODE_SCALAR && strcmp(node->text, "imix") == 0)) {
        spec->size_count = ARRAY_COUNT(traffic_imix);
        memcpy(spec->sizes, traffic_imix, sizeof(traffic_imix));
        return 0;
    }
    if (node->kind == YNODE_SCALAR) {
        spec->size_count = 1;
        return read_size(loader, node, NULL, &spec->sizes[0]);
    }
    if (schema_want(&loader->reader, node, YNODE_MAP, "sizes") != 0)
        return ERR_INVALID;
    if (node->count == 0 || node->count > TRAFFIC_SIZES_MAX) {
        schema_error(&loader->reader, node, "1 to %u sizes",
                     TRAFFIC_SIZES_MAX);
        return ERR_INVALID;
    }
    spec->size_count = (unsigned)node->count;
    for (size_t i = 0; i < node->count; i++) {
        if (read_size(loader, node->pairs[i].key, node->pairs[i].value,
                      &spec->sizes[i]) != 0)
            error = ERR_INVALID;
    }
    return error;
}

/* The file's packets, moved to the arena. */
static int
read_file(struct loader *loader, const struct traffic_keys *keys,
          struct traffic_spec *spec)
{
    const struct ynode *node = ynode_get(keys->node, "from-file");
    struct traffic_replay replay = {0};
    char path[PATH_BYTES];
    char why[REPLAY_WHY_BYTES] = "";
    uint64_t *gaps;
    uint16_t *bytes;

    if (join_path(node->mark.file, keys->file, path, sizeof(path)) != 0) {
        schema_error(&loader->reader, node, "this path is too long");
        return ERR_INVALID;
    }
    if (capture_replay_load(path, &replay, why, sizeof(why)) != 0) {
        schema_error(&loader->reader, node, "%s", why);
        return ERR_INVALID;
    }
    gaps = arena_array(loader->reader.arena, replay.count, sizeof(*gaps));
    bytes = arena_array(loader->reader.arena, replay.count, sizeof(*bytes));
    memcpy(gaps, replay.gap_ps, replay.count * sizeof(*gaps));
    memcpy(bytes, replay.bytes, replay.count * sizeof(*bytes));
    spec->replay = (struct traffic_replay){replay.count, gaps, bytes};
    spec->replay_loops = keys->loops;
    spec->arrivals = TRAFFIC_REPLAY;
    capture_replay_free(&replay);
    return 0;
}

/* A key that is given although nothing would look at it, or that lacks. */
static int
check_key(struct loader *loader, const struct ynode *node, const char *key,
          bool wanted, bool needed, const char *when)
{
    const struct ynode *value = ynode_get(node, key);

    if (value != NULL && !wanted) {
        schema_error(&loader->reader, value, "\"%s\" needs %s", key, when);
        return ERR_INVALID;
    }
    if (value == NULL && needed) {
        schema_error(&loader->reader, node, "traffic lacks \"%s\"", key);
        return ERR_INVALID;
    }
    return 0;
}

static int
check_block(struct loader *loader, const struct traffic_keys *keys)
{
    const struct ynode *node = keys->node;
    bool file = keys->file != NULL;
    bool once = keys->arrivals == TRAFFIC_BACK_TO_BACK;
    bool incast = keys->pattern == TRAFFIC_INCAST;
    bool bursts = keys->arrivals == TRAFFIC_ON_OFF ||
                  keys->arrivals == TRAFFIC_HEAVY_TAILED;
    int error = 0;

    error |= check_key(loader, node, "load", !file && !once, !file && !once,
                       "other arrivals than back-to-back or a file");
    error |= check_key(loader, node, "arrivals", !file, false,
                       "to go without \"from-file\"");
    error |= check_key(loader, node, "sizes", !file, false,
                       "to go without \"from-file\"");
    error |= check_key(loader, node, "loops", file, false, "\"from-file\"");
    error |=
        check_key(loader, node, "hot-share", keys->pattern == TRAFFIC_HOT_SPOT,
                  keys->pattern == TRAFFIC_HOT_SPOT, "pattern: hot-spot");
    error |= check_key(loader, node, "burst", !file && bursts, false,
                       "arrivals: on-off or heavy-tailed");
    error |= check_key(loader, node, "burst-frames", !file && (once || incast),
                       !file && (once || incast),
                       "arrivals: back-to-back or pattern: incast");
    return error != 0 ? ERR_INVALID : 0;
}

static int
read_after(struct loader *loader, const struct ynode *node,
           struct scenario_traffic *traffic)
{
    int index;

    if (node == NULL)
        return 0;
    if (schema_want(&loader->reader, node, YNODE_SCALAR, "after") != 0)
        return ERR_INVALID;
    index = loader->scope.event_find(loader->scope.arg, node->text);
    if (index < 0) {
        schema_unknown(&loader->reader, node, node->mark, "event", node->text,
                       "", loader->scope.event_names);
        return ERR_INVALID;
    }
    traffic->after = (uint32_t)index;
    return 0;
}

/* It must be able to begin before the end. */
static int
check_begin(struct loader *loader, const struct scenario_traffic *traffic)
{
    const struct scenario *scenario = loader->scenario;
    const struct ynode *at = ynode_get(traffic->node, "at");
    struct simtime begins = traffic->at;
    char text[QUANTITY_TEXT_BYTES], ends[QUANTITY_TEXT_BYTES];

    if (traffic->after != SCENARIO_NO_EVENT)
        begins =
            simtime_add(begins, scenario->events[traffic->after].earliest);
    if (scenario->ends.ps == 0 || simtime_before(begins, scenario->ends))
        return 0;
    quantity_format(QUANTITY_DURATION, begins.ps, text, sizeof(text));
    quantity_format(QUANTITY_DURATION, scenario->ends.ps, ends, sizeof(ends));
    schema_error(&loader->reader, at != NULL ? at : traffic->node,
                 "this begins at %s, not before the end of the scenario "
                 "(ends: %s)",
                 text, ends);
    return ERR_INVALID;
}

/* A round of incast has its own times. */
static int
check_incast(struct loader *loader, struct traffic_keys *keys)
{
    const struct ynode *arrivals = ynode_get(keys->node, "arrivals");

    if (keys->pattern != TRAFFIC_INCAST || keys->file != NULL)
        return 0;
    if (arrivals == NULL)
        keys->arrivals = TRAFFIC_CONSTANT;
    if (keys->arrivals == TRAFFIC_CONSTANT ||
        keys->arrivals == TRAFFIC_BACK_TO_BACK)
        return 0;
    schema_error(&loader->reader, arrivals,
                 "arrivals of pattern: incast are constant (rounds that give "
                 "the load) or back-to-back (one round)");
    return ERR_INVALID;
}

static void
fill_spec(const struct traffic_keys *keys, struct traffic_spec *spec)
{
    spec->pattern = (enum traffic_pattern)keys->pattern;
    spec->arrivals = (enum traffic_arrivals)keys->arrivals;
    spec->load_ppm = (uint32_t)keys->load_ppm;
    spec->hot_ppm = (uint32_t)keys->hot_ppm;
    spec->burst_ps = keys->burst.ps != 0 ? keys->burst.ps : 10 * PS_PER_US;
    spec->burst_frames = (uint32_t)keys->burst_frames;
    spec->traffic_class = (uint8_t)keys->traffic_class;
    spec->flows = (uint8_t)keys->flows;
    spec->packets_max = keys->packets;
}

static int
read_block(struct loader *loader, struct scenario_traffic *traffic)
{
    struct traffic_keys keys = {0};
    int error =
        schema_read(&loader->reader, &traffic_schema, traffic->node, &keys);

    if (error != 0)
        return error;
    traffic->at = keys.at;
    traffic->lasts = keys.lasts;
    traffic->routed = keys.routed;
    error |= check_incast(loader, &keys);
    error |= check_block(loader, &keys);
    fill_spec(&keys, &traffic->spec);
    error |= read_port_list(loader, keys.from, &traffic->from);
    traffic->to = traffic->from;
    if (keys.to != NULL)
        error |= read_port_list(loader, keys.to, &traffic->to);
    if (keys.file != NULL)
        error |= read_file(loader, &keys, &traffic->spec);
    else
        error |= read_sizes(loader, keys.sizes, &traffic->spec);
    if (read_after(loader, keys.after, traffic) == 0)
        error |= check_begin(loader, traffic);
    else
        error = ERR_INVALID;
    return error != 0 ? ERR_INVALID : 0;
}

int
read_traffic(struct loader *loader)
{
    struct scenario *scenario = loader->scenario;
    int error = 0;

    if (scenario->traffic_count == 0)
        return 0;
    if (scenario->network.node == NULL &&
        (scenario->cluster.node == NULL ||
         loader->scope.slots[ROLE_NCP] == 0)) {
        schema_error(&loader->reader, loader->traffic,
                     "traffic needs a cluster with packet forwarders");
        return ERR_INVALID;
    }
    if (scenario->begins != BEGINS_CONVERGED) {
        schema_error(&loader->reader, loader->traffic,
                     "traffic needs begins: converged");
        return ERR_INVALID;
    }
    for (size_t i = 0; i < scenario->traffic_count; i++) {
        if (read_block(loader, &scenario->traffic[i]) != 0)
            error = ERR_INVALID;
    }
    return error;
}
