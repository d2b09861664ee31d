/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the bus share.
 *
 *   bus.c      entries, dispatch of datagrams, liveness lane
 *   peer.c     the table of peers; how sessions begin and end
 *   send.c     the sending half of a reliable lane
 *   receive.c  the receiving half
 *   planes.c   which planes are heard
 */
#ifndef NOS_BUS_BUS_PRIV_H
#define NOS_BUS_BUS_PRIV_H

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/hlc.h"
#include "reference-nos/base/list.h"
#include "reference-nos/base/tree.h"
#include "reference-nos/bus/bus.h"
#include "reference-nos/bus/frame.h"

#define RELIABLE_LANES 3      /* LANE_CONTROL .. LANE_TELEMETRY */
#define WINDOW_MAX_FRAMES 64u /* bits of the bitmap in an ACK frame */
#define HEARD_WORDS 4         /* the liveness lane remembers 256 copies */
#define SEQUENCE_FIRST 1u
#define ACK_EVERY_FRAMES 4u
#define HLC_AHEAD_MAX_NS (10 * NS_PER_S)

/* A message that waits, or whose frames are in flight; its body follows. */
struct outgoing {
    struct list_node node; /* in lane_send.messages */
    uint64_t epoch;
    uint64_t hlc;
    size_t size;
    uint32_t trace_id;
    uint16_t type;
    uint8_t from_service;
    uint8_t to_service;
    uint8_t body[];
};

/* A frame in flight: a part of a message. */
struct send_slot {
    struct outgoing *message;
    uint64_t sent_ns; /* last time */
    uint32_t offset;  /* of its part in the body */
    uint16_t size;
    uint16_t sends;
    uint8_t plane; /* last used */
    bool arrived;  /* selectively acknowledged */
    bool lost;     /* to be sent again */
};

struct lane_send {
    struct list messages;    /* oldest first */
    struct outgoing *cursor; /* not all of it is cut yet; NULL: none */
    size_t cursor_offset;
    size_t queued_bytes;
    unsigned queued_count;

    uint32_t unacked; /* oldest sequence not acknowledged */
    uint32_t next;    /* first sequence never sent */
    uint32_t limit;   /* first sequence not granted */
    unsigned in_flight;
    unsigned lost_count;

    unsigned congestion_frames; /* RFC 5681 cwnd */
    unsigned threshold_frames;  /* ssthresh */
    unsigned grown_frames;      /* acknowledged since the last growth */
    uint32_t recover;           /* loss below is known already */

    uint64_t srtt_ns; /* 0: no sample yet */
    uint64_t rttvar_ns;
    unsigned backoff;
    uint64_t repeat_at_ns;
    uint64_t alive_ns; /* last answer of the peer, or first try */
    struct send_slot *slots;
};

/* A frame that arrived before its turn; its payload follows. */
struct receive_slot {
    struct frame frame;
    uint8_t payload[];
};

struct lane_receive {
    uint32_t next;       /* first sequence not consumed */
    unsigned unanswered; /* frames since the last acknowledgement */
    bool answer_now;
    uint64_t answer_at_ns;
    enum plane answer_plane;
    bool answer_cross;   /* not on the plane the last frame came from */
    uint64_t crossed_ns; /* when that was decided last */

    uint8_t *body; /* message under assembly */
    size_t body_size;
    size_t body_filled;
    struct frame head;    /* its FIRST frame */
    uint64_t retry_at_ns; /* a message was refused */
    uint64_t heard_ns;
    unsigned slots_used;
    struct receive_slot **slots;
};

struct bus_lane {
    enum lane lane;
    unsigned window; /* frames, power of two */
    struct lane_send send;
    struct lane_receive receive;
};

struct peer {
    struct tree_node by_address;
    struct list_node by_age; /* least recently used first */
    struct list_node active; /* linked while a lane has something to do */
    uint64_t address;

    bool known; /* 'incarnation' was heard */
    uint64_t incarnation;
    uint64_t heard_ns;

    /* Liveness lane: copies seen, as the window of RFC 6479. */
    uint32_t top;
    uint64_t seen[HEARD_WORDS];
    bool top_valid;

    /* Session. */
    bool up;        /* told to the user */
    bool open;      /* 'session' is in use */
    bool peer_open; /* 'peer_session' is the peer's present one */
    bool peer_over; /* 'peer_session' has ended: reset its frames */
    uint16_t session;
    uint16_t peer_session;
    uint64_t session_ns; /* last frame taken from 'peer_session' */
    enum plane plane;    /* preferred */
    struct bus_lane *lanes[RELIABLE_LANES];
};

struct bus {
    struct mem *mem;
    const struct bus_ops *ops;
    void *arg;
    uint64_t address;
    uint64_t incarnation;
    struct hlc hlc;
    uint32_t liveness_sequence;
    uint16_t session_counter;
    struct tree peers;
    struct list age;
    struct list active;
    size_t assembly_bytes;
    unsigned burst_left; /* frames this call may still send */
    bool burst_cut;
    struct planes planes;
    struct bus_counters counters;
    uint8_t datagram[PLAT_DATAGRAM_MAX];
};

/* bus.c */

/* Fills in what every frame of this box carries and sends it. */
void bus_transmit(struct bus *bus, struct frame *frame, enum plane plane);

static inline struct bus_lane_counters *
lane_counters(struct bus *bus, enum lane lane)
{
    return &bus->counters.lane[lane];
}

/* 'a' lies before 'b' on the circle of sequences. */
static inline bool
sequence_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* peer.c */

void bus_peer_table_init(struct bus *bus);
struct peer *bus_peer_find(const struct bus *bus, uint64_t address);
/* Finds or makes; evicts an idle one when the table is full.  ERR_NOMEM,
 * ERR_FULL. */
MUST_USE int bus_peer_get(struct bus *bus, uint64_t address,
                          struct peer **out);
void bus_peer_free(struct bus *bus, struct peer *peer);
void bus_peer_touch(struct bus *bus, struct peer *peer, uint64_t now_ns);
/* The lane's state, made when needed. */
MUST_USE int bus_peer_lane(struct bus *bus, struct peer *peer, enum lane lane,
                           struct bus_lane **out);
/* Makes sure the peer is looked at by the next pump and deadline. */
void bus_peer_activate(struct bus *bus, struct peer *peer);
void bus_peer_open(struct bus *bus, struct peer *peer);
/* Ends the session; drops all its messages; tells the user unless
 * 'silent'. */
void bus_peer_close(struct bus *bus, struct peer *peer, bool silent);
void bus_peer_up(struct bus *bus, struct peer *peer);
/* Takes note of the life a frame comes from.  ERR_STALE: a former one. */
MUST_USE int bus_peer_hear(struct bus *bus, struct peer *peer, uint64_t now_ns,
                           uint64_t incarnation);
/* Judges a frame of a reliable lane by its session; ERR_STALE: ignore it. */
MUST_USE int bus_peer_admit(struct bus *bus, struct peer *peer,
                            uint64_t now_ns, const struct frame *frame,
                            enum plane plane);
/* How frames name a life and session of their receiver; never 0. */
uint16_t bus_peer_tag(uint64_t incarnation, uint16_t session);
uint64_t bus_peer_deadline_ns(const struct peer *peer);
unsigned bus_lane_window(enum lane lane);

/* send.c */

void bus_out_init(struct bus_lane *lane, struct send_slot *slots);
void bus_out_clear(struct bus *bus, struct bus_lane *lane);
MUST_USE int bus_out_queue(struct bus *bus, struct peer *peer,
                           struct bus_lane *lane, uint64_t now_ns,
                           const struct bus_message *message);
/* Sends one frame if the lane may; false: it may not. */
bool bus_out_one(struct bus *bus, struct peer *peer, struct bus_lane *lane,
                 uint64_t now_ns);
/* Whether bus_out_one() would send. */
bool bus_out_ready(const struct bus_lane *lane);
/* Takes the acknowledgement a frame carries. */
void bus_out_acknowledged(struct bus *bus, struct peer *peer,
                          struct bus_lane *lane, uint64_t now_ns,
                          const struct frame *frame);
/* The repeat timer is due.  ERR_UNREACHABLE: the peer is given up. */
MUST_USE int bus_out_repeat(struct peer *peer, struct bus_lane *lane,
                            uint64_t now_ns);

/* receive.c */

void bus_in_init(struct bus_lane *lane, struct receive_slot **slots);
void bus_in_clear(struct bus *bus, struct bus_lane *lane);
/* Takes a frame that carries a part of a message.  ERR_MALFORMED: the peer
 * breaks the rules, end the session. */
MUST_USE int bus_in_frame(struct bus *bus, struct peer *peer,
                          struct bus_lane *lane, uint64_t now_ns,
                          const struct frame *frame, enum plane plane);
/* Offers again what was refused. */
MUST_USE int bus_in_retry(struct bus *bus, struct peer *peer,
                          struct bus_lane *lane, uint64_t now_ns);
/* Sends the acknowledgement that is due. */
void bus_in_answer(struct bus *bus, struct peer *peer, struct bus_lane *lane,
                   uint64_t now_ns);
/* The lane has just told its state in another frame. */
void bus_in_answered(struct bus_lane *lane);
uint8_t bus_in_credit(const struct bus *bus, const struct bus_lane *lane);

#endif
