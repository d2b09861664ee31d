/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/bus/planes.h"

static void
missed(struct plane_watch *watch, uint64_t now_ns)
{
    if (watch->missed == 0)
        watch->missed_ns = now_ns;
    if (watch->missed < BUS_PLANE_MISSED)
        watch->missed++;
    if (watch->missed < BUS_PLANE_MISSED ||
        now_ns - watch->missed_ns < BUS_PLANE_SILENT_NS)
        return;
    watch->state = PLANE_SILENT;
    watch->is_heard = false;
}

static void
heard(struct plane_watch *watch, uint64_t now_ns)
{
    watch->missed = 0;
    if (!watch->is_heard) {
        watch->is_heard = true;
        watch->heard_ns = now_ns;
    }
    if (now_ns - watch->heard_ns >= BUS_PLANE_WELL_NS)
        watch->state = PLANE_WELL;
}

void
planes_heard(struct planes *planes, enum plane plane, uint64_t now_ns)
{
    for (unsigned i = 0; i < PLANE_COUNT; i++) {
        if (i == (unsigned)plane)
            heard(&planes->watch[i], now_ns);
        else
            missed(&planes->watch[i], now_ns);
    }
}
