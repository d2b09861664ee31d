/* SPDX-License-Identifier: Apache-2.0
 *
 * From the command line of `sixnines run` to a request.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reference-nos/platform/mutation.h"
#include "sim/cli/run_request.h"

#define CHECKPOINT_EVENTS 1000u

const char request_usage[] =
    "usage: sixnines run FILE [option...]\n"
    "  Runs the scenario FILE and writes results/<scenario>/<time>/ with\n"
    "  report.html, results.db, junit.xml and run.json.  In two worlds, as\n"
    "  with --world des,netns, it also says how far they are apart.\n"
    "  Each option has an environment name, SIXNINES_RUN_SEED and so on;\n"
    "  the option wins.\n";

void
request_options_init(struct cli_option *options)
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
                       .doc = "where to run: des (virtual time), ns3 (its "
                              "links), netns (real boxes), or two: des,ns3"},
        [OPT_REPEATS] = {.name = "repeats",
                         .takes_value = true,
                         .doc = "runs in a real world; 3"},
        [OPT_KEEP] = {.name = "keep",
                      .takes_value = true,
                      .doc = "folder where a real world leaves its logs"},
        [OPT_RECORD] = {.name = "record",
                        .doc = "each real box records its inputs (needs "
                               "--keep)"},
        [OPT_PER_SERVICE] = {.name = "per-service",
                             .doc = "each service of a real box is a process "
                                    "of its own"},
        [OPT_REFNOSD] = {.name = "refnosd",
                         .takes_value = true,
                         .doc = "the daemon of real boxes; the one beside "
                                "this program"},
        [OPT_RESULTS] = {.name = "results",
                         .takes_value = true,
                         .doc = "folder for results; ./results"},
        [OPT_NO_RESULTS] = {.name = "no-results",
                            .doc = "print the verdict, write nothing"},
        [OPT_COSTS] = {.name = "costs",
                       .takes_value = true,
                       .repeats = true,
                       .doc = "CPU cost file; the frozen one if not given; "
                              "twice with --world des,des"},
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

/* ---- worlds ---- */

static int
world_find(const char *word, size_t length, enum world_kind *found)
{
    for (int kind = 0; kind < WORLD_KIND_COUNT; kind++) {
        const char *name = world_kind_name((enum world_kind)kind);

        if (strlen(name) == length && memcmp(name, word, length) == 0) {
            *found = (enum world_kind)kind;
            return 0;
        }
    }
    fprintf(stderr,
            "sixnines run: unknown world \"%.*s\"; expected one of des, "
            "ns3, netns, or two of them: des,netns\n",
            (int)length, word);
    return EXIT_USAGE;
}

/* "des", "netns", "des,netns". */
static int
worlds_read(struct request *request)
{
    const char *at = request->options[OPT_WORLD].value;

    if (at == NULL)
        at = "des";
    for (;;) {
        size_t length = strcspn(at, ",");
        int code;

        if (request->world_count == REQUEST_WORLDS_MAX) {
            fprintf(stderr, "sixnines run: --world: at most %u worlds\n",
                    REQUEST_WORLDS_MAX);
            return EXIT_USAGE;
        }
        code = world_find(at, length,
                          &request->worlds[request->world_count].kind);
        if (code != 0)
            return code;
        request->world_count++;
        if (at[length] == '\0')
            return 0;
        at += length + 1;
    }
}

static bool
any_real(const struct request *request)
{
    bool real = false;

    for (unsigned i = 0; i < request->world_count; i++)
        real |= run_world_real(request->worlds[i].kind);
    return real;
}

static bool
all_real(const struct request *request)
{
    bool real = true;

    for (unsigned i = 0; i < request->world_count; i++)
        real &= run_world_real(request->worlds[i].kind);
    return real;
}

/* Options that only some worlds understand. */
static int
worlds_check(const struct request *request)
{
    static const int for_real[] = {OPT_REPEATS, OPT_KEEP, OPT_RECORD,
                                   OPT_PER_SERVICE, OPT_REFNOSD};
    static const int for_virtual[] = {OPT_SEEDS, OPT_COSTS, OPT_MUTANT};
    const struct cli_option *options = request->options;
    const struct cli_option *wrong = NULL;

    for (size_t i = 0; !any_real(request) && i < ARRAY_COUNT(for_real); i++)
        wrong = options[for_real[i]].given ? &options[for_real[i]] : wrong;
    if (wrong != NULL) {
        fprintf(stderr,
                "sixnines run: --%s is for worlds in real time, such as "
                "--world netns\n",
                wrong->name);
        return EXIT_USAGE;
    }
    for (size_t i = 0; all_real(request) && i < ARRAY_COUNT(for_virtual); i++)
        wrong =
            options[for_virtual[i]].given ? &options[for_virtual[i]] : wrong;
    if (wrong != NULL) {
        fprintf(stderr, "sixnines run: --%s is for world des%s\n", wrong->name,
                wrong == &options[OPT_SEEDS]
                    ? "; a world in real time takes --repeats"
                    : "");
        return EXIT_USAGE;
    }
    if (options[OPT_RECORD].given && !options[OPT_KEEP].given) {
        fputs("sixnines run: --record needs --keep DIR to put recordings\n",
              stderr);
        return EXIT_USAGE;
    }
    if (request->world_count == 2 &&
        request->worlds[0].kind == request->worlds[1].kind &&
        (all_real(request) || options[OPT_COSTS].value_count != 2)) {
        fputs("sixnines run: --world: the same world twice differs in "
              "nothing; des,des takes two --costs\n",
              stderr);
        return EXIT_USAGE;
    }
    return 0;
}

/* ---- numbers ---- */

static int
number(const struct request *request, int option, uint64_t low, uint64_t high,
       uint64_t *value)
{
    const struct cli_option *given = &request->options[option];

    if (given->given &&
        !cli_number("run", given->name, given->value, low, high, value))
        return EXIT_USAGE;
    return 0;
}

static int
numbers_read(struct request *request)
{
    bool mutant = request->options[OPT_MUTANT].given;
    uint64_t seed = request->scenario->seed, jobs = 1, mutation = 0;
    uint64_t seeds = request->world_count > 1 ? COMPARED_SEEDS_DEFAULT : 1;
    uint64_t repeats = REPEATS_DEFAULT;

    if (mutant && !MUTATIONS_BUILT) {
        fputs("sixnines run: --mutant: this build has no planted bugs; "
              "build with the preset \"mutants\"\n",
              stderr);
        return EXIT_USAGE;
    }
    if (number(request, OPT_SEED, 0, UINT64_MAX / 2, &seed) != 0 ||
        number(request, OPT_SEEDS, 1, CAMPAIGN_SEEDS_MAX, &seeds) != 0 ||
        number(request, OPT_REPEATS, 1, 1000, &repeats) != 0 ||
        number(request, OPT_JOBS, 1, 64, &jobs) != 0 ||
        number(request, OPT_MUTANT, 0, 1000, &mutation) != 0)
        return EXIT_USAGE;
    for (unsigned i = 0; i < request->world_count; i++) {
        struct campaign_options *campaign = &request->worlds[i].options;
        bool real = run_world_real(request->worlds[i].kind);

        campaign->run.seed = seed;
        campaign->seed_count = (unsigned)(real ? repeats : seeds);
        campaign->jobs = real ? 1 : (unsigned)jobs;
        campaign->run.mutation = real ? 0 : (unsigned)mutation;
    }
    return 0;
}

/* ---- what real worlds need ---- */

static int
real_prepare(struct request *request)
{
    const char *keep = request->options[OPT_KEEP].value;

    if (!any_real(request))
        return 0;
    if (!cli_refnosd(request->options[OPT_REFNOSD].value, request->refnosd)) {
        fprintf(stderr,
                "sixnines run: no daemon for real boxes at %s; --refnosd "
                "names one: INCONCLUSIVE\n",
                request->refnosd);
        return EXIT_VERDICT_INCONCLUSIVE;
    }
    if (keep != NULL && mkdir(keep, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "sixnines run: cannot make %s: %s\n", keep,
                strerror(errno));
        return EXIT_CANNOT_WRITE;
    }
    return 0;
}

/* ---- the rest ---- */

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
    const struct cli_option *option = &request->options[OPT_COSTS];
    char message[MESSAGE_BYTES];
    size_t used = 0;

    if (!cli_data_dir(request->data_dir)) {
        cli_data_missing("run");
        return EXIT_USAGE;
    }
    for (unsigned i = 0; i < request->world_count; i++) {
        struct request_world *world = &request->worlds[i];
        const char *file = NULL;

        if (run_world_real(world->kind))
            continue;
        if (used < option->value_count)
            file = option->values[used++];
        world->options.run.costs_file = file;
        if (costs_load(request->data_dir, file, &world->costs, message,
                       sizeof(message)) != 0) {
            fprintf(stderr, "sixnines run: %s\n", message);
            return EXIT_USAGE;
        }
    }
    if (used == option->value_count)
        return 0;
    fprintf(stderr, "sixnines run: more --costs than worlds that use them\n");
    return EXIT_USAGE;
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

    for (unsigned i = 0; i < request->world_count; i++) {
        if (run_supported(request->scenario, request->worlds[i].kind, message,
                          sizeof(message)) == 0)
            continue;
        fprintf(stderr, "sixnines run: %s: INCONCLUSIVE\n", message);
        return EXIT_VERDICT_INCONCLUSIVE;
    }
    return 0;
}

/* What is wrong with the models' data shows before anything is written. */
static int
plan_try(struct request *request)
{
    struct run_options options = {
        .scenario = request->scenario,
        .seed = request->worlds[0].options.run.seed,
        .data_dir = request->data_dir,
    };
    struct cluster_plan *plan;
    char message[MESSAGE_BYTES];

    if (request->scenario->network.node != NULL)
        return 0; /* no boxes */
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

static void
campaigns_fill(struct request *request)
{
    cli_ns3_helper(request->ns3_helper);
    for (unsigned i = 0; i < request->world_count; i++) {
        struct campaign_options *campaign = &request->worlds[i].options;

        campaign->run.scenario = request->scenario;
        campaign->run.world = request->worlds[i].kind;
        campaign->run.data_dir = request->data_dir;
        campaign->run.ns3_helper = request->ns3_helper;
        campaign->run.checkpoint_events = CHECKPOINT_EVENTS;
        campaign->run.log = request->log;
        campaign->run.context = request;
        campaign->run.progress = request_on_progress;
        campaign->sets = request->options[OPT_SET].values;
        campaign->set_count = request->options[OPT_SET].value_count;
        campaign->seed_done = request_on_seed_done;
        if (!run_world_real(request->worlds[i].kind))
            continue;
        campaign->run.real = (struct run_real){
            .refnosd = request->refnosd,
            .keep_dir = request->options[OPT_KEEP].value,
            .record = request->options[OPT_RECORD].given,
            .per_service = request->options[OPT_PER_SERVICE].given,
        };
    }
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

int
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
        fprintf(stderr, "sixnines run: no scenario file given\n%s",
                request_usage);
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
    code = worlds_read(request);
    if (code == 0)
        code = scenario_read(request);
    if (code == 0)
        code = worlds_check(request);
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
        code = real_prepare(request);
    if (code == 0)
        code = log_open(request);
    if (code == 0)
        campaigns_fill(request);
    return code;
}
