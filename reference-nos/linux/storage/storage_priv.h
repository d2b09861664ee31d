/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue (storage.c) and the files (file.c).
 *
 * Whoever runs an operation, the worker or the loop while it waits for it,
 * has the files for itself; 'mutex' guards the lists and 'busy'.
 */
#ifndef NOS_LINUX_STORAGE_STORAGE_PRIV_H
#define NOS_LINUX_STORAGE_STORAGE_PRIV_H

#include "reference-nos/base/list.h"
#include "reference-nos/linux/storage/storage.h"

/* Bounds of what waits: more is ERR_FULL. */
#define STORAGE_QUEUE_MAX 65536u
#define STORAGE_QUEUE_BYTES_MAX (256u * 1024u * 1024u)

enum storage_op_kind { OP_APPEND, OP_TRUNCATE, OP_SYNC, OP_REPLACE };

struct storage_op {
    struct list_node node;
    enum storage_op_kind kind;
    enum storage_file file;
    unsigned service;
    uint64_t token;
    int status;
    uint64_t length; /* to truncate to */
    size_t size;     /* of 'bytes' */
    uint8_t bytes[];
};

struct storage_slot {
    int fd;
    uint64_t end_bytes;  /* of the file, by what has been done */
    uint64_t view_bytes; /* by what has been asked for; the loop's own */
    int error;           /* the first one, 0: none */
};

struct storage {
    uv_loop_t *loop;
    uv_work_t work;
    uv_async_t told; /* completions that no worker will tell */
    storage_done *done;
    void *arg;
    int directory_fd; /* carries the lock */
    struct storage_slot slots[STORAGE_FILE_COUNT];
    bool working; /* 'work' is with libuv; the loop's own */
    bool closing;
    bool told_closed;

    uv_mutex_t mutex;
    uv_cond_t idle;
    bool busy; /* a worker has the files */
    struct list queue;
    struct list completed;
    size_t queue_count;
    size_t queue_bytes;
    struct storage_counters counters;
    struct hist *sync_times, *replace_times; /* ns */
};

/* Says "PATH: what: why" and turns errno into an enum err. */
int storage_error(int code);
int storage_complain(char *message, size_t size, const char *path,
                     const char *what, int code);

/* Opens DIRECTORY, made when it is not there, and locks it. */
MUST_USE int storage_directory(const char *directory, int *fd, char *message,
                               size_t message_size);
/* Writes NAME anew: a new file, synced and renamed; 'fd', when asked for, is
 * the new file. */
MUST_USE int storage_file_replace(int directory_fd, const char *name,
                                  const void *bytes, size_t size, int *fd);

/* Opens the file, makes what it holds durable and looks how long it is. */
MUST_USE int storage_slot_open(struct storage *storage,
                               enum storage_file file);
void storage_slot_close(struct storage_slot *slot);
/* Does one operation; its outcome is op->status. */
void storage_op_run(struct storage *storage, struct storage_op *op);

const char *storage_name(enum storage_file file);

#endif
