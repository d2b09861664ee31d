/* SPDX-License-Identifier: Apache-2.0
 *
 * What the world tells, and what it means for ways over the fabric: as
 * models/plane/tables.c and reach.c.
 */
#include <string.h>

#include "models/flows/flows_priv.h"

/* ---- ways --------------------------------------------------------------- */

static bool
cable_known(const struct flows *flows, const struct flow_cable *cable)
{
    return cable->changed_ns + flows->reach_ns <= flows->now_ns
               ? cable->lit
               : cable->was_lit;
}

/* A module number belongs to the card that used it last, forwarding or not;
 * of several to one that forwards. */
static void
modules_update(struct flows *flows)
{
    uint8_t before[FWD_MODULES_MAX];

    memcpy(before, flows->card_of_module, sizeof(before));
    memset(flows->card_of_module, UINT8_MAX, sizeof(flows->card_of_module));
    for (unsigned forwarding = 0; forwarding < 2; forwarding++) {
        for (unsigned i = flows->card_count; i-- > 0;) {
            const struct flow_card *card = &flows->cards[i];

            if (card->named && card->forwarding == (forwarding == 1))
                flows->card_of_module[card->module] = (uint8_t)i;
        }
    }
    if (memcmp(before, flows->card_of_module, sizeof(before)) == 0)
        return;
    for (unsigned i = 0; i < flows->card_count; i++) {
        flows->cards[i].epoch++;
        flows->cards[i].resolve_dirty = true;
    }
}

static void
ncf_update(struct flows *flows, struct flow_ncf *ncf)
{
    for (unsigned i = 0; i < flows->card_count; i++) {
        uint64_t links = ncf->programmed[flows->cards[i].module];

        ncf->out[i] = 0;
        if (!ncf->alive || !ncf->forwarding)
            continue;
        for (; links != 0; links &= links - 1) {
            uint32_t cable = ncf->cable[__builtin_ctzll(links)];

            /* Cells to another card are as good as lost. */
            if (cable != FLOWS_NONE && flows->cables[cable].lit &&
                flows->cables[cable].card == i)
                ncf->out[i]++;
        }
    }
}

/* Boxes from which reachability cells of 'to' come, as far as is known. */
static void
boxes_known(const struct flows *flows, const struct flow_card *to,
            bool known[FLOWS_CARDS_MAX + 1])
{
    memset(known, 0, FLOWS_CARDS_MAX + 1);
    for (unsigned i = 0; i < to->links; i++) {
        const struct flow_link *link = &to->link[i];

        if (link->ncf != UINT16_MAX &&
            cable_known(flows, &flows->cables[link->cable]))
            known[link->ncf] = true;
    }
}

static struct flow_pair
way_make(const struct flows *flows, const struct flow_card *from,
         const struct flow_card *to, const bool known[FLOWS_CARDS_MAX + 1])
{
    struct flow_pair way = {.dead_cause = PLANE_DROP_LINK};
    uint8_t used[FLOWS_CARDS_MAX + 1] = {0};
    unsigned total = 0, through = 0;

    if (!from->alive || !from->forwarding ||
        flows->card_of_module[to->module] != to->index)
        return way;
    for (unsigned i = 0; i < from->links; i++) {
        const struct flow_link *link = &from->link[i];
        const struct flow_ncf *ncf;

        if (link->ncf == UINT16_MAX || !flows->cables[link->cable].lit ||
            !known[link->ncf] ||
            ((from->programmed[to->module] >> i) & 1) == 0)
            continue;
        ncf = &flows->ncfs[link->ncf];
        way.reach |= UINT64_C(1) << i;
        total++;
        if (ncf->out[to->index] == 0) {
            way.dead++;
            way.dead_cause = !ncf->forwarding ? PLANE_DROP_FABRIC
                             : to->alive      ? PLANE_DROP_LINK
                                              : PLANE_DROP_BOX_DOWN;
        } else if (used[link->ncf]++ < ncf->out[to->index]) {
            through++;
        }
    }
    way.cap_bps = way.dead == total
                      ? FLOWS_FREE
                      : through * flows->link_bps * total / (total - way.dead);
    return way;
}

static void
pair_touch(struct flows *flows, unsigned from, unsigned to)
{
    const struct flow_card *card = &flows->cards[from];
    const struct flow_card *other = &flows->cards[to];

    for (unsigned i = 0; i < ASIC_CLASSES; i++) {
        if (card->queue_of[i] == NULL)
            continue;
        for (unsigned j = 0; j < other->ports; j++) {
            uint32_t queue = card->queue_of[i][other->first_end + j];

            if (queue != FLOWS_NONE)
                flows_queue_touch(flows, queue);
        }
    }
    flows_constraint_mark(flows, FLOW_OUT, from);
    flows_constraint_mark(flows, FLOW_IN, to);
}

static void
way_update(struct flows *flows, struct flow_card *from,
           const struct flow_card *to, const bool known[FLOWS_CARDS_MAX + 1])
{
    struct flow_pair *pair = flows_pair(flows, from->index, to->index);
    struct flow_pair way = way_make(flows, from, to, known);

    if (way.reach == pair->reach && way.dead == pair->dead &&
        way.dead_cause == pair->dead_cause && way.cap_bps == pair->cap_bps)
        return;
    pair_touch(flows, from->index, to->index);
    if ((way.reach == 0) != (pair->reach == 0)) {
        from->epoch++;
        from->resolve_dirty = true;
    }
    pair->reach = way.reach;
    pair->dead = way.dead;
    pair->dead_cause = way.dead_cause;
    pair->cap_bps = way.cap_bps;
}

static void
capacity_update(struct flows *flows, struct flow_card *card)
{
    uint64_t links = 0, out_bps, in_bps = 0;

    for (unsigned i = 0; i < flows->card_count; i++)
        links |= flows_pair(flows, card->index, i)->reach;
    for (unsigned i = 0; i < flows->ncf_count; i++)
        in_bps += flows->ncfs[i].out[card->index] * flows->link_bps;
    if (in_bps == 0)
        in_bps = FLOWS_FREE; /* whatever comes is lost on the way */
    out_bps = (uint64_t)__builtin_popcountll(links) * flows->link_bps;
    if (out_bps != card->out_bps)
        flows_constraint_mark(flows, FLOW_OUT, card->index);
    if (in_bps != card->in_bps)
        flows_constraint_mark(flows, FLOW_IN, card->index);
    card->out_bps = out_bps;
    card->in_bps = in_bps;
}

static void
ways_update(struct flows *flows)
{
    bool known[FLOWS_CARDS_MAX + 1];

    modules_update(flows);
    for (unsigned i = 0; i < flows->ncf_count; i++)
        ncf_update(flows, &flows->ncfs[i]);
    for (unsigned i = 0; i < flows->card_count; i++) {
        boxes_known(flows, &flows->cards[i], known);
        for (unsigned j = 0; j < flows->card_count; j++) {
            if (i != j)
                way_update(flows, &flows->cards[j], &flows->cards[i], known);
        }
    }
    for (unsigned i = 0; i < flows->card_count; i++)
        capacity_update(flows, &flows->cards[i]);
}

static void
returns_touch(struct flows *flows)
{
    for (unsigned i = 0; flows->any_returns && i < flows->end_count; i++) {
        uint32_t queue = flows->ports[i].queues;

        for (; flows->ports[i].returns && queue != FLOWS_NONE;
             queue = flows->queues[queue].next_of_exit)
            flows_queue_touch(flows, queue);
    }
}

void
flows_apply(struct flows *flows)
{
    if (!flows->dirty)
        return;
    flows->dirty = false;
    flows->events++;
    if (flows->ways_dirty)
        ways_update(flows);
    flows->ways_dirty = false;
    for (unsigned i = 0; i < flows->card_count; i++) {
        struct flow_card *card = &flows->cards[i];

        if (card->rates_dirty)
            flows_card_offer(flows, card);
        if (card->resolve_dirty)
            flows_card_resolve(flows, card);
    }
    returns_touch(flows);
    flows_solve(flows);
    flows->next_ns = flows_next_find(flows);
}

/* ---- what was on the way ------------------------------------------------ */

uint64_t
flows_loss_ratio(const struct flows *flows, const struct flow_spec *spec,
                 unsigned dead, unsigned total)
{
    const struct asic *asic = flows->asic;
    unsigned room = asic->cell_max_bytes - asic->cell_header_bytes;
    const struct traffic_spec *from = &spec->spec;
    u128 lost = 0, all = 0;

    if (dead == 0 || total == 0)
        return 0;
    if (dead >= total)
        return FLOWS_ONE;
    for (unsigned i = 0; i < from->size_count; i++) {
        uint64_t bytes = from->sizes[i].bytes;
        uint64_t cells = (bytes + asic->packet_header_bytes + room - 1) / room;
        uint64_t bits = (bytes + TRAFFIC_L1_BYTES) * from->sizes[i].weight;

        lost += (u128)bits * flows_least(cells * dead, total);
        all += (u128)bits * total;
    }
    return all == 0 ? dead * FLOWS_ONE / total
                    : (uint64_t)((lost << FLOWS_Q) / all);
}

/* What a pair had under way for 'span_ns' on 'dead' of its links. */
static void
flight_lose(struct flows *flows, unsigned from, unsigned to, unsigned dead,
            uint64_t span_ns, enum plane_drop cause)
{
    const struct flow_card *card = &flows->cards[from];
    const struct flow_card *other = &flows->cards[to];
    unsigned total =
        (unsigned)__builtin_popcountll(flows_pair(flows, from, to)->reach);

    for (unsigned i = 0; i < ASIC_CLASSES && dead > 0; i++) {
        for (unsigned j = 0; card->queue_of[i] != NULL && j < other->ports;
             j++) {
            uint32_t queue = card->queue_of[i][other->first_end + j];
            uint32_t part =
                queue == FLOWS_NONE ? FLOWS_NONE : flows->queues[queue].parts;

            for (; part != FLOWS_NONE;
                 part = flows->parts[part].next_of_queue) {
                const struct flow_part *of = &flows->parts[part];
                struct flow_spec *spec =
                    flows->specs[flows->demands[of->demand].spec];

                if (of->fate == FLOWS_DELIVERED)
                    flows_spec_lose(
                        flows, spec,
                        (u128)flows_scale(
                            of->out_bps,
                            flows_loss_ratio(flows, spec, dead, total)) *
                            span_ns,
                        cause);
            }
        }
    }
}

static unsigned
links_to(const struct flows *flows, const struct flow_card *card,
         uint64_t links, unsigned ncf)
{
    unsigned count = 0;

    (void)flows;
    for (; links != 0; links &= links - 1)
        count += card->link[__builtin_ctzll(links)].ncf == ncf;
    return count;
}

static void
ncf_flight_lose(struct flows *flows, unsigned ncf)
{
    for (unsigned i = 0; i < flows->card_count; i++) {
        for (unsigned j = 0; j < flows->card_count; j++)
            flight_lose(flows, i, j,
                        links_to(flows, &flows->cards[i],
                                 flows_pair(flows, i, j)->reach, ncf),
                        flows->transit_ns, PLANE_DROP_FABRIC);
    }
}

static void
card_flight_lose(struct flows *flows, unsigned card)
{
    uint64_t span_ns = flows->transit_ns + flows->asic->egress_ps / 1000;

    for (unsigned i = 0; i < flows->card_count; i++)
        flight_lose(
            flows, i, card,
            (unsigned)__builtin_popcountll(flows_pair(flows, i, card)->reach),
            span_ns, PLANE_DROP_BOX_DOWN);
}

/* One of the links of each way to and from the card. */
static void
link_flight_lose(struct flows *flows, const struct flow_cable *cable)
{
    uint64_t span_ns = flows->plan->fabric_link_delay.ps / 1000;

    for (unsigned i = 0; i < flows->card_count; i++) {
        flight_lose(
            flows, cable->card, i,
            flows_pair(flows, cable->card, i)->reach >> cable->card_port & 1,
            span_ns, PLANE_DROP_LINK);
        flight_lose(flows, i, cable->card, 1, span_ns, PLANE_DROP_LINK);
    }
}

/* ---- boxes and links ---------------------------------------------------- */

static void
tell_later(struct flows *flows)
{
    uint64_t at_ns = flows->now_ns + flows->reach_ns;
    uint32_t room = (uint32_t)flows->tell_room;

    if (flows->tell_count > 0 && flows->tells[flows->tell_count - 1] == at_ns)
        return;
    flows->tells = flows_grow(flows->tells, &room, (uint32_t)flows->tell_count,
                              sizeof(*flows->tells));
    flows->tell_room = room;
    flows->tells[flows->tell_count++] = at_ns;
}

static bool
cable_check(struct flows *flows, struct flow_cable *cable)
{
    bool lit = cable->card_light && cable->ncf_light &&
               flows->cards[cable->card].alive &&
               flows->ncfs[cable->ncf].alive;

    if (lit == cable->lit)
        return false;
    if (cable->changed_ns + flows->reach_ns <= flows->now_ns)
        cable->was_lit = cable->lit;
    cable->changed_ns = flows->now_ns;
    cable->lit = lit;
    return true;
}

static void
light_changed(struct flows *flows)
{
    if (flows->ran) {
        tell_later(flows);
    } else {
        /* Nothing runs yet: as it is, it always was. */
        for (unsigned i = 0; i < flows->plan->cable_count; i++)
            flows->cables[i].was_lit = flows->cables[i].lit;
    }
    flows->ways_dirty = true;
    flows->dirty = true;
}

/* What leaves by its ports has another fate, or waits. */
static void
exits_touch(struct flows *flows, const struct flow_card *card)
{
    for (unsigned i = 0; i < card->ports; i++) {
        uint32_t queue = flows->ports[card->first_end + i].queues;

        for (; queue != FLOWS_NONE; queue = flows->queues[queue].next_of_exit)
            flows_queue_touch(flows, queue);
    }
}

/* Its queues are lost, and its tables. */
static void
card_die(struct flows *flows, struct flow_card *card)
{
    card_flight_lose(flows, card->index);
    for (uint32_t queue = card->queues; queue != FLOWS_NONE;
         queue = flows->queues[queue].next_of_card)
        flows_queue_flush(flows, queue, PLANE_DROP_BOX_DOWN);
    card->forwarding = false;
    memset(card->programmed, 0, sizeof(card->programmed));
    plane_fib_clear(&card->fib);
    plane_groups_clear(&card->groups);
    for (unsigned i = 0; i < card->ports; i++)
        flows->ports[card->first_end + i].up = false;
    card->epoch++;
    card->rates_dirty = true;
    card->resolve_dirty = true;
    card->unwritten = 0;
}

void
flows_box_set(struct flows *flows, unsigned box, bool alive)
{
    struct flow_card *card = NULL;
    struct flow_ncf *ncf = NULL;

    CHECK(box < flows->plan->box_count);
    if (flows->card_of_box[box] != UINT16_MAX)
        card = &flows->cards[flows->card_of_box[box]];
    else if (flows->ncf_of_box[box] != UINT16_MAX)
        ncf = &flows->ncfs[flows->ncf_of_box[box]];
    else
        return; /* carries no packets */
    if ((card != NULL ? card->alive : ncf->alive) == alive)
        return;
    if (!alive && card != NULL) {
        card_die(flows, card);
    } else if (!alive) {
        ncf_flight_lose(flows, flows->ncf_of_box[box]);
        ncf->forwarding = false;
        memset(ncf->programmed, 0, sizeof(ncf->programmed));
    }
    if (card != NULL) {
        exits_touch(flows, card);
        card->alive = alive;
    } else {
        ncf->alive = alive;
    }
    for (unsigned i = 0; i < flows->plan->cable_count; i++)
        (void)cable_check(flows, &flows->cables[i]);
    light_changed(flows);
}

void
flows_link_set(struct flows *flows, unsigned box, unsigned fabric_port,
               bool light)
{
    CHECK(box < flows->plan->box_count);
    for (unsigned i = 0; i < flows->plan->cable_count; i++) {
        struct flow_cable *cable = &flows->cables[i];
        const struct plan_cable *plan = &flows->plan->cables[i];

        if (plan->ncp_box == box && plan->ncp_port == fabric_port)
            cable->card_light = light;
        else if (plan->ncf_box == box && plan->ncf_port == fabric_port)
            cable->ncf_light = light;
        else
            continue;
        if (!cable_check(flows, cable))
            return;
        if (!cable->lit)
            link_flight_lose(flows, cable);
        light_changed(flows);
        return;
    }
}

/* ---- tables ------------------------------------------------------------- */

static void
front_set(struct flows *flows, struct flow_card *card,
          const struct fwd_entry *entry)
{
    struct flow_port *port;

    if (entry->id >= card->ports)
        return;
    port = &flows->ports[card->first_end + entry->id];
    if (port->up == (entry->value != 0))
        return;
    port->up = entry->value != 0;
    card->rates_dirty = true;
    for (uint32_t queue = port->queues; queue != FLOWS_NONE;
         queue = flows->queues[queue].next_of_exit)
        flows_queue_touch(flows, queue);
}

static void
card_entry(struct flows *flows, struct flow_card *card,
           const struct fwd_entry *entry)
{
    switch (entry->object) {
    case FWD_BOX:
        if (card->forwarding != (entry->value != 0)) {
            card->rates_dirty = true;
            exits_touch(flows, card);
        }
        card->forwarding = entry->value != 0;
        if (entry->arg < FWD_MODULES_MAX && entry->value != 0) {
            card->module = entry->arg;
            card->named = true;
        }
        card->resolve_dirty = true;
        card->epoch++;
        break;
    case FWD_REACH:
        if (entry->id < FWD_MODULES_MAX)
            card->programmed[entry->id] = entry->value;
        break;
    case FWD_FRONT: front_set(flows, card, entry); break;
    }
}

static void
ncf_entry(struct flow_ncf *ncf, const struct fwd_entry *entry)
{
    if (entry->object == FWD_BOX)
        ncf->forwarding = entry->value != 0;
    else if (entry->object == FWD_REACH && entry->id < FWD_MODULES_MAX)
        ncf->programmed[entry->id] = entry->value;
}

void
flows_entries_set(struct flows *flows, unsigned box,
                  const struct fwd_entry *entries, size_t count)
{
    CHECK(box < flows->plan->box_count);
    for (size_t i = 0; i < count; i++) {
        if (flows->card_of_box[box] != UINT16_MAX)
            card_entry(flows, &flows->cards[flows->card_of_box[box]],
                       &entries[i]);
        else if (flows->ncf_of_box[box] != UINT16_MAX)
            ncf_entry(&flows->ncfs[flows->ncf_of_box[box]], &entries[i]);
    }
    flows->ways_dirty = true;
    flows->dirty = true;
}

void
flows_groups_set(struct flows *flows, unsigned box,
                 const struct fwd_group *groups, size_t count)
{
    struct flow_card *card;

    CHECK(box < flows->plan->box_count);
    if (flows->card_of_box[box] == UINT16_MAX)
        return;
    card = &flows->cards[flows->card_of_box[box]];
    for (size_t i = 0; i < count; i++)
        plane_group_set(&card->groups, &groups[i]);
    card->epoch++;
    card->resolve_dirty = true;
    flows->dirty = true;
}

void
flows_routes_set(struct flows *flows, unsigned box,
                 const struct fwd_route *routes, size_t count)
{
    struct flow_card *card;

    CHECK(box < flows->plan->box_count);
    if (flows->card_of_box[box] == UINT16_MAX)
        return;
    card = &flows->cards[flows->card_of_box[box]];
    for (size_t i = 0; i < count; i++)
        plane_fib_set(&card->fib, &routes[i].prefix, routes[i].group);
    card->epoch++;
    card->resolve_dirty = true;
    flows->dirty = true;
}
