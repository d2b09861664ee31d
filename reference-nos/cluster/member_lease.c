/* SPDX-License-Identifier: Apache-2.0
 *
 * Beacons, hellos and the lease.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/cluster/member_priv.h"

/* Hellos of a box that nobody answers: at most one in this time. */
#define QUIET_NS (2 * NS_PER_S)
#define QUIET_JITTER_NS (500 * NS_PER_MS)
#define HELLO_JITTER_NS (50 * NS_PER_MS)
/* Boxes that hear the first beacon do not all ask at once. */
#define JOIN_SPREAD_NS (20 * NS_PER_MS)
#define LEASE_MAX_MS 60000u

bool
member_forwards(const struct member *member)
{
    struct plat *plat = actor_plat(member->self);
    struct fwd_entry entry;
    size_t count = 0;

    if (!facts_forwards(member->facts) || plat->fwd == NULL ||
        plat->fwd->dump(plat, &entry, 1, &count) != 0)
        return false;
    return count == 1 && entry.object == FWD_BOX && entry.value == 1;
}

static void
hello_next(struct member *member, uint64_t now_ns)
{
    uint64_t wait_ns = QUIET_NS + member_jitter_ns(member, 0, QUIET_JITTER_NS);

    if (member->phase == MEMBER_INSIDE)
        wait_ns =
            CLUSTER_HELLO_NS -
            member_jitter_ns(member, member->hello_count, HELLO_JITTER_NS);
    actor_timer_set(member->self, MEMBER_TIMER_HELLO, now_ns + wait_ns);
}

void
member_hello(struct member *member)
{
    uint64_t now_ns = actor_now_ns(member->self);
    struct hello hello = {
        .incarnation = member->facts->incarnation,
        .module = module_id(member->facts->role, member->card.number),
        .forwarding = member_forwards(member),
        .conf_index = member->conf_index,
    };
    uint8_t bytes[32];
    struct wire_writer writer;

    member->hello_count++;
    hello_next(member, now_ns);
    if (member->heard.key == 0)
        return;
    member->hello_ns = now_ns;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    hello_write(&writer, &hello);
    member_send(member, member->heard.key, LANE_LIVENESS, MSG_HELLO, &writer);
}

void
member_hello_timer(struct member *member)
{
    if (member->phase == MEMBER_INSIDE || member->phase == MEMBER_HEADLESS ||
        member->phase == MEMBER_RETURNING)
        member_hello(member);
}

void
member_lease_timer(struct member *member)
{
    if (member->phase != MEMBER_INSIDE)
        return;
    if (actor_now_ns(member->self) < member->lease_ns) {
        actor_timer_set(member->self, MEMBER_TIMER_LEASE, member->lease_ns);
        return;
    }
    member->active = (struct controller){0};
    member_phase_set(member, MEMBER_HEADLESS);
    hello_next(member, actor_now_ns(member->self));
    member_publish(member);
}

/* What a beacon means to each phase; 'news': another controller or term. */
static void
beacon_act(struct member *member, bool news)
{
    uint64_t now_ns = actor_now_ns(member->self);

    switch (member->phase) {
    case MEMBER_OUTSIDE:
        member_join_at(member,
                       now_ns + member_jitter_ns(member, 0, JOIN_SPREAD_NS));
        break;
    case MEMBER_JOINING:
        if (news) {
            member->join_armed = false;
            member_join_at(member, now_ns);
        }
        break;
    case MEMBER_RETURNING:
    case MEMBER_HEADLESS:
        if (news || now_ns - member->hello_ns >= CLUSTER_HELLO_NS)
            member_hello(member);
        break;
    case MEMBER_INSIDE:
        if (news || member->active.key != member->heard.key) {
            if (news || now_ns - member->hello_ns >= CLUSTER_HELLO_NS)
                member_hello(member);
        } else if (member->active.standby != member->heard.standby) {
            member->active.standby = member->heard.standby;
            member_publish(member);
        }
        break;
    case MEMBER_SAVING:
    case MEMBER_UNREAD:
    case MEMBER_LEFT: break;
    }
}

void
member_beacon(struct member *member, const struct actor_message *message)
{
    uint64_t from = member_sender(member, message);
    struct wire_reader reader;
    struct beacon beacon;
    bool news;

    wire_reader_init(&reader, message->body, message->size);
    if (beacon_read(&reader, &beacon) != 0 ||
        beacon.cluster_id != member->facts->cluster_id ||
        !member_obey(member, from, beacon.term, MSG_BEACON))
        return;
    news = member->heard.key != from || member->heard.term != beacon.term;
    member->heard = (struct controller){from, beacon.term, beacon.standby};
    member->beacon_ns = actor_now_ns(member->self);
    beacon_act(member, news);
}

void
member_enter(struct member *member, uint64_t from, uint64_t term)
{
    uint64_t now_ns = actor_now_ns(member->self);
    uint64_t standby = member->heard.key == from ? member->heard.standby : 0;

    member->active = (struct controller){from, term, standby};
    member->lease_ns = now_ns + CLUSTER_LEASE_NS;
    member_phase_set(member, MEMBER_INSIDE);
    if (member->card.confirmed_boot != member->facts->incarnation) {
        member->card.confirmed_boot = member->facts->incarnation;
        member_card_save(member);
    }
    actor_trace(member->self, TRACE_JOINED,
                module_id(member->facts->role, member->card.number),
                member->facts->key, term, 0);
    actor_timer_set(member->self, MEMBER_TIMER_LEASE, member->lease_ns);
    hello_next(member, now_ns);
    member_publish(member);
}

static void
renew(struct member *member, uint64_t from, const struct hello_ack *ack)
{
    uint64_t now_ns = actor_now_ns(member->self);
    uint64_t lease_ms =
        ack->lease_ms < LEASE_MAX_MS ? ack->lease_ms : LEASE_MAX_MS;

    if (member->phase == MEMBER_RETURNING) {
        member_enter(member, from, ack->term);
        return;
    }
    member->lease_ns = now_ns + lease_ms * NS_PER_MS;
    if (member->phase == MEMBER_HEADLESS) {
        member_phase_set(member, MEMBER_INSIDE);
        actor_timer_set(member->self, MEMBER_TIMER_LEASE, member->lease_ns);
        hello_next(member, now_ns);
    }
    if (member->active.key == from && member->active.term == ack->term)
        return;
    member->active = (struct controller){from, ack->term, 0};
    if (member->heard.key == from)
        member->active.standby = member->heard.standby;
    member_publish(member);
}

void
member_hello_ack(struct member *member, const struct actor_message *message)
{
    uint64_t from = member_sender(member, message);
    struct wire_reader reader;
    struct hello_ack ack;

    wire_reader_init(&reader, message->body, message->size);
    if (hello_ack_read(&reader, &ack) != 0 ||
        (member->phase != MEMBER_INSIDE && member->phase != MEMBER_HEADLESS &&
         member->phase != MEMBER_RETURNING))
        return;
    if (!member_obey(member, from, ack.term, MSG_HELLO_ACK))
        return;
    if (ack.known)
        renew(member, from, &ack);
    else
        member_forget(member, false);
    member_publish(member);
}
