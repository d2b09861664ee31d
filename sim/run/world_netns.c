/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario's cluster in world netns.
 */
#include "sim/run/run_priv.h"
#include "sim/world/netns/netns.h"

/* Disks that can be filled live in memory, where fsync costs nothing: only
 * for scenarios that fill one. */
static bool
fills_disks(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->event_count; i++) {
        if (scenario->events[i].what->id == FAULT_DISK_FULL)
            return true;
    }
    return false;
}

int
run_netns_create(const struct run_options *options, struct cluster_plan *plan,
                 world_listener *listener, void *context, struct world **world,
                 char *message, size_t message_size)
{
    const struct scenario_cluster *cluster = &options->scenario->cluster;
    struct netns_options netns = {
        .plan = plan,
        .seed = options->seed,
        .refnosd = options->real.refnosd,
        .keep_dir = options->real.keep_dir,
        .record = options->real.record,
        .per_service = options->real.per_service,
        .small_disks = fills_disks(options->scenario),
        .tombstone_s = run_tombstone_s(cluster),
        .unplanned = cluster->numbering == NUMBERING_LOWEST_FREE,
        .listener = listener,
        .listener_context = context,
    };

    for (unsigned role = 0; role < ROLE_COUNT; role++)
        netns.pool_size[role] = (uint16_t)cluster->pools[role];
    return netns_create(&netns, world, message, message_size);
}

size_t
run_netns_capabilities(struct run_capability *list, size_t room)
{
    struct netns_capability found[NETNS_CAPABILITIES_MAX];
    size_t count = netns_capabilities(found, NETNS_CAPABILITIES_MAX);

    count = count < room ? count : room;
    for (size_t i = 0; i < count; i++)
        list[i] = (struct run_capability){found[i].name, found[i].there,
                                          found[i].how};
    return count;
}
