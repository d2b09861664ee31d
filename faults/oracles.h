/* SPDX-License-Identifier: Apache-2.0
 *
 * Oracles: properties that must hold whatever happens, judged on what a
 * world lets be seen.  Numbers as in the catalogue (faults/README.md).
 *
 * Exercised  every oracle counts how often it really judged something; one
 *            that never did proves nothing.
 * Memory     O14 keeps 24 bytes for each log index applied.
 */
#ifndef FAULTS_ORACLES_H
#define FAULTS_ORACLES_H

#include "models/plane/plane.h"
#include "sim/world/world.h"

enum oracle {
    ORACLE_O2,  /* acknowledged means it survives */
    ORACLE_O3,  /* one controller's writes in one term, judged at the card */
    ORACLE_O4,  /* no forwarding loop longer than the stated time */
    ORACLE_O5,  /* no black hole longer than that */
    ORACLE_O8,  /* module numbers unique, stable, rested before reuse */
    ORACLE_O11, /* memory and pools back to baseline */
    ORACLE_O12, /* queues, memory, step cost within their bounds */
    ORACLE_O13, /* converges after healing */
    ORACLE_O14, /* replicas equal at equal index */
    ORACLE_COUNT
};

#define ORACLE_TEXT_MAX 192
/* The stated time of O4 and O5: what a table may miss while it is changed. */
#define ORACLE_HOLE_PS (1000u * 1000u)

struct oracle_result {
    const char *id;    /* "O2" */
    const char *title; /* one line */
    uint64_t exercised;
    uint64_t violations;
    struct simtime first_at;
    char first[ORACLE_TEXT_MAX]; /* the first violation, "" for none */
};

struct oracles; /* Opaque. */

struct oracles *oracles_create(const struct cluster_plan *plan,
                               struct simtime tombstone);
void oracles_destroy(struct oracles *oracles);

void oracles_observe(struct oracles *oracles, const struct observation *seen);
/* The probe had 'sequence' of 'client' acknowledged; later a linearizable
 * read gave 'sequence' (O2). */
void oracles_acknowledged(struct oracles *oracles, uint64_t client,
                          uint64_t sequence);
void oracles_read_back(struct oracles *oracles, struct simtime at,
                       uint64_t client, uint64_t sequence);
/* O11: what all services used when the run began and at its quiet end. */
void oracles_memory(struct oracles *oracles, struct simtime at,
                    size_t baseline_bytes, size_t end_bytes);
/* O11: at any moment each box owns every byte it was lent: what a dead service
 * kept belongs to nobody. */
void oracles_chunks(struct oracles *oracles, struct world *world);
/* O13: what was injected is healed; has the cluster converged in time? */
void oracles_converged(struct oracles *oracles, struct simtime at, bool yes);
/* O12: a bound seen from outside: a mailbox, a context, a queue. */
void oracles_bound(struct oracles *oracles, struct simtime at, unsigned box,
                   const char *what, uint64_t depth, uint64_t bound);
/* O12: how many of a higher lane waited behind a lower one, all told; each
 * was measured, and what broke the rule of lanes was observed at once. */
void oracles_lanes(struct oracles *oracles, uint64_t waited);

/* O4 and O5, on packets between front ports; ends are numbered as in
 * models/plane/plane.h. */
struct oracle_end {
    unsigned box;
    uint16_t port;
};
void oracles_packets_begin(struct oracles *oracles,
                           const struct oracle_end *ends, unsigned count);
/* An operator gave 'end' this prefix, and every card has it. */
void oracles_connected(struct oracles *oracles, unsigned end,
                       const struct fwd_prefix *prefix);
/* The same of a network behind routers, at this end among others: packets to
 * it may leave anywhere. */
void oracles_routed(struct oracles *oracles, unsigned end,
                    const struct fwd_prefix *prefix);
/* Packets to 'end' carry this address; call it after what is connected. */
void oracles_addressed(struct oracles *oracles, unsigned end,
                       const struct fwd_prefix *host);
/* A packet from an end to another one left the cluster at 'end'. */
void oracles_packet_out(struct oracles *oracles, uint64_t at_ps, unsigned end,
                        unsigned from, unsigned to);
void oracles_packet_dropped(struct oracles *oracles, uint64_t at_ps,
                            enum plane_drop cause, unsigned from, unsigned to);

const struct oracle_result *oracles_result(const struct oracles *oracles,
                                           enum oracle oracle);
uint64_t oracles_violations(const struct oracles *oracles);
/* Counts for metrics. */
uint64_t oracles_modules_renumbered(const struct oracles *oracles);
uint64_t oracles_modules_duplicate(const struct oracles *oracles);

#endif
