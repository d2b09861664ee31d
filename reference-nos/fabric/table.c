/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing the ASIC's tables: what is wanted, what was sent, what is there.
 */
#include "reference-nos/fabric/reach_priv.h"

static bool
slot_differs(const struct reach *reach, unsigned index)
{
    const struct slot *slot = &reach->slots[index];

    return slot->wanted != slot->sent ||
           (index == SLOT_BOX && slot->arg != reach->module &&
            slot->wanted != 0);
}

void
reach_want(struct reach *reach, unsigned index, uint64_t value)
{
    struct slot *slot = &reach->slots[index];

    slot->wanted = value;
    if (slot_differs(reach, index))
        reach_bit_set(reach->pending, index);
    else if (!slot->unsure)
        reach_bit_clear(reach->pending, index);
}

/* After a failed or lost write the ASIC may hold the old or the new. */
static void
slot_doubt(struct reach *reach, unsigned index, uint64_t now_ns)
{
    struct slot *slot = &reach->slots[index];

    slot->token = 0;
    slot->unsure = true;
    reach_earlier(&reach->write_retry_ns, now_ns + REACH_WRITE_RETRY_NS);
}

static void
slot_confirm(struct reach *reach, unsigned index, uint64_t now_ns)
{
    struct slot *slot = &reach->slots[index];

    slot->token = 0;
    slot->unsure = false;
    slot->done = slot->sent;
    if (index < FWD_MODULES_MAX && reach->config.role == ROLE_NCF)
        reach_advertise(reach, index, now_ns);
}

static void
write_ended(struct reach *reach, uint64_t token, bool well, uint64_t now_ns)
{
    unsigned index;
    bool waiting = false;

    for (index = 0; index < SLOT_COUNT; index++) {
        if (reach->slots[index].token == token) {
            if (well)
                slot_confirm(reach, index, now_ns);
            else
                slot_doubt(reach, index, now_ns);
        }
        waiting = waiting || reach->slots[index].token != 0;
    }
    if (!waiting)
        reach->write_overdue_ns = TIME_NEVER_NS;
    reach_box_step(reach, now_ns);
}

void
reach_written(struct reach *reach, uint64_t token, int status, uint64_t now_ns)
{
    if (token != 0)
        write_ended(reach, token, status == 0, now_ns);
}

static void
writes_overdue(struct reach *reach, uint64_t now_ns)
{
    unsigned index;

    reach->write_overdue_ns = TIME_NEVER_NS;
    for (index = 0; index < SLOT_COUNT; index++)
        if (reach->slots[index].token != 0)
            slot_doubt(reach, index, now_ns);
}

static void
writes_retry(struct reach *reach)
{
    unsigned index;

    reach->write_retry_ns = TIME_NEVER_NS;
    for (index = 0; index < SLOT_COUNT; index++)
        if (reach->slots[index].unsure && reach->slots[index].token == 0)
            reach_bit_set(reach->pending, index);
}

void
reach_table_time(struct reach *reach, uint64_t now_ns)
{
    if (now_ns >= reach->write_overdue_ns)
        writes_overdue(reach, now_ns);
    if (now_ns >= reach->write_retry_ns)
        writes_retry(reach);
}

static void
slot_send(struct reach *reach, unsigned index, uint64_t token)
{
    struct slot *slot = &reach->slots[index];

    reach_bit_clear(reach->pending, index);
    slot->sent = slot->wanted;
    slot->done &= slot->wanted;
    slot->token = token;
    if (index == SLOT_BOX)
        slot->arg = reach->module;
}

static void
front_fill(const struct reach *reach, unsigned index,
           struct reach_effect *effect)
{
    unsigned port = (index - SLOT_FRONT) * REACH_WRITE_BATCH;

    while (port < reach->config.front_ports &&
           effect->u.write.count < REACH_WRITE_BATCH) {
        struct fwd_entry *entry =
            &effect->u.write.entries[effect->u.write.count++];

        entry->object = FWD_FRONT;
        entry->id = (uint16_t)port++;
        entry->arg = 0;
        entry->value = reach->slots[index].wanted;
    }
}

static void
entry_fill(const struct reach *reach, unsigned index,
           struct reach_effect *effect)
{
    struct fwd_entry *entry =
        &effect->u.write.entries[effect->u.write.count++];

    entry->object = index == SLOT_BOX ? FWD_BOX : FWD_REACH;
    entry->id = index == SLOT_BOX ? 0 : (uint16_t)index;
    entry->arg = index == SLOT_BOX ? reach->module : 0;
    entry->value = reach->slots[index].wanted;
}

/* A batch of destinations and the box, or one batch of front ports. */
bool
reach_write_build(struct reach *reach, uint64_t now_ns,
                  struct reach_effect *effect)
{
    unsigned index = reach_bit_next(reach->pending, 0, SLOT_COUNT);

    if (index == SLOT_COUNT)
        return false;
    effect->kind = REACH_WRITE;
    effect->u.write.token = ++reach->next_token;
    effect->u.write.count = 0;
    if (index >= SLOT_FRONT) {
        front_fill(reach, index, effect);
        slot_send(reach, index, reach->next_token);
    }
    while (index < SLOT_FRONT && effect->u.write.count < REACH_WRITE_BATCH) {
        entry_fill(reach, index, effect);
        slot_send(reach, index, reach->next_token);
        index = reach_bit_next(reach->pending, index + 1, SLOT_COUNT);
    }
    reach->write_overdue_ns = now_ns + REACH_WRITE_NS;
    return true;
}
