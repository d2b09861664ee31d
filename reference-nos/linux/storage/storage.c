/* SPDX-License-Identifier: Apache-2.0
 *
 * One queue of operations, done one after another.
 *
 * A piece of work for libuv ends with the first operation that has a
 * completion, so that it is told before the next one begins.
 */
#include "reference-nos/linux/storage/storage_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/hist.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INCARNATION_FILE "incarnation"
#define SYNC_TIMES_BITS 5u

static bool
completes(const struct storage_op *op)
{
    return op->kind == OP_SYNC || op->kind == OP_REPLACE;
}

static struct storage_op *
op_take(struct storage *storage, struct list *list)
{
    struct list_node *node;

    uv_mutex_lock(&storage->mutex);
    node = list_pop_front(list);
    uv_mutex_unlock(&storage->mutex);
    return node == NULL ? NULL : CONTAINER_OF(node, struct storage_op, node);
}

/* The operation is done: counts it, and keeps it when it is to be told. */
static void
op_finish(struct storage *storage, struct storage_op *op, uint64_t took_ns)
{
    bool kept = completes(op);

    uv_mutex_lock(&storage->mutex);
    storage->queue_count--;
    storage->queue_bytes -= op->size;
    if (kept) {
        hist_add(op->kind == OP_SYNC ? storage->sync_times
                                     : storage->replace_times,
                 took_ns, 1);
        list_push_back(&storage->completed, &op->node);
    }
    storage->counters.bytes += op->size;
    uv_mutex_unlock(&storage->mutex);
    if (!kept)
        free(op);
}

/* Does the next operation; false when there was none. */
static bool
step(struct storage *storage, bool *completed)
{
    struct storage_op *op = op_take(storage, &storage->queue);
    uint64_t from_ns = uv_hrtime();

    if (op == NULL)
        return false;
    *completed = completes(op);
    storage_op_run(storage, op);
    op_finish(storage, op, uv_hrtime() - from_ns);
    return true;
}

static void
work(uv_work_t *request)
{
    struct storage *storage = CONTAINER_OF(request, struct storage, work);
    bool completed = false;

    while (!completed && step(storage, &completed)) {
    }
    uv_mutex_lock(&storage->mutex);
    storage->busy = false;
    uv_cond_signal(&storage->idle);
    uv_mutex_unlock(&storage->mutex);
}

static void
tell(struct storage *storage)
{
    struct storage_op *op;

    while (!storage->closing &&
           (op = op_take(storage, &storage->completed)) != NULL) {
        storage->done(storage->arg, op->service, op->token, op->status);
        free(op);
    }
}

static void
free_when_closed(struct storage *storage)
{
    if (storage->working || !storage->told_closed)
        return;
    uv_cond_destroy(&storage->idle);
    uv_mutex_destroy(&storage->mutex);
    free(storage->sync_times);
    free(storage->replace_times);
    free(storage);
}

static void start(struct storage *storage);

static void
worked(uv_work_t *request, int status)
{
    struct storage *storage = CONTAINER_OF(request, struct storage, work);

    (void)status;
    storage->working = false;
    if (storage->closing) {
        free_when_closed(storage);
        return;
    }
    tell(storage);
    if (!storage->closing)
        start(storage);
}

/* Sets the worker to what waits, if it does nothing. */
static void
start(struct storage *storage)
{
    bool begin;

    if (storage->working)
        return;
    uv_mutex_lock(&storage->mutex);
    begin = !list_empty(&storage->queue);
    storage->busy = begin;
    uv_mutex_unlock(&storage->mutex);
    if (!begin)
        return;
    storage->working = true;
    CHECK(uv_queue_work(storage->loop, &storage->work, work, worked) == 0);
}

static void
told(uv_async_t *async)
{
    tell(CONTAINER_OF(async, struct storage, told));
}

static void
wait_for_worker(struct storage *storage)
{
    uv_mutex_lock(&storage->mutex);
    while (storage->busy)
        uv_cond_wait(&storage->idle, &storage->mutex);
    uv_mutex_unlock(&storage->mutex);
}

/* Everything asked for before is done when this returns. */
static void
settle(struct storage *storage)
{
    bool completed = false;
    bool any = false;

    wait_for_worker(storage);
    while (step(storage, &completed))
        any = any || completed;
    if (any)
        (void)uv_async_send(&storage->told);
}

/* ---- the outside ---- */

static int
open_slots(struct storage *storage, const char *directory, char *message,
           size_t message_size)
{
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++)
        storage->slots[i].fd = -1;
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++) {
        int code = storage_slot_open(storage, (enum storage_file)i);

        if (code != 0) {
            (void)snprintf(message, message_size, "%s/%s: cannot open: %s",
                           directory, storage_name((enum storage_file)i),
                           strerror(code));
            return storage_error(code);
        }
    }
    if (fsync(storage->directory_fd) != 0)
        return storage_complain(message, message_size, directory,
                                "cannot sync this directory", errno);
    return 0;
}

static void
slots_close(struct storage *storage)
{
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++)
        storage_slot_close(&storage->slots[i]);
    (void)close(storage->directory_fd);
}

static struct hist *
times_create(void)
{
    void *room = malloc(hist_size_bytes(SYNC_TIMES_BITS));

    CHECK(room != NULL);
    return hist_init(room, SYNC_TIMES_BITS);
}

int
storage_open(uv_loop_t *loop, const char *directory, storage_done *done,
             void *arg, struct storage **out, char *message,
             size_t message_size)
{
    struct storage *storage = calloc(1, sizeof(*storage));
    int error;

    CHECK(done != NULL);
    if (storage == NULL)
        return ERR_NOMEM;
    storage->loop = loop;
    storage->done = done;
    storage->arg = arg;
    list_init(&storage->queue);
    list_init(&storage->completed);
    storage->sync_times = times_create();
    storage->replace_times = times_create();
    error = storage_directory(directory, &storage->directory_fd, message,
                              message_size);
    if (error != 0) {
        free(storage->sync_times);
        free(storage->replace_times);
        free(storage);
        return error;
    }
    error = open_slots(storage, directory, message, message_size);
    if (error != 0) {
        slots_close(storage);
        free(storage->sync_times);
        free(storage->replace_times);
        free(storage);
        return error;
    }
    CHECK(uv_mutex_init(&storage->mutex) == 0);
    CHECK(uv_cond_init(&storage->idle) == 0);
    CHECK(uv_async_init(loop, &storage->told, told) == 0);
    uv_unref((uv_handle_t *)&storage->told);
    *out = storage;
    return 0;
}

static void
list_drop(struct storage *storage, struct list *list)
{
    struct storage_op *op;

    while ((op = op_take(storage, list)) != NULL)
        free(op);
}

static void
told_close(uv_handle_t *handle)
{
    struct storage *storage =
        CONTAINER_OF((uv_async_t *)handle, struct storage, told);

    storage->told_closed = true;
    free_when_closed(storage);
}

void
storage_close(struct storage *storage)
{
    if (storage == NULL)
        return;
    storage->closing = true;
    list_drop(storage, &storage->queue);
    wait_for_worker(storage);
    list_drop(storage, &storage->completed);
    slots_close(storage);
    uv_close((uv_handle_t *)&storage->told, told_close);
}

static int
enqueue(struct storage *storage, const struct storage_op *what,
        const void *bytes)
{
    struct storage_op *op;

    /* The worker only takes away, so what fits now fits below. */
    uv_mutex_lock(&storage->mutex);
    bool fits = storage->queue_count < STORAGE_QUEUE_MAX &&
                storage->queue_bytes + what->size <= STORAGE_QUEUE_BYTES_MAX;
    uv_mutex_unlock(&storage->mutex);
    if (!fits)
        return ERR_FULL;
    op = malloc(sizeof(*op) + what->size);
    if (op == NULL)
        return ERR_NOMEM;
    *op = *what;
    if (bytes != NULL && op->size > 0)
        memcpy(op->bytes, bytes, op->size);
    uv_mutex_lock(&storage->mutex);
    storage->queue_count++;
    storage->queue_bytes += op->size;
    list_push_back(&storage->queue, &op->node);
    uv_mutex_unlock(&storage->mutex);
    start(storage);
    return 0;
}

int
storage_append(struct storage *storage, enum storage_file file,
               const void *bytes, size_t size)
{
    CHECK(file < STORAGE_FILE_COUNT);
    struct storage_slot *slot = &storage->slots[file];
    struct storage_op op = {.kind = OP_APPEND, .file = file, .size = size};
    int error;

    if (size > STORAGE_FILE_MAX - slot->view_bytes)
        return ERR_FULL;
    error = enqueue(storage, &op, bytes);
    if (error == 0)
        slot->view_bytes += size;
    return error;
}

int
storage_truncate(struct storage *storage, enum storage_file file,
                 uint64_t size)
{
    CHECK(file < STORAGE_FILE_COUNT);
    struct storage_slot *slot = &storage->slots[file];
    struct storage_op op = {.kind = OP_TRUNCATE, .file = file, .length = size};
    int error;

    if (size > slot->view_bytes)
        return ERR_RANGE;
    error = enqueue(storage, &op, NULL);
    if (error == 0)
        slot->view_bytes = size;
    return error;
}

int
storage_sync(struct storage *storage, enum storage_file file, unsigned service,
             uint64_t token)
{
    struct storage_op op = {
        .kind = OP_SYNC, .file = file, .service = service, .token = token};

    CHECK(file < STORAGE_FILE_COUNT);
    return enqueue(storage, &op, NULL);
}

int
storage_replace(struct storage *storage, enum storage_file file,
                const void *bytes, size_t size, unsigned service,
                uint64_t token)
{
    CHECK(file < STORAGE_FILE_COUNT);
    struct storage_op op = {.kind = OP_REPLACE,
                            .file = file,
                            .service = service,
                            .token = token,
                            .size = size};
    int error;

    if (size > STORAGE_FILE_MAX)
        return ERR_FULL;
    error = enqueue(storage, &op, bytes);
    if (error == 0)
        storage->slots[file].view_bytes = size;
    return error;
}

int
storage_size(struct storage *storage, enum storage_file file, uint64_t *size)
{
    CHECK(file < STORAGE_FILE_COUNT);
    struct storage_slot *slot = &storage->slots[file];

    settle(storage);
    /* A new life begins by looking at what is durable. */
    if (slot->error != 0) {
        int code = storage_slot_open(storage, file);

        if (code != 0)
            return storage_error(code);
    }
    *size = slot->end_bytes;
    return 0;
}

int
storage_read(struct storage *storage, enum storage_file file, uint64_t offset,
             void *bytes, size_t size)
{
    CHECK(file < STORAGE_FILE_COUNT);
    struct storage_slot *slot = &storage->slots[file];
    uint8_t *at = bytes;

    settle(storage);
    if (slot->error != 0)
        return slot->error;
    if (offset > slot->end_bytes || size > slot->end_bytes - offset)
        return ERR_TRUNCATED;
    while (size > 0) {
        ssize_t got = pread(slot->fd, at, size, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

static void
times_get(const struct hist *hist, struct storage_times *times)
{
    times->count = hist_count(hist);
    times->ns = hist_sum(hist);
    times->p5_ns = hist_quantile(hist, HIST_PPB / 20);
}

void
storage_counters(const struct storage *storage, struct storage_counters *out)
{
    uv_mutex_t *mutex = &((struct storage *)(uintptr_t)storage)->mutex;

    uv_mutex_lock(mutex);
    *out = storage->counters;
    times_get(storage->sync_times, &out->sync);
    times_get(storage->replace_times, &out->replace);
    uv_mutex_unlock(mutex);
}

/* ---- incarnation ---- */

static int
incarnation_read(int directory_fd, uint64_t *value)
{
    char text[32] = {0};
    char *end;
    ssize_t got;
    int fd = openat(directory_fd, INCARNATION_FILE, O_RDONLY | O_CLOEXEC);

    *value = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : storage_error(errno);
    got = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (got < 0)
        return ERR_IO;
    if (text[0] < '0' || text[0] > '9')
        return ERR_CORRUPT;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\n' && *value != UINT64_MAX
               ? 0
               : ERR_CORRUPT;
}

/* A full disk must not keep a box from booting: a number of fixed width goes
 * into the place of the old one, inside one sector. */
static int
incarnation_overwrite(int directory_fd, const char *text, size_t size)
{
    int error = 0;
    int fd = openat(directory_fd, INCARNATION_FILE, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return ERR_NOSPACE;
    if (pwrite(fd, text, size, 0) != (ssize_t)size || fdatasync(fd) != 0)
        error = ERR_NOSPACE;
    (void)close(fd);
    return error;
}

static int
incarnation_write(int directory_fd, uint64_t value)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "%020" PRIu64 "\n", value);
    int error = storage_file_replace(directory_fd, INCARNATION_FILE, text,
                                     (size_t)size, NULL);

    if (error == ERR_NOSPACE && value > 1)
        error = incarnation_overwrite(directory_fd, text, (size_t)size);
    return error;
}

int
storage_incarnation(const char *directory, uint64_t *incarnation,
                    char *message, size_t message_size)
{
    uint64_t value;
    int fd;
    int error = storage_directory(directory, &fd, message, message_size);

    if (error != 0)
        return error;
    error = incarnation_read(fd, &value);
    if (error == 0)
        error = incarnation_write(fd, value + 1);
    (void)close(fd);
    if (error != 0) {
        (void)snprintf(message, message_size, "%s/" INCARNATION_FILE ": %s",
                       directory, err_text(error));
        return error;
    }
    *incarnation = value + 1;
    return 0;
}

/* ---- notes ---- */

static int
note_fail(const char *directory, const char *name, int error, char *message,
          size_t message_size)
{
    if (error != 0 && error != ERR_NOENT)
        (void)snprintf(message, message_size, "%s/%s: %s", directory, name,
                       err_text(error));
    return error;
}

int
storage_note_keep(const char *directory, const char *name, const char *text,
                  char *message, size_t message_size)
{
    int fd;
    int error = storage_directory(directory, &fd, message, message_size);

    if (error != 0)
        return error;
    error = storage_file_replace(fd, name, text, strlen(text), NULL);
    (void)close(fd);
    return note_fail(directory, name, error, message, message_size);
}

static int
note_read(int directory_fd, const char *name, char *text, size_t size)
{
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return errno == ENOENT ? ERR_NOENT : storage_error(errno);
    got = read(fd, text, size);
    (void)close(fd);
    if (got < 0)
        return ERR_IO;
    if ((size_t)got == size)
        return ERR_CORRUPT;
    text[got] = '\0';
    return 0;
}

int
storage_note_read(const char *directory, const char *name, char *text,
                  size_t size, char *message, size_t message_size)
{
    int fd;
    int error = storage_directory(directory, &fd, message, message_size);

    if (error != 0)
        return error;
    error = note_read(fd, name, text, size);
    (void)close(fd);
    return note_fail(directory, name, error, message, message_size);
}
