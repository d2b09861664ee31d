/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of world "des" share.
 */
#ifndef SIM_WORLD_DES_DES_PRIV_H
#define SIM_WORLD_DES_DES_PRIV_H

#include "models/chassis.h"
#include "models/clock.h"
#include "models/disk.h"
#include "models/mgmt_net.h"
#include "models/flows/flows.h"
#include "models/plane/plane.h"
#include "reference-nos/base/check.h"
#include "reference-nos/base/list.h"
#include "reference-nos/node/node.h"
#include "reference-nos/platform/fwd_table.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/random.h"
#include "sim/world/des/des.h"
#include "sim/world/plan_blob.h"
#include "sim/world/ports_truth.h"

#define DES_CORES_MAX 32
/* A handler may finish the unit of work that took it over the quantum: at
 * least this, or what the longest unit costs on this host. */
#define DES_QUANTUM_SLACK_NS 100000u

struct des;

/* What a certificate is worth (identity.c); all zero: good. */
struct des_certificate {
    bool expired, foreign, revoked;
    struct simtime revoked_at;
};

struct des_told;

/* Who a box is to others. */
struct des_identity {
    struct des_certificate folder; /* its next start finds */
    struct des_certificate shown;  /* since its last start */
    bool replaced;                 /* they are two certificates */
    struct simtime started;
    uint64_t own_key; /* while .shown.foreign */
    unsigned own_voter_count;
    uint32_t foreign_lives;
    struct des_told *told; /* per peer and plane; NULL: nothing yet */
};

/* One service, seen as a thread of the box. */
struct des_thread {
    struct simtime busy_until;
    struct simtime not_before;
    uint32_t slow_permille; /* 1000: full speed */
    bool hung;

    /* lanes.c */
    unsigned marked; /* a bit per lane: .mark says since when it waits */
    struct lane_meter meter;
    struct lane_mark mark[LANE_COUNT]; /* of the oldest event */
    uint64_t allowed_ns[LANE_COUNT];   /* that a handler could last */
};

/* One end of a fabric cable. */
struct des_port {
    struct truth_port *link;
    uint32_t loss_ppm; /* of packets sent from here */
    struct des_box *box;
    uint16_t port;
    struct event change; /* link goes to 'change_up' */
    bool change_up;
    bool shines; /* as the forwarding plane was told */
};

struct des_box {
    struct plat plat; /* first: the door hands us this */
    struct des *des;
    uint32_t index;
    const struct box_model *model;
    struct box_facts facts;
    bool present; /* a box stands in this slot */
    bool powered;
    bool restarting;
    uint32_t strangers; /* boxes that came to stand here instead */
    struct simtime died_at;
    enum reboot_cause reboot_cause;
    struct runtime *runtime; /* NULL while off or booting */
    struct event boot_event;
    struct event restart_event;
    struct event timer_event;

    /* cpu.c */
    struct event cpu_event;
    unsigned ready_mask;
    struct des_thread threads[SVC_COUNT];
    struct simtime core_free[DES_CORES_MAX];
    unsigned core_count;
    bool running; /* a handler is running now */
    unsigned running_service;
    uint64_t charged_ns;

    struct random_stream random;
    struct des_identity identity;
    struct event identity_event;
    struct clock_model clock;
    struct disk *disk;
    struct chassis *chassis;

    /* fabric.c */
    struct des_port *ports;
    struct truth_box *truth; /* cables, ASIC tables, what follows */

    /* asic.c */
    struct mem *asic_mem; /* of 'asic' */
    struct fwd_table *asic;
    struct simtime asic_busy_until; /* writes are done one after another */

    size_t memory_bytes; /* chunks the NOS holds */
    struct world_load load;
};

struct des {
    struct world world; /* first */
    struct world_ops ops;
    const struct cluster_plan *plan;
    struct kernel *kernel;
    struct run_digest *digest;
    struct mgmt_net *net;
    struct des_box *boxes;
    unsigned box_count;
    uint64_t seed;
    uint32_t costs_ns[COST_COUNT];
    uint32_t slack_ns; /* over the quantum, for the last unit of work */
    uint8_t *plan_blob;
    size_t plan_blob_size;
    bool stopped;
    /* identity.c: boxes that somebody may refuse */
    unsigned wrong_count;
    uint16_t wrong[WORLD_BOXES_MAX];
    unsigned last_box, last_service;
    des_meter *meter;
    void *meter_context;
    uint64_t metered[COST_COUNT];

    /* asic.c */
    struct list asic_writes; /* under way */
    des_programmed_fn *programmed;
    void *programmed_context;

    /* fabric.c */
    struct event ports_event;
    struct list free_packets, flying_packets, flying_writes;
    struct random_stream fabric_random;
    struct ports_truth *truth;

    /* packets.c */
    struct data_plane *plane; /* NULL: no packets in this run */
    struct flows *flows;      /* NULL: no traffic by rates */
    struct asic packet_asic;
};

/* des.c */

void des_schedule(struct des *des, struct event *event, struct simtime at);
void des_observe(struct des_box *box, struct observation *seen);
void des_observe_numbers(struct des_box *box, enum observation_kind kind,
                         uint64_t a, uint64_t b, uint64_t c, uint64_t d);
struct des_box *des_box(struct world *world, unsigned index);

/* box.c */

void box_init(struct des *des, unsigned index);
void box_fini(struct des_box *box);
void box_power_on(struct des_box *box);
/* Off at once: everything volatile is gone. */
void box_power_off(struct des_box *box, enum reboot_cause cause);
void box_restart(struct des_box *box, enum reboot_cause cause);
/* Another box with these facts stands in the slot from now on. */
void box_identify(struct des_box *box, uint64_t key, const char *serial);
/* Exchanges the boxes in two slots. */
void box_exchange(struct des_box *a, struct des_box *b);
/* Now, as the running handler of 'box' has it. */
static inline struct simtime
des_box_time(const struct des_box *box)
{
    struct simtime now = kernel_now(box->des->kernel);

    return box->running ? simtime_add(now, simtime_from_ns(box->charged_ns))
                        : now;
}
void des_after_handler(struct des_box *box, unsigned service);

/* plat.c: the door */

extern const struct plat_ops des_plat_ops;
extern const struct hw_ops des_hw_ops;

/* cpu.c */

void cpu_ready(struct des_box *box, unsigned service);
void cpu_fire(struct event *event, struct simtime now);
void cpu_charge(struct des_box *box, enum cost cost, uint64_t units);
void cpu_hang(struct des_box *box, unsigned service, bool on);
void cpu_reset(struct des_box *box);

/* lanes.c: what lower lanes add to higher ones */

/* Nothing is there to measure: no event below the highest lane was handled
 * since the last, none waits for one. */
static inline bool
lanes_idle(const struct des_thread *thread, enum lane lane)
{
    return lane == LANE_LIVENESS && thread->marked == 0 &&
           thread->meter.serving == LANE_LIVENESS;
}

/* May a handler of another than the highest lane be at work after 'now'? */
static inline bool
lanes_lower(const struct des_thread *thread, struct simtime now)
{
    return thread->meter.serving != LANE_LIVENESS &&
           simtime_before(now, thread->meter.until);
}

/* Something has come for 'service' while lanes_lower(). */
void lanes_arrived(struct des_box *box, unsigned service);
/* A handler for 'lane' begins, and could last 'allowed_ns'; it has ended.
 * Neither need be told while lanes_idle(). */
void lanes_begin(struct des_box *box, unsigned service, enum lane lane,
                 uint64_t allowed_ns);
void lanes_end(struct des_box *box, unsigned service);
/* 'service' is dead, and what waited for it gone. */
void lanes_forget(struct des_box *box, unsigned service);
/* The same for frames: mgmt_net_options.waited. */
void lanes_frame_waited(void *context, unsigned box, enum lane_hop hop,
                        const struct lane_wait *wait);

/* fabric.c: cables, ASIC tables, ports in service */

extern const struct fwd_ops des_fwd_ops;
void fabric_init(struct des *des);
void fabric_fini(struct des *des);
void fabric_box_up(struct des_box *box);
void fabric_box_down(struct des_box *box);
void fabric_link_fault(struct des_box *box, unsigned port, bool down);
/* ERR_INVALID: both are ends of the same cable. */
MUST_USE int fabric_swap_ends(struct des_box *a, unsigned a_port,
                              struct des_box *b, unsigned b_port);
void fabric_send(struct des_box *box, unsigned port, const void *bytes,
                 size_t size);

/* identity.c: whose datagrams a box takes */

MUST_USE int identity_change(struct des_box *box, uint64_t change);
/* The NOS is about to start: false when its own certificate forbids it. */
MUST_USE bool identity_start(struct des_box *box);
void identity_init(struct des_box *box);
/* The NOS is gone, and with it its beacons. */
void identity_stop(struct des_box *box);
/* Notes whom somebody may refuse. */
void identities_count(struct des *des);
/* Another box stands in the slot. */
void identity_reset(struct des_box *box);
void identity_fini(struct des_box *box);
/* Does 'box' take a datagram of the box with key 'from'?  An empty one is a
 * beacon, and for nobody.  Need not be asked while des->wrong_count
 * is 0, and nothing empty is under way. */
bool identity_admits(struct des_box *box, uint64_t from, enum plane plane,
                     size_t size);

/* asic.c: group and route tables of each box's ASIC */

void asic_init(struct des *des);
void asic_fini(struct des *des);
/* The box restarts or is off: its tables are lost. */
void asic_box_down(struct des_box *box);
int asic_groups_set(struct plat *plat, const struct fwd_group *groups,
                    size_t count, uint64_t token);
int asic_routes_set(struct plat *plat, const struct fwd_route *routes,
                    size_t count, uint64_t token);
int asic_groups_dump(struct plat *plat, uint32_t after,
                     struct fwd_group *groups, size_t room, size_t *count);
int asic_routes_dump(struct plat *plat, const struct fwd_prefix *after,
                     struct fwd_route *routes, size_t room, size_t *count);

/* packets.c: what flows between front ports.  The plane is told ... */

MUST_USE int packets_init(struct des *des, const struct des_options *options);
/* ... that a box lives or is dead; */
void packets_box(struct des_box *box);
/* ... that a port's light may have come or gone; */
void packets_link(struct des_port *port);
/* ... and of what the NOS wrote. */
void packets_entries(struct des_box *box, const struct fwd_entry *entries,
                     size_t count);
void packets_programmed(struct des_box *box,
                        const struct des_programmed *programmed);
void packets_advance(struct des *des, struct simtime until);
/* Of the events, and of the packets if there are any. */
struct digest_value packets_digest(struct des *des);

/* inject.c */

int des_inject(struct world *world, const struct world_fault *fault);

#endif
