/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets between front ports: the forwarding plane of models/plane, told of
 * every table, link and box as it changes.
 *
 * Time     the plane runs up to each event of the kernel before it fires, so
 *          that packets meet every change at its time.
 * Light    a fabric link goes dark at once, whoever has noticed; it carries
 *          cells again once it is trained.
 */
#include "sim/world/des/des_priv.h"

void
packets_advance(struct des *des, struct simtime until)
{
    int err;

    err = plane_run_until(des->plane, until.ps);
    CHECK(err == 0);
}

/* The plane takes what it is told as of its own clock. */
static struct data_plane *
plane_now(struct des *des)
{
    packets_advance(des, kernel_now(des->kernel));
    return des->plane;
}

void
packets_box(struct des_box *box)
{
    if (box->des->plane != NULL)
        plane_box_set(plane_now(box->des), box->index, box->truth->alive);
}

void
packets_link(struct des_port *port)
{
    struct des *des = port->box->des;
    bool shines;

    if (des->plane == NULL)
        return;
    shines = port->link->up &&
             ports_truth_lit(des->truth, port->box->index, port->port);
    if (shines == port->shines)
        return;
    port->shines = shines;
    plane_link_set(plane_now(des), port->box->index, port->port, shines);
}

void
packets_entries(struct des_box *box, const struct fwd_entry *entries,
                size_t count)
{
    if (box->des->plane != NULL)
        plane_entries_set(plane_now(box->des), box->index, entries, count);
}

/* Tables that are lost die with the box, which the plane is told. */
void
packets_programmed(struct des_box *box,
                   const struct des_programmed *programmed)
{
    if (box->des->plane == NULL)
        return;
    if (programmed->group != NULL)
        plane_groups_set(plane_now(box->des), box->index, programmed->group,
                         1);
    if (programmed->route != NULL)
        plane_routes_set(plane_now(box->des), box->index, programmed->route,
                         1);
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

    if (des->plane == NULL)
        return events;
    packets = plane_digest(des->plane);
    both = run_digest_create(0);
    run_digest_feed_u64(both, events.high);
    run_digest_feed_u64(both, events.low);
    run_digest_feed_u64(both, packets.high);
    run_digest_feed_u64(both, packets.low);
    events = run_digest_value(both);
    run_digest_destroy(both);
    return events;
}
