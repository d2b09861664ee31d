/* SPDX-License-Identifier: Apache-2.0
 *
 * A service is an actor: it gets one event, changes its own state and sends
 * messages.  This header is all that a service sees of the runtime.
 *
 * State     is one object in the service's own memory context; start() makes
 *           it, nothing unmakes it: a kill drops the context as a whole, at
 *           any event boundary, without telling the service.
 * Restart   start() runs again with an empty context; the service rebuilds
 *           from the store, from storage and from peers.
 * Quantum   a handler that has charged PLAT_QUANTUM_NS returns ACTOR_MORE
 *           and is entered again with EV_CONTINUE before any event of the
 *           same or a lower lane; its state must be valid in between.
 * Errors    a positive result of start() or handle() ends the service as if
 *           it had crashed; the supervisor restarts it.
 */
#ifndef NOS_RUNTIME_ACTOR_H
#define NOS_RUNTIME_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/mem.h"
#include "reference-nos/platform/plat.h"
#include "reference-nos/runtime/service_ids.h"

struct actor; /* Opaque: one service on one box. */

#define ACTOR_DONE 0
#define ACTOR_MORE (-1)

/* Timers of one service are numbered from 0; a service with many peers
 * keeps its own order and sets one timer to the earliest. */
#define ACTOR_TIMERS_MAX 8

#define ACTOR_ALARM_ITEMS_MAX 32u

/* Largest message body, bytes, by lane: liveness fits one datagram. */
#define ACTOR_BODY_LIVENESS_MAX 1300u
#define ACTOR_BODY_CONTROL_MAX (64u * 1024u)
#define ACTOR_BODY_BULK_MAX (1024u * 1024u)

/* A service on a box. */
struct actor_address {
    uint64_t box; /* box key; 0: this box; PLAT_ADDRESS_ALL: every box
                     (liveness lane only) */
    uint8_t service;
};

struct actor_message {
    struct actor_address from; /* box is 0 when sent on this box */
    struct actor_address to;
    enum lane lane;
    uint16_t type;  /* reference-nos/schema/messages.h */
    uint64_t epoch; /* the sender's term, 0 when it has none */
    const uint8_t *body;
    size_t size;
};

enum actor_event_kind {
    EV_START,    /* first event of a life, after start() */
    EV_CONTINUE, /* after ACTOR_MORE */
    EV_MESSAGE,
    EV_TIMER,      /* .timer */
    EV_STORAGE,    /* .storage: an operation of this service completed */
    EV_SESSION,    /* .session: a peer box's bus session came or went */
    EV_DATAGRAM,   /* .datagram: bus only */
    EV_PACKET,     /* .packet: from a fabric port */
    EV_HARDWARE,   /* .hardware */
    EV_FORWARDING, /* .forwarding */
    EV_OPERATOR,   /* .operation: a request from outside */
    EV_ALARM       /* .alarm: what actor_alarm() or the supervisor said */
};

struct actor_event {
    enum actor_event_kind kind;
    union {
        struct actor_message message;
        unsigned timer;
        struct {
            uint64_t token;
            int status;
        } storage;
        struct {
            uint64_t box;         /* 0, down: all; the bus itself restarted */
            uint64_t incarnation; /* changes with each life of the peer */
            bool up;
        } session;
        struct {
            enum plane plane;
            uint64_t from;
            const uint8_t *bytes;
            size_t size;
        } datagram;
        struct {
            unsigned port;
            const uint8_t *bytes;
            size_t size;
        } packet;
        struct hw_change hardware;
        struct fwd_change forwarding;
        struct {
            uint64_t token; /* for actor_operator_reply() */
            const uint8_t *bytes;
            size_t size;
        } operation;
        struct {
            enum alarm_code code;
            unsigned item;
            bool raised;
            uint64_t value; /* 0 when it is told again */
        } alarm;
    } u;
};

/* Which inputs of the box go to a service. */
enum actor_takes {
    TAKES_DATAGRAMS = 1 << 0,
    TAKES_PACKETS = 1 << 1,
    TAKES_HARDWARE = 1 << 2,
    TAKES_FORWARDING = 1 << 3,
    TAKES_OPERATOR = 1 << 4,
    TAKES_SESSIONS = 1 << 5,
    TAKES_REMOTE = 1 << 6, /* messages to other boxes pass through it */
    TAKES_ALARMS = 1 << 7, /* and all that are known when it restarts */
    TAKES_ROUTES = 1 << 8  /* FWD_ROUTES_DONE */
};

struct actor_kind {
    enum service_id id;
    unsigned takes;          /* enum actor_takes */
    size_t memory_max_bytes; /* limit of its context */
    /* Makes the state in actor_mem(); stores it in 'state'. */
    int (*start)(struct actor *self, void **state);
    /* ACTOR_DONE, ACTOR_MORE or a positive enum err. */
    int (*handle)(struct actor *self, void *state,
                  const struct actor_event *event);
};

/* The box's door, for facts, hardware, forwarding and storage reads.
 * Storage completions find their way by passing actor_service(). */
struct plat *actor_plat(struct actor *self);
const struct box_facts *actor_facts(struct actor *self);
struct mem *actor_mem(struct actor *self);
const struct actor_kind *actor_kind(struct actor *self);
unsigned actor_service(struct actor *self);
/* Grows with each restart of this service while the box is up. */
uint32_t actor_life(struct actor *self);

uint64_t actor_now_ns(struct actor *self);
uint64_t actor_random(struct actor *self);
/* Uniform in [low, high]. */
uint64_t actor_random_range(struct actor *self, uint64_t low, uint64_t high);
void actor_charge(struct actor *self, enum cost cost, uint64_t units);
/* Has this handler used up its quantum? */
bool actor_quantum_over(struct actor *self);

/* Sends a copy.  Local: into the receiver's mailbox, ERR_FULL when it is
 * full, ERR_UNREACHABLE when it is down.  Remote: to the bus of this box;
 * success does not mean delivered.  'epoch' is the term to stamp, or 0. */
int actor_send(struct actor *self, struct actor_address to, enum lane lane,
               uint16_t type, uint64_t epoch, const void *body, size_t size);
/* Bus only: hands a message that came from another box to its service. */
int actor_deliver(struct actor *self, const struct actor_message *message);
/* Bus only: tells every service that TAKES_SESSIONS. */
void actor_session(struct actor *self, uint64_t box, uint64_t incarnation,
                   bool up);

/* One shot; replaces the deadline before.  A deadline in the past fires at
 * once. */
void actor_timer_set(struct actor *self, unsigned timer, uint64_t deadline_ns);
void actor_timer_cancel(struct actor *self, unsigned timer);

/* Raises or clears an alarm of this box, traces it and tells it to every
 * service that TAKES_ALARMS; nothing happens when it stands so already.  For
 * those who stand below the store and have no row to write; the alarm
 * outlives the service.  'item' is below ACTOR_ALARM_ITEMS_MAX. */
void actor_alarm(struct actor *self, enum alarm_code code, unsigned item,
                 bool raise, uint64_t value);

void actor_operator_reply(struct actor *self, uint64_t token,
                          const void *bytes, size_t size);
void actor_trace(struct actor *self, enum trace_kind kind, uint64_t a,
                 uint64_t b, uint64_t c, uint64_t d);
/* 'format' as in reference-nos/base/fmt.h. */
void actor_log(struct actor *self, enum severity severity, const char *format,
               ...) PRINTF_LIKE(3, 4);

#endif
