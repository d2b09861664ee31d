/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of metrics.
 */
#include "reference-nos/schema/tables.h"
#include "sim/run/run_priv.h"

#include <stdio.h>
#include <string.h>

static enum ledger_kind
ledger_kind_of(const struct metric_ref *ref)
{
    if (!ref->has_argument || ref->word == CAUSE_ALL)
        return LEDGER_ALL;
    return ref->word == CAUSE_PLANNED ? LEDGER_PLANNED : LEDGER_UNPLANNED;
}

static int
ports_value(struct run *run, const struct metric_ref *ref, uint64_t *value)
{
    struct simtime now = run_now(run);
    struct simtime longest = {0};

    /* Nothing was told of ports: that is not "no outage". */
    if (run->real && ledger_ports(run->ledger) == 0)
        return ERR_NOENT;
    switch ((int)ref->metric->id) {
    case METRIC_PORTS_OUTAGE:
        *value =
            ledger_longest(run->ledger, ledger_kind_of(ref), now, NULL).ps;
        return 0;
    case METRIC_PORTS_OUTAGE_TOTAL:
        *value =
            ledger_total_port_ps(run->ledger, ledger_kind_of(ref), now, NULL);
        return 0;
    case METRIC_PORTS_IN_SERVICE:
        *value = ledger_ports_in_service(run->ledger);
        return 0;
    case METRIC_PORTS_TOTAL: *value = ledger_ports(run->ledger); return 0;
    case METRIC_PORTS_AVAILABILITY:
        *value =
            ledger_availability_ppt(run->ledger, ledger_kind_of(ref), now) /
            1000;
        return 0;
    default: break;
    }
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        const struct watch_box *box = &run->watch.boxes[i];

        longest = simtime_max(longest, box->degraded_longest);
        if (box->degraded)
            longest =
                simtime_max(longest, simtime_sub(now, box->degraded_since));
    }
    *value = longest.ps;
    return 0;
}

/* From the event to the first write acknowledged after it; 0 when the writes
 * did not pause longer than three periods. */
static int
write_outage(struct run *run, const struct event_state *event, uint64_t *value)
{
    struct simtime end = event->acked ? event->first_ack_at : run_now(run);
    struct simtime pause = simtime_sub(end, event->last_ack_at);

    if (run->probe.every.ps == 0)
        return ERR_NOENT;
    *value = pause.ps <= 3 * run->probe.every.ps
                 ? 0
                 : simtime_sub(end, event->first_at).ps;
    return 0;
}

static int
event_value(struct run *run, const struct metric_ref *ref, uint64_t *value)
{
    const struct event_state *event = &run->events[ref->event];

    if (ref->metric->id == METRIC_EVENTS_FIRED) {
        *value = 0;
        for (size_t i = 0; i < run->scenario->event_count; i++) {
            if (!ref->has_argument || ref->event == i)
                *value += run->events[i].fired;
        }
        return 0;
    }
    if (event->fired == 0)
        return ERR_NOENT;
    if (ref->metric->id == METRIC_SWITCHOVER_WRITE_OUTAGE)
        return write_outage(run, event, value);
    if (ref->metric->id != METRIC_CLUSTER_CONVERGE_TIME)
        return stages_value(run, ref, value);
    if (!run->converged)
        return ERR_NOENT;
    *value = simtime_sub(simtime_max(run->converged_since, event->first_at),
                         event->first_at)
                 .ps;
    return 0;
}

static int
fan_speed(struct run *run, unsigned box, uint64_t *value)
{
    uint32_t duty_percent;

    if (run->world->ops->fan_duty == NULL)
        return ERR_UNSUPPORTED;
    if (run->world->ops->fan_duty(run->world, box, &duty_percent) != 0)
        return ERR_NOENT;
    *value = (uint64_t)duty_percent * 10000000;
    return 0;
}

static int
target_value(struct run *run, const struct metric_ref *ref, uint64_t *value)
{
    struct box_set boxes = {{0}};
    bool any = !ref->has_argument;

    *value = 0;
    if (ref->has_argument)
        select_boxes(run, &ref->target, &boxes);
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        const struct watch_box *box = &run->watch.boxes[i];

        if (ref->has_argument && !box_set_has(&boxes, i))
            continue;
        any = true;
        if (ref->metric->id == METRIC_FAN_SPEED)
            return fan_speed(run, i, value);
        if (ref->metric->id == METRIC_BOX_RESTARTS) {
            *value += box->restarts;
        } else if (ref->metric->id == METRIC_MODULES_NUMBER) {
            enum role role;
            uint16_t number;

            if (module_of_id((uint16_t)box->module, &role, &number) != 0)
                return ERR_NOENT;
            *value = number;
            return 0;
        } else {
            for (unsigned j = 0; j < SVC_COUNT; j++) {
                if (!ref->has_argument || ref->target.kind != TARGET_SERVICE ||
                    ref->target.service == j)
                    *value += box->service_restarts[j];
            }
        }
    }
    return any ? 0 : ERR_NOENT;
}

/* The longest of the last lives of boxes. */
static int
join_value(struct run *run, const struct metric_ref *ref, uint64_t *value)
{
    bool service = ref->metric->id == METRIC_JOIN_SERVICE_TIME;
    struct box_set boxes = {{0}};
    int err = ERR_NOENT;

    *value = 0;
    if (ref->has_argument)
        select_boxes(run, &ref->target, &boxes);
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        const struct watch_box *box = &run->watch.boxes[i];
        struct simtime time = service ? box->service_time : box->join_time;

        if ((ref->has_argument && !box_set_has(&boxes, i)) ||
            !(service ? box->service_known : box->join_known))
            continue;
        err = 0;
        *value = time.ps > *value ? time.ps : *value;
    }
    return err;
}

static uint64_t
boxes_where(struct run *run, enum metric_id id)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < run->plan->box_count; i++) {
        const struct watch_box *seen = &run->watch.boxes[i];
        struct world_box box;

        run->world->ops->box(run->world, i, &box);
        if (id == METRIC_MODULES_ALLOCATED)
            count += box.running && seen->module != MODULE_NONE;
        else if (id == METRIC_BOXES_JOINED)
            count += box.running && seen->joined && !seen->headless;
        else if (id == METRIC_BOXES_HEADLESS)
            count += box.running && seen->headless;
        else if (id == METRIC_BOXES_RUNNING)
            count += box.running;
        else
            count += box.front_ports > 0 && box.forwarding;
    }
    return count;
}

static uint64_t
memory_peak(struct run *run, const struct metric_ref *ref)
{
    uint64_t peak = 0;

    for (unsigned i = 0; i < run->plan->box_count; i++) {
        struct world_load load;

        run->world->ops->load(run->world, i, &load);
        for (unsigned j = 0; j < SVC_COUNT; j++) {
            if ((!ref->has_argument || ref->word == j) &&
                load.memory_peak_bytes[j] > peak)
                peak = load.memory_peak_bytes[j];
        }
    }
    return peak;
}

/* What lower lanes added to higher ones, the worst of all boxes. */
static uint64_t
lanes_value(struct run *run, enum metric_id id)
{
    struct lane_account wire = {0}, cpu = {0};

    for (unsigned i = 0; i < run->plan->box_count; i++) {
        struct world_load load;

        run->world->ops->load(run->world, i, &load);
        for (unsigned hop = 0; hop < LANE_HOP_COUNT; hop++) {
            struct lane_account *sum = hop == LANE_HOP_CPU ? &cpu : &wire;

            sum->waited += load.lanes[hop].waited;
            if (load.lanes[hop].units > sum->units)
                sum->units = load.lanes[hop].units;
            sum->time = simtime_max(sum->time, load.lanes[hop].time);
        }
    }
    switch ((int)id) {
    case METRIC_LANES_WAITED: return wire.waited + cpu.waited;
    case METRIC_LANES_ADDED_FRAMES: return wire.units;
    case METRIC_LANES_ADDED_WIRE_TIME: return wire.time.ps;
    default: return cpu.time.ps;
    }
}

/* An oracle that saw nothing proves nothing: in a world that hides things,
 * that is no zero. */
static int
oracle_violations(struct run *run, const struct metric_ref *ref,
                  uint64_t *value)
{
    uint64_t exercised = 0;

    *value = 0;
    for (unsigned i = 0; i < ORACLE_COUNT; i++) {
        const struct oracle_result *result = oracles_result(run->oracles, i);
        char id[8];

        (void)snprintf(id, sizeof(id), "O%u", ref->word);
        if (ref->has_argument && strcmp(id, result->id) != 0)
            continue;
        exercised += result->exercised;
        *value += result->violations;
    }
    return run->real && exercised == 0 ? ERR_UNSUPPORTED : 0;
}

/* Can this world tell at all? */
static bool
is_blind(const struct run *run, const struct metric *metric)
{
    return run->real && metric->id != METRIC_FAN_SPEED &&
           (metric->worlds & WORLD_BIT(run->options->world)) == 0;
}

static int
run_value(struct run *run, const struct metric_ref *ref, uint64_t *value)
{
    struct watch *watch = &run->watch;

    switch ((int)ref->metric->id) {
    case METRIC_PORTS_OUTAGE:
    case METRIC_PORTS_OUTAGE_TOTAL:
    case METRIC_PORTS_DEGRADED:
    case METRIC_PORTS_IN_SERVICE:
    case METRIC_PORTS_TOTAL:
    case METRIC_PORTS_AVAILABILITY: return ports_value(run, ref, value);
    case METRIC_SWITCHOVER_WRITE_OUTAGE:
    case METRIC_SWITCHOVER_DETECT:
    case METRIC_SWITCHOVER_ELECT:
    case METRIC_SWITCHOVER_COMMIT:
    case METRIC_SWITCHOVER_APPLY:
    case METRIC_CLUSTER_CONVERGE_TIME:
    case METRIC_EVENTS_FIRED: return event_value(run, ref, value);
    case METRIC_MODULES_NUMBER:
    case METRIC_FAN_SPEED:
    case METRIC_SERVICE_RESTARTS:
    case METRIC_BOX_RESTARTS: return target_value(run, ref, value);
    case METRIC_MODULES_ALLOCATED:
    case METRIC_BOXES_JOINED:
    case METRIC_BOXES_FORWARDING:
    case METRIC_BOXES_HEADLESS:
    case METRIC_BOXES_RUNNING:
        *value = boxes_where(run, ref->metric->id);
        return 0;
    case METRIC_JOIN_TIME:
    case METRIC_JOIN_SERVICE_TIME: return join_value(run, ref, value);
    case METRIC_CLUSTER_REJOIN_TIME:
        if (!run->converged || watch->last_ready.ps == 0)
            return ERR_NOENT;
        *value = simtime_before(run->converged_since, watch->last_ready)
                     ? 0
                     : simtime_sub(run->converged_since, watch->last_ready).ps;
        return 0;
    case METRIC_SWITCHOVER_COUNT: *value = watch->switchovers; return 0;
    case METRIC_MODULES_RENUMBERED:
        *value = oracles_modules_renumbered(run->oracles);
        return 0;
    case METRIC_MODULES_DUPLICATE:
        *value = oracles_modules_duplicate(run->oracles);
        return 0;
    case METRIC_MODULES_REFUSED:
        *value =
            watch_refused(watch, ref->has_argument ? ref->word : REFUSE_ALL);
        return 0;
    case METRIC_CONTROLLERS_ACTIVE:
        *value = watch_active_count(watch);
        return 0;
    case METRIC_CLUSTER_CONVERGED: *value = run_converged(run); return 0;
    case METRIC_BOOT_TIME:
        if (run->boot_time.ps == 0)
            return ERR_NOENT;
        *value = run->boot_time.ps;
        return 0;
    case METRIC_WRITES_ACKED: *value = run->probe.acked; return 0;
    case METRIC_WRITES_SILENCE:
        if (run->probe.acked == 0)
            return ERR_NOENT;
        *value = simtime_sub(run_now(run), run->probe.last_ack_at).ps;
        return 0;
    case METRIC_WRITES_LOST: *value = run->probe.lost; return 0;
    case METRIC_RAFT_ELECTIONS: *value = watch->elections; return 0;
    case METRIC_RAFT_TERM: *value = watch->term; return 0;
    case METRIC_ALARMS_ACTIVE:
    case METRIC_ALARMS_RAISED:
        *value =
            watch_alarms(watch, ref->has_argument ? ref->word : ALARM_COUNT,
                         ref->metric->id == METRIC_ALARMS_ACTIVE);
        return 0;
    case METRIC_CABLING_FAULTS: *value = watch_cabling_faults(watch); return 0;
    case METRIC_ORACLES_VIOLATIONS: return oracle_violations(run, ref, value);
    case METRIC_IDENTITY_REFUSED:
        *value = watch_identities_refused(watch);
        return 0;
    case METRIC_FENCING_REFUSED: *value = watch->fencing_refused; return 0;
    case METRIC_MEMORY_PEAK: *value = memory_peak(run, ref); return 0;
    case METRIC_LANES_WAITED:
    case METRIC_LANES_ADDED_FRAMES:
    case METRIC_LANES_ADDED_WIRE_TIME:
    case METRIC_LANES_ADDED_CPU_TIME:
        *value = lanes_value(run, ref->metric->id);
        return 0;
    default: return ERR_UNSUPPORTED; /* of traffic: run_reading() */
    }
}

static bool
is_of_traffic(enum metric_id id)
{
    return id >= METRIC_TRAFFIC_SENT && id <= METRIC_BUFFER_DEEP;
}

int
run_reading(void *arg, const struct metric_ref *ref,
            struct expr_reading *reading)
{
    struct run *run = arg;

    memset(reading, 0, sizeof(*reading));
    if (is_blind(run, ref->metric))
        return ERR_UNSUPPORTED;
    if (is_of_traffic(ref->metric->id))
        return traffic_reading(run, ref, reading);
    if (ref->metric->argument == ARGUMENT_SIZE)
        return search_value(run, ref, &reading->value);
    return run_value(run, ref, &reading->value);
}

static void
args_text(const struct metric_ref *ref, char *text, size_t size)
{
    const char *open =
        ref->has_argument && ref->text != NULL ? strchr(ref->text, '(') : NULL;

    outcome_text(text, size, "%s", open != NULL ? open + 1 : "");
    if (strchr(text, ')') != NULL)
        *strchr(text, ')') = '\0';
}

static void
record(struct run *run, const struct metric_ref *ref)
{
    struct outcome_metric *row;
    char args[OUTCOME_NAME_BYTES];
    struct expr_reading reading;

    if (run_reading(run, ref, &reading) != 0)
        return;
    args_text(ref, args, sizeof(args));
    for (size_t i = 0; i < run->outcome->metrics.count; i++) {
        row = ROWS_GET(&run->outcome->metrics, struct outcome_metric, i);
        if (row->id == ref->metric->id && strcmp(row->args, args) == 0)
            return;
    }
    row = rows_add(&run->outcome->metrics);
    row->id = ref->metric->id;
    row->value = reading.value;
    row->samples = reading.samples;
    row->at_least = reading.estimated && reading.high == UINT64_MAX;
    if (row->at_least)
        row->value = reading.low;
    outcome_text(row->args, sizeof(row->args), "%s", args);
}

/* The course of every event that has a name. */
static void
record_events(struct run *run)
{
    static const enum metric_id ids[] = {
        METRIC_SWITCHOVER_WRITE_OUTAGE, METRIC_SWITCHOVER_DETECT,
        METRIC_SWITCHOVER_ELECT, METRIC_SWITCHOVER_COMMIT,
        METRIC_SWITCHOVER_APPLY};

    for (size_t i = 0; i < run->scenario->event_count; i++) {
        const char *name = run->scenario->events[i].name;
        char text[OUTCOME_NAME_BYTES + 48];

        for (unsigned j = 0; name != NULL && j < ARRAY_COUNT(ids); j++) {
            struct metric_ref ref = {.metric = metric_get(ids[j]),
                                     .text = text,
                                     .has_argument = true,
                                     .event = (uint32_t)i};

            if (run->events[i].skipped)
                continue;
            outcome_text(text, sizeof(text), "%s(%s)", ref.metric->name, name);
            record(run, &ref);
        }
    }
}

/* What each block of traffic met. */
static void
record_traffic(struct run *run)
{
    for (size_t i = 0; i < run->traffic.block_count; i++) {
        char text[OUTCOME_NAME_BYTES + 48];

        for (unsigned id = 0; id < METRIC_COUNT; id++) {
            struct metric_ref ref = {.metric = metric_get(id),
                                     .text = text,
                                     .has_argument = true,
                                     .traffic = (uint32_t)i};

            if (ref.metric->argument != ARGUMENT_TRAFFIC)
                continue;
            outcome_text(text, sizeof(text), "%s(%s)", ref.metric->name,
                         run->scenario->traffic[i].name);
            record(run, &ref);
        }
    }
}

/* What the search found for each size. */
static void
record_search(struct run *run)
{
    for (size_t i = 0; i < run->scenario->search.size_count; i++) {
        unsigned bytes = run->scenario->search.sizes[i];
        char text[OUTCOME_NAME_BYTES + 48];

        for (unsigned id = METRIC_SEARCH_THROUGHPUT;
             id <= METRIC_SEARCH_LATENCY; id++) {
            struct metric_ref ref = {.metric = metric_get(id),
                                     .text = text,
                                     .has_argument = true,
                                     .word = bytes};

            outcome_text(text, sizeof(text), "%s(%u)", ref.metric->name,
                         bytes);
            record(run, &ref);
        }
    }
}

/* Every metric that needs no argument, those the expectations and
 * comparisons name, and those of events. */
void
values_record(struct run *run)
{
    for (unsigned id = 0; id < METRIC_COUNT; id++) {
        const struct metric *metric = metric_get(id);
        struct metric_ref ref = {.metric = metric};

        if (metric->argument == ARGUMENT_NONE || metric->argument_optional)
            record(run, &ref);
    }
    for (size_t i = 0; i < run->scenario->expect_count; i++) {
        const struct expr *expr = &run->scenario->expects[i].expr;

        for (size_t j = 0; j < expr->count; j++) {
            if (expr->terms[j].ref.has_argument)
                record(run, &expr->terms[j].ref);
        }
    }
    for (size_t i = 0; i < run->scenario->compare_count; i++)
        record(run, &run->scenario->compares[i].ref);
    record_events(run);
    record_traffic(run);
    record_search(run);
}
