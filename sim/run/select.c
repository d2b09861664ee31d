/* SPDX-License-Identifier: Apache-2.0
 *
 * Targets, resolved when an event fires.
 */
#include "reference-nos/schema/tables.h"
#include "sim/run/run_priv.h"

#include <stdio.h>
#include <string.h>

unsigned
box_set_count(const struct box_set *set)
{
    unsigned count = 0;

    for (unsigned i = 0; i < WORLD_BOXES_MAX / 64; i++)
        count += (unsigned)__builtin_popcountll(set->bits[i]);
    return count;
}

unsigned
select_slot(const struct run *run, enum role role, unsigned number)
{
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        if (run->plan->boxes[i].role == role &&
            run->plan->boxes[i].number == number)
            return i;
    }
    return run->plan->box_count;
}

static bool
state_holds(const struct run *run, unsigned index, enum target_state state)
{
    const struct watch_box *seen = &run->watch.boxes[index];
    struct world_box box;

    run->world->ops->box(run->world, index, &box);
    switch (state) {
    case TARGET_STATE_ACTIVE: return seen->active;
    case TARGET_STATE_STANDBY:
        return box.running && box.role == ROLE_NCC && !seen->active;
    case TARGET_STATE_LEADER: return seen->leader;
    case TARGET_STATE_JOINED:
        return box.running && seen->joined && !seen->headless;
    case TARGET_STATE_FORWARDING: return box.forwarding;
    case TARGET_STATE_HEADLESS: return box.running && seen->headless;
    case TARGET_STATE_DRAINED: return seen->drained;
    case TARGET_STATE_ON: return box.powered;
    case TARGET_STATE_OFF: return !box.powered;
    case TARGET_STATE_COUNT: break;
    }
    return false;
}

static bool
box_matches(const struct run *run, const struct target *target, unsigned index)
{
    const struct plan_box *planned = &run->plan->boxes[index];
    struct world_box box;

    if (target->has_role && planned->role != target->role)
        return false;
    if (target->has_number && target->is_slot &&
        planned->number != target->number)
        return false;
    if (target->has_number && !target->is_slot &&
        run->watch.boxes[index].module !=
            module_id(planned->role, (uint16_t)target->number))
        return false;
    if (target->has_serial) {
        run->world->ops->box(run->world, index, &box);
        if (strcmp(box.serial, target->serial) != 0)
            return false;
    }
    for (unsigned state = 0; state < TARGET_STATE_COUNT; state++) {
        if ((target->states >> state) & 1 && !state_holds(run, index, state))
            return false;
    }
    return true;
}

/* Keeps 'wanted' boxes of the set, drawn from the seed. */
static void
draw(struct run *run, const struct target *target, struct box_set *boxes)
{
    /* Named by what is asked and when, not by the place in the file: other
     * events come and go without changing this draw. */
    struct random_stream stream = random_stream_make(
        run->options->seed, 0, random_purpose(target->text));
    struct simtime at =
        simtime_sub(run->world->ops->now(run->world), run->origin);
    unsigned wanted = target->random;
    unsigned have = box_set_count(boxes);

    stream.n = (at.ps / SIMTIME_PS_PER_US) * WORLD_BOXES_MAX;
    for (unsigned i = 0; i < run->plan->box_count && have > 0; i++) {
        if (!box_set_has(boxes, i))
            continue;
        /* Selection sampling: each subset is equally likely. */
        if (random_below(&stream, have) < wanted)
            wanted--;
        else
            boxes->bits[i / 64] &= ~(1ull << (i % 64));
        have--;
    }
}

void
select_boxes(struct run *run, const struct target *target,
             struct box_set *boxes)
{
    struct box_set found = {{0}};

    if (target->kind == TARGET_EVENT) {
        found = run->events[target->event].boxes;
    } else if (target->kind != TARGET_PLANE) {
        for (unsigned i = 0; i < run->plan->box_count; i++) {
            if (box_matches(run, target, i))
                box_set_add(&found, i);
        }
        if (target->random > 0)
            draw(run, target, &found);
    }
    for (unsigned i = 0; i < WORLD_BOXES_MAX / 64; i++)
        boxes->bits[i] |= found.bits[i];
}

void
box_set_text(const struct run *run, const struct box_set *boxes, char *text,
             size_t size)
{
    unsigned count = box_set_count(boxes);

    for (unsigned i = 0; i < run->plan->box_count; i++) {
        if (!box_set_has(boxes, i))
            continue;
        if (count == 1)
            (void)snprintf(text, size, "%s", run->plan->boxes[i].name);
        else
            (void)snprintf(text, size, "%s and %u more",
                           run->plan->boxes[i].name, count - 1);
        return;
    }
    (void)snprintf(text, size, "none");
}
