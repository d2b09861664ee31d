/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of a run share.
 */
#ifndef SIM_RUN_RUN_PRIV_H
#define SIM_RUN_RUN_PRIV_H

#include "faults/ledger.h"
#include "faults/oracles.h"
#include "reference-nos/schema/operator_msg.h"
#include "sim/kernel/random.h"
#include "sim/run/run.h"
#include "sim/run/traffic.h"
#include "sim/run/watch.h"

/* A cluster that is not up by then is stuck. */
#define RUN_BOOT_LIMIT_S 3600u
#define RUN_REAL_BOOT_LIMIT_S 120u
/* A harness that was kept from looking for so long measures the host. */
#define RUN_LATE_MS 1000u
/* How long a number is not given again when the scenario says nothing. */
#define TOMBSTONE_DEFAULT_S 1800u
/* Quiet time between "up" and t = 0. */
#define RUN_SETTLE_S 2u
#define RUN_POLL_MS 10u

/* What an event of the timeline has done so far. */
struct event_state {
    uint64_t fired;
    struct simtime first_at; /* absolute */
    struct simtime done_at;  /* absolute; when the first was in effect */
    struct simtime next_at;  /* absolute; SIMTIME_LIMIT + 1: no more */
    struct box_set boxes;    /* what it hit last */
    struct target last;      /* link, plane or service it hit last */
    bool has_last;
    bool triggered;      /* what it waits for has come */
    bool skipped;        /* this world cannot do it */
    struct simtime base; /* absolute; its times count from here */
    /* Switchover measures. */
    struct simtime detected_at; /* first election after it */
    bool detected;
    bool led, ready, applied;
    uint64_t led_term;
    struct simtime led_at;       /* a voter won an election after it */
    struct simtime ready_at;     /* its no-op is committed */
    struct simtime applied_at;   /* the last of .heirs obeyed it */
    struct box_set heirs;        /* members then that have not yet */
    struct simtime last_ack_at;  /* before it */
    struct simtime first_ack_at; /* of a write acknowledged after it */
    bool acked;
};

/* Something to be undone, or done again, later. */
struct pending {
    struct simtime at;
    struct world_fault fault;
    bool random;           /* belongs to random-faults */
    uint32_t event;        /* of the timeline */
    struct simtime period; /* link.flap: 0 when it is no flap */
    struct simtime up_span;
    struct simtime until;
    uint64_t order;
};

struct probe {
    uint64_t client;
    struct simtime every;
    struct simtime next_at; /* of the next attempt */
    struct simtime deadline;
    struct simtime sent_at;
    uint64_t sequence; /* of the write under way */
    uint64_t token;    /* of the request under way; 0: none */
    bool reading;
    bool read_due;
    unsigned controller; /* slot asked */
    uint64_t acked;      /* writes */
    uint64_t lost;
    struct simtime last_ack_at;
    uint64_t next_token;
    /* The answer, noted by the listener. */
    bool answered;
    int status;
    uint64_t leader;
    uint64_t value;
};

/* Random faults of the soak. */
struct random_faults {
    bool on;
    uint32_t event;
    uint64_t factor_permille;
    uint64_t kinds; /* bits of enum catalogue_id; 0: all */
    struct simtime repair;
    uint64_t at_once;
    struct simtime until;
    struct simtime next_at;
    uint64_t drawn;
    uint64_t open;
};

/* A request that waits for its answer, before the run begins. */
struct run_question {
    uint64_t token; /* 0: none, or answered */
    uint64_t asked;
    size_t size;
    uint8_t bytes[OPERATOR_REPLY_MAX];
};

struct run {
    const struct run_options *options;
    const struct scenario *scenario;
    struct outcome *outcome;
    struct world *world;
    struct cluster_plan *plan;
    struct ledger *ledger;
    struct oracles *oracles;
    struct watch watch;
    struct probe probe;
    struct run_question *question; /* or NULL */
    struct random_faults random;
    struct run_traffic traffic;
    struct event_state *events;
    struct rows pendings; /* struct pending */
    uint64_t pending_order;
    struct outcome_expect *expects;
    bool *decided;
    struct simtime origin;  /* absolute time of the scenario's t = 0 */
    struct simtime ends_at; /* absolute */
    struct simtime power_at;
    struct simtime boot_time;
    struct simtime last_disturbed; /* last injection, heal or repair */
    struct simtime last_step;      /* last event of the timeline */
    struct simtime deadline;       /* the next of those that run */
    struct simtime latest;         /* worst oversleeping of a real world */
    struct simtime seen_at;        /* of the last observation */
    unsigned skipped_steps;
    uint32_t applying;       /* event, or SCENARIO_NO_EVENT */
    bool real;               /* not in simulated time */
    bool rested;             /* ended early, at rest */
    struct simtime ended_at; /* absolute; the metrics stand still since */
    bool opened;
    bool broken; /* the world failed */
    bool ended;
    bool converged; /* now */
    struct simtime converged_since;
    size_t baseline_bytes;
    unsigned spares_used;
    bool searched;
    struct digest_value search_digest; /* of the trials, in order */
};

/* run.c */

/* Absolute; the end of the run once it has ended. */
struct simtime run_now(const struct run *run);

/* plan.c */

/* How long a number rests. */
uint32_t run_tombstone_s(const struct scenario_cluster *cluster);

/* expectations.c */

/* Looks at those that must come true within a time; true while one runs. */
bool expects_poll(struct run *run);
/* Something was seen at 'at': those that ran out before are decided by what
 * held until then, however late it is looked at. */
void expects_close(struct run *run, struct simtime at);
void expects_undecided(struct run *run, size_t index, const char *why);
/* Decides those that are left. */
void expects_end(struct run *run);

/* finish.c */

/* Fills the outcome. */
void run_finish(struct run *run);

/* stages.c */

/* Follows each event through detect, elect, commit, apply. */
void stages_note(struct run *run, const struct observation *seen);
/* ERR_NOENT when it did not get that far. */
int stages_value(const struct run *run, const struct metric_ref *ref,
                 uint64_t *value);

/* world_netns.c */

int run_netns_create(const struct run_options *options,
                     struct cluster_plan *plan, world_listener *listener,
                     void *context, struct world **world, char *message,
                     size_t message_size);

/* network.c: a scenario of plain queues; as run_scenario(). */
int run_network(const struct run_options *options, struct outcome *outcome,
                char *message, size_t message_size);

/* world_ns3.c */

struct des_options;

/* Fills 'des', which makes the world then; run_ns3_undo() if that failed. */
int run_ns3_prepare(const struct run_options *options, struct des_options *des,
                    char *message, size_t message_size);
void run_ns3_undo(struct des_options *des);

/* convergence.c */
bool run_converged(const struct run *run);

/* select.c */

/* Adds the boxes 'target' means now. */
void select_boxes(struct run *run, const struct target *target,
                  struct box_set *boxes);
unsigned select_slot(const struct run *run, enum role role, unsigned number);
unsigned box_set_count(const struct box_set *set);
/* "ncp-3", "ncp-3 and 4 more", ... */
void box_set_text(const struct run *run, const struct box_set *boxes,
                  char *text, size_t size);

/* apply.c: the timeline */

void apply_event(struct run *run, unsigned index);
/* Does what is due at 'now'; the time of the next one. */
void pendings_fire(struct run *run, struct simtime now);
struct simtime pendings_next(const struct run *run);
void pending_add(struct run *run, const struct pending *pending);
void run_inject(struct run *run, const struct world_fault *fault,
                const char *text, bool planned);
void run_note(struct run *run, const char *kind, const char *name,
              const char *target, const char *format, ...) PRINTF_LIKE(5, 6);
void run_skip(struct run *run, const char *text, const char *reason);

/* search.c */

/* Searches when it is time. */
void search_poll(struct run *run);
struct simtime search_next(const struct run *run);
int search_value(struct run *run, const struct metric_ref *ref,
                 uint64_t *value);

/* addresses.c: gives the ends that traffic uses their prefixes, as an
 * operator would, and waits until every card has them; false when they never
 * do. */
bool addresses_configure(struct run *run);
void addresses_observe(struct run *run, const struct observation *seen);
/* Gives each static route of traffic so many next hops; false when nobody can
 * be asked. */
bool addresses_change(struct run *run, unsigned hops);

/* random_faults.c */

void random_faults_start(struct run *run, unsigned event);
void random_faults_fire(struct run *run, struct simtime now);
void random_faults_healed(struct run *run);

/* probe.c */

void probe_start(struct run *run);
void probe_observe(struct run *run, const struct observation *seen);
/* Does what is due; the time it wants to be called again. */
struct simtime probe_step(struct run *run, struct simtime now);

/* values.c */

int run_reading(void *arg, const struct metric_ref *ref,
                struct expr_reading *reading);
void values_record(struct run *run);

#endif
