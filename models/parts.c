/* SPDX-License-Identifier: Apache-2.0 */
#include "models/parts.h"

#include <stdio.h>
#include <string.h>

#include "models/span_priv.h"
#include "models/yaml/schema.h"

struct raw_disk {
    const struct ynode *node;
    struct span sync;
    uint64_t write_bps;
    uint64_t capacity_bytes;
};

struct raw_switch {
    const struct ynode *node;
    uint64_t latency_ps;
    uint64_t queue_bytes;
};

struct raw_link {
    const struct ynode *node;
    uint64_t detect_ps;
    uint64_t train_ps;
};

struct raw_asic {
    const struct ynode *node;
    uint64_t write_ps;
    uint32_t routes;
    uint32_t groups;
};

struct raw_clock {
    const struct ynode *node;
    int64_t drift_max_ppb;
    uint64_t offset_max_ps;
};

struct raw_room {
    const struct ynode *node;
    int64_t ambient_mc;
};

struct raw_parts {
    const struct ynode *node;
    uint32_t format;
    struct raw_disk disk;
    struct raw_switch management;
    struct raw_link link;
    struct raw_asic asic;
    struct raw_clock clock;
    struct raw_room room;
};

#define PART(key_, kind_, type, member, doc_)                                 \
    {                                                                         \
        .key = (key_), .kind = FIELD_QUANTITY, .quantity = (kind_),           \
        FIELD_AT(type, member), .required = true, .doc = (doc_)               \
    }

#define PART_RANGE(key_, kind_, type, member, low, high, doc_)                \
    {                                                                         \
        .key = (key_), .kind = FIELD_QUANTITY, .quantity = (kind_),           \
        FIELD_AT(type, member), .required = true, .has_range = true,          \
        .min = (low), .max = (high), .doc = (doc_)                            \
    }

static const struct field disk_fields[] = {
    {.key = "sync",
     .kind = FIELD_CUSTOM,
     .parse = span_parse,
     FIELD_AT(struct raw_disk, sync),
     .required = true,
     .doc = "Latency of one sync: [least, most]."},
    PART_RANGE("write-rate", QUANTITY_RATE, struct raw_disk, write_bps,
               UINT64_C(1000000), UINT64_C(1000000000000), "Rate of writing."),
    PART_RANGE("capacity", QUANTITY_BYTES, struct raw_disk, capacity_bytes,
               65536, UINT64_C(1) << 40, "What the files may take."),
};

static const struct schema disk_schema = SCHEMA(
    struct raw_disk, "disk", "The disk of each box.", disk_fields, node);

static const struct field switch_fields[] = {
    PART("latency", QUANTITY_DURATION, struct raw_switch, latency_ps,
         "Lookup, per frame."),
    PART_RANGE("queue", QUANTITY_BYTES, struct raw_switch, queue_bytes, 1600,
               UINT64_C(1) << 30, "Bound per port and priority."),
};

static const struct schema switch_schema =
    SCHEMA(struct raw_switch, "management switch",
           "The switches of the management network.", switch_fields, node);

static const struct field link_fields[] = {
    PART("detect", QUANTITY_DURATION, struct raw_link, detect_ps,
         "Loss of light to interrupt."),
    PART("train", QUANTITY_DURATION, struct raw_link, train_ps,
         "Light to usable link."),
};

static const struct schema link_schema = SCHEMA(
    struct raw_link, "fabric link", "The fabric links.", link_fields, node);

static const struct field asic_fields[] = {
    PART("write", QUANTITY_DURATION, struct raw_asic, write_ps,
         "A route or a group into the table."),
    PART_RANGE("routes", QUANTITY_COUNT, struct raw_asic, routes, 1, 100000000,
               "Routes that fit."),
    PART_RANGE("groups", QUANTITY_COUNT, struct raw_asic, groups, 1, 10000000,
               "Next-hop groups that fit."),
};

static const struct schema asic_schema =
    SCHEMA(struct raw_asic, "ASIC", "The route tables of the packet ASIC.",
           asic_fields, node);

static const struct field clock_fields[] = {
    PART("drift-max", QUANTITY_PPB, struct raw_clock, drift_max_ppb,
         "Frequency error, either way."),
    PART("offset-max", QUANTITY_DURATION, struct raw_clock, offset_max_ps,
         "First error of wall clocks, either way."),
};

static const struct schema clock_schema =
    SCHEMA(struct raw_clock, "clock", "The oscillators.", clock_fields, node);

static const struct field room_fields[] = {
    PART("ambient", QUANTITY_TEMPERATURE, struct raw_room, ambient_mc,
         "Air at the inlets."),
};

static const struct schema room_schema = SCHEMA(
    struct raw_room, "room", "Where the boxes stand.", room_fields, node);

#define PART_MAP(key_, schema_, member, doc_)                                 \
    {                                                                         \
        .key = (key_), .kind = FIELD_MAP, .schema = &(schema_),               \
        FIELD_AT(struct raw_parts, member), .required = true, .doc = (doc_)   \
    }

static const struct field parts_fields[] = {
    PART_RANGE("format", QUANTITY_COUNT, struct raw_parts, format, 1, 1,
               "Version of this format."),
    PART_MAP("disk", disk_schema, disk, "The disk of each box."),
    PART_MAP("management-switch", switch_schema, management,
             "The switches of the management network."),
    PART_MAP("fabric-link", link_schema, link, "The fabric links."),
    PART_MAP("packet-asic", asic_schema, asic,
             "The route tables of the packet ASIC."),
    PART_MAP("clock", clock_schema, clock, "The oscillators."),
    PART_MAP("room", room_schema, room, "Where the boxes stand."),
};

static const struct schema parts_schema =
    SCHEMA(struct raw_parts, "parts file", "Parts that all boxes share.",
           parts_fields, node);

/* Signed kinds have no range in the table. */
static int
parts_check(struct schema_reader *reader, const struct raw_parts *raw)
{
    if (raw->clock.drift_max_ppb < 0 || raw->clock.drift_max_ppb > 1000000) {
        schema_error(reader, raw->clock.node,
                     "drift-max is not between 0 and 1000ppm");
        return ERR_RANGE;
    }
    if (raw->room.ambient_mc < -40000 || raw->room.ambient_mc > 70000) {
        schema_error(reader, raw->room.node,
                     "ambient is not between -40C and 70C");
        return ERR_RANGE;
    }
    return 0;
}

static void
parts_fill(const struct raw_parts *raw, struct parts *parts)
{
    *parts = (struct parts){
        .disk_sync_min = simtime_from_ps(raw->disk.sync.min_ps),
        .disk_sync_max = simtime_from_ps(raw->disk.sync.max_ps),
        .disk_replace_min = simtime_from_ps(raw->disk.sync.min_ps),
        .disk_replace_max = simtime_from_ps(raw->disk.sync.max_ps),
        .disk_bytes_per_s = raw->disk.write_bps / 8,
        .disk_capacity_bytes = raw->disk.capacity_bytes,
        .switch_latency = simtime_from_ps(raw->management.latency_ps),
        .switch_queue_bytes = (uint32_t)raw->management.queue_bytes,
        .link_detect = simtime_from_ps(raw->link.detect_ps),
        .link_train = simtime_from_ps(raw->link.train_ps),
        .asic_write = simtime_from_ps(raw->asic.write_ps),
        .asic_routes = raw->asic.routes,
        .asic_groups = raw->asic.groups,
        .clock_drift_max_ppb = (uint64_t)raw->clock.drift_max_ppb,
        .clock_offset_max_ns = raw->clock.offset_max_ps / 1000,
        .ambient_mc = (int32_t)raw->room.ambient_mc,
    };
}

int
parts_load(const char *data_dir, struct parts *parts, char *message,
           size_t message_size)
{
    struct arena *arena = arena_create();
    struct schema_reader reader = {.arena = arena, .diags = diag_create()};
    const char *path = arena_printf(arena, "%s/parts.yaml", data_dir);
    struct raw_parts raw = {.format = 0};
    struct ynode *root = NULL;
    int err = ytree_load(arena, reader.diags, path, NULL, &root);

    if (err == 0)
        err = schema_read(&reader, &parts_schema, root, &raw);
    if (err == 0)
        err = parts_check(&reader, &raw);
    if (err == 0)
        parts_fill(&raw, parts);
    else if (diag_kept(reader.diags) > 0)
        diag_format(reader.diags, 0, message, message_size);
    else
        snprintf(message, message_size, "%s: %s", path, err_text(err));
    diag_destroy(reader.diags);
    arena_destroy(arena);
    return err;
}
