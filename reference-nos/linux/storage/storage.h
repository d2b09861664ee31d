/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a box on a Linux file system, behind the storage operations
 * of the door (plat.h).
 *
 * Order    all operations form one queue, done one after another by one
 *          worker thread of libuv; storage_size() and storage_read() see
 *          everything asked for before.
 * Durable  append and truncate after a later storage_sync() completed;
 *          replace (new file, fsync, rename, fsync of the directory) at its
 *          completion.  A kill at any moment leaves what was durable, and a
 *          tail that may be torn: the core's checksums find it.
 * Errors   the first I/O error of a file is the status of its next
 *          completion and of every one after it: an error is never "try
 *          again" (the service dies and starts from what is durable).
 * Threads  one loop; callbacks on the loop's thread.
 */
#ifndef NOS_LINUX_STORAGE_STORAGE_H
#define NOS_LINUX_STORAGE_STORAGE_H

#include <uv.h>

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"

/* Largest file, bytes: more is ERR_FULL. */
#define STORAGE_FILE_MAX (1ull << 30)

struct storage;

typedef void storage_done(void *arg, unsigned service, uint64_t token,
                          int status);

/* Opens (and makes, mode 0700) the directory.  Refuses one that another
 * process holds (flock).  'message' says what is wrong, with the path. */
MUST_USE int storage_open(uv_loop_t *loop, const char *directory,
                          storage_done *done, void *arg, struct storage **out,
                          char *message, size_t message_size);
/* Drops what is queued and not begun, waits for what is. */
void storage_close(struct storage *storage);

MUST_USE int storage_append(struct storage *storage, enum storage_file file,
                            const void *bytes, size_t size);
MUST_USE int storage_truncate(struct storage *storage, enum storage_file file,
                              uint64_t size);
MUST_USE int storage_sync(struct storage *storage, enum storage_file file,
                          unsigned service, uint64_t token);
MUST_USE int storage_replace(struct storage *storage, enum storage_file file,
                             const void *bytes, size_t size, unsigned service,
                             uint64_t token);
MUST_USE int storage_size(struct storage *storage, enum storage_file file,
                          uint64_t *size);
MUST_USE int storage_read(struct storage *storage, enum storage_file file,
                          uint64_t offset, void *bytes, size_t size);

/* Adds one to the number in DIRECTORY/incarnation, durably; the new value is
 * the box's incarnation, 1 at first.  For use before storage_open(). */
MUST_USE int storage_incarnation(const char *directory, uint64_t *incarnation,
                                 char *message, size_t message_size);

/* A short text of the box beside those files, DIRECTORY/NAME, whole or not at
 * all: kept durably, read into 'text' with a final zero.  ERR_NOENT: there is
 * none; ERR_CORRUPT: longer than 'size' allows.  For use before
 * storage_open(). */
MUST_USE int storage_note_keep(const char *directory, const char *name,
                               const char *text, char *message,
                               size_t message_size);
MUST_USE int storage_note_read(const char *directory, const char *name,
                               char *text, size_t size, char *message,
                               size_t message_size);

/* What operations of one kind took on the disk, without waiting. */
struct storage_times {
    uint64_t count;
    uint64_t ns;    /* all of them */
    uint64_t p5_ns; /* one of twenty took less; 3 % wide */
};

struct storage_counters {
    struct storage_times sync, replace;
    uint64_t bytes;
};
void storage_counters(const struct storage *storage,
                      struct storage_counters *out);

#endif
