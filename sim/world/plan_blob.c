/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world/plan_blob.h"

#include "reference-nos/base/check.h"
#include "reference-nos/schema/plan.h"

#include <stdlib.h>

#define BLOB_BYTES_PER_ITEM 64u

static const uint16_t default_pool_size[ROLE_COUNT] = {
    [ROLE_NCC] = MODULE_POOL_NCC,
    [ROLE_NCP] = MODULE_POOL_NCP,
    [ROLE_NCF] = MODULE_POOL_NCF,
    [ROLE_NCM] = MODULE_POOL_NCM,
};

/* Spare slots are planned as positions: cabled in advance, no serial yet. */
static void
modules_write(struct wire_writer *writer, const struct cluster_plan *plan)
{
    for (unsigned i = 0; i < plan->box_count; i++) {
        const struct plan_box *box = &plan->boxes[i];
        struct module_key key = {box->role, box->number};
        struct plan_row row = {{0}};
        bool spare = i >= plan->box_count - plan->spare_count;

        for (unsigned j = 0; !spare && box->serial[j] != '\0'; j++)
            row.serial[j] = box->serial[j];
        plan_module_write(writer, &key, &row);
    }
}

static void
cables_write(struct wire_writer *writer, const struct cluster_plan *plan)
{
    for (unsigned i = 0; i < plan->cable_count; i++) {
        const struct plan_cable *cable = &plan->cables[i];
        struct cable_key key = {plan->boxes[cable->ncp_box].number,
                                cable->ncp_port};
        struct cable_row row = {plan->boxes[cable->ncf_box].number,
                                cable->ncf_port};

        plan_cable_write(writer, &key, &row);
    }
}

uint8_t *
plan_blob_make(const struct plan_blob_options *options, size_t *size)
{
    const struct cluster_plan *plan = options->plan;
    size_t room =
        (1 + plan->box_count + plan->cable_count) * BLOB_BYTES_PER_ITEM;
    struct wire_writer writer;
    struct cluster_row cluster = {
        .cluster_id = options->cluster_id,
        .tombstone_s = options->tombstone_s,
    };
    uint8_t *blob = malloc(room);

    CHECK(blob != NULL);
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        cluster.pool_size[role] = options->pool_size[role] != 0
                                      ? options->pool_size[role]
                                      : default_pool_size[role];
    wire_writer_init(&writer, blob, room);
    if (options->unplanned) {
        plan_begin(&writer, &cluster, 0, 0);
    } else {
        plan_begin(&writer, &cluster, plan->box_count, plan->cable_count);
        modules_write(&writer, plan);
        cables_write(&writer, plan);
    }
    CHECK(wire_writer_finish(&writer) == 0);
    *size = wire_writer_size(&writer);
    return blob;
}
