/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts that all boxes share (models/data/parts.yaml): disk, management
 * switch, fabric link, clock, and the room.
 */
#ifndef MODELS_PARTS_H
#define MODELS_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "sim/kernel/simtime.h"

struct parts {
    struct simtime disk_sync_min; /* One sync, uniform between. */
    struct simtime disk_sync_max;
    struct simtime disk_replace_min; /* A replace: as a sync, or measured. */
    struct simtime disk_replace_max;
    uint64_t disk_bytes_per_s;
    uint64_t disk_capacity_bytes;
    struct simtime switch_latency; /* Lookup, per frame. */
    uint32_t switch_queue_bytes;   /* Per port and priority. */
    struct simtime link_detect;    /* Loss of light to interrupt. */
    struct simtime link_train;     /* Light to usable link. */
    struct simtime asic_write;     /* A route or group into the ASIC. */
    uint32_t asic_routes;          /* That fit its tables. */
    uint32_t asic_groups;
    uint64_t clock_drift_max_ppb; /* Either way. */
    uint64_t clock_offset_max_ns; /* Either way. */
    int32_t ambient_mc;
};

/* Reads parts.yaml of 'data_dir'; 'message' says what is wrong, with its
 * place. */
MUST_USE int parts_load(const char *data_dir, struct parts *parts,
                        char *message, size_t message_size);

#endif
