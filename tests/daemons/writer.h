/* SPDX-License-Identifier: Apache-2.0
 *
 * An operator who writes all the time: one request under way, repeated with
 * the same sequence at the other controller until it is acknowledged; a
 * linearizable read now and then tells oracle O2 what is there.
 */
#ifndef TESTS_DAEMONS_WRITER_H
#define TESTS_DAEMONS_WRITER_H

#include "faults/oracles.h"
#include "sim/world/world.h"

#define WRITER_CLIENT 0x6b696c6cu

struct writer {
    struct world *world;
    struct oracles *oracles;
    unsigned controllers[2]; /* slots */
    unsigned at;             /* the one that is asked now */
    uint64_t token;          /* of the request under way; 0: none */
    uint64_t last_token;
    uint64_t sequence; /* under way */
    bool reading;
    bool stopping; /* no new write; a read is still done */
    struct simtime sent_at;
    struct simtime next_at;

    uint64_t acknowledged; /* writes */
    uint64_t repeated;     /* requests that had no good answer in time */
    uint64_t reads;
    uint64_t lost; /* reads that gave less than was acknowledged */
    uint64_t last_acknowledged;
    struct simtime last_at; /* of the last acknowledgement */
    struct simtime longest; /* between two */
};

void writer_init(struct writer *writer, struct world *world,
                 struct oracles *oracles);
/* For the world's listener. */
void writer_observe(struct writer *writer, const struct observation *seen);
/* Asks what is due. */
void writer_step(struct writer *writer);
/* From now on only a last read is done; writer_idle() tells when. */
void writer_stop(struct writer *writer);
bool writer_idle(const struct writer *writer);

#endif
