/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines list: the scenarios there are.
 */
#define _XOPEN_SOURCE 700

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/yaml/arena.h"
#include "models/yaml/json.h"
#include "sim/cli/cli.h"
#include "sim/cli/cmd.h"
#include "sim/scenario/scenario.h"

enum { PATH_BYTES = 1024, DEPTH_MAX = 8, FILES_MAX = 10000 };

static const char usage[] =
    "usage: sixnines list [--json] [FOLDER]\n"
    "  Names every scenario below FOLDER with its worlds and what it is\n"
    "  about.  Without FOLDER: SIXNINES_LIST_FOLDER, ./scenarios, or the "
    "installed ones.\n"
    "  --json  as JSON on standard output (SIXNINES_LIST_JSON)\n";

/* Paths found, in the arena. */
struct found {
    struct arena *arena;
    const char **paths;
    size_t count;
    size_t capacity;
};

static bool
is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool
is_yaml(const char *name)
{
    size_t length = strlen(name);

    return length > 5 && strcmp(name + length - 5, ".yaml") == 0;
}

static void
walk(struct found *found, const char *folder, unsigned depth)
{
    DIR *dir = depth < DEPTH_MAX ? opendir(folder) : NULL;
    const struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL && found->count < FILES_MAX) {
        const char *path;

        if (entry->d_name[0] == '.')
            continue;
        path = arena_printf(found->arena, "%s/%s", folder, entry->d_name);
        if (is_folder(path)) {
            walk(found, path, depth + 1);
        } else if (is_yaml(entry->d_name)) {
            found->paths = arena_grow(found->arena, found->paths, found->count,
                                      &found->capacity, sizeof(*found->paths));
            found->paths[found->count++] = path;
        }
    }
    closedir(dir);
}

static int
path_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Beside the program: build/release/bin, or bin of an installation. */
static const char *
beside_program(struct arena *arena)
{
    static const char *const places[] = {"../share/sixnines/scenarios",
                                         "../../../scenarios"};
    char program[PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash;

    if (length <= 0)
        return NULL;
    program[length] = '\0';
    slash = strrchr(program, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        const char *path = arena_printf(arena, "%s/%s", program, places[i]);

        if (is_folder(path)) {
            char *real = realpath(path, NULL);

            if (real != NULL)
                path = arena_printf(arena, "%s", real);
            free(real);
            return path;
        }
    }
    return NULL;
}

static const char *
default_folder(struct arena *arena)
{
    const char *folder = getenv("SIXNINES_LIST_FOLDER");

    if (folder != NULL && folder[0] != '\0')
        return folder;
    if (is_folder("scenarios"))
        return "scenarios";
    return beside_program(arena);
}

/* Prints the first sentence, folded at 76 columns, below the name. */
static void
print_first_sentence(const char *text)
{
    const char *end = strstr(text, ". ");
    size_t left = end == NULL ? strlen(text) : (size_t)(end - text) + 1;

    while (left > 0) {
        size_t line = left;

        if (line > 72) {
            line = 72;
            while (line > 1 && text[line] != ' ')
                line--;
        }
        printf("    %.*s\n", (int)line, text);
        while (line < left && text[line] == ' ')
            line++;
        text += line;
        left -= line;
    }
}

static void
show(const char *path, const struct scenario *scenario, struct json *json)
{
    if (json == NULL) {
        printf("%-30s %s (", scenario->name, path);
        for (int kind = 0, shown = 0; kind < WORLD_KIND_COUNT; kind++) {
            if ((scenario->worlds & WORLD_BIT(kind)) != 0)
                printf("%s%s", shown++ > 0 ? ", " : "",
                       world_kind_name((enum world_kind)kind));
        }
        fputs(")\n", stdout);
        print_first_sentence(scenario->about);
        return;
    }
    json_object(json);
    json_member(json, "scenario", scenario->name);
    json_member(json, "file", path);
    json_member(json, "about", scenario->about);
    json_key(json, "worlds");
    json_list(json);
    for (int kind = 0; kind < WORLD_KIND_COUNT; kind++) {
        if ((scenario->worlds & WORLD_BIT(kind)) != 0)
            json_string(json, world_kind_name((enum world_kind)kind));
    }
    json_end(json);
    json_end(json);
}

/* Files without `scenario:` are there to be imported. */
static bool
is_fragment(const char *path)
{
    struct arena *arena = arena_create();
    struct diag_list *diags = diag_create();
    struct ynode *root;
    bool fragment = ytree_load(arena, diags, path, NULL, &root) == 0 &&
                    ynode_get(root, "scenario") == NULL;

    diag_destroy(diags);
    arena_destroy(arena);
    return fragment;
}

static void
list_file(const char *path, struct json *json)
{
    struct diag_list *diags;
    struct scenario *scenario;

    if (is_fragment(path))
        return;
    diags = diag_create();
    if (scenario_load(diags, path, NULL, &scenario) == 0) {
        show(path, scenario, json);
        scenario_destroy(scenario);
    } else {
        fprintf(stderr,
                "sixnines list: %s has errors; see sixnines "
                "validate %s\n",
                path, path);
    }
    diag_destroy(diags);
}

static void
list_all(const struct found *found, bool as_json)
{
    struct json json;

    json_init(&json, stdout);
    if (as_json) {
        json_object(&json);
        json_key(&json, "scenarios");
        json_list(&json);
    }
    for (size_t i = 0; i < found->count; i++)
        list_file(found->paths[i], as_json ? &json : NULL);
    if (as_json) {
        json_end(&json);
        json_end(&json);
    }
}

int
cmd_list(int argc, char **argv)
{
    struct found found = {.arena = arena_create()};
    bool json = cli_flag_set("SIXNINES_LIST_JSON");
    const char *folder = NULL;
    int code = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            goto out;
        }
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (argv[i][0] == '-' || folder != NULL) {
            fprintf(stderr, "sixnines list: unexpected %s\n%s", argv[i],
                    usage);
            code = EXIT_USAGE;
            goto out;
        } else {
            folder = argv[i];
        }
    }
    if (folder == NULL)
        folder = default_folder(found.arena);
    if (folder == NULL || !is_folder(folder)) {
        fprintf(stderr, "sixnines list: no folder of scenarios%s%s\n",
                folder == NULL ? "" : ": ", folder == NULL ? "" : folder);
        code = EXIT_USAGE;
        goto out;
    }
    walk(&found, folder, 0);
    if (found.count > 0)
        qsort(found.paths, found.count, sizeof(*found.paths), path_compare);
    list_all(&found, json);
out:
    arena_destroy(found.arena);
    return code;
}
