/* SPDX-License-Identifier: Apache-2.0
 *
 * Which event comes after which: triggers (`after`, `once`) and references.
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/err.h"

static int
read_after(struct loader *loader, const struct ynode *after,
           struct scenario_event *event)
{
    size_t own = (size_t)(event - loader->scenario->events);
    int index;

    if (schema_want(&loader->reader, after, YNODE_SCALAR, "after") != 0)
        return ERR_INVALID;
    index = loader->scope.event_find(loader->scope.arg, after->text);
    if (index < 0) {
        schema_unknown(&loader->reader, after, after->mark, "event",
                       after->text, "", loader->scope.event_names);
        return ERR_INVALID;
    }
    if ((size_t)index >= own) {
        schema_error(&loader->reader, after,
                     "event \"%.*s\" does not stand further up", DIAG_WORD_MAX,
                     after->text);
        return ERR_INVALID;
    }
    event->after = (uint32_t)index;
    return 0;
}

int
read_trigger(struct loader *loader, const struct ynode *after,
             const struct ynode *once, struct scenario_event *event)
{
    int error = after != NULL ? read_after(loader, after, event) : 0;
    struct expr *expr;

    if (once == NULL)
        return error;
    expr = arena_alloc(loader->reader.arena, sizeof(*expr));
    event->once = expr;
    if (expr_parse(&loader->reader, &loader->scope, once, false, expr) != 0)
        error = ERR_INVALID;
    return error;
}

/* Does event 'index' wait, over others perhaps, for 'earlier'? */
static bool
waits_for(const struct scenario_event *events, size_t index, uint32_t earlier)
{
    uint32_t at = events[index].after;

    while (at != SCENARIO_NO_EVENT && at != earlier)
        at = events[at].after;
    return at == earlier;
}

bool
event_comes_later(const struct scenario_event *events, size_t index,
                  uint32_t earlier)
{
    int order =
        simtime_compare(events[index].earliest, events[earlier].earliest);

    if (scenario_event_triggered(&events[earlier]))
        return waits_for(events, index, earlier);
    return index != earlier && (order > 0 || (order == 0 && earlier < index));
}
