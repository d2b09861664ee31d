/* SPDX-License-Identifier: Apache-2.0
 *
 * O12, the rule of lanes: a lower lane adds to a higher one at most one frame
 * per hop, and one handler quantum on the CPU.
 */
#include "faults/oracles_priv.h"

#include <inttypes.h>

static void
frames_judge(struct oracles *oracles, const struct observation *seen)
{
    oracle_violated(oracles, ORACLE_O12, seen->at,
                    "%s: a frame waited for %" PRIu64
                    " frames of lower lanes, %" PRIu64 " ps, at %s",
                    oracles->plan->boxes[seen->box].name, seen->b, seen->c,
                    seen->a == LANE_HOP_NIC ? "its sending end"
                                            : "a switch port to it");
}

static void
events_judge(struct oracles *oracles, const struct observation *seen)
{
    oracle_violated(oracles, ORACLE_O12, seen->at,
                    "%s: an event of service %s waited for %" PRIu64
                    " handlers of lower lanes, %" PRIu64 " ns",
                    oracles->plan->boxes[seen->box].name,
                    service_name(seen->service), seen->b, seen->c / 1000);
}

void
oracle_lanes_waited(struct oracles *oracles, const struct observation *seen)
{
    oracle_exercised(oracles, ORACLE_O12);
    if (seen->b <= 1 && seen->c <= seen->d)
        return;
    if (seen->a == LANE_HOP_CPU)
        events_judge(oracles, seen);
    else
        frames_judge(oracles, seen);
}

void
oracles_lanes(struct oracles *oracles, uint64_t waited)
{
    oracles->results[ORACLE_O12].exercised += waited;
}
