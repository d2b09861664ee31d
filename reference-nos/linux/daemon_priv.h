/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's own state, shared by its files: daemon.c (life), door.c and
 * devices.c (what the NOS asks), input.c (what it is told), serve.c (when its
 * services run), query.c (what operators ask of the box itself), join.c (how
 * boxes get certificates), observe.c.
 */
#ifndef NOS_LINUX_DAEMON_PRIV_H
#define NOS_LINUX_DAEMON_PRIV_H

#include <uv.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/linux/daemon.h"
#include "reference-nos/linux/hwtree/hwtree.h"
#include "reference-nos/linux/log.h"
#include "reference-nos/linux/meter/meter.h"
#include "reference-nos/linux/ports/ports.h"
#include "reference-nos/linux/procs/procs.h"
#include "reference-nos/linux/record/record.h"
#include "reference-nos/linux/secure/enroll.h"
#include "reference-nos/linux/secure/secure.h"
#include "reference-nos/linux/socket/socket.h"
#include "reference-nos/linux/storage/storage.h"
#include "reference-nos/linux/watcher.h"
#include "reference-nos/runtime/runtime.h"

#define DAEMON_RANDOM_BYTES 512u

/* When the NOS wants to be woken: a timerfd, because libuv's timers count
 * milliseconds. */
struct daemon_alarm {
    int fd;
    uv_poll_t poll;
    uint64_t asked_ns; /* UINT64_MAX: never */
    uint64_t set_ns;   /* what the timerfd was told */
};

struct daemon_service {
    uint64_t cpu_ns;
    uint64_t events;
};

struct daemon_lane {
    uint64_t messages;
    uint64_t bytes;
};

#define DAEMON_SESSIONS_MAX 512u

struct daemon_session {
    uint64_t key;
    uint64_t incarnation;
};

/* What the NOS said of itself, kept for operators. */
struct daemon_known {
    bool joined, headless, forwarding, active;
    uint64_t module, term;
    unsigned session_count;
    struct daemon_session sessions[DAEMON_SESSIONS_MAX];
};

struct daemon {
    struct plat plat; /* first: the door */
    struct box_facts facts;
    const struct options *options;
    uv_loop_t loop;

    struct identity *identity;
    struct log *log;
    struct watcher *watcher; /* NULL: nobody watches */
    struct storage *storage;
    struct hwtree *hwtree;
    struct ports *ports;
    struct secure *secure;        /* NULL: no management plane */
    struct enroll_server *enroll; /* NULL: it enrols nobody */
    struct socket_server *server;
    struct recorder *recorder; /* NULL: nothing is recorded */
    struct procs *procs;       /* NULL: services live in this process */
    uint8_t *plan;
    size_t plan_size;

    struct runtime *runtime;
    bool inside; /* the NOS is running */
    unsigned ready_mask;
    unsigned hung_mask;     /* services that a test holds up */
    int64_t wall_offset_ns; /* of the wall clock, by a test */
    unsigned last_service;  /* that handled an event */
    struct daemon_alarm alarm;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /* active while services have work */
    uv_timer_t second;
    uv_timer_t watchdog;
    uv_signal_t signals[2];
    uv_timer_t patience; /* with a NOS that was asked to stop in order */
    bool draining;

    struct daemon_service services[SVC_COUNT];
    struct daemon_lane lanes[LANE_COUNT];
    uint64_t cost_units[COST_COUNT];
    uint64_t handler_units[COST_COUNT]; /* of the handler that runs */
    struct meter meter;                 /* with --meter */
    size_t memory_bytes;                /* lent to the NOS */
    uint8_t random[DAEMON_RANDOM_BYTES];
    size_t random_left;

    struct daemon_known known;
    uint64_t boot_ns;
    enum reboot_cause boot_cause;
    bool ending;
    struct daemon_end end;
};

/* ---- door.c, devices.c ---- */
extern const struct plat_ops daemon_plat_ops;
extern const struct hw_ops daemon_hw_ops;
extern const struct fwd_ops daemon_fwd_ops;
uint64_t daemon_now_ns(void);
uint64_t daemon_wall_ns(const struct daemon *daemon);
void daemon_log(struct daemon *daemon, unsigned service,
                enum severity severity, const char *text);
void daemon_logf(struct daemon *daemon, enum severity severity,
                 const char *format, ...) PRINTF_LIKE(3, 4);

/* ---- daemon.c ---- */
/* The interface of a management plane; NULL: none. */
const char *daemon_interface(const struct options *options, enum plane plane);

/* ---- join.c ---- */
/* A box without a certificate asks for one, until it has it. */
MUST_USE int join_first(struct daemon *daemon, struct daemon_failure *failure);
/* A controller that holds the authority answers such boxes. */
MUST_USE int authority_open(struct daemon *daemon,
                            struct daemon_failure *failure);

/* ---- input.c: all that comes in for the NOS ---- */
void input_alarm(struct daemon *daemon);
void input_datagram(void *arg, enum plane plane, uint64_t from, enum lane lane,
                    const void *bytes, size_t size);
void input_packet(void *arg, unsigned port, const void *bytes, size_t size);
void input_storage_done(void *arg, unsigned service, uint64_t token,
                        int status);
void input_hardware_changed(void *arg, const struct hw_change *change);
void input_forwarding_changed(void *arg, const struct fwd_change *change);
void input_operator(struct daemon *daemon, uint64_t token, const void *bytes,
                    size_t size);
int input_kill(struct daemon *daemon, unsigned service);
void input_dispatch(struct daemon *daemon, unsigned service);

/* ---- serve.c ---- */
MUST_USE int serve_open(struct daemon *daemon, char *message,
                        size_t message_size);
void serve_close(struct daemon *daemon);
void serve_ready(struct daemon *daemon, unsigned service);
/* A service that hangs handles no event until it does not, or dies. */
void serve_hang(struct daemon *daemon, unsigned service, bool hangs);
/* A stop in order: the NOS is asked to leave service first, and has some
 * seconds for it.  Asked again: at once. */
#define SERVE_DRAIN_TOKEN UINT64_MAX
void serve_drain(struct daemon *daemon);
/* The NOS's answer to the request with that token. */
void serve_drained(struct daemon *daemon, const void *bytes, size_t size);
/* Ends daemon_run(), at once when no handler runs, else after it. */
void serve_end(struct daemon *daemon, const struct daemon_end *end);

/* ---- observe.c ---- */
void observe_ready(struct daemon *daemon);
void observe_trace(struct daemon *daemon, const struct trace_record *record);
void observe_log(struct daemon *daemon, unsigned service,
                 enum severity severity, const char *text);
void observe_written(void *arg, const struct fwd_entry *entries, size_t count);
void observe_link(struct daemon *daemon, unsigned port, bool up);
void observe_links(struct daemon *daemon);
void observe_loads(struct daemon *daemon);
void observe_exit(struct daemon *daemon, enum reboot_cause cause);

/* ---- known.c ---- */
void known_trace(struct daemon_known *known,
                 const struct trace_record *record);

/* ---- query.c ---- */
void query_request(void *arg, uint64_t token, enum socket_kind kind,
                   const void *bytes, size_t size);

/* ---- cause.c: why the box booted, from one life to the next ---- */
void cause_keep(const char *state, enum reboot_cause cause);
/* Forgets it; false: the life before did not say. */
bool cause_take(const char *state, enum reboot_cause *cause);

#endif
