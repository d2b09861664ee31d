/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the reader share.
 */
#ifndef SIM_SCENARIO_SCENARIO_PRIV_H
#define SIM_SCENARIO_SCENARIO_PRIV_H

#include "sim/scenario/scenario.h"

#define ADVICE_BYTES 900

/* An event's name and place, sorted by name. */
struct event_name {
    const char *name;
    uint32_t index;
};

/* One reading of one file. */
struct loader {
    struct schema_reader reader;
    struct scenario *scenario;
    const struct scenario_options *options;
    struct target_scope scope;
    const struct ynode *timeline; /* The lists as they stand in the tree. */
    const struct ynode *expect;
    const struct ynode *compare;
    const struct ynode *traffic;
    const struct ynode *capture;
    const struct ynode *search;
    const struct ynode *ends;
    struct event_name *event_names; /* Sorted. */
    size_t event_name_count;
    uint32_t spares_added; /* By box.add so far. */
};

/* A cluster size that has a name. */
struct preset {
    const char *name;
    const char *doc;
    uint32_t ncc, ncm, ncp, ncf;
    uint32_t fabric_links; /* 0: a router of its own has none */
};

extern const char *const preset_names[]; /* Ends with NULL. */
const struct preset *preset_find(const char *name);

/* File, imports, --set and parameters into one tree.  'text' may be NULL:
 * then 'path' is read. */
MUST_USE int assemble(struct loader *loader, const char *path,
                      const char *text, size_t bytes, struct ynode **root);

/* The path of 'relative', which is named in 'file'.  ERR_RANGE: too long. */
MUST_USE int join_path(const char *file, const char *relative, char *path,
                       size_t bytes);

/* Applies "--set path=value" to the tree. */
MUST_USE int apply_set(struct loader *loader, struct ynode **root,
                       const char *set);

/* Collects the parameters and puts them in place of $names. */
MUST_USE int apply_params(struct loader *loader, struct ynode *root);

/* Sections with their own files; all report and return ERR_INVALID. */
MUST_USE int read_cluster(struct loader *loader, const struct ynode *cluster,
                          const struct ynode *topology);
MUST_USE int read_timeline(struct loader *loader);
MUST_USE int read_expects(struct loader *loader);
MUST_USE int read_compares(struct loader *loader);
/* Names of traffic, before anything refers to them; then the rest, when the
 * timeline is known. */
MUST_USE int index_traffic(struct loader *loader);
MUST_USE int read_traffic(struct loader *loader);
MUST_USE int read_captures(struct loader *loader);
MUST_USE int read_search(struct loader *loader);
MUST_USE int read_frame_bytes(struct loader *loader, const struct ynode *node,
                              uint64_t *bytes);
/* `network:`, already filled in; reports what does not go with it. */
MUST_USE int read_network(struct loader *loader, const struct ynode *cluster,
                          const struct ynode *topology);
MUST_USE int read_hosts(struct loader *loader, const struct ynode *node,
                        struct scenario_ports *hosts);

/* A range on its way from text to numbers: "3", "0..9" or "*". */
struct port_range {
    uint32_t first, last;
    bool all;
};
bool read_port_range(const char **at, struct port_range *range);

/* "ncp-0/0..9", at 'node'. */
MUST_USE int read_ports(struct loader *loader, const struct ynode *node,
                        struct scenario_ports *ports);

/* `after` and `once` of an event; either may be NULL. */
MUST_USE int read_trigger(struct loader *loader, const struct ynode *after,
                          const struct ynode *once,
                          struct scenario_event *event);
/* Has 'earlier' happened whenever event 'index' does? */
bool event_comes_later(const struct scenario_event *events, size_t index,
                       uint32_t earlier);

/* Tables, for the JSON Schema. */
extern const struct schema cluster_schema;
extern const struct schema topology_schema;
extern const struct schema network_schema;
extern const struct schema probe_schema;
extern const struct field event_fields[];
extern const size_t event_field_count;
extern const struct schema expect_schema;
extern const struct schema compare_schema;
extern const struct schema traffic_schema;
extern const struct schema capture_schema;
extern const struct schema search_schema;

/* The fields of the file: the built-in ones, then those of the sections.
 * In the arena. */
const struct field *top_fields(struct arena *arena,
                               const struct scenario_section *sections,
                               size_t section_count, size_t *count);

/* Members of the JSON Schema. */
void timeline_json(struct json *json);
void expects_json(struct json *json);
void compares_json(struct json *json);
void traffic_json(struct json *json);
void captures_json(struct json *json);
void search_json(struct json *json);
void ports_json(struct json *json);
void worlds_json(struct json *json);
void event_fault_json(struct json *json);
void event_action_json(struct json *json);
void event_target_json(struct json *json);
void params_json(struct json *json);

#endif
