/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines validate: checks scenario files without running them.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/yaml/json.h"
#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"
#include "sim/run/run.h"
#include "sim/scenario/scenario.h"

#define PLAN_MESSAGE_BYTES 512

static const char usage[] =
    "usage: sixnines validate [option...] FILE...\n"
    "  Checks scenario files and tells every error with its place.\n"
    "  --set PATH=VALUE  changes a value first, as in --set "
    "params.boxes=ddc-small\n"
    "  --json            the result as JSON on standard output "
    "(SIXNINES_VALIDATE_JSON)\n"
    "  -q, --quiet       says nothing of good files "
    "(SIXNINES_VALIDATE_QUIET)\n"
    "  Exit code 0 when every file is good, 64 otherwise.\n";

struct request {
    struct scenario_options options;
    const char **sets;
    const char **files;
    size_t file_count;
    char data_dir[CLI_PATH_BYTES]; /* "" when there is none */
    bool json;
    bool quiet;
};

static int
usage_error(const char *what, const char *word)
{
    fprintf(stderr, "sixnines validate: %s%s\n%s", what, word, usage);
    return EXIT_USAGE;
}

/* 0 to go on, EXIT_USAGE, or -1: help was printed. */
static int
parse(int argc, char **argv, struct request *request)
{
    bool options_end = false;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (options_end || word[0] != '-') {
            request->files[request->file_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            options_end = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            fputs(usage, stdout);
            return -1;
        } else if (strcmp(word, "--json") == 0) {
            request->json = true;
        } else if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0) {
            request->quiet = true;
        } else if (strcmp(word, "--set") == 0) {
            if (++i == argc)
                return usage_error("--set needs PATH=VALUE", "");
            request->sets[request->options.set_count++] = argv[i];
        } else if (strncmp(word, "--set=", 6) == 0) {
            request->sets[request->options.set_count++] = word + 6;
        } else {
            return usage_error("unknown option ", word);
        }
    }
    if (request->file_count == 0)
        return usage_error("no file is named", "");
    request->options.sets = request->sets;
    return 0;
}

static void
print_json(struct json *json, const char *file,
           const struct scenario *scenario, const struct diag_list *diags,
           const char *plan_error)
{
    bool planned = plan_error[0] == '\0';

    json_object(json);
    json_member(json, "file", file);
    json_member_bool(json, "valid", scenario != NULL && planned);
    if (scenario != NULL)
        json_member(json, "scenario", scenario->name);
    json_key(json, "errors");
    json_list(json);
    for (size_t i = 0; i < diag_kept(diags); i++) {
        struct mark at = diag_mark(diags, i);

        json_object(json);
        json_member(json, "file", at.file != NULL ? at.file : file);
        if (at.line != 0) {
            json_member_unsigned(json, "line", at.line);
            json_member_unsigned(json, "column", at.column);
        }
        json_member(json, "message", diag_text(diags, i));
        json_end(json);
    }
    if (!planned) {
        json_object(json);
        json_member(json, "file", file);
        json_member(json, "message", plan_error);
        json_end(json);
    }
    json_end(json);
    json_member_unsigned(json, "error-count", diag_count(diags) + !planned);
    json_end(json);
}

/* What only the models know: a run would refuse it in the same words. */
static bool
plan_check(const struct request *request, const struct scenario *scenario,
           char message[PLAN_MESSAGE_BYTES])
{
    struct cluster_plan *plan;
    struct run_options options = {
        .scenario = scenario,
        .seed = scenario->seed,
        .data_dir = request->data_dir,
    };

    if (request->data_dir[0] == '\0' || scenario->cluster.node == NULL)
        return true;
    if (run_plan_create(&options, &plan, message, PLAN_MESSAGE_BYTES) != 0)
        return false;
    cluster_plan_destroy(plan);
    message[0] = '\0';
    return true;
}

/* A good file that no world of this build can run: `run` says 2. */
static const char *
not_here(const struct scenario *scenario, char message[PLAN_MESSAGE_BYTES])
{
    for (int kind = 0; kind < WORLD_KIND_COUNT; kind++) {
        if (run_supported(scenario, (enum world_kind)kind, message,
                          PLAN_MESSAGE_BYTES) == 0)
            return "";
    }
    return scenario->topology.node != NULL
               ? "; this build runs no `topology:` yet"
               : "; this build has none of its worlds";
}

static bool
validate(const struct request *request, const char *file, struct json *json)
{
    struct diag_list *diags = diag_create();
    struct scenario *scenario = NULL;
    char message[PLAN_MESSAGE_BYTES] = "";
    bool good = scenario_load(diags, file, &request->options, &scenario) == 0;

    if (!good)
        scenario = NULL;
    else
        good = plan_check(request, scenario, message);
    if (request->json)
        print_json(json, file, scenario, diags, message);
    else if (scenario == NULL)
        diag_print(diags, stderr);
    else if (!good)
        fprintf(stderr, "%s\n", message);
    else if (!request->quiet)
        printf("%s: ok: %s, %zu events, %zu expectations%s\n", file,
               scenario->name, scenario->event_count, scenario->expect_count,
               not_here(scenario, message));
    scenario_destroy(scenario);
    diag_destroy(diags);
    return good;
}

static int
validate_all(const struct request *request)
{
    struct json json;
    int code = 0;

    json_init(&json, stdout);
    if (request->json) {
        json_object(&json);
        json_key(&json, "files");
        json_list(&json);
    }
    for (size_t i = 0; i < request->file_count; i++) {
        if (!validate(request, request->files[i], &json))
            code = EXIT_USAGE;
    }
    if (request->json) {
        json_end(&json);
        json_end(&json);
    }
    return code;
}

int
cmd_validate(int argc, char **argv)
{
    struct request request = {
        .sets = calloc((size_t)argc + 1, sizeof(const char *)),
        .files = calloc((size_t)argc + 1, sizeof(const char *)),
        .json = cli_flag_set("SIXNINES_VALIDATE_JSON"),
        .quiet = cli_flag_set("SIXNINES_VALIDATE_QUIET"),
    };
    int code;

    if (request.sets == NULL || request.files == NULL)
        abort();
    if (!cli_data_dir(request.data_dir))
        request.data_dir[0] = '\0';
    code = parse(argc, argv, &request);
    if (code == 0)
        code = validate_all(&request);
    free(request.sets);
    free(request.files);
    return code == -1 ? 0 : code;
}
