/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators see of the cluster.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/cluster/manager_priv.h"

#include <string.h>

static bool
is_up(const struct manager *manager, const struct module *module)
{
    const struct box *box = mirror_box(manager, module->row.key);

    return box != NULL && box->live == LIVE_YES;
}

static bool
forwards(const struct manager *manager, const struct module *module)
{
    const struct box *box = mirror_box(manager, module->row.key);

    return box != NULL && box->forwarding;
}

/* FWD_MODULES_MAX rows of at most 64 bytes. */
static void
show_modules(const struct manager *manager, struct wire_writer *writer)
{
    for (uint16_t id = 0; id < FWD_MODULES_MAX; id++) {
        const struct module *module = &manager->modules[id];
        struct operator_module row = {.module = id};

        if (!module->present)
            continue;
        row.key = module->row.key;
        memcpy(row.serial, module->row.serial, sizeof(row.serial));
        row.up = is_up(manager, module);
        row.forwarding = forwards(manager, module);
        row.drained = module->row.drained;
        row.removed = module->row.removed;
        row.locate = module->row.locate;
        row.how = module->row.how;
        operator_module_write(writer, &row);
    }
}

static void
count(const struct manager *manager, struct operator_cluster *row)
{
    for (uint16_t id = 0; id < FWD_MODULES_MAX; id++) {
        const struct module *module = &manager->modules[id];
        enum role role;
        uint16_t number;

        if (!module->present || module->row.key == 0 ||
            module_of_id(id, &role, &number) != 0)
            continue;
        row->modules[role]++;
        row->up[role] += is_up(manager, module);
        row->forwarding += forwards(manager, module);
        row->drained += module->row.drained;
    }
}

static void
show_cluster(const struct manager *manager, struct wire_writer *writer)
{
    struct operator_cluster row = {
        .cluster_id = manager->facts->cluster_id,
        .active = manager->facts->key,
        .standby = manager_standby(manager),
    };

    memcpy(row.pool_size, manager->cluster.pool_size, sizeof(row.pool_size));
    count(manager, &row);
    operator_cluster_write(writer, &row);
}

static bool
is_first_voter(const struct box_facts *facts, uint64_t key)
{
    for (unsigned i = 0; i < facts->voter_count && i < FACTS_VOTERS_MAX; i++)
        if (facts->voters[i] == key)
            return true;
    return false;
}

static enum operator_controller_state
controller_state(const struct manager *manager, const struct module *module,
                 enum role role)
{
    if (module->row.key == manager->facts->key)
        return CONTROLLER_ACTIVE;
    if (!is_up(manager, module))
        return CONTROLLER_AWAY;
    return role == ROLE_NCC ? CONTROLLER_STANDBY : CONTROLLER_ARBITER;
}

/* Controllers, and management switches that vote. */
static void
show_controllers(const struct manager *manager, struct wire_writer *writer)
{
    for (uint16_t id = 0; id < FWD_MODULES_MAX; id++) {
        const struct module *module = &manager->modules[id];
        struct operator_controller row = {.module = id};
        enum role role;
        uint16_t number;

        if (!module->present || module->row.key == 0 ||
            module_of_id(id, &role, &number) != 0 ||
            (role != ROLE_NCC &&
             (role != ROLE_NCM ||
              !is_first_voter(manager->facts, module->row.key))))
            continue;
        row.key = module->row.key;
        memcpy(row.serial, module->row.serial, sizeof(row.serial));
        row.state = controller_state(manager, module, role);
        operator_controller_write(writer, &row);
    }
}

void
show(struct manager *manager, uint64_t token, const struct operator_req *req)
{
    struct wire_writer writer;

    CHECK(manager->active);
    verbs_reply_begin(manager, &writer, token, req, 0);
    if (req->verb == OPERATOR_SHOW_MODULES)
        show_modules(manager, &writer);
    else if (req->verb == OPERATOR_SHOW_CLUSTER)
        show_cluster(manager, &writer);
    else if (req->verb == OPERATOR_SHOW_CONTROLLERS)
        show_controllers(manager, &writer);
    /* Alarms are rows of the store: the operator service finds them there. */
    verbs_reply_end(manager, &writer);
}
