/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan as the installer hands it to the controllers: blob "plan"
 * (reference-nos/schema/plan.h), the same bytes in every world.
 */
#ifndef SIM_WORLD_PLAN_BLOB_H
#define SIM_WORLD_PLAN_BLOB_H

#include "models/cluster.h"

struct plan_blob_options {
    const struct cluster_plan *plan;
    uint64_t cluster_id;
    uint32_t tombstone_s;           /* rest of a module number */
    uint16_t pool_size[ROLE_COUNT]; /* module numbers per role; 0: default */
    bool unplanned;                 /* the plan names no box and no cable */
};

/* The blob, for the caller to free(). */
uint8_t *plan_blob_make(const struct plan_blob_options *options, size_t *size);

#endif
