/* SPDX-License-Identifier: Apache-2.0
 *
 * The fabric service of packet forwarders and fabric boxes: brings the ports
 * of the box into service and keeps its fabric tables right.
 *
 * The logic is reach.h; this is its shell.  It needs no controller: packets
 * travel on the fabric links, and what a controller says (number, drain)
 * holds until another word comes.
 */
#ifndef NOS_FABRIC_FABRIC_H
#define NOS_FABRIC_FABRIC_H

#include "reference-nos/runtime/actor.h"

extern const struct actor_kind fabric_kind;

#endif
