/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies and digests of a server, for exploration.
 */
#include "reference-nos/raft/raft_priv.h"

#include <string.h>

int
raft_clone(const struct raft *raft, const struct raft_alloc *alloc,
           struct raft **result)
{
    struct raft *copy = alloc->alloc(alloc->arg, sizeof(*copy));
    int err;

    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, raft, offsetof(struct raft, out));
    copy->alloc = *alloc;
    copy->log.entries = NULL;
    copy->log.count = 0;
    copy->log.capacity = 0;
    copy->log.bytes = 0;
    raft_out_begin(copy);
    err = raft_log_reserve(copy, raft->log.count + 1);
    for (size_t i = 0; !err && i < raft->log.count; i++)
        err = raft_log_append(copy, &raft->log.entries[i]);
    if (err) {
        raft_destroy(copy);
        return err;
    }
    *result = copy;
    return 0;
}

/* --- Digest ------------------------------------------------------------- */

struct visit {
    void (*mix)(void *arg, uint64_t word);
    void *arg;
};

static void
mix(const struct visit *visit, uint64_t word)
{
    visit->mix(visit->arg, word);
}

/* Beyond 'cut_ns' an age makes no difference. */
static void
mix_age(const struct visit *visit, uint64_t now_ns, uint64_t then_ns,
        uint64_t cut_ns)
{
    uint64_t age_ns = now_ns - then_ns;

    mix(visit, age_ns < cut_ns ? age_ns : cut_ns);
}

static void
mix_bytes(const struct visit *visit, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;

    mix(visit, size);
    for (size_t i = 0; i < size; i++)
        mix(visit, byte[i]);
}

static void
mix_members(const struct visit *visit, const struct raft_members *members)
{
    mix(visit, members->count);
    for (unsigned i = 0; i < members->count; i++) {
        mix(visit, members->member[i].id);
        mix(visit, members->member[i].role);
    }
}

static void
mix_log(const struct visit *visit, const struct raft *raft)
{
    const struct raft_log *log = &raft->log;

    mix(visit, log->base_index);
    mix(visit, log->base_term);
    mix_members(visit, &log->base_members);
    mix(visit, log->count);
    for (size_t i = 0; i < log->count; i++) {
        mix(visit, log->entries[i].term);
        mix(visit, log->entries[i].kind);
        mix(visit, log->entries[i].context);
        mix_bytes(visit, log->entries[i].data, log->entries[i].size);
    }
    mix(visit, raft->snapshot.index);
    mix(visit, raft->commit);
    mix(visit, raft->applied);
    mix(visit, raft->durable);
}

static void
mix_message(const struct visit *visit, const struct raft_message *message)
{
    mix(visit, message->kind);
    mix(visit, message->to);
    mix(visit, message->term);
    mix(visit, message->asked_term);
    mix(visit, message->index);
    mix(visit, message->index_term);
    mix(visit, message->refused_index);
    mix(visit, message->round);
    mix(visit, message->granted * 2u + message->transfer);
}

static void
mix_writes(const struct visit *visit, const struct raft *raft)
{
    mix(visit, raft->write_id - raft->persisted);
    mix(visit, raft->vote_write_id > raft->persisted
                   ? raft->vote_write_id - raft->persisted
                   : 0);
    mix(visit, raft->pending_count);
    for (size_t i = 0; i < raft->pending_count; i++) {
        mix(visit, raft->pending[i].id - raft->persisted);
        mix(visit, raft->pending[i].log_index);
    }
    mix(visit, raft->held_count);
    for (size_t i = 0; i < raft->held_count; i++) {
        mix(visit, raft->held[i].needs - raft->persisted);
        mix_message(visit, &raft->held[i].message);
    }
}

static void
mix_leading(const struct visit *visit, const struct raft *raft,
            const struct raft_peer *peer, uint64_t now_ns)
{
    mix(visit, peer->mode);
    mix(visit, peer->match);
    mix(visit, peer->next);
    mix(visit, peer->round_acked);
    mix_age(visit, now_ns, peer->heard_ns, raft->config.election_max_ns + 1);
    mix(visit, peer->inflight_count);
    if (peer->inflight_count)
        mix_age(visit, now_ns, peer->sent_ns, raft->config.election_min_ns);
    for (unsigned i = 0; i < peer->inflight_count; i++)
        mix(visit, peer->inflight[i]);
}

static void
mix_leader(const struct visit *visit, const struct raft *raft, uint64_t now_ns)
{
    mix(visit, raft->noop_index);
    mix(visit, raft->ready);
    mix_age(visit, now_ns, raft->lead_since_ns, raft->config.election_min_ns);
    mix(visit, raft->round_sent);
    mix(visit, raft->transfer_target);
    if (raft->transfer_target)
        mix(visit, raft->transfer_end_ns - now_ns);
    if (raft->config.prefer_not_to_lead)
        mix(visit, raft->transfer_retry_ns > now_ns
                       ? raft->transfer_retry_ns - now_ns
                       : 0);
    mix(visit, raft->read_count);
    for (size_t i = 0; i < raft->read_count; i++) {
        mix(visit, raft->reads[i].context);
        mix(visit, raft->reads[i].index);
        mix(visit, raft->reads[i].round);
    }
    for (size_t i = 0; i < raft->peer_count; i++)
        mix_leading(visit, raft, &raft->peers[i], now_ns);
}

void
raft_visit(const struct raft *raft, uint64_t now_ns,
           void (*mix_word)(void *arg, uint64_t word), void *arg)
{
    const struct visit v = {.mix = mix_word, .arg = arg};

    mix(&v, raft->config.self);
    mix(&v, raft->dead);
    mix(&v, raft->term);
    mix(&v, raft->voted_for);
    mix_log(&v, raft);
    mix_writes(&v, raft);
    mix(&v, raft->role);
    mix(&v, raft->leader);
    if (raft->leader_heard)
        mix_age(&v, now_ns, raft->leader_heard_ns,
                raft->config.election_min_ns);
    else
        mix(&v, raft->config.election_min_ns);
    mix(&v, raft->deadline_ns == UINT64_MAX || raft->deadline_ns <= now_ns
                ? 0
                : raft->deadline_ns - now_ns);
    mix(&v, raft->by_transfer);
    mix(&v, raft->verified);
    mix(&v, raft->round);
    mix(&v, raft->ack_owed);
    for (size_t i = 0; i < raft->peer_count; i++) {
        mix(&v, raft->peers[i].id * 2 + raft->peers[i].granted);
        mix(&v, raft->peers[i].incarnation);
    }
    if (raft->role == RAFT_LEADER)
        mix_leader(&v, raft, now_ns);
}
