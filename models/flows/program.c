/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables as a NOS without faults would program them; as plane_program().
 */
#include "models/flows/flows_priv.h"

/* Module numbers: the slot and one, so that 0 stands for nobody. */
static uint16_t
module_of(unsigned box)
{
    return (uint16_t)(box + 1);
}

static void
entry_set(struct flows *flows, unsigned box, enum fwd_object object,
          uint16_t id, uint16_t arg, uint64_t value)
{
    struct fwd_entry entry = {
        .object = object, .id = id, .arg = arg, .value = value};

    flows_entries_set(flows, box, &entry, 1);
}

static void
card_program(struct flows *flows, const struct flow_card *card)
{
    uint64_t links = 0;

    entry_set(flows, card->box, FWD_BOX, 0, module_of(card->box), 1);
    for (unsigned i = 0; i < card->links; i++) {
        if (card->link[i].ncf != UINT16_MAX)
            links |= UINT64_C(1) << i;
    }
    for (unsigned i = 0; i < flows->card_count; i++) {
        if (i != card->index)
            entry_set(flows, card->box, FWD_REACH,
                      module_of(flows->cards[i].box), 0, links);
    }
    for (unsigned i = 0; i < card->ports; i++)
        entry_set(flows, card->box, FWD_FRONT, (uint16_t)i, 0, 1);
}

static void
ncf_program(struct flows *flows, const struct flow_ncf *ncf)
{
    entry_set(flows, ncf->box, FWD_BOX, 0, module_of(ncf->box), 1);
    for (unsigned i = 0; i < flows->card_count; i++) {
        uint64_t links = 0;

        for (unsigned j = 0; j < ncf->links; j++) {
            if (ncf->cable[j] != FLOWS_NONE &&
                flows->cables[ncf->cable[j]].card == i)
                links |= UINT64_C(1) << j;
        }
        entry_set(flows, ncf->box, FWD_REACH, module_of(flows->cards[i].box),
                  0, links);
    }
}

static void
routes_program(struct flows *flows, const struct flow_card *card)
{
    for (unsigned i = 0; i < flows->end_count; i++) {
        const struct flow_card *to = &flows->cards[flows->card_of_end[i]];
        struct fwd_group group = {
            .id = FWD_GROUP_FIRST + i,
            .count = 1,
            .hops = {{.module = module_of(to->box),
                      .port = (uint16_t)(i - to->first_end)}}};
        struct fwd_route route = {.prefix = flows->addresses[i],
                                  .group = group.id};

        route.prefix.length = flows->addresses[i].family == 4 ? 24 : 64;
        flows_groups_set(flows, card->box, &group, 1);
        flows_routes_set(flows, card->box, &route, 1);
    }
}

void
flows_program_box(struct flows *flows, unsigned box)
{
    CHECK(box < flows->plan->box_count);
    if (flows->card_of_box[box] != UINT16_MAX) {
        const struct flow_card *card = &flows->cards[flows->card_of_box[box]];

        card_program(flows, card);
        routes_program(flows, card);
    } else if (flows->ncf_of_box[box] != UINT16_MAX) {
        ncf_program(flows, &flows->ncfs[flows->ncf_of_box[box]]);
    }
}

void
flows_program(struct flows *flows)
{
    for (unsigned i = 0; i < flows->plan->box_count; i++)
        flows_program_box(flows, i);
}
