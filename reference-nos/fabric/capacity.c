/* SPDX-License-Identifier: Apache-2.0
 *
 * How much fabric is left to each destination, and the alarm about it.
 *
 * A path runs over one of our links to a fabric box and one of its links to
 * the destination, so a fabric box carries the smaller of the two counts.
 * Nominal is the best there has been since the box booted.
 */
#include "reference-nos/fabric/reach_priv.h"

static bool
is_degraded(const struct capacity *capacity)
{
    return capacity->links > 0 && capacity->links < capacity->nominal;
}

static void
alarm_arm(struct reach *reach, uint64_t now_ns)
{
    bool wanted = reach->degraded > 0;

    if (wanted == reach->alarm_raised)
        reach->alarm_at_ns = TIME_NEVER_NS;
    else if (reach->alarm_at_ns == TIME_NEVER_NS)
        reach->alarm_at_ns =
            now_ns + (wanted ? REACH_RAISE_NS : REACH_CLEAR_NS);
}

void
reach_capacity_update(struct reach *reach, unsigned module, unsigned links,
                      uint64_t now_ns)
{
    struct capacity *capacity = &reach->capacity[module];
    bool row_before = capacity->links < capacity->nominal;

    if (capacity->links == links && capacity->nominal >= links &&
        !capacity->stored)
        return;
    if (links == 0 && capacity->links != 0)
        capacity->lost_at_ns = now_ns;
    capacity->links = (uint16_t)links;
    if (links > capacity->nominal)
        capacity->nominal = (uint16_t)links;
    if (capacity->degraded != is_degraded(capacity)) {
        capacity->degraded = !capacity->degraded;
        reach->degraded += capacity->degraded ? 1u : -1u;
    }
    alarm_arm(reach, now_ns);
    reach_bit_set(reach->trace_mask, module);
    if (row_before || capacity->stored || links < capacity->nominal) {
        reach_bit_set(reach->reach_dirty, module);
        reach_earlier(&reach->reach_rows_due_ns, now_ns + REACH_ROWS_NS);
    }
}

void
reach_capacity_rearm(struct reach *reach, uint64_t now_ns)
{
    alarm_arm(reach, now_ns);
}

/* What is out of reach for long is not missed any more. */
static void
forget_lost(struct reach *reach, uint64_t now_ns)
{
    unsigned module;

    for (module = 0; module < FWD_MODULES_MAX; module++) {
        struct capacity *capacity = &reach->capacity[module];

        if (capacity->nominal == 0 || capacity->links != 0 ||
            now_ns - capacity->lost_at_ns < REACH_FORGET_NS)
            continue;
        capacity->nominal = 0;
        reach_bit_set(reach->trace_mask, module);
        reach_bit_set(reach->reach_dirty, module);
        reach_earlier(&reach->reach_rows_due_ns, now_ns);
    }
}

void
reach_capacity_time(struct reach *reach, uint64_t now_ns)
{
    if (now_ns >= reach->alarm_at_ns) {
        reach->alarm_at_ns = TIME_NEVER_NS;
        reach->alarm_raised = !reach->alarm_raised;
        reach->alarm_dirty = true;
        reach_earlier(&reach->rows_due_ns, now_ns);
    }
    if (reach->poll_due)
        forget_lost(reach, now_ns);
}

static void
trace_fill(struct reach_effect *effect, enum trace_kind kind, uint64_t a,
           uint64_t b, uint64_t c, uint64_t d)
{
    effect->kind = REACH_TRACE;
    effect->u.trace =
        (struct trace_record){.kind = kind, .a = a, .b = b, .c = c, .d = d};
}

static bool
trace_reach(struct reach *reach, struct reach_effect *effect)
{
    unsigned module = 0;

    for (;;) {
        struct capacity *capacity;

        module = reach_bit_next(reach->trace_mask, module, FWD_MODULES_MAX);
        if (module == FWD_MODULES_MAX)
            return false;
        reach_bit_clear(reach->trace_mask, module);
        capacity = &reach->capacity[module];
        if (capacity->links == capacity->traced_links &&
            capacity->nominal == capacity->traced_nominal)
            continue;
        capacity->traced_links = capacity->links;
        capacity->traced_nominal = capacity->nominal;
        trace_fill(effect, TRACE_REACH, module, capacity->links,
                   capacity->nominal, 0);
        return true;
    }
}

static bool
trace_cable(struct reach *reach, struct reach_effect *effect)
{
    unsigned port =
        reach_bit_next(&reach->cable_trace_mask, 0, FWD_FABRIC_PORTS_MAX);
    const struct link *link;

    if (port == FWD_FABRIC_PORTS_MAX)
        return false;
    reach->cable_trace_mask &= ~reach_bit(port);
    link = &reach->links[port];
    trace_fill(effect, TRACE_ALARM, ALARM_CABLING, link->foreign, port,
               link->foreign_key);
    return true;
}

bool
reach_trace_build(struct reach *reach, struct reach_effect *effect)
{
    const struct slot *box = &reach->slots[SLOT_BOX];
    bool forwarding = box->done == 1;

    if (box->token == 0 && !box->unsure &&
        forwarding != reach->traced_forwarding) {
        reach->traced_forwarding = forwarding;
        trace_fill(effect, TRACE_FORWARDING, forwarding, box->arg, 0, 0);
        return true;
    }
    if (reach->alarm_raised != reach->alarm_traced) {
        reach->alarm_traced = reach->alarm_raised;
        trace_fill(effect, TRACE_ALARM, ALARM_FABRIC_DEGRADED,
                   reach->alarm_raised, 0, reach->degraded);
        return true;
    }
    return trace_cable(reach, effect) || trace_reach(reach, effect);
}
