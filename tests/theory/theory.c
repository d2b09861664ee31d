/* SPDX-License-Identifier: Apache-2.0
 *
 * theory_check short|long: holds the models against theory, prints a table.
 * Exit code 1 when an answer does not hold.
 */
#include "tests/theory/theory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Student's t, two-sided 99.9 %, for 9 and 29 degrees of freedom. */
#define T_9 4.781
#define T_29 3.659

void
theory_need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "theory: %s\n", what);
    exit(2);
}

static bool
judge(const struct theory_check *check, const struct theory_result *result)
{
    double apart = fabs(result->mean - check->answer);

    switch (check->kind) {
    case THEORY_EQUAL:
        return apart <= result->half + check->allowance * check->answer &&
               result->half <= check->precision * check->answer;
    case THEORY_AT_LEAST: return result->mean - result->half >= check->answer;
    case THEORY_EXACT: return apart == 0 && result->half == 0;
    }
    return false;
}

void
theory_measure(const struct theory_check *check, unsigned runs, unsigned size,
               struct theory_result *result)
{
    double figures[THEORY_RUNS_MAX];
    double sum = 0, squares = 0;

    theory_need(runs == 10 || runs == 30, "10 or 30 runs");
    for (unsigned i = 0; i < runs; i++) {
        figures[i] = check->run(check, i + 1, size);
        sum += figures[i];
    }
    result->runs = runs;
    result->mean = sum / runs;
    for (unsigned i = 0; i < runs; i++)
        squares += (figures[i] - result->mean) * (figures[i] - result->mean);
    result->half =
        (runs == 10 ? T_9 : T_29) * sqrt(squares / (runs - 1) / runs);
    result->holds = judge(check, result);
}

static void
print(const struct theory_check *check, const struct theory_result *result)
{
    static const char *const signs[] = {"", ">= ", "= "};

    printf("| %s | %s | %s%.4f | %.4f +- %.4f | %u | %s | %s |\n", check->name,
           check->what, signs[check->kind], check->answer, result->mean,
           result->half, result->runs, check->source,
           result->holds ? "holds" : "DOES NOT HOLD");
    (void)fflush(stdout);
}

static bool
all(const struct theory_check *checks, unsigned count, const char *only,
    bool shortly)
{
    bool hold = true;

    for (unsigned i = 0; i < count; i++) {
        struct theory_result result;

        if (only != NULL && strstr(checks[i].name, only) == NULL)
            continue;
        theory_measure(&checks[i], shortly ? 10 : 30, shortly ? 1 : 5,
                       &result);
        print(&checks[i], &result);
        hold &= result.holds;
    }
    return hold;
}

int
main(int argc, char **argv)
{
    const char *only = argc > 2 ? argv[2] : NULL;
    bool shortly = argc > 1 && strcmp(argv[1], "short") == 0;
    bool hold;

    if (argc < 2 || argc > 3 || (!shortly && strcmp(argv[1], "long") != 0)) {
        fputs("usage: theory_check short|long [WORD]\n"
              "  WORD: only checks whose name has it\n",
              stderr);
        return 64;
    }
    puts("| check | measured | theory | mean, 99.9 % interval | runs | source "
         "| |\n|---|---|---|---|---|---|---|");
    hold = all(theory_queues, theory_queues_count, only, shortly);
    hold &= all(theory_plane, theory_plane_count, only, shortly);
    return hold ? 0 : 1;
}
