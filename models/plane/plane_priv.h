/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the plane.
 *
 * Nodes     a card or a fabric box is touched by the handlers of its own part
 *           alone, and by the caller between runs.  Nodes talk through the
 *           engine's lines.
 * Packets   live in one pool; a packet belongs to its ingress card until its
 *           first cell is sent, then to its egress card.  Cells carry what a
 *           fabric box must know in their word.
 * Lost cell whoever loses a cell tells the egress card, so that each packet's
 *           cells are all accounted for: that is book-keeping, not a message
 *           of the modelled hardware, whose card waits until its timer ends.
 */
#ifndef MODELS_PLANE_PLANE_PRIV_H
#define MODELS_PLANE_PLANE_PRIV_H

#include <pthread.h>

#include "models/engine/engine.h"
#include "models/plane/fib.h"
#include "models/plane/plane.h"
#include "reference-nos/base/check.h"

#define PLANE_NONE UINT32_MAX
#define PLANE_PARTS_MAX 16u
#define PLANE_CARDS_MAX 255u
#define PLANE_LINKS_MAX FWD_FABRIC_PORTS_MAX
#define PLANE_TTL 64u
#define PLANE_L1_BYTES TRAFFIC_L1_BYTES
#define PLANE_FRAME_SIZES (TRAFFIC_FRAME_MAX + 1u)
#define PLANE_HIST_BITS 7u
#define PLANE_FLOWS_MAX 4096u

/* ---- packets ------------------------------------------------------------ */

enum packet_state {
    PACKET_FREE,
    PACKET_LIVE,   /* held */
    PACKET_COUNTED /* dropped; its cells are not all accounted for */
};

/* What every packet needs stands in the first 64 bytes. */
struct packet {
    /* Stages begin and end at these; see enum plane_stage. */
    uint64_t due_ps, queued_ps, sent_ps, whole_ps;
    uint64_t number;         /* of its sender */
    uint32_t next;           /* in the queue it stands in */
    uint32_t sequence;       /* in its virtual output queue */
    uint16_t from, to, exit; /* ends */
    uint16_t bytes;
    uint16_t spec; /* whose statistics count it */
    uint8_t cells, got, lost;
    uint8_t state; /* enum packet_state */
    uint8_t traffic_class;
    uint8_t source; /* ingress card */
    /* The rest. */
    uint64_t asked_ps, ready_ps;
    uint32_t open_previous, open_next; /* packets that miss cells */
    uint16_t flow;                     /* of its sender and receiver */
    uint8_t ttl;
    uint8_t cause; /* enum plane_drop, of the first lost cell */
    bool deep;     /* in the deep buffer */
    bool open;     /* in the list of those that miss cells */
    bool passed;   /* its turn in the order is over */
    uint8_t unused[33];
};

#define POOL_CHUNK_BITS 12u
#define POOL_CHUNK (1u << POOL_CHUNK_BITS)
#define POOL_CHUNKS_MAX 65536u
#define POOL_BLOCK 256u /* moved between a part and the rest */

struct packet_pool {
    pthread_mutex_t lock; /* guards all but the chunks' contents */
    struct packet **chunks;
    unsigned chunk_count;
    uint32_t *spare; /* free packets, in blocks of POOL_BLOCK */
    size_t spare_count, spare_room;
};

/* ---- tables of one box -------------------------------------------------- */

/* Where a card sends packets to an end. */
struct answer {
    uint32_t epoch;
    uint32_t value; /* exit end, or one of: */
};

#define ANSWER_DROP 0x80000000u  /* | enum plane_drop */
#define ANSWER_GROUP 0xc0000000u /* | slot of a group of several */

/* ---- ingress ------------------------------------------------------------ */

struct end_source {
    struct traffic_source source;
    struct traffic_packet next;
    bool more;
    uint16_t spec;
};

struct end_tap {
    plane_tap *tap;
    void *context;
    struct end_tap *next;
};

struct end {
    uint64_t bps;
    uint64_t in_free_ps;   /* the wire into the port */
    uint64_t in_at_ps;     /* last bit of the packet picked */
    uint64_t in_before_ps; /* in_free_ps before that one */
    uint64_t numbers;
    struct end_source *sources;
    struct end_tap *taps;
    const uint32_t *wire_ps; /* by frame bytes, at 'bps' */
    uint32_t timer;
    unsigned source_count;
    int picked; /* source of the packet under way, or -1 */
    uint16_t port;
    uint8_t card;
    bool returns; /* a router there sends everything back */
};

/* A virtual output queue: one egress port and class on one card. */
struct voq {
    uint32_t head, tail;
    uint32_t unasked; /* first whose credit has not been asked for */
    uint32_t packets;
    uint64_t bytes; /* of frames */
    uint64_t asked_cost;
    uint64_t waits_ps; /* since then without a credit */
    int32_t balance;   /* of credit; below 0: deficit */
    uint32_t sequence; /* of the next packet sent */
    uint32_t next;     /* in the ready list of its card */
    uint32_t deep;     /* packets in the deep buffer */
    uint16_t open;     /* credits asked for and not granted */
    uint16_t exit;
    uint8_t traffic_class;
    bool ready; /* has credit, waits for room on the fabric */
};

struct card_link {
    uint64_t free_ps;
    uint32_t line;
    uint16_t ncf, ncf_port;
    unsigned cable;
};

/* What a card knows of the way to another. */
struct card_way {
    uint64_t reach;  /* links: programmed, lit, and known to lead there */
    uint64_t paused; /* links whose fabric box asked to wait */
    uint32_t ready_head, ready_tail; /* queues that wait for room */
};

/* ---- egress ------------------------------------------------------------- */

/* From one card to one port and class. */
struct stream {
    uint32_t wanted;                /* credits */
    uint32_t sequence;              /* next in order */
    uint32_t waiting, waiting_tail; /* later packets, whole or lost, by
                                       sequence */
    uint16_t next; /* in the ring of those that want credits */
    bool ringed;
};

struct egress_class {
    struct stream *streams;        /* one for each card; NULL: never used */
    uint32_t head, tail;           /* packets */
    uint16_t ring_head, ring_tail; /* streams */
    uint64_t credit_tag, send_tag; /* self-clocked fair queueing */
};

struct egress_port {
    uint64_t credit_span_ps; /* between two grants */
    uint64_t credit_next_ps;
    uint64_t queued_bytes, stop_bytes;
    uint64_t credit_clock, send_clock; /* tags of what was served last */
    uint32_t credit_timer, send_timer;
    uint32_t sending;       /* packet on the wire */
    uint8_t wanted, queued; /* classes, a bit each */
    bool up;                /* FWD_FRONT */
    bool credit_armed;
    struct egress_class classes[ASIC_CLASSES];
};

/* ---- boxes -------------------------------------------------------------- */

struct card {
    unsigned box, index, part;
    unsigned first_end, ports, links;
    bool alive, forwarding;
    bool named; /* 'module' was written once */
    uint16_t module;
    uint32_t epoch; /* of answers */
    uint64_t programmed[FWD_MODULES_MAX];
    struct card_link *link;
    struct card_way *ways; /* by card */
    unsigned spray;        /* next link */
    unsigned served;       /* card last served from its ready list */
    unsigned ready_count;
    uint64_t tx_at_ps; /* timer; UINT64_MAX: not set */
    uint32_t tx_timer, watch_timer, open_timer, reach_line, deep_line,
        local_line;
    bool watching, open_armed;
    uint64_t reach_last_ps; /* last pushed on reach_line */
    /* Buffers. */
    uint64_t onchip_bytes, deep_bytes;
    uint64_t write_free_ps, read_free_ps;
    uint64_t buffer_peak_bytes, egress_bytes;
    /* Queues. */
    struct voq *voqs;
    uint32_t voq_count, voq_room;
    uint32_t *voq_of[ASIC_CLASSES]; /* by end */
    /* Tables. */
    struct fib fib;
    struct group_table groups;
    struct answer *answers; /* by end */
    /* Egress. */
    struct egress_port *egress;
    uint32_t open_head, open_tail;
};

struct ncf_link {
    uint64_t free_ps;
    uint32_t line;
    uint16_t card, card_port;
    bool cabled;
    unsigned cable;
};

struct ncf_way {
    uint64_t out;
    uint64_t paused_ps; /* since */
    uint32_t timer;
    bool paused;
};

struct ncf {
    unsigned box, index, part, links;
    bool alive, forwarding;
    uint64_t programmed[FWD_MODULES_MAX];
    struct ncf_link *link;
    struct ncf_way *ways; /* by card */
};

struct cable {
    uint16_t card, card_port, ncf, ncf_port;
    bool card_light, ncf_light;
    bool lit, was_lit;   /* was: before the change */
    uint64_t changed_ps; /* far cards know after reach_ps */
};

/* ---- what a part counts ------------------------------------------------- */

struct flow_counts {
    struct plane_flow_stats stats; /* histograms are made when needed */
};

enum record_kind { RECORD_IN, RECORD_OUT, RECORD_DROP };

struct record {
    uint64_t at_ps;
    unsigned place; /* end; box of a drop */
    uint8_t kind;   /* enum record_kind */
    uint8_t cause;  /* of a drop */
    struct plane_tap_packet packet;
};

struct order_slot {
    uint64_t key; /* 0: free */
    uint64_t number;
};

struct plane_part {
    struct data_plane *plane;
    struct engine_part *engine;
    unsigned index;
    struct flow_counts *flows;
    uint64_t cells, credits, deep_packets, paused_ps;
    uint32_t free[2 * POOL_BLOCK];
    unsigned free_count;
    uint32_t egress_line; /* pipeline */
    uint32_t return_line; /* from routers that send back */
    uint32_t request_lines[PLANE_PARTS_MAX], grant_lines[PLANE_PARTS_MAX],
        news_lines[PLANE_PARTS_MAX]; /* to that part */
    struct record *records;
    size_t record_count, record_room;
    struct order_slot *order; /* last delivered of a flow */
    size_t order_count, order_room;
};

struct data_plane {
    const struct cluster_plan *plan;
    const struct asic *asic;
    uint64_t seed;
    struct engine *engine;
    unsigned part_count;
    struct plane_part parts[PLANE_PARTS_MAX];
    struct packet_pool pool;
    unsigned card_count, ncf_count, end_count;
    struct card *cards;
    struct ncf *ncfs;
    struct cable *cables;
    struct end *ends;
    struct fwd_prefix *addresses;            /* by end */
    bool *routed;                            /* by end: lies behind a router */
    uint16_t *card_of_box, *ncf_of_box;      /* UINT16_MAX: none */
    uint8_t card_of_module[FWD_MODULES_MAX]; /* UINT8_MAX: none */
    uint64_t link_ps;                        /* propagation */
    uint64_t way_ps; /* from card to card of what is never queued */
    uint64_t fifo_ps, ncf_queue_ps, ncf_pause_ps, ncf_resume_ps;
    uint64_t port_bps;
    uint32_t *wire_ps;     /* by frame bytes, at port_bps */
    uint32_t cell_ps[513]; /* by cell bytes */
    uint8_t cell_count[PLANE_FRAME_SIZES];
    uint16_t cell_last[PLANE_FRAME_SIZES]; /* bytes of the last cell */
    struct traffic_spec *specs[PLANE_FLOWS_MAX];
    struct plane_flow_stats *merged; /* by flow */
    unsigned flow_count;
    uint32_t stream_count; /* of traffic sources */
    bool ran;              /* traffic has begun */
    bool ordering;         /* paths may change: look for reordering */
    plane_drop_listener *listener;
    void *listener_context;
    unsigned tap_count;
    size_t own_bytes; /* allocated, besides pool and engine */
};

/* ---- small helpers ------------------------------------------------------ */

static inline struct packet *
plane_packet(const struct data_plane *plane, uint32_t ref)
{
    return &plane->pool.chunks[ref >> POOL_CHUNK_BITS][ref & (POOL_CHUNK - 1)];
}

static inline struct plane_part *
plane_part_of(struct engine_part *engine)
{
    return engine_context(engine);
}

static inline struct egress_port *
plane_exit_port(struct card *card, unsigned exit)
{
    return &card->egress[exit - card->first_end];
}

/* Fields of a word: who gets it, who sent it, ... */
static inline unsigned
word_bits(uint64_t word, unsigned shift, unsigned bits)
{
    return (unsigned)(word >> shift) & ((1u << bits) - 1);
}

/* pool.c */
void plane_pool_init(struct packet_pool *pool);
void plane_pool_fini(struct packet_pool *pool);
uint32_t plane_packet_take(struct plane_part *part);
void plane_packet_free(struct plane_part *part, uint32_t ref);
void *plane_alloc(struct data_plane *plane, size_t count, size_t size);

/* build.c */
int plane_build(struct data_plane *plane, unsigned threads, char *message,
                size_t message_size);
void plane_unbuild(struct data_plane *plane);
size_t plane_memory(const struct data_plane *plane);

/* tables.c: what the card does with an address, and ways over the fabric */
/* The exit end, or ANSWER_DROP | cause. */
uint32_t plane_resolve(struct data_plane *plane, struct card *card,
                       const struct packet *packet);
void plane_update_card(struct data_plane *plane, struct card *card);
void plane_update_all(struct data_plane *plane);

/* source.c */
engine_handler plane_end_due, plane_return_arrive;
void plane_end_arm(struct data_plane *plane, struct end *end);

/* voq.c */
void plane_voq_enter(struct plane_part *part, struct card *card, uint32_t ref);
uint32_t plane_voq_take(struct plane_part *part, struct card *card,
                        struct voq *voq);
void plane_voq_renew(struct plane_part *part, struct card *card,
                     unsigned exit_card);
void plane_voq_flush(struct plane_part *part, struct card *card,
                     struct voq *voq, enum plane_drop cause);
engine_handler plane_deep_read, plane_watch_due, plane_grant_arrive,
    plane_local_grant;

/* fabric.c */
void plane_voq_send(struct plane_part *part, struct card *card,
                    struct voq *voq);
/* Somebody lost a cell for card 'to'. */
void plane_cell_lose(struct plane_part *part, unsigned to,
                     const struct engine_item *item, enum plane_drop cause);
void plane_tx_run(struct plane_part *part, struct card *card);
engine_handler plane_tx_due, plane_ncf_cell, plane_ncf_resume,
    plane_news_arrive;

/* credit.c */
void plane_credit_request(struct plane_part *part, struct card *card,
                          unsigned source, unsigned port,
                          unsigned traffic_class, unsigned count);
void plane_credit_run(struct plane_part *part, struct card *card,
                      unsigned port);
struct stream *plane_stream(struct data_plane *plane, struct egress_port *port,
                            unsigned traffic_class, unsigned source);
engine_handler plane_request_arrive, plane_credit_due;

/* reassembly.c */
void plane_cell_lost(struct plane_part *part, struct card *card, uint32_t ref,
                     enum plane_drop cause);
void plane_reassembly_flush(struct plane_part *part, struct card *card);
engine_handler plane_card_cell, plane_open_due;

/* egress.c */
void plane_egress_release(struct plane_part *part, uint32_t ref);
void plane_egress_flush(struct plane_part *part, struct card *card,
                        unsigned port, enum plane_drop cause);
engine_handler plane_egress_arrive, plane_send_done;

/* stats.c */
/* Counts the drop; frees the packet unless cells of it are still to come. */
void plane_drop_packet(struct plane_part *part, unsigned box, uint32_t ref,
                       enum plane_drop cause);
void plane_count_sent(struct plane_part *part, const struct packet *packet);
/* Counts and frees. */
void plane_deliver(struct plane_part *part, uint32_t ref);
void plane_record_tap(struct plane_part *part, unsigned end, bool out,
                      uint64_t at_ps, const struct packet *packet);
/* Tells what was noted up to 'until_ps', and keeps the rest. */
void plane_records_tell(struct data_plane *plane, uint64_t until_ps);
void plane_flow_add(struct data_plane *plane);
void plane_stats_fini(struct data_plane *plane);

/* reach.c */
engine_handler plane_reach_due;

#endif
