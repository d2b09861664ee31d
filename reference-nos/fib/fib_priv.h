/* SPDX-License-Identifier: Apache-2.0
 *
 * The fib service as one object.
 */
#ifndef NOS_FIB_FIB_PRIV_H
#define NOS_FIB_FIB_PRIV_H

#include "reference-nos/fib/fib.h"
#include "reference-nos/fib/table.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/store/stream.h"

enum fib_timer {
    TIMER_ASK,     /* the controller has said nothing yet */
    TIMER_MEMBER,  /* nor has the member service */
    TIMER_RETRY,   /* what the ASIC refused */
    TIMER_OVERDUE, /* the ASIC does not answer */
    TIMER_BUSY     /* it took no write */
};

enum fib_phase {
    PHASE_BARRIER, /* waits for writes of the former life */
    PHASE_GROUPS,  /* reads groups back */
    PHASE_ROUTES,  /* reads routes back */
    PHASE_READ,
    PHASE_RUN
};

/* An operator's question, while it is answered. */
struct audit {
    bool active;
    bool routes; /* the groups are read */
    bool differs;
    uint64_t box; /* who asks */
    uint64_t id;
    uint64_t token; /* of the latest write when it began */
    uint32_t group_at;
    struct fwd_prefix route_at; /* family 0: from the start */
    struct fib_sum asic;
};

struct fib {
    struct actor *self;
    struct fib_table *table;
    enum fib_phase phase;
    uint32_t group_at;          /* read back up to here */
    struct fwd_prefix route_at; /* family 0: from the start */
    uint64_t token;             /* of the write under way, or the last */
    uint64_t busy_until_ns;     /* the ASIC took no write */

    bool member_known;
    uint64_t term;       /* the highest known */
    uint64_t heard_term; /* its controller has said something */
    uint64_t active;     /* box key, or 0: headless */
    uint64_t ask_ns;
    unsigned asked;

    struct stream_in in;
    uint32_t generations;
    uint64_t source; /* who is to be answered */
    bool ack_due;    /* once all is written */
    struct table_write write;
    struct audit audit;
};

/* answer.c */
void answer_begin(struct fib *fib, const struct actor_message *message);
/* Reads a piece of the ASIC for the audit. */
MUST_USE int answer_step(struct fib *fib);

#endif
