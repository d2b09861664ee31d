/* SPDX-License-Identifier: Apache-2.0
 *
 * The buffer that the queues of a card share: what goes to the deep buffer is
 * written at its rate; what waits for that stands on the chip.  When there is
 * no room a queue takes what leaves it, and its share of what can be written.
 */
#include "models/flows/flows_priv.h"

void
flows_card_advance(struct flows *flows, struct flow_card *card)
{
    uint64_t span_ns = flows->now_ns - card->since_ns;
    uint64_t written_bps =
        flows_scale(card->deep_want_bps, card->accept_ratio);
    i128 most = (i128)flows->asic->onchip_bytes * 8 * FLOWS_NS_PER_S;

    if (span_ns == 0)
        return;
    card->since_ns = flows->now_ns;
    card->unwritten +=
        ((i128)written_bps - (i128)flows->asic->hbm_bps) * (i128)span_ns;
    if (card->unwritten < 0)
        card->unwritten = 0;
    if (card->unwritten > most)
        card->unwritten = most;
}

static i128
held_frames(struct flows *flows, const struct flow_card *card)
{
    i128 held = 0;

    for (uint32_t i = card->queues; i != FLOWS_NONE;
         i = flows->queues[i].next_of_card) {
        const struct flow_queue *queue = &flows->queues[i];
        i128 volume = queue->held;

        if (queue->backlogged)
            volume += ((i128)queue->accepted_bps - (i128)queue->rate_bps) *
                      (i128)(flows->now_ns - queue->since_ns);
        held += (volume >> FLOWS_Q) * (i128)queue->frame_ratio;
    }
    return held;
}

static uint64_t
time_of(const struct flows *flows, i128 volume, uint64_t bps)
{
    i128 span_ns = volume <= 0 ? 1 : volume / (i128)bps + 1;

    return span_ns > (i128)(FLOWS_NEVER / 4)
               ? FLOWS_NEVER
               : flows->now_ns + (uint64_t)span_ns;
}

/* Brimful: until a 64th is free again. */
static uint64_t
brim_check(struct flows *flows, struct flow_card *card)
{
    i128 most = (i128)flows->asic->hbm_bytes * 8 * FLOWS_NS_PER_S;
    i128 held = held_frames(flows, card);

    if (held > card->held_peak)
        card->held_peak = held;
    if (card->brimful)
        card->brimful = held > most - most / 64;
    else
        card->brimful = held >= most;
    if (!card->brimful && card->growth_bps > 0)
        return time_of(flows, most - held, (uint64_t)card->growth_bps);
    if (card->brimful && card->growth_bps < 0)
        return time_of(flows, held - (most - most / 64),
                       (uint64_t)-card->growth_bps);
    return FLOWS_NEVER;
}

static void
deep_touch(struct flows *flows, const struct flow_card *card)
{
    for (uint32_t i = card->queues; i != FLOWS_NONE;
         i = flows->queues[i].next_of_card) {
        if (flows->queues[i].deep)
            flows_queue_touch(flows, i);
    }
}

bool
flows_card_buffer(struct flows *flows, struct flow_card *card)
{
    uint64_t hbm_bps = flows->asic->hbm_bps, ratio = FLOWS_ONE;
    i128 most = (i128)flows->asic->onchip_bytes * 8 * FLOWS_NS_PER_S;

    card->buffer_dirty = false;
    flows_card_advance(flows, card);
    card->due_ns = brim_check(flows, card);
    if (card->deep_want_bps > hbm_bps) {
        uint64_t over_bps = card->deep_want_bps - hbm_bps;

        if (card->unwritten + (i128)over_bps * flows->slack_ns >= most)
            ratio =
                (uint64_t)(((u128)hbm_bps << FLOWS_Q) / card->deep_want_bps);
        else
            card->due_ns =
                flows_least(card->due_ns,
                            time_of(flows, most - card->unwritten, over_bps));
    }
    if (card->brimful)
        ratio = 0;
    if (ratio == card->accept_ratio)
        return false;
    deep_touch(flows, card);
    card->accept_ratio = ratio;
    return true;
}
