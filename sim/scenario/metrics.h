/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run measures, by name: the words of `that`.
 *
 * One table drives the expression parser, the checks and
 * `sixnines describe metrics`.  Whoever runs a scenario supplies the values.
 */
#ifndef SIM_SCENARIO_METRICS_H
#define SIM_SCENARIO_METRICS_H

#include "models/yaml/quantity.h"
#include "models/yaml/words.h"
#include "sim/scenario/target.h"

/* X(id, name, unit, argument, argument is optional, worlds, doc) */
#define METRIC_TABLE(X)                                                       \
    X(PORTS_OUTAGE, "ports.outage", DURATION, CAUSE, true, WORLDS_ALL,        \
      "longest time any one front port was out of service")                   \
    X(PORTS_OUTAGE_TOTAL, "ports.outage-total", DURATION, CAUSE, true,        \
      WORLDS_ALL, "time out of service, summed over all front ports")         \
    X(PORTS_DEGRADED, "ports.degraded", DURATION, NONE, false, WORLDS_ALL,    \
      "longest time any one port had less than nominal fabric capacity")      \
    X(PORTS_IN_SERVICE, "ports.in-service", COUNT, NONE, false, WORLDS_ALL,   \
      "front ports in service now")                                           \
    X(PORTS_TOTAL, "ports.total", COUNT, NONE, false, WORLDS_ALL,             \
      "front ports of all boxes that were ever in service")                   \
    X(PORTS_AVAILABILITY, "ports.availability", RATIO, CAUSE, true,           \
      WORLDS_ALL, "share of port time in service since the run began")        \
    X(SWITCHOVER_WRITE_OUTAGE, "switchover.write-outage", DURATION, EVENT,    \
      false, WORLDS_ALL,                                                      \
      "from the event to the first configuration write committed after it; "  \
      "0 if writes never stopped")                                            \
    X(SWITCHOVER_DETECT, "switchover.detect", DURATION, EVENT, false,         \
      WORLDS_ALL, "from the event until another voter stands for election")   \
    X(SWITCHOVER_COUNT, "switchover.count", COUNT, NONE, false, WORLDS_ALL,   \
      "times another controller became active")                               \
    X(MODULES_ALLOCATED, "modules.allocated", COUNT, NONE, false, WORLDS_ALL, \
      "module numbers held by boxes now")                                     \
    X(MODULES_RENUMBERED, "modules.renumbered", COUNT, NONE, false,           \
      WORLDS_ALL,                                                             \
      "boxes that got another number while theirs was still reserved")        \
    X(MODULES_DUPLICATE, "modules.duplicate", COUNT, NONE, false, WORLDS_ALL, \
      "numbers that two running boxes ever held at once")                     \
    X(MODULES_NUMBER, "modules.number", COUNT, TARGET, false, WORLDS_ALL,     \
      "module number the box holds now")                                      \
    X(MODULES_REFUSED, "modules.refused", COUNT, REASON, true, WORLDS_ALL,    \
      "boxes that were refused a number, each box once")                      \
    X(CONTROLLERS_ACTIVE, "cluster.controllers.active", COUNT, NONE, false,   \
      WORLDS_ALL, "controllers that act now")                                 \
    X(BOXES_JOINED, "cluster.boxes.joined", COUNT, NONE, false, WORLDS_ALL,   \
      "boxes with a module number and a lease now")                           \
    X(BOXES_FORWARDING, "cluster.boxes.forwarding", COUNT, NONE, false,       \
      WORLDS_ALL, "packet-forwarder boxes that forward now")                  \
    X(BOXES_HEADLESS, "cluster.boxes.headless", COUNT, NONE, false,           \
      WORLDS_ALL, "boxes that run without a controller now")                  \
    X(CLUSTER_CONVERGED, "cluster.converged", PREDICATE, NONE, false,         \
      WORLDS_ALL,                                                             \
      "one active controller; every powered box has joined; every powered "   \
      "packet forwarder that is not drained forwards")                        \
    X(CLUSTER_CONVERGE_TIME, "cluster.converge-time", DURATION, EVENT, false, \
      WORLDS_ALL, "from the event until the cluster is converged for good")   \
    X(BOOT_TIME, "boot.time", DURATION, NONE, false, WORLDS_ALL,              \
      "from power-on of the cluster until it first converged")                \
    X(WRITES_ACKED, "writes.acked", COUNT, NONE, false, WORLDS_ALL,           \
      "probe writes acknowledged to the operator")                            \
    X(WRITES_LOST, "writes.lost", COUNT, NONE, false, WORLDS_ALL,             \
      "acknowledged probe writes that a later read does not show")            \
    X(WRITES_SILENCE, "writes.silence", DURATION, NONE, false, WORLDS_ALL,    \
      "time since the last acknowledged probe write now")                     \
    X(RAFT_ELECTIONS, "raft.elections", COUNT, NONE, false, WORLDS_ALL,       \
      "times a voter stood for election since the run began")                 \
    X(RAFT_TERM, "raft.term", COUNT, NONE, false, WORLDS_ALL,                 \
      "highest consensus term")                                               \
    X(ALARMS_ACTIVE, "alarms.active", COUNT, ALARM, true, WORLDS_ALL,         \
      "alarms raised and not cleared now")                                    \
    X(ALARMS_RAISED, "alarms.raised", COUNT, ALARM, true, WORLDS_ALL,         \
      "alarms raised since the run began")                                    \
    X(FAN_SPEED, "fan.speed", RATIO, TARGET, false, WORLDS_HARDWARE,          \
      "lowest duty of the box's working fans now")                            \
    X(SERVICE_RESTARTS, "service.restarts", COUNT, TARGET, true, WORLDS_ALL,  \
      "service restarts since the run began, on the target or everywhere")    \
    X(BOX_RESTARTS, "box.restarts", COUNT, TARGET, true, WORLDS_ALL,          \
      "box restarts since the run began, on the target or everywhere")        \
    X(CABLING_FAULTS, "cabling.faults", COUNT, NONE, false, WORLDS_ALL,       \
      "cable ends that differ from the plan now")                             \
    X(ORACLES_VIOLATIONS, "oracles.violations", COUNT, ORACLE, true,          \
      WORLDS_ALL, "broken properties, of one oracle or of all")               \
    X(FENCING_REFUSED, "fencing.refused", COUNT, NONE, false, WORLDS_ALL,     \
      "writes of a deposed controller that boxes refused")                    \
    X(MEMORY_PEAK, "memory.peak", BYTES, SERVICE, true, WORLDS_MODELLED,      \
      "most memory any one service held, of that name or of any")             \
    X(LANES_WAITED, "lanes.waited", COUNT, NONE, false, WORLDS_MODELLED,      \
      "frames and events that waited behind one of a lower lane")             \
    X(LANES_ADDED_FRAMES, "lanes.added-frames", COUNT, NONE, false,           \
      WORLDS_MODELLED,                                                        \
      "most frames of lower lanes that one of a higher lane waited for at "   \
      "one hop")                                                              \
    X(LANES_ADDED_WIRE_TIME, "lanes.added-wire-time", DURATION, NONE, false,  \
      WORLDS_MODELLED, "longest time they kept it from the wire")             \
    X(LANES_ADDED_CPU_TIME, "lanes.added-cpu-time", DURATION, NONE, false,    \
      WORLDS_MODELLED,                                                        \
      "longest time that handlers of lower lanes kept an event of a higher "  \
      "one from its service")                                                 \
    X(SWITCHOVER_ELECT, "switchover.elect", DURATION, EVENT, false,           \
      WORLDS_ALL, "from the first candidacy after the event until one leads") \
    X(SWITCHOVER_COMMIT, "switchover.commit", DURATION, EVENT, false,         \
      WORLDS_ALL,                                                             \
      "from then until a configuration write is committed; without probe, "   \
      "until the leader is ready")                                            \
    X(SWITCHOVER_APPLY, "switchover.apply", DURATION, EVENT, false,           \
      WORLDS_ALL, "from when one leads until a controller acts in its term")  \
    X(CLUSTER_REJOIN_TIME, "cluster.rejoin-time", DURATION, NONE, false,      \
      WORLDS_ALL,                                                             \
      "from when a NOS last began to run on any box until the cluster was "   \
      "converged for good: convergence without the boot")                     \
    X(BOXES_RUNNING, "cluster.boxes.running", COUNT, NONE, false, WORLDS_ALL, \
      "boxes whose NOS runs now")                                             \
    X(JOIN_TIME, "join.time", DURATION, TARGET, true, WORLDS_ALL,             \
      "from the NOS running on a box, and a controller acting, until it was " \
      "given its number; the longest of the target's boxes, or of all")       \
    X(JOIN_SERVICE_TIME, "join.service-time", DURATION, TARGET, true,         \
      WORLDS_ALL,                                                             \
      "from the NOS running on a packet forwarder, and a controller acting, " \
      "until it forwards; the longest of the target's boxes, or of all")      \
    X(IDENTITY_REFUSED, "identity.refused", COUNT, NONE, false, WORLDS_ALL,   \
      "boxes refused for their certificate, by a member or by themselves at " \
      "their start, each box once")                                           \
    X(EVENTS_FIRED, "events.fired", COUNT, EVENT, true, WORLDS_ALL,           \
      "times the timeline's event fired; all events without argument")        \
    X(TRAFFIC_SENT, "traffic.sent", COUNT, TRAFFIC, true, WORLDS_PACKETS,     \
      "packets that were due")                                                \
    X(TRAFFIC_DELIVERED, "traffic.delivered", RATIO, TRAFFIC, true,           \
      WORLDS_PACKETS, "packets that left the cluster, of those due")          \
    X(TRAFFIC_LOSS, "traffic.loss", RATIO, TRAFFIC, true, WORLDS_PACKETS,     \
      "frame loss rate: packets lost, of those due")                          \
    X(TRAFFIC_LOST, "traffic.lost", COUNT, DROP, true, WORLDS_PACKETS,        \
      "packets lost, from that cause or from any")                            \
    X(TRAFFIC_LOSS_SPAN, "traffic.loss-span", DURATION, NONE, false,          \
      WORLDS_PACKETS, "from the first packet lost until the last")            \
    X(TRAFFIC_HELD, "traffic.held", COUNT, NONE, false, WORLDS_PACKETS,       \
      "packets in queues and on wires now")                                   \
    X(TRAFFIC_REORDERED, "traffic.reordered", COUNT, TRAFFIC, true,           \
      WORLDS_PACKETS, "packets delivered after a later one of their flow")    \
    X(TRAFFIC_OFFERED, "traffic.offered", RATE, TRAFFIC, true,                \
      WORLDS_PACKETS, "rate at which it was due, at layer 1")                 \
    X(TRAFFIC_THROUGHPUT, "traffic.throughput", RATE, TRAFFIC, true,          \
      WORLDS_PACKETS, "rate at which it was delivered, at layer 1")           \
    X(TRAFFIC_GOODPUT, "traffic.goodput", RATE, TRAFFIC, true,                \
      WORLDS_PACKETS, "the same of frames alone, at layer 2")                 \
    X(LATENCY_MIN, "latency.min", DURATION, TRAFFIC, true, WORLDS_PACKETS,    \
      "shortest time from when a packet was due until its last bit left")     \
    X(LATENCY_MEAN, "latency.mean", DURATION, TRAFFIC, true, WORLDS_PACKETS,  \
      "mean of that time")                                                    \
    X(LATENCY_P50, "latency.p50", DURATION, TRAFFIC, true, WORLDS_PACKETS,    \
      "time that half of the packets did not exceed")                         \
    X(LATENCY_P90, "latency.p90", DURATION, TRAFFIC, true, WORLDS_PACKETS,    \
      "nine of ten packets")                                                  \
    X(LATENCY_P99, "latency.p99", DURATION, TRAFFIC, true, WORLDS_PACKETS,    \
      "99 of a hundred packets")                                              \
    X(LATENCY_P99_9, "latency.p99.9", DURATION, TRAFFIC, true,                \
      WORLDS_PACKETS, "all but one in a thousand packets")                    \
    X(LATENCY_P99_99, "latency.p99.99", DURATION, TRAFFIC, true,              \
      WORLDS_PACKETS, "all but one in ten thousand packets")                  \
    X(LATENCY_P99_999, "latency.p99.999", DURATION, TRAFFIC, true,            \
      WORLDS_PACKETS, "all but one in a hundred thousand packets")            \
    X(LATENCY_P99_9999, "latency.p99.9999", DURATION, TRAFFIC, true,          \
      WORLDS_PACKETS, "all but one in a million packets")                     \
    X(LATENCY_MAX, "latency.max", DURATION, TRAFFIC, true, WORLDS_PACKETS,    \
      "longest time any packet took")                                         \
    X(FABRIC_CELLS, "fabric.cells", COUNT, NONE, false, WORLDS_PACKETS,       \
      "cells sent over fabric links")                                         \
    X(FABRIC_PAUSED, "fabric.paused", DURATION, NONE, false, WORLDS_PACKETS,  \
      "time fabric links were held back, summed over links")                  \
    X(BUFFER_PEAK, "buffer.peak", BYTES, NONE, false, WORLDS_PACKETS,         \
      "most bytes any one card held")                                         \
    X(BUFFER_DEEP, "buffer.deep-packets", COUNT, NONE, false, WORLDS_PACKETS, \
      "packets that went through a deep buffer")                              \
    X(SEARCH_THROUGHPUT, "search.throughput", RATIO, SIZE, true,              \
      WORLDS_PACKETS,                                                         \
      "highest load without loss, of the port; the lowest of all sizes "      \
      "without argument")                                                     \
    X(SEARCH_BURST, "search.burst", COUNT, SIZE, true, WORLDS_PACKETS,        \
      "frames of the longest burst without loss; the shortest of all sizes "  \
      "without argument")                                                     \
    X(SEARCH_LATENCY, "search.latency", DURATION, SIZE, true, WORLDS_PACKETS, \
      "mean latency at the last of `latency-at`; the longest of all sizes "   \
      "without argument")

enum metric_id {
#define METRIC_ID(id, name, unit, argument, optional, worlds, doc) METRIC_##id,
    METRIC_TABLE(METRIC_ID)
#undef METRIC_ID
        METRIC_COUNT
};

enum metric_unit {
    UNIT_DURATION, /* ps */
    UNIT_COUNT,
    UNIT_RATIO, /* parts per 10^9 */
    UNIT_BYTES,
    UNIT_RATE,     /* bits per second */
    UNIT_PREDICATE /* 0 or 1 */
};

enum metric_argument {
    ARGUMENT_NONE,
    ARGUMENT_CAUSE,   /* word: enum outage_cause */
    ARGUMENT_EVENT,   /* event: index into the timeline */
    ARGUMENT_TARGET,  /* target */
    ARGUMENT_ALARM,   /* word: enum alarm_code */
    ARGUMENT_REASON,  /* word: enum refuse_reason */
    ARGUMENT_ORACLE,  /* word: 2 for O2 */
    ARGUMENT_SERVICE, /* word: enum service_id */
    ARGUMENT_TRAFFIC, /* traffic: index into the scenario's blocks */
    ARGUMENT_DROP,    /* word: enum plane_drop */
    ARGUMENT_SIZE     /* word: bytes of a frame that a search tries */
};

/* "all" is also what a missing argument means. */
enum outage_cause { CAUSE_ALL, CAUSE_PLANNED, CAUSE_UNPLANNED };

enum refuse_reason {
    REFUSE_ALL,
    REFUSE_DUPLICATE, /* serial or key is there already */
    REFUSE_POOL_EXHAUSTED,
    REFUSE_NO_QUORUM,
    REFUSE_OTHER
};

/* Where a scenario can run. */
enum world_kind {
    WORLD_DES,
    WORLD_NS3,
    WORLD_NETNS,
    WORLD_MININET,
    WORLD_HARDWARE,
    WORLD_KIND_COUNT
};

#define WORLD_BIT(kind) (1u << (kind))
#define WORLDS_ALL (WORLD_BIT(WORLD_KIND_COUNT) - 1)
/* All state can be seen and touched. */
#define WORLDS_MODELLED (WORLD_BIT(WORLD_DES) | WORLD_BIT(WORLD_NS3))
/* Front ports carry packets of `traffic:`. */
#define WORLDS_PACKETS WORLD_BIT(WORLD_DES)
/* Fans, power and sensors exist. */
#define WORLDS_HARDWARE (WORLDS_MODELLED | WORLD_BIT(WORLD_HARDWARE))
/* Links can be cut without hands. */
#define WORLDS_LINKS (WORLDS_ALL & ~WORLD_BIT(WORLD_HARDWARE))

struct metric {
    enum metric_id id;
    const char *name;
    enum metric_unit unit;
    enum metric_argument argument;
    bool argument_optional;
    unsigned worlds; /* Bits 1 << enum world_kind. */
    const char *doc;
};

/* A metric with its argument, as an expectation names it. */
struct metric_ref {
    const struct metric *metric;
    struct mark mark;
    const char *text; /* "ports.outage(unplanned)" */
    bool has_argument;
    unsigned word;        /* All others. */
    uint32_t event;       /* EVENT. */
    uint32_t traffic;     /* TRAFFIC. */
    struct target target; /* TARGET. */
};

const struct metric *metric_get(enum metric_id id);
const struct metric *metric_find(const char *name);
struct words metric_names(void);

/* Is it a quantile of samples within one run? */
bool metric_is_quantile(const struct metric *metric);

const char *metric_unit_text(enum metric_unit unit);
const char *metric_argument_text(enum metric_argument argument);

/* The words an argument may take, or NULL (events, targets, oracles). */
const char *const *metric_argument_words(enum metric_argument argument);

/* How a unit is written and read. */
enum quantity_kind metric_quantity(enum metric_unit unit);

/* "des", "ns3", ... */
const char *world_kind_name(enum world_kind kind);

#endif
