/* SPDX-License-Identifier: Apache-2.0
 *
 * Expectations: what must hold, and when it is judged.
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/err.h"

#include <string.h>

struct expect_keys {
    const struct ynode *node;
    const struct ynode *that, *after, *over;
    struct simtime within;
    uint64_t confidence_ppm;
};

static const char *const over_words[] = {"seeds", NULL};

static void
text_json(struct json *json)
{
    json_member(json, "type", "string");
}

static void
over_json(struct json *json)
{
    json_key(json, "enum");
    json_list(json);
    json_string(json, over_words[0]);
    json_end(json);
}

static const struct field expect_fields[] = {
    {.key = "that",
     .kind = FIELD_NODE,
     FIELD_AT(struct expect_keys, that),
     .required = true,
     .json = text_json,
     .doc = "Comparisons and predicates joined by \"and\"; see `sixnines "
            "describe metrics`."},
    {.key = "within",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct expect_keys, within),
     .doc = "It becomes true within this time; judged at the end when not "
            "given."},
    {.key = "after",
     .kind = FIELD_NODE,
     FIELD_AT(struct expect_keys, after),
     .json = text_json,
     .doc = "Name of the event from which `within` counts; the beginning when "
            "not given."},
    {.key = "over",
     .kind = FIELD_NODE,
     FIELD_AT(struct expect_keys, over),
     .json = over_json,
     .doc = "seeds: judged over the runs of many seeds, with p50, p90, p99, "
            "mean, min or max of a metric."},
    {.key = "confidence",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_PERCENT,
     FIELD_AT(struct expect_keys, confidence_ppm),
     .fallback = "95%",
     .has_range = true,
     .min = 500000,
     .max = 999999,
     .doc = "Of a statement over seeds."},
};
const struct schema expect_schema =
    SCHEMA(struct expect_keys, "an expectation", "What must hold.",
           expect_fields, node);

struct compare_keys {
    const struct ynode *node;
    const struct ynode *metric;
    uint64_t within_ppm;
};

static const struct field compare_fields[] = {
    {.key = "metric",
     .kind = FIELD_NODE,
     FIELD_AT(struct compare_keys, metric),
     .required = true,
     .json = text_json,
     .doc = "A duration; see `sixnines describe metrics`."},
    {.key = "within",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_PERCENT,
     FIELD_AT(struct compare_keys, within_ppm),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1000000,
     .doc = "Largest difference of the medians, of the first world's."},
};
const struct schema compare_schema = SCHEMA(
    struct compare_keys, "a comparison",
    "How far two worlds may be apart in a metric.", compare_fields, node);

static int
read_over(struct loader *loader, const struct expect_keys *keys,
          struct scenario_expect *expect)
{
    const struct ynode *confidence = ynode_get(keys->node, "confidence");
    unsigned index;

    if (keys->over == NULL && confidence != NULL) {
        schema_error(&loader->reader, confidence,
                     "\"confidence\" needs over: seeds");
        return ERR_INVALID;
    }
    if (keys->over == NULL)
        return 0;
    if (schema_word(&loader->reader, keys->over, "over", over_words, &index) !=
        0)
        return ERR_INVALID;
    if (ynode_get(keys->node, "within") != NULL) {
        schema_error(&loader->reader, keys->over,
                     "\"over\" and \"within\" do not go together");
        return ERR_INVALID;
    }
    expect->when = EXPECT_OVER_SEEDS;
    expect->confidence_ppm = keys->confidence_ppm;
    return 0;
}

static int
read_after(struct loader *loader, const struct expect_keys *keys,
           struct scenario_expect *expect)
{
    int index;

    expect->after = EXPECT_AFTER_START;
    if (keys->after == NULL)
        return 0;
    if (schema_want(&loader->reader, keys->after, YNODE_SCALAR, "after") != 0)
        return ERR_INVALID;
    if (ynode_get(keys->node, "within") == NULL) {
        schema_error(&loader->reader, keys->after,
                     "\"after\" needs \"within\"");
        return ERR_INVALID;
    }
    index = loader->scope.event_find(loader->scope.arg, keys->after->text);
    if (index >= 0) {
        expect->after = (uint32_t)index;
        return 0;
    }
    schema_unknown(&loader->reader, keys->after, keys->after->mark, "event",
                   keys->after->text, "", loader->scope.event_names);
    return ERR_INVALID;
}

/* What it waits for must be able to happen before the end. */
static int
check_window(struct loader *loader, const struct scenario_expect *expect)
{
    const struct scenario *scenario = loader->scenario;
    struct simtime start = {0}, last;
    char text[QUANTITY_TEXT_BYTES];

    if (expect->when != EXPECT_WITHIN || scenario->ends.ps == 0)
        return 0;
    if (expect->after != EXPECT_AFTER_START)
        start = scenario->events[expect->after].earliest;
    last = simtime_add(start, expect->within);
    if (!simtime_before(scenario->ends, last))
        return 0;
    quantity_format(QUANTITY_DURATION, last.ps, text, sizeof(text));
    schema_error(&loader->reader, ynode_get(expect->node, "within"),
                 "this waits until %s, after the end of the scenario", text);
    return ERR_INVALID;
}

static int
read_expect(struct loader *loader, const struct ynode *node,
            struct scenario_expect *expect)
{
    struct expect_keys keys = {0};
    int error = schema_read(&loader->reader, &expect_schema, node, &keys);

    expect->node = node;
    if (keys.that == NULL)
        return ERR_INVALID;
    if (ynode_get(node, "within") != NULL)
        expect->when = EXPECT_WITHIN;
    expect->within = keys.within;
    if (read_over(loader, &keys, expect) != 0)
        error = ERR_INVALID;
    if (read_after(loader, &keys, expect) != 0)
        error = ERR_INVALID;
    if (error == 0)
        error = check_window(loader, expect);
    if (expr_parse(&loader->reader, &loader->scope, keys.that,
                   keys.over != NULL, &expect->expr) != 0)
        error = ERR_INVALID;
    return error;
}

int
read_expects(struct loader *loader)
{
    const struct ynode *list = loader->expect;
    struct scenario *scenario = loader->scenario;
    int error = 0;

    if (list == NULL)
        return 0;
    if (schema_want(&loader->reader, list, YNODE_LIST, "expect") != 0)
        return ERR_INVALID;
    if (list->count > SCENARIO_EXPECTS_MAX) {
        schema_error(&loader->reader, list, "more than %u expectations",
                     SCENARIO_EXPECTS_MAX);
        return ERR_INVALID;
    }
    scenario->expects = arena_array(loader->reader.arena, list->count,
                                    sizeof(*scenario->expects));
    scenario->expect_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (read_expect(loader, list->items[i], &scenario->expects[i]) != 0)
            error = ERR_INVALID;
    }
    return error;
}

static int
read_compare(struct loader *loader, const struct ynode *node,
             struct scenario_compare *compare)
{
    struct compare_keys keys = {0};
    int error = schema_read(&loader->reader, &compare_schema, node, &keys);

    compare->node = node;
    compare->within_ppm = keys.within_ppm;
    if (keys.metric == NULL ||
        expr_parse_metric(&loader->reader, &loader->scope, keys.metric,
                          &compare->ref) != 0)
        return ERR_INVALID;
    if (compare->ref.metric->unit == UNIT_DURATION ||
        (compare->ref.metric->id >= METRIC_TRAFFIC_SENT &&
         compare->ref.metric->id <= METRIC_TRAFFIC_GOODPUT))
        return error;
    schema_error(&loader->reader, keys.metric,
                 "\"%s\" is no duration; only durations and traffic are "
                 "compared",
                 compare->ref.metric->name);
    return ERR_INVALID;
}

int
read_compares(struct loader *loader)
{
    const struct ynode *list = loader->compare;
    struct scenario *scenario = loader->scenario;
    int error = 0;

    if (list == NULL)
        return 0;
    if (schema_want(&loader->reader, list, YNODE_LIST, "compare") != 0)
        return ERR_INVALID;
    if (list->count > SCENARIO_COMPARES_MAX) {
        schema_error(&loader->reader, list, "more than %u comparisons",
                     SCENARIO_COMPARES_MAX);
        return ERR_INVALID;
    }
    scenario->compares = arena_array(loader->reader.arena, list->count,
                                     sizeof(*scenario->compares));
    scenario->compare_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (read_compare(loader, list->items[i], &scenario->compares[i]) != 0)
            error = ERR_INVALID;
    }
    return error;
}
