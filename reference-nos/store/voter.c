/* SPDX-License-Identifier: Apache-2.0
 *
 * Replacing a voter: add the new one as a learner, promote it when it has
 * caught up, remove the old one.  Each step is one change of members, and is
 * asked for until the core takes it.  The order of a replacement repeated
 * after a change of leader finds the steps already done.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

#define VOTER_STEP_NS (50 * NS_PER_MS)
/* A learner that has not caught up by then never will. */
#define VOTER_PATIENCE_NS (60 * NS_PER_S)

static void
finish(struct store *store, int status)
{
    struct voter_change *change = &store->consensus->voter;
    struct store_voter_done done = {status};
    uint8_t bytes[8];
    struct wire_writer writer;

    change->active = false;
    actor_timer_cancel(store->self, TIMER_VOTER);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_voter_done_write(&writer, &done);
    (void)store_tell(store, change->service, MSG_STORE_VOTER_DONE, 0, &writer);
}

void
voter_fail(struct store *store)
{
    if (store->consensus->voter.active)
        finish(store, ERR_TIMEOUT);
}

/* 0: not a member. */
static enum raft_member_role
role_of(const struct raft_members *members, uint64_t box)
{
    for (unsigned i = 0; i < members->count; i++)
        if (members->member[i].id == box)
            return members->member[i].role;
    return 0;
}

/* The next change to make; false when all are made. */
static bool
next_change(const struct store *store, struct raft_event *event)
{
    const struct consensus *c = store->consensus;
    const struct raft_members *members = raft_members(c->raft);
    const struct store_voter *voter = &c->voter.voter;

    if (voter->add != 0 && role_of(members, voter->add) != RAFT_VOTER) {
        event->peer = voter->add;
        event->op = role_of(members, voter->add) == 0 ? RAFT_ADD_LEARNER
                                                      : RAFT_PROMOTE;
        return true;
    }
    if (voter->remove != 0 && role_of(members, voter->remove) != 0) {
        event->peer = voter->remove;
        event->op = RAFT_REMOVE;
        return true;
    }
    return false;
}

int
voter_step(struct store *store)
{
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE_MEMBERS};
    struct consensus *c = store->consensus;
    struct consensus_answer answer;
    uint64_t now_ns = actor_now_ns(store->self);
    int error;

    if (!c->voter.active)
        return 0;
    if (now_ns >= c->voter.deadline_ns) {
        finish(store, ERR_TIMEOUT);
        return 0;
    }
    actor_timer_set(store->self, TIMER_VOTER, now_ns + VOTER_STEP_NS);
    if (raft_commit_index(c->raft) < c->voter.wait_index)
        return 0;
    if (!next_change(store, &event)) {
        finish(store, 0);
        return 0;
    }
    event.context = ++c->read_context;
    error = consensus_step(store, &event, &answer);
    if (error != 0 || !c->voter.active)
        return error;
    if (answer.refused == 0)
        c->voter.wait_index = answer.index;
    else if (answer.refused != ERR_BUSY)
        finish(store, answer.refused);
    return 0;
}

int
voter_change(struct store *store, const struct actor_message *message)
{
    struct consensus *c = store->consensus;
    struct wire_reader reader;
    struct store_voter voter;
    uint8_t bytes[8];
    struct wire_writer writer;
    struct store_voter_done done = {0};

    wire_reader_init(&reader, message->body, message->size);
    if (message->from.box != 0 || store_voter_read(&reader, &voter) != 0)
        return 0;
    if (!store->voter || raft_role(c->raft) != RAFT_LEADER)
        done.status = ERR_NOT_LEADER;
    else if (c->voter.active)
        done.status = ERR_BUSY;
    if (done.status != 0) {
        wire_writer_init(&writer, bytes, sizeof(bytes));
        store_voter_done_write(&writer, &done);
        (void)store_tell(store, message->from.service, MSG_STORE_VOTER_DONE, 0,
                         &writer);
        return 0;
    }
    c->voter = (struct voter_change){
        .active = true,
        .service = message->from.service,
        .voter = voter,
        .deadline_ns = actor_now_ns(store->self) + VOTER_PATIENCE_NS,
    };
    return voter_step(store);
}
