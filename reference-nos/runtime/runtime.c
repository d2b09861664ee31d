/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs of a box and the dispatch of its services.
 */
#include "reference-nos/runtime/runtime.h"

#include "reference-nos/platform/mutation.h"
#include "reference-nos/runtime/runtime_priv.h"

static void
actor_init(struct runtime *runtime, struct actor *actor)
{
    actor->runtime = runtime;
    actor->restart_ns = NEVER_NS;
    actor->calm_ns = NEVER_NS;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        list_init(&actor->mail[lane]);
    timers_clear(actor);
}

/* Two planted bugs that keep the harness honest: one that every run must
 * catch, one that no run may. */
static void
mutants_run(struct runtime *runtime)
{
    struct plat *plat = runtime->plat;
    struct trace_record record = {.kind = TRACE_WRITE_ACCEPTED};

    if (mutation_awake(plat, MUTATION_CANARY)) {
        record.a = 2;
        plat->ops->trace(plat, &record);
        record.a = 1;
        plat->ops->trace(plat, &record);
    }
    if (mutation_awake(plat, MUTATION_EQUIVALENT))
        runtime->alarm_ns = NEVER_NS;
}

int
runtime_create_part(struct plat *plat, const struct actor_kind *const *kinds,
                    size_t kind_count, uint32_t lives,
                    const struct runtime_elsewhere *elsewhere,
                    struct runtime **out)
{
    struct mem_source source = supervisor_source(plat);
    struct mem *mem = mem_create(&source, MEM_NO_LIMIT);
    struct runtime *runtime;

    if (mem == NULL)
        return ERR_NOMEM;
    runtime = mem_zalloc(mem, sizeof(*runtime));
    if (runtime == NULL) {
        mem_destroy(mem);
        return ERR_NOMEM;
    }
    runtime->plat = plat;
    runtime->mem = mem;
    runtime->kinds = kinds;
    runtime->kind_count = kind_count;
    runtime->elsewhere = elsewhere;
    runtime->alarm_ns = NEVER_NS;
    runtime->watchdog_ns = NEVER_NS;
    for (unsigned id = 0; id < SVC_COUNT; id++)
        actor_init(runtime, &runtime->actors[id]);
    for (size_t i = 0; i < kind_count; i++) {
        CHECK(kinds[i]->id < SVC_COUNT);
        runtime->actors[kinds[i]->id].kind = kinds[i];
        runtime->actors[kinds[i]->id].lives = lives;
    }
    *out = runtime;
    mutants_run(runtime);
    for (size_t i = 0; i < kind_count; i++)
        supervisor_start(&runtime->actors[kinds[i]->id]);
    return 0;
}

int
runtime_create(struct plat *plat, const struct actor_kind *const *kinds,
               size_t kind_count, struct runtime **out)
{
    return runtime_create_part(plat, kinds, kind_count, 0, NULL, out);
}

void
runtime_destroy(struct runtime *runtime)
{
    struct mem *mem;

    if (runtime == NULL)
        return;
    for (unsigned id = 0; id < SVC_COUNT; id++)
        mem_destroy(runtime->actors[id].mem);
    mem = runtime->mem;
    mem_destroy(mem);
}

void
runtime_alarm(struct runtime *runtime)
{
    uint64_t now_ns = runtime->plat->ops->now_ns(runtime->plat);

    runtime->alarm_ns = NEVER_NS;
    if (runtime->restarting)
        return;
    timers_fire(runtime, now_ns);
    supervisor_alarm(runtime, now_ns);
    timers_ask(runtime);
}

/* Hands an input to the service that takes it. */
static void
input(struct runtime *runtime, unsigned takes, enum lane lane,
      const struct actor_event *event)
{
    if (runtime->restarting)
        return;
    for (unsigned id = 0; id < SVC_COUNT; id++) {
        struct actor *actor = &runtime->actors[id];

        if (actor->kind != NULL && (actor->kind->takes & takes))
            mailbox_offer(actor, lane, event);
    }
}

void
runtime_datagram(struct runtime *runtime, enum plane plane, uint64_t from,
                 enum lane lane, const void *bytes, size_t size)
{
    struct actor_event event = {
        .kind = EV_DATAGRAM,
        .u.datagram = {.plane = plane,
                       .from = from,
                       .bytes = bytes,
                       .size = size},
    };

    input(runtime, TAKES_DATAGRAMS, lane, &event);
}

void
runtime_packet(struct runtime *runtime, unsigned fabric_port,
               const void *bytes, size_t size)
{
    struct actor_event event = {
        .kind = EV_PACKET,
        .u.packet = {.port = fabric_port, .bytes = bytes, .size = size},
    };

    input(runtime, TAKES_PACKETS, LANE_CONTROL, &event);
}

void
runtime_storage_done(struct runtime *runtime, unsigned service, uint64_t token,
                     int status)
{
    struct actor_event event = {
        .kind = EV_STORAGE,
        .u.storage = {.token = token, .status = status},
    };
    int error;

    if (runtime->restarting || service >= SVC_COUNT)
        return;
    error = mailbox_put(&runtime->actors[service], LANE_CONTROL, &event);
    /* Nobody repeats it: a new life looks at what is on the disk. */
    if (error == ERR_FULL || error == ERR_NOMEM)
        supervisor_bury(&runtime->actors[service], error);
}

void
runtime_hardware_changed(struct runtime *runtime,
                         const struct hw_change *change)
{
    struct actor_event event = {.kind = EV_HARDWARE, .u.hardware = *change};

    input(runtime, TAKES_HARDWARE, LANE_CONTROL, &event);
}

void
runtime_forwarding_changed(struct runtime *runtime,
                           const struct fwd_change *change)
{
    struct actor_event event = {
        .kind = EV_FORWARDING,
        .u.forwarding = *change,
    };

    if (change->kind == FWD_ROUTES_DONE)
        input(runtime, TAKES_ROUTES, LANE_CONTROL, &event);
    else
        input(runtime, TAKES_FORWARDING, LANE_CONTROL, &event);
}

void
runtime_operator(struct runtime *runtime, uint64_t token, const void *bytes,
                 size_t size)
{
    struct actor_event event = {
        .kind = EV_OPERATOR,
        .u.operation = {.token = token, .bytes = bytes, .size = size},
    };

    input(runtime, TAKES_OPERATOR, LANE_CONTROL, &event);
}

int
runtime_offer(struct runtime *runtime, unsigned service, enum lane lane,
              const struct actor_event *event)
{
    if (runtime->restarting || service >= SVC_COUNT)
        return ERR_UNREACHABLE;
    return mailbox_put(&runtime->actors[service], lane, event);
}

enum lane
runtime_pending(const struct runtime *runtime, unsigned service)
{
    if (runtime->restarting || service >= SVC_COUNT)
        return LANE_COUNT;
    return mailbox_lane(&runtime->actors[service]);
}

unsigned
runtime_waiting(const struct runtime *runtime, unsigned service)
{
    return service < SVC_COUNT ? mailbox_waiting(&runtime->actors[service])
                               : 0;
}

bool
runtime_starting(const struct runtime *runtime, unsigned service)
{
    return service < SVC_COUNT && runtime->actors[service].start_due;
}

/* Lets the service handle one event.  The service may be buried inside. */
static void
handle(struct actor *actor, enum lane lane, const struct actor_event *event)
{
    struct runtime *runtime = actor->runtime;
    struct plat *plat = runtime->plat;
    int result;

    actor->handler_start_ns = plat->ops->now_ns(plat);
    plat->ops->charge(plat, COST_DISPATCH, 1);
    actor->events++;
    runtime->running = actor;
    runtime->running_doomed = false;
    result = actor->kind->handle(actor, actor->state, event);
    runtime->running = NULL;
    if (runtime->running_doomed)
        return;
    actor->progress_ns = plat->ops->now_ns(plat);
    if (result > 0) {
        actor_log(actor, SEVERITY_ERROR, "service ends: %s", err_text(result));
        supervisor_bury(actor, result);
    } else if (result == ACTOR_MORE) {
        actor->more_due = true;
        actor->more_lane = lane;
    }
}

/* Timers go before mail: a late heartbeat is an election. */
static bool
handle_due(struct actor *actor)
{
    struct actor_event event = {.kind = EV_START};

    if (actor->start_due) {
        actor->start_due = false;
        actor_charge(actor, COST_SERVICE_START, 1);
        handle(actor, LANE_LIVENESS, &event);
        return true;
    }
    if (actor->timers_due != 0) {
        event.kind = EV_TIMER;
        event.u.timer = (unsigned)__builtin_ctz(actor->timers_due);
        actor->timers_due &= actor->timers_due - 1;
        handle(actor, LANE_LIVENESS, &event);
        return true;
    }
    return false;
}

void
runtime_dispatch(struct runtime *runtime, unsigned service)
{
    enum lane lane = runtime_pending(runtime, service);
    struct actor *actor;
    struct mail *mail;

    if (lane == LANE_COUNT)
        return;
    actor = &runtime->actors[service];
    if (handle_due(actor))
        return;
    if (actor->more_due && actor->more_lane == lane) {
        struct actor_event event = {.kind = EV_CONTINUE};

        actor->more_due = false;
        handle(actor, lane, &event);
        return;
    }
    mail = mailbox_take(actor, lane);
    CHECK(mail != NULL);
    handle(actor, lane, &mail->event);
    mailbox_free(actor, mail);
}

int
runtime_kill(struct runtime *runtime, unsigned service)
{
    struct actor *actor;

    if (service >= SVC_COUNT)
        return ERR_NOENT;
    actor = &runtime->actors[service];
    if (actor->kind == NULL || !actor->up)
        return ERR_NOENT;
    supervisor_bury(actor, 0);
    return 0;
}

int
runtime_stats(const struct runtime *runtime, unsigned service,
              struct runtime_service_stats *stats)
{
    const struct actor *actor;

    if (service >= SVC_COUNT || runtime->actors[service].kind == NULL)
        return ERR_NOENT;
    actor = &runtime->actors[service];
    stats->up = actor->up;
    stats->lives = actor->lives;
    stats->memory_bytes = actor->mem != NULL ? mem_used_bytes(actor->mem) : 0;
    stats->memory_peak_bytes =
        actor->mem != NULL ? mem_peak_bytes(actor->mem) : 0;
    stats->mailbox_count = actor->mail_count;
    stats->mailbox_peak = actor->mail_peak;
    stats->events = actor->events;
    return 0;
}

size_t
runtime_held_bytes(const struct runtime *runtime)
{
    size_t bytes = mem_held_bytes(runtime->mem);

    for (unsigned id = 0; id < SVC_COUNT; id++) {
        const struct mem *mem = runtime->actors[id].mem;

        bytes += mem != NULL ? mem_held_bytes(mem) : 0;
    }
    return bytes;
}

const char *
service_name(unsigned service)
{
    static const char *const names[SVC_COUNT] = {
        "none",     "bus",    "store",    "member", "cluster",
        "hardware", "fabric", "operator", "rib",    "fib",
    };

    return service < SVC_COUNT ? names[service] : "?";
}
