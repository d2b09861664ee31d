/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/peering_testwire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"

static const struct wire *clock_of;

/* Stands in for that of libc in this program; see the header. */
int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec real;

    (void)zone;
    if (clock_of == NULL) {
        CHECK(clock_gettime(CLOCK_REALTIME, &real) == 0);
        out->tv_sec = real.tv_sec;
        out->tv_usec = real.tv_nsec / 1000;
        return 0;
    }
    out->tv_sec = 1800000000 + (time_t)(clock_of->now_ns / NS_PER_S);
    out->tv_usec = (suseconds_t)(clock_of->now_ns % NS_PER_S / NS_PER_US);
    return 0;
}

void
wire_init(struct wire *wire)
{
    memset(wire, 0, sizeof(*wire));
    wire->now_ns = NS_PER_S;
    wire->queue = calloc(WIRE_QUEUE, sizeof(*wire->queue));
    CHECK(wire->queue != NULL);
    clock_of = wire;
}

void
wire_fini(struct wire *wire)
{
    for (unsigned i = 0; i < wire->count; i++) {
        node_stop(&wire->nodes[i]);
        dtls_context_destroy(wire->nodes[i].dtls);
        identity_destroy(wire->nodes[i].identity);
    }
    free(wire->queue);
}

struct peer_address
wire_address(unsigned number)
{
    struct peer_address address = {{0xfe, 0x80}, 6999};

    address.ip[8] = (uint8_t)(number >> 24);
    address.ip[9] = (uint8_t)(number >> 16);
    address.ip[14] = (uint8_t)(number >> 8);
    address.ip[15] = (uint8_t)number;
    return address;
}

static void
on_log(void *arg, enum severity severity, const char *text)
{
    struct node *node = arg;
    size_t room = sizeof(node->log) - node->log_size;
    int size;

    (void)severity;
    node->log_lines++;
    size = snprintf(node->log + node->log_size, room, "%s\n", text);
    if ((size_t)size < room)
        node->log_size += (size_t)size;
}

static void
on_datagram(void *arg, enum plane plane, uint64_t from, enum lane lane,
            const void *bytes, size_t size)
{
    struct node *node = arg;

    (void)plane;
    node->received[lane]++;
    node->last_from = from;
    node->last_size = size;
    memcpy(node->last, bytes, size);
}

static void
on_refused(void *arg, enum plane plane, uint64_t key,
           enum identity_refusal why)
{
    struct node *node = arg;

    (void)plane;
    CHECK(why < IDENTITY_OWN);
    node->refused[why]++;
    node->refused_key = key;
}

static void
put(struct wire *wire, struct wire_datagram *datagram)
{
    void (*tap)(struct wire *, struct wire_datagram *) = wire->tap;

    wire->sent++;
    if (hash64(3, &wire->sent, sizeof(wire->sent)) % 100 < wire->loss_percent)
        return;
    if (tap != NULL) {
        wire->tap = NULL;
        tap(wire, datagram);
        wire->tap = tap;
    }
    if (wire->waiting == WIRE_QUEUE)
        return;
    datagram->due_ns = wire->now_ns + WIRE_DELAY_NS;
    wire->queue[(wire->first + wire->waiting++) % WIRE_QUEUE] = *datagram;
}

static bool
on_transmit(void *arg, enum plane plane, const struct peer_address *to,
            enum lane lane, const void *bytes, size_t size)
{
    struct node *node = arg;
    struct wire_datagram datagram = {.from = node->address, .size = size};

    (void)plane;
    (void)lane;
    CHECK(size <= sizeof(datagram.bytes));
    if (node->deaf)
        return true;
    datagram.group = to == NULL;
    if (to != NULL)
        datagram.to = *to;
    memcpy(datagram.bytes, bytes, size);
    put(node->wire, &datagram);
    return true;
}

void
wire_put(struct wire *wire, const struct peer_address *from,
         const struct peer_address *to, const void *bytes, size_t size)
{
    struct wire_datagram datagram = {.from = *from, .to = *to, .size = size};

    CHECK(size <= sizeof(datagram.bytes));
    memcpy(datagram.bytes, bytes, size);
    put(wire, &datagram);
}

struct node *
wire_add_with(struct wire *wire, struct identity *identity,
              struct dtls_context *dtls)
{
    struct node *node = &wire->nodes[wire->count];

    CHECK(wire->count < WIRE_NODES);
    node->wire = wire;
    node->identity = identity;
    node->dtls = dtls;
    node->address = wire_address(++wire->count);
    log_limit_init(&node->limit, on_log, node);
    return node;
}

struct node *
wire_add(struct wire *wire, struct identity *identity)
{
    struct dtls_context *dtls;
    char message[256];

    CHECK(dtls_context_create(identity, wire->now_ns, &dtls,
                              (struct message){message, sizeof(message)}) ==
          0);
    return wire_add_with(wire, identity, dtls);
}

void
node_start(struct node *node, uint64_t incarnation)
{
    struct peering_options options = {.dtls = node->dtls,
                                      .identity = node->identity,
                                      .plane = PLANE_A,
                                      .incarnation = incarnation,
                                      .limit = &node->limit,
                                      .counters = &node->counters,
                                      .transmit = on_transmit,
                                      .datagram = on_datagram,
                                      .refused = on_refused,
                                      .transmit_arg = node,
                                      .datagram_arg = node};

    CHECK(node->peering == NULL);
    node->deaf = false;
    CHECK(peering_create(&options, node->wire->now_ns, &node->peering) == 0);
    peering_start(node->peering, node->wire->now_ns, &node->address);
}

void
node_kill(struct node *node)
{
    node->deaf = true;
    node_stop(node);
}

void
node_stop(struct node *node)
{
    peering_destroy(node->peering);
    node->peering = NULL;
}

static void
deliver(struct wire *wire, const struct wire_datagram *datagram)
{
    bool taken = false;

    for (unsigned i = 0; i < wire->count; i++) {
        struct node *node = &wire->nodes[i];

        if (datagram->group
                ? peer_address_compare(&datagram->from, &node->address) == 0
                : peer_address_compare(&datagram->to, &node->address) != 0)
            continue;
        taken = true;
        if (node->peering != NULL && !node->deaf)
            peering_input(node->peering, wire->now_ns, &datagram->from,
                          datagram->bytes, datagram->size);
    }
    if (!taken && wire->stray != NULL)
        wire->stray(wire, datagram);
}

static uint64_t
next_ns(const struct wire *wire)
{
    uint64_t next_ns =
        wire->waiting > 0 ? wire->queue[wire->first].due_ns : UINT64_MAX;

    for (unsigned i = 0; i < wire->count; i++) {
        uint64_t due_ns =
            wire->nodes[i].peering == NULL
                ? UINT64_MAX
                : peering_deadline_ns(wire->nodes[i].peering, wire->now_ns);

        if (due_ns < next_ns)
            next_ns = due_ns;
    }
    return next_ns;
}

static void
tick(struct wire *wire)
{
    for (unsigned i = 0; i < wire->count; i++) {
        struct node *node = &wire->nodes[i];

        if (node->peering != NULL &&
            peering_deadline_ns(node->peering, wire->now_ns) <= wire->now_ns)
            peering_tick(node->peering, wire->now_ns);
    }
}

void
wire_run(struct wire *wire, uint64_t period_ns)
{
    uint64_t end_ns = wire->now_ns + period_ns;
    uint64_t at_ns;

    while ((at_ns = next_ns(wire)) <= end_ns) {
        struct wire_datagram datagram;

        /* A retransmission is due at a whole us of OpenSSL's clock. */
        wire->now_ns = at_ns > wire->now_ns ? at_ns : wire->now_ns + 1000;
        tick(wire);
        while (wire->waiting > 0 &&
               wire->queue[wire->first].due_ns <= wire->now_ns) {
            datagram = wire->queue[wire->first];
            wire->first = (wire->first + 1) % WIRE_QUEUE;
            wire->waiting--;
            deliver(wire, &datagram);
        }
    }
    wire->now_ns = end_ns;
}
