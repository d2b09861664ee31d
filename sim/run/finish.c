/* SPDX-License-Identifier: Apache-2.0
 *
 * From a run that has ended to its outcome.
 */
#include "reference-nos/schema/tables.h"
#include "sim/run/run_priv.h"
#include "sim/world/des/des.h"

#include <string.h>

static void
loads_record(struct run *run)
{
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        struct world_load load;

        run->world->ops->load(run->world, i, &load);
        for (unsigned j = 0; j < LANE_COUNT; j++) {
            struct outcome_load *row;

            if (load.messages[j] == 0)
                continue;
            row = rows_add(&run->outcome->loads);
            *row = (struct outcome_load){.box = i,
                                         .item = j,
                                         .messages = load.messages[j],
                                         .bytes = load.bytes[j]};
        }
        for (unsigned j = 0; j < SVC_COUNT; j++) {
            struct outcome_load *row;

            if (load.events[j] == 0)
                continue;
            row = rows_add(&run->outcome->loads);
            *row = (struct outcome_load){.box = i,
                                         .service = true,
                                         .item = j,
                                         .messages = load.events[j],
                                         .bytes = load.memory_peak_bytes[j],
                                         .cpu_ns = load.cpu_ns[j]};
        }
    }
}

static void
ledger_record(struct run *run)
{
    ledger_close(run->ledger, run_now(run));
    for (size_t i = 0; i < ledger_count(run->ledger); i++) {
        const struct ledger_entry *entry = ledger_get(run->ledger, i);
        struct outcome_outage *row = rows_add(&run->outcome->outages);

        row->box = entry->box;
        row->first = entry->first;
        row->ports = entry->ports;
        row->from = simtime_sub(entry->from, run->origin);
        row->to = simtime_sub(entry->to, run->origin);
        row->ongoing = entry->open;
        row->planned = entry->planned;
        outcome_text(row->cause, sizeof(row->cause), "%s", entry->cause);
    }
}

static void
alarms_record(struct run *run)
{
    for (size_t i = 0; i < run->watch.alarms.count; i++) {
        const struct outcome_alarm *alarm =
            ROWS_GET(&run->watch.alarms, struct outcome_alarm, i);
        struct outcome_alarm *row;

        if (alarm->is_cleared && simtime_before(alarm->cleared, run->origin))
            continue;
        row = rows_add(&run->outcome->alarms);
        *row = *alarm;
        row->raised = simtime_sub(alarm->raised, run->origin);
        row->cleared = simtime_sub(alarm->cleared, run->origin);
    }
}

static void
oracles_record(struct run *run)
{
    for (unsigned i = 0; i < ORACLE_COUNT; i++) {
        const struct oracle_result *result = oracles_result(run->oracles, i);
        struct outcome_oracle *row = rows_add(&run->outcome->oracles);

        outcome_text(row->id, sizeof(row->id), "%s", result->id);
        outcome_text(row->title, sizeof(row->title), "%s", result->title);
        row->exercised = result->exercised;
        row->violations = result->violations;
        outcome_text(row->first, sizeof(row->first), "%s", result->first);
    }
}

/* What a world in real time does not let be seen. */
static void
blind_record(struct run *run)
{
    for (unsigned i = 0; i < ORACLE_COUNT; i++) {
        const struct oracle_result *result = oracles_result(run->oracles, i);
        char text[OUTCOME_NAME_BYTES];

        if (result->exercised > 0)
            continue;
        outcome_text(text, sizeof(text), "oracle %s", result->id);
        run_skip(run, text, "nothing it judges was seen in this run");
    }
}

static bool
is_late(const struct run *run)
{
    return run->latest.ps >= RUN_LATE_MS * SIMTIME_PS_PER_MS;
}

/* A harness that was kept from looking measured the host, not the NOS. */
static void
lateness_record(struct run *run)
{
    struct outcome *outcome = run->outcome;
    size_t used = strlen(outcome->note);

    if (!is_late(run))
        return;
    outcome_text(outcome->note + used, sizeof(outcome->note) - used,
                 "%sthe harness was kept from looking for %llu ms: times are "
                 "the host's",
                 used > 0 ? "; " : "",
                 (unsigned long long)(run->latest.ps / SIMTIME_PS_PER_MS));
    for (size_t i = 0; i < run->scenario->expect_count; i++) {
        struct outcome_expect *row = &run->expects[i];

        if (row->verdict != VERDICT_FAIL)
            continue;
        used = strlen(row->evidence);
        row->verdict = VERDICT_INCONCLUSIVE;
        outcome_text(row->evidence + used, sizeof(row->evidence) - used,
                     "; but the harness was kept from looking");
    }
}

static void
verdict_record(struct run *run)
{
    struct outcome *outcome = run->outcome;
    bool failed = oracles_violations(run->oracles) > 0;
    bool inconclusive = outcome->interrupted ||
                        run->latest.ps >= RUN_LATE_MS * SIMTIME_PS_PER_MS;
    bool passed = false;

    for (size_t i = 0; i < run->scenario->expect_count; i++) {
        struct outcome_expect *row = rows_add(&outcome->expects);

        *row = run->expects[i];
        failed |= row->verdict == VERDICT_FAIL;
        inconclusive |= row->verdict == VERDICT_INCONCLUSIVE;
        passed |= row->verdict == VERDICT_PASS;
    }
    outcome->verdict = failed                    ? VERDICT_FAIL
                       : inconclusive || !passed ? VERDICT_INCONCLUSIVE
                                                 : VERDICT_PASS;
}

static void
checkpoints_record(struct run *run)
{
    size_t count = 0;
    const struct digest_checkpoint *points =
        des_checkpoints(run->world, &count);

    for (size_t i = 0; i < count; i++) {
        struct digest_checkpoint *row = rows_add(&run->outcome->checkpoints);

        *row = points[i];
    }
}

static struct digest_value
digest_of(struct run *run)
{
    struct digest_value value = run->world->ops->digest(run->world);
    struct run_digest *both;

    if (!run->searched)
        return value;
    both = run_digest_create(0);
    run_digest_feed_u64(both, value.high);
    run_digest_feed_u64(both, value.low);
    run_digest_feed_u64(both, run->search_digest.high);
    run_digest_feed_u64(both, run->search_digest.low);
    value = run_digest_value(both);
    run_digest_destroy(both);
    return value;
}

void
run_finish(struct run *run)
{
    struct outcome *outcome = run->outcome;

    values_record(run);
    traffic_record(run);
    loads_record(run);
    ledger_record(run);
    alarms_record(run);
    oracles_record(run);
    if (run->real && !outcome->interrupted)
        blind_record(run);
    lateness_record(run);
    verdict_record(run);
    if (!run->real)
        checkpoints_record(run);
    outcome->seed = run->options->seed;
    outcome->boot = run->boot_time;
    outcome->duration = simtime_sub(run_now(run), run->origin);
    outcome->events = run->world->ops->events(run->world);
    if (!run->real)
        outcome->digest = digest_of(run);
    outcome->boxes = run->plan->box_count;
    outcome->ports = ledger_ports(run->ledger);
    if (run->world->ops->memory_bytes != NULL)
        outcome->nos_memory_bytes = run->world->ops->memory_bytes(run->world);
}
