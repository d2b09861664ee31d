/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/fabric/testnet.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#define PACKET_NS 1000u
#define WRITE_NS 20000u
#define LIGHT_NS 1000u
#define RESTART_NS (100 * NS_PER_MS)

enum test_event_kind { TEST_PACKET, TEST_WRITE, TEST_LIGHT };

struct test_event {
    uint64_t at_ns;
    uint64_t order;
    enum test_event_kind kind;
    unsigned node;
    unsigned port;
    uint64_t incarnation;
    uint32_t life;
    uint64_t token;
    int status;
    size_t size;
    union {
        uint8_t bytes[PLAT_PACKET_MAX];
        struct fwd_entry entries[REACH_WRITE_BATCH];
    } u;
};

/* Small and fast: xorshift64* (Vigna, 2016). */
uint64_t
test_net_random(struct test_net *net, uint64_t below)
{
    net->random ^= net->random >> 12;
    net->random ^= net->random << 25;
    net->random ^= net->random >> 27;
    return (net->random * UINT64_C(2685821657736338717) >> 33) % below;
}

/* Events: a plain heap. */

static bool
before(const struct test_event *a, const struct test_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
swap(struct test_event *a, struct test_event *b)
{
    struct test_event spare = *a;

    *a = *b;
    *b = spare;
}

static void
event_push(struct test_net *net, const struct test_event *event)
{
    size_t at = net->event_count++;

    if (net->event_count > net->event_room) {
        net->event_room = net->event_room * 2 + 64;
        net->events =
            realloc(net->events, net->event_room * sizeof(*net->events));
        CHECK(net->events != NULL);
    }
    net->events[at] = *event;
    net->events[at].order = net->event_order++;
    while (at > 0 && before(&net->events[at], &net->events[(at - 1) / 2])) {
        swap(&net->events[at], &net->events[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct test_event
event_pop(struct test_net *net)
{
    struct test_event first = net->events[0];
    size_t at = 0;

    net->events[0] = net->events[--net->event_count];
    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < net->event_count &&
            before(&net->events[child + 1], &net->events[child]))
            child++;
        if (child >= net->event_count ||
            !before(&net->events[child], &net->events[at]))
            return first;
        swap(&net->events[child], &net->events[at]);
        at = child;
    }
}

/* Cables */

static bool
lit(const struct test_net *net, unsigned node, unsigned port)
{
    const struct test_port *end = &net->node[node].port[port];

    return end->far_node >= 0 && !end->cut && net->node[node].power &&
           net->node[end->far_node].power;
}

static void
light_check(struct test_net *net, unsigned node, unsigned port)
{
    struct test_event event = {.kind = TEST_LIGHT,
                               .at_ns = net->now_ns + LIGHT_NS,
                               .node = node,
                               .port = port};

    net->node[node].port[port].changed_ns = net->now_ns;
    event_push(net, &event);
}

static void
cable_check(struct test_net *net, unsigned node, unsigned port)
{
    const struct test_port *end = &net->node[node].port[port];

    light_check(net, node, port);
    if (end->far_node >= 0)
        light_check(net, (unsigned)end->far_node, end->far_port);
}

static void
packet_send(struct test_net *net, unsigned node,
            const struct reach_effect *effect)
{
    const struct test_port *end = &net->node[node].port[effect->u.send.port];
    struct test_event event = {.kind = TEST_PACKET};

    net->node[node].packets_sent++;
    if (!lit(net, node, effect->u.send.port) ||
        test_net_random(net, 100) < net->loss_percent)
        return;
    event.at_ns =
        net->now_ns + PACKET_NS + test_net_random(net, net->jitter_ns + 1);
    event.node = (unsigned)end->far_node;
    event.port = end->far_port;
    event.incarnation = net->node[end->far_node].incarnation;
    event.size = effect->u.send.size;
    memcpy(event.u.bytes, effect->u.send.bytes, event.size);
    event_push(net, &event);
}

static void
write_send(struct test_net *net, unsigned node,
           const struct reach_effect *effect)
{
    struct test_event event = {.kind = TEST_WRITE,
                               .at_ns = net->now_ns + WRITE_NS,
                               .node = node,
                               .incarnation = net->node[node].incarnation,
                               .life = net->node[node].life,
                               .token = effect->u.write.token,
                               .size = effect->u.write.count};

    net->node[node].writes += effect->u.write.count;
    if (test_net_random(net, 100) < net->write_fail_percent)
        event.status = ERR_IO;
    memcpy(event.u.entries, effect->u.write.entries,
           event.size * sizeof(struct fwd_entry));
    event_push(net, &event);
}

static void
row_put(struct test_node *node, const struct reach_row_effect *row)
{
    if (row->table == TABLE_SEEN) {
        node->seen[row->id] = row->present;
        node->seen_row[row->id] = row->u.seen;
    } else if (row->table == TABLE_REACH) {
        node->reach_row[row->id] = row->present;
        node->reach_rows[row->id] = row->u.reach;
    } else if (row->code == ALARM_FABRIC_DEGRADED) {
        node->alarm_degraded = row->present;
    } else {
        node->alarm_cabling &= ~(UINT64_C(1) << row->id);
        node->alarm_cabling |= (uint64_t)row->present << row->id;
    }
}

/* Services */

static void
drain(struct test_net *net, unsigned index)
{
    struct test_node *node = &net->node[index];
    struct reach_effect effect;

    while (node->reach != NULL &&
           reach_next(node->reach, net->now_ns, &effect)) {
        switch (effect.kind) {
        case REACH_WORK: break;
        case REACH_WRITE: write_send(net, index, &effect); break;
        case REACH_SEND: packet_send(net, index, &effect); break;
        case REACH_TRACE: node->traces[effect.u.trace.kind]++; break;
        case REACH_ROW: row_put(node, &effect.u.row); break;
        }
        /* A service may die between any two pieces of its work. */
        if (net->kill_per_million != 0 &&
            test_net_random(net, 1000000) < net->kill_per_million)
            test_net_kill(net, index);
    }
}

static void *
chunk_take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
chunk_give(void *arg, void *chunk, size_t size)
{
    (void)arg;
    (void)size;
    free(chunk);
}

static size_t
asic_dump(const struct test_node *node, struct fwd_entry *entries)
{
    size_t count = 0;
    unsigned i;

    if (node->asic.forwards)
        entries[count++] = (struct fwd_entry){
            .object = FWD_BOX, .arg = node->asic.module, .value = 1};
    for (i = 0; i < FWD_MODULES_MAX; i++)
        if (node->asic.reach[i] != 0)
            entries[count++] =
                (struct fwd_entry){.object = FWD_REACH,
                                   .id = (uint16_t)i,
                                   .value = node->asic.reach[i]};
    for (i = 0; i < TEST_FRONT_PORTS; i++)
        if (node->asic.front[i])
            entries[count++] = (struct fwd_entry){
                .object = FWD_FRONT, .id = (uint16_t)i, .value = 1};
    return count;
}

static void
rows_found(struct test_node *node)
{
    unsigned i;

    for (i = 0; i < FWD_FABRIC_PORTS_MAX; i++) {
        if (node->seen[i])
            reach_row_found(node->reach, TABLE_SEEN, ALARM_COUNT, (uint16_t)i,
                            0);
        if ((node->alarm_cabling >> i & 1) != 0)
            reach_row_found(node->reach, TABLE_ALARM, ALARM_CABLING,
                            (uint16_t)i, 0);
    }
    for (i = 0; i < FWD_MODULES_MAX; i++)
        if (node->reach_row[i])
            reach_row_found(node->reach, TABLE_REACH, ALARM_COUNT, (uint16_t)i,
                            node->reach_rows[i].nominal);
    if (node->alarm_degraded)
        reach_row_found(node->reach, TABLE_ALARM, ALARM_FABRIC_DEGRADED, 0, 0);
}

static void
service_start(struct test_net *net, unsigned index)
{
    struct test_node *node = &net->node[index];
    struct mem_source source = {chunk_take, chunk_give, NULL};
    struct reach_config config = {
        .key = node->key,
        .cluster_id = node->cluster,
        .life = {.incarnation = node->incarnation, .life = ++node->life},
        .role = node->role,
        .front_ports = node->role == ROLE_NCP ? TEST_FRONT_PORTS : 0,
        .fabric_ports = (uint16_t)node->ports,
        .phase_ns = test_net_random(net, REACH_REFRESH_NS)};
    struct fwd_entry entries[1 + FWD_MODULES_MAX + REACH_FRONT_PORTS_MAX];
    unsigned port;

    node->restart_ns = TIME_NEVER_NS;
    node->mem = mem_create(&source, 256 * KIB);
    CHECK(node->mem != NULL);
    CHECK(reach_create(node->mem, &config, net->now_ns, &node->reach) == 0);
    node->up_ns = net->now_ns;
    node->tell_ns = net->now_ns + test_net_random(net, 50 * NS_PER_MS);
    reach_adopt(node->reach, entries, asic_dump(node, entries), net->now_ns);
    for (port = 0; port < node->ports; port++)
        reach_light(node->reach, port, node->port[port].light, net->now_ns);
    rows_found(node);
    drain(net, index);
}

void
test_net_kill(struct test_net *net, unsigned index)
{
    struct test_node *node = &net->node[index];

    if (node->reach == NULL)
        return;
    mem_destroy(node->mem);
    node->mem = NULL;
    node->reach = NULL;
    node->restart_ns = net->now_ns + RESTART_NS;
    node->tell_ns = TIME_NEVER_NS;
}

void
test_net_tell(struct test_net *net, unsigned index)
{
    struct test_node *node = &net->node[index];

    node->tell_ns = TIME_NEVER_NS;
    if (node->reach == NULL)
        return;
    reach_member(node->reach, node->member ? node->module : MODULE_NONE,
                 node->drained, 1, net->now_ns);
    drain(net, index);
}

void
test_net_drain(struct test_net *net, unsigned index, bool drained)
{
    net->node[index].drained = drained;
    test_net_tell(net, index);
}

void
test_net_cut(struct test_net *net, unsigned node, unsigned port, bool cut)
{
    struct test_port *end = &net->node[node].port[port];

    if (end->cut == cut)
        return;
    end->cut = cut;
    if (end->far_node >= 0)
        net->node[end->far_node].port[end->far_port].cut = cut;
    cable_check(net, node, port);
}

void
test_net_power(struct test_net *net, unsigned index, bool on)
{
    struct test_node *node = &net->node[index];
    unsigned port;

    if (node->power == on)
        return;
    node->power = on;
    if (on) {
        node->incarnation++;
        node->life = 0;
        memset(node->seen, 0, sizeof(node->seen));
        memset(node->reach_row, 0, sizeof(node->reach_row));
        node->alarm_degraded = false;
        node->alarm_cabling = 0;
        node->restart_ns = net->now_ns + RESTART_NS;
    } else {
        test_net_kill(net, index);
        node->restart_ns = TIME_NEVER_NS;
        memset(&node->asic, 0, sizeof(node->asic));
        for (port = 0; port < node->ports; port++)
            node->port[port].light = false;
    }
    for (port = 0; port < node->ports; port++)
        cable_check(net, index, port);
}

/* What happens */

static void
asic_write(struct test_node *node, const struct test_event *event)
{
    size_t i;

    for (i = 0; i < event->size; i++) {
        const struct fwd_entry *entry = &event->u.entries[i];

        switch (entry->object) {
        case FWD_BOX:
            node->asic.forwards = entry->value != 0;
            node->asic.module = entry->arg;
            break;
        case FWD_REACH: node->asic.reach[entry->id] = entry->value; break;
        case FWD_FRONT: node->asic.front[entry->id] = entry->value != 0; break;
        }
    }
}

static void
light_fire(struct test_net *net, unsigned index, unsigned port)
{
    struct test_node *node = &net->node[index];
    bool light = lit(net, index, port);

    if (!node->power || node->port[port].light == light)
        return;
    node->port[port].light = light;
    if (node->reach != NULL)
        reach_light(node->reach, port, light, net->now_ns);
}

static void
event_fire(struct test_net *net, const struct test_event *event)
{
    struct test_node *node = &net->node[event->node];

    if (event->kind == TEST_LIGHT) {
        light_fire(net, event->node, event->port);
    } else if (node->incarnation != event->incarnation || !node->power) {
        return;
    } else if (event->kind == TEST_WRITE) {
        if (event->status == 0)
            asic_write(node, event);
        if (node->reach != NULL && node->life == event->life)
            reach_written(node->reach, event->token, event->status,
                          net->now_ns);
    } else if (node->port[event->port].light && node->reach != NULL) {
        if (reach_packet(node->reach, event->port, event->u.bytes, event->size,
                         net->now_ns) != 0)
            node->packets_refused++;
    }
    drain(net, event->node);
}

void
test_net_deliver(struct test_net *net, unsigned index, unsigned port,
                 const void *bytes, size_t size)
{
    struct test_event event = {.kind = TEST_PACKET,
                               .at_ns = net->now_ns,
                               .node = index,
                               .port = port,
                               .incarnation = net->node[index].incarnation,
                               .size = size};

    memcpy(event.u.bytes, bytes, size);
    event_push(net, &event);
}

static uint64_t
node_deadline_ns(const struct test_node *node)
{
    uint64_t at_ns = node->restart_ns;

    if (node->reach != NULL && reach_deadline_ns(node->reach) < at_ns)
        at_ns = reach_deadline_ns(node->reach);
    if (node->tell_ns < at_ns)
        at_ns = node->tell_ns;
    return at_ns;
}

static void
node_fire(struct test_net *net, unsigned index)
{
    struct test_node *node = &net->node[index];
    unsigned port;

    if (net->now_ns >= node->restart_ns)
        service_start(net, index);
    if (node->reach == NULL)
        return;
    reach_time(node->reach, net->now_ns);
    if (reach_poll_due(node->reach))
        for (port = 0; port < node->ports; port++)
            reach_light(node->reach, port, node->port[port].light,
                        net->now_ns);
    drain(net, index);
    if (net->now_ns >= node->tell_ns)
        test_net_tell(net, index);
}

void
test_net_run(struct test_net *net, uint64_t for_ns)
{
    uint64_t end_ns = net->now_ns + for_ns;

    for (;;) {
        uint64_t at_ns =
            net->event_count != 0 ? net->events[0].at_ns : TIME_NEVER_NS;
        unsigned node = net->nodes, i;

        for (i = 0; i < net->nodes; i++)
            if (node_deadline_ns(&net->node[i]) < at_ns) {
                at_ns = node_deadline_ns(&net->node[i]);
                node = i;
            }
        if (at_ns > end_ns)
            break;
        if (at_ns > net->now_ns)
            net->now_ns = at_ns;
        if (node < net->nodes) {
            node_fire(net, node);
        } else {
            struct test_event event = event_pop(net);

            event_fire(net, &event);
        }
        net->handled++;
        if (net->check != NULL)
            net->check(net);
    }
    net->now_ns = end_ns;
}

void
test_net_init(struct test_net *net, unsigned ncps, unsigned ncfs,
              unsigned links, uint64_t seed)
{
    unsigned i, port;

    memset(net, 0, sizeof(*net));
    CHECK(ncps + ncfs <= TEST_NODES_MAX);
    net->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    net->ncps = ncps;
    net->ncfs = ncfs;
    net->nodes = ncps + ncfs;
    for (i = 0; i < net->nodes; i++) {
        struct test_node *node = &net->node[i];

        node->role = i < ncps ? ROLE_NCP : ROLE_NCF;
        node->key = 1000 + i;
        node->cluster = TEST_CLUSTER;
        node->module = (uint16_t)(i < ncps ? 64 + i : 16 + i - ncps);
        node->member = true;
        node->restart_ns = TIME_NEVER_NS;
        node->tell_ns = TIME_NEVER_NS;
        for (port = 0; port < FWD_FABRIC_PORTS_MAX; port++)
            node->port[port].far_node = -1;
    }
    for (i = 0; i < ncps; i++) {
        net->node[i].ports = links;
        for (port = 0; port < links; port++) {
            struct test_node *far = &net->node[ncps + port % ncfs];

            CHECK(far->ports < FWD_FABRIC_PORTS_MAX);
            net->node[i].port[port].far_node = (int)(ncps + port % ncfs);
            net->node[i].port[port].far_port = far->ports;
            far->port[far->ports].far_node = (int)i;
            far->port[far->ports++].far_port = port;
        }
    }
    for (i = 0; i < net->nodes; i++)
        test_net_power(net, i, true);
}

void
test_net_fini(struct test_net *net)
{
    unsigned i;

    for (i = 0; i < net->nodes; i++)
        mem_destroy(net->node[i].mem);
    free(net->events);
}

/* The truth */

static bool
ncf_leads(const struct test_net *net, unsigned ncf, unsigned to)
{
    const struct test_node *node = &net->node[ncf];
    uint64_t ports = node->asic.reach[net->node[to].module];
    unsigned port;

    for (port = 0; port < node->ports; port++)
        if ((ports >> port & 1) != 0 && lit(net, ncf, port) &&
            node->port[port].far_node == (int)to)
            return node->asic.forwards;
    return false;
}

uint64_t
test_net_working(const struct test_net *net, unsigned from, unsigned to)
{
    const struct test_node *node = &net->node[from];
    uint64_t ports = node->asic.reach[net->node[to].module];
    uint64_t working = 0;
    unsigned port;

    for (port = 0; port < node->ports; port++)
        if ((ports >> port & 1) != 0 && lit(net, from, port) &&
            ncf_leads(net, (unsigned)node->port[port].far_node, to))
            working |= UINT64_C(1) << port;
    return working;
}

static bool
serves(const struct test_node *node)
{
    return node->power && node->member && !node->drained;
}

uint64_t
test_net_possible(const struct test_net *net, unsigned from, unsigned to)
{
    uint64_t possible = 0;
    unsigned port, other;

    if (!serves(&net->node[to]) || !net->node[from].power)
        return 0;
    for (port = 0; port < net->node[from].ports; port++) {
        int ncf = net->node[from].port[port].far_node;

        if (!lit(net, from, port) || !serves(&net->node[ncf]))
            continue;
        for (other = 0; other < net->node[ncf].ports; other++)
            if (net->node[ncf].port[other].far_node == (int)to &&
                lit(net, (unsigned)ncf, other))
                possible |= UINT64_C(1) << port;
    }
    return possible;
}
