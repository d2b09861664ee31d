/* SPDX-License-Identifier: Apache-2.0
 *
 * How a failed CHECK ends the program: exit code 70, internal error.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "sim/cli/cli.h"

NO_RETURN void
check_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "sixnines: internal error: %s:%d: check failed: %s\n",
            file, line, condition);
    fflush(NULL);
    _exit(EXIT_INTERNAL);
}
