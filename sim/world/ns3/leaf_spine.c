/* SPDX-License-Identifier: Apache-2.0
 *
 * A leaf-spine of plain queues in ns-3.
 */
#include "sim/world/ns3/helper_priv.h"

#include <stdio.h>

struct journey {
    struct ns3_helper *helper;
    const struct queues_leaf_spine *shape;
    struct ns3_packet *packets;
    size_t count;
    struct ns3_leaf_spine_totals *totals;
};

/* What ns-3 has nothing like, or NULL. */
static const char *
not_there(const struct queues_leaf_spine *shape)
{
    if (!shape->fixed_spines)
        return "ns-3 has no hash like this one: only fixed spines";
    if (shape->host_link.buffer_bytes > 0 ||
        shape->spine_link.buffer_bytes > 0)
        return "ns-3's queues do not count the packet being sent: only "
               "bounds in packets";
    if (shape->host_link.overhead_bytes != shape->spine_link.overhead_bytes)
        return "in ns-3 a packet has one size";
    return NULL;
}

static void
link_put(struct ns3_wire *wire, const struct queues_link *link)
{
    ns3_put_u64(wire, link->bps);
    ns3_put_u64(wire, link->delay_ps);
    ns3_put_u32(wire, link->buffer_packets);
}

static void
shape_tell(const struct journey *journey)
{
    const struct queues_leaf_spine *shape = journey->shape;
    struct ns3_wire *wire = helper_begin(journey->helper, NS3_LEAF_SPINE);

    ns3_put_u32(wire, shape->leaves);
    ns3_put_u32(wire, shape->spines);
    ns3_put_u32(wire, shape->hosts_per_leaf);
    link_put(wire, &shape->host_link);
    link_put(wire, &shape->spine_link);
    helper_end(journey->helper);
}

static void
packet_tell(const struct journey *journey, size_t index)
{
    const struct ns3_packet *packet = &journey->packets[index];
    struct ns3_wire *wire = helper_begin(journey->helper, NS3_PACKET);

    ns3_put_u64(wire, packet->due_ps);
    ns3_put_u32(wire, (uint32_t)index);
    ns3_put_u32(wire, packet->from);
    ns3_put_u32(wire, packet->to);
    ns3_put_u32(wire,
                packet->bytes + journey->shape->host_link.overhead_bytes);
    helper_end(journey->helper);
}

/* What the helper says must fit what was sent. */
static bool
arrivals_take(const struct journey *journey, struct ns3_wire *wire)
{
    uint32_t count = ns3_get_u32(wire);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = ns3_get_u32(wire);
        uint64_t latency_ps = ns3_get_u64(wire);

        if (wire->bad || index >= journey->count ||
            journey->packets[index].latency_ps != NS3_LOST)
            return false;
        journey->packets[index].latency_ps = latency_ps;
        journey->totals->delivered++;
    }
    return !wire->bad;
}

/* Lets ns-3 run to 'to_ps'. */
static bool
advance(const struct journey *journey, uint64_t to_ps)
{
    struct ns3_leaf_spine_totals *totals = journey->totals;
    struct ns3_wire *wire = helper_begin(journey->helper, NS3_RUN);

    ns3_put_u64(wire, to_ps);
    helper_end(journey->helper);
    wire = helper_ask(journey->helper, NS3_RUN);
    if (wire == NULL)
        return false;
    totals->sent = ns3_get_u64(wire);
    totals->dropped = ns3_get_u64(wire);
    totals->events = ns3_get_u64(wire);
    if (arrivals_take(journey, wire) &&
        totals->delivered + totals->dropped <= totals->sent)
        return true;
    helper_break(journey->helper, "the helper says what cannot be");
    return false;
}

static uint64_t
before(uint64_t due_ps)
{
    return due_ps > 0 ? due_ps - 1 : 0;
}

static bool
travel(const struct journey *journey, uint64_t until_ps)
{
    /* What a run answers with was sent up to here. */
    const size_t most = NS3_PACKETS_PER_RUN / 4;
    size_t told = 0;

    shape_tell(journey);
    for (size_t i = 0; i < journey->count; i++) {
        if (journey->packets[i].due_ps > until_ps)
            break;
        if (told++ == most) {
            told = 1;
            if (!advance(journey, before(journey->packets[i].due_ps)))
                return false;
        }
        packet_tell(journey, i);
    }
    return advance(journey, until_ps);
}

int
ns3_leaf_spine_run(struct ns3_helper *helper,
                   const struct queues_leaf_spine *shape,
                   struct ns3_packet *packets, size_t count, uint64_t until_ps,
                   struct ns3_leaf_spine_totals *totals, char *message,
                   size_t message_size)
{
    struct journey journey = {helper, shape, packets, count, totals};
    const char *why = not_there(shape);
    int err = why != NULL ? ERR_UNSUPPORTED : 0;

    *totals = (struct ns3_leaf_spine_totals){0};
    for (size_t i = 0; i < count; i++)
        packets[i].latency_ps = NS3_LOST;
    if (err == 0 && !travel(&journey, until_ps)) {
        why = helper_broken(helper);
        err = ERR_IO;
    }
    totals->held = totals->sent - totals->delivered - totals->dropped;
    if (err != 0)
        (void)snprintf(message, message_size, "%s", why);
    ns3_helper_stop(helper);
    return err;
}
