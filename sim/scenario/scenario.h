/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario file as structs.
 *
 * Reading   file -> node tree -> imports -> --set -> $parameters -> structs
 *           -> checks of what can be known before a run.
 * Memory    the scenario owns everything it points to; destroy at the end.
 * Errors    all that are found are reported with file, line and column.
 * Marks     each struct keeps its node, so that whoever finds an error later
 *           can still name the place.
 */
#ifndef SIM_SCENARIO_SCENARIO_H
#define SIM_SCENARIO_SCENARIO_H

#include "models/traffic/traffic.h"
#include "models/yaml/schema.h"
#include "reference-nos/platform/facts.h"
#include "sim/kernel/simtime.h"
#include "sim/scenario/catalogue.h"
#include "sim/scenario/expr.h"
#include "sim/scenario/metrics.h"
#include "sim/scenario/target.h"

#define SCENARIO_FORMAT 1
#define SCENARIO_EVENTS_MAX 200000u
#define SCENARIO_EXPECTS_MAX 10000u
#define SCENARIO_COMPARES_MAX 1000u
#define SCENARIO_TRAFFIC_MAX 64u
#define SCENARIO_CAPTURES_MAX 256u
#define SCENARIO_SEARCH_SIZES_MAX 32u
#define SCENARIO_SEARCH_LOADS_MAX 6u
#define SCENARIO_BOXES_MAX 320u /* of one cluster, spares included */

/* A parameter of the file, after --set. */
struct scenario_param {
    const char *name;
    const char *value;
    struct mark mark;
};

enum scenario_numbering {
    NUMBERING_PLAN,       /* positions in the plan carry numbers */
    NUMBERING_LOWEST_FREE /* no plan: first come, lowest free number */
};

struct scenario_cluster {
    const struct ynode *node; /* NULL when `topology` is given instead. */
    const char *preset;       /* "ddc-small", ... or NULL: own counts. */
    const char *nos;          /* "reference" */
    uint32_t boxes[ROLE_COUNT];
    uint32_t spares[ROLE_COUNT]; /* Further slots, without power at first. */
    const char *models[ROLE_COUNT]; /* "NCP-40C", ...; NULL: the default. */
    uint32_t fabric_links;          /* Of each NCP. */
    uint32_t pools[ROLE_COUNT]; /* Module numbers of a role; 0: the NOS's. */
    struct simtime tombstone;   /* Before a number is used again. */
    unsigned numbering;         /* enum scenario_numbering */
};

/* `topology:` stands instead of `cluster:`; later worlds use it. */
struct scenario_node {
    const struct ynode *node;
    const char *name;
    const char *nos;
    const char *model; /* or NULL */
    const char *role;  /* or NULL */
};

struct scenario_link {
    const struct ynode *node;
    struct schema_list endpoints; /* Two const char * "node:port". */
};

struct scenario_topology {
    const struct ynode *node; /* NULL when `cluster` is given. */
    struct schema_list nodes; /* struct scenario_node */
    struct schema_list links; /* struct scenario_link */
};

/* `network:` stands instead of `cluster:`: plain queues, no boxes. */
struct scenario_leaf_spine {
    const struct ynode *node;
    uint64_t leaves, spines, hosts; /* hosts of each leaf */
    uint64_t rate_bps;
    struct simtime delay;
    uint64_t buffer_packets; /* of each queue */
};

struct scenario_network {
    const struct ynode *node; /* NULL: a cluster or a topology */
    struct scenario_leaf_spine leaf_spine;
};

enum scenario_begin {
    BEGINS_CONVERGED, /* t = 0 when the cluster is up */
    BEGINS_POWER_ON   /* t = 0 when every box gets power */
};

/* The operator who writes all the time, so that write outages show. */
struct scenario_probe {
    const struct ynode *node;
    struct simtime write_every; /* 0: no probe */
};

/* A parameter of a fault or an action; its meaning is in the catalogue. */
struct scenario_value {
    bool given;                 /* By the file or as a default. */
    uint64_t number;            /* QUANTITY, WORD, KINDS, SENSOR. */
    const char *text;           /* TEXT. */
    struct target_list targets; /* TARGET. */
};

#define SCENARIO_NO_EVENT UINT32_MAX

/* Times count from the beginning of the run; with a trigger (.after, .once)
 * from when that event has happened, then the expression holds. */
struct scenario_event {
    const struct ynode *node;
    const char *name; /* or NULL */
    const struct catalogue_entry *what;
    uint32_t after;          /* An earlier event, or SCENARIO_NO_EVENT. */
    const struct expr *once; /* or NULL */
    struct simtime earliest; /* Of the first time, from the beginning. */
    struct simtime at;       /* First time. */
    struct simtime every;    /* 0: once. */
    struct simtime until;    /* Last possible time when repeated. */
    uint64_t count;          /* How often; at least 1. */
    struct simtime lasts;    /* 0: until something heals it. */
    struct target_list targets;
    struct scenario_value values[CATALOGUE_PARAMS_MAX];
};

enum expect_when {
    EXPECT_AT_END,
    EXPECT_WITHIN,    /* becomes true within .within after .after */
    EXPECT_OVER_SEEDS /* judged over all runs */
};

#define EXPECT_AFTER_START UINT32_MAX

struct scenario_expect {
    const struct ynode *node;
    enum expect_when when;
    struct simtime within;
    uint32_t after; /* Event index, or EXPECT_AFTER_START. */
    uint64_t confidence_ppm;
    struct expr expr;
};

/* How far two worlds may be apart in a metric. */
struct scenario_compare {
    const struct ynode *node;
    struct metric_ref ref;
    uint64_t within_ppm; /* Of the simulated value. */
};

/* How traffic runs. */
enum scenario_fidelity {
    FIDELITY_PACKETS, /* every packet and every cell */
    FIDELITY_FLOWS    /* rates */
};

/* Front ports of packet forwarders, "ncp-0/0..9": numbers of the plan.  Hosts
 * of a network are boxes without ports. */
struct scenario_ports {
    struct mark mark;
    const char *text;
    uint32_t first_box, last_box;
    uint32_t first_port, last_port; /* UINT32_MAX: the last there is */
};

struct scenario_port_list {
    const struct scenario_ports *items;
    size_t count;
};

/* Someone who sends.  The spec lacks ends and times: a run knows them. */
struct scenario_traffic {
    const struct ynode *node;
    const char *name;
    struct scenario_port_list from, to;
    bool routed; /* to networks behind the receivers */
    struct traffic_spec spec;
    uint32_t after;       /* event of the timeline, or SCENARIO_NO_EVENT */
    struct simtime at;    /* from t = 0, or from that event */
    struct simtime lasts; /* 0: until the end */
};

enum scenario_direction { DIRECTION_BOTH, DIRECTION_IN, DIRECTION_OUT };

struct scenario_capture {
    const struct ynode *node;
    struct scenario_ports port; /* one */
    const char *filter;         /* "" matches everything */
    const char *file;           /* below the folder of results */
    unsigned direction;         /* enum scenario_direction */
};

enum scenario_vary { SEARCH_LOAD, SEARCH_BURST };

/* Trials of one block of traffic, each from the same state. */
struct scenario_search {
    const struct ynode *node; /* NULL: none */
    uint32_t traffic;         /* does not run by itself */
    unsigned vary;            /* enum scenario_vary */
    uint16_t sizes[SCENARIO_SEARCH_SIZES_MAX];
    size_t size_count;
    uint32_t loads_ppm[SCENARIO_SEARCH_LOADS_MAX]; /* of the throughput */
    size_t load_count;
    uint32_t resolution_ppm, loss_ppm;
    struct simtime at, trial, drain;
};

struct scenario {
    struct arena *arena;
    const char *path;
    const struct ynode *root; /* After imports, --set and parameters. */
    uint64_t format;
    const char *name;
    const char *about;
    struct schema_list params; /* struct scenario_param */
    unsigned worlds;           /* Bits 1 << enum world_kind. */
    struct scenario_cluster cluster;
    struct scenario_topology topology;
    struct scenario_network network;
    unsigned begins; /* enum scenario_begin */
    uint64_t seed;
    struct scenario_probe probe;
    struct scenario_event *events; /* In file order. */
    size_t event_count;
    struct scenario_expect *expects;
    size_t expect_count;
    struct scenario_compare *compares;
    size_t compare_count;
    unsigned fidelity; /* enum scenario_fidelity */
    struct scenario_traffic *traffic;
    size_t traffic_count;
    struct scenario_capture *captures;
    size_t capture_count;
    struct scenario_search search;
    struct simtime ends;    /* At the latest. */
    struct simtime settled; /* Earlier, converged that long; 0: never. */
    void **sections; /* Of the registered sections, NULL when not given. */
};

/* A section of the file that another folder provides.  'parse' returns its
 * struct, made in the reader's arena, in '*data'. */
struct scenario_section {
    const char *key;
    const char *doc;
    int (*parse)(struct schema_reader *reader, const struct scenario *scenario,
                 const struct ynode *node, void **data);
    void (*json)(struct json *json); /* Members of its JSON Schema. */
};

struct scenario_options {
    const char *const *sets; /* "params.boxes=ddc-small" */
    size_t set_count;
    const struct scenario_section *sections;
    size_t section_count;
};

/* Reads 'path'.  'options' may be NULL.  ERR_IO when the file itself cannot
 * be read, else ERR_INVALID; 'diags' tells all. */
MUST_USE int scenario_load(struct diag_list *diags, const char *path,
                           const struct scenario_options *options,
                           struct scenario **scenario);

/* The same from memory; imports are looked for beside 'path'. */
MUST_USE int scenario_parse(struct diag_list *diags, const char *path,
                            const char *text, size_t bytes,
                            const struct scenario_options *options,
                            struct scenario **scenario);

void scenario_destroy(struct scenario *scenario);

/* Index of the event called 'name', or -1. */
int scenario_event_find(const struct scenario *scenario, const char *name);
/* Index of the traffic called 'name', or -1. */
int scenario_traffic_find(const struct scenario *scenario, const char *name);

/* Does it wait for another event, or for something to hold? */
static inline bool
scenario_event_triggered(const struct scenario_event *event)
{
    return event->after != SCENARIO_NO_EVENT || event->once != NULL;
}

/* Time of occurrence 'index' (from 0) of an event, from where its times
 * count. */
struct simtime scenario_event_time(const struct scenario_event *event,
                                   uint64_t index);

/* Parameter 'name' of an event; CHECKs that the catalogue has it. */
const struct scenario_value *
scenario_event_value(const struct scenario_event *event, const char *name);

/* Prints the JSON Schema of scenario files. */
void scenario_schema_print(FILE *out, const struct scenario_section *sections,
                           size_t section_count);

/* Prints for people, or as JSON. */
void scenario_describe(const struct scenario *scenario, bool json, FILE *out);
void scenario_describe_catalogue(bool actions, bool json, FILE *out);
void scenario_describe_metrics(bool json, FILE *out);

#endif
