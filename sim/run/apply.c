/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline: events of the scenario become faults of the world, requests
 * of an operator, and things to undo later.
 */
#include "reference-nos/schema/operator_msg.h"
#include "sim/run/run_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SLOTS_PER_S SIMTIME_PS_PER_S

/* ---- notes ---- */

void
run_note(struct run *run, const char *kind, const char *name,
         const char *target, const char *format, ...)
{
    struct outcome_event *row = rows_add(&run->outcome->timeline);
    va_list args;

    row->at = simtime_sub(run->world->ops->now(run->world), run->origin);
    outcome_text(row->kind, sizeof(row->kind), "%s", kind);
    outcome_text(row->name, sizeof(row->name), "%s", name);
    outcome_text(row->target, sizeof(row->target), "%s", target);
    va_start(args, format);
    (void)vsnprintf(row->text, sizeof(row->text), format, args);
    va_end(args);
}

void
run_skip(struct run *run, const char *text, const char *reason)
{
    struct outcome_skip *row;

    for (size_t i = 0; i < run->outcome->skips.count; i++) {
        row = ROWS_GET(&run->outcome->skips, struct outcome_skip, i);
        if (strcmp(row->text, text) == 0)
            return;
    }
    row = rows_add(&run->outcome->skips);
    outcome_text(row->text, sizeof(row->text), "%s", text);
    outcome_text(row->reason, sizeof(row->reason), "%s", reason);
}

/* The boxes a fault touches, for the ledger's causes: a fabric cable touches
 * both its ends, a partition all whom it cuts off.  The end of partitions
 * touches nobody. */
static void
touched(const struct run *run, const struct world_fault *fault,
        struct box_set *boxes)
{
    if (fault->kind == WORLD_PARTITION_HEAL)
        return;
    if (fault->kind == WORLD_PARTITION) {
        *boxes = fault->from;
        return;
    }
    box_set_add(boxes, fault->box);
    if (fault->kind == WORLD_BOX_SWAP || fault->kind == WORLD_FABRIC_CABLE)
        box_set_add(boxes, fault->box2);
    if (fault->kind != WORLD_FABRIC_LINK && fault->kind != WORLD_FABRIC_LOSS)
        return;
    for (unsigned i = 0; i < run->plan->cable_count; i++) {
        const struct plan_cable *cable = &run->plan->cables[i];

        if (cable->ncp_box == fault->box && cable->ncp_port == fault->item)
            box_set_add(boxes, cable->ncf_box);
    }
}

static void
step_skip(struct run *run, const char *text)
{
    const char *why = NULL;

    if (run->world->ops->why_not != NULL)
        why = run->world->ops->why_not(run->world);
    run_skip(run, text, why != NULL ? why : "this world cannot do it");
    if (run->applying == SCENARIO_NO_EVENT ||
        run->events[run->applying].skipped)
        return;
    run->events[run->applying].skipped = true;
    run->skipped_steps++;
}

void
run_inject(struct run *run, const struct world_fault *fault, const char *text,
           bool planned)
{
    struct box_set boxes = {{0}};
    int err;

    touched(run, fault, &boxes);
    ledger_cause(run->ledger, &boxes, planned, text);
    run->last_disturbed = run->world->ops->now(run->world);
    err = run->world->ops->inject(run->world, fault);
    if (err == ERR_UNSUPPORTED)
        step_skip(run, text);
    else if (err != 0)
        run_note(run, "note", text, run->plan->boxes[fault->box].name,
                 "had no effect: %s", err_text(err));
}

/* ---- later ---- */

void
pending_add(struct run *run, const struct pending *pending)
{
    struct pending *row = rows_add(&run->pendings);

    *row = *pending;
    row->order = run->pending_order++;
}

struct simtime
pendings_next(const struct run *run)
{
    struct simtime next = {UINT64_MAX};

    for (size_t i = 0; i < run->pendings.count; i++)
        next =
            simtime_min(next, ROWS_GET(&run->pendings, struct pending, i)->at);
    return next;
}

/* The index of the first one due, in the order they were made. */
static size_t
pending_due(const struct run *run, struct simtime now)
{
    size_t best = run->pendings.count;

    for (size_t i = 0; i < run->pendings.count; i++) {
        const struct pending *row =
            ROWS_GET(&run->pendings, struct pending, i);
        const struct pending *found;

        if (simtime_before(now, row->at))
            continue;
        if (best == run->pendings.count) {
            best = i;
            continue;
        }
        found = ROWS_GET(&run->pendings, struct pending, best);
        if (simtime_before(row->at, found->at) ||
            (row->at.ps == found->at.ps && row->order < found->order))
            best = i;
    }
    return best;
}

/* The next half of a flap; true when it goes on.  The last is one up. */
static bool
flap_next(struct pending *pending, struct simtime now)
{
    bool goes_down;
    struct simtime span;

    if (pending->period.ps == 0)
        return false;
    goes_down = pending->fault.value != 0;
    pending->fault.value = !goes_down;
    span = goes_down ? pending->up_span
                     : simtime_sub(pending->period, pending->up_span);
    pending->at = simtime_add(now, span);
    return !goes_down || simtime_before(pending->at, pending->until);
}

void
pendings_fire(struct run *run, struct simtime now)
{
    size_t index;

    while ((index = pending_due(run, now)) < run->pendings.count) {
        struct pending *row = ROWS_GET(&run->pendings, struct pending, index);
        struct pending due = *row;
        const char *name = run->scenario->events[due.event].what->name;

        *row =
            *ROWS_GET(&run->pendings, struct pending, run->pendings.count - 1);
        run->pendings.count--;
        if (due.period.ps == 0)
            run_note(run, "heal", name,
                     due.fault.kind == WORLD_PARTITION_HEAL
                         ? ""
                         : run->plan->boxes[due.fault.box].name,
                     "%s",
                     due.fault.kind == WORLD_BOX_POWER_ON ? "powered on"
                                                          : "mended");
        run_inject(run, &due.fault, name, false);
        if (due.random)
            random_faults_healed(run);
        if (flap_next(&due, now))
            pending_add(run, &due);
    }
}

static void
later(struct run *run, unsigned event, struct simtime after,
      const struct world_fault *fault)
{
    struct pending pending = {
        .at = simtime_add(run->world->ops->now(run->world), after),
        .fault = *fault,
        .event = event,
    };

    pending_add(run, &pending);
}

/* ---- one event ---- */

/* What an event does to one thing, and how that is undone. */
struct deed {
    struct world_fault fault;
    struct world_fault heal;
    bool heals;
};

static uint64_t
number_of(const struct scenario_event *event, const char *name)
{
    return scenario_event_value(event, name)->number;
}

static enum world_identity
identity_of(enum catalogue_id id)
{
    switch ((int)id) {
    case FAULT_IDENTITY_REVOKE: return WORLD_IDENTITY_REVOKE;
    case FAULT_IDENTITY_EXPIRE: return WORLD_IDENTITY_EXPIRE;
    case FAULT_IDENTITY_STRANGER: return WORLD_IDENTITY_STRANGER;
    default: return WORLD_IDENTITY_RENEW;
    }
}

static bool
box_deed(const struct scenario_event *event, struct deed *deed)
{
    struct world_fault *fault = &deed->fault;
    struct world_fault *heal = &deed->heal;
    const struct scenario_value *serial;

    switch ((int)event->what->id) {
    case FAULT_BOX_POWER_LOSS:
    case FAULT_BOX_REMOVE:
        fault->kind = WORLD_BOX_POWER_OFF;
        heal->kind = WORLD_BOX_POWER_ON;
        break;
    case FAULT_BOX_RESTART:
        fault->kind = WORLD_BOX_RESTART;
        fault->value = REBOOT_OPERATOR;
        break;
    case ACTION_BOX_POWER_ON: fault->kind = WORLD_BOX_POWER_ON; break;
    case FAULT_BOX_REPLACE:
        fault->kind = WORLD_BOX_REPLACE;
        serial = scenario_event_value(event, "serial");
        if (serial->text != NULL)
            outcome_text(fault->serial, sizeof(fault->serial), "%s",
                         serial->text);
        break;
    case FAULT_DISK_STALL:
        fault->kind = WORLD_DISK_STALL;
        fault->value = number_of(event, "stall") / SIMTIME_PS_PER_NS;
        break;
    case FAULT_DISK_FULL:
        fault->kind = WORLD_DISK_FULL;
        fault->value = 1;
        break;
    case FAULT_DISK_ERROR:
        fault->kind = WORLD_DISK_ERROR;
        fault->value = 1;
        break;
    case FAULT_DISK_UNSYNCED_LOSS:
        fault->kind = WORLD_DISK_UNSYNCED_LOSS;
        fault->value = 1;
        break;
    case FAULT_CLOCK_STEP:
        fault->kind = WORLD_CLOCK_STEP;
        /* Signed, and the world steps in nanoseconds. */
        fault->value = (uint64_t)((int64_t)number_of(event, "step") /
                                  (int64_t)SIMTIME_PS_PER_NS);
        break;
    case FAULT_CLOCK_DRIFT:
        fault->kind = WORLD_CLOCK_DRIFT;
        fault->value = number_of(event, "drift");
        break;
    case FAULT_PSU_FAIL:
    case FAULT_FAN_FAIL:
        fault->kind =
            event->what->id == FAULT_PSU_FAIL ? WORLD_PSU : WORLD_FAN;
        fault->item = (unsigned)number_of(event, "unit");
        heal->value = 1;
        break;
    case FAULT_SENSOR_FAIL:
        fault->kind = WORLD_SENSOR;
        fault->item = (unsigned)number_of(event, "unit");
        fault->value2 = (int64_t)number_of(event, "value");
        fault->value = fault->value2 == PARAM_SENSOR_DEAD ? 1 : 2;
        break;
    case FAULT_IDENTITY_REVOKE:
    case FAULT_IDENTITY_EXPIRE:
    case FAULT_IDENTITY_STRANGER:
    case ACTION_IDENTITY_RENEW:
        fault->kind = WORLD_IDENTITY;
        fault->value = identity_of(event->what->id);
        break;
    default: return false;
    }
    if (heal->kind == 0)
        heal->kind = fault->kind;
    heal->item = fault->item;
    return true;
}

static bool
service_deed(const struct scenario_event *event, struct deed *deed)
{
    switch ((int)event->what->id) {
    case FAULT_SERVICE_KILL: deed->fault.kind = WORLD_SERVICE_KILL; break;
    case FAULT_SERVICE_HANG:
        deed->fault.kind = WORLD_SERVICE_HANG;
        deed->fault.value = 1;
        break;
    case FAULT_SERVICE_SLOW:
        deed->fault.kind = WORLD_SERVICE_SLOW;
        deed->fault.value = number_of(event, "factor");
        break;
    default: return false;
    }
    deed->heal.kind = deed->fault.kind;
    return true;
}

static bool
link_deed(const struct scenario_event *event, bool fabric, struct deed *deed)
{
    struct world_fault *fault = &deed->fault;
    struct world_fault *heal = &deed->heal;

    switch ((int)event->what->id) {
    case FAULT_LINK_DOWN:
    case FAULT_LINK_FLAP:
    case FAULT_LINK_UP:
        fault->kind = fabric ? WORLD_FABRIC_LINK : WORLD_MGMT_LINK;
        fault->value = event->what->id == FAULT_LINK_UP;
        heal->value = 1;
        break;
    case FAULT_LINK_LOSS:
        fault->kind = fabric ? WORLD_FABRIC_LOSS : WORLD_MGMT_LOSS;
        fault->value = number_of(event, "rate");
        break;
    case FAULT_LINK_DELAY:
        fault->kind = WORLD_MGMT_DELAY;
        fault->value = number_of(event, "delay") / SIMTIME_PS_PER_NS;
        break;
    case FAULT_LINK_ONE_WAY:
        fault->kind = WORLD_MGMT_ONE_WAY;
        fault->value = number_of(event, "lost") + 1;
        break;
    default: return false;
    }
    heal->kind = fault->kind;
    return true;
}

static void
do_deed(struct run *run, unsigned index, const struct deed *deed)
{
    const struct scenario_event *event = &run->scenario->events[index];
    bool planned = catalogue_is_action(event->what->id);

    run_inject(run, &deed->fault, event->what->name, planned);
    if (event->what->id == FAULT_LINK_FLAP) {
        uint64_t duty_ppm = number_of(event, "duty");
        struct pending flap = {
            .fault = deed->heal,
            .event = index,
            .period = {number_of(event, "period")},
        };
        struct simtime now = run->world->ops->now(run->world);

        flap.up_span.ps = flap.period.ps / 1000000 * duty_ppm;
        flap.at = simtime_add(now, simtime_sub(flap.period, flap.up_span));
        flap.until = event->lasts.ps > 0 ? simtime_add(now, event->lasts)
                                         : run->ends_at;
        pending_add(run, &flap);
    } else if (event->what->id == FAULT_BOX_REPLACE ||
               event->what->id == FAULT_BOX_CLONE) {
        struct world_fault on = {.kind = WORLD_BOX_POWER_ON,
                                 .box = deed->fault.box};

        later(run, index, simtime_from_s(1), &on);
    } else if (event->lasts.ps > 0) {
        later(run, index, event->lasts, &deed->heal);
    }
}

/* ---- kinds of targets ---- */

static void
apply_boxes(struct run *run, unsigned index, const struct target *target,
            const struct box_set *boxes)
{
    const struct scenario_event *event = &run->scenario->events[index];

    for (unsigned i = 0; i < run->plan->box_count; i++) {
        struct deed deed = {.fault = {.box = i}, .heal = {.box = i}};

        if (!box_set_has(boxes, i))
            continue;
        if (target->kind == TARGET_SERVICE) {
            deed.fault.item = target->service;
            deed.heal.item = target->service;
            if (service_deed(event, &deed))
                do_deed(run, index, &deed);
        } else if (box_deed(event, &deed)) {
            if (event->what->id == FAULT_BOX_REPLACE &&
                deed.fault.serial[0] == '\0')
                outcome_text(deed.fault.serial, sizeof(deed.fault.serial),
                             "RMA-%u-%llu", i,
                             (unsigned long long)run->events[index].fired);
            do_deed(run, index, &deed);
        }
    }
}

static void
apply_link(struct run *run, unsigned index, const struct target *target,
           struct box_set *boxes)
{
    const struct scenario_event *event = &run->scenario->events[index];
    unsigned slot = select_slot(run, target->role, target->number);
    bool fabric = target->kind == TARGET_FABRIC_LINK;
    struct deed deed = {
        .fault = {.box = slot, .item = target->port, .plane = target->plane},
        .heal = {.box = slot, .item = target->port, .plane = target->plane},
    };

    if (slot == run->plan->box_count)
        return;
    box_set_add(boxes, slot);
    if (link_deed(event, fabric, &deed))
        do_deed(run, index, &deed);
}

/* ---- partitions ---- */

static void
everyone_else(const struct run *run, const struct box_set *side,
              struct box_set *others)
{
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        if (!box_set_has(side, i))
            box_set_add(others, i);
    }
}

/* One direction; heals by itself when the event lasts a while. */
static void
partition_inject(struct run *run, unsigned index, const struct box_set *from,
                 const struct box_set *to, unsigned planes)
{
    const struct scenario_event *event = &run->scenario->events[index];
    struct world_fault fault = {
        .kind = WORLD_PARTITION, .value = planes, .from = *from, .to = *to};

    run_inject(run, &fault, event->what->name, false);
    fault.kind = WORLD_PARTITION_HEAL;
    if (event->lasts.ps > 0)
        later(run, index, event->lasts, &fault);
}

static void
apply_partition(struct run *run, unsigned index, const struct box_set *side)
{
    const struct scenario_event *event = &run->scenario->events[index];
    const struct scenario_value *from = scenario_event_value(event, "from");
    uint64_t direction = number_of(event, "direction");
    /* both, a, b */
    uint64_t plane = number_of(event, "plane");
    unsigned planes = plane == 0 ? 3 : 1u << (plane - 1);
    struct box_set others = {{0}};

    for (size_t i = 0; i < from->targets.count; i++)
        select_boxes(run, &from->targets.items[i], &others);
    if (from->targets.count == 0)
        everyone_else(run, side, &others);
    if (direction != 2)
        partition_inject(run, index, side, &others, planes);
    if (direction != 1)
        partition_inject(run, index, &others, side, planes);
}

static void
apply_plane(struct run *run, unsigned index, enum plane plane)
{
    const struct scenario_event *event = &run->scenario->events[index];
    struct world_fault fault = {.kind = WORLD_PLANE, .plane = plane};
    struct world_fault heal = {
        .kind = WORLD_PLANE, .plane = plane, .value = 1};

    fault.box = select_slot(run, ROLE_NCM, plane);
    heal.box = fault.box;
    run_inject(run, &fault, event->what->name, false);
    if (event->lasts.ps > 0)
        later(run, index, event->lasts, &heal);
}

/* ---- operators ---- */

static void
operator_send(struct run *run, const struct operator_req *req)
{
    unsigned active = watch_active(&run->watch);
    uint8_t bytes[256];
    struct wire_writer writer;

    if (active == WORLD_BOXES_MAX) {
        run_note(run, "note", "operator", "",
                 "no controller is active: the request is lost");
        return;
    }
    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, req);
    if (run->world->ops->request(run->world, active, 0, bytes,
                                 wire_writer_size(&writer)) != 0)
        run_note(run, "note", "operator", run->plan->boxes[active].name,
                 "does not answer");
}

static enum operator_verb
verb_of(enum catalogue_id id)
{
    switch ((int)id) {
    case ACTION_MODULE_DRAIN: return OPERATOR_DRAIN;
    case ACTION_MODULE_UNDRAIN: return OPERATOR_UNDRAIN;
    case ACTION_MODULE_REPLACE: return OPERATOR_REPLACE;
    case ACTION_MODULE_REMOVE: return OPERATOR_REMOVE;
    default: return OPERATOR_SWITCHOVER;
    }
}

static void
apply_operator(struct run *run, unsigned index, const struct box_set *boxes)
{
    const struct scenario_event *event = &run->scenario->events[index];
    struct operator_req req = {
        .verb = verb_of(event->what->id),
        .module = MODULE_NONE,
    };

    ledger_cause(run->ledger, boxes, true, event->what->name);
    if (req.verb == OPERATOR_SWITCHOVER) {
        operator_send(run, &req);
        return;
    }
    if (req.verb == OPERATOR_REPLACE)
        outcome_text(req.serial, sizeof(req.serial), "%s",
                     scenario_event_value(event, "serial")->text);
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        const struct plan_box *planned = &run->plan->boxes[i];

        if (!box_set_has(boxes, i))
            continue;
        req.module = (uint16_t)run->watch.boxes[i].module;
        if (req.module == MODULE_NONE)
            req.module = module_id(planned->role, planned->number);
        operator_send(run, &req);
    }
}

/* ---- more actions ---- */

static void
apply_swap(struct run *run, unsigned index, const struct box_set *boxes)
{
    const struct scenario_event *event = &run->scenario->events[index];
    struct world_fault fault = {.kind = WORLD_BOX_SWAP};
    unsigned found = 0;

    for (unsigned i = 0; i < run->plan->box_count; i++) {
        if (!box_set_has(boxes, i))
            continue;
        *(found++ == 0 ? &fault.box : &fault.box2) = i;
    }
    if (found != 2)
        return;
    for (unsigned i = 0; i < 2; i++) {
        unsigned box = i == 0 ? fault.box : fault.box2;
        struct world_fault off = {.kind = WORLD_BOX_POWER_OFF, .box = box};
        struct world_fault on = {.kind = WORLD_BOX_POWER_ON, .box = box};

        run_inject(run, &off, event->what->name, true);
        later(run, index, simtime_from_s(60), &on);
    }
    run_inject(run, &fault, event->what->name, true);
}

static void
apply_add(struct run *run, unsigned index)
{
    const struct scenario_event *event = &run->scenario->events[index];
    uint64_t count = number_of(event, "boxes");
    unsigned first = run->plan->box_count - run->plan->spare_count;

    for (; count > 0 && run->spares_used < run->plan->spare_count; count--) {
        struct world_fault fault = {
            .kind = WORLD_BOX_POWER_ON,
            .box = first + run->spares_used++,
        };

        box_set_add(&run->events[index].boxes, fault.box);
        run_inject(run, &fault, event->what->name, true);
    }
    if (count > 0)
        run_note(run, "note", event->what->name, "", "no spare box is left");
}

static void
apply_route_change(struct run *run, unsigned index)
{
    const struct scenario_event *event = &run->scenario->events[index];

    if (!addresses_change(run, (unsigned)number_of(event, "hops")))
        run_note(run, "note", "operator", "",
                 "no controller is active: the request is lost");
}

static void
apply_cable_swap(struct run *run, unsigned index)
{
    const struct scenario_event *event = &run->scenario->events[index];
    const struct target *a = &event->targets.items[0];
    const struct target *b = &event->targets.items[1];
    struct world_fault fault = {
        .kind = WORLD_FABRIC_CABLE,
        .box = select_slot(run, a->role, a->number),
        .item = a->port,
        .box2 = select_slot(run, b->role, b->number),
        .item2 = b->port,
    };

    box_set_add(&run->events[index].boxes, fault.box);
    box_set_add(&run->events[index].boxes, fault.box2);
    run_inject(run, &fault, event->what->name, true);
}

static void
apply_clone(struct run *run, unsigned index, const struct box_set *boxes)
{
    const struct scenario_event *event = &run->scenario->events[index];
    const struct scenario_value *of = scenario_event_value(event, "of");
    struct box_set originals = {{0}};
    struct deed deed = {.fault = {.kind = WORLD_BOX_CLONE}};

    if (of->targets.count > 0)
        select_boxes(run, &of->targets.items[0], &originals);
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        if (box_set_has(boxes, i))
            deed.fault.box = i;
        if (box_set_has(&originals, i))
            deed.fault.box2 = i;
    }
    do_deed(run, index, &deed);
}

static void
apply_target(struct run *run, unsigned index, const struct target *target)
{
    struct event_state *state = &run->events[index];
    struct box_set boxes = {{0}};
    const struct target *meant = target;

    if (target->kind == TARGET_EVENT && run->events[target->event].has_last)
        meant = &run->events[target->event].last;
    state->last = *meant;
    state->has_last = true;
    if (meant->kind == TARGET_FABRIC_LINK ||
        meant->kind == TARGET_MANAGEMENT_LINK) {
        apply_link(run, index, meant, &state->boxes);
        return;
    }
    if (meant->kind == TARGET_PLANE) {
        apply_plane(run, index, meant->plane);
        return;
    }
    if (target->kind == TARGET_EVENT)
        boxes = run->events[target->event].boxes;
    else
        select_boxes(run, target, &boxes);
    apply_boxes(run, index, meant, &boxes);
    for (unsigned i = 0; i < WORLD_BOXES_MAX / 64; i++)
        state->boxes.bits[i] |= boxes.bits[i];
}

/* The boxes of all targets. */
static void
all_boxes(struct run *run, unsigned index, struct box_set *boxes)
{
    const struct scenario_event *event = &run->scenario->events[index];

    for (size_t i = 0; i < event->targets.count; i++)
        select_boxes(run, &event->targets.items[i], boxes);
    run->events[index].boxes = *boxes;
}

static void
apply(struct run *run, unsigned index)
{
    const struct scenario_event *event = &run->scenario->events[index];
    struct box_set boxes = {{0}};
    struct world_fault heal = {.kind = WORLD_PARTITION_HEAL};

    switch ((int)event->what->id) {
    case FAULT_PARTITION:
        all_boxes(run, index, &boxes);
        apply_partition(run, index, &boxes);
        return;
    case FAULT_PARTITION_HEAL:
        run_inject(run, &heal, event->what->name, false);
        return;
    case ACTION_CONTROLLER_SWITCHOVER:
    case ACTION_MODULE_DRAIN:
    case ACTION_MODULE_UNDRAIN:
    case ACTION_MODULE_REPLACE:
    case ACTION_MODULE_REMOVE:
        all_boxes(run, index, &boxes);
        apply_operator(run, index, &boxes);
        return;
    case ACTION_BOX_SWAP:
        all_boxes(run, index, &boxes);
        apply_swap(run, index, &boxes);
        return;
    case FAULT_BOX_CLONE:
        all_boxes(run, index, &boxes);
        apply_clone(run, index, &boxes);
        return;
    case ACTION_BOX_ADD: apply_add(run, index); return;
    case ACTION_CABLE_SWAP: apply_cable_swap(run, index); return;
    case ACTION_ROUTE_CHANGE: apply_route_change(run, index); return;
    case ACTION_RANDOM_FAULTS: random_faults_start(run, index); return;
    default: break;
    }
    for (size_t i = 0; i < event->targets.count; i++)
        apply_target(run, index, &event->targets.items[i]);
}

void
apply_event(struct run *run, unsigned index)
{
    const struct scenario_event *event = &run->scenario->events[index];
    struct event_state *state = &run->events[index];
    struct outcome_event *row;
    size_t row_index;
    char target[OUTCOME_NAME_BYTES];

    state->boxes = (struct box_set){{0}};
    state->has_last = false;
    run_note(run, catalogue_is_action(event->what->id) ? "action" : "fault",
             event->what->name, "", "%s",
             event->name != NULL ? event->name : "");
    row_index = run->outcome->timeline.count - 1;
    if (state->fired == 0) {
        state->first_at = run->world->ops->now(run->world);
        state->last_ack_at = run->probe.last_ack_at;
    }
    run->last_step = run->world->ops->now(run->world);
    run->applying = index;
    apply(run, index);
    run->applying = SCENARIO_NO_EVENT;
    if (state->fired == 0)
        state->done_at = run->world->ops->now(run->world);
    state->fired++;
    if (state->has_last && state->last.kind != TARGET_BOX &&
        state->last.kind != TARGET_SERVICE)
        outcome_text(target, sizeof(target), "%s", state->last.text);
    else if (box_set_count(&state->boxes) > 0)
        box_set_text(run, &state->boxes, target, sizeof(target));
    else
        target[0] = '\0';
    row = ROWS_GET(&run->outcome->timeline, struct outcome_event, row_index);
    outcome_text(row->target, sizeof(row->target), "%s", target);
}
