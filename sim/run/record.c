/* SPDX-License-Identifier: Apache-2.0
 *
 * A campaign, written to results.db.
 */
#include "reports/results.h"

#include "reference-nos/base/check.h"
#include "reference-nos/runtime/service_ids.h"
#include "sim/run/campaign.h"

#include <stdlib.h>
#include <string.h>

#define PORT_NAME_BYTES 32

struct writer {
    struct results *results;
    const struct campaign_options *options;
    const struct cluster_plan *plan;
    int64_t run_id;
};

static const char *
box_name(const struct writer *writer, uint32_t box)
{
    return box < writer->plan->box_count ? writer->plan->boxes[box].name : "?";
}

/* The values alone, one for each term: "0s" or "0; 10". */
static void
measured_text(const char *evidence, char *text, size_t size)
{
    static const char mark[] = ": measured ";
    const char *at = evidence;
    size_t used = 0;

    text[0] = '\0';
    while ((at = strstr(at, mark)) != NULL && used + 2 < size) {
        size_t length;

        at += strlen(mark);
        length = strcspn(at, ";");
        outcome_text(text + used, size - used, "%s%.*s", used > 0 ? "; " : "",
                     (int)length, at);
        used = strlen(text);
        at += length;
    }
}

static struct results_expectation
expectation(const struct writer *writer, size_t index, enum verdict verdict,
            const char *evidence, char *measured, size_t measured_size)
{
    const struct scenario_expect *expect =
        &writer->options->run.scenario->expects[index];
    const struct expr_term *term = &expect->expr.terms[0];

    measured_text(evidence, measured, measured_size);
    return (struct results_expectation){
        .index = (uint32_t)index,
        .line = expect->node->mark.line,
        .file = expect->node->mark.file,
        .text = expect->expr.text,
        .verdict = verdict,
        .measured = measured,
        .evidence = evidence,
        .metric = term->ref.metric->name,
        .has_limit = !term->is_predicate,
        .limit = term->ref.metric->unit == UNIT_DURATION
                     ? (double)term->bound / 1e12
                 : term->ref.metric->unit == UNIT_RATIO
                     ? (double)term->bound / 1e9
                     : (double)term->bound,
    };
}

static int
expects_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->expects.count; i++) {
        const struct outcome_expect *row =
            ROWS_GET(&outcome->expects, struct outcome_expect, i);
        char measured[EXPR_EVIDENCE_BYTES];
        struct results_expectation out =
            expectation(writer, i, row->verdict, row->evidence, measured,
                        sizeof(measured));

        err = results_add_expectation(writer->results, writer->run_id, &out);
    }
    return err;
}

static int
timeline_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->timeline.count; i++) {
        const struct outcome_event *row =
            ROWS_GET(&outcome->timeline, struct outcome_event, i);
        struct results_event out = {
            .time_ps = row->at.ps,
            .kind = row->kind,
            .name = row->name,
            .target = row->target,
            .text = row->text,
        };

        err = results_add_event(writer->results, writer->run_id, &out);
    }
    return err;
}

/* One row for each port of each entry: the ledger names every port. */
static int
outage_write(struct writer *writer, const struct outcome_outage *row)
{
    int err = 0;

    for (unsigned port = 0; err == 0 && port < row->ports; port++) {
        char name[PORT_NAME_BYTES];
        struct results_outage out = {
            .port = name,
            .box = box_name(writer, row->box),
            .from_ps = row->from.ps,
            .to_ps = row->to.ps,
            .ongoing = row->ongoing,
            .planned = row->planned,
            .cause = row->cause,
        };

        outcome_text(name, sizeof(name), "eth-%u/0/%u",
                     writer->plan->boxes[row->box].number, row->first + port);
        err = results_add_outage(writer->results, writer->run_id, &out);
    }
    return err;
}

static int
outages_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->outages.count; i++)
        err = outage_write(
            writer, ROWS_GET(&outcome->outages, struct outcome_outage, i));
    return err;
}

static int
metrics_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->metrics.count; i++) {
        const struct outcome_metric *row =
            ROWS_GET(&outcome->metrics, struct outcome_metric, i);
        const struct metric *metric = metric_get(row->id);
        double scale = metric->unit == UNIT_DURATION ? 1e12
                       : metric->unit == UNIT_RATIO  ? 1e9
                                                     : 1;
        struct results_metric out = {
            .name = metric->name,
            .args = row->args,
            .value = (double)row->value / scale,
            .unit = metric->unit == UNIT_DURATION ? "s"
                    : metric->unit == UNIT_RATIO  ? ""
                    : metric->unit == UNIT_BYTES  ? "bytes"
                    : metric->unit == UNIT_RATE   ? "bps"
                                                  : "count",
            .is_bound = row->at_least,
            .is_bound_below = row->at_least,
            .sample_count = row->samples,
        };

        err = results_add_metric(writer->results, writer->run_id, &out);
    }
    return err;
}

static const char *
role_upper(enum role role)
{
    static const char *const names[ROLE_COUNT] = {"NCC", "NCP", "NCF", "NCM"};

    return role < ROLE_COUNT ? names[role] : "?";
}

static int
loads_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->loads.count; i++) {
        const struct outcome_load *row =
            ROWS_GET(&outcome->loads, struct outcome_load, i);
        struct results_load out = {
            .box = box_name(writer, row->box),
            .role = role_upper(writer->plan->boxes[row->box].role),
            .kind = row->service ? RESULTS_LOAD_SERVICE : RESULTS_LOAD_LANE,
            .name = row->service ? service_name(row->item)
                                 : lane_name((enum lane)row->item),
            .messages = row->messages,
            .bytes = row->bytes,
            .cpu_ns = row->cpu_ns,
        };

        err = results_add_load(writer->results, writer->run_id, &out);
    }
    return err;
}

static const char *
severity_of(uint32_t code)
{
    switch ((int)code) {
    case ALARM_MODULE_AWAY:
    case ALARM_STORAGE:
    case ALARM_TEMPERATURE: return "critical";
    case ALARM_FAN:
    case ALARM_PSU:
    case ALARM_DUPLICATE_SERIAL:
    case ALARM_POOL_EXHAUSTED: return "major";
    default: return "minor";
    }
}

static int
alarms_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->alarms.count; i++) {
        const struct outcome_alarm *row =
            ROWS_GET(&outcome->alarms, struct outcome_alarm, i);
        char text[OUTCOME_NAME_BYTES];
        struct results_alarm out = {
            .box = box_name(writer, row->box),
            .name = alarm_name((enum alarm_code)row->code),
            .severity = severity_of(row->code),
            .text = text,
            .raised_ps = row->raised.ps,
            .cleared_ps = row->cleared.ps,
            .cleared = row->is_cleared,
        };

        outcome_text(text, sizeof(text), "item %u", row->item);
        err = results_add_alarm(writer->results, writer->run_id, &out);
    }
    return err;
}

static int
oracles_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->oracles.count; i++) {
        const struct outcome_oracle *row =
            ROWS_GET(&outcome->oracles, struct outcome_oracle, i);
        struct results_oracle out = {row->id, row->title, row->exercised,
                                     row->violations, row->first};

        err = results_add_oracle(writer->results, writer->run_id, &out);
    }
    return err;
}

static int
skips_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->skips.count; i++) {
        const struct outcome_skip *row =
            ROWS_GET(&outcome->skips, struct outcome_skip, i);
        struct results_not_applicable out = {row->text, row->reason};

        err =
            results_add_not_applicable(writer->results, writer->run_id, &out);
    }
    return err;
}

/* Parts of one histogram, into 'parts'. */
static size_t
parts_of(const struct outcome *outcome, size_t traffic, unsigned stage,
         struct results_part *parts)
{
    size_t count = 0;

    for (size_t i = 0; i < outcome->parts.count; i++) {
        const struct outcome_part *part =
            ROWS_GET(&outcome->parts, struct outcome_part, i);

        if (part->traffic == traffic && part->stage == stage)
            parts[count++] =
                (struct results_part){part->low, part->high, part->count};
    }
    return count;
}

static int
flow_latency_write(struct writer *writer, const struct outcome *outcome,
                   size_t traffic)
{
    const struct outcome_traffic *row =
        ROWS_GET(&outcome->traffic, struct outcome_traffic, traffic);
    struct results_part *parts =
        calloc(outcome->parts.count + 1, sizeof(*parts));
    int err = 0;

    CHECK(parts != NULL);
    /* The whole first, then what it is the sum of. */
    for (unsigned i = 0; err == 0 && i <= PLANE_STAGE_COUNT; i++) {
        unsigned stage = i == 0 ? PLANE_STAGE_COUNT : i - 1;

        err = results_add_latency_parts(
            writer->results, writer->run_id, row->name,
            i == 0 ? RESULTS_STAGE_TOTAL
                   : plane_stage_name((enum plane_stage)stage),
            parts, parts_of(outcome, traffic, stage, parts),
            row->sum_ps[stage]);
    }
    free(parts);
    return err;
}

static int
flow_write(struct writer *writer, const struct outcome_traffic *row)
{
    struct results_throughput rates = {
        .flow = row->name,
        .offered_packets = row->sent,
        .offered_bytes = row->sent_bytes,
        .delivered_packets = row->delivered,
        .delivered_bytes = row->delivered_bytes,
        .queued_packets = row->held,
        .queued_bytes = row->held_bytes,
        .duration_ps = row->lasted.ps,
    };
    int err = 0;

    for (unsigned i = 0; err == 0 && i < PLANE_DROP_COUNT; i++) {
        struct results_loss loss = {
            .flow = row->name,
            .cause = plane_drop_name((enum plane_drop)i),
            .packets = row->dropped[i],
            .bytes = row->dropped_bytes[i],
        };

        if (row->dropped[i] > 0)
            err = results_add_loss(writer->results, writer->run_id, &loss);
    }
    return err != 0 ? err
                    : results_add_throughput(writer->results, writer->run_id,
                                             &rates);
}

static int
traffic_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->traffic.count; i++) {
        const struct outcome_traffic *row =
            ROWS_GET(&outcome->traffic, struct outcome_traffic, i);

        err = flow_latency_write(writer, outcome, i);
        if (err == 0)
            err = flow_write(writer, row);
    }
    return err;
}

static int
searches_write(struct writer *writer, const struct outcome *outcome)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < outcome->searches.count; i++) {
        const struct outcome_search *row =
            ROWS_GET(&outcome->searches, struct outcome_search, i);
        struct results_search_load loads[SCENARIO_SEARCH_LOADS_MAX];
        struct results_search out = {
            .frame_bytes = row->bytes,
            .is_burst = row->burst,
            .level = row->level,
            .resolution_ppm = row->resolution_ppm,
            .trials = row->trials,
            .trial_ps = row->trial.ps,
            .port_bps = row->port_bps,
            .loads = loads,
            .load_count = row->load_count,
        };

        for (size_t n = 0; n < row->load_count; n++)
            loads[n] = (struct results_search_load){
                row->loads[n].share_ppm, row->loads[n].count,
                row->loads[n].min_ps, row->loads[n].mean_ps,
                row->loads[n].max_ps};
        err = results_add_search(writer->results, writer->run_id, &out);
    }
    return err;
}

static int
rows_write(struct writer *writer, const struct outcome *outcome)
{
    int err = expects_write(writer, outcome);

    if (err == 0)
        err = timeline_write(writer, outcome);
    if (err == 0)
        err = outages_write(writer, outcome);
    if (err == 0)
        err = metrics_write(writer, outcome);
    if (err == 0)
        err = loads_write(writer, outcome);
    if (err == 0)
        err = alarms_write(writer, outcome);
    if (err == 0)
        err = oracles_write(writer, outcome);
    if (err == 0)
        err = skips_write(writer, outcome);
    if (err == 0)
        err = traffic_write(writer, outcome);
    if (err == 0)
        err = searches_write(writer, outcome);
    return err;
}

static int
run_write(struct writer *writer, int64_t campaign_id,
          const struct outcome *outcome)
{
    struct results_run begin = {
        .seed = outcome->seed,
        .boxes = outcome->boxes,
        .ports = outcome->ports,
    };
    char digest[DIGEST_HEX_BYTES];
    char token[CAMPAIGN_TOKEN_BYTES];
    struct results_run_end end = {
        .state = outcome->interrupted ? RESULTS_INTERRUPTED : RESULTS_COMPLETE,
        .verdict = outcome->verdict,
        .exit_code = verdict_exit_code(outcome->verdict),
        .duration_ps = outcome->duration.ps,
        .boot_ps = outcome->boot.ps,
        .events = outcome->events,
        .wall_ns = outcome->wall_ns,
        .digest = run_world_real(writer->options->run.world)
                      ? ""
                      : run_digest_hex(outcome->digest, digest),
        .replay_token = token,
        .note = outcome->note,
    };
    int err = results_run_begin(writer->results, campaign_id, &begin,
                                &writer->run_id);

    campaign_token(writer->options, outcome, token);
    if (err == 0)
        err = rows_write(writer, outcome);
    if (err == 0)
        err = results_run_end(writer->results, writer->run_id, &end);
    return err;
}

static int
over_seeds_write(struct writer *writer, int64_t campaign_id,
                 const struct campaign *campaign)
{
    const struct scenario *scenario = writer->options->run.scenario;
    int err = 0;

    for (size_t i = 0; err == 0 && campaign->over_seeds != NULL &&
                       i < scenario->expect_count;
         i++) {
        const struct campaign_expect *row = &campaign->over_seeds[i];
        char measured[EXPR_EVIDENCE_BYTES];
        struct results_expectation out;

        if (scenario->expects[i].when != EXPECT_OVER_SEEDS)
            continue;
        out = expectation(writer, i, row->verdict, row->evidence, measured,
                          sizeof(measured));
        err =
            results_add_seeds_expectation(writer->results, campaign_id, &out);
    }
    return err;
}

static const struct scenario_event *
random_event(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->event_count; i++) {
        if (scenario->events[i].what->id == ACTION_RANDOM_FAULTS)
            return &scenario->events[i];
    }
    return NULL;
}

/* What may break in the scenario, in words. */
static const char *
fault_model(const struct scenario *scenario)
{
    return random_event(scenario) != NULL ? "independent random faults"
                                          : "as scheduled";
}

/* And how often. */
static void
fault_rates(const struct scenario *scenario, char *text, size_t size)
{
    const struct scenario_event *event = random_event(scenario);
    uint64_t permille;

    if (event == NULL) {
        outcome_text(text, size, "those of the scenario");
        return;
    }
    permille = scenario_event_value(event, "field-rate")->number;
    if (permille % 1000 == 0)
        outcome_text(text, size, "%llu x rates.yaml",
                     (unsigned long long)(permille / 1000));
    else
        outcome_text(text, size, "%llu.%03llu x rates.yaml",
                     (unsigned long long)(permille / 1000),
                     (unsigned long long)(permille % 1000));
}

static int
campaign_write(struct writer *writer, const struct campaign *campaign,
               struct campaign_record *record)
{
    const struct scenario *scenario = writer->options->run.scenario;
    char rates[48];
    struct results_campaign begin = {
        .scenario = scenario->name,
        .scenario_file = scenario->path,
        .about = scenario->about,
        .world = world_kind_name(writer->options->run.world),
        .preset = writer->plan->preset,
        .build = record->build,
        .calibration = run_world_real(writer->options->run.world)
                           ? "none: real time"
                           : record->calibration,
        .fault_model = fault_model(scenario),
        .fault_rates = rates,
        .command = record->command,
        .begun = record->begun,
        .seeds_planned = writer->options->seed_count,
    };
    struct results_campaign_end end = {
        .state =
            campaign->interrupted ? RESULTS_INTERRUPTED : RESULTS_COMPLETE,
        .verdict = campaign->verdict,
        .exit_code = campaign_exit_code(campaign),
    };
    int64_t id;
    int err;

    fault_rates(scenario, rates, sizeof(rates));
    err = results_campaign_begin(writer->results, &begin, &id);
    record->id = err == 0 ? id : 0;

    for (unsigned i = 0; err == 0 && i < campaign->count; i++)
        err = run_write(writer, id, &campaign->outcomes[i]);
    if (err == 0)
        err = over_seeds_write(writer, id, campaign);
    if (err == 0)
        err = results_campaign_end(writer->results, id, &end);
    return err;
}

int
campaign_record(const struct campaign_options *options,
                const struct campaign *campaign,
                struct campaign_record *record, char *message,
                size_t message_size)
{
    const struct cluster_plan no_boxes = {.preset = "leaf-spine"};
    struct writer writer = {.options = options, .plan = &no_boxes};
    struct cluster_plan *plan = NULL;
    int err = 0;
    int finished;

    if (options->run.scenario->network.node == NULL) {
        err = run_plan_create(&options->run, &plan, message, message_size);
        writer.plan = plan;
    }
    if (err != 0)
        return err;
    err =
        results_open(record->db_path, &writer.results, message, message_size);
    if (err == 0) {
        err = campaign_write(&writer, campaign, record);
        if (err != 0)
            outcome_text(message, message_size, "%s",
                         results_error(writer.results));
        finished = results_finish(
            writer.results,
            campaign->interrupted ? RESULTS_INTERRUPTED : RESULTS_COMPLETE,
            err == 0 ? message : NULL, err == 0 ? message_size : 0);
        if (err == 0)
            err = finished;
    }
    cluster_plan_destroy(plan);
    return err;
}
