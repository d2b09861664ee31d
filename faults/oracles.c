/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/oracles.h"

#include "faults/oracles_priv.h"
#include "reference-nos/base/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* At the quiet end services may use this much more than at the start. */
#define MEMORY_GROWTH_PERCENT 50u

static const struct {
    const char *id;
    const char *title;
} names[ORACLE_COUNT] = {
    [ORACLE_O2] = {"O2", "an acknowledged write survives"},
    [ORACLE_O3] = {"O3", "one controller's writes in one term, at the card"},
    [ORACLE_O4] = {"O4", "no forwarding loop longer than 1 us"},
    [ORACLE_O5] = {"O5", "no black hole longer than 1 us"},
    [ORACLE_O8] = {"O8", "module numbers unique, stable, rested"},
    [ORACLE_O11] = {"O11", "memory and pools back to baseline"},
    [ORACLE_O12] = {"O12", "queues, steps and lanes within bounds"},
    [ORACLE_O13] = {"O13", "converges after healing"},
    [ORACLE_O14] = {"O14", "replicas equal at equal index"},
};

struct oracles *
oracles_create(const struct cluster_plan *plan, struct simtime tombstone)
{
    struct oracles *oracles = calloc(1, sizeof(*oracles));

    CHECK(oracles != NULL);
    oracles->plan = plan;
    oracles->tombstone = tombstone;
    for (unsigned i = 0; i < ORACLE_COUNT; i++) {
        oracles->results[i].id = names[i].id;
        oracles->results[i].title = names[i].title;
    }
    return oracles;
}

void
oracles_destroy(struct oracles *oracles)
{
    if (oracles == NULL)
        return;
    free(oracles->applied);
    oracle_packets_destroy(oracles->packets);
    free(oracles);
}

void
oracle_violated(struct oracles *oracles, enum oracle oracle, struct simtime at,
                const char *format, ...)
{
    struct oracle_result *result = &oracles->results[oracle];
    va_list args;

    if (result->violations++ > 0)
        return;
    result->first_at = at;
    va_start(args, format);
    (void)vsnprintf(result->first, sizeof(result->first), format, args);
    va_end(args);
}

/* ---- O2 ---- */

void
oracles_acknowledged(struct oracles *oracles, uint64_t client,
                     uint64_t sequence)
{
    unsigned i = 0;

    while (i < oracles->client_count &&
           oracles->acknowledged[i].client != client)
        i++;
    if (i == ORACLE_CLIENTS_MAX)
        return;
    if (i == oracles->client_count) {
        oracles->acknowledged[i].client = client;
        oracles->client_count++;
    }
    if (sequence > oracles->acknowledged[i].sequence)
        oracles->acknowledged[i].sequence = sequence;
}

void
oracles_read_back(struct oracles *oracles, struct simtime at, uint64_t client,
                  uint64_t sequence)
{
    for (unsigned i = 0; i < oracles->client_count; i++) {
        if (oracles->acknowledged[i].client != client)
            continue;
        oracle_exercised(oracles, ORACLE_O2);
        if (sequence < oracles->acknowledged[i].sequence)
            oracle_violated(oracles, ORACLE_O2, at,
                            "write %" PRIu64
                            " was acknowledged, a read gives %" PRIu64,
                            oracles->acknowledged[i].sequence, sequence);
    }
}

/* A new leader's first entry comes after everything acknowledged before
 * (leader completeness, Ongaro and Ousterhout 2014, section 5.4). */
static void
leader_ready(struct oracles *oracles, const struct observation *seen)
{
    uint64_t term = seen->trace.a;
    uint64_t index = seen->trace.b;

    if (term > oracles->ready_term) {
        oracles->ready_term = term;
        oracles->ready_index = index;
    }
    if (oracles->acked_index == 0 || oracles->acked_term >= term)
        return;
    oracle_exercised(oracles, ORACLE_O2);
    if (index <= oracles->acked_index)
        oracle_violated(oracles, ORACLE_O2, seen->at,
                        "index %" PRIu64 " was acknowledged in term %" PRIu64
                        ", term %" PRIu64 " starts at index %" PRIu64,
                        oracles->acked_index, oracles->acked_term, term,
                        index);
}

/* A deposed leader that does not know it yet acknowledges nothing that its
 * successor does not have. */
static void
acknowledged(struct oracles *oracles, const struct observation *seen)
{
    uint64_t index = seen->trace.c;
    uint64_t term = seen->trace.d;

    oracle_exercised(oracles, ORACLE_O2);
    if (term < oracles->ready_term && index >= oracles->ready_index)
        oracle_violated(oracles, ORACLE_O2, seen->at,
                        "index %" PRIu64 " acknowledged in term %" PRIu64
                        " after term %" PRIu64 " started at index %" PRIu64,
                        index, term, oracles->ready_term,
                        oracles->ready_index);
    if (index <= oracles->acked_index)
        return;
    oracles->acked_index = index;
    oracles->acked_term = term;
}

/* ---- O3 ---- */

static void
write_accepted(struct oracles *oracles, const struct observation *seen)
{
    uint64_t term = seen->trace.a;
    uint64_t controller = seen->trace.b;
    uint64_t *owner;

    oracle_exercised(oracles, ORACLE_O3);
    if (term < oracles->box_term[seen->box])
        oracle_violated(oracles, ORACLE_O3, seen->at,
                        "%s accepted a write of term %" PRIu64
                        " after one of term %" PRIu64,
                        oracles->plan->boxes[seen->box].name, term,
                        oracles->box_term[seen->box]);
    else
        oracles->box_term[seen->box] = term;
    if (term >= ORACLE_TERMS_MAX)
        return;
    owner = &oracles->term_owner[term];
    if (*owner == 0)
        *owner = controller;
    else if (*owner != controller)
        oracle_violated(oracles, ORACLE_O3, seen->at,
                        "%s accepted writes of %016" PRIx64 " and %016" PRIx64
                        " in term %" PRIu64,
                        oracles->plan->boxes[seen->box].name, *owner,
                        controller, term);
}

/* Another box in this place has obeyed nobody yet. */
static void
box_stands(struct oracles *oracles, const struct observation *seen)
{
    if (oracles->box_key[seen->box] != seen->b)
        oracles->box_term[seen->box] = 0;
    oracles->box_key[seen->box] = seen->b;
}

/* ---- O14 ---- */

static void
applied_grow(struct oracles *oracles, uint64_t index)
{
    size_t room = oracles->applied_room;

    while (room <= index)
        room = room * 2 + 1024;
    oracles->applied =
        realloc(oracles->applied, room * sizeof(*oracles->applied));
    CHECK(oracles->applied != NULL);
    memset(oracles->applied + oracles->applied_room, 0,
           (room - oracles->applied_room) * sizeof(*oracles->applied));
    oracles->applied_room = room;
}

static void
entry_applied(struct oracles *oracles, const struct observation *seen)
{
    uint64_t index = seen->trace.a;
    struct applied *applied;

    if (index > (1ull << 32))
        return;
    if (index >= oracles->applied_room)
        applied_grow(oracles, index);
    applied = &oracles->applied[index];
    if (!applied->known) {
        applied->known = true;
        applied->digest_high = seen->trace.c;
        applied->digest_low = seen->trace.d;
        return;
    }
    oracle_exercised(oracles, ORACLE_O14);
    if (applied->digest_high != seen->trace.c ||
        applied->digest_low != seen->trace.d)
        oracle_violated(oracles, ORACLE_O14, seen->at,
                        "%s differs from another voter at index %" PRIu64,
                        oracles->plan->boxes[seen->box].name, index);
}

/* ---- O11, O12, O13 ---- */

void
oracles_memory(struct oracles *oracles, struct simtime at,
               size_t baseline_bytes, size_t end_bytes)
{
    oracle_exercised(oracles, ORACLE_O11);
    if (end_bytes >
        baseline_bytes + baseline_bytes / 100 * MEMORY_GROWTH_PERCENT)
        oracle_violated(oracles, ORACLE_O11, at,
                        "services used %zu bytes at first, %zu at the end",
                        baseline_bytes, end_bytes);
}

void
oracles_chunks(struct oracles *oracles, struct world *world)
{
    if (world->ops->box_memory == NULL)
        return;
    for (unsigned i = 0; i < oracles->plan->box_count; i++) {
        size_t lent_bytes = 0, owned_bytes = 0;

        world->ops->box_memory(world, i, &lent_bytes, &owned_bytes);
        if (lent_bytes == 0 && owned_bytes == 0)
            continue;
        oracle_exercised(oracles, ORACLE_O11);
        if (lent_bytes != owned_bytes)
            oracle_violated(oracles, ORACLE_O11, world->ops->now(world),
                            "%s was lent %zu bytes, its runtime and living "
                            "services hold %zu",
                            oracles->plan->boxes[i].name, lent_bytes,
                            owned_bytes);
    }
}

void
oracles_converged(struct oracles *oracles, struct simtime at, bool yes)
{
    oracle_exercised(oracles, ORACLE_O13);
    if (!yes)
        oracle_violated(oracles, ORACLE_O13, at,
                        "all faults are healed, the cluster is not whole");
}

void
oracles_bound(struct oracles *oracles, struct simtime at, unsigned box,
              const char *what, uint64_t depth, uint64_t bound)
{
    oracle_exercised(oracles, ORACLE_O12);
    if (depth > bound)
        oracle_violated(oracles, ORACLE_O12, at,
                        "%s: %s at %" PRIu64 ", bound %" PRIu64,
                        oracles->plan->boxes[box].name, what, depth, bound);
}

static void
trace_observe(struct oracles *oracles, const struct observation *seen)
{
    const struct trace_record *trace = &seen->trace;

    if (trace->kind == TRACE_APPLIED)
        entry_applied(oracles, seen);
    else if (trace->kind == TRACE_WRITE_ACCEPTED)
        write_accepted(oracles, seen);
    else if (trace->kind == TRACE_ACKNOWLEDGED)
        acknowledged(oracles, seen);
    else if (trace->kind == TRACE_LEADER_READY)
        leader_ready(oracles, seen);
    else if (trace->kind == TRACE_MODULE)
        oracle_module_given(oracles, seen);
    else if (trace->kind == TRACE_JOINED)
        oracle_module_joined(oracles, seen);
    else if (trace->kind == TRACE_SERVICE_DIED)
        oracle_exercised(oracles, ORACLE_O11);
    else if (trace->kind == TRACE_BOUND)
        oracles_bound(oracles, seen->at, seen->box, "a queue", trace->b,
                      trace->c);
}

void
oracles_observe(struct oracles *oracles, const struct observation *seen)
{
    if (seen->kind == OBSERVE_TRACE) {
        trace_observe(oracles, seen);
    } else if (seen->kind == OBSERVE_LEAK) {
        oracle_violated(oracles, ORACLE_O11, seen->at,
                        "%s left %" PRIu64 " bytes behind",
                        oracles->plan->boxes[seen->box].name, seen->a);
    } else if (seen->kind == OBSERVE_QUANTUM) {
        oracle_violated(oracles, ORACLE_O12, seen->at,
                        "%s: service %s ran %" PRIu64 " ns over the quantum",
                        oracles->plan->boxes[seen->box].name,
                        service_name((unsigned)seen->a), seen->b);
    } else if (seen->kind == OBSERVE_PORTS) {
        oracle_packets_service(oracles, seen);
    } else if (seen->kind == OBSERVE_LANES) {
        oracle_lanes_waited(oracles, seen);
    } else if (seen->kind == OBSERVE_BOX_OFF) {
        oracle_exercised(oracles, ORACLE_O11);
        oracle_module_box_off(oracles, seen);
    } else if (seen->kind == OBSERVE_BOX_READY) {
        oracle_exercised(oracles, ORACLE_O12);
        box_stands(oracles, seen);
    }
}

const struct oracle_result *
oracles_result(const struct oracles *oracles, enum oracle oracle)
{
    CHECK(oracle < ORACLE_COUNT);
    return &oracles->results[oracle];
}

uint64_t
oracles_violations(const struct oracles *oracles)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < ORACLE_COUNT; i++)
        count += oracles->results[i].violations;
    return count;
}

uint64_t
oracles_modules_renumbered(const struct oracles *oracles)
{
    return oracles->renumbered;
}

uint64_t
oracles_modules_duplicate(const struct oracles *oracles)
{
    return oracles->duplicate;
}
