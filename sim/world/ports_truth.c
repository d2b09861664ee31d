/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world/ports_truth.h"

#include "reference-nos/base/check.h"

#include <stdlib.h>
#include <string.h>

static void
cable_join(struct ports_truth *truth, const struct plan_cable *cable)
{
    struct truth_port *ncp =
        &truth->boxes[cable->ncp_box].ports[cable->ncp_port];
    struct truth_port *ncf =
        &truth->boxes[cable->ncf_box].ports[cable->ncf_port];

    ncp->peer_box = cable->ncf_box;
    ncp->peer_port = cable->ncf_port;
    ncf->peer_box = cable->ncp_box;
    ncf->peer_port = cable->ncp_port;
}

struct ports_truth *
ports_truth_create(const struct cluster_plan *plan)
{
    struct ports_truth *truth = calloc(1, sizeof(*truth));

    CHECK(truth != NULL && plan->box_count <= WORLD_BOXES_MAX);
    truth->box_count = plan->box_count;
    truth->boxes = calloc(plan->box_count, sizeof(*truth->boxes));
    CHECK(truth->boxes != NULL);
    for (unsigned i = 0; i < plan->box_count; i++) {
        struct truth_box *box = &truth->boxes[i];

        box->role = plan->boxes[i].role;
        box->alone = plan->boxes[i].model->alone;
        box->front_ports = plan->boxes[i].model->front_ports;
        box->fabric_ports = plan->boxes[i].model->fabric_ports;
        CHECK(box->fabric_ports <= FWD_FABRIC_PORTS_MAX);
        box->ports = calloc(box->fabric_ports + 1u, sizeof(*box->ports));
        CHECK(box->ports != NULL);
        for (unsigned j = 0; j < box->fabric_ports; j++)
            box->ports[j].peer_box = TRUTH_NONE;
    }
    for (unsigned i = 0; i < plan->cable_count; i++)
        cable_join(truth, &plan->cables[i]);
    return truth;
}

void
ports_truth_destroy(struct ports_truth *truth)
{
    if (truth == NULL)
        return;
    for (unsigned i = 0; i < truth->box_count; i++)
        free(truth->boxes[i].ports);
    free(truth->boxes);
    free(truth);
}

void
ports_truth_entry(struct truth_box *box, const struct fwd_entry *entry)
{
    struct truth_tables *tables = &box->tables;
    uint64_t bit = 1ull << (entry->id % 64);

    switch (entry->object) {
    case FWD_BOX:
        tables->forwarding = entry->value != 0;
        tables->module = entry->arg;
        break;
    case FWD_REACH: tables->reach[entry->id] = entry->value; break;
    case FWD_FRONT:
        if (entry->value != 0)
            tables->front_up[entry->id / 64] |= bit;
        else
            tables->front_up[entry->id / 64] &= ~bit;
        break;
    }
}

void
ports_truth_dead(struct truth_box *box)
{
    box->alive = false;
    memset(&box->tables, 0, sizeof(box->tables));
    for (unsigned i = 0; i < box->fabric_ports; i++)
        box->ports[i].up = false;
}

static const struct truth_port *
far_end(const struct ports_truth *truth, const struct truth_port *port)
{
    return port->peer_box == TRUTH_NONE
               ? NULL
               : &truth->boxes[port->peer_box].ports[port->peer_port];
}

bool
ports_truth_lit(const struct ports_truth *truth, unsigned box, unsigned port)
{
    const struct truth_port *near = &truth->boxes[box].ports[port];
    const struct truth_port *far = far_end(truth, near);

    return far != NULL && !near->faulted && !far->faulted &&
           truth->boxes[box].alive && truth->boxes[near->peer_box].alive;
}

bool
ports_truth_works(const struct truth_box *box)
{
    return box->alive && box->tables.forwarding;
}

/* Which modules an NCF really reaches: programmed, up, far end forwards. */
static void
reached_by_ncf(struct ports_truth *truth, unsigned index)
{
    const struct truth_box *ncf = &truth->boxes[index];
    uint64_t *reached = truth->reached[index];

    memset(reached, 0, sizeof(truth->reached[0]));
    if (!ports_truth_works(ncf))
        return;
    for (unsigned i = 0; i < ncf->fabric_ports; i++) {
        const struct truth_port *port = &ncf->ports[i];
        const struct truth_port *far = far_end(truth, port);
        const struct truth_box *box;
        unsigned module;

        if (!port->up || far == NULL || !far->up)
            continue;
        box = &truth->boxes[port->peer_box];
        if (!ports_truth_works(box))
            continue;
        module = box->tables.module;
        if ((ncf->tables.reach[module] >> i) & 1)
            reached[module / 64] |= 1ull << (module % 64);
    }
}

/* Links of 'ncp' that really lead to 'module'; stops counting at 'enough'. */
static unsigned
links_to(const struct ports_truth *truth, unsigned ncp, unsigned module,
         unsigned enough)
{
    const struct truth_box *box = &truth->boxes[ncp];
    uint64_t links = box->tables.reach[module];
    unsigned count = 0;

    for (; links != 0 && count < enough; links &= links - 1) {
        unsigned i = (unsigned)__builtin_ctzll(links);
        const struct truth_port *port = &box->ports[i];

        if (i >= box->fabric_ports || !port->up ||
            !ports_truth_lit(truth, ncp, i))
            continue;
        if ((truth->reached[port->peer_box][module / 64] >> (module % 64)) & 1)
            count++;
    }
    return count;
}

static unsigned
front_ports_up(const struct truth_box *box)
{
    unsigned count = 0;

    for (unsigned i = 0; i < 4; i++)
        count += (unsigned)__builtin_popcountll(box->tables.front_up[i]);
    return count;
}

/* The fewest links to any other forwarding NCP. */
static unsigned
weakest_links(const struct ports_truth *truth, unsigned ncp)
{
    unsigned weakest = truth->boxes[ncp].fabric_ports;

    for (unsigned i = 0; i < truth->box_count && weakest > 0; i++) {
        const struct truth_box *other = &truth->boxes[i];
        unsigned links;

        if (i == ncp || other->role != ROLE_NCP || !ports_truth_works(other))
            continue;
        links = links_to(truth, ncp, other->tables.module, weakest);
        if (links < weakest)
            weakest = links;
    }
    return weakest;
}

static void
judge(struct ports_truth *truth, unsigned index, truth_change *change,
      void *context)
{
    struct truth_box *ncp = &truth->boxes[index];
    unsigned weakest =
        ports_truth_works(ncp) ? weakest_links(truth, index) : 0;
    bool reaches = weakest > 0 || (ncp->alone && ports_truth_works(ncp));
    unsigned ports = reaches ? front_ports_up(ncp) : 0;

    if (ports != ncp->in_service) {
        ncp->in_service = ports;
        change(context, index, OBSERVE_PORTS, ports, ncp->front_ports);
    }
    if (weakest != ncp->weakest_links) {
        ncp->weakest_links = weakest;
        change(context, index, OBSERVE_FABRIC, weakest, ncp->fabric_ports);
    }
}

void
ports_truth_judge(struct ports_truth *truth, truth_change *change,
                  void *context)
{
    for (unsigned i = 0; i < truth->box_count; i++) {
        if (truth->boxes[i].role == ROLE_NCF)
            reached_by_ncf(truth, i);
    }
    for (unsigned i = 0; i < truth->box_count; i++) {
        if (truth->boxes[i].role == ROLE_NCP || truth->boxes[i].alone)
            judge(truth, i, change, context);
    }
}
