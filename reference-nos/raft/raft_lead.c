/* SPDX-License-Identifier: Apache-2.0
 *
 * What a leader does: replication, commit, reads, transfer.
 *
 * Each peer is probed until it is known where its log agrees, then gets a
 * window of APPENDs.  Heartbeats claim only what the peer has acknowledged, so
 * one that overtakes entries is never refused.  What stays unanswered for
 * election_min_ns is sent again.
 *
 * Reads [thesis 6.4]: every APPEND carries a round number; a read waits until
 * a quorum has answered a round begun after the read came.
 */
#include "reference-nos/raft/raft_priv.h"

/* --- Quorums ------------------------------------------------------------ */

static uint64_t
peer_match(const struct raft_peer *peer)
{
    return peer->match;
}

static uint64_t
peer_round(const struct raft_peer *peer)
{
    return peer->round_acked;
}

/* The highest value that a majority of the voters has reached. */
static uint64_t
quorum_value(const struct raft *raft, uint64_t self_value,
             uint64_t (*value)(const struct raft_peer *peer))
{
    uint64_t sorted[RAFT_MEMBERS_MAX + 1]; /* Falling. */
    unsigned count = 0;

    if (raft->self_voter)
        sorted[count++] = self_value;
    for (size_t i = 0; i < raft->peer_count; i++) {
        uint64_t v = value(&raft->peers[i]);
        unsigned at = count;

        if (!raft->peers[i].voter)
            continue;
        for (; at > 0 && sorted[at - 1] < v; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = v;
        count++;
    }
    return count ? sorted[count / 2] : 0;
}

bool
raft_peer_is_active(const struct raft *raft, const struct raft_peer *peer)
{
    return raft->now_ns - peer->heard_ns <= raft->config.election_max_ns;
}

static bool
has_quorum_contact(const struct raft *raft)
{
    unsigned count = raft->self_voter;

    for (size_t i = 0; i < raft->peer_count; i++)
        count +=
            raft->peers[i].voter && raft_peer_is_active(raft, &raft->peers[i]);
    return raft_is_quorum(raft, count);
}

/* --- Sending ------------------------------------------------------------ */

static unsigned
entries_that_fit(const struct raft *raft, uint64_t index)
{
    uint64_t last = raft_log_last_index(&raft->log);
    size_t bytes = 0;
    unsigned count = 0;

    while (count < raft->config.append_entries_max && index + count <= last) {
        bytes += raft_log_at(&raft->log, index + count)->size;
        if (count && bytes > RAFT_APPEND_BYTES_MAX)
            break;
        count++;
    }
    return count;
}

/* 'index' is the one before the first entry. */
static void
send_append(struct raft *raft, const struct raft_peer *peer, uint64_t index,
            unsigned count)
{
    struct raft_message message = raft_message_to(raft, peer->id, RAFT_APPEND);

    if (!raft_log_term(&raft->log, index, &message.index_term))
        index = 0; /* Agrees always. */
    message.index = index;
    message.asked_term = raft->term;
    message.commit = raft->commit;
    message.round = raft->round_sent;
    message.entry_count = count;
    message.entries = count ? raft_log_at(&raft->log, index + 1) : NULL;
    raft_send(raft, &message);
}

static void
send_heartbeat(struct raft *raft, const struct raft_peer *peer)
{
    send_append(raft, peer, peer->match, 0);
}

static void
start_snapshot(struct raft *raft, struct raft_peer *peer)
{
    struct raft_out *out = &raft->out;

    if (out->send_snapshot_count == RAFT_PEERS_MAX)
        return;
    out->send_snapshots[out->send_snapshot_count++] =
        (struct raft_send_snapshot){
            .peer = peer->id,
            .index = raft->snapshot.index,
        };
    peer->mode = RAFT_PEER_SNAPSHOT;
    peer->inflight_count = 0;
    peer->next = raft->snapshot.index + 1;
}

static void
inflight_add(struct raft *raft, struct raft_peer *peer, uint64_t last)
{
    if (peer->inflight_count == 0)
        peer->sent_ns = raft->now_ns;
    peer->inflight[peer->inflight_count++] = last;
}

static void
inflight_ack(struct raft_peer *peer, uint64_t index)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < peer->inflight_count; i++) {
        if (peer->inflight[i] > index)
            peer->inflight[kept++] = peer->inflight[i];
    }
    peer->inflight_count = kept;
}

/* Returns whether an APPEND went out. */
static bool
pump_peer(struct raft *raft, struct raft_peer *peer)
{
    uint64_t last = raft_log_last_index(&raft->log);
    bool sent = false;
    unsigned count;

    if (peer->mode == RAFT_PEER_SNAPSHOT)
        return false;
    if (peer->next <= raft->log.base_index) {
        start_snapshot(raft, peer);
        return false;
    }
    if (peer->mode == RAFT_PEER_PROBE) {
        if (peer->inflight_count || peer->match >= last)
            return false;
        count = entries_that_fit(raft, peer->next);
        send_append(raft, peer, peer->next - 1, count);
        inflight_add(raft, peer, peer->next - 1 + count);
        return true;
    }
    while (peer->next <= last &&
           peer->inflight_count < raft->config.inflight_max) {
        count = entries_that_fit(raft, peer->next);
        send_append(raft, peer, peer->next - 1, count);
        peer->next += count;
        inflight_add(raft, peer, peer->next - 1);
        sent = true;
    }
    return sent;
}

void
raft_lead_pump(struct raft *raft)
{
    for (size_t i = 0; i < raft->peer_count; i++)
        pump_peer(raft, &raft->peers[i]);
}

static void
beat_all(struct raft *raft)
{
    for (size_t i = 0; i < raft->peer_count; i++) {
        if (!pump_peer(raft, &raft->peers[i]))
            send_heartbeat(raft, &raft->peers[i]);
    }
}

/* --- Life of a leader --------------------------------------------------- */

void
raft_lead_peer_init(struct raft *raft, struct raft_peer *peer)
{
    peer->mode = RAFT_PEER_PROBE;
    peer->match = 0;
    peer->next = raft_log_last_index(&raft->log) + 1;
    peer->heard_ns = raft->now_ns;
    peer->sent_ns = raft->now_ns;
    peer->round_acked = 0;
    peer->inflight_count = 0;
}

void
raft_lead_peer_restarted(struct raft *raft, struct raft_peer *peer)
{
    if (raft->role != RAFT_LEADER || peer->mode == RAFT_PEER_SNAPSHOT)
        return;
    peer->mode = RAFT_PEER_PROBE;
    peer->next = peer->match + 1;
    peer->inflight_count = 0;
}

void
raft_become_leader(struct raft *raft)
{
    struct raft_entry noop = {
        .index = raft_log_last_index(&raft->log) + 1,
        .term = raft->term,
        .kind = RAFT_ENTRY_NOOP,
    };

    raft->leader = raft->config.self;
    raft->lead_since_ns = raft->now_ns;
    raft->ready = false;
    raft->round_sent = 1;
    raft->transfer_target = 0;
    raft->transfer_retry_ns = raft->now_ns;
    for (size_t i = 0; i < raft->peer_count; i++)
        raft_lead_peer_init(raft, &raft->peers[i]);
    /* No data to copy, and raft_campaign() made room. */
    CHECK(!raft_log_append(raft, &noop));
    raft->noop_index = noop.index;
    raft_write_entries(raft, noop.index);
    raft->deadline_ns = raft->now_ns + raft->config.heartbeat_ns;
    beat_all(raft);
}

void
raft_lead_end(struct raft *raft)
{
    uint64_t last = raft_log_last_index(&raft->log);

    for (uint64_t i = raft->commit + 1; i <= last; i++)
        raft_log_at(&raft->log, i)->context = 0;
    for (size_t i = 0; i < raft->read_count; i++) {
        raft->out.reads[raft->out.read_count++] = (struct raft_read){
            .context = raft->reads[i].context,
            .status = ERR_NOT_LEADER,
        };
    }
    raft->read_count = 0;
    raft->ready = false;
    raft->transfer_target = 0;
    raft->out.leader_ready = false;
    raft->out.stepped_down = true;
    for (size_t i = 0; i < raft->peer_count; i++)
        raft_lead_peer_init(raft, &raft->peers[i]);
}

/* --- Transfer of leadership --------------------------------------------- */

static void
transfer_try(struct raft *raft)
{
    struct raft_peer *peer = raft_peer_find(raft, raft->transfer_target);
    struct raft_message message;

    if (!peer || peer->match != raft_log_last_index(&raft->log))
        return;
    message = raft_message_to(raft, peer->id, RAFT_TIMEOUT_NOW);
    raft_send(raft, &message);
}

void
raft_lead_transfer(struct raft *raft, uint64_t target)
{
    raft->transfer_target = target;
    raft->transfer_end_ns = raft->now_ns + raft->config.election_max_ns;
    raft->transfer_retry_ns =
        raft->transfer_end_ns + raft->config.election_max_ns;
    transfer_try(raft);
}

uint64_t
raft_lead_best_voter(const struct raft *raft)
{
    const struct raft_peer *best = NULL;

    for (size_t i = 0; i < raft->peer_count; i++) {
        const struct raft_peer *peer = &raft->peers[i];

        if (peer->voter && raft_peer_is_active(raft, peer) &&
            peer->match >= raft->commit &&
            (!best || peer->match > best->match))
            best = peer;
    }
    return best ? best->id : 0;
}

static void
hand_on_if_unwilling(struct raft *raft)
{
    uint64_t target;

    if (!raft->config.prefer_not_to_lead || !raft->ready ||
        raft->transfer_target || raft->now_ns < raft->transfer_retry_ns)
        return;
    target = raft_lead_best_voter(raft);
    if (target)
        raft_lead_transfer(raft, target);
}

/* --- Commit and reads --------------------------------------------------- */

/* Entries of old terms are committed only together with one of the own term
 * [thesis 3.6.2, figure 3.7]. */
static bool
may_commit(const struct raft *raft, uint64_t index)
{
    uint64_t term;

    if (index <= raft->commit || !raft_log_term(&raft->log, index, &term))
        return false;
    return term == raft->term ||
           raft_mutated(&raft->config, RAFT_MUTATION_COMMIT_OLD_TERM);
}

static void
leave_if_removed(struct raft *raft)
{
    uint64_t target;

    if (raft->self_voter || raft->members_index > raft->commit)
        return;
    beat_all(raft); /* The others learn the commit. */
    target = raft_lead_best_voter(raft);
    if (target)
        raft_lead_transfer(raft, target);
    raft_become_follower(raft, raft->term, 0);
}

void
raft_lead_commit(struct raft *raft)
{
    uint64_t index = quorum_value(raft, raft->durable, peer_match);

    if (!may_commit(raft, index))
        return;
    raft->commit = index;
    if (!raft->ready && raft->commit >= raft->noop_index) {
        raft->ready = true;
        raft->out.leader_ready = true;
    }
    if (raft->config.eager_commit)
        beat_all(raft);
    leave_if_removed(raft);
}

void
raft_lead_reads(struct raft *raft)
{
    uint64_t acked = quorum_value(raft, UINT64_MAX, peer_round);
    struct raft_out *out = &raft->out;
    size_t done = 0;

    if (raft->role != RAFT_LEADER)
        return;
    while (done < raft->read_count && raft->reads[done].round <= acked) {
        out->reads[out->read_count++] = (struct raft_read){
            .context = raft->reads[done].context,
            .index = raft->reads[done].index,
        };
        done++;
    }
    raft->read_count -= done;
    for (size_t i = 0; i < raft->read_count; i++)
        raft->reads[i] = raft->reads[i + done];
    if (raft->read_count && acked >= raft->round_sent) {
        raft->round_sent++;
        beat_all(raft);
    }
}

/* --- Events ------------------------------------------------------------- */

static void
retry_stalled(struct raft *raft, struct raft_peer *peer)
{
    if (peer->mode == RAFT_PEER_SNAPSHOT || peer->inflight_count == 0 ||
        raft->now_ns - peer->sent_ns < raft->config.election_min_ns)
        return;
    peer->mode = RAFT_PEER_PROBE;
    peer->next = peer->match + 1;
    peer->inflight_count = 0;
}

void
raft_lead_tick(struct raft *raft)
{
    raft->deadline_ns = raft->now_ns + raft->config.heartbeat_ns;
    if (!has_quorum_contact(raft)) {
        raft_become_follower(raft, raft->term, 0);
        return;
    }
    if (raft->transfer_target && raft->now_ns >= raft->transfer_end_ns)
        raft->transfer_target = 0;
    for (size_t i = 0; i < raft->peer_count; i++)
        retry_stalled(raft, &raft->peers[i]);
    if (raft->read_count &&
        raft->reads[raft->read_count - 1].round > raft->round_sent)
        raft->round_sent++;
    beat_all(raft);
    hand_on_if_unwilling(raft);
}

static void
take_accept(struct raft *raft, struct raft_peer *peer, uint64_t index)
{
    if (index > raft_log_last_index(&raft->log))
        return; /* From no correct server. */
    if (index > peer->match) {
        peer->match = index;
        peer->sent_ns = raft->now_ns;
    }
    inflight_ack(peer, index);
    if (peer->mode == RAFT_PEER_PROBE && index + 1 >= peer->next) {
        peer->mode = RAFT_PEER_REPLICATE;
        peer->inflight_count = 0;
    }
    if (peer->mode == RAFT_PEER_SNAPSHOT && index >= raft->log.base_index) {
        peer->mode = RAFT_PEER_REPLICATE;
        peer->next = index + 1;
    }
    if (peer->next <= index)
        peer->next = index + 1;
}

static void
take_refusal(struct raft *raft, struct raft_peer *peer,
             const struct raft_message *message)
{
    uint64_t next;

    if (peer->mode == RAFT_PEER_SNAPSHOT ||
        message->refused_index <= peer->match ||
        (peer->mode == RAFT_PEER_PROBE &&
         message->refused_index != peer->next - 1))
        return;
    next =
        raft_log_last_within(&raft->log, message->index, message->index_term) +
        1;
    if (next > message->refused_index)
        next = message->refused_index;
    if (next <= peer->match)
        next = peer->match + 1;
    peer->next = next;
    peer->mode = RAFT_PEER_PROBE;
    peer->inflight_count = 0;
}

/* A peer without a leader has a higher term, say after it was cut off in the
 * middle of an election.  It can follow nobody of a lower term, so the term
 * must rise; the healthy leader stands again at once instead of leaving the
 * group without one for a timeout.  Healthy: it has committed in its term and
 * led for election_min_ns, or two servers could depose each other as fast as
 * messages fly. */
static void
higher_term_met(struct raft *raft, const struct raft_message *message)
{
    bool healthy =
        raft->role == RAFT_LEADER && raft->ready && raft->self_voter &&
        raft->now_ns - raft->lead_since_ns >= raft->config.election_min_ns;

    raft_become_follower(raft, message->term, 0);
    if (healthy && message->transfer)
        raft_campaign(raft, true);
}

void
raft_on_append_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft_peer_find(raft, message->from);

    if (!peer)
        return;
    if (message->term > raft->term) {
        higher_term_met(raft, message);
        return;
    }
    if (raft->role != RAFT_LEADER || message->term != raft->term)
        return;
    peer->heard_ns = raft->now_ns;
    if (peer->round_acked < message->round &&
        message->round <= raft->round_sent)
        peer->round_acked = message->round;
    if (message->granted)
        take_accept(raft, peer, message->index);
    else
        take_refusal(raft, peer, message);
    raft_lead_commit(raft);
    raft_lead_reads(raft);
    if (raft->role != RAFT_LEADER)
        return;
    raft_lead_pump(raft);
    if (raft->transfer_target == peer->id)
        transfer_try(raft);
    hand_on_if_unwilling(raft);
}

void
raft_lead_snapshot_sent(struct raft *raft, uint64_t id, int status)
{
    struct raft_peer *peer = raft_peer_find(raft, id);

    if (raft->role != RAFT_LEADER || !peer || peer->mode != RAFT_PEER_SNAPSHOT)
        return;
    peer->mode = RAFT_PEER_PROBE;
    if (status) {
        /* As if an APPEND were unanswered: tried again after a while. */
        peer->next = peer->match + 1;
        inflight_add(raft, peer, peer->match);
        return;
    }
    pump_peer(raft, peer);
}
