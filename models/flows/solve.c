/* SPDX-License-Identifier: Apache-2.0
 *
 * Shares: what each queue gets of the ports, fabric links and buffers on its
 * way.
 *
 * Constraint  a port; a card's links out; the links into a card; the reads of
 *             a card's deep buffer.  One whose wishes sum to no more than it
 *             has binds nobody, and a change stays on its side.
 * Level       water-filling: no queue gets more than the level, the level is
 *             such that all is used (max-min fairness; Bertsekas and
 *             Gallager, "Data Networks", 1992, section 6.5.2).  Each
 *             constraint fills anew with what the others leave until levels
 *             stay as they are (Charny, Clark, Jain, "Congestion control with
 *             explicit rate indication", ICC 1995).
 * Port        strict classes from the highest, then weighted ones by weight;
 *             within a class all ingress cards alike: as credits are granted.
 * Fabric      the other cards alike, within them all queues alike: as cells
 *             are sent.
 */
#include <stdlib.h>
#include <string.h>

#include "models/flows/flows_priv.h"

#define ROUNDS_MAX 32u

enum {
    STATE_MARKED = 1,   /* in the list of those to look at */
    STATE_INVOLVED = 2, /* in this solution */
    STATE_LIMITS = 4    /* has a level since the last one */
};

/* ---- which constraints -------------------------------------------------- */

static uint32_t
constraint_id(const struct flows *flows, enum flow_constraint kind,
              unsigned index)
{
    return kind == FLOW_PORT
               ? index
               : flows->end_count + ((unsigned)kind - 1) * flows->card_count +
                     index;
}

static enum flow_constraint
constraint_kind(const struct flows *flows, uint32_t id, unsigned *index)
{
    if (id < flows->end_count) {
        *index = id;
        return FLOW_PORT;
    }
    *index = (id - flows->end_count) % flows->card_count;
    return (enum flow_constraint)(1 +
                                  (id - flows->end_count) / flows->card_count);
}

void
flows_constraint_mark(struct flows *flows, enum flow_constraint kind,
                      unsigned index)
{
    uint32_t id = constraint_id(flows, kind, index);

    if ((flows->constraint_state[id] & STATE_MARKED) != 0)
        return;
    flows->constraint_state[id] |= STATE_MARKED;
    flows->constraints =
        flows_grow(flows->constraints, &flows->constraint_room,
                   flows->constraint_count, sizeof(*flows->constraints));
    flows->constraints[flows->constraint_count++] = id;
}

static bool
pairs_tight(const struct flows *flows, const struct flow_card *card)
{
    for (unsigned i = 0; i < flows->card_count; i++) {
        const struct flow_pair *pair = flows_pair(flows, card->index, i);

        if (i != card->index && pair->wish_bps > pair->cap_bps)
            return true;
    }
    return false;
}

static bool
may_bind(const struct flows *flows, enum flow_constraint kind, unsigned index)
{
    const struct flow_card *card = &flows->cards[index];

    switch (kind) {
    case FLOW_PORT: return flows->ports[index].wish_bps > flows->port_bps;
    case FLOW_OUT:
        return card->out_wish_bps > card->out_bps || pairs_tight(flows, card);
    case FLOW_IN: return card->in_wish_bps > card->in_bps;
    case FLOW_READ: return card->deep_wish_bps > flows->asic->hbm_bps;
    }
    return false;
}

static void
queue_involve(struct flows *flows, uint32_t index)
{
    const struct flow_queue *queue = &flows->queues[index];
    unsigned to = flows->card_of_end[queue->exit];

    flows_queue_touch(flows, index);
    flows_constraint_mark(flows, FLOW_PORT, queue->exit);
    if (queue->deep)
        flows_constraint_mark(flows, FLOW_READ, queue->card);
    if (to == queue->card)
        return;
    flows_constraint_mark(flows, FLOW_OUT, queue->card);
    flows_constraint_mark(flows, FLOW_IN, to);
}

static void
port_involve(struct flows *flows, unsigned end, bool local)
{
    for (uint32_t i = flows->ports[end].queues; i != FLOWS_NONE;
         i = flows->queues[i].next_of_exit) {
        if (local || !flows_is_local(flows, &flows->queues[i]))
            queue_involve(flows, i);
    }
}

static void
card_involve(struct flows *flows, const struct flow_card *card, bool deep)
{
    for (uint32_t i = card->queues; i != FLOWS_NONE;
         i = flows->queues[i].next_of_card) {
        const struct flow_queue *queue = &flows->queues[i];

        if (deep ? queue->deep : !flows_is_local(flows, queue))
            queue_involve(flows, i);
    }
}

static void
constraint_look(struct flows *flows, uint32_t id)
{
    unsigned index = 0;
    enum flow_constraint kind = constraint_kind(flows, id, &index);
    uint8_t *state = &flows->constraint_state[id];

    *state &= (uint8_t)~STATE_MARKED;
    if ((*state & STATE_LIMITS) == 0 && !may_bind(flows, kind, index))
        return;
    if ((*state & STATE_INVOLVED) != 0)
        return;
    *state |= STATE_INVOLVED;
    flows->involved = flows_grow(flows->involved, &flows->involved_room,
                                 flows->involved_count, sizeof(uint32_t));
    flows->involved[flows->involved_count++] = id;
    switch (kind) {
    case FLOW_PORT: port_involve(flows, index, true); break;
    case FLOW_OUT: card_involve(flows, &flows->cards[index], false); break;
    case FLOW_READ: card_involve(flows, &flows->cards[index], true); break;
    case FLOW_IN:
        for (unsigned i = 0; i < flows->cards[index].ports; i++)
            port_involve(flows, flows->cards[index].first_end + i, false);
        break;
    }
}

/* All queues and constraints that the changes may concern. */
static void
gather(struct flows *flows)
{
    flows->work_done = 0;
    flows->involved_count = 0;
    for (;;) {
        if (flows->work_done < flows->work_count)
            flows_queue_weigh(
                flows, &flows->queues[flows->work[flows->work_done++]], true);
        else if (flows->constraint_count > 0)
            constraint_look(flows,
                            flows->constraints[--flows->constraint_count]);
        else
            break;
    }
}

/* ---- water -------------------------------------------------------------- */

/* The level at which caps, cut there, sum to 'capacity'; FLOWS_FREE when all
 * fit. */
static uint64_t
water_level(const uint64_t *caps, size_t count, uint64_t capacity)
{
    uint64_t level, below = 0;
    size_t above = count;

    if (count == 0 || capacity == FLOWS_FREE)
        return FLOWS_FREE;
    level = capacity / count;
    for (;;) {
        uint64_t next;

        below = 0;
        above = 0;
        for (size_t i = 0; i < count; i++) {
            if (caps[i] <= level)
                below += caps[i];
            else
                above++;
        }
        if (above == 0)
            return FLOWS_FREE;
        next = (capacity - below) / above;
        if (next <= level)
            return level;
        level = next;
    }
}

static uint64_t
water_sum(const uint64_t *caps, size_t count, uint64_t level)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += flows_least(caps[i], level);
    return sum;
}

static uint64_t *
scratch_of(struct flows *flows, uint32_t count)
{
    while (flows->scratch_room <= count)
        flows->scratch =
            flows_grow(flows->scratch, &flows->scratch_room,
                       flows->scratch_room, sizeof(*flows->scratch));
    return flows->scratch;
}

/* ---- levels of one constraint ------------------------------------------- */

static uint64_t
by_fabric(const struct flows *flows, const struct flow_queue *queue)
{
    unsigned to = flows->card_of_end[queue->exit];

    return to == queue->card
               ? FLOWS_FREE
               : flows_unscale(flows_pair(flows, queue->card, to)->level,
                               queue->cell_ratio);
}

static uint64_t
by_port(const struct flows *flows, const struct flow_queue *queue)
{
    return flows->ports[queue->exit].level[queue->traffic_class];
}

static uint64_t
by_read(const struct flows *flows, const struct flow_queue *queue)
{
    return queue->deep ? flows->cards[queue->card].read_level : FLOWS_FREE;
}

/* Caps of the port's queues of one class, into the scratch. */
static uint32_t
class_caps(struct flows *flows, const struct flow_port *port,
           unsigned traffic_class)
{
    uint32_t count = 0;

    for (uint32_t i = port->queues; i != FLOWS_NONE;
         i = flows->queues[i].next_of_exit) {
        const struct flow_queue *queue = &flows->queues[i];

        if (queue->traffic_class != traffic_class)
            continue;
        scratch_of(flows, count)[count] =
            flows_least(queue->wish_bps, flows_least(by_fabric(flows, queue),
                                                     by_read(flows, queue)));
        count++;
    }
    return count;
}

static uint64_t
class_fill(struct flows *flows, struct flow_port *port, unsigned traffic_class,
           uint64_t capacity)
{
    uint32_t count = class_caps(flows, port, traffic_class);

    port->level[traffic_class] = water_level(flows->scratch, count, capacity);
    return water_sum(flows->scratch, count, port->level[traffic_class]);
}

/* Shares of the weighted classes: by weight, none more than it wants. */
static void
weights_fill(struct flows *flows, struct flow_port *port, uint64_t capacity)
{
    const uint32_t *weights = flows->asic->weights;
    uint64_t wants[ASIC_CLASSES] = {0};
    unsigned left = 0, before;

    for (unsigned i = 0; i < ASIC_CLASSES; i++) {
        if (weights[i] == 0 || ((port->classes >> i) & 1) == 0)
            continue;
        left |= 1u << i;
        wants[i] = class_fill(flows, port, i, FLOWS_FREE);
    }
    do {
        uint64_t sum = 0, share = capacity;

        before = left;
        for (unsigned i = 0; i < ASIC_CLASSES; i++)
            sum += ((left >> i) & 1) != 0 ? weights[i] : 0;
        for (unsigned i = 0; i < ASIC_CLASSES && sum > 0; i++) {
            if (((before >> i) & 1) == 0 ||
                wants[i] > (uint64_t)((u128)share * weights[i] / sum))
                continue;
            left &= ~(1u << i);
            capacity -= wants[i]; /* its level stays free */
        }
        for (unsigned i = 0; left == before && i < ASIC_CLASSES; i++) {
            if (((left >> i) & 1) != 0)
                (void)class_fill(
                    flows, port, i,
                    (uint64_t)((u128)capacity * weights[i] / sum));
        }
    } while (left != before);
}

static bool
port_fill(struct flows *flows, unsigned end)
{
    struct flow_port *port = &flows->ports[end];
    uint64_t capacity = flows->port_bps, levels[ASIC_CLASSES];

    memcpy(levels, port->level, sizeof(levels));
    for (unsigned i = ASIC_CLASSES; i-- > 0;) {
        if (flows->asic->weights[i] == 0 && ((port->classes >> i) & 1) != 0)
            capacity -= class_fill(flows, port, i, capacity);
    }
    weights_fill(flows, port, capacity);
    return memcmp(levels, port->level, sizeof(levels)) != 0;
}

static bool
read_fill(struct flows *flows, struct flow_card *card)
{
    uint64_t level = card->read_level;
    uint32_t count = 0;

    for (uint32_t i = card->queues; i != FLOWS_NONE;
         i = flows->queues[i].next_of_card) {
        const struct flow_queue *queue = &flows->queues[i];

        if (!queue->deep)
            continue;
        scratch_of(flows, count)[count] =
            flows_least(queue->wish_bps, flows_least(by_fabric(flows, queue),
                                                     by_port(flows, queue)));
        count++;
    }
    card->read_level =
        water_level(flows->scratch, count, flows->asic->hbm_bps);
    return card->read_level != level;
}

/* Pairs out of a card, or into it. */
static bool
fabric_fill(struct flows *flows, struct flow_card *card, bool out)
{
    uint64_t *level = out ? &card->out_level : &card->in_level;
    uint64_t before = *level;

    for (unsigned i = 0; i < flows->card_count; i++) {
        const struct flow_card *other = &flows->cards[i];
        const struct flow_pair *pair = out ? flows_pair(flows, card->index, i)
                                           : flows_pair(flows, i, card->index);

        scratch_of(flows, i)[i] =
            other == card
                ? 0
                : flows_least(flows_least(pair->want_bps, pair->cap_bps),
                              out ? other->in_level : other->out_level);
    }
    *level = water_level(flows->scratch, flows->card_count,
                         out ? card->out_bps : card->in_bps);
    return *level != before;
}

/* ---- all ---------------------------------------------------------------- */

static int
key_compare(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;

    return *a < *b ? -1 : *a > *b;
}

/* By card, and exit: queues of a pair side by side. */
static void
work_sort(struct flows *flows)
{
    uint64_t *keys = flows_alloc(flows->work_count, sizeof(*keys));

    for (uint32_t i = 0; i < flows->work_count; i++) {
        const struct flow_queue *queue = &flows->queues[flows->work[i]];

        keys[i] = (uint64_t)queue->card << 48 | (uint64_t)queue->exit << 32 |
                  flows->work[i];
    }
    qsort(keys, flows->work_count, sizeof(*keys), key_compare);
    for (uint32_t i = 0; i < flows->work_count; i++)
        flows->work[i] = (uint32_t)keys[i];
    free(keys);
}

/* The run of one pair from 'first' on: its end, and its wants (in bits of
 * cells) in the scratch. */
static uint32_t
pair_wants(struct flows *flows, uint32_t first, struct flow_pair **pair)
{
    const struct flow_queue *head = &flows->queues[flows->work[first]];
    unsigned to = flows->card_of_end[head->exit];
    uint32_t at = first;

    *pair = flows_pair(flows, head->card, to);
    (*pair)->want_bps = 0;
    for (; at < flows->work_count; at++) {
        const struct flow_queue *queue = &flows->queues[flows->work[at]];
        uint64_t bps;

        if (queue->card != head->card || flows->card_of_end[queue->exit] != to)
            break;
        bps = flows_least(queue->wish_bps, flows_least(by_port(flows, queue),
                                                       by_read(flows, queue)));
        bps = flows_scale(bps, queue->cell_ratio);
        scratch_of(flows, at - first)[at - first] = bps;
        (*pair)->want_bps += bps;
    }
    return at;
}

static bool
pairs_fill(struct flows *flows)
{
    bool changed = false;

    for (uint32_t at = 0; at < flows->work_count;) {
        const struct flow_queue *queue = &flows->queues[flows->work[at]];
        unsigned from = queue->card, to = flows->card_of_end[queue->exit];
        struct flow_pair *pair;
        uint32_t next = pair_wants(flows, at, &pair);
        uint64_t level = pair->level, most;

        most = flows_least(flows_least(flows->cards[from].out_level,
                                       flows->cards[to].in_level),
                           pair->cap_bps);
        if (from != to) {
            pair->level = pair->want_bps <= most
                              ? FLOWS_FREE
                              : water_level(flows->scratch, next - at, most);
            changed |= pair->level != level;
        }
        at = next;
    }
    return changed;
}

static bool
round_fill(struct flows *flows)
{
    bool changed = pairs_fill(flows);

    for (uint32_t i = 0; i < flows->involved_count; i++) {
        unsigned index = 0;

        switch (constraint_kind(flows, flows->involved[i], &index)) {
        case FLOW_PORT: changed |= port_fill(flows, index); break;
        case FLOW_OUT:
            changed |= fabric_fill(flows, &flows->cards[index], true);
            break;
        case FLOW_IN:
            changed |= fabric_fill(flows, &flows->cards[index], false);
            break;
        case FLOW_READ:
            changed |= read_fill(flows, &flows->cards[index]);
            break;
        }
    }
    return changed;
}

static bool
limits(const struct flows *flows, uint32_t id)
{
    unsigned index = 0;

    switch (constraint_kind(flows, id, &index)) {
    case FLOW_PORT:
        for (unsigned i = 0; i < ASIC_CLASSES; i++) {
            if (flows->ports[index].level[i] != FLOWS_FREE)
                return true;
        }
        return false;
    case FLOW_OUT:
        return flows->cards[index].out_level != FLOWS_FREE ||
               pairs_tight(flows, &flows->cards[index]);
    case FLOW_IN: return flows->cards[index].in_level != FLOWS_FREE;
    case FLOW_READ: return flows->cards[index].read_level != FLOWS_FREE;
    }
    return false;
}

static void
levels_find(struct flows *flows)
{
    bool ports_only = true, changed = true;

    for (uint32_t i = 0; i < flows->involved_count; i++)
        ports_only &= flows->involved[i] < flows->end_count;
    if (!ports_only)
        work_sort(flows);
    for (unsigned i = 0; changed && i < ROUNDS_MAX; i++) {
        if (ports_only) {
            for (uint32_t j = 0; j < flows->involved_count; j++)
                (void)port_fill(flows, flows->involved[j]);
            break;
        }
        changed = round_fill(flows);
    }
    for (uint32_t i = 0; i < flows->involved_count; i++) {
        uint8_t *state = &flows->constraint_state[flows->involved[i]];

        *state &= (uint8_t) ~(STATE_INVOLVED | STATE_LIMITS);
        if (limits(flows, flows->involved[i]))
            *state |= STATE_LIMITS;
    }
}

static bool
buffers_check(struct flows *flows)
{
    bool again = false;

    for (unsigned i = 0; i < flows->card_count; i++) {
        if (flows->cards[i].buffer_dirty)
            again |= flows_card_buffer(flows, &flows->cards[i]);
    }
    return again;
}

void
flows_solve(struct flows *flows)
{
    do {
        flows->solutions++;
        gather(flows);
        if (flows->involved_count > 0)
            levels_find(flows);
        for (uint32_t i = 0; i < flows->work_count; i++)
            flows_queue_settle(flows, flows->work[i]);
        flows->work_count = 0;
    } while (buffers_check(flows));
}
