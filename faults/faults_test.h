/* SPDX-License-Identifier: Apache-2.0
 *
 * A cluster of paper for the tests of this folder: two controllers, one
 * fabric box, three line cards with 4, 4 and 10 ports, and a spare.
 */
#ifndef FAULTS_FAULTS_TEST_H
#define FAULTS_FAULTS_TEST_H

#include "sim/world/world.h"

#include <check.h>

enum { BOX_NCC_0, BOX_NCC_1, BOX_NCF, BOX_NCP_0, BOX_NCP_1, BOX_NCP_2, SPARE };

extern const struct cluster_plan paper_plan;

static inline struct simtime
at_s(uint64_t s)
{
    return simtime_from_s(s);
}

TCase *ledger_cases(void);
TCase *oracle_cases(void);
TCase *packet_cases(void);

#endif
