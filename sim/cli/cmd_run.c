/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines run: a scenario, from file to report.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reports/report.h"
#include "reports/results.h"
#include "sim/cli/cmd.h"
#include "sim/cli/run_request.h"
#include "sim/run/checkpoints.h"

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
world_write(struct request *request, struct request_world *world,
            const char *db, char *message, size_t message_size)
{
    const struct campaign *campaign = &world->campaign;
    struct campaign_record record = {
        .db_path = db,
        .build = cli_build_name(),
        .calibration = world->costs.name,
        .begun = request->begun,
        .command = request->command,
    };
    int err = campaign_record(&world->options, campaign, &record, message,
                              message_size);

    world->id = record.id;
    if (err == 0 && campaign->count > 0 && !run_world_real(world->kind) &&
        world == &request->worlds[0])
        err = checkpoints_write(request->dir,
                                &campaign->outcomes[campaign->worst], message,
                                message_size);
    return err;
}

static int
results_write(struct request *request)
{
    char message[MESSAGE_BYTES] = "";
    char db[PATHS_BYTES + 16];
    int err = 0;

    if (request->options[OPT_NO_RESULTS].given)
        return 0;
    snprintf(db, sizeof(db), "%s/results.db", request->dir);
    for (unsigned i = 0; err == 0 && i < request->world_count; i++) {
        if (request->worlds[i].ran)
            err = world_write(request, &request->worlds[i], db, message,
                              sizeof(message));
    }
    if (err == 0 && request->compared)
        err =
            comparison_record(&request->comparison, db, request->worlds[0].id,
                              request->worlds[1].id, message, sizeof(message));
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

/* ---- running ---- */

static int
world_run(struct request *request, struct request_world *world)
{
    char message[MESSAGE_BYTES] = "";
    int err;

    request->now = world;
    if (request->dir[0] != '\0')
        world->options.run.capture_dir = request->dir;
    cli_progress_begin(&request->progress, request->options[OPT_QUIET].given);
    err = campaign_run(&world->options, &cli_interrupted, &world->campaign,
                       message, sizeof(message));
    cli_progress_end(&request->progress);
    world->ran = err == 0;
    if (err == 0)
        return 0;
    fprintf(stderr, "sixnines run: %s\n", message);
    return cli_exit_code(err);
}

/* Interrupted wins, then a broken run, then FAIL, then INCONCLUSIVE. */
static int
worse_code(int a, int b)
{
    static const int order[] = {EXIT_VERDICT_INTERRUPTED, EXIT_INTERNAL,
                                EXIT_VERDICT_FAIL, EXIT_VERDICT_INCONCLUSIVE};

    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        if (a == order[i] || b == order[i])
            return order[i];
    }
    return 0;
}

static int
verdict_code(const struct request *request)
{
    int code = 0;

    for (unsigned i = 0; i < request->world_count; i++) {
        if (request->worlds[i].ran)
            code = worse_code(
                code, campaign_exit_code(&request->worlds[i].campaign));
    }
    if (request->compared &&
        request->comparison.verdict != VERDICT_NOT_APPLICABLE)
        code =
            worse_code(code, verdict_exit_code(request->comparison.verdict));
    return code;
}

static int
run_it(struct request *request)
{
    int code = results_prepare(request);
    int shown;

    if (code != 0)
        return code;
    cli_catch_interrupts();
    for (unsigned i = 0; i < request->world_count && code == 0; i++) {
        if (!cli_interrupted)
            code = world_run(request, &request->worlds[i]);
    }
    if (code != 0)
        return code;
    if (request->world_count == 2 && request->worlds[1].ran) {
        comparison_make(request->scenario, &request->worlds[0].campaign,
                        &request->worlds[1].campaign, &request->comparison);
        request->compared = true;
    }
    code = results_write(request);
    shown = request_present(request);
    if (code == 0)
        code = shown;
    return code == 0 ? verdict_code(request) : code;
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
request_free(struct request *request)
{
    for (unsigned i = 0; i < request->world_count; i++) {
        if (request->worlds[i].ran)
            campaign_fini(&request->worlds[i].campaign);
    }
    comparison_fini(&request->comparison);
    scenario_destroy(request->scenario);
    free(request);
}

int
cmd_run(int argc, char **argv)
{
    struct request *request = calloc(1, sizeof(*request));
    int code;

    if (request == NULL)
        return EXIT_INTERNAL;
    request_options_init(request->options);
    code = request_read(request, argc, argv);
    if (code == 0 && request->options[OPT_HELP].given)
        cli_help(request_usage, request->options, OPT_COUNT);
    else if (code == 0 && request->options[OPT_DRY_RUN].given)
        scenario_describe(request->scenario, request->options[OPT_JSON].given,
                          stdout);
    else if (code == 0)
        code = run_it(request);
    if (!log_close(request) && code == 0)
        code = EXIT_IO;
    request_free(request);
    return code;
}
