/* SPDX-License-Identifier: Apache-2.0
 *
 * Terms, votes and the timer of a server that does not lead.
 *
 * Pre-vote [thesis 9.6]: a server raises its term only when a quorum would
 * vote for it, so one that was cut off comes back with the term it left with.
 * A pre-vote reply carries the real term of who answers; otherwise a server
 * with the longer log and one with the higher term refuse each other for
 * ever.  A request for a pre-vote never raises a term.
 *
 * Lease [thesis 4.2.3]: who heard a leader within election_min_ns refuses
 * pre-votes and does not even look at votes, unless a leader asked for the
 * election.
 */
#include "reference-nos/raft/raft_priv.h"

struct raft_peer *
raft_peer_find(struct raft *raft, uint64_t id)
{
    for (size_t i = 0; i < raft->peer_count; i++) {
        if (raft->peers[i].id == id)
            return &raft->peers[i];
    }
    return NULL;
}

unsigned
raft_voter_count(const struct raft *raft)
{
    unsigned count = raft->self_voter;

    for (size_t i = 0; i < raft->peer_count; i++)
        count += raft->peers[i].voter;
    return count;
}

bool
raft_is_quorum(const struct raft *raft, unsigned count)
{
    return 2 * count > raft_voter_count(raft);
}

/* A server outside the latest members still stands while that set is not
 * committed: it may be needed to commit it [thesis 4.2.2]. */
static bool
can_stand(const struct raft *raft)
{
    return raft->self_voter ||
           (raft->self_voter_before && raft->members_index > raft->commit);
}

static bool
is_sole_voter(const struct raft *raft)
{
    return raft->self_voter && raft_voter_count(raft) == 1;
}

void
raft_election_rearm(struct raft *raft)
{
    const struct raft_config *config = &raft->config;
    uint64_t range_ns = config->election_max_ns - config->election_min_ns;
    uint64_t random, wait_ns;

    if (!can_stand(raft)) {
        raft->deadline_ns = UINT64_MAX;
        return;
    }
    random = config->random(config->random_arg);
    wait_ns = config->election_min_ns + (((range_ns >> 8) * random) >> 24);
    raft->deadline_ns =
        raft->now_ns + wait_ns * config->election_scale_pct / 100;
}

static bool
hears_leader(const struct raft *raft)
{
    if (raft->role == RAFT_LEADER)
        return true;
    return raft->leader_heard &&
           raft->now_ns - raft->leader_heard_ns < raft->config.election_min_ns;
}

static bool
is_up_to_date(const struct raft *raft, const struct raft_message *message)
{
    uint64_t last_term = raft_log_last_term(&raft->log);

    if (message->index_term != last_term)
        return message->index_term > last_term;
    return message->index >= raft_log_last_index(&raft->log);
}

/* --- The setter of the role --------------------------------------------- */

static void
set_role(struct raft *raft, enum raft_role role)
{
    if (raft->role == RAFT_LEADER && role != RAFT_LEADER)
        raft_lead_end(raft);
    raft->role = role;
    for (size_t i = 0; i < raft->peer_count; i++)
        raft->peers[i].granted = false;
}

static void
set_term(struct raft *raft, uint64_t term, uint64_t voted_for)
{
    CHECK(term > raft->term || (term == raft->term && raft->voted_for == 0));
    if (term > raft->term) {
        raft->round = 0;
        raft->verified = raft->commit;
        raft->ack_owed = false;
    }
    raft->term = term;
    raft->voted_for = voted_for;
    raft_write_vote(raft);
}

void
raft_become_follower(struct raft *raft, uint64_t term, uint64_t leader)
{
    CHECK(term >= raft->term);
    if (raft->role != RAFT_FOLLOWER || term > raft->term) {
        set_role(raft, RAFT_FOLLOWER);
        raft_election_rearm(raft);
    }
    if (term > raft->term)
        set_term(raft, term, 0);
    raft->leader = leader;
}

/* --- Standing ----------------------------------------------------------- */

static void
ask_all(struct raft *raft, enum raft_message_kind kind, uint64_t asked_term)
{
    for (size_t i = 0; i < raft->peer_count; i++) {
        struct raft_message message;

        if (!raft->peers[i].voter)
            continue;
        message = raft_message_to(raft, raft->peers[i].id, kind);
        message.asked_term = asked_term;
        message.index = raft_log_last_index(&raft->log);
        message.index_term = raft_log_last_term(&raft->log);
        message.transfer = kind == RAFT_VOTE && raft->by_transfer;
        if (kind == RAFT_VOTE)
            raft_send_after_vote(raft, &message);
        else
            raft_send(raft, &message);
    }
}

void
raft_campaign(struct raft *raft, bool by_transfer)
{
    CHECK(raft->role != RAFT_LEADER);
    if (raft_log_reserve(raft, 1)) {
        raft_election_rearm(raft); /* No place for the no-op: not now. */
        return;
    }
    set_role(raft, RAFT_CANDIDATE);
    raft->leader = 0;
    raft->by_transfer = by_transfer;
    set_term(raft, raft->term + 1, raft->config.self);
    raft_election_rearm(raft);
    ask_all(raft, RAFT_VOTE, raft->term);
    raft_election_count(raft);
}

void
raft_election_timeout(struct raft *raft)
{
    CHECK(raft->role != RAFT_LEADER);
    if (!can_stand(raft)) {
        raft_election_rearm(raft);
        return;
    }
    if (raft->role == RAFT_CANDIDATE &&
        raft->persisted < raft->vote_write_id) {
        raft_election_rearm(raft); /* A slow disk; nobody was asked yet. */
        return;
    }
    if (is_sole_voter(raft)) {
        raft_campaign(raft, false);
        return;
    }
    set_role(raft, RAFT_PRECANDIDATE);
    raft->leader = 0;
    raft_election_rearm(raft);
    ask_all(raft, RAFT_PREVOTE, raft->term + 1);
    raft_election_count(raft);
}

void
raft_election_count(struct raft *raft)
{
    bool self_ready = raft->role == RAFT_PRECANDIDATE ||
                      raft->persisted >= raft->vote_write_id;
    unsigned count = raft->self_voter && self_ready;

    if (raft->role != RAFT_CANDIDATE && raft->role != RAFT_PRECANDIDATE)
        return;
    for (size_t i = 0; i < raft->peer_count; i++)
        count += raft->peers[i].voter && raft->peers[i].granted;
    /* A leader's messages go out unheld: its term must be durable even if
     * it has no vote itself. */
    if (!raft_is_quorum(raft, count) || !self_ready)
        return;
    if (raft->role == RAFT_PRECANDIDATE) {
        raft_campaign(raft, false);
        return;
    }
    set_role(raft, RAFT_LEADER);
    raft_become_leader(raft);
}

/* --- Answers ------------------------------------------------------------ */

void
raft_on_prevote(struct raft *raft, const struct raft_message *message)
{
    struct raft_message reply =
        raft_message_to(raft, message->from, RAFT_PREVOTE_REPLY);

    reply.asked_term = message->asked_term;
    reply.granted = message->asked_term > raft->term && !hears_leader(raft) &&
                    is_up_to_date(raft, message);
    if (raft_mutated(&raft->config, RAFT_MUTATION_PREVOTE_NO_TERM))
        reply.term = message->term;
    raft_send_after_vote(raft, &reply);
}

void
raft_on_prevote_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft_peer_find(raft, message->from);

    if (raft->role != RAFT_PRECANDIDATE || !peer)
        return;
    if (message->term > raft->term) {
        raft_become_follower(raft, message->term, 0);
        return;
    }
    if (message->asked_term != raft->term + 1 || !message->granted)
        return;
    peer->granted = true;
    raft_election_count(raft);
}

void
raft_on_vote(struct raft *raft, const struct raft_message *message)
{
    struct raft_message reply;

    if (message->term > raft->term) {
        if (!message->transfer && hears_leader(raft))
            return;
        raft_become_follower(raft, message->term, 0);
    }
    reply = raft_message_to(raft, message->from, RAFT_VOTE_REPLY);
    reply.asked_term = message->asked_term;
    if (message->term == raft->term && is_up_to_date(raft, message)) {
        if (raft->voted_for == 0) {
            raft_become_follower(raft, raft->term, raft->leader);
            set_term(raft, raft->term, message->from);
            raft_election_rearm(raft);
        }
        reply.granted = raft->voted_for == message->from;
    }
    raft_send_after_vote(raft, &reply);
}

void
raft_on_vote_reply(struct raft *raft, const struct raft_message *message)
{
    struct raft_peer *peer = raft_peer_find(raft, message->from);

    if (!peer)
        return;
    if (message->term > raft->term) {
        if (raft->role != RAFT_LEADER)
            raft_become_follower(raft, message->term, 0);
        return;
    }
    if (raft->role != RAFT_CANDIDATE || message->asked_term != raft->term ||
        !message->granted)
        return;
    peer->granted = true;
    raft_election_count(raft);
}

void
raft_on_timeout_now(struct raft *raft, const struct raft_message *message)
{
    if (message->term != raft->term || raft->role != RAFT_FOLLOWER ||
        raft->leader != message->from || !raft->self_voter)
        return;
    raft_campaign(raft, true);
}
