/* SPDX-License-Identifier: Apache-2.0
 *
 * The hardware service of every box: fans follow the temperatures, lights
 * show the alarms, alarms and health go to the store.
 *
 * Presence and failures are handled when they are told; temperatures are read
 * every HARDWARE_POLL_NS, all else every HARDWARE_SLOW_NS.
 */
#ifndef NOS_HARDWARE_HARDWARE_H
#define NOS_HARDWARE_HARDWARE_H

#include "reference-nos/runtime/actor.h"

#define HARDWARE_POLL_NS UINT64_C(5000000000)
#define HARDWARE_SLOW_NS UINT64_C(60000000000)

extern const struct actor_kind hardware_kind;

#endif
