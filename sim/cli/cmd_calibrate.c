/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines calibrate: times the NOS's handlers on this host.
 *
 * A small cluster boots and loses its controller in the simulator; each
 * handler tells how many units of each kind of work it charged and is timed.
 * Non-negative least squares over relative errors gives the time per unit
 * (coordinate descent on the normal equations; Franc, Hlavac and Navara 2005).
 * Work that a handler only stands for (devices, tables, signatures, system
 * calls) cannot be timed here and keeps its frozen figure.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/costs.h"
#include "reference-nos/base/err.h"
#include "reference-nos/linux/meter/meter.h"
#include "sim/cli/calibrate.h"
#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"
#include "sim/world/des/des.h"

#define SEED 1u
#define SPAN_S 600u
#define DESCENT_ROUNDS 2000
/* Preempted handlers say nothing about the handler. */
#define OUTLIER_NS 200000u

enum { OPT_HELP, OPT_OUT, OPT_NAME, OPT_DAEMON, OPT_REFNOSD, OPT_COUNT };

static const char usage[] =
    "usage: sixnines calibrate [option...]\n"
    "  Writes a CPU cost file for this host; use it with run --costs.\n"
    "  With --daemon it says too what disks, links and boots of real daemons\n"
    "  take, so that a simulated cluster can be held against a real one.\n";

/* Real work behind a unit, other than the handler's own instructions? */
static bool
stands_for_more(enum cost cost)
{
    return cost == COST_IDENTITY || cost == COST_DEVICE ||
           cost == COST_TABLE_ENTRY || cost == COST_DATAGRAM ||
           cost == COST_PACKET || cost == COST_SERVICE_START;
}

static void
meter(void *context, const uint64_t units[COST_COUNT], uint64_t host_ns)
{
    if (host_ns <= OUTLIER_NS)
        meter_add(context, units, host_ns);
}

static void
solve(const struct meter *sums, double costs_ns[COST_COUNT])
{
    for (unsigned round = 0; round < DESCENT_ROUNDS; round++) {
        for (unsigned i = 0; i < COST_COUNT; i++) {
            double rest = sums->right[i];

            if (sums->products[i][i] <= 0)
                continue;
            for (unsigned j = 0; j < COST_COUNT; j++) {
                if (j != i)
                    rest -= sums->products[i][j] * costs_ns[j];
            }
            rest /= sums->products[i][i];
            costs_ns[i] = rest > 0 ? rest : 0;
        }
    }
}

static int
world_make(struct costs *costs, struct cluster_plan **plan,
           struct world **world, char *message, size_t size)
{
    struct cluster_options options = {.preset = "ddc-small"};
    struct des_options des = {.seed = SEED, .tombstone_s = 1800};
    char data_dir[CLI_PATH_BYTES];
    int err;

    if (!cli_data_dir(data_dir)) {
        (void)snprintf(message, size, "the models' data is not there");
        return ERR_NOENT;
    }
    err = costs_load(data_dir, NULL, costs, message, size);
    if (err == 0)
        err =
            cluster_plan_create(data_dir, &options, SEED, plan, message, size);
    if (err != 0)
        return err;
    memcpy(des.costs_ns, costs->ns, sizeof(des.costs_ns));
    des.plan = *plan;
    err = des_create(&des, world);
    if (err != 0)
        cluster_plan_destroy(*plan);
    return err;
}

/* Boot, rest, and the loss and return of each controller. */
static int
exercise(struct world *world, unsigned box_count)
{
    int err = 0;

    for (unsigned i = 0; i < box_count && err == 0; i++) {
        struct world_fault on = {.kind = WORLD_BOX_POWER_ON, .box = i};

        err = world->ops->inject(world, &on);
    }
    for (unsigned s = SPAN_S; s <= 3 * SPAN_S && err == 0; s += SPAN_S) {
        struct world_fault off = {
            .kind = WORLD_BOX_RESTART,
            .box = s == SPAN_S ? 0 : 1,
            .value = REBOOT_OPERATOR,
        };

        err = world->ops->run_until(world, simtime_from_s(s));
        if (err == 0)
            err = world->ops->inject(world, &off);
    }
    return err;
}

/* What a request needs, and what came of it. */
struct calibration {
    struct costs costs;
    struct meter sums;
    const char *how; /* for the comment of the file */
};

static int
write_out(const struct calibration *made, const char *path)
{
    const struct meter *sums = &made->sums;
    FILE *out = path != NULL ? fopen(path, "w") : stdout;
    char comment[160];

    if (out == NULL) {
        fprintf(stderr, "sixnines calibrate: cannot write %s\n", path);
        return EXIT_CANNOT_WRITE;
    }
    (void)snprintf(comment, sizeof(comment),
                   "Fitted to %" PRIu64 " handlers, %.0f ns each on average; "
                   "%s.",
                   sums->handlers,
                   (double)sums->taken_ns / (double)sums->handlers, made->how);
    costs_print(&made->costs, comment, out);
    if (path != NULL && fclose(out) != 0) {
        fprintf(stderr, "sixnines calibrate: cannot write %s\n", path);
        return EXIT_IO;
    }
    return EXIT_OK;
}

/* A plain word, so that the file reads back as it was written. */
static bool
name_good(const char *name)
{
    size_t plain = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-_.");

    if (plain > 0 && name[plain] == '\0' && plain < COSTS_NAME_MAX)
        return true;
    fprintf(stderr,
            "sixnines calibrate: --name: \"%s\" is no name: 1 to %d letters, "
            "digits, - _ and .\n",
            name, COSTS_NAME_MAX - 1);
    return false;
}

/* Handlers alone, in the simulator. */
static int
simulated(struct calibration *made, char *message, size_t size)
{
    double costs_ns[COST_COUNT] = {0};
    struct cluster_plan *plan;
    struct world *world;
    int err = world_make(&made->costs, &plan, &world, message, size);

    if (err != 0)
        return err;
    des_meter_set(world, meter, &made->sums);
    err = exercise(world, plan->box_count);
    world->ops->destroy(world);
    cluster_plan_destroy(plan);
    if (err != 0 || made->sums.handlers == 0) {
        (void)snprintf(message, size, "%s", err_text(err));
        return ERR_INTERNAL;
    }
    solve(&made->sums, costs_ns);
    for (unsigned i = 0; i < COST_COUNT; i++) {
        if (!stands_for_more((enum cost)i) && made->sums.products[i][i] > 0)
            made->costs.ns[i] = (uint32_t)(costs_ns[i] + 0.5);
    }
    made->how = "devices, tables, signatures and system calls: frozen";
    return 0;
}

/* Real daemons.  What no handler charged keeps its frozen figure. */
static int
with_daemons(struct calibration *made, const char *refnosd, char *message,
             size_t size)
{
    double costs_ns[COST_COUNT] = {0};
    char data_dir[CLI_PATH_BYTES];
    uint64_t beyond_ns;
    int err = ERR_NOENT;

    if (!cli_data_dir(data_dir))
        (void)snprintf(message, size, "the models' data is not there");
    else
        err = costs_load(data_dir, NULL, &made->costs, message, size);
    if (err == 0)
        err = calibrate_daemon(refnosd, &made->sums, &beyond_ns,
                               &made->costs.measured, message, size);
    if (err != 0)
        return err;
    solve(&made->sums, costs_ns);
    for (unsigned i = 0; i < COST_COUNT; i++) {
        if (made->sums.products[i][i] > 0)
            made->costs.ns[i] = (uint32_t)(costs_ns[i] + 0.5);
    }
    made->costs.ns[COST_DISPATCH] += (uint32_t)beyond_ns;
    made->how = "real daemons; signatures: frozen";
    return 0;
}

int
cmd_calibrate(int argc, char **argv)
{
    struct cli_option options[OPT_COUNT] = {
        [OPT_HELP] = {.name = "help", .letter = 'h', .doc = "this text"},
        [OPT_OUT] = {.name = "out",
                     .takes_value = true,
                     .doc = "file to write; standard output if not given"},
        [OPT_NAME] = {.name = "name",
                      .takes_value = true,
                      .doc = "of the calibration; reports show it"},
        [OPT_DAEMON] = {.name = "daemon",
                        .doc = "measure real daemons in namespaces: CPU, "
                               "disks, links, boots (needs root)"},
        [OPT_REFNOSD] = {.name = "refnosd",
                         .takes_value = true,
                         .doc = "the daemon; default: beside this program"},
    };
    struct calibration *made;
    const char *name;
    char message[512] = "";
    size_t words;
    int code;

    if (!cli_parse(argc, argv, options, OPT_COUNT, NULL, 0, &words))
        return EXIT_USAGE;
    if (options[OPT_HELP].given) {
        cli_help(usage, options, OPT_COUNT);
        return EXIT_OK;
    }
    name = options[OPT_NAME].value != NULL ? options[OPT_NAME].value
                                           : "this-host";
    if (!name_good(name))
        return EXIT_USAGE;
    made = calloc(1, sizeof(*made));
    if (made == NULL)
        abort();
    code = options[OPT_DAEMON].given
               ? with_daemons(made, options[OPT_REFNOSD].value, message,
                              sizeof(message))
               : simulated(made, message, sizeof(message));
    if (code != 0) {
        fprintf(stderr, "sixnines calibrate: %s\n", message);
        code = cli_exit_code(code);
    } else {
        (void)snprintf(made->costs.name, sizeof(made->costs.name), "%s", name);
        code = write_out(made, options[OPT_OUT].value);
    }
    free(made);
    return code;
}
