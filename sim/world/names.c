/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world/world.h"

const char *
world_fault_name(enum world_fault_kind kind)
{
    static const char *const names[] = {
#define NAME(name, text) #name,
        WORLD_FAULT_TABLE(NAME)
#undef NAME
    };

    return kind < WORLD_FAULT_KIND_COUNT ? names[kind] : "?";
}

const char *
observation_name(enum observation_kind kind)
{
    static const char *const names[] = {
#define NAME(name, text) #name,
        OBSERVATION_TABLE(NAME)
#undef NAME
    };

    return kind < OBSERVATION_KIND_COUNT ? names[kind] : "?";
}
