/* SPDX-License-Identifier: Apache-2.0
 *
 * Each file has a view (what a read sees) and a durable image.  Writes change
 * the view at once and wait in the file's list of changes; a barrier (sync or
 * replace) that completes carries the changes before it into the image.
 */
#include "models/disk.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/list.h"
#include "sim/kernel/fixed.h"

#define BARRIERS_MAX 65536

struct content {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

enum change_kind { CHANGE_APPEND, CHANGE_TRUNCATE, CHANGE_REPLACE };

/* A write that is not durable yet. */
struct change {
    struct list_node node;
    enum change_kind kind;
    uint64_t order;
    size_t size; /* Of 'bytes', or to truncate to. */
    uint8_t bytes[];
};

/* A sync or replace under way or waiting. */
struct barrier {
    struct list_node node;
    enum storage_file file;
    bool replaces;
    uint64_t order; /* Covers changes of 'file' up to this. */
    unsigned service;
    uint64_t token;
    struct simtime starts;
    struct simtime completes;
};

struct file {
    struct content view;
    struct content durable;
    struct list changes;
    size_t unsent_bytes; /* Changed, and no barrier carries them yet. */
};

struct disk {
    struct kernel *kernel;
    struct disk_options options;
    struct file files[STORAGE_FILE_COUNT];
    struct list barriers;
    size_t barrier_count;
    uint64_t order;
    struct simtime busy_until;
    struct event next; /* Completion of the first barrier. */
    struct random_stream latency;
    struct random_stream crash;
    bool full;
    bool error;
    bool lose_unsynced;
};

/* ---- contents ---- */

static void
content_append(struct content *content, const void *bytes, size_t size)
{
    if (content->size + size > content->room) {
        size_t room = (content->size + size) * 2;

        content->bytes = realloc(content->bytes, room);
        CHECK(content->bytes != NULL);
        content->room = room;
    }
    if (size > 0)
        memcpy(content->bytes + content->size, bytes, size);
    content->size += size;
}

static void
content_write(struct content *content, enum change_kind kind,
              const void *bytes, size_t size)
{
    switch (kind) {
    case CHANGE_REPLACE:
        content->size = 0;
        content_append(content, bytes, size);
        break;
    case CHANGE_APPEND: content_append(content, bytes, size); break;
    case CHANGE_TRUNCATE:
        if (size < content->size)
            content->size = size;
        break;
    }
}

static void
content_apply(struct content *content, const struct change *change)
{
    content_write(content, change->kind, change->bytes, change->size);
}

static void
content_copy(struct content *to, const struct content *from)
{
    to->size = 0;
    content_append(to, from->bytes, from->size);
}

/* ---- changes ---- */

static void
change_add(struct disk *disk, enum storage_file file, enum change_kind kind,
           const void *bytes, size_t size)
{
    size_t stored = kind == CHANGE_TRUNCATE ? 0 : size;
    struct change *change = malloc(sizeof(*change) + stored);

    CHECK(change != NULL);
    change->kind = kind;
    change->order = ++disk->order;
    change->size = size;
    if (stored > 0)
        memcpy(change->bytes, bytes, stored);
    list_push_back(&disk->files[file].changes, &change->node);
    disk->files[file].unsent_bytes += stored;
    content_write(&disk->files[file].view, kind, bytes, size);
}

static struct change *
change_first(const struct file *file)
{
    struct list_node *node = list_first(&file->changes);

    return node == NULL ? NULL : CONTAINER_OF(node, struct change, node);
}

/* Carries changes up to 'order' into the image. */
static void
changes_harden(struct file *file, uint64_t order)
{
    struct change *change = change_first(file);

    while (change != NULL && change->order <= order) {
        content_apply(&file->durable, change);
        list_remove(&change->node);
        free(change);
        change = change_first(file);
    }
}

static void
changes_drop(struct file *file)
{
    struct list_node *node;

    while ((node = list_pop_front(&file->changes)) != NULL)
        free(CONTAINER_OF(node, struct change, node));
    file->unsent_bytes = 0;
}

/* A replace failed: the old content is still there. */
static void
replace_revert(struct file *file, uint64_t order)
{
    struct list_node *node = list_first(&file->changes);

    content_copy(&file->view, &file->durable);
    while (node != NULL) {
        struct list_node *next = list_next(&file->changes, node);
        struct change *change = CONTAINER_OF(node, struct change, node);

        if (change->order == order) {
            list_remove(node);
            free(change);
        } else {
            content_apply(&file->view, change);
        }
        node = next;
    }
}

/* ---- the queue ---- */

static void
schedule(struct disk *disk)
{
    struct list_node *node = list_first(&disk->barriers);

    if (node == NULL) {
        kernel_cancel(disk->kernel, &disk->next);
        return;
    }
    struct barrier *barrier = CONTAINER_OF(node, struct barrier, node);
    int err = kernel_add(disk->kernel, &disk->next, barrier->completes);
    CHECK(err == 0 || err == ERR_RANGE); /* Past the end of time: never. */
}

static void
complete(struct event *event, struct simtime now)
{
    struct disk *disk = CONTAINER_OF(event, struct disk, next);
    struct barrier *barrier =
        CONTAINER_OF(list_pop_front(&disk->barriers), struct barrier, node);
    struct file *file = &disk->files[barrier->file];
    unsigned service = barrier->service;
    uint64_t token = barrier->token;
    int status = disk->error ? ERR_IO : 0;

    (void)now;
    disk->barrier_count--;
    if (status == 0)
        changes_harden(file, barrier->order);
    else if (barrier->replaces)
        replace_revert(file, barrier->order);
    free(barrier);
    schedule(disk);
    disk->options.done(disk->options.context, service, token, status);
}

static struct simtime
transfer_time(const struct disk *disk, size_t bytes)
{
    if (disk->options.bytes_per_s == 0)
        return simtime_from_ps(0);
    return simtime_from_ps(
        fixed_mul_div(bytes, SIMTIME_PS_PER_S, disk->options.bytes_per_s));
}

static int
barrier_add(struct disk *disk, enum storage_file file, bool replaces,
            struct simtime at, unsigned service, uint64_t token)
{
    struct barrier *barrier = malloc(sizeof(*barrier));
    const struct disk_options *options = &disk->options;
    struct simtime latency = random_time_between(
        &disk->latency, replaces ? options->replace_min : options->sync_min,
        replaces ? options->replace_max : options->sync_max);

    CHECK(barrier != NULL);
    at = simtime_max(at, kernel_now(disk->kernel));
    barrier->file = file;
    barrier->replaces = replaces;
    barrier->order = disk->order;
    barrier->service = service;
    barrier->token = token;
    barrier->starts = simtime_max(at, disk->busy_until);
    barrier->completes =
        simtime_add(simtime_add(barrier->starts, latency),
                    transfer_time(disk, disk->files[file].unsent_bytes));
    disk->files[file].unsent_bytes = 0;
    disk->busy_until = barrier->completes;
    list_push_back(&disk->barriers, &barrier->node);
    if (disk->barrier_count++ == 0)
        schedule(disk);
    return 0;
}

static void
barriers_drop(struct disk *disk)
{
    struct list_node *node;

    while ((node = list_pop_front(&disk->barriers)) != NULL)
        free(CONTAINER_OF(node, struct barrier, node));
    disk->barrier_count = 0;
    disk->busy_until = kernel_now(disk->kernel);
    kernel_cancel(disk->kernel, &disk->next);
}

/* ---- the outside ---- */

struct disk *
disk_create(struct kernel *kernel, const struct disk_options *options)
{
    struct disk *disk = calloc(1, sizeof(*disk));

    CHECK(disk != NULL && options->done != NULL);
    CHECK(simtime_compare(options->sync_min, options->sync_max) <= 0);
    CHECK(simtime_compare(options->replace_min, options->replace_max) <= 0);
    disk->kernel = kernel;
    disk->options = *options;
    list_init(&disk->barriers);
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++)
        list_init(&disk->files[i].changes);
    event_init(&disk->next, EVENT_CLASS_DEVICE, options->entity, complete);
    disk->latency = random_stream_make(options->seed, options->entity,
                                       random_purpose("disk-latency"));
    disk->crash = random_stream_make(options->seed, options->entity,
                                     random_purpose("disk-crash"));
    return disk;
}

void
disk_destroy(struct disk *disk)
{
    if (disk == NULL)
        return;
    barriers_drop(disk);
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++) {
        changes_drop(&disk->files[i]);
        free(disk->files[i].view.bytes);
        free(disk->files[i].durable.bytes);
    }
    free(disk);
}

static bool
has_room(const struct disk *disk, size_t size)
{
    uint64_t used = size;

    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++)
        used += disk->files[i].view.size;
    return !disk->full && used <= disk->options.capacity_bytes;
}

int
disk_append(struct disk *disk, enum storage_file file, const void *bytes,
            size_t size)
{
    CHECK(file < STORAGE_FILE_COUNT);
    if (!has_room(disk, size))
        return ERR_NOSPACE;
    change_add(disk, file, CHANGE_APPEND, bytes, size);
    return 0;
}

int
disk_truncate(struct disk *disk, enum storage_file file, uint64_t size)
{
    CHECK(file < STORAGE_FILE_COUNT);
    if (size > disk->files[file].view.size)
        return ERR_RANGE;
    change_add(disk, file, CHANGE_TRUNCATE, NULL, (size_t)size);
    return 0;
}

int
disk_sync(struct disk *disk, enum storage_file file, struct simtime at,
          unsigned service, uint64_t token)
{
    CHECK(file < STORAGE_FILE_COUNT);
    if (disk->barrier_count == BARRIERS_MAX)
        return ERR_FULL;
    return barrier_add(disk, file, false, at, service, token);
}

int
disk_replace(struct disk *disk, enum storage_file file, const void *bytes,
             size_t size, struct simtime at, unsigned service, uint64_t token)
{
    CHECK(file < STORAGE_FILE_COUNT);
    if (disk->barrier_count == BARRIERS_MAX)
        return ERR_FULL;
    if (!has_room(disk, size))
        return ERR_NOSPACE;
    change_add(disk, file, CHANGE_REPLACE, bytes, size);
    return barrier_add(disk, file, true, at, service, token);
}

int
disk_size(const struct disk *disk, enum storage_file file, uint64_t *size)
{
    CHECK(file < STORAGE_FILE_COUNT);
    if (disk->error)
        return ERR_IO;
    *size = disk->files[file].view.size;
    return 0;
}

int
disk_read(const struct disk *disk, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    CHECK(file < STORAGE_FILE_COUNT);
    const struct content *view = &disk->files[file].view;

    if (disk->error)
        return ERR_IO;
    if (offset > view->size || size > view->size - offset)
        return ERR_TRUNCATED;
    if (size > 0)
        memcpy(bytes, view->bytes + offset, size);
    return 0;
}

/* ---- crash ---- */

/* The barrier under way took effect before the power went, or it did not. */
static void
crash_barrier(struct disk *disk)
{
    struct list_node *node = list_first(&disk->barriers);

    if (node == NULL)
        return;
    struct barrier *first = CONTAINER_OF(node, struct barrier, node);
    if (simtime_before(first->starts, kernel_now(disk->kernel)) &&
        !disk->error && random_below(&disk->crash, 2) == 1)
        changes_harden(&disk->files[first->file], first->order);
}

/* Bytes of the changes that may survive in part; a replace that was not
 * carried out ends them. */
static uint64_t
survivor_bytes(const struct file *file)
{
    uint64_t total = 0;

    for (struct list_node *node = list_first(&file->changes); node != NULL;
         node = list_next(&file->changes, node)) {
        struct change *change = CONTAINER_OF(node, struct change, node);

        if (change->kind == CHANGE_REPLACE)
            break;
        total += change->kind == CHANGE_APPEND ? change->size : 1;
    }
    return total;
}

/* Keeps the first 'left' bytes of what was written. */
static void
keep_prefix(struct file *file, uint64_t left)
{
    for (struct list_node *node = list_first(&file->changes);
         node != NULL && left > 0; node = list_next(&file->changes, node)) {
        struct change *change = CONTAINER_OF(node, struct change, node);
        uint64_t weight = change->kind == CHANGE_APPEND ? change->size : 1;
        uint64_t kept = weight < left ? weight : left;

        if (change->kind == CHANGE_APPEND)
            content_append(&file->durable, change->bytes, (size_t)kept);
        else
            content_apply(&file->durable, change);
        left -= kept;
    }
}

void
disk_crash(struct disk *disk)
{
    if (!disk->lose_unsynced)
        crash_barrier(disk);
    barriers_drop(disk);
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++) {
        struct file *file = &disk->files[i];
        uint64_t total = survivor_bytes(file);

        if (total > 0 && !disk->lose_unsynced)
            keep_prefix(file, random_below(&disk->crash, total + 1));
        changes_drop(file);
        content_copy(&file->view, &file->durable);
    }
}

void
disk_wipe(struct disk *disk)
{
    barriers_drop(disk);
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++) {
        changes_drop(&disk->files[i]);
        disk->files[i].view.size = 0;
        disk->files[i].durable.size = 0;
    }
    disk->full = false;
    disk->error = false;
    disk->lose_unsynced = false;
}

/* ---- faults ---- */

void
disk_rebind(struct disk *disk, void *context)
{
    disk->options.context = context;
}

void
disk_stall(struct disk *disk, struct simtime span)
{
    disk->busy_until = simtime_add(
        simtime_max(disk->busy_until, kernel_now(disk->kernel)), span);
    for (struct list_node *node = list_first(&disk->barriers); node != NULL;
         node = list_next(&disk->barriers, node)) {
        struct barrier *barrier = CONTAINER_OF(node, struct barrier, node);

        barrier->completes = simtime_add(barrier->completes, span);
    }
    schedule(disk);
}

void
disk_set_full(struct disk *disk, bool on)
{
    disk->full = on;
}

void
disk_set_error(struct disk *disk, bool on)
{
    disk->error = on;
}

void
disk_set_lose_unsynced(struct disk *disk, bool on)
{
    disk->lose_unsynced = on;
}
