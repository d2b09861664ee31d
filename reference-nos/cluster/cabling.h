/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of fabric cables, and what boxes really see: pure functions.
 */
#ifndef NOS_CLUSTER_CABLING_H
#define NOS_CLUSTER_CABLING_H

#include "reference-nos/base/compiler.h"
#include "reference-nos/schema/tables.h"

/* The planned far end of a port. */
struct cabling_far {
    uint16_t number; /* of the other role; MODULE_NONE: no cable planned */
    uint16_t port;
};

struct cabling_plan {
    struct cabling_far ncp[MODULE_POOL_NCP][FWD_FABRIC_PORTS_MAX];
    struct cabling_far ncf[MODULE_POOL_NCF][FWD_FABRIC_PORTS_MAX];
};

/* The far end that a port sees, as module id. */
struct cabling_seen {
    bool seen;
    uint16_t port;   /* own */
    uint16_t module; /* far end; MODULE_NONE: a box without a number */
    uint16_t far_port;
};

void cabling_plan_init(struct cabling_plan *plan);
/* Replaces what was planned for either end. */
void cabling_plan_set(struct cabling_plan *plan, const struct cable_key *key,
                      const struct cable_row *row);
void cabling_plan_unset(struct cabling_plan *plan,
                        const struct cable_key *key);
/* The planned far end, or NULL: roles without fabric cables, ports without
 * a plan. */
const struct cabling_far *cabling_plan_at(const struct cabling_plan *plan,
                                          enum role role, uint16_t number,
                                          uint16_t port);
/* The role at the other end of a fabric cable of 'role'. */
enum role cabling_far_role(enum role role);

/* The number whose place a box of 'role' sits in, judged by the cables it
 * sees to numbered boxes: most of them, and at least two (or all, if fewer),
 * must agree.  MODULE_NONE when they do not. */
uint16_t cabling_position(const struct cabling_plan *plan, enum role role,
                          const struct cabling_seen *cables, unsigned count);

/* Judges one port.  False when there is nothing to judge: no cable is
 * planned and none is seen. */
bool cabling_judge(const struct cabling_plan *plan, enum role role,
                   uint16_t number, const struct cabling_seen *seen,
                   enum cable_verdict *verdict);

#endif
