/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/ledger.h"

#include "reference-nos/base/check.h"
#include "sim/kernel/fixed.h"

#include <stdlib.h>
#include <string.h>

#define PPT UINT64_C(1000000000000)

struct account {
    unsigned ports;      /* front ports of the box */
    unsigned in_service; /* now */
    unsigned counted;    /* most in service since the account opened */
    unsigned missing;    /* of those counted; the sum of the open entries */
    bool degraded;
    size_t top;   /* the latest of its open rows + 1, or 0 */
    bool planned; /* the latest cause that touched it */
    bool touched;
    char cause[LEDGER_CAUSE_MAX];
};

/* An entry; while open, on the stack of its box. */
struct row {
    struct ledger_entry entry;
    size_t below; /* the next open one + 1, or 0 */
};

struct ledger {
    unsigned box_count;
    struct account *accounts;
    bool open;
    struct simtime from;
    char cause[LEDGER_CAUSE_MAX]; /* latest of all */
    struct row *rows;
    size_t count, room;
};

static void
text_copy(char *to, const char *text)
{
    size_t size = strlen(text);

    if (size >= LEDGER_CAUSE_MAX)
        size = LEDGER_CAUSE_MAX - 1;
    memcpy(to, text, size);
    to[size] = '\0';
}

struct ledger *
ledger_create(const struct cluster_plan *plan)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));

    CHECK(ledger != NULL);
    ledger->box_count = plan->box_count;
    ledger->accounts = calloc(plan->box_count, sizeof(*ledger->accounts));
    CHECK(ledger->accounts != NULL);
    for (unsigned i = 0; i < plan->box_count; i++)
        ledger->accounts[i].ports = i < plan->box_count - plan->spare_count
                                        ? plan->boxes[i].model->front_ports
                                        : 0;
    text_copy(ledger->cause, "no fault was injected");
    return ledger;
}

void
ledger_destroy(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    free(ledger->accounts);
    free(ledger->rows);
    free(ledger);
}

static struct row *
row_add(struct ledger *ledger)
{
    if (ledger->count == ledger->room) {
        ledger->room = ledger->room * 2 + 64;
        ledger->rows =
            realloc(ledger->rows, ledger->room * sizeof(*ledger->rows));
        CHECK(ledger->rows != NULL);
    }
    return &ledger->rows[ledger->count++];
}

/* 'ports' more of the box fail together. */
static void
ports_lost(struct ledger *ledger, unsigned box, unsigned ports,
           struct simtime at)
{
    struct account *account = &ledger->accounts[box];
    struct row *row = row_add(ledger);

    *row = (struct row){
        .entry =
            {
                .box = box,
                .first = account->in_service,
                .ports = ports,
                .from = at,
                .to = at,
                .open = true,
                .planned = account->touched && account->planned,
            },
        .below = account->top,
    };
    text_copy(row->entry.cause,
              account->touched ? account->cause : ledger->cause);
    account->top = ledger->count;
}

/* 'ports' of the box are back: the lowest of those out, which are on top of
 * the stack, as the lowest are the last to go. */
static void
ports_back(struct ledger *ledger, unsigned box, unsigned ports,
           struct simtime at)
{
    struct account *account = &ledger->accounts[box];

    while (ports > 0) {
        size_t top;
        unsigned out;

        CHECK(account->top > 0);
        top = account->top - 1;
        out = ledger->rows[top].entry.ports;
        if (out > ports) {
            struct row *part = row_add(ledger);

            *part = ledger->rows[top];
            ledger->rows[top].entry.first += ports;
            ledger->rows[top].entry.ports = out - ports;
            part->entry.ports = ports;
            part->entry.to = at;
            part->entry.open = false;
            return;
        }
        ledger->rows[top].entry.to = at;
        ledger->rows[top].entry.open = false;
        account->top = ledger->rows[top].below;
        ports -= out;
    }
}

static void
ports_change(struct ledger *ledger, const struct observation *seen)
{
    struct account *account = &ledger->accounts[seen->box];
    unsigned missing;

    account->in_service = (unsigned)seen->a;
    account->ports = (unsigned)seen->b;
    if (!ledger->open)
        return;
    if (account->in_service > account->counted)
        account->counted = account->in_service;
    missing = account->counted - account->in_service;
    if (missing > account->missing)
        ports_lost(ledger, seen->box, missing - account->missing, seen->at);
    else
        ports_back(ledger, seen->box, account->missing - missing, seen->at);
    account->missing = missing;
}

void
ledger_observe(struct ledger *ledger, const struct observation *seen)
{
    if (seen->box >= ledger->box_count)
        return;
    if (seen->kind == OBSERVE_PORTS)
        ports_change(ledger, seen);
    else if (seen->kind == OBSERVE_FABRIC)
        ledger->accounts[seen->box].degraded =
            seen->a > 0 && seen->a < seen->b;
}

void
ledger_open(struct ledger *ledger, struct simtime at)
{
    ledger->open = true;
    ledger->from = at;
    for (unsigned i = 0; i < ledger->box_count; i++)
        ledger->accounts[i].counted = ledger->accounts[i].in_service;
}

void
ledger_cause(struct ledger *ledger, const struct box_set *boxes, bool planned,
             const char *text)
{
    text_copy(ledger->cause, text);
    for (unsigned i = 0; i < ledger->box_count; i++) {
        struct account *account = &ledger->accounts[i];

        if (!box_set_has(boxes, i))
            continue;
        account->touched = true;
        account->planned = planned;
        text_copy(account->cause, text);
    }
}

void
ledger_close(struct ledger *ledger, struct simtime at)
{
    for (size_t i = 0; i < ledger->count; i++) {
        if (ledger->rows[i].entry.open)
            ledger->rows[i].entry.to = at;
    }
}

size_t
ledger_count(const struct ledger *ledger)
{
    return ledger->count;
}

const struct ledger_entry *
ledger_get(const struct ledger *ledger, size_t index)
{
    CHECK(index < ledger->count);
    return &ledger->rows[index].entry;
}

static bool
counts(const struct ledger_entry *entry, enum ledger_kind kind,
       const struct box_set *except)
{
    if (except != NULL && box_set_has(except, entry->box))
        return false;
    return kind == LEDGER_ALL || entry->planned == (kind == LEDGER_PLANNED);
}

static struct simtime
entry_span(const struct ledger_entry *entry, struct simtime now)
{
    return simtime_sub(entry->open ? now : entry->to, entry->from);
}

struct simtime
ledger_longest(const struct ledger *ledger, enum ledger_kind kind,
               struct simtime now, const struct box_set *except)
{
    struct simtime longest = {0};

    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->rows[i].entry;

        if (counts(entry, kind, except))
            longest = simtime_max(longest, entry_span(entry, now));
    }
    return longest;
}

uint64_t
ledger_total_port_ps(const struct ledger *ledger, enum ledger_kind kind,
                     struct simtime now, const struct box_set *except)
{
    uint64_t total = 0;

    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->rows[i].entry;
        uint64_t lost;

        if (!counts(entry, kind, except))
            continue;
        if (__builtin_mul_overflow(entry_span(entry, now).ps, entry->ports,
                                   &lost) ||
            __builtin_add_overflow(total, lost, &total))
            return UINT64_MAX;
    }
    return total;
}

unsigned
ledger_ports_in_service(const struct ledger *ledger)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ledger->box_count; i++)
        count += ledger->accounts[i].in_service;
    return count;
}

unsigned
ledger_ports(const struct ledger *ledger)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ledger->box_count; i++)
        count += ledger->accounts[i].ports;
    return count;
}

unsigned
ledger_ports_degraded(const struct ledger *ledger)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ledger->box_count; i++) {
        if (ledger->accounts[i].degraded)
            count += ledger->accounts[i].in_service;
    }
    return count;
}

/* In microseconds times ports: 100 days of a full cluster fit, which they do
 * not in picoseconds. */
static uint64_t
lost_port_us(const struct ledger *ledger, enum ledger_kind kind,
             struct simtime now)
{
    uint64_t lost_us = 0;

    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->rows[i].entry;

        if (counts(entry, kind, NULL))
            lost_us += (entry_span(entry, now).ps + SIMTIME_PS_PER_US - 1) /
                       SIMTIME_PS_PER_US * entry->ports;
    }
    return lost_us;
}

uint64_t
ledger_availability_ppt(const struct ledger *ledger, enum ledger_kind kind,
                        struct simtime now)
{
    uint64_t span_us = simtime_sub(now, ledger->from).ps / SIMTIME_PS_PER_US;
    uint64_t lost_us = lost_port_us(ledger, kind, now);
    uint64_t all_us = span_us * ledger_ports(ledger);
    uint64_t lost_ppt;

    if (all_us == 0)
        return PPT;
    if (lost_us >= all_us)
        return 0;
    lost_ppt = fixed_mul_div(lost_us, PPT, all_us);
    /* Never "always" when something was lost. */
    return PPT - (lost_ppt == 0 && lost_us > 0 ? 1 : lost_ppt);
}
