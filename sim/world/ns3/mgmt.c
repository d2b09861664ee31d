/* SPDX-License-Identifier: Apache-2.0
 *
 * The management network whose links and queues are ns-3's.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/list.h"
#include "sim/world/ns3/helper_priv.h"

#include <stdlib.h>
#include <string.h>

#define SYNC_ENTITY 0xfffffeu

/* A frame on its way; its index is its name on the wire. */
struct parcel {
    unsigned refs; /* the helper's, and one for each arrival; 0: free */
    uint64_t from;
    enum lane lane;
    enum plane plane;
    uint16_t size;
    uint8_t bytes[PLAT_DATAGRAM_MAX];
};

/* At a box. */
struct arrival {
    struct event event;
    struct list_node node;
    struct ns3_net *net;
    uint32_t parcel;
    unsigned box;
};

struct ns3_net {
    struct mgmt_net net; /* first */
    struct kernel *kernel;
    struct ns3_helper *helper;
    struct mgmt_net_options options;
    uint64_t *addresses;
    bool *powered;
    struct mgmt_link (*links)[PLANE_COUNT];
    struct parcel **parcels;
    uint32_t parcel_count, parcel_room;
    uint32_t *spare; /* indices of free parcels */
    uint32_t spare_count;
    struct list pool, pending; /* arrivals */
    struct event sync;
    struct simtime quiet_until; /* nothing arrives before */
    bool told;                  /* that it is broken */
    struct lane_account nothing;
};

static struct ns3_net *
net_of(struct mgmt_net *net)
{
    return CONTAINER_OF(net, struct ns3_net, net);
}

static uint64_t
now_ps(const struct ns3_net *net)
{
    return kernel_now(net->kernel).ps;
}

/* ---- parcels ---- */

static uint32_t
parcel_make(struct ns3_net *net)
{
    if (net->spare_count > 0)
        return net->spare[--net->spare_count];
    if (net->parcel_count == net->parcel_room) {
        net->parcel_room = net->parcel_room * 2 + 64;
        net->parcels =
            realloc(net->parcels, net->parcel_room * sizeof(*net->parcels));
        net->spare =
            realloc(net->spare, net->parcel_room * sizeof(*net->spare));
        CHECK(net->parcels != NULL && net->spare != NULL);
    }
    net->parcels[net->parcel_count] = calloc(1, sizeof(struct parcel));
    CHECK(net->parcels[net->parcel_count] != NULL);
    return net->parcel_count++;
}

/* The parcel of that name on the wire, or NULL. */
static struct parcel *
parcel_find(const struct ns3_net *net, uint32_t index)
{
    if (index >= net->parcel_count || net->parcels[index]->refs == 0)
        return NULL;
    return net->parcels[index];
}

static void
parcel_drop(struct ns3_net *net, uint32_t index)
{
    if (--net->parcels[index]->refs == 0)
        net->spare[net->spare_count++] = index;
}

/* ---- lock step ---- */

static void
broken(struct ns3_net *net)
{
    kernel_cancel(net->kernel, &net->sync);
    if (!net->told && net->options.failed != NULL)
        net->options.failed(net->options.context);
    net->told = true;
}

/* The kernel stops for ns-3 when something may arrive. */
static void
sync_at(struct ns3_net *net, struct simtime at)
{
    int err;

    net->quiet_until = at;
    if (at.ps == NS3_NEVER) {
        kernel_cancel(net->kernel, &net->sync);
        return;
    }
    err = kernel_add(net->kernel, &net->sync, at);
    CHECK(err == 0 || err == ERR_RANGE);
}

static void
arrival_fire(struct event *event, struct simtime now)
{
    struct arrival *arrival = CONTAINER_OF(event, struct arrival, event);
    struct ns3_net *net = arrival->net;
    const struct parcel *parcel = net->parcels[arrival->parcel];

    (void)now;
    list_remove(&arrival->node);
    if (net->powered[arrival->box])
        net->options.deliver(net->options.context, arrival->box, parcel->plane,
                             parcel->from, parcel->lane, parcel->bytes,
                             parcel->size);
    parcel_drop(net, arrival->parcel);
    list_push_back(&net->pool, &arrival->node);
}

static void
arrival_make(struct ns3_net *net, uint32_t parcel, unsigned box,
             struct simtime at)
{
    struct list_node *node = list_pop_front(&net->pool);
    struct arrival *arrival;
    int err;

    if (node != NULL) {
        arrival = CONTAINER_OF(node, struct arrival, node);
    } else {
        arrival = calloc(1, sizeof(*arrival));
        CHECK(arrival != NULL);
    }
    arrival->net = net;
    arrival->parcel = parcel;
    arrival->box = box;
    net->parcels[parcel]->refs++;
    list_push_back(&net->pending, &arrival->node);
    event_init(&arrival->event, EVENT_CLASS_DELIVER, box, arrival_fire);
    err = kernel_add(net->kernel, &arrival->event, at);
    CHECK(err == 0 || err == ERR_RANGE);
}

/* What the helper says must fit what was sent. */
static bool
arrivals_take(struct ns3_net *net, struct ns3_wire *answer)
{
    uint32_t count = ns3_get_u32(answer);

    for (uint32_t i = 0; i < count && !answer->bad; i++) {
        uint64_t at = ns3_get_u64(answer);
        uint32_t parcel = ns3_get_u32(answer);
        uint32_t box = ns3_get_u32(answer);

        if (answer->bad || box >= net->options.box_count || at < now_ps(net) ||
            parcel_find(net, parcel) == NULL)
            return false;
        arrival_make(net, parcel, box, simtime_from_ps(at));
    }
    return !answer->bad;
}

static bool
ended_take(struct ns3_net *net, struct ns3_wire *answer)
{
    uint32_t count = ns3_get_u32(answer);

    for (uint32_t i = 0; i < count && !answer->bad; i++) {
        uint32_t parcel = ns3_get_u32(answer);

        if (answer->bad || parcel_find(net, parcel) == NULL)
            return false;
        parcel_drop(net, parcel);
    }
    return !answer->bad;
}

static void
sync_fire(struct event *event, struct simtime now)
{
    struct ns3_net *net = CONTAINER_OF(event, struct ns3_net, sync);
    struct ns3_wire *wire = helper_begin(net->helper, NS3_ADVANCE);
    uint64_t next;

    ns3_put_u64(wire, now.ps);
    helper_end(net->helper);
    wire = helper_ask(net->helper, NS3_ADVANCE);
    if (wire == NULL) {
        broken(net);
        return;
    }
    next = ns3_get_u64(wire);
    if (next < now.ps || !arrivals_take(net, wire) || !ended_take(net, wire)) {
        helper_break(net->helper, "the helper says what cannot be");
        broken(net);
        return;
    }
    sync_at(net, simtime_from_ps(next));
}

/* ---- what happens to the network ---- */

static struct ns3_wire *
tell(struct ns3_net *net, enum ns3_message message)
{
    struct ns3_wire *wire = helper_begin(net->helper, message);

    ns3_put_u64(wire, now_ps(net));
    return wire;
}

static void
net_box_address(struct mgmt_net *any, unsigned box, uint64_t address)
{
    struct ns3_net *net = net_of(any);
    struct ns3_wire *wire = tell(net, NS3_ADDRESS);

    net->addresses[box] = address;
    ns3_put_u32(wire, box);
    ns3_put_u64(wire, address);
    helper_end(net->helper);
}

static void
net_box_power(struct mgmt_net *any, unsigned box, bool on)
{
    struct ns3_net *net = net_of(any);
    struct ns3_wire *wire = tell(net, NS3_BOX_POWER);

    net->powered[box] = on;
    ns3_put_u32(wire, box);
    ns3_put_u8(wire, on);
    helper_end(net->helper);
}

static void
net_plane_power(struct mgmt_net *any, enum plane plane, bool on)
{
    struct ns3_net *net = net_of(any);
    struct ns3_wire *wire = tell(net, NS3_PLANE_POWER);

    ns3_put_u8(wire, (uint8_t)plane);
    ns3_put_u8(wire, on);
    helper_end(net->helper);
}

static struct mgmt_link
net_link(struct mgmt_net *any, unsigned box, enum plane plane)
{
    CHECK(box < net_of(any)->options.box_count && plane < PLANE_COUNT);
    return net_of(any)->links[box][plane];
}

static void
net_link_set(struct mgmt_net *any, unsigned box, enum plane plane,
             const struct mgmt_link *link)
{
    struct ns3_net *net = net_of(any);
    struct ns3_wire *wire = tell(net, NS3_LINK);

    CHECK(box < net->options.box_count && plane < PLANE_COUNT);
    net->links[box][plane] = *link;
    ns3_put_u32(wire, box);
    ns3_put_u8(wire, (uint8_t)plane);
    ns3_put_u8(wire, (link->down ? NS3_LINK_DOWN : 0) |
                         (link->mute ? NS3_LINK_MUTE : 0) |
                         (link->deaf ? NS3_LINK_DEAF : 0));
    ns3_put_u32(wire, link->loss_ppm);
    ns3_put_u64(wire, link->added_delay.ps);
    helper_end(net->helper);
}

static void
block_tell(struct mgmt_net *any, unsigned from, unsigned to, unsigned planes,
           bool on)
{
    struct ns3_net *net = net_of(any);
    struct ns3_wire *wire = tell(net, NS3_BLOCK);

    ns3_put_u32(wire, from);
    ns3_put_u32(wire, to);
    ns3_put_u8(wire, (uint8_t)planes);
    ns3_put_u8(wire, on);
    helper_end(net->helper);
}

static void
net_block(struct mgmt_net *any, unsigned from, unsigned to, unsigned planes)
{
    block_tell(any, from, to, planes, true);
}

static void
net_unblock(struct mgmt_net *any, unsigned from, unsigned to, unsigned planes)
{
    block_tell(any, from, to, planes, false);
}

static void
net_unblock_all(struct mgmt_net *any)
{
    struct ns3_net *net = net_of(any);

    (void)tell(net, NS3_UNBLOCK_ALL);
    helper_end(net->helper);
}

static struct simtime
wire_time(const struct ns3_net *net, size_t size)
{
    uint64_t bits = mgmt_net_wire_bytes(size) * 8u;

    return simtime_from_ps(bits * SIMTIME_PS_PER_S / net->options.link_bps);
}

/* A frame that meets no other arrives then: none arrives earlier. */
static struct simtime
soonest(const struct ns3_net *net, size_t size, struct simtime departs)
{
    struct simtime hop =
        simtime_add(wire_time(net, size), net->options.link_delay);

    return simtime_add(simtime_add(departs, net->options.switch_latency),
                       simtime_add(hop, hop));
}

static void
net_send(struct mgmt_net *any, unsigned box, enum plane plane, uint64_t to,
         enum lane lane, const void *bytes, size_t size,
         struct simtime departs)
{
    struct ns3_net *net = net_of(any);
    struct simtime at = soonest(net, size, departs);
    struct parcel *parcel;
    struct ns3_wire *wire;
    uint32_t index;

    if (!net->powered[box] || size > PLAT_DATAGRAM_MAX ||
        helper_broken(net->helper) != NULL)
        return;
    index = parcel_make(net);
    parcel = net->parcels[index];
    parcel->refs = 1;
    parcel->from = net->addresses[box];
    parcel->lane = lane;
    parcel->plane = plane;
    parcel->size = (uint16_t)size;
    memcpy(parcel->bytes, bytes, size);
    wire = helper_begin(net->helper, NS3_SEND);
    ns3_put_u64(wire, departs.ps);
    ns3_put_u32(wire, index);
    ns3_put_u32(wire, box);
    ns3_put_u8(wire, (uint8_t)plane);
    ns3_put_u8(wire, (uint8_t)lane);
    ns3_put_u64(wire, to);
    ns3_put_u32(wire, (uint32_t)mgmt_net_wire_bytes(size));
    helper_end(net->helper);
    if (simtime_before(at, net->quiet_until))
        sync_at(net, at);
}

/* ---- what is known of it ---- */

static void
net_stats(struct mgmt_net *any, struct mgmt_net_stats *stats)
{
    struct ns3_net *net = net_of(any);
    struct ns3_wire *wire = helper_begin(net->helper, NS3_STATS);

    memset(stats, 0, sizeof(*stats));
    helper_end(net->helper);
    wire = helper_ask(net->helper, NS3_STATS);
    for (unsigned lane = 0; wire != NULL && lane < LANE_COUNT; lane++) {
        stats->frames[lane] = ns3_get_u64(wire);
        stats->dropped_full[lane] = ns3_get_u64(wire);
        stats->queue_peak_bytes[lane] = ns3_get_u32(wire);
    }
}

static struct simtime
net_frame_longest(struct mgmt_net *any)
{
    return wire_time(net_of(any), PLAT_DATAGRAM_MAX);
}

static const struct lane_account *
net_lanes(struct mgmt_net *any, unsigned box, enum lane_hop hop)
{
    CHECK(box < net_of(any)->options.box_count && hop < LANE_HOP_CPU);
    return &net_of(any)->nothing;
}

static const char *
net_broken(struct mgmt_net *any)
{
    return helper_broken(net_of(any)->helper);
}

/* ---- life ---- */

static void
arrivals_free(struct ns3_net *net, struct list *list)
{
    struct list_node *node;

    while ((node = list_pop_front(list)) != NULL) {
        struct arrival *arrival = CONTAINER_OF(node, struct arrival, node);

        kernel_cancel(net->kernel, &arrival->event);
        free(arrival);
    }
}

static void
net_destroy(struct mgmt_net *any)
{
    struct ns3_net *net = net_of(any);

    kernel_cancel(net->kernel, &net->sync);
    arrivals_free(net, &net->pending);
    arrivals_free(net, &net->pool);
    for (uint32_t i = 0; i < net->parcel_count; i++)
        free(net->parcels[i]);
    free(net->parcels);
    free(net->spare);
    free(net->addresses);
    free(net->powered);
    free(net->links);
    ns3_helper_stop(net->helper);
    free(net);
}

static const struct mgmt_net_ops net_ops = {
    .destroy = net_destroy,
    .box_address = net_box_address,
    .box_power = net_box_power,
    .plane_power = net_plane_power,
    .link = net_link,
    .link_set = net_link_set,
    .block = net_block,
    .unblock = net_unblock,
    .unblock_all = net_unblock_all,
    .send = net_send,
    .stats = net_stats,
    .frame_longest = net_frame_longest,
    .lanes = net_lanes,
    .broken = net_broken,
};

static void
setup_tell(struct ns3_net *net)
{
    struct ns3_wire *wire = helper_begin(net->helper, NS3_MGMT);

    ns3_put_u32(wire, net->options.box_count);
    ns3_put_u64(wire, net->options.link_bps);
    ns3_put_u64(wire, net->options.link_delay.ps);
    ns3_put_u64(wire, net->options.switch_latency.ps);
    ns3_put_u32(wire, net->options.queue_bytes);
    ns3_put_u64(wire, net->options.seed);
    helper_end(net->helper);
}

struct mgmt_net *
ns3_mgmt_net_create(struct ns3_helper *helper, struct kernel *kernel,
                    const struct mgmt_net_options *options)
{
    struct ns3_net *net = calloc(1, sizeof(*net));
    size_t count = options->box_count;

    CHECK(net != NULL && options->link_bps > 0 && count <= NS3_BOXES_MAX);
    net->net.ops = &net_ops;
    net->kernel = kernel;
    net->helper = helper;
    net->options = *options;
    net->quiet_until.ps = NS3_NEVER;
    net->addresses = calloc(count, sizeof(*net->addresses));
    net->powered = calloc(count, sizeof(*net->powered));
    net->links = calloc(count, sizeof(*net->links));
    CHECK(net->addresses != NULL && net->powered != NULL &&
          net->links != NULL);
    list_init(&net->pool);
    list_init(&net->pending);
    event_init(&net->sync, EVENT_CLASS_LINK, SYNC_ENTITY, sync_fire);
    setup_tell(net);
    return &net->net;
}
