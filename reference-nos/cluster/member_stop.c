/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests from outside on a box that is no controller: it can be asked to
 * leave service before it stops; the rest is for the controller.
 *
 * A box that stops takes itself out of the fabric as a drained one does, with
 * no word of the cluster (it works headless) and for this boot alone.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/member_priv.h"
#include "reference-nos/schema/operator_msg.h"

#define STOP_PATIENCE_NS (5 * NS_PER_S)
#define STOP_LOOK_NS (20 * NS_PER_MS)
/* The neighbours hear of it between the first look and the last. */
#define STOP_LOOKS 3u

/* Whom to ask instead, as operator_rep.value says it. */
static uint64_t
leader_hint(const struct member *member, int status)
{
    for (uint16_t number = 0;
         status == ERR_NOT_LEADER && number < MODULE_POOL_NCC; number++)
        if (member->active.key != 0 &&
            member->controllers[number] == member->active.key)
            return module_id(ROLE_NCC, number) + 1u;
    return 0;
}

static void
answer(struct member *member, uint64_t token, enum operator_verb verb,
       int status)
{
    struct operator_rep rep = {
        .status = status,
        .verb = verb,
        .leader = member->active.key,
        .value = leader_hint(member, status),
        .term = member->card.term,
    };
    uint8_t bytes[64];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_rep_write(&writer, &rep);
    CHECK(wire_writer_finish(&writer) == 0);
    actor_operator_reply(member->self, token, bytes,
                         wire_writer_size(&writer));
}

static void
stop_end(struct member *member, int status)
{
    actor_timer_cancel(member->self, MEMBER_TIMER_STOP);
    if (!member->stop_waits)
        return;
    member->stop_waits = false;
    answer(member, member->stop_token, OPERATOR_STOP, status);
}

void
member_stop_timer(struct member *member)
{
    uint64_t now_ns = actor_now_ns(member->self);

    member->stop_quiet = member_forwards(member) ? 0 : member->stop_quiet + 1;
    if (member->stop_quiet == 1 && member->phase == MEMBER_INSIDE)
        member_hello(member); /* The controller counts at once. */
    if (member->stop_quiet >= STOP_LOOKS)
        stop_end(member, 0);
    else if (now_ns >= member->stop_ns)
        stop_end(member, ERR_TIMEOUT);
    else
        actor_timer_set(member->self, MEMBER_TIMER_STOP,
                        now_ns + STOP_LOOK_NS);
}

static void
stop(struct member *member, uint64_t token)
{
    if (member->stop_waits) {
        answer(member, token, OPERATOR_STOP, ERR_BUSY);
        return;
    }
    member->stopping = true;
    if (member->phase != MEMBER_UNREAD)
        member_publish(member);
    if (!member_forwards(member)) {
        answer(member, token, OPERATOR_STOP, 0);
        return;
    }
    member->stop_waits = true;
    member->stop_quiet = 0;
    member->stop_token = token;
    member->stop_ns = actor_now_ns(member->self) + STOP_PATIENCE_NS;
    actor_timer_set(member->self, MEMBER_TIMER_STOP,
                    actor_now_ns(member->self) + STOP_LOOK_NS);
}

void
member_operator(struct member *member, uint64_t token, const uint8_t *bytes,
                size_t size)
{
    struct wire_reader reader;
    struct operator_req req;
    int error;

    wire_reader_init(&reader, bytes, size);
    error = operator_req_read(&reader, &req);
    if (error != 0)
        answer(member, token, 0, error);
    else if (req.verb == OPERATOR_STOP)
        stop(member, token);
    else
        answer(member, token, req.verb, ERR_NOT_LEADER);
}
