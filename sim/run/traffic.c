/* SPDX-License-Identifier: Apache-2.0
 *
 * Traffic of a run: which ends send when.
 */
#include "sim/run/traffic.h"

#include "reference-nos/base/check.h"
#include "sim/run/run_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- ends ---- */

/* The slot of packet forwarder 'number', and the number of its first end. */
static bool
ncp_of(const struct cluster_plan *plan, uint32_t number, unsigned *slot,
       unsigned *first_end)
{
    unsigned end = 0;

    for (unsigned i = 0; i < plan->box_count; i++) {
        if (plan->boxes[i].role != ROLE_NCP)
            continue;
        if (plan->boxes[i].number == number) {
            *slot = i;
            *first_end = end;
            return true;
        }
        end += plan->boxes[i].model->front_ports;
    }
    return false;
}

static int
ports_fail(const struct scenario_ports *ports, const struct plan_box *box,
           char *message, size_t message_size)
{
    outcome_text(message, message_size,
                 "%s:%u:%u: error: impossible ports: %s has no port %u; they "
                 "run from 0 to %u",
                 ports->mark.file, ports->mark.line, ports->mark.column,
                 box->name, ports->last_port, box->model->front_ports - 1u);
    return ERR_INVALID;
}

/* Appends the ends of one selector, box by box; 'ends' NULL only counts. */
static int
ports_ends(const struct cluster_plan *plan, const struct scenario_ports *ports,
           uint32_t *ends, uint32_t *count, char *message, size_t message_size)
{
    for (uint32_t n = ports->first_box; n <= ports->last_box; n++) {
        unsigned slot, first, last;

        if (!ncp_of(plan, n, &slot, &first))
            continue;
        last = ports->last_port == UINT32_MAX
                   ? plan->boxes[slot].model->front_ports - 1u
                   : ports->last_port;
        if (last >= plan->boxes[slot].model->front_ports)
            return ports_fail(ports, &plan->boxes[slot], message,
                              message_size);
        for (uint32_t port = ports->first_port; port <= last; port++) {
            if (ends != NULL)
                ends[*count] = first + port;
            (*count)++;
        }
    }
    return 0;
}

static int
list_ends(const struct cluster_plan *plan,
          const struct scenario_port_list *list, uint32_t **ends,
          uint32_t *count, char *message, size_t message_size)
{
    int err = 0;

    *count = 0;
    *ends = NULL;
    for (size_t i = 0; err == 0 && i < list->count; i++)
        err = ports_ends(plan, &list->items[i], NULL, count, message,
                         message_size);
    if (err != 0)
        return err;
    *ends = calloc(*count + 1u, sizeof(**ends));
    CHECK(*ends != NULL);
    *count = 0;
    for (size_t i = 0; err == 0 && i < list->count; i++)
        err = ports_ends(plan, &list->items[i], *ends, count, message,
                         message_size);
    return err;
}

static int
block_ends(const struct cluster_plan *plan,
           const struct scenario_traffic *traffic, struct traffic_block *block,
           char *message, size_t message_size)
{
    int err;

    block->spec = traffic->spec;
    err = list_ends(plan, &traffic->from, &block->senders,
                    &block->spec.sender_count, message, message_size);
    if (err == 0)
        err = list_ends(plan, &traffic->to, &block->receivers,
                        &block->spec.receiver_count, message, message_size);
    block->spec.senders = block->senders;
    block->spec.receivers = block->receivers;
    return err;
}

static void
block_fini(struct traffic_block *block)
{
    free(block->senders);
    free(block->receivers);
}

/* A port cannot listen to itself, nor twice. */
static int
check_twice(const struct scenario_traffic *traffic, const uint32_t *ends,
            uint32_t count, const char *does, char *message,
            size_t message_size)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (ends[i] != ends[j])
                continue;
            outcome_text(message, message_size,
                         "%s:%u:%u: error: traffic \"%s\": a port %s twice",
                         traffic->node->mark.file, traffic->node->mark.line,
                         traffic->node->mark.column, traffic->name, does);
            return ERR_INVALID;
        }
    }
    return 0;
}

static int
check_block(const struct scenario_traffic *traffic,
            struct traffic_block *block, char *message, size_t message_size)
{
    const struct traffic_spec *spec = &block->spec;
    char why[OUTCOME_TEXT_BYTES];
    int err;

    /* The times are a run's; any will do here. */
    block->spec.begin_ps = 0;
    block->spec.end_ps = SIMTIME_PS_PER_S;
    err = check_twice(traffic, spec->senders, spec->sender_count, "sends",
                      message, message_size);
    if (err == 0)
        err = check_twice(traffic, spec->receivers, spec->receiver_count,
                          "receives", message, message_size);
    if (err != 0)
        return err;
    err = traffic_check(spec, why, sizeof(why));
    if (err != 0)
        outcome_text(message, message_size,
                     "%s:%u:%u: error: traffic \"%s\": %s",
                     traffic->node->mark.file, traffic->node->mark.line,
                     traffic->node->mark.column, traffic->name, why);
    return err;
}

/* A capture's port must be there too. */
static int
check_captures(const struct scenario *scenario,
               const struct cluster_plan *plan, char *message,
               size_t message_size)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < scenario->capture_count; i++) {
        uint32_t count = 0;

        err = ports_ends(plan, &scenario->captures[i].port, NULL, &count,
                         message, message_size);
    }
    return err;
}

int
traffic_plan_check(const struct scenario *scenario,
                   const struct cluster_plan *plan, char *message,
                   size_t message_size)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < scenario->traffic_count; i++) {
        const struct scenario_traffic *traffic = &scenario->traffic[i];
        struct traffic_block block = {0};

        err = block_ends(plan, traffic, &block, message, message_size);
        if (err == 0)
            err = check_block(traffic, &block, message, message_size);
        block_fini(&block);
    }
    return err != 0 ? err
                    : check_captures(scenario, plan, message, message_size);
}

/* ---- listening ---- */

static void
dropped(void *context, uint64_t at_ps, unsigned box, enum plane_drop cause,
        const struct plane_tap_packet *packet)
{
    struct run *run = context;
    struct run_traffic *traffic = &run->traffic;

    (void)box;
    if (traffic->lost++ == 0)
        traffic->first_lost_ps = at_ps;
    traffic->last_lost_ps = at_ps;
    oracles_packet_dropped(run->oracles, at_ps, cause, packet->from,
                           packet->to);
}

static void
delivered(void *context, unsigned end, bool out,
          const struct plane_tap_packet *packet)
{
    struct run *run = context;

    if (out)
        oracles_packet_out(run->oracles, packet->at_ps, end, packet->from,
                           packet->to);
}

static void
oracles_open(struct run *run)
{
    struct run_traffic *traffic = &run->traffic;
    struct oracle_end *ends = calloc(traffic->end_count, sizeof(*ends));

    CHECK(ends != NULL);
    for (unsigned i = 0; i < traffic->end_count; i++) {
        struct plane_end end = plane_end(traffic->plane, i);

        ends[i] = (struct oracle_end){end.box, end.port};
    }
    oracles_packets_begin(run->oracles, ends, traffic->end_count);
    free(ends);
    plane_drops_observe(traffic->plane, dropped, run);
    for (unsigned i = 0; i < traffic->end_count; i++) {
        int err = traffic->used[i]
                      ? plane_tap_add(traffic->plane, i, delivered, run)
                      : 0;

        CHECK(err == 0);
    }
}

/* ---- life ---- */

void
traffic_init(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    struct run_traffic *traffic = &run->traffic;
    char message[OUTCOME_TEXT_BYTES];

    if (run->world->ops->plane != NULL)
        traffic->plane = run->world->ops->plane(run->world);
    if (run->world->ops->flows != NULL)
        traffic->flows = run->world->ops->flows(run->world);
    if (!traffic_runs(traffic)) {
        if (scenario->traffic_count > 0)
            run_skip(run, "traffic",
                     run->options->world == WORLD_NS3
                         ? "ns-3 has no virtual output queues, cells or "
                           "credits"
                         : "this world has no model of queues, cells and "
                           "ports");
        return;
    }
    if (traffic->flows != NULL)
        rates_init(traffic);
    traffic->end_count = traffic_ends(traffic);
    traffic->used = calloc(traffic->end_count + 1u, sizeof(bool));
    traffic->routed = calloc(traffic->end_count + 1u, sizeof(bool));
    traffic->block_count = scenario->traffic_count;
    traffic->blocks =
        calloc(traffic->block_count + 1, sizeof(*traffic->blocks));
    CHECK(traffic->used != NULL && traffic->routed != NULL &&
          traffic->blocks != NULL);
    for (size_t i = 0; i < traffic->block_count; i++) {
        struct traffic_block *block = &traffic->blocks[i];
        int err = block_ends(run->plan, &scenario->traffic[i], block, message,
                             sizeof(message));

        CHECK(err == 0); /* traffic_plan_check() has passed */
        for (uint32_t j = 0; j < block->spec.sender_count; j++)
            traffic->used[block->senders[j]] = true;
        for (uint32_t j = 0; j < block->spec.receiver_count; j++) {
            traffic->used[block->receivers[j]] = true;
            traffic->routed[block->receivers[j]] |=
                scenario->traffic[i].routed;
        }
    }
}

void
traffic_fini(struct run *run)
{
    struct run_traffic *traffic = &run->traffic;

    for (size_t i = 0; i < traffic->block_count; i++)
        block_fini(&traffic->blocks[i]);
    rates_fini(traffic);
    free(traffic->blocks);
    free(traffic->used);
    free(traffic->routed);
}

bool
traffic_prepare(struct run *run)
{
    if (!traffic_runs(&run->traffic))
        return true;
    if (run->traffic.plane != NULL)
        oracles_open(run);
    run->traffic.ready = addresses_configure(run);
    return run->traffic.ready;
}

static bool
begin_known(const struct run *run, size_t index, struct simtime *begins)
{
    const struct scenario_traffic *traffic = &run->scenario->traffic[index];

    if (traffic->after == SCENARIO_NO_EVENT) {
        *begins = simtime_add(run->origin, traffic->at);
        return true;
    }
    if (run->events[traffic->after].fired == 0)
        return false;
    *begins = simtime_add(run->events[traffic->after].first_at, traffic->at);
    return true;
}

/* A search sends it, in trials. */
static bool
is_searched(const struct run *run, size_t index)
{
    const struct scenario_search *search = &run->scenario->search;

    return search->node != NULL && search->traffic == index;
}

void
traffic_poll(struct run *run)
{
    struct run_traffic *traffic = &run->traffic;

    for (size_t i = 0; i < traffic->block_count; i++) {
        const struct scenario_traffic *wanted = &run->scenario->traffic[i];
        struct traffic_block *block = &traffic->blocks[i];
        int err;

        if (block->added || is_searched(run, i) ||
            !begin_known(run, i, &block->begins))
            continue;
        block->ends = wanted->lasts.ps > 0
                          ? simtime_add(block->begins, wanted->lasts)
                          : run->ends_at;
        block->spec.begin_ps = block->begins.ps;
        block->spec.end_ps = block->ends.ps;
        block->added = true;
        if (block->begins.ps >= block->ends.ps)
            continue;
        err = traffic_offer(traffic, block);
        CHECK(err == 0); /* traffic_plan_check() has passed */
        block->offered = true;
    }
}

bool
traffic_goes_on(const struct run *run)
{
    const struct run_traffic *traffic = &run->traffic;
    struct simtime now = run->world->ops->now(run->world);
    struct plane_totals totals;

    if (!traffic_runs(traffic))
        return false;
    for (size_t i = 0; i < traffic->block_count; i++) {
        if (is_searched(run, i)
                ? !run->searched
                : !traffic->blocks[i].added ||
                      simtime_before(now, traffic->blocks[i].ends))
            return true;
    }
    if (traffic->flows != NULL)
        return rates_held(traffic);
    plane_totals(traffic->plane, &totals);
    return totals.held > 0;
}

const struct plane_flow_stats *
traffic_stats(struct run *run, size_t index)
{
    struct run_traffic *traffic = &run->traffic;
    const struct traffic_block *block;

    if (traffic->network != NULL)
        return index == 0 ? traffic->network : NULL;
    if (!traffic_runs(traffic) || index >= traffic->block_count)
        return NULL;
    block = &traffic->blocks[index];
    if (!block->offered)
        return NULL;
    return traffic->plane != NULL ? plane_flow(traffic->plane, block->flow)
                                  : rates_stats(run, index);
}

struct simtime
traffic_span(const struct run *run, size_t index)
{
    const struct traffic_block *block = &run->traffic.blocks[index];
    struct simtime now = run_now(run);

    return simtime_before(now, block->begins)
               ? (struct simtime){0}
               : simtime_sub(simtime_min(now, block->ends), block->begins);
}
