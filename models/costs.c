/* SPDX-License-Identifier: Apache-2.0 */
#include "models/costs.h"

#include "models/span_priv.h"
#include "models/yaml/schema.h"

#include <ctype.h>
#include <string.h>

#define KEY_MAX 32
#define COST_MAX_NS 1000000000u

struct raw_measured {
    const struct ynode *node;
    struct span disk_sync;
    struct span disk_replace;
    struct span boot;
    uint64_t pause_ps;
    uint64_t detect_ps;
    uint64_t train_ps;
};

struct costs_file {
    const struct ynode *node;
    uint32_t format;
    const char *name;
    const struct ynode *costs;
    struct raw_measured measured; /* its node is NULL: not given */
};

static const struct field measured_fields[] = {
    {.key = "disk-sync",
     .kind = FIELD_CUSTOM,
     .parse = span_parse,
     FIELD_AT(struct raw_measured, disk_sync),
     .required = true,
     .doc = "Latency of one sync: [least, most]."},
    {.key = "disk-replace",
     .kind = FIELD_CUSTOM,
     .parse = span_parse,
     FIELD_AT(struct raw_measured, disk_replace),
     .required = true,
     .doc = "Latency of a file replaced as a whole: [least, most]."},
    {.key = "boot",
     .kind = FIELD_CUSTOM,
     .parse = span_parse,
     FIELD_AT(struct raw_measured, boot),
     .required = true,
     .doc = "Process started to NOS running: [least, most]."},
    {.key = "restart-pause",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct raw_measured, pause_ps),
     .required = true,
     .doc = "Before a process is started again."},
    {.key = "link-detect",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct raw_measured, detect_ps),
     .required = true,
     .doc = "Carrier lost to known."},
    {.key = "link-train",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct raw_measured, train_ps),
     .required = true,
     .doc = "Carrier there to known."},
};

static const struct schema measured_schema =
    SCHEMA(struct raw_measured, "measured",
           "What a cluster of real daemons took on this host.",
           measured_fields, node);

static const struct field file_fields[] = {
    {.key = "format",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct costs_file, format),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1,
     .doc = "1"},
    {.key = "name",
     .kind = FIELD_TEXT,
     FIELD_AT(struct costs_file, name),
     .required = true,
     .doc = "Which calibration this is; reports show it."},
    {.key = "costs",
     .kind = FIELD_NODE,
     FIELD_AT(struct costs_file, costs),
     .required = true,
     .doc = "A duration for each unit of work."},
    {.key = "measured",
     .kind = FIELD_MAP,
     .schema = &measured_schema,
     FIELD_AT(struct costs_file, measured),
     .doc = "What a cluster of real daemons took on this host."},
};

static const struct schema file_schema =
    SCHEMA(struct costs_file, "cost file", "CPU costs of the NOS's work.",
           file_fields, node);

void
cost_key(enum cost cost, char *key, size_t size)
{
    const char *name = cost_name(cost);
    size_t i = 0;

    if (strncmp(name, "COST_", 5) == 0)
        name += 5;
    for (; name[i] != '\0' && i + 1 < size; i++)
        key[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
    key[i] = '\0';
}

static int
cost_of_key(const char *key)
{
    char known[KEY_MAX];

    for (int cost = 0; cost < COST_COUNT; cost++) {
        cost_key((enum cost)cost, known, sizeof(known));
        if (strcmp(known, key) == 0)
            return cost;
    }
    return -1;
}

static int
cost_read(struct schema_reader *reader, const struct ypair *pair,
          struct costs *costs, bool *given)
{
    int cost = cost_of_key(pair->key->text);
    uint64_t ps;
    int err;

    if (cost < 0) {
        schema_error(reader, pair->key, "unknown cost \"%.*s\"", DIAG_WORD_MAX,
                     pair->key->text);
        return ERR_INVALID;
    }
    err = schema_quantity(reader, QUANTITY_DURATION, pair->value, &ps);
    if (err != 0)
        return err;
    if (ps / 1000 > COST_MAX_NS) {
        schema_error(reader, pair->value, "a unit of work over 1 s");
        return ERR_RANGE;
    }
    costs->ns[cost] = (uint32_t)(ps / 1000);
    given[cost] = true;
    return 0;
}

static int
costs_read(struct schema_reader *reader, const struct ynode *map,
           struct costs *costs)
{
    bool given[COST_COUNT] = {false};
    char key[KEY_MAX];
    int err =
        schema_want(reader, map, YNODE_MAP, "a map of costs to durations");

    for (size_t i = 0; err == 0 && i < map->count; i++)
        err = cost_read(reader, &map->pairs[i], costs, given);
    for (int cost = 0; err == 0 && cost < COST_COUNT; cost++) {
        if (given[cost])
            continue;
        cost_key((enum cost)cost, key, sizeof(key));
        schema_error(reader, map, "missing cost \"%s\"", key);
        err = ERR_INVALID;
    }
    return err;
}

static void
measured_fill(const struct raw_measured *raw, struct measured *measured)
{
    *measured = (struct measured){
        .given = true,
        .disk_sync_min = simtime_from_ps(raw->disk_sync.min_ps),
        .disk_sync_max = simtime_from_ps(raw->disk_sync.max_ps),
        .disk_replace_min = simtime_from_ps(raw->disk_replace.min_ps),
        .disk_replace_max = simtime_from_ps(raw->disk_replace.max_ps),
        .boot_min = simtime_from_ps(raw->boot.min_ps),
        .boot_max = simtime_from_ps(raw->boot.max_ps),
        .restart_pause = simtime_from_ps(raw->pause_ps),
        .link_detect = simtime_from_ps(raw->detect_ps),
        .link_train = simtime_from_ps(raw->train_ps),
    };
}

static int
file_read(struct schema_reader *reader, const char *path, struct costs *costs)
{
    struct costs_file file = {.format = 0};
    struct ynode *root = NULL;
    int err = ytree_load(reader->arena, reader->diags, path, NULL, &root);

    if (err == 0)
        err = schema_read(reader, &file_schema, root, &file);
    if (err == 0)
        err = costs_read(reader, file.costs, costs);
    if (err == 0)
        (void)snprintf(costs->name, sizeof(costs->name), "%s", file.name);
    if (err == 0 && file.measured.node != NULL)
        measured_fill(&file.measured, &costs->measured);
    return err;
}

int
costs_load(const char *data_dir, const char *path, struct costs *costs,
           char *message, size_t message_size)
{
    struct arena *arena = arena_create();
    struct schema_reader reader = {.arena = arena, .diags = diag_create()};
    char *joined = arena_alloc(arena, strlen(data_dir) + 16);
    int err;

    (void)sprintf(joined, "%s/costs.yaml", data_dir);
    memset(costs, 0, sizeof(*costs));
    err = file_read(&reader, path != NULL ? path : joined, costs);
    if (err != 0 && diag_count(reader.diags) > 0)
        diag_format(reader.diags, 0, message, message_size);
    else if (err != 0)
        (void)snprintf(message, message_size, "%s: %s",
                       path != NULL ? path : joined, err_text(err));
    diag_destroy(reader.diags);
    arena_destroy(arena);
    return err;
}

static unsigned long long
us(struct simtime time)
{
    return (unsigned long long)(time.ps / SIMTIME_PS_PER_US);
}

static void
measured_print(const struct measured *measured, FILE *out)
{
    (void)fprintf(out,
                  "measured: # of real daemons, least and most\n"
                  "  disk-sync: [%lluus, %lluus]\n"
                  "  disk-replace: [%lluus, %lluus]\n"
                  "  boot: [%lluus, %lluus]\n"
                  "  restart-pause: %lluus\n"
                  "  link-detect: %lluus\n"
                  "  link-train: %lluus\n",
                  us(measured->disk_sync_min), us(measured->disk_sync_max),
                  us(measured->disk_replace_min),
                  us(measured->disk_replace_max), us(measured->boot_min),
                  us(measured->boot_max), us(measured->restart_pause),
                  us(measured->link_detect), us(measured->link_train));
}

void
costs_print(const struct costs *costs, const char *comment, FILE *out)
{
    char key[KEY_MAX];

    (void)fprintf(out, "# %s\nformat: 1\nname: %s\ncosts:\n", comment,
                  costs->name);
    for (int cost = 0; cost < COST_COUNT; cost++) {
        cost_key((enum cost)cost, key, sizeof(key));
        (void)fprintf(out, "  %s: %uns # per %s\n", key, costs->ns[cost],
                      cost_unit((enum cost)cost));
    }
    if (costs->measured.given)
        measured_print(&costs->measured, out);
}
