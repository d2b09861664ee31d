/* SPDX-License-Identifier: Apache-2.0 */
#include "models/mgmt_net.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/list.h"

#include <stdlib.h>
#include <string.h>

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
    struct native *net;
    struct payload *payload;
    uint32_t from_box;
    uint32_t to_box; /* NOBODY: on its way to the switch */
    uint64_t to;
    uint64_t life; /* of the sender */
    enum plane plane;
    struct simtime departs; /* reaches the sending end */
    struct lane_mark mark;  /* then */
};

/* A sending end. */
struct sender {
    struct native *net;
    struct simtime busy_until;
    unsigned queued;       /* in all queues */
    unsigned coming_count; /* in .coming */
    struct lane_meter meter;
    struct list coming; /* by departure; some are not due yet */
    struct list queue[LANE_COUNT];
    uint32_t queue_bytes[LANE_COUNT];
    struct event next;
    unsigned box;
    enum lane_hop hop;
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

struct native {
    struct mgmt_net net; /* first */
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
    struct lane_account (*lanes)[LANE_HOP_COUNT]; /* of each box */
};

static void frame_fire(struct event *event, struct simtime now);
static void sender_fire(struct event *event, struct simtime now);

/* ---- memory ---- */

static struct payload *
payload_make(struct native *net, const void *bytes, size_t size)
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
payload_drop(struct native *net, struct payload *payload)
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
frame_make(struct native *net, struct payload *payload)
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
bytes_time(const struct native *net, size_t size)
{
    uint64_t bits = mgmt_net_wire_bytes(size) * 8u;

    return simtime_from_ps(bits * SIMTIME_PS_PER_S / net->options.link_bps);
}

/* Puts the frame on the wire; returns when it has left. */
static struct simtime
transmit(struct sender *sender, struct frame *frame, struct simtime at)
{
    struct native *net = sender->net;
    struct leg *leg;
    uint32_t entity;
    struct simtime arrives;
    int err;

    leg = &net->stations[frame->to_box == NOBODY ? frame->from_box
                                                 : frame->to_box]
               .legs[frame->plane];
    entity =
        frame->to_box == NOBODY ? SWITCH_ENTITY + frame->plane : frame->to_box;
    sender->busy_until =
        simtime_add(at, bytes_time(net, frame->payload->size));
    arrives = simtime_add(sender->busy_until, net->options.link_delay);
    arrives = simtime_add(arrives, leg->link.added_delay);
    event_init(&frame->event, EVENT_CLASS_DELIVER, entity, frame_fire);
    list_push_back(&net->flying, &frame->node);
    err = kernel_add(net->kernel, &frame->event, arrives);
    CHECK(err == 0 || err == ERR_RANGE);
    return sender->busy_until;
}

static void
sender_schedule(struct sender *sender)
{
    struct simtime at = sender->busy_until;
    int err;

    if (sender->queued == 0)
        at = simtime_max(
            at, CONTAINER_OF(list_first(&sender->coming), struct frame, node)
                    ->departs);
    err = kernel_add(sender->net->kernel, &sender->next, at);
    CHECK(err == 0 || err == ERR_RANGE);
}

/* Frames come by departure. */
static void
sender_take(struct sender *sender, struct frame *frame)
{
    struct simtime at = frame->departs;

    if (sender->queued + sender->coming_count == 0 &&
        simtime_compare(sender->busy_until, at) <= 0) {
        lane_meter_begin(&sender->meter, frame->payload->lane, at,
                         transmit(sender, frame, at));
        return;
    }
    list_push_back(&sender->coming, &frame->node);
    if (sender->queued + sender->coming_count++ == 0)
        sender_schedule(sender);
}

static unsigned
queue_of(const struct native *net, const struct frame *frame)
{
    return net->options.one_queue ? 0 : frame->payload->lane;
}

/* Nothing was served since the frame reached this end. */
static void
sender_queue(struct sender *sender, struct frame *frame)
{
    struct native *net = sender->net;
    enum lane lane = frame->payload->lane;
    unsigned queue = queue_of(net, frame);

    if (sender->queue_bytes[queue] + frame->payload->size >
        net->options.queue_bytes) {
        net->stats.dropped_full[lane]++;
        frame_drop(frame);
        return;
    }
    sender->queue_bytes[queue] += frame->payload->size;
    if (sender->queue_bytes[queue] > net->stats.queue_peak_bytes[lane])
        net->stats.queue_peak_bytes[lane] = sender->queue_bytes[queue];
    frame->mark = lane_meter_mark(&sender->meter, lane, frame->departs);
    list_push_back(&sender->queue[queue], &frame->node);
    sender->queued++;
}

/* Queues what has reached this end by now. */
static void
sender_admit(struct sender *sender, struct simtime now)
{
    while (sender->coming_count > 0) {
        struct frame *frame =
            CONTAINER_OF(list_first(&sender->coming), struct frame, node);

        if (simtime_before(now, frame->departs))
            break;
        list_remove(&frame->node);
        sender->coming_count--;
        sender_queue(sender, frame);
    }
}

/* The next frame in strict priority, or NULL. */
static struct frame *
sender_next(struct sender *sender)
{
    for (unsigned queue = 0; queue < LANE_COUNT; queue++) {
        struct list_node *node = list_pop_front(&sender->queue[queue]);
        struct frame *frame;

        if (node == NULL)
            continue;
        frame = CONTAINER_OF(node, struct frame, node);
        sender->queued--;
        sender->queue_bytes[queue] -= frame->payload->size;
        return frame;
    }
    return NULL;
}

/* A waiting frame is served: what did lower lanes add? */
static void
sender_measure(struct sender *sender, const struct frame *frame,
               struct simtime now)
{
    struct native *net = sender->net;
    struct lane_account *account = &net->lanes[sender->box][sender->hop];
    struct lane_wait wait = lane_meter_wait(
        &sender->meter, frame->payload->lane, frame->mark, now);

    if (wait.units == 0)
        return;
    account->waited++;
    if ((lane_account_worst(account, &wait) || wait.units > 1) &&
        net->options.waited != NULL)
        net->options.waited(net->options.context, sender->box, sender->hop,
                            &wait);
}

static void
sender_fire(struct event *event, struct simtime now)
{
    struct sender *sender = CONTAINER_OF(event, struct sender, next);
    struct frame *frame;

    sender_admit(sender, now);
    frame = sender_next(sender);
    if (frame != NULL) {
        sender_measure(sender, frame, now);
        lane_meter_begin(&sender->meter, frame->payload->lane, now,
                         transmit(sender, frame, now));
    }
    if (sender->queued + sender->coming_count > 0)
        sender_schedule(sender);
}

static void
sender_init(struct sender *sender, struct native *net, unsigned box,
            enum lane_hop hop, uint32_t entity)
{
    sender->net = net;
    sender->box = box;
    sender->hop = hop;
    list_init(&sender->coming);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        list_init(&sender->queue[lane]);
    event_init(&sender->next, EVENT_CLASS_LINK, entity, sender_fire);
}

static void
sender_clear(struct sender *sender)
{
    struct list_node *node;

    kernel_cancel(sender->net->kernel, &sender->next);
    while ((node = list_pop_front(&sender->coming)) != NULL)
        frame_drop(CONTAINER_OF(node, struct frame, node));
    for (unsigned queue = 0; queue < LANE_COUNT; queue++) {
        while ((node = list_pop_front(&sender->queue[queue])) != NULL)
            frame_drop(CONTAINER_OF(node, struct frame, node));
        sender->queue_bytes[queue] = 0;
    }
    sender->queued = 0;
    sender->coming_count = 0;
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
blocks(const struct native *net, unsigned from, unsigned to, unsigned plane)
{
    size_t pair = (size_t)from * net->options.box_count + to;

    return &net->blocked[pair * PLANE_COUNT + plane];
}

static bool
blocked(const struct native *net, unsigned from, unsigned to, enum plane plane)
{
    return net->blocked_count > 0 && *blocks(net, from, to, plane) > 0;
}

static void
forward(struct native *net, const struct frame *in, unsigned to,
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
    out->departs = simtime_add(now, net->options.switch_latency);
    sender_take(&leg->down, out);
}

/* The sender was dead before this frame could leave. */
static bool
never_sent(const struct station *from, const struct frame *frame)
{
    return frame->life != from->life &&
           simtime_before(from->died_at, frame->departs);
}

static void
switch_arrival(struct native *net, struct frame *frame, struct simtime now)
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
    struct native *net = frame->net;

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

static struct native *
native_of(struct mgmt_net *net)
{
    return CONTAINER_OF(net, struct native, net);
}

static void
station_init(struct native *net, unsigned box)
{
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        struct leg *leg = &net->stations[box].legs[plane];

        sender_init(&leg->up, net, box, LANE_HOP_NIC, box);
        sender_init(&leg->down, net, box, LANE_HOP_SWITCH,
                    SWITCH_ENTITY + 2 * box + plane);
        leg->loss = random_stream_make(net->options.seed, 2 * box + plane,
                                       random_purpose("management-loss"));
    }
}

static void
frames_free(struct list *list)
{
    struct list_node *node;

    while ((node = list_pop_front(list)) != NULL)
        free(CONTAINER_OF(node, struct frame, node));
}

static void
native_destroy(struct mgmt_net *any)
{
    struct native *net = native_of(any);
    struct list_node *node;

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
    free(net->lanes);
    free(net->stations);
    free(net);
}

static void
native_box_address(struct mgmt_net *any, unsigned box, uint64_t address)
{
    struct native *net = native_of(any);

    CHECK(box < net->options.box_count);
    net->stations[box].address = address;
}

static void
native_box_power(struct mgmt_net *any, unsigned box, bool on)
{
    struct native *net = native_of(any);
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

static void
native_plane_power(struct mgmt_net *any, enum plane plane, bool on)
{
    struct native *net = native_of(any);

    net->plane_on[plane] = on;
    if (on)
        return;
    for (unsigned box = 0; box < net->options.box_count; box++)
        sender_clear(&net->stations[box].legs[plane].down);
}

static struct mgmt_link *
link_of(struct mgmt_net *any, unsigned box, enum plane plane)
{
    struct native *net = native_of(any);

    CHECK(box < net->options.box_count && plane < PLANE_COUNT);
    return &net->stations[box].legs[plane].link;
}

static struct mgmt_link
native_link(struct mgmt_net *any, unsigned box, enum plane plane)
{
    return *link_of(any, box, plane);
}

static void
native_link_set(struct mgmt_net *any, unsigned box, enum plane plane,
                const struct mgmt_link *link)
{
    *link_of(any, box, plane) = *link;
}

static void
native_block(struct mgmt_net *any, unsigned from, unsigned to, unsigned planes)
{
    struct native *net = native_of(any);

    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        uint8_t *count = blocks(net, from, to, plane);

        if (((planes >> plane) & 1) == 0 || *count == UINT8_MAX)
            continue;
        (*count)++;
        net->blocked_count++;
    }
}

static void
native_unblock(struct mgmt_net *any, unsigned from, unsigned to,
               unsigned planes)
{
    struct native *net = native_of(any);

    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        uint8_t *count = blocks(net, from, to, plane);

        if (((planes >> plane) & 1) == 0 || *count == 0)
            continue;
        (*count)--;
        net->blocked_count--;
    }
}

static void
native_unblock_all(struct mgmt_net *any)
{
    struct native *net = native_of(any);
    size_t count = net->options.box_count;

    memset(net->blocked, 0, count * count * PLANE_COUNT);
    net->blocked_count = 0;
}

static void
native_send(struct mgmt_net *any, unsigned box, enum plane plane, uint64_t to,
            enum lane lane, const void *bytes, size_t size,
            struct simtime departs)
{
    struct native *net = native_of(any);
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
    sender_take(&station->legs[plane].up, frame);
}

static void
native_stats(struct mgmt_net *any, struct mgmt_net_stats *stats)
{
    *stats = native_of(any)->stats;
}

static struct simtime
native_frame_longest(struct mgmt_net *any)
{
    return bytes_time(native_of(any), PLAT_DATAGRAM_MAX);
}

static const struct lane_account *
native_lanes(struct mgmt_net *any, unsigned box, enum lane_hop hop)
{
    struct native *net = native_of(any);

    CHECK(box < net->options.box_count && hop < LANE_HOP_CPU);
    return &net->lanes[box][hop];
}

static const struct mgmt_net_ops native_ops = {
    .destroy = native_destroy,
    .box_address = native_box_address,
    .box_power = native_box_power,
    .plane_power = native_plane_power,
    .link = native_link,
    .link_set = native_link_set,
    .block = native_block,
    .unblock = native_unblock,
    .unblock_all = native_unblock_all,
    .send = native_send,
    .stats = native_stats,
    .frame_longest = native_frame_longest,
    .lanes = native_lanes,
};

struct mgmt_net *
mgmt_net_create(struct kernel *kernel, const struct mgmt_net_options *options)
{
    struct native *net = calloc(1, sizeof(*net));
    size_t count = options->box_count;

    CHECK(net != NULL && options->link_bps > 0);
    net->net.ops = &native_ops;
    net->kernel = kernel;
    net->options = *options;
    net->stations = calloc(count, sizeof(*net->stations));
    net->blocked = calloc(count * count, PLANE_COUNT);
    net->lanes = calloc(count, sizeof(*net->lanes));
    CHECK(net->stations != NULL && net->blocked != NULL && net->lanes != NULL);
    list_init(&net->pool);
    list_init(&net->flying);
    net->plane_on[PLANE_A] = true;
    net->plane_on[PLANE_B] = true;
    for (unsigned box = 0; box < count; box++)
        station_init(net, box);
    return &net->net;
}
