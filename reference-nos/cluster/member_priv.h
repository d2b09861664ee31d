/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the member service share.
 */
#ifndef NOS_CLUSTER_MEMBER_PRIV_H
#define NOS_CLUSTER_MEMBER_PRIV_H

#include "reference-nos/cluster/card.h"
#include "reference-nos/cluster/cluster.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/store_msg.h"

enum member_phase {
    MEMBER_OUTSIDE,   /* no number; waits for a beacon or for its turn */
    MEMBER_JOINING,   /* asked for a number */
    MEMBER_SAVING,    /* was offered one; its card is being written */
    MEMBER_RETURNING, /* has one of an earlier boot; not confirmed yet */
    MEMBER_INSIDE,    /* a member; the lease runs */
    MEMBER_HEADLESS,  /* a member; nobody renews the lease */
    MEMBER_UNREAD,    /* its card cannot be read: silent until it can */
    MEMBER_LEFT       /* removed by the operator; quiet until the next boot */
};

enum member_timer {
    MEMBER_TIMER_HELLO,
    MEMBER_TIMER_LEASE,
    MEMBER_TIMER_JOIN,
    MEMBER_TIMER_WATCH,
    MEMBER_TIMER_CARD,
    MEMBER_TIMER_STOP
};

/* A controller as heard of. */
struct controller {
    uint64_t key; /* 0: none */
    uint64_t term;
    uint64_t standby;
};

struct member {
    struct actor *self;
    const struct box_facts *facts;
    enum member_phase phase;
    struct card card;

    struct controller heard;  /* last one that was not refused */
    struct controller active; /* the one that renews our lease */
    uint64_t beacon_ns;       /* when 'heard' was heard last */
    uint64_t refused_box;     /* last refusal, to trace each once */
    uint64_t refused_term;

    uint64_t lease_ns; /* end of the lease */
    uint64_t hello_ns; /* last hello */
    uint32_t hello_count;
    uint64_t conf_index;

    bool join_armed;
    unsigned join_tries;
    uint64_t offer_from; /* whom to acknowledge when the card is durable */
    uint64_t offer_term;

    uint64_t start_ns;
    uint64_t cable_ns; /* last change of 'cables' */
    unsigned cable_count;
    struct cable_seen cables[FWD_FABRIC_PORTS_MAX]; /* by port; key 0: none */

    uint64_t card_token; /* write under way, or 0 */
    uint32_t card_writes;
    bool card_dirty;

    uint64_t controllers[MODULE_POOL_NCC]; /* keys by number, for operators */

    bool stopping;       /* out of service until the next boot */
    unsigned stop_quiet; /* looks in a row that found nothing forwarded */
    bool stop_waits;     /* 'stop_token' wants an answer until 'stop_ns' */
    uint64_t stop_token;
    uint64_t stop_ns;

    bool watched;
    struct member_role role; /* as last told */
    bool role_told;
    struct store_upstream upstream; /* as last told */
    bool upstream_told;
};

/* Key of the box a message came from. */
static inline uint64_t
member_sender(const struct member *member, const struct actor_message *message)
{
    return message->from.box == 0 ? member->facts->key : message->from.box;
}

/* member.c */

/* False if 'term' is over; else it is obeyed from now on. */
bool member_obey(struct member *member, uint64_t from, uint64_t term,
                 uint16_t type);
void member_phase_set(struct member *member, enum member_phase phase);
/* Tells services and store what changed. */
void member_publish(struct member *member);
/* Gives the number up; 'left': for this boot. */
void member_forget(struct member *member, bool left);
void member_card_save(struct member *member);
void member_send(struct member *member, uint64_t box, enum lane lane,
                 uint16_t type, const struct wire_writer *writer);
/* Spreads boxes: the same for one box and 'salt', below 'span_ns'. */
uint64_t member_jitter_ns(const struct member *member, uint64_t salt,
                          uint64_t span_ns);

/* member_lease.c */

void member_beacon(struct member *member, const struct actor_message *message);
void member_hello_ack(struct member *member,
                      const struct actor_message *message);
void member_hello(struct member *member);
void member_hello_timer(struct member *member);
/* Does the ASIC of this box forward? */
bool member_forwards(const struct member *member);
void member_lease_timer(struct member *member);
/* Has become a member under the controller 'from'. */
void member_enter(struct member *member, uint64_t from, uint64_t term);

/* member_join.c */

/* Asks for a number at 'at_ns', unless an earlier question is due. */
void member_join_at(struct member *member, uint64_t at_ns);
void member_join_timer(struct member *member);
void member_challenge(struct member *member,
                      const struct actor_message *message);
void member_offer(struct member *member, const struct actor_message *message);
void member_reject(struct member *member, const struct actor_message *message);
/* The card of an accepted offer is durable. */
void member_offer_saved(struct member *member);

/* member_stop.c */

/* A request from outside, on a box without operator service. */
void member_operator(struct member *member, uint64_t token,
                     const uint8_t *bytes, size_t size);
void member_stop_timer(struct member *member);

#endif
