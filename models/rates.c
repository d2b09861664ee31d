/* SPDX-License-Identifier: Apache-2.0 */
#include "models/rates.h"

#include <stdio.h>

#include "models/yaml/schema.h"

#define MTBF_MAX_H UINT64_C(1000000000)

struct raw_mtbf {
    const struct ynode *node;
    uint64_t mtbf_h[RATE_COUNT];
};

struct raw_rates {
    const struct ynode *node;
    uint32_t format;
    struct raw_mtbf mtbf;
};

#define RATE_FIELD(name, key_, what)                                          \
    {.key = (key_),                                                           \
     .kind = FIELD_QUANTITY,                                                  \
     .quantity = QUANTITY_HOURS,                                              \
     .offset = offsetof(struct raw_mtbf, mtbf_h) + (name) * sizeof(uint64_t), \
     .bytes = sizeof(uint64_t),                                               \
     .required = true,                                                        \
     .has_range = true,                                                       \
     .min = 1,                                                                \
     .max = MTBF_MAX_H,                                                       \
     .doc = "Mean time between: " what "."},

static const struct field mtbf_fields[] = {RATE_TABLE(RATE_FIELD)};

static const struct schema mtbf_schema =
    SCHEMA(struct raw_mtbf, "mean times", "Mean times between failures.",
           mtbf_fields, node);

static const struct field rates_fields[] = {
    {.key = "format",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct raw_rates, format),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1,
     .doc = "Version of this format."},
    {.key = "mean-time-between-failures",
     .kind = FIELD_MAP,
     .schema = &mtbf_schema,
     FIELD_AT(struct raw_rates, mtbf),
     .required = true,
     .doc = "Of one item of each kind."},
};

static const struct schema rates_schema =
    SCHEMA(struct raw_rates, "rates file", "Failure rates of the field.",
           rates_fields, node);

int
rates_load(const char *data_dir, struct rates *rates, char *message,
           size_t message_size)
{
    struct arena *arena = arena_create();
    struct schema_reader reader = {.arena = arena, .diags = diag_create()};
    const char *path = arena_printf(arena, "%s/rates.yaml", data_dir);
    struct raw_rates raw = {.format = 0};
    struct ynode *root = NULL;
    int err = ytree_load(arena, reader.diags, path, NULL, &root);

    if (err == 0)
        err = schema_read(&reader, &rates_schema, root, &raw);
    for (int i = 0; err == 0 && i < RATE_COUNT; i++)
        rates->mtbf_h[i] = (uint32_t)raw.mtbf.mtbf_h[i];
    if (err != 0 && diag_kept(reader.diags) > 0)
        diag_format(reader.diags, 0, message, message_size);
    else if (err != 0)
        snprintf(message, message_size, "%s: %s", path, err_text(err));
    diag_destroy(reader.diags);
    arena_destroy(arena);
    return err;
}
