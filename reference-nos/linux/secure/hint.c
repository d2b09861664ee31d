/* SPDX-License-Identifier: Apache-2.0
 *
 * What beacons said, and when to open an association because of it.
 */
#include "reference-nos/linux/secure/peering_priv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"

#define OPENS_BURST 4u

struct hint *
hint_find(const struct peering *peering, const struct peer_address *address)
{
    struct tree_node *node = tree_find(&peering->hints, address);

    return node == NULL ? NULL : CONTAINER_OF(node, struct hint, by_address);
}

static void
forget(struct peering *peering, struct hint *hint)
{
    tree_remove(&peering->hints, &hint->by_address);
    list_remove(&hint->age);
    free(hint);
}

void
hint_forget_all(struct peering *peering)
{
    struct list_node *node;

    while ((node = list_first(&peering->hints_by_age)) != NULL)
        forget(peering, CONTAINER_OF(node, struct hint, age));
}

void
hint_forget(struct peering *peering, const struct peer_address *address)
{
    struct hint *hint = hint_find(peering, address);

    if (hint != NULL)
        forget(peering, hint);
}

static struct hint *
hint_add(struct peering *peering, const struct peer_address *address)
{
    struct hint *hint;

    if (peering->hints.count >= PEERING_HINTS_MAX)
        forget(peering, CONTAINER_OF(list_first(&peering->hints_by_age),
                                     struct hint, age));
    hint = calloc(1, sizeof(*hint));
    if (hint == NULL)
        return NULL;
    hint->address = *address;
    hint->pause_ns = PEERING_RETRY_MIN_NS;
    bucket_init(&hint->opens, NS_PER_S, OPENS_BURST);
    CHECK(tree_insert(&peering->hints, &hint->address, &hint->by_address) ==
          0);
    list_push_back(&peering->hints_by_age, &hint->age);
    return hint;
}

/* True when the association that is up is the one the hint speaks of. */
static bool
satisfied(struct peering *peering, uint64_t now_ns, const struct hint *hint)
{
    const struct association *up = association_by_key(peering, hint->key);
    char here[PEER_ADDRESS_TEXT_MAX], there[PEER_ADDRESS_TEXT_MAX];

    if (up == NULL)
        return false;
    if (peer_address_compare(&up->end.address, &hint->address) == 0) {
        if (up->records > PEERING_REKEY_RECORDS ||
            now_ns - up->since_ns > PEERING_REKEY_NS)
            return false;
        if (!up->told)
            return now_ns - up->since_ns < PEERING_ALIVE_NS;
        return up->incarnation == hint->incarnation;
    }
    if (now_ns - up->heard_ns > PEERING_ALIVE_NS)
        return false;
    peer_address_text(&up->end.address, there);
    peer_address_text(&hint->address, here);
    log_limited(peering->options.limit, now_ns,
                hash64(7, hint->address.ip, sizeof(hint->address.ip)),
                SEVERITY_WARNING,
                "plane %c: two boxes with one identity, or a forged beacon: "
                "%s %s is at %s, yet a beacon of its key came from %s",
                peering->options.plane == PLANE_A ? 'A' : 'B',
                role_name(up->end.peer.role), up->end.peer.serial, there,
                here);
    return true;
}

static bool
opening(const struct peering *peering, const struct peer_address *address)
{
    struct list_node *node;

    LIST_FOR_EACH(node, &peering->half_open)
    {
        const struct association *association =
            CONTAINER_OF(node, struct association, half_open);

        if (association->opener &&
            peer_address_compare(&association->end.address, address) == 0)
            return true;
    }
    return false;
}

static void
consider(struct peering *peering, uint64_t now_ns, struct hint *hint)
{
    struct association *association;

    if (hint->key <= peering->own_key || now_ns < hint->retry_ns ||
        satisfied(peering, now_ns, hint) || opening(peering, &hint->address))
        return;
    if (!association_make_room(peering, now_ns)) {
        peering->options.counters->refused_bound++;
        return;
    }
    if (!bucket_take(&hint->opens, now_ns) ||
        !bucket_take(&peering->opens, now_ns))
        return;
    association =
        association_create(peering, &hint->address, hint->key, true, now_ns);
    if (association == NULL)
        return;
    list_push_back(&peering->half_open, &association->half_open);
    peering->half_open_count++;
    association_feed(association, now_ns, NULL, 0);
}

static void
answer(struct peering *peering, uint64_t now_ns, const struct peer_address *to)
{
    struct beacon own = {peering->cluster_id, peering->own_key,
                         peering->options.incarnation};
    uint8_t bytes[BEACON_BYTES];

    if (!bucket_take(&peering->answers, now_ns))
        return;
    plane_beacon_write(&own, bytes);
    (void)peering->options.transmit(peering->options.transmit_arg,
                                    peering->options.plane, to, LANE_CONTROL,
                                    bytes, sizeof(bytes));
}

static void
doubled(struct peering *peering, uint64_t now_ns,
        const struct peer_address *from)
{
    char where[PEER_ADDRESS_TEXT_MAX];

    peer_address_text(from, where);
    log_limited(peering->options.limit, now_ns,
                hash64(8, from->ip, sizeof(from->ip)), SEVERITY_ERROR,
                "plane %c: two boxes with one identity: %s calls itself %s "
                "(key %016" PRIx64 "), which is this box",
                peering->options.plane == PLANE_A ? 'A' : 'B', where,
                peering->options.identity->subject.serial, peering->own_key);
}

void
hint_beacon(struct peering *peering, uint64_t now_ns,
            const struct peer_address *from, const struct beacon *beacon)
{
    struct hint *hint;
    bool news;

    if (beacon->key == peering->own_key) {
        doubled(peering, now_ns, from);
        return;
    }
    hint = hint_find(peering, from);
    news = hint == NULL || hint->key != beacon->key ||
           hint->incarnation != beacon->incarnation;
    if (hint == NULL)
        hint = hint_add(peering, from);
    if (hint == NULL)
        return;
    hint->key = beacon->key;
    hint->incarnation = beacon->incarnation;
    hint->heard_ns = now_ns;
    list_remove(&hint->age);
    list_push_back(&peering->hints_by_age, &hint->age);
    if (news) {
        hint->retry_ns = now_ns;
        hint->pause_ns = PEERING_RETRY_MIN_NS;
        answer(peering, now_ns, from);
    }
    consider(peering, now_ns, hint);
}

void
hint_failed(struct peering *peering, uint64_t now_ns,
            const struct peer_address *address)
{
    struct hint *hint = hint_find(peering, address);

    if (hint == NULL)
        return;
    hint->retry_ns = now_ns + hint->pause_ns;
    hint->pause_ns *= 2;
    if (hint->pause_ns > PEERING_RETRY_MAX_NS)
        hint->pause_ns = PEERING_RETRY_MAX_NS;
}

void
hint_sweep(struct peering *peering, uint64_t now_ns)
{
    struct list_node *node, *spare;

    LIST_FOR_EACH_SAFE(node, spare, &peering->hints_by_age)
    {
        struct hint *hint = CONTAINER_OF(node, struct hint, age);

        if (now_ns - hint->heard_ns > PEERING_EXPIRE_NS)
            forget(peering, hint);
        else if (now_ns - hint->heard_ns < PEERING_ALIVE_NS)
            consider(peering, now_ns, hint);
    }
}
