/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets that fabric services exchange over the fabric links themselves, so
 * that reachability is agreed with the management network dead.
 *
 * Sender    is named by key and life: a life is one run of one service, the
 *           box's incarnation and the service's restarts within it.
 * To        is the far end as the sender last heard it, zero before that.  A
 *           packet that names our present life proves that the far end hears
 *           us: the link works both ways.
 * State     an ANNOUNCE is the whole state, never a difference: the newest
 *           one replaces all before it and an ACK covers all up to its
 *           sequence.
 * Errors    decoders accept any bytes: ERR_TRUNCATED, ERR_MALFORMED,
 *           ERR_VERSION, ERR_CORRUPT (checksum).
 */
#ifndef NOS_SCHEMA_FABRIC_MSG_H
#define NOS_SCHEMA_FABRIC_MSG_H

#include "reference-nos/base/wire.h"
#include "reference-nos/platform/plat.h"

enum fabric_packet_type {
    FABRIC_IDENT = 1,    /* who am I, and whom do I hear */
    FABRIC_ANNOUNCE = 2, /* what can be reached through me */
    FABRIC_ACK = 3
};

/* Grows with every restart of the service or the box. */
struct fabric_life {
    uint64_t incarnation; /* of the box */
    uint32_t life;        /* of the service in it */
};

struct fabric_ident {
    uint64_t sequence; /* grows within a life; older ones are ignored */
    enum role role;
    uint16_t port;   /* the sender's port */
    uint16_t module; /* the sender's module id, or MODULE_NONE */
    bool confirmed;  /* the sender knows that the link works both ways */
};

struct fabric_announce {
    uint64_t sequence;
    uint64_t term;   /* highest the sender has obeyed */
    uint16_t module; /* the sender's module id, or MODULE_NONE */
    bool forwarding; /* an NCP takes traffic, an NCF carries it */
    /* NCF: its working links to each NCP module; 0 not reached. */
    uint8_t links[FWD_MODULES_MAX];
};

struct fabric_packet {
    enum fabric_packet_type type;
    uint64_t cluster_id;
    uint64_t key; /* of the sending box */
    struct fabric_life from;
    uint64_t to_key;
    struct fabric_life to;
    union {
        struct fabric_ident ident;
        struct fabric_announce announce;
        uint64_t acknowledged; /* FABRIC_ACK: sequence */
    } u;
};

/* Any packet fits PLAT_PACKET_MAX bytes.  Returns its size. */
size_t fabric_packet_encode(const struct fabric_packet *packet,
                            uint8_t bytes[PLAT_PACKET_MAX]);
MUST_USE int fabric_packet_decode(const void *bytes, size_t size,
                                  struct fabric_packet *packet);

#endif
