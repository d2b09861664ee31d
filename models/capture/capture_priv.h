/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this folder share.
 */
#ifndef MODELS_CAPTURE_CAPTURE_PRIV_H
#define MODELS_CAPTURE_CAPTURE_PRIV_H

#include <stdio.h>

#include "models/capture/capture.h"

/* capture_replay_load() from an open file, which it closes; 'name' is what
 * messages call it. */
MUST_USE int capture_replay_read(FILE *file, const char *name,
                                 struct traffic_replay *replay, char *message,
                                 size_t message_size);

#endif
