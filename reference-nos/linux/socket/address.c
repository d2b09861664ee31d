/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "reference-nos/linux/socket/socket_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
socket_error(int number)
{
    switch (number) {
    case 0: return 0;
    case ENOENT:
    case ENOTDIR: return ERR_NOENT;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE: return ERR_UNREACHABLE;
    case EACCES:
    case EPERM: return ERR_PERMISSION;
    case EROFS: return ERR_READONLY;
    case ENOSPC:
    case EDQUOT: return ERR_NOSPACE;
    case ENOMEM:
    case ENOBUFS: return ERR_NOMEM;
    case EADDRINUSE:
    case EEXIST: return ERR_EXISTS;
    case ENAMETOOLONG: return ERR_RANGE;
    case EAGAIN: return ERR_BUSY;
    case EINTR: return ERR_INTERRUPTED;
    default: return ERR_IO;
    }
}

/* Opens the folder of 'path' and names the file through it. */
static int
address_by_folder(const char *path, struct sockaddr_un *address, int *folder)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t prefix = slash == NULL || slash == path ? 1 : slash - path;
    char *parent = strndup(slash == NULL ? "." : path, prefix);
    int fd, size;

    if (parent == NULL)
        return ERR_NOMEM;
    fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(parent);
    if (fd < 0)
        return socket_error(errno);
    size = snprintf(address->sun_path, sizeof(address->sun_path),
                    "/proc/self/fd/%d/%s", fd, name);
    if (size < 0 || (size_t)size >= sizeof(address->sun_path)) {
        (void)close(fd);
        return ERR_RANGE;
    }
    *folder = fd;
    return 0;
}

int
socket_address(const char *path, struct sockaddr_un *address, int *folder)
{
    size_t size = strlen(path);

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    *folder = -1;
    if (size == 0)
        return ERR_INVALID;
    if (size >= sizeof(address->sun_path))
        return address_by_folder(path, address, folder);
    memcpy(address->sun_path, path, size + 1);
    return 0;
}
