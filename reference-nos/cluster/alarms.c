/* SPDX-License-Identifier: Apache-2.0
 *
 * The alarms of the cluster: rows of the controller that is active.
 *
 * A life that follows another one on the same boot finds the rows of the one
 * before and takes them for its own: they clear as if it had raised them, or
 * at once when another controller is active now.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/cluster/manager_priv.h"

static void
row_put(struct manager *manager, bool raise, enum alarm_code code,
        uint64_t item, uint64_t value)
{
    struct alarm_row alarm = {
        .severity =
            code == ALARM_MODULE_AWAY ? SEVERITY_ERROR : SEVERITY_WARNING,
        .value = (int64_t)value,
        .since_wall_ns = manager->plat->ops->wall_ns(manager->plat),
    };
    struct store_row row = {.table = TABLE_ALARM, .deleted = !raise};
    uint8_t bytes[128];
    struct key_bytes key;
    struct row_bytes encoded;
    struct wire_writer writer;

    alarm_key_encode(code, (uint16_t)item, &key);
    row.key = key.bytes;
    row.key_size = key.size;
    if (raise) {
        alarm_row_encode(&alarm, &encoded);
        row.value = encoded.bytes;
        row.value_size = encoded.size;
    }
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_row_add(&writer, &row);
    /* A store that is down has no rows, and says so when it is back. */
    manager_to_store(manager, MSG_STORE_STATE_PUT, &writer);
}

void
manager_alarm(struct manager *manager, bool *raised, bool raise,
              enum alarm_code code, uint64_t item, uint64_t value)
{
    if (*raised == raise)
        return;
    *raised = raise;
    actor_trace(manager->self, TRACE_ALARM, code, raise, item, value);
    row_put(manager, raise, code, item, value);
}

void
alarms_end(struct manager *manager)
{
    for (unsigned id = 0; id < FWD_MODULES_MAX; id++) {
        struct module *module = &manager->modules[id];

        manager_alarm(manager, &module->away_raised, false, ALARM_MODULE_AWAY,
                      id, 0);
        manager_alarm(manager, &module->duplicate_raised, false,
                      ALARM_DUPLICATE_SERIAL, id, 0);
        manager_alarm(manager, &module->cabling_raised, false, ALARM_CABLING,
                      id, 0);
    }
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        manager_alarm(manager, &manager->pool_raised[role], false,
                      ALARM_POOL_EXHAUSTED, role, 0);
}

/* The flag of an alarm of this service, or NULL; requests are taken to have
 * been made just now. */
static bool *
flag_of(struct manager *manager, enum alarm_code code, uint16_t item)
{
    uint64_t now_ns = actor_now_ns(manager->self);
    struct module *module = &manager->modules[item % FWD_MODULES_MAX];

    if (code == ALARM_POOL_EXHAUSTED && item < ROLE_COUNT) {
        manager->pool_ns[item] = now_ns;
        return &manager->pool_raised[item];
    }
    if (item >= FWD_MODULES_MAX)
        return NULL;
    if (code == ALARM_MODULE_AWAY)
        return &module->away_raised;
    if (code == ALARM_CABLING)
        return &module->cabling_raised;
    if (code != ALARM_DUPLICATE_SERIAL)
        return NULL;
    module->duplicate_ns = now_ns;
    return &module->duplicate_raised;
}

int
alarms_found(struct manager *manager, const struct store_row *row)
{
    enum alarm_code code;
    uint16_t item;
    bool *raised;
    int error;

    if (row->deleted || row->owner != manager->facts->key ||
        manager->alarms_known)
        return 0;
    error = alarm_key_decode(row->key, row->key_size, &code, &item);
    if (error != 0)
        return error;
    raised = flag_of(manager, code, item);
    if (raised != NULL)
        *raised = true;
    return 0;
}

void
alarms_settle(struct manager *manager)
{
    manager->alarms_known = true;
    alarms_yield(manager);
}

void
alarms_yield(struct manager *manager)
{
    if (!manager->active && manager->active_row.key != 0 &&
        manager->active_row.key != manager->facts->key)
        alarms_end(manager);
}
