/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens to packets.
 */
#include "models/queues/queues_priv.h"

#include "reference-nos/base/check.h"
#include "sim/kernel/random.h"

/* ---- ports -------------------------------------------------------------- */

uint64_t
queues_wire_ps(const struct port_more *more, uint32_t bytes)
{
    return traffic_wire_ps((uint64_t)bytes + more->link.overhead_bytes,
                           more->link.bps);
}

static bool
drop(struct port_more *more, uint32_t bytes)
{
    more->dropped++;
    more->dropped_bytes += bytes;
    return false;
}

/* Those that began to be sent by 'at_ps' do not wait any more. */
static uint32_t
waiting(struct port_more *more, uint64_t at_ps)
{
    while (more->starts_count > 0 &&
           more->starts_ps[more->starts_head] <= at_ps) {
        more->starts_head =
            (more->starts_head + 1) % (more->link.buffer_packets + 1);
        more->starts_count--;
    }
    return more->starts_count;
}

static void
start_note(struct port_more *more, uint64_t start_ps)
{
    uint32_t size = more->link.buffer_packets + 1;

    more->starts_ps[(more->starts_head + more->starts_count++) % size] =
        start_ps;
}

static void
port_take(struct part *part, uint32_t id, uint64_t at_ps, uint64_t wire_ps,
          const struct engine_item *item)
{
    struct port *port = &part->ports[id];
    uint64_t start_ps = port->busy_ps > at_ps ? port->busy_ps : at_ps;
    uint64_t wait_ps = start_ps - at_ps;

    port->busy_ps = start_ps + wire_ps;
    port->packets++;
    port->bytes += packet_bytes(item);
    port->wait_sum_ps += wait_ps;
    if (wait_ps > port->backlog_peak_ps)
        port->backlog_peak_ps = wait_ps;
    engine_push(part->engine, id, port->busy_ps + port->delay_ps, *item);
}

/* A rate that is no whole number of ps a byte, or a bound in packets. */
static bool
send_slow(struct part *part, uint32_t id, uint64_t at_ps,
          const struct engine_item *item)
{
    struct port *port = &part->ports[id];
    struct port_more *more = &part->queues->more[id];
    uint32_t bytes = packet_bytes(item);
    uint64_t wire_ps = queues_wire_ps(more, bytes);
    uint64_t wait_ps = port->busy_ps > at_ps ? port->busy_ps - at_ps : 0;

    if (wait_ps + wire_ps > port->limit_ps)
        return drop(more, bytes);
    if (more->link.buffer_packets > 0) {
        if (waiting(more, at_ps) >= more->link.buffer_packets)
            return drop(more, bytes);
        start_note(more, at_ps + wait_ps);
    }
    more->wire_sum_ps += wire_ps;
    port_take(part, id, at_ps, wire_ps, item);
    return true;
}

static inline bool
port_send(struct part *part, uint32_t id, uint64_t at_ps,
          const struct engine_item *item)
{
    const struct port *port = &part->ports[id];
    uint32_t bytes = packet_bytes(item);
    uint64_t wire_ps = (uint64_t)bytes * port->ps_per_byte + port->overhead_ps;

    if (UNLIKELY(port->ps_per_byte == 0))
        return send_slow(part, id, at_ps, item);
    if (UNLIKELY(port->busy_ps + wire_ps > at_ps &&
                 port->busy_ps + wire_ps - at_ps > port->limit_ps))
        return drop(&part->queues->more[id], bytes);
    port_take(part, id, at_ps, wire_ps, item);
    return true;
}

bool
queues_port_send(struct part *part, uint32_t port, uint64_t at_ps,
                 const struct engine_item *item)
{
    return port_send(part, port, at_ps, item);
}

/* ---- switches and hosts ------------------------------------------------- */

static uint32_t
group_port(const struct queues *queues, const struct node *node,
           uint32_t index, const struct engine_item *item)
{
    const struct group *group = &queues->groups[index];
    uint64_t hash = (uint64_t)packet_from(item) << 28 | packet_to(item) << 14 |
                    packet_flow(item);

    hash = (hash ^ node->salt) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return queues
        ->group_ports[group->first + ((hash >> 32) * group->count >> 32)];
}

static inline uint32_t
route(const struct queues *queues, const struct node *node,
      const struct engine_item *item)
{
    uint32_t port = node->table[packet_to(item)];

    if (port & ROUTE_GROUP)
        port = group_port(queues, node, port & ~ROUTE_GROUP, item);
    return port;
}

uint32_t
queues_route(const struct queues *queues, uint32_t node,
             const struct engine_item *item)
{
    return route(queues, &queues->nodes[node], item);
}

static inline void
forward(struct part *part, const struct node *node,
        const struct engine_item *item)
{
    part->hops++;
    (void)port_send(part, route(part->queues, node, item),
                    engine_now_ps(part->engine), item);
}

void
queues_on_switch(struct engine_part *engine, uint32_t owner,
                 const struct engine_item *item)
{
    struct part *part = engine_context(engine);

    forward(part, &part->nodes[owner], item);
}

void
queues_on_host(struct engine_part *engine, uint32_t owner,
               const struct engine_item *item)
{
    struct part *part = engine_context(engine);

    part->hops++;
    part->delivered++;
    part->delivered_bytes += packet_bytes(item);
    part->hosts[owner].delivered++;
    hist_add(part->latency, packet_age_ps(item, engine_now_ps(engine)), 1);
}

/* ---- sources ------------------------------------------------------------ */

enum purpose { PURPOSE_GAP = 1, PURPOSE_SIZE, PURPOSE_TO, PURPOSE_FLOW };

static struct random_stream
stream(const struct part *part, const struct source *source,
       enum purpose purpose)
{
    struct random_stream made = random_stream_make(part->queues->options.seed,
                                                   source->stream, purpose);

    made.n = source->n;
    return made;
}

static uint32_t
draw_to(const struct part *part, const struct source *source)
{
    const struct queues_source *spec = &source->spec;
    struct random_stream draws = stream(part, source, PURPOSE_TO);
    bool self = spec->host - spec->any_first < spec->any_count;
    uint32_t to = spec->any_first +
                  (uint32_t)random_below(&draws, spec->any_count - self);

    return to + (self && to >= spec->host);
}

static uint32_t
draw_bytes(const struct part *part, const struct source *source)
{
    struct random_stream draws = stream(part, source, PURPOSE_SIZE);
    /* Rounding up adds half a byte to the mean. */
    uint64_t milli =
        random_exponential(&draws, (uint64_t)source->spec.bytes * 1000 - 500);
    uint64_t bytes = milli / 1000 + 1;

    return bytes < QUEUES_BYTES_MAX ? (uint32_t)bytes : QUEUES_BYTES_MAX;
}

/* 'busy_ps' is when the port will have sent the one before. */
static uint64_t
draw_due(const struct part *part, const struct source *source,
         uint64_t busy_ps)
{
    const struct queues_source *spec = &source->spec;
    struct random_stream draws;

    switch (spec->arrivals) {
    case QUEUES_CONSTANT:
        return source->n == 0 ? spec->begin_ps : source->due_ps + spec->gap_ps;
    case QUEUES_POISSON:
        draws = stream(part, source, PURPOSE_GAP);
        return source->due_ps + random_exponential(&draws, spec->gap_ps);
    case QUEUES_SATURATED:
        return busy_ps > source->due_ps ? busy_ps : source->due_ps;
    }
    CHECK(false);
}

/* The next packet of one of our own sources. */
static bool
own_next(const struct part *part, struct source *source, uint64_t busy_ps,
         struct packet *packet)
{
    const struct queues_source *spec = &source->spec;

    source->due_ps = draw_due(part, source, busy_ps);
    if (source->due_ps >= spec->end_ps)
        return false;
    packet->to = spec->to;
    if (spec->to == QUEUES_TO_ANY)
        packet->to = draw_to(part, source);
    packet->bytes = spec->bytes;
    if (spec->sizes == QUEUES_SIZE_EXPONENTIAL)
        packet->bytes = draw_bytes(part, source);
    packet->flow = 0;
    if (spec->flows > 1) {
        struct random_stream draws = stream(part, source, PURPOSE_FLOW);

        packet->flow = (uint32_t)random_below(&draws, spec->flows);
    }
    return true;
}

static bool
traffic_of(struct source *source, struct packet *packet)
{
    struct traffic_packet next;

    if (!traffic_next(source->traffic, &next))
        return false;
    source->due_ps = next.due_ps;
    packet->to = next.to;
    packet->bytes = next.bytes;
    packet->flow = next.flow % QUEUES_FLOWS_MAX;
    return true;
}

static bool
source_next(const struct part *part, struct source *source, uint64_t busy_ps,
            struct packet *packet)
{
    bool more = source->traffic == NULL
                    ? own_next(part, source, busy_ps, packet)
                    : traffic_of(source, packet);

    source->ended = !more;
    if (!more)
        return false;
    source->n++;
    source->last_bytes = packet->bytes;
    packet->from = source->spec.host;
    packet->born_ps = source->due_ps;
    return true;
}

/* Sends packets that are due until one has a place. */
static void
source_make(struct part *part, struct source *source)
{
    struct packet packet;
    struct engine_item item;

    do {
        if (!source_next(part, source, part->ports[source->port].busy_ps,
                         &packet))
            return;
        source->sent++;
        source->sent_bytes += packet.bytes;
        item = packet_pack(&packet);
    } while (!port_send(part, source->port, source->due_ps, &item));
}

void
queues_on_first_link(struct engine_part *engine, uint32_t owner,
                     const struct engine_item *item)
{
    struct part *part = engine_context(engine);
    struct source *source = &part->sources[owner];
    const struct node *node = &part->nodes[source->towards];

    source_make(part, source);
    if (LIKELY(node->table != NULL && node->fifo == NULL))
        forward(part, node, item);
    else if (node->fifo != NULL)
        queues_on_fifo(engine, source->port, item);
    else
        queues_on_host(engine, node->host, item);
}

void
queues_on_source(struct engine_part *engine, uint32_t owner,
                 const struct engine_item *unused)
{
    struct part *part = engine_context(engine);
    struct source *source = &part->sources[owner];
    struct engine_item item = packet_pack(&source->waiting);

    (void)unused;
    source->sent++;
    source->sent_bytes += source->waiting.bytes;
    (void)port_send(part, source->port, engine_now_ps(engine), &item);
    if (source_next(part, source, part->ports[source->port].busy_ps,
                    &source->waiting))
        engine_timer_set(engine, source->timer, source->due_ps);
}

void
queues_source_begin(struct part *part, uint32_t id)
{
    struct source *source = &part->sources[id];

    source->due_ps = source->spec.begin_ps;
    if (source->timer == NONE)
        source_make(part, source);
    else if (source_next(part, source, 0, &source->waiting))
        engine_timer_set(part->engine, source->timer, source->due_ps);
}

void
queues_source_late(const struct part *part, const struct source *source,
                   uint64_t now_ps, uint64_t *packets, uint64_t *bytes)
{
    struct source copy = *source;
    struct traffic_source traffic;
    struct packet packet;
    uint64_t busy_ps = part->ports[source->port].busy_ps;

    *packets = 0;
    *bytes = 0;
    if (source->timer != NONE || source->ended)
        return;
    if (source->traffic != NULL) {
        traffic = *source->traffic;
        copy.traffic = &traffic;
    }
    while (copy.due_ps <= now_ps &&
           source_next(part, &copy, busy_ps, &packet) &&
           copy.due_ps <= now_ps) {
        busy_ps = busy_ps > copy.due_ps ? busy_ps : copy.due_ps;
        busy_ps +=
            queues_wire_ps(&part->queues->more[source->port], packet.bytes);
        (*packets)++;
        *bytes += packet.bytes;
    }
}
