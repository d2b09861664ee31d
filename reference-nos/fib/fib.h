/* SPDX-License-Identifier: Apache-2.0
 *
 * The fib service of packet forwarders and stand-alone routers: keeps the
 * routes and groups of the ASIC as the active controller wants them.
 *
 * Stream    fib_msg.h; a message of a lower term than any seen is refused.
 * Headless  what is in the ASIC stays and forwards.
 * Restart   waits for the writes of its former life, reads the ASIC back,
 *           takes that for what is wanted, and asks the controller; what
 *           agrees is never touched.
 * Repair    is the ASIC's own: a hop whose module or front port is gone is
 *           passed over (forwarding.h, struct fwd_group).
 * Idle      no timer runs while nothing changes.
 */
#ifndef NOS_FIB_FIB_H
#define NOS_FIB_FIB_H

#include "reference-nos/runtime/actor.h"

extern const struct actor_kind fib_kind; /* SVC_FIB */

#endif
