/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/run/watch.h"

#include "reference-nos/base/check.h"
#include "reference-nos/schema/tables.h"

#include <stdlib.h>
#include <string.h>

void
watch_init(struct watch *watch, const struct cluster_plan *plan)
{
    memset(watch, 0, sizeof(*watch));
    watch->plan = plan;
    watch->boxes = calloc(plan->box_count, sizeof(*watch->boxes));
    CHECK(watch->boxes != NULL);
    for (unsigned i = 0; i < plan->box_count; i++)
        watch->boxes[i].module = MODULE_NONE;
    watch->refusals.row_bytes = sizeof(struct watch_refusal);
    watch->cables.row_bytes = sizeof(struct watch_cable);
    watch->alarms.row_bytes = sizeof(struct outcome_alarm);
}

void
watch_fini(struct watch *watch)
{
    free(watch->boxes);
    free(watch->refusals.items);
    free(watch->cables.items);
    free(watch->alarms.items);
}

void
watch_open(struct watch *watch, struct simtime at)
{
    watch->open = true;
    watch->opened_at = at;
    watch->elections = 0;
    watch->switchovers = 0;
    watch->fencing_refused = 0;
    for (unsigned i = 0; i < watch->plan->box_count; i++) {
        struct watch_box *box = &watch->boxes[i];

        box->restarts = 0;
        box->refused = false;
        memset(box->service_restarts, 0, sizeof(box->service_restarts));
        box->degraded_since = at;
        box->degraded_longest = (struct simtime){0};
    }
}

/* Everything the box knew in its former life. */
static void
box_gone(struct watch_box *box)
{
    box->active = false;
    box->leader = false;
    box->joined = false;
    box->headless = false;
}

/* A box cannot join before somebody acts. */
static struct simtime
since_ready(const struct watch *watch, const struct watch_box *box,
            struct simtime at)
{
    return simtime_sub(at, simtime_max(box->ready_at, watch->active_since));
}

static void
joined_note(struct watch *watch, struct watch_box *box, struct simtime at)
{
    if (box->join_known)
        return;
    box->join_known = true;
    box->join_time = since_ready(watch, box, at);
}

static void
forwarding_note(struct watch *watch, struct watch_box *box,
                const struct observation *seen)
{
    if (box->service_known || seen->trace.a == 0)
        return;
    box->service_known = true;
    box->service_time = since_ready(watch, box, seen->at);
}

static void
active_change(struct watch *watch, struct watch_box *box, struct simtime at)
{
    if (watch_active_count(watch) == 0)
        watch->active_since = at;
    box->active = true;
    if (watch->last_active_key != 0 && watch->last_active_key != box->key)
        watch->switchovers++;
    watch->last_active_key = box->key;
}

static enum refuse_reason
reason_of(uint64_t err)
{
    switch ((int)err) {
    case ERR_EXISTS: return REFUSE_DUPLICATE;
    case ERR_FULL: return REFUSE_POOL_EXHAUSTED;
    case ERR_NO_QUORUM: return REFUSE_NO_QUORUM;
    default: return REFUSE_OTHER;
    }
}

static void
refusal_note(struct watch *watch, uint64_t key, enum refuse_reason reason)
{
    struct watch_refusal *row;

    for (size_t i = 0; i < watch->refusals.count; i++) {
        row = ROWS_GET(&watch->refusals, struct watch_refusal, i);
        if (row->key == key && row->reason == reason)
            return;
    }
    row = rows_add(&watch->refusals);
    row->key = key;
    row->reason = reason;
}

static void
cable_note(struct watch *watch, const struct trace_record *trace)
{
    struct watch_cable *row = NULL;

    for (size_t i = 0; i < watch->cables.count && row == NULL; i++) {
        struct watch_cable *known =
            ROWS_GET(&watch->cables, struct watch_cable, i);

        if (known->module == trace->a && known->port == trace->b)
            row = known;
    }
    if (row == NULL)
        row = rows_add(&watch->cables);
    row->module = (uint32_t)trace->a;
    row->port = (uint32_t)trace->b;
    row->verdict = (enum cable_verdict)trace->c;
}

static void
alarm_note(struct watch *watch, const struct observation *seen)
{
    const struct trace_record *trace = &seen->trace;
    struct outcome_alarm *open = NULL;

    for (size_t i = watch->alarms.count; i > 0 && open == NULL; i--) {
        struct outcome_alarm *row =
            ROWS_GET(&watch->alarms, struct outcome_alarm, i - 1);

        if (!row->is_cleared && row->box == seen->box &&
            row->code == trace->a && row->item == trace->c)
            open = row;
    }
    if (trace->b != 0 && open == NULL) {
        open = rows_add(&watch->alarms);
        open->box = seen->box;
        open->code = (uint32_t)trace->a;
        open->item = (uint32_t)trace->c;
        open->raised = seen->at;
    } else if (trace->b == 0 && open != NULL) {
        open->is_cleared = true;
        open->cleared = seen->at;
    }
}

static void
drain_note(struct watch *watch, const struct trace_record *trace)
{
    for (unsigned i = 0; i < watch->plan->box_count; i++) {
        if (watch->boxes[i].module == trace->a)
            watch->boxes[i].drained = trace->b != 0;
    }
}

/* What a stranger thinks of us does not count. */
static void
identity_note(struct watch *watch, const struct observation *seen)
{
    const struct trace_record *trace = &seen->trace;

    if (trace->b == IDENTITY_OWN) {
        watch->boxes[seen->box].refused = true;
        return;
    }
    for (unsigned i = 0; i < watch->plan->box_count; i++) {
        if (watch->boxes[seen->box].joined && watch->boxes[i].key == trace->a)
            watch->boxes[i].refused = true;
    }
}

static void
trace_observe(struct watch *watch, const struct observation *seen)
{
    const struct trace_record *trace = &seen->trace;
    struct watch_box *box = &watch->boxes[seen->box];

    switch (trace->kind) {
    case TRACE_ELECTION:
        watch->elections++;
        watch->last_election = seen->at;
        if (trace->a > watch->term)
            watch->term = trace->a;
        break;
    case TRACE_LEADER_READY:
        box->leader = true;
        if (trace->a > watch->term)
            watch->term = trace->a;
        break;
    case TRACE_LEADER_LOST: box->leader = false; break;
    case TRACE_ACTIVE: active_change(watch, box, seen->at); break;
    case TRACE_PASSIVE: box->active = false; break;
    case TRACE_JOINED:
        box->joined = true;
        box->headless = false;
        box->module = (unsigned)trace->a;
        joined_note(watch, box, seen->at);
        break;
    case TRACE_FORWARDING: forwarding_note(watch, box, seen); break;
    case TRACE_HEADLESS: box->headless = trace->a != 0; break;
    case TRACE_WRITE_REFUSED: watch->fencing_refused++; break;
    case TRACE_MODULE_REFUSED:
        refusal_note(watch, trace->a, reason_of(trace->b));
        break;
    case TRACE_CABLE: cable_note(watch, trace); break;
    case TRACE_ALARM: alarm_note(watch, seen); break;
    case TRACE_SERVICE_STARTED:
        if (trace->a < SVC_COUNT && trace->b > 1)
            box->service_restarts[trace->a]++;
        break;
    case TRACE_SERVICE_DIED:
        if (trace->a == SVC_CLUSTER || trace->a == SVC_STORE)
            box->active = false;
        if (trace->a == SVC_STORE)
            box->leader = false;
        break;
    case TRACE_DRAIN: drain_note(watch, trace); break;
    case TRACE_IDENTITY_REFUSED: identity_note(watch, seen); break;
    case TRACE_LEADER:
    case TRACE_APPLIED:
    case TRACE_ACKNOWLEDGED:
    case TRACE_WRITE_ACCEPTED:
    case TRACE_MODULE:
    case TRACE_MEMBER:
    case TRACE_REACH:
    case TRACE_BOUND:
    case TRACE_QUANTUM:
    case TRACE_SESSION:
    case TRACE_CONVERGED:
    case TRACE_BOX_RESTART:
    case TRACE_KIND_COUNT: break;
    }
}

static void
degraded_observe(struct watch_box *box, const struct observation *seen)
{
    bool degraded = seen->a > 0 && seen->a < seen->b;
    struct simtime span = simtime_sub(seen->at, box->degraded_since);

    if (box->degraded && !degraded)
        box->degraded_longest = simtime_max(box->degraded_longest, span);
    if (degraded && !box->degraded)
        box->degraded_since = seen->at;
    box->degraded = degraded;
}

void
watch_observe(struct watch *watch, const struct observation *seen)
{
    struct watch_box *box = &watch->boxes[seen->box];

    switch (seen->kind) {
    case OBSERVE_TRACE: trace_observe(watch, seen); break;
    case OBSERVE_BOX_OFF:
        box_gone(box);
        if (seen->a == REBOOT_REPLACED)
            box->module = MODULE_NONE;
        for (size_t i = 0; i < watch->alarms.count; i++) {
            struct outcome_alarm *row =
                ROWS_GET(&watch->alarms, struct outcome_alarm, i);

            /* Alarms that a box raised about itself end with it. */
            if (row->box == seen->box && !row->is_cleared) {
                row->is_cleared = true;
                row->cleared = seen->at;
            }
        }
        break;
    case OBSERVE_BOX_READY:
        box->key = seen->b;
        box->join_known = box->service_known = false;
        box->ready_at = watch->last_ready = seen->at;
        if (box->was_ready)
            box->restarts++;
        box->was_ready = true;
        break;
    case OBSERVE_FABRIC: degraded_observe(box, seen); break;
    case OBSERVE_BOX_ON:
    case OBSERVE_PORTS:
    case OBSERVE_QUANTUM:
    case OBSERVE_BOUND:
    case OBSERVE_LANES:
    case OBSERVE_LEAK:
    case OBSERVE_REPLY:
    case OBSERVE_LOG:
    case OBSERVATION_KIND_COUNT: break;
    }
}

unsigned
watch_active_count(const struct watch *watch)
{
    unsigned count = 0;

    for (unsigned i = 0; i < watch->plan->box_count; i++)
        count += watch->boxes[i].active;
    return count;
}

unsigned
watch_active(const struct watch *watch)
{
    for (unsigned i = 0; i < watch->plan->box_count; i++) {
        if (watch->boxes[i].active)
            return i;
    }
    return WORLD_BOXES_MAX;
}

unsigned
watch_cabling_faults(const struct watch *watch)
{
    unsigned count = 0;

    for (size_t i = 0; i < watch->cables.count; i++)
        count += ROWS_GET(&watch->cables, struct watch_cable, i)->verdict !=
                 CABLE_OK;
    return count;
}

unsigned
watch_alarms(const struct watch *watch, unsigned code, bool active_only)
{
    unsigned count = 0;

    for (size_t i = 0; i < watch->alarms.count; i++) {
        const struct outcome_alarm *row =
            ROWS_GET(&watch->alarms, struct outcome_alarm, i);

        if (code != ALARM_COUNT && row->code != code)
            continue;
        if (active_only ? !row->is_cleared
                        : !simtime_before(row->raised, watch->opened_at))
            count++;
    }
    return count;
}

unsigned
watch_refused(const struct watch *watch, enum refuse_reason reason)
{
    unsigned count = 0;

    for (size_t i = 0; i < watch->refusals.count; i++) {
        const struct watch_refusal *row =
            ROWS_GET(&watch->refusals, struct watch_refusal, i);

        count += reason == REFUSE_ALL || row->reason == reason;
    }
    return count;
}

unsigned
watch_identities_refused(const struct watch *watch)
{
    unsigned count = 0;

    for (unsigned i = 0; i < watch->plan->box_count; i++)
        count += watch->boxes[i].refused;
    return count;
}
