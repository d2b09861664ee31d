/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/raft/raft_priv.h"

#include <string.h>

#define MS_NS 1000000u

void
raft_config_default(struct raft_config *config)
{
    *config = (struct raft_config){
        .heartbeat_ns = 50 * MS_NS,
        .election_min_ns = 150 * MS_NS,
        .election_max_ns = 300 * MS_NS,
        .election_scale_pct = 100,
        .log_bytes_max = 16u << 20,
        .inflight_max = 8,
        .append_entries_max = RAFT_APPEND_ENTRIES_MAX,
        .trailing_entries = 64,
        .eager_commit = true,
    };
}

/* --- Life cycle --------------------------------------------------------- */

static bool
config_is_valid(const struct raft_config *config)
{
    return config->self && config->incarnation && config->random &&
           config->heartbeat_ns &&
           config->election_min_ns >= config->heartbeat_ns &&
           config->election_max_ns > config->election_min_ns &&
           config->election_max_ns < 1000000000000u &&
           config->election_scale_pct >= 100 &&
           config->election_scale_pct <= 10000 && config->inflight_max >= 1 &&
           config->inflight_max <= RAFT_INFLIGHT_MAX &&
           config->append_entries_max >= 1 &&
           config->append_entries_max <= RAFT_APPEND_ENTRIES_MAX;
}

static bool
durable_is_valid(const struct raft_durable *durable)
{
    const struct raft_members *members = &durable->snapshot.members;
    uint8_t bytes[RAFT_MEMBERS_BYTES_MAX];
    struct raft_members again;

    if (durable->snapshot.term > durable->term ||
        members->count > RAFT_MEMBERS_MAX)
        return false;
    return !raft_members_decode(bytes, raft_members_encode(members, bytes),
                                &again);
}

int
raft_create(const struct raft_config *config, const struct raft_alloc *alloc,
            const struct raft_durable *durable, struct raft **result)
{
    struct raft *raft;

    if (!config_is_valid(config) || !durable_is_valid(durable))
        return ERR_INVALID;
    raft = alloc->alloc(alloc->arg, sizeof(*raft));
    if (!raft)
        return ERR_NOMEM;
    memset(raft, 0, sizeof(*raft));
    raft->config = *config;
    raft->alloc = *alloc;
    raft->term = durable->term;
    raft->voted_for = durable->voted_for;
    raft->snapshot = durable->snapshot;
    raft_log_reset(raft, &durable->snapshot);
    raft->commit = durable->snapshot.index;
    raft->applied = raft->commit;
    raft->verified = raft->commit;
    raft->durable = raft->commit;
    raft->role = RAFT_FOLLOWER;
    raft->deadline_ns = UINT64_MAX;
    *result = raft;
    return 0;
}

void
raft_destroy(struct raft *raft)
{
    if (!raft)
        return;
    raft_log_truncate(raft, 0);
    if (raft->log.entries)
        raft->alloc.free(raft->alloc.arg, raft->log.entries);
    raft->alloc.free(raft->alloc.arg, raft);
}

int
raft_restore(struct raft *raft, const struct raft_entry *entry)
{
    struct raft_members members;
    struct raft_entry own = *entry;
    int err;

    CHECK(!raft->started);
    own.context = 0;
    if (entry->index != raft_log_last_index(&raft->log) + 1 ||
        entry->term < raft_log_last_term(&raft->log) ||
        entry->term > raft->term || entry->size > RAFT_ENTRY_BYTES_MAX)
        return ERR_CORRUPT;
    if (entry->kind == RAFT_ENTRY_MEMBERS &&
        raft_members_decode(entry->data, entry->size, &members))
        return ERR_CORRUPT;
    err = raft_log_reserve(raft, 1);
    if (!err)
        err = raft_log_append(raft, &own);
    if (err)
        return err;
    raft->durable = entry->index;
    return 0;
}

void
raft_start(struct raft *raft, uint64_t now_ns, struct raft_effects *effects)
{
    CHECK(!raft->started);
    raft->started = true;
    raft->now_ns = now_ns;
    raft_out_begin(raft);
    raft_members_refresh(raft);
    raft_election_rearm(raft);
    if (raft->self_voter && raft_voter_count(raft) == 1)
        raft->deadline_ns = now_ns;
    raft_out_finish(raft, effects);
    effects->role_changed = true;
}

/* --- The step ----------------------------------------------------------- */

static int
on_message(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft_peer_find(raft, message->from);

    if (message->to != raft->config.self || message->from == 0 ||
        message->from == raft->config.self ||
        message->term > RAFT_NUMBER_MAX || message->index > RAFT_NUMBER_MAX)
        return 0;
    if (peer && message->incarnation < peer->incarnation)
        return 0; /* Of a former life. */
    if (peer && message->incarnation > peer->incarnation) {
        if (peer->incarnation)
            raft_lead_peer_restarted(raft, peer);
        peer->incarnation = message->incarnation;
    }
    switch (message->kind) {
    case RAFT_PREVOTE: raft_on_prevote(raft, message); return 0;
    case RAFT_PREVOTE_REPLY: raft_on_prevote_reply(raft, message); return 0;
    case RAFT_VOTE: raft_on_vote(raft, message); return 0;
    case RAFT_VOTE_REPLY: raft_on_vote_reply(raft, message); return 0;
    case RAFT_APPEND: return raft_on_append(raft, message);
    case RAFT_APPEND_REPLY: raft_on_append_reply(raft, message); return 0;
    case RAFT_TIMEOUT_NOW: raft_on_timeout_now(raft, message); return 0;
    }
    return 0;
}

static int
on_tick(struct raft *raft)
{
    if (raft->now_ns < raft->deadline_ns)
        return 0;
    if (raft->role == RAFT_LEADER)
        raft_lead_tick(raft);
    else
        raft_election_timeout(raft);
    return 0;
}

static int
on_persisted(struct raft *raft, const struct raft_event *event)
{
    uint64_t durable = raft->durable;

    if (event->status &&
        !raft_mutated(&raft->config, RAFT_MUTATION_IGNORE_STORAGE_ERROR)) {
        raft->dead = true;
        return ERR_IO;
    }
    raft_out_persisted(raft, event->write_id);
    if (raft->role == RAFT_LEADER)
        raft_lead_commit(raft);
    else if (raft->durable > durable)
        raft_follow_persisted(raft);
    raft_election_count(raft);
    return 0;
}

static int
on_snapshot_taken(struct raft *raft, uint64_t index)
{
    uint64_t keep = raft->config.trailing_entries;
    uint64_t base = index > keep ? index - keep : 0;

    if (index <= raft->snapshot.index)
        return 0;
    if (raft_snapshot_at(raft, index, &raft->snapshot))
        return ERR_RANGE;
    /* What the snapshot holds is durable, whatever became of the entries. */
    if (raft->durable < index)
        raft->durable = index;
    if (base > raft->log.base_index)
        raft_log_compact(raft, base);
    raft_write_compact(raft, index);
    return 0;
}

static int
dispatch(struct raft *raft, const struct raft_event *event)
{
    switch (event->kind) {
    case RAFT_EVENT_TICK: return on_tick(raft);
    case RAFT_EVENT_MESSAGE: return on_message(raft, event->message);
    case RAFT_EVENT_PROPOSE: return raft_on_propose(raft, event);
    case RAFT_EVENT_PROPOSE_MEMBERS:
        return raft_on_propose_members(raft, event);
    case RAFT_EVENT_TRANSFER: return raft_on_transfer(raft, event);
    case RAFT_EVENT_READ: return raft_on_read(raft, event);
    case RAFT_EVENT_PERSISTED: return on_persisted(raft, event);
    case RAFT_EVENT_SNAPSHOT_TAKEN:
        return on_snapshot_taken(raft, event->index);
    case RAFT_EVENT_SNAPSHOT_RECEIVED:
        raft_on_snapshot_received(raft, event->snapshot);
        return 0;
    case RAFT_EVENT_SNAPSHOT_SENT:
        raft_lead_snapshot_sent(raft, event->peer, event->status);
        return 0;
    }
    return ERR_INVALID;
}

int
raft_step(struct raft *raft, uint64_t now_ns, const struct raft_event *event,
          struct raft_effects *effects)
{
    uint64_t term = raft->term, leader = raft->leader;
    enum raft_role role = raft->role;
    int err = ERR_IO;

    CHECK(raft->started && now_ns >= raft->now_ns);
    raft->now_ns = now_ns;
    raft_out_begin(raft);
    if (!raft->dead)
        err = dispatch(raft, event);
    raft_out_finish(raft, effects);
    effects->role_changed =
        term != raft->term || leader != raft->leader || role != raft->role;
    return err;
}

/* --- Accessors ---------------------------------------------------------- */

enum raft_role
raft_role(const struct raft *raft)
{
    return raft->role;
}

uint64_t
raft_term(const struct raft *raft)
{
    return raft->term;
}

uint64_t
raft_leader(const struct raft *raft)
{
    return raft->leader;
}

bool
raft_is_ready(const struct raft *raft)
{
    return raft->role == RAFT_LEADER && raft->ready;
}

uint64_t
raft_first_index(const struct raft *raft)
{
    return raft->log.base_index + 1;
}

uint64_t
raft_last_index(const struct raft *raft)
{
    return raft_log_last_index(&raft->log);
}

uint64_t
raft_commit_index(const struct raft *raft)
{
    return raft->commit;
}

uint64_t
raft_durable_index(const struct raft *raft)
{
    return raft->durable;
}

size_t
raft_log_bytes(const struct raft *raft)
{
    return raft->log.bytes;
}

const struct raft_members *
raft_members(const struct raft *raft)
{
    return &raft->members;
}

const struct raft_entry *
raft_entry(const struct raft *raft, uint64_t index)
{
    return raft_log_at(&raft->log, index);
}

int
raft_snapshot_at(const struct raft *raft, uint64_t index,
                 struct raft_snapshot *snapshot)
{
    uint64_t term;

    if (index > raft->applied || index < raft->snapshot.index ||
        !raft_log_term(&raft->log, index, &term))
        return ERR_RANGE;
    raft_log_members(&raft->log, index, &snapshot->members);
    snapshot->index = index;
    snapshot->term = term;
    return 0;
}

int
raft_peer_status(const struct raft *raft, uint64_t now_ns, uint64_t id,
                 struct raft_peer_status *status)
{
    if (raft->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    for (size_t i = 0; i < raft->peer_count; i++) {
        const struct raft_peer *peer = &raft->peers[i];

        if (peer->id != id)
            continue;
        status->match_index = peer->match;
        status->active =
            now_ns - peer->heard_ns <= raft->config.election_max_ns;
        status->caught_up = peer->match >= raft->commit;
        return 0;
    }
    return ERR_NOENT;
}
