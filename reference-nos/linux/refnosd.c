/* SPDX-License-Identifier: Apache-2.0
 *
 * refnosd: the reference NOS as a Linux daemon.
 */
#include "reference-nos/linux/daemon.h"
#include "reference-nos/linux/procs/procs.h"
#include "reference-nos/node/node.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static int
exit_code_of_join(int error)
{
    switch (error) {
    case ERR_REFUSED: return EX_NOPERM;
    case ERR_MALFORMED:
    case ERR_RANGE: return EX_USAGE;
    case ERR_NOENT:
    case ERR_EXISTS: return EX_IOERR;
    default: return EX_CANTCREAT;
    }
}

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
    case DAEMON_STAGE_JOIN: return exit_code_of_join(error);
    case DAEMON_STAGE_AUTHORITY: return error == ERR_IO ? EX_IOERR : EX_USAGE;
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

    if (error != 0 && failure.stopped)
        return EXIT_SUCCESS;
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

/* All services there are: which one it is, a process learns from its box. */
static size_t
all_kinds(const struct actor_kind *kinds[SVC_COUNT])
{
    bool seen[SVC_COUNT] = {false};
    size_t count = 0;

    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        size_t size;
        const struct actor_kind *const *some =
            node_kinds((enum role)role, role == ROLE_NCC, &size);

        for (size_t i = 0; i < size; i++) {
            if (!seen[some[i]->id])
                kinds[count++] = some[i];
            seen[some[i]->id] = true;
        }
    }
    return count;
}

static int
serve_service(const char *fd)
{
    const struct actor_kind *kinds[SVC_COUNT];

    return procs_child(atoi(fd), kinds, all_kinds(kinds));
}

int
main(int count, char **words)
{
    struct options options;
    char message[256];

    (void)signal(SIGPIPE, SIG_IGN);
    if (count == 3 && strcmp(words[1], PROCS_CHILD_OPTION) == 0)
        return serve_service(words[2]);
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
    return serve(&options, words);
}
