/* SPDX-License-Identifier: Apache-2.0
 *
 * What the routing service of a controller and the forwarding service of a
 * card say to each other, bulk lane.
 *
 * The rows travel in the store's streams (reference-nos/store/stream.h):
 *
 *   MSG_FIB_OFFER   controller: what the card would have, as a sum; a card
 *                   that has the same says so by MSG_FIB_ACK, and deltas
 *                   follow; nothing else is sent.  Else it answers with
 *   MSG_FIB_RESYNC  card: u64 run; a snapshot in this run, please.  Run 0:
 *                   offer to me, I have just started.
 *   MSG_FIB_BATCH   controller: stream header (with the term), rows of
 *                   TABLE_FIB_GROUP and TABLE_FIB_ROUTE.  The last one of a
 *                   snapshot (STREAM_LAST) is the end of RIB: the card drops
 *                   what was not shown.
 *   MSG_FIB_ACK     card: stream ack.  All up to the watermark was written
 *                   into the ASIC.
 *
 * MSG_FIB_ASK and MSG_FIB_TELL: an operator's question to a card, and its
 * answer.
 */
#ifndef NOS_SCHEMA_FIB_MSG_H
#define NOS_SCHEMA_FIB_MSG_H

#include "reference-nos/base/wire.h"
#include "reference-nos/schema/messages.h"
#include "reference-nos/schema/routes.h"

/* A whole table in three numbers.  Sums do not depend on the order. */
struct fib_sum {
    uint64_t routes;
    uint64_t groups;
    uint64_t hash; /* sum of prefix_route_hash() over the routes */
};

static inline bool
fib_sum_equal(const struct fib_sum *a, const struct fib_sum *b)
{
    return a->routes == b->routes && a->groups == b->groups &&
           a->hash == b->hash;
}

void fib_sum_write(struct wire_writer *writer, const struct fib_sum *sum);
void fib_sum_read(struct wire_reader *reader, struct fib_sum *sum);

/* MSG_FIB_OFFER */
struct fib_offer {
    uint64_t term;
    uint64_t run;
    uint64_t upto; /* stamp: deltas go on from here */
    struct fib_sum sum;
};

/* MSG_FIB_RESYNC */
struct fib_resync {
    uint64_t term; /* the highest the card knows */
    uint64_t run;
};

enum fib_question {
    FIB_AUDIT, /* sums of what is wanted and of what is in the ASIC */
    FIB_LIST,  /* the routes in the ASIC behind 'after', in order */
    FIB_QUESTION_COUNT
};

/* MSG_FIB_ASK */
struct fib_ask {
    uint64_t id; /* echoed */
    enum fib_question question;
    bool behind; /* 'after' is given */
    struct fwd_prefix after;
};

/* MSG_FIB_TELL; of FIB_LIST, rows follow (struct operator_route). */
struct fib_tell {
    uint64_t id;
    uint64_t term;       /* highest obeyed */
    struct fib_sum fib;  /* as the controller wants it */
    struct fib_sum asic; /* as read back now */
    uint64_t pending;    /* writes that wait for the ASIC */
    uint64_t failed;     /* that it refused */
    bool complete;       /* the fib is whole: no snapshot is under way */
    bool cut;            /* FIB_LIST: there are more */
};

#define FIB_MSG(name)                                                         \
    void name##_write(struct wire_writer *writer, const struct name *in);     \
    MUST_USE int name##_read(struct wire_reader *reader, struct name *out);

FIB_MSG(fib_offer)
FIB_MSG(fib_resync)
FIB_MSG(fib_ask)
/* Rows may follow: the end of the input is not asked for. */
FIB_MSG(fib_tell)
#undef FIB_MSG

#endif
