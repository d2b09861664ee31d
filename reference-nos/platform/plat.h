/* SPDX-License-Identifier: Apache-2.0
 *
 * The door: all that the NOS core can ask of the world.
 *
 * One struct plat stands for one box.  The Linux daemon implements it over
 * libuv, the simulator over virtual time and models; nothing behind the door
 * can tell which.
 *
 * Entry     the world calls runtime_*() (reference-nos/runtime/runtime.h) to
 *           bring events in, and plat_ops are called back from inside; no
 *           operation re-enters the core before it returns.
 * Time      monotonic, in ns; while a handler runs, now_ns() includes what
 *           the handler has charged so far.
 * Memory    bytes passed in are copied before the call returns.
 * Threads   one box, one thread.
 * Errors    0 or a positive 'enum err'.
 */
#ifndef NOS_PLATFORM_PLAT_H
#define NOS_PLATFORM_PLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/platform/facts.h"
#include "reference-nos/platform/forwarding.h"
#include "reference-nos/platform/hardware.h"
#include "reference-nos/platform/trace.h"

/* Management planes.  Every box has a leg on both. */
enum plane { PLANE_A, PLANE_B, PLANE_COUNT };

/* Lanes of traffic between boxes, most urgent first (design rule 4). */
enum lane {
    LANE_LIVENESS,
    LANE_CONTROL,
    LANE_BULK,
    LANE_TELEMETRY,
    LANE_COUNT
};

/* Every box of the cluster, on one plane. */
#define PLAT_ADDRESS_ALL UINT64_MAX

/* Largest datagram, bytes. */
#define PLAT_DATAGRAM_MAX 1400
/* Largest packet on a fabric port, bytes. */
#define PLAT_PACKET_MAX 512

/* Units of work that a handler charges its service's CPU for.
 * X(name, unit, default ns per unit) */
#define COST_TABLE(X)                                                         \
    X(COST_DISPATCH, "event handed to a service", 400)                        \
    X(COST_SERVICE_START, "service started", 2000000)                         \
    X(COST_DATAGRAM, "datagram sent or received", 1500)                       \
    X(COST_BYTES, "KiB copied, hashed or encoded", 250)                       \
    X(COST_RAFT, "consensus step", 1500)                                      \
    X(COST_ROW, "row written to a replica", 800)                              \
    X(COST_WATCH, "row handed to a watcher", 300)                             \
    X(COST_IDENTITY, "identity of a box verified (ECDSA P-256)", 90000)       \
    X(COST_ALLOCATE, "module number searched", 3000)                          \
    X(COST_REACH, "fabric destination recomputed", 150)                       \
    X(COST_TABLE_ENTRY, "forwarding table entry written", 2000)               \
    X(COST_DEVICE, "hardware register or EEPROM read", 20000)                 \
    X(COST_ROUTE, "route resolved, or found in a table", 600)                 \
    X(COST_TABLE_READ, "group or route read back from the ASIC", 500)         \
    X(COST_PACKET, "packet sent or received on a port", 2000)

enum cost {
#define COST_NAME(name, unit, default_ns) name,
    COST_TABLE(COST_NAME)
#undef COST_NAME
        COST_COUNT
};

/* A handler that has charged this much returns ACTOR_MORE. */
#define PLAT_QUANTUM_NS 100000u

/* The files of a box.  Small in number on purpose. */
enum storage_file {
    STORAGE_META,     /* term, vote, incarnation of the log */
    STORAGE_LOG,      /* consensus log, appended */
    STORAGE_SNAPSHOT, /* state up to the start of the log */
    STORAGE_CARD,     /* a member's number, highest term, CONF replica mark */
    STORAGE_FILE_COUNT
};

enum severity {
    SEVERITY_ERROR = 3, /* RFC 5424 numbers */
    SEVERITY_WARNING = 4,
    SEVERITY_NOTICE = 5,
    SEVERITY_INFO = 6,
    SEVERITY_DEBUG = 7
};

struct plat;

struct plat_ops {
    uint64_t (*now_ns)(struct plat *plat);
    uint64_t (*wall_ns)(struct plat *plat);
    uint64_t (*random)(struct plat *plat);

    /* Asks for runtime_alarm() at 'deadline_ns', replacing the request
     * before; UINT64_MAX asks for none. */
    void (*wake_at)(struct plat *plat, uint64_t deadline_ns);
    /* 'service' has an event: call runtime_dispatch() when its CPU is free.
     * Called again for each event is harmless. */
    void (*ready)(struct plat *plat, unsigned service);
    void (*charge)(struct plat *plat, enum cost cost, uint64_t units);

    /* Unreliable, at most PLAT_DATAGRAM_MAX bytes. */
    void (*datagram_send)(struct plat *plat, enum plane plane, uint64_t to,
                          enum lane lane, const void *bytes, size_t size);
    /* One packet out of a fabric port, at most PLAT_PACKET_MAX bytes. */
    void (*packet_send)(struct plat *plat, unsigned fabric_port,
                        const void *bytes, size_t size);

    /* Storage.  All operations of a box form one ordered queue.  Appends and
     * truncations are durable once a later sync has completed; replace() is
     * atomic: old or new content, durable at its completion.  Completion
     * comes as runtime_storage_done(service, token, status). */
    int (*storage_append)(struct plat *plat, enum storage_file file,
                          const void *bytes, size_t size);
    int (*storage_truncate)(struct plat *plat, enum storage_file file,
                            uint64_t size);
    int (*storage_sync)(struct plat *plat, enum storage_file file,
                        unsigned service, uint64_t token);
    int (*storage_replace)(struct plat *plat, enum storage_file file,
                           const void *bytes, size_t size, unsigned service,
                           uint64_t token);
    int (*storage_size)(struct plat *plat, enum storage_file file,
                        uint64_t *size);
    /* Reads exactly 'size' bytes at 'offset'; used at start only. */
    int (*storage_read)(struct plat *plat, enum storage_file file,
                        uint64_t offset, void *bytes, size_t size);

    /* An immutable blob by name ("plan"): its bytes stay valid for the life
     * of the box.  ERR_NOENT when there is none. */
    int (*blob_get)(struct plat *plat, const char *name, const void **bytes,
                    size_t *size);

    /* Memory for contexts, in chunks.  NULL when there is no more. */
    void *(*chunk_take)(struct plat *plat, size_t size);
    void (*chunk_give)(struct plat *plat, void *chunk, size_t size);

    /* The answer to runtime_operator(). */
    void (*operator_reply)(struct plat *plat, uint64_t token,
                           const void *bytes, size_t size);

    void (*log)(struct plat *plat, unsigned service, enum severity severity,
                const char *text);
    void (*trace)(struct plat *plat, const struct trace_record *record);
    /* Restarts the box; returns, and the box is gone soon after. */
    void (*restart)(struct plat *plat, enum reboot_cause cause);
};

/* Embedded at the start of what the world keeps for a box. */
struct plat {
    const struct plat_ops *ops;
    const struct hw_ops *hw;
    const struct fwd_ops *fwd;
    const struct box_facts *facts;
    unsigned mutation; /* planted bug chosen at run time; 0: none */
};

const char *cost_name(enum cost cost);
const char *cost_unit(enum cost cost);
uint32_t cost_default_ns(enum cost cost);
const char *lane_name(enum lane lane);

#endif
