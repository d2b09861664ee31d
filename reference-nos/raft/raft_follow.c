/* SPDX-License-Identifier: Apache-2.0
 *
 * What a follower does with a leader's entries and snapshots.
 *
 * An answer says "agrees and durable up to": the lower of 'verified' (the log
 * is the leader's up to here; everything committed always is) and 'durable'.
 * Heartbeats are answered at once, entries when they are durable, so a slow
 * disk never makes a live follower look dead.
 */
#include "reference-nos/raft/raft_priv.h"

static void
refuse_stale(struct raft *raft, const struct raft_message *message)
{
    struct raft_message reply =
        raft_message_to(raft, message->from, RAFT_APPEND_REPLY);

    reply.asked_term = message->term;
    reply.refused_index = message->index;
    /* "I know no leader of my term": the old leader may stand again at once
     * instead of waiting for a timeout. */
    reply.transfer = raft->role == RAFT_FOLLOWER && raft->leader == 0;
    raft_send_after_vote(raft, &reply);
}

static void
refuse_gap(struct raft *raft, const struct raft_message *message)
{
    struct raft_message reply =
        raft_message_to(raft, message->from, RAFT_APPEND_REPLY);

    reply.asked_term = message->term;
    reply.refused_index = message->index;
    reply.index =
        raft_log_last_within(&raft->log, message->index, message->index_term);
    if (!raft_log_term(&raft->log, reply.index, &reply.index_term))
        return;
    reply.round = raft->round;
    raft_send_after_vote(raft, &reply);
}

static void
accept(struct raft *raft)
{
    struct raft_message reply =
        raft_message_to(raft, raft->leader, RAFT_APPEND_REPLY);
    uint64_t agreed = raft->verified;

    if (agreed > raft->durable &&
        !raft_mutated(&raft->config, RAFT_MUTATION_ACK_BEFORE_DURABLE))
        agreed = raft->durable;
    reply.asked_term = raft->term;
    reply.granted = true;
    reply.index = agreed;
    reply.round = raft->round;
    raft->ack_owed = raft->verified > agreed;
    raft_send_after_vote(raft, &reply);
}

/* Entries that do not follow each other come from no correct leader. */
static int
entries_check(const struct raft_message *message)
{
    uint64_t term = message->index_term;

    for (unsigned i = 0; i < message->entry_count; i++) {
        const struct raft_entry *entry = &message->entries[i];
        struct raft_members members;

        if (entry->index != message->index + 1 + i || entry->term < term ||
            entry->term > message->term)
            return ERR_MALFORMED;
        if (entry->kind == RAFT_ENTRY_MEMBERS &&
            raft_members_decode(entry->data, entry->size, &members))
            return ERR_MALFORMED;
        term = entry->term;
    }
    return 0;
}

static bool
agrees(const struct raft *raft, uint64_t index, uint64_t term)
{
    uint64_t own_term;

    if (index <= raft->commit)
        return true;
    return raft_log_term(&raft->log, index, &own_term) && own_term == term;
}

/* The position of the first entry which is new here. */
static unsigned
entries_known(const struct raft *raft, const struct raft_message *message)
{
    unsigned i = 0;

    while (i < message->entry_count &&
           agrees(raft, message->entries[i].index, message->entries[i].term))
        i++;
    return i;
}

/* Appends all or, without memory, nothing. */
static int
append_new(struct raft *raft, const struct raft_entry *entries, unsigned count)
{
    uint64_t first = entries[0].index;
    bool members = false;

    for (unsigned i = 0; i < count; i++) {
        struct raft_entry entry = entries[i];

        entry.context = 0;
        members |= entry.kind == RAFT_ENTRY_MEMBERS;
        if (raft_log_append(raft, &entry)) {
            raft_log_truncate(raft, first);
            return ERR_NOMEM;
        }
    }
    raft_write_entries(raft, first);
    if (members)
        raft_members_refresh(raft);
    return 0;
}

static int
append_room(struct raft *raft, const struct raft_entry *entries,
            unsigned count)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < count; i++)
        bytes += raft_log_cost(entries[i].size);
    if (!raft_log_has_room(raft, bytes, RAFT_LOG_SLACK_BYTES))
        return ERR_FULL;
    return raft_log_reserve(raft, count);
}

/* A conflicting suffix goes first.  If memory then fails the truncation
 * stands; it is durable in its own right and harms nothing. */
static int
append_entries(struct raft *raft, const struct raft_message *message)
{
    unsigned known = entries_known(raft, message);
    unsigned count = message->entry_count - known;
    const struct raft_entry *entries;
    int err;

    if (!count)
        return 0;
    entries = message->entries + known;
    if (raft_log_at(&raft->log, entries[0].index)) {
        CHECK(entries[0].index > raft->commit);
        raft_log_truncate(raft, entries[0].index);
        raft_write_truncate(raft, entries[0].index);
        if (raft->verified >= entries[0].index)
            raft->verified = entries[0].index - 1;
        if (raft->members_index >= entries[0].index)
            raft_members_refresh(raft);
    }
    err = append_room(raft, entries, count);
    return err ? err : append_new(raft, entries, count);
}

static void
hear_leader(struct raft *raft, const struct raft_message *message)
{
    raft_become_follower(raft, message->term, message->from);
    raft->leader_heard = true;
    raft->leader_heard_ns = raft->now_ns;
    if (raft->round < message->round)
        raft->round = message->round;
}

static int
follow(struct raft *raft, const struct raft_message *message)
{
    uint64_t last = message->index + message->entry_count;
    uint64_t commit = message->commit;
    int err;

    if (!agrees(raft, message->index, message->index_term)) {
        refuse_gap(raft, message);
        return 0;
    }
    err = append_entries(raft, message);
    if (err)
        return err;
    if (raft->verified < last)
        raft->verified = last;
    if (commit > raft->verified)
        commit = raft->verified;
    if (raft->commit < commit)
        raft->commit = commit;
    if (message->entry_count == 0 || raft->durable >= raft->verified ||
        raft_mutated(&raft->config, RAFT_MUTATION_ACK_BEFORE_DURABLE))
        accept(raft);
    else
        raft->ack_owed = true;
    return 0;
}

int
raft_on_append(struct raft *raft, const struct raft_message *message)
{
    int err;

    if (entries_check(message))
        return 0;
    if (message->term < raft->term) {
        refuse_stale(raft, message);
        return 0;
    }
    if (message->term == raft->term && raft->role == RAFT_LEADER)
        return 0; /* From no correct server. */
    hear_leader(raft, message);
    err = follow(raft, message);
    raft_election_rearm(raft); /* After: it may be a member no longer. */
    return err;
}

void
raft_follow_persisted(struct raft *raft)
{
    if (raft->role == RAFT_FOLLOWER && raft->leader && raft->ack_owed)
        accept(raft);
}

/* A snapshot holds only what is committed, so it is good whoever sent it. */
void
raft_on_snapshot_received(struct raft *raft,
                          const struct raft_snapshot *snapshot)
{
    uint64_t term;

    if (snapshot->index <= raft->commit || snapshot->index > RAFT_NUMBER_MAX ||
        snapshot->term > RAFT_NUMBER_MAX ||
        snapshot->members.count > RAFT_MEMBERS_MAX)
        return;
    /* No log entry may have a term above the own one. */
    if (snapshot->term > raft->term)
        raft_become_follower(raft, snapshot->term, 0);
    if (raft->role == RAFT_LEADER)
        return;
    if (raft_log_term(&raft->log, snapshot->index, &term) &&
        term == snapshot->term) {
        /* The log has it all; only the commit index was behind. */
        raft->commit = snapshot->index;
    } else {
        raft_durable_clamp(raft, raft->commit);
        raft_log_reset(raft, snapshot);
        raft->snapshot = *snapshot;
        raft->commit = snapshot->index;
        raft->applied = snapshot->index;
        raft->out.load_snapshot = true;
        raft_write_snapshot(raft, snapshot->index);
        raft_members_refresh(raft);
    }
    if (raft->verified < raft->commit)
        raft->verified = raft->commit;
    raft->ack_owed = true;
    raft_follow_persisted(raft);
    if (raft->role == RAFT_FOLLOWER)
        raft_election_rearm(raft);
}
