/* SPDX-License-Identifier: Apache-2.0
 *
 * What was counted.
 */
#include <string.h>

#include "models/queues/queues_priv.h"
#include "reference-nos/base/check.h"
#include "sim/kernel/fixed.h"

/* A source may have made a packet that is not due yet, or have yet to make
 * some that are: what to add to what it counted. */
static void
source_adjust(const struct queues *queues, const struct source *source,
              uint64_t *packets, uint64_t *bytes)
{
    const struct host *host = &queues->hosts[source->spec.host];
    unsigned part = queues->nodes[host->node].part;

    *packets = 0;
    *bytes = 0;
    if (queues->engine == NULL || source->timer != NONE || source->ended)
        return;
    if (source->due_ps > queues->now_ps) {
        *packets = (uint64_t)-1;
        *bytes = -(uint64_t)source->last_bytes;
    } else {
        queues_source_late(queues->parts[part], source, queues->now_ps,
                           packets, bytes);
    }
}

void
queues_totals(const struct queues *queues, struct queues_totals *totals)
{
    struct queues_totals sum = {0};

    for (size_t i = 0; i < queues->source_count; i++) {
        const struct source *source = &queues->sources[i];

        uint64_t packets;
        uint64_t bytes;

        source_adjust(queues, source, &packets, &bytes);
        sum.sent += source->sent + packets;
        sum.sent_bytes += source->sent_bytes + bytes;
    }
    for (size_t i = 0; i < queues->port_count; i++) {
        sum.dropped += queues->more[i].dropped;
        sum.dropped_bytes += queues->more[i].dropped_bytes;
    }
    for (unsigned i = 0; i < queues->options.parts; i++) {
        sum.hops += queues->parts[i]->hops;
        sum.delivered += queues->parts[i]->delivered;
        sum.delivered_bytes += queues->parts[i]->delivered_bytes;
    }
    sum.held = queues->held_before + sum.sent - sum.delivered - sum.dropped;
    if (queues->engine != NULL) {
        sum.events = engine_events(queues->engine);
        sum.memory_bytes = engine_memory_bytes(queues->engine);
    }
    sum.memory_bytes +=
        queues->port_count * (sizeof(struct port) + sizeof(struct port_more)) +
        queues->node_count * sizeof(struct node) +
        queues->host_count * sizeof(struct host) +
        queues->source_count * sizeof(struct source) +
        queues->group_port_count * sizeof(uint32_t) +
        queues->options.parts * hist_size_bytes(QUEUES_LATENCY_BITS);
    for (size_t i = 0; i < queues->node_count; i++)
        sum.memory_bytes += queues->nodes[i].table_count * sizeof(uint32_t);
    *totals = sum;
}

void
queues_port_stats(const struct queues *queues, uint32_t id,
                  struct queues_port_stats *stats)
{
    CHECK(id < queues->port_count);
    const struct port *port = &queues->ports[id];
    const struct port_more *more = &queues->more[id];

    *stats = (struct queues_port_stats){
        .packets = port->packets,
        .bytes = port->bytes,
        .dropped = more->dropped,
        .dropped_bytes = more->dropped_bytes,
        .wait_sum_ps = port->wait_sum_ps,
        .wire_sum_ps = port->ps_per_byte == 0
                           ? more->wire_sum_ps
                           : port->bytes * port->ps_per_byte +
                                 port->packets * port->overhead_ps,
        .backlog_peak_ps = port->backlog_peak_ps,
        .backlog_peak_bytes = fixed_mul_div(
            port->backlog_peak_ps, more->link.bps, UINT64_C(8000000000000)),
    };
}

uint32_t
queues_ports(const struct queues *queues)
{
    return (uint32_t)queues->port_count;
}

uint32_t
queues_host_port(const struct queues *queues, uint32_t host)
{
    CHECK(host < queues->host_count);
    return queues->nodes[queues->hosts[host].node].port;
}

uint64_t
queues_host_delivered(const struct queues *queues, uint32_t host)
{
    CHECK(host < queues->host_count);
    return queues->hosts[host].delivered;
}

const struct hist *
queues_latency(struct queues *queues)
{
    hist_init(queues->merged, QUEUES_LATENCY_BITS);
    for (unsigned i = 0; i < queues->options.parts; i++)
        CHECK(hist_merge(queues->merged, queues->parts[i]->latency) == 0);
    return queues->merged;
}

void
queues_stats_clear(struct queues *queues)
{
    struct queues_totals totals;

    queues_totals(queues, &totals);
    queues->held_before = totals.held;
    for (size_t i = 0; i < queues->source_count; i++) {
        struct source *source = &queues->sources[i];
        uint64_t packets;
        uint64_t bytes;

        source_adjust(queues, source, &packets, &bytes);
        source->sent = -packets;
        source->sent_bytes = -bytes;
    }
    for (size_t i = 0; i < queues->port_count; i++) {
        struct port *port = &queues->ports[i];
        struct port_more *more = &queues->more[i];

        port->packets = 0;
        port->bytes = 0;
        port->wait_sum_ps = 0;
        port->backlog_peak_ps = 0;
        more->dropped = 0;
        more->dropped_bytes = 0;
        more->wire_sum_ps = 0;
    }
    for (size_t i = 0; i < queues->host_count; i++)
        queues->hosts[i].delivered = 0;
    for (unsigned i = 0; i < queues->options.parts; i++) {
        struct part *part = queues->parts[i];

        part->hops = 0;
        part->delivered = 0;
        part->delivered_bytes = 0;
        hist_clear(part->latency);
    }
}

struct digest_value
queues_digest(const struct queues *queues)
{
    CHECK(queues->engine != NULL);
    return engine_digest(queues->engine);
}
