/* SPDX-License-Identifier: Apache-2.0
 *
 * What boxes.yaml and clusters.yaml say.  Private to models.
 */
#ifndef MODELS_CLUSTER_PRIV_H
#define MODELS_CLUSTER_PRIV_H

#include "models/cluster.h"

/* One box of boxes.yaml. */
struct box_data {
    struct box_model model;
};

/* With the third voter on a switch: as many as cluster_plan.voters holds. */
#define PRESET_CONTROLLERS_MAX 2

/* One preset of clusters.yaml. */
struct preset_data {
    const char *name;
    unsigned ncp_count;
    unsigned ncf_count;
    unsigned ncc_count;
    unsigned ncm_count;
    unsigned fabric_links;
    const char *ncp_model;
    const char *ncf_model;
    const char *ncc_model;
    const char *ncm_model;
};

struct cluster_data {
    char boxes_path[256];
    char clusters_path[256];
    uint64_t mgmt_link_bps;
    struct simtime mgmt_link_delay;
    struct simtime fabric_link_delay;
    struct box_data *boxes;
    size_t box_count;
    struct preset_data *presets;
    size_t preset_count;
    struct arena *arena; /* Holds it all. */
};

MUST_USE int cluster_data_load(const char *data_dir, struct cluster_data **out,
                               char *message, size_t message_size);
void cluster_data_destroy(struct cluster_data *data);

/* NULL if there is none of that name. */
const struct box_data *cluster_data_box(const struct cluster_data *data,
                                        const char *name);
const struct preset_data *cluster_data_preset(const struct cluster_data *data,
                                              const char *name);

#endif
