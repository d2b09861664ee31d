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
};

struct run_options {
    const struct scenario *scenario;
    uint64_t seed;
    const char *data_dir;   /* of the models */
    const char *costs_file; /* NULL: the frozen costs */
    unsigned mutation;      /* planted bug, mutants build only */
    uint64_t checkpoint_events;
    /* Called now and then; true ends the run as interrupted. */
    bool (*progress)(void *context, const struct run_progress *progress);
    void *context;
    FILE *log; /* the NOS's log lines go here, or NULL */
};

/* ERR_UNSUPPORTED when no world of this build can run the scenario. */
MUST_USE int run_supported(const struct scenario *scenario, char *message,
                           size_t message_size);

/* Fills 'outcome' (initialised by the caller).  An error is one of the
 * scenario or of the models; 'message' says it.  A run that fails its
 * expectations is not an error. */
MUST_USE int run_scenario(const struct run_options *options,
                          struct outcome *outcome, char *message,
                          size_t message_size);

/* The cluster plan of a scenario. */
MUST_USE int run_plan_create(const struct run_options *options,
                             struct cluster_plan **plan, char *message,
                             size_t message_size);

/* The world of a scenario, nothing powered on yet.  'plan' is given back
 * too; destroy the world first. */
MUST_USE int run_world_create(const struct run_options *options,
                              world_listener *listener, void *context,
                              struct world **world, struct cluster_plan **plan,
                              char *message, size_t message_size);

#endif
