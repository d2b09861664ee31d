/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk of a box: the files of plat.h in memory, behind one ordered queue
 * with latency, losing at a crash what was not synced.
 *
 * Order     operations take effect on the durable image in the order they
 *           were queued; appends and truncations by the next sync of that
 *           file, a replace as a whole at its completion.
 * Reading   sees what was written, synced or not (the page cache).
 * Crash     durable content stays; of what was written and not synced, a
 *           random prefix stays, cut at any byte (torn tail), unless
 *           'lose_unsynced' is set: then nothing of it does.  Operations
 *           under way never complete.
 * Faults    stall: operations wait; full: ERR_NOSPACE from append and
 *           replace; error: ERR_IO from reads, and as completion status.
 * Done      sync and replace call 'done' when complete.
 */
#ifndef MODELS_DISK_H
#define MODELS_DISK_H

#include "reference-nos/platform/plat.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/random.h"

struct disk; /* Opaque. */

struct disk_options {
    struct simtime sync_min; /* latency of a sync, uniform */
    struct simtime sync_max;
    struct simtime replace_min; /* the same of a replace */
    struct simtime replace_max;
    uint64_t bytes_per_s; /* added for the bytes it makes durable */
    uint64_t capacity_bytes;
    uint64_t seed;
    uint32_t entity; /* of events and draws: the box */
    void (*done)(void *context, unsigned service, uint64_t token, int status);
    void *context;
};

struct disk *disk_create(struct kernel *kernel,
                         const struct disk_options *options);
void disk_destroy(struct disk *disk);

/* 'at' is when the operation is queued: now or a little later. */
MUST_USE int disk_append(struct disk *disk, enum storage_file file,
                         const void *bytes, size_t size);
MUST_USE int disk_truncate(struct disk *disk, enum storage_file file,
                           uint64_t size);
MUST_USE int disk_sync(struct disk *disk, enum storage_file file,
                       struct simtime at, unsigned service, uint64_t token);
MUST_USE int disk_replace(struct disk *disk, enum storage_file file,
                          const void *bytes, size_t size, struct simtime at,
                          unsigned service, uint64_t token);
MUST_USE int disk_size(const struct disk *disk, enum storage_file file,
                       uint64_t *size);
MUST_USE int disk_read(const struct disk *disk, enum storage_file file,
                       uint64_t offset, void *bytes, size_t size);

void disk_crash(struct disk *disk);
/* An empty disk: another box stands here now. */
void disk_wipe(struct disk *disk);

/* The disk moved to another box: who is told from now on. */
void disk_rebind(struct disk *disk, void *context);

/* Faults. */
void disk_stall(struct disk *disk, struct simtime span);
void disk_set_full(struct disk *disk, bool on);
void disk_set_error(struct disk *disk, bool on);
void disk_set_lose_unsynced(struct disk *disk, bool on);

#endif
