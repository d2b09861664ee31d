/* SPDX-License-Identifier: Apache-2.0 */
#include "models/flows/flows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/flows/flows_priv.h"

int
flows_create(const struct flows_options *options, struct flows **out,
             char *message, size_t message_size)
{
    struct flows *flows = flows_alloc(1, sizeof(*flows));
    int err;

    CHECK(options->plan != NULL && options->asic != NULL);
    flows->plan = options->plan;
    flows->asic = options->asic;
    flows->seed = options->seed;
    err = flows_build(flows, message, message_size);
    if (err != 0) {
        flows_destroy(flows);
        return err;
    }
    flows->ways_dirty = true;
    flows->dirty = true;
    *out = flows;
    return 0;
}

void
flows_destroy(struct flows *flows)
{
    if (flows == NULL)
        return;
    flows_unbuild(flows);
    free(flows);
}

/* ---- ends --------------------------------------------------------------- */

unsigned
flows_ends(const struct flows *flows)
{
    return flows->end_count;
}

struct plane_end
flows_end(const struct flows *flows, unsigned end)
{
    const struct flow_card *card;

    CHECK(end < flows->end_count);
    card = &flows->cards[flows->card_of_end[end]];
    return (struct plane_end){
        .box = card->box,
        .port = (uint16_t)(end - card->first_end),
        .bps = flows->port_bps,
    };
}

unsigned
flows_end_find(const struct flows *flows, unsigned box, unsigned port)
{
    const struct flow_card *card;

    if (box >= flows->plan->box_count || flows->card_of_box[box] == UINT16_MAX)
        return flows->end_count;
    card = &flows->cards[flows->card_of_box[box]];
    return port < card->ports ? card->first_end + port : flows->end_count;
}

void
flows_address(const struct flows *flows, unsigned end, struct fwd_prefix *host)
{
    CHECK(end < flows->end_count);
    *host = flows->addresses[end];
}

static void
exits_change(struct flows *flows)
{
    for (unsigned i = 0; i < flows->card_count; i++) {
        flows->cards[i].epoch++;
        flows->cards[i].resolve_dirty = true;
    }
    for (uint32_t i = 0; i < flows->queue_count; i++)
        flows_queue_touch(flows, i);
    flows->dirty = true;
}

void
flows_address_set(struct flows *flows, unsigned end,
                  const struct fwd_prefix *host, bool routed)
{
    CHECK(end < flows->end_count);
    flows->addresses[end] = *host;
    flows->ports[end].routed = routed;
    exits_change(flows);
}

void
flows_return_set(struct flows *flows, unsigned end, bool returns)
{
    CHECK(end < flows->end_count);
    flows->ports[end].returns = returns;
    flows->any_returns |= returns;
    exits_change(flows);
}

/* ---- time --------------------------------------------------------------- */

uint64_t
flows_now_ns(const struct flows *flows)
{
    return flows->now_ns;
}

static uint64_t
specs_next(const struct flows *flows)
{
    uint64_t next_ns = FLOWS_NEVER;

    for (unsigned i = 0; i < flows->spec_count; i++) {
        const struct flow_spec *spec = flows->specs[i];

        if (spec->active)
            next_ns = flows_least(next_ns, spec->end_ns);
        else if (spec->begin_ns < spec->end_ns)
            next_ns = flows_least(next_ns, spec->begin_ns);
    }
    return next_ns;
}

uint64_t
flows_next_find(const struct flows *flows)
{
    uint64_t next_ns = specs_next(flows);

    if (flows->heap_count > 0)
        next_ns = flows_least(next_ns, flows->queues[flows->heap[0]].due_ns);
    if (flows->tell_count > 0)
        next_ns = flows_least(next_ns, flows->tells[0]);
    for (unsigned i = 0; i < flows->card_count; i++)
        next_ns = flows_least(next_ns, flows->cards[i].due_ns);
    return next_ns;
}

bool
flows_next(const struct flows *flows, uint64_t *at_ns)
{
    *at_ns = flows->dirty ? flows->now_ns : flows->next_ns;
    return *at_ns != FLOWS_NEVER;
}

static void
specs_due(struct flows *flows)
{
    for (unsigned i = 0; i < flows->spec_count; i++) {
        struct flow_spec *spec = flows->specs[i];

        if (spec->active && spec->end_ns <= flows->now_ns) {
            flows_spec_end(flows, i);
            spec->begin_ns = spec->end_ns;
        } else if (!spec->active && spec->begin_ns <= flows->now_ns &&
                   spec->begin_ns < spec->end_ns) {
            flows_spec_begin(flows, i);
        }
    }
}

static void
tells_due(struct flows *flows)
{
    size_t told = 0;

    while (told < flows->tell_count && flows->tells[told] <= flows->now_ns)
        told++;
    if (told == 0)
        return;
    flows->tell_count -= told;
    memmove(flows->tells, flows->tells + told,
            flows->tell_count * sizeof(*flows->tells));
    flows->ways_dirty = true;
}

static void
queues_due(struct flows *flows)
{
    while (flows->heap_count > 0) {
        uint32_t queue = flows->heap[0];

        if (flows->queues[queue].due_ns > flows->now_ns + flows->slack_ns)
            break;
        flows_heap_set(flows, queue, FLOWS_NEVER);
        flows_queue_touch(flows, queue);
    }
    for (unsigned i = 0; i < flows->card_count; i++) {
        if (flows->cards[i].due_ns <= flows->now_ns)
            flows->cards[i].buffer_dirty = true;
    }
}

int
flows_run_until(struct flows *flows, uint64_t until_ns)
{
    if (until_ns < flows->now_ns)
        return ERR_PAST;
    flows_apply(flows);
    flows->ran = true;
    while (flows->next_ns <= until_ns) {
        if (flows->next_ns > flows->now_ns)
            flows->now_ns = flows->next_ns;
        specs_due(flows);
        tells_due(flows);
        queues_due(flows);
        flows->dirty = true;
        flows_apply(flows);
    }
    flows->now_ns = until_ns;
    return 0;
}

/* ---- counts ------------------------------------------------------------- */

static uint64_t
capped(u128 value)
{
    return value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
}

static u128
l1_bits(const struct flow_spec *spec)
{
    return (u128)8 * (spec->bytes + spec->weight * TRAFFIC_L1_BYTES);
}

static uint64_t
packets_of(const struct flow_spec *spec, u128 volume)
{
    return capped(volume * spec->weight / (l1_bits(spec) * FLOWS_NS_PER_S));
}

static uint64_t
bytes_of(const struct flow_spec *spec, u128 volume)
{
    return capped(volume / FLOWS_NS_PER_S * spec->bytes / l1_bits(spec));
}

static u128
dropped_all(const struct flow_spec *spec)
{
    u128 sum = 0;

    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        sum += spec->dropped[i];
    return sum;
}

/* What a spec has in queues. */
static u128
held_of(const struct flow_spec *spec)
{
    return spec->sent - spec->delivered - dropped_all(spec);
}

/* Each is rounded down, and 'sent' is their sum. */
static void
volumes_tell(const struct flow_spec *spec, struct flows_stats *stats)
{
    u128 packets, bytes;

    stats->delivered = packets_of(spec, spec->delivered);
    stats->delivered_bytes = bytes_of(spec, spec->delivered);
    stats->held = packets_of(spec, held_of(spec));
    stats->held_bytes = bytes_of(spec, held_of(spec));
    packets = (u128)stats->delivered + stats->held;
    bytes = (u128)stats->delivered_bytes + stats->held_bytes;
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++) {
        stats->dropped[i] = packets_of(spec, spec->dropped[i]);
        stats->dropped_bytes_of[i] = bytes_of(spec, spec->dropped[i]);
        stats->dropped_bytes =
            capped((u128)stats->dropped_bytes + stats->dropped_bytes_of[i]);
        packets += stats->dropped[i];
        bytes += stats->dropped_bytes_of[i];
    }
    stats->sent = capped(packets);
    stats->sent_bytes = capped(bytes);
}

const struct flows_stats *
flows_flow(struct flows *flows, unsigned flow)
{
    struct flow_spec *spec;
    struct flows_stats *stats;

    CHECK(flow < flows->spec_count);
    flows_apply(flows);
    spec = flows->specs[flow];
    stats = &spec->stats;
    flows_spec_advance(flows, spec);
    memset(stats, 0, sizeof(*stats));
    volumes_tell(spec, stats);
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++)
        stats->dropped_bps += spec->dropped_bps[i];
    stats->offered_bps = spec->sent_bps;
    stats->delivered_bps = spec->delivered_bps;
    if (spec->sent > 0)
        stats->lost_ppt =
            capped((dropped_all(spec) >> 30) * UINT64_C(1000000000000) /
                   ((spec->sent >> 30) + 1));
    stats->first_ns = spec->first_ns;
    stats->last_ns = spec->last_ns;
    stats->lost = spec->lost;
    stats->first_lost_ns = spec->first_lost_ns;
    stats->last_lost_ns = spec->last_lost_ns;
    return stats;
}

static size_t
memory_of(const struct flows *flows)
{
    size_t bytes = sizeof(*flows);

    bytes += flows->queue_room * sizeof(*flows->queues);
    bytes += flows->part_room * sizeof(*flows->parts);
    bytes += flows->demand_room *
             (sizeof(*flows->demands) + sizeof(*flows->cards->demands));
    bytes += (flows->work_room + flows->heap_room) * sizeof(uint32_t);
    bytes +=
        (size_t)flows->card_count * flows->card_count * sizeof(*flows->pairs);
    for (unsigned i = 0; i < flows->card_count; i++) {
        const struct flow_card *card = &flows->cards[i];

        bytes += sizeof(*card) + 2 * flows->end_count * sizeof(uint32_t);
        bytes += card->fib.room * sizeof(*card->fib.slots);
        bytes += card->groups.room * sizeof(*card->groups.slots);
        for (unsigned j = 0; j < ASIC_CLASSES; j++)
            bytes += card->queue_of[j] == NULL
                         ? 0
                         : flows->end_count * sizeof(uint32_t);
    }
    return bytes;
}

void
flows_totals(const struct flows *flows, struct flows_totals *totals)
{
    *totals = (struct flows_totals){
        .events = flows->events,
        .solutions = flows->solutions,
        .queues = flows->queue_count,
        .memory_bytes = memory_of(flows),
    };
    for (uint32_t i = 0; i < flows->queue_count; i++)
        totals->backlogged += flows->queues[i].backlogged;
    for (unsigned i = 0; i < flows->card_count; i++)
        totals->buffer_peak_bytes =
            flows->cards[i].held_peak / 8 / FLOWS_NS_PER_S >
                    (i128)totals->buffer_peak_bytes
                ? (uint64_t)(flows->cards[i].held_peak / 8 / FLOWS_NS_PER_S)
                : totals->buffer_peak_bytes;
}

void
flows_stats_clear(struct flows *flows)
{
    flows_apply(flows);
    for (unsigned i = 0; i < flows->spec_count; i++) {
        struct flow_spec *spec = flows->specs[i];

        flows_spec_advance(flows, spec);
        spec->sent = held_of(spec);
        spec->delivered = 0;
        spec->first_ns = 0;
        spec->last_ns = 0;
        memset(spec->dropped, 0, sizeof(spec->dropped));
        spec->lost = false;
        spec->first_lost_ns = 0;
        spec->last_lost_ns = 0;
    }
}

static void
volume_feed(struct run_digest *digest, u128 volume)
{
    run_digest_feed_u64(digest, (uint64_t)volume);
    run_digest_feed_u64(digest, (uint64_t)(volume >> 64));
}

struct digest_value
flows_digest(struct flows *flows)
{
    struct run_digest *digest = run_digest_create(0);
    struct digest_value value;

    flows_apply(flows);
    run_digest_feed_u64(digest, flows->events);
    for (unsigned i = 0; i < flows->spec_count; i++) {
        struct flow_spec *spec = flows->specs[i];

        flows_spec_advance(flows, spec);
        volume_feed(digest, spec->sent);
        volume_feed(digest, spec->delivered);
        for (unsigned j = 0; j < PLANE_DROP_COUNT; j++)
            volume_feed(digest, spec->dropped[j]);
    }
    value = run_digest_value(digest);
    run_digest_destroy(digest);
    return value;
}
