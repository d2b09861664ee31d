/* SPDX-License-Identifier: Apache-2.0
 *
 * Calibration by a cluster of real daemons.
 */
#ifndef SIM_CLI_CALIBRATE_H
#define SIM_CLI_CALIBRATE_H

#include "models/costs.h"
#include "reference-nos/linux/meter/meter.h"

/* Boots, writes to and unplugs ddc-small in world netns.  'beyond_ns': CPU
 * time per event that no handler took.  ERR_PERMISSION and ERR_UNSUPPORTED:
 * this machine cannot; 'message' says why. */
MUST_USE int calibrate_daemon(const char *refnosd, struct meter *meter,
                              uint64_t *beyond_ns, struct measured *measured,
                              char *message, size_t message_size);

#endif
