/* SPDX-License-Identifier: Apache-2.0
 *
 * Virtual output queues as fluids, and what their parts add to specs.
 *
 * Order    first in, first out: after a change of the shares that arrive, what
 *          leaves has the old shares until what was there then has left.
 * Full     a queue that has grown to its limit takes what leaves; the rest of
 *          what arrives is dropped, each part in its share.
 * Slack    a queue is full, or empty, when it would be so within 'slack_ns':
 *          queues that go the same way change together.
 */
#include <stdlib.h>
#include <string.h>

#include "models/flows/flows_priv.h"

#define PS_PER_S UINT64_C(1000000000000)

/* ---- specs -------------------------------------------------------------- */

void
flows_spec_advance(struct flows *flows, struct flow_spec *spec)
{
    uint64_t span_ns = flows->now_ns - spec->since_ns;
    uint64_t losing_bps = 0;

    if (span_ns == 0)
        return;
    spec->sent += (u128)spec->sent_bps * span_ns;
    spec->delivered += (u128)spec->delivered_bps * span_ns;
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++) {
        spec->dropped[i] += (u128)spec->dropped_bps[i] * span_ns;
        losing_bps += spec->dropped_bps[i];
    }
    if (spec->delivered_bps > 0) {
        if (spec->last_ns == 0)
            spec->first_ns = spec->since_ns;
        spec->last_ns = flows->now_ns;
    }
    if (losing_bps > 0) {
        if (!spec->lost)
            spec->first_lost_ns = spec->since_ns;
        spec->lost = true;
        spec->last_lost_ns = flows->now_ns;
    }
    spec->since_ns = flows->now_ns;
}

static void
loss_note(struct flows *flows, struct flow_spec *spec)
{
    if (!spec->lost)
        spec->first_lost_ns = flows->now_ns;
    spec->lost = true;
    spec->last_lost_ns = flows->now_ns;
}

void
flows_spec_lose(struct flows *flows, struct flow_spec *spec, u128 volume,
                enum plane_drop cause)
{
    flows_spec_advance(flows, spec);
    if (volume > spec->delivered)
        volume = spec->delivered;
    if (volume == 0)
        return;
    spec->delivered -= volume;
    spec->dropped[cause] += volume;
    loss_note(flows, spec);
}

static struct flow_spec *
spec_of(const struct flows *flows, const struct flow_part *part)
{
    return flows->specs[flows->demands[part->demand].spec];
}

void
flows_part_count(struct flows *flows, struct flow_part *part, bool on)
{
    struct flow_spec *spec = spec_of(flows, part);
    uint64_t kept_bps = part->out_bps - part->lost_bps;
    uint64_t sign = on ? 1 : UINT64_MAX; /* modulo 2^64 */

    if (part->counted == on)
        return;
    flows_spec_advance(flows, spec);
    part->counted = on;
    spec->sent_bps += sign * part->bps;
    spec->dropped_bps[part->refused_cause] += sign * part->refused_bps;
    if (part->queue == FLOWS_NONE)
        return;
    spec->dropped_bps[part->lost_cause] += sign * part->lost_bps;
    if (part->fate == FLOWS_DELIVERED)
        spec->delivered_bps += sign * kept_bps;
    else
        spec->dropped_bps[part->fate] += sign * kept_bps;
}

/* A volume of the part meets its fate now; below 0: what was counted too
 * much. */
static void
part_release(struct flows *flows, const struct flow_part *part, i128 volume)
{
    struct flow_spec *spec = spec_of(flows, part);
    u128 *counted = part->fate == FLOWS_DELIVERED ? &spec->delivered
                                                  : &spec->dropped[part->fate];

    flows_spec_advance(flows, spec);
    if (volume < 0 && *counted < (u128)-volume) { /* cleared since */
        spec->sent += (u128)-volume - *counted;
        *counted = 0;
        return;
    }
    *counted += (u128)volume;
}

/* ---- parts -------------------------------------------------------------- */

uint32_t
flows_part_add(struct flows *flows, uint32_t demand, uint32_t queue)
{
    uint32_t index = flows->part_spare;
    struct flow_part *part;

    if (index == FLOWS_NONE) {
        flows->parts = flows_grow(flows->parts, &flows->part_room,
                                  flows->part_count, sizeof(*flows->parts));
        index = flows->part_count++;
    } else {
        flows->part_spare = flows->parts[index].next_of_demand;
    }
    part = &flows->parts[index];
    *part = (struct flow_part){.demand = demand,
                               .queue = queue,
                               .next_of_queue = FLOWS_NONE,
                               .next_of_demand = flows->demands[demand].parts};
    flows->demands[demand].parts = index;
    if (queue != FLOWS_NONE) {
        flows_queue_touch(flows, queue);
        part->next_of_queue = flows->queues[queue].parts;
        flows->queues[queue].parts = index;
        flows->queues[queue].part_count++;
    }
    return index;
}

void
flows_part_remove(struct flows *flows, uint32_t index)
{
    struct flow_part *part = &flows->parts[index];
    uint32_t *link = &flows->demands[part->demand].parts;

    while (*link != index)
        link = &flows->parts[*link].next_of_demand;
    *link = part->next_of_demand;
    if (part->queue != FLOWS_NONE) {
        link = &flows->queues[part->queue].parts;
        while (*link != index)
            link = &flows->parts[*link].next_of_queue;
        *link = part->next_of_queue;
        flows->queues[part->queue].part_count--;
    }
    part->next_of_demand = flows->part_spare;
    flows->part_spare = index;
}

/* ---- volumes ------------------------------------------------------------ */

static void
parts_release(struct flows *flows, struct flow_queue *queue)
{
    for (uint32_t i = queue->parts; i != FLOWS_NONE;
         i = flows->parts[i].next_of_queue) {
        part_release(flows, &flows->parts[i], flows->parts[i].held);
        flows->parts[i].held = 0;
    }
    queue->held = 0;
}

static void
volumes_advance(struct flows *flows, struct flow_queue *queue)
{
    uint64_t span_ns = flows->now_ns - queue->since_ns;
    uint64_t falling_bps = queue->rate_bps - queue->accepted_bps;

    queue->since_ns = flows->now_ns;
    if (!queue->backlogged)
        return;
    queue->held = 0;
    for (uint32_t i = queue->parts; i != FLOWS_NONE;
         i = flows->parts[i].next_of_queue) {
        struct flow_part *part = &flows->parts[i];
        int64_t growth_bps =
            (int64_t)(part->bps - part->refused_bps - part->out_bps);

        part->held += (i128)growth_bps * span_ns;
        if (part->held < 0) {
            part_release(flows, part, part->held);
            part->held = 0;
        }
        queue->held += part->held;
    }
    if (queue->rate_bps > queue->accepted_bps &&
        queue->held <= (i128)falling_bps * flows->slack_ns)
        parts_release(flows, queue);
}

void
flows_queue_touch(struct flows *flows, uint32_t index)
{
    struct flow_queue *queue = &flows->queues[index];
    struct flow_card *card = &flows->cards[queue->card];

    if (queue->touched)
        return;
    queue->touched = true;
    flows->work = flows_grow(flows->work, &flows->work_room, flows->work_count,
                             sizeof(*flows->work));
    flows->work[flows->work_count++] = index;
    volumes_advance(flows, queue);
    for (uint32_t i = queue->parts; i != FLOWS_NONE;
         i = flows->parts[i].next_of_queue)
        flows_part_count(flows, &flows->parts[i], false);
    flows_card_advance(flows, card);
    card->growth_bps -= queue->growth_frames_bps;
    card->deep_want_bps -= queue->deep_want_bps;
    card->buffer_dirty |= queue->deep || queue->growth_frames_bps != 0;
    queue->growth_frames_bps = 0;
    queue->deep_want_bps = 0;
}

void
flows_queue_flush(struct flows *flows, uint32_t index, enum plane_drop cause)
{
    struct flow_queue *queue = &flows->queues[index];

    flows_queue_touch(flows, index);
    for (uint32_t i = queue->parts; i != FLOWS_NONE;
         i = flows->parts[i].next_of_queue) {
        struct flow_part *part = &flows->parts[i];
        struct flow_spec *spec = spec_of(flows, part);

        if (part->held == 0)
            continue;
        flows_spec_advance(flows, spec);
        spec->dropped[cause] += (u128)part->held;
        loss_note(flows, spec);
        part->held = 0;
    }
    queue->held = 0;
}

uint32_t
flows_queue_get(struct flows *flows, unsigned card, unsigned exit,
                unsigned traffic_class)
{
    struct flow_card *of = &flows->cards[card];
    struct flow_port *port = &flows->ports[exit];
    uint32_t **table = &of->queue_of[traffic_class];
    uint32_t index = flows->queue_count;

    if (*table == NULL) {
        *table = flows_alloc(flows->end_count, sizeof(**table));
        memset(*table, 0xff, flows->end_count * sizeof(**table));
    }
    if ((*table)[exit] != FLOWS_NONE)
        return (*table)[exit];
    flows->queues = flows_grow(flows->queues, &flows->queue_room, index,
                               sizeof(*flows->queues));
    flows->queues[index] = (struct flow_queue){
        .card = (uint16_t)card,
        .exit = (uint16_t)exit,
        .traffic_class = (uint8_t)traffic_class,
        .parts = FLOWS_NONE,
        .next_of_card = of->queues,
        .next_of_exit = port->queues,
        .cell_ratio = FLOWS_ONE,
        .frame_ratio = FLOWS_ONE,
        .since_ns = flows->now_ns,
        .starved_ns = FLOWS_NEVER,
        .due_ns = FLOWS_NEVER,
    };
    of->queues = index;
    port->queues = index;
    port->classes |= (uint8_t)(1u << traffic_class);
    (*table)[exit] = index;
    flows->queue_count++;
    return index;
}

/* ---- what it wishes ----------------------------------------------------- */

/* A volume of the queue that is 'bytes' of frames. */
static i128
volume_of(const struct flow_queue *queue, uint64_t bytes)
{
    return (i128)(((u128)bytes * 8 << FLOWS_Q) / queue->frame_ratio) *
           FLOWS_NS_PER_S;
}

static void
limits_make(const struct flows *flows, struct flow_queue *queue,
            uint64_t packet_bytes)
{
    const struct asic *asic = flows->asic;
    u128 bits = (u128)flows->port_bps * asic->voq_limit_ps / PS_PER_S;
    uint64_t bytes = (uint64_t)(bits / 8);

    if (asic->wred_max_bytes > 0 && asic->wred_max_bytes < bytes)
        bytes = asic->wred_max_bytes;
    queue->limit = volume_of(queue, bytes);
    bytes = asic->evict_bytes;
    if (asic->evict_packets < bytes / packet_bytes)
        bytes = asic->evict_packets * packet_bytes;
    queue->evict = volume_of(queue, bytes);
}

static void
arrivals_sum(struct flows *flows, struct flow_queue *queue)
{
    u128 cells = 0, frames = 0, packets_q = 0;

    queue->arrival_bps = 0;
    for (uint32_t i = queue->parts; i != FLOWS_NONE;
         i = flows->parts[i].next_of_queue) {
        const struct flow_part *part = &flows->parts[i];
        const struct flow_spec *spec = spec_of(flows, part);

        queue->arrival_bps += part->bps;
        cells += (u128)part->bps * spec->cell_ratio;
        frames += (u128)part->bps * spec->frame_ratio;
        packets_q += (u128)part->bps * spec->frame_ratio * spec->weight /
                     (spec->bytes > 0 ? spec->bytes : 1);
    }
    if (queue->arrival_bps == 0)
        return; /* as before */
    queue->cell_ratio = (uint64_t)(cells / queue->arrival_bps);
    queue->frame_ratio = (uint64_t)(frames / queue->arrival_bps);
    limits_make(flows, queue,
                packets_q > 0 && frames / packets_q > 0
                    ? (uint64_t)(frames / packets_q)
                    : TRAFFIC_FRAME_MIN);
}

static uint64_t
wish_of(const struct flows *flows, const struct flow_queue *queue)
{
    unsigned to = flows->card_of_end[queue->exit];

    if (!flows->cards[queue->card].alive || !flows->cards[to].alive)
        return 0; /* grants nothing */
    if (!flows_is_local(flows, queue) &&
        flows_pair(flows, queue->card, to)->reach == 0)
        return 0;
    if (queue->held > 0 && queue->arrival_bps < flows->port_bps)
        return flows->port_bps;
    return queue->arrival_bps;
}

void
flows_queue_weigh(struct flows *flows, struct flow_queue *queue, bool mark)
{
    struct flow_card *card = &flows->cards[queue->card];
    unsigned to = flows->card_of_end[queue->exit];
    uint64_t wish_bps, cells_bps, deep_bps;

    if (mark)
        arrivals_sum(flows, queue);
    queue->deep =
        queue->held > 0 && (queue->deep || queue->held >= queue->evict);
    wish_bps = wish_of(flows, queue);
    cells_bps =
        to == queue->card ? 0 : flows_scale(wish_bps, queue->cell_ratio);
    deep_bps = queue->deep ? wish_bps : 0;
    if (mark && wish_bps != queue->wish_bps)
        flows_constraint_mark(flows, FLOW_PORT, queue->exit);
    if (mark && cells_bps != queue->wish_cells_bps) {
        flows_constraint_mark(flows, FLOW_OUT, queue->card);
        flows_constraint_mark(flows, FLOW_IN, to);
    }
    if (mark && deep_bps != queue->wish_deep_bps)
        flows_constraint_mark(flows, FLOW_READ, queue->card);
    flows->ports[queue->exit].wish_bps += wish_bps - queue->wish_bps;
    card->out_wish_bps += cells_bps - queue->wish_cells_bps;
    flows->cards[to].in_wish_bps += cells_bps - queue->wish_cells_bps;
    flows_pair(flows, queue->card, to)->wish_bps +=
        cells_bps - queue->wish_cells_bps;
    card->deep_wish_bps += deep_bps - queue->wish_deep_bps;
    queue->wish_bps = wish_bps;
    queue->wish_cells_bps = cells_bps;
    queue->wish_deep_bps = deep_bps;
}

/* ---- what it gets ------------------------------------------------------- */

static uint64_t
rate_of(const struct flows *flows, const struct flow_queue *queue)
{
    unsigned to = flows->card_of_end[queue->exit];
    uint64_t rate_bps =
        flows_least(queue->wish_bps,
                    flows->ports[queue->exit].level[queue->traffic_class]);

    if (to != queue->card)
        rate_bps = flows_least(
            rate_bps, flows_unscale(flows_pair(flows, queue->card, to)->level,
                                    queue->cell_ratio));
    if (queue->deep)
        rate_bps = flows_least(rate_bps, flows->cards[queue->card].read_level);
    return rate_bps;
}

/* What it takes of what arrives. */
static uint64_t
accept_of(const struct flows *flows, struct flow_queue *queue,
          enum plane_drop *cause)
{
    const struct flow_card *card = &flows->cards[queue->card];
    uint64_t most_bps = queue->arrival_bps, taken_bps;

    *cause = PLANE_DROP_TAIL;
    queue->full = false;
    if (queue->arrival_bps <= queue->rate_bps)
        return queue->arrival_bps;
    if (queue->held +
            (i128)(queue->arrival_bps - queue->rate_bps) * flows->slack_ns >=
        queue->limit) {
        queue->full = true;
        most_bps = queue->rate_bps;
        if (flows->asic->wred_max_bytes > 0)
            *cause = PLANE_DROP_WRED;
    }
    if (!queue->deep)
        return most_bps;
    queue->deep_want_bps = flows_scale(most_bps, queue->frame_ratio);
    taken_bps = flows_scale(queue->arrival_bps, card->accept_ratio);
    if (taken_bps < queue->rate_bps)
        taken_bps = queue->rate_bps;
    if (taken_bps < most_bps) {
        *cause = PLANE_DROP_BUFFER;
        return taken_bps;
    }
    return most_bps;
}

static void
part_settle(struct flows *flows, const struct flow_queue *queue,
            struct flow_part *part, bool by_held, enum plane_drop cause)
{
    const struct flow_pair *pair =
        flows_pair(flows, queue->card, flows->card_of_end[queue->exit]);
    const struct flow_demand *demand = &flows->demands[part->demand];
    uint64_t ratio;

    part->refused_cause = (uint8_t)cause;
    part->refused_bps =
        queue->arrival_bps == 0
            ? 0
            : (uint64_t)((u128)part->bps *
                         (queue->arrival_bps - queue->accepted_bps) /
                         queue->arrival_bps);
    if (!queue->backlogged)
        part->out_bps = part->bps - part->refused_bps;
    else if (by_held)
        part->out_bps =
            (uint64_t)((u128)queue->rate_bps * (u128)(part->held >> 20) /
                       (u128)((queue->held >> 20) + 1));
    else
        part->out_bps =
            (uint64_t)((u128)queue->rate_bps * part->bps / queue->arrival_bps);
    part->fate = flows_fate(flows, queue->exit, demand->to);
    part->lost_bps = 0;
    if (queue->card != flows->card_of_end[queue->exit] && pair->dead > 0) {
        ratio = flows_loss_ratio(flows, flows->specs[demand->spec], pair->dead,
                                 (unsigned)__builtin_popcountll(pair->reach));
        part->lost_bps = flows_scale(part->out_bps, ratio);
        part->lost_cause = pair->dead_cause;
    }
    flows_part_count(flows, part, true);
}

/* ---- when that changes -------------------------------------------------- */

static uint64_t
time_of(const struct flows *flows, i128 volume, uint64_t bps)
{
    i128 span_ns = volume <= 0 ? 1 : volume / (i128)bps + 1;

    return span_ns > (i128)(FLOWS_NEVER / 4)
               ? FLOWS_NEVER
               : flows->now_ns + (uint64_t)span_ns;
}

static void
due_set(struct flows *flows, uint32_t index)
{
    struct flow_queue *queue = &flows->queues[index];
    uint64_t due_ns = FLOWS_NEVER;

    if (queue->backlogged && queue->accepted_bps > queue->rate_bps) {
        uint64_t rising_bps = queue->accepted_bps - queue->rate_bps;

        due_ns = time_of(flows, queue->limit - queue->held, rising_bps);
        if (!queue->deep)
            due_ns =
                flows_least(due_ns, time_of(flows, queue->evict - queue->held,
                                            rising_bps));
    } else if (queue->held > 0 && queue->rate_bps > queue->accepted_bps) {
        due_ns =
            time_of(flows, queue->held, queue->rate_bps - queue->accepted_bps);
    }
    if (queue->mixed_ns > flows->now_ns)
        due_ns = flows_least(due_ns, queue->mixed_ns);
    if (queue->starved_ns != FLOWS_NEVER)
        due_ns = flows_least(due_ns, queue->starved_ns + flows->watchdog_ns);
    flows_heap_set(flows, index, due_ns);
}

/* The credit watchdog. */
static void
starved_check(struct flows *flows, uint32_t index)
{
    struct flow_queue *queue = &flows->queues[index];

    if (queue->rate_bps > 0 || !queue->backlogged) {
        queue->starved_ns = FLOWS_NEVER;
    } else if (queue->starved_ns == FLOWS_NEVER) {
        queue->starved_ns = flows->now_ns;
    } else if (queue->starved_ns + flows->watchdog_ns <= flows->now_ns) {
        flows_queue_flush(flows, index, PLANE_DROP_AGED);
        queue->starved_ns = flows->now_ns;
    }
}

static void
parts_sweep(struct flows *flows, const struct flow_queue *queue)
{
    uint32_t part = queue->parts;

    while (part != FLOWS_NONE) {
        uint32_t next = flows->parts[part].next_of_queue;

        if (flows->parts[part].bps == 0 && flows->parts[part].held == 0)
            flows_part_remove(flows, part);
        part = next;
    }
}

void
flows_queue_settle(struct flows *flows, uint32_t index)
{
    struct flow_queue *queue = &flows->queues[index];
    struct flow_card *card = &flows->cards[queue->card];
    enum plane_drop cause;
    bool by_held;

    queue->rate_bps = rate_of(flows, queue);
    starved_check(flows, index);
    queue->accepted_bps = accept_of(flows, queue, &cause);
    queue->backlogged =
        queue->held > 0 || queue->accepted_bps > queue->rate_bps;
    if (!queue->backlogged)
        queue->rate_bps = queue->accepted_bps;
    if (queue->changed && queue->held > 0 && queue->rate_bps > 0)
        queue->mixed_ns = time_of(flows, queue->held, queue->rate_bps);
    queue->changed = false;
    by_held = queue->held > 0 &&
              (queue->mixed_ns > flows->now_ns || queue->arrival_bps == 0);
    parts_sweep(flows, queue);
    for (uint32_t i = queue->parts; i != FLOWS_NONE;
         i = flows->parts[i].next_of_queue)
        part_settle(flows, queue, &flows->parts[i], by_held, cause);
    queue->growth_frames_bps =
        (int64_t)flows_scale(queue->accepted_bps, queue->frame_ratio) -
        (int64_t)flows_scale(queue->rate_bps, queue->frame_ratio);
    card->growth_bps += queue->growth_frames_bps;
    card->deep_want_bps += queue->deep_want_bps;
    card->buffer_dirty |= queue->deep || queue->growth_frames_bps != 0;
    flows_queue_weigh(flows, queue, false);
    due_set(flows, index);
    queue->touched = false;
}
