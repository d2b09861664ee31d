/* SPDX-License-Identifier: Apache-2.0
 *
 * A small cluster for the tests of this folder: ddc-small, with one empty
 * slot more, and what it let be seen.
 */
#ifndef SIM_WORLD_DES_DES_TEST_H
#define SIM_WORLD_DES_DES_TEST_H

#include "sim/world/des/des_priv.h"

#include <check.h>

struct small {
    struct cluster_plan *plan;
    struct world *world;
    struct des *des;
    uint64_t seen[OBSERVATION_KIND_COUNT];
    struct observation lanes; /* the latest OBSERVE_LANES */
    uint64_t traced[TRACE_KIND_COUNT];
    struct simtime on_at[WORLD_BOXES_MAX];
    struct simtime ready_at[WORLD_BOXES_MAX];
    uint64_t off_cause[WORLD_BOXES_MAX];
    unsigned ports[WORLD_BOXES_MAX];
    struct simtime last; /* observation */
    /* The latest of its kind. */
    struct trace_record trace[TRACE_KIND_COUNT];
    unsigned traced_box[TRACE_KIND_COUNT];
    /* Hears all; may be NULL. */
    world_listener *hears;
};

/* Nothing is powered on. */
void small_make(struct small *small, uint64_t seed);
/* One stand-alone router instead, dark. */
void small_make_router(struct small *small, uint64_t seed);
/* Every box but the spare is on and every port in service. */
void small_boot(struct small *small, uint64_t seed);
void small_destroy(struct small *small);

struct des_box *small_box(struct small *small, const char *name);
/* Runs for 'span_ms' more. */
void small_run_ms(struct small *small, uint64_t span_ms);
bool small_in_service(const struct small *small);

/* With box by name; what else it needs is in 'fault'. */
int small_inject(struct small *small, const char *name,
                 struct world_fault fault);
#define INJECT(small, name, ...)                                              \
    ck_assert_int_eq(                                                         \
        small_inject(small, name, (struct world_fault){__VA_ARGS__}), 0)
#define REFUSED(small, name, ...)                                             \
    ck_assert_int_ne(                                                         \
        small_inject(small, name, (struct world_fault){__VA_ARGS__}), 0)

Suite *life_suite(void);
Suite *faults_suite(void);
Suite *identities_suite(void);
Suite *lanes_suite(void);
Suite *routes_suite(void);

#endif
