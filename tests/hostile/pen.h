/* SPDX-License-Identifier: Apache-2.0
 *
 * A writer in a process of its own: it writes probe rows through the
 * operators' sockets of the controllers, one after another, and goes to the
 * other controller when one does not serve.  Each acknowledgement is news in
 * the laboratory's folder.
 */
#ifndef TESTS_HOSTILE_PEN_H
#define TESTS_HOSTILE_PEN_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/hostile/lab.h"

/* Shared with the writer's process. */
struct pen_account {
    _Atomic uint64_t acknowledged; /* writes, and the last one's sequence */
    _Atomic uint64_t last_ns;      /* when */
    _Atomic uint64_t longest_ns;   /* between two; reset by whoever reads */
};

struct pen {
    const struct lab *lab;
    struct pen_account *account;
    pid_t pid;
};

bool pen_start(struct pen *pen, const struct lab *lab);
void pen_stop(struct pen *pen);
/* Until 'count' writes are acknowledged in all; false: not within
 * 'limit_ms'. */
bool pen_await(const struct pen *pen, uint64_t count, unsigned limit_ms);
uint64_t pen_count(const struct pen *pen);
/* The longest time without an acknowledgement since the last call, with the
 * one that lasts. */
uint64_t pen_longest_ns(struct pen *pen);
/* What a linearizable read gives after pen_stop(); UINT64_MAX: no answer. */
uint64_t pen_read_back(const struct lab *lab);

#endif
