/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a box: system calls alone.
 *
 * What is read at the start of a life must be durable, or a voter would count
 * as its own what the next power cut takes away.  After a failed fsync the
 * kernel may hold pages as clean that never reached the device (Rebello et
 * al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020): so
 * a file is opened by syncing it and dropping its pages, all clean by then.
 */
#include "reference-nos/linux/storage/storage_priv.h"

#include "reference-nos/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 32u

int
storage_error(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT: return ERR_NOSPACE;
    case EROFS: return ERR_READONLY;
    case EACCES:
    case EPERM: return ERR_PERMISSION;
    case EFBIG: return ERR_FULL;
    case ENOENT: return ERR_NOENT;
    case EWOULDBLOCK: return ERR_BUSY;
    default: return ERR_IO;
    }
}

int
storage_complain(char *message, size_t size, const char *path,
                 const char *what, int code)
{
    (void)snprintf(message, size, "%s: %s: %s", path, what, strerror(code));
    return storage_error(code);
}

const char *
storage_name(enum storage_file file)
{
    static const char *const names[] = {"meta", "log", "snapshot", "card"};

    CHECK(file < STORAGE_FILE_COUNT);
    return names[file];
}

static int
lock(const char *directory, int fd, char *message, size_t message_size)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return storage_complain(message, message_size, directory,
                                "cannot lock", errno);
    (void)snprintf(message, message_size,
                   "%s: in use by another process: one daemon per state "
                   "directory",
                   directory);
    return ERR_BUSY;
}

int
storage_directory(const char *directory, int *fd, char *message,
                  size_t message_size)
{
    int error;

    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return storage_complain(message, message_size, directory,
                                "cannot make this directory", errno);
    *fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return storage_complain(message, message_size, directory,
                                "cannot open this directory", errno);
    error = lock(directory, *fd, message, message_size);
    if (error != 0)
        (void)close(*fd);
    return error;
}

/* 0 or errno. */
static int
write_all(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t written = pwrite(fd, bytes, size, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : EIO;
        bytes += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return 0;
}

int
storage_file_replace(int directory_fd, const char *name, const void *bytes,
                     size_t size, int *fd)
{
    char made[NAME_MAX_BYTES];
    int file;
    int error;

    (void)snprintf(made, sizeof(made), "%s.new", name);
    file = openat(directory_fd, made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
                  0600);
    if (file < 0)
        return storage_error(errno);
    error = write_all(file, bytes, size, 0);
    if (error == 0 && (fsync(file) != 0 ||
                       renameat(directory_fd, made, directory_fd, name) != 0 ||
                       fsync(directory_fd) != 0))
        error = errno;
    if (error != 0 || fd == NULL)
        (void)close(file);
    if (error != 0) {
        (void)unlinkat(directory_fd, made, 0);
        return storage_error(error);
    }
    if (fd != NULL)
        *fd = file;
    return 0;
}

void
storage_slot_close(struct storage_slot *slot)
{
    if (slot->fd >= 0)
        (void)close(slot->fd);
    slot->fd = -1;
}

int
storage_slot_open(struct storage *storage, enum storage_file file)
{
    struct storage_slot *slot = &storage->slots[file];
    struct stat stat;
    int error = 0;

    storage_slot_close(slot);
    slot->fd = openat(storage->directory_fd, storage_name(file),
                      O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (slot->fd < 0)
        return errno;
    if (fdatasync(slot->fd) != 0 || fstat(slot->fd, &stat) != 0)
        error = errno;
    if (error != 0) {
        storage_slot_close(slot);
        return error;
    }
    if (stat.st_size > 0)
        (void)posix_fadvise(slot->fd, 0, 0, POSIX_FADV_DONTNEED);
    slot->end_bytes = (uint64_t)stat.st_size;
    slot->view_bytes = slot->end_bytes;
    slot->error = 0;
    return 0;
}

static int
op_append(struct storage_slot *slot, const struct storage_op *op)
{
    int error = write_all(slot->fd, op->bytes, op->size, slot->end_bytes);

    if (error != 0)
        return storage_error(error);
    slot->end_bytes += op->size;
    return 0;
}

static int
op_truncate(struct storage_slot *slot, const struct storage_op *op)
{
    if (ftruncate(slot->fd, (off_t)op->length) != 0)
        return storage_error(errno);
    slot->end_bytes = op->length;
    return 0;
}

static int
op_replace(struct storage *storage, const struct storage_op *op)
{
    struct storage_slot *slot = &storage->slots[op->file];
    int fd;
    int error =
        storage_file_replace(storage->directory_fd, storage_name(op->file),
                             op->bytes, op->size, &fd);

    if (error != 0)
        return error;
    storage_slot_close(slot);
    slot->fd = fd;
    slot->end_bytes = op->size;
    return 0;
}

void
storage_op_run(struct storage *storage, struct storage_op *op)
{
    struct storage_slot *slot = &storage->slots[op->file];
    int error = slot->error;

    if (error == 0) {
        switch (op->kind) {
        case OP_APPEND: error = op_append(slot, op); break;
        case OP_TRUNCATE: error = op_truncate(slot, op); break;
        case OP_SYNC:
            error = fdatasync(slot->fd) == 0 ? 0 : storage_error(errno);
            break;
        case OP_REPLACE: error = op_replace(storage, op); break;
        }
    }
    slot->error = error;
    op->status = error;
}
