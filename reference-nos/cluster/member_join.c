/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking for a number, and taking it.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/member_priv.h"
#include "reference-nos/platform/mutation.h"

#include <string.h>

/* A controller not heard for this long is not asked. */
#define BEACON_FRESH_NS (1 * NS_PER_S)
#define ANSWER_NS (500 * NS_PER_MS)
#define ANSWER_DOUBLINGS 3u
#define RETRY_JITTER_NS (200 * NS_PER_MS)
#define RETRY_MIN_MS 100u
#define RETRY_MAX_MS 30000u
/* Cables tell the place of a box: they are waited for, but not for long. */
#define CABLES_QUIET_NS (500 * NS_PER_MS)
#define CABLES_PATIENCE_NS (3 * NS_PER_S)

void
member_join_at(struct member *member, uint64_t at_ns)
{
    if (member->join_armed)
        return;
    member->join_armed = true;
    actor_timer_set(member->self, MEMBER_TIMER_JOIN, at_ns);
}

/* When the cables seen are worth telling. */
static uint64_t
cables_ready_ns(const struct member *member)
{
    uint64_t latest_ns = member->start_ns + CABLES_PATIENCE_NS;
    uint64_t quiet_ns = member->cable_ns + CABLES_QUIET_NS;

    if (member->facts->fabric_ports == 0 ||
        member->cable_count >= member->facts->fabric_ports)
        return 0;
    if (member->cable_count == 0 || quiet_ns > latest_ns)
        return latest_ns;
    return quiet_ns;
}

static void
request_fill(const struct member *member, struct join_req *req)
{
    const struct box_facts *facts = member->facts;

    memset(req, 0, sizeof(*req));
    req->cluster_id = facts->cluster_id;
    req->key = facts->key;
    req->incarnation = facts->incarnation;
    req->role = facts->role;
    memcpy(req->serial, facts->serial, sizeof(req->serial));
    req->serial[sizeof(req->serial) - 1] = '\0';
    req->front_ports = facts->front_ports;
    req->fabric_ports = facts->fabric_ports;
    req->number = member->card.number;
    for (unsigned port = 0; port < FWD_FABRIC_PORTS_MAX; port++)
        if (member->cables[port].peer_key != 0)
            req->cables[req->cable_count++] = member->cables[port];
}

static void
ask(struct member *member, uint64_t now_ns)
{
    uint8_t bytes[ACTOR_BODY_LIVENESS_MAX];
    struct join_req req;
    struct wire_writer writer;

    request_fill(member, &req);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    join_req_write(&writer, &req);
    member_send(member, member->heard.key, LANE_CONTROL, MSG_JOIN_REQ,
                &writer);
    member_phase_set(member, MEMBER_JOINING);
    member_join_at(member,
                   now_ns + (ANSWER_NS << member->join_tries) +
                       member_jitter_ns(member, now_ns, RETRY_JITTER_NS));
    if (member->join_tries < ANSWER_DOUBLINGS)
        member->join_tries++;
}

void
member_join_timer(struct member *member)
{
    uint64_t now_ns = actor_now_ns(member->self);
    uint64_t ready_ns = cables_ready_ns(member);

    member->join_armed = false;
    if (member->phase != MEMBER_OUTSIDE && member->phase != MEMBER_JOINING)
        return;
    if (member->heard.key == 0 ||
        now_ns - member->beacon_ns > BEACON_FRESH_NS) {
        member_phase_set(member, MEMBER_OUTSIDE);
        return; /* The next beacon brings us back. */
    }
    if (now_ns < ready_ns)
        member_join_at(member, ready_ns);
    else
        ask(member, now_ns);
}

void
member_challenge(struct member *member, const struct actor_message *message)
{
    uint64_t from = member_sender(member, message);
    struct join_challenge challenge;
    struct join_proof proof;
    struct wire_reader reader;
    struct wire_writer writer;
    uint8_t bytes[16];

    wire_reader_init(&reader, message->body, message->size);
    if (member->phase != MEMBER_JOINING || from != member->heard.key ||
        join_challenge_read(&reader, &challenge) != 0)
        return;
    actor_charge(member->self, COST_IDENTITY, 1);
    proof.nonce = challenge.nonce;
    proof.proof = card_proof(member->facts->key, challenge.nonce);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    join_proof_write(&writer, &proof);
    member_send(member, from, LANE_CONTROL, MSG_JOIN_PROOF, &writer);
}

static void
acknowledge(struct member *member, uint64_t to, uint64_t term)
{
    struct join_ack ack = {term, member->card.number};
    struct wire_writer writer;
    uint8_t bytes[16];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    join_ack_write(&writer, &ack);
    member_send(member, to, LANE_CONTROL, MSG_JOIN_ACK, &writer);
}

static bool
may_obey_offer(struct member *member, uint64_t from,
               const struct join_offer *offer)
{
    if (mutation_awake(actor_plat(member->self), MUTATION_NO_FENCING))
        return true;
    return member_obey(member, from, offer->term, MSG_JOIN_OFFER);
}

void
member_offer(struct member *member, const struct actor_message *message)
{
    uint64_t from = member_sender(member, message);
    struct join_offer offer;
    struct wire_reader reader;

    wire_reader_init(&reader, message->body, message->size);
    if (join_offer_read(&reader, &offer) != 0 ||
        module_id(member->facts->role, offer.number) == MODULE_NONE ||
        !may_obey_offer(member, from, &offer))
        return;
    if (member->phase == MEMBER_INSIDE &&
        offer.number == member->card.number) {
        acknowledge(member, from, offer.term);
        return;
    }
    if (member->phase != MEMBER_JOINING && member->phase != MEMBER_OUTSIDE)
        return;
    actor_trace(member->self, TRACE_WRITE_ACCEPTED, offer.term, from, 0,
                MSG_JOIN_OFFER);
    member->card.number = offer.number;
    member->card.index = offer.index;
    member->card.confirmed_boot = member->facts->incarnation;
    member->offer_from = from;
    member->offer_term = offer.term;
    member_phase_set(member, MEMBER_SAVING);
    member_card_save(member);
}

void
member_offer_saved(struct member *member)
{
    member->join_tries = 0;
    acknowledge(member, member->offer_from, member->offer_term);
    member_enter(member, member->offer_from, member->offer_term);
    member_hello(member);
}

void
member_reject(struct member *member, const struct actor_message *message)
{
    uint64_t from = member_sender(member, message);
    uint64_t now_ns = actor_now_ns(member->self);
    struct join_reject reject;
    struct wire_reader reader;
    uint64_t retry_ms;

    wire_reader_init(&reader, message->body, message->size);
    if (join_reject_read(&reader, &reject) != 0 || from != member->heard.key ||
        member->heard.term < member->card.term)
        return;
    if (reject.reason == ERR_PERMISSION && member->phase != MEMBER_LEFT &&
        member->phase != MEMBER_SAVING) {
        member_forget(member, true);
        return;
    }
    if (member->phase != MEMBER_JOINING)
        return;
    retry_ms = reject.retry_ms;
    if (retry_ms < RETRY_MIN_MS)
        retry_ms = RETRY_MIN_MS;
    if (retry_ms > RETRY_MAX_MS)
        retry_ms = RETRY_MAX_MS;
    member_phase_set(member, MEMBER_OUTSIDE);
    member->join_tries = 0;
    member->join_armed = false;
    member_join_at(member,
                   now_ns + retry_ms * NS_PER_MS +
                       member_jitter_ns(member, now_ns, RETRY_JITTER_NS));
}
