/* SPDX-License-Identifier: Apache-2.0
 *
 * The checkpoints of a run's digest, kept beside results.db, so that a
 * replay that differs can say where.
 *
 * File     checkpoints-<seed>.csv: a header line, then "events,ps,digest".
 */
#ifndef SIM_RUN_CHECKPOINTS_H
#define SIM_RUN_CHECKPOINTS_H

#include "sim/run/outcome.h"

MUST_USE int checkpoints_write(const char *dir, const struct outcome *outcome,
                               char *message, size_t message_size);

/* Rows of struct digest_checkpoint; the last is the end of the run.
 * ERR_NOENT, ERR_MALFORMED. */
MUST_USE int checkpoints_read(const char *path, struct rows *rows);

#endif
