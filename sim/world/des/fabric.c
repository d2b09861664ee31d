/* SPDX-License-Identifier: Apache-2.0
 *
 * Fabric cables and the tables the NOS programmed into the ASICs; the truth
 * that follows from both is ports_truth.h's.
 */
#include "sim/world/des/des_priv.h"

#include <stdlib.h>
#include <string.h>

/* A packet on a fabric link, or a table write on its way into the ASIC. */
struct packet {
    struct event event;
    struct list_node node;
    struct des_box *box; /* where it arrives */
    uint64_t incarnation;
    uint16_t port;
    uint16_t size;
    uint8_t bytes[PLAT_PACKET_MAX];
};

struct table_write {
    struct event event;
    struct list_node node;
    struct des_box *box;
    uint64_t incarnation;
    uint64_t token;
    size_t count;
    struct fwd_entry entries[];
};

static void ports_dirty(struct des *des);

static struct des_port *
far_end(struct des_port *port)
{
    struct des *des = port->box->des;

    if (port->link->peer_box == TRUTH_NONE)
        return NULL;
    return &des->boxes[port->link->peer_box].ports[port->link->peer_port];
}

static bool
lit(const struct des_port *port)
{
    return ports_truth_lit(port->box->des->truth, port->box->index,
                           port->port);
}

static void
port_change(struct event *event, struct simtime now)
{
    struct des_port *port = CONTAINER_OF(event, struct des_port, change);
    struct fwd_change change = {
        .kind = FWD_LINK,
        .port = port->port,
        .up = port->change_up,
    };

    (void)now;
    if (port->link->up == port->change_up)
        return;
    port->link->up = port->change_up;
    packets_link(port);
    ports_dirty(port->box->des);
    if (port->box->runtime != NULL)
        runtime_forwarding_changed(port->box->runtime, &change);
}

/* Light came or went: the ASIC notices a little later. */
static void
port_check(struct des_port *port)
{
    struct des *des = port->box->des;
    bool light = lit(port);
    const struct parts *parts = &des->plan->parts;
    struct simtime wait = light ? parts->link_train : parts->link_detect;

    ports_dirty(des);
    packets_link(port);
    if (event_pending(&port->change)) {
        if (port->change_up == light)
            return;
        kernel_cancel(des->kernel, &port->change);
    }
    if (port->link->up == light)
        return;
    port->change_up = light;
    des_schedule(des, &port->change,
                 simtime_add(kernel_now(des->kernel), wait));
}

static void
cable_check(struct des_port *port)
{
    struct des_port *far = far_end(port);

    port_check(port);
    if (far != NULL)
        port_check(far);
}

void
fabric_box_up(struct des_box *box)
{
    box->truth->alive = true;
    packets_box(box);
    for (unsigned i = 0; i < box->model->fabric_ports; i++)
        cable_check(&box->ports[i]);
}

void
fabric_box_down(struct des_box *box)
{
    ports_truth_dead(box->truth);
    asic_box_down(box);
    packets_box(box);
    for (unsigned i = 0; i < box->model->fabric_ports; i++) {
        kernel_cancel(box->des->kernel, &box->ports[i].change);
        cable_check(&box->ports[i]);
    }
    ports_dirty(box->des);
}

void
fabric_link_fault(struct des_box *box, unsigned port, bool down)
{
    struct des_port *far = far_end(&box->ports[port]);

    box->ports[port].link->faulted = down;
    if (far != NULL)
        far->link->faulted = down;
    cable_check(&box->ports[port]);
}

/* 'far' NULL: no cable any more. */
static void
cable_end(struct des_port *port, const struct des_port *far)
{
    if (port == NULL)
        return;
    port->link->peer_box = far != NULL ? far->box->index : TRUTH_NONE;
    port->link->peer_port = far != NULL ? far->port : 0;
}

static void
cable_join(struct des_port *a, struct des_port *b)
{
    cable_end(a, b);
    cable_end(b, a);
}

/* The cables in ports 'a' and 'b' change places.  Both go dark first, so
 * that the NOS sees the change even when it is quick; plugged anew, they
 * work. */
int
fabric_swap_ends(struct des_box *a, unsigned a_port, struct des_box *b,
                 unsigned b_port)
{
    struct des_port *ends[4] = {&a->ports[a_port], &b->ports[b_port],
                                far_end(&a->ports[a_port]),
                                far_end(&b->ports[b_port])};

    if (ends[0] == ends[1] || ends[0] == ends[3])
        return ERR_INVALID;
    cable_join(ends[0], ends[3]);
    cable_join(ends[1], ends[2]);
    for (unsigned i = 0; i < 4; i++) {
        struct fwd_change change = {.kind = FWD_LINK};

        if (ends[i] == NULL)
            continue;
        kernel_cancel(a->des->kernel, &ends[i]->change);
        change.port = ends[i]->port;
        if (ends[i]->link->up && ends[i]->box->runtime != NULL)
            runtime_forwarding_changed(ends[i]->box->runtime, &change);
        ends[i]->link->up = false;
        ends[i]->link->faulted = false;
        packets_link(ends[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (ends[i] != NULL)
            port_check(ends[i]);
    }
    return 0;
}

static void
packet_fire(struct event *event, struct simtime now)
{
    struct packet *packet = CONTAINER_OF(event, struct packet, event);
    struct des_box *box = packet->box;

    (void)now;
    if (box->runtime != NULL && box->ports[packet->port].link->up &&
        box->facts.incarnation == packet->incarnation)
        runtime_packet(box->runtime, packet->port, packet->bytes,
                       packet->size);
    list_remove(&packet->node);
    list_push_back(&box->des->free_packets, &packet->node);
}

static struct packet *
packet_get(struct des *des)
{
    struct list_node *node = list_pop_front(&des->free_packets);
    struct packet *packet;

    if (node != NULL)
        return CONTAINER_OF(node, struct packet, node);
    packet = calloc(1, sizeof(*packet));
    CHECK(packet != NULL);
    return packet;
}

void
fabric_send(struct des_box *box, unsigned port, const void *bytes, size_t size)
{
    struct des *des = box->des;
    struct des_port *from;
    struct des_port *far;
    struct packet *packet;
    struct simtime span;

    CHECK(size <= PLAT_PACKET_MAX);
    if (port >= box->model->fabric_ports)
        return;
    from = &box->ports[port];
    far = far_end(from);
    if (far == NULL || !from->link->up || !lit(from))
        return;
    if (from->loss_ppm > 0 &&
        random_chance_ppm(&des->fabric_random, from->loss_ppm))
        return;
    packet = packet_get(des);
    list_push_back(&des->flying_packets, &packet->node);
    packet->box = far->box;
    packet->incarnation = far->box->facts.incarnation;
    packet->port = far->port;
    packet->size = (uint16_t)size;
    memcpy(packet->bytes, bytes, size);
    span = simtime_from_ps(size * 8 * SIMTIME_PS_PER_S /
                           box->model->fabric_port_bps);
    span = simtime_add(span, des->plan->fabric_link_delay);
    event_init(&packet->event, EVENT_CLASS_DELIVER, far->box->index,
               packet_fire);
    des_schedule(des, &packet->event, simtime_add(des_box_time(box), span));
}

/* ---- tables ---- */

static bool
entry_valid(const struct des_box *box, const struct fwd_entry *entry)
{
    switch (entry->object) {
    case FWD_BOX: return entry->arg < FWD_MODULES_MAX || entry->value == 0;
    case FWD_REACH: return entry->id < FWD_MODULES_MAX;
    case FWD_FRONT: return entry->id < box->model->front_ports;
    }
    return false;
}

static void
write_fire(struct event *event, struct simtime now)
{
    struct table_write *write = CONTAINER_OF(event, struct table_write, event);
    struct des_box *box = write->box;
    struct fwd_change done = {.kind = FWD_DONE, .token = write->token};

    (void)now;
    if (box->runtime != NULL && box->facts.incarnation == write->incarnation) {
        for (size_t i = 0; i < write->count; i++)
            ports_truth_entry(box->truth, &write->entries[i]);
        packets_entries(box, write->entries, write->count);
        ports_dirty(box->des);
        runtime_forwarding_changed(box->runtime, &done);
    }
    list_remove(&write->node);
    free(write);
}

static int
fwd_bulk_set(struct plat *plat, const struct fwd_entry *entries, size_t count,
             uint64_t token)
{
    struct des_box *box = CONTAINER_OF(plat, struct des_box, plat);
    struct des *des = box->des;
    size_t size = sizeof(struct table_write) + count * sizeof(*entries);
    struct table_write *write;

    for (size_t i = 0; i < count; i++) {
        if (!entry_valid(box, &entries[i]))
            return ERR_RANGE;
    }
    write = calloc(1, size);
    CHECK(write != NULL);
    list_push_back(&des->flying_writes, &write->node);
    write->box = box;
    write->incarnation = box->facts.incarnation;
    write->token = token;
    write->count = count;
    memcpy(write->entries, entries, count * sizeof(*entries));
    event_init(&write->event, EVENT_CLASS_DEVICE, box->index, write_fire);
    des_schedule(
        des, &write->event,
        simtime_add(
            des_box_time(box),
            simtime_from_ns(1000 + count * des->costs_ns[COST_TABLE_ENTRY])));
    return 0;
}

static int
fwd_dump(struct plat *plat, struct fwd_entry *entries, size_t room,
         size_t *count)
{
    struct des_box *box = CONTAINER_OF(plat, struct des_box, plat);
    const struct truth_tables *asic = &box->truth->tables;
    size_t used = 0;

    if (asic->forwarding && used < room)
        entries[used++] = (struct fwd_entry){
            .object = FWD_BOX, .arg = asic->module, .value = 1};
    for (unsigned i = 0; i < FWD_MODULES_MAX && used < room; i++) {
        if (asic->reach[i] != 0)
            entries[used++] = (struct fwd_entry){.object = FWD_REACH,
                                                 .id = (uint16_t)i,
                                                 .value = asic->reach[i]};
    }
    for (unsigned i = 0; i < box->model->front_ports && used < room; i++) {
        if ((asic->front_up[i / 64] >> (i % 64)) & 1)
            entries[used++] = (struct fwd_entry){
                .object = FWD_FRONT, .id = (uint16_t)i, .value = 1};
    }
    *count = used;
    return 0;
}

static int
fwd_link_up(struct plat *plat, unsigned fabric_port, bool *up)
{
    struct des_box *box = CONTAINER_OF(plat, struct des_box, plat);

    if (fabric_port >= box->model->fabric_ports)
        return ERR_NOENT;
    *up = box->truth->ports[fabric_port].up;
    return 0;
}

const struct fwd_ops des_fwd_ops = {
    .bulk_set = fwd_bulk_set,
    .dump = fwd_dump,
    .link_up = fwd_link_up,
    .groups_set = asic_groups_set,
    .routes_set = asic_routes_set,
    .groups_dump = asic_groups_dump,
    .routes_dump = asic_routes_dump,
};

/* ---- ports in service ---- */

static void
truth_changed(void *context, unsigned box, enum observation_kind kind,
              unsigned value, unsigned nominal)
{
    struct des *des = context;

    des_observe_numbers(&des->boxes[box], kind, value, nominal, 0, 0);
}

static void
ports_fire(struct event *event, struct simtime now)
{
    struct des *des = CONTAINER_OF(event, struct des, ports_event);

    (void)now;
    ports_truth_judge(des->truth, truth_changed, des);
}

static void
ports_dirty(struct des *des)
{
    if (!event_pending(&des->ports_event))
        des_schedule(des, &des->ports_event, kernel_now(des->kernel));
}

/* ---- life ---- */

void
fabric_init(struct des *des)
{
    list_init(&des->free_packets);
    list_init(&des->flying_packets);
    list_init(&des->flying_writes);
    des->fabric_random = random_stream_make(des->seed, EVENT_ENTITY_MAX,
                                            random_purpose("fabric"));
    event_init(&des->ports_event, EVENT_CLASS_OBSERVE, EVENT_ENTITY_MAX,
               ports_fire);
    des->truth = ports_truth_create(des->plan);
    for (unsigned i = 0; i < des->box_count; i++) {
        struct des_box *box = &des->boxes[i];
        unsigned count = box->model->fabric_ports;

        box->truth = &des->truth->boxes[i];
        box->ports = calloc(count + 1, sizeof(*box->ports));
        CHECK(box->ports != NULL);
        for (unsigned j = 0; j < count; j++) {
            box->ports[j].link = &box->truth->ports[j];
            box->ports[j].box = box;
            box->ports[j].port = (uint16_t)j;
            event_init(&box->ports[j].change, EVENT_CLASS_LINK, i,
                       port_change);
        }
    }
}

void
fabric_fini(struct des *des)
{
    struct list_node *node;

    list_append_all(&des->free_packets, &des->flying_packets);
    while ((node = list_pop_front(&des->free_packets)) != NULL)
        free(CONTAINER_OF(node, struct packet, node));
    while ((node = list_pop_front(&des->flying_writes)) != NULL)
        free(CONTAINER_OF(node, struct table_write, node));
    for (unsigned i = 0; i < des->box_count; i++)
        free(des->boxes[i].ports);
    ports_truth_destroy(des->truth);
}
