/* SPDX-License-Identifier: Apache-2.0
 *
 * Which management planes work, judged by what is heard: a liveness message
 * is sent on every plane, so each copy that comes alone is one missed on the
 * other plane.
 *
 * Silent  BUS_PLANE_MISSED copies in a row, over at least
 *         BUS_PLANE_SILENT_NS, came on another plane alone.  A box that
 *         hears nobody at all blames no plane.
 * Well    heard for BUS_PLANE_WELL_NS without falling silent in between.
 * Unsure  neither yet: the beginning of a life.
 *
 * All peers count together: a plane is silent when nobody is heard on it.
 * Nothing here has a timer.
 */
#ifndef NOS_BUS_PLANES_H
#define NOS_BUS_PLANES_H

#include "reference-nos/base/units.h"
#include "reference-nos/platform/plat.h"

#define BUS_PLANE_MISSED 6u
#define BUS_PLANE_SILENT_NS (2 * NS_PER_S)
#define BUS_PLANE_WELL_NS (3 * NS_PER_S)

enum plane_state { PLANE_UNSURE, PLANE_WELL, PLANE_SILENT };

struct plane_watch {
    enum plane_state state;
    unsigned missed;    /* copies on other planes since the last one here */
    uint64_t missed_ns; /* the first of them */
    bool is_heard;      /* since 'heard_ns' it has not been silent */
    uint64_t heard_ns;
};

struct planes {
    struct plane_watch watch[PLANE_COUNT];
};

/* A copy of a liveness message came in on 'plane'. */
void planes_heard(struct planes *planes, enum plane plane, uint64_t now_ns);

#endif
