/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the routing table: CONF and its bookkeeping (routes.c), lookups
 * (resolve.c), what follows for the cards (install.c).
 */
#ifndef NOS_RIB_ROUTES_PRIV_H
#define NOS_RIB_ROUTES_PRIV_H

#include "reference-nos/base/list.h"
#include "reference-nos/base/tree.h"
#include "reference-nos/base/units.h"
#include "reference-nos/rib/routes.h"

/* A front port with addresses. */
struct interface {
    struct tree_node node;
    struct interface_key key;
    uint32_t generation;
    struct interface_row row;
};

/* A subnet on a front port. */
struct connected {
    struct tree_node node; /* by prefix, then hop */
    struct fwd_prefix prefix;
    struct fwd_hop hop;
    unsigned addresses; /* of that port in it */
};

/* The address of a next hop, and where it leads. */
struct next_hop {
    struct tree_node node;
    struct fwd_prefix address;
    struct list users; /* struct use */
    size_t user_count;
    unsigned count;
    struct fwd_hop hops[FWD_HOPS_MAX]; /* growing */
};

struct use {
    struct list_node node; /* of next_hop.users, or of rib.moved */
    struct prefix *route;
    struct next_hop *hop;
};

struct fixed {
    uint32_t generation;
    bool discard;
    unsigned count;
    struct use uses[];
};

struct group {
    struct tree_node node; /* by name */
    uint64_t name;
    size_t routes;         /* that use it */
    struct list_node idle; /* nobody does: to be withdrawn */
    struct fwd_group group;
};

/* A prefix that CONF speaks of, or that is still installed. */
struct prefix {
    struct tree_node node;
    struct fwd_prefix prefix;
    size_t connected;      /* hops in rib.connected */
    struct fixed *fixed;   /* NULL: no static route */
    struct list_node todo; /* rib.changed or rib.leaving */
    bool installed;
    enum rib_source source;
    struct group *group; /* NULL: discard */
};

/* What a walk over a tree in pieces has reached. */
struct cursor {
    bool active;
    bool started;
};

struct rib {
    struct mem *mem;
    struct tree interfaces;
    struct tree connected;
    struct tree prefixes;
    struct tree next_hops;
    struct tree groups;
    struct rows rows;
    size_t lengths[2][129]; /* prefixes in use, by family and length */
    uint32_t generation;    /* of the snapshot of CONF */

    /* What there is to do, in this order. */
    struct cursor sweep_interfaces; /* after a snapshot of CONF */
    struct interface_key sweep_interface;
    struct cursor sweep_statics;
    struct fwd_prefix sweep_static;
    struct cursor scan; /* next hops to look up again */
    struct fwd_prefix scan_at;
    struct list moved;   /* uses of next hops that lead elsewhere now */
    struct list changed; /* prefixes to be judged again */
    struct list leaving; /* prefixes without a route, still installed */
    struct list idle;    /* groups */
    uint64_t leave_ns;   /* when the leaving may go */

    struct fib_sum sum;
};

/* routes.c */
struct prefix *rib_prefix_find(const struct rib *rib,
                               const struct fwd_prefix *prefix);
/* Frees it if nothing speaks of it any more. */
void rib_prefix_drop(struct rib *rib, struct prefix *prefix);

/* resolve.c */
/* Next hops may lead elsewhere, as 'prefix' has changed. */
void rib_scan_begin(struct rib *rib, const struct fwd_prefix *prefix);
/* Looks one next hop up again; its users follow if it leads elsewhere. */
void rib_scan_step(struct rib *rib, unsigned *units);
/* Finds or makes it.  ERR_NOMEM. */
MUST_USE int rib_next_hop_get(struct rib *rib,
                              const struct fwd_prefix *address,
                              struct next_hop **out);
void rib_next_hop_release(struct rib *rib, struct next_hop *hop);
/* Adds 'hop' to a growing list of at most FWD_HOPS_MAX. */
void rib_hop_add(struct fwd_hop *hops, unsigned *count, struct fwd_hop hop);
/* The hops of the interfaces on 'prefix', added to the list. */
void rib_connected_hops(const struct rib *rib, const struct fwd_prefix *prefix,
                        struct fwd_hop *hops, unsigned *count);

/* install.c */
void rib_groups_init(struct rib *rib);
/* Judges 'prefix' and installs what is best. */
MUST_USE int rib_judge(struct rib *rib, struct prefix *prefix,
                       uint64_t now_ns);
MUST_USE int rib_withdraw(struct rib *rib, struct prefix *prefix);
MUST_USE int rib_group_withdraw(struct rib *rib, struct group *group);

#endif
