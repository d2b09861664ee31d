/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines run: a scenario, from file to report.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "models/costs.h"
#include "reference-nos/platform/mutation.h"
#include "reports/paths.h"
#include "reports/report.h"
#include "reports/results.h"
#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"
#include "sim/run/campaign.h"
#include "sim/run/checkpoints.h"

#define MESSAGE_BYTES 512
#define CHECKPOINT_EVENTS 1000u

enum {
    OPT_HELP,
    OPT_SEED,
    OPT_SEEDS,
    OPT_JOBS,
    OPT_SET,
    OPT_WORLD,
    OPT_RESULTS,
    OPT_NO_RESULTS,
    OPT_COSTS,
    OPT_LOG,
    OPT_MUTANT,
    OPT_JSON,
    OPT_ANNOTATIONS,
    OPT_DRY_RUN,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_COUNT
};

static const char usage[] =
    "usage: sixnines run FILE [option...]\n"
    "  Runs the scenario FILE and writes results/<scenario>/<time>/ with\n"
    "  report.html, results.db, junit.xml and run.json.\n"
    "  Each option has an environment name, SIXNINES_RUN_SEED and so on;\n"
    "  the option wins.\n";

struct request {
    struct cli_option options[OPT_COUNT];
    const char *file;
    struct scenario *scenario;
    struct campaign_options campaign;
    struct costs costs;
    struct cli_progress progress;
    char data_dir[CLI_PATH_BYTES];
    char dir[PATHS_BYTES];
    char command[CLI_PATH_BYTES];
    char begun[32];
    FILE *log;
    bool reported;   /* report.html, run.json and so on are written */
    unsigned failed; /* seeds */
};

static void
options_init(struct cli_option *options)
{
    const struct cli_option all[OPT_COUNT] = {
        [OPT_HELP] = {.name = "help", .letter = 'h', .doc = "this text"},
        [OPT_SEED] = {.name = "seed",
                      .takes_value = true,
                      .doc = "of all randomness; the scenario's if not given"},
        [OPT_SEEDS] = {.name = "seeds",
                       .takes_value = true,
                       .doc = "run that many seeds, from --seed on"},
        [OPT_JOBS] = {.name = "jobs",
                      .letter = 'j',
                      .takes_value = true,
                      .doc = "processes at a time for many seeds"},
        [OPT_SET] = {.name = "set",
                     .takes_value = true,
                     .repeats = true,
                     .doc = "override, as in params.boxes=ddc-small"},
        [OPT_WORLD] = {.name = "world",
                       .takes_value = true,
                       .doc = "where to run; des"},
        [OPT_RESULTS] = {.name = "results",
                         .takes_value = true,
                         .doc = "folder for results; ./results"},
        [OPT_NO_RESULTS] = {.name = "no-results",
                            .doc = "print the verdict, write nothing"},
        [OPT_COSTS] = {.name = "costs",
                       .takes_value = true,
                       .doc = "CPU cost file; the frozen one if not given"},
        [OPT_LOG] = {.name = "log",
                     .takes_value = true,
                     .doc = "write the NOS's log lines to a file"},
        [OPT_MUTANT] = {.name = "mutant",
                        .takes_value = true,
                        .doc = "wake a planted bug (mutants build only)"},
        [OPT_JSON] = {.name = "json", .doc = "print run.json on stdout"},
        [OPT_ANNOTATIONS] = {.name = "annotations",
                             .doc = "print GitHub annotations on stdout"},
        [OPT_DRY_RUN] = {.name = "dry-run",
                         .doc = "check and describe, run nothing"},
        [OPT_QUIET] = {.name = "quiet",
                       .letter = 'q',
                       .doc = "no progress on stderr"},
        [OPT_VERBOSE] = {.name = "verbose",
                         .letter = 'v',
                         .doc = "timeline and figures on stdout"},
    };

    memcpy(options, all, sizeof(all));
}

/* ---- progress ---- */

static bool
on_progress(void *context, const struct run_progress *now)
{
    struct request *request = context;
    struct cli_progress *progress = &request->progress;

    /* Processes side by side would talk at the same time. */
    if (request->campaign.jobs == 1 && cli_progress_due(progress)) {
        double host_s = (double)(cli_now_ns() - progress->began_ns) / 1e9;
        double sim_s = (double)now->now.ps / 1e12;

        if (now->booting)
            cli_progress_show(progress, "booting: %.1f s simulated, %.0fx",
                              sim_s, sim_s / host_s);
        else
            cli_progress_show(
                progress, "%.1f of %.1f s simulated, %.0fx, %.0f s to go",
                sim_s, (double)now->ends.ps / 1e12, sim_s / host_s,
                ((double)now->ends.ps / 1e12 - sim_s) * host_s /
                    (sim_s > 0 ? sim_s : 1));
    }
    return cli_interrupted != 0;
}

static void
on_seed_done(void *context, unsigned done, unsigned all,
             const struct outcome *outcome)
{
    struct request *request = context;
    struct cli_progress *progress = &request->progress;
    double host_s = (double)(cli_now_ns() - progress->began_ns) / 1e9;

    request->failed += outcome->verdict == VERDICT_FAIL;
    progress->calls = 63;
    if (cli_progress_due(progress))
        cli_progress_show(progress, "%u of %u seeds, %u failed, %.0f s to go",
                          done, all, request->failed,
                          host_s / done * (all - done));
}

/* ---- reading the request ---- */

static int
numbers_read(struct request *request)
{
    struct campaign_options *campaign = &request->campaign;
    const struct cli_option *options = request->options;
    uint64_t value;

    campaign->run.seed = request->scenario->seed;
    campaign->seed_count = 1;
    campaign->jobs = 1;
    if (options[OPT_SEED].given &&
        !cli_number("run", "seed", options[OPT_SEED].value, 0, UINT64_MAX / 2,
                    &campaign->run.seed))
        return EXIT_USAGE;
    if (options[OPT_SEEDS].given) {
        if (!cli_number("run", "seeds", options[OPT_SEEDS].value, 1,
                        CAMPAIGN_SEEDS_MAX, &value))
            return EXIT_USAGE;
        campaign->seed_count = (unsigned)value;
    }
    if (options[OPT_JOBS].given) {
        if (!cli_number("run", "jobs", options[OPT_JOBS].value, 1, 64, &value))
            return EXIT_USAGE;
        campaign->jobs = (unsigned)value;
    }
    if (options[OPT_MUTANT].given) {
        if (!MUTATIONS_BUILT) {
            fputs("sixnines run: --mutant: this build has no planted bugs; "
                  "build with the preset \"mutants\"\n",
                  stderr);
            return EXIT_USAGE;
        }
        if (!cli_number("run", "mutant", options[OPT_MUTANT].value, 0, 1000,
                        &value))
            return EXIT_USAGE;
        campaign->run.mutation = (unsigned)value;
    }
    return 0;
}

static int
world_read(const struct request *request)
{
    const char *name = request->options[OPT_WORLD].value;

    if (name == NULL || strcmp(name, "des") == 0)
        return 0;
    for (int kind = 0; kind < WORLD_KIND_COUNT; kind++) {
        if (strcmp(name, world_kind_name((enum world_kind)kind)) == 0) {
            fprintf(stderr,
                    "sixnines run: this build has no world \"%s\": "
                    "INCONCLUSIVE\n",
                    name);
            return EXIT_VERDICT_INCONCLUSIVE;
        }
    }
    fprintf(stderr, "sixnines run: unknown world \"%s\"; expected des\n",
            name);
    return EXIT_USAGE;
}

static int
scenario_read(struct request *request)
{
    struct diag_list *diags = diag_create();
    struct scenario_options options = {
        .sets = request->options[OPT_SET].values,
        .set_count = request->options[OPT_SET].value_count,
    };
    int err =
        scenario_load(diags, request->file, &options, &request->scenario);

    if (err != 0)
        diag_print(diags, stderr);
    diag_destroy(diags);
    return err == 0 ? 0 : EXIT_USAGE;
}

static int
costs_read(struct request *request)
{
    char message[MESSAGE_BYTES];

    if (!cli_data_dir(request->data_dir)) {
        cli_data_missing("run");
        return EXIT_USAGE;
    }
    if (costs_load(request->data_dir, request->options[OPT_COSTS].value,
                   &request->costs, message, sizeof(message)) != 0) {
        fprintf(stderr, "sixnines run: %s\n", message);
        return EXIT_USAGE;
    }
    return 0;
}

static int
output_check(const struct request *request)
{
    const struct cli_option *options = request->options;
    bool derived = options[OPT_JSON].given || options[OPT_ANNOTATIONS].given;

    if (!derived || !options[OPT_NO_RESULTS].given ||
        options[OPT_DRY_RUN].given)
        return 0;
    fprintf(stderr,
            "sixnines run: --%s is made from results.db and does not go with "
            "--no-results\n",
            options[OPT_JSON].given ? "json" : "annotations");
    return EXIT_USAGE;
}

static int
supported(struct request *request)
{
    char message[MESSAGE_BYTES];

    if (run_supported(request->scenario, message, sizeof(message)) == 0)
        return 0;
    fprintf(stderr, "sixnines run: %s: INCONCLUSIVE\n", message);
    return EXIT_VERDICT_INCONCLUSIVE;
}

/* What is wrong with the models' data shows before anything is written. */
static int
plan_try(struct request *request)
{
    struct run_options options = {
        .scenario = request->scenario,
        .seed = request->campaign.run.seed,
        .data_dir = request->data_dir,
    };
    struct cluster_plan *plan;
    char message[MESSAGE_BYTES];

    if (run_plan_create(&options, &plan, message, sizeof(message)) == 0) {
        cluster_plan_destroy(plan);
        return 0;
    }
    fprintf(stderr, "sixnines run: %s\n", message);
    return EXIT_USAGE;
}

static int
log_open(struct request *request)
{
    const char *path = request->options[OPT_LOG].value;

    if (path == NULL)
        return 0;
    request->log = fopen(path, "w");
    if (request->log != NULL)
        return 0;
    fprintf(stderr, "sixnines run: cannot write %s\n", path);
    return EXIT_CANNOT_WRITE;
}

static bool
log_close(struct request *request)
{
    bool good;

    if (request->log == NULL)
        return true;
    good = ferror(request->log) == 0;
    if (fclose(request->log) == 0 && good)
        return true;
    fprintf(stderr, "sixnines run: cannot write all of %s\n",
            request->options[OPT_LOG].value);
    return false;
}

static void
campaign_fill(struct request *request)
{
    struct campaign_options *campaign = &request->campaign;

    campaign->run.scenario = request->scenario;
    campaign->run.data_dir = request->data_dir;
    campaign->run.costs_file = request->options[OPT_COSTS].value;
    campaign->run.checkpoint_events = CHECKPOINT_EVENTS;
    campaign->run.log = request->log;
    campaign->run.context = request;
    campaign->sets = request->options[OPT_SET].values;
    campaign->set_count = request->options[OPT_SET].value_count;
    campaign->seed_done = on_seed_done;
    campaign->run.progress = on_progress;
}

static void
command_line(struct request *request, int argc, char **argv)
{
    size_t used =
        (size_t)snprintf(request->command, CLI_PATH_BYTES, "sixnines");

    for (int i = 0; i < argc && used + 1 < CLI_PATH_BYTES; i++)
        used += (size_t)snprintf(request->command + used,
                                 CLI_PATH_BYTES - used, " %s", argv[i]);
}

/* ---- results ---- */

/* The folder, and a first row in results.db, before anything is run. */
static int
results_prepare(struct request *request)
{
    const char *root = request->options[OPT_RESULTS].value;
    char message[MESSAGE_BYTES] = "";
    char db[PATHS_BYTES + 16];
    struct results *results;
    time_t now = time(NULL);
    struct tm utc;
    int err;

    (void)gmtime_r(&now, &utc);
    (void)strftime(request->begun, sizeof(request->begun),
                   "%Y-%m-%dT%H-%M-%SZ", &utc);
    if (request->options[OPT_NO_RESULTS].given)
        return 0;
    err = paths_results_make(root != NULL ? root : "results",
                             request->scenario->name, request->begun,
                             request->dir, message, sizeof(message));
    if (err == 0) {
        snprintf(db, sizeof(db), "%s/results.db", request->dir);
        err = results_open(db, &results, message, sizeof(message));
        if (err == 0)
            err = results_finish(results, RESULTS_COMPLETE, message,
                                 sizeof(message));
    }
    if (err == 0)
        return 0;
    fprintf(stderr, "sixnines run: %s\n", message);
    return err == ERR_NOSPACE ? EXIT_IO : EXIT_CANNOT_WRITE;
}

static int
results_write(struct request *request, const struct campaign *campaign)
{
    char message[MESSAGE_BYTES] = "";
    char db[PATHS_BYTES + 16];
    struct campaign_record record = {
        .db_path = db,
        .build = cli_build_name(),
        .calibration = request->costs.name,
        .begun = request->begun,
        .command = request->command,
    };
    int err;

    if (request->options[OPT_NO_RESULTS].given)
        return 0;
    snprintf(db, sizeof(db), "%s/results.db", request->dir);
    err = campaign_record(&request->campaign, campaign, &record, message,
                          sizeof(message));
    if (err == 0 && campaign->count > 0)
        err = checkpoints_write(request->dir,
                                &campaign->outcomes[campaign->worst], message,
                                sizeof(message));
    if (err == 0)
        err = report_all(request->dir, NULL, message, sizeof(message));
    if (err == 0)
        err = paths_latest_link(request->dir, message, sizeof(message));
    request->reported = err == 0;
    if (err == 0)
        return 0;
    fprintf(stderr, "sixnines run: %s\n", message);
    return cli_exit_code(err) == EXIT_USAGE ? EXIT_IO : cli_exit_code(err);
}

/* ---- what the user sees ---- */

static bool
colours(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static const char *
painted(enum verdict verdict, char text[48])
{
    const char *colour = verdict == VERDICT_PASS   ? "\033[32m"
                         : verdict == VERDICT_FAIL ? "\033[31m"
                                                   : "\033[33m";

    if (colours())
        snprintf(text, 48, "%s%s\033[0m", colour, verdict_name(verdict));
    else
        snprintf(text, 48, "%s", verdict_name(verdict));
    return text;
}

static void
expects_print(const struct request *request, const struct campaign *campaign)
{
    const struct outcome *outcome = &campaign->outcomes[campaign->worst];
    char verdict[48];

    for (size_t i = 0; i < outcome->expects.count; i++) {
        const struct outcome_expect *row =
            ROWS_GET(&outcome->expects, struct outcome_expect, i);
        const struct scenario_expect *expect = &request->scenario->expects[i];

        if (expect->when == EXPECT_OVER_SEEDS && campaign->over_seeds != NULL)
            printf("  %s  %s\n",
                   painted(campaign->over_seeds[i].verdict, verdict),
                   campaign->over_seeds[i].evidence);
        else
            printf("  %s  %s%s%s\n", painted(row->verdict, verdict),
                   row->evidence,
                   expect->when == EXPECT_OVER_SEEDS ? ": " : "",
                   expect->when == EXPECT_OVER_SEEDS ? expect->expr.text : "");
    }
    for (size_t i = 0; i < outcome->oracles.count; i++) {
        const struct outcome_oracle *row =
            ROWS_GET(&outcome->oracles, struct outcome_oracle, i);

        if (row->violations > 0)
            printf("  %s  oracle %s, %s: %s\n", painted(VERDICT_FAIL, verdict),
                   row->id, row->title, row->first);
    }
    for (size_t i = 0; i < outcome->skips.count; i++) {
        const struct outcome_skip *row =
            ROWS_GET(&outcome->skips, struct outcome_skip, i);

        printf("  NOT-APPLICABLE  %s: %s\n", row->text, row->reason);
    }
}

static void
timeline_print(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->timeline.count; i++) {
        const struct outcome_event *row =
            ROWS_GET(&outcome->timeline, struct outcome_event, i);
        char at[SIMTIME_TEXT_BYTES];

        printf("  %12s  %-8s %-22s %-12s %s\n",
               simtime_format_s(row->at, 6, at), row->kind, row->name,
               row->target, row->text);
    }
}

static void
summary_print(const struct request *request, const struct campaign *campaign)
{
    const struct outcome *outcome = &campaign->outcomes[campaign->worst];
    char token[CAMPAIGN_TOKEN_BYTES];
    char verdict[48];
    double sim_s = (double)(outcome->duration.ps + outcome->boot.ps) / 1e12;
    double cpu_s = (double)outcome->cpu_ns / 1e9;

    printf("%s: %s\n", request->scenario->name,
           painted(campaign->verdict, verdict));
    if (campaign->count > 1 || campaign->lost > 0)
        printf("  %u seeds from %llu, %u failed; worst: seed %llu\n",
               campaign->count, (unsigned long long)request->campaign.run.seed,
               request->failed, (unsigned long long)outcome->seed);
    expects_print(request, campaign);
    if (outcome->note[0] != '\0')
        printf("  note: %s\n", outcome->note);
    if (request->options[OPT_VERBOSE].given)
        timeline_print(outcome);
    printf("  %u boxes, %u ports, %.1f s simulated in %.2f CPU s (%.0fx), "
           "%llu events\n",
           outcome->boxes, outcome->ports, sim_s, cpu_s,
           cpu_s > 0 ? sim_s / cpu_s : 0, (unsigned long long)outcome->events);
    campaign_token(&request->campaign, outcome, token);
    if (request->reported)
        printf("report: %s/report.html\n", request->dir);
    printf("replay: sixnines replay '%s'\n", token);
}

static int
json_print(const struct request *request)
{
    char path[PATHS_BYTES + 16];
    char buffer[4096];
    size_t size;
    FILE *file;

    snprintf(path, sizeof(path), "%s/run.json", request->dir);
    file = fopen(path, "r");
    if (file == NULL)
        return EXIT_IO;
    while ((size = fread(buffer, 1, sizeof(buffer), file)) > 0)
        fwrite(buffer, 1, size, stdout);
    fclose(file);
    return 0;
}

static int
annotations_print(const struct request *request)
{
    char db[PATHS_BYTES + 16];
    char message[MESSAGE_BYTES];

    snprintf(db, sizeof(db), "%s/results.db", request->dir);
    return report_annotations(db, stdout, NULL, message, sizeof(message)) == 0
               ? 0
               : EXIT_IO;
}

static int
present(const struct request *request, const struct campaign *campaign)
{
    bool written = request->dir[0] != '\0';

    if (campaign->lost > 0)
        fprintf(stderr,
                "sixnines run: the process of %u seeds ended abnormally; the "
                "first: --seed %llu\n",
                campaign->lost, (unsigned long long)campaign->lost_seed);
    if (campaign->count == 0) {
        fputs("sixnines run: no seed ran to its end\n", stderr);
        return 0;
    }
    if (request->options[OPT_JSON].given && request->reported)
        return json_print(request);
    summary_print(request, campaign);
    if (campaign->interrupted)
        fprintf(stderr, "sixnines run: interrupted; what ran is kept%s%s\n",
                written ? " in " : "", request->dir);
    if (request->options[OPT_ANNOTATIONS].given && request->reported)
        return annotations_print(request);
    return 0;
}

static int
run_it(struct request *request)
{
    struct campaign campaign;
    char message[MESSAGE_BYTES] = "";
    int code = results_prepare(request);
    int err;
    int shown;

    if (code != 0)
        return code;
    cli_catch_interrupts();
    cli_progress_begin(&request->progress, request->options[OPT_QUIET].given);
    err = campaign_run(&request->campaign, &cli_interrupted, &campaign,
                       message, sizeof(message));
    cli_progress_end(&request->progress);
    if (err != 0) {
        fprintf(stderr, "sixnines run: %s\n", message);
        return cli_exit_code(err);
    }
    code = results_write(request, &campaign);
    shown = present(request, &campaign);
    if (code == 0)
        code = shown;
    if (code == 0)
        code = campaign_exit_code(&campaign);
    campaign_fini(&campaign);
    return code;
}

static int
request_read(struct request *request, int argc, char **argv)
{
    size_t words = 0;
    int code;

    if (!cli_parse(argc, argv, request->options, OPT_COUNT, &request->file, 1,
                   &words))
        return EXIT_USAGE;
    if (request->options[OPT_HELP].given)
        return 0;
    if (words == 0) {
        fprintf(stderr, "sixnines run: no scenario file given\n%s", usage);
        return EXIT_USAGE;
    }
    if (request->options[OPT_NO_RESULTS].given &&
        (request->options[OPT_JSON].given ||
         request->options[OPT_ANNOTATIONS].given) &&
        !request->options[OPT_DRY_RUN].given) {
        fputs("sixnines run: --json and --annotations are made from the "
              "results: not with --no-results\n",
              stderr);
        return EXIT_USAGE;
    }
    command_line(request, argc, argv);
    code = world_read(request);
    if (code == 0)
        code = scenario_read(request);
    if (code == 0)
        code = numbers_read(request);
    if (code == 0)
        code = supported(request);
    if (code == 0)
        code = costs_read(request);
    if (code == 0)
        code = plan_try(request);
    if (code == 0)
        code = output_check(request);
    if (code == 0)
        code = log_open(request);
    if (code == 0)
        campaign_fill(request);
    return code;
}

int
cmd_run(int argc, char **argv)
{
    struct request *request = calloc(1, sizeof(*request));
    int code;

    if (request == NULL)
        return EXIT_INTERNAL;
    options_init(request->options);
    code = request_read(request, argc, argv);
    if (code == 0 && request->options[OPT_HELP].given)
        cli_help(usage, request->options, OPT_COUNT);
    else if (code == 0 && request->options[OPT_DRY_RUN].given)
        scenario_describe(request->scenario, request->options[OPT_JSON].given,
                          stdout);
    else if (code == 0)
        code = run_it(request);
    if (!log_close(request) && code == 0)
        code = EXIT_IO;
    scenario_destroy(request->scenario);
    free(request);
    return code;
}
