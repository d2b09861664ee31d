/* SPDX-License-Identifier: Apache-2.0
 *
 * World "netns": one refnosd per box, each in a network namespace of its own,
 * with veth links and a bridge per management plane, in real time.
 *
 * Layout   a namespace for the "rack" holds both bridges; each box's namespace
 *          has mgmt0, mgmt1 (planes A and B) and fab0 ... (fabric ports,
 *          veth to veth as the plan cables them).  All names carry a prefix
 *          of this run, so runs may go side by side.
 * Time     now() is CLOCK_MONOTONIC since netns_create().  What daemons tell
 *          (reference-nos/linux/watch) carries the same clock.
 * Keys     boxes get fresh identities under a fresh authority; the plan's
 *          keys are set to theirs.
 * Faults   power: SIGKILL and a start; what this kernel cannot do is
 *          ERR_UNSUPPORTED, and netns_capabilities() says why.  An impairment
 *          is measured before a run trusts it.
 * Traces   of nothing are left: namespaces, processes and the run directory
 *          go at destroy(), after Ctrl-C, and after a crash of the harness (a
 *          guardian process sees its end and cleans up).
 */
#ifndef SIM_WORLD_NETNS_NETNS_H
#define SIM_WORLD_NETNS_NETNS_H

#include "sim/world/world.h"

/* A box that restarts is started again after this long, as a service manager
 * would; one that is powered on, at once. */
#define NETNS_RESTART_PAUSE_NS 1000000000u

struct netns_options {
    struct cluster_plan *plan; /* outlives the world; its keys are set */
    uint64_t seed;             /* of random draws of impairments */
    const char *refnosd;       /* path of the daemon */
    const char *keep_dir; /* logs, watch lines and recordings go here and stay;
                             NULL: nowhere */
    bool record;          /* each box records (needs keep_dir) */
    bool per_service;     /* each service a process of its own */
    bool small_disks;     /* states on small file systems in memory, which
                             WORLD_DISK_FULL can fill; fsync costs nothing */
    bool meter;           /* daemons keep what handlers charge and take */
    bool shift_clocks;    /* each box has a monotonic clock of its own */
    uint32_t tombstone_s;
    uint16_t pool_size[ROLE_COUNT];
    bool unplanned;
    world_listener *listener;
    void *listener_context;
};

/* ERR_PERMISSION: missing privilege, and ERR_UNSUPPORTED: missing kernel or
 * programs; 'message' says what. */
MUST_USE int netns_create(const struct netns_options *options,
                          struct world **out, char *message,
                          size_t message_size);

/* Asks a daemon about itself (reference-nos/linux/query.c) and waits for its
 * answer, malloc'd text.  ERR_UNREACHABLE when it does not run. */
MUST_USE int netns_ask(struct world *world, unsigned box, const char *words,
                       char **answer);
/* 0: no daemon. */
int netns_pid(struct world *world, unsigned box);

struct netns_capability {
    const char *name; /* "namespaces", "loss", "delay", ... */
    bool there;
    const char *how; /* "nftables", "relay", ... or the reason why not */
};
#define NETNS_CAPABILITIES_MAX 24u

/* What this machine can do; tries it out in a namespace of its own and
 * leaves nothing. */
size_t netns_capabilities(struct netns_capability *list, size_t room);

#endif
