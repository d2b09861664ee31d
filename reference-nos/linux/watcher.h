/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipe or file on which a daemon tells what it does (watch/watch.h):
 * never waits; what does not fit its buffer is counted and told later.
 */
#ifndef NOS_LINUX_WATCHER_H
#define NOS_LINUX_WATCHER_H

#include <uv.h>

#include "reference-nos/linux/watch/watch.h"

#define WATCHER_BUFFER_MAX (1024u * 1024u)

struct watcher;

/* Takes the descriptor, which becomes non-blocking. */
MUST_USE int watcher_open(uv_loop_t *loop, int fd, struct watcher **out,
                          char *message, size_t message_size);
/* Writes what still goes out at once; needs a turn of the loop after it. */
void watcher_close(struct watcher *watcher);

/* NULL is a watcher that nobody watches. */
void watcher_tell(struct watcher *watcher, const struct watch_line *line);
void watcher_flush(struct watcher *watcher);

#endif
