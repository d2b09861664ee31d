/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/run/outcome.h"

#include "reference-nos/base/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OUTCOME_ROWS 12

static struct rows *
rows_of(struct outcome *outcome, unsigned index)
{
    struct rows *all[OUTCOME_ROWS] = {
        &outcome->expects, &outcome->timeline, &outcome->outages,
        &outcome->metrics, &outcome->loads,    &outcome->alarms,
        &outcome->oracles, &outcome->skips,    &outcome->checkpoints,
        &outcome->traffic, &outcome->parts,    &outcome->searches,
    };

    CHECK(index < OUTCOME_ROWS);
    return all[index];
}

void
outcome_init(struct outcome *outcome)
{
    static const size_t row_bytes[OUTCOME_ROWS] = {
        sizeof(struct outcome_expect),    sizeof(struct outcome_event),
        sizeof(struct outcome_outage),    sizeof(struct outcome_metric),
        sizeof(struct outcome_load),      sizeof(struct outcome_alarm),
        sizeof(struct outcome_oracle),    sizeof(struct outcome_skip),
        sizeof(struct digest_checkpoint), sizeof(struct outcome_traffic),
        sizeof(struct outcome_part),      sizeof(struct outcome_search),
    };

    memset(outcome, 0, sizeof(*outcome));
    for (unsigned i = 0; i < OUTCOME_ROWS; i++)
        rows_of(outcome, i)->row_bytes = row_bytes[i];
}

void
outcome_fini(struct outcome *outcome)
{
    for (unsigned i = 0; i < OUTCOME_ROWS; i++) {
        free(rows_of(outcome, i)->items);
        rows_of(outcome, i)->items = NULL;
        rows_of(outcome, i)->count = 0;
        rows_of(outcome, i)->room = 0;
    }
}

static void
rows_reserve(struct rows *rows, size_t count)
{
    if (count <= rows->room)
        return;
    rows->room = rows->room * 2 + 16;
    if (rows->room < count)
        rows->room = count;
    rows->items = realloc(rows->items, rows->room * rows->row_bytes);
    CHECK(rows->items != NULL);
}

void *
rows_add(struct rows *rows)
{
    void *row;

    CHECK(rows->row_bytes > 0);
    rows_reserve(rows, rows->count + 1);
    row = (char *)rows->items + rows->count * rows->row_bytes;
    memset(row, 0, rows->row_bytes);
    rows->count++;
    return row;
}

void
outcome_write(const struct outcome *outcome,
              void (*write)(void *context, const void *bytes, size_t size),
              void *context)
{
    struct outcome copy = *outcome;

    write(context, &copy, sizeof(copy));
    for (unsigned i = 0; i < OUTCOME_ROWS; i++) {
        const struct rows *rows = rows_of(&copy, i);

        if (rows->count > 0)
            write(context, rows->items, rows->count * rows->row_bytes);
    }
}

int
outcome_read(struct outcome *outcome, const void *bytes, size_t size)
{
    struct outcome head;
    const char *at = bytes;
    const char *end = at + size;

    if (size < sizeof(head))
        return ERR_TRUNCATED;
    memcpy(&head, bytes, sizeof(head));
    at += sizeof(head);
    outcome_init(outcome);
    for (unsigned i = 0; i < OUTCOME_ROWS; i++) {
        const struct rows *from = rows_of(&head, i);
        struct rows *to = rows_of(outcome, i);
        size_t left = (size_t)(end - at);

        if (from->row_bytes != to->row_bytes ||
            from->count > left / to->row_bytes) {
            outcome_fini(outcome);
            return ERR_MALFORMED;
        }
        rows_reserve(to, from->count);
        to->count = from->count;
        if (to->count > 0)
            memcpy(to->items, at, to->count * to->row_bytes);
        at += to->count * to->row_bytes;
        *rows_of(&head, i) = *to;
    }
    *outcome = head;
    return 0;
}

void
outcome_text(char *to, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(to, size, format, args);
    va_end(args);
}
