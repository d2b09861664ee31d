/* SPDX-License-Identifier: Apache-2.0
 *
 * From a scenario to the plan of its cluster, and to a world of it.
 */
#include "models/costs.h"
#include "sim/run/run_priv.h"
#include "sim/world/des/des.h"

#include <string.h>

static void
plan_options(const struct scenario *scenario, struct cluster_options *options)
{
    const struct scenario_cluster *cluster = &scenario->cluster;

    *options = (struct cluster_options){
        .preset = cluster->preset,
        .ncp_count = cluster->boxes[ROLE_NCP],
        .ncf_count = cluster->boxes[ROLE_NCF],
        .spare_ncp_count = cluster->spares[ROLE_NCP],
        .ncp_model = cluster->models[ROLE_NCP],
        .ncf_model = cluster->models[ROLE_NCF],
        .fabric_links_per_ncp = cluster->fabric_links,
    };
}

/* How many units of the kind an event strikes a box has. */
static unsigned
units_of(const struct box_model *model, enum catalogue_id id)
{
    switch ((int)id) {
    case FAULT_PSU_FAIL: return model->psu_count;
    case FAULT_FAN_FAIL: return model->fan_count;
    case FAULT_SENSOR_FAIL: return model->sensor_count;
    default: return UINT32_MAX;
    }
}

/* Only the models know how many units there are: some box must have the one
 * an event names. */
static int
units_check(const struct scenario *scenario, const struct cluster_plan *plan,
            char *message, size_t message_size)
{
    for (size_t i = 0; i < scenario->event_count; i++) {
        const struct scenario_event *event = &scenario->events[i];
        uint64_t unit;
        unsigned most = 0;

        if (units_of(plan->boxes[0].model, event->what->id) == UINT32_MAX)
            continue;
        unit = scenario_event_value(event, "unit")->number;
        for (unsigned box = 0; box < plan->box_count; box++) {
            unsigned count = units_of(plan->boxes[box].model, event->what->id);

            most = count > most ? count : most;
        }
        if (unit < most)
            continue;
        outcome_text(message, message_size,
                     "%s:%u:%u: error: impossible target: %s: no box has a "
                     "unit %llu; they run from 0 to %u",
                     event->node->mark.file, event->node->mark.line,
                     event->node->mark.column, event->what->name,
                     (unsigned long long)unit, most - 1);
        return ERR_INVALID;
    }
    return 0;
}

int
run_plan_create(const struct run_options *options, struct cluster_plan **plan,
                char *message, size_t message_size)
{
    struct cluster_options cluster;
    int err;

    plan_options(options->scenario, &cluster);
    err = cluster_plan_create(options->data_dir, &cluster, options->seed, plan,
                              message, message_size);
    if (err != 0)
        return err;
    err = units_check(options->scenario, *plan, message, message_size);
    if (err == 0)
        err = traffic_plan_check(options->scenario, *plan, message,
                                 message_size);
    if (err != 0)
        cluster_plan_destroy(*plan);
    return err;
}

bool
run_world_real(enum world_kind world)
{
    return world != WORLD_DES && world != WORLD_NS3;
}

bool
run_world_built(enum world_kind world)
{
    return world == WORLD_DES || world == WORLD_NS3 || world == WORLD_NETNS;
}

static int
des_world_create(const struct run_options *options, struct cluster_plan *plan,
                 world_listener *listener, void *context, struct world **world,
                 char *message, size_t message_size)
{
    const struct scenario_cluster *cluster = &options->scenario->cluster;
    bool packets = options->scenario->traffic_count > 0 &&
                   (options->world == WORLD_DES || options->stand_in);
    struct costs costs;
    struct asic asic;
    struct des_options des = {
        .plan = plan,
        .seed = options->seed,
        .mutation = options->mutation,
        .checkpoint_events = options->checkpoint_events,
        .listener = listener,
        .listener_context = context,
        .tombstone_s = run_tombstone_s(cluster),
        .unplanned = cluster->numbering == NUMBERING_LOWEST_FREE,
        .asic = packets ? &asic : NULL,
        .by_rates = options->scenario->fidelity == FIDELITY_FLOWS,
        .message = message,
        .message_size = message_size,
    };
    int err = costs_load(options->data_dir, options->costs_file, &costs,
                         message, message_size);

    if (err == 0 && packets)
        err = asic_load(options->data_dir, &asic, message, message_size);
    if (err != 0)
        return err;
    memcpy(des.costs_ns, costs.ns, sizeof(des.costs_ns));
    if (costs.measured.given)
        cluster_plan_measured(plan, &costs.measured);
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        des.pool_size[role] = (uint16_t)cluster->pools[role];
    if (options->world == WORLD_NS3 && !options->stand_in) {
        err = run_ns3_prepare(options, &des, message, message_size);
        if (err != 0)
            return err;
    }
    message[0] = '\0';
    err = des_create(&des, world);
    if (err != 0)
        run_ns3_undo(&des);
    if (err != 0 && message[0] == '\0')
        outcome_text(message, message_size, "cannot make the world: %s",
                     err_text(err));
    return err;
}

static int
world_create_kind(const struct run_options *options, struct cluster_plan *plan,
                  world_listener *listener, void *context,
                  struct world **world, char *message, size_t message_size)
{
    switch (options->stand_in ? WORLD_DES : options->world) {
    case WORLD_DES:
    case WORLD_NS3:
        return des_world_create(options, plan, listener, context, world,
                                message, message_size);
    case WORLD_NETNS:
        return run_netns_create(options, plan, listener, context, world,
                                message, message_size);
    case WORLD_MININET:
    case WORLD_HARDWARE:
    case WORLD_KIND_COUNT: break;
    }
    outcome_text(message, message_size, "this build has no world %s",
                 world_kind_name(options->world));
    return ERR_UNSUPPORTED;
}

uint32_t
run_tombstone_s(const struct scenario_cluster *cluster)
{
    return cluster->tombstone.ps > 0
               ? (uint32_t)(cluster->tombstone.ps / SIMTIME_PS_PER_S)
               : TOMBSTONE_DEFAULT_S;
}

int
run_world_create(const struct run_options *options, world_listener *listener,
                 void *context, struct world **world,
                 struct cluster_plan **plan, char *message,
                 size_t message_size)
{
    int err = run_plan_create(options, plan, message, message_size);

    if (err != 0)
        return err;
    err = world_create_kind(options, *plan, listener, context, world, message,
                            message_size);
    if (err != 0)
        cluster_plan_destroy(*plan);
    else if (options->dress != NULL)
        options->dress(*world);
    return err;
}
