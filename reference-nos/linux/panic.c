/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/check.h"

#include <stdio.h>
#include <stdlib.h>

NO_RETURN void
check_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
    abort();
}
