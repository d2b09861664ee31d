/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/cluster/cabling.h"

#include "reference-nos/base/check.h"

#include <string.h>

static const struct cabling_far nothing = {MODULE_NONE, 0};

void
cabling_plan_init(struct cabling_plan *plan)
{
    for (unsigned i = 0; i < MODULE_POOL_NCP; i++)
        for (unsigned port = 0; port < FWD_FABRIC_PORTS_MAX; port++)
            plan->ncp[i][port] = nothing;
    for (unsigned i = 0; i < MODULE_POOL_NCF; i++)
        for (unsigned port = 0; port < FWD_FABRIC_PORTS_MAX; port++)
            plan->ncf[i][port] = nothing;
}

void
cabling_plan_unset(struct cabling_plan *plan, const struct cable_key *key)
{
    struct cabling_far *near = &plan->ncp[key->ncp_number][key->ncp_port];

    if (near->number != MODULE_NONE)
        plan->ncf[near->number][near->port] = nothing;
    *near = nothing;
}

void
cabling_plan_set(struct cabling_plan *plan, const struct cable_key *key,
                 const struct cable_row *row)
{
    struct cabling_far *far;

    CHECK(key->ncp_number < MODULE_POOL_NCP &&
          key->ncp_port < FWD_FABRIC_PORTS_MAX);
    CHECK(row->ncf_number < MODULE_POOL_NCF &&
          row->ncf_port < FWD_FABRIC_PORTS_MAX);
    cabling_plan_unset(plan, key);
    far = &plan->ncf[row->ncf_number][row->ncf_port];
    if (far->number != MODULE_NONE)
        plan->ncp[far->number][far->port] = nothing;
    *far = (struct cabling_far){key->ncp_number, key->ncp_port};
    plan->ncp[key->ncp_number][key->ncp_port] =
        (struct cabling_far){row->ncf_number, row->ncf_port};
}

const struct cabling_far *
cabling_plan_at(const struct cabling_plan *plan, enum role role,
                uint16_t number, uint16_t port)
{
    const struct cabling_far *far = NULL;

    if (port >= FWD_FABRIC_PORTS_MAX)
        return NULL;
    if (role == ROLE_NCP && number < MODULE_POOL_NCP)
        far = &plan->ncp[number][port];
    else if (role == ROLE_NCF && number < MODULE_POOL_NCF)
        far = &plan->ncf[number][port];
    return far == NULL || far->number == MODULE_NONE ? NULL : far;
}

enum role
cabling_far_role(enum role role)
{
    return role == ROLE_NCP ? ROLE_NCF : ROLE_NCP;
}

/* The number that the plan puts at the near end of this cable. */
static uint16_t
vote_of(const struct cabling_plan *plan, enum role role,
        const struct cabling_seen *cable)
{
    const struct cabling_far *near;
    enum role far_role;
    uint16_t far_number;

    if (module_of_id(cable->module, &far_role, &far_number) != 0 ||
        far_role != cabling_far_role(role))
        return MODULE_NONE;
    near = cabling_plan_at(plan, far_role, far_number, cable->far_port);
    return near == NULL ? MODULE_NONE : near->number;
}

uint16_t
cabling_position(const struct cabling_plan *plan, enum role role,
                 const struct cabling_seen *cables, unsigned count)
{
    uint8_t votes[MODULE_POOL_NCP] = {0};
    unsigned known = 0, best = 0;

    _Static_assert(MODULE_POOL_NCP >= MODULE_POOL_NCF, "votes of either role");
    if (role != ROLE_NCP && role != ROLE_NCF)
        return MODULE_NONE;
    CHECK(count <= FWD_FABRIC_PORTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        uint16_t vote;

        if (!cables[i].seen || cables[i].module == MODULE_NONE)
            continue;
        known++;
        vote = vote_of(plan, role, &cables[i]);
        if (vote == MODULE_NONE)
            continue;
        votes[vote]++;
        if (votes[vote] > votes[best])
            best = vote;
    }
    if (votes[best] == 0 || 2u * votes[best] <= known ||
        (votes[best] < 2 && known >= 2))
        return MODULE_NONE;
    return (uint16_t)best;
}

bool
cabling_judge(const struct cabling_plan *plan, enum role role, uint16_t number,
              const struct cabling_seen *seen, enum cable_verdict *verdict)
{
    const struct cabling_far *far =
        cabling_plan_at(plan, role, number, seen->port);

    if (far == NULL && !seen->seen)
        return false;
    if (far == NULL)
        *verdict = CABLE_EXTRA;
    else if (!seen->seen)
        *verdict = CABLE_MISSING;
    else if (seen->module == module_id(cabling_far_role(role), far->number) &&
             seen->far_port == far->port)
        *verdict = CABLE_OK;
    else
        *verdict = CABLE_WRONG;
    return true;
}
