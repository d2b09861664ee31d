/* SPDX-License-Identifier: Apache-2.0
 *
 * Several boxes on one plane in memory, for tests: a wire with its own clock.
 *
 * OpenSSL asks gettimeofday() when to repeat a flight; peering_testwire.c
 * gives it the wire's clock, so nothing here waits or depends on the machine.
 */
#ifndef NOS_LINUX_SECURE_PEERING_TESTWIRE_H
#define NOS_LINUX_SECURE_PEERING_TESTWIRE_H

#include "reference-nos/linux/secure/peering_priv.h"

#define WIRE_NODES 12u
#define WIRE_QUEUE 1024u
#define WIRE_DELAY_NS (50 * NS_PER_US)
#define WIRE_LOG_BYTES 4096u

struct wire;

struct node {
    struct wire *wire;
    struct identity *identity;
    struct dtls_context *dtls;
    struct log_limit limit;
    struct secure_counters counters;
    struct peering *peering; /* NULL: not running */
    struct peer_address address;
    bool deaf; /* hears and says nothing */
    unsigned received[LANE_COUNT];
    uint64_t last_from;
    size_t last_size;
    uint8_t last[PLAT_DATAGRAM_MAX];
    char log[WIRE_LOG_BYTES];
    size_t log_size;
    unsigned log_lines;
    unsigned refused[IDENTITY_OWN]; /* by enum identity_refusal */
    uint64_t refused_key;           /* the last */
};

struct wire_datagram {
    struct peer_address from, to;
    bool group;
    uint64_t due_ns;
    size_t size;
    uint8_t bytes[2048];
};

struct wire {
    uint64_t now_ns;
    struct node nodes[WIRE_NODES];
    unsigned count;
    struct wire_datagram *queue; /* a ring of WIRE_QUEUE */
    unsigned first, waiting;
    unsigned loss_percent;
    unsigned sent;
    /* Sees each datagram as it is sent; may change it, and put others before
     * it.  May be NULL. */
    void (*tap)(struct wire *wire, struct wire_datagram *datagram);
    /* What goes to an address of no node.  May be NULL. */
    void (*stray)(struct wire *wire, const struct wire_datagram *datagram);
    void *arg;
};

void wire_init(struct wire *wire);
void wire_fini(struct wire *wire);
/* Adds a box that does not run yet; the wire takes the identity. */
struct node *wire_add(struct wire *wire, struct identity *identity);
/* The same with a context of the caller's; wire_fini() destroys both unless
 * they are set to NULL before. */
struct node *wire_add_with(struct wire *wire, struct identity *identity,
                           struct dtls_context *dtls);
void node_start(struct node *node, uint64_t incarnation);
/* As kill -9 would. */
void node_kill(struct node *node);
void node_stop(struct node *node);
void wire_put(struct wire *wire, const struct peer_address *from,
              const struct peer_address *to, const void *bytes, size_t size);
/* Runs for so long. */
void wire_run(struct wire *wire, uint64_t period_ns);
/* Address of a box that is not one of the nodes. */
struct peer_address wire_address(unsigned number);

#endif
