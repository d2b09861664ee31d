/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows this service decides by, as the store of its box tells them.
 *
 * What was committed by ourselves is put in at once, so that the next
 * decision sees it; the store's own word brings the same again.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/manager_priv.h"

#include <string.h>

struct box *
mirror_box(const struct manager *manager, uint64_t key)
{
    struct tree_node *node = tree_find(&manager->boxes, &key);

    return node == NULL ? NULL : CONTAINER_OF(node, struct box, node);
}

static void
box_remove(struct manager *manager, struct box *box)
{
    join_drop(manager, box);
    tree_remove(&manager->boxes, &box->node);
    mem_free(manager->mem, box, sizeof(*box));
}

/* Makes room by forgetting one box that holds no number and asks for none. */
static void
box_forget_one(struct manager *manager)
{
    struct tree_node *node;

    TREE_FOR_EACH(node, &manager->boxes)
    {
        struct box *box = CONTAINER_OF(node, struct box, node);

        if (box->module == MODULE_NONE && box->live == LIVE_AWAY &&
            (box->join == NULL || !box->join->queued)) {
            box_remove(manager, box);
            return;
        }
    }
}

struct box *
mirror_box_add(struct manager *manager, uint64_t key)
{
    struct box *box = mirror_box(manager, key);
    int error;

    if (box != NULL)
        return box;
    if (manager->boxes.count >= MANAGER_BOXES_MAX)
        box_forget_one(manager);
    if (manager->boxes.count >= MANAGER_BOXES_MAX)
        return NULL;
    box = mem_zalloc(manager->mem, sizeof(*box));
    if (box == NULL)
        return NULL;
    box->key = key;
    box->module = MODULE_NONE;
    error = tree_insert(&manager->boxes, &box->key, &box->node);
    CHECK(error == 0);
    return box;
}

static void
holder_change(struct manager *manager, uint16_t id, uint64_t old_key,
              uint64_t new_key)
{
    struct box *old = old_key == 0 ? NULL : mirror_box(manager, old_key);
    struct box *box = new_key == 0 ? NULL : mirror_box_add(manager, new_key);

    if (old != NULL && old->module == id)
        old->module = MODULE_NONE;
    if (box != NULL)
        box->module = id;
}

void
mirror_module(struct manager *manager, uint16_t id,
              const struct module_row *row, uint64_t version)
{
    struct module *module = &manager->modules[id];
    uint64_t old_key = module->present ? module->row.key : 0;
    bool was_removed = module->present && module->row.removed;

    if (module->present && version <= module->version)
        return;
    module->present = true;
    module->version = version;
    module->row = *row;
    if (row->removed && !was_removed)
        module->rest_ns = actor_now_ns(manager->self);
    if (old_key == row->key)
        return;
    module->voter_settled = false;
    holder_change(manager, id, old_key, row->key);
    if (manager->active)
        roster_counts(manager);
}

void
mirror_plan(struct manager *manager, uint16_t id, const struct plan_row *row,
            uint64_t version)
{
    struct module *module = &manager->modules[id];

    if (version <= module->plan_version)
        return;
    module->plan_version = version;
    module->plan = *row;
}

static int
module_row_take(struct manager *manager, const struct store_row *row)
{
    struct module_key key;
    struct module_row value;
    int error = module_key_decode(row->key, row->key_size, &key);

    if (error == 0)
        error = module_row_decode(row->value, row->value_size, &value);
    if (error == 0)
        mirror_module(manager, module_id(key.role, key.number), &value,
                      row->version);
    return error;
}

static int
plan_row_take(struct manager *manager, const struct store_row *row)
{
    struct module_key key;
    struct plan_row value;
    int error = module_key_decode(row->key, row->key_size, &key);

    if (error == 0)
        error = plan_row_decode(row->value, row->value_size, &value);
    if (error == 0)
        mirror_plan(manager, module_id(key.role, key.number), &value,
                    row->version);
    return error;
}

static int
cable_row_take(struct manager *manager, const struct store_row *row)
{
    struct cable_key key;
    struct cable_row value;
    int error = cable_key_decode(row->key, row->key_size, &key);

    if (error == 0 && row->deleted)
        cabling_plan_unset(&manager->cabling, &key);
    if (error != 0 || row->deleted)
        return error;
    error = cable_row_decode(row->value, row->value_size, &value);
    if (error == 0)
        cabling_plan_set(&manager->cabling, &key, &value);
    check_later(manager);
    return error;
}

static int
cluster_row_take(struct manager *manager, const struct store_row *row)
{
    int error =
        cluster_row_decode(row->value, row->value_size, &manager->cluster);

    if (error == 0)
        manager->cluster_present = true;
    return error;
}

static int
active_row_take(struct manager *manager, const struct store_row *row)
{
    int error =
        active_row_decode(row->value, row->value_size, &manager->active_row);

    if (error == 0)
        alarms_yield(manager);
    return error;
}

/* Cables whose ends are judged again when they have settled. */
static int
seen_row_take(struct manager *manager, const struct store_row *row)
{
    struct seen_row value = {.peer_key = 0};
    struct box *box;
    uint16_t port;
    int error = port_key_decode(row->key, row->key_size, &port);

    if (error == 0 && !row->deleted)
        error = seen_row_decode(row->value, row->value_size, &value);
    if (error == 0 && port >= FWD_FABRIC_PORTS_MAX)
        error = ERR_RANGE;
    if (error != 0)
        return error;
    box = mirror_box_add(manager, row->owner);
    if (box == NULL)
        return ERR_FULL;
    box->cables[port] =
        (struct cable_seen){port, value.peer_port, value.peer_key};
    box->settle_ns = actor_now_ns(manager->self);
    check_later(manager);
    return 0;
}

static int
row_take(struct manager *manager, const struct store_row *row)
{
    if (row->table == TABLE_SEEN)
        return seen_row_take(manager, row);
    if (row->table == TABLE_ALARM)
        return alarms_found(manager, row);
    if (row->table == TABLE_CABLING)
        return cable_row_take(manager, row);
    if (row->deleted)
        return 0; /* Nobody deletes the others. */
    if (row->table == TABLE_MODULE)
        return module_row_take(manager, row);
    if (row->table == TABLE_PLAN)
        return plan_row_take(manager, row);
    if (row->table == TABLE_CLUSTER)
        return cluster_row_take(manager, row);
    if (row->table == TABLE_ROLE)
        return active_row_take(manager, row);
    return 0;
}

/* A snapshot does not show cables that are no longer seen. */
static void
cables_forget(struct manager *manager)
{
    struct tree_node *node;

    TREE_FOR_EACH(node, &manager->boxes)
    {
        struct box *box = CONTAINER_OF(node, struct box, node);

        memset(box->cables, 0, sizeof(box->cables));
        box->settle_ns = actor_now_ns(manager->self);
    }
}

void
mirror_delta(struct manager *manager, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_delta delta;
    struct store_row row;

    wire_reader_init(&reader, message->body, message->size);
    if (store_delta_read(&reader, &delta) != 0)
        return;
    if (delta.flags & STORE_DELTA_FIRST)
        cables_forget(manager);
    while (store_row_read(&reader, &row) == 0) {
        int error = row_take(manager, &row);

        if (error != 0)
            actor_log(manager->self, SEVERITY_WARNING,
                      "cluster: row of table %u: %s", (unsigned)row.table,
                      err_text(error));
    }
    if (delta.flags & STORE_DELTA_LAST)
        alarms_settle(manager);
}
