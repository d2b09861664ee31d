/* SPDX-License-Identifier: Apache-2.0
 *
 * The replicated state machine: committed transactions applied to rows.
 *
 * Input    entries of the consensus log, in order.  Every voter that applied
 *          up to an index is in the same state, and has the same digest.
 * Stamps   of its rows are (log index, place in the transaction), so they
 *          are the same everywhere: a reader may change to another voter.
 * Retries  the outcome of each client's last transaction is kept and
 *          answered again; of MACHINE_CLIENTS the one idle for longest is
 *          forgotten.
 * Snapshot one block of bytes with a checksum; loading checks all of
 *          it before it changes anything, then merges the differences.
 */
#ifndef NOS_STORE_MACHINE_H
#define NOS_STORE_MACHINE_H

#include "reference-nos/base/digest.h"
#include "reference-nos/raft/raft.h"
#include "reference-nos/store/rows.h"

#define MACHINE_CLIENTS 256u
#define MACHINE_ROWS_MAX 16384u
#define MACHINE_BYTES_MAX (4u * 1024u * 1024u)
#define MACHINE_STAMP_SHIFT 16

struct machine_client {
    uint64_t client;
    uint64_t sequence;
    uint64_t index;
    uint64_t term;
    int status;
};

/* A row of a snapshot that is being loaded. */
struct machine_loading;

struct machine {
    struct rows *rows;
    struct machine_loading *loading; /* NULL: none */
    struct digest128 digest;
    uint64_t applied;      /* index */
    uint64_t applied_term; /* of that entry */
    uint64_t base;         /* stamp: older deletions are not known */
    unsigned client_count;
    struct machine_client clients[MACHINE_CLIENTS]; /* by 'client' */
};

void machine_init(struct machine *machine, struct rows *rows);

/* May 'bytes' become an entry?  0, ERR_RANGE, ERR_INVALID, or as the
 * parsers. */
MUST_USE int machine_check(const void *bytes, size_t size,
                           struct store_txn *txn);

/* The entry after 'applied'.  '*rows' counts operations done.  ERR_NOMEM
 * leaves the machine unusable. */
MUST_USE int machine_apply(struct machine *machine,
                           const struct raft_entry *entry, unsigned *rows);

/* NULL when unknown. */
const struct machine_client *machine_client_find(const struct machine *machine,
                                                 uint64_t client);

/* How large the snapshot would be. */
size_t machine_save_bytes(const struct machine *machine);
/* 'meta' as raft_snapshot_at() gave it for 'applied'. */
MUST_USE int machine_save(const struct machine *machine,
                          const struct raft_snapshot *meta, void *bytes,
                          size_t capacity, size_t *size);
/* Checks everything.  ERR_CORRUPT, ERR_VERSION. */
MUST_USE int machine_snapshot_check(const void *bytes, size_t size,
                                    struct raft_snapshot *meta);

/* Loading goes in steps, so that a large one does not stop everything else.
 * 'bytes' stay where they are until it is done; until then nothing can be
 * applied.  A new one replaces one under way.  ERR_CORRUPT, ERR_VERSION:
 * unchanged; ERR_NOMEM: unusable. */
MUST_USE int machine_load_begin(struct machine *machine, const void *bytes,
                                size_t size);
/* Merges or drops up to 'rows' rows.  'loading' is NULL when it was the last
 * step.  An error leaves the machine unusable. */
MUST_USE int machine_load_step(struct machine *machine, unsigned rows);
/* All steps at once. */
MUST_USE int machine_load(struct machine *machine, const void *bytes,
                          size_t size);

#endif
