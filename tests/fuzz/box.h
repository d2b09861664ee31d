/* SPDX-License-Identifier: Apache-2.0
 *
 * A box in memory for fuzzing: the whole NOS of a role behind a door of
 * virtual time, with files that are byte arrays.
 *
 * Storage    completes as soon as all services have handled what they had.
 * Hardware   none.
 */
#ifndef TESTS_FUZZ_BOX_H
#define TESTS_FUZZ_BOX_H

#include "reference-nos/node/node.h"

#define BOX_FILE_MAX ((size_t)1 << 18)
#define BOX_DONE_MAX 1024u

struct box {
    struct plat plat; /* first */
    struct box_facts facts;
    struct runtime *runtime;
    uint64_t now_ns;
    uint64_t alarm_ns;
    uint64_t draws;
    unsigned ready; /* a bit per service */
    bool restarting;
    bool active; /* a controller that acts */
    uint64_t applied, term;
    uint8_t *files[STORAGE_FILE_COUNT];
    size_t sizes[STORAGE_FILE_COUNT];
    struct {
        unsigned service;
        uint64_t token;
    } done[BOX_DONE_MAX];
    unsigned done_first, done_count;
    size_t lent_bytes;
    /* Hears datagrams; may be NULL. */
    void (*datagram)(void *arg, enum plane plane, uint64_t to, enum lane lane,
                     const void *bytes, size_t size);
    void *arg;
};

/* Facts and files are to be filled in, then box_start(). */
struct box *box_make(enum role role, uint64_t key);
void box_start(struct box *box);
/* Lets it run for so long. */
void box_run(struct box *box, uint64_t span_ns);
/* Every byte that was lent must have come back. */
void box_destroy(struct box *box);

#endif
