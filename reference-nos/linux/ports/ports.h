/* SPDX-License-Identifier: Apache-2.0
 *
 * Fabric ports as network interfaces, and forwarding tables in memory.
 *
 * Interface PREFIX0 is fabric port 0 and so on ("fab0", "fab1", ...).  A
 * packet of the NOS is one Ethernet frame of EtherType PORTS_ETHERTYPE; the
 * state of a link is the carrier of its interface, learned from rtnetlink as
 * it changes (RFC 2863, operational status).  The tables live as long as the
 * process of the box and are dumped by restarted services.
 */
#ifndef NOS_LINUX_PORTS_PORTS_H
#define NOS_LINUX_PORTS_PORTS_H

#include <uv.h>

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"

#define PORTS_ETHERTYPE 0x88b5 /* IEEE 802, local experimental 1 */

struct ports;

struct ports_options {
    uv_loop_t *loop;
    const char *prefix; /* of the fabric interfaces; NULL: none */
    unsigned count;     /* of fabric ports */
    void (*packet)(void *arg, unsigned port, const void *bytes, size_t size);
    void (*changed)(void *arg, const struct fwd_change *change);
    /* Told after each table write, before its FWD_DONE. */
    void (*written)(void *arg, const struct fwd_entry *entries, size_t count);
    void *arg;
};

MUST_USE int ports_open(const struct ports_options *options,
                        struct ports **out, char *message,
                        size_t message_size);
void ports_close(struct ports *ports);

void ports_packet_send(struct ports *ports, unsigned port, const void *bytes,
                       size_t size);
MUST_USE int ports_bulk_set(struct ports *ports,
                            const struct fwd_entry *entries, size_t count,
                            uint64_t token);
MUST_USE int ports_dump(struct ports *ports, struct fwd_entry *entries,
                        size_t room, size_t *count);
MUST_USE int ports_link_up(struct ports *ports, unsigned port, bool *up);

#endif
