/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is there: leases of members, as the active controller counts them.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/manager_priv.h"

/* A box that was offered a number writes its card before it is heard. */
#define EXPECT_NS (10 * NS_PER_S)
/* Alarms about requests end when nobody has asked for this long. */
#define REQUEST_ALARM_NS (60 * NS_PER_S)

static void
peer_tell(struct manager *manager, uint64_t key, bool up)
{
    struct store_peer peer = {key, up};
    uint8_t bytes[16];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_peer_write(&writer, &peer);
    manager_to_store(manager, MSG_STORE_PEER, &writer);
}

static void
lease_set(struct manager *manager, struct box *box, uint64_t span_ns)
{
    box->lease_ns = actor_now_ns(manager->self) + span_ns;
}

void
roster_counts(struct manager *manager)
{
    unsigned members = 0, forwarding = 0;
    struct tree_node *node;

    TREE_FOR_EACH(node, &manager->boxes)
    {
        const struct box *box = CONTAINER_OF(node, struct box, node);

        if (box->module == MODULE_NONE || box->live != LIVE_YES)
            continue;
        members++;
        forwarding += box->forwarding;
    }
    if (manager->counts_told && members == manager->members_told &&
        forwarding == manager->forwarding_told)
        return;
    manager->counts_told = true;
    manager->members_told = members;
    manager->forwarding_told = forwarding;
    actor_trace(manager->self, TRACE_CONVERGED, members, forwarding, 0, 0);
}

void
roster_start(struct manager *manager)
{
    uint64_t now_ns = actor_now_ns(manager->self);
    struct tree_node *node;

    manager->counts_told = false;
    for (unsigned id = 0; id < FWD_MODULES_MAX; id++)
        manager->modules[id].rest_ns = now_ns;
    TREE_FOR_EACH(node, &manager->boxes)
    {
        struct box *box = CONTAINER_OF(node, struct box, node);

        box->live = box->module == MODULE_NONE ? LIVE_AWAY : LIVE_UNSURE;
        box->forwarding = false;
        lease_set(manager, box, CLUSTER_LEASE_NS);
    }
    actor_timer_set(manager->self, MANAGER_TIMER_LEASE,
                    now_ns + CLUSTER_LEASE_NS);
}

void
roster_stop(struct manager *manager)
{
    struct tree_node *node;

    TREE_FOR_EACH(node, &manager->boxes)
    {
        struct box *box = CONTAINER_OF(node, struct box, node);

        join_drop(manager, box);
        box->live = LIVE_AWAY;
    }
    actor_timer_cancel(manager->self, MANAGER_TIMER_LEASE);
}

void
roster_expect(struct manager *manager, struct box *box)
{
    lease_set(manager, box, EXPECT_NS);
    if (box->live == LIVE_AWAY)
        box->live = LIVE_UNSURE;
}

void
roster_alive(struct manager *manager, struct box *box)
{
    struct module *module = &manager->modules[box->module];

    lease_set(manager, box, CLUSTER_LEASE_NS);
    if (box->live == LIVE_YES)
        return;
    box->live = LIVE_YES;
    box->settle_ns = actor_now_ns(manager->self);
    actor_trace(manager->self, TRACE_MEMBER, box->module, 1,
                manager->active_term, 0);
    manager_alarm(manager, &module->away_raised, false, ALARM_MODULE_AWAY,
                  box->module, 0);
    peer_tell(manager, box->key, true);
    check_later(manager);
    check_voters(manager);
    roster_counts(manager);
}

static void
gone(struct manager *manager, struct box *box)
{
    box->live = LIVE_AWAY;
    box->forwarding = false;
    peer_tell(manager, box->key, false);
    if (box->module == MODULE_NONE)
        return;
    actor_trace(manager->self, TRACE_MEMBER, box->module, 0,
                manager->active_term, 0);
    manager_alarm(manager, &manager->modules[box->module].away_raised, true,
                  ALARM_MODULE_AWAY, box->module, 0);
}

static void
request_alarms_age(struct manager *manager, uint64_t now_ns)
{
    for (unsigned id = 0; id < FWD_MODULES_MAX; id++) {
        struct module *module = &manager->modules[id];

        if (now_ns - module->duplicate_ns >= REQUEST_ALARM_NS)
            manager_alarm(manager, &module->duplicate_raised, false,
                          ALARM_DUPLICATE_SERIAL, id, 0);
        /* Removed: nobody is away. */
        if (module->row.key == 0)
            manager_alarm(manager, &module->away_raised, false,
                          ALARM_MODULE_AWAY, id, 0);
    }
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        if (now_ns - manager->pool_ns[role] >= REQUEST_ALARM_NS)
            manager_alarm(manager, &manager->pool_raised[role], false,
                          ALARM_POOL_EXHAUSTED, role, 0);
}

void
roster_timer(struct manager *manager)
{
    uint64_t now_ns = actor_now_ns(manager->self);
    uint64_t next_ns = now_ns + CLUSTER_LEASE_NS;
    bool changed = false;
    struct tree_node *node;

    if (!manager->active)
        return;
    TREE_FOR_EACH(node, &manager->boxes)
    {
        struct box *box = CONTAINER_OF(node, struct box, node);

        if (box->live == LIVE_AWAY)
            continue;
        if (box->lease_ns <= now_ns) {
            gone(manager, box);
            changed = true;
        } else if (box->lease_ns < next_ns) {
            next_ns = box->lease_ns;
        }
    }
    if (changed)
        roster_counts(manager);
    request_alarms_age(manager, now_ns);
    actor_timer_set(manager->self, MANAGER_TIMER_LEASE, next_ns);
}

static void
hello_answer(struct manager *manager, uint64_t to, bool known)
{
    struct hello_ack ack = {
        .term = manager->active_term,
        .lease_ms = (uint32_t)(CLUSTER_LEASE_NS / NS_PER_MS),
        .known = known,
    };
    uint8_t bytes[32];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    hello_ack_write(&writer, &ack);
    manager_to_member(manager, to, LANE_LIVENESS, MSG_HELLO_ACK, &writer);
}

static void
stranger(struct manager *manager, struct box *box, uint64_t key,
         const struct hello *hello)
{
    if (box != NULL && box->left_boot == hello->incarnation &&
        box->left_boot != 0)
        join_reject(manager, box, ERR_PERMISSION, 0);
    else if (box == NULL || box->join == NULL)
        hello_answer(manager, key, false);
}

void
roster_hello(struct manager *manager, const struct actor_message *message)
{
    uint64_t key = manager_sender(manager, message);
    struct box *box = mirror_box(manager, key);
    struct wire_reader reader;
    struct hello hello;
    bool counts;

    wire_reader_init(&reader, message->body, message->size);
    if (hello_read(&reader, &hello) != 0)
        return;
    if (box == NULL || box->module == MODULE_NONE ||
        box->module != hello.module) {
        stranger(manager, box, key, &hello);
        return;
    }
    if (hello.incarnation < box->incarnation)
        return; /* Of a life that is over. */
    box->incarnation = hello.incarnation;
    counts = box->forwarding != hello.forwarding;
    box->forwarding = hello.forwarding;
    roster_alive(manager, box);
    if (counts)
        roster_counts(manager);
    hello_answer(manager, key, true);
}
