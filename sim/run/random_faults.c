/* SPDX-License-Identifier: Apache-2.0
 *
 * Random faults of a soak: each kind strikes each box (or service, or link)
 * with a mean time between failures from the field, divided by the scenario's
 * factor, and heals after an exponential repair time.
 *
 * All kinds together are one Poisson process; which kind and which target
 * struck is drawn in proportion to the rates.
 */
#include "sim/kernel/fixed.h"
#include "sim/run/run_priv.h"

#include <string.h>

/* Kinds and their field rates, models/data/rates.yaml. */
static const struct {
    enum catalogue_id id;
    enum rate rate;
} kinds[] = {
    {FAULT_BOX_POWER_LOSS, RATE_BOX_POWER_LOSS},
    {FAULT_BOX_RESTART, RATE_BOX_RESTART},
    {FAULT_SERVICE_KILL, RATE_SERVICE_KILL},
    {FAULT_SERVICE_HANG, RATE_SERVICE_HANG},
    {FAULT_LINK_DOWN, RATE_LINK_DOWN},
    {FAULT_PSU_FAIL, RATE_PSU_FAIL},
    {FAULT_FAN_FAIL, RATE_FAN_FAIL},
    {FAULT_DISK_STALL, RATE_DISK_STALL},
    {FAULT_LINK_LOSS, RATE_LINK_LOSS},
};

#define PS_PER_H (3600 * SIMTIME_PS_PER_S)

static bool
wanted(const struct random_faults *faults, unsigned index)
{
    return faults->kinds == 0 || ((faults->kinds >> kinds[index].id) & 1) != 0;
}

static unsigned
services_of(const struct run *run, unsigned box)
{
    unsigned count = 0;

    for (unsigned service = SVC_BUS; service < SVC_COUNT; service++)
        count += run->world->ops->has_service(run->world, box, service);
    return count;
}

/* What of a box a kind can strike. */
static unsigned
items_of_box(const struct run *run, unsigned box, enum catalogue_id id)
{
    const struct box_model *model = run->plan->boxes[box].model;

    if (id == FAULT_SERVICE_KILL || id == FAULT_SERVICE_HANG)
        return services_of(run, box);
    if (id == FAULT_PSU_FAIL)
        return model->psu_count;
    return id == FAULT_FAN_FAIL ? model->fan_count : 1;
}

static uint64_t
items_of(const struct run *run, enum catalogue_id id)
{
    unsigned boxes = run->plan->box_count - run->plan->spare_count;
    uint64_t items = 0;

    if (id == FAULT_LINK_DOWN || id == FAULT_LINK_LOSS)
        return run->plan->cable_count;
    for (unsigned i = 0; i < boxes; i++)
        items += items_of_box(run, i, id);
    return items;
}

/* Failures per 1e9 hours of all items of a kind. */
static uint64_t
rate_of(const struct run *run, unsigned index)
{
    if (!wanted(&run->random, index))
        return 0;
    return items_of(run, kinds[index].id) * 1000000000u /
           run->plan->rates.mtbf_h[kinds[index].rate];
}

static struct random_stream
stream_of(const struct run *run, const char *purpose)
{
    struct random_stream stream =
        random_stream_make(run->options->seed, 0, random_purpose(purpose));

    stream.n = run->random.drawn;
    return stream;
}

static void
next_draw(struct run *run, struct simtime now)
{
    struct random_faults *faults = &run->random;
    struct random_stream stream = stream_of(run, "random-faults-time");
    uint64_t total = 0;
    uint64_t mean_ps;

    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++)
        total += rate_of(run, i);
    if (total == 0) {
        faults->on = false;
        return;
    }
    mean_ps = fixed_mul_div(fixed_mul_div(PS_PER_H, 1000000000u, total), 1000u,
                            faults->factor_permille);
    faults->next_at = simtime_add(
        now, random_exponential_time(&stream, (struct simtime){mean_ps}));
    if (simtime_before(faults->until, faults->next_at))
        faults->on = false;
}

void
random_faults_start(struct run *run, unsigned index)
{
    const struct scenario_event *event = &run->scenario->events[index];
    struct random_faults *faults = &run->random;

    *faults = (struct random_faults){
        .on = true,
        .event = index,
        .factor_permille = scenario_event_value(event, "field-rate")->number,
        .kinds = scenario_event_value(event, "kinds")->number,
        .repair = {scenario_event_value(event, "repair")->number},
        .at_once = scenario_event_value(event, "at-once")->number,
        .until = event->until.ps > 0 ? simtime_add(run->origin, event->until)
                                     : run->ends_at,
    };
    next_draw(run, run->world->ops->now(run->world));
}

/* Any item of any box, each as likely as the others. */
static void
draw_item(const struct run *run, struct random_stream *stream,
          enum catalogue_id id, struct world_fault *fault)
{
    uint64_t drawn = random_below(stream, items_of(run, id));
    unsigned items = items_of_box(run, 0, id);

    for (fault->box = 0; drawn >= items;
         items = items_of_box(run, ++fault->box, id))
        drawn -= items;
    fault->item = (unsigned)drawn;
}

/* The 'index'th service of a box. */
static unsigned
service_at(const struct run *run, unsigned box, unsigned index)
{
    unsigned service = SVC_BUS;

    while (!run->world->ops->has_service(run->world, box, service) ||
           index-- > 0)
        service++;
    return service;
}

static void
draw_cable(const struct run *run, struct random_stream *stream,
           struct world_fault *fault)
{
    const struct plan_cable *cable =
        &run->plan->cables[random_below(stream, run->plan->cable_count)];

    fault->box = cable->ncp_box;
    fault->item = cable->ncp_port;
}

/* Fills fault and heal of a kind; false when it heals by itself. */
static bool
draw_fault(struct run *run, struct random_stream *stream, enum catalogue_id id,
           struct world_fault *fault, struct world_fault *heal)
{
    bool heals = true;

    if (id == FAULT_LINK_DOWN || id == FAULT_LINK_LOSS)
        draw_cable(run, stream, fault);
    else
        draw_item(run, stream, id, fault);
    switch ((int)id) {
    case FAULT_BOX_POWER_LOSS:
        fault->kind = WORLD_BOX_POWER_OFF;
        heal->kind = WORLD_BOX_POWER_ON;
        break;
    case FAULT_BOX_RESTART:
        fault->kind = WORLD_BOX_RESTART;
        fault->value = REBOOT_WATCHDOG;
        heals = false;
        break;
    case FAULT_SERVICE_KILL:
    case FAULT_SERVICE_HANG:
        fault->kind =
            id == FAULT_SERVICE_KILL ? WORLD_SERVICE_KILL : WORLD_SERVICE_HANG;
        fault->item = service_at(run, fault->box, fault->item);
        fault->value = 1;
        heals = id == FAULT_SERVICE_HANG;
        break;
    case FAULT_PSU_FAIL:
    case FAULT_FAN_FAIL:
        fault->kind = id == FAULT_PSU_FAIL ? WORLD_PSU : WORLD_FAN;
        heal->value = 1;
        break;
    case FAULT_DISK_STALL:
        fault->kind = WORLD_DISK_STALL;
        fault->value = random_between(stream, 10000000, 2000000000);
        heals = false;
        break;
    default:
        fault->kind =
            id == FAULT_LINK_DOWN ? WORLD_FABRIC_LINK : WORLD_FABRIC_LOSS;
        fault->value = id == FAULT_LINK_DOWN ? 0 : 100000;
        heal->value = id == FAULT_LINK_DOWN;
        break;
    }
    if (heal->kind == 0)
        heal->kind = fault->kind;
    heal->box = fault->box;
    heal->item = fault->item;
    return heals;
}

static void
strike(struct run *run, unsigned index, struct simtime now)
{
    struct random_faults *faults = &run->random;
    struct random_stream stream = stream_of(run, "random-faults-target");
    struct random_stream repair = stream_of(run, "random-faults-repair");
    struct world_fault fault = {.kind = 0};
    struct world_fault heal = {.kind = 0};
    const char *name = catalogue_get(kinds[index].id)->name;
    bool heals;

    stream.n <<= 8; /* several draws for each fault */
    heals = draw_fault(run, &stream, kinds[index].id, &fault, &heal);
    run_note(run, "fault", name, run->plan->boxes[fault.box].name,
             "at random");
    run_inject(run, &fault, name, false);
    if (heals) {
        struct pending pending = {
            .at = simtime_add(
                now, random_exponential_time(&repair, faults->repair)),
            .fault = heal,
            .event = faults->event,
            .random = true,
        };

        faults->open++;
        pending_add(run, &pending);
    }
}

void
random_faults_fire(struct run *run, struct simtime now)
{
    struct random_faults *faults = &run->random;
    struct random_stream stream = stream_of(run, "random-faults-kind");
    uint64_t total = 0;
    uint64_t drawn;

    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++)
        total += rate_of(run, i);
    drawn = random_below(&stream, total);
    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
        uint64_t rate = rate_of(run, i);

        if (drawn < rate) {
            /* One that finds enough of them open passes by. */
            if (faults->open < faults->at_once)
                strike(run, i, now);
            break;
        }
        drawn -= rate;
    }
    faults->drawn++;
    next_draw(run, now);
}

void
random_faults_healed(struct run *run)
{
    if (run->random.open > 0)
        run->random.open--;
}
