/* SPDX-License-Identifier: Apache-2.0
 *
 * A network of plain queues: natively in models/queues, or in ns-3 with the
 * same packets.  No boxes, no NOS, no timeline.
 */
#include "models/queues/queues.h"
#include "reference-nos/base/check.h"
#include "reference-nos/base/hist.h"
#include "sim/run/run_priv.h"
#include "sim/run/traffic.h"
#include "sim/world/ns3/ns3.h"

#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 20000000u

struct network {
    struct run run; /* what readings need of one */
    const struct run_options *options;
    struct queues_leaf_spine shape;
    struct traffic_block block;
    struct plane_flow_stats stats;
    uint64_t held, events;
    struct digest_value digest;
    struct ns3_packet *packets;
    size_t packet_count, packet_room;
    char *message;
    size_t message_size;
};

/* ---- from the scenario ---- */

static void
shape_fill(const struct scenario_leaf_spine *from,
           struct queues_leaf_spine *shape)
{
    struct queues_link link = {
        .bps = from->rate_bps,
        .delay_ps = from->delay.ps,
        .buffer_packets = (uint32_t)from->buffer_packets,
        .overhead_bytes = TRAFFIC_L1_BYTES,
    };

    *shape = (struct queues_leaf_spine){
        .leaves = (unsigned)from->leaves,
        .spines = (unsigned)from->spines,
        .hosts_per_leaf = (unsigned)from->hosts,
        .host_link = link,
        .spine_link = link,
        .fixed_spines = true,
    };
}

static uint32_t *
hosts_list(const struct scenario_port_list *list, uint32_t *count)
{
    uint32_t *hosts;

    *count = 0;
    for (size_t i = 0; i < list->count; i++)
        *count += list->items[i].last_box - list->items[i].first_box + 1;
    hosts = calloc(*count + 1u, sizeof(*hosts));
    CHECK(hosts != NULL);
    *count = 0;
    for (size_t i = 0; i < list->count; i++) {
        for (uint32_t host = list->items[i].first_box;
             host <= list->items[i].last_box; host++)
            hosts[(*count)++] = host;
    }
    return hosts;
}

static int
block_fill(struct network *network)
{
    const struct scenario *scenario = network->options->scenario;
    const struct scenario_traffic *traffic = &scenario->traffic[0];
    struct traffic_block *block = &network->block;
    char why[OUTCOME_TEXT_BYTES];

    block->spec = traffic->spec;
    block->senders = hosts_list(&traffic->from, &block->spec.sender_count);
    block->receivers = hosts_list(&traffic->to, &block->spec.receiver_count);
    block->spec.senders = block->senders;
    block->spec.receivers = block->receivers;
    block->begins = traffic->at;
    block->ends = scenario->ends;
    if (traffic->lasts.ps > 0)
        block->ends =
            simtime_min(block->ends, simtime_add(traffic->at, traffic->lasts));
    block->spec.begin_ps = block->begins.ps;
    block->spec.end_ps = block->ends.ps;
    if (traffic_check(&block->spec, why, sizeof(why)) == 0)
        return 0;
    outcome_text(network->message, network->message_size,
                 "%s:%u:%u: error: impossible traffic: %s",
                 traffic->node->mark.file, traffic->node->mark.line,
                 traffic->node->mark.column, why);
    return ERR_INVALID;
}

static struct hist *
latency_make(void)
{
    void *storage = malloc(hist_size_bytes(QUEUES_LATENCY_BITS));

    CHECK(storage != NULL);
    return hist_init(storage, QUEUES_LATENCY_BITS);
}

/* ---- world des ---- */

static int
native_run(struct network *network)
{
    struct queues_options options = {.seed = network->options->seed};
    struct plane_flow_stats *stats = &network->stats;
    struct queues_totals totals;
    struct queues *queues;
    int err = queues_create(&options, &queues);

    if (err != 0)
        return err;
    err = queues_leaf_spine(queues, &network->shape);
    if (err == 0)
        err = queues_traffic_add(queues, &network->block.spec,
                                 network->message, network->message_size);
    if (err == 0)
        err = queues_run_until(queues, network->options->scenario->ends.ps);
    if (err == 0) {
        queues_totals(queues, &totals);
        stats->sent = totals.sent;
        stats->sent_bytes = totals.sent_bytes;
        stats->delivered = totals.delivered;
        stats->delivered_bytes = totals.delivered_bytes;
        stats->dropped[PLANE_DROP_TAIL] = totals.dropped;
        stats->dropped_bytes = totals.dropped_bytes;
        network->held = totals.held;
        network->events = totals.events;
        network->digest = queues_digest(queues);
        err = hist_merge(stats->latency, queues_latency(queues));
    }
    queues_destroy(queues);
    return err;
}

/* ---- world ns3 ---- */

static int
by_due(const void *a, const void *b)
{
    const struct ns3_packet *x = a, *y = b;

    if (x->due_ps != y->due_ps)
        return x->due_ps < y->due_ps ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

static void
packet_add(struct network *network, const struct traffic_packet *packet,
           uint32_t from)
{
    if (network->packet_count == network->packet_room) {
        network->packet_room = network->packet_room * 2 + 4096;
        network->packets =
            realloc(network->packets,
                    network->packet_room * sizeof(*network->packets));
        CHECK(network->packets != NULL);
    }
    network->packets[network->packet_count++] = (struct ns3_packet){
        .due_ps = packet->due_ps,
        .from = from,
        .to = packet->to,
        .bytes = packet->bytes,
    };
}

/* The packets that models/queues draws: one source a sender, numbered in the
 * order of the senders. */
static int
packets_draw(struct network *network)
{
    const struct traffic_spec *spec = &network->block.spec;

    for (uint32_t i = 0; i < spec->sender_count; i++) {
        struct traffic_source source;
        struct traffic_packet packet;

        traffic_source_init(&source, spec, i, i, network->shape.host_link.bps,
                            network->options->seed);
        while (traffic_next(&source, &packet) &&
               packet.due_ps <= network->options->scenario->ends.ps) {
            if (network->packet_count == PACKETS_MAX) {
                outcome_text(network->message, network->message_size,
                             "world ns3 takes at most %u packets",
                             PACKETS_MAX);
                return ERR_RANGE;
            }
            packet_add(network, &packet, spec->senders[i]);
        }
    }
    qsort(network->packets, network->packet_count, sizeof(*network->packets),
          by_due);
    return 0;
}

static void
packets_count(struct network *network)
{
    struct plane_flow_stats *stats = &network->stats;
    struct run_digest *digest = run_digest_create(0);

    for (size_t i = 0; i < network->packet_count; i++) {
        const struct ns3_packet *packet = &network->packets[i];

        stats->sent_bytes += packet->bytes;
        run_digest_feed_u64(digest, packet->due_ps);
        run_digest_feed_u64(digest, packet->latency_ps);
        if (packet->latency_ps == NS3_LOST)
            continue;
        stats->delivered_bytes += packet->bytes;
        hist_add(stats->latency, packet->latency_ps, 1);
    }
    /* Which bytes are held and which dropped, ns-3 does not say. */
    if (network->held == 0)
        stats->dropped_bytes = stats->sent_bytes - stats->delivered_bytes;
    network->digest = run_digest_value(digest);
    run_digest_destroy(digest);
}

static int
ns3_run(struct network *network)
{
    struct plane_flow_stats *stats = &network->stats;
    struct ns3_leaf_spine_totals totals;
    struct ns3_helper *helper;
    int err = packets_draw(network);

    if (err == 0)
        err = ns3_helper_start(network->options->ns3_helper, &helper,
                               network->message, network->message_size);
    if (err == 0)
        err = ns3_leaf_spine_run(helper, &network->shape, network->packets,
                                 network->packet_count,
                                 network->options->scenario->ends.ps, &totals,
                                 network->message, network->message_size);
    if (err != 0)
        return err;
    stats->sent = totals.sent;
    stats->delivered = totals.delivered;
    stats->dropped[PLANE_DROP_TAIL] = totals.dropped;
    network->held = totals.held;
    network->events = totals.events;
    packets_count(network);
    return 0;
}

/* ---- judging ---- */

/* What both worlds can tell; the rest is of boxes, or of cells. */
static bool
is_told(enum metric_id id)
{
    return id >= METRIC_TRAFFIC_SENT && id <= METRIC_LATENCY_P99_9999 &&
           id != METRIC_TRAFFIC_LOSS_SPAN && id != METRIC_TRAFFIC_REORDERED;
}

static int
reading_take(void *context, const struct metric_ref *ref,
             struct expr_reading *reading)
{
    struct network *network = context;

    memset(reading, 0, sizeof(*reading));
    if (!is_told(ref->metric->id))
        return ERR_UNSUPPORTED;
    if (ref->metric->id == METRIC_TRAFFIC_HELD) {
        reading->value = network->held;
        return 0;
    }
    return traffic_reading(&network->run, ref, reading);
}

static enum verdict
verdict_from(enum judged judged)
{
    switch (judged) {
    case JUDGED_TRUE: return VERDICT_PASS;
    case JUDGED_FALSE: return VERDICT_FAIL;
    case JUDGED_UNKNOWN: return VERDICT_INCONCLUSIVE;
    case JUDGED_NOT_APPLICABLE: return VERDICT_NOT_APPLICABLE;
    }
    return VERDICT_INCONCLUSIVE;
}

static void
expect_judge(struct network *network, size_t index, struct outcome_expect *row)
{
    const struct scenario_expect *expect =
        &network->options->scenario->expects[index];

    row->index = (uint32_t)index;
    row->at = network->options->scenario->ends;
    for (size_t i = 0; i < expect->expr.count; i++) {
        struct expr_reading reading;

        row->sample_err[i] =
            reading_take(network, &expect->expr.terms[i].ref, &reading);
        row->sample[i] = reading.value;
    }
    row->verdict =
        verdict_from(expr_judge(&expect->expr, reading_take, network,
                                row->evidence, sizeof(row->evidence)));
    if (expect->when != EXPECT_OVER_SEEDS)
        return;
    row->verdict = VERDICT_NOT_APPLICABLE;
    outcome_text(row->evidence, sizeof(row->evidence),
                 "judged over many seeds only (--seeds): %s",
                 expect->expr.text);
}

static void
metric_record(struct network *network, enum metric_id id, bool named)
{
    struct metric_ref ref = {.metric = metric_get(id), .has_argument = named};
    struct expr_reading reading;
    struct outcome_metric *row;

    if (reading_take(network, &ref, &reading) != 0)
        return;
    row = rows_add(&network->run.outcome->metrics);
    row->id = id;
    row->value = reading.value;
    row->samples = reading.samples;
    row->at_least = reading.estimated && reading.high == UINT64_MAX;
    if (row->at_least)
        row->value = reading.low;
    if (named)
        outcome_text(row->args, sizeof(row->args), "%s",
                     network->options->scenario->traffic[0].name);
}

/* In either world deliveries are taken to last from the first that could
 * come until the last. */
static void
span_fill(struct network *network)
{
    struct plane_flow_stats *stats = &network->stats;
    uint64_t last_ps = network->block.ends.ps + hist_max(stats->latency);
    uint64_t ends_ps = network->options->scenario->ends.ps;

    stats->first_ps = network->block.begins.ps + hist_min(stats->latency);
    stats->last_ps = last_ps < ends_ps ? last_ps : ends_ps;
    if (stats->last_ps < stats->first_ps)
        stats->last_ps = stats->first_ps;
    stats->dropped_bytes_of[PLANE_DROP_TAIL] = stats->dropped_bytes;
}

static void
outcome_fill(struct network *network)
{
    const struct scenario *scenario = network->options->scenario;
    struct outcome *outcome = network->run.outcome;
    bool failed = false, open = false, passed = false;

    for (unsigned id = 0; id < METRIC_COUNT; id++) {
        if (!is_told(id))
            continue;
        metric_record(network, id, false);
        if (metric_get(id)->argument == ARGUMENT_TRAFFIC)
            metric_record(network, id, true);
    }
    for (size_t i = 0; i < scenario->expect_count; i++) {
        struct outcome_expect *row = rows_add(&outcome->expects);

        expect_judge(network, i, row);
        failed |= row->verdict == VERDICT_FAIL;
        open |= row->verdict == VERDICT_INCONCLUSIVE;
        passed |= row->verdict == VERDICT_PASS;
    }
    traffic_record(&network->run);
    outcome->verdict = failed            ? VERDICT_FAIL
                       : open || !passed ? VERDICT_INCONCLUSIVE
                                         : VERDICT_PASS;
    outcome->seed = network->options->seed;
    outcome->duration = scenario->ends;
    outcome->events = network->events;
    outcome->digest = network->digest;
    outcome->ports = network->shape.leaves * network->shape.hosts_per_leaf;
}

int
run_network(const struct run_options *options, struct outcome *outcome,
            char *message, size_t message_size)
{
    const struct scenario *scenario = options->scenario;
    struct network network = {
        .run = {.options = options,
                .scenario = scenario,
                .outcome = outcome,
                .ended = true,
                .ended_at = scenario->ends,
                .traffic = {.network = &network.stats,
                            .blocks = &network.block,
                            .block_count = 1}},
        .options = options,
        .message = message,
        .message_size = message_size,
    };
    int err;

    message[0] = '\0';
    shape_fill(&scenario->network.leaf_spine, &network.shape);
    network.stats.latency = latency_make();
    err = block_fill(&network);
    if (err == 0)
        err = options->world == WORLD_NS3 ? ns3_run(&network)
                                          : native_run(&network);
    if (err == 0) {
        span_fill(&network);
        outcome_fill(&network);
    } else if (message[0] == '\0')
        outcome_text(message, message_size, "the network: %s", err_text(err));
    free(network.stats.latency);
    free(network.packets);
    free(network.block.senders);
    free(network.block.receivers);
    return err;
}
