/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of the daemons (reference-nos/linux/watch) become items.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/world/netns/netns_priv.h"

/* Known as soon as it is read, before it is handed over. */
static void
know(struct netns_box *box, const struct watch_line *line)
{
    if (line->kind == WATCH_READY) {
        box->incarnation = line->u.ready.incarnation;
        box->ready = true;
    } else if (line->kind == WATCH_EXIT &&
               line->u.cause < REBOOT_CAUSE_COUNT) {
        box->cause = (enum reboot_cause)line->u.cause;
        box->cause_told = true;
    } else if (line->kind == WATCH_LOST) {
        queue_log(box, "%llu lines of this box are lost",
                  (unsigned long long)line->u.lost);
    }
}

static void
line_take(struct netns_box *box, char *text)
{
    struct netns_item item = {.box = box->index, .is_line = true};

    if (watch_parse(text, &item.u.line) != 0) {
        queue_log(box, "not a line of a daemon: %.100s", text);
        return;
    }
    know(box, &item.u.line);
    item.at_ns = item.u.line.at_ns - box->shift_ns;
    if (item.u.line.kind == WATCH_LOG) {
        item.bytes = (uint8_t *)strdup(item.u.line.u.log.text);
        CHECK(item.bytes != NULL);
    }
    queue_push(box->netns, &item);
}

static void
keep(const struct netns_box *box, const char *bytes, size_t size)
{
    const struct netns *netns = box->netns;
    char path[2 * NETNS_PATH_MAX];
    int fd;

    if (netns->keep_dir[0] == '\0')
        return;
    (void)snprintf(path, sizeof(path), "%s/%s.watch", netns->keep_dir,
                   netns->plan->boxes[box->index].name);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    (void)!write(fd, bytes, size);
    (void)close(fd);
}

/* Takes whole lines; what is left is moved to the front. */
static void
text_take(struct netns_box *box)
{
    char *from = box->text;
    char *end = box->text + box->text_size;

    for (;;) {
        char *newline = memchr(from, '\n', (size_t)(end - from));

        if (newline == NULL)
            break;
        *newline = '\0';
        line_take(box, from);
        from = newline + 1;
    }
    box->text_size = (size_t)(end - from);
    memmove(box->text, from, box->text_size);
    if (box->text_size == NETNS_READ_BYTES) {
        queue_log(box, "a line without an end");
        box->text_size = 0;
    }
}

bool
lines_read(struct netns_box *box)
{
    if (box->text == NULL) {
        box->text = malloc(NETNS_READ_BYTES);
        CHECK(box->text != NULL);
    }
    while (box->watch_fd >= 0) {
        ssize_t size = read(box->watch_fd, box->text + box->text_size,
                            NETNS_READ_BYTES - box->text_size);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return true;
        if (size <= 0)
            return false;
        keep(box, box->text + box->text_size, (size_t)size);
        box->text_size += (size_t)size;
        text_take(box);
    }
    return false;
}
