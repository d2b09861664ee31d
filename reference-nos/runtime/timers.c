/* SPDX-License-Identifier: Apache-2.0
 *
 * Deadlines of services and of the supervisor, folded into one request to
 * the door.
 */
#include "reference-nos/runtime/runtime_priv.h"

static void
next_timer_find(struct actor *actor)
{
    uint64_t next_ns = NEVER_NS;

    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++) {
        if (actor->timer_ns[i] < next_ns)
            next_ns = actor->timer_ns[i];
    }
    actor->next_timer_ns = next_ns;
}

void
timers_clear(struct actor *actor)
{
    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++)
        actor->timer_ns[i] = NEVER_NS;
    actor->next_timer_ns = NEVER_NS;
    actor->timers_due = 0;
}

static void
actor_timers_fire(struct actor *actor, uint64_t now_ns)
{
    bool idle = mailbox_lane(actor) == LANE_COUNT;

    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++) {
        if (actor->timer_ns[i] > now_ns)
            continue;
        actor->timer_ns[i] = NEVER_NS;
        actor->timers_due |= 1u << i;
    }
    next_timer_find(actor);
    if (idle)
        actor->progress_ns = now_ns;
    mailbox_ready(actor);
}

void
timers_fire(struct runtime *runtime, uint64_t now_ns)
{
    for (unsigned id = 0; id < SVC_COUNT; id++) {
        struct actor *actor = &runtime->actors[id];

        if (actor->up && actor->next_timer_ns <= now_ns)
            actor_timers_fire(actor, now_ns);
    }
}

void
timers_ask(struct runtime *runtime)
{
    uint64_t alarm_ns = runtime->watchdog_ns;

    for (unsigned id = 0; id < SVC_COUNT; id++) {
        const struct actor *actor = &runtime->actors[id];

        if (actor->next_timer_ns < alarm_ns)
            alarm_ns = actor->next_timer_ns;
        if (actor->restart_ns < alarm_ns)
            alarm_ns = actor->restart_ns;
        if (actor->calm_ns < alarm_ns)
            alarm_ns = actor->calm_ns;
    }
    if (alarm_ns == runtime->alarm_ns)
        return;
    runtime->alarm_ns = alarm_ns;
    runtime->plat->ops->wake_at(runtime->plat, alarm_ns);
}

void
timers_watch(struct runtime *runtime)
{
    if (runtime->watchdog_ns != NEVER_NS)
        return;
    runtime->watchdog_ns =
        runtime->plat->ops->now_ns(runtime->plat) + RUNTIME_HANG_NS;
    timers_ask(runtime);
}

void
actor_timer_set(struct actor *self, unsigned timer, uint64_t deadline_ns)
{
    uint64_t old_ns;

    CHECK(timer < ACTOR_TIMERS_MAX);
    old_ns = self->timer_ns[timer];
    self->timers_due &= ~(1u << timer);
    if (old_ns == deadline_ns)
        return;
    self->timer_ns[timer] = deadline_ns;
    if (deadline_ns <= self->next_timer_ns)
        self->next_timer_ns = deadline_ns;
    else if (old_ns == self->next_timer_ns)
        next_timer_find(self);
    else
        return;
    timers_ask(self->runtime);
}

void
actor_timer_cancel(struct actor *self, unsigned timer)
{
    actor_timer_set(self, timer, NEVER_NS);
}
