/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines doctor: what this machine can do, world by world.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/yaml/json.h"
#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"
#include "sim/run/run.h"

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

/* ---- worlds ---- */

struct world_state {
    enum world_kind kind;
    bool built, ready;
    char text[CLI_PATH_BYTES + 64];
    struct run_capability list[RUN_CAPABILITIES_MAX];
    size_t count;
};

/* What netns cannot do without; the rest only makes steps not applicable. */
static bool
is_needed(const char *capability)
{
    static const char *const needed[] = {"privilege", "namespaces",
                                         "veth and bridges"};

    for (size_t i = 0; i < ARRAY_COUNT(needed); i++) {
        if (strcmp(capability, needed[i]) == 0)
            return true;
    }
    return false;
}

static void
netns_look(struct world_state *world)
{
    char refnosd[CLI_PATH_BYTES];
    unsigned there = 0;

    world->count = run_netns_capabilities(world->list, RUN_CAPABILITIES_MAX);
    world->ready = world->count > 0;
    snprintf(world->text, sizeof(world->text), "real boxes in namespaces");
    for (size_t i = 0; i < world->count; i++) {
        const struct run_capability *one = &world->list[i];

        there += one->there;
        if (one->there || !is_needed(one->name))
            continue;
        world->ready = false;
        snprintf(world->text, sizeof(world->text), "%s: %s", one->name,
                 one->how);
    }
    if (world->ready &&
        !cli_refnosd(getenv("SIXNINES_RUN_REFNOSD"), refnosd)) {
        world->ready = false;
        snprintf(world->text, sizeof(world->text), "no daemon at %s", refnosd);
    }
    if (world->ready)
        snprintf(world->text, sizeof(world->text),
                 "real boxes in namespaces: %u of %zu things can be done",
                 there, world->count);
}

static void
ns3_look(struct world_state *world)
{
    char path[CLI_PATH_BYTES];

    cli_ns3_helper(path);
    world->ready = run_ns3_works(path, world->text, sizeof(world->text));
}

static void
world_look(struct world_state *world, enum world_kind kind)
{
    world->kind = kind;
    world->built = run_world_built(kind);
    if (!world->built) {
        snprintf(world->text, sizeof(world->text), "not in this build");
    } else if (kind == WORLD_NETNS) {
        netns_look(world);
    } else if (kind == WORLD_NS3) {
        ns3_look(world);
    } else {
        world->ready = true;
        snprintf(world->text, sizeof(world->text),
                 "the simulator needs nothing else");
    }
}

/* ---- printing ---- */

static const char *
state_word(const struct world_state *world)
{
    return !world->built ? "-" : world->ready ? "ok" : "MISSING";
}

static void
text_print(const struct finding *findings, size_t count,
           const struct world_state *worlds)
{
    for (size_t i = 0; i < count; i++)
        printf("%-8s %-16s %s\n", findings[i].ok ? "ok" : "MISSING",
               findings[i].name, findings[i].text);
    for (int kind = 0; kind < WORLD_KIND_COUNT; kind++) {
        const struct world_state *world = &worlds[kind];

        printf("%-8s world %-10s %s\n", state_word(world),
               world_kind_name(world->kind), world->text);
        for (size_t i = 0; i < world->count; i++)
            printf("         %-3s %-24s %s\n",
                   world->list[i].there ? "ok" : "no", world->list[i].name,
                   world->list[i].how);
    }
}

static void
json_one(struct json *json, const char *name, bool ok, const char *text)
{
    json_object(json);
    json_member(json, "name", name);
    json_member_bool(json, "ok", ok);
    json_member(json, "text", text);
    json_end(json);
}

static void
json_world(struct json *json, const struct world_state *world)
{
    json_object(json);
    json_member(json, "world", world_kind_name(world->kind));
    json_member_bool(json, "built", world->built);
    json_member_bool(json, "ok", world->ready);
    json_member(json, "text", world->text);
    json_key(json, "can");
    json_list(json);
    for (size_t i = 0; i < world->count; i++)
        json_one(json, world->list[i].name, world->list[i].there,
                 world->list[i].how);
    json_end(json);
    json_end(json);
}

static void
json_print(const struct finding *findings, size_t count,
           const struct world_state *worlds)
{
    struct json json;

    json_init(&json, stdout);
    json_object(&json);
    json_key(&json, "findings");
    json_list(&json);
    for (size_t i = 0; i < count; i++)
        json_one(&json, findings[i].name, findings[i].ok, findings[i].text);
    json_end(&json);
    json_key(&json, "worlds");
    json_list(&json);
    for (int kind = 0; kind < WORLD_KIND_COUNT; kind++)
        json_world(&json, &worlds[kind]);
    json_end(&json);
    json_end(&json);
}

int
cmd_doctor(int argc, char **argv)
{
    static void (*const looks[])(struct finding *) = {data_look, gnuplot_look,
                                                      folder_look, cores_look};
    struct cli_option options[OPT_COUNT] = {
        [OPT_HELP] = {.name = "help", .letter = 'h', .doc = "this text"},
        [OPT_JSON] = {.name = "json", .doc = "findings as JSON on stdout"},
    };
    struct finding findings[ARRAY_COUNT(looks)] = {0};
    struct world_state worlds[WORLD_KIND_COUNT] = {0};
    int code = EXIT_OK;
    size_t words;

    if (!cli_parse(argc, argv, options, OPT_COUNT, NULL, 0, &words))
        return EXIT_USAGE;
    if (options[OPT_HELP].given) {
        cli_help("usage: sixnines doctor [option...]\n"
                 "  Says what this machine can do, world by world.  Exit code "
                 "2 when something\n  that every run needs is missing.\n",
                 options, OPT_COUNT);
        return EXIT_OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(looks); i++) {
        looks[i](&findings[i]);
        if (findings[i].needed && !findings[i].ok)
            code = EXIT_VERDICT_INCONCLUSIVE;
    }
    for (int kind = 0; kind < WORLD_KIND_COUNT; kind++)
        world_look(&worlds[kind], (enum world_kind)kind);
    if (options[OPT_JSON].given)
        json_print(findings, ARRAY_COUNT(looks), worlds);
    else
        text_print(findings, ARRAY_COUNT(looks), worlds);
    return code;
}
