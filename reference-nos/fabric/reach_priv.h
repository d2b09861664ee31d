/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the reachability machine: links (link.c), tables and the box
 * (reach.c, box.c), capacity and rows (capacity.c, rows.c), output
 * (effects.c).
 */
#ifndef NOS_FABRIC_REACH_PRIV_H
#define NOS_FABRIC_REACH_PRIV_H

#include "reference-nos/base/units.h"
#include "reference-nos/fabric/reach.h"

/* Slots are the things in the ASIC that we want to have a value: one for
 * each destination, one for the box, one for each batch of front ports. */
#define SLOT_BOX FWD_MODULES_MAX
#define SLOT_FRONT (SLOT_BOX + 1)
#define FRONT_SLOTS (REACH_FRONT_PORTS_MAX / REACH_WRITE_BATCH)
#define SLOT_COUNT (SLOT_FRONT + FRONT_SLOTS)

enum link_state {
    LINK_DARK, /* no light */
    LINK_LIT,  /* light; not yet known to work both ways */
    LINK_UP    /* each end has heard the other name it */
};

struct peer {
    uint64_t key;
    struct fabric_life life;
    uint16_t port;
    enum role role;
};

struct link {
    enum link_state state;
    bool peer_known;
    bool silent;  /* gave up on the peer; only a new IDENT counts */
    bool heard;   /* this life of the peer has announced */
    bool info;    /* the fields of the announcement below are in use */
    bool foreign; /* the far end belongs to another cluster */
    struct peer peer;
    uint64_t foreign_key;

    /* IDENT */
    uint64_t ident_sent;
    uint64_t ident_heard;
    uint64_t ident_at_ns;
    uint64_t ident_gap_ns;
    unsigned ident_tries;

    /* ANNOUNCE to the peer */
    bool fresh; /* it has changed since it was sent last */
    uint64_t sent_at_ns;
    uint64_t sent;
    uint64_t acked;
    uint64_t due_ns;
    uint64_t retry_at_ns;
    uint64_t retry_gap_ns;
    unsigned tries;

    /* ANNOUNCE from the peer */
    uint64_t heard_sequence;
    uint64_t info_until_ns; /* of a peer that has not announced again */
    uint64_t term;
    uint64_t claim; /* order in which links came to name their module */
    uint16_t module;
    bool forwarding;
    uint8_t group; /* lowest port to the same box that has info */
    uint8_t links[FWD_MODULES_MAX];
};

struct slot {
    uint64_t wanted;
    uint64_t sent;
    uint64_t done;  /* reach: bits that are surely there */
    uint64_t token; /* of the write under way, or 0 */
    uint16_t arg;   /* as sent */
    bool unsure;    /* a write failed or was lost: write again */
};

struct capacity {
    uint16_t links;
    uint16_t nominal; /* best ever seen */
    uint16_t traced_links;
    uint16_t traced_nominal;
    uint64_t lost_at_ns; /* when links became 0 */
    bool stored;         /* the store has a row */
    bool degraded;       /* counted as such */
};

enum box_state {
    BOX_OFF,
    BOX_READY,   /* member; waits for its neighbours' announcements */
    BOX_JOINING, /* NCP: has said that it comes; the others prepare */
    BOX_ON,
    BOX_LEAVING /* NCP: ports down, NCF: has said so; then stops */
};

struct reach {
    struct reach_config config;
    uint64_t started_ns;
    uint64_t deadline_ns;

    struct link links[FWD_FABRIC_PORTS_MAX];
    uint8_t group_size[FWD_FABRIC_PORTS_MAX];
    uint64_t claims;
    uint64_t ident_mask;    /* ports that owe an IDENT now */
    uint64_t ack_mask;      /* ports that owe an ACK now */
    uint64_t announce_mask; /* ports with an announcement due at due_ns */
    uint64_t refresh_at_ns;
    bool poll_due;
    uint64_t hold_ns; /* for good news, now */
    uint64_t held_ns; /* when good news was held last */

    /* Destinations to recompute. */
    uint64_t dirty[FWD_MODULES_MAX / 64];
    uint64_t dirty_due_ns;
    uint8_t advert[FWD_MODULES_MAX]; /* NCF: what it announces */

    struct slot slots[SLOT_COUNT];
    uint64_t pending[(SLOT_COUNT + 63) / 64]; /* slots to write */
    uint64_t next_token;
    uint64_t write_overdue_ns;
    uint64_t write_retry_ns;

    /* Taken over from the ASIC after a restart. */
    uint64_t kept_ports;
    uint64_t kept[FWD_MODULES_MAX];
    uint64_t grace_end_ns;

    /* The box */
    enum box_state box;
    bool member_known;
    bool drained;
    bool advertised; /* we tell the fabric that we forward */
    bool traced_forwarding;
    uint16_t module;
    uint64_t term;
    uint64_t forget_at_ns; /* the module number, unless it comes again */
    bool forgotten;        /* it did not: leave service, then drop it */
    bool settling;         /* LEAVING: all neighbours know */
    uint64_t box_at_ns;    /* end of the wait in this state */

    /* Capacity and rows */
    struct capacity capacity[FWD_MODULES_MAX];
    unsigned degraded;
    bool alarm_raised;
    bool alarm_traced;
    uint64_t alarm_at_ns;
    uint64_t trace_mask[FWD_MODULES_MAX / 64];
    uint64_t cable_trace_mask;

    uint64_t seen_stored;
    uint64_t seen_dirty;
    uint64_t cable_stored; /* cabling alarms */
    uint64_t cable_dirty;
    bool alarm_stored;
    bool alarm_dirty;
    uint64_t reach_dirty[FWD_MODULES_MAX / 64];
    uint64_t rows_due_ns;       /* seen and alarm rows */
    uint64_t reach_rows_due_ns; /* reach rows */
};

static inline uint64_t
reach_bit(unsigned index)
{
    return UINT64_C(1) << (index % 64);
}

static inline bool
reach_bit_get(const uint64_t *words, unsigned index)
{
    return (words[index / 64] & reach_bit(index)) != 0;
}

static inline void
reach_bit_set(uint64_t *words, unsigned index)
{
    words[index / 64] |= reach_bit(index);
}

static inline void
reach_bit_clear(uint64_t *words, unsigned index)
{
    words[index / 64] &= ~reach_bit(index);
}

/* The lowest bit set at or above 'from', or 'count'. */
unsigned reach_bit_next(const uint64_t *words, unsigned from, unsigned count);

static inline void
reach_earlier(uint64_t *deadline_ns, uint64_t at_ns)
{
    if (at_ns < *deadline_ns)
        *deadline_ns = at_ns;
}

static inline unsigned
reach_bits(uint64_t word)
{
    unsigned count = 0;

    for (; word != 0; word &= word - 1)
        count++;
    return count;
}

/* link.c */
void reach_link_time(struct reach *reach, unsigned port, uint64_t now_ns);
void reach_link_announce(struct reach *reach, unsigned port, uint64_t due_ns);
void reach_link_sent(struct reach *reach, unsigned port, uint64_t now_ns);
void reach_link_ident_sent(struct reach *reach, unsigned port,
                           uint64_t now_ns);
uint64_t reach_link_deadline_ns(const struct link *link);

/* reach.c */
/* Recompute 'module' at 'due_ns' the latest. */
void reach_touch(struct reach *reach, uint16_t module, uint64_t due_ns);
/* Recompute all that the link's announcement speaks of. */
void reach_touch_link(struct reach *reach, const struct link *link,
                      uint64_t due_ns);
/* The set of links with info has changed. */
void reach_regroup(struct reach *reach);
/* What was kept for 'port' is no longer needed. */
void reach_release(struct reach *reach, unsigned port, uint64_t now_ns);
void reach_announce_all(struct reach *reach, uint64_t due_ns);
unsigned reach_recompute(struct reach *reach, unsigned most, uint64_t now_ns);

/* table.c */
void reach_want(struct reach *reach, unsigned slot, uint64_t value);
bool reach_write_build(struct reach *reach, uint64_t now_ns,
                       struct reach_effect *effect);
void reach_table_time(struct reach *reach, uint64_t now_ns);

/* box.c */
void reach_box_step(struct reach *reach, uint64_t now_ns);
/* The NCF's announced links to 'module', from its tables. */
void reach_advertise(struct reach *reach, unsigned module, uint64_t now_ns);

/* The end of good news' wait; and its wait grows when it was sent. */
uint64_t reach_hold(struct reach *reach, uint64_t now_ns);
void reach_held(struct reach *reach, uint64_t now_ns);

/* capacity.c */
void reach_capacity_update(struct reach *reach, unsigned module,
                           unsigned links, uint64_t now_ns);
void reach_capacity_rearm(struct reach *reach, uint64_t now_ns);
void reach_capacity_time(struct reach *reach, uint64_t now_ns);
bool reach_trace_build(struct reach *reach, struct reach_effect *effect);

/* rows.c */
void reach_seen_changed(struct reach *reach, unsigned port, uint64_t now_ns);
void reach_cable_changed(struct reach *reach, unsigned port, uint64_t now_ns);
void reach_grace_rows(struct reach *reach, uint64_t now_ns);
bool reach_row_build(struct reach *reach, uint64_t now_ns,
                     struct reach_effect *effect);

#endif
