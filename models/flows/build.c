/* SPDX-License-Identifier: Apache-2.0
 *
 * From a plan to cards, fabric boxes and cables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/flows/flows_priv.h"

#define SLACK_PART 256u /* of a queue's limit */
#define SLACK_MAX_NS UINT64_C(20000)

void *
flows_alloc(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);

    CHECK(memory != NULL);
    return memory;
}

/* Room for one more. */
void *
flows_grow(void *array, uint32_t *room, uint32_t count, size_t size)
{
    if (count < *room)
        return array;
    *room = *room * 2 + 64;
    array = realloc(array, *room * size);
    CHECK(array != NULL);
    return array;
}

static bool
is_card(const struct plan_box *box)
{
    return box->role == ROLE_NCP || box->model->alone;
}

static void
card_make(struct flows *flows, unsigned box)
{
    const struct box_model *model = flows->plan->boxes[box].model;
    struct flow_card *card = &flows->cards[flows->card_count];

    *card = (struct flow_card){
        .box = box,
        .index = flows->card_count,
        .first_end = flows->end_count,
        .ports = model->front_ports,
        .links = model->fabric_ports,
        .alive = true,
        .epoch = 1,
        .queues = FLOWS_NONE,
        .out_level = FLOWS_FREE,
        .in_level = FLOWS_FREE,
        .read_level = FLOWS_FREE,
        .accept_ratio = FLOWS_ONE,
        .due_ns = FLOWS_NEVER,
    };
    card->link = flows_alloc(card->links, sizeof(*card->link));
    for (unsigned i = 0; i < card->links; i++)
        card->link[i].ncf = UINT16_MAX;
    flows->card_of_box[box] = (uint16_t)flows->card_count++;
    flows->end_count += card->ports;
}

static void
ncf_make(struct flows *flows, unsigned box)
{
    struct flow_ncf *ncf = &flows->ncfs[flows->ncf_count];

    ncf->box = box;
    ncf->links = flows->plan->boxes[box].model->fabric_ports;
    ncf->alive = true;
    for (unsigned i = 0; i < FLOWS_LINKS_MAX; i++)
        ncf->cable[i] = FLOWS_NONE;
    flows->ncf_of_box[box] = (uint16_t)flows->ncf_count++;
}

static void
boxes_make(struct flows *flows)
{
    const struct cluster_plan *plan = flows->plan;

    flows->cards = flows_alloc(plan->box_count, sizeof(*flows->cards));
    flows->ncfs = flows_alloc(plan->box_count, sizeof(*flows->ncfs));
    flows->card_of_box = flows_alloc(plan->box_count, sizeof(uint16_t));
    flows->ncf_of_box = flows_alloc(plan->box_count, sizeof(uint16_t));
    for (unsigned i = 0; i < plan->box_count; i++) {
        flows->card_of_box[i] = UINT16_MAX;
        flows->ncf_of_box[i] = UINT16_MAX;
        if (is_card(&plan->boxes[i]))
            card_make(flows, i);
        else if (plan->boxes[i].role == ROLE_NCF)
            ncf_make(flows, i);
    }
    for (unsigned i = 0; i < flows->ncf_count; i++)
        flows->ncfs[i].out = flows_alloc(flows->card_count, 1);
}

static void
cables_lay(struct flows *flows)
{
    const struct cluster_plan *plan = flows->plan;

    flows->cables = flows_alloc(plan->cable_count, sizeof(*flows->cables));
    for (unsigned i = 0; i < plan->cable_count; i++) {
        const struct plan_cable *from = &plan->cables[i];
        struct flow_cable *cable = &flows->cables[i];
        struct flow_link *link;

        *cable = (struct flow_cable){
            .card = flows->card_of_box[from->ncp_box],
            .card_port = from->ncp_port,
            .ncf = flows->ncf_of_box[from->ncf_box],
            .ncf_port = from->ncf_port,
            .card_light = true,
            .ncf_light = true,
            .lit = true,
            .was_lit = true,
        };
        link = &flows->cards[cable->card].link[cable->card_port];
        *link = (struct flow_link){cable->ncf, cable->ncf_port, i};
        flows->ncfs[cable->ncf].cable[cable->ncf_port] = i;
    }
}

static void
ends_make(struct flows *flows)
{
    unsigned ends = flows->end_count;

    flows->ports = flows_alloc(ends, sizeof(*flows->ports));
    flows->addresses = flows_alloc(ends, sizeof(*flows->addresses));
    flows->card_of_end = flows_alloc(ends, sizeof(uint16_t));
    flows->end_load_ppm = flows_alloc(ends, sizeof(uint64_t));
    for (unsigned i = 0; i < flows->card_count; i++) {
        struct flow_card *card = &flows->cards[i];

        card->answers = flows_alloc(ends, sizeof(uint32_t));
        card->answer_epochs = flows_alloc(ends, sizeof(uint32_t));
        for (unsigned j = 0; j < card->ports; j++)
            flows->card_of_end[card->first_end + j] = (uint16_t)i;
    }
    for (unsigned i = 0; i < ends; i++) {
        flows->ports[i].queues = FLOWS_NONE;
        for (unsigned j = 0; j < ASIC_CLASSES; j++)
            flows->ports[i].level[j] = FLOWS_FREE;
        flows->addresses[i] = (struct fwd_prefix){
            .family = 4,
            .length = 32,
            .bytes = {10, (uint8_t)(i / 256), (uint8_t)(i % 256), 2}};
    }
    for (unsigned i = 0; i < FWD_MODULES_MAX; i++)
        flows->card_of_module[i] = UINT8_MAX;
}

static int
rates_prepare(struct flows *flows, char *message, size_t message_size)
{
    const struct asic *asic = flows->asic;
    uint64_t link_bps = 0;

    for (unsigned i = 0; i < flows->plan->box_count; i++) {
        const struct box_model *model = flows->plan->boxes[i].model;

        if (model->fabric_ports > 0 &&
            (link_bps == 0 || model->fabric_port_bps < link_bps))
            link_bps = model->fabric_port_bps;
        if (!is_card(&flows->plan->boxes[i]))
            continue;
        if (flows->port_bps != 0 && flows->port_bps != model->front_port_bps) {
            (void)snprintf(message, message_size,
                           "line cards have ports of different rates");
            return ERR_INVALID;
        }
        flows->port_bps = model->front_port_bps;
    }
    flows->link_bps = link_bps > 0 ? asic_cell_bps(asic, link_bps) : 0;
    flows->transit_ns =
        (2 * flows->plan->fabric_link_delay.ps + asic->ncf_ps) / 1000;
    flows->reach_ns = asic->reach_ps / 1000;
    flows->watchdog_ns = asic->credit_watchdog_ps / 1000;
    flows->slack_ns =
        flows_least(asic->voq_limit_ps / 1000 / SLACK_PART, SLACK_MAX_NS);
    return 0;
}

int
flows_build(struct flows *flows, char *message, size_t message_size)
{
    int err;

    boxes_make(flows);
    flows->part_spare = FLOWS_NONE;
    if (flows->end_count == 0) {
        (void)snprintf(message, message_size,
                       "the plan has no box with front ports");
        return ERR_INVALID;
    }
    CHECK(flows->card_count <= FLOWS_CARDS_MAX);
    err = rates_prepare(flows, message, message_size);
    if (err != 0)
        return err;
    cables_lay(flows);
    ends_make(flows);
    flows->pairs = flows_alloc((size_t)flows->card_count * flows->card_count,
                               sizeof(*flows->pairs));
    for (unsigned i = 0; i < flows->card_count * flows->card_count; i++)
        flows->pairs[i].level = FLOWS_FREE;
    flows->constraint_state =
        flows_alloc(flows->end_count + 3 * flows->card_count, 1);
    return 0;
}

static void
card_fini(struct flow_card *card)
{
    plane_fib_clear(&card->fib);
    plane_groups_clear(&card->groups);
    for (unsigned i = 0; i < ASIC_CLASSES; i++)
        free(card->queue_of[i]);
    free(card->link);
    free(card->answers);
    free(card->answer_epochs);
    free(card->demands);
}

void
flows_unbuild(struct flows *flows)
{
    for (unsigned i = 0; i < flows->card_count; i++)
        card_fini(&flows->cards[i]);
    for (unsigned i = 0; i < flows->ncf_count; i++)
        free(flows->ncfs[i].out);
    for (unsigned i = 0; i < flows->spec_count; i++) {
        free(flows->specs[i]->peers);
        free(flows->specs[i]->place);
        free(flows->specs[i]->card_row);
        free(flows->specs[i]->blocked);
        free(flows->specs[i]);
    }
    free(flows->specs);
    free(flows->cards);
    free(flows->ncfs);
    free(flows->cables);
    free(flows->ports);
    free(flows->card_of_end);
    free(flows->pairs);
    free(flows->addresses);
    free(flows->end_load_ppm);
    free(flows->card_of_box);
    free(flows->ncf_of_box);
    free(flows->demands);
    free(flows->parts);
    free(flows->queues);
    free(flows->heap);
    free(flows->tells);
    free(flows->work);
    free(flows->constraints);
    free(flows->constraint_state);
    free(flows->scratch);
    free(flows->involved);
}
