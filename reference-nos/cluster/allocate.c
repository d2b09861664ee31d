/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/cluster/allocate.h"

#include "reference-nos/base/err.h"

#include <string.h>

static bool
same_serial(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

/* Another box that is there, or may be, has this serial. */
static int
duplicate_check(const struct slot *slots, unsigned count,
                const struct allocate_request *request)
{
    int error = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct slot *slot = &slots[i];

        if (slot->state != SLOT_HELD || slot->key == request->key ||
            !same_serial(slot->serial, request->serial))
            continue;
        if (slot->live == LIVE_YES)
            return ERR_EXISTS;
        if (slot->live == LIVE_UNSURE)
            error = ERR_BUSY;
    }
    return error;
}

static bool
give(struct allocate_result *result, unsigned number, enum module_how how,
     const struct slot *from)
{
    result->number = (uint16_t)number;
    result->how = how;
    result->former_key = from == NULL ? 0 : from->key;
    return true;
}

static bool
known_key(const struct slot *slots, unsigned count,
          const struct allocate_request *request,
          struct allocate_result *result)
{
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].state != SLOT_FREE && slots[i].key == request->key)
            return give(result, i, MODULE_KNOWN_KEY, NULL);
    }
    return false;
}

/* Can the number at 'slot' be inherited?  ERR_BUSY: perhaps soon;
 * ERR_CONFLICT: no. */
static int
inherit_check(const struct slot *slot)
{
    switch (slot->state) {
    case SLOT_FREE:
    case SLOT_RESTED: return 0;
    case SLOT_RESTING: return ERR_CONFLICT;
    case SLOT_HELD: break;
    }
    if (slot->live == LIVE_UNSURE)
        return ERR_BUSY;
    return slot->live == LIVE_YES ? ERR_CONFLICT : 0;
}

static int
planned_serial(const struct slot *slots, unsigned count,
               const struct allocate_request *request,
               struct allocate_result *result)
{
    for (unsigned i = 0; i < count; i++) {
        int error;

        if (!same_serial(slots[i].planned, request->serial))
            continue;
        error = inherit_check(&slots[i]);
        /* The plan waits for the old holder to leave. */
        if (error == ERR_CONFLICT && slots[i].state == SLOT_HELD)
            return ERR_BUSY;
        if (error == 0)
            (void)give(result, i, MODULE_PLANNED_SERIAL, &slots[i]);
        return error;
    }
    return ERR_CONFLICT;
}

static int
planned_position(const struct slot *slots, unsigned count,
                 const struct allocate_request *request,
                 struct allocate_result *result)
{
    int error;

    if (request->position >= count)
        return ERR_CONFLICT;
    error = inherit_check(&slots[request->position]);
    if (error == 0)
        (void)give(result, request->position, MODULE_PLANNED_POSITION,
                   &slots[request->position]);
    return error;
}

static bool
is_free(const struct slot *slot, bool impatient)
{
    if (slot->state == SLOT_FREE || slot->state == SLOT_RESTED)
        return true;
    return impatient &&
           (slot->state == SLOT_RESTING || slot->live == LIVE_AWAY);
}

static int
lowest_free(const struct slot *slots, unsigned count,
            const struct allocate_request *request,
            struct allocate_result *result)
{
    for (unsigned i = 0; i < count; i++) {
        result->examined++;
        if (!is_free(&slots[i], request->impatient) ||
            (slots[i].planned[0] != '\0' &&
             !same_serial(slots[i].planned, request->serial)))
            continue;
        (void)give(result, i, MODULE_LOWEST_FREE, NULL);
        return 0;
    }
    return ERR_FULL;
}

int
allocate_number(const struct slot *slots, unsigned count,
                const struct allocate_request *request,
                struct allocate_result *result)
{
    int error;

    result->examined = 1;
    error = duplicate_check(slots, count, request);
    if (error != 0)
        return error;
    if (known_key(slots, count, request, result))
        return 0;
    error = planned_serial(slots, count, request, result);
    if (error == ERR_CONFLICT)
        error = planned_position(slots, count, request, result);
    if (error == ERR_CONFLICT)
        error = lowest_free(slots, count, request, result);
    return error;
}
