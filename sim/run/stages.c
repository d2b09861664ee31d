/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of an event: the stages of a failover, from traces alone, so
 * that they are the same in every world.
 *
 *   detect   the event .. a voter stands for election
 *   elect    .. one of them leads
 *   commit   .. a write is acknowledged (without probe: the leader is ready)
 *   apply    one leads .. a controller acts in its term or a later one: the
 *            row that says so is applied
 */
#include "sim/run/run_priv.h"

static void
election_note(struct event_state *event, const struct observation *seen)
{
    if (event->detected)
        return;
    event->detected = true;
    event->detected_at = seen->at;
}

static void
leader_note(struct event_state *event, const struct observation *seen)
{
    if (!event->detected || event->led)
        return;
    event->led = true;
    event->led_term = seen->trace.a;
    event->led_at = seen->at;
}

static void
ready_note(struct event_state *event, const struct observation *seen)
{
    if (!event->led || event->ready || seen->trace.a < event->led_term)
        return;
    event->ready = true;
    event->ready_at = seen->at;
}

static void
active_note(struct event_state *event, const struct observation *seen)
{
    if (!event->led || event->applied || seen->trace.a < event->led_term)
        return;
    event->applied = true;
    event->applied_at = seen->at;
}

void
stages_note(struct run *run, const struct observation *seen)
{
    if (seen->kind != OBSERVE_TRACE)
        return;
    for (size_t i = 0; i < run->scenario->event_count; i++) {
        struct event_state *event = &run->events[i];

        if (event->fired == 0)
            continue;
        switch ((int)seen->trace.kind) {
        case TRACE_ELECTION: election_note(event, seen); break;
        case TRACE_LEADER: leader_note(event, seen); break;
        case TRACE_LEADER_READY: ready_note(event, seen); break;
        case TRACE_ACTIVE: active_note(event, seen); break;
        default: return;
        }
    }
}

static int
commit_value(const struct event_state *event, uint64_t *value)
{
    bool acked =
        event->acked && !simtime_before(event->first_ack_at, event->led_at);

    if (!event->led || (!acked && !event->ready))
        return ERR_NOENT;
    *value = simtime_sub(acked ? event->first_ack_at : event->ready_at,
                         event->led_at)
                 .ps;
    return 0;
}

int
stages_value(const struct run *run, const struct metric_ref *ref,
             uint64_t *value)
{
    const struct event_state *event = &run->events[ref->event];

    if (!event->detected)
        return ERR_NOENT;
    switch ((int)ref->metric->id) {
    case METRIC_SWITCHOVER_DETECT:
        *value = simtime_sub(event->detected_at, event->first_at).ps;
        return 0;
    case METRIC_SWITCHOVER_ELECT:
        *value = simtime_sub(event->led_at, event->detected_at).ps;
        return event->led ? 0 : ERR_NOENT;
    case METRIC_SWITCHOVER_COMMIT: return commit_value(event, value);
    default:
        *value = simtime_sub(event->applied_at, event->led_at).ps;
        return event->applied ? 0 : ERR_NOENT;
    }
}
