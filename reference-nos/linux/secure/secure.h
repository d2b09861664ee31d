/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams between the boxes of a cluster, authenticated and encrypted.
 *
 * Each management plane is one network interface with its IPv6 link-local
 * address and one UDP port; nothing listens anywhere else.  A box tells its
 * presence by a small multicast beacon (key, incarnation: a hint, believed by
 * nobody); the box with the lower key then opens DTLS 1.2 (RFC 6347) to the
 * other one, certificates on both sides.  What comes out of an association is
 * from the key of the peer's certificate, whatever the bytes say.
 *
 * Bounds   associations, half-open handshakes (cookies before any state,
 *          RFC 6347 section 4.2.1), handshakes per second and log lines per
 *          second are limited; bytes from strangers cost no memory.
 * All      PLAT_ADDRESS_ALL goes to every association of the plane.
 * Lanes    the lane travels inside the encrypted record and sets the DSCP
 *          outside.
 * Restart  a peer that comes back opens a new association, which takes the
 *          place of the old one once it is verified.
 */
#ifndef NOS_LINUX_SECURE_SECURE_H
#define NOS_LINUX_SECURE_SECURE_H

#include <uv.h>

#include "reference-nos/linux/secure/identity.h"
#include "reference-nos/platform/plat.h"

#define SECURE_PORT_DEFAULT 6999
#define SECURE_PEERS_MAX 512u    /* per plane */
#define SECURE_HALF_OPEN_MAX 64u /* per plane */

struct secure;

struct secure_options {
    uv_loop_t *loop;
    const struct identity *identity; /* outlives it */
    uint64_t incarnation;
    /* Network interfaces of the planes; one may be NULL. */
    const char *interfaces[PLANE_COUNT];
    uint16_t port; /* 0: SECURE_PORT_DEFAULT */
    void (*datagram)(void *arg, enum plane plane, uint64_t from,
                     enum lane lane, const void *bytes, size_t size);
    /* Refused peers and the like. */
    void (*log)(void *arg, enum severity severity, const char *text);
    /* The box that calls itself 'key' is not let near; told as often as it is
     * logged.  May be NULL. */
    void (*refused)(void *arg, enum plane plane, uint64_t key,
                    enum identity_refusal why);
    void *arg;
};

MUST_USE int secure_open(const struct secure_options *options,
                         struct secure **out, char *message,
                         size_t message_size);
/* Says goodbye to all.  The loop must run once more before it is closed; not
 * to be called from datagram(). */
void secure_close(struct secure *secure);

/* Dropped in silence when there is no association: datagrams may be lost. */
void secure_send(struct secure *secure, enum plane plane, uint64_t to,
                 enum lane lane, const void *bytes, size_t size);

struct secure_counters {
    uint64_t sent, received;
    uint64_t handshakes;
    uint64_t refused_certificate; /* stranger, expired, revoked */
    uint64_t refused_bound;       /* half-open or peers at their bound */
    uint64_t malformed;
    uint64_t unsent; /* no association, or the socket was full */
};
void secure_counters(const struct secure *secure, struct secure_counters *out);
unsigned secure_peer_count(const struct secure *secure, enum plane plane);

#endif
