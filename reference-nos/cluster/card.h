/* SPDX-License-Identifier: Apache-2.0
 *
 * What a member keeps in STORAGE_CARD, and the proof of its identity.
 */
#ifndef NOS_CLUSTER_CARD_H
#define NOS_CLUSTER_CARD_H

#include "reference-nos/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct card {
    uint64_t cluster_id;
    uint64_t term;           /* highest that this box obeyed */
    uint64_t index;          /* version of the row that gave the number */
    uint64_t confirmed_boot; /* boot in which the cluster last knew us */
    uint64_t left_boot;      /* boot in which the operator removed us */
    uint16_t number;         /* or MODULE_NONE */
    bool drained;            /* as the cluster last said */
};

#define CARD_BYTES 51u

void card_encode(const struct card *card, uint8_t bytes[CARD_BYTES]);
/* ERR_CORRUPT for anything but a whole card. */
MUST_USE int card_decode(const uint8_t *bytes, size_t size, struct card *card);

/* The answer of the box with this key to a challenge. */
uint64_t card_proof(uint64_t key, uint64_t nonce);

#endif
