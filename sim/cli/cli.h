/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verbs share: exit codes, options with environment names, where
 * data lies, progress.
 */
#ifndef SIM_CLI_CLI_H
#define SIM_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"

enum {
    EXIT_OK = 0,
    EXIT_USAGE = 64,
    EXIT_INTERNAL = 70,
    EXIT_CANNOT_WRITE = 73,
    EXIT_IO = 74
};

#define CLI_PATH_BYTES 1024

/* An option of a verb.  "--name" or "-letter"; the environment name is
 * SIXNINES_<VERB>_<NAME>. */
struct cli_option {
    const char *name;
    char letter; /* 0: none */
    bool takes_value;
    bool repeats; /* collects up to CLI_REPEATS_MAX values */
    const char *doc;
    /* Filled by cli_parse(). */
    bool given;
    const char *value;
    const char **values;
    size_t value_count;
};
#define CLI_REPEATS_MAX 64

/* Parses 'argv' after the verb.  Words that are no option go to 'words'.
 * False when something is wrong: it has been said on stderr. */
bool cli_parse(int argc, char **argv, struct cli_option *options,
               size_t option_count, const char **words, size_t words_max,
               size_t *word_count);
void cli_help(const char *usage, const struct cli_option *options,
              size_t option_count);
/* A number in [low, high]; false when it is not, after saying so. */
bool cli_number(const char *verb, const char *option, const char *text,
                uint64_t low, uint64_t high, uint64_t *value);

/* Is the flag with that environment name set?  Not by "", 0, no or false. */
bool cli_flag_set(const char *environment_name);

/* Version of the program. */
const char *cli_build_name(void);

/* The folder of the models' data: SIXNINES_DATA, the installed one, or that
 * of the source tree this program was built in.  False when there is none. */
bool cli_data_dir(char path[CLI_PATH_BYTES]);

/* The daemon of real boxes: 'given', or the one beside this program.  False
 * when it cannot be run. */
bool cli_refnosd(const char *given, char path[CLI_PATH_BYTES]);

/* A program in the folder of this one, whether it is there or not. */
void cli_beside(const char *name, char path[CLI_PATH_BYTES]);

/* The helper of world ns3: SIXNINES_NS3, or the one beside this program. */
void cli_ns3_helper(char path[CLI_PATH_BYTES]);

/* Says on stderr, for 'verb', why there is no such folder. */
void cli_data_missing(const char *verb);

/* From an enum err. */
int cli_exit_code(int err);

/* Ctrl-C and SIGTERM set this instead of ending the program; the processes
 * of the seeds see it too, whichever of them was sent the signal. */
extern volatile int *cli_interrupted_at;
#define cli_interrupted (*cli_interrupted_at)
void cli_catch_interrupts(void);

/* A line on stderr that overwrites itself on a terminal and is printed now
 * and then elsewhere; silent for the first two seconds. */
struct cli_progress {
    uint64_t began_ns;
    uint64_t shown_ns;
    bool quiet;
    bool shown;
    unsigned calls;
};
void cli_progress_begin(struct cli_progress *progress, bool quiet);
/* True now and then: the caller should show something. */
bool cli_progress_due(struct cli_progress *progress);
void cli_progress_show(struct cli_progress *progress, const char *format, ...)
    PRINTF_LIKE(2, 3);
void cli_progress_end(struct cli_progress *progress);
uint64_t cli_now_ns(void);

#endif
