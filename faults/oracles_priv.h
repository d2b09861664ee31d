/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the oracles share.
 */
#ifndef FAULTS_ORACLES_PRIV_H
#define FAULTS_ORACLES_PRIV_H

#include "faults/oracles.h"
#include "reference-nos/schema/tables.h"

#define ORACLE_CLIENTS_MAX 64u
#define ORACLE_TERMS_MAX 65536u

struct applied {
    uint64_t digest_high, digest_low;
    bool known;
};

/* What O8 knows of a module number. */
struct module_memory {
    uint64_t key; /* last holder, 0: none yet */
    bool removed;
    struct simtime removed_at;
};

struct oracle_packets; /* oracle_packets.c */

struct oracles {
    const struct cluster_plan *plan;
    struct simtime tombstone;
    struct oracle_result results[ORACLE_COUNT];

    /* O2 */
    struct {
        uint64_t client;
        uint64_t sequence;
    } acknowledged[ORACLE_CLIENTS_MAX];
    unsigned client_count;
    uint64_t acked_index; /* highest index acknowledged to a client */
    uint64_t acked_term;
    uint64_t ready_term;  /* of the latest leader */
    uint64_t ready_index; /* its first entry */

    /* O3 */
    uint64_t term_owner[ORACLE_TERMS_MAX]; /* controller key by term */
    uint64_t box_term[WORLD_BOXES_MAX];    /* highest accepted */
    uint64_t box_key[WORLD_BOXES_MAX];     /* who stands there */

    /* O8 */
    struct module_memory modules[FWD_MODULES_MAX];
    uint64_t joined_key[FWD_MODULES_MAX]; /* who says it is this module */
    uint64_t renumbered;
    uint64_t duplicate;

    /* O4, O5 */
    bool in_service[WORLD_BOXES_MAX];
    struct oracle_packets *packets; /* NULL: no traffic */

    /* O14 */
    struct applied *applied;
    size_t applied_room;
};

PRINTF_LIKE(4, 5)
void oracle_violated(struct oracles *oracles, enum oracle oracle,
                     struct simtime at, const char *format, ...);
static inline void
oracle_exercised(struct oracles *oracles, enum oracle oracle)
{
    oracles->results[oracle].exercised++;
}

/* oracle_lanes.c */
void oracle_lanes_waited(struct oracles *oracles,
                         const struct observation *seen);

/* oracle_packets.c */
void oracle_packets_destroy(struct oracle_packets *packets);
void oracle_packets_service(struct oracles *oracles,
                            const struct observation *seen);

/* oracle_modules.c */
void oracle_module_given(struct oracles *oracles,
                         const struct observation *seen);
void oracle_module_joined(struct oracles *oracles,
                          const struct observation *seen);
void oracle_module_box_off(struct oracles *oracles,
                           const struct observation *seen);

#endif
