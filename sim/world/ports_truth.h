/* SPDX-License-Identifier: Apache-2.0
 *
 * The truth about front ports, as no box can see it alone: from the tables
 * that the NOS wrote into every ASIC and from the state of every fabric link.
 *
 * A port is in service when its box forwards and the fabric reaches: every
 * other forwarding NCP is reached by at least one link that is programmed
 * and alive all the way.  A stand-alone router has nobody to reach.
 *
 * A world keeps the tables and links up to date and asks for judgement when
 * something changed; nothing here knows time.
 */
#ifndef SIM_WORLD_PORTS_TRUTH_H
#define SIM_WORLD_PORTS_TRUTH_H

#include "sim/world/world.h"

#define TRUTH_NONE UINT32_MAX

/* One end of a fabric cable. */
struct truth_port {
    uint32_t peer_box; /* TRUTH_NONE: no cable */
    uint16_t peer_port;
    bool faulted; /* link down by fault, held at both ends */
    bool up;      /* what the ASIC reports */
};

/* The forwarding tables of one ASIC; they die with power only. */
struct truth_tables {
    bool forwarding;
    uint16_t module;
    uint64_t reach[FWD_MODULES_MAX]; /* fabric ports that lead there */
    uint64_t front_up[4];            /* admin state, a bit per port */
};

struct truth_box {
    enum role role;
    bool alive; /* powered, and the NOS runs */
    bool alone; /* no fabric: nowhere else to reach */
    unsigned front_ports, fabric_ports;
    struct truth_port *ports;
    struct truth_tables tables;
    /* As last judged. */
    unsigned in_service; /* front ports */
    unsigned weakest_links;
};

struct ports_truth {
    unsigned box_count;
    struct truth_box *boxes;
    uint64_t reached[WORLD_BOXES_MAX][FWD_MODULES_MAX / 64];
};

/* Cabled as the plan says; nothing alive, no link up. */
struct ports_truth *ports_truth_create(const struct cluster_plan *plan);
void ports_truth_destroy(struct ports_truth *truth);

/* An entry that the box's door has accepted. */
void ports_truth_entry(struct truth_box *box, const struct fwd_entry *entry);
/* Tables and links of a box that lost power. */
void ports_truth_dead(struct truth_box *box);
/* Is there light from end to end? */
bool ports_truth_lit(const struct ports_truth *truth, unsigned box,
                     unsigned port);
/* Alive, and its ASIC forwards? */
bool ports_truth_works(const struct truth_box *box);

/* 'kind' is OBSERVE_PORTS or OBSERVE_FABRIC. */
typedef void truth_change(void *context, unsigned box,
                          enum observation_kind kind, unsigned value,
                          unsigned nominal);
/* Tells what is different from the judgement before, by box. */
void ports_truth_judge(struct ports_truth *truth, truth_change *change,
                       void *context);

#endif
