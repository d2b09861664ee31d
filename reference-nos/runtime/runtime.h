/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime of one box: its services, their mailboxes and timers, and the
 * supervisor.  The world drives it; see reference-nos/platform/plat.h.
 *
 * Order       events of one service are handled by lane, then by arrival.
 * Mailboxes   are bounded in events and bytes; what does not fit is refused,
 *             and counted.  The completion of a service's own storage
 *             operation is never lost in silence: it has spare places, and
 *             a service without room even there is ended.
 * Supervision a service that dies is restarted after a back-off; one that
 *             dies RUNTIME_RESTARTS_MAX times within
 *             RUNTIME_RESTART_WINDOW_NS restarts the box.  A service that
 *             leaves an event unhandled for RUNTIME_HANG_NS is killed.
 *             At RUNTIME_ALARM_DEATHS within that window ALARM_SERVICE is
 *             raised; it clears when the service has lived for the window.
 * Memory      everything comes from plat chunks; runtime_destroy() gives all
 *             of it back at any moment.
 */
#ifndef NOS_RUNTIME_RUNTIME_H
#define NOS_RUNTIME_RUNTIME_H

#include "reference-nos/runtime/actor.h"

#define RUNTIME_MAILBOX_MAX 8192u  /* events, completions among them */
#define RUNTIME_MAILBOX_SPARE 256u /* of these, for completions alone */
#define RUNTIME_MAILBOX_BYTES_MAX (16u * 1024u * 1024u)
#define RUNTIME_RESTARTS_MAX 5u
#define RUNTIME_ALARM_DEATHS 3u
#define RUNTIME_RESTART_WINDOW_NS (60ull * 1000000000ull)
#define RUNTIME_RESTART_BACKOFF_NS (100ull * 1000000ull)
#define RUNTIME_HANG_NS (3ull * 1000000000ull)

struct runtime; /* Opaque. */

/* 'kinds' outlives the runtime; the services start in its order. */
MUST_USE int runtime_create(struct plat *plat,
                            const struct actor_kind *const *kinds,
                            size_t kind_count, struct runtime **out);
void runtime_destroy(struct runtime *runtime);

/* What a runtime that holds only some services of a box does with what they
 * say to the others, which run in other processes. */
struct runtime_elsewhere {
    void *arg;
    /* As actor_send(), and actor_deliver() when 'from' names a box. */
    int (*message)(void *arg, const struct actor_message *message);
    void (*session)(void *arg, uint64_t box, uint64_t incarnation, bool up);
    void (*alarm)(void *arg, enum alarm_code code, unsigned item, bool raise,
                  uint64_t value);
};

/* The same for a part of a box.  'lives' is how often its services were
 * started before; 'elsewhere' outlives the runtime. */
MUST_USE int runtime_create_part(struct plat *plat,
                                 const struct actor_kind *const *kinds,
                                 size_t kind_count, uint32_t lives,
                                 const struct runtime_elsewhere *elsewhere,
                                 struct runtime **out);
/* An event that one of the others caused. */
MUST_USE int runtime_offer(struct runtime *runtime, unsigned service,
                           enum lane lane, const struct actor_event *event);

/* Events from the world.  An event for a service that is down is dropped. */
void runtime_alarm(struct runtime *runtime);
void runtime_datagram(struct runtime *runtime, enum plane plane, uint64_t from,
                      enum lane lane, const void *bytes, size_t size);
void runtime_packet(struct runtime *runtime, unsigned fabric_port,
                    const void *bytes, size_t size);
void runtime_storage_done(struct runtime *runtime, unsigned service,
                          uint64_t token, int status);
void runtime_hardware_changed(struct runtime *runtime,
                              const struct hw_change *change);
void runtime_forwarding_changed(struct runtime *runtime,
                                const struct fwd_change *change);
void runtime_operator(struct runtime *runtime, uint64_t token,
                      const void *bytes, size_t size);

/* The lane of the most urgent event of 'service'; LANE_COUNT: none. */
enum lane runtime_pending(const struct runtime *runtime, unsigned service);
/* The lanes in which events of 'service' wait, a bit each. */
unsigned runtime_waiting(const struct runtime *runtime, unsigned service);
/* Is the next event of 'service' the first of its life? */
bool runtime_starting(const struct runtime *runtime, unsigned service);
/* Handles one event of 'service', if there is one. */
void runtime_dispatch(struct runtime *runtime, unsigned service);
/* Ends a service at this event boundary, as kill -9 would.  ERR_NOENT when
 * this box has no such service or it is down already. */
int runtime_kill(struct runtime *runtime, unsigned service);

struct runtime_service_stats {
    bool up;
    uint32_t lives; /* starts since boot */
    size_t memory_bytes;
    size_t memory_peak_bytes;
    size_t mailbox_count;
    size_t mailbox_peak;
    uint64_t events; /* handled since boot */
};
/* ERR_NOENT when this box has no such service. */
int runtime_stats(const struct runtime *runtime, unsigned service,
                  struct runtime_service_stats *stats);
/* Chunks of the runtime itself and of the services that are up: at an event
 * boundary, all that the door lent and did not get back. */
size_t runtime_held_bytes(const struct runtime *runtime);

#endif
