/* SPDX-License-Identifier: Apache-2.0
 *
 * One association: handshake, taking its place, records.
 */
#include "reference-nos/linux/secure/peering_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"

/* Content of a record: lane and datagram. */
#define CONTENT_MAX (1 + PLAT_DATAGRAM_MAX)

static char
plane_letter(const struct peering *peering)
{
    return peering->options.plane == PLANE_A ? 'A' : 'B';
}

static uint64_t
log_key(const struct association *association, uint64_t kind)
{
    return hash64(kind, association->end.address.ip,
                  sizeof(association->end.address.ip));
}

static void
on_out(struct dtls_end *end, const void *bytes, size_t size)
{
    struct association *association = end->arg;
    struct peering *peering = association->peering;

    if (!peering->options.transmit(peering->options.transmit_arg,
                                   peering->options.plane, &end->address,
                                   association->lane, bytes, size))
        association->lost = true;
}

struct association *
association_create(struct peering *peering, const struct peer_address *address,
                   uint64_t expected_key, bool opener, uint64_t now_ns)
{
    struct association *association = calloc(1, sizeof(*association));

    if (association == NULL)
        return NULL;
    association->peering = peering;
    association->opener = opener;
    association->since_ns = now_ns;
    association->heard_ns = now_ns;
    association->lane = LANE_CONTROL;
    association->end.address = *address;
    association->end.expected_key = expected_key;
    association->end.out = on_out;
    association->end.arg = association;
    if (dtls_end_init(&association->end, peering->options.dtls, !opener) !=
        0) {
        free(association);
        return NULL;
    }
    return association;
}

static void
unlink_all(struct association *association)
{
    struct peering *peering = association->peering;

    if (list_linked(&association->half_open)) {
        list_remove(&association->half_open);
        peering->half_open_count--;
    }
    if (tree_linked(&association->by_key))
        tree_remove(&peering->up_by_key, &association->by_key);
    if (tree_linked(&association->by_address))
        tree_remove(&peering->up_by_address, &association->by_address);
}

void
association_drop(struct association *association)
{
    CHECK(!association->dead);
    unlink_all(association);
    association->dead = true;
    list_push_back(&association->peering->dead, &association->half_open);
}

void
association_reap(struct peering *peering)
{
    struct list_node *node;

    while ((node = list_pop_front(&peering->dead)) != NULL) {
        struct association *association =
            CONTAINER_OF(node, struct association, half_open);

        dtls_end_fini(&association->end);
        free(association);
    }
}

bool
association_make_room(struct peering *peering, uint64_t now_ns)
{
    struct list_node *node;

    if (peering->half_open_count < SECURE_HALF_OPEN_MAX)
        return true;
    LIST_FOR_EACH(node, &peering->half_open)
    {
        struct association *association =
            CONTAINER_OF(node, struct association, half_open);

        if (!association->opener &&
            now_ns - association->since_ns > PEERING_SLOW_NS) {
            association_drop(association);
            return true;
        }
    }
    return false;
}

struct association *
association_by_address(const struct peering *peering,
                       const struct peer_address *address)
{
    struct tree_node *node = tree_find(&peering->up_by_address, address);

    return node == NULL ? NULL
                        : CONTAINER_OF(node, struct association, by_address);
}

struct association *
association_by_key(const struct peering *peering, uint64_t key)
{
    struct tree_node *node = tree_find(&peering->up_by_key, &key);

    return node == NULL ? NULL
                        : CONTAINER_OF(node, struct association, by_key);
}

static void
refused(struct association *association, uint64_t now_ns)
{
    struct peering *peering = association->peering;
    const struct dtls_end *end = &association->end;
    char where[PEER_ADDRESS_TEXT_MAX];
    bool logged;

    peering->options.counters->refused_certificate++;
    peer_address_text(&end->address, where);
    if (!end->peer_known) {
        log_limited(peering->options.limit, now_ns, log_key(association, 1),
                    SEVERITY_WARNING, "plane %c: refused %s: %s",
                    plane_letter(peering), where, end->refusal);
        return;
    }
    logged = log_limited(
        peering->options.limit, now_ns, log_key(association, end->peer.key),
        SEVERITY_WARNING, "plane %c: refused %s, which calls itself %s %s: %s",
        plane_letter(peering), where, role_name(end->peer.role),
        end->peer.serial, end->refusal);
    peering_refused(&peering->options, logged && end->identity_bad,
                    end->peer.key, end->identity_why);
}

static void
handshake_failed(struct association *association, uint64_t now_ns)
{
    struct peering *peering = association->peering;
    char where[PEER_ADDRESS_TEXT_MAX];

    if (association->end.refusal != NULL) {
        dtls_reason();
        refused(association, now_ns);
    } else {
        peer_address_text(&association->end.address, where);
        log_limited(peering->options.limit, now_ns, log_key(association, 2),
                    SEVERITY_WARNING, "plane %c: no association with %s: %s",
                    plane_letter(peering), where, dtls_reason());
    }
    if (association->opener)
        hint_failed(peering, now_ns, &association->end.address);
    association_drop(association);
}

/* Two boxes with one identity, or one box that moved: the one that is alive
 * stays. */
static bool
elsewhere_alive(struct association *association, uint64_t now_ns)
{
    struct peering *peering = association->peering;
    const struct association *old =
        association_by_key(peering, association->end.peer.key);
    char here[PEER_ADDRESS_TEXT_MAX], there[PEER_ADDRESS_TEXT_MAX];

    if (old == NULL ||
        peer_address_compare(&old->end.address, &association->end.address) ==
            0 ||
        now_ns - old->heard_ns > PEERING_ALIVE_NS)
        return false;
    peer_address_text(&association->end.address, here);
    peer_address_text(&old->end.address, there);
    peering->options.counters->refused_certificate++;
    log_limited(peering->options.limit, now_ns, log_key(association, 3),
                SEVERITY_ERROR,
                "plane %c: two boxes with one identity: %s %s (key "
                "%016" PRIx64 ") is at %s and also at %s, which is refused",
                plane_letter(peering), role_name(association->end.peer.role),
                association->end.peer.serial, association->end.peer.key, there,
                here);
    return true;
}

static bool
room_for(struct association *association, uint64_t now_ns)
{
    struct peering *peering = association->peering;

    if (peering->up_by_key.count < SECURE_PEERS_MAX ||
        association_by_key(peering, association->end.peer.key) != NULL)
        return true;
    peering->options.counters->refused_bound++;
    log_limited(peering->options.limit, now_ns, 4, SEVERITY_WARNING,
                "plane %c: refused %s: %u boxes already",
                plane_letter(peering), association->end.peer.serial,
                SECURE_PEERS_MAX);
    return false;
}

static void
take_place(struct association *association)
{
    struct peering *peering = association->peering;
    struct association *old =
        association_by_key(peering, association->end.peer.key);

    if (old != NULL)
        association_drop(old);
    old = association_by_address(peering, &association->end.address);
    if (old != NULL)
        association_drop(old);
    unlink_all(association);
    CHECK(tree_insert(&peering->up_by_key, &association->end.peer.key,
                      &association->by_key) == 0);
    CHECK(tree_insert(&peering->up_by_address, &association->end.address,
                      &association->by_address) == 0);
}

static void
handshake_done(struct association *association, uint64_t now_ns)
{
    struct peering *peering = association->peering;
    char where[PEER_ADDRESS_TEXT_MAX];
    bool back;

    if (!association->end.peer_known || association->end.refusal != NULL ||
        elsewhere_alive(association, now_ns) ||
        !room_for(association, now_ns)) {
        dtls_goodbye(&association->end);
        if (association->opener)
            hint_failed(peering, now_ns, &association->end.address);
        association_drop(association);
        return;
    }
    back = association_by_key(peering, association->end.peer.key) != NULL;
    take_place(association);
    association->since_ns = now_ns;
    peering->options.counters->handshakes++;
    peer_address_text(&association->end.address, where);
    log_limited(
        peering->options.limit, now_ns, log_key(association, 5), SEVERITY_INFO,
        "plane %c: %s with %s %s (key %016" PRIx64 ") at %s",
        plane_letter(peering), back ? "associated again" : "associated",
        role_name(association->end.peer.role), association->end.peer.serial,
        association->end.peer.key, where);
    association_hello(association, now_ns);
}

static void
content(struct association *association, uint64_t now_ns, const uint8_t *bytes,
        size_t size)
{
    struct peering *peering = association->peering;
    uint64_t incarnation = 0;

    association->heard_ns = now_ns;
    association->records++;
    if (bytes[0] < LANE_COUNT) {
        peering->options.counters->received++;
        peering->options.datagram(peering->options.datagram_arg,
                                  peering->options.plane,
                                  association->end.peer.key,
                                  (enum lane)bytes[0], bytes + 1, size - 1);
        return;
    }
    if (bytes[0] != PEERING_HELLO || size != PEERING_HELLO_BYTES) {
        peering->options.counters->malformed++;
        return;
    }
    for (unsigned i = 1; i < PEERING_HELLO_BYTES; i++)
        incarnation = incarnation << 8 | bytes[i];
    association->incarnation = incarnation;
    association->told = true;
}

static void
closed(struct association *association, uint64_t now_ns, const char *why)
{
    struct peering *peering = association->peering;

    log_limited(peering->options.limit, now_ns, log_key(association, 6),
                SEVERITY_INFO, "plane %c: association with %s %s ended: %s",
                plane_letter(peering), role_name(association->end.peer.role),
                association->end.peer.serial, why);
    association_drop(association);
}

static void
read_records(struct association *association, uint64_t now_ns)
{
    uint8_t bytes[PEERING_INPUT_MAX];
    size_t size = 0;
    enum dtls_status status;

    while ((status = dtls_read(&association->end, bytes, sizeof(bytes),
                               &size)) == DTLS_DONE) {
        if (size > CONTENT_MAX)
            association->peering->options.counters->malformed++;
        else
            content(association, now_ns, bytes, size);
        if (association->dead)
            return;
    }
    if (status == DTLS_CLOSED) {
        hint_forget(association->peering, &association->end.address);
        closed(association, now_ns, "said goodbye");
    } else if (status == DTLS_FAILED) {
        closed(association, now_ns, dtls_reason());
    }
}

void
association_feed(struct association *association, uint64_t now_ns,
                 const void *bytes, size_t size)
{
    struct dtls_end *end = &association->end;
    enum dtls_status status = DTLS_DONE;

    end->in = bytes;
    end->in_size = size;
    association->lane = LANE_CONTROL;
    if (!tree_linked(&association->by_key)) {
        status = dtls_handshake(end);
        if (status == DTLS_DONE)
            handshake_done(association, now_ns);
        else if (status != DTLS_AGAIN)
            handshake_failed(association, now_ns);
    }
    if (status == DTLS_DONE && !association->dead)
        read_records(association, now_ns);
    end->in = NULL;
    if (tree_linked(&association->by_key))
        dtls_rest(end);
}

bool
association_write(struct association *association, uint64_t now_ns,
                  const void *bytes, size_t size)
{
    const uint8_t *first = bytes;
    enum dtls_status status;

    association->lane =
        first[0] < LANE_COUNT ? (enum lane)first[0] : LANE_CONTROL;
    association->lost = false;
    status = dtls_write(&association->end, bytes, size);
    dtls_rest(&association->end);
    if (status == DTLS_DONE) {
        association->records++;
        return !association->lost;
    }
    if (status == DTLS_FAILED)
        closed(association, now_ns, dtls_reason());
    return false;
}

void
association_hello(struct association *association, uint64_t now_ns)
{
    uint8_t bytes[PEERING_HELLO_BYTES] = {PEERING_HELLO};
    uint64_t incarnation = association->peering->options.incarnation;

    for (unsigned i = PEERING_HELLO_BYTES - 1; i > 0; i--) {
        bytes[i] = (uint8_t)incarnation;
        incarnation >>= 8;
    }
    association->hello_ns = now_ns;
    (void)association_write(association, now_ns, bytes, sizeof(bytes));
}
