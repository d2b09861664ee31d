/* SPDX-License-Identifier: Apache-2.0
 *
 * What the local user asks of a leader.  A refused request changes nothing.
 */
#include "reference-nos/raft/raft_priv.h"

static int
append_own(struct raft *raft, enum raft_entry_kind kind, const void *data,
           size_t size, uint64_t context)
{
    struct raft_entry entry = {
        .index = raft_log_last_index(&raft->log) + 1,
        .term = raft->term,
        .kind = kind,
        .size = size,
        .data = data,
        .context = context,
    };
    int err = raft_log_reserve(raft, 1);

    if (!err)
        err = raft_log_append(raft, &entry);
    if (err)
        return err;
    raft_write_entries(raft, entry.index);
    raft->out.proposed_index = entry.index;
    raft->out.proposed_term = entry.term;
    return 0;
}

int
raft_on_propose(struct raft *raft, const struct raft_event *event)
{
    int err;

    if (raft->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (raft->transfer_target)
        return ERR_BUSY;
    if (event->size > RAFT_ENTRY_BYTES_MAX)
        return ERR_RANGE;
    if (!raft_log_has_room(raft, raft_log_cost(event->size), 0))
        return ERR_FULL;
    err = append_own(raft, RAFT_ENTRY_DATA, event->data, event->size,
                     event->context);
    if (!err)
        raft_lead_pump(raft);
    return err;
}

/* --- Members ------------------------------------------------------------ */

static int
add_learner(struct raft_members *members, uint64_t id)
{
    if (id == 0)
        return ERR_INVALID;
    if (raft_members_has(members, id, false))
        return ERR_EXISTS;
    if (members->count == RAFT_MEMBERS_MAX)
        return ERR_FULL;
    members->member[members->count++] =
        (struct raft_member){.id = id, .role = RAFT_LEARNER};
    return 0;
}

static int
promote(struct raft *raft, struct raft_members *members, uint64_t id)
{
    const struct raft_peer *peer = raft_peer_find(raft, id);

    if (raft_members_has(members, id, true))
        return ERR_EXISTS;
    if (!peer)
        return ERR_NOENT;
    if (peer->match < raft->commit || !raft_peer_is_active(raft, peer))
        return ERR_BUSY;
    for (unsigned i = 0; i < members->count; i++) {
        if (members->member[i].id == id)
            members->member[i].role = RAFT_VOTER;
    }
    return 0;
}

static int
remove_member(const struct raft *raft, struct raft_members *members,
              uint64_t id)
{
    unsigned kept = 0, voters = 0;

    if (!raft_members_has(members, id, false))
        return ERR_NOENT;
    if (id == raft->config.self)
        return raft_voter_count(raft) == 1 ? ERR_REFUSED : ERR_CONFLICT;
    for (unsigned i = 0; i < members->count; i++) {
        if (members->member[i].id == id)
            continue;
        voters += members->member[i].role == RAFT_VOTER;
        members->member[kept++] = members->member[i];
    }
    members->count = kept;
    return voters ? 0 : ERR_REFUSED;
}

static int
change(struct raft *raft, const struct raft_event *event,
       struct raft_members *members)
{
    switch (event->op) {
    case RAFT_ADD_LEARNER: return add_learner(members, event->peer);
    case RAFT_PROMOTE: return promote(raft, members, event->peer);
    case RAFT_REMOVE: return remove_member(raft, members, event->peer);
    }
    return ERR_INVALID;
}

/* One change at a time, and none before an entry of this term is committed:
 * without the latter two leaders can count different majorities (Ongaro's
 * correction of 10 July 2015 on the raft-dev list). */
int
raft_on_propose_members(struct raft *raft, const struct raft_event *event)
{
    struct raft_members members = raft->members;
    uint8_t bytes[RAFT_MEMBERS_BYTES_MAX];
    int err;

    if (raft->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (!raft->ready || raft->members_index > raft->commit ||
        raft->transfer_target)
        return ERR_BUSY;
    err = change(raft, event, &members);
    if (!err)
        err = append_own(raft, RAFT_ENTRY_MEMBERS, bytes,
                         raft_members_encode(&members, bytes), event->context);
    if (err)
        return err;
    raft_lead_pump(raft); /* To a removed one, too. */
    raft_members_refresh(raft);
    raft_lead_pump(raft);
    raft_lead_commit(raft);
    return 0;
}

/* --- Leadership and reads ----------------------------------------------- */

int
raft_on_transfer(struct raft *raft, const struct raft_event *event)
{
    uint64_t target = event->peer;
    const struct raft_peer *peer;

    if (raft->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (raft->transfer_target)
        return ERR_BUSY;
    if (target == 0)
        target = raft_lead_best_voter(raft);
    peer = raft_peer_find(raft, target);
    if (!peer || !peer->voter)
        return ERR_NOENT;
    raft_lead_transfer(raft, target);
    return 0;
}

int
raft_on_read(struct raft *raft, const struct raft_event *event)
{
    if (raft->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (!raft->ready)
        return ERR_BUSY;
    if (raft->read_count == RAFT_READS_MAX)
        return ERR_FULL;
    raft->reads[raft->read_count++] = (struct raft_waiting_read){
        .context = event->context,
        .index = raft->commit,
        .round = raft->round_sent + 1,
    };
    raft_lead_reads(raft);
    return 0;
}
