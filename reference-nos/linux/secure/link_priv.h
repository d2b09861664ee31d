/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets of one management plane: one interface, its IPv6 link-local
 * address, one group.  A datagram counts only when it came from the link
 * itself: link-local source and hop limit 255 (RFC 5082).
 */
#ifndef NOS_LINUX_SECURE_LINK_PRIV_H
#define NOS_LINUX_SECURE_LINK_PRIV_H

#include <netinet/in.h>

#include "reference-nos/linux/secure/dtls_priv.h"

/* Transient, link-local scope (RFC 4291 section 2.7). */
#define LINK_GROUP "ff12::5349:584e"
#define LINK_BATCH 32u
#define LINK_DATAGRAM_MAX 2048u /* longer ones are cut, and refused */

struct link {
    unsigned index; /* of the interface */
    struct peer_address own;
    int unicast; /* bound to our address; sends */
    int group;   /* bound to the group */
};

/* What a batch of datagrams is received into. */
struct link_batch {
    uint8_t bytes[LINK_BATCH][LINK_DATAGRAM_MAX];
    struct peer_address from[LINK_BATCH];
    size_t size[LINK_BATCH]; /* 0: refused */
};

/* ERR_NOENT: no such interface.  ERR_BUSY: not ready (down, or its address is
 * not there or still tentative, RFC 4862). */
MUST_USE int link_open(const char *interface, uint16_t port, struct link *out,
                       struct message message);
/* True when the interface is another one than when it was opened, or has
 * another address. */
bool link_stale(const struct link *link, const char *interface);
/* How many datagrams came, up to LINK_BATCH. */
unsigned link_receive(int socket, struct link_batch *batch);
/* 'to' NULL: the group.  false: lost. */
bool link_send(const struct link *link, uint16_t port,
               const struct peer_address *to, enum lane lane,
               const void *bytes, size_t size);

#endif
