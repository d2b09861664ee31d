/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of META and LOG, shared by writing and recovery.
 */
#ifndef NOS_STORE_DISK_PRIV_H
#define NOS_STORE_DISK_PRIV_H

#include "reference-nos/store/disk.h"

/* magic, version, checksum of the rest, term, vote. */
#define DISK_META_BYTES 28u
/* magic, checksum of the rest, base index, base term. */
#define DISK_HEAD_BYTES 24u
/* magic, checksum of the rest, data size, index, term, kind; then data. */
#define DISK_RECORD_BYTES 29u

void disk_meta_encode(uint64_t term, uint64_t voted_for,
                      uint8_t bytes[DISK_META_BYTES]);
MUST_USE int disk_meta_decode(const uint8_t *bytes, size_t size,
                              uint64_t *term, uint64_t *voted_for);

void disk_head_encode(uint64_t base_index, uint64_t base_term,
                      uint8_t bytes[DISK_HEAD_BYTES]);
MUST_USE int disk_head_decode(const uint8_t *bytes, size_t size,
                              uint64_t *base_index, uint64_t *base_term);

void disk_record_encode(const struct raft_entry *entry, uint8_t *bytes);
/* The record at the start of 'bytes', borrowed.  ERR_CORRUPT. */
MUST_USE int disk_record_decode(const uint8_t *bytes, size_t size,
                                struct raft_entry *entry);

/* Notes where entry 'index', the next one, starts in LOG. */
MUST_USE int disk_offset_push(struct disk *disk, uint64_t index,
                              uint64_t offset);

#endif
