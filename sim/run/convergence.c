/* SPDX-License-Identifier: Apache-2.0
 *
 * The predicate cluster.converged.
 */
#include "sim/run/run_priv.h"

static bool
box_converged(const struct run *run, unsigned index)
{
    const struct watch_box *seen = &run->watch.boxes[index];
    struct world_box box;

    run->world->ops->box(run->world, index, &box);
    if (!box.powered)
        return true;
    if (!box.running || !seen->joined || seen->headless)
        return false;
    return box.front_ports == 0 || box.forwarding || seen->drained;
}

bool
run_converged(const struct run *run)
{
    if (watch_active_count(&run->watch) != 1)
        return false;
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        if (!box_converged(run, i))
            return false;
    }
    return true;
}
