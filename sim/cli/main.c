/* SPDX-License-Identifier: Apache-2.0
 *
 * The `sixnines` program: one verb, one function.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *doc;
};

static const struct verb verbs[] = {
    {"run", cmd_run, "run a scenario, judge it, write a report"},
    {"validate", cmd_validate, "check scenario files without running them"},
    {"list", cmd_list, "name the scenarios there are"},
    {"describe", cmd_describe, "explain faults, actions, metrics, a scenario"},
    {"replay", cmd_replay, "run a replay token again, compare the digests"},
    {"report", cmd_report, "derive report, JUnit and JSON from results.db"},
    {"calibrate", cmd_calibrate, "time the NOS's handlers on this host"},
    {"bench", cmd_bench, "measure speed and memory of the simulator"},
    {"doctor", cmd_doctor, "say what this machine can do"},
};

/* Data that did not get out is no success. */
static int
output_end(int code)
{
    bool good = ferror(stdout) == 0;

    if (fflush(stdout) == 0 && good)
        return code;
    fprintf(stderr, "sixnines: cannot write all of standard output: %s\n",
            strerror(errno));
    return code == EXIT_OK ? EXIT_IO : code;
}

static void
usage(FILE *out)
{
    fputs("usage: sixnines VERB [option...]\n"
          "\n"
          "Will this network operating system keep the promise?\n"
          "\n",
          out);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].doc);
    fputs("\n`sixnines VERB --help` tells more.  Exit codes: `sixnines "
          "describe exit-codes`.\n",
          out);
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("sixnines %s\n", cli_build_name());
        return 0;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0)
            return output_end(verbs[i].run(argc - 1, argv + 1));
    }
    fprintf(stderr, "sixnines: unknown verb \"%s\"\n", argv[1]);
    usage(stderr);
    return EXIT_USAGE;
}
