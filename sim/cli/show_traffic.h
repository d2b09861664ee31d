/* SPDX-License-Identifier: Apache-2.0
 *
 * What traffic met, for the user of `sixnines run`.
 */
#ifndef SIM_CLI_SHOW_TRAFFIC_H
#define SIM_CLI_SHOW_TRAFFIC_H

#include "sim/run/outcome.h"

/* Counts, rates, latencies and stages of each block; nothing without any. */
void traffic_show(const struct outcome *outcome);

#endif
