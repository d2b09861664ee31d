/* SPDX-License-Identifier: Apache-2.0
 *
 * The door to the forwarding tables of the ASIC.
 *
 * Tables    live in the ASIC: they outlast the service that wrote them.  A
 *           restarted service dumps what is there and reconciles.
 * Writes    are bulk and asynchronous: bulk_set() takes a copy and answers
 *           with a struct fwd_change of kind FWD_DONE that carries 'token'.
 * Routes    groups_set() and routes_set() answer with FWD_ROUTES_DONE, to the
 *           services that TAKES_ROUTES.  Writes take effect in the order in
 *           which they were asked for, entry by entry; a route replaces the
 *           one of the same prefix in one step, and so does a group.  An
 *           entry that fails leaves what was there, and the rest of its
 *           batch is done; the first error is the status: ERR_NOENT for a
 *           route whose group is not there, ERR_BUSY for removing a group
 *           that routes use, ERR_FULL for a table without room.
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
 * those that are alive.  The ASIC itself judges: a hop is alive when its
 * module is this box and the front port is up (FWD_FRONT), or when a fabric
 * port leads to its module (FWD_REACH).  That is the card's local repair: one
 * table write for a lost module heals all groups, whatever their number. */
struct fwd_group {
    uint32_t id;   /* from FWD_GROUP_FIRST on */
    uint8_t count; /* 0 removes the group */
    struct fwd_hop hops[FWD_HOPS_MAX];
};

#define FWD_GROUP_NONE 0u    /* no such route: removes it */
#define FWD_GROUP_DISCARD 1u /* packets are dropped on purpose */
#define FWD_GROUP_FIRST 2u   /* ids of groups begin here */

#define FWD_WRITE_MAX 256u /* groups or routes in one write */

/* The longest prefix that matches decides (RFC 1812, section 5.2.4.3). */
struct fwd_route {
    struct fwd_prefix prefix;
    uint32_t group;
};

enum fwd_change_kind {
    FWD_DONE,
    FWD_LINK,
    FWD_ROUTES_DONE, /* as FWD_DONE, of groups_set() and routes_set() */
    FWD_CHANGE_KIND_COUNT
};

struct fwd_change {
    enum fwd_change_kind kind;
    uint64_t token; /* DONE */
    int status;     /* DONE: 0 or enum err */
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

    /* At most FWD_WRITE_MAX each.  ERR_RANGE: malformed, nothing is done. */
    int (*groups_set)(struct plat *plat, const struct fwd_group *groups,
                      size_t count, uint64_t token);
    int (*routes_set)(struct plat *plat, const struct fwd_route *routes,
                      size_t count, uint64_t token);
    /* Copy up to 'room' (at most FWD_WRITE_MAX) of what is there: groups by
     * id, those above 'after'; routes in the order of
     * prefix_compare(), those behind 'after' (NULL: all). */
    int (*groups_dump)(struct plat *plat, uint32_t after,
                       struct fwd_group *groups, size_t room, size_t *count);
    int (*routes_dump)(struct plat *plat, const struct fwd_prefix *after,
                       struct fwd_route *routes, size_t room, size_t *count);
};

#endif
