/* SPDX-License-Identifier: Apache-2.0
 *
 * A small file system in memory under a box's state, so that it can be full.
 * What is durable in it is what a real disk would hold after a kill; its
 * fsync costs nothing.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/world/netns/netns_priv.h"

#define FILLER_BYTES 65536u

static void
state_path(const struct netns_box *box, const char *name,
           char path[NETNS_PATH_MAX + 32])
{
    (void)snprintf(path, NETNS_PATH_MAX + 32, "%s/state%s", box->home, name);
}

/* In a child, in the rack. */
static int
mount_there(void *arg)
{
    char path[NETNS_PATH_MAX + 32];

    state_path(arg, "", path);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return ERR_IO;
    return mount("tmpfs", path, "tmpfs", 0, "size=8m,mode=700") == 0 ? 0
                                                                     : ERR_IO;
}

int
small_disk_make(struct netns_box *box)
{
    return rack_call(&box->netns->rack, box->netns->rack.net_ns, mount_there,
                     box);
}

/* Down to the last byte; ends in ENOSPC, which is success. */
static int
fill_there(void *arg)
{
    static const char zeroes[FILLER_BYTES];
    char path[NETNS_PATH_MAX + 32];
    size_t size = FILLER_BYTES;
    int fd;

    state_path(arg, "/filler", path);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    while (fd >= 0 && size > 0) {
        if (write(fd, zeroes, size) > 0)
            continue;
        if (errno != ENOSPC)
            return ERR_IO;
        size /= 2;
    }
    return fd < 0 && errno != ENOSPC ? ERR_IO : 0;
}

static int
empty_there(void *arg)
{
    char path[NETNS_PATH_MAX + 32];

    state_path(arg, "/filler", path);
    return unlink(path) == 0 || errno == ENOENT ? 0 : ERR_IO;
}

int
small_disk_fill(struct netns_box *box, bool full)
{
    box->disk_full = full;
    return rack_call(&box->netns->rack, box->netns->rack.net_ns,
                     full ? fill_there : empty_there, box);
}
