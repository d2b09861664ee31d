/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the operator service share.
 */
#ifndef NOS_OPERATOR_OPERATOR_PRIV_H
#define NOS_OPERATOR_OPERATOR_PRIV_H

#include "reference-nos/operator/operator.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/store_msg.h"

/* A request that was passed on. */
struct pending {
    bool used;
    bool collects;  /* SHOW_ALARMS: waits for the rows of the store */
    uint64_t id;    /* of this service; names reads and cluster requests */
    uint64_t token; /* for the answer */
    uint64_t deadline_ns;
    struct operator_req req;
};

/* Alarms while they are collected. */
struct collection {
    bool runs;
    struct operator_rep rep;
    size_t head_size; /* of the cluster's answer; rows follow */
    struct wire_writer writer;
    uint64_t keys[FWD_MODULES_MAX]; /* by module id; 0: none */
    uint8_t bytes[OPERATOR_REPLY_MAX];
};

struct operator
{
    struct actor *self;
    uint64_t last_id;
    bool armed;
    struct pending pending[OPERATOR_PENDING_MAX];
    struct collection collection;
};

/* alarms.c: rows of TABLE_ALARM are watched while somebody asks */

/* The cluster agrees to 'pending' by this answer; rows are to follow it. */
void operator_alarms_begin(struct operator* service, struct pending *pending,
                           const uint8_t *bytes, size_t size);
void operator_alarms_delta(struct operator* service,
                           const struct actor_message *message);
/* Nobody waits any more. */
void operator_alarms_stop(struct operator* service);

#endif
