/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of the timeline: common keys, and those of each fault or action.
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <stdlib.h>
#include <string.h>

#define OCCURRENCES_MAX 10000000u

/* Keys that every event may have. */
struct event_keys {
    struct simtime at, every, until, lasts;
    uint64_t count;
    const struct ynode *fault, *action, *target, *after, *once;
    const char *name;
};

static void
scalar_json(struct json *json)
{
    json_member(json, "type", "string");
}

const struct field event_fields[] = {
    {.key = "at",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct event_keys, at),
     .doc = "When, from the beginning of the run, or from when `after` and "
            "`once` hold."},
    {.key = "after",
     .kind = FIELD_NODE,
     FIELD_AT(struct event_keys, after),
     .json = scalar_json,
     .doc = "Name of an event further up that must have happened first."},
    {.key = "once",
     .kind = FIELD_NODE,
     FIELD_AT(struct event_keys, once),
     .json = scalar_json,
     .doc = "Comparisons and predicates, as in `that`, that must hold "
            "first."},
    {.key = "every",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct event_keys, every),
     .doc = "Repeat after this time; `at` is then the first time."},
    {.key = "until",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct event_keys, until),
     .doc = "Last time it may repeat; the end of the run when not given."},
    {.key = "count",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct event_keys, count),
     .doc = "How often at most."},
    {.key = "for",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct event_keys, lasts),
     .doc = "After this time the fault heals by itself."},
    {.key = "fault",
     .kind = FIELD_NODE,
     FIELD_AT(struct event_keys, fault),
     .json = event_fault_json,
     .doc = "What breaks; see `sixnines describe faults`."},
    {.key = "action",
     .kind = FIELD_NODE,
     FIELD_AT(struct event_keys, action),
     .json = event_action_json,
     .doc = "What someone does; see `sixnines describe actions`."},
    {.key = "target",
     .kind = FIELD_NODE,
     FIELD_AT(struct event_keys, target),
     .json = event_target_json,
     .doc = "Whom it hits: ncp-7, role=ncc,active, random role=ncp, "
            "service=store,role=ncc, link=ncp-3/fab-2, link=mgmt-a/ncp-3, "
            "plane=a, NAME.target; or a list."},
    {.key = "name",
     .kind = FIELD_NAME,
     FIELD_AT(struct event_keys, name),
     .doc = "For expectations and later events."},
};
const size_t event_field_count = ARRAY_COUNT(event_fields);

static const struct field *
common_field(const char *key)
{
    for (size_t i = 0; i < event_field_count; i++) {
        if (strcmp(event_fields[i].key, key) == 0)
            return &event_fields[i];
    }
    return NULL;
}

static int
name_compare(const void *a, const void *b)
{
    const struct event_name *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static int
name_find(const void *arg, const char *name)
{
    const struct loader *loader = arg;
    size_t low = 0, high = loader->event_name_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(loader->event_names[middle].name, name);

        if (order == 0)
            return (int)loader->event_names[middle].index;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static const char *
name_get(const void *arg, size_t index)
{
    const struct loader *loader = arg;

    return index < loader->event_name_count && index < 1000
               ? loader->event_names[index].name
               : NULL;
}

/* Collects names before anything refers to them. */
static int
index_names(struct loader *loader)
{
    const struct ynode *list = loader->timeline;
    struct event_name *names = calloc(list->count + 1, sizeof(*names));
    size_t count = 0;
    int error = 0;

    CHECK(names != NULL);
    for (size_t i = 0; i < list->count; i++) {
        const struct ynode *name = ynode_get(list->items[i], "name");

        if (name != NULL && name->kind == YNODE_SCALAR)
            names[count++] = (struct event_name){name->text, (uint32_t)i};
    }
    qsort(names, count, sizeof(*names), name_compare);
    for (size_t i = 1; i < count; i++) {
        const struct ynode *first = list->items[names[i - 1].index];
        const struct ynode *again = list->items[names[i].index];

        if (strcmp(names[i - 1].name, names[i].name) != 0)
            continue;
        schema_error(&loader->reader, ynode_get(again, "name"),
                     "event \"%.*s\" exists already, at line %u",
                     DIAG_WORD_MAX, names[i].name, first->mark.line);
        error = ERR_INVALID;
    }
    loader->event_names = names;
    loader->event_name_count = count;
    return error;
}

/* The catalogue entry that the event names. */
static int
read_what(struct loader *loader, const struct ynode *node,
          const struct event_keys *keys, struct scenario_event *event)
{
    bool action = keys->action != NULL;
    const struct ynode *what = action ? keys->action : keys->fault;
    const char *kind = action ? "action" : "fault";

    if (keys->action != NULL && keys->fault != NULL) {
        schema_error(&loader->reader, node,
                     "an event is a fault or an action, not both");
        return ERR_INVALID;
    }
    if (what == NULL) {
        schema_error(&loader->reader, node,
                     "an event needs a fault or an action");
        return ERR_INVALID;
    }
    if (schema_want(&loader->reader, what, YNODE_SCALAR, kind) != 0)
        return ERR_INVALID;
    event->what = catalogue_find(what->text, action);
    if (event->what != NULL)
        return 0;
    if (catalogue_find(what->text, !action) != NULL) {
        schema_error(&loader->reader, what, "\"%s\" is %s; write %s: %s",
                     what->text, action ? "a fault" : "an action",
                     action ? "fault" : "action", what->text);
        return ERR_INVALID;
    }
    schema_unknown(&loader->reader, what, what->mark, kind, what->text, "",
                   catalogue_names(action));
    return ERR_INVALID;
}

/* Keys an event of a kind may have, for suggestions. */
static const char *
event_key_get(const void *arg, size_t index)
{
    const struct catalogue_entry *entry = arg;

    for (size_t i = 0; entry->params[i].name != NULL; i++) {
        if (index-- == 0)
            return entry->params[i].name;
    }
    return index < event_field_count ? event_fields[index].key : NULL;
}

static int
report_key(struct loader *loader, const struct catalogue_entry *entry,
           const struct ynode *key)
{
    char where[64];

    snprintf(where, sizeof(where), " for %s", entry->name);
    schema_unknown(&loader->reader, key, key->mark, "key", key->text, where,
                   (struct words){event_key_get, entry});
    return ERR_INVALID;
}

static int
read_kind(struct loader *loader, const struct ynode *item, uint64_t *bits)
{
    const struct catalogue_entry *entry;

    if (schema_want(&loader->reader, item, YNODE_SCALAR, "a kind") != 0)
        return ERR_INVALID;
    entry = catalogue_find(item->text, false);
    if (entry != NULL && entry->random) {
        *bits |= UINT64_C(1) << entry->id;
        return 0;
    }
    schema_unknown(&loader->reader, item, item->mark,
                   entry == NULL ? "fault" : "field rate of", item->text, "",
                   catalogue_random_names());
    return ERR_INVALID;
}

static int
read_kinds(struct loader *loader, const struct ynode *node, uint64_t *bits)
{
    int error = 0;

    if (schema_want(&loader->reader, node, YNODE_LIST, "kinds") != 0)
        return ERR_INVALID;
    if (node->count == 0) {
        schema_error(&loader->reader, node, "at least one fault is needed");
        return ERR_INVALID;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (read_kind(loader, node->items[i], bits) != 0)
            error = ERR_INVALID;
    }
    return error;
}

/* Each target must be of a kind the entry can hit. */
static int
check_kinds(struct loader *loader, const char *what, unsigned allowed,
            const struct target_list *list)
{
    char kinds[200] = "";
    int error = 0;

    for (unsigned i = 0; i <= TARGET_EVENT; i++) {
        if ((allowed & TARGET_BIT(i)) == 0 || i == TARGET_EVENT)
            continue;
        strcat(kinds, kinds[0] == '\0' ? "" : " or ");
        strcat(kinds, target_kind_text((enum target_kind)i));
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct target *target = &list->items[i];

        if ((allowed & TARGET_BIT(target->kind)) != 0)
            continue;
        diag_error(loader->reader.diags, target->mark,
                   "impossible target: %s hits %s, not %s", what, kinds,
                   target_kind_text(target->kind));
        error = ERR_INVALID;
    }
    return error;
}

static int
read_sensor(struct loader *loader, const struct ynode *node,
            struct scenario_value *value)
{
    if (node->kind == YNODE_SCALAR && strcmp(node->text, "dead") == 0) {
        value->number = (uint64_t)PARAM_SENSOR_DEAD;
        return 0;
    }
    return schema_quantity(&loader->reader, QUANTITY_TEMPERATURE, node,
                           &value->number);
}

static int
read_range(struct loader *loader, const struct catalogue_param *param,
           const struct ynode *node, struct scenario_value *value)
{
    struct field field = {
        .key = param->name,
        .kind = FIELD_QUANTITY,
        .quantity = param->quantity,
        .has_range = param->has_range,
        .min = param->min,
        .max = param->max,
        .bytes = sizeof(value->number),
    };

    return schema_field_read(&loader->reader, &field, node, &value->number);
}

static int
read_serial(struct loader *loader, const struct ynode *node,
            struct scenario_value *value)
{
    if (schema_want(&loader->reader, node, YNODE_SCALAR, "a serial") != 0)
        return ERR_INVALID;
    if (node->text[0] == '\0' || strlen(node->text) >= FACTS_SERIAL_MAX) {
        schema_error(&loader->reader, node, "a serial has 1 to %d characters",
                     FACTS_SERIAL_MAX - 1);
        return ERR_INVALID;
    }
    value->text = node->text;
    return 0;
}

static int
read_param(struct loader *loader, const struct catalogue_param *param,
           const struct ynode *node, struct scenario_value *value)
{
    unsigned index;

    value->given = true;
    switch (param->kind) {
    case PARAM_QUANTITY: return read_range(loader, param, node, value);
    case PARAM_WORD:
        if (schema_word(&loader->reader, node, param->name, param->words,
                        &index) != 0)
            return ERR_INVALID;
        value->number = index;
        return 0;
    case PARAM_TEXT: return read_serial(loader, node, value);
    case PARAM_TARGET:
        if (target_list_parse(&loader->reader, &loader->scope, node,
                              &value->targets) != 0)
            return ERR_INVALID;
        return check_kinds(loader, param->name, param->targets,
                           &value->targets);
    case PARAM_KINDS: return read_kinds(loader, node, &value->number);
    case PARAM_SENSOR: return read_sensor(loader, node, value);
    }
    CHECK(false);
    return ERR_INTERNAL;
}

/* Parameters that the file gives, then defaults of the others. */
static int
read_params(struct loader *loader, const struct ynode *node,
            struct scenario_event *event)
{
    const struct mark here = {"default", 0, 0};
    const struct catalogue_entry *entry = event->what;
    int error = 0;

    for (size_t i = 0; i < node->count; i++) {
        const struct ypair *pair = &node->pairs[i];
        int index = catalogue_param_index(entry, pair->key->text);

        if (index >= 0) {
            if (read_param(loader, &entry->params[index], pair->value,
                           &event->values[index]) != 0)
                error = ERR_INVALID;
        } else if (common_field(pair->key->text) == NULL) {
            error = report_key(loader, entry, pair->key);
        }
    }
    for (size_t i = 0; entry->params[i].name != NULL; i++) {
        const struct catalogue_param *param = &entry->params[i];

        if (event->values[i].given)
            continue;
        if (param->required) {
            schema_error(&loader->reader, node, "%s lacks \"%s\"", entry->name,
                         param->name);
            error = ERR_INVALID;
        } else if (param->fallback != NULL &&
                   read_param(loader, param,
                              ynode_scalar(loader->reader.arena, here,
                                           param->fallback),
                              &event->values[i]) != 0) {
            error = ERR_INVALID;
        }
    }
    return error;
}

static int
check_target_count(struct loader *loader, const struct ynode *node,
                   const struct ynode *target,
                   const struct scenario_event *event)
{
    const struct catalogue_entry *entry = event->what;
    size_t count = event->targets.count;

    if (entry->targets == 0 && target != NULL) {
        schema_error(&loader->reader, target, "%s takes no target",
                     entry->name);
        return ERR_INVALID;
    }
    if (count < entry->least_targets) {
        schema_error(&loader->reader, target != NULL ? target : node,
                     entry->least_targets == 1
                         ? "%s needs a target"
                         : "%s needs a list of %u targets",
                     entry->name, entry->least_targets);
        return ERR_INVALID;
    }
    if (entry->most_targets != 0 && count > entry->most_targets) {
        schema_error(&loader->reader, target, "%s takes at most %u target%s",
                     entry->name, entry->most_targets,
                     entry->most_targets == 1 ? "" : "s");
        return ERR_INVALID;
    }
    return 0;
}

static int
read_targets(struct loader *loader, const struct ynode *node,
             const struct ynode *target, struct scenario_event *event)
{
    if (target != NULL && event->what->targets != 0) {
        if (target_list_parse(&loader->reader, &loader->scope, target,
                              &event->targets) != 0 ||
            check_kinds(loader, event->what->name, event->what->targets,
                        &event->targets) != 0)
            return ERR_INVALID;
    }
    return check_target_count(loader, node, target, event);
}

/* "later than the end" for the time that stands under 'key'. */
static int
check_end(struct loader *loader, const struct ynode *node, const char *key,
          struct simtime time)
{
    struct simtime ends = loader->scenario->ends;
    char text[QUANTITY_TEXT_BYTES], end_text[QUANTITY_TEXT_BYTES];
    const struct ynode *value = ynode_get(node, key);

    if (value == NULL || ends.ps == 0 || simtime_before(time, ends) ||
        (time.ps == ends.ps && strcmp(key, "at") != 0))
        return 0;
    quantity_format(QUANTITY_DURATION, time.ps, text, sizeof(text));
    quantity_format(QUANTITY_DURATION, ends.ps, end_text, sizeof(end_text));
    schema_error(&loader->reader, value,
                 "%s: %s lies %s the end of the scenario (ends: %s)", key,
                 text, time.ps == ends.ps ? "at" : "after", end_text);
    return ERR_INVALID;
}

/* Keys that need another one. */
static int
check_keys(struct loader *loader, const struct ynode *node,
           const struct scenario_event *event)
{
    const struct ynode *every = ynode_get(node, "every");
    bool spans = event->what->id == ACTION_RANDOM_FAULTS;
    int error = 0;

    if (ynode_get(node, "at") == NULL && every == NULL && !spans &&
        !scenario_event_triggered(event)) {
        schema_error(&loader->reader, node,
                     "an event needs \"at\" or "
                     "\"every\"");
        error = ERR_INVALID;
    }
    if (scenario_event_triggered(event) &&
        (spans || ynode_get(node, "until") != NULL)) {
        schema_error(&loader->reader, node,
                     "%s does not go with \"after\" or \"once\"",
                     spans ? event->what->name : "\"until\"");
        error = ERR_INVALID;
    }
    if (every != NULL && event->every.ps == 0) {
        schema_error(&loader->reader, every, "every: 0s would never end");
        error = ERR_INVALID;
    }
    if (every == NULL && ynode_get(node, "count") != NULL) {
        schema_error(&loader->reader, ynode_get(node, "count"),
                     "\"count\" needs \"every\"");
        error = ERR_INVALID;
    }
    if (every == NULL && !spans && ynode_get(node, "until") != NULL) {
        schema_error(&loader->reader, ynode_get(node, "until"),
                     "\"until\" needs \"every\"");
        error = ERR_INVALID;
    }
    if (!event->what->lasts && ynode_get(node, "for") != NULL) {
        schema_error(&loader->reader, ynode_get(node, "for"),
                     "%s does not last, so it takes no \"for\"",
                     event->what->name);
        error = ERR_INVALID;
    }
    return error;
}

static int
count_occurrences(struct loader *loader, const struct ynode *node,
                  struct scenario_event *event, uint64_t most)
{
    const struct ynode *count = ynode_get(node, "count");

    event->count = 1;
    if (count != NULL && most == 0) {
        schema_error(&loader->reader, count, "count: 0 is never");
        return ERR_INVALID;
    }
    if (simtime_before(event->until, event->at)) {
        schema_error(&loader->reader,
                     ynode_get(node, "until") ? ynode_get(node, "until")
                                              : node,
                     "until lies before the first time");
        return ERR_INVALID;
    }
    if (event->every.ps != 0)
        event->count = (event->until.ps - event->at.ps) / event->every.ps + 1;
    if (count != NULL && most < event->count)
        event->count = most;
    if (event->count > OCCURRENCES_MAX) {
        schema_error(&loader->reader, ynode_get(node, "every"),
                     "this repeats more than %u times", OCCURRENCES_MAX);
        return ERR_INVALID;
    }
    return 0;
}

static int
read_times(struct loader *loader, const struct ynode *node,
           const struct event_keys *keys, struct scenario_event *event)
{
    int error;

    event->at = keys->at;
    event->every = keys->every;
    event->lasts = keys->lasts;
    event->until = keys->until;
    error = check_keys(loader, node, event);
    if (error != 0)
        return error;
    if (ynode_get(node, "at") == NULL)
        event->at = keys->every;
    if (ynode_get(node, "until") == NULL)
        event->until = loader->scenario->ends;
    event->earliest = event->at;
    if (event->after != SCENARIO_NO_EVENT)
        event->earliest = simtime_add(
            loader->scenario->events[event->after].earliest, event->at);
    if (check_end(loader, node, "at", event->earliest) != 0 ||
        check_end(loader, node, "until", event->until) != 0)
        return ERR_INVALID;
    if (loader->scenario->ends.ps == 0)
        return 0;
    return count_occurrences(loader, node, event, keys->count);
}

static bool
is_routed(const struct loader *loader)
{
    for (size_t i = 0; i < loader->scenario->traffic_count; i++) {
        const struct ynode *node = loader->scenario->traffic[i].node;
        const struct ynode *routed = ynode_get(node, "routed");

        if (routed != NULL && routed->kind == YNODE_SCALAR &&
            strcmp(routed->text, "true") == 0)
            return true;
    }
    return false;
}

/* Cables of the forwarding plane are those of the plan. */
static int
check_packets(struct loader *loader, const struct ynode *node,
              const struct scenario_event *event)
{
    if (event->what->id == ACTION_ROUTE_CHANGE && !is_routed(loader)) {
        schema_error(&loader->reader, node,
                     "route.change needs traffic that is routed: true");
        return ERR_INVALID;
    }
    if (event->what->id != ACTION_CABLE_SWAP || loader->traffic == NULL)
        return 0;
    schema_error(&loader->reader, node,
                 "cable.swap does not go with traffic: packets take the "
                 "cables of the plan");
    return ERR_INVALID;
}

/* Growth cannot outrun the spares. */
static int
check_growth(struct loader *loader, const struct ynode *node,
             const struct scenario_event *event)
{
    uint32_t spares = loader->scenario->cluster.spares[ROLE_NCP];
    uint64_t count;

    if (event->what->id != ACTION_BOX_ADD)
        return 0;
    count = scenario_event_value(event, "boxes")->number * event->count;
    if (loader->scenario->cluster.node == NULL ||
        loader->spares_added + count <= spares) {
        loader->spares_added += (uint32_t)count;
        return 0;
    }
    schema_error(&loader->reader,
                 ynode_get(node, "boxes") ? ynode_get(node, "boxes") : node,
                 "impossible target: box.add needs %llu spare ncp boxes, the "
                 "cluster has %u; set cluster.spares.ncp",
                 (unsigned long long)(loader->spares_added + count), spares);
    return ERR_INVALID;
}

static int
read_keys(struct loader *loader, const struct ynode *node,
          struct event_keys *keys)
{
    int error = 0;

    for (size_t i = 0; i < node->count; i++) {
        const struct field *field = common_field(node->pairs[i].key->text);

        if (field != NULL &&
            schema_field_read(&loader->reader, field, node->pairs[i].value,
                              keys) != 0)
            error = ERR_INVALID;
    }
    return error;
}

static int
read_event(struct loader *loader, const struct ynode *node,
           struct scenario_event *event)
{
    struct event_keys keys = {0};
    int error;

    event->node = node;
    event->after = SCENARIO_NO_EVENT;
    if (schema_want(&loader->reader, node, YNODE_MAP, "an event") != 0)
        return ERR_INVALID;
    error = read_keys(loader, node, &keys);
    event->name = keys.name;
    if (read_trigger(loader, keys.after, keys.once, event) != 0)
        error = ERR_INVALID;
    if (read_what(loader, node, &keys, event) != 0)
        return ERR_INVALID;
    if (read_params(loader, node, event) != 0)
        error = ERR_INVALID;
    if (read_targets(loader, node, keys.target, event) != 0)
        error = ERR_INVALID;
    if (error == 0)
        error = read_times(loader, node, &keys, event);
    if (error == 0)
        error = check_packets(loader, node, event);
    if (error == 0)
        error = check_growth(loader, node, event);
    return error;
}

/* What an event takes from another one must have happened by then. */
static int
check_reference(struct loader *loader, size_t index,
                const struct target *target)
{
    const struct scenario_event *events = loader->scenario->events;
    const struct scenario_event *event = &events[index];
    const struct scenario_event *earlier;

    if (target->kind != TARGET_EVENT)
        return 0;
    earlier = &events[target->event];
    if (earlier->what == NULL || event->what == NULL)
        return 0;
    if (!event_comes_later(events, index, target->event)) {
        diag_error(loader->reader.diags, target->mark,
                   "event \"%.*s\" does not come earlier", DIAG_WORD_MAX,
                   earlier->name);
        return ERR_INVALID;
    }
    if (earlier->what->targets != 0 &&
        (earlier->what->targets & event->what->targets &
         ~TARGET_BIT(TARGET_EVENT)) == 0) {
        diag_error(loader->reader.diags, target->mark,
                   "impossible target: %s cannot hit what %s hits",
                   event->what->name, earlier->what->name);
        return ERR_INVALID;
    }
    return 0;
}

static int
check_references(struct loader *loader)
{
    const struct scenario *scenario = loader->scenario;
    int error = 0;

    for (size_t i = 0; i < scenario->event_count; i++) {
        const struct target_list *list = &scenario->events[i].targets;

        for (size_t j = 0; j < list->count; j++) {
            if (check_reference(loader, i, &list->items[j]) != 0)
                error = ERR_INVALID;
        }
        for (size_t p = 0; p < CATALOGUE_PARAMS_MAX; p++) {
            list = &scenario->events[i].values[p].targets;
            for (size_t j = 0; j < list->count; j++) {
                if (check_reference(loader, i, &list->items[j]) != 0)
                    error = ERR_INVALID;
            }
        }
    }
    return error;
}

/* A run keeps one account of random faults. */
static int
check_random(struct loader *loader)
{
    const struct scenario *scenario = loader->scenario;
    const struct ynode *first = NULL;

    for (size_t i = 0; i < scenario->event_count; i++) {
        const struct scenario_event *event = &scenario->events[i];

        if (event->what == NULL || event->what->id != ACTION_RANDOM_FAULTS)
            continue;
        if (first != NULL) {
            schema_error(&loader->reader, event->node,
                         "random-faults is in the timeline already, at line "
                         "%u",
                         first->mark.line);
            return ERR_INVALID;
        }
        first = event->node;
    }
    return 0;
}

int
read_timeline(struct loader *loader)
{
    const struct ynode *list = loader->timeline;
    struct scenario *scenario = loader->scenario;
    int error;

    loader->scope.event_find = name_find;
    loader->scope.event_names = (struct words){name_get, loader};
    loader->scope.arg = loader;
    if (list == NULL)
        return 0;
    if (schema_want(&loader->reader, list, YNODE_LIST, "timeline") != 0)
        return ERR_INVALID;
    if (list->count > SCENARIO_EVENTS_MAX) {
        schema_error(&loader->reader, list, "more than %u events",
                     SCENARIO_EVENTS_MAX);
        return ERR_INVALID;
    }
    error = index_names(loader);
    scenario->events = arena_array(loader->reader.arena, list->count,
                                   sizeof(*scenario->events));
    scenario->event_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (read_event(loader, list->items[i], &scenario->events[i]) != 0)
            error = ERR_INVALID;
    }
    if (error == 0)
        error = check_references(loader);
    if (error == 0)
        error = check_random(loader);
    return error;
}
