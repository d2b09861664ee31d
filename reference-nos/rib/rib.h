/* SPDX-License-Identifier: Apache-2.0
 *
 * The rib service of controllers and stand-alone routers: keeps the routing
 * table (routes.h) as CONF has it, and streams it to the fib service of every
 * card (fib_msg.h).
 *
 * Active   the controller whose store leads streams, in that term; the other
 *          one keeps its own table ready from its own CONF.
 * Cards    are the NCP modules of CONF; on a stand-alone router, itself.  A
 *          card is offered the sum of the table when this controller becomes
 *          active, when it appears, when its session comes back and when it
 *          asks; a card that has the same is sent nothing.
 * Idle     nothing is sent and no timer runs while nothing changes.
 */
#ifndef NOS_RIB_RIB_H
#define NOS_RIB_RIB_H

#include "reference-nos/runtime/actor.h"

extern const struct actor_kind rib_kind; /* SVC_RIB */

#endif
