/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/bus/bus_net_test.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/base/wire.h"

#define FIRST_ADDRESS 1000u

#define REQUIRE(condition)                                                    \
    do {                                                                      \
        if (!(condition))                                                     \
            ck_abort_msg("%s", #condition);                                   \
    } while (0)

uint64_t
net_address(unsigned index)
{
    return FIRST_ADDRESS + index;
}

uint64_t
net_draw(struct net *net)
{
    uint64_t z = net->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void *
take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
give(void *arg, void *chunk, size_t size)
{
    (void)arg;
    (void)size;
    free(chunk);
}

static bool
is_earlier(const struct net_packet *a, const struct net_packet *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
push_packet(struct net *net, struct net_packet *packet)
{
    unsigned i = net->flight_count++;

    REQUIRE(net->flight_count < NET_FLIGHT_MAX);
    while (i > 0 && is_earlier(packet, net->flight[(i - 1) / 2])) {
        net->flight[i] = net->flight[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    net->flight[i] = packet;
}

static struct net_packet *
pop_packet(struct net *net)
{
    struct net_packet *top = net->flight[0];
    struct net_packet *last = net->flight[--net->flight_count];
    unsigned i = 0;

    for (;;) {
        unsigned child = 2 * i + 1;

        if (child >= net->flight_count)
            break;
        if (child + 1 < net->flight_count &&
            is_earlier(net->flight[child + 1], net->flight[child]))
            child++;
        if (!is_earlier(net->flight[child], last))
            break;
        net->flight[i] = net->flight[child];
        i = child;
    }
    net->flight[i] = last;
    return top;
}

static void
fly_to(struct net *net, unsigned from, unsigned to, enum plane plane,
       const void *bytes, size_t size)
{
    unsigned copies = 1 + (net_draw(net) % 100 < net->double_percent);

    if (net->dead[from][to][plane] || net_draw(net) % 100 < net->loss_percent)
        return;
    for (unsigned i = 0; i < copies; i++) {
        struct net_packet *packet = malloc(sizeof(*packet));

        *packet = (struct net_packet){
            .at_ns = net->now_ns + net->delay_ns +
                     net_draw(net) % (net->jitter_ns + 1),
            .order = net->order++,
            .from = from,
            .to = to,
            .plane = plane,
            .size = (uint16_t)size,
            .bytes = malloc(size),
        };
        memcpy(packet->bytes, bytes, size);
        push_packet(net, packet);
    }
}

static void
fly(struct net *net, unsigned from, enum plane plane, uint64_t to,
    const void *bytes, size_t size)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        if (i != from && (to == PLAT_ADDRESS_ALL || to == net_address(i)))
            fly_to(net, from, i, plane, bytes, size);
    }
}

static void
transmit(void *arg, enum plane plane, uint64_t to, enum lane lane,
         const void *bytes, size_t size)
{
    struct net_node *node = arg;
    struct net *net = node->net;
    struct net_port *port = &node->port[plane];
    struct net_frame *frame;

    REQUIRE(size <= PLAT_DATAGRAM_MAX);
    net->transmitted[lane]++;
    if (net->log_count < NET_LOG_MAX)
        net->lane_log[net->log_count++] = (uint8_t)lane;
    if (net->transmitted[lane] == net->drop_at[lane])
        return;
    if (net->ns_per_byte == 0) {
        fly(net, node->index, plane, to, bytes, size);
        return;
    }
    frame = malloc(sizeof(*frame) + size);
    frame->next = NULL;
    frame->to = to;
    frame->size = (uint16_t)size;
    memcpy(frame->bytes, bytes, size);
    *port->tail[lane] = frame;
    port->tail[lane] = &frame->next;
}

/* What a body must look like. */
static void
fill(uint8_t *body, size_t size, unsigned from, enum lane lane,
     uint32_t serial, uint64_t now_ns)
{
    struct wire_writer writer;

    wire_writer_init(&writer, body, size);
    wire_write_u16(&writer, (uint16_t)from);
    wire_write_u16(&writer, (uint16_t)lane);
    wire_write_u32(&writer, serial);
    wire_write_u64(&writer, now_ns);
    for (size_t i = NET_BODY_MIN; i < size; i++)
        body[i] = (uint8_t)(i * 7 + serial + from);
}

static int
deliver(void *arg, const struct bus_message *message)
{
    struct net_node *node = arg;
    unsigned from = (unsigned)(message->peer - FIRST_ADDRESS);
    struct wire_reader reader;
    uint32_t serial;
    uint64_t sent_ns;
    uint32_t *heard;

    if (node->refuse && message->lane != LANE_LIVENESS)
        return ERR_FULL;
    REQUIRE(from < node->net->node_count && message->size >= NET_BODY_MIN);
    wire_reader_init(&reader, message->body, message->size);
    REQUIRE(wire_read_u16(&reader) == from);
    REQUIRE(wire_read_u16(&reader) == message->lane);
    serial = wire_read_u32(&reader);
    sent_ns = wire_read_u64(&reader);
    for (size_t i = NET_BODY_MIN; i < message->size; i++)
        REQUIRE(message->body[i] == (uint8_t)(i * 7 + serial + from));
    REQUIRE(message->type == (uint16_t)(serial + 7));
    REQUIRE(message->epoch == (serial | UINT64_C(1) << 39));
    REQUIRE(message->trace_id == ~serial && message->hlc != 0);
    REQUIRE(message->from_service == 3 && message->to_service == 4);
    heard = &node->heard[from][message->lane];
    if (message->lane != LANE_LIVENESS) {
        REQUIRE(serial > *heard);
        REQUIRE(serial == *heard + 1 ||
                node->gap_allowed[from][message->lane]);
        REQUIRE(node->up[from]);
        node->gap_allowed[from][message->lane] = false;
        *heard = serial;
    }
    node->received[from][message->lane]++;
    node->last_delivery_ns = node->net->now_ns;
    if (message->lane == LANE_CONTROL &&
        node->net->now_ns - sent_ns > node->worst_control_ns)
        node->worst_control_ns = node->net->now_ns - sent_ns;
    return 0;
}

static void
session(void *arg, uint64_t peer, uint64_t incarnation, bool up)
{
    struct net_node *node = arg;
    unsigned from = (unsigned)(peer - FIRST_ADDRESS);

    REQUIRE(from < node->net->node_count);
    REQUIRE(!up || !node->up[from]);
    REQUIRE(!up || incarnation != 0);
    node->up[from] = up;
    node->ups[from] += up;
    node->downs[from] += !up;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        node->gap_allowed[from][lane] = true;
}

static uint64_t
wall_ns(void *arg)
{
    struct net_node *node = arg;

    /* Clocks of boxes differ. */
    return NS_PER_DAY + node->net->now_ns + node->index * NS_PER_MS;
}

static const struct bus_ops ops = {transmit, deliver, session, wall_ns};

static void
start_node(struct net_node *node)
{
    struct mem_source source = {take, give, NULL};

    node->mem = mem_create(&source, MEM_NO_LIMIT);
    REQUIRE(node->mem != NULL);
    REQUIRE(bus_create(node->mem, &ops, node, net_address(node->index),
                       ++node->incarnation, &node->bus) == 0);
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        for (unsigned lane = 0; lane < LANE_COUNT; lane++)
            node->port[plane].tail[lane] = &node->port[plane].head[lane];
    }
}

static void
stop_node(struct net_node *node)
{
    bus_destroy(node->bus);
    REQUIRE(mem_used_bytes(node->mem) == 0);
    mem_destroy(node->mem);
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
            struct net_frame **head = &node->port[plane].head[lane];

            while (*head != NULL) {
                struct net_frame *frame = *head;

                *head = frame->next;
                free(frame);
            }
        }
    }
}

void
net_open(struct net *net, unsigned node_count, uint64_t seed)
{
    *net = (struct net){
        .node_count = node_count,
        .now_ns = NS_PER_S,
        .random = seed,
        .delay_ns = 50 * NS_PER_US,
    };
    for (unsigned i = 0; i < node_count; i++) {
        net->node[i].net = net;
        net->node[i].index = i;
        start_node(&net->node[i]);
    }
}

void
net_close(struct net *net)
{
    while (net->flight_count > 0) {
        struct net_packet *packet = pop_packet(net);

        free(packet->bytes);
        free(packet);
    }
    for (unsigned i = 0; i < net->node_count; i++)
        stop_node(&net->node[i]);
}

void
net_restart(struct net *net, unsigned index)
{
    struct net_node *node = &net->node[index];

    stop_node(node);
    for (unsigned i = 0; i < net->node_count; i++) {
        node->up[i] = false;
        for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
            node->gap_allowed[i][lane] = true;
            node->heard[i][lane] = 0; /* A new life remembers nothing. */
        }
    }
    start_node(node);
}

void
net_kill_plane(struct net *net, enum plane plane, bool dead)
{
    for (unsigned i = 0; i < net->node_count; i++) {
        for (unsigned k = 0; k < net->node_count; k++)
            net->dead[i][k][plane] = dead;
    }
}

int
net_send(struct net *net, unsigned from, unsigned to, enum lane lane,
         size_t size)
{
    struct net_node *node = &net->node[from];
    uint32_t *sent = &node->sent[to % NET_NODES_MAX][lane];
    uint32_t serial = *sent + 1;
    uint8_t *body = malloc(size);
    struct bus_message message = {
        .peer = to == NET_NODES_MAX ? PLAT_ADDRESS_ALL : net_address(to),
        .lane = lane,
        .from_service = 3,
        .to_service = 4,
        .type = (uint16_t)(serial + 7),
        .epoch = serial | UINT64_C(1) << 39,
        .trace_id = ~serial,
        .body = body,
        .size = size,
    };
    int error;

    fill(body, size, from, lane, serial, net->now_ns);
    error = bus_send(node->bus, net->now_ns, &message);
    free(body);
    if (error == 0)
        *sent = serial;
    return error;
}

/* Starts the next frame on every idle link, the most urgent lane first. */
static uint64_t
run_ports(struct net *net)
{
    uint64_t next_ns = TIME_NEVER_NS;

    for (unsigned i = 0; net->ns_per_byte > 0 && i < net->node_count; i++) {
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
            struct net_port *port = &net->node[i].port[plane];
            unsigned lane = 0;
            struct net_frame *frame;

            while (lane < LANE_COUNT && port->head[lane] == NULL)
                lane++;
            if (lane == LANE_COUNT)
                continue;
            if (port->busy_until_ns <= net->now_ns) {
                frame = port->head[lane];
                port->head[lane] = frame->next;
                if (frame->next == NULL)
                    port->tail[lane] = &port->head[lane];
                port->busy_until_ns =
                    net->now_ns + frame->size * net->ns_per_byte;
                fly(net, i, (enum plane)plane, frame->to, frame->bytes,
                    frame->size);
                free(frame);
            }
            if (port->busy_until_ns < next_ns)
                next_ns = port->busy_until_ns;
        }
    }
    return next_ns;
}

static void
arrive(struct net *net)
{
    struct net_packet *packet = pop_packet(net);

    bus_datagram(net->node[packet->to].bus, net->now_ns, packet->plane,
                 net_address(packet->from), packet->bytes, packet->size);
    free(packet->bytes);
    free(packet);
}

void
net_run(struct net *net, uint64_t until_ns)
{
    for (;;) {
        uint64_t next_ns = run_ports(net);

        if (net->flight_count > 0 && net->flight[0]->at_ns < next_ns)
            next_ns = net->flight[0]->at_ns;
        for (unsigned i = 0; i < net->node_count; i++) {
            uint64_t deadline_ns = bus_deadline_ns(net->node[i].bus);

            if (deadline_ns < next_ns)
                next_ns = deadline_ns;
        }
        if (next_ns > until_ns || next_ns == TIME_NEVER_NS)
            break;
        if (next_ns > net->now_ns)
            net->now_ns = next_ns;
        if (net->flight_count > 0 && net->flight[0]->at_ns <= net->now_ns)
            arrive(net);
        for (unsigned i = 0; i < net->node_count; i++) {
            if (bus_deadline_ns(net->node[i].bus) <= net->now_ns)
                bus_tick(net->node[i].bus, net->now_ns);
        }
    }
    if (until_ns != TIME_NEVER_NS)
        net->now_ns = until_ns;
}

bool
net_complete(const struct net *net, unsigned from, unsigned to)
{
    for (unsigned lane = LANE_CONTROL; lane < LANE_COUNT; lane++) {
        if (net->node[to].heard[from][lane] != net->node[from].sent[to][lane])
            return false;
    }
    return true;
}

void
net_chatter(struct net *net, unsigned a, unsigned b, int messages)
{
    for (int i = 0; i < messages; i++) {
        enum lane lane = (enum lane)(1 + net_draw(net) % 3);
        size_t size = NET_BODY_MIN + net_draw(net) % 6000;
        bool turn = net_draw(net) % 2;

        (void)net_send(net, turn ? a : b, turn ? b : a, lane, size);
        if (net_draw(net) % 4 == 0)
            net_run(net, net->now_ns + net_draw(net) % NS_PER_MS);
    }
}
