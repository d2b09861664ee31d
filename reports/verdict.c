/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/verdict.h"

#include <string.h>

static const char *const verdict_names[VERDICT_COUNT] = {
    "NONE", "PASS", "FAIL", "INCONCLUSIVE", "NOT-APPLICABLE"};

const char *
verdict_name(enum verdict verdict)
{
    if ((unsigned)verdict >= VERDICT_COUNT)
        return verdict_names[VERDICT_NONE];
    return verdict_names[verdict];
}

enum verdict
verdict_from_name(const char *name)
{
    int i;

    for (i = 0; name != NULL && i < VERDICT_COUNT; i++) {
        if (strcmp(name, verdict_names[i]) == 0)
            return (enum verdict)i;
    }
    return VERDICT_NONE;
}

enum verdict
verdict_overall(const enum verdict *verdicts, int verdict_count)
{
    int counts[VERDICT_COUNT] = {0};
    int i;

    for (i = 0; i < verdict_count; i++)
        counts[(unsigned)verdicts[i] < VERDICT_COUNT ? verdicts[i] : 0]++;
    if (counts[VERDICT_FAIL] > 0)
        return VERDICT_FAIL;
    if (counts[VERDICT_INCONCLUSIVE] > 0 || counts[VERDICT_NONE] > 0 ||
        counts[VERDICT_PASS] == 0)
        return VERDICT_INCONCLUSIVE;
    return VERDICT_PASS;
}

int
verdict_exit_code(enum verdict overall)
{
    if (overall == VERDICT_PASS)
        return EXIT_VERDICT_PASS;
    return overall == VERDICT_FAIL ? EXIT_VERDICT_FAIL
                                   : EXIT_VERDICT_INCONCLUSIVE;
}
