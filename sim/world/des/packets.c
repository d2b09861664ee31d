/* SPDX-License-Identifier: Apache-2.0
 *
 * What flows between front ports: the forwarding plane of models/plane, by
 * packets, or of models/flows, by rates; told of every table, link and box as
 * it changes.
 *
 * Time     the plane runs up to each event of the kernel before it fires, so
 *          that packets meet every change at its time; rates, whose time is
 *          in nanoseconds, less than one of them early.
 * Light    a fabric link goes dark at once, whoever has noticed; it carries
 *          cells again once it is trained.
 */
#include "sim/world/des/des_priv.h"

#define PS_PER_NS 1000u

void
packets_advance(struct des *des, struct simtime until)
{
    int err = des->plane != NULL
                  ? plane_run_until(des->plane, until.ps)
                  : flows_run_until(des->flows, until.ps / PS_PER_NS);

    CHECK(err == 0);
}

/* The planes take what they are told as of their own clock.  False: there is
 * none. */
static bool
brought_up(struct des *des)
{
    if (des->plane == NULL && des->flows == NULL)
        return false;
    packets_advance(des, kernel_now(des->kernel));
    return true;
}

void
packets_box(struct des_box *box)
{
    struct des *des = box->des;

    if (!brought_up(des))
        return;
    if (des->plane != NULL)
        plane_box_set(des->plane, box->index, box->truth->alive);
    else
        flows_box_set(des->flows, box->index, box->truth->alive);
}

void
packets_link(struct des_port *port)
{
    struct des *des = port->box->des;
    bool shines;

    if (des->plane == NULL && des->flows == NULL)
        return;
    shines = port->link->up &&
             ports_truth_lit(des->truth, port->box->index, port->port);
    if (shines == port->shines)
        return;
    port->shines = shines;
    (void)brought_up(des);
    if (des->plane != NULL)
        plane_link_set(des->plane, port->box->index, port->port, shines);
    else
        flows_link_set(des->flows, port->box->index, port->port, shines);
}

void
packets_entries(struct des_box *box, const struct fwd_entry *entries,
                size_t count)
{
    struct des *des = box->des;

    if (!brought_up(des))
        return;
    if (des->plane != NULL)
        plane_entries_set(des->plane, box->index, entries, count);
    else
        flows_entries_set(des->flows, box->index, entries, count);
}

static void
group_written(struct des *des, unsigned box, const struct fwd_group *group)
{
    if (des->plane != NULL)
        plane_groups_set(des->plane, box, group, 1);
    else
        flows_groups_set(des->flows, box, group, 1);
}

static void
route_written(struct des *des, unsigned box, const struct fwd_route *route)
{
    if (des->plane != NULL)
        plane_routes_set(des->plane, box, route, 1);
    else
        flows_routes_set(des->flows, box, route, 1);
}

/* Tables that are lost die with the box, which the plane is told. */
void
packets_programmed(struct des_box *box,
                   const struct des_programmed *programmed)
{
    struct des *des = box->des;

    if (!brought_up(des))
        return;
    if (programmed->group != NULL)
        group_written(des, box->index, programmed->group);
    if (programmed->route != NULL)
        route_written(des, box->index, programmed->route);
}

/* Nothing has power yet. */
static void
plane_darken(struct des *des)
{
    for (unsigned i = 0; i < des->box_count; i++) {
        plane_box_set(des->plane, i, false);
        for (unsigned j = 0; j < des->boxes[i].model->fabric_ports; j++)
            plane_link_set(des->plane, i, j, false);
    }
}

static void
flows_darken(struct des *des)
{
    for (unsigned i = 0; i < des->box_count; i++) {
        flows_box_set(des->flows, i, false);
        for (unsigned j = 0; j < des->boxes[i].model->fabric_ports; j++)
            flows_link_set(des->flows, i, j, false);
    }
}

static int
rates_init(struct des *des, const struct des_options *options)
{
    struct flows_options flows = {
        .plan = des->plan,
        .asic = &des->packet_asic,
        .seed = options->seed,
    };
    int err = flows_create(&flows, &des->flows, options->message,
                           options->message_size);

    if (err == 0)
        flows_darken(des);
    return err;
}

int
packets_init(struct des *des, const struct des_options *options)
{
    struct plane_options plane = {
        .plan = des->plan,
        .asic = &des->packet_asic,
        .seed = options->seed,
        .threads = 1,
    };

    int err;

    if (options->asic == NULL)
        return 0;
    des->packet_asic = *options->asic;
    if (options->by_rates)
        return rates_init(des, options);
    err = plane_create(&plane, &des->plane, options->message,
                       options->message_size);
    if (err == 0)
        plane_darken(des);
    return err;
}

struct digest_value
packets_digest(struct des *des)
{
    struct digest_value events = run_digest_value(des->digest);
    struct digest_value packets;
    struct run_digest *both;

    if (des->plane == NULL && des->flows == NULL)
        return events;
    packets = des->plane != NULL ? plane_digest(des->plane)
                                 : flows_digest(des->flows);
    both = run_digest_create(0);
    run_digest_feed_u64(both, events.high);
    run_digest_feed_u64(both, events.low);
    run_digest_feed_u64(both, packets.high);
    run_digest_feed_u64(both, packets.low);
    events = run_digest_value(both);
    run_digest_destroy(both);
    return events;
}
