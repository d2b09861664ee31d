/* SPDX-License-Identifier: Apache-2.0
 *
 * The results store: one SQLite file, the source of truth of every report.
 *
 * Shape    file > campaigns > runs > rows.  A campaign is one call of the
 *          program (one seed or many); each seed is a run; expectations over
 *          seeds belong to the campaign.  schema.sql documents the tables.
 * Writing  rows gather in one transaction that is committed when it is large
 *          and at each end of a run.  A failed write loses at most the open
 *          transaction; what was committed before stays valid.
 * Strings  borrowed for the call; NULL is stored as empty.  Enum-like texts
 *          are stored by name.
 * Times    simulated, picoseconds, below 2^63.
 * Threads  one store, one thread.  A store must not be used in a forked
 *          child; a child that does not touch it does no harm.
 * Errors   0 or a positive 'enum err': ERR_READONLY (folder or file cannot
 *          be written), ERR_NOSPACE (disk full), ERR_VERSION (file of a
 *          newer program), ERR_CORRUPT (not such a file), ERR_NOENT,
 *          ERR_BUSY (another process writes), ERR_RANGE, ERR_IO.  A sentence
 *          for the user goes with it.
 */
#ifndef REPORTS_RESULTS_H
#define REPORTS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/hist.h"
#include "reports/verdict.h"

struct results; /* Opaque. */

enum { RESULTS_SCHEMA_VERSION = 3, RESULTS_ERROR_BYTES = 512 };

enum results_state {
    RESULTS_RUNNING, /* Also what a killed program leaves behind. */
    RESULTS_COMPLETE,
    RESULTS_INTERRUPTED
};

struct results_campaign {
    const char *scenario;      /* Its name, "controller-loss". */
    const char *scenario_file; /* Path as the user gave it. */
    const char *about;         /* One line from the scenario. */
    const char *world;         /* "des". */
    const char *preset;        /* "ddc-large", or how the cluster was made. */
    const char *build;         /* Version and commit of the program. */
    const char *calibration;   /* Name of the CPU cost file. */
    const char *fault_model;   /* What may break, "as scheduled" if listed. */
    const char *fault_rates;   /* At which rates, "none" for a timeline. */
    const char *command;       /* Command line, for the reader. */
    const char *begun;         /* Wall time, text as the caller gives it. */
    uint32_t seeds_planned;
};

struct results_run {
    uint64_t seed;
    const char *begun;         /* Wall time as given, may be empty. */
    uint32_t boxes;            /* Boxes in the cluster at the start. */
    uint32_t ports;            /* Ports whose service the ledger judges. */
    uint32_t dual_homed_ports; /* Of these, in dual-homed services. */
};

struct results_run_end {
    enum results_state state;
    enum verdict verdict;
    int exit_code;
    uint64_t duration_ps;     /* Simulated, from t = 0 of the scenario. */
    uint64_t boot_ps;         /* Simulated time before t = 0. */
    uint64_t events;          /* Events the kernel fired. */
    uint64_t wall_ns;         /* 0 when the caller does not say. */
    const char *digest;       /* 128 bits, 32 hex digits. */
    const char *replay_token; /* What `sixnines replay` takes. */
    const char *note;         /* Why it ended early, or empty. */
};

struct results_campaign_end {
    enum results_state state;
    enum verdict verdict;
    int exit_code;
};

struct results_expectation {
    uint32_t index; /* From 0, the order in the scenario. */
    uint32_t line;  /* In 'file', 0 when unknown. */
    const char *file;
    const char *text; /* "ports.outage(unplanned) == 0s". */
    enum verdict verdict;
    const char *measured;    /* Value with unit, "1.42 s". */
    const char *evidence;    /* What led to the verdict; may span lines. */
    const char *metric;      /* Metric compared, or empty. */
    const char *metric_args; /* Of the metric row; empty: any. */
    bool has_limit;          /* 'limit' is a number to draw. */
    double limit;            /* In the unit of the metric rows. */
};

struct results_event {
    uint64_t time_ps;
    const char *kind;   /* "fault", "action", "note", "phase", "state". */
    const char *name;   /* "box.power-loss". */
    const char *target; /* "ncc-0". */
    const char *text;   /* For people. */
};

struct results_outage {
    const char *port; /* "eth-0/0/7". */
    const char *box;  /* "ncp-12". */
    uint64_t from_ps;
    uint64_t to_ps;     /* The end of the run when 'ongoing'. */
    bool ongoing;       /* Not back in service when the run ended. */
    bool planned;       /* Inside a window an operator asked for. */
    bool degraded_only; /* Less capacity than nominal; not an outage. */
    const char *cause;
};

struct results_metric {
    const char *name; /* "switchover.write-outage". */
    const char *args; /* "pull", or empty. */
    double value;
    const char *unit;      /* "s", "count", "bytes"; empty for a ratio. */
    bool is_bound;         /* The value is only a bound ... */
    bool is_bound_below;   /* ... from below, else from above. */
    uint64_t sample_count; /* Samples behind it, 0 when it is exact. */
};

enum results_load_kind { RESULTS_LOAD_LANE, RESULTS_LOAD_SERVICE };

struct results_load {
    const char *box;
    const char *role; /* "NCP". */
    enum results_load_kind kind;
    const char *name;  /* Lane or service. */
    uint64_t messages; /* Lane: sent by the box; service: handled. */
    uint64_t bytes;
    uint64_t cpu_ns; /* Charged by the CPU model; 0 for a lane. */
};

struct results_alarm {
    const char *box;
    const char *name;
    const char *severity; /* "critical", "major", "minor", "warning". */
    const char *text;
    uint64_t raised_ps;
    uint64_t cleared_ps; /* Only when 'cleared'. */
    bool cleared;
};

struct results_oracle {
    const char *id;    /* "O3". */
    const char *title; /* The property in one line. */
    uint64_t exercised;
    uint64_t violations;
    const char *first; /* The first violation, or empty. */
};

struct results_not_applicable {
    const char *text;   /* What was asked for. */
    const char *reason; /* Why this world cannot do it. */
};

/* One metric of a scenario that ran in two worlds; in the metric's unit. */
struct results_side {
    uint64_t count; /* Runs with a value; without one the rest is 0. */
    double median, low, high;
    bool quantiles; /* Low and high are p5 and p95, else the range. */
};

struct results_comparison {
    const char *metric;
    const char *args;
    const char *unit;
    struct results_side sides[2];
    bool has_difference;
    double difference; /* Of the medians, as a share of the first. */
    double bound;      /* As a share; 0: none. */
    bool stated;       /* The scenario states the bound. */
    const char *state; /* "inside", "outside", "no value", "stage". */
    const char *stage; /* Where the worlds part, or empty. */
};

/* The stage of results_add_latency() that is the whole way, from the time a
 * packet was meant to be sent to its last bit at the receiver. */
#define RESULTS_STAGE_TOTAL "total"

struct results_loss {
    const char *flow;
    const char *cause; /* "tail-drop". */
    uint64_t packets;
    uint64_t bytes; /* Of frames, FCS included. */
};

/* Offered = delivered + lost + still queued when the measurement ended. */
struct results_throughput {
    const char *flow;
    uint64_t offered_packets, offered_bytes; /* Of frames, FCS included. */
    uint64_t delivered_packets, delivered_bytes;
    uint64_t queued_packets, queued_bytes;
    uint64_t duration_ps; /* Of the measurement; 0: no rate is shown. */
};

/* Latency at a share of the rate that a search found. */
struct results_search_load {
    uint32_t share_ppm; /* 0: single frames. */
    uint64_t packets;
    uint64_t min_ps, mean_ps, max_ps;
};

/* What a search found for a frame size (RFC 2544, section 26). */
struct results_search {
    uint32_t frame_bytes; /* FCS included. */
    bool is_burst;        /* 'level' counts frames back to back ... */
    uint32_t level;       /* ... else it is ppm of the port's rate. */
    uint32_t resolution_ppm;
    uint32_t trials;
    uint64_t trial_ps; /* How long each sent. */
    uint64_t port_bps;
    const struct results_search_load *loads;
    size_t load_count;
};

/* Opens 'path' for writing, making it when missing and appending when it is
 * one of ours; one of an older version is brought up to this one.  A first row
 * is written, so an unwritable folder or a full disk shows before the run.  On
 * failure a sentence is in 'error'. */
MUST_USE int results_open(const char *path, struct results **results,
                          char *error, size_t error_size);

/* The sentence that goes with the last failure; empty when none. */
const char *results_error(const struct results *results);

MUST_USE int results_campaign_begin(struct results *results,
                                    const struct results_campaign *campaign,
                                    int64_t *campaign_id);
MUST_USE int results_campaign_end(struct results *results, int64_t campaign_id,
                                  const struct results_campaign_end *end);
MUST_USE int results_run_begin(struct results *results, int64_t campaign_id,
                               const struct results_run *run, int64_t *run_id);
MUST_USE int results_run_end(struct results *results, int64_t run_id,
                             const struct results_run_end *end);

/* Rows of a run. */
MUST_USE int results_add_expectation(struct results *results, int64_t run_id,
                                     const struct results_expectation *row);
MUST_USE int results_add_event(struct results *results, int64_t run_id,
                               const struct results_event *row);
MUST_USE int results_add_outage(struct results *results, int64_t run_id,
                                const struct results_outage *row);
MUST_USE int results_add_metric(struct results *results, int64_t run_id,
                                const struct results_metric *row);
MUST_USE int results_add_load(struct results *results, int64_t run_id,
                              const struct results_load *row);
MUST_USE int results_add_alarm(struct results *results, int64_t run_id,
                               const struct results_alarm *row);
MUST_USE int results_add_oracle(struct results *results, int64_t run_id,
                                const struct results_oracle *row);
MUST_USE int
results_add_not_applicable(struct results *results, int64_t run_id,
                           const struct results_not_applicable *row);

/* Packets of a run.  A flow is what the scenario calls a block of traffic, the
 * same in every run; each flow has a latency of RESULTS_STAGE_TOTAL and may
 * have the stages that it is the sum of ("ingress queue", "credit wait",
 * "fabric", "reassembly", "egress"), shown in the order first added.  An empty
 * histogram (of picoseconds) is kept as "none arrived". */
MUST_USE int results_add_latency(struct results *results, int64_t run_id,
                                 const char *flow, const char *stage,
                                 const struct hist *hist);
/* The same from parts that another process counted: ascending, not
 * overlapping; the first may begin at the smallest value and the last end at
 * the largest.  'sum_ps' is over all packets. */
struct results_part {
    uint64_t low_ps;
    uint64_t high_ps; /* Included. */
    uint64_t packets;
};
MUST_USE int results_add_latency_parts(struct results *results, int64_t run_id,
                                       const char *flow, const char *stage,
                                       const struct results_part *parts,
                                       size_t count, double sum_ps);
MUST_USE int results_add_loss(struct results *results, int64_t run_id,
                              const struct results_loss *row);
MUST_USE int results_add_throughput(struct results *results, int64_t run_id,
                                    const struct results_throughput *row);
MUST_USE int results_add_search(struct results *results, int64_t run_id,
                                const struct results_search *row);

/* An expectation over the seeds of a campaign. */
MUST_USE int
results_add_seeds_expectation(struct results *results, int64_t campaign_id,
                              const struct results_expectation *row);

/* Both campaigns are in this file. */
MUST_USE int results_add_comparison(struct results *results,
                                    int64_t first_campaign,
                                    int64_t second_campaign,
                                    const struct results_comparison *row);

/* Commits what is gathered. */
MUST_USE int results_flush(struct results *results);

/* Ends the file: campaigns and runs still 'running' that this store began
 * become 'state' (RESULTS_INTERRUPTED on Ctrl-C), the log is folded in and
 * results.db is one plain file again.  Always frees 'results', also on
 * failure (then a sentence is in 'error'); NULL is accepted. */
MUST_USE int results_finish(struct results *results, enum results_state state,
                            char *error, size_t error_size);

#endif
