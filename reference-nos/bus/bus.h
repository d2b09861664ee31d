/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages between boxes, over datagrams that may be lost, doubled, reordered
 * or forged.  A pure object: inputs are calls with the time, outputs go
 * through 'struct bus_ops'.
 *
 * Liveness   lane 0: one datagram, sent on both planes at once, never
 *            repeated or acknowledged; copies are removed at the receiver.
 *            Needs no session and may go to every box (PLAT_ADDRESS_ALL).
 * Reliable   lanes 1 to 3: per peer and lane in order, exactly once within a
 *            session, cut into frames, acknowledged (cumulative and
 *            selective, as RFC 2018), repeated (RFC 6298, with the bounds
 *            below) on the other plane, slowed down by loss (RFC 5681).
 * Credit     a receiver grants each lane of each peer a number of frames; a
 *            message that deliver() refuses stops that lane until it is taken.
 *            A sender queues up to BUS_QUEUE_* and then says ERR_FULL.
 * Priority   whenever the bus may send, the most urgent lane of any peer goes
 *            first; transmit() names the lane so that the door can keep the
 *            order behind it.  One call sends at most BUS_BURST_FRAMES of the
 *            reliable lanes; the rest is due at the next tick.
 * Session    begins with the first reliable frame in either direction, no
 *            extra round trip; ends when the peer does not answer for
 *            BUS_UNREACHABLE_NS, comes back in a new life (incarnation), or
 *            says that it has no such session.  Whatever is queued is dropped
 *            with it, and session(down) says so.  Idle sessions send nothing.
 * Trust      bytes of peers are counted when wrong, never believed.
 * Memory     all from the struct mem; bus_destroy() frees it, or drop the
 *            context as a whole.
 * Callbacks  must not call the bus.
 */
#ifndef NOS_BUS_BUS_H
#define NOS_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/mem.h"
#include "reference-nos/base/units.h"
#include "reference-nos/bus/planes.h"
#include "reference-nos/platform/plat.h"

/* Largest body, bytes. */
#define BUS_LIVENESS_MAX ((size_t)1300)
#define BUS_CONTROL_MAX (64 * KIB)
#define BUS_BULK_MAX (1 * MIB)
#define BUS_TELEMETRY_MAX (1 * MIB)

/* What may wait for one peer, per lane.  An empty queue takes any message. */
#define BUS_QUEUE_CONTROL_BYTES (512 * KIB)
#define BUS_QUEUE_BULK_BYTES (4 * MIB)
#define BUS_QUEUE_TELEMETRY_BYTES (1 * MIB)
#define BUS_QUEUE_MESSAGES 1024u

/* Bytes of messages under assembly, over all peers. */
#define BUS_ASSEMBLY_BYTES (16 * MIB)

#define BUS_PEERS_MAX 512u
#define BUS_BURST_FRAMES 32u

#define BUS_RTO_FIRST_NS (20 * NS_PER_MS)
#define BUS_RTO_MIN_NS (5 * NS_PER_MS)
#define BUS_RTO_MAX_NS (200 * NS_PER_MS)
#define BUS_ACK_DELAY_NS (1 * NS_PER_MS)
#define BUS_DELIVER_RETRY_NS (1 * NS_PER_MS)
#define BUS_UNREACHABLE_NS (2 * NS_PER_S)
/* A message begun and not continued for so long ends the session. */
#define BUS_STALL_NS (10 * NS_PER_S)
/* For so long frames of a former life or session are known as such. */
#define BUS_STALE_NS (30 * NS_PER_S)

/* Lives are compared modulo 2^40, as RFC 1982. */
#define BUS_INCARNATION_MASK ((UINT64_C(1) << 40) - 1)
#define BUS_EPOCH_MAX ((UINT64_C(1) << 40) - 1)

struct bus_message {
    uint64_t peer; /* the other box: receiver when sent, sender when
                      delivered */
    enum lane lane;
    uint8_t from_service;
    uint8_t to_service;
    uint16_t type;
    uint64_t epoch;       /* the sender's term, at most BUS_EPOCH_MAX */
    uint32_t trace_id;    /* follows a request through the boxes; 0: none */
    uint64_t hlc;         /* delivered: the sender's hybrid clock */
    uint64_t incarnation; /* delivered: the sender's life */
    const uint8_t *body;
    size_t size;
};

struct bus_ops {
    /* 'to' may be PLAT_ADDRESS_ALL on the liveness lane. */
    void (*transmit)(void *arg, enum plane plane, uint64_t to, enum lane lane,
                     const void *bytes, size_t size);
    /* Takes a message; it is lent for the call.  ERR_FULL and ERR_NOMEM: the
     * bus keeps a reliable message and asks again; other errors drop it. */
    int (*deliver)(void *arg, const struct bus_message *message);
    /* A session came or went; down also when a peer that never answered is
     * given up ('incarnation' 0 when it was never heard). */
    void (*session)(void *arg, uint64_t peer, uint64_t incarnation, bool up);
    /* For the hybrid clock. */
    uint64_t (*wall_ns)(void *arg);
};

/* Per lane, since the bus was created. */
struct bus_lane_counters {
    uint64_t sent_messages;
    uint64_t sent_bytes; /* of bodies */
    uint64_t sent_frames;
    uint64_t retransmits;
    uint64_t acks_sent;
    uint64_t refused; /* bus_send() said ERR_FULL */
    uint64_t dropped; /* queued messages lost with their session */
    uint64_t received_messages;
    uint64_t received_bytes;
    uint64_t received_frames;
    uint64_t duplicates;
    uint64_t out_of_window; /* frames too old, or beyond the credit */
    uint64_t undelivered;   /* deliver() refused for good */
    uint64_t no_memory;     /* frames dropped for want of memory */
    size_t queued_peak_bytes;
};

struct bus_counters {
    struct bus_lane_counters lane[LANE_COUNT];
    uint64_t malformed; /* no frame, or a frame against the rules */
    uint64_t corrupt;   /* checksum wrong */
    uint64_t version;   /* of a version not spoken here */
    uint64_t misdirected;
    uint64_t stale; /* of a former life or session */
    uint64_t clock_ahead;
    uint64_t resets_sent;
    uint64_t resets_received;
    uint64_t sessions_up;
    uint64_t sessions_down;
    uint64_t unreachable;
    uint64_t peers_evicted;
    uint64_t peers_refused;
    size_t assembly_peak_bytes; /* at most BUS_ASSEMBLY_BYTES */
};

struct bus;

/* 'address' is this box; 'incarnation' grows with every life of the bus and is
 * taken modulo 2^40.  'ops' outlives the bus. */
MUST_USE int bus_create(struct mem *mem, const struct bus_ops *ops, void *arg,
                        uint64_t address, uint64_t incarnation,
                        struct bus **out);
void bus_destroy(struct bus *bus);

/* Takes a copy.  ERR_FULL: no room in the queue to this peer, try again when
 * it had time to drain; ERR_NOMEM; ERR_RANGE: body or epoch too large;
 * ERR_INVALID: no such peer or lane. */
MUST_USE int bus_send(struct bus *bus, uint64_t now_ns,
                      const struct bus_message *message);

/* A datagram came in; 'from' as the door knows it. */
void bus_datagram(struct bus *bus, uint64_t now_ns, enum plane plane,
                  uint64_t from, const void *bytes, size_t size);

/* Does what is due. */
void bus_tick(struct bus *bus, uint64_t now_ns);

/* When bus_tick() has something to do: TIME_NEVER_NS when idle, 0 for at
 * once (a burst was cut). */
uint64_t bus_deadline_ns(const struct bus *bus);

/* A receiver that refused messages has room again: offers them now instead of
 * at the next retry. */
void bus_credit(struct bus *bus, uint64_t now_ns);

/* Ends the session with 'peer' and drops what is queued: forget without
 * notice, abort with session(down). */
void bus_forget(struct bus *bus, uint64_t peer);
void bus_abort(struct bus *bus, uint64_t peer);

/* What is heard on 'plane' (planes.h); changes in bus_datagram() alone. */
enum plane_state bus_plane(const struct bus *bus, enum plane plane);

const struct bus_counters *bus_counters(const struct bus *bus);
size_t bus_peer_count(const struct bus *bus);
/* Bytes of bodies queued or in flight to 'peer' on 'lane'. */
size_t bus_queued_bytes(const struct bus *bus, uint64_t peer, enum lane lane);

/* Largest body of 'lane', and the bytes its queue to one peer may hold. */
size_t bus_body_max_bytes(enum lane lane);
size_t bus_queue_max_bytes(enum lane lane);

#endif
