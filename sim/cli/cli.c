/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#define _POSIX_C_SOURCE 200809L

#include "sim/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reference-nos/base/err.h"

#define SHOW_AFTER_NS 2000000000u
#define SHOW_EVERY_NS 250000000u
#define SHOW_EVERY_NO_TERMINAL_NS 10000000000u

static volatile int interrupted_here;
volatile int *cli_interrupted_at = &interrupted_here;

static void
on_signal(int number)
{
    (void)number;
    cli_interrupted = 1;
}

void
cli_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    void *shared = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared != MAP_FAILED)
        cli_interrupted_at = shared;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

const char *
cli_build_name(void)
{
    return SIXNINES_VERSION
#ifdef SIXNINES_MUTANTS
        " (mutants)"
#endif
        ;
}

/* ---- options ---- */

static bool
means_yes(const char *value)
{
    return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0 &&
           strcmp(value, "no") != 0 && strcmp(value, "false") != 0;
}

bool
cli_flag_set(const char *environment_name)
{
    return means_yes(getenv(environment_name));
}

static const char *
environment(const char *verb, const char *name)
{
    char key[96];
    size_t used =
        (size_t)snprintf(key, sizeof(key), "SIXNINES_%s_%s", verb, name);

    for (size_t i = 0; i < used && i < sizeof(key); i++)
        key[i] = key[i] == '-' ? '_' : (char)toupper((unsigned char)key[i]);
    return getenv(key);
}

static void
option_set(struct cli_option *option, const char *value)
{
    static const char *kept[8][CLI_REPEATS_MAX];
    static unsigned used;

    option->given = true;
    option->value = value;
    if (!option->repeats)
        return;
    if (option->values == NULL && used < 8)
        option->values = kept[used++];
    if (option->values != NULL && option->value_count < CLI_REPEATS_MAX)
        option->values[option->value_count++] = value;
}

static struct cli_option *
option_find(struct cli_option *options, size_t count, const char *word,
            const char **inline_value)
{
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);

    *inline_value = NULL;
    for (size_t i = 0; i < count; i++) {
        struct cli_option *option = &options[i];

        if (word[0] == '-' && word[1] == '-' &&
            strlen(option->name) == length - 2 &&
            memcmp(option->name, word + 2, length - 2) == 0) {
            *inline_value = equals != NULL ? equals + 1 : NULL;
            return option;
        }
        if (word[0] == '-' && word[1] != '-' && option->letter != '\0' &&
            word[1] == option->letter) {
            *inline_value = word[2] != '\0' ? word + 2 : NULL;
            return option;
        }
    }
    return NULL;
}

bool
cli_parse(int argc, char **argv, struct cli_option *options,
          size_t option_count, const char **words, size_t words_max,
          size_t *word_count)
{
    *word_count = 0;
    for (int i = 1; i < argc; i++) {
        const char *value;
        struct cli_option *option;

        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            if (*word_count == words_max) {
                fprintf(stderr, "sixnines %s: \"%s\" is one word too many\n",
                        argv[0], argv[i]);
                return false;
            }
            words[(*word_count)++] = argv[i];
            continue;
        }
        option = option_find(options, option_count, argv[i], &value);
        if (option == NULL) {
            fprintf(stderr, "sixnines %s: unknown option \"%s\"; see --help\n",
                    argv[0], argv[i]);
            return false;
        }
        if (!option->takes_value && value != NULL) {
            fprintf(stderr, "sixnines %s: --%s takes no value: \"%s\"\n",
                    argv[0], option->name, argv[i]);
            return false;
        }
        if (option->takes_value && value == NULL && i + 1 < argc)
            value = argv[++i];
        if (option->takes_value && value == NULL) {
            fprintf(stderr, "sixnines %s: %s needs a value\n", argv[0],
                    argv[i]);
            return false;
        }
        option_set(option, value);
    }
    for (size_t i = 0; i < option_count; i++) {
        const char *value = environment(argv[0], options[i].name);

        if (!options[i].given && value != NULL && value[0] != '\0' &&
            (options[i].takes_value || means_yes(value)))
            option_set(&options[i], value);
    }
    return true;
}

void
cli_help(const char *usage, const struct cli_option *options,
         size_t option_count)
{
    fputs(usage, stdout);
    for (size_t i = 0; i < option_count; i++) {
        char left[48];

        if (options[i].letter != '\0')
            snprintf(left, sizeof(left), "-%c, --%s%s", options[i].letter,
                     options[i].name, options[i].takes_value ? " V" : "");
        else
            snprintf(left, sizeof(left), "    --%s%s", options[i].name,
                     options[i].takes_value ? " V" : "");
        printf("  %-22s %s\n", left, options[i].doc);
    }
}

bool
cli_number(const char *verb, const char *option, const char *text,
           uint64_t low, uint64_t high, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && text[0] != '-' &&
        *value >= low && *value <= high)
        return true;
    fprintf(stderr,
            "sixnines %s: --%s: \"%s\" is no whole number from %llu to "
            "%llu\n",
            verb, option, text, (unsigned long long)low,
            (unsigned long long)high);
    return false;
}

/* ---- data ---- */

static bool
has_data(const char *path)
{
    char file[CLI_PATH_BYTES + 16];
    struct stat status;

    snprintf(file, sizeof(file), "%s/boxes.yaml", path);
    return stat(file, &status) == 0;
}

bool
cli_data_dir(char path[CLI_PATH_BYTES])
{
    static const char *const places[] = {
        "../share/sixnines/models", /* installed */
        "../../../models/data",     /* build/<preset>/bin */
        "../../models/data",
    };
    const char *given = getenv("SIXNINES_DATA");
    char self[CLI_PATH_BYTES];
    ssize_t size;

    if (given != NULL) {
        snprintf(path, CLI_PATH_BYTES, "%s", given);
        return has_data(path);
    }
    size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (size <= 0)
        return false;
    self[size] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char joined[CLI_PATH_BYTES + 32];
        char *real;
        bool found;

        (void)snprintf(joined, sizeof(joined), "%s/%s", self, places[i]);
        real = realpath(joined, NULL);
        found =
            real != NULL && strlen(real) < CLI_PATH_BYTES && has_data(real);
        if (found)
            memcpy(path, real, strlen(real) + 1);
        free(real);
        if (found)
            return true;
    }
    return false;
}

#define SELF_BYTES (CLI_PATH_BYTES - 32)

/* The folder of this program. */
static void
self_folder(char self[SELF_BYTES])
{
    ssize_t size = readlink("/proc/self/exe", self, SELF_BYTES - 1);
    char *slash;

    self[size > 0 ? size : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
}

void
cli_beside(const char *name, char path[CLI_PATH_BYTES])
{
    char self[SELF_BYTES];

    self_folder(self);
    snprintf(path, CLI_PATH_BYTES, "%s/%.24s", self, name);
}

void
cli_ns3_helper(char path[CLI_PATH_BYTES])
{
    const char *given = getenv("SIXNINES_NS3");
    char self[SELF_BYTES];

    self_folder(self);
    if (given != NULL && given[0] != '\0')
        snprintf(path, CLI_PATH_BYTES, "%s", given);
    else
        snprintf(path, CLI_PATH_BYTES, "%s/sixnines-ns3", self);
}

bool
cli_refnosd(const char *given, char path[CLI_PATH_BYTES])
{
    char self[SELF_BYTES];

    self_folder(self);
    if (given != NULL && given[0] != '\0')
        snprintf(path, CLI_PATH_BYTES, "%s", given);
    else
        snprintf(path, CLI_PATH_BYTES, "%s/refnosd", self);
    if (given == NULL && access(path, X_OK) != 0) /* as it is installed */
        snprintf(path, CLI_PATH_BYTES, "%s/../sbin/refnosd", self);
    return access(path, X_OK) == 0;
}

void
cli_data_missing(const char *verb)
{
    const char *given = getenv("SIXNINES_DATA");

    if (given != NULL)
        fprintf(stderr,
                "sixnines %s: SIXNINES_DATA: no boxes.yaml in \"%s\"\n", verb,
                given);
    else
        fprintf(stderr,
                "sixnines %s: the models' data is not where it should be; "
                "set SIXNINES_DATA to the folder with boxes.yaml\n",
                verb);
}

int
cli_exit_code(int err)
{
    switch (err) {
    case 0: return EXIT_OK;
    case ERR_READONLY:
    case ERR_PERMISSION: return EXIT_CANNOT_WRITE;
    case ERR_IO:
    case ERR_NOSPACE:
    case ERR_BUSY: return EXIT_IO;
    case ERR_INTERNAL: return EXIT_INTERNAL;
    default: return EXIT_USAGE;
    }
}

/* ---- progress ---- */

uint64_t
cli_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
cli_progress_begin(struct cli_progress *progress, bool quiet)
{
    memset(progress, 0, sizeof(*progress));
    progress->quiet = quiet;
    progress->began_ns = cli_now_ns();
    progress->shown_ns = progress->began_ns;
}

bool
cli_progress_due(struct cli_progress *progress)
{
    uint64_t now_ns;
    uint64_t every_ns;

    if (progress->quiet || (++progress->calls & 63) != 0)
        return false;
    now_ns = cli_now_ns();
    every_ns =
        isatty(STDERR_FILENO) ? SHOW_EVERY_NS : SHOW_EVERY_NO_TERMINAL_NS;
    return now_ns - progress->began_ns >= SHOW_AFTER_NS &&
           (!progress->shown || now_ns - progress->shown_ns >= every_ns);
}

void
cli_progress_show(struct cli_progress *progress, const char *format, ...)
{
    bool terminal = isatty(STDERR_FILENO) != 0;
    va_list args;

    if (progress->quiet)
        return;
    progress->shown = true;
    progress->shown_ns = cli_now_ns();
    if (terminal)
        fputs("\r\033[K", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    if (!terminal)
        fputc('\n', stderr);
    fflush(stderr);
}

void
cli_progress_end(struct cli_progress *progress)
{
    if (progress->shown && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}
