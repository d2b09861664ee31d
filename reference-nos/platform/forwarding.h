/* SPDX-License-Identifier: Apache-2.0
 *
 * The door to the forwarding tables of the ASIC.
 *
 * Tables    live in the ASIC: they outlast the service that wrote them.  A
 *           restarted service dumps what is there and reconciles.
 * Writes    are bulk and asynchronous: bulk_set() takes a copy and answers
 *           with a struct fwd_change of kind FWD_DONE that carries 'token'.
 * Links     a change of a fabric or front port arrives as FWD_LINK.
 * Object    families after SAI (saifabric, saiport, saiswitch, sairoute,
 *           sainexthopgroup).
 */
#ifndef NOS_PLATFORM_FORWARDING_H
#define NOS_PLATFORM_FORWARDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plat;

#define FWD_FABRIC_PORTS_MAX 64
#define FWD_MODULES_MAX 256 /* system-wide module ids are below this */

enum fwd_object {
    FWD_BOX,   /* id 0; value: 1 forwards, 0 does not; arg: module id */
    FWD_REACH, /* id: destination module; value: bitmap of fabric ports */
    FWD_FRONT  /* id: front port; value: 1 admin up */
};

struct fwd_entry {
    enum fwd_object object;
    uint16_t id;
    uint16_t arg;
    uint64_t value;
};

/* An address with its leading bits; bits behind 'length' are zero. */
struct fwd_prefix {
    uint8_t family; /* 4 or 6 */
    uint8_t length; /* 0 .. 32 or 128 */
    uint8_t bytes[16];
};

/* A system port: where a packet leaves the cluster. */
struct fwd_hop {
    uint16_t module;
    uint16_t port;
};

#define FWD_HOPS_MAX 16

/* Next hops of equal cost: a packet takes hop (hash of its flow) mod count of
 * those that are alive: the card's local repair. */
struct fwd_group {
    uint32_t id;   /* not 0 */
    uint8_t count; /* 0 removes the group */
    struct fwd_hop hops[FWD_HOPS_MAX];
};

#define FWD_GROUP_NONE 0u    /* no such route: removes it */
#define FWD_GROUP_DISCARD 1u /* packets are dropped on purpose */

/* The longest prefix that matches decides (RFC 1812, section 5.2.4.3). */
struct fwd_route {
    struct fwd_prefix prefix;
    uint32_t group;
};

enum fwd_change_kind { FWD_DONE, FWD_LINK };

struct fwd_change {
    enum fwd_change_kind kind;
    uint64_t token; /* FWD_DONE */
    int status;     /* FWD_DONE: 0 or enum err */
    uint16_t port;  /* FWD_LINK: fabric port */
    bool up;
};

struct fwd_ops {
    int (*bulk_set)(struct plat *plat, const struct fwd_entry *entries,
                    size_t count, uint64_t token);
    /* Copies up to 'room' present entries that are not zero; the number
     * copied is stored in 'count'. */
    int (*dump)(struct plat *plat, struct fwd_entry *entries, size_t room,
                size_t *count);
    /* Is the light on?  ERR_NOENT for no such fabric port. */
    int (*link_up)(struct plat *plat, unsigned fabric_port, bool *up);
};

#endif
