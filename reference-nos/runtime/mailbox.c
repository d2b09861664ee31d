/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounded mailboxes, one list for each lane.
 */
#include "reference-nos/platform/mutation.h"
#include "reference-nos/runtime/runtime_priv.h"

#include <string.h>

/* The bytes an event points to, if any. */
static const uint8_t **
event_bytes(struct actor_event *event, size_t *size)
{
    switch (event->kind) {
    case EV_MESSAGE:
        *size = event->u.message.size;
        return &event->u.message.body;
    case EV_DATAGRAM:
        *size = event->u.datagram.size;
        return &event->u.datagram.bytes;
    case EV_PACKET:
        *size = event->u.packet.size;
        return &event->u.packet.bytes;
    case EV_OPERATOR:
        *size = event->u.operation.size;
        return &event->u.operation.bytes;
    case EV_START:
    case EV_CONTINUE:
    case EV_TIMER:
    case EV_STORAGE:
    case EV_SESSION:
    case EV_HARDWARE:
    case EV_FORWARDING:
    case EV_ALARM: break;
    }
    *size = 0;
    return NULL;
}

void
mailbox_ready(struct actor *actor)
{
    struct plat *plat = actor->runtime->plat;

    plat->ops->ready(plat, actor->kind->id);
    timers_watch(actor->runtime);
}

static void
mailbox_append(struct actor *actor, enum lane lane, struct mail *mail)
{
    struct runtime *runtime = actor->runtime;

    if (mailbox_lane(actor) == LANE_COUNT)
        actor->progress_ns = runtime->plat->ops->now_ns(runtime->plat);
    list_push_back(&actor->mail[lane], &mail->node);
    actor->mail_count++;
    actor->mail_bytes += mail->size_bytes;
    if (actor->mail_count > actor->mail_peak)
        actor->mail_peak = actor->mail_count;
    mailbox_ready(actor);
}

static bool
has_room(const struct actor *actor, enum actor_event_kind kind, size_t size)
{
    if (kind == EV_STORAGE)
        return actor->mail_count < RUNTIME_MAILBOX_MAX;
    return actor->mail_count < RUNTIME_MAILBOX_MAX - RUNTIME_MAILBOX_SPARE &&
           actor->mail_bytes + size <= RUNTIME_MAILBOX_BYTES_MAX;
}

int
mailbox_put(struct actor *actor, enum lane lane,
            const struct actor_event *event)
{
    struct actor_event copy = *event;
    const uint8_t **bytes;
    struct mail *mail;
    size_t size;

    CHECK(lane < LANE_COUNT);
    if (actor->kind == NULL || !actor->up)
        return ERR_UNREACHABLE;
    bytes = event_bytes(&copy, &size);
    if (!has_room(actor, event->kind, sizeof(*mail) + size)) {
        actor->refused++;
        return ERR_FULL;
    }
    mail = mem_alloc(actor->runtime->mem, sizeof(*mail) + size);
    if (mail == NULL)
        return ERR_NOMEM;
    if (bytes != NULL) {
        if (size > 0)
            memcpy(mail + 1, *bytes, size);
        *bytes = (const uint8_t *)(mail + 1);
    }
    memset(&mail->node, 0, sizeof(mail->node));
    mail->size_bytes = sizeof(*mail) + size;
    mail->event = copy;
    mailbox_append(actor, lane, mail);
    return 0;
}

void
mailbox_offer(struct actor *actor, enum lane lane,
              const struct actor_event *event)
{
    int err = mailbox_put(actor, lane, event);

    if (err != 0 && err != ERR_UNREACHABLE && err != ERR_FULL)
        actor->refused++;
}

struct mail *
mailbox_take(struct actor *actor, enum lane lane)
{
    struct list_node *node = list_pop_front(&actor->mail[lane]);
    struct mail *mail;

    if (node == NULL)
        return NULL;
    mail = CONTAINER_OF(node, struct mail, node);
    actor->mail_count--;
    actor->mail_bytes -= mail->size_bytes;
    return mail;
}

void
mailbox_free(struct actor *actor, struct mail *mail)
{
    mem_free(actor->runtime->mem, mail, mail->size_bytes);
}

void
mailbox_clear(struct actor *actor)
{
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        struct mail *mail;

        while ((mail = mailbox_take(actor, lane)) != NULL)
            mailbox_free(actor, mail);
    }
}

/* The lane that is looked at as the n-th. */
static enum lane
nth_lane(const struct actor *actor, unsigned n)
{
    if (mutation_awake(actor->runtime->plat, MUTATION_LANES_REVERSED))
        return (enum lane)(LANE_COUNT - 1 - n);
    return (enum lane)n;
}

unsigned
mailbox_waiting(const struct actor *actor)
{
    unsigned lanes = 0;

    if (!actor->up)
        return 0;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        lanes |= (unsigned)!list_empty(&actor->mail[lane]) << lane;
    if (actor->start_due || actor->timers_due != 0)
        lanes |= 1u << LANE_LIVENESS;
    if (actor->more_due)
        lanes |= 1u << actor->more_lane;
    return lanes;
}

enum lane
mailbox_lane(const struct actor *actor)
{
    if (!actor->up)
        return LANE_COUNT;
    if (actor->start_due || actor->timers_due != 0)
        return LANE_LIVENESS;
    if (actor->mail_count == 0 && !actor->more_due)
        return LANE_COUNT;
    for (unsigned i = 0; i < LANE_COUNT; i++) {
        enum lane lane = nth_lane(actor, i);

        if (actor->more_due && actor->more_lane == lane)
            return lane;
        if (!list_empty(&actor->mail[lane]))
            return lane;
    }
    return LANE_COUNT;
}
