/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/bus/bus_service.h"

#include "reference-nos/bus/bus.h"

#define TIMER_BUS 0u
#define MEMORY_MAX_BYTES (64 * MIB)
/* Life of the service within a boot, below the boot in the incarnation. */
#define LIFE_BITS 16
#define LIFE_MASK ((1u << LIFE_BITS) - 1)
#define KIB_SHIFT 10

_Static_assert(BUS_LIVENESS_MAX >= ACTOR_BODY_LIVENESS_MAX, "bodies fit");
_Static_assert(BUS_CONTROL_MAX >= ACTOR_BODY_CONTROL_MAX, "bodies fit");
_Static_assert(BUS_BULK_MAX >= ACTOR_BODY_BULK_MAX, "bodies fit");
_Static_assert(BUS_TELEMETRY_MAX >= ACTOR_BODY_BULK_MAX, "bodies fit");

struct service {
    struct actor *self;
    struct bus *bus;
    uint64_t armed_ns; /* the deadline the timer is set to */
    /* Depths told last, bytes. */
    size_t traced_send[LANE_COUNT];
    size_t traced_receive;
    enum plane_state plane_told[PLANE_COUNT];
};

static void
charge_datagram(struct actor *self, size_t size)
{
    actor_charge(self, COST_DATAGRAM, 1);
    if (size >> KIB_SHIFT > 0)
        actor_charge(self, COST_BYTES, size >> KIB_SHIFT);
}

static void
transmit(void *arg, enum plane plane, uint64_t to, enum lane lane,
         const void *bytes, size_t size)
{
    struct service *service = arg;
    struct plat *plat = actor_plat(service->self);

    charge_datagram(service->self, size);
    plat->ops->datagram_send(plat, plane, to, lane, bytes, size);
}

static int
deliver(void *arg, const struct bus_message *message)
{
    struct service *service = arg;
    struct actor_message to_service = {
        .from = {.box = message->peer, .service = message->from_service},
        .to = {.box = 0, .service = message->to_service},
        .lane = message->lane,
        .type = message->type,
        .epoch = message->epoch,
        .body = message->body,
        .size = message->size,
    };

    if (message->to_service == SVC_BUS)
        return ERR_INVALID;
    return actor_deliver(service->self, &to_service);
}

static void
session(void *arg, uint64_t peer, uint64_t incarnation, bool up)
{
    struct service *service = arg;

    actor_session(service->self, peer, incarnation, up);
}

static uint64_t
wall_ns(void *arg)
{
    struct service *service = arg;
    struct plat *plat = actor_plat(service->self);

    return plat->ops->wall_ns(plat);
}

static const struct bus_ops ops = {
    .transmit = transmit,
    .deliver = deliver,
    .session = session,
    .wall_ns = wall_ns,
};

static int
start(struct actor *self, void **state)
{
    const struct box_facts *facts = actor_facts(self);
    uint64_t incarnation =
        facts->incarnation << LIFE_BITS | (actor_life(self) & LIFE_MASK);
    struct service *service = mem_zalloc(actor_mem(self), sizeof(*service));

    if (service == NULL)
        return ERR_NOMEM;
    service->self = self;
    service->armed_ns = TIME_NEVER_NS;
    *state = service;
    return bus_create(actor_mem(self), &ops, service, facts->key, incarnation,
                      &service->bus);
}

/* Tells how deep a queue got, each time that doubled. */
static void
trace_depth(struct service *service, enum bound bound, size_t *traced,
            size_t depth, size_t limit)
{
    if (depth == 0 || depth < 2 * *traced)
        return;
    *traced = depth;
    actor_trace(service->self, TRACE_BOUND, bound, depth, limit, 0);
}

static void
send_message(struct service *service, const struct actor_message *message)
{
    struct bus_message out = {
        .peer = message->to.box,
        .lane = message->lane,
        .from_service = message->from.service,
        .to_service = message->to.service,
        .type = message->type,
        .epoch = message->epoch,
        .body = message->body,
        .size = message->size,
    };
    uint64_t now_ns = actor_now_ns(service->self);
    int error = bus_send(service->bus, now_ns, &out);

    if (error == 0 && message->lane != LANE_LIVENESS)
        trace_depth(service, BOUND_BUS_SEND,
                    &service->traced_send[message->lane],
                    bus_queued_bytes(service->bus, out.peer, out.lane),
                    bus_queue_max_bytes(out.lane));
    if (error == 0)
        return;
    actor_log(service->self, SEVERITY_WARNING,
              "message %u to %llx of service %u not sent: %s", message->type,
              (unsigned long long)message->to.box, message->to.service,
              err_text(error));
    if (error == ERR_FULL || error == ERR_NOMEM)
        bus_abort(service->bus, message->to.box);
}

/* The runtime knows what a former life of ours has told. */
static void
tell_planes(struct service *service)
{
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        enum plane_state state = bus_plane(service->bus, (enum plane)plane);

        if (state == service->plane_told[plane])
            continue;
        service->plane_told[plane] = state;
        actor_alarm(service->self, ALARM_MANAGEMENT_PLANE, plane,
                    state == PLANE_SILENT, 0);
    }
}

static void
arm(struct service *service, uint64_t deadline_ns)
{
    if (deadline_ns == service->armed_ns)
        return;
    service->armed_ns = deadline_ns;
    if (deadline_ns == TIME_NEVER_NS)
        actor_timer_cancel(service->self, TIMER_BUS);
    else
        actor_timer_set(service->self, TIMER_BUS, deadline_ns);
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct service *service = state;
    uint64_t now_ns = actor_now_ns(self);
    uint64_t deadline_ns;

    switch (event->kind) {
    case EV_MESSAGE: send_message(service, &event->u.message); break;
    case EV_DATAGRAM:
        charge_datagram(self, event->u.datagram.size);
        bus_datagram(service->bus, now_ns, event->u.datagram.plane,
                     event->u.datagram.from, event->u.datagram.bytes,
                     event->u.datagram.size);
        trace_depth(service, BOUND_BUS_RECEIVE, &service->traced_receive,
                    bus_counters(service->bus)->assembly_peak_bytes,
                    BUS_ASSEMBLY_BYTES);
        tell_planes(service);
        break;
    case EV_TIMER:
        service->armed_ns = TIME_NEVER_NS;
        bus_tick(service->bus, now_ns);
        break;
    case EV_CONTINUE: bus_tick(service->bus, now_ns); break;
    case EV_START:
    case EV_STORAGE:
    case EV_SESSION:
    case EV_PACKET:
    case EV_HARDWARE:
    case EV_FORWARDING:
    case EV_OPERATOR:
    case EV_ALARM: break;
    }
    deadline_ns = bus_deadline_ns(service->bus);
    if (deadline_ns == 0)
        return ACTOR_MORE;
    arm(service, deadline_ns);
    return ACTOR_DONE;
}

const struct bus *
bus_service_bus(const void *state)
{
    const struct service *service = state;

    return service->bus;
}

const struct actor_kind bus_kind = {
    .id = SVC_BUS,
    .takes = TAKES_DATAGRAMS | TAKES_REMOTE,
    .memory_max_bytes = MEMORY_MAX_BYTES,
    .start = start,
    .handle = handle,
};
