/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel: pending events of one simulated world, and its clock.
 *
 * Order    total: (time, class, entity, sequence); see event.h.  The kernel
 *          draws nothing and looks at no pointer value.
 * Cost     add O(1) amortised; cancel O(1), or O(log n) for the few dozen
 *          events about to fire; moving a pending event is no dearer than
 *          adding it.
 * Memory   grows with the largest number of events pending at once, about
 *          48 bytes each beside the caller's struct event; never with time.
 *          Running out of memory ends the program (harness, not NOS).
 * Threads  one world, one thread; no locks.
 * Errors   0 or a positive 'enum err'.
 */
#ifndef SIM_KERNEL_KERNEL_H
#define SIM_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "sim/kernel/event.h"
#include "sim/kernel/simtime.h"

struct kernel;

/* The clock starts at 0. */
struct kernel *kernel_create(void);

/* Accepts NULL.  Pending events are forgotten, not fired: their owners may
 * free them afterwards but must not hand them to this kernel again. */
void kernel_destroy(struct kernel *kernel);

struct simtime kernel_now(const struct kernel *kernel);

/* Schedules 'event' at 'at'.  A pending event is moved: it then counts as
 * added now (it gets a new sequence).
 * ERR_PAST if 'at' precedes the present, ERR_RANGE past SIMTIME_LIMIT_PS; the
 * event is unchanged then. */
MUST_USE int kernel_add(struct kernel *kernel, struct event *event,
                        struct simtime at);

/* Schedules 'event' 'span' from now.  Same errors. */
MUST_USE int kernel_add_after(struct kernel *kernel, struct event *event,
                              struct simtime span);

/* Takes 'event' out; nothing happens if it is idle. */
void kernel_cancel(struct kernel *kernel, struct event *event);

/* Fires the next event.  False if none is pending. */
bool kernel_step(struct kernel *kernel);

/* Fires every event up to and including 'until', then sets the clock to
 * 'until'.  Ends early, with the clock at the last event, after a handler
 * called kernel_stop(); returns false then. */
bool kernel_run_until(struct kernel *kernel, struct simtime until);

/* Fires events until none is pending or 'count' were fired or a handler
 * called kernel_stop().  Returns how many were fired. */
uint64_t kernel_run_count(struct kernel *kernel, uint64_t count);

/* For handlers: the running kernel_run_*() returns after this event. */
void kernel_stop(struct kernel *kernel);

/* The time of the next event; false if none is pending. */
bool kernel_next(struct kernel *kernel, struct simtime *at);

/* Events fired since creation.  Inside a handler, its own is counted. */
uint64_t kernel_fired_count(const struct kernel *kernel);

size_t kernel_pending_count(const struct kernel *kernel);

/* Bytes the kernel holds now. */
size_t kernel_memory_bytes(const struct kernel *kernel);

/* Calls 'observe' before each event fires (the run digest, a trace).  The
 * event is idle already but its at and key are readable.  NULL removes. */
void kernel_observe(struct kernel *kernel,
                    void (*observe)(void *context, const struct event *event),
                    void *context);

#endif
