/* SPDX-License-Identifier: Apache-2.0
 *
 * Fabric cables, the tables the NOS programmed into the ASICs, and the truth
 * that follows from both: which front ports are in service.
 *
 * A port is in service when its box forwards and the fabric reaches: every
 * other forwarding NCP is reached by at least one link that is programmed
 * and alive all the way.
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

    if (port->peer_box == DES_NONE)
        return NULL;
    return &des->boxes[port->peer_box].ports[port->peer_port];
}

/* Is there light from end to end? */
static bool
lit(struct des_port *port)
{
    struct des_port *far = far_end(port);

    return far != NULL && !port->faulted && !far->faulted &&
           port->box->runtime != NULL && far->box->runtime != NULL;
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
    if (port->up == port->change_up)
        return;
    port->up = port->change_up;
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
    if (event_pending(&port->change)) {
        if (port->change_up == light)
            return;
        kernel_cancel(des->kernel, &port->change);
    }
    if (port->up == light)
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
    for (unsigned i = 0; i < box->model->fabric_ports; i++)
        cable_check(&box->ports[i]);
}

void
fabric_box_down(struct des_box *box)
{
    memset(&box->asic, 0, sizeof(box->asic));
    for (unsigned i = 0; i < box->model->fabric_ports; i++) {
        box->ports[i].up = false;
        kernel_cancel(box->des->kernel, &box->ports[i].change);
        cable_check(&box->ports[i]);
    }
    ports_dirty(box->des);
}

void
fabric_link_fault(struct des_box *box, unsigned port, bool down)
{
    struct des_port *far = far_end(&box->ports[port]);

    box->ports[port].faulted = down;
    if (far != NULL)
        far->faulted = down;
    cable_check(&box->ports[port]);
}

static void
cable_join(struct des_port *a, struct des_port *b)
{
    if (a != NULL) {
        a->peer_box = b != NULL ? b->box->index : DES_NONE;
        a->peer_port = b != NULL ? b->port : 0;
    }
    if (b != NULL) {
        b->peer_box = a != NULL ? a->box->index : DES_NONE;
        b->peer_port = a != NULL ? a->port : 0;
    }
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
        if (ends[i]->up && ends[i]->box->runtime != NULL)
            runtime_forwarding_changed(ends[i]->box->runtime, &change);
        ends[i]->up = false;
        ends[i]->faulted = false;
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
    if (box->runtime != NULL && box->ports[packet->port].up &&
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
    if (far == NULL || !from->up || !lit(from))
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

static void
entry_set(struct des_asic *asic, const struct fwd_entry *entry)
{
    switch (entry->object) {
    case FWD_BOX:
        asic->forwarding = entry->value != 0;
        asic->module = entry->arg;
        break;
    case FWD_REACH: asic->reach[entry->id] = entry->value; break;
    case FWD_FRONT:
        asic->front_up[entry->id / 64] &= ~(1ull << (entry->id % 64));
        asic->front_up[entry->id / 64] |= (uint64_t)(entry->value != 0)
                                          << (entry->id % 64);
        break;
    }
}

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
            entry_set(&box->asic, &write->entries[i]);
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
    const struct des_asic *asic = &box->asic;
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
    *up = box->ports[fabric_port].up;
    return 0;
}

const struct fwd_ops des_fwd_ops = {fwd_bulk_set, fwd_dump, fwd_link_up};

/* ---- ports in service ---- */

static bool
works(const struct des_box *box)
{
    return box->runtime != NULL && box->asic.forwarding;
}

/* Which modules an NCF really reaches: programmed, up, far end forwards. */
static void
reached_by_ncf(struct des *des, struct des_box *ncf)
{
    uint64_t *reached = des->reached[ncf->index];

    memset(reached, 0, sizeof(des->reached[0]));
    for (unsigned i = 0; i < ncf->model->fabric_ports; i++) {
        struct des_port *port = &ncf->ports[i];
        struct des_port *far = far_end(port);
        unsigned module;

        if (!port->up || far == NULL || !far->up || !works(far->box))
            continue;
        module = far->box->asic.module;
        if ((ncf->asic.reach[module] >> i) & 1)
            reached[module / 64] |= 1ull << (module % 64);
    }
}

/* Links of 'ncp' that really lead to 'module'; stops counting at 'enough'. */
static unsigned
links_to(struct des *des, struct des_box *ncp, unsigned module,
         unsigned enough)
{
    uint64_t links = ncp->asic.reach[module];
    unsigned count = 0;

    for (; links != 0 && count < enough; links &= links - 1) {
        unsigned i = (unsigned)__builtin_ctzll(links);
        struct des_port *port = &ncp->ports[i];

        if (i >= ncp->model->fabric_ports || !port->up ||
            port->peer_box == DES_NONE || !lit(port))
            continue;
        if ((des->reached[port->peer_box][module / 64] >> (module % 64)) & 1)
            count++;
    }
    return count;
}

static unsigned
front_ports_up(const struct des_box *box)
{
    unsigned count = 0;

    for (unsigned i = 0; i < 4; i++)
        count += (unsigned)__builtin_popcountll(box->asic.front_up[i]);
    return count;
}

/* The fewest links to any other forwarding NCP. */
static unsigned
weakest_links(struct des *des, struct des_box *ncp)
{
    unsigned weakest = ncp->model->fabric_ports;

    for (unsigned i = 0; i < des->box_count && weakest > 0; i++) {
        struct des_box *other = &des->boxes[i];
        unsigned links;

        if (other == ncp || other->facts.role != ROLE_NCP || !works(other))
            continue;
        links = links_to(des, ncp, other->asic.module, weakest);
        if (links < weakest)
            weakest = links;
    }
    return weakest;
}

static void
ports_judge(struct des *des, struct des_box *ncp)
{
    unsigned weakest = works(ncp) ? weakest_links(des, ncp) : 0;
    unsigned ports = weakest > 0 ? front_ports_up(ncp) : 0;

    if (ports != ncp->in_service) {
        ncp->in_service = ports;
        des_observe_numbers(ncp, OBSERVE_PORTS, ports, ncp->model->front_ports,
                            0, 0);
    }
    if (weakest != ncp->weakest_links) {
        ncp->weakest_links = weakest;
        des_observe_numbers(ncp, OBSERVE_FABRIC, weakest,
                            ncp->model->fabric_ports, 0, 0);
    }
}

static void
ports_fire(struct event *event, struct simtime now)
{
    struct des *des = CONTAINER_OF(event, struct des, ports_event);

    (void)now;
    for (unsigned i = 0; i < des->box_count; i++) {
        if (des->boxes[i].facts.role == ROLE_NCF) {
            if (works(&des->boxes[i]))
                reached_by_ncf(des, &des->boxes[i]);
            else
                memset(des->reached[i], 0, sizeof(des->reached[i]));
        }
    }
    for (unsigned i = 0; i < des->box_count; i++) {
        if (des->boxes[i].facts.role == ROLE_NCP)
            ports_judge(des, &des->boxes[i]);
    }
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
    for (unsigned i = 0; i < des->box_count; i++) {
        struct des_box *box = &des->boxes[i];
        unsigned count = box->model->fabric_ports;

        CHECK(count <= FWD_FABRIC_PORTS_MAX);
        box->ports = calloc(count + 1, sizeof(*box->ports));
        CHECK(box->ports != NULL);
        for (unsigned j = 0; j < count; j++) {
            box->ports[j].peer_box = DES_NONE;
            box->ports[j].box = box;
            box->ports[j].port = (uint16_t)j;
            event_init(&box->ports[j].change, EVENT_CLASS_LINK, i,
                       port_change);
        }
    }
    for (unsigned i = 0; i < des->plan->cable_count; i++) {
        const struct plan_cable *cable = &des->plan->cables[i];

        cable_join(&des->boxes[cable->ncp_box].ports[cable->ncp_port],
                   &des->boxes[cable->ncf_box].ports[cable->ncf_port]);
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
}
