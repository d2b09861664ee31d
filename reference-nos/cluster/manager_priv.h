/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the cluster service share.
 */
#ifndef NOS_CLUSTER_MANAGER_PRIV_H
#define NOS_CLUSTER_MANAGER_PRIV_H

#include "reference-nos/base/list.h"
#include "reference-nos/base/tree.h"
#include "reference-nos/cluster/allocate.h"
#include "reference-nos/cluster/cabling.h"
#include "reference-nos/cluster/cluster.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/plan.h"
#include "reference-nos/schema/store_msg.h"

/* Written bounds. */
#define MANAGER_BOXES_MAX 512u /* members, joiners and boxes that were */
#define MANAGER_JOBS_MAX 512u
#define MANAGER_TXN_MAX 16384u /* bytes */

enum manager_timer {
    MANAGER_TIMER_BEACON,
    MANAGER_TIMER_LEASE,
    MANAGER_TIMER_TXN,     /* no outcome yet: ask again */
    MANAGER_TIMER_BACKOFF, /* then go on with the jobs */
    MANAGER_TIMER_CABLING,
    MANAGER_TIMER_VOTER,
    MANAGER_TIMER_WATCH
};

/* A module id. */
struct module {
    bool present; /* 'row' exists */
    uint64_t version;
    struct module_row row;
    uint64_t plan_version; /* 0: no plan row */
    struct plan_row plan;
    uint64_t rest_ns; /* when this controller saw the number removed */
    bool away_raised;
    bool cabling_raised;
    bool duplicate_raised;
    uint64_t duplicate_ns; /* last time */
    bool voter_settled;    /* its seat among the voters is its own */
    uint8_t verdict[FWD_FABRIC_PORTS_MAX]; /* 0 or cable_verdict + 1 */
};

/* A request to join, until it is answered. */
struct join {
    struct join_req req;
    uint64_t nonce;
    bool queued; /* proven; a job waits */
};

struct box {
    struct tree_node node;
    uint64_t key;
    uint16_t module; /* whose row names this key, or MODULE_NONE */
    enum slot_live live;
    uint64_t lease_ns;
    uint64_t incarnation;
    uint64_t left_boot; /* incarnation that the operator removed */
    bool forwarding;
    uint64_t settle_ns; /* last change of what its cables depend on */
    struct join *join;
    struct cable_seen cables[FWD_FABRIC_PORTS_MAX]; /* key 0: none */
};

enum job_kind { JOB_JOIN, JOB_OPERATOR };

struct job {
    struct list_node node;
    enum job_kind kind;
    uint64_t key; /* JOB_JOIN: the box */
    bool paid;    /* JOB_JOIN: the search was charged */
    unsigned tries;
    uint64_t token; /* JOB_OPERATOR */
    struct operator_req req;
    /* What the transaction under way will have done. */
    uint16_t module;
    struct module_row row;
    struct plan_row plan;
    bool plan_changes;
};

/* A switchover under way, and who asked for it. */
struct handover {
    bool waits;
    uint64_t token;
    uint64_t began_ns;
    struct operator_req req; /* SWITCHOVER or STOP */
};

enum txn_purpose { TXN_NONE, TXN_PLAN, TXN_CLUSTER, TXN_CLAIM, TXN_JOB };

struct manager {
    struct actor *self;
    struct plat *plat;
    struct mem *mem;
    const struct box_facts *facts;

    uint64_t ready_term; /* this box leads it; 0: it does not lead */
    bool active;
    uint64_t active_term;

    bool cluster_present;
    struct cluster_row cluster;
    struct active_row active_row;
    struct module modules[FWD_MODULES_MAX];
    struct cabling_plan cabling;
    struct tree boxes; /* by key */

    struct list jobs;
    unsigned job_count;
    struct job *job; /* whose transaction is under way, or NULL */
    unsigned pay;    /* numbers examined and not charged yet */
    bool backoff;

    uint64_t client;
    uint64_t sequence;
    enum txn_purpose purpose;
    size_t txn_size;
    uint8_t txn[MANAGER_TXN_MAX];

    bool plan_open; /* 'plan' stands in the blob */
    struct wire_reader plan;
    struct cluster_row plan_cluster;
    unsigned plan_modules;
    unsigned plan_cables;

    unsigned members_told;
    unsigned forwarding_told;
    bool counts_told;
    bool pool_raised[ROLE_COUNT];
    uint64_t pool_ns[ROLE_COUNT]; /* last time it was exhausted */
    bool alarms_known;            /* what the life before raised was found */

    bool sweep_due; /* cables */
    unsigned sweep_at;
    bool sweep_again;
    bool voter_waits; /* for MSG_STORE_VOTER_DONE */
    uint16_t voter_module;
    struct handover handover;
    uint8_t reply[65000];
    struct slot slots[MODULE_POOL_NCP];
};

static inline uint64_t
manager_sender(const struct manager *manager,
               const struct actor_message *message)
{
    return message->from.box == 0 ? manager->facts->key : message->from.box;
}

/* manager.c */

void manager_send(struct manager *manager, struct actor_address to,
                  enum lane lane, uint16_t type,
                  const struct wire_writer *writer);
void manager_to_member(struct manager *manager, uint64_t box, enum lane lane,
                       uint16_t type, const struct wire_writer *writer);
void manager_to_store(struct manager *manager, uint16_t type,
                      const struct wire_writer *writer);
void manager_activate(struct manager *manager);
/* The other controller, if it is there; or 0. */
uint64_t manager_standby(const struct manager *manager);

/* alarms.c: traces and rows */

/* Nothing happens when '*raised' is so already. */
void manager_alarm(struct manager *manager, bool *raised, bool raise,
                   enum alarm_code code, uint64_t item, uint64_t value);
void alarms_end(struct manager *manager);
/* A row of TABLE_ALARM; of interest in the first snapshot of a life. */
int alarms_found(struct manager *manager, const struct store_row *row);
/* That snapshot is complete. */
void alarms_settle(struct manager *manager);
/* Who is active may have changed: what another one sees is not ours. */
void alarms_yield(struct manager *manager);

/* mirror.c: rows as the store has them */

void mirror_delta(struct manager *manager,
                  const struct actor_message *message);
void mirror_module(struct manager *manager, uint16_t id,
                   const struct module_row *row, uint64_t version);
void mirror_plan(struct manager *manager, uint16_t id,
                 const struct plan_row *row, uint64_t version);
struct box *mirror_box(const struct manager *manager, uint64_t key);
/* NULL when there is no room. */
struct box *mirror_box_add(struct manager *manager, uint64_t key);

/* roster.c: who is there */

void roster_start(struct manager *manager);
void roster_stop(struct manager *manager);
void roster_hello(struct manager *manager,
                  const struct actor_message *message);
/* 'box' was heard and holds a number. */
void roster_alive(struct manager *manager, struct box *box);
/* 'box' was given a number and may be there. */
void roster_expect(struct manager *manager, struct box *box);
void roster_timer(struct manager *manager);
void roster_counts(struct manager *manager);

/* join.c */

void join_request(struct manager *manager,
                  const struct actor_message *message);
void join_proof(struct manager *manager, const struct actor_message *message);
void join_ack(struct manager *manager, const struct actor_message *message);
void join_reject(struct manager *manager, struct box *box, int reason,
                 uint32_t retry_ms);
void join_drop(struct manager *manager, struct box *box);
/* Both return whether the job is over; else its transaction is under way. */
bool join_run(struct manager *manager, struct job *job);
bool join_done(struct manager *manager, struct job *job, int status,
               uint64_t index);

/* verbs.c: operators */

void verbs_request(struct manager *manager,
                   const struct actor_message *message);
bool verbs_run(struct manager *manager, struct job *job);
bool verbs_done(struct manager *manager, struct job *job, int status,
                uint64_t index);
void verbs_refuse(struct manager *manager, const struct job *job, int status);
void verbs_transfer_done(struct manager *manager,
                         const struct actor_message *message);
/* This box leads no more: 'status' for who asked for that. */
void verbs_lost(struct manager *manager, int status);
void verbs_reply_begin(struct manager *manager, struct wire_writer *writer,
                       uint64_t token, const struct operator_req *req,
                       int status);
void verbs_reply_end(struct manager *manager,
                     const struct wire_writer *writer);

/* show.c: operators look */

void show(struct manager *manager, uint64_t token,
          const struct operator_req *req);

/* txn.c: one transaction at a time, and the jobs that wait for it */

MUST_USE struct job *txn_job_add(struct manager *manager, enum job_kind kind);
void txn_begin(struct manager *manager, struct wire_writer *writer);
void txn_put_module(struct manager *manager, struct wire_writer *writer,
                    uint16_t id, const struct module_row *row);
void txn_put_plan(struct manager *manager, struct wire_writer *writer,
                  uint16_t id, const struct plan_row *row);
void txn_submit(struct manager *manager, const struct wire_writer *writer,
                enum txn_purpose purpose);
void txn_outcome(struct manager *manager, const struct actor_message *message);
void txn_timer(struct manager *manager);
void txn_backoff(struct manager *manager, uint64_t wait_ns);
/* Forgets the transaction and refuses the jobs. */
void txn_abandon(struct manager *manager);
/* ACTOR_DONE, or ACTOR_MORE when the quantum ended. */
int txn_pump(struct manager *manager);

/* check.c: cables against the plan; voters' seats */

void check_later(struct manager *manager);
void check_timer(struct manager *manager);
/* False when the quantum ended. */
bool check_pump(struct manager *manager);
void check_stop(struct manager *manager);
void check_voters(struct manager *manager);
void check_voter_timer(struct manager *manager);
void check_voter_done(struct manager *manager,
                      const struct actor_message *message);

#endif
