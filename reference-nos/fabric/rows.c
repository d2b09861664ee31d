/* SPDX-License-Identifier: Apache-2.0
 *
 * The STATE rows of this box: what is wanted against what the store has.
 */
#include "reference-nos/fabric/reach_priv.h"

void
reach_seen_changed(struct reach *reach, unsigned port, uint64_t now_ns)
{
    reach->seen_dirty |= reach_bit(port);
    reach_earlier(&reach->rows_due_ns, now_ns + REACH_SEEN_NS);
}

void
reach_cable_changed(struct reach *reach, unsigned port, uint64_t now_ns)
{
    reach->cable_dirty |= reach_bit(port);
    reach->cable_trace_mask |= reach_bit(port);
    reach_earlier(&reach->rows_due_ns, now_ns + REACH_SEEN_NS);
}

static void
found_reach(struct reach *reach, uint16_t id, uint16_t nominal)
{
    struct capacity *capacity = &reach->capacity[id];

    capacity->stored = true;
    if (nominal <= capacity->nominal)
        return;
    /* Degraded before the restart: remember what it was. */
    capacity->nominal = nominal;
    if (capacity->links != 0 && reach->kept_ports == 0)
        reach_touch(reach, id, 0);
}

static void
found_alarm(struct reach *reach, enum alarm_code code, uint16_t id)
{
    if (code == ALARM_CABLING && id < reach->config.fabric_ports) {
        reach->cable_stored |= reach_bit(id);
    } else if (code == ALARM_FABRIC_DEGRADED) {
        reach->alarm_stored = true;
        reach->alarm_raised = true;
        reach->alarm_traced = true;
    }
}

void
reach_row_found(struct reach *reach, enum table table, enum alarm_code code,
                uint16_t id, uint16_t nominal)
{
    if (table == TABLE_SEEN && id < reach->config.fabric_ports)
        reach->seen_stored |= reach_bit(id);
    else if (table == TABLE_REACH && id < FWD_MODULES_MAX)
        found_reach(reach, id, nominal);
    else if (table == TABLE_ALARM)
        found_alarm(reach, code, id);
    else
        return;
    /* Judged when the links had time to identify themselves. */
    reach_earlier(&reach->grace_end_ns, reach->started_ns + REACH_GRACE_NS);
}

void
reach_grace_rows(struct reach *reach, uint64_t now_ns)
{
    unsigned module;

    reach->seen_dirty |= reach->seen_stored;
    reach->cable_dirty |= reach->cable_stored;
    reach_earlier(&reach->rows_due_ns, now_ns);
    for (module = 0; module < FWD_MODULES_MAX; module++)
        if (reach->capacity[module].stored)
            reach_touch(reach, (uint16_t)module, now_ns);
    reach_capacity_rearm(reach, now_ns);
}

void
reach_rows_lost(struct reach *reach, uint64_t now_ns)
{
    unsigned index;

    reach->seen_stored = 0;
    reach->cable_stored = 0;
    reach->alarm_stored = false;
    reach->seen_dirty = UINT64_MAX;
    reach->cable_dirty = UINT64_MAX;
    reach->alarm_dirty = true;
    for (index = 0; index < FWD_MODULES_MAX; index++) {
        reach->capacity[index].stored = false;
        reach_bit_set(reach->reach_dirty, index);
    }
    reach_earlier(&reach->rows_due_ns, now_ns);
    reach_earlier(&reach->reach_rows_due_ns, now_ns);
}

static bool
seen_row(struct reach *reach, unsigned port, struct reach_row_effect *row)
{
    const struct link *link = &reach->links[port];
    bool present = link->peer_known && !link->silent;
    bool stored = (reach->seen_stored & reach_bit(port)) != 0;

    if (!present && !stored)
        return false;
    row->table = TABLE_SEEN;
    row->id = (uint16_t)port;
    row->present = present;
    row->u.seen.peer_key = link->peer.key;
    row->u.seen.peer_port = link->peer.port;
    row->u.seen.peer_role = link->peer.role;
    reach->seen_stored &= ~reach_bit(port);
    if (present)
        reach->seen_stored |= reach_bit(port);
    return true;
}

static bool
cable_row(struct reach *reach, unsigned port, struct reach_row_effect *row)
{
    const struct link *link = &reach->links[port];
    bool stored = (reach->cable_stored & reach_bit(port)) != 0;

    if (!link->foreign && !stored)
        return false;
    row->table = TABLE_ALARM;
    row->code = ALARM_CABLING;
    row->id = (uint16_t)port;
    row->present = link->foreign;
    row->u.alarm.severity = SEVERITY_WARNING;
    row->u.alarm.value = (int64_t)link->foreign_key;
    reach->cable_stored &= ~reach_bit(port);
    if (link->foreign)
        reach->cable_stored |= reach_bit(port);
    return true;
}

static bool
degraded_row(struct reach *reach, struct reach_row_effect *row)
{
    reach->alarm_dirty = false;
    if (!reach->alarm_raised && !reach->alarm_stored)
        return false;
    row->table = TABLE_ALARM;
    row->code = ALARM_FABRIC_DEGRADED;
    row->id = 0;
    row->present = reach->alarm_raised;
    row->u.alarm.severity = SEVERITY_WARNING;
    row->u.alarm.value = reach->degraded;
    reach->alarm_stored = reach->alarm_raised;
    return true;
}

static bool
capacity_row(struct reach *reach, unsigned module,
             struct reach_row_effect *row)
{
    struct capacity *capacity = &reach->capacity[module];
    bool present = capacity->links < capacity->nominal;

    if (!present && !capacity->stored)
        return false;
    row->table = TABLE_REACH;
    row->id = (uint16_t)module;
    row->present = present;
    row->u.reach.links = capacity->links;
    row->u.reach.nominal = capacity->nominal;
    capacity->stored = present;
    return true;
}

static bool
port_rows(struct reach *reach, uint64_t *dirty,
          bool (*build)(struct reach *, unsigned, struct reach_row_effect *),
          struct reach_row_effect *row)
{
    while (*dirty != 0) {
        unsigned port = (unsigned)__builtin_ctzll(*dirty);

        *dirty &= ~reach_bit(port);
        if (build(reach, port, row))
            return true;
    }
    return false;
}

static bool
urgent_rows(struct reach *reach, struct reach_row_effect *row)
{
    if (port_rows(reach, &reach->seen_dirty, seen_row, row) ||
        port_rows(reach, &reach->cable_dirty, cable_row, row) ||
        (reach->alarm_dirty && degraded_row(reach, row)))
        return true;
    reach->rows_due_ns = TIME_NEVER_NS;
    return false;
}

static bool
capacity_rows(struct reach *reach, struct reach_row_effect *row)
{
    unsigned module = 0;

    for (;;) {
        module = reach_bit_next(reach->reach_dirty, module, FWD_MODULES_MAX);
        if (module == FWD_MODULES_MAX)
            break;
        reach_bit_clear(reach->reach_dirty, module);
        if (capacity_row(reach, module, row))
            return true;
    }
    reach->reach_rows_due_ns = TIME_NEVER_NS;
    return false;
}

bool
reach_row_build(struct reach *reach, uint64_t now_ns,
                struct reach_effect *effect)
{
    effect->kind = REACH_ROW;
    if (now_ns >= reach->rows_due_ns && urgent_rows(reach, &effect->u.row))
        return true;
    return now_ns >= reach->reach_rows_due_ns &&
           capacity_rows(reach, &effect->u.row);
}
