/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster of a scenario: a preset, or counts; or a topology instead.
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/err.h"
#include "reference-nos/schema/tables.h"

#include <string.h>

/* DriveNets' small, medium and large clusters (reference figures in
 * models/data); 13 fabric links are what an NCP-40C has. */
static const struct preset presets[] = {
    {"ddc-small", "4 packet forwarders, 2 fabric boxes", 2, 2, 4, 2, 13},
    {"ddc-medium", "24 packet forwarders, 7 fabric boxes", 2, 2, 24, 7, 13},
    {"ddc-large", "48 packet forwarders, 13 fabric boxes", 2, 2, 48, 13, 13},
    {"router", "one stand-alone router", 1, 0, 0, 0, 0},
};

const char *const preset_names[] = {"ddc-small", "ddc-medium", "ddc-large",
                                    "router", NULL};

static const char *const nos_names[] = {"reference", NULL};
static const char *const numberings[] = {"plan", "lowest-free", NULL};

/* What the file says, before preset and counts are held together. */
struct cluster_keys {
    const struct ynode *node;
    unsigned nos;
    const struct ynode *preset;
    uint32_t ncc, ncm; /* of the preset */
    uint32_t ncp, ncf;
    const char *ncp_model, *ncf_model;
    uint32_t fabric_links;
    struct cluster_spares {
        const struct ynode *node;
        uint32_t ncp;
    } spares;
    struct cluster_pools {
        const struct ynode *node;
        uint32_t ncc, ncp, ncf, ncm;
    } pools;
    struct simtime tombstone;
    unsigned numbering;
};

#define COUNT_FIELD(type, member, key_, least, most, doc_)                    \
    {                                                                         \
        .key = (key_), .kind = FIELD_QUANTITY, .quantity = QUANTITY_COUNT,    \
        FIELD_AT(type, member), .has_range = true, .min = (least),            \
        .max = (most), .doc = (doc_)                                          \
    }

static const struct field spares_fields[] = {
    COUNT_FIELD(struct cluster_spares, ncp, "ncp", 0, 128,
                "Packet forwarders."),
};
static const struct schema spares_schema =
    SCHEMA(struct cluster_spares, "spares",
           "Boxes beyond the cluster's size: cabled as planned, without power "
           "until box.add or box.power-on.",
           spares_fields, node);

static const struct field pools_fields[] = {
    COUNT_FIELD(struct cluster_pools, ncc, "ncc", 1, MODULE_POOL_NCC,
                "Controllers."),
    COUNT_FIELD(struct cluster_pools, ncp, "ncp", 1, MODULE_POOL_NCP,
                "Packet forwarders."),
    COUNT_FIELD(struct cluster_pools, ncf, "ncf", 1, MODULE_POOL_NCF,
                "Fabric boxes."),
    COUNT_FIELD(struct cluster_pools, ncm, "ncm", 1, MODULE_POOL_NCM,
                "Management switches."),
};
static const struct schema pools_schema = SCHEMA(
    struct cluster_pools, "pools",
    "How many module numbers a role has; the NOS's limit when not given.",
    pools_fields, node);

static void
preset_json(struct json *json)
{
    json_key(json, "anyOf");
    json_list(json);
    json_object(json);
    json_key(json, "enum");
    json_list(json);
    for (size_t i = 0; preset_names[i] != NULL; i++)
        json_string(json, preset_names[i]);
    json_end(json);
    json_end(json);
    json_object(json);
    json_member(json, "type", "string");
    json_member(json, "pattern", "^\\$.*$");
    json_end(json);
    json_end(json);
}

static const struct field cluster_fields[] = {
    {.key = "preset",
     .kind = FIELD_NODE,
     FIELD_AT(struct cluster_keys, preset),
     .json = preset_json,
     .doc = "A size that has a name; give this, or ncp and ncf."},
    {.key = "nos",
     .kind = FIELD_ENUM,
     FIELD_AT(struct cluster_keys, nos),
     .words = nos_names,
     .fallback = "reference",
     .doc = "What runs on the boxes."},
    COUNT_FIELD(struct cluster_keys, ncp, "ncp", 1, MODULE_POOL_NCP,
                "Packet forwarders (line-card boxes)."),
    COUNT_FIELD(struct cluster_keys, ncf, "ncf", 1, MODULE_POOL_NCF,
                "Fabric boxes."),
    {.key = "ncp-model",
     .kind = FIELD_NAME,
     FIELD_AT(struct cluster_keys, ncp_model),
     .doc = "White box of the packet forwarders, as in models/data."},
    {.key = "ncf-model",
     .kind = FIELD_NAME,
     FIELD_AT(struct cluster_keys, ncf_model),
     .doc = "White box of the fabric boxes, as in models/data."},
    COUNT_FIELD(struct cluster_keys, fabric_links, "fabric-links", 1, 64,
                "Fabric links of each packet forwarder; 13 when not given."),
    {.key = "spares",
     .kind = FIELD_MAP,
     .schema = &spares_schema,
     FIELD_AT(struct cluster_keys, spares),
     .doc = "Boxes beyond the cluster's size."},
    {.key = "pools",
     .kind = FIELD_MAP,
     .schema = &pools_schema,
     FIELD_AT(struct cluster_keys, pools),
     .doc = "Module numbers of each role."},
    {.key = "tombstone",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct cluster_keys, tombstone),
     .fallback = "30m",
     .doc = "How long a module number that was given up rests."},
    {.key = "numbering",
     .kind = FIELD_ENUM,
     FIELD_AT(struct cluster_keys, numbering),
     .words = numberings,
     .fallback = "plan",
     .doc = "plan: places carry numbers; lowest-free: boxes are numbered as "
            "they come."},
};
const struct schema cluster_schema =
    SCHEMA(struct cluster_keys, "cluster", "The boxes and what runs on them.",
           cluster_fields, node);

static const struct field node_fields[] = {
    {.key = "nos",
     .kind = FIELD_NAME,
     FIELD_AT(struct scenario_node, nos),
     .required = true,
     .doc = "What runs on the node."},
    {.key = "model",
     .kind = FIELD_NAME,
     FIELD_AT(struct scenario_node, model),
     .doc = "White box."},
    {.key = "role",
     .kind = FIELD_NAME,
     FIELD_AT(struct scenario_node, role),
     .doc = "Role in a cluster, or router."},
};
static const struct schema node_schema =
    SCHEMA_KEYED(struct scenario_node, "node", "A node of the topology.",
                 node_fields, node, name);
static const struct field link_fields[] = {
    {.key = "endpoints",
     .kind = FIELD_TEXTS,
     FIELD_AT(struct scenario_link, endpoints),
     .required = true,
     .doc = "Two times \"node:port\"."},
};
static const struct schema link_schema =
    SCHEMA(struct scenario_link, "link", "A link of the topology.",
           link_fields, node);
static const struct field topology_fields[] = {
    {.key = "nodes",
     .kind = FIELD_KEYED,
     .schema = &node_schema,
     FIELD_AT(struct scenario_topology, nodes),
     .required = true,
     .doc = "Nodes by name."},
    {.key = "links",
     .kind = FIELD_LIST,
     .schema = &link_schema,
     FIELD_AT(struct scenario_topology, links),
     .doc = "Links between nodes."},
};
const struct schema topology_schema =
    SCHEMA(struct scenario_topology, "topology",
           "Nodes and links one by one, instead of a cluster.",
           topology_fields, node);

const struct preset *
preset_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(presets); i++) {
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    }
    return NULL;
}

/* A count given beside a preset must be the preset's. */
static int
hold_count(struct loader *loader, const struct cluster_keys *keys,
           const struct preset *preset, const char *key, uint32_t given,
           uint32_t expected)
{
    const struct ynode *node = ynode_get(keys->node, key);

    if (node == NULL || given == expected)
        return 0;
    schema_error(&loader->reader, node,
                 "%s: %u contradicts preset %s, which has %u; give the preset "
                 "or the counts",
                 key, given, preset->name, expected);
    return ERR_INVALID;
}

/* What makes no sense beside a box that stands alone. */
static int
hold_alone(struct loader *loader, const struct cluster_keys *keys,
           const struct preset *preset)
{
    static const char *const others[] = {"ncp-model", "ncf-model",
                                         "fabric-links", "spares"};
    int error = 0;

    for (size_t i = 0; preset->fabric_links == 0 && i < ARRAY_COUNT(others);
         i++) {
        const struct ynode *node = ynode_get(keys->node, others[i]);

        if (node == NULL)
            continue;
        schema_error(&loader->reader, node,
                     "%s: preset %s is one box that stands alone", others[i],
                     preset->name);
        error = ERR_INVALID;
    }
    return error;
}

static int
apply_preset(struct loader *loader, struct cluster_keys *keys,
             struct scenario_cluster *cluster)
{
    const struct preset *preset;
    unsigned index;
    int error = 0;

    if (schema_word(&loader->reader, keys->preset, "preset", preset_names,
                    &index) != 0)
        return ERR_INVALID;
    preset = preset_find(preset_names[index]);
    if (hold_count(loader, keys, preset, "ncp", keys->ncp, preset->ncp) != 0)
        error = ERR_INVALID;
    if (hold_count(loader, keys, preset, "ncf", keys->ncf, preset->ncf) != 0)
        error = ERR_INVALID;
    if (hold_alone(loader, keys, preset) != 0)
        error = ERR_INVALID;
    cluster->preset = preset->name;
    keys->ncc = preset->ncc;
    keys->ncm = preset->ncm;
    keys->ncp = preset->ncp;
    keys->ncf = preset->ncf;
    if (keys->fabric_links == 0)
        keys->fabric_links = preset->fabric_links;
    return error;
}

static int
check_counts(struct loader *loader, const struct cluster_keys *keys)
{
    if (keys->ncp != 0 && keys->ncf != 0)
        return 0;
    schema_error(&loader->reader, keys->node,
                 "a cluster needs a preset, or both ncp and ncf");
    return ERR_INVALID;
}

static int
check_pool(struct loader *loader, const struct cluster_keys *keys,
           const char *key, uint32_t pool, uint32_t boxes)
{
    if (pool == 0 || pool >= boxes)
        return 0;
    schema_error(&loader->reader, ynode_get(keys->pools.node, key),
                 "a pool of %u numbers is too small for the cluster's %u %s "
                 "boxes",
                 pool, boxes, key);
    return ERR_INVALID;
}

static int
check_cluster(struct loader *loader, const struct cluster_keys *keys,
              const struct scenario_cluster *cluster)
{
    uint32_t all = 0;
    int error = 0;

    for (int i = 0; i < ROLE_COUNT; i++)
        all += cluster->boxes[i] + cluster->spares[i];
    if (all > SCENARIO_BOXES_MAX) {
        schema_error(&loader->reader, keys->node,
                     "%u boxes, spares included, are more than %u", all,
                     SCENARIO_BOXES_MAX);
        error = ERR_INVALID;
    }
    if (check_pool(loader, keys, "ncc", keys->pools.ncc, keys->ncc) != 0 ||
        check_pool(loader, keys, "ncm", keys->pools.ncm, keys->ncm) != 0 ||
        check_pool(loader, keys, "ncf", keys->pools.ncf, keys->ncf) != 0 ||
        check_pool(loader, keys, "ncp", keys->pools.ncp, keys->ncp) != 0)
        error = ERR_INVALID;
    if (keys->tombstone.ps % SIMTIME_PS_PER_S != 0) {
        schema_error(&loader->reader, ynode_get(keys->node, "tombstone"),
                     "a tombstone lasts whole seconds");
        error = ERR_INVALID;
    }
    return error;
}

static void
fill_cluster(const struct cluster_keys *keys, struct scenario_cluster *cluster)
{
    cluster->node = keys->node;
    cluster->nos = nos_names[keys->nos];
    cluster->boxes[ROLE_NCC] = keys->ncc;
    cluster->boxes[ROLE_NCM] = keys->ncm;
    cluster->boxes[ROLE_NCP] = keys->ncp;
    cluster->boxes[ROLE_NCF] = keys->ncf;
    cluster->spares[ROLE_NCP] = keys->spares.ncp;
    cluster->models[ROLE_NCP] = keys->ncp_model;
    cluster->models[ROLE_NCF] = keys->ncf_model;
    cluster->fabric_links = keys->fabric_links != 0 ? keys->fabric_links : 13;
    cluster->pools[ROLE_NCC] = keys->pools.ncc;
    cluster->pools[ROLE_NCP] = keys->pools.ncp;
    cluster->pools[ROLE_NCF] = keys->pools.ncf;
    cluster->pools[ROLE_NCM] = keys->pools.ncm;
    cluster->tombstone = keys->tombstone;
    cluster->numbering = keys->numbering;
}

static int
check_links(struct loader *loader, const struct scenario_topology *topology)
{
    const struct scenario_link *links = topology->links.items;
    int error = 0;

    for (size_t i = 0; i < topology->links.count; i++) {
        if (links[i].endpoints.count == 2)
            continue;
        schema_error(&loader->reader, links[i].node,
                     "a link has two endpoints, not %zu",
                     links[i].endpoints.count);
        error = ERR_INVALID;
    }
    return error;
}

static int
read_topology(struct loader *loader, const struct ynode *node)
{
    struct scenario_topology *topology = &loader->scenario->topology;

    if (schema_read(&loader->reader, &topology_schema, node, topology) != 0)
        return ERR_INVALID;
    return check_links(loader, topology);
}

int
read_cluster(struct loader *loader, const struct ynode *node,
             const struct ynode *topology)
{
    struct scenario_cluster *cluster = &loader->scenario->cluster;
    struct cluster_keys keys = {.ncc = 2, .ncm = 2};
    int error;

    if (node != NULL && topology != NULL) {
        schema_error(&loader->reader, topology,
                     "a scenario has a cluster or a topology, not both");
        return ERR_INVALID;
    }
    if (topology != NULL)
        return read_topology(loader, topology);
    error = schema_read(&loader->reader, &cluster_schema, node, &keys);
    if (keys.node == NULL)
        return ERR_INVALID;
    if (keys.preset != NULL) {
        if (apply_preset(loader, &keys, cluster) != 0)
            error = ERR_INVALID;
    } else if (error == 0) {
        error = check_counts(loader, &keys);
    }
    if (error != 0)
        return error;
    fill_cluster(&keys, cluster);
    for (int i = 0; i < ROLE_COUNT; i++)
        loader->scope.slots[i] = cluster->boxes[i] + cluster->spares[i];
    loader->scope.fabric_ports = cluster->fabric_links;
    return check_cluster(loader, &keys, cluster);
}
