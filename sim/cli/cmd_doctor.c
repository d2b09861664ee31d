/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines doctor: what this machine can do.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"

enum { OPT_HELP, OPT_JSON, OPT_COUNT };

struct finding {
    const char *name;
    bool ok;
    bool needed; /* without it nothing runs */
    char text[CLI_PATH_BYTES + 64];
};

static bool
on_path(const char *program)
{
    const char *path = getenv("PATH");
    char folders[4096];
    char *rest = folders;
    char *folder;

    if (path == NULL || strlen(path) >= sizeof(folders))
        return false;
    strcpy(folders, path);
    while ((folder = strtok_r(rest, ":", &rest)) != NULL) {
        char file[4200];

        snprintf(file, sizeof(file), "%s/%s", folder, program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

static void
data_look(struct finding *finding)
{
    char path[CLI_PATH_BYTES];

    finding->name = "models' data";
    finding->needed = true;
    finding->ok = cli_data_dir(path);
    snprintf(finding->text, sizeof(finding->text), "%s",
             finding->ok ? path : "not found: set SIXNINES_DATA");
}

static void
gnuplot_look(struct finding *finding)
{
    finding->name = "gnuplot";
    finding->ok = on_path("gnuplot");
    snprintf(finding->text, sizeof(finding->text), "%s",
             finding->ok ? "reports have plots"
                         : "reports will have no plots: install gnuplot-nox");
}

static void
folder_look(struct finding *finding)
{
    finding->name = "results folder";
    finding->ok = access(".", W_OK) == 0;
    snprintf(finding->text, sizeof(finding->text), "%s",
             finding->ok ? "the current folder can be written"
                         : "the current folder is read-only: use --results");
}

static void
cores_look(struct finding *finding)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    finding->name = "cores";
    finding->ok = cores >= 1;
    snprintf(finding->text, sizeof(finding->text),
             "%ld: use -j %ld for many seeds", cores, cores);
}

static void
world_look(struct finding *finding)
{
    finding->name = "world des";
    finding->ok = true;
    finding->needed = true;
    snprintf(finding->text, sizeof(finding->text),
             "the simulator needs nothing else");
}

static void
json_findings(const struct finding *findings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s{\"name\": \"%s\", \"ok\": %s, \"text\": \"%s\"}%s",
               i == 0 ? "[" : " ", findings[i].name,
               findings[i].ok ? "true" : "false", findings[i].text,
               i + 1 == count ? "]\n" : ",\n");
}

int
cmd_doctor(int argc, char **argv)
{
    struct cli_option options[OPT_COUNT] = {
        [OPT_HELP] = {.name = "help", .letter = 'h', .doc = "this text"},
        [OPT_JSON] = {.name = "json", .doc = "findings as JSON on stdout"},
    };
    struct finding findings[5];
    int code = EXIT_OK;
    size_t words;

    if (!cli_parse(argc, argv, options, OPT_COUNT, NULL, 0, &words))
        return EXIT_USAGE;
    if (options[OPT_HELP].given) {
        cli_help("usage: sixnines doctor [option...]\n"
                 "  Says what this machine can do.  Exit code 2 when "
                 "something that every run needs is missing.\n",
                 options, OPT_COUNT);
        return EXIT_OK;
    }
    memset(findings, 0, sizeof(findings));
    world_look(&findings[0]);
    data_look(&findings[1]);
    gnuplot_look(&findings[2]);
    folder_look(&findings[3]);
    cores_look(&findings[4]);
    for (size_t i = 0; i < 5; i++) {
        if (findings[i].needed && !findings[i].ok)
            code = 2;
        if (!options[OPT_JSON].given)
            printf("%-8s %-16s %s\n", findings[i].ok ? "ok" : "MISSING",
                   findings[i].name, findings[i].text);
    }
    if (options[OPT_JSON].given)
        json_findings(findings, 5);
    return code;
}
