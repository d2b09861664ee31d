/* SPDX-License-Identifier: Apache-2.0
 *
 * A box in memory for tests and fuzzers: the whole NOS of a role behind a
 * door of virtual time, with files that are byte arrays.  No part of any
 * program that ships.
 *
 * Storage    completes as soon as all services have handled what they had.
 * Routes     writes complete likewise; the tables stay empty.
 * Hardware   none, unless 'plat.hw' is replaced.
 * Errors     of whoever drives it meet CHECK().
 */
#ifndef NOS_NODE_TESTBOX_H
#define NOS_NODE_TESTBOX_H

#include "reference-nos/node/node.h"

#define TESTBOX_FILE_MAX ((size_t)1 << 18)
#define TESTBOX_DONE_MAX 1024u

/* What the NOS is told next. */
enum testbox_input {
    TESTBOX_ALARM,
    TESTBOX_DISPATCH,     /* to 'service' */
    TESTBOX_STORAGE_DONE, /* of 'token', to 'service' */
    TESTBOX_ROUTES_DONE   /* FWD_ROUTES_DONE of 'token' */
};

struct testbox {
    struct plat plat;  /* first */
    struct plat *door; /* what the NOS gets: 'plat', or what stands before */
    struct box_facts facts;
    struct runtime *runtime;
    uint64_t now_ns;
    uint64_t look_ns; /* the clock moves so far at each look */
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
    } done[TESTBOX_DONE_MAX];
    unsigned done_first, done_count;
    size_t lent_bytes;
    /* Hears datagrams; may be NULL. */
    void (*datagram)(void *arg, enum plane plane, uint64_t to, enum lane lane,
                     const void *bytes, size_t size);
    /* Hears what operators are answered, and what the NOS is about to be
     * told; may be NULL. */
    void (*reply)(void *arg, const void *bytes, size_t size);
    void (*before)(void *arg, enum testbox_input input, unsigned service,
                   uint64_t token);
    void *arg;
};

/* Facts and files are to be filled in, then testbox_start(). */
struct testbox *testbox_make(enum role role, uint64_t key);
void testbox_start(struct testbox *box);
/* Lets it run for so long. */
void testbox_run(struct testbox *box, uint64_t span_ns);
/* Every byte that was lent must have come back. */
void testbox_destroy(struct testbox *box);

#endif
