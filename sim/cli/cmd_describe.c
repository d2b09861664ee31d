/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines describe: what can be written in a scenario, and what one says.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/yaml/json.h"
#include "models/yaml/words.h"
#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"
#include "sim/scenario/scenario.h"

enum { ADVICE_BYTES = 512 };

static const char usage[] =
    "usage: sixnines describe [--json] TOPIC\n"
    "  faults           what can break, with parameters\n"
    "  actions          what people do\n"
    "  metrics          what `that` can compare\n"
    "  schema           the JSON Schema of scenario files\n"
    "  scenario FILE    what a scenario does, after imports and --set\n"
    "  exit-codes       of every verb\n"
    "  --json           as JSON on standard output (SIXNINES_DESCRIBE_JSON)\n"
    "  --set PATH=VALUE changes a value of FILE first\n";

static const struct {
    int code;
    const char *text;
} exit_codes[] = {
    {0, "every expectation passed (or is not applicable); all is well"},
    {1, "an expectation failed, or a stated bound between worlds was missed"},
    {2, "inconclusive, or nothing passed; privilege or binaries are missing"},
    {64, "bad usage or bad scenario"},
    {70, "internal error, or a replay that diverged"},
    {73, "results cannot be written"},
    {74, "input or output error, or disk full on the way"},
    {130, "interrupted"},
};

static const char *const topics[] = {
    "faults", "actions", "metrics", "schema", "scenario", "exit-codes", NULL};

struct request {
    struct scenario_options options;
    const char **sets;
    const char *topic;
    const char *file;
    bool json;
};

static int
usage_error(const char *what, const char *word)
{
    fprintf(stderr, "sixnines describe: %s%s\n%s", what, word, usage);
    return EXIT_USAGE;
}

static void
describe_exit_codes(bool as_json)
{
    struct json json;

    json_init(&json, stdout);
    if (as_json) {
        json_object(&json);
        json_key(&json, "exit-codes");
        json_list(&json);
    }
    for (size_t i = 0; i < ARRAY_COUNT(exit_codes); i++) {
        if (!as_json) {
            printf("%3d  %s\n", exit_codes[i].code, exit_codes[i].text);
            continue;
        }
        json_object(&json);
        json_member_unsigned(&json, "code", (uint64_t)exit_codes[i].code);
        json_member(&json, "meaning", exit_codes[i].text);
        json_end(&json);
    }
    if (as_json) {
        json_end(&json);
        json_end(&json);
    }
}

static int
describe_file(const struct request *request)
{
    struct diag_list *diags = diag_create();
    struct scenario *scenario;
    int code = 0;

    if (scenario_load(diags, request->file, &request->options, &scenario) ==
        0) {
        scenario_describe(scenario, request->json, stdout);
        scenario_destroy(scenario);
    } else {
        diag_print(diags, stderr);
        code = EXIT_USAGE;
    }
    diag_destroy(diags);
    return code;
}

static int
describe(const struct request *request)
{
    char advice[ADVICE_BYTES];

    if (strcmp(request->topic, "scenario") == 0)
        return request->file == NULL ? usage_error("scenario needs a FILE", "")
                                     : describe_file(request);
    if (request->file != NULL)
        return usage_error("unexpected ", request->file);
    if (strcmp(request->topic, "faults") == 0)
        scenario_describe_catalogue(false, request->json, stdout);
    else if (strcmp(request->topic, "actions") == 0)
        scenario_describe_catalogue(true, request->json, stdout);
    else if (strcmp(request->topic, "metrics") == 0)
        scenario_describe_metrics(request->json, stdout);
    else if (strcmp(request->topic, "schema") == 0)
        scenario_schema_print(stdout, NULL, 0);
    else if (strcmp(request->topic, "exit-codes") == 0)
        describe_exit_codes(request->json);
    else {
        words_advice(words_of(topics), request->topic, advice, sizeof(advice));
        fprintf(stderr, "sixnines describe: unknown topic \"%s\"; %s\n",
                request->topic, advice);
        return EXIT_USAGE;
    }
    return 0;
}

/* 0 to go on, EXIT_USAGE, or -1: help was printed. */
static int
parse(int argc, char **argv, struct request *request)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            fputs(usage, stdout);
            return -1;
        }
        if (strcmp(word, "--json") == 0) {
            request->json = true;
        } else if (strcmp(word, "--set") == 0 && i + 1 < argc) {
            request->sets[request->options.set_count++] = argv[++i];
        } else if (strncmp(word, "--set=", 6) == 0) {
            request->sets[request->options.set_count++] = word + 6;
        } else if (word[0] == '-') {
            return usage_error("unknown option ", word);
        } else if (request->topic == NULL) {
            request->topic = word;
        } else if (request->file == NULL) {
            request->file = word;
        } else {
            return usage_error("unexpected ", word);
        }
    }
    request->options.sets = request->sets;
    return request->topic == NULL ? usage_error("no topic is named", "") : 0;
}

int
cmd_describe(int argc, char **argv)
{
    struct request request = {
        .sets = calloc((size_t)argc + 1, sizeof(const char *)),
        .json = cli_flag_set("SIXNINES_DESCRIBE_JSON"),
    };
    int code;

    if (request.sets == NULL)
        abort();
    code = parse(argc, argv, &request);
    if (code == 0)
        code = describe(&request);
    free(request.sets);
    return code == -1 ? 0 : code;
}
