/* SPDX-License-Identifier: Apache-2.0 */
#include "models/mgmt_net.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/list.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_OVERHEAD_BYTES 86u
#define SWITCH_ENTITY 0x800000u
#define NOBODY UINT32_MAX

/* Bytes that the copies of a broadcast share. */
struct payload {
    unsigned refs;
    uint64_t from;
    enum lane lane;
    uint16_t size;
    uint8_t bytes[PLAT_DATAGRAM_MAX];
};

struct frame {
    struct event event;    /* arrival at the far end */
    struct list_node node; /* a queue, the pool, or under way */
    struct mgmt_net *net;
    struct payload *payload;
    uint32_t from_box;
    uint32_t to_box; /* NOBODY: on its way to the switch */
    uint64_t to;
    uint64_t life; /* of the sender */
    enum plane plane;
    struct simtime departs;
};

/* A sending end. */
struct sender {
    struct mgmt_net *net;
    struct simtime busy_until;
    struct list queue[LANE_COUNT];
    uint32_t queue_bytes[LANE_COUNT];
    unsigned queued;
    struct event next;
};

struct leg {
    struct mgmt_link link;
    struct sender up;   /* box to switch */
    struct sender down; /* switch to box */
    struct random_stream loss;
};

struct station {
    uint64_t address;
    bool powered;
    uint64_t life;
    struct simtime died_at;
    struct leg legs[PLANE_COUNT];
};

struct mgmt_net {
    struct kernel *kernel;
    struct mgmt_net_options options;
    struct station *stations;
    bool plane_on[PLANE_COUNT];
    uint8_t *blocked; /* blocks of each from, to and plane */
    unsigned blocked_count;
    struct list pool;
    struct list flying;
    struct payload **spare;
    size_t spare_count, spare_room;
    struct mgmt_net_stats stats;
};

static void frame_fire(struct event *event, struct simtime now);
static void sender_fire(struct event *event, struct simtime now);

/* ---- memory ---- */

static struct payload *
payload_make(struct mgmt_net *net, const void *bytes, size_t size)
{
    struct payload *payload;

    if (net->spare_count > 0)
        payload = net->spare[--net->spare_count];
    else
        payload = malloc(sizeof(*payload));
    CHECK(payload != NULL && size <= sizeof(payload->bytes));
    payload->refs = 0;
    payload->size = (uint16_t)size;
    memcpy(payload->bytes, bytes, size);
    return payload;
}

static void
payload_drop(struct mgmt_net *net, struct payload *payload)
{
    if (--payload->refs > 0)
        return;
    if (net->spare_count == net->spare_room) {
        net->spare_room = net->spare_room * 2 + 64;
        net->spare =
            realloc(net->spare, net->spare_room * sizeof(*net->spare));
        CHECK(net->spare != NULL);
    }
    net->spare[net->spare_count++] = payload;
}

static struct frame *
frame_make(struct mgmt_net *net, struct payload *payload)
{
    struct list_node *node = list_pop_front(&net->pool);
    struct frame *frame;

    if (node != NULL) {
        frame = CONTAINER_OF(node, struct frame, node);
    } else {
        frame = calloc(1, sizeof(*frame));
        CHECK(frame != NULL);
    }
    frame->net = net;
    frame->payload = payload;
    payload->refs++;
    return frame;
}

static void
frame_drop(struct frame *frame)
{
    payload_drop(frame->net, frame->payload);
    list_push_back(&frame->net->pool, &frame->node);
}

/* ---- a sending end ---- */

static struct simtime
wire_time(const struct mgmt_net *net, const struct frame *frame)
{
    uint64_t bits = (frame->payload->size + FRAME_OVERHEAD_BYTES) * 8ull;

    return simtime_from_ps(bits * SIMTIME_PS_PER_S / net->options.link_bps);
}

static void
transmit(struct sender *sender, struct frame *frame, struct simtime at)
{
    struct mgmt_net *net = sender->net;
    struct leg *leg;
    uint32_t entity;
    struct simtime arrives;
    int err;

    leg = &net->stations[frame->to_box == NOBODY ? frame->from_box
                                                 : frame->to_box]
               .legs[frame->plane];
    entity =
        frame->to_box == NOBODY ? SWITCH_ENTITY + frame->plane : frame->to_box;
    sender->busy_until = simtime_add(at, wire_time(net, frame));
    arrives = simtime_add(sender->busy_until, net->options.link_delay);
    arrives = simtime_add(arrives, leg->link.added_delay);
    event_init(&frame->event, EVENT_CLASS_DELIVER, entity, frame_fire);
    list_push_back(&net->flying, &frame->node);
    err = kernel_add(net->kernel, &frame->event, arrives);
    CHECK(err == 0 || err == ERR_RANGE);
}

static void
sender_queue(struct sender *sender, struct frame *frame, struct simtime at)
{
    struct mgmt_net *net = sender->net;
    enum lane lane = frame->payload->lane;
    int err = 0;

    if (sender->queued == 0 && simtime_compare(sender->busy_until, at) <= 0) {
        transmit(sender, frame, at);
        return;
    }
    if (sender->queue_bytes[lane] + frame->payload->size >
        net->options.queue_bytes) {
        net->stats.dropped_full[lane]++;
        frame_drop(frame);
        return;
    }
    sender->queue_bytes[lane] += frame->payload->size;
    if (sender->queue_bytes[lane] > net->stats.queue_peak_bytes[lane])
        net->stats.queue_peak_bytes[lane] = sender->queue_bytes[lane];
    list_push_back(&sender->queue[lane], &frame->node);
    if (sender->queued++ == 0)
        err = kernel_add(net->kernel, &sender->next,
                         simtime_max(sender->busy_until, at));
    CHECK(err == 0 || err == ERR_RANGE);
}

static void
sender_fire(struct event *event, struct simtime now)
{
    struct sender *sender = CONTAINER_OF(event, struct sender, next);
    int err = 0;

    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        struct list_node *node = list_pop_front(&sender->queue[lane]);
        struct frame *frame;

        if (node == NULL)
            continue;
        frame = CONTAINER_OF(node, struct frame, node);
        sender->queued--;
        sender->queue_bytes[lane] -= frame->payload->size;
        transmit(sender, frame, now);
        break;
    }
    if (sender->queued > 0)
        err = kernel_add(sender->net->kernel, event, sender->busy_until);
    CHECK(err == 0 || err == ERR_RANGE);
}

static void
sender_init(struct sender *sender, struct mgmt_net *net, uint32_t entity)
{
    sender->net = net;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        list_init(&sender->queue[lane]);
    event_init(&sender->next, EVENT_CLASS_LINK, entity, sender_fire);
}

static void
sender_clear(struct sender *sender)
{
    kernel_cancel(sender->net->kernel, &sender->next);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        struct list_node *node;

        while ((node = list_pop_front(&sender->queue[lane])) != NULL)
            frame_drop(CONTAINER_OF(node, struct frame, node));
        sender->queue_bytes[lane] = 0;
    }
    sender->queued = 0;
}

/* ---- the switch ---- */

static bool
lost(struct leg *leg)
{
    return leg->link.down ||
           (leg->link.loss_ppm > 0 &&
            random_chance_ppm(&leg->loss, leg->link.loss_ppm));
}

/* How many blocks lie on this direction and plane. */
static uint8_t *
blocks(const struct mgmt_net *net, unsigned from, unsigned to, unsigned plane)
{
    size_t pair = (size_t)from * net->options.box_count + to;

    return &net->blocked[pair * PLANE_COUNT + plane];
}

static bool
blocked(const struct mgmt_net *net, unsigned from, unsigned to,
        enum plane plane)
{
    return net->blocked_count > 0 && *blocks(net, from, to, plane) > 0;
}

static void
forward(struct mgmt_net *net, const struct frame *in, unsigned to,
        struct simtime now)
{
    struct station *station = &net->stations[to];
    struct leg *leg = &station->legs[in->plane];
    struct frame *out;

    if (!station->powered || leg->link.deaf ||
        blocked(net, in->from_box, to, in->plane))
        return;
    if (lost(leg))
        return;
    out = frame_make(net, in->payload);
    out->from_box = in->from_box;
    out->to_box = to;
    out->plane = in->plane;
    out->departs = now;
    sender_queue(&leg->down, out,
                 simtime_add(now, net->options.switch_latency));
}

/* The sender was dead before this frame could leave. */
static bool
never_sent(const struct station *from, const struct frame *frame)
{
    return frame->life != from->life &&
           simtime_before(from->died_at, frame->departs);
}

static void
switch_arrival(struct mgmt_net *net, struct frame *frame, struct simtime now)
{
    struct station *from = &net->stations[frame->from_box];

    if (!net->plane_on[frame->plane] || never_sent(from, frame) ||
        from->legs[frame->plane].link.mute || lost(&from->legs[frame->plane]))
        return;
    net->stats.frames[frame->payload->lane]++;
    for (unsigned to = 0; to < net->options.box_count; to++) {
        if (to == frame->from_box)
            continue;
        if (frame->to == PLAT_ADDRESS_ALL) {
            forward(net, frame, to, now);
        } else if (net->stations[to].address == frame->to &&
                   net->stations[to].powered) {
            forward(net, frame, to, now);
            break;
        }
    }
}

static void
frame_fire(struct event *event, struct simtime now)
{
    struct frame *frame = CONTAINER_OF(event, struct frame, event);
    struct mgmt_net *net = frame->net;

    list_remove(&frame->node);
    if (frame->to_box == NOBODY) {
        switch_arrival(net, frame, now);
    } else if (net->stations[frame->to_box].powered &&
               net->plane_on[frame->plane] &&
               !net->stations[frame->to_box].legs[frame->plane].link.down) {
        const struct payload *payload = frame->payload;

        net->options.deliver(net->options.context, frame->to_box, frame->plane,
                             payload->from, payload->lane, payload->bytes,
                             payload->size);
    }
    frame_drop(frame);
}

/* ---- the outside ---- */

static void
station_init(struct mgmt_net *net, unsigned box)
{
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        struct leg *leg = &net->stations[box].legs[plane];

        sender_init(&leg->up, net, box);
        sender_init(&leg->down, net, SWITCH_ENTITY + 2 * box + plane);
        leg->loss = random_stream_make(net->options.seed, 2 * box + plane,
                                       random_purpose("management-loss"));
    }
}

struct mgmt_net *
mgmt_net_create(struct kernel *kernel, const struct mgmt_net_options *options)
{
    struct mgmt_net *net = calloc(1, sizeof(*net));
    size_t count = options->box_count;

    CHECK(net != NULL && options->link_bps > 0);
    net->kernel = kernel;
    net->options = *options;
    net->stations = calloc(count, sizeof(*net->stations));
    net->blocked = calloc(count * count, PLANE_COUNT);
    CHECK(net->stations != NULL && net->blocked != NULL);
    list_init(&net->pool);
    list_init(&net->flying);
    net->plane_on[PLANE_A] = true;
    net->plane_on[PLANE_B] = true;
    for (unsigned box = 0; box < count; box++)
        station_init(net, box);
    return net;
}

static void
frames_free(struct list *list)
{
    struct list_node *node;

    while ((node = list_pop_front(list)) != NULL)
        free(CONTAINER_OF(node, struct frame, node));
}

void
mgmt_net_destroy(struct mgmt_net *net)
{
    struct list_node *node;

    if (net == NULL)
        return;
    for (unsigned box = 0; box < net->options.box_count; box++) {
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
            sender_clear(&net->stations[box].legs[plane].up);
            sender_clear(&net->stations[box].legs[plane].down);
        }
    }
    while ((node = list_pop_front(&net->flying)) != NULL) {
        struct frame *frame = CONTAINER_OF(node, struct frame, node);

        kernel_cancel(net->kernel, &frame->event);
        frame_drop(frame);
    }
    frames_free(&net->pool);
    while (net->spare_count > 0)
        free(net->spare[--net->spare_count]);
    free(net->spare);
    free(net->blocked);
    free(net->stations);
    free(net);
}

void
mgmt_net_box_address(struct mgmt_net *net, unsigned box, uint64_t address)
{
    CHECK(box < net->options.box_count);
    net->stations[box].address = address;
}

void
mgmt_net_box_power(struct mgmt_net *net, unsigned box, bool on)
{
    struct station *station = &net->stations[box];

    station->powered = on;
    if (on)
        return;
    station->life++;
    station->died_at = kernel_now(net->kernel);
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        sender_clear(&station->legs[plane].up);
        station->legs[plane].up.busy_until = station->died_at;
    }
}

void
mgmt_net_plane_power(struct mgmt_net *net, enum plane plane, bool on)
{
    net->plane_on[plane] = on;
    if (on)
        return;
    for (unsigned box = 0; box < net->options.box_count; box++)
        sender_clear(&net->stations[box].legs[plane].down);
}

struct mgmt_link *
mgmt_net_link(struct mgmt_net *net, unsigned box, enum plane plane)
{
    CHECK(box < net->options.box_count && plane < PLANE_COUNT);
    return &net->stations[box].legs[plane].link;
}

void
mgmt_net_block(struct mgmt_net *net, unsigned from, unsigned to,
               unsigned planes)
{
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        uint8_t *count = blocks(net, from, to, plane);

        if (((planes >> plane) & 1) == 0 || *count == UINT8_MAX)
            continue;
        (*count)++;
        net->blocked_count++;
    }
}

void
mgmt_net_unblock(struct mgmt_net *net, unsigned from, unsigned to,
                 unsigned planes)
{
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        uint8_t *count = blocks(net, from, to, plane);

        if (((planes >> plane) & 1) == 0 || *count == 0)
            continue;
        (*count)--;
        net->blocked_count--;
    }
}

void
mgmt_net_unblock_all(struct mgmt_net *net)
{
    size_t count = net->options.box_count;

    memset(net->blocked, 0, count * count * PLANE_COUNT);
    net->blocked_count = 0;
}

void
mgmt_net_send(struct mgmt_net *net, unsigned box, enum plane plane,
              uint64_t to, enum lane lane, const void *bytes, size_t size,
              struct simtime departs)
{
    struct station *station = &net->stations[box];
    struct payload *payload;
    struct frame *frame;

    if (!station->powered || size > PLAT_DATAGRAM_MAX)
        return;
    payload = payload_make(net, bytes, size);
    payload->from = station->address;
    payload->lane = lane;
    frame = frame_make(net, payload);
    frame->from_box = box;
    frame->to_box = NOBODY;
    frame->to = to;
    frame->life = station->life;
    frame->plane = plane;
    frame->departs = departs;
    sender_queue(&station->legs[plane].up, frame, departs);
}

void
mgmt_net_stats(const struct mgmt_net *net, struct mgmt_net_stats *stats)
{
    *stats = net->stats;
}
