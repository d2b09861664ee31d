/* SPDX-License-Identifier: Apache-2.0
 *
 * Seeds are independent: each runs in a branch of the process and hands its
 * outcome back as bytes; the parent alone judges over seeds and writes.
 */
#include "sim/run/campaign.h"

#include "reference-nos/base/check.h"
#include "sim/kernel/branch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEEP_PATH_BYTES 1024
#define RESULT_LIMIT_BYTES (256u * 1024 * 1024)

struct child {
    const struct campaign_options *options;
    uint64_t seed;
};

struct gather {
    const struct campaign_options *options;
    struct campaign *campaign;
    char *message;
    size_t message_size;
    int err;
};

static void
write_piece(void *context, const void *bytes, size_t size)
{
    branch_write(context, bytes, size);
}

static int
child_run(void *argument, struct branch_writer *writer)
{
    const struct child *child = argument;
    struct run_options options = child->options->run;
    struct outcome outcome;
    char message[OUTCOME_NOTE_BYTES];
    int err;

    options.seed = child->seed;
    options.progress = child->options->run.progress;
    options.capture_dir = NULL; /* a branch writes no file */
    outcome_init(&outcome);
    err = run_scenario(&options, &outcome, message, sizeof(message));
    if (err != 0)
        branch_write(writer, message, strlen(message) + 1);
    else
        outcome_write(&outcome, write_piece, writer);
    return err;
}

static void
seed_lost(struct gather *gather, uint64_t index)
{
    if (gather->campaign->lost++ == 0)
        gather->campaign->lost_seed = gather->options->run.seed + index;
}

static void
child_done(void *context, const struct branch_result *result)
{
    struct gather *gather = context;
    struct campaign *campaign = gather->campaign;
    struct outcome *outcome = &campaign->outcomes[campaign->count];

    if (result->end != BRANCH_DONE) {
        seed_lost(gather, result->tag);
        return;
    }
    if (result->code != 0) {
        gather->err = result->code;
        outcome_text(gather->message, gather->message_size, "%.*s",
                     (int)result->size, (const char *)result->bytes);
        return;
    }
    if (outcome_read(outcome, result->bytes, result->size) != 0) {
        seed_lost(gather, result->tag);
        return;
    }
    campaign->interrupted |= outcome->interrupted;
    campaign->count++;
    if (gather->options->seed_done != NULL)
        gather->options->seed_done(gather->options->run.context,
                                   campaign->count + campaign->lost,
                                   gather->options->seed_count, outcome);
}

static int
many_seeds(const struct campaign_options *options,
           const volatile int *interrupted, struct gather *gather)
{
    struct branch_options branching = {
        .live_limit = options->jobs,
        .result_limit = RESULT_LIMIT_BYTES,
    };
    struct branches *branches =
        branches_create(&branching, child_done, gather);
    int err = 0;

    for (unsigned i = 0; i < options->seed_count && err == 0 &&
                         gather->err == 0 && !*interrupted;
         i++) {
        struct child child = {options, options->run.seed + i};

        err = branches_start(branches, i, child_run, &child);
    }
    branches_finish(branches);
    branches_destroy(branches);
    if (*interrupted)
        gather->campaign->interrupted = true;
    if (err != 0)
        outcome_text(gather->message, gather->message_size,
                     "cannot start a process: %s", err_text(err));
    return err != 0 ? err : gather->err;
}

/* Real worlds share the host: one repeat after the other, in this process. */
static int
repeats(const struct campaign_options *options,
        const volatile int *interrupted, struct gather *gather)
{
    struct campaign *campaign = gather->campaign;
    char keep[KEEP_PATH_BYTES];
    int err = 0;

    for (unsigned i = 0; i < options->seed_count && err == 0 && !*interrupted;
         i++) {
        struct run_options run = options->run;
        struct outcome *outcome = &campaign->outcomes[campaign->count];

        run.seed += i;
        run.real.repeat = i;
        if (run.real.keep_dir != NULL) {
            outcome_text(keep, sizeof(keep), "%s/%u", run.real.keep_dir,
                         i + 1);
            (void)mkdir(keep, 0777); /* what fails here fails there */
            run.real.keep_dir = keep;
        }
        outcome_init(outcome);
        err =
            run_scenario(&run, outcome, gather->message, gather->message_size);
        if (err != 0)
            break;
        campaign->count++;
        campaign->interrupted |= outcome->interrupted;
        if (options->seed_done != NULL)
            options->seed_done(options->run.context, campaign->count,
                               options->seed_count, outcome);
        if (outcome->boxes == 0) /* what is missing stays missing */
            break;
    }
    if (*interrupted)
        campaign->interrupted = true;
    return err;
}

/* ---- over seeds ---- */

struct samples {
    const struct campaign *campaign;
    const struct scenario *scenario;
    size_t expect;
    uint64_t *values;
};

static int
samples_get(void *arg, const struct metric_ref *ref, uint64_t **values,
            size_t *count)
{
    struct samples *samples = arg;
    const struct expr *expr =
        &samples->scenario->expects[samples->expect].expr;
    size_t term = 0;

    while (term < expr->count && &expr->terms[term].ref != ref)
        term++;
    CHECK(term < expr->count);
    *count = 0;
    for (unsigned i = 0; i < samples->campaign->count; i++) {
        const struct outcome *outcome = &samples->campaign->outcomes[i];
        const struct outcome_expect *row = ROWS_GET(
            &outcome->expects, struct outcome_expect, samples->expect);

        if (row->sample_err[term] == ERR_UNSUPPORTED)
            return ERR_UNSUPPORTED;
        if (row->sample_err[term] == 0)
            samples->values[(*count)++] = row->sample[term];
    }
    *values = samples->values;
    return *count > 0 ? 0 : ERR_NOENT;
}

static enum verdict
verdict_over(enum judged judged)
{
    switch (judged) {
    case JUDGED_TRUE: return VERDICT_PASS;
    case JUDGED_FALSE: return VERDICT_FAIL;
    case JUDGED_UNKNOWN: return VERDICT_INCONCLUSIVE;
    case JUDGED_NOT_APPLICABLE: return VERDICT_NOT_APPLICABLE;
    }
    return VERDICT_INCONCLUSIVE;
}

/* Runs that have no value of a term.  Leaving them out would judge the
 * survivors only, so they keep an expectation from passing. */
static unsigned
runs_without(const struct campaign *campaign, const struct expr *expr,
             size_t expect)
{
    unsigned count = 0;

    for (unsigned i = 0; i < campaign->count; i++) {
        const struct outcome_expect *row = ROWS_GET(
            &campaign->outcomes[i].expects, struct outcome_expect, expect);
        bool lacks = false;

        for (size_t term = 0; term < expr->count; term++)
            lacks |= row->sample_err[term] == ERR_NOENT;
        count += lacks;
    }
    return count;
}

static void
one_over_seeds(const struct campaign_options *options,
               const struct campaign *campaign, size_t index, uint64_t *values)
{
    const struct scenario *scenario = options->run.scenario;
    const struct scenario_expect *expect = &scenario->expects[index];
    struct samples samples = {campaign, scenario, index, values};
    struct campaign_expect *row = &campaign->over_seeds[index];
    unsigned without = runs_without(campaign, &expect->expr, index);
    size_t used;

    row->verdict = verdict_over(
        expr_judge_over(&expect->expr, expect->confidence_ppm, samples_get,
                        &samples, row->evidence, sizeof(row->evidence)));
    if (without == 0)
        return;
    if (row->verdict == VERDICT_PASS)
        row->verdict = VERDICT_INCONCLUSIVE;
    used = strlen(row->evidence);
    outcome_text(row->evidence + used, sizeof(row->evidence) - used,
                 "; %u of %u runs have no value", without, campaign->count);
}

static void
judge_over_seeds(const struct campaign_options *options,
                 struct campaign *campaign)
{
    const struct scenario *scenario = options->run.scenario;
    uint64_t *values = calloc(campaign->count + 1, sizeof(*values));

    campaign->over_seeds =
        calloc(scenario->expect_count + 1, sizeof(*campaign->over_seeds));
    CHECK(values != NULL && campaign->over_seeds != NULL);
    for (size_t i = 0; i < scenario->expect_count; i++) {
        if (scenario->expects[i].when == EXPECT_OVER_SEEDS)
            one_over_seeds(options, campaign, i, values);
    }
    free(values);
}

/* What makes a run the one to look at first; reports/campaign.c orders the
 * recorded runs by the same. */
struct weight {
    unsigned verdict; /* FAIL 3, none 2, INCONCLUSIVE 1, else 0 */
    unsigned failed;  /* expectations */
    uint64_t down_ps; /* unplanned, over ports */
    uint64_t metric;  /* of the first expectation over seeds, when judged */
};

static unsigned
verdict_weight(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_FAIL: return 3;
    case VERDICT_NONE: return 2;
    case VERDICT_INCONCLUSIVE: return 1;
    case VERDICT_PASS:
    case VERDICT_NOT_APPLICABLE:
    case VERDICT_COUNT: break;
    }
    return 0;
}

static uint64_t
metric_weight(const struct campaign_options *options,
              const struct campaign *campaign, const struct outcome *outcome)
{
    const struct scenario *scenario = options->run.scenario;
    size_t first = 0;
    uint64_t most = 0;

    while (first < scenario->expect_count &&
           scenario->expects[first].when != EXPECT_OVER_SEEDS)
        first++;
    if (campaign->over_seeds == NULL || first == scenario->expect_count)
        return 0;
    for (size_t i = 0; i < outcome->metrics.count; i++) {
        const struct outcome_metric *row =
            ROWS_GET(&outcome->metrics, struct outcome_metric, i);
        const struct metric *metric =
            scenario->expects[first].expr.terms[0].ref.metric;

        if (metric_get(row->id) == metric && row->value > most)
            most = row->value;
    }
    return most;
}

static struct weight
weight_of(const struct campaign_options *options,
          const struct campaign *campaign, const struct outcome *outcome)
{
    struct weight weight = {
        .verdict = verdict_weight(outcome->verdict),
        .metric = metric_weight(options, campaign, outcome),
    };

    for (size_t i = 0; i < outcome->expects.count; i++)
        weight.failed +=
            ROWS_GET(&outcome->expects, struct outcome_expect, i)->verdict ==
            VERDICT_FAIL;
    for (size_t i = 0; i < outcome->outages.count; i++) {
        const struct outcome_outage *row =
            ROWS_GET(&outcome->outages, struct outcome_outage, i);

        if (!row->planned)
            weight.down_ps += row->ports * (row->to.ps - row->from.ps);
    }
    return weight;
}

static bool
weighs_more(const struct weight *a, const struct weight *b)
{
    if (a->verdict != b->verdict)
        return a->verdict > b->verdict;
    if (a->failed != b->failed)
        return a->failed > b->failed;
    if (a->down_ps != b->down_ps)
        return a->down_ps > b->down_ps;
    return a->metric > b->metric;
}

static unsigned
worst_of(const struct campaign_options *options,
         const struct campaign *campaign)
{
    struct weight most = weight_of(options, campaign, &campaign->outcomes[0]);
    unsigned worst = 0;

    for (unsigned i = 1; i < campaign->count; i++) {
        struct weight weight =
            weight_of(options, campaign, &campaign->outcomes[i]);

        if (weighs_more(&weight, &most)) {
            most = weight;
            worst = i;
        }
    }
    return worst;
}

static enum verdict
overall(const struct campaign_options *options,
        const struct campaign *campaign)
{
    bool failed = false;
    bool inconclusive = campaign->interrupted || campaign->lost > 0;
    bool passed = false;

    for (unsigned i = 0; i < campaign->count; i++) {
        failed |= campaign->outcomes[i].verdict == VERDICT_FAIL;
        inconclusive |= campaign->outcomes[i].verdict == VERDICT_INCONCLUSIVE;
        passed |= campaign->outcomes[i].verdict == VERDICT_PASS;
    }
    for (size_t i = 0; campaign->over_seeds != NULL &&
                       i < options->run.scenario->expect_count;
         i++) {
        failed |= campaign->over_seeds[i].verdict == VERDICT_FAIL;
        inconclusive |=
            campaign->over_seeds[i].verdict == VERDICT_INCONCLUSIVE;
        passed |= campaign->over_seeds[i].verdict == VERDICT_PASS;
    }
    if (failed)
        return VERDICT_FAIL;
    return inconclusive || !passed ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

int
campaign_run(const struct campaign_options *options,
             const volatile int *interrupted, struct campaign *campaign,
             char *message, size_t message_size)
{
    struct gather gather = {options, campaign, message, message_size, 0};
    int err;

    CHECK(options->seed_count > 0 && options->jobs > 0);
    memset(campaign, 0, sizeof(*campaign));
    campaign->outcomes =
        calloc(options->seed_count, sizeof(*campaign->outcomes));
    CHECK(campaign->outcomes != NULL);
    if (run_world_real(options->run.world)) {
        err = repeats(options, interrupted, &gather);
    } else if (options->seed_count > 1) {
        err = many_seeds(options, interrupted, &gather);
    } else {
        outcome_init(&campaign->outcomes[0]);
        err = run_scenario(&options->run, &campaign->outcomes[0], message,
                           message_size);
        if (err == 0)
            campaign->count = 1;
        campaign->interrupted = campaign->outcomes[0].interrupted;
    }
    if (err != 0) {
        campaign_fini(campaign);
        return err;
    }
    if (options->seed_count > 1 && !run_world_real(options->run.world))
        judge_over_seeds(options, campaign);
    if (campaign->count > 0)
        campaign->worst = worst_of(options, campaign);
    campaign->verdict = overall(options, campaign);
    return 0;
}

void
campaign_fini(struct campaign *campaign)
{
    for (unsigned i = 0; i < campaign->count; i++)
        outcome_fini(&campaign->outcomes[i]);
    free(campaign->outcomes);
    free(campaign->over_seeds);
    memset(campaign, 0, sizeof(*campaign));
}

int
campaign_exit_code(const struct campaign *campaign)
{
    if (campaign->interrupted)
        return EXIT_VERDICT_INTERRUPTED;
    if (campaign->lost > 0 && campaign->verdict != VERDICT_FAIL)
        return EXIT_VERDICT_INTERNAL;
    return verdict_exit_code(campaign->verdict);
}

void
campaign_token(const struct campaign_options *options,
               const struct outcome *outcome, char token[CAMPAIGN_TOKEN_BYTES])
{
    char digest[DIGEST_HEX_BYTES];
    size_t used;
    char mark = '?';

    token[0] = '\0';
    if (run_world_real(options->run.world) || outcome->interrupted)
        return;
    outcome_text(token, CAMPAIGN_TOKEN_BYTES, "%s@%llu/%s",
                 options->run.scenario->path,
                 (unsigned long long)outcome->seed,
                 run_digest_hex(outcome->digest, digest));
    for (size_t i = 0; i < options->set_count; i++) {
        used = strlen(token);
        outcome_text(token + used, CAMPAIGN_TOKEN_BYTES - used, "%cset=%s",
                     mark, options->sets[i]);
        mark = '&';
    }
    if (options->run.costs_file != NULL) {
        used = strlen(token);
        outcome_text(token + used, CAMPAIGN_TOKEN_BYTES - used, "%ccosts=%s",
                     mark, options->run.costs_file);
        mark = '&';
    }
    if (options->run.mutation != 0) {
        used = strlen(token);
        outcome_text(token + used, CAMPAIGN_TOKEN_BYTES - used, "%cmutant=%u",
                     mark, options->run.mutation);
        mark = '&';
    }
    if (options->run.world != WORLD_DES) {
        used = strlen(token);
        outcome_text(token + used, CAMPAIGN_TOKEN_BYTES - used, "%cworld=%s",
                     mark, world_kind_name(options->run.world));
    }
}
