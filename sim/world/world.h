/* SPDX-License-Identifier: Apache-2.0
 *
 * A world: where a cluster runs.  One contract for the simulator, for
 * namespaces and for hardware; sim/run drives it, faults/ injects into it,
 * oracles listen to it.
 *
 * Boxes      are slots 0 .. count-1 of the cluster plan (models/cluster.h).
 *            A slot keeps its index while boxes in it come and go.
 * Time       simtime since the world was created; in real worlds, the
 *            observer's clock.
 * Faults     inject() either does what is asked, or says ERR_UNSUPPORTED:
 *            this world cannot, and the step is not applicable.
 * Listening  every observation is handed over in the order of time.
 * Memory     create/destroy by the world's own header (des.h, ...).
 */
#ifndef SIM_WORLD_WORLD_H
#define SIM_WORLD_WORLD_H

#include "models/cluster.h"
#include "models/lane_meter.h"
#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"
#include "reference-nos/runtime/service_ids.h"
#include "sim/kernel/digest.h"
#include "sim/kernel/simtime.h"

struct world;
struct data_plane; /* models/plane/plane.h */
struct flows;      /* models/flows/flows.h */

/* What a world can be asked to break, or to mend.  X(name, what the fields
 * of struct world_fault mean) */
#define WORLD_FAULT_TABLE(X)                                                  \
    X(WORLD_BOX_POWER_OFF, "box")                                             \
    X(WORLD_BOX_POWER_ON, "box")                                              \
    X(WORLD_BOX_RESTART, "box; value: enum reboot_cause")                     \
    X(WORLD_BOX_REPLACE, "box: another serial in this slot; serial or \"\"")  \
    X(WORLD_BOX_SWAP, "box, box2: the boxes exchange their places")           \
    X(WORLD_BOX_CLONE, "box: gets the serial of box2")                        \
    X(WORLD_SERVICE_KILL, "box, item: service")                               \
    X(WORLD_SERVICE_HANG, "box, item: service; value: 1 on, 0 off")           \
    X(WORLD_SERVICE_SLOW, "box, item: service; value: factor x 1000")         \
    X(WORLD_FABRIC_LINK, "box, item: fabric port; value: 1 up, 0 down")       \
    X(WORLD_FABRIC_LOSS, "box, item: fabric port; value: ppm")                \
    X(WORLD_FABRIC_CABLE, "box, item; box2, item2: these two ends swap")      \
    X(WORLD_MGMT_LINK, "box, plane; value: 1 up, 0 down")                     \
    X(WORLD_MGMT_LOSS, "box, plane; value: ppm")                              \
    X(WORLD_MGMT_DELAY, "box, plane; value: added ns")                        \
    X(WORLD_MGMT_ONE_WAY, "box, plane; value: 0 off, 1 mute, 2 deaf")         \
    X(WORLD_PLANE, "plane; value: 1 works, 0 does not")                       \
    X(WORLD_PARTITION, "from, to: no datagram; value: bit per plane")         \
    X(WORLD_PARTITION_HEAL, "from, to, value: undo one; value 0: undo all")   \
    X(WORLD_DISK_STALL, "box; value: ns")                                     \
    X(WORLD_DISK_FULL, "box; value: 1 on, 0 off")                             \
    X(WORLD_DISK_ERROR, "box; value: 1 on, 0 off")                            \
    X(WORLD_DISK_UNSYNCED_LOSS, "box; value: 1 lose all that is unsynced")    \
    X(WORLD_CLOCK_STEP, "box; value: int64 ns on the wall clock")             \
    X(WORLD_CLOCK_DRIFT, "box; value: int64 ppb")                             \
    X(WORLD_PSU, "box, item; value: 1 works, 0 failed")                       \
    X(WORLD_FAN, "box, item; value: 1 works, 0 failed")                       \
    X(WORLD_SENSOR, "box, item; value: 0 true, 1 no answer, 2 reads value2")  \
    X(WORLD_IDENTITY, "box; value: enum world_identity")

enum world_fault_kind {
#define WORLD_FAULT_NAME(name, text) name,
    WORLD_FAULT_TABLE(WORLD_FAULT_NAME)
#undef WORLD_FAULT_NAME
        WORLD_FAULT_KIND_COUNT
};

/* What happens to a box's certificate.  A box shows the one that was in its
 * folder when its NOS started: all but a revocation counts from its next
 * start.  ERR_REFUSED when the certificate is not of our authority. */
enum world_identity {
    WORLD_IDENTITY_REVOKE, /* all boxes but this one get the list */
    WORLD_IDENTITY_EXPIRE,
    WORLD_IDENTITY_STRANGER, /* the same serial, of another authority */
    WORLD_IDENTITY_RENEW,    /* the same key, of our authority, and good */
    WORLD_IDENTITY_CHANGE_COUNT
};

#define WORLD_BOXES_MAX 320u

/* A set of boxes, a bit each. */
struct box_set {
    uint64_t bits[WORLD_BOXES_MAX / 64];
};

struct world_fault {
    enum world_fault_kind kind;
    unsigned box, box2;
    unsigned item, item2;
    enum plane plane;
    uint64_t value;
    int64_t value2;
    struct box_set from, to; /* WORLD_PARTITION */
    char serial[FACTS_SERIAL_MAX];
};

/* X(name, what a, b, c, d mean) */
#define OBSERVATION_TABLE(X)                                                  \
    X(OBSERVE_TRACE, "the NOS said something: .trace")                        \
    X(OBSERVE_BOX_OFF, "a: enum reboot_cause; d: key")                        \
    X(OBSERVE_BOX_ON, "power is on, the box boots; a: incarnation")           \
    X(OBSERVE_BOX_READY, "the NOS runs; a: incarnation, b: key")              \
    X(OBSERVE_PORTS, "a: front ports in service, b: front ports")             \
    X(OBSERVE_FABRIC, "a: weakest destination's links, b: nominal links")     \
    X(OBSERVE_QUANTUM, "a: service, b: ns over the quantum, c: event lane")   \
    X(OBSERVE_BOUND, "a: enum bound, b: depth, c: bound, d: service")         \
    X(OBSERVE_LANES, "a: enum lane_hop, b: units of lower lanes that one of " \
                     "a higher lane waited for, c: their ps, d: ps allowed")  \
    X(OBSERVE_LEAK, "a: bytes a killed service or box left behind")           \
    X(OBSERVE_REPLY, "answer of an operator's request; a: token; .bytes")     \
    X(OBSERVE_LOG, "a line of the NOS's log: .bytes; a: severity")

enum observation_kind {
#define OBSERVATION_NAME(name, text) name,
    OBSERVATION_TABLE(OBSERVATION_NAME)
#undef OBSERVATION_NAME
        OBSERVATION_KIND_COUNT
};

struct observation {
    enum observation_kind kind;
    struct simtime at;
    unsigned box;
    unsigned service; /* of a trace, a log line, a CPU lane */
    uint64_t a, b, c, d;
    struct trace_record trace;
    const uint8_t *bytes; /* borrowed */
    size_t size;
};

/* Hears what happened. */
typedef void world_listener(void *context, const struct observation *seen);

/* What can be asked of one slot at any moment. */
struct world_box {
    bool powered;
    bool running; /* the NOS is up */
    bool forwarding;
    uint64_t key;
    char serial[FACTS_SERIAL_MAX];
    enum role role;
    unsigned front_ports;
    unsigned fabric_ports;
    uint64_t incarnation;
};

/* Work done since the world began, per box. */
struct world_load {
    uint64_t messages[LANE_COUNT]; /* datagrams sent */
    uint64_t bytes[LANE_COUNT];
    uint64_t cpu_ns[SVC_COUNT];
    uint64_t events[SVC_COUNT];
    size_t memory_peak_bytes[SVC_COUNT]; /* of services that are up */
    size_t mailbox_peak[SVC_COUNT];
    size_t mailbox_bound;
    struct lane_account lanes[LANE_HOP_COUNT];
};

struct world_ops {
    const char *name; /* "des", "netns", ... */
    bool branchable;  /* fork() is a snapshot */
    struct simtime (*now)(struct world *world);
    /* Lets the world run up to 'until'.  ERR_INTERRUPTED when
     * world_ops.stop() was called from a listener. */
    int (*run_until)(struct world *world, struct simtime until);
    void (*stop)(struct world *world);
    int (*inject)(struct world *world, const struct world_fault *fault);
    /* Sends an operator's request to a box; the answer is observed.
     * ERR_UNREACHABLE when the box does not run. */
    int (*request)(struct world *world, unsigned box, uint64_t token,
                   const void *bytes, size_t size);
    void (*box)(struct world *world, unsigned box, struct world_box *out);
    void (*load)(struct world *world, unsigned box, struct world_load *out);
    /* The lowest duty of the box's working fans; NULL in worlds without. */
    int (*fan_duty)(struct world *world, unsigned box, uint32_t *percent);
    /* NOS memory of all boxes, held in chunks and in use by services; NULL in
     * worlds that cannot tell. */
    size_t (*memory_bytes)(struct world *world);
    size_t (*live_bytes)(struct world *world);
    /* NOS memory of one box: lent to it, and of that in contexts of its
     * runtime and of its living services; NULL in worlds that cannot tell. */
    void (*box_memory)(struct world *world, unsigned box, size_t *lent_bytes,
                       size_t *owned_bytes);
    /* Does the NOS of a box run 'service'? */
    bool (*has_service)(struct world *world, unsigned box, unsigned service);
    uint64_t (*events)(struct world *world);
    struct digest_value (*digest)(struct world *world);
    /* What runs packets between front ports; NULL, or gives NULL, where
     * nothing does. */
    struct data_plane *(*plane)(struct world *world);
    /* The same by rates instead of packets; a world has one of the two. */
    struct flows *(*flows)(struct world *world);
    /* Why the last inject() was ERR_UNSUPPORTED, in words; borrowed.  NULL
     * in worlds that have nothing to add. */
    const char *(*why_not)(struct world *world);
    void (*destroy)(struct world *world);
};

/* First member of every world. */
struct world {
    const struct world_ops *ops;
    const struct cluster_plan *plan;
    world_listener *listener;
    void *listener_context;
};

const char *world_fault_name(enum world_fault_kind kind);
const char *observation_name(enum observation_kind kind);

static inline void
box_set_add(struct box_set *set, unsigned box)
{
    set->bits[box / 64] |= 1ull << (box % 64);
}

static inline bool
box_set_has(const struct box_set *set, unsigned box)
{
    return (set->bits[box / 64] >> (box % 64)) & 1;
}

#endif
