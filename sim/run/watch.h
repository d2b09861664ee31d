/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of the cluster as far as observations tell: who acts, who has
 * joined, which alarms are up.  Metrics and targets read it.
 */
#ifndef SIM_RUN_WATCH_H
#define SIM_RUN_WATCH_H

#include "sim/run/outcome.h"
#include "sim/scenario/metrics.h"
#include "sim/world/world.h"

struct watch_box {
    bool active; /* acts as the controller */
    bool leader; /* leads the consensus group */
    bool joined; /* has a number and was given it in this life */
    bool headless;
    bool was_ready;                 /* the NOS ran here before */
    bool join_known, service_known; /* in this life */
    struct simtime ready_at;        /* the NOS runs since */
    struct simtime join_time;       /* until it was given its number */
    struct simtime service_time;    /* until it forwarded */
    bool drained;
    bool refused;    /* for its certificate, since the account opened */
    unsigned module; /* system-wide id; MODULE_NONE: none */
    uint64_t key;
    uint32_t restarts; /* of the box, since the account opened */
    uint32_t service_restarts[SVC_COUNT];
    bool degraded;
    struct simtime degraded_since;
    struct simtime degraded_longest;
    uint32_t memory_peak[SVC_COUNT];
};

struct watch_refusal {
    uint64_t key;
    enum refuse_reason reason;
};

struct watch_cable {
    uint32_t module, port;
    enum cable_verdict verdict;
};

struct watch {
    const struct cluster_plan *plan;
    struct watch_box *boxes;
    bool open; /* the account of the run has begun */
    struct simtime opened_at;
    uint64_t elections, switchovers, fencing_refused;
    uint64_t term;
    uint64_t last_active_key;
    struct simtime last_election; /* any box stood for election */
    struct simtime last_change;   /* anything that may end convergence */
    struct simtime last_ready;    /* a NOS began to run */
    struct simtime active_since;  /* a controller acts, be it another one */
    struct rows refusals;         /* struct watch_refusal */
    struct rows cables;           /* struct watch_cable */
    struct rows alarms;           /* struct outcome_alarm */
};

void watch_init(struct watch *watch, const struct cluster_plan *plan);
void watch_fini(struct watch *watch);
void watch_observe(struct watch *watch, const struct observation *seen);
void watch_open(struct watch *watch, struct simtime at);

unsigned watch_active_count(const struct watch *watch);
/* The active controller's slot, or WORLD_BOXES_MAX. */
unsigned watch_active(const struct watch *watch);
unsigned watch_cabling_faults(const struct watch *watch);
/* 'code' ALARM_COUNT: any. */
unsigned watch_alarms(const struct watch *watch, unsigned code,
                      bool active_only);
unsigned watch_identities_refused(const struct watch *watch);
unsigned watch_refused(const struct watch *watch, enum refuse_reason reason);

#endif
