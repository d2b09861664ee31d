/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a message, all numbers big-endian:
 *
 *   u8 version, u8 kind, u8 flags (1 granted, 2 transfer), u8 entry count,
 *   u64 from, to, incarnation, term, asked term, index, index term,
 *   refused index, commit, round;
 *   then per entry: u64 term, u8 kind, u32 size, bytes.
 *
 * Entry indices follow from 'index'.  Nothing may follow the last entry.
 */
#include "reference-nos/raft/raft_msg.h"

#include <string.h>

#include "reference-nos/base/err.h"

enum {
    VERSION = 1,
    FLAG_GRANTED = 1,
    FLAG_TRANSFER = 2,
    HEAD_BYTES = 4 + 10 * 8,
    ENTRY_HEAD_BYTES = 8 + 1 + 4,
};

_Static_assert(HEAD_BYTES + RAFT_APPEND_ENTRIES_MAX * ENTRY_HEAD_BYTES +
                       RAFT_APPEND_BYTES_MAX <=
                   RAFT_MESSAGE_BYTES_MAX,
               "a message of the core fits");
_Static_assert(RAFT_ENTRY_BYTES_MAX <= RAFT_APPEND_BYTES_MAX,
               "an entry fits into a message");

static uint8_t *
put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i > 0; i--)
        *at++ = (uint8_t)(value >> (8 * (i - 1)));
    return at;
}

static uint64_t
get(const uint8_t **at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | *(*at)++;
    return value;
}

/* --- Members ------------------------------------------------------------ */

size_t
raft_members_encode(const struct raft_members *members,
                    uint8_t bytes[RAFT_MEMBERS_BYTES_MAX])
{
    uint8_t *at = put(bytes, members->count, 1);

    for (unsigned i = 0; i < members->count; i++) {
        at = put(at, members->member[i].id, 8);
        at = put(at, members->member[i].role, 1);
    }
    return (size_t)(at - bytes);
}

static bool
is_listed(const struct raft_members *members, uint64_t id)
{
    for (unsigned i = 0; i < members->count; i++) {
        if (members->member[i].id == id)
            return true;
    }
    return false;
}

int
raft_members_decode(const void *bytes, size_t size,
                    struct raft_members *members)
{
    const uint8_t *at = bytes;
    struct raft_members result = {.count = 0};
    unsigned count;

    if (size < 1)
        return ERR_TRUNCATED;
    count = *at++;
    if (count > RAFT_MEMBERS_MAX)
        return ERR_RANGE;
    if (size != 1 + 9 * (size_t)count)
        return ERR_MALFORMED;
    while (result.count < count) {
        uint64_t id = get(&at, 8);
        unsigned role = *at++;

        if (id == 0 || is_listed(&result, id) ||
            (role != RAFT_VOTER && role != RAFT_LEARNER))
            return ERR_MALFORMED;
        result.member[result.count++] = (struct raft_member){
            .id = id,
            .role = role == RAFT_VOTER ? RAFT_VOTER : RAFT_LEARNER,
        };
    }
    *members = result;
    return 0;
}

/* --- Messages ----------------------------------------------------------- */

bool
raft_message_is_small(const struct raft_message *message)
{
    return message->entry_count == 0;
}

static size_t
encoded_bytes(const struct raft_message *message)
{
    size_t bytes = HEAD_BYTES;

    for (unsigned i = 0; i < message->entry_count; i++)
        bytes += ENTRY_HEAD_BYTES + message->entries[i].size;
    return bytes;
}

int
raft_message_encode(const struct raft_message *message, void *bytes,
                    size_t capacity_bytes, size_t *size_bytes)
{
    size_t size = encoded_bytes(message);
    uint8_t *at = bytes;

    if (size > capacity_bytes || message->entry_count > UINT8_MAX)
        return ERR_FULL;
    at = put(at, VERSION, 1);
    at = put(at, message->kind, 1);
    at = put(at,
             (message->granted ? FLAG_GRANTED : 0u) |
                 (message->transfer ? FLAG_TRANSFER : 0u),
             1);
    at = put(at, message->entry_count, 1);
    at = put(at, message->from, 8);
    at = put(at, message->to, 8);
    at = put(at, message->incarnation, 8);
    at = put(at, message->term, 8);
    at = put(at, message->asked_term, 8);
    at = put(at, message->index, 8);
    at = put(at, message->index_term, 8);
    at = put(at, message->refused_index, 8);
    at = put(at, message->commit, 8);
    at = put(at, message->round, 8);
    for (unsigned i = 0; i < message->entry_count; i++) {
        const struct raft_entry *entry = &message->entries[i];

        at = put(at, entry->term, 8);
        at = put(at, entry->kind, 1);
        at = put(at, entry->size, 4);
        if (entry->size)
            memcpy(at, entry->data, entry->size);
        at += entry->size;
    }
    *size_bytes = size;
    return 0;
}

static bool
kind_is_known(unsigned kind)
{
    return kind >= RAFT_PREVOTE && kind <= RAFT_TIMEOUT_NOW;
}

static int
decode_entry(const uint8_t **at, const uint8_t *end, struct raft_entry *entry)
{
    unsigned kind;

    if (end - *at < ENTRY_HEAD_BYTES)
        return ERR_TRUNCATED;
    entry->context = 0;
    entry->term = get(at, 8);
    kind = (unsigned)get(at, 1);
    entry->size = (size_t)get(at, 4);
    if (kind < RAFT_ENTRY_DATA || kind > RAFT_ENTRY_MEMBERS)
        return ERR_MALFORMED;
    if (entry->size > RAFT_ENTRY_BYTES_MAX)
        return ERR_RANGE;
    if ((size_t)(end - *at) < entry->size)
        return ERR_TRUNCATED;
    entry->kind = (enum raft_entry_kind)kind;
    entry->data = entry->size ? *at : NULL;
    *at += entry->size;
    return 0;
}

static int
decode_entries(const uint8_t *at, const uint8_t *end,
               struct raft_entry *entries, const struct raft_message *message)
{
    for (unsigned i = 0; i < message->entry_count; i++) {
        int err = decode_entry(&at, end, &entries[i]);

        if (err)
            return err;
        entries[i].index = message->index + 1 + i;
    }
    return at == end ? 0 : ERR_MALFORMED;
}

int
raft_message_decode(const void *bytes, size_t size_bytes,
                    struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX],
                    struct raft_message *message)
{
    const uint8_t *at = bytes, *end = at + size_bytes;
    struct raft_message result = {.from = 0};
    unsigned kind, flags;
    int err;

    if (size_bytes < HEAD_BYTES)
        return ERR_TRUNCATED;
    if (*at++ != VERSION)
        return ERR_VERSION;
    kind = *at++;
    flags = *at++;
    result.entry_count = *at++;
    if (!kind_is_known(kind) || flags > (FLAG_GRANTED | FLAG_TRANSFER))
        return ERR_MALFORMED;
    if (result.entry_count > RAFT_APPEND_ENTRIES_MAX ||
        (result.entry_count && kind != RAFT_APPEND))
        return ERR_RANGE;
    result.kind = (enum raft_message_kind)kind;
    result.granted = flags & FLAG_GRANTED;
    result.transfer = flags & FLAG_TRANSFER;
    result.from = get(&at, 8);
    result.to = get(&at, 8);
    result.incarnation = get(&at, 8);
    result.term = get(&at, 8);
    result.asked_term = get(&at, 8);
    result.index = get(&at, 8);
    result.index_term = get(&at, 8);
    result.refused_index = get(&at, 8);
    result.commit = get(&at, 8);
    result.round = get(&at, 8);
    if (result.term > RAFT_NUMBER_MAX || result.index > RAFT_NUMBER_MAX)
        return ERR_RANGE;
    err = decode_entries(at, end, entries, &result);
    if (err)
        return err;
    result.entries = result.entry_count ? entries : NULL;
    *message = result;
    return 0;
}
