/* SPDX-License-Identifier: Apache-2.0
 *
 * What the user of `sixnines run` sees: progress, verdicts, tables.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/report.h"
#include "sim/cli/run_request.h"
#include "sim/cli/show_traffic.h"

static void
virtual_progress(struct cli_progress *progress, const struct run_progress *now)
{
    double host_s = (double)(cli_now_ns() - progress->began_ns) / 1e9;
    double sim_s = (double)now->now.ps / 1e12;

    if (now->booting)
        cli_progress_show(progress, "booting: %.1f s simulated, %.0fx", sim_s,
                          sim_s / host_s);
    else
        cli_progress_show(progress,
                          "%.1f of %.1f s simulated, %.0fx, %.0f s to go",
                          sim_s, (double)now->ends.ps / 1e12, sim_s / host_s,
                          ((double)now->ends.ps / 1e12 - sim_s) * host_s /
                              (sim_s > 0 ? sim_s : 1));
}

static void
real_progress(const struct request *request, struct cli_progress *progress,
              const struct run_progress *now)
{
    const struct request_world *world = request->now;
    double now_s = (double)now->now.ps / 1e12;

    if (now->booting)
        cli_progress_show(progress, "world %s, run %u of %u: booting, %.0f s",
                          world_kind_name(world->kind), now->repeat + 1,
                          world->options.seed_count, now_s);
    else
        cli_progress_show(progress, "world %s, run %u of %u: %.0f of %s%.0f s",
                          world_kind_name(world->kind), now->repeat + 1,
                          world->options.seed_count, now_s,
                          request->scenario->settled.ps > 0 ? "at most " : "",
                          (double)now->ends.ps / 1e12);
}

bool
request_on_progress(void *context, const struct run_progress *now)
{
    struct request *request = context;
    struct cli_progress *progress = &request->progress;

    /* Processes side by side would talk at the same time. */
    if (request->now->options.jobs > 1 || !cli_progress_due(progress))
        return cli_interrupted != 0;
    if (run_world_real(request->now->kind))
        real_progress(request, progress, now);
    else
        virtual_progress(progress, now);
    return cli_interrupted != 0;
}

void
request_on_seed_done(void *context, unsigned done, unsigned all,
                     const struct outcome *outcome)
{
    struct request *request = context;
    struct cli_progress *progress = &request->progress;
    double host_s = (double)(cli_now_ns() - progress->began_ns) / 1e9;

    request->now->failed += outcome->verdict == VERDICT_FAIL;
    progress->calls = 63;
    if (cli_progress_due(progress))
        cli_progress_show(
            progress, "%u of %u %s, %u failed, %.0f s to go", done, all,
            run_world_real(request->now->kind) ? "runs" : "seeds",
            request->now->failed, host_s / done * (all - done));
}

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
            printf("  %s  %s\n", painted(row->verdict, verdict),
                   row->evidence);
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
runs_print(const struct request_world *world, const struct outcome *outcome)
{
    const struct campaign *campaign = &world->campaign;
    bool real = run_world_real(world->kind);

    if (campaign->count > 1 || campaign->lost > 0)
        printf("  %u %s from %llu, %u failed; worst: %s %llu\n",
               campaign->count, real ? "runs" : "seeds",
               (unsigned long long)world->options.run.seed, world->failed,
               real ? "run" : "seed", (unsigned long long)outcome->seed);
}

static void
size_print(const struct request_world *world, const struct outcome *outcome)
{
    double ran_s = (double)(outcome->duration.ps + outcome->boot.ps) / 1e12;
    double cpu_s = (double)outcome->cpu_ns / 1e9;

    if (run_world_real(world->kind))
        printf("  %u boxes, %u ports, %.1f s in real time\n", outcome->boxes,
               outcome->ports, ran_s);
    else
        printf("  %u boxes, %u ports, %.1f s simulated in %.2f CPU s (%.0fx), "
               "%llu events\n",
               outcome->boxes, outcome->ports, ran_s, cpu_s,
               cpu_s > 0 ? ran_s / cpu_s : 0,
               (unsigned long long)outcome->events);
}

static void
replay_print(const struct request_world *world, const struct outcome *outcome)
{
    const struct run_real *real = &world->options.run.real;
    char token[CAMPAIGN_TOKEN_BYTES];

    campaign_token(&world->options, outcome, token);
    if (token[0] != '\0')
        printf("replay: sixnines replay '%s'\n", token);
    else if (outcome->interrupted && !run_world_real(world->kind))
        printf("replay: none of seed %llu, which was cut; --seed %llu runs "
               "it again\n",
               (unsigned long long)outcome->seed,
               (unsigned long long)outcome->seed);
    else if (real->record)
        printf("replay: none of a run in real time; what its boxes recorded "
               "in %s can be replayed, box by box\n",
               real->keep_dir);
    else
        puts("replay: none of a run in real time; --record --keep DIR makes "
             "its boxes replayable");
}

static void
summary_print(const struct request *request, const struct request_world *world)
{
    const struct campaign *campaign = &world->campaign;
    const struct outcome *outcome = &campaign->outcomes[campaign->worst];
    char verdict[48];

    if (request->world_count > 1 || run_world_real(world->kind))
        printf("%s in world %s: %s\n", request->scenario->name,
               world_kind_name(world->kind),
               painted(campaign->verdict, verdict));
    else
        printf("%s: %s\n", request->scenario->name,
               painted(campaign->verdict, verdict));
    runs_print(world, outcome);
    expects_print(request, campaign);
    traffic_show(outcome);
    if (outcome->note[0] != '\0')
        printf("  note: %s\n", outcome->note);
    if (request->options[OPT_VERBOSE].given)
        timeline_print(outcome);
    size_print(world, outcome);
}

/* The heads of the columns: worlds, or calibrations of the same world. */
static const char *
side_name(const struct request *request, unsigned index)
{
    const struct request_world *world = &request->worlds[index];

    return request->worlds[0].kind == request->worlds[1].kind
               ? world->costs.name
               : world_kind_name(world->kind);
}

static void
compare_print(const struct request *request)
{
    const enum verdict all[] = {request->worlds[0].campaign.verdict,
                                request->worlds[1].campaign.verdict,
                                request->comparison.verdict};
    char verdict[48];

    comparison_print(&request->comparison, side_name(request, 0),
                     side_name(request, 1), stdout);
    if (request->comparison.verdict != VERDICT_NOT_APPLICABLE)
        printf("stated bounds: %s\n",
               painted(request->comparison.verdict, verdict));
    printf("overall: %s\n",
           painted(verdict_overall(all, ARRAY_COUNT(all)), verdict));
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

static bool
lost_print(const struct request_world *world)
{
    const struct campaign *campaign = &world->campaign;

    if (campaign->lost > 0)
        fprintf(stderr,
                "sixnines run: the process of %u seeds ended abnormally; the "
                "first: --seed %llu\n",
                campaign->lost, (unsigned long long)campaign->lost_seed);
    if (campaign->count == 0)
        fprintf(stderr, "sixnines run: no %s ran to its end\n",
                run_world_real(world->kind) ? "run" : "seed");
    return campaign->count > 0;
}

int
request_present(const struct request *request)
{
    bool written = request->dir[0] != '\0';
    bool json = request->options[OPT_JSON].given && request->reported;
    bool interrupted = false;

    for (unsigned i = 0; i < request->world_count; i++) {
        const struct request_world *world = &request->worlds[i];

        if (!world->ran || !lost_print(world))
            continue;
        interrupted |= world->campaign.interrupted;
        if (!json)
            summary_print(request, world);
    }
    if (json)
        return json_print(request);
    if (request->compared)
        compare_print(request);
    if (request->reported)
        printf("report: %s/report.html\n", request->dir);
    for (unsigned i = 0; i < request->world_count; i++) {
        const struct campaign *campaign = &request->worlds[i].campaign;

        if (request->worlds[i].ran && campaign->count > 0)
            replay_print(&request->worlds[i],
                         &campaign->outcomes[campaign->worst]);
    }
    if (interrupted && written)
        fprintf(stderr, "sixnines run: interrupted; what ran is kept in %s\n",
                request->dir);
    else if (interrupted)
        fputs("sixnines run: interrupted; nothing is kept (--no-results)\n",
              stderr);
    if (request->options[OPT_ANNOTATIONS].given && request->reported)
        return annotations_print(request);
    return 0;
}
