/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the plane share.
 */
#ifndef MODELS_PLANE_PLANE_TEST_H
#define MODELS_PLANE_PLANE_TEST_H

#include <check.h>

#include "models/plane/plane.h"

#define US UINT64_C(1000000)
#define NS UINT64_C(1000)

/* A cluster and its plane, programmed. */
struct rig {
    struct cluster_plan *plan;
    struct asic asic;
    struct data_plane *plane;
    uint64_t held, held_bytes; /* when rig_clear() was called */
};

/* Figures as shipped; a test may change them before rig_start(). */
void rig_plan(struct rig *rig, const struct cluster_options *options);
void rig_start(struct rig *rig, uint64_t seed, unsigned threads);
void rig_stop(struct rig *rig);

/* Frames of one size at constant gaps or Poisson. */
struct traffic_spec rig_traffic(const uint32_t *senders, uint32_t sender_count,
                                const uint32_t *receivers,
                                uint32_t receiver_count, uint16_t bytes,
                                uint32_t load_ppm);
unsigned rig_add(struct rig *rig, const struct traffic_spec *spec);
void rig_run(struct rig *rig, uint64_t until_ps);
/* Forgets what was counted. */
void rig_clear(struct rig *rig);
uint64_t rig_dropped(const struct plane_flow_stats *stats);

/* Every byte sent is delivered, dropped with one cause, or held. */
void rig_conserved(struct rig *rig, unsigned flows);

Suite *asic_suite(void);
Suite *path_suite(void);
Suite *fabric_suite(void);
Suite *fault_suite(void);
Suite *table_suite(void);

#endif
