/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks of plain queues: hosts, links, output-queued switches.
 *
 * Link      two directions, each a queue of its own (a port): a packet waits
 *           for those before it, takes (bytes + overhead) x 8 / bps on the
 *           wire, then delay_ps.  Departures are computed when a packet
 *           comes (one event per hop).
 * Switch    forwards a packet when its last bit is in; no time inside.
 * Full      with buffer_bytes, what does not fit beside what has not left yet
 *           is dropped (tail drop; bytes as on the wire, the packet being
 *           sent counts with what is left of it).  With buffer_packets, what
 *           finds that many waiting (without the one being sent) is dropped.
 * FIFO-input switch (QUEUES_SWITCH_INPUT_FIFO): packets wait at the port
 *           they came by, first come first served; an output that is free
 *           takes one of the heads that want it, at random (Karol, Hluchyj,
 *           Morgan, IEEE Trans. Comm. 35(12), 1987).  Its links' buffer
 *           bounds apply to each input.
 * Paths     shortest ones by hops; where several are equal, one by a hash of
 *           (source, destination, flow); or as set by queues_route_set().
 * Latency   from the intended time at the source to the last bit in the
 *           destination, in ps, histogram of 7 bits.  A packet lives for less
 *           than 70 s.
 * Numbers   nodes count from 0 in the order added, and hosts among
 *           themselves; a link's two ports are consecutive.
 * Outcome   depends on the seed, never on parts and threads; same-instant
 *           arrivals are taken in the order of links.
 * Errors    0 or a positive enum err; programmer mistakes are CHECKed.
 */
#ifndef MODELS_QUEUES_QUEUES_H
#define MODELS_QUEUES_QUEUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/traffic/traffic.h"
#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/hist.h"
#include "sim/kernel/digest.h"

#define QUEUES_HOSTS_MAX 16384u
#define QUEUES_BYTES_MAX 16383u /* of a packet */
#define QUEUES_FLOWS_MAX 256u
#define QUEUES_LATENCY_BITS 7u

struct queues;

struct queues_options {
    uint64_t seed;
    unsigned parts;   /* of the engine, at least 'threads'; 0: as threads */
    unsigned threads; /* 0: one */
    bool no_digest;   /* for measurements of what it costs */
};

enum queues_switch { QUEUES_SWITCH_OUTPUT, QUEUES_SWITCH_INPUT_FIFO };

/* Both directions of a link. */
struct queues_link {
    uint64_t bps;
    uint64_t delay_ps;
    uint64_t buffer_bytes;   /* 0: no such bound */
    uint32_t buffer_packets; /* 0: no such bound */
    uint16_t overhead_bytes; /* of each packet on the wire */
};

enum queues_arrivals {
    QUEUES_CONSTANT, /* first at begin_ps, then each gap_ps */
    QUEUES_POISSON,  /* exponential gaps of mean gap_ps, from begin_ps */
    QUEUES_SATURATED /* the next when the one before left: never idle */
};

enum queues_sizes {
    QUEUES_SIZE_FIXED,      /* 'bytes' */
    QUEUES_SIZE_EXPONENTIAL /* mean 'bytes', rounded up to whole bytes so
                             * that the mean stays; at most BYTES_MAX */
};

#define QUEUES_TO_ANY UINT32_MAX /* each to a uniform other host */

struct queues_source {
    uint32_t host; /* number among hosts */
    uint32_t to;   /* number among hosts, or QUEUES_TO_ANY */
    /* With QUEUES_TO_ANY: draw among hosts [any_first, any_first +
     * any_count); any_count 0: all. */
    uint32_t any_first, any_count;
    enum queues_arrivals arrivals;
    enum queues_sizes sizes;
    uint64_t gap_ps;
    uint64_t begin_ps;
    uint64_t end_ps; /* intended times lie before; 0: no end */
    uint16_t bytes;
    uint16_t flows; /* draws one of so many per packet; 0: one */
};

/* What a port has done. */
struct queues_port_stats {
    uint64_t packets, bytes; /* accepted */
    uint64_t dropped, dropped_bytes;
    uint64_t wait_sum_ps;     /* of accepted packets, until their first bit */
    uint64_t wire_sum_ps;     /* time busy, of accepted packets */
    uint64_t backlog_peak_ps; /* work waiting, at arrivals */
    uint64_t backlog_peak_bytes;
};

struct queues_totals {
    uint64_t sent, sent_bytes; /* whose intended time has come */
    uint64_t delivered, delivered_bytes;
    uint64_t dropped, dropped_bytes;
    uint64_t held;   /* sent - delivered - dropped */
    uint64_t hops;   /* packets delivered over links */
    uint64_t events; /* of the engine */
    size_t memory_bytes;
};

MUST_USE int queues_create(const struct queues_options *options,
                           struct queues **out);
void queues_destroy(struct queues *queues);

/* Building, before the first run.  'part' is below options.parts. */
uint32_t queues_host_add(struct queues *queues, unsigned part); /* node */
uint32_t queues_switch_add(struct queues *queues, unsigned part,
                           enum queues_switch kind); /* node */
/* Between nodes; a host has one link.  The port from 'a' to 'b'; the next
 * number is the one back.  ERR_INVALID for a rate of 0, a second link of a
 * host, a node and itself. */
MUST_USE int queues_link_add(struct queues *queues, uint32_t a, uint32_t b,
                             const struct queues_link *link, uint32_t *port);
/* Instead of shortest paths, packets to 'host' (number among hosts) leave
 * switch 'node' by 'port'. */
void queues_route_set(struct queues *queues, uint32_t node, uint32_t host,
                      uint32_t port);
MUST_USE int queues_source_add(struct queues *queues,
                               const struct queues_source *source);
/* Host number i is end i of the spec; copied, but what it points to is
 * borrowed.  Frame sizes at layer 2; give links TRAFFIC_L1_BYTES.  Errors and
 * sentence as traffic_check(), and ERR_INVALID for an end that is no host. */
MUST_USE int queues_traffic_add(struct queues *queues,
                                const struct traffic_spec *spec, char *message,
                                size_t message_size);

/* Leaves, spines and hosts, all their links; spreads them over the parts.
 * Hosts are numbered leaf by leaf. */
struct queues_leaf_spine {
    unsigned leaves, spines, hosts_per_leaf;
    struct queues_link host_link, spine_link;
    /* Spine (leaf + leaf of destination) mod spines instead of a hash. */
    bool fixed_spines;
};
MUST_USE int queues_leaf_spine(struct queues *queues,
                               const struct queues_leaf_spine *shape);
/* The workload LS (48 leaves, 13 spines, 4 hosts each, 100 Gb/s, 1 us,
 * 1460-byte packets at half load), whole: links and sources. */
MUST_USE int queues_ls(struct queues *queues);

/* Fires everything up to and including 'until_ps'.  The first call computes
 * paths: ERR_UNREACHABLE when hosts are not connected, ERR_INVALID when parts
 * meet on a link without delay, or a source's packets never fit. */
MUST_USE int queues_run_until(struct queues *queues, uint64_t until_ps);

/* Between runs.  The port of a sender counts a packet when the one before it
 * has crossed the link; totals count it when it is due. */
void queues_totals(const struct queues *queues, struct queues_totals *totals);
void queues_port_stats(const struct queues *queues, uint32_t port,
                       struct queues_port_stats *stats);
uint32_t queues_ports(const struct queues *queues);
/* The port of host number 'host', towards its switch. */
uint32_t queues_host_port(const struct queues *queues, uint32_t host);
/* Delivered to that host. */
uint64_t queues_host_delivered(const struct queues *queues, uint32_t host);
/* Of all delivered packets, hist_sum() being exact; valid until the next
 * call here. */
const struct hist *queues_latency(struct queues *queues);
/* Forgets what was counted so far (settling); what is under way counts when
 * it ends, so 'held' is kept. */
void queues_stats_clear(struct queues *queues);
struct digest_value queues_digest(const struct queues *queues);

#endif
