/* SPDX-License-Identifier: Apache-2.0
 *
 * Drives one run: boot, timeline, expectations, judgement.
 */
#include "sim/run/run.h"

#include "reference-nos/base/check.h"
#include "reference-nos/schema/tables.h"
#include "sim/run/run_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define POWER_ON_SPREAD_MS 2000u

/* ---- listening ---- */

/* What a reader of the report wants to see on the timeline. */
static void
milestones_note(struct run *run, const struct observation *seen)
{
    const char *name = run->plan->boxes[seen->box].name;
    const struct trace_record *trace = &seen->trace;

    if (!run->opened)
        return;
    if (seen->kind == OBSERVE_BOX_OFF)
        run_note(run, "state", "box.down", name, "stopped");
    else if (seen->kind == OBSERVE_BOX_READY)
        run_note(run, "state", "box.ready", name, "the NOS runs");
    if (seen->kind != OBSERVE_TRACE)
        return;
    if (trace->kind == TRACE_ACTIVE)
        run_note(run, "state", "controller.active", name, "term %llu",
                 (unsigned long long)trace->a);
    else if (trace->kind == TRACE_PASSIVE)
        run_note(run, "state", "controller.passive", name, "term %llu",
                 (unsigned long long)trace->a);
    else if (trace->kind == TRACE_JOINED)
        run_note(run, "state", "box.joined", name, "module %llu",
                 (unsigned long long)trace->a);
    else if (trace->kind == TRACE_SERVICE_DIED)
        run_note(run, "state", "service.died", name, "%s",
                 service_name((unsigned)trace->a));
}

static void
listen(void *context, const struct observation *seen)
{
    struct run *run = context;

    run->seen_at = seen->at;
    /* After the end only the last read goes on. */
    if (!run->ended) {
        /* What comes after a deadline cannot keep it. */
        if (run->opened && simtime_before(run->deadline, seen->at))
            expects_close(run, seen->at);
        watch_observe(&run->watch, seen);
        ledger_observe(run->ledger, seen);
        stages_note(run, seen);
        milestones_note(run, seen);
    }
    oracles_observe(run->oracles, seen);
    probe_observe(run, seen);
    addresses_observe(run, seen);
    if (seen->kind == OBSERVE_LOG && run->options->log != NULL) {
        char text[SIMTIME_TEXT_BYTES];

        (void)fprintf(run->options->log, "%s %s %s: %.*s\n",
                      simtime_format_s(seen->at, 6, text),
                      run->plan->boxes[seen->box].name,
                      service_name(seen->service), (int)seen->size,
                      (const char *)seen->bytes);
    }
}

/* ---- making the world ---- */

static int
run_init(struct run *run, const struct run_options *options,
         struct outcome *outcome, char *message, size_t message_size)
{
    const struct scenario *scenario = options->scenario;
    int err;

    memset(run, 0, sizeof(*run));
    run->options = options;
    run->scenario = scenario;
    run->outcome = outcome;
    run->real = run_world_real(options->world);
    run->deadline.ps = UINT64_MAX;
    run->applying = SCENARIO_NO_EVENT;
    run->pendings.row_bytes = sizeof(struct pending);
    err = run_world_create(options, listen, run, &run->world, &run->plan,
                           message, message_size);
    if (err != 0)
        return err;
    run->events = calloc(scenario->event_count + 1, sizeof(*run->events));
    run->expects = calloc(scenario->expect_count + 1, sizeof(*run->expects));
    run->decided = calloc(scenario->expect_count + 1, sizeof(*run->decided));
    CHECK(run->events != NULL && run->expects != NULL && run->decided != NULL);
    watch_init(&run->watch, run->plan);
    run->ledger = ledger_create(run->plan);
    run->oracles =
        oracles_create(run->plan, scenario->cluster.tombstone.ps > 0
                                      ? scenario->cluster.tombstone
                                      : simtime_from_s(TOMBSTONE_DEFAULT_S));
    traffic_init(run);
    return 0;
}

static void
run_fini(struct run *run)
{
    traffic_fini(run);
    run->world->ops->destroy(run->world);
    oracles_destroy(run->oracles);
    ledger_destroy(run->ledger);
    watch_fini(&run->watch);
    cluster_plan_destroy(run->plan);
    free(run->pendings.items);
    free(run->events);
    free(run->expects);
    free(run->decided);
}

/* ---- time ---- */

static struct simtime
now_of(const struct run *run)
{
    return run->world->ops->now(run->world);
}

struct simtime
run_now(const struct run *run)
{
    return run->ended ? run->ended_at : now_of(run);
}

/* Lets the world run; false when it ended early. */
static bool
advance(struct run *run, struct simtime until)
{
    int err = run->world->ops->run_until(run->world, until);

    run->broken |= err != 0 && err != ERR_INTERRUPTED;
    return err == 0;
}

static bool
progress(struct run *run, bool booting)
{
    struct run_progress progress = {
        .now = simtime_sub(now_of(run), booting ? run->power_at : run->origin),
        .ends = booting ? (struct simtime){0}
                        : simtime_sub(run->ends_at, run->origin),
        .booting = booting,
        .repeat = run->options->real.repeat,
    };

    return run->options->progress != NULL &&
           run->options->progress(run->options->context, &progress);
}

static void
convergence_note(struct run *run)
{
    bool converged = run_converged(run);

    if (converged && !run->converged)
        run->converged_since = now_of(run);
    if (converged && run->boot_time.ps == 0)
        run->boot_time = simtime_sub(now_of(run), run->power_at);
    run->converged = converged;
}

/* ---- boot ---- */

static void
power_on(struct run *run)
{
    unsigned count = run->plan->box_count - run->plan->spare_count;

    run->power_at = now_of(run);
    for (unsigned i = 0; i < count; i++) {
        struct random_stream stream = random_stream_make(
            run->options->seed, i, random_purpose("power-on"));
        struct pending pending = {
            .at = simtime_add(
                run->power_at,
                simtime_from_ms(random_below(&stream, POWER_ON_SPREAD_MS))),
            .fault = {.kind = WORLD_BOX_POWER_ON, .box = i},
        };

        pending_add(run, &pending);
    }
    for (unsigned i = 0; i < count; i++) {
        struct simtime next = pendings_next(run);
        struct pending *row = NULL;

        (void)!run->world->ops->run_until(run->world, next);
        for (size_t j = 0; j < run->pendings.count; j++) {
            struct pending *candidate =
                ROWS_GET(&run->pendings, struct pending, j);

            if (candidate->at.ps == next.ps && row == NULL)
                row = candidate;
        }
        CHECK(row != NULL);
        (void)!run->world->ops->inject(run->world, &row->fault);
        *row =
            *ROWS_GET(&run->pendings, struct pending, run->pendings.count - 1);
        run->pendings.count--;
    }
}

static unsigned
boot_limit_s(const struct run *run)
{
    return run->real && !run->options->stand_in ? RUN_REAL_BOOT_LIMIT_S
                                                : RUN_BOOT_LIMIT_S;
}

/* Runs until the cluster is up and settled; false when it never is. */
static bool
boot(struct run *run)
{
    struct simtime limit =
        simtime_add(now_of(run), simtime_from_s(boot_limit_s(run)));
    struct simtime poll = simtime_from_ms(RUN_POLL_MS);

    power_on(run);
    while (simtime_before(now_of(run), limit)) {
        struct simtime now = now_of(run);

        convergence_note(run);
        if (run->converged &&
            simtime_compare(simtime_sub(now, run->converged_since),
                            simtime_from_s(RUN_SETTLE_S)) >= 0) {
            return true;
        }
        if (progress(run, true)) {
            run->outcome->interrupted = true;
            return false;
        }
        if (!advance(run, simtime_add(now, poll)))
            return false;
    }
    return false;
}

/* ---- the main loop ---- */

static struct simtime
timeline_next(const struct run *run)
{
    struct simtime next = {UINT64_MAX};

    for (size_t i = 0; i < run->scenario->event_count; i++)
        next = simtime_min(next, run->events[i].next_at);
    return next;
}

/* Events that wait for others, or for something to hold; true while one
 * does. */
static bool
triggers_poll(struct run *run, struct simtime now)
{
    bool waiting = false;

    for (size_t i = 0; i < run->scenario->event_count; i++) {
        const struct scenario_event *event = &run->scenario->events[i];
        struct event_state *state = &run->events[i];
        char evidence[EXPR_EVIDENCE_BYTES];

        if (!scenario_event_triggered(event) || state->triggered)
            continue;
        waiting = true;
        if (event->after != SCENARIO_NO_EVENT &&
            run->events[event->after].fired == 0)
            continue;
        if (event->once != NULL &&
            expr_judge(event->once, run_reading, run, evidence,
                       sizeof(evidence)) != JUDGED_TRUE)
            continue;
        state->triggered = true;
        state->base =
            event->once != NULL ? now : run->events[event->after].first_at;
        state->next_at =
            simtime_add(state->base, scenario_event_time(event, 0));
    }
    return waiting;
}

static void
timeline_fire(struct run *run, struct simtime now)
{
    for (size_t i = 0; i < run->scenario->event_count; i++) {
        const struct scenario_event *event = &run->scenario->events[i];
        struct event_state *state = &run->events[i];

        if (simtime_before(now, state->next_at))
            continue;
        apply_event(run, (unsigned)i);
        state->next_at = (struct simtime){UINT64_MAX};
        if (state->fired < event->count &&
            event->what->id != ACTION_RANDOM_FAULTS) {
            struct simtime next = scenario_event_time(event, state->fired);

            if (event->until.ps == 0 ||
                simtime_compare(next, event->until) <= 0)
                state->next_at = simtime_add(state->base, next);
        }
    }
}

static struct simtime
next_stop(struct run *run, struct simtime now, bool waiting)
{
    struct simtime next = simtime_min(run->ends_at, timeline_next(run));
    struct simtime poll =
        simtime_from_ms(waiting ? RUN_POLL_MS : 10 * RUN_POLL_MS);

    next = simtime_min(next, pendings_next(run));
    next = simtime_min(next, search_next(run));
    if (run->random.on)
        next = simtime_min(next, run->random.next_at);
    next = simtime_min(next, simtime_add(now, poll));
    return simtime_min(next, probe_step(run, now));
}

/* Has all that was to happen happened, and is everything as it was meant
 * to be for long enough? */
static bool
at_rest(struct run *run, struct simtime now, bool waiting)
{
    struct simtime since =
        simtime_max(run->converged_since,
                    simtime_max(run->last_disturbed, run->last_step));

    if (run->scenario->settled.ps == 0 || waiting || !run->converged ||
        run->pendings.count > 0 || run->random.on || traffic_goes_on(run) ||
        simtime_before(now, simtime_add(since, run->scenario->settled)))
        return false;
    for (size_t i = 0; i < run->scenario->event_count; i++) {
        const struct event_state *state = &run->events[i];

        if (state->next_at.ps != UINT64_MAX || state->fired == 0 ||
            (run->probe.every.ps > 0 && !state->acked && !state->skipped))
            return false;
    }
    return true;
}

/* How late the world was handed back: an observer that sleeps sees nothing. */
static void
lateness_note(struct run *run, struct simtime asked)
{
    if (run->real && simtime_before(asked, now_of(run)))
        run->latest =
            simtime_max(run->latest, simtime_sub(now_of(run), asked));
}

static void
main_loop(struct run *run)
{
    while (simtime_before(now_of(run), run->ends_at)) {
        struct simtime now = now_of(run);
        struct simtime next;
        bool waiting;
        bool triggers = triggers_poll(run, now);

        timeline_fire(run, now);
        traffic_poll(run);
        search_poll(run);
        pendings_fire(run, now);
        if (run->random.on && !simtime_before(now, run->random.next_at))
            random_faults_fire(run, now);
        convergence_note(run);
        waiting = expects_poll(run) || triggers;
        if (at_rest(run, now, waiting)) {
            run->rested = true;
            break;
        }
        next = next_stop(run, now, waiting);
        if (next.ps <= now.ps)
            next.ps = now.ps + SIMTIME_PS_PER_MS;
        if (progress(run, false)) {
            run->outcome->interrupted = true;
            return;
        }
        next = simtime_min(next, run->ends_at);
        if (!advance(run, next))
            return;
        lateness_note(run, next);
    }
    convergence_note(run);
    (void)expects_poll(run);
}

/* A last read shows whether what was acknowledged is there. */
static void
last_read(struct run *run)
{
    struct simtime limit = simtime_add(now_of(run), simtime_from_s(5));

    if (run->probe.every.ps == 0 || run->outcome->interrupted ||
        run->probe.acked == 0)
        return;
    run->probe.read_due = true;
    while (run->probe.read_due && simtime_before(now_of(run), limit)) {
        struct simtime next = probe_step(run, now_of(run));

        next = simtime_max(next, simtime_add(now_of(run), simtime_from_ms(1)));
        if (!advance(run, next))
            break;
    }
}

/* ---- the end ---- */

static void
bounds_judge(struct run *run)
{
    struct simtime now = now_of(run);

    for (unsigned i = 0; i < run->plan->box_count; i++) {
        struct world_load load;

        run->world->ops->load(run->world, i, &load);
        for (unsigned hop = 0; hop < LANE_HOP_COUNT; hop++)
            oracles_lanes(run->oracles, load.lanes[hop].waited);
        for (unsigned j = 0; j < SVC_COUNT; j++) {
            if (load.events[j] > 0)
                oracles_bound(run->oracles, now, i, service_name(j),
                              load.mailbox_peak[j], load.mailbox_bound);
        }
    }
}

/* Is the cluster meant to be whole?  Not with a box left off, nor with one
 * that was rightly refused a number. */
static bool
meant_to_be_whole(struct run *run)
{
    unsigned count = run->plan->box_count - run->plan->spare_count;

    for (unsigned i = 0; i < count; i++) {
        struct world_box box;

        run->world->ops->box(run->world, i, &box);
        if (!box.powered)
            return false;
    }
    return watch_refused(&run->watch, REFUSE_ALL) == 0;
}

static void
liveness_judge(struct run *run)
{
    struct simtime now = now_of(run);
    struct simtime quiet = simtime_sub(now, run->last_disturbed);

    if (run->pendings.count > 0 || run->random.open > 0 ||
        (quiet.ps < 30 * SIMTIME_PS_PER_S && !run->rested) ||
        !meant_to_be_whole(run))
        return;
    oracles_converged(run->oracles, now, run->converged);
    if (run->baseline_bytes > 0 && run->world->ops->live_bytes != NULL)
        oracles_memory(run->oracles, now, run->baseline_bytes,
                       run->world->ops->live_bytes(run->world));
}

static void
account_open(struct run *run)
{
    run->origin = now_of(run);
    run->ends_at = simtime_add(run->origin, run->scenario->ends);
    run->opened = true;
    run->last_disturbed = run->origin;
    watch_open(&run->watch, run->origin);
    ledger_open(run->ledger, run->origin);
    if (run->world->ops->live_bytes != NULL)
        run->baseline_bytes = run->world->ops->live_bytes(run->world);
    for (size_t i = 0; i < run->scenario->event_count; i++) {
        const struct scenario_event *event = &run->scenario->events[i];

        run->events[i].base = run->origin;
        run->events[i].next_at =
            scenario_event_triggered(event)
                ? (struct simtime){UINT64_MAX}
                : simtime_add(run->origin, scenario_event_time(event, 0));
    }
}

static uint64_t
usage_ns(const struct rusage *usage)
{
    return ((uint64_t)usage->ru_utime.tv_sec +
            (uint64_t)usage->ru_stime.tv_sec) *
               1000000000u +
           ((uint64_t)usage->ru_utime.tv_usec +
            (uint64_t)usage->ru_stime.tv_usec) *
               1000u;
}

/* Of this process and of its branches that have ended. */
static uint64_t
cpu_ns(void)
{
    struct rusage own, branches;

    (void)getrusage(RUSAGE_SELF, &own);
    (void)getrusage(RUSAGE_CHILDREN, &branches);
    return usage_ns(&own) + usage_ns(&branches);
}

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
never_up(struct run *run)
{
    account_open(run);
    if (run->outcome->note[0] == '\0')
        outcome_text(run->outcome->note, sizeof(run->outcome->note),
                     run->outcome->interrupted
                         ? "interrupted while the cluster booted"
                         : "the cluster was not up %u s after power-on",
                     boot_limit_s(run));
    run_note(run, "note", "boot", "", "%s", run->outcome->note);
    for (size_t i = 0; i < run->scenario->expect_count; i++)
        expects_undecided(run, i, run->outcome->note);
}

/* The world itself failed: nothing it showed decides anything. */
static void
broken(struct run *run)
{
    const char *why = run->world->ops->why_not != NULL
                          ? run->world->ops->why_not(run->world)
                          : NULL;

    outcome_text(run->outcome->note, sizeof(run->outcome->note), "%s",
                 why != NULL ? why : "the world failed");
    run_note(run, "note", "world", "", "%s", run->outcome->note);
    for (size_t i = 0; i < run->scenario->expect_count; i++)
        expects_undecided(run, i, run->outcome->note);
}

static void
drive(struct run *run)
{
    if (run->scenario->begins == BEGINS_POWER_ON) {
        account_open(run);
        power_on(run);
    } else if (!boot(run) || !traffic_prepare(run)) {
        never_up(run);
        if (run->broken)
            broken(run);
        return;
    } else {
        account_open(run);
    }
    probe_start(run);
    main_loop(run);
    run->ended_at = now_of(run);
    run->ended = true;
    if (!run->broken)
        last_read(run);
    if (run->broken) {
        broken(run);
        return;
    }
    if (!run->outcome->interrupted) {
        bounds_judge(run);
        if (run->world->ops->box_memory != NULL)
            oracles_chunks(run->oracles, run->world);
        liveness_judge(run);
    }
    expects_end(run);
}

int
run_supported(const struct scenario *scenario, enum world_kind world,
              char *message, size_t message_size)
{
    const struct ynode *topology = scenario->topology.node;

    if (topology != NULL) {
        outcome_text(message, message_size,
                     "%s:%u:%u: world %s runs a `cluster:`, not yet a "
                     "`topology:`",
                     topology->mark.file, topology->mark.line,
                     topology->mark.column, world_kind_name(world));
        return ERR_UNSUPPORTED;
    }
    if (scenario->network.node != NULL && run_world_real(world)) {
        outcome_text(message, message_size,
                     "%s:%u:%u: world %s has no network of plain queues",
                     scenario->network.node->mark.file,
                     scenario->network.node->mark.line,
                     scenario->network.node->mark.column,
                     world_kind_name(world));
        return ERR_UNSUPPORTED;
    }
    if ((scenario->worlds & WORLD_BIT(world)) == 0) {
        outcome_text(message, message_size,
                     "%s: `worlds:` does not name world %s", scenario->path,
                     world_kind_name(world));
        return ERR_UNSUPPORTED;
    }
    if (!run_world_built(world)) {
        outcome_text(message, message_size, "this build has no world %s",
                     world_kind_name(world));
        return ERR_UNSUPPORTED;
    }
    return 0;
}

/* What is missing here leaves everything open. */
static void
cannot_run(const struct run_options *options, struct outcome *outcome,
           const char *message)
{
    outcome->seed = options->seed;
    outcome->verdict = VERDICT_INCONCLUSIVE;
    outcome_text(outcome->note, sizeof(outcome->note), "%s", message);
    for (size_t i = 0; i < options->scenario->expect_count; i++) {
        struct outcome_expect *row = rows_add(&outcome->expects);

        row->index = (uint32_t)i;
        row->verdict = VERDICT_INCONCLUSIVE;
        for (size_t j = 0; j < EXPR_TERMS_MAX; j++)
            row->sample_err[j] = ERR_NOENT;
        outcome_text(row->evidence, sizeof(row->evidence),
                     "%s: the world could not be made",
                     options->scenario->expects[i].expr.text);
    }
}

static bool
is_missing(const struct run_options *options, int err)
{
    return options->world != WORLD_DES &&
           (err == ERR_PERMISSION || err == ERR_UNSUPPORTED);
}

int
run_scenario(const struct run_options *options, struct outcome *outcome,
             char *message, size_t message_size)
{
    struct run run;
    uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t began_ns = cpu_ns();
    int err;

    err = options->stand_in ? 0
                            : run_supported(options->scenario, options->world,
                                            message, message_size);
    if (err != 0)
        return err;
    if (options->scenario->network.node != NULL) {
        err = run_network(options, outcome, message, message_size);
        if (err == ERR_UNSUPPORTED || err == ERR_IO) {
            cannot_run(options, outcome, message);
            err = 0;
        }
        outcome->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
        outcome->cpu_ns = cpu_ns() - began_ns;
        return err;
    }
    err = run_init(&run, options, outcome, message, message_size);
    if (is_missing(options, err)) {
        cannot_run(options, outcome, message);
        return 0;
    }
    if (err != 0)
        return err;
    err = captures_open(&run, message, message_size);
    if (err != 0) {
        captures_close(&run);
        run_fini(&run);
        return err;
    }
    drive(&run);
    captures_close(&run);
    run_finish(&run);
    outcome->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
    outcome->cpu_ns = cpu_ns() - began_ns;
    run_fini(&run);
    return 0;
}
