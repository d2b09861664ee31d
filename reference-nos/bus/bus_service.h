/* SPDX-License-Identifier: Apache-2.0
 *
 * The bus as a service of a box (SVC_BUS): messages to other boxes pass
 * through it, datagrams come in to it.
 *
 * A reliable message that finds no room in the queue to its peer cannot be
 * dropped in silence: it ends the session, and all who take sessions are
 * told.  Liveness messages may be dropped.
 */
#ifndef NOS_BUS_BUS_SERVICE_H
#define NOS_BUS_BUS_SERVICE_H

#include "reference-nos/runtime/actor.h"

struct bus;

extern const struct actor_kind bus_kind;

/* The bus behind the state of the service, for reports. */
const struct bus *bus_service_bus(const void *state);

#endif
