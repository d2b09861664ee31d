/* SPDX-License-Identifier: Apache-2.0
 *
 * A door that stands before another one and notes what passes (recording),
 * or that stands alone and gives the answers of then (replaying).
 */
#ifndef NOS_LINUX_RECORD_TAPE_PLAT_H
#define NOS_LINUX_RECORD_TAPE_PLAT_H

#include <stdio.h>

#include "reference-nos/linux/record/tape.h"
#include "reference-nos/platform/plat.h"

/* More named blobs than any box asks for. */
#define TAPE_BLOBS_MAX 16u

/* A storage operation that has not completed. */
struct tape_asked {
    unsigned service;
    uint64_t token;
};

struct tape_plat {
    struct plat plat;  /* for the core */
    struct plat *door; /* NULL: replaying */
    struct tape tape;
    struct box_facts facts;
    uint64_t now_ns;  /* the latest answer */
    uint64_t boot_ns; /* replaying: the one before the boot */
    FILE *log;        /* replaying: NULL: lines go nowhere */
    uint64_t outputs; /* operations of the core on the world */
    uint64_t draws;   /* after a difference: any number, never the same */
    unsigned blob_count;
    uint8_t *blobs[TAPE_BLOBS_MAX]; /* replaying */
    struct tape_asked *asked;       /* replaying */
    size_t asked_count, asked_room;
};

/* 'door' is NULL to replay. */
void tape_plat_init(struct tape_plat *self, struct plat *door);
void tape_plat_fini(struct tape_plat *self);
/* Notes the facts of the box, or gets them. */
void tape_plat_facts(struct tape_plat *self);
/* Replaying: the completion of a storage operation; false when nobody asked
 * for it. */
bool tape_plat_completes(struct tape_plat *self, uint64_t service,
                         uint64_t token);

#endif
