/* SPDX-License-Identifier: Apache-2.0
 *
 * What a service can ask of the runtime.
 */
#include "reference-nos/runtime/actor.h"

#include "reference-nos/base/fmt.h"
#include "reference-nos/runtime/runtime_priv.h"

#include <stdarg.h>

#define LOG_TEXT_MAX 256

struct plat *
actor_plat(struct actor *self)
{
    return self->runtime->plat;
}

const struct box_facts *
actor_facts(struct actor *self)
{
    return self->runtime->plat->facts;
}

struct mem *
actor_mem(struct actor *self)
{
    return self->mem;
}

const struct actor_kind *
actor_kind(struct actor *self)
{
    return self->kind;
}

unsigned
actor_service(struct actor *self)
{
    return self->kind->id;
}

uint32_t
actor_life(struct actor *self)
{
    return self->lives;
}

uint64_t
actor_now_ns(struct actor *self)
{
    struct plat *plat = actor_plat(self);

    return plat->ops->now_ns(plat);
}

uint64_t
actor_random(struct actor *self)
{
    struct plat *plat = actor_plat(self);

    return plat->ops->random(plat);
}

uint64_t
actor_random_range(struct actor *self, uint64_t low, uint64_t high)
{
    uint64_t span = high - low + 1;
    uint64_t limit;
    uint64_t draw;

    CHECK(low <= high);
    if (span == 0)
        return actor_random(self);
    /* Draws past the last whole multiple of the span would favour some. */
    limit = UINT64_MAX - UINT64_MAX % span;
    do {
        draw = actor_random(self);
    } while (draw >= limit);
    return low + draw % span;
}

void
actor_charge(struct actor *self, enum cost cost, uint64_t units)
{
    struct plat *plat = actor_plat(self);

    plat->ops->charge(plat, cost, units);
}

bool
actor_quantum_over(struct actor *self)
{
    return actor_now_ns(self) - self->handler_start_ns >= PLAT_QUANTUM_NS;
}

static size_t
body_max(enum lane lane)
{
    switch (lane) {
    case LANE_LIVENESS: return ACTOR_BODY_LIVENESS_MAX;
    case LANE_CONTROL: return ACTOR_BODY_CONTROL_MAX;
    case LANE_BULK:
    case LANE_TELEMETRY: return ACTOR_BODY_BULK_MAX;
    case LANE_COUNT: break;
    }
    return 0;
}

static struct actor *
remote_door(struct runtime *runtime)
{
    for (unsigned id = 0; id < SVC_COUNT; id++) {
        struct actor *actor = &runtime->actors[id];

        if (actor->kind != NULL && (actor->kind->takes & TAKES_REMOTE))
            return actor;
    }
    return NULL;
}

int
actor_send(struct actor *self, struct actor_address to, enum lane lane,
           uint16_t type, uint64_t epoch, const void *body, size_t size)
{
    struct runtime *runtime = self->runtime;
    struct actor_event event = {
        .kind = EV_MESSAGE,
        .u.message = {.from = {0, (uint8_t)self->kind->id},
                      .to = to,
                      .lane = lane,
                      .type = type,
                      .epoch = epoch,
                      .body = body,
                      .size = size},
    };
    struct actor *receiver;

    CHECK(lane < LANE_COUNT);
    if (size > body_max(lane))
        return ERR_RANGE;
    if (to.box == 0 || to.box == runtime->plat->facts->key) {
        if (to.service >= SVC_COUNT)
            return ERR_INVALID;
        event.u.message.to.box = 0;
        receiver = &runtime->actors[to.service];
    } else {
        receiver = remote_door(runtime);
    }
    if (runtime->elsewhere != NULL &&
        (receiver == NULL || receiver->kind == NULL))
        return runtime->elsewhere->message(runtime->elsewhere->arg,
                                           &event.u.message);
    if (receiver == NULL)
        return ERR_UNREACHABLE;
    return mailbox_put(receiver, lane, &event);
}

int
actor_deliver(struct actor *self, const struct actor_message *message)
{
    struct actor_event event = {.kind = EV_MESSAGE, .u.message = *message};
    const struct runtime_elsewhere *elsewhere = self->runtime->elsewhere;
    struct actor *receiver;

    if (message->to.service >= SVC_COUNT || message->lane >= LANE_COUNT)
        return ERR_INVALID;
    receiver = &self->runtime->actors[message->to.service];
    if (elsewhere != NULL && receiver->kind == NULL)
        return elsewhere->message(elsewhere->arg, message);
    return mailbox_put(receiver, message->lane, &event);
}

void
actor_session(struct actor *self, uint64_t box, uint64_t incarnation, bool up)
{
    struct runtime *runtime = self->runtime;
    struct actor_event event = {
        .kind = EV_SESSION,
        .u.session = {.box = box, .incarnation = incarnation, .up = up},
    };

    for (unsigned id = 0; id < SVC_COUNT; id++) {
        struct actor *actor = &runtime->actors[id];

        if (actor->kind != NULL && (actor->kind->takes & TAKES_SESSIONS))
            mailbox_offer(actor, LANE_CONTROL, &event);
    }
    if (runtime->elsewhere != NULL)
        runtime->elsewhere->session(runtime->elsewhere->arg, box, incarnation,
                                    up);
    else
        actor_trace(self, TRACE_SESSION, box, up, incarnation, 0);
}

void
actor_operator_reply(struct actor *self, uint64_t token, const void *bytes,
                     size_t size)
{
    struct plat *plat = actor_plat(self);

    plat->ops->operator_reply(plat, token, bytes, size);
}

void
actor_trace(struct actor *self, enum trace_kind kind, uint64_t a, uint64_t b,
            uint64_t c, uint64_t d)
{
    struct plat *plat = actor_plat(self);
    struct trace_record record = {
        .kind = kind,
        .service = (uint8_t)self->kind->id,
        .a = a,
        .b = b,
        .c = c,
        .d = d,
    };

    plat->ops->trace(plat, &record);
}

void
actor_log(struct actor *self, enum severity severity, const char *format, ...)
{
    struct plat *plat = actor_plat(self);
    char text[LOG_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    plat->ops->log(plat, self->kind->id, severity, text);
}
