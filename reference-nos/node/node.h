/* SPDX-License-Identifier: Apache-2.0
 *
 * A box: the services its role needs, joined on one runtime.
 */
#ifndef NOS_NODE_NODE_H
#define NOS_NODE_NODE_H

#include "reference-nos/runtime/runtime.h"

/* Boots the NOS behind 'plat', whose facts name the role.  Give it back with
 * runtime_destroy(). */
MUST_USE int node_create(struct plat *plat, struct runtime **out);

/* The services of a box of 'role', in the order in which they start; of a
 * stand-alone router when 'alone'. */
const struct actor_kind *const *node_kinds(enum role role, bool alone,
                                           size_t *count);

/* Does such a box run 'service'? */
bool node_has_service(enum role role, bool alone, unsigned service);

#endif
