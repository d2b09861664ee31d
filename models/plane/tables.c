/* SPDX-License-Identifier: Apache-2.0
 *
 * What the NOS programmed, and what a card makes of it: the way of a packet
 * to its exit, and the links that lead to another card.
 */
#include <string.h>

#include "models/plane/plane_priv.h"

/* ---- ways over the fabric ----------------------------------------------- */

/* Does everyone know by now that the cable carries cells, or not? */
static bool
cable_known(const struct data_plane *plane, const struct cable *cable,
            uint64_t now_ps)
{
    return cable->changed_ps + plane->asic->reach_ps <= now_ps
               ? cable->lit
               : cable->was_lit;
}

/* Links of 'card' over which reachability cells of 'to' arrive. */
static uint64_t
links_reaching(const struct data_plane *plane, const struct card *card,
               const struct card *to, uint64_t now_ps)
{
    bool boxes[PLANE_CARDS_MAX] = {false};
    uint64_t links = 0;

    for (unsigned i = 0; i < to->links; i++) {
        const struct card_link *link = &to->link[i];

        if (link->ncf != UINT16_MAX &&
            cable_known(plane, &plane->cables[link->cable], now_ps))
            boxes[link->ncf] = true;
    }
    for (unsigned i = 0; i < card->links; i++) {
        const struct card_link *link = &card->link[i];

        if (link->ncf != UINT16_MAX && plane->cables[link->cable].lit &&
            boxes[link->ncf])
            links |= UINT64_C(1) << i;
    }
    return links;
}

void
plane_update_card(struct data_plane *plane, struct card *card)
{
    struct plane_part *part = &plane->parts[card->part];
    uint64_t now_ps = engine_now_ps(part->engine);

    card->epoch++;
    for (unsigned i = 0; i < plane->card_count; i++) {
        struct card *to = &plane->cards[i];
        struct card_way *way = &card->ways[i];
        bool was = way->reach != 0;

        if (to == card)
            continue;
        way->reach = card->alive && card->forwarding &&
                             plane->card_of_module[to->module] == i
                         ? card->programmed[to->module] &
                               links_reaching(plane, card, to, now_ps)
                         : 0;
        if (!was && way->reach != 0)
            plane_voq_renew(part, card, i);
    }
    if (card->ready_count > 0)
        plane_tx_run(part, card);
}

static void
update_ncf(struct data_plane *plane, struct ncf *ncf)
{
    uint64_t lit = 0;

    for (unsigned i = 0; i < ncf->links; i++) {
        if (ncf->link[i].cabled && plane->cables[ncf->link[i].cable].lit)
            lit |= UINT64_C(1) << i;
    }
    if (!ncf->alive || !ncf->forwarding)
        lit = 0;
    for (unsigned i = 0; i < plane->card_count; i++)
        ncf->ways[i].out = ncf->programmed[plane->cards[i].module] & lit;
}

/* A module number belongs to the card that used it last, forwarding or not;
 * of several to one that forwards. */
static void
update_modules(struct data_plane *plane)
{
    memset(plane->card_of_module, UINT8_MAX, sizeof(plane->card_of_module));
    for (unsigned forwarding = 0; forwarding < 2; forwarding++) {
        for (unsigned i = plane->card_count; i-- > 0;) {
            const struct card *card = &plane->cards[i];

            if (card->named && card->forwarding == (forwarding == 1))
                plane->card_of_module[card->module] = (uint8_t)i;
        }
    }
}

void
plane_update_all(struct data_plane *plane)
{
    update_modules(plane);
    for (unsigned i = 0; i < plane->ncf_count; i++)
        update_ncf(plane, &plane->ncfs[i]);
    for (unsigned i = 0; i < plane->card_count; i++)
        plane_update_card(plane, &plane->cards[i]);
}

/* ---- the way of a packet ------------------------------------------------ */

static unsigned
hop_card(const struct data_plane *plane, const struct card *card,
         const struct fwd_hop *hop)
{
    if (card->forwarding && hop->module == card->module)
        return card->index;
    return hop->module < FWD_MODULES_MAX ? plane->card_of_module[hop->module]
                                         : UINT8_MAX;
}

/* As forwarding.h says; stores the exit end. */
static bool
hop_alive(const struct data_plane *plane, const struct card *card,
          const struct fwd_hop *hop, uint16_t *exit)
{
    unsigned index = hop_card(plane, card, hop);
    const struct card *to;

    if (index == UINT8_MAX)
        return false;
    to = &plane->cards[index];
    if (to == card ? hop->port >= card->ports || !card->egress[hop->port].up
                   : card->ways[index].reach == 0)
        return false;
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
group_value(const struct data_plane *plane, struct card *card,
            struct group *group)
{
    group->epoch = card->epoch;
    group->alive_count = 0;
    for (unsigned i = 0; i < group->group.count; i++) {
        uint16_t exit = 0;

        if (hop_alive(plane, card, &group->group.hops[i], &exit))
            group->alive[group->alive_count++] = exit;
    }
    if (group->alive_count == 0)
        return ANSWER_DROP | PLANE_DROP_NEXT_HOP;
    if (group->alive_count == 1)
        return exit_value(group->alive[0]);
    return ANSWER_GROUP | (uint32_t)(group - card->groups.slots);
}

static uint32_t
look_up(const struct data_plane *plane, struct card *card, unsigned to)
{
    uint32_t id = plane_fib_find(&card->fib, &plane->addresses[to]);
    struct group *group;

    if (id == FWD_GROUP_NONE)
        return ANSWER_DROP | PLANE_DROP_NO_ROUTE;
    if (id == FWD_GROUP_DISCARD)
        return ANSWER_DROP | PLANE_DROP_DISCARD;
    group = plane_group_find(&card->groups, id);
    if (group == NULL)
        return ANSWER_DROP | PLANE_DROP_NEXT_HOP;
    return group_value(plane, card, group);
}

uint32_t
plane_resolve(struct data_plane *plane, struct card *card,
              const struct packet *packet)
{
    struct answer *answer = &card->answers[packet->to];
    const struct group *group;

    if (answer->epoch != card->epoch) {
        answer->value = look_up(plane, card, packet->to);
        answer->epoch = card->epoch;
    }
    if (answer->value < ANSWER_GROUP)
        return answer->value;
    group = &card->groups.slots[answer->value & ~ANSWER_GROUP];
    return exit_value(
        group->alive[plane_flow_hash(packet->from, packet->to, packet->flow) %
                     group->alive_count]);
}

/* ---- what the NOS writes ------------------------------------------------ */

static struct card *
card_of(struct data_plane *plane, unsigned box)
{
    CHECK(box < plane->plan->box_count);
    return plane->card_of_box[box] == UINT16_MAX
               ? NULL
               : &plane->cards[plane->card_of_box[box]];
}

static struct ncf *
ncf_of(struct data_plane *plane, unsigned box)
{
    return plane->ncf_of_box[box] == UINT16_MAX
               ? NULL
               : &plane->ncfs[plane->ncf_of_box[box]];
}

static void
front_set(struct data_plane *plane, struct card *card,
          const struct fwd_entry *entry)
{
    struct egress_port *port;

    if (entry->id >= card->ports)
        return;
    port = &card->egress[entry->id];
    if (port->up && entry->value == 0)
        plane_egress_flush(&plane->parts[card->part], card, entry->id,
                           PLANE_DROP_PORT_DOWN);
    port->up = entry->value != 0;
}

/* True when it concerns other boxes too. */
static bool
card_entry(struct data_plane *plane, struct card *card,
           const struct fwd_entry *entry)
{
    bool changed = false;

    switch (entry->object) {
    case FWD_BOX:
        changed = card->forwarding != (entry->value != 0) ||
                  (entry->value != 0 && card->module != entry->arg);
        card->forwarding = entry->value != 0;
        if (entry->arg < FWD_MODULES_MAX && entry->value != 0) {
            card->module = entry->arg;
            card->named = true;
        }
        break;
    case FWD_REACH:
        if (entry->id < FWD_MODULES_MAX)
            card->programmed[entry->id] = entry->value;
        break;
    case FWD_FRONT: front_set(plane, card, entry); break;
    }
    return changed;
}

static void
ncf_entry(struct ncf *ncf, const struct fwd_entry *entry)
{
    if (entry->object == FWD_BOX)
        ncf->forwarding = entry->value != 0;
    else if (entry->object == FWD_REACH && entry->id < FWD_MODULES_MAX)
        ncf->programmed[entry->id] = entry->value;
}

void
plane_entries_set(struct data_plane *plane, unsigned box,
                  const struct fwd_entry *entries, size_t count)
{
    struct card *card = card_of(plane, box);
    struct ncf *ncf = ncf_of(plane, box);
    bool all = false;

    plane->ordering |= plane->ran;
    for (size_t i = 0; i < count; i++) {
        if (card != NULL)
            all |= card_entry(plane, card, &entries[i]);
        else if (ncf != NULL)
            ncf_entry(ncf, &entries[i]);
    }
    if (all)
        plane_update_all(plane);
    else if (card != NULL)
        plane_update_card(plane, card);
    else if (ncf != NULL)
        update_ncf(plane, ncf);
}

void
plane_groups_set(struct data_plane *plane, unsigned box,
                 const struct fwd_group *groups, size_t count)
{
    struct card *card = card_of(plane, box);

    if (card == NULL)
        return;
    plane->ordering |= plane->ran;
    for (size_t i = 0; i < count; i++)
        plane_group_set(&card->groups, &groups[i]);
    card->epoch++;
}

void
plane_routes_set(struct data_plane *plane, unsigned box,
                 const struct fwd_route *routes, size_t count)
{
    struct card *card = card_of(plane, box);

    if (card == NULL)
        return;
    plane->ordering |= plane->ran;
    for (size_t i = 0; i < count; i++)
        plane_fib_set(&card->fib, &routes[i].prefix, routes[i].group);
    card->epoch++;
}
