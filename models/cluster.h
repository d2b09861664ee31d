/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of a cluster: which boxes stand where, and which fabric cable
 * joins which ports.
 *
 * Slots    boxes are slots 0 .. box_count-1 in the order NCC, NCM, NCF, NCP,
 *          by number within a role.
 * Cables   each NCP's fabric links are dealt round-robin over the NCFs,
 *          starting with NCF 0: link k of every NCP goes to NCF k mod n.
 * Router   a stand-alone router is a plan of one box, "ncc-0", that forwards.
 * Voters   the controllers, and the switch of plane A if there is one.
 * Names    "ncc-0", "ncm-a" (plane A; "ncm-b"), "ncf-12", "ncp-47".
 * Keys     and serials follow from 'seed' and slot alone; a key is never 0.
 * Data     models/data/boxes.yaml, clusters.yaml, parts.yaml and rates.yaml;
 *          found in the folder given, errors name file, line, column.
 * Memory   cluster_plan_create/destroy; the plan is constant afterwards.
 */
#ifndef MODELS_CLUSTER_H
#define MODELS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/parts.h"
#include "models/rates.h"
#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "reference-nos/platform/facts.h"
#include "reference-nos/platform/hardware.h"
#include "sim/kernel/simtime.h"

#define BOX_NAME_MAX 16
#define BOX_MODEL_MAX 24
#define BOX_ITEMS_MAX 16 /* fans, PSUs or sensors of one box */

/* A kind of white box. */
struct box_model {
    char name[BOX_MODEL_MAX]; /* "NCP-40C" */
    enum role role;
    bool alone; /* a stand-alone router: NCC and NCP in one */
    uint16_t front_ports;
    uint64_t front_port_bps;
    uint16_t fabric_ports;
    uint64_t fabric_port_bps;
    unsigned cpu_cores;
    unsigned fan_count;
    unsigned fans_needed; /* to hold the temperature at full load */
    uint32_t fan_max_rpm;
    unsigned psu_count;
    unsigned psus_needed;
    unsigned sensor_count;
    uint32_t power_w; /* typical, turned into heat */
    int32_t sensor_high_mc;
    int32_t sensor_critical_mc;
    struct simtime boot_min; /* power on to NOS running, uniform between */
    struct simtime boot_max;
    struct simtime restart_min; /* the same for a warm restart */
    struct simtime restart_max;
};

struct plan_box {
    char name[BOX_NAME_MAX];
    const struct box_model *model;
    enum role role;
    uint16_t number; /* planned, within the role */
    uint64_t key;
    char serial[FACTS_SERIAL_MAX];
};

struct plan_cable {
    unsigned ncp_box; /* slot */
    uint16_t ncp_port;
    unsigned ncf_box; /* slot */
    uint16_t ncf_port;
};

struct cluster_plan {
    char preset[BOX_NAME_MAX]; /* "ddc-large", or "custom" */
    uint64_t seed;
    unsigned box_count;
    struct plan_box *boxes;
    unsigned cable_count;
    struct plan_cable *cables;
    uint64_t mgmt_link_bps;
    struct simtime mgmt_link_delay; /* propagation */
    struct simtime fabric_link_delay;
    struct parts parts;   /* of parts.yaml */
    struct rates rates;   /* of rates.yaml */
    unsigned spare_count; /* the last slots of the plan: empty at first */
    unsigned voter_count;
    unsigned voters[3]; /* slots: ncc-0, ncc-1, ncm-a */
};

struct measured; /* models/costs.h */

/* Takes what was measured in place of the figures of boxes and parts. */
void cluster_plan_measured(struct cluster_plan *plan,
                           const struct measured *measured);

/* What may differ from the preset; 0 or NULL keeps the preset's value. */
struct cluster_options {
    const char *preset; /* NULL: "custom", then the counts are needed */
    unsigned ncp_count, ncf_count;
    unsigned spare_ncp_count; /* further slots, empty until powered on */
    const char *ncp_model, *ncf_model;
    unsigned fabric_links_per_ncp;
};

/* 'data_dir' holds the data files.  On failure 'message' says
 * why, with file, line and column where there is one. */
MUST_USE int cluster_plan_create(const char *data_dir,
                                 const struct cluster_options *options,
                                 uint64_t seed, struct cluster_plan **out,
                                 char *message, size_t message_size);
void cluster_plan_destroy(struct cluster_plan *plan);

/* The slot called 'name', or box_count. */
unsigned cluster_plan_find(const struct cluster_plan *plan, const char *name);

#endif
