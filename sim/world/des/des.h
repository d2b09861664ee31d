/* SPDX-License-Identifier: Apache-2.0
 *
 * World "des": the whole cluster in one process, in virtual time.  It runs
 * the reference NOS's own object files behind the door (plat.h), over the
 * event kernel and the models.
 *
 * Deterministic  plan, costs, seed and what is injected decide everything;
 *                digest() covers every event and observation.
 * Branchable     no thread, file or socket is open: fork() is a snapshot.
 */
#ifndef SIM_WORLD_DES_DES_H
#define SIM_WORLD_DES_DES_H

#include "models/mgmt_net.h"
#include "models/plane/asic.h"
#include "reference-nos/platform/fwd_table.h"
#include "sim/world/world.h"

struct des_options {
    const struct cluster_plan *plan; /* outlives the world */
    uint64_t seed;
    uint32_t costs_ns[COST_COUNT];  /* CPU cost per unit of work */
    uint32_t tombstone_s;           /* rest of a module number */
    uint16_t pool_size[ROLE_COUNT]; /* module numbers per role; 0: default */
    bool unplanned;                 /* the plan names no box and no cable */
    unsigned mutation;              /* planted bug, mutants build only */
    uint64_t checkpoint_events;     /* digest checkpoints; 0: none */
    /* Packets between front ports run on these ASICs; copied.  NULL: nothing
     * is there to run them, and nothing costs anything. */
    const struct asic *asic;
    bool by_rates; /* traffic flows (models/flows) instead of packets */
    char *message; /* why it could not be made, or NULL */
    size_t message_size;
    world_listener *listener;
    void *listener_context;
    /* Another world over the same boxes: its name, and what makes its
     * management network.  It is not branchable.  NULL: world des. */
    const char *name;
    struct mgmt_net *(*net_create)(void *context, struct kernel *kernel,
                                   const struct mgmt_net_options *options);
    void *net_context;
};

/* All boxes of the plan are placed and unpowered at time 0, except spares,
 * which are absent.  Power them on by WORLD_BOX_POWER_ON. */
MUST_USE int des_create(const struct des_options *options, struct world **out);

/* For branches: the service that handled the latest event, and its box.
 * False when none did since des_forget_handler(). */
bool des_last_handler(struct world *world, unsigned *box, unsigned *service);
void des_forget_handler(struct world *world);
/* For calibration: 'meter' is told what each handler charged, in units of
 * enum cost, and how long it took on this host.  Changes no outcome. */
typedef void des_meter(void *context, const uint64_t units[COST_COUNT],
                       uint64_t host_ns);
void des_meter_set(struct world *world, des_meter *meter, void *context);
/* A group or route that takes effect in the ASIC of 'box'; neither: the
 * tables are lost, as the box restarts or has no power.  Group with count 0
 * and route with FWD_GROUP_NONE are removed. */
struct des_programmed {
    unsigned box;
    const struct fwd_group *group;
    const struct fwd_route *route;
};
typedef void des_programmed_fn(void *context,
                               const struct des_programmed *programmed);
/* 'programmed' is called at that moment; NULL: nobody.  For what forwards
 * packets by the tables; it must not call the world back. */
void des_on_programmed(struct world *world, des_programmed_fn *programmed,
                       void *context);
/* What is in the ASIC of 'box' now; NULL: nothing was ever written. */
const struct fwd_table *des_routes(struct world *world, unsigned box);
/* Fires one event of the kernel.  False when none is pending. */
bool des_step(struct world *world);
/* The digest's checkpoints, borrowed. */
const struct digest_checkpoint *des_checkpoints(struct world *world,
                                                size_t *count);

#endif
