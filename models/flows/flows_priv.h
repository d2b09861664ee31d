/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the plane by rates.
 *
 * Demand    what one spec offers on one card for one end.  Tables make it one
 *           part, or several where a group has several hops.
 * Part      goes to one queue, or is dropped at the lookup.  It knows what it
 *           adds to the rates of its spec, so that a change takes off exactly
 *           what was put on.
 * Queue     of a card for an exit and class: a fluid.  Before anything of it
 *           changes it is touched: its volumes are brought up to now, and its
 *           parts' rates taken off.  A solution settles all touched ones.
 * Units     bits at layer 1, per second; volumes in bits times nanoseconds
 *           per second (10^-9 bit).  Fabric: bits of cells.
 */
#ifndef MODELS_FLOWS_FLOWS_PRIV_H
#define MODELS_FLOWS_FLOWS_PRIV_H

#include "models/flows/flows.h"
#include "models/plane/fib.h"
#include "reference-nos/base/check.h"

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

#define FLOWS_NONE UINT32_MAX
#define FLOWS_NEVER UINT64_MAX
#define FLOWS_FREE UINT64_MAX /* a level that binds nobody */
#define FLOWS_NS_PER_S UINT64_C(1000000000)
#define FLOWS_Q 20u /* ratios: bits behind the point */
#define FLOWS_ONE (UINT64_C(1) << FLOWS_Q)
#define FLOWS_PPM 1000000u
#define FLOWS_LINKS_MAX FWD_FABRIC_PORTS_MAX
#define FLOWS_CARDS_MAX 255u
#define FLOWS_SPECS_MAX 4096u
#define FLOWS_DELIVERED PLANE_DROP_COUNT /* a fate beside the causes */

struct flow_spec {
    struct traffic_spec spec;
    uint64_t begin_ns, end_ns;
    uint64_t load_ppm; /* mean, of a port */
    bool active;
    /* One mean packet, as sums over 'weight' packets. */
    uint64_t weight, bytes, cell_bits;
    uint64_t cell_ratio, frame_ratio; /* of a bit at layer 1 */
    uint32_t first_demand, demand_count;
    /* Each sender has one peer and one demand; or (peers NULL) each card with
     * senders has a row of demands, one for each receiver. */
    uint32_t *peers; /* by sender */
    uint32_t *place; /* by end: among the receivers, or FLOWS_NONE */
    const uint32_t *receivers;
    uint32_t receiver_count;
    uint16_t *card_row; /* by card: its row of demands, or UINT16_MAX */
    uint64_t *blocked;  /* by card: offered at ports out of service */
    /* Volumes up to 'since_ns', and rates from then on. */
    uint64_t since_ns;
    u128 sent, delivered, dropped[PLANE_DROP_COUNT];
    uint64_t sent_bps, delivered_bps, dropped_bps[PLANE_DROP_COUNT];
    uint64_t first_ns, last_ns; /* of deliveries */
    bool lost;
    uint64_t first_lost_ns, last_lost_ns;
    struct flows_stats stats;
};

struct flow_demand {
    uint32_t spec, to, parts;
    uint16_t card;
    uint64_t bps;
};

struct flow_part {
    uint32_t demand, queue; /* queue FLOWS_NONE: dropped at the lookup */
    uint32_t next_of_queue, next_of_demand;
    uint8_t fate; /* enum plane_drop or FLOWS_DELIVERED: what leaves */
    uint8_t refused_cause, lost_cause;
    bool counted;
    uint64_t bps; /* offered */
    uint64_t refused_bps, out_bps, lost_bps;
    i128 held;
};

struct flow_queue {
    uint16_t card, exit;
    uint8_t traffic_class;
    bool touched, backlogged, full, deep;
    bool changed; /* shares of its parts, since it was settled */
    uint32_t parts, part_count;
    uint32_t next_of_card, next_of_exit;
    uint64_t arrival_bps, wish_bps, rate_bps, accepted_bps;
    uint64_t cell_ratio, frame_ratio;
    /* What the sums of its constraints hold of it. */
    uint64_t wish_cells_bps, wish_deep_bps, deep_want_bps;
    int64_t growth_frames_bps;
    i128 held, limit, evict;
    uint64_t since_ns, starved_ns;
    uint64_t mixed_ns; /* until then what leaves came before a change */
    uint64_t due_ns;   /* FLOWS_NEVER: not in the heap */
    uint32_t place;    /* in the heap */
};

struct flow_port {
    uint64_t wish_bps, level[ASIC_CLASSES];
    uint32_t queues; /* head */
    uint8_t classes; /* a bit each */
    bool up, returns, routed;
};

/* From card to card. */
struct flow_pair {
    uint64_t reach;     /* links the card sprays over */
    unsigned dead;      /* of them: lead nowhere */
    uint8_t dead_cause; /* enum plane_drop */
    uint64_t cap_bps;   /* through the boxes both reach */
    uint64_t wish_bps, want_bps, level;
};

struct flow_link {
    uint16_t ncf, ncf_port;
    uint32_t cable;
};

struct flow_card {
    unsigned box, index, first_end, ports, links;
    bool alive, forwarding, rates_dirty, resolve_dirty;
    bool named; /* 'module' was written once */
    uint16_t module;
    uint32_t epoch;
    uint64_t programmed[FWD_MODULES_MAX];
    struct flow_link *link;
    struct fib fib;
    struct group_table groups;
    uint32_t *answers, *answer_epochs; /* by end */
    uint32_t *queue_of[ASIC_CLASSES];  /* by end */
    uint32_t queues;                   /* head */
    uint32_t *demands;
    uint32_t demand_count, demand_room;
    /* Fabric: capacity and wishes out and in; levels of the last solution. */
    uint64_t out_bps, in_bps, out_wish_bps, in_wish_bps;
    uint64_t out_level, in_level, read_level;
    /* Buffer. */
    uint64_t deep_wish_bps;    /* reads */
    uint64_t deep_want_bps;    /* writes, before the buffer refuses */
    int64_t growth_bps;        /* of frames held in queues */
    uint64_t accept_ratio;     /* of what goes to the deep buffer */
    i128 unwritten, held_peak; /* frames */
    bool buffer_dirty, brimful;
    uint64_t since_ns, due_ns;
};

struct flow_ncf {
    unsigned box, links;
    bool alive, forwarding;
    uint64_t programmed[FWD_MODULES_MAX];
    uint32_t cable[FLOWS_LINKS_MAX]; /* FLOWS_NONE: none */
    uint8_t *out;                    /* by card: links that lead there */
};

struct flow_cable {
    uint16_t card, card_port, ncf, ncf_port;
    bool card_light, ncf_light, lit, was_lit;
    uint64_t changed_ns;
};

struct flows {
    const struct cluster_plan *plan;
    const struct asic *asic;
    uint64_t seed, now_ns, next_ns, slack_ns, reach_ns, watchdog_ns;
    uint64_t port_bps, link_bps, transit_ns;
    bool ran;
    unsigned card_count, ncf_count, end_count;
    struct flow_card *cards;
    struct flow_ncf *ncfs;
    struct flow_cable *cables;
    struct flow_port *ports; /* by end */
    uint16_t *card_of_end;
    struct flow_pair *pairs; /* card_count squared */
    struct fwd_prefix *addresses;
    uint64_t *end_load_ppm;
    uint16_t *card_of_box, *ncf_of_box;
    uint8_t card_of_module[FWD_MODULES_MAX];
    struct flow_spec **specs;
    unsigned spec_count;
    struct flow_demand *demands;
    uint32_t demand_count, demand_room;
    struct flow_part *parts;
    uint32_t part_count, part_room, part_spare;
    struct flow_queue *queues;
    uint32_t queue_count, queue_room;
    /* Queues whose rates change by themselves, by time. */
    uint32_t *heap;
    uint32_t heap_count, heap_room;
    uint64_t *tells; /* when far cards know; ascending */
    size_t tell_count, tell_room;
    /* A solution under way. */
    uint32_t *work;
    uint32_t work_count, work_room, work_done;
    uint32_t *constraints; /* to look at */
    uint32_t constraint_count, constraint_room;
    uint8_t *constraint_state; /* bits of solve.c */
    uint32_t *involved;        /* constraints that may bind */
    uint32_t involved_count, involved_room;
    uint64_t *scratch;
    uint32_t scratch_room;
    bool any_returns;
    bool dirty, ways_dirty; /* changes that flows_apply() has not seen */
    uint64_t events, solutions;
};

/* ---- small helpers ------------------------------------------------------ */

static inline uint64_t
flows_scale(uint64_t value, uint64_t ratio)
{
    return (uint64_t)((u128)value * ratio >> FLOWS_Q);
}

static inline uint64_t
flows_unscale(uint64_t value, uint64_t ratio)
{
    return value == FLOWS_FREE || ratio == 0
               ? FLOWS_FREE
               : (uint64_t)(((u128)value << FLOWS_Q) / ratio);
}

static inline uint64_t
flows_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline struct flow_pair *
flows_pair(const struct flows *flows, unsigned from, unsigned to)
{
    return &flows->pairs[from * flows->card_count + to];
}

static inline bool
flows_is_local(const struct flows *flows, const struct flow_queue *queue)
{
    return flows->card_of_end[queue->exit] == queue->card;
}

/* flows.c: when anything changes by itself */
uint64_t flows_next_find(const struct flows *flows);

/* build.c */
void *flows_alloc(size_t count, size_t size);
void *flows_grow(void *array, uint32_t *room, uint32_t count, size_t size);
int flows_build(struct flows *flows, char *message, size_t message_size);
void flows_unbuild(struct flows *flows);

/* demand.c: specs and what they offer */
void flows_spec_begin(struct flows *flows, unsigned spec);
void flows_spec_end(struct flows *flows, unsigned spec);
/* What the card's ports offer, after a port or the card came or went. */
void flows_card_offer(struct flows *flows, struct flow_card *card);
/* The rate of one sender to 'to'. */
uint64_t flows_sender_bps(const struct flows *flows,
                          const struct flow_spec *spec, uint32_t sender,
                          uint32_t to);

/* resolve.c: parts of demands */
void flows_card_resolve(struct flows *flows, struct flow_card *card);
void flows_demand_resolve(struct flows *flows, uint32_t demand);
/* What becomes of what leaves by 'exit' and wants to 'to'. */
uint8_t flows_fate(struct flows *flows, unsigned exit, unsigned to);

/* tables.c */
/* Share of a spec's bits whose packets lose a cell when 'dead' of 'total'
 * links do. */
uint64_t flows_loss_ratio(const struct flows *flows,
                          const struct flow_spec *spec, unsigned dead,
                          unsigned total);
/* Solves for all that has changed; before time moves or is asked about. */
void flows_apply(struct flows *flows);

/* queue.c */
void flows_queue_touch(struct flows *flows, uint32_t index);
uint32_t flows_queue_get(struct flows *flows, unsigned card, unsigned exit,
                         unsigned traffic_class);
/* Brings arrivals and wishes up to date; 'mark': what they weigh on is to be
 * looked at. */
void flows_queue_weigh(struct flows *flows, struct flow_queue *queue,
                       bool mark);
void flows_queue_settle(struct flows *flows, uint32_t index);
void flows_queue_flush(struct flows *flows, uint32_t index,
                       enum plane_drop cause);
/* Puts a part's rates on its spec's, or takes them off. */
void flows_part_count(struct flows *flows, struct flow_part *part, bool on);
uint32_t flows_part_add(struct flows *flows, uint32_t demand, uint32_t queue);
void flows_part_remove(struct flows *flows, uint32_t part);
void flows_spec_advance(struct flows *flows, struct flow_spec *spec);
/* Takes 'volume' that was counted as delivered back as a loss. */
void flows_spec_lose(struct flows *flows, struct flow_spec *spec, u128 volume,
                     enum plane_drop cause);

/* buffer.c */
void flows_card_advance(struct flows *flows, struct flow_card *card);
/* True when the card now takes another share: its queues are touched. */
bool flows_card_buffer(struct flows *flows, struct flow_card *card);

/* heap.c */
void flows_heap_set(struct flows *flows, uint32_t queue, uint64_t due_ns);

/* solve.c */
enum flow_constraint { FLOW_PORT, FLOW_OUT, FLOW_IN, FLOW_READ };
void flows_constraint_mark(struct flows *flows, enum flow_constraint kind,
                           unsigned index);
void flows_solve(struct flows *flows);

#endif
