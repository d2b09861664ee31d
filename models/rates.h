/* SPDX-License-Identifier: Apache-2.0
 *
 * Failure rates of the field (models/data/rates.yaml): mean hours between
 * failures of one item.
 */
#ifndef MODELS_RATES_H
#define MODELS_RATES_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

/* X(name, key of the file, what fails) */
#define RATE_TABLE(X)                                                         \
    X(RATE_BOX_POWER_LOSS, "box-power-loss", "a box goes dark")               \
    X(RATE_BOX_RESTART, "box-restart", "a box restarts by itself")            \
    X(RATE_SERVICE_KILL, "service-kill", "one service of a box crashes")      \
    X(RATE_SERVICE_HANG, "service-hang", "one service of a box hangs")        \
    X(RATE_LINK_DOWN, "link-down", "a fabric cable goes dark")                \
    X(RATE_LINK_LOSS, "link-loss", "a fabric cable loses packets")            \
    X(RATE_PSU_FAIL, "psu-fail", "one power supply")                          \
    X(RATE_FAN_FAIL, "fan-fail", "one fan")                                   \
    X(RATE_DISK_STALL, "disk-stall", "a disk stops for a moment")

enum rate {
#define RATE_NAME(name, key, what) name,
    RATE_TABLE(RATE_NAME)
#undef RATE_NAME
        RATE_COUNT
};

struct rates {
    uint32_t mtbf_h[RATE_COUNT]; /* At least 1. */
};

/* Reads rates.yaml of 'data_dir'; 'message' says what is wrong, with its
 * place. */
MUST_USE int rates_load(const char *data_dir, struct rates *rates,
                        char *message, size_t message_size);

#endif
