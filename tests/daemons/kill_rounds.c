/* SPDX-License-Identifier: Apache-2.0
 *
 * kill -9 at random moments, on a cluster of real daemons.
 *
 * Boots ddc-small (ten refnosd in namespaces), then in each round, after a
 * drawn pause, kills a daemon (SIGKILL; it is started again at once) or a
 * service of one, both drawn; with --per-service, the process of a service.
 * All the while a writer writes.  Every CHECK_ROUNDS rounds the cluster must
 * become whole.  What the daemons told is judged by the oracles; at the end
 * the last write is read back, and nothing may be left of the run.
 *
 * usage: kill_rounds [options] DATA_DIR REFNOSD
 * exit:  0 passed, 1 failed, 64 usage, 77 this machine cannot
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel/random.h"
#include "sim/run/watch.h"
#include "sim/world/netns/netns.h"
#include "tests/daemons/leftovers.h"
#include "tests/daemons/processes.h"
#include "tests/daemons/writer.h"

#define EXIT_INCONCLUSIVE 77
#define BOOT_LIMIT_S 60u
#define WHOLE_LIMIT_S 60u
#define QUIET_MS 2000u
#define STEP_MS 5u
#define NEWS_MS 50u /* until a death has been told */
#define CHECK_ROUNDS 10u
#define PAUSE_MIN_MS 20u
#define PAUSE_MAX_MS 1200u
#define TOMBSTONE_S 1800u
#define PROCESSES_MAX 256u

struct arguments {
    unsigned rounds;
    uint64_t seed;
    bool per_service;
    bool verbose;
    const char *keep;
    const char *data_dir;
    const char *refnosd;
};

struct rig {
    const struct arguments *arguments;
    struct cluster_plan *plan;
    struct world *world;
    struct watch watch;
    struct oracles *oracles;
    struct writer writer;
    bool writing;
    uint64_t observations;
    unsigned modules[WORLD_BOXES_MAX]; /* before the first round */
    unsigned daemons, services;        /* killed */
    unsigned changed;                  /* numbers */
    struct simtime whole_longest;
};

static void
listen(void *context, const struct observation *seen)
{
    struct rig *rig = context;

    rig->observations++;
    watch_observe(&rig->watch, seen);
    oracles_observe(rig->oracles, seen);
    if (rig->writing)
        writer_observe(&rig->writer, seen);
}

static bool
box_whole(const struct rig *rig, unsigned index)
{
    const struct watch_box *watched = &rig->watch.boxes[index];
    struct world_box box;

    rig->world->ops->box(rig->world, index, &box);
    return box.running && watched->joined && !watched->headless &&
           (box.role != ROLE_NCP || box.forwarding);
}

static bool
whole(const struct rig *rig)
{
    for (unsigned i = 0; i < rig->plan->box_count; i++)
        if (!box_whole(rig, i))
            return false;
    return watch_active_count(&rig->watch) == 1;
}

static bool
run_for_ms(struct rig *rig, uint64_t ms)
{
    const struct world_ops *ops = rig->world->ops;
    struct simtime end =
        simtime_add(ops->now(rig->world), simtime_from_ms(ms));

    do {
        struct simtime next =
            simtime_add(ops->now(rig->world), simtime_from_ms(STEP_MS));

        if (rig->writing)
            writer_step(&rig->writer);
        if (ops->run_until(rig->world, simtime_min(next, end)) != 0)
            return false;
    } while (simtime_before(ops->now(rig->world), end));
    return true;
}

static void
say_missing(const struct rig *rig)
{
    printf("not whole: %u active", watch_active_count(&rig->watch));
    for (unsigned i = 0; i < rig->plan->box_count; i++)
        if (!box_whole(rig, i))
            printf(" %s", rig->plan->boxes[i].name);
    printf("\n");
}

static bool
run_until_whole(struct rig *rig, unsigned limit_s)
{
    struct simtime from = rig->world->ops->now(rig->world);
    struct simtime limit = simtime_add(from, simtime_from_s(limit_s));
    struct simtime took;

    if (!run_for_ms(rig, NEWS_MS))
        return false;
    while (!whole(rig)) {
        if (!simtime_before(rig->world->ops->now(rig->world), limit)) {
            say_missing(rig);
            return false;
        }
        if (!run_for_ms(rig, 2 * STEP_MS))
            return false;
    }
    took = simtime_sub(rig->world->ops->now(rig->world), from);
    rig->whole_longest = simtime_max(rig->whole_longest, took);
    return true;
}

static bool
boot(struct rig *rig)
{
    for (unsigned i = 0; i < rig->plan->box_count; i++) {
        struct world_fault on = {.kind = WORLD_BOX_POWER_ON, .box = i};

        if (rig->world->ops->inject(rig->world, &on) != 0)
            return false;
    }
    if (!run_until_whole(rig, BOOT_LIMIT_S))
        return false;
    rig->whole_longest = simtime_from_s(0);
    for (unsigned i = 0; i < rig->plan->box_count; i++)
        rig->modules[i] = rig->watch.boxes[i].module;
    writer_init(&rig->writer, rig->world, rig->oracles);
    rig->writing = true;
    return run_for_ms(rig, QUIET_MS);
}

/* ---- rounds ---- */

static void
say_round(const struct rig *rig, unsigned round, const char *what)
{
    struct simtime now = rig->world->ops->now(rig->world);

    if (rig->arguments->verbose)
        printf("%8" PRIu64 " ms  round %u: %s killed, %" PRIu64 " written\n",
               simtime_to_ns(now) / 1000000, round, what,
               rig->writer.acknowledged);
}

/* False when the box does not run just now. */
static bool
kill_service(struct rig *rig, struct random_stream *draws, unsigned box,
             unsigned round)
{
    struct world_fault kill = {.kind = WORLD_SERVICE_KILL, .box = box};
    char what[64];

    do
        kill.item = (unsigned)random_below(draws, SVC_COUNT);
    while (!rig->world->ops->has_service(rig->world, box, kill.item));
    if (rig->world->ops->inject(rig->world, &kill) != 0)
        return false;
    rig->services++;
    (void)snprintf(what, sizeof(what), "%s of %s", service_name(kill.item),
                   rig->plan->boxes[box].name);
    say_round(rig, round, what);
    return true;
}

/* From outside, by its number. */
static bool
kill_process(struct rig *rig, struct random_stream *draws, unsigned round)
{
    struct service_process list[PROCESSES_MAX];
    unsigned count = processes_of_services(list, PROCESSES_MAX);
    const struct service_process *victim;

    if (count == 0)
        return false;
    victim = &list[random_below(draws, count)];
    if (kill(victim->pid, SIGKILL) != 0)
        return false;
    rig->services++;
    say_round(rig, round, victim->name);
    return true;
}

static bool
kill_daemon(struct rig *rig, unsigned box, unsigned round)
{
    struct world_fault kill = {
        .kind = WORLD_BOX_RESTART, .box = box, .value = REBOOT_WATCHDOG};

    if (rig->world->ops->inject(rig->world, &kill) != 0)
        return false;
    rig->daemons++;
    say_round(rig, round, rig->plan->boxes[box].name);
    return true;
}

static bool
one_round(struct rig *rig, unsigned round)
{
    struct random_stream draws =
        random_stream_make(rig->arguments->seed, round, 1);
    uint64_t pause_ms = random_between(&draws, PAUSE_MIN_MS, PAUSE_MAX_MS);
    bool service = random_below(&draws, 2) == 0;
    unsigned box = (unsigned)random_below(&draws, rig->plan->box_count);

    if (!run_for_ms(rig, pause_ms))
        return false;
    if (service && rig->arguments->per_service)
        service = kill_process(rig, &draws, round);
    else if (service)
        service = kill_service(rig, &draws, box, round);
    if (!service && !kill_daemon(rig, box, round))
        return false;
    return round % CHECK_ROUNDS != 0 || run_until_whole(rig, WHOLE_LIMIT_S);
}

static bool
finish(struct rig *rig)
{
    if (!run_until_whole(rig, WHOLE_LIMIT_S) || !run_for_ms(rig, QUIET_MS))
        return false;
    writer_stop(&rig->writer);
    for (unsigned i = 0; i < 1000 && !writer_idle(&rig->writer); i++)
        if (!run_for_ms(rig, 2 * STEP_MS))
            return false;
    for (unsigned i = 0; i < rig->plan->box_count; i++)
        rig->changed += rig->watch.boxes[i].module != rig->modules[i];
    return writer_idle(&rig->writer);
}

/* ---- the verdict ---- */

static bool
judge_oracles(const struct rig *rig)
{
    static const enum oracle judges[] = {ORACLE_O2, ORACLE_O3, ORACLE_O8,
                                         ORACLE_O14};
    bool good = true;

    for (size_t i = 0; i < ARRAY_COUNT(judges); i++) {
        const struct oracle_result *result =
            oracles_result(rig->oracles, judges[i]);

        printf("%-4s exercised %" PRIu64 ", violated %" PRIu64 "%s%s\n",
               result->id, result->exercised, result->violations,
               result->first[0] != '\0' ? ": " : "", result->first);
        good = good && result->violations == 0 && result->exercised > 0;
    }
    return good;
}

static bool
judge(const struct rig *rig)
{
    const struct writer *writer = &rig->writer;

    printf("killed %u daemons, %u services%s\n", rig->daemons, rig->services,
           rig->arguments->per_service ? ", each a process" : "");
    printf("writes: %" PRIu64 " acknowledged, %" PRIu64 " lost in %" PRIu64
           " reads, %" PRIu64 " requests repeated, longest outage %" PRIu64
           " ms\n",
           writer->acknowledged, writer->lost, writer->reads, writer->repeated,
           simtime_to_ns(writer->longest) / 1000000);
    printf("numbers changed: %u; longest wait for a whole cluster %" PRIu64
           " ms; %" PRIu64 " observations\n",
           rig->changed, simtime_to_ns(rig->whole_longest) / 1000000,
           rig->observations);
    return judge_oracles(rig) && writer->lost == 0 && writer->reads > 0 &&
           writer->acknowledged > 0 && rig->changed == 0;
}

/* ---- the whole ---- */

static int
rig_make(struct rig *rig, const struct arguments *arguments)
{
    struct cluster_options options = {.preset = "ddc-small"};
    struct netns_options netns = {
        .seed = arguments->seed,
        .refnosd = arguments->refnosd,
        .keep_dir = arguments->keep,
        .per_service = arguments->per_service,
        .shift_clocks = true,
        .tombstone_s = TOMBSTONE_S,
        .listener = listen,
        .listener_context = rig,
    };
    char message[512] = "";
    int err;

    memset(rig, 0, sizeof(*rig));
    rig->arguments = arguments;
    err = cluster_plan_create(arguments->data_dir, &options, 1, &rig->plan,
                              message, sizeof(message));
    if (err != 0) {
        printf("%s\n", message);
        return EXIT_FAILURE;
    }
    netns.plan = rig->plan;
    err = netns_create(&netns, &rig->world, message, sizeof(message));
    if (err == 0) {
        watch_init(&rig->watch, rig->plan);
        rig->oracles = oracles_create(rig->plan, simtime_from_s(TOMBSTONE_S));
        return EXIT_SUCCESS;
    }
    cluster_plan_destroy(rig->plan);
    printf("%s: %s\n",
           err == ERR_PERMISSION || err == ERR_UNSUPPORTED ? "INCONCLUSIVE"
                                                           : "FAIL",
           message);
    return err == ERR_PERMISSION || err == ERR_UNSUPPORTED ? EXIT_INCONCLUSIVE
                                                           : EXIT_FAILURE;
}

static void
rig_free(struct rig *rig)
{
    rig->world->ops->destroy(rig->world);
    oracles_destroy(rig->oracles);
    watch_fini(&rig->watch);
    cluster_plan_destroy(rig->plan);
}

static int
run(const struct arguments *arguments)
{
    struct rig rig;
    int code = rig_make(&rig, arguments);
    bool good;

    if (code != EXIT_SUCCESS)
        return code;
    good = boot(&rig);
    for (unsigned round = 1; good && round <= arguments->rounds; round++) {
        good = one_round(&rig, round);
        (void)fflush(stdout);
    }
    good = good && finish(&rig);
    if (!good)
        puts("the cluster did not get so far");
    good = judge(&rig) && good;
    rig_free(&rig);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
usage(void)
{
    fputs("usage: kill_rounds [--rounds N] [--seed N] [--per-service] "
          "[--keep DIR] [--verbose] DATA_DIR REFNOSD\n",
          stderr);
    return 64;
}

static bool
arguments_read(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"rounds", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 's'},
        {"per-service", no_argument, NULL, 'p'},
        {"keep", required_argument, NULL, 'k'},
        {"verbose", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *arguments = (struct arguments){.rounds = 5, .seed = 1};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'r':
            arguments->rounds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's': arguments->seed = strtoull(optarg, NULL, 10); break;
        case 'p': arguments->per_service = true; break;
        case 'k': arguments->keep = optarg; break;
        case 'v': arguments->verbose = true; break;
        default: return false;
        }
    }
    if (argc - optind != 2 || arguments->rounds == 0)
        return false;
    arguments->data_dir = argv[optind];
    arguments->refnosd = argv[optind + 1];
    return true;
}

int
main(int argc, char **argv)
{
    struct arguments arguments;
    struct leftovers leftovers;
    int code;

    if (!arguments_read(argc, argv, &arguments))
        return usage();
    if (!leftovers_open(&leftovers)) {
        puts("FAIL: no folder for the run");
        return EXIT_FAILURE;
    }
    code = run(&arguments);
    if (!leftovers_close(&leftovers) && code == EXIT_SUCCESS)
        code = EXIT_FAILURE;
    if (code != EXIT_INCONCLUSIVE)
        printf("%s: %u rounds, seed %" PRIu64 "\n",
               code == EXIT_SUCCESS ? "PASS" : "FAIL", arguments.rounds,
               arguments.seed);
    return code;
}
