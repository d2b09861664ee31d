/* SPDX-License-Identifier: Apache-2.0
 *
 * Each service of a box in a process of its own, under the same supervision.
 *
 * The box's own process keeps the runtime: mailboxes, lanes, budgets and
 * back-off.  For each service it holds a proxy of the same kind, whose start
 * makes a process and whose handler passes the event on, over a UNIX socket
 * pair; the next event of that service waits until the process has handled
 * this one (procs_busy()).  The process runs the service's own object files
 * on a runtime of that one service, keeps its timers itself, and asks the
 * box's process for all that the door or the other services give.
 *
 * Death    of the process is told (ended), and is the death of the service.
 *          Call procs_buried() when the runtime says that a service died
 *          (TRACE_SERVICE_DIED): its process is killed.
 * Trust    what a process says is checked; nonsense ends it.
 * Threads  one loop; a service's process never makes the box's one wait.
 */
#ifndef NOS_LINUX_PROCS_PROCS_H
#define NOS_LINUX_PROCS_PROCS_H

#include <uv.h>

#include "reference-nos/runtime/runtime.h"

/* The first argument of a service's process; the second is its socket. */
#define PROCS_CHILD_OPTION "--service-process"
#define PROCS_CHILD_FD 3

struct procs;

struct procs_options {
    uv_loop_t *loop;
    const char *program; /* that calls procs_child(); its own path */
    struct plat *door;
    const struct actor_kind *const *kinds; /* of the box's role */
    size_t kind_count;
    /* The process of 'service' can take its next event. */
    void (*idle)(void *arg, unsigned service);
    /* It ended: call runtime_kill(). */
    void (*ended)(void *arg, unsigned service);
    void *arg;
};

MUST_USE int procs_create(const struct procs_options *options,
                          struct procs **out);
/* After runtime_destroy(); kills what is left and runs the loop until all of
 * it is reaped. */
void procs_destroy(struct procs *procs);

/* The proxies, for runtime_create(); as many as the kinds. */
const struct actor_kind *const *procs_kinds(const struct procs *procs);
bool procs_busy(const struct procs *procs, unsigned service);
void procs_buried(struct procs *procs, unsigned service);
/* 0: none. */
int procs_pid(const struct procs *procs, unsigned service);

/* The life of a service's process: serves 'fd' until the box's process ends
 * or the service dies; the exit code. */
MUST_USE int procs_child(int fd, const struct actor_kind *const *kinds,
                         size_t kind_count);

#endif
