/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the runtime share.
 */
#ifndef NOS_RUNTIME_RUNTIME_PRIV_H
#define NOS_RUNTIME_RUNTIME_PRIV_H

#include "reference-nos/base/check.h"
#include "reference-nos/base/list.h"
#include "reference-nos/runtime/runtime.h"

#define NEVER_NS UINT64_MAX

/* An event that waits in a mailbox; its bytes follow it. */
struct mail {
    struct list_node node;
    size_t size_bytes; /* of the whole block */
    struct actor_event event;
};

struct actor {
    struct runtime *runtime;
    const struct actor_kind *kind; /* NULL: this box has no such service */
    bool up;
    bool start_due; /* EV_START was not handled yet */
    bool more_due;  /* EV_CONTINUE waits, in 'more_lane' */
    enum lane more_lane;
    uint32_t lives;
    struct mem *mem;
    void *state;

    struct list mail[LANE_COUNT];
    size_t mail_count;
    size_t mail_bytes;
    size_t mail_peak;
    uint64_t events;
    uint64_t refused;

    uint64_t timer_ns[ACTOR_TIMERS_MAX]; /* NEVER_NS: not set */
    unsigned timers_due;                 /* bit per timer: fired, unhandled */
    uint64_t next_timer_ns;              /* earliest of timer_ns */

    uint64_t progress_ns; /* last time it handled, or had nothing to do */
    uint64_t restart_ns;  /* when the supervisor starts it again */
    uint64_t deaths_ns[RUNTIME_RESTARTS_MAX]; /* ring of the last deaths */
    unsigned death_count;
    uint64_t calm_ns; /* when its alarm clears, if it lives */
    uint64_t handler_start_ns;
};

struct runtime {
    struct plat *plat;
    struct mem *mem;
    const struct actor_kind *const *kinds;
    size_t kind_count;
    const struct runtime_elsewhere *elsewhere; /* NULL: all are here */
    uint64_t alarm_ns;                         /* what was asked of the door */
    uint64_t watchdog_ns;
    bool restarting; /* the box was asked to restart: nothing runs */
    struct actor *running;
    bool running_doomed; /* killed while its handler ran */
    /* Bit per item: alarms told here, and those of them that are raised. */
    uint32_t alarms_known[ALARM_COUNT];
    uint32_t alarms_raised[ALARM_COUNT];
    struct actor actors[SVC_COUNT];
};

/* alarms.c */

bool alarms_raised(const struct runtime *runtime, enum alarm_code code,
                   unsigned item);
/* A service that has just started hears what is known. */
void alarms_tell(struct actor *taker);

/* mailbox.c */

/* Puts a copy of 'event' with its bytes into the mailbox.  ERR_FULL,
 * ERR_NOMEM, ERR_UNREACHABLE when the service is down or absent. */
MUST_USE int mailbox_put(struct actor *actor, enum lane lane,
                         const struct actor_event *event);
/* The same for inputs that the world repeats: what does not fit is dropped. */
void mailbox_offer(struct actor *actor, enum lane lane,
                   const struct actor_event *event);
/* The next mail, or NULL; the caller frees it. */
struct mail *mailbox_take(struct actor *actor, enum lane lane);
void mailbox_free(struct actor *actor, struct mail *mail);
void mailbox_clear(struct actor *actor);
/* The lane of the most urgent event; LANE_COUNT: none. */
enum lane mailbox_lane(const struct actor *actor);
/* The lanes in which events wait, a bit each; not which comes first. */
unsigned mailbox_waiting(const struct actor *actor);
/* Tells the door that 'actor' has something to do. */
void mailbox_ready(struct actor *actor);

/* timers.c */

void timers_clear(struct actor *actor);
/* Marks the timers of all services that are due. */
void timers_fire(struct runtime *runtime, uint64_t now_ns);
/* Asks the door for the earliest moment something is due. */
void timers_ask(struct runtime *runtime);
/* Arms the watchdog if it is not. */
void timers_watch(struct runtime *runtime);

/* supervisor.c */

/* Where memory contexts get their chunks: the door. */
struct mem_source supervisor_source(struct plat *plat);
void supervisor_start(struct actor *actor);
/* The service is gone; 'error' is why (0: killed from outside). */
void supervisor_bury(struct actor *actor, int error);
/* Restarts and hang checks that are due. */
void supervisor_alarm(struct runtime *runtime, uint64_t now_ns);

#endif
