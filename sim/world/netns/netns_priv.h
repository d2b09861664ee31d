/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of world "netns" share.
 *
 * Order     everything that happened, lines of daemons and what the world saw
 *           itself, goes through one queue by time (queue.c), and is handed
 *           over once nothing earlier can come any more: NETNS_HOLD_NS after
 *           its time.  What the world shows of a box (box->running, truth)
 *           changes as it is handed over.
 */
#ifndef SIM_WORLD_NETNS_NETNS_PRIV_H
#define SIM_WORLD_NETNS_NETNS_PRIV_H

#include "reference-nos/base/check.h"
#include "reference-nos/linux/watch/watch.h"
#include "sim/kernel/random.h"
#include "sim/world/netns/net_priv.h"
#include "sim/world/netns/netns.h"
#include "sim/world/netns/rack_priv.h"
#include "sim/world/ports_truth.h"

#define NETNS_HOLD_NS 5000000u
/* Tables of one box are written entry by entry: judged when it is still. */
#define NETNS_STILL_NS 200000u
/* Of a certificate: more than a run lasts, and daemons warn of those that end
 * soon. */
#define NETNS_IDENTITY_DAYS 90
#define NETNS_PATH_MAX 160u
#define NETNS_CLIENTS_MAX 16u
#define NETNS_READ_BYTES 65536u

/* A connection to a daemon's socket, with at most one question under way. */
struct netns_client {
    int fd; /* -1: none */
    bool busy;
    uint64_t token;
    uint64_t asked_order;
    uint8_t *answer;
    size_t size;
};

struct netns_box {
    struct netns *netns;
    unsigned index;
    bool present, powered;
    bool running; /* as handed over */
    bool ready;   /* the daemon said so */
    pid_t pid;    /* 0: no daemon */
    pid_t corpse; /* killed, and not reaped yet; 0: none */
    int pid_fd, watch_fd;
    uint64_t started_ns;
    uint64_t start_at_ns; /* a new daemon is due; 0: none */
    enum reboot_cause cause;
    bool cause_told;
    uint64_t starts; /* of daemons in this slot */
    uint32_t strangers;

    /* Who stands here. */
    char home[NETNS_PATH_MAX];
    uint64_t key;
    char serial[FACTS_SERIAL_MAX];
    bool voter;
    uint64_t incarnation;
    /* identity.c: its key since its next start, and with a certificate of our
     * authority. */
    uint64_t next_key, own_key;
    bool foreign; /* another authority's is in its folder */
    unsigned foreign_lives;

    uint64_t shift_ns; /* its monotonic clock is ahead by this */
    int64_t wall_offset_ns;
    char *text; /* of a line that has not ended */
    size_t text_size;
    struct netns_client clients[NETNS_CLIENTS_MAX];
    struct world_load load;   /* of daemons that are gone, and of this one */
    struct world_load before; /* of daemons that are gone */
    uint32_t psu_failed;      /* a bit each */
    bool disk_full;
};

/* One thing that happened. */
struct netns_item {
    uint64_t at_ns; /* CLOCK_MONOTONIC */
    uint64_t order;
    unsigned box;
    bool is_line;
    union {
        struct watch_line line;
        struct observation seen;
    } u;
    uint8_t *bytes; /* of a log line or a reply; malloc'd */
};

struct netns {
    struct world world; /* first */
    struct cluster_plan *plan;
    struct rack rack;
    struct net *net;
    struct ports_truth *truth;
    struct run_digest *digest;
    unsigned box_count;
    struct netns_box *boxes;
    uint64_t cluster_id;
    uint64_t origin_ns;
    char refnosd[NETNS_PATH_MAX];
    char keep_dir[NETNS_PATH_MAX]; /* "": none */
    bool record, per_service, small_disks, meter;
    uint64_t seed;

    int epoll_fd;
    bool stopped;
    char failed[120]; /* why nothing can be judged; "": all is well */
    uint64_t events;
    uint64_t asked;

    /* queue.c */
    struct netns_item *items; /* a heap by time */
    size_t item_count, item_room;
    uint64_t order;
    uint64_t last_ns; /* of what was handed over last */
    bool dirty;       /* the truth changed at 'dirty_ns' */
    uint64_t dirty_ns;
    uint64_t late; /* items that came after a later one was handed over */
    uint64_t latest_ns;

    char why[200]; /* the latest ERR_UNSUPPORTED */
};

/* netns.c */

uint64_t netns_now_ns(void);
struct netns *netns_of(struct world *world);
/* Says why and returns ERR_UNSUPPORTED. */
int netns_cannot(struct netns *netns, const char *why);

/* slot.c: who stands where, and the daemon's life */

MUST_USE int slot_place(struct netns_box *box, const char *serial,
                        char *message, size_t message_size);
void slot_fini(struct netns_box *box);
void slot_power_on(struct netns_box *box);
void slot_power_off(struct netns_box *box, enum reboot_cause cause);
void slot_restart(struct netns_box *box, enum reboot_cause cause);
/* Both are off. */
void slot_exchange(struct netns_box *a, struct netns_box *b);
/* The daemon ended by itself. */
void slot_ended(struct netns_box *box);
/* Starts the daemon that is due. */
void slot_start(struct netns_box *box);

/* process.c: the command line, and the process */

MUST_USE int daemon_spawn(struct netns_box *box);

/* lines.c: what a daemon tells */

/* Reads what is there; false at the end. */
bool lines_read(struct netns_box *box);

/* queue.c */

void queue_push(struct netns *netns, struct netns_item *item);
void queue_observe(struct netns_box *box, enum observation_kind kind,
                   uint64_t a, uint64_t b, uint64_t d);
void queue_log(struct netns_box *box, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* Hands over what happened up to 'limit_ns'. */
void queue_deliver(struct netns *netns, uint64_t limit_ns);
/* When the next item can be handed over; UINT64_MAX: there is none. */
uint64_t queue_next_ns(const struct netns *netns);
void queue_fini(struct netns *netns);

/* clients.c: the daemons' sockets */

MUST_USE int clients_ask(struct netns_box *box, uint64_t token,
                         const void *bytes, size_t size);
/* Something arrived. */
void clients_read(struct netns_box *box, unsigned client);
void clients_close(struct netns_box *box);
/* Asks in words and waits for the answer, briefly; the daemon must have said
 * yes. */
MUST_USE int clients_query(struct netns_box *box, const char *words);
void netns_socket_path(const struct netns_box *box, char path[NETNS_PATH_MAX]);

/* hardware.c: the described tree of a slot */

void hardware_path(const struct netns_box *box, char path[NETNS_PATH_MAX]);
MUST_USE int hardware_make(struct netns_box *box);
MUST_USE int hardware_fault(struct netns_box *box,
                            const struct world_fault *fault);
void hardware_cause(struct netns_box *box);
MUST_USE int hardware_duty(struct netns_box *box, uint32_t *percent);

/* disk.c: small file systems for the states of boxes */

MUST_USE int small_disk_make(struct netns_box *box);
MUST_USE int small_disk_fill(struct netns_box *box, bool full);

/* identity.c */

/* 'change' is an enum world_identity. */
MUST_USE int identity_fault(struct netns_box *box, uint64_t change);

/* inject.c */

int netns_inject(struct world *world, const struct world_fault *fault);

#endif
