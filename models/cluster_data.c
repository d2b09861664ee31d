/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cluster_priv.h"
#include "models/span_priv.h"
#include "models/yaml/schema.h"
#include "reference-nos/base/check.h"
#include "reference-nos/platform/plat.h"

/* ---- boxes.yaml -------------------------------------------------------- */

struct raw_box {
    const struct ynode *node;
    const char *name;
    int role;
    uint32_t front_ports;
    uint32_t fabric_ports;
    uint64_t front_port_bps;
    uint64_t fabric_port_bps;
    uint32_t cpu_cores;
    uint32_t fans;
    uint32_t fans_needed;
    uint32_t fan_max_rpm;
    uint32_t psus;
    uint32_t psus_needed;
    uint32_t sensors;
    uint64_t power_mw;
    int64_t sensor_high_mc;
    int64_t sensor_critical_mc;
    struct span boot;
    struct span restart;
};

struct raw_boxes {
    const struct ynode *node;
    uint32_t format;
    struct schema_list boxes;
};

/* In the order of enum role; a router is a controller that forwards. */
#define ROLE_WORD_ROUTER ROLE_COUNT
static const char *const role_words[] = {"ncc", "ncp",    "ncf",
                                         "ncm", "router", NULL};

#define COUNT_FIELD(key_, member, low, high, doc_)                            \
    {                                                                         \
        .key = (key_), .kind = FIELD_QUANTITY, .quantity = QUANTITY_COUNT,    \
        FIELD_AT(struct raw_box, member), .required = true,                   \
        .has_range = true, .min = (low), .max = (high), .doc = (doc_)         \
    }

static const struct field box_fields[] = {
    {.key = "role",
     .kind = FIELD_ENUM,
     .words = role_words,
     FIELD_AT(struct raw_box, role),
     .required = true,
     .doc = "What the box can be in a cluster."},
    COUNT_FIELD("front-ports", front_ports, 0, 256, "Ports to the outside."),
    {.key = "front-port-rate",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_RATE,
     FIELD_AT(struct raw_box, front_port_bps),
     .doc = "Rate of each front port."},
    COUNT_FIELD("fabric-ports", fabric_ports, 0, 64, "Ports to the fabric."),
    {.key = "fabric-port-rate",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_RATE,
     FIELD_AT(struct raw_box, fabric_port_bps),
     .doc = "Rate of each fabric port."},
    COUNT_FIELD("cpu-cores", cpu_cores, 1, 32, "Cores for the NOS."),
    COUNT_FIELD("fans", fans, 0, BOX_ITEMS_MAX, "Fans in place."),
    COUNT_FIELD("fans-needed", fans_needed, 0, BOX_ITEMS_MAX,
                "Fans that hold the temperature at full speed."),
    COUNT_FIELD("fan-max-rpm", fan_max_rpm, 1, 100000, "Speed at 100 %."),
    COUNT_FIELD("psus", psus, 1, BOX_ITEMS_MAX, "Power supplies in place."),
    COUNT_FIELD("psus-needed", psus_needed, 1, BOX_ITEMS_MAX,
                "Power supplies that carry the box."),
    COUNT_FIELD("sensors", sensors, 0, BOX_ITEMS_MAX, "Temperature sensors."),
    {.key = "power",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_POWER,
     FIELD_AT(struct raw_box, power_mw),
     .required = true,
     .doc = "Typical power, turned into heat."},
    {.key = "sensor-high",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_TEMPERATURE,
     FIELD_AT(struct raw_box, sensor_high_mc),
     .required = true,
     .doc = "Temperature that raises an alarm."},
    {.key = "sensor-critical",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_TEMPERATURE,
     FIELD_AT(struct raw_box, sensor_critical_mc),
     .required = true,
     .doc = "Temperature that shuts the box down."},
    {.key = "boot",
     .kind = FIELD_CUSTOM,
     .parse = span_parse,
     FIELD_AT(struct raw_box, boot),
     .required = true,
     .doc = "Power on to NOS running: [least, most]."},
    {.key = "restart",
     .kind = FIELD_CUSTOM,
     .parse = span_parse,
     FIELD_AT(struct raw_box, restart),
     .required = true,
     .doc = "Warm restart to NOS running: [least, most]."},
};

static const struct schema box_schema = SCHEMA_KEYED(
    struct raw_box, "box", "A kind of white box.", box_fields, node, name);

static const struct field boxes_fields[] = {
    {.key = "format",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct raw_boxes, format),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1,
     .doc = "Version of this format."},
    {.key = "boxes",
     .kind = FIELD_KEYED,
     .schema = &box_schema,
     FIELD_AT(struct raw_boxes, boxes),
     .required = true,
     .doc = "Boxes by name."},
};

static const struct schema boxes_schema =
    SCHEMA(struct raw_boxes, "boxes file", "White boxes.", boxes_fields, node);

/* ---- clusters.yaml ----------------------------------------------------- */

struct raw_management {
    const struct ynode *node;
    uint64_t link_bps;
    uint64_t link_delay_ps;
};

struct raw_fabric {
    const struct ynode *node;
    uint64_t link_delay_ps;
};

struct raw_preset {
    const struct ynode *node;
    const char *name;
    uint32_t ncp;
    uint32_t ncf;
    uint32_t ncc;
    uint32_t ncm;
    uint32_t fabric_links;
    const char *ncp_model;
    const char *ncf_model;
    const char *ncc_model;
    const char *ncm_model;
};

struct raw_clusters {
    const struct ynode *node;
    uint32_t format;
    struct raw_management management;
    struct raw_fabric fabric;
    struct schema_list presets;
};

static const struct field management_fields[] = {
    {.key = "link-rate",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_RATE,
     FIELD_AT(struct raw_management, link_bps),
     .required = true,
     .has_range = true,
     .min = 1000000,
     .max = UINT64_C(1000000000000),
     .doc = "Rate of each management link."},
    {.key = "link-delay",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct raw_management, link_delay_ps),
     .required = true,
     .doc = "Propagation, one way."},
};

static const struct schema management_schema =
    SCHEMA(struct raw_management, "management", "The management network.",
           management_fields, node);

static const struct field fabric_fields[] = {
    {.key = "link-delay",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct raw_fabric, link_delay_ps),
     .required = true,
     .doc = "Propagation, one way."},
};

static const struct schema fabric_schema = SCHEMA(
    struct raw_fabric, "fabric", "The fabric cables.", fabric_fields, node);

#define MODEL_FIELD(key_, member, fallback_, doc_)                            \
    {                                                                         \
        .key = (key_), .kind = FIELD_NAME,                                    \
        FIELD_AT(struct raw_preset, member), .fallback = (fallback_),         \
        .doc = (doc_)                                                         \
    }

static const struct field preset_fields[] = {
    {.key = "ncp",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct raw_preset, ncp),
     .has_range = true,
     .min = 1,
     .max = 255,
     .doc = "Packet forwarders."},
    {.key = "ncf",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct raw_preset, ncf),
     .has_range = true,
     .min = 1,
     .max = 255,
     .doc = "Fabric boxes."},
    {.key = "ncc",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct raw_preset, ncc),
     .has_range = true,
     .min = 1,
     .max = PRESET_CONTROLLERS_MAX,
     .fallback = "2",
     .doc = "Controllers, or one stand-alone router."},
    {.key = "ncm",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct raw_preset, ncm),
     .has_range = true,
     .min = 0,
     .max = PLANE_COUNT,
     .fallback = "2",
     .doc = "Management switches, one per plane; the first votes."},
    {.key = "fabric-links",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct raw_preset, fabric_links),
     .has_range = true,
     .min = 1,
     .max = 64,
     .fallback = "13",
     .doc = "Fabric cables of each NCP."},
    MODEL_FIELD("ncp-model", ncp_model, "NCP-40C", "Box of the NCPs."),
    MODEL_FIELD("ncf-model", ncf_model, "NCF-48D", "Box of the NCFs."),
    MODEL_FIELD("ncc-model", ncc_model, "NCC-SERVER", "Box of the NCCs."),
    MODEL_FIELD("ncm-model", ncm_model, "NCM-SWITCH", "Box of the NCMs."),
};

static const struct schema preset_schema =
    SCHEMA_KEYED(struct raw_preset, "preset", "A cluster by name.",
                 preset_fields, node, name);

static const struct field clusters_fields[] = {
    {.key = "format",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct raw_clusters, format),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1,
     .doc = "Version of this format."},
    {.key = "management",
     .kind = FIELD_MAP,
     .schema = &management_schema,
     FIELD_AT(struct raw_clusters, management),
     .required = true,
     .doc = "The management network."},
    {.key = "fabric",
     .kind = FIELD_MAP,
     .schema = &fabric_schema,
     FIELD_AT(struct raw_clusters, fabric),
     .required = true,
     .doc = "The fabric cables."},
    {.key = "presets",
     .kind = FIELD_KEYED,
     .schema = &preset_schema,
     FIELD_AT(struct raw_clusters, presets),
     .required = true,
     .doc = "Clusters by name."},
};

static const struct schema clusters_schema =
    SCHEMA(struct raw_clusters, "clusters file", "Cluster presets.",
           clusters_fields, node);

/* ---- copying ----------------------------------------------------------- */

/* What no single key can say. */
static int
box_check(struct schema_reader *reader, const struct raw_box *raw)
{
    if (strlen(raw->name) >= BOX_MODEL_MAX)
        schema_error(reader, raw->node, "name of box \"%s\" is longer than %d",
                     raw->name, BOX_MODEL_MAX - 1);
    else if (raw->fans_needed > raw->fans)
        schema_error(reader, raw->node, "\"%s\" needs more fans than it has",
                     raw->name);
    else if (raw->psus_needed > raw->psus)
        schema_error(reader, raw->node,
                     "\"%s\" needs more power supplies than it has",
                     raw->name);
    else if (raw->role == ROLE_WORD_ROUTER && raw->fabric_ports > 0)
        schema_error(reader, raw->node, "\"%s\": a router has no fabric ports",
                     raw->name);
    else if (raw->sensor_high_mc >= raw->sensor_critical_mc ||
             raw->sensor_high_mc <= 25000 || raw->sensor_critical_mc > 200000)
        schema_error(reader, raw->node,
                     "\"%s\": 25C < sensor-high < sensor-critical <= 200C "
                     "does not hold",
                     raw->name);
    else
        return 0;
    return ERR_INVALID;
}

static struct box_model
box_make(const struct raw_box *raw)
{
    struct box_model model = {
        .role =
            raw->role == ROLE_WORD_ROUTER ? ROLE_NCC : (enum role)raw->role,
        .alone = raw->role == ROLE_WORD_ROUTER,
        .front_ports = (uint16_t)raw->front_ports,
        .front_port_bps = raw->front_port_bps,
        .fabric_ports = (uint16_t)raw->fabric_ports,
        .fabric_port_bps = raw->fabric_port_bps,
        .cpu_cores = raw->cpu_cores,
        .fan_count = raw->fans,
        .fans_needed = raw->fans_needed,
        .fan_max_rpm = raw->fan_max_rpm,
        .psu_count = raw->psus,
        .psus_needed = raw->psus_needed,
        .sensor_count = raw->sensors,
        .power_w = (uint32_t)(raw->power_mw / 1000),
        .sensor_high_mc = (int32_t)raw->sensor_high_mc,
        .sensor_critical_mc = (int32_t)raw->sensor_critical_mc,
        .boot_min = simtime_from_ps(raw->boot.min_ps),
        .boot_max = simtime_from_ps(raw->boot.max_ps),
        .restart_min = simtime_from_ps(raw->restart.min_ps),
        .restart_max = simtime_from_ps(raw->restart.max_ps),
    };

    memcpy(model.name, raw->name, strlen(raw->name) + 1);
    return model;
}

static int
boxes_load(struct schema_reader *reader, struct cluster_data *data)
{
    struct raw_boxes raw = {.format = 0};
    struct ynode *root = NULL;
    int err = ytree_load(reader->arena, reader->diags, data->boxes_path, NULL,
                         &root);

    if (err == 0)
        err = schema_read(reader, &boxes_schema, root, &raw);
    if (err != 0)
        return err;
    data->box_count = raw.boxes.count;
    data->boxes =
        arena_array(reader->arena, raw.boxes.count, sizeof(*data->boxes));
    for (size_t i = 0; i < raw.boxes.count; i++) {
        const struct raw_box *box = &((struct raw_box *)raw.boxes.items)[i];

        err = box_check(reader, box);
        if (err != 0)
            return err;
        data->boxes[i].model = box_make(box);
    }
    return 0;
}

static int
clusters_load(struct schema_reader *reader, struct cluster_data *data)
{
    struct raw_clusters raw = {.format = 0};
    struct ynode *root = NULL;
    int err = ytree_load(reader->arena, reader->diags, data->clusters_path,
                         NULL, &root);

    if (err == 0)
        err = schema_read(reader, &clusters_schema, root, &raw);
    if (err != 0)
        return err;
    data->mgmt_link_bps = raw.management.link_bps;
    data->mgmt_link_delay = simtime_from_ps(raw.management.link_delay_ps);
    data->fabric_link_delay = simtime_from_ps(raw.fabric.link_delay_ps);
    data->preset_count = raw.presets.count;
    data->presets =
        arena_array(reader->arena, raw.presets.count, sizeof(*data->presets));
    for (size_t i = 0; i < raw.presets.count; i++) {
        const struct raw_preset *preset =
            &((struct raw_preset *)raw.presets.items)[i];

        data->presets[i] = (struct preset_data){
            .name = preset->name,
            .ncp_count = preset->ncp,
            .ncf_count = preset->ncf,
            .ncc_count = preset->ncc,
            .ncm_count = preset->ncm,
            .fabric_links = preset->fabric_links,
            .ncp_model = preset->ncp_model,
            .ncf_model = preset->ncf_model,
            .ncc_model = preset->ncc_model,
            .ncm_model = preset->ncm_model,
        };
    }
    return 0;
}

int
cluster_data_load(const char *data_dir, struct cluster_data **out,
                  char *message, size_t message_size)
{
    struct arena *arena = arena_create();
    struct cluster_data *data = arena_alloc(arena, sizeof(*data));
    struct schema_reader reader = {.arena = arena, .diags = diag_create()};
    int err = 0;

    data->arena = arena;
    if (snprintf(data->boxes_path, sizeof(data->boxes_path), "%s/boxes.yaml",
                 data_dir) >= (int)sizeof(data->boxes_path) ||
        snprintf(data->clusters_path, sizeof(data->clusters_path),
                 "%s/clusters.yaml",
                 data_dir) >= (int)sizeof(data->clusters_path)) {
        snprintf(message, message_size, "the data folder's name is too long");
        err = ERR_INVALID;
    } else {
        err = boxes_load(&reader, data);
        if (err == 0)
            err = clusters_load(&reader, data);
        if (diag_kept(reader.diags) > 0)
            diag_format(reader.diags, 0, message, message_size);
    }
    diag_destroy(reader.diags);
    if (err != 0)
        cluster_data_destroy(data);
    else
        *out = data;
    return err;
}

void
cluster_data_destroy(struct cluster_data *data)
{
    if (data != NULL)
        arena_destroy(data->arena);
}

const struct box_data *
cluster_data_box(const struct cluster_data *data, const char *name)
{
    for (size_t i = 0; i < data->box_count; i++) {
        if (strcmp(data->boxes[i].model.name, name) == 0)
            return &data->boxes[i];
    }
    return NULL;
}

const struct preset_data *
cluster_data_preset(const struct cluster_data *data, const char *name)
{
    for (size_t i = 0; i < data->preset_count; i++) {
        if (strcmp(data->presets[i].name, name) == 0)
            return &data->presets[i];
    }
    return NULL;
}
