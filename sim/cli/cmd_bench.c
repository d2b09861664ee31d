/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines bench: rates of the simulator on this machine.
 */
#include <stdio.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "sim/cli/bench.h"
#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"

enum { OPT_HELP, OPT_JSON, OPT_COUNT };

static const struct {
    const char *name;
    int (*run)(struct bench_results *results, FILE *out);
    const char *doc;
} benches[] = {
    {"hold", bench_hold, "the event queue, beside a 4-ary heap"},
    {"phold", bench_phold, "processes that send each other events"},
    {"cluster", bench_cluster, "boot and rest of ddc-small and ddc-large"},
    {"fabric", bench_fabric, "packets and cells: ddc-large at half load"},
    {"flows", bench_flows, "rates: a year of ddc-large, a fault a day"},
    {"ls", bench_ls, "a leaf-spine of queues, beside ns-3; two threads"},
    {"daemon", bench_daemon, "real boxes: boot, join, writes, failover, rest"},
};

static void
help(const struct cli_option *options)
{
    cli_help(
        "usage: sixnines bench [hold|phold|cluster|fabric|flows|ls|daemon]"
        " [option...]\n"
        "  Measures; prints rates.  Without a name, all of them.\n",
        options, OPT_COUNT);
    for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
        printf("  %-22s %s\n", benches[i].name, benches[i].doc);
}

int
cmd_bench(int argc, char **argv)
{
    struct cli_option options[OPT_COUNT] = {
        [OPT_HELP] = {.name = "help", .letter = 'h', .doc = "this text"},
        [OPT_JSON] = {.name = "json", .doc = "rows as JSON on stdout"},
    };
    struct bench_results results = {.count = 0};
    const char *name = NULL;
    bool found = false;
    size_t words;

    if (!cli_parse(argc, argv, options, OPT_COUNT, &name, 1, &words))
        return EXIT_USAGE;
    if (options[OPT_HELP].given) {
        help(options);
        return EXIT_OK;
    }
    for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
        int err;

        if (words > 0 && strcmp(name, benches[i].name) != 0)
            continue;
        found = true;
        err =
            benches[i].run(&results, options[OPT_JSON].given ? NULL : stdout);
        if (words == 0 && (err == ERR_PERMISSION || err == ERR_UNSUPPORTED))
            continue; /* it said why this machine cannot */
        if (err != 0) {
            fprintf(stderr, "sixnines bench: %s: %s\n", benches[i].name,
                    err_text(err));
            return cli_exit_code(err);
        }
    }
    if (!found) {
        fprintf(stderr,
                "sixnines bench: unknown bench \"%s\"; expected hold, "
                "phold, cluster, fabric, flows, ls or daemon\n",
                name);
        return EXIT_USAGE;
    }
    if (options[OPT_JSON].given)
        bench_print_json(&results, stdout);
    return EXIT_OK;
}
