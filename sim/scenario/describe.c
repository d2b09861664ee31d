/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables and scenarios, printed for people or as JSON.
 */
#include "sim/scenario/scenario_priv.h"

#include <string.h>

static void
print_targets(FILE *out, const struct catalogue_entry *entry)
{
    const char *between = " ";

    if (entry->targets == 0)
        return;
    fprintf(out,
            "    target%s:", entry->least_targets == 0 ? " (optional)" : "");
    for (unsigned i = 0; i <= TARGET_EVENT; i++) {
        if ((entry->targets & TARGET_BIT(i)) == 0)
            continue;
        fprintf(out, "%s%s", between, target_kind_text((enum target_kind)i));
        between = ", ";
    }
    if (entry->least_targets > 1)
        fprintf(out, " (a list of %u)", entry->least_targets);
    fputc('\n', out);
}

static const char *
param_type(const struct catalogue_param *param)
{
    switch (param->kind) {
    case PARAM_QUANTITY: return quantity_text(param->quantity);
    case PARAM_WORD: return "word";
    case PARAM_TEXT: return "text";
    case PARAM_TARGET: return "target";
    case PARAM_KINDS: return "list of faults";
    case PARAM_SENSOR: return "temperature or \"dead\"";
    }
    return "";
}

static void
print_param(FILE *out, const struct catalogue_param *param)
{
    fprintf(out, "    %s: %s", param->name, param_type(param));
    if (param->kind == PARAM_QUANTITY)
        fprintf(out, " such as %s", quantity_example(param->quantity));
    if (param->required)
        fprintf(out, ", required");
    if (param->fallback != NULL)
        fprintf(out, ", %s when not given", param->fallback);
    fprintf(out, ".  %s\n", param->doc);
}

static void
print_worlds(FILE *out, unsigned worlds)
{
    const char *between = "";

    if (worlds == WORLDS_ALL) {
        fputs("all", out);
        return;
    }
    for (int i = 0; i < WORLD_KIND_COUNT; i++) {
        if ((worlds & WORLD_BIT(i)) == 0)
            continue;
        fprintf(out, "%s%s", between, world_kind_name((enum world_kind)i));
        between = ", ";
    }
}

static void
print_entry(FILE *out, const struct catalogue_entry *entry)
{
    fprintf(out, "%s\n    %s\n", entry->name, entry->doc);
    print_targets(out, entry);
    for (size_t i = 0; entry->params[i].name != NULL; i++)
        print_param(out, &entry->params[i]);
    if (entry->lasts)
        fputs("    for: duration; heals by itself after it\n", out);
    if (entry->random)
        fputs("    random-faults knows its field rate\n", out);
    fputs("    worlds: ", out);
    print_worlds(out, entry->worlds);
    fputs("\n\n", out);
}

static void
json_worlds(struct json *json, unsigned worlds)
{
    json_key(json, "worlds");
    json_list(json);
    for (int i = 0; i < WORLD_KIND_COUNT; i++) {
        if ((worlds & WORLD_BIT(i)) != 0)
            json_string(json, world_kind_name((enum world_kind)i));
    }
    json_end(json);
}

static void
json_param(struct json *json, const struct catalogue_param *param)
{
    json_object(json);
    json_member(json, "name", param->name);
    json_member(json, "type", param_type(param));
    json_member_bool(json, "required", param->required);
    if (param->fallback != NULL)
        json_member(json, "default", param->fallback);
    if (param->kind == PARAM_WORD) {
        json_key(json, "words");
        json_list(json);
        for (size_t i = 0; param->words[i] != NULL; i++)
            json_string(json, param->words[i]);
        json_end(json);
    }
    json_member(json, "doc", param->doc);
    json_end(json);
}

static void
json_entry(struct json *json, const struct catalogue_entry *entry)
{
    json_object(json);
    json_member(json, "name", entry->name);
    json_member(json, "doc", entry->doc);
    json_key(json, "targets");
    json_list(json);
    for (unsigned i = 0; i <= TARGET_EVENT; i++) {
        if ((entry->targets & TARGET_BIT(i)) != 0)
            json_string(json, target_kind_text((enum target_kind)i));
    }
    json_end(json);
    json_member_bool(json, "heals", entry->lasts);
    json_member_bool(json, "random", entry->random);
    json_key(json, "parameters");
    json_list(json);
    for (size_t i = 0; entry->params[i].name != NULL; i++)
        json_param(json, &entry->params[i]);
    json_end(json);
    json_worlds(json, entry->worlds);
    json_end(json);
}

void
scenario_describe_catalogue(bool actions, bool as_json, FILE *out)
{
    struct json json;

    json_init(&json, out);
    if (as_json) {
        json_object(&json);
        json_key(&json, actions ? "actions" : "faults");
        json_list(&json);
    }
    for (int i = 0; i < CATALOGUE_COUNT; i++) {
        if (catalogue_is_action((enum catalogue_id)i) != actions)
            continue;
        if (as_json)
            json_entry(&json, catalogue_get((enum catalogue_id)i));
        else
            print_entry(out, catalogue_get((enum catalogue_id)i));
    }
    if (as_json) {
        json_end(&json);
        json_end(&json);
    }
}

/* Words that a metric's argument may be, for people. */
static void
print_words(FILE *out, const struct metric *metric)
{
    const char *const *words = metric_argument_words(metric->argument);
    const char *between = "";

    if (words == NULL)
        return;
    fprintf(out, "    %s: ", metric_argument_text(metric->argument));
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], "none") == 0)
            continue;
        fprintf(out, "%s%s", between, words[i]);
        between = ", ";
    }
    fputc('\n', out);
}

static void
print_metric(FILE *out, const struct metric *metric)
{
    fputs(metric->name, out);
    if (metric->argument != ARGUMENT_NONE)
        fprintf(out, metric->argument_optional ? "[(%s)]" : "(%s)",
                metric_argument_text(metric->argument));
    fprintf(out, "  %s\n    %s\n", metric_unit_text(metric->unit),
            metric->doc);
    print_words(out, metric);
    fputs("    worlds: ", out);
    print_worlds(out, metric->worlds);
    fputs("\n\n", out);
}

static void
json_metric(struct json *json, const struct metric *metric)
{
    const char *const *words = metric_argument_words(metric->argument);

    json_object(json);
    json_member(json, "name", metric->name);
    json_member(json, "unit", metric_unit_text(metric->unit));
    if (metric->argument != ARGUMENT_NONE) {
        json_member(json, "argument", metric_argument_text(metric->argument));
        json_member_bool(json, "argument-optional", metric->argument_optional);
    }
    if (words != NULL) {
        json_key(json, "words");
        json_list(json);
        for (size_t i = 0; words[i] != NULL; i++) {
            if (strcmp(words[i], "none") != 0)
                json_string(json, words[i]);
        }
        json_end(json);
    }
    json_member(json, "doc", metric->doc);
    json_worlds(json, metric->worlds);
    json_end(json);
}

void
scenario_describe_metrics(bool as_json, FILE *out)
{
    struct json json;

    json_init(&json, out);
    if (as_json) {
        json_object(&json);
        json_key(&json, "metrics");
        json_list(&json);
    }
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (as_json)
            json_metric(&json, metric_get((enum metric_id)i));
        else
            print_metric(out, metric_get((enum metric_id)i));
    }
    if (as_json) {
        json_end(&json);
        json_end(&json);
    }
}

static const char *
duration_text(struct simtime time, char text[QUANTITY_TEXT_BYTES])
{
    quantity_format(QUANTITY_DURATION, time.ps, text, QUANTITY_TEXT_BYTES);
    return text;
}

static void
print_event(FILE *out, const struct scenario *scenario,
            const struct scenario_event *event)
{
    char text[QUANTITY_TEXT_BYTES];

    fprintf(out, "  %8s  %s", duration_text(event->at, text),
            event->what->name);
    if (event->after != SCENARIO_NO_EVENT)
        fprintf(out, "  after %s", scenario->events[event->after].name);
    if (event->once != NULL)
        fprintf(out, "  once %s", event->once->text);
    for (size_t i = 0; i < event->targets.count; i++)
        fprintf(out, "%s%s", i == 0 ? "  " : " + ",
                event->targets.items[i].text);
    if (event->lasts.ps != 0)
        fprintf(out, "  for %s", duration_text(event->lasts, text));
    if (event->count > 1)
        fprintf(out, "  every %s, %llu times",
                duration_text(event->every, text),
                (unsigned long long)event->count);
    if (event->name != NULL)
        fprintf(out, "  (%s)", event->name);
    fputc('\n', out);
}

static void
print_expect(FILE *out, const struct scenario *scenario,
             const struct scenario_expect *expect)
{
    char text[QUANTITY_TEXT_BYTES];

    fprintf(out, "  %s", expect->expr.text);
    if (expect->when == EXPECT_WITHIN)
        fprintf(out, "  within %s after %s",
                duration_text(expect->within, text),
                expect->after == EXPECT_AFTER_START
                    ? "the beginning"
                    : scenario->events[expect->after].name);
    if (expect->when == EXPECT_OVER_SEEDS)
        fprintf(out, "  over seeds, confidence %g%%",
                (double)expect->confidence_ppm / 1e4);
    fputc('\n', out);
}

static const char *
pattern_word(const struct scenario_traffic *traffic)
{
    return traffic_schema.fields[1].words[traffic->spec.pattern];
}

static void
print_ports(FILE *out, const char *word, const struct scenario_port_list *list)
{
    fprintf(out, "  %s ", word);
    for (size_t i = 0; i < list->count; i++)
        fprintf(out, "%s%s", i == 0 ? "" : " + ", list->items[i].text);
}

static void
print_traffic(FILE *out, const struct scenario *scenario,
              const struct scenario_traffic *traffic)
{
    const struct traffic_spec *spec = &traffic->spec;
    char text[QUANTITY_TEXT_BYTES];

    fprintf(out, "  %8s  %s  %s", duration_text(traffic->at, text),
            traffic->name, pattern_word(traffic));
    if (traffic->after != SCENARIO_NO_EVENT)
        fprintf(out, "  after %s", scenario->events[traffic->after].name);
    print_ports(out, "from", &traffic->from);
    print_ports(out, "to", &traffic->to);
    if (spec->load_ppm > 0)
        fprintf(out, "  %g%% of each port", (double)spec->load_ppm / 1e4);
    if (spec->arrivals == TRAFFIC_REPLAY)
        fprintf(out, "  %zu packets of a file", spec->replay.count);
    if (traffic->lasts.ps != 0)
        fprintf(out, "  for %s", duration_text(traffic->lasts, text));
    fputc('\n', out);
}

static void
print_packets(FILE *out, const struct scenario *scenario)
{
    if (scenario->traffic_count > 0)
        fprintf(out, "traffic, %s:\n",
                scenario->fidelity == FIDELITY_FLOWS
                    ? "as rates"
                    : "every packet and cell");
    for (size_t i = 0; i < scenario->traffic_count; i++)
        print_traffic(out, scenario, &scenario->traffic[i]);
    for (size_t i = 0; i < scenario->capture_count; i++)
        fprintf(out, "%s  %s to %s  %s\n", i == 0 ? "capture:\n" : "",
                scenario->captures[i].port.text, scenario->captures[i].file,
                scenario->captures[i].filter);
}

static void
print_cluster(FILE *out, const struct scenario *scenario)
{
    const struct scenario_cluster *cluster = &scenario->cluster;

    if (scenario->network.node != NULL) {
        fprintf(out, "network: %u leaves, %u spines, %u hosts\n",
                (unsigned)scenario->network.leaf_spine.leaves,
                (unsigned)scenario->network.leaf_spine.spines,
                (unsigned)(scenario->network.leaf_spine.leaves *
                           scenario->network.leaf_spine.hosts));
        return;
    }
    if (cluster->node == NULL) {
        fprintf(out, "topology: %zu nodes, %zu links\n",
                scenario->topology.nodes.count,
                scenario->topology.links.count);
        return;
    }
    fprintf(out, "cluster: %s%s%u NCP, %u NCF, %u NCC, %u NCM; NOS %s",
            cluster->preset == NULL ? "" : cluster->preset,
            cluster->preset == NULL ? "" : ", ", cluster->boxes[ROLE_NCP],
            cluster->boxes[ROLE_NCF], cluster->boxes[ROLE_NCC],
            cluster->boxes[ROLE_NCM], cluster->nos);
    if (cluster->spares[ROLE_NCP] != 0)
        fprintf(out, "; %u spare NCP", cluster->spares[ROLE_NCP]);
    fputc('\n', out);
}

static void
print_scenario(const struct scenario *scenario, FILE *out)
{
    const struct scenario_param *params = scenario->params.items;
    char text[QUANTITY_TEXT_BYTES];

    fprintf(out, "%s\n\n%s\n\n", scenario->name, scenario->about);
    print_cluster(out, scenario);
    fputs("worlds: ", out);
    print_worlds(out, scenario->worlds);
    fprintf(out, "\nbegins: %s; ",
            scenario->begins == BEGINS_CONVERGED ? "converged" : "power-on");
    if (scenario->settled.ps != 0)
        fprintf(out, "ends: settled for %s, at most ",
                duration_text(scenario->settled, text));
    else
        fputs("ends: ", out);
    fprintf(out, "%s; seed: %llu\n", duration_text(scenario->ends, text),
            (unsigned long long)scenario->seed);
    for (size_t i = 0; i < scenario->params.count; i++)
        fprintf(out, "%s%s = %s%s", i == 0 ? "params: " : ", ", params[i].name,
                params[i].value, i + 1 == scenario->params.count ? "\n" : "");
    if (scenario->event_count > 0)
        fputs("timeline:\n", out);
    for (size_t i = 0; i < scenario->event_count; i++)
        print_event(out, scenario, &scenario->events[i]);
    print_packets(out, scenario);
    if (scenario->expect_count > 0)
        fputs("expect:\n", out);
    for (size_t i = 0; i < scenario->expect_count; i++)
        print_expect(out, scenario, &scenario->expects[i]);
    for (size_t i = 0; i < scenario->compare_count; i++)
        fprintf(out, "%s  %s within %g%%\n", i == 0 ? "compare:\n" : "",
                scenario->compares[i].ref.text,
                (double)scenario->compares[i].within_ppm / 1e4);
}

static void
json_event(struct json *json, const struct scenario *scenario,
           const struct scenario_event *event)
{
    char text[QUANTITY_TEXT_BYTES];

    json_object(json);
    if (event->name != NULL)
        json_member(json, "name", event->name);
    json_member(json,
                catalogue_is_action(event->what->id) ? "action" : "fault",
                event->what->name);
    json_member(json, "at", duration_text(event->at, text));
    if (event->after != SCENARIO_NO_EVENT)
        json_member(json, "after", scenario->events[event->after].name);
    if (event->once != NULL)
        json_member(json, "once", event->once->text);
    if (event->count > 1) {
        json_member(json, "every", duration_text(event->every, text));
        json_member_unsigned(json, "count", event->count);
    }
    if (event->lasts.ps != 0)
        json_member(json, "for", duration_text(event->lasts, text));
    json_key(json, "targets");
    json_list(json);
    for (size_t i = 0; i < event->targets.count; i++)
        json_string(json, event->targets.items[i].text);
    json_end(json);
    json_end(json);
}

static void
json_expect(struct json *json, const struct scenario *scenario,
            const struct scenario_expect *expect)
{
    char text[QUANTITY_TEXT_BYTES];

    json_object(json);
    json_member(json, "that", expect->expr.text);
    if (expect->when == EXPECT_WITHIN) {
        json_member(json, "within", duration_text(expect->within, text));
        if (expect->after != EXPECT_AFTER_START)
            json_member(json, "after", scenario->events[expect->after].name);
    }
    if (expect->when == EXPECT_OVER_SEEDS) {
        json_member(json, "over", "seeds");
        json_member_unsigned(json, "confidence-ppm", expect->confidence_ppm);
    }
    json_end(json);
}

static void
json_compare(struct json *json, const struct scenario_compare *compare)
{
    json_object(json);
    json_member(json, "metric", compare->ref.text);
    json_member_unsigned(json, "within-ppm", compare->within_ppm);
    json_end(json);
}

static void
json_ports(struct json *json, const char *key,
           const struct scenario_port_list *list)
{
    json_key(json, key);
    json_list(json);
    for (size_t i = 0; i < list->count; i++)
        json_string(json, list->items[i].text);
    json_end(json);
}

static void
json_traffic(struct json *json, const struct scenario *scenario,
             const struct scenario_traffic *traffic)
{
    char text[QUANTITY_TEXT_BYTES];

    json_object(json);
    json_member(json, "name", traffic->name);
    json_member(json, "pattern", pattern_word(traffic));
    json_ports(json, "from", &traffic->from);
    json_ports(json, "to", &traffic->to);
    json_member_unsigned(json, "load-ppm", traffic->spec.load_ppm);
    json_member(json, "at", duration_text(traffic->at, text));
    if (traffic->after != SCENARIO_NO_EVENT)
        json_member(json, "after", scenario->events[traffic->after].name);
    if (traffic->lasts.ps != 0)
        json_member(json, "for", duration_text(traffic->lasts, text));
    json_end(json);
}

static void
json_packets(struct json *json, const struct scenario *scenario)
{
    if (scenario->traffic_count == 0)
        return;
    json_member(json, "fidelity",
                scenario->fidelity == FIDELITY_FLOWS ? "flows" : "packets");
    json_key(json, "traffic");
    json_list(json);
    for (size_t i = 0; i < scenario->traffic_count; i++)
        json_traffic(json, scenario, &scenario->traffic[i]);
    json_end(json);
    json_key(json, "capture");
    json_list(json);
    for (size_t i = 0; i < scenario->capture_count; i++) {
        json_object(json);
        json_member(json, "port", scenario->captures[i].port.text);
        json_member(json, "file", scenario->captures[i].file);
        json_member(json, "filter", scenario->captures[i].filter);
        json_end(json);
    }
    json_end(json);
}

static void
json_cluster(struct json *json, const struct scenario_cluster *cluster)
{
    json_key(json, "cluster");
    json_object(json);
    if (cluster->preset != NULL)
        json_member(json, "preset", cluster->preset);
    json_member(json, "nos", cluster->nos);
    for (int i = 0; i < ROLE_COUNT; i++)
        json_member_unsigned(json, role_name((enum role)i), cluster->boxes[i]);
    json_member_unsigned(json, "spare-ncp", cluster->spares[ROLE_NCP]);
    json_end(json);
}

static void
json_scenario(const struct scenario *scenario, FILE *out)
{
    const struct scenario_param *params = scenario->params.items;
    char text[QUANTITY_TEXT_BYTES];
    struct json json;

    json_init(&json, out);
    json_object(&json);
    json_member(&json, "scenario", scenario->name);
    json_member(&json, "about", scenario->about);
    json_member(&json, "file", scenario->path);
    json_key(&json, "params");
    json_object(&json);
    for (size_t i = 0; i < scenario->params.count; i++)
        json_member(&json, params[i].name, params[i].value);
    json_end(&json);
    json_worlds(&json, scenario->worlds);
    if (scenario->cluster.node != NULL)
        json_cluster(&json, &scenario->cluster);
    json_member(&json, "begins",
                scenario->begins == BEGINS_CONVERGED ? "converged"
                                                     : "power-on");
    json_member_unsigned(&json, "seed", scenario->seed);
    json_key(&json, "timeline");
    json_list(&json);
    for (size_t i = 0; i < scenario->event_count; i++)
        json_event(&json, scenario, &scenario->events[i]);
    json_end(&json);
    json_packets(&json, scenario);
    json_key(&json, "expect");
    json_list(&json);
    for (size_t i = 0; i < scenario->expect_count; i++)
        json_expect(&json, scenario, &scenario->expects[i]);
    json_end(&json);
    json_key(&json, "compare");
    json_list(&json);
    for (size_t i = 0; i < scenario->compare_count; i++)
        json_compare(&json, &scenario->compares[i]);
    json_end(&json);
    json_member(&json, "ends", duration_text(scenario->ends, text));
    if (scenario->settled.ps != 0)
        json_member(&json, "settled", duration_text(scenario->settled, text));
    json_end(&json);
}

void
scenario_describe(const struct scenario *scenario, bool json, FILE *out)
{
    if (json)
        json_scenario(scenario, out);
    else
        print_scenario(scenario, out);
}
