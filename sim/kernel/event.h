/* SPDX-License-Identifier: Apache-2.0
 *
 * One thing that will happen at one simulated time.
 *
 * Use      embed 'struct event' in the object it is about, give it its class,
 *          entity and handler once by event_init(), then hand it to
 *          kernel_add(); CONTAINER_OF() finds the object in the handler.
 * Order    (time, class, entity, sequence).  Class and entity belong to the
 *          event; the kernel hands out the sequence at each add, so equal
 *          (time, class, entity) fire in the order they were added.
 * Memory   the caller owns it.  It must not move or be freed while pending.
 */
#ifndef SIM_KERNEL_EVENT_H
#define SIM_KERNEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/simtime.h"

#define EVENT_ENTITY_MAX UINT32_C(0xffffff)

/* Classes order events of one instant: what the world does to a box comes
 * before what the box does with it.  The numbers are part of every digest. */
enum event_class {
    EVENT_CLASS_FAULT = 10,   /* A fault or an action of the timeline. */
    EVENT_CLASS_POWER = 20,   /* Box boots, stops, dies. */
    EVENT_CLASS_LINK = 30,    /* Carrier changes. */
    EVENT_CLASS_DEVICE = 40,  /* Disk done, sensor moved, fan settled. */
    EVENT_CLASS_DELIVER = 50, /* A datagram or packet arrives. */
    EVENT_CLASS_CPU = 60,     /* A CPU becomes free. */
    EVENT_CLASS_TIMER = 70,   /* A timer of the NOS expires. */
    EVENT_CLASS_OBSERVE = 90, /* Oracles and samplers look, last of all. */
    EVENT_CLASS_MAX = 255
};

/* Where a pending event is; private to the kernel. */
enum event_place {
    EVENT_IDLE = 0,
    EVENT_IN_BUCKET,
    EVENT_IN_SORTED,
    EVENT_IN_LATE
};

struct event {
    struct simtime at; /* When it fires; meaningful while pending. */
    uint64_t key;      /* Class (8 bits), entity (24), sequence (32). */

    /* Called once per add.  The event is idle again when this runs: it may
     * be added anew, or freed. */
    void (*fire)(struct event *event, struct simtime now);

    /* Private to the kernel. */
    void *entry;
    uint32_t index;
    uint8_t place; /* An 'enum event_place'. */
};

/* Prepares an idle event.  'entity' is at most EVENT_ENTITY_MAX. */
void event_init(struct event *event, uint8_t class, uint32_t entity,
                void (*fire)(struct event *event, struct simtime now));

static inline bool
event_pending(const struct event *event)
{
    return event->place != EVENT_IDLE;
}

static inline uint8_t
event_class(const struct event *event)
{
    return (uint8_t)(event->key >> 56);
}

static inline uint32_t
event_entity(const struct event *event)
{
    return (uint32_t)(event->key >> 32) & EVENT_ENTITY_MAX;
}

static inline uint32_t
event_sequence(const struct event *event)
{
    return (uint32_t)event->key;
}

#endif
