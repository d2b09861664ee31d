/* SPDX-License-Identifier: Apache-2.0
 *
 * Planted bugs: the harness proves itself on them.
 *
 * They exist only in a build with SIXNINES_MUTANTS, and there only the one
 * the world names in plat.mutation is awake.  In every other build
 * mutation_awake() is the constant false and the compiler removes them.
 */
#ifndef NOS_PLATFORM_MUTATION_H
#define NOS_PLATFORM_MUTATION_H

#include <stdbool.h>

#include "reference-nos/platform/plat.h"

/* Numbers as in the project's catalogue of planted bugs. */
enum mutation {
    MUTATION_NONE = 0,
    MUTATION_ACK_BEFORE_DURABLE = 1,
    MUTATION_IGNORE_STORAGE_ERROR = 2,
    MUTATION_NO_FENCING = 3,
    MUTATION_DELETE_THEN_ADD = 6,
    MUTATION_REUSE_NUMBER = 8,
    MUTATION_LANES_REVERSED = 12,
    MUTATION_CANARY = 100,    /* always caught */
    MUTATION_EQUIVALENT = 101 /* changes nothing; must never be caught */
};

#ifdef SIXNINES_MUTANTS
#define MUTATIONS_BUILT 1
#else
#define MUTATIONS_BUILT 0
#endif

static inline bool
mutation_awake(const struct plat *plat, enum mutation mutation)
{
    return MUTATIONS_BUILT && plat->mutation == (unsigned)mutation;
}

#endif
