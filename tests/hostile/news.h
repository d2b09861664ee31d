/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens in the laboratory's folder: each line of a box's log, each
 * socket that appears, each write that is acknowledged.  Who waits for
 * something looks again at each of them, and never lets a span pass.
 */
#ifndef TESTS_HOSTILE_NEWS_H
#define TESTS_HOSTILE_NEWS_H

#include <stdbool.h>

/* A descriptor, readable when something happened in 'folder'; or -1. */
int news_open(const char *folder);
/* Until something happens after the last call, or 'limit_ms' have passed. */
void news_next(int news, unsigned limit_ms);
/* Until done(arg); false: it was not within 'limit_ms'. */
bool news_await(int news, bool (*done)(void *arg), void *arg,
                unsigned limit_ms);

#endif
