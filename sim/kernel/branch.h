/* SPDX-License-Identifier: Apache-2.0
 *
 * Branches: what would happen from here, tried in a copy of the process.
 *
 * A branch is a fork(): the child runs one function on a snapshot of
 * everything and hands back bytes; the parent is untouched.
 *
 * Rules    no thread, open database, socket or pipe may exist when a branch
 *          starts.  The child must not write files; it ends by _exit(), so
 *          nothing of the parent (stdio, atexit) happens twice.
 * Results  each branch returns up to 'result_limit' bytes through a pipe that
 *          the parent drains while it waits.  An abnormal end (signal, exit,
 *          time-out, too many bytes) is a result like any other.
 * Order    branches run side by side, at most 'live_limit'; results are
 *          handed over in the order the branches were started.
 * Memory   live_limit x result_limit.
 */
#ifndef SIM_KERNEL_BRANCH_H
#define SIM_KERNEL_BRANCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

enum branch_end {
    BRANCH_DONE,      /* The function returned; 'code' is what it returned. */
    BRANCH_SIGNALLED, /* Killed by signal 'code'. */
    BRANCH_TIMEOUT,   /* Killed by us: over its time (wall clock). */
    BRANCH_OVERFLOW,  /* More bytes than the limit. */
    BRANCH_LOST       /* Ended without saying so: exit() in the function. */
};

struct branch_result {
    uint64_t tag; /* As given at the start. */
    enum branch_end end;
    int code;
    const void *bytes; /* Borrowed for the call. */
    size_t size;
};

/* What the child uses to answer. */
struct branch_writer;

/* Adds to the answer.  Ends the branch as BRANCH_OVERFLOW past the limit. */
void branch_write(struct branch_writer *writer, const void *bytes,
                  size_t size);

struct branch_options {
    unsigned live_limit; /* 1-64 children at a time. */
    size_t result_limit; /* Bytes one branch may return. */
    uint64_t timeout_ms; /* Wall clock per branch, 0 for none. */
};

struct branches; /* Opaque. */

struct branches *branches_create(const struct branch_options *options,
                                 void (*done)(void *context,
                                              const struct branch_result *),
                                 void *context);

/* Kills and reaps what still runs; its results are dropped. */
void branches_destroy(struct branches *branches);

/* Starts one branch that runs 'fn'; waits first while 'live_limit' run.
 * Returns in the parent alone.  ERR_IO if the system refuses a process. */
MUST_USE int branches_start(struct branches *branches, uint64_t tag,
                            int (*fn)(void *argument,
                                      struct branch_writer *writer),
                            void *argument);

/* Waits for all; every result has been handed over afterwards. */
void branches_finish(struct branches *branches);

/* One branch, at once: fills 'answer' with up to 'size' bytes. */
MUST_USE int branch_run(int (*fn)(void *argument,
                                  struct branch_writer *writer),
                        void *argument, void *answer, size_t size,
                        struct branch_result *result);

#endif
