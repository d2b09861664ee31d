/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU costs: nanoseconds for each unit of work of enum cost.
 *
 * The file of the repository (models/data/costs.yaml) is frozen, so that a
 * digest means the same everywhere; `sixnines calibrate` writes one for a
 * host.  Costs are data of a run and enter its digest.
 *
 * A file that `sixnines calibrate --daemon` wrote says too what a cluster of
 * real daemons took on that host, so that a simulated one can be compared.
 */
#ifndef MODELS_COSTS_H
#define MODELS_COSTS_H

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"
#include "sim/kernel/simtime.h"

#include <stdio.h>

#define COSTS_NAME_MAX 64

/* What was measured of a real cluster; stands in for figures of the models
 * (cluster_plan_measured()).  Least and most. */
struct measured {
    bool given; /* the rest is */
    struct simtime disk_sync_min, disk_sync_max;
    struct simtime disk_replace_min, disk_replace_max;
    struct simtime boot_min, boot_max; /* process started to NOS running */
    struct simtime restart_pause;      /* before a process is started again */
    struct simtime link_detect, link_train;
};

struct costs {
    char name[COSTS_NAME_MAX]; /* which calibration this is */
    uint32_t ns[COST_COUNT];
    struct measured measured;
};

/* Reads 'path'; NULL: costs.yaml of 'data_dir'.  A cost the file does not
 * name is an error, as is one it names that does not exist.  'message' says
 * it with file, line and column. */
MUST_USE int costs_load(const char *data_dir, const char *path,
                        struct costs *costs, char *message,
                        size_t message_size);

/* Writes such a file. */
void costs_print(const struct costs *costs, const char *comment, FILE *out);

/* "dispatch", "service-start", ...: names of costs in the file. */
void cost_key(enum cost cost, char *key, size_t size);

#endif
