/* SPDX-License-Identifier: Apache-2.0
 *
 * Fabric reachability of one box, agreed with its neighbours over the fabric
 * links: a state machine without clock, door or actor.
 *
 * In        reach_light() ... reach_time() bring events with their time.
 * Out       reach_next() hands out what is to be done, one piece at a time,
 *           until it returns false; the state is valid between any two
 *           pieces.  Then the owner waits for the next event or for
 *           reach_deadline_ns(), whichever comes first.
 * Bad news  (a link or a path lost) goes into the tables and to the
 *           neighbours at once; good news waits REACH_HOLD_NS for company,
 *           longer while there is much of it.
 * Restart   reach_adopt() takes over what the ASIC holds.  An entry stays
 *           until its link goes dark, its neighbour has announced again, or
 *           REACH_GRACE_NS are over; the same holds at the neighbour.
 * Links     a link counts once each end has heard the other name it.
 */
#ifndef NOS_FABRIC_REACH_H
#define NOS_FABRIC_REACH_H

#include "reference-nos/base/mem.h"
#include "reference-nos/platform/plat.h"
#include "reference-nos/schema/fabric_msg.h"
#include "reference-nos/schema/tables.h"

#define REACH_HOLD_NS UINT64_C(2000000)      /* good news, at first */
#define REACH_HOLD_MAX_NS UINT64_C(32000000) /* good news, when much */
#define REACH_GRACE_NS UINT64_C(5000000000)  /* after a service restart */
#define REACH_RETRY_NS UINT64_C(20000000)    /* first retransmission */
#define REACH_RETRY_MAX_NS UINT64_C(1000000000)
#define REACH_TRIES_MAX 10u /* then the link is dead */
#define REACH_IDENT_SLOW_NS                                                   \
    UINT64_C(5000000000) /* nobody answers for long                           \
                          */
#define REACH_REFRESH_NS UINT64_C(30000000000)
#define REACH_READY_NS UINT64_C(2000000000) /* longest wait for neighbours */
#define REACH_JOIN_NS UINT64_C(150000000)   /* everyone prepares for it */
#define REACH_DRAIN_NS UINT64_C(100000000)  /* longest wait for their acks */
#define REACH_SETTLE_NS UINT64_C(10000000)  /* their neighbours hear it */
#define REACH_WRITE_NS UINT64_C(1000000000) /* a table write is overdue */
#define REACH_WRITE_RETRY_NS UINT64_C(50000000)
#define REACH_FORGET_NS UINT64_C(600000000000) /* unreachable: not missed */
#define REACH_RAISE_NS UINT64_C(1000000000)    /* degraded for so long */
#define REACH_CLEAR_NS UINT64_C(10000000000)   /* whole again for so long */
#define REACH_SEEN_NS UINT64_C(10000000)       /* rows wait for company */
#define REACH_ROWS_NS UINT64_C(100000000)
#define REACH_WRITE_BATCH 32u
#define REACH_FRONT_PORTS_MAX 256u

struct reach; /* Opaque. */

struct reach_config {
    uint64_t key;
    uint64_t cluster_id;
    struct fabric_life life;
    enum role role;        /* ROLE_NCP or ROLE_NCF */
    uint16_t front_ports;  /* at most REACH_FRONT_PORTS_MAX */
    uint16_t fabric_ports; /* at most FWD_FABRIC_PORTS_MAX */
    uint64_t phase_ns;     /* of the refresh, below REACH_REFRESH_NS */
};

enum reach_effect_kind {
    REACH_WORK,  /* destinations were recomputed: charge for them */
    REACH_WRITE, /* entries for the ASIC; reach_written() with the token */
    REACH_SEND,  /* a packet for a fabric port */
    REACH_TRACE,
    REACH_ROW /* a STATE row of this box is to be written or deleted */
};

struct reach_row_effect {
    enum table table; /* TABLE_SEEN, TABLE_REACH or TABLE_ALARM */
    uint16_t id;      /* port, module or alarm item */
    enum alarm_code code;
    bool present;
    union {
        struct seen_row seen;
        struct reach_row reach;
        struct {
            enum severity severity;
            int64_t value;
        } alarm;
    } u;
};

struct reach_effect {
    enum reach_effect_kind kind;
    union {
        unsigned recomputed;
        struct {
            uint64_t token;
            unsigned count;
            struct fwd_entry entries[REACH_WRITE_BATCH];
        } write;
        struct {
            unsigned port;
            size_t size;
            uint8_t bytes[PLAT_PACKET_MAX];
        } send;
        struct trace_record trace;
        struct reach_row_effect row;
    } u;
};

/* Lives in 'mem' and goes with it. */
MUST_USE int reach_create(struct mem *mem, const struct reach_config *config,
                          uint64_t now_ns, struct reach **out);

/* At start, once: what the ASIC holds.  Call reach_light() for every port
 * before the first reach_next(). */
void reach_adopt(struct reach *reach, const struct fwd_entry *entries,
                 size_t count, uint64_t now_ns);
/* A fabric port has light or has lost it; the same news again is harmless. */
void reach_light(struct reach *reach, unsigned port, bool up, uint64_t now_ns);
/* Any bytes.  An enum err says why the packet was ignored. */
MUST_USE int reach_packet(struct reach *reach, unsigned port,
                          const void *bytes, size_t size, uint64_t now_ns);
/* What the box is: its module id or MODULE_NONE, whether it is drained, and
 * the highest term it has obeyed.  Losing the number counts only when it
 * lasts REACH_GRACE_NS: the member service may have restarted. */
void reach_member(struct reach *reach, uint16_t module, bool drained,
                  uint64_t term, uint64_t now_ns);
void reach_written(struct reach *reach, uint64_t token, int status,
                   uint64_t now_ns);
/* Rows of this box that the store has, found after a restart. */
void reach_row_found(struct reach *reach, enum table table,
                     enum alarm_code code, uint16_t id, uint16_t nominal);
/* The store has none of our rows: put all of them again. */
void reach_rows_lost(struct reach *reach, uint64_t now_ns);
void reach_time(struct reach *reach, uint64_t now_ns);

bool reach_next(struct reach *reach, uint64_t now_ns,
                struct reach_effect *effect);
uint64_t reach_deadline_ns(const struct reach *reach);
/* Is a refresh due that should look at every port's light again? */
bool reach_poll_due(struct reach *reach);

/* What it knows, for tests and for the service. */
bool reach_member_known(const struct reach *reach);
uint64_t reach_ports_to(const struct reach *reach, uint16_t module);
bool reach_link_works(const struct reach *reach, unsigned port);
unsigned reach_links_to(const struct reach *reach, uint16_t module,
                        unsigned *nominal);

#endif
