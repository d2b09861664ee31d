/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster service: leadership, beacons, dispatch.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/manager_priv.h"

#define MEMORY_MAX_BYTES ((size_t)8 * 1024 * 1024)
#define WATCH_RETRY_NS (20 * NS_PER_MS)

void
manager_send(struct manager *manager, struct actor_address to, enum lane lane,
             uint16_t type, const struct wire_writer *writer)
{
    CHECK(wire_writer_finish(writer) == 0);
    /* What is lost is sent again by a deadline of ours or of the other end. */
    (void)!actor_send(manager->self, to, lane, type, manager->active_term,
                      writer->start, wire_writer_size(writer));
}

void
manager_to_member(struct manager *manager, uint64_t box, enum lane lane,
                  uint16_t type, const struct wire_writer *writer)
{
    struct actor_address to = {box, SVC_MEMBER};

    manager_send(manager, to, lane, type, writer);
}

void
manager_to_store(struct manager *manager, uint16_t type,
                 const struct wire_writer *writer)
{
    struct actor_address to = {0, SVC_STORE};

    manager_send(manager, to, LANE_CONTROL, type, writer);
}

uint64_t
manager_standby(const struct manager *manager)
{
    for (uint16_t number = 0; number < MODULE_POOL_NCC; number++) {
        const struct module *module =
            &manager->modules[module_id(ROLE_NCC, number)];
        const struct box *box;

        if (!module->present || module->row.key == 0 ||
            module->row.key == manager->facts->key)
            continue;
        box = mirror_box(manager, module->row.key);
        if (box != NULL && box->live == LIVE_YES)
            return box->key;
    }
    return 0;
}

/* --- Leadership --------------------------------------------------------- */

static void
beacon_send(struct manager *manager)
{
    struct beacon beacon = {
        .cluster_id = manager->facts->cluster_id,
        .term = manager->active_term,
        .standby = manager_standby(manager),
    };
    uint8_t bytes[32];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    beacon_write(&writer, &beacon);
    manager_to_member(manager, PLAT_ADDRESS_ALL, LANE_LIVENESS, MSG_BEACON,
                      &writer);
    /* A broadcast does not come back to its sender. */
    manager_to_member(manager, 0, LANE_LIVENESS, MSG_BEACON, &writer);
    actor_timer_set(manager->self, MANAGER_TIMER_BEACON,
                    actor_now_ns(manager->self) + CLUSTER_BEACON_NS);
}

void
manager_activate(struct manager *manager)
{
    CHECK(manager->ready_term != 0 && !manager->active);
    manager->active = true;
    manager->active_term = manager->ready_term;
    actor_trace(manager->self, TRACE_ACTIVE, manager->active_term, 0, 0, 0);
    roster_start(manager);
    check_later(manager);
    beacon_send(manager);
}

static void
lost(struct manager *manager)
{
    uint64_t term = manager->active_term;
    bool was_active = manager->active;

    if (manager->ready_term != 0)
        alarms_end(manager);
    manager->ready_term = 0;
    manager->active = false;
    txn_abandon(manager);
    verbs_lost(manager, 0);
    if (!was_active)
        return;
    actor_timer_cancel(manager->self, MANAGER_TIMER_BEACON);
    actor_timer_cancel(manager->self, MANAGER_TIMER_VOTER);
    roster_stop(manager);
    check_stop(manager);
    actor_trace(manager->self, TRACE_PASSIVE, term, 0, 0, 0);
}

static void
watch(struct manager *manager)
{
    struct store_watch wanted = {
        .conf = 1ull << TABLE_CLUSTER | 1ull << TABLE_PLAN |
                1ull << TABLE_CABLING | 1ull << TABLE_MODULE |
                1ull << TABLE_ROLE,
        .state = 1ull << (TABLE_SEEN - TABLE_CONF_END),
        .roles = true,
    };
    struct actor_address to = {0, SVC_STORE};
    uint8_t bytes[32];
    struct wire_writer writer;

    if (!manager->alarms_known)
        wanted.state |= 1ull << (TABLE_ALARM - TABLE_CONF_END);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_watch_write(&writer, &wanted);
    CHECK(wire_writer_finish(&writer) == 0);
    if (actor_send(manager->self, to, LANE_CONTROL, MSG_STORE_WATCH, 0, bytes,
                   wire_writer_size(&writer)) != 0)
        actor_timer_set(manager->self, MANAGER_TIMER_WATCH,
                        actor_now_ns(manager->self) + WATCH_RETRY_NS);
}

static void
role_take(struct manager *manager, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_role_change change;

    wire_reader_init(&reader, message->body, message->size);
    if (store_role_read(&reader, &change) != 0)
        return;
    switch (change.role) {
    case STORE_LEADER_READY:
        if (manager->ready_term != change.term) {
            lost(manager);
            manager->ready_term = change.term;
        }
        break;
    case STORE_LEADER_LOST: lost(manager); break;
    case STORE_RESTARTED:
        verbs_lost(manager, ERR_TIMEOUT); /* Nobody knows. */
        lost(manager);
        watch(manager);
        break;
    }
}

/* --- Dispatch ----------------------------------------------------------- */

static void
local_take(struct manager *manager, const struct actor_message *message)
{
    switch (message->type) {
    case MSG_STORE_DELTA: mirror_delta(manager, message); break;
    case MSG_STORE_ROLE: role_take(manager, message); break;
    case MSG_STORE_TXN_DONE: txn_outcome(manager, message); break;
    case MSG_STORE_VOTER_DONE: check_voter_done(manager, message); break;
    case MSG_STORE_TRANSFER_DONE: verbs_transfer_done(manager, message); break;
    case MSG_OPERATOR_REQ: verbs_request(manager, message); break;
    default: break;
    }
}

static void
member_take(struct manager *manager, const struct actor_message *message)
{
    if (!manager->active)
        return;
    switch (message->type) {
    case MSG_HELLO: roster_hello(manager, message); break;
    case MSG_JOIN_REQ: join_request(manager, message); break;
    case MSG_JOIN_PROOF: join_proof(manager, message); break;
    case MSG_JOIN_ACK: join_ack(manager, message); break;
    default: break;
    }
}

static void
timer_take(struct manager *manager, unsigned timer)
{
    switch ((enum manager_timer)timer) {
    case MANAGER_TIMER_BEACON:
        if (manager->active)
            beacon_send(manager);
        break;
    case MANAGER_TIMER_LEASE: roster_timer(manager); break;
    case MANAGER_TIMER_TXN: txn_timer(manager); break;
    case MANAGER_TIMER_BACKOFF: manager->backoff = false; break;
    case MANAGER_TIMER_CABLING: check_timer(manager); break;
    case MANAGER_TIMER_VOTER: check_voter_timer(manager); break;
    case MANAGER_TIMER_WATCH: watch(manager); break;
    }
}

static int
box_compare(const void *key, const struct tree_node *node)
{
    uint64_t wanted = *(const uint64_t *)key;
    uint64_t other = CONTAINER_OF(node, const struct box, node)->key;

    return (wanted > other) - (wanted < other);
}

/* A client of the store for each life of the service. */
static uint64_t
client_of(const struct box_facts *facts, uint32_t life)
{
    uint8_t bytes[16];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, facts->incarnation);
    wire_write_u32(&writer, SVC_CLUSTER);
    wire_write_u32(&writer, life);
    return hash64(facts->key, bytes, sizeof(bytes));
}

static int
start(struct actor *self, void **state)
{
    struct manager *manager = mem_zalloc(actor_mem(self), sizeof(*manager));

    if (manager == NULL)
        return ERR_NOMEM;
    manager->self = self;
    manager->plat = actor_plat(self);
    manager->mem = actor_mem(self);
    manager->facts = actor_facts(self);
    manager->alarms_known = actor_life(self) <= 1;
    manager->client = client_of(manager->facts, actor_life(self));
    cabling_plan_init(&manager->cabling);
    tree_init(&manager->boxes, box_compare);
    list_init(&manager->jobs);
    *state = manager;
    return 0;
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct manager *manager = state;

    CHECK(manager->self == self);
    switch (event->kind) {
    case EV_START: watch(manager); break;
    case EV_MESSAGE:
        if (event->u.message.from.service == SVC_MEMBER)
            member_take(manager, &event->u.message);
        else if (event->u.message.from.box == 0)
            local_take(manager, &event->u.message);
        break;
    case EV_TIMER: timer_take(manager, event->u.timer); break;
    case EV_CONTINUE:
    case EV_STORAGE:
    case EV_SESSION:
    case EV_DATAGRAM:
    case EV_PACKET:
    case EV_HARDWARE:
    case EV_FORWARDING:
    case EV_OPERATOR:
    case EV_ALARM: break;
    }
    return check_pump(manager) ? txn_pump(manager) : ACTOR_MORE;
}

const struct actor_kind cluster_kind = {
    .id = SVC_CLUSTER,
    .memory_max_bytes = MEMORY_MAX_BYTES,
    .start = start,
    .handle = handle,
};
