/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables as a NOS without faults would program them.
 */
#include <stdlib.h>

#include "models/plane/plane_priv.h"

/* Module numbers: the slot and one, so that 0 stands for nobody. */
static uint16_t
module_of(unsigned box)
{
    return (uint16_t)(box + 1);
}

static void
card_program(struct data_plane *plane, const struct card *card)
{
    struct fwd_entry entry = {
        .object = FWD_BOX, .arg = module_of(card->box), .value = 1};

    plane_entries_set(plane, card->box, &entry, 1);
    for (unsigned i = 0; i < plane->card_count; i++) {
        const struct card *to = &plane->cards[i];
        uint64_t links = 0;

        if (to == card)
            continue;
        for (unsigned j = 0; j < card->links; j++) {
            if (card->link[j].ncf != UINT16_MAX)
                links |= UINT64_C(1) << j;
        }
        entry = (struct fwd_entry){
            .object = FWD_REACH, .id = module_of(to->box), .value = links};
        plane_entries_set(plane, card->box, &entry, 1);
    }
    for (unsigned i = 0; i < card->ports; i++) {
        entry = (struct fwd_entry){
            .object = FWD_FRONT, .id = (uint16_t)i, .value = 1};
        plane_entries_set(plane, card->box, &entry, 1);
    }
}

static void
ncf_program(struct data_plane *plane, const struct ncf *ncf)
{
    struct fwd_entry entry = {
        .object = FWD_BOX, .arg = module_of(ncf->box), .value = 1};

    plane_entries_set(plane, ncf->box, &entry, 1);
    for (unsigned i = 0; i < plane->card_count; i++) {
        uint64_t links = 0;

        for (unsigned j = 0; j < ncf->links; j++) {
            if (ncf->link[j].cabled && ncf->link[j].card == i)
                links |= UINT64_C(1) << j;
        }
        entry = (struct fwd_entry){.object = FWD_REACH,
                                   .id = module_of(plane->cards[i].box),
                                   .value = links};
        plane_entries_set(plane, ncf->box, &entry, 1);
    }
}

static void
routes_program(struct data_plane *plane, const struct card *card)
{
    for (unsigned i = 0; i < plane->end_count; i++) {
        const struct card *to = &plane->cards[plane->ends[i].card];
        struct fwd_group group = {.id = FWD_GROUP_FIRST + i,
                                  .count = 1,
                                  .hops = {{.module = module_of(to->box),
                                            .port = plane->ends[i].port}}};
        struct fwd_route route = {.prefix = plane->addresses[i],
                                  .group = group.id};

        route.prefix.length = plane->addresses[i].family == 4 ? 24 : 64;
        plane_groups_set(plane, card->box, &group, 1);
        plane_routes_set(plane, card->box, &route, 1);
    }
}

void
plane_program_box(struct data_plane *plane, unsigned box)
{
    CHECK(box < plane->plan->box_count);
    if (plane->card_of_box[box] != UINT16_MAX) {
        const struct card *card = &plane->cards[plane->card_of_box[box]];

        card_program(plane, card);
        routes_program(plane, card);
    } else if (plane->ncf_of_box[box] != UINT16_MAX) {
        ncf_program(plane, &plane->ncfs[plane->ncf_of_box[box]]);
    }
}

void
plane_program(struct data_plane *plane)
{
    for (unsigned i = 0; i < plane->plan->box_count; i++)
        plane_program_box(plane, i);
}
