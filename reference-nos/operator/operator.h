/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of people and programs, on controllers.
 *
 * Writes and reads of probe rows go to the store, the rest to the cluster
 * service of this box.  Every request gets one answer: bytes that are no
 * request too, and one whose outcome is not known in time (ERR_TIMEOUT; a
 * write is repeated with its sequence).
 */
#ifndef NOS_OPERATOR_OPERATOR_H
#define NOS_OPERATOR_OPERATOR_H

#include "reference-nos/base/units.h"
#include "reference-nos/runtime/actor.h"

#define OPERATOR_PENDING_MAX 256u
#define OPERATOR_PATIENCE_NS (3 * NS_PER_S)

extern const struct actor_kind operator_kind; /* SVC_OPERATOR */

#endif
