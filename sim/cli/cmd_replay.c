/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines replay: the same run again; the digests must agree.
 */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "reference-nos/linux/record/record.h"
#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"
#include "sim/run/campaign.h"
#include "sim/run/checkpoints.h"

#define MESSAGE_BYTES 512
#define CHECKPOINT_EVENTS 1000u
#define SETS_MAX 32

enum { OPT_HELP, OPT_RESULTS, OPT_LOG, OPT_QUIET, OPT_COUNT };

static const char usage[] =
    "usage: sixnines replay TOKEN|RECORDING [option...]\n"
    "  Runs what TOKEN names again and compares the digest of the run.  When\n"
    "  they differ and the first run's results are there, says where they\n"
    "  part.  Exit code 70 when they differ.\n"
    "  A RECORDING is what \"refnosd --record FILE\" wrote: the box is run\n"
    "  again and must do the same; else the first difference is named; with\n"
    "  --log also what the box traced is written.\n";

struct request {
    struct cli_option options[OPT_COUNT];
    char token[CAMPAIGN_TOKEN_BYTES];
    const char *file;
    const char *sets[SETS_MAX];
    size_t set_count;
    const char *costs;
    uint64_t seed;
    uint64_t mutation;
    enum world_kind world;
    struct digest_value digest;
    struct cli_progress progress;
};

/* ---- the token ---- */

static int
malformed(const char *token, const char *what)
{
    fprintf(stderr,
            "sixnines replay: \"%s\" is no replay token: %s; expected "
            "FILE@SEED/DIGEST\n",
            token, what);
    return EXIT_USAGE;
}

static int
parameters_read(struct request *request, char *at)
{
    while (at != NULL && *at != '\0') {
        char *next = strchr(at, '&');

        if (next != NULL)
            *next++ = '\0';
        if (strncmp(at, "set=", 4) == 0 && request->set_count < SETS_MAX)
            request->sets[request->set_count++] = at + 4;
        else if (strncmp(at, "costs=", 6) == 0)
            request->costs = at + 6;
        else if (strncmp(at, "mutant=", 7) == 0)
            request->mutation = strtoull(at + 7, NULL, 10);
        else if (strcmp(at, "world=ns3") == 0)
            request->world = WORLD_NS3;
        else
            return malformed(at, "unknown parameter");
        at = next;
    }
    return 0;
}

static int
token_read(struct request *request, const char *token)
{
    char *question;
    char *slash;
    char *at;

    if (strlen(token) >= sizeof(request->token))
        return malformed("...", "too long");
    strcpy(request->token, token);
    question = strchr(request->token, '?');
    if (question != NULL)
        *question++ = '\0';
    at = strrchr(request->token, '@');
    if (at == NULL)
        return malformed(token, "no @, and no such file");
    *at++ = '\0';
    slash = strchr(at, '/');
    if (slash == NULL)
        return malformed(token, "no digest");
    *slash++ = '\0';
    if (!cli_number("replay", "seed of the token", at, 0, UINT64_MAX / 2,
                    &request->seed))
        return EXIT_USAGE;
    if (run_digest_parse(slash, &request->digest) != 0)
        return malformed(token, "the digest is not 32 hex digits");
    request->file = request->token;
    return parameters_read(request, question);
}

/* ---- where they part ---- */

/* Checkpoints of the first run: a file below results/<scenario>/ whose last
 * line has the token's digest. */
static bool
first_run_find(const struct request *request, const char *scenario,
               struct rows *rows)
{
    const char *root = request->options[OPT_RESULTS].value;
    char folder[CLI_PATH_BYTES];
    char path[3 * CLI_PATH_BYTES];
    const struct dirent *entry;
    bool found = false;
    DIR *dir;

    snprintf(folder, sizeof(folder), "%s/%s", root != NULL ? root : "results",
             scenario);
    dir = opendir(folder);
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s/checkpoints-%llu.csv", folder,
                 entry->d_name, (unsigned long long)request->seed);
        if (entry->d_name[0] == '.' || checkpoints_read(path, rows) != 0)
            continue;
        found = run_digest_equal(
            ROWS_GET(rows, struct digest_checkpoint, rows->count - 1)->value,
            request->digest);
        if (!found)
            free(rows->items);
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

static void
difference_print(const struct request *request,
                 const struct scenario *scenario,
                 const struct outcome *outcome)
{
    struct digest_checkpoint good;
    struct digest_checkpoint bad;
    struct rows first;
    char from[SIMTIME_TEXT_BYTES];
    char to[SIMTIME_TEXT_BYTES];

    if (!first_run_find(request, scenario->name, &first)) {
        puts("  the first run's checkpoints are not below the results "
             "folder: cannot say where they part");
        return;
    }
    if (run_digest_first_difference(first.items, first.count,
                                    outcome->checkpoints.items,
                                    outcome->checkpoints.count, &good, &bad))
        printf("  equal up to event %llu (%s s), different at event %llu "
               "(%s s after power-on)\n",
               (unsigned long long)good.event_index,
               simtime_format_s(good.at, 6, from),
               (unsigned long long)bad.event_index,
               simtime_format_s(bad.at, 6, to));
    else
        puts("  equal at every common checkpoint: they part after the last");
    free(first.items);
}

static bool
on_progress(void *context, const struct run_progress *now)
{
    struct request *request = context;

    if (cli_progress_due(&request->progress))
        cli_progress_show(&request->progress, "%.1f s simulated%s",
                          (double)now->now.ps / 1e12,
                          now->booting ? " (booting)" : "");
    return cli_interrupted != 0;
}

static int
compare(const struct request *request, const struct scenario *scenario,
        const struct outcome *outcome)
{
    char was[DIGEST_HEX_BYTES];
    char is[DIGEST_HEX_BYTES];

    if (outcome->interrupted) {
        fputs("sixnines replay: interrupted\n", stderr);
        return EXIT_VERDICT_INTERRUPTED;
    }
    run_digest_hex(request->digest, was);
    run_digest_hex(outcome->digest, is);
    if (strcmp(was, is) == 0) {
        printf("%s seed %llu: same digest %s, verdict %s\n", scenario->name,
               (unsigned long long)request->seed, is,
               verdict_name(outcome->verdict));
        return 0;
    }
    printf("%s seed %llu: DIFFERENT\n  was %s\n  is  %s\n", scenario->name,
           (unsigned long long)request->seed, was, is);
    difference_print(request, scenario, outcome);
    printf("  expected when the scenario, what it imports, the models' data, "
           "the costs or the\n  build changed since; a defect when not\n");
    return EXIT_INTERNAL;
}

/* False: it cannot be written.  '*log' is NULL when none is asked for. */
static bool
log_open(const struct request *request, FILE **log)
{
    const char *path = request->options[OPT_LOG].value;

    *log = NULL;
    if (path == NULL)
        return true;
    *log = fopen(path, "w");
    if (*log == NULL)
        fprintf(stderr, "sixnines replay: cannot write %s\n", path);
    return *log != NULL;
}

static int
replay(struct request *request, const struct scenario *scenario)
{
    char data_dir[CLI_PATH_BYTES];
    char ns3_helper[CLI_PATH_BYTES];
    char message[MESSAGE_BYTES];
    struct outcome outcome;
    struct run_options options = {
        .scenario = scenario,
        .world = request->world,
        .ns3_helper = ns3_helper,
        .seed = request->seed,
        .data_dir = data_dir,
        .costs_file = request->costs,
        .mutation = (unsigned)request->mutation,
        .checkpoint_events = CHECKPOINT_EVENTS,
        .progress = on_progress,
        .context = request,
    };
    int code;

    if (!cli_data_dir(data_dir)) {
        cli_data_missing("replay");
        return EXIT_USAGE;
    }
    if (!log_open(request, &options.log))
        return EXIT_CANNOT_WRITE;
    cli_ns3_helper(ns3_helper);
    cli_catch_interrupts();
    cli_progress_begin(&request->progress, request->options[OPT_QUIET].given);
    outcome_init(&outcome);
    code = run_scenario(&options, &outcome, message, sizeof(message));
    cli_progress_end(&request->progress);
    if (options.log != NULL)
        fclose(options.log);
    if (code != 0) {
        fprintf(stderr, "sixnines replay: %s\n", message);
        return cli_exit_code(code);
    }
    code = compare(request, scenario, &outcome);
    outcome_fini(&outcome);
    return code;
}

/* ---- a recorded box ---- */

static bool
is_file(const char *word)
{
    struct stat found;

    return stat(word, &found) == 0 && S_ISREG(found.st_mode);
}

static int
recording_replay(const struct request *request, const char *path)
{
    struct replay_result result;
    char message[MESSAGE_BYTES];
    FILE *log;
    int err;

    if (!log_open(request, &log))
        return EXIT_CANNOT_WRITE;
    err = record_replay(path, log, &result, message, sizeof(message));
    if (log != NULL && fclose(log) != 0 && err == 0) {
        fprintf(stderr, "sixnines replay: cannot write all of %s\n",
                request->options[OPT_LOG].value);
        return EXIT_IO;
    }
    if (err != 0) {
        fprintf(stderr, "sixnines replay: %s\n", message);
        return EXIT_USAGE;
    }
    printf("%s: %llu inputs, %llu outputs, %.3f s%s: %s\n", path,
           (unsigned long long)result.inputs,
           (unsigned long long)result.outputs, (double)result.span_ns / 1e9,
           result.cut ? " up to where it was cut" : "",
           result.equal ? "the same" : "DIFFERENT");
    if (result.equal)
        return 0;
    printf("  at input %llu, %.6f s after boot\n  recorded  %s\n"
           "  done now  %s\n",
           (unsigned long long)result.at_input, (double)result.at_ns / 1e9,
           result.recorded, result.done);
    return EXIT_INTERNAL;
}

int
cmd_replay(int argc, char **argv)
{
    struct request request = {
        .options = {
            [OPT_HELP] = {.name = "help", .letter = 'h', .doc = "this text"},
            [OPT_RESULTS] = {.name = "results",
                             .takes_value = true,
                             .doc = "folder to look for the first run in"},
            [OPT_LOG] = {.name = "log",
                         .takes_value = true,
                         .doc = "write the NOS's log lines to a file"},
            [OPT_QUIET] = {.name = "quiet",
                           .letter = 'q',
                           .doc = "no progress"},
        }};
    struct scenario *scenario = NULL;
    struct scenario_options options;
    struct diag_list *diags;
    const char *token = NULL;
    size_t words;
    int code;

    if (!cli_parse(argc, argv, request.options, OPT_COUNT, &token, 1, &words))
        return EXIT_USAGE;
    if (request.options[OPT_HELP].given) {
        cli_help(usage, request.options, OPT_COUNT);
        return 0;
    }
    if (words == 0) {
        fprintf(stderr, "sixnines replay: no token given\n%s", usage);
        return EXIT_USAGE;
    }
    if (is_file(token))
        return recording_replay(&request, token);
    code = token_read(&request, token);
    if (code != 0)
        return code;
    options = (struct scenario_options){.sets = request.sets,
                                        .set_count = request.set_count};
    diags = diag_create();
    if (scenario_load(diags, request.file, &options, &scenario) != 0) {
        diag_print(diags, stderr);
        code = EXIT_USAGE;
    }
    diag_destroy(diags);
    if (code == 0)
        code = replay(&request, scenario);
    scenario_destroy(scenario);
    return code;
}
