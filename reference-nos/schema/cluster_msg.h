/* SPDX-License-Identifier: Apache-2.0
 *
 * What members and controllers say to each other, and what the member
 * service tells the other services of its box.
 */
#ifndef NOS_SCHEMA_CLUSTER_MSG_H
#define NOS_SCHEMA_CLUSTER_MSG_H

#include "reference-nos/base/wire.h"
#include "reference-nos/schema/messages.h"
#include "reference-nos/schema/tables.h"

/* MSG_BEACON: the active controller tells every box, on both planes, that it
 * leads 'term'.  Boxes without a number answer with MSG_JOIN_REQ. */
struct beacon {
    uint64_t cluster_id;
    uint64_t term;
    uint64_t standby; /* key of the other controller, or 0 */
};

/* A cable as its own end sees it. */
struct cable_seen {
    uint16_t port;
    uint16_t peer_port;
    uint64_t peer_key;
};
#define CABLES_SEEN_MAX FWD_FABRIC_PORTS_MAX

/* MSG_JOIN_REQ */
struct join_req {
    uint64_t cluster_id;
    uint64_t key;
    uint64_t incarnation;
    enum role role;
    char serial[FACTS_SERIAL_MAX];
    uint16_t front_ports;
    uint16_t fabric_ports;
    uint16_t number; /* that it had before, or MODULE_NONE */
    unsigned cable_count;
    struct cable_seen cables[CABLES_SEEN_MAX];
};

/* MSG_JOIN_CHALLENGE, MSG_JOIN_PROOF: a nonce, and a proof over it by the
 * box key (a keyed hash here; a certificate's signature on Linux). */
struct join_challenge {
    uint64_t nonce;
};
struct join_proof {
    uint64_t nonce;
    uint64_t proof;
};

/* MSG_JOIN_OFFER: a committed module number.  'index' is the version of its
 * row: the box believes no older version of it. */
struct join_offer {
    uint64_t term;
    uint64_t index;
    uint16_t number;
    enum module_how how;
};

/* MSG_JOIN_ACK: u64 term, u16 number. */
struct join_ack {
    uint64_t term;
    uint16_t number;
};

/* MSG_JOIN_REJECT: why (enum err): ERR_EXISTS duplicate serial or key,
 * ERR_FULL pool exhausted, ERR_STALE old incarnation, ERR_REFUSED wrong
 * cluster, ERR_NO_QUORUM no number without quorum, ERR_BUSY the number's
 * former holder may still be there, ERR_PERMISSION removed by the operator:
 * stay away until the next boot. */
struct join_reject {
    int reason;
    uint32_t retry_ms;
};

/* MSG_HELLO: every member to the active controller. */
struct hello {
    uint64_t incarnation;
    uint16_t module; /* system-wide id */
    bool forwarding;
    uint64_t conf_index; /* CONF applied here */
};

/* MSG_HELLO_ACK: the lease of this member runs on for 'lease_ms'. */
struct hello_ack {
    uint64_t term;
    uint32_t lease_ms;
    bool known; /* false: the number is another's now; join again */
};

/* MSG_MEMBER_ROLE, on one box: sent to every service when it changes, and to
 * a service that has just started and asks with an empty MSG_MEMBER_ROLE. */
struct member_role {
    uint16_t module; /* system-wide id, or MODULE_NONE: not a member yet */
    uint16_t number; /* within its role */
    uint64_t term;   /* highest term this box has obeyed */
    uint64_t active; /* key of the active controller, or 0: headless */
    bool drained;    /* the operator wants no traffic here */
};

#define CLUSTER_MSG(name)                                                     \
    void name##_write(struct wire_writer *writer, const struct name *in);     \
    MUST_USE int name##_read(struct wire_reader *reader, struct name *out);

CLUSTER_MSG(beacon)
CLUSTER_MSG(join_req)
CLUSTER_MSG(join_challenge)
CLUSTER_MSG(join_proof)
CLUSTER_MSG(join_offer)
CLUSTER_MSG(join_ack)
CLUSTER_MSG(join_reject)
CLUSTER_MSG(hello)
CLUSTER_MSG(hello_ack)
CLUSTER_MSG(member_role)
#undef CLUSTER_MSG

#endif
