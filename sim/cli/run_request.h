/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of `sixnines run` share: a request on its way from the
 * command line to the report.
 */
#ifndef SIM_CLI_RUN_REQUEST_H
#define SIM_CLI_RUN_REQUEST_H

#include "models/costs.h"
#include "reports/paths.h"
#include "sim/cli/cli.h"
#include "sim/run/campaign.h"
#include "sim/run/compare.h"

#define MESSAGE_BYTES 512
#define REQUEST_WORLDS_MAX 2u
#define REPEATS_DEFAULT 3u
/* Seeds when a world in virtual time is compared. */
#define COMPARED_SEEDS_DEFAULT 20u

enum {
    OPT_HELP,
    OPT_SEED,
    OPT_SEEDS,
    OPT_JOBS,
    OPT_SET,
    OPT_WORLD,
    OPT_REPEATS,
    OPT_KEEP,
    OPT_RECORD,
    OPT_PER_SERVICE,
    OPT_REFNOSD,
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

/* One world the scenario runs in. */
struct request_world {
    enum world_kind kind;
    struct campaign_options options;
    struct costs costs;
    struct campaign campaign;
    bool ran;        /* campaign is there */
    unsigned failed; /* seeds or repeats */
    int64_t id;      /* in results.db */
};

struct request {
    struct cli_option options[OPT_COUNT];
    const char *file;
    struct scenario *scenario;
    struct request_world worlds[REQUEST_WORLDS_MAX];
    unsigned world_count;
    struct request_world *now; /* the world that runs */
    struct comparison comparison;
    bool compared;
    struct cli_progress progress;
    char data_dir[CLI_PATH_BYTES];
    char refnosd[CLI_PATH_BYTES];
    char ns3_helper[CLI_PATH_BYTES];
    char dir[PATHS_BYTES];
    char command[CLI_PATH_BYTES];
    char begun[32];
    FILE *log;
    bool reported; /* report.html, run.json and so on are written */
};

/* run_read.c: options to a request.  0, or an exit code after saying why. */
void request_options_init(struct cli_option *options);
int request_read(struct request *request, int argc, char **argv);
extern const char request_usage[];

/* run_show.c: what the user sees.  0 or an exit code. */
int request_present(const struct request *request);
bool request_on_progress(void *context, const struct run_progress *now);
void request_on_seed_done(void *context, unsigned done, unsigned all,
                          const struct outcome *outcome);

#endif
