/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes in a laboratory: a private network namespace with a bridge, which is
 * the management plane; each daemon in a namespace of its own behind a cable.
 *
 * Life     everything dies with this process: daemons get SIGKILL when it
 *          ends, namespaces and cables go with their last process.
 * Attacker has the bridge itself: it hears and says what it likes.
 */
#ifndef TESTS_HOSTILE_LAB_H
#define TESTS_HOSTILE_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "reference-nos/platform/facts.h"

#define LAB_BRIDGE "plane"
#define LAB_FABRIC "fabric" /* our end of the line card's fabric port */
#define LAB_PATH_MAX 128
#define LAB_BOXES 4u       /* ncc-0, ncc-1, ncm-a, ncp-0 */
#define LAB_CONTROLLERS 2u /* the first ones */
#define LAB_CARD 3u
#define LAB_PLACES 6u /* cables, for boxes that should not be there too */

struct lab_box {
    const char *name;
    enum role role;
    uint64_t key;
    pid_t pid; /* 0: not running */
    char home[LAB_PATH_MAX];
    char socket[LAB_PATH_MAX];
    char log[LAB_PATH_MAX];
};

struct lab {
    char folder[LAB_PATH_MAX];
    const char *refnosd;
    int news; /* see news.h */
    struct lab_box boxes[LAB_PLACES];
};

/* 0, or what stands in the way is in 'message': 77 for what this machine
 * cannot, 1 for anything else. */
int lab_open(struct lab *lab, const char *refnosd, char *message,
             size_t message_size);
void lab_close(struct lab *lab);

/* An identity of the cluster's authority or of another one ("other").  'days'
 * may be negative. */
bool lab_issue(const struct lab *lab, const char *authority, const char *name,
               int days);
/* One of the cluster whose key is below those of all boxes: the lower one
 * opens an association, so each box would take it in. */
bool lab_issue_low(const struct lab *lab, const char *name);
/* Revokes it and hands the list to all boxes. */
bool lab_revoke(const struct lab *lab, const char *name);
/* Copies the identity of 'box' for a second box. */
bool lab_steal(struct lab *lab, unsigned box, unsigned place);

bool lab_start(struct lab *lab, unsigned place);
void lab_kill(struct lab *lab, unsigned place);
/* It runs: the process that was started still lives. */
bool lab_lives(struct lab *lab, unsigned place);

/* A number that the box tells when asked in words; UINT64_MAX: it did not. */
uint64_t lab_ask(const struct lab *lab, unsigned place, const char *words,
                 const char *field);
uint64_t lab_memory_kib(const struct lab *lab, unsigned place);
/* How many lines of the box's log hold 'text'. */
unsigned lab_log_count(const struct lab *lab, unsigned place,
                       const char *text);

/* Each box that should run answers an operator: what came before has been
 * read. */
bool lab_all_answer(const struct lab *lab);

uint64_t lab_now_ns(void);

#endif
