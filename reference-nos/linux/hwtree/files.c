/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/hwtree/hwtree_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/linux/hwtree/parse.h"

static int
path_make(const struct hwtree *tree, const char *folder, const char *name,
          const char *suffix, char path[PATH_BYTES_MAX])
{
    int length = snprintf(path, PATH_BYTES_MAX, "%s/%s/%s%s", tree->root,
                          folder, name, suffix);

    return length > 0 && length < (int)PATH_BYTES_MAX ? 0 : ERR_IO;
}

int
file_read(const struct hwtree *tree, const char *folder, const char *name,
          char *bytes, size_t room, size_t *size)
{
    char path[PATH_BYTES_MAX];
    ssize_t got;
    int fd;

    if (path_make(tree, folder, name, "", path) != 0)
        return ERR_IO;
    /* Not to wait on what turns out to be no plain file. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return ERR_IO;
    do
        got = read(fd, bytes, room);
    while (got < 0 && errno == EINTR);
    close(fd);
    if (got < 0 || (size_t)got == room)
        return ERR_IO;
    *size = (size_t)got;
    return 0;
}

int
file_number(const struct hwtree *tree, const char *folder, const char *name,
            int64_t least, int64_t most, int64_t *value)
{
    char bytes[FILE_BYTES_MAX];
    size_t size;
    int error = file_read(tree, folder, name, bytes, sizeof(bytes), &size);

    if (error != 0)
        return error;
    return parse_number(bytes, size, least, most, value);
}

bool
file_exists(const struct hwtree *tree, const char *folder, const char *name)
{
    char path[PATH_BYTES_MAX];

    return path_make(tree, folder, name, "", path) == 0 &&
           access(path, F_OK) == 0;
}

static int
text_write(const char *path, int flags, const char *text)
{
    int fd = open(path, flags | O_WRONLY | O_CLOEXEC | O_NONBLOCK, 0644);
    size_t size = strlen(text);
    ssize_t put;

    if (fd < 0)
        return ERR_IO;
    do
        put = write(fd, text, size);
    while (put < 0 && errno == EINTR);
    if (close(fd) != 0 || put != (ssize_t)size)
        return ERR_IO;
    return 0;
}

int
file_write(const struct hwtree *tree, const char *folder, const char *name,
           const char *text)
{
    char path[PATH_BYTES_MAX];
    char fresh[PATH_BYTES_MAX];

    if (path_make(tree, folder, name, "", path) != 0 ||
        path_make(tree, folder, name, ".new", fresh) != 0)
        return ERR_IO;
    if (!tree->described)
        return text_write(path, 0, text);
    if (text_write(fresh, O_CREAT | O_TRUNC | O_NOFOLLOW, text) != 0 ||
        rename(fresh, path) != 0)
        return ERR_IO;
    return 0;
}
