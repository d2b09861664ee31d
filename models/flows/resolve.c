/* SPDX-License-Identifier: Apache-2.0
 *
 * What a card makes of an address, as models/plane/tables.c: what is offered
 * for an end becomes parts, one for each exit.
 */
#include "models/flows/flows_priv.h"

#define ANSWER_DROP 0x80000000u  /* | enum plane_drop */
#define ANSWER_GROUP 0xc0000000u /* | slot of a group of several */
#define TTL 64u

/* ---- looking up --------------------------------------------------------- */

static bool
hop_alive(const struct flows *flows, const struct flow_card *card,
          const struct fwd_hop *hop, uint16_t *exit)
{
    unsigned index =
        hop->module == card->module && card->forwarding ? card->index
        : hop->module < FWD_MODULES_MAX ? flows->card_of_module[hop->module]
                                        : UINT8_MAX;
    const struct flow_card *to;

    if (index == UINT8_MAX ||
        (index != card->index &&
         flows_pair(flows, card->index, index)->reach == 0))
        return false;
    to = &flows->cards[index];
    *exit = hop->port < to->ports ? (uint16_t)(to->first_end + hop->port)
                                  : PLANE_NO_EXIT;
    return true;
}

static uint32_t
exit_value(uint16_t exit)
{
    return exit == PLANE_NO_EXIT ? ANSWER_DROP | PLANE_DROP_PORT_DOWN : exit;
}

static uint32_t
group_value(const struct flows *flows, const struct flow_card *card,
            struct group *group)
{
    group->alive_count = 0;
    for (unsigned i = 0; i < group->group.count; i++) {
        uint16_t exit = 0;

        if (hop_alive(flows, card, &group->group.hops[i], &exit))
            group->alive[group->alive_count++] = exit;
    }
    if (group->alive_count == 0)
        return ANSWER_DROP | PLANE_DROP_NEXT_HOP;
    if (group->alive_count == 1)
        return exit_value(group->alive[0]);
    return ANSWER_GROUP | (uint32_t)(group - card->groups.slots);
}

static uint32_t
look_up(const struct flows *flows, const struct flow_card *card, unsigned to)
{
    uint32_t id = plane_fib_find(&card->fib, &flows->addresses[to]);
    struct group *group;

    if (id == FWD_GROUP_NONE)
        return ANSWER_DROP | PLANE_DROP_NO_ROUTE;
    if (id == FWD_GROUP_DISCARD)
        return ANSWER_DROP | PLANE_DROP_DISCARD;
    group = plane_group_find(&card->groups, id);
    if (group == NULL)
        return ANSWER_DROP | PLANE_DROP_NEXT_HOP;
    return group_value(flows, card, group);
}

static uint32_t
answer(const struct flows *flows, const struct flow_card *card, unsigned to)
{
    if (!card->alive || !card->forwarding)
        return ANSWER_DROP | PLANE_DROP_BOX_DOWN;
    if (card->answer_epochs[to] != card->epoch) {
        card->answers[to] = look_up(flows, card, to);
        card->answer_epochs[to] = card->epoch;
    }
    return card->answers[to];
}

/* ---- what becomes of what leaves ---------------------------------------- */

/* A router outside that sends everything back is looked through, not
 * loaded: README.md. */
uint8_t
flows_fate(struct flows *flows, unsigned exit, unsigned to)
{
    for (unsigned ttl = TTL - 1; ttl > 0; ttl--) {
        const struct flow_card *card = &flows->cards[flows->card_of_end[exit]];
        uint32_t value;

        if (!card->alive || !card->forwarding)
            return PLANE_DROP_BOX_DOWN;
        if (!flows->ports[exit].up)
            return PLANE_DROP_PORT_DOWN;
        if (exit == to || flows->ports[to].routed)
            return FLOWS_DELIVERED;
        if (!flows->ports[exit].returns)
            return PLANE_DROP_STRAY;
        value = answer(flows, card, to);
        if (value >= ANSWER_GROUP)
            value =
                exit_value(card->groups.slots[value & ~ANSWER_GROUP].alive[0]);
        if (value >= ANSWER_DROP)
            return (uint8_t)(value & ~ANSWER_DROP);
        exit = value;
    }
    return PLANE_DROP_TTL;
}

/* ---- parts -------------------------------------------------------------- */

struct targets {
    unsigned count;
    uint32_t value[FWD_HOPS_MAX];
    uint64_t bps[FWD_HOPS_MAX];
};

static void
target_add(struct targets *targets, uint32_t value, uint64_t bps)
{
    unsigned i = 0;

    while (i < targets->count && targets->value[i] != value)
        i++;
    if (i == targets->count) {
        CHECK(i < FWD_HOPS_MAX);
        targets->count++;
        targets->value[i] = value;
        targets->bps[i] = 0;
    }
    targets->bps[i] += bps;
}

/* Flow by flow, by the hash that the plane uses. */
static void
group_split(const struct flows *flows, uint32_t index,
            const struct group *group, struct targets *targets)
{
    const struct flow_demand *demand = &flows->demands[index];
    const struct flow_spec *spec = flows->specs[demand->spec];
    unsigned each = spec->spec.flows;
    uint64_t rest = demand->bps;

    for (uint32_t i = 0; i < spec->spec.sender_count; i++) {
        uint32_t from = spec->spec.senders[i];
        uint64_t bps;

        if (flows->card_of_end[from] != demand->card ||
            (spec->peers != NULL && spec->first_demand + i != index))
            continue;
        bps = flows_sender_bps(flows, spec, i, demand->to) / each;
        for (unsigned j = 0; j < each; j++) {
            uint64_t hash = plane_flow_hash(from, demand->to, (uint16_t)j);

            bps = flows_least(bps, rest);
            target_add(targets,
                       exit_value(group->alive[hash % group->alive_count]),
                       bps);
            rest -= bps;
        }
    }
    if (rest > 0)
        target_add(targets, exit_value(group->alive[0]), rest);
}

static void
part_set(struct flows *flows, uint32_t index, uint64_t bps)
{
    struct flow_part *part = &flows->parts[index];
    struct flow_queue *queue;

    if (part->bps == bps)
        return;
    if (part->queue == FLOWS_NONE) {
        flows_part_count(flows, part, false);
        part->bps = bps;
        part->refused_bps = bps;
        if (bps > 0)
            flows_part_count(flows, part, true);
        else
            flows_part_remove(flows, index);
        return;
    }
    flows_queue_touch(flows, part->queue);
    queue = &flows->queues[part->queue];
    queue->changed |= queue->part_count > 1;
    flows->parts[index].bps = bps;
}

static void
target_new(struct flows *flows, uint32_t demand, uint32_t value, uint64_t bps)
{
    const struct flow_demand *from = &flows->demands[demand];
    uint32_t queue = FLOWS_NONE, part;

    if (bps == 0)
        return;
    if (value < ANSWER_DROP)
        queue = flows_queue_get(flows, from->card, value,
                                flows->specs[from->spec]->spec.traffic_class);
    part = flows_part_add(flows, demand, queue);
    if (queue == FLOWS_NONE)
        flows->parts[part].refused_cause = (uint8_t)(value & ~ANSWER_DROP);
    part_set(flows, part, bps);
}

static uint32_t
part_value(const struct flows *flows, const struct flow_part *part)
{
    return part->queue == FLOWS_NONE ? ANSWER_DROP | part->refused_cause
                                     : flows->queues[part->queue].exit;
}

void
flows_demand_resolve(struct flows *flows, uint32_t index)
{
    const struct flow_demand *demand = &flows->demands[index];
    const struct flow_card *card = &flows->cards[demand->card];
    struct targets targets = {.count = 0};
    uint32_t value, part = demand->parts;

    if (demand->bps > 0) {
        value = answer(flows, card, demand->to);
        if (value >= ANSWER_GROUP)
            group_split(flows, index,
                        &card->groups.slots[value & ~ANSWER_GROUP], &targets);
        else
            target_add(&targets, value, demand->bps);
    }
    while (part != FLOWS_NONE) {
        uint32_t next = flows->parts[part].next_of_demand;
        uint64_t bps = 0;

        value = part_value(flows, &flows->parts[part]);
        for (unsigned i = 0; i < targets.count; i++) {
            if (targets.value[i] == value) {
                bps = targets.bps[i];
                targets.bps[i] = 0;
            }
        }
        part_set(flows, part, bps);
        part = next;
    }
    for (unsigned i = 0; i < targets.count; i++)
        target_new(flows, index, targets.value[i], targets.bps[i]);
}

void
flows_card_resolve(struct flows *flows, struct flow_card *card)
{
    card->resolve_dirty = false;
    for (uint32_t i = 0; i < card->demand_count; i++)
        flows_demand_resolve(flows, card->demands[i]);
}
