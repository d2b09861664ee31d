/* SPDX-License-Identifier: Apache-2.0
 *
 * One run: a scenario, a seed, a world, and the judgement.
 */
#ifndef SIM_RUN_RUN_H
#define SIM_RUN_RUN_H

#include "sim/run/outcome.h"
#include "sim/scenario/scenario.h"
#include "sim/world/world.h"

struct run_progress {
    struct simtime now;  /* since t = 0, or since power-on while booting */
    struct simtime ends; /* {0} while booting */
    bool booting;
    unsigned repeat; /* of a real world, from 0 */
};

/* What worlds in real time need beside. */
struct run_real {
    const char *refnosd;  /* path of the daemon */
    const char *keep_dir; /* logs and recordings stay here; NULL: nowhere */
    bool record;          /* each box records */
    bool per_service;     /* each service a process of its own */
    unsigned repeat;      /* from 0 */
};

struct run_options {
    const struct scenario *scenario;
    enum world_kind world; /* des when zero */
    struct run_real real;
    const char *ns3_helper; /* world ns3: path of its helper */
    /* Tests: world des stands in for the one named, and is handed over. */
    bool stand_in;
    void (*dress)(struct world *world);
    uint64_t seed;          /* a repeat's number in real worlds */
    const char *data_dir;   /* of the models */
    const char *costs_file; /* NULL: the frozen costs */
    unsigned mutation;      /* planted bug, mutants build only */
    uint64_t checkpoint_events;
    /* Called now and then; true ends the run as interrupted. */
    bool (*progress)(void *context, const struct run_progress *progress);
    void *context;
    const char *capture_dir; /* of the scenario's captures; NULL: none */
    FILE *log;               /* the NOS's log lines go here, or NULL */
};

/* Is the world in real time?  Is it part of this build? */
bool run_world_real(enum world_kind world);
bool run_world_built(enum world_kind world);

/* What this machine can do for world netns; 0 in a build without. */
struct run_capability {
    const char *name;
    bool there;
    const char *how; /* or why not */
};
#define RUN_CAPABILITIES_MAX 24u
size_t run_netns_capabilities(struct run_capability *list, size_t room);

/* Does the helper of world ns3 at 'path' work?  'text' says which ns-3 it
 * has, or why not. */
bool run_ns3_works(const char *path, char *text, size_t text_size);

/* ERR_UNSUPPORTED when the scenario does not name the world, or this build
 * does not have it. */
MUST_USE int run_supported(const struct scenario *scenario,
                           enum world_kind world, char *message,
                           size_t message_size);

/* Fills 'outcome' (initialised by the caller).  An error is one of the
 * scenario or of the models; 'message' says it.  A run that fails its
 * expectations is not an error, nor one that lacks a privilege or a program:
 * it is inconclusive, and its note says what is missing. */
MUST_USE int run_scenario(const struct run_options *options,
                          struct outcome *outcome, char *message,
                          size_t message_size);

/* The cluster plan of a scenario. */
MUST_USE int run_plan_create(const struct run_options *options,
                             struct cluster_plan **plan, char *message,
                             size_t message_size);

/* The world of a scenario that the options name, nothing powered on yet.
 * 'plan' is given back too; destroy the world first. */
MUST_USE int run_world_create(const struct run_options *options,
                              world_listener *listener, void *context,
                              struct world **world, struct cluster_plan **plan,
                              char *message, size_t message_size);

#endif
