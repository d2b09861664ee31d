/* SPDX-License-Identifier: Apache-2.0
 *
 * The expectations of a run: when each is decided, and how.
 */
#include "sim/run/run_priv.h"

#include <string.h>

static void
decide(struct run *run, size_t index, enum verdict verdict)
{
    struct outcome_expect *row = &run->expects[index];

    row->index = (uint32_t)index;
    row->verdict = verdict;
    row->at = simtime_sub(run_now(run), run->origin);
    run->decided[index] = true;
}

static enum verdict
verdict_of(enum judged judged)
{
    switch (judged) {
    case JUDGED_TRUE: return VERDICT_PASS;
    case JUDGED_FALSE: return VERDICT_FAIL;
    case JUDGED_UNKNOWN: return VERDICT_INCONCLUSIVE;
    case JUDGED_NOT_APPLICABLE: return VERDICT_NOT_APPLICABLE;
    }
    return VERDICT_INCONCLUSIVE;
}

/* The step that an expectation is about and that this world could not do, or
 * NULL. */
static const char *
skipped_step(const struct run *run, size_t index)
{
    const struct scenario_expect *expect = &run->scenario->expects[index];
    const struct expr *expr = &expect->expr;

    if (expect->when == EXPECT_WITHIN && expect->after != EXPECT_AFTER_START &&
        run->events[expect->after].skipped)
        return run->scenario->events[expect->after].name;
    for (size_t i = 0; i < expr->count; i++) {
        const struct metric_ref *ref = &expr->terms[i].ref;
        uint32_t event = SCENARIO_NO_EVENT;

        if (ref->has_argument && ref->metric->argument == ARGUMENT_EVENT)
            event = ref->event;
        else if (ref->has_argument &&
                 ref->metric->argument == ARGUMENT_TARGET &&
                 ref->target.kind == TARGET_EVENT)
            event = ref->target.event;
        if (event != SCENARIO_NO_EVENT && run->events[event].skipped)
            return run->scenario->events[event].name;
    }
    return NULL;
}

static void
not_applicable(struct run *run, size_t index)
{
    struct outcome_expect *row = &run->expects[index];

    for (size_t i = 0; i < EXPR_TERMS_MAX; i++)
        row->sample_err[i] = ERR_UNSUPPORTED;
    outcome_text(row->evidence, sizeof(row->evidence),
                 "%s: world %s cannot do the step \"%s\"",
                 run->scenario->expects[index].expr.text,
                 run->world->ops->name, skipped_step(run, index));
    decide(run, index, VERDICT_NOT_APPLICABLE);
}

/* A bound that is missed where a step was left out tells nothing of the
 * NOS. */
static void
doubt(struct run *run, size_t index)
{
    struct outcome_expect *row = &run->expects[index];
    size_t used = strlen(row->evidence);

    if (row->verdict != VERDICT_FAIL || run->skipped_steps == 0)
        return;
    row->verdict = VERDICT_INCONCLUSIVE;
    outcome_text(row->evidence + used, sizeof(row->evidence) - used,
                 "; but world %s left out %u of the scenario's steps",
                 run->world->ops->name, run->skipped_steps);
}

/* When a `within` that runs now runs out; false when it does not run. */
static bool
within_runs(const struct run *run, size_t index, struct simtime *deadline)
{
    const struct scenario_expect *expect = &run->scenario->expects[index];
    struct simtime from = run->origin;

    if (expect->when != EXPECT_WITHIN || run->decided[index])
        return false;
    if (expect->after != EXPECT_AFTER_START) {
        if (run->events[expect->after].fired == 0)
            return false;
        from = run->events[expect->after].first_at;
    }
    *deadline = simtime_add(from, expect->within);
    return true;
}

static enum judged
within_judge(struct run *run, size_t index)
{
    struct outcome_expect *row = &run->expects[index];

    return expr_judge(&run->scenario->expects[index].expr, run_reading, run,
                      row->evidence, sizeof(row->evidence));
}

/* A real world tells a little later, in the order of time: until it has told
 * something from after the event, what is known is from before it. */
static bool
within_sees(const struct run *run, size_t index)
{
    const struct scenario_expect *expect = &run->scenario->expects[index];

    return !run->real || expect->after == EXPECT_AFTER_START ||
           !simtime_before(run->seen_at, run->events[expect->after].done_at);
}

/* Those that must come true within a time: looked at again and again. */
bool
expects_poll(struct run *run)
{
    bool waiting = false;
    struct simtime now = run->world->ops->now(run->world);
    struct simtime deadline;

    run->deadline.ps = UINT64_MAX;
    for (size_t i = 0; i < run->scenario->expect_count; i++) {
        enum judged judged;

        if (!within_runs(run, i, &deadline))
            continue;
        waiting = true;
        if (skipped_step(run, i) != NULL) {
            not_applicable(run, i);
            continue;
        }
        judged = within_judge(run, i);
        if (judged == JUDGED_TRUE && within_sees(run, i))
            decide(run, i, VERDICT_PASS);
        else if (!simtime_before(now, deadline))
            decide(run, i, verdict_of(judged));
        else
            run->deadline = simtime_min(run->deadline, deadline);
    }
    return waiting;
}

/* Something was seen at 'at': those that ran out before are decided by what
 * held until then, however late this is looked at. */
void
expects_close(struct run *run, struct simtime at)
{
    struct simtime next = {UINT64_MAX};
    struct simtime deadline;

    run->deadline.ps = UINT64_MAX; /* Values may come from the listener. */
    for (size_t i = 0; i < run->scenario->expect_count; i++) {
        if (!within_runs(run, i, &deadline) || skipped_step(run, i) != NULL)
            continue;
        if (simtime_before(deadline, at))
            decide(run, i, verdict_of(within_judge(run, i)));
        else
            next = simtime_min(next, deadline);
    }
    run->deadline = next;
}

static void
over_seeds_sample(struct run *run, size_t index)
{
    const struct expr *expr = &run->scenario->expects[index].expr;
    struct outcome_expect *row = &run->expects[index];

    for (size_t i = 0; i < expr->count; i++) {
        struct expr_reading reading;

        row->sample_err[i] = run_reading(run, &expr->terms[i].ref, &reading);
        row->sample[i] = reading.value;
        /* A bound is no sample. */
        if (row->sample_err[i] == 0 && reading.estimated &&
            reading.high == UINT64_MAX)
            row->sample_err[i] = ERR_NOENT;
    }
    decide(run, index, VERDICT_NOT_APPLICABLE);
    outcome_text(row->evidence, sizeof(row->evidence),
                 "%s: judged over many seeds only (--seeds)", expr->text);
}

/* No sample either: a run that tells nothing is not one that took no time. */
void
expects_undecided(struct run *run, size_t index, const char *why)
{
    struct outcome_expect *row = &run->expects[index];

    for (size_t i = 0; i < EXPR_TERMS_MAX; i++)
        row->sample_err[i] = ERR_NOENT;
    outcome_text(row->evidence, sizeof(row->evidence), "%s: %s",
                 run->scenario->expects[index].expr.text, why);
    decide(run, index, VERDICT_INCONCLUSIVE);
}

void
expects_end(struct run *run)
{
    for (size_t i = 0; i < run->scenario->expect_count; i++) {
        const struct scenario_expect *expect = &run->scenario->expects[i];
        struct outcome_expect *row = &run->expects[i];

        if (run->decided[i])
            continue;
        if (run->outcome->interrupted) {
            expects_undecided(run, i, "interrupted before it was decided");
        } else if (skipped_step(run, i) != NULL) {
            not_applicable(run, i);
        } else if (expect->when == EXPECT_OVER_SEEDS) {
            over_seeds_sample(run, i);
        } else if (expect->when == EXPECT_WITHIN &&
                   expect->after != EXPECT_AFTER_START &&
                   run->events[expect->after].fired == 0) {
            outcome_text(row->evidence, sizeof(row->evidence),
                         "%s: the event never happened", expect->expr.text);
            decide(run, i, VERDICT_INCONCLUSIVE);
        } else {
            decide(
                run, i,
                verdict_of(expr_judge(&expect->expr, run_reading, run,
                                      row->evidence, sizeof(row->evidence))));
            doubt(run, i);
        }
    }
}
