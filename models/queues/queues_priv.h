/* SPDX-License-Identifier: Apache-2.0
 *
 * What a network of queues is made of.  Private to models/queues.
 *
 * A packet is its item on the line and nothing else, so that none is
 * allocated and any may cross to another part:
 *   word  46 bits intended time in ps (modulo 70 s), 14 destination, 4 flow
 *   ref   4 flow, 14 bytes, 14 source
 */
#ifndef MODELS_QUEUES_QUEUES_PRIV_H
#define MODELS_QUEUES_QUEUES_PRIV_H

#include "models/engine/engine.h"
#include "models/queues/queues.h"

#define NONE UINT32_MAX
#define ROUTE_GROUP                                                           \
    (UINT32_C(1) << 31) /* In a table: a group, not a port.                   \
                         */
#define BORN_BITS 46
#define BORN_MASK ((UINT64_C(1) << BORN_BITS) - 1)

struct packet {
    uint64_t born_ps; /* Modulo 2^46. */
    uint32_t from, to;
    uint32_t bytes, flow;
};

static inline struct engine_item
packet_pack(const struct packet *packet)
{
    return (struct engine_item){.word = (packet->born_ps & BORN_MASK) << 18 |
                                        packet->to << 4 | (packet->flow & 15),
                                .ref = packet->flow >> 4 << 28 |
                                       packet->bytes << 14 | packet->from};
}

static inline uint32_t
packet_to(const struct engine_item *item)
{
    return (uint32_t)(item->word >> 4) & 0x3fff;
}

static inline uint32_t
packet_bytes(const struct engine_item *item)
{
    return item->ref >> 14 & 0x3fff;
}

static inline uint32_t
packet_from(const struct engine_item *item)
{
    return item->ref & 0x3fff;
}

static inline uint32_t
packet_flow(const struct engine_item *item)
{
    return (uint32_t)(item->word & 15) | item->ref >> 28 << 4;
}

static inline uint64_t
packet_age_ps(const struct engine_item *item, uint64_t now_ps)
{
    return (now_ps - (item->word >> 18)) & BORN_MASK;
}

/* One direction of a link; its line has the same number.  What every packet
 * touches: one cache line. */
struct port {
    _Alignas(64) uint64_t busy_ps; /* When it will have sent what it has. */
    uint64_t delay_ps;
    uint64_t limit_ps; /* Most work it holds. */
    uint64_t packets, bytes;
    uint64_t wait_sum_ps, backlog_peak_ps;
    uint32_t ps_per_byte; /* 0: not whole, or packets bounded: slow. */
    uint32_t overhead_ps;
};

struct port_more {
    struct queues_link link;
    uint32_t from, to; /* Nodes. */
    uint64_t dropped, dropped_bytes;
    uint64_t wire_sum_ps; /* Slow ports only. */
    /* With buffer_packets: when each one accepted begins to be sent. */
    uint64_t *starts_ps;
    uint32_t starts_head, starts_count;
    uint32_t input; /* Of the FIFO-input switch it leads to. */
};

struct group {
    uint32_t first, count; /* In group_ports. */
    uint32_t next;         /* Of the same node. */
};

struct node {
    uint32_t *table; /* By destination; switches. */
    size_t table_count;
    struct fifo_switch *fifo;
    uint64_t salt;   /* Of the hash. */
    uint32_t groups; /* The first one. */
    uint32_t host;   /* Number among hosts, or NONE. */
    uint32_t port;   /* A host's. */
    unsigned part;
    enum queues_switch kind;
};

struct source {
    struct queues_source spec;
    uint64_t due_ps; /* Of the last one made. */
    uint64_t n;      /* Packets made. */
    uint64_t sent, sent_bytes;
    uint32_t last_bytes;
    uint32_t port;
    uint32_t towards; /* The node its port leads to. */
    uint32_t timer;   /* NONE: makes the next when one has crossed its link. */
    uint32_t stream;
    uint32_t next; /* Of the same host. */
    bool ended;
    struct packet waiting; /* Timer: sent when it expires. */
    struct traffic_source *traffic;
};

struct host {
    uint32_t node;
    uint32_t source; /* First one. */
    uint64_t delivered;
};

/* What the handlers of a part share. */
struct part {
    _Alignas(64) struct queues *queues;
    struct engine_part *engine;
    struct port *ports;
    struct node *nodes;
    struct host *hosts;
    struct source *sources;
    struct hist *latency;
    uint64_t hops, delivered, delivered_bytes;
};

struct queues {
    struct queues_options options;
    struct engine *engine; /* NULL until the first run. */
    struct part **parts;
    struct port *ports;
    struct port_more *more;
    struct node *nodes;
    struct host *hosts;
    struct source *sources;
    struct group *groups;
    uint32_t *group_ports;
    struct traffic_spec **specs;
    size_t port_count, node_count, host_count, source_count;
    size_t group_count, group_port_count, spec_count;
    struct hist *merged;
    uint64_t held_before; /* At the last queues_stats_clear(). */
    uint64_t now_ps;
    uint32_t streams;
};

/* Grows an array by one, zeroed, aligned to 64 bytes; its new element. */
void *queues_grow(void **array, size_t *count, size_t size);

/* Sends by a port a packet that comes at 'at_ps'; false: dropped. */
bool queues_port_send(struct part *part, uint32_t port, uint64_t at_ps,
                      const struct engine_item *item);
uint64_t queues_wire_ps(const struct port_more *more, uint32_t bytes);

/* Where a packet at switch 'node' goes. */
uint32_t queues_route(const struct queues *queues, uint32_t node,
                      const struct engine_item *item);

/* Handlers of lines; 'owner' is the port. */
engine_handler queues_on_host;
engine_handler queues_on_switch;
engine_handler queues_on_fifo;
engine_handler queues_on_first_link; /* Its source makes the next one. */
engine_handler queues_on_source;     /* Timer; 'owner' is the source. */

/* Paths and tables.  ERR_UNREACHABLE. */
MUST_USE int queues_paths(struct queues *queues);

/* Sources: makes the first packet of each. */
void queues_source_begin(struct part *part, uint32_t source);

/* Packets due by 'now_ps' that a source which makes the next one late has not
 * made yet. */
void queues_source_late(const struct part *part, const struct source *source,
                        uint64_t now_ps, uint64_t *packets, uint64_t *bytes);

/* The FIFO-input switch. */
void queues_fifo_create(struct queues *queues, uint32_t node);
void queues_fifo_destroy(struct fifo_switch *fifo);
void queues_fifo_timers(struct queues *queues, uint32_t node);

#endif
