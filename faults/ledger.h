/* SPDX-License-Identifier: Apache-2.0
 *
 * The outage ledger: every front port, every interval it was out of service,
 * and why.
 *
 * Ports     that fail together make one entry: a box, how many of its ports,
 *           and an interval.  Who tells of ports gives their number alone:
 *           those in service are taken to be the lowest ones.
 * Start     ledger_open() starts the account: ports out of service then are
 *           not outages until they have been in service once.
 * Cause     the latest fault or action that touched the box, else the latest
 *           that touched anything; planned when that was an operator's action
 *           on the box itself.
 */
#ifndef FAULTS_LEDGER_H
#define FAULTS_LEDGER_H

#include "sim/world/world.h"

#define LEDGER_CAUSE_MAX 64

struct ledger; /* Opaque. */

enum ledger_kind { LEDGER_ALL, LEDGER_PLANNED, LEDGER_UNPLANNED };

struct ledger_entry {
    unsigned box;
    unsigned first; /* port */
    unsigned ports;
    struct simtime from;
    struct simtime to; /* end of the account while 'open' */
    bool open;         /* still out of service */
    bool planned;
    char cause[LEDGER_CAUSE_MAX];
};

struct ledger *ledger_create(const struct cluster_plan *plan);
void ledger_destroy(struct ledger *ledger);

void ledger_observe(struct ledger *ledger, const struct observation *seen);
/* The account starts at 'at'. */
void ledger_open(struct ledger *ledger, struct simtime at);
/* Something was done to 'boxes'; 'text' is copied. */
void ledger_cause(struct ledger *ledger, const struct box_set *boxes,
                  bool planned, const char *text);
/* The account ends at 'at': open entries end there. */
void ledger_close(struct ledger *ledger, struct simtime at);

size_t ledger_count(const struct ledger *ledger);
const struct ledger_entry *ledger_get(const struct ledger *ledger,
                                      size_t index);

/* Entries still open count up to 'now'.  'except' (or NULL) leaves boxes
 * out. */
struct simtime ledger_longest(const struct ledger *ledger,
                              enum ledger_kind kind, struct simtime now,
                              const struct box_set *except);
/* Port-seconds lost, in ps times ports; saturates. */
uint64_t ledger_total_port_ps(const struct ledger *ledger,
                              enum ledger_kind kind, struct simtime now,
                              const struct box_set *except);
unsigned ledger_ports_in_service(const struct ledger *ledger);
unsigned ledger_ports(const struct ledger *ledger);
/* Ports in service of boxes with fewer fabric links than nominal to some
 * destination. */
unsigned ledger_ports_degraded(const struct ledger *ledger);
/* 1 - lost port-time / port-time, in 1e-12 (parts per trillion). */
uint64_t ledger_availability_ppt(const struct ledger *ledger,
                                 enum ledger_kind kind, struct simtime now);

#endif
