/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/peering_priv.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"

/* After the start, beacons follow each other so closely. */
static const uint64_t first_beacons_ns[] = {20 * NS_PER_MS, 40 * NS_PER_MS,
                                            80 * NS_PER_MS, 160 * NS_PER_MS,
                                            320 * NS_PER_MS};

static int
compare_address(const void *key, const struct tree_node *node)
{
    return peer_address_compare(
        key, &CONTAINER_OF(node, struct association, by_address)->end.address);
}

static int
compare_key(const void *key, const struct tree_node *node)
{
    uint64_t a,
        b = CONTAINER_OF(node, struct association, by_key)->end.peer.key;

    memcpy(&a, key, sizeof(a));
    return a < b ? -1 : a > b;
}

static int
compare_hint(const void *key, const struct tree_node *node)
{
    return peer_address_compare(
        key, &CONTAINER_OF(node, struct hint, by_address)->address);
}

int
peering_create(const struct peering_options *options, uint64_t now_ns,
               struct peering **out)
{
    struct peering *peering = calloc(1, sizeof(*peering));

    if (peering == NULL)
        return ERR_NOMEM;
    peering->options = *options;
    peering->own_key = identity_key(options->identity);
    peering->cluster_id = identity_cluster_id(options->identity);
    peering->jitter =
        hash64(options->plane, &peering->own_key, sizeof(peering->own_key));
    peering->beacon_ns = UINT64_MAX;
    peering->sweep_ns = now_ns + PEERING_SWEEP_NS;
    tree_init(&peering->up_by_address, compare_address);
    tree_init(&peering->up_by_key, compare_key);
    tree_init(&peering->hints, compare_hint);
    list_init(&peering->half_open);
    list_init(&peering->dead);
    list_init(&peering->hints_by_age);
    bucket_init(&peering->accepts, PEERING_ACCEPT_NS, PEERING_ACCEPT_BURST);
    bucket_init(&peering->cookies, PEERING_COOKIE_NS, PEERING_COOKIE_BURST);
    bucket_init(&peering->answers, PEERING_ANSWER_NS, PEERING_ANSWER_BURST);
    bucket_init(&peering->opens, PEERING_OPEN_NS, PEERING_OPEN_BURST);
    *out = peering;
    return 0;
}

void
peering_destroy(struct peering *peering)
{
    struct tree_node *node;
    struct list_node *link;

    if (peering == NULL)
        return;
    while ((node = tree_first(&peering->up_by_key)) != NULL) {
        struct association *association =
            CONTAINER_OF(node, struct association, by_key);

        dtls_goodbye(&association->end);
        association_drop(association);
    }
    while ((link = list_first(&peering->half_open)) != NULL)
        association_drop(CONTAINER_OF(link, struct association, half_open));
    if (peering->listener != NULL)
        association_drop(peering->listener);
    association_reap(peering);
    hint_forget_all(peering);
    free(peering);
}

void
peering_start(struct peering *peering, uint64_t now_ns,
              const struct peer_address *own)
{
    peering->own = *own;
    peering->started = true;
    peering->beacons_sent = 0;
    peering->beacon_ns = now_ns;
}

static struct association *
half_open_of(const struct peering *peering, const struct peer_address *from,
             bool opener)
{
    struct list_node *node;

    LIST_FOR_EACH(node, &peering->half_open)
    {
        struct association *association =
            CONTAINER_OF(node, struct association, half_open);

        if (association->opener == opener &&
            peer_address_compare(&association->end.address, from) == 0)
            return association;
    }
    return NULL;
}

static bool
accept_allowed(struct peering *peering, uint64_t now_ns)
{
    if (association_make_room(peering, now_ns) &&
        bucket_take(&peering->accepts, now_ns))
        return true;
    peering->options.counters->refused_bound++;
    return false;
}

/* The listener met a good cookie and becomes an association. */
static void
accept_new(struct peering *peering, uint64_t now_ns,
           const struct peer_address *from, const uint8_t *nonce)
{
    struct association *association = peering->listener;
    struct association *former = half_open_of(peering, from, false);

    peering->listener = NULL;
    if (former != NULL)
        association_drop(former);
    if (!accept_allowed(peering, now_ns)) {
        association_drop(association);
        return;
    }
    association->since_ns = now_ns;
    association->heard_ns = now_ns;
    memcpy(association->nonce, nonce, sizeof(association->nonce));
    list_push_back(&peering->half_open, &association->half_open);
    peering->half_open_count++;
    association_feed(association, now_ns, NULL, 0);
}

static void
on_client_hello(struct peering *peering, uint64_t now_ns,
                const struct peer_address *from, const void *bytes,
                size_t size, const uint8_t *nonce)
{
    struct association *known = half_open_of(peering, from, false);
    struct association *listener;

    if (known != NULL &&
        memcmp(known->nonce, nonce, sizeof(known->nonce)) == 0) {
        association_feed(known, now_ns, bytes, size);
        return;
    }
    if (!bucket_take(&peering->cookies, now_ns)) {
        peering->options.counters->refused_bound++;
        return;
    }
    if (peering->listener == NULL)
        peering->listener =
            association_create(peering, from, 0, false, now_ns);
    listener = peering->listener;
    if (listener == NULL)
        return;
    listener->end.address = *from;
    listener->end.in = bytes;
    listener->end.in_size = size;
    switch (dtls_listen(&listener->end)) {
    case DTLS_DONE: accept_new(peering, now_ns, from, nonce); break;
    case DTLS_AGAIN: break;
    case DTLS_CLOSED:
    case DTLS_FAILED:
        peering->options.counters->malformed++;
        association_drop(listener);
        peering->listener = NULL;
        break;
    }
}

/* OpenSSL keeps sealed records that come before their keys, 17 KB each. */
static bool
early_allowed(struct association *association,
              const struct dtls_datagram *datagram)
{
    return !datagram->sealed || association->early++ < PEERING_EARLY_MAX;
}

static void
on_record(struct peering *peering, uint64_t now_ns,
          const struct peer_address *from, const void *bytes, size_t size,
          const struct dtls_datagram *datagram)
{
    struct association *opened, *accepted, *up;
    bool known;

    if (datagram->client_hello) {
        on_client_hello(peering, now_ns, from, bytes, size, datagram->nonce);
        return;
    }
    /* While a box that came back shakes hands, its old association gets the
     * records too: either drops what is not of its keys. */
    up = association_by_address(peering, from);
    if (up != NULL)
        association_feed(up, now_ns, bytes, size);
    opened = half_open_of(peering, from, true);
    accepted = half_open_of(peering, from, false);
    known = up != NULL || opened != NULL || accepted != NULL;
    if (opened != NULL && early_allowed(opened, datagram))
        association_feed(opened, now_ns, bytes, size);
    if (accepted != NULL && !accepted->dead &&
        early_allowed(accepted, datagram))
        association_feed(accepted, now_ns, bytes, size);
    if (!known)
        peering->options.counters->malformed++;
}

static void
on_beacon(struct peering *peering, uint64_t now_ns,
          const struct peer_address *from, const void *bytes, size_t size)
{
    struct beacon beacon;
    char where[PEER_ADDRESS_TEXT_MAX];
    bool logged;

    if (plane_beacon_read(bytes, size, &beacon) != 0) {
        peering->options.counters->malformed++;
        return;
    }
    if (beacon.cluster_id != peering->cluster_id) {
        peer_address_text(from, where);
        logged =
            log_limited(peering->options.limit, now_ns,
                        hash64(9, from->ip, sizeof(from->ip)), SEVERITY_NOTICE,
                        "plane %c: %s is of another cluster",
                        peering->options.plane == PLANE_A ? 'A' : 'B', where);
        peering_refused(&peering->options, logged, beacon.key,
                        IDENTITY_STRANGER);
        return;
    }
    hint_beacon(peering, now_ns, from, &beacon);
}

void
peering_input(struct peering *peering, uint64_t now_ns,
              const struct peer_address *from, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    struct dtls_datagram datagram;

    if (peering->started && peer_address_compare(from, &peering->own) == 0)
        return;
    if (size > PEERING_INPUT_MAX) {
        peering->options.counters->malformed++;
        return;
    }
    if (size > 0 && byte[0] == BEACON_FIRST_BYTE) {
        on_beacon(peering, now_ns, from, bytes, size);
        association_reap(peering);
        return;
    }
    if (dtls_datagram_read(bytes, size, &datagram))
        on_record(peering, now_ns, from, bytes, size, &datagram);
    else
        peering->options.counters->malformed++;
    association_reap(peering);
}

static uint64_t
spread(struct peering *peering, uint64_t period_ns)
{
    peering->jitter = hash64(1, &peering->jitter, sizeof(peering->jitter));
    return period_ns - period_ns / 8 + peering->jitter % (period_ns / 4);
}

static void
send_beacon(struct peering *peering, uint64_t now_ns)
{
    struct beacon beacon = {peering->cluster_id, peering->own_key,
                            peering->options.incarnation};
    uint8_t bytes[BEACON_BYTES];
    unsigned sent = peering->beacons_sent++;

    plane_beacon_write(&beacon, bytes);
    (void)peering->options.transmit(peering->options.transmit_arg,
                                    peering->options.plane, NULL, LANE_CONTROL,
                                    bytes, sizeof(bytes));
    peering->beacon_ns =
        now_ns + spread(peering, sent < ARRAY_COUNT(first_beacons_ns)
                                     ? first_beacons_ns[sent]
                                     : PEERING_BEACON_NS);
}

/* Retransmits what is due; gives up what takes too long. */
static void
tick_half_open(struct peering *peering, uint64_t now_ns)
{
    struct list_node *node, *spare;

    LIST_FOR_EACH_SAFE(node, spare, &peering->half_open)
    {
        struct association *association =
            CONTAINER_OF(node, struct association, half_open);
        uint64_t left_ns;
        bool failed = now_ns - association->since_ns > PEERING_HALF_OPEN_NS;

        if (!failed && dtls_timeout(&association->end, &left_ns) &&
            left_ns == 0)
            failed = dtls_retransmit(&association->end) == DTLS_FAILED;
        if (!failed)
            continue;
        if (association->opener)
            hint_failed(peering, now_ns, &association->end.address);
        association_drop(association);
    }
}

static void
sweep_up(struct peering *peering, uint64_t now_ns)
{
    struct tree_node *node = tree_first(&peering->up_by_key);

    while (node != NULL) {
        struct association *association =
            CONTAINER_OF(node, struct association, by_key);

        node = tree_next(node);
        if (now_ns - association->heard_ns > PEERING_EXPIRE_NS) {
            log_limited(peering->options.limit, now_ns,
                        hash64(10, &association->end.peer.key, 8),
                        SEVERITY_NOTICE, "plane %c: %s %s is silent",
                        peering->options.plane == PLANE_A ? 'A' : 'B',
                        role_name(association->end.peer.role),
                        association->end.peer.serial);
            dtls_goodbye(&association->end);
            association_drop(association);
        } else if (now_ns - association->hello_ns >= PEERING_KEEPALIVE_NS) {
            association_hello(association, now_ns);
        }
    }
}

void
peering_tick(struct peering *peering, uint64_t now_ns)
{
    if (now_ns >= peering->beacon_ns)
        send_beacon(peering, now_ns);
    tick_half_open(peering, now_ns);
    if (now_ns >= peering->sweep_ns) {
        peering->sweep_ns = now_ns + PEERING_SWEEP_NS;
        sweep_up(peering, now_ns);
        if (peering->started)
            hint_sweep(peering, now_ns);
    }
    association_reap(peering);
}

uint64_t
peering_deadline_ns(const struct peering *peering, uint64_t now_ns)
{
    uint64_t deadline_ns = peering->sweep_ns < peering->beacon_ns
                               ? peering->sweep_ns
                               : peering->beacon_ns;
    struct list_node *node;
    uint64_t left_ns;

    LIST_FOR_EACH(node, &peering->half_open)
    {
        struct association *association =
            CONTAINER_OF(node, struct association, half_open);

        if (dtls_timeout(&association->end, &left_ns) &&
            now_ns + left_ns < deadline_ns)
            deadline_ns = now_ns + left_ns;
    }
    return deadline_ns;
}

static void
send_all(struct peering *peering, uint64_t now_ns, const uint8_t *bytes,
         size_t size)
{
    struct tree_node *node = tree_first(&peering->up_by_key);

    while (node != NULL) {
        struct association *association =
            CONTAINER_OF(node, struct association, by_key);

        node = tree_next(node);
        if (association_write(association, now_ns, bytes, size))
            peering->options.counters->sent++;
        else
            peering->options.counters->unsent++;
    }
}

void
peering_send(struct peering *peering, uint64_t now_ns, uint64_t to,
             enum lane lane, const void *bytes, size_t size)
{
    uint8_t content[1 + PLAT_DATAGRAM_MAX];
    struct association *association;

    CHECK((unsigned)lane < LANE_COUNT);
    if (size > PLAT_DATAGRAM_MAX) {
        peering->options.counters->unsent++;
        return;
    }
    content[0] = (uint8_t)lane;
    memcpy(content + 1, bytes, size);
    if (to == PLAT_ADDRESS_ALL) {
        send_all(peering, now_ns, content, size + 1);
        return;
    }
    association = association_by_key(peering, to);
    if (association != NULL &&
        association_write(association, now_ns, content, size + 1))
        peering->options.counters->sent++;
    else
        peering->options.counters->unsent++;
}

void
peering_revoke(struct peering *peering, uint64_t now_ns)
{
    struct tree_node *node = tree_first(&peering->up_by_key);
    bool logged;

    while (node != NULL) {
        struct association *association =
            CONTAINER_OF(node, struct association, by_key);

        node = tree_next(node);
        if (!dtls_context_revoked(
                peering->options.dtls,
                SSL_get0_peer_certificate(association->end.ssl)))
            continue;
        peering->options.counters->refused_certificate++;
        logged = log_limited(peering->options.limit, now_ns,
                             hash64(11, &association->end.peer.key, 8),
                             SEVERITY_WARNING,
                             "plane %c: ended the association with %s %s: "
                             "certificate revoked",
                             peering->options.plane == PLANE_A ? 'A' : 'B',
                             role_name(association->end.peer.role),
                             association->end.peer.serial);
        peering_refused(&peering->options, logged, association->end.peer.key,
                        IDENTITY_REVOKED);
        dtls_goodbye(&association->end);
        association_drop(association);
    }
}

unsigned
peering_count(const struct peering *peering)
{
    return (unsigned)peering->up_by_key.count;
}

unsigned
peering_half_open(const struct peering *peering)
{
    return peering->half_open_count;
}

unsigned
peering_hints(const struct peering *peering)
{
    return (unsigned)peering->hints.count;
}
