/* SPDX-License-Identifier: Apache-2.0
 *
 * Fabric ports as network interfaces, and forwarding tables in memory.
 *
 * Interface PREFIX0 is fabric port 0 and so on ("fab0", "fab1", ...).  A
 * packet of the NOS is one Ethernet frame of EtherType PORTS_ETHERTYPE, sent
 * to all: a cable has one far end.  Two bytes of size, then the packet: what
 * an Ethernet adds to a short frame is cut off again.
 *
 * Links     the state of a link is that of its interface, learned from
 *           rtnetlink as it changes (RFC 2863, operational status "up"; a
 *           driver that does not know its carrier is never up).  An
 *           interface that is missing is a link that is down; it may appear,
 *           vanish, be renamed and appear again at any time.
 * Tables    live as long as the process of the box and are dumped by
 *           restarted services.  A write completes from the loop, in order.
 * Rights    sockets are made by ports_open() (CAP_NET_RAW); none is needed
 *           later.
 * Life      ports_close() returns at once, nothing is called back after it;
 *           the loop must run on for the memory to be given back.  Callbacks
 *           may call anything here, ports_close() too.
 * Bounds    PORTS_WRITES_MAX writes wait, then ERR_BUSY; a frame that a
 *           socket has no room for is dropped.
 */
#ifndef NOS_LINUX_PORTS_PORTS_H
#define NOS_LINUX_PORTS_PORTS_H

#include <uv.h>

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"

#define PORTS_ETHERTYPE 0x88b5 /* IEEE 802, local experimental 1 */
#define PORTS_FRONT_MAX 256u
#define PORTS_WRITES_MAX 64u
/* Groups and routes that fit the tables: of the order of a Jericho2's. */
#define PORTS_GROUPS_MAX 32768u
#define PORTS_ROUTES_MAX 2000000u
/* Entries of one write: a whole table. */
#define PORTS_WRITE_ENTRIES_MAX (1u + FWD_MODULES_MAX + PORTS_FRONT_MAX)

struct ports;

struct ports_options {
    uv_loop_t *loop;
    const char *prefix; /* of the fabric interfaces; NULL: none */
    unsigned count;     /* of fabric ports */
    unsigned front;     /* front ports; 0: PORTS_FRONT_MAX */
    void (*packet)(void *arg, unsigned port, const void *bytes, size_t size);
    void (*changed)(void *arg, const struct fwd_change *change);
    /* Told after each table write, before its FWD_DONE. */
    void (*written)(void *arg, const struct fwd_entry *entries, size_t count);
    void *arg;
};

struct ports_counts {
    uint64_t sent;
    uint64_t send_dropped; /* no light, or no room */
    uint64_t received;
    uint64_t receive_dropped; /* malformed, or no light */
    uint64_t resyncs;         /* link news lost, everything asked anew */
};

/* ERR_RANGE for more ports than there can be or an impossible prefix,
 * ERR_PERMISSION without CAP_NET_RAW, ERR_IO; 'message' says why. */
MUST_USE int ports_open(const struct ports_options *options,
                        struct ports **out, char *message,
                        size_t message_size);
void ports_close(struct ports *ports);

/* At most PLAT_PACKET_MAX bytes; dropped on a port without light. */
void ports_packet_send(struct ports *ports, unsigned port, const void *bytes,
                       size_t size);

/* As in struct fwd_ops. */
MUST_USE int ports_bulk_set(struct ports *ports,
                            const struct fwd_entry *entries, size_t count,
                            uint64_t token);
MUST_USE int ports_dump(struct ports *ports, struct fwd_entry *entries,
                        size_t room, size_t *count);
MUST_USE int ports_link_up(struct ports *ports, unsigned port, bool *up);
MUST_USE int ports_groups_set(struct ports *ports,
                              const struct fwd_group *groups, size_t count,
                              uint64_t token);
MUST_USE int ports_routes_set(struct ports *ports,
                              const struct fwd_route *routes, size_t count,
                              uint64_t token);
size_t ports_groups_dump(const struct ports *ports, uint32_t after,
                         struct fwd_group *groups, size_t room);
size_t ports_routes_dump(const struct ports *ports,
                         const struct fwd_prefix *after,
                         struct fwd_route *routes, size_t room);

void ports_counts_get(const struct ports *ports, struct ports_counts *counts);

#endif
