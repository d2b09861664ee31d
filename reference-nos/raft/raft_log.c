/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/raft/raft_priv.h"

#include <string.h>

uint64_t
raft_log_last_index(const struct raft_log *log)
{
    return log->base_index + log->count;
}

uint64_t
raft_log_last_term(const struct raft_log *log)
{
    return log->count ? log->entries[log->count - 1].term : log->base_term;
}

struct raft_entry *
raft_log_at(const struct raft_log *log, uint64_t index)
{
    if (index <= log->base_index || index > raft_log_last_index(log))
        return NULL;
    return &log->entries[index - log->base_index - 1];
}

bool
raft_log_term(const struct raft_log *log, uint64_t index, uint64_t *term)
{
    const struct raft_entry *entry = raft_log_at(log, index);

    if (!entry && index != log->base_index)
        return false;
    *term = entry ? entry->term : log->base_term;
    return true;
}

uint64_t
raft_log_last_within(const struct raft_log *log, uint64_t index, uint64_t term)
{
    if (index > raft_log_last_index(log))
        index = raft_log_last_index(log);
    while (index > log->base_index && raft_log_at(log, index)->term > term)
        index--;
    return index;
}

int
raft_log_reserve(struct raft *raft, size_t more)
{
    struct raft_log *log = &raft->log;
    size_t capacity = log->capacity ? log->capacity : 8;
    struct raft_entry *entries;

    if (log->count + more <= log->capacity)
        return 0;
    while (capacity < log->count + more)
        capacity *= 2;
    entries = raft->alloc.alloc(raft->alloc.arg, capacity * sizeof(*entries));
    if (!entries)
        return ERR_NOMEM;
    if (log->count)
        memcpy(entries, log->entries, log->count * sizeof(*entries));
    if (log->entries)
        raft->alloc.free(raft->alloc.arg, log->entries);
    log->entries = entries;
    log->capacity = capacity;
    return 0;
}

size_t
raft_log_cost(size_t data_bytes)
{
    return data_bytes + 2 * sizeof(struct raft_entry);
}

bool
raft_log_has_room(struct raft *raft, size_t bytes, size_t slack_bytes)
{
    size_t limit = raft->config.log_bytes_max + slack_bytes;

    if (raft->log.bytes + bytes > limit)
        raft_log_compact(raft, raft->snapshot.index > raft->log.base_index
                                   ? raft->snapshot.index
                                   : raft->log.base_index);
    return raft->log.bytes + bytes <= limit;
}

static void
entry_free(struct raft *raft, struct raft_entry *entry)
{
    union {
        const void *borrowed;
        void *owned;
    } data = {.borrowed = entry->data};

    raft->log.bytes -= raft_log_cost(entry->size);
    if (data.owned)
        raft->alloc.free(raft->alloc.arg, data.owned);
}

int
raft_log_append(struct raft *raft, const struct raft_entry *entry)
{
    struct raft_log *log = &raft->log;
    struct raft_entry *slot = &log->entries[log->count];
    void *data = NULL;

    CHECK(log->count < log->capacity);
    CHECK(entry->index == raft_log_last_index(log) + 1);
    if (entry->size) {
        data = raft->alloc.alloc(raft->alloc.arg, entry->size);
        if (!data)
            return ERR_NOMEM;
        memcpy(data, entry->data, entry->size);
    }
    *slot = *entry;
    slot->data = data;
    log->count++;
    log->bytes += raft_log_cost(entry->size);
    return 0;
}

void
raft_log_truncate(struct raft *raft, uint64_t index)
{
    struct raft_log *log = &raft->log;

    while (log->count && log->entries[log->count - 1].index >= index)
        entry_free(raft, &log->entries[--log->count]);
}

void
raft_log_compact(struct raft *raft, uint64_t index)
{
    struct raft_log *log = &raft->log;
    size_t drop = (size_t)(index - log->base_index);
    struct raft_members members;

    CHECK(index >= log->base_index && drop <= log->count);
    if (!drop)
        return;
    raft_log_members(log, index, &members);
    log->base_members = members;
    log->base_term = log->entries[drop - 1].term;
    log->base_index = index;
    for (size_t i = 0; i < drop; i++)
        entry_free(raft, &log->entries[i]);
    log->count -= drop;
    memmove(log->entries, log->entries + drop,
            log->count * sizeof(*log->entries));
}

void
raft_log_reset(struct raft *raft, const struct raft_snapshot *snapshot)
{
    raft_log_truncate(raft, 0);
    raft->log.base_index = snapshot->index;
    raft->log.base_term = snapshot->term;
    raft->log.base_members = snapshot->members;
}

/* --- Members ------------------------------------------------------------ */

uint64_t
raft_log_members(const struct raft_log *log, uint64_t index,
                 struct raft_members *members)
{
    for (uint64_t i = index; i > log->base_index; i--) {
        const struct raft_entry *entry = raft_log_at(log, i);

        if (!entry || entry->kind != RAFT_ENTRY_MEMBERS)
            continue;
        /* Entries were decoded once before they came into the log. */
        CHECK(!raft_members_decode(entry->data, entry->size, members));
        return i;
    }
    *members = log->base_members;
    return log->base_index;
}

bool
raft_members_has(const struct raft_members *members, uint64_t id,
                 bool only_voter)
{
    for (unsigned i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];

        if (member->id == id)
            return !only_voter || member->role == RAFT_VOTER;
    }
    return false;
}

static void
peers_rebuild(struct raft *raft)
{
    struct raft_peer fresh[RAFT_PEERS_MAX];
    size_t count = 0;

    for (unsigned i = 0; i < raft->members.count; i++) {
        const struct raft_member *member = &raft->members.member[i];
        struct raft_peer *old = raft_peer_find(raft, member->id);

        if (member->id == raft->config.self)
            continue;
        if (old) {
            fresh[count] = *old;
        } else {
            memset(&fresh[count], 0, sizeof(fresh[count]));
            fresh[count].id = member->id;
            raft_lead_peer_init(raft, &fresh[count]);
        }
        fresh[count++].voter = member->role == RAFT_VOTER;
    }
    memcpy(raft->peers, fresh, count * sizeof(fresh[0]));
    raft->peer_count = count;
}

void
raft_members_refresh(struct raft *raft)
{
    uint64_t self = raft->config.self;
    struct raft_members before;
    uint64_t index = raft_log_members(
        &raft->log, raft_log_last_index(&raft->log), &raft->members);

    before = raft->members;
    if (index > raft->log.base_index)
        raft_log_members(&raft->log, index - 1, &before);
    raft->self_voter = raft_members_has(&raft->members, self, true);
    raft->self_voter_before = raft_members_has(&before, self, true);
    raft->members_index = index;
    raft->out.members_changed = true;
    peers_rebuild(raft);
}
