/* SPDX-License-Identifier: Apache-2.0
 *
 * The box in and out of service, and what it tells the fabric about itself.
 *
 * Order    see advertises().
 * Headless the loss of a controller is no event here.
 */
#include "reference-nos/fabric/reach_priv.h"

static void
front_want(struct reach *reach, uint64_t value)
{
    unsigned index;

    for (index = 0; index * REACH_WRITE_BATCH < reach->config.front_ports;
         index++)
        reach_want(reach, SLOT_FRONT + index, value);
}

static void
front_adopt(struct reach *reach, const unsigned *up)
{
    unsigned index;

    for (index = 0; index * REACH_WRITE_BATCH < reach->config.front_ports;
         index++) {
        struct slot *slot = &reach->slots[SLOT_FRONT + index];
        unsigned left = reach->config.front_ports - index * REACH_WRITE_BATCH;
        unsigned batch = left < REACH_WRITE_BATCH ? left : REACH_WRITE_BATCH;

        /* Half written counts as not written: it is written again. */
        slot->wanted = slot->sent = slot->done = up[index] == batch;
    }
}

static void
reach_entry_adopt(struct reach *reach, const struct fwd_entry *entry,
                  uint64_t now_ns)
{
    struct slot *slot = &reach->slots[entry->id];

    slot->wanted = slot->sent = slot->done = entry->value;
    reach->kept[entry->id] = entry->value;
    reach_touch(reach, entry->id, now_ns);
}

static void
box_adopt(struct reach *reach, const struct fwd_entry *entry)
{
    struct slot *slot = &reach->slots[SLOT_BOX];

    slot->wanted = slot->sent = slot->done = 1;
    slot->arg = entry->arg;
    reach->module = entry->arg < FWD_MODULES_MAX ? entry->arg : MODULE_NONE;
    reach->box = BOX_ON;
    reach->advertised = true; /* By the life before. */
    reach->traced_forwarding = true;
}

void
reach_adopt(struct reach *reach, const struct fwd_entry *entries, size_t count,
            uint64_t now_ns)
{
    unsigned up[FRONT_SLOTS] = {0};
    size_t i;

    for (i = 0; i < count; i++) {
        const struct fwd_entry *entry = &entries[i];

        switch (entry->object) {
        case FWD_BOX:
            if (entry->value != 0)
                box_adopt(reach, entry);
            break;
        case FWD_REACH:
            if (entry->id < FWD_MODULES_MAX)
                reach_entry_adopt(reach, entry, now_ns);
            break;
        case FWD_FRONT:
            if (entry->id < REACH_FRONT_PORTS_MAX && entry->value != 0)
                up[entry->id / REACH_WRITE_BATCH]++;
            break;
        }
    }
    front_adopt(reach, up);
    if (count == 0)
        return;
    reach->kept_ports = reach->config.fabric_ports == 64
                            ? UINT64_MAX
                            : reach_bit(reach->config.fabric_ports) - 1;
    reach->grace_end_ns = now_ns + REACH_GRACE_NS;
    if (reach->config.role == ROLE_NCF)
        for (i = 0; i < FWD_MODULES_MAX; i++)
            reach_advertise(reach, (unsigned)i, now_ns);
}

static void
module_set(struct reach *reach, uint16_t module, uint64_t now_ns)
{
    if (reach->module == module)
        return;
    reach_touch(reach, reach->module, now_ns);
    reach->module = module;
    reach_touch(reach, module, now_ns);
    reach_want(reach, SLOT_BOX, reach->slots[SLOT_BOX].wanted);
    reach_announce_all(reach, now_ns);
}

void
reach_member(struct reach *reach, uint16_t module, bool drained, uint64_t term,
             uint64_t now_ns)
{
    reach->member_known = true;
    reach->term = term;
    if (module < FWD_MODULES_MAX) {
        reach->drained = drained;
        reach->forget_at_ns = TIME_NEVER_NS;
        reach->forgotten = false;
        module_set(reach, module, now_ns);
    } else if (reach->module != MODULE_NONE && !reach->forgotten) {
        reach_earlier(&reach->forget_at_ns, now_ns + REACH_GRACE_NS);
    }
    reach_box_step(reach, now_ns);
}

void
reach_advertise(struct reach *reach, unsigned module, uint64_t now_ns)
{
    const struct slot *slot = &reach->slots[module];
    uint8_t links = 0;

    if (reach->advertised)
        links = (uint8_t)reach_bits(slot->wanted & slot->done);
    if (links == reach->advert[module])
        return;
    reach->advert[module] = links;
    reach_announce_all(reach, links == 0 ? now_ns : reach_hold(reach, now_ns));
}

/* Good news waits longer the more of it there was lately. */
uint64_t
reach_hold(struct reach *reach, uint64_t now_ns)
{
    if (now_ns - reach->held_ns > NS_PER_S)
        reach->hold_ns = REACH_HOLD_NS;
    return now_ns + reach->hold_ns;
}

void
reach_held(struct reach *reach, uint64_t now_ns)
{
    if (now_ns - reach->held_ns < REACH_HOLD_NS)
        return;
    reach->held_ns = now_ns;
    if (reach->hold_ns < REACH_HOLD_MAX_NS)
        reach->hold_ns *= 2;
}

static void
advertise_set(struct reach *reach, bool advertised, uint64_t now_ns)
{
    unsigned module;

    if (reach->advertised == advertised)
        return;
    reach->advertised = advertised;
    if (reach->config.role == ROLE_NCF)
        for (module = 0; module < FWD_MODULES_MAX; module++)
            reach_advertise(reach, module, now_ns);
    reach_announce_all(reach, now_ns);
}

static bool
all_heard(const struct reach *reach)
{
    unsigned port;

    for (port = 0; port < reach->config.fabric_ports; port++) {
        const struct link *link = &reach->links[port];

        if (link->state != LINK_DARK && !link->heard && !link->foreign)
            return false;
    }
    return true;
}

static bool
all_acked(const struct reach *reach)
{
    unsigned port;

    for (port = 0; port < reach->config.fabric_ports; port++) {
        const struct link *link = &reach->links[port];

        if (link->state == LINK_UP &&
            ((reach->announce_mask & reach_bit(port)) != 0 ||
             link->acked != link->sent))
            return false;
    }
    return true;
}

static bool
service_wished(const struct reach *reach)
{
    if (!reach->member_known)
        return reach->box == BOX_ON; /* As the ASIC had it. */
    return reach->module != MODULE_NONE && !reach->forgotten &&
           !reach->drained;
}

/* A packet forwarder tells the fabric before it forwards, so that everyone
 * can reach it from its first moment; nothing is sent to it before its ports
 * are up.  It stops in the opposite order.  A fabric box carries the traffic
 * of others: it forwards before it says so, and says so before it stops. */
static bool
advertises(const struct reach *reach)
{
    const struct slot *box = &reach->slots[SLOT_BOX];
    bool forwarder = reach->config.role == ROLE_NCP;

    switch (reach->box) {
    case BOX_OFF:
    case BOX_READY:
        return forwarder && reach->advertised &&
               (box->token != 0 || box->unsure || box->sent != box->wanted);
    case BOX_JOINING: return forwarder;
    case BOX_ON: return forwarder || box->done == 1;
    case BOX_LEAVING: return forwarder;
    }
    return false;
}

static void
box_enter(struct reach *reach, enum box_state state, uint64_t until_ns)
{
    reach->box = state;
    reach->box_at_ns = until_ns;
}

static void
box_on(struct reach *reach, uint64_t now_ns)
{
    box_enter(reach, BOX_ON, TIME_NEVER_NS);
    reach_earlier(&reach->dirty_due_ns, now_ns);
    reach_want(reach, SLOT_BOX, 1);
}

static void
box_off(struct reach *reach, bool wished, uint64_t now_ns)
{
    if (reach->forgotten) {
        reach->forgotten = false;
        module_set(reach, MODULE_NONE, now_ns);
    } else if (wished) {
        box_enter(reach, BOX_READY, now_ns + REACH_READY_NS);
    }
}

static void
box_ready(struct reach *reach, bool wished, uint64_t now_ns)
{
    if (!wished)
        box_enter(reach, BOX_OFF, TIME_NEVER_NS);
    else if (reach->config.role == ROLE_NCF)
        box_on(reach, now_ns);
    else if (reach->config.fabric_ports == 0)
        box_on(reach, now_ns);
    else if (all_heard(reach) || now_ns >= reach->box_at_ns)
        box_enter(reach, BOX_JOINING, now_ns + REACH_JOIN_NS);
}

static void
box_joining(struct reach *reach, bool wished, uint64_t now_ns)
{
    if (!wished)
        box_enter(reach, BOX_OFF, TIME_NEVER_NS);
    else if (now_ns >= reach->box_at_ns)
        box_on(reach, now_ns);
}

static void
box_serving(struct reach *reach, bool wished, uint64_t now_ns)
{
    if (!wished) {
        reach->settling = false;
        box_enter(reach, BOX_LEAVING, now_ns + REACH_DRAIN_NS);
        front_want(reach, 0);
    } else if (reach->member_known) {
        front_want(reach, 1);
    }
}

static void
box_leaving(struct reach *reach, bool wished, uint64_t now_ns)
{
    if (wished) {
        box_enter(reach, BOX_ON, TIME_NEVER_NS);
        front_want(reach, 1);
        return;
    }
    if (reach->config.role == ROLE_NCF && !reach->settling &&
        !reach->advertised && all_acked(reach)) {
        reach->settling = true;
        reach_earlier(&reach->box_at_ns, now_ns + REACH_SETTLE_NS);
    }
    if (now_ns < reach->box_at_ns)
        return;
    box_enter(reach, BOX_OFF, TIME_NEVER_NS);
    reach_want(reach, SLOT_BOX, 0);
}

static void
box_state_step(struct reach *reach, uint64_t now_ns)
{
    bool wished = service_wished(reach);

    switch (reach->box) {
    case BOX_OFF: box_off(reach, wished, now_ns); break;
    case BOX_READY: box_ready(reach, wished, now_ns); break;
    case BOX_JOINING: box_joining(reach, wished, now_ns); break;
    case BOX_ON: box_serving(reach, wished, now_ns); break;
    case BOX_LEAVING: box_leaving(reach, wished, now_ns); break;
    }
}

void
reach_box_step(struct reach *reach, uint64_t now_ns)
{
    enum box_state before;

    if (now_ns >= reach->forget_at_ns) {
        reach->forget_at_ns = TIME_NEVER_NS;
        reach->forgotten = true;
    }
    do {
        before = reach->box;
        box_state_step(reach, now_ns);
        advertise_set(reach, advertises(reach), now_ns);
    } while (reach->box != before);
}
