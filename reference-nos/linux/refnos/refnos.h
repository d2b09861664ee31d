/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's tool as a function: words in, text and an exit code out.
 *
 * SSH     when the words name no verb and 'ssh_command' is not NULL, the
 *         words are taken from there: letters, digits and "_.:/@%+=,-" only,
 *         no shell, no quotes.  Of options it may give --json and --help
 *         alone; it may look, and change things only when 'words' hold
 *         --allow-change, that is the administrator's ForceCommand does.
 */
#ifndef NOS_LINUX_REFNOS_REFNOS_H
#define NOS_LINUX_REFNOS_REFNOS_H

#include <stdio.h>

#include "reference-nos/base/compiler.h"

#define REFNOS_SOCKET "/run/refnosd/refnos.sock"

enum refnos_exit {
    REFNOS_DONE = 0,
    REFNOS_REFUSED = 1,      /* the cluster said no */
    REFNOS_INCONCLUSIVE = 2, /* no leader, no quorum, busy, timed out */
    REFNOS_USAGE = 64,
    REFNOS_INTERNAL = 70,
    REFNOS_CANNOT_WRITE = 73, /* a folder or file */
    REFNOS_IO = 74            /* no daemon, or it broke off */
};

struct refnos_call {
    int count; /* of words, without the program's name */
    char *const *words;
    const char *ssh_command; /* SSH_ORIGINAL_COMMAND, or NULL */
    const char *socket;      /* REFNOS_SOCKET, or NULL */
    const char *json;        /* REFNOS_JSON, or NULL */
    FILE *out;
    FILE *err;
};

int refnos_run(const struct refnos_call *call);

#endif
