/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/watcher.h"

#include "reference-nos/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM_FIRST 16384u

struct watcher {
    int fd;
    bool file;   /* a plain file: always writable */
    bool broken; /* the reader is gone */
    bool waits;  /* for the pipe to have room */
    uv_poll_t writable;
    char *bytes;
    size_t start, size, room;
    uint64_t lost;
    uint64_t lost_at_ns;
};

int
watcher_open(uv_loop_t *loop, int fd, struct watcher **out, char *message,
             size_t message_size)
{
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    struct stat stat;
    int flags = fcntl(fd, F_GETFL);

    CHECK(loop != NULL && out != NULL);
    if (watcher == NULL)
        return ERR_NOMEM;
    if (flags < 0 || fstat(fd, &stat) != 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        (void)snprintf(message, message_size, "watch descriptor %d: %s", fd,
                       strerror(errno));
        free(watcher);
        return ERR_IO;
    }
    watcher->fd = fd;
    watcher->file = S_ISREG(stat.st_mode);
    if (!watcher->file && uv_poll_init(loop, &watcher->writable, fd) != 0) {
        (void)snprintf(message, message_size,
                       "watch descriptor %d: neither a file nor a pipe", fd);
        free(watcher);
        return ERR_INVALID;
    }
    *out = watcher;
    return 0;
}

static void
freed(uv_handle_t *handle)
{
    struct watcher *watcher =
        CONTAINER_OF((uv_poll_t *)handle, struct watcher, writable);

    free(watcher->bytes);
    free(watcher);
}

/* The descriptor stays open: a restarted daemon goes on with it. */
void
watcher_close(struct watcher *watcher)
{
    if (watcher == NULL)
        return;
    watcher_flush(watcher);
    if (watcher->file) {
        free(watcher->bytes);
        free(watcher);
        return;
    }
    uv_close((uv_handle_t *)&watcher->writable, freed);
}

static void
writable(uv_poll_t *poll, int status, int events)
{
    struct watcher *watcher = CONTAINER_OF(poll, struct watcher, writable);

    (void)status;
    (void)events;
    watcher_flush(watcher);
}

static void
wait_for_room(struct watcher *watcher, bool wanted)
{
    if (watcher->file || watcher->waits == wanted)
        return;
    watcher->waits = wanted;
    if (wanted)
        (void)uv_poll_start(&watcher->writable, UV_WRITABLE, writable);
    else
        (void)uv_poll_stop(&watcher->writable);
}

/* Writes from the buffer until it is empty or the pipe is full. */
static void
drain(struct watcher *watcher)
{
    while (watcher->size > 0 && !watcher->broken) {
        ssize_t written =
            write(watcher->fd, watcher->bytes + watcher->start, watcher->size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN)
            return;
        if (written <= 0) {
            watcher->broken = true;
            watcher->size = 0;
            return;
        }
        watcher->start += (size_t)written;
        watcher->size -= (size_t)written;
    }
    watcher->start = 0;
}

static bool
make_room(struct watcher *watcher, size_t size)
{
    size_t room = watcher->room;
    char *bytes;

    if (watcher->start + watcher->size + size <= room)
        return true;
    if (watcher->start > 0)
        memmove(watcher->bytes, watcher->bytes + watcher->start,
                watcher->size);
    watcher->start = 0;
    if (watcher->size + size <= room)
        return true;
    room = room == 0 ? ROOM_FIRST : room * 2;
    if (room > WATCHER_BUFFER_MAX)
        return false;
    bytes = realloc(watcher->bytes, room);
    if (bytes == NULL)
        return false;
    watcher->bytes = bytes;
    watcher->room = room;
    return true;
}

static bool
put(struct watcher *watcher, const struct watch_line *line)
{
    char text[WATCH_LINE_MAX];
    size_t size = watch_format(line, text, sizeof(text));

    if (!make_room(watcher, size))
        return false;
    memcpy(watcher->bytes + watcher->start + watcher->size, text, size);
    watcher->size += size;
    return true;
}

/* In the place of the lines that are missing. */
static bool
put_lost(struct watcher *watcher)
{
    struct watch_line line = {.kind = WATCH_LOST,
                              .at_ns = watcher->lost_at_ns,
                              .u.lost = watcher->lost};

    if (watcher->lost == 0)
        return true;
    if (!put(watcher, &line))
        return false;
    watcher->lost = 0;
    return true;
}

void
watcher_tell(struct watcher *watcher, const struct watch_line *line)
{
    if (watcher == NULL || watcher->broken)
        return;
    if (put_lost(watcher) && put(watcher, line))
        return;
    watcher->lost++;
    watcher->lost_at_ns = line->at_ns;
}

void
watcher_flush(struct watcher *watcher)
{
    if (watcher == NULL)
        return;
    drain(watcher);
    if (watcher->lost > 0 && !watcher->broken && put_lost(watcher))
        drain(watcher);
    wait_for_room(watcher, watcher->size > 0 && !watcher->broken);
}
