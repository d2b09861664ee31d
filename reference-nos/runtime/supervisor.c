/* SPDX-License-Identifier: Apache-2.0
 *
 * Births and deaths of services.
 */
#include "reference-nos/runtime/runtime_priv.h"

_Static_assert(SVC_COUNT <= ACTOR_ALARM_ITEMS_MAX, "an alarm for each");

static void *
chunk_take(void *arg, size_t size)
{
    struct plat *plat = arg;

    return plat->ops->chunk_take(plat, size);
}

static void
chunk_give(void *arg, void *chunk, size_t size)
{
    struct plat *plat = arg;

    plat->ops->chunk_give(plat, chunk, size);
}

struct mem_source
supervisor_source(struct plat *plat)
{
    return (struct mem_source){chunk_take, chunk_give, plat};
}

/* The bus of this box lost its sessions with its context. */
static void
tell_sessions_lost(struct runtime *runtime)
{
    struct actor_event event = {.kind = EV_SESSION};

    for (unsigned id = 0; id < SVC_COUNT; id++) {
        struct actor *actor = &runtime->actors[id];

        if (actor->kind != NULL && (actor->kind->takes & TAKES_SESSIONS))
            mailbox_offer(actor, LANE_CONTROL, &event);
    }
}

/* Its alarm, if raised, clears when this life has lasted for the window. */
static void
calm_arm(struct actor *actor, uint64_t now_ns)
{
    if (!alarms_raised(actor->runtime, ALARM_SERVICE, actor->kind->id))
        return;
    actor->calm_ns = now_ns + RUNTIME_RESTART_WINDOW_NS;
    timers_ask(actor->runtime);
}

void
supervisor_start(struct actor *actor)
{
    struct runtime *runtime = actor->runtime;
    struct plat *plat = runtime->plat;
    struct mem_source source = supervisor_source(plat);
    int err;

    actor->restart_ns = NEVER_NS;
    actor->lives++;
    timers_clear(actor);
    actor->mem = mem_create(&source, actor->kind->memory_max_bytes);
    if (actor->mem == NULL) {
        supervisor_bury(actor, ERR_NOMEM);
        return;
    }
    actor->up = true;
    actor->start_due = true;
    actor->more_due = false;
    actor->progress_ns = plat->ops->now_ns(plat);
    err = actor->kind->start(actor, &actor->state);
    if (err != 0) {
        supervisor_bury(actor, err);
        return;
    }
    actor_trace(actor, TRACE_SERVICE_STARTED, actor->kind->id, actor->lives, 0,
                0);
    if (actor->lives > 1 && (actor->kind->takes & TAKES_REMOTE))
        tell_sessions_lost(runtime);
    if (actor->lives > 1 && (actor->kind->takes & TAKES_ALARMS))
        alarms_tell(actor);
    calm_arm(actor, actor->progress_ns);
    mailbox_ready(actor);
}

/* Has it died too often? */
static bool
budget_used_up(struct actor *actor, uint64_t now_ns)
{
    uint64_t oldest_ns;

    actor->deaths_ns[actor->death_count % RUNTIME_RESTARTS_MAX] = now_ns;
    actor->death_count++;
    if (actor->death_count < RUNTIME_RESTARTS_MAX)
        return false;
    oldest_ns = actor->deaths_ns[actor->death_count % RUNTIME_RESTARTS_MAX];
    return now_ns - oldest_ns < RUNTIME_RESTART_WINDOW_NS;
}

/* Deaths within the window, the last one among them. */
static unsigned
deaths_lately(const struct actor *actor, uint64_t now_ns)
{
    unsigned known = actor->death_count < RUNTIME_RESTARTS_MAX
                         ? actor->death_count
                         : RUNTIME_RESTARTS_MAX;
    unsigned count = 1;

    for (unsigned i = 1; i < known; i++) {
        unsigned slot = (actor->death_count - 1 - i) % RUNTIME_RESTARTS_MAX;

        count += now_ns - actor->deaths_ns[slot] < RUNTIME_RESTART_WINDOW_NS;
    }
    return count;
}

/* A service that falls again and again is told before its budget is used
 * up; one death alone is not. */
static void
alarm_judge(struct actor *actor, unsigned deaths)
{
    actor->calm_ns = NEVER_NS;
    if (deaths >= RUNTIME_ALARM_DEATHS)
        actor_alarm(actor, ALARM_SERVICE, actor->kind->id, true, deaths);
}

void
supervisor_bury(struct actor *actor, int error)
{
    struct runtime *runtime = actor->runtime;
    struct plat *plat = runtime->plat;
    uint64_t now_ns = plat->ops->now_ns(plat);
    size_t used = actor->mem != NULL ? mem_used_bytes(actor->mem) : 0;
    unsigned deaths;

    if (runtime->running == actor)
        runtime->running_doomed = true;
    actor_trace(actor, TRACE_SERVICE_DIED, actor->kind->id, actor->lives,
                (uint64_t)error, used);
    actor->up = false;
    actor->start_due = false;
    actor->more_due = false;
    mailbox_clear(actor);
    timers_clear(actor);
    mem_destroy(actor->mem);
    actor->mem = NULL;
    actor->state = NULL;
    if (budget_used_up(actor, now_ns)) {
        runtime->restarting = true;
        actor_trace(actor, TRACE_BOX_RESTART, REBOOT_SERVICE_BUDGET,
                    actor->kind->id, 0, 0);
        plat->ops->restart(plat, REBOOT_SERVICE_BUDGET);
        return;
    }
    deaths = deaths_lately(actor, now_ns);
    actor->restart_ns = now_ns + (RUNTIME_RESTART_BACKOFF_NS << (deaths - 1));
    alarm_judge(actor, deaths);
    timers_ask(runtime);
}

/* A service that has had work and done none of it is hung. */
static void
watchdog(struct runtime *runtime, uint64_t now_ns)
{
    bool any_busy = false;

    if (runtime->watchdog_ns > now_ns)
        return;
    runtime->watchdog_ns = NEVER_NS;
    for (unsigned id = 0; id < SVC_COUNT; id++) {
        struct actor *actor = &runtime->actors[id];

        if (mailbox_lane(actor) == LANE_COUNT)
            continue;
        /* 'progress_ns' may lie a little ahead: a handler's own time. */
        if (now_ns >= actor->progress_ns + RUNTIME_HANG_NS) {
            actor_log(actor, SEVERITY_ERROR, "service hung, killed");
            supervisor_bury(actor, ERR_TIMEOUT);
        } else {
            any_busy = true;
        }
    }
    if (any_busy)
        timers_watch(runtime);
}

void
supervisor_alarm(struct runtime *runtime, uint64_t now_ns)
{
    watchdog(runtime, now_ns);
    for (unsigned id = 0; id < SVC_COUNT && !runtime->restarting; id++) {
        struct actor *actor = &runtime->actors[id];

        if (actor->restart_ns <= now_ns)
            supervisor_start(actor);
        if (actor->calm_ns <= now_ns) {
            actor->calm_ns = NEVER_NS;
            actor_alarm(actor, ALARM_SERVICE, id, false, 0);
        }
    }
}
