/* SPDX-License-Identifier: Apache-2.0
 *
 * What the NOS tells about its decisions, for oracles and for operators.
 *
 * A record is a kind and up to four numbers; the door adds the box, the
 * service and the time.  Emitting one never changes behaviour.
 */
#ifndef NOS_PLATFORM_TRACE_H
#define NOS_PLATFORM_TRACE_H

#include <stdint.h>

/* X(name, what a, b, c, d are) */
#define TRACE_TABLE(X)                                                        \
    X(TRACE_SERVICE_STARTED, "service, life")                                 \
    X(TRACE_SERVICE_DIED, "service, life, error, memory bytes freed")         \
    X(TRACE_BOX_RESTART, "cause (enum reboot_cause), service")                \
    X(TRACE_ELECTION, "term: this voter stands for election")                 \
    X(TRACE_LEADER, "term: this voter won it")                                \
    X(TRACE_LEADER_READY, "term, index of its committed no-op")               \
    X(TRACE_LEADER_LOST, "term")                                              \
    X(TRACE_APPLIED, "index, term, state digest high, low")                   \
    X(TRACE_ACKNOWLEDGED, "client, sequence, index, term")                    \
    X(TRACE_WRITE_ACCEPTED, "at a box: term, controller, index, kind")        \
    X(TRACE_WRITE_REFUSED, "at a box: term, controller, present term, kind")  \
    X(TRACE_ACTIVE, "term: this controller is active")                        \
    X(TRACE_PASSIVE, "term: this controller is no longer active")             \
    X(TRACE_MODULE, "module id, key, how (enum module_how), term")            \
    X(TRACE_MODULE_REFUSED, "key, reason (enum err), role, number asked")     \
    X(TRACE_JOINED, "at a box: module id, key, term")                         \
    X(TRACE_HEADLESS, "at a box: 1 entered, 0 left; term")                    \
    X(TRACE_MEMBER, "at the controller: module id, 1 up or 0 down, term")     \
    X(TRACE_CABLE, "module id, port, verdict (enum cable_verdict), peer")     \
    X(TRACE_ALARM, "code (enum alarm_code), 1 raise or 0 clear, item, value") \
    X(TRACE_REACH, "destination module, live links, nominal links")           \
    X(TRACE_FORWARDING, "1 on or 0 off, module id")                           \
    X(TRACE_BOUND, "queue (enum bound), depth, bound")                        \
    X(TRACE_QUANTUM, "service, charged ns, event kind")                       \
    X(TRACE_SESSION, "peer, 1 up or 0 down, peer incarnation")                \
    X(TRACE_DRAIN, "module id, 1 drained or 0 undrained")                     \
    X(TRACE_CONVERGED, "at the controller: members, forwarding members")      \
    X(TRACE_IDENTITY_REFUSED,                                                 \
      "key (0: its own), reason (enum identity_refusal), plane")

enum trace_kind {
#define TRACE_NAME(name, text) name,
    TRACE_TABLE(TRACE_NAME)
#undef TRACE_NAME
        TRACE_KIND_COUNT
};

/* Every queue with a written bound that oracle O12 watches. */
enum bound {
    BOUND_MAILBOX,
    BOUND_BUS_SEND,
    BOUND_BUS_RECEIVE,
    BOUND_RAFT_LOG,
    BOUND_STORE_ROWS,
    BOUND_MEMORY,
    BOUND_COUNT
};

/* How a module came by its number. */
enum module_how {
    MODULE_KNOWN_KEY,
    MODULE_PLANNED_SERIAL,
    MODULE_PLANNED_POSITION,
    MODULE_LOWEST_FREE,
    MODULE_REMOVED /* number released; its tombstone starts */
};

enum cable_verdict {
    CABLE_OK,
    CABLE_MISSING, /* planned, not seen */
    CABLE_WRONG,   /* seen, but another end than planned */
    CABLE_EXTRA    /* seen, not planned */
};

/* Why a box is not let near.  The door says so, below the NOS. */
enum identity_refusal {
    IDENTITY_STRANGER, /* of another authority */
    IDENTITY_EXPIRED,  /* or not valid yet */
    IDENTITY_REVOKED,
    IDENTITY_OWN /* refused by the box itself, at its start */
};

enum alarm_code {
    ALARM_FAN,
    ALARM_PSU,
    ALARM_TEMPERATURE,
    ALARM_SENSOR,
    ALARM_OPTIC,
    ALARM_CABLING,
    ALARM_FABRIC_DEGRADED,
    ALARM_MODULE_AWAY,
    ALARM_DUPLICATE_SERIAL,
    ALARM_POOL_EXHAUSTED,
    ALARM_SERVICE,
    ALARM_STORAGE,
    ALARM_MANAGEMENT_PLANE,
    ALARM_COUNT
};

struct trace_record {
    enum trace_kind kind;
    uint8_t service;
    uint64_t a, b, c, d;
};

const char *trace_kind_name(enum trace_kind kind);
const char *alarm_name(enum alarm_code code);

#endif
