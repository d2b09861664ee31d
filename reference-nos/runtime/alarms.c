/* SPDX-License-Identifier: Apache-2.0
 *
 * Alarms of those who cannot write a row: the supervisor and the bus.  The
 * runtime keeps which are raised, so that neither the death of who raised
 * one nor that of who shows it leaves it wrong.
 */
#include "reference-nos/runtime/runtime_priv.h"

static void
offer(struct actor *taker, enum alarm_code code, unsigned item, uint64_t value)
{
    const struct runtime *runtime = taker->runtime;
    struct actor_event event = {
        .kind = EV_ALARM,
        .u.alarm = {.code = code,
                    .item = item,
                    .raised = alarms_raised(runtime, code, item),
                    .value = value},
    };

    mailbox_offer(taker, LANE_CONTROL, &event);
}

bool
alarms_raised(const struct runtime *runtime, enum alarm_code code,
              unsigned item)
{
    return (runtime->alarms_raised[code] >> item & 1) != 0;
}

void
actor_alarm(struct actor *self, enum alarm_code code, unsigned item,
            bool raise, uint64_t value)
{
    struct runtime *runtime = self->runtime;
    uint32_t bit;

    CHECK(code < ALARM_COUNT && item < ACTOR_ALARM_ITEMS_MAX);
    if (runtime->elsewhere != NULL) {
        runtime->elsewhere->alarm(runtime->elsewhere->arg, code, item, raise,
                                  value);
        return;
    }
    bit = UINT32_C(1) << item;
    if (alarms_raised(runtime, code, item) == raise)
        return;
    runtime->alarms_raised[code] ^= bit;
    runtime->alarms_known[code] |= bit;
    actor_trace(self, TRACE_ALARM, code, raise, item, value);
    for (unsigned id = 0; id < SVC_COUNT; id++) {
        struct actor *taker = &runtime->actors[id];

        if (taker->kind != NULL && (taker->kind->takes & TAKES_ALARMS))
            offer(taker, code, item, value);
    }
}

void
alarms_tell(struct actor *taker)
{
    for (unsigned code = 0; code < ALARM_COUNT; code++) {
        uint32_t known = taker->runtime->alarms_known[code];

        for (; known != 0; known &= known - 1)
            offer(taker, (enum alarm_code)code, (unsigned)__builtin_ctz(known),
                  0);
    }
}
