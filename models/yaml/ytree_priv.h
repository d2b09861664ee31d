/* SPDX-License-Identifier: Apache-2.0
 *
 * What the composer and the map checks share.
 */
#ifndef MODELS_YAML_YTREE_PRIV_H
#define MODELS_YAML_YTREE_PRIV_H

#include "models/yaml/ytree.h"

/* Reports duplicate keys (the map stays usable) and resolves merge keys. */
MUST_USE int ytree_finish_map(struct arena *arena, struct diag_list *diags,
                              const struct ytree_limits *limits,
                              struct ynode *map);

#endif
