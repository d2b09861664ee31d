/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of flows share: a cluster, with both planes where asked.
 */
#ifndef MODELS_FLOWS_FLOWS_TEST_H
#define MODELS_FLOWS_FLOWS_TEST_H

#include <check.h>

#include "models/flows/flows.h"

#define US UINT64_C(1000) /* in ns */
#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

struct rig {
    struct cluster_plan *plan;
    struct asic asic;
    struct flows *flows;
    struct data_plane *plane; /* NULL unless asked for */
};

/* Figures as shipped; a test may change them before rig_start(). */
void rig_plan(struct rig *rig, const char *preset);
/* Programmed, as a NOS without faults would. */
void rig_start(struct rig *rig, bool both);
void rig_stop(struct rig *rig);
/* Adds to all; the number of the flow. */
unsigned rig_add(struct rig *rig, const struct traffic_spec *spec);
void rig_run(struct rig *rig, uint64_t until_ns);
unsigned rig_box(const struct rig *rig, const char *name);

/* Ends first .. first + count - 1. */
void ends_of(uint32_t *ends, uint32_t first, uint32_t count);
struct traffic_spec spec_of(enum traffic_pattern pattern,
                            const uint32_t *senders, uint32_t sender_count,
                            const uint32_t *receivers, uint32_t receiver_count,
                            uint16_t bytes, uint32_t load_ppm);
uint64_t dropped_of(const struct flows_stats *stats);

Suite *flows_suite(void);
Suite *agree_suite(void);
Suite *random_suite(void);

#endif
