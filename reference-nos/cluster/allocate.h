/* SPDX-License-Identifier: Apache-2.0
 *
 * Which module number a box gets: a pure function.
 *
 * Rules    (1) a known key keeps its number; (2) the plan names this serial,
 *          or the box sits in the place of that number: a replacement
 *          inherits it when the holder is away; (3) the lowest free number of
 *          the role that is not planned for another serial.
 * Rest     a removed number goes to nobody but its old holder before its
 *          tombstone is over.
 * Caution  a holder that may be there (its lease is in doubt) is waited for.
 */
#ifndef NOS_CLUSTER_ALLOCATE_H
#define NOS_CLUSTER_ALLOCATE_H

#include "reference-nos/base/compiler.h"
#include "reference-nos/schema/tables.h"

enum slot_state {
    SLOT_FREE,    /* never given, or given up for a replacement */
    SLOT_HELD,    /* by 'key' */
    SLOT_RESTING, /* removed from 'key'; the tombstone runs */
    SLOT_RESTED   /* removed from 'key'; the tombstone is over */
};

enum slot_live { LIVE_AWAY, LIVE_YES, LIVE_UNSURE };

/* What is known of one number. */
struct slot {
    enum slot_state state;
    enum slot_live live; /* of a holder */
    uint64_t key;
    char serial[FACTS_SERIAL_MAX];  /* of the holder, or "" */
    char planned[FACTS_SERIAL_MAX]; /* serial in the plan, or "" */
};

struct allocate_request {
    uint64_t key;
    const char *serial;
    uint16_t position; /* number whose place it sits in, or MODULE_NONE */
    bool impatient;    /* planted bug: numbers do not rest */
};

struct allocate_result {
    uint16_t number;
    enum module_how how;
    uint64_t former_key; /* whom it inherits from, or 0 */
    unsigned examined;   /* numbers looked at */
};

/* 'slots' are the numbers 0 .. count - 1 of one role.  ERR_FULL: none is
 * free.  ERR_EXISTS: a live box has this serial; ERR_BUSY: ask again later.
 * 'examined' is set in every case. */
MUST_USE int allocate_number(const struct slot *slots, unsigned count,
                             const struct allocate_request *request,
                             struct allocate_result *result);

#endif
