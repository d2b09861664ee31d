/* SPDX-License-Identifier: Apache-2.0
 *
 * O8: module numbers are unique, stable, and rest before they are used again.
 */
#include "faults/oracles_priv.h"

#include <inttypes.h>

/* The module number that 'key' holds, other than 'except'; or none. */
static unsigned
held_by(const struct oracles *oracles, uint64_t key, unsigned except)
{
    for (unsigned i = 0; i < FWD_MODULES_MAX; i++) {
        if (i != except && oracles->modules[i].key == key &&
            !oracles->modules[i].removed)
            return i;
    }
    return FWD_MODULES_MAX;
}

static void
reuse_check(struct oracles *oracles, const struct observation *seen,
            unsigned module, enum module_how how)
{
    const struct module_memory *memory = &oracles->modules[module];
    uint64_t key = seen->trace.b;

    if (memory->key == 0 || memory->key == key)
        return;
    if (memory->removed) {
        struct simtime rested = simtime_sub(seen->at, memory->removed_at);

        if (how == MODULE_LOWEST_FREE &&
            simtime_before(rested, oracles->tombstone))
            oracle_violated(oracles, ORACLE_O8, seen->at,
                            "module %u given to %016" PRIx64 " after %" PRIu64
                            " ms of rest",
                            module, key, rested.ps / SIMTIME_PS_PER_MS);
    } else if (how == MODULE_LOWEST_FREE) {
        oracle_violated(oracles, ORACLE_O8, seen->at,
                        "module %u of %016" PRIx64 " given to %016" PRIx64,
                        module, memory->key, key);
    }
}

void
oracle_module_given(struct oracles *oracles, const struct observation *seen)
{
    unsigned module = (unsigned)seen->trace.a;
    uint64_t key = seen->trace.b;
    enum module_how how = (enum module_how)seen->trace.c;
    struct module_memory *memory;
    unsigned other;

    if (seen->trace.a >= FWD_MODULES_MAX)
        return;
    memory = &oracles->modules[module];
    oracle_exercised(oracles, ORACLE_O8);
    if (how == MODULE_REMOVED) {
        if (!memory->removed)
            memory->removed_at = seen->at;
        memory->removed = true;
        return;
    }
    reuse_check(oracles, seen, module, how);
    other = held_by(oracles, key, module);
    if (other != FWD_MODULES_MAX) {
        oracles->renumbered++;
        oracle_violated(oracles, ORACLE_O8, seen->at,
                        "%016" PRIx64 " was module %u, is now %u", key, other,
                        module);
        oracles->modules[other].key = 0;
    }
    memory->key = key;
    memory->removed = false;
}

/* Is the box with this key powered, as far as joins tell? */
void
oracle_module_joined(struct oracles *oracles, const struct observation *seen)
{
    unsigned module = (unsigned)seen->trace.a;
    uint64_t key = seen->trace.b;

    if (seen->trace.a >= FWD_MODULES_MAX)
        return;
    oracle_exercised(oracles, ORACLE_O8);
    if (oracles->joined_key[module] != 0 &&
        oracles->joined_key[module] != key) {
        oracles->duplicate++;
        oracle_violated(oracles, ORACLE_O8, seen->at,
                        "module %u is both %016" PRIx64 " and %016" PRIx64,
                        module, oracles->joined_key[module], key);
    }
    for (unsigned i = 0; i < FWD_MODULES_MAX; i++) {
        if (oracles->joined_key[i] == key)
            oracles->joined_key[i] = 0;
    }
    oracles->joined_key[module] = key;
}

/* A box without power is no module: its number may be inherited. */
void
oracle_module_box_off(struct oracles *oracles, const struct observation *seen)
{
    uint64_t key = seen->d;

    for (unsigned i = 0; i < FWD_MODULES_MAX && key != 0; i++) {
        if (oracles->joined_key[i] == key)
            oracles->joined_key[i] = 0;
    }
}
