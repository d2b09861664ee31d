/* SPDX-License-Identifier: Apache-2.0
 *
 * From specs to a matrix of mean rates: what each card is offered for each
 * end.
 */
#include <stdlib.h>
#include <string.h>

#include "models/flows/flows_priv.h"

#define PS_PER_NS 1000u
#define WEIGHT_MAX 1000000u

/* ---- the mean packet ---------------------------------------------------- */

/* Bits of cells that a frame takes; models/plane/build.c says the same. */
static uint64_t
cell_bits(const struct asic *asic, unsigned bytes)
{
    unsigned room = asic->cell_max_bytes - asic->cell_header_bytes;
    unsigned whole = bytes + asic->packet_header_bytes;
    unsigned cells = (whole + room - 1) / room;
    unsigned last = whole - (cells - 1) * room + asic->cell_header_bytes;

    if (last < asic->cell_min_bytes)
        last = asic->cell_min_bytes;
    return 8u * ((uint64_t)(cells - 1) * asic->cell_max_bytes + last);
}

static void
mean_add(const struct flows *flows, struct flow_spec *spec, unsigned bytes,
         uint64_t weight)
{
    spec->weight += weight;
    spec->bytes += weight * bytes;
    spec->cell_bits += weight * cell_bits(flows->asic, bytes);
}

static void
mean_make(const struct flows *flows, struct flow_spec *spec)
{
    const struct traffic_spec *from = &spec->spec;
    uint64_t l1_bits;

    if (from->arrivals == TRAFFIC_REPLAY) {
        for (size_t i = 0; i < from->replay.count; i++)
            mean_add(flows, spec, from->replay.bytes[i], 1);
    } else {
        for (unsigned i = 0; i < from->size_count; i++)
            mean_add(flows, spec, from->sizes[i].bytes, from->sizes[i].weight);
    }
    while (spec->weight > WEIGHT_MAX) {
        spec->weight /= 2;
        spec->bytes /= 2;
        spec->cell_bits /= 2;
    }
    l1_bits = 8 * (spec->bytes + spec->weight * TRAFFIC_L1_BYTES);
    spec->frame_ratio = (spec->bytes * 8 << FLOWS_Q) / l1_bits;
    spec->cell_ratio = (spec->cell_bits << FLOWS_Q) / l1_bits;
}

/* ---- load and time ------------------------------------------------------ */

/* What 'packets' mean ones take at the spec's load. */
static uint64_t
packets_ns(const struct flows *flows, const struct flow_spec *spec,
           uint64_t packets)
{
    u128 bits = (u128)packets * 8 *
                (spec->bytes + spec->weight * TRAFFIC_L1_BYTES) / spec->weight;
    u128 span_ns =
        bits * FLOWS_NS_PER_S / flows->port_bps * FLOWS_PPM / spec->load_ppm;

    return span_ns < FLOWS_NEVER / 4 ? (uint64_t)span_ns : FLOWS_NEVER / 4;
}

static uint64_t
replay_ns(const struct traffic_replay *replay)
{
    u128 span_ps = 0;

    for (size_t i = 0; i < replay->count; i++)
        span_ps += replay->gap_ps[i];
    return (uint64_t)(span_ps / PS_PER_NS) + 1;
}

static void
load_make(const struct flows *flows, struct flow_spec *spec)
{
    const struct traffic_spec *from = &spec->spec;
    uint64_t last_ns = FLOWS_NEVER;

    spec->begin_ns = from->begin_ps / PS_PER_NS;
    spec->end_ns = from->end_ps >= UINT64_MAX / 4 ? FLOWS_NEVER
                                                  : from->end_ps / PS_PER_NS;
    spec->load_ppm = from->load_ppm;
    if (from->arrivals == TRAFFIC_BACK_TO_BACK) {
        spec->load_ppm = FLOWS_PPM;
        last_ns = spec->begin_ns + packets_ns(flows, spec, from->burst_frames);
    } else if (from->arrivals == TRAFFIC_REPLAY) {
        uint64_t wire_ns, span_ns = replay_ns(&from->replay);

        spec->load_ppm = FLOWS_PPM;
        wire_ns = packets_ns(flows, spec, from->replay.count);
        if (wire_ns < span_ns)
            spec->load_ppm = wire_ns * FLOWS_PPM / span_ns;
        if (spec->load_ppm == 0)
            spec->load_ppm = 1;
        if (!from->replay_loops)
            last_ns = spec->begin_ns + (wire_ns < span_ns ? span_ns : wire_ns);
    }
    if (last_ns < spec->end_ns)
        spec->end_ns = last_ns;
    if (from->packets_max > 0) {
        last_ns = spec->begin_ns + packets_ns(flows, spec, from->packets_max);
        if (last_ns < spec->end_ns)
            spec->end_ns = last_ns;
    }
}

/* ---- who sends to whom -------------------------------------------------- */

/* Where sender 'index' always sends: to where its first packet goes. */
static uint32_t
peer_of(const struct flows *flows, const struct flow_spec *spec,
        uint32_t index)
{
    struct traffic_spec one = spec->spec;
    struct traffic_source source;
    struct traffic_packet packet = {.to = 0};
    bool more;

    one.arrivals = TRAFFIC_CONSTANT;
    one.sizes[0] = (struct traffic_size){TRAFFIC_FRAME_MIN, 1};
    one.size_count = 1;
    one.load_ppm = FLOWS_PPM;
    one.burst_frames = 1;
    one.begin_ps = 0;
    one.end_ps = UINT64_MAX / 4;
    one.packets_max = 0;
    traffic_source_init(&source, &one, index, 0, flows->port_bps, flows->seed);
    more = traffic_next(&source, &packet);
    CHECK(more);
    return packet.to;
}

static bool
has_peers(const struct flow_spec *spec)
{
    return spec->spec.pattern == TRAFFIC_PERMUTATION ||
           spec->spec.pattern == TRAFFIC_PAIRS ||
           spec->spec.pattern == TRAFFIC_INCAST;
}

static void
demand_add(struct flows *flows, unsigned spec, unsigned card, uint32_t to)
{
    struct flow_card *of = &flows->cards[card];

    flows->demands = flows_grow(flows->demands, &flows->demand_room,
                                flows->demand_count, sizeof(*flows->demands));
    of->demands = flows_grow(of->demands, &of->demand_room, of->demand_count,
                             sizeof(*of->demands));
    of->demands[of->demand_count++] = flows->demand_count;
    flows->demands[flows->demand_count++] = (struct flow_demand){
        .spec = spec, .to = to, .card = (uint16_t)card, .parts = FLOWS_NONE};
}

static void
peers_make(struct flows *flows, unsigned index)
{
    struct flow_spec *spec = flows->specs[index];

    spec->peers = flows_alloc(spec->spec.sender_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < spec->spec.sender_count; i++) {
        spec->peers[i] = peer_of(flows, spec, i);
        demand_add(flows, index, flows->card_of_end[spec->spec.senders[i]],
                   spec->peers[i]);
    }
}

static void
rows_make(struct flows *flows, unsigned index)
{
    struct flow_spec *spec = flows->specs[index];
    uint16_t rows = 0;

    spec->place = flows_alloc(flows->end_count, sizeof(uint32_t));
    memset(spec->place, 0xff, flows->end_count * sizeof(uint32_t));
    for (uint32_t i = 0; i < spec->receiver_count; i++)
        spec->place[spec->receivers[i]] = i;
    for (uint32_t i = 0; i < spec->spec.sender_count; i++) {
        unsigned card = flows->card_of_end[spec->spec.senders[i]];

        if (spec->card_row[card] != UINT16_MAX)
            continue;
        spec->card_row[card] = rows++;
        for (uint32_t j = 0; j < spec->receiver_count; j++)
            demand_add(flows, index, card, spec->receivers[j]);
    }
}

static struct flow_spec *
spec_make(struct flows *flows, const struct traffic_spec *from)
{
    struct flow_spec *spec = flows_alloc(1, sizeof(*spec));

    spec->spec = *from;
    spec->spec.id = flows->spec_count;
    spec->receivers =
        from->receiver_count > 0 ? from->receivers : from->senders;
    spec->receiver_count =
        from->receiver_count > 0 ? from->receiver_count : from->sender_count;
    spec->since_ns = flows->now_ns;
    spec->first_demand = flows->demand_count;
    spec->card_row = flows_alloc(flows->card_count, sizeof(uint16_t));
    spec->blocked = flows_alloc(flows->card_count, sizeof(uint64_t));
    memset(spec->card_row, 0xff, flows->card_count * sizeof(uint16_t));
    mean_make(flows, spec);
    load_make(flows, spec);
    return spec;
}

static bool
ends_fit(const struct flows *flows, const uint32_t *ends, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ends[i] >= flows->end_count)
            return false;
    }
    return true;
}

int
flows_traffic_add(struct flows *flows, const struct traffic_spec *spec,
                  unsigned *flow)
{
    unsigned index = flows->spec_count;

    if (index == FLOWS_SPECS_MAX)
        return ERR_FULL;
    if (!ends_fit(flows, spec->senders, spec->sender_count) ||
        !ends_fit(flows, spec->receivers, spec->receiver_count))
        return ERR_RANGE;
    if (spec->traffic_class >= ASIC_CLASSES ||
        spec->begin_ps / PS_PER_NS < flows->now_ns)
        return ERR_INVALID;
    flows->specs =
        realloc(flows->specs, (index + 1) * sizeof(struct flow_spec *));
    CHECK(flows->specs != NULL);
    flows->specs[index] = spec_make(flows, spec);
    flows->spec_count++;
    if (has_peers(flows->specs[index]))
        peers_make(flows, index);
    else
        rows_make(flows, index);
    flows->specs[index]->demand_count =
        flows->demand_count - flows->specs[index]->first_demand;
    flows->dirty = true;
    *flow = index;
    return 0;
}

/* ---- rates -------------------------------------------------------------- */

/* A port that is offered more than its rate sends at its rate. */
static uint64_t
load_bps(const struct flows *flows, const struct flow_spec *spec, uint32_t end)
{
    uint64_t total_ppm = flows->end_load_ppm[end];

    if (!spec->active)
        return 0;
    return (uint64_t)((u128)flows->port_bps * spec->load_ppm /
                      (total_ppm > FLOWS_PPM ? total_ppm : FLOWS_PPM));
}

/* Its card takes nothing from it; a dead card has a cause of its own. */
static bool
is_blocked(const struct flows *flows, const struct flow_card *card,
           uint32_t end)
{
    return card->alive && card->forwarding && !flows->ports[end].up;
}

static void
demand_set(struct flows *flows, uint32_t index, uint64_t bps)
{
    struct flow_demand *demand = &flows->demands[index];

    if (demand->bps == bps)
        return;
    demand->bps = bps;
    flows_demand_resolve(flows, index);
}

static void
blocked_set(struct flows *flows, struct flow_spec *spec, unsigned card,
            uint64_t bps)
{
    if (spec->blocked[card] == bps)
        return;
    flows_spec_advance(flows, spec);
    spec->sent_bps += bps - spec->blocked[card];
    spec->dropped_bps[PLANE_DROP_PORT_DOWN] += bps - spec->blocked[card];
    spec->blocked[card] = bps;
}

/* Adds one sender's rates to 'row', those equal for all to '*common'. */
static void
row_add(const struct flow_spec *spec, uint32_t end, uint64_t bps,
        uint64_t *row, uint64_t *common)
{
    uint32_t count = spec->receiver_count, self = spec->place[end];
    uint64_t share;

    if (spec->spec.pattern == TRAFFIC_HOT_SPOT && self != 0) {
        uint64_t hot = (uint64_t)((u128)bps * spec->spec.hot_ppm / FLOWS_PPM);

        row[0] += hot;
        bps -= hot;
    }
    if (self == FLOWS_NONE) {
        share = bps / count;
        row[0] += bps - share * count;
    } else {
        share = bps / (count - 1);
        row[(self + 1) % count] += bps - share * (count - 1);
        row[self] -= share; /* modulo 2^64, before 'common' is added */
    }
    *common += share;
}

static void
row_offer(struct flows *flows, struct flow_spec *spec, struct flow_card *card)
{
    uint32_t count = spec->receiver_count;
    uint64_t *row = flows_alloc(count, sizeof(*row));
    uint64_t common = 0, blocked = 0;

    for (uint32_t i = 0; i < spec->spec.sender_count; i++) {
        uint32_t end = spec->spec.senders[i];

        if (flows->card_of_end[end] != card->index)
            continue;
        if (is_blocked(flows, card, end))
            blocked += load_bps(flows, spec, end);
        else
            row_add(spec, end, load_bps(flows, spec, end), row, &common);
    }
    for (uint32_t i = 0; i < count; i++)
        demand_set(flows,
                   spec->first_demand + spec->card_row[card->index] * count +
                       i,
                   row[i] + common);
    blocked_set(flows, spec, card->index, blocked);
    free(row);
}

static void
peers_offer(struct flows *flows, struct flow_spec *spec,
            struct flow_card *card)
{
    uint64_t blocked = 0;

    for (uint32_t i = 0; i < spec->spec.sender_count; i++) {
        uint32_t end = spec->spec.senders[i];
        uint64_t bps;

        if (flows->card_of_end[end] != card->index)
            continue;
        bps = load_bps(flows, spec, end);
        if (is_blocked(flows, card, end)) {
            blocked += bps;
            bps = 0;
        }
        demand_set(flows, spec->first_demand + i, bps);
    }
    blocked_set(flows, spec, card->index, blocked);
}

void
flows_card_offer(struct flows *flows, struct flow_card *card)
{
    card->rates_dirty = false;
    for (unsigned i = 0; i < flows->spec_count; i++) {
        struct flow_spec *spec = flows->specs[i];

        if (spec->peers != NULL)
            peers_offer(flows, spec, card);
        else if (spec->card_row[card->index] != UINT16_MAX)
            row_offer(flows, spec, card);
    }
}

uint64_t
flows_sender_bps(const struct flows *flows, const struct flow_spec *spec,
                 uint32_t sender, uint32_t to)
{
    uint32_t end = spec->spec.senders[sender];
    uint64_t bps = load_bps(flows, spec, end), common = 0, first = 0;
    uint32_t self, count = spec->receiver_count;

    if (is_blocked(flows, &flows->cards[flows->card_of_end[end]], end))
        return 0;
    if (spec->peers != NULL)
        return spec->peers[sender] == to ? bps : 0;
    self = spec->place[end];
    if (to == end)
        return 0;
    if (spec->spec.pattern == TRAFFIC_HOT_SPOT && self != 0) {
        first = (uint64_t)((u128)bps * spec->spec.hot_ppm / FLOWS_PPM);
        bps -= first;
    }
    common = bps / (self == FLOWS_NONE ? count : count - 1);
    return common + (spec->place[to] == 0 ? first : 0);
}

/* ---- begin and end ------------------------------------------------------ */

static void
spec_activate(struct flows *flows, struct flow_spec *spec, bool active)
{
    spec->active = active;
    for (uint32_t i = 0; i < spec->spec.sender_count; i++) {
        uint32_t end = spec->spec.senders[i];

        if (active)
            flows->end_load_ppm[end] += spec->load_ppm;
        else
            flows->end_load_ppm[end] -= spec->load_ppm;
        flows->cards[flows->card_of_end[end]].rates_dirty = true;
    }
}

void
flows_spec_begin(struct flows *flows, unsigned spec)
{
    spec_activate(flows, flows->specs[spec], true);
}

void
flows_spec_end(struct flows *flows, unsigned spec)
{
    spec_activate(flows, flows->specs[spec], false);
}
