/* SPDX-License-Identifier: Apache-2.0
 *
 * The planted bugs: constant false unless the build has SIXNINES_MUTANTS.
 */
#ifndef NOS_RAFT_RAFT_MUTATION_H
#define NOS_RAFT_RAFT_MUTATION_H

#include "reference-nos/raft/raft.h"

#ifdef SIXNINES_MUTANTS
#define RAFT_MUTANTS_BUILT true
#else
#define RAFT_MUTANTS_BUILT false
#endif

static inline bool
raft_mutated(const struct raft_config *config, enum raft_mutation mutation)
{
    return RAFT_MUTANTS_BUILT && config->mutation == mutation;
}

#endif
