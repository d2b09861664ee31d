/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "reference-nos/linux/refnos/refnos.h"

#include <stdlib.h>

int
main(int argc, char **argv)
{
    struct refnos_call call = {
        .count = argc > 0 ? argc - 1 : 0,
        .words = argv + (argc > 0),
        .ssh_command = getenv("SSH_ORIGINAL_COMMAND"),
        .socket = getenv("REFNOS_SOCKET"),
        .json = getenv("REFNOS_JSON"),
        .out = stdout,
        .err = stderr,
    };

    return refnos_run(&call);
}
