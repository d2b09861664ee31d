/* SPDX-License-Identifier: Apache-2.0
 *
 * A build without world netns.
 */
#include "sim/run/run_priv.h"

const bool run_netns_built = false;

int
run_netns_create(const struct run_options *options, struct cluster_plan *plan,
                 world_listener *listener, void *context, struct world **world,
                 char *message, size_t message_size)
{
    (void)options;
    (void)plan;
    (void)listener;
    (void)context;
    (void)world;
    outcome_text(message, message_size, "this build has no world netns");
    return ERR_UNSUPPORTED;
}

size_t
run_netns_capabilities(struct run_capability *list, size_t room)
{
    (void)list;
    (void)room;
    return 0;
}
