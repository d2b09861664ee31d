/* SPDX-License-Identifier: Apache-2.0
 *
 * Traffic of a run: from the scenario's blocks to the plane, and back to
 * numbers.
 */
#ifndef SIM_RUN_TRAFFIC_H
#define SIM_RUN_TRAFFIC_H

#include "models/flows/flows.h"
#include "models/plane/plane.h"
#include "sim/scenario/expr.h"
#include "sim/scenario/scenario.h"

struct run;
struct traffic_captures;
struct traffic_rates;

/* One block of the scenario. */
struct traffic_block {
    struct traffic_spec spec;
    uint32_t *senders, *receivers; /* ends */
    bool added;                    /* when it begins is known */
    bool offered;                  /* the plane has it */
    unsigned flow;                 /* of the plane */
    struct simtime begins, ends;   /* absolute */
};

struct run_traffic {
    struct data_plane *plane; /* NULL: no packets in this run */
    struct flows *flows;      /* NULL: no rates in this run */
    struct traffic_rates *rates;
    /* Of a network of queues, which has one block and no plane; or NULL. */
    const struct plane_flow_stats *network;
    struct traffic_block *blocks;
    size_t block_count;
    bool *used;     /* ends that send or receive */
    bool *routed;   /* ends before whose networks a router stands */
    uint64_t edits; /* transactions an operator asked for */
    unsigned end_count;
    bool ready; /* addresses are configured */
    uint64_t lost;
    uint64_t first_lost_ps, last_lost_ps;
    struct traffic_captures *captures; /* or NULL */
};

/* What only the models know of the scenario's ports and loads. */
MUST_USE int traffic_plan_check(const struct scenario *scenario,
                                const struct cluster_plan *plan, char *message,
                                size_t message_size);

/* Ends of the blocks; before anything runs. */
void traffic_init(struct run *run);
void traffic_fini(struct run *run);
/* The cluster is up: gives the ends in use their addresses and waits until
 * every card has them.  False when that never happens. */
bool traffic_prepare(struct run *run);
/* t = 0 has come, or an event has happened: adds what can begin. */
void traffic_poll(struct run *run);
/* Does any go on, or is anything of it under way? */
bool traffic_goes_on(const struct run *run);

/* Of METRIC_TRAFFIC_*, LATENCY_*, FABRIC_*, BUFFER_*. */
int traffic_reading(struct run *run, const struct metric_ref *ref,
                    struct expr_reading *reading);
/* What block 'index' met; NULL when it never began. */
const struct plane_flow_stats *traffic_stats(struct run *run, size_t index);
/* How long it lasted, until 'now'. */
struct simtime traffic_span(const struct run *run, size_t index);

/* rates.c: by packets or by rates, */
bool traffic_runs(const struct run_traffic *traffic);
unsigned traffic_ends(const struct run_traffic *traffic);
struct plane_end traffic_end(const struct run_traffic *traffic, unsigned end);
void traffic_address(const struct run_traffic *traffic, unsigned end,
                     struct fwd_prefix *host);
void traffic_address_set(struct run_traffic *traffic, unsigned end,
                         const struct fwd_prefix *host, bool routed);
MUST_USE int traffic_offer(struct run_traffic *traffic,
                           struct traffic_block *block);
/* ... and by rates alone. */
void rates_init(struct run_traffic *traffic);
void rates_fini(struct run_traffic *traffic);
/* Valid until the next call; its histograms are empty. */
const struct plane_flow_stats *rates_stats(struct run *run, size_t index);
bool rates_held(const struct run_traffic *traffic);
/* ERR_UNSUPPORTED when it is not a total of the run, or not one of rates. */
MUST_USE int rates_value(const struct run_traffic *traffic, enum metric_id id,
                         uint64_t *value);
/* Is the metric one that rates can tell? */
bool rates_have(enum metric_id id);

/* traffic_record.c: rows of the outcome. */
void traffic_record(struct run *run);

/* captures.c: below run_options.capture_dir; without one, skipped. */
MUST_USE int captures_open(struct run *run, char *message,
                           size_t message_size);
void captures_close(struct run *run);

#endif
