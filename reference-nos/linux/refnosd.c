/* SPDX-License-Identifier: Apache-2.0
 *
 * refnosd: the reference NOS as a Linux daemon.
 */
#include "reference-nos/linux/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static int
exit_code(enum daemon_stage stage, int error)
{
    if (error == ERR_PERMISSION)
        return EX_NOPERM;
    if (error == ERR_NOMEM || error == ERR_INTERNAL)
        return EX_SOFTWARE;
    switch (stage) {
    case DAEMON_STAGE_START: return EX_SOFTWARE;
    case DAEMON_STAGE_IDENTITY: return EX_USAGE;
    case DAEMON_STAGE_STATE: return EX_CANTCREAT;
    case DAEMON_STAGE_NETWORK:
    case DAEMON_STAGE_FILES: return EX_IOERR;
    }
    return EX_SOFTWARE;
}

/* The next life of the box: the same program, words and environment. */
static int
start_again(char **words)
{
    (void)execv("/proc/self/exe", words);
    perror("refnosd: cannot start again");
    return EX_TEMPFAIL;
}

static int
serve(const struct options *options, char **words)
{
    struct daemon *daemon;
    struct daemon_failure failure;
    struct daemon_end end;
    int error = daemon_create(options, &daemon, &failure);

    if (error != 0) {
        fprintf(stderr, "refnosd: %s\n", failure.message);
        return exit_code(failure.stage, error);
    }
    daemon_run(daemon, &end);
    daemon_destroy(daemon);
    if (!end.restart)
        return EXIT_SUCCESS;
    return options->no_restart ? EX_TEMPFAIL : start_again(words);
}

int
main(int count, char **words)
{
    struct options options;
    char message[256];

    if (options_parse(count, words, &options, message, sizeof(message)) != 0) {
        fprintf(stderr, "refnosd: %s\n", message);
        return EX_USAGE;
    }
    if (options.help) {
        options_help();
        return EXIT_SUCCESS;
    }
    if (options.version) {
        (void)printf("refnosd %s\n", REFNOSD_VERSION);
        return EXIT_SUCCESS;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return serve(&options, words);
}
