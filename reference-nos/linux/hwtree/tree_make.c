/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/hwtree/tree_make.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#define PATH_BYTES_MAX 4096u
#define ITEMS_MAX 256u

static int
path_make(char path[PATH_BYTES_MAX], const char *folder, const char *file,
          const char *suffix)
{
    int length =
        snprintf(path, PATH_BYTES_MAX, "%s/%s%s", folder, file, suffix);

    return length > 0 && length < (int)PATH_BYTES_MAX ? 0 : ERR_RANGE;
}

int
tree_text_put(const char *folder, const char *file, const char *text)
{
    char path[PATH_BYTES_MAX];
    char fresh[PATH_BYTES_MAX];
    FILE *stream;
    int bad;

    if (path_make(path, folder, file, "") != 0 ||
        path_make(fresh, folder, file, ".put") != 0)
        return ERR_RANGE;
    stream = fopen(fresh, "we");
    if (stream == NULL)
        return ERR_IO;
    bad = fputs(text, stream) < 0;
    bad |= fclose(stream) != 0;
    if (bad || rename(fresh, path) != 0) {
        (void)unlink(fresh);
        return ERR_IO;
    }
    return 0;
}

int
tree_number_put(const char *folder, const char *file, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld\n", (long long)value);
    return tree_text_put(folder, file, text);
}

int
tree_number_get(const char *folder, const char *file, int64_t *value)
{
    char path[PATH_BYTES_MAX];
    char text[32] = "";
    FILE *stream;
    char *end;
    long long number;

    if (path_make(path, folder, file, "") != 0)
        return ERR_RANGE;
    stream = fopen(path, "re");
    if (stream == NULL)
        return errno == ENOENT ? ERR_NOENT : ERR_IO;
    text[fread(text, 1, sizeof(text) - 1, stream)] = '\0';
    fclose(stream);
    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || (*end != '\n' && *end != '\0'))
        return ERR_IO;
    *value = number;
    return 0;
}

/* ---- making ---- */

struct value {
    const char *file;
    int64_t number;
};

static int
folder_make(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : ERR_IO;
}

/* 'count' folders of the word with the files in each. */
static int
items_make(const char *folder, const char *word, unsigned count,
           const struct value *values, unsigned value_count)
{
    int error = count <= ITEMS_MAX ? 0 : ERR_RANGE;

    for (unsigned i = 0; i < count && error == 0; i++) {
        char path[PATH_BYTES_MAX];
        char name[32];

        snprintf(name, sizeof(name), "%s%u", word, i);
        error = path_make(path, folder, name, "");
        if (error == 0)
            error = folder_make(path);
        for (unsigned v = 0; v < value_count && error == 0; v++)
            error = tree_number_put(path, values[v].file, values[v].number);
    }
    return error;
}

static int
texts_make(const char *folder, const struct tree_options *options)
{
    const char *cause = options->reboot_cause;
    int error = tree_text_put(folder, "reboot-cause",
                              cause != NULL ? cause : "power-loss\n");
    char file[48];
    char text[32];

    for (unsigned i = 0; i < options->sensors && error == 0; i++) {
        snprintf(file, sizeof(file), "temp%u/name", i);
        snprintf(text, sizeof(text), "TEMP %u\n", i);
        error = tree_text_put(folder, file, text);
    }
    for (unsigned i = 0; i < options->leds && error == 0; i++) {
        snprintf(file, sizeof(file), "led%u/state", i);
        error = tree_text_put(folder, file, "off\n");
    }
    return error;
}

#define COUNT(array) (unsigned)(sizeof(array) / sizeof((array)[0]))

int
tree_make(const char *folder, const struct tree_options *options)
{
    const struct value fan[] = {{"present", 1},
                                {"ok", 1},
                                {"rpm", options->fan_max_rpm},
                                {"duty", options->fan_duty_percent},
                                {"max_rpm", options->fan_max_rpm}};
    const struct value psu[] = {
        {"present", 1}, {"ok", 1}, {"output_mw", options->psu_output_mw}};
    const struct value sensor[] = {{"present", 1},
                                   {"ok", 1},
                                   {"input_mc", options->idle_mc},
                                   {"high_mc", options->high_mc},
                                   {"critical_mc", options->critical_mc}};
    const struct value optic[] = {
        {"present", 1}, {"ok", 1}, {"rx_cdbm", -300}, {"tx_cdbm", -50}};
    int error = folder_make(folder);

    if (error == 0)
        error = items_make(folder, "fan", options->fans, fan, COUNT(fan));
    if (error == 0)
        error = items_make(folder, "psu", options->psus, psu, COUNT(psu));
    if (error == 0)
        error = items_make(folder, "temp", options->sensors, sensor,
                           COUNT(sensor));
    if (error == 0)
        error = items_make(folder, "led", options->leds, NULL, 0);
    if (error == 0)
        error =
            items_make(folder, "optic", options->optics, optic, COUNT(optic));
    return error == 0 ? texts_make(folder, options) : error;
}

/* ---- removing ---- */

static void
item_remove(const char *folder)
{
    static const char *const files[] = {
        "present", "ok",       "rpm",     "duty",        "max_rpm",
        "name",    "input_mc", "high_mc", "critical_mc", "output_mw",
        "state",   "rx_cdbm",  "tx_cdbm", "duty.new",    "state.new"};
    char path[PATH_BYTES_MAX];

    for (unsigned i = 0; i < COUNT(files); i++) {
        if (path_make(path, folder, files[i], "") == 0)
            (void)unlink(path);
    }
    (void)rmdir(folder);
}

void
tree_unmake(const char *folder)
{
    static const char *const words[] = {"fan", "psu", "temp", "led", "optic"};
    char path[PATH_BYTES_MAX];

    for (unsigned word = 0; word < COUNT(words); word++) {
        for (unsigned i = 0; i < ITEMS_MAX; i++) {
            char name[32];

            snprintf(name, sizeof(name), "%s%u", words[word], i);
            if (path_make(path, folder, name, "") != 0 ||
                access(path, F_OK) != 0)
                break;
            item_remove(path);
        }
    }
    if (path_make(path, folder, "reboot-cause", "") == 0)
        (void)unlink(path);
    (void)rmdir(folder);
}
