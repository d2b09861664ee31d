/* SPDX-License-Identifier: Apache-2.0
 *
 * What a voter keeps on disk: term and vote, snapshot, log.
 *
 * META      one record, replaced as a whole.
 * SNAPSHOT  as machine_save() made it, replaced as a whole.
 * LOG       a head (what lies before it), then records, each with a length
 *           and a checksum; appended, cut, and written anew when compacted.
 * Recovery  a torn tail (nothing valid behind the damage) is cut; damage
 *           with valid records behind it, or in the other files, is
 *           ERR_CORRUPT: the box must not vote on what is left.  A record
 *           damaged at the very end looks like a torn one.
 * Order     all operations of a box form one queue (plat.h), so a completion
 *           covers all writes before it.
 * Tokens    carry the life of the service: a completion for a former life is
 *           recognised.
 */
#ifndef NOS_STORE_DISK_H
#define NOS_STORE_DISK_H

#include "reference-nos/base/mem.h"
#include "reference-nos/platform/plat.h"
#include "reference-nos/raft/raft.h"

#define DISK_LOG_BYTES_MAX (32u * 1024u * 1024u)
#define DISK_SNAPSHOT_BYTES_MAX (8u * 1024u * 1024u)

enum disk_token_kind { DISK_TOKEN_WRITE = 1, DISK_TOKEN_SNAPSHOT = 2 };

struct disk {
    struct plat *plat;
    struct mem *mem;
    unsigned service;
    uint32_t life;
    bool careless;       /* planted bug: errors are not looked at */
    uint64_t base_index; /* of the entry before the first in LOG */
    uint64_t base_term;
    uint64_t last_index; /* in LOG */
    uint64_t end;        /* bytes in LOG; 0: not even a head */
    uint64_t *offsets;   /* where each entry starts */
    size_t offsets_size; /* bytes */
    uint64_t unsynced;   /* raft write id that waits for a sync, or 0 */
};

/* What disk_open() found. */
struct disk_found {
    bool fresh; /* nothing at all */
    uint64_t term;
    uint64_t voted_for;
    uint8_t *snapshot; /* NULL: none */
    size_t snapshot_size;
    uint8_t *log; /* the whole file */
    size_t log_size;
};

void disk_init(struct disk *disk, struct plat *plat, struct mem *mem,
               unsigned service, uint32_t life);

/* Reads all files and cuts a torn tail.  ERR_CORRUPT, ERR_VERSION, ERR_IO,
 * ERR_NOMEM. */
MUST_USE int disk_open(struct disk *disk, struct disk_found *found);
void disk_found_free(struct disk *disk, struct disk_found *found);

/* The entry at 'index' of what was found; borrowed from it.  ERR_NOENT. */
MUST_USE int disk_found_entry(const struct disk *disk,
                              const struct disk_found *found, uint64_t index,
                              struct raft_entry *entry);

/* Makes LOG follow a snapshot that is ahead of it or differs from it
 * (a crash came between the two files), as RAFT_WRITE_SNAPSHOT would have. */
MUST_USE int disk_follow_snapshot(struct disk *disk,
                                  const struct disk_found *found,
                                  uint64_t index, uint64_t term);

/* Carries out one write; its token comes back in order.  'raft' gives the
 * entries when LOG is written anew; 'snapshot' (SNAPSHOT and COMPACT) is what
 * they follow, 'bytes' its content (SNAPSHOT). */
MUST_USE int disk_write(struct disk *disk, const struct raft_write *write,
                        const struct raft *raft,
                        const struct raft_snapshot *snapshot,
                        const void *bytes, size_t size);
/* After the last write of a step. */
MUST_USE int disk_flush(struct disk *disk);

/* Own snapshot; comes back as DISK_TOKEN_SNAPSHOT. */
MUST_USE int disk_snapshot(struct disk *disk, const void *bytes, size_t size,
                           uint64_t index);

/* ERR_STALE: of a former life. */
MUST_USE int disk_token_read(const struct disk *disk, uint64_t token,
                             enum disk_token_kind *kind, uint64_t *id);

#endif
